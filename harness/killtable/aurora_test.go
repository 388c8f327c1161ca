//go:build failpoints

package killtable_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/killtable"
)

// These tests need a build with the failpoint overlay (`make test-faults`); without it every one of them fails.

var (
	trials  = flag.Int("firstgap.trials", killtable.DefaultTrials, "how often each planted bug is searched for, from other seeds")
	limit   = flag.Int("firstgap.limit", killtable.DefaultLimit, "runs after which a search gives up")
	further = flag.Int("firstgap.further", 0, "runs that a search makes at most until it finds a bug without the trace as well")
	far     = flag.Int("firstgap.further-trials", 2, "how many of the searches do so")
	some    = flag.String("firstgap.bugs", "", "search for these planted bugs alone, separated by commas; they are not compared, and with -firstgap.update theirs are the only lines that are written anew")
	clean   = flag.Uint64("firstgap.clean", 1500, "runs of the unbroken build, which must all pass")
	update  = flag.Bool("firstgap.update", false, "write the table anew that the next one is compared with, and that of docs/ci.md")
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
	last, err := killtable.ReadLast(readFile(t, keptFile))
	require.NoError(t, err)
	o := killtable.Options{System: aurora.System(), Generation: withPoints(t), Trials: *trials, Limit: *limit, Further: *further, FurtherTrials: *far, Reaches: aurora.Reaches, Last: last, Again: !*update}
	if *some != "" {
		o.Bugs = strings.Split(*some, ",")
	}
	table, err := killtable.Run(t.Context(), o)
	require.NoError(t, err)
	now := table.Keep()
	fmt.Println()
	require.NoError(t, now.WriteText(os.Stdout))
	fmt.Println()
	for _, r := range table.Rows {
		if r.Problem != "" {
			t.Errorf("%s: %s", r.Bug.Name, r.Problem)
		}
	}
	if *some != "" {
		if *update {
			write(t, last.With(now, faults.PlantedBugs()))
		}
		return
	}
	require.Len(t, table.Rows, len(faults.PlantedBugs()))
	require.GreaterOrEqual(t, 10*now.Within(200), 9*len(now.Bugs), "nine of ten bugs are found within 200 runs")
	for _, c := range now.Lonely(checks()) {
		t.Errorf("%s: expected a planted bug that it alone finds, found none", c)
	}
	for _, err := range last.Compare(now) {
		if !*update {
			t.Errorf("%v", err)
		}
	}
	unhit, err := faults.Unhit()
	require.NoError(t, err)
	require.Empty(t, unhit, "no run passed these points")
	if *update {
		write(t, now) // of a table that is not good enough as well: the test has failed, and its lines can be made anew one by one
	}
}

// checks are those of which each has to find a bug that no other finds.
func checks() []judge.Check {
	about := aurora.System().About()
	made, _ := about.Checks()
	return slices.DeleteFunc(made, func(c judge.Check) bool { return neverAlone[c] != "" })
}
