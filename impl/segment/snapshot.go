package segment

import (
	"errors"

	"github.com/firstgap/firstgap/impl/node"
)

// readSnapshot answers a reader, who asks without an epoch of its own. What a segment with a later line than the reader's
// has up to the read point is what the reader's writer had made durable there: cuts never reach below a VDL. One with an
// earlier line may still hold what a cut took away.
func (s *Segment) readSnapshot(from node.ID, m *node.ReadSnapshot, out *node.Effects) {
	complete := s.scl >= m.Need
	// gofail: var bugReadBehind struct{}
	// complete = complete || s.hook.Planted("bugReadBehind")

	// gofail: var bugSnapshotOfOldLine struct{}
	// if s.hook.Planted("bugSnapshotOfOldLine") {
	// 	old := *m
	// 	m = &old
	// 	m.Epoch = min(m.Epoch, s.durable.line())
	// }

	if !s.Damaged() && s.durable.line() >= m.Epoch && complete {
		image, err := s.PageAt(m.Page, m.ReadPoint)
		if err == nil {
			out.Send(from, &node.PageImage{Epoch: m.Epoch, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: image})
			return
		}
		var below *BelowFloorError
		if errors.As(err, &below) {
			out.Send(from, &node.BelowFloor{Epoch: m.Epoch, Page: m.Page, Attempt: m.Attempt, Floor: below.Floor})
			return
		}
	}
	out.Send(from, &node.Behind{Epoch: m.Epoch, Page: m.Page, Attempt: m.Attempt, SCL: s.scl})
}
