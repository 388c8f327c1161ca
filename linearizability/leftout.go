package linearizability

import "fmt"

// A scan that left rows out has seen that some key behind its last row has a value: it has read one of several versions, of
// several keys. That is a choice like that of who wrote a value, but one of very many, so it is only made where the order found
// without it shows no such row.

// maxRowsLeftOut bounds how many versions may be looked at for rows that scans left out.
const maxRowsLeftOut = 4_000_000

// asks are the readings of a step, in their order, with all that each may have read.
func (g *orders) asks(i int32) []reading {
	s := &g.c.steps[i]
	asked := make([]reading, 0, len(s.reads))
	more := 0
	for at := range len(s.reads) + 1 {
		for ; g.rows && more < len(s.more) && int(s.moreAt[more]) == at; more++ {
			asked = append(asked, reading{step: i, key: none, from: none, may: g.behind(i, s.more[more])})
		}
		if at < len(s.reads) {
			asked = append(asked, reading{step: i, key: s.reads[at].key, from: none, may: g.sources(i, s.reads[at])})
		}
	}
	for _, avoid := range s.avoids {
		asked = append(asked, reading{step: i, key: avoid.key, from: none, may: g.others(i, avoid)})
	}
	return asked
}

// behind are the versions of which one must be there, as a scan of a step left out a row of one of the keys.
func (g *orders) behind(i int32, keys []int32) []int32 {
	if g.ofKey == nil {
		g.ofKey = make([][]int32, len(g.c.keys))
		for v := len(g.c.keys); v < len(g.versions); v++ {
			if k := &g.versions[v]; k.value != absent {
				g.ofKey[k.key] = append(g.ofKey[k.key], int32(v))
			}
		}
	}
	var may []int32
	for _, k := range keys {
		for _, v := range g.ofKey[k] {
			if g.mayRead(i, v) {
				may = append(may, v)
			}
		}
	}
	if g.looked += len(may); g.looked > maxRowsLeftOut && g.b.over == nil {
		g.b.over = &LimitError{Limit: "choices", Max: fmt.Sprintf("%d versions of rows that scans left out", maxRowsLeftOut)}
	}
	if g.b.over != nil {
		may = may[:min(1, len(may))] // nothing is decided any more
	}
	return may
}

// unserved is the objection to a reading that no version can have served.
func (g *orders) unserved(r reading) *Violation {
	s := &g.c.steps[r.step]
	if r.key != none {
		for _, read := range s.reads {
			if read.key == r.key && len(g.sources(r.step, read)) == 0 {
				return g.unexplained(r.step, read)
			}
		}
		for _, avoid := range s.avoids {
			if avoid.key == r.key && len(g.others(r.step, avoid)) == 0 {
				return g.unexplained(r.step, avoid)
			}
		}
	}
	t := &g.c.history[s.txn]
	for at := range t.Ops {
		if t.Ops[at].Kind == Scan && t.Ops[at].More {
			return g.c.leftOutNothing(s.txn, &t.Ops[at], "it says that there are more, and whoever wrote one began after its end")
		}
	}
	return g.c.violation(Phantom, s.txn, "")
}

// mayRead tells that nothing in the times of two steps forbids that one has read a version of the other.
func (g *orders) mayRead(i, v int32) bool {
	from := g.versions[v].step
	return from != i && !(g.realTime() && from != none && g.c.steps[i].end < g.c.steps[from].begin)
}

// withRows begins anew with rows that scans left out as choices. It is false when that proves the part illegal.
func (a *attempt) withRows(b *budget) bool {
	g := newOrders(a.c, a.level, b)
	g.rows = true
	if a.violation = g.build(); a.violation == nil {
		a.violation = g.forbidden()
	}
	a.orders = g
	return a.violation == nil
}
