package raft

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// A phase is how far a server is in its start. The library tells what it restores line by line, and then what it is bootstrapped
// with; only then do its lines tell of steps.
type phase uint8

const (
	unborn    phase = iota
	restoring       // InitState was told: its configuration comes next
	loading         // the configuration was told: its term, vote and commit come next
	started         // it runs, or is bootstrapped by its next line
	booting         // the bootstrap's changes are told one by one
	running
)

// A debt is a line that a server must tell next, because the library does in one call what the model does in several steps, or
// because the line tells only of what a step has sent.
type debt struct {
	name string
	msg  Message // that the line tells
	told bool    // the step is taken already, and the line only tells of it
	seen Server  // as the line tells it of the server, which may be before the step is done
	may  bool    // the line may be missing
	any  bool    // it may come before or after the others that have this
	snap bool    // it tells the configuration of a snapshot, where there is none before it
}

// A track is what the lines of one server leave open.
type track struct {
	phase   phase
	debts   []debt // never written to, only replaced
	batch   uint64 // entries appended since the lines told the length of the log: the library tells that of before the batch
	pre     bool   // it is a pre-candidate in its last line
	wasPre  bool   // and was in the one before
	paying  bool   // its line is one that was owed
	boot    uint64 // entries that the bootstrap has
	restart bool   // it starts again
}

// follower leads a machine along a trace.
type follower struct {
	*machine
	tracks []track
	old    *delivered
	taken  []string
}

// delivered is a message that was delivered, and so may have been doubled, and those before it.
type delivered struct {
	m      Message
	before *delivered
}

// mostOld is how many delivered messages a second delivery is looked for among.
const mostOld = 4096

func newFollower(servers ids) *follower {
	n := len(servers.names)
	m := &model{rules: rules{w: World{Servers: n, Members: n, Ready: true, Bug: check.NoBug}, n: n, bases: make([]Config, n), ofTrace: true}, invariants: invariants()}
	m.names = func(i int) string { return servers.names[i] }
	p := permutation{}
	for i := range n {
		p.names, p.order = append(p.names, i), append(p.order, i)
	}
	m.permutations = []permutation{p}
	return &follower{machine: m.newMachine(), tracks: make([]track, n)}
}

// saved is a state of a follower.
type saved struct {
	state  State
	tracks []track
	old    *delivered
	bases  []Config
}

func (f *follower) Save() any {
	s := f.now
	s.Servers = slices.Clone(s.Servers)
	return saved{s, slices.Clone(f.tracks), f.old, f.m.bases}
}

func (f *follower) Restore(to any) {
	s := to.(saved)
	f.now, f.old, f.m.bases = s.state, s.old, s.bases
	f.now.Servers = slices.Clone(s.state.Servers)
	f.tracks = slices.Clone(s.tracks)
	f.touched = -1
}

// Encode tells states apart by what their lines leave open as well.
func (f *follower) Encode(dst []byte) []byte {
	dst = f.machine.Encode(dst)
	for i := range f.tracks {
		t := &f.tracks[i]
		dst = append(dst, byte(t.phase), byte(len(t.debts)))
		dst = binary.AppendUvarint(dst, t.batch)
		for _, d := range t.debts {
			dst = fmt.Append(dst, d.name, d.told, d.may, d.msg.Kind, d.msg.To)
		}
	}
	return dst
}

func (f *follower) Taken() []string { return f.taken }

// with calls visit with a change to the server's track, and takes it back.
func (f *follower) with(i int, change func(t *track), visit func() bool) bool {
	was := f.tracks[i]
	change(&f.tracks[i])
	more := visit()
	if more {
		f.tracks[i] = was
	}
	return more
}

