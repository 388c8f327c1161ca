package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// A tally goes up to 9 in steps of one and two. Each part of the model can be made to panic at 4.
type tally struct{ N uint8 }

type faulty struct{ move, must, reach, show, same, progress, start bool }

func (f faulty) model() check.Model {
	at := func(wanted bool, n uint8) {
		if wanted && n == 4 {
			var none []int
			none[n]++
		}
	}
	add := func(by uint8) func(s tally, yield func(tally, ...int)) {
		return func(s tally, yield func(tally, ...int)) {
			at(f.move && by == 2, s.N)
			if s.N+by <= 9 {
				yield(tally{s.N + by}, int(by))
			}
		}
	}
	p := check.Plain[tally]{
		Title: "tally", Constants: struct{}{},
		Moves: []check.Move[tally]{{Name: "Add", Next: add(1)}, {Name: "Leap", Next: add(2)}},
		Must:  []check.Must[tally]{{Name: "Small", Guarantee: "n stays below 9", Holds: func(s tally) bool { at(f.must, s.N); return s.N < 9 }}},
		Reach: []check.Must[tally]{{Name: "Eight", Guarantee: "n can be 8", Holds: func(s tally) bool { at(f.reach, s.N); return s.N == 8 }}},
		Show: func(s tally) []check.Var {
			at(f.show && s.N > 4, 4)
			return []check.Var{{Name: "n", Value: string('0' + rune(s.N))}}
		},
		Same: func(s tally) tally { at(f.same, s.N); return s }, Symmetry: "none",
	}
	if f.start {
		p.Start.N = 4
	}
	if f.progress {
		p.Same = nil
		p.Progress = []check.Leads[tally]{{Name: "Grows", Guarantee: "n becomes 8", To: func(s tally) bool { at(true, s.N); return s.N == 8 }}}
	}
	return p.Model()
}

// A panic of a model is an error that says in which state, and doing what.
func TestPanics(t *testing.T) {
	for name, c := range map[string]struct {
		faulty
		want []string
	}{
		"move":            {faulty{move: true}, []string{"check: model tally panicked while taking Leap, in the state n = 4: runtime error", "panic_test.go"}},
		"move at once":    {faulty{move: true, start: true}, []string{"while taking Leap, in the state n = 4"}},
		"invariant":       {faulty{must: true}, []string{"while evaluating the invariants after Leap(2), in the state n = 2"}},
		"at the start":    {faulty{must: true, start: true}, []string{"while evaluating the invariants at the start, in the state n = 4"}},
		"witness":         {faulty{reach: true}, []string{"while evaluating the witnesses after Leap(2), in the state n = 2"}},
		"symmetry":        {faulty{same: true}, []string{"while encoding the state after Leap(2), in the state n = 2"}},
		"counterexample":  {faulty{show: true}, []string{"while showing the state after "}},
		"progress":        {faulty{progress: true}, []string{"while evaluating the progress properties after Leap(2), in the state n = 2"}},
		"move, progress":  {faulty{progress: true, move: true, start: true}, []string{"while evaluating the progress properties at the start"}},
		"start is broken": {faulty{same: true, start: true}, []string{"while encoding the state at the start, in the state n = 4", "index out of range [4] with length 0"}},
	} {
		for _, workers := range []int{1, 3} {
			t.Run(name, func(t *testing.T) {
				r, err := check.Search(t.Context(), c.model(), check.Options{Workers: workers})
				require.Nil(t, r)
				var panicked *check.PanicError
				require.ErrorAs(t, err, &panicked)
				require.Equal(t, "tally", panicked.Model)
				for _, want := range c.want {
					require.ErrorContains(t, err, want)
				}
			})
		}
	}
	_, err := check.Search(t.Context(), faulty{}.model(), check.Options{})
	require.NoError(t, err)
}

// A model whose moves panic sometimes only is not a function of its state, and that is said.
func TestPanicOnlyOnce(t *testing.T) {
	once := true
	m := check.Plain[tally]{
		Title: "moody", Constants: struct{}{},
		Moves: []check.Move[tally]{{Name: "Add", Next: func(s tally, yield func(tally, ...int)) {
			if once {
				once = false
				panic("not today")
			}
			yield(tally{(s.N + 1) % 3})
		}}},
		Must: []check.Must[tally]{{Name: "Small", Holds: func(s tally) bool { return s.N < 3 }}},
	}.Model()
	_, err := check.Search(t.Context(), m, check.Options{Workers: 1})
	require.ErrorContains(t, err, "model moody panicked while doing what does not panic when it is done again")
	require.ErrorContains(t, err, "not today")
}
