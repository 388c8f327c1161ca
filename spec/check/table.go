package check

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ReadTable returns the worlds of a table of tab-separated values: name, the constants, distinct and generated states, and
// the verdict. The constants are one column of JSON of that name, or each a column by its key, in which what is no JSON is a
// string. The verdict, or violates, is the invariant that does not hold; "pass", "unchecked", "-" or nothing when none was
// found. Each world has its figures, even where it has a violation.
func ReadTable(tsv string) ([]World, error) {
	lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
	header := strings.Split(lines[0], "\t")
	for _, one := range [][]string{{"name"}, {"distinct"}, {"generated"}, {"verdict", "violates"}} {
		if !slices.ContainsFunc(header, func(column string) bool { return slices.Contains(one, column) }) {
			return nil, fmt.Errorf("line 1 is %q; expected the columns name, distinct, generated, and verdict or violates", lines[0])
		}
	}
	var table []World
	for i, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != len(header) {
			return nil, fmt.Errorf("line %d has %d columns; expected %d", i+2, len(cells), len(header))
		}
		var w World
		var constants []string
		for c, cell := range cells {
			var err error
			switch column := header[c]; column {
			case "name":
				w.Name = cell
			case "constants":
				w.Constants = json.RawMessage(cell)
			case "distinct":
				w.Distinct, err = strconv.ParseUint(cell, 10, 64)
			case "generated":
				w.Generated, err = strconv.ParseUint(cell, 10, 64)
			case "verdict", "violates":
				if !slices.Contains([]string{"pass", "unchecked", "-"}, cell) {
					w.Violates = cell
				}
			default:
				if !json.Valid([]byte(cell)) {
					cell = strconv.Quote(cell)
				}
				constants = append(constants, fmt.Sprintf("%q: %s", column, cell))
			}
			if err != nil {
				return nil, fmt.Errorf("line %d: %s: %w", i+2, header[c], err)
			}
		}
		if w.Constants == nil {
			w.Constants = json.RawMessage("{" + strings.Join(constants, ", ") + "}")
		}
		table = append(table, w)
	}
	return table, nil
}

// Named returns the worlds of a table that is a part of the model of that name, as its Subject has them. Where an invariant
// does not hold, the figures of the table are of a search that went past it, and they are left out: a search that stops there
// has others. Named panics when the text is not such a table.
func Named(model, tsv string) []World {
	table, err := ReadTable(tsv)
	if err != nil {
		panic(model + ": worlds.tsv: " + err.Error()) // it is part of the program
	}
	for i := range table {
		if table[i].Violates != "" {
			table[i].Distinct, table[i].Generated = 0, 0
		}
	}
	return table
}
