package guide

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/older"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A campaign whose runs are made up: what they reach and cost is a function of their configurations.
type campaign struct {
	t     testing.TB
	o     Options
	g     *Guide
	seen  *coverage.Seen
	lines []job.Line
	kept  []*configuration.Configuration // by line, nil where it is not kept
	jobs  [][]job.Job
}

func start(t testing.TB, o Options) *campaign {
	g, err := New(o)
	require.NoError(t, err)
	c := &campaign{t: t, o: o, g: g, seen: coverage.NewSeen(nil)}
	c.ask(0)
	c.ask(1)
	return c
}

func (c *campaign) ask(batch uint64) {
	jobs, err := c.g.Jobs(batch)
	require.NoError(c.t, err)
	c.jobs = append(c.jobs, jobs)
}

// ran makes a run up.
func (c *campaign) ran(j *job.Job) (job.Line, *configuration.Configuration) {
	whole := j.Configuration
	if whole == nil {
		made, err := c.o.System.Generate(j.Seed, c.o.Generation)
		require.NoError(c.t, err)
		whole = &made
	}
	l := job.Line{Number: j.Number, Arm: j.Arm, Seed: j.Seed, Parent: j.Parent, Hash: xxh3.HashString(whole.String()), Verdict: judge.Pass, Work: 100, Counts: make([]uint64, len(c.o.Counters))}
	var features []coverage.Feature
	for _, f := range whole.Plan.Faults {
		features = append(features, coverage.At(coverage.Shapes, uint64(len(f.Kind))<<8+uint64(f.At>>24)))
		l.Work += 50
	}
	if j.Arm != job.Random {
		l.Work *= 3 // what is chosen costs more
	}
	if len(l.Counts) > 0 {
		l.Counts[0] = uint64(len(whole.Plan.Faults))
	}
	var err error
	l.New, l.Second, err = c.seen.Add(coverage.Sorted(features))
	require.NoError(c.t, err)
	return l, whole
}

// batches folds so many batches and asks for those that follow.
func (c *campaign) batches(n int) *campaign {
	for range n {
		batch := uint64(len(c.lines)) / c.o.Batch
		for i := range c.jobs[batch] {
			l, whole := c.ran(&c.jobs[batch][i])
			l.Kept = c.g.Worth(&l)
			if !l.Kept {
				whole = nil
			}
			c.lines, c.kept = append(c.lines, l), append(c.kept, whole)
			require.NoError(c.t, c.g.Fold(&l, whole))
		}
		c.ask(batch + 2)
	}
	return c
}

func text(t *testing.T, of any) string {
	b, err := json.Marshal(of)
	require.NoError(t, err)
	return string(b)
}

func options(s harness.System) Options {
	return Options{System: s, Seed: 1000, Batch: 16, Guided: true, Counters: []string{"x.a", "x.b", "scenes.rot-twice"}}
}

// The same lines give the same jobs: to a guide that was asked for jobs at other times as well, and to one that is begun anew and is
// given the lines that were kept.
func TestJobsAreAFunctionOfTheLines(t *testing.T) {
	s := aurora.System()
	first := start(t, options(s)).batches(12)
	second := start(t, options(s))
	for i := range first.lines {
		if uint64(i)%second.o.Batch == 0 { // in any order, and again
			_, err := second.g.Jobs(uint64(i)/second.o.Batch + 1)
			require.NoError(t, err)
		}
		kept := first.kept[i]
		if kept != nil { // from a file, as when a campaign goes on
			read, err := configuration.Read(strings.NewReader(kept.String()))
			require.NoError(t, err)
			kept = &read
		}
		require.NoError(t, second.g.Fold(&first.lines[i], kept))
		if (uint64(i)+1)%second.o.Batch == 0 {
			second.ask((uint64(i)+1)/second.o.Batch + 1)
		}
	}
	require.Equal(t, text(t, first.jobs), text(t, second.jobs))
	other := options(s)
	other.Seed++
	require.NotEqual(t, text(t, first.jobs), text(t, start(t, other).batches(12).jobs))
}

// The random arm alone is the plain campaign: each job has the seed at the place of its number, and no configuration.
func TestTheRandomArmIsThePlainCampaign(t *testing.T) {
	o := options(older.Systems()[0])
	guided := start(t, o).batches(4)
	o.Guided = false
	plain := start(t, o).batches(4)
	random := 0
	for b := range plain.jobs {
		for i, j := range plain.jobs[b] {
			require.Equal(t, job.Job{Number: j.Number, Arm: job.Random, Seed: o.Seed + j.Number}, j)
			if g := guided.jobs[b][i]; g.Arm == job.Random {
				require.Equal(t, j, g)
				random++
			}
		}
	}
	require.Positive(t, random)
	require.EqualValues(t, 1, plain.g.Share())
}

