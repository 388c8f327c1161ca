package scenario

import (
	"errors"

	"github.com/firstgap/firstgap/harness/aurora"
)

// An Engine plays one scenario. It is for one goroutine.
type Engine struct {
	of    aurora.Implementation
	stage *stage // nil before the first volume
	ended error  // set when the scenario cannot go on
}

// New returns an engine that makes nodes by an implementation. Its object store is not used: scenarios have none.
func New(of aurora.Implementation) *Engine { return &Engine{of: of} }

// ErrNothing is what Finish says of a scenario in which no node told a step.
var ErrNothing = errors.New("scenario: expected a volume whose nodes tell steps, found none")

// Do carries out one command and returns what came of it, in lines that each end in a newline. At says where the command stands,
// as "file:line"; errors repeat it. The line is the command with its arguments, and the input the lines below it.
//
// The error is an *Error. One about the command's name or arguments comes before anything was done, and the scenario can go on.
// After any other, Do returns the same error ever after: a step that the model refuses wraps a *conform.Violation, pages that
// differ a *PageError. What a node panics with is left alone.
func (e *Engine) Do(at, line, input string) (string, error) {
	if e.ended != nil {
		return "", e.ended
	}
	c, err := parse(at, line, input)
	if err != nil {
		return "", err
	}
	switch {
	case c.name == "volume":
		err = e.volume(c)
	case e.stage == nil:
		err = &Error{At: at, Command: c.name, What: "the first command", Found: c.name, Want: "volume"}
	default:
		err = c.command.run(e.stage, c)
	}
	if err != nil {
		if e.stage != nil {
			e.stage.told() // what it came to is no part of what the next command shows
		}
		var wrong *Error
		if !errors.As(err, &wrong) {
			err = &Error{At: at, Command: c.name, Err: err}
			e.ended = err
		}
		return "", err
	}
	return e.stage.told(), nil
}

// volume ends the volume before, if there is one, and makes a new one.
func (e *Engine) volume(c *call) error {
	next, err := newStage(e.of, c)
	if err != nil {
		return err
	}
	if e.stage != nil {
		if err := e.stage.finish(); err != nil {
			return err
		}
		e.stage.stop()
	}
	e.stage = next
	return next.open()
}

// Finish says what does not hold at the end of the scenario, and returns ErrNothing where it has shown nothing.
func (e *Engine) Finish() error {
	if e.ended != nil {
		return e.ended
	}
	if e.stage == nil {
		return ErrNothing
	}
	return e.stage.finish()
}

// Close stops all nodes.
func (e *Engine) Close() {
	if e.stage != nil {
		e.stage.stop()
	}
}
