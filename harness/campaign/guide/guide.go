package guide

import (
	"fmt"
	"slices"
	"strconv"

	fuzz "github.com/google/gofuzz"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
)

// LeastShare is the smallest share of the work that is the random arm's. What guidance is worth shows only beside it, and what guidance
// is blind to is found by it.
const LeastShare = 1.0 / 3

// Options say what a campaign is.
type Options struct {
	System     harness.System
	Generation harness.Generation
	Seed       uint64 // of the campaign: the random arm runs the seeds from it on, each at the place of its number
	Batch      uint64 // jobs
	Guided     bool   // false: the random arm alone
	// Share is the share of the work that is the random arm's, from LeastShare on; 0 is LeastShare.
	Share    float64
	Counters []string // the names of Line.Counts, in its order
	Imported []Entry  // of another corpus: they are run first
}

// An Entry is a configuration that reached something.
type Entry struct {
	Configuration configuration.Configuration
	Features      coverage.Features // that its run reached
	Work          uint64            // that its run took
}

// Limits of a guide: it is there for days.
const (
	maxBatch    = 1 << 16
	maxImported = 1 << 14 // entries
	maxEntries  = 2048    // that serve as parents
	maxBytes    = 64 << 20
	maxOwned    = 1 << 20 // features of which it is known that one run alone reached them
)

// An OptionError says what makes options unfit.
type OptionError struct{ Option, Expected, Found string }

func (e *OptionError) Error() string {
	return fmt.Sprintf("guide: %s: expected %s, found %s", e.Option, e.Expected, e.Found)
}

// An OrderError says that lines or batches came in another order than that of their numbers.
type OrderError struct {
	What            string // "line" or "batch"
	Expected, Found uint64
}

func (e *OrderError) Error() string {
	return fmt.Sprintf("guide: expected %s %d next, found %d", e.What, e.Expected, e.Found)
}

// A StarvedError says that an arm has had less than its share, or jobs that are none of its.
type StarvedError struct {
	Arm             job.Arm
	Batch           uint64
	Expected, Found string
}

func (e *StarvedError) Error() string {
	return fmt.Sprintf("guide: the arm %s starves in batch %d: expected %s, found %s", e.Arm, e.Batch, e.Expected, e.Found)
}

// A Guide chooses the jobs of a campaign. It is a fold over the campaign's lines.
type Guide struct {
	options Options
	first   []first // what is run first, beside the random arm
	folded  uint64
	kept    uint64       // lines whose configuration is in the corpus
	plans   [2]batchPlan // of the next two batches whose jobs can be asked for
	spent   [2]spending  // of the random arm, and of the others
	most    uint64       // work of a batch
	last    uint64       // work of the batch that is being folded
	corpus  corpus
	goals   goals
}

// first is a configuration that is run before any is changed: an imported one, or that of a seed.
type first struct {
	seed uint64
	c    *configuration.Configuration // nil: the one that the system generates
}

// firsts lists what is run first: what was imported, those that cover most at the head, or, where nothing was, the seeds that the system
// names.
func (o *Options) firsts() (all []first) {
	for _, i := range Greedy(o.Imported) {
		c := o.Imported[i].Configuration
		all = append(all, first{c.Seed, &c})
	}
	if starter, is := o.System.(harness.Starter); is && len(all) == 0 {
		for _, seed := range starter.Starts() {
			all = append(all, first{seed: seed})
		}
	}
	return all
}

// spending is what an arm has cost.
type spending struct{ lines, work uint64 }

// mean is the work of a line; one where there is none.
func (s spending) mean() float64 {
	if s.lines == 0 {
		return 1
	}
	return max(1, float64(s.work)/float64(s.lines))
}

// A batchPlan says of how many jobs of each arm a batch is.
type batchPlan struct {
	batch  uint64
	random uint64 // jobs
	first  uint64 // of Guide.first, those that are jobs of batches before it
}

