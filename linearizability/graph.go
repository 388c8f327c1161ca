package linearizability

import (
	"cmp"
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

// includeMust takes in what must have happened. Real time is an order of intervals and so is transitive already.
func (g *graph) includeMust() {
	for i := range g.c.steps {
		g.in[i] = g.c.steps[i].must
	}
	for i := range g.c.steps {
		for j := range g.c.steps {
			if g.in[i] && g.in[j] && g.realTime(int32(i), int32(j)) {
				g.reach[i][j/64] |= 1 << (j % 64)
			}
		}
	}
}

// include takes in a step of unknown outcome. Nothing begins after its end, so it only comes after others.
func (g *graph) include(i int32) {
	if g.in[i] {
		return
	}
	g.in[i] = true
	for j := range g.c.steps {
		if j := int32(j); g.in[j] && g.realTime(j, i) {
			g.close(j, i)
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
	g.includeMust()
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

// legal tries to build an order that respects what is forced; one that replays proves the history legal. Of the steps
// that may come next it takes the first by claim and end that reads what is there and overwrites nothing that somebody
// still has to read, and else the first that reads what is there. It never goes back: a history that needs that is left
// to porcupine.
func (g *graph) legal() bool {
	waits := make([]int, len(g.c.steps))  // steps that must come before
	wanted := make(map[access]int)        // by value, the reads to come
	ready := make([]int32, 0, len(waits)) // by claim and end
	for i := range g.c.steps {
		if !g.in[i] {
			continue
		}
		for j := range g.c.steps {
			if g.in[j] && g.before(int32(j), int32(i)) {
				waits[i]++
			}
		}
		if waits[i] == 0 {
			ready = append(ready, int32(i))
		}
		for _, read := range g.c.steps[i].reads {
			wanted[read]++
		}
	}
	first := func(a, b int32) int {
		x, y := &g.c.steps[a], &g.c.steps[b]
		return cmp.Or(cmp.Compare(x.claim, y.claim), cmp.Compare(x.end, y.end), cmp.Compare(a, b))
	}
	slices.SortFunc(ready, first)
	r := newReplay(g.c)
	for len(ready) > 0 {
		choice := -1
		for at, i := range ready {
			s := &g.c.steps[i]
			if !r.fits(s) {
				continue
			}
			if !r.destroys(s, wanted) {
				choice = at
				break
			}
			if choice < 0 {
				choice = at
			}
		}
		if choice < 0 {
			return false
		}
		i := ready[choice]
		ready = slices.Delete(ready, choice, choice+1)
		if r.place(i) != nil {
			return false
		}
		for _, read := range g.c.steps[i].reads {
			wanted[read]--
		}
		for j := range g.c.steps {
			if j := int32(j); g.in[j] && g.before(i, j) {
				if waits[j]--; waits[j] == 0 {
					at, _ := slices.BinarySearchFunc(ready, j, first)
					ready = slices.Insert(ready, at, j)
				}
			}
		}
	}
	for i, in := range g.in {
		if in && !r.placed[i] {
			return false
		}
	}
	return true
}

// destroys tells whether the step overwrites a value that others still have to read.
func (r *replay) destroys(s *step, wanted map[access]int) bool {
	for _, w := range s.writes {
		now := access{w.key, r.state[w.key]}
		left := wanted[now]
		if slices.Contains(s.reads, now) {
			left--
		}
		if left > 0 {
			return true
		}
	}
	return false
}
