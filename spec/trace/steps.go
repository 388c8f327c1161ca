package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A StepEvent is an event of a trace for a model that has no machine of its own for traces.
type StepEvent struct {
	// Step is the text of the step, such as "Lock(1)", or the name of its action alone, which means with any arguments.
	Step string `json:"step"`
	// State is what the event tells of the state after the step, by the names that the model gives the parts of its states.
	// What it does not tell may be anything.
	State map[string]string `json:"state,omitempty"`
}

func (e StepEvent) String() string {
	text := e.Step
	names := make([]string, 0, len(e.State))
	for name := range e.State {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text += fmt.Sprintf(", %s = %s", name, e.State[name])
	}
	return text
}

// ParseStep reads a StepEvent. It refuses keys that it does not know, and an event without a step.
func ParseStep(text []byte) (StepEvent, bool, error) {
	var e StepEvent
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e, false, &EventError{`an object with "step" and, if it likes, "state"`, err.Error()}
	}
	if e.Step == "" {
		return e, false, &EventError{`a "step"`, "none"}
	}
	return e, true, nil
}

// Steps validates a trace of StepEvents against any model. Steps of the actions that hidden names are reported by no event.
// A model that takes states for one another, such as those
// that differ in the names of replicas, is refused: a trace tells them apart. Else an error is one of reading.
func Steps(ctx context.Context, m check.Model, from io.Reader, o Options, hidden ...string) (*Receipt, error) {
	for _, name := range hidden {
		if !slices.Contains(m.Actions(), name) {
			return nil, fmt.Errorf("trace: model %s has no action %q; known: %s", m.Name(), name, strings.Join(m.Actions(), ", "))
		}
	}
	if r := m.Reductions(); len(r) > 0 {
		return nil, fmt.Errorf("trace: expected a world without reductions, in which states keep the names of their parts; found %s", strings.Join(r, ", "))
	}
	events, skipped, err := Parse(Lines(from, Limits{}), func(text []byte) (StepEvent, bool, error) {
		e, ok, err := ParseStep(text)
		if err == nil && !slices.Contains(m.Actions(), actionOf(e.Step)) {
			err = &EventError{"a step of one of " + strings.Join(m.Actions(), ", "), fmt.Sprintf("%q", e.Step)}
		}
		return e, ok, err
	})
	if err != nil {
		return nil, err
	}
	k := &steps{Machine: m.NewMachine(), names: m.Actions(), hidden: hidden}
	k.Init()
	r, err := Validate(ctx, m, k, events, StepEvent.String, o)
	if r != nil {
		r.Skipped = skipped
	}
	return r, err
}

// actionOf returns the name of the action of a step.
func actionOf(step string) string {
	name, _, _ := strings.Cut(step, "(")
	return name
}

// steps follows StepEvents by trying every step of the model.
type steps struct {
	check.Machine
	names  []string
	hidden []string
	taken  string
}

// Follow offers each step of the event's action, with what differs from the event.
func (k *steps) Follow(e StepEvent, visit func(differs []check.Change) bool) {
	k.Next(func(action, _ int) bool {
		k.taken = k.names[action]
		if k.taken != actionOf(e.Step) {
			return true
		}
		var differs []check.Change
		if step := k.Step(); e.Step != k.taken && e.Step != step {
			differs = append(differs, check.Change{Var: "step", From: step, To: e.Step})
		}
		vars := map[string]string{}
		for _, v := range k.Vars() {
			vars[v.Name] = v.Value
		}
		told := make([]string, 0, len(e.State))
		for name := range e.State {
			told = append(told, name)
		}
		slices.Sort(told)
		for _, name := range told {
			if vars[name] != e.State[name] {
				differs = append(differs, check.Change{Var: name, From: vars[name], To: e.State[name]})
			}
		}
		return visit(differs)
	})
}

func (k *steps) Hidden(_ StepEvent, visit func() bool) {
	k.Next(func(action, _ int) bool {
		k.taken = k.names[action]
		return !slices.Contains(k.hidden, k.taken) || visit()
	})
}

func (k *steps) Taken() []string { return []string{k.taken} }
