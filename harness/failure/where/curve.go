// Package where finds the event of a failing run from which on it was lost.
package where

import "github.com/firstgap/firstgap/impl/node"

// A Curve says how often a run fails as it did when all that follows an event is drawn anew: the delays, the losses, the disks, the
// faults and the operations that have not begun.
type Curve struct {
	Points []Point `json:"points"` // by event, ascending
	Jump   *Jump   `json:"jump"`   // nil where no single event decides
}

// A Point is one event of the curve.
type Point struct {
	Event uint64    `json:"event"` // the number of the last one that is kept, 0 for none
	At    node.Time `json:"at"`
	Fails int       `json:"fails"`
	Of    int       `json:"of"` // redrawn runs
}

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
}
