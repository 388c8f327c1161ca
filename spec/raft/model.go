package raft

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// The actions, in the order of the module.
const (
	actRestart = iota
	actTimeout
	actRequestVote
	actBecomeLeader
	actClientRequest
	actAdvanceCommitIndex
	actAppendEntries
	actAppendEntriesToSelf
	actHeartbeat
	actSendSnapshot
	actReceive
	actStepDownToFollower
	actAddNewServer
	actAddLearner
	actDeleteServer
	actChangeJointly
	actLeaveJoint
	actApplyConfChange
	actReady
	actDuplicateMessage
	actDropMessage
	actLearnTerm
	actIgnoreVote
	actAnswerStale
	actRefuseVote
	told // no step: a line that tells of none

	searched = actLearnTerm // the actions before it are those of a world, the others a trace has as well
)

func actionNames() []string {
	return []string{"Restart", "Timeout", "RequestVote", "BecomeLeader", "ClientRequest", "AdvanceCommitIndex", "AppendEntries",
		"AppendEntriesToSelf", "Heartbeat", "SendSnapshot", "Receive", "StepDownToFollower", "AddNewServer", "AddLearner",
		"DeleteServer", "ChangeJointly", "LeaveJoint", "ApplyConfChange", "Ready", "DuplicateMessage", "DropMessage",
		"LearnTerm", "IgnoreVote", "AnswerStale", "RefuseVote"}
}

// model is the check.Model of a world.
type model struct {
	rules
	names        func(int) string
	permutations []permutation
	invariants   []invariant
}

// New returns the model of a world. It refuses one that contradicts itself or does not fit with a WorldError.
func New(w World) (check.Model, error) {
	if w.Bug == "" {
		w.Bug = check.NoBug
	}
	if err := w.Validate(); err != nil {
		return nil, err
	}
	m := &model{rules: rules{w: w, n: w.Servers}, invariants: invariants()}
	m.names = func(i int) string { return fmt.Sprintf("s%d", i+1) }
	base := Config{Voters: one(w.Members) - 1}
	if w.Learners && w.Changes == 0 {
		base.Learners = (one(w.Servers) - 1) &^ base.Voters
	}
	for range w.Servers {
		m.bases = append(m.bases, base)
	}
	m.permutations = permutations(w)
	return m, nil
}

// class returns who is interchangeable with a server: the members among themselves, but for a first leader, and the others.
func (w World) class(i int) int {
	switch {
	case w.Leader && i == 0:
		return 0
	case i < w.Members:
		return 1
	}
	return 2
}

// permutations returns those that exchange what is interchangeable: the identity alone without symmetry.
func permutations(w World) []permutation {
	var list []permutation
	names := make([]int, w.Servers)
	var fill func(i int, used Set)
	fill = func(i int, used Set) {
		if i == w.Servers {
			p := permutation{names: slices.Clone(names), order: make([]int, w.Servers)}
			for s, name := range names {
				p.order[name] = s
			}
			if !slices.IsSorted(p.names) {
				p.sets = make([]Set, 1<<w.Servers)
				for s := range p.sets {
					Set(s).each(func(i int) { p.sets[s] |= one(names[i]) })
				}
			}
			list = append(list, p)
			return
		}
		for name := range w.Servers {
			if used.has(name) || w.class(i) != w.class(name) || !w.Symmetry && name != i {
				continue
			}
			names[i] = name
			fill(i+1, used.with(name))
		}
	}
	fill(0, 0)
	return list
}

func (m *model) Name() string { return "raft" }
func (m *model) World() any   { return m.w }

func (m *model) Actions() []string {
	if m.ofTrace {
		return actionNames()
	}
	return actionNames()[:searched]
}

func (m *model) Invariants() []check.Invariant {
	var list []check.Invariant
	for _, x := range m.invariants {
		list = append(list, x.Invariant)
	}
	return list
}

func (m *model) Reductions() []string {
	if len(m.permutations) == 1 {
		return nil
	}
	return []string{"symmetry: members are interchangeable, but for a first leader, and so are the others (exact orbits)"}
}

func (m *model) NewMachine() check.Machine { return m.newMachine() }

func (m *model) newMachine() *machine {
	k := &machine{m: m}
	k.Init()
	return k
}

