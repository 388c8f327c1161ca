package check

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The same seed takes the same walks at any number of workers; another one takes others.
func TestWalksAtAnyNumberOfWorkers(t *testing.T) {
	var first *Result
	for _, workers := range []int{1, 2, 5} {
		r, err := Run(t.Context(), grid{size: 59, limit: 1000}, Options{Workers: workers, Walks: 200, Depth: 50, Seed: 7})
		require.NoError(t, err)
		require.Equal(t, Incomplete, r.Verdict)
		require.Equal(t, "200 random walks of at most 50 states are not every behaviour", r.Reason)
		require.Equal(t, 200, r.Walks)
		require.Equal(t, 50, r.Depth)
		require.EqualValues(t, 1+200*49*3, r.Generated, "three steps from each state but the last of a walk")
		require.Greater(t, r.Distinct, uint64(2000))
		require.Less(t, r.Distinct, uint64(200*49+2))
		require.NotZero(t, r.Left)
		if first == nil {
			first = r
		}
		require.Equal(t, first.Digest, r.Digest, "at %d workers", workers)
	}
	other, err := Run(t.Context(), grid{size: 59, limit: 1000}, Options{Walks: 200, Depth: 50, Seed: 8})
	require.NoError(t, err)
	require.NotEqual(t, first.Distinct, other.Distinct)
}

// A walk fills the jugs at random for long; six steps are what it takes, and nothing can be left out of those.
func TestWalkIsShortened(t *testing.T) {
	var first *Result
	for _, workers := range []int{1, 3} {
		r, err := Run(t.Context(), jugs{never4: true}, Options{Workers: workers, Walks: 1000, Seed: 1})
		require.NoError(t, err)
		require.Equal(t, Violation, r.Verdict)
		require.Equal(t, "Never4", r.Invariant)
		require.Empty(t, r.Reason)
		require.Len(t, r.Trace, 6)
		require.Equal(t, "4", r.Trace[5].Changes[0].To)
		if first == nil {
			first = r
		}
		require.Equal(t, first.Digest, r.Digest)
		var b strings.Builder
		require.NoError(t, r.WriteText(&b))
		require.Contains(t, b.String(), "A counterexample from a random walk")
		require.Contains(t, b.String(), "walks       64, seed 1\n")
		require.NotContains(t, b.String(), "shortest")
	}
}

func TestWalksThatEndEarly(t *testing.T) {
	t.Run("the initial state breaks an invariant", func(t *testing.T) {
		r, err := Run(t.Context(), jugs{broken: true}, Options{Walks: 3})
		require.NoError(t, err)
		require.Equal(t, Violation, r.Verdict)
		require.Equal(t, "Fits", r.Invariant)
		require.Empty(t, r.Trace)
	})
	t.Run("where nothing is possible any more", func(t *testing.T) {
		r, err := Run(t.Context(), grid{size: 2, limit: 1000}, Options{Walks: 500, Depth: 50})
		require.NoError(t, err)
		require.Equal(t, Incomplete, r.Verdict, "even when every state was on a walk")
		require.Equal(t, 7, r.Depth)
		require.EqualValues(t, 27, r.Distinct)
		require.Zero(t, r.Left)
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		r, err := Run(ctx, jugs{}, Options{Walks: 3})
		require.NoError(t, err)
		require.Equal(t, Incomplete, r.Verdict)
		require.Equal(t, "interrupted: enough", r.Reason)
		require.Zero(t, r.Walks)
	})
	t.Run("time", func(t *testing.T) {
		r, err := Run(t.Context(), grid{size: 500, limit: 5000}, Options{Walks: 1 << 40, For: time.Millisecond})
		require.NoError(t, err)
		require.Equal(t, Incomplete, r.Verdict)
		require.Equal(t, "the time limit of 1ms ran out", r.Reason)
	})
	t.Run("panic", func(t *testing.T) {
		g := grid{size: 5, limit: 100, taken: new(atomic.Int64), onNext: func(taken int64) {
			if taken >= 40 {
				panic("no further")
			}
		}}
		_, err := Run(t.Context(), g, Options{Walks: 100})
		var panicked *PanicError
		require.ErrorAs(t, err, &panicked)
		require.Equal(t, "no further", panicked.Value)
	})
}

func TestWalksMeetWitnesses(t *testing.T) {
	r, err := Run(t.Context(), gridWithWitness{grid{size: 20, limit: 1000}}, Options{Walks: 300})
	require.NoError(t, err)
	require.Len(t, r.Witnesses, 1)
	require.Equal(t, 31, r.Witnesses[0].Depth, "the earliest of all walks, and none can come there earlier")
}

// gridWithWitness has a witness: a point whose coordinates sum up to 30.
type gridWithWitness struct{ grid }

func (gridWithWitness) Witnesses() []Invariant { return []Invariant{{"Thirty", "It comes some way."}} }
func (g gridWithWitness) NewMachine() Machine {
	return gridWitness{g.grid.NewMachine().(*gridMachine)}
}

type gridWitness struct{ *gridMachine }

func (m gridWitness) Witnessed(int) bool { return m.at[0]+m.at[1]+m.at[2] == 30 }

// A search to a depth takes no step from there, and says so unless there was nothing more.
func TestDepth(t *testing.T) {
	for _, workers := range []int{1, 3} {
		r, err := Run(t.Context(), grid{size: 59, limit: 1000}, Options{Workers: workers, Depth: 21})
		require.NoError(t, err)
		requireIncomplete(t, r, "the depth limit of 21 levels ran out")
		require.Equal(t, 21, r.Depth)
		require.EqualValues(t, 21*22*23/6, r.Distinct)
		require.EqualValues(t, 21*22/2, r.Left, "the points of the last level")
	}
	r, err := Run(t.Context(), grid{size: 59, limit: 1000}, Options{Depth: 3*59 + 2})
	require.NoError(t, err)
	require.Equal(t, Pass, r.Verdict)
	r, err = Run(t.Context(), grid{size: 59, limit: 19}, Options{Depth: 21})
	require.NoError(t, err)
	require.Equal(t, Violation, r.Verdict, "in the last level that is looked at")
	require.Len(t, r.Trace, 20)
	r, err = Run(t.Context(), grid{size: 59, limit: 1000}, Options{Depth: 1})
	require.NoError(t, err)
	requireIncomplete(t, r, "the depth limit of 1 levels ran out")
	require.EqualValues(t, 1, r.Distinct)
}

func TestOptionsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{For: -1}, "option For is -1; expected no negative number"},
		{Options{Memory: -1}, "option Memory is -1"},
		{Options{Depth: -1}, "option Depth is -1"},
		{Options{Walks: -1}, "option Walks is -1"},
		{Options{Save: -1}, "option Save is -1"},
		{Options{Resume: true}, "option Resume is given without Folder"},
		{Options{Walks: 1, Folder: "x"}, `option Folder is "x" with Walks`},
	} {
		_, err := Run(t.Context(), jugs{}, c.options)
		var wrong *OptionError
		require.ErrorAs(t, err, &wrong)
		require.ErrorContains(t, err, c.want)
	}
}
