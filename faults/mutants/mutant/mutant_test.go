package mutant

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// with makes what it is given once without any mutant and once with mutant 3, and returns both and whether it was marked without.
func with[T any](make func() T) (without, on T, infected bool) {
	defer func() { active, watching = 0, false }()
	active, watching = 0, true
	without = make()
	marked := Infected()
	active = 3
	on = make()
	Infected()
	return without, on, len(marked) == 1 && marked[0] == 3
}

// A mutant is marked exactly where it makes a difference: what it says with the mutant is something else. For the rules whose mutants
// always make one that is everywhere.
func TestAMutantIsMarkedWhereItMakesADifference(t *testing.T) {
	for name, of := range map[string]func(a, b int) int{
		"negated":          func(a, b int) int { return number(Not(3, a == b)) },
		"dropped, and":     func(a, b int) int { return number(And(3, a < 2) && true) },
		"dropped, or":      func(a, b int) int { return number(Or(3, a < 2) || false) },
		"less":             func(a, b int) int { return number(Less(3, a, b)) },
		"greater":          func(a, b int) int { return number(Greater(3, a, b)) },
		"at most":          func(a, b int) int { return number(AtMost(3, a, b)) },
		"at least":         func(a, b int) int { return number(AtLeast(3, a, b)) },
		"min":              func(a, b int) int { return Min(3, a, b, 2) },
		"max":              func(a, b int) int { return Max(3, a, b, 2) },
		"plus":             func(a, b int) int { return Plus(3, a, 1) },
		"minus":            func(a, b int) int { return Minus(3, a, 1) },
		"left out":         func(a, b int) int { return number(!On(3)) },
		"another's number": func(a, b int) int { return Plus(4, a, 1) },
	} {
		marked := 0
		for a := range 4 {
			for b := range 4 {
				without, on, infected := with(func() int { return of(a, b) })
				require.Equal(t, without != on, infected, "%s of %d and %d", name, a, b)
				if infected {
					marked++
				}
			}
		}
		require.Equal(t, name != "another's number", marked > 0, name)
	}
}

func number(is bool) int {
	if is {
		return 1
	}
	return 0
}

// What packages compute once for all is changed in every run.
func TestWhatIsMarkedBeforeAnybodyWatchesIsMarkedForGood(t *testing.T) {
	defer func() { watching, watched, marks, always = false, false, nil, nil }()
	watching, watched = true, false
	On(3)
	Watch()
	On(5)
	require.Equal(t, []int{3, 5}, Infected())
	Watch()
	require.Equal(t, []int{3}, Infected())
}

func TestWhatNobodyWatchesIsNotMarked(t *testing.T) {
	require.False(t, On(5))
	require.Empty(t, Infected())
	watching = true
	defer func() { watching = false }()
	require.False(t, On(5))
	require.False(t, On(2))
	require.Equal(t, []int{2, 5}, Infected(), "ascending")
	require.Empty(t, Infected(), "they are told once")
}
