//go:build failpoints

// Package killtable finds out whether the checks would notice: it plants one bug after the other in the implementation
// and counts the runs until a check objects. It needs a build with the failpoint overlay (`make test-faults`); without it
// every test here fails.
package killtable

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

var (
	trials = flag.Int("firstgap.trials", 10, "how often each planted bug is searched for, from other seeds")
	limit  = flag.Int("firstgap.limit", 2000, "runs after which a search gives up")
	clean  = flag.Int("firstgap.clean", 1500, "runs of the unbroken build, which must all pass")
)

// A trial is one search for one planted bug.
type trial struct {
	runs      int            // until a check objected, 0 when none did
	caughtBy  []faults.Check // that objected to the run which ended the search
	processor time.Duration
}

func search(g harness.Generation, first uint64) (trial, error) {
	start := processorTime()
	for i := range *limit {
		c, err := g.Generate(first + uint64(i))
		if err != nil {
			return trial{}, err
		}
		r := harness.Run(c)
		var by []faults.Check
		for _, f := range r.Findings {
			if f.Verdict == harness.Violation && !slices.Contains(by, f.Check) {
				by = append(by, f.Check)
			}
		}
		if len(by) > 0 {
			return trial{runs: i + 1, caughtBy: by, processor: processorTime() - start}, nil
		}
	}
	return trial{processor: processorTime() - start}, nil
}

// processorTime is what the whole process has used; the trials of a bug run one after the other, so that a trial's is
// its own.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func pointNames() []string {
	var names []string
	for _, p := range faults.Points() {
		names = append(names, p.Name)
	}
	return names
}

// TestUnbroken is the other half of the table: with every point built in and crashes at them in the plans, but no bug
// planted, nothing objects. A check that objects to everything would catch every bug, too.
func TestUnbroken(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	g := harness.Generation{Points: pointNames()}
	var mutex sync.Mutex
	var counts harness.Counts
	var workers sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	for w := range cores {
		workers.Go(func() {
			for seed := w; seed < *clean; seed += cores {
				c, err := g.Generate(uint64(seed))
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
				r := harness.Run(c)
				mutex.Lock()
				counts.Add(&r.Counts)
				if r.Verdict != harness.Pass {
					t.Errorf("seed %d: %s: %v", seed, r.Verdict, r.Findings)
				}
				mutex.Unlock()
			}
		})
	}
	workers.Wait()
	require.Positive(t, counts.World.PointCrashes, "no process crashed at a point")
	require.NoError(t, harness.Activity(&counts))
	fmt.Printf("unbroken: %d runs, %d commits acknowledged, %d crashes at points, no check objected\n",
		counts.Runs, counts.Acknowledged, counts.World.PointCrashes)
}

func TestEveryPlantedBugIsFound(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	bugs := faults.PlantedBugs()
	require.NotEmpty(t, bugs)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "planted bug\tfound\tmedian runs\tmost\tmedian CPU\tcaught by (trials)\n")
	for _, b := range bugs {
		g := harness.Generation{Bug: b.Name, Points: pointNames()}
		var all []trial
		for i := range *trials {
			tr, err := search(g, 1_000_000*uint64(i+1))
			require.NoError(t, err)
			all = append(all, tr)
		}
		row, problem := judge(b, all)
		fmt.Fprintln(w, row)
		if problem != "" {
			t.Errorf("%s: %s", b.Name, problem)
		}
	}
	require.NoError(t, w.Flush())
	fmt.Printf("\n%s\n", table.String())
	unhit, err := faults.Unhit()
	require.NoError(t, err)
	require.Empty(t, unhit, "no run passed these points")
}

// judge makes a row of a bug's trials, and says what is wrong with them.
func judge(b faults.PlantedBug, all []trial) (row, problem string) {
	objected := map[faults.Check]int{}
	var runs []int
	var cpu []time.Duration
	found, expected := 0, 0
	for _, t := range all {
		n := t.runs
		if n == 0 {
			n = *limit + 1 // censored: it needs more than that
		} else {
			found++
		}
		runs = append(runs, n)
		cpu = append(cpu, t.processor)
		for _, c := range t.caughtBy {
			objected[c]++
		}
		if slices.ContainsFunc(b.Expect, func(c faults.Check) bool { return slices.Contains(t.caughtBy, c) }) {
			expected++
		}
	}
	slices.Sort(runs)
	slices.Sort(cpu)
	var by []string
	for _, c := range harness.Checks() {
		if n := objected[c]; n > 0 {
			by = append(by, fmt.Sprintf("%s %d", c, n))
		}
	}
	row = fmt.Sprintf("%s\t%d/%d\t%d\t%d\t%.2fs\t%s", b.Name, found, len(all), runs[len(runs)/2], runs[len(runs)-1],
		cpu[len(cpu)/2].Seconds(), strings.Join(by, ", "))
	switch {
	case found < len(all):
		problem = fmt.Sprintf("found in %d of %d searches of %d runs each", found, len(all), *limit)
	case expected < len(all):
		problem = fmt.Sprintf("expected one of %v to object in every search, found it in %d of %d", b.Expect, expected, len(all))
	}
	return row, problem
}

// The judge itself has to object: to a bug that is not found, and to one that only the wrong check finds.
func TestJudge(t *testing.T) {
	b := faults.PlantedBug{Name: "bug", Expect: []faults.Check{faults.Trace}}
	good := trial{runs: 3, caughtBy: []faults.Check{faults.Pages, faults.Trace}}
	_, problem := judge(b, []trial{good, good})
	require.Empty(t, problem)
	_, problem = judge(b, []trial{good, {}})
	require.Contains(t, problem, "found in 1 of 2")
	_, problem = judge(b, []trial{good, {runs: 1, caughtBy: []faults.Check{faults.Pages}}})
	require.Contains(t, problem, "expected one of [trace]")
}
