package control

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

func step(g *Register, ev node.Event) *node.Effects {
	var out node.Effects
	g.Step(0, ev, &out)
	return &out
}

func volume() *node.Volume {
	return &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 100, Spares: 1, InUse: 1, GroupPages: 8,
		Segments: [][]node.ID{{1, 2, 3, 4}, {11, 12, 13, 14}}}
}

func swap(g *Register, from node.ID, expect node.Epoch, token uint64) *node.Effects {
	return step(g, node.Event{Kind: node.Received, From: from, Message: &node.Swap{Expect: expect, Token: token}})
}

// The winner hears of it when it is durable, and not before.
func TestSwapIsDurableBeforeItIsWon(t *testing.T) {
	g := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	out := swap(g, 5, 0, 50)
	require.Len(t, out.List, 1)
	require.Equal(t, node.DoReplace, out.List[0].Kind)
	require.Zero(t, g.Epoch())
	require.Empty(t, swap(g, 6, 0, 60).List, "one at a time")
	out = step(g, node.Event{Kind: node.DiskDone, Token: 1})
	require.Equal(t, &node.Swapped{Token: 50, Won: true, Epoch: 1, Geometry: volume().FirstGeometry()}, out.List[0].Message)
	require.Empty(t, out.Trace, "epoch 1 is open from the start")
}

// Two writers never share an epoch; the winner, and only it, may ask again.
func TestOneWinnerAnEpoch(t *testing.T) {
	g := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	swap(g, 5, 0, 50)
	step(g, node.Event{Kind: node.DiskDone})
	require.Equal(t, &node.Swapped{Token: 60, Won: false, Epoch: 1}, swap(g, 6, 0, 60).List[0].Message)
	require.Equal(t, &node.Swapped{Token: 50, Won: true, Epoch: 1, Geometry: volume().FirstGeometry()}, swap(g, 5, 0, 50).List[0].Message)
	file := swap(g, 6, 1, 60).List[0].Data
	out := step(g, node.Event{Kind: node.DiskDone})
	require.Equal(t, node.ActStart, out.Trace[0].Action)
	require.Equal(t, node.Epoch(2), out.Trace[0].Epoch)
	require.Equal(t, &node.Swapped{Token: 50, Won: false, Epoch: 2}, swap(g, 5, 0, 50).List[0].Message)

	again := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	out = step(again, node.Event{Kind: node.Started, Files: []node.File{{Name: "register", Data: file}}})
	require.Equal(t, node.Epoch(2), again.Epoch())
	require.Len(t, out.Trace, 1, "it may have died before it told")
	require.Equal(t, &node.Swapped{Token: 60, Won: true, Epoch: 2, Geometry: volume().FirstGeometry()}, swap(again, 6, 1, 60).List[0].Message)
}

// A register that cannot read its epoch must not guess one: it would hand one out twice.
func TestADamagedRegisterDoesNotStart(t *testing.T) {
	file := cell{epoch: 4, token: 9, geometry: volume().FirstGeometry()}.encodeTwice()
	for i := range file {
		damaged := append([]byte(nil), file...)
		damaged[i%(len(file)/2)] ^= 1 // of both copies
		damaged[i%(len(file)/2)+len(file)/2] ^= 1
		if i%2 == 0 {
			damaged = file[:i] // cut short
		}
		require.Panics(t, func() {
			step(New(Config{ID: 100, Volume: volume()}, node.NoHook{}), node.Event{Kind: node.Started, Files: []node.File{{Name: "register", Data: damaged}}})
		})
	}
}

// One bit that flips, wherever it is, leaves the other copy: the register starts with what it had stored, and hands out no
// epoch twice.
func TestARegisterBearsAFlippedBit(t *testing.T) {
	g := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	swap(g, 5, 0, 50)
	step(g, node.Event{Kind: node.DiskDone})
	file := swap(g, 6, 1, 60).List[0].Data
	for bit := range len(file) * 8 {
		damaged := append([]byte(nil), file...)
		damaged[bit/8] ^= 1 << (bit % 8)
		again := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
		step(again, node.Event{Kind: node.Started, Incarnation: 2, Files: []node.File{{Name: "register", Data: damaged}}})
		require.Equal(t, node.Epoch(2), again.Epoch(), "bit %d", bit)
		require.Equal(t, volume().FirstGeometry(), again.Geometry())
	}
}

func change(g *Register, e node.Epoch, to node.Geometry) *node.Effects {
	return step(g, node.Event{Kind: node.Received, From: 5, Message: &node.Change{Epoch: e, Geometry: to}})
}

