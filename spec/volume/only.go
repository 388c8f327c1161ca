package volume

import (
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// Only returns the model with those of its invariants, and of Opens and Answers, that are named. They are evaluated in full:
// what a step can have changed tells only whether those that held before still do.
func (m *Model) Only(names []string) check.Model {
	chosen := *m
	some := some{Model: &chosen}
	for _, i := range m.Invariants() {
		if slices.Contains(names, i.Name) {
			some.invariants = append(some.invariants, i)
		}
	}
	for _, i := range invariants() {
		if slices.Contains(names, i.Name) {
			some.holds = append(some.holds, i.Holds)
		}
	}
	all := m.world.properties()
	for i, p := range m.Properties() {
		if slices.Contains(names, p.Name) {
			some.named = append(some.named, p)
			some.properties = append(some.properties, all[i])
		}
	}
	return some
}

// some is a model with some of what it promises.
type some struct {
	*Model
	invariants []check.Invariant
	holds      []func(*State) bool
	named      []check.Property
	properties []property
}

func (m some) Invariants() []check.Invariant { return m.invariants }
func (m some) Properties() []check.Property  { return m.named }

func (m some) NewMachine() check.Machine {
	machine := m.Model.NewMachine().(*machine)
	machine.liveness.properties = m.properties
	return someMachine{machine, m.holds}
}

type someMachine struct {
	*machine
	holds []func(*State) bool
}

func (m someMachine) Broken() int {
	return slices.IndexFunc(m.holds, func(holds func(*State) bool) bool { return !holds(m.State) })
}
