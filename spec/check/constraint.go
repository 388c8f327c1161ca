package check

import "fmt"

// A ConstrainedMachine is a Machine with a state constraint, which keeps a search of infinitely many states finite. What lies
// outside is counted as TLC counts what its CONSTRAINT excludes: a step that leads there is generated, every invariant is decided
// in the state, and a counterexample may end in it; but the state is not counted as distinct, meets no witness, and is not gone on from.
// The initial state must be inside.
//
// Progress is decided of the behaviours that stay inside. An instance of an action that could leave is enabled there, and never
// taken; so a behaviour that waits at the edge is not fair, if only fairness makes it leave.
type ConstrainedMachine interface {
	Machine
	// Within says whether the state is inside. It is called where Broken is, and does not tell interchangeable states apart. Outside,
	// Encode must still tell apart the states that one step leads to; they are never loaded.
	Within() bool
}

// A ConstraintError says that the initial state of a model is outside its state constraint, so that there is nothing to search.
type ConstraintError struct{ Model string }

func (e *ConstraintError) Error() string {
	return fmt.Sprintf("check: the initial state of model %s is outside its state constraint; expected it inside", e.Model)
}

// within says whether the state that the machine is in is inside the state constraint, if it has one.
func within(machine Machine) bool {
	c, ok := machine.(ConstrainedMachine)
	return !ok || c.Within()
}
