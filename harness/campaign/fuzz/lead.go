package fuzz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/fleet"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/large"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/campaign/watch"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
)

// ErrNoSystem says that a campaign was given nothing to run.
var ErrNoSystem = errors.New("fuzz: expected a system under test, found none")

// A lead leads a campaign.
type lead struct {
	o        *Options
	universe *coverage.Universe
	store    *store.Store
	columns  *store.Columns
	chooser  chooser
	joint    large.Joint // of searches of the model
	seen     *coverage.Seen
	looking  *looking
	queue    *fleet.Queue

	jobs    map[uint64]job.Job     // of batches that are not folded to their end
	early   map[uint64]job.Outcome // that came before those of jobs with lower numbers
	put     uint64                 // the number of the first job that is not in the queue
	planned uint64                 // the number of the first job that is not chosen yet
	first   uint64                 // the number of the first line of this process
	aside   uint64                 // files that are set aside
	began   time.Time
	tried   time.Time // when it was last seen that the folder takes more
	stop    Stop
	board   board
}

// Run leads a campaign until its lines are made, its time is up, or ctx ends; then jobs that are under way are ended, those that came
// before them in order are kept, and the rest is made again when the campaign goes on. Its error says that the campaign could not go on,
// such as a *store.WriteError of a full disk: what was kept until then stays.
func Run(ctx context.Context, o Options) (*Summary, error) {
	if o.System == nil && !o.Model {
		return nil, ErrNoSystem
	}
	o.complete()
	if err := o.check(); err != nil {
		return nil, err
	}
	universe, err := coverage.Enumerate(ctx, o.Worlds...)
	if err != nil {
		return nil, err
	}
	l := &lead{o: &o, universe: universe, jobs: map[uint64]job.Job{}, early: map[uint64]job.Outcome{}, began: o.clock()}
	if err := l.open(); err != nil {
		return nil, err
	}
	l.looking = newLooking(&o, l.store)
	if err = l.resume(); err == nil {
		err = l.lead(ctx)
	}
	s := l.summary()
	if err != nil {
		s.Verdict, s.Reasons = s.Verdict.Worse(judge.CouldNotTell), append(s.Reasons, "it could not go on: "+err.Error())
	}
	err = errors.Join(err, l.unvisited(), l.store.Close())
	return s, err
}

// choose chooses the jobs of a batch.
func (l *lead) choose(batch uint64) error {
	jobs, err := l.chooser.Jobs(batch)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		l.jobs[j.Number] = j
	}
	l.planned = max(l.planned, (batch+1)*l.store.Header().Batch)
	return nil
}

// forget lets go the jobs of a batch that is folded to its end.
func (l *lead) forget(batch uint64) {
	size := l.store.Header().Batch
	for n := batch * size; n < (batch+1)*size; n++ {
		delete(l.jobs, n)
	}
}

func (l *lead) configuration(j *job.Job) (configuration.Configuration, error) {
	return configurationOf(j, l.o.System, l.o.Generation)
}

// queueFolder is the server's, in the campaign's folder.
const queueFolder = "queue"

// lead hands jobs out and folds their outcomes, until the campaign is to end.
func (l *lead) lead(ctx context.Context) error {
	limit, cancel := context.WithCancel(ctx)
	defer cancel()
	if l.o.For > 0 {
		var end context.CancelFunc
		limit, end = context.WithTimeout(limit, l.o.For-l.o.clock().Sub(l.began))
		defer end()
	}
	if l.o.Runs > 0 && l.store.Next() >= l.o.Runs {
		l.stop = AllRun
		tick := time.NewTicker(statusEvery)
		defer tick.Stop()
		err := l.lookOn(limit, tick.C)
		l.watch()
		return err
	}
	told, err := json.Marshal(l.campaign())
	if err != nil {
		return err
	}
	q := l.o.Queue
	q.Dir, q.Campaign, q.From = filepath.Join(l.o.Folder, queueFolder), told, l.store.Next()
	// A queue takes a moment to open, and time that is up meanwhile is no fault of it.
	if l.queue, err = fleet.Open(ctx, q); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer l.queue.Close()
	working := make(chan error, 1)
	if l.o.Workers > 0 {
		maker := NewMaker(l.o.System, l.o.Generation, l.universe, l.o.Workers)
		go func() {
			defer close(working) // it is waited for twice
			working <- fleet.Work(limit, fleet.WorkerOptions{Login: l.queue.Login(), Name: q.Name, Workers: l.o.Workers, Do: maker.Do,
				Accept: func(json.RawMessage) error { return nil }}) // it is this process's own
		}()
	}
	err = l.fold(limit, working)
	cancel()
	if l.o.Workers > 0 && err == nil {
		err = quiet(<-working)
	}
	if err == nil && ctx.Err() == nil { // the campaign is over, and was not interrupted: workers elsewhere may leave
		err = quiet(l.queue.End(ctx))
	}
	l.watch()
	return err
}

