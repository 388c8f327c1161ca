package volume

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/tla"
)

// everyVariant returns the broken variants of all modules.
func everyVariant(t *testing.T) []BrokenVariant {
	var all []BrokenVariant
	for _, of := range []func() ([]BrokenVariant, error){BrokenVariants, AckVariants, TraceVariants} {
		list, err := of()
		require.NoError(t, err)
		all = append(all, list...)
	}
	return all
}

// What the reduction declares is so in every state of the worlds that are small enough for it, those past the violation of a
// broken variant included: there are sets for every bug under which it is on, and for most a violation beside a set.
func TestReductionIsAsDeclared(t *testing.T) {
	const most = 1000
	var worlds []World
	for _, tsv := range []string{tla.Worlds, tla.FurtherWorlds, tla.TraceWorlds, tla.AckWorlds} {
		list, err := worldsOf(tsv)
		require.NoError(t, err)
		for _, w := range list {
			if w.Distinct <= most || slices.Contains([]string{"tiny-sym", "six-short"}, w.Name) {
				worlds = append(worlds, w.World)
			}
		}
	}
	for _, v := range everyVariant(t) {
		switch w := v.World; w.Bug {
		case "cut-inside-structure", "read-without-full": // those of their own are too large
			w.Replicas, w.WriteQuorum, w.ReadQuorum, w.Tails = 2, 2, 1, w.Tails[:min(1, len(w.Tails))]
			worlds = append(worlds, w)
		case "short-write-quorum", "short-read-quorum", "append-past-fence", "open-before-repair", "join-keeps-tail", "undo-restarts",
			"decide-unfenced", "highest-scl", "allocate-past-lal", "cut-per-group", "structure-inside-mtr", "undo-past-savepoint", "count-at-home":
			worlds = append(worlds, w)
		}
	}
	sets, broken, twins := map[string]int{}, 0, 0
	for _, w := range worlds {
		m, err := NewModel(w)
		require.NoError(t, err)
		if !m.reducible() {
			continue
		}
		v, err := check.VerifyReduction(t.Context(), m, 1<<13)
		require.NoError(t, err, "%+v", w)
		require.Positive(t, v.Pairs)
		sets[m.world.Bug] += v.Sets
		broken += v.Broken
		twins += v.Twins
	}
	for b := none; b < bugs; b++ {
		m := Model{world: World{Members: 1}, bug: b}
		ofMembers := b >= directSwap && b <= growUnseen && b != countSettledAlone
		if m.reducible() && !ofMembers && b != countSettledAlone {
			require.Positive(t, sets[b.String()], "of %s", b)
		}
	}
	require.Greater(t, broken, 500)
	require.Greater(t, twins, 5000)
}

// The verdict is the same with and without the reduction, in every world of every module and under every bug; what holds and
// what is found broken is what TLC says. Some worlds are reduced, some to half of their states.
func TestReductionKeepsTheVerdict(t *testing.T) {
	var less, states uint64
	for _, tsv := range []string{tla.Worlds, tla.FurtherWorlds, tla.TraceWorlds, tla.AckWorlds} {
		worlds, err := worldsOf(tsv)
		require.NoError(t, err)
		for _, w := range worlds {
			if w.Distinct > 40_000 || w.unchecked {
				continue
			}
			m, err := NewModel(w.World)
			require.NoError(t, err)
			r, err := check.Run(t.Context(), m, check.Options{})
			require.NoError(t, err)
			require.Equal(t, check.Pass, r.Verdict, w.Name)
			require.LessOrEqual(t, r.Distinct, w.Distinct)
			require.Equal(t, m.reducible(), r.Distinct < w.Distinct, w.Name)
			require.Equal(t, m.reducible(), r.Narrowed > 0, w.Name)
			less += r.Distinct
			states += w.Distinct
		}
	}
	require.Less(t, less, states/10*9)
}

// Each broken variant is caught by the reduced search alone, too; its counterexample is a behaviour of the model, and ends where
// an invariant does not hold. What Run returns is the same with and without: it looks for a shortest one.
func TestReductionCatchesBrokenVariants(t *testing.T) {
	for _, v := range everyVariant(t) {
		t.Run(v.World.Bug, func(t *testing.T) {
			m, err := NewModel(v.World)
			require.NoError(t, err)
			reduced, ok := m.Reduced()
			require.Equal(t, m.reducible(), ok)
			if !ok {
				t.Logf("no reduction is proved for %s", v.World.Bug) // the test of the variants searches it whole
				return
			}
			r, err := check.Run(t.Context(), reduced, check.Options{Workers: 1, NoReduction: true})
			require.NoError(t, err)
			require.Equal(t, check.Violation, r.Verdict)
			end := follow(t, m, r.Trace)
			require.GreaterOrEqual(t, end.broken(), 0)
			require.Equal(t, r.Invariant, invariants()[end.broken()].Name)
			with, err := check.Run(t.Context(), m, check.Options{Workers: 1})
			require.NoError(t, err)
			without, err := check.Run(t.Context(), m, check.Options{Workers: 1, NoReduction: true})
			require.NoError(t, err)
			require.Equal(t, without.Digest, with.Digest)
			require.Equal(t, without.Trace, with.Trace)
			require.GreaterOrEqual(t, len(r.Trace), len(with.Trace))
		})
	}
}
