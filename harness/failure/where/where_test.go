package where_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A guard waits for a token that its neighbour sends once, and ends itself when it did not come. Each answers from its own memory.
type guard struct {
	harness.Place
	guardian
	has bool
	row node.Value
}

// guardian says what guards do.
type guardian struct {
	sends   time.Duration // when the first one sends the token
	waits   time.Duration // how long the second one waits for it
	restart bool          // one that starts a second time ends itself as well
}

const (
	toSend node.Timer = 1
	toWait node.Timer = 2
)

func (g *guard) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch {
	case ev.Kind == node.Started && g.restart && g.Index == 1 && ev.Incarnation > 1:
		panic("it starts again")
	case ev.Kind == node.Started && g.Index == 0:
		out.SetTimer(toSend, g.sends)
	case ev.Kind == node.Started && g.Index == 1:
		out.SetTimer(toWait, g.waits)
	case ev.Kind == node.Fired && ev.Timer == toSend:
		out.Send(g.Members[1], &node.Opaque{Kind: "token"})
	case ev.Kind == node.Received:
		g.has = true
	case ev.Kind == node.Fired && ev.Timer == toWait && !g.has:
		panic("no token came")
	case ev.Kind == node.Requested:
		reply := node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK}
		if ev.Request.Op == node.OpWrite {
			g.row = ev.Request.Rows[0].Value
		} else {
			reply.Value = g.row
		}
		out.Respond(ev.From, reply)
	}
}

// guards is a system of three guards, and a run of it that loses so many of its messages and is struck by no fault.
func guards(does guardian, loss float64, seed uint64) (harness.System, configuration.Configuration) {
	system := harness.Replicas{Name: "guards", Count: 3, Mix: workload.Registers(), New: func(p harness.Place) node.Node {
		return &guard{Place: p, guardian: does}
	}}.System()
	c, err := system.Generate(seed, harness.Generation{})
	if err != nil {
		panic(err)
	}
	c.Network = sim.Network{Latency: faults.Duration(time.Millisecond), Jitter: faults.Duration(time.Millisecond), Loss: loss}
	c.Plan.Faults, c.Plan.BeyondBudget = nil, false
	return system, c
}

// ended is what they fail by.
func ended(system harness.System, c configuration.Configuration) failure.Target {
	r := harness.Run(system, c)
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Check == faults.Sanity {
			return failure.Target{Check: f.Check, Rule: f.Rule, Verdict: f.Verdict}
		}
	}
	panic("expected a run in which a node ends itself, found none")
}

// lossy returns a run in which the token is lost, and the number of that event.
func lossy() (harness.System, configuration.Configuration, uint64) {
	for seed := range uint64(100) {
		system, c := guards(guardian{sends: 60 * time.Millisecond, waits: 110 * time.Millisecond}, 0.2, seed)
		lost := uint64(0)
		harness.RunWith(system, c, harness.Options{Listen: func(_ *sim.World, e *sim.Event) {
			if e.Kind == sim.EventLost && e.Message != nil {
				lost = e.Seq
			}
		}})
		if lost > 0 {
			return system, c, lost
		}
	}
	panic("expected a run in which the token is lost, found none")
}

// A token that is lost is one of some hundred events, and the run fails fifty milliseconds and hundreds of events later.
func TestTheLossOfOneMessageDecides(t *testing.T) {
	system, c, lost := lossy()
	target := ended(system, c)
	curve, err := where.Draw(t.Context(), system, c, target, where.Options{Draws: 40})
	require.NoError(t, err)
	require.NotNil(t, curve.Jump, curve.Without)
	require.Equal(t, lost, curve.Jump.Event)
	require.Contains(t, curve.Jump.Line, "× (lost) replica 1: token")
	require.Equal(t, 1.0, curve.Jump.After.Share())
	require.InDelta(t, 0.2, curve.Jump.Before.Share(), 0.2, "the share of messages that the network loses")
	require.Empty(t, curve.Without)
	require.Empty(t, curve.Ended)
	require.Greater(t, curve.Fails, lost)
	require.Equal(t, uint64(0), curve.Points[0].Event)
	for i, p := range curve.Points[1:] {
		require.Less(t, curve.Points[i].Event, p.Event)
		require.Equal(t, 40, p.Of)
		if p.Event > curve.Jump.After.Event {
			require.Equal(t, 40, p.Fails, "what is lost stays lost")
		}
	}
}

func TestTheCurveIsTheSameWithAnyNumberOfWorkers(t *testing.T) {
	system, c, _ := lossy()
	target := ended(system, c)
	var first *where.Curve
	for _, workers := range []int{1, 4} {
		curve, err := where.Draw(t.Context(), system, c, target, where.Options{Workers: workers, Points: 20, Draws: 8, Seed: 3})
		require.NoError(t, err)
		if first == nil {
			first = curve
		}
		require.Equal(t, first, curve)
	}
	other, err := where.Draw(t.Context(), system, c, target, where.Options{Points: 20, Draws: 8, Seed: 4})
	require.NoError(t, err)
	require.NotEqual(t, first.Points, other.Points, "another seed draws other rests")
}

