package raft

// Receive: a server takes message k from the network, and answers it. A newer term makes it a follower of that term first; an
// older one makes it ignore the message.
func (r *rules) receive(s *State, k int) bool {
	m := s.Net[k]
	v := &s.Servers[m.To]
	s.Net = removed(s.Net, k)
	if m.Term < v.Term {
		return true // DropStaleResponse, and requests as well
	}
	if m.Term > v.Term { // UpdateTerm
		becomeFollower(v, m.Term)
	}
	switch m.Kind {
	case RequestVoteRequest:
		r.handleRequestVoteRequest(s, v, m)
	case RequestVoteResponse:
		r.handleRequestVoteResponse(v, m)
	case AppendEntriesRequest, HeartbeatRequest, SnapshotRequest:
		if v.Role == Leader {
			return true // of two leaders in a term none follows the other
		}
		becomeFollower(v, m.Term) // ReturnToFollowerState
		switch m.Kind {
		case AppendEntriesRequest:
			r.handleAppendEntriesRequest(s, v, m)
		case HeartbeatRequest:
			v.Commit = max(v.Commit, m.Commit)
			r.reply(s, Message{Kind: HeartbeatResponse, From: m.To, To: m.From, Term: v.Term})
		case SnapshotRequest:
			r.handleSnapshotRequest(s, v, m)
		}
	case AppendEntriesResponse:
		r.handleAppendEntriesResponse(v, m)
	}
	return true
}

// reply answers. Whether the answer finds room was decided when the request did.
func (r *rules) reply(s *State, m Message) { r.send(s, m) }

// grants says whether a server can vote for the sender of a request in its own term: it has voted for no other, and its log is
// not ahead of the sender's.
func (r *rules) grants(v *Server, m Message) bool {
	mine := lastTerm(v.Log)
	upToDate := m.LogTerm > mine || m.LogTerm == mine && m.Index >= uint64(len(v.Log))
	return (v.Vote == 0 || v.Vote == m.From+1 || r.bug(voteTwice)) && (upToDate || r.bug(voteBehind))
}

func (r *rules) handleRequestVoteRequest(s *State, v *Server, m Message) {
	grant := r.grants(v, m)
	if grant {
		v.Vote = m.From + 1
	}
	r.reply(s, Message{Kind: RequestVoteResponse, From: m.To, To: m.From, Term: v.Term, Reject: !grant})
}

// refuseVote is receive for a request that could be granted, of a server that has not voted and knows who leads in the term.
func (r *rules) refuseVote(s *State, k int) bool {
	m := s.Net[k]
	v := &s.Servers[m.To]
	if m.Kind != RequestVoteRequest || m.Term != v.Term || v.Vote != 0 || !r.grants(v, m) {
		return false
	}
	s.Net = removed(s.Net, k)
	r.reply(s, Message{Kind: RequestVoteResponse, From: m.To, To: m.From, Term: v.Term, Reject: true})
	return true
}

// ignoreVote is receive for a request of a newer term that comes while the server hears from its leader (CheckQuorum).
func (r *rules) ignoreVote(s *State, k int) bool {
	m := s.Net[k]
	if m.Kind != RequestVoteRequest || m.Term <= s.Servers[m.To].Term {
		return false
	}
	s.Net = removed(s.Net, k)
	return true
}

// answerStale is receive for a leader's message of an older term, answered so that the leader learns the newer one.
func (r *rules) answerStale(s *State, k int) bool {
	m := s.Net[k]
	v := &s.Servers[m.To]
	if m.Kind != AppendEntriesRequest && m.Kind != HeartbeatRequest || m.Term >= v.Term {
		return false
	}
	s.Net = removed(s.Net, k)
	r.reply(s, Message{Kind: AppendEntriesResponse, From: m.To, To: m.From, Term: v.Term})
	return true
}

// handleRequestVoteResponse: only a server's first answer counts.
func (r *rules) handleRequestVoteResponse(v *Server, m Message) {
	if v.Role != Candidate || v.Responded.has(m.From) {
		return
	}
	v.Responded = v.Responded.with(m.From)
	if !m.Reject {
		v.Granted = v.Granted.with(m.From)
	}
}

// handleAppendEntriesRequest: a follower takes entries that fit to its log, cutting off what contradicts them and only that: an
// old message must not take back what a newer one brought.
func (r *rules) handleAppendEntriesRequest(s *State, v *Server, m Message) {
	answer := Message{Kind: AppendEntriesResponse, From: m.To, To: m.From, Term: v.Term}
	if m.Index < v.Commit {
		answer.Index = v.Commit
		r.reply(s, answer)
		return
	}
	if t, ok := termAt(v.Log, m.Index); (!ok || t != m.LogTerm) && !(r.bug(appendUnchecked) && ok) {
		answer.Index, answer.Reject = m.Index, true
		if r.ofTrace {
			answer.Hint, answer.LogTerm = hint(v.Log, min(m.Index, uint64(len(v.Log))), m.LogTerm)
		}
		r.reply(s, answer)
		return
	}
	last := m.Index + uint64(len(m.Entries))
	if r.bug(truncateAlways) {
		v.Log = appended(v.Log[:m.Index], m.Entries...)
	} else {
		for k, e := range m.Entries {
			at := m.Index + uint64(k)
			if at < uint64(len(v.Log)) && v.Log[at].Term == e.Term {
				continue
			}
			v.Log = appended(v.Log[:at], m.Entries[k:]...)
			break
		}
	}
	v.Commit = max(v.Commit, min(m.Commit, last))
	answer.Index = last
	r.reply(s, answer)
}

// hint returns the highest index at or below one whose term is at or below the leader's, and that term: the first at which
// the logs may match.
func hint(log []Entry, index, term uint64) (uint64, uint64) {
	for ; index > 0; index-- {
		if t, _ := termAt(log, index); t <= term {
			return index, t
		}
	}
	return 0, 0
}

// handleSnapshotRequest: a follower takes a snapshot that is ahead of what it has committed, with the configuration there.
func (r *rules) handleSnapshotRequest(s *State, v *Server, m Message) {
	answer := Message{Kind: AppendEntriesResponse, From: m.To, To: m.From, Term: v.Term}
	index := uint64(len(m.Entries))
	config, applied, ok := r.replay(m.From, m.Entries)
	fits, _ := termAt(v.Log, index)
	switch {
	case index <= v.Commit || !ok || !config.tracked().has(m.To):
		answer.Index = v.Commit
	case fits == lastTerm(m.Entries):
		v.Commit = index
		answer.Index = index
	default:
		v.Log, v.Commit = m.Entries, index
		answer.Index = index
		v.Applied = applied
		if !r.bug(snapshotKeepsVoter) {
			v.Config = config
		}
	}
	r.reply(s, answer)
}

// replay returns the configuration after a log, as the server that sent it has it, and the index of its last change.
func (r *rules) replay(of int, log []Entry) (c Config, applied uint64, ok bool) {
	c = r.bases[of]
	for k, e := range log {
		if e.Change == nil {
			continue
		}
		if c, ok = c.apply(e.Change); !ok {
			return c, 0, false
		}
		applied = uint64(k + 1)
	}
	return c, applied, true
}

// handleAppendEntriesResponse: a leader learns up to where a server's log matches its own.
func (r *rules) handleAppendEntriesResponse(v *Server, m Message) {
	if v.Role != Leader || m.Reject || !v.Config.tracked().has(m.From) || m.Index <= v.Match[m.From] {
		return
	}
	v.Match = set(v.Match, m.From, m.Index)
}
