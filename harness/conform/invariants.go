package conform

import (
	"fmt"

	"github.com/firstgap/firstgap/spec/volume"
)

// invariants are the model's, in its order.
var invariants = volume.Invariants()

// holdTouched evaluates the invariants as far as the last action can have broken them: they held before it.
func (v *Validator) holdTouched() *problem {
	v.counts.Evaluations += uint64(len(invariants))
	if x, broken := v.model.BrokenByLastStep(); broken {
		return v.broken(x, v.model.LastStep())
	}
	return nil
}

// holdAll evaluates every invariant in full.
func (v *Validator) holdAll() *problem {
	v.counts.Evaluations += uint64(len(invariants))
	if x, broken := v.model.Broken(); broken {
		return v.broken(x, "the last state")
	}
	return nil
}

func (v *Validator) broken(x volume.Invariant, after string) *problem {
	return &problem{
		rule: x.Name, guarantee: x.Guarantee, why: fmt.Sprintf("the model allows the step, and %s is broken by it", x.Name),
		expected: "an invariant that holds in every state", found: "broken after " + after,
	}
}
