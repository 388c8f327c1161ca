package clients_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/clients"
	"github.com/firstgap/firstgap/harness/lines/protocol"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// TestMain puts the compiler that the project pins on the path: .ci/run installs it there.
func TestMain(m *testing.M) {
	if pinned, err := filepath.Abs("../../../build/npm/node_modules/.bin"); err == nil {
		os.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+pinned)
	}
	os.Exit(m.Run())
}

// built writes the folder of a program, builds it as its manifest says, and returns how it is run.
func built(t testing.TB, l clients.Language, program string) lines.Command {
	t.Helper()
	require.NoError(t, l.Installed())
	folder, err := l.Folder([]byte(program))
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, clients.Write(dir, folder))
	var m clients.Manifest
	require.NoError(t, json.Unmarshal(folder[clients.ManifestFile], &m))
	if len(m.Build) > 0 {
		c := exec.CommandContext(t.Context(), m.Build[0], m.Build[1:]...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return lines.Command{Args: m.Run, Dir: dir}
}

func registers(t testing.TB, c lines.Command) harness.System {
	t.Helper()
	s, err := protocol.System(protocol.Replica, protocol.Program{Command: c}.Maker(), protocol.Options{})
	require.NoError(t, err)
	return s
}

func example(t testing.TB, l clients.Language) string {
	t.Helper()
	text, err := l.Register()
	require.NoError(t, err)
	return string(text)
}

// Whoever copies a library reads it, and whoever begins reads the example.
func TestLibrariesAndExamplesAreShort(t *testing.T) {
	for _, l := range clients.Languages() {
		name, text, err := l.Library()
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(text), "\n"), 150, name)
		require.LessOrEqual(t, strings.Count(example(t, l), "\n"), map[clients.Language]int{clients.Go: 175, clients.Python: 120, clients.TypeScript: 125}[l], l)
	}
}

func TestTheRegisterPasses(t *testing.T) {
	for l, runs := range map[clients.Language]uint64{clients.Go: 40, clients.Python: 6, clients.TypeScript: 6} {
		t.Run(string(l), func(t *testing.T) {
			t.Parallel()
			harnesstest.Run(t, campaign.Options{System: registers(t, built(t, l, example(t, l))), Runs: runs, Workers: 1})
		})
	}
}

// A mistake is one that a student makes: it takes a line of the example away, or puts another in its place. Seed is one of a run in
// which it shows. One run in a hundred shows some of them; these are made in Go alone, whose runs take a tenth of the time, and the
// examples are line by line the same.
type mistake struct {
	name, from, to string
	seed           uint64
}

func mistakes() map[clients.Language][]mistake {
	return map[clients.Language][]mistake{
		clients.Go: {
			{"it answers before the disk has it", "\t\tr.write()\n\tcase i >= 0:", "\t\tr.Send(sender, \"store-ok\", message{Number: m.Number})\n\t\tr.write()\n\tcase i >= 0:", 2},
			{"one answer is enough", "len(o.answered) > len(r.Members)/2", "len(o.answered) > 0", 0},
			{"a read stores nothing", `if o.phase == "store" {`, `if o.phase == "store" || o.Op == "read" {`, 116},
			{"a start reads nothing", "firstgap.Decode([]byte(f.Data[:n]), &r.copies)", "", 3},
		},
		clients.Python: {
			{"one answer is enough", "len(operation.answered) > len(self.members) // 2", "operation.answered", 0},
			{"a start reads nothing", "self.copies = dict(decode(text.decode()))", "pass", 3},
		},
		clients.TypeScript: {
			{"it answers before the disk has it", "      this.write();\n    } else", "      this.send(sender, \"store-ok\", { number });\n      this.write();\n    } else", 2},
			{"one answer is enough", "operation.answered.size > this.members.length / 2", "operation.answered.size > 0", 0},
			{"a start reads nothing", `if (typeof file === "string" && !this.broken) this.copies = new Map(JSON.parse(file.slice(8)));`, "", 3},
		},
	}
}

func TestEveryMistakeIsFound(t *testing.T) {
	for l, all := range mistakes() {
		for _, m := range all {
			t.Run(string(l)+"/"+m.name, func(t *testing.T) {
				text := example(t, l)
				require.Equal(t, 1, strings.Count(text, m.from), "the example has another line now")
				s := registers(t, built(t, l, strings.Replace(text, m.from, m.to, 1)))
				sum, err := campaign.Run(t.Context(), campaign.Options{System: s, Seed: m.seed, Runs: 1, Workers: 1})
				require.NoError(t, err)
				require.Equal(t, judge.Violation, sum.Verdict)
			})
		}
	}
}

// What is not there is asked for by name, and no test is skipped for it.
func TestAMissingProgramIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for l, want := range map[clients.Language]string{
		clients.Go:         "go: expected go on the path, found none: https://go.dev/dl has Go 1.22 and later",
		clients.Python:     "python: expected python3 on the path, found none: install Python 3.9 or later (Debian: apt-get install -y python3)",
		clients.TypeScript: "typescript: expected node on the path, found none: install Node.js 18.14 or later (Debian: apt-get install -y nodejs npm)",
	} {
		require.EqualError(t, l.Installed(), want)
	}
	require.Equal(t, &clients.LanguageError{Language: "perl"}, clients.Language("perl").Installed())
}

// Nothing that a student has written is written over.
func TestAFolderIsWrittenOnce(t *testing.T) {
	folder, err := clients.Go.Folder([]byte(example(t, clients.Go)))
	require.NoError(t, err)
	require.Contains(t, string(folder["main.go"]), "\"node/firstgap\"")
	dir := t.TempDir()
	require.NoError(t, clients.Write(dir, folder))
	require.ErrorIs(t, clients.Write(dir, map[string][]byte{"main.go": nil}), os.ErrExist)
	text, err := os.ReadFile(filepath.Join(dir, "firstgap", "firstgap.go"))
	require.NoError(t, err)
	_, library, err := clients.Go.Library()
	require.NoError(t, err)
	require.Equal(t, string(library), string(text))
}

// No lock file names a registry: which one is asked is for the machine to say.
func TestTheCompilerIsPinned(t *testing.T) {
	lock, err := os.ReadFile("typescript/package-lock.json")
	require.NoError(t, err)
	require.NotContains(t, string(lock), "resolved")
	require.NotContains(t, string(lock), "://")
	require.Contains(t, string(lock), "integrity")
}
