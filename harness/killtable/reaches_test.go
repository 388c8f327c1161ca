//go:build failpoints

package killtable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
)

// A search leaves out runs that cannot come to the bug. Each of them is, event by event, the run without the bug.
func TestWhatIsLeftOutIsTheUnbrokenRun(t *testing.T) {
	system, g := aurora.System(), withPoints(t)
	left := map[faults.Need]int{}
	for i, b := range faults.PlantedBugs() {
		if b.Needs == "" {
			continue
		}
		for seed := uint64(100 * (i + 1)); ; seed++ {
			g.Bug = ""
			unbroken, err := system.Generate(seed, g)
			require.NoError(t, err)
			if reaches, err := aurora.Reaches(b, &unbroken); reaches {
				require.NoError(t, err)
				continue
			}
			g.Bug = b.Name
			broken, err := system.Generate(seed, g)
			require.NoError(t, err)
			require.Equal(t, harness.Run(system, unbroken).Hash, harness.Run(system, broken).Hash, "%s, seed %d", b.Name, seed)
			left[b.Needs]++
			break
		}
	}
	require.NotEmpty(t, left)
}
