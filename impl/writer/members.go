package writer

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// Who stores a group changes by quorum sets (SIGMOD 2018 §4.1): to replace F by G, a record has to be on a write quorum of
// ABCDEF and on one of ABCDEG, until G is filled; then of ABCDEG alone, or of ABCDEF alone again when F is back first.
// Nothing stops meanwhile. Each step is one compare-and-swap at the register. What keeps it safe:
//
//   - Only the writer of the newest epoch changes anything, one step at a time, and goes by a step only when it has heard
//     that it is durable. A successor learns with its epoch what is durable then. So a writer goes by what its
//     successor learns or by the step before, and of two neighbours every write quorum of the one meets every read quorum
//     of the other. Let two steps be under way, and {ABCDEF} meets {ABCDEG}: written on A, B, C and F, read from D, E and G.
//   - Only the first set, the settled one, has the read vote; it never holds a newcomer. The paper's "a read quorum of
//     any set" reads D, E and an empty G, and misses what was written on A, B, C and F before the change.
//   - A replacement is finished when the sets that are left hold, each on a write quorum and by acknowledgements of this
//     epoch, everything up to the VCL. What the VCL passes later is on all of them, for it is counted by all. Finished
//     before, a record on A, B, C and F would be on three of ABCDEG, and no read of D, E and G would find it.
//   - It can be taken back at any moment before: every record was on a write quorum of the settled set all along.
//   - The sets say all that there is to know, so a new writer finishes or takes back what the one before began.
//
// Segments need not know of any of this: that a writer which was replaced completes nothing is the fence's doing, and the
// fence is a read quorum of the settled set, which every set of a neighbour meets.

// watchEvery is after how many ticks a writer asks to be told of suspects, in case something that it was told was lost.
const watchEvery = 4

// changing is the writer's side of the control plane.
type changing struct {
	asked    *node.Change // the step that the register has not answered, nil if there is no such step
	watching bool         // something was heard of the monitor in this epoch
	heard    uint64       // round of the last tidings
	suspects []node.ID
	grow     growing
}

// adopt goes by a geometry from now on: that which the writer learnt with its epoch, or one that it asked for and that is
// durable.
func (w *Writer) adopt(g node.Geometry) {
	w.geometry = g
	for i, m := range g.Groups {
		if i == len(w.groups) {
			w.addGroup(m)
		}
		group := &w.groups[i]
		// A segment that comes, or comes back, counts for what it acknowledges from now on.
		for r := range group.replicas {
			if !group.members.Members().Has(r) || !m.Members().Has(r) {
				group.replicas[r] = replica{id: group.replicas[r].id}
			}
		}
		group.members = m
	}
}

// tend looks, now and then while the writer is open, whether the geometry should change. What was asked for is asked for
// until it is answered, and never withdrawn: it may be durable already.
func (w *Writer) tend(out *node.Effects) {
	if w.phase != open {
		return
	}
	if w.changing.asked != nil {
		out.Send(w.Volume.Register, w.changing.asked)
		return
	}
	if w.Volume.Spares > 0 && (w.ticks%watchEvery == 0 || !w.changing.watching) {
		out.Send(w.Volume.Register, &node.Watch{Epoch: w.epoch})
	}
	w.propose(out)
}

// propose asks for the next step, if there is one to take.
func (w *Writer) propose(out *node.Effects) {
	if w.phase != open || w.changing.asked != nil {
		return
	}
	if w.changing.grow.wanted {
		w.ask(w.geometry.Growing(w.Volume), out)
		return
	}
	for i := range w.groups {
		if m, ok := w.nextMembership(node.Group(i)); ok {
			w.ask(w.geometry.Changing(node.Group(i), m), out)
			return
		}
	}
}

func (w *Writer) ask(g node.Geometry, out *node.Effects) {
	w.changing.asked = &node.Change{Epoch: w.epoch, Geometry: g}
	// gofail: var writerBeforeChange struct{}
	// w.hook.Hit("writerBeforeChange")

	out.Send(w.Volume.Register, w.changing.asked)
	// gofail: var bugGeometryUnheard struct{}
	// if w.hook.Planted("bugGeometryUnheard") {
	// 	w.goBy(g, out)
	// }

}

// nextMembership returns the step that the group should take now: finish what is filled, take back what is not needed
// any more or cannot be filled, and only then begin for somebody who is suspected.
func (w *Writer) nextMembership(i node.Group) (node.Membership, bool) {
	g := &w.groups[i]
	if !w.changing.watching {
		return node.Membership{}, false // a new writer does not know yet who is well
	}
	suspected := w.suspected(i)
	for _, p := range g.members.Pending() {
		switch filled := w.filled(g, p); {
		case suspected.Has(p.New), !suspected.Has(p.Old) && !filled:
			return g.members.Keeping(p.Old, p.New), true
		case filled:
			return g.members.Keeping(p.New, p.Old), true
		}
	}
	for old := range g.replicas {
		if !suspected.Has(old) || !g.members.MayReplace(old) {
			continue
		}
		if new, ok := w.spare(g, old, suspected); ok {
			return g.members.Replacing(old, new), true
		}
	}
	return node.Membership{}, false
}

