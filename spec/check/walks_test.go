package check

import (
	"context"
	"encoding/json"
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

// A search that is bounded by states ends with the level that comes to so many, at any number of workers.
func TestStates(t *testing.T) {
	for _, workers := range []int{1, 3} {
		r, err := Run(t.Context(), grid{size: 59, limit: 1000}, Options{Workers: workers, States: 1000})
		require.NoError(t, err)
		requireIncomplete(t, r, "the limit of 1,000 states ran out")
		require.Equal(t, 18, r.Depth, "17 levels have 969 states")
		require.EqualValues(t, 18*19*20/6, r.Distinct)
		require.EqualValues(t, 18*19/2, r.Left)
	}
	r, err := Run(t.Context(), grid{size: 2, limit: 1000}, Options{States: 1000})
	require.NoError(t, err)
	require.Equal(t, Pass, r.Verdict, "there are no more than 27")
}

// Every state that was counted is visited once, the same ones in every process, and those of walks are among those of the search.
func TestVisit(t *testing.T) {
	visits := func(o Options) (*Result, map[uint64]bool) {
		seen := map[uint64]bool{}
		o.Visit = func(f uint64) {
			require.False(t, seen[f])
			seen[f] = true
		}
		r, err := Run(t.Context(), grid{size: 19, limit: 1000}, o)
		require.NoError(t, err)
		require.Len(t, seen, int(r.Distinct))
		return r, seen
	}
	_, all := visits(Options{Workers: 3})
	require.Len(t, all, 20*20*20)
	walked, some := visits(Options{Walks: 50, Depth: 20, Workers: 2})
	for f := range some {
		require.True(t, all[f])
	}
	require.Contains(t, some, hashOf(grid{size: 19, limit: 1000}.NewMachine().Encode(nil)), "the initial state")
	without, err := Run(t.Context(), grid{size: 19, limit: 1000}, Options{Walks: 50, Depth: 20})
	require.NoError(t, err)
	require.Equal(t, without.Digest, walked.Digest, "to be visited changes no receipt")
	var counts ActionCounts
	require.NoError(t, json.Unmarshal([]byte(`{"b":1,"a":2}`), &counts))
	require.Equal(t, ActionCounts{{"b", 1}, {"a", 2}}, counts)
	for _, wrong := range []string{`[]`, `{"a":-1}`, `{"a":"1"}`} {
		require.ErrorContains(t, json.Unmarshal([]byte(wrong), &counts), "actions: ")
	}
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
		{Options{States: -1}, "option States is -1"},
		{Options{States: 5, Walks: 1}, "option States is 5 with Walks; expected none"},
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
