package aurora_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/internal/runflags"
	"github.com/firstgap/firstgap/harness/judge"
)

// TestRuns makes simulated runs and holds each against every check.
func TestRuns(t *testing.T) {
	g, err := harness.WithPoints() // runs crash at points where the build has them
	require.NoError(t, err)
	s := harnesstest.Run(t, campaign.Options{System: aurora.System(), Seed: runflags.Seed(), Runs: runflags.Runs(), Generation: g})
	require.Equal(t, runflags.Runs(), s.Counts.Runs)
	c := s.Counts
	t.Logf("%d runs, %d events: %d commits acknowledged, %d take-overs, %d cuts that removed records, %d undos",
		c.Runs, c.World.Events, c.Acknowledged, c.TakeOvers, c.Cuts, c.Undos)
}

// What go test prints of a failure is enough to see it again, and the file that it names is still there.
func TestAFailingSeedSaysHowToSeeItAgain(t *testing.T) {
	c, err := aurora.System().Generate(5, harness.Generation{})
	require.NoError(t, err)
	c.Ending.Bound = faults.Duration(1000) // no volume serves again as fast
	r, trail := failure.Record(aurora.System(), c)
	require.Equal(t, judge.Violation, r.Verdict)
	var said string
	t.Run("inside", func(t *testing.T) {
		said = harnesstest.Describe(t, campaign.Failed{Seed: 5, Failure: failure.Of(&r, trail), Unexplained: "it no longer fails",
			Why: &why.Explanation{What: why.What{Headline: "it had no time", Chain: []why.Link{{Node: "writer 1", Words: "opened late"}}}}})
	})
	for _, words := range []string{"seed 5: violation", "progress: ", "expected an acknowledged write", "breaks: " + judge.Guarantee(faults.Progress), "writer 1: ",
		"\n\nwhy\nit had no time\n", "writer 1", "opened late", "not explained: it no longer fails"} {
		require.Contains(t, said, words)
	}
	_, file, found := strings.Cut(said, "replay, by a command that knows the system aurora: firstgap replay ")
	require.True(t, found)
	defer os.Remove(file)
	f, err := failure.Read(file)
	require.NoError(t, err)
	p, err := failure.Again(f, []harness.System{aurora.System()})
	require.NoError(t, err)
	require.Equal(t, failure.Reproduced, p.Answer)
}
