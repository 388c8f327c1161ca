package wal

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

func worldNamed(t *testing.T, name string) World {
	t.Helper()
	named, err := Subject().Lookup(name)
	require.NoError(t, err)
	w, err := parse(named.Constants)
	require.NoError(t, err)
	return w
}

func search(t *testing.T, p check.Plain[State]) *check.Result {
	t.Helper()
	r, err := check.Run(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	require.NotEqual(t, check.Incomplete, r.Verdict, r.Reason)
	return r
}

// Every named world has as many states here as TLC has found in the twin, distinct and generated, violations or not;
// and its verdict is TLC's.
func TestWorldsAsTLCFoundThem(t *testing.T) {
	taken := map[string]uint64{}
	table, err := check.ReadTable(worldsTSV)
	require.NoError(t, err)
	for _, w := range table {
		t.Run(w.Name, func(t *testing.T) {
			p, err := plain(worldNamed(t, w.Name))
			require.NoError(t, err)
			verdict := search(t, p)
			require.Equal(t, w.Violates, verdict.Invariant)
			all := verdict
			if w.Violates != "" {
				p.Must = everyState
				all = search(t, p)
			}
			require.Equal(t, w.Distinct, all.Distinct, "distinct states")
			require.Equal(t, w.Generated, all.Generated, "generated states")
			require.Zero(t, all.Left)
			if w.Violates == "" {
				require.Equal(t, check.Pass, verdict.Verdict)
				for _, a := range all.Actions {
					taken[a.Action] += a.Times
				}
			}
		})
	}
	for _, mv := range must(plain(worldNamed(t, "lecture"))).Moves {
		require.NotZero(t, taken[mv.Name], "%s is taken in no world that passes", mv.Name)
	}
}

func must(p check.Plain[State], err error) check.Plain[State] {
	if err != nil {
		panic(err)
	}
	return p
}

func TestEveryBrokenVariantHasAWorldThatFindsIt(t *testing.T) {
	s := Subject()
	require.Equal(t, "wal", s.Name)
	require.Equal(t, "Wal", s.Module)
	found := map[string]bool{}
	seen := map[string]bool{}
	for _, w := range s.Worlds {
		require.False(t, seen[w.Name], "two worlds are named %s", w.Name)
		seen[w.Name] = true
		m, err := s.Read(w.Constants)
		require.NoError(t, err)
		bug := m.World().(World).Bug
		if bug == "none" {
			continue
		}
		require.NotEmpty(t, w.Violates, w.Name)
		require.Zero(t, w.Distinct+w.Generated, w.Name)
		require.Contains(t, s.Bugs, bug)
		found[bug] = true
	}
	for _, bug := range s.Bugs {
		require.True(t, found[bug], "no world has the bug %s", bug)
	}
	// The guard is what finds it: the same worlds without the bug pass.
	for _, w := range s.Worlds {
		world := worldNamed(t, w.Name)
		if world.Bug != "none" {
			world.Bug = "none"
			require.Empty(t, search(t, must(plain(world))).Invariant, w.Name)
		}
	}
}

// walk takes the steps given, such as "FlushPage(1)", from s.
func walk(t *testing.T, p check.Plain[State], s State, steps ...string) State {
	t.Helper()
	for _, want := range steps {
		var next []State
		var possible []string
		for _, mv := range p.Moves {
			mv.Next(s, func(n State, args ...int) {
				step := fmt.Sprint(mv.Name, strings.ReplaceAll(strings.Trim(fmt.Sprint(args), "[]"), " ", ", "))
				possible = append(possible, step)
				if step == strings.NewReplacer("(", "", ")", "").Replace(want) {
					next = append(next, n)
				}
			})
		}
		require.Len(t, next, 1, "%s; possible: %s", want, possible)
		s = next[0]
		for _, m := range p.Must {
			require.True(t, m.Holds(s), "%s after %s", m.Name, want)
		}
	}
	return s
}

// recovered returns the state at the end of a recovery that nothing interrupts.
func recovered(t *testing.T, p check.Plain[State], s State) State {
	t.Helper()
	s = walk(t, p, s, "Crash")
	for s.Redone != s.Mark {
		s = walk(t, p, s, "Redo")
	}
	undo := p.Moves[slices.IndexFunc(p.Moves, func(m check.Move[State]) bool { return m.Name == "Undo" })]
	for again := true; again; {
		again = false
		undo.Next(s, func(n State, _ ...int) { s, again = n, true })
	}
	return walk(t, p, s, "Open")
}

// The lecture's transaction, X 500→510 and Y 750→740: wherever the machine stops, recovery finds both changes or none,
// and both from the moment at which the third record is on disk.
func TestLectureCrashAfterEachStep(t *testing.T) {
	p := must(plain(worldNamed(t, "lecture")))
	steps := []string{"Write(1)", "FlushLog", "Write(1)", "Commit(1)", "FlushLog", "FlushLog", "Ack(1)", "FlushPage(1)", "FlushPage(2)"}
	for n := range len(steps) + 1 {
		s := walk(t, p, p.Start, steps[:n]...)
		want := [3]int16{0, 500, 750}
		if n >= 6 {
			want = [3]int16{0, 510, 740}
		}
		after := recovered(t, p, s)
		require.Equal(t, want, after.Cache, "after %d steps", n)
		require.Equal(t, want, recovered(t, p, after).Cache, "recovered twice after %d steps", n)
	}
	s := walk(t, p, p.Start, steps[:7]...)
	require.Equal(t, [3]int16{0, 500, 750}, s.Disk, "writing pages is lazy")
	require.Equal(t, "1: T1 X 500→510; 2: T1 Y 750→740; 3: T1 commits", show(s)[2].Value)
	require.Equal(t, "T1", show(s)[7].Value)

	// The same with pages stolen on the way: now it is the old values in the log that save X.
	p = must(plain(worldNamed(t, "steal")))
	s = walk(t, p, p.Start, "Write(1)", "FlushLog", "FlushPage(1)")
	require.Equal(t, [3]int16{0, 510, 750}, s.Disk)
	s = recovered(t, p, s)
	require.Equal(t, [3]int16{0, 500, 750}, s.Cache)
	require.Equal(t, "T1 undoes X 510→500", s.Log[2].String())
}

// Without an undo record the next recovery takes back T1 again, over what T2 has committed since.
func TestUndoIsLogged(t *testing.T) {
	w := worldNamed(t, "undo-unlogged")
	for bug, want := range map[string]int16{"none": 520, "undo-unlogged": 500} {
		w.Bug = bug
		p := must(plain(w))
		must := p.Must
		p.Must = everyState
		s := recovered(t, p, walk(t, p, p.Start, "Write(1)", "FlushLog"))
		s = walk(t, p, s, "Write(2)", "Write(2)", "Commit(2)", "FlushLog", "FlushLog", "FlushLog", "FlushLog", "Ack(2)")
		s = recovered(t, p, s)
		require.Equal(t, want, s.Cache[1])
		require.Equal(t, want == 520, must[2].Holds(s), must[2].Name)
	}
}

// never searches for a state in which the statement does not hold.
func never(t *testing.T, world string, name string, holds func(s State) bool) *check.Result {
	t.Helper()
	p := must(plain(worldNamed(t, world)))
	p.Must = []check.Must[State]{{Name: name, Guarantee: name, Holds: holds}}
	return search(t, p)
}

// What follows from the policies, besides what is promised to clients.
func TestPolicies(t *testing.T) {
	uncommittedOnDisk := func(s State) bool {
		return s.Disk == [3]int16{0, 500, 750} || onDisk(&s) != 0
	}
	require.Equal(t, check.Pass, never(t, "lecture", "no-steal", uncommittedOnDisk).Verdict)
	require.Equal(t, check.Pass, never(t, "force-no-steal", "no-steal", uncommittedOnDisk).Verdict)
	require.Equal(t, check.Violation, never(t, "steal", "no-steal", uncommittedOnDisk).Verdict)

	forced := func(s State) bool { return !s.Acked[1] || s.Disk == [3]int16{0, 510, 740} }
	require.Equal(t, check.Pass, never(t, "force-steal", "force", forced).Verdict)
	require.Equal(t, check.Pass, never(t, "shadow", "force", forced).Verdict)
	require.Equal(t, check.Violation, never(t, "steal", "force", forced).Verdict)

	// The log is written ahead: what is on disk is the first value or in a record on disk.
	ahead := func(s State) bool {
		for k := uint8(1); k <= 2; k++ {
			known := s.Disk[k] == values[k]
			for l := uint8(1); l <= s.Flushed; l++ {
				known = known || s.Log[l].Row == k && (s.Log[l].New == s.Disk[k] || s.Log[l].Old == s.Disk[k])
			}
			if !known {
				return false
			}
		}
		return true
	}
	for _, world := range []string{"lecture", "steal", "force-steal", "shadow", "two-steal", "correct"} {
		require.Equal(t, check.Pass, never(t, world, "write-ahead", ahead).Verdict, world)
	}
	require.Equal(t, check.Violation, never(t, "page-before-log", "write-ahead", ahead).Verdict)

	// X + Y is 1250 whenever no transaction is at work.
	idle := func(s State) bool {
		m := &model{World: World{Txns: 1}}
		return s.Recovering || !m.free(&s, 1) || !m.free(&s, 2) || s.Cache == [3]int16{0, 500, 750} || s.Cache == [3]int16{0, 510, 740}
	}
	require.Equal(t, check.Pass, never(t, "lecture", "conserved", idle).Verdict)
	require.Equal(t, check.Pass, never(t, "steal", "conserved", idle).Verdict)
	for _, world := range []string{"steal-without-undo", "commit-before-updates", "commit-overtakes"} {
		require.Equal(t, check.Violation, never(t, world, "conserved", idle).Verdict, world)
	}
}

// The situations that the model is about do happen.
func TestReachable(t *testing.T) {
	for name, c := range map[string]struct {
		world string
		holds func(s State) bool
	}{
		"a crash in the middle of redo": {"lecture", func(s State) bool {
			return s.Crashes == 2 && s.Recovering && s.Redone == s.Low && s.Disk == [3]int16{0, 510, 750}
		}},
		"a crash in the middle of undo": {"steal", func(s State) bool {
			return s.Crashes == 2 && s.Recovering && s.commits(1) == 0 && s.undos(1).len() == 1 && s.writes(1).len() == 2
		}},
		"a loser's page on disk": {"steal", func(s State) bool {
			return s.Recovering && s.Disk[1] == 510 && s.commits(1) == 0
		}},
		"a commit that survives though nobody was told": {"lecture", func(s State) bool {
			return !s.Recovering && s.Crashes > 0 && s.Cache[1] == 510 && !s.Acked[1]
		}},
		"both transactions, one after a crash": {"two-steal", func(s State) bool {
			return !s.Recovering && s.Crashes > 0 && s.Acked[1] && s.Acked[2] && s.Mark > 0 && s.Mark < s.End
		}},
		"a deadlock": {"cross", func(s State) bool {
			return !s.Recovering && s.unfinished(1) && s.unfinished(2) && s.writes(1).len() == 1 && s.writes(2).len() == 1
		}},
		"a log that was dropped whole": {"two-steal", func(s State) bool {
			return s.Low == s.End && s.Acked[1] && s.Acked[2]
		}},
	} {
		r := never(t, c.world, name, func(s State) bool { return !c.holds(s) })
		require.Equal(t, check.Violation, r.Verdict, "%s is not reachable in %s", name, c.world)
	}
}

// The shortest ways to what goes wrong, step by step.
func TestCounterexamples(t *testing.T) {
	for name, want := range map[string]string{
		"steal-without-undo":          "Write(1) FlushLog() FlushPage(1) Crash() Redo() Open()",
		"no-force-without-redo":       "Write(1) Commit(1) FlushLog() FlushLog() Crash() Open() Ask(1)",
		"force-no-steal-without-redo": "Write(1) FlushLog() Write(1) FlushLog() Commit(1) FlushLog() FlushPage(2) Crash() Open()",
		"force-no-steal-one-page":     "Write(1) FlushLog() Write(1) FlushLog() Commit(1) FlushLog() Crash() Open() Ask(1)",
		"force-steal-without-undo":    "Write(1) FlushLog() FlushPage(1) Crash() Open()",
		"commit-before-updates":       "Write(1) Commit(1) FlushLog() FlushLog() Crash() Redo() Redo() Open()",
		"undo-restarts":               "Write(1) FlushLog() Write(1) FlushLog() Crash() Redo() Redo() Undo(1) FlushLog() Crash() Redo() Redo() Redo() Undo(1) Open()",
	} {
		t.Run(name, func(t *testing.T) {
			r := search(t, must(plain(worldNamed(t, name))))
			var steps []string
			for _, s := range r.Trace {
				steps = append(steps, s.Action)
			}
			require.Equal(t, want, strings.Join(steps, " "))
		})
	}
}

func TestWorldsThatAreRefused(t *testing.T) {
	s := Subject()
	lecture, err := s.Lookup("lecture")
	require.NoError(t, err)
	for _, c := range []struct{ key, value, want string }{
		{"work", `"nothing"`, `world: work is "nothing"; expected one of transfer, cross, correct, deposit`},
		{"bug", `"bad"`, `world: bug is "bad"; expected one of none, ` + strings.Join(s.Bugs, ", ")},
		{"txns", `0`, "world: txns is 0; expected 1 to 4"},
		{"txns", `5`, "world: txns is 5; expected 1 to 4"},
		{"maxLSN", `2`, "world: maxLSN is 2; expected 3 to 12 (a transaction of work transfer has 3 records)"},
		{"maxLSN", `13`, "world: maxLSN is 13; expected 3 to 12 (a transaction of work transfer has 3 records)"},
		{"maxCrashes", `-1`, "world: maxCrashes is -1; expected 0 to 100"},
		{"maxCrashes", `101`, "world: maxCrashes is 101; expected 0 to 100"},
		{"shadow", `true`, "world: shadow is true with steal false and force false; expected steal false and force true: pages that are written with the commit record are written neither before nor after it"},
		{"crash", `1`, "world: unknown key crash; known: work, txns, samePage, steal, force, shadow, redoPass, undoPass, aborts, maxLSN, maxCrashes, bug"},
	} {
		var world map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(lecture.Constants, &world))
		world[c.key] = json.RawMessage(c.value)
		text, err := json.Marshal(world)
		require.NoError(t, err)
		_, err = s.Read(text)
		require.EqualError(t, err, c.want)
		_, err = s.Config(text)
		require.EqualError(t, err, c.want)
	}
	_, err = s.Read([]byte("[]"))
	require.Error(t, err)
	_, err = New(World{})
	var refused *WorldError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "work", refused.Parameter)
}

