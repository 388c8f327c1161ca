package placement

import (
	_ "embed"

	"github.com/firstgap/firstgap/spec/check"
)

// worlds has the named worlds as tab-separated values: name, constants as JSON, the invariant that must be found broken
// or -, and how many distinct and generated states TLC found; for a world with a violation it went on past it.
//
//go:embed worlds.tsv
var worlds string

// Subject returns the model as the command line offers it.
func Subject() check.Subject {
	return check.Subject{
		Name:   "placement",
		About:  "replicas in AZs: which failures, detected and silent, a design's quorums survive",
		Module: "Placement",
		Large:  large(),
		Bugs:   Bugs()[1:],
		Read: func(text []byte) (check.Model, error) {
			w, err := ReadWorld(text)
			if err != nil {
				return nil, err
			}
			return NewModel(w)
		},
		Config: config,
		Worlds: check.Named("placement", worlds),
	}
}
