package shapes_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/faults/overlay/testdata/shapes"
)

// A hook notes what is hit and plants one bug.
type hook struct {
	bug  string
	hits []string
}

func (h *hook) Hit(point string) { h.hits = append(h.hits, point) }

func (h *hook) Planted(bug string) bool {
	h.hits = append(h.hits, bug)
	return bug == h.bug
}

// behaviour drives every shape once.
func behaviour(h *hook) (log []string, quorum bool, promise, undone int) {
	s := &shapes.Segment{Hook: h}
	s.Write()
	return s.Log, s.Quorum(3), s.Fence(1, 2), s.Undo([]int{7, 8})
}

func requireCorrect(t *testing.T, h *hook) {
	t.Helper()
	log, quorum, promise, undone := behaviour(h)
	require.Equal(t, []string{"append", "sync"}, log)
	require.False(t, quorum)
	require.Equal(t, 2, promise)
	require.Equal(t, 2, undone)
}

func TestWithoutOverlay(t *testing.T) {
	_, err := faults.EnableAll()
	require.ErrorIs(t, err, faults.ErrNoOverlay)
	_, err = faults.Unhit()
	require.ErrorIs(t, err, faults.ErrNoOverlay)
	h := &hook{bug: "bugUndoSkipped"}
	requireCorrect(t, h)
	require.Empty(t, h.hits)
}

func TestWithOverlay(t *testing.T) {
	asleep := &hook{bug: "bugUndoSkipped"}
	requireCorrect(t, asleep)
	require.Empty(t, asleep.hits, "a point acts before it was enabled")

	points, err := faults.EnableAll()
	require.NoError(t, err)
	require.Equal(t, []string{"bugAckAtWMinusOne", "bugRecoverWithoutFence", "bugUndoSkipped", "segmentAfterSync", "segmentBeforeSync"}, points)
	unhit, err := faults.Unhit()
	require.NoError(t, err)
	require.Equal(t, points, unhit)

	correct := &hook{}
	requireCorrect(t, correct)
	require.Equal(t, []string{
		"segmentBeforeSync", "segmentAfterSync", "bugAckAtWMinusOne", "bugRecoverWithoutFence", "bugUndoSkipped", "bugUndoSkipped",
	}, correct.hits)
	unhit, err = faults.Unhit()
	require.NoError(t, err)
	require.Empty(t, unhit)

	_, quorum, _, _ := behaviour(&hook{bug: "bugAckAtWMinusOne"})
	require.True(t, quorum)
	_, _, promise, _ := behaviour(&hook{bug: "bugRecoverWithoutFence"})
	require.Equal(t, 1, promise)
	_, _, _, undone := behaviour(&hook{bug: "bugUndoSkipped"})
	require.Equal(t, 0, undone)
}

// A hook that crashes the node does so by a panic that passes through gofail.
func TestCrashAtPoint(t *testing.T) {
	_, err := faults.EnableAll()
	require.NoError(t, err)
	s := &shapes.Segment{Hook: crash{}}
	require.PanicsWithValue(t, "crash at segmentBeforeSync", s.Write)
	require.Equal(t, []string{"append"}, s.Log)
}

type crash struct{}

func (crash) Hit(point string)    { panic("crash at " + point) }
func (crash) Planted(string) bool { return false }

type silent struct{}

func (silent) Hit(string)          {}
func (silent) Planted(string) bool { return false }

func passOnePoint(b *testing.B) {
	s := &shapes.Segment{Hook: silent{}}
	for b.Loop() {
		s.Quorum(3)
	}
}

// BenchmarkDisabledPoint is the price of one point that is off, as long as no benchmark before it enabled it.
func BenchmarkDisabledPoint(b *testing.B) { passOnePoint(b) }

// BenchmarkEnabledPoint is the price of one point whose hook does nothing.
func BenchmarkEnabledPoint(b *testing.B) {
	if _, err := faults.EnableAll(); err != nil {
		b.Fatal(err)
	}
	passOnePoint(b)
}

// BenchmarkEnabledPointParallel is the same on all cores at once: gofail's locks are shared by every run of the process.
func BenchmarkEnabledPointParallel(b *testing.B) {
	if _, err := faults.EnableAll(); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		s := &shapes.Segment{Hook: silent{}}
		for pb.Next() {
			s.Quorum(3)
		}
	})
}
