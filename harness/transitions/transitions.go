// Package transitions drives every transition of the volume's model, in a small world, into the implementation, and holds what
// the implementation has become against the model after every step. Nothing is drawn and nothing happens by itself: no message
// comes, no timer fires and no client calls unless the schedule says so.
//
// The world is one group of segments, a register and a few writers, made by an aurora.Implementation, after a set-up in which the
// first writer has written every row and every node has been told. There the model begins. A schedule is a list of things that
// happen to one process at a time: a message comes (in any order, twice, late, or never), a timer fires, a client calls, the next
// writer starts, a segment crashes with its write lost, kept or torn and starts again. A disk does what it is asked for at once,
// if no crash comes between. Nodes are state machines, so the search steps them itself, without the simulator's clock.
//
// After each step the model takes what the process told, and then everything is compared that a process holds and the model has a
// word for: what every segment has promised, follows, stores and has complete, in its memory and once more as a start would
// find it on its disk; what every writer has in its log, its cut, VCL and VDL, what it believes of its segments; what the
// clients were told. All of it is read from the nodes, not from what they tell about themselves.
//
// A transition is a step between two states of the model, up to which segment is which. The model is searched to the end for
// them. The search for schedules then goes breadth first, over what the model, every process and the network can be in together, so
// it comes to each transition by as few steps as it can; what only lets a process say again what it has said is put in where it is
// needed. In the end the schedules are run from the start in nodes of their own, compared after every step, and only what was taken
// there counts as driven. What is not driven has to be in a class of gaps with a reason (see GapClass), and a reason is refuted by one
// transition of its class that was driven.
//
// Use package conform instead when a run of any length is to be held against the model: there the run comes first, and the model
// follows it.
package transitions

import (
	"context"
	"errors"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// Options say what is driven.
type Options struct {
	Implementation aurora.Implementation // its nodes tell what they hold, as our own do; see UntoldError
	Scope          Scope
	Bug            string // the planted bug of every node, or none
	// Progress hears of the search now and then. It may be nil.
	Progress func(Progress)
}

// Progress is how far a search is.
type Progress struct {
	Products    int  // states of the whole world that were reached
	Driven      int  // transitions that the search has come to
	Transitions int  // that the model has
	Running     bool // the schedules that were found are run now
}

// Scopes are the worlds that are known by name.
func Scopes() []Scope {
	three := volume.World{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 2, Answers: true, Symmetry: true}
	pair := three
	pair.Replicas, pair.WriteQuorum, pair.ReadQuorum = 2, 2, 1
	rollback := pair
	rollback.Aborts, rollback.MaxLSN = true, 3
	rows := rollback
	rows.Keys, rows.Txns, rows.MaxEpoch = 2, 2, 1
	epochs := pair
	epochs.MaxLSN, epochs.MaxEpoch = 1, 3
	return []Scope{
		{Name: "pair", About: "two segments, both of which make a record written", Model: pair, Crashes: 1,
			Gaps: []string{ackedAtOnce, notLoaded, firstQuorum, givesAll}},
		{Name: "rollback", About: "pair, with clients that roll back", Model: rollback, Crashes: 1,
			Gaps: []string{ackedAtOnce, keptInOrder, notLoaded, firstQuorum, givesAll}},
		{Name: "rows", About: "pair, with two transactions on two rows and one writer", Model: rows,
			Gaps: []string{ackedAtOnce, locksHeld, rolledBack}},
		{Name: "epochs", About: "pair, with one record in each log and three writers", Model: epochs, Crashes: 1},
		{Name: "three", About: "three segments, two of which make a record written", Model: three, Crashes: 1,
			Gaps: []string{ackedAtOnce, keptInOrder, givesAll}},
	}
}

// DefaultScope is the name of the world of three segments.
const DefaultScope = "three"

// Run drives the transitions of a world. It returns an error when it could not; that the implementation and the model part is in the
// report. The same options give the same report.
func Run(ctx context.Context, o Options) (*Report, error) {
	c, err := newCluster(o.Scope, o.Implementation, node.PlantedHook(o.Bug))
	if err != nil {
		return nil, err
	}
	s, err := newSearch(c)
	if err != nil {
		return nil, err
	}
	report := func(running bool) {
		if o.Progress != nil {
			o.Progress(Progress{Products: len(s.visits), Driven: s.Reached, Transitions: len(s.graph.list), Running: running})
		}
	}
	if err := s.run(ctx, func() { report(false) }); err != nil {
		return nil, err
	}
	r := newReport(s, o)
	if s.parted != nil {
		r.Parted, err = s.confirm(s.parted)
		return r, err
	}
	report(true)
	taken, parted, err := s.verify(ctx)
	if errors.As(err, &r.Stray) {
		err = nil
	}
	if err != nil || parted != nil {
		r.Parted = parted
		return r, err
	}
	return r, r.tally(s, taken, gapsOf(&o.Scope))
}
