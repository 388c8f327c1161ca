// Package firstgap_test guards how the project is put together: who may import whom, what a node may touch, and that
// the guard itself is not blind.
package firstgap_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const module = "github.com/firstgap/firstgap"

// arrows says, for each top-level folder, which of them its packages may import, tests included. What must be true
// knows nothing of what claims to do it, and the other way round; only the harness knows both.
var arrows = map[string][]string{
	"spec":            {"spec"},
	"impl":            {"impl"},
	"linearizability": {"linearizability"},
	"faults":          {"faults"},
	"harness":         {"spec", "impl", "linearizability", "faults", "harness"},
	"cmd":             {"spec", "impl", "linearizability", "faults", "harness", "cmd"},
	// A stranger's module: it reaches what is public, and nothing of it is reached from here.
	"examples": {"spec", "impl", "linearizability", "faults", "harness", "cmd", "examples"},
}

// plain are the top-level folders that hold no package of this module.
var plain = []string{"docs", "findings"}

// outside is what a node owns none of (goroutines are looked for as statements), by import path: nothing is allowed
// of it, or only what is not named.
var outside = map[string][]string{
	"crypto/rand":  nil,
	"math/rand":    nil,
	"math/rand/v2": nil,
	"net":          nil,
	"net/http":     nil,
	"os":           nil,
	"os/exec":      nil,
	"os/signal":    nil,
	"syscall":      nil,
	"time":         {"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"},
}

// A house is what a look at the tree finds.
type house struct {
	packages   []string // folders with Go files
	tested     []string // those with tests
	goroutines []string // those that start goroutines outside of their tests
	problems   []string
}

func (h *house) problem(format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf(format, args...))
}

// The word is put together here so that this file does not contain it.
var unfinished = regexp.MustCompile(`\b` + "TO" + "DO" + `\b`)

