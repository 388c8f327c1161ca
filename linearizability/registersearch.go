package linearizability

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// Registers in which a value has several writers are searched: depth first over the calls that may come next, as Wing and
// Gong (1993) and Lowe (2017) do, and never twice from the same state. What makes it fast:
//
//   - A read or a failed swap that fits changes nothing, so it is placed at once, without an alternative.
//   - Of calls of one effect, the one that ends first comes first; if a legal order has another one there, they can change places.
//   - Writes of unknown outcome and of one effect are interchangeable, so a state holds how many of them it has used, not which;
//     and it need not be searched when another one has placed the same calls, has the same value, and has used no more.
//   - One is used only where the value that it leaves is wanted by the next call: elsewhere, no call sees what it wrote, and it can
//     be left out.
//   - A value is never replaced while some call still has to see it and none is left that could write it again.
type registerSearch struct {
	b        *budget
	calls    []searched // of known outcome, by begin
	classes  []effects  // of unknown outcome
	writing  [][]int32  // by value, the classes that write it
	next     []int32    // the calls not placed are a list by begin; the last element is its head and end
	prev     []int32
	left     int
	value    int32
	used     []int32 // by class
	need     []int32 // by value, the calls not placed that have to see it
	supply   []int32 // by value, the calls not placed or used that could write it
	hash     [2]uint64
	visited  map[[2]uint64][]usage
	trail    []move
	wanted   []int32 // by value, the generation in which it was wanted last
	offered  []int32 // by value, the generation in which a put of it was offered last
	swapped  []int32 // the same for swaps
	now      int32
	frontier []int32
}

// A searched call needs a value, writes one, or both.
type searched struct {
	begin, end   int64
	sees, writes int32 // or none
	avoids       int32 // failed swap: what it must not see, or none
	call         int32
}

// effects are writes of unknown outcome and one effect, by their begins.
type effects struct {
	sees, writes int32
	begins       []int64
}

// A move places a call, or uses one of a class (then call is none).
type move struct{ call, class, before int32 }

// usage is how many of which classes were used: class, count, and so on.
type usage []int32

// valueAbsent is the number of the value of a key that has none.
const valueAbsent int32 = 0

func (p part) newRegisterSearch(model Model, initial *string, b *budget) *registerSearch {
	s := &registerSearch{b: b, visited: make(map[[2]uint64][]usage)}
	number := map[string]int32{}
	values := int32(1)
	of := func(text string, found bool) int32 {
		if !found || model == ModelKV && text == "" {
			return valueAbsent
		}
		v, ok := number[text]
		if !ok {
			v = values
			number[text] = v
			values++
		}
		return v
	}
	if initial != nil {
		s.value = of(*initial, true)
	}
	type effect struct{ sees, writes int32 }
	classOf := map[effect]int32{}
	for i := range p.at {
		c := p.call(int32(i))
		k := searched{begin: c.Begin, end: c.end(), sees: none, writes: none, avoids: none, call: int32(i)}
		switch c.Kind {
		case Get:
			k.sees = of(c.Value, c.Found || model == ModelKV)
		case Put:
			k.writes = of(c.Value, true)
		case Discard:
			k.writes = valueAbsent
		case CompareAndSwap:
			if c.Swapped || c.Unknown {
				k.sees, k.writes = of(c.From, true), of(c.Value, true)
			} else {
				k.avoids = of(c.From, true)
			}
		}
		if !c.Unknown {
			s.calls = append(s.calls, k)
			continue
		}
		at, ok := classOf[effect{k.sees, k.writes}]
		if !ok {
			at = int32(len(s.classes))
			classOf[effect{k.sees, k.writes}] = at
			s.classes = append(s.classes, effects{sees: k.sees, writes: k.writes})
		}
		s.classes[at].begins = append(s.classes[at].begins, k.begin)
	}
	slices.SortStableFunc(s.calls, func(a, b searched) int { return cmp.Compare(a.begin, b.begin) })
	s.need, s.supply = make([]int32, values), make([]int32, values)
	s.wanted, s.offered, s.swapped, s.writing = make([]int32, values), make([]int32, values), make([]int32, values), make([][]int32, values)
	for _, k := range s.calls {
		if k.sees != none {
			s.need[k.sees]++
		}
		if k.writes != none {
			s.supply[k.writes]++
		}
	}
	for i := range s.classes {
		k := &s.classes[i]
		slices.Sort(k.begins)
		s.supply[k.writes] += int32(len(k.begins))
		s.writing[k.writes] = append(s.writing[k.writes], int32(i))
	}
	s.used = make([]int32, len(s.classes))
	s.left = len(s.calls)
	s.next, s.prev = make([]int32, s.left+1), make([]int32, s.left+1)
	for i := range s.next {
		s.next[i], s.prev[i] = int32((i+1)%(s.left+1)), int32((i+s.left)%(s.left+1))
	}
	return s
}

