package aurora_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

type maker = func(id node.ID, v *node.Volume, n aurora.Nodes, hook node.Hook) node.Node

// recovering is our own implementation, with recoveries of that making.
func recovering(recovery maker) harness.System {
	i := aurora.Ours()
	i.Recovery = recovery
	return aurora.Of("recovering", i)
}

// Our own writer is a recovery as it is: it opens, and is replaced.
func TestWritersTakeOverFromRecoveries(t *testing.T) {
	s := recovering(aurora.Ours().Writer)
	harnesstest.Run(t, campaign.Options{System: s, Runs: 30})
	for seed := range uint64(8) {
		c := planned(t, s, seed, faults.Fault{Kind: faults.TakeOver, At: ms(30)}, faults.Fault{Kind: faults.FailOver, At: ms(80), For: ms(5)})
		var led []string
		r := harness.RunWith(s, c, harness.Options{Listen: func(w *sim.World, e *sim.Event) {
			if e.Kind != sim.EventStart {
				return
			}
			if name := w.Name(e.Process); strings.HasPrefix(name, "writer") || strings.HasPrefix(name, "recovery") {
				led = append(led, name)
			}
		}})
		require.Equal(t, judge.Pass, r.Verdict, r.Findings)
		require.Equal(t, []string{"writer 1", "recovery 1", "writer 2", "recovery 2", "writer 3", "recovery 3", "writer 4"}, led, "seed %d", seed)
		for _, tx := range r.Evidence.Transactions.Transactions {
			require.Regexp(t, "^writer ", r.Evidence.Name(tx.Writer), "clients know of no recovery")
		}
		require.EqualValues(t, 6, r.Counts.Recoveries)
	}
}

// planned is a configuration of a seed with those faults and no others.
func planned(t *testing.T, s harness.System, seed uint64, all ...faults.Fault) configuration.Configuration {
	t.Helper()
	c, err := s.Generate(seed, harness.Generation{})
	require.NoError(t, err)
	c.Plan = faults.Plan{Horizon: ms(300), Faults: all}
	c.Ending.Bound = faults.Duration(3 * time.Second)
	return c
}

func ms(n int) faults.Duration { return faults.Duration(n) * faults.Duration(time.Millisecond) }

// idle is a recovery that does nothing, or says each time that it has opened an epoch that it has not won.
type idle struct{ claims bool }

func (i idle) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if i.claims {
		out.Tell(node.Trace{Action: node.ActOpen, Epoch: 1})
		out.SetTimer(1, time.Millisecond)
	}
}

func TestARecoveryThatNeverOpensIsNamed(t *testing.T) {
	s := recovering(func(node.ID, *node.Volume, aurora.Nodes, node.Hook) node.Node { return idle{} })
	for _, faulty := range [][]faults.Fault{nil, {{Kind: faults.TakeOver, At: ms(30)}}} {
		r := harness.Run(s, planned(t, s, 1, faulty...))
		require.Equal(t, judge.Violation, r.Verdict)
		require.NotEmpty(t, r.Findings)
		for _, f := range r.Findings {
			require.Equal(t, faults.Progress, f.Check)
			require.Contains(t, fmt.Sprint(f.Lead), "recovery 1: ")
		}
		require.Contains(t, fmt.Sprint(r.Findings[0].Lead), ": runs, and tells no state")
	}
}

// It is told once that it has opened: who says so without end does not start writers without end.
func TestARecoveryOpensOnce(t *testing.T) {
	s := recovering(func(node.ID, *node.Volume, aurora.Nodes, node.Hook) node.Node { return idle{claims: true} })
	c := planned(t, s, 1, faults.Fault{Kind: faults.TakeOver, At: ms(30)})
	var started int
	r := harness.RunWith(s, c, harness.Options{Listen: func(w *sim.World, e *sim.Event) {
		if e.Kind == sim.EventStart && strings.HasPrefix(w.Name(e.Process), "writer") {
			started++
		}
	}})
	require.Equal(t, judge.Violation, r.Verdict)
	require.Equal(t, faults.Trace, r.Findings[0].Check)
	require.Equal(t, 3, started, "one at first, and one behind each recovery")
}
