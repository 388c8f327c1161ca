package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// An edge forces an order between two steps.
type edge struct {
	from, to int32
	why      Why
	key      int32
	gate     bool // it is known because the beginning's chain of the key comes before all others
}

// A hop is an arc and where it starts.
type hop struct {
	from int32
	arc
}

// arcs calls visit with each arc of a node; missing ones are left out where they are asked for one by one.
func (g *orders) arcs(node int32, visit func(a arc)) {
	if g.absent(node) {
		return
	}
	for _, list := range [2][]arc{g.static[node], g.dynamic[node]} {
		for _, a := range list {
			if (a.why != Misses || !g.parallel()) && !g.absent(a.to) {
				visit(a)
			}
		}
	}
}

// components numbers the strongly connected components (Tarjan 1972), each after those that it leads to.
func (g *orders) components() (component []int32, sizes []int32) {
	n := len(g.static)
	component = make([]int32, n)
	index, low := make([]int32, n), make([]int32, n)
	for i := range component {
		component[i] = none
	}
	type frame struct {
		node, at int32
	}
	var path []frame
	var stack []int32
	count := int32(0)
	for root := range n {
		if index[root] != 0 || g.absent(int32(root)) {
			continue
		}
		path = append(path, frame{int32(root), 0})
		for len(path) > 0 {
			f := &path[len(path)-1]
			v := f.node
			if f.at == 0 {
				count++
				index[v], low[v] = count, count
				stack = append(stack, v)
			}
			deeper := false
			static := g.static[v]
			for int(f.at) < len(static)+len(g.dynamic[v]) {
				var a *arc
				if int(f.at) < len(static) {
					a = &static[f.at]
				} else {
					a = &g.dynamic[v][int(f.at)-len(static)]
				}
				f.at++
				if a.why == Misses && g.parallel() || g.absent(a.to) {
					continue
				}
				if index[a.to] == 0 {
					path = append(path, frame{a.to, 0})
					deeper = true
					break
				}
				if component[a.to] == none {
					low[v] = min(low[v], index[a.to])
				}
			}
			if deeper {
				continue
			}
			if f.at == 0 {
				f.at = 1
			}
			if low[v] == index[v] {
				size := int32(0)
				for {
					w := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					component[w] = int32(len(sizes))
					size++
					if w == v {
						break
					}
				}
				sizes = append(sizes, size)
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				parent := path[len(path)-1].node
				low[parent] = min(low[parent], low[v])
			}
		}
	}
	return component, sizes
}

// A pathfinder finds shortest paths, counted in steps.
type pathfinder struct {
	g         *orders
	component []int32
	distance  []int32
	came      []hop
	touched   []int32
}

func (g *orders) pathfinder(component []int32) *pathfinder {
	p := &pathfinder{g: g, component: component, distance: make([]int32, len(g.static)), came: make([]hop, len(g.static))}
	for i := range p.distance {
		p.distance[i] = math.MaxInt32
	}
	return p
}

// path is a shortest path through components between those of its ends; nil when there is none of up to so many steps.
func (p *pathfinder) path(from, to, most int32) []hop {
	for _, v := range p.touched {
		p.distance[v] = math.MaxInt32
	}
	p.touched = append(p.touched[:0], from)
	p.distance[from] = 0
	// Gates and times are no steps, so that a way through them costs what its step costs: nodes of one distance come before
	// those of the next one.
	now, later := []int32{from}, []int32{}
	for d := int32(0); len(now) > 0 && d <= most && p.distance[to] > d; d++ {
		for len(now) > 0 {
			v := now[len(now)-1]
			now = now[:len(now)-1]
			if p.distance[v] < d {
				continue
			}
			p.g.arcs(v, func(a arc) {
				if p.component[a.to] < p.component[to] || p.component[a.to] > p.component[from] {
					return
				}
				cost := d
				if a.why != "" && p.g.stepOf(a.to) != none {
					cost++
				}
				if cost >= p.distance[a.to] {
					return
				}
				if p.distance[a.to] == math.MaxInt32 {
					p.touched = append(p.touched, a.to)
				}
				p.distance[a.to], p.came[a.to] = cost, hop{v, a}
				if cost == d {
					now = append(now, a.to)
				} else {
					later = append(later, a.to)
				}
			})
		}
		now, later = later, now[:0]
	}
	if p.distance[to] == math.MaxInt32 {
		return nil
	}
	var hops []hop
	for v := to; v != from; v = p.came[v].from {
		hops = append(hops, p.came[v])
	}
	slices.Reverse(hops)
	return hops
}

