package check

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteText writes the verdict, the counterexample if there is one, and the receipt, for people.
func (r *Result) WriteText(w io.Writer) error {
	world, err := Describe(r.World)
	if err != nil {
		return err
	}
	var b strings.Builder
	r.writeTrace(&b)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	switch r.Verdict {
	case Pass:
		if len(r.Progress) > 0 {
			line("verdict", "pass: every invariant holds in every reachable state, and progress is made in every fair behaviour")
			break
		}
		line("verdict", "pass: every invariant holds in every reachable state")
	case Violation:
		if r.Reason == NotReachable {
			line("verdict", "violation: %s is not reachable, so a pass would say nothing of it", r.Invariant)
			line("", "%s: %q", r.Invariant, r.Guarantee)
			break
		}
		if r.Lasso != nil {
			line("verdict", "violation: %s does not hold: it waits after %s, in vain", r.Invariant, steps(r.Lasso.Waiting))
			line("", "%s: %q", r.Invariant, r.Guarantee)
			break
		}
		line("verdict", "violation: %s does not hold after %d steps", r.Invariant, len(r.Trace))
		line("", "%s: %q", r.Invariant, r.Guarantee)
	case Incomplete:
		line("verdict", "incomplete: %s; no invariant failed in the states seen", r.Reason)
	}
	line("model", "%s", r.Model)
	line("world", "%s", world)
	reductions := strings.Join(r.Reductions, "; ")
	if reductions == "" {
		reductions = "none"
	}
	line("reductions", "%s", reductions)
	if r.Narrowed > 0 {
		line("narrowed", "%s states expanded by a persistent set of their steps alone; the numbers below are those of the reduced search", count(r.Narrowed))
	}
	line("states", "%s distinct, %s generated, %s left", count(r.Distinct), count(r.Generated), count(r.Left))
	line("depth", "%d", r.Depth)
	switch {
	case r.Walks > 0:
		line("walks", "%s, seed %d", count(uint64(r.Walks)), r.Seed)
		line("missed", "all that no walk came through")
	case len(r.Progress) > 0:
		line("missed", "none: states are compared in full")
	default:
		line("missed", "with probability %.1e (two states with the same 64-bit fingerprint, of which every bit is kept)", r.CollisionProbability)
	}
	if t := r.Thoroughness; t != nil {
		line("saw", "%s", t)
		if t.Unknown != "" && t.Unseen != nil {
			line("unseen", "%s", t.estimate())
		}
	}
	line("actions", "%s", r.Actions)
	if never := r.Actions.Never(); len(never) > 0 {
		line("NEVER TAKEN", "%s", strings.Join(never, ", "))
	}
	r.writeProgress(line)
	if len(r.Witnesses) > 0 {
		var met []string
		for _, w := range r.Witnesses {
			if w.Depth == 0 {
				met = append(met, w.Name+" NOT MET")
			} else {
				met = append(met, fmt.Sprintf("%s at depth %d", w.Name, w.Depth))
			}
		}
		line("witnesses", "%s", strings.Join(met, ", "))
	}
	line("time", "%.2f s on %d workers, %s states/s", r.Seconds, r.Workers, count(uint64(float64(r.Distinct)/max(r.Seconds, 1e-9))))
	line("digest", "%s", r.Digest)
	_, err = io.WriteString(w, b.String())
	return err
}

// Describe puts the constants of a world in words, as receipts have them.
func Describe(world any) (string, error) {
	text, err := json.Marshal(world)
	if err != nil {
		return "", fmt.Errorf("check: the world does not marshal: %w", err)
	}
	return strings.NewReplacer(`"`, "", ",", ", ", ":", " ", "{", "", "}", "").Replace(string(text)), nil
}

// WriteCounterexample writes the counterexample alone, with a line that says where it is from, and nothing where there is none.
func (r *Result) WriteCounterexample(w io.Writer) error {
	var b strings.Builder
	r.writeTrace(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) writeTrace(b *strings.Builder) {
	if r.Verdict != Violation || r.Reason == NotReachable {
		return
	}
	switch {
	case r.Lasso != nil:
		fmt.Fprintf(b, "A counterexample that goes on forever:\n\n")
	case r.Walks > 0:
		fmt.Fprintf(b, "A counterexample from a random walk, without the steps that it can do without:\n\n")
	case r.Narrowed > 0:
		fmt.Fprintf(b, "A counterexample of the reduced search, which may have left out a shorter one:\n\n")
	default:
		fmt.Fprintf(b, "A shortest counterexample:\n\n")
	}
	if len(r.Trace) == 0 {
		fmt.Fprintf(b, "  the initial state\n")
	}
	for i, step := range r.Trace {
		if r.Lasso != nil && i == r.Lasso.Prefix {
			fmt.Fprintf(b, "  from here on, again and again:\n")
		}
		fmt.Fprintf(b, "%3d  %s\n", i+1, step.Action)
		for _, c := range step.Changes {
			switch {
			case c.From == "":
				fmt.Fprintf(b, "       %s = %s\n", c.Var, c.To)
			case c.To == "":
				fmt.Fprintf(b, "       %s: no longer %s\n", c.Var, c.From)
			default:
				fmt.Fprintf(b, "       %s: %s, was %s\n", c.Var, c.To, c.From)
			}
		}
	}
	if r.Lasso != nil {
		r.Lasso.write(b)
	}
	fmt.Fprintln(b)
}

// String lists the actions with their counts.
func (a ActionCounts) String() string {
	var parts []string
	for _, c := range a {
		parts = append(parts, fmt.Sprintf("%s %s", c.Action, count(c.Times)))
	}
	return strings.Join(parts, ", ")
}

// String renders the progress as one line.
func (p Progress) String() string {
	rate := float64(p.Distinct) / max(p.Elapsed.Seconds(), 1e-9)
	return fmt.Sprintf("%s: depth %d, %s distinct, %s generated, %s left, %s states/s",
		p.Elapsed.Round(time.Second), p.Depth, count(p.Distinct), count(p.Generated), count(p.Left), count(uint64(rate)))
}

// count writes a number with its thousands apart.
func count(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
