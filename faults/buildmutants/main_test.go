package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults/mutants"
)

func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "mutants")
	t.Chdir("../..")
	var stdout bytes.Buffer
	require.NoError(t, run([]string{"-o", out, "impl/control"}, &stdout, io.Discard))
	require.Contains(t, stdout.String(), " mutants\n  negated")
	require.FileExists(t, filepath.Join(out, mutants.OverlayFile))
	require.FileExists(t, filepath.Join(out, mutants.ListFile))

	require.ErrorIs(t, run([]string{"-o", out, "docs"}, io.Discard, io.Discard), mutants.ErrNone)
	for _, args := range [][]string{nil, {"impl/control"}, {"-o", out}} {
		require.ErrorContains(t, run(args, io.Discard, io.Discard), "expected -o FOLDER and packages")
	}
}
