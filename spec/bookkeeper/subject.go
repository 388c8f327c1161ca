package bookkeeper

import (
	_ "embed"

	"github.com/firstgap/firstgap/spec/check"
)

// worldsTSV has the named worlds and the invariant that each violates. TLC has found no figures for the twin; those that this
// model finds are in found.tsv.
//
//go:embed worlds.tsv
var worldsTSV string

// Subject returns the model as a user meets it.
func Subject() check.Subject {
	return check.Subject{
		Name:   "bookkeeper",
		About:  "one ledger of Apache BookKeeper: ensembles, fencing, recovery, changes of ensembles, bookies that come back empty",
		Module: "Bookkeeper",
		Worlds: check.Named("bookkeeper", worldsTSV),
		Large:  large(),
		Bugs:   Bugs(),
		Read:   read,
		Config: config,
	}
}
