package coverage

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// What Add told of each run is enough to have the coverage again.
func TestCoverageIsRestoredFromWhatWasNew(t *testing.T) {
	spaces := []Space{{World: "a", Kind: "states", Size: 60}, {World: "a", Kind: "pairs", Size: 9}}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		added, restored := NewSeen(spaces), NewSeen(spaces)
		for range 50 {
			var run []Feature
			shapes := r.IntN(6)
			for range r.IntN(20) {
				run = append(run, At(0, r.Uint64N(60)), At(1, r.Uint64N(9)))
			}
			for i := range shapes {
				run = append(run, At(Shapes, 100*uint64(i)+r.Uint64N(25)))
			}
			first, second, err := added.Add(Sorted(run))
			require.NoError(t, err)
			require.NoError(t, restored.Restore(first, second, shapes))
			require.Equal(t, added, restored)
		}
	}
}

// Runs of another campaign, or in another order, are no coverage.
func TestWhatCannotHaveBeenToldIsNotRestored(t *testing.T) {
	seen := NewSeen([]Space{{World: "a", Kind: "states", Size: 4}})
	require.NoError(t, seen.Restore(Features{At(0, 1), At(Shapes, 7)}, nil, 1))
	for name, c := range map[string]struct {
		first, second Features
		shapes        int
		want          string
	}{
		"new for the second time":       {Features{At(0, 1)}, nil, 0, "features: expected index 1 of space 0 as 0 runs before reached it, found 1"},
		"a second that never was first": {nil, Features{At(0, 2)}, 0, "features: expected index 2 of space 0 as 1 runs before reached it, found 0"},
		"a shape that is not counted":   {Features{At(Shapes, 8)}, nil, 0, "features: expected at least the 1 shapes that were new or seen once, found 0"},
		"an index outside":              {Features{At(0, 4)}, nil, 0, "features: expected features of 1 spaces, found index 4 of space 0"},
		"a space outside":               {nil, Features{At(1, 0)}, 0, "features: expected features of 1 spaces, found index 0 of space 1"},
	} {
		before := *seen
		err := seen.Restore(c.first, c.second, c.shapes)
		var features *FeaturesError
		require.ErrorAs(t, err, &features, name)
		require.EqualError(t, err, c.want, name)
		require.Equal(t, before, *seen, name)
	}
}
