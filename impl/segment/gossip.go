package segment

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// idleTicks is how many gossip timers a segment that knows of no gap lets pass. It may lack what it never heard
// of, so it asks all the same, now and then.
const idleTicks = 8

// gossip asks one peer for what this segment may lack (SIGMOD 2017 §3.3, step 4).
func (s *Segment) gossip(out *node.Effects) {
	s.ticks++
	if !s.serving || s.dead || len(s.peers) == 0 {
		return
	}
	s.fillAgain(s.peers[s.ticks%len(s.peers)], out)
	if s.ahead.frozen() && len(s.lost) == 0 {
		return // it would accept nothing
	}
	if !s.Damaged() && s.highest() == s.scl && s.lastAt <= s.scl && s.ticks%idleTicks != 0 {
		return
	}
	ask := &node.GossipAsk{Line: s.durable.line(), SCL: max(s.scl, s.below())}
	for _, h := range s.above(ask.SCL) {
		if len(ask.Above) == gossipMany {
			break
		}
		ask.Above = append(ask.Above, h.LSN)
	}
	for _, l := range s.lost {
		ask.Lost = append(ask.Lost, l.lsn)
	}
	// By turns of asking and not of ticks: of four peers every eighth tick is always the same one's, and where it has nothing
	// to give, such as a spare that is no member, no other was ever asked.
	s.asked++
	out.Send(s.peers[s.asked%len(s.peers)], ask)
}

// give answers a peer. Only peers on the same line exchange records: an LSN of another line may name another record.
func (s *Segment) give(to node.ID, m *node.GossipAsk, out *node.Effects) {
	answer := &node.GossipGive{Line: s.durable.line()}
	sameLine := s.durable.line() == m.Line
	// gofail: var bugGossipAcrossLines struct{}
	// sameLine = sameLine || s.hook.Planted("bugGossipRevivesCut")

	if sameLine {
		above := m.Above
		for _, h := range s.above(m.SCL) {
			if len(answer.Records) == gossipMany {
				break
			}
			for len(above) > 0 && above[0] < h.LSN {
				above = above[1:]
			}
			if len(above) == 0 || above[0] != h.LSN {
				answer.Records = append(answer.Records, h.Record)
			}
		}
	}
	// Of what lies at or below the floor there are no records to give any more.
	if below := s.images.tail.LSN; m.SCL < below || slices.ContainsFunc(m.Lost, func(l node.LSN) bool { return l <= below }) {
		answer.Floor = s.images.floor
	}
	// What became unreadable may be fetched across lines: (LSN, epoch) says which record it was.
	for _, l := range m.Lost {
		if r := s.at(l); r != nil && len(answer.Records) < 2*gossipMany {
			answer.Records = append(answer.Records, r)
		}
	}
	if len(answer.Records) > 0 || answer.Floor > 0 {
		out.Send(to, answer)
	}
}

// take accepts what a peer gave. A message may arrive long after the segment was fenced or moved to another line.
func (s *Segment) take(from node.ID, m *node.GossipGive, out *node.Effects) {
	if s.dead {
		return // its log is evidence, and nothing is appended to it
	}
	sameLine := m.Line == s.ahead.line()
	// gofail: var bugGossipTakenAcrossLines struct{}
	// sameLine = sameLine || s.hook.Planted("bugGossipRevivesCut")

	for _, r := range m.Records {
		switch {
		case s.isLost(r.LSN, r.Epoch):
			s.refetch(r, out)
		case sameLine && !s.ahead.frozen() && s.settled():
			s.accept(r, from, out)
		}
	}
	if s.fillsFrom(from) {
		s.waitNoLonger(m.Floor, out)
	}
	if m.Floor > s.complete() || len(s.lost) > 0 && m.Floor >= s.lost[0].lsn {
		s.fillFrom(from, out)
	}
}

// refetch writes a record anew that had become unreadable. In the model the segment never stopped holding it. A join that
// is on its way to the disk may drop the record: written behind the join, it would be held off the history.
func (s *Segment) refetch(r *node.Record, out *node.Effects) {
	if r.LSN <= s.imagesOnly || !r.Intact() || !s.ahead.history.Has(r.LSN, r.Epoch) || s.has(r.LSN, r.Epoch) || len(s.queue) >= maxQueued {
		return
	}
	s.enqueue(entry{kind: recordEntry, record: r, lsn: r.LSN, epoch: r.Epoch, again: true}, out)
}
