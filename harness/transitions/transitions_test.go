//go:build !failpoints

// The failpoint build changes no line that these tests are about, and runs those of planted_test.go.

package transitions

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"
)

// driven is a search of the world of two segments to its end, with its schedules run. Tests share it and change nothing of it.
func driven(t *testing.T) (*search, []bool) {
	t.Helper()
	c, err := newCluster(scope(t, "pair"), aurora.Ours(), node.NoHook{})
	require.NoError(t, err)
	s, err := newSearch(c)
	require.NoError(t, err)
	require.NoError(t, s.run(t.Context(), func() {}))
	require.Nil(t, s.parted)
	taken, parted, err := s.verify(t.Context())
	require.NoError(t, err)
	require.Nil(t, parted)
	return s, taken
}

// What the transitions are counted from is the graph that the checker finds, and in the world of three segments TLC
// (spec/tla/worlds-trace.tsv, 1x3-w2r2-k1t1-l2e2-answers).
func TestTheGraphIsTheModels(t *testing.T) {
	for _, s := range Scopes() {
		g, err := newGraph(s.Model)
		require.NoError(t, err)
		r, err := volume.Search(t.Context(), s.Model, check.Options{NoReduction: true})
		require.NoError(t, err)
		require.Len(t, g.codes, int(r.Distinct), s.Name)
		if s.Name == "three" {
			require.Len(t, g.codes, 1937)
		}
	}
}

// Every transition of the world of two segments is driven, or is in a class of gaps whose reason holds.
func TestEveryTransitionIsDrivenOrHasAReason(t *testing.T) {
	s, taken := driven(t)
	tallied := func(known []GapClass) *Report {
		r := newReport(s, Options{Scope: s.c.scope})
		require.NoError(t, r.tally(s, taken, known))
		return r
	}
	r := tallied(gapsOf(&s.c.scope))
	require.Equal(t, verdict.Pass, r.Verdict())
	require.Empty(t, r.Unexplained)
	require.Greater(t, r.Driven, 9*r.Transitions/10)
	require.Equal(t, r.Transitions, r.Driven+r.Explained())
	for _, a := range r.Actions {
		require.Greater(t, a.Driven, 9*a.Transitions/10, a.Name)
	}

	// A class that is taken away leaves its transitions without a reason, and they are named.
	for i := range gapsOf(&s.c.scope) {
		less := tallied(slices.Delete(gapsOf(&s.c.scope), i, i+1))
		require.Equal(t, verdict.CouldNotTell, less.Verdict(), r.Gaps[i].Name)
		require.NotEmpty(t, less.Unexplained, r.Gaps[i].Name)
		require.Less(t, less.Driven+less.Explained(), less.Transitions)
	}

	// A reason for what was driven is refuted, with a schedule that drives it.
	never := GapClass{Name: "no segment joins", Reason: "None does.", covers: func(_ *volume.State, w *way) bool { return w.action == volume.ActJoin }}
	wrong := tallied(append(gapsOf(&s.c.scope), never))
	require.Equal(t, verdict.CouldNotTell, wrong.Verdict())
	refuted := wrong.Gaps[len(wrong.Gaps)-1].Refuted
	require.NotEmpty(t, refuted)
	require.True(t, strings.HasPrefix(refuted[0].Transition, "Join(2, "), refuted[0].Transition)
	require.Contains(t, refuted[0].Schedule[len(refuted[0].Schedule)-1], "receives of writer 2: join")

	// So is one that explains nothing.
	idle := GapClass{Name: "nothing", Reason: "Nothing.", covers: func(*volume.State, *way) bool { return false }}
	require.Equal(t, verdict.CouldNotTell, tallied(append(gapsOf(&s.c.scope), idle)).Verdict())

	// What was not run does not count.
	none := newReport(s, Options{Scope: s.c.scope})
	require.NoError(t, none.tally(s, make([]bool, len(taken)), gapsOf(&s.c.scope)))
	require.Equal(t, verdict.CouldNotTell, none.Verdict())
	left := *r
	left.Left = 1
	require.Equal(t, verdict.CouldNotTell, left.Verdict())

	text := func(r *Report) string {
		var b bytes.Buffer
		require.NoError(t, r.WriteText(&b))
		return b.String()
	}
	require.Contains(t, text(wrong), "refuted: this was driven: Join(2, ")
	require.Contains(t, text(tallied(nil)), "without a reason: ")
	require.Contains(t, text(tallied(append(gapsOf(&s.c.scope), idle))), "expected it to explain a transition, found that it explains none")
	require.Contains(t, text(r), "verdict: pass")
}