// quiet is an error, but for that of a context that was ended.
func quiet(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// statusEvery is how often a campaign says how it stands.
const statusEvery = time.Second

// fold folds outcomes until the campaign is to end.
func (l *lead) fold(ctx context.Context, working <-chan error) error {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	if err := l.hand(ctx); err != nil {
		return quiet(err)
	}
	for {
		l.looking.next(ctx)
		select {
		case o, more := <-l.queue.Outcomes():
			if !more {
				return l.queue.Err()
			}
			if err := l.take(ctx, o); err != nil {
				return quiet(err)
			}
			if l.o.Runs > 0 && l.store.Next() >= l.o.Runs {
				l.stop = AllRun
				return l.lookOn(ctx, tick.C)
			}
		case x := <-l.looking.done:
			if err := l.kept(x); err != nil {
				return err
			}
		case err := <-working:
			if err = quiet(err); err != nil {
				return err
			}
			working = nil
		case <-tick.C:
			l.watch()
			if now := l.o.clock(); now.Sub(l.tried) >= roomEvery {
				l.tried = now
				if err := hasRoom(l.o.Folder); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// lookOn looks at the failures that wait, when all runs are made.
func (l *lead) lookOn(ctx context.Context, tick <-chan time.Time) error {
	for l.looking.next(ctx); l.looking.now != nil; l.looking.next(ctx) {
		select {
		case x := <-l.looking.done:
			if err := l.kept(x); err != nil {
				return err
			}
		case <-tick:
			l.watch()
		}
	}
	return nil
}

func (l *lead) kept(x found) error {
	isNew, err := l.looking.keep(x)
	if isNew {
		l.board.distinct++
		l.board.latest = &watch.Latest{Check: x.suspect.line.Target.Check, Sentence: x.looked.Sentence, Number: x.suspect.line.Number}
	}
	return err
}

// take takes an outcome, and keeps the lines of all jobs up to the first that has none yet.
func (l *lead) take(ctx context.Context, o job.Outcome) error {
	if o.Number >= l.store.Next() {
		l.early[o.Number] = o
	}
	for {
		next := l.store.Next()
		o, there := l.early[next]
		if !there || l.o.Runs > 0 && next >= l.o.Runs {
			return nil
		}
		delete(l.early, next)
		if err := l.keep(&o); err != nil {
			return err
		}
		if size := l.store.Header().Batch; (next+1)%size == 0 {
			l.forget(next / size)
			if err := l.choose(next/size + 2); err != nil {
				return err
			}
			// The queue forgets outcomes: a power cut must not take the lines that were made of them.
			if err := l.store.Sync(); err != nil {
				return err
			}
			if err := errors.Join(l.hand(ctx), l.queue.Keep(ctx, next+1)); err != nil {
				return err
			}
		}
	}
}

// hand puts the jobs that are chosen into the queue.
func (l *lead) hand(ctx context.Context) error {
	end := l.planned
	if l.o.Runs > 0 {
		end = min(end, l.o.Runs)
	}
	var jobs []job.Job
	for ; l.put < end; l.put++ {
		jobs = append(jobs, l.jobs[l.put])
	}
	return l.queue.Put(ctx, jobs...)
}

// keep keeps the line of a job.
func (l *lead) keep(o *job.Outcome) error {
	j := l.jobs[o.Number]
	first, second, err := l.seen.Add(o.Seen)
	if err != nil {
		return fmt.Errorf("outcome of job %d by %s: %w", o.Number, o.By, err)
	}
	shapes := 0
	for _, f := range o.Seen {
		if f.Space() == coverage.Shapes {
			shapes++
		}
	}
	made, err := l.columns.Made(o.Made)
	if err != nil {
		return err
	}
	line := job.Line{Number: o.Number, Arm: j.Arm, Seed: j.Seed, Parent: j.Parent, Hash: o.Hash, Verdict: o.Verdict, Target: o.Target, Finding: o.Finding, Work: o.Work,
		Counts: l.columns.Counts(&o.Counts), Made: made, New: first, Second: second, Shapes: shapes, Receipt: o.Receipt, Broken: o.Broken, GivenUp: o.GivenUp,
		By: o.By, Seconds: o.Seconds, At: l.o.clock().UnixMilli()}
	line.Kept = l.chooser.Worth(&line)
	var c configuration.Configuration
	if line.Kept || line.Verdict != judge.Pass && line.Arm != job.Model {
		if c, err = l.configuration(&j); err != nil {
			line.Kept = false // then the outcome says that it is broken
		}
	}
	if line.Kept {
		if err := l.store.PutEntry(store.Entry{Number: j.Number, Arm: j.Arm, Seed: j.Seed, Parent: j.Parent, Hash: o.Hash, Work: o.Work, New: first, Seen: o.Seen, Configuration: &c}); err != nil {
			return err
		}
	}
	if err := l.store.Append(line); err != nil {
		return err
	}
	if err := errors.Join(l.received(&line), l.chooser.Fold(&line, keptOf(&line, &c))); err != nil {
		return err
	}
	if line.Arm == job.Model {
		return nil
	}
	if line.Verdict != judge.Pass && l.looking.wants(&line) && err == nil {
		l.looking.add(&line, c)
	}
	return nil
}

// received folds the receipt of a search of the model in.
func (l *lead) received(line *job.Line) error {
	if len(line.Receipt) == 0 {
		return nil
	}
	return l.joint.Add(line.Number, line.Receipt)
}

func keptOf(line *job.Line, c *configuration.Configuration) *configuration.Configuration {
	if line.Kept {
		return c
	}
	return nil
}

// mostUnvisited is how many of each space are listed.
const mostUnvisited = 200

// unvisited writes what no run reached, with a schedule each, beside the store.
func (l *lead) unvisited() error {
	if l.seen == nil {
		return nil
	}
	all := []coverage.Unvisited{}
	for i := range l.universe.Spaces() {
		all = append(all, l.universe.Unvisited(l.seen, i, mostUnvisited)...)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return atomic.Write(filepath.Join(l.o.Folder, "unvisited.json"), append(text, '\n'))
}
