package quorum

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// worldsTSV has the named worlds and what TLC found in each: name, constants, distinct and generated states, and the
// verdict, which is "pass" or the invariant that does not hold. For a world with a violation the figures are those of a
// search for TypeOK alone, which goes past it.
//
//go:embed worlds.tsv
var worldsTSV string

// worlds returns the named worlds.
func worlds() []check.World {
	table, err := readTable(worldsTSV)
	if err != nil {
		panic("quorum: worlds.tsv: " + err.Error()) // it is part of the program
	}
	for i := range table {
		if table[i].Violates != "" {
			table[i].Distinct, table[i].Generated = 0, 0 // the figures are not those of a search that stops there
		}
	}
	return table
}

// readTable returns the worlds of a table, with figures even where a world has a violation.
func readTable(tsv string) ([]check.World, error) {
	const header = "name\tconstants\tdistinct\tgenerated\tverdict"
	lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
	if lines[0] != header {
		return nil, fmt.Errorf("line 1 is %q; expected %q", lines[0], header)
	}
	var table []check.World
	for i, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != 5 {
			return nil, fmt.Errorf("line %d has %d columns; expected 5", i+2, len(cells))
		}
		w := check.World{Name: cells[0], Constants: []byte(cells[1])}
		var err error
		if w.Distinct, err = strconv.ParseUint(cells[2], 10, 64); err != nil {
			return nil, fmt.Errorf("line %d: distinct: %w", i+2, err)
		}
		if w.Generated, err = strconv.ParseUint(cells[3], 10, 64); err != nil {
			return nil, fmt.Errorf("line %d: generated: %w", i+2, err)
		}
		if cells[4] != "pass" {
			w.Violates = cells[4]
		}
		table = append(table, w)
	}
	return table, nil
}
