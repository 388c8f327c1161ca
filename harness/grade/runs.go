package grade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// batch is how many runs are made before somebody looks whether one failed. Marks are lost by one failed run, so those behind it tell
// nothing more; and a batch has the same size on every machine, so that the number of runs is the same, too.
const batch = 4

// A ran is what is kept of a run.
type ran struct {
	seed     uint64
	c        configuration.Configuration
	findings []judge.Finding // those that count
	made     []judge.Check
	counts   counts.Counts
	flaky    string // the first line that differed the second time
}

func (r *ran) failed() bool { return len(r.findings) > 0 || r.flaky != "" }

// A ConfigurationError says that a lab has made a run that cannot be made: no fault of the submission.
type ConfigurationError struct {
	Lab  int
	Test string
	Seed uint64
	Err  error
}

func (e *ConfigurationError) Error() string {
	return fmt.Sprintf("lab %d, test %s, seed %d: the run cannot be made: %v", e.Lab, e.Test, e.Seed, e.Err)
}

func (e *ConfigurationError) Unwrap() error { return e.Err }

// An UndecidedError says that a check could not decide about a run within its bounds: no mark can be given or taken for it.
type UndecidedError struct {
	Lab     int
	Test    string
	Seed    uint64
	Finding judge.Finding
}

func (e *UndecidedError) Error() string {
	return fmt.Sprintf("lab %d, test %s, seed %d: could not tell: %s: %s", e.Lab, e.Test, e.Seed, e.Finding.Check, e.Finding.Sentence())
}

// A series is runs of one kind: a test's, or those of a step of the break-point.
type series struct {
	name   string // of the test
	seeds  []uint64
	config func(seed uint64) (configuration.Configuration, error)
	checks []judge.Check
}

// counts tells whether a finding counts in the series. What ends a run before its end always does: nothing could be seen of the rest.
func (s *series) countsFinding(f *judge.Finding) bool {
	return len(s.checks) == 0 || f.Check == faults.Sanity || slices.Contains(s.checks, f.Check)
}

// play makes the runs of a series, up to and with the first batch in which one fails. The result does not depend on the number of workers.
func (g *grader) play(ctx context.Context, s series) ([]ran, error) {
	var all []ran
	for from := 0; from < len(s.seeds); from += batch {
		some := make([]ran, min(batch, len(s.seeds)-from))
		var work errgroup.Group
		work.SetLimit(g.o.Workers)
		errs := make([]error, len(some))
		for i := range some {
			work.Go(func() error {
				if errs[i] = ctx.Err(); errs[i] == nil {
					some[i], errs[i] = g.run(&s, from+i)
				}
				return nil // the others of the batch go on, so that the first error by number is the one that is told
			})
		}
		_ = work.Wait() // which fails with none of them
		// What the program did that no submission may comes first: it may be why a run went wrong.
		if err := g.trouble(); err != nil {
			return all, err
		}
		if err := worst(errs); err != nil {
			return all, err
		}
		all = append(all, some...)
		if slices.ContainsFunc(some, func(r ran) bool { return r.failed() }) {
			break
		}
	}
	return all, nil
}

// worst returns the first error that is not the submission's, or else the first: where this machine failed, no score is made of what else
// was found.
func worst(errs []error) error {
	var first error
	for _, err := range errs {
		if err == nil {
			continue
		}
		if r := (*RefusedError)(nil); !errors.As(err, &r) {
			return err
		}
		first = cmp.Or(first, err)
	}
	return first
}

// run makes one run of a series, and makes it again where it failed, and one in so many that did not.
func (g *grader) run(s *series, i int) (ran, error) {
	one := ran{seed: s.seeds[i]}
	var err error
	if one.c, err = s.config(one.seed); err != nil {
		return one, &ConfigurationError{g.lab.Number, s.name, one.seed, err}
	}
	result := harness.Run(g.system, one.c)
	one.made, one.counts = result.Made, result.Counts
	var undecided []judge.Finding
	for k := range result.Findings {
		f := &result.Findings[k]
		if err := g.s.machine(f); err != nil {
			return one, err
		}
		switch {
		case f.Check == judge.ConfigurationCheck:
			return one, &ConfigurationError{g.lab.Number, s.name, one.seed, errors.New(f.Sentence())}
		case !s.countsFinding(f):
		case f.Verdict != judge.Violation && f.Check != faults.Sanity:
			undecided = append(undecided, *f)
		default:
			one.findings = append(one.findings, *f)
		}
	}
	// Where something was broken, it does not matter what could not be decided beside it. Where clients were told nothing, there is
	// nothing to decide, and that is the submission's doing.
	if len(one.findings) == 0 && len(undecided) > 0 {
		if did([]ran{one}) > 0 {
			return one, &UndecidedError{g.lab.Number, s.name, one.seed, undecided[0]}
		}
		one.findings = undecided
	}
	if len(one.findings) == 0 && i%g.o.Every != 0 {
		return one, nil
	}
	again := harness.Run(g.system, one.c)
	h := slices.IndexFunc(one.findings, func(f judge.Finding) bool { return hangs(&f) })
	switch {
	case h >= 0 && slices.ContainsFunc(again.Findings, func(f judge.Finding) bool { return hangs(&f) }):
		// To make it smaller, or to see it fail in other tests, would take the time of many such waits.
		return one, &RefusedError{inOneSentence(&one.findings[h])}
	case again.Hash != result.Hash:
		one.flaky = g.differs(one.c)
	}
	return one, nil
}

const otherwise = "the same run went otherwise the second time"

// differs says by which line a run differs that is another one each time.
func (g *grader) differs(c configuration.Configuration) string {
	var e *failure.DeterminismError
	if !errors.As(failure.Repeats(g.system, c), &e) || e.Event == 0 {
		return otherwise
	}
	line := func(s string) string {
		if s = strings.Join(strings.Fields(s), " "); s == "" {
			return "nothing more"
		}
		return clip(s, mostLine)
	}
	return fmt.Sprintf("%s, from event %d on\nfirst:  %s\nsecond: %s", otherwise, e.Event, line(e.Expected), line(e.Found))
}

// mostLine is how much of a line is kept that a submission may have written, in bytes.
const mostLine = 300

// clip cuts a text between two characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}
