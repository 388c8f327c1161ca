package check

import (
	"fmt"
	"slices"
	"strings"
)

// Selective is implemented by a Model that can be decided for some of what it promises alone.
type Selective interface {
	Model
	// Only returns the model with those of its invariants and progress properties that are named, and the same states.
	Only(names []string) Model
}

// An UnknownInvariantError says that a model has no invariant, and no progress property, of that name.
type UnknownInvariantError struct {
	Model string
	Name  string
	Known []string
}

func (e *UnknownInvariantError) Error() string {
	return fmt.Sprintf("model %s has no invariant %q in this world; known: %s", e.Model, e.Name, strings.Join(e.Known, ", "))
}

// Only returns the model with those of its invariants and progress properties that are named, so that a search goes past
// the violations of others.
func Only(m Model, names []string) (Model, error) {
	var known []string
	for _, i := range m.Invariants() {
		known = append(known, i.Name)
	}
	if live, ok := m.(Live); ok {
		for _, p := range live.Properties() {
			known = append(known, p.Name)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, &UnknownInvariantError{m.Name(), name, known}
		}
	}
	selective, ok := m.(Selective)
	if !ok {
		return nil, fmt.Errorf("model %s decides all of its invariants together: %s", m.Name(), strings.Join(known, ", "))
	}
	return selective.Only(names), nil
}

// Only returns the model with those of Must and Progress that are named.
func (m plainModel[S]) Only(names []string) Model {
	m.Must = slices.DeleteFunc(slices.Clone(m.Must), func(x Must[S]) bool { return !slices.Contains(names, x.Name) })
	m.Progress = slices.DeleteFunc(slices.Clone(m.Progress), func(x Leads[S]) bool { return !slices.Contains(names, x.Name) })
	return m
}
