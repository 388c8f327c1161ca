package segment

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// chain returns n records of the test's only group, each a version of row k of page p = LSN mod pages.
func chain(n, pages int) []*node.Record {
	last := map[node.PageID]string{}
	var rs []*node.Record
	for l := node.LSN(1); int(l) <= n; l++ {
		p := node.PageID(int(l) % pages)
		r := &node.Record{LSN: l, Epoch: 1, Prev: l - 1, Kind: node.Write, Last: true, Txn: node.MakeTxn(1, uint32(l)),
			Page: p, Key: "row", New: node.Some(fmt.Sprint("v", l)), OldestActive: l + 1}
		if v := last[p]; v != "" {
			r.Old = node.Some(v)
		}
		last[p] = r.New.Bytes
		r.Seal()
		rs = append(rs, r)
	}
	return rs
}

func told(e node.Epoch, vdl, floor node.LSN, rs ...*node.Record) *node.Append {
	return &node.Append{Epoch: e, Records: rs, VDL: vdl, Last: vdl, Floor: floor}
}

// version reads row of page p as of l, "" if there is no such row.
func (b *bench) version(p node.PageID, l node.LSN) string {
	b.t.Helper()
	image, err := b.seg.PageAt(p, l)
	require.NoError(b.t, err)
	pg, err := page.Decode(image)
	require.NoError(b.t, err)
	return pg.Get("row").Bytes
}

// expect compares every version from the floor on with what the records say.
func (b *bench) expect(rs []*node.Record, pages int) {
	b.t.Helper()
	for at := b.seg.Floor(); int(at) <= len(rs); at++ {
		for p := range node.PageID(pages) {
			want := ""
			for _, r := range rs[:at] {
				if r.Page == p {
					want = r.New.Bytes
				}
			}
			require.Equal(b.t, want, b.version(p, at), "page %d at %d", p, at)
		}
	}
}

func (b *bench) fenced(e node.Epoch) *node.Fenced {
	b.t.Helper()
	b.sent = nil
	b.get(writer2, &node.Fence{Epoch: e})
	b.disk()
	return b.answer().(*node.Fenced)
}

// SIGMOD 2017 §3.3, steps 5 and 7: log becomes pages, and is dropped; every version from the floor on stays.
func TestLogBecomesPages(t *testing.T) {
	b := newBench(t)
	rs := chain(9, 3)
	b.get(writer1, told(1, 8, 6, rs...))
	b.disk()
	long := len(b.file)
	b.fire(coalesceTimer)
	b.disk()
	require.Equal(t, node.LSN(6), b.seg.Floor())
	require.Less(t, len(b.file), long/2)
	require.Len(t, b.seg.held, 3)
	b.expect(rs, 3)
	for _, l := range []node.LSN{0, 5} {
		_, err := b.seg.PageAt(1, l)
		var below *BelowFloorError
		require.ErrorAs(t, err, &below)
		require.Equal(t, node.LSN(6), below.Floor)
	}
	b.sent = nil
	b.get(writer1, &node.ReadPage{Epoch: 1, Page: 1, ReadPoint: 5, Need: 5, Attempt: 7})
	require.Equal(t, &node.BelowFloor{Epoch: 1, Page: 1, Attempt: 7, Floor: 6}, b.answer())
	require.Equal(t, Counters{Coalesced: 3, Collected: 6, Versions: 3}, b.seg.Counters())

	b.restart()
	require.Equal(t, node.LSN(9), b.seg.SCL())
	b.expect(rs, 3)
	require.Equal(t, []node.Action{node.ActHolds}, actions(b.traces))
	require.Equal(t, node.LSN(6), b.traces[0].LSN)
	require.Len(t, node.DetailOf[node.HoldsStep](&b.traces[0]).Held, 3)
	b.get(writer1, told(1, 9, 9))
	b.fire(coalesceTimer)
	b.disk()
	require.Equal(t, node.LSN(9), b.seg.Floor())
	b.expect(rs, 3)
}

// What a recovery asks is never collected: what is held above the VDL, the group's last record at or below it, for the
// back-links and the oldest active transaction, and the promise.
func TestARecoveryFindsWhatItNeedsAfterACollection(t *testing.T) {
	for _, restart := range []bool{false, true} {
		b := newBench(t)
		rs := chain(9, 3)
		b.get(writer1, told(1, 6, 6, rs...))
		b.disk()
		b.fire(coalesceTimer)
		b.disk()
		if restart {
			b.restart()
		}
		f := b.fenced(2)
		require.Equal(t, node.LSN(9), f.SCL)
		require.Equal(t, node.LSN(6), f.VDL)
		require.Equal(t, node.LSN(6), f.Floor)
		require.Equal(t, heldOf(rs[5]), f.Held[0])
		require.Len(t, f.Held, 4)
		b.restart()
		require.Equal(t, node.Epoch(2), b.seg.Promise())
		b.get(writer2, &node.Join{Epoch: 2, History: node.FirstHistory().Cut(7, 2)})
		b.disk()
		require.Equal(t, node.LSN(7), b.seg.SCL())
		require.False(t, b.seg.Damaged())
		b.expect(rs[:7], 3)
	}
}

