package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
)

// features are as many as a run of our own system reaches in the small worlds: with them an outcome is some 5 KB of text.
func features(number uint64) coverage.Features {
	var f coverage.Features
	at := number % 7
	for range 1000 {
		at += 1 + (at*2654435761+number)%300
		f = append(f, coverage.At(0, at))
	}
	return f
}

// written returns how many bytes this process has had written to disks; false where the system does not say.
func written(b *testing.B) (float64, bool) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if rest, is := bytes.CutPrefix(line, []byte("write_bytes: ")); is {
			n, err := strconv.ParseFloat(string(bytes.TrimSpace(rest)), 64)
			require.NoError(b, err)
			return n, true
		}
	}
	return 0, false
}

// What the queue itself costs, with jobs that cost nothing: the coordinator, the server and all workers are in this process, and its disk is
// synced for each message of outcomes.
//
//   - alone: one job at a time, each outcome in a message of its own. No campaign costs more a job.
//   - workers: as a campaign on one machine, with two batches of jobs put ahead. Outcomes that wait for the disk share a message.
//   - gathering: the same, and workers gather outcomes.
//   - connections: many workers of one job each, each with its own connection over TCP, as on many machines.
func BenchmarkQueue(b *testing.B) {
	for _, c := range []struct {
		name                        string
		connections, workers, ahead int
		gather                      time.Duration
	}{
		{"alone", 1, 1, 1, 0},
		{"workers=2", 1, 2, 512, 0},
		{"workers=32", 1, 32, 512, 0},
		{"gathering=200ms/workers=2", 1, 2, 512, 200 * time.Millisecond},
		{"connections=100", 100, 1, 1024, 0},
		{"connections=1000", 1000, 1, 4096, 0},
		{"gathering=1s/connections=1000", 1000, 1, 4096, time.Second},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := Options{Dir: b.TempDir(), Campaign: toy, Gather: c.gather}
			if c.connections > 1 {
				o.Listen = "127.0.0.1:0"
			}
			q, err := Open(b.Context(), o)
			require.NoError(b, err)
			defer q.Close()
			login := q.Login()
			if c.connections > 1 {
				login = Login{Server: q.URL()}
			}
			ctx, cancel := context.WithCancel(b.Context())
			left := make(chan error, c.connections)
			var began sync.WaitGroup
			began.Add(c.connections)
			for i := range c.connections {
				go func() {
					left <- Work(ctx, WorkerOptions{Login: login, ID: strconv.Itoa(i), Workers: c.workers, Wait: time.Minute,
						Accept: func(json.RawMessage) error { began.Done(); return nil },
						Do: func(ctx context.Context, j job.Job) job.Outcome {
							o := hash(ctx, j)
							o.Seen = features(j.Number)
							return o
						}})
				}()
			}
			began.Wait()
			next := 0
			put := func(upTo int) {
				if upTo = min(upTo, b.N); upTo > next {
					require.NoError(b, q.Put(b.Context(), jobsOf(uint64(next), uint64(upTo))...))
					next = upTo
				}
			}
			disk, counted := written(b)
			cpu := processor(b)
			b.ResetTimer()
			put(c.ahead)
			batch := max(1, c.ahead/4)
			for i := 1; i <= b.N; i++ {
				select {
				case <-q.Outcomes():
				case <-time.After(time.Minute):
					require.FailNow(b, "no outcome for a minute", "%+v", q.Stats())
				}
				if i%batch == 0 {
					require.NoError(b, q.Keep(b.Context(), uint64(max(0, i-2*c.ahead)))) // a campaign keeps in order, and is behind
					put(i + c.ahead)
				}
			}
			b.StopTimer()
			n := float64(b.N)
			b.ReportMetric(n/b.Elapsed().Seconds(), "jobs/s")
			b.ReportMetric(1000*(processor(b)-cpu).Seconds()/n, "CPU-ms/job")
			if after, _ := written(b); counted {
				b.ReportMetric((after-disk)/n, "disk-B/job")
			}
			s := q.Stats()
			b.ReportMetric(float64(s.JobBytes)/n, "job-B/job")
			b.ReportMetric(float64(s.OutcomeBytes)/n, "outcome-B/job")
			b.ReportMetric(float64(s.Messages)/n, "outcome-messages/job")
			b.ReportMetric(float64(s.Late)/n, "late/job")
			cancel()
			for range c.connections {
				require.NoError(b, <-left)
			}
		})
	}
}
