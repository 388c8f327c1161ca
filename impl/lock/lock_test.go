package lock

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

func acquire(t *testing.T, m *Manager, txn node.Txn, s Span, mode Mode, want Result) {
	t.Helper()
	got, _ := m.Acquire(txn, s, mode)
	require.Equal(t, want, got)
}

func TestRows(t *testing.T) {
	m := New(node.NoHook{})
	acquire(t, m, 1, Row("a"), Shared, Granted)
	acquire(t, m, 2, Row("a"), Shared, Granted)
	acquire(t, m, 1, Row("a"), Shared, Had)
	acquire(t, m, 3, Row("a"), Exclusive, Waiting)
	acquire(t, m, 4, Row("a"), Shared, Waiting) // behind 3: else writers would starve
	acquire(t, m, 4+1, Row("b"), Exclusive, Granted)
	require.Empty(t, m.Release(1))
	require.Equal(t, []node.Txn{3}, m.Release(2))
	require.Equal(t, Exclusive, m.Holds(3, "a"))
	require.Equal(t, []node.Txn{4}, m.Release(3))
	require.Equal(t, Shared, m.Holds(4, "a"))
	require.Zero(t, m.Holds(3, "a"))
}

// A reader who decides to write goes before who queues for the row: they wait for it.
func TestAnUpgradeGoesFirst(t *testing.T) {
	m := New(node.NoHook{})
	acquire(t, m, 1, Row("a"), Shared, Granted)
	acquire(t, m, 2, Row("a"), Shared, Granted)
	acquire(t, m, 3, Row("a"), Exclusive, Waiting)
	acquire(t, m, 4, Row("a"), Shared, Waiting)
	acquire(t, m, 1, Row("a"), Exclusive, Waiting)
	r, cycle := m.Acquire(2, Row("a"), Exclusive)
	require.Equal(t, Deadlock, r)
	require.Equal(t, []node.Txn{1}, cycle, "both read, both want to write")
	require.Equal(t, []node.Txn{1}, m.Release(2))
	require.Equal(t, 1, m.Locks(1), "an upgrade is no second lock")
	require.Equal(t, []node.Txn{3}, m.Release(1))
	require.Equal(t, []node.Txn{4}, m.Release(3))
}

// Rows that do not exist are in a range too: until a scan ends, no transaction may insert what it did not find.
func TestRangesKeepPhantomsOut(t *testing.T) {
	m := New(node.NoHook{})
	acquire(t, m, 1, Range("b", "d"), Shared, Granted)
	acquire(t, m, 2, Row("a"), Exclusive, Granted)
	acquire(t, m, 2, Row("d"), Exclusive, Granted) // To does not count
	acquire(t, m, 3, Row("c"), Shared, Granted)
	acquire(t, m, 1, Row("c"), Shared, Had)
	acquire(t, m, 1, Range("b", "c"), Shared, Had)
	acquire(t, m, 2, Row("b"), Exclusive, Waiting)
	acquire(t, m, 4, Range("", ""), Shared, Waiting)     // 2 has changed rows in it
	acquire(t, m, 5, Range("x", ""), Exclusive, Waiting) // behind 4
	require.Equal(t, []node.Txn{2}, m.Release(1))
	require.Equal(t, []node.Txn{4}, m.Release(2))
	require.Equal(t, []node.Txn{5}, m.Release(4))
	acquire(t, m, 6, Row("z"), Shared, Waiting)
	acquire(t, m, 7, Range("d", "d"), Exclusive, Granted) // holds no key at all
	acquire(t, m, 8, Range("a", ""), Shared, Waiting)
}

func TestNarrow(t *testing.T) {
	m := New(node.NoHook{})
	acquire(t, m, 1, Range("a", ""), Shared, Granted)
	acquire(t, m, 2, Row("x"), Exclusive, Waiting)
	acquire(t, m, 3, Row("b"), Exclusive, Waiting)
	require.Empty(t, m.Narrow(1, Range("a", "z"), "c"), "it holds no such range")
	require.Empty(t, m.Narrow(1, Range("a", ""), ""), "nothing is less than that")
	require.Empty(t, m.Narrow(9, Range("a", ""), "c"))
	require.Equal(t, []node.Txn{2}, m.Narrow(1, Range("a", ""), "c"))
	require.Equal(t, []node.Txn{3}, m.Release(1))
}

