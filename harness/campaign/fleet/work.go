package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/verdict"
)

// WorkerOptions are those of a worker.
type WorkerOptions struct {
	Login
	Name    string // of the campaign on the server (DefaultName)
	ID      string // the worker's name in outcomes; without it, that of the machine and the process
	Workers int    // how many jobs at a time; 0 is one
	// Accept is given what workers need to know of the campaign, before any job of it. An error refuses it.
	Accept func(campaign json.RawMessage) error
	// Do does a job. Its context ends when it is to end early; then its outcome does not count. It is called by several goroutines.
	Do func(context.Context, job.Job) job.Outcome
	// Wait is how long the worker goes on without a server or a campaign; zero is one attempt to find them, and for ever when they were
	// found.
	Wait time.Duration
	// Grace is how long jobs may go on that were begun when the worker is told to leave; zero is as long as they take.
	Grace time.Duration
	Say   func(string) // told what it waits for; may be nil
}

// A worker is one process's part of the work.
type worker struct {
	WorkerOptions
	names  names
	link   *link
	news   chan *nats.Msg // announcements as they are made
	asking sync.Mutex
	told   jetstream.Stream // of announcements; nil as long as there is none

	newest   *announcement // that was heard or read
	campaign announcement
	lease    atomic.Int64
	jobs     context.Context // of Do
	serving  context.Context // ends when no further job is to begin
	stop     context.CancelCauseFunc

	// alone is held by each job while it is done: shared by those that a server hands out for the first time, and by one alone that was
	// begun before. One of those may have killed its worker, and would take the others along.
	alone    sync.RWMutex
	finished chan result

	mu   sync.Mutex
	held map[*hold]struct{}
}

// A hold is a job that belongs to this worker.
type hold struct {
	m     *nats.Msg
	until time.Time // its lease
}

// A result is the outcome of a job that the server does not have yet.
type result struct {
	*hold
	outcome []byte
}

