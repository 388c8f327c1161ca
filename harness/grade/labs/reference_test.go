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

// inPython returns what makes nodes of a reference solution of a lab: the lab's skeleton in Python with another program in it.
func inPython(t *testing.T, lab *labs.Lab) protocol.Maker {
	t.Helper()
	require.NoError(t, clients.Python.Installed())
	files, err := lab.Skeleton(clients.Python)
	require.NoError(t, err)
	files["node.py"], err = os.ReadFile(filepath.Join(lab.Name, "reference", "node.py"))
	require.NoError(t, err)
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
	make := inPython(t, &lab)
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