const (
	cyclesAtOnce = 1000      // that one look finds at most
	cyclesInOne  = 200       // of these, in one component
	pathsAtOnce  = 4_000_000 // nodes that it walks through at most, but for the first cycle
)

// cycles finds some of the cycles of the graph, short ones for each component; without one there is none.
func (g *orders) cycles() [][]hop {
	component, sizes := g.components()
	p := g.pathfinder(component)
	var found [][]hop
	walked := 0
	full := func() bool { return len(found) >= cyclesAtOnce || len(found) > 0 && walked > pathsAtOnce }
	look := func(v int32, a arc) {
		if full() {
			return
		}
		if back := p.path(a.to, v, math.MaxInt32-1); back != nil || a.to == v {
			found = append(found, append([]hop{{v, a}}, back...))
		}
		walked += len(p.touched)
	}
	// A cycle goes back somewhere in the order laid, and what is known never does: so first the choices that go back, then all
	// choices, then all edges, which is for steps that were not there when the order was laid, or for a history without one.
	covered := make([]int32, len(sizes)) // by component, the cycles found in it
	for _, pass := range [3]func(v int32, a *arc, chosen bool) bool{
		func(v int32, a *arc, chosen bool) bool {
			return chosen && g.rank != nil && g.stepOf(a.to) != none && g.rank[g.stepOf(a.to)] <= g.rank[g.stepOf(v)]
		},
		func(v int32, a *arc, chosen bool) bool { return chosen },
		func(v int32, a *arc, chosen bool) bool { return true },
	} {
		for v := int32(0); v < g.gates && len(found) < cyclesAtOnce; v++ {
			k := component[v]
			if k == none || sizes[k] <= 1 {
				continue
			}
			for chosen, list := range [2][]arc{g.static[v], g.dynamic[v]} {
				for i := range list {
					a := &list[i]
					if component[a.to] == k && a.why != "" && !(a.why == Misses && g.parallel()) && covered[k] < cyclesInOne && pass(v, a, chosen == 1) {
						covered[k]++
						look(v, *a)
					}
				}
			}
		}
		if len(found) > 0 {
			break
		}
	}
	if g.parallel() && len(found) == 0 {
		for v := range g.static {
			if g.absent(int32(v)) {
				continue
			}
			for _, list := range [2][]arc{g.static[v], g.dynamic[v]} {
				for _, a := range list {
					if a.why == Misses && !g.absent(a.to) && component[a.to] >= component[v] && !full() {
						look(int32(v), a)
					}
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b []hop) int { return cmp.Compare(g.weight(a), g.weight(b)) })
	return found
}

// weight puts short cycles first, and of equal ones those of which less has to be said.
func (g *orders) weight(cycle []hop) int {
	edges := g.edges(cycle)
	weight := 100 * len(edges)
	for _, e := range edges {
		switch e.why {
		case Misses:
			weight += 2
		case Overwrites, ReadsFrom:
			weight++
		}
	}
	return weight
}

// edges are a cycle's, between steps.
func (g *orders) edges(cycle []hop) []edge {
	at := slices.IndexFunc(cycle, func(h hop) bool { return g.stepOf(h.from) != none })
	var edges []edge
	from := none
	for i := range cycle {
		h := cycle[(at+i)%len(cycle)]
		if s := g.stepOf(h.from); s != none {
			from = s
		}
		if s := g.stepOf(h.to); s != none && h.why != "" {
			edges = append(edges, edge{from, s, h.why, h.key, g.isGate(h.from)})
		}
	}
	return edges
}

// clause is what a cycle forbids.
func (g *orders) clause(cycle []hop) []literal {
	at := slices.IndexFunc(cycle, func(h hop) bool { return g.stepOf(h.from) != none })
	turned := append(slices.Clone(cycle[at:]), cycle[:at]...)
	var clause []literal
	skip := make([]bool, len(turned)) // hops whose steps a neighbour stands for
	for i := 0; i < len(turned); i++ {
		h := &turned[i]
		if h.chains[0] == none {
			continue
		}
		// Two chosen steps along one key, with nothing but a single write between them, are one.
		for i+1 < len(turned) {
			next := &turned[i+1]
			if next.chains[0] != h.chains[1] || next.why != Overwrites || next.choice != noChoice || g.stepOf(h.to) == none ||
				g.stepOf(next.from) != g.stepOf(h.to) || g.versions[h.chains[1]].next != none || next.chains[1] == h.chains[0] ||
				g.stepOf(h.from) == g.stepOf(next.to) || g.contrary([2]int32{h.chains[0], next.chains[1]}) {
				break // a step does not miss itself, and a pair chosen the other way round is another conflict
			}
			merged := hop{h.from, arc{next.to, h.why, h.key, [2]int32{h.chains[0], next.chains[1]}, h.choice}}
			skip[i] = true
			i++
			turned[i] = merged
			h = &turned[i]
		}
	}
	for i := range turned {
		h := &turned[i]
		if skip[i] {
			continue
		}
		if h.chains[0] != none {
			clause = append(clause, g.pair(h.chains).not())
		}
		if h.choice != noChoice {
			clause = append(clause, h.choice.not())
		}
		for _, node := range [2]int32{h.from, h.to} {
			if s := g.stepOf(node); s != none && !g.in[s] {
				clause = append(clause, g.happens[s].not())
			}
		}
	}
	for _, h := range turned {
		if s := g.stepOf(h.from); s != none {
			g.core[s] = true
		} else if g.isGate(h.from) {
			g.begun[h.key] = true
		}
	}
	return clause
}

// contrary tells that of a pair the second was chosen to come first.
func (g *orders) contrary(chains [2]int32) bool {
	if a, b := chains[0], chains[1]; a > b {
		l, ok := g.pairs[[2]int32{b, a}]
		return ok && g.solver.value[l] > 0
	}
	l, ok := g.pairs[chains]
	return ok && g.solver.value[l] < 0
}

// forbidden looks for cycles of what is known, without any choice. One proves the history illegal.
func (g *orders) forbidden() *Violation {
	if g.circular() {
		return g.contradiction()
	}
	return nil
}

// circular tells that what is known has a cycle without any choice, and keeps it.
func (g *orders) circular() bool {
	for _, cycle := range g.cycles() {
		if len(g.clause(cycle)) == 0 {
			g.cycle = g.edges(cycle)
			return true
		}
	}
	return false
}

// settle makes choices until the graph has no cycle, or there is no choice left. It goes on where it stopped when it is asked
// again.
func (g *orders) settle(tries int) Verdict {
	if !g.b.start(tries, len(g.c.steps)) {
		return Unknown
	}
	g.b.hold(g.memory)
	if g.rank == nil {
		g.lay()
	}
	step := func() bool {
		g.conflicts++
		return g.b.step()
	}
	for {
		for range g.c.steps { // each look orders all of them
			if !g.b.step() {
				return Unknown
			}
		}
		satisfied, decided := g.solver.solve(step)
		switch {
		case !decided:
			return Unknown
		case !satisfied:
			return Illegal
		}
		g.clauses = g.clauses[:0]
		// First what was chosen alone: an order laid through that is a better guess of what was not.
		g.take(false)
		cycles := g.cycles()
		if len(cycles) == 0 {
			g.lay()
			g.take(true)
			cycles = g.cycles()
		}
		if len(cycles) == 0 && len(g.clauses) == 0 {
			return Legal
		}
		clauses := slices.Clone(g.clauses)
		for _, cycle := range cycles {
			clause := g.clause(cycle)
			clauses = append(clauses, clause)
			if len(clause) <= 2 {
				g.learned = append(g.learned, learned{clause, g.edges(cycle)})
			}
		}
		for _, clause := range clauses {
			size := int64(8*len(clause) + 64)
			g.memory += size
			g.b.hold(size)
			g.solver.add(clause)
		}
	}
}

// A learned clause is kept with its cycle when it is short, to say why a history is illegal.
type learned struct {
	clause []literal
	cycle  []edge
}

// tell picks, of the cycles that leave no choice, the one to show. What is forced without a read that missed something comes
// comes first, then what earlier reads force, and the first cycle that this leaves without a choice is the one. The core is then
// that cycle and those that have made its choices, and no longer all that were met on the way.
func (g *orders) tell() {
	type told struct {
		learned
		misses bool
		latest int64
	}
	var all []told
	for _, l := range g.learned {
		t := told{learned: l, latest: math.MinInt64}
		for _, e := range l.cycle {
			t.misses = t.misses || e.why == Misses
			t.latest = max(t.latest, g.c.steps[e.from].begin)
		}
		all = append(all, t)
	}
	order := func(t told) int {
		if t.misses {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b told) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a.latest, b.latest), cmp.Compare(len(a.cycle), len(b.cycle)))
	})
	value := make(map[literal]bool)
	because := make(map[literal]int) // by literal that holds, the place of what forced it
	for {
		forced, by := noChoice, 0
		for at, t := range all {
			open, last := 0, noChoice
			for _, l := range t.clause {
				switch truth, known := value[l]; {
				case !known:
					open, last = open+1, l
				case truth:
					open = len(t.clause) + 1
				}
			}
			if open == 0 {
				g.cycle = t.cycle
				g.core, g.begun = make(map[int32]bool), make(map[int32]bool)
				told := map[int]bool{at: true}
				for queue := []int{at}; len(queue) > 0; queue = queue[1:] {
					g.blame(all[queue[0]].cycle)
					for _, l := range all[queue[0]].clause {
						if by, forced := because[l.not()]; forced && !told[by] {
							told[by] = true
							queue = append(queue, by)
						}
					}
				}
				return
			}
			if open == 1 && forced == noChoice {
				forced, by = last, at
			}
		}
		if forced == noChoice {
			return
		}
		value[forced], value[forced.not()] = true, false
		because[forced] = by
	}
}

