package membership

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// A group is a state and what can be done to it, action by action.
type group struct {
	State
	t      *testing.T
	m      *model
	broken bool // invariants may fail on the way
}

func newGroup(t *testing.T, w World) *group {
	t.Helper()
	m, err := newModel(w)
	require.NoError(t, err)
	return &group{m.start(), t, m, m.Bug != none}
}

// steps calls do with each possible step.
func (g *group) steps(do func(step string, next State)) {
	for _, move := range g.m.plain().Moves {
		move.Next(g.State, func(next State, args ...int) {
			words := make([]string, len(args))
			for i, a := range args {
				words[i] = fmt.Sprint(a)
			}
			do(move.Name+"("+strings.Join(words, ", ")+")", next)
		})
	}
}

func (g *group) can(step string) bool {
	found := false
	g.steps(func(name string, _ State) { found = found || name == step })
	return found
}

func (g *group) do(steps ...string) {
	g.t.Helper()
	for _, step := range steps {
		var to []State
		var possible []string
		g.steps(func(name string, next State) {
			possible = append(possible, name)
			if name == step {
				to = append(to, next)
			}
		})
		require.Len(g.t, to, 1, "%s among %v", step, possible)
		g.State = to[0]
		for _, must := range g.m.must() {
			require.True(g.t, g.broken || must.Holds(g.State), "%s after %s", must.Name, step)
		}
	}
}

// each does a step with each of the segments as its last argument.
func (g *group) each(step string, segments ...int) {
	g.t.Helper()
	for _, x := range segments {
		g.do(fmt.Sprintf(step, x))
	}
}

// The group of the paper: A to F are 1 to 6, of which E and F are doubted; G, which is to replace F, is 7, and H, which
// is to replace E, is 8.
var paper = World{Steady: 4, Doubtful: 2, WriteQuorum: 4, ReadQuorum: 3, MaxLSN: 3, MaxEpoch: 5, StaleReads: true}

func segments(names string) Segments {
	var a Segments
	for _, c := range names {
		a |= one(int(c - 'A'))
	}
	return a
}

// SIGMOD 2018 §4.1: F is suspected; E fails meanwhile; G and H take their places. A record
// completes in every epoch, and while two are being replaced A, B, C and D are enough for it.
func TestPaperReplacesTwo(t *testing.T) {
	g := newGroup(t, paper)
	require.Equal(t, quorumSets(segments("ABCDEF")), *g.sets(1))
	g.each("Store(%d)", 1, 2, 3, 6)
	g.do("Advance()")

	g.do("Suspect(6, 7)")
	require.Equal(t, quorumSets(segments("ABCDEF"), segments("ABCDEG")), *g.sets(2))
	require.False(t, g.can("Learn(2)"), "nobody knows of it yet")
	g.each("Install(2, %d)", 1, 2, 3)
	require.False(t, g.can("Learn(2)"))
	require.False(t, g.can("Suspect(5, 8)"), "one change at a time")
	g.do("Install(2, 4)", "Learn(2)")

	g.do("Suspect(5, 8)")
	require.Equal(t, quorumSets(segments("ABCDEF"), segments("ABCDEG"), segments("ABCDFH"), segments("ABCDGH")), *g.sets(3))
	g.each("Install(3, %d)", 1, 2, 3, 4)
	g.do("Learn(3)")
	g.each("Store(%d)", 1, 2, 3)
	g.do("Store(4)") // D stores the first record, which it lacked
	require.False(t, g.can("Advance()"), "D lacks the second record")
	g.do("Store(4)", "Advance()")
	require.EqualValues(t, 2, g.PGCL)

	// G is filled from three of those that know of the change; F, which does not know, and H, which is empty, are not among them.
	require.False(t, g.can("Forward(6, 7)"))
	g.do("Install(3, 7)", "Install(3, 8)")
	require.False(t, g.can("Copy(7, 6)"))
	require.False(t, g.can("Copy(7, 8)"))
	g.each("Copy(7, %d)", 1, 2)
	require.False(t, g.can("Fill(7)"))
	g.do("Copy(7, 4)", "Fill(7)", "Forward(6, 7)")
	require.Equal(t, quorumSets(segments("ABCDEG"), segments("ABCDGH")), *g.sets(4))

	// H may copy from G, which has a vote.
	require.False(t, g.can("Forward(5, 8)"))
	g.each("Copy(8, %d)", 1, 7)
	require.False(t, g.can("Fill(8)"))
	require.False(t, g.can("Copy(8, 6)"), "F still does not know")
	g.do("Copy(8, 2)", "Fill(8)")
	g.each("Install(4, %d)", 1, 2, 3, 7, 8)
	require.False(t, g.can("Forward(5, 8)"), "three of ABCDEF are no write quorum")
	g.do("Install(4, 4)", "Forward(5, 8)")
	require.Equal(t, quorumSets(segments("ABCDGH")), *g.sets(5))
	require.Equal(t, segments("ABCDGH"), g.m.voters(&g.State, 5))
	g.each("Install(5, %d)", 1, 2, 3, 7, 8)
	g.do("Learn(5)")
	g.each("Store(%d)", 7, 8, 2, 3)
	g.do("Advance()")
	require.EqualValues(t, 3, g.PGCL)
}

