// Package where finds the event of a failing run from which on it was lost: from some fifty points of the run the rest is drawn anew,
// many times, and the share that fails as the run did jumps at the event that decides. Without says of each fault of the plan what
// becomes of the run without it.
//
// Use package shrink first: in the smallest run that still fails, an event costs milliseconds to judge, and what has nothing to do with
// the failure draws no line. Not for a system whose runs do not repeat (judge.Determinism): no beginning of one can be kept.
package where

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A Curve says how often a run fails as it did when all that follows an event is drawn anew.
type Curve struct {
	Points []Point `json:"points"` // by event, ascending
	Jump   *Jump   `json:"jump"`   // nil where no single event decides
	// Drawn says what the rest of a redrawn run is: "nothing arrives any more; no fault goes on or begins".
	Drawn string `json:"drawn"`
	// Without says why there is no jump; empty where there is one.
	Without string `json:"without,omitempty"`
	Fails   uint64 `json:"fails"` // the number of the event at which the run failed, the last one where it was found at the end
	Runs    int    `json:"runs"`  // that were made
	// Ended says why the curve has fewer points than it was to have: the budget of runs or of time.
	Ended string `json:"ended,omitempty"`
}

// A Point is one event of the curve.
type Point struct {
	Event uint64    `json:"event"` // the number of the last one that is kept, 0 for none
	At    node.Time `json:"at"`
	Fails int       `json:"fails"`
	Of    int       `json:"of"` // redrawn runs
}

// Certain tells whether each redrawn run fails from every point: chance, and which messages come first, have no part in it.
func (c *Curve) Certain() bool {
	return len(c.Points) > 0 && !slices.ContainsFunc(c.Points, func(p Point) bool { return p.Of == 0 || p.Fails < p.Of })
}

// Share is how many of the redrawn runs fail, from 0 to 1.
func (p Point) Share() float64 { return float64(p.Fails) / float64(max(p.Of, 1)) }

// A Jump is the event that decides: kept, the run fails nearly always, and redrawn it does much less often.
type Jump struct {
	Event         uint64    `json:"event"`
	At            node.Time `json:"at"`
	Line          string    `json:"line"` // the event for people
	Before, After Point     // kept up to the event before it, and with it
}

// A Counterfactual is what becomes of a run without one of its faults.
type Counterfactual struct {
	Fault  string `json:"fault"` // on one line
	Passes bool   `json:"passes"`
	// Instead says by what the run fails without it, where it does not pass.
	Instead string `json:"instead,omitempty"`
	// Unmade says why there is no run without it: what is left of the plan cannot be carried out, such as a node that starts and had not
	// crashed. Of a fault that has to stay for that reason nothing is known.
	Unmade string `json:"unmade,omitempty"`
}
