//go:build failpoints

package guide_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/guide"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/impl/node"
)

// What is compared: how many runs a campaign makes until a check that is meant to notices a planted bug, plain, guided without anything
// to begin with, guided with the seeds that the system names, and guided with that of a campaign of the unbroken build, as a job in CI has it of the day before.
var (
	compareSeeds  = flag.Int("firstgap.guide-seeds", 1, "how often each planted bug is searched for, by campaigns of other seeds")
	compareBugs   = flag.String("firstgap.guide-bugs", "bugAckBeforeSync,bugFencedBeforeSync,bugCutPerGroup", "the planted bugs, separated by commas; all is every one")
	compareArms   = flag.String("firstgap.guide-arms", "random,cold,start,warm", "which campaigns are compared: cold begins with no seeds of the system's either; warm-model and warm-counts have a corpus in the order of one kind of feedback alone")
	compareLimit  = flag.Uint64("firstgap.guide-limit", 512, "runs after which a search gives up")
	compareBatch  = flag.Uint64("firstgap.guide-batch", 256, "jobs of a batch")
	compareCorpus = flag.Uint64("firstgap.guide-corpus", 64, "runs of the unbroken build that a corpus is made of")
	compareKeep   = flag.String("firstgap.guide-keep", "", "the folder where the corpora are kept and each search has a line, so that an interrupted comparison goes on; none keeps nothing")
)

// A cell is one search. Runs is one more than the limit where it gave up.
type cell struct {
	bug, arm string
	seed     int
	runs     uint64
	work     uint64
	by       job.Arm // that of the job that found it
}

func (c cell) key() string { return fmt.Sprintf("%s\t%d\t%s", c.bug, c.seed, c.arm) }

func (c cell) line() string { return fmt.Sprintf("%s\t%d\t%d\t%s\n", c.key(), c.runs, c.work, c.by) }

// cells reads what was searched for already.
func cells(r io.Reader) (map[string]cell, error) {
	all := map[string]cell{}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		words := strings.Split(lines.Text(), "\t")
		if len(words) != 6 {
			return nil, fmt.Errorf("comparison: expected a line of 6 words, found %q", lines.Text())
		}
		seed, err1 := strconv.Atoi(words[1])
		runs, err2 := strconv.ParseUint(words[3], 10, 64)
		work, err3 := strconv.ParseUint(words[4], 10, 64)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, fmt.Errorf("comparison: %q: %w", lines.Text(), err)
		}
		c := cell{words[0], words[2], seed, runs, work, job.Arm(words[5])}
		all[c.key()] = c
	}
	return all, nil
}

// comparison makes the searches.
type comparison struct {
	t        *testing.T
	system   harness.System
	points   harness.Generation
	follower *coverage.Follower
	spaces   []coverage.Space
	counters []string
}

func newComparison(t *testing.T) *comparison {
	g, err := harness.WithPoints()
	require.NoError(t, err)
	require.NotEmpty(t, g.Points, "%v", faults.ErrNoOverlay)
	u, err := coverage.Enumerate(t.Context(), coverage.Small()...)
	require.NoError(t, err)
	c := &comparison{t: t, system: aurora.System(), points: g, follower: u.NewFollower(), spaces: u.Spaces()}
	var r harness.Result
	for name := range tally.Index(&r.Counts) {
		c.counters = append(c.counters, name)
	}
	slices.Sort(c.counters)
	return c
}

// campaign folds a whole campaign of a guide, one run after the other, until a run is the last one that is wanted.
func (c *comparison) campaign(o guide.Options, limit uint64, ran func(*job.Job, *configuration.Configuration, *harness.Result, *job.Line, coverage.Features) (last bool)) {
	o.System, o.Counters = cmp.Or(o.System, c.system), c.counters
	g, err := guide.New(o)
	require.NoError(c.t, err)
	seen := coverage.NewSeen(c.spaces)
	next, err := g.Jobs(0)
	require.NoError(c.t, err)
	after, err := g.Jobs(1)
	require.NoError(c.t, err)
	for batch := uint64(0); ; batch++ {
		for i := range next {
			j := &next[i]
			if j.Number == limit {
				return
			}
			l, r, whole, reached := c.one(j, &o, seen)
			l.Kept = g.Worth(l)
			if ran(j, whole, r, l, reached) {
				return
			}
			kept := whole
			if !l.Kept {
				kept = nil
			}
			require.NoError(c.t, g.Fold(l, kept))
		}
		jobs, err := g.Jobs(batch + 2)
		require.NoError(c.t, err)
		next, after = after, jobs
	}
}

