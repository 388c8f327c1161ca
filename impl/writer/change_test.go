package writer

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A plane is a writer of three segments at two, with so many spares, whose control plane and segments the test plays.
type plane struct {
	t   *testing.T
	w   *Writer
	out node.Effects
}

const controlPlane = node.ID(100)

func newPlane(t *testing.T, spares int) *plane {
	v := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: controlPlane, Spares: spares, InUse: 1, GroupPages: 64}
	for g := range 2 {
		var members []node.ID
		for r := range 3 + spares {
			members = append(members, node.ID(1+10*g+r))
		}
		v.Segments = append(v.Segments, members)
	}
	require.NoError(t, v.Validate())
	d := &plane{t: t, w: New(Config{ID: 101, Volume: v, CachePages: 4, Limits: DefaultLimits()}, node.NoHook{})}
	d.w.Step(0, node.Event{Kind: node.Started, Incarnation: 1}, &d.out)
	d.get(controlPlane, &node.CurrentEpoch{Token: d.w.token})
	d.get(controlPlane, &node.Swapped{Token: d.w.token, Won: true, Epoch: 1, Geometry: v.FirstGeometry()})
	require.True(t, d.w.Open())
	d.out.Reset()
	return d
}

func (d *plane) get(from node.ID, m node.Message) {
	d.w.Step(0, node.Event{Kind: node.Received, From: from, Message: m}, &d.out)
}

func (d *plane) tick() {
	d.w.Step(0, node.Event{Kind: node.Fired, Timer: tick}, &d.out)
}

// asked returns the change that was sent since the last call, nil when none was.
func (d *plane) asked() (c *node.Change) {
	for _, e := range d.out.List {
		if m, ok := e.Message.(*node.Change); ok {
			c = m
		}
	}
	d.out.Reset()
	return c
}

// done lets the change be durable, and returns what the writer told and whom it put on its history.
func (d *plane) done(c *node.Change) (told []node.Trace, joins []node.ID) {
	d.t.Helper()
	require.NotNil(d.t, c)
	d.out.Reset()
	d.get(controlPlane, &node.Changed{Asked: c.Geometry.Version, Outcome: node.ChangeDone, Epoch: c.Epoch, Version: c.Geometry.Version})
	for _, e := range d.out.List {
		if e.Message != nil && e.Message.Type() == "join" {
			joins = append(joins, e.To)
		}
	}
	for _, t := range d.out.Trace {
		if t.Action == node.ActChange || t.Action == node.ActGrow {
			told = append(told, t)
		}
	}
	return told, joins
}

func (d *plane) sets() []node.Replicas { return d.w.groups[0].members.Sets }

// write issues a record, which these segments acknowledge.
func (d *plane) write(ids ...node.ID) {
	d.w.issue(node.Record{Kind: node.Commit, Last: true}, &d.out)
	d.w.send(&d.out)
	d.ack(ids...)
}

func (d *plane) ack(ids ...node.ID) {
	for _, id := range ids {
		d.get(id, &node.Appended{Epoch: d.w.epoch, SCL: d.w.end})
	}
}

