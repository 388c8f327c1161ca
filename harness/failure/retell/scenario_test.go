package retell

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/scenario"
	"github.com/firstgap/firstgap/impl/node"
)

// hasty is a segment of ours that answers a writer before what it was sent is on its disk.
type hasty struct{ node.Node }

func (h hasty) Step(now node.Time, ev node.Event, out *node.Effects) {
	if m, is := ev.Message.(*node.Append); is && len(m.Records) > 0 {
		out.Send(ev.From, &node.Appended{Epoch: m.Epoch, SCL: m.Records[len(m.Records)-1].LSN})
	}
	h.Node.Step(now, ev, out)
}

// State is the segment's: the checks that need it are made.
func (h hasty) State() node.State { return h.Node.(node.Teller).State() }

func hastyImplementation() aurora.Implementation {
	of := aurora.Ours()
	ours := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, hook node.Hook) node.Node {
		return hasty{ours(id, v, n, hook)}
	}
	return of
}

// refusedBy plays a script and returns the rule by which the model refuses a step of it.
func refusedBy(t testing.TB, of aurora.Implementation, script string) (rule string, differences []scenario.Difference) {
	steps, err := scenario.Read("a.txt", strings.NewReader(script))
	require.NoError(t, err, script)
	e := scenario.New(of)
	defer e.Close()
	differences, err = e.Play(steps)
	if err == nil {
		return "", differences
	}
	var refused *conform.Violation
	require.True(t, errors.As(err, &refused), "%v\n%s", err, script)
	return refused.Rule, differences
}

// What is written fails by the same rule with the mistake and passes without it, and is short.
func TestAScenarioFailsAsTheRunDoes(t *testing.T) {
	system := aurora.Of("hasty", hastyImplementation())
	c, err := system.Generate(3, harness.Generation{})
	require.NoError(t, err)
	x := explained(t, system, c)
	require.Equal(t, faults.Trace, x.What.Target.Check)
	var b bytes.Buffer
	require.NoError(t, Scenario(t.Context(), &b, system, x))
	text := b.String()
	rule, differences := refusedBy(t, hastyImplementation(), text)
	require.Equal(t, x.What.Target.Rule, rule, text)
	require.Empty(t, differences)
	rule, differences = refusedBy(t, aurora.Ours(), text)
	require.Empty(t, rule)
	require.Empty(t, differences, text)
	require.LessOrEqual(t, strings.Count(text, "----"), 5, text)
	require.Contains(t, text, "# segment 1/3 said `what` it must not \"say\"\n")
	require.Contains(t, text, "\nvolume groups=1 replicas=3 write-quorum=2 read-quorum=2\n")
	require.Contains(t, text, "recorded with it")
	// The same failure makes the same file.
	var again bytes.Buffer
	require.NoError(t, Scenario(t.Context(), &again, system, x))
	require.Equal(t, text, again.String())
}

// What a scenario has no words for is said by name, in the file and by the error; nothing else stands in the file.
func TestAFailureThatNoScenarioTells(t *testing.T) {
	ours, ebs := aurora.System(), older.Named("ebs")
	points := explained(t, ours, impatient(t, ours))
	points.Configuration.Plan.Faults = []faults.Fault{{Kind: faults.CrashAtPoint, Point: "segmentBeforeSync"}, {Kind: faults.DiskCorrupt}, {Kind: faults.DiskLies}, {Kind: faults.Pause}, {Kind: faults.Loss}}
	for _, c := range []struct {
		system harness.System
		x      *why.Explanation
		want   []string
	}{
		{ebs, explained(t, ebs, impatient(t, ebs)), []string{"the nodes of ebs"}},
		{ours, points, []string{"the check progress", "a crash in the middle of a step (crash-at-point at segmentBeforeSync)", "where a disk rots (disk-corrupt)", "the fault disk-lies",
			"when something arrives or is done (pause)", "messages that are lost between some nodes and pass between others (loss)"}},
	} {
		var b bytes.Buffer
		err := Scenario(t.Context(), &b, c.system, c.x)
		var untold *UntoldError
		require.ErrorAs(t, err, &untold)
		for _, words := range c.want {
			require.ErrorContains(t, err, words)
			require.Contains(t, b.String(), "\n# - "+words)
		}
		_, err = scenario.Read("a.txt", bytes.NewReader(b.Bytes()))
		require.ErrorContains(t, err, "expected a command, found none")
	}
}

