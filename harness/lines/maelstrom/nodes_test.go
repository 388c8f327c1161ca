package maelstrom_test

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/maelstrom"
)

// The nodes of testdata/nodes do the same in three languages. An interpreter that is missing fails the test.
var languages = map[string]func(*testing.T) []string{"go": goNode, "python": pythonNode, "typescript": typeScriptNode}

func pythonNode(t *testing.T) []string {
	path, err := filepath.Abs("testdata/nodes/node.py")
	require.NoError(t, err)
	return []string{"python3", path}
}

// built holds what was built once for all tests.
type built struct {
	once sync.Once
	dir  string
	err  error
	out  []byte
}

var goBuilt, typeScriptBuilt built

func (b *built) build(t *testing.T, dir string, args ...string) string {
	t.Helper()
	b.once.Do(func() {
		b.dir = dir
		c := exec.Command(args[0], args[1:]...)
		b.out, b.err = c.CombinedOutput()
	})
	require.NoError(t, b.err, "%s: %s", args[0], b.out)
	return b.dir
}

// scratch is a folder that TestMain takes away.
var scratch string

func goNode(t *testing.T) []string {
	node := filepath.Join(scratch, "go-node")
	return []string{goBuilt.build(t, node, "go", "build", "-o", node, "./testdata/nodes/go")}
}

func typeScriptNode(t *testing.T) []string {
	dir := filepath.Join(scratch, "typescript")
	return []string{"node", filepath.Join(typeScriptBuilt.build(t, dir, tsc(), "-p", "testdata/nodes", "--outDir", dir), "node.js")}
}

// tsc is TypeScript's compiler: that on the path, or the one that is pinned for the project's own builds.
func tsc() string {
	if path, err := exec.LookPath("tsc"); err == nil {
		return path
	}
	return filepath.Join("..", "..", "..", "build", "npm", "node_modules", ".bin", "tsc")
}

func nodeOptions(t *testing.T, language string, args ...string) maelstrom.Options {
	o := maelstrom.Options{Command: lines.Command{Args: append(languages[language](t), args...)}, TimeLimit: time.Second,
		Settings: maelstrom.Settings{Nodes: 3, Rate: 40, Timeout: faults.Duration(200 * time.Millisecond), Recovery: faults.Duration(time.Second)}}
	// What Go's node keeps it has on its disk.
	o.Settings.Disk = language == "go" && (args[0] == "kafka" || args[0] == "lin-kv")
	return o
}

// What is right passes, under all faults that it can bear, and is the same run each time.
func TestNodesInThreeLanguagesPass(t *testing.T) {
	for language := range languages {
		for _, workload := range []string{"echo", "broadcast", "kafka", "lin-kv"} {
			t.Run(language+"/"+workload, func(t *testing.T) {
				harnesstest.Run(t, campaign.Options{System: systemOf(t, workload, nodeOptions(t, language, workload)), Runs: 1, Workers: 1})
			})
		}
	}
}

// What is wrong is found, by the rule that says what is wrong with it.
func TestMistakesOfNodesAreFound(t *testing.T) {
	for _, x := range []struct {
		language, workload, mistake, rule string
		seed                              uint64
	}{
		{"python", "echo", "constant", "wrong-echo", 1},
		{"typescript", "broadcast", "once", "", 1},
		{"go", "kafka", "alone", "", 1},
		{"go", "kafka", "forgets", "", 1},
		{"python", "kafka", "alone", "", 1},
		{"typescript", "kafka", "alone", "", 1},
		{"go", "lin-kv", "forgets", maelstrom.NotLinearizable, 1},
		{"python", "lin-kv", "alone", maelstrom.NotLinearizable, 1},
		{"typescript", "lin-kv", "stale", maelstrom.NotLinearizable, 1},
	} {
		t.Run(x.language+"/"+x.workload+"/"+x.mistake, func(t *testing.T) {
			s := systemOf(t, x.workload, nodeOptions(t, x.language, x.workload, x.mistake))
			for seed := x.seed; seed < x.seed+8; seed++ {
				r, _ := failure.Record(s, generated(t, s, seed))
				target, fails := failure.TargetOf(r.Findings)
				if !fails || target.Verdict != judge.Violation {
					continue
				}
				require.Equal(t, faults.Contract, target.Check, r.Findings)
				if x.rule != "" {
					require.Equal(t, x.rule, target.Rule)
				}
				require.NotEmpty(t, r.Findings[0].Lead, "the calls that show it")
				return
			}
			t.Fatal("not found in 8 runs")
		})
	}
}

// A failure is made smaller by nodes, clients and calls, and fails by the same rule still.
func TestAFailureIsMadeSmaller(t *testing.T) {
	s := systemOf(t, "lin-kv", nodeOptions(t, "python", "lin-kv", "stale"))
	r, trail := failure.Record(s, generated(t, s, 1))
	require.Equal(t, judge.Violation, r.Verdict)
	small, err := shrink.Shrink(t.Context(), s, failure.Of(&r, trail), shrink.Options{Runs: 30})
	require.NoError(t, err)
	require.Equal(t, maelstrom.NotLinearizable, small.Target.Rule)
	require.Less(t, small.After.Transactions, small.Before.Transactions)
	require.LessOrEqual(t, small.After.Nodes, small.Before.Nodes)
}
