// Package lock decides who may read and change which rows: the locks of strict two-phase locking, on rows and on
// ranges of keys, without any I/O. Who waits and why is all that it knows; what a transaction does with its locks is
// its caller's.
//
// A range lock conflicts with every row inside of it, whether the row exists or not. That is what keeps phantoms out
// of a scan; next-key locks approximate it with locks on the rows that happen to exist.
//
// Not for goroutines that want to wait: the Manager never blocks, and its caller carries on whom it grants a lock.
package lock

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// Mode is how a lock is held.
type Mode uint8

const (
	Shared    Mode = iota + 1 // to read: any number of transactions at a time
	Exclusive                 // to change: it excludes every other transaction
)

// A Span is the keys that a lock is on: From ≤ key < To. To = "" is behind all keys.
type Span struct {
	From, To string
	row      bool // From alone; To is empty then
}

// Row returns the span of one row.
func Row(key string) Span { return Span{From: key, row: true} }

// Range returns the span of all keys with from ≤ key < to; to = "" is behind all keys.
func Range(from, to string) Span { return Span{From: from, To: to} }

// overlaps tells whether some key is in both.
func (s Span) overlaps(o Span) bool {
	switch {
	case s.row && o.row:
		return s.From == o.From
	case s.row:
		return o.has(s.From)
	case o.row:
		return s.has(o.From)
	}
	return !s.empty() && !o.empty() && (o.To == "" || s.From < o.To) && (s.To == "" || o.From < s.To)
}

func (s Span) empty() bool { return s.To != "" && s.To <= s.From }

// has tells whether a key is in the range s.
func (s Span) has(key string) bool { return s.From <= key && (s.To == "" || key < s.To) }

// covers tells whether all keys of o are in s.
func (s Span) covers(o Span) bool {
	switch {
	case s.row:
		return o.row && s.From == o.From
	case o.row:
		return s.has(o.From)
	}
	return o.empty() || s.From <= o.From && (s.To == "" || o.To != "" && o.To <= s.To)
}

// Result is what became of a request for a lock.
type Result uint8

const (
	Granted  Result = iota + 1 // it is held from now on
	Had                        // a lock that the transaction held before covers it
	Waiting                    // it waits, and will be among those that a later call returns as granted
	Deadlock                   // it would wait for itself: nothing has changed, and the transaction has to let go of something
)

// A request is a lock that a transaction waits for.
type request struct {
	txn  node.Txn
	span Span
	mode Mode
}

// conflicts tells whether both cannot be held by two transactions at a time.
func (r *request) conflicts(s Span, m Mode) bool {
	return (r.mode == Exclusive || m == Exclusive) && r.span.overlaps(s)
}

// An owner is a transaction and what it holds, in the order in which it was granted.
type owner struct {
	txn  node.Txn
	held []request
}

// A holder is one of those who hold one row.
type holder struct {
	txn  node.Txn
	mode Mode
}

// A Manager knows who holds and awaits what. The zero Manager is not usable: see New.
//
// Requests are served in the order in which they came, with one exception: who is asked for something that another
// waits for, because the asker already holds part of it, goes before the other. Behind it, it would wait for somebody
// who waits for it: every reader who decides to write while somebody queues for the row would be a deadlock.
type Manager struct {
	owners  []owner               // who holds something, in the order of their first grant
	rows    map[string][]holder   // the row locks among all that is held
	ranges  int                   // how many range locks are held
	waiting []request             // at most one of each transaction
	reached map[node.Txn]node.Txn // of a search for a cycle: over whom each was reached

	hook node.Hook

	// Memory of what was released, for what is granted next.
	spareHeld    [][]request
	spareHolders [][]holder
}

// New returns a Manager without locks. The hook is that of the node whose locks they are.
func New(hook node.Hook) *Manager {
	return &Manager{hook: hook, rows: map[string][]holder{}, reached: map[node.Txn]node.Txn{}}
}