// The newest writer changes the geometry, one safe step at a time; it hears of it when it is durable, and may ask again.
func TestOnlyTheNewestWriterChangesTheGeometry(t *testing.T) {
	g := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	swap(g, 5, 0, 50)
	step(g, node.Event{Kind: node.DiskDone})
	first := g.Geometry()
	begun := first.Changing(0, first.Groups[0].Replacing(2, 3))

	refused := func(e node.Epoch, to node.Geometry, why node.ChangeOutcome) {
		t.Helper()
		out := change(g, e, to)
		require.Len(t, out.List, 1, "nothing is written")
		require.Equal(t, &node.Changed{Asked: to.Version, Outcome: why, Epoch: 1, Version: g.Geometry().Version}, out.List[0].Message)
		require.Empty(t, out.Trace)
	}
	refused(0, begun, node.ChangeWrongEpoch)
	refused(2, begun, node.ChangeWrongEpoch)
	refused(1, first, node.ChangeWrongVersion) // no writer changed anything for the first geometry
	skips := begun
	skips.Version++
	refused(1, skips, node.ChangeWrongVersion)
	refused(1, first.Changing(0, node.Membership{Epoch: 2, Sets: []node.Replicas{node.ReplicaSet(0, 1, 3)}}), node.ChangeUnsafe)

	out := change(g, 1, begun)
	require.Len(t, out.List, 1)
	require.Equal(t, node.DoReplace, out.List[0].Kind)
	require.Equal(t, first, g.Geometry(), "not durable yet")
	require.Empty(t, change(g, 1, begun).List, "one at a time")
	require.Empty(t, swap(g, 6, 1, 60).List, "one at a time")
	done := &node.Changed{Asked: 2, Outcome: node.ChangeDone, Epoch: 1, Version: 2}
	out = step(g, node.Event{Kind: node.DiskDone})
	told := node.Trace{Action: node.ActChange, Epoch: 1, Position: 2, Detail: &node.GeometryStep{Members: begun.Groups[0]}}
	require.Equal(t, []node.Trace{told}, out.Trace)
	require.Equal(t, done, out.List[0].Message)
	require.Equal(t, done, change(g, 1, begun).List[0].Message, "its answer was lost")

	// The successor learns it with its epoch. The one before is too late, even with what would have been the next step.
	swap(g, 6, 1, 60)
	out = step(g, node.Event{Kind: node.DiskDone})
	require.Equal(t, &node.Swapped{Token: 60, Won: true, Epoch: 2, Geometry: begun}, out.List[0].Message)
	finished := begun.Changing(0, begun.Groups[0].Keeping(3, 2))
	require.Equal(t, &node.Changed{Asked: 3, Outcome: node.ChangeWrongEpoch, Epoch: 2, Version: 2}, change(g, 1, finished).List[0].Message)
	require.Equal(t, &node.Changed{Asked: 2, Outcome: node.ChangeWrongVersion, Epoch: 2, Version: 2}, change(g, 2, begun).List[0].Message,
		"done, and not by the writer that asks: it knows that version already")
}

// A crash between the write and its completion leaves a change of which no writer heard. A start tells it, whose it was too.
func TestAChangeThatWasNotToldIsToldByTheNextStart(t *testing.T) {
	g := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	swap(g, 5, 0, 50)
	step(g, node.Event{Kind: node.DiskDone})
	first := g.Geometry()
	file := change(g, 1, first.Growing(volume())).List[0].Data

	again := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	out := step(again, node.Event{Kind: node.Started, Files: []node.File{{Name: "register", Data: file}}})
	require.Equal(t, []node.Trace{{Action: node.ActGrow, Epoch: 1, Position: 2, Detail: &node.GeometryStep{Group: 1, Members: volume().FirstMembership()}}}, out.Trace)
	require.Equal(t, node.PageID(16), again.Geometry().Capacity)
	require.Equal(t, node.ChangeDone, change(again, 1, first.Growing(volume())).List[0].Message.(*node.Changed).Outcome)
}

// An epoch whose write failed is won by no writer: it may not be on the disk. The register stops, and the next start reads what is.
func TestARegisterStopsWhenItsDiskFails(t *testing.T) {
	g := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	out := swap(g, 5, 0, 50)
	require.Empty(t, step(g, node.Event{Kind: node.DiskFailed, Token: out.List[0].Token}).List)
	require.False(t, g.State().Serving)
	require.Empty(t, step(g, node.Event{Kind: node.DiskDone, Token: out.List[0].Token}).List)
	require.Empty(t, swap(g, 6, 0, 60).List)
	require.Empty(t, step(g, node.Event{Kind: node.Received, From: 5, Message: &node.ReadEpoch{Token: 1}}).List)
	require.Zero(t, g.Epoch())
}

// An epoch for which there was no room is won by no writer. The register runs on, and who asks again may win it.
func TestARegisterWithoutRoom(t *testing.T) {
	g := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	out := swap(g, 5, 0, 50)
	require.Empty(t, step(g, node.Event{Kind: node.DiskFull, Token: out.List[0].Token}).List)
	require.Zero(t, g.Epoch())
	require.True(t, g.State().Serving)
	swap(g, 6, 0, 60)
	out = step(g, node.Event{Kind: node.DiskDone})
	require.Equal(t, node.ID(6), out.List[0].To)
	require.True(t, out.List[0].Message.(*node.Swapped).Won)
}
