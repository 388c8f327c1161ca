package linearizability

// A solver decides clauses by conflict-driven learning (Marques-Silva and Sakallah 1996; Eén and Sörensson, "An extensible
// SAT-solver", 2003). Clauses may be added between calls of solve, which is how the orders that a history forbids become
// known: one cycle after another.
type solver struct {
	clauses  [][]literal
	watches  [][]int32 // by literal, the clauses that watch it
	value    []int8    // by literal: 1 true, -1 false, 0 open
	level    []int32   // by variable
	reason   []int32   // by variable, the clause that forced it, or none
	phase    []bool    // by variable, what is tried first
	activity []float64
	bump     float64
	heap     []int32 // open variables, the most active first
	place    []int32 // by variable, its place in the heap, or none
	trail    []literal
	limits   []int // by level, the length of the trail before it
	head     int
	seen     []bool
	failed   bool // no assignment is left
}

// A literal is a variable (even) or its negation (odd).
type literal int32

func (l literal) not() literal    { return l ^ 1 }
func (l literal) variable() int32 { return int32(l) >> 1 }

// variable makes a new one, which is true or false first as it is told.
func (s *solver) variable(first bool) literal {
	v := int32(len(s.level))
	s.watches = append(s.watches, nil, nil)
	s.value = append(s.value, 0, 0)
	s.level, s.reason, s.phase = append(s.level, 0), append(s.reason, none), append(s.phase, first)
	s.activity, s.place, s.seen = append(s.activity, 0), append(s.place, none), append(s.seen, false)
	if s.bump == 0 {
		s.bump = 1
	}
	s.insert(v)
	return literal(v << 1)
}

// holds tells that the literal is true in the assignment found.
func (s *solver) holds(l literal) bool { return s.value[l] > 0 }

// add adds a clause. It forgets the assignment.
func (s *solver) add(clause []literal) {
	s.back(0)
	var kept []literal
	for _, l := range clause {
		if s.value[l] > 0 {
			return
		}
		twice := s.value[l] < 0
		for _, k := range kept {
			if k == l.not() {
				return
			}
			twice = twice || k == l
		}
		if !twice {
			kept = append(kept, l)
		}
	}
	switch len(kept) {
	case 0:
		s.failed = true
	case 1:
		s.assign(kept[0], none)
		s.failed = s.failed || s.propagate() != none
	default:
		s.attach(kept)
	}
}

func (s *solver) attach(clause []literal) int32 {
	at := int32(len(s.clauses))
	s.clauses = append(s.clauses, clause)
	s.watches[clause[0]] = append(s.watches[clause[0]], at)
	s.watches[clause[1]] = append(s.watches[clause[1]], at)
	return at
}

func (s *solver) assign(l literal, reason int32) {
	s.value[l], s.value[l.not()] = 1, -1
	s.level[l.variable()], s.reason[l.variable()] = int32(len(s.limits)), reason
	s.trail = append(s.trail, l)
}

// propagate assigns what follows, and returns a clause that is false, or none.
func (s *solver) propagate() int32 {
	for s.head < len(s.trail) {
		false_ := s.trail[s.head].not()
		s.head++
		watching := s.watches[false_]
		kept := watching[:0]
		for n, at := range watching {
			c := s.clauses[at]
			if c[0] == false_ {
				c[0], c[1] = c[1], c[0]
			}
			if s.value[c[0]] > 0 {
				kept = append(kept, at)
				continue
			}
			moved := false
			for i := 2; i < len(c); i++ {
				if s.value[c[i]] >= 0 {
					c[1], c[i] = c[i], c[1]
					s.watches[c[1]] = append(s.watches[c[1]], at)
					moved = true
					break
				}
			}
			if moved {
				continue
			}
			kept = append(kept, at)
			if s.value[c[0]] < 0 {
				kept = append(kept, watching[n+1:]...)
				s.watches[false_] = kept
				return at
			}
			s.assign(c[0], at)
		}
		s.watches[false_] = kept
	}
	return none
}

