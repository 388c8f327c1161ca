package overlay_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults/overlay"
)

// tree writes files, given as name and text in turn, into a new folder.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(root, filepath.FromSlash(files[i]))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(files[i+1]), 0o666))
	}
	return root
}

// function is a source file whose function has the given lines, the first of them on line 4.
func function(lines ...string) string {
	return "package p\n\nfunc (s *S) f() {\n" + strings.Join(lines, "\n") + "\n}\n"
}

const (
	mark = "\t// gofail: var aBeforeB struct{}"
	hit  = "\t// s.hook.Hit(\"aBeforeB\")"
)

var good = function("\tg()", mark, hit, "", "\th()")

func TestScan(t *testing.T) {
	root := tree(t,
		"b/b.go", good,
		"a.go", function("\t// gofail: var bugX struct{}", "\t// if s.hook.Planted(\"bugX\") {", "\t// \treturn", "\t// }", ""),
		"none.go", "package p\n\n// gofail comments are named here, none stands here.\nvar x = 1\n",
		"testdata/c.go", good,
		"_old/c.go", good,
		".hidden/c.go", good,
		"notes.txt", mark,
	)
	points, err := overlay.Scan(root)
	require.NoError(t, err)
	require.Equal(t, []overlay.Point{{Name: "bugX", Bug: "bugX", File: "a.go", Line: 4}, {Name: "aBeforeB", File: "b/b.go", Line: 5}}, points)
}

func TestSeveralPointsOfOneBug(t *testing.T) {
	body := "\t// x = x || s.hook.Planted(\"bugX\")"
	points, err := overlay.Scan(tree(t, "a.go", function("\t// gofail: var bugXHere struct{}", body, "", "\t// gofail: var bugXThere struct{}", body, "")))
	require.NoError(t, err)
	require.Equal(t, []overlay.Point{
		{Name: "bugXHere", Bug: "bugX", File: "a.go", Line: 4},
		{Name: "bugXThere", Bug: "bugX", File: "a.go", Line: 7},
	}, points)
}

