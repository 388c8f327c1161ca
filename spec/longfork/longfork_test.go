package longfork

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// What this package's checker found in each named world: all its states, those past a violation too. TLC has not been asked
// about the twin; TestTheModelIsTheModule holds the model against the module, state by state.
//
//go:embed testdata/found.tsv
var foundTSV string

func search(t *testing.T, w World) *check.Result {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	r, err := check.Run(t.Context(), m, check.Options{Workers: 2})
	require.NoError(t, err)
	require.NotEqual(t, check.Incomplete, r.Verdict, r.Reason)
	return r
}

func worldNamed(t *testing.T, name string) World {
	t.Helper()
	named, err := Subject().Lookup(name)
	require.NoError(t, err)
	w, err := parse(named.Constants)
	require.NoError(t, err)
	return w
}

func TestWorlds(t *testing.T) {
	table, err := check.ReadTable(foundTSV)
	require.NoError(t, err)
	worlds := Subject().Worlds
	require.Len(t, table, len(worlds))
	caught, by, taken := map[string]bool{}, map[string]bool{}, map[string]uint64{}
	for i, named := range worlds {
		t.Run(named.Name, func(t *testing.T) {
			require.Equal(t, named.Name, table[i].Name)
			require.Equal(t, named.Violates, table[i].Violates)
			require.Zero(t, named.Distinct+named.Generated, "these are for what TLC found")
			w := worldNamed(t, named.Name)
			r := search(t, w)
			require.Equal(t, named.Violates, r.Invariant)
			if named.Violates == "" {
				require.Equal(t, check.Pass, r.Verdict, r.Reason)
				for _, a := range r.Actions {
					taken[a.Action] += a.Times
				}
			} else {
				caught[w.Bug], by[r.Invariant] = true, true
				w.Invariants = []string{"TypeOK"}
				r = search(t, w)
				require.Equal(t, check.Pass, r.Verdict, "past the violation: %s", r.Reason)
			}
			require.Equal(t, table[i].Distinct, r.Distinct, "distinct states")
			require.Equal(t, table[i].Generated, r.Generated, "generated states")
			fired := uint64(1)
			for _, a := range r.Actions {
				fired += a.Times
			}
			require.Equal(t, r.Generated, fired, "every state generated but the first is an action taken")
		})
	}
	for _, bug := range Bugs() {
		require.True(t, caught[bug], "no named world has the violation of %s", bug)
	}
	for _, name := range invariantNames()[1:] {
		require.True(t, by[name], "no named world breaks %s", name)
	}
	for action, times := range taken {
		require.NotZero(t, times, "%s is taken in no world that passes", action)
	}
}

// The guard is what finds each broken variant: the same world without the bug passes.
func TestBrokenVariantsAreFoundByTheirGuards(t *testing.T) {
	for _, named := range Subject().Worlds {
		w := worldNamed(t, named.Name)
		if named.Violates == "" || w.Bug == check.NoBug {
			continue
		}
		w.Bug = check.NoBug
		r := search(t, w)
		require.Equal(t, check.Pass, r.Verdict, "%s: %s", named.Name, r.Reason)
	}
}

// walk takes the steps given, such as "Show(2)", from the start.
func walk(t *testing.T, world string, steps ...string) (check.Plain[State], State) {
	t.Helper()
	p, err := plain(worldNamed(t, world))
	require.NoError(t, err)
	s := p.Start
	for _, want := range steps {
		next, possible := after(p, s, want)
		require.NotNil(t, next, "%s is not possible; possible: %s", want, strings.Join(possible, " "))
		s = *next
	}
	return p, s
}

func after(p check.Plain[State], s State, want string) (next *State, possible []string) {
	for _, mv := range p.Moves {
		mv.Next(s, func(n State, args ...int) {
			step := check.Instance(mv.Name, args)
			possible = append(possible, step)
			if step == want {
				next = &n
			}
		})
	}
	return next, possible
}

func brokenIn(p check.Plain[State], s State) (names []string) {
	for _, x := range p.Must {
		if !x.Holds(s) {
			names = append(names, x.Name)
		}
	}
	return names
}

// Jepsen's finding: T1 is first in the log and T2 is first to leave the ProcArray. A reader of the primary is shown T2 alone,
// one of a secondary T1 alone.
func TestLongFork(t *testing.T) {
	steps := []string{"Begin(1)", "Begin(2)", "Write(1, 1)", "Write(2, 2)", "Commit(1)", "Commit(2)", "Receive(1)", "Replay(1, 1)", "ReadSecondary(1)", "Receive(1)"}
	p, s := walk(t, "procarray", append(steps, "Show(2)", "ReadPrimary()")...)
	require.Equal(t, []string{"SnapshotsOrdered"}, brokenIn(p, s))

	// In the order of the log T2 waits for T1, and the reader of the primary is shown nothing yet, or T1.
	p, s = walk(t, "pair", steps...)
	next, _ := after(p, s, "Show(2)")
	require.Nil(t, next)
	p, s = walk(t, "pair", append(steps, "Show(1)", "ReadPrimary()", "Show(2)")...)
	require.Empty(t, brokenIn(p, s))

	r := search(t, worldNamed(t, "procarray"))
	require.Len(t, r.Trace, 12, "a shortest way to it")
}

