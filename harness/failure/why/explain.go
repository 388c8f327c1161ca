package why

import (
	"cmp"
	"context"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/judge"
)

// format names the format inside of an explanation's JSON.
const format = "firstgap explanation"

// Options say how much an explanation may cost.
type Options struct {
	Shrink shrink.Options
	Where  where.Options
	// For is how long all of it may take; 0 is no limit. Shrinking has three fifths of it, and the curve what is left.
	For time.Duration
	// NoCurve leaves out the curve, which takes about as many runs as shrinking does.
	NoCurve bool
	// Step hears what is done now, such as "shrinking"; it may be nil.
	Step func(string)
}

// shrinkShare is how much of the time shrinking may take.
const shrinkShare = 0.6

// Explain makes a failure small and says why it fails. What it found when ctx ended or its time was up is returned with what is
// missing said in Ended; an error says that there is nothing to explain: the failure is of a system that is not known, or no longer fails.
func Explain(ctx context.Context, system harness.System, f *failure.Failure, o Options) (*Explanation, error) {
	start := time.Now()
	step := func(what string) {
		if o.Step != nil {
			o.Step(what)
		}
	}
	if o.For > 0 {
		o.Shrink.Time = time.Duration(shrinkShare * float64(o.For))
	}
	step("shrinking")
	small, err := shrink.Shrink(ctx, system, f, o.Shrink)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Format: format, Version: Version, Build: failure.ThisBuild(), Configuration: small.Configuration, Before: small.Before,
		After: small.After, Runs: small.Runs, Minimal: small.Minimal, Ended: small.Ended, Differs: small.Differs}
	step("looking for the first step that is not allowed")
	what, err := Of(system, small.Configuration, small.Target)
	if err != nil {
		return nil, err
	}
	e.What, e.Hash = *what, failure.Hexadecimal(what.hash)
	// What is another run each time has no beginning that could be kept.
	repeats := small.Target.Check != judge.Determinism
	if repeats && ctx.Err() == nil {
		step("trying the run without each of its faults")
		if e.Faults, err = where.Without(ctx, system, small.Configuration, small.Target); err != nil && ctx.Err() == nil {
			return nil, err
		}
	}
	if repeats && !o.NoCurve && ctx.Err() == nil {
		step("drawing the rest anew")
		if o.For > 0 {
			o.Where.Time = max(o.For-time.Since(start), time.Second)
		}
		if e.Curve, err = where.Draw(ctx, system, small.Configuration, small.Target, o.Where); err != nil && ctx.Err() == nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		e.Ended = cmp.Or(e.Ended, "interrupted")
	}
	e.Seconds = time.Since(start).Seconds()
	return e, nil
}
