// Package mutant is the switch between the mutants of a build. What package mutants changes asks it for each mutant by its number, and
// the environment says which of them is on: none unless FIRSTGAP_MUTANT is set.
//
// It asks only where the answer makes a difference: for the boundary of a comparison where both sides are equal, for a side of an
// && where the side is false. So a mutant that nothing asked for has changed nothing at all, and a run with it is the run without it:
// that is how one run without any tells which mutants it is worth trying on.
//
// Use package mutants instead when an engineer wants mutants: that package makes what calls this one, and copies it into the build.
package mutant

import (
	"cmp"
	"os"
	"slices"
	"strconv"
)

var (
	active, _ = strconv.Atoi(os.Getenv("FIRSTGAP_MUTANT"))
	watching  = os.Getenv("FIRSTGAP_MUTANT") == "0" // already while packages make their variables
	marks     []bool                                // by number
	always    []bool                                // marked before Watch
	watched   bool
)

// Watch begins to note which mutants would have made a difference. Those that did while packages made their variables, in a process that
// was told to have mutant 0, make one in everything that it does.
func Watch() {
	if !watched {
		watched, always = true, marks
		marks = make([]bool, len(always))
	}
	watching = true
}

// Infected returns the numbers, ascending, of the mutants that would have made a difference since the last call.
func Infected() []int {
	var all []int
	for n := range max(len(marks), len(always)) {
		if n < len(marks) && marks[n] || n < len(always) && always[n] {
			all = append(all, n)
		}
	}
	clear(marks)
	return all
}

// note marks a mutant.
func note(n int) bool {
	if n >= len(marks) {
		marks = append(marks, slices.Repeat([]bool{false}, n+1-len(marks))...)
	}
	marks[n] = true
	return n == active
}

// On tells whether mutant n is on, where that makes a difference.
func On(n int) bool { return (watching || n == active) && note(n) }

// Not turns a condition round when mutant n is on.
func Not(n int, cond bool) bool { return cond != On(n) }

// And is a side of an &&, which no longer counts when mutant n is on.
func And(n int, side bool) bool { return side || On(n) }

// Or is a side of an ||, which no longer counts when mutant n is on.
func Or(n int, side bool) bool { return side && !On(n) }

// Less is a < b, and a <= b when mutant n is on.
func Less[T cmp.Ordered](n int, a, b T) bool { return a < b || a == b && On(n) }

// Greater is a > b, and a >= b when mutant n is on.
func Greater[T cmp.Ordered](n int, a, b T) bool { return a > b || a == b && On(n) }

// AtMost is a <= b, and a < b when mutant n is on.
func AtMost[T cmp.Ordered](n int, a, b T) bool { return a < b || a == b && !On(n) }

// AtLeast is a >= b, and a > b when mutant n is on.
func AtLeast[T cmp.Ordered](n int, a, b T) bool { return a > b || a == b && !On(n) }

// Min is the least of some values, and the greatest when mutant n is on.
func Min[T cmp.Ordered](n int, first T, rest ...T) T {
	least, most := extremes(first, rest)
	if least != most && On(n) {
		return most
	}
	return least
}

// Max is the greatest of some values, and the least when mutant n is on.
func Max[T cmp.Ordered](n int, first T, rest ...T) T {
	least, most := extremes(first, rest)
	if least != most && On(n) {
		return least
	}
	return most
}

func extremes[T cmp.Ordered](first T, rest []T) (least, most T) {
	least, most = first, first
	for _, x := range rest {
		least, most = min(least, x), max(most, x)
	}
	return least, most
}

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Plus is a + one, and a when mutant n is on.
func Plus[T integer](n int, a, one T) T {
	if On(n) {
		return a
	}
	return a + one
}

// Minus is a - one, and a when mutant n is on.
func Minus[T integer](n int, a, one T) T {
	if On(n) {
		return a
	}
	return a - one
}
