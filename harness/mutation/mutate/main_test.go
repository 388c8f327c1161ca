package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults/mutants"
	"github.com/firstgap/firstgap/harness/mutation"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// What was tried and surveyed before is neither lost nor made again, the report is of all of it, and a score that is too low fails. A
// mutant that would have changed no run is not tried.
func TestAnEarlierTryIsKept(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666))
	}
	call := func(stdout io.Writer, args ...string) error {
		return run(t.Context(), append(args, "-survey", "1", folder), nil, stdout, io.Discard)
	}
	write(mutants.ListFile, `[{"number":1,"package":"impl/a","file":"impl/a/f.go","line":3,"func":"S.f","kind":"negated","source":"x"},
		{"number":2,"package":"impl/a","file":"impl/a/f.go","line":4,"func":"S.f","kind":"negated","source":"y"},
		{"number":3,"package":"impl/a","file":"impl/a/f.go","line":5,"func":"S.f","kind":"negated","source":"z"}]`)
	const surveyed = `{"seed":1,"infected":[1,2]}` + "\n"
	write(mutants.SurveyFile(1), surveyed+`{"seed":2,"infected":[1,2,3]}`+"\n{")
	write(mutants.OutcomesFile(1, 1, 100), "{\"number\":1,\"noticed\":true}\n{\"number\":2,\"runs\":100}\n{\"num")
	var out bytes.Buffer
	require.NoError(t, call(&out, "-least", "33"))
	require.Contains(t, out.String(), "33.3%")
	require.Contains(t, out.String(), "= impl/a/f.go:4: negated: y\n- impl/a/f.go:5: negated: z\n")
	require.EqualError(t, call(io.Discard, "-least", "34"), "expected a score of at least 34%, found 33.3%")
	for name, text := range map[string]string{mutants.OutcomesFile(1, 1, 100): "{\"number\":1,\"noticed\":true}\n{\"number\":2,\"runs\":100}\n",
		mutants.SurveyFile(1): surveyed + `{"seed":2,"infected":[1,2,3]}` + "\n"} {
		kept, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Equal(t, text, string(kept))
	}
	out.Reset()
	require.NoError(t, call(&out, "-match", "negated: [xy]$", "-least", "50"))
	require.NotContains(t, out.String(), "negated: z")
	require.NoError(t, call(&out, "-calibrate"))
	require.Contains(t, out.String(), "furthest, in tolerances")

	write("argued", "impl/a S.f negated: y\tnobody looks\nimpl/a S.f negated: z\tnobody comes\n")
	out.Reset()
	require.NoError(t, call(&out, "-json", "-least", "100", "-argued", filepath.Join(folder, "argued")))
	require.Contains(t, out.String(), `"survivors": null`)
	write("argued", "impl/a S.f negated: x\tnobody looks\n")
	require.EqualError(t, call(io.Discard, "-argued", filepath.Join(folder, "argued")), "expected that what is argued to be equivalent is not noticed, found 1 that are")
}

func TestWrongUseIsNamed(t *testing.T) {
	call := func(stdin string, args ...string) error {
		return run(t.Context(), args, strings.NewReader(stdin), io.Discard, io.Discard)
	}
	require.ErrorContains(t, call(""), "expected one FOLDER")
	require.ErrorContains(t, call("", "-every", "0", "x"), "-every, -runs and -survey of at least 1")
	require.ErrorContains(t, call("", "-match", "(", "x"), "-match: error parsing regexp")
	require.ErrorIs(t, call("", t.TempDir()), os.ErrNotExist)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, mutants.ListFile), []byte("[]"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(folder, mutants.SurveyFile(1)), []byte("{\"seed\":\n"), 0o666))
	require.ErrorContains(t, call("", folder), "survey-1.jsonl: unexpected end of JSON input")
	t.Setenv(mutants.Variable, "none")
	require.ErrorContains(t, call("[]"), "expected the number of a mutant")
	t.Setenv(mutants.Variable, "1")
	require.Error(t, call("[{"))
}

// The arguments that are kept are for mutants that there are: one of a line that has changed since argues for nothing.
func TestTheArgumentsAreForTheMutantsOfTheNodes(t *testing.T) {
	const root = "../../.."
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	packages := regexp.MustCompile(`(?m)^MUTANT_PACKAGES \?= (.+)$`).FindSubmatch(makefile)
	require.NotNil(t, packages)
	all, err := mutants.Build(root, "github.com/firstgap/firstgap", filepath.Join(t.TempDir(), "mutants"), strings.Fields(string(packages[1]))...)
	require.NoError(t, err)
	kept, err := os.Open("../argued.tsv")
	require.NoError(t, err)
	defer kept.Close()
	arguments, err := mutation.ReadArguments(kept, all)
	require.NoError(t, err)
	require.NotEmpty(t, arguments)
	names := map[string]bool{}
	for _, a := range arguments {
		require.False(t, names[a.Name], "two arguments for %s", a.Name)
		names[a.Name] = true
	}
	byName := map[string]bool{}
	for _, m := range all {
		require.False(t, byName[m.Name()], "two mutants are called %s", m.Name())
		byName[m.Name()] = true
	}
}

// A process without a mutant surveys the runs that it is given, and one with a mutant makes them.
func TestAProcessMakesTheRunsThatItIsGiven(t *testing.T) {
	t.Setenv(mutants.Variable, "0")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, strings.NewReader(`[{"seed":3,"hash":0}]`), &out, io.Discard))
	seen, err := mutation.ReadSurveyed(out.Bytes())
	require.NoError(t, err)
	require.Len(t, seen, 1)
	t.Setenv(mutants.Variable, "5")
	out.Reset()
	require.NoError(t, run(t.Context(), nil, strings.NewReader(fmt.Sprintf(`[{"seed":3,"hash":%d}]`, seen[0].Hash)), &out, io.Discard))
	require.Contains(t, out.String(), `{"number":5,"noticed":false,"runs":1,`)
	require.NotContains(t, out.String(), "changed")
}
