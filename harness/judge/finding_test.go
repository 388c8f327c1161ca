package judge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/linearizability"
)

// A finding is shown behind its check's name: "linearizability: linearizability: every call …" said it twice.
func TestAFindingDoesNotNameItsCheckAgain(t *testing.T) {
	call := func(client int, kind linearizability.CallKind, begin, end int64, value string) linearizability.Call {
		return linearizability.Call{Client: client, Kind: kind, Key: "k", Begin: begin, End: end, Value: value, Found: true}
	}
	stale := []linearizability.Call{call(1, linearizability.Put, 1, 2, "a"), call(1, linearizability.Put, 3, 4, "b"), call(2, linearizability.Get, 5, 6, "a")}
	j := Judge(&Evidence{Outcome: runtime.Outcome{End: runtime.ConditionMet}, Audit: -1, Operations: stale})
	require.Equal(t, Violation, j.Verdict)
	require.Equal(t, faults.Linearizability, j.Findings[0].Check)
	require.Regexp(t, `^every call takes effect at one instant .*client 2's get`, j.Findings[0].Sentence())
	require.Equal(t, []string{"k"}, j.Findings[0].Keys)
}
