// Package mutation finds out how many small mistakes in an implementation simulated runs notice. Package mutants makes the mistakes and
// their build; here one process of that build after the other makes runs with one of them, until a check objects. What a process
// cannot come back from, as a loop without an end or memory without a bound, is noticed too.
//
// The score is the share noticed of the mutants that were tried and that nobody has argued to be equivalent to the source. A survivor
// is named, with whether any run carried its line out at all.
//
// Use package killtable instead when the question is how soon a certain kind of mistake is found: a mutant is any mistake, and counts
// once.
package mutation

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firstgap/firstgap/faults/mutants"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/strict"
	"github.com/firstgap/firstgap/harness/text"
)

// An Outcome is what became of one mutant.
type Outcome struct {
	Number  int           `json:"number"`
	Noticed bool          `json:"noticed"`
	By      []judge.Check `json:"by,omitempty"`      // the checks that objected
	Without string        `json:"without,omitempty"` // how it was noticed when by no check: a limit of a run, a hang, a crash, memory
	Runs    int           `json:"runs"`              // made, the one that noticed it included
	Events  uint64        `json:"events"`            // in all of these
	Reached bool          `json:"reached"`           // some run carried out what is changed
}

// Search makes runs with the mutant that this process has, with seeds from first on, until a check objects or a run cannot be told.
func Search(system harness.System, first uint64, runs int) (Outcome, error) {
	var o Outcome
	var err error
	if o.Number, err = strconv.Atoi(os.Getenv(mutants.Variable)); err != nil {
		return o, fmt.Errorf("%s: expected the number of a mutant: %w", mutants.Variable, err)
	}
	for i := range runs {
		c, err := system.Generate(first+uint64(i), harness.Generation{})
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
		o.Reached = os.Getenv(mutants.ReachedVariable) != ""
		if o.Noticed = r.Verdict != judge.Pass; o.Noticed {
			if len(o.By) == 0 {
				o.Without = "a run that could not be told"
			}
			return o, nil
		}
	}
	return o, nil
}

// An Argument says why a mutant is equivalent to the source.
type Argument struct{ Name, Why string }

// ReadArguments reads a line for each: the mutant's name, a tab, and why. Empty lines and those that begin with # are for people. An
// argument for no mutant is an error: the source has changed since.
func ReadArguments(r io.Reader, all []mutants.Mutant) ([]Argument, error) {
	known := map[string]bool{}
	for i := range all {
		known[all[i].Name()] = true
	}
	var arguments []Argument
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := s.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name, why, is := strings.Cut(line, "\t")
		switch {
		case !is || why == "":
			return nil, fmt.Errorf("line %d: expected the name of a mutant, a tab, and why it is equivalent, found %q", n, line)
		case !known[name]:
			return nil, fmt.Errorf("line %d: expected the name of a mutant, found %q, which there is none of", n, name)
		}
		arguments = append(arguments, Argument{name, why})
	}
	return arguments, s.Err()
}

// Options say how mutants are tried.
type Options struct {
	Program  []string // what a process is started with, to which the environment adds the mutant; it prints an Outcome as JSON
	Workers  int      // processes at a time
	Patience time.Duration
	Done     map[int]Outcome // of an earlier try; these are not tried again
	Heard    func(Outcome)   // is told of each at once, one at a time; may be nil
}

// Try tries mutants, in their order. It returns what it knows when the context ends.
func Try(ctx context.Context, list []mutants.Mutant, o Options) (map[int]Outcome, error) {
	outcomes := map[int]Outcome{}
	var (
		mu   sync.Mutex
		errs []error
		wait sync.WaitGroup
	)
	jobs := make(chan int)
	for range max(1, o.Workers) {
		wait.Go(func() {
			for n := range jobs {
				outcome, err := o.one(ctx, n)
				mu.Lock()
				switch {
				case err != nil:
					errs = append(errs, fmt.Errorf("mutant %d: %w", n, err))
				case ctx.Err() == nil:
					outcomes[n] = outcome
					if o.Heard != nil {
						o.Heard(outcome)
					}
				}
				mu.Unlock()
			}
		})
	}
	for i := range list {
		if known, is := o.Done[list[i].Number]; is {
			mu.Lock()
			outcomes[known.Number] = known
			mu.Unlock()
			continue
		}
		select {
		case jobs <- list[i].Number:
		case <-ctx.Done():
		}
	}
	close(jobs)
	wait.Wait()
	return outcomes, errors.Join(append(errs, ctx.Err())...)
}

// MemoryExit is what a process exits with that finds itself with more memory than a run can need.
const MemoryExit = 7

