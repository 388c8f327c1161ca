package class_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/class"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// alone answers from a memory, which is all nodes' where that is shared.
type alone map[string]node.Value

func (a alone) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	if q.Op == node.OpWrite {
		a[q.Rows[0].Key] = q.Rows[0].Value
	} else {
		reply.Value = a[q.Rows[0].Key]
	}
	out.Respond(ev.From, reply)
}

// lab asks for nodes that are one register; one node is.
func lab() *labs.Lab {
	return &labs.Lab{Number: 1, Name: "two", Title: "Nodes that are one register",
		System: func(m protocol.Maker) harness.System {
			return harness.Replicas{Name: "two", Count: 1, Mix: workload.Registers(), New: func(p harness.Place) node.Node {
				return m(protocol.Place{Role: protocol.Replica, ID: p.ID, Members: p.Members})
			}}.System()
		},
		Reference: func(protocol.Place) node.Node { return alone{} },
		Tests: []labs.Test{{Name: "reads", Public: true, Marks: 10, Runs: 3, Needs: []string{"operations"},
			Generate: func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
				return s.Generate(seed, harness.Generation{Bug: bug})
			}}}}
}

// mute answers nothing.
type mute struct{}

func (mute) Step(node.Time, node.Event, *node.Effects) {}

// hands makes a class of submissions, each with one file that says what it is.
func hands(t *testing.T, all map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, what := range all {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "what"), []byte(what), 0o644))
	}
	return dir
}

// open makes a submission of what its file says.
func open(_ context.Context, name, folder string) (grade.Submission, func() error, error) {
	text, err := os.ReadFile(filepath.Join(folder, "what"))
	s := grade.Submission{Name: name, Maker: func(protocol.Place) node.Node { return alone{} }}
	switch string(text) {
	case "mute":
		s.Maker = func(protocol.Place) node.Node { return mute{} }
	case "refused":
		s.Check = func(context.Context) error { return &grade.RefusedError{Reason: "=it cannot be built"} }
	case "no box":
		return s, nil, errors.New("found nothing to shut a box with")
	case "full disk":
		return s, nil, fmt.Errorf("box: %w", syscall.ENOSPC)
	}
	return s, func() error { return nil }, err
}

func table(t *testing.T, out string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, class.Table))
	require.NoError(t, err)
	require.Equal(t, strings.Count(string(text), "\r\n"), strings.Count(string(text), "\n"), "RFC 4180")
	lines, err := csv.NewReader(strings.NewReader(string(text))).ReadAll() // which wants as many cells in each line
	require.NoError(t, err)
	return lines
}

func TestAClassIsOneTable(t *testing.T) {
	out := t.TempDir()
	dir := hands(t, map[string]string{"anna": "right", "bert": "mute", "=cmd|'calc'": "refused", "dora": "no box", ".git": "right"})
	var done []string
	rows, err := class.Grade(t.Context(), dir, class.Options{Lab: lab(), Out: out, Open: open, Done: func(r class.Row) { done = append(done, r.Name) }})
	require.EqualError(t, err, `submission "dora": found nothing to shut a box with`)
	require.Len(t, rows, 4)
	require.ElementsMatch(t, []string{"anna", "bert", "=cmd|'calc'", "dora"}, done)
	require.Equal(t, [][]string{
		{"submission", "score", "most", "reads", "break-point", "faults that break it", "flaky", "problem", "could not tell"},
		{"'=cmd|'calc'", "0", "10", "0", "", "", "", "'=it cannot be built", ""},
		{"anna", "10", "10", "10", "", "", "", "", ""},
		{"bert", "0", "10", "0", "", "", "", "", ""},
		{"dora", "", "", "", "", "", "", "", "found nothing to shut a box with"},
	}, table(t, out))
}

func TestOnlyWhatHasChangedIsGradedAgain(t *testing.T) {
	out := t.TempDir()
	dir := hands(t, map[string]string{"anna": "right", "bert": "mute"})
	kept := func(change func(*class.Options)) []bool {
		o := class.Options{Lab: lab(), Out: out, Open: open}
		change(&o)
		rows, err := class.Grade(t.Context(), dir, o)
		require.NoError(t, err)
		return []bool{rows[0].Kept, rows[1].Kept}
	}
	same := func(*class.Options) {}
	require.Equal(t, []bool{false, false}, kept(same))
	first, err := os.ReadFile(filepath.Join(out, class.Table))
	require.NoError(t, err)
	require.Equal(t, []bool{true, true}, kept(same))
	again, err := os.ReadFile(filepath.Join(out, class.Table))
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bert", "what"), []byte("right"), 0o644))
	require.Equal(t, []bool{true, false}, kept(same))
	require.Equal(t, "10", table(t, out)[2][1])
	require.Equal(t, []bool{false, false}, kept(func(o *class.Options) { o.Grade.Secret = []byte("a course's secret") }))
	require.Equal(t, []bool{false, false}, kept(func(o *class.Options) { o.Program = "another" }))
	require.Equal(t, []bool{false, false}, kept(func(o *class.Options) { l := lab(); l.Number = 2; o.Lab = l }))
	// One that was killed in the middle has no key, and one that was spoilt no result.
	require.Equal(t, []bool{false, false}, kept(same))
	require.NoError(t, os.Remove(filepath.Join(out, "anna", "graded")))
	require.NoError(t, os.WriteFile(filepath.Join(out, "bert", "result.json"), []byte(`{"format":"firstgap grade/1"`), 0o644))
	require.Equal(t, []bool{false, false}, kept(same))
	require.Equal(t, []bool{true, true}, kept(same))
}

