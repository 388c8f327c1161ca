package conform

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// withSpares returns v with more segments in each group that are no members at first.
func withSpares(v *node.Volume, spares int) *node.Volume {
	v.Spares = spares
	for g := range v.Segments {
		for i := range spares {
			v.Segments[g] = append(v.Segments[g], node.ID(1000+100*g+i))
		}
	}
	return v
}

// growing returns v with so many groups in use at first.
func growing(v *node.Volume, inUse int) *node.Volume {
	v.InUse, v.GroupPages = inUse, 3
	return v
}

// withTails returns v with those replicas of each group as tails.
func withTails(v *node.Volume, tails ...int) *node.Volume {
	v.Tails = make([]bool, v.Replicas())
	for _, r := range tails {
		v.Tails[r] = true
	}
	return v
}

// who returns the segments of a group for which holds is true.
func (y *toy) who(g node.Group, holds func(s *toySegment) bool) node.Replicas {
	var who node.Replicas
	for r, id := range y.volume.Segments[g] {
		if holds(y.segments[id]) {
			who = who.With(r)
		}
	}
	return who
}

// complete returns the segments of a group that are complete up to l on the line of w.
func (w *toyWriter) complete(g node.Group, l node.LSN) node.Replicas {
	return w.toy.who(g, func(s *toySegment) bool { return s.history.Line() == w.epoch && s.complete(w) >= l })
}

func (w *toyWriter) mayChange() bool {
	return w.phase == "open" && w.epoch == w.toy.epoch && w.asked == nil
}

// changeMembers makes m the membership of a group in the register.
func (w *toyWriter) changeMembers(g node.Group, m node.Membership) bool {
	old := w.members[g]
	if !w.mayChange() || len(m.Sets) == 0 || m.Sets[0] != old.Sets[0] && !w.filled(g, m.Sets[0]) {
		return false
	}
	w.made(node.Trace{Action: node.ActChange, Detail: &node.GeometryStep{Group: g, Members: m}})
	w.toy.members[g] = m
	return true
}

// grow brings the next group into use.
func (w *toyWriter) grow() bool {
	g := node.Group(len(w.members))
	if !w.mayChange() || int(g) == w.toy.volume.Groups() {
		return false
	}
	m := w.toy.volume.FirstMembership()
	w.made(node.Trace{Action: node.ActGrow, Detail: &node.GeometryStep{Group: g, Members: m}})
	w.toy.members = append(w.toy.members, m)
	return true
}

func (w *toyWriter) made(t node.Trace) {
	w.toy.version++
	t.Epoch, t.Position = w.epoch, w.toy.version
	w.toy.tell(toyRegister, t)
	w.toy.lastChange = t
	t.Position = 0
	w.asked = &t
}

// goBy hears that what the writer asked for is made.
func (w *toyWriter) goBy() bool {
	if w.asked == nil {
		return false
	}
	t := *w.asked
	w.asked = nil
	w.members = slices.Clone(w.members)
	if step := node.DetailOf[node.GeometryStep](&t); t.Action == node.ActGrow {
		w.members = append(w.members, step.Members)
	} else {
		w.members[step.Group] = step.Members
	}
	w.toy.tell(w.id, t)
	return true
}

// filled tells whether everything of a group up to the VCL is on a write quorum of the set.
func (w *toyWriter) filled(g node.Group, set node.Replicas) bool {
	m := node.Membership{Sets: []node.Replicas{set}}
	return w.toy.volume.Quorums().Writes(m, w.complete(g, w.lastIn(g, w.vcl)))
}

// changeSomething takes a random step: a change is adopted, or finished, or taken back, or another begins.
func (y *toy) changeSomething(w *toyWriter) {
	switch {
	case w.asked != nil:
		w.goBy()
		return
	case !w.mayChange() || y.random.IntN(12) == 0 && w.grow():
		return
	}
	g := node.Group(y.random.IntN(len(w.members)))
	m := w.members[g]
	if pending := m.Pending(); len(pending) > 0 && (len(m.Sets) > 2 || y.random.IntN(3) > 0) {
		p := pending[y.random.IntN(len(pending))]
		if !w.changeMembers(g, m.Keeping(p.New, p.Old)) && y.random.IntN(6) == 0 {
			w.changeMembers(g, m.Keeping(p.Old, p.New))
		}
		return
	}
	old, new := y.random.IntN(y.volume.Replicas()), y.random.IntN(y.volume.Replicas())
	if m.MayReplace(old) && !m.Members().Has(new) {
		w.changeMembers(g, m.Replacing(old, new))
	}
}

// replaced replaces the segment old of a group by new, from begin to end.
func (w *toyWriter) replaced(g node.Group, old, new int) {
	must(w.changeMembers(g, w.members[g].Replacing(old, new)))
	must(w.goBy())
	for l := node.LSN(1); l <= w.end(); l++ {
		w.replicate(l)
	}
	must(w.changeMembers(g, w.members[g].Keeping(new, old)))
	must(w.goBy())
}
