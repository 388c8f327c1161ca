package scenario

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// A Step is one command of a script, and what it is said to show.
type Step struct {
	At    string // "file:line" of the command
	Line  string // the command with its arguments
	Input string // the lines below it
	Want  string // what it shows
}

// String renders the step as it stands in a file.
func (s *Step) String() string {
	text := s.Line + "\n"
	if s.Input != "" {
		text += strings.TrimRight(s.Input, "\n") + "\n"
	}
	return text + "----\n" + s.Want + "\n"
}

// Limits of a script: commands, and bytes.
const (
	maxCommands = 100_000
	maxScript   = 16 << 20
)

// A ScriptError says what of a script cannot be read.
type ScriptError struct {
	At   string // "file:line"
	What string
}

func (e *ScriptError) Error() string { return e.At + ": " + e.What }

// Read reads a script of the form that github.com/cockroachdb/datadriven has: blocks of a command's line, the lines below it, four
// dashes, and what is shown up to an empty line; # begins a comment between blocks. The name is for errors.
func Read(name string, r io.Reader) ([]Step, error) {
	in := bufio.NewScanner(io.LimitReader(r, maxScript+1))
	in.Buffer(nil, maxScript+2)
	var steps []Step
	n, size := 0, 0
	at := func() string { return fmt.Sprintf("%s:%d", name, n) }
	next := func() (string, bool) {
		if !in.Scan() {
			return "", false
		}
		n++
		size += len(in.Text()) + 1
		return in.Text(), true
	}
	for {
		line, more := next()
		if !more {
			break
		}
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if len(steps) == maxCommands {
			return nil, &ScriptError{at(), fmt.Sprintf("expected at most %d commands, found more", maxCommands)}
		}
		s := Step{At: at(), Line: line}
		for separated := false; !separated; {
			below, more := next()
			if !more {
				return nil, &ScriptError{s.At, "expected four dashes below the command, found the end of the file"}
			}
			if separated = below == "----"; !separated {
				s.Input += below + "\n"
			}
		}
		for {
			shown, more := next()
			if !more || strings.TrimSpace(shown) == "" {
				break
			}
			if shown == "----" && s.Want == "" {
				return nil, &ScriptError{at(), "expected what the command shows, found four dashes again: what is shown has no empty lines"}
			}
			s.Want += shown + "\n"
		}
		steps = append(steps, s)
	}
	switch err := in.Err(); {
	case err != nil:
		return nil, &ScriptError{at(), err.Error()}
	case size > maxScript:
		return nil, &ScriptError{at(), fmt.Sprintf("expected at most %d bytes, found more", maxScript)}
	case len(steps) == 0:
		return nil, &ScriptError{at(), "expected a command, found none"}
	}
	return steps, nil
}

// A Difference is a command that shows something else than its script says.
type Difference struct {
	Step
	Found string
}

func (d *Difference) String() string {
	return fmt.Sprintf("%s: %s\nexpected:\n%sfound:\n%s", d.At, d.Line, indented(d.Want), indented(d.Found))
}

func indented(text string) string {
	if text == "" {
		return "  nothing\n"
	}
	var b strings.Builder
	for l := range strings.Lines(text) {
		b.WriteString("  " + l)
	}
	return b.String()
}

// Play carries out the steps of a script and returns those that show something else than the script says. The error is what Do or
// Finish returns: a step of a node that the model refuses wraps a *conform.Violation.
func (e *Engine) Play(steps []Step) ([]Difference, error) {
	var all []Difference
	for _, s := range steps {
		found, err := e.Do(s.At, s.Line, s.Input)
		if err != nil {
			return all, err
		}
		if found != s.Want {
			all = append(all, Difference{s, found})
		}
	}
	return all, e.Finish()
}
