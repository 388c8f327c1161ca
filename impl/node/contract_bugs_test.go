package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A build may have several planted bugs at once, as real ones have: their names stand with commas between them, and the name of one is no
// part of another's.
func TestSeveralBugsArePlantedAtOnce(t *testing.T) {
	h := PlantedHook("bugAckBeforeSync,bugNeverTrims")
	require.True(t, h.Planted("bugAckBeforeSync"))
	require.True(t, h.Planted("bugNeverTrims"))
	require.False(t, h.Planted("bugNever"))
	require.False(t, h.Planted("bugAckBeforeSync,bugNeverTrims"))
	require.False(t, h.Planted(""))
	require.False(t, PlantedHook("").Planted(""))
	require.False(t, PlantedHook("").Planted("bugNeverTrims"))
}
