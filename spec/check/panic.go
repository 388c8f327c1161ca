package check

import (
	"fmt"
	"runtime/debug"
)

// A PanicError says that the code of a model panicked, and where in its world.
type PanicError struct {
	Model  string
	During string // what was being done, such as "taking Grant" or "evaluating the invariants after Grant(2)"
	State  []Var  // from which the step was being taken; nil where even the initial state could not be shown
	Value  any    // of the panic
	Stack  []byte
}

func (e *PanicError) Error() string {
	var state []string
	for _, v := range e.State {
		state = append(state, v.Name+" = "+v.Value)
	}
	return fmt.Sprintf("check: model %s panicked while %s, in the state %s: %v\n%s", e.Model, e.During, listOr(state, "in which all parts are left out"), e.Value, e.Stack)
}

// caught makes an error of a panic of the model's code; it is deferred around that code. from returns the encoding of the
// state that steps were being taken from, nil for the initial state.
func caught(m Model, from func() []byte, err *error) {
	value := recover()
	if value == nil {
		return
	}
	e := &PanicError{Model: m.Name(), Value: value, Stack: debug.Stack()}
	again(m, from(), e)
	*err = e
}

// again does on a machine of its own what led to the panic, because there it can say at each point what comes next. A
// search that kept count of it at every step would be slower for all the models that do not panic.
func again(m Model, code []byte, e *PanicError) {
	defer func() { recover() }() // the one that is being looked for
	e.During = "making the initial state"
	machine := m.NewMachine()
	machine.Init()
	if code != nil {
		e.During = "loading a state"
		if err := machine.Load(code); err != nil {
			return
		}
	}
	e.During = "showing a state"
	e.State = machine.Vars()
	look := func(after string) {
		e.During = "encoding the state " + after
		machine.Encode(nil)
		e.During = "evaluating the invariants " + after
		machine.Broken()
		if named, ok := m.(Witnessing); ok {
			e.During = "evaluating the witnesses " + after
			for i := range named.Witnesses() {
				machine.(WitnessingMachine).Witnessed(i)
			}
		}
		if live, ok := m.(Live); ok {
			e.During = "evaluating the progress properties " + after
			for i := range live.Properties() {
				machine.(LiveMachine).From(i)
				machine.(LiveMachine).To(i)
			}
		}
		e.During = "showing the state " + after
		machine.Vars()
	}
	if code == nil {
		look("at the start")
	}
	// A machine that says which action it tries is asked when it has panicked.
	trying, says := machine.(interface{ Trying() string })
	last := ""
	inStep := true
	defer func() {
		switch {
		case !inStep:
		case says:
			e.During = "taking " + trying.Trying()
		case last != "":
			e.During = "taking the step that comes after " + last
		default:
			e.During = "taking the first step"
		}
	}()
	machine.Next(func(int, int) bool {
		inStep = false
		e.During = "naming a step"
		last = machine.Step()
		look("after " + last)
		inStep = true
		return true
	})
	inStep = false
	e.During = "doing what does not panic when it is done again; expected a model that is a function of its state, so this is hard to say"
}
