package retell

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// schema returns what validates a SARIF log: the JSON schema that OASIS publishes with the standard, under its IPR policy.
func schema(t testing.TB) func(log []byte) error {
	text, err := os.ReadFile("testdata/sarif-schema-2.1.0.json")
	require.NoError(t, err)
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("sarif.json", parsed))
	compiled, err := c.Compile("sarif.json")
	require.NoError(t, err)
	return func(log []byte) error {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(log))
		if err != nil {
			return err
		}
		return compiled.Validate(value)
	}
}

func log(t testing.TB, all []Shown, from *Sources) (sarifRun, []byte) {
	var b bytes.Buffer
	require.NoError(t, SARIF(&b, all, from, failure.Build{Version: "v1.2.3"}))
	require.NoError(t, schema(t)(b.Bytes()), "%s", b.String())
	var l sarifLog
	require.NoError(t, json.Unmarshal(b.Bytes(), &l))
	require.Len(t, l.Runs, 1)
	return l.Runs[0], b.Bytes()
}

// refused is a step that the model refuses, of our own system with a planted bug.
func refused() Shown {
	f := judge.Finding{Check: faults.Trace, Verdict: judge.Violation, Rule: "AckIsDurable", Guarantee: "every step is one of the model", Nodes: []string{"writer 1"},
		Subject: "step 41 (Ack): LSN 3 is on one segment; a commit is kept"}
	return Shown{Seed: 4, System: "aurora", Findings: []judge.Finding{f}, File: "build/report/seed-4.fgt", Page: "build/report/seed-4.html", Replay: "firstgap replay build/report/seed-4.fgt",
		Why: &why.Explanation{Minimal: true, What: why.What{Target: failure.Target{Check: f.Check, Rule: f.Rule, Verdict: f.Verdict}, Finding: f, Headline: "writer 1 acknowledged LSN 3 at 2 ms",
			Rule:  why.Rule{Text: "a commit is acknowledged when a write quorum has it", Reason: "else it is lost", Source: "section 4.2.2"},
			Chain: []why.Link{{Event: 7, Node: "segment 1/3", Words: "answered before LSN 3 was on disk"}, {Event: 9, Node: "writer 1", Words: "acknowledged", From: 7}},
			Bad:   &why.Link{Event: 9, Node: "writer 1", Words: "acknowledged", From: 7}, Causes: []why.Link{{Event: 3, Node: "client 1", Words: "asked {for} a [write] \\"}}}},
		Steps: map[uint64]node.Action{7: node.ActStore, 9: node.ActAck}}
}

func ours(t testing.TB) *Sources {
	s, err := ReadSources(".")
	require.NoError(t, err)
	return s
}

func TestALogWithoutResultsIsValid(t *testing.T) {
	run, text := log(t, nil, nil)
	require.Empty(t, run.Results)
	require.Contains(t, string(text), `"results": []`)
	require.True(t, run.Invocations[0].ExecutionSuccessful)
}

// The schema is worth what it refuses.
func TestTheSchemaRefusesWhatIsNoSARIF(t *testing.T) {
	_, text := log(t, []Shown{refused()}, ours(t))
	for _, c := range [][2]string{
		{`"version": "2.1.0"`, `"version": "2.2"`}, {`"startLine": 1`, `"startLine": 0`}, {`"level": "error"`, `"level": "fatal"`},
		{`"importance": "essential"`, `"importance": "high"`}, {`"executionSuccessful": true`, `"executionSuccessful": "yes"`}, {`"driver"`, `"drivers"`},
		{`"columnKind"`, `"columns"`}, {`"threadFlows": [`, `"threadFlows": [], "x": [`},
	} {
		changed := strings.Replace(string(text), c[0], c[1], 1)
		require.NotEqual(t, string(text), changed, c[0])
		require.Error(t, schema(t)([]byte(changed)), c[1])
	}
}

