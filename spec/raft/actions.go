package raft

import "slices"

// rules are the constants of a model, and its actions as methods: each takes a state that is its own to change, says false and
// leaves it alone where its guard does not hold, and else makes it the state after. They are stepped in the order of the module.
type rules struct {
	w World
	n int // servers
	// bases are the configurations that servers have before the first entry of their logs. In a world every server has that of
	// the first members; in a trace, what it was started with. It is never written to, only replaced.
	bases []Config
	// ofTrace is set where a trace bounds what happens, and not the world: there are no limits, refusals tell their hints, and
	// requests may be left without the answer that they could have.
	ofTrace bool
}

func (r *rules) bug(name string) bool { return r.w.Bug == name }

// quorum says whether a set decides in a configuration: a majority of each set of voters.
func (r *rules) quorum(c Config, yes Set) bool {
	if r.bug(learnerCounts) {
		return yes.majority(c.Voters | c.Learners)
	}
	if c.joint() && !r.bug(jointByIncoming) {
		return yes.majority(c.Voters) && yes.majority(c.Outgoing)
	}
	return yes.majority(c.Voters)
}

// lost says whether those that refused leave no quorum. A configuration without voters decides for anyone, as the library has it.
func (r *rules) lost(c Config, no Set) bool {
	out := func(of Set) bool { return of != 0 && !(of &^ no).majority(of) }
	return out(c.Voters) || out(c.Outgoing)
}

// room says whether one more request may be sent.
func (r *rules) room(s *State, m Message) bool {
	if r.ofTrace {
		return true
	}
	n := len(s.Net)
	for i := range s.Servers {
		n += len(s.Servers[i].Outbox)
	}
	return n < r.w.MaxMessages && !slices.ContainsFunc(s.Net, m.equal) && !slices.ContainsFunc(s.Servers[m.From].Outbox, m.equal)
}

// send hands a message to the network, or to the server's next Ready. Without Ready what a server tells itself it knows at once.
func (r *rules) send(s *State, m Message) {
	if r.w.Ready && !r.bug(sendBeforeDurable) {
		v := &s.Servers[m.From]
		v.Outbox = appended(v.Outbox, m)
		return
	}
	s.Net = appended(s.Net, m)
}

// Restart: the server loses what is not durable.
func (r *rules) restart(s *State, i int) bool {
	if !r.ofTrace && s.Restarts == r.w.Restarts {
		return false
	}
	s.Restarts++
	v := &s.Servers[i]
	if !r.w.Ready {
		s.Servers[i] = Server{Term: v.Term, Vote: v.Vote, Log: v.Log, Commit: v.Commit, Config: v.Config, Applied: v.Applied}
		return true
	}
	if r.ofTrace { // what the server tells itself is on no network
		s.Net = slices.DeleteFunc(slices.Clone(s.Net), func(m Message) bool { return m.From == i && m.To == i })
	}
	d := v.Durable
	s.Servers[i] = Server{Term: d.Term, Vote: d.Vote, Log: d.Log, Commit: d.Commit, Config: d.Config, Applied: d.Applied, Durable: d}
	return true
}

// Timeout: a voter campaigns, unless it knows of a committed change of members that it has not applied. Its own configuration,
// which counts the votes, would lag behind by more than the one change that quorums overlap across.
func (r *rules) timeout(s *State, i int) bool {
	v := &s.Servers[i]
	if v.Role == Leader || !v.Config.electors().has(i) || !r.ofTrace && v.Term == uint64(r.w.MaxTerm) {
		return false
	}
	if v.unapplied() != 0 && !r.bug(campaignUnapplied) {
		return false
	}
	v.Term++
	v.Vote = i + 1
	v.Role = Candidate
	v.Responded, v.Granted, v.Match, v.Pending = 0, 0, nil, 0
	if !r.w.Ready {
		v.Responded, v.Granted = one(i), one(i)
	}
	return true
}

// RequestVote: a candidate asks a voter. It answers itself.
func (r *rules) requestVote(s *State, i, j int) bool {
	v := &s.Servers[i]
	if v.Role != Candidate || !v.Config.electors().has(j) || v.Responded.has(j) {
		return false
	}
	m := Message{Kind: RequestVoteRequest, From: i, To: j, Term: v.Term, Index: uint64(len(v.Log)), LogTerm: lastTerm(v.Log)}
	if i == j {
		m = Message{Kind: RequestVoteResponse, From: i, To: i, Term: v.Term}
	}
	if !r.room(s, m) {
		return false
	}
	r.send(s, m)
	return true
}