func TestConfig(t *testing.T) {
	s := Subject()
	w, err := s.Lookup("steal")
	require.NoError(t, err)
	text, err := s.Config(w.Constants)
	require.NoError(t, err)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
 Work = "transfer"
 MaxTxn = 1
 SamePage = FALSE
 Steal = TRUE
 Force = FALSE
 Shadow = FALSE
 RedoPass = TRUE
 UndoPass = TRUE
 Aborts = FALSE
 MaxLSN = 6
 MaxCrashes = 3
 Bug = "none"
INVARIANTS TypeOK Atomic Durable NothingUncommitted
CHECK_DEADLOCK FALSE
`, text)
	p := must(plain(worldNamed(t, "steal")))
	for _, m := range p.Must {
		require.Contains(t, text, " "+m.Name)
	}
}

// What every policy needs: steal needs undo; redo is needed unless the pages are written before the commit record, or with
// it in one step.
func TestWhatEachPolicyNeeds(t *testing.T) {
	for bits := range 1 << 5 {
		w := World{Work: "transfer", Txns: 1, Aborts: true, MaxLSN: 6, MaxCrashes: 2, Bug: "none", Steal: bits&1 != 0,
			Force: bits&2 != 0, Shadow: bits&4 != 0, RedoPass: bits&8 != 0, UndoPass: bits&16 != 0}
		p, err := plain(w)
		if w.Shadow && (w.Steal || !w.Force) {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		sound := (!w.Steal || w.UndoPass) && (w.RedoPass || w.Force && (w.Steal || w.Shadow))
		r := search(t, p)
		require.Equal(t, sound, r.Verdict == check.Pass, "%+v: %s", w, r.Invariant)
		require.NotEqual(t, check.NotReachable, r.Reason)
		if sound {
			w.Txns, w.Work = 2, "deposit"
			for _, w.SamePage = range []bool{false, true} {
				r := search(t, must(plain(w)))
				require.Equal(t, check.Pass, r.Verdict, "%+v: %s", w, r.Invariant)
			}
		}
	}
}

// everyState is all that is asked of a world whose states are counted past its violations. It holds in each of them.
var everyState = []check.Must[State]{{Name: "Counted", Guarantee: "every state is counted", Holds: func(State) bool { return true }}}
