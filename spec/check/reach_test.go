package check_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// counter counts up to a limit, and may be asked to reach what it cannot.
type counter struct{ N uint8 }

func counting(limit uint8, broken bool, reach ...uint8) check.Plain[counter] {
	p := check.Plain[counter]{Title: "counter", Moves: []check.Move[counter]{{Name: "Count", Next: func(s counter, yield func(counter, ...int)) {
		if s.N < limit {
			yield(counter{s.N + 1})
		}
	}}}}
	p.Must = []check.Must[counter]{{Name: "Small", Holds: func(s counter) bool { return !broken || s.N < 3 }}}
	for _, n := range reach {
		p.Reach = append(p.Reach, check.Must[counter]{
			Name: "Reaches" + string('0'+rune(n)), Guarantee: "it counts that far", Holds: func(s counter) bool { return s.N == n },
		})
	}
	return p
}

func TestWitnessesAreMet(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		r, err := check.Run(t.Context(), counting(5, false, 0, 5, 2).Model(), check.Options{Workers: workers})
		require.NoError(t, err)
		require.Equal(t, check.Pass, r.Verdict)
		require.Equal(t, []check.Witness{
			{Name: "Reaches0", Guarantee: "it counts that far", Depth: 1},
			{Name: "Reaches5", Guarantee: "it counts that far", Depth: 6},
			{Name: "Reaches2", Guarantee: "it counts that far", Depth: 3},
		}, r.Witnesses)
		var b strings.Builder
		require.NoError(t, r.WriteText(&b))
		require.Contains(t, b.String(), "witnesses   Reaches0 at depth 1, Reaches5 at depth 6, Reaches2 at depth 3\n")
	}
}

// A completed search that has not met a witness is no pass, and says which one is missing.
func TestWitnessNotMet(t *testing.T) {
	r, err := check.Run(t.Context(), counting(5, false, 4, 6, 7).Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, check.NotReachable, r.Reason)
	require.Equal(t, "Reaches6", r.Invariant)
	require.Equal(t, "it counts that far", r.Guarantee)
	require.Empty(t, r.Trace)
	require.Equal(t, []int{5, 0, 0}, []int{r.Witnesses[0].Depth, r.Witnesses[1].Depth, r.Witnesses[2].Depth})
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	require.Contains(t, b.String(), "violation: Reaches6 is not reachable")
	require.Contains(t, b.String(), "Reaches4 at depth 5, Reaches6 NOT MET, Reaches7 NOT MET")
	require.NotContains(t, b.String(), "counterexample")
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(text), `"witnesses":[{"name":"Reaches4","guarantee":"it counts that far","depth":5}`)
}

// A search that did not end may still meet the witness, and one that found a violation has something worse to say.
func TestWitnessOfASearchThatDidNotEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := check.Run(ctx, counting(5, false, 6).Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Empty(t, r.Invariant)

	r, err = check.Run(t.Context(), counting(5, true, 6).Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, "Small", r.Invariant)
	require.Len(t, r.Trace, 3)
	require.Empty(t, r.Reason)
}

// A model whose machine cannot tell its witnesses is refused.
type unwitnessed struct{ check.Model }

func (unwitnessed) Witnesses() []check.Invariant { return []check.Invariant{{Name: "Never"}} }
func (u unwitnessed) NewMachine() check.Machine  { return struct{ check.Machine }{u.Model.NewMachine()} }

func TestWitnessesNeedAMachineThatTellsThem(t *testing.T) {
	_, err := check.Run(t.Context(), unwitnessed{counting(5, false).Model()}, check.Options{})
	require.EqualError(t, err, "check: model counter names 1 witnesses, but its machine is no WitnessingMachine")
}
