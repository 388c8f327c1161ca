package segment

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A heldRecord is a durable record above the floor, and where it stands in the segment's log.
type heldRecord struct {
	*node.Record
	position uint64
}

// find returns the place of the record at l among those held, and whether it is there. Most records come in order, so
// the end is looked at first.
func (s *Segment) find(l node.LSN) (int, bool) {
	n := len(s.held)
	if n == 0 || s.held[n-1].LSN < l {
		return n, false
	}
	return slices.BinarySearchFunc(s.held, l, func(h heldRecord, l node.LSN) int {
		switch {
		case h.LSN < l:
			return -1
		case h.LSN > l:
			return 1
		}
		return 0
	})
}

// at returns the record held at l, or nil.
func (s *Segment) at(l node.LSN) *node.Record {
	if i, found := s.find(l); found {
		return s.held[i].Record
	}
	return nil
}

// above returns the records held above l, ascending.
func (s *Segment) above(l node.LSN) []heldRecord {
	i, found := s.find(l)
	if found {
		i++
	}
	return s.held[i:]
}

// highest returns the last LSN of the group that the segment has something of.
func (s *Segment) highest() node.LSN {
	if n := len(s.held); n > 0 {
		return s.held[n-1].LSN
	}
	return s.images.tail.LSN
}

// hold stores a durable record and moves the SCL as far as the back-links reach.
func (s *Segment) hold(r *node.Record, position uint64) {
	if r.LSN <= s.below() {
		return // what it did is in the images
	}
	i, found := s.find(r.LSN)
	if found {
		s.heldBytes -= recordBytes(s.held[i].Record)
		s.held[i] = heldRecord{r, position}
	} else {
		s.held = slices.Insert(s.held, i, heldRecord{r, position})
	}
	s.heldBytes += recordBytes(r)
	s.version(r.Page).add(r)
	s.advanceOver(s.held[i:])
}

// recordBytes is about what a record takes in the log.
func recordBytes(r *node.Record) int {
	return 2*headerBytes + 40 + len(r.Key) + len(r.Old.Bytes) + len(r.New.Bytes)
}

// advance moves the SCL as far as the back-links reach.
func (s *Segment) advance() { s.advanceOver(s.above(s.scl)) }

func (s *Segment) advanceOver(held []heldRecord) {
	for _, h := range held {
		// LSNs of other groups are no gap: the back-link says what the group's previous record is.
		next := h.Prev == s.scl
		// gofail: var bugSCLSkipsHole struct{}
		// next = next || s.hook.Planted("bugSCLSkipsHole")

		if !next {
			return
		}
		s.scl = h.LSN
	}
}

// drop forgets what is not on the durable history.
func (s *Segment) drop() {
	h := s.durable.history
	onLine := func(l node.LSN, e node.Epoch) bool { return h.Has(l, e) }
	scl := s.images.tail.LSN
	s.held = slices.DeleteFunc(s.held, func(r heldRecord) bool {
		if !onLine(r.LSN, r.Epoch) {
			s.heldBytes -= recordBytes(r.Record)
			return true
		}
		if r.LSN <= s.scl {
			scl = r.LSN
		}
		return false
	})
	s.scl = scl
	s.lost = slices.DeleteFunc(s.lost, func(l lostRecord) bool { return !onLine(l.lsn, l.epoch) })
	if len(s.lost) == 0 {
		s.imagesOnly = 0
	}
	for _, v := range s.pages {
		v.keep(onLine)
	}
	s.advance()
}

// dropImages forgets images of records that are not on the durable history. Nothing at or below a VDL is ever cut, so they
// come of a volume that lied about its VDL, and nothing good can be made of them here. A start asks this of the last
// history of its log alone: the images may be of a later line than the joins that the log begins with, when a crash came
// between them and the shorter log. Asked at each join, a zone's power failure in that moment took the images of every
// segment at once, and no segment was left to fill from.
func (s *Segment) dropImages() {
	if !s.images.on(s.durable.history) {
		s.hollow()
	}
}
