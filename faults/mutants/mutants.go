// Package mutants makes small mistakes in a source tree, one switch for each, and writes all of them as one Go build overlay: a
// program is compiled once, and the environment says which mutant it runs with. What the checks do not notice of these mistakes
// they would not notice of an engineer's either, so the share that they notice is a measure of them.
//
// Package mutant is the switch between them, which a program of the build shares with the changed sources: it learns there which mutants
// a run without any would have been changed by.
//
// Unlike planted bugs (package overlay), which people have thought of, mutants are made by rule, from every function body of the
// tree. A mutant that changes nothing that anybody could see is equivalent to the source; which ones are, only people can say.
//
// Use planted bugs instead when the question is whether a certain kind of mistake is found, and how soon.
package mutants

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults/overlay"
)

// A Kind is a rule by which mutants are made.
type Kind string

// The rules.
const (
	Negated  Kind = "negated"    // a condition is turned round
	Dropped  Kind = "dropped"    // one of what && or || joins no longer counts
	Boundary Kind = "boundary"   // < for <=, and the like
	Extreme  Kind = "extreme"    // min for max, or the other way round
	OffByOne Kind = "off by one" // a +1 or -1 is left out
	Left     Kind = "left out"   // a statement is not carried out: an assignment, or a call for its effects alone
)

// Kinds lists the rules.
func Kinds() []Kind { return []Kind{Negated, Dropped, Boundary, Extreme, OffByOne, Left} }

// A Mutant is one mistake.
type Mutant struct {
	Number  int    `json:"number"`  // from 1, by file and place
	Package string `json:"package"` // its folder, slash-separated, below the root
	File    string `json:"file"`    // slash-separated, below the root
	Line    int    `json:"line"`
	Func    string `json:"func"` // the function or method, such as Segment.append
	Kind    Kind   `json:"kind"`
	Source  string `json:"source"` // what is changed, on one line
	// Again says how many mutants before it, of the same function and rule, have the same source.
	Again int `json:"again,omitempty"`
}

// Name says which mutant it is in a way that outlives changes elsewhere in its file.
func (m *Mutant) Name() string {
	name := fmt.Sprintf("%s %s %s: %s", m.Package, m.Func, m.Kind, m.Source)
	if m.Again > 0 {
		name += fmt.Sprintf(" (%d)", m.Again+1)
	}
	return name
}

// Files in the folder that Build fills: the overlay, as `go build -overlay` reads it, and the list of mutants. Beside them whoever tries the
// mutants may keep what it found of them, in files whose names SurveyFile and OutcomesFile give.
const (
	OverlayFile = overlay.File
	ListFile    = "mutants.json"
)

const (
	surveys  = "survey-"
	outcomes = "outcomes-"
	lines    = ".jsonl"
)

// SurveyFile is the name of a file of what runs without a mutant say, from a seed on.
func SurveyFile(seed uint64) string { return fmt.Sprintf("%s%d%s", surveys, seed, lines) }

// OutcomesFile is the name of a file of the outcomes of so many runs at most for each mutant, chosen from a survey of so many.
func OutcomesFile(seed uint64, surveyed, runs int) string {
	return fmt.Sprintf("%s%d-%d-%d%s", outcomes, seed, surveyed, runs, lines)
}

// ours tells whether a file is of an earlier Build, or of who tried its mutants.
func ours(name string) bool {
	return name == ListFile || (strings.HasPrefix(name, outcomes) || strings.HasPrefix(name, surveys)) && strings.HasSuffix(name, lines)
}

// Variable is the variable of the environment by which a program of such a build is told the number of its mutant; 0 is none.
const Variable = "FIRSTGAP_MUTANT"

// Home is the folder, below the root, of the package that the changed sources ask which mutant is on.
const Home = "faults/mutants/mutant"

// maxSource bounds Source.
const maxSource = 120

//go:embed mutant/mutant.go
var switches []byte

// ErrNone is returned for packages in which there is nothing to change.
var ErrNone = errors.New("expected Go functions that can be changed, found none")

// spoken are methods that make text for people, or are held by tests alone since no simulated run gives them anything to refuse.
var spoken = []string{"String", "GoString", "Error", "Validate", "Counters", "State", "phase"}

// measures are types that count for people: no node does anything else for what their methods make of it.
var measures = []string{"Counters.", "Lags."}

