package harness

import (
	"testing"
)

// BenchmarkRun makes whole runs on one core, from the configuration's generation to the last check: simulated events
// and runs a second with all checks on. Run it with -cpu 1 for the rate of one core.
func BenchmarkRun(b *testing.B) {
	var g Generation
	var counts Counts
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c, err := g.Generate(uint64(i))
		if err != nil {
			b.Fatal(err)
		}
		r := Run(c)
		if r.Verdict != Pass {
			b.Fatalf("seed %d: %v", i, r.Findings)
		}
		counts.Add(&r.Counts)
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(counts.World.Events)/seconds, "events/s")
	b.ReportMetric(float64(counts.Runs)/seconds, "runs/s")
	b.ReportMetric(float64(counts.Acknowledged)/seconds, "commits/s")
	b.ReportMetric(float64(counts.Trace.Steps)/seconds, "steps/s")
	b.ReportMetric(float64(counts.World.Events)/float64(counts.Runs), "events/run")
}
