package check_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// quartet is a model of four counters, each of which only goes up.
type quartet struct{ N [4]uint8 }

func part(i int) string { return string(rune('a' + i)) }

func (c quartet) sum() (n int) {
	for _, x := range c.N {
		n += int(x)
	}
	return n
}

// raise returns a move that raises one counter, when others stand high enough.
func raise(name string, raised, most int, needs map[int]int) check.Move[quartet] {
	m := check.Move[quartet]{Name: name, Reads: []string{part(raised)}, Writes: []string{part(raised)}}
	for i := range 4 {
		if _, ok := needs[i]; ok {
			m.Reads = append(m.Reads, part(i))
		}
	}
	m.Next = func(s quartet, yield func(quartet, ...int)) {
		if int(s.N[raised]) >= most {
			return
		}
		for i, least := range needs {
			if int(s.N[i]) < least {
				return
			}
		}
		s.N[raised]++
		yield(s)
	}
	return m
}

// below returns an invariant about some of the counters.
func below(sum int, of ...int) check.Must[quartet] {
	m := check.Must[quartet]{Name: "Below", Guarantee: "the counters stay low", Reads: []string{}}
	for _, i := range of {
		m.Reads = append(m.Reads, part(i))
	}
	m.Holds = func(s quartet) bool {
		n := 0
		for _, i := range of {
			n += int(s.N[i])
		}
		return n < sum
	}
	return m
}

func plainOf(moves []check.Move[quartet], must ...check.Must[quartet]) check.Plain[quartet] {
	return check.Plain[quartet]{Title: "counters", Constants: struct{}{}, Moves: moves, Must: must, Rises: quartet.sum}
}

func reducible(t *testing.T, p check.Plain[quartet]) check.Reducible {
	m, ok := p.Model().(check.Reducible)
	require.True(t, ok)
	return m
}

// Counters that have nothing to do with each other are raised one after the other: where a search of all steps finds the product
// of their ranges, this one finds little more than their sum. The receipt says so.
func TestReductionByFootprints(t *testing.T) {
	p := plainOf([]check.Move[quartet]{raise("A", 0, 5, nil), raise("B", 1, 5, nil), raise("C", 2, 5, nil), raise("D", 3, 5, nil)}, below(6, 0))
	less, err := check.Run(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	whole, err := check.Run(t.Context(), p.Model(), check.Options{NoReduction: true})
	require.NoError(t, err)
	require.Equal(t, check.Pass, less.Verdict)
	require.Equal(t, check.Pass, whole.Verdict)
	require.EqualValues(t, 6*6*6*6, whole.Distinct)
	require.EqualValues(t, 5+5+5+5+1, less.Distinct)
	require.EqualValues(t, 15, less.Narrowed, "of the states in which more than one move is possible")
	require.Zero(t, whole.Narrowed)
	require.Equal(t, []string{"partial order: persistent sets by the footprints of the moves"}, less.Reductions)
	require.Empty(t, whole.Reductions)
	require.Empty(t, less.Actions.Never())
	v, err := check.VerifyReduction(t.Context(), reducible(t, p), 2000)
	require.NoError(t, err)
	require.Equal(t, 6*6*6*6, v.States)
	require.Greater(t, v.Pairs, 3000)
}

// What asks for all states, or for some of the levels, gets those of the model; so do models with situations to be reached, and those
// that do not declare all.
func TestNoReduction(t *testing.T) {
	moves := []check.Move[quartet]{raise("A", 0, 3, nil), raise("B", 1, 3, nil)}
	p := plainOf(moves, below(9, 0))
	for name, c := range map[string]struct {
		options check.Options
		change  func(*check.Plain[quartet])
	}{
		"asked for": {options: check.Options{NoReduction: true}},
		"depth":     {options: check.Options{Depth: 99}},
		"states":    {options: check.Options{States: 9999}},
		"visit":     {options: check.Options{Visit: func(uint64) {}}},
		"reach":     {change: func(p *check.Plain[quartet]) { p.Reach = []check.Must[quartet]{below(9, 0)} }},
		"within":    {change: func(p *check.Plain[quartet]) { p.Within = func(quartet) bool { return true } }},
		"rises":     {change: func(p *check.Plain[quartet]) { p.Rises = nil }},
		"must":      {change: func(p *check.Plain[quartet]) { p.Must[0].Reads = nil }},
		"reads":     {change: func(p *check.Plain[quartet]) { p.Moves[1].Reads = nil }},
		"writes":    {change: func(p *check.Plain[quartet]) { p.Moves[1].Writes = nil }},
	} {
		q := p
		q.Moves, q.Must = slices.Clone(p.Moves), slices.Clone(p.Must)
		if c.change != nil {
			c.change(&q)
		}
		r, err := check.Run(t.Context(), q.Model(), c.options)
		require.NoError(t, err, name)
		require.EqualValues(t, 16, r.Distinct, name)
		require.Zero(t, r.Narrowed, name)
	}
}

// A declaration that is wrong is objected to by name. Each of these leaves out one part of a footprint.
func TestVerifyReductionObjects(t *testing.T) {
	for name, c := range map[string]struct {
		plain   func() check.Plain[quartet]
		problem string
	}{
		"a move reads what another writes": {func() check.Plain[quartet] {
			leap := check.Move[quartet]{Name: "C", Reads: []string{"b"}, Writes: []string{"b"}, Next: func(s quartet, yield func(quartet, ...int)) {
				if s.N[0] > 0 && s.N[1] == 0 {
					s.N[1] = 2
					yield(s)
				}
			}}
			return plainOf([]check.Move[quartet]{raise("A", 0, 1, nil), raise("B", 1, 1, nil), leap}, below(9, 2))
		}, "persistent set {B()} beside A(): expected the same persistent set after it, found it not declared there"},
		"a move is made impossible": {func() check.Plain[quartet] {
			only := check.Move[quartet]{Name: "B", Reads: []string{"b"}, Writes: []string{"b"}, Next: func(s quartet, yield func(quartet, ...int)) {
				if s.N[0] == 0 && s.N[1] == 0 {
					s.N[1] = 1
					yield(s)
				}
			}}
			return plainOf([]check.Move[quartet]{raise("A", 0, 1, nil), only}, below(9, 2))
		}, "expected it to be possible after A(), or a step to the same state, found none"},
		"both orders differ": {func() check.Plain[quartet] {
			copied := check.Move[quartet]{Name: "B", Reads: []string{"b"}, Writes: []string{"b"}, Next: func(s quartet, yield func(quartet, ...int)) {
				if s.N[1] == 0 {
					s.N[1] = s.N[0] + 1
					yield(s)
				}
			}}
			return plainOf([]check.Move[quartet]{raise("A", 0, 1, nil), copied}, below(9, 2))
		}, "to lead to the same state, found two states"},
		"an invariant reads what a move writes": {func() check.Plain[quartet] {
			must := check.Must[quartet]{Name: "Together", Guarantee: "a is not behind b", Reads: []string{"b"},
				Holds: func(s quartet) bool { return s.N[1] <= s.N[0] }}
			return plainOf([]check.Move[quartet]{raise("A", 0, 1, nil), raise("B", 1, 1, nil)}, must)
		}, "persistent set {A()} beside B(): it leads to a violation; expected a step to lead to one after a step of the set, too, found none"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := check.VerifyReduction(t.Context(), reducible(t, c.plain()), 2000)
			var wrong *check.ReductionError
			require.ErrorAs(t, err, &wrong)
			require.ErrorContains(t, err, c.problem)
			require.NotEmpty(t, wrong.State)
			require.NotEmpty(t, wrong.Set)
		})
	}
	p := plainOf([]check.Move[quartet]{raise("A", 0, 9, nil)}, below(99, 1))
	_, err := check.VerifyReduction(t.Context(), reducible(t, p), 5)
	require.ErrorContains(t, err, "model counters has more than 5 states")
	p.Rises = nil
	_, err = check.VerifyReduction(t.Context(), reducible(t, p), 5)
	require.ErrorContains(t, err, "expected a reduction of this world, found none")
	p.Rises = func(quartet) int { return 0 }
	_, err = check.Run(t.Context(), p.Model(), check.Options{})
	var panicked *check.PanicError
	require.ErrorAs(t, err, &panicked)
	require.ErrorContains(t, err, "move A() leads from 0 to 0 by Rises; expected a larger number")
}

