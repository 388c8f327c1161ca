package check

import (
	"encoding/binary"
	"slices"
)

// A graph has the states of a model, numbered in the order in which they were found, and the steps between them. State 0
// is the initial one. Steps from a state to itself are left out: nothing happens in them, and that is always possible.
type graph struct {
	codes  arena
	table  []uint32 // open addressing by fingerprint, a power of two: number + 1 of a state, 0 when free
	starts paged[uint64]
	edges  paged[edge]
	facts  paged[uint64] // factWords for each state: what note noted
	words  int           // factWords
	labels labels
	// The fair instances of steps that lead from a state out of the state constraint: they are enabled, and never taken.
	leaving map[uint32]uint32

	// The steps from the state that is being expanded, one for each state that they lead to; last says which one it is, if
	// it is one of them.
	steps []edge
	last  []uint32
}

// An edge is a step: a pair of states, with the set of fair instances that it belongs to.
type edge struct {
	to    uint32
	label uint32
}

const (
	maxStates     = 1<<31 - 1 // so that two nodes for each can be counted
	analysisBytes = 64        // for each state, what deciding a property takes at most
)

func (g *graph) init(properties int) {
	g.words = (2*properties + 63) / 64
	g.table = make([]uint32, 1<<10)
	g.starts.add(0)
	g.labels = labels{sets: [][]uint64{nil}, byKey: map[string]uint32{"": 0}, memo: map[[2]uint32]uint32{}}
}

func (g *graph) states() int { return g.codes.n }

// code returns the encoding of a state.
func (g *graph) code(s uint32) []byte { return g.codes.at(int(s)) }

// add returns the number of the state with this encoding, and whether it is new.
func (g *graph) add(code []byte) (uint32, bool) {
	slot := g.find(code)
	if n := g.table[slot]; n != 0 {
		return n - 1, false
	}
	if g.states() >= len(g.table)/4*3 {
		g.grow()
		slot = g.find(code)
	}
	g.codes.add(code)
	g.table[slot] = uint32(g.states())
	g.last = append(g.last, 0)
	for range g.words {
		g.facts.add(0)
	}
	return uint32(g.states() - 1), true
}

// find returns the slot of the table where the state is, or where it belongs.
func (g *graph) find(code []byte) uint64 {
	mask := uint64(len(g.table) - 1)
	i := hashOf(code) & mask
	for g.table[i] != 0 && string(g.codes.at(int(g.table[i]-1))) != string(code) {
		i = (i + 1) & mask
	}
	return i
}

func (g *graph) grow() {
	g.table = make([]uint32, 2*len(g.table))
	for s := range g.states() {
		g.table[g.find(g.codes.at(s))] = uint32(s) + 1
	}
}

// note notes whether a fact is true in the state that was added last.
func (g *graph) note(fact int, holds bool) {
	if holds {
		*g.facts.at((g.states()-1)*g.words + fact/64) |= 1 << (fact % 64)
	}
}

// holds returns what note noted.
func (g *graph) holds(s uint32, fact int) bool {
	return *g.facts.at(int(s)*g.words + fact/64)>>(fact%64)&1 != 0
}

// step adds a step from the state that is being expanded: the states are expanded in the order of their numbers, and settle
// ends each.
func (g *graph) step(to uint32, instances []int) {
	at := g.last[to]
	if int(at) >= len(g.steps) || g.steps[at].to != to {
		at = uint32(len(g.steps))
		g.last[to] = at
		g.steps = append(g.steps, edge{to: to})
	}
	for _, i := range instances {
		g.steps[at].label = g.labels.with(g.steps[at].label, i)
	}
}

// leave notes a step from the state that is being expanded to one outside the state constraint.
func (g *graph) leave(from uint32, instances []int) {
	if g.leaving == nil {
		g.leaving = map[uint32]uint32{}
	}
	for _, i := range instances {
		g.leaving[from] = g.labels.with(g.leaving[from], i)
	}
}

func (g *graph) settle() {
	for _, e := range g.steps {
		g.edges.add(e)
	}
	g.steps = g.steps[:0]
	g.starts.add(uint64(g.edges.n))
}

