package why

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/spec/reader"
	"github.com/firstgap/firstgap/spec/volume"
)

// rules collects, from the source of everything that judges a run, what findings name as the rule that was broken. A rule that is added
// anywhere without a reason here fails the test below.
func rules(t *testing.T) map[string]string {
	root := filepath.Join("..", "..", "..")
	found := map[string]string{}
	for dir, is := range map[string]func(*ast.File, func(string)){
		"spec/volume":           typed("Refusal"),
		"spec/reader":           typed("Refusal"),
		"spec/quorum":           refusals,
		"spec/mirror":           refusals,
		"spec/wal":              refusals,
		"linearizability":       typed("Anomaly"),
		"harness/conform":       named,
		"harness/conform/older": named,
		"harness/judge":         judged,
	} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		require.NoError(t, err)
		before := len(found)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			require.NoError(t, err)
			is(parsed, func(rule string) { found[rule] = dir })
		}
		require.Greater(t, len(found), before, "%s has no rules, or they are found no more", dir)
	}
	for _, x := range volume.Invariants() {
		found[x.Name] = "spec/volume"
	}
	for _, x := range reader.Guarantees() {
		found[x.Name] = "spec/reader"
	}
	return found
}

// literal is the value of a string literal.
func literal(e ast.Expr) (string, bool) {
	lit, is := e.(*ast.BasicLit)
	if !is || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// typed collects constants of a type.
func typed(name string) func(*ast.File, func(string)) {
	return func(file *ast.File, add func(string)) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is {
				return true
			}
			if of, is := spec.Type.(*ast.Ident); is && of.Name == name {
				for _, v := range spec.Values {
					if s, is := literal(v); is {
						add(s)
					}
				}
			}
			return true
		})
	}
}

// named collects constants whose names begin with rule.
func named(file *ast.File, add func(string)) {
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, is := n.(*ast.ValueSpec); is {
			for i, v := range spec.Values {
				if s, is := literal(v); is && strings.HasPrefix(spec.Names[i].Name, "rule") {
					add(s)
				}
			}
		}
		return true
	})
}

// refusals collects what check.Refuse is called with, the names of invariants, and what a variable called name is given.
func refusals(file *ast.File, add func(string)) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, is := n.Fun.(*ast.SelectorExpr); is && f.Sel.Name == "Refuse" {
				if s, is := literal(n.Args[0]); is {
					add(s)
				}
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if id, is := left.(*ast.Ident); is && id.Name == "name" && len(n.Rhs) == len(n.Lhs) {
					if s, is := literal(n.Rhs[i]); is && s != "" && s[0] >= 'A' && s[0] <= 'Z' {
						add(s)
					}
				}
			}
		}
		return true
	})
}

// judged collects constants of the types of losses, and what the field Rule is given.
func judged(file *ast.File, add func(string)) {
	typed("Loss")(file, add)
	typed("Staleness")(file, add)
	named(file, add)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if id, is := n.Key.(*ast.Ident); is && id.Name == "Rule" {
				if s, is := literal(n.Value); is {
					add(s)
				}
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if f, is := left.(*ast.SelectorExpr); is && f.Sel.Name == "Rule" && i < len(n.Rhs) {
					if s, is := literal(n.Rhs[i]); is {
						add(s)
					}
				}
			}
		}
		return true
	})
}

func TestEveryRuleHasAReason(t *testing.T) {
	all := rules(t)
	require.Greater(t, len(all), 150)
	has := map[string]bool{}
	for _, x := range reasons {
		require.NotEmpty(t, x.text)
		require.NotEmpty(t, x.why, x.text)
		require.NotEmpty(t, x.source, x.text)
		for _, rule := range x.rules {
			require.False(t, has[rule], "two reasons for %q", rule)
			has[rule] = true
		}
	}
	for rule, dir := range all {
		require.True(t, has[rule], "%s: no reason why %q exists", dir, rule)
	}
}

func TestEveryCheckHasAReason(t *testing.T) {
	for _, c := range append(judge.Checks(), judge.ConfigurationCheck) {
		r := ruleOf(&judge.Finding{Check: c, Guarantee: judge.Guarantee(c)})
		require.NotEmpty(t, r.Text, c)
		require.NotEmpty(t, r.Reason, c)
		require.NotEmpty(t, r.Source, c)
	}
	r := ruleOf(&judge.Finding{Check: "trace", Rule: `l <= Vdl(e)`})
	require.Equal(t, "a commit is acknowledged when the volume is durable up to its record", r.Text)
	require.Contains(t, r.Source, "§4.2.2")
	r = ruleOf(&judge.Finding{Check: "trace", Rule: "a stranger's own rule", Guarantee: "a stranger's guarantee"})
	require.Equal(t, "a stranger's own rule", r.Text, "a rule that is not ours is shown as it is")
}
