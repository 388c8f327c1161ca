package linearizability

import (
	"cmp"
	"container/heap"
	"slices"
)

// maxGraph bounds the transactions of which all forced orders are kept; the relation takes a bit a pair.
const maxGraph = 4096

// A graph holds the orders that every legal order of the transactions must respect, and grows until nothing more
// follows:
//
//   - real time: what ended before another began is before it;
//   - a read with one possible writer comes after that writer;
//   - another writer of the same key is before the writer read, or after the reader.
//
// It holds only transactions that must have happened: those committed, and those of unknown outcome that one of them
// can only have read from.
type graph struct {
	c       *compiled
	in      []bool     // by step: it happened
	reach   [][]uint64 // by step, the set of steps that are after it
	edges   [][]edge   // by step, the orders that reads force
	writers [][]writer // by key
	cycle   []edge     // the first contradiction found
}

// An edge forces an order between two steps.
type edge struct {
	from, to int32
	why      Why
	key      int32
}

// A writer is a step that leaves a value in a key.
type writer struct{ step, value int32 }

func newGraph(c *compiled) *graph {
	n := len(c.steps)
	g := &graph{c: c, in: make([]bool, n), reach: make([][]uint64, n), edges: make([][]edge, n), writers: make([][]writer, len(c.keys))}
	words := (n + 63) / 64
	bits := make([]uint64, n*words)
	for i := range g.reach {
		g.reach[i] = bits[i*words : (i+1)*words : (i+1)*words]
	}
	for i := range c.steps {
		for _, w := range c.steps[i].writes {
			g.writers[w.key] = append(g.writers[w.key], writer{int32(i), w.value})
		}
	}
	return g
}

func (g *graph) before(a, b int32) bool { return g.reach[a][b/64]&(1<<(b%64)) != 0 }

// realTime tells that a ended before b began.
func (g *graph) realTime(a, b int32) bool { return g.c.steps[a].end < g.c.steps[b].begin }

// include takes a step in, with the real-time orders to and from those that are in.
func (g *graph) include(i int32) {
	if g.in[i] {
		return
	}
	g.in[i] = true
	for j := range g.c.steps {
		if j := int32(j); g.in[j] {
			if g.realTime(i, j) {
				g.close(i, j)
			}
			if g.realTime(j, i) {
				g.close(j, i)
			}
		}
	}
}

// close makes the relation transitive again after a comes before b.
func (g *graph) close(a, b int32) {
	if g.before(a, b) {
		return
	}
	for x := range g.reach {
		if x := int32(x); x == a || g.before(x, a) {
			row := g.reach[x]
			row[b/64] |= 1 << (b % 64)
			for w, word := range g.reach[b] {
				row[w] |= word
			}
		}
	}
}

// add forces an order; it is false when that contradicts what is known, and then the cycle is kept.
func (g *graph) add(e edge) bool {
	if g.before(e.to, e.from) {
		g.cycle = append([]edge{e}, g.path(e.to, e.from)...)
		return false
	}
	if !g.before(e.from, e.to) {
		g.edges[e.from] = append(g.edges[e.from], e)
		g.close(e.from, e.to)
	}
	return true
}

// path is a shortest chain of forced orders from a to b, which exists.
func (g *graph) path(a, b int32) []edge {
	came := make([]edge, len(g.c.steps))
	known := make([]bool, len(g.c.steps))
	known[a] = true
	for queue := []int32{a}; !known[b]; queue = queue[1:] {
		at := queue[0]
		reached := func(e edge) {
			if !known[e.to] {
				known[e.to], came[e.to] = true, e
				queue = append(queue, e.to)
			}
		}
		for _, e := range g.edges[at] {
			reached(e)
		}
		for j := range g.c.steps {
			if j := int32(j); g.in[j] && g.realTime(at, j) {
				reached(edge{from: at, to: j, why: RealTime, key: -1})
			}
		}
	}
	var chain []edge
	for at := b; at != a; at = came[at].from {
		chain = append(chain, came[at])
	}
	slices.Reverse(chain)
	return chain
}

