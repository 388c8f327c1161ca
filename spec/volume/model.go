package volume

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// A Model is a world as a checker searches it.
type Model struct {
	world World
	bug   bug
}

// NewModel returns the model of a world. It refuses, before any search, a world that contradicts itself or
// whose states do not fit.
func NewModel(w World) (*Model, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	b, err := bugNamed(w.Bug)
	if err != nil {
		return nil, err
	}
	w.Bug = b.String()
	return &Model{w, b}, nil
}

// Name returns "volume".
func (m *Model) Name() string { return "volume" }

// World returns the World.
func (m *Model) World() any { return m.world }

// Actions returns the names of the actions that the world has.
func (m *Model) Actions() []string {
	var names []string
	for a := Action(0); a < actions; a++ {
		if m.has(a) {
			names = append(names, a.String())
		}
	}
	return names
}

// has says whether the world has an action.
func (m *Model) has(a Action) bool {
	switch a {
	case ActStructure:
		return m.world.Structures
	case ActChange:
		return m.world.Members > 1
	case ActGrow:
		return m.world.Grows
	case ActAdopt:
		return m.world.Members > 1 || m.world.Grows
	case ActAmnesia:
		return m.bug == amnesia
	case ActAckEarly:
		return m.bug == ackBeforeDurable
	}
	return true
}

// Invariants returns those that are decided in the world.
func (m *Model) Invariants() []check.Invariant {
	var list []check.Invariant
	for _, i := range m.world.Invariants() {
		list = append(list, check.Invariant{Name: i.Name, Guarantee: i.Guarantee})
	}
	return list
}

// Reductions returns the symmetry, when the world has it.
func (m *Model) Reductions() []string {
	if !m.world.Symmetry || m.world.Replicas == 1 {
		return nil
	}
	return []string{fmt.Sprintf("symmetry: the %d replicas of a group are interchangeable (exact orbits)", m.world.Replicas)}
}

// NewMachine returns a machine in the initial state.
func (m *Model) NewMachine() check.Machine {
	s, err := NewState(m.world)
	if err != nil {
		panic("volume: a world that was valid is not: " + err.Error()) // NewModel has validated it
	}
	l := newLayout(m.world)
	machine := &machine{State: s, layout: l, liveness: newLiveness(m.world), parts: newParts(&l, len(s.replicas))}
	n := 0
	for a := Action(0); a < actions; a++ {
		machine.places[a] = n
		if m.has(a) {
			n++
		}
	}
	return machine
}

// A machine steps a State for the checker.
type machine struct {
	*State
	liveness
	layout  layout
	parts   parts
	choices []choice
	places  [actions]int // the place of each action in Model.Actions
	reduced bool         // Gossip is left out: see reducedMachine
}

// A choice is what a Q of Decide leads to, and how many Qs led there.
type choice struct {
	quorum      ReplicaSet
	newest, cut int32
	holes       []int32
	times       int
}

func (m *machine) Init() { m.Reset() }

func (m *machine) Step() string { return m.LastStep() }

// Broken looks only at what the last step can have changed: the search steps only from states in which
// everything holds.
func (m *machine) Broken() int { return m.brokenByLastStep() }

// Next takes the steps in the order in which the module's Next lists them. Steps that are the same but for which of several
// interchangeable replicas takes them lead to interchangeable states: one of them is taken, and counted as often as there are such
// replicas. So is a record that a replica can copy from one peer or from another.
func (m *machine) Next(visit func(action, times int) bool) {
	w := &m.world
	m.ready()
	// try visits the state after an action that was not refused, and comes back unless it is to stay there.
	try := func(a Action, times int, refused Refusal) bool {
		if refused != "" {
			return true
		}
		if !visit(m.places[a], times) {
			return false
		}
		return m.TakeBack()
	}
	for e := 1; e <= w.MaxEpoch; e++ {
		if !m.writerSteps(e, try) || !m.replicaSteps(e, try) || !try(ActAdvance, 1, m.Advance(e)) ||
			!try(ActStart, 1, m.Start(e)) || !m.decisions(e, visit) || !try(ActOpen, 1, m.Open(e)) || !m.changes(e, try) {
			return
		}
		for r, likes := range m.parts.likes {
			if likes > 0 && (!try(ActFence, likes, m.Fence(e, r)) || !try(ActJoin, likes, m.Join(e, r))) {
				return
			}
		}
	}
	if !m.gossips(try) || m.bug != amnesia {
		return
	}
	for r, likes := range m.parts.likes {
		if likes > 0 && !try(ActAmnesia, likes, m.Amnesia(r)) {
			return
		}
	}
}

// writerSteps takes what the writer of e does for transactions.
func (m *machine) writerSteps(e int, try func(Action, int, Refusal) bool) bool {
	if m.Phase(e) != Open {
		return true
	}
	last := min(m.world.Txns, int(m.started)+1) // transactions start in order
	for t := 1; t <= last; t++ {
		if !try(ActCommit, 1, m.Commit(e, t)) || !try(ActAck, 1, m.Ack(e, t)) {
			return false
		}
		for g := range m.world.Groups {
			if !try(ActUndo, 1, m.UndoIn(e, t, g)) {
				return false
			}
		}
	}
	ends := []bool{false, true}
	if !m.world.Mtr {
		ends = ends[1:]
	}
	for t := 1; t <= last; t++ {
		ways := m.waysToStart(t)
		for k := range m.world.Keys {
			for g := range m.world.Groups {
				for _, last := range ends {
					if !try(ActWrite, ways, m.WriteIn(e, t, k, g, last)) {
						return false
					}
				}
			}
		}
	}
	for g := range m.world.Groups {
		for _, last := range ends {
			if !try(ActStructure, 1, m.Structure(e, g, last)) {
				return false
			}
		}
	}
	return true
}

