package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
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

const shortLease = 300 * time.Millisecond

func one(t testing.TB, q *Queue) job.Outcome {
	t.Helper()
	select {
	case o, more := <-q.Outcomes():
		require.True(t, more, "the queue ended: %v", q.Err())
		return o
	case <-time.After(time.Minute):
		require.FailNow(t, "no outcome for a minute", "%+v", q.Stats())
	}
	panic("unreachable")
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

// work runs a worker of this process until the test ends or it leaves; what it leaves with is in the channel.
func work(t testing.TB, o WorkerOptions) (leave context.CancelFunc, left <-chan error) {
	t.Helper()
	if o.Accept == nil {
		o.Accept = accept
	}
	if o.Do == nil {
		o.Do = hash
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		done <- Work(ctx, o)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return cancel, done
}

func open(t testing.TB, o Options) *Queue {
	t.Helper()
	if o.Server == "" && o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Campaign == nil {
		o.Campaign = toy
	}
	q, err := Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { q.Close() })
	return q
}

// serverOf starts a server of this process for several queues.
func serverOf(t testing.TB) Login {
	t.Helper()
	e, err := embed(Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(e.close)
	return Login{Server: e.url()}
}

func TestAWorkerRefusesACampaign(t *testing.T) {
	q := open(t, Options{})
	other := errors.New("expected the build a1, found b2")
	_, left := work(t, WorkerOptions{Login: q.Login(), ID: "w", Accept: func(campaign json.RawMessage) error {
		require.JSONEq(t, string(toy), string(campaign))
		return other
	}})
	err := <-left
	require.Equal(t, &CampaignError{"w", other}, err)
	require.EqualError(t, err, "fleet: the worker w cannot work for this campaign: expected the build a1, found b2")

	// Of another version of the messages, and one that is not what it says.
	for i, a := range []announcement{
		{Version: version + 1, ID: q.id, Campaign: toy, Lease: time.Second, Deliveries: 1},
		{Version: version, ID: "frogs", Campaign: toy, Lease: time.Second, Deliveries: 1},
		{Version: version, ID: q.id, Campaign: toy, Deliveries: 1},
		{Version: version, ID: q.id, Campaign: toy, Lease: time.Second},
	} {
		a.Session, a.Round = q.session, q.round+int64(i)+1
		text, err := json.Marshal(a)
		require.NoError(t, err)
		_, err = q.link.js.Publish(t.Context(), q.names.campaign(), text)
		require.NoError(t, err)
		_, left := work(t, WorkerOptions{Login: q.Login(), ID: "w", Accept: func(json.RawMessage) error { panic("it was asked") }})
		var refused *CampaignError
		require.ErrorAs(t, <-left, &refused)
	}
}

// Announcements are heard twice, from whoever makes them and from the server's stream, in either order.
func TestAnnouncementsThatComeLate(t *testing.T) {
	q := open(t, Options{})
	accepted := make(chan string, 4)
	_, left := work(t, WorkerOptions{Login: q.Login(), Accept: func(c json.RawMessage) error { accepted <- string(c); return nil }})
	require.Equal(t, string(toy), <-accepted)
	tell := func(round int64, campaign string, ended bool) { // past the stream, as if that were slow
		a := announcement{Version: version, ID: idOf([]byte(campaign)), Session: q.session, Round: round, Campaign: json.RawMessage(campaign), Lease: time.Hour, Deliveries: 1, Ended: ended}
		text, err := json.Marshal(a)
		require.NoError(t, err)
		m := &nats.Msg{Subject: q.names.campaign(), Data: text}
		require.NoError(t, q.link.nc.PublishMsg(m))
	}
	tell(q.round-1, `"before"`, false)
	tell(q.round-1, `"before"`, true)
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 5)...))
	requireHashes(t, collect(t, q, 0, 5))
	require.Empty(t, accepted)
	tell(q.round+2, `"after"`, false)
	require.Equal(t, `"after"`, <-accepted)
	tell(q.round+1, `"between"`, false)
	tell(q.round+2, `"after"`, true)
	require.NoError(t, <-left)
	require.Empty(t, accepted)
}

// What a campaign's end does: workers leave, and those that come later leave as well.
func TestACampaignEnds(t *testing.T) {
	l := serverOf(t)
	q := open(t, Options{Login: l})
	_, first := work(t, WorkerOptions{Login: l, Workers: 2})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 3)...))
	requireHashes(t, collect(t, q, 0, 3))
	require.NoError(t, q.End(t.Context()))
	require.NoError(t, <-first)
	_, second := work(t, WorkerOptions{Login: l, Accept: func(json.RawMessage) error { panic("it was asked") }})
	require.NoError(t, <-second)
	require.NoError(t, q.Close())
	_, more := <-q.Outcomes()
	require.False(t, more)
	require.NoError(t, q.Err())
	require.ErrorIs(t, q.Put(t.Context(), jobsOf(5, 6)...), ErrClosed)

	// Another takes its place, and nothing of the first is left.
	q = open(t, Options{Login: l, Campaign: json.RawMessage(`{"system":"other"}`)})
	work(t, WorkerOptions{Login: l})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 3)...))
	requireHashes(t, collect(t, q, 0, 3))
	require.Zero(t, q.Stats().Late)
}

