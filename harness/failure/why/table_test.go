//go:build failpoints

package why_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/killtable"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// The table of what an explanation of each planted bug amounts to (`make why-table`). It takes hours on two cores: every line is kept
// in a file of its own as soon as it is there, and one that is there is not made again.

var (
	tableBugs = flag.String("firstgap.why-bugs", "bugAckBeforeSync", "explain failures of these planted bugs, separated by commas, or of all")
	tableKeep = flag.String("firstgap.why-keep", "", "keep each bug's line in a file of this folder, and make none again that is there")
	tableTime = flag.Duration("firstgap.why-time", time.Minute, "for making a failure smaller, and once more for its curve")
	tableFile = flag.String("firstgap.why-table", "", "write the table to this file")
)

// A line is what one failure amounts to.
type line struct {
	Bug      string      `json:"bug"`
	Seed     uint64      `json:"seed"`
	Target   string      `json:"target"`
	Before   shrink.Size `json:"before"`
	After    shrink.Size `json:"after"`
	Shown    int         `json:"shown"` // events of the chain
	Runs     int         `json:"runs"`  // to make it smaller
	Drawn    int         `json:"drawn"` // redrawn runs
	Shrunk   float64     `json:"shrunk"`
	Curve    float64     `json:"curve"`
	Seconds  float64     `json:"seconds"` // all of it
	Minimal  bool        `json:"minimal"`
	Ended    string      `json:"ended,omitempty"`
	Problem  string      `json:"problem,omitempty"` // what could not be made
	Jump     uint64      `json:"jump"`              // its event; 0 where there is none
	JumpLine string      `json:"jumpLine,omitempty"`
	Rise     string      `json:"rise,omitempty"`
	Manner   string      `json:"manner"`
	Without  string      `json:"without,omitempty"`
	Fails    uint64      `json:"fails"`   // the event at which the run fails
	Planted  int         `json:"planted"` // events in whose steps the planted line ran
	Place    uint64      `json:"place"`   // the one that the distance is to; 0 where the line never ran
	// Distance is how many events lie on the shortest way between the jump and a place of the planted line, that one included: along
	// what is an effect of what, and from one event of a node to its next. -1 where there is no jump, or no place.
	Distance int `json:"distance"`
	// Apart is how many events of the run lie between, whosever they are, timers and completed operations of disks left out.
	Apart int `json:"apart"`
	// Between is how many of the events that are shown come behind the earlier of the jump and a place of the planted line, up to the
	// later: of the place for which they are fewest. -1 where there is no jump, or no place.
	Between int `json:"between"`
}

// failing returns a run of the bug that fails: the one of its searches that fails in the fewest events.
func failing(t *testing.T, last *killtable.Last, g harness.Generation, bug string) *failure.Failure {
	i := slices.IndexFunc(last.Bugs, func(x killtable.Line) bool { return x.Bug == bug })
	require.GreaterOrEqual(t, i, 0, "%s: expected a line of the kill table, found none", bug)
	g.Bug = bug
	for trial, x := range last.Bugs[i].Searches {
		if x.Runs == 0 {
			continue
		}
		c, err := aurora.System().Generate(1_000_000*uint64(trial+1)+uint64(x.Runs-1), g)
		require.NoError(t, err)
		target, fails := failure.TargetOf(harness.Run(aurora.System(), c).Findings)
		if !fails {
			target = failure.Target{Check: judge.Determinism, Verdict: judge.Violation} // which no run by itself shows
		}
		if made := failure.Made(aurora.System(), c, target); target.Among(made.Findings) != nil {
			return made
		}
	}
	require.Fail(t, bug+": expected a search of the kill table whose last run still fails, found none")
	return nil
}

