package transitions

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// scope returns a world by its name.
func scope(t *testing.T, name string) Scope {
	t.Helper()
	at := slices.IndexFunc(Scopes(), func(s Scope) bool { return s.Name == name })
	require.GreaterOrEqual(t, at, 0, name)
	return Scopes()[at]
}
