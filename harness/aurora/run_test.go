package aurora

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// generated returns the configuration of a seed.
func generated(t testing.TB, seed uint64) Configuration {
	c, err := Generate(seed, harness.Generation{})
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
func found(r harness.Result, c judge.Check) []judge.Finding {
	var all []judge.Finding
	for _, f := range r.Findings {
		if f.Check == c {
			all = append(all, f)
		}
	}
	return all
}

// objected demands that the run was found wrong by that check, with its guarantee.
func objected(t *testing.T, r harness.Result, c judge.Check, words ...string) {
	t.Helper()
	all := found(r, c)
	require.NotEmpty(t, all, "%s has no objection; all findings: %v", c, r.Findings)
	require.Equal(t, judge.Violation, r.Verdict)
	require.Equal(t, judge.Violation, all[0].Verdict)
	require.Equal(t, judge.Guarantee(c), all[0].Guarantee)
	for _, w := range words {
		require.Contains(t, all[0].Sentence()+"\n"+all[0].Explain(), w)
	}
}

func TestAQuietRunPassesEveryCheck(t *testing.T) {
	r := run(quiet(t))
	require.Equal(t, judge.Pass, r.Verdict, "%v", r.Findings)
	require.ElementsMatch(t, []judge.Check{faults.Trace, faults.Serializability, faults.Durability, faults.Pages, faults.Progress, faults.Replies, faults.Restore, judge.Wire, faults.Tree, faults.Sanity,
		faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Collection, faults.Floor, faults.Storage, faults.Answers, faults.Traffic, faults.Writes, faults.Upkeep}, r.Made)
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
		one := run(c)
		two, _ := failure.Record(System(), c.Whole())
		require.Equal(t, one.Hash, two.Hash, "seed %d: recording changes a run", seed)
		require.Equal(t, one.Counts, two.Counts)
		require.Equal(t, one.Findings, two.Findings)
	}
}

func TestWhatCannotBeRunIsNoPass(t *testing.T) {
	c := quiet(t)
	c.Volume.ReadQuorum = 7
	r := run(c)
	require.Equal(t, judge.CouldNotTell, r.Verdict)
	require.Len(t, r.Findings, 1)
	require.Contains(t, r.Findings[0].Sentence(), "volume.readQuorum is 7, want 1 to 6")

	c = quiet(t)
	c.System = "orora"
	r = run(c)
	require.Equal(t, judge.CouldNotTell, r.Verdict)
	require.Equal(t, `configuration: system is "orora", want "aurora"`, r.Findings[0].Sentence())

	if !harness.HasPoints() {
		c = quiet(t)
		c.Bug = "bugUndoSkipped"
		r = run(c)
		require.Equal(t, judge.CouldNotTell, r.Verdict)
		require.Contains(t, r.Findings[0].Sentence(), faults.ErrNoOverlay.Error())
	}
}

func TestARunThatExceedsALimitCouldNotTell(t *testing.T) {
	for limit, l := range map[string]sim.Limits{
		runtime.LimitEvents: {Events: 500},
		runtime.LimitTime:   {Time: faults.Duration(40 * time.Millisecond)},
		runtime.LimitBytes:  {Bytes: 4000},
	} {
		c := quiet(t)
		c.Limits = l
		r := run(c)
		require.Equal(t, judge.CouldNotTell, r.Verdict, limit)
		all := found(r, faults.Sanity)
		require.Len(t, all, 1, limit)
		require.Contains(t, all[0].Sentence(), "exceeded its limit on "+limit)
		require.NotContains(t, r.Made, faults.Durability, "nobody has read what is left")
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
			r := runOf(neverOpens(), configuration)
			require.NotContains(t, r.Made, faults.Durability)
			if c.excused {
				require.Equal(t, judge.Pass, r.Verdict, "%v", r.Findings)
				require.Equal(t, uint64(1), r.Counts.Stalled)
				return
			}
			objected(t, r, faults.Progress)
			require.Zero(t, r.Counts.Stalled)
		})
	}
}

// With W + R no more than N, a recovery may read segments that all lack what was acknowledged.
func TestQuorumsThatDoNotOverlapAreFoundWrong(t *testing.T) {
	objected := map[judge.Check]int{}
	for seed := range uint64(60) {
		c := generated(t, seed)
		if c.Volume.Replicas != 6 {
			continue
		}
		c.Volume.WriteQuorum, c.Volume.ReadQuorum, c.Plan.BeyondBudget = 1, 1, true
		r := run(c)
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

// State implements node.Teller.
func (a *altered) State() node.State { return a.Node.(node.Teller).State() }

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
	r := runOf(neverOpens(), quiet(t))
	objected(t, r, faults.Progress, "expected an acknowledged write and a read of everything after the last take-over", "within 20s", "segment 2/6: promise 1, line 1")
	require.NotContains(t, r.Made, faults.Durability)
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
					lsn := inner.(node.Teller).State().End + 1
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
	r := runOf(of, quiet(t))
	objected(t, r, faults.Durability, string(judge.AcknowledgedGone))
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
	objected(t, runOf(of, quiet(t)), judge.Wire, "from writer 1, found page-image")
}

// liar makes a segment whose pages are not what they should be.
func liar(s node.Node) node.Node {
	return &altered{s, func(now node.Time, ev node.Event, out *node.Effects, inner node.Node) {
		before := len(out.List)
		inner.Step(now, ev, out)
		for _, e := range out.List[before:] {
			if image, is := e.Message.(*node.PageImage); is && ev.From == sim.Outside {
				image.Image[len(image.Image)-1] ^= 1
			}
		}
	}}
}

func TestASegmentWithAnotherPageIsSeen(t *testing.T) {
	of := Ours()
	inner := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
		s := inner(id, v, n, hook)
		if id == v.Segments[1][3] {
			return liar(s)
		}
		return s
	}
	r := runOf(of, quiet(t))
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
	r := runOf(of, quiet(t))
	objected(t, r, faults.Trace, "Advance")
	require.NotEmpty(t, found(r, faults.Trace)[0].Lead)
	require.NotZero(t, found(r, faults.Trace)[0].Event)
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
	r := runOf(of, quiet(t))
	objected(t, r, faults.Sanity, "panicked on", "no room for record")
	require.True(t, strings.HasPrefix(found(r, faults.Sanity)[0].Subject, "segment "))
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
			return liar(s)
		}
		return s
	}
	r := runOf(of, quiet(t))
	objected(t, r, judge.Wire)
	objected(t, r, faults.Pages)
}

// run makes a run of our implementation.
func run(c Configuration) harness.Result { return harness.Run(System(), c.Whole()) }

// runOf makes a run of an implementation.
func runOf(of Implementation, c Configuration) harness.Result {
	return harness.Run(Of(Name, of), c.Whole())
}

// read reads a configuration of this system and validates it.
func read(in io.Reader) (Configuration, error) {
	whole, err := configuration.Read(in)
	if err != nil {
		return Configuration{}, err
	}
	c, err := Read(&whole)
	if err != nil {
		return c, err
	}
	return c, c.Validate()
}

// Every row that a run shows is looked at: a run without a read would prove nothing.
func TestARunShowsRows(t *testing.T) {
	r := run(quiet(t))
	require.Equal(t, judge.Pass, r.Verdict, "%v", r.Findings)
	require.NotEmpty(t, r.Evidence.Transactions.Shown)
}
