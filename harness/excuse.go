package harness

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
)

// What a run beyond its fault budget is not held to follows from the budget, and all of it is here.

// beyondRepair tells whether the plan may have stopped the system for good: beyond the budget, and with damage that
// stays when the faults have ended. Everything else has to be got over.
func (r *run) beyondRepair() bool { return r.c.Plan.BeyondBudget && r.c.Plan.Lasting() }

// forgot tells whether a node has by now started on a disk that had lost, or put elsewhere, what the node had been told was
// durable. That a plan may have one do so excuses nothing: most do not.
func (r *run) forgot() bool {
	return r.c.Plan.BeyondBudget && r.c.Plan.Forgets() && r.world.Counts().Forgotten > 0
}

// excused lists the checks that no system can be held to once a copy has forgotten what it acknowledged and does not know it: a
// read quorum may have nothing of what was acknowledged, and the recovery that it makes may cut anywhere. A node that meets what
// cannot be may end itself, and one that misses what was there may wait for it: both are clear states. What the model refuses before a
// disk has forgotten is not excused. Nor is any system excused from the rest: no request is refused for a wrong reason, and no
// node talks or writes without end.
func (r *run) excused() (checks []judge.Check) {
	if !r.forgot() {
		return nil
	}
	if r.tracedLate {
		checks = append(checks, faults.Trace)
	}
	if b := r.outcome.Breach; r.outcome.End == runtime.Panicked || b != nil && b.Rule == runtime.LivesOn && !b.Ours {
		checks = append(checks, faults.Sanity)
	}
	return append(checks, faults.Answers, faults.Serializability, faults.Linearizability, faults.Durability, faults.Snapshots, faults.Pages, faults.Restore, faults.Tree)
}
