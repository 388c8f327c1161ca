package longfork

import (
	_ "embed"

	"github.com/firstgap/firstgap/spec/check"
)

// worldsTSV has the named worlds: name, constants, and the verdict, which is "pass" or the invariant that does not hold. The
// columns distinct and generated are for what TLC found, and TLC has not been asked about this twin: they are 0.
//
//go:embed worlds.tsv
var worldsTSV string

// Subject returns the model as a user meets it.
func Subject() check.Subject {
	return check.Subject{
		Name:   "longfork",
		About:  "a primary and secondaries that follow its log and serve reads: the order of commits in the log, and that in which they are shown",
		Module: "Longfork",
		Large:  large(),
		Bugs:   Bugs(),
		Read:   read,
		Config: config,
		Worlds: check.Named("longfork", worldsTSV),
	}
}