// A replacement is begun when a member is suspected, counts when it is durable and not before, and is finished when the
// newcomer has everything.
func TestAReplacementIsBegunAndFinished(t *testing.T) {
	d := newPlane(t, 1)
	d.write(1, 2)
	d.tick()
	require.True(t, slices.ContainsFunc(d.out.List, func(e node.Effect) bool { return e.Message != nil && e.Message.Type() == "watch" }))
	require.Nil(t, d.asked(), "nobody is known to be dead")
	d.get(controlPlane, &node.Health{Round: 1, Suspects: []node.ID{3}})
	begin := d.asked()
	require.Equal(t, []node.Replicas{node.ReplicaSet(0, 1, 2), node.ReplicaSet(0, 1, 3)}, begin.Geometry.Groups[0].Sets)
	d.tick()
	require.Same(t, begin, d.asked(), "it is asked again, and for the same")
	d.get(controlPlane, &node.Health{Round: 2})
	require.Nil(t, d.asked(), "not withdrawn: it may be durable")
	d.get(controlPlane, &node.Health{Round: 3, Suspects: []node.ID{3}})
	require.Len(t, d.sets(), 1, "not durable yet, as far as is known")
	d.get(controlPlane, &node.Changed{Asked: 1, Outcome: node.ChangeDone, Epoch: 1, Version: 2})
	require.Len(t, d.sets(), 1, "an answer to something else")

	told, joins := d.done(begin)
	require.Equal(t, []node.Trace{{Action: node.ActChange, Epoch: 1, Detail: &node.GeometryStep{Members: begin.Geometry.Groups[0]}}}, told)
	require.Equal(t, []node.ID{4}, joins)
	require.Len(t, d.sets(), 2)
	d.done(begin)
	require.Len(t, d.sets(), 2, "told twice")
	require.EqualValues(t, 2, d.w.geometry.Version)

	d.get(4, &node.Joined{Epoch: 1})
	d.write(1, 4)
	require.EqualValues(t, 1, d.w.vdl, "1 4 is two of the second set, one of the first")
	d.ack(2)
	require.EqualValues(t, 2, d.w.vdl)
	d.tick()
	finish := d.asked()
	require.Equal(t, []node.Replicas{node.ReplicaSet(0, 1, 3)}, finish.Geometry.Groups[0].Sets)
	d.done(finish)
	d.write(1, 3)
	require.EqualValues(t, 2, d.w.vdl, "3 is nobody any more")
	d.ack(4)
	require.EqualValues(t, 3, d.w.vdl)
	d.tick()
	require.Nil(t, d.asked(), "no spare is left but the one that is dead")
}

// What is left has to have everything up to the VCL on a write quorum. Here 1 and 3 have it: the newcomer 4 and 2 do not,
// and a read of 2 and 4 would find nothing.
func TestAReplacementIsNotFinishedUnfilled(t *testing.T) {
	d := newPlane(t, 1)
	d.write(1, 3)
	d.get(controlPlane, &node.Health{Round: 1, Suspects: []node.ID{3}})
	d.done(d.asked())
	d.get(4, &node.Joined{Epoch: 1})
	d.tick()
	require.Nil(t, d.asked())
	d.get(2, &node.Appended{Epoch: 1, SCL: 1})
	d.tick()
	require.Nil(t, d.asked(), "1 and 2 have it, but a group would count on an empty segment")
	d.ack(4)
	d.tick()
	require.NotNil(t, d.asked())
}

// Back before the newcomer is filled, the suspect stays. A newcomer that dies itself goes, and the next one comes.
func TestAReplacementIsTakenBack(t *testing.T) {
	d := newPlane(t, 2)
	d.write(1, 2)
	d.get(controlPlane, &node.Health{Round: 1, Suspects: []node.ID{3}})
	d.done(d.asked())
	d.get(controlPlane, &node.Health{Round: 3})
	back := d.asked()
	require.Equal(t, []node.Replicas{node.ReplicaSet(0, 1, 2)}, back.Geometry.Groups[0].Sets)
	d.done(back)
	d.get(controlPlane, &node.Health{Round: 2, Suspects: []node.ID{3}})
	require.Nil(t, d.asked(), "late tidings")

	d.get(controlPlane, &node.Health{Round: 4, Suspects: []node.ID{3}})
	d.done(d.asked())
	d.get(controlPlane, &node.Health{Round: 5, Suspects: []node.ID{3, 4}})
	back = d.asked()
	require.Len(t, back.Geometry.Groups[0].Sets, 1)
	d.out.Reset()
	d.get(controlPlane, &node.Changed{Asked: back.Geometry.Version, Outcome: node.ChangeDone, Epoch: 1, Version: back.Geometry.Version})
	next := d.asked()
	require.Equal(t, []node.Replacement{{Old: 2, New: 4}}, next.Geometry.Groups[0].Pending(), "the other spare")
}