// look reads the whole tree but for what git ignores and hidden folders other than .ci.
func look(tree fs.FS) (*house, error) {
	ignored, err := ignoredFolders(tree)
	if err != nil {
		return nil, err
	}
	h := &house{}
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if hidden := name != "." && strings.HasPrefix(d.Name(), ".") && name != ".ci"; hidden || slices.Contains(ignored, name) {
				return fs.SkipDir
			}
			if _, known := arrows[name]; !known && !slices.Contains(plain, name) && name != "." && name != ".ci" && !strings.Contains(name, "/") {
				h.problem("%s: unknown top-level folder; known: %s", name, strings.Join(folders(), ", "))
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if at := unfinished.FindIndex(src); at != nil {
			h.problem("%s:%d: says %s", name, 1+bytes.Count(src[:at[0]], []byte("\n")), src[at[0]:at[1]])
		}
		if strings.HasSuffix(name, ".go") && !strings.Contains(name, "testdata/") {
			return h.file(name, src)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, folder := range folders() {
		if folder == "examples" {
			continue // a module of its own
		}
		if !slices.ContainsFunc(h.packages, func(p string) bool { return strings.HasPrefix(p, folder+"/") || p == folder }) {
			h.problem("%s: no package; is the guard looking at the right tree?", folder)
		}
	}
	if len(h.tested) == 0 {
		h.problem("no package has tests")
	}
	return h, nil
}

func folders() []string {
	var names []string
	for name := range arrows {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ignoredFolders lists the top-level folders that .gitignore names: what a build or a run leaves there is not ours.
func ignoredFolders(tree fs.FS) ([]string, error) {
	text, err := fs.ReadFile(tree, ".gitignore")
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if m := strings.TrimSpace(line); strings.HasPrefix(m, "/") && strings.HasSuffix(m, "/") {
			names = append(names, strings.Trim(m, "/"))
		}
	}
	return names, nil
}

// file looks at one Go file.
func (h *house) file(name string, src []byte) error {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	folder := path.Dir(name)
	test := strings.HasSuffix(name, "_test.go")
	h.packages = add(h.packages, folder)
	if test && slices.ContainsFunc(tree.Decls, isTest) {
		h.tested = add(h.tested, folder)
	}
	if folder == "." && !test {
		h.problem("%s: the top level holds no Go but this guard", name)
	}
	top, _, _ := strings.Cut(folder, "/")
	allowed := arrows[top]
	isNode := top == "impl" && folder != "impl/live" && !strings.HasPrefix(folder, "impl/live/") && !test
	forbidden := make(map[string][]string) // by the file's own name for the import
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		line := fset.Position(spec.Pos()).Line
		if rest, ours := strings.CutPrefix(imported, module+"/"); ours {
			if to, _, _ := strings.Cut(rest, "/"); folder != "." && !slices.Contains(allowed, to) {
				h.problem("%s:%d: %s imports %s; it may import: %s", name, line, top, to, strings.Join(allowed, ", "))
			}
		}
		names, isOutside := outside[imported]
		switch {
		case !isNode || !isOutside:
		case names == nil:
			h.problem("%s:%d: a node imports %s; it owns no clock, random source, socket, process or file", name, line, imported)
		case spec.Name != nil:
			forbidden[spec.Name.Name] = names
		default:
			forbidden[path.Base(imported)] = names
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		starts := false
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = true
		case *ast.CallExpr:
			f, isSelector := n.Fun.(*ast.SelectorExpr)
			starts = isSelector && f.Sel.Name == "Go" // of a wait group or an error group
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && slices.Contains(forbidden[of.Name], n.Sel.Name) {
				h.problem("%s:%d: a node calls %s.%s; it owns no clock", name, fset.Position(n.Pos()).Line, of.Name, n.Sel.Name)
			}
		}
		if starts && !test {
			h.goroutines = add(h.goroutines, folder)
			if isNode {
				h.problem("%s:%d: a node starts a goroutine; it owns none", name, fset.Position(n.Pos()).Line)
			}
		}
		return true
	})
	return nil
}

func add(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func isTest(d ast.Decl) bool {
	f, ok := d.(*ast.FuncDecl)
	return ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test")
}

func TestHouse(t *testing.T) {
	h, err := look(os.DirFS("."))
	require.NoError(t, err)
	require.Empty(t, h.problems, "%s", strings.Join(h.problems, "\n"))
	require.Contains(t, h.tested, "faults")
}

// raced returns the patterns of the Makefile's list of packages for the race detector.
func raced(t *testing.T, makefile string) []string {
	m := regexp.MustCompile(`(?m)^RACE_PACKAGES \?= (.*)$`).FindStringSubmatch(makefile)
	require.NotNil(t, m, "the Makefile has no line RACE_PACKAGES ?= ...")
	return strings.Fields(m[1])
}

func matches(pattern, folder string) bool {
	if prefix, wide := strings.CutSuffix(pattern, "/..."); wide {
		return "./"+folder == prefix || strings.HasPrefix("./"+folder, prefix+"/")
	}
	return "./"+folder == pattern
}

// Every package that starts goroutines is run under the race detector.
func TestRaceDetectorSeesAllGoroutines(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	require.NoError(t, err)
	patterns := raced(t, string(makefile))
	h, err := look(os.DirFS("."))
	require.NoError(t, err)
	require.NotEmpty(t, h.goroutines)
	for _, folder := range h.goroutines {
		require.True(t, slices.ContainsFunc(patterns, func(p string) bool { return matches(p, folder) }),
			"%s starts goroutines and is none of RACE_PACKAGES: %s", folder, patterns)
	}

	require.True(t, matches("./a/...", "a/b"))
	require.True(t, matches("./a/...", "a"))
	require.True(t, matches("./a", "a"))
	require.False(t, matches("./a", "a/b"))
	require.False(t, matches("./a/...", "ab"))
}

// sound is a small tree in which all is well.
func sound() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		".gitignore":           file("/build/\n*.test\n"),
		"build/x.go":           file("not Go at all"),
		".git/HEAD":            file("ref"),
		"house_test.go":        file("package firstgap_test\n"),
		"cmd/firstgap/main.go": file("package main\n\nimport _ \"" + module + "/harness/sim\"\n"),
		"harness/sim/sim.go":   file("package sim\n\nimport (\n\t_ \"" + module + "/impl/node\"\n\t_ \"" + module + "/spec/check\"\n\t_ \"math/rand\"\n)\n\nfunc f() { go f() }\n"),
		"impl/node/node.go":    file("package node\n\nimport \"time\"\n\ntype T time.Duration\n"),
		"impl/live/live.go":    file("package live\n\nimport (\n\t_ \"net\"\n\t_ \"" + module + "/impl/node\"\n)\n\nfunc f() { go f() }\n"),
		"spec/check/c.go":      file("package check\n\nfunc f() { wg.Go(f) }\n"),
		"spec/check/c_test.go": file("package check\n\nfunc TestF(t *testing.T) { go f() }\n"),
		"linearizability/l.go": file("package linearizability\n"),
		"faults/f.go":          file("package faults\n\nimport _ \"" + module + "/faults/overlay\"\n"),
		"faults/testdata/t.go": file("not Go at all"),
	}
}