// A log with the joins of two recoveries, and images of the second one's line: the crash came when they were durable, and
// the log was not yet without what they stand for. The first join is not on their line, and does not take them: when all
// segments of a group lost power in that moment, each threw its images away, and none was left to fill the others from.
func TestImagesOfALaterLineThanTheLogBeginsWith(t *testing.T) {
	b := newBench(t)
	rs := chain(4, 3)
	b.get(writer1, told(1, 2, 0, rs[:2]...))
	second := node.FirstHistory().Cut(2, 2)
	b.get(writer2, &node.Join{Epoch: 2, History: second})
	b.disk()
	for _, r := range rs[2:] {
		r.Epoch = 2
		r.Seal()
	}
	b.get(writer2, writes(2, rs[2]))
	third := second.Cut(3, 3)
	b.get(writer1, &node.Join{Epoch: 3, History: third})
	b.disk()
	rs[3].Epoch = 3
	rs[3].Seal()
	b.get(writer1, told(3, 4, 4, rs[3]))
	b.disk()
	before := len(b.file)
	b.fire(coalesceTimer)
	b.one(false) // the images
	require.NotNil(t, b.images)
	require.Len(t, b.file, before)
	b.restart()
	require.False(t, b.seg.Damaged())
	require.Equal(t, node.LSN(4), b.seg.SCL())
	require.Equal(t, node.LSN(4), b.seg.Floor())
	b.expect(rs, 3)
}

// The floor goes no higher than the segment is complete, nor than a VDL that it was told.
func TestTheFloorStaysBelowAGap(t *testing.T) {
	b := newBench(t)
	rs := chain(9, 1)
	b.get(writer1, told(1, 9, 9, append(slices.Clone(rs[:5]), rs[6:]...)...))
	b.disk()
	b.fire(coalesceTimer)
	b.disk()
	require.Equal(t, node.LSN(5), b.seg.Floor())
	b.get(writer1, writes(1, rs[5]))
	b.disk()
	b.fire(coalesceTimer)
	b.disk()
	require.Equal(t, node.LSN(9), b.seg.Floor())
	b.expect(rs, 1)
}

// A floor that lags, as behind a reader that hangs, has the log written anew no more often than pays: all that was written together is
// in proportion to the log, where a collection of every record that goes would write the rest for each.
func TestALogThatStaysIsNotWrittenForEveryRecordThatGoes(t *testing.T) {
	b := newBench(t)
	rs := chain(400, 1)
	b.get(writer1, told(1, 400, 0, rs...))
	b.disk()
	long, written := len(b.file), 0
	for floor := node.LSN(1); floor <= 400; floor++ {
		b.get(writer1, told(1, 400, floor))
		b.fire(coalesceTimer)
		if b.seg.pending == nil {
			continue
		}
		b.disk()
		written += len(b.file)
	}
	require.Equal(t, node.LSN(400), b.seg.Floor())
	require.Less(t, written, 2*long)
	require.Greater(t, written, long/2)
}

// A crash after every single thing that the disk does, with more arriving meanwhile: nothing that was acknowledged is
// gone, the promise holds, every version from the floor on can be read, and the segment goes on.
func TestACrashAnywhereInACollection(t *testing.T) {
	for after := 0; ; after++ {
		b := newBench(t)
		rs := chain(12, 3)
		b.get(writer1, told(1, 8, 6, rs[:9]...))
		b.disk()
		b.fire(coalesceTimer)
		b.get(writer1, told(1, 9, 7, rs[9])) // while the images are on their way
		for range after {
			if len(b.pending) > 0 {
				b.one(true)
			}
			if b.seg.trimming && len(rs) == 12 && b.seg.ahead.promise == 1 {
				b.get(writer1, told(1, 9, 7, rs[10])) // while the log is
				b.get(writer2, &node.Fence{Epoch: 2})
			}
		}
		over := len(b.pending) == 0
		acknowledged, promised := node.LSN(9), node.Epoch(1)
		for _, e := range b.sent {
			switch m := e.Message.(type) {
			case *node.Appended:
				acknowledged = max(acknowledged, m.SCL)
			case *node.Fenced:
				promised = m.Epoch
			}
		}
		b.restart()
		require.False(t, b.seg.Damaged(), "after %d", after)
		require.GreaterOrEqual(t, b.seg.SCL(), acknowledged, "after %d", after)
		require.GreaterOrEqual(t, b.seg.Promise(), promised, "after %d", after)
		b.expect(rs[:b.seg.SCL()], 3)
		b.get(writer2, &node.Join{Epoch: 3, History: node.FirstHistory().Cut(9, 3)})
		b.disk()
		next := *rs[9]
		next.Epoch = 3
		next.Seal()
		b.get(writer2, told(3, 10, 10, &next))
		b.disk()
		b.fire(coalesceTimer)
		b.disk()
		require.Equal(t, node.LSN(10), b.seg.Floor(), "after %d", after)
		b.expect(append(slices.Clone(rs[:9]), &next), 3)
		if over {
			require.Greater(t, after, 5)
			return
		}
	}
}

