package neon

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// tooLarge are the named worlds whose searches take longer than a suite may; firstgap check --all decides these too.
var tooLarge = []string{"figure-8", "p2_a5_t2_l2", "p2_a3_t3_l2", "p2_a3_t3_l3", "p2_a2_t2_l2_c3"}

func small(change ...func(*World)) World {
	w := World{Proposers: 2, Acceptors: 3, Terms: 2, Entries: 1, Symmetry: true}
	for _, c := range change {
		c(&w)
	}
	return w
}

func search(t *testing.T, w World) *check.Result {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	r, err := check.Run(t.Context(), m, check.Options{Workers: 2})
	require.NoError(t, err)
	return r
}

func machineOf(t *testing.T, w World) *machine {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	machine := m.NewMachine().(*machine)
	machine.Init()
	return machine
}

// Every named world comes out as its row says, with the figures of TLC where the row has them, every action taken, and every broken
// variant is caught.
func TestWorlds(t *testing.T) {
	subject := Subject()
	caught, decided := map[string]bool{}, 0
	for _, row := range subject.Worlds {
		w, err := ParseWorld(row.Constants)
		require.NoError(t, err)
		if row.Violates != "" {
			caught[w.Bug] = true
		}
		if slices.Contains(tooLarge, row.Name) {
			continue
		}
		decided++
		t.Run(row.Name, func(t *testing.T) {
			m, err := subject.Read(row.Constants)
			require.NoError(t, err)
			r, err := check.Run(t.Context(), m, check.Options{Workers: 2})
			require.NoError(t, err)
			if row.Violates != "" {
				require.Equal(t, row.Violates, r.Invariant)
				require.NotEmpty(t, r.Trace)
				return
			}
			require.Equal(t, check.Pass, r.Verdict, "%s: %s", r.Invariant, r.Reason)
			if row.Distinct > 0 {
				require.Equal(t, row.Distinct, r.Distinct, "distinct")
				require.Equal(t, row.Generated, r.Generated, "generated")
			}
			fired := uint64(1)
			for _, a := range r.Actions {
				require.NotZero(t, a.Times, a.Action)
				fired += a.Times
			}
			require.Equal(t, r.Generated, fired)
		})
	}
	require.Equal(t, len(subject.Worlds)-len(tooLarge), decided)
	for _, bug := range Bugs() {
		require.True(t, caught[bug], "no named world has a violation of %s", bug)
	}
}

// The figures of Neon's published logs stand beside what this model finds with Donor "every" and with "some", in published.tsv: TLC's
// lie between the two, and are equal to one of them where the acceptors that TLC's workers came to first do not matter. Of a world with
// membership change TLC counts each initial state as generated, one for each acceptor that may be left out.
func TestPublishedFigures(t *testing.T) {
	text, err := os.ReadFile("published.tsv")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Equal(t, "log\trevision\tconstants\tdistinct\tgenerated\tdepth\tevery\tsome", lines[0])
	searched := 0
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		require.Len(t, cells, 8)
		w, err := ParseWorld([]byte(cells[2]))
		require.NoError(t, err)
		var published [2]uint64
		_, err = fmt.Sscan(cells[3]+" "+cells[4], &published[0], &published[1])
		require.NoError(t, err)
		for i, donor := range []string{every, some} {
			if cells[6+i] == "-" {
				continue
			}
			var found [2]uint64
			_, err = fmt.Sscan(cells[6+i], &found[0], &found[1])
			require.NoError(t, err)
			for j := range found {
				if i == 0 {
					require.LessOrEqual(t, found[j], published[j], line)
				} else {
					require.GreaterOrEqual(t, found[j], published[j], line)
				}
			}
			if found[0] > 100_000 {
				continue // for firstgap check neon --world, and --set donor=some
			}
			searched++
			w.Donor = donor
			r := search(t, w)
			require.Equal(t, found, [2]uint64{r.Distinct, r.Generated}, donor)
		}
	}
	require.Equal(t, 2, searched)
}

// The named worlds that must break break within so many steps: the counterexamples are shortest ones.
func TestShortestCounterexamples(t *testing.T) {
	for name, steps := range map[string]int{"bad-quorum": 4, "vote-twice": 6, "elected-twice": 4, "lowest-vote": 19} {
		row, err := Subject().Lookup(name)
		require.NoError(t, err)
		w, err := ParseWorld(row.Constants)
		require.NoError(t, err)
		require.Len(t, search(t, w).Trace, steps, name)
	}
}