// one makes the run of a job, and its line.
func (c *comparison) one(j *job.Job, o *guide.Options, seen *coverage.Seen) (*job.Line, *harness.Result, *configuration.Configuration, coverage.Features) {
	whole := c.whole(j, o.Generation)
	r := harness.RunWith(c.system, *whole, harness.Options{Built: func(s *harness.Stage) { c.follower.Begin(s.Volume, j.Number) },
		Traced: func(from node.ID, t *node.Trace) { c.follower.Tell(from, t) }})
	reached := coverage.Sorted(append(c.follower.Features(), coverage.OfCounts(&r.Counts)...))
	l := &job.Line{Number: j.Number, Arm: j.Arm, Seed: j.Seed, Parent: j.Parent, Hash: r.Hash, Verdict: r.Verdict, Work: r.Work()}
	fields := tally.Index(&r.Counts)
	for _, name := range c.counters {
		l.Counts = append(l.Counts, *fields[name])
	}
	var err error
	l.New, l.Second, err = seen.Add(reached)
	require.NoError(c.t, err)
	return l, &r, whole, reached
}

func (c *comparison) whole(j *job.Job, g harness.Generation) *configuration.Configuration {
	if j.Configuration != nil {
		return j.Configuration
	}
	made, err := c.system.Generate(j.Seed, g)
	require.NoError(c.t, err)
	return &made
}

// corpus is what a guided campaign of the unbroken build has kept. No run of it fails: what is changed is as sound as what is generated.
func (c *comparison) corpus(seed int, folder string) []guide.Entry {
	var all []guide.Entry
	file := filepath.Join(folder, fmt.Sprintf("corpus-%d-%d.json", seed, *compareCorpus))
	if folder != "" {
		if text, err := os.ReadFile(file); err == nil {
			require.NoError(c.t, json.Unmarshal(text, &all))
			return all
		}
	}
	c.campaign(guide.Options{Generation: c.points, Seed: 1_000_000_000 * uint64(seed+1), Batch: 64, Guided: true}, *compareCorpus,
		func(j *job.Job, whole *configuration.Configuration, r *harness.Result, l *job.Line, reached coverage.Features) bool {
			if r.Verdict != judge.Pass {
				c.t.Errorf("the unbroken build, job %d of the arm %s: %v\n%s", j.Number, j.Arm, r.Findings, whole) // and the comparison goes on
			}
			if l.Kept {
				all = append(all, guide.Entry{Configuration: *whole, Features: reached, Work: l.Work})
			}
			return false
		})
	require.NotEmpty(c.t, all)
	if folder != "" {
		text, err := json.Marshal(all)
		require.NoError(c.t, err)
		require.NoError(c.t, os.WriteFile(file, text, 0o644))
	}
	return all
}

// alone leaves to the entries of a corpus one kind of feedback, "-model" or "-counts"; of "" both.
func alone(corpus []guide.Entry, kind string) []guide.Entry {
	if kind == "" {
		return corpus
	}
	corpus = slices.Clone(corpus)
	for i := range corpus {
		corpus[i].Features = slices.DeleteFunc(slices.Clone(corpus[i].Features), func(f coverage.Feature) bool {
			return (f.Space() == coverage.Shapes) != (kind == "-counts")
		})
	}
	return corpus
}

// nameless is our own system without the seeds that it names.
type nameless struct{ harness.System }

func (n nameless) Planner(c *configuration.Configuration, g harness.Generation) (faults.Generator, error) {
	return n.System.(harness.Planner).Planner(c, g)
}

// search makes runs with a planted bug until a check that is meant to objects to one. Runs that cannot come to the bug count, and are not
// made. The first two batches are chosen before any line is there, so that a search within them needs no coverage.
func (c *comparison) search(bug faults.PlantedBug, seed int, arm string, corpus []guide.Entry) cell {
	g := c.points
	g.Bug = bug.Name
	o := guide.Options{Generation: g, Seed: 1_000_000 * uint64(seed+1), Batch: *compareBatch, Guided: arm != "random"}
	if kind, warm := strings.CutPrefix(arm, "warm"); warm {
		o.Imported = alone(corpus, kind)
	}
	x := cell{bug: bug.Name, arm: arm, seed: seed, runs: *compareLimit + 1}
	if arm == "cold" {
		o.System = nameless{c.system}
	}
	objects := func(r *harness.Result) bool {
		return slices.ContainsFunc(r.Findings, func(f judge.Finding) bool {
			return f.Verdict == judge.Violation && slices.Contains(bug.Expect, f.Check)
		})
	}
	if *compareLimit > 2**compareBatch {
		c.campaign(o, *compareLimit, func(j *job.Job, _ *configuration.Configuration, r *harness.Result, _ *job.Line, _ coverage.Features) bool {
			x.work += r.Work()
			if objects(r) {
				x.runs, x.by = j.Number+1, j.Arm
			}
			return x.by != ""
		})
		return x
	}
	o.System, o.Counters = cmp.Or(o.System, c.system), c.counters
	chosen, err := guide.New(o)
	require.NoError(c.t, err)
	for batch := range uint64(2) {
		jobs, err := chosen.Jobs(batch)
		require.NoError(c.t, err)
		for i := range jobs {
			j := &jobs[i]
			if j.Number == *compareLimit {
				return x
			}
			whole := c.whole(j, g)
			reaches, err := aurora.Reaches(bug, whole)
			require.NoError(c.t, err)
			if !reaches {
				continue
			}
			var r harness.Result
			differs := false
			if slices.Contains(bug.Expect, judge.Determinism) {
				r, err = failure.Twice(c.system, *whole)
				differs = err != nil
			} else {
				r = harness.Run(c.system, *whole)
			}
			x.work += r.Work()
			if differs || objects(&r) {
				x.runs, x.by = j.Number+1, j.Arm
				return x
			}
		}
	}
	return x
}

