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
func worlds() []check.World { return check.Named("reader", worldsTSV) }
