package fleet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
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

// What the queue itself costs, with jobs that cost nothing: the coordinator, the server and the workers are in this process, and its disk is
// synced for each message of outcomes. With real jobs the coordinator keeps as far ahead as here, two batches of 256.
func BenchmarkQueue(b *testing.B) {
	for _, gather := range []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond} {
		for _, workers := range []int{2, 32} {
			b.Run(fmt.Sprintf("gather=%v/workers=%d", gather, workers), func(b *testing.B) {
				q, err := Open(b.Context(), Options{Dir: b.TempDir(), Campaign: toy, Gather: gather})
				require.NoError(b, err)
				defer q.Close()
				ctx, cancel := context.WithCancel(b.Context())
				done := make(chan error, 1)
				go func() {
					done <- Work(ctx, WorkerOptions{Login: q.Login(), Workers: workers, Accept: accept, Do: func(ctx context.Context, j job.Job) job.Outcome {
						o := hash(ctx, j)
						o.Seen = features(j.Number)
						return o
					}})
				}()
				const ahead = 512
				next := uint64(0)
				put := func(n int) {
					require.NoError(b, q.Put(b.Context(), jobsOf(next, next+uint64(n))...))
					next += uint64(n)
				}
				put(min(b.N, ahead))
				bytesBefore, counted := written(b)
				cpu := processor(b)
				b.ResetTimer()
				for i := 0; i < b.N; i++ {
					select {
					case <-q.Outcomes():
					case <-time.After(time.Minute):
						require.FailNow(b, "no outcome for a minute")
					}
					if i%64 == 63 {
						require.NoError(b, q.Keep(b.Context(), uint64(max(0, i-2*ahead))))
						if n := min(64, b.N-int(next)); n > 0 {
							put(n)
						}
					}
				}
				b.StopTimer()
				n := float64(b.N)
				b.ReportMetric(n/b.Elapsed().Seconds(), "jobs/s")
				b.ReportMetric(1000*(processor(b)-cpu).Seconds()/n, "CPU-ms/job")
				if after, _ := written(b); counted {
					b.ReportMetric((after-bytesBefore)/n, "disk-B/job")
				}
				s := q.Stats()
				b.ReportMetric(float64(s.JobBytes)/n, "job-B/job")
				b.ReportMetric(float64(s.OutcomeBytes)/n, "outcome-B/job")
				b.ReportMetric(float64(s.Messages)/n, "outcome-messages/job")
				cancel()
				require.NoError(b, <-done)
			})
		}
	}
}
