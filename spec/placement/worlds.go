package placement

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// worlds has the named worlds as tab-separated values: name, constants as JSON, the invariant that must be found broken
// or -, and how many distinct and generated states TLC found; for a world with a violation it went on past it.
//
//go:embed worlds.tsv
var worlds string

// A tlcWorld is a line of worlds.tsv.
type tlcWorld struct {
	name                string
	constants           json.RawMessage
	violates            string // "" when all invariants hold
	distinct, generated uint64
}

// worldsOf reads a table such as worlds.tsv.
func worldsOf(tsv string) ([]tlcWorld, error) {
	const header = "name\tconstants\tviolates\tdistinct\tgenerated"
	lines := strings.Split(strings.TrimSpace(tsv), "\n")
	if lines[0] != header {
		return nil, fmt.Errorf("worlds.tsv: line 1 is %q; expected %q", lines[0], header)
	}
	var list []tlcWorld
	for i, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != 5 {
			return nil, fmt.Errorf("worlds.tsv: line %d has %d columns; expected 5", i+2, len(cells))
		}
		w := tlcWorld{name: cells[0], constants: json.RawMessage(cells[1]), violates: cells[2]}
		if w.violates == "-" {
			w.violates = ""
		}
		var err error
		if w.distinct, err = strconv.ParseUint(cells[3], 10, 64); err != nil {
			return nil, fmt.Errorf("worlds.tsv: line %d: distinct: %w", i+2, err)
		}
		if w.generated, err = strconv.ParseUint(cells[4], 10, 64); err != nil {
			return nil, fmt.Errorf("worlds.tsv: line %d: generated: %w", i+2, err)
		}
		list = append(list, w)
	}
	return list, nil
}

// Subject returns the model as the command line offers it.
func Subject() check.Subject {
	s := check.Subject{
		Name:   "placement",
		About:  "replicas in AZs: which failures, detected and silent, a design's quorums survive",
		Module: "Placement",
		Bugs:   Bugs()[1:],
		Read: func(text []byte) (check.Model, error) {
			w, err := ReadWorld(text)
			if err != nil {
				return nil, err
			}
			return NewModel(w)
		},
		Config: config,
	}
	list, err := worldsOf(worlds)
	if err != nil {
		panic(err) // the table is part of the program, and a test reads it
	}
	for _, w := range list {
		named := check.World{Name: w.name, Constants: w.constants, Violates: w.violates}
		if w.violates == "" {
			named.Distinct, named.Generated = w.distinct, w.generated
		}
		s.Worlds = append(s.Worlds, named)
	}
	return s
}
