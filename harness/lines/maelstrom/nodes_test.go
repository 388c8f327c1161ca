package maelstrom_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/maelstrom"
)

// The nodes of testdata/nodes are one program in three languages. Each passes every workload that it speaks under every fault, and
// with each of its mistakes it fails by the rule that forbids that.

type language struct {
	name  string
	needs []string
	build func(t *testing.T, from, to string) []string // the command that runs the program
}

func languages() []language {
	build := func(t *testing.T, args ...string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return []language{
		{name: "go", needs: []string{"go"}, build: func(t *testing.T, from, to string) []string {
			build(t, "go", "build", "-o", filepath.Join(to, "node"), "./"+from)
			return []string{filepath.Join(to, "node")}
		}},
		{name: "python", needs: []string{"python3"}, build: func(t *testing.T, from, _ string) []string {
			path, err := filepath.Abs(filepath.Join(from, "node.py"))
			require.NoError(t, err)
			return []string{"python3", path}
		}},
		{name: "typescript", needs: []string{"node", "tsc"}, build: func(t *testing.T, from, to string) []string {
			build(t, "tsc", "-p", from, "--outDir", to)
			return []string{"node", filepath.Join(to, "node.js")}
		}},
	}
}

// pinnedCompiler puts the compiler that the project pins on the path: .ci/run installs it there.
var pinnedCompiler = sync.OnceValue(func() error {
	pinned, err := filepath.Abs("../../../build/npm/node_modules/.bin")
	if err == nil {
		err = os.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+pinned)
	}
	return err
})

func program(t *testing.T, l language) []string {
	t.Helper()
	require.NoError(t, pinnedCompiler())
	for _, need := range l.needs {
		_, err := exec.LookPath(need)
		require.NoError(t, err, "expected %s on the path, found none: .ci/run installs it", need)
	}
	return l.build(t, filepath.Join("testdata", "nodes", l.name), t.TempDir())
}

// findings runs one workload with a program, and returns what was found by its checks, as "rule", or "rule?" for what could not be
// told, and how many calls were answered.
func findings(t *testing.T, workload string, command []string, seed uint64, o maelstrom.Options) (rules []string, answered int) {
	t.Helper()
	w, err := maelstrom.Named(workload)
	require.NoError(t, err)
	o.Workload, o.Command = w, lines.Command{Args: command}
	o.Settings.Nodes, o.TimeLimit = 3, 5*time.Second
	s, err := maelstrom.System(o)
	require.NoError(t, err)
	c, err := s.Generate(seed, harness.Generation{})
	require.NoError(t, err)
	result := harness.Run(s, c)
	for _, f := range result.Findings {
		rule := f.Rule
		if f.Verdict != judge.Violation {
			rule += "?"
		}
		if !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
		if testing.Verbose() {
			t.Log(f.Sentence(), strings.Join(f.Lead, "\n  "))
		}
	}
	if result.Evidence != nil && result.Evidence.Contract != nil {
		answered = result.Evidence.Contract.Answered
	}
	return rules, answered
}

func spoken() []string { return []string{"echo", "broadcast", "lin-kv", "kafka"} }

func TestNodesPass(t *testing.T) {
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			command := program(t, l)
			runs := uint64(1)
			if l.name == "go" {
				runs = 2
			}
			for _, w := range spoken() {
				for seed := range runs {
					rules, answered := findings(t, w, command, seed+1, maelstrom.Options{Settings: maelstrom.Settings{Disk: true}})
					require.Empty(t, rules, "%s seed %d", w, seed+1)
					require.Greater(t, answered, 20, "%s seed %d", w, seed+1)
				}
			}
		})
	}
}

// A mistake is found in one of a few runs, by the rule that names it: each of them in Go, and one of each workload in the others.
func TestMistakesOfNodesAreFound(t *testing.T) {
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			command := program(t, l)
			for _, c := range []struct {
				mistake, workload string
				rules             []string // one of them
				nemeses           []maelstrom.Nemesis
				everywhere        bool
			}{
				{"wrong-echo", "echo", []string{maelstrom.WrongEcho}, []maelstrom.Nemesis{}, true},
				{"no-gossip", "broadcast", []string{maelstrom.Lost, maelstrom.MissingAtTheEnd}, []maelstrom.Nemesis{}, true},
				{"forget", "broadcast", []string{maelstrom.Lost, maelstrom.MissingAtTheEnd}, []maelstrom.Nemesis{maelstrom.Crashes}, false},
				{"stale", "lin-kv", []string{maelstrom.NotLinearizable}, []maelstrom.Nemesis{}, true},
				{"forget", "lin-kv", []string{maelstrom.NotLinearizable}, []maelstrom.Nemesis{maelstrom.Crashes}, false},
				{"lose", "kafka", []string{maelstrom.LostWrite, maelstrom.Unseen, maelstrom.InconsistentOffsets}, []maelstrom.Nemesis{}, true},
				{"same-offset", "kafka", []string{maelstrom.InconsistentOffsets}, []maelstrom.Nemesis{}, false},
				{"skip", "kafka", []string{maelstrom.PollSkip, maelstrom.InternalPollSkip}, []maelstrom.Nemesis{}, false},
				{"back", "kafka", []string{maelstrom.CommittedOffsetBack}, []maelstrom.Nemesis{}, false},
				{"malformed", "kafka", []string{maelstrom.MalformedReply}, []maelstrom.Nemesis{}, false},
				{"no-dedupe", "kafka", []string{maelstrom.Duplicate}, []maelstrom.Nemesis{maelstrom.Duplicates}, false},
				{"forget", "kafka", []string{maelstrom.LostWrite, maelstrom.Unseen, maelstrom.InconsistentOffsets, maelstrom.CommittedOffsetBack}, []maelstrom.Nemesis{maelstrom.Crashes}, false},
			} {
				if l.name != "go" && !c.everywhere {
					continue
				}
				found := map[string]int{}
				for seed := uint64(1); seed <= 8 && !slices.ContainsFunc(c.rules, func(rule string) bool { return found[rule] > 0 }); seed++ {
					rules, _ := findings(t, c.workload, append(slices.Clone(command), "--broken", c.mistake), seed, maelstrom.Options{
						Settings: maelstrom.Settings{Disk: true}, Nemeses: c.nemeses,
					})
					for _, rule := range rules {
						found[rule]++
					}
				}
				require.True(t, slices.ContainsFunc(c.rules, func(rule string) bool { return found[rule] > 0 }), "%s of %s: expected one of %v, found %s", c.mistake, c.workload, c.rules, fmt.Sprint(found))
			}
		})
	}
}
