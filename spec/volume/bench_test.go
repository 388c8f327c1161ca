package volume

import (
	"runtime"
	"testing"

	"github.com/firstgap/firstgap/spec/check"
)

// BenchmarkSearch searches the world that TLC needs 72 s for on two idle cores.
func BenchmarkSearch(b *testing.B) {
	world := named(b, "aborts")
	for _, c := range []struct {
		name    string
		workers int
	}{{"workers=1", 1}, {"workers=all", runtime.GOMAXPROCS(0)}} {
		b.Run(c.name, func(b *testing.B) {
			var states, bytes uint64
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.ReadMemStats(&before)
				r, err := Search(b.Context(), world.World, check.Options{Workers: c.workers})
				if err != nil {
					b.Fatal(err)
				}
				if r.Distinct != world.Distinct || r.Generated != world.Generated || r.Verdict != check.Pass {
					b.Fatalf("found %d distinct, %d generated, %s; TLC found %d and %d", r.Distinct, r.Generated, r.Verdict, world.Distinct, world.Generated)
				}
				runtime.ReadMemStats(&after)
				states += r.Distinct
				bytes += after.TotalAlloc - before.TotalAlloc
			}
			b.ReportMetric(float64(states)/b.Elapsed().Seconds(), "states/s")
			b.ReportMetric(float64(bytes)/float64(states), "bytes/state")
		})
	}
}