// Follow offers each way in which the event can have come about.
func (f *follower) Follow(e event, visit func(differs []check.Change) bool) {
	t := f.tracks[e.i]
	if t.phase != running && f.start(e, visit) {
		return
	}
	// What is owed comes first; what may be missing can be passed over.
	for k := 0; ; k++ {
		var owed *debt
		var rest []debt
		if len(t.debts) > k {
			owed, rest = &t.debts[k], t.debts[k+1:]
		}
		if owed != nil && owed.any { // one of several in any order
			if n := slices.IndexFunc(t.debts, func(d debt) bool { return d.any && d.name == e.name && d.msg.To == e.msg.To }); n >= 0 {
				owed, rest = &t.debts[n], removed(t.debts[k:], n-k)
			} else {
				f.otherwise(e, owed, visit)
				return
			}
		}
		if owed == nil || owed.name == e.name || !owed.may {
			f.pay(e, owed, rest, visit)
		}
		if owed == nil || !owed.may {
			return
		}
	}
}

// pay follows the event as the line that is owed, or as any line when none is.
func (f *follower) pay(e event, owed *debt, rest []debt, visit func(differs []check.Change) bool) {
	f.with(e.i, func(t *track) { t.debts, t.pre, t.wasPre, t.paying = rest, e.pre, t.pre, owed != nil }, func() bool {
		if owed == nil {
			return f.fresh(e, visit)
		}
		if owed.name != e.name {
			return f.otherwise(e, owed, visit)
		}
		if !owed.told {
			return f.step(e, visit)
		}
		f.taken = nil
		differs := f.differs(e, owed.seen)
		if owed.snap {
			differs = append(differs, f.confDiffers(e, f.now.Servers[e.i].Config.Voters)...)
		}
		if e.hasMsg {
			differs = append(differs, f.messageDiffers(e, owed.msg)...)
		}
		return f.tell(e.i, owed.text(f.m), visit, differs)
	})
}

// fresh follows a line that no other one has announced. A candidate that is a pre-candidate in it has given up its candidacy untold.
func (f *follower) fresh(e event, visit func(differs []check.Change) bool) bool {
	if !e.pre || f.now.Servers[e.i].Role != Candidate {
		return f.step(e, visit)
	}
	return f.take(move{action: actStepDownToFollower, i: e.i}, func() bool {
		return f.step(e, func(differs []check.Change) bool {
			f.taken = append([]string{actionNames()[actStepDownToFollower]}, f.taken...)
			return visit(differs)
		})
	})
}

// otherwise offers the line that is owed in place of the event.
func (f *follower) otherwise(e event, owed *debt, visit func([]check.Change) bool) bool {
	f.taken = nil
	return f.tell(e.i, "what server "+f.m.names(e.i)+" tells next", visit, []check.Change{{Var: "line", From: owed.text(f.m), To: e.text}})
}

// text names the line that is owed.
func (d *debt) text(m *model) string {
	if d.any {
		return d.name + " to " + m.names(d.msg.To)
	}
	if d.told && d.name != evBecomeFollower && d.name != evApplyConfChange {
		return fmt.Sprintf("%s (%s)", d.name, m.message(d.msg))
	}
	return d.name
}

// tell calls visit with a line that tells of no step of its own.
func (f *follower) tell(i int, as string, visit func([]check.Change) bool, differs []check.Change) bool {
	last, touched := f.last, f.touched
	f.last, f.touched = move{action: told, i: i, says: as}, unchanged
	more := visit(differs)
	if more {
		f.last, f.touched = last, touched
	}
	return more
}

// differs returns where the event is not what the server is, once as says what the line tells otherwise.
func (f *follower) differs(e event, v Server, as ...func(v *Server)) []check.Change {
	for _, change := range as {
		change(&v)
	}
	var list []check.Change
	name := f.m.names(e.i)
	add := func(what string, same bool, model, event any) {
		if !same {
			list = append(list, check.Change{Var: what + "[" + name + "]", From: fmt.Sprint(model), To: fmt.Sprint(event)})
		}
	}
	add("term", v.Term == e.term, v.Term, e.term)
	add("role", v.Role == e.role, v.Role, e.role)
	if t := &f.tracks[e.i]; !t.canBePre(e, &v) {
		add("pre-candidate", false, t.wasPre, e.pre)
	}
	add("vote", v.Vote == e.vote, f.m.vote(v.Vote), f.m.vote(e.vote))
	log := uint64(len(v.Log)) - f.tracks[e.i].batch
	add("log", log == e.log, fmt.Sprintf("%d entries", log), fmt.Sprintf("%d entries", e.log))
	add("commit", v.Commit == e.commit, v.Commit, e.commit)
	add("voters", v.Config.Voters == e.conf[0], f.m.voters(v.Config.Voters), f.m.voters(e.conf[0]))
	add("outgoing", v.Config.Outgoing == e.conf[1], f.m.voters(v.Config.Outgoing), f.m.voters(e.conf[1]))
	return list
}

