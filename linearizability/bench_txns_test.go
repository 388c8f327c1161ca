package linearizability

import (
	"context"
	"fmt"
	"testing"
)

func BenchmarkTransactions(b *testing.B) {
	for _, c := range []struct {
		txns  int
		blind bool
	}{{100_000, false}, {20_000, true}} {
		b.Run(fmt.Sprintf("txns=%d/blind=%t", c.txns, c.blind), func(b *testing.B) {
			history := load{operations: c.txns, clients: 20, keys: 1000, lost: 0.03, seed: 1}.transactions(c.blind)
			b.ReportAllocs()
			for b.Loop() {
				if result := CheckTxns(context.Background(), history, FileLimits()); result.Verdict != Legal {
					b.Fatal(result.Err())
				}
			}
		})
	}
}
