package linearizability

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
)

// Read committed, read atomic and causal are decided from who read whom alone (Biswas and Enea, "On the complexity of checking
// transactional consistency", 2019, section 4; what is looked at for each is what AWDIT, Møldrup and Pavlogiannis, PLDI 2025,
// looks at). A history has such a level when its transactions can be put in one order, after sessions and after whom they
// read, in which of two that write a key the one that was read is the later, if the reader saw the other one too. What "saw"
// means is the level: had read from it before (read committed); had read from it, or comes after it in its session (read
// atomic); or sees somebody who saw it (causal). None of these rests on the order that is looked for, so it exists exactly when
// they have no circle.

func (l Level) weak() bool { return l == ReadCommitted || l == ReadAtomic || l == Causal }

// weakChoices bounds how many answers to the question of who wrote what are tried.
const weakChoices = 4096

// decideWeak decides a compiled history at a level that needs no order of writes; with rows, also of those that scans left out.
func (r Result) decideWeak(ctx context.Context, c *compiled, level Level, limits Limits, rows bool) Result {
	b := newBudget(ctx, limits)
	g := newOrders(c, level, b)
	g.rows = rows
	violation := g.build()
	if b.over != nil {
		r.Reason = b.over
		return r
	}
	if violation != nil {
		violation.Level = level
		return r.illegal(ByRead, violation)
	}
	var open []int // readings that are not known
	combinations := 1
	for i := range g.readings {
		if n := len(g.readings[i].may); n > 0 {
			open = append(open, i)
			combinations = min(combinations*n, weakChoices+1)
		}
	}
	if combinations > weakChoices {
		r.Reason = &LimitError{Limit: "choices", Max: fmt.Sprintf("%d answers to who wrote what, when values are written several times", weakChoices)}
		return r
	}
	if len(open) == 0 {
		if violation := g.circle(); violation != nil {
			return r.illegal(ByCycle, violation)
		}
		r.Verdict, r.Proof = Legal, ByOrder
		return r
	}
	certain, readings := slices.Clone(g.in), slices.Clone(g.readings)
	for combination := range combinations {
		if combination%64 == 0 && ctx.Err() != nil {
			r.Reason = ctx.Err()
			return r
		}
		r.Steps += len(c.steps)
		copy(g.in, certain)
		copy(g.readings, readings)
		for _, i := range open {
			may := readings[i].may
			from := may[combination%len(may)]
			g.readings[i].from, g.readings[i].key, g.readings[i].may = from, g.versions[from].key, nil
			combination /= len(may)
		}
		// Who happened follows from who was read.
		for grown := true; grown; {
			grown = false
			for _, k := range g.readings {
				if g.in[k.step] && k.from != none && g.versions[k.from].step != none && !g.in[g.versions[k.from].step] {
					g.in[g.versions[k.from].step] = true
					grown = true
				}
			}
		}
		impossible := false
		for _, k := range g.readings {
			impossible = impossible || g.in[k.step] && k.from == none
		}
		if !impossible {
			if violation = g.circle(); violation == nil {
				r.Verdict, r.Proof = Legal, BySearch
				return r
			}
		}
	}
	if violation == nil {
		violation = c.violation(Unserializable, c.steps[0].txn, "")
	}
	violation.Detail = "every answer to who wrote what was tried, and this is what the last one leads to"
	violation.Core = nil
	for i := range c.steps {
		violation.Core = append(violation.Core, int(c.steps[i].txn))
	}
	violation.Level = level
	return r.illegal(BySearch, violation)
}

