package runflags

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A test package that does not know the flags fails `go test ./harness/... -firstgap.runs=N` before it runs anything.
func TestEveryTestPackageOfTheHarnessKnowsTheFlags(t *testing.T) {
	knows := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		folder := filepath.Dir(path)
		knows[folder] = knows[folder] || strings.Contains(string(text), `"github.com/firstgap/firstgap/harness/internal/runflags"`)
		return err
	})
	require.NoError(t, err)
	delete(knows, "../internal/runflags") // it declares them
	require.Greater(t, len(knows), 5)
	for folder, ok := range knows {
		require.True(t, ok, "the tests in %s do not import runflags", folder)
	}
}
