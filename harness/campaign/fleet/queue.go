package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/firstgap/firstgap/harness/campaign/job"
)

// A Queue is a campaign's jobs and outcomes, as its coordinator sees them. Its methods may be called at the same time.
type Queue struct {
	options Options
	names   names
	id      string
	session string
	round   int64
	server  *embedded // nil if it is elsewhere
	link    *link

	ctx    context.Context // ends with the queue
	cancel context.CancelFunc
	group  sync.WaitGroup
	out    chan job.Outcome
	more   chan struct{} // holds one if ready may have got longer

	mu    sync.Mutex
	err   error
	kept  uint64 // outcomes of jobs before it are in lines
	open  map[uint64][]byte
	done  map[uint64]struct{} // jobs from kept on that have an outcome
	early map[uint64]job.Outcome
	ready []job.Outcome
	spans []span // of the stream of outcomes, in its order
	stats Stats
	seen  map[string]time.Time // workers, by the last outcome of theirs
}

// A span is a message of the stream of outcomes, and the last job that it speaks of.
type span struct{ sequence, number uint64 }

// Stats is what passed through a queue, since it was opened.
type Stats struct {
	Put          uint64 // jobs
	Outcomes     uint64 // that counted
	Late         uint64 // outcomes of jobs that had one
	Again        uint64 // jobs that were begun again, because a lease ran out
	GivenUp      uint64
	JobBytes     uint64 // of the messages
	OutcomeBytes uint64
	Messages     uint64 // of outcomes and beginnings
	Workers      int    // that sent outcomes
	Active       int    // of these, in the last two leases
	Open         int    // jobs without an outcome
	Connected    bool
}

// Open begins to lead a campaign: workers are told of it, jobs that an earlier coordinator left are removed, and the outcomes that have come
// since are read. It fails with a *LockedError, *OpenError, *ServerError, *LoginError, *OtherCampaignError or *OptionError.
func Open(ctx context.Context, o Options) (q *Queue, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	q = &Queue{options: o, names: names(o.Name), id: idOf(o.Campaign), session: nuid.Next(), kept: o.From, out: make(chan job.Outcome), more: make(chan struct{}, 1),
		open: map[uint64][]byte{}, done: map[uint64]struct{}{}, early: map[uint64]job.Outcome{}, seen: map[string]time.Time{}}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	login := o.Login
	if o.Server == "" {
		if q.server, err = embed(o); err != nil {
			return nil, err
		}
		login.process = q.server
	}
	opened := q
	defer func() {
		if err != nil {
			opened.Close()
		}
	}()
	if q.link, err = connect(ctx, login, "firstgap coordinator", o.Wait, func(string) {}); err != nil {
		return nil, err
	}
	renewed := q.link.renewed()
	takenOver := make(chan *nats.Msg, 16)
	if _, err := q.link.nc.ChanSubscribe(q.names.campaign(), takenOver); err != nil {
		return nil, err
	}
	if err := q.announce(ctx); err != nil {
		return nil, q.explained(err)
	}
	caughtUp := make(chan struct{})
	q.group.Go(func() { q.read(caughtUp) })
	q.group.Go(q.hand)
	q.group.Go(func() { q.watch(renewed, takenOver) })
	select {
	case <-caughtUp:
	case <-q.ctx.Done():
		return nil, q.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return q, nil
}

// explained says of an error of the server where it is from.
func (q *Queue) explained(err error) error {
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return &ServerError{q.link.server, 0, err}
	}
	return err
}

// Login returns how workers in this process reach the queue.
func (q *Queue) Login() Login {
	l := q.options.Login
	l.process = q.server
	return l
}

// URL returns where workers on other machines reach the queue, without a password; empty if they do not.
func (q *Queue) URL() string {
	if q.server == nil {
		return q.link.server
	}
	return q.server.url()
}

// announced makes the stream of announcements, unless it is there, and returns what workers were told last; nil if they were told nothing.
func (q *Queue) announced(ctx context.Context) (*announcement, error) {
	stream, err := q.link.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: q.names.campaignStream(), Subjects: []string{q.names.campaign()}, MaxMsgs: 1, Storage: jetstream.FileStorage, AllowDirect: true,
	})
	if err != nil {
		return nil, err
	}
	return lastAnnouncement(ctx, stream, q.names)
}