// In random models with declared footprints the verdict is the same with and without, and what is declared is so. About half of
// them have a violation. The counterexample is a shortest one in any case.
func TestReductionOfRandomModels(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 2))
	broken, fewer := 0, 0
	for n := range 150 {
		var moves []check.Move[quartet]
		for i := range 3 + random.IntN(4) {
			needs := map[int]int{}
			for range random.IntN(3) {
				needs[random.IntN(4)] = random.IntN(3)
			}
			moves = append(moves, raise(fmt.Sprint("M", i), random.IntN(4), 1+random.IntN(3), needs))
		}
		must := below(2+random.IntN(4), random.IntN(4), random.IntN(4))
		if random.IntN(2) == 0 { // an invariant that a move can make true again
			a, b, ahead := random.IntN(4), random.IntN(4), random.IntN(3)
			must = check.Must[quartet]{Name: "Near", Guarantee: "one is not far ahead of the other", Reads: []string{part(a), part(b)},
				Holds: func(s quartet) bool { return int(s.N[a]) <= int(s.N[b])+ahead }}
		}
		p := plainOf(moves, must)
		_, err := check.VerifyReduction(t.Context(), reducible(t, p), 2000)
		require.NoError(t, err, "model %d", n)
		less, err := check.Run(t.Context(), p.Model(), check.Options{Workers: 1})
		require.NoError(t, err)
		whole, err := check.Run(t.Context(), p.Model(), check.Options{Workers: 1, NoReduction: true})
		require.NoError(t, err)
		require.Equal(t, whole.Verdict, less.Verdict, "model %d", n)
		require.Equal(t, whole.Trace, less.Trace, "model %d", n)
		if whole.Verdict == check.Violation {
			broken++
		}
		if less.Distinct < whole.Distinct {
			fewer++
		}
	}
	require.Greater(t, broken, 40)
	require.Greater(t, fewer, 30)
}

// unreal is a model whose reduction takes a step that it does not have.
type unreal struct{ check.Model }

func (m unreal) Reduced() (check.Model, bool) {
	return plainOf([]check.Move[quartet]{raise("A", 0, 5, nil)}, below(3, 0)).Model(), true
}

// A reduction that invents a violation is found out by the search of all steps.
func TestUnrealViolation(t *testing.T) {
	_, err := check.Run(t.Context(), unreal{plainOf([]check.Move[quartet]{raise("A", 0, 2, nil)}, below(3, 0)).Model()}, check.Options{})
	require.ErrorContains(t, err, "under its reduction Below does not hold after 3 steps; expected to find a violation without the reduction, found none")
	_, err = check.VerifyReduction(t.Context(), unreal{plainOf([]check.Move[quartet]{raise("A", 0, 2, nil)}, below(3, 0)).Model()}, 99)
	require.ErrorContains(t, err, "expected a ReducedMachine, found another")
}
