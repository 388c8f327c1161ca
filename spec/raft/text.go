package raft

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

func (k *machine) Step() string { return k.m.describe(k.last) }

// describe writes a move, such as "Receive(MsgApp s1 → s2 ...)".
func (m *model) describe(mv move) string {
	if mv.action == told {
		return mv.says
	}
	name := actionNames()[mv.action]
	if mv.ofMessage() {
		return fmt.Sprintf("%s(%s)", name, m.message(mv.was))
	}
	switch mv.action {
	case actRequestVote, actHeartbeat:
		return fmt.Sprintf("%s(%s, %s)", name, m.names(mv.i), m.names(mv.j))
	case actAppendEntries:
		return fmt.Sprintf("%s(%s, %s, %d..%d)", name, m.names(mv.i), m.names(mv.j), mv.at+1, mv.at+uint64(mv.count))
	case actSendSnapshot:
		return fmt.Sprintf("%s(%s, %s, ..%d)", name, m.names(mv.i), m.names(mv.j), mv.at)
	case actAddNewServer, actAddLearner, actDeleteServer:
		return fmt.Sprintf("%s(%s, %s)", name, m.names(mv.i), m.names(mv.change.Singles[0].Server))
	case actChangeJointly:
		return fmt.Sprintf("%s(%s, %s)", name, m.names(mv.i), mv.change.text(m.names))
	case actLearnTerm:
		return fmt.Sprintf("%s(%s, %d)", name, m.names(mv.i), mv.at)
	}
	return fmt.Sprintf("%s(%s)", name, m.names(mv.i))
}

// message writes a message in words.
func (m *model) message(x Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s → %s term %d", x.Kind, m.names(x.From), m.names(x.To), x.Term)
	switch x.Kind {
	case RequestVoteRequest:
		fmt.Fprintf(&b, ", log to %d of term %d", x.Index, x.LogTerm)
	case AppendEntriesRequest:
		fmt.Fprintf(&b, ", behind %d of term %d %s, commit %d", x.Index, x.LogTerm, m.log(x.Entries, int(x.Index)), x.Commit)
	case AppendEntriesResponse:
		if !x.Reject {
			fmt.Fprintf(&b, ", matches to %d", x.Index)
		} else {
			fmt.Fprintf(&b, ", refuses %d", x.Index)
		}
	case HeartbeatRequest:
		fmt.Fprintf(&b, ", commit %d", x.Commit)
	case SnapshotRequest:
		fmt.Fprintf(&b, ", to %d", len(x.Entries))
	case RequestVoteResponse:
		if x.Reject {
			b.WriteString(", no")
		} else {
			b.WriteString(", yes")
		}
	}
	return b.String()
}

// shown is how many entries of a log are written in words: a long log is told by its end.
const shown = 8

// log writes entries that come behind an index: their terms, and their changes of members.
func (m *model) log(log []Entry, behind int) string {
	var b strings.Builder
	b.WriteString("[")
	for k, e := range log {
		if k < len(log)-shown {
			if k == 0 {
				fmt.Fprintf(&b, "%d entries, ", len(log)-shown)
			}
			continue
		}
		if k > max(0, len(log)-shown) {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d: t%d", behind+k+1, e.Term)
		if e.Change != nil {
			fmt.Fprintf(&b, " %s", e.Change.text(m.names))
		}
	}
	b.WriteString("]")
	return b.String()
}

func (m *model) vote(v int) string {
	if v == 0 {
		return "no vote"
	}
	return "voted for " + m.names(v-1)
}

// Vars returns the state by server, and what is under way.
func (k *machine) Vars() []check.Var {
	m := k.m
	var vars []check.Var
	add := func(name, format string, args ...any) {
		vars = append(vars, check.Var{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	names := func(s Set) string {
		var list []string
		s.each(func(i int) { list = append(list, m.names(i)) })
		return strings.Join(list, ", ")
	}
	for i := range k.now.Servers {
		v, name := &k.now.Servers[i], m.names(i)
		add("role["+name+"]", "%s", v.Role)
		add("term["+name+"]", "%d, %s", v.Term, m.vote(v.Vote))
		if len(v.Log) > 0 {
			add("log["+name+"]", "%s", m.log(v.Log, 0))
		}
		if v.Commit > 0 {
			add("commit["+name+"]", "%d", v.Commit)
		}
		add("config["+name+"]", "%s", v.Config.text(m.names))
		if v.Role == Candidate && v.Responded != 0 {
			add("votes["+name+"]", "yes {%s}, no {%s}", names(v.Granted), names(v.Responded&^v.Granted))
		}
		if v.Role == Leader {
			var match []string
			v.Config.tracked().each(func(j int) { match = append(match, fmt.Sprintf("%s %d", m.names(j), v.Match[j])) })
			add("match["+name+"]", "%s", strings.Join(match, ", "))
		}
		if m.w.Ready {
			d := &v.Durable
			if !v.isDurable() {
				add("durable["+name+"]", "term %d, %s, log %s, commit %d, config %s", d.Term, m.vote(d.Vote), m.log(d.Log, 0), d.Commit, d.Config.text(m.names))
			}
			if len(v.Outbox) > 0 {
				add("outbox["+name+"]", "%s", m.list(v.Outbox))
			}
		}
	}
	if len(k.now.Net) > 0 {
		add("messages", "%s", m.list(k.now.Net))
	}
	return vars
}

func (m *model) list(messages []Message) string {
	var list []string
	for _, x := range messages {
		list = append(list, m.message(x))
	}
	return strings.Join(list, "; ")
}
