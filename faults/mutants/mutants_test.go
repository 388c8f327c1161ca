package mutants_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults/mutants"
)

// source has every thing that is changed once, and what must stay as it is.
const source = `package p

import (
	"fmt"
	"slices"
)

type S struct {
	counters struct{ N int }
	x        []int
}

const most = 1 + 1

func (s *S) Do(a, b int) string {
	s.counters.N++
	if a == 7 {
		return "seven"
	}
	s.x = append(s.x, min(a, b)-1)
	s.x = slices.Grow(s.x, 3)
	for i := 0; i < 2; i++ {
		s.add(i)
	}
	big := a > 5 && b > 5 && a != 42
	switch {
	case big:
		return fmt.Sprint(s.x, "big")
	case a <= b || b == 1:
		s.x[0]++
	default:
		panic("no")
	}
	return fmt.Sprint(s.x)
}

// A Counters counts for people.
type Counters struct{ N int }

func (c *Counters) Add(o Counters) { c.N += o.N }

func (s *S) add(n int) { s.x = append(s.x, n+1) }

func (s *S) String() string {
	if s == nil {
		return "none"
	}
	return "some"
}
`

const program = `package main

import (
	"fmt"

	"example.com/m/faults/mutants/mutant"
	"example.com/m/impl/p"
)

func main() {
	mutant.Watch()
	defer func() {
		if why := recover(); why != nil {
			fmt.Print(" panic: ", why)
		}
		fmt.Print(" infected: ", mutant.Infected())
	}()
	for _, ab := range [][2]int{{7, 9}, {42, 43}, {3, 3}, {5, 6}, {6, 6}, {9, 8}, {2, 1}, {6, 5}} {
		fmt.Print((&p.S{}).Do(ab[0], ab[1]), " ")
	}
}
`

// Every rule makes its mutants, the program with none of them does what the source says, and with each of them something else: only
// what cannot be seen from outside is the same.
func TestEachMutantIsAnother(t *testing.T) {
	root, out := t.TempDir(), filepath.Join(t.TempDir(), "mutants")
	for name, text := range map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n", "impl/p/p.go": source, "main.go": program,
		"impl/p/p_test.go": "package p\n\nfunc test(a, b int) bool { return a < b }\n"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o666))
	}
	made, err := mutants.Build(root, "example.com/m", out, "impl/p")
	require.NoError(t, err)
	var names []string
	for i, m := range made {
		require.Equal(t, i+1, m.Number)
		require.Equal(t, "impl/p/p.go", m.File)
		names = append(names, fmt.Sprintf("%d %s %s", m.Line, m.Kind, m.Source))
	}
	require.Equal(t, []string{
		`17 negated a == 7`,
		`20 left out s.x = append(s.x, min(a, b)-1)`,
		`20 off by one min(a, b)-1`,
		`20 extreme min(a, b)`,
		`23 left out s.add(i)`,
		`25 dropped a > 5`,
		`25 boundary a > 5`,
		`25 dropped b > 5`,
		`25 boundary b > 5`,
		`25 dropped a != 42`,
		`27 negated big`,
		`29 negated a <= b || b == 1`,
		`29 dropped a <= b`,
		`29 boundary a <= b`,
		`29 dropped b == 1`,
		`30 left out s.x[0]++`,
		`42 left out s.x = append(s.x, n+1)`,
		`42 off by one n+1`,
	}, names)
	list, err := os.ReadFile(filepath.Join(out, mutants.ListFile))
	require.NoError(t, err)
	var listed []mutants.Mutant
	require.NoError(t, json.Unmarshal(list, &listed))
	require.Equal(t, made, listed)

	binary := filepath.Join(t.TempDir(), "m")
	build := exec.Command("go", "build", "-overlay="+filepath.Join(out, mutants.OverlayFile), "-o", binary, ".")
	build.Dir = root
	told, err := build.CombinedOutput()
	require.NoError(t, err, "%s", told)
	with := func(n int) string {
		c := exec.Command(binary)
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", mutants.Variable, n))
		said, err := c.Output()
		require.NoError(t, err)
		return string(said)
	}
	const right = "seven [42 1 2] [3 1 2] [5 1 2] [5 1 2]big [7 1 2]big [1 1 2]  panic: no "
	all := with(0)
	require.Equal(t, right+"infected: [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18]", all, "each of them makes a difference somewhere")
	for _, m := range made {
		require.NotContains(t, with(m.Number), right, m.Name())
	}
}

// An argument names its mutant. Of two in one function that look alike, the second one has a name of its own.
func TestEachMutantHasAName(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "impl/p"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(root, "impl/p/p.go"), []byte("package p\n\nfunc f(x []int) {\n\tx[0]++\n\tx[0]++\n}\n\nfunc g(x []int) {\n\tx[0]++\n}\n"), 0o666))
	made, err := mutants.Build(root, "example.com/m", filepath.Join(root, "out"), "impl/p")
	require.NoError(t, err)
	var names []string
	for _, m := range made {
		names = append(names, m.Name())
	}
	require.Equal(t, []string{"impl/p f left out: x[0]++", "impl/p f left out: x[0]++ (2)", "impl/p g left out: x[0]++"}, names)
}

func TestNothingToChangeIsAnError(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "impl/p"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(root, "impl/p/p.go"), []byte("package p\n"), 0o666))
	_, err := mutants.Build(root, "example.com/m", filepath.Join(root, "out"), "impl/p")
	require.ErrorIs(t, err, mutants.ErrNone)
	require.NoError(t, os.WriteFile(filepath.Join(root, "impl/p/p.go"), []byte("package"), 0o666))
	_, err = mutants.Build(root, "example.com/m", filepath.Join(root, "out"), "impl/p")
	require.ErrorContains(t, err, "impl/p/p.go:1:8")
}

// A mistyped -o must not cost anybody a folder. One of an earlier build is emptied, its outcomes too: they are of other mutants.
func TestOnlyAFolderOfMutantsIsEmptied(t *testing.T) {
	root, out := t.TempDir(), t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "impl/p"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(root, "impl/p/p.go"), []byte(source), 0o666))
	build := func() error {
		_, err := mutants.Build(root, "example.com/m", out, "impl/p")
		return err
	}
	require.NoError(t, build())
	kept := []string{filepath.Join(out, mutants.OutcomesFile(1, 400, 200)), filepath.Join(out, mutants.SurveyFile(1))}
	for _, name := range kept {
		require.NoError(t, os.WriteFile(name, []byte("{}\n"), 0o666))
	}
	require.NoError(t, build())
	for _, name := range kept {
		require.NoFileExists(t, name)
	}

	precious := filepath.Join(out, "thesis.txt")
	require.NoError(t, os.WriteFile(precious, []byte("years"), 0o666))
	require.ErrorContains(t, build(), "expected nothing but an earlier overlay, found thesis.txt")
	require.FileExists(t, precious)
	require.FileExists(t, filepath.Join(out, mutants.ListFile))
}
