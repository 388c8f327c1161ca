// Package raft is go.etcd.io/raft/v3 as a node: registers on a log that the members of a group agree on. The library agrees; what is
// here keeps its log on a disk, carries its messages and applies what is committed. Runs are short: nothing is ever compacted.
//
// The library draws its election timeouts from crypto/rand, and one seed would give many runs. Here they are so long that none ends, and
// a member campaigns after a wait that is a function of the seed, the member and its term. CheckQuorum counts by them, and stays off.
package raft

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"log"
	"math/rand/v2"
	"time"

	etcd "go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// System is a group of three.
func System() harness.System { return group(3, never).System() }

// group is one of that many members, whose library campaigns by itself after that many ticks without a leader, or up to twice as many.
func group(members, ticks int) harness.Replicas {
	return harness.Replicas{Name: "raft", What: "registers on the log of go.etcd.io/raft/v3", Count: members, Disk: true, Mix: workload.SwappedRegisters(),
		New: func(p harness.Place) node.Node { return &member{place: p, ticks: ticks} },
		Bugs: []faults.PlantedBug{
			{Name: "bugAnswerBeforeSync", Rule: "terms, votes and entries are durable before a member answers for them (Raft thesis §3.8)", Expect: []faults.Check{faults.Sanity, faults.Linearizability, faults.Durability}},
			{Name: "bugLocalRead", Rule: "a read waits for a majority to confirm the leader, and for what it had committed (Raft thesis §6.4)", Expect: []faults.Check{faults.Linearizability, faults.Durability}},
		}}
}

const tick, patience, never = 5 * time.Millisecond, 6, 1 << 30 // between heartbeats; ticks before a member campaigns, or up to twice as many

type member struct {
	place                harness.Place
	library              *etcd.RawNode // nil when the disk is damaged
	stored               *etcd.MemoryStorage
	writing              []*raftpb.Message // on their way to the disk, in order
	syncs                node.Token        // counted: a disk takes as long for each of the same token
	ticks, silent        int
	calls                map[node.ID]uint64 // the ID of each client's last one; it gives every call another
	reads                []etcd.ReadState   // confirmed, until what they have to see is applied
	values               map[string]node.Value
	campaigns, proposals uint64
}

func (m *member) Step(_ node.Time, ev node.Event, out *node.Effects) {
	message := &raftpb.Message{}
	switch o, ours := ev.Message.(*node.Opaque); {
	case ev.Kind == node.Started:
		m.start(ev.Files, out)
	case m.library == nil:
	case ev.Kind == node.Requested:
		m.request(&ev, out)
	case ev.Kind == node.Fired:
		m.library.Tick()
		out.SetTimer(1, tick)
		s := m.library.BasicStatus()
		if m.silent++; m.silent > patience+int(rand.NewPCG(m.place.Seed, uint64(m.place.ID)<<48|s.GetTerm()).Uint64()%patience) && s.RaftState != etcd.StateLeader {
			m.silent, m.campaigns = 0, m.campaigns+1
			must(0, m.library.Campaign())
		}
	case ev.Kind == node.DiskDone && len(m.writing) > 0 && ev.Token > 0:
		m.durable(out)
	case ev.Kind == node.Received && ours && proto.Unmarshal(o.Bytes, message) == nil:
		_ = m.library.Step(message) // an error says that the message was dropped, as the network may do
		if s := m.library.BasicStatus(); message.GetTerm() == s.GetTerm() && (message.GetFrom() == s.Lead || message.GetFrom() == s.GetVote()) {
			m.silent = 0 // as the library begins to wait anew at a word of its term's leader, or of the candidate that has its vote
		}
	}
	for m.library != nil && m.library.HasReady() {
		ready := m.library.Ready()
		m.deliver(ready.Messages, out)
		for m.reads = append(m.reads, ready.ReadStates...); len(m.reads) > 0 && m.reads[0].Index <= m.library.BasicStatus().Applied; m.reads = m.reads[1:] {
			m.apply(m.reads[0].RequestCtx, out)
		}
	}
}

