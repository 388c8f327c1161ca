package harness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// generated returns the configuration of a seed.
func generated(t testing.TB, seed uint64) Configuration {
	c, err := Generation{}.Generate(seed)
	require.NoError(t, err)
	return c
}

// quiet is a configuration of 6/4/3 in which nothing goes wrong but the take-over at the end.
func quiet(t testing.TB) Configuration {
	c := generated(t, 5)
	c.Volume = Volume{Groups: 2, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, PageSize: 512, InUse: 2, BackupWindow: 16, Zones: 3}
	c.Nodes.CachePages = 3
	c.Network.Loss, c.Network.Duplicate, c.Network.TailRate = 0, 0, 0
	c.Plan.Faults, c.Plan.BeyondBudget = nil, false
	require.NoError(t, c.Validate())
	return c
}

// found returns the findings of a check.
func found(r Result, c Check) []Finding {
	var all []Finding
	for _, f := range r.Findings {
		if f.Check == c {
			all = append(all, f)
		}
	}
	return all
}

// objected demands that the run was found wrong by that check, with its guarantee.
func objected(t *testing.T, r Result, c Check, words ...string) {
	t.Helper()
	all := found(r, c)
	require.NotEmpty(t, all, "%s has no objection; all findings: %v", c, r.Findings)
	require.Equal(t, Violation, r.Verdict)
	require.Equal(t, Violation, all[0].Verdict)
	require.Equal(t, Guarantee(c), all[0].Guarantee)
	for _, w := range words {
		require.Contains(t, all[0].Detail, w)
	}
}

func TestAQuietRunPassesEveryCheck(t *testing.T) {
	r := Run(quiet(t))
	require.Equal(t, Pass, r.Verdict, "%v", r.Findings)
	require.ElementsMatch(t, []Check{faults.Trace, faults.Serializability, faults.Durability, faults.Pages, faults.Progress, faults.Replies, faults.Restore, Wire, TreeCheck, Sanity}, r.Evaluated)
	c := r.Counts
	require.Equal(t, uint64(1), c.Runs)
	require.Equal(t, uint64(1), c.TakeOvers)
	require.Equal(t, uint64(1), c.Recoveries)
	require.Greater(t, c.Acknowledged, uint64(10))
	require.Positive(t, c.PagesCompared)
	require.Positive(t, c.PageReads)
	require.Positive(t, c.RowsAudited)
	require.Positive(t, c.Trace.Evaluations)
	require.Equal(t, uint64(1), c.Certificates)
}

func TestTheSameConfigurationGivesTheSameRun(t *testing.T) {
	for seed := range uint64(20) {
		c := generated(t, seed)
		one, two := Run(c), RunRecorded(c, true)
		require.Equal(t, one.Hash, two.Hash, "seed %d: recording changes a run", seed)
		require.Equal(t, one.Counts, two.Counts)
		require.Equal(t, one.Findings, two.Findings)
	}
}

func TestWhatCannotBeRunIsNoPass(t *testing.T) {
	c := quiet(t)
	c.Volume.ReadQuorum = 7
	r := Run(c)
	require.Equal(t, CouldNotTell, r.Verdict)
	require.Len(t, r.Findings, 1)
	require.Contains(t, r.Findings[0].Detail, "volume.readQuorum is 7, want 1 to 6")

	if !HasPoints() {
		c = quiet(t)
		c.Bug = "bugUndoSkipped"
		r = Run(c)
		require.Equal(t, CouldNotTell, r.Verdict)
		require.Contains(t, r.Findings[0].Detail, faults.ErrNoOverlay.Error())
	}
}

func TestARunThatExceedsALimitCouldNotTell(t *testing.T) {
	for limit, l := range map[string]sim.Limits{
		sim.LimitEvents: {Events: 500},
		sim.LimitTime:   {Time: faults.Duration(40 * time.Millisecond)},
		sim.LimitBytes:  {Bytes: 4000},
	} {
		c := quiet(t)
		c.Limits = l
		r := Run(c)
		require.Equal(t, CouldNotTell, r.Verdict, limit)
		all := found(r, Sanity)
		require.Len(t, all, 1, limit)
		require.Contains(t, all[0].Detail, "exceeded its limit on "+limit)
		require.NotContains(t, r.Evaluated, faults.Durability, "nobody has read what is left")
		require.Empty(t, found(r, faults.Progress), "it was not given its time")
	}
}