// order is one that keeps all edges: a proof that the history is legal.
func (g *orders) order() []int32 {
	component, _ := g.components()
	var steps []int32
	for i := range g.c.steps {
		if g.happened(int32(i)) {
			steps = append(steps, int32(i))
		}
	}
	slices.SortFunc(steps, func(a, b int32) int { return cmp.Compare(component[b], component[a]) })
	return steps
}

// contradiction is the objection to the cycle found, under the name that the field has for its shape.
func (g *orders) contradiction() *Violation {
	c := g.c
	// It is told from the read that came last.
	first := 0
	for i, e := range g.cycle {
		if e.why == Misses && (g.cycle[first].why != Misses || c.steps[e.from].begin > c.steps[g.cycle[first].from].begin ||
			c.steps[e.from].begin == c.steps[g.cycle[first].from].begin && e.from > g.cycle[first].from) {
			first = i
		}
	}
	g.cycle = append(slices.Clone(g.cycle[first:]), g.cycle[:first]...)
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
		at := slices.IndexFunc(reader.reads, func(a access) bool { return a.key == misses.key })
		if at < 0 { // it is of a row that a scan left out
			v = c.violation(Phantom, reader.txn, fmt.Sprintf("behind a scan of it that left rows out, no row of %q can have been there", c.keys[misses.key]))
			break
		}
		v = c.readViolation(g.shape(count, misses), reader.txn, reader.reads[at], expected,
			fmt.Sprintf("transaction %d wrote what was expected", c.id(missed.txn)))
	case count[ReadsFrom] == 1 && count[RealTime] == len(g.cycle)-1:
		reader := &c.steps[read.to]
		at := slices.IndexFunc(reader.reads, func(a access) bool { return a.key == read.key })
		if at < 0 {
			v = c.violation(Phantom, reader.txn, fmt.Sprintf("behind a scan of it that left rows out, the row of %q came only later", c.keys[read.key]))
			break
		}
		v = c.readViolation(FutureRead, reader.txn, reader.reads[at], absent, "").
			expecting("a value written before its end", fmt.Sprintf("transaction %d wrote it", c.id(c.steps[read.from].txn)))
	case count[RealTime] > 0:
		v = c.violation(RealTimeReversal, c.steps[real.to].txn, "")
	default:
		v = c.violation(Unserializable, c.steps[g.cycle[0].to].txn, "")
	}
	v.Class, v.Level = class(g.cycle), g.level
	for _, e := range g.cycle {
		key := ""
		if e.key >= 0 {
			key = c.keys[e.key]
		}
		v.Cycle = append(v.Cycle, Edge{From: c.id(c.steps[e.from].txn), To: c.id(c.steps[e.to].txn), Why: e.why, Key: key,
			FromIndex: int(c.steps[e.from].txn), ToIndex: int(c.steps[e.to].txn)})
	}
	v.Core = g.indices()
	return v
}

