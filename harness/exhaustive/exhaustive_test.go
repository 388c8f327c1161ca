package exhaustive

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func ours() Options { return Options{Implementation: aurora.Ours(), Seed: DefaultSeed} }

// crash reads crashes.
func crash(t *testing.T, text string) Crashes {
	t.Helper()
	c, err := ParseCrashes(text)
	require.NoError(t, err)
	return c
}

// The workload is what the documentation says that it is: six transactions of six kinds, and all of them end.
func TestTheWorkload(t *testing.T) {
	r, err := One(ours(), nil, nil)
	require.NoError(t, err)
	require.Equal(t, judge.Pass, r.Verdict, r.Findings)
	all := r.Evidence.Transactions.Transactions
	kinds := map[string]linearizability.Outcome{}
	for _, x := range all[:clients*transactions] {
		kinds[x.Kind] = x.Outcome
	}
	require.Equal(t, map[string]linearizability.Outcome{"setup": linearizability.Committed, "transfer": linearizability.Committed, "put": linearizability.Committed,
		"multi-put": linearizability.Committed, "delete": linearizability.Committed, "abort": linearizability.Aborted}, kinds)
}

// Every crash, and, after some of them, every second crash. That after all of them is the command's.
func TestOursHoldsOutEveryCrash(t *testing.T) {
	every := ours()
	if testing.Short() { // under the race detector what is asked is whether workers share anything
		every.First = func(p Point) bool { return p.Step%8 == 0 }
	}
	r, err := Run(t.Context(), every)
	require.NoError(t, err)
	require.Empty(t, r.Failed)
	if !testing.Short() {
		require.Equal(t, verdict.Pass, r.Verdict())
		require.Equal(t, r.One.Enumerated, r.One.Run)
		require.Positive(t, r.Cuts, "no recovery had anything to cut")
	}
	require.Greater(t, r.One.Enumerated, 200)
	require.Positive(t, r.Undos)
	var names []string
	crashes := 0
	for _, p := range r.Processes {
		names = append(names, p.Name)
		require.Positive(t, p.Steps)
		require.GreaterOrEqual(t, p.Crashes, p.Steps)
		crashes += p.Crashes
	}
	require.Equal(t, r.One.Enumerated, crashes)
	slices.Sort(names)
	require.Equal(t, []string{"register", "segment 1/1", "segment 1/2", "segment 1/3", "writer 1"}, names)

	few := ours()
	few.Pairs = true
	few.First = func(p Point) bool {
		return slices.Contains(crash(t, "writer 1 step 42 sent 1 lost, segment 1/2 step 26 kept"), p)
	}
	r, err = Run(t.Context(), few)
	require.NoError(t, err)
	require.Empty(t, r.Failed)
	require.Equal(t, 2, r.One.Run)
	require.Equal(t, r.Two.Enumerated, r.Two.Run)
	require.Greater(t, r.Two.Run, 100)
	require.Greater(t, r.InRecovery, 20, "no second crash came inside the recovery from the first")
	require.Equal(t, verdict.CouldNotTell, r.Verdict(), "a choice is no pass")

	few.Workers = 1
	few.First = func(p Point) bool { return p.String() == "writer 1 step 42 sent 1 lost" }
	again, err := Run(t.Context(), few)
	require.NoError(t, err)
	few.Workers = 2
	r, err = Run(t.Context(), few)
	require.NoError(t, err)
	require.Positive(t, r.Two.Run)
	require.Equal(t, r, again)
}

// A crash is what the point says: the process is down after that step, with its writes lost or kept, or with a part of what the step
// sent.
func TestEachPointIsAnotherRun(t *testing.T) {
	hashes := map[uint64]string{}
	for _, text := range []string{"segment 1/2 step 20 lost", "segment 1/2 step 20 kept", "segment 1/2 step 21 lost", "writer 1 step 42 lost", "writer 1 step 42 sent 1 lost", "writer 1 step 42 sent 2 lost",
		"segment 1/2 step 20 lost, writer 1 step 30 lost", "writer 1 step 30 lost, writer 2 step 3 lost", "register step 2 lost, register step 3 lost"} {
		r, err := One(ours(), crash(t, text), nil)
		require.NoError(t, err, text)
		require.Equal(t, judge.Pass, r.Verdict, text)
		require.NotContains(t, hashes, r.Hash, text)
		hashes[r.Hash] = text
		again, err := One(ours(), crash(t, text), nil)
		require.NoError(t, err)
		require.Equal(t, r.Hash, again.Hash)
	}
	for _, text := range []string{"segment 1/2 step 900 lost", "segment 1/9 step 1 lost", "writer 1 step 42 sent 3 lost", "writer 2 step 1 lost",
		"segment 1/2 step 20 lost, segment 1/2 step 19 lost", "register step 1 lost, register step 900 kept"} {
		_, err := One(ours(), crash(t, text), nil)
		var missed *UnstruckError
		require.ErrorAs(t, err, &missed, text)
		require.ErrorContains(t, err, missed.Missed.Process)
	}
}

