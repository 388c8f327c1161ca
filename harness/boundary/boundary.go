// Package boundary walks the boundary of the fault budget: in every state that the six segments of one protection group can be
// in (each up, down, its disk lost and known to be lost, or its disk silently emptied), with a writer that lives and with a
// successor that takes over, it holds what an implementation does against what the placement model says.
//
// A cell is one such state. For each the model (spec/placement) says whether writes and reads go on, whether they do once those
// that were down are back, whether what was acknowledged is still on a disk, and whether any of it may be lost. A run of the
// implementation in the simulator then shows what happens, with the last acknowledged record on as few segments as may be and
// on those that are struck, and is judged by all checks. Where both differ, the cell is named.
//
// Use package campaign instead when faults are to come at any moment and in any order: here they come all at once, and
// every combination is covered.
package boundary

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/verdict"
)

// Options say what is walked.
type Options struct {
	// Implementation makes the nodes. Its segments have disks and tell their node.State.
	Implementation aurora.Implementation
	Seed           uint64 // of all randomness; each cell has its own, drawn from this and its name
	Cells          []Cell // nil: all of them
	// Model says what must happen; nil is Model.
	Model func(Cell) (Statement, error)
	// Workers is how many cells run at a time; 0 is one a core. What is found does not depend on it.
	Workers int
	// Progress hears of each cell that has run, by one goroutine at a time. It may be nil.
	Progress func(Progress)
}

// Progress is how far a walk is.
type Progress struct {
	Run, Of, Differ int // cells
}

// A Result is one cell: what the model says of it and what happened.
type Result struct {
	Cell    Cell        `json:"cell"`
	Name    string      `json:"name"`
	Model   Statement   `json:"model"`
	Found   Observation `json:"found"`
	Differs []string    `json:"differs,omitempty"` // how they differ
	Untold  string      `json:"untold,omitempty"`  // why nothing is known of the cell
	Hash    uint64      `json:"-"`                 // the identity of its run
}

// Walk runs the cells. It returns an error when it could not run all of them; that one differs is in the report. The same options
// give the same report.
func Walk(ctx context.Context, o Options) (*Report, error) {
	cells := o.Cells
	if cells == nil {
		cells = Cells()
	}
	if o.Model == nil {
		o.Model = Model
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	results := make([]Result, len(cells))
	var done sync.Mutex
	now := Progress{Of: len(cells)}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(o.Workers)
	for i := range cells {
		work.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r, err := o.cell(cells[i])
			results[i] = r
			done.Lock()
			defer done.Unlock()
			now.Run++
			if len(r.Differs) > 0 {
				now.Differ++
			}
			if o.Progress != nil {
				o.Progress(now)
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return newReport(o.Seed, results), nil
}

// cell runs one.
func (o *Options) cell(c Cell) (Result, error) {
	r := Result{Cell: c, Name: c.Name()}
	var err error
	if r.Model, err = o.Model(c); err != nil {
		return r, err
	}
	found, hash, err := play(o.Implementation, o.Seed, c)
	var scene *SceneError
	switch {
	case errors.As(err, &scene):
		r.Untold = scene.Err.Error()
		return r, nil
	case err != nil:
		return r, err
	}
	r.Found, r.Hash = found, hash
	r.Differs = c.differences(&r.Model, &r.Found)
	return r, nil
}

// Verdict is a violation when a cell differs. It could not tell when nothing is known of a cell, or none was run.
func (r *Report) Verdict() verdict.Verdict {
	switch {
	case r.Differ > 0:
		return verdict.Violation
	case r.Untold > 0 || r.Run == 0:
		return verdict.CouldNotTell
	}
	return verdict.Pass
}
