package membership

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// Every named world is as TLC found it: the verdict, the invariant that does not hold, and, where all hold, the number of
// states. Where all hold, every action that the world has room for is taken.
func TestWorldsAsTLCFoundThem(t *testing.T) {
	taken := map[string]uint64{}
	for _, named := range Subject().Worlds {
		t.Run(named.Name, func(t *testing.T) {
			w, err := ParseWorld(named.Constants)
			require.NoError(t, err)
			m, err := New(w)
			require.NoError(t, err)
			r, err := check.Run(t.Context(), m, check.Options{})
			require.NoError(t, err)
			if named.Violates != "" {
				require.Equal(t, check.Violation, r.Verdict)
				require.Equal(t, named.Violates, r.Invariant)
				require.Zero(t, named.Distinct+named.Generated)
				brokenAtTheEnd(t, w, r)
				return
			}
			require.Equal(t, check.Pass, r.Verdict, "%s %s: %s", r.Reason, r.Invariant, r.Guarantee)
			require.Equal(t, named.Distinct, r.Distinct, "distinct states")
			require.Equal(t, named.Generated, r.Generated, "generated states")
			require.Equal(t, w.never(), r.Actions.Never(), "actions never taken")
			for _, a := range r.Actions {
				taken[a.Action] += a.Times
			}
		})
	}
	require.Len(t, taken, 11)
	for action, times := range taken {
		require.NotZero(t, times, action)
	}
}

// never returns the actions that the world has no room for.
func (w World) never() (names []string) {
	if w.Doubtful == 0 {
		names = append(names, "Suspect")
	}
	if w.Doubtful == 0 || w.MaxEpoch < 3 {
		names = append(names, "Forward", "Back")
	}
	if w.Zone == 0 {
		names = append(names, "Shrink")
	}
	if w.Zone == 0 || w.MaxEpoch < 3 {
		names = append(names, "Grow")
	}
	return names
}

// brokenAtTheEnd takes the steps of a counterexample, and makes sure that everything holds up to the last step, and that
// after it the invariant named does not.
func brokenAtTheEnd(t *testing.T, w World, r *check.Result) State {
	t.Helper()
	g := newGroup(t, w)
	g.broken = true
	for i, step := range r.Trace {
		for _, must := range g.m.must() {
			require.True(t, must.Holds(g.State), "%s after %d of %d steps", must.Name, i, len(r.Trace))
		}
		require.NotEmpty(t, step.Changes)
		g.do(step.Action)
	}
	for _, must := range g.m.must() {
		if must.Name == r.Invariant {
			require.False(t, must.Holds(g.State))
			require.Equal(t, must.Guarantee, r.Guarantee)
			return g.State
		}
	}
	require.Fail(t, "no such invariant", r.Invariant)
	return State{}
}

// Past its violations, too, each broken variant has the states that TLC found: the guards are broken in the same way.
func TestBrokenVariantsAsTLCFoundThem(t *testing.T) {
	worlds, err := worldsOf(UncheckedWorlds)
	require.NoError(t, err)
	of := map[string]int{}
	for _, named := range worlds {
		t.Run(named.Name, func(t *testing.T) {
			w, err := ParseWorld(named.Constants)
			require.NoError(t, err)
			of[w.Bug]++
			m, err := newModel(w)
			require.NoError(t, err)
			p := m.plain()
			p.Must, p.Reach = everyState, nil
			r, err := check.Run(t.Context(), p.Model(), check.Options{})
			require.NoError(t, err)
			require.Equal(t, check.Pass, r.Verdict)
			require.Equal(t, named.Distinct, r.Distinct, "distinct states")
			require.Equal(t, named.Generated, r.Generated, "generated states")
		})
	}
	for _, bug := range append(Bugs(), none) {
		require.Equal(t, 3, of[bug], bug)
	}
}

// Every broken variant has a named world in which it is caught, and the same world without the bug holds.
func TestEveryBugIsCaughtForItsOwnSake(t *testing.T) {
	caught, held := map[string]bool{}, map[World]bool{}
	for _, named := range Subject().Worlds {
		w, err := ParseWorld(named.Constants)
		require.NoError(t, err)
		held[w] = named.Violates == "" // as another test finds
	}
	for _, named := range Subject().Worlds {
		w, err := ParseWorld(named.Constants)
		require.NoError(t, err)
		if named.Violates == "" || w.Bug == none {
			continue
		}
		caught[w.Bug] = true
		w.Bug = none
		if w.Zone == 2 {
			w.Steady, w.Zone, w.ShortWrite = 3, 3, 2 // as az-plus-one: with four left there are half a million states
		}
		if held[w] {
			continue
		}
		held[w] = true
		t.Run(named.Name, func(t *testing.T) {
			m, err := newModel(w)
			require.NoError(t, err)
			p := m.plain()
			p.Reach = nil
			r, err := check.Run(t.Context(), p.Model(), check.Options{})
			require.NoError(t, err)
			require.Equal(t, check.Pass, r.Verdict)
		})
	}
	for _, bug := range Bugs() {
		require.True(t, caught[bug], "no named world in which %s is caught", bug)
	}
}

