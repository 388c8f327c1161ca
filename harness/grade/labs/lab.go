// Package labs has the course: what each lab asks for, the system that a submission is run in, the tests that it is held against,
// and what each of them is worth.
//
// Use package grade instead when a submission is to be graded: this package says what of it is graded, and makes the runs.
package labs

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// A Lab is one assignment.
type Lab struct {
	Number  int    // from 1 on
	Name    string // one word, as in a folder's name
	Title   string
	Section string // of the lecture, by its heading
	Role    protocol.Role
	// System makes the system with the submission's nodes in the lab's role; all other nodes are ours.
	System func(protocol.Maker) harness.System
	// Reference makes the nodes of the reference solution, in this process. It scores full marks.
	Reference protocol.Maker
	// Mistakes are the planted bugs that the reference's nodes ask their hook for. Each loses marks in the test that names its rule.
	Mistakes []Mistake
	Tests    []Test
	// Checks are those that count in tests that list none, and in the search for the break-point; empty: all that can be made.
	Checks []judge.Check
	// Break says how the break-point is searched for: the smallest set of faults that breaks a submission.
	Break Break
}

// A Mistake is a planted bug and the test that names it.
type Mistake struct {
	Bug  faults.PlantedBug
	Test string // name of the test that loses marks, whatever others do
}

// A Test is a number of runs of one kind, and the checks that count in them.
type Test struct {
	Name    string // lower-case words with dashes, unique in the lab
	Rule    string // what it asks for, in one sentence
	Section string // of the lecture
	Public  bool   // students have it, with its seeds; the seeds of the others are drawn from the course's secret
	Marks   int
	Runs    int
	// Generate makes the configuration of a seed.
	Generate func(s harness.System, seed uint64, bug string) (configuration.Configuration, error)
	// Checks are those that count; empty: those of the lab.
	Checks []judge.Check
	// Needs are amounts that the runs together must have counted (see Counted), or the test could not tell: a submission that does
	// nothing passes no test. A test with runs has some.
	Needs []string
	// Scripts are played before the runs: exact schedules, where chance would seldom come to what the rule is about.
	Scripts []Script
}

// A Script is a scenario (package scenario) that the nodes of a lab must play as it is written. Of its commands those count
// below which something is written: what the others show is the implementation's affair.
type Script struct {
	Name string // of its file, without the ending
	Text string
}

// Break is a ladder of plans: on step k they have at most k faults.
type Break struct {
	Marks int // for a submission that stands all steps; each step brings an equal part of them
	Steps int // the most faults of a plan, as the fault budget has it
	Runs  int // on each step
	// Generate makes the configuration of a seed on a step. On step 0 nothing goes wrong.
	Generate func(s harness.System, seed uint64, step int, bug string) (configuration.Configuration, error)
}

// mistakes makes the list of planted bugs of our own nodes, each with the test that names its rule behind it.
func mistakes(bugsAndTests ...string) (all []Mistake) {
	for pair := range slices.Chunk(bugsAndTests, 2) {
		bug, err := faults.LookupBug(pair[0])
		if err != nil {
			panic(fmt.Sprintf("labs: %v", err)) // the list is built in
		}
		all = append(all, Mistake{Bug: bug, Test: pair[1]})
	}
	return all
}
