package why

import (
	"errors"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// anotherRun returns by what the same configuration gives another run the second time, nil where it does not. A run by itself does not show
// that, and may pass.
func anotherRun(system harness.System, c configuration.Configuration) *judge.Finding {
	err := failure.Repeats(system, c)
	if err == nil {
		return nil
	}
	f := judge.Violated(judge.Determinism, err)
	var first *failure.DeterminismError
	if errors.As(err, &first) && first.Event > 0 {
		f.Event = uint64(first.Event)
	}
	return &f
}