// back forgets all levels behind one.
func (s *solver) back(level int) {
	if len(s.limits) <= level {
		return
	}
	for i := len(s.trail) - 1; i >= s.limits[level]; i-- {
		l := s.trail[i]
		s.value[l], s.value[l.not()] = 0, 0
		s.phase[l.variable()] = l&1 == 0
		s.insert(l.variable())
	}
	s.trail = s.trail[:s.limits[level]]
	s.limits = s.limits[:level]
	s.head = len(s.trail)
}

// analyze learns from a false clause: the first unique implication point of its level. It returns the clause learned, with
// the literal that it forces first, and the level to go back to.
func (s *solver) analyze(conflict int32) (learned []literal, level int32) {
	learned = []literal{0}
	open, at := 0, len(s.trail)-1
	clause := s.clauses[conflict]
	for first := true; ; first = false {
		for i, l := range clause {
			v := l.variable()
			if !first && i == 0 || s.seen[v] || s.level[v] == 0 {
				continue
			}
			s.seen[v] = true
			s.reward(v)
			if s.level[v] == int32(len(s.limits)) {
				open++
			} else {
				learned = append(learned, l)
			}
		}
		for !s.seen[s.trail[at].variable()] {
			at--
		}
		l := s.trail[at]
		at--
		s.seen[l.variable()] = false
		if open--; open == 0 {
			learned[0] = l.not()
			break
		}
		clause = s.clauses[s.reason[l.variable()]]
	}
	for i, l := range learned[1:] {
		s.seen[l.variable()] = false
		if s.level[l.variable()] > level {
			level = s.level[l.variable()]
			learned[1], learned[i+1] = learned[i+1], learned[1]
		}
	}
	return learned, level
}

// solve looks for an assignment. It counts its conflicts with step, and gives up, with decided false, when that says so.
func (s *solver) solve(step func() bool) (satisfied, decided bool) {
	for !s.failed {
		if conflict := s.propagate(); conflict != none {
			if len(s.limits) == 0 {
				s.failed = true
				break
			}
			if !step() {
				return false, false
			}
			learned, level := s.analyze(conflict)
			s.back(int(level))
			if len(learned) == 1 {
				s.assign(learned[0], none)
			} else {
				s.assign(learned[0], s.attach(learned))
			}
			s.bump *= 1.05
			continue
		}
		v := none
		for len(s.heap) > 0 && v == none {
			if top := s.pop(); s.value[literal(top<<1)] == 0 {
				v = top
			}
		}
		if v == none {
			return true, true
		}
		s.limits = append(s.limits, len(s.trail))
		l := literal(v << 1)
		if !s.phase[v] {
			l = l.not()
		}
		s.assign(l, none)
	}
	return false, true
}

func (s *solver) reward(v int32) {
	s.activity[v] += s.bump
	if s.activity[v] > 1e100 {
		for i := range s.activity {
			s.activity[i] *= 1e-100
		}
		s.bump *= 1e-100
	}
	if s.place[v] != none {
		s.up(s.place[v])
	}
}

func (s *solver) before(a, b int32) bool {
	return s.activity[a] > s.activity[b] || s.activity[a] == s.activity[b] && a < b
}

func (s *solver) insert(v int32) {
	if s.place[v] == none {
		s.place[v] = int32(len(s.heap))
		s.heap = append(s.heap, v)
		s.up(s.place[v])
	}
}

func (s *solver) up(i int32) {
	for i > 0 {
		parent := (i - 1) / 2
		if !s.before(s.heap[i], s.heap[parent]) {
			return
		}
		s.exchange(i, parent)
		i = parent
	}
}

func (s *solver) pop() int32 {
	top := s.heap[0]
	s.exchange(0, int32(len(s.heap)-1))
	s.heap = s.heap[:len(s.heap)-1]
	s.place[top] = none
	for i := int32(0); ; {
		child := 2*i + 1
		if child >= int32(len(s.heap)) {
			return top
		}
		if child+1 < int32(len(s.heap)) && s.before(s.heap[child+1], s.heap[child]) {
			child++
		}
		if !s.before(s.heap[child], s.heap[i]) {
			return top
		}
		s.exchange(i, child)
		i = child
	}
}

func (s *solver) exchange(i, j int32) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.place[s.heap[i]], s.place[s.heap[j]] = i, j
}
