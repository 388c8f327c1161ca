package labs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/clients"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// inPython returns what makes nodes of a reference solution in Python: all that is in its folder, and the client library.
func inPython(t *testing.T, folder string) protocol.Maker {
	t.Helper()
	require.NoError(t, clients.Python.Installed())
	program, err := os.ReadFile(filepath.Join(folder, "node.py"))
	require.NoError(t, err)
	files, err := clients.Python.Folder(program)
	require.NoError(t, err)
	others, err := filepath.Glob(filepath.Join(folder, "*.py"))
	require.NoError(t, err)
	for _, name := range others {
		files[filepath.Base(name)], err = os.ReadFile(name)
		require.NoError(t, err)
	}
	dir := t.TempDir()
	require.NoError(t, clients.Write(dir, files))
	var m clients.Manifest
	require.NoError(t, json.Unmarshal(files[clients.ManifestFile], &m))
	return protocol.Program{Command: lines.Command{Args: m.Run, Dir: dir}}.Maker()
}

// A segment in Python keeps the rules of lab 2, one run and all scripts of a test each: it makes the same bytes of pages, its trace is
// followed step by step, and what is damaged on the way it does not take. Only what its disk is like it does not show: it replaces files
// as a whole, so that nothing of it is torn, and does not mend what has rotted.
func TestASegmentInPythonKeepsTheRulesOfLab2(t *testing.T) {
	lab, err := labs.Numbered(2)
	require.NoError(t, err)
	make := inPython(t, "segment/reference")
	ran := 0
	for _, test := range lab.Tests {
		switch test.Name {
		case "serves", "stops-at-the-first-gap", "keeps-its-promise-across-a-restart", "joins-a-cut", "serves-pages-as-of-the-read-point", "damage-on-the-way-is-noticed":
			ran++
			out := lab.Run(&test, make, lab.Seeds(&test, nil)[:1], labs.Options{})
			require.Nil(t, out.Failed, "%s: %s", test.Name, out.Says())
			require.Positive(t, out.Made)
		}
	}
	require.Equal(t, 6, ran)
}
