package segment

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// full has the disk have no room for the next operation that it tells of, as the contract says: what was appended and is not
// durable is off the disk again, and syncs under way are told so, too.
func (b *bench) full() {
	b.t.Helper()
	for i := range b.pending {
		op := b.pending[i]
		if op.kind == node.DoAppend {
			continue
		}
		rest := b.pending[i+1:]
		b.pending = nil
		for _, later := range rest {
			if later.kind != node.DoAppend {
				b.pending = append(b.pending, later)
			}
		}
		b.step(node.Event{Kind: node.DiskFull, Token: op.token})
		return
	}
	b.t.Fatal("expected an operation of the disk, found none")
}

// What found no room is acknowledged by no message. It comes again, stands where it would have stood, and a start reads it.
func TestASegmentWithoutRoom(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.disk()
	b.sent = nil
	b.get(writer1, writes(1, record(2, 1, 1, "b", "", "2")))
	b.full()
	require.Empty(t, b.sent)
	require.EqualValues(t, 1, b.seg.SCL())
	require.True(t, b.seg.State().Serving)
	b.get(writer1, &node.Append{Epoch: 1}) // it still answers of what it has
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 1}, b.answer())

	b.get(writer1, writes(1, record(2, 1, 1, "b", "", "2")))
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 2}, b.answer())
	b.restart()
	require.False(t, b.seg.Damaged())
	require.EqualValues(t, 2, b.seg.SCL())
}

// A promise for which there was no room is none: the segment takes what the old writer sends, and no fence was answered.
func TestAPromiseWithoutRoom(t *testing.T) {
	b := newBench(t)
	b.get(writer2, &node.Fence{Epoch: 2})
	b.full()
	require.Empty(t, b.sent)
	require.EqualValues(t, 1, b.seg.Promise())
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 1}, b.answer())
	b.get(writer2, &node.Fence{Epoch: 2})
	b.disk()
	require.EqualValues(t, 1, b.answer().(*node.Fenced).SCL)
}

// A log is on its way that has what was queued, and then there is no room for what came behind. What was queued was given up, and
// nothing is appended until the log has been written anew: another entry at the same position would make the log unreadable.
func TestNoRoomWhileALogIsOnItsWay(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.disk()
	b.get(writer1, writes(1, record(2, 1, 1, "b", "", "2"))) // queued
	queued := b.pending
	b.pending = nil
	var out node.Effects
	b.seg.trim(&out)
	b.pending = append(queued, operation{node.DoReplace, logFile, append([]byte(nil), out.List[0].Data...), out.List[0].Token, 0, 0})
	b.full() // the sync of 2
	b.sent = nil
	b.get(writer1, writes(1, record(2, 1, 1, "c", "", "3")))
	require.Empty(t, b.pending[1:], "it must not append")
	b.disk() // the log that has the first of them
	b.get(writer1, writes(1, record(2, 1, 1, "c", "", "3")))
	require.Empty(t, b.pending)
	b.fire(gossipTimer)
	b.full() // no room for the log anew either: again
	b.fire(gossipTimer)
	b.disk()
	b.sent = nil
	b.get(writer1, writes(1, record(2, 1, 1, "c", "", "3")))
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 2}, b.answer())
	b.restart()
	require.False(t, b.seg.Damaged())
	require.EqualValues(t, 2, b.seg.SCL())
	require.Equal(t, "c", b.seg.at(2).Key)
}

