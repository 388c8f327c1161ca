package writer

import (
	"github.com/firstgap/firstgap/impl/node"
)

// The floor is the lowest point of the log that anybody still reads at, or may have to go back to: the paper's PGMRPL
// (SIGMOD 2018 §2.3), and below the changes of every transaction that may have to be undone. Segments turn the log up to
// there into pages and drop it.

// logBack is how many records below the floor the writer keeps for segments that lag. Those that lag further are
// filled by their peers.
const logBack = loadBack

// raiseFloor moves the floor as far as it may go. It never goes back: a read that begins is at the VDL.
func (w *Writer) raiseFloor() {
	if w.phase != open || w.vdl < w.first {
		return // nothing is known of who was active at the VDL
	}
	// Not the transactions that are active now: one that has committed above the VDL may yet lose its commit record to a
	// cut, and is then undone.
	undo := w.at(w.vdl).OldestActive - 1
	// gofail: var bugFloorForgetsActive struct{}
	// if w.hook.Planted("bugFloorForgetsActive") {
	// 	undo = w.vdl
	// }

	readers := w.feed.readPoint()
	// gofail: var bugFloorForgetsReaders struct{}
	// if w.hook.Planted("bugFloorForgetsReaders") {
	// 	readers = w.vdl
	// }

	low := min(w.vdl, undo, readers)
	for _, rd := range w.cache.reads {
		low = min(low, rd.readPoint)
	}
	w.floor = max(w.floor, low)
}

// floorOf returns the floor as a group's segments are to know it.
func (w *Writer) floorOf(g *group) node.LSN {
	w.raiseFloor()
	if !w.quorums.Tails {
		return w.floor
	}
	// What a tail drops must be on every full segment: a write quorum of one full segment and tails would otherwise leave
	// that one with the only copy.
	low := w.floor
	g.eachMember(func(r int, p *replica) {
		if w.quorums.Fulls.Has(r) && (!p.joined || p.scl < g.atVDL) {
			low = min(low, p.scl)
		}
	})
	return low
}

// forget drops from memory what only a segment that lags very far can still ask of the writer.
func (w *Writer) forget() {
	if w.floor < w.first+2*logBack { // not a few records at every tick
		return
	}
	first := w.floor - logBack
	w.log = append([]*node.Record(nil), w.log[first-w.first:]...)
	w.first = first
	for i := range w.groups {
		g := &w.groups[i]
		n := 0
		for n < len(g.lsns) && g.lsns[n] < first {
			n++
		}
		g.lsns = append([]node.LSN(nil), g.lsns[n:]...)
	}
}