func TestTwoCampaignsOnOneServer(t *testing.T) {
	l := serverOf(t)
	q := open(t, Options{Login: l})
	o := Options{Login: l, Campaign: json.RawMessage(`{"system":"other"}`)}
	_, err := Open(t.Context(), o)
	require.Equal(t, &OtherCampaignError{l.Server, DefaultName, idOf(o.Campaign), q.id}, err)

	o.Name = "other" // beside it
	beside := open(t, o)
	accepted := make(chan string, 4)
	_, left := work(t, WorkerOptions{Login: l, Accept: func(c json.RawMessage) error { accepted <- string(c); return nil }})
	work(t, WorkerOptions{Login: l, Name: "other"})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 5)...))
	require.NoError(t, beside.Put(t.Context(), jobsOf(2, 9)...))
	requireHashes(t, collect(t, q, 0, 5))
	requireHashes(t, collect(t, beside, 2, 9))
	require.Equal(t, string(toy), <-accepted)

	o.Name, o.Replace = "", true // in its place: the coordinator ends, and its worker goes over
	replaced := open(t, o)
	_, more := <-q.Outcomes()
	require.False(t, more)
	require.Equal(t, &TakenOverError{DefaultName}, q.Err())
	require.Equal(t, q.Err(), q.Put(t.Context(), jobsOf(5, 6)...))
	require.Equal(t, string(o.Campaign), <-accepted)
	// A job that the first one put before it knew.
	_, err = replaced.link.js.Publish(t.Context(), q.names.job(q.id, 6), []byte(`{"number":6}`))
	require.NoError(t, err)
	require.NoError(t, replaced.Put(t.Context(), jobsOf(0, 5)...))
	requireHashes(t, collect(t, replaced, 0, 5))
	requireEmpty(t, replaced)
	require.Empty(t, left)
	require.Empty(t, accepted)
}

func TestASecondCoordinatorTakesTheCampaignOver(t *testing.T) {
	l := serverOf(t)
	first := open(t, Options{Login: l})
	require.NoError(t, first.Put(t.Context(), jobsOf(0, 5)...))
	second := open(t, Options{Login: l})
	_, more := <-first.Outcomes()
	require.False(t, more)
	require.Equal(t, &TakenOverError{DefaultName}, first.Err())
	empty, err := second.Empty(t.Context())
	require.NoError(t, err)
	require.True(t, empty, "it puts the jobs itself")
}

func TestMessagesThatAreTooLarge(t *testing.T) {
	q := open(t, Options{})
	large := job.Job{Number: 7, Walks: &job.Walks{Subject: strings.Repeat("x", 1<<20)}}
	err := q.Put(t.Context(), append(jobsOf(0, 3), large)...)
	var tooLarge *TooLargeError
	require.ErrorAs(t, err, &tooLarge)
	require.Equal(t, "job 7", tooLarge.What)
	require.Equal(t, 1<<20, tooLarge.Limit)
	require.Greater(t, tooLarge.Size, tooLarge.Limit)
	require.Zero(t, q.Stats().Put, "none is put")

	// An outcome that is too large says so in its place, and those beside it come whole: several fill a message.
	work(t, WorkerOptions{Login: q.Login(), Workers: 4, Do: func(ctx context.Context, j job.Job) job.Outcome {
		o := hash(ctx, j)
		o.Finding = strings.Repeat("x", 400_000)
		if j.Number == 2 {
			o.Finding = strings.Repeat("x", 1<<20)
		}
		return o
	}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 12)...))
	got := collect(t, q, 0, 12)
	require.Equal(t, verdict.CouldNotTell, got[2].Verdict)
	require.Contains(t, got[2].Broken, "the outcome of job 2: expected at most 1048574 bytes, found ")
	delete(got, 2)
	requireHashes(t, got)
	for _, o := range got {
		require.Len(t, o.Finding, 400_000)
	}
}