// However much dearer what is guided is, a third of the work is the random arm's once its cost is known.
func TestTheRandomArmKeepsItsShareOfTheWork(t *testing.T) {
	for _, share := range []float64{0, 0.5, 0.9} {
		o := options(older.Systems()[0])
		o.Share = share
		c := start(t, o).batches(6) // until what the first two were short of is made up for
		for range 20 {
			c.batches(1)
			require.GreaterOrEqual(t, c.g.Share(), max(share, LeastShare), "after %d lines", len(c.lines))
		}
		require.Less(t, c.g.Share(), max(share, LeastShare)+0.06, "and not much more")
	}
}

// A guide that gives one arm nothing is objected to, by its jobs and by the lines that come of them.
func TestAStarvingArmIsObjectedTo(t *testing.T) {
	o := options(older.Systems()[0])
	c := start(t, o).batches(2)
	jobs := c.jobs[3]
	p := c.g.plans[1]
	require.NoError(t, c.g.check(p, jobs))
	for i := range jobs {
		if jobs[i].Arm == job.Random {
			broken := append([]job.Job{}, jobs...)
			broken[i].Arm = job.Guided
			require.ErrorContains(t, c.g.check(p, broken), "guide: the arm random starves in batch 3: expected ")
			broken[i] = jobs[i]
			broken[i].Seed++
			require.ErrorContains(t, c.g.check(p, broken), "guide: the arm random starves in batch 3: expected the plain configuration of seed ")
			break
		}
	}
	require.ErrorContains(t, c.g.check(p, jobs[1:]), "guide: expected line 48 next, found 49")

	starved := start(t, o)
	var err error
	for n := uint64(0); n < 20*o.Batch && err == nil; n++ {
		err = starved.g.Fold(&job.Line{Number: n, Arm: job.Guided, Verdict: judge.Pass, Work: 10}, nil)
	}
	var found *StarvedError
	require.ErrorAs(t, err, &found)
	require.Equal(t, job.Random, found.Arm)
	require.Less(t, starved.g.folded, 16*o.Batch)
}

// Lines and batches come in their order, and what is kept is given.
func TestOtherOrdersAreRefused(t *testing.T) {
	o := options(older.Systems()[0])
	c := start(t, o)
	_, err := c.g.Jobs(2)
	require.EqualError(t, err, "guide: expected batch 1 next, found 2")
	require.EqualError(t, c.g.Fold(&job.Line{Number: 1}, nil), "guide: expected line 0 next, found 1")
	require.EqualError(t, c.g.Fold(&job.Line{Kept: true}, nil), "guide: line 0: expected its configuration, since it is kept, found none")
	require.NoError(t, c.g.Fold(&job.Line{}, nil))
	_, err = c.g.Jobs(1)
	require.EqualError(t, err, "guide: expected line 1 next, found 16")
	c = start(t, o).batches(1)
	_, err = c.g.Jobs(0)
	require.EqualError(t, err, "guide: expected batch 2 next, found 0")
	for option, change := range map[string]func(*Options){
		"System": func(o *Options) { o.System = nil }, "Batch": func(o *Options) { o.Batch = 0 }, "Share": func(o *Options) { o.Share = 0.3 }, "Imported": func(o *Options) { o.Imported = make([]Entry, maxImported+1) },
	} {
		broken := o
		change(&broken)
		_, err := New(broken)
		require.ErrorContains(t, err, "guide: "+option+": expected")
	}
	o.Imported = []Entry{{}}
	_, err = New(o)
	require.ErrorContains(t, err, "guide: imported entry 0: configuration: version")
}

// Imported entries come first beside the random arm, those that cover most for their work at the head, with the bug that is planted now.
func TestImportedEntriesComeFirst(t *testing.T) {
	s := aurora.System()
	o := options(s)
	o.Generation.Bug = "bugAckBeforeSync"
	// Features of one world, but for those that name a size: those are shapes.
	entry := func(seed, work uint64, features ...uint64) Entry {
		c, err := s.Generate(seed, harness.Generation{})
		require.NoError(t, err)
		e := Entry{Configuration: c, Work: work}
		for _, f := range features {
			e.Features = append(e.Features, coverage.At(0, f))
		}
		return e
	}
	o.Imported = []Entry{entry(1, 10, 1, 2), entry(2, 10, 1, 2, 3, 4), entry(3, 10, 1, 2, 3), entry(4, 10, 5), entry(5, 1000, 6), entry(6, 10, 6, 7)}
	require.Equal(t, []int{1, 5, 3, 0, 2, 4}, Greedy(o.Imported))
	c := start(t, o)
	var seeds []uint64
	for _, jobs := range c.jobs {
		for _, j := range jobs {
			if j.Arm == job.Kept {
				require.Equal(t, o.Generation.Bug, j.Configuration.Bug)
				seeds = append(seeds, j.Seed)
			}
		}
	}
	require.Equal(t, []uint64{2, 6, 4, 1, 3, 5}, seeds)
	require.Equal(t, job.Kept, c.jobs[0][0].Arm)
}

