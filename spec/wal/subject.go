package wal

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
		Name:   "wal",
		About:  "transactions on one disk with a write-ahead log: steal, force, redo, undo, and crashes between any two steps",
		Module: "Wal",
		Large:  large(),
		Bugs:   Bugs(),
		Read:   read,
		Config: config,
		Worlds: check.Named("wal", worldsTSV),
	}
}
