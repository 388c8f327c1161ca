package ci_test

import (
	"fmt"
	"os"

	"github.com/firstgap/firstgap/harness/ci"
	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/judge"
)

// A rule that was broken is an annotation at its line.
func Example() {
	r := ci.Result{Verdict: judge.Violation, Whole: "firstgap-report", Problems: []retell.Problem{{Rule: "trace/endread", Verdict: judge.Violation,
		Headline: "a read took the older of two versions", Path: "front.go", Line: 274, Fingerprint: "quorum/trace/endread", Seed: 3, Replay: "firstgap replay seed-3.fgt"}}}
	if err := r.Annotations(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ::error file=front.go,line=274,title=firstgap%3A trace/endread::a read took the older of two versions (seed 3); again: firstgap replay seed-3.fgt
}
