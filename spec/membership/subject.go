package membership

import (
	_ "embed"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
)

// Worlds is TLC's result for each named world of Membership, as tab-separated values with a header line. The verdict is
// "pass" or the invariant that does not hold.
//
//go:embed worlds.tsv
var Worlds string

// UncheckedWorlds is as Worlds, for each broken variant searched past its violations: TLC was given no invariants.
//
//go:embed worlds-unchecked.tsv
var UncheckedWorlds string

// Subject returns the model as its users meet it.
func Subject() check.Subject {
	worlds, err := worldsOf(Worlds)
	if err != nil {
		panic("membership: worlds.tsv: " + err.Error()) // a test reads it
	}
	return check.Subject{
		Name:   "membership",
		About:  "who belongs to a protection group while that changes: quorum sets, epochs, filling, and going on after the loss of a zone",
		Module: "Membership",
		Large:  large(),
		Worlds: worlds,
		Bugs:   Bugs(),
		Read: func(world []byte) (check.Model, error) {
			w, err := ParseWorld(world)
			if err != nil {
				return nil, err
			}
			return New(w)
		},
		Config: func(world []byte) (string, error) {
			w, err := ParseWorld(world)
			if err != nil {
				return "", err
			}
			return w.Config(), nil
		},
	}
}

// worldsOf reads a table of worlds that are some.
func worldsOf(tsv string) ([]check.World, error) {
	list, err := check.ReadTable(tsv)
	for i, w := range list {
		if _, err := ParseWorld(w.Constants); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return list, err
}
