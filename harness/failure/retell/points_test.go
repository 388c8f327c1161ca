//go:build failpoints

package retell

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
)

// Planted bugs are retold with nodes that have them: the scenario fails with the bug, and shows all that it says without it.
func TestPlantedBugsAreRetold(t *testing.T) {
	g, err := harness.WithPoints()
	require.NoError(t, err)
	for _, bug := range []string{"bugAckAtWMinusOne", "bugAckBeforeSync", "bugAckIgnoresLower"} {
		g.Bug = bug
		c, err := aurora.System().Generate(1, g)
		require.NoError(t, err)
		r := harness.Run(aurora.System(), c)
		target, _ := failure.TargetOf(r.Findings)
		require.Equal(t, judge.Check("trace"), target.Check, bug)
		var b bytes.Buffer
		require.NoError(t, Scenario(t.Context(), &b, aurora.System(), &why.Explanation{Configuration: c, What: why.What{Target: target, Finding: *target.In(&r)}}), bug)
		rule, differences := refusedBy(t, aurora.Ours(), b.String())
		require.Equal(t, target.Rule, rule, "%s\n%s", bug, b.String())
		require.Empty(t, differences, "%s\n%s", bug, b.String())
		sound := bytes.Replace(b.Bytes(), []byte(" bug="+bug), nil, 1)
		rule, differences = refusedBy(t, aurora.Ours(), string(sound))
		require.Empty(t, rule, "%s\n%s", bug, b.String())
		require.Empty(t, differences, "%s\n%s", bug, b.String())
	}
}
