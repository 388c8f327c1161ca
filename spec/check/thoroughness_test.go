package check

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shares returns how much walks saw of an enumerated world: states, of how many, transitions, of how many, steps.
func shares(t *testing.T, m Model, o Options) (*Result, [5]uint64) {
	t.Helper()
	o.Enumerate.States = 1_000_000
	r, err := Run(t.Context(), m, o)
	require.NoError(t, err)
	th := r.Thoroughness
	require.Empty(t, th.Unknown)
	require.EqualValues(t, o.Walks, th.Behaviours)
	require.Equal(t, r.Distinct, th.States, "the states counted are those on the walks")
	require.InDelta(t, float64(th.States)/float64(th.OfStates), *th.StatesShare, 1e-12)
	require.InDelta(t, float64(th.Transitions)/float64(th.OfTransitions), *th.TransitionsShare, 1e-12)
	require.False(t, th.Exhausted)
	return r, [5]uint64{th.States, th.OfStates, th.Transitions, th.OfTransitions, th.OfSteps}
}

func text(t *testing.T, r *Result) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	return b.String()
}

// A cube of 3 × 3 × 3 points has 27 states, and 18 transitions along each axis.
func TestWalksSayTheirShare(t *testing.T) {
	cube := grid{size: 2, limit: 1000}
	r, found := shares(t, cube, Options{Walks: 1, Depth: 3, Seed: 1})
	require.Equal(t, [5]uint64{3, 27, 2, 54, 54}, found)
	require.Contains(t, text(t, r), "\nsaw         11.1 % of 27 states and 3.7 % of 54 transitions (54 steps)\n")
	require.NotContains(t, text(t, r), "unseen")

	_, found = shares(t, cube, Options{Walks: 1, Seed: 1})
	require.Equal(t, [5]uint64{7, 27, 6, 54, 54}, found, "from one corner to the other")

	r, found = shares(t, cube, Options{Walks: 500, Seed: 1})
	require.Equal(t, [5]uint64{27, 27, 54, 54, 54}, found)
	require.Equal(t, Incomplete, r.Verdict, "which walks cannot know")
	require.Contains(t, text(t, r), "\nsaw         100 % of 27 states and 100 % of 54 transitions (54 steps)\n")
	require.Zero(t, *r.Thoroughness.Unseen)

	for _, workers := range []int{1, 3} {
		again, found := shares(t, cube, Options{Walks: 20, Seed: 5, Workers: workers})
		require.Equal(t, [5]uint64{23, 27, 41, 54, 54}, found, "at %d workers", workers)
		require.InDelta(t, 12.0/120, *again.Thoroughness.Unseen, 1e-9)
	}
}

// Each way of pouring back is counted twice as a step, and once as a transition.
func TestTransitionsAreNotSteps(t *testing.T) {
	all, err := Run(t.Context(), jugs{}, Options{})
	require.NoError(t, err)
	type edge struct {
		from, to string
		action   int
	}
	states, edges := map[string]bool{}, map[edge]bool{}
	m := jugs{}.NewMachine()
	m.Init()
	queue := []string{string(m.Encode(nil))}
	for i := 0; i < len(queue); i++ {
		if states[queue[i]] {
			continue
		}
		states[queue[i]] = true
		require.NoError(t, m.Load([]byte(queue[i])))
		m.Next(func(action, _ int) bool {
			to := string(m.Encode(nil))
			edges[edge{queue[i], to, action}] = true
			queue = append(queue, to)
			return true
		})
	}
	r, found := shares(t, jugs{}, Options{Walks: 300, Seed: 1})
	require.EqualValues(t, len(states), found[1])
	require.EqualValues(t, len(edges), found[3])
	require.Equal(t, all.Distinct, found[1])
	require.Equal(t, all.Generated-1, found[4])
	require.Less(t, found[3], found[4])
	require.EqualValues(t, 76, r.Thoroughness.Transitions, "of 94: that the big jug holds 4 is rare")
}

// Walks end where an invariant breaks, and so does the world that they are held against.
func TestABrokenStateIsNotGoneOnFrom(t *testing.T) {
	r, found := shares(t, grid{size: 9, limit: 2}, Options{Walks: 64, Seed: 1})
	require.Equal(t, Violation, r.Verdict)
	require.Equal(t, "Near", r.Invariant)
	require.EqualValues(t, 1+3+6+10, found[1], "the last ten break it")
	require.EqualValues(t, 3*(1+3+6), found[3])
	require.Contains(t, text(t, r), "% of 20 states and ")
}

