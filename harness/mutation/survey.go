package mutation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/firstgap/firstgap/faults/mutants/mutant"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/strict"
)

// A Surveyed is one run without a mutant.
type Surveyed struct {
	Seed   uint64 `json:"seed"`
	Hash   uint64 `json:"hash"`
	Events uint64 `json:"events"`
	// Infected are the mutants, ascending, that would have changed it: what is changed would have had another value.
	Infected []int `json:"infected"`
	Usage    Usage `json:"usage"`
	// Neutral is what runs of the same configuration did and spent that differ by what their network and disks draw alone.
	Neutral []Usage `json:"neutral"`
}

// Neutral is how many of these are made.
const Neutral = 4

// A SurveyError says that a run without a mutant was objected to.
type SurveyError struct {
	Seed    uint64
	Neutral int // which of the runs that differ by what is drawn, 0 is the run itself
	Finding judge.Finding
}

func (e *SurveyError) Error() string {
	return fmt.Sprintf("seed %d, draw %d: expected a run without a mutant to pass, found %s", e.Seed, e.Neutral, e.Finding.Sentence())
}

// Look surveys the run of a seed, in a process without a mutant.
func Look(system harness.System, seed uint64) (Surveyed, error) {
	s := Surveyed{Seed: seed}
	c, err := system.Generate(seed, harness.Generation{})
	if err != nil {
		return s, err
	}
	mutant.Watch()
	mutant.Infected()
	for n := range Neutral + 1 {
		drawn := c
		drawn.Seed += uint64(n) << 40 // above any seed that somebody asks for
		r := harness.Run(redrawn{system, seed}, drawn)
		if r.Verdict != judge.Pass {
			return s, &SurveyError{seed, n, r.Findings[0]}
		}
		if n > 0 {
			s.Neutral = append(s.Neutral, UsageOf(&r))
			continue
		}
		s.Hash, s.Events, s.Infected, s.Usage = r.Hash, r.Counts.World.Events, mutant.Infected(), UsageOf(&r)
	}
	return s, nil
}

// redrawn is a system whose clients ask what a seed has them ask, whatever the seed of the network and the disks.
type redrawn struct {
	harness.System
	seed uint64
}

func (r redrawn) Build(c *configuration.Configuration, s *harness.Stage) error {
	asked := *c
	asked.Seed = r.seed
	return r.System.Build(&asked, s)
}

// A Survey is runs without a mutant, by ascending seeds.
type Survey struct {
	Runs  []Surveyed
	table *table // of what they did and spent; nil until it is asked for
}

// perProcess is how many runs a process surveys.
const perProcess = 5

// Look surveys the runs of seeds that it does not have yet, from first on, and tells of each at once.
func (s *Survey) Look(ctx context.Context, first uint64, runs int, o Options, heard func(Surveyed)) error {
	var missing []Planned
	for i := range runs {
		seed := first + uint64(i)
		if !slices.ContainsFunc(s.Runs, func(r Surveyed) bool { return r.Seed == seed }) {
			missing = append(missing, Planned{Seed: seed})
		}
	}
	s.table = nil
	err := each(ctx, o.Workers, slices.Collect(slices.Chunk(missing, perProcess)), func(list []Planned) ([]Surveyed, error) {
		out, complaint, err := o.process(ctx, 0, list)
		if err != nil {
			return nil, fmt.Errorf("survey of seeds from %d: %w: %s", list[0].Seed, err, complaint)
		}
		return ReadSurveyed(out)
	}, func(list []Surveyed) {
		for _, r := range list {
			s.Runs = append(s.Runs, r)
			heard(r)
		}
	})
	slices.SortFunc(s.Runs, func(a, b Surveyed) int { return int(int64(a.Seed - b.Seed)) })
	return err
}

// ReadSurveyed reads runs, one a line.
func ReadSurveyed(lines []byte) ([]Surveyed, error) {
	var all []Surveyed
	for line := range bytes.Lines(lines) {
		var r Surveyed
		if err := strict.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// WriteSurveyed writes a run as a line.
func WriteSurveyed(w io.Writer, r *Surveyed) error { return json.NewEncoder(w).Encode(r) }

// costly is how many times the median of its cost a run has that is tried only when there are too few others.
const costly = 4

// Choose returns the first runs, so many at most, that a mutant would have changed. Costly ones are only among them when there are not
// enough others.
func (s *Survey) Choose(number, most int) []Planned {
	var costs []uint64
	for i := range s.Runs {
		costs = append(costs, s.Runs[i].Events)
	}
	slices.Sort(costs)
	var chosen, left []Planned
	for i := range s.Runs {
		r := &s.Runs[i]
		if _, infected := slices.BinarySearch(r.Infected, number); !infected {
			continue
		}
		if p := (Planned{r.Seed, r.Hash}); r.Events > costly*costs[len(costs)/2] {
			left = append(left, p)
		} else {
			chosen = append(chosen, p)
		}
	}
	chosen = append(chosen, left...)
	return chosen[:min(most, len(chosen))]
}
