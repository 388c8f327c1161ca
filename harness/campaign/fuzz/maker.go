package fuzz

import (
	"context"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/large"

	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// twice is how often a run is made a second time, to see that it is the same: once in that many.
const twice = 64

// A Maker does jobs: it makes the run of one, holds it against every check, and says where in the worlds it came through. Any number of
// goroutines may use it.
type Maker struct {
	system     harness.System
	generation harness.Generation
	measure    *campaign.Measure
}

// NewMaker returns a maker of runs of a system, for so many goroutines.
func NewMaker(s harness.System, g harness.Generation, u *coverage.Universe, workers int) *Maker {
	return &Maker{s, g, campaign.NewMeasure(u, workers)}
}

// Do does a job. The same job has the same outcome in any process of the same build, but for the time that it took.
func (m *Maker) Do(ctx context.Context, j job.Job) job.Outcome {
	if j.Walks != nil {
		return large.Do(ctx, j)
	}
	start := time.Now()
	o := m.run(&j)
	o.Number, o.Seconds = j.Number, time.Since(start).Seconds()
	return o
}

// configurationOf returns that of a job's run.
func configurationOf(j *job.Job, s harness.System, g harness.Generation) (configuration.Configuration, error) {
	if j.Configuration != nil {
		return *j.Configuration, nil
	}
	return s.Generate(j.Seed, g)
}

func (m *Maker) run(j *job.Job) job.Outcome {
	c, err := configurationOf(j, m.system, m.generation)
	if err == nil {
		err = harness.Validate(m.system, &c)
	}
	if err != nil {
		return job.Outcome{Verdict: judge.CouldNotTell, Broken: err.Error()}
	}
	r, seen := m.measure.Run(m.system, c)
	o := job.Outcome{Hash: r.Hash, Work: r.Work(), Counts: r.Counts, Made: r.Made, Seen: seen}
	repeats := m.system.About().Unrepeatable == ""
	if repeats && (j.Number%twice == 0 || r.Verdict != judge.Pass) {
		o.Made = append(o.Made, judge.Determinism)
		// A failure that does not repeat says nothing of the system: it is refused, with the first event that differs.
		if harness.Run(m.system, c).Hash != r.Hash {
			_, err := failure.Twice(m.system, c)
			if err == nil {
				err = &failure.DeterminismError{}
			}
			r.Findings = append(r.Findings, judge.Violated(judge.Determinism, err))
			r.Verdict = judge.Violation
		}
	}
	o.Verdict = r.Verdict
	if t, failed := failure.TargetOf(r.Findings); failed {
		o.Target = &t
		o.Finding = short(t.Among(r.Findings).Sentence())
	}
	return o
}

// maxFinding is how many bytes of a sentence a line keeps; all of it is in the failure's file.
const maxFinding = 400

func short(s string) string {
	if len(s) <= maxFinding {
		return s
	}
	cut := maxFinding
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:cut], len(s))
}
