// Package grade grades submissions: it builds one and runs it in a box, holds it against a lab's tests, searches for the smallest
// set of faults that breaks it, and says what each lost mark was lost for.
//
// Open builds a submission, Grade grades it, and what comes of it is a Result, which package grade/publish turns into what course
// systems read. Package grade/class does it for all of a class, and package grade/students grades tests that students wrote.
//
// Use package campaign instead when an engineer asks whether a system is right and needs no marks, and package grade/labs to read
// or write what is graded.
package grade

import (
	"slices"
	"strings"
)

// A Result is how one submission was graded. The same submission, lab and secret give the same bytes, on any machine: it holds no
// time and no path of this machine.
type Result struct {
	Format     string `json:"format"` // Format
	Lab        int    `json:"lab"`
	Title      string `json:"title"`
	Submission string `json:"submission"` // its name
	Score      int    `json:"score"`
	Most       int    `json:"most"`
	Tests      []Test `json:"tests"`
	// BreakPoint is the smallest set of faults that broke it; nil where nothing could be run.
	BreakPoint *BreakPoint `json:"breakPoint,omitempty"`
	// Hidden says where the seeds of the tests come from that students do not have.
	Hidden Seeds `json:"hidden"`
	// Problem says why nothing was graded: it could not be built, or did what no submission may. The score is 0.
	Problem string `json:"problem,omitempty"`
	// Flaky lists the tests in which the same run was another one the second time, with the first line that differs. They score 0.
	Flaky []string `json:"flaky,omitempty"`
	// Unfinished says that the grading goes on, or was ended before its end: what is missing counts nothing yet.
	Unfinished bool `json:"unfinished,omitempty"`
}

// Seeds says where the seeds of hidden tests come from.
type Seeds string

// The ways.
const (
	OfCourse Seeds = "the course's secret" // they stay hidden
	Known    Seeds = "known"               // no secret was given: whoever has this program can make the same runs
	LeftOut  Seeds = "left out"            // only the public tests were run
)

// Format names the format of results, and its version.
const Format = "firstgap grade/1"

// A Test is how one test of the lab went.
type Test struct {
	Name    string `json:"name"`
	Rule    string `json:"rule"`
	Section string `json:"section"`
	Public  bool   `json:"public"`
	Passed  bool   `json:"passed"`
	Score   int    `json:"score"`
	Most    int    `json:"most"`
	Runs    int    `json:"runs"`   // made
	Failed  int    `json:"failed"` // of these
	// Says is what went wrong, in a few lines: the check, what was allowed instead, how to run it again.
	Says string `json:"says,omitempty"`
	// Broke says on a line what was broken, and neither when nor by which faults: all that a student may see of a hidden test.
	Broke string `json:"broke,omitempty"`
	// Page and Replay are the names of the files that explain and repeat the failure, in the folder of results; "" where none is.
	Page   string `json:"page,omitempty"`
	Replay string `json:"replay,omitempty"`
}

// A BreakPoint is the smallest set of faults that breaks a submission.
type BreakPoint struct {
	Faults int      `json:"faults"` // how many; -1: nothing that was tried broke it
	Steps  int      `json:"steps"`  // the most that were tried at once
	Set    []string `json:"set"`    // each in words
	Kinds  []string `json:"kinds"`  // of the faults of Set, each once
	Score  int      `json:"score"`
	Most   int      `json:"most"`
	Says   string   `json:"says"`
	Page   string   `json:"page,omitempty"`
	Replay string   `json:"replay,omitempty"`
}

// Full tells whether no mark was lost, in a grading that has ended.
func (r *Result) Full() bool {
	return r.Score == r.Most && r.Most > 0 && r.Problem == "" && !r.Unfinished
}

// ForStudents returns the result as students may see it: of tests whose seeds are the course's secret it says what was broken, and
// leaves out the run, its faults and the files that repeat it.
func (r *Result) ForStudents() *Result {
	shown := *r
	if r.Hidden != OfCourse {
		return &shown
	}
	shown.Tests = slices.Clone(r.Tests)
	for i := range shown.Tests {
		if t := &shown.Tests[i]; !t.Public {
			t.Says, t.Page, t.Replay = t.Broke, "", ""
		}
	}
	shown.Flaky = nil
	for _, f := range r.Flaky {
		shown.Flaky = append(shown.Flaky, hiddenFlaky(f, r.Tests))
	}
	if b := r.BreakPoint; b != nil {
		hidden := *b
		hidden.Set, hidden.Page, hidden.Replay, hidden.Says = hidden.Kinds, "", "", hidden.sentence()
		if slices.ContainsFunc(r.Flaky, func(f string) bool { return strings.HasPrefix(f, BreakPointName+":") }) {
			hidden.Says = otherwise
		}
		shown.BreakPoint = &hidden
	}
	return &shown
}
