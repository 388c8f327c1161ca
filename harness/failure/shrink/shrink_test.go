package shrink_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// brittle answers from its own memory, and ends itself at a write of one key once it has been started so often.
type brittle struct {
	values map[string]node.Value
	starts uint32
	most   uint32
}

func (b *brittle) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		b.starts = ev.Incarnation
	case node.Requested:
		q := ev.Request
		reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
		key := q.Rows[0].Key
		if q.Op == node.OpRead {
			reply.Value = b.values[key]
		} else {
			if key == "key1" && b.starts >= b.most {
				panic("started too often")
			}
			b.values[key] = q.Rows[0].Value
		}
		out.Respond(ev.From, reply)
	}
}

// system has nodes that end themselves at a write of key1 once they have been started so often; 0 is never.
func system(nodes int, most uint32) harness.System {
	if most == 0 {
		most = ^most
	}
	return harness.Replicas{Name: "brittle", Count: nodes, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return &brittle{values: map[string]node.Value{}, most: most} }}.System()
}

const ms = faults.Duration(time.Millisecond)

// planned is a configuration with many faults, two of which it takes to end a node.
func planned(t testing.TB, s harness.System) configuration.Configuration {
	for seed := range uint64(100) {
		c, err := s.Generate(seed, harness.Generation{})
		require.NoError(t, err)
		c.Plan = faults.Plan{Horizon: 400 * ms, BeyondBudget: true}
		for i := range faults.Duration(6) {
			c.Plan.Faults = append(c.Plan.Faults,
				faults.Fault{Kind: faults.Delay, At: (10 + 20*i) * ms, For: 15 * ms, Factor: 2},
				faults.Fault{Kind: faults.Pause, At: (12 + 20*i) * ms, For: 2 * ms, Nodes: []string{"replica 2", "replica 3"}})
		}
		c.Plan.Faults = append(c.Plan.Faults, faults.Fault{Kind: faults.Crash, At: 20 * ms, For: 3 * ms, Nodes: []string{"replica 1", "replica 2", "replica 3"}},
			faults.Fault{Kind: faults.Crash, At: 40 * ms, For: 3 * ms, Nodes: []string{"replica 1", "replica 2", "replica 3"}})
		if r := harness.Run(s, c); r.Evidence != nil && target(&r).Check == faults.Sanity && len(r.Evidence.Begun) > 20 {
			return c
		}
	}
	require.Fail(t, "no seed ends a node")
	return configuration.Configuration{}
}

func target(r *harness.Result) failure.Target {
	target, _ := failure.TargetOf(r.Findings)
	return target
}

func failed(t testing.TB, s harness.System, c configuration.Configuration) *failure.Failure {
	r, trail := failure.Record(s, c)
	require.NotEqual(t, judge.Pass, r.Verdict)
	return failure.Of(&r, trail)
}

func TestOnlyWhatTheFailureNeedsIsLeft(t *testing.T) {
	s := system(3, 3)
	f := failed(t, s, planned(t, s))
	var first *shrink.Result
	for _, workers := range []int{1, 4} {
		r, err := shrink.Shrink(t.Context(), s, f, shrink.Options{Workers: workers})
		require.NoError(t, err)
		require.True(t, r.Minimal, r.Ended)
		// Two crashes of one node, and one write. Each crash by itself makes the clients see what no register has, which is another
		// failure, and so is a run without a write.
		require.Len(t, r.Configuration.Plan.Faults, 2, "%v", r.Configuration)
		for _, fault := range r.Configuration.Plan.Faults {
			require.Equal(t, faults.Crash, fault.Kind)
			require.Len(t, fault.Nodes, 1)
			require.Equal(t, r.Configuration.Plan.Faults[0].Nodes, fault.Nodes)
		}
		require.Equal(t, shrink.Size{Events: r.After.Events, Faults: 2, Transactions: 1, Operations: 1, Clients: 1, Nodes: r.After.Nodes}, r.After)
		require.Less(t, r.After.Events, r.Before.Events/4)
		require.Equal(t, 14, r.Before.Faults)
		require.Greater(t, r.Before.Transactions, 20)
		again := harness.Run(s, r.Configuration)
		require.NotNil(t, r.Target.In(&again))
		require.Empty(t, r.Differs)
		if first == nil {
			first = r
			continue
		}
		require.Equal(t, first.Configuration.String(), r.Configuration.String(), "with %d workers", workers)
		require.Equal(t, first.Runs, r.Runs)
	}
}

