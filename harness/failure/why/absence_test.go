package why

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A sound run has crashes, cuts, pauses, failing disks, take-overs and promotions: work that ends by one of them is nobody's fault.
func TestNoWorkEndsByItselfInASoundRun(t *testing.T) {
	systems := append([]harness.System{aurora.System()}, older.Systems()...)
	for _, system := range systems {
		t.Run(system.Name(), func(t *testing.T) {
			timers := 0
			for seed := uint64(1); seed <= 12; seed++ {
				c, err := system.Generate(seed, harness.Generation{})
				require.NoError(t, err)
				s := &story{tape: newTape(), c: &c}
				s.result = harness.RunWith(system, c, harness.Options{Listen: s.hear, Ended: s.over.take})
				require.Empty(t, s.result.Findings)
				for _, x := range s.stops() {
					t.Errorf("seed %d: %s: %s", seed, s.name(x.id), s.stopWords(&x, 0))
				}
				for n := range s.facts {
					if s.facts[n].kind == sim.EventTimer {
						timers++
					}
				}
			}
			require.Positive(t, timers, "a run without timers has no work that could end")
		})
	}
}

// tapeOf is a story of one node, in which the events given have happened.
func tapeOf(facts ...fact) *story {
	s := &story{tape: newTape()}
	s.over.running = map[node.ID]bool{1: true}
	for _, f := range facts {
		s.facts = append(s.facts, f)
		s.last[f.process] = uint64(len(s.facts)) - 1
	}
	return s
}

// The timer is set anew at 10 and at 20, and not at 30; the node lives on until 100.
func TestATimerThatIsNotSetAgainHasStopped(t *testing.T) {
	start := fact{kind: sim.EventStart, process: 1}
	fired := func(at node.Time, cause uint64) fact {
		return fact{kind: sim.EventTimer, process: 1, timer: 1, at: at, cause: cause}
	}
	heard := func(at node.Time) fact { return fact{kind: sim.EventMessage, process: 1, from: 2, at: at, what: "x"} }
	stopped := []fact{start, fired(10, 1), fired(20, 2), fired(30, 3), heard(100)}
	all := tapeOf(stopped...).stops()
	require.Len(t, all, 1)
	require.Equal(t, stop{id: 1, timer: 1, set: 3, fired: 4, times: 3, period: 10, due: 7}, all[0])

	for name, facts := range map[string][]fact{
		"it fires to the end":           append(stopped[:4:4], fired(95, 4)),
		"the node hears nothing since":  stopped[:4],
		"its next may still come":       append(stopped[:4:4], heard(60)),
		"a timer of what comes":         {start, heard(5), fired(10, 2), heard(100)},
		"the node crashed since":        append(stopped[:4:4], fact{kind: sim.EventCrash, process: 1, at: 40}, fact{kind: sim.EventStart, process: 1, at: 50}, heard(100)),
		"its disk failed":               append(stopped[:3:3], fact{kind: sim.EventDisk, process: 1, at: 25, reason: sim.ByDisk}, fired(30, 3), heard(100)),
		"it was set by a message since": append(stopped[:4:4], heard(40), fired(50, 5), heard(100)),
	} {
		require.Empty(t, tapeOf(facts...).stops(), name)
	}
	deposed := tapeOf(stopped...)
	deposed.over.states = map[node.ID]node.State{1: {Deposed: true}}
	require.Empty(t, deposed.stops(), "it was replaced")
	down := tapeOf(stopped...)
	down.over.running[1] = false
	require.Empty(t, down.stops(), "it is down")
}

// A volume that has lost more disks than it can lose stalls, and no node has left anything out: what is not there cannot answer, and who asks
// for it asks again and again.
func TestAStallBeyondTheBudgetIsNobodysOmission(t *testing.T) {
	const ms = faults.Duration(time.Millisecond)
	stalled := 0
	for seed := uint64(1); seed <= 8; seed++ {
		c, err := aurora.System().Generate(seed, harness.Generation{})
		require.NoError(t, err)
		c.Plan = faults.Plan{Horizon: 300 * ms, BeyondBudget: true, Faults: []faults.Fault{
			{Kind: faults.DiskLost, At: 60 * ms, For: 20 * ms, Nodes: []string{"segment 1/1"}},
			{Kind: faults.DiskLost, At: 60 * ms, For: 20 * ms, Nodes: []string{"segment 1/2"}},
			{Kind: faults.DiskLost, At: 60 * ms, For: 20 * ms, Nodes: []string{"segment 1/3"}},
			{Kind: faults.TakeOver, At: 100 * ms},
		}}
		s := &story{tape: newTape(), c: &c}
		s.result = harness.RunWith(aurora.System(), c, harness.Options{Listen: s.hear, Ended: s.over.take})
		require.Empty(t, s.result.Findings, "seed %d: beyond the budget it may stall", seed)
		var writers []node.ID
		for _, id := range s.over.processes {
			st := s.over.states[id]
			if st.Role != "writer" || st.Deposed {
				continue
			}
			writers = append(writers, id)
			if s.over.running[id] && !st.Serving {
				stalled++
			}
		}
		for _, x := range s.stops() {
			t.Errorf("seed %d: %s: %s", seed, s.name(x.id), s.stopWords(&x, 0))
		}
		for _, x := range s.unrepeatedOf(writers) {
			if f := s.fact(x.n); !s.tooShort(f.from, x.n) {
				t.Errorf("seed %d: %s %s", seed, s.name(f.from), s.unrepeatedWords(&x))
			}
		}
		for _, x := range append(s.heldBackOf(writers), s.heldBackOfGroups(writers)...) {
			t.Errorf("seed %d: %s %s", seed, s.name(x.sender), s.heldBackWords(&x))
		}
	}
	require.Positive(t, stalled, "expected a volume that stalls")
}
