//go:build unix

package aurora

import (
	"syscall"
	"testing"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
)

// BenchmarkRun makes whole runs on one core, from the configuration's generation to the last check: simulated events
// and runs a second with all checks on. Run it with -cpu 1 for the rate of one core.
func BenchmarkRun(b *testing.B) {
	var counts counts.Counts
	b.ReportAllocs()
	processor := processorTime()
	for i := 0; b.Loop(); i++ {
		c, err := Generate(uint64(i), harness.Generation{})
		if err != nil {
			b.Fatal(err)
		}
		r := run(c)
		if r.Verdict != judge.Pass {
			b.Fatalf("seed %d: %v", i, r.Findings)
		}
		counts.Add(&r.Counts)
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(counts.World.Events)/seconds, "events/s")
	// On a machine that does other things, too, what counts is the time that the runs had a core for.
	b.ReportMetric(float64(counts.World.Events)/(processorTime()-processor).Seconds(), "events/core-s")
	b.ReportMetric(float64(counts.Runs)/seconds, "runs/s")
	b.ReportMetric(float64(counts.Acknowledged)/seconds, "commits/s")
	b.ReportMetric(float64(counts.Trace.Steps)/seconds, "steps/s")
	b.ReportMetric(float64(counts.World.Events)/float64(counts.Runs), "events/run")
}

// processorTime is what the process has used of all cores.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