// Work does jobs of a campaign until ctx ends or the campaign does. When ctx ends it finishes those that it has begun. It fails with a
// *ServerError, *RefusedError, *LoginError, *OpenError, *NoCampaignError, *CampaignError, *MessageError or *OptionError.
func Work(ctx context.Context, o WorkerOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	w := &worker{WorkerOptions: o, names: names(o.Name), news: make(chan *nats.Msg, 64), held: map[*hold]struct{}{}}
	var err error
	if w.link, err = connect(ctx, o.Login, "firstgap worker "+o.ID, o.Wait, o.Say); err != nil {
		return left(ctx, err)
	}
	defer w.link.close()
	if _, err := w.link.nc.ChanSubscribe(w.names.campaign(), w.news); err != nil {
		return err
	}
	for {
		a, err := w.find(ctx)
		if err != nil {
			return left(ctx, err)
		}
		if a.Ended {
			return nil
		}
		if err := a.check(); err != nil {
			return &CampaignError{o.ID, err}
		}
		if err := o.Accept(a.Campaign); err != nil {
			return &CampaignError{o.ID, err}
		}
		w.campaign = *a
		w.lease.Store(int64(a.Lease))
		if err := w.serve(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// left returns nil if a worker was told to leave: then it does not matter what it waited for.
func left(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (o *WorkerOptions) complete() error {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if o.Workers == 0 {
		o.Workers = 1
	}
	if o.ID == "" {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		o.ID = host + "-" + strconv.Itoa(os.Getpid())
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Workers < 0 {
		return &OptionError{"the workers", "1 at least", strconv.Itoa(o.Workers)}
	}
	return names(o.Name).check()
}

// find waits for the announcement of a campaign.
func (w *worker) find(ctx context.Context) (*announcement, error) {
	begin := time.Now()
	for first := true; ; first = false {
		a, err := w.last(ctx)
		if a != nil && a.after(w.newest) {
			w.newest = a
		}
		if w.newest != nil && (w.campaign.Round == 0 || w.newest.after(&w.campaign)) {
			return w.newest, nil
		}
		if failure := w.link.failure(); failure != nil {
			return nil, failure
		}
		var unreadable *MessageError
		switch {
		case errors.As(err, &unreadable):
			return nil, err
		case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
			return nil, &ServerError{w.link.server, 0, err}
		}
		if time.Since(begin) >= w.Wait {
			if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
				return nil, &ServerError{w.link.server, w.Wait, err}
			}
			return nil, &NoCampaignError{w.link.server, w.Name, w.Wait}
		}
		if first {
			w.Say(fmt.Sprintf("no campaign %q at %s yet; waiting for %v", w.Name, w.link.server, w.Wait))
		}
		t := time.NewTimer(pauseFor)
		select {
		case <-t.C:
		case m := <-w.news:
			if err := w.note(m); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		}
		t.Stop()
	}
}

// last returns the last announcement; nil without an error if there is none.
func (w *worker) last(ctx context.Context) (*announcement, error) {
	ctx, cancel := w.link.request(ctx, attempt)
	defer cancel()
	w.asking.Lock()
	defer w.asking.Unlock()
	if w.told == nil {
		// It is asked for once: when a server begins again, a thousand workers come back at the same time, and what they ask is to be cheap.
		stream, err := w.link.js.Stream(ctx, w.names.campaignStream())
		if err != nil {
			return nil, err
		}
		w.told = stream
	}
	return lastAnnouncement(ctx, w.told, w.names)
}

// atRest is how many outcomes may wait for those before them to be confirmed, while jobs go on. A server that is slow to confirm, because a
// thousand workers want it to, so gets fewer messages with more in each.
const atRest = 64

// errLeave ends the serving of a campaign without being an error of it.
var errLeave = errors.New("the worker is to leave the campaign")

// serve does jobs of the campaign until it ends, another takes its place, or ctx ends.
func (w *worker) serve(ctx context.Context) error {
	w.serving, w.stop = context.WithCancelCause(ctx)
	defer w.stop(nil)
	jobs, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	w.jobs = jobs
	if w.Grace > 0 {
		defer context.AfterFunc(w.serving, func() {
			t := time.AfterFunc(w.Grace, cancel)
			context.AfterFunc(jobs, func() { t.Stop() })
		})()
	}
	w.finished = make(chan result, w.Workers+atRest)
	in := make([]chan *nats.Msg, w.Workers)
	inbox := w.link.nc.NewInbox()
	drained := make(chan struct{}, w.Workers)
	subscriptions := make([]*nats.Subscription, w.Workers)
	for i := range in {
		in[i] = make(chan *nats.Msg, 16)
		sub, err := w.link.nc.Subscribe(inbox+"."+strconv.Itoa(i), func(m *nats.Msg) {
			select {
			case in[i] <- m:
			case <-jobs.Done():
			}
		})
		if err != nil {
			return err
		}
		sub.SetClosedHandler(func(string) { drained <- struct{}{} })
		subscriptions[i] = sub
	}

	var background, slots sync.WaitGroup
	sent := make(chan struct{})
	background.Go(func() { defer close(sent); w.send() })
	background.Go(func() { w.renew(sent) })
	background.Go(w.listen)
	for i := range in {
		// Each slot asks for one job at a time, on an inbox of its own, when it is free. Jobs that wait in a worker would be lost with
		// it, and idle workers could not have them.
		slots.Go(func() { w.slot(in[i], inbox+"."+strconv.Itoa(i)) })
	}
	slots.Wait()
	// Jobs that the server had sent when it heard that this worker leaves: others may have them at once.
	for _, sub := range subscriptions {
		if err := sub.Drain(); err != nil {
			continue
		}
		select {
		case <-drained:
		case <-w.link.dead:
		case <-time.After(attempt):
		}
	}
	for _, c := range in {
		for len(c) > 0 {
			if m := <-c; isJob(m) {
				w.release(&hold{m: m, until: time.Now().Add(time.Duration(w.lease.Load()))})
			}
		}
	}
	close(w.finished)
	background.Wait()
	if cause := context.Cause(w.serving); cause != nil && !errors.Is(cause, errLeave) && ctx.Err() == nil {
		return cause
	}
	return nil
}

// isJob tells a job from what the server says of a request for one.
func isJob(m *nats.Msg) bool { return m.Reply != "" && m.Header.Get("Status") == "" }

// slot does one job after the other, from an inbox.
func (w *worker) slot(in <-chan *nats.Msg, inbox string) {
	request := []byte(fmt.Sprintf(`{"batch":1,"expires":%d}`, attempt.Nanoseconds()))
	subject := "$JS.API.CONSUMER.MSG.NEXT." + w.names.jobStream() + "." + workers
	for w.serving.Err() == nil {
		renewed := w.link.renewed()
		if err := w.link.nc.PublishRequest(subject, inbox, request); err != nil {
			pause(w.serving, pauseFor)
			continue
		}
		t := time.NewTimer(attempt + time.Second)
		select {
		case m := <-in:
			switch {
			case isJob(m):
				w.do(m)
			case m.Header.Get("Status") == "408": // none came
			default: // the server has no such stream or consumer, or shuts down
				pause(w.serving, pauseFor)
			}
		case <-renewed:
		case <-t.C:
		case <-w.serving.Done():
		}
		t.Stop()
	}
}

// do does the job of a message.
func (w *worker) do(m *nats.Msg) {
	h := &hold{m: m, until: time.Now().Add(time.Duration(w.lease.Load()))}
	w.mu.Lock()
	w.held[h] = struct{}{}
	w.mu.Unlock()
	meta, err := m.Metadata()
	if err != nil {
		w.stop(&MessageError{m.Subject, "a job", err})
		return
	}
	if !strings.HasPrefix(m.Subject, w.names.jobOf(w.campaign.ID)) {
		w.foreign(h)
		return
	}
	number, ok := numberOf(m.Subject, w.names.jobOf(w.campaign.ID))
	if !ok {
		w.stop(&MessageError{m.Subject, "a job's number at the end", errors.New("none")})
		return
	}
	var j job.Job
	if err := json.Unmarshal(m.Data, &j); err != nil {
		w.stop(&MessageError{m.Subject, "a job", err})
		return
	}
	if j.Number != number {
		w.stop(&MessageError{m.Subject, fmt.Sprintf("job %d", number), fmt.Errorf("job %d", j.Number)})
		return
	}
	var o job.Outcome
	if meta.NumDelivered == 1 {
		w.alone.RLock()
		o = w.doNow(h, j)
		w.alone.RUnlock()
	} else {
		w.alone.Lock()
		o = w.again(h, j)
		w.alone.Unlock()
	}
	if w.jobs.Err() != nil || o.Number != number {
		w.release(h)
		return
	}
	if o.By == "" {
		o.By = w.ID
	}
	text, err := encode(fmt.Sprintf("the outcome of job %d", number), o, w.limit())
	if err != nil {
		text, err = encode("an outcome", job.Outcome{Number: number, Verdict: verdict.CouldNotTell, Broken: err.Error(), By: o.By, Seconds: o.Seconds}, w.limit())
	}
	if err != nil {
		w.stop(err)
		return
	}
	w.finished <- result{h, text}
}

// foreign deals with a job of another campaign. Either that one has taken the place of this worker's, or the job is from a coordinator that
// put it before it knew that another took over: then no worker will do it.
func (w *worker) foreign(h *hold) {
	if a, err := w.last(w.serving); err != nil || a == nil || a.ID != w.campaign.ID {
		w.release(h)
		w.stop(errLeave)
		return
	}
	h.m.Term() // if it is lost, the job comes again
	w.drop(h)
}

// limit is how long an outcome may be: that of a message, without the brackets of a list.
func (w *worker) limit() int { return int(w.link.nc.MaxPayload()) - 2 }

// none is the number of an outcome that is none: the job was not done.
const none = ^uint64(0)

func (w *worker) doNow(h *hold, j job.Job) job.Outcome {
	if w.serving.Err() != nil {
		return job.Outcome{Number: none}
	}
	return w.Do(w.jobs, j)
}

// again does a job that was handed out before, or gives it up. That it begins is written down first.
func (w *worker) again(h *hold, j job.Job) job.Outcome {
	for w.serving.Err() == nil {
		begun, err := w.begin(j.Number)
		if err != nil {
			if w.link.failure() != nil {
				break
			}
			pause(w.serving, pauseFor)
			continue
		}
		if begun >= w.campaign.Deliveries {
			return job.Outcome{Number: j.Number, Verdict: verdict.CouldNotTell, GivenUp: begun}
		}
		return w.doNow(h, j)
	}
	return job.Outcome{Number: none}
}

// begin writes down that a job begins again, unless it was begun too often already. It returns how often it was.
func (w *worker) begin(number uint64) (begun int, err error) {
	ctx, cancel := w.link.request(w.jobs, attempt)
	defer cancel()
	subject := w.names.begun(w.campaign.ID, number)
	stream, err := w.link.js.Stream(ctx, w.names.outcomeStream())
	if err != nil {
		return 0, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, err
	}
	begun = 1 + int(info.State.Subjects[subject])
	if begun >= w.campaign.Deliveries {
		return begun, nil
	}
	_, err = w.link.js.Publish(ctx, subject, []byte(strconv.Quote(w.ID)))
	return begun, err
}

// release lets a job go, for another to have it at once. When the lease is over it may be another's already, and what is said of it now would
// be taken for what that one says.
func (w *worker) release(h *hold) {
	w.mu.Lock()
	delete(w.held, h)
	ours := time.Now().Before(h.until)
	w.mu.Unlock()
	if ours && w.link.nc.IsConnected() {
		h.m.Nak() // if it is lost, the lease ends by itself
	}
}

func (w *worker) drop(h *hold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, h)
}

// renew renews the leases of the jobs that are held, each third of one, until all outcomes are sent.
func (w *worker) renew(sent <-chan struct{}) {
	for {
		lease := time.Duration(w.lease.Load())
		t := time.NewTimer(lease / 3)
		select {
		case <-t.C:
		case <-sent:
			t.Stop()
			return
		}
		if !w.link.nc.IsConnected() {
			continue
		}
		now := time.Now()
		w.mu.Lock()
		for h := range w.held {
			if now.Before(h.until) && h.m.InProgress() == nil {
				h.until = now.Add(lease)
			}
		}
		w.mu.Unlock()
	}
}

// listen hears of announcements, and looks for one that was missed when the connection has been made again.
func (w *worker) listen() {
	for {
		renewed := w.link.renewed()
		// It goes on with the same campaign under a new coordinator.
		if a := w.newest; a.after(&w.campaign) {
			if a.Ended || a.ID != w.campaign.ID || a.check() != nil {
				w.stop(errLeave)
				return
			}
			w.campaign.Round = a.Round
			w.lease.Store(int64(a.Lease))
		}
		select {
		case <-w.serving.Done():
			return
		case <-w.link.dead:
			w.stop(w.link.failure())
			return
		case m := <-w.news:
			if err := w.note(m); err != nil {
				w.stop(err)
				return
			}
		case <-renewed:
			if a, err := w.last(w.serving); err == nil && a != nil && a.after(w.newest) {
				w.newest = a
			}
		}
	}
}

// note takes an announcement in.
func (w *worker) note(m *nats.Msg) error {
	a := &announcement{}
	if err := json.Unmarshal(m.Data, a); err != nil {
		return &MessageError{m.Subject, "an announcement of a campaign", err}
	}
	if a.after(w.newest) {
		w.newest = a
	}
	return nil
}

// send sends outcomes, as many in a message as are there, and acknowledges their jobs when the server has confirmed that it has them.
func (w *worker) send() {
	p := parcel{limit: int(w.link.nc.MaxPayload())}
	var next []result
	for {
		all := next
		next = nil
		if len(all) == 0 {
			r, more := <-w.finished
			if !more {
				return
			}
			all = append(all, r)
		}
		for _, r := range all {
			p.add(r.outcome)
		}
		var timeUp <-chan time.Time
		if w.campaign.Gather > 0 {
			timeUp = time.After(w.campaign.Gather)
		}
	gather:
		for {
			var r result
			var more bool
			select {
			case r, more = <-w.finished:
			default:
				if timeUp == nil {
					break gather
				}
				select {
				case r, more = <-w.finished:
				case <-timeUp:
					break gather
				}
			}
			if !more {
				break
			}
			if !p.add(r.outcome) {
				next = []result{r}
				break
			}
			all = append(all, r)
		}
		if w.publish(p.message()) {
			for _, r := range all {
				r.m.Ack() // if it is lost, the job is done once more
			}
		}
		for _, r := range all {
			w.drop(r.hold)
		}
	}
}

// publish publishes outcomes until the server has confirmed them, and tells whether it has. A worker that is to leave gives up after a lease:
// the jobs are then handed out again.
func (w *worker) publish(text []byte) bool {
	begin, refused := time.Now(), 0
	for {
		// It waits as long as the connection is good: the disk of a server may be behind, and what is published again is more of the same.
		ctx, cancel := w.link.request(context.Background(), confirmed)
		_, err := w.link.js.Publish(ctx, w.names.outcome(w.campaign.ID), text)
		cancel()
		var api *jetstream.APIError
		if errors.As(err, &api) { // such as that its disk is full
			refused++
		}
		waited := time.Since(begin)
		switch {
		case err == nil:
			return true
		case w.link.failure() != nil:
			return false
		case w.serving.Err() != nil && waited > time.Duration(w.lease.Load()):
			return false
		case refused == mostRefused, w.link.nc.IsConnected() && waited > max(w.Wait, mostRefused*confirmed):
			w.stop(&RefusedError{w.link.server, err})
			return false
		}
		if errors.Is(err, context.DeadlineExceeded) && w.link.nc.FlushTimeout(attempt) != nil {
			w.link.nc.ForceReconnect() // it is cut off and does not know it
		}
		pause(context.Background(), pauseFor)
	}
}

// mostRefused is how often a server may refuse the same outcomes.
const mostRefused = 5