// init returns the initial state: followers of term 0 with empty logs, or a first leader and those that all voted for it.
func (m *model) init() State {
	s := State{Servers: make([]Server, m.n)}
	for i := range s.Servers {
		v := &s.Servers[i]
		v.Config = m.bases[i]
		if m.w.Leader && v.Config.Voters.has(i) {
			v.Term, v.Vote = 1, 1
		}
		if m.w.Leader && i == 0 {
			v.Role, v.Match = Leader, make([]uint64, m.n)
			s.Elected = []Election{{1, 0}}
		}
		v.Durable = Durable{Term: v.Term, Vote: v.Vote, Config: v.Config}
	}
	return s
}

// A move is one step with its arguments.
type move struct {
	action  int
	i, j    int     // servers
	at      uint64  // an index
	count   int     // of entries
	message int     // its place in the network
	change  *Change // of members
	was     Message // the one at its place, before the step
	says    string  // of a line that tells of no step
}

// machine is one mutable state.
type machine struct {
	m       *model
	now     State
	spare   []Server // room for the servers of the next state
	last    move
	touched int // the server that the last step changed; -1: any, unchanged: the network alone
	code    []byte
}

const unchanged = -2

// ofMessage says whether the move has to do with a message of the network.
func (mv move) ofMessage() bool {
	switch mv.action {
	case actReceive, actDropMessage, actDuplicateMessage, actIgnoreVote, actAnswerStale, actRefuseVote:
		return true
	}
	return false
}

func (k *machine) Init() { k.now, k.touched = k.m.init(), -1 }

func (k *machine) Load(code []byte) error {
	k.touched = -1
	r := reader{b: code, w: &k.m.w, n: k.m.n}
	return r.state(&k.now)
}

// Encode writes the state under that permutation of its servers' names that makes the least of it, among those that order the
// servers by their ranks.
func (k *machine) Encode(dst []byte) []byte {
	from := len(dst)
	w := writer{b: dst, w: &k.m.w}
	if len(k.m.permutations) == 1 {
		w.p = &k.m.permutations[0]
		w.state(&k.now)
		return w.b
	}
	var ranks [maxServers]uint64
	for i := range k.now.Servers {
		ranks[i] = k.now.Servers[i].rank(i)
	}
	first := true
	for n := range k.m.permutations {
		p := &k.m.permutations[n]
		if !p.orders(&ranks, &k.m.w) {
			continue
		}
		if first {
			first = false
			w.p = p
			w.state(&k.now)
			continue
		}
		one := writer{b: k.code[:0], p: p, w: &k.m.w}
		one.state(&k.now)
		if k.code = one.b; bytes.Compare(one.b, w.b[from:]) < 0 {
			w.b = append(w.b[:from], one.b...)
		}
	}
	return w.b
}

// orders says whether the permutation has each class of servers by ascending ranks.
func (p *permutation) orders(ranks *[maxServers]uint64, w *World) bool {
	for name := 1; name < len(p.order); name++ {
		if w.class(name-1) == w.class(name) && ranks[p.order[name-1]] > ranks[p.order[name]] {
			return false
		}
	}
	return true
}

// take takes a step if it is possible, calls visit with it taken, and takes it back. It says whether visit wants more.
func (k *machine) take(mv move, visit func() bool) bool {
	before := k.now
	k.now.Servers = append(k.spare[:0], before.Servers...)
	if mv.ofMessage() {
		mv.was = before.Net[mv.message]
	}
	if !k.m.step(&k.now, mv) {
		k.spare, k.now = k.now.Servers, before
		return true
	}
	last, touched := k.last, k.touched
	k.last, k.touched = mv, k.m.touches(mv)
	k.spare = nil // visit may take steps of its own from here
	if !visit() {
		k.spare = before.Servers
		return false
	}
	k.last, k.touched = last, touched
	k.spare, k.now = k.now.Servers, before
	return true
}

// touches returns which server a move changes, or that it changes the network alone.
func (m *model) touches(mv move) int {
	switch mv.action {
	case actRequestVote, actAppendEntries, actAppendEntriesToSelf, actHeartbeat, actSendSnapshot, actDropMessage, actDuplicateMessage:
		return unchanged
	case actReceive, actIgnoreVote, actAnswerStale, actRefuseVote:
		return mv.was.To
	}
	return mv.i
}

