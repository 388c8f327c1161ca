package segment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A reader that lags reads behind another one that does not. What it is given is made from a version that was left behind, and that
// must be the same as one made from the floor on: before and after a cut, which takes back records that some of them reflect, and
// after a collection, which takes the beginning of the log away.
func TestOldVersionsAreTheSameWhereverTheyAreMadeFrom(t *testing.T) {
	const n, pages = 40 * markEvery / 8, 2
	b := newBench(t)
	rs := chain(n, pages)
	b.get(writer1, told(1, n, 0, rs...))
	b.disk()
	b.expect(rs, pages) // ascending: the newest read goes on each time
	require.Len(t, b.seg.version(0).marks, n/pages/markEvery)
	for range 2 {
		b.expect(rs, pages) // all but the last one behind the newest
	}
	require.Len(t, b.seg.version(0).marks, n/pages/markEvery, "an old read leaves none")

	const floor = 96
	b.get(writer1, told(1, n, floor))
	b.fire(coalesceTimer)
	b.disk()
	require.Equal(t, node.LSN(floor), b.seg.Floor())
	for _, m := range b.seg.version(0).marks {
		require.GreaterOrEqual(t, m.LSN, node.LSN(floor))
	}
	b.expect(rs, pages)

	const cut = 150
	b.fenced(2)
	b.get(writer2, &node.Join{Epoch: 2, History: node.FirstHistory().Cut(cut, 2)})
	b.disk()
	require.Equal(t, node.LSN(cut), b.seg.SCL())
	require.Empty(t, b.seg.version(0).marks, "one of them may reflect what was cut")
	b.expect(rs[:cut], pages)
}

// A read behind the newest one applies at most markEvery records, however far behind the floor is.
func TestAnOldReadDoesNotBeginAtTheFloor(t *testing.T) {
	const n = 50 * markEvery
	b := newBench(t)
	b.get(writer1, told(1, n, 0, chain(n, 1)...))
	b.disk()
	b.version(0, n)
	v := b.seg.version(0)
	for l := node.LSN(1); l < n; l++ {
		from := v.before(0, l).LSN
		require.LessOrEqual(t, from, l)
		require.Less(t, l-from, node.LSN(markEvery), "at %d", l)
	}
}
