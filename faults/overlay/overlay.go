// Package overlay turns the gofail comments of a source tree into a Go build overlay.
//
// The gofail command edits sources in place; an overlay leaves them alone: `go test -overlay=FILE` reads a
// changed copy wherever the original is asked for. Without the overlay the points are comments and cost nothing.
//
// # Shapes
//
// gofail's names and switches are global to the process, while a campaign runs many simulations in one process.
// So every point is switched on once and for all, and its body asks the node's own hook. A point stands inside a
// function, is one comment group that ends with a blank line, and takes one of these shapes.
//
// A point around a durable step. The hook may crash the node there (by a panic that its runner recovers):
//
//	// gofail: var segmentBeforeSync struct{}
//	// s.hook.Hit("segmentBeforeSync")
//
//	effects = append(effects, node.Sync{...})
//
// A planted bug that changes a local variable:
//
//	need := s.writeQuorum
//	// gofail: var bugAckAtWMinusOne struct{}
//	// if w.hook.Planted("bugAckAtWMinusOne") {
//	// 	need--
//	// }
//
//	if votes >= need {
//
// A planted bug that returns early, and so replaces the rest of the function. Where a bug must replace some lines in
// the middle of a long function, make those lines a function of their own: gofail wraps the body into a block, so it
// can neither open a brace that the code after it closes, nor jump past variables declared there.
//
//	func (w *Writer) fence(g int) []Effect {
//		// gofail: var bugRecoverWithoutFence struct{}
//		// if w.hook.Planted("bugRecoverWithoutFence") {
//		// 	return w.readUnfenced(g)
//		// }
//
//		return ...
//	}
//
// A planted bug that leaves a step out of a loop says `continue` inside the `if`.
//
// The names of planted bugs begin with "bug". A bug that must break a rule in several places has a point in each,
// because gofail wants every name once; all of them ask for the one bug.
//
// Code that only a planted bug calls would be unused in the ordinary build: write it into the body. A body may
// declare variables inside its own braces only, and has no comments.
//
// Use the gofail command instead when an engineer may edit the sources in place, or switches points from outside of a
// live process.
package overlay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.etcd.io/gofail/code"
)

// File is the name of the overlay's description inside the folder that Build fills, as `go build -overlay` reads it.
const File = "overlay.json"

// Copies is the subfolder of the changed sources. Go tools pass over a folder whose name begins with an underscore,
// so `./...` does not take the copies for packages.
const Copies = "_files"

// A Point is one gofail comment.
type Point struct {
	Name string // unique in the tree
	Bug  string // the planted bug that the point belongs to; empty for one that marks a moment
	File string // slash-separated, relative to the tree's root
	Line int    // of the marker, from 1
}

// A MarkerError says why a gofail comment cannot be used. gofail itself passes over most of these in silence.
type MarkerError struct {
	File     string // slash-separated, relative to the tree's root
	Line     int    // from 1
	Expected string
	Found    string
}

func (e *MarkerError) Error() string {
	return fmt.Sprintf("%s:%d: expected %s, found %s", e.File, e.Line, e.Expected, e.Found)
}

// A DuplicateError says that two points have one name. gofail would panic when the program starts.
type DuplicateError struct {
	First, Second Point
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s:%d: expected a name of its own, found %s, which stands at %s:%d already",
		e.Second.File, e.Second.Line, e.Second.Name, e.First.File, e.First.Line)
}

// ErrNoPoints is returned for a tree without gofail comments: a job that runs on an overlay of nothing tests nothing.
var ErrNoPoints = errors.New("expected gofail comments, found none")

// Scan lists the points of every Go file below root, by file and line. It reads only.
// All broken markers are reported together; each is a *MarkerError or a *DuplicateError inside the error's tree.
func Scan(root string) ([]Point, error) {
	files, err := read(root)
	if err != nil {
		return nil, err
	}
	var points []Point
	for _, f := range files {
		points = append(points, f.points...)
	}
	return points, nil
}

// Build writes the overlay of the tree below root into the folder out: changed copies, gofail's bindings and File,
// whose keys are absolute, because Go passes over relative keys in silence when it is called from another folder.
// out is created if need be; a folder that holds anything but an earlier overlay is refused, for it is emptied first.
func Build(root, out string) ([]Point, error) {
	// First of all, so that a tree which can no longer be built leaves no stale overlay to test by mistake.
	if err := Clear(out, nil); err != nil {
		return nil, err
	}
	files, err := read(root)
	if err != nil {
		return nil, err
	}
	out, err = filepath.Abs(out)
	if err != nil {
		return nil, err
	}
	root, err = filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	var points []Point
	replace := make(map[string]string, 2*len(files))
	for _, f := range files {
		changed, binding, err := f.generate()
		if err != nil {
			return nil, err
		}
		for _, g := range []struct {
			name string
			text []byte
		}{{f.name, changed}, {bindingName(f.name), binding}} {
			to := filepath.Join(out, Copies, filepath.FromSlash(g.name))
			if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
				return nil, err
			}
			if err := os.WriteFile(to, g.text, 0o666); err != nil {
				return nil, err
			}
			replace[filepath.Join(root, filepath.FromSlash(g.name))] = to
		}
		points = append(points, f.points...)
	}
	return points, Write(out, replace)
}

