package linearizability

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// BenchmarkCalls reads and decides a million puts, gets and swaps, and lets porcupine decide the same, each in a process of its own.
func BenchmarkCalls(b *testing.B) {
	for _, keys := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("calls=1000000/keys=%d", keys), func(b *testing.B) {
			history := load{operations: 1_000_000, clients: 100, keys: keys, lost: 0.03, seed: 1}.registerCalls()
			path := writeJSON(b, history)
			history = nil
			debug.FreeOSMemory()
			var ours fileMeasure
			for b.Loop() {
				ours = measured(b, "firstgap", path)
				require.Equal(b, 1_000_000, ours.Calls)
				require.Equal(b, "legal by order", ours.Answer)
			}
			b.StopTimer()
			theirs := measured(b, "porcupine", path)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ours.Decide.Wall, "s/check")
			b.ReportMetric(ours.Decide.Processors, "cpu-s/check")
			b.ReportMetric(ours.MB, "MB-peak")
			b.ReportMetric(float64(ours.Bytes)/1e6/ours.Read.Processors, "MB/cpu-s-read")
			b.ReportMetric(theirs.Decide.Wall, "s/porcupine")
			b.ReportMetric(theirs.Decide.Processors, "cpu-s/porcupine")
			b.ReportMetric(theirs.MB, "MB-peak/porcupine")
			b.Logf("asked: 1,000,000 calls of 100 clients, %d keys in all, 3 %% of unknown outcome, decided in under 2 s on two cores and 400 MB, reading included in the memory; measured: %s, in %s after %s of reading, %.0f MB; porcupine 1.3.1: %s, after %s, %.0f MB",
				keys, ours.Answer, ours.Decide, ours.Read, ours.MB, theirs.Answer, theirs.Decide, theirs.MB)
		})
	}
}

// etcdNothing is the state of a register without a value; the others are their numbers.
const etcdNothing = -1 << 40

// BenchmarkEtcdLogs decides the 102 logs of etcd that porcupine brings, and lets porcupine do so twice, with numbers for states as
// its own tests do: with a hash of states, and without. Verdicts must be the same.
func BenchmarkEtcdLogs(b *testing.B) {
	dir := testData(b)
	type log struct {
		calls []Call
		ops   []porcupine.Operation
	}
	var logs []log
	for n := range 103 {
		if n == 95 {
			continue // the empty one
		}
		text, err := os.ReadFile(filepath.Join(dir, "jepsen", fmt.Sprintf("etcd_%03d.log", n)))
		if err != nil {
			b.Fatal(err)
		}
		rec, err := ReadRecording(context.Background(), "log", bytes.NewReader(text), FormatAuto, Options{FailedCAS: FailedCASDiffered, NilRead: NilReadAbsent})
		if err != nil {
			b.Fatal(err)
		}
		l := log{calls: rec.Calls}
		for i := range rec.Calls {
			c := &rec.Calls[i]
			l.ops = append(l.ops, porcupine.Operation{ClientId: c.Client, Input: etcdInput(c), Call: c.Begin, Return: c.end()})
		}
		logs = append(logs, l)
	}
	hashed := etcdModel()
	hashed.Hash = func(state any) uint64 { return uint64(state.(int)) * 0x9e3779b97f4a7c15 }
	var ours, plain, withHash time.Duration
	for b.Loop() {
		verdicts := make([]Verdict, len(logs))
		began := processor()
		for i, l := range logs {
			verdicts[i] = CheckCalls(context.Background(), ModelRegister, l.calls, Options{}, FileLimits()).Verdict
		}
		ours += processor() - began
		peer := func(model porcupine.Model) time.Duration {
			began := processor()
			for i, l := range logs {
				if porcupine.CheckOperations(model, l.ops) != (verdicts[i] == Legal) {
					b.Fatalf("log %d: expected porcupine's verdict, found %s", i, verdicts[i])
				}
			}
			return processor() - began
		}
		plain += peer(etcdModel())
		withHash += peer(hashed)
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }
	ratio := ours.Seconds() / min(plain, withHash).Seconds()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(ours), "cpu-ms/check")
	b.ReportMetric(ms(plain), "cpu-ms/porcupine")
	b.ReportMetric(ms(withHash), "cpu-ms/porcupine-with-hash")
	b.ReportMetric(ratio, "of-porcupine")
	b.Logf("asked: the verdicts of porcupine 1.3.1 on %d logs of etcd in at most 0.25 of its time of processors; measured: the same verdicts, in %.1f ms where it takes %.1f ms, or %.1f ms with a hash of states: %.3f",
		len(logs), ms(ours), ms(plain), ms(withHash), ratio)
}

type etcdCall struct {
	kind           CallKind
	from, value    int
	found, swapped bool
	unknown        bool
}

func etcdInput(c *Call) etcdCall {
	value := func(text string) int {
		n := etcdNothing
		if text != "" {
			if _, err := fmt.Sscan(text, &n); err != nil {
				panic(err)
			}
		}
		return n
	}
	return etcdCall{c.Kind, value(c.From), value(c.Value), c.Found, c.Swapped, c.Unknown}
}

func etcdModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return etcdNothing },
		Step: func(state, input, _ any) (bool, any) {
			st, c := state.(int), input.(etcdCall)
			switch c.kind {
			case Get:
				return c.unknown || st == c.value, st
			case Put:
				return true, c.value
			}
			if st == c.from {
				return c.unknown || c.swapped, c.value
			}
			return c.unknown || !c.swapped, st
		},
	}
}
