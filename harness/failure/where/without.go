package where

import (
	"context"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// Without makes a run once more without each fault of its plan, and says what becomes of it. It returns a *TargetError for a run that
// does not fail by the target: what a fault did to another failure says nothing of this one.
func Without(ctx context.Context, system harness.System, c configuration.Configuration, target failure.Target) ([]Counterfactual, error) {
	if r := harness.Run(system, c); target.In(&r) == nil {
		return nil, misses(target, &r)
	}
	var all []Counterfactual
	for i, f := range c.Plan.Faults {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		less := c
		less.Plan.Faults = slices.Delete(slices.Clone(c.Plan.Faults), i, i+1)
		r := harness.Run(system, less)
		x := Counterfactual{Fault: fmt.Sprintf("%v: %s", f.At, f.Describe())}
		switch by, fails := failure.TargetOf(r.Findings); {
		case target.In(&r) != nil:
			x.Instead = "the same"
		case fails && by.Check == judge.ConfigurationCheck:
			x.Unmade = by.Among(r.Findings).Sentence()
		case fails:
			x.Instead = by.String()
		default:
			x.Passes = true
		}
		all = append(all, x)
	}
	return all, nil
}
