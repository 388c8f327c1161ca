package judge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

func contracted(answered int, broken ...ContractError) *Evidence {
	return &Evidence{Name: func(node.ID) string { return "a" }, Audit: -1, Outcome: runtime.Outcome{End: runtime.ConditionMet},
		Contract: &Contracted{Guarantee: "what was sent is polled", Calls: 3, Answered: answered, Check: func() []ContractError { return broken }}}
}

// What a workload's checker objects to is a finding by its rule, with the calls that show it; what it cannot decide is no pass.
func TestAContractThatIsBrokenIsAFindingByItsRule(t *testing.T) {
	j := Judge(contracted(3))
	require.Equal(t, Pass, j.Verdict)
	require.Contains(t, j.Made, faults.Contract)

	j = Judge(contracted(3, ContractError{Rule: "lost-write", Says: "expected 5, found 6", Lead: []string{"call 1"}, Event: 7},
		ContractError{Rule: "skipped", Says: "expected 1, found 3"}))
	require.Equal(t, Violation, j.Verdict)
	require.Len(t, j.Findings, 2)
	f := j.Findings[0]
	require.Equal(t, faults.Contract, f.Check)
	require.Equal(t, "lost-write", f.Rule)
	require.Equal(t, "what was sent is polled", f.Guarantee)
	require.Equal(t, "lost-write: expected 5, found 6", f.Sentence())
	require.Equal(t, []string{"call 1"}, f.Lead)
	require.EqualValues(t, 7, f.Event)
	require.Equal(t, "skipped", j.Findings[1].Rule)

	j = Judge(contracted(3, ContractError{Rule: "lost-write", Says: "too many calls to decide", Undecided: true}))
	require.Equal(t, CouldNotTell, j.Verdict)
}

// A run in which nothing was answered keeps every contract, and proves nothing.
func TestARunInWhichNothingWasAnsweredIsNoPass(t *testing.T) {
	j := Judge(contracted(0))
	require.Equal(t, CouldNotTell, j.Verdict)
	require.Len(t, j.Findings, 1)
	require.Contains(t, j.Findings[0].Sentence(), "expected at least one call that was carried out, found none of 3")
}

// Systems without such a workload do not have the check in their lists, and those with one have it first.
func TestOnlyASystemWithAContractHasItsCheck(t *testing.T) {
	require.NotContains(t, ChecksOf([]Kind{Operations}), faults.Contract)
	require.Equal(t, faults.Contract, ChecksOf([]Kind{Contract})[0])
	require.Equal(t, []Kind{Contract}, Needs(faults.Contract))
}
