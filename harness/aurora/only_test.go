package aurora_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
)

// Whoever makes a failure smaller holds each run to one check, which is cheaper. It must be the very run that all checks are made of: one
// that looked at its copies less often went on for longer, and a failure that was found at its end was not found again.
func TestARunHeldToOneCheckIsTheSameRun(t *testing.T) {
	for seed := range uint64(6) {
		c, err := aurora.System().Generate(seed, harness.Generation{})
		require.NoError(t, err)
		all := harness.Run(aurora.System(), c)
		for _, check := range []faults.Check{faults.Trace, faults.Pages, faults.Progress, faults.Storage} {
			one := harness.RunWith(aurora.System(), c, harness.Options{Only: check})
			require.Equal(t, all.Hash, one.Hash, "seed %d, %s", seed, check)
			require.Equal(t, all.Counts.World.Events, one.Counts.World.Events, "seed %d, %s", seed, check)
		}
	}
}