// No single part of the smallest run can go: what Minimal says is held against the runs themselves.
func TestASmallestRunIsMinimal(t *testing.T) {
	for name, of := range failures(t) {
		t.Run(name, func(t *testing.T) {
			r, err := shrink.Shrink(t.Context(), of.system, of.failure, shrink.Options{})
			require.NoError(t, err)
			require.True(t, r.Minimal, r.Ended)
			whole := harness.Run(of.system, r.Configuration)
			require.NotNil(t, r.Target.In(&whole))
			for i := range r.Configuration.Plan.Faults {
				less := r.Configuration
				less.Plan.Faults = slices.Delete(slices.Clone(less.Plan.Faults), i, i+1)
				without := harness.Run(of.system, less)
				require.Nil(t, r.Target.In(&without), "without fault %d", i)
			}
			parts, err := of.system.(harness.Reducer).Reduce(&r.Configuration, whole.Evidence.Begun)
			require.NoError(t, err)
			for _, p := range parts {
				for i, name := range p.Names {
					for _, less := range p.Without([]int{i}) {
						if harness.Validate(of.system, &less) == nil && p.Kind != harness.FeaturePart {
							without := harness.Run(of.system, less)
							require.Nil(t, r.Target.In(&without), "without %s", name)
						}
					}
				}
			}
		})
	}
}

type broken struct {
	system  harness.System
	failure *failure.Failure
}

// failures are of designs with planted bugs that are there in any build.
func failures(t testing.TB) map[string]broken {
	found := map[string]broken{}
	for _, s := range older.Systems() {
		for _, bug := range s.About().Bugs {
			for seed := range uint64(60) {
				c, err := s.Generate(seed, harness.Generation{Bug: bug.Name})
				require.NoError(t, err)
				if r := harness.Run(s, c); r.Verdict == judge.Violation {
					found[s.Name()+" "+bug.Name] = broken{s, failed(t, s, c)}
					break
				}
			}
		}
	}
	require.GreaterOrEqual(t, len(found), 6)
	return found
}

func TestTheBudgetKeepsTheSmallestSoFar(t *testing.T) {
	s := system(3, 3)
	f := failed(t, s, planned(t, s))
	var heard []*shrink.Result
	r, err := shrink.Shrink(t.Context(), s, f, shrink.Options{Runs: 20, Workers: 3, Best: func(r *shrink.Result) { heard = append(heard, r) }})
	require.NoError(t, err)
	require.Equal(t, 20, r.Runs)
	require.False(t, r.Minimal)
	require.Equal(t, "20 runs were made", r.Ended)
	require.Less(t, r.After.Faults+r.After.Transactions, r.Before.Faults+r.Before.Transactions)
	require.Equal(t, r.Configuration, heard[len(heard)-1].Configuration)
	so := harness.Run(s, r.Configuration)
	require.NotNil(t, r.Target.In(&so))

	on, err := shrink.Shrink(t.Context(), s, f, shrink.Options{From: &r.Configuration})
	require.NoError(t, err)
	require.True(t, on.Resumed)
	require.True(t, on.Minimal)
	require.Equal(t, r.Before, on.Before)
	require.Equal(t, 2, on.After.Faults)
	require.Equal(t, 1, on.After.Operations)

	// One that does not fail by the same is not gone on from.
	passes := r.Configuration
	passes.Plan.Faults = nil
	anew, err := shrink.Shrink(t.Context(), s, f, shrink.Options{From: &passes})
	require.NoError(t, err)
	require.False(t, anew.Resumed)
	require.True(t, anew.Minimal)

	r, err = shrink.Shrink(t.Context(), s, f, shrink.Options{Time: 1})
	require.NoError(t, err)
	require.Equal(t, "1ns were over", r.Ended)
}

