package retell

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// Sources knows where the source of a module passes a failpoint and tells a step of the trace. Nodes do not say it themselves: it would
// cost every step of every run.
type Sources struct {
	root    string              // paths are relative to it: the repository's top folder, or the module's where there is none
	points  map[string]source   // gofail points by name
	actions map[string][]source // told steps by the action's name, in the order of files and lines
}

// A source is a line of a file.
type source struct {
	path string // relative to the root
	line int
}

// Bounds of what is read of a tree.
const (
	mostFiles    = 20_000
	mostFileSize = 4 << 20
)

// A NoSourcesError says that there is no source to read.
type NoSourcesError struct {
	Folder string
	Found  string
}

func (e *NoSourcesError) Error() string {
	return fmt.Sprintf("sources: %s: expected the folder of a Go module or one below it, found %s", e.Folder, e.Found)
}

// ReadSources reads the sources of the Go module that a folder belongs to, without tests, modules inside of it, and what its .gitignore
// names at the top.
func ReadSources(folder string) (*Sources, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	module := above(folder, "go.mod")
	if module == "" {
		return nil, &NoSourcesError{folder, "no go.mod in it or above it"}
	}
	s := &Sources{root: module, points: map[string]source{}, actions: map[string][]source{}}
	if repository := above(module, ".git"); repository != "" {
		s.root = repository
	}
	ignored := ignoredIn(module)
	files := 0
	err = filepath.WalkDir(module, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			_, inner := os.Stat(filepath.Join(path, "go.mod"))
			if path != module && (strings.HasPrefix(name, ".") || name == "testdata" || name == "vendor" || inner == nil || slices.Contains(ignored, path)) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		if files++; files > mostFiles {
			return &NoSourcesError{module, fmt.Sprintf("more than %d files", mostFiles)}
		}
		if info, err := d.Info(); err != nil || info.Size() > mostFileSize {
			return err
		}
		return s.read(path)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// above returns the folder, or the nearest one above it, that has an entry of that name; "" where none has.
func above(folder, name string) string {
	for {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			return folder
		}
		up := filepath.Dir(folder)
		if up == folder {
			return ""
		}
		folder = up
	}
}

// ignoredIn lists the folders that the .gitignore of a folder names by /NAME/: builds leave copies of sources there.
func ignoredIn(folder string) (all []string) {
	text, err := os.ReadFile(filepath.Join(folder, ".gitignore"))
	if err != nil {
		return nil
	}
	for l := range strings.Lines(string(text)) {
		if l = strings.TrimSpace(l); strings.HasPrefix(l, "/") && strings.HasSuffix(l, "/") {
			all = append(all, filepath.Join(folder, strings.Trim(l, "/")))
		}
	}
	return all
}

// gofailPoint finds the name of a point in a comment of gofail's.
var gofailPoint = regexp.MustCompile(`^// gofail: var (\w+) `)

// read looks through one file for failpoints and for told steps. One that does not parse has none: it is no part of what runs.
func (s *Sources) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	relative, err := filepath.Rel(s.root, path)
	if err != nil {
		return err
	}
	at := func(p token.Pos) source { return source{filepath.ToSlash(relative), set.Position(p).Line} }
	for _, group := range file.Comments {
		for _, c := range group.List {
			if m := gofailPoint.FindStringSubmatch(c.Text); m != nil {
				s.points[m[1]] = at(c.Pos())
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		// A step is told by a trace that is made with its action, or given it, or by a function that says so; what only names an
		// action asks which step it is.
		switch n := n.(type) {
		case *ast.CompositeLit:
			if n.Type != nil && nameOf(n.Type) != "Trace" {
				return true
			}
			for _, e := range n.Elts {
				if pair, is := e.(*ast.KeyValueExpr); is && nameOf(pair.Key) == "Action" {
					s.told(pair.Value, at)
				}
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if field, is := to.(*ast.SelectorExpr); is && field.Sel.Name == "Action" && i < len(n.Rhs) {
					s.told(n.Rhs[i], at)
				}
			}
		case *ast.CallExpr:
			if strings.HasPrefix(strings.ToLower(nameOf(n.Fun)), "tell") {
				for _, x := range n.Args {
					s.told(x, at)
				}
			}
		}
		return true
	})
	return nil
}

// nameOf returns the last name of an expression such as a.B, "" where it has none.
func nameOf(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

// told notes the action that an expression is: one of package node, or that of a record that gets its LSN.
func (s *Sources) told(x ast.Expr, at func(token.Pos) source) {
	names := []string{strings.TrimPrefix(nameOf(x), "Act")}
	if call, is := x.(*ast.CallExpr); is && nameOf(call.Fun) == "IssueOf" {
		names = nil
		for _, a := range []node.Action{node.ActWrite, node.ActCommit, node.ActUndo, node.ActStructure} {
			names = append(names, a.String())
		}
	} else if of, is := x.(*ast.SelectorExpr); !is || nameOf(of.X) != "node" || !strings.HasPrefix(of.Sel.Name, "Act") {
		return
	}
	for _, name := range names {
		if !slices.Contains(s.actions[name], at(x.Pos())) {
			s.actions[name] = append(s.actions[name], at(x.Pos()))
		}
	}
}

// point finds a failpoint.
func (s *Sources) point(name string) (sarifPhysical, bool) {
	if s == nil || name == "" {
		return sarifPhysical{}, false
	}
	p, known := s.points[name]
	return p.physical(), known
}

// step finds where nodes like the one of that name tell an action.
func (s *Sources) step(a node.Action, who string) (sarifPhysical, bool) {
	if a == 0 {
		return sarifPhysical{}, false
	}
	return s.named(a.String(), who)
}

func (s *Sources) named(action, who string) (sarifPhysical, bool) {
	if s == nil || action == "" || len(s.actions[action]) == 0 {
		return sarifPhysical{}, false
	}
	all := s.actions[action]
	// Several nodes may tell the same action: that of the node's role is in a file or folder called so.
	role := strings.ToLower(cmp.Or(strings.FieldsFunc(who, func(r rune) bool { return r == ' ' || r == '-' || r == '/' })...))
	for _, at := range all {
		if strings.Contains(at.path, role) {
			return at.physical(), true
		}
	}
	return all[0].physical(), true
}

// srcRoot is what SARIF calls the folder of the sources by convention.
const srcRoot = "%SRCROOT%"

func (p source) physical() sarifPhysical {
	return sarifPhysical{sarifArtifact{URI: uri(p.path), Base: srcRoot}, sarifRegion{p.line}}
}

// file is the place of a file that is no source: relative to the sources where it is below them.
func (s *Sources) file(path string) sarifPhysical {
	if path == "" {
		path = "unknown"
	}
	if s != nil {
		if abs, err := filepath.Abs(path); err == nil {
			if rel, err := filepath.Rel(s.root, abs); err == nil && filepath.IsLocal(rel) {
				return source{filepath.ToSlash(rel), 1}.physical()
			}
		}
	}
	return sarifPhysical{sarifArtifact{URI: uri(path)}, sarifRegion{1}}
}