// explained makes the line of a bug. What an explanation of it needs beside these three parts costs a few runs.
func explained(ctx context.Context, t *testing.T, last *killtable.Last, g harness.Generation, bug string) *line {
	system := aurora.System()
	recorded := failing(t, last, g, bug)
	x := &line{Bug: bug, Seed: recorded.Configuration.Seed, Distance: -1, Apart: -1, Between: -1}
	began := time.Now()
	small, err := shrink.Shrink(ctx, system, recorded, shrink.Options{Time: *tableTime, Workers: 2})
	if err != nil {
		x.Problem = err.Error()
		return x
	}
	x.Target, x.Before, x.After, x.Runs, x.Minimal, x.Ended = small.Target.String(), small.Before, small.After, small.Runs, small.Minimal, small.Ended
	x.Shrunk = small.Took.Seconds()
	what, err := why.Of(system, small.Configuration, small.Target)
	if err != nil {
		x.Problem = "why: " + err.Error()
	} else {
		x.Shown = len(what.Chain)
	}
	if x.Seconds = time.Since(began).Seconds(); small.Target.Check == judge.Determinism {
		x.Without = "it is another run each time"
		return x
	}
	drawing := time.Now()
	curve, err := where.Draw(ctx, system, small.Configuration, small.Target, where.Options{Workers: 2, Time: *tableTime})
	x.Curve, x.Seconds = time.Since(drawing).Seconds(), time.Since(began).Seconds()
	if err != nil {
		x.Problem = err.Error()
		return x
	}
	x.Drawn, x.Manner, x.Without, x.Fails = curve.Runs, curve.Drawn, curve.Without, curve.Fails
	m := mapOf(system, small.Configuration, curve.Fails)
	x.Planted = len(m.planted)
	if j := curve.Jump; j != nil {
		x.Jump, x.JumpLine, x.Rise = j.Event, j.Line, fmt.Sprintf("%d/%d → %d/%d", j.Before.Fails, j.Before.Of, j.After.Fails, j.After.Of)
		x.Place, x.Distance = m.nearest(j.Event)
		if what != nil {
			x.Between = m.between(j.Event, what.Chain)
		}
		if x.Place > 0 {
			x.Apart = m.apart(j.Event, x.Place)
		}
	}
	return x
}

// A chart is what led to what in a run.
type chart struct {
	next    [][]uint64 // by event: those that it is an effect of, its effects, and the neighbours of its node
	idle    []bool
	planted []uint64 // events in whose steps the planted line ran, up to where the run failed
}

// mapOf draws the chart of a run up to an event.
func mapOf(system harness.System, c configuration.Configuration, end uint64) *chart {
	m := &chart{next: [][]uint64{nil}, idle: []bool{true}}
	last := map[node.ID]uint64{}
	join := func(a, b uint64) {
		if a > 0 && b > 0 {
			m.next[a], m.next[b] = append(m.next[a], b), append(m.next[b], a)
		}
	}
	harness.RunWith(system, c, harness.Options{
		Planted: func(_ node.ID, event uint64) {
			if event <= end && !slices.Contains(m.planted[max(0, len(m.planted)-1):], event) {
				m.planted = append(m.planted, event)
			}
		},
		Listen: func(_ *sim.World, e *sim.Event) {
			m.next, m.idle = append(m.next, nil), append(m.idle, e.Kind == sim.EventTimer || e.Kind == sim.EventDisk)
			join(e.Cause, e.Seq)
			if e.Process != 0 && e.Kind != sim.EventLost {
				join(last[e.Process], e.Seq)
				last[e.Process] = e.Seq
			}
		}})
	return m
}

// nearest returns the place of the planted line that is nearest to an event, and how far it is.
func (m *chart) nearest(from uint64) (uint64, int) {
	far := map[uint64]int{from: 0}
	for queue := []uint64{from}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		if slices.Contains(m.planted, n) {
			return n, far[n]
		}
		for _, to := range m.next[n] {
			if _, seen := far[to]; !seen {
				far[to] = far[n] + 1
				queue = append(queue, to)
			}
		}
	}
	return 0, -1
}

// between counts the shown events behind the earlier of an event and a place of the planted line, up to the later, for the place for which
// they are fewest; -1 where there is no place.
func (m *chart) between(jump uint64, shown []why.Link) int {
	fewest := -1
	for _, place := range m.planted {
		n := 0
		for _, l := range shown {
			if l.Event > min(place, jump) && l.Event <= max(place, jump) {
				n++
			}
		}
		if fewest < 0 || n < fewest {
			fewest = n
		}
	}
	return fewest
}

// apart counts the events that are not idle behind the first of two, up to the second.
func (m *chart) apart(a, b uint64) int {
	n := 0
	for e := min(a, b) + 1; e <= max(a, b); e++ {
		if !m.idle[e] {
			n++
		}
	}
	return n
}