// waysToStart returns how often TLC counts a Write of t. The guard of a transaction's first write says that
// for every earlier transaction there is a log with a write of it, and where that "there is" stands, in an
// action, TLC takes each log that will do as another way to the same state.
func (m *machine) waysToStart(t int) int {
	ways := 1
	if t > int(m.started) {
		for u := 1; u < t && u < len(m.outcomes); u++ {
			ways *= int(m.outcomes[u].logs)
		}
	}
	return ways
}

// replicaSteps takes what replicas do with the records of e.
func (m *machine) replicaSteps(e int, try func(Action, int, Refusal) bool) bool {
	for l := 1; l <= m.End(e); l++ {
		for r, likes := range m.parts.likes {
			if likes == 0 {
				continue
			}
			if !try(ActStore, likes, m.Store(e, l, r)) {
				return false
			}
			if m.bug == ackBeforeDurable && !try(ActAckEarly, likes, m.AckEarly(e, l, r)) {
				return false
			}
		}
	}
	return true
}

// changes takes what the register changes for the writer of e, and that it hears of it.
func (m *machine) changes(e int, try func(Action, int, Refusal) bool) bool {
	w := m.writer(e)
	if w == nil || w.phase != Open || m.world.Members <= 1 && !m.world.Grows {
		return true
	}
	for g := range m.world.Groups {
		if len(w.made[g]) > 0 && m.world.Members > 1 {
			for _, next := range m.successors(w.made[g]) {
				if !try(ActChange, 1, m.Change(e, g, next)) {
					return false
				}
			}
		}
		if !try(ActGrow, 1, m.Grow(e, g)) {
			return false
		}
	}
	return try(ActAdopt, 1, m.Adopt(e))
}

func (m *machine) gossips(try func(Action, int, Refusal) bool) bool {
	if m.reduced {
		return true
	}
	for r, likes := range m.parts.likes {
		if likes == 0 || m.replicas[r].fence != m.replicas[r].line {
			continue // taken by its like, or frozen until it joins
		}
		for l := 1; l <= m.world.MaxLSN; l++ {
			if m.replicas[r].stored(int32(l)) == 0 && !m.gossipsOf(r, likes, l, try) {
				return false
			}
		}
	}
	return true
}

// gossipsOf lets replica r copy record l, once of all the peers that have the same record to give.
func (m *machine) gossipsOf(r, likes, l int, try func(Action, int, Refusal) bool) bool {
	from := m.GroupOf(r) * m.world.Replicas
	peers := m.replicas[from : from+m.world.Replicas]
	for p := range peers {
		record := peers[p].stored(int32(l))
		if record == 0 || from+p == r || !m.gives(r, from+p) {
			continue
		}
		first, times := true, 0
		for q := range peers {
			if from+q == r || peers[q].stored(int32(l)) != record || !m.gives(r, from+q) {
				continue
			}
			if q < p {
				first = false
				break
			}
			times++
		}
		if first && !try(ActGossip, likes*times, m.Gossip(r, from+p, l)) {
			return false
		}
	}
	return true
}

// gives says whether replica p is one that r may copy from, if it has the record.
func (m *machine) gives(r, p int) bool {
	return m.bug == gossipAcrossLines || m.replicas[p].line == m.replicas[r].line
}

// How many subsets decisions goes through before it gives visit a chance to stop it.
const subsetsAtOnce = 1 << 16

// decisions takes every Decide(e). The module counts one for each Q, and many Qs lead to the same log: what
// they lead to is visited once, with their number.
func (m *machine) decisions(e int, visit func(action, times int) bool) bool {
	w := m.writer(e)
	if w == nil || w.phase != Fencing {
		return true
	}
	var candidates, q ReplicaSet
	for r := range m.replicas {
		if m.answered(w, e, r) {
			candidates.add(r)
		}
	}
	if !m.readFrom(w.sets, candidates, m.decisionQuorum(), true) {
		return true
	}
	m.choices = m.choices[:0]
	for n := 1; ; n++ {
		q = candidates.nextSubset(q)
		if q == (ReplicaSet{}) {
			return m.visitChoices(e, visit)
		}
		if m.readFrom(w.sets, q, m.decisionQuorum(), true) {
			newest, cut := m.recover(w, q)
			m.choose(q, newest, cut, m.holes(w, q, newest, cut))
		}
		if n%subsetsAtOnce == 0 {
			if !m.visitChoices(e, visit) {
				return false
			}
			m.choices = m.choices[:0]
		}
	}
}

func (m *machine) choose(q ReplicaSet, newest, cut int32, holes []int32) {
	for i := range m.choices {
		if c := &m.choices[i]; c.newest == newest && c.cut == cut && slices.Equal(c.holes, holes) {
			c.times++
			return
		}
	}
	m.choices = append(m.choices, choice{q, newest, cut, holes, 1})
}

func (m *machine) visitChoices(e int, visit func(action, times int) bool) bool {
	for _, c := range m.choices {
		m.decide(e, c.quorum, c.newest, c.cut, c.holes)
		if !visit(m.places[ActDecide], c.times) {
			return false
		}
		m.TakeBack()
	}
	return true
}