// one tries a mutant in a process of its own.
func (o *Options) one(ctx context.Context, n int) (Outcome, error) {
	patient, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	command := exec.CommandContext(patient, o.Program[0], o.Program[1:]...)
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d", mutants.Variable, n))
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	err := command.Run()
	outcome := Outcome{Number: n, Noticed: true, Reached: true}
	var exit *exec.ExitError
	switch {
	case patient.Err() != nil:
		outcome.Without = "a hang"
	case errors.As(err, &exit) && exit.ExitCode() == MemoryExit:
		outcome.Without = "memory"
	case errors.As(err, &exit) && exit.ExitCode() == 2 && bytes.Contains(complaint.Bytes(), []byte("goroutine ")):
		outcome.Without = "a crash" // that no run can be told of, as a stack without an end
	case err != nil:
		return outcome, fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	default:
		outcome = Outcome{}
		if err := strict.Unmarshal(out.Bytes(), &outcome); err != nil {
			return outcome, err
		}
		if outcome.Number != n {
			return outcome, fmt.Errorf("expected the outcome of mutant %d, found that of %d", n, outcome.Number)
		}
	}
	return outcome, nil
}

// A Score is what became of the mutants of one package.
type Score struct {
	Package  string `json:"package"`
	Mutants  int    `json:"mutants"` // that there are
	Tried    int    `json:"tried"`
	Noticed  int    `json:"noticed"`
	Argued   int    `json:"argued"` // of those that nothing noticed
	Survived int    `json:"survived"`
	Idle     int    `json:"idle"` // survivors that no run carried out
}

// Share is the share noticed of those tried and not argued, from 0 to 1; 0 when there are none.
func (s Score) Share() float64 {
	if s.Tried == s.Argued {
		return 0
	}
	return float64(s.Noticed) / float64(s.Tried-s.Argued)
}

// A Report is what became of all of them.
type Report struct {
	Scores    []Score          `json:"scores"` // by package, and the sum, whose Package is ""
	Survivors []Survivor       `json:"survivors"`
	Disproved []mutants.Mutant `json:"disproved"` // argued to be equivalent, and noticed
}

// A Survivor is a mutant that nothing noticed.
type Survivor struct {
	mutants.Mutant
	Reached bool `json:"reached"`
	Runs    int  `json:"runs"`
}

// Sum makes the report.
func Sum(all []mutants.Mutant, outcomes map[int]Outcome, arguments []Argument) *Report {
	r := &Report{}
	byPackage := map[string]*Score{}
	total := &Score{}
	for i := range all {
		m := &all[i]
		s := byPackage[m.Package]
		if s == nil {
			s = &Score{Package: m.Package}
			byPackage[m.Package] = s
		}
		o, tried := outcomes[m.Number]
		argued := slices.ContainsFunc(arguments, func(a Argument) bool { return a.Name == m.Name() })
		for _, s := range []*Score{s, total} {
			s.Mutants++
			switch {
			case !tried:
				continue
			case o.Noticed:
				s.Noticed++
			case argued:
				s.Argued++
			default:
				s.Survived++
				if !o.Reached {
					s.Idle++
				}
			}
			s.Tried++
		}
		switch {
		case tried && o.Noticed && argued:
			r.Disproved = append(r.Disproved, *m)
		case tried && !o.Noticed && !argued:
			r.Survivors = append(r.Survivors, Survivor{*m, o.Reached, o.Runs})
		}
	}
	for _, s := range byPackage {
		r.Scores = append(r.Scores, *s)
	}
	slices.SortFunc(r.Scores, func(a, b Score) int { return strings.Compare(a.Package, b.Package) })
	r.Scores = append(r.Scores, *total)
	return r
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	t := text.NewTable(text.Text("package"), text.Number("mutants"), text.Number("tried"), text.Number("noticed"), text.Number("argued"),
		text.Number("survived"), text.Number("not carried out"), text.Number("score"))
	for _, s := range r.Scores {
		name := s.Package
		if name == "" {
			name = "all"
		}
		t.Row(name, s.Mutants, s.Tried, s.Noticed, s.Argued, s.Survived, s.Idle, fmt.Sprintf("%.1f%%", 100*s.Share()))
	}
	if err := t.Write(w); err != nil {
		return err
	}
	for _, m := range r.Disproved {
		if _, err := fmt.Fprintf(w, "\n%s:%d: argued to be equivalent, and noticed: %s\n", m.File, m.Line, m.Name()); err != nil {
			return err
		}
	}
	if len(r.Survivors) > 0 {
		fmt.Fprintf(w, "\nsurvivors (what no run carried out is marked -):\n")
	}
	for _, s := range r.Survivors {
		mark := " "
		if !s.Reached {
			mark = "-"
		}
		if _, err := fmt.Fprintf(w, "%s %s:%d: %s: %s\n", mark, s.File, s.Line, s.Kind, s.Source); err != nil {
			return err
		}
	}
	return nil
}