func TestAnInterruptionKeepsTheSmallestSoFar(t *testing.T) {
	s := system(3, 3)
	f := failed(t, s, planned(t, s))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := shrink.Shrink(ctx, s, f, shrink.Options{Workers: 2, Progress: func(p shrink.Progress) {
		if p.Runs == 5 {
			cancel()
		}
	}})
	require.NoError(t, err)
	require.Equal(t, "interrupted", r.Ended)
	require.False(t, r.Minimal)
	so := harness.Run(s, r.Configuration)
	require.NotNil(t, r.Target.In(&so))
	require.LessOrEqual(t, r.Runs, 6)
}

func TestWhatCannotBeShrunkIsRefusedByName(t *testing.T) {
	s := system(3, 3)
	f := failed(t, s, planned(t, s))
	_, err := shrink.Shrink(t.Context(), system(3, 0), f, shrink.Options{})
	var gone *shrink.GoneError
	require.ErrorAs(t, err, &gone)
	require.NotNil(t, gone.Found)
	require.Equal(t, faults.Linearizability, gone.Found.Check)
	require.ErrorContains(t, err, "the run fails by something else now: expected sanity (no node ends itself: started too often), found linearizability")

	sound := system(1, 0)
	c, err := sound.Generate(1, harness.Generation{})
	require.NoError(t, err)
	c.Plan.Faults = nil
	passes := *f
	passes.Configuration = c
	_, err = shrink.Shrink(t.Context(), sound, &passes, shrink.Options{})
	require.EqualError(t, err, "the run no longer fails: expected sanity (no node ends itself: started too often), and it passes now")

	other := *f
	other.Needs.System = "other"
	var need *failure.NeedError
	_, err = shrink.Shrink(t.Context(), s, &other, shrink.Options{})
	require.ErrorAs(t, err, &need)
	require.EqualError(t, err, `the failure needs the system "other"; this program has brittle`)
	if other = *f; !harness.HasPoints() {
		other.Needs.Overlay = true
		_, err = shrink.Shrink(t.Context(), s, &other, shrink.Options{})
		require.ErrorAs(t, err, &need)
		require.ErrorContains(t, err, "the failure needs a build with failpoints")
	}

	var no *shrink.RunError
	other = *f
	other.Findings = []judge.Finding{judge.Untold(judge.ConfigurationCheck, fmt.Errorf("no such key"))}
	_, err = shrink.Shrink(t.Context(), s, &other, shrink.Options{})
	require.ErrorAs(t, err, &no)

	// Of another build whose run is another one it is made smaller all the same, as long as it fails by the same.
	other = *f
	other.Hash = "0123456789abcdef"
	r, err := shrink.Shrink(t.Context(), s, &other, shrink.Options{Runs: 1})
	require.NoError(t, err)
	require.Contains(t, r.Differs, "0123456789abcdef was recorded")
}

// bare is a system that does not say what it may do without.
type bare struct{ harness.System }

func TestASystemThatSaysNothingHasItsFaultsMadeFewer(t *testing.T) {
	s := bare{system(3, 3)}
	_, is := any(s).(harness.Reducer)
	require.False(t, is)
	r, err := shrink.Shrink(t.Context(), s, failed(t, s, planned(t, s)), shrink.Options{})
	require.NoError(t, err)
	require.True(t, r.Minimal)
	require.Equal(t, 2, r.After.Faults)
	require.Equal(t, 3, r.After.Nodes)
	require.Equal(t, r.Configuration.Settings, planned(t, s).Settings)
}