// step takes a move.
func (m *model) step(s *State, mv move) bool {
	switch mv.action {
	case actRestart:
		return m.restart(s, mv.i)
	case actTimeout:
		return m.timeout(s, mv.i)
	case actRequestVote:
		return m.requestVote(s, mv.i, mv.j)
	case actBecomeLeader:
		return m.becomeLeader(s, mv.i)
	case actClientRequest:
		return m.clientRequest(s, mv.i)
	case actAdvanceCommitIndex:
		return m.advanceCommitIndex(s, mv.i)
	case actAppendEntries:
		return m.appendEntries(s, mv.i, mv.j, mv.at, mv.count)
	case actAppendEntriesToSelf:
		return m.appendEntriesToSelf(s, mv.i)
	case actHeartbeat:
		return m.heartbeat(s, mv.i, mv.j)
	case actSendSnapshot:
		return m.sendSnapshot(s, mv.i, mv.j, mv.at)
	case actReceive:
		return m.receive(s, mv.message)
	case actStepDownToFollower:
		return m.stepDownToFollower(s, mv.i)
	case actAddNewServer, actAddLearner, actDeleteServer, actChangeJointly, actLeaveJoint:
		return m.propose(s, mv.i, mv.change)
	case actApplyConfChange:
		return m.applyConfChange(s, mv.i)
	case actReady:
		return m.ready(s, mv.i)
	case actDuplicateMessage:
		return m.duplicateMessage(s, mv.message)
	case actDropMessage:
		return m.dropMessage(s, mv.message)
	case actLearnTerm:
		return m.learnTerm(s, mv.i, mv.at)
	case actIgnoreVote:
		return m.ignoreVote(s, mv.message)
	case actAnswerStale:
		return m.answerStale(s, mv.message)
	case actRefuseVote:
		return m.refuseVote(s, mv.message)
	}
	panic(fmt.Sprintf("raft: no action %d", mv.action))
}

// Next takes the steps of a world, action by action.
func (k *machine) Next(visit func(action, times int) bool) {
	k.moves(func(mv move) bool { return k.take(mv, func() bool { return visit(mv.action, 1) }) })
}

// moves yields each move that a world has in the state, possible or not, as long as yield wants more.
func (k *machine) moves(yield func(move) bool) {
	w, s := k.m.w, k.now
	each := func(action int, when func(i int, v *Server) bool) bool {
		for i := range s.Servers {
			if when(i, &s.Servers[i]) && !yield(move{action: action, i: i}) {
				return false
			}
		}
		return true
	}
	all := func(int, *Server) bool { return true }
	leader := func(_ int, v *Server) bool { return v.Role == Leader }
	candidate := func(_ int, v *Server) bool { return v.Role == Candidate }
	_ = w.Restarts > 0 && !each(actRestart, all) ||
		!each(actTimeout, all) ||
		!k.toEach(candidate, true, func(i, j int) bool { return i == j && !w.Ready || yield(move{action: actRequestVote, i: i, j: j}) }) ||
		!each(actBecomeLeader, candidate) ||
		!each(actClientRequest, leader) ||
		!each(actAdvanceCommitIndex, func(_ int, v *Server) bool { return v.Role == Leader && k.m.advances(v) }) ||
		!k.toEach(leader, false, func(i, j int) bool { return k.appends(i, j, yield) }) ||
		w.Ready && !each(actAppendEntriesToSelf, func(i int, v *Server) bool { return v.Role == Leader && v.Match[i] < uint64(len(v.Log)) }) ||
		w.Heartbeats && !k.toEach(leader, false, func(i, j int) bool { return yield(move{action: actHeartbeat, i: i, j: j}) }) ||
		w.Snapshots && !k.toEach(leader, false, func(i, j int) bool {
			for at := s.Servers[i].Match[j] + 1; at <= s.Servers[i].Commit; at++ {
				if !yield(move{action: actSendSnapshot, i: i, j: j, at: at}) {
					return false
				}
			}
			return true
		}) ||
		!k.messages(actReceive, 0, yield) ||
		w.StepDown && !each(actStepDownToFollower, all) ||
		w.Changes > 0 && !k.proposals(yield) ||
		!each(actApplyConfChange, func(_ int, v *Server) bool { return v.unapplied() != 0 }) ||
		w.Ready && !each(actReady, func(_ int, v *Server) bool { return !v.isDurable() }) ||
		w.Duplicates && !k.messages(actDuplicateMessage, 1, yield) ||
		w.Loss && !k.messages(actDropMessage, 0, yield)
}

