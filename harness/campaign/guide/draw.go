package guide

import (
	fuzz "github.com/google/gofuzz"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/configuration"
)

// draw draws the guided jobs of one batch.
type draw struct {
	*Guide
	fuzz.Continue
	material Material
	chosen   []uint64 // by entry, the children of this batch among them
	mean     float64  // work of an entry
	wishes   []wish
	variety  variety
}

func newDraw(g *Guide, f fuzz.Continue) *draw {
	d := &draw{Guide: g, Continue: f, material: Material{System: g.options.System, Generation: g.options.Generation}, wishes: g.goals.wishes(), mean: 1, variety: variety{}}
	for _, e := range g.corpus.order {
		d.chosen = append(d.chosen, e.chosen)
		d.mean += float64(e.work) / float64(len(g.corpus.order))
		d.material.Others = append(d.material.Others, &e.c)
	}
	return d
}

// goalEvery is which of so many guided jobs goes for a goal.
const goalEvery = 4

// guided draws a job of the guided arm.
func (d *draw) guided(number uint64) (job.Job, error) {
	if len(d.corpus.order) == 0 {
		return d.various(number)
	}
	i := d.parent()
	change := func(c *configuration.Configuration) (configuration.Configuration, error) {
		next, _, err := Mutate(&d.material, c, d.Continue)
		return next, err
	}
	if len(d.wishes) > 0 && d.Intn(goalEvery) == 0 {
		w := &d.wishes[d.Intn(len(d.wishes))]
		if len(w.parents) > 0 {
			if p := d.index(w.parents[d.Intn(len(w.parents))]); p >= 0 {
				i = p
			}
		}
		if w.scene != "" {
			change = func(c *configuration.Configuration) (configuration.Configuration, error) {
				return d.material.staged(c, w.scene, d.Continue)
			}
		}
	}
	parent := d.corpus.order[i]
	d.chosen[i]++
	c, err := change(&parent.c)
	c.Bug = d.options.Generation.Bug
	return job.Job{Number: number, Arm: job.Guided, Seed: c.Seed, Parent: &parent.number, Configuration: &c}, err
}

// parent draws an entry by its energy.
func (d *draw) parent() int {
	total := 0.0
	for i, e := range d.corpus.order {
		total += e.energy(d.mean, d.chosen[i])
	}
	at := d.Float64() * total
	for i, e := range d.corpus.order {
		if at -= e.energy(d.mean, d.chosen[i]); at < 0 {
			return i
		}
	}
	return len(d.corpus.order) - 1
}

// index is where an entry is; -1 where it was dropped.
func (d *draw) index(number uint64) int {
	for i, e := range d.corpus.order {
		if e.number == number {
			return i
		}
	}
	return -1
}

// staged adds a scene to a configuration, and changes it further where that has no place for it.
func (m *Material) staged(c *configuration.Configuration, scene faults.Scene, f fuzz.Continue) (configuration.Configuration, error) {
	stage := func(x *mutant) bool {
		g, is := x.generator()
		return is && x.add(g.Stage(scene, x.Continue)...)
	}
	now := *c
	for range maxTries {
		next, ok, err := m.by(stage, &now, f)
		if ok || err != nil {
			return next, err
		}
		if now, _, err = m.by((*mutant).settings, c, f); err != nil {
			return now, err
		}
	}
	next, _, err := Mutate(m, c, f)
	return next, err
}

// candidates are the seeds of which the most various is taken. To generate them costs the one who leads a campaign as much as a part of a
// run, and more of them find planted bugs no sooner.
const candidates = 4

// various draws a job before any configuration is kept: of some seeds the one whose configuration has most that those before it had not.
func (d *draw) various(number uint64) (job.Job, error) {
	best, most := uint64(0), -1.0
	var traits []trait
	for range candidates {
		seed := d.Uint64()
		c, err := d.options.System.Generate(seed, d.options.Generation)
		if err != nil {
			return job.Job{}, err
		}
		has, err := traitsOf(d.options.System, &c)
		if err != nil {
			return job.Job{}, err
		}
		if v := d.variety.of(has); v > most {
			best, most, traits = seed, v, has
		}
	}
	d.variety.add(traits)
	return job.Job{Number: number, Arm: job.Guided, Seed: best}, nil
}