// F answers again, so G goes, with all that it holds. When it is called again later, it must be filled again: a record that
// completed in between is not on it.
func TestPaperGoesBack(t *testing.T) {
	w := paper
	w.Steady, w.Doubtful = 5, 1
	g := newGroup(t, w)
	g.do("Suspect(6, 7)")
	g.each("Install(2, %d)", 1, 2, 3, 4, 7)
	g.do("Learn(2)")
	g.each("Copy(7, %d)", 1, 2, 3)
	g.do("Fill(7)")
	require.True(t, g.m.voters(&g.State, 2).has(6), "G votes beside F")
	g.do("Back(6, 7)")
	require.Equal(t, quorumSets(segments("ABCDEF")), *g.sets(3))
	g.each("Install(3, %d)", 1, 2, 3, 7)
	require.False(t, g.can("Learn(3)"), "of ABCDEF, only A, B and C know")
	g.do("Install(3, 6)", "Learn(3)")
	require.False(t, g.can("Store(7)"), "G is no member")
	g.each("Store(%d)", 1, 2, 3, 6)
	g.do("Advance()", "Suspect(6, 7)", "Install(4, 7)")
	require.EqualValues(t, 2, g.Filled[6])
	require.False(t, g.m.voters(&g.State, 4).has(6), "it was filled before the record")
	require.False(t, g.can("Copy(7, 1)"), "A has not learnt that G is back")
	g.each("Install(4, %d)", 3, 4, 5)
	g.each("Copy(7, %d)", 4, 5, 3)
	g.do("Fill(7)")
	require.EqualValues(t, 1, g.SCL[6])
	require.True(t, g.m.voters(&g.State, 4).has(6))
}

// ABCD alone is a write quorum of the four sets, and no three segments with any others of fewer than both slots are.
func TestWriteQuorumsOfFourSets(t *testing.T) {
	g := newGroup(t, paper)
	*g.sets(1) = quorumSets(segments("ABCDEF"), segments("ABCDEG"), segments("ABCDFH"), segments("ABCDGH"))
	require.True(t, g.m.isWrite(&g.State, 1, segments("ABCD")))
	require.True(t, g.m.isWrite(&g.State, 1, segments("ABCFG")))
	require.True(t, g.m.isWrite(&g.State, 1, segments("ABEFGH")))
	for a := range segments("ABCDEFGH") + 1 {
		// A slot counts for a write when both its segments have it, for a read when one answers.
		both, either := (a & segments("ABCD")).len(), (a & segments("ABCD")).len()
		for _, slot := range []string{"FG", "EH"} {
			if n := (a & segments(slot)).len(); n == 2 {
				both, either = both+1, either+1
			} else if n == 1 {
				either++
			}
		}
		require.Equal(t, both >= 4, g.m.isWrite(&g.State, 1, a), a)
		require.Equal(t, either >= 3, g.m.isRead(&g.State, 1, a), a)
	}
}

// apart returns the pairs of a smallest write quorum of epoch 1 and a smallest read quorum of epoch 2, of those that vote
// there, that have no segment in common.
func apart(g *group) (pairs []string) {
	all := one(g.m.segments)
	for wrote := range all {
		for read := range all {
			if wrote.len() == g.m.WriteQuorum && g.m.isWrite(&g.State, 1, wrote) && wrote&^g.members(1) == 0 &&
				read.len() == g.m.read(g.sets(2)[0]) && g.m.isRead(&g.State, 2, read&g.m.voters(&g.State, 2)) && wrote&read == 0 {
				pairs = append(pairs, fmt.Sprint(wrote, read))
			}
		}
	}
	return pairs
}

