package firstgap_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// withoutExample names the public packages that have no example, and why.
var withoutExample = map[string]string{
	"harness/harnesstest": "its functions take the testing.TB of a test, which an example does not have; its comment shows the call",
}

// A door is a public package as someone who looks for one finds it.
type door struct {
	name     string
	comment  string // of the package, a line for each paragraph
	examples int    // that go test runs
}

// doors finds the public packages of the module: not main, not below internal or testdata, and not of another module.
func doors(tree fs.FS) (map[string]*door, error) {
	ignored, err := ignoredFolders(tree)
	if err != nil {
		return nil, err
	}
	found := map[string]*door{}
	tests := map[string][]*ast.File{}
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			skip := name != "." && strings.HasPrefix(d.Name(), ".") || slices.Contains(ignored, name)
			if skip || d.Name() == "internal" || d.Name() == "testdata" || name == "examples" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
		if err != nil {
			return err
		}
		folder := path.Dir(name)
		switch {
		case strings.HasSuffix(name, "_test.go"):
			tests[folder] = append(tests[folder], file)
		case file.Name.Name != "main":
			if found[folder] == nil {
				found[folder] = &door{name: file.Name.Name}
			}
			for paragraph := range strings.SplitSeq(file.Doc.Text(), "\n\n") {
				if line := strings.Join(strings.Fields(paragraph), " "); line != "" {
					found[folder].comment += line + "\n"
				}
			}
		}
		return nil
	})
	for folder, d := range found {
		for _, e := range doc.Examples(tests[folder]...) {
			if e.Output != "" { // without one, go test only compiles it
				d.examples++
			}
		}
	}
	return found, err
}

// instead finds the sentence that says when not to use a package.
var instead = regexp.MustCompile(`(?m)(^|[.:] )(Use .+? instead when |Not for )`)

// closed says what is missing at the doors, and which excuses are none.
func closed(found map[string]*door, excused map[string]string) []string {
	var problems []string
	for _, folder := range slices.Sorted(maps.Keys(found)) {
		d := found[folder]
		object := func(format string, args ...any) {
			problems = append(problems, folder+": "+fmt.Sprintf(format, args...))
		}
		switch {
		case d.comment == "":
			object("no package comment")
		case !strings.HasPrefix(d.comment, "Package "+d.name+" "):
			object("its comment does not begin with %q", "Package "+d.name)
		case !instead.MatchString(d.comment):
			object(`its comment does not say when not to use it, as in "Use X instead when ..." or "Not for ..."`)
		}
		if _, ok := excused[folder]; ok && d.examples > 0 {
			object("has an example, and is excused from having one")
		} else if !ok && d.examples == 0 {
			object("no Example with an output")
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(excused)) {
		if found[folder] == nil {
			problems = append(problems, folder+": is excused, and there is no such public package")
		}
		if excused[folder] == "" {
			problems = append(problems, folder+": is excused without a reason")
		}
	}
	return problems
}

func TestEveryPublicPackageSaysWhatItIsForAndShowsIt(t *testing.T) {
	found, err := doors(os.DirFS("."))
	require.NoError(t, err)
	require.Contains(t, found, "impl/baseline/block", "is the guard looking at the right tree?")
	problems := closed(found, withoutExample)
	require.Empty(t, problems, "%s", strings.Join(problems, "\n"))
}

func TestClosedDoorsAreSeen(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const comment = "// Package sim runs nodes.\n//\n// Use package harness instead when an engineer has a\n// system.\npackage sim\n"
	const example = "package sim_test\n\nimport \"fmt\"\n\nfunc Example() {\n\tfmt.Println(1)\n\t// Output: 1\n}\n"
	open := func() fstest.MapFS {
		return fstest.MapFS{
			".gitignore":              file("/build/\n"),
			"build/x.go":              file("package x\n"),
			".hidden/x.go":            file("package x\n"),
			"house_test.go":           file("package firstgap_test\n"),
			"cmd/firstgap/main.go":    file("package main\n"),
			"examples/x/x.go":         file("package x\n"),
			"harness/internal/x/x.go": file("package x\n"),
			"harness/testdata/x.go":   file("not Go at all"),
			"harness/shown/x_test.go": file("package shown\n"),
			"harness/sim/doc.go":      file(comment),
			"harness/sim/sim.go":      file("package sim\n"),
			"harness/sim/x_test.go":   file(example),
		}
	}
	look := func(tree fs.FS, excused map[string]string) []string {
		found, err := doors(tree)
		require.NoError(t, err)
		require.Len(t, found, 1)
		return closed(found, excused)
	}
	require.Empty(t, look(open(), nil))
	tree := open()
	tree["harness/sim/doc.go"] = file("// Package sim runs nodes: many. Not for an engineer who has a system.\npackage sim\n")
	require.Empty(t, look(tree, nil))

	const silent = `harness/sim: its comment does not say when not to use it, as in "Use X instead when ..." or "Not for ..."`
	for name, c := range map[string]struct{ file, text, want string }{
		"no comment":             {"harness/sim/doc.go", "package sim\n", "harness/sim: no package comment"},
		"a comment apart":        {"harness/sim/doc.go", "// Package sim runs.\n\npackage sim\n", "harness/sim: no package comment"},
		"another package's":      {"harness/sim/doc.go", strings.Replace(comment, "Package sim", "Package simulation", 1), `harness/sim: its comment does not begin with "Package sim"`},
		"no word of others":      {"harness/sim/doc.go", "// Package sim runs nodes.\npackage sim\n", silent},
		"a use and no case":      {"harness/sim/doc.go", "// Package sim runs nodes. Use it for that.\npackage sim\n", silent},
		"no example":             {"harness/sim/x_test.go", "package sim\n\nfunc TestX(t *testing.T) {}\n", "harness/sim: no Example with an output"},
		"an example not run":     {"harness/sim/x_test.go", strings.Replace(example, "Output", "It prints", 1), "harness/sim: no Example with an output"},
		"an example that is not": {"harness/sim/x_test.go", strings.Replace(example, "Example()", "example()", 1), "harness/sim: no Example with an output"},
		"an example elsewhere":   {"harness/sim/x_test.go", "package sim\n", "harness/sim: no Example with an output"},
	} {
		tree := open()
		tree[c.file] = file(c.text)
		tree["harness/shown/x_test.go"] = file(example)
		require.Equal(t, []string{c.want}, look(tree, nil), name)
	}

	require.Equal(t, []string{"harness/sim: has an example, and is excused from having one"}, look(open(), map[string]string{"harness/sim": "why"}))
	require.Equal(t, []string{"gone: is excused, and there is no such public package", "gone: is excused without a reason"}, look(open(), map[string]string{"gone": ""}))
	tree = open()
	delete(tree, "harness/sim/x_test.go")
	require.Empty(t, look(tree, map[string]string{"harness/sim": "why"}))
}