// Build makes the mutants of some packages, given as folders below root, which is a module's, and writes their overlay and list into the
// folder out, which is emptied first: one that holds anything but an earlier build of mutants and what was found of them is refused.
// Test files have none.
func Build(root, module, out string, packages ...string) ([]Mutant, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if out, err = filepath.Abs(out); err != nil {
		return nil, err
	}
	if err := overlay.Clear(out, ours); err != nil {
		return nil, err
	}
	copies := filepath.Join(out, overlay.Copies)
	if err := os.MkdirAll(copies, 0o777); err != nil {
		return nil, err
	}
	replace := map[string]string{filepath.Join(root, filepath.FromSlash(Home), "mutant.go"): filepath.Join(copies, "mutant.go")}
	if err := os.WriteFile(filepath.Join(copies, "mutant.go"), switches, 0o666); err != nil {
		return nil, err
	}
	var all []Mutant
	for _, folder := range packages {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			return nil, err
		}
		slices.Sort(files)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			m := &maker{next: len(all) + 1, folder: folder, file: folder + "/" + filepath.Base(file), text: text}
			changed, err := m.make(module + "/" + Home)
			if err != nil {
				return nil, err
			}
			if len(m.made) == 0 {
				continue
			}
			all = append(all, m.made...)
			name := filepath.Join(copies, strings.ReplaceAll(m.file, "/", "_"))
			if err := os.WriteFile(name, changed, 0o666); err != nil {
				return nil, err
			}
			replace[file] = name
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%v: %w", packages, ErrNone)
	}
	list, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(out, ListFile), append(list, '\n'), 0o666); err != nil {
		return nil, err
	}
	return all, overlay.Write(out, replace)
}

// A maker makes the mutants of one file.
type maker struct {
	next         int // number of the next mutant
	folder, file string
	text         []byte
	fset         *token.FileSet
	function     string
	made         []Mutant
	edits        []edit
}

// An edit replaces text[from:to].
type edit struct {
	from, to int
	text     string
}

func (m *maker) at(p token.Pos) int { return m.fset.Position(p).Offset }

// replace notes an edit. What opens at one place is noted from the outside in, and what closes from the inside out.
func (m *maker) replace(from, to token.Pos, text string) {
	m.edits = append(m.edits, edit{m.at(from), m.at(to), text})
}

// wrap puts a node into text; what is inside it is changed by inside.
func (m *maker) wrap(n ast.Node, open, close string, inside func()) {
	m.replace(n.Pos(), n.Pos(), open)
	inside()
	m.replace(n.End(), n.End(), close)
}

// mutant counts one more, and returns its number.
func (m *maker) mutant(k Kind, n ast.Node) int {
	source := strings.Join(strings.Fields(string(m.text[m.at(n.Pos()):m.at(n.End())])), " ")
	if len(source) > maxSource {
		source = source[:maxSource] + "..."
	}
	number := m.next
	m.next++
	again := 0
	for i := range m.made {
		if o := &m.made[i]; o.Func == m.function && o.Kind == k && o.Source == source {
			again++
		}
	}
	m.made = append(m.made, Mutant{Number: number, Package: m.folder, File: m.file, Line: m.fset.Position(n.Pos()).Line, Func: m.function, Kind: k, Source: source, Again: again})
	return number
}

func (m *maker) make(home string) ([]byte, error) {
	m.fset = token.NewFileSet()
	f, err := parser.ParseFile(m.fset, m.file, m.text, 0)
	if err != nil {
		return nil, err
	}
	m.edits = append(m.edits, edit{m.at(f.Name.End()), m.at(f.Name.End()), fmt.Sprintf("\n\nimport %q\n", home)})
	for _, d := range f.Decls {
		if d, is := d.(*ast.FuncDecl); is && d.Body != nil && !slices.Contains(spoken, d.Name.Name) && !slices.Contains(measures, receiver(d)) {
			m.function = receiver(d) + d.Name.Name
			m.walk(d.Body)
		}
	}
	slices.SortStableFunc(m.edits, func(a, b edit) int { return a.from - b.from })
	var b bytes.Buffer
	at := 0
	for _, e := range m.edits {
		b.Write(m.text[at:e.from])
		b.WriteString(e.text)
		at = e.to
	}
	b.Write(m.text[at:])
	changed, err := format.Source(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.file, err)
	}
	return changed, nil
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	t := d.Recv.List[0].Type
	if star, is := t.(*ast.StarExpr); is {
		t = star.X
	}
	if generic, is := t.(*ast.IndexExpr); is {
		t = generic.X
	}
	if name, is := t.(*ast.Ident); is {
		return name.Name + "."
	}
	return ""
}

// walk goes through everything below a node.
func (m *maker) walk(n ast.Node) {
	if n != nil {
		ast.Inspect(n, m.visit)
	}
}

// visit makes the mutants of a node. It returns false where it has gone through what is below by itself.
func (m *maker) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		m.list(n.List)
		return false
	case *ast.CaseClause:
		for _, x := range n.List {
			m.walk(x)
		}
		m.list(n.Body)
		return false
	case *ast.IfStmt:
		if n.Init != nil {
			m.walk(n.Init)
		}
		m.wrap(n.Cond, fmt.Sprintf("mutant.Not(%d, ", m.mutant(Negated, n.Cond)), ")", func() { m.walk(n.Cond) })
		m.walk(n.Body)
		if n.Else != nil {
			m.walk(n.Else)
		}
		return false
	case *ast.ForStmt:
		// Its condition is left alone: nearly every change of it is a loop without an end, or one beyond a slice.
		m.walk(n.Body)
		return false
	case *ast.SwitchStmt:
		if n.Tag == nil {
			m.conditions(n)
			return false
		}
	case *ast.BinaryExpr:
		return m.binary(n)
	case *ast.CallExpr:
		return m.call(n)
	case *ast.GenDecl:
		return false // constants
	}
	return true
}

