package linearizability

import (
	"fmt"
	"slices"
)

// unexplained is the objection to a read that nobody can have served.
func (g *graph) unexplained(i int32, read access) *Violation {
	c := g.c
	if read.value == absent {
		for _, w := range g.writers[read.key] {
			if w.step != i && g.in[w.step] && g.before(w.step, i) {
				g.cycle = append([]edge{{i, w.step, Misses, read.key}}, g.path(w.step, i)...)
				return g.contradiction()
			}
		}
	}
	for _, w := range g.writers[read.key] {
		if w.step == i || w.value != read.value {
			continue
		}
		if g.in[w.step] {
			g.cycle = append([]edge{{w.step, i, ReadsFrom, read.key}}, g.path(i, w.step)...)
			return g.contradiction()
		}
		return c.readViolation(FutureRead, c.steps[i].txn, read, access{}.value, "").
			expecting("a value written before its end", fmt.Sprintf("transaction %d, which wrote it, began after that", c.id(c.steps[w.step].txn)))
	}
	return c.unwritten(c.steps[i].txn, read)
}

// unwritten is the objection to a value that no transaction left in the key.
func (c *compiled) unwritten(txn int32, read access) *Violation {
	v := c.readViolation(ThinAir, txn, read, absent, "").expecting("a value that was written", "no transaction wrote it")
	same := func(t tagged) bool { return t.access == read && t.txn != txn }
	if at := slices.IndexFunc(c.aborted, same); at >= 0 {
		v.Anomaly = AbortedValue
		by := &c.history[c.aborted[at].txn]
		if by.Outcome != Aborted {
			return v.expecting("a value that was committed", fmt.Sprintf("transaction %d, which wrote it, took it back", by.ID))
		}
		return v.expecting("a value that was committed", fmt.Sprintf("transaction %d, which wrote it, was aborted", by.ID))
	}
	if at := slices.IndexFunc(c.intermediate, same); at >= 0 {
		v.Anomaly = DirtyRead
		return v.expecting("the last value of a transaction", fmt.Sprintf("transaction %d, which wrote it, overwrote it itself", c.id(c.intermediate[at].txn)))
	}
	for i := range c.history {
		t := &c.history[i]
		if t.Outcome == OutcomeUnknown && slices.ContainsFunc(t.Ops, func(op Op) bool {
			return op.Kind == Write && op.Key == c.keys[read.key] && op.Value == c.values[read.value]
		}) {
			v.Anomaly = Unserializable
			return v.expecting("a value that can have been committed", fmt.Sprintf("transaction %d, which wrote it and whose outcome is unknown, contradicts itself in its reads", t.ID))
		}
	}
	return v
}

func (v *Violation) expecting(what, detail string) *Violation {
	v.Expected, v.Detail = what, detail
	return v
}

// contradiction is the objection to the cycle found, under the name that the field has for its shape.
func (g *graph) contradiction() *Violation {
	c := g.c
	count := make(map[Why]int)
	var misses, read, real edge // the first of their kind
	for _, e := range g.cycle {
		if count[e.why]++; count[e.why] > 1 {
			continue
		}
		switch e.why {
		case Misses:
			misses = e
		case ReadsFrom:
			read = e
		case RealTime:
			real = e
		}
	}
	var v *Violation
	switch {
	case count[Misses] > 0:
		reader := &c.steps[misses.from]
		missed := &c.steps[misses.to]
		expected, _ := missed.wrote(misses.key)
		found := reader.reads[slices.IndexFunc(reader.reads, func(a access) bool { return a.key == misses.key })]
		v = c.readViolation(g.shape(count, misses), reader.txn, found, expected,
			fmt.Sprintf("transaction %d wrote what was expected", c.id(missed.txn)))
	case count[ReadsFrom] == 1 && count[RealTime] == len(g.cycle)-1:
		reader := &c.steps[read.to]
		found := reader.reads[slices.IndexFunc(reader.reads, func(a access) bool { return a.key == read.key })]
		v = c.readViolation(FutureRead, reader.txn, found, absent, "").
			expecting("a value written before its end", fmt.Sprintf("transaction %d wrote it", c.id(c.steps[read.from].txn)))
	case count[RealTime] > 0:
		v = c.violation(RealTimeReversal, c.steps[real.to].txn, "")
	default:
		v = c.violation(Unserializable, c.steps[g.cycle[0].to].txn, "")
	}
	for _, e := range g.cycle {
		key := ""
		if e.why != RealTime {
			key = c.keys[e.key]
		}
		v.Cycle = append(v.Cycle, Edge{From: c.id(c.steps[e.from].txn), To: c.id(c.steps[e.to].txn), Why: e.why, Key: key})
	}
	return v
}

// shape names a cycle in which somebody misses a write.
func (g *graph) shape(count map[Why]int, misses edge) Anomaly {
	c, n := g.c, len(g.cycle)
	switch {
	case n == 2 && count[RealTime] == 1:
		value, _ := c.steps[misses.to].wrote(misses.key)
		for i := range c.steps {
			// Somebody who came no earlier still sees it, so it is not lost.
			if s := &c.steps[i]; int32(i) != misses.from && s.begin >= c.steps[misses.from].begin && slices.Contains(s.reads, access{misses.key, value}) {
				return StaleRead
			}
		}
		return LostCommit
	case n == 2 && count[Misses] == 2 && g.cycle[0].key == g.cycle[1].key:
		return LostUpdate
	case n == 2 && count[Misses] == 2:
		return WriteSkew
	case n == 2 && count[ReadsFrom] == 1:
		return FracturedRead
	case n == 3 && count[ReadsFrom] == 1 && count[RealTime] == 1 && !c.steps[misses.to].must:
		return UnknownThenGone
	case n == 3 && count[ReadsFrom] == 1 && count[RealTime] == 1:
		return NewOldInversion
	case count[RealTime] > 0:
		return RealTimeReversal
	}
	return Unserializable
}