// A run whose failure the engine does not show, because messages would have to overtake each other in it, is not written as if it did.
func TestNoScenarioIsWrong(t *testing.T) {
	system := aurora.Of("hasty", hastyImplementation())
	c, err := system.Generate(3, harness.Generation{})
	require.NoError(t, err)
	x := explained(t, system, c)
	d, err := draftOf(system, x)
	require.NoError(t, err)
	// Of nodes without the mistake no draft fails.
	s := search{ctx: t.Context(), of: aurora.Ours(), x: x}
	for _, v := range variants() {
		_, same := s.same(d.commands(v))
		require.False(t, same)
	}
	// Nor is one the same that is refused by another rule.
	s.of = hastyImplementation()
	_, same := s.same(d.commands(variant{}))
	require.True(t, same)
	other := *x
	other.What.Target.Rule = "another"
	s.x = &other
	_, same = s.same(d.commands(variant{}))
	require.False(t, same)
	// One that fails without its planted bug, too, shows something else than what the bug does.
	planted := *x
	planted.Configuration.Bug = "bugThatIsNone"
	s.x = &planted
	_, same = s.same(d.commands(variant{}))
	require.False(t, same)

	gone := *x
	gone.What.Target = failure.Target{Check: faults.Trace, Rule: "another", Verdict: judge.Violation}
	require.ErrorContains(t, Scenario(t.Context(), &bytes.Buffer{}, system, &gone), "no longer fails by trace (another)")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Scenario(ended, &bytes.Buffer{}, system, x), context.Canceled)
}

// What clients ask is said by the lines that scenarios have for it, or not at all.
func TestLinesOfRequests(t *testing.T) {
	row := func(k, v string) node.Row { return node.Row{Key: k, Value: node.Some(v)} }
	for want, r := range map[string]node.Request{
		"put a=1 b=2": {Op: node.OpPut, Rows: []node.Row{row("a", "1"), row("b", "2")}}, "delete a": {Op: node.OpPut, Rows: []node.Row{{Key: "a"}}},
		"get a": {Op: node.OpGet, Rows: []node.Row{{Key: "a"}}}, "scan - - 7": {Op: node.OpScan, Most: 7}, "scan a b": {Op: node.OpScan, From: "a", To: "b"},
		"savepoint": {Op: node.OpSavepoint}, "rollback 2": {Op: node.OpRollback, Savepoint: 2}, "commit": {Op: node.OpCommit}, "abort": {Op: node.OpAbort},
	} {
		line, sayable := lineOf(&r)
		require.True(t, sayable, want)
		if strings.HasPrefix(want, "scan -") {
			want = strings.TrimSpace(want)
		}
		require.Equal(t, want, line)
	}
	for _, r := range []node.Request{{Op: node.OpBegin}, {Op: node.OpPut}, {Op: node.OpPut, Rows: []node.Row{row("a b", "1")}}, {Op: node.OpPut, Rows: []node.Row{row("a", "x\ny")}},
		{Op: node.OpPut, Rows: []node.Row{row("a", "x*3")}}, {Op: node.OpPut, Rows: []node.Row{{Key: "a"}, row("b", "1")}}, {Op: node.OpGet}, {Op: node.OpRollback}, {Op: node.OpGet, Rows: []node.Row{{Key: "#"}}}} {
		line, sayable := lineOf(&r)
		require.False(t, sayable, "%v: %s", r, line)
	}
}

func TestAVolumeIsMadeSmaller(t *testing.T) {
	line := "volume groups=3 replicas=6 tails=BD bug=x"
	require.Equal(t, "volume groups=1 replicas=6 tails=BD bug=x", changed(line, "groups", "1"))
	require.Equal(t, "volume groups=3 replicas=6 bug=x", changed(line, "tails", ""))
	require.Equal(t, line, changed(line, "spares", "0"))
	steps := []scenario.Step{{Line: line}, {Line: "txn t7", Input: "put long=value\nget long\ncommit\n"}}
	require.Equal(t, []scenario.Step{{Line: line}, {Line: "txn t1", Input: "put k1=1\nget k1\ncommit\n"}}, plainer(slices.Clone(steps)))
	require.Equal(t, "volume groups=3 replicas=6 tails=BD", without(steps)[0].Line)
}
