package linearizability

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// Sets from which elements are removed are decided as transactions: an element is a key, adding it writes that it is there,
// removing it writes that it is not, and a read reads every key. A set is linearizable exactly when these transactions are
// strictly serializable, so it is decided by the orders that must hold between them, and by choices only where it is open whether
// a read that lacks an element came before the adding or after a removal.
//
// Most of what is read is settled by time alone and is not looked at. In an order that keeps real time, the last change of an
// element before a read is one that began before the end of the read, and after which no other change began and ended before the
// read began. If all of these leave what the read saw, it sees that in every such order. A call of which nothing is left can
// be left out: in an interval order, a call can be put back into an order of all others, behind all that ended before it began.

// there is the number of the value of an element that is in the set; absent is that of one that is not.
const there int32 = 1

// A member is an element and what changes it, by position.
type member struct {
	adds, removes []int32
	known         replacing // the changes of known outcome
	opens, closes int64     // no read that ended before, or began after, can have seen it, by time alone
	key           int32     // its number among those of which some read is open, or none
}

// changesAtMost bounds how often an element is changed in a set that is decided so: each read looks at all of them. What is changed
// more often has few elements or few states, and is searched.
const changesAtMost = 64

// A membership is a set as transactions.
type membership struct {
	part
	members []member
	number  map[string]int32 // by element
	calls   []int32          // by step, its position
	keys    []int32          // by key, its member
	c       *compiled
}

// membership takes from a set what time alone does not settle. It is nil without an objection when an element was changed too often.
func (p part) membership() (*membership, *CallViolation) {
	m := &membership{part: p, number: make(map[string]int32)}
	var reads []int32
	for i := range p.at {
		c := p.call(int32(i))
		if c.Kind == Get {
			reads = append(reads, int32(i))
			continue
		}
		e, known := m.number[c.Value]
		if !known {
			e = int32(len(m.members))
			m.number[c.Value] = e
			m.members = append(m.members, member{key: none})
		}
		if k := &m.members[e]; c.Kind == Add {
			k.adds = append(k.adds, int32(i))
		} else {
			k.removes = append(k.removes, int32(i))
		}
		if k := &m.members[e]; len(k.adds)+len(k.removes) > changesAtMost {
			return nil, nil
		}
	}
	byOpening := make([]int32, 0, len(m.members))
	for e := range m.members {
		m.settle(&m.members[e])
		byOpening = append(byOpening, int32(e))
	}
	slices.SortStableFunc(byOpening, func(a, b int32) int { return cmp.Compare(m.members[a].opens, m.members[b].opens) })
	slices.SortStableFunc(reads, func(a, b int32) int { return cmp.Compare(p.call(a).Begin, p.call(b).Begin) })
	next, first := make([]int32, len(byOpening)), int32(0) // those that are not closed yet, as a list by opening
	for i := range next {
		next[i] = int32(i) + 1
	}
	open := make([][]access, len(p.at)) // by position, what it read that is not settled
	held := make([]int32, len(m.members))
	for at, i := range reads {
		c := p.call(i)
		look := func(e, value int32) *CallViolation {
			k := &m.members[e]
			may, must := m.sources(k, c, value)
			switch {
			case !may:
				return m.unserved(i, e, value)
			case !must:
				if k.key == none {
					k.key = int32(len(m.keys))
					m.keys = append(m.keys, e)
				}
				open[i] = append(open[i], access{k.key, value})
			}
			return nil
		}
		for _, text := range c.Elements {
			e, known := m.number[text]
			if !known || len(m.members[e].adds) == 0 {
				v := p.object(ThinAir, i, fmt.Sprintf("no call brought %q", text))
				v.Expected = "elements that were brought"
				return nil, v
			}
			if held[e] == int32(at)+1 {
				continue // named twice
			}
			held[e] = int32(at) + 1
			if v := look(e, there); v != nil {
				return nil, v
			}
		}
		before := none
		for k := first; k < int32(len(byOpening)) && m.members[byOpening[k]].opens <= c.End; k = next[k] {
			e := byOpening[k]
			if m.members[e].closes < c.Begin {
				if before == none {
					first = next[k]
				} else {
					next[before] = next[k]
				}
				continue
			}
			before = k
			if held[e] != int32(at)+1 {
				if v := look(e, absent); v != nil {
					return nil, v
				}
			}
		}
	}
	m.compile(open)
	return m, nil
}

// settle finds out when an element is there or not by time alone.
func (m *membership) settle(k *member) {
	k.opens, k.closes = math.MaxInt64, math.MinInt64
	for _, a := range k.adds {
		c := m.call(a)
		k.opens = min(k.opens, c.Begin)
		closed := int64(math.MaxInt64)
		for _, d := range k.removes {
			if r := m.call(d); r.Begin > c.end() {
				closed = min(closed, r.end())
			}
		}
		k.closes = max(k.closes, closed)
	}
	for _, list := range [2][]int32{k.adds, k.removes} {
		for _, i := range list {
			if c := m.call(i); !c.Unknown {
				k.known.add(c.Begin, c.End, i)
			}
		}
	}
	k.known.arrange()
}

