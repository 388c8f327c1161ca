// Package conform holds an implementation against the model: it steps the actions of spec/volume by what the
// nodes of a run tell about themselves, and evaluates the model's invariants on the way.
//
// Use package conform/older instead when the nodes are of a design before Aurora, and package judge when an engineer has
// a whole run to judge: it takes the trace as one piece of evidence among others.
package conform

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// Counts says what the steps of a run amounted to, so that a run in which nothing happened shows.
type Counts struct {
	Steps      uint64 `json:"steps" text:"steps of the trace validated" by:"1"`   // steps told
	Retold     uint64 `json:"retold"`                                             // of these, told again after a restart and skipped
	Holds      uint64 `json:"holds"`                                              // of these, inventories of restarted segments
	Writes     uint64 `json:"writes"`                                             // from here on: actions of the model that were taken
	Commits    uint64 `json:"commits"`                                            //
	Undos      uint64 `json:"undos"`                                              //
	Structures uint64 `json:"structures"`                                         // records of no transaction
	Stores     uint64 `json:"stores"`                                             //
	Gossips    uint64 `json:"gossips" text:"records that came by gossip" by:"40"` // of records, one by one or as page images
	Advances   uint64 `json:"advances"`                                           // one for each LSN that became complete
	Acks       uint64 `json:"acks"`                                               // commits acknowledged
	Starts     uint64 `json:"starts"`                                             // take-overs begun
	Fences     uint64 `json:"fences"`                                             //
	Decides    uint64 `json:"decides"`                                            //
	Joins      uint64 `json:"joins"`                                              //
	Opens      uint64 `json:"opens"`                                              // recoveries opened

	Cuts    uint64 `json:"cuts"`                                                              // cuts that took away a record which some segment held
	Moves   uint64 `json:"moves" text:"rows that moved to another group" by:"100"`            // changes of a row in another group than the change before
	Resumed uint64 `json:"resumed" text:"transactions that went on after a rollback" by:"30"` // writes of a transaction that has taken something back
	Removed uint64 `json:"removed"`                                                           // records that cuts took off the log, held by a segment or not
	Dropped uint64 `json:"dropped"`                                                           // copies of records that segments dropped when they joined
	Fills   uint64 `json:"fills"`                                                             // page images that segments took from a peer

	Begun    uint64 `json:"begun" text:"replacements of a segment begun" by:"100"`      // replacements of a segment
	Nested   uint64 `json:"nested" text:"of these, in the middle of another" by:"1500"` // of these, in the middle of another
	Finished uint64 `json:"finished" text:"replacements finished" by:"200"`             // memberships whose settled set gave way to another
	Reverted uint64 `json:"reverted" text:"replacements taken back" by:"150"`           // replacements taken back
	Grown    uint64 `json:"grown" text:"groups that came into use" by:"100"`            // groups that came into use
	Adopted  uint64 `json:"adopted"`                                                    // changes and growths that a writer went by

	Evaluations uint64 `json:"evaluations" text:"invariants evaluated" by:"1"` // of one invariant
}

// A Validator steps the model by the trace of one run. It is for one goroutine.
type Validator struct {
	volume   *node.Volume
	model    *volume.State
	replicas []int32 // by address: the model's number of that segment plus one
	segments []segment
	lines    []line            // by epoch-1
	changes  []toldChange      // of the geometry, by version-2
	counting []node.Membership // by group: the newest that was made
	inUse    int               // groups that are in use, by the register
	rows     map[string]int
	names    []string // of rows, by the model's key
	txns     map[node.Txn]int
	txnNames []node.Txn // by number-1

	readers readers

	recent ring
	counts Counts
	failed *Violation
}

// A segment is what the validator keeps of one beside the model.
type segment struct {
	id    node.ID
	told  []place // by position, ascending
	spoke bool    // it told a step
}

// A place is one position of a segment's log, with a digest of what was told of it.
type place struct {
	position uint64
	digest   uint64
}

