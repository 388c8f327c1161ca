package grade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

func encoded(t *testing.T, r *Result) string {
	t.Helper()
	b, err := json.Marshal(r)
	require.NoError(t, err)
	return string(b)
}

func TestTheReferenceHasFullMarks(t *testing.T) {
	r := graded(t, Options{})
	require.True(t, r.Full())
	require.Equal(t, []int{100, 100, 50}, []int{r.Score, r.Most, r.BreakPoint.Score})
	require.Equal(t, -1, r.BreakPoint.Faults)
	require.Equal(t, 3, r.BreakPoint.Steps)
	for _, test := range r.Tests {
		require.True(t, test.Passed, test.Name)
		require.Positive(t, test.Runs)
	}
}

func TestEachMistakeLosesMarksInTheTestThatNamesIt(t *testing.T) {
	lab := fake()
	for _, m := range lab.Mistakes {
		dir := t.TempDir()
		r := graded(t, Options{Bug: m.Bug.Name, Out: dir})
		require.Less(t, r.Score, r.Most, m.Bug.Name)
		i := slices.IndexFunc(r.Tests, func(x Test) bool { return x.Name == m.Test })
		x := r.Tests[i]
		require.Zero(t, x.Score, m.Bug.Name)
		require.False(t, x.Passed)
		require.NotEmpty(t, x.Says)
		require.NotEmpty(t, x.Broke)
		for _, file := range []string{x.Replay, x.Page} {
			require.FileExists(t, filepath.Join(dir, file), m.Bug.Name)
		}
		require.Contains(t, x.Says, "again: firstgap replay "+x.Replay)
		f, err := failure.Read(filepath.Join(dir, x.Replay))
		require.NoError(t, err)
		again, err := failure.Again(f, []harness.System{lab.System(lab.Reference)})
		require.NoError(t, err)
		require.Equal(t, failure.Reproduced, again.Answer)
	}
}

// The explanation of a lost mark has what was allowed instead, and the faults that it takes.
func TestALostMarkIsExplained(t *testing.T) {
	r := graded(t, Options{Bug: hasty})
	says := r.Tests[1].Says
	for _, want := range []string{"allowed instead: ", "the rule: ", "it takes: at "} {
		require.Contains(t, says, want)
	}
	require.Equal(t, []string{"crash"}, r.BreakPoint.Kinds)
	require.Equal(t, 1, r.BreakPoint.Faults)
	require.Len(t, r.BreakPoint.Set, 1)
	require.Less(t, r.BreakPoint.Score, r.BreakPoint.Most)
}

func TestTheSameBytesWithAnyNumberOfWorkers(t *testing.T) {
	for _, bug := range []string{"", hasty, stale, silent} {
		first := encoded(t, graded(t, Options{Bug: bug, Workers: 1, Out: t.TempDir()}))
		require.Equal(t, first, encoded(t, graded(t, Options{Bug: bug, Workers: 7, Out: t.TempDir()})), bug)
		require.NotContains(t, first, os.TempDir())
	}
}

func TestSecretsDrawOtherSeedsOfHiddenTestsAlone(t *testing.T) {
	seeds := func(o Options) map[string]uint64 {
		lab := fake()
		drawn := map[string]uint64{}
		for i := range lab.Tests {
			test := &lab.Tests[i]
			of := test.Generate
			test.Generate = func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
				if _, has := drawn[test.Name]; !has {
					drawn[test.Name] = seed
				}
				return of(s, seed, bug)
			}
		}
		o.Workers = 1
		_, err := Grade(t.Context(), lab, Submission{Maker: keepers}, o)
		require.NoError(t, err)
		return drawn
	}
	known, one, other := seeds(Options{}), seeds(Options{Secret: []byte("a course's secret")}), seeds(Options{Secret: []byte("another's secret")})
	require.Equal(t, known["reads"], one["reads"])
	require.Equal(t, one["reads"], other["reads"])
	require.NotEqual(t, known["crash"], one["crash"])
	require.NotEqual(t, one["crash"], other["crash"])
	require.NotContains(t, seeds(Options{Public: true}), "crash")
}

func TestPublicTestsAlone(t *testing.T) {
	r := graded(t, Options{Public: true})
	require.Len(t, r.Tests, 1)
	require.Nil(t, r.BreakPoint)
	require.Equal(t, []int{20, 20}, []int{r.Score, r.Most})
	require.Equal(t, LeftOut, r.Hidden)
	require.True(t, r.Full())
}