func TestAResultHasItsRuleItsPlaceAndItsFlow(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	x := refused()
	x.File, x.Page = filepath.Join(root, x.File), filepath.Join(root, x.Page)
	run, _ := log(t, []Shown{x}, ours(t))
	require.Len(t, run.Results, 1)
	r := run.Results[0]
	require.Equal(t, "trace/ackisdurable", r.RuleID)
	require.Equal(t, run.Tool.Driver.Rules[r.RuleIndex].ID, r.RuleID)
	require.Equal(t, "TraceAckIsDurable", run.Tool.Driver.Rules[0].Name)
	require.Equal(t, "a commit is acknowledged when a write quorum has it. else it is lost.", run.Tool.Driver.Rules[0].Full.Text)
	require.Equal(t, "error", r.Level)
	require.Equal(t, "writer 1 acknowledged LSN 3 at 2 ms", r.Message.Text)
	require.Equal(t, map[string]string{"firstgap/system/rule/v1": "aurora/trace/ackisdurable"}, r.Fingerprints)
	// The step is told in the writer, at the line that says so.
	require.Equal(t, "node.ActAck", lineAt(t, root, r.Locations[0], "node.ActAck"))
	require.Contains(t, r.Locations[0].Physical.Artifact.URI, "impl/writer/")
	require.Equal(t, "build/report/seed-4.fgt", r.Related[0].Physical.Artifact.URI)
	require.Equal(t, "build/report/seed-4.html", r.Related[1].Physical.Artifact.URI)
	flow := r.Flows[0].Threads[0].Locations
	require.Len(t, flow, 3, "the bad step is the end of the chain, and stands there once")
	require.Equal(t, `0.000ms client 1: asked {{for}} a \[write\] \\`, flow[0].Location.Message.Text)
	require.Equal(t, "build/report/seed-4.fgt", flow[0].Location.Physical.Artifact.URI, "nothing is told of it")
	require.Equal(t, "node.ActStore", lineAt(t, root, flow[1].Location, "node.ActStore"))
	require.Contains(t, flow[1].Location.Physical.Artifact.URI, "impl/segment/")
	require.Equal(t, "segment 1/3", flow[1].Location.Logical[0].Name)
	require.Equal(t, []string{"important", "important", "essential"}, []string{flow[0].Importance, flow[1].Importance, flow[2].Importance})

	// A planted bug and a failpoint are where their comments are.
	x.Why.Configuration.Plan.Faults = []faults.Fault{{Kind: faults.CrashAtPoint, Point: "segmentBeforeSync"}}
	run, _ = log(t, []Shown{x}, ours(t))
	lineAt(t, root, run.Results[0].Locations[0], "gofail: var segmentBeforeSync")
	x.Why.Configuration.Bug = "bugAckBeforeSync"
	run, _ = log(t, []Shown{x}, ours(t))
	lineAt(t, root, run.Results[0].Locations[0], "gofail: var bugAckBeforeSync")
}

// lineAt returns the words if the line of a location has them.
func lineAt(t testing.TB, root string, l sarifLocation, words string) string {
	require.Equal(t, srcRoot, l.Physical.Artifact.Base)
	text, err := os.ReadFile(filepath.Join(root, l.Physical.Artifact.URI))
	require.NoError(t, err)
	require.Contains(t, strings.Split(string(text), "\n")[l.Physical.Region.StartLine-1], words)
	return words
}

// What was not explained, what has no source, and what could not be told are results, too.
func TestAResultWithLess(t *testing.T) {
	bare := refused()
	bare.Why, bare.Page = nil, ""
	untold := Shown{Seed: 5, System: "x", File: "/elsewhere/a b.fgt", Findings: []judge.Finding{{Check: faults.Sanity, Verdict: judge.CouldNotTell, Subject: strings.Repeat("é", mostText)}}}
	run, _ := log(t, []Shown{bare, untold, {Seed: 6, System: "y"}}, nil)
	require.Len(t, run.Results, 3)
	require.Equal(t, "step 41 (Ack): LSN 3 is on one segment; a commit is kept: AckIsDurable", run.Results[0].Message.Text)
	require.Equal(t, "build/report/seed-4.fgt", run.Results[0].Locations[0].Physical.Artifact.URI)
	require.Empty(t, run.Results[0].Flows)
	require.Equal(t, "warning", run.Results[1].Level)
	require.Equal(t, "file:///elsewhere/a%20b.fgt", run.Results[1].Locations[0].Physical.Artifact.URI)
	require.LessOrEqual(t, len(run.Results[1].Message.Text), mostText+len("…"))
	require.Equal(t, "run", run.Results[2].RuleID)
	// With the sources, a finding that names a step is shown where it is told.
	run, _ = log(t, []Shown{bare}, ours(t))
	require.Contains(t, run.Results[0].Locations[0].Physical.Artifact.URI, "impl/writer/")
	// Two failures of one rule share it, and the one that was explained describes it.
	run, _ = log(t, []Shown{bare, refused()}, nil)
	require.Len(t, run.Tool.Driver.Rules, 1)
	require.Contains(t, run.Tool.Driver.Rules[0].Full.Text, "else it is lost")
}

