package failure

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
)

// An Answer is how a recorded failure went when it was run again.
type Answer string

// The answers.
const (
	Reproduced    Answer = "reproduced"      // the same hash, verdict and findings
	NoLongerFails Answer = "no longer fails" // the run passes now
	Differs       Answer = "differs"         // the run does not pass, and is not the one that was recorded
)

// A Replay is a recorded failure and how it went again.
type Replay struct {
	Recorded *Failure
	Again    harness.Result
	Trail    *Trail // of the run that was made again
	Answer   Answer
	// Differences says, one line each, in what it differs.
	Differences []string
	// First is the number of the first event that differs, from 1; 0 when none does, or none is known.
	First    int
	Expected string // its line as recorded, as far as the file has it
	Found    string // its line now
}

// Verdict is how a replay ends: as the failure's where it was reproduced, a pass where it no longer fails, and could not tell
// where the run that fails now is another one.
func (p *Replay) Verdict() judge.Verdict {
	switch p.Answer {
	case Reproduced:
		return p.Again.Verdict
	case NoLongerFails:
		return judge.Pass
	}
	return judge.CouldNotTell
}

// A NeedError says what a failure needs to be run again and the program does not have.
type NeedError struct {
	Expected string // what it needs
	Found    []string
	Err      error
}

func (e *NeedError) Error() string {
	s := "the failure needs " + e.Expected
	if len(e.Found) > 0 {
		s += "; this program has " + strings.Join(e.Found, ", ")
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *NeedError) Unwrap() error { return e.Err }

// Met returns the system that a failure needs, of those that a program knows, and a *NeedError where it has none, or not the build.
func (n Needs) Met(systems ...harness.System) (harness.System, error) {
	var known []string
	for _, s := range systems {
		if s.Name() != n.System {
			known = append(known, s.Name())
			continue
		}
		if n.Overlay && !harness.HasPoints() {
			return nil, &NeedError{Expected: "a build with failpoints", Err: faults.ErrNoOverlay}
		}
		return s, nil
	}
	return nil, &NeedError{Expected: fmt.Sprintf("the system %q", n.System), Found: known}
}

// Again runs a failure again and compares. It finds the failure's system among those that the program knows.
func Again(f *Failure, systems []harness.System) (*Replay, error) {
	system, err := f.Needs.Met(systems...)
	if err != nil {
		return nil, err
	}
	p := Replay{Recorded: f}
	p.Again, p.Trail = Record(system, f.Configuration)
	// The run itself may pass: what failed was that it is another one the second time.
	if wasNotDeterministic(f) && differs(&p.Again, system) {
		p.Answer = Reproduced
		return &p, nil
	}
	differ := func(what, expected, found string) {
		if expected != found {
			p.Differences = append(p.Differences, fmt.Sprintf("%s: expected %s as recorded, found %s", what, expected, found))
		}
	}
	differ("hash", f.Hash, Hexadecimal(p.Again.Hash))
	differ("verdict", string(f.Verdict), string(p.Again.Verdict))
	for i := range max(len(f.Findings), len(p.Again.Findings)) {
		differ(fmt.Sprintf("finding %d", i+1), finding(f.Findings, i), finding(p.Again.Findings, i))
	}
	if p.Trail != nil {
		if err := p.compare(&f.Trail, p.Trail); err != nil {
			return nil, fmt.Errorf("failure file: its hashes: %w", err)
		}
	}
	switch {
	case len(p.Differences) == 0:
		p.Answer = Reproduced
	case p.Again.Verdict == judge.Pass:
		p.Answer = NoLongerFails
	default:
		p.Answer = Differs
	}
	return &p, nil
}

// wasNotDeterministic tells whether a failure is that a run is another one each time, so that no comparison of runs says anything.
func wasNotDeterministic(f *Failure) bool {
	return slices.ContainsFunc(f.Findings, func(x judge.Finding) bool { return x.Check == judge.Determinism })
}

// finding names a finding for a comparison. A panic's stack is no part of it: it holds addresses.
func finding(all []judge.Finding, i int) string {
	if i >= len(all) {
		return "none"
	}
	return all[i].String()
}

// compare finds the first event by which two trails differ.
func (p *Replay) compare(recorded, again *Trail) error {
	first, err := recorded.FirstDifference(again)
	if err != nil || first == 0 {
		return err
	}
	p.First, p.Expected, p.Found = first, recorded.line(first), again.line(first)
	p.Differences = append(p.Differences, fmt.Sprintf("event %d is the first that differs", first))
	return nil
}

// FirstDifference returns the number of the first event by which two trails differ, from 1; 0 when none is known.
func (t *Trail) FirstDifference(again *Trail) (int, error) {
	was, err := t.marks()
	if err != nil {
		return 0, err
	}
	is, err := again.marks()
	if err != nil {
		return 0, err
	}
	for i := range max(len(was), len(is)) {
		if i < len(was) && i < len(is) && was[i] == is[i] {
			continue
		}
		if i >= trailHashes {
			return 0, nil // the trails have no more of them
		}
		return i + 1, nil
	}
	return 0, nil
}

// A DeterminismError says that a configuration gave two different runs: the system keeps something that the harness does not
// own, such as a clock, a random source, goroutines or the order of a map.
type DeterminismError struct {
	Event    int    // number of the first event that differs, from 1; 0 when it is not known
	Expected string // its line in the first run
	Found    string // in the second
	// Answered is, where nodes are other programs, the first of their lines that differs; nil where none does.
	Answered *Answered
}

func (e *DeterminismError) Error() string {
	if a := e.Answered; a != nil {
		return fmt.Sprintf("not deterministic: the program of %s answered event %d otherwise the second time: expected %s, found %s", a.Node, a.Event, orEnd(a.Expected), orEnd(a.Found))
	}
	if e.Event == 0 {
		return "not deterministic: the same configuration gave another run"
	}
	return fmt.Sprintf("not deterministic: the same configuration gave another run from event %d on: expected %s, found %s", e.Event, orEnd(e.Expected), orEnd(e.Found))
}

// Made makes a run and the failure of it that fails by a target. That a configuration gives another run each time shows in no run by
// itself: of such a target the run is made once more.
func Made(s harness.System, c configuration.Configuration, t Target) *Failure {
	r, trail := Record(s, c)
	if t.Check == judge.Determinism {
		differs(&r, s)
	}
	return Of(&r, trail)
}

// differs adds to a run that its configuration gives another one, and tells whether it does.
func differs(r *harness.Result, s harness.System) bool {
	err := Repeats(s, r.Configuration)
	if err != nil {
		r.Findings = append(r.Findings, judge.Violated(judge.Determinism, err))
		r.Verdict = r.Verdict.Worse(judge.Violation)
	}
	return err != nil
}

// mostAgain is how often a run is made twice before it passes for the same each time. A system that draws lots of its own draws the same
// one now and then, and the fewer there are in a small run the oftener.
const mostAgain = 16

// Repeats returns the first *DeterminismError of several tries to make a run twice, nil where it was the same each time.
func Repeats(s harness.System, c configuration.Configuration) error {
	for range mostAgain {
		if _, err := Twice(s, c); err != nil {
			return err
		}
	}
	return nil
}

// Twice makes a run twice and returns the first, with a *DeterminismError when the second is another run. What does not repeat
// proves nothing, so a run that passed is refused, too.
func Twice(s harness.System, c configuration.Configuration) (harness.Result, error) {
	var said, saidAgain said
	first, recorded := recordWith(s, c, allRecords, said.hear)
	second, again := recordWith(s, c, allRecords, saidAgain.hear)
	if first.Hash == second.Hash || recorded == nil || again == nil {
		return first, nil
	}
	e := &DeterminismError{Answered: said.apart(&saidAgain, recorded.Name)}
	var err error
	if e.Event, err = recorded.FirstDifference(again); err != nil {
		return first, errors.Join(e, err)
	}
	e.Expected, e.Found = strings.TrimSpace(recorded.line(e.Event)), strings.TrimSpace(again.line(e.Event))
	return first, e
}

// WriteText writes for people what was compared.
func (p *Replay) WriteText(out io.Writer) error {
	var b strings.Builder
	c := &p.Recorded.Configuration
	fmt.Fprintf(&b, "%s, seed %d: %d events, hash %s\n", c.System, c.Seed, p.Again.Counts.World.Events, Hexadecimal(p.Again.Hash))
	if c.Bug != "" {
		fmt.Fprintf(&b, "planted bug: %s\n", c.Bug)
	}
	for i := range p.Again.Findings {
		f := &p.Again.Findings[i]
		fmt.Fprintf(&b, "%s: %s: %s\n  breaks: %s\n%s", f.Verdict, f.Check, f.Sentence(), f.Guarantee, f.Explain())
	}
	switch p.Answer {
	case Reproduced:
		fmt.Fprintf(&b, "reproduced: the same run as recorded, %s\n", p.Again.Verdict)
	case NoLongerFails:
		b.WriteString("no longer fails: the run passes now\n")
	default:
		b.WriteString("differs from what was recorded")
		if p.First > 0 {
			fmt.Fprintf(&b, " from event %d on", p.First)
		}
		b.WriteString("\n")
	}
	if p.Answer != Reproduced {
		if then, now := p.Recorded.Build, ThisBuild(); then != now {
			fmt.Fprintf(&b, "  recorded by %s %s %s with %s on %s; this is %s %s with %s on %s\n",
				then.Module, then.Version, then.Revision, then.Go, then.Platform, now.Version, now.Revision, now.Go, now.Platform)
		}
		for _, d := range p.Differences {
			fmt.Fprintf(&b, "  %s\n", d)
		}
		if p.First > 0 {
			fmt.Fprintf(&b, "  recorded: %s\n  now:      %s\n", orEnd(p.Expected), orEnd(p.Found))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func orEnd(line string) string {
	if line == "" {
		return "(none, or not kept)"
	}
	return line
}
