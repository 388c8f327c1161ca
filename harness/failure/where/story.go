package where

import (
	"errors"
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A step is an event that was handled, with all that was noted while it was: what a node said of it, what was lost of what it sent, who
// crashed of it. A rest is drawn anew behind whole steps only.
type step struct {
	first, last uint64 // numbers of its events
	named       uint64 // of these, the one that a jump names
	rank        int    // of what the named one is
	at          node.Time
	hash        uint64 // the chain up to and with the last one
	idle        bool   // nothing is said, sent or lost in it that anybody hears of: a timer, a completed operation of a disk
}

// A story is a run up to where it failed.
type story struct {
	steps []step
	fails *judge.Finding
}

// A TargetError says that a run does not fail by what it is to fail by.
type TargetError struct {
	Expected failure.Target
	Found    []failure.Target // by what it fails
	Verdict  judge.Verdict
}

func (e *TargetError) Error() string {
	return fmt.Sprintf("where: expected a run that fails by %v, found one that ends with %q, failing by %v", e.Expected, e.Verdict, e.Found)
}

// misses returns the error for a run that does not fail by a target.
func misses(target failure.Target, r *harness.Result) *TargetError {
	e := &TargetError{Expected: target, Verdict: r.Verdict}
	for i := range r.Findings {
		by, _ := failure.TargetOf(r.Findings[i : i+1])
		e.Found = append(e.Found, by)
	}
	return e
}

// errEmpty says that a run has no events: nothing of it can be kept.
var errEmpty = errors.New("where: expected a run with events, found none")

// rank says which event of a step names it: what went wrong in it goes before what was said of it, and that before the event itself.
func rank(k sim.EventKind) int {
	switch k {
	case sim.EventCrash, sim.EventLost:
		return 2
	case sim.EventTrace:
		return 1
	}
	return 0
}

// hear adds an event to the story.
func (s *story) hear(e *sim.Event) {
	r := rank(e.Kind)
	if n := len(s.steps) - 1; r > 0 && n >= 0 && e.Cause == s.steps[n].first {
		x := &s.steps[n]
		x.last, x.hash, x.idle = e.Seq, e.Hash, false
		if r > x.rank {
			x.named, x.rank = e.Seq, r
		}
		return
	}
	s.steps = append(s.steps, step{first: e.Seq, last: e.Seq, named: e.Seq, rank: r, at: e.At, hash: e.Hash,
		idle: e.Kind == sim.EventTimer || e.Kind == sim.EventDisk && e.Reason == 0})
}

// tell makes the run and keeps its story.
func tell(system harness.System, c configuration.Configuration, target failure.Target) (*story, error) {
	s := &story{}
	r := harness.RunWith(system, c, harness.Options{Only: target.Check, Listen: func(_ *sim.World, e *sim.Event) { s.hear(e) }})
	if s.fails = target.In(&r); s.fails == nil {
		return nil, misses(target, &r)
	}
	if len(s.steps) == 0 {
		return nil, errEmpty
	}
	if at := s.fails.Event; at > 0 {
		for i := range s.steps {
			if s.steps[i].last >= at {
				s.steps = s.steps[:i+1]
				break
			}
		}
	}
	return s, nil
}

// line describes an event of the run in words.
func line(system harness.System, c configuration.Configuration, target failure.Target, event uint64) string {
	var said string
	harness.RunWith(system, c, harness.Options{Only: target.Check, Listen: func(w *sim.World, e *sim.Event) {
		if e.Seq == event {
			said = w.Describe(e)
		}
	}})
	return said
}
