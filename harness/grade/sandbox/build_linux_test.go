package sandbox_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade/sandbox"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func TestABuildWritesAndARunDoesNot(t *testing.T) {
	given := folder(t, map[string]string{"source": "1", "tools/make": "#!/bin/sh\ncat source >made; ln made again; ln -s made link; mkdir out; echo built; echo aloud >&2\n"})
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		b := open(t, sandbox.Options{Submission: given, Mechanism: m})
		out, err := b.Build(t.Context(), "tools/make")
		require.NoError(t, err, "%s", out)
		require.Equal(t, "built\naloud\n", string(out))
		said, ok := shell(t, b, `cat made again link; ls -d out; touch made`)
		require.False(t, ok)
		require.True(t, strings.HasPrefix(said, "111out\n"), said)
		files, err := os.ReadDir(given)
		require.NoError(t, err)
		require.Len(t, files, 2, "the submission's own folder stays as it is")
		require.NoError(t, b.Exceeded())
	})
}

func TestABuildThatFailsChangesNothing(t *testing.T) {
	b := open(t, sandbox.Options{Submission: folder(t, map[string]string{"source": "1"})})
	out, err := b.Build(t.Context(), "/bin/sh", "-c", "echo no; rm source; exit 7")
	var failed *sandbox.BuildError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "/bin/sh -c echo no; rm source; exit 7 ended with exit status 7", err.Error())
	require.Equal(t, "no\n", string(out))
	said, ok := shell(t, b, "cat source")
	require.True(t, ok, said)
	require.Equal(t, "1", said)
}

func TestABuildPassesItsLimits(t *testing.T) {
	small := sandbox.Limits{Wall: 20 * time.Second, CPU: 1 * time.Second, Memory: 64 << 20, Processes: 16, Scratch: 4 << 20, Names: 200, Output: 64 << 10}
	for name, c := range map[string]struct {
		limits  func(*sandbox.Limits)
		command string
		want    string
	}{
		"time":      {func(l *sandbox.Limits) { l.Wall = 300 * time.Millisecond }, "sleep 100", "the build used more time than the 300ms that it may"},
		"processor": {nil, "while :; do :; done", "the build used more processor time than the 1s that it may"},
		"output":    {nil, "yes", "the build used more output than the 64 KiB that it may"},
		"folder":    {nil, "head -c 100M /dev/zero >big; sleep 100", "the build used more space in its folder than the 4 MiB that it may"},
		"scratch":   {nil, "head -c 100M /dev/zero >/tmp/big; sleep 100", "the build used more space in /tmp than the 4 MiB that it may"},
		"names":     {nil, "cd /tmp; i=0; while [ $i -lt 300 ]; do : >$i; i=$((i+1)); done; sleep 100", "the build used more files in /tmp than the 200 that it may"},
	} {
		t.Run(name, func(t *testing.T) {
			l := small
			if c.limits != nil {
				c.limits(&l)
			}
			b := open(t, sandbox.Options{Build: l})
			_, err := b.Build(t.Context(), "/bin/sh", "-c", c.command)
			var passed *sandbox.LimitError
			require.ErrorAs(t, err, &passed)
			require.Equal(t, c.want, err.Error())
			require.Equal(t, err, b.Exceeded())
			said, ok := shell(t, b, "echo unharmed")
			require.True(t, ok, said)
		})
	}
}

func TestABuildEndsWithTheGradersContext(t *testing.T) {
	b := open(t, sandbox.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Build(ctx, "/bin/sleep", "100")
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, b.Exceeded())
}

func TestWhatABuildLeavesIsTakenWithCare(t *testing.T) {
	for name, c := range map[string]struct{ command, want string }{
		"pipe": {"mkfifo pipe", "the submission's pipe was built into neither a file nor a folder nor a link"},
		"deep": {"i=0; while [ $i -lt 70 ]; do mkdir d && cd d || exit; i=$((i+1)); done", "the submission's . holds folders in one another, deeper than the 64 that it may"},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, sandbox.Options{})
			_, err := b.Build(t.Context(), "/bin/sh", "-c", c.command)
			var taken *sandbox.SubmissionError
			require.ErrorAs(t, err, &taken)
			require.Equal(t, c.want, err.Error())
		})
	}
}