// A later transaction that wrote the same row, or that began after the earlier one was visible, cannot take part in a fork: so
// what is left is parallel snapshot isolation.
func TestRowsOrderCommits(t *testing.T) {
	p, s := walk(t, "procarray-one-row", "Begin(1)", "Begin(2)", "Write(1, 1)")
	next, possible := after(p, s, "Write(2, 1)")
	require.Nil(t, next, "T2 waits for T1")
	require.Contains(t, possible, "Abort(2)")
	p, s = walk(t, "procarray-one-row", "Begin(1)", "Begin(2)", "Write(1, 1)", "Commit(1)", "Receive(1)", "Show(1)", "Begin(3)")
	next, _ = after(p, s, "Write(2, 1)")
	require.Nil(t, next, "T2 began before T1 was visible and cannot go on")
	next, _ = after(p, s, "Write(3, 1)")
	require.NotNil(t, next)
}

// Two of three nodes have what was shown; so two must be asked when the primary is lost.
func TestPromotionAsksAQuorum(t *testing.T) {
	w := worldNamed(t, "rds")
	require.Equal(t, 2, w.MustRead())
	steps := []string{"Begin(1)", "Write(1, 1)", "Commit(1)", "Receive(2)", "Show(1)", "Ack(1)", "LosePrimary()"}
	p, s := walk(t, "rds", steps...)
	next, possible := after(p, s, "Promote(1)")
	require.Nil(t, next, "S1 lacks what S2 has")
	require.Contains(t, possible, "Promote(2)")
	p, s = walk(t, "rds", append(steps, "Promote(2)")...)
	next, _ = after(p, s, "Open()")
	require.Nil(t, next, "S1 has no copy yet")
	p, s = walk(t, "rds", append(steps, "Promote(2)", "Receive(1)", "Open()", "ReadPrimary()")...)
	require.Empty(t, brokenIn(p, s))
	require.Contains(t, p.Show(s), check.Var{Name: "primary", Value: "S2, shows {T1}"})

	// With one more loss no quorum is left to ask, and nothing is promoted.
	p, s = walk(t, "rds-two-losses", append(steps, "LoseSecondary(1)")...)
	next, possible = after(p, s, "Promote(2)")
	require.Nil(t, next)
	require.NotEmpty(t, possible)
}

func TestWorldsThatAreRefused(t *testing.T) {
	good := `{"txns": 2, "rows": 2, "secondaries": 2, "acks": 1, "snapshots": 2, "losses": 1, "secondariesWait": false, "symmetry": true}`
	_, err := read([]byte(good))
	require.NoError(t, err)
	for change, want := range map[string]string{
		`"txns": 2|"txns": 5`:           "world: txns is 5; expected 1 to 4",
		`"rows": 2|"rows": 0`:           "world: rows is 0; expected 1 to 4",
		`"acks": 1|"acks": 3`:           "world: acks is 3; expected 0 to 2 (secondaries)",
		`"losses": 1|"losses": 4`:       "world: losses is 4; expected 0 to 3 (all nodes)",
		`"snapshots": 2|"snapshots": 4`: "world: snapshots is 4; expected 0 to 3",
		`"txns": 2|"txns": 2, "bug": "frogs"`: `world: bug is "frogs"; expected one of none, primary-by-procarray, replay-out-of-order, ` +
			`ignore-conflict, ack-before-visible, cancel-wait, promote-first, promote-shortest, serve-before-replicated`,
		`"txns": 2|"txns": 2, "invariants": ["Frogs"]`: `world: invariants[0] is "Frogs"; expected one of TypeOK, Durable, SeenIsKept, AckedIsShown, ` +
			`NoLostUpdate, Causal, SecondariesOrdered, SnapshotsOrdered`,
	} {
		from, to, _ := strings.Cut(change, "|")
		_, err := read([]byte(strings.Replace(good, from, to, 1)))
		require.EqualError(t, err, want)
		_, err = config([]byte(strings.Replace(good, from, to, 1)))
		require.EqualError(t, err, want)
	}
}

func TestConfigurationForTLC(t *testing.T) {
	named, err := Subject().Lookup("procarray-parallel-si")
	require.NoError(t, err)
	text, err := config(named.Constants)
	require.NoError(t, err)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
 MaxTxn = 2
 MaxRow = 2
 Secondary = {S1, S2}
 Acks = 1
 MaxSnapshots = 2
 MaxLosses = 1
 SecondariesWait = FALSE
 Bug = "primary-by-procarray"
SYMMETRY Symmetry
INVARIANTS TypeOK Durable SeenIsKept AckedIsShown NoLostUpdate Causal SecondariesOrdered
CHECK_DEADLOCK FALSE
`, text)
}
