package aurora

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
)

// forgetful is a run in which so many copies of the first group forget, by one kind of fault, and the writer is replaced.
func forgetful(t *testing.T, seed uint64, k faults.Kind, copies int) Configuration {
	ms := faults.Duration(time.Millisecond)
	c := quiet(t)
	c.Seed = seed
	c.Plan = faults.Plan{Horizon: 300 * ms, BeyondBudget: true}
	for i := range copies {
		f := faults.Fault{Kind: k, At: 120 * ms, For: 5 * ms, Nodes: []string{fmt.Sprintf("segment 1/%d", i+1)}, Salt: uint32(i)}
		switch k {
		case faults.DiskStale:
			f.Extra = 60 * ms
		case faults.DiskEmptied:
			f.Salt = 0
		default:
			f.At, f.For, f.Rate = 50*ms, 100*ms, 0.8
			c.Plan.Faults = append(c.Plan.Faults, faults.Fault{Kind: faults.Crash, At: 120 * ms, For: 5 * ms, Nodes: f.Nodes, Salt: uint32(i)})
		}
		c.Plan.Faults = append(c.Plan.Faults, f)
	}
	c.Plan.Faults = append(c.Plan.Faults, faults.Fault{Kind: faults.FailOver, At: 121 * ms, For: 6 * ms})
	require.NoError(t, c.Validate())
	return c
}

// Copies that forget without knowing it are beyond every budget. What they make of the volume is excused, and it is so much that
// without the excuse most of these runs would object. A misplaced write is met by a scrub or a start, and the copy says that it is
// damaged: then there is nothing to excuse, and with too many of them the volume stops.
func TestCopiesThatForget(t *testing.T) {
	for _, k := range []faults.Kind{faults.DiskLies, faults.WriteLost, faults.WriteMisplaced, faults.DiskStale, faults.DiskEmptied} {
		forgot, stalled, copies := 0, 0, 3
		if k == faults.DiskStale || k == faults.DiskEmptied {
			copies = 6
		}
		excused := map[judge.Check]int{}
		for seed := range uint64(6) {
			r := run(forgetful(t, seed, k, copies))
			require.Empty(t, r.Findings, "%s, seed %d", k, seed)
			if r.Counts.World.Forgotten > 0 {
				forgot++
			} else {
				require.Zero(t, r.Counts.Excused, "%s, seed %d", k, seed)
			}
			stalled += int(r.Counts.Stalled)
			for _, n := range r.NotMade {
				if n.Needs[0] == judge.Memory {
					excused[n.Check]++
					require.NotContains(t, r.Made, n.Check)
				}
			}
		}
		require.Greater(t, forgot, 2, k)
		if k == faults.WriteMisplaced {
			require.Empty(t, excused, k)
			require.Positive(t, stalled, k)
			continue
		}
		require.Positive(t, excused[faults.Trace], "%s: %v", k, excused)
		if k == faults.DiskStale || k == faults.DiskEmptied {
			require.Positive(t, excused[faults.Durability]+excused[faults.Serializability], "clients see it, %s: %v", k, excused)
		}
	}
}

// Within the budget nothing is excused, whatever the disks say: the plan must not have it.
func TestNothingIsForgottenWithinTheBudget(t *testing.T) {
	c := forgetful(t, 1, faults.DiskEmptied, 1)
	c.Plan.BeyondBudget = false
	var beyond *faults.BudgetError
	require.ErrorAs(t, c.Validate(), &beyond)
	require.ErrorContains(t, beyond, "expected at most 0 segments that may forget what they acknowledged and not know it, found 1 at 120ms: segment 1/1")
}
