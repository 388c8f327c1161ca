package check

import "slices"

// An analysis decides properties on a whole graph.
//
// A property fails if and only if a state in which it waits (From and not To) has a way, through states in which To does not
// hold, to a set of such states in which a behaviour can stay forever and be fair. The states that a behaviour visits forever
// are strongly connected, and it is fair when for every weakly fair instance one of them does not have it enabled, or a step
// between two of them takes it. More states and more steps only make that easier, so it is enough to look at each strongly
// connected component as a whole. A single state is one, too: nothing may happen any more.
type analysis struct {
	graph   *graph
	limit   func() bool // says whether to stop
	stopped bool

	waits func(s uint32) bool // says whether the property waits in s
	to    int                 // the fact that its To is

	// Of Tarjan's algorithm: the order in which a state was met, 0 for not yet, the least order known to be reachable from it
	// through open states, and its component, 0 for not known.
	order, low, component []uint32
	fair                  []bool   // of each component
	met                   uint32   // how many states
	open                  []uint32 // states met whose component is not known
	way                   []frame
	everywhere, enabled   []uint64 // sets of instances

	previous, queue []uint32 // of shortest
}

// A frame is a state on the way of a depth-first search, and the next of its steps to look at.
type frame struct {
	state uint32
	edge  int
}

// A lasso is a behaviour: steps, of which those after the prefix repeat forever.
type lasso struct {
	steps   []hop
	waiting int
	prefix  int
	excuses []excuse // by instance
}

// A hop is a step to a state; as is the instance that it is to be shown as a step of, -1 when that does not matter.
type hop struct {
	to uint32
	as int
}

type excuse struct {
	taken bool
	step  int
}

func newAnalysis(g *graph, limit func() bool) *analysis {
	words := g.labels.words()
	return &analysis{graph: g, limit: limit, everywhere: make([]uint64, words), enabled: make([]uint64, words)}
}

// take makes a property the one that is decided, and returns in how many states it waits.
func (a *analysis) take(property int, fromStart bool) (states uint64) {
	from := 2 * property
	a.to = from + 1
	a.waits = func(s uint32) bool { return a.graph.holds(s, from) && !a.graph.holds(s, a.to) }
	if fromStart {
		a.waits = func(s uint32) bool { return s == 0 && !a.graph.holds(0, a.to) }
	}
	for s := range uint32(a.graph.states()) {
		if a.waits(s) {
			states++
		}
	}
	return states
}

// violation returns a fair behaviour that breaks the property, nil if every one keeps it, or when the limit stopped the search for one.
func (a *analysis) violation() *lasso {
	n := a.graph.states()
	a.order, a.low, a.component = make([]uint32, n), make([]uint32, n), make([]uint32, n)
	a.fair, a.met = []bool{false}, 0 // components count from 1
	for s := range uint32(n) {
		if !a.waits(s) || a.order[s] != 0 {
			continue
		}
		if a.components(s); a.stopped {
			return nil
		}
	}
	if !slices.Contains(a.fair, true) {
		return nil
	}
	return a.lasso()
}

// components finds the strongly connected components of what can be reached from s through states in which To does not hold,
// by Tarjan's algorithm, and whether they are fair.
func (a *analysis) components(s uint32) {
	g := a.graph
	a.enter(s)
	for steps := 0; len(a.way) > 0; steps++ {
		if steps%4096 == 0 && a.limit() {
			a.stopped = true
			return
		}
		top := &a.way[len(a.way)-1]
		state := top.state
		if _, end := g.from(state); top.edge < end {
			next := g.edges.at(top.edge).to
			top.edge++
			switch {
			case g.holds(next, a.to):
			case a.order[next] == 0:
				a.enter(next)
			case a.component[next] == 0: // it is open
				a.low[state] = min(a.low[state], a.order[next])
			}
			continue
		}
		a.way = a.way[:len(a.way)-1]
		if len(a.way) > 0 {
			before := a.way[len(a.way)-1].state
			a.low[before] = min(a.low[before], a.low[state])
		}
		if a.low[state] == a.order[state] {
			a.close(state)
		}
	}
}

func (a *analysis) enter(s uint32) {
	a.met++
	a.order[s], a.low[s] = a.met, a.met
	a.open = append(a.open, s)
	first, _ := a.graph.from(s)
	a.way = append(a.way, frame{s, first})
}

// close ends the component whose state that was met first is s: it has all that was opened since.
func (a *analysis) close(s uint32) {
	first := len(a.open) - 1
	for a.open[first] != s {
		first--
	}
	members := a.open[first:]
	for _, t := range members {
		a.component[t] = uint32(len(a.fair))
	}
	a.fair = append(a.fair, a.isFair(members))
	a.open = a.open[:first]
}

// isFair says whether a behaviour may stay in a component forever.
func (a *analysis) isFair(members []uint32) bool {
	g := a.graph
	for w := range a.everywhere {
		a.everywhere[w] = ^uint64(0)
	}
	empty := len(a.everywhere) == 0
	for i := 0; i < len(members) && !empty; i++ {
		clear(a.enabled)
		g.enabled(members[i], a.enabled)
		empty = true
		for w := range a.everywhere {
			a.everywhere[w] &= a.enabled[w]
			empty = empty && a.everywhere[w] == 0
		}
	}
	// What is enabled everywhere must be taken within.
	for i := 0; i < len(members) && !empty; i++ {
		for e, end := g.from(members[i]); e < end; e++ {
			if step := g.edges.at(e); a.component[step.to] == a.component[members[0]] {
				for w, bits := range g.labels.sets[step.label] {
					a.everywhere[w] &^= bits
				}
			}
		}
		empty = !slices.ContainsFunc(a.everywhere, func(w uint64) bool { return w != 0 })
	}
	return empty
}

