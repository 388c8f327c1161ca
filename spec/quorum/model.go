// Package quorum is the versioned register of a quorum system as a model: N replicas, writes that wait for W of them
// and reads that wait for R, one writer or several, with and without write-back. Its definition is spec/tla/Quorum.tla,
// and the actions and invariants here have the names and the order that they have there.
//
// Use package volume instead when an engineer's replicas hold a log: a register has no order of its rows to cut.
package quorum

import (
	"math/bits"
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// A Value is named by the write that brought it: 1 is operation 0, and so on. Initial is what the register holds
// before any write.
type Value uint8

// Initial is the value before any write. Absent stands for no value where there need not be one.
const (
	Initial Value = 0
	Absent  Value = 0xff
)

func valueOf(o int) Value { return Value(o + 1) }

// op returns the write that brought v.
func (v Value) op() int { return int(v) - 1 }

// A Stage is how far an operation is.
type Stage uint8

// The stages: a write may skip Asking, a read that does not write back skips Storing.
const (
	Unborn Stage = iota
	Asking
	Storing
	Ended
)

// An Op is one operation of a client.
type Op struct {
	Stage  Stage
	Before uint8 // set of the operations that had ended when it began
	Count  uint8 // of a write: the counter of its version, 0 while it has none
	Value  Value // of a read: the value that it has settled on, or Absent
}

// A Replica is what a replica holds and what passed between it and each client. All that is particular to a replica is
// in here, so that exchanging two of them exchanges two of these.
type Replica struct {
	Holds  Value
	Told   [maxClients]Value // what it has told the client in the operation that is asking, or Absent
	Stored uint8             // set of the clients to whose storing operation it has acknowledged
}

// A State is one state of the register and its clients. What the world has no room for stays as it is in the initial
// state.
type State struct {
	Ops      [maxOps]Op
	Replicas [maxReplicas]Replica
}

// model has the constants, and the actions as methods.
type model struct{ World }

// yield is called with each state that an action leads to, and the action's arguments.
type yield = func(next State, args ...int)

func (m model) init() State {
	var s State
	for o := range s.Ops {
		s.Ops[o].Value = Absent
	}
	for r := range s.Replicas {
		for c := range s.Replicas[r].Told {
			s.Replicas[r].Told[c] = Absent
		}
	}
	return s
}

func (m model) replicas(s *State) []Replica { return s.Replicas[:m.Replicas] }

// ended returns the set of the operations that have ended.
func (m model) ended(s *State) (set uint8) {
	for o := range m.ops() {
		if s.Ops[o].Stage == Ended {
			set |= 1 << o
		}
	}
	return set
}

// A version orders the values: by counter, then by writer. The initial value has the lowest, (0, 0).
func (m model) version(s *State, v Value) (count, writer int) {
	if v == Initial {
		return 0, 0
	}
	return int(s.Ops[v.op()].Count), m.client(v.op()) + 1
}

// newer says whether the version of a is higher than that of b.
func (m model) newer(s *State, a, b Value) bool {
	ac, aw := m.version(s, a)
	bc, bw := m.version(s, b)
	return ac > bc || ac == bc && aw > bw && m.Bug != versionWithoutWriter
}

// ask returns how many answers o waits for.
func (m model) ask(o int) int {
	switch {
	case !m.isWrite(o) && m.Bug == shortReadQuorum:
		return m.ReadQuorum - 1
	case !m.isWrite(o) || m.VersionsFrom == readQuorum:
		return m.ReadQuorum
	case m.VersionsFrom == writeQuorum:
		return m.WriteQuorum
	}
	return 0
}

// answers returns what client c has been told, with repetitions.
func (m model) answers(s *State, c int) []Value {
	told := make([]Value, 0, maxReplicas)
	for _, r := range m.replicas(s) {
		if r.Told[c] != Absent {
			told = append(told, r.Told[c])
		}
	}
	return told
}

// best returns the values that a read may settle on: the one with the highest version. There are several only under a
// bug.
func (m model) best(s *State, answers []Value) []Value {
	votes := func(v Value) (n int) {
		for _, a := range answers {
			if a == v {
				n++
			}
		}
		return n
	}
	var list []Value
	for _, v := range answers {
		beaten := slices.ContainsFunc(answers, func(u Value) bool {
			if m.Bug == vote {
				return votes(u) > votes(v)
			}
			return m.newer(s, u, v)
		})
		if !beaten && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}

// counter returns a counter for write o that is above every one that its writer knows.
func (m model) counter(s *State, o int, answers []Value) uint8 {
	var highest uint8
	for _, v := range answers {
		if v != Initial {
			highest = max(highest, s.Ops[v.op()].Count)
		}
	}
	for u := range m.writeOps() {
		if m.client(u) == m.client(o) && m.turn(u) < m.turn(o) && m.Bug != countRestarts {
			highest = max(highest, s.Ops[u].Count)
		}
	}
	return highest + 1
}

// takes says whether replica r, when it gets value v, takes it: if it is newer than its own.
func (m model) takes(s *State, r int, v Value, blind bool) bool {
	if blind {
		return s.Replicas[r].Holds != v
	}
	return m.newer(s, v, s.Replicas[r].Holds)
}

func (m model) keep(s *State, r int, v Value, blind bool) {
	if m.takes(s, r, v, blind) {
		s.Replicas[r].Holds = v
	}
}

// begins says whether operation o may begin: a client's operations come one after the other.
func (m model) begins(s *State, o int) bool {
	if s.Ops[o].Stage != Unborn {
		return false
	}
	return m.turn(o) == 0 || s.Ops[o-1].Stage == Ended
}

func (m model) begin(s *State, o int, next Stage) {
	s.Ops[o].Before = m.ended(s)
	s.Ops[o].Stage = next
}

// beginWrite: a writer begins to write. One that asks no replica has its version at once.
func (m model) beginWrite(s State, o int, yield yield) {
	if !m.isWrite(o) || !m.begins(&s, o) {
		return
	}
	if m.ask(o) == 0 {
		m.begin(&s, o, Storing)
		s.Ops[o].Count = m.counter(&s, o, nil)
	} else {
		m.begin(&s, o, Asking)
	}
	yield(s, m.names(o)...)
}

// tell: replica r tells the client what it holds.
func (m model) tell(s State, o, r int, yield yield) {
	c := m.client(o)
	if s.Ops[o].Stage != Asking || s.Replicas[r].Told[c] != Absent || len(m.answers(&s, c)) >= m.ask(o) {
		return
	}
	s.Replicas[r].Told[c] = s.Replicas[r].Holds
	yield(s, m.names(o, r)...)
}

// heard returns the answers of o when it has them all, and clears them: they are not needed any longer.
func (m model) heard(s *State, o int) (answers []Value, ok bool) {
	c := m.client(o)
	if s.Ops[o].Stage != Asking {
		return nil, false
	}
	if answers = m.answers(s, c); len(answers) != m.ask(o) {
		return nil, false
	}
	for r := range m.replicas(s) {
		s.Replicas[r].Told[c] = Absent
	}
	return answers, true
}

// number: a writer that has its answers gives its write a version.
func (m model) number(s State, o int, yield yield) {
	if !m.isWrite(o) {
		return
	}
	answers, ok := m.heard(&s, o)
	if !ok {
		return
	}
	s.Ops[o].Stage = Storing
	s.Ops[o].Count = m.counter(&s, o, answers)
	yield(s, m.names(o)...)
}

// store: write o reaches replica r, which acknowledges it once it is durable, its own value or a newer one. It may also
// come late, to a replica that the writer did not wait for.
func (m model) store(s State, o, r int, yield yield) {
	blind := m.Bug == takeOlder
	stage, mine := s.Ops[o].Stage, uint8(1)<<m.client(o)
	if !m.isWrite(o) {
		return
	}
	first := stage == Storing && s.Replicas[r].Stored&mine == 0
	if !first && (stage < Storing || !m.takes(&s, r, valueOf(o), blind)) {
		return
	}
	m.keep(&s, r, valueOf(o), blind)
	if stage == Storing {
		s.Replicas[r].Stored |= mine
	}
	yield(s, m.names(o, r)...)
}

// end ends o when n replicas have acknowledged, and says whether it did.
func (m model) end(s *State, o, n int) bool {
	mine := uint8(1) << m.client(o)
	if s.Ops[o].Stage != Storing {
		return false
	}
	for _, r := range m.replicas(s) {
		if r.Stored&mine != 0 {
			n--
		}
	}
	if n > 0 {
		return false
	}
	s.Ops[o].Stage = Ended
	for r := range m.replicas(s) {
		s.Replicas[r].Stored &^= mine
	}
	return true
}

// endWrite: the client is told that its write is done.
func (m model) endWrite(s State, o int, yield yield) {
	need := m.WriteQuorum
	if m.Bug == shortWriteQuorum {
		need--
	}
	if m.isWrite(o) && m.end(&s, o, need) {
		yield(s, m.names(o)...)
	}
}

func (m model) beginRead(s State, o int, yield yield) {
	if m.isWrite(o) || !m.begins(&s, o) {
		return
	}
	m.begin(&s, o, Asking)
	yield(s, m.names(o)...)
}

// choose: a read that writes back settles on a value when it has its answers ...
func (m model) choose(s State, o int, yield yield) {
	if m.isWrite(o) || !m.WriteBack {
		return
	}
	m.settle(s, o, Storing, yield)
}

func (m model) settle(s State, o int, next Stage, yield yield) {
	answers, ok := m.heard(&s, o)
	if !ok {
		return
	}
	s.Ops[o].Stage = next
	for _, v := range m.best(&s, answers) {
		s.Ops[o].Value = v
		yield(s, m.names(o)...)
	}
}

// writeBack: ... stores it ...
func (m model) writeBack(s State, o, r int, yield yield) {
	mine := uint8(1) << m.client(o)
	if m.isWrite(o) || s.Ops[o].Stage != Storing || s.Replicas[r].Stored&mine != 0 {
		return
	}
	m.keep(&s, r, s.Ops[o].Value, m.Bug == writeBackBlind)
	s.Replicas[r].Stored |= mine
	yield(s, m.names(o, r)...)
}

// endRead: ... and returns it. One that does not write back returns it at once.
func (m model) endRead(s State, o int, yield yield) {
	if m.isWrite(o) {
		return
	}
	if !m.WriteBack {
		m.settle(s, o, Ended, yield)
		return
	}
	need := m.WriteQuorum
	if m.Bug == shortWriteBack {
		need--
	}
	if m.end(&s, o, need) {
		yield(s, m.names(o)...)
	}
}

// amnesia is a bug: r loses its disk and comes back as if nothing happened.
func (m model) amnesia(s State, r int, yield yield) {
	if m.Bug != amnesia || s.Replicas[r].Holds == Initial {
		return
	}
	s.Replicas[r].Holds = Initial
	yield(s, r+1)
}

// ackEarly is a bug: r acknowledges o before it is durable.
func (m model) ackEarly(s State, o, r int, yield yield) {
	mine := uint8(1) << m.client(o)
	if m.Bug != ackBeforeDurable || !m.isWrite(o) || s.Ops[o].Stage != Storing || s.Replicas[r].Stored&mine != 0 {
		return
	}
	s.Replicas[r].Stored |= mine
	yield(s, m.names(o, r)...)
}

// names returns operation o and replicas as the module counts them: client, which of its operations, replica, each
// from 1.
func (m model) names(o int, replicas ...int) []int {
	args := []int{m.client(o) + 1, m.turn(o) + 1}
	for _, r := range replicas {
		args = append(args, r+1)
	}
	return args
}

func (m model) moves() []check.Move[State] {
	ofOp := func(name string, act func(s State, o int, yield yield)) check.Move[State] {
		return check.Move[State]{Name: name, Next: func(s State, yield func(State, ...int)) {
			for o := range m.ops() {
				act(s, o, yield)
			}
		}}
	}
	ofReplica := func(name string, act func(s State, o, r int, yield yield)) check.Move[State] {
		return ofOp(name, func(s State, o int, yield yield) {
			for r := range m.Replicas {
				act(s, o, r, yield)
			}
		})
	}
	return []check.Move[State]{
		ofOp("BeginWrite", m.beginWrite),
		ofReplica("Tell", m.tell),
		ofOp("Number", m.number),
		ofReplica("Store", m.store),
		ofOp("EndWrite", m.endWrite),
		ofOp("BeginRead", m.beginRead),
		ofOp("Choose", m.choose),
		ofReplica("WriteBack", m.writeBack),
		ofOp("EndRead", m.endRead),
		{Name: "Amnesia", Next: func(s State, yield func(State, ...int)) {
			for r := range m.Replicas {
				m.amnesia(s, r, yield)
			}
		}},
		ofReplica("AckEarly", m.ackEarly),
	}
}

// same sorts the replicas, which makes one state of those that differ by an exchange of replicas.
func (m model) same(s State) State {
	slices.SortFunc(m.replicas(&s), func(a, b Replica) int {
		if n := int(a.Holds) - int(b.Holds); n != 0 {
			return n
		}
		if n := slices.Compare(a.Told[:], b.Told[:]); n != 0 {
			return n
		}
		return int(a.Stored) - int(b.Stored)
	})
	return s
}

func members(set uint8) []int {
	list := make([]int, 0, bits.OnesCount8(set))
	for ; set != 0; set &= set - 1 {
		list = append(list, bits.TrailingZeros8(set))
	}
	return list
}
