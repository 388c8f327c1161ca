package segment_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/examples/segment"
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/killtable"
)

func TestTheSegmentPasses(t *testing.T) {
	for _, s := range []harness.System{segment.System(), segment.Silent()} {
		t.Run(s.Name(), func(t *testing.T) {
			t.Parallel()
			summary := harnesstest.Run(t, campaign.Options{System: s, Runs: 60})
			for _, c := range summary.Checks {
				switch c.Check {
				case faults.Trace:
					if s.Name() == segment.Silent().Name() {
						require.Equal(t, judge.NotMade{Check: c.Check, Needs: judge.Needs(c.Check)}.String(), c.NotMade)
						continue
					}
				case faults.Linearizability, faults.Restore,
					// It leaves out the upkeep, so how its copies stand and what they write is not judged.
					faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Collection, faults.Floor, faults.Storage, faults.Traffic, faults.Writes, faults.Upkeep:
					require.NotEmpty(t, c.NotMade, c.Check)
					continue
				}
				require.Equal(t, judge.Pass, c.Verdict, c.Check)
			}
		})
	}
}

// By their trace segments are caught in the act, in the first run. Without one, what they did has to do harm first: a promise
// forgotten loses what was acknowledged in one run of forty, and an acknowledgement before its sync in none of 250, because it
// takes a write quorum that loses power between the two. That is what a trace is worth, and why the silent segments are
// searched for the promise alone.
func TestEveryPlantedBugIsFound(t *testing.T) {
	for _, o := range []killtable.Options{{System: segment.System()}, {System: segment.Silent(), Bugs: []string{"bugPromiseForgotten"}}} {
		t.Run(o.System.Name(), func(t *testing.T) {
			t.Parallel()
			table, err := killtable.Run(t.Context(), o)
			require.NoError(t, err)
			var text strings.Builder
			require.NoError(t, table.WriteText(&text))
			t.Logf("\n%s", text.String())
			for _, r := range table.Rows {
				require.Empty(t, r.Problem, r.Bug.Name)
			}
		})
	}
}
