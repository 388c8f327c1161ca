// Package membership is the model of who belongs to one protection group, while that changes: segments are replaced
// through quorum sets and membership epochs (SIGMOD 2018 §4.1), and after the loss of a zone and one segment more the
// survivors go on as a smaller group.
//
// It reads like the module beside which it stands, spec/tla/Membership.tla: one function an action, under the same
// names and in the same order, guard first.
//
// Segments are counted from 1 in what is printed. Those of the steady slots come first, then those of the zone, then
// those that are doubted, then their replacements in the opposite order: in a group of six of which two are doubted,
// A to F of the paper are 1 to 6, G, which is to replace F, is 7, and H, which is to replace E, is 8.
//
// Use package volume instead when an engineer asks what a recovery keeps or cuts: here a record is only a number.
package membership

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// Segments is a set of segments, one bit each, the first segment lowest.
type Segments uint16

func one(s int) Segments                       { return 1 << s }
func (a Segments) has(s int) bool              { return a&one(s) != 0 }
func (a Segments) len() int                    { return bits.OnesCount16(uint16(a)) }
func (a Segments) without(b Segments) Segments { return a &^ b }

// String lists the segments, counted from 1.
func (a Segments) String() string {
	var names []string
	for s := range maxSegments {
		if a.has(s) {
			names = append(names, fmt.Sprint(s+1))
		}
	}
	return "{" + strings.Join(names, " ") + "}"
}

// QuorumSets are the quorum sets of one membership: in ascending order, then zeros.
type QuorumSets [maxSets]Segments

// quorumSets returns the set of the sets given.
func quorumSets(sets ...Segments) QuorumSets {
	slices.Sort(sets)
	var q QuorumSets
	copy(q[:], slices.Compact(sets))
	return q
}

// list returns the sets without the zeros.
func (q *QuorumSets) list() []Segments {
	n := 0
	for n < maxSets && q[n] != 0 {
		n++
	}
	return q[:n]
}

// union returns the members: all that are in any of the sets.
func (q *QuorumSets) union() Segments {
	var all Segments
	for _, m := range q {
		all |= m
	}
	return all
}

// A State is the group, its register, and its writer.
type State struct {
	Epoch  uint8                 // how many memberships the register has
	Sets   [maxEpochs]QuorumSets // the register: those of epoch e at e−1
	Writer uint8                 // the epoch whose membership the writer goes by
	Known  [maxSegments]uint8    // the newest epoch that a segment has learnt of
	SCL    [maxSegments]uint8    // segment complete LSN
	Told   [maxSegments]uint8    // the SCL that a segment has last acknowledged to the writer
	Copied [maxSegments]Segments // those that a segment has copied from, to be filled
	Filled [maxSegments]uint8    // the epoch since which it was a member when it was last filled; 1 for founders, 0 for never
	PGCL   uint8                 // protection group complete LSN, as the writer knows it
}

// model is the module with its constants.
type model struct {
	World
	slots    int
	segments int
	founders Segments
	zone     Segments
}

// New returns the model of a world. It fails where Validate does.
func New(w World) (check.Model, error) {
	m, err := newModel(w)
	if err != nil {
		return nil, err
	}
	return m.plain().Model(), nil
}

func newModel(w World) (*model, error) {
	if w.Bug == "" {
		w.Bug = none
	}
	if err := w.Validate(); err != nil {
		return nil, err
	}
	m := &model{World: w, slots: w.Slots()}
	m.segments = m.slots + w.Doubtful
	m.founders = one(m.slots) - 1
	m.zone = (one(w.Zone) - 1) << w.Steady
	return m, nil
}

func (m *model) plain() check.Plain[State] {
	p := check.Plain[State]{
		Title: "membership", Constants: m.World, Start: m.start(),
		Moves: []check.Move[State]{
			{Name: "Store", Next: m.store}, {Name: "Advance", Next: m.advance},
			{Name: "Suspect", Next: m.suspect}, {Name: "Forward", Next: m.forward}, {Name: "Back", Next: m.back},
			{Name: "Shrink", Next: m.shrink}, {Name: "Grow", Next: m.grow},
			{Name: "Install", Next: m.install}, {Name: "Learn", Next: m.learn},
			{Name: "Copy", Next: m.copy}, {Name: "Fill", Next: m.fill},
		},
		Must: m.must(), Reach: m.reach(), Show: m.show,
	}
	if w := m.World; w.Symmetry && (w.Steady > 1 || w.Zone > 1 || w.Doubtful > 1) {
		p.Same, p.Symmetry = m.same, "slots of one kind are interchangeable"
	}
	return p
}