// canBePre says whether a server can be a pre-candidate, or none, in an event. The model takes one for a follower, but the library
// does not become one in the middle of something else, nor without being able to campaign, and does not stop being one untold.
func (t *track) canBePre(e event, v *Server) bool {
	ends := e.name == evBecomeFollower || e.name == evBecomeCandidate || e.name == evInit
	switch {
	case ends || t.phase != running:
		return !e.pre
	case e.pre == t.wasPre:
		return true
	case !e.pre:
		return false
	}
	return !t.paying && v.unapplied() == 0 && v.Config.electors().has(e.i)
}

func (m *model) voters(s Set) string { return Config{Voters: s}.text(m.names) }

func (f *follower) confDiffers(e event, after Set) []check.Change {
	if after == e.newConf {
		return nil
	}
	return []check.Change{{Var: "voters after the change", From: f.m.voters(after), To: f.m.voters(e.newConf)}}
}

// messageDiffers returns where the event's message is not the model's. A snapshot tells neither commit nor terms of entries.
func (f *follower) messageDiffers(e event, m Message) []check.Change {
	var list []check.Change
	add := func(what string, model, event any) {
		if model != event {
			list = append(list, check.Change{Var: "message's " + what, From: fmt.Sprint(model), To: fmt.Sprint(event)})
		}
	}
	add("kind", m.Kind, e.msg.Kind)
	add("from", f.m.names(m.From), f.m.names(e.msg.From))
	add("to", f.m.names(m.To), f.m.names(e.msg.To))
	add("term", m.Term, e.msg.Term)
	add("index", m.Index, e.msg.Index)
	add("logTerm", m.LogTerm, e.msg.LogTerm)
	add("entries", uint64(len(m.Entries)), e.entries)
	add("commit", m.Commit, e.msg.Commit)
	add("reject", m.Reject, e.msg.Reject)
	add("rejectHint", m.Hint, e.msg.Hint)
	return list
}

// try takes a move and calls visit with what differs; debts are what its server owes afterwards.
func (f *follower) try(mv move, debts func() []debt, differs func() []check.Change, visit func([]check.Change) bool) bool {
	return f.take(mv, func() bool {
		f.taken = []string{actionNames()[mv.action]}
		d := differs()
		i := mv.i
		if mv.ofMessage() {
			i = f.last.was.To
		}
		return f.with(i, func(t *track) {
			if debts != nil {
				t.debts = append(debts(), t.debts...)
			}
		}, func() bool { return visit(d) })
	})
}

