package faults_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
)

func staged(v faults.Volume) faults.Generator {
	return faults.Generator{Topology: v.Topology(), Horizon: faults.Duration(300 * time.Millisecond), Faults: 5, Lost: true, SpareEach: v.Spares > 0, Staged: true}
}

// Every scene that a volume has a place for is in one plan of a hundred at least, and every plan is valid. A volume in which no
// segment can be spared has fewer.
func TestStagedPlansHaveEveryScene(t *testing.T) {
	const plans = 2000
	tails := faults.Volume{Groups: 2, Replicas: 7, Spares: 1, Tails: 3, WriteQuorum: 4, ReadQuorum: 3, Zones: 3, Clients: 4, Readers: 1, Objects: true}
	for _, c := range []struct {
		volume  faults.Volume
		without []faults.Scene
	}{
		{tails, nil},
		{volume(), []faults.Scene{faults.LastFullLost, faults.StoreRotten, faults.StoreCrashed, faults.OldSegmentAsked}},
		{faults.Volume{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Zones: 3, Clients: 1}, []faults.Scene{faults.LastFullLost, faults.StoreRotten, faults.StoreCrashed, faults.OldSegmentAsked}},
		{faults.Volume{Groups: 1, Replicas: 4, WriteQuorum: 4, ReadQuorum: 1, Zones: 1, Clients: 1},
			[]faults.Scene{faults.LastFullLost, faults.StoreRotten, faults.StoreCrashed, faults.OldSegmentAsked, faults.OldMinority, faults.RotInRecovery, faults.RotTwice, faults.LostInRecovery, faults.CutRecordMet}},
		{faults.Volume{Groups: 1, Replicas: 1, WriteQuorum: 1, ReadQuorum: 1, Zones: 1},
			[]faults.Scene{faults.LastFullLost, faults.StoreRotten, faults.StoreCrashed, faults.OldSegmentAsked, faults.OldMinority, faults.RotInRecovery, faults.RotTwice, faults.LostInRecovery, faults.CutRecordMet}},
	} {
		g := staged(c.volume)
		found := map[faults.Scene]int{}
		for seed := range int64(plans) {
			g.Beyond = seed%8 == 0
			p, err := g.Plan(seed)
			require.NoError(t, err)
			require.NoError(t, p.Validate(g.Topology), "seed %d:\n%s", seed, text(p))
			for _, s := range p.Has(g.Topology) {
				found[s]++
			}
		}
		for _, s := range faults.Scenes() {
			lacks := false
			for _, w := range c.without {
				lacks = lacks || s == w
			}
			if lacks {
				require.Less(t, found[s], plans/100, "%s of %+v", s, c.volume)
				continue
			}
			require.GreaterOrEqual(t, found[s], plans/100, "%s of %+v", s, c.volume)
		}
	}
}

// A scene is known again where somebody wrote it by hand, and is not seen where one of its faults strikes somebody else or comes at
// another time.
func TestScenesAreKnownAgain(t *testing.T) {
	type F = faults.Fault
	rot := F{Kind: faults.DiskCorrupt, At: 100 * ms, Nodes: []string{"segment 1/2"}}
	restart := F{Kind: faults.Crash, At: 110 * ms, For: ms, Nodes: []string{"segment 1/2"}}
	over := F{Kind: faults.TakeOver, At: 115 * ms}
	with := func(f F, change func(*F)) F { change(&f); return f }
	for name, c := range map[string]struct {
		faults []F
		want   []faults.Scene
	}{
		"none":                       {nil, nil},
		"rot in a recovery":          {[]F{rot, restart, over}, []faults.Scene{faults.RotInRecovery}},
		"no take-over":               {[]F{rot, restart}, nil},
		"another segment restarts":   {[]F{rot, with(restart, func(f *F) { f.Nodes = []string{"segment 1/3"} }), over}, nil},
		"it restarts before it rots": {[]F{rot, with(restart, func(f *F) { f.At = 90 * ms }), over}, nil},
		"a take-over long after":     {[]F{rot, restart, with(over, func(f *F) { f.At = 500 * ms })}, nil},
		"twice":                      {[]F{rot, restart, with(rot, func(f *F) { f.At = 200 * ms }), with(restart, func(f *F) { f.At = 220 * ms })}, []faults.Scene{faults.RotTwice}},
		"twice, one restart":         {[]F{rot, with(rot, func(f *F) { f.At = 105 * ms }), restart}, nil},
		"the register": {[]F{with(rot, func(f *F) { f.Nodes = []string{"register"} }), with(restart, func(f *F) { f.Nodes = []string{"register"}; f.For = 10 * ms }), over},
			[]faults.Scene{faults.RegisterCrashed, faults.RegisterRotten}},
		"fenced": {[]F{{Kind: faults.CrashWhen, At: 100 * ms, For: ms, Nodes: []string{"segment 1/1"}, When: faults.Fenced, Hit: 1}, over}, []faults.Scene{faults.FencedThenDead}},
		"acknowledged": {[]F{{Kind: faults.CrashWhen, For: ms, Nodes: []string{"writer", "segment 1/1", "segment 1/2"}, When: faults.Acknowledged, Hit: 1}},
			[]faults.Scene{faults.AckThenCrash}},
		"acknowledged, too few copies": {[]F{{Kind: faults.CrashWhen, For: ms, Nodes: []string{"writer", "segment 1/1", "segment 2/2"}, When: faults.Acknowledged, Hit: 1}}, nil},
		"the store": {[]F{with(rot, func(f *F) { f.Nodes = []string{"objects"} }), with(restart, func(f *F) { f.Nodes = []string{"objects"} }), over},
			[]faults.Scene{faults.StoreRotten}},
		"lost": {[]F{over, {Kind: faults.DiskLost, At: 120 * ms, For: ms, Nodes: []string{"segment 2/1"}}}, []faults.Scene{faults.LostInRecovery}},
	} {
		require.Equal(t, c.want, planOf(c.faults...).Has(aurora()), name)
	}
}

