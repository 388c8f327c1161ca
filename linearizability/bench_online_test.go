package linearizability

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkOnline judges a stream of a million calls while it is recorded.
func BenchmarkOnline(b *testing.B) {
	const calls = 1_000_000
	for _, c := range []struct {
		name  string
		kinds []CallKind
		keys  int
	}{
		{"one-key", []CallKind{Get, Put}, 1},
		{"puts-and-gets", []CallKind{Get, Put}, 100},
		{"with-swaps", []CallKind{Get, Put, CompareAndSwap, Discard}, 100},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took span
			var kept int
			var heap uint64
			for b.Loop() {
				recorder := &Recorder{Forget: true}
				store := &simulatedStore{r: rand.New(rand.NewPCG(1, 2)), kinds: c.kinds, keys: c.keys, lost: 0.001}
				ended := 0
				one := measure(func() {
					store.run(recorder, 20, calls, func() {
						if ended++; ended%1000 != 0 {
							return
						}
						kept = max(kept, recorder.Retained())
						if ended%100_000 == 0 {
							var m runtime.MemStats
							runtime.GC()
							runtime.ReadMemStats(&m)
							heap = max(heap, m.HeapAlloc)
						}
					})
				})
				require.NoError(b, recorder.Check(b.Context()))
				took.Wall, took.Processors = took.Wall+one.Wall, took.Processors+one.Processors
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Wall/float64(b.N), "s/stream")
			b.ReportMetric(took.Processors/float64(b.N), "cpu-s/stream")
			b.ReportMetric(float64(kept), "calls-kept")
			b.ReportMetric(float64(heap)/1e6, "MB-live")
			b.Logf("asked: a stream of %d calls of 20 clients, %d keys in all, judged while it comes in, in bounded memory; measured: legal, in %.2f s (%.2f s of processors, those of the store too), at most %d calls kept and %.0f MB live",
				calls, c.keys, took.Wall/float64(b.N), took.Processors/float64(b.N), kept, float64(heap)/1e6)
		})
	}
}