// twin returns the other segment of a doubtful slot.
func (m *model) twin(s int) int { return 2*m.slots - 1 - s }

func (m *model) short(set Segments) bool { return set.len() < m.slots }

func (m *model) write(set Segments) int {
	if m.short(set) {
		return m.ShortWrite
	}
	return m.WriteQuorum
}

func (m *model) read(set Segments) int {
	if m.short(set) {
		return m.ShortRead
	}
	return m.ReadQuorum
}

func (s *State) sets(e uint8) *QuorumSets { return &s.Sets[e-1] }
func (s *State) members(e uint8) Segments { return s.sets(e).union() }
func (s *State) single(e uint8) bool      { return len(s.sets(e).list()) == 1 }

func (m *model) isWrite(s *State, e uint8, by Segments) bool {
	met, sets := 0, s.sets(e).list()
	for _, set := range sets {
		if (by & set).len() >= m.write(set) {
			met++
		}
	}
	if m.Bug == writeEitherSet {
		return met > 0
	}
	return met == len(sets)
}

func (m *model) isRead(s *State, e uint8, by Segments) bool {
	for _, set := range s.sets(e).list() {
		if (by & set).len() >= m.read(set) {
			return true
		}
	}
	return false
}

// shrunk says whether epoch e is without the zone.
func (m *model) shrunk(s *State, e uint8) bool { return m.short(s.sets(e)[0]) }

// joined returns the epoch since which x is a member, with quorums of the same sizes: no epoch up to e when it is
// none in e.
func (m *model) joined(s *State, e uint8, x int) uint8 {
	d := e + 1
	for d > 1 && s.members(d-1).has(x) && m.shrunk(s, d-1) == m.shrunk(s, e) {
		d--
	}
	return d
}

// votes says whether the answer of x counts when e is read.
func (m *model) votes(s *State, e uint8, x int) bool {
	switch {
	case m.Bug == voteAtOnce:
		return true
	case (m.Bug == directSwap || m.Bug == unfilledVote) && s.single(e):
		return true
	case m.Bug == filledOnce:
		return s.Filled[x] > 0
	default:
		return s.Filled[x] >= m.joined(s, e, x)
	}
}

func (m *model) voters(s *State, e uint8) Segments {
	return m.those(func(x int) bool { return s.members(e).has(x) && m.votes(s, e, x) })
}

// those returns the set of the segments of which it is true.
func (m *model) those(is func(x int) bool) Segments {
	var all Segments
	for x := range m.segments {
		if is(x) {
			all |= one(x)
		}
	}
	return all
}

// installed says whether enough segments know of e for the membership before it to be over. For a smaller group a
// read quorum must do, as there may be no more left: it ends all writing by the old membership, since W exceeds what
// remains, but not all reading.
func (m *model) installed(s *State, e uint8) bool {
	if e == 1 || m.Bug == useUninstalled {
		return true
	}
	know := m.those(func(x int) bool { return s.Known[x] >= e })
	if m.shrunk(s, e) || m.Bug == installAtReadQuorum {
		return m.isRead(s, e-1, know)
	}
	return m.isWrite(s, e-1, know)
}

func (m *model) start() State {
	s := State{Epoch: 1, Writer: 1}
	s.Sets[0] = quorumSets(m.founders)
	for x := range m.segments {
		s.Known[x] = 1
		if m.founders.has(x) {
			s.Filled[x] = 1
		}
	}
	return s
}

// tell: a segment and a writer that go by the same membership hear each other.
func (s *State) tell() {
	for x := range s.Told {
		if s.Known[x] == s.Writer {
			s.Told[x] = s.SCL[x]
		}
	}
}