func TestWithdraw(t *testing.T) {
	m := New(node.NoHook{})
	acquire(t, m, 1, Row("a"), Shared, Granted)
	acquire(t, m, 2, Row("a"), Exclusive, Waiting)
	acquire(t, m, 3, Row("a"), Shared, Waiting)
	require.Empty(t, m.Withdraw(1))
	require.Equal(t, []node.Txn{3}, m.Withdraw(2))
	require.Equal(t, Shared, m.Holds(1, "a"))
}

// Everybody in a cycle is named, in the order in which they wait for each other, and by the shortest way.
func TestCycles(t *testing.T) {
	row := func(i node.Txn) Span { return Row(string(rune('a' + i))) }
	for n := node.Txn(2); n <= 9; n++ {
		m := New(node.NoHook{})
		var want []node.Txn
		for i := range n {
			acquire(t, m, i, row(i), Exclusive, Granted)
		}
		for i := range n - 1 {
			acquire(t, m, i, row(i+1), Exclusive, Waiting)
			want = append(want, i)
		}
		r, cycle := m.Acquire(n-1, row(0), Exclusive)
		require.Equal(t, Deadlock, r)
		require.Equal(t, want, cycle)
		require.False(t, m.Waits(n-1))
		require.Equal(t, Exclusive, m.Holds(n-1, row(n-1).From), "it keeps what it has until it lets go")
	}
}

// An oracle is the same, said as simply as can be: locks are sets of keys, and who waits for whom is looked up pair by
// pair.
type oracle struct {
	universe []string
	held     []claim
	queue    []claim
}

type claim struct {
	txn  node.Txn
	keys map[string]bool
	mode Mode
}

func (o *oracle) claim(t node.Txn, s Span, mode Mode) claim {
	c := claim{txn: t, keys: map[string]bool{}, mode: mode}
	for _, k := range o.universe {
		if s.row && k == s.From || !s.row && s.From <= k && (s.To == "" || k < s.To) {
			c.keys[k] = true
		}
	}
	return c
}

func (c claim) conflicts(d claim) bool {
	if c.txn == d.txn || c.mode == Shared && d.mode == Shared {
		return false
	}
	for k := range c.keys {
		if d.keys[k] {
			return true
		}
	}
	return false
}

// blockers returns whom the claim at place i of the queue waits for.
func (o *oracle) blockers(c claim, i int) []node.Txn {
	var them []node.Txn
	for _, h := range slices.Concat(o.held, o.queue[:i]) {
		if c.conflicts(h) && !slices.Contains(them, h.txn) {
			them = append(them, h.txn)
		}
	}
	return them
}

// graph returns who waits for whom.
func (o *oracle) graph() map[node.Txn][]node.Txn {
	g := map[node.Txn][]node.Txn{}
	for i, c := range o.queue {
		g[c.txn] = o.blockers(c, i)
	}
	return g
}

// cyclic tells whether t waits, over others, for itself.
func cyclic(g map[node.Txn][]node.Txn, t node.Txn) bool {
	seen := map[node.Txn]bool{}
	next := slices.Clone(g[t])
	for len(next) > 0 {
		x := next[0]
		next = next[1:]
		if x == t {
			return true
		}
		if !seen[x] {
			seen[x] = true
			next = append(next, g[x]...)
		}
	}
	return false
}

// serve grants what nothing forbids, and returns whom.
func (o *oracle) serve() (granted []node.Txn) {
	for i := 0; i < len(o.queue); {
		if c := o.queue[i]; len(o.blockers(c, i)) == 0 {
			o.held = append(o.held, c)
			o.queue = slices.Delete(o.queue, i, i+1)
			granted = append(granted, c.txn)
			continue
		}
		i++
	}
	return granted
}

func (o *oracle) release(t node.Txn) []node.Txn {
	mine := func(c claim) bool { return c.txn == t }
	o.held = slices.DeleteFunc(o.held, mine)
	o.queue = slices.DeleteFunc(o.queue, mine)
	return o.serve()
}

// place is the rule: before the first who waits for a transaction that would have to wait for it.
func (o *oracle) place(c claim) int {
	for i, q := range o.queue {
		if q.conflicts(c) && slices.ContainsFunc(o.held, func(h claim) bool { return h.txn == c.txn && q.conflicts(h) }) {
			return i
		}
	}
	return len(o.queue)
}