// A node that ends itself however the run goes has no event before which it would not have.
func TestWhatIsLostFromTheBeginningHasNoJump(t *testing.T) {
	system, c := guards(guardian{sends: time.Hour, waits: 110 * time.Millisecond}, 0, 1)
	curve, err := where.Draw(t.Context(), system, c, ended(system, c), where.Options{Points: 12, Draws: 4})
	require.NoError(t, err)
	require.Nil(t, curve.Jump)
	require.Equal(t, "the run fails however it is drawn: it was lost from the beginning", curve.Without)
	for _, p := range curve.Points {
		require.Equal(t, p.Of, p.Fails)
	}
}

func TestABudgetEndsACurve(t *testing.T) {
	system, c, _ := lossy()
	target := ended(system, c)
	curve, err := where.Draw(t.Context(), system, c, target, where.Options{Draws: 10, Runs: 250})
	require.NoError(t, err)
	require.LessOrEqual(t, curve.Runs, 250)
	require.Equal(t, fmt.Sprintf("after %d runs", curve.Runs), curve.Ended)
	require.NotEmpty(t, curve.Points)
	curve, err = where.Draw(t.Context(), system, c, target, where.Options{Time: 1})
	require.NoError(t, err)
	require.Nil(t, curve.Jump)
	require.Equal(t, "after 1ns", curve.Ended)
	require.Contains(t, curve.Without, "the budget ended")
}

func TestACancelledContextEndsIt(t *testing.T) {
	system, c, _ := lossy()
	target := ended(system, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := where.Draw(ctx, system, c, target, where.Options{})
	require.ErrorIs(t, err, context.Canceled)
	c.Plan.Faults = []faults.Fault{{Kind: faults.Pause, At: 1, For: 1, Nodes: []string{"replica 3"}}}
	_, err = where.Without(ctx, system, c, target)
	require.ErrorIs(t, err, context.Canceled)
}

// A run that fails by something else says nothing of this failure.
func TestARunThatDoesNotFailSoIsRefused(t *testing.T) {
	system, c, _ := lossy()
	target := failure.Target{Check: faults.Durability, Rule: "none of these", Verdict: judge.Violation}
	var e *where.TargetError
	_, err := where.Draw(t.Context(), system, c, target, where.Options{})
	require.ErrorAs(t, err, &e)
	require.Equal(t, target, e.Expected)
	_, err = where.Without(t.Context(), system, c, target)
	require.ErrorAs(t, err, &e)
	require.ErrorContains(t, err, "durability (none of these)")
	require.ErrorContains(t, err, "sanity")
}

// A node that is another one each time keeps no beginning, and a curve of it would be noise.
func TestASystemThatDoesNotRepeatIsRefused(t *testing.T) {
	runs := time.Duration(0)
	system := harness.Replicas{Name: "guards", Count: 3, Mix: workload.Registers(), New: func(p harness.Place) node.Node {
		runs++
		return &guard{Place: p, guardian: guardian{sends: time.Hour + runs, waits: 110*time.Millisecond + runs}}
	}}.System()
	_, c := guards(guardian{}, 0, 1)
	var e *where.PrefixError
	_, err := where.Draw(t.Context(), system, c, ended(system, c), where.Options{Workers: 1})
	require.ErrorAs(t, err, &e)
	require.NotEqual(t, e.Expected, e.Found)
}

// Of three faults, one starts the node again that bears no second start.
func TestWithoutNamesTheFaultThatMatters(t *testing.T) {
	system, c := guards(guardian{sends: 10 * time.Millisecond, waits: time.Hour, restart: true}, 0, 1)
	ms := faults.Duration(time.Millisecond)
	c.Plan.BeyondBudget = true
	c.Plan.Faults = []faults.Fault{
		{Kind: faults.Pause, At: 20 * ms, For: 5 * ms, Nodes: []string{"replica 3"}},
		{Kind: faults.Crash, At: 30 * ms, For: 5 * ms, Nodes: []string{"replica 2"}},
		{Kind: faults.Partition, At: 40 * ms, For: 5 * ms, Nodes: []string{"replica 1"}},
	}
	before := c.String()
	all, err := where.Without(t.Context(), system, c, ended(system, c))
	require.NoError(t, err)
	require.Equal(t, before, c.String(), "the plan is as it was")
	require.Len(t, all, 3)
	require.Equal(t, "20ms: pause replica 3 for 5ms", all[0].Fault)
	require.Equal(t, "30ms: crash replica 2 for 5ms", all[1].Fault)
	require.Equal(t, "40ms: partition replica 1 for 5ms", all[2].Fault)
	require.Equal(t, []string{"the same", "", "the same"}, []string{all[0].Instead, all[1].Instead, all[2].Instead})
	require.Equal(t, []bool{false, true, false}, []bool{all[0].Passes, all[1].Passes, all[2].Passes})
}