// Every class of gaps is one that some world has.
func TestEveryReasonIsOfSomeWorld(t *testing.T) {
	of := map[string]bool{}
	for _, s := range Scopes() {
		require.Len(t, gapsOf(&s), len(s.Gaps), "%s names a class that there is not", s.Name)
		for _, name := range s.Gaps {
			of[name] = true
		}
	}
	for _, c := range gapClasses {
		require.True(t, of[c.Name], c.Name)
		require.NotEmpty(t, c.Reason)
	}
}

// The same options give the same report, to the byte: nothing depends on the order of a map or an address.
func TestTheSameReportTwice(t *testing.T) {
	small := scope(t, "pair")
	small.Crashes = 0
	text := func() string {
		r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: small})
		require.NoError(t, err)
		b, err := r.JSON()
		require.NoError(t, err)
		return string(b)
	}
	require.Equal(t, text(), text())
}

// A schedule that the search finds only because it takes two states for one is found out by running it.
func TestAPrintThatLeavesTooMuchOutIsFoundOut(t *testing.T) {
	c, err := newCluster(scope(t, "pair"), aurora.Ours(), node.NoHook{})
	require.NoError(t, err)
	c.leftOut = map[string]bool{"writerView.knowledge": true, "writerView.end": true, "Writer.log": true, "Writer.groups": true, "Writer.end": true}
	for name := range leftOut {
		c.leftOut[name] = true
	}
	s, err := newSearch(c)
	require.NoError(t, err)
	require.NoError(t, s.run(t.Context(), func() {}))
	if s.parted != nil {
		_, err = s.confirm(s.parted)
	} else {
		_, _, err = s.verify(t.Context())
	}
	var stray *StrayError
	require.ErrorAs(t, err, &stray)
	require.NotEmpty(t, stray.Schedule)
}

// What prints leave out is there: a field that was renamed would be printed under its new name, and the search grow without a word.
func TestWhatPrintsLeaveOutExists(t *testing.T) {
	fields := map[string]bool{}
	seen := map[reflect.Type]bool{}
	var walk func(x reflect.Type)
	walk = func(x reflect.Type) {
		if seen[x] {
			return
		}
		seen[x] = true
		switch x.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			walk(x.Elem())
		case reflect.Map:
			walk(x.Key())
			walk(x.Elem())
		case reflect.Struct:
			for i := range x.NumField() {
				fields[nameOf(x)+"."+x.Field(i).Name] = true
				walk(x.Field(i).Type)
			}
		}
	}
	walk(reflect.TypeFor[segment.Segment]())
	walk(reflect.TypeFor[writer.Writer]())
	walk(reflect.TypeFor[control.Register]())
	for _, names := range []map[string]bool{leftOut, ofOneReplica} {
		for name := range names {
			require.True(t, fields[name], name)
		}
	}
}

// What cannot be driven is refused by name.
func TestScopesThatCannotBeDriven(t *testing.T) {
	for name, spoil := range map[string]func(s *Scope){
		"groups":                func(s *Scope) { s.Model.Groups = 2 },
		"answers and symmetry":  func(s *Scope) { s.Model.Answers = false },
		"mtr":                   func(s *Scope) { s.Model.Mtr = true },
		"replicas and maxEpoch": func(s *Scope) { s.Model.MaxEpoch = 99 },
		"txns":                  func(s *Scope) { s.Model.Txns = 65 },
		"crashes":               func(s *Scope) { s.Crashes = -1 },
	} {
		s := scope(t, "pair")
		spoil(&s)
		_, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: s})
		var refused *ScopeError
		require.ErrorAs(t, err, &refused, name)
		require.True(t, strings.HasPrefix(refused.Field, name), refused.Field)
	}
	mute := aurora.Ours()
	mute.Segment = func(node.ID, *node.Volume, aurora.Nodes, node.Hook) node.Node { return silent{} }
	_, err := Run(t.Context(), Options{Implementation: mute, Scope: scope(t, "pair")})
	var untold *UntoldError
	require.ErrorAs(t, err, &untold)
	require.Equal(t, "segment 1/1", untold.Process)
}

// silent is a node that tells nothing.
type silent struct{}

func (silent) Step(node.Time, node.Event, *node.Effects) {}

// A broken node is one whose steps are changed, and tells what it holds as before.
type brokenSegment struct {
	*segment.Segment
	before func(s *segment.Segment, ev *node.Event)
	after  func(s *segment.Segment, ev *node.Event, out *node.Effects)
	scl    func(l node.LSN) node.LSN
}

