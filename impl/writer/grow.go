package writer

import (
	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
)

// The volume grows by whole groups (SIGMOD 2017 §2.2). Pages that are there stay where they are: a new group brings new
// ones, and a writer allocates of them only when the register has the group for good, so that a recovery asks the
// group, too. Allocated before, a transaction that spans both groups could lose the half that no recovery knew to look for.

// growing is what waits for the volume to grow.
type growing struct {
	wanted  bool
	waiting []*operation // puts without a page to go to, in the order in which they came
}

// reserve is how many pages of a group are kept for what has to be taken back: a row that was deleted needs its room
// again, and a transaction that used it meanwhile may have committed.
func (w *Writer) reserve() node.PageID { return max(4, node.PageID(w.Volume.GroupPages/8)) }

// putCapacity is the first page that no put may allocate; undo may, up to the geometry's capacity.
func (w *Writer) putCapacity() node.PageID {
	if w.Volume.GroupPages == 0 {
		return w.geometry.Capacity
	}
	return max(w.geometry.Capacity, w.reserve()) - w.reserve()
}

// mayGrow tells whether a group is left.
func (w *Writer) mayGrow() bool { return len(w.geometry.Groups) < w.Volume.Groups() }

// wantGroup asks for the next group. It tells whether one is coming.
func (w *Writer) wantGroup(out *node.Effects) bool {
	if !w.mayGrow() {
		return false
	}
	if !w.changing.grow.wanted {
		w.changing.grow.wanted = true
		w.propose(out)
	}
	return true
}

// waitForGroup lets a put go on when the volume has grown. It tells whether it will: if not, the volume is full. As many
// wait as there may be transactions (Limits.Transactions).
func (w *Writer) waitForGroup(op *operation, out *node.Effects) bool {
	if !w.wantGroup(out) {
		return false
	}
	w.unpin(op)
	w.changing.grow.waiting = append(w.changing.grow.waiting, op)
	w.counters.Growth++
	return true
}

// growEarly asks for the next group when little is left, so that in a volume that has one no transaction waits for it.
func (w *Writer) growEarly(tree btree.Tree, out *node.Effects) {
	if w.changing.grow.wanted || !w.mayGrow() {
		return
	}
	if left, known := tree.Left(); known && left < int(w.reserve()) {
		w.wantGroup(out)
	}
}

// grown lets everybody go on who waited for the volume to grow.
func (w *Writer) grown() {
	g := &w.changing.grow
	g.wanted = false
	w.ready = append(w.ready, g.waiting...)
	g.waiting = nil
	w.undoAgain()
}
