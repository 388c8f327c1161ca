package check_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// What TLC prints, version banner and timing aside.
const (
	tlcPass = `Finished computing initial states: 1 distinct state generated at 2026-01-01 00:00:00.
Model checking completed. No error has been found.
  Estimates of the probability that TLC did not check all reachable states
97 states generated, 16 distinct states found, 0 states left on queue.
The depth of the complete state graph search is 8.
`
	tlcViolation = `Error: Invariant NotFour is violated.
Error: The behavior up to this point is:
State 1: <Initial predicate>
/\ small = 0

State 2: <FillLarge line 9, col 3 to line 10, col 20 of module Jugs>
/\ small = 0

State 3: <PourBack line 9, col 3 to line 10, col 20 of module Jugs>
/\ small = 3

70 states generated, 14 distinct states found, 3 states left on queue.
`
	tlcAtOnce = `Error: Invariant NotFour is violated by the initial state:
/\ large = 4

1 states generated, 1 distinct states found, 0 states left on queue.
`
	tlcLive = `Error: Temporal properties were violated.
Error: The following behavior constitutes a counter-example:
State 1: <Initial predicate>
State 2: <Press line 1, col 1 to line 1, col 2 of module Lamp>
Back to state 1: <Press line 1, col 1 to line 1, col 2 of module Lamp>
3 states generated, 2 distinct states found, 0 states left on queue.
`
)

func jugsSubject() (check.Subject, fs.FS) {
	text := func(s string) func([]byte) (string, error) {
		return func(world []byte) (string, error) {
			if string(world) == "bad" {
				return "", errors.New("a bad world")
			}
			return s + string(world), nil
		}
	}
	return check.Subject{Name: "jugs", Module: "Jugs", Config: text("SPECIFICATION Spec of ")},
		fstest.MapFS{"Jugs.tla": {Data: []byte("the jugs")}, "Lamp.tla": {Data: []byte("the lamp")}, "README.md": {Data: []byte("no module")}}
}

func read(t *testing.T, path ...string) string {
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}

func TestWriteTwin(t *testing.T) {
	s, modules := jugsSubject()
	folder := filepath.Join(t.TempDir(), "new", "folder")
	root, err := check.WriteTwin(s, []byte("small"), modules, folder)
	require.NoError(t, err)
	require.Equal(t, "Jugs", root)
	require.Equal(t, "the jugs", read(t, folder, "Jugs.tla"))
	require.Equal(t, "the lamp", read(t, folder, "Lamp.tla"))
	require.Equal(t, "SPECIFICATION Spec of small", read(t, folder, "MC.cfg"))
	require.NoFileExists(t, filepath.Join(folder, "MC.tla"))
	require.NoFileExists(t, filepath.Join(folder, "README.md"))

	s.Root = func(world []byte) (string, error) { return "root of " + string(world), nil }
	root, err = check.WriteTwin(s, []byte("small"), modules, folder)
	require.NoError(t, err)
	require.Equal(t, "MC", root)
	require.Equal(t, "root of small", read(t, folder, "MC.tla"))

	_, err = check.WriteTwin(s, []byte("bad"), modules, folder)
	require.EqualError(t, err, "a bad world")
	_, err = check.WriteTwin(s, []byte("small"), modules, filepath.Join(folder, "MC.cfg", "sub"))
	require.Error(t, err)
	_, err = check.WriteTwin(check.Subject{Name: "lock"}, nil, modules, folder)
	require.EqualError(t, err, "tlc: model lock has no twin in TLA+")
	s.Module = "Jars"
	_, err = check.WriteTwin(s, []byte("small"), modules, folder)
	require.EqualError(t, err, "tlc: model jugs: found no module Jars.tla among Jugs.tla, Lamp.tla")
}

