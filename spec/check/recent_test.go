package check

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A state is there only if it was looked at before, the fingerprint 0 among them.
func TestRecent(t *testing.T) {
	r := newRecent()
	looked := map[uint64]bool{}
	random := rand.New(rand.NewPCG(1, 1))
	there := 0
	for range 100_000 {
		// Few places and many states in each, 0 and the neighbours of what an empty place holds among them.
		f := random.Uint64N(4) | random.Uint64N(3)*recentStates
		has := r.has(f)
		if has {
			there++
			require.True(t, looked[f], f)
		}
		require.True(t, r.has(f), "once it was looked at")
		looked[f] = true
	}
	require.Greater(t, there, 10_000)
	for place := range uint64(recentStates) {
		require.False(t, newRecent().has(place))
	}
}