// A comparison of arms, by the median over seeds of each bug.
func medians(all map[string]cell, arm string, of func(cell) uint64) (by map[string]uint64) {
	found := map[string][]uint64{}
	for _, c := range all {
		if c.arm == arm {
			found[c.bug] = append(found[c.bug], of(c))
		}
	}
	by = map[string]uint64{}
	for bug, n := range found {
		slices.Sort(n)
		by[bug] = n[len(n)/2]
	}
	return by
}

// middle is the median planted bug of those that both arms searched for, and its ratio.
func middle(arm, random map[string]uint64) (of, than uint64, ratio float64) {
	var a, b []uint64
	for bug, n := range arm {
		if m, is := random[bug]; is {
			a, b = append(a, n), append(b, m)
		}
	}
	slices.Sort(a)
	slices.Sort(b)
	if len(a) == 0 {
		return 0, 0, 0
	}
	of, than = a[len(a)/2], b[len(b)/2]
	return of, than, float64(of) / float64(than)
}

// TestGuidanceAgainstChance compares guided campaigns with plain ones. It fails for no ratio: the figures are what it is for, and what a
// guide promises is tested elsewhere. It fails where a search finds nothing, and where the unbroken build does not pass.
func TestGuidanceAgainstChance(t *testing.T) {
	c := newComparison(t)
	bugs := faults.PlantedBugs()
	if *compareBugs != "all" {
		wanted := strings.Split(*compareBugs, ",")
		bugs = slices.DeleteFunc(bugs, func(b faults.PlantedBug) bool { return !slices.Contains(wanted, b.Name) })
		require.Len(t, bugs, len(wanted))
	}
	done := map[string]cell{}
	var keep io.Writer = io.Discard
	if *compareKeep != "" {
		require.NoError(t, os.MkdirAll(*compareKeep, 0o755))
		f, err := os.OpenFile(filepath.Join(*compareKeep, "searches.tsv"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
		require.NoError(t, err)
		defer f.Close()
		done, err = cells(f)
		require.NoError(t, err)
		keep = f
	}
	arms := strings.Split(*compareArms, ",")
	for seed := range *compareSeeds {
		var corpus []guide.Entry
		for _, bug := range bugs {
			for _, arm := range arms {
				if _, is := done[(cell{bug: bug.Name, seed: seed, arm: arm}).key()]; is {
					continue
				}
				if strings.HasPrefix(arm, "warm") && corpus == nil {
					corpus = c.corpus(seed, *compareKeep)
				}
				x := c.search(bug, seed, arm, corpus)
				done[x.key()] = x
				_, err := io.WriteString(keep, x.line())
				require.NoError(t, err)
			}
		}
	}
	runs, work := func(c cell) uint64 { return c.runs }, func(c cell) uint64 { return c.work }
	for _, arm := range arms {
		of, than, ratio := middle(medians(done, arm, runs), medians(done, "random", runs))
		ofWork, thanWork, workRatio := middle(medians(done, arm, work), medians(done, "random", work))
		fmt.Printf("%-8s the median planted bug: %d runs against %d, %.2f; work %d against %d, %.2f\n", arm, of, than, ratio, ofWork, thanWork, workRatio)
		for bug, n := range medians(done, arm, runs) {
			require.LessOrEqual(t, n, *compareLimit, "%s: not found by the arm %s", bug, arm)
		}
	}
}

// The comparison itself has to count: a median of cells, and the ratio of two.
func TestAComparisonCounts(t *testing.T) {
	all, err := cells(strings.NewReader("a\t0\trandom\t10\t100\trandom\na\t1\trandom\t20\t300\trandom\na\t2\trandom\t30\t200\trandom\nb\t0\trandom\t4\t40\trandom\na\t0\twarm\t5\t70\tkept\n"))
	require.NoError(t, err)
	require.Len(t, all, 5)
	runs := func(c cell) uint64 { return c.runs }
	require.Equal(t, map[string]uint64{"a": 20, "b": 4}, medians(all, "random", runs))
	of, than, ratio := middle(medians(all, "warm", runs), medians(all, "random", runs))
	require.Equal(t, []any{uint64(5), uint64(20), 0.25}, []any{of, than, ratio}, "of the bugs that both searched for")
	for _, c := range all {
		again, err := cells(strings.NewReader(c.line()))
		require.NoError(t, err)
		require.Equal(t, c, again[c.key()])
	}
	_, err = cells(strings.NewReader("a\t0\trandom\n"))
	require.ErrorContains(t, err, "expected a line of 6 words")
}