// Each single bit of the images flips in turn: they are read, or known not to be.
func TestImagesSurviveAnyFlippedBitOrSaySo(t *testing.T) {
	b := newBench(t)
	rs := chain(9, 3)
	b.get(writer1, told(1, 8, 6, rs...))
	b.disk()
	b.fire(coalesceTimer)
	b.disk()
	good := b.images
	for at := range good {
		for bit := range 8 {
			b.images = slices.Clone(good)
			b.images[at] ^= 1 << bit
			b.restart()
			inHeaders := at < 2*imagesHeaderBytes
			require.Equal(t, !inHeaders, b.seg.Damaged(), "byte %d", at)
			if inHeaders {
				b.expect(rs, 3)
				continue
			}
			require.Zero(t, b.seg.SCL())
			require.Equal(t, node.LSN(6), b.seg.below())
		}
	}
}

// group makes a bench for each of the test's three segments.
func group(t *testing.T, v *node.Volume) []*bench {
	var bs []*bench
	for _, id := range v.Segments[0] {
		bs = append(bs, newBenchOf(t, id, v))
	}
	return bs
}

// exchange delivers what the benches sent each other, and what they answer, until nothing comes; what is for others is
// dropped.
func exchange(bs []*bench) {
	for busy := true; busy; {
		busy = false
		for _, b := range bs {
			sent := b.sent
			b.sent = nil
			for _, e := range sent {
				for _, to := range bs {
					if to.id == e.To {
						to.get(b.id, e.Message)
						to.disk()
						busy = true
					}
				}
			}
		}
	}
}

// A segment whose peers have collected what it lacks gets their images, and the records above them by gossip.
func TestASegmentThatLagsBehindItsPeersFloorIsFilled(t *testing.T) {
	bs := group(t, testVolume())
	rs := chain(9, 3)
	for _, b := range bs[1:] {
		b.get(writer1, told(1, 8, 6, rs...))
		b.disk()
		b.fire(coalesceTimer)
		b.disk()
	}
	lagging := bs[0]
	lagging.get(writer1, told(1, 8, 6, rs[0], rs[1], rs[7]))
	lagging.disk()
	lagging.traces = nil
	for range idleTicks * 2 {
		lagging.fire(gossipTimer)
		exchange(bs)
	}
	require.Equal(t, node.LSN(9), lagging.seg.SCL())
	require.Equal(t, node.LSN(6), lagging.seg.Floor())
	require.Contains(t, actions(lagging.traces), node.ActFill)
	lagging.expect(rs, 3)
	lagging.restart()
	require.Equal(t, node.LSN(9), lagging.seg.SCL())
	lagging.expect(rs, 3)
}

// A crash at any point of a filling leaves the segment as it was, or filled; and it gets there in the end, whether the
// images come in one message or in one each.
func TestACrashAnywhereInAFilling(t *testing.T) {
	for _, c := range []struct{ chunk, steps int }{{0, 6}, {1, 10}} {
		crashAnywhereInAFilling(t, c.chunk, c.steps)
	}
}

