package students_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/grade/students"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// The planted bugs of the lab: the first shows in every run, the second where the node crashes.
const (
	stale     = "bugReadOnce"
	forgetful = "bugForgetful"
)

// keeper keeps what it is told in a file, but for its bugs.
type keeper struct {
	hook  node.Hook
	rows  map[string]node.Value
	read  map[string]node.Value
	waits map[node.Token]func(*node.Effects)
	next  node.Token
}

func (k *keeper) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		k.rows, k.read, k.waits = map[string]node.Value{}, map[string]node.Value{}, map[node.Token]func(*node.Effects){}
		if k.hook.Planted(forgetful) {
			return
		}
		for _, f := range ev.Files {
			for line := range strings.SplitSeq(string(f.Data), "\n") {
				if key, value, whole := strings.Cut(line, "="); whole && strings.HasSuffix(value, ";") {
					k.rows[key] = node.Some(strings.TrimSuffix(value, ";"))
				}
			}
		}
	case node.DiskDone:
		if answer := k.waits[ev.Token]; answer != nil {
			delete(k.waits, ev.Token)
			answer(out)
		}
	case node.Requested:
		q, from := ev.Request, ev.From
		reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
		key := q.Rows[0].Key
		if q.Op == node.OpWrite {
			k.next++
			k.rows[key] = q.Rows[0].Value
			out.Append("log", []byte(key+"="+q.Rows[0].Value.Bytes+";\n"))
			out.Sync(k.next)
			k.waits[k.next] = func(out *node.Effects) { out.Respond(from, reply) }
			return
		}
		reply.Value = k.rows[key]
		if old, has := k.read[key]; has && k.hook.Planted(stale) {
			reply.Value = old
		}
		k.read[key] = reply.Value
		out.Respond(from, reply)
	}
}

func lab() *labs.Lab {
	bugs := []faults.PlantedBug{{Name: stale, Rule: "a read returns the newest write"}, {Name: forgetful, Rule: "a start reads the disk"}}
	return &labs.Lab{Number: 7, Name: "keeper", Title: "A keeper",
		System: func(m protocol.Maker) harness.System {
			return harness.Replicas{Name: "lab-0-keeper", Count: 1, Disk: true, Mix: workload.Registers(), Bugs: bugs, New: func(p harness.Place) node.Node {
				return m(protocol.Place{Role: protocol.Replica, ID: p.ID, Members: p.Members, Hook: p.Hook})
			}}.System()
		},
		Reference: func(p protocol.Place) node.Node { return &keeper{hook: p.Hook} },
		Mistakes:  []labs.Mistake{{Bug: bugs[0], Test: "reads"}, {Bug: bugs[1], Test: "reads"}},
		Tests: []labs.Test{{Name: "reads", Public: true, Marks: 1, Runs: 1,
			Generate: func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
				c, err := s.Generate(seed, harness.Generation{Bug: bug})
				c.Plan = faults.Plan{Horizon: c.Plan.Horizon}
				c.Ending.Crash = false
				return c, err
			}}}}
}

