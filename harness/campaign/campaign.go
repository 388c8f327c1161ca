// Package campaign makes many runs, on all cores, and says what they amounted to. Each run is single-threaded; what is
// folded together is folded in the order of the seeds, so that a campaign of a given number of runs ends the same at any
// number of workers.
//
// Use harness.Run instead when a programmer looks at one run, and package harnesstest when go test makes the campaign.
package campaign

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
)

// Options say what a campaign does.
type Options struct {
	System     harness.System
	Generation harness.Generation
	// Given, when it is not nil, is the one configuration that is run, in the place of those of seeds.
	Given *configuration.Configuration
	Seed  uint64 // of the first run; the others follow
	Runs  uint64 // how many; 0 is as many as For allows
	// For ends the campaign: no run begins after it. 0 is no limit, and then Runs must be given.
	For time.Duration
	// AtMost makes Runs a bound and no demand: a campaign that makes fewer in its time could still tell.
	AtMost  bool
	Workers int // runs at a time; 0 is one a core
	// Failures is how many failed runs are kept whole; the others are counted. 0 is DefaultFailures.
	Failures int
	// Failed is called with every failed run that is kept, as soon as it was found, by one goroutine at a time and in the order
	// of the seeds. An error of it ends the campaign. It may be nil.
	Failed func(Failed) error
	// Progress is called every now and then, by one goroutine at a time. It may be nil.
	Progress func(Progress)
	// Coverage is what runs are looked at through; nil looks at none.
	Coverage *coverage.Universe
	// Explain says whether what failed is explained at the end; the zero value explains nothing.
	Explain Explaining

	// runs makes runs, and clock says for how long the campaign has been going; tests put others in their place.
	runs  maker
	clock func() time.Duration
	// measure measures the coverage of runs; nil where nobody asked for it.
	measure *Measure
}

// A maker makes one run: plain, with every event written down, and twice to see whether it is the same.
type maker struct {
	run    func(harness.System, configuration.Configuration) harness.Result
	record func(harness.System, configuration.Configuration) (harness.Result, *failure.Trail)
	twice  func(harness.System, configuration.Configuration) (harness.Result, error)
}

// DefaultFailures is how many failed runs a campaign keeps whole.
const DefaultFailures = 20

// likely is how many runs make it as good as certain that every check of a system was made in one of them: each is made in half
// of them and more.
const likely = 50

// twice is how often a run is made a second time, to see that it is the same: once in that many.
const twice = 64

// ErrNoSystem says that a campaign was given nothing to run.
var ErrNoSystem = errors.New("campaign: expected a system under test, found none")

// ErrEndless says that a campaign was given neither a number of runs nor a time.
var ErrEndless = errors.New("campaign: expected a number of runs or a time, found neither")

// Progress says how far a campaign has come.
type Progress struct {
	Runs     uint64 // made
	Asked    uint64 // 0 when only the time is limited
	Failed   uint64
	Events   uint64
	Elapsed  time.Duration
	Rate     float64       // runs a second
	Left     time.Duration // as far as it can be told
	Finished bool          // the last call
}

// A Stop says why a campaign ended.
type Stop string

// The reasons.
const (
	AllRun      Stop = "all runs made"
	TimeIsUp    Stop = "time is up"
	Interrupted Stop = "interrupted"
)

// A Tally is what one check found over all runs.
type Tally struct {
	Check        judge.Check   `json:"check"`
	Guarantee    string        `json:"guarantee"`
	Verdict      judge.Verdict `json:"verdict"`    // "" when no run needed it, or it could not be made: see NotMade
	Runs         uint64        `json:"runs"`       // in which it was made
	Violations   uint64        `json:"violations"` // runs in which it objected
	CouldNotTell uint64        `json:"couldNotTell"`
	Detail       string        `json:"detail,omitempty"`  // the first objection
	NotMade      string        `json:"notMade,omitempty"` // why it was never made: "not checked: needs a trace", or that few runs had what it needs
}

