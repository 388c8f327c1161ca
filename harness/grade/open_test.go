package grade

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/grade/sandbox"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// workshop finds its toolchains once for all tests.
var workshop = sync.OnceValue(func() *Workshop {
	return &Workshop{Run: sandbox.Limits{Memory: 256 << 20}}
})

// handed is a submission in Python, with a mistake.
func handed(t *testing.T, m Manifest) string {
	t.Helper()
	dir := t.TempDir()
	program, err := os.ReadFile("testdata/keeper/keeper.py")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "keeper.py"), program, 0o644))
	text, err := json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ManifestName), text, 0o644))
	return dir
}

func running(mistake string) Manifest {
	return Manifest{Run: []string{"python3", "keeper.py", mistake}}
}

// short is the fake lab with few runs: each starts programs.
func short() *labs.Lab {
	l := fake()
	l.Tests[0].Runs, l.Tests[1].Runs, l.Break.Runs, l.Break.Steps = 3, 4, 2, 1
	return l
}

// gradedFolder grades what is in a folder.
func gradedFolder(t *testing.T, lab *labs.Lab, dir string, o Options) *Result {
	t.Helper()
	return gradedIn(t, workshop(), lab, dir, o)
}

func gradedIn(t *testing.T, w *Workshop, lab *labs.Lab, dir string, o Options) *Result {
	t.Helper()
	s, end, err := w.Open(t.Context(), lab, "anna", dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, end()) }()
	r, err := Grade(t.Context(), lab, s, o)
	require.NoError(t, err)
	return r
}

func TestAProgramIsGradedInItsBox(t *testing.T) {
	lab := short()
	r := gradedFolder(t, lab, handed(t, running("")), Options{})
	require.True(t, r.Full(), "%+v", r)
	// The same node in this process gives the same result: the box and the lines add nothing to it.
	in, err := Grade(t.Context(), lab, Submission{Name: "anna", Maker: keepers}, Options{})
	require.NoError(t, err)
	require.Equal(t, encoded(t, in), encoded(t, r))
}

func TestAProgramsMistakeIsExplained(t *testing.T) {
	lab := short()
	lab.Tests[1].Runs, lab.Break.Generate = 40, nil
	out := t.TempDir()
	r := gradedFolder(t, lab, handed(t, running("hasty")), Options{Out: out, Budget: 24})
	require.Zero(t, r.Tests[1].Score)
	require.Contains(t, r.Tests[1].Says, "allowed instead: ")
	require.Contains(t, r.Tests[1].Says, "again: firstgap replay crash.fgt -- python3 keeper.py hasty")
	require.FileExists(t, filepath.Join(out, "crash.html"))
	text, err := os.ReadFile(filepath.Join(out, "crash.fgt"))
	require.NoError(t, err)
	require.NotContains(t, string(text), "python3", "whoever opens a file that somebody sent runs nothing by it")
}

// What is wrong with a submission is its result, in one sentence.
func TestWhatIsWrongWithASubmissionIsSaidAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		manifest Manifest
		want     string
	}{
		"chatter":       {running("chatter"), "hello, world"},
		"no such file":  {Manifest{Run: []string{"python3", "missing.py"}}, "missing.py"},
		"no program":    {Manifest{Run: []string{"./missing"}}, "missing"},
		"build fails":   {Manifest{Build: []string{"sh", "-c", "echo line 3: nonsense >&2; exit 3"}, Run: []string{"true"}}, "it cannot be built: sh -c echo line 3: nonsense >&2; exit 3 ended with exit status 3\nline 3: nonsense"},
		"nothing to do": {Manifest{}, `firstgap.json, run: expected a program and its arguments, found none`},
		"late":          {running("late"), "it breaks the protocol: "},
		"memory":        {running("memory"), "the program used more memory than the 256 MiB that it may"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := workshop()
			if name == "late" {
				w = &Workshop{Lines: lines.Limits{Answer: time.Second}}
			}
			r := gradedIn(t, w, short(), handed(t, c.manifest), Options{})
			require.Contains(t, r.Problem, c.want)
			require.Zero(t, r.Score)
			require.Equal(t, 100, r.Most)
			require.NotContains(t, r.Problem, os.TempDir())
		})
	}
}

func TestAProgramThatIsAnotherOneEachTimeIsSaidSo(t *testing.T) {
	lab := short()
	lab.Tests[1].Runs, lab.Break.Generate = 1, nil
	r := gradedFolder(t, lab, handed(t, running("flaky")), Options{Every: 1})
	require.Len(t, r.Flaky, 2)
	require.Zero(t, r.Score)
	require.Contains(t, r.Flaky[0], "from event ")
}

func TestManifestsAreReadStrictly(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"not JSON":      {"{", "firstgap.json: expected JSON"},
		"unknown key":   {`{"run":["a"],"image":"x"}`, "image"},
		"no run":        {`{"build":["a"]}`, "run: expected a program"},
		"empty program": {`{"run":[""]}`, `run: expected a program, found ""`},
		"many":          {`{"run":["a"` + strings.Repeat(`,"b"`, MostArgs) + `]}`, "expected at most 64 arguments, found 65"},
		"long":          {`{"run":["` + strings.Repeat("a", MostArg+1) + `"]}`, "expected arguments of at most 4096 bytes"},
		"zero byte":     {`{"build":["a","\u0000"],"run":["a"]}`, "build: expected arguments without a zero byte"},
		"large":         {strings.Repeat(" ", MostManifest+1), "expected at most 65536 bytes"},
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, ManifestName), []byte(c.text), 0o644))
		_, err := ReadManifest(dir)
		var wrong *ManifestError
		require.ErrorAs(t, err, &wrong, name)
		require.ErrorContains(t, err, c.want, name)
	}
	_, err := ReadManifest(t.TempDir())
	require.ErrorContains(t, err, `expected a file such as {"run":["python3","register.py"]}, found none`)
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, ManifestName)))
	_, err = ReadManifest(dir)
	require.ErrorContains(t, err, "expected a file")
}

// A machine that cannot run a program at all says nothing of the program.
func TestAMachineThatCannotRunIsNoScore(t *testing.T) {
	s := Submission{Maker: protocol.Program{Command: lines.Command{Args: []string{filepath.Join(t.TempDir(), "missing")}}}.Maker()}
	r, err := Grade(t.Context(), short(), s, Options{})
	var machine *MachineError
	require.ErrorAs(t, err, &machine)
	require.True(t, r.Unfinished)
	w := &Workshop{Temp: filepath.Join(t.TempDir(), "missing")}
	_, _, err = w.Open(t.Context(), short(), "anna", handed(t, running("")))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = w.OpenCommand(t.Context(), short(), nil)
	require.ErrorContains(t, err, "expected a command, found none")
	var tool *sandbox.ToolchainError
	_, _, err = (&Workshop{TypeScript: t.TempDir()}).Open(t.Context(), short(), "anna", handed(t, Manifest{Build: []string{"tsc"}, Run: []string{"true"}}))
	require.ErrorAs(t, err, &tool)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Grade(ctx, short(), Submission{Maker: keepers}, Options{})
	require.ErrorIs(t, err, context.Canceled)
}