// announce makes the streams and tells workers of the campaign.
func (q *Queue) announce(ctx context.Context) error {
	before, err := q.announced(ctx)
	if err != nil {
		return err
	}
	if before != nil && before.ID != q.id && !before.Ended && q.server == nil && !q.options.Replace {
		return &OtherCampaignError{q.link.server, q.options.Name, q.id, before.ID}
	}
	if err := q.makeStreams(ctx); err != nil {
		return err
	}
	// By the clock, since the server may have lost what it was told before, and workers have not.
	if q.round = time.Now().UnixMilli(); before != nil {
		q.round = max(q.round, before.Round+1)
	}
	if err := q.publishAnnouncement(ctx, false); err != nil {
		return err
	}
	jobs, err := q.link.js.Stream(ctx, q.names.jobStream())
	if err != nil {
		return err
	}
	if err := jobs.Purge(ctx); err != nil {
		return err
	}
	if before == nil || before.ID == q.id {
		return nil
	}
	outcomes, err := q.link.js.Stream(ctx, q.names.outcomeStream())
	if err != nil {
		return err
	}
	return outcomes.Purge(ctx)
}

func (q *Queue) publishAnnouncement(ctx context.Context, ended bool) error {
	text, err := encode("the campaign's announcement", announcement{Version: version, ID: q.id, Session: q.session, Round: q.round, Ended: ended, Campaign: q.options.Campaign,
		Lease: q.options.Lease, Gather: q.options.Gather, Deliveries: q.options.Deliveries}, int(q.link.nc.MaxPayload()))
	if err != nil {
		return err
	}
	_, err = q.link.js.Publish(ctx, q.names.campaign(), text)
	return err
}

// lastAnnouncement returns what workers were told last; nil if they were told nothing.
func lastAnnouncement(ctx context.Context, stream jetstream.Stream, n names) (*announcement, error) {
	m, err := stream.GetLastMsgForSubject(ctx, n.campaign())
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := &announcement{}
	if err := json.Unmarshal(m.Data, a); err != nil {
		return nil, &MessageError{m.Subject, "an announcement of a campaign", err}
	}
	return a, nil
}

// makeStreams makes the streams of jobs and outcomes, and the consumer that all workers share.
func (q *Queue) makeStreams(ctx context.Context) error {
	_, err := q.link.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: q.names.jobStream(), Subjects: []string{q.names.jobs()}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.MemoryStorage,
		// A job that is still there is not put twice.
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
	})
	if err != nil {
		return err
	}
	_, err = q.link.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: q.names.outcomeStream(), Subjects: []string{q.names.outcomes(), q.names.begins()}, Storage: jetstream.FileStorage,
	})
	if err != nil {
		return err
	}
	// Workers count how often a job was begun themselves: with MaxDeliver the server would keep a job that nobody gets.
	_, err = q.link.js.CreateOrUpdateConsumer(ctx, q.names.jobStream(), jetstream.ConsumerConfig{
		Durable: workers, AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.options.Lease, MaxDeliver: -1, MaxAckPending: -1, MaxWaiting: 1 << 17,
	})
	return err
}

// fail ends the queue with an error. The first one counts.
func (q *Queue) fail(err error) {
	q.mu.Lock()
	if q.err == nil && q.ctx.Err() == nil {
		q.err = err
	}
	q.mu.Unlock()
	q.cancel()
}

// Err returns why the queue ended by itself; nil while it goes on, or if it was closed.
func (q *Queue) Err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// Put adds jobs. It returns when the server has confirmed them all, or with the error that ended the queue. A job that is there already, or
// has an outcome, is not added again. A job that is too large is a *TooLargeError, and then none is added.
func (q *Queue) Put(ctx context.Context, jobs ...job.Job) error {
	encoded := make([][]byte, len(jobs))
	for i, j := range jobs {
		text, err := encode(fmt.Sprintf("job %d", j.Number), j, int(q.link.nc.MaxPayload()))
		if err != nil {
			return err
		}
		encoded[i] = text
	}
	var put []uint64
	q.mu.Lock()
	for i, j := range jobs {
		if o, is := q.early[j.Number]; is {
			delete(q.early, j.Number)
			q.ready = append(q.ready, o)
			continue
		}
		_, open := q.open[j.Number]
		_, done := q.done[j.Number]
		if open || done || j.Number < q.kept {
			continue
		}
		q.open[j.Number] = encoded[i]
		q.stats.Put++
		q.stats.JobBytes += uint64(len(encoded[i]))
		put = append(put, j.Number)
	}
	q.mu.Unlock()
	q.wake()
	return q.publish(ctx, put)
}