// blame puts a cycle into the core.
func (g *orders) blame(cycle []edge) {
	for _, e := range cycle {
		g.core[e.from], g.core[e.to] = true, true
		if e.gate {
			g.begun[e.key] = true
		}
	}
}

// indices are the transactions that contradict each other: those on cycles; who wrote what these read, or replaced in time what else
// they could have read; those of a beginning's chain, where that comes before other chains; and those that show that one of unknown
// outcome happened, which count as those on cycles do.
func (g *orders) indices() []int {
	g.blame(g.cycle)
	in := make(map[int32]bool) // by step, whether its reads count
	var asked []int32
	ask := func(s int32, reads bool) {
		if s == none {
			return
		}
		if before, known := in[s]; !known || reads && !before {
			in[s] = reads
			asked = append(asked, s)
		}
	}
	for s := range g.core {
		ask(s, true)
	}
	for key := range g.begun {
		for v := key; v != none; v = g.versions[v].next {
			ask(g.versions[v].step, true)
		}
	}
	readerOf := make(map[int32]int32) // by step, one that read from it for certain
	for _, r := range g.readings {
		if r.from != none && g.in[r.step] {
			if s := g.versions[r.from].step; s != none && (readerOf[s] == 0 || r.step < readerOf[s]-1) {
				readerOf[s] = r.step + 1
			}
		}
	}
	for at := 0; at < len(asked); at++ {
		s := asked[at]
		if !g.c.steps[s].must && readerOf[s] > 0 {
			ask(readerOf[s]-1, true)
		}
		if !in[s] {
			continue
		}
		for _, read := range g.c.steps[s].reads {
			for v, ok := g.first[read]; ok && v != none; v = g.versions[v].alike {
				ask(g.versions[v].step, false)
			}
			if g.replaced != nil { // by whom others of the value were replaced in time
				if _, by, found := g.replaced[read.key].before(g.c.steps[s].begin); found {
					ask(by, false)
				}
			}
		}
	}
	var indices []int
	for s := range in {
		indices = append(indices, int(g.c.steps[s].txn))
	}
	for i, list := range g.c.follows {
		// What shows the order of a list, and who appended what it shows, as far as that matters.
		last := -1
		for at, a := range list {
			if v, ok := g.first[a]; ok && in[g.versions[v].step] {
				last = at
			}
		}
		if last < 0 {
			continue
		}
		indices = append(indices, int(g.c.shows[i]))
		for _, a := range list[:last+1] {
			if v, ok := g.first[a]; ok {
				indices = append(indices, int(g.c.steps[g.versions[v].step].txn))
			}
		}
	}
	slices.Sort(indices)
	return slices.Compact(indices)
}

