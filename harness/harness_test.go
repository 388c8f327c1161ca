package harness_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/internal/runflags"
)

// TestRuns makes simulated runs and holds each against every check. A run that fails leaves its failure file in the
// test's artifact folder, which `go test -artifacts` keeps.
func TestRuns(t *testing.T) {
	summary, err := campaign.Run(t.Context(), campaign.Options{Seed: runflags.Seed(), Runs: runflags.Runs(), Generation: generation(t)})
	require.NoError(t, err)
	for _, f := range summary.Failures {
		t.Error(describe(t, f))
	}
	c := summary.Counts
	t.Logf("%d runs, %d events: %d commits acknowledged, %d take-overs, %d cuts that removed records, %d undos",
		c.Runs, c.World.Events, c.Acknowledged, c.TakeOvers, c.Cuts, c.Undos)
	if len(summary.Failures) > 0 {
		t.Fatalf("%d runs found a violation, %d could not tell", summary.Failed, summary.Untold)
	}
	if runflags.Runs() < 100 {
		// Too few to have done everything; that they did is for more of them to show.
		require.Equal(t, runflags.Runs(), c.Runs)
		require.Positive(t, c.Acknowledged)
		return
	}
	require.Equal(t, harness.Pass, summary.Verdict, "%v", summary.Reasons)
}

// generation lets runs crash at points where the build has them.
func generation(t *testing.T) harness.Generation {
	g, err := harness.WithPoints()
	require.NoError(t, err)
	return g
}

// describe says what a failing seed broke, and how to see it again.
func describe(t *testing.T, f campaign.Failed) string {
	file := filepath.Join(t.ArtifactDir(), fmt.Sprintf("seed-%d.fgt", f.Seed))
	require.NoError(t, f.Failure.Write(file))
	s := fmt.Sprintf("seed %d: %s", f.Seed, f.Failure.Verdict)
	for _, x := range f.Failure.Findings {
		s += fmt.Sprintf("\n%s: %s\n  breaks: %s", x.Check, x.Detail, x.Guarantee)
	}
	s += "\nreplay:    firstgap replay " + file
	s += fmt.Sprintf("\nor again:  go test ./harness -run '^TestRuns$' -artifacts -firstgap.seed %d -firstgap.runs 1", f.Seed)
	return s
}

func TestAFailingSeedSaysHowToSeeItAgain(t *testing.T) {
	c, err := harness.Generation{}.Generate(5)
	require.NoError(t, err)
	c.Ending.Bound = 1000 // ns: no volume serves again as fast
	r := harness.RunRecorded(c, true)
	require.Equal(t, harness.Violation, r.Verdict)
	said := describe(t, campaign.Failed{Seed: 5, Failure: harness.NewFailure(&r)})
	file := filepath.Join(t.ArtifactDir(), "seed-5.fgt")
	for _, words := range []string{"seed 5: violation", "progress: expected an acknowledged write", "breaks: " + harness.Guarantee(faults.Progress),
		"firstgap replay " + file, "-firstgap.seed 5 -firstgap.runs 1"} {
		require.Contains(t, said, words)
	}
	p, err := harness.ReplayFile(file)
	require.NoError(t, err)
	require.True(t, p.Same)
}
