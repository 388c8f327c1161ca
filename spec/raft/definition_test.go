package raft

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// An election as Raft.tla has it, for three voters with empty logs, one term and one message at a time. It shares no line with the
// model, and the search must find exactly its states and steps.
type election struct {
	Term, Vote [3]int // a vote is counted from 1
	Role       [3]string
	Yes, No    [3][3]bool // of a candidate: who answered what
	Led        [3]bool    // who ever became the leader of term 1
	Kind       string     // of the message under way, "" when none is
	From, To   int
	Refuses    bool
}

func (e election) follows(i int) election {
	if e.Term[i] < 1 {
		e.Term[i], e.Vote[i] = 1, 0
	}
	e.Role[i], e.Yes[i], e.No[i] = "follower", [3]bool{}, [3]bool{}
	return e
}

func (e election) says(kind string, from, to int, refuses bool) election {
	e.Kind, e.From, e.To, e.Refuses = kind, from, to, refuses
	return e
}

func (e election) receives() election {
	kind, from, to, refuses := e.Kind, e.From, e.To, e.Refuses
	e = e.says("", 0, 0, false)
	switch kind {
	case "vote":
		if e.Term[to] < 1 {
			e = e.follows(to)
		}
		if e.Vote[to] != 0 && e.Vote[to] != from+1 {
			return e.says("answer", to, from, true)
		}
		e.Vote[to] = from + 1
		return e.says("answer", to, from, false)
	case "answer":
		if e.Role[to] == "candidate" && !e.Yes[to][from] && !e.No[to][from] {
			e.Yes[to][from], e.No[to][from] = !refuses, refuses
		}
	case "append":
		if e.Role[to] != "leader" {
			return e.follows(to).says("appended", to, from, false)
		}
	}
	return e
}

func (e election) next() (all []election) {
	for i := range 3 {
		if e.Term[i] < 1 { // Timeout
			n := e
			n.Term[i], n.Vote[i], n.Role[i], n.Yes[i][i] = 1, i+1, "candidate", true
			all = append(all, n)
		}
		votes := 0
		for _, yes := range e.Yes[i] {
			if yes {
				votes++
			}
		}
		if e.Role[i] == "candidate" && votes >= 2 { // BecomeLeader
			n := e
			n.Role[i], n.Yes[i], n.No[i], n.Led[i] = "leader", [3]bool{}, [3]bool{}, true
			all = append(all, n)
		}
		for j := range 3 {
			switch {
			case e.Kind != "" || i == j:
			case e.Role[i] == "candidate" && !e.Yes[i][j] && !e.No[i][j]:
				all = append(all, e.says("vote", i, j, false))
			case e.Role[i] == "leader":
				all = append(all, e.says("append", i, j, false))
			}
		}
	}
	if e.Kind != "" {
		all = append(all, e.receives())
	}
	return all
}

func TestElectionAsDefined(t *testing.T) {
	start := election{Role: [3]string{"follower", "follower", "follower"}}
	known, queue, generated := map[election]bool{start: true}, []election{start}, uint64(1)
	for len(queue) > 0 {
		e := queue[0]
		queue = queue[1:]
		for _, n := range e.next() {
			generated++
			if !known[n] {
				known[n] = true
				queue = append(queue, n)
			}
		}
	}
	w := worldOf(t, "election")
	w.Symmetry = false
	r := search(t, w)
	require.Equal(t, check.Pass, r.Verdict)
	require.Equal(t, uint64(len(known)), r.Distinct)
	require.Equal(t, generated, r.Generated)
	require.Greater(t, r.Distinct, uint64(1000))
}