// take takes the steps, each by its name, and returns the machine after them.
func take(t *testing.T, m *machine, steps ...string) *machine {
	t.Helper()
	for _, step := range steps {
		var possible []string
		found := false
		m.Next(func(int, int) bool {
			possible = append(possible, m.Step())
			found = m.Step() == step
			return !found
		})
		require.True(t, found, "%s is not possible; possible: %s", step, strings.Join(possible, ", "))
	}
	return m
}

func vars(m *machine) map[string]string {
	all := map[string]string{}
	for _, v := range m.Vars() {
		all[v.Name] = v.Value
	}
	return all
}

// A leader that is elected by a2 and a3 does not know of the entry on a1. When a1 hears of it, a1 cuts the entry and takes over the
// leader's history; and with the entry that it gets then, the leader commits.
func TestTruncationAtTheCommonPoint(t *testing.T) {
	m := take(t, machineOf(t, small(func(w *World) { w.Symmetry = false })),
		"Vote(p1, a1)", "Vote(p1, a2)", "BecomeLeader(p1)", "TruncateWal(p1, a1)", "NewEntry(p1)", "AppendEntry(p1, a1)",
		"RestartProposer(p2) for term 2", "Vote(p2, a2)", "Vote(p2, a3)", "BecomeLeader(p2)", "NewEntry(p2)", "UpdateTerm(p2, a1)")
	require.Equal(t, "term 2, history 0@1 1@1, WAL 1", vars(m)["a1"])
	require.True(t, m.diverged())
	take(t, m, "TruncateWal(p2, a1)")
	require.Equal(t, "term 2, history 0@1 2@1, WAL empty", vars(m)["a1"])
	take(t, m, "AppendEntry(p2, a1)", "TruncateWal(p2, a2)", "AppendEntry(p2, a2)", "CommitEntries(p2) below LSN 2")
	require.Equal(t, "2@1", vars(m)["committed"])
	require.Equal(t, -1, m.Broken())
}

// Entries of an earlier term are committed as soon as a quorum has reached the leader's own term, and no new entry is needed for
// that: the term history that comes with the truncation raises the last term of a log.
func TestInheritedEntriesAreCommitted(t *testing.T) {
	m := take(t, machineOf(t, small(func(w *World) { w.Symmetry = false })),
		"Vote(p1, a1)", "Vote(p1, a2)", "BecomeLeader(p1)", "TruncateWal(p1, a1)", "NewEntry(p1)", "AppendEntry(p1, a1)",
		"RestartProposer(p2) for term 2", "Vote(p2, a1)", "Vote(p2, a3)", "BecomeLeader(p2)", "TruncateWal(p2, a1)", "TruncateWal(p2, a3)")
	require.True(t, m.inherited())
	m.Next(func(action, _ int) bool {
		require.NotEqual(t, commitEntries, action, "a3 has nothing yet")
		return true
	})
	take(t, m, "AppendEntry(p2, a3)", "CommitEntries(p2) below LSN 2")
	require.Equal(t, "1@1", vars(m)["committed"])
}

// Figure 8 of Raft's paper. In term 3, p1 brings one of its two entries of term 1 onto a second acceptor, and would commit it. But in
// term 4 the entry of term 2 wins, which a3 has alone, and it takes the place of the committed one. The rule forbids the commit: the
// log of a2 has not reached term 3. A search for this comes to 8.5 million states.
func TestFigure8(t *testing.T) {
	w := World{Proposers: 2, Acceptors: 3, Terms: 4, Entries: 2, Invariants: []string{"LogSafety"}}
	schedule := []string{
		"Vote(p1, a1)", "Vote(p1, a2)", "BecomeLeader(p1)", "TruncateWal(p1, a1)", "NewEntry(p1)", "NewEntry(p1)", "AppendEntry(p1, a1)", "AppendEntry(p1, a1)",
		"RestartProposer(p2) for term 2", "Vote(p2, a2)", "Vote(p2, a3)", "BecomeLeader(p2)", "TruncateWal(p2, a3)", "NewEntry(p2)", "AppendEntry(p2, a3)",
		"RestartProposer(p1) for term 3", "Vote(p1, a1)", "Vote(p1, a2)", "BecomeLeader(p1)", "TruncateWal(p1, a1)", "TruncateWal(p1, a2)", "AppendEntry(p1, a2)",
	}
	m := take(t, machineOf(t, w), schedule...)
	require.Equal(t, "term 3, history 0@1 1@1 3@3, WAL 1", vars(m)["a2"])
	m.Next(func(action, _ int) bool { require.NotEqual(t, commitEntries, action); return true })

	w.Bug = commitOld
	m = take(t, machineOf(t, w), schedule...)
	take(t, m, "CommitEntries(p1) below LSN 2")
	require.Equal(t, "1@1", vars(m)["committed"])
	take(t, m, "RestartProposer(p2) for term 4", "Vote(p2, a2)", "Vote(p2, a3)", "BecomeLeader(p2)")
	require.False(t, m.committedNotTruncated())
	take(t, m, "TruncateWal(p2, a2)", "TruncateWal(p2, a3)", "AppendEntry(p2, a2)")
	require.Equal(t, -1, m.Broken())
	take(t, m, "CommitEntries(p2) below LSN 2")
	require.Equal(t, "LogSafety", m.Invariants()[m.Broken()].Name)
}

