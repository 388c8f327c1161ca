package shrink

import (
	"context"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// Options say how long to look for a smaller run, and who hears of it.
type Options struct {
	Workers int           // runs at a time; 0 is one on each core. The result does not depend on it
	Runs    int           // at most; 0 is no limit
	Time    time.Duration // of real time, at most; 0 is no limit
	// From is a smaller run that was found before, to go on from; nil: there is none. It is not used where it does not fail by the same.
	From *configuration.Configuration
	// Progress hears of every run, and Best of every smaller run that fails; either may be nil.
	Progress func(Progress)
	Best     func(*Result)
}

// Progress is how far it is.
type Progress struct {
	Runs    int
	Elapsed time.Duration
	Size    Size   // of the smallest run so far
	Trying  string // what is left out now
}

// A GoneError says that a run no longer fails as it was recorded to.
type GoneError struct {
	Expected failure.Target
	Found    *failure.Target // by what the run fails now; nil: it passes
}

func (e *GoneError) Error() string {
	if e.Found == nil {
		return fmt.Sprintf("the run no longer fails: expected %s, and it passes now", e.Expected)
	}
	return fmt.Sprintf("the run fails by something else now: expected %s, found %s", e.Expected, *e.Found)
}

// A RunError says that a run cannot be made smaller, because it is no run.
type RunError struct{ Target failure.Target }

func (e *RunError) Error() string {
	return fmt.Sprintf("expected a failure of a run, found one of %s: there is no run that could be made smaller", e.Target)
}

// Shrink makes a failing run of a system smaller. When the context or the budget ends, it returns the smallest run so far, with Ended
// set. Errors are *failure.NeedError, *GoneError and *RunError.
func Shrink(ctx context.Context, system harness.System, f *failure.Failure, o Options) (*Result, error) {
	if _, err := f.Needs.Met(system); err != nil {
		return nil, err
	}
	target, fails := failure.TargetOf(f.Findings)
	if !fails || target.Check == judge.ConfigurationCheck {
		return nil, &RunError{target}
	}
	s := newSearch(ctx, system, target, o)
	whole := harness.Run(system, f.Configuration)
	if target.Check != judge.Determinism && target.In(&whole) == nil {
		gone := &GoneError{Expected: target}
		if now, fails := failure.TargetOf(whole.Findings); fails {
			gone.Found = &now
		}
		return nil, gone
	}
	s.result.Before = SizeOf(system, &whole)
	if hash := failure.Hexadecimal(whole.Hash); hash != f.Hash {
		s.result.Differs = fmt.Sprintf("the hash of its events is %s, %s was recorded", hash, f.Hash)
		if was, is := f.Build, failure.ThisBuild(); was != is {
			s.result.Differs += fmt.Sprintf(", by another build (%s; this one is %s)", was.String(), is.String())
		}
	}
	if !s.begin(&whole) {
		return nil, &GoneError{Expected: target}
	}
	if s.seen != nil {
		s.search()
	}
	return s.end(), nil
}