func TestBrokenMarkers(t *testing.T) {
	for name, c := range map[string]struct {
		file string // p.go if empty
		src  string
		line int
		text string // part of the error
	}{
		"no space":               {src: function("\t//gofail: var x struct{}", hit, ""), line: 4, text: "expected a marker `// gofail: var NAME struct{}`, found `//gofail: var x struct{}`"},
		"no colon":               {src: function("\t// gofail var x struct{}", hit, ""), line: 4, text: "expected a marker"},
		"capital":                {src: function("\t// Gofail: var x struct{}", hit, ""), line: 4, text: "expected a marker"},
		"no name":                {src: function("\t// gofail: var struct{}", hit, ""), line: 4, text: "expected a marker"},
		"value of another type":  {src: function("\t// gofail: var x int", hit, ""), line: 4, text: "expected a marker"},
		"label":                  {src: function("\t// gofail: here:", "\tfor {", "\t}"), line: 4, text: "expected a marker"},
		"words behind":           {src: function("\t// gofail: var x struct{} // see: there", hit, ""), line: 4, text: "expected a marker"},
		"general comment":        {src: function("\t/* gofail: var x struct{} */", ""), line: 4, text: "expected a marker"},
		"behind code":            {src: function("\tg() // gofail: var aBeforeB struct{}", hit, ""), line: 4, text: "a line of its own"},
		"in a sentence":          {src: function("\t// here is gofail: var x struct{}", ""), line: 4, text: "expected a marker"},
		"outside a function":     {src: "package p\n\n// gofail: var aBeforeB struct{}\n// s.hook.Hit(\"aBeforeB\")\n\nvar x = 1\n", line: 3, text: "found aBeforeB outside of any"},
		"doc comment":            {src: "package p\n\n// f does.\n// gofail: var aBeforeB struct{}\n// s.hook.Hit(\"aBeforeB\")\nfunc f() {}\n", line: 4, text: "found aBeforeB outside of any"},
		"no blank line":          {src: function(mark, hit, "\tg()"), line: 6, text: "expected a blank line after the body of aBeforeB, found code"},
		"next marker":            {src: function(mark, hit, mark, hit, ""), line: 6, text: "found the next marker"},
		"no body":                {src: function(mark, "", "\tg()"), line: 4, text: `expected a body that asks the node's hook: .Hit("aBeforeB"), found no body`},
		"body asks nobody":       {src: function(mark, "\t// g()", ""), line: 4, text: "found none that does"},
		"another name":           {src: function(mark, "\t// s.hook.Hit(\"bBeforeA\")", ""), line: 5, text: `asked for one thing, .Hit("aBeforeB"), found .Hit("bBeforeA")`},
		"name in a variable":     {src: function(mark, "\t// s.hook.Hit(name)", ""), line: 5, text: "found .Hit(name)"},
		"point asks for a bug":   {src: function(mark, "\t// s.hook.Planted(\"aBeforeB\")", ""), line: 5, text: `.Hit("aBeforeB"), found .Planted("aBeforeB")`},
		"bug hits":               {src: function("\t// gofail: var bugX struct{}", "\t// s.hook.Hit(\"bugX\")", ""), line: 5, text: `.Planted("bug..."), found .Hit("bugX")`},
		"bug of no name":         {src: function("\t// gofail: var bugX struct{}", "\t// x = s.hook.Planted(\"x\")", ""), line: 5, text: `.Planted("bug..."), found .Planted("x")`},
		"two bugs":               {src: function("\t// gofail: var bugX struct{}", "\t// x = s.hook.Planted(\"bugX\") || s.hook.Planted(\"bugY\")", ""), line: 5, text: `found .Planted("bugY")`},
		"comment in the body":    {src: function(mark, hit+" // crash", ""), line: 5, text: "gofail's own code would be commented out"},
		"general comment inside": {src: function(mark, hit, "\t/* x */", ""), line: 6, text: "expected a body of // lines"},
		"body does not parse":    {src: function(mark, hit, "\t// if {", ""), line: 5, text: "expected Go statements in the body of aBeforeB"},
		"declaration":            {src: function(mark, "\t// x := 1", hit, ""), line: 5, text: "gofail's goto would jump"},
		"var declaration":        {src: function(mark, hit, "\t// var x int", ""), line: 6, text: "gofail's goto would jump"},
		"test file":              {file: "p_test.go", src: good, line: 5, text: "one in a test file"},
		"build constraint":       {src: "//go:build linux\n\n" + good, line: 7, text: "one in a file with a build constraint"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.file == "" {
				c.file = "p.go"
			}
			// A good file beside it: one broken marker is enough to refuse the tree.
			root := tree(t, "dir/"+c.file, c.src, "z.go", strings.ReplaceAll(good, "aBeforeB", "other"))
			_, err := overlay.Scan(root)
			var broken *overlay.MarkerError
			require.ErrorAs(t, err, &broken)
			require.Equal(t, "dir/"+c.file, broken.File)
			require.Equal(t, c.line, broken.Line)
			require.ErrorContains(t, err, c.text)
			out := filepath.Join(t.TempDir(), "overlay")
			_, err = overlay.Build(root, out)
			require.ErrorContains(t, err, c.text)
			require.NoFileExists(t, filepath.Join(out, overlay.File))
		})
	}
}

func TestAllBrokenMarkersAreReported(t *testing.T) {
	bad := function("\t//gofail: var x struct{}", "")
	_, err := overlay.Scan(tree(t, "a.go", bad, "b.go", bad))
	require.ErrorContains(t, err, "a.go:4")
	require.ErrorContains(t, err, "b.go:4")
}

func TestDuplicateName(t *testing.T) {
	_, err := overlay.Scan(tree(t, "a/a.go", good, "b/b.go", good))
	var twice *overlay.DuplicateError
	require.ErrorAs(t, err, &twice)
	require.EqualError(t, twice, "b/b.go:5: expected a name of its own, found aBeforeB, which stands at a/a.go:5 already")
}

func TestNoPoints(t *testing.T) {
	root := tree(t, "a.go", "package p\n")
	_, err := overlay.Scan(root)
	require.ErrorIs(t, err, overlay.ErrNoPoints)
	_, err = overlay.Build(root, filepath.Join(t.TempDir(), "overlay"))
	require.ErrorIs(t, err, overlay.ErrNoPoints)
}

