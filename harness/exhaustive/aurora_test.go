//go:build failpoints

package exhaustive_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/exhaustive"
)

// These tests need a build with the failpoint overlay (`make test-faults`); without it every one of them fails.

// One crash finds a bug that hurts only who crashes between two writes to a disk, and finds it at that step.
func TestOneCrashFindsLogDroppedBeforeItsImages(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	o := exhaustive.Options{Implementation: aurora.Ours(), Seed: exhaustive.DefaultSeed, Bug: "bugTrimBeforeImages"}
	whole, err := exhaustive.One(o, nil, nil)
	require.NoError(t, err)
	require.Empty(t, whole.Findings, "it needs no crash")
	r, err := exhaustive.Run(t.Context(), o)
	require.NoError(t, err)
	require.NotEmpty(t, r.Failed)
	require.Less(t, r.Violations, r.One.Run/10)
	for _, f := range r.Failed {
		require.True(t, strings.HasPrefix(f.Crashes.String(), "segment 1/"), f.Crashes)
		require.False(t, f.Crashes[0].Kept, "the images were kept")
		require.Equal(t, faults.Trace, f.Findings[0].Check)
		again, err := exhaustive.One(o, f.Crashes, nil)
		require.NoError(t, err)
		require.Equal(t, f.Findings[0].Sentence(), again.Findings[0].Sentence())
	}
}

// A promise that is not on the disk hurts when a segment crashes inside the recovery from another crash: no single one finds it.
func TestTwoCrashesFindAPromiseThatIsNotPersisted(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	o := exhaustive.Options{Implementation: aurora.Ours(), Seed: exhaustive.DefaultSeed, Bug: "bugPromiseNotPersisted"}
	r, err := exhaustive.Run(t.Context(), o)
	require.NoError(t, err)
	require.Empty(t, r.Failed, "one crash is enough")
	o.Pairs = true
	o.First = func(p exhaustive.Point) bool { return p.String() == "writer 1 step 30 lost" }
	r, err = exhaustive.Run(t.Context(), o)
	require.NoError(t, err)
	require.NotEmpty(t, r.Failed)
	for _, f := range r.Failed {
		require.Contains(t, f.Crashes.String(), "writer 1 step 30 lost, segment 1/")
		require.Contains(t, f.Findings[0].Sentence(), "restarts with promise 1")
	}
}