// A Summary is how a campaign ended.
type Summary struct {
	System  string        `json:"system"`
	Gives   []judge.Kind  `json:"gives"` // the evidence that the system gives
	Verdict judge.Verdict `json:"verdict"`
	Reasons []string      `json:"reasons"` // why it is not a pass
	Seed    uint64        `json:"seed"`
	Asked   uint64        `json:"asked"` // runs; 0 when only the time was limited
	Stop    Stop          `json:"stop"`
	Seconds float64       `json:"seconds"`
	Workers int           `json:"workers"`
	// HeapBytes is the most that the program had on its heap, garbage included, when a run had ended.
	HeapBytes uint64        `json:"heapBytes"`
	Failed    uint64        `json:"failed"` // runs with a violation
	Untold    uint64        `json:"untold"` // runs that could not tell
	Counts    counts.Counts `json:"counts"`
	Checks    []Tally       `json:"checks"`
	// Unseen are things that runs do, and that did not happen in so few of them: no reason against a pass, and said.
	Unseen   []string  `json:"unseen"`
	Coverage *Coverage `json:"coverage,omitempty"` // nil where it was not asked for
	Failures []Failed  `json:"-"`                  // the first ones by seed
}

// Failed is a run that did not pass.
type Failed struct {
	Seed    uint64
	Failure *failure.Failure
	// Why explains it, where that was asked for (Options.Explain); Unexplained says why it does not, though it was.
	Why         *why.Explanation
	Unexplained string
	// Steps are what nodes told in the events of the explanation (see retell.Steps).
	Steps map[uint64]node.Action
}

// Rate returns runs a second.
func (s *Summary) Rate() float64 { return perSecond(s.Counts.Runs, s.Seconds) }

// Amounts lists what was counted of what the system gives.
func (s *Summary) Amounts() []counts.Amount {
	return slices.DeleteFunc(s.Counts.Amounts(), func(a counts.Amount) bool {
		return a.Of != "" && !slices.Contains(s.Gives, judge.Kind(a.Of))
	})
}

// EventRate returns simulated events a second.
func (s *Summary) EventRate() float64 { return perSecond(s.Counts.World.Events, s.Seconds) }

func perSecond(n uint64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(n) / seconds
}

// done is one run that was made.
type done struct {
	index  uint64
	result harness.Result
	seen   coverage.Features
	again  bool           // it was made twice
	other  bool           // and the second one was another run
	trail  *failure.Trail // of a system whose runs do not repeat: the next one would be another's
	err    error
}