func TestALogHasAtMostWhatReadersTake(t *testing.T) {
	all := make([]Shown, mostResults+2)
	for i := range all {
		all[i] = Shown{Seed: uint64(i), System: "x"}
	}
	all[0] = refused()
	all[0].Why.What.Chain = make([]why.Link, mostSteps+9)
	for i := range all[0].Why.What.Chain {
		all[0].Why.What.Chain[i].Event = uint64(i)
	}
	var b bytes.Buffer
	require.NoError(t, SARIF(&b, all, nil, failure.Build{}))
	var l sarifLog
	require.NoError(t, json.Unmarshal(b.Bytes(), &l))
	require.Len(t, l.Runs[0].Results, mostResults)
	require.Len(t, l.Runs[0].Results[0].Flows[0].Threads[0].Locations, mostSteps)
	require.Contains(t, l.Runs[0].Invocations[0].Notifications[0].Message.Text, "2 more failures are left out")
}

// Conditions ask which step it is, and tell none; tests, folders that git ignores and modules inside are no part of the sources.
func TestSourcesAreThoseThatRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module x\n", ".gitignore": "/build/\n",
		"a.go": "package a\n\nfunc f() {\n\tif t.Action == node.ActAck {\n\t\tout.Tell(node.Trace{Action: node.ActStore})\n\t}\n\tswitch t.Action {\n\tcase node.ActFence:\n\t\ttell(node.ActJoin)\n\t}\n\tlook(node.ActHolds)\n\tt.Action = node.ActGrow\n\tout.Tell(node.Trace{Action: node.IssueOf(k)})\n" +
			"\t// gofail: var aPoint struct{}\n}\n",
		"a_test.go": "package a\n\nvar _ = node.ActAck\n", "build/b.go": "package a\n\nvar _ = node.ActAck\n", "inner/go.mod": "module y\n", "inner/c.go": "package a\n\nvar _ = node.ActAck\n",
		"no.go": "not Go",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		put(t, dir, name, text)
	}
	s, err := ReadSources(dir)
	require.NoError(t, err)
	require.Equal(t, map[string][]source{"Store": {{"a.go", 5}}, "Join": {{"a.go", 9}}, "Grow": {{"a.go", 12}}, "Write": {{"a.go", 13}}, "Commit": {{"a.go", 13}}, "Undo": {{"a.go", 13}},
		"Structure": {{"a.go", 13}}}, s.actions)
	require.Equal(t, map[string]source{"aPoint": {"a.go", 14}}, s.points)
	_, err = ReadSources("/")
	var none *NoSourcesError
	require.ErrorAs(t, err, &none)
}

// Every action that our own nodes tell has its line in impl.
func TestEveryActionOfOurNodesHasItsLine(t *testing.T) {
	s := ours(t)
	for a := node.ActWrite; a <= node.ActGrow; a++ {
		require.NotEmpty(t, s.actions[a.String()], a.String())
		for _, at := range s.actions[a.String()] {
			require.True(t, strings.HasPrefix(at.path, "impl/"), "%s: %v", a, at)
		}
	}
}

