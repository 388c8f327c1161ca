package check

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// state returns a fingerprint whose link names it alone: the n-th of evenly spread ones.
func state(n uint64) uint64 { return (n + 1) * 0x9e3779b97f4a7c15 }

func parents(v *visited, fingerprint uint64) []uint64 {
	link := v.find(fingerprint)
	if link == nil {
		return nil
	}
	return v.named(nil, *link)
}

// While a level is being found, a state keeps the smallest predecessor, in any order of their coming; once it is of an earlier level,
// it keeps what it has.
func TestSmallestPredecessorUntilSettled(t *testing.T) {
	v := newVisited()
	small, middle, large, child := uint64(1)<<40, uint64(2)<<40, uint64(3)<<40, uint64(7)<<40
	require.Equal(t, added, v.insert(large, large, fresh(1)))
	for _, parent := range []uint64{middle, small} {
		require.Equal(t, added, v.insert(parent, large, fresh(1)))
	}
	require.Equal(t, added, v.insert(child, middle, fresh(2)))
	require.Equal(t, []uint64{middle}, parents(v, child))
	require.Equal(t, known, v.insert(child, large, fresh(2)))
	require.Equal(t, []uint64{middle}, parents(v, child), "a larger one")
	require.Equal(t, known, v.insert(child, small, fresh(3)))
	require.Equal(t, []uint64{middle}, parents(v, child), "a smaller one from a state of its own level")
	require.Equal(t, known, v.insert(child, small, fresh(2)))
	require.Equal(t, []uint64{small}, parents(v, child))

	require.Equal(t, known, v.insert(child, large, fresh(2)))
	require.True(t, v.settle(child))
	require.False(t, v.settle(child))
	require.Equal(t, known, v.insert(child, 1<<34, fresh(2)), "a smaller one, too late")
	require.Equal(t, []uint64{small}, parents(v, child))
	require.Nil(t, parents(v, 12345), "a state that is not there")
	require.False(t, v.settle(12345))
}

// Where a link names several states, all of them are found, and no others.
func TestLinkThatNamesSeveralStates(t *testing.T) {
	v := newVisited()
	var want []uint64
	for n := range uint64(40) { // more than fit into one bucket
		want = append(want, 5<<34|n<<20)
	}
	for i := range want {
		v.insert(want[len(want)-1-i], 0, fresh(1))
	}
	for _, other := range []uint64{4<<34 | 1<<33, 6 << 34, 1 << 63} {
		v.insert(other, 0, fresh(1))
	}
	require.Equal(t, want, v.named(nil, linkTo(5<<34)|settled))
	v.shard(5 << 34).grow()
	require.Equal(t, want, v.named(nil, linkTo(5<<34)))
	require.Equal(t, []uint64{6 << 34}, v.named(nil, linkTo(6<<34)))
	require.Empty(t, v.named(nil, linkTo(9<<34)))
}

// The last home of a shard overflows into its first bucket, which no state is lost by.
func TestFullSetGrows(t *testing.T) {
	v := newVisited()
	last := uint64(1)<<(64-shardBits) - 1
	s := v.shard(last)
	n := uint64(0)
	for ; v.insert(last-n<<20, last, fresh(1)) == added; n++ {
	}
	require.EqualValues(t, s.most, n)
	require.EqualValues(t, n, v.count())
	require.Equal(t, known, v.insert(last-(n-1)<<20, last, fresh(1)), "what is there is found however full it is")
	require.NotZero(t, s.buckets[0].fingerprints[0])
	before := v.bytes()
	for range 3 {
		s.grow()
		for i := range n {
			require.Equal(t, known, v.insert(last-i<<20, last, fresh(1)))
		}
		require.Len(t, v.named(nil, linkTo(last)), int(min(n, 1<<(64-linkBits-20))))
	}
	require.Greater(t, v.bytes(), before)
	require.Equal(t, added, v.insert(last-n<<20, last, fresh(1)))
	require.Equal(t, n+1, v.count())
}

// However large a shard becomes, by pages of its own or not, each state has its place and its link.
func TestSetGrowsLarge(t *testing.T) {
	v := newVisited()
	defer v.free()
	const states = 1 << 21
	for n := range uint64(states) {
		require.True(t, v.restore(state(n), linkTo(state(n/2))|settled))
	}
	require.False(t, v.restore(state(0), 0))
	require.EqualValues(t, states, v.count())
	require.Less(t, float64(v.bytes())/states, 30.0)
	wrong := 0
	for n := range uint64(states) {
		if link := v.find(state(n)); link == nil || *link&linkMask != linkTo(state(n/2)) {
			wrong++
		}
	}
	require.Zero(t, wrong)
	seen := uint64(0)
	require.NoError(t, v.each(func(uint64, uint32) error { seen++; return nil }))
	require.EqualValues(t, states, seen)
}

// Inserting from many goroutines adds each state once, with the smallest of all predecessors.
func TestInsertFromManyGoroutines(t *testing.T) {
	const states, predecessors, goroutines = 2000, 8, 8
	v := newVisited()
	var fresher [goroutines]int
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range uint64(states) {
				for p := range uint64(predecessors) {
					if v.insert(state(i), ((p+uint64(g))%predecessors+1)<<50, fresh(2)) == added {
						fresher[g]++
					}
				}
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range fresher {
		sum += n
	}
	require.Equal(t, states, sum)
	for i := range uint64(states) {
		require.Equal(t, linkTo(1<<50)|fresh(2), *v.find(state(i)))
	}
	var first [goroutines]int
	for g := range goroutines {
		all.Go(func() {
			for i := range uint64(states) {
				if v.settleOnce(state(i)) {
					first[g]++
				}
			}
		})
	}
	all.Wait()
	sum = 0
	for _, n := range first {
		sum += n
	}
	require.Equal(t, states, sum)
}
