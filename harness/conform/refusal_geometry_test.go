package conform

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// geometryScenarios are those of who counts and of what is in use.
func geometryScenarios() []scenario {
	spare := withSpares(toyVolume(1, 3, 2, 2), 1)
	small := growing(toyVolume(2, 3, 2, 2), 1)
	first := spare.FirstMembership()
	begun := first.Replacing(2, 3)
	change := func(e node.Epoch, version uint64, m node.Membership) node.Trace {
		return node.Trace{Action: node.ActChange, Epoch: e, Position: version, Detail: &node.GeometryStep{Members: m}}
	}
	grow := func(e node.Epoch, version uint64, g node.Group) node.Trace {
		return node.Trace{Action: node.ActGrow, Epoch: e, Position: version, Detail: &node.GeometryStep{Group: g, Members: small.FirstMembership()}}
	}
	return []scenario{
		{"a segment is replaced in one step", spare, func(y *toy) {
			y.tell(toyRegister, change(1, 2, node.Membership{Epoch: 2, Sets: []node.Replicas{node.ReplicaSet(0, 1, 3)}}))
		}, "Change", string(volume.NoSuccessor), "changes the membership of group 1"},

		{"a newcomer is settled before it is filled", spare, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 1, 2)
			must(w.advance())
			must(w.changeMembers(0, begun))
			must(w.goBy())
			y.tell(toyRegister, change(1, 3, begun.Keeping(3, 2)))
		}, "Change", string(volume.Unfilled), "changes the membership of group 1"},

		{"a record is counted by the settled set alone", spare, func(y *toy) {
			w := y.writer(1)
			must(w.changeMembers(0, begun))
			must(w.goBy())
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 1, 2)
			y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 1})
		}, "Advance", string(volume.TooFewComplete), "counts LSN 1 as complete"},

		{"a spare is counted", spare, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 0, 3)
			y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 1})
		}, "Advance", string(volume.TooFewComplete), "counts LSN 1 as complete"},

		{"a former member is counted", spare, func(y *toy) {
			w := y.writer(1)
			w.replaced(0, 2, 3)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 0, 2)
			y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 1})
		}, "Advance", string(volume.TooFewComplete), "counts LSN 1 as complete"},

		{"a newcomer votes", spare, func(y *toy) {
			must(y.writer(1).changeMembers(0, begun))
			x := y.fenced(2, 3)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: y.order[2:4], History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", string(volume.NoReadQuorum), "may not cut by these answers"},

		{"a successor goes by the members of old", spare, func(y *toy) {
			y.writer(1).replaced(0, 2, 3)
			x := y.fenced(1, 2)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: y.order[1:3], History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", string(volume.NoReadQuorum), "may not cut by these answers"},

		{"open with a write quorum of the settled set alone", spare, func(y *toy) {
			must(y.writer(1).changeMembers(0, begun))
			x := y.fenced(0, 2)
			must(x.decide())
			must(y.segment(0, 0).join(x))
			must(y.segment(0, 2).join(x))
			y.tell(x.id, node.Trace{Action: node.ActOpen, Epoch: 2})
		}, "Open", string(volume.Unrepaired), "may not open"},

		{"the register changes the members for a writer that is replaced", spare, func(y *toy) {
			y.start()
			y.tell(toyRegister, change(1, 2, begun))
		}, "Change", string(volume.NotNewest), "for epoch 1"},

		{"the register changes the members for a writer that is not open", spare, func(y *toy) {
			y.start()
			y.tell(toyRegister, change(2, 2, begun))
		}, "Change", string(volume.NotOpen), "for epoch 2"},

		{"a second change before the writer goes by the first", spare, func(y *toy) {
			w := y.writer(1)
			must(w.changeMembers(0, begun))
			y.tell(toyRegister, change(1, 3, begun.Keeping(3, 2)))
		}, "Change", string(volume.NotAdopted), "for epoch 1"},

		{"a writer goes by a change that is not made", spare, func(y *toy) {
			y.tell(100, change(1, 0, begun))
		}, "Change", string(volume.NothingMade), "a change that is not made"},

		{"a writer goes by another change than the one that is made", spare, func(y *toy) {
			must(y.writer(1).changeMembers(0, begun))
			y.tell(100, change(1, 0, first.Replacing(1, 3)))
		}, "Change", ruleMembers, "another change than the one"},

		{"a membership epoch is skipped", spare, func(y *toy) {
			m := begun
			m.Epoch++
			y.tell(toyRegister, change(1, 2, m))
		}, "Change", ruleMembers, "membership 3 of group 1 follows membership 1"},

		{"a version of the geometry is skipped", spare, func(y *toy) {
			y.tell(toyRegister, change(1, 3, begun))
		}, "Change", rulePosition, "version 3 of the geometry after version 1"},

		{"a version of the geometry is told again as something else", spare, func(y *toy) {
			must(y.writer(1).changeMembers(0, begun))
			y.tell(toyRegister, change(1, 2, first.Replacing(1, 3)))
		}, "Change", ruleTold, "as something else before"},

		{"a group that is none gets other members", spare, func(y *toy) {
			t := change(1, 2, begun)
			t.Detail.(*node.GeometryStep).Group = 7
			y.tell(toyRegister, t)
		}, "Change", ruleKnown, "Change of group 8"},

		{"a segment says who counts", spare, func(y *toy) {
			y.tell(y.order[0], change(1, 2, begun))
		}, "Change", ruleKnown, "segment 1/1 speaks for the writer"},

		{"a group that is not in use gets other members", small, func(y *toy) {
			t := change(1, 2, node.Membership{Epoch: 1})
			t.Detail.(*node.GeometryStep).Group = 1
			y.tell(toyRegister, t)
		}, "Change", string(volume.NotUsed), "changes the membership of group 2"},

		{"a group comes into use before another", growing(toyVolume(3, 3, 2, 2), 1), func(y *toy) {
			y.tell(toyRegister, grow(1, 2, 2))
		}, "Grow", ruleGrowth, "group 3 comes into use"},

		{"a group comes into use with too few members", small, func(y *toy) {
			t := grow(1, 2, 1)
			t.Detail.(*node.GeometryStep).Members.Sets = []node.Replicas{1}
			y.tell(toyRegister, t)
		}, "Grow", ruleGrowth, "group 2 comes into use"},

		{"a group comes into use for a writer that is replaced", small, func(y *toy) {
			y.start()
			y.tell(toyRegister, grow(1, 2, 1))
		}, "Grow", string(volume.NotNewest), "for epoch 1"},

		{"a writer uses a group before it hears that it may", small, func(y *toy) {
			w := y.writer(1)
			must(w.grow())
			w.issue(w.structural(3, true))
		}, "Structure", string(volume.NotInUse), "may not change the structure"},

		{"a row is written in a group that is not in use", small, func(y *toy) {
			w := y.writer(1)
			r := w.next(node.Write, w.begin(), "ant", true)
			w.issue(forged(r, func(r *node.Record) { r.Page, r.Group, r.Prev, r.New = 3, 1, 0, node.Some("1") }))
		}, "Write", string(volume.NotInUse), "may not write"},

		{"a successor does not see that a group has come into use", small, func(y *toy) {
			w := y.writer(1)
			must(w.grow())
			must(w.goBy())
			y.committed(w, "ant", "bee", "cow")
			x := y.fenced(0, 1)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: y.volume.Segments[0][:2], History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", string(volume.NoReadQuorum), "may not cut by these answers"},

		{"a cut by tails alone", withTails(toyVolume(1, 4, 3, 2), 1, 3), func(y *toy) {
			x := y.fenced(1, 3)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: []node.ID{y.order[1], y.order[3]}, History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", string(volume.NoReadQuorum), "may not cut by these answers"},

		{"all tails and one full segment are too few", withTails(toyVolume(1, 4, 4, 2), 1, 3), func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 0, 1, 3)
			y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 1})
		}, "Advance", string(volume.TooFewComplete), "counts LSN 1 as complete"},
	}
}

// A replacement from begin to end, one that is taken back, a second failure in the middle, and a writer that dies in the
// middle of a change of which it never hears.
func TestWhoCountsChanges(t *testing.T) {
	c := legal(t, withSpares(toyVolume(1, 3, 2, 2), 2), func(y *toy) {
		w := y.writer(1)
		y.committed(w, "ant")
		w.replaced(0, 2, 3)
		y.committed(w, "bee")
		must(w.changeMembers(0, w.members[0].Replacing(3, 2)))
		must(w.goBy())
		must(w.changeMembers(0, w.members[0].Replacing(1, 4)))
		must(w.goBy())
		y.committed(w, "cow")
		must(w.changeMembers(0, w.members[0].Keeping(3, 2)))
		must(w.goBy())
		must(w.changeMembers(0, w.members[0].Keeping(4, 1)))
		x := y.fenced(0, 4) // of what is settled by now
		must(x.decide(y.segment(0, 0).id, y.segment(0, 4).id))
		must(y.segment(0, 0).join(x))
		must(y.segment(0, 3).join(x))
		must(x.open())
		must(w.goBy())
	})
	require.Equal(t, []uint64{3, 1, 2, 1, 6}, []uint64{c.Begun, c.Nested, c.Finished, c.Reverted, c.Adopted})
}

// All the full segments of a group are a write quorum, and a group that came into use is one more to recover from.
func TestTailsAndGrowth(t *testing.T) {
	c := legal(t, withTails(toyVolume(1, 4, 3, 2), 1, 3), func(y *toy) {
		w := y.writer(1)
		w.write(w.begin(), "ant", "1", true)
		y.store(w, 1, 0, 2)
		must(w.advance())
	})
	require.Equal(t, uint64(1), c.Advances)
	c = legal(t, growing(toyVolume(2, 3, 2, 2), 1), func(y *toy) {
		w := y.writer(1)
		y.committed(w, "ant")
		must(w.grow())
		y.tell(toyRegister, y.lastChange) // the register starts again
		must(w.goBy())
		must(w.move("ant"))
		y.committed(w, "ant", "bee", "cow")
		y.committed(y.recover(), "ant")
	})
	require.Equal(t, uint64(1), c.Grown)
	require.Equal(t, uint64(1), c.Retold)
	require.Equal(t, uint64(3), c.Acks)
}