// What nodes told in the events of an explanation is found in its run again: in the step that told it, and in the event that was handled.
func TestStepsAreThoseOfTheRun(t *testing.T) {
	require.Empty(t, Steps(forgetfulSystem(), broken(t)), "it tells no trace")
	system := aurora.System()
	c, err := system.Generate(3, harness.Generation{})
	require.NoError(t, err)
	var acked, handled uint64
	harness.RunWith(system, c, harness.Options{Listen: func(_ *sim.World, e *sim.Event) {
		if acked == 0 && e.Kind == sim.EventTrace && e.Trace.Action == node.ActAck {
			acked = e.Seq
		}
		if handled == 0 && e.Kind == sim.EventTrace && e.Trace.Action == node.ActStore {
			handled = e.Cause
		}
	}})
	require.NotZero(t, acked)
	require.NotZero(t, handled)
	require.Equal(t, map[uint64]node.Action{acked: node.ActAck, handled: node.ActStore},
		Steps(system, &why.Explanation{Configuration: c, What: why.What{Chain: []why.Link{{Event: handled}}, Bad: &why.Link{Event: acked}}}))
}

// A log that is too large for its reader loses flows first, from the last result on, then results, and says so.
func TestALogIsCutToWhatAReaderTakes(t *testing.T) {
	var all []Shown
	for i := range 40 {
		x := refused()
		x.Seed = uint64(i)
		for n := range 20 {
			x.Why.What.Chain = append(x.Why.What.Chain, why.Link{Event: uint64(10 + n), Node: "segment 1/3", Words: strings.Repeat("word ", n*i)})
		}
		all = append(all, x)
	}
	cut := func(results, packed int) sarifRun {
		var b bytes.Buffer
		require.NoError(t, sarif(&b, all, nil, failure.Build{}, results, packed))
		require.NoError(t, schema(t)(b.Bytes()))
		var l sarifLog
		require.NoError(t, json.Unmarshal(b.Bytes(), &l))
		return l.Runs[0]
	}
	flows := func(run sarifRun) (n int) {
		for _, r := range run.Results {
			n += len(r.Flows)
		}
		return n
	}
	whole := cut(mostResults, mostPacked)
	require.Len(t, whole.Results, 40)
	require.Equal(t, 40, flows(whole))
	require.Empty(t, whole.Invocations[0].Notifications)

	few := cut(mostResults, 5_000)
	require.Len(t, few.Results, 40)
	require.Equal(t, 10, flows(few))
	require.NotEmpty(t, few.Results[9].Flows, "the first ones keep theirs")
	require.Equal(t, "30 of 40 results are without what led there: a log has at most 9 MB when it is compressed", few.Invocations[0].Notifications[0].Message.Text)

	fewer := cut(15, 1_000)
	require.Zero(t, flows(fewer))
	require.Less(t, len(fewer.Results), 15)
	require.NotEmpty(t, fewer.Results)
	require.Contains(t, fewer.Invocations[0].Notifications[0].Message.Text, "more failures are left out")
	require.Empty(t, cut(15, 1).Results, "and ends")
}

func TestAProblemIsWhatSARIFSaysInASentence(t *testing.T) {
	x := refused()
	p := ProblemOf(&x, ours(t))
	require.Equal(t, "trace/ackisdurable", p.Rule)
	require.Equal(t, judge.Violation, p.Verdict)
	require.Equal(t, "writer 1 acknowledged LSN 3 at 2 ms", p.Headline)
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	require.Contains(t, p.Path, filepath.Join(root, "impl", "writer"))
	require.FileExists(t, p.Path)
	require.Greater(t, p.Line, 1)
	require.Equal(t, "aurora/trace/ackisdurable", p.Fingerprint)
	without := ProblemOf(&x, nil)
	require.Equal(t, filepath.Join(root, "harness/failure/retell/build/report/seed-4.fgt"), without.Path, "relative to the working folder")
	require.Equal(t, 1, without.Line)
	x.Findings, x.Why = nil, nil
	require.Equal(t, without.Path, ProblemOf(&x, ours(t)).Path, "the sources have no line of it")
	x.File = filepath.Join(t.TempDir(), "a b", "seed-4.fgt")
	require.Equal(t, x.File, ProblemOf(&x, nil).Path)
	require.Equal(t, "the run did not pass, and no check says why", ProblemOf(&Shown{}, nil).Headline)
}