// saturate adds what follows until nothing does. A violation proves the history illegal.
func (g *graph) saturate() *Violation {
	for i := range g.c.steps {
		if g.c.steps[i].must {
			g.include(int32(i))
		}
	}
	for grown := true; grown; {
		grown = false
		for i := range g.c.steps {
			if !g.in[i] {
				continue
			}
			for _, read := range g.c.steps[i].reads {
				more, violation := g.readFrom(int32(i), read)
				if violation != nil {
					return violation
				}
				grown = grown || more
			}
		}
	}
	return nil
}

// nobody stands for the initial state as the source of a read.
const nobody int32 = -1

// source finds who can have written what the step read, and counts how many there are.
func (g *graph) source(i int32, read access) (from int32, sources int) {
	from = nobody
	if read.value == absent && !slices.ContainsFunc(g.writers[read.key], func(w writer) bool {
		return w.step != i && g.in[w.step] && g.before(w.step, i)
	}) {
		sources++ // nobody who must be before it has written the key
	}
	for _, w := range g.writers[read.key] {
		if w.value == read.value && w.step != i && !g.before(i, w.step) && !g.realTime(i, w.step) {
			from = w.step
			sources++
		}
	}
	return from, sources
}

// readFrom adds what one read forces.
func (g *graph) readFrom(i int32, read access) (grown bool, _ *Violation) {
	from, sources := g.source(i, read)
	if sources == 0 {
		return false, g.unexplained(i, read)
	}
	if sources > 1 {
		return false, nil
	}
	force := func(e edge) bool {
		known := g.before(e.from, e.to)
		ok := g.add(e)
		grown = grown || !known
		return ok
	}
	if from != nobody {
		grown = grown || !g.in[from]
		g.include(from)
		if !force(edge{from, i, ReadsFrom, read.key}) {
			return false, g.contradiction()
		}
	}
	for _, w := range g.writers[read.key] {
		if w.step == i || w.step == from || !g.in[w.step] {
			continue
		}
		switch {
		case from == nobody || g.before(from, w.step):
			if !force(edge{i, w.step, Misses, read.key}) {
				return false, g.contradiction()
			}
		case g.before(w.step, i):
			if !force(edge{w.step, from, Overwrites, read.key}) {
				return false, g.contradiction()
			}
		}
	}
	return grown, nil
}

// order is an order of all steps in the graph that respects what is forced, the earliest end first where it is free.
func (g *graph) order() []int32 {
	waits := make([]int, len(g.c.steps))
	for i := range g.reach {
		for j := range g.reach {
			if g.in[i] && g.in[j] && g.before(int32(i), int32(j)) {
				waits[j]++
			}
		}
	}
	ready := &byEnd{c: g.c}
	for i := range waits {
		if g.in[i] && waits[i] == 0 {
			heap.Push(ready, int32(i))
		}
	}
	var order []int32
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int32)
		order = append(order, i)
		for j := range g.reach {
			if g.in[j] && g.before(i, int32(j)) {
				if waits[j]--; waits[j] == 0 {
					heap.Push(ready, int32(j))
				}
			}
		}
	}
	return order
}

// legal tells whether the order that the graph leaves replays, which proves the history legal.
func (g *graph) legal() bool {
	r := newReplay(g.c)
	for _, i := range g.order() {
		if r.place(i) != nil {
			return false
		}
	}
	return true
}

// byEnd is a heap of steps.
type byEnd struct {
	c     *compiled
	steps []int32
}

func (h *byEnd) Len() int { return len(h.steps) }
func (h *byEnd) Less(a, b int) bool {
	x, y := &h.c.steps[h.steps[a]], &h.c.steps[h.steps[b]]
	return cmp.Or(cmp.Compare(x.claim, y.claim), cmp.Compare(x.end, y.end), cmp.Compare(h.steps[a], h.steps[b])) < 0
}
func (h *byEnd) Swap(a, b int) { h.steps[a], h.steps[b] = h.steps[b], h.steps[a] }
func (h *byEnd) Push(x any)    { h.steps = append(h.steps, x.(int32)) }
func (h *byEnd) Pop() any {
	last := h.steps[len(h.steps)-1]
	h.steps = h.steps[:len(h.steps)-1]
	return last
}