// spare chooses who takes the place of the segment old: somebody well who does not count yet, and keeps pages if old does.
// A tail in the place of a full segment would leave a page on fewer copies than the group is meant to have. Of those it is
// one of the zone in which the fewest others count, old's own before any that is no worse, so that the loss of a zone costs
// no more than it did: with three in one zone, a group of six with a write quorum of four would not survive it (SIGMOD 2017
// §2.1). What had to go elsewhere once comes back with the next replacement.
func (w *Writer) spare(g *group, old int, suspected node.Replicas) (int, bool) {
	members := g.members.Members()
	staying := members.Without(old)
	for _, p := range g.members.Pending() {
		staying = staying.Without(p.Old)
	}
	best, fewest := -1, 0
	for r := range g.replicas {
		if members.Has(r) || suspected.Has(r) || w.quorums.Fulls.Has(r) != w.quorums.Fulls.Has(old) {
			continue
		}
		others := w.inZoneOf(r, staying)
		if best < 0 || others < fewest || others == fewest && w.sameZone(r, old) && !w.sameZone(best, old) {
			best, fewest = r, others
		}
	}
	return best, best >= 0
}

// inZoneOf counts those of some segments that are in the zone of replica r.
func (w *Writer) inZoneOf(r int, of node.Replicas) int {
	n := 0
	for o := range w.Volume.Replicas() {
		if of.Has(o) && w.sameZone(o, r) {
			n++
		}
	}
	return n
}

// sameZone tells whether two segments of a group would be lost with one zone. Where zones are not told apart, all would.
func (w *Writer) sameZone(a, b int) bool {
	z := w.Volume.Zones
	return len(z) == 0 || z[a] == z[b]
}

// filled tells whether the replacement p can be finished: the sets without the old segment have everything up to the VCL,
// and the newcomer has all that is durable. The former is what safety asks for; without the latter, the group would count
// on a segment that is worth nothing yet.
func (w *Writer) filled(g *group, p node.Replacement) bool {
	newcomer := &g.replicas[p.New]
	// gofail: var bugNeverFilled struct{}
	// if w.hook.Planted("bugNeverFilled") {
	// 	return false
	// }

	// gofail: var bugFinishOnJoin struct{}
	// if newcomer.joined && w.hook.Planted("bugFinishOnJoin") {
	// 	return true
	// }

	if !newcomer.joined || newcomer.scl < g.atVDL {
		return false
	}
	at := g.last
	for i := len(g.lsns) - 1; i >= 0 && at > w.vcl; i-- {
		at = g.lsns[i]
	}
	return w.quorums.Writes(g.members.Keeping(p.New, p.Old), g.complete(at))
}

// suspected returns the segments of a group that the control plane suspects.
func (w *Writer) suspected(g node.Group) node.Replicas {
	var who node.Replicas
	for r, id := range w.Volume.Segments[g] {
		if slices.Contains(w.changing.suspects, id) {
			who = who.With(r)
		}
	}
	return who
}

// health takes the monitor's tidings. Late ones are older than what is known.
func (w *Writer) health(m *node.Health, out *node.Effects) {
	if w.phase != open || m.Round <= w.changing.heard {
		return
	}
	w.changing.watching, w.changing.heard, w.changing.suspects = true, m.Round, m.Suspects
	w.propose(out)
}

// changed takes the register's answer.
func (w *Writer) changed(m *node.Changed, out *node.Effects) {
	asked := w.changing.asked
	if w.phase != open || asked == nil || m.Asked != asked.Geometry.Version {
		return // an answer that came twice
	}
	switch m.Outcome {
	case node.ChangeDone:
		w.changing.asked = nil
		w.goBy(asked.Geometry, out)
	case node.ChangeWrongEpoch:
		if m.Epoch > w.epoch {
			w.depose(out)
		}
	default:
		// Only this writer could have changed it, and this writer takes single safe steps.
		panic(fmt.Sprintf("register at version %d refuses version %d of epoch %d: %s", m.Version, m.Asked, w.epoch, m.Outcome))
	}
}

// goBy goes by a geometry that this writer asked for, and that is durable.
func (w *Writer) goBy(g node.Geometry, out *node.Effects) {
	group, grown := g.ChangedGroup(&w.geometry)
	w.adopt(g)
	t := node.Trace{Action: node.ActChange, Epoch: w.epoch, Detail: &node.GeometryStep{Group: group, Members: g.Groups[group]}}
	if grown {
		t.Action = node.ActGrow
	}
	out.Tell(t)
	// gofail: var writerAfterChange struct{}
	// w.hook.Hit("writerAfterChange")

	if grown {
		w.grown()
	}
	w.join(out)
	w.advance(out) // fewer sets may have been waiting for less
	w.propose(out)
}