// advances says whether AdvanceCommitIndex would change anything.
func (m *model) advances(v *Server) bool {
	k := m.agreed(v)
	t, ok := termAt(v.Log, k)
	return ok && k > v.Commit && (t == v.Term || m.bug(commitOldTerm))
}

// isDurable says whether Ready would change anything.
func (v *Server) isDurable() bool {
	d := &v.Durable
	return len(v.Outbox) == 0 && d.Term == v.Term && d.Vote == v.Vote && d.Commit == v.Commit && d.Applied == v.Applied && d.Config == v.Config &&
		len(d.Log) == len(v.Log) && same(d.Log, v.Log, len(v.Log))
}

// toEach calls f for each pair of a server, of which when holds, and another or, with self, itself.
func (k *machine) toEach(when func(int, *Server) bool, self bool, f func(i, j int) bool) bool {
	for i := range k.now.Servers {
		if !when(i, &k.now.Servers[i]) {
			continue
		}
		for j := range k.now.Servers {
			if (i != j || self) && !f(i, j) {
				return false
			}
		}
	}
	return true
}

// appends yields each message of entries to a follower, from behind what is known to match, and an empty one where there is
// nothing to send: it tells how far the leader has committed. What an empty one in the middle of the log tells, one with an
// entry does.
func (k *machine) appends(i, j int, yield func(move) bool) bool {
	v := &k.now.Servers[i]
	for prev := v.Match[j]; prev <= uint64(len(v.Log)); prev++ {
		for count := min(1, len(v.Log)-int(prev)); count <= min(k.m.w.Batch, len(v.Log)-int(prev)); count++ {
			if !yield(move{action: actAppendEntries, i: i, j: j, at: prev, count: count}) {
				return false
			}
		}
	}
	return true
}

// messages yields a move for each message that is under way, the same ones once, with no more than most other copies of it.
func (k *machine) messages(action, most int, yield func(move) bool) bool {
	for n, m := range k.now.Net {
		if slices.ContainsFunc(k.now.Net[:n], m.equal) {
			continue
		}
		if most > 0 && slices.ContainsFunc(k.now.Net[n+1:], m.equal) {
			continue
		}
		if !yield(move{action: action, message: n}) {
			return false
		}
	}
	return true
}

// proposals yields the changes of members of a world.
func (k *machine) proposals(yield func(move) bool) bool {
	w := k.m.w
	single := func(action int, verb Verb, when func(c Config, j int) bool) bool {
		return k.toEach(func(_ int, v *Server) bool { return v.Role == Leader && !v.Config.joint() }, true, func(i, j int) bool {
			if !when(k.now.Servers[i].Config, j) {
				return true
			}
			return yield(move{action: action, i: i, j: j, change: &Change{Simple, []Single{{verb, j}}}})
		})
	}
	ok := single(actAddNewServer, AddVoter, func(c Config, j int) bool { return !c.Voters.has(j) }) &&
		(!w.Learners || single(actAddLearner, AddLearner, func(c Config, j int) bool { return !c.tracked().has(j) })) &&
		single(actDeleteServer, Remove, func(c Config, j int) bool { return c.tracked().has(j) })
	if !ok || !w.Joint {
		return ok
	}
	for i := range k.now.Servers {
		v := &k.now.Servers[i]
		if v.Role != Leader {
			continue
		}
		if v.Config.joint() {
			if !yield(move{action: actLeaveJoint, i: i, change: &Change{Kind: Leave}}) {
				return false
			}
			continue
		}
		for in := range k.now.Servers {
			for out := range k.now.Servers {
				if v.Config.Voters.has(in) || !v.Config.Voters.has(out) {
					continue
				}
				change := &Change{JointExplicit, []Single{{AddVoter, in}, {Remove, out}}}
				if !yield(move{action: actChangeJointly, i: i, j: in, change: change}) {
					return false
				}
			}
		}
	}
	return true
}

func (k *machine) Broken() int {
	if k.touched == unchanged {
		return -1
	}
	for n := range k.m.invariants {
		if !k.m.invariants[n].holds(&k.m.rules, &k.now, k.touched) {
			return n
		}
	}
	return -1
}

// Trying names the move that is being taken, for a check.PanicError.
func (k *machine) Trying() string { return actionNames()[k.last.action] }