// class is the name of a cycle.
func class(cycle []edge) Class {
	misses, reads, adjacent := 0, 0, false
	suffix := ""
	for i, e := range cycle {
		switch e.why {
		case Misses:
			misses++
			adjacent = adjacent || cycle[(i+1)%len(cycle)].why == Misses
		case ReadsFrom:
			reads++
		case RealTime:
			suffix = "-realtime"
		case SessionOrder:
			if suffix == "" {
				suffix = "-process"
			}
		}
	}
	var k Class
	switch {
	case len(cycle) == 2 && misses > 0 && misses+reads != 2 && suffix == "" || len(cycle) == 2 && misses == 2 && cycle[0].key == cycle[1].key:
		return ClassLostUpdate
	case misses == 0 && reads == 0:
		k = G0
	case misses == 0:
		k = G1c
	case misses == 1:
		k = GSingle
	case len(cycle) == 4 && misses == 2 && reads == 2 && !adjacent:
		return LongFork
	case !adjacent:
		k = GNonadjacent
	default:
		k = G2Item
	}
	return k + Class(suffix)
}

// shape names a cycle in which somebody misses a write.
func (g *orders) shape(count map[Why]int, misses edge) Anomaly {
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
	case n == 2 && count[SessionOrder] == 1:
		return StaleRead
	case n == 2 && count[Misses] == 2 && g.cycle[0].key == g.cycle[1].key:
		return LostUpdate
	case n == 2 && count[Misses] == 1 && count[Overwrites] == 1 && g.cycle[0].key == g.cycle[1].key:
		return LostUpdate
	case n == 2 && count[Misses] == 2:
		return WriteSkew
	case n == 2 && count[ReadsFrom] == 1:
		return FracturedRead
	case n == 3 && count[ReadsFrom] == 1 && count[RealTime] == 1 && !c.steps[misses.to].must && g.cycle[1].why == ReadsFrom:
		return UnknownThenGone
	case n == 3 && count[ReadsFrom] == 1 && count[RealTime] == 1 && g.cycle[1].why == ReadsFrom:
		return NewOldInversion
	case count[RealTime] > 0:
		return RealTimeReversal
	}
	return Unserializable
}