// step follows an event as a step of its own.
func (f *follower) step(e event, visit func(differs []check.Change) bool) bool {
	i := e.i
	now := func() Server { return f.now.Servers[i] }
	before := now()
	post := func() []check.Change { return f.differs(e, now()) }
	pre := func() []check.Change { return f.differs(e, before) }
	switch e.name {
	case evReceiveAppend, evReceiveAppendResponse, evReceiveVote, evReceiveVoteResponse:
		return f.receives(e, visit)
	case evBecomeCandidate:
		return f.try(move{action: actTimeout, i: i}, func() (all []debt) {
			now().Config.electors().each(func(j int) {
				name := evSendVote
				if j == i {
					name = evSendVoteResponse
				}
				all = append(all, debt{name: name, msg: Message{From: i, To: j}, any: true})
			})
			return all
		}, post, visit)
	case evSendVote, evSendVoteResponse:
		return f.sends(e, move{action: actRequestVote, i: i, j: e.msg.To}, visit)
	case evBecomeLeader:
		return f.try(move{action: actBecomeLeader, i: i}, func() []debt { return []debt{{name: evReplicate}} }, post, visit)
	case evReplicate:
		return f.appends(e, move{action: actClientRequest, i: i}, pre, visit)
	case evChangeConf:
		for _, kind := range []ChangeKind{Simple, JointAuto, JointExplicit} {
			if kind == Simple && len(e.changes) > 1 {
				continue
			}
			action := actChangeJointly
			if kind == Simple {
				action = map[Verb]int{AddVoter: actAddNewServer, AddLearner: actAddLearner, Remove: actDeleteServer, Update: actAddNewServer}[e.changes[0].Verb]
			}
			if !f.appends(e, move{action: action, i: i, change: &Change{kind, e.changes}}, pre, visit) {
				return false
			}
		}
		return true
	case evSendAppend:
		switch e.msg.Kind {
		case HeartbeatRequest:
			return f.sends(e, move{action: actHeartbeat, i: i, j: e.msg.To}, visit)
		case SnapshotRequest:
			return f.sends(e, move{action: actSendSnapshot, i: i, j: e.msg.To, at: e.entries}, visit)
		}
		return f.sends(e, move{action: actAppendEntries, i: i, j: e.msg.To, at: e.msg.Index, count: int(e.entries)}, visit)
	case evSendAppendResponse:
		if f.tracks[i].batch == 0 {
			f.taken = nil
			return f.tell(i, "no answer to send", visit, []check.Change{{Var: "line", From: "none", To: e.name}})
		}
		return f.with(i, func(t *track) { t.batch = 0 }, func() bool {
			return f.sends(e, move{action: actAppendEntriesToSelf, i: i}, visit)
		})
	case evCommit:
		return f.try(move{action: actAdvanceCommitIndex, i: i}, nil, post, visit)
	case evReady:
		return f.try(move{action: actReady, i: i}, nil, pre, visit)
	case evApplyConfChange:
		return f.try(move{action: actApplyConfChange, i: i}, func() []debt {
			v := now()
			if v.Role == Leader && v.Config.electors().has(i) && v.Config.Voters != 0 {
				return []debt{{name: evCommit}} // a leader that stays one looks at once what is committed now
			}
			return nil
		}, func() []check.Change { return append(f.differs(e, before), f.confDiffers(e, now().Config.Voters)...) }, visit)
	case evBecomeFollower:
		// It was a pre-candidate, which it may have become after its last line.
		if before.Role == Follower && e.term == before.Term && (f.tracks[i].wasPre || before.unapplied() == 0 && before.Config.electors().has(i)) {
			f.taken = nil
			return f.tell(i, "BecomeFollower", visit, post())
		}
		if e.term > before.Term {
			return f.try(move{action: actLearnTerm, i: i, at: e.term}, nil, post, visit)
		}
		return f.try(move{action: actStepDownToFollower, i: i}, nil, post, visit)
	case evInit:
		return f.try(move{action: actRestart, i: i}, nil, func() []check.Change { return f.storageDiffers(e) }, func(differs []check.Change) bool {
			return f.with(i, func(t *track) { *t = track{phase: restoring, restart: true} }, func() bool { return visit(differs) })
		})
	}
	panic("raft: no event " + e.name) // events are parsed by kindsOf
}

// sends follows a line that tells what a step has sent.
func (f *follower) sends(e event, mv move, visit func([]check.Change) bool) bool {
	return f.try(mv, nil, func() []check.Change {
		v := f.now.Servers[e.i]
		differs := append(f.differs(e, v), f.messageDiffers(e, v.Outbox[len(v.Outbox)-1])...)
		if e.match != nil && (v.Role != Leader || *e.match != v.Match[e.i]) {
			differs = append(differs, check.Change{Var: "match[" + f.m.names(e.i) + "]", From: fmt.Sprint(v.Match), To: fmt.Sprint(*e.match)})
		}
		return differs
	}, visit)
}

// appends follows a line that tells of an entry before it is in the log. The library appends all entries of a proposal at once,
// and then tells the acknowledgement that the leader owes itself.
func (f *follower) appends(e event, mv move, pre func() []check.Change, visit func([]check.Change) bool) bool {
	return f.try(mv, func() []debt {
		return []debt{{name: evReplicate, may: true}, {name: evChangeConf, may: true}, {name: evSendAppendResponse, msg: Message{From: e.i, To: e.i}}}
	}, pre, func(differs []check.Change) bool {
		return f.with(e.i, func(t *track) {
			t.batch++
			// What an earlier entry of the proposal owes, this one owes.
			t.debts = t.debts[:3:3]
		}, func() bool { return visit(differs) })
	})
}

