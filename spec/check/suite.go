package check

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// Search decides a model: by RunProgress when it promises progress, else by Run. Random walks, which decide nothing, are
// taken by Run.
func Search(ctx context.Context, m Model, o Options) (*Result, error) {
	if live, ok := m.(Live); ok && len(live.Properties()) > 0 && o.Walks == 0 {
		return RunProgress(ctx, m, o)
	}
	return Run(ctx, m, o)
}

// Passes is what is expected of a world in which every invariant must hold.
const Passes = "pass"

// A Trial is how the search of a named world came out, beside what is expected of it.
type Trial struct {
	Model     string  `json:"model"`
	World     string  `json:"world"`
	Distinct  uint64  `json:"distinct"`
	Generated uint64  `json:"generated"`
	Verdict   Verdict `json:"verdict"`
	Invariant string  `json:"invariant"` // the one found broken; empty when all hold
	Expected  string  `json:"expected"`  // Passes, or the invariant that must be found broken
	Seconds   float64 `json:"seconds"`
	// TLC's figures for the same world, 0 where it has none.
	TLCDistinct  uint64 `json:"tlcDistinct,omitempty"`
	TLCGenerated uint64 `json:"tlcGenerated,omitempty"`
	// The figures of the search with the reduction, where the world has one and was also searched without it.
	ReducedDistinct  uint64 `json:"reducedDistinct,omitempty"`
	ReducedGenerated uint64 `json:"reducedGenerated,omitempty"`
	// Problem says what is not as expected, or could not be told; empty when all is well.
	Problem string `json:"problem,omitempty"`
}

// Trials are the trials of many worlds.
type Trials []Trial

// Try searches a named world of the subject and holds the outcome against what is expected: the verdict, the invariant, and
// TLC's figures where the world has them. Those are figures of all steps, so such a world is searched without its reduction; then
// once more with it, where it has one, for the same verdict. An error of the search is told in the trial.
func (s Subject) Try(ctx context.Context, w World, o Options) Trial {
	t := Trial{Model: s.Name, World: w.Name, Verdict: Incomplete, Expected: Passes, TLCDistinct: w.Distinct, TLCGenerated: w.Generated}
	if w.Violates != "" {
		t.Expected = w.Violates
	}
	m, err := s.Read(w.Constants)
	if err != nil {
		t.Problem = err.Error()
		return t
	}
	whole := o
	whole.NoReduction = o.NoReduction || w.Distinct != 0 || w.Generated != 0
	r, err := Search(ctx, m, whole)
	if err != nil {
		t.Problem = err.Error()
		return t
	}
	t.Distinct, t.Generated, t.Verdict, t.Invariant, t.Seconds = r.Distinct, r.Generated, r.Verdict, r.Invariant, r.Seconds
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	found := t.Found()
	switch {
	case r.Verdict == Incomplete:
		problem("%s", r.Reason)
	case found != t.Expected && r.Reason == NotReachable:
		problem("%s is not reachable, expected %s", r.Invariant, t.Expected)
	case found != t.Expected:
		problem("found %s, expected %s", found, t.Expected)
	default:
		if w.Distinct != 0 && r.Distinct != w.Distinct {
			problem("%s distinct, TLC found %s", count(r.Distinct), count(w.Distinct))
		}
		if w.Generated != 0 && r.Generated != w.Generated {
			problem("%s generated, TLC found %s", count(r.Generated), count(w.Generated))
		}
	}
	if whole.NoReduction && o.reduced(m) != nil && r.Verdict == Pass {
		switch less, err := Search(ctx, m, o); {
		case err != nil:
			problem("reduced: %v", err)
		case less.Verdict != Pass:
			problem("reduced, %s: expected pass as without the reduction, found %s", less.Reductions, cmp.Or(less.Invariant, less.Reason))
		default:
			t.ReducedDistinct, t.ReducedGenerated = less.Distinct, less.Generated
			t.Seconds += less.Seconds
		}
	}
	t.Problem = strings.Join(problems, "; ")
	return t
}

// Found is the outcome in the words of Expected: Passes, the invariant found broken, or that it is incomplete.
func (t Trial) Found() string {
	if t.Verdict == Violation {
		return t.Invariant
	}
	return string(t.Verdict)
}

// AsExpected says whether all is well with the trial.
func (t Trial) AsExpected() bool { return t.Problem == "" }

// Verdict is Pass when every world came out as expected, Violation when one did not, else Incomplete. Of no trials nothing
// can be told.
func (a Trials) Verdict() Verdict {
	verdict := Pass
	for _, t := range a {
		switch {
		case t.Verdict == Incomplete: // which says nothing against those that are wrong
			verdict = Incomplete
		case !t.AsExpected():
			return Violation
		}
	}
	if len(a) == 0 {
		return Incomplete
	}
	return verdict
}
