// Package segment is a storage node by a stranger, served to the project's own writer, readers and epoch register: one copy of one
// protection group, written from the contract of package node. It keeps all of its log, and makes pages of it when asked. It
// leaves out what a volume can do without: page images for its peers, a backup, and the upkeep of pages.
package segment

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// System is the volume with segments that tell a trace, so that a model follows every step. Silent is the same with segments that
// tell none, as most systems would at first: then clients' histories and the writer's log are all the evidence there is.
func System() harness.System { return system("stranger-segment", true) }
func Silent() harness.System { return system("silent-segment", false) }

func system(name string, traced bool) harness.System {
	i := aurora.Ours()
	i.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, hook node.Hook) node.Node {
		return newSegment(id, v, time.Duration(n.GossipEvery), traced, hook)
	}
	i.SegmentDisk = []node.File{{Name: batch(0), Data: sealed([]byte("[]"))}}
	i.Without = aurora.Without{Trace: !traced, Fill: true, Tails: true, Backup: true, Upkeep: true, Room: true}
	i.Never = []string{"world.lostPieces"} // these segments append nothing
	expect := []faults.Check{faults.Trace, faults.Durability, faults.Serializability, faults.Snapshots, faults.Progress, faults.Pages, faults.Answers}
	i.Bugs = []faults.PlantedBug{
		{Name: "bugAckBeforeSync", Rule: "a segment persists before it acknowledges", Expect: expect},
		{Name: "bugPromiseForgotten", Rule: "a promise is durable before its answer leaves", Expect: expect},
	}
	return aurora.Of(name, i)
}

// An entry is one thing to remember, in the order in which it became true: a record, a promise or a history.
type entry struct {
	Record  []byte `json:",omitempty"` // encoded
	Promise node.Epoch
	History node.History
	record  *node.Record
	from    node.ID // of a record: the peer that gave it, 0 when it was a writer
}

// state is what was promised and followed.
type state struct {
	promise node.Epoch
	history node.History
}

type segment struct {
	id     node.ID
	group  node.Group
	peers  []node.ID
	every  time.Duration
	traced bool
	hook   node.Hook

	// durable is what the disk holds for certain, and ahead what it will hold when all that waits is written. What may be taken
	// is judged by ahead, or a record of an old epoch would be written behind the promise to take no more of them.
	durable, ahead state
	log            []*node.Record // durable, on the durable line, ascending
	scl            node.LSN
	told           node.LSN // the highest VDL that a writer told

	waiting []entry // the first writing of them are on their way to the disk
	writing int
	batches int
	entries uint64 // durable, and so the position of the last one

	serving, damaged bool
	writers          map[node.Epoch]node.ID
	asked            int
}

func newSegment(id node.ID, v *node.Volume, every time.Duration, traced bool, hook node.Hook) *segment {
	g, r, _ := v.Find(id)
	first := state{1, node.FirstHistory()}
	return &segment{id: id, group: g, peers: slices.Concat(v.Segments[g][r+1:], v.Segments[g][:r]), every: every, traced: traced, hook: hook,
		durable: first, ahead: first, writers: map[node.Epoch]node.ID{}}
}

const gossipTimer node.Timer = 1

// Limits of a segment.
const (
	mostWaiting = 4096 // entries
	mostGiven   = 64   // records in one message
)

// State implements node.Teller.
func (s *segment) State() node.State {
	return node.State{Role: "segment", Promise: s.durable.promise, Line: s.durable.history.Line(), SCL: s.scl, Serving: s.serving && !s.damaged, Damaged: s.damaged}
}

// Step implements node.Node.
func (s *segment) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		s.start(ev.Files, out)
	case node.DiskDone:
		s.written(out)
	case node.Fired:
		s.gossip(out)
		out.SetTimer(gossipTimer, s.every)
	case node.Received:
		if s.serving {
			s.receive(ev.From, ev.Message, out)
		}
	}
	s.write(out)
}

// The log is on the disk in batches, each a file that is there as a whole or not at all, written one after the other. So a crash
// leaves no torn end, and a batch that cannot be read, or a missing one, is damage.

func batch(n int) string { return fmt.Sprintf("log-%08d", n) }

func sealed(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }

// write writes what waits, when no write is under way.
func (s *segment) write(out *node.Effects) {
	if s.writing > 0 || len(s.waiting) == 0 || !s.serving {
		return
	}
	s.writing = len(s.waiting)
	data, _ := json.Marshal(s.waiting) // bytes and numbers
	out.Replace(batch(s.batches), sealed(data), 1)
	s.batches++
}

// read returns the entries of a batch, and whether it is whole.
func read(b []byte) (entries []entry, whole bool) {
	n := max(len(b), 4) - 4
	whole = string(sealed(b[:n:n])) == string(b) && json.Unmarshal(b[:n], &entries) == nil
	for i := range entries {
		if e := &entries[i]; e.Record != nil {
			var err error
			e.record, err = node.DecodeRecord(e.Record)
			whole = whole && err == nil
		}
	}
	return entries, whole
}