func TestHouseSeesWhatIsBroken(t *testing.T) {
	h, err := look(sound())
	require.NoError(t, err)
	require.Empty(t, h.problems)
	require.Equal(t, []string{"cmd/firstgap", "faults", "harness/sim", ".", "impl/live", "impl/node", "linearizability", "spec/check"}, h.packages)
	require.Equal(t, []string{"spec/check"}, h.tested)
	require.Equal(t, []string{"harness/sim", "impl/live", "spec/check"}, h.goroutines)

	imports := func(pkg, to string) string {
		return "package " + pkg + "\n\nimport _ \"" + module + "/" + to + "\"\n"
	}
	word := "TO" + "DO"
	for name, c := range map[string]struct{ file, text, want string }{
		"impl imports spec":           {"impl/segment/s.go", imports("segment", "spec/volume"), "impl/segment/s.go:3: impl imports spec; it may import: impl"},
		"impl imports faults":         {"impl/segment/s.go", imports("segment", "faults"), "impl imports faults"},
		"impl imports harness":        {"impl/segment/s.go", imports("segment", "harness/sim"), "impl imports harness"},
		"impl's test imports harness": {"impl/segment/s_test.go", imports("segment", "harness/sim"), "impl imports harness"},
		"impl imports histories":      {"impl/segment/s.go", imports("segment", "linearizability"), "impl imports linearizability"},
		"spec imports impl":           {"spec/volume/v.go", imports("volume", "impl/node"), "spec imports impl"},
		"spec imports faults":         {"spec/volume/v.go", imports("volume", "faults"), "spec imports faults"},
		"histories import impl":       {"linearizability/x.go", imports("linearizability", "impl/node"), "linearizability imports impl"},
		"faults import impl":          {"faults/x.go", imports("faults", "impl/node"), "faults imports impl"},
		"harness imports cmd":         {"harness/x.go", imports("harness", "cmd/firstgap"), "harness imports cmd"},
		"unknown folder":              {"util/notes.txt", "", "util: unknown top-level folder; known: cmd, examples, faults, harness, impl, linearizability, spec"},
		"Go at the top":               {"main.go", "package main\n", "main.go: the top level holds no Go"},
		"unfinished work":             {"README.md", "fine\n// " + word + ": more\n", "README.md:2: says " + word},
		"unfinished work in testdata": {"spec/testdata/x.txt", word, "spec/testdata/x.txt:1: says " + word},
		"node with a file":            {"impl/node/x.go", "package node\n\nimport _ \"os\"\n", "impl/node/x.go:3: a node imports os"},
		"node with chance":            {"impl/node/x.go", "package node\n\nimport _ \"math/rand/v2\"\n", "a node imports math/rand/v2"},
		"node with a clock":           {"impl/node/x.go", "package node\n\nimport \"time\"\n\nvar t = time.Now()\n", "impl/node/x.go:5: a node calls time.Now"},
		"node with a hidden clock":    {"impl/node/x.go", "package node\n\nimport t \"time\"\n\nvar x = t.Since\n", "a node calls t.Since"},
		"node with a goroutine":       {"impl/node/x.go", "package node\n\nfunc g() { go g() }\n", "impl/node/x.go:3: a node starts a goroutine"},
		"node with a group":           {"impl/node/x.go", "package node\n\nfunc g() { wg.Go(g) }\n", "a node starts a goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := sound()
			tree[c.file] = &fstest.MapFile{Data: []byte(c.text)}
			h, err := look(tree)
			require.NoError(t, err)
			require.Len(t, h.problems, 1)
			require.Contains(t, h.problems[0], c.want)
		})
	}

	for gone, want := range map[string]string{
		"linearizability/l.go": "linearizability: no package",
		"spec/check/c_test.go": "no package has tests",
	} {
		tree := sound()
		delete(tree, gone)
		h, err := look(tree)
		require.NoError(t, err)
		require.Len(t, h.problems, 1)
		require.Contains(t, h.problems[0], want)
	}
	tree := sound()
	tree["impl/node/x.go"] = &fstest.MapFile{Data: []byte("package")}
	_, err = look(tree)
	require.ErrorContains(t, err, "impl/node/x.go:1")
}
