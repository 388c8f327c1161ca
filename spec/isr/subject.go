package isr

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
		Name:   "isr",
		About:  "one partition of Apache Kafka: in-sync replicas, leader epochs, the high watermark, truncation",
		Module: "Isr",
		Worlds: check.Named("isr", worldsTSV),
		Large:  large(),
		Bugs:   Bugs(),
		Read:   read,
		Config: config,
	}
}
