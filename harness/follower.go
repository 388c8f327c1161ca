package harness

import (
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
)

// A Follower has the model and the observer of a stage follow a run: it is the Observer of the run's runtime.
type Follower struct {
	Stage Stage
	// Refused is called right when the model refuses, at the end of the run too; it may be nil.
	Refused func()
	// Took is called with each step that the model took, or of which there is no model, until it refuses one; it may be nil.
	Took   func(from node.ID, t *node.Trace)
	traced judge.Traced
}

// Traced implements runtime.Observer.
func (f *Follower) Traced(now node.Time, from node.ID, t *node.Trace) {
	if m := f.Stage.Model; m != nil && f.traced.Err == nil {
		if err := m.Tell(now, from, t); err != nil {
			f.refuse(err, f.Stage.Runtime.Noted())
		}
	}
	if f.Took != nil && f.traced.Err == nil {
		f.Took(from, t)
	}
	if f.Stage.Observer != nil {
		f.Stage.Observer.Traced(now, from, t)
	}
}

// Delivered implements runtime.Observer.
func (f *Follower) Delivered(now node.Time, from, to node.ID, m node.Message) {
	if f.Stage.Observer != nil {
		f.Stage.Observer.Delivered(now, from, to, m)
	}
}

// refused tells whether the model has refused a step.
func (f *Follower) refused() bool { return f.traced.Err != nil }

func (f *Follower) refuse(err error, event uint64) {
	f.traced.Err, f.traced.Event = err, event
	if f.Refused != nil {
		f.Refused()
	}
}

// End tells the model that the run has ended, and adds what followed it to the evidence.
func (f *Follower) End(e *judge.Evidence) {
	if m := f.Stage.Model; m != nil {
		f.traced.Steps = m.Steps()
		if err := m.Finish(); err != nil && f.traced.Err == nil {
			f.refuse(err, 0)
		}
		e.Trace = &f.traced
	}
	if f.Stage.Evidence != nil {
		f.Stage.Evidence(e)
	}
}
