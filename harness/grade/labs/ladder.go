package labs

import (
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
)

// ladder makes the Generate of a Break, and sees to it that a plan has no more faults than its step allows.
func ladder(generate func(s harness.System, seed uint64, most int, bug string) (configuration.Configuration, error)) func(harness.System, uint64, int, string) (configuration.Configuration, error) {
	return func(s harness.System, seed uint64, step int, bug string) (configuration.Configuration, error) {
		c, err := generate(s, seed, step, bug)
		if err == nil && len(c.Plan.Faults) > step {
			err = fmt.Errorf("labs: expected at most %d faults on a step, found %d", step, len(c.Plan.Faults))
		}
		return c, err
	}
}