// What students see of a hidden test has neither its seeds nor its faults nor the files that hold them.
func TestHiddenTestsStayHidden(t *testing.T) {
	o := Options{Bug: hasty, Secret: []byte("a course's secret"), Out: t.TempDir()}
	r := graded(t, o)
	require.Equal(t, OfCourse, r.Hidden)
	full := encoded(t, r)
	shown := r.ForStudents()
	text := encoded(t, shown)
	require.Equal(t, full, encoded(t, r), "the result itself is as it was")
	for _, leak := range []string{"crash.fgt", "crash.html", "it takes", " ms", "replica"} {
		require.Contains(t, full, leak, "is this still what leaks?")
		require.NotContains(t, text, leak)
	}
	require.Equal(t, r.Tests[1].Broke, shown.Tests[1].Says)
	require.Equal(t, []string{"crash"}, shown.BreakPoint.Set)
	require.Equal(t, r.Score, shown.Score)
	o.Secret = nil
	r = graded(t, o)
	require.Equal(t, encoded(t, r), encoded(t, r.ForStudents()), "what is known need not be hidden")
}

func TestWhatDiffersTheSecondTimeIsFlakyAndHasNoMarks(t *testing.T) {
	var drawn atomic.Uint64
	restless := func(p protocol.Place) node.Node {
		return &keeper{hook: p.Hook, draw: func() uint64 { return drawn.Add(1) * 0x9E3779B97F4A7C15 >> 20 }}
	}
	r, err := Grade(t.Context(), fake(), Submission{Maker: restless}, Options{Every: 1, Secret: []byte("a course's secret")})
	require.NoError(t, err)
	require.Len(t, r.Flaky, 3)
	require.Zero(t, r.Score)
	require.False(t, r.Full())
	require.Regexp(t, `^reads: the same run went otherwise the second time, from event \d+ on\nfirst:  .*\nsecond: .*$`, r.Flaky[0])
	for _, x := range r.Tests {
		require.Contains(t, x.Says, "not the same twice")
	}
	shown := r.ForStudents()
	require.Equal(t, r.Flaky[0], shown.Flaky[0])
	require.Equal(t, []string{"crash: " + otherwise, "break-point: " + otherwise}, shown.Flaky[1:])
	require.Equal(t, otherwise, shown.BreakPoint.Says)
}

func TestWhoDoesNothingPassesNothing(t *testing.T) {
	r := graded(t, Options{Bug: silent})
	require.Zero(t, r.Score)
	lab := fake()
	lab.Tests[0].Checks = []judge.Check{faults.Sanity} // which a node that does nothing keeps to
	r, err := Grade(t.Context(), lab, Submission{Maker: keepers}, Options{Bug: silent, Public: true})
	require.NoError(t, err)
	require.Zero(t, r.Score)
	require.Contains(t, r.Tests[0].Says, "did too little to be told: in 24 runs expected some of each of: operations answered")
	lab.Tests[0].Needs, lab.Tests[0].Checks = nil, []judge.Check{faults.Serializability}
	r, err = Grade(t.Context(), lab, Submission{Maker: keepers}, Options{Public: true})
	require.NoError(t, err)
	require.Zero(t, r.Score, "a check that was never made is none that was passed")
	require.Contains(t, r.Tests[0].Says, "left nothing behind to be held against")
}

func TestARefusedSubmissionHasNoMarksAndSaysWhy(t *testing.T) {
	r, err := Grade(t.Context(), fake(), Submission{Maker: keepers, Check: func(context.Context) error { return &RefusedError{"it wrote 3 lines"} }}, Options{})
	require.NoError(t, err)
	require.Equal(t, "it wrote 3 lines", r.Problem)
	require.Zero(t, r.Score)
	require.Equal(t, 100, r.Most)
	require.Len(t, r.Tests, 2)
	// What it did in between takes back what it had.
	asked := 0
	r, err = Grade(t.Context(), fake(), Submission{Maker: keepers, Trouble: func() error {
		if asked++; asked == 4 {
			return &RefusedError{"it started 100 processes"}
		}
		return nil
	}}, Options{})
	require.NoError(t, err)
	require.Equal(t, "it started 100 processes", r.Problem)
	require.Zero(t, r.Score)
	require.False(t, r.Unfinished)
	require.False(t, r.Full())
}

