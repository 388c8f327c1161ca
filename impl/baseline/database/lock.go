package database

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// mode is how a transaction holds a lock. The table has one too: whoever writes a row intends to change the table, and
// whoever scans shares all of it, so that no row appears behind a scan. It is coarser than next-key locks, and enough.
type mode uint8

const (
	intends mode = 1 + iota
	shares
	excludes
)

// agrees tells whether two transactions may hold a lock in these ways at once.
func agrees(a, b mode) bool { return a == b && a != excludes }

const table = "" // the key of the table's lock: no row has it

type lock struct {
	key     string
	holders []holder
	queue   []*txn // first come, first served; who holds it already goes first
}

type holder struct {
	txn  *txn
	mode mode
}

// acquire locks key for t, or lets it wait. It tells whether t has it; when waiting would close a cycle, t is aborted.
func (d *Database) acquire(t *txn, key string, m mode, out *node.Effects) bool {
	l := d.locks[key]
	if l == nil {
		l = &lock{key: key}
		d.locks[key] = l
	}
	if l.grant(t, m) {
		return true
	}
	t.waits, t.wants = l, m
	if l.holds(t) != 0 {
		l.queue = slices.Insert(l.queue, 0, t)
	} else {
		l.queue = append(l.queue, t)
	}
	if cycle := d.cycle(t); cycle != nil {
		d.abort(t, node.Reply{Status: node.Aborted, Reason: node.ReasonDeadlock, Blockers: cycle}, out)
	}
	return false
}

func (l *lock) holds(t *txn) mode {
	for _, h := range l.holders {
		if h.txn == t {
			return h.mode
		}
	}
	return 0
}

// grant gives t the lock if nobody is in the way.
func (l *lock) grant(t *txn, m mode) bool {
	has := l.holds(t)
	if has == m || has == excludes {
		return true
	}
	if has != 0 {
		m = excludes // to share the table and to change it excludes everybody else from both
	}
	if has == 0 && len(l.queue) > 0 && l.queue[0] != t {
		return false
	}
	for _, h := range l.holders {
		if h.txn != t && !agrees(h.mode, m) {
			return false
		}
	}
	if has != 0 {
		for i := range l.holders {
			if l.holders[i].txn == t {
				l.holders[i].mode = m
			}
		}
		return true
	}
	l.holders = append(l.holders, holder{t, m})
	t.held = append(t.held, l)
	return true
}

// before returns whom t, in its queue, waits for.
func (l *lock) before(t *txn) []*txn {
	var them []*txn
	m := t.wants
	if l.holds(t) != 0 {
		m = excludes
	}
	for _, h := range l.holders {
		if h.txn != t && !agrees(h.mode, m) {
			them = append(them, h.txn)
		}
	}
	for _, q := range l.queue {
		if q == t {
			break
		}
		them = append(them, q)
	}
	return them
}

// cycle returns whom t would wait for, one for the other and the last for t, or nil.
func (d *Database) cycle(t *txn) []node.Txn {
	var seen []*txn
	var path []node.Txn
	var reaches func(from *txn) bool
	reaches = func(from *txn) bool {
		if from.waits == nil {
			return false
		}
		for _, b := range from.waits.before(from) {
			if b == t {
				return true
			}
			if slices.Contains(seen, b) {
				continue
			}
			seen = append(seen, b)
			path = append(path, b.id)
			if reaches(b) {
				return true
			}
			path = path[:len(path)-1]
		}
		return false
	}
	if reaches(t) {
		return path
	}
	return nil
}

// release gives up all of t's locks, and its place in a queue.
func (d *Database) release(t *txn) {
	if l := t.waits; l != nil {
		t.waits = nil
		l.queue = slices.DeleteFunc(l.queue, func(q *txn) bool { return q == t })
		d.promote(l)
	}
	for _, l := range t.held {
		l.holders = slices.DeleteFunc(l.holders, func(h holder) bool { return h.txn == t })
		d.promote(l)
		if len(l.holders) == 0 && len(l.queue) == 0 {
			delete(d.locks, l.key)
		}
	}
	t.held = nil
}

func (d *Database) promote(l *lock) {
	for len(l.queue) > 0 && l.grant(l.queue[0], l.queue[0].wants) {
		t := l.queue[0]
		l.queue = l.queue[1:]
		t.waits = nil
		d.ready = append(d.ready, t)
	}
}