// A volume whose disks are damaged beyond the budget may stop for good, and that is counted; it may not lie. Nothing
// else excuses it.
func TestOnlyDamageBeyondTheBudgetExcusesAVolumeThatStops(t *testing.T) {
	at := faults.Duration(200 * time.Millisecond)
	damage := faults.Fault{Kind: faults.DiskCorrupt, At: at, Nodes: []string{"segment 1/1"}, Salt: 7}
	crash := faults.Fault{Kind: faults.Crash, At: at, For: at / 4, Nodes: []string{"segment 1/1"}, Salt: 7}
	for _, c := range []struct {
		name    string
		fault   faults.Fault
		beyond  bool
		excused bool
	}{
		{"damage beyond the budget", damage, true, true},
		{"damage within the budget", damage, false, false},
		{"a crash beyond the budget", crash, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			configuration := quiet(t)
			configuration.Plan.Faults, configuration.Plan.BeyondBudget = []faults.Fault{c.fault}, c.beyond
			r := RunOf(neverOpens(), configuration, false)
			require.NotContains(t, r.Evaluated, faults.Durability)
			if c.excused {
				require.Equal(t, Pass, r.Verdict, "%v", r.Findings)
				require.Equal(t, uint64(1), r.Counts.Stalled)
				return
			}
			objected(t, r, faults.Progress)
			require.Zero(t, r.Counts.Stalled)
		})
	}
}

// With W + R no more than N, a recovery may read nobody who has what was acknowledged.
func TestQuorumsThatDoNotOverlapAreFoundWrong(t *testing.T) {
	objected := map[Check]int{}
	for seed := range uint64(60) {
		c := generated(t, seed)
		if c.Volume.Replicas != 6 {
			continue
		}
		c.Volume.WriteQuorum, c.Volume.ReadQuorum, c.Plan.BeyondBudget = 1, 1, true
		r := Run(c)
		for _, f := range r.Findings {
			objected[f.Check]++
		}
	}
	require.Positive(t, objected[faults.Trace], "%v", objected)
	require.Positive(t, objected[faults.Durability], "%v", objected)
}

// What follows are implementations with one thing wrong each.

// altered is a node that does as another does, but for what step makes of it.
type altered struct {
	node.Node
	step func(now node.Time, ev node.Event, out *node.Effects, inner node.Node)
}

func (a *altered) Step(now node.Time, ev node.Event, out *node.Effects) {
	a.step(now, ev, out, a.Node)
}

// neverOpens has writers that cannot take over from another.
func neverOpens() Implementation {
	of := Ours()
	inner := of.Writer
	of.Writer = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		return &altered{inner(id, v, n, hook), func(now node.Time, ev node.Event, out *node.Effects, inner node.Node) {
			if swapped, ok := ev.Message.(*node.Swapped); ok && swapped.Epoch > 1 {
				return // it never learns that it has won
			}
			inner.Step(now, ev, out)
		}}
	}
	return of
}

func TestAWriterThatNeverOpensMakesNoProgress(t *testing.T) {
	r := RunOf(neverOpens(), quiet(t), false)
	objected(t, r, faults.Progress, "expected an acknowledged write and a read of every row after the last take-over", "within 20s", "segment 2/6: promise 1")
	require.NotContains(t, r.Evaluated, faults.Durability)
}

func TestAWriterThatAcknowledgesWhatItForgetsLosesIt(t *testing.T) {
	of := Ours()
	inner := of.Writer
	of.Writer = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		commits := 0
		return &altered{inner(id, v, n, hook), func(now node.Time, ev node.Event, out *node.Effects, inner node.Node) {
			if ev.Kind == node.Requested && ev.Request.Op == node.OpCommit {
				if commits++; commits%5 == 0 {
					// It says that it is done, and rolls back.
					lsn := inner.(writerView).End() + 1
					ev.Request.Op = node.OpAbort
					inner.Step(now, ev, out)
					for i := range out.List {
						if e := &out.List[i]; e.Kind == node.DoRespond && e.Reply.ID == ev.Request.ID {
							e.Reply.Op, e.Reply.Status, e.Reply.LSN = node.OpCommit, node.OK, lsn
						}
					}
					return
				}
			}
			inner.Step(now, ev, out)
		}}
	}
	r := RunOf(of, quiet(t), false)
	objected(t, r, faults.Durability, string(AcknowledgedGone))
	objected(t, r, faults.Serializability, "strict serializability")
}