// A log is in its place that has what was queued when it was made, and there is no room for what came behind, so that the sync of both is
// refused. A promise at the position of what was given up would be lost in the next start: it came after a record of that position.
func TestNoRoomBehindALogThatIsInItsPlace(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.disk()
	b.get(writer1, writes(1, record(2, 1, 1, "b", "", "2")))
	b.get(writer1, writes(1, record(3, 2, 1, "c", "", "3"))) // queued behind the sync of 2
	var out node.Effects
	b.seg.trim(&out)
	b.pending = append(b.pending, operation{node.DoReplace, logFile, append([]byte(nil), out.List[0].Data...), out.List[0].Token, 0, 0})
	for range 4 {
		b.one(true) // 2, its sync, 3, and the log that has both
	}
	b.full() // the sync of 3
	b.sent = nil
	b.get(writer2, &node.Fence{Epoch: 2})
	require.Empty(t, b.pending, "it must not append")
	b.fire(gossipTimer)
	b.disk() // the log, anew
	b.get(writer2, &node.Fence{Epoch: 2})
	b.disk()
	require.EqualValues(t, 2, b.answer().(*node.Fenced).SCL)
	b.restart()
	require.False(t, b.seg.Damaged())
	require.EqualValues(t, 2, b.seg.Promise())
	require.EqualValues(t, 2, b.seg.SCL())
}

// A full disk takes off entries that a scrub has passed. It must not go on where they ended, in the middle of what was appended since:
// it would report rot of a sound log.
func TestAScrubDoesNotGoOnBehindWhatAFullDiskTookOff(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.disk()
	end := len(b.file)
	b.get(writer1, writes(1, record(2, 1, 1, "b", "", "2")))
	b.one(true) // the append
	b.fire(scrubTimer)
	require.Equal(t, node.DoRead, b.pending[1].kind)
	sync := b.pending[0]
	b.pending = b.pending[1:]
	b.one(true) // the read comes back before the sync
	b.file = b.file[:end]
	b.step(node.Event{Kind: node.DiskFull, Token: sync.token})
	b.get(writer1, writes(1, record(2, 1, 1, "b", "", strings.Repeat("longer", 100))))
	b.disk()
	b.get(writer1, writes(1, record(3, 2, 1, "c", "", "3")))
	b.disk()
	b.pass()
	require.Zero(t, b.seg.Counters().Rotten)
	require.EqualValues(t, 3, b.seg.SCL())
}

// A start that finds no room for what it makes of the log serves nothing, and tries again.
func TestAStartWithoutRoom(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.disk()
	b.file = append(b.file, 1, 2, 3) // a torn end, which a start takes off
	seg := New(Config{ID: self, Volume: testVolume(), GossipEvery: 1, CoalesceEvery: 1}, node.NoHook{})
	b.seg, b.pending, b.sent = seg, nil, nil
	b.step(node.Event{Kind: node.Started, Incarnation: 2, Files: []node.File{{Name: logFile, Data: append([]byte(nil), b.file...)}}})
	b.full()
	require.False(t, seg.State().Serving)
	b.get(writer2, &node.Fence{Epoch: 2})
	require.Empty(t, b.sent)
	b.fire(gossipTimer)
	b.disk()
	require.True(t, seg.State().Serving)
	require.EqualValues(t, 1, seg.SCL())
}

// Images for which there was no room stand for nothing, and are made again.
func TestImagesWithoutRoom(t *testing.T) {
	b := newBench(t)
	rs := chain(10, 3)
	b.get(writer1, told(1, 8, 6, rs[:9]...))
	b.disk()
	b.fire(coalesceTimer)
	b.full()
	require.Zero(t, b.seg.Floor())
	require.Nil(t, b.images)
	b.fire(coalesceTimer)
	b.full()
	b.fire(coalesceTimer)
	b.one(true)
	require.EqualValues(t, 6, b.seg.Floor())
	b.full() // no room for the shorter log
	b.get(writer1, writes(1, rs[9]))
	b.disk()
	long := len(b.file)
	b.fire(gossipTimer)
	b.disk()
	require.Less(t, len(b.file), long)
	b.restart()
	require.False(t, b.seg.Damaged())
	require.EqualValues(t, 10, b.seg.SCL())
	require.EqualValues(t, 6, b.seg.Floor())
	b.expect(rs, 3)
}