func TestEveryPlantedBugIsExplained(t *testing.T) {
	require.True(t, harness.HasPoints(), "%v", faults.ErrNoOverlay)
	g, err := harness.WithPoints()
	require.NoError(t, err)
	text, err := os.ReadFile("../../killtable/testdata/aurora.json")
	require.NoError(t, err)
	last, err := killtable.ReadLast(text)
	require.NoError(t, err)
	var bugs []string
	for _, b := range faults.PlantedBugs() {
		if *tableBugs == "all" || slices.Contains(strings.Split(*tableBugs, ","), b.Name) {
			bugs = append(bugs, b.Name)
		}
	}
	require.NotEmpty(t, bugs, "no planted bug is of the names %s", *tableBugs)
	var lines []*line
	for _, bug := range bugs {
		x, err := kept(bug)
		require.NoError(t, err)
		if x == nil {
			x = explained(t.Context(), t, last, g, bug)
			require.NoError(t, keep(x))
		}
		fmt.Println(x)
		lines = append(lines, x)
		runtime.GC()
	}
	var b strings.Builder
	require.NoError(t, writeTable(&b, lines))
	fmt.Print("\n", b.String())
	if *tableFile != "" {
		require.NoError(t, os.WriteFile(*tableFile, []byte(b.String()), 0o644))
	}
	for _, x := range lines {
		if x.Problem != "" {
			t.Errorf("%s: %s", x.Bug, x.Problem)
		}
	}
}

func (x *line) String() string {
	return fmt.Sprintf("%s: %s, %d → %d events, %d faults, %d operations, %d shown, %.1f s + %.1f s, jump %d (%s) %d planted, nearest %d: distance %d, apart %d; fails at %d; %s%s %s", x.Bug, x.Target, x.Before.Events, x.After.Events,
		x.After.Faults, x.After.Operations, x.Shown, x.Shrunk, x.Curve, x.Jump, x.Rise, x.Planted, x.Place, x.Distance, x.Apart, x.Fails, x.Without, x.Problem, x.JumpLine)
}

// kept returns the line that is kept of a bug, nil where none is.
func kept(bug string) (*line, error) {
	if *tableKeep == "" {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(*tableKeep, bug+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	x := &line{}
	return x, errors.Join(err, json.Unmarshal(text, x))
}

func keep(x *line) error {
	if *tableKeep == "" {
		return nil
	}
	text, err := json.MarshalIndent(x, "", "\t")
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(*tableKeep, 0o755), os.WriteFile(filepath.Join(*tableKeep, x.Bug+".json"), text, 0o644))
}

// writeTable writes the table for people, its medians last.
func writeTable(out io.Writer, lines []*line) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bug\tcheck\tevents\t→\tshown\tfaults\toperations\truns\tseconds\tcurve\tjump\tfrom the line\tshown between\tminimal")
	row := func(bug, check string, before, after uint64, shown, faults, operations, runs int, seconds, curve float64, jump, far, between, minimal string) {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\t%.1f\t%s\t%s\t%s\t%s\n", bug, check, before, after, shown, faults, operations, runs, seconds, curve, jump, far, between, minimal)
	}
	var shown, near, none, minimals, quick, slow, without int
	for _, x := range lines {
		check, _, _ := strings.Cut(x.Target, " (")
		jump, far, between, minimal := "none", "", "", "no"
		switch {
		case x.Jump == 0:
			none++
		case x.Distance < 0:
			jump, far = fmt.Sprint(x.Jump), "no place"
			without++
		default:
			jump, far = fmt.Sprint(x.Jump), fmt.Sprint(x.Distance)
			if x.Distance <= 3 {
				near++
			}
			if between = fmt.Sprint(x.Between); x.Between <= 3 {
				shown++
			}
		}
		if x.Minimal {
			minimal = "yes"
			minimals++
		}
		if x.Seconds <= 15 {
			quick++
		}
		if x.Seconds > 60 {
			slow++
		}
		row(x.Bug, cmp.Or(check, "-"), x.Before.Events, x.After.Events, x.Shown, x.After.Faults, x.After.Operations, x.Runs, x.Seconds, x.Curve, jump, far, between, minimal)
	}
	row("median", "", uint64(median(lines, func(x *line) float64 { return float64(x.Before.Events) })), uint64(median(lines, func(x *line) float64 { return float64(x.After.Events) })),
		int(median(lines, func(x *line) float64 { return float64(x.Shown) })), int(median(lines, func(x *line) float64 { return float64(x.After.Faults) })),
		int(median(lines, func(x *line) float64 { return float64(x.After.Operations) })), int(median(lines, func(x *line) float64 { return float64(x.Runs) })),
		median(lines, func(x *line) float64 { return x.Seconds }), median(lines, func(x *line) float64 { return x.Curve }), "", "", "", "")
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, `
of %d failures: %d explained in 15 s, %d in more than 60 s; %d 1-minimal
the jump is within 3 events of a place where the planted line ran: %d; farther: %d; no such place by then: %d; no jump: %d
of the events that are shown, at most 3 lie between the two: %d
`, len(lines), quick, slow, minimals, near, len(lines)-near-none-without, without, none, shown)
	return err
}

func median(lines []*line, of func(*line) float64) float64 {
	var all []float64
	for _, x := range lines {
		all = append(all, of(x))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
