package linearizability

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkTransactions decides transactions without a claimed order: ones that read before they write, at every level, and blind
// writes at the strongest.
func BenchmarkTransactions(b *testing.B) {
	run := func(txns int, blind bool, level Level, asked string) {
		b.Run(fmt.Sprintf("txns=%d/blind=%t/level=%s", txns, blind, level), func(b *testing.B) {
			history := load{operations: txns, clients: 20, keys: 1000, lost: 0.03, seed: 1}.transactions(blind)
			b.ReportAllocs()
			var took span
			var result Result
			for b.Loop() {
				one := measure(func() { result = CheckLevel(context.Background(), level, history, FileLimits()) })
				if result.Verdict != Legal {
					b.Fatal(result.Err())
				}
				took.Wall, took.Processors = took.Wall+one.Wall, took.Processors+one.Processors
			}
			took.Wall, took.Processors = took.Wall/float64(b.N), took.Processors/float64(b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Wall, "s/check")
			b.ReportMetric(took.Processors, "cpu-s/check")
			what := "that read before they write"
			if blind {
				what = "with blind writes"
			}
			b.Logf("asked: %d transactions %s, 20 clients, no claimed order, %s; measured: %s by %s in %s", txns, what, asked, result.Verdict, result.Proof, took)
		})
	}
	for _, level := range Levels() {
		run(100_000, false, level, fmt.Sprintf("decided for %s in under 2 s", level))
	}
	run(20_000, true, StrictSerializable, "decided")
}
