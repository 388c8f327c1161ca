package check

import (
	"context"
	"fmt"
	"time"
)

// A Reducible is a Model of which a search for violations may leave steps out. The package comment has the conditions, and why
// they suffice.
type Reducible interface {
	Model
	// Reduced returns the same world with fewer steps, and false where no reduction of it is proved. The machines of that
	// model are ReducedMachines, and its Reductions name the reduction.
	Reduced() (Model, bool)
}

// A ReducedMachine is a Machine whose Next takes the steps of one persistent set alone where it declares one. Elsewhere it
// leaves out only steps that lead to the same state as one that it takes.
type ReducedMachine interface {
	Machine
	// Narrowed says whether the last call of Next that was not stopped took the steps of a persistent set alone.
	Narrowed() bool
	// Sets takes the steps of all persistent sets that are declared in the state, also of those that Next passes over, one set
	// after the other. They are numbered from 0.
	Sets(visit func(set, action, times int))
	// Whole returns the machine that shares its state and takes every step. Broken of that one evaluates every invariant in
	// full when a state has just been loaded.
	Whole() Machine
}

// wholeOf returns the machine that takes every step.
func wholeOf(m Machine) Machine {
	if reduced, ok := m.(ReducedMachine); ok {
		return reduced.Whole()
	}
	return m
}

// An UnrealError says that a reduced search has found a violation that the search of all steps does not find. Then the reduced
// machine takes steps that the model does not have.
type UnrealError struct {
	Model     string
	Invariant string // found broken under the reduction
	Depth     int    // after how many steps
}

func (e *UnrealError) Error() string {
	return fmt.Sprintf("check: model %s: under its reduction %s does not hold after %d steps; expected to find a violation without the reduction, found none",
		e.Model, e.Invariant, e.Depth)
}

// reduced returns the model that is searched in place of m, nil where all steps are to be taken. Who asks for a part of the
// levels or for the states themselves asks for those of the model; situations that must be reachable need not be reachable in
// fewer steps.
func (o Options) reduced(m Model) Model {
	if o.NoReduction || o.Walks > 0 || o.Depth > 0 || o.States > 0 || o.Visit != nil {
		return nil
	}
	if named, ok := m.(Witnessing); ok && len(named.Witnesses()) > 0 {
		return nil
	}
	if reducible, ok := m.(Reducible); ok {
		if reduced, ok := reducible.Reduced(); ok {
			return reduced
		}
	}
	return nil
}

// runReduced searches the reduced model. A violation that it finds is one of m, but a shorter one may have been left out: then m
// itself is searched, down to the level of its first violation. Where the time or the memory does not suffice for that, the
// longer counterexample is the result.
func runReduced(ctx context.Context, m, reduced Model, o Options) (*Result, error) {
	begun := time.Now()
	o.NoReduction = true
	r, err := Run(ctx, reduced, o)
	if err != nil || r.Verdict != Violation {
		return r, err
	}
	o.Folder, o.Resume = "", false // it has finished its search
	if o.For > 0 {
		o.For -= time.Since(begun)
		if o.For <= 0 {
			return r, nil
		}
	}
	whole, err := Run(ctx, m, o)
	switch {
	case err != nil:
		return nil, err
	case whole.Verdict == Pass:
		return nil, &UnrealError{m.Name(), r.Invariant, len(r.Trace)}
	case whole.Verdict == Incomplete:
		return r, nil
	}
	whole.Seconds += r.Seconds
	return whole, nil
}