// New returns the guide of a campaign that has no lines yet.
func New(o Options) (*Guide, error) {
	switch {
	case o.System == nil:
		return nil, &OptionError{"System", "a system under test", "none"}
	case o.Batch < 1 || o.Batch > maxBatch:
		return nil, &OptionError{"Batch", fmt.Sprintf("1 to %d jobs", maxBatch), fmt.Sprint(o.Batch)}
	case len(o.Imported) > maxImported:
		return nil, &OptionError{"Imported", fmt.Sprintf("at most %d entries", maxImported), fmt.Sprint(len(o.Imported))}
	case o.Share != 0 && !(o.Share >= LeastShare && o.Share <= 1):
		return nil, &OptionError{"Share", "a third of the work to all of it", fmt.Sprint(o.Share)}
	}
	if o.Share == 0 {
		o.Share = LeastShare
	}
	o.Imported = slices.Clone(o.Imported)
	for i := range o.Imported {
		c := &o.Imported[i].Configuration
		c.Bug = o.Generation.Bug
		if err := harness.Validate(o.System, c); err != nil {
			return nil, fmt.Errorf("guide: imported entry %d: %w", i, err)
		}
	}
	g := &Guide{options: o, first: o.firsts(), goals: newGoals(o.Counters), corpus: newCorpus()}
	g.plan(0)
	g.plan(1)
	return g, nil
}

// plan decides of how many jobs of each arm a batch is. It must be the batch behind the last one that is planned.
func (g *Guide) plan(batch uint64) {
	before := g.plans[1]
	p := batchPlan{batch: batch, random: g.randoms(batch)}
	if batch > 0 {
		p.first = min(uint64(len(g.first)), before.first+g.options.Batch-before.random)
	}
	g.plans = [2]batchPlan{before, p}
}

// ahead is how much more than its share the random arm is given, so that what the others cost more than they did before takes
// nothing from it.
const ahead = 0.02

// randoms is how many jobs of a batch are the random arm's: as few as give it its share of the work when this batch ends, as far as
// can be told from what jobs of each kind have cost. The batch before it is under way, and counts as planned.
func (g *Guide) randoms(batch uint64) uint64 {
	if !g.options.Guided {
		return g.options.Batch
	}
	random, other := g.spent[0], g.spent[1]
	if random.lines == 0 || other.lines == 0 {
		random.lines, other.lines = 0, 0 // as dear as each other
	}
	size, want := float64(g.options.Batch), min(1, g.options.Share+ahead)
	mine, all := float64(random.work), float64(random.work+other.work)
	if batch > 0 {
		n := float64(g.plans[1].random)
		mine, all = mine+n*random.mean(), all+n*random.mean()+(size-n)*other.mean()
	}
	for n := range g.options.Batch {
		more := float64(n) * random.mean()
		if mine+more >= want*(all+more+(size-float64(n))*other.mean()) {
			return n
		}
	}
	return g.options.Batch
}

// Jobs returns the jobs of a batch: of batch 0 and of batch 1 before any line was folded, and of batch k+2 when the last line of batch
// k was. It changes nothing.
func (g *Guide) Jobs(batch uint64) ([]job.Job, error) {
	i := slices.IndexFunc(g.plans[:], func(p batchPlan) bool { return p.batch == batch })
	if i < 0 || g.folded > 0 && i == 0 {
		return nil, &OrderError{"batch", g.plans[1].batch, batch}
	}
	if g.folded%g.options.Batch != 0 {
		return nil, &OrderError{"line", g.folded, batch * g.options.Batch}
	}
	p := g.plans[i]
	var jobs []job.Job
	var err error
	part := configuration.PartSeed(g.options.Seed, "batch "+strconv.FormatUint(batch, 10))
	fuzz.NewWithSeed(part).Funcs(func(all *[]job.Job, f fuzz.Continue) {
		*all, err = g.jobs(p, f)
	}).Fuzz(&jobs)
	if err == nil {
		err = g.check(p, jobs)
	}
	return jobs, err
}

