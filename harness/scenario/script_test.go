package scenario

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/aurora"
)

// Scripts are read as the package that records them reads them, and play as they say.
func TestScriptsPlayAsTheySay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		steps, err := Read(file, bytes.NewReader(text))
		require.NoError(t, err)
		var theirs []Step
		datadriven.RunTestFromString(t, string(text), func(t *testing.T, d *datadriven.TestData) string {
			theirs = append(theirs, Step{Line: d.FullCmd(), Input: d.Input, Want: d.Expected})
			return d.Expected
		})
		require.Len(t, steps, len(theirs), file)
		for i := range steps {
			require.Equal(t, strings.Fields(theirs[i].Line), strings.Fields(steps[i].Line))
			require.Equal(t, theirs[i].Input, strings.TrimSuffix(steps[i].Input, "\n"))
			require.Equal(t, theirs[i].Want, steps[i].Want)
		}
		e := New(aurora.Ours())
		defer e.Close()
		differences, err := e.Play(steps)
		require.NoError(t, err)
		require.Empty(t, differences, file)
	}
}

func TestAScriptThatShowsSomethingElse(t *testing.T) {
	const text = "# a comment\nvolume replicas=3 write-quorum=2 read-quorum=2\n----\n\nstart\n----\n\ntxn t\nput X=1\ncommit\n----\nLSN 1: write X none→2\nLSN 2: commit\nacknowledged: t\n"
	steps, err := Read("a.txt", strings.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, Step{At: "a.txt:8", Line: "txn t", Input: "put X=1\ncommit\n", Want: "LSN 1: write X none→2\nLSN 2: commit\nacknowledged: t\n"}, steps[2])
	e := New(aurora.Ours())
	defer e.Close()
	differences, err := e.Play(steps)
	require.NoError(t, err)
	require.Len(t, differences, 1)
	require.Equal(t, "a.txt:8: txn t\nexpected:\n  LSN 1: write X none→2\n  LSN 2: commit\n  acknowledged: t\nfound:\n  LSN 1: write X none→1\n  LSN 2: commit\n  acknowledged: t\n", differences[0].String())
	// As text it is read again.
	var b strings.Builder
	for i := range steps {
		b.WriteString(steps[i].String() + "\n")
	}
	again, err := Read("a.txt", strings.NewReader(b.String()))
	require.NoError(t, err)
	require.Len(t, again, 3)
	require.Equal(t, steps[2].Want, again[2].Want)
}

func TestAScriptThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "a.txt:0: expected a command, found none",
		"# only words\n":                     "a.txt:1: expected a command, found none",
		"volume\n":                           "a.txt:1: expected four dashes below the command, found the end of the file",
		"volume\n----\n----\nx\n":            "a.txt:3: expected what the command shows, found four dashes again",
		"#" + strings.Repeat("x", maxScript): "bytes, found more",
		strings.Repeat("start\n----\n\n", maxCommands) + "start": "expected at most 100000 commands",
	} {
		_, err := Read("a.txt", strings.NewReader(text))
		var wrong *ScriptError
		require.ErrorAs(t, err, &wrong, want)
		require.ErrorContains(t, err, want)
	}
}
