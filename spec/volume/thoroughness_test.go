package volume

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// The denominators of what walks saw: the states are TLC's, the steps are what TLC generates but for the initial state, and the transitions
// are those that the harness finds with a graph of its own (harness/campaign/coverage).
func TestDenominators(t *testing.T) {
	named, err := Worlds()
	require.NoError(t, err)
	for name, transitions := range map[string]uint64{"tiny-sym": 6542, "undo": 11869, "six-short": 4977, "two-groups-small": 1835} {
		i := slices.IndexFunc(named, func(w NamedWorld) bool { return w.Name == name })
		m, err := NewModel(named[i].World)
		require.NoError(t, err)
		th, err := new(check.Seen).Of(t.Context(), m, check.Enumeration{States: 10_000})
		require.NoError(t, err)
		require.Equal(t, named[i].Distinct, th.OfStates, name)
		require.Equal(t, named[i].Generated-1, th.OfSteps, name)
		require.Equal(t, transitions, th.OfTransitions, name)
	}
}

// A search that is reduced saw all that it must, and does not claim to have seen all that there is.
func TestAReducedSearchDoesNotClaimTheWorld(t *testing.T) {
	named, err := Worlds()
	require.NoError(t, err)
	i := slices.IndexFunc(named, func(w NamedWorld) bool { return w.Name == "tiny-sym" })
	m, err := NewModel(named[i].World)
	require.NoError(t, err)
	for _, whole := range []bool{false, true} {
		r, err := check.Run(t.Context(), m, check.Options{NoReduction: whole})
		require.NoError(t, err)
		require.True(t, r.Thoroughness.Exhausted)
		require.Equal(t, whole, r.Thoroughness.StatesShare != nil)
		require.Equal(t, whole, r.Thoroughness.OfStates == named[i].Distinct)
		require.Equal(t, whole, r.Thoroughness.Unknown == "")
	}
}
