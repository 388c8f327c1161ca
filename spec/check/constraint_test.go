package check_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// Two counters without an end. The constraint is that they are 3 together at most, so that there are ten states inside.
type counters struct{ A, B uint8 }

func sum(s counters) int { return int(s.A) + int(s.B) }

func twoCounters(change ...func(*check.Plain[counters])) check.Model {
	p := check.Plain[counters]{
		Title:     "counters",
		Constants: map[string]int{"most": 3},
		Moves: []check.Move[counters]{
			{Name: "A", Next: func(s counters, yield func(counters, ...int)) { yield(counters{s.A + 1, s.B}) }},
			{Name: "B", Next: func(s counters, yield func(counters, ...int)) { yield(counters{s.A, s.B + 1}) }},
		},
		Must:   []check.Must[counters]{{Name: "Near", Guarantee: "one step beyond the constraint at most", Holds: func(s counters) bool { return sum(s) < 5 }}},
		Within: func(s counters) bool { return sum(s) < 4 },
	}
	for _, c := range change {
		c(&p)
	}
	return p.Model()
}

// notFour is an invariant that is broken outside of the constraint only.
func notFour(p *check.Plain[counters]) {
	p.Must = append(p.Must, check.Must[counters]{Name: "NotFour", Guarantee: "neither counter is 4", Holds: func(s counters) bool { return s.A != 4 && s.B != 4 }})
}

// Ten states with two steps each: those from the last four lead outside, and are generated and no more. So TLC counts, too.
func TestConstraintCountsAsTLC(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		r, err := check.Run(t.Context(), twoCounters(), check.Options{Workers: workers})
		require.NoError(t, err)
		require.Equal(t, check.Pass, r.Verdict)
		require.EqualValues(t, 10, r.Distinct)
		require.EqualValues(t, 1+2*10, r.Generated)
		require.Equal(t, 4, r.Depth)
		require.Zero(t, r.Left)
		require.Equal(t, check.ActionCounts{{Action: "A", Times: 10}, {Action: "B", Times: 10}}, r.Actions)
	}
}

// A violation outside is found, though the state is in no set, with the whole way to it: the same one at any number of workers.
func TestConstraintViolationOutside(t *testing.T) {
	digest := ""
	for workers := 1; workers <= 4; workers++ {
		r, err := check.Run(t.Context(), twoCounters(notFour), check.Options{Workers: workers})
		require.NoError(t, err)
		require.Equal(t, check.Violation, r.Verdict)
		require.Equal(t, "NotFour", r.Invariant)
		require.Equal(t, []string{"B()", "B()", "B()", "B()"}, taken(r))
		require.Equal(t, []check.Change{{Var: "B", From: "3", To: "4"}}, r.Trace[3].Changes)
		require.EqualValues(t, 10, r.Distinct)
		if digest == "" {
			digest = r.Digest
		}
		require.Equal(t, digest, r.Digest)
	}
}

// A situation that is met outside only is not met.
func TestConstraintWitnessOutside(t *testing.T) {
	r, err := check.Run(t.Context(), twoCounters(func(p *check.Plain[counters]) {
		p.Reach = []check.Must[counters]{{Name: "Four", Guarantee: "the counters are 4 together", Holds: func(s counters) bool { return sum(s) == 4 }}}
	}), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.NotReachable, r.Reason)
}

// Walks stay inside, look at the steps that lead outside, and find what is broken there.
func TestConstraintInWalks(t *testing.T) {
	r, err := check.Run(t.Context(), twoCounters(), check.Options{Walks: 200})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, r.Verdict)
	require.EqualValues(t, 10, r.Distinct)
	require.EqualValues(t, 1+200*4*2, r.Generated)
	require.Equal(t, 4, r.Depth, "a walk ends where every step leads outside")
	r, err = check.Run(t.Context(), twoCounters(notFour), check.Options{Walks: 200})
	require.NoError(t, err)
	require.Equal(t, "NotFour", r.Invariant)
	require.Len(t, r.Trace, 4)
}

// Progress is decided of what is inside. A behaviour that waits at the edge is unfair to the step that would lead outside; when no
// step is fair, it is one that stops.
func TestConstraintInProgress(t *testing.T) {
	leads := func(fair bool) func(p *check.Plain[counters]) {
		return func(p *check.Plain[counters]) {
			p.Progress = []check.Leads[counters]{{Name: "Fifth", Guarantee: "the counters come to 5", To: func(s counters) bool { return sum(s) == 5 }}}
			if fair {
				p.Fair = func(move string, _ []int) string { return move }
			}
		}
	}
	r, err := check.RunProgress(t.Context(), twoCounters(leads(true)), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Pass, r.Verdict)
	require.EqualValues(t, 10, r.Distinct)
	require.EqualValues(t, 1+2*10, r.Generated)
	r, err = check.RunProgress(t.Context(), twoCounters(leads(false)), check.Options{})
	require.NoError(t, err)
	require.Equal(t, "Fifth", r.Invariant)
	require.True(t, r.Lasso.Stutters)
	r, err = check.RunProgress(t.Context(), twoCounters(leads(true), notFour), check.Options{})
	require.NoError(t, err)
	require.Equal(t, "NotFour", r.Invariant)
	require.Len(t, r.Trace, 4)
}

// A drawing, and a behaviour chosen at random, have no state outside but one that breaks an invariant.
func TestConstraintInBehaviours(t *testing.T) {
	for _, c := range []struct {
		m      check.Model
		states int
	}{{twoCounters(), 10}, {twoCounters(notFour), 12}} {
		var b bytes.Buffer
		require.NoError(t, check.WriteGraph(t.Context(), c.m, 0, &b))
		require.Equal(t, c.states, strings.Count(b.String(), "A = "))
	}
	for seed := range uint64(20) {
		b, err := check.RandomBehaviour(twoCounters(), seed, 10)
		require.NoError(t, err)
		require.Len(t, b.Steps, 3)
	}
}

func TestConstraintRefusals(t *testing.T) {
	nothing := twoCounters(func(p *check.Plain[counters]) { p.Within = func(counters) bool { return false } })
	want := "check: the initial state of model counters is outside its state constraint; expected it inside"
	for _, walks := range []int{0, 1} {
		_, err := check.Run(t.Context(), nothing, check.Options{Walks: walks})
		require.EqualError(t, err, want)
	}
	_, err := check.RunProgress(t.Context(), twoCounters(func(p *check.Plain[counters]) {
		p.Within = func(counters) bool { return false }
		p.Progress = []check.Leads[counters]{{Name: "Any", Guarantee: "any", To: func(counters) bool { return true }}}
	}), check.Options{})
	require.EqualError(t, err, want)
	asked := 0
	_, err = check.Run(t.Context(), twoCounters(func(p *check.Plain[counters]) {
		p.Within = func(counters) bool { asked++; return asked != 2 }
	}), check.Options{Workers: 1})
	var refused *check.NotDeterministicError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Expected, "outside the state constraint")
}

func taken(r *check.Result) (names []string) {
	for _, s := range r.Trace {
		names = append(names, s.Action)
	}
	return names
}

// What walks saw is held against what is inside: of the 20 steps the 8 that lead outside are no transitions.
func TestConstraintBoundsWhatWalksCanSee(t *testing.T) {
	r, err := check.Run(t.Context(), twoCounters(), check.Options{Walks: 100, Seed: 1, Enumerate: check.Enumeration{States: 10}})
	require.NoError(t, err)
	require.Equal(t, "100 % of 10 states and 100 % of 12 transitions (20 steps)", r.Thoroughness.String())
}