// The read rule as printed, and the direct swap, have the same ten pairs of quorums that do not meet: what was written
// to F and three others, and is read from G and the other two. Where a newcomer has no vote there is none. Going on with
// four of six as 3/4 has six, until they are filled.
func TestPairsOfQuorumsThatDoNotMeet(t *testing.T) {
	six := World{Steady: 5, Doubtful: 1, WriteQuorum: 4, ReadQuorum: 3, MaxLSN: 1, MaxEpoch: 2}
	pairs := map[string][]string{}
	for _, bug := range []string{none, voteAtOnce, directSwap} {
		w := six
		w.Bug = bug
		g := newGroup(t, w)
		g.do("Suspect(6, 7)")
		pairs[bug] = apart(g)
	}
	require.Empty(t, pairs[none])
	require.Len(t, pairs[voteAtOnce], 10)
	require.Contains(t, pairs[voteAtOnce], "{1 2 3 6} {4 5 7}", "written to ABCF, read from DEG")
	require.Equal(t, pairs[voteAtOnce], pairs[directSwap])

	zone := World{Steady: 4, Zone: 2, WriteQuorum: 4, ReadQuorum: 3, ShortWrite: 3, ShortRead: 2, MaxLSN: 1, MaxEpoch: 2}
	for bug, want := range map[string]int{none: 0, voteAtOnce: 6} {
		w := zone
		w.Bug = bug
		g := newGroup(t, w)
		g.do("Shrink()")
		require.Len(t, apart(g), want, bug)
	}
}

// A zone is lost and one segment more. The three that are left are a read quorum: they fence, are filled from one another,
// and serve as a smaller group. The way back is the same.
func TestAZAndOneMore(t *testing.T) {
	// A, B, C and D are in two zones, E and F are in the third. It is lost, and D is, too.
	w := World{Steady: 4, Zone: 2, WriteQuorum: 4, ReadQuorum: 3, ShortWrite: 3, ShortRead: 2, MaxLSN: 2, MaxEpoch: 3}
	g := newGroup(t, w)
	g.each("Store(%d)", 3, 4, 5, 6) // of the survivors only C has the record
	g.do("Advance()", "Shrink()")
	g.each("Install(2, %d)", 1, 2)
	require.False(t, g.can("Learn(2)"), "two survivors fence nothing")
	g.do("Install(2, 3)", "Learn(2)")
	require.Zero(t, g.m.voters(&g.State, 2), "two of them, A and B, would miss the record")
	g.do("Copy(1, 2)")
	require.False(t, g.can("Fill(1)"))
	g.do("Copy(1, 3)", "Fill(1)")
	require.EqualValues(t, 1, g.SCL[0])
	g.do("Copy(2, 1)", "Copy(2, 3)", "Fill(2)", "Copy(3, 1)", "Copy(3, 2)", "Fill(3)")
	g.each("Store(%d)", 1, 2, 3)
	g.do("Advance()")
	require.EqualValues(t, 2, g.PGCL, "three survivors serve")
	require.Equal(t, segments("ABC"), g.m.voters(&g.State, 2))

	// The zone is back. What it holds is old, so it is filled before it votes.
	g.do("Grow()")
	g.each("Install(3, %d)", 1, 2, 3, 5)
	require.Zero(t, g.m.voters(&g.State, 3))
	g.do("Copy(5, 1)")
	require.False(t, g.can("Copy(5, 4)"), "D has no vote")
	g.do("Copy(5, 2)", "Fill(5)")
	require.EqualValues(t, 2, g.SCL[4])
}

// only returns the model with everything but the segments given dead from the start.
func only(t *testing.T, w World, alive Segments) check.Plain[State] {
	t.Helper()
	m, err := newModel(w)
	require.NoError(t, err)
	p := m.plain()
	p.Same, p.Reach = nil, nil
	for i, move := range p.Moves {
		switch move.Name {
		case "Store", "Install", "Copy", "Fill":
			p.Moves[i].Next = func(s State, yield func(State, ...int)) {
				move.Next(s, func(next State, args ...int) {
					concerned := args
					if move.Name == "Install" {
						concerned = args[1:]
					}
					for _, x := range concerned {
						if !alive.has(x - 1) {
							return
						}
					}
					yield(next, args...)
				})
			}
		}
	}
	return p
}