// A second failure in the middle makes four sets, and no third is begun.
func TestASecondFailureInTheMiddle(t *testing.T) {
	d := newPlane(t, 3)
	d.write(1, 2)
	d.get(controlPlane, &node.Health{Round: 1, Suspects: []node.ID{3}})
	d.done(d.asked())
	d.get(controlPlane, &node.Health{Round: 2, Suspects: []node.ID{2, 3}})
	second := d.asked()
	d.done(second)
	require.Len(t, d.sets(), 4)
	d.get(controlPlane, &node.Health{Round: 3, Suspects: []node.ID{1, 2, 3}})
	require.Nil(t, d.asked())
	d.get(4, &node.Joined{Epoch: 1})
	d.get(5, &node.Joined{Epoch: 1})
	d.write(4, 5)
	require.EqualValues(t, 1, d.w.vdl)
	d.ack(1, 2)
	require.EqualValues(t, 2, d.w.vdl, "1 and 2 are two of {1 2 3}, 1 and 4 of {1 2 4}, and so on")
}

// A new writer learns what is under way with its epoch, counts by it from the first question on, and goes on with it.
func TestASuccessorGoesOnWithTheChange(t *testing.T) {
	v := newPlane(t, 1).w.Volume
	first := v.FirstGeometry()
	begun := first.Changing(0, first.Groups[0].Replacing(2, 3))
	w := New(Config{ID: 102, Volume: v, CachePages: 4, Limits: DefaultLimits()}, node.NoHook{})
	d := &plane{t: t, w: w}
	w.Step(0, node.Event{Kind: node.Started, Incarnation: 1}, &d.out)
	d.get(controlPlane, &node.CurrentEpoch{Token: w.token, Epoch: 1})
	d.out.Reset()
	d.get(controlPlane, &node.Swapped{Token: w.token, Won: true, Epoch: 2, Geometry: begun})
	require.Len(t, d.out.List, 4, "all four are fenced")
	answer := &node.Fenced{Epoch: 2, History: node.FirstHistory()}
	d.get(4, answer)
	d.get(2, answer)
	require.Equal(t, fencing, w.phase, "4 has no read vote")
	d.get(1, answer)
	require.Equal(t, repairing, w.phase)
	d.get(1, &node.Joined{Epoch: 2})
	d.get(3, &node.Joined{Epoch: 2})
	require.False(t, w.Open(), "one of {1 2 4}")
	d.get(4, &node.Joined{Epoch: 2})
	require.True(t, w.Open())
	d.tick()
	require.Nil(t, d.asked(), "it does not know yet who is well")
	d.get(controlPlane, &node.Health{Round: 1, Suspects: []node.ID{3}})
	require.Len(t, d.asked().Geometry.Groups[0].Sets, 1)
	d.out.Reset()
	d.get(controlPlane, &node.Changed{Asked: 3, Outcome: node.ChangeWrongEpoch, Epoch: 3, Version: 2})
	require.True(t, w.Deposed(), "a newer writer has won")
}

// A segment takes the place of one of its kind.
func TestASpareIsOfTheSameKind(t *testing.T) {
	d := newPlane(t, 2)
	d.w.Volume.Tails = []bool{false, false, true, false, true}
	d.w.quorums = d.w.Volume.Quorums()
	d.get(controlPlane, &node.Health{Round: 1, Suspects: []node.ID{3}})
	require.Equal(t, []node.Replacement{{Old: 2, New: 4}}, d.asked().Geometry.Groups[0].Pending())
}