// Who is cut off from whom decides two scenes: a replaced writer keeps a minority of every group, its successor the others; and
// readers keep one segment of a group.
func TestScenesOfTwoSides(t *testing.T) {
	type F = faults.Fault
	segments := func(group int, from, to int) (names []string) {
		for i := from; i <= to; i++ {
			names = append(names, faults.Node{Role: faults.Segment, Group: group, Index: i}.String())
		}
		return names
	}
	v := volume()
	v.Readers = 1
	topology := v.Topology()
	has := func(fs ...F) []faults.Scene { return planOf(fs...).Has(topology) }
	over := F{Kind: faults.TakeOver, At: 100 * ms}
	cut := func(k faults.Kind, at faults.Duration, node string, to ...string) F {
		return F{Kind: k, At: at, For: 80 * ms, Nodes: []string{node}, To: to}
	}
	both := func(from, to int) []string { return append(segments(1, from, to), segments(2, from, to)...) }
	old := cut(faults.Partition, 95*ms, "writer", both(3, 6)...)
	require.Equal(t, []faults.Scene{faults.OldMinority}, has(old, over, cut(faults.Partition, 101*ms, "writer", both(1, 2)...)))
	require.Empty(t, has(old, over, cut(faults.Partition, 101*ms, "writer", segments(1, 1, 2)...)), "the successor reaches some of them, too")
	require.Empty(t, has(cut(faults.Partition, 95*ms, "writer", both(4, 6)...), over, cut(faults.Partition, 101*ms, "writer", both(1, 3)...)),
		"three of six are no minority that a write can do without")

	last := F{Kind: faults.PartitionOneWay, At: 90 * ms, For: 10 * ms, Nodes: []string{"writer"}, To: segments(1, 2, 6)}
	require.Equal(t, []faults.Scene{faults.OldSegmentAsked}, has(last, over, cut(faults.Partition, 100*ms, "reader 1", segments(1, 2, 6)...)))
	require.Empty(t, has(last, over, cut(faults.Partition, 100*ms, "reader 1", segments(1, 3, 6)...)))
	require.Empty(t, has(last, over, cut(faults.Partition, 100*ms, "client 1", segments(1, 2, 6)...)))
}

// A topology that is not a volume's has no scenes, and staged plans of it are as valid.
func TestScenesAreOfVolumes(t *testing.T) {
	g := faults.Generator{Topology: replicas(true), Horizon: faults.Duration(300 * time.Millisecond), Faults: 5, Staged: true}
	for seed := range int64(200) {
		p, err := g.Plan(seed)
		require.NoError(t, err)
		require.NoError(t, p.Validate(g.Topology))
		require.Empty(t, p.Has(g.Topology))
	}
}

// Each staged plan leaves out half of the kinds, beside what its scenes are made of.
func TestStagedPlansLeaveKindsOut(t *testing.T) {
	g := staged(volume())
	g.Faults = 60
	for seed := range int64(100) {
		p, err := g.Plan(seed)
		require.NoError(t, err)
		kinds := map[faults.Kind]bool{}
		for _, f := range p.Faults {
			kinds[f.Kind] = true
		}
		require.LessOrEqual(t, len(kinds), (len(faults.Kinds())+1)/2+8)
	}
}

// The register keeps what it stores twice and bears one flipped bit; the object store says what that has cost. A node that does
// neither bears none.
func TestRotOfNodesThatServe(t *testing.T) {
	v := volume()
	v.Objects = true
	rot := faults.Fault{Kind: faults.DiskCorrupt, Nodes: []string{"register"}}
	require.NoError(t, planOf(rot).Validate(v.Topology()))
	require.ErrorContains(t, planOf(rot, rot).Validate(v.Topology()), "expected at most 1 flipped bits of register in a plan, found more")
	rot.Nodes = []string{"objects"}
	topology := v.Topology()
	require.NoError(t, planOf(rot).Validate(topology))
	require.ErrorContains(t, planOf(rot, rot).Validate(topology), "expected at most 1 flipped bits of objects in a plan, found more")
	for i := range topology.Parts {
		topology.Parts[i].Tells = false
	}
	require.ErrorContains(t, planOf(rot).Validate(topology), "expected a node that bears a flipped bit, found objects")
}