// circle builds the graph of the level, given who read whom, and finds a cycle of it.
func (g *orders) circle() *Violation {
	n := int32(len(g.c.steps))
	g.gates, g.nodes = n, n
	g.static, g.dynamic = make([][]arc, n), make([][]arc, n)
	g.because = make(map[[2]int32]int32)
	for i := range g.out {
		g.out[i] = !g.in[i]
	}
	reads := make([][]reading, n) // by step, in its order
	for _, r := range g.readings {
		if !g.in[r.step] {
			continue
		}
		reads[r.step] = append(reads[r.step], r)
		if s := g.versions[r.from].step; s != none {
			g.join(s, r.step, ReadsFrom, r.key)
		}
	}
	g.connectSessions()
	for _, list := range g.c.follows {
		last := none
		for _, a := range list {
			if v, ok := g.first[a]; ok && g.in[g.versions[v].step] {
				if last != none {
					g.join(last, g.versions[v].step, Overwrites, a.key)
				}
				last = g.versions[v].step
			}
		}
	}
	// saw says that a reader saw a step, and read a key of that as somebody else left it.
	saw := func(reader, seen int32, r reading) {
		from := g.versions[r.from].step
		if seen == from || seen == reader {
			return
		}
		if from == none { // the beginning comes before all
			g.join(reader, seen, Misses, r.key)
			return
		}
		if _, known := g.because[[2]int32{seen, from}]; !known {
			g.because[[2]int32{seen, from}] = reader
			g.join(seen, from, Overwrites, r.key)
		}
	}
	switch g.level {
	case ReadCommitted:
		for i := range n {
			for at, r := range reads[i] {
				for _, earlier := range reads[i][:at] {
					if s := g.versions[earlier.from].step; s != none {
						if _, writes := g.c.steps[s].wrote(r.key); writes {
							saw(i, s, r)
						}
					}
				}
			}
		}
	case ReadAtomic:
		g.sawSessions(reads, saw)
		for i := range n {
			for _, r := range reads[i] {
				for _, other := range reads[i] {
					if s := g.versions[other.from].step; s != none {
						if _, writes := g.c.steps[s].wrote(r.key); writes {
							saw(i, s, r)
						}
					}
				}
			}
		}
	case Causal:
		if component, sizes := g.components(); len(sizes) > 0 {
			for i := range n {
				if g.in[i] && sizes[component[i]] > 1 {
					return g.forbidden() // what was read, and sessions, are a circle already
				}
			}
			g.sawAll(component, reads, saw)
		}
	}
	v := g.forbidden()
	if v == nil {
		return nil
	}
	if v.Anomaly == Unserializable {
		v.Anomaly = FracturedRead
		if g.level == Causal {
			v.Anomaly = CausalReversal
		}
	}
	for _, e := range g.cycle {
		if reader, ok := g.because[[2]int32{e.from, e.to}]; ok && e.why == Overwrites {
			for _, s := range g.seenThrough(e.from, reader) {
				g.core[s] = true
			}
			t := g.c.history[g.c.steps[reader].txn]
			v.Txn, v.Client = t.ID, t.Client
			v.Detail = fmt.Sprintf("it saw transaction %d, and read %q as transaction %d had left it", g.c.id(g.c.steps[e.from].txn), g.c.keys[e.key], g.c.id(g.c.steps[e.to].txn))
		}
	}
	v.Core = g.indices()
	return v
}

// seenThrough are the steps by which a reader saw a step, both included.
func (g *orders) seenThrough(seen, reader int32) []int32 {
	came := map[int32]int32{seen: none}
	for queue := []int32{seen}; len(queue) > 0; queue = queue[1:] {
		for _, a := range g.static[queue[0]] {
			if _, known := came[a.to]; !known && (a.why == ReadsFrom || a.why == SessionOrder) && !g.absent(a.to) {
				came[a.to] = queue[0]
				queue = append(queue, a.to)
			}
		}
	}
	var through []int32
	for s := reader; s != none; s = came[s] {
		through = append(through, s)
		if _, known := came[s]; !known {
			break
		}
	}
	return through
}

