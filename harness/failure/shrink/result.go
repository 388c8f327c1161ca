// Package shrink makes a failing run smaller.
package shrink

import (
	"time"

	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
)

// A Result is the smallest run that was found.
type Result struct {
	Target        failure.Target
	Configuration configuration.Configuration // of the smallest run
	Before, After Size
	Runs          int           // that were made
	Took          time.Duration // of real time
	// Minimal tells that every single element was taken out of the smallest run by itself, and that it did not fail then.
	Minimal bool
	// Ended says why it is not minimal: the budget of runs or of time, or an interruption.
	Ended string
}

// A Size is how much there is in a run.
type Size struct {
	Events       uint64 `json:"events"`
	Faults       int    `json:"faults"`
	Transactions int    `json:"transactions"` // or single calls, that clients began
	Operations   int    `json:"operations"`   // requests of these, begin and commit left out
	Clients      int    `json:"clients"`
	Nodes        int    `json:"nodes"`
}