// reachable says whether the situation can be met.
func reachable(t *testing.T, p check.Plain[State], is func(State) bool) bool {
	t.Helper()
	p.Must = append(p.Must, check.Must[State]{Name: "NotYet", Guarantee: "it is not met", Holds: func(s State) bool { return !is(s) }})
	r, err := check.Run(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	if r.Verdict == check.Violation {
		require.Equal(t, "NotYet", r.Invariant)
		return true
	}
	require.Equal(t, check.Pass, r.Verdict)
	return false
}

// How many may be left for what, in the group of six: with four, F is replaced; with three, G can still be filled, but no
// change passes, unless it is to a group of those three; with two, nothing can be rebuilt.
func TestHowManyMustBeLeft(t *testing.T) {
	replace := World{Steady: 5, Doubtful: 1, WriteQuorum: 4, ReadQuorum: 3, MaxLSN: 1, MaxEpoch: 3, StaleReads: true}
	done := func(s State) bool { return s.Writer == 3 && !s.members(3).has(5) && s.PGCL == 1 }
	filled := func(s State) bool { return s.Filled[6] > 0 }
	for left, want := range map[string]struct{ filled, done bool }{
		"ABCDG": {true, true}, "ABCG": {true, false}, "ABFG": {true, false}, "ABG": {false, false},
	} {
		p := only(t, replace, segments(left))
		require.Equal(t, want.filled, reachable(t, p, filled), left)
		require.Equal(t, want.done, reachable(t, p, done), left)
	}

	survive := World{Steady: 3, Zone: 3, WriteQuorum: 4, ReadQuorum: 3, ShortWrite: 2, ShortRead: 2, MaxLSN: 1, MaxEpoch: 2}
	serves := func(s State) bool { return s.Writer == 2 && s.PGCL == 1 }
	require.True(t, reachable(t, only(t, survive, segments("ABC")), serves))
	require.False(t, reachable(t, only(t, survive, segments("AB")), serves))
}

// A record of before the change is complete only after G was filled; G has it nevertheless, because every read quorum of
// those that have learnt of the change has a segment that stored it before.
func TestCompleteAfterTheFilling(t *testing.T) {
	w := paper
	w.Steady, w.Doubtful = 5, 1
	g := newGroup(t, w)
	g.each("Store(%d)", 1, 2, 3)
	g.do("Suspect(6, 7)")
	g.each("Install(2, %d)", 3, 4, 5, 7)
	g.each("Copy(7, %d)", 4, 5, 3)
	g.do("Fill(7)", "Store(6)", "Advance()") // A, B, C and F have it for the writer, who knows of nothing
	require.EqualValues(t, 1, g.PGCL)
	require.EqualValues(t, 1, g.SCL[6])
	require.Equal(t, segments("DE"), g.m.lacking(&g.State, 2), "D and E lack it, and G does not")
}

// The least state of an orbit is the same one wherever in the orbit it is looked for, and is in it.
func TestSymmetryIsExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, w := range []World{
		{Steady: 3, Zone: 2, WriteQuorum: 3, ReadQuorum: 3, ShortWrite: 2, ShortRead: 2, MaxLSN: 2, MaxEpoch: 4, Symmetry: true},
		{Steady: 4, Doubtful: 2, WriteQuorum: 4, ReadQuorum: 3, MaxLSN: 2, MaxEpoch: 5, Symmetry: true},
		{Steady: 2, Zone: 2, Doubtful: 2, WriteQuorum: 4, ReadQuorum: 3, ShortWrite: 3, ShortRead: 2, MaxLSN: 1, MaxEpoch: 6, Symmetry: true},
	} {
		related, epochs := 0, 0
		for range 20 {
			g := newGroup(t, w)
			for range 60 {
				var all []State
				g.steps(func(_ string, next State) { all = append(all, next) })
				if len(all) == 0 {
					break
				}
				g.State = all[rnd.IntN(len(all))]
				to := identity()
				for _, kind := range [][2]int{{0, w.Steady}, {w.Steady, w.Zone}} {
					for i, x := range rnd.Perm(kind[1]) {
						to[kind[0]+i] = kind[0] + x
					}
				}
				if n := g.m.slots; w.Doubtful == 2 && rnd.IntN(2) == 0 {
					to[n-2], to[n-1], to[n], to[n+1] = n-1, n-2, n+1, n
				}
				other := g.m.renamed(&g.State, &to)
				least := g.m.same(g.State)
				require.Equal(t, least, g.m.same(other))
				require.Equal(t, least, g.m.same(least))
				require.True(t, g.m.typeOK(other))
				require.Equal(t, g.m.durable(g.State), g.m.durable(other))
				require.Equal(t, g.m.completeIsStored(g.State), g.m.completeIsStored(other))
				require.True(t, inOrbit(g.m, &g.State, &least))
				if g.Copied != (State{}).Copied {
					related++
				}
			}
			epochs = max(epochs, int(g.Epoch))
		}
		require.Greater(t, related, 20)
		require.Greater(t, epochs, 2)
	}
}