// sawSessions says what each step saw of its session: the last one before it that wrote a key that it read.
func (g *orders) sawSessions(reads [][]reading, saw func(reader, seen int32, r reading)) {
	threads, thread, before := g.threads()
	last := make(map[int32]int32)
	members := make([][]int32, len(threads)) // all that come after some of the session
	for i := range g.c.steps {
		if thread[i] != none {
			members[thread[i]] = append(members[thread[i]], int32(i))
		}
	}
	for k, steps := range threads {
		clear(last)
		at, all := int32(0), members[k]
		slices.SortStableFunc(all, func(a, b int32) int { return cmp.Compare(before[a], before[b]) })
		for _, i := range all {
			for ; at < before[i]; at++ {
				for _, w := range g.c.steps[steps[at]].writes {
					last[w.key] = steps[at]
				}
			}
			if g.in[i] {
				for _, r := range reads[i] {
					if s, ok := last[r.key]; ok {
						saw(i, s, r)
					}
				}
			}
		}
	}
}

// sawAll says what each step saw, itself or by others: of each session the last one that wrote a key that it read. A step that is
// in no session is one of its own here. What a step sees is a number for each session, and is kept until the last one that
// sees the step has taken it over.
func (g *orders) sawAll(component []int32, reads [][]reading, saw func(reader, seen int32, r reading)) {
	threads, thread, before := g.threads()
	var order []int32 // each after all that it sees
	for i := range g.c.steps {
		if g.in[i] {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(component[b], component[a]) })
	column, place := make([]int32, len(g.c.steps)), make([]int32, len(g.c.steps)) // its session, and its place there, from 1
	for k, steps := range threads {
		for at, i := range steps {
			column[i], place[i] = int32(k), int32(at)+1
		}
	}
	width := int32(len(threads))
	sees := func(i int32, visit func(s int32)) {
		if thread[i] != none && before[i] > 0 {
			visit(threads[thread[i]][before[i]-1])
		}
		for _, r := range reads[i] {
			if s := g.versions[r.from].step; s != none {
				visit(s)
			}
		}
	}
	uses := make([]int32, len(g.c.steps))
	for _, i := range order {
		if place[i] == 0 {
			column[i], place[i] = width, 1
			width++
		}
		sees(i, func(s int32) { uses[s]++ })
	}
	type lane struct {
		column int32
		steps  []int32 // of a session that write the key, in their order
	}
	lanes := make([][]lane, len(g.c.keys))
	inPlace := slices.Clone(order)
	slices.SortFunc(inPlace, func(a, b int32) int {
		return cmp.Or(cmp.Compare(column[a], column[b]), cmp.Compare(place[a], place[b]))
	})
	for _, i := range inPlace {
		for _, w := range g.c.steps[i].writes {
			l := lanes[w.key]
			if len(l) == 0 || l[len(l)-1].column != column[i] {
				l = append(l, lane{column: column[i]})
			}
			l[len(l)-1].steps = append(l[len(l)-1].steps, i)
			lanes[w.key] = l
		}
	}
	maker, clocks := clockMaker{width: width}, make([]clock, len(g.c.steps))
	for _, i := range order {
		own := maker.clock()
		sees(i, func(s int32) {
			maker.see(own, clocks[s])
			maker.advance(own, column[s], place[s])
		})
		for _, r := range reads[i] {
			var from clock // what the one that was read sees, and so comes before it anyhow
			if s := g.versions[r.from].step; s != none {
				from = clocks[s]
			}
			for _, l := range lanes[r.key] {
				seen := own.at(l.column)
				if seen == 0 || from != nil && from.at(l.column) >= seen {
					continue
				}
				at := sort.Search(len(l.steps), func(k int) bool { return place[l.steps[k]] > seen })
				if at > 0 && (from == nil || from.at(l.column) < place[l.steps[at-1]]) {
					saw(i, l.steps[at-1], r)
				}
			}
		}
		sees(i, func(s int32) {
			if uses[s]--; uses[s] == 0 {
				clocks[s] = nil
			}
		})
		if uses[i] > 0 {
			clocks[i] = own
		}
	}
}
