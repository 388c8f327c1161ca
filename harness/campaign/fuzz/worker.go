package fuzz

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/failure"
)

// A Campaign is what workers are told of the campaign whose jobs they do.
type Campaign struct {
	System     string             `json:"system"`
	Needs      failure.Needs      `json:"needs"`
	Generation harness.Generation `json:"generation"`
	Worlds     []string           `json:"worlds"`   // of the model, by which coverage is measured
	Universe   string             `json:"universe"` // the digest of these
	Build      failure.Build      `json:"build"`
}

func (l *lead) campaign() Campaign {
	return Campaign{System: l.o.name(), Needs: l.o.Needs, Generation: l.o.Generation, Worlds: l.o.Worlds, Universe: l.universe.Digest(), Build: failure.ThisBuild()}
}

// A RefusedError says why a worker cannot work for a campaign.
type RefusedError struct{ What, Expected, Found string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the campaign's %s is %s; this worker has %s", e.What, e.Expected, e.Found)
}

// A Worker works for whichever campaign it is told of.
type Worker struct {
	systems []harness.System
	workers int
	maker   *Maker
}

// NewWorker returns a worker that knows these systems and does so many jobs at a time.
func NewWorker(systems []harness.System, workers int) *Worker {
	return &Worker{systems: systems, workers: workers}
}

// Accept makes the worker ready for a campaign, or refuses it: one of another build may run otherwise, and one of another system cannot be
// run. It is called before Do, and not at the same time.
func (w *Worker) Accept(told json.RawMessage) error {
	var c Campaign
	d := json.NewDecoder(bytes.NewReader(told))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return fmt.Errorf("the campaign: %w", err)
	}
	if b := failure.ThisBuild(); c.Build != b {
		return &RefusedError{"build", c.Build.String(), b.String()}
	}
	var system harness.System
	known := make([]string, len(w.systems))
	for i, s := range w.systems {
		known[i] = s.Name()
		if s.Name() == c.System {
			system = s
		}
	}
	if system == nil && c.System != ModelSystem {
		return &faults.UnknownError{What: "system", Found: c.System, Known: known}
	}
	if len(c.Generation.Points) > 0 && !harness.HasPoints() {
		return &RefusedError{"build", "one with failpoints", "none"}
	}
	u, err := coverage.Enumerate(context.Background(), c.Worlds...)
	if err != nil {
		return err
	}
	if found := u.Digest(); found != c.Universe {
		return &RefusedError{"coverage", "of the worlds " + c.Universe, found}
	}
	w.maker = NewMaker(system, c.Generation, u, w.workers)
	return nil
}

// Do does a job of the campaign that was accepted last.
func (w *Worker) Do(ctx context.Context, j job.Job) job.Outcome { return w.maker.Do(ctx, j) }