func (b *brokenSegment) Step(now node.Time, ev node.Event, out *node.Effects) {
	if b.before != nil {
		b.before(b.Segment, &ev)
	}
	b.Segment.Step(now, ev, out)
	if b.after != nil {
		b.after(b.Segment, &ev, out)
	}
}

func (b *brokenSegment) SCL() node.LSN {
	if b.scl != nil {
		return b.scl(b.Segment.SCL())
	}
	return b.Segment.SCL()
}

type brokenWriter struct {
	*writer.Writer
	before func(w *writer.Writer, ev *node.Event)
	after  func(w *writer.Writer, ev *node.Event, out *node.Effects)
}

func (b *brokenWriter) Step(now node.Time, ev node.Event, out *node.Effects) {
	if b.before != nil {
		b.before(b.Writer, &ev)
	}
	b.Writer.Step(now, ev, out)
	if b.after != nil {
		b.after(b.Writer, &ev, out)
	}
}

// withSegments and withWriters return our implementation with its nodes broken.
func withSegments(b brokenSegment) aurora.Implementation {
	of := aurora.Ours()
	ours := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		broken := b
		broken.Segment = ours(id, v, n, h).(*segment.Segment)
		return &broken
	}
	return of
}

func withWriters(b brokenWriter) aurora.Implementation {
	of := aurora.Ours()
	ours := of.Writer
	of.Writer = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		broken := b
		broken.Writer = ours(id, v, n, h).(*writer.Writer)
		return &broken
	}
	return of
}

