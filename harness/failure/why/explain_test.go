package why_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// aStaleRead is a failure of a system of two nodes that tell each other nothing.
func aStaleRead(t *testing.T) (harness.System, *failure.Failure) {
	t.Helper()
	system := harness.Replicas{Name: "alone", Count: 2, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return alone{} }}.System()
	for seed := range uint64(20) {
		c, err := system.Generate(seed, harness.Generation{})
		require.NoError(t, err)
		r, trail := failure.Record(system, c)
		if target, fails := failure.TargetOf(r.Findings); fails && target.Check == faults.Linearizability {
			return system, failure.Of(&r, trail)
		}
	}
	require.Fail(t, "expected a run in which a client reads a stale value, found none in 20")
	return nil, nil
}

func TestExplainSaysAllOfIt(t *testing.T) {
	system, f := aStaleRead(t)
	e, err := why.Explain(t.Context(), system, f, why.Options{Shrink: shrink.Options{Workers: 2}, Where: where.Options{Points: 8, Draws: 4, Workers: 2}})
	require.NoError(t, err)
	require.True(t, e.Minimal)
	require.Empty(t, e.Ended)
	require.NotEmpty(t, e.What.Headline)
	require.NotNil(t, e.Curve)
	require.Len(t, e.Faults, len(e.Configuration.Plan.Faults))
	require.LessOrEqual(t, e.After.Events, e.Before.Events)
	require.Len(t, e.Hash, 16, "the smallest run has an identity")
	r := harness.Run(system, e.Configuration)
	require.NotNil(t, e.What.Target.In(&r), "the smallest run fails by the same")
	var text bytes.Buffer
	require.NoError(t, e.WriteText(&text))
	for _, part := range []string{"rule ", "why ", "source ", "what led there", "where it was lost", "without one of its faults", "how small it is", "no single fault"} {
		require.Contains(t, text.String(), part)
	}
}

// Whoever is interrupted has what is there by then, whichever part it was that did not end, and is told which that is: a campaign's time for
// one explanation is up more often than not in its curve, and nobody wants to lose the headline with it.
func TestExplainInterruptedKeepsWhatIsThere(t *testing.T) {
	system, f := aStaleRead(t)
	for _, x := range []struct {
		step    string
		minimal bool
	}{
		{"shrinking", false},
		{"looking for the first step that is not allowed", true},
		{"trying the run without each of its faults", true},
		{"drawing the rest anew", true},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		e, err := why.Explain(ctx, system, f, why.Options{Shrink: shrink.Options{Workers: 1}, Step: func(s string) {
			if s == x.step {
				cancel()
			}
		}})
		require.NoError(t, err, x.step)
		require.Equal(t, x.minimal, e.Minimal, x.step)
		require.Equal(t, "interrupted", e.Ended, x.step)
		require.NotEmpty(t, e.What.Headline, x.step)
		require.Nil(t, e.Curve, x.step)
		var text bytes.Buffer
		require.NoError(t, e.WriteText(&text))
		require.Contains(t, text.String(), "not looked for: interrupted", x.step)
	}
}

// restless keeps something that the harness does not own: how many of its kind were ever started.
type restless struct {
	alone
	started *int
}

func (r restless) Step(now node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind == node.Started {
		*r.started++
		out.SetTimer(1, time.Duration(*r.started)*time.Microsecond)
	}
	r.alone.Step(now, ev, out)
}

// No run by itself shows that a system is not deterministic, so whoever makes the smallest run once more finds nothing wrong with it: it
// takes two, and the explanation, its smallest run's file and its page must all be of two.
func TestWhatIsAnotherRunEachTimeIsExplainedByTwo(t *testing.T) {
	started := 0
	system := harness.Replicas{Name: "restless", Count: 1, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return restless{alone{}, &started} }}.System()
	c, err := system.Generate(1, harness.Generation{})
	require.NoError(t, err)
	target := failure.Target{Check: judge.Determinism, Verdict: judge.Violation}
	f := failure.Made(system, c, target)
	require.NotNil(t, target.Among(f.Findings))
	e, err := why.Explain(t.Context(), system, f, why.Options{Shrink: shrink.Options{Runs: 40, Workers: 1}})
	require.NoError(t, err)
	require.Contains(t, e.What.Headline, "the same configuration gave another run from event")
	require.NotNil(t, e.What.Bad)
	require.Equal(t, "replica 1", e.What.Bad.Node)
	require.Nil(t, e.Curve)
	var text bytes.Buffer
	require.NoError(t, e.WriteText(&text))
	require.Contains(t, text.String(), "no beginning of it can be kept")
	require.NotNil(t, target.Among(failure.Made(system, e.Configuration, target).Findings))
}
