// Package shapes holds one point of every shape that the package overlay documents.
package shapes

// Hook is what a node asks at its points.
type Hook interface {
	Hit(point string)
	Planted(bug string) bool
}

// A Segment logs what it does.
type Segment struct {
	Hook Hook
	Log  []string
}

// Write appends one record durably.
func (s *Segment) Write() {
	s.Log = append(s.Log, "append")
	// A crash here may lose the record.
	// gofail: var segmentBeforeSync struct{}
	// s.Hook.Hit("segmentBeforeSync")

	s.Log = append(s.Log, "sync")
	// gofail: var segmentAfterSync struct{}
	// s.Hook.Hit("segmentAfterSync")

}

// Quorum says whether so many votes are a write quorum of 4.
func (s *Segment) Quorum(votes int) bool {
	need := 4
	// gofail: var bugAckAtWMinusOne struct{}
	// if s.Hook.Planted("bugAckAtWMinusOne") {
	// 	less := need - 1
	// 	need = less
	// }

	return votes >= need
}

// Fence answers the highest epoch promised.
func (s *Segment) Fence(promised, epoch int) int {
	// gofail: var bugRecoverWithoutFence struct{}
	// if s.Hook.Planted("bugRecoverWithoutFence") {
	// 	return promised
	// }

	return max(promised, epoch)
}

// Undo counts the records that it undoes.
func (s *Segment) Undo(records []int) (undone int) {
	for range records {
		// gofail: var bugUndoSkipped struct{}
		// if s.Hook.Planted("bugUndoSkipped") {
		// 	continue
		// }

		undone++
	}
	return undone
}