// Acquire asks for a lock on s for t, which must not be waiting. When it would close a cycle of waiting transactions,
// the result is Deadlock and cycle is who t would wait for, whom that one waits for, and so on; the last one waits for
// t. Everybody in it was there before t, so that it is t who has to give way.
func (m *Manager) Acquire(t node.Txn, s Span, mode Mode) (r Result, cycle []node.Txn) {
	if m.Waits(t) {
		panic("lock: a transaction that waits asks for another lock") // it has one call under way at a time
	}
	mine := m.owner(t)
	if mine != nil && mine.covers(s, mode) {
		return Had, nil
	}
	wanted := request{txn: t, span: s, mode: mode}
	at := m.place(mine, &wanted)
	if !m.blocked(&wanted, at) {
		m.grant(wanted)
		return Granted, nil
	}
	m.waiting = slices.Insert(m.waiting, at, wanted)
	// gofail: var bugDeadlockUnseen struct{}
	// if m.hook.Planted("bugDeadlockUnseen") {
	// 	return Waiting, nil
	// }

	if cycle = m.cycle(at); cycle != nil {
		m.waiting = slices.Delete(m.waiting, at, at+1)
		return Deadlock, cycle
	}
	return Waiting, nil
}

// Waits tells whether t waits for a lock.
func (m *Manager) Waits(t node.Txn) bool { return m.request(t) >= 0 }

// Holds tells how t holds the row: 0 when it does not.
func (m *Manager) Holds(t node.Txn, key string) Mode {
	best := Mode(0)
	if o := m.owner(t); o != nil {
		for i := range o.held {
			if o.held[i].span.covers(Row(key)) {
				best = max(best, o.held[i].mode)
			}
		}
	}
	return best
}

// Locks returns how many locks t holds.
func (m *Manager) Locks(t node.Txn) int {
	if o := m.owner(t); o != nil {
		return len(o.held)
	}
	return 0
}

// Release takes away all that t holds or waits for, and returns who was granted what it waited for, in order.
func (m *Manager) Release(t node.Txn) (granted []node.Txn) {
	if i := m.request(t); i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
	}
	if i := slices.IndexFunc(m.owners, func(o owner) bool { return o.txn == t }); i >= 0 {
		held := m.owners[i].held
		for j := range held {
			m.forget(&held[j])
		}
		give(&m.spareHeld, held)
		m.owners = slices.Delete(m.owners, i, i+1)
	}
	return m.serve()
}

// Withdraw gives up what t waits for, and returns who was granted something thereby, in order.
func (m *Manager) Withdraw(t node.Txn) (granted []node.Txn) {
	i := m.request(t)
	if i < 0 {
		return nil
	}
	m.waiting = slices.Delete(m.waiting, i, i+1)
	return m.serve()
}

// Narrow ends the range lock that t was granted last at to, when it is on s: nothing beyond was used. It returns who
// was granted something thereby, in order.
func (m *Manager) Narrow(t node.Txn, s Span, to string) (granted []node.Txn) {
	o := m.owner(t)
	if o == nil || len(o.held) == 0 {
		return nil
	}
	last := &o.held[len(o.held)-1]
	if last.span != s || s.row || to == "" || s.To != "" && s.To <= to {
		return nil
	}
	last.span.To = to
	return m.serve()
}

func (m *Manager) owner(t node.Txn) *owner {
	for i := range m.owners {
		if m.owners[i].txn == t {
			return &m.owners[i]
		}
	}
	return nil
}

func (m *Manager) request(t node.Txn) int {
	return slices.IndexFunc(m.waiting, func(r request) bool { return r.txn == t })
}

func (o *owner) covers(s Span, mode Mode) bool {
	for i := range o.held {
		if h := &o.held[i]; h.mode >= mode && h.span.covers(s) {
			return true
		}
	}
	return false
}

// place returns where in the queue a request stands: last, or before the first one that waits for its transaction
// and that it would have to wait for.
func (m *Manager) place(mine *owner, r *request) int {
	if mine != nil {
		for i := range m.waiting {
			q := &m.waiting[i]
			if q.conflicts(r.span, r.mode) && slices.ContainsFunc(mine.held, func(h request) bool { return q.conflicts(h.span, h.mode) }) {
				return i
			}
		}
	}
	return len(m.waiting)
}

// blocked tells whether a request that stands at place at has to wait.
func (m *Manager) blocked(r *request, at int) bool {
	blocked := false
	m.eachBlocker(r, at, func(node.Txn) bool {
		blocked = true
		return false
	})
	return blocked
}