func TestWhyADenominatorIsUnknown(t *testing.T) {
	large := grid{size: 59, limit: 1000}
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	for want, c := range map[string]struct {
		ctx   context.Context
		limit Enumeration
	}{
		"the world has more than 1,000 states":       {t.Context(), Enumeration{States: 1000}},
		"the world was not enumerated":               {t.Context(), Enumeration{}},
		"the enumeration came to no end in 1ns":      {t.Context(), Enumeration{States: 1 << 20, For: 1}},
		"the enumeration was interrupted: enough":    {cancelled, Enumeration{States: 1 << 20}},
		"more than 5 transitions were taken, too ma": {t.Context(), Enumeration{States: 1 << 20}},
	} {
		var seen Seen
		if strings.HasPrefix(want, "more than") {
			seen.most = 5
		}
		for range 2 {
			seen.Add(walked(large, 0, 1, 2, 0, 1, 2))
		}
		th, err := seen.Of(c.ctx, large, c.limit)
		require.NoError(t, err)
		require.Contains(t, th.Unknown, want)
		require.Nil(t, th.StatesShare)
		require.Nil(t, th.TransitionsShare)
		require.Zero(t, th.OfStates+th.OfTransitions+th.OfSteps)
		require.Contains(t, th.String(), "unknown")
		require.Contains(t, th.String(), want)
		require.NotContains(t, th.String(), "%")
	}
	r, err := Run(t.Context(), large, Options{Walks: 3, Depth: 10, Seed: 1, Enumerate: Enumeration{States: 1000}})
	require.NoError(t, err)
	require.Contains(t, text(t, r), "\nsaw         27 states and 26 transitions, of unknown numbers: the world has more than 1,000 states\n"+
		"unseen      about 92.6 % of another walk's transitions (Good and Turing: so many of these walks' transitions were in one walk alone)\n")
	marshalled, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(marshalled), `"thoroughness":{"states":27,"ofStates":0,"ofSteps":0,"unknown":"the world has more than 1,000 states","exhausted":false,`+
		`"transitions":26,"statesShare":null,"transitionsShare":null,"behaviours":3,"unseen":0.9259259259259259}`)

	_, err = Run(t.Context(), large, Options{Enumerate: Enumeration{States: -1}})
	require.EqualError(t, err, "check: option Enumerate.States is -1; expected no negative number")
}

// walked is a trace of the grid along the axes given.
func walked(g grid, axes ...int) *Trail {
	m := g.NewMachine().(*gridMachine)
	m.Init()
	var trail Trail
	trail.Begin(m.Encode(nil))
	for _, axis := range axes {
		m.at[axis]++
		trail.Step(axis, m.Encode(nil))
	}
	return &trail
}

// Traces are counted as walks are. Of 8 pairs of a trace and a transition, two are of a transition that one trace took.
func TestTracesSayTheirShare(t *testing.T) {
	var seen Seen
	cube := grid{size: 2, limit: 1000}
	seen.Add(walked(cube, 0, 1))
	seen.Add(walked(cube, 0, 1, 2))
	seen.Add(walked(cube, 0, 1, 0))
	th, err := seen.Of(t.Context(), cube, Enumeration{States: 27})
	require.NoError(t, err)
	require.EqualValues(t, 3, th.Behaviours)
	require.Equal(t, [4]uint64{5, 27, 4, 54}, [4]uint64{th.States, th.OfStates, th.Transitions, th.OfTransitions})
	require.InDelta(t, 0.25, *th.Unseen, 1e-12)
	require.Equal(t, "18.5 % of 27 states and 7.4 % of 54 transitions (54 steps)", th.String())

	th, err = new(Seen).Of(t.Context(), cube, Enumeration{States: 27})
	require.NoError(t, err)
	require.Nil(t, th.Unseen, "no trace is no sample")
	require.Equal(t, "0.0 % of 27 states and 0.0 % of 54 transitions (54 steps)", th.String())
}

// What was counted and is not there is no share of it: a counter that lies is named.
func TestACounterThatLiesIsNoticed(t *testing.T) {
	cube := grid{size: 2, limit: 1000}
	for want, lie := range map[string]*Trail{
		"check: behaviours of model grid came through 7 different states, of which its enumeration has 3; expected all of them there":      walked(cube, 0, 0, 0, 0, 0, 0),
		"check: behaviours of model grid came through 1 different transitions, of which its enumeration has 0; expected all of them there": mislabelled(cube),
	} {
		var seen Seen
		seen.Add(lie)
		_, err := seen.Of(t.Context(), cube, Enumeration{States: 100})
		require.EqualError(t, err, want)
		require.ErrorAs(t, err, new(*CountError))
	}
}

// mislabelled is a step along one axis by the action of another.
func mislabelled(g grid) *Trail {
	m := g.NewMachine().(*gridMachine)
	m.Init()
	var trail Trail
	trail.Begin(m.Encode(nil))
	m.at[0]++
	trail.Step(1, m.Encode(nil))
	return &trail
}

// A search that came to its end saw all; any other says why it cannot know.
func TestSearchesSayTheirShare(t *testing.T) {
	cube := grid{size: 2, limit: 1000}
	r, err := Run(t.Context(), cube, Options{})
	require.NoError(t, err)
	require.Contains(t, text(t, r), "\nsaw         100 % of 27 states, and all 54 steps from them\n")
	marshalled, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(marshalled), `"thoroughness":{"states":27,"ofStates":27,"ofSteps":54,"exhausted":true,"statesShare":1,"transitionsShare":1}`)

	r, err = Run(t.Context(), grid{size: 2, limit: 3}, Options{})
	require.NoError(t, err)
	require.Contains(t, text(t, r), "\nsaw         23 states of an unknown number: the search stopped at a violation\n")
	require.Nil(t, r.Thoroughness.StatesShare)

	r, err = Run(t.Context(), cube, Options{Depth: 3})
	require.NoError(t, err)
	require.Contains(t, text(t, r), "\nsaw         10 states of an unknown number: the search did not come to its end: the depth limit of 3 levels ran out\n")
	require.Nil(t, r.Thoroughness.StatesShare)

	before := r.Digest
	r, err = Run(t.Context(), cube, Options{Depth: 3, Workers: 1, For: time.Hour})
	require.NoError(t, err)
	require.Equal(t, before, r.Digest)
}

// All but one is not all, and one is not none.
func TestSharesAreRoundedDown(t *testing.T) {
	for want, of := range map[string][2]uint64{
		"100 %":           {7, 7},
		"99.9 %":          {999_999, 1_000_000},
		"less than 0.1 %": {1, 1_000_000},
		"0.0 %":           {0, 3},
		"66.6 %":          {2, 3},
		"0.1 %":           {1, 1000},
	} {
		require.Equal(t, want, percent(of[0], of[1]))
	}
}