// A membership need not be installed for those who ask the register: filling alone fences. It is the readers that do not
// ask who need a write quorum to have learnt of it.
func TestInstallingIsForReadersThatDoNotAsk(t *testing.T) {
	for _, bug := range []string{useUninstalled, installAtReadQuorum} {
		named, err := Subject().Lookup(bug)
		require.NoError(t, err)
		require.Equal(t, "FreshRead", named.Violates)
		w, err := ParseWorld(named.Constants)
		require.NoError(t, err)
		w.StaleReads = false
		r := search(t, w, 2)
		require.Equal(t, check.Pass, r.Verdict)
	}
}

func search(t *testing.T, w World, workers int) *check.Result {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	r, err := check.Run(t.Context(), m, check.Options{Workers: workers})
	require.NoError(t, err)
	return r
}

// The shortest way to lose a record by the read rule as printed: it is written to four of the six, F among them, F is
// suspected, and two of the other five answer together with G, which is empty.
func TestPrintedReadsStepByStep(t *testing.T) {
	named, err := Subject().Lookup("printed-reads")
	require.NoError(t, err)
	w, err := ParseWorld(named.Constants)
	require.NoError(t, err)
	r := search(t, w, 1)
	for _, workers := range []int{2, 5} {
		again := search(t, w, workers)
		require.Equal(t, r.Trace, again.Trace)
		require.Equal(t, r.Digest, again.Digest)
	}
	var steps []string
	for _, step := range r.Trace {
		steps = append(steps, step.Action)
	}
	require.Len(t, steps, 6)
	slices.Sort(steps)
	require.Equal(t, "Advance()", steps[0])
	require.Equal(t, "Store(6)", steps[4], "F has it")
	require.Equal(t, "Suspect(6, 7)", steps[5])

	s := brokenAtTheEnd(t, w, r)
	require.EqualValues(t, 1, s.PGCL)
	m, err := newModel(w)
	require.NoError(t, err)
	lacking := m.lacking(&s, 2)
	require.Equal(t, 3, lacking.len())
	require.True(t, lacking.has(6), "G is among those that answer")
	require.False(t, lacking.has(5))

	w.Bug = none
	require.Equal(t, check.Pass, search(t, w, 2).Verdict)
}

// With and without symmetry the verdict is the same, and each counterexample as long.
func TestSymmetryChangesNoVerdict(t *testing.T) {
	compared := 0
	for _, named := range Subject().Worlds {
		w, err := ParseWorld(named.Constants)
		require.NoError(t, err)
		if w.Slots() > 3 || named.Distinct > 10_000 || !w.Symmetry {
			continue
		}
		compared++
		with := search(t, w, 2)
		w.Symmetry = false
		without := search(t, w, 2)
		require.Empty(t, without.Reductions)
		require.Len(t, with.Reductions, 1)
		require.Equal(t, with.Verdict, without.Verdict, named.Name)
		require.Equal(t, with.Invariant, without.Invariant, named.Name)
		require.Equal(t, len(with.Trace), len(without.Trace), named.Name)
		if with.Verdict == check.Pass {
			require.Less(t, with.Distinct, without.Distinct)
		}
	}
	require.Greater(t, compared, 10)
}

// Quorums that do not overlap contradict nothing, so such a world is searched, and found wrong.
func TestQuorumsThatDoNotOverlapAreFoundWrong(t *testing.T) {
	for _, q := range []struct{ slots, write, read int }{{1, 1, 1}, {3, 1, 2}, {3, 2, 1}, {3, 1, 1}, {4, 2, 2}, {6, 3, 3}, {6, 4, 2}} {
		w := World{Steady: q.slots - 1, Doubtful: 1, WriteQuorum: q.write, ReadQuorum: q.read, MaxLSN: 1, MaxEpoch: 1, StaleReads: true, Symmetry: true}
		want := check.Violation
		if q.write+q.read > q.slots {
			want = check.Pass
		}
		require.Equal(t, want, search(t, w, 1).Verdict, q)
	}
	w := World{Steady: 2, Zone: 1, WriteQuorum: 2, ReadQuorum: 2, ShortWrite: 1, ShortRead: 1, MaxLSN: 1, MaxEpoch: 2, Symmetry: true}
	require.Equal(t, check.Violation, search(t, w, 1).Verdict, "1 and 1 of the 2 without the zone")
}

// everyState is all that is asked of a world whose states are counted past its violations. It holds in each of them.
var everyState = []check.Must[State]{{Name: "Counted", Guarantee: "every state is counted", Holds: func(State) bool { return true }}}