func crashAnywhereInAFilling(t *testing.T, chunk, least int) {
	for after := 0; ; after++ {
		bs := group(t, testVolume())
		bs[1].chunk = chunk
		bs[1].restart()
		rs := chain(9, 3)
		bs[1].get(writer1, told(1, 8, 6, rs...))
		bs[1].disk()
		bs[1].fire(coalesceTimer)
		bs[1].disk()
		lagging := bs[0]
		lagging.get(writer1, told(1, 8, 6, rs[0], rs[7]))
		lagging.disk()
		lagging.sent, bs[1].sent = nil, nil
		for range idleTicks {
			lagging.fire(gossipTimer)
		}
		steps := 0
		for over := false; !over && steps < after; steps++ {
			over = len(lagging.sent) == 0 && len(bs[1].sent) == 0 && len(lagging.pending) == 0
			switch {
			case len(lagging.pending) > 0:
				lagging.one(true)
			case len(lagging.sent) > 0:
				e := lagging.sent[0]
				lagging.sent = lagging.sent[1:]
				if e.To == peer {
					bs[1].get(self, e.Message)
				}
			case len(bs[1].sent) > 0:
				e := bs[1].sent[0]
				bs[1].sent = bs[1].sent[1:]
				if e.To == self {
					lagging.get(peer, e.Message)
				}
			}
		}
		lagging.restart()
		require.False(t, lagging.seg.Damaged())
		if scl := lagging.seg.SCL(); scl >= 6 {
			lagging.expect(rs[:scl], 3)
		} else {
			require.Equal(t, node.LSN(1), scl)
		}
		for range 2 * idleTicks {
			lagging.fire(gossipTimer)
			exchange(bs)
		}
		require.Equal(t, node.LSN(9), lagging.seg.SCL(), "after %d steps", after)
		lagging.expect(rs, 3)
		if steps < after {
			require.Greater(t, after, least)
			return
		}
	}
}

// Images that cannot be read are no empty pages: the segment has no vote and serves nothing, follows the log, and is
// filled again, from where it was on.
func TestRottenImagesAreFilledAgain(t *testing.T) {
	bs := group(t, testVolume())
	rs := chain(9, 3)
	for _, b := range bs {
		b.get(writer1, told(1, 8, 6, rs...))
		b.disk()
	}
	b := bs[0]
	b.fire(coalesceTimer)
	b.disk()
	b.images[len(b.images)-1] ^= 1
	b.restart()
	b.get(writer2, &node.Fence{Epoch: 2})
	require.IsType(t, &node.Damaged{}, b.answer())
	b.get(writer2, &node.Join{Epoch: 2, History: node.FirstHistory().Cut(9, 2)})
	b.disk()
	require.Equal(t, &node.Joined{Epoch: 2, SCL: 0}, b.answer())
	b.traces = nil
	for range idleTicks {
		b.fire(gossipTimer)
		exchange(bs)
	}
	require.False(t, b.seg.Damaged())
	require.Equal(t, node.LSN(9), b.seg.SCL())
	require.Equal(t, []node.Action{node.ActFill, node.ActHolds}, actions(b.traces))
	b.expect(rs, 3)
}

// A tail keeps no pages, drops the log all the same, and is filled with what it is complete to alone; it fills no full
// segment.
func TestTailsKeepNoPages(t *testing.T) {
	v := testVolume()
	v.Tails = []bool{false, true, true}
	bs := group(t, v)
	rs := chain(9, 3)
	for _, b := range bs[:2] {
		b.get(writer1, told(1, 8, 6, rs...))
		b.disk()
		b.fire(coalesceTimer)
		b.disk()
		require.Equal(t, node.LSN(6), b.seg.Floor())
	}
	tail := bs[1]
	_, err := tail.seg.PageAt(0, 9)
	require.ErrorIs(t, err, errTail)
	tail.sent = nil
	tail.get(writer1, &node.ReadPage{Epoch: 1, ReadPoint: 8, Need: 8})
	require.IsType(t, &node.Behind{}, tail.answer())
	tail.get(self, &node.FillAsk{History: node.FirstHistory()})
	tail.silent()
	for range idleTicks * 2 {
		bs[2].fire(gossipTimer)
		exchange(bs)
	}
	require.Equal(t, node.LSN(6), bs[2].seg.Floor())
	require.Equal(t, node.LSN(9), bs[2].seg.SCL())
}

// A full segment asks no tail for images, which has none: it waits for the one that it asked until its next turn but one, and with
// every other peer a tail it would ask none but tails, for ever.
func TestAFullSegmentAsksNoTailForImages(t *testing.T) {
	v := testVolume()
	v.Tails = []bool{false, true, false}
	for asked, want := range map[node.ID]int{peer: 0, 3: 1} {
		b := newBenchOf(t, self, v)
		b.sent = nil
		b.get(asked, &node.GossipGive{Line: 1, Floor: 6})
		asks := 0
		for _, e := range b.sent {
			if _, is := e.Message.(*node.FillAsk); is && e.To == asked {
				asks++
			}
		}
		require.Equal(t, want, asks, "of segment %d", asked)
	}
}