// The spare that takes the place of a segment is in its zone, where one is there; and the loss of a zone never costs more
// members than before where that can be had.
func TestASpareIsOfTheSameZone(t *testing.T) {
	newPlaneOf := func(zones ...int) *plane {
		d := newPlane(t, len(zones)-3)
		d.w.Volume.Zones = zones
		require.NoError(t, d.w.Volume.Validate())
		return d
	}
	suspect := func(d *plane, ids ...node.ID) []node.Replacement {
		d.get(controlPlane, &node.Health{Round: d.w.changing.heard + 1, Suspects: ids})
		c := d.asked()
		require.NotNil(t, c)
		return c.Geometry.Groups[0].Pending()
	}
	for _, c := range []struct {
		why      string
		zones    []int // of three members, then of spares
		suspects []node.ID
		new      int
	}{
		{"one is in the zone", []int{1, 2, 3, 1, 3, 2}, []node.ID{2}, 5},
		{"two are in the zone", []int{1, 2, 3, 2, 1, 2}, []node.ID{2}, 3},
		{"the one in the zone is suspected, too", []int{1, 2, 3, 1, 3, 2}, []node.ID{2, 6}, 3},
		{"none is in the zone", []int{1, 2, 3, 3, 1}, []node.ID{2}, 3},
		{"none is in the zone, and one where nobody is", []int{1, 2, 3, 3, 4}, []node.ID{2}, 4},
		{"one of two that are in one zone, which only then comes apart", []int{1, 1, 3, 1, 2}, []node.ID{2}, 4},
	} {
		d := newPlaneOf(c.zones...)
		require.Equal(t, int(c.suspects[0])-1, suspect(d, c.suspects...)[0].Old, c.why)
		d = newPlaneOf(c.zones...)
		require.Equal(t, c.new, suspect(d, c.suspects...)[0].New, c.why)
	}

	// Who is on the way out does not count: with it, two would be in the third zone, and the fifth segment be worse there
	// than the sixth.
	d := newPlaneOf(1, 2, 3, 3, 3, 1)
	d.write(1, 2, 3)
	require.Equal(t, []node.Replacement{{Old: 2, New: 3}}, suspect(d, 3))
	d.done(&node.Change{Epoch: 1, Geometry: d.w.changing.asked.Geometry})
	require.Contains(t, suspect(d, 2, 3), node.Replacement{Old: 1, New: 4})
}

// The volume grows by a group when a put finds no page, once, and those that waited go on. Then it is full.
func TestGrowth(t *testing.T) {
	d := newPlane(t, 0)
	w := d.w
	require.EqualValues(t, 64-8, w.putCapacity())
	waits := newTxn(1)
	require.True(t, w.waitForGroup(&waits.operation, &d.out))
	grow := d.asked()
	require.EqualValues(t, 128, grow.Geometry.Capacity)
	require.True(t, w.waitForGroup(&newTxn(2).operation, &d.out))
	require.Nil(t, d.asked(), "it is under way")
	require.EqualValues(t, 64-8, w.putCapacity(), "not durable yet")
	told, joins := d.done(grow)
	require.Equal(t, []node.Trace{{Action: node.ActGrow, Epoch: 1, Detail: &node.GeometryStep{Group: 1, Members: w.Volume.FirstMembership()}}}, told)
	require.Equal(t, []node.ID{11, 12, 13}, joins)
	require.EqualValues(t, 128-8, w.putCapacity())
	require.Equal(t, node.Group(1), w.groupOf(64))
	require.Empty(t, w.changing.grow.waiting)
	require.False(t, w.waitForGroup(&waits.operation, &d.out), "no group is left")

	// A record of the new group is written when it is on two of its segments.
	w.issue(node.Record{Kind: node.Write, Last: true, Group: 1, Page: 64}, &d.out)
	w.send(&d.out)
	d.get(11, &node.Joined{Epoch: 1})
	d.get(11, &node.Appended{Epoch: 1, SCL: 1})
	require.Zero(t, w.vdl)
	d.get(13, &node.Joined{Epoch: 1})
	d.get(13, &node.Appended{Epoch: 1, SCL: 1})
	require.EqualValues(t, 1, w.vdl)
}
