package aurora

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/impl/node"
)

// Each scene takes effect in some of the first runs whose plan has it, and none does in a run whose plan lacks it.
func TestScenesTakeEffect(t *testing.T) {
	const tries = 30
	left := map[faults.Scene]int{}
	for _, s := range faults.Scenes() {
		left[s] = tries
	}
	for seed := uint64(1); len(left) > 0; seed++ {
		c := generated(t, seed)
		wanted := map[faults.Scene]bool{}
		if length(seed) == 1 { // not a run of many times the length
			for _, s := range c.Plan.Has(c.Topology()) {
				if _, wants := left[s]; wants {
					wanted[s] = true
				}
			}
		}
		if len(wanted) == 0 {
			continue
		}
		r := harness.Run(System(), c.Whole())
		planned, took := tally.Index(&r.Counts.Scenes), tally.Index(&r.Counts.Scenes.Took)
		for _, s := range faults.Scenes() {
			require.LessOrEqual(t, *took[string(s)], *planned[string(s)], "%s, seed %d", s, seed)
			if *took[string(s)] > 0 {
				delete(left, s)
			} else if wanted[s] {
				left[s]--
				require.Positive(t, left[s], "%s took effect in none of %d runs", s, tries)
			}
		}
	}
}

// A shape takes effect in runs that were made for it. A run that only came to the same is none of them: counted, it had more runs be
// long, as firstgap faults told it, than there were long ones.
func TestAShapeTakesEffectWhereItWasMeant(t *testing.T) {
	both := &watch{records: make([]*node.Record, long+1)}
	both.scenes.InnerMerges = 2
	seeds := map[[2]bool]uint64{} // the first seed that is tall, and long
	for seed := uint64(1); len(seeds) < 3; seed++ {
		if is := [2]bool{tall(seed), length(seed) > 1}; seeds[is] == 0 {
			seeds[is] = seed
		}
	}
	require.Empty(t, shaped(seeds[[2]bool{}], both))
	require.Equal(t, []string{"tall-tree"}, shaped(seeds[[2]bool{true, false}], both))
	require.Equal(t, []string{"tall-tree", "long-run"}, shaped(seeds[[2]bool{true, true}], both))
	require.Empty(t, shaped(seeds[[2]bool{true, true}], &watch{records: make([]*node.Record, long)}))

	var scenes counts.Scenes
	for _, s := range shapes() {
		require.NotNil(t, tally.Index(&scenes)["took."+s.name], s.name)
	}
}

// So do a run's counts: with a tall tree, one of the usual length may log as much as a long one.
func TestARunThatIsLongByChanceIsNoLongRun(t *testing.T) {
	const tries = 100
	left := tries
	for seed := uint64(1); ; seed++ {
		if !tall(seed) || length(seed) > 1 {
			continue
		}
		left--
		require.NotZero(t, left, "none of %d runs with a tall tree logged more than %d records", tries, long)
		c := harness.Run(System(), generated(t, seed).Whole()).Counts.Scenes
		require.Zero(t, c.Took.LongRun, "seed %d", seed)
		require.Equal(t, min(1, c.InnerMerges), c.Took.TallTree, "seed %d", seed)
		if c.Long > 0 {
			return
		}
	}
}

// A fault of the register takes effect where it is on while a writer waits for its epoch.
func TestARegisterIsAskedWhileItIsAway(t *testing.T) {
	x := effects{starts: []node.Time{0, 100, 200}}
	for e, at := range map[node.Epoch]node.Time{1: 5, 2: 130, 3: 205} {
		x.traced(at, &node.Trace{Action: node.ActStart, Epoch: e})
		x.traced(at+1000, &node.Trace{Action: node.ActStart, Epoch: e}) // told again when the register starts again
	}
	away := func(from, length faults.Duration, name string) *faults.Fault {
		return &faults.Fault{Kind: faults.Pause, At: from, For: length, Nodes: []string{name}}
	}
	require.True(t, x.asked(away(110, 10, "register")))
	require.True(t, x.asked(away(90, 20, "register")))
	require.False(t, x.asked(away(140, 50, "register")), "no writer wants an epoch then")
	require.False(t, x.asked(away(110, 10, "segment 1/1")))
	require.True(t, x.wonAfter(205))
	require.False(t, x.wonAfter(206))
}