// Each broken node is objected to by the field in which it differs from the model, behind a shortest schedule.
func TestBrokenNodesAreObjectedTo(t *testing.T) {
	isFence := func(ev *node.Event) bool { _, is := ev.Message.(*node.Fence); return is }
	for name, c := range map[string]struct {
		of      aurora.Implementation
		problem string   // said of what the model does not allow, or
		differs []string // what differs
		last    string   // step of the schedule
		steps   int
	}{
		"an SCL that skips an LSN": {
			of: withSegments(brokenSegment{scl: func(l node.LSN) node.LSN {
				if l == 3 {
					return 4
				}
				return l
			}}),
			differs: []string{"segment 1/1: SCL: expected 1, found 2", "segment 1/1: SCL on its disk: expected 1, found 2"},
			last:    "segment 1/1 receives of writer 1: append 3/1, VDL 2", steps: 2,
		},
		"a promise that does not get to the disk": {
			of: withSegments(brokenSegment{after: func(_ *segment.Segment, ev *node.Event, out *node.Effects) {
				if isFence(ev) {
					out.List = slices.DeleteFunc(out.List, func(e node.Effect) bool { return e.Kind == node.DoAppend })
				}
			}}),
			differs: []string{"segment 1/1: promise on its disk: expected 2, found 1"},
			last:    "segment 1/1 receives of writer 2: fence", steps: 6,
		},
		"an acknowledgement before the record is durable": {
			of: withSegments(brokenSegment{after: func(s *segment.Segment, ev *node.Event, out *node.Effects) {
				if a, is := ev.Message.(*node.Append); is && len(a.Records) > 0 && a.Records[0].LSN == 3 {
					out.List = slices.DeleteFunc(out.List, func(e node.Effect) bool { return e.Kind == node.DoAppend || e.Kind == node.DoSync })
					out.Send(ev.From, &node.Appended{Epoch: a.Epoch, SCL: a.Records[0].LSN})
				}
			}}),
			differs: []string{"writer 1: SCL that it knows of segment 1/1: expected at most 0, found 1"},
			last:    "writer 1 receives of segment 1/1: appended, epoch 1, SCL 3", steps: 3,
		},
		"a record that is written with other bytes": {
			of: withSegments(brokenSegment{after: func(_ *segment.Segment, ev *node.Event, out *node.Effects) {
				if a, is := ev.Message.(*node.Append); is && len(a.Records) > 0 && a.Records[0].LSN > 2 {
					for i := range out.List {
						if e := &out.List[i]; e.Kind == node.DoAppend {
							e.Data = slices.Clone(e.Data[:len(e.Data)-1])
						}
					}
				}
			}}),
			differs: []string{"segment 1/1: epoch of the record stored at LSN 1 on its disk: expected 1, found 0", "segment 1/1: SCL on its disk: expected 1, found 0"},
			last:    "segment 1/1 receives of writer 1: append 3/1, VDL 2", steps: 2,
		},
		"an answer that leaves a record out": {
			of: withWriters(brokenWriter{before: func(_ *writer.Writer, ev *node.Event) {
				if f, is := ev.Message.(*node.Fenced); is && f.SCL > 2 {
					less := *f
					less.Held = less.Held[:len(less.Held)-1]
					ev.Message = &less
				}
			}}),
			problem: "Decide of epoch 2: the cut: expected 1 by these answers, found 0",
			last:    "writer 2 receives of segment 1/1: fenced, epoch 2, SCL 3, 2 held", steps: 9,
		},
		"a commit that is acknowledged when it is asked for": {
			of: withWriters(brokenWriter{after: func(_ *writer.Writer, ev *node.Event, out *node.Effects) {
				if ev.Kind == node.Requested && ev.Request.Op == node.OpCommit && ev.Request.Txn != node.MakeTxn(1, 1) {
					out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: node.OpCommit, Txn: ev.Request.Txn, Status: node.OK})
				}
			}}),
			differs: []string{"the clients: transaction 1 acknowledged: expected false, found true"},
			last:    "writer 1 is called: transaction 1, commit", steps: 2,
		},
		"a VCL that is told too high": {
			of: withWriters(brokenWriter{after: func(w *writer.Writer, ev *node.Event, out *node.Effects) {
				for i := range out.Trace {
					if x := &out.Trace[i]; x.Action == node.ActAdvance && x.LSN == 3 {
						x.LSN++
					}
				}
			}}),
			problem: `Advance of epoch 1 to 2: the model forbids it: vcl[e] < End(e)`,
			last:    "writer 1 receives of segment 1/2: appended, epoch 1, SCL 3", steps: 5,
		},
		"a step that the model has no word for": {
			of: withWriters(brokenWriter{after: func(_ *writer.Writer, ev *node.Event, out *node.Effects) {
				if ev.Kind == node.Requested && ev.Request.Op == node.OpPut && ev.Request.Txn != node.MakeTxn(1, 1) {
					out.Tell(node.Trace{Action: node.ActGrow, Epoch: 1})
				}
			}}),
			problem: "writer 1 tells Grow, of which the world has none",
			last:    "writer 1 is called: transaction 1 puts row k1", steps: 1,
		},
		"a node that gives up": {
			of: withSegments(brokenSegment{before: func(_ *segment.Segment, ev *node.Event) {
				if isFence(ev) {
					panic("no")
				}
			}}),
			problem: "segment 1/1 panicked: no",
			last:    "segment 1/1 receives of writer 2: fence", steps: 6,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), Options{Implementation: c.of, Scope: scope(t, "pair")})
			require.NoError(t, err)
			require.Equal(t, verdict.Violation, r.Verdict())
			require.NotNil(t, r.Parted)
			var found []string
			for _, d := range r.Parted.Differences {
				found = append(found, d.String())
			}
			require.Equal(t, c.problem, r.Parted.Problem, "differences: %v", found)
			require.Equal(t, c.differs, found)
			require.Equal(t, c.last, r.Parted.Schedule[len(r.Parted.Schedule)-1])
			require.Len(t, r.Parted.Schedule, c.steps, "%v", r.Parted.Schedule)
			var b bytes.Buffer
			require.NoError(t, r.WriteText(&b))
			require.Contains(t, b.String(), fmt.Sprintf("  %d. %s\n", c.steps, c.last))
			require.Contains(t, b.String(), "verdict: violation")
		})
	}
}

// A model that is wrong is objected to as well: the same nodes do not do what it says.
func TestBrokenModelsAreObjectedTo(t *testing.T) {
	run := func(bug string) *Report {
		s := scope(t, "pair")
		s.Model.Bug = bug
		r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: s})
		require.NoError(t, err)
		return r
	}
	r := run("cut-at-highest")
	require.Equal(t, verdict.Violation, r.Verdict())
	require.Equal(t, "Decide of epoch 2: the cut: expected 2 by these answers, found 0", r.Parted.Problem)

	// A model that lets more happen than ours has transitions that no schedule takes, and for which there is no reason.
	r = run("short-write-quorum")
	require.Equal(t, verdict.CouldNotTell, r.Verdict())
	require.Nil(t, r.Parted)
	require.NotEmpty(t, r.Unexplained)
	require.True(t, slices.ContainsFunc(r.Unexplained, func(u string) bool { return strings.HasPrefix(u, "Advance(1) where ") }), r.Unexplained)
}
