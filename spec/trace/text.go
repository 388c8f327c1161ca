package trace

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// Text writes a receipt in words.
func Text(r *Receipt) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	switch {
	case r.Verdict == check.Pass:
		line("verdict", "pass: every event is a step that the model allows, and every invariant holds after it")
	case r.Verdict == check.Incomplete:
		line("verdict", "incomplete: %s", r.Reason)
	case r.Refusal.Invariant != "":
		line("verdict", "violation: line %d, %s: after it %s does not hold", r.Refusal.Line, r.Refusal.Event, r.Refusal.Invariant)
		line("", "%s: %q", r.Refusal.Invariant, r.Refusal.Guarantee)
	default:
		line("verdict", "violation: line %d, %s: no step of the model is like this", r.Refusal.Line, r.Refusal.Event)
	}
	if r.Refusal != nil {
		for _, n := range r.Refusal.Nearest {
			line("nearest", "%s", n.Step)
			for _, d := range n.Differs {
				line("", "  %s: the model has %s, the event %s", d.Var, orNone(d.From), orNone(d.To))
			}
		}
	}
	line("model", "%s", r.Model)
	line("trace", "%d events, %d followed; %d other lines", r.Events, r.Followed, r.Skipped)
	line("search", "%d steps that no event reports, at most %d states at once", r.Hidden, r.States)
	var taken, never []string
	for _, a := range r.Actions {
		if a.Times == 0 {
			never = append(never, a.Action)
		} else {
			taken = append(taken, fmt.Sprintf("%s %d", a.Action, a.Times))
		}
	}
	line("actions", "%s", strings.Join(taken, ", "))
	if len(never) > 0 {
		line("", "NEVER TAKEN: %s", strings.Join(never, ", "))
	}
	if c := r.Covered; c != nil {
		line("covered", "%d of %d states, %d of %d transitions", c.States, c.AllStates, c.Transitions, c.AllTransitions)
	} else {
		line("covered", "no share can be told: %s", r.Uncounted)
	}
	return b.String()
}

func orNone(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

// JSON is the receipt for programs.
func (r *Receipt) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// WriteText writes the receipt in words.
func (r *Receipt) WriteText(w io.Writer) error {
	_, err := io.WriteString(w, Text(r))
	return err
}
