package fuzz

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
)

// benchRuns is how many runs a campaign of a benchmark has, and benchSeed the first.
const (
	benchRuns = 200
	benchSeed = 5001
)

// campaignOf makes a campaign of so many runs without guidance, which are those of a plain loop over seeds, and returns the time that it
// took without that of enumerating its worlds.
func campaignOf(b *testing.B, workers, runs int) time.Duration {
	b.Helper()
	o := Options{System: aurora.System(), Folder: filepath.Join(b.TempDir(), "c"), Seed: benchSeed, Plain: true, Worlds: coverage.All(), Runs: uint64(runs), Workers: workers,
		Looking: Looking{For: -1}}
	start := time.Now()
	if _, err := coverage.Enumerate(b.Context(), o.Worlds...); err != nil {
		b.Fatal(err)
	}
	enumerated := time.Since(start)
	start = time.Now()
	s, err := Run(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	if s.Fold.Lines != uint64(runs) {
		b.Fatalf("expected %d lines, found %d", runs, s.Fold.Lines)
	}
	return time.Since(start) - enumerated
}

// BenchmarkOwnCost makes the same runs in a plain loop and in a campaign with one worker: queue, coverage, folds, lines, the runs that are
// made twice. own-% is what the campaign takes more.
func BenchmarkOwnCost(b *testing.B) {
	s := aurora.System()
	var plain, campaign time.Duration
	for b.Loop() {
		start := time.Now()
		for seed := range uint64(benchRuns) {
			c, err := s.Generate(benchSeed+seed, harness.Generation{})
			if err != nil {
				b.Fatal(err)
			}
			harness.Run(s, c)
		}
		plain += time.Since(start)
		campaign += campaignOf(b, 1, benchRuns)
	}
	b.ReportMetric(100*(campaign.Seconds()/plain.Seconds()-1), "own-%")
	b.ReportMetric(float64(b.N)*benchRuns/plain.Seconds(), "plain-runs/s")
	b.ReportMetric(float64(b.N)*benchRuns/campaign.Seconds(), "campaign-runs/s")
}

// BenchmarkTwoWorkers makes the same campaign with one worker and with two. On two cores that nobody else uses, speedup is to be near 2.
func BenchmarkTwoWorkers(b *testing.B) {
	var one, two time.Duration
	for b.Loop() {
		one += campaignOf(b, 1, benchRuns)
		two += campaignOf(b, 2, benchRuns)
	}
	b.ReportMetric(one.Seconds()/two.Seconds(), "speedup")
}
