package protocol_test

import (
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// cpu is the time of the processor that this process has used, and its children that have ended: what does not hang on who else uses the
// machine.
func cpu(b *testing.B) (used time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		require.NoError(b, syscall.Getrusage(who, &u))
		used += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return used
}

// What an event costs a replica in Go over lines, above the same in this process: a message of another that it answers.
func BenchmarkEvent(b *testing.B) {
	at := protocol.Place{Role: protocol.Replica, ID: 2, Index: 1, Members: []node.ID{1, 2, 3}, Seed: 7, Hook: node.NoHook{}}
	each := func(b *testing.B, n node.Node) time.Duration {
		var out node.Effects
		n.Step(0, node.Event{Kind: node.Started, Incarnation: 1}, &out)
		ev := node.Event{Kind: node.Received, From: 3, Message: &node.Opaque{Kind: "ask", Bytes: []byte(`{"Op":5,"Born":1,"Key":"key0"}`)}}
		now, began := node.Time(0), cpu(b)
		for b.Loop() {
			now += 1000
			out.Reset()
			n.Step(now, ev, &out)
		}
		require.Len(b, out.List, 1)
		if s, stops := n.(interface{ Stop() }); stops {
			s.Stop() // and what it used counts from now on, with its start
		}
		b.ReportMetric(float64((cpu(b)-began).Nanoseconds())/1000/float64(b.N), "cpu-µs/event")
		return b.Elapsed() / time.Duration(b.N)
	}
	var inside, outside time.Duration
	b.Run("in-process", func(b *testing.B) { inside = each(b, newReplica(at)) })
	b.Run("over-lines", func(b *testing.B) {
		outside = each(b, program("replica", lines.Limits{}).Maker()(at))
		b.ReportMetric(float64(outside-inside)/float64(time.Microsecond), "µs-above-in-process/event")
	})
}

// What a run costs: of three replicas, in this process and over lines.
func BenchmarkRun(b *testing.B) {
	for name, maker := range map[string]protocol.Maker{"in-process": newReplica, "over-lines": program("replica", lines.Limits{}).Maker()} {
		b.Run(name, func(b *testing.B) {
			s := system(b, protocol.Replica, maker)
			seed, events := uint64(0), uint64(0)
			for b.Loop() {
				seed++
				c, err := s.Generate(seed, harness.Generation{})
				require.NoError(b, err)
				r := harness.Run(s, c)
				require.Equal(b, judge.Pass, r.Verdict)
				events += r.Counts.World.Events
			}
			b.ReportMetric(float64(events)/float64(b.N), "events/run")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/run")
		})
	}
}

// What the program's side of an event costs, the node's step with it: an event is read and an answer written, without a pipe.
func BenchmarkServe(b *testing.B) {
	const hello = `{"firstgap":1,"wire":2,"hello":{"role":"replica","id":2,"index":1,"members":[1,2,3],"seed":7}}` + "\n"
	const event = `{"now":1000,"event":{"kind":"received","from":3,"message":{"opaque":{"kind":"ask","bytes":"{\"Op\":5,\"Born\":1,\"Key\":\"key0\"}"}}}}` + "\n"
	in := strings.NewReader(hello + strings.Repeat(event, b.N))
	began := cpu(b)
	if err := protocol.Serve(newReplica, in, io.Discard); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((cpu(b)-began).Nanoseconds())/1000/float64(b.N), "cpu-µs/event")
}
