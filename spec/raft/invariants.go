package raft

import (
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// An invariant is a statement about a state. touched is the server that the last step changed, -1 when it may be any: the
// invariants held before the step, so only what has to do with that server can have been broken.
type invariant struct {
	check.Invariant
	holds func(r *rules, s *State, touched int) bool
}

// invariants returns the invariants in the module's order.
func invariants() []invariant {
	named := func(name, guarantee string, holds func(r *rules, s *State, touched int) bool) invariant {
		return invariant{check.Invariant{Name: name, Guarantee: guarantee}, holds}
	}
	return []invariant{
		named("TypeOK", "No server has committed more than its log has, applied more than it has committed, or proposed more than it has appended.", typeOK),
		named("ElectionSafety", "At most one server ever becomes the leader of a term.", electionSafety),
		named("MoreThanOneLeaderInv", "No two servers lead in one term at the same time.", oneLeader),
		named("LogInv", "What two servers have committed does not differ: the state machines apply the same entries in the same order.", logInv),
		named("ElectionSafetyInv", "A leader has every entry of its term that any server has.", leaderHasTerm),
		named("LogMatchingInv", "Two logs that have an entry of the same index and term are the same up to there.", logMatching),
		named("QuorumLogInv", "In every quorum of a server's configuration some log has all that the server has committed.", quorumLog),
		named("MoreUpToDateCorrectInv", "A log that a vote takes for up to date has all that the voter has committed.", moreUpToDate),
		named("LeaderCompletenessInv", "A leader has every entry that a server of no newer term has committed.", leaderCompleteness),
		named("CommittedIsDurableInv", "What a leader has committed is durable on it.", committedIsDurable),
	}
}

func typeOK(_ *rules, s *State, _ int) bool {
	for i := range s.Servers {
		v := &s.Servers[i]
		if v.Commit > uint64(len(v.Log)) || v.Applied > v.Commit || v.Pending > uint64(len(v.Log)) || v.Vote > len(s.Servers) {
			return false
		}
		if (v.Role == Leader) != (v.Match != nil) || v.Role != Candidate && v.Responded|v.Granted != 0 || v.Granted&^v.Responded != 0 {
			return false
		}
		if c := v.Config; c.Learners&(c.electors()) != 0 || c.LearnersNext&^c.Outgoing != 0 || !c.joint() && c.AutoLeave {
			return false
		}
	}
	return true
}

func electionSafety(_ *rules, s *State, _ int) bool {
	for k, e := range s.Elected {
		for _, f := range s.Elected[:k] {
			if e.Term == f.Term && e.Server != f.Server {
				return false
			}
		}
	}
	return true
}

// pairs evaluates a statement about two servers, in either order, for all pairs that the step can have to do with.
func pairs(s *State, touched int, holds func(v, w *Server) bool) bool {
	for i := range s.Servers {
		for j := range i {
			if touched >= 0 && i != touched && j != touched {
				continue
			}
			if v, w := &s.Servers[i], &s.Servers[j]; !holds(v, w) || !holds(w, v) {
				return false
			}
		}
	}
	return true
}

func oneLeader(_ *rules, s *State, touched int) bool {
	return pairs(s, touched, func(v, w *Server) bool { return v.Role != Leader || w.Role != Leader || v.Term != w.Term })
}

// committed returns what the server has committed of its log.
func (s *Server) committed() []Entry { return s.Log[:min(s.Commit, uint64(len(s.Log)))] }

// same says whether two logs are the same up to an index that both have. Logs share their memory where one was copied from
// the other, and then nothing is compared.
func same(a, b []Entry, upto int) bool {
	return upto == 0 || &a[0] == &b[0] || slices.EqualFunc(a[:upto], b[:upto], Entry.equal)
}

func hasPrefix(log, prefix []Entry) bool {
	return len(log) >= len(prefix) && same(log, prefix, len(prefix))
}

func logInv(_ *rules, s *State, touched int) bool {
	return pairs(s, touched, func(v, w *Server) bool {
		a, b := v.committed(), w.committed()
		return same(a, b, min(len(a), len(b)))
	})
}

// lastOf returns the highest index whose entry has the term.
func lastOf(log []Entry, term uint64) int {
	for k := len(log); k > 0; k-- {
		if log[k-1].Term == term {
			return k
		}
	}
	return 0
}

func leaderHasTerm(_ *rules, s *State, touched int) bool {
	return pairs(s, touched, func(v, w *Server) bool {
		return v.Role != Leader || lastOf(v.Log, v.Term) >= lastOf(w.Log, v.Term)
	})
}

// logMatching: the highest index at which the terms are the same must end a common prefix; those below it then do, too.
func logMatching(_ *rules, s *State, touched int) bool {
	return pairs(s, touched, func(v, w *Server) bool {
		for k := min(len(v.Log), len(w.Log)); k > 0; k-- {
			if v.Log[k-1].Term == w.Log[k-1].Term {
				return same(v.Log, w.Log, k)
			}
		}
		return true
	})
}

// quorumLog: some quorum is without the entries if and only if those without them are one. A server that has not applied what it
// knows to be committed does not campaign, so its quorums decide nothing.
func quorumLog(r *rules, s *State, _ int) bool {
	for i := range s.Servers {
		v := &s.Servers[i]
		if v.Commit == 0 || v.unapplied() != 0 {
			continue
		}
		var without Set
		for j := range s.Servers {
			if !hasPrefix(s.Servers[j].Log, v.committed()) {
				without |= one(j)
			}
		}
		if c := v.Config; c.Voters != 0 && without.majority(c.Voters) && (!c.joint() || without.majority(c.Outgoing)) {
			return false
		}
	}
	return true
}

func moreUpToDate(_ *rules, s *State, touched int) bool {
	return pairs(s, touched, func(v, w *Server) bool {
		a, b := lastTerm(v.Log), lastTerm(w.Log)
		return a < b || a == b && len(v.Log) < len(w.Log) || hasPrefix(v.Log, w.committed())
	})
}

// leaderCompleteness speaks of the terms of the servers, and not, as the library's module does, of the terms of the entries: an
// entry of term 1 may be committed in term 3, while one who won term 2 without it still takes itself for a leader. That breaks
// the module's statement, and loses nothing.
func leaderCompleteness(_ *rules, s *State, touched int) bool {
	return pairs(s, touched, func(v, w *Server) bool {
		return v.Role != Leader || v.Term < w.Term || hasPrefix(v.Log, w.committed())
	})
}

func committedIsDurable(r *rules, s *State, _ int) bool {
	if !r.w.Ready {
		return true
	}
	for i := range s.Servers {
		v := &s.Servers[i]
		if v.Role == Leader && v.Commit > uint64(len(v.Durable.Log)) {
			return false
		}
	}
	return true
}
