// Package mutation finds out how many small mistakes in an implementation simulated runs notice. Package mutants makes the mistakes and
// their build. A survey of runs without any says which mutants each run would have been changed by; then one process after the other
// makes runs with one of them, of those that it changes, until a check objects. What a process cannot come back from, as a loop
// without an end or memory without a bound, is noticed too. A mutant to which no check objects may still be noticed by what its runs
// do and spend, which the survey knows of the same runs without it (see Survey.Moved).
//
// The score is the share noticed of the mutants that were tried and that nobody has argued to be equivalent to the source. A survivor
// is named, with whether any run of the survey would have been changed by it.
//
// Use package killtable instead when the question is how soon a certain kind of mistake is found: a mutant is any mistake, and counts
// once.
package mutation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firstgap/firstgap/faults/mutants"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/strict"
)

// A Planned is one run that a mutant is tried on.
type Planned struct {
	Seed uint64 `json:"seed"`
	Hash uint64 `json:"hash"` // of the run without a mutant
}

// An Outcome is what became of one mutant.
type Outcome struct {
	Number  int           `json:"number"`
	Noticed bool          `json:"noticed"`
	By      []judge.Check `json:"by,omitempty"`      // the checks that objected
	Without string        `json:"without,omitempty"` // how it was noticed when by no check: a limit of a run, a hang, a crash, memory
	Runs    int           `json:"runs"`              // made, the one that noticed it included
	Events  uint64        `json:"events"`            // in all of these
	// Changed are the seeds of the runs that were others than those without the mutant, and Usage what these did and spent. Of a
	// mutant that was noticed there is no Usage.
	Changed []uint64 `json:"changed,omitempty"`
	Usage   Usage    `json:"usage,omitempty"`
}

// Number is that of the mutant that this process has, 0 without one.
func Number() (int, error) {
	n, err := strconv.Atoi(os.Getenv(mutants.Variable))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s: expected the number of a mutant, found %q", mutants.Variable, os.Getenv(mutants.Variable))
	}
	return n, nil
}

// Search makes runs with the mutant that this process has until a check objects or a run cannot be told.
func Search(system harness.System, number int, runs []Planned) (Outcome, error) {
	o := Outcome{Number: number}
	usage := Usage{}
	for i, planned := range runs {
		c, err := system.Generate(planned.Seed, harness.Generation{})
		if err != nil {
			return o, err
		}
		r := harness.Run(system, c)
		o.Runs, o.Events = i+1, o.Events+r.Counts.World.Events
		for _, f := range r.Findings {
			switch {
			case f.Check == judge.ConfigurationCheck:
				return o, errors.New(f.Sentence())
			case f.Verdict == judge.Violation && !slices.Contains(o.By, f.Check):
				o.By = append(o.By, f.Check)
			}
		}
		if r.Hash != planned.Hash {
			o.Changed = append(o.Changed, planned.Seed)
			usage.Add(UsageOf(&r))
		}
		if o.Noticed = r.Verdict != judge.Pass; o.Noticed {
			if len(o.By) == 0 {
				o.Without = "a run that could not be told"
			}
			return o, nil
		}
	}
	o.Usage = usage
	return o, nil
}

// Options say how processes of a build with mutants are started.
type Options struct {
	// Program is what a process is started with. The environment adds the number of the mutant, and the standard input the runs as
	// JSON, a list of Planned. It prints an Outcome as JSON, or, for number 0, a Surveyed for each run.
	Program  []string
	Workers  int           // processes at a time
	Patience time.Duration // how long one may take
}

// A Trial is a mutant and the runs that it is tried on.
type Trial struct {
	Number int
	Runs   []Planned
}

// Try tries mutants, in their order, and tells each outcome at once, one at a time.
func Try(ctx context.Context, trials []Trial, o Options, heard func(Outcome)) error {
	return each(ctx, o.Workers, trials, func(t Trial) (Outcome, error) { return o.one(ctx, t) }, heard)
}

// each does something for all of a list, so many at a time, and tells what came of it one at a time.
func each[J, R any](ctx context.Context, workers int, list []J, do func(J) (R, error), heard func(R)) error {
	var (
		mu   sync.Mutex
		errs []error
		all  errgroup.Group
	)
	all.SetLimit(max(1, workers))
	for _, j := range list {
		if ctx.Err() != nil {
			break
		}
		all.Go(func() error {
			r, err := do(j)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case ctx.Err() != nil:
			case err != nil:
				errs = append(errs, err) // the others go on
			default:
				heard(r)
			}
			return nil
		})
	}
	_ = all.Wait() // which fails with none of them
	return errors.Join(append(errs, ctx.Err())...)
}

// MemoryExit is what a process exits with that finds itself with more memory than a run can need.
const MemoryExit = 7

// process runs one, and returns what it printed and what it complained of.
func (o *Options) process(ctx context.Context, number int, runs []Planned) (out, complaint []byte, err error) {
	in, err := json.Marshal(runs)
	if err != nil {
		return nil, nil, err
	}
	command := exec.CommandContext(ctx, o.Program[0], o.Program[1:]...)
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d", mutants.Variable, number))
	var stdout, stderr bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(in), &stdout, &stderr
	err = command.Run()
	return stdout.Bytes(), bytes.TrimSpace(stderr.Bytes()), err
}

// one tries a mutant in a process of its own.
func (o *Options) one(ctx context.Context, t Trial) (Outcome, error) {
	patient, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	out, complaint, err := o.process(patient, t.Number, t.Runs)
	outcome := Outcome{Number: t.Number, Noticed: true}
	var exit *exec.ExitError
	switch {
	case patient.Err() != nil:
		outcome.Without = "a hang"
	case errors.As(err, &exit) && exit.ExitCode() == MemoryExit:
		outcome.Without = "memory"
	case errors.As(err, &exit) && exit.ExitCode() == 2 && bytes.Contains(complaint, []byte("goroutine ")):
		outcome.Without = "a crash" // that no run can be told of, as a stack without an end
	case err != nil:
		return outcome, fmt.Errorf("mutant %d: %w: %s", t.Number, err, complaint)
	default:
		outcome = Outcome{}
		if err := strict.Unmarshal(out, &outcome); err != nil {
			return outcome, fmt.Errorf("mutant %d: %w", t.Number, err)
		}
		if outcome.Number != t.Number {
			return outcome, fmt.Errorf("expected the outcome of mutant %d, found that of %d", t.Number, outcome.Number)
		}
	}
	return outcome, nil
}
