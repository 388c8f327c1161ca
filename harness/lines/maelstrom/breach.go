package maelstrom

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/runtime"
)

// What Maelstrom's protocol asks of a program, beside what every protocol over lines does.
const (
	// Initialises is broken by a program that does not answer init by init_ok.
	Initialises runtime.BreachRule = "a program answers init by init_ok before it does anything else for clients"
	// Addresses is broken by a line from or to somebody that does not exist.
	Addresses runtime.BreachRule = "a message goes from a node to a node, a service or a client that there is"
	// Replies is broken by a message to a client that answers none of its calls.
	Replies runtime.BreachRule = "a message to a client or a service has a type, and one to a client names by in_reply_to the call that it answers"
	// OwnClock is broken by a program that writes without being told anything, where no time passes for it.
	OwnClock runtime.BreachRule = "in simulated time a program writes only what a line that it was given brings about"
)

// A wrong is what is wrong with a line: its kind, which is the same for all such lines, and what was expected and found.
type wrong struct {
	rule                  runtime.BreachRule
	kind, expected, found string
}

// breach ends the run: the program has written something that it must not.
func (m *member) breach(w *wrong, line []byte) {
	panic(&runtime.Breach{Rule: w.rule, Kind: w.kind, Expected: w.expected, Found: w.found, Line: lines.Cut(line), Lead: m.lastWords()})
}

// fail ends the run where talking to the program failed.
func (m *member) fail(err error) {
	var e *lines.Error
	if !errors.As(err, &e) {
		panic(&runtime.Breach{Rule: runtime.AnswersInTime, Kind: "machine", Expected: "that the machine runs the program", Found: err.Error(), Ours: true})
	}
	rule := runtime.AnswersInTime
	switch e.Problem {
	case lines.Ended:
		rule = runtime.LivesOn
	case lines.TooLong, lines.TooMany:
		rule = runtime.KeepsTheForm
	}
	line := ""
	if e.Line != "" {
		line = fmt.Sprintf("%q", e.Line)
	}
	panic(&runtime.Breach{Rule: rule, Kind: string(e.Problem), Expected: cmp.Or(e.Expected, "a program that runs"), Found: e.Found, Line: line,
		Lead: lastLines(e.Stderr), Ours: e.Problem.Ours()})
}

// lastWords is what the program wrote last to its standard error, line by line.
func (m *member) lastWords() []string {
	if m.program == nil {
		return nil
	}
	return lastLines(m.program.Stderr())
}

// mostWords is how many lines of a program's standard error a finding shows.
const mostWords = 20

func lastLines(text string) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	all := strings.Split(text, "\n")
	return all[max(0, len(all)-mostWords):]
}
