package bookkeeper

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// found has what this model, and not TLC, finds in each named world: distinct and generated states, or the length of the
// shortest counterexample.
//
//go:embed found.tsv
var found string

func worldNamed(t *testing.T, name string) World {
	t.Helper()
	named, err := Subject().Lookup(name)
	require.NoError(t, err)
	w, err := parse(named.Constants)
	require.NoError(t, err)
	return w
}

func search(t *testing.T, w World) *check.Result {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	return run(t, m)
}

func run(t *testing.T, m check.Model) *check.Result {
	t.Helper()
	r, err := check.Run(t.Context(), m, check.Options{})
	require.NoError(t, err)
	require.NotEqual(t, check.Incomplete, r.Verdict, r.Reason)
	return r
}

// The good model holds in every named world but the largest, which is for the command line's search of all, with every situation
// reached and every action taken in some, and each broken variant violates what its world says. Figures that move must be looked at,
// and found.tsv written anew.
func TestWorlds(t *testing.T) {
	taken := map[string]uint64{}
	lines := []string{"name\tdistinct\tgenerated\tsteps"}
	for _, named := range Subject().Worlds {
		if named.Name == "two-entries" {
			continue
		}
		r := search(t, worldNamed(t, named.Name))
		require.Equal(t, named.Violates, r.Invariant, named.Name)
		require.Zero(t, named.Distinct+named.Generated, "TLC has not run in %s", named.Name)
		if named.Violates != "" {
			lines = append(lines, fmt.Sprintf("%s\t0\t0\t%d", named.Name, len(r.Trace)))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s\t%d\t%d\t0", named.Name, r.Distinct, r.Generated))
		for _, a := range r.Actions {
			taken[a.Action] += a.Times
		}
	}
	p, err := plain(worldNamed(t, "three"))
	require.NoError(t, err)
	for _, mv := range p.Moves {
		require.NotZero(t, taken[mv.Name], "%s is taken in no world that passes", mv.Name)
	}
	require.Equal(t, found, strings.Join(lines, "\n")+"\n")
}

// Each rule has a world in which breaking it is noticed, and keeping it is enough there.
func TestEveryBrokenVariantHasAWorldThatFindsIt(t *testing.T) {
	caught, pass := map[string]bool{}, map[World]bool{}
	for _, named := range Subject().Worlds {
		pass[worldNamed(t, named.Name)] = named.Violates == ""
	}
	for _, named := range Subject().Worlds {
		w := worldNamed(t, named.Name)
		if w.Bug == "none" {
			continue
		}
		require.NotEmpty(t, named.Violates, named.Name)
		caught[w.Bug] = true
		if w.Bug == readFromStart { // two changes make its world as large as all others
			w.MaxChanges = 1
		}
		if w.Bug = "none"; !pass[w] { // else TestWorlds has seen to it
			require.Empty(t, search(t, w).Invariant, named.Name)
		}
	}
	for _, bug := range Bugs() {
		require.True(t, caught[bug], "no world has the bug %s", bug)
	}
}

// A write-back that tells what its recovery has on an ack quorum misleads the next recovery: that one skips an entry which
// only one bookie of the ledger's ensemble has, and closes behind it. An acknowledged entry is not lost by this; one that was
// read from a closed ledger may be, with one bookie.
func TestAWriteBackThatTellsItsOwnLACLeavesAnEntryOnOneBookie(t *testing.T) {
	w := worldNamed(t, "tell-own-lac")
	w.Recoverers = 2
	p, err := plain(w)
	require.NoError(t, err)
	s := walk(t, p, p.Start, "Send(1)", "Send(2)", "Store(1, 2)", "Store(2, 2)", "Recover(1)", "Fence(1, 2)", "Read(1)", "Answer(1, 2)",
		"Found(1)", "Replace(1, 1, 3)", "WriteBack(1, 1, 3)", "WriteBack(1, 1, 2)", "Confirm(1)", "Answer(1, 2)", "Found(1)", "WriteBack(1, 2, 2)",
		"Recover(2)", "Fence(2, 2)", "Read(2)", "Answer(2, 2)", "Found(2)", "WriteBack(2, 2, 1)", "WriteBack(2, 2, 2)", "Confirm(2)",
		"Answer(2, 1)", "Missing(2)", "Seal(2)")
	m := &model{w}
	require.Equal(t, uint8(2), s.Last)
	require.Equal(t, 1, m.copies(&s, 1))
	require.False(t, m.readable(s))
	require.False(t, m.noGap(s))

	w.Bug = "none"
	p, err = plain(w)
	require.NoError(t, err)
	s = walk(t, p, p.Start, "Send(1)", "Send(2)", "Store(1, 2)", "Store(2, 2)", "Recover(1)", "Fence(1, 2)", "Read(1)", "Answer(1, 2)",
		"Found(1)", "Replace(1, 1, 3)", "WriteBack(1, 1, 3)", "WriteBack(1, 1, 2)", "Confirm(1)", "Answer(1, 2)", "Found(1)", "WriteBack(1, 2, 2)",
		"Recover(2)", "Fence(2, 2)", "Read(2)")
	require.Zero(t, s.Clients[2].Lac, "it reads entry 1 again")
}

// walk takes the steps given, such as "Store(1, 2)", from s.
func walk(t *testing.T, p check.Plain[State], s State, steps ...string) State {
	t.Helper()
	for _, want := range steps {
		if want = strings.TrimSpace(want); want == "" {
			continue
		}
		var next *State
		var possible []string
		for _, mv := range p.Moves {
			mv.Next(s, func(n State, args ...int) {
				step := check.Instance(mv.Name, args)
				possible = append(possible, step)
				if step == want {
					next = &n
				}
			})
		}
		require.NotNil(t, next, "%s is not possible; possible: %s", want, strings.Join(possible, " "))
		s = *next
	}
	return s
}

// The schedule of apache/bookkeeper#2614: the add to the third bookie arrives after the ledger is closed, since the recovery's
// reads have not fenced that bookie, and the writer acknowledges the entry. With reads that fence, the bookie refuses it.
func TestTheReadThatDidNotFence(t *testing.T) {
	w := worldNamed(t, "read-unfenced")
	schedule := []string{"Send(1)", "Recover(1)", "Fence(1, 1)", "Store(1, 2)", "Fence(1, 2)", "Read(1)", "Answer(1, 1)", "Answer(1, 3)", "Missing(1)", "Seal(1)"}
	p, err := plain(w)
	require.NoError(t, err)
	s := walk(t, p, walk(t, p, p.Start, schedule...), "Store(1, 3)", "Acknowledge(1)")
	require.False(t, (&model{w}).durable(s))

	w.Bug = "none"
	p, err = plain(w)
	require.NoError(t, err)
	s = walk(t, p, p.Start, schedule...)
	p.Moves[1].Next(s, func(_ State, args ...int) { t.Errorf("Store%v is possible: bookie 3 is not fenced", args) })
}

// A bookie that came back empty is no reason to end a ledger, however many there are: the recovery stops, and loses nothing.
func TestEmptyBookiesStopARecovery(t *testing.T) {
	w := worldNamed(t, "empty-twice")
	p, err := plain(w)
	require.NoError(t, err)
	s := walk(t, p, p.Start, "Send(1)", "Store(1, 1)", "Store(1, 2)", "Acknowledge(1)", "Wipe(1)", "Wipe(2)", "Recover(1)", "Fence(1, 1)", "Fence(1, 3)",
		"Read(1)", "Answer(1, 1)", "Answer(1, 2)", "Answer(1, 3)")
	for _, mv := range p.Moves {
		if mv.Name == "Found" || mv.Name == "Missing" {
			mv.Next(s, func(State, ...int) { t.Errorf("%s is possible", mv.Name) })
		}
	}
}

func TestWorldsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"bookies": 7}`:                "world: bookies is 7; expected 1 to 6",
		`{"bookies": 3, "ensemble": 4}`: "world: ensemble is 4; expected 1 to 3 (bookies)",
		`{"bookies": 3, "ensemble": 3, "writeQuorum": 2, "ackQuorum": 3}`:                           "world: ackQuorum is 3; expected 1 to 2 (writeQuorum)",
		`{"bookies": 1, "ensemble": 1, "writeQuorum": 1, "ackQuorum": 1, "entries": 1, "bug": "x"}`: "world: bug is \"x\"; expected ",
		`{"ledgers": 1}`: "world: unknown key ledgers; known: bookies, ",
	} {
		_, err := read([]byte(text))
		require.ErrorContains(t, err, want)
	}
}

// No broken variant that is named breaks TypeOK, so it is fed states that no behaviour has.
func TestTypeOKObjects(t *testing.T) {
	m := &model{worldNamed(t, "change")}
	require.True(t, m.typeOK(m.start()))
	for why, breakIt := range map[string]func(*State){
		"a LAC above what was sent":             func(s *State) { s.Clients[0].Lac = 1 },
		"a recoverer that writes":               func(s *State) { s.Clients[1].Phase = Writing },
		"an entry too many":                     func(s *State) { s.Clients[0].Sent = 3 },
		"a place that two bookies have":         func(s *State) { s.Bookies[1].setPlace(0, 0, 1) },
		"a place that no bookie has":            func(s *State) { s.Bookies[1].setPlace(metadata, 0, 0) },
		"an answer to a client that reads none": func(s *State) { s.Bookies[0].Said[1] = No },
		"an answer that is still under way":     func(s *State) { s.Bookies[0].Waiting[0], s.Bookies[0].Answered[0] = 2, 2 },
		"an owner that there is not":            func(s *State) { s.Owner = 2 },
		"a wipe too many":                       func(s *State) { s.Wipes = 1 },
	} {
		s := m.start()
		breakIt(&s)
		require.False(t, m.typeOK(s), why)
	}
}