func TestAWriterThatSendsAPageIsSeen(t *testing.T) {
	of := Ours()
	inner := of.Writer
	of.Writer = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		return &altered{inner(id, v, n, hook), func(now node.Time, ev node.Event, out *node.Effects, inner node.Node) {
			inner.Step(now, ev, out)
			if ev.Kind == node.Requested && ev.Request.Op == node.OpPut {
				out.Send(v.Segments[0][0], &node.PageImage{Epoch: 1, Image: []byte("a page")})
			}
		}}
	}
	objected(t, RunOf(of, quiet(t), false), Wire, "from writer 1, found page-image")
}

// liar is a segment whose pages are not what they should be.
type liar struct {
	segmentView
	node.Node
}

func (l *liar) PageAt(p node.PageID, at node.LSN) ([]byte, error) {
	image, err := l.segmentView.PageAt(p, at)
	if len(image) > 0 {
		image[len(image)-1] ^= 1
	}
	return image, err
}

func TestASegmentWithAnotherPageIsSeen(t *testing.T) {
	of := Ours()
	inner := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		s := inner(id, v, n, hook)
		if id == v.Segments[1][3] {
			return &liar{s.(segmentView), s}
		}
		return s
	}
	r := RunOf(of, quiet(t), false)
	objected(t, r, faults.Pages, "segment 2/4", "differs from byte")
}

func TestASegmentThatForgetsIsSeenAtOnce(t *testing.T) {
	of := Ours()
	inner := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		return &altered{inner(id, v, n, hook), func(now node.Time, ev node.Event, out *node.Effects, inner node.Node) {
			inner.Step(now, ev, out)
			for i := range out.List {
				// It claims to be complete as far as anybody is.
				if m, ok := out.List[i].Message.(*node.Appended); ok {
					out.List[i].Message = &node.Appended{Epoch: m.Epoch, SCL: m.SCL + 1000}
				}
			}
		}}
	}
	r := RunOf(of, quiet(t), false)
	objected(t, r, faults.Trace, "Advance")
	require.NotEmpty(t, found(r, faults.Trace)[0].Explanation)
}

func TestANodeThatPanicsIsAFinding(t *testing.T) {
	of := Ours()
	inner := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		return &altered{inner(id, v, n, hook), func(now node.Time, ev node.Event, out *node.Effects, inner node.Node) {
			if m, ok := ev.Message.(*node.Append); ok && len(m.Records) > 0 && m.Records[0].LSN > 20 {
				panic(fmt.Sprintf("no room for record %d", m.Records[0].LSN))
			}
			inner.Step(now, ev, out)
		}}
	}
	r := RunOf(of, quiet(t), false)
	objected(t, r, Sanity, "panicked on", "no room for record")
	require.True(t, strings.HasPrefix(found(r, Sanity)[0].Detail, "segment "))
}

// Every failing check is reported, not only the first.
func TestAllObjectionsAreReported(t *testing.T) {
	of := Ours()
	writer, segment := of.Writer, of.Segment
	of.Writer = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		return &altered{writer(id, v, n, hook), func(now node.Time, ev node.Event, out *node.Effects, inner node.Node) {
			inner.Step(now, ev, out)
			out.Send(v.Segments[0][0], &node.PageImage{Epoch: 1})
		}}
	}
	of.Segment = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		s := segment(id, v, n, hook)
		if id == v.Segments[v.GroupOf(1)][1] { // the tree's root is page 1
			return &liar{s.(segmentView), s}
		}
		return s
	}
	r := RunOf(of, quiet(t), false)
	objected(t, r, Wire)
	objected(t, r, faults.Pages)
}
