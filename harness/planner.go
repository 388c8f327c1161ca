package harness

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/configuration"
)

// A Planner is a System that says how faults are drawn for a configuration of its own, so that more of them can be added to one that is
// there (package campaign/guide). To a configuration of a system that does not say it, faults of other seeds' plans are added: a
// generator made from its topology alone might ask for what its nodes do not claim to bear.
type Planner interface {
	// Planner returns a valid generator for a configuration that is valid, with the horizon of its plan.
	Planner(c *configuration.Configuration, g Generation) (faults.Generator, error)
}
