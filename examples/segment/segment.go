// Package segment is a storage node by a stranger, served to the project's own writer, readers and epoch register: one copy of one
// protection group, written from the contract of package node. It keeps all of its log, and makes pages of it when asked. It
// leaves out what a volume can do without: page images for its peers, a backup, and the upkeep of pages.
package segment

import (
	"encoding/binary"
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
	i.SegmentDisk = []node.File{{Name: batch(0), Data: sealed(nil)}}
	i.Without = aurora.Without{Trace: !traced, Fill: true, Tails: true, Backup: true, Upkeep: true}
	i.Never = []string{"world.lostPieces"} // these segments append nothing
	expect := []faults.Check{faults.Trace, faults.Durability, faults.Serializability, faults.Snapshots, faults.Progress, faults.Pages}
	i.Bugs = []faults.PlantedBug{
		{Name: "bugAckBeforeSync", Rule: "a segment persists before it acknowledges", Expect: expect},
		{Name: "bugPromiseForgotten", Rule: "a promise is durable before its answer leaves", Expect: expect},
	}
	return aurora.Of(name, i)
}

// An entry is one thing to remember, in the order in which it became true: a record, a promise or a history.
type entry struct {
	record  *node.Record
	from    node.ID // of a record: the peer that gave it, 0 when it was a writer; not on the disk
	promise node.Epoch
	history node.History
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

const (
	gossipTimer node.Timer = 1
	mostWaiting            = 4096 // entries
	mostGiven              = 64   // records in one message
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
	var b []byte
	for _, e := range s.waiting {
		var kind byte
		var body []byte
		switch {
		case e.record != nil:
			kind, body = 'r', e.record.AppendBinary(nil)
		case e.history != nil:
			kind, body = 'h', e.history.AppendBinary(nil)
		default:
			kind, body = 'p', binary.AppendUvarint(nil, uint64(e.promise))
		}
		b = append(binary.AppendUvarint(append(b, kind), uint64(len(body))), body...)
	}
	out.Replace(batch(s.batches), sealed(b), 1)
	s.batches++
}

// read returns the entries of a batch, and whether it is whole.
func read(b []byte) (entries []entry, whole bool) {
	n := len(b) - 4
	if n < 0 || string(sealed(b[:n:n])) != string(b) {
		return nil, false
	}
	for b = b[:n]; len(b) > 0; {
		size, k := binary.Uvarint(b[1:])
		if k <= 0 || size > uint64(len(b)-1-k) {
			return nil, false
		}
		kind, body := b[0], b[1+k:1+k+int(size)]
		var e entry
		var err error
		switch kind {
		case 'r':
			e.record, err = node.DecodeRecord(body)
		case 'h':
			e.history, err = node.DecodeHistory(body)
		default:
			p, _ := binary.Uvarint(body)
			e.promise = node.Epoch(p)
		}
		if err != nil {
			return nil, false
		}
		entries, b = append(entries, e), b[1+k+int(size):]
	}
	return entries, true
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
	case e.history != nil:
		s.ahead = state{e.history.Line(), e.history}
	case e.promise != 0:
		s.ahead.promise = e.promise
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
		case e.history != nil:
			s.durable = state{e.history.Line(), e.history}
			s.log = slices.DeleteFunc(s.log, func(r *node.Record) bool { return !e.history.Has(r.LSN, r.Epoch) })
			s.scl = 0
			s.advance()
			t.Action, t.Epoch, t.Detail = node.ActJoin, e.history.Line(), &node.JoinStep{History: e.history}
			s.answer(t.Epoch, &node.Joined{Epoch: t.Epoch, SCL: s.scl}, out)
		default:
			s.durable.promise = e.promise
			t.Action, t.Epoch = node.ActFence, e.promise
			s.answer(e.promise, s.fenced(e.promise), out)
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
		if m.Line == s.durable.history.Line() && !s.damaged {
			s.give(from, m, out)
		}
	case *node.GossipGive:
		// Only on one line: an LSN of another may name another record. And none once it promised an epoch that it does not
		// follow yet: what it answered to the fence has to stay true.
		if m.Line == s.ahead.history.Line() && s.ahead.promise == m.Line {
			s.store(m.Records, from)
		}
	case *node.ReadSnapshot:
		image, complete := s.page(m.Page, m.ReadPoint, m.Need)
		if s.damaged || !complete || s.durable.history.Line() < m.Epoch {
			out.Send(from, &node.Behind{Epoch: m.Epoch, Page: m.Page, Attempt: m.Attempt, SCL: s.scl})
			return
		}
		out.Send(from, &node.PageImage{Epoch: m.Epoch, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: image})
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
			s.join(m, out)
		}
	case *node.ReadLog:
		if s.allowed(from, m.Epoch, false, out) && s.durable.promise == m.Epoch {
			s.readLog(from, m, out)
		}
	case *node.ReadPage:
		if s.allowed(from, m.Epoch, true, out) {
			if image, complete := s.page(m.Page, m.ReadPoint, m.Need); complete {
				out.Send(from, &node.PageImage{Epoch: m.Epoch, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: image})
			} else {
				out.Send(from, &node.Behind{Epoch: m.Epoch, Page: m.Page, Attempt: m.Attempt, SCL: s.scl})
			}
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
	if !s.store(m.Records, 0) {
		s.answer(m.Epoch, &node.Appended{Epoch: m.Epoch, SCL: s.scl}, out)
	} else if s.hook.Planted("bugAckBeforeSync") {
		early := s.scl
		for _, e := range s.waiting {
			if e.record != nil && e.record.Prev == early {
				early = e.record.LSN
			}
		}
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
		s.take(entry{record: r, from: from})
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
		s.take(entry{promise: e})
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

// join puts the segment on a new writer's history, and answers when that is durable.
func (s *segment) join(m *node.Join, out *node.Effects) {
	if s.ahead.history.Line() < m.Epoch {
		s.take(entry{history: m.History})
	} else if s.durable.history.Line() == m.Epoch {
		s.answer(m.Epoch, &node.Joined{Epoch: m.Epoch, SCL: s.scl}, out)
	}
}

func (s *segment) readLog(from node.ID, m *node.ReadLog, out *node.Effects) {
	answer := &node.LogRecords{Epoch: m.Epoch, From: m.From, Through: m.To}
	for _, r := range s.above(max(m.From, 1) - 1) {
		if r.LSN > m.To {
			break
		}
		if answer.Records = append(answer.Records, r); len(answer.Records) == mostGiven {
			answer.Through = r.LSN
			break
		}
	}
	out.Send(from, answer)
}

// page makes a page as of a read point out of the log, and tells whether it has all of the log that this takes.
func (s *segment) page(id node.PageID, readPoint, need node.LSN) (image []byte, complete bool) {
	p := &page.Page{ID: id}
	for _, r := range s.log {
		if r.Page != id || r.LSN > readPoint {
			continue
		}
		if r.LSN > s.scl || p.Apply(r) != nil {
			return nil, false
		}
	}
	return p.Encode(), s.scl >= need
}

// gossip asks one peer for what this segment may lack.
func (s *segment) gossip(out *node.Effects) {
	if !s.serving || s.damaged || s.ahead.promise != s.ahead.history.Line() {
		return
	}
	ask := &node.GossipAsk{Line: s.durable.history.Line(), SCL: s.scl}
	for _, r := range s.above(s.scl) {
		if len(ask.Above) < mostGiven {
			ask.Above = append(ask.Above, r.LSN)
		}
	}
	s.asked++
	out.Send(s.peers[s.asked%len(s.peers)], ask)
}

func (s *segment) give(to node.ID, m *node.GossipAsk, out *node.Effects) {
	answer := &node.GossipGive{Line: m.Line}
	for _, r := range s.above(m.SCL) {
		if !slices.Contains(m.Above, r.LSN) && len(answer.Records) < mostGiven {
			answer.Records = append(answer.Records, r)
		}
	}
	if len(answer.Records) > 0 {
		out.Send(to, answer)
	}
}
