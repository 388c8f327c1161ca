package judge

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// An excused check that objects is reported as not made, with the reason, and counted. What is not excused objects as ever, and an
// excused check that has nothing to object to is made.
func TestExcuses(t *testing.T) {
	evidence := func(excused ...Check) *Evidence {
		return &Evidence{Name: func(node.ID) string { return "a" }, Audit: -1, Excused: excused, Outcome: runtime.Outcome{End: runtime.ConditionMet},
			Trace: &Traced{Err: errors.New("no step of the model")}, Waits: []Wait{{For: "a write", Met: false}}}
	}
	j := Judge(evidence())
	require.Len(t, j.Findings, 2)
	require.Zero(t, j.Counts.Excused)

	j = Judge(evidence(faults.Trace, faults.Durability))
	require.Len(t, j.Findings, 1)
	require.Equal(t, faults.Progress, j.Findings[0].Check)
	require.Equal(t, Violation, j.Verdict)
	require.EqualValues(t, 1, j.Counts.Excused)
	require.NotContains(t, j.Made, faults.Trace)
	require.Contains(t, j.Made, faults.Progress)
	require.Contains(t, j.NotMade, NotMade{faults.Trace, []Kind{Memory}})
	require.Contains(t, j.NotMade, NotMade{faults.Durability, []Kind{Audit}}, "it had nothing to object to, and no evidence")
	require.Equal(t, "not checked: needs memory", j.NotMade[0].String())

	e := evidence(faults.Trace, faults.Progress)
	require.Equal(t, Pass, Judge(e).Verdict)
	e.Trace.Err, e.Waits[0].Met = nil, true
	j = Judge(e)
	require.Contains(t, j.Made, faults.Trace)
	require.Contains(t, j.Made, faults.Progress)
	require.Zero(t, j.Counts.Excused)
}