// publish publishes open jobs until the server has confirmed each.
func (q *Queue) publish(ctx context.Context, numbers []uint64) error {
	for len(numbers) > 0 {
		if q.ctx.Err() != nil {
			return q.ended()
		}
		type sent struct {
			number uint64
			future jetstream.PubAckFuture
		}
		var all []sent
		var left []uint64
		var broken error
		for _, n := range numbers {
			q.mu.Lock()
			text, open := q.open[n]
			q.mu.Unlock()
			if !open {
				continue
			}
			f, err := q.link.js.PublishAsync(q.names.job(q.id, n), text)
			if err != nil {
				left, broken = append(left, n), err
				continue
			}
			all = append(all, sent{n, f})
		}
		for _, s := range all {
			select {
			case <-s.future.Ok():
			case err := <-s.future.Err():
				if !isThere(err) {
					left, broken = append(left, s.number), err
				}
			case <-ctx.Done():
				return ctx.Err()
			case <-q.ctx.Done():
				return q.ended()
			}
		}
		if numbers = left; len(left) == 0 {
			return nil
		}
		var api *jetstream.APIError
		if errors.As(broken, &api) {
			return fmt.Errorf("fleet: job %d: %w", left[0], broken)
		}
		if !pause(ctx, pauseFor) {
			return ctx.Err()
		}
	}
	return nil
}

// isThere tells whether the server refused a job because it has it.
func isThere(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && strings.Contains(api.Description, "maximum messages per subject exceeded")
}

// ErrClosed is what a queue answers that was closed.
var ErrClosed = errors.New("fleet: the queue is closed")