// What a grader that was killed has left of a submission is gone when that is graded again.
func TestWhatIsLeftOfAKilledGradingIsNotTakenForAResult(t *testing.T) {
	out := t.TempDir()
	dir := hands(t, map[string]string{"anna": "right"})
	require.NoError(t, os.MkdirAll(filepath.Join(out, "anna"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(out, "anna", "reads.html"), []byte("old"), 0o644))
	_, err := class.Grade(t.Context(), dir, class.Options{Lab: lab(), Out: out, Open: open})
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(out, "anna", "reads.html"))
}

func TestAnInterruptedClassHasWhatIsDone(t *testing.T) {
	out := t.TempDir()
	dir := hands(t, map[string]string{"a": "right", "b": "right", "c": "right"})
	ctx, interrupt := context.WithCancel(t.Context())
	rows, err := class.Grade(ctx, dir, class.Options{Lab: lab(), Out: out, Open: open, Jobs: 1, Done: func(class.Row) { interrupt() }})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "1 of 3 submissions were graded")
	require.Len(t, rows, 3)
	lines := table(t, out)
	require.Equal(t, "10", lines[1][1])
	require.Equal(t, []string{"", "context canceled"}, []string{lines[2][1], lines[2][8]})
	rows, err = class.Grade(t.Context(), dir, class.Options{Lab: lab(), Out: out, Open: open})
	require.NoError(t, err)
	require.Equal(t, []bool{true, false, false}, []bool{rows[0].Kept, rows[1].Kept, rows[2].Kept})
}

func TestAFullDiskEndsTheClass(t *testing.T) {
	dir := hands(t, map[string]string{"a": "full disk", "b": "right"})
	var graded atomic.Int32
	_, err := class.Grade(t.Context(), dir, class.Options{Lab: lab(), Out: t.TempDir(), Open: open, Jobs: 1, Done: func(r class.Row) {
		if r.Result != nil {
			graded.Add(1)
		}
	}})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Zero(t, graded.Load())
}

func TestManyAreGradedAtATimeAndTheTableIsTheSame(t *testing.T) {
	all := map[string]string{}
	for i := range 12 {
		all[fmt.Sprintf("s%02d", i)] = []string{"right", "mute", "refused"}[i%3]
	}
	dir := hands(t, all)
	var tables [][][]string
	for _, jobs := range []int{1, 4} {
		var mu sync.Mutex
		at, most := 0, 0
		out := t.TempDir()
		_, err := class.Grade(t.Context(), dir, class.Options{Lab: lab(), Out: out, Jobs: jobs, Open: func(ctx context.Context, name, folder string) (grade.Submission, func() error, error) {
			mu.Lock()
			defer mu.Unlock()
			at++
			most = max(most, at)
			s, _, err := open(ctx, name, folder)
			return s, func() error { mu.Lock(); defer mu.Unlock(); at--; return nil }, err
		}})
		require.NoError(t, err)
		require.LessOrEqual(t, most, jobs)
		tables = append(tables, table(t, out))
	}
	require.Equal(t, tables[0], tables[1])
	names := []string{}
	for _, line := range tables[0][1:] {
		names = append(names, line[0])
	}
	require.True(t, slices.IsSorted(names))
}

func TestFoldersWithoutSubmissionsAreNoClass(t *testing.T) {
	var none *class.FolderError
	_, err := class.Grade(t.Context(), t.TempDir(), class.Options{Lab: lab(), Out: t.TempDir(), Open: open})
	require.ErrorAs(t, err, &none)
	_, err = class.Grade(t.Context(), filepath.Join(t.TempDir(), "missing"), class.Options{Lab: lab(), Out: t.TempDir(), Open: open})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A submission that is too large has no marks, and is not read to its end.
func TestATooLargeSubmissionIsRefused(t *testing.T) {
	dir, out := hands(t, map[string]string{"a": "right"}), t.TempDir()
	require.NoError(t, os.Truncate(filepath.Join(dir, "a", "what"), class.MostBytes+1))
	rows, err := class.Grade(t.Context(), dir, class.Options{Lab: lab(), Out: out, Open: open})
	require.NoError(t, err)
	require.Contains(t, rows[0].Result.Problem, "expected at most 67108864 bytes")
	require.Zero(t, rows[0].Result.Score)
}
