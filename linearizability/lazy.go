package linearizability

import (
	"cmp"
	"math"
	"slices"
)

// A lazy order is laid through the transactions of a set by one walk in time: a read that fits is placed at once, and a change
// only when it is due or when a read that is due needs it. Before a change come the reads that need what it replaces and that
// no later change could serve. The walk never goes back, so it finds no more than that a set is legal; then the order that it
// has laid is the proof, and what it does not find is left to choices.
type lazy struct {
	c        *compiled
	state    []int32   // by key
	changes  [][]int32 // by key, the steps that write it, the first due first
	next     []int32   // the steps of known outcome not placed, as a list by begin; the last element is its head and end
	prev     []int32
	order    []int32 // of the list
	place    []int32 // by step, where it stands in that, or none
	placed   []bool
	asked    []bool         // what is being made possible
	needed   map[access]int // by key and value, the reads to come
	eager    bool           // a read comes before a change also when a later one could serve it
	frontier []int32
	first    int64 // the first end among the steps to come
}

func (c *compiled) newLazy(eager bool) *lazy {
	n := len(c.steps)
	z := &lazy{c: c, eager: eager, needed: make(map[access]int), state: make([]int32, len(c.keys)), changes: make([][]int32, len(c.keys)), place: make([]int32, n), placed: make([]bool, n), asked: make([]bool, n)}
	for i := range c.steps {
		s := &c.steps[i]
		z.place[i] = none
		if s.must {
			z.order = append(z.order, int32(i))
		}
		for _, w := range s.writes {
			z.changes[w.key] = append(z.changes[w.key], int32(i))
		}
		for _, r := range s.reads {
			z.needed[r]++
		}
	}
	slices.SortStableFunc(z.order, func(a, b int32) int { return cmp.Compare(c.steps[a].begin, c.steps[b].begin) })
	for _, list := range z.changes {
		slices.SortStableFunc(list, func(a, b int32) int { return cmp.Compare(c.steps[a].end, c.steps[b].end) })
	}
	m := len(z.order)
	z.next, z.prev = make([]int32, m+1), make([]int32, m+1)
	for i := range z.next {
		z.next[i], z.prev[i] = int32((i+1)%(m+1)), int32((i+m)%(m+1))
	}
	for at, i := range z.order {
		z.place[i] = int32(at)
	}
	return z
}

// legal tells that the walk came to its end.
func (z *lazy) legal() bool {
	head := int32(len(z.order))
	for z.next[head] != head {
		z.look()
		if z.settle() {
			continue
		}
		due := z.frontier[0]
		for _, i := range z.frontier {
			if z.c.steps[i].end < z.c.steps[due].end {
				due = i
			}
		}
		if !z.make(due) {
			return false
		}
	}
	return true
}

// look lists the steps of known outcome that may come next.
func (z *lazy) look() {
	z.frontier, z.first = z.frontier[:0], math.MaxInt64
	head := int32(len(z.order))
	for at := z.next[head]; at != head && z.c.steps[z.order[at]].begin <= z.first; at = z.next[at] {
		z.first = min(z.first, z.c.steps[z.order[at]].end)
		z.frontier = append(z.frontier, z.order[at])
	}
	for z.c.steps[z.frontier[len(z.frontier)-1]].begin > z.first {
		z.frontier = z.frontier[:len(z.frontier)-1]
	}
}

// settle places the reads that fit; it is false when none does.
func (z *lazy) settle() bool {
	any := false
	for _, i := range z.frontier {
		if s := &z.c.steps[i]; !z.placed[i] && len(s.writes) == 0 && z.fits(s) {
			z.put(i)
			any = true
		}
	}
	return any
}

func (z *lazy) fits(s *step) bool {
	return !slices.ContainsFunc(s.reads, func(r access) bool { return z.state[r.key] != r.value })
}

func (z *lazy) put(i int32) {
	z.placed[i] = true
	for _, w := range z.c.steps[i].writes {
		z.state[w.key] = w.value
	}
	for _, r := range z.c.steps[i].reads {
		z.needed[r]--
	}
	if at := z.place[i]; at != none {
		z.next[z.prev[at]], z.prev[z.next[at]] = z.next[at], z.prev[at]
	}
}

// make places a step, and before it what it needs.
func (z *lazy) make(i int32) bool {
	s := &z.c.steps[i]
	switch {
	case z.placed[i]:
		return true
	case z.asked[i] || s.begin > z.first:
		return false
	}
	z.asked[i] = true
	defer func() { z.asked[i] = false }()
	for range s.reads { // what serves one read may take from another
		if z.fits(s) {
			break
		}
		for _, r := range s.reads {
			for _, w := range z.changes[r.key] {
				if z.state[r.key] == r.value {
					break
				}
				if value, _ := z.c.steps[w].wrote(r.key); value == r.value && !z.placed[w] {
					z.make(w)
				}
			}
			if z.state[r.key] != r.value {
				return false
			}
		}
	}
	if !z.fits(s) {
		return false
	}
	for _, w := range s.writes {
		z.settle()
		if z.state[w.key] == w.value { // what leaves all as it was is of more use later
			for _, other := range z.changes[w.key] {
				if value, _ := z.c.steps[other].wrote(w.key); z.state[w.key] == w.value && !z.placed[other] && (z.c.steps[other].must || z.needed[access{w.key, value}] > 0) {
					z.make(other)
				}
			}
		}
		now := z.state[w.key]
		if now == w.value {
			continue
		}
		for _, reader := range z.frontier {
			r := &z.c.steps[reader]
			if z.placed[reader] || len(r.writes) > 0 || !slices.Contains(r.reads, access{w.key, now}) {
				continue
			}
			served := z.served(r, w.key, now, i)
			if (!served || z.eager) && !z.make(reader) && !served {
				return false
			}
		}
	}
	z.put(i)
	return true
}

// served tells that a change to come, but for one, may leave a value for a read.
func (z *lazy) served(read *step, key, value, but int32) bool {
	return slices.ContainsFunc(z.changes[key], func(w int32) bool {
		left, _ := z.c.steps[w].wrote(key)
		return w != but && !z.placed[w] && left == value && z.c.steps[w].begin <= read.end
	})
}
