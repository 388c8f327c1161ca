package reader

import (
	_ "embed"

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
	list, err := check.ReadTable(worldsTSV)
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
