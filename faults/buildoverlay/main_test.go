package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults/overlay"
)

func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "overlay")
	var stdout bytes.Buffer
	require.NoError(t, run([]string{"-o", out, filepath.Join("..", "overlay", "testdata", "shapes")}, &stdout, io.Discard))
	require.Equal(t, filepath.Join(out, overlay.File)+": 5 points, planted bugs among them: 3\n", stdout.String())
	require.FileExists(t, filepath.Join(out, overlay.File))

	empty := t.TempDir()
	require.ErrorIs(t, run([]string{"-o", out, empty}, io.Discard, io.Discard), overlay.ErrNoPoints)
	require.NoFileExists(t, filepath.Join(out, overlay.File))
	for _, args := range [][]string{nil, {"impl"}, {"-o", out}, {"-o", out, "a", "b"}} {
		require.ErrorContains(t, run(args, io.Discard, io.Discard), "expected -o FOLDER and one TREE")
	}
	require.ErrorContains(t, run([]string{"-p"}, io.Discard, io.Discard), "not defined: -p")
}