// eachBlocker calls do with everybody whom r, at place at of the queue, waits for, until do returns false: who holds
// something that is in the way, then who stands before it and wants something that is in the way.
func (m *Manager) eachBlocker(r *request, at int, do func(node.Txn) bool) {
	if r.span.row {
		for _, h := range m.rows[r.span.From] {
			if h.txn != r.txn && (r.mode == Exclusive || h.mode == Exclusive) && !do(h.txn) {
				return
			}
		}
	}
	ranges := !r.span.row || m.ranges > 0
	// gofail: var bugRangesUnseen struct{}
	// ranges = ranges && !(r.span.row && m.hook.Planted("bugRangesUnseen"))

	if ranges {
		for i := range m.owners {
			o := &m.owners[i]
			if o.txn == r.txn {
				continue
			}
			for j := range o.held {
				h := &o.held[j]
				if (!r.span.row || !h.span.row) && h.conflicts(r.span, r.mode) {
					if !do(o.txn) {
						return
					}
					break
				}
			}
		}
	}
	for i := range at {
		if q := &m.waiting[i]; q.txn != r.txn && q.conflicts(r.span, r.mode) && !do(q.txn) {
			return
		}
	}
}

func (m *Manager) grant(r request) {
	o := m.owner(r.txn)
	if o == nil {
		m.owners = append(m.owners, owner{txn: r.txn, held: take(&m.spareHeld)})
		o = &m.owners[len(m.owners)-1]
	}
	if !r.span.row {
		m.ranges++
		o.held = append(o.held, r)
		return
	}
	holders := m.rows[r.span.From]
	for i := range holders {
		if holders[i].txn == r.txn { // an upgrade
			// gofail: var bugUpgradeForgotten struct{}
			// if m.hook.Planted("bugUpgradeForgotten") {
			// 	return
			// }

			holders[i].mode = r.mode
			for j := range o.held {
				if h := &o.held[j]; h.span == r.span {
					h.mode = r.mode
				}
			}
			return
		}
	}
	if holders == nil {
		holders = take(&m.spareHolders)
	}
	m.rows[r.span.From] = append(holders, holder{txn: r.txn, mode: r.mode})
	o.held = append(o.held, r)
}

// maxSpare bounds what is kept for later, and the size of each.
const maxSpare = 64

func give[T any](spare *[][]T, s []T) {
	if len(*spare) < maxSpare && cap(s) <= maxSpare {
		clear(s)
		*spare = append(*spare, s[:0])
	}
}

func take[T any](spare *[][]T) []T {
	n := len(*spare)
	if n == 0 {
		return nil
	}
	s := (*spare)[n-1]
	*spare = (*spare)[:n-1]
	return s
}

// forget takes one lock out of the index.
func (m *Manager) forget(h *request) {
	if !h.span.row {
		m.ranges--
		return
	}
	holders := slices.DeleteFunc(m.rows[h.span.From], func(x holder) bool { return x.txn == h.txn })
	if len(holders) == 0 {
		delete(m.rows, h.span.From)
		give(&m.spareHolders, holders)
		return
	}
	m.rows[h.span.From] = holders
}

// serve grants what can be granted, in the order of the queue.
func (m *Manager) serve() (granted []node.Txn) {
	for i := 0; i < len(m.waiting); {
		r := m.waiting[i]
		if m.blocked(&r, i) {
			i++
			continue
		}
		m.waiting = slices.Delete(m.waiting, i, i+1)
		m.grant(r)
		granted = append(granted, r.txn)
	}
	return granted
}

// cycle returns whom the request at place at waits for, over and over until it is itself, by the shortest way; nil when
// there is no such way.
func (m *Manager) cycle(at int) []node.Txn {
	t := m.waiting[at].txn
	clear(m.reached)
	frontier := []node.Txn{t}
	var found []node.Txn
	for len(frontier) > 0 && found == nil {
		from := frontier[0]
		frontier = frontier[1:]
		i := m.request(from)
		if i < 0 {
			continue
		}
		r := m.waiting[i]
		m.eachBlocker(&r, i, func(b node.Txn) bool {
			if b == t {
				for x := from; x != t; x = m.reached[x] {
					found = append(found, x)
				}
				slices.Reverse(found)
				return false
			}
			if _, seen := m.reached[b]; !seen {
				m.reached[b] = from
				frontier = append(frontier, b)
			}
			return true
		})
	}
	return found
}
