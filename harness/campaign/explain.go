package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/failure/why"
)

// Explaining says whether a campaign explains what it found, when all its runs are made. It is off where For is 0: an explanation makes
// hundreds of runs.
type Explaining struct {
	For  time.Duration // of real time for one explanation; 0 or less explains nothing
	Most int           // how many failures are explained; 0 is DefaultExplained
	// Progress is called before each explanation with the failure's seed, and how many were made. It may be nil.
	Progress func(seed uint64, made int)

	explain explainer // nil is that of package why; tests put another in its place
}

// explainer explains one failure within a time.
type explainer func(ctx context.Context, s harness.System, f *failure.Failure, within time.Duration) (*why.Explanation, error)

func explained(ctx context.Context, s harness.System, f *failure.Failure, within time.Duration) (*why.Explanation, error) {
	return why.Explain(ctx, s, f, why.Options{For: within})
}

// DefaultExplained is how many failures are explained.
const DefaultExplained = 3

// do explains the first failure of each target: check, rule, kind and verdict. What is left out says why: a second one of the same target
// has the same story more often than not, and each takes its time.
func (e *Explaining) do(ctx context.Context, s harness.System, failed []Failed) {
	if e.For <= 0 {
		return
	}
	explain := e.explain
	if explain == nil {
		explain = explained
	}
	most := e.Most
	if most <= 0 {
		most = DefaultExplained
	}
	first := map[failure.Target]uint64{}
	made := 0
	for i := range failed {
		f := &failed[i]
		target, _ := failure.TargetOf(f.Failure.Findings)
		seed, seen := first[target]
		switch {
		case seen:
			f.Unexplained = fmt.Sprintf("it fails by the same check and rule as seed %d", seed)
			continue
		case made >= most:
			f.Unexplained = fmt.Sprintf("%d failures of other checks and rules were explained before it", made)
			continue
		case ctx.Err() != nil:
			f.Unexplained = "interrupted"
			continue
		}
		if e.Progress != nil {
			e.Progress(f.Seed, made)
		}
		first[target] = f.Seed
		made++
		x, err := explain(ctx, s, f.Failure, e.For)
		if err != nil {
			f.Unexplained = err.Error()
			continue
		}
		f.Why, f.Steps = x, retell.Steps(s, x)
	}
}
