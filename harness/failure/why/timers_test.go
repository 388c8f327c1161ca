package why

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// roles are those whose nodes set the timers of a package.
var roles = map[string][]string{"segment": {"segment"}, "writer": {"writer"}, "reader": {"reader"}, "control": {"monitor"}, "database": {"database", "primary"}, "snapshot": {"database"},
	"mirrored": {"primary", "standby", "pair"}, "quorum": {"front"}}

// A timer without words is a number to somebody who has never seen the code.
func TestEveryTimerHasWords(t *testing.T) {
	found := 0
	require.NoError(t, filepath.WalkDir("../../../impl", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for name, timer := range timersOf(file) {
			found++
			require.NotEmpty(t, roles[file.Name.Name], "%s: %s of a package whose nodes are of no known role", path, name)
			for _, role := range roles[file.Name.Name] {
				require.NotEmpty(t, timers[role][timer], "%s: no words for timer %d, %s, of a %s", path, timer, name, role)
			}
		}
		return nil
	}))
	require.GreaterOrEqual(t, found, 12)
	require.Equal(t, "had its gossip timer fire, to ask a peer for what it may lack", timerWords("segment 1/3", 1))
	require.Equal(t, "had its timer 7 fire", timerWords("segment 1/3", 7))
	require.Equal(t, "had its timer 1 fire", timerWords("stranger 4", 1))
}

// timersOf lists the constants of a file that are a node.Timer, also those of a block that goes on with iota.
func timersOf(file *ast.File) map[string]node.Timer {
	all := map[string]node.Timer{}
	for _, decl := range file.Decls {
		block, is := decl.(*ast.GenDecl)
		if !is || block.Tok != token.CONST {
			continue
		}
		var last *ast.ValueSpec
		for iota, spec := range block.Specs {
			v := spec.(*ast.ValueSpec)
			if len(v.Values) > 0 {
				last = v
			}
			for i, name := range v.Names {
				if last == nil || i >= len(last.Values) {
					continue
				}
				value, kind := last.Values[i], last.Type
				if call, is := value.(*ast.CallExpr); is && len(call.Args) == 1 {
					value, kind = call.Args[0], call.Fun
				}
				if kind == nil || types.ExprString(kind) != "node.Timer" {
					continue
				}
				text := strings.ReplaceAll(types.ExprString(value), "iota", constant.MakeInt64(int64(iota)).String())
				number, err := types.Eval(token.NewFileSet(), nil, token.NoPos, text)
				if err != nil {
					continue
				}
				if n, exact := constant.Uint64Val(number.Value); exact {
					all[name.Name] = node.Timer(n)
				}
			}
		}
	}
	return all
}