// inOrbit tries every order.
func inOrbit(m *model, s, want *State) bool {
	found := false
	var try func(x int, to order, used Segments)
	try = func(x int, to order, used Segments) {
		if found {
			return
		}
		if x == m.slots-m.Doubtful {
			t := m.renamed(s, &to)
			found = t == *want
			if m.Doubtful == 2 && !found {
				n := m.slots
				to[n-2], to[n-1], to[n], to[n+1] = n-1, n-2, n+1, n
				t = m.renamed(s, &to)
				found = t == *want
			}
			return
		}
		from, end := 0, m.Steady
		if x >= m.Steady {
			from, end = m.Steady, m.Steady+m.Zone
		}
		for y := from; y < end; y++ {
			if !used.has(y) {
				to[x] = y
				try(x+1, to, used|one(y))
			}
		}
	}
	try(0, identity(), 0)
	return found
}

// No invariant is one that cannot fail.
func TestInvariantsSayNo(t *testing.T) {
	w := World{Steady: 2, Doubtful: 1, WriteQuorum: 2, ReadQuorum: 2, MaxLSN: 2, MaxEpoch: 2, StaleReads: true}
	for name, cases := range map[string][]func(*State){
		"TypeOK": {
			func(s *State) { s.Epoch = 3 }, func(s *State) { s.Epoch = 0 }, func(s *State) { s.Writer = 2 }, func(s *State) { s.Writer = 0 },
			func(s *State) { s.PGCL = 3 }, func(s *State) { s.Known[0] = 2 }, func(s *State) { s.Known[3] = 0 },
			func(s *State) { s.SCL[1] = 3 }, func(s *State) { s.Told[1] = 1 }, func(s *State) { s.Filled[2] = 2 },
			func(s *State) { s.Copied[3] = one(3) }, func(s *State) { s.Copied[3] = one(4) }, func(s *State) { s.Sets[0][0] = 0 },
			func(s *State) { s.Sets[0][0] |= one(4) },
		},
		"Durable":          {func(s *State) { s.PGCL = 1 }, func(s *State) { s.PGCL, s.SCL[2] = 1, 1 }},
		"FreshRead":        {func(s *State) { s.PGCL, s.SCL[2], s.Epoch, s.Sets[1] = 1, 1, 2, s.Sets[0] }},
		"CompleteIsStored": {func(s *State) { s.PGCL, s.SCL[2] = 1, 1 }},
	} {
		for i, harm := range cases {
			g := newGroup(t, w)
			for _, must := range g.m.must() {
				require.True(t, must.Holds(g.State))
			}
			harm(&g.State)
			for _, must := range g.m.must() {
				if must.Name == name {
					require.False(t, must.Holds(g.State), "%s, case %d", name, i)
				}
			}
		}
	}
}

