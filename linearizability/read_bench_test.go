package linearizability

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// recordedCalls writes the same calls as our lines of JSON, as porcupine's operations in JSON, and as the log of a key-value
// store that porcupine's tests read. Values are unique, and reads see what was put last.
func recordedCalls(calls, clients, keys int) (lines, operations, kvlog []byte) {
	r := rand.New(rand.NewPCG(1, 2))
	var ours, log bytes.Buffer
	ops := make([]porcupine.Operation, 0, calls)
	state := make([]string, keys)
	type pending struct {
		key  int
		put  string
		call int64
	}
	open := make([]*pending, clients)
	now := int64(1_700_000_000_000_000_000)
	for done := 0; done < calls; {
		client := r.IntN(clients)
		now += r.Int64N(2000)
		p := open[client]
		if p == nil {
			p = &pending{key: r.IntN(keys), call: now}
			if r.IntN(2) == 0 {
				p.put = fmt.Sprintf("value%d", done)
				fmt.Fprintf(&ours, `{"client":%d,"event":"invoke","op":"put","key":"key%d","value":"%s","time":%d}`+"\n", client, p.key, p.put, now)
				fmt.Fprintf(&log, "{:process %d, :type :invoke, :f :put, :key \"key%d\", :value \"%s\"}\n", client, p.key, p.put)
			} else {
				fmt.Fprintf(&ours, `{"client":%d,"event":"invoke","op":"get","key":"key%d","time":%d}`+"\n", client, p.key, now)
				fmt.Fprintf(&log, "{:process %d, :type :invoke, :f :get, :key \"key%d\", :value nil}\n", client, p.key)
			}
			open[client] = p
			continue
		}
		op := porcupine.Operation{ClientId: client, Call: p.call, Return: now}
		key := "key" + strconv.Itoa(p.key)
		if p.put != "" {
			state[p.key] = p.put
			op.Input = map[string]any{"op": "put", "key": key, "value": p.put}
			fmt.Fprintf(&ours, `{"client":%d,"event":"ok","time":%d}`+"\n", client, now)
			fmt.Fprintf(&log, "{:process %d, :type :ok, :f :put, :key \"%s\", :value \"%s\"}\n", client, key, p.put)
		} else {
			op.Input, op.Output = map[string]any{"op": "get", "key": key}, state[p.key]
			fmt.Fprintf(&ours, `{"client":%d,"event":"ok","value":"%s","time":%d}`+"\n", client, state[p.key], now)
			fmt.Fprintf(&log, "{:process %d, :type :ok, :f :get, :key \"%s\", :value \"%s\"}\n", client, key, state[p.key])
		}
		ops = append(ops, op)
		open[client] = nil
		done++
	}
	operations, err := json.Marshal(ops)
	if err != nil {
		panic(err)
	}
	return ours.Bytes(), operations, log.Bytes()
}

// Porcupine has no format of its own: its users decode JSON into its operations, and its tests read the log of a key-value
// store by regular expressions, one for each kind of line. Both are measured beside our readers, on the same calls and on one
// processor.
func BenchmarkReading(b *testing.B) {
	const calls = 200_000
	lines, operations, kvlog := recordedCalls(calls, 100, 10_000)
	ours := func(format Format, text []byte) func() int {
		return func() int {
			rec, err := ReadRecording(context.Background(), "history", bytes.NewReader(text), format, Options{})
			require.NoError(b, err)
			return len(rec.Calls)
		}
	}
	for _, c := range []struct {
		name, asked, peer string
		text, peerText    []byte
		read, peerRead    func() int
	}{
		{"json", "lines of JSON read at 300 MB/s a core, or at twice the rate of porcupine's parse, if that is less", "JSON decoded into its operations", lines, operations, ours(FormatJSON, lines), func() int {
			var ops []porcupine.Operation
			require.NoError(b, json.Unmarshal(operations, &ops))
			return len(ops)
		}},
		{"kvlog", "the log that porcupine's tests read, beside how they read it", "as its tests do", kvlog, kvlog, ours(FormatKVLog, kvlog), func() int { return len(parseByExpressions(kvlog)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			var own, theirs float64 // seconds of processors
			for b.Loop() {
				own += measure(func() { require.GreaterOrEqual(b, c.read(), calls) }).Processors
				theirs += measure(func() { require.GreaterOrEqual(b, c.peerRead(), calls) }).Processors
			}
			mb := func(text []byte, seconds float64) float64 { return float64(len(text)) * float64(b.N) / seconds / 1e6 }
			million := func(seconds float64) float64 { return calls * float64(b.N) / seconds / 1e6 }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(mb(c.text, own), "MB/cpu-s")
			b.ReportMetric(million(own), "Mcalls/cpu-s")
			b.ReportMetric(mb(c.peerText, theirs), "MB/cpu-s/porcupine")
			b.ReportMetric(million(theirs), "Mcalls/cpu-s/porcupine")
			b.Logf("asked: %s; measured: %.0f MB/s, %.2f million calls/s; porcupine, %s: %.0f MB/s, %.2f million calls/s",
				c.asked, mb(c.text, own), million(own), c.peer, mb(c.peerText, theirs), million(theirs))
		})
	}
}

// parseByExpressions reads the log of a key-value store as porcupine's own tests do: line by line, by an expression for each
// kind of event.
func parseByExpressions(text []byte) []porcupine.Event {
	type input struct {
		op         uint8
		key, value string
	}
	kinds := []struct {
		line *regexp.Regexp
		op   uint8
		kind porcupine.EventKind
	}{
		{regexp.MustCompile(`{:process (\d+), :type :invoke, :f :get, :key "(.*)", :value nil}`), 0, porcupine.CallEvent},
		{regexp.MustCompile(`{:process (\d+), :type :invoke, :f :put, :key "(.*)", :value "(.*)"}`), 1, porcupine.CallEvent},
		{regexp.MustCompile(`{:process (\d+), :type :ok, :f :get, :key ".*", :value "(.*)"}`), 0, porcupine.ReturnEvent},
		{regexp.MustCompile(`{:process (\d+), :type :ok, :f :put, :key ".*", :value ".*"}`), 1, porcupine.ReturnEvent},
	}
	var events []porcupine.Event
	ids := make(map[int]int)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		for _, k := range kinds {
			m := k.line.FindStringSubmatch(lines.Text())
			if m == nil {
				continue
			}
			client, _ := strconv.Atoi(m[1])
			if k.kind == porcupine.CallEvent {
				ids[client] = len(events)
				events = append(events, porcupine.Event{ClientId: client, Kind: k.kind, Value: input{k.op, m[2], strings.Join(m[3:], "")}, Id: ids[client]})
			} else {
				events = append(events, porcupine.Event{ClientId: client, Kind: k.kind, Value: strings.Join(m[2:], ""), Id: ids[client]})
			}
			break
		}
	}
	return events
}
