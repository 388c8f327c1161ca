package campaign

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// ours is our own system; fake runs are said to be of it.
func ours() harness.System { return aurora.System() }

// ofEveryRun lists the checks that are made of single runs of our own system, each once.
func ofEveryRun() []judge.Check {
	about := ours().About()
	made, _ := about.Checks()
	return slices.DeleteFunc(made, func(c judge.Check) bool { return c == faults.Activity || c == judge.Determinism })
}

// fake makes runs that pass, but for what spoil does to them.
func fake(spoil func(r *harness.Result)) maker {
	run := func(_ harness.System, c configuration.Configuration) harness.Result {
		r := harness.Result{Configuration: c, Verdict: judge.Pass, Counts: busy(1), Hash: c.Seed * 31, Made: ofEveryRun()}
		r.Counts.World.Events, r.Counts.Acknowledged, r.Counts.BeyondBudget, r.Counts.Stalled = 100, 3, 0, 0
		if spoil != nil {
			spoil(&r)
		}
		return r
	}
	return maker{
		run: run,
		record: func(s harness.System, c configuration.Configuration) (harness.Result, *failure.Trail) {
			return run(s, c), &failure.Trail{Events: 1, From: 1, Records: []sim.Record{{Number: 1, Kind: sim.EventAction, Name: "an event"}}}
		},
		twice: func(s harness.System, c configuration.Configuration) (harness.Result, error) { return run(s, c), nil },
	}
}

func broken(r *harness.Result, c judge.Check, v judge.Verdict) {
	r.Findings = append(r.Findings, judge.Finding{Check: c, Verdict: v, Guarantee: judge.Guarantee(c), Subject: fmt.Sprintf("what %s found", c)})
	r.Verdict = r.Verdict.Worse(v)
}

func tallyOf(t *testing.T, s *Summary, c judge.Check) Tally {
	for _, x := range s.Checks {
		if x.Check == c {
			return x
		}
	}
	require.Failf(t, "no such check", "%s", c)
	return Tally{}
}

func TestACampaignThatPasses(t *testing.T) {
	s, err := Run(t.Context(), Options{System: ours(), Runs: 200, Seed: 10, Workers: 3, runs: fake(nil)})
	require.NoError(t, err)
	require.Equal(t, judge.Pass, s.Verdict, "%v", s.Reasons)
	require.Empty(t, s.Reasons)
	require.Equal(t, AllRun, s.Stop)
	require.Equal(t, uint64(200), s.Counts.Runs)
	require.Equal(t, uint64(600), s.Counts.Acknowledged)
	require.Equal(t, "not checked: needs operations", tallyOf(t, s, faults.Linearizability).NotMade)
	require.Empty(t, tallyOf(t, s, faults.Linearizability).Verdict, "what was not made has not passed")
	for _, c := range slices.DeleteFunc(judge.Checks(), func(c judge.Check) bool { return c == faults.Linearizability }) {
		x := tallyOf(t, s, c)
		require.Equal(t, judge.Pass, x.Verdict, c)
		require.Positive(t, x.Runs, c)
	}
	require.Equal(t, uint64(4), tallyOf(t, s, judge.Determinism).Runs, "one in %d is made twice", twice)
}

// A real campaign ends the same at any number of workers.
func TestTheNumberOfWorkersDoesNotMatter(t *testing.T) {
	var first *Summary
	runs := uint64(70)
	if testing.Short() { // under the race detector, which makes each take ten times as long
		runs = 20
	}
	for _, workers := range []int{1, 2, 5} {
		s, err := Run(t.Context(), Options{System: ours(), Runs: runs, Seed: 900, Workers: workers})
		require.NoError(t, err)
		require.Equal(t, judge.Pass, s.Verdict, "%v", s.Reasons)
		s.Seconds, s.Workers, s.HeapBytes = 0, 0, 0
		if first == nil {
			first = s
		}
		require.Equal(t, first, s)
	}
}