// A world that contradicts itself or does not fit is refused, and the error names the limit.
func TestWorldsThatAreRefused(t *testing.T) {
	const good = `{"steady":2,"zone":1,"doubtful":1,"writeQuorum":3,"readQuorum":2,"shortWrite":2,"shortRead":2,"maxLSN":1,"maxEpoch":3,"staleReads":true,"bug":"none","symmetry":true}`
	_, err := Subject().Read([]byte(good))
	require.NoError(t, err)
	for change, want := range map[string]string{
		`"steady":2→"steady":-1`:                                            "world: steady is -1; expected 0 to 9",
		`"steady":2→"steady":10`:                                            "world: steady is 10; expected 0 to 9",
		`"zone":1→"zone":10`:                                                "world: zone is 10; expected 0 to 9",
		`"zone":1→"zone":8`:                                                 "world: steady + zone + doubtful is 11; expected 1 to 9",
		`"doubtful":1→"doubtful":3`:                                         "world: doubtful is 3; expected 0 to 2",
		`"writeQuorum":3→"writeQuorum":5`:                                   "world: writeQuorum is 5; expected 1 to 4 (slots)",
		`"readQuorum":2→"readQuorum":0`:                                     "world: readQuorum is 0; expected 1 to 4 (slots)",
		`"shortWrite":2→"shortWrite":4`:                                     "world: shortWrite is 4; expected 1 to 3 (slots without the zone; 0 where there is no zone)",
		`"shortRead":2→"shortRead":0`:                                       "world: shortRead is 0; expected 1 to 3 (slots without the zone; 0 where there is no zone)",
		`"zone":1→"zone":0`:                                                 "world: shortWrite is 2; expected 0 to 0 (slots without the zone; 0 where there is no zone)",
		`"maxLSN":1→"maxLSN":10`:                                            "world: maxLSN is 10; expected 1 to 9",
		`"maxEpoch":3→"maxEpoch":7`:                                         "world: maxEpoch is 7; expected 1 to 6",
		`"zone":1,"doubtful":1→"zone":0,"doubtful":0`:                       "world: zone + doubtful is 0; expected 1 to 9, or nothing could change",
		`"steady":2,"zone":1,"doubtful":1→"steady":0,"zone":4,"doubtful":0`: "world: steady + doubtful is 0; expected 1 to 9, or nothing were left without the zone",
		`"bug":"none"→"bug":"vote-twice"`:                                   `world: bug is "vote-twice"; expected one of none, vote-at-once, direct-swap,`,
		`"bug"→"bugs"`:                                                      "world: unknown key bugs; known: steady, zone, doubtful, writeQuorum,",
		`"steady":2→"steady":"two"`:                                         "world: json: cannot unmarshal string",
		good + "→[]":                                                        "world: json: cannot unmarshal array",
	} {
		from, to, _ := strings.Cut(change, "→")
		require.Contains(t, good, from)
		text := []byte(strings.Replace(good, from, to, 1))
		_, err := Subject().Read(text)
		require.ErrorContains(t, err, want, change)
		_, err = Subject().Config(text)
		require.ErrorContains(t, err, want, change)
	}
	var refused *WorldError
	_, err = New(World{})
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "steady + zone + doubtful", refused.Parameter)
}

func TestConfig(t *testing.T) {
	s := Subject()
	w, err := s.Lookup("zone-and-doubt")
	require.NoError(t, err)
	text, err := s.Config(w.Constants)
	require.NoError(t, err)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
  Steady = {s1}
  Zone = {z1}
  Doubtful = {d1}
  W = 2
  R = 2
  ShortW = 2
  ShortR = 1
  MaxLSN = 1
  MaxEpoch = 3
  StaleReads = FALSE
  Bug = "none"
INVARIANTS TypeOK Durable FreshRead CompleteIsStored
CHECK_DEADLOCK FALSE
`, text)
	w, err = s.Lookup("az-plus-one-stale-reader")
	require.NoError(t, err)
	text, err = s.Config(w.Constants)
	require.NoError(t, err)
	require.Contains(t, text, "Steady = {s1, s2, s3, s4}\n  Zone = {z1, z2}\n  Doubtful = {}\n")
	require.Contains(t, text, "StaleReads = TRUE\n")
	require.Contains(t, text, "SYMMETRY Symmetry\n")
}

// What a table of worlds must not be.
func TestTablesThatAreRefused(t *testing.T) {
	for tsv, want := range map[string]string{
		"name\tsteady\nx": "line 1 is",
		"name\tsteady\tdoubtful\tdistinct\tgenerated\tverdict\nx\t1\t0\t1\t1\tpass": "line 2: world: zone + doubtful is 0",
	} {
		_, err := worldsOf(tsv)
		require.ErrorContains(t, err, want)
	}
}
