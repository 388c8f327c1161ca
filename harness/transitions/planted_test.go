//go:build failpoints

package transitions

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/verdict"
)

// These tests need a build with the failpoint overlay (`make test-faults`); without it every one of them fails.

// Planted bugs are objected to by what differs, or by what the model does not allow, behind schedules that are as short as can be.
func TestPlantedBugsAreObjectedTo(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	for bug, want := range map[string]struct {
		said  string
		steps int
		world string
	}{
		"bugAckBeforeSync":       {"writer 1: SCL that it knows of segment 1/1: expected at most 0, found 1", 3, "pair"},
		"bugAckAtWMinusOne":      {`Advance of epoch 1 to 1: the model forbids it: Cardinality({r \in In(log[e][l].group) : scl[e][r] >= l}) >= W`, 3, "pair"},
		"bugSCLSkipsHole":        {"segment 1/1: SCL: expected 0, found 2", 3, "pair"},
		"bugPromiseNotPersisted": {"segment 1/1: promise on its disk: expected 2, found 1", 6, "pair"},
		"bugAckIgnoresLower":     {`Ack of transaction 1 in epoch 1: the model forbids it: l <= Vdl(e)`, 7, "pair"},
		"bugRecoverWithoutFence": {`Decide of epoch 2: the model forbids it: Q \subseteq {r \in Replica : told[e][r].line # 0}`, 7, "pair"},
		"bugFencedBeforeSync":    {`Decide of epoch 2: the model forbids it: Q \subseteq {r \in Replica : told[e][r].line # 0}`, 7, "pair"},
		"bugStaleAppend":         {`Store of LSN 1 on segment 1/1 in epoch 1: the model forbids it: fence[r] = e`, 8, "pair"},
		"bugCutAtHighest":        {"Decide of epoch 2: the cut: expected 0 by these answers, found 2", 10, "pair"},
		"bugGossipRevivesCut":    {`Gossip of LSN 1 from segment 1/1 to segment 1/2: the model forbids it: l \in InGroup(e, GroupOf[r])`, 13, "pair"},
		"bugReadsRMinusOne":      {`Decide of epoch 2: the model forbids it: IsReadQuorum(Q, R)`, 7, "three"},
		"bugOpenBeforeRepair":    {`Open of epoch 2: the model forbids it: \A g \in Group : Cardinality({r \in In(g) : scl[e][r] >= LastIn(e, g, base[e])}) >= W`, 15, "pair"},
	} {
		r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: scope(t, want.world), Bug: bug})
		require.NoError(t, err, bug)
		require.Equal(t, verdict.Violation, r.Verdict(), bug)
		said := r.Parted.Problem
		if said == "" {
			said = r.Parted.Differences[0].String()
		}
		require.Equal(t, want.said, said, bug)
		require.Len(t, r.Parted.Schedule, want.steps, "%s: %v", bug, r.Parted.Schedule)
	}
}

// A node that leaves out what it has to do parts from no state of the model. It leaves transitions without a reason.
func TestAnOmissionLeavesTransitionsWithoutAReason(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: scope(t, "pair"), Bug: "bugUndoSkipped"})
	require.NoError(t, err)
	require.Nil(t, r.Parted)
	require.Equal(t, verdict.CouldNotTell, r.Verdict())
	for _, a := range r.Actions {
		if a.Name == "Undo" {
			require.Zero(t, a.Driven)
			require.NotZero(t, a.Transitions)
		}
	}
}

// A writer that lets its locks go too early does only what the model allows. It does what a reason says that ours never does.
func TestAReasonIsRefutedByABug(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: scope(t, "rows"), Bug: "bugLocksAtRequest"})
	require.NoError(t, err)
	require.Nil(t, r.Parted)
	require.Equal(t, verdict.CouldNotTell, r.Verdict())
	for _, g := range r.Gaps {
		if g.Name == locksHeld {
			require.NotEmpty(t, g.Refuted)
			require.Len(t, g.Refuted[0].Schedule, 3)
			return
		}
	}
	require.Fail(t, "the world has no class of locks")
}

// A node that never comes to rest ends the search with an error, and not the machine's memory.
func TestANodeThatNeverRests(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	_, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: scope(t, "pair"), Bug: "bugSyncsNothing"})
	require.ErrorContains(t, err, "the set-up has not ended")
}