// lasso returns a behaviour with a shortest prefix, once violation has found out which components are fair.
func (a *analysis) lasso() *lasso {
	g := a.graph
	// Nodes are states twice over: 2s before, and 2s + 1 once the property waits, for good.
	done := func(node, _ uint32) bool { return node&1 != 0 && a.fair[a.component[node/2]] }
	next := func(node uint32, visit func(node, label uint32)) {
		if node&1 == 0 && a.waits(node/2) {
			visit(node|1, 0)
		}
		for e, end := g.from(node / 2); e < end; e++ {
			if to := g.edges.at(e).to; node&1 == 0 || !g.holds(to, a.to) {
				visit(2*to|node&1, 0)
			}
		}
	}
	l := &lasso{}
	for node, nodes := uint32(0), a.shortest(2*g.states(), 0, next, done); len(nodes) > 0; nodes = nodes[1:] {
		if nodes[0] == node|1 && node&1 == 0 {
			l.waiting = len(l.steps)
		} else {
			l.steps = append(l.steps, hop{nodes[0] / 2, -1})
		}
		node = nodes[0]
	}
	l.prefix = len(l.steps)
	a.goAround(l)
	return l
}

// goAround adds a cycle to a lasso that ends in a fair component: one that stays within, and on which each instance has its
// excuse. Without any steps it stutters.
func (a *analysis) goAround(l *lasso) {
	g := a.graph
	home := uint32(0)
	if l.prefix > 0 {
		home = l.steps[l.prefix-1].to
	}
	component := a.component[home]
	next := func(s uint32, visit func(to, label uint32)) {
		for i, end := g.from(s); i < end; i++ {
			if e := g.edges.at(i); a.component[e.to] == component {
				visit(e.to, e.label)
			}
		}
	}
	here := home
	for instance := range g.labels.instances {
		excused, ok := a.excuse(l, home, instance)
		if !ok {
			taken := false
			for _, s := range a.shortest(g.states(), here, next, func(s, label uint32) bool {
				taken = g.labels.has(label, instance)
				return taken || !a.isEnabled(s, instance)
			}) {
				l.steps = append(l.steps, hop{s, -1})
				here = s
			}
			if taken {
				l.steps[len(l.steps)-1].as = instance
			}
			excused = excuse{taken, len(l.steps)}
		}
		l.excuses = append(l.excuses, excused)
	}
	if here != home {
		for _, s := range a.shortest(g.states(), here, next, func(s, _ uint32) bool { return s == home }) {
			l.steps = append(l.steps, hop{s, -1})
		}
	}
}

// excuse returns the excuse that an instance has on the way around so far, if it has one.
func (a *analysis) excuse(l *lasso, home uint32, instance int) (excuse, bool) {
	if !a.isEnabled(home, instance) {
		return excuse{false, l.prefix}, true
	}
	before := home
	for i := l.prefix; i < len(l.steps); i++ {
		step := &l.steps[i]
		if a.isStepOf(before, step.to, instance) {
			if step.as < 0 {
				step.as = instance
			}
			return excuse{true, i + 1}, true
		}
		if !a.isEnabled(step.to, instance) {
			return excuse{false, i + 1}, true
		}
		before = step.to
	}
	return excuse{}, false
}

func (a *analysis) isStepOf(from, to uint32, instance int) bool {
	for i, end := a.graph.from(from); i < end; i++ {
		if e := a.graph.edges.at(i); e.to == to {
			return a.graph.labels.has(e.label, instance)
		}
	}
	return false
}

func (a *analysis) isEnabled(s uint32, instance int) bool {
	for i, end := a.graph.from(s); i < end; i++ {
		if a.graph.labels.has(a.graph.edges.at(i).label, instance) {
			return true
		}
	}
	return a.graph.labels.has(a.graph.leaving[s], instance)
}

// shortest returns the nodes on a shortest way, the first one left out, over which done says that it is there; it is asked
// for each step, by the node that the step leads to and its label. Nodes are below the given number. Nil if there is no way.
func (a *analysis) shortest(nodes int, from uint32, next func(node uint32, visit func(to, label uint32)), done func(to, label uint32) bool) []uint32 {
	if len(a.previous) < nodes {
		a.previous = make([]uint32, nodes)
	}
	clear(a.previous)
	a.previous[from] = from + 1
	a.queue = append(a.queue[:0], from)
	for i := 0; i < len(a.queue); i++ {
		node, found, last := a.queue[i], false, uint32(0)
		next(node, func(to, label uint32) {
			if found {
				return
			}
			if done(to, label) {
				found, last = true, to
				return
			}
			if a.previous[to] == 0 {
				a.previous[to] = node + 1
				a.queue = append(a.queue, to)
			}
		})
		if found {
			way := []uint32{last}
			for ; node != from; node = a.previous[node] - 1 {
				way = append(way, node)
			}
			slices.Reverse(way)
			return way
		}
	}
	return nil
}

// pathTo returns a shortest way from the initial state.
func (g *graph) pathTo(s uint32) []hop {
	if s == 0 {
		return nil
	}
	steps := []hop{}
	for _, t := range newAnalysis(g, nil).shortest(g.states(), 0, func(t uint32, visit func(to, label uint32)) {
		for i, end := g.from(t); i < end; i++ {
			e := g.edges.at(i)
			visit(e.to, e.label)
		}
	}, func(t, _ uint32) bool { return t == s }) {
		steps = append(steps, hop{t, -1})
	}
	return steps
}
