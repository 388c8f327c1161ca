package failure

import (
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
)

// A Target is what a failure fails by. Whoever makes a failure smaller, or draws its rest anew, asks of every run whether it fails by
// the same: a run that fails by another rule is another failure, and to take it for this one would explain the wrong one.
type Target struct {
	Check   judge.Check   `json:"check"`
	Rule    string        `json:"rule,omitempty"` // of the check, where the check has several
	Kind    string        `json:"kind,omitempty"` // of the ways to break that rule (see judge.Finding); empty for any
	Verdict judge.Verdict `json:"verdict"`
}

func (t Target) String() string {
	switch {
	case t.Rule == "":
		return string(t.Check)
	case t.Kind != "":
		return fmt.Sprintf("%s (%s: %s)", t.Check, t.Rule, t.Kind)
	}
	return fmt.Sprintf("%s (%s)", t.Check, t.Rule)
}

// TargetOf returns by what a run failed: of its findings the first one of the worst verdict, in the order in which checks report. It
// is false where the run passed.
func TargetOf(findings []judge.Finding) (Target, bool) {
	var first Target
	for i := range findings {
		f := &findings[i]
		if first.Check == "" || first.Verdict != judge.Violation && f.Verdict == judge.Violation {
			first = Target{Check: f.Check, Rule: f.Rule, Kind: f.Kind, Verdict: f.Verdict}
		}
	}
	return first, first.Check != ""
}

// In returns the finding by which a run fails as the target says, nil where it does not: where it passes, or fails by something else.
func (t Target) In(r *harness.Result) *judge.Finding { return t.Among(r.Findings) }

// Among is In of findings.
func (t Target) Among(findings []judge.Finding) *judge.Finding {
	for i := range findings {
		if f := &findings[i]; f.Check == t.Check && f.Rule == t.Rule && (t.Kind == "" || f.Kind == t.Kind) && f.Verdict == t.Verdict {
			return f
		}
	}
	return nil
}
