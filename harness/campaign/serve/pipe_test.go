//go:build unix

package serve

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A pipe in the place of a file would make whoever opens it wait for ever.
func TestAPipeIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, fill(t, filepath.Join(dir, "a"), 5, 1000, 1).Close())
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "a", unvisitedFile), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "r"), 0o755))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "r", reportFile), 0o644))
	s := server(t, dir)
	require.Equal(t, http.StatusUnprocessableEntity, get(s, http.MethodGet, href("/campaign", "at", "a")).Code)
	require.NotEqual(t, http.StatusOK, get(s, http.MethodGet, href("/report", "at", "r")).Code)
}
