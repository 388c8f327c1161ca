package campaign

import (
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/impl/node"
)

// A Measure makes runs and says where in the worlds of a universe they came through. Any number of goroutines may use it, of which so many
// run at a time.
type Measure struct{ followers chan *coverage.Follower }

// NewMeasure returns a measure for so many runs at a time.
func NewMeasure(u *coverage.Universe, workers int) *Measure {
	m := &Measure{make(chan *coverage.Follower, workers)}
	for range workers {
		m.followers <- u.NewFollower()
	}
	return m
}

// Run makes a run, and returns what it reached: of the worlds, where the system's nodes tell a trace of a volume, and of shapes.
func (m *Measure) Run(s harness.System, c configuration.Configuration) (harness.Result, coverage.Features) {
	f := <-m.followers
	defer func() { m.followers <- f }()
	f.Begin(nil, 0) // a run that cannot be built reaches nothing
	r := harness.RunWith(s, c, harness.Options{
		Built:  func(s *harness.Stage) { f.Begin(s.Volume, c.Seed) },
		Traced: func(from node.ID, t *node.Trace) { f.Tell(from, t) },
	})
	return r, coverage.Sorted(append(f.Features(), coverage.OfCounts(&r.Counts)...))
}

// A Reached says how much of a space the runs reached.
type Reached struct {
	coverage.Space
	Reached uint64 `json:"reached"`
}

// Coverage is where runs have been.
type Coverage struct {
	Spaces []Reached `json:"spaces"`
	Shapes uint64    `json:"shapes"` // that some run had
	// Unseen estimates the share of what a run does that no run did before (see coverage.Seen.Unseen).
	Unseen float64 `json:"unseen"`
}

// CoverageOf says what was seen.
func CoverageOf(seen *coverage.Seen) *Coverage {
	c := &Coverage{Shapes: seen.Reached(coverage.Shapes), Unseen: seen.Unseen()}
	for i, s := range seen.Spaces() {
		c.Spaces = append(c.Spaces, Reached{s, seen.Reached(i)})
	}
	return c
}