// receives follows the receipt of a message: of one that is under way and like the event's, or else of one that came before and
// comes a second time. Without either it offers what is under way between the two servers.
func (f *follower) receives(e event, visit func([]check.Change) bool) bool {
	net := f.now.Net
	exact := false
	var near []int
	for k, m := range net {
		switch {
		case m.From != e.msg.From || m.To != e.msg.To || slices.ContainsFunc(net[:k], m.equal):
		case m.From == m.To && slices.ContainsFunc(net[:k], func(o Message) bool { return o.From == m.From && o.To == m.To }):
			near = append(near, k) // what a server tells itself is not lost, and does not overtake
		case len(f.messageDiffers(e, m)) > 0:
			near = append(near, k)
		case !f.receive(e, k, visit):
			return false
		default:
			exact = true
		}
	}
	if exact {
		return true
	}
	for old, n := f.old, 0; old != nil && n < mostOld; old, n = old.before, n+1 {
		if len(f.messageDiffers(e, old.m)) > 0 || old.m.From == old.m.To {
			continue
		}
		now := f.now
		f.now.Net = appended(f.now.Net, old.m)
		more := f.receive(e, len(f.now.Net)-1, func(differs []check.Change) bool {
			f.taken = append([]string{actionNames()[actDuplicateMessage]}, f.taken...)
			return visit(differs)
		})
		if more {
			f.now = now
		}
		return more
	}
	for _, k := range near {
		if m := net[k]; len(f.messageDiffers(e, m)) == 0 {
			f.taken = nil
			first := net[slices.IndexFunc(net, func(o Message) bool { return o.From == m.From && o.To == m.To })]
			if !f.tell(e.i, f.m.message(first), visit, []check.Change{{Var: "first of what the server tells itself", From: f.m.message(first), To: f.m.message(m)}}) {
				return false
			}
		} else if !f.receive(e, k, visit) {
			return false
		}
	}
	return true
}

// receive follows the receipt of the message at a place of the network, in each way that the server may treat it.
func (f *follower) receive(e event, k int, visit func([]check.Change) bool) bool {
	m := f.now.Net[k]
	before := f.now.Servers[e.i]
	differs := append(f.differs(e, before), f.messageDiffers(e, m)...)
	for _, action := range []int{actReceive, actAnswerStale, actIgnoreVote, actRefuseVote} {
		mv := move{action: action, message: k}
		if action == actRefuseVote && m.Term > before.Term {
			continue // who learns of a newer term knows of no leader in it
		}
		more := f.try(mv, func() []debt { return f.owes(e, action, m, before) }, func() []check.Change { return differs }, func(differs []check.Change) bool {
			old := f.old
			f.old = &delivered{m, old}
			more := visit(differs)
			if more {
				f.old = old
			}
			return more
		})
		if !more {
			return false
		}
	}
	return true
}