// Where nothing was imported, the seeds that a system names come first, in their order; of a corpus, none of them does.
func TestTheSeedsThatASystemNamesComeFirst(t *testing.T) {
	o := options(starter{older.Systems()[0]})
	var seeds []uint64
	for _, j := range start(t, o).jobs[0] {
		if j.Arm == job.Kept {
			require.Nil(t, j.Configuration)
			seeds = append(seeds, j.Seed)
		}
	}
	require.Equal(t, []uint64{30, 10, 20}, seeds)
	c, err := o.System.Generate(5, harness.Generation{})
	require.NoError(t, err)
	o.Imported = []Entry{{Configuration: c}}
	seeds = nil
	for _, j := range start(t, o).jobs[0] {
		if j.Arm == job.Kept {
			seeds = append(seeds, j.Seed)
		}
	}
	require.Equal(t, []uint64{5}, seeds)
}

type starter struct{ harness.System }

func (starter) Starts() []uint64 { return []uint64{30, 10, 20} }

// An entry that alone reached something is chosen more often than one that others followed, one that costs less, and one that was
// chosen before less often.
func TestEnergyGoesToWhatIsRareCheapAndSeldomChosen(t *testing.T) {
	e := entry{work: 100}
	rare, cheap := e, e
	rare.rare, cheap.work = 4, 10
	require.Greater(t, rare.energy(100, 0), e.energy(100, 0))
	require.Greater(t, cheap.energy(100, 0), e.energy(100, 0))
	require.Less(t, e.energy(100, 1), e.energy(100, 0))

	c := newCorpus()
	f := coverage.At(coverage.Shapes, 1)
	require.NoError(t, c.keep(&job.Line{Number: 3, New: coverage.Features{f}}, &configuration.Configuration{}))
	require.Equal(t, 1, c.entries[3].rare)
	parent := uint64(3)
	c.fold(&job.Line{Number: 4, Second: coverage.Features{f}, Parent: &parent})
	require.Zero(t, c.entries[3].rare)
	require.EqualValues(t, 1, c.entries[3].chosen)
}

// A corpus stays within its bounds, and what is rare stays in it.
func TestACorpusIsBounded(t *testing.T) {
	c := newCorpus()
	for n := range uint64(maxEntries + 50) {
		l := job.Line{Number: n}
		if n == 5 {
			l.New = coverage.Features{coverage.At(coverage.Shapes, 1)}
		}
		require.NoError(t, c.keep(&l, &configuration.Configuration{Seed: n}))
	}
	require.Len(t, c.order, maxEntries)
	require.Len(t, c.entries, maxEntries)
	require.NotNil(t, c.entries[5])
	sum := 0
	for _, e := range c.order {
		sum += e.bytes
	}
	require.Equal(t, sum, c.bytes)
}

// What no run did is wished for: a scene by its name, and anything else by the entries that did most of what is related.
func TestGoalsThatAreNotMetDrawEntriesThatComeClose(t *testing.T) {
	g := newGoals([]string{"x.a", "x.b", "scenes.rot-twice", "y"})
	line := job.Line{Number: 7, Kept: true, Counts: []uint64{5, 0, 0}}
	require.True(t, g.met(&line))
	g.fold(&line)
	require.Equal(t, []wish{{parents: []uint64{7}}, {parents: []uint64{7}}, {scene: "rot-twice"}}, g.wishes())
	g.fold(&line)
	g.fold(&line)
	require.False(t, g.met(&line))
	require.Equal(t, []wish{{parents: []uint64{7}}, {scene: "rot-twice"}}, g.wishes())
}

// The same run is kept once. A store has each configuration once, so that a campaign that goes on would know of one alone.
func TestTheSameRunIsKeptOnce(t *testing.T) {
	g := start(t, options(older.Systems()[0])).g
	l := job.Line{Hash: 7, Verdict: judge.Pass, Counts: []uint64{1}}
	require.True(t, g.Worth(&l))
	l.Kept = true
	require.NoError(t, g.Fold(&l, &configuration.Configuration{}))
	again := job.Line{Number: 1, Hash: 7, Verdict: judge.Pass, Counts: []uint64{1}}
	require.False(t, g.Worth(&again))
	again.Hash = 8
	require.True(t, g.Worth(&again))
}

// Of a world with a million transitions nearly every run reaches one that is new. A corpus that kept them all would have a file for each
// of a campaign's million runs.
func TestTheMoreAreKeptTheMoreAnotherOneHasToReach(t *testing.T) {
	g := &Guide{goals: newGoals(nil)}
	one := job.Line{Verdict: judge.Pass, New: coverage.Features{coverage.At(0, 1)}}
	two := job.Line{Verdict: judge.Pass, New: coverage.Features{coverage.At(0, 1), coverage.At(0, 2)}}
	g.kept = dearer - 1
	require.True(t, g.Worth(&one))
	g.kept = dearer
	require.False(t, g.Worth(&one))
	require.True(t, g.Worth(&two))
}
