package retell

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// forgetful is a node that stores two writes of three; its source for a module of its own is in strangerSource.
type forgetful struct {
	rows   map[string]node.Value
	writes int
}

func (f *forgetful) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	if q.Op == node.OpWrite {
		if f.writes++; f.writes%3 != 0 {
			f.rows[q.Rows[0].Key] = q.Rows[0].Value
		}
	} else {
		reply.Value = f.rows[q.Rows[0].Key]
	}
	out.Respond(ev.From, reply)
}

func forgetfulSystem() harness.System {
	return harness.Replicas{Name: "forgetful", Count: 1, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return &forgetful{rows: map[string]node.Value{}} }}.System()
}

// strangerSource is the same, as the package of a stranger.
const strangerSource = `// Package stranger is a system that stores two writes of three.
package stranger

import (
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

type forgetful struct {
	rows   map[string]node.Value
	writes int
}

func (f *forgetful) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	if q.Op == node.OpWrite {
		if f.writes++; f.writes%3 != 0 {
			f.rows[q.Rows[0].Key] = q.Rows[0].Value
		}
	} else {
		reply.Value = f.rows[q.Rows[0].Key]
	}
	out.Respond(ev.From, reply)
}

// System is the system.
func System() harness.System {
	return harness.Replicas{Name: "forgetful", Count: 1, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return &forgetful{rows: map[string]node.Value{}} }}.System()
}
`

// explained makes an explanation of a run of a configuration, by what it fails first, with words that try the writers.
func explained(t testing.TB, s harness.System, c configuration.Configuration) *why.Explanation {
	r := harness.Run(s, c)
	target, failed := failure.TargetOf(r.Findings)
	require.True(t, failed, "expected a run of %s that fails", s.Name())
	return &why.Explanation{Configuration: c, What: why.What{Target: target, Finding: *target.In(&r),
		Headline: "segment 1/3 said\n`what` it must not \"say\"", Rule: why.Rule{Text: "what is read was written", Reason: "else it is lost", Source: "section 4.2"},
		Allowed: []string{"an answer with x\n//go:build never"},
		Chain:   []why.Link{{Event: 3, At: node.Time(1500 * time.Microsecond), Node: "client-1", Words: "wrote x"}, {Event: 9, At: node.Time(2 * time.Millisecond), Node: "node-1", Words: "answered, and stored nothing", From: 3}}}}
}

// broken finds a configuration of the forgetful system that fails.
func broken(t testing.TB) *why.Explanation {
	s := forgetfulSystem()
	for seed := range uint64(20) {
		c, err := s.Generate(seed, harness.Generation{})
		require.NoError(t, err)
		if harness.Run(s, c).Verdict == judge.Violation {
			return explained(t, s, c)
		}
	}
	t.Fatal("expected a run that fails in 20, found none")
	return nil
}

// impatient is a configuration of a system that has no time to serve again.
func impatient(t testing.TB, s harness.System) configuration.Configuration {
	c, err := s.Generate(19, harness.Generation{})
	require.NoError(t, err)
	c.Plan.Faults, c.Plan.BeyondBudget = nil, false
	c.Ending.Bound = faults.Duration(time.Microsecond)
	return c
}

// strangers makes a module that requires ours, and returns what runs the go command in it, without any network.
func strangers(t *testing.T) (dir string, command func(args ...string) (string, error)) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir = t.TempDir()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	text := strings.Replace(string(mod), "module "+module, "module example.org/stranger", 1)
	text = regexp.MustCompile(`(?m)^tool .*\n`).ReplaceAllString(text, "")
	text += "\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n"
	put(t, dir, "go.mod", text)
	put(t, dir, "go.sum", string(sum))
	put(t, dir, "stranger.go", strangerSource)
	return dir, func(args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), "go", args...)
		c.Dir, c.Env = dir, append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := c.CombinedOutput()
		return string(out), err
	}
}

func put(t testing.TB, dir, name, text string) {
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
}

func written(t *testing.T, s harness.System, e *why.Explanation, o TestOptions) string {
	var b bytes.Buffer
	require.NoError(t, Test(&b, s, e, o))
	return b.String()
}