// head is the list's head and end.
func (s *registerSearch) head() int32 { return int32(len(s.calls)) }

// look lists the calls that may come next, and returns the first end among all that are still to come.
func (s *registerSearch) look() int64 {
	s.frontier = s.frontier[:0]
	first := int64(math.MaxInt64)
	for i := s.next[s.head()]; i != s.head() && s.calls[i].begin <= first; i = s.next[i] {
		first = min(first, s.calls[i].end)
		s.frontier = append(s.frontier, i)
	}
	for len(s.frontier) > 0 && s.calls[s.frontier[len(s.frontier)-1]].begin > first {
		s.frontier = s.frontier[:len(s.frontier)-1]
	}
	return first
}

// place makes a move; it is false when that leaves a call without the value that it has to see, and then nothing is changed.
func (s *registerSearch) place(m move) bool {
	m.before = s.value
	sees, writes := none, none
	if m.call != none {
		sees, writes = s.calls[m.call].sees, s.calls[m.call].writes
	} else {
		sees, writes = s.classes[m.class].sees, s.classes[m.class].writes
	}
	if writes != none && writes != s.value {
		need := s.need[s.value]
		if m.call != none && sees == s.value {
			need--
		}
		if need > 0 && s.supply[s.value] == 0 {
			return false
		}
	}
	s.trail = append(s.trail, m)
	if m.call != none {
		s.next[s.prev[m.call]], s.prev[s.next[m.call]] = s.next[m.call], s.prev[m.call]
		s.left--
		s.toggle(m.call)
		if sees != none {
			s.need[sees]--
		}
	} else {
		s.used[m.class]++
	}
	if writes != none {
		s.supply[writes]--
		s.value = writes
	}
	return true
}

// takeBack undoes the moves behind a mark.
func (s *registerSearch) takeBack(mark int) {
	for len(s.trail) > mark {
		m := s.trail[len(s.trail)-1]
		s.trail = s.trail[:len(s.trail)-1]
		writes := none
		if m.call != none {
			s.next[s.prev[m.call]], s.prev[s.next[m.call]] = m.call, m.call
			s.left++
			s.toggle(m.call)
			if sees := s.calls[m.call].sees; sees != none {
				s.need[sees]++
			}
			writes = s.calls[m.call].writes
		} else {
			s.used[m.class]--
			writes = s.classes[m.class].writes
		}
		if writes != none {
			s.supply[writes]++
		}
		s.value = m.before
	}
}

// toggle keeps the hash of the set of calls placed: 128 bits, of which two sets of a search agree by chance less often than
// a machine errs.
func (s *registerSearch) toggle(i int32) {
	s.hash[0] ^= scatter(uint64(i) + 1)
	s.hash[1] ^= scatter(uint64(i) ^ 0x9e3779b97f4a7c15)
}

// scatter spreads a number over 64 bits.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// settle places all that fits and changes nothing.
func (s *registerSearch) settle() (first int64) {
	for again := true; again; {
		again = false
		first = s.look()
		for _, i := range s.frontier {
			k := &s.calls[i]
			if k.writes == none && (k.sees == s.value || k.sees == none && k.avoids != s.value) {
				again = s.place(move{call: i, class: none}) || again
			}
		}
	}
	return first
}

