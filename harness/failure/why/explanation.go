package why

import (
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/failure/where"
)

// Version is that of Explanation.
const Version = 1

// An Explanation says why a run failed: the smallest run that still fails by the same check and rule, the event from which on it was
// lost, and what was allowed there instead.
type Explanation struct {
	Format        string                      `json:"format"` // "firstgap explanation"
	Version       int                         `json:"version"`
	Build         failure.Build               `json:"build"`
	Configuration configuration.Configuration `json:"configuration"` // of the smallest run
	Hash          string                      `json:"hash"`          // of the smallest run, in hexadecimal
	Before        shrink.Size                 `json:"before"`        // of the run that was recorded
	After         shrink.Size                 `json:"after"`         // of the smallest run
	Runs          int                         `json:"runs"`          // that were made to shrink it
	Seconds       float64                     `json:"seconds"`       // all of it, of real time
	Minimal       bool                        `json:"minimal"`       // no single fault, operation or node can go
	Ended         string                      `json:"ended,omitempty"`
	Differs       string                      `json:"differs,omitempty"` // in what the run that was recorded is another one now, though it fails by the same
	What          What                        `json:"what"`
	Curve         *where.Curve                `json:"curve,omitempty"`  // nil where it was left out
	Faults        []where.Counterfactual      `json:"faults,omitempty"` // one for each fault of the smallest run's plan
}
