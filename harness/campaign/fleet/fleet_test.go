package fleet

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/verdict"
)

var toy = json.RawMessage(`{"system":"toy"}`)

func accept(json.RawMessage) error { return nil }

// hash does a job: its outcome is a function of its number.
func hash(_ context.Context, j job.Job) job.Outcome {
	return job.Outcome{Number: j.Number, Hash: xxh3.Hash([]byte{byte(j.Number), byte(j.Number >> 8)}), Verdict: verdict.Pass, Work: j.Number}
}

func jobsOf(from, to uint64) []job.Job {
	var jobs []job.Job
	for n := from; n < to; n++ {
		jobs = append(jobs, job.Job{Number: n, Arm: job.Random, Seed: n})
	}
	return jobs
}

// collect reads the outcomes of the jobs from one number to another: each of them once, as hash makes them.
func collect(t testing.TB, q *Queue, from, to uint64) map[uint64]job.Outcome {
	t.Helper()
	got := map[uint64]job.Outcome{}
	for uint64(len(got)) < to-from {
		select {
		case o, more := <-q.Outcomes():
			require.True(t, more, "the queue ended: %v", q.Err())
			require.NotContains(t, got, o.Number)
			require.True(t, o.Number >= from && o.Number < to, "job %d", o.Number)
			got[o.Number] = o
		case <-time.After(time.Minute):
			require.FailNow(t, "no outcome for a minute", "%d of %d came; %+v", len(got), to-from, q.Stats())
		}
	}
	return got
}

func requireHashes(t testing.TB, got map[uint64]job.Outcome) {
	t.Helper()
	for n, o := range got {
		want := hash(context.Background(), job.Job{Number: n})
		require.Equal(t, want.Hash, o.Hash, "job %d", n)
		require.Equal(t, want.Verdict, o.Verdict, "job %d", n)
		require.NotEmpty(t, o.By, "job %d", n)
	}
}

func requireEmpty(t testing.TB, q *Queue) {
	t.Helper()
	require.Eventually(t, func() bool {
		empty, err := q.Empty(t.Context())
		require.NoError(t, err)
		return empty
	}, time.Minute, 5*time.Millisecond)
}

func TestWorkersOfTheSameProcess(t *testing.T) {
	q, err := Open(t.Context(), Options{Dir: t.TempDir(), Campaign: toy})
	require.NoError(t, err)
	defer q.Close()
	require.Empty(t, q.URL())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- Work(ctx, WorkerOptions{Login: q.Login(), ID: "w", Workers: 4, Accept: accept, Do: hash})
	}()
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 100)...))
	requireHashes(t, collect(t, q, 0, 100))
	requireEmpty(t, q)
	require.NoError(t, q.Keep(t.Context(), 100))
	require.NoError(t, q.Put(t.Context(), jobsOf(90, 300)...))
	requireHashes(t, collect(t, q, 100, 300))
	s := q.Stats()
	require.Equal(t, uint64(300), s.Put)
	require.Equal(t, uint64(300), s.Outcomes)
	require.Zero(t, s.Late)
	cancel()
	require.NoError(t, <-done)
}
