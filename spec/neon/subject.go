package neon

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// worldsTSV has the named worlds, with the figures of a published log of TLC where one is of this very model, and the verdict.
//
//go:embed worlds.tsv
var worldsTSV string

// Subject returns the model as its users meet it.
func Subject() check.Subject {
	return check.Subject{
		Name:   "neon",
		About:  "consensus of Neon's safekeepers: votes, term histories, truncation, commits",
		Module: "Neon",
		Large:  large(),
		Worlds: check.Named("neon", worldsTSV),
		Bugs:   Bugs(),
		Read: func(text []byte) (check.Model, error) {
			w, err := ParseWorld(text)
			if err != nil {
				return nil, err
			}
			return New(w)
		},
		Config: func(text []byte) (string, error) {
			w, err := ParseWorld(text)
			if err != nil {
				return "", err
			}
			return w.config(), nil
		},
	}
}

// large returns the worlds that no search of a day comes to the end of. They are those of the published configurations.
func large() []check.World {
	world := func(name string, acceptors, terms, entries int) check.World {
		return check.World{Name: name, Constants: json.RawMessage(fmt.Sprintf(
			`{"proposers":2,"acceptors":%d,"terms":%d,"entries":%d,"elections":false,"bug":"none","symmetry":true}`, acceptors, terms, entries))}
	}
	change := func(name string, acceptors, generations int) check.World {
		return check.World{Name: name, Constants: json.RawMessage(fmt.Sprintf(
			`{"proposers":2,"acceptors":%d,"terms":2,"entries":2,"generations":%d,"elections":true,"bug":"none","symmetry":true}`, acceptors, generations))}
	}
	return []check.World{
		world("p2_a3_t4_l4", 3, 4, 4), world("p2_a5_t3_l3", 5, 3, 3), world("p2_a5_t4_l3", 5, 4, 3),
		change("p2_a2_t2_l2_c5", 2, 5), change("p2_a4_t2_l2_c3", 4, 3),
	}
}

// config returns the configuration of TLC for the world.
func (w World) config() string {
	var b strings.Builder
	names := func(letter string, n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf("%s%d", letter, i+1)
		}
		return strings.Join(all, ", ")
	}
	donor := w.Donor
	if donor == "" {
		donor = every
	}
	fmt.Fprintf(&b, "SPECIFICATION Spec\nCONSTANTS\n  Proposer = {%s}\n  Acceptor = {%s}\n", names("p", w.Proposers), names("a", w.Acceptors))
	fmt.Fprintf(&b, "  MaxTerm = %d\n  MaxEntries = %d\n  Generations = %d\n  Donor = %q\n  Elections = %s\n  Bug = %q\n", w.Terms, w.Entries, w.Generations, donor,
		strings.ToUpper(fmt.Sprint(w.Elections)), w.Bug)
	b.WriteString("CONSTRAINT Within\n")
	if w.Symmetry {
		b.WriteString("SYMMETRY Symmetry\n")
	}
	b.WriteString("INVARIANTS")
	for _, r := range rulesOf(w) {
		b.WriteString(" " + r.Name)
	}
	b.WriteString("\nCHECK_DEADLOCK FALSE\n") // a world ends where its limits are reached
	return b.String()
}
