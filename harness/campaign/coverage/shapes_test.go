package coverage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/impl/node"
)

// Two runs have the same shape where each counter is about as large in both, and another one where any is not.
func TestCountersTellShapes(t *testing.T) {
	require.Empty(t, coverage.OfCounts(&counts.Counts{}))
	a := coverage.OfCounts(&counts.Counts{Runs: 1, Scans: 5})
	require.Equal(t, a, coverage.OfCounts(&counts.Counts{Runs: 1, Scans: 7}))
	require.Len(t, a, 2)
	more := coverage.OfCounts(&counts.Counts{Runs: 1, Scans: 8})
	require.Len(t, more, 2)
	require.NotEqual(t, a, more)
	other := coverage.OfCounts(&counts.Counts{Runs: 1, Scans: 5, Other: counts.Other{node.Counter{Name: "scans", Value: 5}}})
	require.Len(t, other, 3, "what a system counts by itself is another thing, also where it has the same name")
	for i := range a {
		was, small := a[i].Shape()
		is, large := more[i].Shape()
		require.Equal(t, was, is)
		require.LessOrEqual(t, small, large)
	}
	subject, size := coverage.At(3, 7).Shape()
	require.Equal(t, coverage.At(3, 7), subject)
	require.Equal(t, 1, size)
	for _, f := range other {
		require.Equal(t, coverage.Shapes, f.Space())
	}
	text, err := other.MarshalText()
	require.NoError(t, err)
	var read coverage.Features
	require.NoError(t, read.UnmarshalText(text))
	require.Equal(t, other, read)
}
