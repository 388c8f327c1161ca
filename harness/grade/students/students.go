// Package students grades tests that students wrote: it runs each against the correct build of a lab and against every planted bug, and
// counts the bugs that are killed, minus the false alarms.
//
// A test is a file: a scenario (package scenario; a lab of a volume has them), a configuration of a run, or a fault plan alone, which
// is struck in runs of the lab's own.
//
// Use package grade instead when it is students' programs that are graded, and package killtable when the project's own checks are.
package students

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/strict"
)

// Bounds of what is read.
const (
	MostTests = 200
	MostBytes = 1 << 20 // of a test
)

// planRuns is how many runs of the lab a plan is struck in.
const planRuns = 8

// Options say what is graded.
type Options struct {
	Lab     *labs.Lab
	Folder  string // of the tests
	Workers int    // 0 is one on each core; the result does not depend on it
}

// A Kind is what a test is.
type Kind string

// The kinds.
const (
	Scenario      Kind = "scenario"
	Configuration Kind = "configuration"
	Plan          Kind = "plan"
)

// A Test is one file, and what came of it.
type Test struct {
	Name string `json:"name"` // of the file
	Kind Kind   `json:"kind"`
	// Alarm is what it objects to in the correct build, or why it cannot be run at all; "" where it objects to nothing there. A test that
	// raises a false alarm kills nothing: it would object to everything.
	Alarm string   `json:"alarm,omitempty"`
	Kills []string `json:"kills"` // names of bugs
}

// A Bug is a planted bug of the lab, and the tests that kill it.
type Bug struct {
	Name     string   `json:"name"`
	Rule     string   `json:"rule"`
	KilledBy []string `json:"killedBy"` // names of tests
}

// A Result is how the tests did. The same tests and lab give the same.
type Result struct {
	Lab    int    `json:"lab"`
	Title  string `json:"title"`
	Tests  []Test `json:"tests"` // by name
	Bugs   []Bug  `json:"bugs"`  // in the order of the lab
	Killed int    `json:"killed"`
	Alarms int    `json:"alarms"`
	Score  int    `json:"score"` // killed minus alarms, and no less than 0
	Most   int    `json:"most"`  // as many as there are bugs
}

// A FolderError says why a folder has no tests that can be graded.
type FolderError struct {
	Folder string
	Found  int
}

func (e *FolderError) Error() string {
	return fmt.Sprintf("students' tests: %s: expected 1 to %d files that end in .txt or .json, found %d", e.Folder, MostTests, e.Found)
}

// A BugsError says that a lab has no planted bugs, so that its tests kill nothing.
type BugsError struct{ Lab int }

func (e *BugsError) Error() string {
	return fmt.Sprintf("students' tests: lab %d: expected planted bugs, found none", e.Lab)
}

// Grade runs the tests of a folder. Its error is that nothing could be told: there are no tests or no bugs, or the bugs of the lab are in a
// build with the failpoint overlay alone, and this is none (faults.ErrNoOverlay).
func Grade(ctx context.Context, o Options) (*Result, error) {
	system := o.Lab.System(o.Lab.Reference)
	about := system.About()
	if about.Overlay && !harness.HasPoints() {
		return nil, fmt.Errorf("the bugs of lab %d are planted at failpoints: %w", o.Lab.Number, faults.ErrNoOverlay)
	}
	if len(o.Lab.Mistakes) == 0 {
		return nil, &BugsError{o.Lab.Number}
	}
	tests, err := read(o.Folder)
	if err != nil {
		return nil, err
	}
	r := &Result{Lab: o.Lab.Number, Title: o.Lab.Title, Most: len(o.Lab.Mistakes)}
	says := make([][]string, len(tests)) // of each test, for the correct build and then each bug
	var work errgroup.Group
	work.SetLimit(cmp.Or(o.Workers, runtime.GOMAXPROCS(0)))
	for i := range tests {
		says[i] = make([]string, 1+r.Most)
		for k := range says[i] {
			work.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				bug := ""
				if k > 0 {
					bug = o.Lab.Mistakes[k-1].Bug.Name
				}
				says[i][k] = tests[i].run(o.Lab, system, bug)
				return nil
			})
		}
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	for _, m := range o.Lab.Mistakes {
		r.Bugs = append(r.Bugs, Bug{Name: m.Bug.Name, Rule: m.Bug.Rule, KilledBy: []string{}})
	}
	for i, t := range tests {
		x := Test{Name: t.name, Kind: t.kind, Alarm: says[i][0], Kills: []string{}}
		if x.Alarm != "" {
			r.Alarms++
		}
		for k := range r.Bugs {
			if x.Alarm == "" && says[i][k+1] != "" {
				x.Kills = append(x.Kills, r.Bugs[k].Name)
				r.Bugs[k].KilledBy = append(r.Bugs[k].KilledBy, x.Name)
			}
		}
		r.Tests = append(r.Tests, x)
	}
	for _, b := range r.Bugs {
		if len(b.KilledBy) > 0 {
			r.Killed++
		}
	}
	r.Score = max(0, r.Killed-r.Alarms)
	return r, nil
}