// start makes the library of the records on the disk. They end where a crash has left a hole of zeros or cut one short, which was on its
// way. Anything else that is wrong with one is damage, and then the member takes no part: it may have acknowledged what is lost.
func (m *member) start(files []node.File, out *node.Effects) {
	m.stored, m.calls, m.values = etcd.NewMemoryStorage(), map[node.ID]uint64{}, map[string]node.Value{}
	members, data, at := &raftpb.ConfState{}, append(files, node.File{})[0].Data, 0 // of a file that is there once it was written
	for _, id := range m.place.Members {
		members.Voters = append(members.Voters, uint64(id))
	}
	must(0, m.stored.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{ConfState: members}}))
	for len(data)-at >= 12 { // in front of a record are its size, that inverted, and its checksum
		h, record := [3]uint32{}, &raftpb.Message{}
		must(binary.Decode(data[at:], binary.BigEndian, &h))
		sound, from, to := h[1] == ^h[0], at+12, at+12+int(h[0])
		if h == [3]uint32{} || sound && to > len(data) {
			break
		} else if !sound || crc32.ChecksumIEEE(data[from:to]) != h[2] || proto.Unmarshal(data[from:to], record) != nil {
			return
		}
		m.writing, at = append(m.writing, record), to
		m.durable(out)
	}
	out.Replace("log", data[:at], 0) // behind what is left of a record, others would be lost; and what was read may not be durable yet
	m.library = must(etcd.NewRawNode(&etcd.Config{ID: uint64(m.place.ID), ElectionTick: m.ticks, HeartbeatTick: 1, Storage: m.stored, AsyncStorageWrites: true,
		MaxSizePerMsg: 1 << 16, MaxInflightMsgs: 64, DisableProposalForwarding: true, Logger: &etcd.DefaultLogger{Logger: log.New(io.Discard, "", 0)}}))
	out.SetTimer(1, tick)
}

// durable gives the library the oldest record on its way to the disk, and delivers the answers that waited for it.
func (m *member) durable(out *node.Effects) {
	r := m.writing[0]
	if m.writing = m.writing[1:]; r.Term != nil {
		must(0, m.stored.SetHardState(&raftpb.HardState{Term: r.Term, Vote: r.Vote, Commit: r.Commit}))
	}
	must(0, m.stored.Append(r.Entries))
	m.deliver(r.Responses, out)
}

// deliver brings messages to where the library sends them: the disk, the registers, itself, another member.
func (m *member) deliver(messages []*raftpb.Message, out *node.Effects) {
	for _, message := range messages {
		switch message.GetTo() {
		case etcd.LocalAppendThread:
			data := must(proto.Marshal(&raftpb.Message{Term: message.Term, Vote: message.Vote, Commit: message.Commit, Entries: message.Entries}))
			out.Append("log", append(must(binary.Append(nil, binary.BigEndian, [3]uint32{uint32(len(data)), ^uint32(len(data)), crc32.ChecksumIEEE(data)})), data...))
			m.writing, m.syncs = append(m.writing, message), m.syncs+1
			out.Sync(m.syncs)
			if m.place.Hook.Planted("bugAnswerBeforeSync") {
				m.durable(out)
			}
		case etcd.LocalApplyThread:
			for _, e := range message.Entries {
				m.apply(e.Data, out)
			}
			m.deliver(message.Responses, out)
		case uint64(m.place.ID):
			must(0, m.library.Step(message))
		default:
			out.Send(node.ID(message.GetTo()), &node.Opaque{Kind: message.GetType().String(), Bytes: must(proto.Marshal(message))})
		}
	}
}

// request begins a call, which is the data of an entry, or what a read is confirmed by. A write is refused where it is not led: on its
// way to the leader, the network could double it. It stays without an answer when another leader may commit its entry, or replace it.
func (m *member) request(ev *node.Event, out *node.Effects) {
	m.calls[ev.From] = ev.Request.ID
	data, reads := must(node.AppendWire(nil, ev)), ev.Request.Op == node.OpRead
	switch {
	case reads && m.place.Hook.Planted("bugLocalRead"):
		m.apply(data, out)
	case reads && m.library.BasicStatus().Lead != etcd.None:
		m.library.ReadIndex(data)
	case !reads && m.library.Propose(data) == nil:
		m.proposals++
	default:
		out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.Refused, Reason: node.ReasonNotOpen})
	}
}

// apply carries out a call that is committed, or a read that is confirmed. The member that was asked answers.
func (m *member) apply(data []byte, out *node.Effects) {
	var ev node.Event
	if len(data) == 0 {
		return // a leader's first entry
	}
	must(0, node.DecodeWire(data, &ev))
	row, r := ev.Request.Rows[0], node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK}
	if r.Op == node.OpSwap && m.values[row.Key] != ev.Request.Expect {
		r.Status, r.Reason = node.Refused, node.ReasonMismatch
	} else if r.Op != node.OpRead {
		m.values[row.Key] = row.Value
	}
	if r.Value = m.values[row.Key]; m.calls[ev.From] == r.ID {
		delete(m.calls, ev.From)
		out.Respond(ev.From, r)
	}
}

// State implements node.Teller.
func (m *member) State() node.State {
	if m.library == nil {
		return node.State{Role: "member", Damaged: true}
	}
	s := m.library.BasicStatus()
	return node.State{Role: "member", Phase: s.RaftState.String(), Epoch: node.Epoch(s.GetTerm()), VDL: node.LSN(s.GetCommit()), Serving: s.Lead != etcd.None,
		Counters: []node.Counter{{Name: "campaigns", Value: m.campaigns}, {Name: "proposals", Value: m.proposals}}}
}

func must[T any](v T, err error) T { // ends the member where what cannot fail does: the run says so
	if err != nil {
		panic(err)
	}
	return v
}