// The echo of each language: it answers each line with itself.
var echoes = map[string]string{
	"go/go.mod":        "module echo\n\ngo 1.21\n",
	"go/main.go":       "package main\n\nimport (\n\t\"bufio\"\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() {\n\tin := bufio.NewScanner(os.Stdin)\n\tfor in.Scan() {\n\t\tvar v any\n\t\tif err := json.Unmarshal(in.Bytes(), &v); err != nil {\n\t\t\tpanic(err)\n\t\t}\n\t\tout, _ := json.Marshal(v)\n\t\tfmt.Println(string(out))\n\t}\n}\n",
	"py/main.py":       "import json, sys\nfor line in sys.stdin:\n    print(json.dumps(json.loads(line), separators=(',', ':')), flush=True)\n",
	"ts/main.ts":       "import * as readline from 'node:readline';\nconst lines: readline.Interface = readline.createInterface({ input: process.stdin });\nlines.on('line', (line: string): void => { process.stdout.write(JSON.stringify(JSON.parse(line)) + '\\n'); });\n",
	"ts/tsconfig.json": `{"compilerOptions": {"module": "commonjs", "target": "es2022", "strict": true, "types": ["node"], "outDir": "out"}, "files": ["main.ts"]}`,
}

func TestASubmissionInGoIsBuiltAndRun(t *testing.T) {
	golang, err := sandbox.Go(t.Context(), filepath.Join(cacheFolder(t), "go"), []string{"bufio", "encoding/json", "fmt", "os"})
	require.NoError(t, err)
	for _, m := range []sandbox.Mechanism{"", sandbox.Namespaces, sandbox.Unsafe} {
		b := open(t, sandbox.Options{Submission: folder(t, echoes), Toolchains: []sandbox.Toolchain{golang}, Mechanism: m})
		out, err := b.Build(t.Context(), "go", "build", "-C", "go", "-o", "../echo", ".")
		require.NoError(t, err, "%s", out)
		answers(t, b, "./echo")
	}
}

func TestASubmissionInPythonIsRun(t *testing.T) {
	python, err := sandbox.Python(t.Context())
	require.NoError(t, err)
	for _, m := range []sandbox.Mechanism{"", sandbox.Namespaces, sandbox.Unsafe} {
		b := open(t, sandbox.Options{Submission: folder(t, echoes), Toolchains: []sandbox.Toolchain{python}, Mechanism: m})
		answers(t, b, "python3", "py/main.py")
	}
}

func TestASubmissionInTypeScriptIsBuiltAndRun(t *testing.T) {
	node, err := sandbox.Node(t.Context())
	require.NoError(t, err)
	typescript, err := sandbox.TypeScript(typescriptFolder(t))
	require.NoError(t, err)
	for _, m := range []sandbox.Mechanism{"", sandbox.Unsafe} {
		b := open(t, sandbox.Options{Submission: folder(t, echoes), Toolchains: []sandbox.Toolchain{node, typescript}, Mechanism: m})
		out, err := b.Build(t.Context(), "tsc", "-p", "ts")
		require.NoError(t, err, "%s", out)
		answers(t, b, "node", "ts/out/main.js")
	}
}

// answers sends two lines to a program in the box.
func answers(t *testing.T, b *sandbox.Box, args ...string) {
	t.Helper()
	e := runWith(t, b, "{\"a\": [1, 2]}\n{}\n", args...)
	require.NoError(t, e.failed, "%s", e.err)
	require.Equal(t, "{\"a\":[1,2]}\n{}\n", e.out)
	require.NoError(t, b.Exceeded())
	require.True(t, json.Valid([]byte(strings.Split(e.out, "\n")[0])))
}

func TestAMissingToolchainIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, find := range map[string]func() (sandbox.Toolchain, error){
		"go":         func() (sandbox.Toolchain, error) { return sandbox.Go(t.Context(), t.TempDir(), nil) },
		"python":     func() (sandbox.Toolchain, error) { return sandbox.Python(t.Context()) },
		"node":       func() (sandbox.Toolchain, error) { return sandbox.Node(t.Context()) },
		"typescript": func() (sandbox.Toolchain, error) { return sandbox.TypeScript(t.TempDir()) },
	} {
		_, err := find()
		var missing *sandbox.ToolchainError
		require.ErrorAs(t, err, &missing, name)
		require.Equal(t, name, missing.Name)
		require.Contains(t, err.Error(), "toolchain "+name+": expected ")
	}
}

// cacheFolder is where tests keep what takes long to make, between runs.
func cacheFolder(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	return filepath.Join(cache, "firstgap")
}

// typescriptFolder has TypeScript's compiler, where make typescript puts it.
func typescriptFolder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../build/npm")
	require.NoError(t, err)
	require.DirExists(t, filepath.Join(dir, "node_modules", "typescript"), "expected TypeScript's compiler, found none: make typescript installs it")
	return dir
}
