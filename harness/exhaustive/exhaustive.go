// Package exhaustive crashes a small run at every step at which a crash can make a difference, and at every pair of such steps:
// nothing is drawn. Six transactions of two clients write to one group of three segments; each run is one life of that volume
// with one crash, or two, and is held against every check.
//
// What is enumerated is this. A step is one event that a process (the register, a segment, a writer) handles and that has
// effects: it sends, answers, sets something on its way to its disk, or tells of something. Steps count from the start of the
// volume until every client has ended its last transaction. A crash takes the process down right after a step, with what the
// step sent on its way; and of a step that sends several messages or answers, after the first of them, after the second, and so
// on. Where the process has written something that it was not told to be durable, all of it is kept in one run and lost in
// another. A segment or the register starts again 1.5 ms later; a writer stays dead, and a successor starts 1.5 ms later. The
// pairs are, for each such crash, all crashes at later steps of the run with that crash: of the same process in its next life,
// of others while it is down, of a successor in its recovery.
//
// Between two of its steps nothing of a process changes, so a crash between them is one after the earlier of them, with another
// time down. What is not enumerated: other times down, writes of which a part is kept or that are torn, and other delays of the
// network and the disks than those of the seed.
//
// Use package campaign instead when runs are to be long, large and of many kinds: there everything is drawn.
package exhaustive

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/verdict"
)

// DefaultSeed is one whose six transactions are of six kinds: they set accounts up, transfer, write one row, write several at
// once, delete, and take back.
const DefaultSeed = 75

// Options say what is crashed.
type Options struct {
	Implementation aurora.Implementation // makes the nodes
	Seed           uint64                // of the network, the disks and what the clients want
	Bug            string                // the planted bug of every run, or none
	Pairs          bool                  // pairs, too
	// First chooses the first crashes; nil is all. A report of a choice could not tell, unless it found a violation.
	First func(Point) bool
	// Workers is how many runs go on at a time; 0 is one a core. What is found does not depend on it.
	Workers int
	// Progress hears of each run that has ended, by one goroutine at a time. It may be nil.
	Progress func(Progress)
}

// Progress is how far the runs are.
type Progress struct {
	One, Two  Tally // runs with one crash, and with two
	NotPassed int
}

// A Tally counts runs.
type Tally struct {
	Run        int `json:"run"`
	Enumerated int `json:"enumerated"` // 0 as long as it is not known
}

// A Process says what was enumerated of one.
type Process struct {
	Name    string `json:"name"`
	Steps   int    `json:"steps"`   // with effects, in the run without a crash
	Crashes int    `json:"crashes"` // that these stand for
}

// A Failed is a run that did not pass.
type Failed struct {
	Crashes  Crashes         `json:"crashes"`
	Verdict  judge.Verdict   `json:"verdict"`
	Findings []judge.Finding `json:"findings,omitempty"`
	Untold   string          `json:"untold,omitempty"` // why the run was not the one that was asked for
}

// mostFailed is how many runs that did not pass a report keeps.
const mostFailed = 100

// A Report is what the runs amounted to.
type Report struct {
	Format       string    `json:"format"`
	Seed         uint64    `json:"seed"`
	Bug          string    `json:"bug,omitempty"`
	Transactions int       `json:"transactions"`
	Processes    []Process `json:"processes"`
	One          Tally     `json:"one"`
	Two          Tally     `json:"two"` // none is enumerated when pairs were not asked for
	// InRecovery is in how many of the pairs the second crash came while a process was down or a writer had not opened.
	InRecovery int `json:"inRecovery"`
	// What happened in all runs together.
	Recoveries uint64 `json:"recoveries"`
	Cuts       uint64 `json:"cuts"`
	Undos      uint64 `json:"undos"`
	Violations int    `json:"violations"`
	Untold     int    `json:"untold"`
	// Objected counts the runs in which each check found a violation.
	Objected map[faults.Check]int `json:"objected,omitempty"`
	Failed   []Failed             `json:"failed"` // the first of those that did not pass, in the order of the enumeration
}

// Format names the JSON form of a Report.
const Format = "firstgap crashes"

// One makes the run with these crashes. The listener may be nil.
func One(o Options, crashes Crashes, listen harness.Listen) (harness.Result, error) {
	c, err := configure(o.Seed, o.Bug)
	if err != nil {
		return harness.Result{}, err
	}
	return newTrial(o.Implementation, crashes).run(c, listen)
}