// owes returns the lines that follow from a message that was received.
func (f *follower) owes(e event, action int, m Message, before Server) []debt {
	i := e.i
	after := f.now.Servers[i]
	var all []debt
	follows := before // once it has seen the term of the message
	becomeFollower(&follows, m.Term)
	fromLeader := m.Kind == AppendEntriesRequest || m.Kind == HeartbeatRequest || m.Kind == SnapshotRequest
	switch {
	case action == actReceive && (m.Term > before.Term || m.Term == before.Term && fromLeader && (before.Role == Candidate || e.pre)):
		all = append(all, debt{name: evBecomeFollower, told: true, seen: follows})
	default:
		follows = before
	}
	if action == actReceive && m.Kind == SnapshotRequest && len(after.Log) == len(m.Entries) && after.Commit != before.Commit && !hasPrefix(before.Log, m.Entries) {
		seen := after
		seen.Config = Config{} // the library has forgotten the one before
		all = append(all, debt{name: evApplyConfChange, told: true, snap: true, seen: seen})
	}
	if len(after.Outbox) > len(before.Outbox) {
		answer, seen := after.Outbox[len(after.Outbox)-1], after
		seen.Vote = follows.Vote // the line is written before the vote is cast
		name := evSendAppendResponse
		if answer.Kind == RequestVoteResponse {
			name = evSendVoteResponse
		}
		all = append(all, debt{name: name, told: true, msg: answer, seen: seen})
	}
	if action != actReceive || m.Term < before.Term {
		return all
	}
	switch m.Kind {
	case RequestVoteResponse:
		if before.Role != Candidate || m.Term > before.Term {
			break
		}
		if f.m.quorum(after.Config, after.Granted) {
			all = append(all, debt{name: evBecomeLeader})
		} else if f.m.lost(after.Config, after.Responded&^after.Granted) {
			all = append(all, debt{name: evBecomeFollower})
		}
	case AppendEntriesResponse:
		if after.Role != Leader || m.Reject || !after.Config.tracked().has(m.From) {
			break
		}
		if after.Match[m.From] != before.Match[m.From] {
			all = append(all, debt{name: evCommit})
		} else if m.Index == before.Match[m.From] {
			all = append(all, debt{name: evCommit, may: true}) // when the follower was being probed
		}
	}
	return all
}

// Hidden offers the changes of members that no line tells of: a leader leaves a joint configuration, and changes that change
// no member.
func (f *follower) Hidden(e event, visit func() bool) {
	t := f.tracks[e.i]
	if t.phase != running || e.name != evSendAppendResponse || e.msg.To != e.i {
		return
	}
	for _, change := range []*Change{{Kind: Leave}, {Kind: Simple, Singles: []Single{{Verb: Update}}}} {
		action := actLeaveJoint
		if change.Kind != Leave {
			action = actAddNewServer
		}
		more := f.take(move{action: action, i: e.i, change: change}, func() bool {
			f.taken = []string{actionNames()[action]}
			return f.with(e.i, func(t *track) { t.batch++ }, visit)
		})
		if !more {
			return
		}
	}
}

// edit calls visit with the server as change makes it, and takes it back: the lines of a start tell the state, and of no step.
func (f *follower) edit(e event, as string, change func(v *Server, t *track), differs []check.Change, visit func([]check.Change) bool) bool {
	now := f.now
	f.now.Servers = slices.Clone(now.Servers)
	f.taken = nil
	more := f.with(e.i, func(t *track) { change(&f.now.Servers[e.i], t) }, func() bool {
		return f.tell(e.i, as, visit, differs)
	})
	if more {
		f.now = now
	}
	return more
}

// start follows the lines by which a server tells what it starts with. It says false when the server runs.
func (f *follower) start(e event, visit func([]check.Change) bool) bool {
	t, v := f.tracks[e.i], f.now.Servers[e.i]
	wrong := func(want string) bool {
		f.taken = nil
		f.tell(e.i, "the start of server "+f.m.names(e.i), visit, []check.Change{{Var: "line", From: want, To: e.name}})
		return true
	}
	switch t.phase {
	case unborn:
		if e.name != evInit {
			return wrong(evInit)
		}
		f.edit(e, "InitState", func(v *Server, t *track) {
			v.Log, v.Commit = make([]Entry, e.log), e.commit
			for k := range v.Log {
				v.Log[k].Term = 1
			}
			t.phase = restoring
		}, f.storageDiffers(e), visit)
	case restoring:
		if e.name != evApplyConfChange {
			return wrong(evApplyConfChange)
		}
		f.restores(e, v, t, visit)
	case loading:
		if e.name != evBecomeFollower {
			return wrong(evBecomeFollower)
		}
		differs := f.differs(e, v)
		if !t.restart { // this line is the first to tell of its term, its vote and what it has committed
			differs = f.differs(e, v, func(v *Server) { v.Term, v.Vote, v.Commit = e.term, e.vote, min(e.commit, uint64(len(v.Log))) })
		}
		f.edit(e, "BecomeFollower", func(v *Server, t *track) {
			v.Term, v.Vote, v.Commit = e.term, e.vote, e.commit
			v.Durable = Durable{v.Term, v.Vote, v.Log, v.Commit, v.Config, v.Applied}
			t.phase = started
		}, differs, visit)
	case started:
		bootstraps := e.name == evBecomeFollower && e.term == 1 && v.Term == 0 && len(v.Log) == 0 && v.Config == Config{}
		if !bootstraps {
			f.with(e.i, func(t *track) { t.phase = running }, func() bool { f.pay(e, nil, nil, visit); return true })
			return true
		}
		f.edit(e, "BecomeFollower", func(v *Server, t *track) {
			v.Term = 1
			t.phase = booting
		}, f.differs(e, v, func(v *Server) { v.Term = 1 }), visit)
	case booting:
		if e.name != evApplyConfChange {
			return wrong(evApplyConfChange)
		}
		f.boots(e, v, t, visit)
	default:
		return false
	}
	return true
}

