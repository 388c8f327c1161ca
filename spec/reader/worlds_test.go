package reader

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

func table(t *testing.T) []check.World {
	t.Helper()
	rows, err := check.ReadTable(worldsTSV)
	require.NoError(t, err)
	require.NotEmpty(t, rows)
	return rows
}

func worldNamed(t *testing.T, name string) World {
	t.Helper()
	named, err := Subject().Lookup(name)
	require.NoError(t, err)
	w, err := ParseWorld(named.Constants)
	require.NoError(t, err)
	return w
}

func search(t *testing.T, p check.Plain[State]) *check.Result {
	t.Helper()
	r, err := check.Run(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	return r
}

// Every named world has the verdict that TLC gave it, and as many states, distinct and generated, past every violation. Where
// it passes every action is taken, and every witness met, as far as the world is large enough.
func TestWorldsAsTLCFoundThem(t *testing.T) {
	for _, row := range table(t) {
		t.Run(row.Name, func(t *testing.T) {
			w, err := ParseWorld(row.Constants)
			require.NoError(t, err)
			p := (&model{w}).plain()
			r := search(t, p)
			require.Equal(t, row.Violates, r.Invariant, r.Guarantee)
			if row.Violates != "" {
				require.Equal(t, check.Violation, r.Verdict)
				require.NotEmpty(t, r.Trace)
				p.Must, p.Reach = everyState, nil
				r = search(t, p)
			} else {
				require.Equal(t, tooSmallFor(w), r.Actions.Never())
				require.GreaterOrEqual(t, len(r.Witnesses), 3)
			}
			require.Equal(t, check.Pass, r.Verdict, r.Reason)
			require.Equal(t, row.Distinct, r.Distinct, "distinct states")
			require.Equal(t, row.Generated, r.Generated, "generated states")
			require.Zero(t, r.Left)
		})
	}
}

// tooSmallFor returns the actions that cannot be taken in the world.
func tooSmallFor(w World) []string {
	var never []string
	if w.MaxLSN < 2 {
		never = append(never, "Commit")
	}
	if w.MaxEpoch == 1 {
		never = append(never, "Promote")
	}
	if w.MaxEpoch == 1 || w.Readers == 1 {
		never = append(never, "Follow")
	}
	return never
}

func TestSubjectOffersTheTable(t *testing.T) {
	s := Subject()
	require.Equal(t, "reader", s.Name)
	require.Equal(t, "Reader", s.Module)
	rows := table(t)
	require.Len(t, s.Worlds, len(rows))
	var names []string
	for i, w := range s.Worlds {
		names = append(names, w.Name)
		if w.Violates == "" {
			require.Equal(t, rows[i], w)
		} else {
			require.Zero(t, w.Distinct, w.Name)
			require.Zero(t, w.Generated, w.Name)
		}
		m, err := s.Read(w.Constants)
		require.NoError(t, err, w.Name)
		require.Equal(t, "reader", m.Name())
	}
	slices.Sort(names)
	require.Len(t, slices.Compact(names), len(rows), "a name twice")
}

// Each broken variant has a world in which it is found, and the world would pass but for it. Each invariant but TypeOK is
// the one that some world breaks.
func TestEveryBugAndEveryInvariantHasAWorld(t *testing.T) {
	unfound := Bugs()
	var unbroken []string
	for _, x := range (&model{}).musts() {
		unbroken = append(unbroken, x.Name)
	}
	for _, named := range Subject().Worlds {
		w, err := ParseWorld(named.Constants)
		require.NoError(t, err)
		if named.Violates == "" {
			require.Equal(t, noBug, w.Bug, named.Name)
			continue
		}
		unfound = slices.DeleteFunc(unfound, func(bug string) bool { return bug == w.Bug })
		unbroken = slices.DeleteFunc(unbroken, func(name string) bool { return name == named.Violates })
		if w.Bug != noBug {
			w.Bug = noBug
			p := (&model{w}).plain()
			p.Reach = nil // some of these worlds are too small for anything but their bug
			require.Equal(t, check.Pass, search(t, p).Verdict, named.Name)
		}
	}
	require.Empty(t, unfound, "broken variants that no world finds")
	require.Equal(t, []string{"TypeOK"}, unbroken)
}

// A witness that is not reached is no pass: no query is overtaken where nothing is ever written.
func TestWitnessesObject(t *testing.T) {
	p := (&model{worldNamed(t, "tiny")}).plain()
	p.Moves = slices.DeleteFunc(p.Moves, func(m check.Move[State]) bool { return m.Name == "Tell" })
	r := search(t, p)
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, check.NotReachable, r.Reason)
}

