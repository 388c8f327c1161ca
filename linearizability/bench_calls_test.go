package linearizability

import (
	"context"
	"fmt"
	"runtime"
	"testing"
)

func BenchmarkCalls(b *testing.B) {
	for _, keys := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("calls=1000000/keys=%d", keys), func(b *testing.B) {
			history := load{operations: 1_000_000, clients: 100, keys: keys, lost: 0.03, seed: 1}.registerCalls()
			b.ReportAllocs()
			for b.Loop() {
				if result := CheckCalls(context.Background(), ModelRegister, history, Options{}, FileLimits()); result.Verdict != Legal {
					b.Fatal(result.Err())
				}
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/1e6, "MB-in-all")
		})
	}
}