// sources tells whether a change that leaves the value can be the last one before the read, and whether one must be.
func (m *membership) sources(k *member, read *Call, value int32) (may, must bool) {
	latest, _, replaced := k.known.before(read.Begin) // what ended before this is replaced by then
	must = true
	count := func(possible bool, leaves int32) {
		if possible {
			may, must = may || leaves == value, must && leaves == value
		}
	}
	count(!replaced, absent) // the beginning
	possible := func(i int32) bool { return m.call(i).Begin <= read.End && (!replaced || m.call(i).end() >= latest) }
	for _, a := range k.adds {
		count(possible(a), there)
	}
	for _, d := range k.removes {
		count(possible(d), absent)
	}
	return may, must
}

// unserved is the objection to a read of an element that no change can have left so.
func (m *membership) unserved(i, e, value int32) *CallViolation {
	k := &m.members[e]
	a, detail, expected := StaleRead, fmt.Sprintf("%q had been removed before it began", m.call(k.adds[0]).Value), "a set without it"
	switch {
	case value == absent:
		detail, expected = fmt.Sprintf("%q had been added before it began, and no removal of it had begun by its end", m.call(k.adds[0]).Value), "a set with it"
	case m.call(i).End < k.opens:
		a, detail, expected = FutureRead, fmt.Sprintf("%s began only after its end", m.name(k.adds[0])), "elements that were brought before its end"
	}
	v := m.object(a, i, detail, append(slices.Clone(k.adds), k.removes...)...)
	v.Expected = expected
	m.witness(v, i)
	return v
}

// witness adds to the core who brought what reads saw.
func (m *membership) witness(v *CallViolation, calls ...int32) {
	for _, i := range calls {
		for _, text := range m.call(i).Elements {
			v.core(m.part, m.members[m.number[text]].adds...)
		}
	}
}

// compile makes the transactions.
func (m *membership) compile(open [][]access) {
	m.c = &compiled{keys: make([]string, len(m.keys)), values: []string{absent: "", there: "there"}}
	writes := make([][]access, len(m.at))
	for key, e := range m.keys {
		k := &m.members[e]
		for _, a := range k.adds {
			m.c.keys[key] = m.call(a).Value
			writes[a] = append(writes[a], access{int32(key), there})
		}
		for _, d := range k.removes {
			writes[d] = append(writes[d], access{int32(key), absent})
		}
	}
	for i := range m.at {
		c := m.call(int32(i))
		if len(open[i])+len(writes[i]) == 0 {
			continue
		}
		m.c.steps = append(m.c.steps, step{txn: int32(len(m.calls)), must: !c.Unknown, begin: c.Begin, end: c.end(), reads: open[i], writes: writes[i]})
		m.c.history = append(m.c.history, Txn{ID: uint64(i) + 1, Client: c.Client})
		m.calls = append(m.calls, int32(i))
	}
}

// memberships decides a set, or cannot tell when choices are open.
func (p part) memberships() (Verdict, *CallViolation) {
	m, v := p.membership()
	switch {
	case v != nil:
		return Illegal, v
	case m == nil:
		return Unknown, nil
	}
	a, v := m.attempt(newBudget(context.Background(), Limits{}))
	switch {
	case v != nil:
		return Illegal, v
	case m.c.newLazy(false).legal(), m.c.newLazy(true).legal(), a.laid():
		return Legal, nil
	}
	return Unknown, nil
}

// attempt begins to decide the transactions.
func (m *membership) attempt(b *budget) (*attempt, *CallViolation) {
	g, violation := arrange(m.c, StrictSerializable, b)
	if violation != nil { // a read had no source, though time alone left it one
		v := m.object(Unlinearizable, m.calls[violation.Core[0]], violation.Detail, m.positions(violation.Core)...)
		return nil, v
	}
	if g.circular() {
		return nil, m.contradiction(g)
	}
	return &attempt{orders: g}, nil
}

// positions are those of steps, given as transactions.
func (m *membership) positions(steps []int) []int32 {
	at := make([]int32, len(steps))
	for i, s := range steps {
		at[i] = m.calls[s]
	}
	return at
}

// contradiction is the objection to a cycle that needs no choice.
func (m *membership) contradiction(g *orders) *CallViolation {
	about := none // the read on it that began last
	var edges []Edge
	for _, e := range g.cycle {
		from, to := m.calls[e.from], m.calls[e.to]
		edge := m.edge(e.why, from, to)
		edges = append(edges, edge)
		if m.call(from).Kind == Get && (about == none || m.call(from).Begin > m.call(about).Begin) {
			about = from
		}
	}
	if about == none {
		about = m.calls[g.cycle[0].from]
	}
	a, detail := Unlinearizable, "what it saw and what others saw put calls in a circle"
	if len(g.cycle) == 2 {
		for _, e := range g.cycle {
			other := m.calls[e.from]
			if other == about {
				other = m.calls[e.to]
			}
			switch e.why {
			case Misses:
				a, detail = StaleRead, fmt.Sprintf("it does not see %s, which had ended before it began", m.name(other))
			case ReadsFrom:
				a, detail = FutureRead, fmt.Sprintf("%s began only after its end", m.name(other))
			}
		}
	}
	v := m.object(a, about, detail, m.positions(g.indices())...)
	v.Cycle = edges
	for _, e := range g.cycle {
		if e.key != none {
			k := &m.members[m.keys[e.key]]
			v.core(m.part, k.adds...)
			v.core(m.part, k.removes...)
		}
	}
	for i := range m.at {
		if slices.Contains(v.Core, int(m.at[i])) {
			m.witness(v, int32(i))
		}
	}
	return v
}
