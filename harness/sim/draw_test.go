package sim

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

func TestHeapAgainstSorting(t *testing.T) {
	for seed := uint64(1); seed <= 50; seed++ {
		var h heap
		var all, out []entry
		for i := range uint64(500) {
			r := mix(seed, i)
			if r%3 == 0 && len(h) > 0 {
				// What comes out in between is put back: only the order at the end is compared.
				h.push(h.pop())
			}
			e := entry{at: node.Time(r % 40), seq: i, slot: int32(i)}
			all = append(all, e)
			h.push(e)
		}
		for len(h) > 0 {
			out = append(out, h.pop())
		}
		slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
		require.Equal(t, all, out)
	}
}

func TestAttemptsAgainstAMap(t *testing.T) {
	var a attempts
	want := map[uint64]uint64{}
	for i := range uint64(20_000) {
		key := (mix(0, i)%5000 + 1) << countBits
		if i%2 == 0 {
			key <<= 16 // all in one place of the table at first
		}
		require.Equal(t, want[key], a.next(key))
		want[key]++
	}
	var zero attempts
	assert.EqualValues(t, 0, zero.next(0))
	assert.EqualValues(t, 1, zero.next(0))
	// The count stops before it would become another identity.
	*zero.place(1) |= mostCount
	for range 2 {
		assert.EqualValues(t, mostCount, zero.next(0))
	}
	assert.EqualValues(t, 0, zero.next(2<<countBits))
}

func TestDraws(t *testing.T) {
	const n = 20_000
	var hits int
	buckets := make([]int, 10)
	bits := make([]int, 64)
	for i := range uint64(n) {
		d := draw(mix(7, i))
		if d.chance(askLoss, 0.3) {
			hits++
		}
		buckets[d.below(askPosition, 10)]++
		for b, v := 0, d.bits(askJitter); b < 64; b++ {
			bits[b] += int(v >> b & 1)
		}
		require.False(t, d.chance(askLoss, 0))
		require.True(t, d.chance(askLoss, 1))
		require.Zero(t, d.below(askLoss, 0))
		require.LessOrEqual(t, d.span(askTear, 3), 3*ms)
	}
	assert.InDelta(t, 0.3*n, hits, 300)
	for i, b := range buckets {
		assert.InDelta(t, n/10, b, 200, "bucket %d", i)
	}
	for i, b := range bits {
		assert.InDelta(t, n/2, b, 350, "bit %d", i)
	}
	// Two questions about one identity are independent.
	both := 0
	for i := range uint64(n) {
		if d := draw(mix(7, i)); d.chance(askLoss, 0.5) && d.chance(askDuplicate, 0.5) {
			both++
		}
	}
	assert.InDelta(t, n/4, both, 300)
	assert.NotEqual(t, draw(5).of(1), draw(5).of(2))
}
