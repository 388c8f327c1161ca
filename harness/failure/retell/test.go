package retell

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/older"
)

// TestOptions say where a test goes and how it comes to its system. The zero value will do for a system of this module.
type TestOptions struct {
	// Package is the package of the file; empty stands for "firstgap_test".
	Package string
	// System is a Go expression of the system, such as "mysystem.System()", and Import the path of the package that its first name
	// stands for; without an import the expression is one of Package. Empty stands for a system that this module knows by name.
	System, Import string
	// File names the failure file for those who read the test; it may be empty.
	File string
}

// An OptionError says which option of a test cannot be used.
type OptionError struct {
	Option string // as a flag has it
	Found  string
	Want   string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("a test cannot be written with --%s %q; expected %s", e.Option, e.Found, e.Want)
}

const module = "github.com/firstgap/firstgap"

// failpointTag is the build tag of the builds that have the failpoint overlay, and of the tests that need it.
const failpointTag = "failpoints"

// needsFailpoints tells whether the smallest run is another one in a build without the failpoint overlay: it crashes a node at a
// point, or its planted bug is one that only the overlay plants.
func needsFailpoints(s harness.System, e *why.Explanation) bool {
	for _, f := range e.Configuration.Plan.Faults {
		if f.Kind == faults.CrashAtPoint {
			return true
		}
	}
	return e.Configuration.Bug != "" && s.About().Overlay
}

// Test writes a Go test of its own file that makes the smallest run of a failure, and passes once the run does. It fails while the run
// fails: by the same check, rule and kind with what was found, by another one with that, and when it could not tell, too.
func Test(w io.Writer, s harness.System, e *why.Explanation, o TestOptions) error {
	if o.Package == "" {
		o.Package = "firstgap_test"
	}
	if !token.IsIdentifier(o.Package) {
		return &OptionError{"package", o.Package, "the name of a package"}
	}
	imports, expression, err := o.system(s)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if needsFailpoints(s, e) {
		fmt.Fprintf(&b, "//go:build %s\n\n", failpointTag)
	}
	header(&b, s, e, o.File)
	fmt.Fprintf(&b, "\npackage %s\n\nimport (\n\t\"strings\"\n\t\"testing\"\n\n", o.Package)
	for _, path := range []string{"harness", "harness/configuration", "harness/failure", "harness/judge"} {
		if path == "harness" && e.What.Target.Check == judge.Determinism {
			continue
		}
		fmt.Fprintf(&b, "\t%q\n", module+"/"+path)
	}
	fmt.Fprintf(&b, "%s)\n\n", imports)
	name := words(string(e.What.Target.Check), e.What.Target.Rule)
	t := e.What.Target
	fmt.Fprintf(&b, "func Test%s(t *testing.T) {\n", name)
	fmt.Fprintf(&b, "\tc, err := configuration.Read(strings.NewReader(smallest%s))\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n", name)
	kind := ""
	if t.Kind != "" {
		kind = fmt.Sprintf("Kind: %q, ", t.Kind)
	}
	fmt.Fprintf(&b, "\tfailed := failure.Target{Check: %q, Rule: %q, %sVerdict: %q}\n", t.Check, t.Rule, kind, t.Verdict)
	if t.Check == judge.Determinism {
		fmt.Fprintf(&b, "\tr, err := failure.Twice(%s, c)\n\tif err != nil {\n\t\tt.Fatalf(\"%%s: %%v\", failed, err)\n\t}\n", expression)
	} else {
		fmt.Fprintf(&b, "\tr := harness.Run(%s, c)\n", expression)
	}
	b.WriteString(`	if f := failed.In(&r); f != nil {
		t.Fatalf("%s: %s: %s\n  breaks: %s\n%s", f.Verdict, failed, f.Sentence(), f.Guarantee, f.Explain())
	}
	// It fails by something else now, or cannot be told: that is no pass either.
	for i := range r.Findings {
		t.Error(r.Findings[i].String())
	}
	if r.Verdict != judge.Pass {
		t.Fatalf("the run ended with %q, want %q", r.Verdict, judge.Pass)
	}
}
`)
	fmt.Fprintf(&b, "\n// smallest%s is the configuration of the smallest run that fails so.\nconst smallest%s = %s\n", name, name, literal(strings.TrimRight(e.Configuration.String(), "\n")))
	text, err := format.Source(b.Bytes())
	if err != nil {
		return fmt.Errorf("the test that was written is no Go: %w", err)
	}
	_, err = w.Write(text)
	return err
}

