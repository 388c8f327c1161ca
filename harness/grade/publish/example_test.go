package publish_test

import (
	"os"

	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/publish"
)

// The table of a submission that keeps what it acknowledged in its memory.
func ExampleText() {
	r := &grade.Result{Lab: 1, Title: "The versioned quorum register", Submission: "anna", Score: 20, Most: 50, Hidden: grade.Known,
		Tests: []grade.Test{
			{Name: "reads", Public: true, Passed: true, Score: 20, Most: 20},
			{Name: "crash", Most: 30, Says: "replica 1 answered before its disk was done, and lost it\nallowed instead: To find \"c3.4\".\nagain: firstgap replay crash.fgt -- ./register"},
		}}
	if err := publish.Text(os.Stdout, r); err != nil {
		panic(err)
	}
	// Output:
	// lab 1: The versioned quorum register
	// submission: anna
	//
	// test                                                   marks
	// reads (public)                                       20 / 20
	// crash                                                 0 / 30
	// in all                                               20 / 50
	//
	// No secret was given: the seeds of the hidden tests are
	// known.
	//
	// crash: 30 lost
	//   replica 1 answered before its disk was done, and lost it
	//   allowed instead: To find "c3.4".
	//   again: firstgap replay crash.fgt -- ./register
}
