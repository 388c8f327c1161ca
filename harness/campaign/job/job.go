// Package job says what a piece of a campaign's work is, and what comes of it: one Job goes to a worker, one Outcome comes back, and one
// Line of it is kept. All of a campaign is a fold over its lines in the order of their numbers, so that one process, many, and a
// thousand machines end alike.
//
// Use package campaign instead when an engineer wants runs and a verdict from one command.
package job

import (
	"encoding/json"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// An Arm is the way in which a job was chosen.
type Arm string

// The arms.
const (
	Random Arm = "random" // the configuration of a seed, as the system generates it
	Guided Arm = "guided" // a kept configuration, changed
	Kept   Arm = "kept"   // a kept configuration, as it is
	Model  Arm = "model"  // random walks through a world of the model
)

// A Job is one piece of work: a run of a system, or walks through a world of the model.
type Job struct {
	Number uint64 `json:"number"` // in the campaign, from 0
	Arm    Arm    `json:"arm"`
	Seed   uint64 `json:"seed"` // of the run or of the walks
	// Parent is the number of the job whose configuration was changed; of a guided job alone.
	Parent *uint64 `json:"parent,omitempty"`
	// Configuration is that of the run; nil is the one that the system generates of Seed.
	Configuration *configuration.Configuration `json:"configuration,omitempty"`
	Walks         *Walks                       `json:"walks,omitempty"` // in the place of a run
}

// Walks are random walks through a world of the model, or a search of it level by level that is bounded.
type Walks struct {
	Subject   string          `json:"subject"` // the name of the model
	World     string          `json:"world"`   // its name, "" where it has none
	Constants json.RawMessage `json:"constants"`
	Walks     int             `json:"walks"`            // 0 for a search level by level
	Depth     int             `json:"depth"`            // states of a walk, or levels, at most
	States    int             `json:"states,omitempty"` // of a search, whose last level is the one that comes to so many
}

// An Outcome is what came of a job. The same job has the same outcome in any process of the same build, but for By and Seconds.
type Outcome struct {
	Number  uint64        `json:"number"`
	Hash    uint64        `json:"hash,string"` // of the run; of the walks, the digest of their receipt
	Verdict judge.Verdict `json:"verdict"`
	// Target and Finding say by what it failed, and the first such finding in a sentence; empty of a pass.
	Target  *failure.Target `json:"target,omitempty"`
	Finding string          `json:"finding,omitempty"`
	Work    uint64          `json:"work"` // the same on every machine (see harness.Result.Work)
	Counts  counts.Counts   `json:"counts"`
	Made    []judge.Check   `json:"made,omitempty"` // the checks that could be made

	Seen coverage.Features `json:"seen,omitempty"`
	// Receipt is that of walks.
	Receipt json.RawMessage `json:"receipt,omitempty"`

	// Broken says why the job could not be done at all, such as a configuration that the system refuses; then the verdict is could not tell.
	Broken string `json:"broken,omitempty"`
	// GivenUp is how many workers began the job, when none of them came to its end.
	GivenUp int `json:"givenUp,omitempty"`

	By      string  `json:"by,omitempty"` // the worker
	Seconds float64 `json:"seconds"`      // of real time
}

// A Line is what is kept of a job and its outcome.
type Line struct {
	Number  uint64          `json:"n"`
	Arm     Arm             `json:"arm"`
	Seed    uint64          `json:"seed"`
	Parent  *uint64         `json:"parent,omitempty"`
	Hash    uint64          `json:"hash,string"`
	Verdict judge.Verdict   `json:"verdict"`
	Target  *failure.Target `json:"target,omitempty"`
	Finding string          `json:"finding,omitempty"`
	Work    uint64          `json:"work"`
	Counts  []uint64        `json:"counts"`         // in the order of the campaign's header, without the zeros at the end
	Made    []int           `json:"made,omitempty"` // the checks, by their place in the campaign's header

	New    coverage.Features `json:"new,omitempty"`    // what no line before it reached
	Second coverage.Features `json:"second,omitempty"` // what one line before it reached
	Shapes int               `json:"shapes,omitempty"` // how many shapes it had
	Kept   bool              `json:"kept,omitempty"`   // its configuration is in the corpus

	Receipt json.RawMessage `json:"receipt,omitempty"`
	Broken  string          `json:"broken,omitempty"`
	GivenUp int             `json:"givenUp,omitempty"`

	By      string  `json:"by,omitempty"`
	Seconds float64 `json:"seconds"`
	At      int64   `json:"at"` // when it was kept, in Unix milliseconds
}
