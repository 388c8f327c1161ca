package why

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// WriteText writes the explanation for people, in lines that fit the terminal that out is: what went wrong, from where on the run was
// lost, what becomes of it without each fault, and how small it is.
func (e *Explanation) WriteText(out io.Writer) error {
	if err := e.What.WriteText(out); err != nil {
		return err
	}
	return text.On(out).Folded(func(out io.Writer) error {
		var b strings.Builder
		fmt.Fprintf(&b, "\nwhere it was lost\n  %s\n", e.Lost())
		b.WriteString("\nwithout one of its faults\n")
		if e.What.Target.Check == judge.Determinism {
			b.WriteString("  not tried\n")
		} else if left := len(e.Configuration.Plan.Faults) - len(e.Faults); left > 0 {
			fmt.Fprintf(&b, "  %d of %d were not tried: %s\n", left, len(e.Configuration.Plan.Faults), e.Ended)
		}
		for _, f := range e.Faults {
			fmt.Fprintf(&b, "  %s: %s\n", f.Fault, becomes(f))
		}
		if len(e.Configuration.Plan.Faults) == 0 {
			b.WriteString("  it has none: it fails without any fault\n")
		}
		if e.Differs != "" {
			fmt.Fprintf(&b, "\nnot the run that was recorded, and fails by the same\n  %s\n", e.Differs)
		}
		fmt.Fprintf(&b, "\nhow small it is\n  %s\n  %s\n", sizes(e.Before, e.After), e.Smallest())
		_, err := io.WriteString(out, b.String())
		return err
	})
}

// Lost says in a sentence from which event on the run could not be saved any more.
func (e *Explanation) Lost() string {
	if e.What.Target.Check == judge.Determinism {
		return "not looked for: it is another run each time, so no beginning of it can be kept"
	}
	if e.Curve == nil {
		return "not looked for" + orEmpty(": ", e.Ended)
	}
	j := e.Curve.Jump
	switch {
	case j == nil && e.Curve.Certain():
		return "no event is named: " + Always
	case j == nil:
		return "no event is named: " + cmp.Or(e.Curve.Without, e.Curve.Ended, share(e.Curve.Points))
	}
	return fmt.Sprintf("from event %d on it can no longer be avoided%s: %s. Kept up to the event before, and the rest drawn anew, it fails in %d of %d runs; with this event in %d of %d",
		j.Event, choose(e.JumpsAtBad(), ", which is the bad step itself", "; the mistake may lie before"), strings.Join(strings.Fields(j.Line), " "), j.Before.Fails, j.Before.Of, j.After.Fails, j.After.Of)
}

// Always says what a curve tells on which every redrawn run fails.
const Always = "it fails whatever chance does: drawn anew from any point it fails each time, so that it is no race, and no order of messages has a part in it"

// JumpsAtBad tells whether the event from which on a run cannot be saved is the bad step itself, or noted in the same step of its node.
func (e *Explanation) JumpsAtBad() bool {
	if e.Curve == nil || e.Curve.Jump == nil || e.What.Bad == nil {
		return false
	}
	j, bad := e.Curve.Jump, e.What.Bad.Event
	return j.Event == bad || j.Before.Event < bad && bad <= j.After.Event
}

// share says how often a run fails whose rest is drawn anew from its beginning and from its end.
func share(points []where.Point) string {
	if len(points) == 0 {
		return "no point of it was drawn anew"
	}
	first, last := points[0], points[len(points)-1]
	return fmt.Sprintf("drawn anew from the beginning it fails in %d of %d runs, and from event %d on in %d of %d", first.Fails, first.Of, last.Event, last.Fails, last.Of)
}

func orEmpty(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

func becomes(f where.Counterfactual) string {
	switch {
	case f.Passes:
		return "it passes"
	case f.Unmade != "":
		return "there is no such run: " + f.Unmade
	case f.Instead == "the same":
		return "it fails as before"
	}
	return "it fails by " + f.Instead
}

// Smallest says whether the run is as small as it goes, and what that took.
func (e *Explanation) Smallest() string {
	how := "no single fault, operation, transaction, client or node can go"
	if !e.Minimal {
		how = "not the smallest: " + e.Ended
	}
	return fmt.Sprintf("%s (%s runs, %.1f s)", how, text.Count(e.Runs), e.Seconds)
}

func sizes(b, a shrink.Size) string {
	var parts []string
	for _, r := range shrink.Rows(b, a) {
		parts = append(parts, fmt.Sprintf("%s %s → %s", r.What, text.Count(r.Before), text.Count(r.After)))
	}
	return strings.Join(parts, ", ") + "; " + eventsSay(b.Events, a.Events)
}

// eventsSay says how many events a run has, and had as it was recorded.
func eventsSay(before, after uint64) string {
	s := fmt.Sprintf("%s events, as recorded %s", text.Count(after), text.Count(before))
	if after > before {
		s += " (events are not what is made small: where less goes on, a run may wait longer for its end)"
	}
	return s
}