// start reads the disk. It serves when a sync says that what it has read is durable. One that has lost something takes no part
// any more: its answer to a fence, "I do not have it", would let a recovery cut what was acknowledged.
func (s *segment) start(files []node.File, out *node.Effects) {
	s.damaged = len(files) == 0
	for i, f := range files {
		entries, whole := read(f.Data)
		if f.Name != batch(i) || !whole {
			s.damaged = true
			break
		}
		s.waiting = append(s.waiting, entries...)
		s.batches++
	}
	s.writing = len(s.waiting)
	for _, e := range s.waiting {
		s.foresee(e)
	}
	out.Sync(1)
	out.SetTimer(gossipTimer, s.every)
}

// foresee says what will be when e is durable.
func (s *segment) foresee(e entry) {
	switch {
	case e.History != nil:
		s.ahead = state{e.History.Line(), e.History}
	case e.Promise != 0:
		s.ahead.promise = e.Promise
	}
}

func (s *segment) take(e entry) {
	s.foresee(e)
	s.waiting = append(s.waiting, e)
}

// written makes what was written count, tells it, and answers.
func (s *segment) written(out *node.Effects) {
	if s.damaged {
		s.serving = true // to answer that it is damaged
		return
	}
	stored := false
	for _, e := range s.waiting[:s.writing] {
		s.entries++
		t := node.Trace{Position: s.entries}
		switch {
		case e.record != nil:
			i, _ := slices.BinarySearchFunc(s.log, e.record.LSN, func(r *node.Record, l node.LSN) int { return int(int64(r.LSN) - int64(l)) })
			s.log = slices.Insert(s.log, i, e.record)
			s.advance()
			t.Action, t.Epoch, t.Record, t.From = node.ActStore, s.durable.history.Line(), e.record, e.from
			stored = true
		case e.History != nil:
			s.durable = state{e.History.Line(), e.History}
			s.log = slices.DeleteFunc(s.log, func(r *node.Record) bool { return !e.History.Has(r.LSN, r.Epoch) })
			s.scl = 0
			s.advance()
			t.Action, t.Epoch, t.Detail = node.ActJoin, e.History.Line(), &node.JoinStep{History: e.History}
			s.answer(t.Epoch, &node.Joined{Epoch: t.Epoch, SCL: s.scl}, out)
		default:
			s.durable.promise = e.Promise
			t.Action, t.Epoch = node.ActFence, e.Promise
			s.answer(e.Promise, s.fenced(e.Promise), out)
		}
		if s.traced {
			out.Tell(t) // after a start, all of it once more: whoever listens knows by its position what was told before
		}
	}
	s.waiting, s.writing, s.serving = s.waiting[s.writing:], 0, true
	if line := s.durable.history.Line(); stored {
		s.answer(line, &node.Appended{Epoch: line, SCL: s.scl}, out)
	}
}

// answer sends m to the writer of epoch e. After a start it may know none, and whoever asks, asks again.
func (s *segment) answer(e node.Epoch, m node.Message, out *node.Effects) {
	if to, known := s.writers[e]; known {
		out.Send(to, m)
	}
}

// advance moves the SCL as far as the back-links reach.
func (s *segment) advance() {
	for _, r := range s.above(s.scl) {
		if r.Prev != s.scl {
			return
		}
		s.scl = r.LSN
	}
}

// above returns the records above l.
func (s *segment) above(l node.LSN) []*node.Record {
	i := len(s.log)
	for i > 0 && s.log[i-1].LSN > l {
		i--
	}
	return s.log[i:]
}

func (s *segment) receive(from node.ID, m node.Message, out *node.Effects) {
	switch m := m.(type) {
	case *node.Ping:
		out.Send(from, &node.Pong{Round: m.Round, Lost: s.damaged})
	case *node.GossipAsk:
		if has := s.above(m.SCL); m.Line == s.durable.history.Line() && !s.damaged && len(has) > 0 {
			out.Send(from, &node.GossipGive{Line: m.Line, Records: slices.Clone(has[:min(len(has), mostGiven)])})
		}
	case *node.GossipGive:
		// Only on one line: an LSN of another may name another record. And none once it promised an epoch that it does not
		// follow yet: what it answered to the fence has to stay true.
		if m.Line == s.ahead.history.Line() && s.ahead.promise == m.Line {
			s.store(m.Records, from)
		}
	case *node.ReadSnapshot: // of a reader: what was durable in one epoch every later one has kept
		s.page(from, (*node.ReadPage)(m), !s.damaged && s.durable.history.Line() >= m.Epoch, out)
	case *node.Append:
		if s.allowed(from, m.Epoch, true, out) {
			s.append(m, out)
		}
	case *node.Fence:
		if s.allowed(from, m.Epoch, false, out) {
			s.fence(m.Epoch, out)
		}
	case *node.Join:
		if s.allowed(from, m.Epoch, false, out) {
			if s.ahead.history.Line() < m.Epoch {
				s.take(entry{History: m.History})
			} else if s.durable.history.Line() == m.Epoch {
				out.Send(from, &node.Joined{Epoch: m.Epoch, SCL: s.scl})
			}
		}
	case *node.ReadLog:
		if s.allowed(from, m.Epoch, false, out) && s.durable.promise == m.Epoch {
			has := s.above(max(m.From, 1) - 1)
			has = has[:max(0, len(has)-len(s.above(m.To)))]
			answer := &node.LogRecords{Epoch: m.Epoch, From: m.From, Through: m.To}
			if len(has) > mostGiven {
				has, answer.Through = has[:mostGiven], has[mostGiven-1].LSN
			}
			answer.Records = slices.Clone(has)
			out.Send(from, answer)
		}
	case *node.ReadPage:
		if s.allowed(from, m.Epoch, true, out) {
			s.page(from, m, true, out)
		}
	case *node.Confirm:
		if s.allowed(from, m.Epoch, false, out) {
			out.Send(from, &node.Confirmed{Epoch: m.Epoch, Round: m.Round})
		}
	}
}

