// Package killtable finds out whether the checks would notice: it plants one bug after the other in a system and counts the runs,
// and the events in them, until a check objects. The table is the other half of every green campaign: checks that find none
// of the planted bugs pass everything.
//
// It works for any system whose About names planted bugs. Cost is counted in runs, in simulated events and in work (see
// Result.Work of package harness), which are the same on every machine, and never in seconds.
//
// A run goes on after the first objection, so one search says of every check whether it objected. It may go on further
// (Options.Further) until checks that need no trace have objected too, and those that need nothing but clients: that is what is
// left to somebody whose system tells nothing.
//
// Use package campaign instead when an engineer asks whether a system is right: a table says only that what was planted
// is found.
package killtable

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// Options say what is searched for.
type Options struct {
	System     harness.System
	Generation harness.Generation // its Bug is set for each search
	Bugs       []string           // names; empty: all that the system has
	Trials     int                // how often each bug is searched for, from other seeds; 0 is DefaultTrials
	Limit      int                // runs after which a search gives up; 0 is DefaultLimit
	// Further is how many runs a search makes at most, once the bug was found, until it was found without the trace as well. With 0,
	// it ends with the first objection. FurtherTrials is how many of the searches do so; 0 is all.
	Further, FurtherTrials int
	Workers                int // searches at a time; 0 is one a core
	// Reaches tells whether a run of a configuration can come to the place of a bug. A run that cannot is the same as without the
	// bug: it counts, and is not made. nil: every one can.
	Reaches func(bug faults.PlantedBug, c *configuration.Configuration) (bool, error)
	// Last is the table of an earlier time. What was hardest to find then is searched for first, so that at the end no
	// worker is left alone with it. It may be nil.
	Last *Last
	// Again makes of each search the run first that found the bug in Last: when a check objects to it again, the search takes no more
	// runs than then, and those before it need not be made. Where none does, the search is made from its beginning.
	Again bool
}

// The defaults.
const (
	DefaultTrials = 10
	DefaultLimit  = 2000
)

// apart is how far the first seeds of two trials are apart: more than the most runs of a search.
const apart = 1_000_000

// A Find is what it took until some of the checks objected.
type Find struct {
	Runs   int    `json:"runs"`   // 0 when none did
	Events uint64 `json:"events"` // in all of these runs
	Work   uint64 `json:"work"`   // likewise
}

// A Trial is one search for one planted bug.
type Trial struct {
	Find
	CaughtBy     []judge.Check `json:"caughtBy"`     // in the run that found it
	WithoutTrace Find          `json:"withoutTrace"` // until a check objected that needs no trace
	ByClients    Find          `json:"byClients"`    // until one did that needs nothing but clients
	Made         int           `json:"made"`         // runs, the further ones included, and those that cannot reach the bug
	Again        bool          `json:"again"`        // it is that of the last table: its last run alone was made
}

// byClients are the checks that need nothing but clients: their history, and that they are served again.
var byClients = []judge.Check{faults.Serializability, faults.Linearizability, faults.Durability, faults.Replies, faults.Progress}

// A Row is what the searches for one bug amounted to.
type Row struct {
	Bug     faults.PlantedBug `json:"bug"`
	Trials  []Trial           `json:"trials"`
	Problem string            `json:"problem,omitempty"` // "" when every search found it by a check that is meant to
}

// A Table is a row for each bug, in the order in which the system names them.
type Table struct {
	System  string `json:"system"`
	Limit   int    `json:"limit"`
	Further int    `json:"further"` // by the first searches, as many as FurtherTrials says
	Rows    []Row  `json:"rows"`

	FurtherTrials int `json:"furtherTrials"`

	last *Last
}

// ErrNoBugs says that there is nothing to plant.
var ErrNoBugs = errors.New("killtable: expected a system with planted bugs, found none")