// TLC counts each quorum of a restart, and each that commits, as a step: of three acceptors there are four quorums.
func TestTimesAreQuorums(t *testing.T) {
	m := machineOf(t, small())
	count := func() (restarts, commits int) {
		m.Next(func(action, times int) bool {
			switch action {
			case restartProposer:
				restarts += times
			case commitEntries:
				commits += times
			}
			return true
		})
		return restarts, commits
	}
	restarts, commits := count()
	require.Equal(t, []int{2 * 4, 0}, []int{restarts, commits})
	take(t, m, "Vote(p1, a1)", "Vote(p1, a2)", "BecomeLeader(p1)", "TruncateWal(p1, a1)", "TruncateWal(p1, a2)")
	restarts, commits = count()
	require.Equal(t, []int{2 * 4, 1}, []int{restarts, commits})
	take(t, m, "UpdateTerm(p1, a3)", "TruncateWal(p1, a3)")
	restarts, commits = count()
	require.Equal(t, []int{2 * 4, 4}, []int{restarts, commits})
}

// Every broken variant but TypeOK's own is caught by the invariants, so TypeOK is fed states that no behaviour has.
func TestTypeOKObjects(t *testing.T) {
	for why, breakIt := range map[string]func(m *machine){
		"a proposer without a term":        func(m *machine) { m.proposers[0].term = 0 },
		"a leader without a history":       func(m *machine) { m.proposers[0].leader = true },
		"a log before the election":        func(m *machine) { m.proposers[0].wal = 1 },
		"a history of another term":        func(m *machine) { q := &m.proposers[0]; q.leader, q.history = true, m.starting(0, 2, 1) },
		"a hole in a WAL":                  func(m *machine) { m.setTerm(&m.acceptors[0], 1); m.setLog(&m.acceptors[0], 0, m.with(0, 2, 1)) },
		"a history above the term":         func(m *machine) { m.setLog(&m.acceptors[0], m.starting(0, 2, 1), 0) },
		"a position before the election":   func(m *machine) { m.setNext(&m.acceptors[0], 0, 1) },
		"a vote's history without a vote":  func(m *machine) { m.setVote(&m.acceptors[0], 0, 0, m.starting(0, 1, 1)) },
		"a flush LSN that no acceptor had": func(m *machine) { m.setVote(&m.acceptors[0], 0, 6, 0) },
		"a position that no WAL comes up to": func(m *machine) {
			take(t, m, "Vote(p1, a1)", "Vote(p1, a2)", "BecomeLeader(p1)")
			m.setNext(&m.acceptors[0], 0, 6)
		},
	} {
		m := machineOf(t, small(func(w *World) { w.Entries = 4 })) // LSNs of 3 bits, and none of a log above 5
		require.True(t, m.typeOK())
		breakIt(m)
		require.False(t, m.typeOK(), why)
	}
}

// LogIsMonotonic is fed a WAL whose terms go down: the named worlds break LogSafety first.
func TestLogIsMonotonicObjects(t *testing.T) {
	m := machineOf(t, small(func(w *World) { w.Entries = 2 }))
	m.setLog(&m.acceptors[1], 0, m.with(m.with(0, 1, 1), 2, 2))
	require.True(t, m.logIsMonotonic())
	m.setLog(&m.acceptors[1], 0, m.with(m.with(0, 1, 2), 2, 1))
	require.False(t, m.logIsMonotonic())
}