func (q *Queue) ended() error {
	if err := q.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// Outcomes returns the outcomes of jobs that were put, in the order in which they come: one of each job. The channel is closed when the
// queue ends; Err says why.
func (q *Queue) Outcomes() <-chan job.Outcome { return q.out }

func (q *Queue) wake() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// hand hands outcomes out.
func (q *Queue) hand() {
	defer close(q.out)
	for {
		q.mu.Lock()
		ready := q.ready
		q.ready = nil
		q.mu.Unlock()
		for _, o := range ready {
			select {
			case q.out <- o:
			case <-q.ctx.Done():
				return
			}
		}
		if len(ready) > 0 {
			continue
		}
		select {
		case <-q.more:
		case <-q.ctx.Done():
			return
		}
	}
}

// watch mends what a server has lost, and ends the queue when another coordinator leads the campaign.
func (q *Queue) watch(renewed <-chan struct{}, told <-chan *nats.Msg) {
	for {
		select {
		case <-q.ctx.Done():
			return
		case <-q.link.dead:
			q.fail(q.link.failure())
			return
		case m := <-told:
			a := &announcement{}
			if err := json.Unmarshal(m.Data, a); err != nil {
				q.fail(&MessageError{m.Subject, "an announcement of a campaign", err})
				return
			}
			if a.Session != q.session && a.Round >= q.round {
				q.fail(&TakenOverError{q.options.Name})
				return
			}
		case <-renewed:
			renewed = q.link.renewed()
			for err := q.mend(); err != nil; err = q.mend() {
				var taken *TakenOverError
				if errors.As(err, &taken) {
					q.fail(err)
					return
				}
				if !pause(q.ctx, pauseFor) || q.link.failure() != nil {
					break
				}
			}
		}
	}
}

// mend makes what the server has no longer, after it was away: streams, the announcement, and jobs.
func (q *Queue) mend() error {
	ctx, cancel := q.link.request(q.ctx, attempt)
	defer cancel()
	last, err := q.announced(ctx)
	if err != nil {
		return err
	}
	if last != nil && last.Session != q.session {
		return &TakenOverError{q.options.Name}
	}
	if err := q.makeStreams(ctx); err != nil {
		return err
	}
	if last == nil {
		if err := q.publishAnnouncement(ctx, false); err != nil {
			return err
		}
	}
	q.mu.Lock()
	numbers := make([]uint64, 0, len(q.open))
	for n := range q.open {
		numbers = append(numbers, n)
	}
	q.mu.Unlock()
	return q.publish(ctx, numbers)
}

// take takes a message of the stream of outcomes.
func (q *Queue) take(subject string, data []byte, sequence uint64) error {
	if number, begun := numberOf(subject, q.names.begunOf(q.id)); begun {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.stats.Messages++
		q.stats.Again++
		q.spans = append(q.spans, span{sequence, number})
		return nil
	}
	outcomes, err := outcomesIn(subject, data)
	if err != nil {
		return err
	}
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Messages++
	q.stats.OutcomeBytes += uint64(len(data))
	s := span{sequence: sequence}
	for _, o := range outcomes {
		s.number = max(s.number, o.Number)
		q.seen[o.By] = now
		if _, done := q.done[o.Number]; done || o.Number < q.kept {
			q.stats.Late++
			continue
		}
		q.done[o.Number] = struct{}{}
		q.stats.Outcomes++
		if o.GivenUp > 0 {
			q.stats.GivenUp++
		}
		if _, open := q.open[o.Number]; open {
			delete(q.open, o.Number)
			q.ready = append(q.ready, o)
			continue
		}
		if len(q.early) == maxEarly {
			return &MessageError{subject, "outcomes of jobs that were put", fmt.Errorf("more than %d of others", maxEarly)}
		}
		q.early[o.Number] = o
	}
	q.spans = append(q.spans, s)
	q.wake()
	return nil
}

// Keep says that the outcomes of all jobs before next are in the campaign's lines: the server may forget them. It forgets some messages at a
// time.
func (q *Queue) Keep(ctx context.Context, next uint64) error {
	q.mu.Lock()
	for ; q.kept < next; q.kept++ {
		delete(q.done, q.kept)
		delete(q.early, q.kept)
	}
	n := 0
	for n < len(q.spans) && q.spans[n].number < q.kept {
		n++
	}
	const some = 128
	if n < some {
		q.mu.Unlock()
		return nil
	}
	upTo := q.spans[n-1].sequence
	q.spans = append([]span(nil), q.spans[n:]...)
	q.mu.Unlock()
	return q.forget(ctx, upTo)
}

// forget removes messages from the stream of outcomes. It matters little if that fails: they are late when they are read again.
func (q *Queue) forget(ctx context.Context, upTo uint64) error {
	stream, err := q.link.js.Stream(ctx, q.names.outcomeStream())
	if err != nil {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSequence(upTo+1))
}

// Empty tells whether all is done: each job that was put has an outcome, and the server holds no job any more.
func (q *Queue) Empty(ctx context.Context) (bool, error) {
	q.mu.Lock()
	open := len(q.open)
	q.mu.Unlock()
	if open > 0 {
		return false, nil
	}
	stream, err := q.link.js.Stream(ctx, q.names.jobStream())
	if err != nil {
		return false, err
	}
	return stream.CachedInfo().State.Msgs == 0, nil
}

// Stats returns what passed through the queue so far.
func (q *Queue) Stats() Stats {
	connected := q.link.nc.IsConnected()
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Connected, s.Open, s.Workers = connected, len(q.open), len(q.seen)
	for _, at := range q.seen {
		if now.Sub(at) < 2*q.options.Lease {
			s.Active++
		}
	}
	return s
}

// End tells workers that the campaign is over, and they leave. Jobs without an outcome are removed; outcomes stay, for a coordinator that takes
// the campaign up again. Of a server in this process it waits a little for workers to be gone, because what it has not sent them when it is
// closed they do not hear; one that is not connected then waits in vain for another server.
func (q *Queue) End(ctx context.Context) error {
	if err := q.publishAnnouncement(ctx, true); err != nil {
		return err
	}
	jobs, err := q.link.js.Stream(ctx, q.names.jobStream())
	if err != nil {
		return err
	}
	if err := jobs.Purge(ctx); err != nil {
		return err
	}
	if q.server == nil {
		return nil
	}
	const own = 1 // connection
	for begin := time.Now(); q.server.server.NumClients() > own && time.Since(begin) < attempt; {
		if !pause(ctx, pauseFor/10) {
			return ctx.Err()
		}
	}
	return nil
}

// Close ends the queue, and the server if it is in this process. Workers of other processes wait for the next coordinator, unless End was
// called before.
func (q *Queue) Close() error {
	q.cancel()
	q.group.Wait()
	if q.link != nil {
		q.link.close()
	}
	if q.server != nil {
		q.server.close()
	}
	return nil
}
