package campaign

import (
	"context"
	"time"
)

// A Job is the whole of it: the worlds of the model, its broken variants, and then runs of the implementation.
type Job struct {
	Runs  Options
	Model ModelOptions
	// For ends all of it, the model included; 0 is no limit. Runs.For and Model.For are set from it.
	For time.Duration
	// NoModel leaves the model out.
	NoModel bool
}

// modelShare is how much of a job's time the model may take; what it leaves is for runs.
const modelShare = 0.7

// Do does the job. What it found until then is returned with an error, too.
func (j Job) Do(ctx context.Context) (*Model, *Summary, error) {
	start := time.Now()
	if j.NoModel {
		j.Runs.For = j.For
		runs, err := Run(ctx, j.Runs)
		return nil, runs, err
	}
	if j.For > 0 {
		j.Model.For = time.Duration(modelShare * float64(j.For))
	}
	model, err := CheckModel(ctx, j.Model)
	if err != nil {
		return model, nil, err
	}
	if j.For > 0 {
		j.Runs.For = max(j.For-time.Since(start), 1)
	}
	runs, err := Run(ctx, j.Runs)
	return model, runs, err
}
