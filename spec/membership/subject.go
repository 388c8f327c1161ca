package membership

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// Worlds is TLC's result for each named world of Membership, as tab-separated values with a header line. The verdict is
// "pass" or the invariant that does not hold.
//
//go:embed worlds.tsv
var Worlds string

// UncheckedWorlds is as Worlds, for each broken variant searched past its violations: TLC was given no invariants.
//
//go:embed worlds-unchecked.tsv
var UncheckedWorlds string

// Subject returns the model as its users meet it.
func Subject() check.Subject {
	worlds, err := worldsOf(Worlds)
	if err != nil {
		panic("membership: worlds.tsv: " + err.Error()) // a test reads it
	}
	return check.Subject{
		Name:   "membership",
		About:  "who belongs to a protection group while that changes: quorum sets, epochs, filling, and going on after the loss of a zone",
		Module: "Membership",
		Worlds: worlds,
		Bugs:   Bugs(),
		Read: func(world []byte) (check.Model, error) {
			w, err := ParseWorld(world)
			if err != nil {
				return nil, err
			}
			return New(w)
		},
		Config: func(world []byte) (string, error) {
			w, err := ParseWorld(world)
			if err != nil {
				return "", err
			}
			return w.Config(), nil
		},
	}
}

// worldsOf reads a table whose columns are a name, the keys of a World, and what TLC found.
func worldsOf(tsv string) ([]check.World, error) {
	lines := strings.Split(strings.TrimSpace(tsv), "\n")
	header := strings.Split(lines[0], "\t")
	var list []check.World
	for i, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != len(header) {
			return nil, fmt.Errorf("line %d has %d columns; expected %d", i+2, len(cells), len(header))
		}
		var w check.World
		var keys []string
		for c, name := range header {
			var err error
			switch cell := cells[c]; name {
			case "name":
				w.Name = cell
			case "distinct":
				err = json.Unmarshal([]byte(cell), &w.Distinct)
			case "generated":
				err = json.Unmarshal([]byte(cell), &w.Generated)
			case "verdict":
				if cell != "pass" && cell != "unchecked" {
					w.Violates = cell
				}
			case "bug":
				keys = append(keys, fmt.Sprintf("%q:%q", name, cell))
			default:
				keys = append(keys, fmt.Sprintf("%q:%s", name, cell))
			}
			if err != nil {
				return nil, fmt.Errorf("line %d: %s is %q: %w", i+2, name, cells[c], err)
			}
		}
		w.Constants = json.RawMessage("{" + strings.Join(keys, ",") + "}")
		if _, err := ParseWorld(w.Constants); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		list = append(list, w)
	}
	return list, nil
}
