package volume

import (
	"math/bits"
	"slices"
)

// A Set is a set of replicas of one group: bit i is the i-th of them, counted from 0.
type Set uint64

// Has says whether the i-th replica of the group is in the set.
func (s Set) Has(i int) bool { return s>>i&1 == 1 }

func (s Set) len() int { return bits.OnesCount64(uint64(s)) }

// A Membership is the quorum sets of a group, in order; the first is the settled one, which has the read vote. It is
// empty while the group is not in use. A list is never changed.
type Membership []Set

// all is AllOf(m).
func (m Membership) all() Set {
	var all Set
	for _, s := range m {
		all |= s
	}
	return all
}

// replacing is Replacing(m, old, new).
func (m Membership) replacing(old, new int) Membership {
	next := slices.Clone(m)
	for _, s := range m {
		if s.Has(old) {
			next = append(next, s&^(1<<old)|1<<new)
		}
	}
	return next
}

// keeping is Keeping(m, stay, leave).
func (m Membership) keeping(stay, leave int) Membership {
	var next Membership
	for _, s := range m {
		if s.Has(stay) && !s.Has(leave) {
			next = append(next, s)
		}
	}
	return next
}

// successors is Successors(g, m), each once; it is the same for each group.
func (s *State) successors(m Membership) []Membership {
	var list []Membership
	add := func(next Membership) {
		if len(next) > 0 && !slices.Equal(next, m) && !slices.ContainsFunc(list, func(o Membership) bool { return slices.Equal(o, next) }) {
			list = append(list, next)
		}
	}
	all := m.all()
	for i := range s.world.Replicas {
		for j := range s.world.Replicas {
			if m[0].Has(i) && !all.Has(j) {
				add(m.replacing(i, j))
				if s.bug == directSwap {
					add(Membership{m[0]&^(1<<i) | 1<<j})
				}
			}
			if all.Has(i) && all.Has(j) {
				add(m.keeping(i, j))
			}
		}
	}
	return list
}

// A geometry has the membership of every group. It is never changed: a change of membership makes another.
type geometry []Membership

func (g geometry) equal(o geometry) bool {
	return slices.EqualFunc(g, o, func(a, b Membership) bool { return slices.Equal(a, b) })
}

// with returns the geometry in which group i has the membership m.
func (g geometry) with(i int, m Membership) geometry {
	next := slices.Clone(g)
	next[i] = m
	return next
}

// firstSets is FirstSets(g).
func (w World) firstSets() Membership { return Membership{1<<(w.Replicas-w.Spares) - 1} }

// firstGroups returns how many groups are in use from the start: the first ones.
func (w World) firstGroups() int {
	if w.InUse == 0 {
		return w.Groups
	}
	return w.InUse
}

// firstGeometry is made[1] at first.
func (w World) firstGeometry() geometry {
	first := make(geometry, w.Groups)
	for g := range w.firstGroups() {
		first[g] = w.firstSets()
	}
	return first
}

// fulls returns the replicas of each group that keep pages.
func (w World) fulls() Set {
	all := Set(1)<<w.Replicas - 1
	for _, r := range w.Tails {
		all &^= 1 << r
	}
	return all
}

// learnt is what the writer of e learns with its epoch.
func (s *State) learnt(e int) geometry {
	known := s.writers[e-2].made
	switch s.bug {
	case changeUnseen:
		known = slices.Clone(known)
		for g := range known {
			if len(known[g]) > 0 {
				known[g] = s.world.firstSets()
			}
		}
	case growUnseen:
		known = slices.Clone(known)
		clear(known[s.world.firstGroups():])
	}
	return known
}

// register is Register: what a writer would learn that starts now.
func (s *State) register() geometry { return s.writers[s.newest-1].made }

// isWritten is IsWritten(S, X, n).
func (s *State) isWritten(set, who Set, n int) bool {
	if (set & who).len() >= n {
		return true
	}
	fulls := set & s.fulls
	return len(s.world.Tails) > 0 && fulls != 0 && fulls&^who == 0
}

// writtenTo is WrittenTo(m, X, n).
func (s *State) writtenTo(m Membership, who Set, n int) bool {
	for _, set := range m {
		if !s.isWritten(set, who, n) {
			return false
		}
	}
	return true
}

// isRead is IsRead(S, X, n).
func (s *State) isRead(set, who Set, n int) bool {
	in := set & who
	return in.len() >= n && (len(s.world.Tails) == 0 || in&s.fulls != 0)
}

