package mirror

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// TLC's result for each named world, as tab-separated values with a header line. Violates is the invariant that TLC
// named. The figures of such a world are those of all its states, found when TLC was given no invariant.
//
//go:embed worlds.tsv
var worldsTSV string

// Subject returns the model as a user meets it.
func Subject() check.Subject {
	s := check.Subject{
		Name:   "mirror",
		About:  "an EBS pair as a chain, and MySQL mirrored over two zones: which failure loses an acknowledged write",
		Module: "Mirror",
		Bugs:   Bugs(),
		Read:   read,
		Config: config,
	}
	for _, r := range searched() {
		w := check.World{Name: r.name, Constants: r.constants, Violates: r.violates}
		if r.violates == "" {
			w.Distinct, w.Generated = r.distinct, r.generated
		}
		s.Worlds = append(s.Worlds, w)
	}
	return s
}

// A world that TLC has searched, whole.
type searchedWorld struct {
	name                string
	constants           json.RawMessage
	violates            string
	distinct, generated uint64
}

// searched returns the worlds of the table. It panics when the table is not one: it is a part of the package.
func searched() (all []searchedWorld) {
	lines := strings.Split(strings.TrimSpace(worldsTSV), "\n")
	header := strings.Split(lines[0], "\t")
	figures := len(header) - 3
	if !slices.Equal(header[figures:], []string{"violates", "distinct", "generated"}) || header[0] != "name" {
		panic(fmt.Sprintf("mirror: worlds.tsv has columns %q; expected name, constants, violates, distinct, generated", header))
	}
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != len(header) {
			panic(fmt.Sprintf("mirror: worlds.tsv: %q has %d columns; expected %d", line, len(cells), len(header)))
		}
		var constants []string
		for i := 1; i < figures; i++ {
			value := cells[i]
			if !json.Valid([]byte(value)) {
				value = strconv.Quote(value)
			}
			constants = append(constants, fmt.Sprintf("%q: %s", header[i], value))
		}
		w := searchedWorld{name: cells[0], constants: json.RawMessage("{" + strings.Join(constants, ", ") + "}"), violates: cells[figures]}
		for i, into := range []*uint64{&w.distinct, &w.generated} {
			var err error
			if *into, err = strconv.ParseUint(cells[figures+1+i], 10, 64); err != nil {
				panic(fmt.Sprintf("mirror: worlds.tsv: %s: %v", w.name, err))
			}
		}
		all = append(all, w)
	}
	return all
}
