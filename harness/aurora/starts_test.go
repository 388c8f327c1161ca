package aurora_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
)

// The seeds that a search begins with reach more together than as many others, and each is there once. Where that ends because runs have
// changed, they are to be chosen anew: in the greedy order of package campaign/guide, of the runs of a thousand seeds.
func TestTheFirstSeedsReachMore(t *testing.T) {
	s := aurora.System()
	starts := s.(harness.Starter).Starts()
	once := map[uint64]bool{}
	for _, seed := range starts {
		require.False(t, once[seed], "seed %d", seed)
		once[seed] = true
	}
	reached := func(seeds []uint64) (sum int, work uint64) {
		most := map[coverage.Feature]int{}
		for _, seed := range seeds {
			c, err := s.Generate(seed, harness.Generation{})
			require.NoError(t, err)
			r := harness.Run(s, c)
			work += r.Work()
			for _, f := range coverage.OfCounts(&r.Counts) {
				subject, size := f.Shape()
				most[subject] = max(most[subject], size)
			}
		}
		for _, size := range most {
			sum += size
		}
		return sum, work
	}
	const many = 8
	require.Greater(t, len(starts), many)
	chosen, work := reached(starts[:many])
	for first := uint64(5_000); first < 5_000+4*many; first += many {
		var plain []uint64
		for i := range uint64(many) {
			plain = append(plain, first+i)
		}
		as, cost := reached(plain)
		t.Logf("%d by %d work, against %d by %d", chosen, work, as, cost)
		require.Greater(t, 20*chosen, 21*as, "seeds from %d on", first)
	}
}