// BecomeLeader: a candidate has a quorum. It proposes no change of members before it has applied all that is in its log.
func (r *rules) becomeLeader(s *State, i int) bool {
	v := &s.Servers[i]
	if v.Role != Candidate || !r.quorum(v.Config, v.Granted) {
		return false
	}
	v.Role, v.Responded, v.Granted = Leader, 0, 0
	v.Match = make([]uint64, r.n)
	v.Match[i] = uint64(len(v.Log))
	v.Pending = uint64(len(v.Log))
	if r.bug(forgetPending) {
		v.Pending = 0
	}
	s.Elected = appended(s.Elected, Election{v.Term, i})
	return true
}

// replicate appends an entry to a leader's log.
func (r *rules) replicate(s *State, i int, change *Change) bool {
	v := &s.Servers[i]
	if v.Role != Leader || !v.Config.tracked().has(i) || !r.ofTrace && len(v.Log) >= r.w.MaxLog {
		return false
	}
	v.Log = appended(v.Log, Entry{Term: v.Term, Change: change})
	if !r.w.Ready {
		v.Match = set(v.Match, i, uint64(len(v.Log)))
	}
	return true
}

// set returns the list with one element replaced.
func set[T any](list []T, k int, to T) []T {
	list = slices.Clone(list)
	list[k] = to
	return list
}

// ClientRequest: a leader appends a value.
func (r *rules) clientRequest(s *State, i int) bool {
	values := 0
	for _, e := range s.Servers[i].Log {
		if e.Change == nil {
			values++
		}
	}
	return (r.ofTrace || values < r.w.Requests) && r.replicate(s, i, nil)
}

// AdvanceCommitIndex: a leader commits what a quorum has, if it is of its own term. What earlier leaders appended a majority may
// have, and yet lose (Raft, figure 8).
func (r *rules) advanceCommitIndex(s *State, i int) bool {
	v := &s.Servers[i]
	if v.Role != Leader {
		return false
	}
	k := r.agreed(v)
	if t, ok := termAt(v.Log, k); k > v.Commit && ok && (t == v.Term || r.bug(commitOldTerm)) {
		v.Commit = k
	}
	return true
}

// agreed returns the highest index up to which a quorum's logs match the leader's.
func (r *rules) agreed(v *Server) uint64 {
	agree := func(of Set) uint64 {
		if of == 0 {
			return ^uint64(0) // the empty set of voters agrees to all
		}
		var match []uint64
		of.each(func(j int) { match = append(match, v.Match[j]) })
		slices.Sort(match)
		at := (len(match) - 1) / 2
		if r.bug(commitShort) {
			at++
		}
		return match[min(at, len(match)-1)]
	}
	voters := v.Config.Voters
	if r.bug(learnerCounts) {
		voters |= v.Config.Learners
	}
	k := agree(voters)
	if v.Config.joint() && !r.bug(jointByIncoming) {
		k = min(k, agree(v.Config.Outgoing))
	}
	return k
}

// AppendEntries: a leader sends count entries behind index prev.
func (r *rules) appendEntries(s *State, i, j int, prev uint64, count int) bool {
	v := &s.Servers[i]
	t, ok := termAt(v.Log, prev)
	if v.Role != Leader || i == j || !v.Config.tracked().has(j) || !ok || prev+uint64(count) > uint64(len(v.Log)) {
		return false
	}
	m := Message{Kind: AppendEntriesRequest, From: i, To: j, Term: v.Term, Index: prev, LogTerm: t, Commit: v.Commit}
	if count > 0 {
		m.Entries = v.Log[prev : int(prev)+count]
	}
	if !r.room(s, m) {
		return false
	}
	r.send(s, m)
	return true
}

// AppendEntriesToSelf: a leader tells itself what it has appended; the answer counts once it is durable.
func (r *rules) appendEntriesToSelf(s *State, i int) bool {
	v := &s.Servers[i]
	m := Message{Kind: AppendEntriesResponse, From: i, To: i, Term: v.Term, Index: uint64(len(v.Log))}
	if v.Role != Leader || !r.room(s, m) {
		return false
	}
	r.send(s, m)
	return true
}

