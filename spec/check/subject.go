package check

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Subject is a model as a user meets it: what it is about, its named worlds with what is expected of each, its
// broken variants, and how its worlds are read. A subject's package makes one; the command line offers all.
type Subject struct {
	Name   string
	About  string  // in one line
	Module string  // of its TLA+ twin in spec/tla, without .tla
	Worlds []World // named, expected violations and broken variants included
	// Large are named worlds that are too large to search to the end, and in which every invariant is to hold: for random walks and
	// bounded searches, many and differently seeded. Nothing passes in them.
	Large []World
	Bugs  []string // that a world may name, "none" not among them
	// Read makes the model of a world that is given as JSON. It refuses unknown keys, and a world that does not fit or
	// contradicts itself, with an error that says which limit it breaks (see ReadWorld).
	Read func(world []byte) (Model, error)
	// Config returns the configuration file by which TLC checks the twin on the same world.
	Config func(world []byte) (string, error)
	// Root returns the text of a module MC that extends the twin by what a configuration file cannot say of the world, such
	// as constants that are functions. Nil where the configuration says it all.
	Root func(world []byte) (string, error)
}

// A World is a named world of a subject.
type World struct {
	Name      string
	Constants json.RawMessage
	// Violates names the invariant that must be found broken, "" when all must hold.
	Violates string
	// Distinct and Generated are what TLC found in the TLA+ twin; 0 when it was not asked, or stopped at a violation.
	Distinct, Generated uint64
}

// Lookup returns the named world of the subject, a large one too. Its error lists those that are known.
func (s Subject) Lookup(name string) (World, error) {
	all := slices.Concat(s.Worlds, s.Large)
	i := slices.IndexFunc(all, func(w World) bool { return w.Name == name })
	if i < 0 {
		var known []string
		for _, w := range all {
			known = append(known, w.Name)
		}
		return World{}, fmt.Errorf("model %s has no world %q; known: %s", s.Name, name, strings.Join(known, ", "))
	}
	return all[i], nil
}

// ReadWorld reads constants from JSON into a struct. A key that the struct does not have is refused with a list of those
// that it has.
func ReadWorld(world []byte, into any) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(world, &given); err != nil {
		return fmt.Errorf("world: %w", err)
	}
	var known []string
	t := reflect.TypeOf(into).Elem()
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known = append(known, key)
	}
	var unknown []string
	for key := range given {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("world: unknown key %s; known: %s", strings.Join(unknown, ", "), strings.Join(known, ", "))
	}
	if err := json.Unmarshal(world, into); err != nil {
		return fmt.Errorf("world: %w", err)
	}
	return nil
}