// system returns the imports and the expression by which a test comes to its system.
func (o *TestOptions) system(s harness.System) (imports, expression string, err error) {
	if o.System != "" {
		x, err := parser.ParseExpr(o.System)
		if err != nil {
			return "", "", &OptionError{"system-expr", o.System, "a Go expression such as mysystem.System()"}
		}
		if o.Import == "" {
			return "", o.System, nil
		}
		name := first(x)
		if name == "" {
			return "", "", &OptionError{"system-expr", o.System, "an expression that begins with the name of the package of --import"}
		}
		if strings.ContainsFunc(o.Import, func(r rune) bool {
			return !unicode.IsGraphic(r) || strings.ContainsRune(" !\"#$%&'()*,:;<=>?[\\]^`{|}", r)
		}) {
			return "", "", &OptionError{"import", o.Import, "the path of a Go package"}
		}
		return fmt.Sprintf("\n\t%s %q\n", name, o.Import), o.System, nil
	}
	if o.Import != "" {
		return "", "", &OptionError{"import", o.Import, "a Go expression of the system of that package by --system-expr"}
	}
	switch name := s.Name(); {
	case name == aurora.Name:
		return fmt.Sprintf("\t%q\n", module+"/harness/aurora"), "aurora.System()", nil
	case older.Named(name) != nil:
		return fmt.Sprintf("\t%q\n", module+"/harness/older"), fmt.Sprintf("older.Named(%q)", name), nil
	}
	return "", "", &OptionError{"system-expr", "", fmt.Sprintf("a Go expression of the system %s, such as mysystem.System(), and its package by --import: it is not of this module", s.Name())}
}

// first returns the name that an expression such as a.B(c).D begins with, "" where it begins with something else.
func first(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.CallExpr:
		return first(x.Fun)
	case *ast.SelectorExpr:
		if name, is := x.X.(*ast.Ident); is {
			return name.Name
		}
		return first(x.X)
	case *ast.IndexExpr:
		return first(x.X)
	case *ast.CompositeLit:
		return first(x.Type)
	case *ast.UnaryExpr:
		return first(x.X)
	case *ast.ParenExpr:
		return first(x.X)
	}
	return ""
}

// header writes, as a comment, what went wrong.
func header(b *bytes.Buffer, s harness.System, e *why.Explanation, file string) {
	for _, line := range Story(e) {
		fmt.Fprintln(b, strings.TrimRight("// "+line, " "))
	}
	fmt.Fprintf(b, "//\n// This is the smallest run of %s that was found to fail so: %d faults, %d events.", s.Name(), e.After.Faults, e.After.Events)
	if file != "" {
		fmt.Fprintf(b, " It was recorded as %s.", line(file))
	}
	b.WriteString(" The test fails while\n// the mistake is there, and passes once it is mended.\n")
	if needsFailpoints(s, e) {
		fmt.Fprintf(b, `//
// The run passes a failpoint, so the file is left out of a build without them: go test runs it as
//
//	go run %s/faults/buildoverlay -o build/overlay impl
//	go test -overlay=build/overlay/overlay.json -tags=%s ./...
//
// With the tag and without the overlay the run cannot be told, and the test fails.
`, module, failpointTag)
	}
}

// words makes a name of words in any letters.
func words(all ...string) string {
	var b strings.Builder
	up := true
	for _, r := range strings.Join(all, " ") {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
			continue
		case up:
			r = unicode.ToUpper(r)
		}
		up = false
		b.WriteRune(r)
	}
	return b.String()
}

// literal renders text as a Go string: as it is where that can be, so that people can read and change it.
func literal(text string) string {
	for l := range strings.Lines(text) {
		if !strconv.CanBackquote(strings.TrimSuffix(l, "\n")) {
			return strconv.Quote(text)
		}
	}
	return "`" + text + "`"
}
