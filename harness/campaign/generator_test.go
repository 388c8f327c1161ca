package campaign

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
)

// A generator that has come to draw no cuts is noticed once there are enough runs, and not before: what they counted is that of
// real runs, without what it no longer does.
func TestAGeneratorThatLostSomethingIsNoticed(t *testing.T) {
	system := aurora.System()
	sum := busy(0)
	run := func(harness.System, configuration.Configuration) harness.Result {
		r := harness.Result{Verdict: judge.Pass, Made: judge.Checks(), Counts: sum}
		r.Counts.Runs, r.Counts.Trace.Cuts, r.Counts.Cuts = 1, 0, 0
		return r
	}
	for runs, want := range map[uint64]judge.Verdict{10: judge.Pass, 10_000: judge.CouldNotTell} {
		s, err := Run(t.Context(), Options{System: given{system}, Seed: 1, Runs: runs, runs: maker{run: run}})
		require.NoError(t, err)
		require.Equal(t, want, s.Verdict, "%d runs: %s", runs, s.Reasons)
		if want == judge.Pass {
			require.Contains(t, s.Unseen, "cuts that removed records")
			continue
		}
		require.Equal(t, []string{"activity: expected each of these at least once, found none in 10000 runs: cuts that removed records"}, s.Reasons)
		require.Equal(t, judge.CouldNotTell, s.Checks[find(t, s, faults.Activity)].Verdict)
	}
}

func find(t *testing.T, s *Summary, c judge.Check) int {
	for i := range s.Checks {
		if s.Checks[i].Check == c {
			return i
		}
	}
	t.Fatalf("no tally of %s", c)
	return 0
}

// given generates the same configuration for every seed, so that making ten thousand costs nothing.
type given struct{ harness.System }

func (g given) Generate(seed uint64, _ harness.Generation) (configuration.Configuration, error) {
	return configuration.Configuration{System: g.Name(), Seed: seed}, nil
}