// readFrom says whether q is a read quorum by a geometry: ReadFrom(geo, Q, n), or, when a writer decides, DecidedBy.
func (s *State) readFrom(geo geometry, q ReplicaSet, n int, deciding bool) bool {
	if q == (ReplicaSet{}) {
		return false
	}
	for g, m := range geo {
		if len(m) > 0 && !s.votes(m, s.of(q, g), n, deciding) {
			return false
		}
	}
	return true
}

// votes says whether who is a read quorum of a group.
func (s *State) votes(m Membership, who Set, n int, deciding bool) bool {
	switch {
	case deciding && s.bug == newcomerVotes:
		return slices.ContainsFunc(m, func(set Set) bool { return s.isRead(set, who, n) })
	case deciding && s.bug == readWithoutFull:
		return (m[0] & who).len() >= n
	}
	return s.isRead(m[0], who, n)
}

// of returns those of q that are in group g.
func (s *State) of(q ReplicaSet, g int) Set {
	var in Set
	for i := range s.world.Replicas {
		if q.Has(g*s.world.Replicas + i) {
			in |= 1 << i
		}
	}
	return in
}

// Made returns the membership of group g that the register has, or had when a newer epoch started, after the changes of
// the writer of e. It must not be changed.
func (s *State) Made(e, g int) Membership {
	if w := s.writer(e); w != nil {
		return w.made[g]
	}
	return nil
}

// Sets returns the membership of group g by which the writer of e goes. It must not be changed.
func (s *State) Sets(e, g int) Membership {
	if w := s.writer(e); w != nil {
		return w.sets[g]
	}
	return nil
}

// mayChange is MayChange(e).
func (s *State) mayChange(e int) Refusal {
	w := s.writer(e)
	switch {
	case w == nil || w.phase != Open:
		return NotOpen
	case e != int(s.newest):
		return NotNewest
	case s.bug != twoChangesAtOnce && !w.sets.equal(w.made):
		return NotAdopted
	}
	return ""
}

// Change: the register makes m the membership of group g, for the writer of e. Its settled set may go when another one
// is filled.
func (s *State) Change(e, g int, m Membership) Refusal {
	if s.world.Members <= 1 {
		return NoChanges
	}
	if refused := s.mayChange(e); refused != "" {
		return refused
	}
	w := s.writer(e)
	switch {
	case g < 0 || g >= s.world.Groups:
		return NoGroup
	case len(w.made[g]) == 0:
		return NotUsed
	case !slices.ContainsFunc(s.successors(w.made[g]), func(o Membership) bool { return slices.Equal(o, m) }):
		return NoSuccessor
	case len(m) > s.world.Members:
		return TooManySets
	case m[0] != w.made[g][0] && !s.isFilled(w, e, g, m[0]):
		return Unfilled
	}
	return s.enter(ActChange, e, g, slices.Clone(m))
}

// enter puts a membership into the register.
func (s *State) enter(a Action, e, g int, m Membership) Refusal {
	w := s.writer(e)
	c := change{action: a, e: int32(e), g: int32(g), was: w.made}
	w.made = w.made.with(g, m)
	return s.took(c)
}

// isFilled is Filled(e, g, S).
func (s *State) isFilled(w *writer, e, g int, set Set) bool {
	if s.bug == finishUnfilled || s.bug == directSwap {
		return true
	}
	last := int32(0) // LastIn(e, g, vcl[e])
	if n, _ := slices.BinarySearch(w.groups[g], w.vcl+1); n > 0 {
		last = w.groups[g][n-1]
	}
	return s.isWritten(set, s.completeTo(g, e, last), s.world.WriteQuorum)
}

// Grow: the register brings group g into use, for the writer of e.
func (s *State) Grow(e, g int) Refusal {
	if !s.world.Grows {
		return NoGrowth
	}
	if refused := s.mayChange(e); refused != "" {
		return refused
	}
	switch {
	case g < 0 || g >= s.world.Groups:
		return NoGroup
	case len(s.writer(e).made[g]) > 0:
		return UsedAlready
	}
	return s.enter(ActGrow, e, g, s.world.firstSets())
}

// Adopt: the writer of e hears that its change is made, and goes by it.
func (s *State) Adopt(e int) Refusal {
	w := s.writer(e)
	if w == nil || w.sets.equal(w.made) {
		return NothingMade
	}
	c := change{action: ActAdopt, e: int32(e), was: w.sets}
	w.sets = w.made
	return s.took(c)
}
