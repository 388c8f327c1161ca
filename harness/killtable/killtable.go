// Package killtable finds out whether the checks would notice: it plants one bug after the other in a system and counts the runs,
// and the events in them, until a check objects. The table is the other half of every green campaign: checks that find none
// of the planted bugs pass everything.
//
// It works for any system whose About names planted bugs. Cost is counted in runs and in simulated events, which are the same
// on every machine, and never in seconds.
//
// Use package campaign instead when an engineer asks whether a system is right: a table says only that what was planted
// is found.
package killtable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
)

// Options say what is searched for.
type Options struct {
	System     harness.System
	Generation harness.Generation // its Bug is set for each search
	Bugs       []string           // names; empty: all that the system has
	Trials     int                // how often each bug is searched for, from other seeds; 0 is DefaultTrials
	Limit      int                // runs after which a search gives up; 0 is DefaultLimit
	Workers    int                // searches at a time; 0 is one a core
}

// The defaults.
const (
	DefaultTrials = 10
	DefaultLimit  = 2000
)

// apart is how far the first seeds of two trials are apart: more than the most runs of a search.
const apart = 1_000_000

// A Trial is one search for one planted bug.
type Trial struct {
	Runs     int           `json:"runs"`   // until a check objected; 0 when none did
	Events   uint64        `json:"events"` // in all of these runs
	CaughtBy []judge.Check `json:"caughtBy"`
}

// A Row is what the searches for one bug amounted to.
type Row struct {
	Bug     faults.PlantedBug `json:"bug"`
	Trials  []Trial           `json:"trials"`
	Problem string            `json:"problem,omitempty"` // "" when every search found it by a check that is meant to
}

// A Table is a row for each bug, in the order in which the system names them.
type Table struct {
	System string `json:"system"`
	Limit  int    `json:"limit"`
	Rows   []Row  `json:"rows"`
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
	t := &Table{System: o.System.Name(), Limit: o.Limit}
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
	type job struct{ row, trial int }
	jobs := make(chan job)
	errs := make([]error, o.Workers)
	var wait sync.WaitGroup
	for w := range o.Workers {
		wait.Go(func() {
			for j := range jobs {
				g := o.Generation
				g.Bug = t.Rows[j.row].Bug.Name
				trial, err := search(ctx, o, g, apart*uint64(j.trial+1))
				t.Rows[j.row].Trials[j.trial] = trial
				errs[w] = errors.Join(errs[w], err)
			}
		})
	}
	for r := range t.Rows {
		for i := range o.Trials {
			jobs <- job{r, i}
		}
	}
	close(jobs)
	wait.Wait()
	for i := range t.Rows {
		t.Rows[i].Problem = t.Rows[i].judge(o.Limit)
	}
	return t, errors.Join(errs...)
}

// search makes runs until a check objects.
func search(ctx context.Context, o Options, g harness.Generation, first uint64) (Trial, error) {
	var t Trial
	for i := range o.Limit {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		c, err := o.System.Generate(first+uint64(i), g)
		if err != nil {
			return t, err
		}
		r := harness.Run(o.System, c)
		t.Events += r.Counts.World.Events
		for _, f := range r.Findings {
			if f.Check == judge.ConfigurationCheck {
				return t, errors.New(f.Sentence())
			}
			if f.Verdict == judge.Violation && !slices.Contains(t.CaughtBy, f.Check) {
				t.CaughtBy = append(t.CaughtBy, f.Check)
			}
		}
		if len(t.CaughtBy) > 0 {
			t.Runs = i + 1
			return t, nil
		}
	}
	return t, nil
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

// MedianEvents returns the median number of simulated events in a search.
func (r *Row) MedianEvents() uint64 {
	var events []uint64
	for _, t := range r.Trials {
		events = append(events, t.Events)
	}
	slices.Sort(events)
	return events[len(events)/2]
}

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

// WriteText writes the table for people.
func (t *Table) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "planted bug\tfound\tmedian runs\tmost\tmedian events\tcaught by (searches)")
	for i := range t.Rows {
		r := &t.Rows[i]
		var by []string
		objected := r.Objected()
		for _, c := range judge.Checks() {
			if n := objected[c]; n > 0 {
				by = append(by, fmt.Sprintf("%s %d", c, n))
			}
		}
		median, most := r.Median(t.Limit)
		fmt.Fprintf(w, "%s\t%d/%d\t%d\t%d\t%d\t%s\n", r.Bug.Name, r.Found(), len(r.Trials), median, most, r.MedianEvents(), strings.Join(by, ", "))
	}
	return w.Flush()
}
