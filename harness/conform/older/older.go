// Package older holds the designs that came before against their models: it steps the models' own actions by what the
// nodes of a run tell, as package conform does for the volume.
//
// Use package conform instead when the nodes are a writer, segments and readers of a volume.
package older

import (
	"errors"
	"fmt"

	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/check"
)

// A Validator steps a model by the trace of one run.
type Validator interface {
	// Tell takes one step that the node from told. Once a step was refused, it returns that *conform.Violation, now and
	// ever after: what follows the first violation proves nothing.
	Tell(now node.Time, from node.ID, t *node.Trace) error
	// Finish returns the first error of Tell. None of the models says anything more of a run when it is over: each of their
	// invariants is held at every step.
	Finish() error
	// Steps returns how many steps the model took.
	Steps() uint64
}

// The rules that a trace itself has to keep to.
const (
	ruleAction   = "a step is an action of the model"
	ruleKnown    = "a step is one of the design's own nodes and operations"
	ruleComplete = "a step carries what its action is about"
)

func violation(rule, expected, found, why string, args ...any) *conform.Violation {
	return &conform.Violation{Rule: rule, Expected: expected, Found: found, Why: fmt.Sprintf(why, args...)}
}

// follower is what each validator knows of the trace that it follows.
type follower struct {
	guarantee string // of the model
	told      int
	steps     uint64
	failed    *conform.Violation
}

// Steps implements Validator.
func (f *follower) Steps() uint64 { return f.steps }

// Finish implements Validator.
func (f *follower) Finish() error {
	if f.failed == nil {
		return nil // and no *conform.Violation that is nil
	}
	return f.failed
}

// follow takes one line of the trace. It makes a violation of what step objects to, and returns that ever after.
func (f *follower) follow(now node.Time, from node.ID, t *node.Trace, step func(node.ID, *node.Trace) error) error {
	if f.failed != nil {
		return f.failed
	}
	f.told++
	err := step(from, t)
	if err == nil {
		return nil
	}
	var x *conform.Violation
	var refused *check.Refusal
	if errors.As(err, &refused) {
		x = violation(refused.Name, refused.Expected, refused.Found, "%s", refused.Why)
	} else if !errors.As(err, &x) {
		x = violation(ruleComplete, "a step that the model has room for", err.Error(), "it cannot be told whether the step is one")
	}
	x.Step, x.Now, x.From, x.Action, x.Guarantee = f.told, now, from, t.Action.String(), f.guarantee
	f.failed = x
	return x
}

// tookIf counts a step that the model took.
func (f *follower) tookIf(stepped bool, err error) error {
	if err == nil && stepped {
		f.steps++
	}
	return err
}

func (f *follower) took(err error) error { return f.tookIf(true, err) }

// All has several validators follow one run. Each takes the actions of its own model.
type All []Validator

// Tell implements Validator.
func (all All) Tell(now node.Time, from node.ID, t *node.Trace) error {
	for _, v := range all {
		if _, disks := v.(*Mirror); disks != t.Action.OfDisk() {
			continue
		}
		if err := v.Tell(now, from, t); err != nil {
			return err
		}
	}
	return nil
}

// Finish implements Validator.
func (all All) Finish() error {
	for _, v := range all {
		if err := v.Finish(); err != nil {
			return err
		}
	}
	return nil
}

// Steps implements Validator. It is zero while one of the models has taken none.
func (all All) Steps() uint64 {
	sum := uint64(0)
	for _, v := range all {
		if v.Steps() == 0 {
			return 0
		}
		sum += v.Steps()
	}
	return sum
}