func TestFailuresComeInTheOrderOfTheirSeeds(t *testing.T) {
	run := fake(func(r *harness.Result) {
		if r.Configuration.Seed%7 == 3 {
			broken(r, faults.Durability, judge.Violation)
			broken(r, faults.Durability, judge.Violation)
			broken(r, faults.Pages, judge.Violation)
		}
		if r.Configuration.Seed == 40 {
			broken(r, faults.Sanity, judge.CouldNotTell)
		}
	})
	for _, workers := range []int{1, 4} {
		s, err := Run(t.Context(), Options{System: ours(), Runs: 100, Workers: workers, Failures: 7, runs: run})
		require.NoError(t, err)
		require.Equal(t, judge.Violation, s.Verdict)
		require.Equal(t, uint64(14), s.Failed)
		require.Equal(t, uint64(1), s.Untold)
		require.Contains(t, strings.Join(s.Reasons, "\n"), "14 of 100 runs found a violation")
		require.Contains(t, strings.Join(s.Reasons, "\n"), "1 of 100 runs could not tell")
		var seeds []uint64
		for _, f := range s.Failures {
			seeds = append(seeds, f.Seed)
			require.NotEmpty(t, f.Failure.Trail.Records, "it was run again and recorded")
			require.Equal(t, f.Seed, f.Failure.Configuration.Seed)
		}
		require.Equal(t, []uint64{3, 10, 17, 24, 31, 38, 40}, seeds, "bounded, the first ones")
		d := tallyOf(t, s, faults.Durability)
		require.Equal(t, uint64(14), d.Violations, "a run counts once")
		require.Equal(t, judge.Violation, d.Verdict)
		require.Equal(t, "seed 3: what durability found", d.Detail)
		require.Equal(t, judge.CouldNotTell, tallyOf(t, s, faults.Sanity).Verdict)
		require.Equal(t, judge.Pass, tallyOf(t, s, faults.Trace).Verdict)
	}
}

func TestACampaignInWhichSomethingNeverHappensCouldNotTell(t *testing.T) {
	s, err := Run(t.Context(), Options{System: ours(), Runs: 200, runs: fake(func(r *harness.Result) { r.Counts.Cuts = 0 })})
	require.NoError(t, err)
	require.Equal(t, judge.CouldNotTell, s.Verdict)
	require.Equal(t, judge.CouldNotTell, tallyOf(t, s, faults.Activity).Verdict)
	require.Contains(t, strings.Join(s.Reasons, "\n"), "found none in 200 runs: cuts that removed records")
}

// A check that was never made has not passed.
func TestACheckThatWasNeverMadeCouldNotTell(t *testing.T) {
	s, err := Run(t.Context(), Options{System: ours(), Runs: 100, runs: fake(func(r *harness.Result) { r.Made = r.Made[1:] })})
	require.NoError(t, err)
	require.Equal(t, judge.CouldNotTell, s.Verdict)
	require.Equal(t, judge.CouldNotTell, tallyOf(t, s, faults.Trace).Verdict)
	require.Contains(t, strings.Join(s.Reasons, "\n"), "trace: expected at least one run in which it was made")
}

func TestARunThatIsNotTheSameTwiceIsAViolation(t *testing.T) {
	var n atomic.Uint64
	s, err := Run(t.Context(), Options{System: ours(), Runs: 100, runs: fake(func(r *harness.Result) { r.Hash = n.Add(1) })})
	require.NoError(t, err)
	require.Equal(t, judge.Violation, s.Verdict)
	x := tallyOf(t, s, judge.Determinism)
	require.Equal(t, uint64(2), x.Violations)
	require.Contains(t, x.Detail, "seed 0: not deterministic: the same configuration gave another run")
	require.Len(t, s.Failures, 2)
}

func TestACampaignThatIsInterruptedSaysWhatItFound(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Run(ctx, Options{System: ours(), Runs: 1 << 40, Workers: 2, runs: fake(func(r *harness.Result) {
		if r.Configuration.Seed == 300 {
			cancel()
		}
	})})
	require.NoError(t, err)
	require.Equal(t, Interrupted, s.Stop)
	require.Equal(t, judge.CouldNotTell, s.Verdict)
	require.GreaterOrEqual(t, s.Counts.Runs, uint64(300))
	require.Contains(t, s.Reasons[0], "interrupted after")

	s, err = Run(ctx, Options{System: ours(), Runs: 5, runs: fake(nil)})
	require.NoError(t, err)
	require.Zero(t, s.Counts.Runs)
	require.Equal(t, judge.CouldNotTell, s.Verdict, "zero runs are no pass")
}

func TestWhenTheTimeIsUp(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want judge.Verdict
	}{
		{"as many as fit", Options{System: ours()}, judge.Pass},
		{"so many at most", Options{System: ours(), Runs: 1 << 40, AtMost: true}, judge.Pass},
		{"so many", Options{System: ours(), Runs: 1 << 40}, judge.CouldNotTell},
	} {
		t.Run(c.name, func(t *testing.T) {
			var late atomic.Bool
			// No time is left from the hundredth run on, however fast the machine is: the deadline is one nanosecond, and the
			// clock is asked before each run but the first.
			o := c.o
			o.For, o.Workers = time.Hour, 1
			o.clock = func() time.Duration {
				if late.Load() {
					return 2 * time.Hour
				}
				return 0
			}
			o.runs = fake(func(r *harness.Result) {
				if r.Configuration.Seed == 100 {
					late.Store(true)
				}
			})
			s, err := Run(t.Context(), o)
			require.NoError(t, err)
			require.Equal(t, TimeIsUp, s.Stop)
			require.Equal(t, c.want, s.Verdict, "%v", s.Reasons)
			require.Equal(t, uint64(102), s.Counts.Runs, "those that had begun are finished")
		})
	}
}