// allowed tells whether a writer of epoch e may ask, and refuses it otherwise: one that was replaced, and, where follows says so,
// one whose log the segment does not follow.
func (s *segment) allowed(from node.ID, e node.Epoch, follows bool, out *node.Effects) bool {
	switch line := s.durable.history.Line(); {
	case s.damaged:
		out.Send(from, &node.Damaged{Epoch: e})
	case e < s.ahead.promise:
		out.Send(from, &node.Stale{Promise: s.ahead.promise})
	case follows && line != e:
		out.Send(from, &node.NotJoined{Epoch: e, Line: line})
	default:
		s.writers[e] = from
		return true
	}
	return false
}

// append takes a writer's records. When none is new it acknowledges at once what it has.
func (s *segment) append(m *node.Append, out *node.Effects) {
	s.told = max(s.told, m.VDL)
	some, early := s.store(m.Records, 0), s.scl
	for _, e := range s.waiting {
		if s.hook.Planted("bugAckBeforeSync") && e.record != nil && e.record.Prev == early {
			early = e.record.LSN
		}
	}
	if !some || early > s.scl {
		s.answer(m.Epoch, &node.Appended{Epoch: m.Epoch, SCL: early}, out)
	}
}

// store takes the records that belong to its line and that it has not, and tells whether there were any.
func (s *segment) store(records []*node.Record, from node.ID) (some bool) {
	for _, r := range records {
		same := func(o *node.Record) bool { return o.LSN == r.LSN && o.Epoch == r.Epoch }
		if r.Group != s.group || !r.Intact() || !s.ahead.history.Has(r.LSN, r.Epoch) || len(s.waiting) >= mostWaiting || slices.ContainsFunc(s.above(r.LSN-1), same) ||
			slices.ContainsFunc(s.waiting, func(e entry) bool { return e.record != nil && same(e.record) }) {
			continue
		}
		s.take(entry{Record: r.AppendBinary(nil), record: r, from: from})
		some = true
	}
	return some
}

// fence promises to serve no lower epoch, and answers when the promise is durable.
func (s *segment) fence(e node.Epoch, out *node.Effects) {
	switch {
	case e > s.ahead.promise && s.hook.Planted("bugPromiseForgotten"):
		s.ahead.promise, s.durable.promise = e, e // until it crashes
		s.answer(e, s.fenced(e), out)
	case e > s.ahead.promise:
		s.take(entry{Promise: e})
	case e == s.durable.promise && s.durable.history.Line() < e:
		s.answer(e, s.fenced(e), out)
	}
}

// fenced is all that a recovery may ask: what it holds above the VDL that it knows, and the last record at or below.
func (s *segment) fenced(e node.Epoch) *node.Fenced {
	f := &node.Fenced{Epoch: e, History: s.durable.history, SCL: s.scl, VDL: s.told}
	known := s.above(s.told)
	if i := len(s.log) - len(known); i > 0 {
		known = s.log[i-1:]
	}
	for _, r := range known {
		f.Held = append(f.Held, node.Held{LSN: r.LSN, Epoch: r.Epoch, Last: r.Last, OldestActive: r.OldestActive})
	}
	return f
}

// page makes a page as of a read point out of the log, and sends it if the segment may and has all of the log that this takes.
func (s *segment) page(to node.ID, m *node.ReadPage, may bool, out *node.Effects) {
	p := &page.Page{ID: m.Page}
	for _, r := range s.log {
		if r.Page == m.Page && r.LSN <= m.ReadPoint {
			may = may && r.LSN <= s.scl && p.Apply(r) == nil
		}
	}
	if !may || s.scl < m.Need {
		out.Send(to, &node.Behind{Epoch: m.Epoch, Page: m.Page, Attempt: m.Attempt, SCL: s.scl})
		return
	}
	out.Send(to, &node.PageImage{Epoch: m.Epoch, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: p.Encode()})
}

// gossip asks one peer for what this segment may lack.
func (s *segment) gossip(out *node.Effects) {
	if !s.serving || s.damaged || s.ahead.promise != s.ahead.history.Line() {
		return
	}
	s.asked++
	out.Send(s.peers[s.asked%len(s.peers)], &node.GossipAsk{Line: s.durable.history.Line(), SCL: s.scl})
}