func TestOtherBadTrees(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		text  string
	}{
		"does not parse":   {[]string{"a.go", "package p // gofail: x\n\nfunc {"}, "a.go:3"},
		"binding is taken": {[]string{"a.go", good, "a.fail.go", "package p\n"}, "a.fail.go: expected its place to be free"},
		"marker in a string": {[]string{"a.go", strings.Replace(good, "\tg()", "\tg(`\n"+strings.ReplaceAll(mark+"\n"+hit, "aBeforeB", "x")+"\n\n`)", 1)},
			"expected gofail to make the points [aBeforeB] of the file's comments, found [x aBeforeB]"},
		"point where no statement can stand": {[]string{"a.go", function("\tg(1,", mark, hit, "", "\t\t2)")}, "expected Go after gofail made its points"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := overlay.Build(tree(t, c.files...), filepath.Join(t.TempDir(), "overlay"))
			require.ErrorContains(t, err, c.text)
		})
	}
	_, err := overlay.Scan(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestBuild(t *testing.T) {
	root := tree(t, "b/b.go", good, "b/c.go", "package p\n")
	out := filepath.Join(t.TempDir(), "deep", "overlay")
	points, err := overlay.Build(root, out)
	require.NoError(t, err)
	require.Equal(t, []overlay.Point{{Name: "aBeforeB", File: "b/b.go", Line: 5}}, points)

	text, err := os.ReadFile(filepath.Join(out, overlay.File))
	require.NoError(t, err)
	var description struct{ Replace map[string]string }
	require.NoError(t, json.Unmarshal(text, &description))
	copied := filepath.Join(out, "_files", "b", "b.go")
	bound := filepath.Join(out, "_files", "b", "b.fail.go")
	require.Equal(t, map[string]string{
		filepath.Join(root, "b", "b.go"):      copied,
		filepath.Join(root, "b", "b.fail.go"): bound,
	}, description.Replace)

	original, err := os.ReadFile(filepath.Join(root, "b", "b.go"))
	require.NoError(t, err)
	require.Equal(t, good, string(original), "the source was edited in place")
	changed, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.Contains(t, string(changed), "__fp_aBeforeB.Acquire()")
	require.Equal(t, strings.Count(good, "\n"), strings.Count(string(changed), "\n"), "lines moved")
	_, err = parser.ParseFile(token.NewFileSet(), bound, nil, 0)
	require.NoError(t, err)

	// Again, after a file lost its points: nothing stale stays.
	require.NoError(t, os.WriteFile(filepath.Join(root, "b", "b.go"), []byte("package p\n"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(root, "b", "c.go"), []byte(good), 0o666))
	_, err = overlay.Build(root, out)
	require.NoError(t, err)
	require.NoFileExists(t, copied)

	// And after the whole tree did: no overlay at all.
	require.NoError(t, os.WriteFile(filepath.Join(root, "b", "c.go"), []byte("package p\n"), 0o666))
	_, err = overlay.Build(root, out)
	require.ErrorIs(t, err, overlay.ErrNoPoints)
	require.NoFileExists(t, filepath.Join(out, overlay.File))
}

func TestBuildRefusesAFolderOfOthers(t *testing.T) {
	out := tree(t, "precious.txt", "x")
	_, err := overlay.Build(tree(t, "a.go", good), out)
	require.ErrorContains(t, err, "expected nothing but an earlier overlay, found precious.txt")
	require.FileExists(t, filepath.Join(out, "precious.txt"))
}

// goTest runs tests of the package of shapes in a process of its own, and demands that exactly the named ones pass.
func goTest(t *testing.T, run string, flags ...string) {
	t.Helper()
	args := append([]string{"test", "-count=1", "-v", "-run", "^(" + run + ")$"}, flags...)
	out, err := exec.Command("go", append(args, "./testdata/shapes")...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range strings.Split(run, "|") {
		require.Contains(t, string(out), "--- PASS: "+name)
	}
}

// Every documented shape compiles, acts when its hook says so, and is a comment without the overlay.
func TestShapes(t *testing.T) {
	out := filepath.Join(t.TempDir(), "overlay")
	points, err := overlay.Build("testdata/shapes", out)
	require.NoError(t, err)
	require.Len(t, points, 5)
	with := []string{"-overlay=" + filepath.Join(out, overlay.File), "-tags=failpoints"} // gofail's runtime is behind the tag
	goTest(t, "TestWithoutOverlay")
	goTest(t, "TestWithOverlay|TestCrashAtPoint", with...)

	vet, err := exec.Command("go", append(append([]string{"vet"}, with...), "./testdata/shapes")...).CombinedOutput()
	require.NoError(t, err, "%s", vet)
}
