package campaign

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/tally"
)

// everything is the evidence that our own system gives.
func everything() []judge.Kind {
	return []judge.Kind{judge.Transactions, judge.Readings, judge.Audit, judge.Trace, judge.TheLog, judge.Pages, judge.Store, judge.Messages, judge.Scenes}
}

// busy has done a bit of everything, in so many runs.
func busy(runs uint64) counts.Counts {
	var c counts.Counts
	for _, f := range tally.Index(&c) {
		*f = 1
	}
	c.Runs = runs
	return c
}

// What runs must do and did not do is named, one by one, once there were enough of them; before, it is only listed.
func TestActivityNamesWhatNeverHappened(t *testing.T) {
	enough := busy(100_000)
	unseen, err := Activity(&enough, &harness.About{Gives: append(everything(), judge.Operations)})
	require.NoError(t, err)
	require.Empty(t, unseen)
	must := 0
	for _, a := range enough.Amounts() {
		if a.By == 0 || a.Name == "runs" {
			continue
		}
		must++
		// A campaign of ten thousand runs without a single cut, say, must not pass whatever its generator did wrong.
		require.LessOrEqual(t, a.By, uint64(10_000), a.Name)
		c := busy(100_000)
		*tally.Index(&c)[a.Name] = 0
		_, err := Activity(&c, &harness.About{Gives: append(everything(), judge.Operations)})
		var e *VacuityError
		require.ErrorAs(t, err, &e, a.Name)
		require.Equal(t, []string{a.Text}, e.Missing)
		require.Contains(t, e.Error(), a.Text)
		if a.By > 1 {
			c.Runs = a.By - 1
			unseen, err = Activity(&c, &harness.About{Gives: append(everything(), judge.Operations)})
			require.NoError(t, err, a.Name)
			require.Equal(t, []string{a.Text}, unseen)
		}
	}
	require.Greater(t, must, 60)
	var none counts.Counts
	_, err = Activity(&none, &harness.About{Gives: everything()})
	require.ErrorContains(t, err, "found none in 0 runs: runs")
}

// A system that logs nothing has no cuts: that it had none says nothing about it.
func TestASystemNeedNotDoWhatItCannot(t *testing.T) {
	c := counts.Counts{Runs: 100_000, Operations: 5, Doubtful: 1}
	for name, f := range tally.Index(&c) {
		if len(name) > 6 && name[:6] == "world." {
			*f = 1
		}
	}
	c.World.Wipes, c.World.LostPieces = 0, 0
	unseen, err := Activity(&c, &harness.About{Gives: []judge.Kind{judge.Operations}})
	require.NoError(t, err)
	require.Empty(t, unseen)
	c.Operations = 0
	_, err = Activity(&c, &harness.About{Gives: []judge.Kind{judge.Operations}})
	require.ErrorContains(t, err, "operations answered")
	// What it says that it never does is not expected of it either, and everything else still is.
	_, err = Activity(&c, &harness.About{Gives: []judge.Kind{judge.Operations}, Never: []string{"operations"}})
	require.NoError(t, err)
	c.Doubtful = 0
	_, err = Activity(&c, &harness.About{Gives: []judge.Kind{judge.Operations}, Never: []string{"operations"}})
	require.ErrorContains(t, err, "operations of unknown outcome")
}