// seen tells that nothing new can come of the state, and else remembers it.
func (s *registerSearch) seen() bool {
	key := [2]uint64{s.hash[0] ^ scatter(uint64(s.value)<<32), s.hash[1] ^ scatter(uint64(s.value)<<32|1)}
	old := s.visited[key]
	for _, u := range old {
		less := true
		for i := 0; i < len(u) && less; i += 2 {
			less = u[i+1] <= s.used[u[i]]
		}
		if less {
			return true
		}
	}
	var u usage
	for i, n := range s.used {
		if n > 0 {
			u = append(u, int32(i), n)
		}
	}
	s.visited[key] = append(old, u)
	s.b.hold(int64(4*len(u)) + 96)
	return false
}

// moves are the ways on from a settled state, the most promising first.
func (s *registerSearch) moves(first int64) []move {
	s.now++
	var moves []move
	urgent := make([]int64, 0, len(s.frontier)) // by move, the end that it helps to keep
	anything := false
	var wants []int32
	for _, i := range s.frontier {
		k := &s.calls[i]
		if k.sees != none && s.wanted[k.sees] != s.now {
			s.wanted[k.sees] = s.now
			wants = append(wants, k.sees)
		}
		anything = anything || k.avoids != none
		if k.writes == none || k.sees != none && k.sees != s.value {
			continue
		}
		offered := s.offered
		if k.sees != none {
			offered = s.swapped
		}
		if offered[k.writes] == s.now {
			at := slices.IndexFunc(moves, func(m move) bool {
				return s.calls[m.call].writes == k.writes && (s.calls[m.call].sees == none) == (k.sees == none)
			})
			if k.end < urgent[at] {
				moves[at].call, urgent[at] = i, k.end
			}
			continue
		}
		offered[k.writes] = s.now
		moves, urgent = append(moves, move{call: i, class: none}), append(urgent, k.end)
	}
	available := func(c int32) bool {
		k := &s.classes[c]
		return int(s.used[c]) < sort.Search(len(k.begins), func(i int) bool { return k.begins[i] > first })
	}
	use := func(c int32) {
		k := &s.classes[c]
		if k.writes != s.value && (k.sees == none || k.sees == s.value) && !(k.sees == none && s.offered[k.writes] == s.now) && available(c) {
			moves, urgent = append(moves, move{call: none, class: c}), append(urgent, math.MaxInt64)
		}
	}
	if anything { // a failed swap wants any other value
		for c := range s.classes {
			use(int32(c))
		}
	} else {
		for at := 0; at < len(wants); at++ {
			for _, c := range s.writing[wants[at]] {
				use(c)
				if sees := s.classes[c].sees; sees != none && s.wanted[sees] != s.now && available(c) {
					s.wanted[sees] = s.now
					wants = append(wants, sees)
				}
			}
		}
	}
	order := make([]int, len(moves))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(urgent[a], urgent[b]) })
	sorted := make([]move, len(moves))
	for i, at := range order {
		sorted[i] = moves[at]
	}
	return sorted
}

// A choice is a state on the way and what is left to try from it.
type choice struct {
	mark  int
	moves []move
}

// run searches with so many tries.
func (s *registerSearch) run(tries int) Verdict {
	if !s.b.start(tries, len(s.calls)+len(s.classes)) {
		return Unknown
	}
	var path []choice
	for {
		first := s.settle()
		if s.left == 0 {
			return Legal
		}
		if !s.seen() {
			path = append(path, choice{len(s.trail), s.moves(first)})
		}
		for moved := false; !moved; {
			if len(path) == 0 {
				return Illegal
			}
			top := &path[len(path)-1]
			s.takeBack(top.mark)
			if len(top.moves) == 0 {
				path = path[:len(path)-1]
				continue
			}
			if !s.b.step() {
				return Unknown
			}
			moved = s.place(top.moves[0])
			top.moves = top.moves[1:]
		}
	}
}
