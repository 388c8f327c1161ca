package linearizability

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Clocks that share their parts say what plain slices say.
func TestClocksSayWhatSlicesSay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 61))
	const width = 3*clockPartSize + 5
	maker := clockMaker{width: width}
	clocks, plain := []clock{maker.clock()}, [][]int32{make([]int32, width)}
	for range 2000 {
		c, p := maker.clock(), make([]int32, width)
		for range 2 {
			i := r.IntN(len(clocks))
			maker.see(c, clocks[i])
			for k, seen := range plain[i] {
				p[k] = max(p[k], seen)
			}
		}
		for range r.IntN(3) {
			session, step := r.Int32N(width), r.Int32N(20)
			maker.advance(c, session, step)
			p[session] = max(p[session], step)
		}
		for k := range p {
			require.Equal(t, p[k], c.at(int32(k)))
		}
		clocks, plain = append(clocks, c), append(plain, p)
	}
	for i := range clocks { // none was changed by those that took it over
		for k := range plain[i] {
			require.Equal(t, plain[i][k], clocks[i].at(int32(k)))
		}
	}
}

// Clocks made apart that say the same come to share what says it.
func TestClocksOfEndedSessionsAreShared(t *testing.T) {
	maker := clockMaker{width: 2 * clockPartSize}
	a, b := maker.clock(), maker.clock()
	maker.advance(a, 3, 7)
	maker.advance(b, 3, 7)
	require.NotSame(t, a[0], b[0])
	maker.see(b, a)
	require.Same(t, a[0], b[0])
	maker.see(a, b)
	require.Same(t, a[0], b[0])
}
