package segment

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// pass scrubs so often that both files are read from end to end.
func (b *bench) pass() {
	for range 12 {
		b.fire(scrubTimer)
		b.disk()
	}
}

func scrubBench(t *testing.T, rs []*node.Record) *bench {
	b := newBench(t)
	b.get(writer1, told(1, 8, 6, rs...))
	b.disk()
	b.fire(coalesceTimer)
	b.disk()
	require.Equal(t, node.LSN(6), b.seg.Floor())
	return b
}

// A sound disk is read over and over, while more is written to it, and nothing is found.
func TestScrubbingASoundDisk(t *testing.T) {
	rs := chain(60, 3)
	b := scrubBench(t, rs[:9])
	for n := 9; n < 60; n += 3 {
		b.get(writer1, told(1, rs[n].LSN, rs[n-3].LSN, rs[n:n+3]...))
		b.fire(scrubTimer) // reads what is not synced yet
		b.one(true)
		b.fire(coalesceTimer)
		b.disk()
		b.pass()
	}
	c := b.seg.Counters()
	require.Zero(t, c.Rotten)
	require.Greater(t, c.Scrubbed, uint64(60))
	b.restart()
	b.expect(rs, 3)
}

// Each single bit of either file that flips is found, and the file is written anew: a crash afterwards finds a sound disk.
func TestScrubbingFindsAnyFlippedBit(t *testing.T) {
	rs := chain(9, 3)
	b := scrubBench(t, rs)
	for _, file := range []*[]byte{&b.file, &b.images} {
		for at := range len(*file) {
			found := b.seg.Counters().Rotten
			good := slices.Clone(*file)
			*file = slices.Clone(*file)
			(*file)[at] ^= 1 << (at % 8)
			b.pass()
			require.Equal(t, found+1, b.seg.Counters().Rotten, "byte %d", at)
			require.Len(t, *file, len(good))
		}
	}
	require.False(t, b.seg.Damaged())
	b.restart()
	require.False(t, b.seg.Damaged())
	require.Equal(t, node.LSN(9), b.seg.SCL())
	b.expect(rs, 3)
}

// Entries and images larger than what is read at a time are verified all the same, and what is appended behind one does
// not look like a torn one.
func TestScrubbingLargeEntries(t *testing.T) {
	b := newBench(t)
	value := strings.Repeat("x", 3*scrubChunk)
	var rs []*node.Record
	for l := node.LSN(1); l <= 6; l++ {
		r := &node.Record{LSN: l, Epoch: 1, Prev: l - 1, Kind: node.Write, Last: true, Page: node.PageID(l), Key: "row", New: node.Some(value), OldestActive: l + 1}
		r.Seal()
		rs = append(rs, r)
	}
	b.get(writer1, told(1, 6, 3, rs...))
	b.disk()
	b.fire(coalesceTimer)
	b.disk()
	for range 20 {
		b.pass()
	}
	require.Zero(t, b.seg.Counters().Rotten)
	require.Greater(t, b.seg.Counters().Scrubbed, uint64(12))
	// The log is replaced while the scrubbing is in the middle of it: its place there is not a place of the new one.
	for range 7 {
		b.fire(scrubTimer)
		b.disk()
		if !b.seg.scrubs.images && b.seg.scrubs.at > 0 {
			break
		}
	}
	require.NotZero(t, b.seg.scrubs.at)
	b.get(writer1, told(1, 6, 6))
	b.fire(coalesceTimer)
	b.disk()
	require.Equal(t, node.LSN(6), b.seg.Floor())
	b.pass()
	require.Zero(t, b.seg.Counters().Rotten)
	for i, file := range []*[]byte{&b.images, &b.file} {
		(*file)[len(*file)-100] ^= 1
		for range 20 {
			b.pass()
		}
		require.EqualValues(t, i+1, b.seg.Counters().Rotten)
	}
}

// A piece of the images is on its way from the disk, rotten, when the segment begins to fetch those of a peer. It wrote its own anew, then
// the peer's, and was told twice that they are durable: the second time it had none on the way, and ended itself.
func TestRotThatIsFoundInTheMiddleOfAFilling(t *testing.T) {
	rs := chain(9, 3)
	b := scrubBench(t, rs)
	for !b.seg.scrubs.images {
		b.fire(scrubTimer)
		b.disk()
	}
	b.images = slices.Clone(b.images)
	b.images[len(b.images)-10] ^= 1
	b.fire(scrubTimer)
	b.get(peer, &node.GossipGive{Line: 1, Floor: 12})
	ask := b.fillAsked()
	b.one(true) // what was read
	require.Empty(t, b.pending, "it begins to write nothing that is replaced at once")
	b.get(peer, &node.FillGive{Token: ask.Token, At: 12, Last: heldOf(rs[8]), Done: true})
	b.disk()
	require.Equal(t, node.LSN(12), b.seg.Floor())
	require.False(t, b.seg.Damaged())
}