// What Encode writes, Load reads, also of states outside the constraint and of the largest worlds that fit.
func TestStatesLoadAgain(t *testing.T) {
	for _, w := range []World{small(), {Proposers: 2, Acceptors: 7, Terms: 4, Entries: 4, Elections: true}, {Proposers: 3, Acceptors: 5, Terms: 3, Entries: 2}, small(func(w *World) { w.Generations = 3 })} {
		m := machineOf(t, w)
		again := machineOf(t, w)
		states := 0
		for range 300 {
			code := m.Encode(nil)
			require.NoError(t, again.Load(code))
			require.Equal(t, code, again.Encode(nil))
			if !w.Symmetry {
				require.Equal(t, m.state, again.state)
			}
			n, steps := 0, 0
			m.Next(func(int, int) bool { steps++; return true })
			m.Next(func(int, int) bool { n++; return n <= (states*7+3)%steps })
			states++
			if !m.Within() {
				require.NoError(t, again.Load(m.Encode(nil)))
				require.Equal(t, m.Encode(nil), again.Encode(nil))
				m.Init()
			}
		}
		require.ErrorContains(t, again.Load([]byte{1}), "a state of 1 bytes, expected")
	}
}

// Worlds that contradict themselves, do not fit, or name what is not known are refused, with the limit.
func TestBadWorlds(t *testing.T) {
	for _, c := range []struct {
		change func(*World)
		want   string
	}{
		{func(w *World) { w.Proposers = 0 }, "world: proposers is 0; expected 1 to 3"},
		{func(w *World) { w.Acceptors = 8 }, "world: acceptors is 8; expected 1 to 7"},
		{func(w *World) { w.Terms = 5 }, "world: terms is 5; expected 1 to 4"},
		{func(w *World) { w.Entries = 0 }, "world: entries is 0; expected 1 to 4"},
		{func(w *World) { w.Proposers, w.Terms, w.Entries = 3, 4, 4 }, "world: proposers, terms, entries and generations is 3, 4, 4 and 0; expected so few that what concerns one acceptor takes 64 bits, and not 72"},
		{func(w *World) { w.Bug = "quorum" }, `world: bug is "quorum"; expected one of none, ` + strings.Join(Bugs(), ", ")},
		{func(w *World) { w.Donor = "first" }, `world: donor is "first"; expected one of every, some, named`},
		{func(w *World) { w.Donor = "named" }, `world: donor is "named" with symmetry; expected every or some: a symmetry has no names`},
		{func(w *World) { w.Generations = 6 }, "world: generations is 6; expected 0 to 5"},
		{func(w *World) { w.Generations, w.Acceptors = 3, 1 }, "world: acceptors is 1 with membership change; expected 2 to 5: all but one are members at first"},
		{func(w *World) { w.Generations, w.Symmetry = 3, false }, "world: symmetry is false with membership change; expected true: whichever acceptor is left out at first, that is the initial state"},
		{func(w *World) { w.Invariants = []string{"Safe"} }, `world: invariants[0] is "Safe"; expected one of TypeOK, ElectionSafety, ElectionSafetyFull, LogIsMonotonic, LogSafety, CommittedNotTruncated`},
		{func(w *World) { w.Invariants = []string{"ElectionSafetyFull"} }, `world: invariants[0] is "ElectionSafetyFull" without elections; expected a state that counts elections`},
	} {
		w := small(c.change)
		_, err := New(w)
		require.EqualError(t, err, c.want)
		text, err := json.Marshal(w)
		require.NoError(t, err)
		_, err = Subject().Read(text)
		require.EqualError(t, err, c.want)
		_, err = Subject().Config(text)
		require.EqualError(t, err, c.want)
	}
}

// What TLC is told is the world, with its defaults.
func TestConfig(t *testing.T) {
	text, err := Subject().Config([]byte(`{"proposers": 2, "acceptors": 3, "terms": 2, "entries": 1, "elections": true, "symmetry": true}`))
	require.NoError(t, err)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
  Proposer = {p1, p2}
  Acceptor = {a1, a2, a3}
  MaxTerm = 2
  MaxEntries = 1
  Generations = 0
  Donor = "every"
  Elections = TRUE
  Bug = "none"
CONSTRAINT Within
SYMMETRY Symmetry
INVARIANTS TypeOK ElectionSafety ElectionSafetyFull LogIsMonotonic LogSafety
CHECK_DEADLOCK FALSE
`, text)
}

// The module beside has every action, invariant and bug under its name, and in the same order.
func TestTwinHasTheSameNames(t *testing.T) {
	text, err := os.ReadFile("../tla/" + Subject().Module + ".tla")
	require.NoError(t, err)
	module := string(text)
	at := 0
	for _, name := range slices.Concat(actionNames(), invariantNames()) {
		next := max(strings.Index(module, "\n"+name+"("), strings.Index(module, "\n"+name+" =="))
		require.Greater(t, next, at, "%s is not there, or out of order", name)
		at = next
	}
	for _, word := range append(Bugs(), every, some, named) {
		require.Contains(t, module, fmt.Sprintf("%q", word))
	}
}
