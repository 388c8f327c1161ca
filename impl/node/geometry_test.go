package node

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// sixAndTwo is a group of six with two spares; tails says whether every other segment keeps the log alone.
func sixAndTwo(tails bool) *Volume {
	v := &Volume{WriteQuorum: 4, ReadQuorum: 3, Register: 100, Spares: 2, Segments: [][]ID{{1, 2, 3, 4, 5, 6, 7, 8}}}
	if tails {
		v.Tails = []bool{false, true, false, true, false, true, false, true}
	}
	return v
}

// steps lists what may follow m: replacements begun, finished, taken back.
func steps(m Membership, v *Volume) (next []Membership) {
	for _, p := range m.Pending() {
		next = append(next, m.Keeping(p.New, p.Old), m.Keeping(p.Old, p.New))
	}
	q := v.Quorums()
	for old := range v.Replicas() {
		for new := range v.Replicas() {
			if m.MayReplace(old) && !m.Members().Has(new) && q.Fulls.Has(old) == q.Fulls.Has(new) {
				next = append(next, m.Replacing(old, new))
			}
		}
	}
	return next
}

// Every pair of neighbouring memberships that a group can come to is safe beside each other: a writer may go by the
// one while its successor has learnt the other, whichever that is. And a newcomer has no read vote until its
// replacement is finished (SIGMOD 2018 §4.1). All subsets of all pairs are tried.
func TestNeighbouringMembershipsAreSafe(t *testing.T) {
	for _, tails := range []bool{false, true} {
		v := sixAndTwo(tails)
		require.NoError(t, v.Validate())
		q := v.Quorums()
		type sets [MaxSets]Replicas
		key := func(m Membership) (k sets) { copy(k[:], m.Sets); return k }
		seen := map[sets]bool{}
		todo := []Membership{v.FirstMembership()}
		seen[key(todo[0])] = true
		pairs, four := 0, 0
		for len(todo) > 0 {
			m := todo[0]
			todo = todo[1:]
			next := steps(m, v)
			for _, n := range next {
				require.True(t, n.follows(m, v.Replicas()), "%v after %v", n, m)
				requireSafe(t, q, m, n)
				pairs++
				if len(n.Sets) == MaxSets {
					four++
				}
				if !seen[key(n)] {
					seen[key(n)] = true
					todo = append(todo, n)
				}
			}
		}
		require.Greater(t, pairs, 100)
		require.Positive(t, four, "a second failure in the middle")
	}
}

// requireSafe demands of a writer that goes by old and a successor that learnt new, and the other way round.
func requireSafe(t *testing.T, q Quorums, old, new Membership) {
	t.Helper()
	const all = 1 << 8
	var writes, reads, opens, blocks []Replicas
	for who := Replicas(0); who < all; who++ {
		if who&^old.Members() == 0 && q.Writes(old, who) {
			writes = append(writes, who)
		}
		if who&^new.Members() == 0 && q.Reads(new, who) {
			reads = append(reads, who)
		}
		if who&^new.Members() == 0 && q.Writes(new, who) {
			opens = append(opens, who)
		}
		if who&^old.Members() == 0 && q.Blocks(old, who) {
			blocks = append(blocks, who)
		}
	}
	require.NotEmpty(t, writes)
	require.NotEmpty(t, reads)
	for _, r := range reads {
		for _, w := range writes {
			// What the old writer completes meets what the new one fences and reads. So it completes nothing more either.
			if r&w == 0 {
				t.Fatalf("%v, then %v: written on %v, read from %v", old, new, w, r)
			}
		}
	}
	for _, b := range blocks {
		for _, o := range opens {
			// Who says that it is not fenced, after the new one opened with a write quorum, was not asked by it.
			if b&o == 0 {
				t.Fatalf("%v, then %v: %v confirm, and %v opened", old, new, b, o)
			}
		}
	}
}

