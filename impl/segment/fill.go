package segment

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// defaultFillChunk is Config.FillChunk where that says nothing.
const defaultFillChunk = 16 << 10

// A filling is the fetching of a peer's images. They are as of one LSN, come chunk by chunk, and count when all of
// them are durable, at once. A crash in between begins anew.
type filling struct {
	busy  bool
	moved bool // since the last gossip timer
	peer  node.ID
	token uint64
	next  node.PageID
	line  node.Epoch // on which it began
	set   imageSet
}

// fillFrom begins to fetch a peer's images, unless it is known to have none: a segment that asks its peers by turns, and waits for
// each until the turn after the next, would ask none but tails where every other peer is one.
func (s *Segment) fillFrom(peer node.ID, out *node.Effects) {
	if !s.fillsFrom(peer) || s.busy() || !s.settled() || s.ahead.frozen() || s.durable.line() != s.ahead.line() {
		return
	}
	s.fills++
	s.filling = filling{busy: true, moved: true, peer: peer, token: uint64(s.incarnation)<<32 | s.fills, line: s.durable.line()}
	s.askToFill(max(s.below(), s.scl), out)
}

func (s *Segment) askToFill(at node.LSN, out *node.Effects) {
	f := &s.filling
	out.Send(f.peer, &node.FillAsk{History: s.durable.history, At: at, From: f.next, Token: f.token})
}

// fillAgain gives up a filling that has not moved since the last time, and begins with another peer what has to be.
func (s *Segment) fillAgain(peer node.ID, out *node.Effects) {
	if s.filling.busy && !s.filling.moved {
		s.filling = filling{}
	}
	s.filling.moved = false
	if s.isHollow {
		s.fillFrom(peer, out)
	}
}

// giveImages answers a peer with images as of the lowest LSN that serves it and that is still kept here.
func (s *Segment) giveImages(to node.ID, m *node.FillAsk, out *node.Effects) {
	g, replica, known := s.volume.Find(to)
	toTail := known && s.isTail(replica)
	at := max(m.At, s.images.floor)
	// Only what both lines hold the same of; only what is complete here; and pages only from who has pages.
	if s.Damaged() || !known || g != s.group || s.tail && !toTail || at > s.complete() || at > s.durable.history.Common(m.History) {
		return
	}
	give := &node.FillGive{Token: m.Token, At: at, Last: s.lastAtOrBelow(at), From: m.From, Done: true}
	if !toTail {
		var fits bool
		if give.Images, give.Next, give.Done, fits = s.imagesAt(at, m.From, s.fillChunk); !fits {
			return
		}
	}
	s.counters.Given++
	out.Send(to, give)
}

// imagesAt returns the images as of at of the pages from first on that something changed, until so many bytes are passed,
// and from where to go on. They fit when the records make pages: the segment gives no others, see PageAt.
func (s *Segment) imagesAt(at node.LSN, first node.PageID, most int) (images [][]byte, next node.PageID, done, fits bool) {
	i, _ := slices.BinarySearch(s.order, first)
	bytes := 0
	for _, id := range s.order[i:] {
		v := s.pages[id]
		n := v.find(at)
		if v.base.page == nil && n == 0 {
			continue
		}
		if bytes > most {
			return images, id, false, true
		}
		image := v.base.image
		if n > 0 {
			p := v.start(id)
			for _, r := range v.records[:n] {
				if p.Apply(r) != nil {
					return nil, 0, false, false
				}
			}
			image = p.Encode()
		}
		bytes += len(image)
		images = append(images, image)
	}
	return images, 0, true, true
}

// lastAtOrBelow describes the group's last record at or below l, of a segment that is complete up to there.
func (s *Segment) lastAtOrBelow(l node.LSN) node.Held {
	if n := s.before(l); n > 0 {
		return heldOf(s.held[n-1].Record)
	}
	return s.images.tail
}

// takeImages takes one chunk.
func (s *Segment) takeImages(from node.ID, m *node.FillGive, out *node.Effects) {
	f := &s.filling
	if !f.busy || from != f.peer || m.Token != f.token || m.From != f.next {
		return
	}
	first := f.set.pages == nil
	useless := !s.Damaged() && m.At <= s.complete() || m.At < s.below()
	if s.ahead.frozen() || s.ahead.line() != f.line || useless || !first && m.At != f.set.floor {
		*f = filling{}
		return
	}
	if first {
		f.set = imageSet{images: images{floor: m.At, tail: m.Last, from: from}, pages: map[node.PageID]imagedPage{}}
	}
	for _, image := range m.Images {
		p, err := page.Decode(image)
		if err != nil || p.ID < f.next {
			*f = filling{}
			return
		}
		f.set.pages[p.ID] = imagedPage{page: p, image: image}
	}
	f.moved = true
	done := m.Done
	// gofail: var bugFillHalf struct{}
	// done = done || s.hook.Planted("bugFillHalf")

	if !done {
		if m.Next <= f.next {
			*f = filling{}
			return
		}
		f.next = m.Next
		s.askToFill(f.set.floor, out)
		return
	}
	set := f.set
	set.position = s.position
	*f = filling{}
	s.pending = &set
	// gofail: var segmentBeforeFill struct{}
	// s.hook.Hit("segmentBeforeFill")

	s.replaceImages(out)
}

// filled tells that the images of a peer are durable, and lets the writer know how far the segment has come.
func (s *Segment) filled(wasDamaged bool, out *node.Effects) {
	// gofail: var segmentAfterFill struct{}
	// s.hook.Hit("segmentAfterFill")

	s.counters.Filled++
	s.tellUntold(out)
	out.Tell(s.fillTrace(&s.images))
	if wasDamaged && !s.Damaged() {
		s.tellHeld(out)
	}
	s.answer(s.durable.line(), &node.Appended{Epoch: s.durable.line(), SCL: s.scl}, out)
}

func (s *Segment) fillTrace(im *images) node.Trace {
	return node.Trace{Action: node.ActFill, Epoch: s.durable.line(), From: im.from, LSN: im.floor}
}

// fillsFrom tells whether a peer has images for this segment: a tail has none but for tails.
func (s *Segment) fillsFrom(peer node.ID) bool {
	_, r, known := s.volume.Find(peer)
	return s.tail || known && !s.isTail(r)
}

// isTail tells whether a replica keeps the log alone.
func (s *Segment) isTail(replica int) bool {
	return replica < len(s.volume.Tails) && s.volume.Tails[replica]
}
