package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Aurora's own quorums over every set of segments that may be down: writes go on in 22 of 64, reads in 42.
func TestAurorasQuorums(t *testing.T) {
	q := Quorums{Write: 4, Read: 3, Fulls: ReplicaSet(0, 1, 2, 3, 4, 5)}
	m := Membership{Epoch: 1, Sets: []Replicas{q.Fulls}}
	writes, reads := 0, 0
	for down := range Replicas(64) {
		if q.Writes(m, q.Fulls&^down) {
			writes++
		}
		if q.Reads(m, q.Fulls&^down) {
			reads++
		}
		require.Equal(t, !q.Writes(m, q.Fulls&^down), q.Blocks(m, down))
	}
	require.Equal(t, 22, writes)
	require.Equal(t, 42, reads)
}

// A second failure in the middle of a change: ABCD alone satisfies all four sets (SIGMOD 2018 §4.1), and whoever may
// read meets every write that any neighbouring membership counted.
func TestMembershipChanges(t *testing.T) {
	q := Quorums{Write: 4, Read: 3, Fulls: 1<<8 - 1}
	first := Membership{Epoch: 1, Sets: []Replicas{ReplicaSet(0, 1, 2, 3, 4, 5)}}
	one := first.Replacing(5, 6)
	two := one.Replacing(4, 7)
	require.Equal(t, []Replicas{ReplicaSet(0, 1, 2, 3, 4, 5), ReplicaSet(0, 1, 2, 3, 4, 6), ReplicaSet(0, 1, 2, 3, 5, 7), ReplicaSet(0, 1, 2, 3, 6, 7)}, two.Sets)
	require.True(t, q.Writes(two, ReplicaSet(0, 1, 2, 3)))
	require.Equal(t, []Replicas{ReplicaSet(0, 1, 2, 3, 4, 6), ReplicaSet(0, 1, 2, 3, 6, 7)}, two.Keeping(6, 5).Sets)
	require.Equal(t, one.Sets, two.Keeping(4, 7).Sets)
	require.Equal(t, first.Sets, one.Keeping(5, 6).Sets)
	require.EqualValues(t, 3, one.Keeping(5, 6).Epoch)

	require.False(t, q.Reads(one, ReplicaSet(3, 4, 6)), "D, E and an empty G miss what is on A, B, C and F")
	chain := []Membership{first, one, two, two.Keeping(4, 7), one.Keeping(5, 6)}
	for i, m := range chain[:len(chain)-1] {
		for write := range Replicas(1 << 8) {
			if !q.Writes(m, write) {
				continue
			}
			for read := range Replicas(1 << 8) {
				if next := chain[i+1]; q.Reads(next, read) {
					require.NotZero(t, write&read, "written under %v, read under %v", m.Sets, next.Sets)
				}
			}
		}
	}
}

// With tails, all fulls alone are a write quorum, and a read needs a full one; any of each still meet.
func TestFullAndTailQuorumsMeet(t *testing.T) {
	v := Volume{WriteQuorum: 4, ReadQuorum: 3, Segments: [][]ID{{1, 2, 3, 4, 5, 6}}, Tails: []bool{false, true, false, true, false, true}}
	q, m := v.Quorums(), v.FirstMembership()
	require.Equal(t, ReplicaSet(0, 2, 4), q.Fulls)
	require.True(t, q.Writes(m, q.Fulls))
	require.False(t, q.Reads(m, ReplicaSet(1, 3, 5)))
	for write := range Replicas(64) {
		for read := range Replicas(64) {
			if q.Writes(m, write) && q.Reads(m, read) {
				require.NotZero(t, write&read)
			}
		}
	}
}