// A segment that starts again without what it wrote last is found where it crashes, and nowhere else.
func TestABrokenImplementationIsFound(t *testing.T) {
	o := ours()
	o.Implementation.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return &shortened{aurora.Ours().Segment(id, v, n, h)}
	}
	o.First = func(p Point) bool { return p.Process != "segment 1/1" && p.Step == 20 }
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, verdict.Violation, r.Verdict())
	require.Equal(t, r.Violations, r.Objected[faults.Trace])
	for _, f := range r.Failed {
		require.Contains(t, f.Crashes.String(), "segment 1/")
		require.Contains(t, f.Findings[0].Sentence(), "amnesia")
	}
	var text strings.Builder
	require.NoError(t, r.WriteText(&text))
	require.Contains(t, text.String(), "violation: "+r.Failed[0].Crashes.String()+"\n  trace: ")
	require.Contains(t, text.String(), `  replay: firstgap crashes --seed 75 --only "`+r.Failed[0].Crashes.String()+"\"\n")
	require.Contains(t, text.String(), "verdict: violation\n")
}

// shortened is a segment whose log has lost its end when it starts again.
type shortened struct{ node.Node }

func (s *shortened) Step(now node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind == node.Started && ev.Incarnation > 1 {
		ev.Files = slices.Clone(ev.Files)
		for i, f := range ev.Files {
			if f.Name == "log" {
				ev.Files[i].Data = f.Data[:len(f.Data)*3/4]
			}
		}
	}
	s.Node.Step(now, ev, out)
}

func (s *shortened) State() node.State { return s.Node.(node.Teller).State() }

// What could not be run is no pass.
func TestWhatWasNotRunIsNoPass(t *testing.T) {
	require.Equal(t, verdict.CouldNotTell, (&Report{}).Verdict())
	require.Equal(t, verdict.CouldNotTell, (&Report{One: Tally{5, 5}, Untold: 1}).Verdict())
	require.Equal(t, verdict.CouldNotTell, (&Report{One: Tally{5, 5}, Two: Tally{7, 8}}).Verdict())
	require.Equal(t, verdict.Pass, (&Report{One: Tally{5, 5}, Two: Tally{8, 8}}).Verdict())
	require.Equal(t, verdict.Violation, (&Report{Violations: 1, Untold: 1}).Verdict())

	o := ours()
	o.Implementation.Segment = func(node.ID, *node.Volume, aurora.Nodes, node.Hook) node.Node { return mute{} }
	o.First = func(p Point) bool { return p.Process == "writer 1" && p.Step == 1 }
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, verdict.Violation, r.Verdict()) // of progress
	require.Contains(t, r.Failed[0].Untold+r.Failed[0].Findings[0].Sentence(), "expected")

	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = Run(ctx, ours())
	require.ErrorIs(t, err, context.Canceled)
	o = ours()
	o.Bug = "no such bug"
	_, err = Run(t.Context(), o)
	require.ErrorContains(t, err, `"no such bug"`)
	_, err = One(o, nil, nil)
	require.ErrorContains(t, err, `"no such bug"`)
}

type mute struct{}

func (mute) Step(node.Time, node.Event, *node.Effects) {}

func TestPointsAreReadAndWritten(t *testing.T) {
	for _, text := range []string{"segment 1/2 step 14 lost", "writer 1 step 20 sent 1 lost", "register step 3 kept, writer 2 step 1 lost"} {
		require.Equal(t, text, crash(t, text).String())
	}
	require.Equal(t, "segment 1/2 step 14 lost, writer 1 step 2 kept", crash(t, " segment 1/2 step  14\n  lost,writer 1 step 2 kept").String())
	for _, text := range []string{"", "segment 1/2", "segment 1/2 step 0 lost", "segment 1/2 step 14", "step 14 lost", "segment 1/2 step -1 lost", "writer 1 step 20 sent 0 lost", "writer 1 step 99999999999 lost",
		"writer 1 step 1 lost,", "writer 1 step 1 gone"} {
		_, err := ParseCrashes(text)
		var wrong *PointError
		require.ErrorAs(t, err, &wrong, text)
	}
	_, err := ParseCrashes(strings.Repeat("register step 1 lost, ", MostCrashes) + "register step 1 lost")
	require.EqualError(t, err, "expected at most 4 crashes, found 5")
}

func TestReport(t *testing.T) {
	var last Progress
	o := ours()
	o.Pairs = true
	o.First = func(p Point) bool { return p.String() == "writer 1 step 43 lost" }
	o.Progress = func(p Progress) { last = p }
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, Progress{One: r.One, Two: r.Two}, last)
	for i := range mostShown + 2 {
		r.add(&outcome{crashes: Crashes{{Process: "register", Step: i + 1}}, verdict: judge.CouldNotTell})
	}
	var text strings.Builder
	require.NoError(t, r.WriteText(&text))
	for line := range strings.Lines(text.String()) {
		require.LessOrEqual(t, len([]rune(line)), 80, line)
	}
	require.Contains(t, text.String(), "… and 2 more\n")
	require.Contains(t, text.String(), "\ncould not tell: register step 1 lost\n  replay: firstgap crashes --seed 75 --only \"register step 1 lost\"\n")
	j, err := r.JSON()
	require.NoError(t, err)
	var read Report
	require.NoError(t, json.Unmarshal(j, &read))
	require.Equal(t, r.Two, read.Two)
	require.Equal(t, Format, read.Format)
}
