package check_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// A die hard puzzle: two jugs, and the wish for four litres in the larger one, which the search shows how to fulfil.
type jugs struct{ Small, Large uint8 }

func puzzle(same func(jugs) jugs) check.Model {
	one := func(name string, next func(jugs) jugs) check.Move[jugs] {
		return check.Move[jugs]{Name: name, Next: func(s jugs, yield func(jugs, ...int)) { yield(next(s)) }}
	}
	return check.Plain[jugs]{
		Title: "jugs", Constants: map[string]int{"small": 3, "large": 5},
		Moves: []check.Move[jugs]{
			one("FillSmall", func(s jugs) jugs { return jugs{3, s.Large} }),
			one("FillLarge", func(s jugs) jugs { return jugs{s.Small, 5} }),
			one("EmptySmall", func(s jugs) jugs { return jugs{0, s.Large} }),
			one("EmptyLarge", func(s jugs) jugs { return jugs{s.Small, 0} }),
			one("Pour", func(s jugs) jugs { n := min(s.Small, 5-s.Large); return jugs{s.Small - n, s.Large + n} }),
			one("PourBack", func(s jugs) jugs { n := min(s.Large, 3-s.Small); return jugs{s.Small + n, s.Large - n} }),
		},
		Must: []check.Must[jugs]{{Name: "NotFour", Guarantee: "the large jug never holds four litres", Holds: func(s jugs) bool { return s.Large != 4 }}},
		Same: same, Symmetry: "none really",
	}.Model()
}

func TestPlain(t *testing.T) {
	for workers := 1; workers <= 4; workers++ {
		r, err := check.Run(context.Background(), puzzle(nil), check.Options{Workers: workers})
		require.NoError(t, err)
		require.Equal(t, check.Violation, r.Verdict)
		require.Equal(t, "NotFour", r.Invariant)
		var steps []string
		for _, s := range r.Trace {
			steps = append(steps, s.Action)
		}
		require.Equal(t, []string{"FillLarge()", "PourBack()", "EmptySmall()", "PourBack()", "FillLarge()", "PourBack()"}, steps)
	}
}

// Same makes one state of those that are interchangeable; the receipt says so.
func TestPlainReduction(t *testing.T) {
	m := puzzle(func(s jugs) jugs { return s })
	require.Equal(t, []string{"none really"}, m.Reductions())
	require.Empty(t, puzzle(nil).Reductions())
	machine := m.NewMachine()
	var names []string
	machine.Next(func(action, times int) bool {
		require.Equal(t, 1, times)
		names = append(names, machine.Step())
		return true
	})
	require.Len(t, names, 6)
	require.True(t, slices.Contains(names, "Pour()"))
	require.Equal(t, []check.Var{{Name: "Small", Value: "0"}, {Name: "Large", Value: "0"}}, machine.Vars())
}

func TestPlainRefusesAStateOfNoFixedSize(t *testing.T) {
	type loose struct{ Words []string }
	require.PanicsWithValue(t, "check: the state of model loose is a check_test.loose; expected a struct of exported fields of fixed size",
		func() { check.Plain[loose]{Title: "loose"}.Model() })
}

func TestReadWorld(t *testing.T) {
	var w struct {
		Nodes int    `json:"nodes"`
		Bug   string `json:"bug,omitempty"`
	}
	require.NoError(t, check.ReadWorld([]byte(`{"nodes": 3}`), &w))
	require.Equal(t, 3, w.Nodes)
	require.EqualError(t, check.ReadWorld([]byte(`{"node": 3, "bugs": ""}`), &w), "world: unknown key bugs, node; known: nodes, bug")
	require.Error(t, check.ReadWorld([]byte(`{"nodes": "three"}`), &w))
	require.Error(t, check.ReadWorld([]byte(`nodes`), &w))
}

func TestLookupListsTheKnownWorlds(t *testing.T) {
	s := check.Subject{Name: "lock", Worlds: []check.World{{Name: "two"}, {Name: "three"}}}
	_, err := s.Lookup("four")
	require.EqualError(t, err, `model lock has no world "four"; known: two, three`)
	w, err := s.Lookup("two")
	require.NoError(t, err)
	require.Equal(t, "two", w.Name)
}