func TestWhatThisMachineCannotDoIsNoScore(t *testing.T) {
	broken := errors.New("no space left on device")
	r, err := Grade(t.Context(), fake(), Submission{Maker: keepers, Check: func(context.Context) error { return broken }}, Options{})
	require.ErrorIs(t, err, broken)
	require.True(t, r.Unfinished)
	_, err = Grade(t.Context(), fake(), Submission{Maker: keepers, Trouble: func() error { return broken }}, Options{})
	require.ErrorIs(t, err, broken)
	_, err = Grade(t.Context(), fake(), Submission{Maker: keepers}, Options{Partial: func(*Result) error { return broken }})
	require.ErrorIs(t, err, broken)
	_, err = Grade(t.Context(), fake(), Submission{Maker: keepers}, Options{Bug: stale, Out: filepath.Join(t.TempDir(), "missing")})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Grade(t.Context(), fake(), Submission{Maker: keepers}, Options{Bug: "bugOfNobody"})
	var unknown *faults.UnknownError
	require.ErrorAs(t, err, &unknown)
	lab := fake()
	lab.Tests[0].Generate = func(harness.System, uint64, string) (configuration.Configuration, error) {
		return configuration.Configuration{}, nil
	}
	_, err = Grade(t.Context(), lab, Submission{Maker: keepers}, Options{})
	var made *ConfigurationError
	require.ErrorAs(t, err, &made)
}

// A grader that is killed leaves the tests that it had graded, and says that it had not ended.
func TestPartialResultsComeAfterEachTest(t *testing.T) {
	var all []string
	var unfinished []bool
	r := graded(t, Options{Partial: func(r *Result) error {
		all, unfinished = append(all, encoded(t, r)), append(unfinished, r.Unfinished)
		return nil
	}})
	require.Equal(t, []bool{true, true, false}, unfinished)
	require.Equal(t, encoded(t, r), all[2])
	ctx, cancel := context.WithCancel(t.Context())
	r, err := Grade(ctx, fake(), Submission{Maker: keepers}, Options{Partial: func(*Result) error { cancel(); return nil }})
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, r.Unfinished)
	require.Equal(t, 20, r.Score)
	require.False(t, r.Full())
}

// Whoever fails in fewer of the same runs has no fewer marks for the break-point.
func TestTheBreakPointIsMonotone(t *testing.T) {
	scores := map[int]int{}
	for least := range 5 { // it breaks from so many faults on
		lab := fake()
		of := lab.Break.Generate
		lab.Break.Generate = func(s harness.System, seed uint64, step int, _ string) (configuration.Configuration, error) {
			bug := ""
			if step >= least {
				bug = stale
			}
			return of(s, seed, step, bug)
		}
		r, err := Grade(t.Context(), lab, Submission{Maker: keepers}, Options{})
		require.NoError(t, err)
		scores[least] = r.BreakPoint.Score
	}
	require.Equal(t, map[int]int{0: 0, 1: 12, 2: 25, 3: 37, 4: 50}, scores)
}

func TestFailuresOfAKindAreExplainedOnce(t *testing.T) {
	r := graded(t, Options{Bug: stale, Budget: 8})
	require.NotEmpty(t, r.BreakPoint.Says)
	require.Contains(t, r.BreakPoint.Says, "as in ")
	none := graded(t, Options{Bug: stale, Budget: -1})
	require.NotEmpty(t, none.Tests[0].Says)
	require.Less(t, len(none.Tests[0].Says), len(r.Tests[0].Says), "without runs for it nothing is made smaller")
}

func TestSecretsAreReadWithinBounds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	var wrong *SecretError
	for _, size := range []int{0, LeastSecret - 1, MostSecret + 1, 1 << 20} {
		require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("x"), size), 0o600))
		_, err := ReadSecret(file)
		require.ErrorAs(t, err, &wrong, "%d bytes", size)
	}
	require.Contains(t, wrong.Error(), "expected 16 to 4096 bytes, found 4097")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("x", LeastSecret)), 0o600))
	secret, err := ReadSecret(file)
	require.NoError(t, err)
	require.Len(t, secret, LeastSecret)
	_, err = ReadSecret(file + "s")
	require.ErrorIs(t, err, os.ErrNotExist)
}