// Run makes the runs. It returns an error only when it could not begin, or when a configuration could not be
// generated; everything else is in the Summary. When ctx ends, the runs under way are finished and no other begins.
func Run(ctx context.Context, o Options) (*Summary, error) {
	if o.System == nil {
		return nil, ErrNoSystem
	}
	if o.Given != nil {
		o.Seed, o.Runs, o.For = o.Given.Seed, 1, 0
	}
	if o.Runs == 0 && o.For <= 0 {
		return nil, ErrEndless
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Failures <= 0 {
		o.Failures = DefaultFailures
	}
	if o.runs.run == nil {
		o.runs = maker{harness.Run, failure.Record, failure.Twice}
	}
	if o.clock == nil {
		start := time.Now()
		o.clock = func() time.Duration { return time.Since(start) }
	}
	if o.Coverage != nil {
		o.measure = NewMeasure(o.Coverage, o.Workers)
	}
	late := func() bool { return o.For > 0 && o.clock() >= o.For }
	results := make(chan done, 4*o.Workers)
	var next atomic.Uint64
	var stopped atomic.Bool
	var wait sync.WaitGroup
	for range o.Workers {
		wait.Go(func() {
			// Seeds are taken in order and every one that was taken is run: those that were run have no gap.
			for ctx.Err() == nil && !stopped.Load() {
				index := next.Add(1) - 1
				if o.Runs > 0 && index >= o.Runs {
					return
				}
				// The first run is made even when there is no time: zero runs tell nothing.
				if index > 0 && late() {
					stopped.Store(true)
				}
				results <- o.one(index)
			}
		})
	}
	go func() { wait.Wait(); close(results) }()
	f := folder{options: &o, summary: Summary{System: o.System.Name(), Gives: o.System.About().Gives, Unseen: []string{}, Reasons: []string{}, Seed: o.Seed, Asked: o.Runs, Workers: o.Workers}}
	f.begin()
	err := f.fold(results, &stopped)
	f.finish(ctx)
	if err == nil {
		o.Explain.do(ctx, o.System, f.summary.Failures)
	}
	return &f.summary, err
}

// heapBytes reads how much is on the heap. Nothing of a run depends on it: runs do not see it.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// one makes one run.
func (o *Options) one(index uint64) done {
	c, err := o.configuration(index)
	if err != nil {
		return done{index: index, err: err}
	}
	if about := o.System.About(); about.Unrepeatable != "" {
		d := done{index: index}
		d.result, d.trail = o.runs.record(o.System, c)
		return d
	}
	d := done{index: index}
	if o.measure != nil {
		d.result, d.seen = o.measure.Run(o.System, c)
	} else {
		d.result = o.runs.run(o.System, c)
	}
	d.result.Evidence = nil // it is of no more use, and much
	if index%twice == 0 {
		d.again = true
		d.other = o.runs.run(o.System, c).Hash != d.result.Hash
	}
	return d
}

func (o *Options) configuration(index uint64) (configuration.Configuration, error) {
	if o.Given != nil {
		return *o.Given, nil
	}
	return o.System.Generate(o.Seed+index, o.Generation)
}

// folder folds runs together.
type folder struct {
	options *Options
	told    time.Duration
	summary Summary
	tallies map[judge.Check]int
	folded  uint64
	seen    *coverage.Seen // nil where nothing is measured
}

func (f *folder) begin() {
	if u := f.options.Coverage; u != nil {
		f.seen = coverage.NewSeen(u.Spaces())
	}
	f.tallies = make(map[judge.Check]int)
	about := f.options.System.About()
	_, not := about.Checks()
	for _, c := range judge.ChecksOf(about.Gives) {
		f.tally(c)
	}
	for _, n := range not {
		f.tally(n.Check).NotMade = n.String()
	}
	if about.Unrepeatable != "" {
		f.tally(judge.Determinism).NotMade = "not checked: " + about.Unrepeatable
	}
}

func (f *folder) fold(results <-chan done, stopped *atomic.Bool) error {
	early := make(map[uint64]done)
	var broken error
	for d := range results {
		f.summary.HeapBytes = max(f.summary.HeapBytes, heapBytes())
		early[d.index] = d
		for {
			d, ok := early[f.folded]
			if !ok {
				break
			}
			delete(early, f.folded)
			f.folded++
			if d.err != nil {
				broken = errors.Join(broken, d.err)
				stopped.Store(true)
				continue
			}
			if err := f.add(&d); err != nil {
				broken = errors.Join(broken, err)
				stopped.Store(true)
			}
		}
		if now := f.options.clock(); now-f.told > 200*time.Millisecond {
			f.told = now
			f.tell(false)
		}
	}
	return broken
}

// add folds one run in.
func (f *folder) add(d *done) error {
	s := &f.summary
	r := &d.result
	if f.seen != nil {
		if _, _, err := f.seen.Add(d.seen); err != nil {
			return err
		}
	}
	s.Counts.Add(&r.Counts)
	made := r.Made
	if d.again {
		made = append(made, judge.Determinism)
	}
	if d.trail == nil && (d.other || r.Verdict != judge.Pass) {
		// A failure that does not repeat says nothing of the system: it is refused, with the first event that differs.
		if _, err := f.options.runs.twice(f.options.System, r.Configuration); err != nil || d.other {
			if err == nil {
				err = &failure.DeterminismError{}
			}
			r.Findings = append(r.Findings, judge.Violated(judge.Determinism, err))
			r.Verdict = judge.Violation
		}
	}
	for _, c := range made {
		f.tally(c).Runs++
	}
	counted := make(map[judge.Check]bool)
	for i := range r.Findings {
		x := &r.Findings[i]
		t := f.tally(x.Check)
		if counted[x.Check] {
			continue
		}
		counted[x.Check] = true
		if x.Verdict == judge.Violation {
			t.Violations++
		} else {
			t.CouldNotTell++
		}
		if t.Detail == "" {
			t.Detail = fmt.Sprintf("seed %d: %s", f.seed(d), x.Sentence())
		}
	}
	switch r.Verdict {
	case judge.Pass:
		return nil
	case judge.Violation:
		s.Failed++
	default:
		s.Untold++
	}
	if len(s.Failures) >= f.options.Failures {
		return nil
	}
	recorded, trail := d.result, d.trail
	if trail == nil {
		// Run again, this time with every event written down.
		recorded, trail = f.options.runs.record(f.options.System, r.Configuration)
	}
	kept := failure.Of(&recorded, trail)
	kept.Verdict, kept.Findings = r.Verdict, r.Findings
	s.Failures = append(s.Failures, Failed{Seed: f.seed(d), Failure: kept})
	if f.options.Failed == nil {
		return nil
	}
	return f.options.Failed(s.Failures[len(s.Failures)-1])
}

func (f *folder) seed(d *done) uint64 { return f.options.Seed + d.index }

func (f *folder) tally(c judge.Check) *Tally {
	i, ok := f.tallies[c]
	if !ok {
		i = len(f.summary.Checks)
		f.summary.Checks = append(f.summary.Checks, Tally{Check: c, Guarantee: judge.Guarantee(c)})
		f.tallies[c] = i
	}
	return &f.summary.Checks[i]
}

// finish decides the verdict.
func (f *folder) finish(ctx context.Context) {
	s := &f.summary
	s.Seconds = f.options.clock().Seconds()
	if f.seen != nil {
		s.Coverage = CoverageOf(f.seen)
	}
	s.Verdict = judge.Pass
	object := func(v judge.Verdict, format string, args ...any) {
		s.Verdict = s.Verdict.Worse(v)
		s.Reasons = append(s.Reasons, fmt.Sprintf(format, args...))
	}
	switch {
	case f.options.Runs > 0 && s.Counts.Runs >= f.options.Runs:
		s.Stop = AllRun
	case ctx.Err() != nil:
		s.Stop = Interrupted
		object(judge.CouldNotTell, "interrupted after %d runs", s.Counts.Runs)
	default:
		s.Stop = TimeIsUp
		if f.options.Runs > 0 && !f.options.AtMost {
			object(judge.CouldNotTell, "the time of %v was up after %d of %d runs", f.options.For, s.Counts.Runs, f.options.Runs)
		}
	}
	if s.Failed > 0 {
		object(judge.Violation, "%d of %d runs found a violation", s.Failed, s.Counts.Runs)
	}
	if s.Untold > 0 {
		object(judge.CouldNotTell, "%d of %d runs could not tell", s.Untold, s.Counts.Runs)
	}
	activity := f.tally(faults.Activity)
	activity.Runs = s.Counts.Runs
	var unseen error
	about := f.options.System.About()
	if s.Unseen, unseen = Activity(&s.Counts, &about); unseen != nil && f.options.Given == nil {
		activity.CouldNotTell++
		activity.Detail = unseen.Error()
		object(judge.CouldNotTell, "activity: %v", unseen)
	}
	for i := range s.Checks {
		t := &s.Checks[i]
		switch {
		case t.Violations > 0:
			t.Verdict = judge.Violation
		case t.CouldNotTell > 0:
			t.Verdict = judge.CouldNotTell
		case t.Runs > 0:
			t.Verdict = judge.Pass
		case t.NotMade != "":
			// The system does not give what it needs: said, and no verdict of it.
		case s.Counts.Runs >= likely && f.options.Given == nil:
			t.Verdict = judge.CouldNotTell
			t.Detail = "expected at least one run in which it was made, found none"
			object(judge.CouldNotTell, "%s: %s", t.Check, t.Detail)
		default:
			t.NotMade = fmt.Sprintf("not checked: no run of %d had what it needs", s.Counts.Runs)
		}
	}
	if s.Counts.Runs == 0 {
		object(judge.CouldNotTell, "no run was made")
	}
	f.tell(true)
}

func (f *folder) tell(finished bool) {
	if f.options.Progress == nil {
		return
	}
	s, o := &f.summary, f.options
	p := Progress{Runs: s.Counts.Runs, Asked: o.Runs, Failed: s.Failed + s.Untold, Events: s.Counts.World.Events,
		Elapsed: o.clock(), Finished: finished}
	p.Rate = perSecond(p.Runs, p.Elapsed.Seconds())
	if o.Runs > 0 && p.Rate > 0 {
		p.Left = time.Duration(float64(o.Runs-p.Runs) / p.Rate * float64(time.Second))
	}
	if o.For > 0 && (o.Runs == 0 || o.For-p.Elapsed < p.Left) {
		p.Left = max(0, o.For-p.Elapsed)
	}
	o.Progress(p)
}
