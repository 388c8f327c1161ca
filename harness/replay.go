package harness

import (
	"fmt"
	"io"
	"strings"

	"github.com/firstgap/firstgap/faults"
)

// A Replay is how a recorded failure went when it was run again.
type Replay struct {
	Recorded *Failure
	Again    Result
	// Same tells that it went exactly as recorded: the same hash, the same verdict, the same findings.
	Same bool
	// Differences says, one line each, in what it differs.
	Differences []string
	// First is the number of the first event that differs, from 1; 0 when none does, or none is known.
	First    int
	Expected string // its line as recorded, as far as the file has it
	Found    string // its line now
}

// ReplayFile reads a failure file, runs it again and compares. A failure that took failpoints needs a build that has
// them.
func ReplayFile(file string) (*Replay, error) {
	f, err := ReadFailure(file)
	if err != nil {
		return nil, err
	}
	if f.Build.Overlay && !HasPoints() {
		return nil, fmt.Errorf("%s was recorded with failpoints: %w", file, faults.ErrNoOverlay)
	}
	return ReplayFailure(f)
}

// ReplayFailure runs a failure again and compares.
func ReplayFailure(f *Failure) (*Replay, error) {
	p := Replay{Recorded: f, Again: RunRecorded(f.Configuration, true)}
	differ := func(what, expected, found string) {
		if expected != found {
			p.Differences = append(p.Differences, fmt.Sprintf("%s: expected %s as recorded, found %s", what, expected, found))
		}
	}
	differ("hash", f.Hash, hexadecimal(p.Again.Hash))
	differ("verdict", string(f.Verdict), string(p.Again.Verdict))
	for i := range max(len(f.Findings), len(p.Again.Findings)) {
		differ(fmt.Sprintf("finding %d", i+1), finding(f.Findings, i), finding(p.Again.Findings, i))
	}
	if p.Again.Trail != nil {
		if err := p.compare(&f.Trail, p.Again.Trail); err != nil {
			return nil, fmt.Errorf("failure file: its hashes: %w", err)
		}
	}
	p.Same = len(p.Differences) == 0
	return &p, nil
}

// finding names a finding for a comparison. A panic's stack is no part of it: it holds addresses.
func finding(all []Finding, i int) string {
	switch {
	case i >= len(all):
		return "none"
	case all[i].Check == Sanity:
		return fmt.Sprintf("%s: %s", all[i].Verdict, all[i].Check)
	}
	return all[i].String()
}

// compare finds the first event by which two trails differ.
func (p *Replay) compare(recorded, again *Trail) error {
	was, err := recorded.marks()
	if err != nil {
		return err
	}
	is, err := again.marks()
	if err != nil {
		return err
	}
	for i := range max(len(was), len(is)) {
		if i < len(was) && i < len(is) && was[i] == is[i] {
			continue
		}
		if i >= trailHashes {
			return nil // the file has no more of them
		}
		p.First, p.Expected, p.Found = i+1, recorded.line(i+1), again.line(i+1)
		p.Differences = append(p.Differences, fmt.Sprintf("event %d is the first that differs", i+1))
		return nil
	}
	return nil
}

// WriteText writes for people what was compared.
func (p *Replay) WriteText(out io.Writer) error {
	var b strings.Builder
	c := p.Recorded.Configuration
	fmt.Fprintf(&b, "seed %d: %d events, hash %s\n", c.Seed, p.Again.Counts.World.Events, hexadecimal(p.Again.Hash))
	if c.Bug != "" {
		fmt.Fprintf(&b, "planted bug: %s\n", c.Bug)
	}
	for _, f := range p.Again.Findings {
		fmt.Fprintf(&b, "%s: %s: %s\n  breaks: %s\n", f.Verdict, f.Check, f.Detail, f.Guarantee)
		for line := range strings.Lines(f.Explanation) {
			b.WriteString("  " + line)
		}
	}
	if p.Same {
		fmt.Fprintf(&b, "the same run as recorded: %s\n", p.Again.Verdict)
	} else {
		b.WriteString("not the run that was recorded")
		if then, now := p.Recorded.Build, ThisBuild(); then != now {
			fmt.Fprintf(&b, " (by %s %s %s with %s on %s; this is %s %s with %s on %s)",
				then.Module, then.Version, then.Revision, then.Go, then.Platform, now.Version, now.Revision, now.Go, now.Platform)
		}
		b.WriteString("\n")
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