// Store(x): segment x makes the next record durable and acknowledges it. It refuses a writer that does not go by the
// membership that it knows.
func (m *model) store(s State, yield func(State, ...int)) {
	for x := range m.segments {
		if !s.members(s.Writer).has(x) || int(s.SCL[x]) == m.MaxLSN {
			continue
		}
		if known := s.Known[x]; known != s.Writer && !(m.Bug == storeStale && known > s.Writer) {
			continue
		}
		next := s
		next.SCL[x]++
		next.Told[x] = next.SCL[x]
		yield(next, x+1)
	}
}

// Advance: the writer learns that the next record is complete. What it was told counts, whatever those who told it have
// learnt since. (What a segment copied after it learnt of a newer membership than the writer's, it has not told: with
// that counted, survivors that copy from one another would complete a record behind the back of those already filled.)
func (m *model) advance(s State, yield func(State, ...int)) {
	if int(s.PGCL) == m.MaxLSN {
		return
	}
	have := m.those(func(x int) bool { return s.Told[x] > s.PGCL })
	if complete := m.isWrite(&s, s.Writer, have); m.Bug != countAll && !complete || m.Bug == countAll && have.len() < m.WriteQuorum {
		return
	}
	next := s
	next.PGCL++
	yield(next)
}

// change makes the next epoch, with these quorum sets. The control plane waits for one change to be installed before
// the next, or those who missed the first could outnumber those who have learnt of the second.
func (m *model) change(s State, sets QuorumSets, yield func(State, ...int), args ...int) {
	if int(s.Epoch) == m.MaxEpoch || !m.installed(&s, s.Epoch) {
		return
	}
	next := s
	next.Epoch++
	*next.sets(next.Epoch) = sets
	yield(next, args...)
}

// doubted calls do with the two segments of each doubtful slot, in both orders: y may take the place of x.
func (m *model) doubted(do func(x, y int)) {
	for x := m.slots - m.Doubtful; x < m.segments; x++ {
		do(x, m.twin(x))
	}
}

// Suspect(x, y): segment x may be dead; y shall take its place.
func (m *model) suspect(s State, yield func(State, ...int)) {
	m.doubted(func(x, y int) {
		if members := s.members(s.Epoch); !members.has(x) || members.has(y) {
			return
		}
		var sets []Segments
		for _, set := range s.sets(s.Epoch).list() {
			sets = append(sets, set.without(one(x))|one(y))
			if m.Bug != directSwap {
				sets = append(sets, set)
			}
		}
		m.change(s, quorumSets(sets...), yield, x+1, y+1)
	})
}

// replacing says whether y is a newcomer that shall take the place of x.
func (m *model) replacing(s *State, x, y int) bool {
	members := s.members(s.Epoch)
	return members.has(x) && members.has(y) && m.joined(s, s.Epoch, x) < m.joined(s, s.Epoch, y)
}

// remove makes the next epoch without the sets that x is in.
func (m *model) remove(s State, x int, yield func(State, ...int), args ...int) {
	var sets []Segments
	for _, set := range s.sets(s.Epoch).list() {
		if !set.has(x) {
			sets = append(sets, set)
		}
	}
	m.change(s, quorumSets(sets...), yield, args...)
}

// Forward(x, y): y is filled, so x can go.
func (m *model) forward(s State, yield func(State, ...int)) {
	m.doubted(func(x, y int) {
		if m.replacing(&s, x, y) && (m.Bug == unfilledVote || m.votes(&s, s.Epoch, y)) {
			m.remove(s, x, yield, x+1, y+1)
		}
	})
}

// Back(x, y): x is well, so y can go.
func (m *model) back(s State, yield func(State, ...int)) {
	m.doubted(func(x, y int) {
		if m.replacing(&s, x, y) {
			m.remove(s, y, yield, x+1, y+1)
		}
	})
}

// Shrink: the zone is lost; go on without it.
func (m *model) shrink(s State, yield func(State, ...int)) {
	if m.Zone > 0 && s.single(s.Epoch) && !m.shrunk(&s, s.Epoch) {
		m.change(s, quorumSets(s.sets(s.Epoch)[0].without(m.zone)), yield)
	}
}

