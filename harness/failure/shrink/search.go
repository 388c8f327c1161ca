package shrink

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// search looks for a smaller run. It makes its steps in an order that depends on the runs alone, so that it finds the same with any
// number of workers.
type search struct {
	ctx    context.Context
	system harness.System
	target failure.Target
	o      Options
	start  time.Time
	result Result
	whole  string          // the run that was recorded, by its key
	bound  faults.Duration // of it
	events uint64          // at most, of a candidate; 0 is no limit

	best configuration.Configuration // the smallest that fails
	seen *tried                      // how it went
	// listed are its parts; nil: they are not listed yet
	listed []harness.Parts

	mu    sync.Mutex
	tried map[string]*tried // by configuration
	slots chan struct{}
}

// tried is a configuration that is or was run.
type tried struct {
	done    chan struct{} // closed when the rest is there
	counted bool          // among the runs
	fails   bool
	at      node.Time // when the run ended
	begun   []workload.Begun
	size    Size
}

// A candidate is a run that may fail, too, or several that leave out the same. It is made when it comes to it: most never are.
type candidate struct {
	name string
	make func() []configuration.Configuration
}

func ready(name string, c configuration.Configuration) candidate {
	return candidate{name, func() []configuration.Configuration { return []configuration.Configuration{c} }}
}

func newSearch(ctx context.Context, system harness.System, target failure.Target, o Options) *search {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return &search{ctx: ctx, system: system, target: target, o: o, start: time.Now(), result: Result{Target: target},
		tried: map[string]*tried{}, slots: make(chan struct{}, o.Workers)}
}

// begin takes up the run that was recorded, or the smaller one that was found before. It is false where it does not fail.
func (s *search) begin(whole *harness.Result) bool {
	s.best, s.bound = whole.Configuration, whole.Configuration.Ending.Bound
	s.whole = keyOf(s.best)
	if s.target.Verdict == judge.Violation {
		// One that runs for much longer does not fail as this one does, and costs more than all others together.
		s.events = 2*whole.Counts.World.Events + 10_000
	}
	if s.target.Check != faults.Trace && s.target.Check != judge.Determinism {
		// It has been run, and to know when it failed takes no other run.
		t := &tried{done: make(chan struct{}), counted: true, fails: true}
		s.note(whole, t)
		close(t.done)
		s.tried[keyOf(s.best)] = t
		s.result.Runs++
	}
	first := []candidate{ready("nothing", s.best)}
	if s.o.From != nil {
		first = append([]candidate{ready("what was left out before", *s.o.From)}, first...)
	}
	i := s.one(first...)
	if i < 0 {
		return s.result.Ended != ""
	}
	s.result.Resumed = len(first) > 1 && i == 0
	return true
}

// end returns the result: the sizes are of whole runs.
func (s *search) end() *Result {
	r := s.result
	r.After = r.Before
	if keyOf(s.best) != s.whole {
		last := harness.Run(s.system, s.best)
		r.After = SizeOf(s.system, &last)
	}
	r.Configuration, r.Took = s.best, time.Since(s.start)
	r.Minimal = r.Ended == ""
	return &r
}

// one goes on from the first candidate that fails and returns its index; -1 where none does or the budget has ended. Later ones are run
// meanwhile; they count only where it comes to them, so that the budget ends at the same run with any number of workers.
func (s *search) one(all ...candidate) int {
	type trial struct {
		candidate int
		configuration.Configuration
		*tried
	}
	var trials []trial // in order, as far as they were begun
	made := 0          // candidates
	for i := 0; ; i++ {
		for ; made < len(all) && len(trials) < i+s.o.Workers; made++ {
			for _, c := range all[made].make() {
				if t := s.try(c); t != nil {
					trials = append(trials, trial{made, c, t})
				}
			}
		}
		if i == len(trials) {
			return -1
		}
		t := &trials[i]
		if !s.await(t.tried, all[t.candidate].name) {
			return -1
		}
		if t.fails {
			s.take(t.Configuration, t.tried)
			return t.candidate
		}
	}
}

// await waits for a run, and tells whether the budget allows it.
func (s *search) await(t *tried, name string) bool {
	if !t.counted {
		if s.over() {
			return false
		}
		t.counted = true
		s.result.Runs++
	}
	select {
	case <-t.done:
	case <-s.ctx.Done():
		s.result.Ended = "interrupted"
		return false
	}
	if s.o.Progress != nil {
		p := Progress{Runs: s.result.Runs, Elapsed: time.Since(s.start), Trying: name}
		if s.seen != nil {
			p.Size = s.seen.size
		}
		s.o.Progress(p)
	}
	return true
}

// over tells whether the budget has ended.
func (s *search) over() bool {
	switch {
	case s.result.Ended != "":
	case s.ctx.Err() != nil:
		s.result.Ended = "interrupted"
	case s.o.Runs > 0 && s.result.Runs >= s.o.Runs:
		s.result.Ended = fmt.Sprintf("%d runs were made", s.o.Runs)
	case s.o.Time > 0 && time.Since(s.start) >= s.o.Time:
		s.result.Ended = fmt.Sprintf("%v were over", s.o.Time)
	}
	return s.result.Ended != ""
}

// take goes on from a run that fails.
func (s *search) take(c configuration.Configuration, t *tried) {
	s.best, s.seen, s.listed = c, t, nil
	if s.o.Best != nil {
		r := s.result
		r.Configuration, r.After, r.Took = s.best, s.seen.size, time.Since(s.start)
		s.o.Best(&r)
	}
}

// try has a configuration run, unless it was or is. It is nil where the configuration cannot be run.
func (s *search) try(c configuration.Configuration) *tried {
	key := keyOf(c)
	s.mu.Lock()
	t, known := s.tried[key]
	s.mu.Unlock()
	if known {
		return t
	}
	if harness.Validate(s.system, &c) != nil {
		s.mu.Lock()
		s.tried[key] = nil
		s.mu.Unlock()
		return nil
	}
	t = &tried{done: make(chan struct{})}
	s.mu.Lock()
	s.tried[key] = t
	s.mu.Unlock()
	go func() {
		s.slots <- struct{}{}
		s.run(c, t)
		<-s.slots
		close(t.done)
	}()
	return t
}

// keyOf names a configuration by all that is in it.
func keyOf(c configuration.Configuration) string {
	text, err := json.Marshal(c)
	if err != nil {
		return err.Error() // settings that are no JSON, which no system takes
	}
	return string(text)
}

// run makes a run.
func (s *search) run(c configuration.Configuration, t *tried) {
	if s.target.Check == judge.Determinism {
		r, err := failure.Twice(s.system, c)
		t.fails = err != nil
		s.note(&r, t)
		return
	}
	r := harness.RunWith(s.system, c, harness.Options{Only: s.target.Check, Events: s.events})
	t.fails = s.target.In(&r) != nil
	s.note(&r, t)
	if t.fails && s.target.Check == faults.Progress && c.Ending.Bound < s.bound {
		// What does not come within a shorter bound may come within the one that was asked for.
		c.Ending.Bound = s.bound
		r := harness.RunWith(s.system, c, harness.Options{Only: s.target.Check, Events: s.events})
		t.fails = s.target.In(&r) != nil
	}
}

func (s *search) note(r *harness.Result, t *tried) {
	t.size = SizeOf(s.system, r)
	if r.Evidence != nil {
		t.at, t.begun = r.Evidence.Outcome.At, slices.Clone(r.Evidence.Begun)
	}
}