// jobs chooses the jobs of a batch.
func (g *Guide) jobs(p batchPlan, f fuzz.Continue) ([]job.Job, error) {
	d := newDraw(g, f)
	next := p.first
	var all []job.Job
	for i := range g.options.Batch {
		number := p.batch*g.options.Batch + i
		switch {
		case (i+1)*p.random/g.options.Batch > i*p.random/g.options.Batch: // spread over the batch
			all = append(all, job.Job{Number: number, Arm: job.Random, Seed: g.options.Seed + number})
		case next < uint64(len(g.first)):
			j := job.Job{Number: number, Arm: job.Kept, Seed: g.first[next].seed}
			if c := g.first[next].c; c != nil {
				given := *c
				j.Configuration = &given
			}
			all, next = append(all, j), next+1
		default:
			j, err := d.guided(number)
			if err != nil {
				return nil, err
			}
			all = append(all, j)
		}
	}
	return all, nil
}

// check holds the jobs of a batch against its plan.
func (g *Guide) check(p batchPlan, jobs []job.Job) error {
	random := uint64(0)
	for i, j := range jobs {
		if number := p.batch*g.options.Batch + uint64(i); j.Number != number {
			return &OrderError{"line", number, j.Number}
		}
		if j.Arm != job.Random {
			continue
		}
		random++
		if j.Configuration != nil || j.Seed != g.options.Seed+j.Number {
			return &StarvedError{job.Random, p.batch, fmt.Sprintf("the plain configuration of seed %d", g.options.Seed+j.Number), fmt.Sprintf("another one, of seed %d", j.Seed)}
		}
	}
	if random != p.random || uint64(len(jobs)) != g.options.Batch {
		return &StarvedError{job.Random, p.batch, fmt.Sprintf("%d of %d jobs", p.random, g.options.Batch), fmt.Sprintf("%d of %d", random, len(jobs))}
	}
	return nil
}

// dearer is after how many kept configurations the next one has to reach one feature more.
const dearer = 256

// Worth tells whether the configuration of a line is to be kept: it passed, and reached what no line before it did, or is one of the
// first that did what a goal names. The more are kept, the more it has to reach: large worlds have a million transitions, and for days
// nearly every run comes through one that is new. So that a campaign of n runs keeps some multiple of the root of n. A run that was kept
// already is not kept again: the random arm may come to a seed that was run first, and a store has each configuration once.
func (g *Guide) Worth(l *job.Line) bool {
	return l.Verdict == judge.Pass && l.Broken == "" && l.GivenUp == 0 && len(l.Receipt) == 0 && !g.corpus.hashes[l.Hash] && (uint64(len(l.New)) > g.kept/dearer || g.goals.met(l))
}

// Fold takes the next line. Where the line says that its configuration is kept, that is given.
func (g *Guide) Fold(l *job.Line, kept *configuration.Configuration) error {
	if l.Number != g.folded {
		return &OrderError{"line", g.folded, l.Number}
	}
	if l.Kept && kept == nil {
		return &OptionError{fmt.Sprintf("line %d", l.Number), "its configuration, since it is kept", "none"}
	}
	g.folded++
	g.last += l.Work
	if l.Arm != job.Model {
		arm := &g.spent[1]
		if l.Arm == job.Random {
			arm = &g.spent[0]
		}
		arm.lines, arm.work = arm.lines+1, arm.work+l.Work
	}
	g.corpus.fold(l)
	if l.Kept {
		g.kept++
		if err := g.corpus.keep(l, kept); err != nil {
			return err
		}
	}
	g.goals.fold(l)
	if g.folded%g.options.Batch != 0 {
		return nil
	}
	g.most, g.last = max(g.most, g.last), 0
	g.plan(g.plans[1].batch + 1)
	return g.starved()
}

// starved objects when the random arm lags behind its share by more than what a guide makes up for: the jobs were not the guide's.
func (g *Guide) starved() error {
	total := g.spent[0].work + g.spent[1].work
	if want := g.options.Share * float64(total); g.options.Guided && float64(g.spent[0].work)+4*float64(g.most) < want {
		return &StarvedError{job.Random, g.folded/g.options.Batch - 1, fmt.Sprintf("%.0f of %d work", want, total), fmt.Sprint(g.spent[0].work)}
	}
	return nil
}

// Share returns the random arm's share of the work so far; 1 where there is none.
func (g *Guide) Share() float64 {
	if total := g.spent[0].work + g.spent[1].work; total > 0 {
		return float64(g.spent[0].work) / float64(total)
	}
	return 1
}