// Heartbeat: a leader tells a follower how far it has committed of what it knows the follower to have.
func (r *rules) heartbeat(s *State, i, j int) bool {
	v := &s.Servers[i]
	if v.Role != Leader || i == j || !v.Config.tracked().has(j) {
		return false
	}
	m := Message{Kind: HeartbeatRequest, From: i, To: j, Term: v.Term, Commit: min(v.Commit, v.Match[j])}
	if r.bug(heartbeatUnmatched) {
		m.Commit = v.Commit
	}
	if !r.room(s, m) {
		return false
	}
	r.send(s, m)
	return true
}

// SendSnapshot: a leader sends what its log comes to up to an index that it has committed.
func (r *rules) sendSnapshot(s *State, i, j int, index uint64) bool {
	v := &s.Servers[i]
	if v.Role != Leader || i == j || !v.Config.tracked().has(j) || index == 0 || index > v.Commit || index > uint64(len(v.Log)) {
		return false
	}
	m := Message{Kind: SnapshotRequest, From: i, To: j, Term: v.Term, Entries: v.Log[:index:index]}
	if !r.room(s, m) {
		return false
	}
	r.send(s, m)
	return true
}

// becomeFollower: of a term, which may be the server's own.
func becomeFollower(v *Server, term uint64) {
	if v.Term != term {
		v.Term, v.Vote = term, 0
	}
	v.Role, v.Responded, v.Granted, v.Match, v.Pending = Follower, 0, 0, nil, 0
}

// StepDownToFollower: a leader or a candidate gives up.
func (r *rules) stepDownToFollower(s *State, i int) bool {
	v := &s.Servers[i]
	if v.Role == Follower {
		return false
	}
	becomeFollower(v, v.Term)
	return true
}

// LearnTerm: a server hears of a newer term by a message that the model does not have, such as the refusal of a pre-vote.
func (r *rules) learnTerm(s *State, i int, term uint64) bool {
	known := false
	for j := range s.Servers {
		known = known || s.Servers[j].Term >= term
	}
	if !known || term <= s.Servers[i].Term {
		return false
	}
	becomeFollower(&s.Servers[i], term)
	return true
}

// Propose: a leader appends a change of members. AddNewServer, AddLearner, DeleteServer, ChangeJointly and LeaveJoint are this.
func (r *rules) propose(s *State, i int, change *Change) bool {
	v := &s.Servers[i]
	if v.Role != Leader || !r.ofTrace && s.Changes == r.w.Changes && change.Kind != Leave {
		return false
	}
	// All that the last proposal, and an earlier leader's, may have changed is applied. For that it must be committed.
	applied := v.Pending <= v.Commit && (v.unapplied() == 0 || v.unapplied() > v.Pending)
	if !applied && !r.bug(changeUnapplied) {
		return false
	}
	if _, ok := v.Config.apply(change); !ok && !r.bug(changeUnapplied) {
		return false
	}
	if !r.replicate(s, i, change) {
		return false
	}
	v.Pending = uint64(len(v.Log))
	if change.Kind != Leave {
		s.Changes++
	}
	return true
}

// ApplyConfChange: a server applies the next committed change of members that it has not applied.
func (r *rules) applyConfChange(s *State, i int) bool {
	v := &s.Servers[i]
	k := v.unapplied()
	if k == 0 {
		return false
	}
	after, ok := v.Config.apply(v.Log[k-1].Change)
	if !ok {
		return false
	}
	r.switchTo(v, i, after)
	v.Applied = k
	return true
}

// switchTo gives a server a configuration. A leader knows nothing of the logs of those that it did not send to before.
func (r *rules) switchTo(v *Server, i int, after Config) {
	if v.Role == Leader {
		before := v.Config.tracked()
		match := slices.Clone(v.Match)
		for j := range match {
			if !before.has(j) || !after.tracked().has(j) {
				match[j] = 0
			}
		}
		v.Match = match
	}
	v.Config = after
}

// Ready: what the server has is made durable, and then what it has to say leaves.
func (r *rules) ready(s *State, i int) bool {
	v := &s.Servers[i]
	v.Durable = Durable{v.Term, v.Vote, v.Log, v.Commit, v.Config, v.Applied}
	s.Net = appended(s.Net, v.Outbox...)
	v.Outbox = nil
	return true
}

// DropMessage: the network loses a message.
func (r *rules) dropMessage(s *State, k int) bool {
	s.Net = removed(s.Net, k)
	return true
}

// DuplicateMessage: the network delivers a message twice.
func (r *rules) duplicateMessage(s *State, k int) bool {
	if len(s.Net) >= r.w.MaxMessages {
		return false
	}
	s.Net = appended(s.Net, s.Net[k])
	return true
}
