package campaign

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
)

// One failure of each check and rule is explained, so many at most, and of the others it is said why not.
func TestFailuresAreExplainedOnceForEachRule(t *testing.T) {
	checks := []judge.Check{faults.Trace, faults.Trace, faults.Pages, faults.Durability, faults.Snapshots, faults.Trace}
	runs := fake(func(r *harness.Result) { broken(r, checks[r.Configuration.Seed-1], judge.Violation) })
	campaign := func(ctx context.Context, e Explaining) (explained []uint64, why []string) {
		s, err := Run(ctx, Options{System: ours(), Runs: uint64(len(checks)), Seed: 1, runs: runs, Explain: e})
		require.NoError(t, err)
		for _, f := range s.Failures {
			if f.Why != nil {
				require.Equal(t, f.Failure.Findings[0].Check, f.Why.What.Target.Check)
				explained = append(explained, f.Seed)
			}
			why = append(why, f.Unexplained)
		}
		return explained, why
	}
	var asked []uint64
	e := Explaining{For: time.Second, Progress: func(seed uint64, made int) {
		require.Equal(t, len(asked), made)
		asked = append(asked, seed)
	}, explain: func(_ context.Context, s harness.System, f *failure.Failure, within time.Duration) (*why.Explanation, error) {
		require.Equal(t, time.Second, within)
		require.Equal(t, ours().Name(), s.Name())
		target, _ := failure.TargetOf(f.Findings)
		return &why.Explanation{What: why.What{Target: target}}, nil
	}}
	made, left := campaign(t.Context(), e)
	require.Equal(t, []uint64{1, 3, 4}, made)
	require.Equal(t, made, asked)
	same, enough := "it fails by the same check and rule as seed 1", "3 failures of other checks and rules were explained before it"
	require.Equal(t, []string{"", same, "", "", enough, same}, left)

	// Nothing of it where it was not asked for.
	e.For, asked = 0, nil
	made, left = campaign(t.Context(), e)
	require.Empty(t, made)
	require.Equal(t, make([]string, len(checks)), left)
	require.Empty(t, asked)

	// What could not be explained is said, and the others go on.
	good := e.explain
	e.For, e.Progress = time.Second, nil
	e.explain = func(ctx context.Context, s harness.System, f *failure.Failure, within time.Duration) (*why.Explanation, error) {
		if f.Findings[0].Check == faults.Pages {
			return nil, errors.New("it no longer fails")
		}
		return good(ctx, s, f, within)
	}
	made, left = campaign(t.Context(), e)
	require.Equal(t, []uint64{1, 4}, made)
	require.Equal(t, "it no longer fails", left[2])

	// An interruption ends it.
	ctx, cancel := context.WithCancel(t.Context())
	e.explain = func(_ context.Context, s harness.System, f *failure.Failure, within time.Duration) (*why.Explanation, error) {
		cancel()
		return good(ctx, s, f, within)
	}
	made, left = campaign(ctx, e)
	require.Equal(t, []uint64{1}, made)
	require.Equal(t, "interrupted", left[2])
}
