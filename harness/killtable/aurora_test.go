//go:build failpoints

package killtable_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/killtable"
)

// These tests need a build with the failpoint overlay (`make test-faults`); without it every one of them fails.

var (
	trials = flag.Int("firstgap.trials", killtable.DefaultTrials, "how often each planted bug is searched for, from other seeds")
	limit  = flag.Int("firstgap.limit", killtable.DefaultLimit, "runs after which a search gives up")
	clean  = flag.Uint64("firstgap.clean", 1500, "runs of the unbroken build, which must all pass")
)

func withPoints(t *testing.T) harness.Generation {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	g, err := harness.WithPoints()
	require.NoError(t, err)
	require.NotEmpty(t, g.Points)
	return g
}

// TestUnbroken is the other half of the table: with every point built in and crashes at them in the plans, but no bug
// planted, nothing objects. A check that objects to everything would catch every bug, too.
func TestUnbroken(t *testing.T) {
	s := harnesstest.Run(t, campaign.Options{System: aurora.System(), Generation: withPoints(t), Runs: *clean})
	require.Positive(t, s.Counts.World.PointCrashes, "no process crashed at a point")
	fmt.Printf("unbroken: %d runs, %d commits acknowledged, %d crashes at points, no check objected\n",
		s.Counts.Runs, s.Counts.Acknowledged, s.Counts.World.PointCrashes)
}

func TestEveryPlantedBugIsFound(t *testing.T) {
	table, err := killtable.Run(t.Context(), killtable.Options{System: aurora.System(), Generation: withPoints(t), Trials: *trials, Limit: *limit})
	require.NoError(t, err)
	fmt.Println()
	require.NoError(t, table.WriteText(os.Stdout))
	fmt.Println()
	require.Len(t, table.Rows, len(faults.PlantedBugs()))
	for _, r := range table.Rows {
		if r.Problem != "" {
			t.Errorf("%s: %s", r.Bug.Name, r.Problem)
		}
	}
	unhit, err := faults.Unhit()
	require.NoError(t, err)
	require.Empty(t, unhit, "no run passed these points")
}