// fakeJava puts a java on the path that notes how it was called, and where, and prints the output given. It returns the
// path of a jar, and the folder with the notes.
func fakeJava(t *testing.T, output string, code string) (jar, notes string) {
	notes = t.TempDir()
	jar = filepath.Join(notes, "tla2tools.jar")
	require.NoError(t, os.WriteFile(jar, []byte("a jar"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(notes, "output"), []byte(output), 0o644))
	script := "#!/bin/sh\nNOTES='" + notes + "'\necho \"$@\" >$NOTES/args\npwd >$NOTES/folder\ncat MC.cfg >$NOTES/config\ncat $NOTES/output\nexit " + code + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(notes, "java"), []byte(script), 0o755))
	t.Setenv("PATH", notes+string(os.PathListSeparator)+os.Getenv("PATH"))
	return jar, notes
}

func TestRunTLC(t *testing.T) {
	s, modules := jugsSubject()
	for name, c := range map[string]struct {
		output, code string
		want         check.TLC
		err          string
	}{
		"pass":              {output: tlcPass, want: check.TLC{Verdict: check.Pass, Distinct: 16, Generated: 97}},
		"violation":         {output: tlcViolation, code: "12", want: check.TLC{Verdict: check.Violation, Invariant: "NotFour", Distinct: 14, Generated: 70, Steps: 2}},
		"at once":           {output: tlcAtOnce, code: "12", want: check.TLC{Verdict: check.Violation, Invariant: "NotFour", Distinct: 1, Generated: 1}},
		"no progress":       {output: tlcLive, code: "13", want: check.TLC{Verdict: check.Violation, Distinct: 2, Generated: 3, Steps: 1}},
		"parse error":       {output: "*** Parse Error ***\nWas expecting a module", code: "150", err: "tlc: it did not say how many states it found; its last lines are:\n*** Parse Error ***\nWas expecting a module"},
		"nothing":           {err: "it did not say how many states it found"},
		"error":             {output: "Error: Evaluating the invariant failed\n" + strings.Replace(tlcPass, "0 states left", "9 states left", 1), code: "75", err: "tlc: it ended with an error"},
		"states left":       {output: strings.Replace(tlcPass, "0 states left", "9 states left", 1), err: "tlc: it left 9 states"},
		"not completed":     {output: "97 states generated, 16 distinct states found, 0 states left on queue.\n", err: "tlc: it did not complete"},
		"too many for us":   {output: strings.Replace(tlcPass, "97 states", "99999999999999999999 states", 1), err: "generated states: "},
		"last figures hold": {output: "5 states generated, 4 distinct states found, 3 states left on queue.\n" + tlcPass, want: check.TLC{Verdict: check.Pass, Distinct: 16, Generated: 97}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.code == "" {
				c.code = "0"
			}
			jar, notes := fakeJava(t, c.output, c.code)
			found, err := check.RunTLC(t.Context(), s, []byte("small"), modules, jar, 0)
			if c.err != "" {
				var twin *check.TwinError
				require.ErrorAs(t, err, &twin)
				require.ErrorContains(t, err, c.err)
			} else {
				require.NoError(t, err)
				require.Equal(t, c.want, *found)
			}
			require.Contains(t, read(t, notes, "args"), "-cp "+jar+" tlc2.TLC -workers 1 -nowarning -metadir ")
			require.Contains(t, read(t, notes, "args"), "-config MC.cfg Jugs\n")
			require.Equal(t, "SPECIFICATION Spec of small", read(t, notes, "config"))
			require.NoDirExists(t, strings.TrimSpace(read(t, notes, "folder")), "the files are removed")
		})
	}
}