func TestAnEndlessCampaignIsRefused(t *testing.T) {
	_, err := Run(t.Context(), Options{System: ours()})
	require.ErrorIs(t, err, ErrEndless)
}

func TestAGenerationThatCannotBeEndsTheCampaign(t *testing.T) {
	s, err := Run(t.Context(), Options{System: ours(), Runs: 1 << 40, Generation: harness.Generation{Bug: "none of ours"}, runs: fake(nil)})
	require.ErrorContains(t, err, "unknown planted bug")
	require.NotEqual(t, judge.Pass, s.Verdict)
}

func TestProgressIsTold(t *testing.T) {
	var all []Progress
	_, err := Run(t.Context(), Options{System: ours(), Runs: 300, runs: fake(nil), Progress: func(p Progress) { all = append(all, p) }})
	require.NoError(t, err)
	last := all[len(all)-1]
	require.True(t, last.Finished)
	require.Equal(t, uint64(300), last.Runs)
	require.Equal(t, uint64(300), last.Asked)
	require.Equal(t, uint64(30_000), last.Events)
	require.Positive(t, last.Rate)
	require.Zero(t, last.Left)
}

func TestJudgeWorld(t *testing.T) {
	w := volume.NamedWorld{Name: "w", Distinct: 10, Generated: 20}
	for _, c := range []struct {
		name string
		r    check.Result
		want judge.Verdict
	}{
		{"as TLC has it", check.Result{Verdict: check.Pass, Distinct: 10, Generated: 20}, judge.Pass},
		{"one state too few", check.Result{Verdict: check.Pass, Distinct: 9, Generated: 20}, judge.Violation},
		{"one step too many", check.Result{Verdict: check.Pass, Distinct: 10, Generated: 21}, judge.Violation},
		{"an invariant", check.Result{Verdict: check.Violation, Invariant: "OneLog", Distinct: 10, Generated: 20}, judge.Violation},
		{"not to the end", check.Result{Verdict: check.Incomplete, Distinct: 10, Generated: 20}, judge.CouldNotTell},
		{"states left", check.Result{Verdict: check.Pass, Left: 1, Distinct: 10, Generated: 20}, judge.CouldNotTell},
	} {
		x := judgeWorld(w, &c.r)
		require.Equal(t, c.want, x.Verdict, c.name)
		require.Equal(t, c.want == judge.Pass, x.Detail == "", c.name)
	}
	v := volume.BrokenVariant{World: volume.World{Bug: "cut-at-highest"}, Violates: "KeptIsStored"}
	require.Equal(t, judge.Pass, judgeVariant(v, &check.Result{Verdict: check.Violation}).Verdict)
	require.Equal(t, judge.Violation, judgeVariant(v, &check.Result{Verdict: check.Pass}).Verdict)
	require.Equal(t, judge.CouldNotTell, judgeVariant(v, &check.Result{Verdict: check.Incomplete}).Verdict)
}

func TestTheModelSumsUp(t *testing.T) {
	m := &Model{Worlds: []World{
		{Name: "a", Verdict: judge.Pass, Distinct: 10},
		{Name: "b", Verdict: judge.Violation, Invariant: "OneLog", Detail: "OneLog does not hold"},
	}, Variants: []Variant{{Bug: "x", Verdict: judge.Pass, Invariant: "Durable"}}}
	m.sum()
	require.Equal(t, judge.Violation, m.Verdict)
	require.Len(t, m.Invariants, 9)
	for _, i := range m.Invariants {
		want := judge.CouldNotTell // the search of b ended before it had seen all
		if i.Name == "OneLog" {
			want = judge.Violation
		}
		require.Equal(t, want, i.Verdict, i.Name)
		require.Equal(t, uint64(10), i.States)
		require.Equal(t, i.Name == "Durable", len(i.Caught) == 1)
	}

	m = &Model{}
	m.sum()
	require.Equal(t, judge.CouldNotTell, m.Verdict, "no world is no pass")
	require.Equal(t, judge.CouldNotTell, m.Invariants[0].Verdict)
}

func TestTheModelThatIsInterruptedCouldNotTell(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m, runs, err := Job{Runs: Options{System: ours(), Runs: 3, runs: fake(nil)}}.Do(ctx)
	require.NoError(t, err)
	require.Equal(t, judge.CouldNotTell, m.Verdict)
	require.Equal(t, Interrupted, runs.Stop)
}
