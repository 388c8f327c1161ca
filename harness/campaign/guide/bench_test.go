package guide

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
)

// BenchmarkJobs says what choosing a job costs beside running it: whoever leads a campaign does that alone, however many workers there are.
func BenchmarkJobs(b *testing.B) {
	b.Run("generate", func(b *testing.B) {
		for seed := uint64(0); b.Loop(); seed++ {
			_, err := aurora.System().Generate(seed, harness.Generation{})
			require.NoError(b, err)
		}
	})
	b.Run("run", func(b *testing.B) {
		for seed := uint64(0); b.Loop(); seed++ {
			c, err := aurora.System().Generate(seed, harness.Generation{})
			require.NoError(b, err)
			harness.Run(aurora.System(), c)
		}
	})
	for name, batches := range map[string]int{"cold": 0, "guided": 8} {
		b.Run(name, func(b *testing.B) {
			c := start(b, options(aurora.System())).batches(batches)
			for b.Loop() {
				_, err := c.g.Jobs(c.g.plans[1].batch)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(c.o.Batch), "µs/job")
		})
	}
}