// from returns where the steps from s begin and end.
func (g *graph) from(s uint32) (first, end int) {
	return int(*g.starts.at(int(s))), int(*g.starts.at(int(s) + 1))
}

// enabled sets in dst, which must be clear, the instances that are enabled in s.
func (g *graph) enabled(s uint32, dst []uint64) {
	first, end := g.from(s)
	for i := first; i < end; i++ {
		for w, bits := range g.labels.sets[g.edges.at(i).label] {
			dst[w] |= bits
		}
	}
	for w, bits := range g.labels.sets[g.leaving[s]] {
		dst[w] |= bits
	}
}

// bytes returns how much memory the graph takes, and would take to decide a property of.
func (g *graph) bytes() int64 {
	table := int64(len(g.table)) * 4
	if g.states() >= len(g.table)/4*3-256 { // about to grow, while the old one is still there
		table *= 3
	}
	return g.codes.bytes + table + 8*int64(g.starts.n+g.edges.n+g.facts.n) + 4*int64(cap(g.last)) +
		g.labels.bytes + analysisBytes*int64(g.states())
}

// labels are sets of instances, by number; 0 is the empty one.
type labels struct {
	sets      [][]uint64
	byKey     map[string]uint32
	memo      map[[2]uint32]uint32 // set and instance → set with it
	instances int
	bytes     int64
}

// with returns the set that has one instance more.
func (l *labels) with(set uint32, instance int) uint32 {
	known, ok := l.memo[[2]uint32{set, uint32(instance)}]
	if ok {
		return known
	}
	l.instances = max(l.instances, instance+1)
	bits := slices.Clone(l.sets[set])
	for len(bits) <= instance/64 {
		bits = append(bits, 0)
	}
	bits[instance/64] |= 1 << (instance % 64)
	var key []byte
	for _, w := range bits {
		key = binary.LittleEndian.AppendUint64(key, w)
	}
	n, ok := l.byKey[string(key)]
	if !ok {
		n = uint32(len(l.sets))
		l.sets = append(l.sets, bits)
		l.byKey[string(key)] = n
		l.bytes += int64(2*len(key) + 64)
	}
	l.memo[[2]uint32{set, uint32(instance)}] = n
	l.bytes += 32
	return n
}

// has says whether the set has the instance.
func (l *labels) has(set uint32, instance int) bool {
	bits := l.sets[set]
	return instance/64 < len(bits) && bits[instance/64]>>(instance%64)&1 != 0
}

// words returns how many words a set of instances takes.
func (l *labels) words() int { return (l.instances + 63) / 64 }

// A paged list grows without being copied.
type paged[T any] struct {
	pages [][]T
	n     int
}

const pageBits = 12

func (p *paged[T]) add(v T) {
	if p.n>>pageBits == len(p.pages) {
		p.pages = append(p.pages, make([]T, 1<<pageBits))
	}
	p.pages[p.n>>pageBits][p.n&(1<<pageBits-1)] = v
	p.n++
}

func (p *paged[T]) at(i int) *T { return &p.pages[i>>pageBits][i&(1<<pageBits-1)] }

// An arena is a list of byte strings that grows without being copied.
type arena struct {
	pages [][]byte
	where paged[place]
	n     int
	bytes int64
}

type place struct{ page, from, to uint32 }

const arenaPage = 1 << 16

func (a *arena) add(b []byte) {
	last := len(a.pages) - 1
	if last < 0 || len(a.pages[last])+len(b) > cap(a.pages[last]) {
		size := max(arenaPage, len(b))
		a.pages = append(a.pages, make([]byte, 0, size))
		a.bytes += int64(size)
		last++
	}
	page := &a.pages[last]
	from := len(*page)
	*page = append(*page, b...)
	a.where.add(place{uint32(last), uint32(from), uint32(len(*page))})
	a.bytes += 12
	a.n++
}

func (a *arena) at(i int) []byte {
	w := a.where.at(i)
	return a.pages[w.page][w.from:w.to:w.to]
}