// A server that keeps no more outcomes is not asked for ever.
func TestAServerRefusesOutcomes(t *testing.T) {
	q := open(t, Options{})
	_, err := q.link.js.UpdateStream(t.Context(), jetstream.StreamConfig{Name: q.names.outcomeStream(), Subjects: []string{q.names.outcomes(), q.names.begins()},
		MaxBytes: 20_000, Discard: jetstream.DiscardNew})
	require.NoError(t, err)
	_, left := work(t, WorkerOptions{Login: q.Login(), Do: func(ctx context.Context, j job.Job) job.Outcome {
		o := hash(ctx, j)
		o.Finding = strings.Repeat("x", 8000)
		return o
	}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 20)...))
	err = <-left
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "the server at this process: expected it to keep outcomes, found nats: ")
	require.ErrorContains(t, err, "code=503 err_code=10077 description=maximum bytes exceeded")
}

// Parcels hold what is added, and no message is longer than its limit.
func TestParcel(t *testing.T) {
	p := parcel{limit: 20}
	require.True(t, p.add([]byte(`"01234567890123456"`)), "a first one always fits")
	require.False(t, p.add([]byte(`1`)))
	require.Equal(t, `["01234567890123456"]`, string(p.message()))
	for _, n := range []string{"12345678", "12345678"} {
		require.True(t, p.add([]byte(n)))
	}
	require.False(t, p.add([]byte("1")))
	require.Equal(t, "[12345678,12345678]", string(p.message()))
}

// A message that cannot be read ends who reads it, by name. It is from someone who is let in and is of another build.
func TestMessagesThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]func(q *Queue) (subject string){
		"an outcome":       func(q *Queue) string { return q.names.outcome(q.id) },
		"an announcement":  func(q *Queue) string { return q.names.campaign() },
		"a job":            func(q *Queue) string { return q.names.job(q.id, 3) },
		"a job's subject":  func(q *Queue) string { return q.names.jobOf(q.id) + "frogs" },
		"of another queue": func(q *Queue) string { return q.names.outcome("frogs") },
	} {
		t.Run(name, func(t *testing.T) {
			q := open(t, Options{})
			_, left := work(t, WorkerOptions{Login: q.Login()})
			require.NoError(t, q.Put(t.Context(), jobsOf(0, 1)...))
			one(t, q) // both are at work
			_, err := q.link.js.Publish(t.Context(), c(q), []byte("frogs"))
			require.NoError(t, err)
			var unreadable *MessageError
			if name != "an outcome" && name != "of another queue" {
				require.ErrorAs(t, <-left, &unreadable)
				require.Equal(t, c(q), unreadable.Subject)
			}
			if name == "an outcome" || name == "an announcement" {
				_, more := <-q.Outcomes()
				require.False(t, more)
				require.ErrorAs(t, q.Err(), &unreadable)
				require.Equal(t, c(q), unreadable.Subject)
				return
			}
			if name == "of another queue" {
				require.NoError(t, q.Put(t.Context(), jobsOf(1, 2)...))
				requireHashes(t, collect(t, q, 1, 2))
			}
		})
	}
	q := open(t, Options{})
	require.NoError(t, q.Put(t.Context(), job.Job{Number: 1}))
	_, err := q.link.js.Publish(t.Context(), q.names.job(q.id, 2), []byte(`{"number":1}`))
	require.NoError(t, err)
	_, left := work(t, WorkerOptions{Login: q.Login()})
	require.EqualError(t, <-left, "fleet: a message on "+q.names.job(q.id, 2)+": expected job 2, found job 1")
}

// A worker that is told to leave finishes what it has begun. The rest is for others, at once.
func TestAWorkerLeaves(t *testing.T) {
	q := open(t, Options{Lease: time.Hour})
	begun, goOn := make(chan uint64, 9), make(chan struct{})
	leave, left := work(t, WorkerOptions{Login: q.Login(), ID: "first", Workers: 2, Do: func(ctx context.Context, j job.Job) job.Outcome {
		begun <- j.Number
		<-goOn
		return hash(ctx, j)
	}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 6)...))
	<-begun
	<-begun
	leave()
	close(goOn)
	require.NoError(t, <-left)
	work(t, WorkerOptions{Login: q.Login(), ID: "second"})
	got := collect(t, q, 0, 6)
	requireHashes(t, got)
	by := map[string]int{}
	for _, o := range got {
		by[o.By]++
	}
	require.Equal(t, map[string]int{"first": 2, "second": 4}, by)
	requireEmpty(t, q)
}

// A worker that is told to leave does not wait longer for its jobs than it is told to: another has them long before the lease is over.
func TestAWorkerLetsGo(t *testing.T) {
	q := open(t, Options{Lease: time.Hour})
	begun := make(chan uint64, 9)
	leave, left := work(t, WorkerOptions{Login: q.Login(), ID: "first", Workers: 2, Grace: time.Millisecond, Do: func(ctx context.Context, j job.Job) job.Outcome {
		begun <- j.Number
		<-ctx.Done()
		return job.Outcome{Number: j.Number, Verdict: verdict.Violation}
	}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 6)...))
	<-begun
	<-begun
	leave()
	require.NoError(t, <-left)
	work(t, WorkerOptions{Login: q.Login(), ID: "second", Workers: 3})
	got := collect(t, q, 0, 6)
	requireHashes(t, got)
	for _, o := range got {
		require.Equal(t, "second", o.By)
	}
	requireEmpty(t, q)
	require.Equal(t, uint64(2), q.Stats().Again)
}