// A test that was written compiles, is clean, fails with what was found, and passes once the mistake is mended.
func TestATestFailsUntilTheMistakeIsMended(t *testing.T) {
	dir, command := strangers(t)
	ours, ebs := aurora.System(), older.Named("ebs")
	points := explained(t, ours, impatient(t, ours))
	points.Configuration.Bug = "bugAckBeforeSync"
	tagged := written(t, ours, points, TestOptions{Package: "stranger"})
	require.True(t, strings.HasPrefix(tagged, "//go:build failpoints\n\n//"), tagged)
	put(t, dir, "a_test.go", written(t, forgetfulSystem(), broken(t), TestOptions{Package: "stranger_test", System: "s.System()", Import: "example.org/stranger", File: "seed-1.fgt"}))
	put(t, dir, "b_test.go", strings.ReplaceAll(written(t, ours, explained(t, ours, impatient(t, ours)), TestOptions{Package: "stranger_test"}), "Progress", "ProgressOfOurs"))
	put(t, dir, "c_test.go", written(t, ebs, explained(t, ebs, impatient(t, ebs)), TestOptions{Package: "stranger_test"}))
	put(t, dir, "d_test.go", strings.ReplaceAll(tagged, "Progress", "ProgressPlanted"))
	out, err := command("vet", ".")
	require.NoError(t, err, out)

	// In a build with the tag and without the overlay the planted one cannot be told, and so fails.
	out, err = command("test", "-vet=off", "-tags=failpoints", ".")
	require.Error(t, err)
	for _, words := range []string{"--- FAIL: TestLinearizability", "violation: linearizability", "breaks: " + judge.Guarantee(faults.Linearizability), "--- FAIL: TestProgressOfOurs", "--- FAIL: TestProgressWhat",
		"an acknowledged write by whichever node serves", "--- FAIL: TestProgressPlanted", "found no failpoint", `the run ended with "could not tell", want "pass"`} {
		require.Contains(t, out, words)
	}

	put(t, dir, "stranger.go", strings.Replace(strangerSource, "f.writes%3 != 0", "f.writes > 0", 1))
	out, err = command("test", "-vet=off", "-run=Linearizability", "-v", ".")
	require.NoError(t, err, out)
	require.Contains(t, out, "--- PASS: TestLinearizability")
}

func TestATestTellsTheStory(t *testing.T) {
	text := written(t, forgetfulSystem(), broken(t), TestOptions{System: "System()", Package: "stranger", File: "seed-1.fgt"})
	for _, words := range []string{"// segment 1/3 said `what` it must not \"say\"\n", "// rule     what is read was written\n", "// because  else it is lost\n", "// source   section 4.2\n",
		"// allowed  an answer with x //go:build never\n", "// what led there:\n//   1.500ms client-1: wrote x\n//   2.000ms node-1: answered, and stored nothing\n",
		"It was recorded as seed-1.fgt.", "\npackage stranger\n", "harness.Run(System(), c)"} {
		require.Contains(t, text, words)
	}
	require.NotContains(t, text, "go:build f")
	// What a raw string cannot hold is quoted.
	e := broken(t)
	e.Configuration.Settings = []byte("{\"a\":\"`\ufeff\"}")
	require.Contains(t, written(t, forgetfulSystem(), e, TestOptions{System: "System()"}), "\\n    \\\"a\\\": \\\"`\\ufeff\\\"\\n")
	// A run that is another one each time is made twice.
	e = broken(t)
	e.What.Target = failure.Target{Check: judge.Determinism, Verdict: judge.Violation}
	text = written(t, forgetfulSystem(), e, TestOptions{System: "System()"})
	require.Contains(t, text, "failure.Twice(System(), c)")
	require.NotContains(t, text, "harness\"\n")
}

func TestATestThatCannotBeWritten(t *testing.T) {
	e := broken(t)
	for _, c := range []struct {
		o    TestOptions
		want string
	}{
		{TestOptions{}, `a test cannot be written with --system-expr ""; expected a Go expression of the system forgetful, such as mysystem.System()`},
		{TestOptions{Import: "x"}, `--import "x"; expected a Go expression`},
		{TestOptions{System: "f("}, `--system-expr "f("; expected a Go expression`},
		{TestOptions{System: "1", Import: "x"}, `expected an expression that begins with the name of the package`},
		{TestOptions{System: "x.S()", Import: "x\"\ny"}, `expected the path of a Go package`},
		{TestOptions{System: "x.S()", Package: "a b"}, `--package "a b"; expected the name of a package`},
	} {
		var b bytes.Buffer
		err := Test(&b, forgetfulSystem(), e, c.o)
		var wrong *OptionError
		require.ErrorAs(t, err, &wrong)
		require.ErrorContains(t, err, c.want)
		require.Zero(t, b.Len())
	}
}