// Random transactions against the oracle: what is granted, who waits, every cycle and no other, and in the end everybody
// is served.
func TestAgainstTheOracle(t *testing.T) {
	const txns = 7
	counts := map[Result]int{}
	longest := 0
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		o := &oracle{universe: []string{"a", "b", "c", "d", "e", "f"}[:2+random.IntN(5)]}
		m := New(node.NoHook{})
		key := func() string { return o.universe[random.IntN(len(o.universe))] }
		for range 40 {
			txn := node.Txn(1 + random.IntN(txns))
			at := fmt.Sprintf("seed %d", seed)
			if m.Waits(txn) || random.IntN(8) == 0 {
				switch random.IntN(4) {
				case 0:
					require.Equal(t, o.release(txn), m.Release(txn), at)
				case 1:
					o.queue = slices.DeleteFunc(o.queue, func(c claim) bool { return c.txn == txn })
					require.Equal(t, o.serve(), m.Withdraw(txn), at)
				}
				continue
			}
			span := Row(key())
			if random.IntN(3) == 0 {
				span = Range(key(), key())
				if random.IntN(4) == 0 {
					span.To = ""
				}
			}
			mode := Shared + Mode(random.IntN(2))
			c := o.claim(txn, span, mode)
			place := o.place(c)
			blocked := len(o.blockers(c, place)) > 0
			got, cycle := m.Acquire(txn, span, mode)
			counts[got]++
			switch got {
			case Had:
				for k := range c.keys {
					require.True(t, slices.ContainsFunc(o.held, func(h claim) bool { return h.txn == txn && h.mode >= mode && h.keys[k] }), at)
				}
			case Granted:
				require.False(t, blocked, at)
				o.held = append(o.held, c)
			case Waiting, Deadlock:
				require.True(t, blocked, at)
				o.queue = slices.Insert(o.queue, place, c)
				g := o.graph()
				require.Equal(t, cyclic(g, txn), got == Deadlock, at)
				if got == Waiting {
					break
				}
				longest = max(longest, len(cycle))
				from := txn
				for _, x := range append(cycle, txn) {
					require.Contains(t, g[from], x, "%s: cycle %d over %v", at, txn, cycle)
					from = x
				}
				o.queue = slices.Delete(o.queue, place, place+1)
			}
			for i, a := range o.held {
				for _, b := range o.held[i+1:] {
					require.False(t, a.conflicts(b), at)
				}
			}
			for i, q := range o.queue {
				require.NotEmpty(t, o.blockers(q, i), "%s: %d waits for nobody", at, q.txn)
				require.True(t, m.Waits(q.txn), at)
			}
		}
		// Transactions end that wait for no other: then none is left.
		for range txns {
			for txn := node.Txn(1); txn <= txns; txn++ {
				if !m.Waits(txn) {
					require.Equal(t, o.release(txn), m.Release(txn))
				}
			}
		}
		require.Empty(t, m.waiting, "seed %d", seed)
		require.Empty(t, m.owners)
		require.Empty(t, m.rows)
		require.Zero(t, m.ranges)
	}
	for _, r := range []Result{Granted, Had, Waiting, Deadlock} {
		require.Greater(t, counts[r], 1000, "result %d", r)
	}
	require.GreaterOrEqual(t, longest, 4)
}

// A cycle through a range lock, with the row's reader between.
func TestACycleThroughARange(t *testing.T) {
	m := New(node.NoHook{})
	acquire(t, m, 1, Range("a", "m"), Shared, Granted)
	acquire(t, m, 2, Row("x"), Exclusive, Granted)
	acquire(t, m, 2, Row("c"), Exclusive, Waiting)
	acquire(t, m, 3, Row("c"), Shared, Waiting)
	r, cycle := m.Acquire(1, Range("m", ""), Shared)
	require.Equal(t, Deadlock, r)
	require.Equal(t, []node.Txn{2}, cycle)
}

func BenchmarkFourRows(b *testing.B) {
	m := New(node.NoHook{})
	rows := []Span{Row("a"), Row("b"), Row("c"), Row("d")}
	for i := 0; b.Loop(); i++ {
		for _, r := range rows {
			m.Acquire(node.Txn(i), r, Exclusive)
		}
		m.Release(node.Txn(i))
	}
}