// Run makes the searches. It returns an error when it could not make one of them; that a bug was not found is in the table.
func Run(ctx context.Context, o Options) (*Table, error) {
	about := o.System.About()
	if about.Overlay && !harness.HasPoints() {
		return nil, faults.ErrNoOverlay
	}
	if o.Trials <= 0 {
		o.Trials = DefaultTrials
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.FurtherTrials <= 0 {
		o.FurtherTrials = o.Trials
	}
	o.FurtherTrials = min(o.FurtherTrials, o.Trials)
	t := &Table{System: o.System.Name(), Limit: o.Limit, Further: o.Further, FurtherTrials: o.FurtherTrials, last: o.Last}
	for _, name := range o.Bugs {
		if err := about.Knows(name); err != nil {
			return nil, err
		}
	}
	for _, b := range about.Bugs {
		if len(o.Bugs) == 0 || slices.Contains(o.Bugs, b.Name) {
			t.Rows = append(t.Rows, Row{Bug: b, Trials: make([]Trial, o.Trials)})
		}
	}
	if len(t.Rows) == 0 {
		return nil, ErrNoBugs
	}
	errs := make([]error, len(t.Rows)*o.Trials)
	var work errgroup.Group
	work.SetLimit(o.Workers)
	for _, r := range o.Last.hardestFirst(t) {
		for i := range o.Trials {
			work.Go(func() error {
				further := o.Further
				if i >= o.FurtherTrials {
					further = 0
				}
				trial, err := again(o, t.Rows[r].Bug, i)
				if err == nil && !trial.Again {
					trial, err = search(ctx, o, t.Rows[r].Bug, apart*uint64(i+1), further)
				}
				t.Rows[r].Trials[i], errs[r*o.Trials+i] = trial, err
				return nil // the others go on
			})
		}
	}
	_ = work.Wait() // which fails with none of them
	for i := range t.Rows {
		t.Rows[i].Problem = t.Rows[i].judge(o.Limit)
	}
	return t, errors.Join(errs...)
}

// again makes the run that ended a search the last time, if that is asked for and known.
func again(o Options, bug faults.PlantedBug, trial int) (t Trial, err error) {
	x := o.Last.line(bug.Name)
	if !o.Again || x == nil || trial >= len(x.Searches) || x.Searches[trial].Runs == 0 || x.Searches[trial].Runs > o.Limit {
		return t, nil
	}
	t.Find = x.Searches[trial]
	g := o.Generation
	g.Bug = bug.Name
	c, err := o.System.Generate(apart*uint64(trial+1)+uint64(t.Runs-1), g)
	if err != nil {
		return t, err
	}
	t.CaughtBy, _, err = made(o.System, c, bug)
	t.Again = slices.ContainsFunc(bug.Expect, func(c faults.Check) bool { return slices.Contains(t.CaughtBy, c) })
	return t, err
}

// search makes runs until a check objects, and further ones.
func search(ctx context.Context, o Options, bug faults.PlantedBug, first uint64, further int) (Trial, error) {
	var t Trial
	var spent Find // so far
	g := o.Generation
	g.Bug = bug.Name
	for t.Runs == 0 && spent.Runs < o.Limit || t.Runs > 0 && spent.Runs < further && t.WithoutTrace.Runs == 0 {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		c, err := o.System.Generate(first+uint64(spent.Runs), g)
		if err != nil {
			return t, err
		}
		spent.Runs++
		if o.Reaches != nil {
			reaches, err := o.Reaches(bug, &c)
			if err != nil {
				return t, err
			}
			if !reaches {
				continue
			}
		}
		objected, r, err := made(o.System, c, bug)
		if err != nil {
			return t, err
		}
		spent.Events += r.Counts.World.Events
		spent.Work += r.Work()
		found := func(f *Find, is bool) {
			if is && f.Runs == 0 {
				*f = spent
			}
		}
		if t.Runs == 0 {
			t.CaughtBy = objected
		}
		found(&t.Find, len(objected) > 0)
		found(&t.WithoutTrace, slices.ContainsFunc(objected, func(c judge.Check) bool { return c != faults.Trace }))
		found(&t.ByClients, slices.ContainsFunc(objected, func(c judge.Check) bool { return slices.Contains(byClients, c) }))
	}
	t.Made = spent.Runs
	return t, nil
}

// made makes a run, and says which checks objected. It is made twice where that is what must be noticed.
func made(s harness.System, c configuration.Configuration, bug faults.PlantedBug) (objected []judge.Check, r harness.Result, err error) {
	if slices.Contains(bug.Expect, judge.Determinism) {
		if r, err = failure.Twice(s, c); err != nil {
			objected = append(objected, judge.Determinism)
		}
	} else {
		r = harness.Run(s, c)
	}
	for _, f := range r.Findings {
		if f.Check == judge.ConfigurationCheck {
			return nil, r, errors.New(f.Sentence())
		}
		if f.Verdict == judge.Violation && !slices.Contains(objected, f.Check) {
			objected = append(objected, f.Check)
		}
	}
	return objected, r, nil
}

// judge says what is wrong with the searches for a bug, or nothing.
func (r *Row) judge(limit int) string {
	found, expected := 0, 0
	for _, t := range r.Trials {
		if t.Runs > 0 {
			found++
		}
		if slices.ContainsFunc(r.Bug.Expect, func(c faults.Check) bool { return slices.Contains(t.CaughtBy, c) }) {
			expected++
		}
	}
	switch {
	case found < len(r.Trials):
		return fmt.Sprintf("found in %d of %d searches of %d runs each", found, len(r.Trials), limit)
	case expected < len(r.Trials):
		return fmt.Sprintf("expected one of %v to object in every search, found it in %d of %d", r.Bug.Expect, expected, len(r.Trials))
	}
	return ""
}

// Found counts the searches that found the bug.
func (r *Row) Found() int {
	n := 0
	for _, t := range r.Trials {
		if t.Runs > 0 {
			n++
		}
	}
	return n
}

// Median returns the median number of runs until the bug was found, and the most. A search that gave up counts as one run more
// than it may make: it needs more than that.
func (r *Row) Median(limit int) (median, most int) {
	var runs []int
	for _, t := range r.Trials {
		if t.Runs == 0 {
			t.Runs = limit + 1
		}
		runs = append(runs, t.Runs)
	}
	slices.Sort(runs)
	return runs[len(runs)/2], runs[len(runs)-1]
}

// median returns what half of some searches needed at most to find it in one way; no runs when half of them did not find it.
func median(trials []Trial, way func(*Trial) Find) Find {
	var runs, events, work []uint64
	for i := range trials {
		f := way(&trials[i])
		if f.Runs == 0 {
			f = Find{Runs: int(never), Events: never, Work: never}
		}
		runs, events, work = append(runs, uint64(f.Runs)), append(events, f.Events), append(work, f.Work)
	}
	middle := func(all []uint64) uint64 {
		slices.Sort(all)
		return all[len(all)/2]
	}
	if middle(runs) == never {
		return Find{}
	}
	return Find{Runs: int(middle(runs)), Events: middle(events), Work: middle(work)}
}

// never is more than any search costs.
const never = 1 << 62

// Objected counts in how many searches each check objected.
func (r *Row) Objected() map[judge.Check]int {
	n := map[judge.Check]int{}
	for _, t := range r.Trials {
		for _, c := range t.CaughtBy {
			n[c]++
		}
	}
	return n
}

// Alone returns the check without which the bug would have gone unseen in more than half of the searches, and in how many; "" where
// no check is that.
func (r *Row) Alone() (judge.Check, int) {
	alone := map[judge.Check]int{}
	for _, t := range r.Trials {
		if len(t.CaughtBy) == 1 {
			alone[t.CaughtBy[0]]++
		}
	}
	for c, n := range alone {
		if 2*n > len(r.Trials) {
			return c, n
		}
	}
	return "", 0
}