// The paper's change: F is replaced by G, and E by H in the middle of it; ABCD alone is a write quorum of all four sets.
func TestSecondFailureInTheMiddle(t *testing.T) {
	v := sixAndTwo(false)
	q := v.Quorums()
	m := v.FirstMembership()
	both := m.Replacing(5, 6).Replacing(4, 7)
	require.Len(t, both.Sets, 4)
	require.Equal(t, []Replacement{{Old: 5, New: 6}, {Old: 4, New: 7}}, both.Pending())
	require.True(t, q.Writes(both, ReplicaSet(0, 1, 2, 3)))
	require.False(t, q.Writes(both, ReplicaSet(0, 1, 2, 6)), "no quorum of the first set")
	require.False(t, q.Reads(both, ReplicaSet(3, 4, 6)), "G has no vote yet")
	require.False(t, both.MayReplace(5), "under way already")
	require.False(t, both.MayReplace(0), "four sets are the most")
	forward := both.Keeping(6, 5)
	require.Equal(t, []Replicas{ReplicaSet(0, 1, 2, 3, 4, 6), ReplicaSet(0, 1, 2, 3, 6, 7)}, forward.Sets)
	require.Equal(t, []Replacement{{Old: 4, New: 7}}, forward.Pending())
	require.Equal(t, []Replicas{ReplicaSet(0, 1, 2, 3, 4, 6)}, forward.Keeping(4, 7).Sets, "E is back")
	require.False(t, m.Replacing(5, 6).Keeping(6, 5).follows(m, 8), "a direct swap")
}

// Blocks asks of every set: a writer between two sets may not have heard yet that one of them is all that counts.
func TestBlocksEverySet(t *testing.T) {
	v := sixAndTwo(false)
	m := v.FirstMembership().Replacing(5, 6)
	require.False(t, v.Quorums().Blocks(m, ReplicaSet(3, 4, 5)), "A, B, C and G may have opened")
	require.True(t, v.Quorums().Blocks(m, ReplicaSet(2, 3, 4)))
}

func TestGeometryGrows(t *testing.T) {
	v := &Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 100, InUse: 2, GroupPages: 10,
		Segments: [][]ID{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}}}
	require.NoError(t, v.Validate())
	g := v.FirstGeometry()
	for g.Capacity < 40 {
		for p := range g.Capacity {
			require.Equal(t, v.GroupOf(p), g.GroupOf(p), "page %d of %d", p, g.Capacity)
			require.Less(t, int(g.GroupOf(p)), len(g.Groups))
		}
		require.False(t, g.Has(g.Capacity))
		require.Panics(t, func() { g.GroupOf(g.Capacity) })
		next := g.Growing(v)
		require.NoError(t, next.Follows(&g, v))
		group, grown := next.ChangedGroup(&g)
		require.True(t, grown)
		require.Equal(t, Group(len(g.Groups)), group)
		g = next
	}
	require.Equal(t, []Group{0, 1, 2, 3}, []Group{g.GroupOf(18), g.GroupOf(19), g.GroupOf(20), g.GroupOf(39)})
	beyond := g.Growing(v)
	require.ErrorContains(t, beyond.Follows(&g, v), "5 groups of 4 provisioned")
	all := &Volume{Segments: v.Segments}
	require.Equal(t, Group(3), all.GroupOf(7), "without a limit, pages go round all groups")
}

func TestGeometryFollowsByOneSafeStep(t *testing.T) {
	v := sixAndTwo(false)
	first := v.FirstGeometry()
	begun := first.Changing(0, first.Groups[0].Replacing(5, 6))
	require.NoError(t, begun.Follows(&first, v))
	group, grown := begun.ChangedGroup(&first)
	require.False(t, grown)
	require.Zero(t, group)
	direct := first.Changing(0, Membership{Epoch: 2, Sets: []Replicas{ReplicaSet(0, 1, 2, 3, 4, 6)}})
	idle := first
	idle.Version++
	more := begun
	more.Stripes = append(slices.Clone(more.Stripes), Stripe{From: 5, Count: 1})
	late := begun
	late.Version++
	for why, g := range map[string]Geometry{
		"no replacement begun": direct, "nothing changes": idle, "more changes": more, "expected version 2": late,
	} {
		err := g.Follows(&first, v)
		require.ErrorContains(t, err, why)
		var typed *GeometryError
		require.ErrorAs(t, err, &typed)
		require.Equal(t, uint64(1), typed.From)
	}
	b := begun.AppendBinary(nil)
	again, err := DecodeGeometry(b)
	require.NoError(t, err)
	require.Equal(t, begun, again)
	for i := range b {
		_, err := DecodeGeometry(b[:i])
		require.Error(t, err)
	}
	_, err = DecodeGeometry(append(b, 0))
	require.Error(t, err)
}
