//go:build with_tla

package rafttrace

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	etcd "go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/raft"
	"github.com/firstgap/firstgap/spec/trace"
)

// A run of the library follows the model: this is all that a test needs.
func TestFollows(t *testing.T) {
	var log bytes.Buffer
	scenario(&log)
	raft.Follows(t, &log)
}

// scenario has an election, lost and doubled messages, a follower that is behind and gets a snapshot, a new leader, members that are
// added, learn, are promoted and removed, a replacement through a joint configuration, and a restart.
func scenario(log *bytes.Buffer) {
	g := &group{trace: tracer{log}, nodes: map[uint64]*node{}}
	for id := uint64(1); id <= 3; id++ {
		g.start(id, 1, 2, 3)
	}
	g.settle(nil)
	must(g.nodes[1].Campaign())
	g.settle(nil)
	propose := func(leader uint64) {
		must(g.nodes[leader].Propose([]byte("x")))
		g.settle(nil)
	}
	propose(1)
	// Server 3 hears nothing for a while, and 1 compacts its log: 3 gets a snapshot.
	without3 := func(m *raftpb.Message) bool { return m.GetTo() != 3 && m.GetFrom() != 3 }
	for range 3 {
		must(g.nodes[1].Propose([]byte("x")))
		g.settle(without3)
	}
	one := g.nodes[1]
	_, err := one.storage.CreateSnapshot(one.applied, one.conf, nil)
	must(err)
	must(one.storage.Compact(one.applied))
	g.heartbeats(1)
	g.heartbeats(1)
	// Messages that come twice.
	must(g.nodes[1].Propose([]byte("x")))
	g.work(1)
	g.net = append(g.net, g.net...)
	g.settle(nil)
	// Server 2 takes over, while 1 has an entry that no one else has.
	must(g.nodes[1].Propose([]byte("x")))
	g.settle(func(m *raftpb.Message) bool { return m.GetFrom() != 1 })
	must(g.nodes[2].Campaign())
	g.settle(nil)
	// Members, one at a time.
	change := func(c raftpb.ConfChangeI) {
		must(g.nodes[2].ProposeConfChange(c))
		g.settle(nil)
		g.heartbeats(2)
	}
	single := func(kind raftpb.ConfChangeType, id uint64) *raftpb.ConfChange {
		return &raftpb.ConfChange{Type: kind.Enum(), NodeId: &id}
	}
	g.start(4)
	change(single(raftpb.ConfChangeAddLearnerNode, 4))
	change(single(raftpb.ConfChangeAddNode, 4))
	g.crash(3)
	g.settle(nil)
	g.heartbeats(2)
	change(single(raftpb.ConfChangeRemoveNode, 1))
	// Through a joint configuration, left by the leader itself, and left when it is asked to.
	g.start(5)
	joint := func(transition raftpb.ConfChangeTransition, changes string) *raftpb.ConfChangeV2 {
		ccs, err := raftpb.ConfChangesFromString(changes)
		must(err)
		return &raftpb.ConfChangeV2{Transition: transition.Enum(), Changes: ccs}
	}
	change(joint(raftpb.ConfChangeTransition_ConfChangeTransitionAuto, "v5 r3"))
	change(joint(raftpb.ConfChangeTransition_ConfChangeTransitionJointExplicit, "v3 l5"))
	change(&raftpb.ConfChangeV2{})
	propose(2)
}

// The scenario takes all that it is there for; with the receipt at hand, that is counted and not believed.
func TestScenarioIsCovered(t *testing.T) {
	var log bytes.Buffer
	scenario(&log)
	if name := os.Getenv("TRACE_OUT"); name != "" {
		must(os.WriteFile(name, log.Bytes(), 0o644))
	}
	r, err := raft.Validate(t.Context(), &log, trace.Options{})
	must(err)
	if r.Verdict != check.Pass {
		t.Fatal(trace.Text(r))
	}
	for _, a := range r.Actions {
		switch a.Action {
		case "Restart", "SendSnapshot", "AddLearner", "AddNewServer", "DeleteServer", "ChangeJointly", "LeaveJoint", "ApplyConfChange", "DuplicateMessage", "Receive":
			if a.Times == 0 {
				t.Errorf("%s was never taken", a.Action)
			}
		}
	}
}

// Runs in which everything happens in any order, with and without the library's options, follow the model.
func TestRandomRunsFollow(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var log bytes.Buffer
			g := &group{trace: tracer{&log}, nodes: map[uint64]*node{}, options: func(c *etcd.Config) {
				c.PreVote, c.CheckQuorum, c.StepDownOnRemoval = seed%3 == 1, seed%2 == 1, seed%4 == 1
			}}
			for id := uint64(1); id <= 3; id++ {
				g.start(id, 1, 2, 3)
			}
			g.start(4)
			g.random(seed, 400)
			if name := os.Getenv("TRACE_OUT"); name != "" {
				must(os.WriteFile(fmt.Sprintf("%s.%d", name, seed), log.Bytes(), 0o644))
			}
			raft.Follows(t, &log)
		})
	}
}

// A line that is not what happened is noticed.
func TestChangedTraceIsRefused(t *testing.T) {
	var log bytes.Buffer
	scenario(&log)
	lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	at := len(lines) / 2
	for !strings.Contains(lines[at], `"name":"Commit"`) {
		at++
	}
	lines = append(lines[:at], lines[at+1:]...)
	r, err := raft.Validate(t.Context(), strings.NewReader(strings.Join(lines, "\n")+"\n"), trace.Options{})
	must(err)
	if r.Verdict != check.Violation || r.Refusal.Line < at {
		t.Fatal(trace.Text(r))
	}
}
