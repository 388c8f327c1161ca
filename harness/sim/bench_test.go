package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// BenchmarkEvents measures the simulator itself: a writer that sends records to six segments, which append, sync and
// acknowledge, with a typical network, while one more process has a timer. Without and with faults on the network.
func BenchmarkEvents(b *testing.B) {
	for _, faulty := range []bool{false, true} {
		b.Run(fmt.Sprintf("faults=%v", faulty), func(b *testing.B) {
			b.ReportAllocs()
			var events uint64
			start := time.Now()
			for range b.N {
				o := typical()
				o.Limits.Events = 100_000
				w := newWorld(b, o)
				quorum(b, w)
				if faulty {
					var plan faults.Plan
					plan.Horizon = dur(time.Hour)
					for i := range 4 {
						plan.Faults = append(plan.Faults, faults.Fault{Kind: faults.Loss, For: dur(time.Hour), Nodes: []string{fmt.Sprintf("segment 1/%d", i+1)}, Rate: 0.1})
					}
					require.NoError(b, w.Install(plan, runtime.Succession{}))
				}
				require.Equal(b, runtime.LimitEvents, w.Run(after(time.Hour)).Limit)
				events += w.Events()
				w.Close()
			}
			b.ReportMetric(float64(events)/time.Since(start).Seconds(), "events/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// quorum sets up the processes of the benchmark. They allocate nothing themselves.
func quorum(b *testing.B, w *World) {
	record := make([]byte, 60)
	messages := make([]carry, 64)
	acks := make([]ping, 64)
	for i := range messages {
		messages[i].lsn, acks[i].n = node.LSN(i+1), uint64(i)
	}
	n := 0
	add(b, w, 7, "writer 1", func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Received {
			return
		}
		out.SetTimer(1, ms/10)
		n++
		for id := node.ID(1); id <= 6; id++ {
			out.Send(id, &messages[n%len(messages)])
		}
	})
	for id := node.ID(1); id <= 6; id++ {
		syncing, dirty := false, false
		add(b, w, id, fmt.Sprintf("segment 1/%d", id), func(_ node.Time, ev node.Event, out *node.Effects) {
			switch ev.Kind {
			case node.Received:
				out.Append("log", record)
				dirty = true
			case node.DiskDone:
				syncing = false
				n++
				out.Send(7, &acks[n%len(acks)])
			}
			if dirty && !syncing {
				syncing, dirty = true, false
				out.Sync(1)
			}
		})
	}
}
