package labs

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/scenario"
	"github.com/firstgap/firstgap/harness/tally"
)

// Options say how tests are run. What comes of a test does not depend on Workers.
type Options struct {
	Workers int    // runs at a time; 0 is one
	Bug     string // the planted bug of every run, which the reference's nodes ask their hooks for; "" is none
}

// An Outcome is how a test went. It depends on the lab, the nodes and the seeds alone.
type Outcome struct {
	Made   int           // runs and scripts that were made, up to the first that failed
	Failed *Failed       // nil: none did
	Counts counts.Counts // of all runs that were made
	Hashes []uint64      // of the runs that were made: the same submission has the same again
	Lacks  []string      // of the test's needs, those that no run counted: it could not tell
}

// Passed tells whether the test was passed: something happened, all of it was right.
func (o *Outcome) Passed() bool { return o.Made > 0 && o.Failed == nil && len(o.Lacks) == 0 }

// A Failed is a run, or a script, that was not as it must be.
type Failed struct {
	// Result is the run's; nil where a script failed, or the configuration could not be made.
	Result *harness.Result
	// Findings are those that count in the test.
	Findings []judge.Finding
	Script   *Script
	Says     string // in a few lines
}

// Run makes the runs of a test with the nodes of a submission, one for each seed, and stops at the first that fails.
func (l *Lab) Run(t *Test, make protocol.Maker, seeds []uint64, o Options) Outcome {
	s := l.System(make)
	var out Outcome
	for i := range t.Scripts {
		out.Made++
		if says := t.Scripts[i].play(s, o.Bug); says != "" {
			out.Failed = &Failed{Script: &t.Scripts[i], Says: says}
			return out
		}
	}
	counting := l.counting(t.Checks)
	first(seeds, o.Workers, func(seed uint64) *harness.Result {
		c, err := t.Generate(s, seed, o.Bug)
		return run(s, c, err)
	}, func(r *harness.Result) bool {
		out.Made++
		out.Counts.Add(&r.Counts)
		out.Hashes = append(out.Hashes, r.Hash)
		out.Failed = failed(r, counting)
		return out.Failed == nil
	})
	if out.Failed == nil {
		for _, need := range t.Needs {
			if Counted(&out.Counts, need) == 0 {
				out.Lacks = append(out.Lacks, need)
			}
		}
	}
	return out
}

// Says says in a few lines why a test was not passed; "" where it was.
func (o *Outcome) Says() string {
	switch {
	case o.Failed != nil:
		return o.Failed.Says
	case o.Made == 0:
		return "nothing was run"
	case len(o.Lacks) > 0:
		return "could not tell: expected runs in which something happens, found none of: " + strings.Join(o.Lacks, ", ")
	}
	return ""
}

// run makes one run. A configuration that could not be made is a run that tells nothing.
func run(s harness.System, c configuration.Configuration, err error) *harness.Result {
	if err != nil {
		return &harness.Result{Configuration: c, Verdict: judge.CouldNotTell, Findings: []judge.Finding{judge.Untold(judge.ConfigurationCheck, err)}}
	}
	r := harness.Run(s, c)
	return &r
}

// first makes runs, so many at a time, and hands over what came of them in the order of the seeds, until that returns false.
// What was run beyond is dropped, so that the number of workers changes nothing.
func first(seeds []uint64, workers int, make func(uint64) *harness.Result, take func(*harness.Result) bool) {
	workers = max(1, workers)
	for batch := range slices.Chunk(seeds, workers) {
		results := [](*harness.Result){}
		if len(batch) == 1 {
			results = append(results, make(batch[0]))
		} else {
			results = slices.Grow(results, len(batch))[:len(batch)]
			var group sync.WaitGroup
			for i, seed := range batch {
				group.Go(func() { results[i] = make(seed) })
			}
			group.Wait()
		}
		for _, r := range results {
			if !take(r) {
				return
			}
		}
	}
}

// counting are the checks of which findings count. That a node ended itself, or that a run could not be made, counts always.
func (l *Lab) counting(of []judge.Check) []judge.Check {
	if len(of) == 0 {
		of = l.Checks
	}
	if len(of) == 0 {
		return judge.Checks()
	}
	return append(slices.Clone(of), faults.Sanity, judge.ConfigurationCheck)
}

// failed returns what of a run's findings counts; nil where none does.
func failed(r *harness.Result, counting []judge.Check) *Failed {
	f := &Failed{Result: r}
	for _, x := range r.Findings {
		if x.Check == judge.ConfigurationCheck || slices.Contains(counting, x.Check) {
			f.Findings = append(f.Findings, x)
		}
	}
	if len(f.Findings) == 0 {
		return nil
	}
	// Worst first, as failure.TargetOf has it: what is said is what a failure file fails by.
	worst := slices.IndexFunc(f.Findings, func(x judge.Finding) bool { return x.Verdict == judge.Violation })
	x := &f.Findings[max(worst, 0)]
	f.Says = fmt.Sprintf("%s (%s)\nguarantee: %s\n%s", x.Sentence(), x.Check, x.Guarantee, x.Explain())
	return f
}

// Counted returns how much of an amount was counted: of counts.Counts by its name for programs, or of messages of a type as
// "messages.TYPE".
func Counted(c *counts.Counts, name string) uint64 {
	if kind, is := strings.CutPrefix(name, "messages."); is {
		for _, t := range c.World.Types {
			if t.Type == kind {
				return t.Messages
			}
		}
		return 0
	}
	if n := tally.Index(c)[name]; n != nil {
		return *n
	}
	panic(fmt.Sprintf("labs: no amount is called %q", name)) // a test names it, and tests see to that
}

// play plays a script with a system's nodes, and says what was otherwise; "" where nothing was.
func (x *Script) play(s harness.System, bug string) (says string) {
	of, is := aurora.Implements(s)
	if !is {
		return fmt.Sprintf("%s: expected a system of a volume, found %s", x.Name, s.Name())
	}
	steps, err := scenario.Read(x.Name, strings.NewReader(x.Text))
	if err != nil {
		return err.Error()
	}
	e := scenario.New(of)
	at := ""
	defer func() {
		if p := recover(); p != nil {
			says = fmt.Sprintf("%s: a node ended itself: %v", at, p)
			if _, expected := p.(error); !expected {
				says += "\n" + frames(debug.Stack())
			}
		}
	}()
	defer e.Close()
	for _, step := range steps {
		at = step.At
		line := step.Line
		if bug != "" && strings.HasPrefix(line, "volume") {
			line += " bug=" + bug
		}
		found, err := e.Do(step.At, line, step.Input)
		switch {
		case err != nil:
			return err.Error()
		case step.Want != "" && found != step.Want:
			return (&scenario.Difference{Step: step, Found: found}).String()
		}
	}
	if err := e.Finish(); err != nil {
		return fmt.Sprintf("%s: %v", x.Name, err)
	}
	return ""
}

// frames are the functions of a stack, without addresses and places, which another machine has otherwise.
func frames(stack []byte) string {
	var names []string
	for line := range strings.Lines(string(stack)) {
		if name, _, is := strings.Cut(line, "("); is && strings.Contains(name, "/") && !strings.HasPrefix(line, "\t") {
			names = append(names, name[strings.LastIndex(name, "/")+1:])
		}
	}
	return strings.Join(names[:min(len(names), 8)], " < ")
}