// A stall is waited for only briefly while it is made smaller, so what takes longer than that, and comes within the bound that was asked
// for, must not be taken for one.
func TestAStallIsHeldAgainstTheWholeBound(t *testing.T) {
	s := harness.Replicas{Name: "slow", Count: 1, Mix: workload.Registers(), New: func(harness.Place) node.Node { return &slow{} }}.System()
	c, err := s.Generate(1, harness.Generation{})
	require.NoError(t, err)
	c.Plan = faults.Plan{Horizon: 50 * ms, Faults: []faults.Fault{{Kind: faults.Pause, At: 5 * ms, For: 40 * ms, Nodes: []string{"replica 1"}}}, BeyondBudget: true}
	c.Ending.Bound = 20_000 * ms
	f := failed(t, s, c)
	require.Equal(t, faults.Progress, f.Findings[0].Check)
	r, err := shrink.Shrink(t.Context(), s, f, shrink.Options{})
	require.NoError(t, err)
	require.Equal(t, 1000*ms, r.Configuration.Ending.Bound)
	require.Equal(t, 1, r.After.Faults, "without it the node serves again after 2 s: later than the short bound, and within the whole one")
	require.True(t, r.Minimal)
}

// slow serves once 2 s have passed; never, where it was paused before.
type slow struct {
	brittle
	last         node.Time
	never, ready bool
}

func (s *slow) Step(now node.Time, ev node.Event, out *node.Effects) {
	const tick = time.Millisecond
	switch {
	case ev.Kind == node.Started:
		s.brittle = brittle{values: map[string]node.Value{}, most: 2}
		s.last = now
		out.SetTimer(1, 2*time.Second)
		out.SetTimer(2, tick)
	case ev.Kind == node.Fired && ev.Timer == 1:
		s.ready = !s.never
	case ev.Kind == node.Fired:
		s.never = s.never || now > s.last.Add(10*tick)
		if s.last = now; now < node.Time(100*tick) {
			out.SetTimer(2, tick)
		}
	case s.ready:
		s.brittle.Step(now, ev, out)
	}
}

// What clients are to begin is picked by number and time, and whoever is left out changes nothing of the others.
func TestPickingEverythingChangesNothing(t *testing.T) {
	for _, s := range append(older.Systems(), aurora.System(), system(3, 0)) {
		for seed := range uint64(3) {
			c, err := s.Generate(seed, harness.Generation{})
			require.NoError(t, err)
			whole := harness.Run(s, c)
			parts, err := s.(harness.Reducer).Reduce(&c, whole.Evidence.Begun)
			require.NoError(t, err)
			for _, p := range parts {
				if p.Kind == harness.TransactionPart {
					picked := harness.Run(s, p.Without(nil)[0])
					require.Equal(t, whole.Hash, picked.Hash, "%s, seed %d", s.Name(), seed)
					require.NotEmpty(t, p.Names)

					// Without every other one, those that are left ask for as much, and begin no earlier.
					var out []int
					for i := range p.Names {
						if i%2 == 1 {
							out = append(out, i)
						}
					}
					half := harness.Run(s, p.Without(out)[0])
					for _, b := range half.Evidence.Begun {
						i := slices.IndexFunc(whole.Evidence.Begun, func(w workload.Begun) bool { return w.Pick.Compare(b.Pick) == 0 })
						require.GreaterOrEqual(t, i, 0)
						was := whole.Evidence.Begun[i]
						require.Equal(t, was.Requests, b.Requests)
						require.Equal(t, was.Opens, b.Opens)
						require.GreaterOrEqual(t, b.At, was.At)
						require.GreaterOrEqual(t, b.Values, was.Values)
					}
					require.LessOrEqual(t, len(half.Evidence.Begun), (len(p.Names)+1)/2)
				}
			}
		}
	}
}

// One check by itself finds what it finds among all, and a run that ends at the model's refusal finds the same.
func TestOneCheckFindsWhatItFindsAmongAll(t *testing.T) {
	for name, of := range failures(t) {
		whole := harness.Run(of.system, of.failure.Configuration)
		for _, check := range judge.Checks() {
			one := harness.RunWith(of.system, of.failure.Configuration, harness.Options{Only: check})
			var want []judge.Finding
			for _, f := range whole.Findings {
				if f.Check == check {
					want = append(want, f)
				}
			}
			require.Len(t, one.Findings, len(want), "%s: %s", name, check)
			for i := range want {
				require.Equal(t, want[i], one.Findings[i], "%s: %s", name, check)
			}
			if check == faults.Trace && len(want) > 0 && want[0].Event > 0 {
				require.Less(t, one.Counts.World.Events, whole.Counts.World.Events, name)
			}
		}
	}
}
