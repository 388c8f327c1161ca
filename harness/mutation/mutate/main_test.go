package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults/mutants"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// What was tried before is neither lost nor made again, the report is of all of it, and a score that is too low fails.
func TestAnEarlierTryIsKept(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666))
	}
	write(mutants.ListFile, `[{"number":1,"package":"impl/a","file":"impl/a/f.go","line":3,"func":"S.f","kind":"negated","source":"x"},
		{"number":2,"package":"impl/a","file":"impl/a/f.go","line":4,"func":"S.f","kind":"negated","source":"y"}]`)
	write("outcomes-1-200.jsonl", "{\"number\":1,\"noticed\":true}\n{\"number\":2,\"runs\":200}\n{\"num")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-least", "50", folder}, &out, io.Discard))
	require.Contains(t, out.String(), "50.0%")
	require.Contains(t, out.String(), "- impl/a/f.go:4: negated: y\n")
	require.EqualError(t, run(t.Context(), []string{"-least", "51", folder}, io.Discard, io.Discard), "expected a score of at least 51%, found 50.0%")
	kept, err := os.ReadFile(filepath.Join(folder, "outcomes-1-200.jsonl"))
	require.NoError(t, err)
	require.Equal(t, "{\"number\":1,\"noticed\":true}\n{\"number\":2,\"runs\":200}\n", string(kept))

	write("argued", "impl/a S.f negated: y\tnobody looks\n")
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-json", "-least", "100", "-argued", filepath.Join(folder, "argued"), folder}, &out, io.Discard))
	require.Contains(t, out.String(), `"survivors": null`)
	write("argued", "impl/a S.f negated: x\tnobody looks\n")
	require.EqualError(t, run(t.Context(), []string{"-argued", filepath.Join(folder, "argued"), folder}, io.Discard, io.Discard),
		"expected that what is argued to be equivalent is not noticed, found 1 that are")
}

func TestWrongUseIsNamed(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), nil, io.Discard, io.Discard), "expected one FOLDER")
	require.ErrorContains(t, run(t.Context(), []string{"-every", "0", "x"}, io.Discard, io.Discard), "-every and -runs of at least 1")
	require.ErrorIs(t, run(t.Context(), []string{t.TempDir()}, io.Discard, io.Discard), os.ErrNotExist)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, mutants.ListFile), []byte("[]"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "outcomes-1-200.jsonl"), []byte("{\"number\":\n"), 0o666))
	require.ErrorContains(t, run(t.Context(), []string{folder}, io.Discard, io.Discard), "outcomes-1-200.jsonl: unexpected end of JSON input")
	t.Setenv(mutants.Variable, "none")
	require.ErrorContains(t, run(t.Context(), nil, io.Discard, io.Discard), "expected the number of a mutant")
}
