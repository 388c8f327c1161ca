package check

import (
	"bytes"
	"fmt"
	"slices"
)

// A NoPropertyError says that a model promises nothing that the search could find broken. A pass would say nothing either.
type NoPropertyError struct {
	Model    string
	Expected string // "an invariant", or what else the search decides
}

func (e *NoPropertyError) Error() string {
	return fmt.Sprintf("check: model %s has no property to check; expected %s", e.Model, e.Expected)
}

// A DuplicateActionError says that two actions of a model have one name. Their counts and the steps of a counterexample
// could not be told apart.
type DuplicateActionError struct {
	Model         string
	Action        string
	First, Second int // places in the list of actions, counted from 1
}

func (e *DuplicateActionError) Error() string {
	return fmt.Sprintf("check: model %s has two actions named %q, number %d and number %d; expected a name for each", e.Model, e.Action, e.First, e.Second)
}

// A NotDeterministicError says that Next of a model took different steps from one state when it was called twice. It must
// depend on the state alone: a search calls it again to show the way to what it found.
type NotDeterministicError struct {
	Model    string
	State    []Var  // in which it was called
	Step     int    // the first step that differs, counted from 1
	Expected string // that step in the first call
	Found    string // that step in the second call
}

func (e *NotDeterministicError) Error() string {
	var state []string
	for _, v := range e.State {
		state = append(state, v.Name+" = "+v.Value)
	}
	return fmt.Sprintf("check: Next of model %s is not deterministic: from the state %s its step %d was %s, and in a second call %s",
		e.Model, listOr(state, "in which all parts are left out"), e.Step, e.Expected, e.Found)
}

// decidable refuses a model of which no search could tell anything: one without a property, or with two actions of one
// name. A situation that must be reachable is no property: it only says that the properties are true of something. Nor is
// progress one to a search that could pass without deciding it.
func decidable(m Model, progress bool) error {
	live, ok := m.(Live)
	promises := ok && len(live.Properties()) > 0
	switch {
	case len(m.Invariants()) > 0 || promises && progress:
	case promises:
		return &NoPropertyError{m.Name(), "an invariant: its progress is decided by RunProgress alone"}
	default:
		return &NoPropertyError{m.Name(), "an invariant or a progress property"}
	}
	actions := m.Actions()
	for i, name := range actions {
		if first := slices.Index(actions, name); first < i {
			return &DuplicateActionError{m.Name(), name, first + 1, i + 1}
		}
	}
	return nil
}

// sampled says whether Next is called twice in the state that is expanded as the given one, counted from 0: in the first
// ones, which are all the states of a small world, and in few of the others, so that it costs a large one nothing.
func sampled(number uint64) bool { return number < 64 || number%1024 == 0 }

// repeats calls Next twice in the state that the machine is in, and refuses a model whose second call takes other steps.
func repeats(m Model, machine Machine) error {
	type step struct {
		action, times int
		code          []byte
		within        bool
		name          string
	}
	var steps [2][]step
	for call := range steps {
		machine.Next(func(action, times int) bool {
			steps[call] = append(steps[call], step{action, times, machine.Encode(nil), within(machine), machine.Step()})
			return true
		})
	}
	tell := func(call, i int) string {
		if i >= len(steps[call]) {
			return "none"
		}
		s := steps[call][i]
		text := s.name
		if s.times != 1 {
			text = fmt.Sprintf("%s, %d times", text, s.times)
		}
		if !s.within {
			text += ", outside the state constraint,"
		}
		return fmt.Sprintf("%s to the state %x", text, hashOf(s.code))
	}
	for i := range max(len(steps[0]), len(steps[1])) {
		if i < len(steps[0]) && i < len(steps[1]) {
			a, b := steps[0][i], steps[1][i]
			if a.action == b.action && a.times == b.times && a.name == b.name && a.within == b.within && bytes.Equal(a.code, b.code) {
				continue
			}
		}
		return &NotDeterministicError{m.Name(), machine.Vars(), i + 1, tell(0, i), tell(1, i)}
	}
	return nil
}

// repeatsOften is repeats for a state from which a step was not found again: one pair of calls may agree by chance.
func repeatsOften(m Model, machine Machine) error {
	const pairs = 16
	for range pairs {
		if err := repeats(m, machine); err != nil {
			return err
		}
	}
	return nil
}

// lost says why a way to a state that breaks an invariant is not found again from the state that the machine is in.
func lost(m Model, machine Machine, invariant string, step int) error {
	if err := repeatsOften(m, machine); err != nil {
		return err
	}
	return &LostTraceError{invariant, step}
}
