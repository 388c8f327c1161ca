package sim

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every operation on a content does what it does to a slice of bytes.
func TestContentIsAsOneSlice(t *testing.T) {
	for seed := range uint64(200) {
		d := rand.New(rand.NewPCG(seed, 1))
		want := make([]byte, d.IntN(3*leastChunk))
		for i := range want {
			want[i] = byte(d.Uint32())
		}
		var unused spare
		c := contentOf(want, &unused)
		want = append([]byte{}, want...)
		for range 100 {
			from := d.IntN(len(want) + 1)
			to := from + d.IntN(len(want)-from+1)
			switch d.IntN(6) {
			case 0, 1, 2:
				b := make([]byte, d.IntN(1<<d.IntN(18)))
				for i := range b {
					b[i] = byte(d.Uint32())
				}
				c.add(b, &unused)
				want = append(want, b...)
				clear(b) // the content has a copy
			case 3:
				c.zero(from, to)
				clear(want[from:to])
			case 4:
				if len(want) > 0 {
					bit := d.IntN(8 * len(want))
					c.flip(bit)
					want[bit/8] ^= 1 << (bit % 8)
				}
			case 5:
				switch d.IntN(8) {
				case 0, 1:
					c.truncate(from)
					want = want[:from]
				case 2: // another takes its place, and its space
					next := contentOf(want[from:], &unused)
					unused.take(&c)
					c, want = next, append([]byte{}, want[from:]...)
				}
			}
			require.Equal(t, len(want), c.size)
			if from <= len(want) && to <= len(want) {
				require.Equal(t, append([]byte{}, want[from:to]...), c.bytes(from, to))
			}
		}
		require.Equal(t, want, c.bytes(0, c.size))
	}
}
