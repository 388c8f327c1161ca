package volume

import (
	"math/rand/v2"
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
	const most = 500
	var worlds []World
	for _, tsv := range []string{tla.Worlds, tla.FurtherWorlds, tla.TraceWorlds, tla.AckWorlds} {
		list, err := worldsOf(tsv)
		require.NoError(t, err)
		for _, w := range list {
			if w.Distinct <= most || slices.Contains([]string{"tiny-sym"}, w.Name) {
				worlds = append(worlds, w.World)
			}
		}
	}
	for _, v := range everyVariant(t) {
		switch w := v.World; w.Bug {
		case "cut-inside-structure", "read-without-full", "decide-unfenced", "append-past-fence", "open-before-repair": // theirs are too large
			w.Replicas, w.WriteQuorum, w.ReadQuorum, w.Tails = 2, 2, 1, w.Tails[:min(1, len(w.Tails))]
			worlds = append(worlds, w)
		case "short-write-quorum", "join-keeps-tail", "undo-restarts", "highest-scl", "allocate-past-lal", "cut-per-group", "structure-inside-mtr", "undo-past-savepoint", "count-at-home":
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
	require.Greater(t, broken, 300)
	require.Greater(t, twins, 2000)
}

// The verdict is the same with and without the reduction, in every world of every module and under every bug; what holds and
// what is found broken is what TLC says. Some worlds are reduced, some to half of their states.
func TestReductionKeepsTheVerdict(t *testing.T) {
	var less, states uint64
	for _, tsv := range []string{tla.Worlds, tla.FurtherWorlds, tla.TraceWorlds, tla.AckWorlds} {
		worlds, err := worldsOf(tsv)
		require.NoError(t, err)
		for _, w := range worlds {
			if w.Distinct > 20_000 || w.unchecked {
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

// overeager declares what is not proved.
type overeager struct {
	*Model
	settles bool
}

func (m overeager) Reduced() (check.Model, bool) { return reducedModel(m), true }

// Where no reduction is proved, the one of the other worlds would be wrong: it is objected to, by the steps that it is wrong about.
func TestReductionIsOffWhereItWouldBeWrong(t *testing.T) {
	overlapping := named(t, "tiny-sym").World
	for _, c := range []struct {
		bug     string
		change  func(*World)
		settles bool // what would be wrong is only what the last epoch's replicas do
		problem string
	}{
		{bug: "append-past-line", problem: "persistent set {Undo(2, t1)} beside Store(2, 1, r1): expected both orders"},
		{bug: "gossip-across-lines", problem: "Gossip(r2, r1, 2): left out; expected another step that leads to the same state"},
		{bug: "amnesia", problem: "persistent set {Advance(1)} beside Store(1, 2, r2): expected the same persistent set after it"},
		{bug: "ack-before-durable", problem: "persistent set {Advance(1)} beside Store(1, 2, r2): expected the same persistent set after it"},
		{bug: "append-past-fence", settles: true, problem: "persistent set {Join(2, r2)} beside Store(1, 1, r2): expected it to be possible after"},
		{bug: "short-write-quorum", settles: true, problem: "persistent set {Store(2, 2, r3)} beside Ack(1, t1): it leads to a violation"},
		{bug: "open-before-repair", settles: true, problem: "persistent set {Store(2, 1, r2)} beside Open(2): it leads to a violation"},
		{change: func(w *World) { w.ReadQuorum = 1 }, settles: true, problem: "persistent set {Store(2, 2, r3)} beside Ack(1, t1): it leads to a violation"},
	} {
		w := overlapping
		w.Bug = c.bug
		if c.change != nil {
			c.change(&w)
		}
		m, err := NewModel(w)
		require.NoError(t, err)
		require.Equal(t, c.settles, m.reducible())
		require.False(t, m.settles())
		_, err = check.VerifyReduction(t.Context(), overeager{m, c.settles}, 1<<14)
		require.ErrorContains(t, err, c.problem, c.bug)
	}
}

// In random worlds, many of them under a random bug, the reduced search alone has the verdict of the whole one.
func TestReductionOfRandomWorlds(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 4))
	passed, broken := 0, 0
	for range 50 {
		w := World{Groups: 1, Replicas: 1 + random.IntN(3), Keys: 1 + random.IntN(2), Txns: 1 + random.IntN(2), MaxLSN: 1 + random.IntN(2),
			MaxEpoch: 2, Aborts: random.IntN(2) == 0, Mtr: random.IntN(4) == 0, Symmetry: true, Rewrites: random.IntN(4) == 0,
			Answers: random.IntN(4) == 0, Structures: random.IntN(4) == 0, RecordAcks: random.IntN(4) == 0, LAL: random.IntN(3)}
		w.WriteQuorum, w.ReadQuorum = 1+random.IntN(w.Replicas), 1+random.IntN(w.Replicas)
		if w.Replicas == 1 {
			w.MaxEpoch, w.MaxLSN = w.MaxEpoch+1, w.MaxLSN+1
		}
		if random.IntN(4) > 0 {
			w.Bug = Bugs()[random.IntN(int(bugs))]
		}
		m, err := NewModel(w)
		if err != nil {
			continue // it contradicts itself, such as a bug of members without members
		}
		less, ok := m.Reduced()
		if !ok {
			continue
		}
		whole, err := check.Run(t.Context(), m, check.Options{Workers: 1, NoReduction: true})
		require.NoError(t, err)
		alone, err := check.Run(t.Context(), less, check.Options{Workers: 1, NoReduction: true})
		require.NoError(t, err)
		require.Equal(t, whole.Verdict, alone.Verdict, "%+v", w)
		if whole.Verdict == check.Pass {
			passed++
		} else {
			broken++
		}
	}
	require.Greater(t, passed, 12)
	require.Greater(t, broken, 5)
}