// Without TLC or Java it is said where TLC comes from, and nothing is told.
func TestNoTLC(t *testing.T) {
	s, modules := jugsSubject()
	jar, _ := fakeJava(t, tlcPass, "0")
	var twin *check.TwinError
	for _, absent := range []string{filepath.Join(t.TempDir(), "none.jar"), t.TempDir()} {
		_, err := check.RunTLC(t.Context(), s, []byte("small"), modules, absent, 1)
		require.ErrorAs(t, err, &twin)
		require.ErrorContains(t, err, "tlc: found no file "+absent+". TLC is the file tla2tools.jar of the TLA+ tools (https://")
	}
	_, err := check.RunTLC(t.Context(), s, []byte("bad"), modules, jar, 1)
	require.EqualError(t, err, "a bad world")

	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	_, err = check.RunTLC(cancelled, s, []byte("small"), modules, jar, 1)
	require.ErrorAs(t, err, &twin)
	require.EqualError(t, err, "tlc: interrupted: enough")

	t.Setenv("PATH", t.TempDir())
	_, err = check.RunTLC(t.Context(), s, []byte("small"), modules, jar, 1)
	require.ErrorAs(t, err, &twin)
	require.ErrorContains(t, err, "found no java on the path")
}

func TestCompare(t *testing.T) {
	pass := check.Result{Verdict: check.Pass, Distinct: 16, Generated: 97}
	violation := check.Result{Verdict: check.Violation, Invariant: "NotFour", Distinct: 14, Generated: 70, Trace: make([]check.Step, 6)}
	vacuous := check.Result{Verdict: check.Violation, Reason: check.NotReachable, Invariant: "Five", Distinct: 16, Generated: 97}
	lasso := check.Result{Verdict: check.Violation, Invariant: "Opens(2)", Lasso: &check.Lasso{}, Trace: make([]check.Step, 1)}
	for name, c := range map[string]struct {
		ours        check.Result
		tlc         check.TLC
		differences []string
		text        string
	}{
		"equal":           {pass, check.TLC{Verdict: check.Pass, Distinct: 16, Generated: 97}, []string{}, "generated   97                  97\ncompared    equal\n"},
		"distinct":        {pass, check.TLC{Verdict: check.Pass, Distinct: 1600, Generated: 97}, []string{"distinct states: 16 here, 1,600 in TLC"}, "DIFFERENT   distinct states: 16 here, 1,600 in TLC\n"},
		"generated":       {pass, check.TLC{Verdict: check.Pass, Distinct: 16, Generated: 98}, []string{"generated states: 97 here, 98 in TLC"}, "DIFFERENT"},
		"verdict":         {pass, check.TLC{Verdict: check.Violation, Invariant: "NotFour", Steps: 6}, []string{"verdict: pass here, violation in TLC"}, "broken                          NotFour\n"},
		"other verdict":   {violation, check.TLC{Verdict: check.Pass, Distinct: 14, Generated: 70}, []string{"verdict: violation here, pass in TLC"}, "DIFFERENT"},
		"violations":      {violation, check.TLC{Verdict: check.Violation, Invariant: "Other", Steps: 6, Distinct: 9}, []string{}, "equal in verdict and steps"},
		"steps":           {violation, check.TLC{Verdict: check.Violation, Invariant: "NotFour", Steps: 7}, []string{"steps to the violation: 6 here, 7 in TLC"}, "DIFFERENT"},
		"vacuous":         {vacuous, check.TLC{Verdict: check.Pass, Distinct: 16, Generated: 97}, []string{}, "compared    equal\n"},
		"vacuous differs": {vacuous, check.TLC{Verdict: check.Pass, Distinct: 17, Generated: 97}, []string{"distinct states: 16 here, 17 in TLC"}, "DIFFERENT"},
		"lasso":           {lasso, check.TLC{Verdict: check.Violation, Steps: 9}, []string{}, "equal in verdict; "},
	} {
		t.Run(name, func(t *testing.T) {
			comparison := c.ours.Compare(c.tlc)
			require.Equal(t, c.tlc, comparison.TLC)
			require.Equal(t, c.differences, comparison.Differences)
			var text strings.Builder
			require.NoError(t, comparison.WriteText(&text, &c.ours))
			require.Contains(t, text.String(), c.text)
			require.NotContains(t, text.String(), " \n")
		})
	}
}