// quiet is the configuration of a run in which nothing goes wrong.
func quiet(t *testing.T) configuration.Configuration {
	t.Helper()
	l := lab()
	c, err := l.Tests[0].Generate(l.System(l.Reference), 3, "")
	require.NoError(t, err)
	return c
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

// crash is a plan that crashes the node once.
func crash() string {
	text, err := json.Marshal(faults.Plan{Horizon: faults.Duration(300 * time.Millisecond), Faults: []faults.Fault{
		{Kind: faults.Crash, At: faults.Duration(50 * time.Millisecond), For: faults.Duration(time.Millisecond), Nodes: []string{"replica 1"}}}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestTestsAreGradedByTheBugsThatTheyKill(t *testing.T) {
	c := quiet(t)
	dir := folder(t, map[string]string{"quiet.json": c.String(), "crash.json": crash(), "notes.md": "no test"})
	for _, workers := range []int{1, 4} {
		r, err := students.Grade(t.Context(), students.Options{Lab: lab(), Folder: dir, Workers: workers})
		require.NoError(t, err)
		require.Equal(t, []students.Test{
			{Name: "crash.json", Kind: students.Plan, Kills: []string{stale, forgetful}},
			{Name: "quiet.json", Kind: students.Configuration, Kills: []string{stale}},
		}, r.Tests)
		require.Equal(t, []string{"crash.json", "quiet.json"}, r.Bugs[0].KilledBy)
		require.Equal(t, []string{"crash.json"}, r.Bugs[1].KilledBy)
		require.Equal(t, []int{2, 0, 2, 2}, []int{r.Killed, r.Alarms, r.Score, r.Most})
	}
}

// A test that objects to the correct build kills nothing, and costs a point.
func TestFalseAlarmsAreNamedAndCost(t *testing.T) {
	impossible := quiet(t)
	impossible.Ending.Bound = faults.Duration(time.Microsecond) // in which nothing serves
	planted := quiet(t)
	planted.Bug = stale
	other := quiet(t)
	other.System = "another"
	dir := folder(t, map[string]string{
		"a-crash.json": crash(), "b-impossible.json": impossible.String(), "c-planted.json": planted.String(), "d-other.json": other.String(), "e-broken.json": "{", "f.txt": "volume bug=x\n",
		"g.txt": "volume\n----\n", "h.json": `{"faults":[],"horizont":3}`, "i.json": strings.Repeat(" ", students.MostBytes+1),
	})
	r, err := students.Grade(t.Context(), students.Options{Lab: lab(), Folder: dir})
	require.NoError(t, err)
	require.Len(t, r.Tests, 9)
	require.Empty(t, r.Tests[0].Alarm)
	for i, want := range []string{"progress: ", "it cannot be run: expected a configuration without a bug", `it cannot be run: configuration: system is "another"`, "it cannot be run: ",
		"it cannot be run: expected a volume without bug=", "expected a system of a volume", "it cannot be run: ", "it cannot be run: expected at most 1048576 bytes"} {
		require.Contains(t, r.Tests[i+1].Alarm, want, r.Tests[i+1].Name)
		require.Empty(t, r.Tests[i+1].Kills, r.Tests[i+1].Name)
	}
	require.Equal(t, []int{2, 8, 0}, []int{r.Killed, r.Alarms, r.Score}, "a score is never below 0")
	var b bytes.Buffer
	require.NoError(t, r.WriteText(&b))
	require.Contains(t, b.String(), "2 of 2 bugs killed, 8 false alarms: 0 of 2")
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 60, line)
	}
}

func TestWhatCannotBeToldIsNoScore(t *testing.T) {
	var none *students.FolderError
	_, err := students.Grade(t.Context(), students.Options{Lab: lab(), Folder: folder(t, map[string]string{"notes.md": ""})})
	require.ErrorAs(t, err, &none)
	l := lab()
	l.Mistakes = nil
	var bugs *students.BugsError
	_, err = students.Grade(t.Context(), students.Options{Lab: l, Folder: folder(t, map[string]string{"a.json": crash()})})
	require.ErrorAs(t, err, &bugs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = students.Grade(ctx, students.Options{Lab: lab(), Folder: folder(t, map[string]string{"a.json": crash()})})
	require.ErrorIs(t, err, context.Canceled)
	if !harness.HasPoints() {
		segment, err := labs.Numbered(2)
		require.NoError(t, err)
		_, err = students.Grade(t.Context(), students.Options{Lab: &segment, Folder: folder(t, map[string]string{"a.json": crash()})})
		require.ErrorIs(t, err, faults.ErrNoOverlay)
	}
}

// A plan that crashes a node once, as a student wrote it.
func ExampleGrade() {
	dir, err := os.MkdirTemp("", "tests")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "crash.json"), []byte(crash()), 0o644); err != nil {
		panic(err)
	}
	r, err := students.Grade(context.Background(), students.Options{Lab: lab(), Folder: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := r.WriteText(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// lab 7: A keeper
	// 2 of 2 bugs killed, 0 false alarms: 2 of 2
	//
	// bugs
	//   bugReadOnce  killed by crash.json
	//   bugForgetful  killed by crash.json
	//
	// tests
	//   crash.json  plan, kills 2
}
