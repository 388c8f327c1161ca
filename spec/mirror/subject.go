package mirror

import (
	_ "embed"

	"github.com/firstgap/firstgap/spec/check"
)

// TLC's result for each named world, as tab-separated values with a header line. Violates is the invariant that TLC
// named. The figures of such a world are those of all its states, found when TLC was given no invariant.
//
//go:embed worlds.tsv
var worldsTSV string

// Subject returns the model as a user meets it.
func Subject() check.Subject {
	return check.Subject{
		Name:   "mirror",
		About:  "an EBS pair as a chain, and MySQL mirrored over two zones: which failure loses an acknowledged write",
		Module: "Mirror",
		Large:  large(),
		Bugs:   Bugs(),
		Read:   read,
		Config: config,
		Worlds: check.Named("mirror", worldsTSV),
	}
}