// New returns a validator for a run on a fresh volume. Epoch 1 is open from the start.
func New(v *node.Volume) (*Validator, error) {
	if err := v.Validate(); err != nil {
		return nil, fmt.Errorf("trace validation: %w", err)
	}
	model, err := volume.NewState(worldOf(v))
	if err != nil {
		return nil, fmt.Errorf("trace validation: %w", err)
	}
	x := &Validator{
		volume: v, model: model, rows: map[string]int{}, txns: map[node.Txn]int{},
	}
	for _, members := range v.Segments {
		for _, id := range members {
			for len(x.replicas) <= int(id) {
				x.replicas = append(x.replicas, 0)
			}
			x.segments = append(x.segments, segment{id: id})
			x.replicas[id] = int32(len(x.segments))
		}
	}
	x.readers = newReaders(x)
	x.inUse = v.InUse
	if x.inUse == 0 {
		x.inUse = v.Groups()
	}
	x.counting = make([]node.Membership, v.Groups())
	for g := range x.inUse {
		x.counting[g] = v.FirstMembership()
	}
	x.lines = []line{{history: node.FirstHistory(), last: make([]node.LSN, v.Groups())}}
	return x, nil
}

// Counts returns what has been counted so far.
func (v *Validator) Counts() Counts { return v.counts }

// Steps returns how many steps were told.
func (v *Validator) Steps() uint64 { return v.counts.Steps }

// Violation returns the first violation, nil if the run was legal so far.
func (v *Validator) Violation() *Violation { return v.failed }

// Tell takes one step that the node from told at the time now. Once a step was refused, or an invariant failed,
// it returns that *Violation, now and ever after: what follows the first violation proves nothing.
func (v *Validator) Tell(now node.Time, from node.ID, t *node.Trace) error {
	if v.failed != nil {
		return v.failed
	}
	v.counts.Steps++
	if p := v.step(from, t); p != nil {
		return v.fail(now, from, t, p)
	}
	v.model.Forget()
	v.recent.add(now, from, t)
	return nil
}

// Finish evaluates every invariant on the last state. It returns the run's first *Violation, if any.
func (v *Validator) Finish() error {
	if v.failed != nil {
		return v.failed
	}
	if p := v.holdAll(); p != nil {
		p.action = "Finish"
		return v.fail(v.recent.now(), 0, &node.Trace{}, p)
	}
	return nil
}

// step checks one step and takes it in the model.
func (v *Validator) step(from node.ID, t *node.Trace) *problem {
	if t.Action.OfReaders() {
		return v.readerStep(from, t)
	}
	switch t.Action {
	case node.ActWrite, node.ActCommit, node.ActUndo, node.ActStructure:
		return v.issue(from, t)
	case node.ActAdvance:
		return v.advance(from, t)
	case node.ActAck:
		return v.ack(from, t)
	case node.ActDecide:
		return v.decide(from, t)
	case node.ActOpen:
		return v.open(from, t)
	case node.ActStart:
		return v.start(from, t)
	case node.ActChange, node.ActGrow:
		return v.geometry(from, t)
	case node.ActStore, node.ActFence, node.ActJoin, node.ActHolds, node.ActFill:
		return v.segmentStep(from, t)
	}
	return &problem{
		rule: ruleAction, why: fmt.Sprintf("%s told %s, which is none", v.who(from), t.Action),
		expected: "Write, Commit, Undo, Structure, Store, Advance, Ack, Start, Fence, Decide, Join, Open, Change, Grow, Holds or Fill", found: t.Action.String(),
	}
}

// did notes that the model took an action, and evaluates the invariants that it can have broken.
func (v *Validator) did(count *uint64) *problem {
	*count++
	return v.holdTouched()
}

// refused makes a problem of a guard that did not hold.
func refused(g volume.Refusal, expected, found, why string, args ...any) *problem {
	return &problem{rule: string(g), why: fmt.Sprintf(why, args...), expected: expected, found: found}
}
