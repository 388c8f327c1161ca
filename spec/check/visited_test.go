package check

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// spread returns the n-th of evenly spread fingerprints.
func spread(n uint64) uint64 { return (n + 1) * 0x9e3779b97f4a7c15 }

// shardOf makes a shard of so many buckets.
func shardOf(buckets int) *shard {
	s := &shard{}
	s.use(words[bucket](buckets))
	return s
}

// A fingerprint is told from its place and its value, all 64 bits of it, at every size of a shard and at every try: at the borders of homes,
// too, where a home rounded wrongly would take a state for another.
func TestFingerprintFromItsPlace(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sizes := []int{firstBuckets, 65, 80, 127, 1<<11 + 1, 9_999, manyBuckets - 1, manyBuckets, manyBuckets + 1, 17_408, 39_999, 1 << 17}
	for _, buckets := range sizes {
		s := shardOf(buckets)
		width := 48
		if s.slots == fewSlots {
			width = 56
		}
		require.GreaterOrEqual(t, s.tries, uint(4))
		const most = 1<<(64-shardBits) - 1
		check := func(rest uint64) {
			home, value := s.place(rest)
			require.Less(t, home, uint64(buckets))
			require.Zero(t, value>>width, "%d buckets: fingerprint %x does not fit", buckets, rest)
			require.Zero(t, value&(1<<s.tries-1))
			require.Equal(t, home, s.next(home, value))
			for ; value <= s.last(value); value++ {
				at := s.next(home, value)
				require.Less(t, at, uint64(buckets))
				if got := s.fingerprint(5, at, value); got != rest|5<<(64-shardBits) {
					require.Equal(t, rest|5<<(64-shardBits), got, "%d buckets, value %x", buckets, value)
				}
				if value == s.last(value) {
					break
				}
			}
		}
		check(0)
		check(most)
		for range 100 {
			check(random.Uint64() & most)
			border := uint64(float64(most) / float64(buckets) * float64(random.IntN(buckets)))
			for near := range uint64(64) {
				check(min(border+near, most))
			}
		}
	}
}

// What is written into a slot is read from it, with the values beside it as they were.
func TestBucketKeepsValues(t *testing.T) {
	for slots, width := range map[int]int{fewSlots: 56, manySlots: 48} {
		var b bucket
		value := func(j int) uint64 { return spread(uint64(j)) >> (64 - width) }
		for j := range slots {
			require.Equal(t, -1, b.slot(value(j), j, slots))
			b.put(j, value(j), slots)
			for k := range j + 1 {
				require.Equal(t, value(k), b.value(k, slots))
				require.Equal(t, k, b.slot(value(k), j+1, slots))
			}
		}
		for bit := range width {
			require.Equal(t, -1, b.slot(value(3)^1<<bit, slots, slots), "bit %d of %d is not looked at", bit, width)
		}
		require.Zero(t, b.control)
	}
}

// A home that takes no more, and neither do the buckets that are tried, makes the shard grow, though it has room elsewhere; and so does a
// shard that holds as much as it may. No state is lost by it.
func TestFullSetGrows(t *testing.T) {
	v := newVisited()
	last := uint64(1)<<(64-shardBits) - 1
	s := v.shard(last)
	s.tries = 1 // bit
	n := uint64(0)
	for ; v.insert(last-n) == added; n++ {
	}
	require.EqualValues(t, 2*fewSlots, n)
	require.EqualValues(t, n, v.count())
	require.Less(t, int64(n), s.most)
	require.Equal(t, known, v.insert(last-(n-1)), "what is there is found however full it is")
	s.grow()
	require.Greater(t, s.tries, uint(1))
	require.Equal(t, added, v.insert(last-n))
	seen := map[uint64]int{}
	require.NoError(t, v.each(func(f uint64) error { seen[f]++; return nil }))
	for i := range n + 1 {
		require.Equal(t, 1, seen[last-i])
	}

	v = newVisited()
	s = &v.shards[0]
	n = 0
	for ; v.insert(spread(n)>>shardBits) == added; n++ {
	}
	require.EqualValues(t, s.most, n)
	before := v.bytes()
	for len(s.buckets) < manyBuckets {
		s.grow()
		for i := range n {
			require.Equal(t, known, v.insert(spread(i)>>shardBits))
		}
	}
	require.Greater(t, v.bytes(), before)
	require.Equal(t, added, v.insert(spread(n)>>shardBits))
	require.Equal(t, n+1, v.count())
}

// However large a shard becomes, by pages of its own or not, each state has its place, in at most 8 bytes; and each is visited once.
func TestSetGrowsLarge(t *testing.T) {
	v := newVisited()
	defer v.free()
	// In the shards of one in eight: the size of a set of 12 million.
	const states = 1 << 21
	state := func(n uint64) uint64 { return hashOf(binary.LittleEndian.AppendUint64(nil, n)) &^ (7 << 61) }
	small := newVisited().bytes() / 8 * 7
	least, most := 100.0, 0.0
	for n := range uint64(states) {
		if !v.restore(state(n)) {
			require.Fail(t, "not there yet", n)
		}
		if n > states*3/4 {
			a := float64(v.bytes()-small) / float64(n+1)
			least, most = min(least, a), max(most, a)
		}
	}
	require.False(t, v.restore(state(0)))
	require.EqualValues(t, states, v.count())
	require.Less(t, most, 8.0, "bytes a state")
	require.Greater(t, least, 6.4, "fewer than a slot takes")
	missing, strangers := 0, 0
	for n := range uint64(states) {
		if !v.has(state(n)) {
			missing++
		}
		if v.has(state(n) ^ 1) {
			strangers++
		}
	}
	require.Zero(t, missing)
	require.Zero(t, strangers)
	sum, seen := uint64(0), 0
	require.NoError(t, v.each(func(f uint64) error { sum += f; seen++; return nil }))
	for n := range uint64(states) {
		sum -= state(n)
	}
	require.Equal(t, states, seen)
	require.Zero(t, sum)
}

// Inserting from many goroutines adds each state once, also when they come all at once into the same few buckets.
func TestInsertFromManyGoroutines(t *testing.T) {
	const goroutines = 8
	for name, states := range map[string][]uint64{
		"spread":  several(2000, spread),
		"crowded": several(12*fewSlots, func(n uint64) uint64 { return 1<<40 + n }),
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisited()
			var fresher [goroutines]int
			var all sync.WaitGroup
			for g := range goroutines {
				all.Go(func() {
					for i := range states {
						for range 3 {
							if v.insert(states[(i+g*len(states)/goroutines/2)%len(states)]) == added {
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
			require.Equal(t, len(states), sum)
			require.EqualValues(t, len(states), v.count())
			for _, state := range states {
				require.True(t, v.has(state), fmt.Sprint(state))
			}
		})
	}
}

func several(n int, state func(uint64) uint64) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = state(uint64(i))
	}
	return all
}

// A set that is asked for a state that differs in one bit says that it is not there, whichever bit of the 64 that is.
func TestEveryBitCounts(t *testing.T) {
	for _, n := range []uint64{1, 1 << 12, 1 << 17} {
		v := newVisited()
		for i := range n {
			v.restore(spread(i))
		}
		for bit := range 64 {
			for i := range min(n, 100) {
				require.False(t, v.has(spread(i)^1<<bit), "bit %d", bit)
			}
		}
		v.free()
	}
}
