package linearizability

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// Long histories are measured in a process of their own, which is this test binary once more: so the memory is that of reading
// and deciding alone, and a peer that does not come to an end can be ended.

// measureAs is the argument by which the test binary knows that it is such a process.
const measureAs = "measure:"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && strings.HasPrefix(os.Args[1], measureAs) {
		if err := json.NewEncoder(os.Stdout).Encode(measureFile(strings.TrimPrefix(os.Args[1], measureAs), os.Args[2])); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A span is what some work took: by the clock, and of all processors, in seconds.
type span struct{ Wall, Processors float64 }

// measure times some work.
func measure(work func()) span {
	wall, used := time.Now(), processor()
	work()
	return span{time.Since(wall).Seconds(), (processor() - used).Seconds()}
}

func (s span) String() string {
	return fmt.Sprintf("%.2f s (%.2f s of processors)", s.Wall, s.Processors)
}

// processor is the time that the process has had of all processors.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// residentMB is how much of the machine's memory the process holds: now, or at most so far.
func residentMB(most bool) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	line := "VmRSS:"
	if most {
		line = "VmHWM:"
	}
	for l := range bytes.Lines(text) {
		if fields := strings.Fields(string(l)); len(fields) > 1 && fields[0] == line {
			kilobytes, err := strconv.Atoi(fields[1])
			if err != nil {
				panic(err)
			}
			return float64(kilobytes) / 1000
		}
	}
	panic("expected " + line + " in the status of the process, found none")
}

// A fileMeasure is what one process has measured.
type fileMeasure struct {
	Bytes        int64 // of the file
	Calls        int
	Read, Decide span
	MB           float64 // held at most
	Answer       string  // the verdict, or why there is none
}

// What the peer gets at most: twice what it took on 10,000 keys when that was last known, and of memory, what the machine can
// spare.
const (
	peerPatience = 150 * time.Second
	peerMB       = 6000
)

// measureFile reads a history of calls of registers and lets somebody decide it.
func measureFile(who, path string) fileMeasure {
	info, err := os.Stat(path)
	if err != nil {
		panic(err)
	}
	m := fileMeasure{Bytes: info.Size()}
	var rec *Recording
	m.Read = measure(func() {
		if rec, err = ReadFile(context.Background(), path, nil, FormatJSON, Options{}); err != nil {
			panic(err)
		}
	})
	m.Calls = len(rec.Calls)
	switch who {
	case "firstgap":
		m.Decide = measure(func() {
			result := rec.Check(context.Background(), ModelRegister, "", FileLimits())
			m.Answer = fmt.Sprintf("%s by %s", result.Verdict, result.Proof)
			if result.Verdict != Legal {
				m.Answer += ": " + result.Err().Error()
			}
		})
		m.MB = residentMB(true)
	case "porcupine":
		model, ops := peerCalls(rec.Calls)
		answer := make(chan porcupine.CheckResult, 1)
		m.Decide = measure(func() {
			go func() { answer <- porcupine.CheckOperationsTimeout(model, ops, peerPatience) }()
			for m.Answer == "" {
				select {
				case a := <-answer:
					m.Answer = map[porcupine.CheckResult]string{porcupine.Ok: "legal", porcupine.Illegal: "illegal",
						porcupine.Unknown: fmt.Sprintf("gave up after %s", peerPatience)}[a]
				case <-time.After(20 * time.Millisecond):
					if residentMB(false) > peerMB {
						m.Answer = fmt.Sprintf("gave up at %d MB", peerMB)
					}
				}
			}
		})
		m.MB = residentMB(true)
	default:
		panic("expected firstgap or porcupine, found " + who)
	}
	return m
}

// measured runs such a process.
func measured(b *testing.B, who, path string) (m fileMeasure) {
	b.Helper()
	out, err := exec.Command(os.Args[0], measureAs+who, path).Output()
	if failed, ok := err.(*exec.ExitError); ok {
		b.Fatalf("%s on %s: %v\n%s", who, path, err, failed.Stderr)
	}
	require.NoError(b, err)
	require.NoError(b, json.Unmarshal(out, &m))
	return m
}

// peerCalls are calls of registers for porcupine, with a hash of states, without which it is slower: an operation without an
// answer may also not have happened.
func peerCalls(history []Call) (porcupine.Model, []porcupine.Operation) {
	ops := make([]porcupine.Operation, 0, len(history))
	for _, key := range byKey(history) {
		of, _ := key.operations(ModelRegister, nil)
		ops = append(ops, of...)
	}
	model := ModelRegister.porcupine(1<<30, nil)
	model.Partition = func(all []porcupine.Operation) [][]porcupine.Operation {
		number := make(map[string]int)
		var parts [][]porcupine.Operation
		for _, op := range all {
			key := op.Input.(*Call).Key
			at, ok := number[key]
			if !ok {
				at = len(parts)
				number[key] = at
				parts = append(parts, nil)
			}
			parts[at] = append(parts[at], op)
		}
		return parts
	}
	step := model.Step
	model.Step = func(state, input, output any) (bool, any) {
		ok, next := step(state, input, output)
		if input.(*Call).Unknown && !ok {
			return true, state
		}
		return ok, next
	}
	return model, ops
}

// writeJSON writes calls as our lines of JSON, with times, into a file of the benchmark's.
func writeJSON(b *testing.B, history []Call) (path string) {
	b.Helper()
	type event struct {
		time int64
		call int32
		end  bool
	}
	events := make([]event, 0, 2*len(history))
	for i := range history {
		events = append(events, event{history[i].Begin, int32(i), false}, event{history[i].End, int32(i), true})
	}
	slices.SortFunc(events, func(x, y event) int {
		if x.time == y.time && x.end != y.end {
			if x.end {
				return -1 // a client ends before it begins again
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.time, y.time), cmp.Compare(x.call, y.call))
	})
	path = filepath.Join(b.TempDir(), "history.jsonl")
	file, err := os.Create(path)
	require.NoError(b, err)
	out := bufio.NewWriterSize(file, 1<<20)
	for _, e := range events {
		c := &history[e.call]
		switch {
		case !e.end:
			fmt.Fprintf(out, `{"client":%d,"event":"invoke","op":"%s","key":"%s"`, c.Client, c.Kind, c.Key)
			if c.Kind == CompareAndSwap {
				fmt.Fprintf(out, `,"from":"%s"`, c.From)
			}
			if c.Kind != Get {
				fmt.Fprintf(out, `,"value":"%s"`, c.Value)
			}
		case c.Unknown:
			fmt.Fprintf(out, `{"client":%d,"event":"info"`, c.Client)
		default:
			fmt.Fprintf(out, `{"client":%d,"event":"ok"`, c.Client)
			if c.Kind == CompareAndSwap {
				fmt.Fprintf(out, `,"swapped":%t`, c.Swapped)
			}
			if c.Kind == Get && c.Found {
				fmt.Fprintf(out, `,"value":"%s"`, c.Value)
			}
		}
		fmt.Fprintf(out, `,"time":%d}`+"\n", e.time)
	}
	require.NoError(b, out.Flush())
	require.NoError(b, file.Close())
	return path
}