// A test is one that was read.
type test struct {
	name          string
	kind          Kind
	broken        string // why it cannot be run
	script        string
	configuration configuration.Configuration
	plan          faults.Plan
}

// read reads the tests of a folder by name.
func read(folder string) ([]test, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []test
	for _, e := range entries {
		if end := filepath.Ext(e.Name()); !e.Type().IsRegular() || end != ".txt" && end != ".json" {
			continue
		}
		t := test{name: e.Name()}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if info.Size() > MostBytes {
			t.broken = fmt.Sprintf("expected at most %d bytes, found %d", MostBytes, info.Size())
		} else if text, err := os.ReadFile(filepath.Join(folder, e.Name())); err != nil {
			return nil, err
		} else {
			t.parse(text)
		}
		all = append(all, t)
	}
	if len(all) == 0 || len(all) > MostTests {
		return nil, &FolderError{folder, len(all)}
	}
	slices.SortFunc(all, func(a, b test) int { return cmp.Compare(a.name, b.name) })
	return all, nil
}

// plants finds a bug that a scenario plants itself, with which it would fail on the correct build, or hide which bug it kills.
var plants = regexp.MustCompile(`(?m)^volume\b.*\bbug=`)

func (t *test) parse(text []byte) {
	if filepath.Ext(t.name) == ".txt" {
		t.kind, t.script = Scenario, string(text)
		if plants.MatchString(t.script) {
			t.broken = "expected a volume without bug=, which is for the grader to say, found one"
		}
		return
	}
	// A plan has faults at its top; a configuration has its plan further down.
	var top map[string]any
	if err := strict.Unmarshal(text, &top); err != nil {
		t.kind, t.broken = Configuration, err.Error()
		return
	}
	if _, is := top["faults"]; is {
		t.kind = Plan
		if err := strict.Unmarshal(text, &t.plan); err != nil {
			t.broken = err.Error()
		}
		return
	}
	t.kind = Configuration
	var err error
	if t.configuration, err = configuration.Read(bytes.NewReader(text)); err != nil {
		t.broken = err.Error()
	} else if t.configuration.Bug != "" {
		t.broken = "expected a configuration without a bug, which is for the grader to say, found " + t.configuration.Bug
	}
}

// run runs a test with a planted bug, and says what it objects to; "" where it does not.
func (t *test) run(lab *labs.Lab, system harness.System, bug string) string {
	if t.broken != "" {
		return "it cannot be run: " + t.broken
	}
	switch t.kind {
	case Scenario:
		only := labs.Test{Name: "script", Scripts: []labs.Script{{Name: t.name, Text: t.script}}}
		out := lab.Run(&only, lab.Reference, nil, labs.Options{Bug: bug})
		return out.Says()
	case Configuration:
		c := t.configuration
		c.Bug = bug
		return objection(lab, system, c)
	}
	i := slices.IndexFunc(lab.Tests, func(x labs.Test) bool { return x.Generate != nil && x.Public })
	if i < 0 {
		return "it cannot be run: the lab has no runs in which a plan can be struck"
	}
	for seed := range uint64(planRuns) {
		c, err := lab.Tests[i].Generate(system, seed+1, bug)
		if err != nil {
			return "it cannot be run: " + err.Error()
		}
		c.Plan = t.plan
		c.Bug = bug
		if says := objection(lab, system, c); says != "" {
			return says
		}
	}
	return ""
}

// objection says what a run is objected to for, by the checks that count in the lab.
func objection(lab *labs.Lab, system harness.System, c configuration.Configuration) string {
	if err := harness.Validate(system, &c); err != nil {
		return "it cannot be run: " + strings.Join(strings.Fields(errors.Join(err).Error()), " ")
	}
	r := harness.Run(system, c)
	for i := range r.Findings {
		f := &r.Findings[i]
		if len(lab.Checks) == 0 || f.Check == faults.Sanity || f.Check == judge.ConfigurationCheck || slices.Contains(lab.Checks, f.Check) {
			return fmt.Sprintf("%s: %s", f.Check, f.Sentence())
		}
	}
	return ""
}
