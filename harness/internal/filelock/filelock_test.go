//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package filelock

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func TestAFileIsTakenUntilItIsClosed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
		require.NoError(t, err)
		return f
	}
	first, second := open(), open()
	held, err := Take(first)
	require.NoError(t, err)
	require.False(t, held)
	held, err = Take(second)
	require.NoError(t, err)
	require.True(t, held)
	require.NoError(t, first.Close())
	held, err = Take(second)
	require.NoError(t, err)
	require.False(t, held)
	require.NoError(t, second.Close())
	_, err = Take(second)
	require.Error(t, err)
}
