package linearizability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// serialHistory is a legal history of clients that run a transaction after the other: a few reads and writes each over
// some keys, one in three only reads, positions claimed as a system would by commit LSN and read point.
func serialHistory(seed uint64, txns, clients, keys int) []Txn {
	r := rand.New(rand.NewPCG(seed, 11))
	state := make(map[string]string)
	free := make([]int64, clients)
	history := make([]Txn, txns)
	lsn := uint64(100)
	now := int64(0)
	for i := range history {
		client := r.IntN(clients)
		now = max(now, free[client]) + 1 + r.Int64N(100)
		t := Txn{ID: uint64(i + 1), Client: client, Begin: free[client] + 1, End: now + 1 + r.Int64N(200), Outcome: Committed}
		free[client] = t.End
		readOnly := r.IntN(3) == 0
		for range 4 {
			key := fmt.Sprintf("key%d", r.IntN(keys))
			if readOnly || r.IntN(2) == 0 {
				value, found := state[key]
				t.Ops = append(t.Ops, Op{Kind: Read, Key: key, Value: value, Found: found})
				continue
			}
			value := fmt.Sprintf("value%d.%d", i, len(t.Ops))
			state[key] = value
			t.Ops = append(t.Ops, Op{Kind: Write, Key: key, Value: value})
			lsn++
		}
		t.Order = lsn
		history[i] = t
	}
	return history
}

func BenchmarkCheck(b *testing.B) {
	for _, size := range []struct{ txns, clients, keys int }{{100, 8, 20}, {1000, 8, 100}, {10_000, 20, 1000}} {
		history := serialHistory(1, size.txns, size.clients, size.keys)
		operations := 0
		for _, t := range history {
			operations += len(t.Ops)
		}
		unclaimed := make([]Txn, len(history))
		for i, t := range history {
			t.Order = 0
			unclaimed[i] = t
		}
		for _, c := range []struct {
			name    string
			history []Txn
			proof   Proof // empty for any
			most    int   // transactions
		}{{"certificate", history, ByCertificate, 10_000}, {"unclaimed", unclaimed, "", 10_000}} {
			if size.txns > c.most {
				continue
			}
			b.Run(fmt.Sprintf("%s/txns=%d", c.name, size.txns), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					result := CheckTxns(context.Background(), c.history, SimulationLimits())
					if result.Verdict != Legal || c.proof != "" && result.Proof != c.proof {
						b.Fatalf("%+v", result)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*operations), "ns/operation")
			})
		}
	}
}