// With and without the symmetry a world has the same verdict, and a violation is as far away.
func TestSymmetryChangesNoVerdict(t *testing.T) {
	for _, name := range []string{"failover", "groups-of-two", "three-readers", "disjoint-quorums", "disjoint-quorums-of-three", "lagging-segment", "promote-forgets-readers", "follow-keeps-tail"} {
		t.Run(name, func(t *testing.T) {
			w := worldNamed(t, name)
			require.True(t, w.Symmetry)
			with := search(t, (&model{w}).plain())
			w.Symmetry = false
			without := search(t, (&model{w}).plain())
			require.NotEmpty(t, with.Reductions)
			require.Empty(t, without.Reductions)
			require.Equal(t, without.Verdict, with.Verdict)
			require.Equal(t, without.Invariant, with.Invariant)
			require.Equal(t, without.Depth, with.Depth)
			require.Len(t, with.Trace, len(without.Trace))
			require.Less(t, with.Distinct, without.Distinct)
		})
	}
}

// The module and the package have the same constants, actions, invariants and broken variants.
func TestModuleSaysTheSame(t *testing.T) {
	text, err := os.ReadFile("../tla/Reader.tla")
	require.NoError(t, err)
	module := string(text)
	all := func(pattern, in string) []string {
		var found []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(in, -1) {
			found = append(found, m[1])
		}
		return found
	}
	bugs := all(`Bug = "([a-z-]+)"`, module)
	slices.Sort(bugs)
	ours := Bugs()
	slices.Sort(ours)
	require.Equal(t, ours, slices.Compact(bugs))

	_, next, _ := strings.Cut(module, "\nStep ==\n")
	next, promises, _ := strings.Cut(next, "\nSpec ==")
	var actions []string
	for _, m := range (&model{World{Leases: true}}).moves() {
		actions = append(actions, m.Name)
	}
	require.Equal(t, actions, all(` : (?:on\[r\] /\\ )?(\w+)\(`, next))

	_, promises, _ = strings.Cut(promises, "\nTypeOK ==")
	var invariants []string
	for _, x := range (&model{}).musts() {
		invariants = append(invariants, x.Name)
	}
	require.Equal(t, invariants, append([]string{"TypeOK"}, all(`(?m)^(\w+) ==$`, promises)...))

	_, constants, _ := strings.Cut(module, "\nCONSTANTS\n")
	constants, _, _ = strings.Cut(constants, "\n\n")
	var declared []string
	for _, line := range strings.Split(constants, "\n") {
		names, _, _ := strings.Cut(line, `\*`)
		declared = append(declared, all(`(\w+)`, names)...)
	}
	config := World{Readers: 1, Members: 1}.config()
	assigned := slices.DeleteFunc(all(`(?m)^  (\w+) = `, config), func(name string) bool { return name == "r1" || name == "m1" })
	require.ElementsMatch(t, declared, assigned)
}

func TestConfig(t *testing.T) {
	config, err := Subject().Config([]byte(`{"groups": 2, "members": 2, "writeQuorum": 2, "readQuorum": 1, "pages": 2, "readers": 2,
		"txns": 1, "maxLSN": 3, "maxEpoch": 2, "mtr": true, "symmetry": true}`))
	require.NoError(t, err)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
  r1 = r1
  r2 = r2
  m1 = m1
  m2 = m2
  Groups = 2
  Member = {m1, m2}
  W = 2
  R = 1
  Pages = 2
  Reader = {r1, r2}
  MaxTxn = 1
  MaxLSN = 3
  MaxEpoch = 2
  Mtr = TRUE
  Leases = FALSE
  Bug = "none"
SYMMETRY Symmetry
INVARIANTS TypeOK NothingUncommitted NoSplit WholeSnapshot NeverBack NeededIsKept NothingLost
CHECK_DEADLOCK FALSE
`, config)
	_, err = Subject().Config([]byte(`{"groups": 9}`))
	require.Error(t, err)
}

// everyState is all that is asked of a world whose states are counted past its violations. It holds in each of them.
var everyState = []check.Must[State]{{Name: "Counted", Guarantee: "every state is counted", Holds: func(State) bool { return true }}}
