package quorum

import (
	_ "embed"

	"github.com/firstgap/firstgap/spec/check"
)

// worldsTSV has the named worlds and what TLC found in each: name, constants, distinct and generated states, and the
// verdict, which is "pass" or the invariant that does not hold. For a world with a violation the figures are those of a
// search for TypeOK alone, which goes past it.
//
//go:embed worlds.tsv
var worldsTSV string

// worlds returns the named worlds.
func worlds() []check.World { return check.Named("quorum", worldsTSV) }