// Run makes the runs: without a crash, with each one, and, if asked for, with each pair. It returns an error when it could not make
// them; that one did not pass is in the report. The same options give the same report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Workers <= 0 {
		o.Workers = goruntime.GOMAXPROCS(0)
	}
	c, err := configure(o.Seed, o.Bug)
	if err != nil {
		return nil, err
	}
	e := &enumeration{Options: o, c: c, report: &Report{Format: Format, Seed: o.Seed, Bug: o.Bug, Transactions: clients * transactions, Objected: map[faults.Check]int{}}}
	whole := e.one(nil)
	e.report.add(whole)
	var all []Crashes
	for _, s := range whole.steps {
		e.report.enumerate(&s)
		for _, p := range s.points() {
			all = append(all, Crashes{p})
		}
	}
	e.now.One.Enumerated = len(all)
	if o.First != nil {
		all = slices.DeleteFunc(all, func(c Crashes) bool { return !o.First(c[0]) })
	}
	singles, err := e.each(ctx, all, &e.now.One)
	if err != nil {
		return nil, err
	}
	if o.Pairs {
		var pairs []Crashes
		for _, single := range singles {
			for _, s := range single.steps {
				for _, p := range s.points() {
					pairs = append(pairs, Crashes{single.crashes[0], p})
				}
			}
		}
		e.now.Two.Enumerated = len(pairs)
		if _, err := e.each(ctx, pairs, &e.now.Two); err != nil {
			return nil, err
		}
	}
	e.report.One, e.report.Two = e.now.One, e.now.Two
	return e.report, nil
}

// enumeration is the runs under way.
type enumeration struct {
	Options
	c      configuration.Configuration
	report *Report
	now    Progress
}

// outcome is what is kept of one run.
type outcome struct {
	crashes                 Crashes
	steps                   []step // after the last crash
	inRecovery              bool
	verdict                 judge.Verdict
	findings                []judge.Finding
	recoveries, cuts, undos uint64
	err                     error
}

// one makes one run.
func (e *enumeration) one(crashes Crashes) *outcome {
	t := newTrial(e.Implementation, crashes)
	r, err := t.run(e.c, nil)
	o := &outcome{crashes: crashes, inRecovery: t.inRecovery, verdict: r.Verdict, findings: r.Findings, err: err,
		recoveries: r.Counts.Recoveries, cuts: r.Counts.Cuts, undos: r.Counts.Undos}
	if len(crashes) < 2 {
		o.steps = t.steps[t.behind:]
	}
	if err == nil && !t.ended {
		o.err = fmt.Errorf("exhaustive: crashes %v: expected every client to end its last transaction within %v, found one that did not", crashes, horizon)
	}
	return o
}

// each makes all runs, and adds them to the report in their order.
func (e *enumeration) each(ctx context.Context, all []Crashes, tally *Tally) ([]*outcome, error) {
	outcomes := make([]*outcome, len(all))
	var ended sync.Mutex
	var work errgroup.Group
	work.SetLimit(e.Workers)
	for i := range all {
		work.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			o := e.one(all[i])
			outcomes[i] = o
			ended.Lock()
			defer ended.Unlock()
			tally.Run++
			if o.err != nil || o.verdict != judge.Pass {
				e.now.NotPassed++
			}
			if e.Progress != nil {
				e.Progress(e.now)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	for _, o := range outcomes {
		e.report.add(o)
	}
	return outcomes, nil
}

// add adds one run to the report.
func (r *Report) add(o *outcome) {
	r.Recoveries, r.Cuts, r.Undos = r.Recoveries+o.recoveries, r.Cuts+o.cuts, r.Undos+o.undos
	if o.inRecovery {
		r.InRecovery++
	}
	if o.err == nil && o.verdict == judge.Pass {
		return
	}
	failed := Failed{Crashes: o.crashes, Verdict: o.verdict, Findings: o.findings}
	objected := map[faults.Check]bool{}
	for _, f := range o.findings {
		objected[f.Check] = objected[f.Check] || f.Verdict == judge.Violation
	}
	for check, violated := range objected {
		if violated {
			r.Objected[check]++
		}
	}
	switch {
	case o.verdict == judge.Violation:
		r.Violations++
	default:
		r.Untold++
		failed.Verdict = judge.CouldNotTell
	}
	if o.err != nil {
		failed.Untold = o.err.Error()
	}
	if len(r.Failed) < mostFailed {
		r.Failed = append(r.Failed, failed)
	}
}

// enumerate counts a step of the run without a crash.
func (r *Report) enumerate(s *step) {
	at := slices.IndexFunc(r.Processes, func(p Process) bool { return p.Name == s.process })
	if at < 0 {
		at = len(r.Processes)
		r.Processes = append(r.Processes, Process{Name: s.process})
	}
	r.Processes[at].Steps++
	r.Processes[at].Crashes += len(s.points())
}

// Verdict is a violation when a check found one in some run. It could not tell when some run could not, or when not all that was
// enumerated was run.
func (r *Report) Verdict() verdict.Verdict {
	switch {
	case r.Violations > 0:
		return verdict.Violation
	case r.Untold > 0 || r.One.Run == 0 || r.One.Run < r.One.Enumerated || r.Two.Run < r.Two.Enumerated:
		return verdict.CouldNotTell
	}
	return verdict.Pass
}
