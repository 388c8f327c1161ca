//go:build with_tla

// Package rafttrace runs go.etcd.io/raft/v3 with its own tracing, which the build tag with_tla turns on, and holds what it traces
// against firstgap's model of Raft: three lines in a test, see TestFollows.
//
//	go test -tags with_tla ./rafttrace
package rafttrace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// tracer writes events as the library's own tools expect them: one object a line.
type tracer struct{ to io.Writer }

func (t tracer) TraceEvent(e *raft.TracingEvent) {
	line, err := json.Marshal(struct {
		Tag   string             `json:"tag"`
		Event *raft.TracingEvent `json:"event"`
	}{"trace", e})
	if err == nil {
		_, err = t.to.Write(append(line, '\n'))
	}
	if err != nil {
		panic(err) // a trace with a hole in it would be refused for a fault of ours
	}
}

// A group is nodes and the network between them, in one goroutine.
type group struct {
	trace   tracer
	options func(*raft.Config)
	nodes   map[uint64]*node
	net     []*raftpb.Message
}

type node struct {
	*raft.RawNode
	storage *raft.MemoryStorage
	conf    *raftpb.ConfState // that the application has applied
	applied uint64
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// start starts a node, with peers for the first ones of a group, without for one that joins.
func (g *group) start(id uint64, peers ...uint64) {
	n := &node{storage: raft.NewMemoryStorage(), conf: &raftpb.ConfState{}}
	g.boot(id, n)
	if len(peers) > 0 {
		var all []raft.Peer
		for _, p := range peers {
			all = append(all, raft.Peer{ID: p})
		}
		must(n.Bootstrap(all))
	}
}

func (g *group) boot(id uint64, n *node) {
	c := &raft.Config{ID: id, ElectionTick: 10, HeartbeatTick: 1, Storage: n.storage, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 16,
		Applied: n.applied, TraceLogger: g.trace, Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)}}
	if g.options != nil {
		g.options(c)
	}
	var err error
	n.RawNode, err = raft.NewRawNode(c)
	must(err)
	g.nodes[id] = n
}

// crash restarts a node: its storage has the configuration that the application has applied.
func (g *group) crash(id uint64) {
	n := g.nodes[id]
	if n.applied > 0 {
		if _, err := n.storage.CreateSnapshot(n.applied, n.conf, nil); !errors.Is(err, raft.ErrSnapOutOfDate) { // there is one already
			must(err)
		}
	}
	g.boot(id, n)
}

// work does what a node asks for until it asks for nothing: what it has to keep is kept before its messages leave.
func (g *group) work(id uint64) {
	n := g.nodes[id]
	for n.HasReady() {
		r := n.Ready()
		if !raft.IsEmptyHardState(r.HardState) {
			must(n.storage.SetHardState(r.HardState))
		}
		if !raft.IsEmptySnap(r.Snapshot) {
			must(n.storage.ApplySnapshot(r.Snapshot))
			n.conf, n.applied = r.Snapshot.GetMetadata().GetConfState(), r.Snapshot.GetMetadata().GetIndex()
		}
		must(n.storage.Append(r.Entries))
		g.net = append(g.net, r.Messages...)
		for _, e := range r.CommittedEntries {
			n.apply(e)
		}
		n.Advance(r)
	}
}

func (n *node) apply(e *raftpb.Entry) {
	n.applied = e.GetIndex()
	switch e.GetType() {
	case raftpb.EntryConfChange:
		c := &raftpb.ConfChange{}
		must(proto.Unmarshal(e.GetData(), c))
		n.conf = n.ApplyConfChange(c)
	case raftpb.EntryConfChangeV2:
		c := &raftpb.ConfChangeV2{}
		must(proto.Unmarshal(e.GetData(), c))
		n.conf = n.ApplyConfChange(c)
	}
}

// settle works and delivers until no message is under way; pass says which ones arrive.
func (g *group) settle(pass func(m *raftpb.Message) bool) {
	for range 10_000 {
		for _, id := range g.ids() {
			g.work(id)
		}
		if len(g.net) == 0 {
			return
		}
		m := g.net[0]
		g.net = g.net[1:]
		g.deliver(m, pass)
	}
	panic(fmt.Sprintf("%d messages are still under way", len(g.net)))
}

func (g *group) deliver(m *raftpb.Message, pass func(m *raftpb.Message) bool) {
	n, up := g.nodes[m.GetTo()]
	if !up || pass != nil && !pass(m) {
		if m.GetType() == raftpb.MsgSnap {
			g.nodes[m.GetFrom()].ReportSnapshot(m.GetTo(), raft.SnapshotFailure)
		}
		return
	}
	_ = n.Step(proto.Clone(m).(*raftpb.Message)) // it may refuse a proposal that came too late
	if m.GetType() == raftpb.MsgSnap {
		g.nodes[m.GetFrom()].ReportSnapshot(m.GetTo(), raft.SnapshotFinish)
	}
}

func (g *group) ids() []uint64 {
	var ids []uint64
	for id := range g.nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// heartbeats lets the leader's clock tick, and settles.
func (g *group) heartbeats(leader uint64) {
	g.nodes[leader].Tick()
	g.settle(nil)
}

// random lets things happen in the order that the seed draws: proposals, campaigns, heartbeats, losses, second deliveries, overtaking
// messages, crashes and changes of members.
func (g *group) random(seed uint64, steps int) {
	draw := rand.New(rand.NewPCG(seed, 0))
	for range steps {
		ids := g.ids()
		id := ids[draw.IntN(len(ids))]
		n := g.nodes[id]
		switch x := draw.IntN(100); {
		case x < 4:
			_ = n.Campaign()
		case x < 6:
			g.crash(id)
		case x < 20:
			_ = n.Propose([]byte("x")) // refused by a node that knows no leader
		case x < 26:
			if n.BasicStatus().RaftState == raft.StateLeader {
				n.Tick()
			}
		case x < 29:
			other := ids[draw.IntN(len(ids))]
			kind := []*raftpb.ConfChangeType{raftpb.ConfChangeAddNode.Enum(), raftpb.ConfChangeAddLearnerNode.Enum(), raftpb.ConfChangeRemoveNode.Enum()}[draw.IntN(3)]
			if len(n.conf.GetVoters()) > 2 || *kind != raftpb.ConfChangeRemoveNode {
				_ = n.ProposeConfChange(&raftpb.ConfChange{Type: kind, NodeId: &other})
			}
		case x < 60:
			g.work(id)
		default:
			if len(g.net) == 0 {
				continue
			}
			k := draw.IntN(len(g.net))
			m := g.net[k]
			if draw.IntN(10) > 0 { // else it will come again
				g.net = slices.Delete(g.net, k, k+1)
			}
			if draw.IntN(10) > 0 { // else it is lost
				g.deliver(m, nil)
			}
		}
	}
	g.settle(nil)
}
