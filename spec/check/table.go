package check

import (
	"fmt"
	"strconv"
	"strings"
)

// ReadTable returns the worlds of a table of tab-separated values: name, constants as JSON, distinct and generated states,
// and the verdict, which is "pass" or the invariant that does not hold. Each has its figures, even where it has a violation.
func ReadTable(tsv string) ([]World, error) {
	const header = "name\tconstants\tdistinct\tgenerated\tverdict"
	lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
	if lines[0] != header {
		return nil, fmt.Errorf("line 1 is %q; expected %q", lines[0], header)
	}
	var table []World
	for i, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != 5 {
			return nil, fmt.Errorf("line %d has %d columns; expected 5", i+2, len(cells))
		}
		w := World{Name: cells[0], Constants: []byte(cells[1])}
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