// storageDiffers returns where InitState is not what a server tells before it has loaded its state: the length of its log, and
// that what precedes the log is committed.
func (f *follower) storageDiffers(e event) []check.Change {
	v := f.now.Servers[e.i]
	if f.tracks[e.i].phase == unborn {
		v.Log, v.Commit = make([]Entry, e.log), e.log
	}
	return f.differs(e, v, func(v *Server) { v.Term, v.Vote, v.Config, v.Commit = 0, 0, Config{}, min(e.commit, v.Commit) })
}

// restores follows the line that tells the configuration a server starts with. After a restart it is the one at an index that
// the application had applied.
func (f *follower) restores(e event, v Server, t track, visit func([]check.Change) bool) {
	asStored := func(v *Server) { v.Term, v.Vote, v.Config, v.Commit = 0, 0, Config{}, min(e.commit, v.Commit) }
	if !t.restart {
		base := Config{Voters: e.newConf}
		bases := f.m.bases
		f.m.bases = set(bases, e.i, base)
		if f.edit(e, "ApplyConfChange", func(v *Server, t *track) { v.Config, t.phase = base, loading }, f.differs(e, v, asStored), visit) {
			f.m.bases = bases
		}
		return
	}
	for k := 0; k <= int(v.Commit) && k <= len(v.Log); k++ {
		if k > 0 && v.Log[k-1].Change == nil {
			continue
		}
		config, applied, ok := f.m.replay(e.i, v.Log[:k])
		if !ok {
			return
		}
		differs := append(f.differs(e, v, asStored), f.confDiffers(e, config.Voters)...)
		if !f.edit(e, "ApplyConfChange", func(v *Server, t *track) { v.Config, v.Applied, t.phase = config, applied, loading }, differs, visit) {
			return
		}
	}
}

// boots follows a line of a bootstrap: the log has one change for each first member, all committed, and they are told one by one.
func (f *follower) boots(e event, v Server, t track, visit func([]check.Change) bool) {
	entries := t.boot
	if entries == 0 {
		entries = e.log
	}
	differs := f.differs(e, v, func(v *Server) { v.Log, v.Commit = make([]Entry, entries), entries })
	added := e.newConf &^ v.Config.Voters
	if added.size() != 1 || e.newConf != v.Config.Voters|added {
		differs = append(differs, check.Change{Var: "voters after the change", From: f.m.voters(v.Config.Voters) + " and one more", To: f.m.voters(e.newConf)})
	}
	if uint64(len(v.Log)) >= entries {
		differs = append(differs, check.Change{Var: "log[" + f.m.names(e.i) + "]", From: "an entry for each change", To: fmt.Sprintf("%d entries", e.log)})
	}
	f.edit(e, "ApplyConfChange", func(v *Server, t *track) {
		added.each(func(j int) {
			v.Log = appended(v.Log, Entry{Term: 1, Change: &Change{Simple, []Single{{AddVoter, j}}}})
		})
		v.Config.Voters = e.newConf
		v.Commit = uint64(len(v.Log))
		if t.boot = entries; uint64(len(v.Log)) == entries {
			t.phase = running
		}
	}, differs, visit)
}
