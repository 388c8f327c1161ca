package verdict_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/spec/check"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A command searched a model, which ran out of time, and then made runs, which passed. Together that is no pass.
func Example() {
	v := verdict.OfSearch(check.Incomplete).Worse(verdict.Pass)
	fmt.Println(v, "exit code", v.ExitCode())
	v = v.Worse(verdict.Violation)
	fmt.Println(v, "exit code", v.ExitCode())
	// Output:
	// could not tell exit code 2
	// violation exit code 1
}
