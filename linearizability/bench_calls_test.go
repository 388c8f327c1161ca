package linearizability

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// held is what the process holds of the machine's memory, in bytes.
func held() float64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return float64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

// processor is the time that the process has had of all processors.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// porcupinePatience is how long the peer is waited for.
const porcupinePatience = 30 * time.Second

// BenchmarkCalls decides a million puts, gets and swaps, and lets porcupine try the same: s/porcupine is how long it took, and
// answers/porcupine whether it knew within its patience.
func BenchmarkCalls(b *testing.B) {
	for _, keys := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("calls=1000000/keys=%d", keys), func(b *testing.B) {
			history := load{operations: 1_000_000, clients: 100, keys: keys, lost: 0.03, seed: 1}.registerCalls()
			debug.FreeOSMemory()
			most := 0.0
			b.ReportAllocs()
			for b.Loop() {
				result := CheckCalls(context.Background(), ModelRegister, history, Options{}, FileLimits())
				if result.Verdict != Legal || result.Proof != ByOrder {
					b.Fatalf("%s by %s: %v", result.Verdict, result.Proof, result.Err())
				}
				most = max(most, held())
			}
			b.ReportMetric(most/1e6, "MB-held")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/check")
			b.StopTimer()
			var ops []porcupine.Operation
			for _, key := range byKey(history) {
				of, _ := key.operations(ModelRegister, nil)
				ops = append(ops, of...)
			}
			model := ModelRegister.porcupine(1<<30, nil)
			model.Partition = func(all []porcupine.Operation) [][]porcupine.Operation {
				parts := make(map[string][]porcupine.Operation)
				for _, op := range all {
					key := op.Input.(*Call).Key
					parts[key] = append(parts[key], op)
				}
				var list [][]porcupine.Operation
				for _, p := range parts {
					list = append(list, p)
				}
				return list
			}
			step := model.Step
			model.Step = func(state, input, output any) (bool, any) {
				ok, next := step(state, input, output)
				if input.(*Call).Unknown && !ok {
					return true, state // it need not happen
				}
				return ok, next
			}
			began := time.Now()
			answer := porcupine.CheckOperationsTimeout(model, ops, porcupinePatience)
			b.ReportMetric(time.Since(began).Seconds(), "s/porcupine")
			answered := 0.0
			if answer != porcupine.Unknown {
				answered = 1
			}
			b.ReportMetric(answered, "answers/porcupine")
		})
	}
}

// etcdNothing is the state of a register without a value; the others are their numbers.
const etcdNothing = -1 << 40

// BenchmarkEtcdLogs decides the 102 logs of etcd that porcupine brings, and lets porcupine do so with numbers for states, as its
// own tests do. Verdicts must be the same.
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
	var ours, theirs time.Duration
	for b.Loop() {
		verdicts := make([]Verdict, len(logs))
		began := processor()
		for i, l := range logs {
			verdicts[i] = CheckCalls(context.Background(), ModelRegister, l.calls, Options{}, FileLimits()).Verdict
		}
		between := processor()
		for i, l := range logs {
			if porcupine.CheckOperations(etcdModel(), l.ops) != (verdicts[i] == Legal) {
				b.Fatalf("log %d: expected porcupine's verdict, found %s", i, verdicts[i])
			}
		}
		ours, theirs = ours+between-began, theirs+processor()-between
	}
	b.ReportMetric(ours.Seconds()*1000/float64(b.N), "ms-processor")
	b.ReportMetric(theirs.Seconds()*1000/float64(b.N), "ms-processor/porcupine")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "of-porcupine")
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
