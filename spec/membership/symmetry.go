package membership

import (
	"bytes"
	"cmp"
	"slices"
)

// An order says, for each segment, which one it becomes.
type order [maxSegments]int

func identity() order {
	var to order
	for x := range to {
		to[x] = x
	}
	return to
}

// same returns the same state for all those that differ only by which slot of a kind is which.
//
// Steady slots, and those of the zone, are sorted by what an order cannot change. That leaves one order, unless some
// that are equal in this have copied from one another; then every order of the equal ones is tried. An exchange of the
// doubtful slots is tried as it is.
func (m *model) same(s State) State {
	best := m.sorted(s)
	if m.Doubtful == 2 {
		swap := identity()
		for _, x := range []int{m.slots - 2, m.slots} {
			swap[x], swap[x+1] = x+1, x
		}
		if other := m.sorted(m.renamed(&s, &swap)); compare(&other, &best) < 0 {
			best = other
		}
	}
	return best
}

// sorted returns the least of the states that s becomes by orders of its steady slots and of its zone.
func (m *model) sorted(s State) State {
	plain := m.slots - m.Doubtful
	kinds := []Segments{one(m.Steady) - 1, m.zone}
	var keys [maxSegments]uint64
	related := false
	for x := range plain {
		keys[x] = m.key(&s, x, kinds)
		related = related || s.Copied[x]&(kinds[0]|kinds[1]) != 0
	}
	at := make([]int, plain) // the segment that comes to each place
	for x := range at {
		at[x] = x
	}
	for _, kind := range [][]int{at[:m.Steady], at[m.Steady:]} {
		slices.SortStableFunc(kind, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	}
	var best State
	first := true
	try := func() {
		to := identity()
		for place, x := range at {
			to[x] = place
		}
		if t := m.renamed(&s, &to); first || compare(&t, &best) < 0 {
			best, first = t, false
		}
	}
	if !related {
		try()
		return best
	}
	var from func(place int)
	from = func(place int) { // all orders of what is at place and after it that keep the keys sorted
		if place == plain {
			try()
			return
		}
		end := plain
		if place < m.Steady {
			end = m.Steady
		}
		for i := place; i < end && keys[at[i]] == keys[at[place]]; i++ {
			at[place], at[i] = at[i], at[place]
			from(place + 1)
			at[place], at[i] = at[i], at[place]
		}
	}
	from(0)
	return best
}

// key sums up of segment x what no order of the kinds changes; all of it, where none of the kinds have copied from one
// another.
func (m *model) key(s *State, x int, kinds []Segments) uint64 {
	key := uint64(s.Known[x])<<12 | uint64(s.SCL[x])<<8 | uint64(s.Told[x])<<4 | uint64(s.Filled[x])
	for y := m.slots - m.Doubtful; y < m.segments; y++ {
		key = key<<2 | uint64(s.Copied[x]>>y&1)<<1 | uint64(s.Copied[y]>>x&1)
	}
	for _, kind := range kinds {
		by := 0
		for y := range m.slots {
			if kind.has(y) && s.Copied[y].has(x) {
				by++
			}
		}
		key = key<<8 | uint64((s.Copied[x]&kind).len())<<4 | uint64(by)
	}
	return key
}

// renamed returns s with each segment x called to[x].
func (m *model) renamed(s *State, to *order) State {
	set := func(a Segments) Segments {
		var b Segments
		for x := 0; a>>x != 0; x++ {
			if a.has(x) {
				b |= one(to[x])
			}
		}
		return b
	}
	t := *s
	for x := range m.segments {
		y := to[x]
		t.Known[y], t.SCL[y], t.Told[y], t.Filled[y], t.Copied[y] = s.Known[x], s.SCL[x], s.Told[x], s.Filled[x], set(s.Copied[x])
	}
	for e := range s.Epoch {
		sets := s.Sets[e]
		for i, a := range sets.list() {
			sets[i] = set(a)
		}
		slices.Sort(sets.list())
		t.Sets[e] = sets
	}
	return t
}

func compare(a, b *State) int {
	return cmp.Or(
		slices.CompareFunc(a.Sets[:], b.Sets[:], func(p, q QuorumSets) int { return slices.Compare(p[:], q[:]) }),
		bytes.Compare(a.Known[:], b.Known[:]), bytes.Compare(a.SCL[:], b.SCL[:]), bytes.Compare(a.Told[:], b.Told[:]), bytes.Compare(a.Filled[:], b.Filled[:]),
		slices.Compare(a.Copied[:], b.Copied[:]))
}