// Jobs that take longer than a lease keep it.
func TestALeaseIsRenewed(t *testing.T) {
	q := open(t, Options{Lease: shortLease})
	begun := make(chan uint64, 9)
	release := make(chan struct{})
	work(t, WorkerOptions{Login: q.Login(), ID: "first", Do: func(ctx context.Context, j job.Job) job.Outcome {
		begun <- j.Number
		if j.Number == 0 {
			<-release
		}
		return hash(ctx, j)
	}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 1)...))
	require.Equal(t, uint64(0), <-begun)
	// Another worker has a job that it lets its lease run out of, three times over, while the first one goes on.
	k, err := connect(t.Context(), q.Login(), "test", 0, nil)
	require.NoError(t, err)
	defer k.close()
	require.NoError(t, q.Put(t.Context(), jobsOf(1, 2)...))
	consumer, err := k.js.Consumer(t.Context(), q.names.jobStream(), workers)
	require.NoError(t, err)
	for n := uint64(1); n <= 4; n++ {
		m, err := consumer.Next()
		require.NoError(t, err)
		meta, err := m.Metadata()
		require.NoError(t, err)
		require.Equal(t, q.names.job(q.id, 1), m.Subject())
		require.Equal(t, n, meta.NumDelivered)
	}
	close(release)
	got := collect(t, q, 0, 2)
	require.Equal(t, "first", got[0].By)
	require.Zero(t, got[0].GivenUp)
}

// The outcomes that were kept are forgotten by the server, and those that were not are not.
func TestKeep(t *testing.T) {
	q := open(t, Options{})
	const jobs = 200
	require.NoError(t, q.Put(t.Context(), jobsOf(0, jobs)...))
	for n := range uint64(jobs) { // a message each
		text, err := json.Marshal([]job.Outcome{hash(t.Context(), job.Job{Number: n})})
		require.NoError(t, err)
		_, err = q.link.js.Publish(t.Context(), q.names.outcome(q.id), text)
		require.NoError(t, err)
	}
	collect(t, q, 0, jobs)
	stored := func() (outcomes map[uint64]bool) {
		outcomes = map[uint64]bool{}
		stream, err := q.link.js.Stream(t.Context(), q.names.outcomeStream())
		require.NoError(t, err)
		info := stream.CachedInfo()
		for at := info.State.FirstSeq; at <= info.State.LastSeq; at++ {
			m, err := stream.GetMsg(t.Context(), at)
			require.NoError(t, err)
			list, err := outcomesIn(m.Subject, m.Data)
			require.NoError(t, err)
			for _, o := range list {
				outcomes[o.Number] = true
			}
		}
		return outcomes
	}
	require.Len(t, stored(), jobs)
	require.NoError(t, q.Keep(t.Context(), 10))
	require.Len(t, stored(), jobs, "it forgets some at a time")
	require.NoError(t, q.Keep(t.Context(), jobs-50))
	left := stored()
	require.Len(t, left, 50)
	for n := uint64(jobs - 50); n < jobs; n++ {
		require.True(t, left[n], "job %d", n)
	}
}

// A message that went to a fetch that had ended on this side is read again.
func TestALostMessageIsReadAgain(t *testing.T) {
	q := open(t, Options{})
	r := reader{Queue: q}
	require.NoError(t, r.begin())
	require.NoError(t, r.checkNoneIsLost())
	_, err := q.link.js.Publish(t.Context(), q.names.begun(q.id, 1), nil)
	require.NoError(t, err)
	_, err = r.consumer.Next()
	require.NoError(t, err)
	require.ErrorIs(t, r.checkNoneIsLost(), errBegin)
	_, err = q.link.js.Publish(t.Context(), q.names.begun(q.id, 2), nil)
	require.NoError(t, err)
	m, err := r.consumer.Next()
	require.NoError(t, err)
	require.ErrorIs(t, r.message(m), errBegin)
	require.Zero(t, r.last)
	require.NoError(t, r.begin())
	for n := uint64(1); n <= 2; n++ {
		m, err := r.consumer.Next()
		require.NoError(t, err)
		require.NoError(t, r.message(m))
		require.Equal(t, n, r.last)
	}
	require.NoError(t, r.checkNoneIsLost())
}