// Grow: the zone is back.
func (m *model) grow(s State, yield func(State, ...int)) {
	if s.single(s.Epoch) && m.shrunk(&s, s.Epoch) {
		m.change(s, quorumSets(s.sets(s.Epoch)[0]|m.zone), yield)
	}
}

// Install(e, x): segment x learns of epoch e, and from now on serves no older one.
func (m *model) install(s State, yield func(State, ...int)) {
	for e := uint8(2); e <= s.Epoch; e++ {
		for x := range m.segments {
			if s.Known[x] >= e || !(s.members(e) | s.members(e-1)).has(x) {
				continue
			}
			next := s
			next.Known[x] = e
			if m.joined(&s, e, x) > s.Known[x] {
				next.Copied[x] = 0
			}
			next.tell()
			yield(next, int(e), x+1)
		}
	}
}

// Learn(e): the writer learns of epoch e.
func (m *model) learn(s State, yield func(State, ...int)) {
	for e := s.Writer + 1; e <= s.Epoch; e++ {
		if m.installed(&s, e) {
			next := s
			next.Writer = e
			next.tell()
			yield(next, int(e))
		}
	}
}

// unfilled says whether x is a member that has no vote yet, and since when.
func (m *model) unfilled(s *State, x int) (joined uint8, is bool) {
	joined = m.joined(s, s.Known[x], x)
	return joined, joined <= s.Known[x] && s.Filled[x] < joined
}

// enough says whether x, which joined in epoch j, has what a read quorum had, itself included if it was a member before.
func (m *model) enough(s *State, j uint8, x int) bool {
	if m.Bug == singleSource {
		return s.Copied[x] != 0
	}
	return m.isRead(s, j-1, s.Copied[x]|one(x)&m.voters(s, j-1))
}

// Copy(x, y): segment x copies what y has. y must have a vote, and know that x has joined: if it did not, it could go
// on to store what a writer of before then counts as complete.
func (m *model) copy(s State, yield func(State, ...int)) {
	for x := range m.segments {
		j, is := m.unfilled(&s, x)
		if !is || m.enough(&s, j, x) {
			continue
		}
		sources := m.voters(&s, j-1)
		if m.Bug == copyFromNewcomer {
			sources = s.members(j)
		}
		for y := range m.segments {
			if y == x || s.Copied[x].has(y) || !sources.has(y) || s.Known[y] < j && m.Bug != copyUnfenced {
				continue
			}
			next := s
			next.SCL[x] = max(s.SCL[x], s.SCL[y])
			next.Copied[x] |= one(y)
			next.tell()
			yield(next, x+1, y+1)
		}
	}
}

// Fill(x): from now on x has a vote.
func (m *model) fill(s State, yield func(State, ...int)) {
	for x := range m.segments {
		if j, is := m.unfilled(&s, x); is && m.enough(&s, j, x) {
			next := s
			next.Filled[x] = j
			next.Copied[x] = 0
			yield(next, x+1)
		}
	}
}

func (m *model) show(s State) []check.Var {
	vars := []check.Var{{Name: "writer", Value: fmt.Sprint("epoch ", s.Writer)}, {Name: "pgcl", Value: fmt.Sprint(s.PGCL)}}
	for e := uint8(1); e <= s.Epoch; e++ {
		words := make([]string, 0, maxSets)
		for _, set := range s.sets(e).list() {
			words = append(words, set.String())
		}
		vars = append(vars, check.Var{Name: fmt.Sprint("sets of epoch ", e), Value: strings.Join(words, " ")})
	}
	for x := range m.segments {
		value := fmt.Sprintf("scl %d, knows epoch %d", s.SCL[x], s.Known[x])
		if s.Filled[x] > 0 {
			value += fmt.Sprintf(", filled for %d", s.Filled[x])
		}
		if s.Told[x] != s.SCL[x] {
			value += fmt.Sprintf(" (the writer was told %d)", s.Told[x])
		}
		if s.Copied[x] != 0 {
			value += fmt.Sprint(", copied from ", s.Copied[x])
		}
		vars = append(vars, check.Var{Name: fmt.Sprint("segment ", x+1), Value: value})
	}
	return vars
}