// Write writes File into the folder out: which file stands in the place of which, by absolute paths.
func Write(out string, replace map[string]string) error {
	description, err := json.MarshalIndent(struct{ Replace map[string]string }{replace}, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, File), append(description, '\n'), 0o666)
}

// Clear empties a folder that has an overlay and nothing else, but for files that more, if it is not nil, knows by their names. Any other
// folder is refused: who mistypes its name must not lose what is in it.
func Clear(out string, more func(name string) bool) error {
	entries, err := os.ReadDir(out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.Name() != File && e.Name() != Copies && (more == nil || !more(e.Name())) {
			return fmt.Errorf("overlay folder %s: expected nothing but an earlier overlay, found %s", out, e.Name())
		}
	}
	err = nil
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(out, e.Name())))
	}
	return err
}

func bindingName(name string) string { return strings.TrimSuffix(name, ".go") + ".fail.go" }

// A file is one source file with at least one point.
type file struct {
	name   string // slash-separated, relative to the root
	pkg    string
	src    []byte
	points []Point
}

// read finds the files with points, checks every marker, and refuses a tree without any.
func read(root string) ([]file, error) {
	var files []file
	var broken []error
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && ignoredFolder(d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parse(filepath.ToSlash(rel), src)
		if err != nil {
			broken = append(broken, err)
			return nil
		}
		if len(f.points) == 0 {
			return nil
		}
		if _, err := os.Lstat(filepath.Join(root, filepath.FromSlash(bindingName(f.name)))); err == nil {
			broken = append(broken, fmt.Errorf("%s: expected its place to be free for gofail's binding, found a file", bindingName(f.name)))
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	first := make(map[string]Point)
	for _, f := range files {
		for _, p := range f.points {
			if q, ok := first[p.Name]; ok {
				broken = append(broken, &DuplicateError{First: q, Second: p})
				continue
			}
			first[p.Name] = p
		}
	}
	if len(broken) > 0 {
		return nil, errors.Join(broken...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", root, ErrNoPoints)
	}
	return files, nil
}

// ignoredFolder says whether Go's own tools pass over a folder of that name.
func ignoredFolder(name string) bool {
	return name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

var (
	// looksLikeMarker is wider than what gofail accepts, so that a slip of the keyboard is an error and not a comment.
	looksLikeMarker = regexp.MustCompile(`(?i)^(//|/\*)\s*gofail\s*(:|\s+var\b)|gofail:`)
	marker          = regexp.MustCompile(`^// gofail: var ([A-Za-z][A-Za-z0-9]*) struct\{\}$`)
	anyCall         = regexp.MustCompile(`\.(Hit|Planted)\([^)]*\)`)
	hitCall         = regexp.MustCompile(`^\.Hit\("([^"]+)"\)$`)
	plantedCall     = regexp.MustCompile(`^\.Planted\("(bug[^"]+)"\)$`)
)

// parse finds and checks the points of one file.
func parse(name string, src []byte) (file, error) {
	if !bytes.Contains(bytes.ToLower(src), []byte("gofail")) {
		return file{name: name}, nil
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{name: name, pkg: tree.Name.Name, src: src}
	lines := strings.Split(string(src), "\n")
	bodies := functionBodies(tree)
	for _, group := range tree.Comments {
		for i := 0; i < len(group.List); i++ {
			c := group.List[i]
			if !looksLikeMarker.MatchString(c.Text) {
				continue
			}
			at := fset.Position(c.Pos())
			refuse := func(expected, found string) (file, error) {
				return file{}, &MarkerError{File: name, Line: at.Line, Expected: expected, Found: found}
			}
			m := marker.FindStringSubmatch(c.Text)
			switch {
			case m == nil:
				return refuse("a marker `// gofail: var NAME struct{}`", "`"+c.Text+"`")
			case strings.TrimSpace(lines[at.Line-1][:at.Column-1]) != "":
				return refuse("a marker on a line of its own", "code before it")
			case strings.HasSuffix(name, "_test.go"):
				return refuse("points outside of tests", "one in a test file")
			case constrained(tree):
				return refuse("points in files of every build", "one in a file with a build constraint")
			case !bodies.contain(c):
				return refuse("a point inside a function", m[1]+" outside of any")
			}
			// gofail takes every further comment line for the body.
			body := group.List[i+1:]
			bug, err := checkBody(name, m[1], at.Line, body, lines)
			if err != nil {
				return file{}, err
			}
			f.points = append(f.points, Point{Name: m[1], Bug: bug, File: name, Line: at.Line})
			i = len(group.List)
		}
	}
	return f, nil
}

// checkBody checks a point's body and returns the planted bug that it asks for, or what is wrong with it.
func checkBody(file, name string, line int, body []*ast.Comment, lines []string) (bug string, err error) {
	refuse := func(at int, expected, found string) (string, error) {
		return "", &MarkerError{File: file, Line: at, Expected: expected, Found: found}
	}
	// A moment is asked for by the point's own name, a bug by any that can be one.
	expected, call := fmt.Sprintf(".Hit(%q)", name), hitCall
	planted := strings.HasPrefix(name, "bug")
	if planted {
		expected, call = `.Planted("bug...")`, plantedCall
	}
	if len(body) == 0 {
		return refuse(line, "a body that asks the node's hook: "+expected, "no body")
	}
	var text strings.Builder
	asked := ""
	for i, c := range body {
		at := line + 1 + i
		switch {
		case looksLikeMarker.MatchString(c.Text):
			return refuse(at, "a blank line after the body of "+name, "the next marker, which gofail takes for code")
		case !strings.HasPrefix(c.Text, "//"):
			return refuse(at, "a body of // lines", "`"+c.Text+"`")
		case strings.Contains(c.Text[2:], "//"):
			return refuse(at, "a body without comments", "`"+c.Text+"`, where gofail's own code would be commented out")
		}
		for _, found := range anyCall.FindAllString(c.Text, -1) {
			m := call.FindStringSubmatch(found)
			if m == nil || !planted && m[1] != name || asked != "" && m[1] != asked {
				return refuse(at, "the hook to be asked for one thing, "+expected, found)
			}
			asked = m[1]
		}
		text.WriteString(c.Text[2:] + "\n")
	}
	if asked == "" {
		return refuse(line, "a body that asks the node's hook: "+expected, "none that does")
	}
	if last := line + len(body); last >= len(lines) || strings.TrimSpace(lines[last]) != "" {
		return refuse(last+1, "a blank line after the body of "+name, "code")
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, "", "package p; func _() {\n"+text.String()+"}\n", parser.SkipObjectResolution)
	if err != nil {
		return refuse(line+1, "Go statements in the body of "+name, err.Error())
	}
	for _, s := range tree.Decls[0].(*ast.FuncDecl).Body.List {
		assign, isAssign := s.(*ast.AssignStmt)
		if _, isDecl := s.(*ast.DeclStmt); isDecl || isAssign && assign.Tok == token.DEFINE {
			return refuse(line+fset.Position(s.Pos()).Line-1, "variables of the body inside braces", "a declaration, over which gofail's goto would jump")
		}
	}
	if !planted {
		asked = ""
	}
	return asked, nil
}

type spans []*ast.BlockStmt

func (s spans) contain(n ast.Node) bool {
	for _, b := range s {
		if b.Pos() < n.Pos() && n.End() < b.End() {
			return true
		}
	}
	return false
}

func functionBodies(tree *ast.File) spans {
	var s spans
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				s = append(s, n.Body)
			}
		case *ast.FuncLit:
			s = append(s, n.Body)
		}
		return true
	})
	return s
}

// constrained says whether the file has a //go:build line; gofail's binding would not have it.
func constrained(tree *ast.File) bool {
	for _, g := range tree.Comments {
		for _, c := range g.List {
			if c.Pos() < tree.Package && constraint.IsGoBuild(c.Text) {
				return true
			}
		}
	}
	return false
}

// generate lets gofail change the file, and makes sure that it did what the markers say.
func (f file) generate() (changed, binding []byte, err error) {
	var dst bytes.Buffer
	made, err := code.ToFailpoints(&dst, bytes.NewReader(f.src))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: gofail: %w", f.name, err)
	}
	var names, want []string
	for _, m := range made {
		names = append(names, m.Name())
	}
	for _, p := range f.points {
		want = append(want, p.Name)
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		// A marker in a raw string, say: gofail reads lines where Go reads comments.
		return nil, nil, fmt.Errorf("%s: expected gofail to make the points %v of the file's comments, found %v", f.name, want, names)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), f.name, dst.Bytes(), parser.SkipObjectResolution); err != nil {
		return nil, nil, fmt.Errorf("expected Go after gofail made its points, found %w", err)
	}
	var bound bytes.Buffer
	if err := code.NewBinding(f.pkg, made).Write(&bound); err != nil {
		return nil, nil, err
	}
	return dst.Bytes(), bound.Bytes(), nil
}