// conditions turns round each case of a switch that has no tag.
func (m *maker) conditions(n *ast.SwitchStmt) {
	if n.Init != nil {
		m.walk(n.Init)
	}
	for _, c := range n.Body.List {
		c := c.(*ast.CaseClause)
		for _, x := range c.List {
			m.wrap(x, fmt.Sprintf("mutant.Not(%d, ", m.mutant(Negated, x)), ")", func() { m.walk(x) })
		}
		m.list(c.Body)
	}
}

var boundaries = map[token.Token]string{token.LSS: "Less", token.GTR: "Greater", token.LEQ: "AtMost", token.GEQ: "AtLeast"}

func (m *maker) binary(n *ast.BinaryExpr) bool {
	switch n.Op {
	case token.LAND, token.LOR:
		m.operand(n.Op, n.X)
		m.operand(n.Op, n.Y)
		return false
	case token.LSS, token.GTR, token.LEQ, token.GEQ:
		m.infix(n, Boundary, boundaries[n.Op])
		return false
	case token.ADD, token.SUB:
		if one, is := n.Y.(*ast.BasicLit); !is || one.Value != "1" {
			return true
		}
		name := "Plus"
		if n.Op == token.SUB {
			name = "Minus"
		}
		m.infix(n, OffByOne, name)
		return false
	}
	return true
}

// operand makes the mutant of one of what && or || joins. Of a chain each is one, and not the first two of three together: who notices
// that one of them is missing notices that both are.
func (m *maker) operand(op token.Token, x ast.Expr) {
	if y, is := x.(*ast.BinaryExpr); is && y.Op == op {
		m.operand(op, y.X)
		m.operand(op, y.Y)
		return
	}
	name := "And"
	if op == token.LOR {
		name = "Or"
	}
	m.wrap(x, fmt.Sprintf("mutant.%s(%d, ", name, m.mutant(Dropped, x)), ")", func() { m.walk(x) })
}

// infix makes a call of an expression with an operator.
func (m *maker) infix(n *ast.BinaryExpr, k Kind, name string) {
	m.wrap(n, fmt.Sprintf("mutant.%s(%d, ", name, m.mutant(k, n)), ")", func() {
		m.walk(n.X)
		m.replace(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), ",")
		m.walk(n.Y)
	})
}

func (m *maker) call(n *ast.CallExpr) bool {
	name, is := n.Fun.(*ast.Ident)
	if !is || name.Name != "min" && name.Name != "max" || len(n.Args) < 2 {
		return true
	}
	m.replace(name.Pos(), n.Lparen+1, fmt.Sprintf("mutant.%s(%d, ", strings.ToUpper(name.Name[:1])+name.Name[1:], m.mutant(Extreme, n)))
	for _, x := range n.Args {
		m.walk(x)
	}
	return false
}

// list makes the mutants of statements that stand one behind another.
func (m *maker) list(statements []ast.Stmt) {
	for _, s := range statements {
		if !omissible(s) {
			m.walk(s)
			continue
		}
		m.wrap(s, fmt.Sprintf("if !mutant.On(%d) { ", m.mutant(Left, s)), " }", func() { m.walk(s) })
	}
}

// omissible tells whether the source compiles without a statement, and whether that is a mistake of the system: what it counts for
// people is none.
func omissible(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE && !slices.ContainsFunc(s.Lhs, counted) && !(len(s.Rhs) == 1 && reserves(s.Rhs[0]))
	case *ast.IncDecStmt:
		return !counted(s.X)
	case *ast.ExprStmt:
		call, is := s.X.(*ast.CallExpr)
		if !is {
			return true
		}
		name, is := call.Fun.(*ast.Ident)
		return !is || name.Name != "panic"
	}
	return false
}

// reserves tells whether an expression is a call of slices.Grow, which only has room made earlier than append would make it.
func reserves(x ast.Expr) bool {
	call, is := x.(*ast.CallExpr)
	if !is {
		return false
	}
	name, is := call.Fun.(*ast.SelectorExpr)
	if !is || name.Sel.Name != "Grow" {
		return false
	}
	in, is := name.X.(*ast.Ident)
	return is && in.Name == "slices"
}

// counted tells whether an expression is one of the counters of a node.
func counted(x ast.Expr) bool {
	for {
		switch y := x.(type) {
		case *ast.SelectorExpr:
			if y.Sel.Name == "counters" {
				return true
			}
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.Ident:
			return y.Name == "_"
		default:
			return false
		}
	}
}
