package reader

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// worldsTSV has the named worlds, and what TLC found in each: distinct and generated states, and the verdict, which is
// "pass" or the invariant that it named. Where one does not hold the figures are those of a search for no invariant at
// all, which goes past every violation.
//
//go:embed worlds.tsv
var worldsTSV string

// worlds returns the named worlds.
func worlds() []check.World {
	list, err := readTable(worldsTSV)
	if err != nil {
		panic("reader: worlds.tsv: " + err.Error()) // it is part of the program
	}
	for i := range list {
		if list[i].Violates != "" {
			list[i].Distinct, list[i].Generated = 0, 0 // not those of a search that stops there
		}
	}
	return list
}

// readTable returns the rows of a table of worlds, each with its figures.
func readTable(tsv string) ([]check.World, error) {
	const header = "name\tconstants\tdistinct\tgenerated\tverdict"
	lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
	if lines[0] != header {
		return nil, fmt.Errorf("line 1 is %q; expected %q", lines[0], header)
	}
	var list []check.World
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
		list = append(list, w)
	}
	return list, nil
}
