package segment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// rotLast flips a bit in the body of the log's last entry.
func (b *bench) rotLast() { b.file[len(b.file)-headerBytes-10] ^= 4 }

// told returns the traces of that action.
func (b *bench) told(a node.Action) (ts []node.Trace) {
	for _, t := range b.traces {
		if t.Action == a {
			ts = append(ts, t)
		}
	}
	return ts
}

// A record rots, comes again from a peer, and its new copy rots before an entry behind it says that it was synced. The start
// told the copy as a Store: of a record that the model holds since the first one, so a correct segment was accused. A run
// whose plan struck one segment twice found it (harness/scenario has its schedule).
func TestARecordThatRotsTwiceIsToldOnce(t *testing.T) {
	b := newBench(t)
	first := record(1, 0, 1, "a", "", "1")
	b.get(writer1, writes(1, first))
	b.disk()
	require.Len(t, b.told(node.ActStore), 1)
	b.get(writer2, &node.Fence{Epoch: 2}) // an entry behind says that the record was synced
	b.disk()
	b.file[len(Formatted()[0].Data)+headerBytes+10] ^= 4
	b.restart()
	require.True(t, b.seg.Damaged())
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{first}})
	b.disk()
	require.False(t, b.seg.Damaged())
	b.rotLast()
	b.restart()
	require.True(t, b.seg.Damaged())
	require.Empty(t, b.told(node.ActStore))
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{first}})
	b.disk()
	require.False(t, b.seg.Damaged())
	require.Empty(t, b.told(node.ActStore), "the first copy was told")
	require.Equal(t, node.LSN(1), b.seg.SCL())
}

// Of two copies of a record the later one rots. Nothing is lost: counted as damage, it was damage for ever, for a record
// that is held is not taken from a peer.
func TestARottenCopyOfARecordThatCanBeReadIsNoDamage(t *testing.T) {
	b := newBench(t)
	first := record(1, 0, 1, "a", "", "1")
	b.get(writer1, writes(1, first))
	b.disk()
	b.rotLast()
	b.restart()
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{first}})
	b.disk()
	b.file[len(Formatted()[0].Data)+len(appendEntry(nil, &entry{kind: recordEntry, record: first}))-headerBytes-10] ^= 4 // the bit flips back
	b.rotLast()
	b.restart()
	require.False(t, b.seg.Damaged())
	require.Equal(t, node.LSN(1), b.seg.SCL())
}

// A record that rotted comes again from a peer while a join that drops it is on its way to the disk. Taken, it stood behind
// the join, and the segment held a record that is not on its history; what a writer sends was always asked for that.
func TestARecordThatAPendingJoinDropsIsNotFetchedAgain(t *testing.T) {
	b := newBench(t)
	first := record(1, 0, 1, "a", "", "1")
	b.get(writer1, writes(1, first))
	b.disk()
	b.get(writer2, &node.Fence{Epoch: 2})
	b.disk()
	b.file[len(Formatted()[0].Data)+headerBytes+10] ^= 4
	b.restart()
	require.True(t, b.seg.Damaged())
	b.get(writer2, &node.Join{Epoch: 2, History: node.FirstHistory().Cut(0, 2)})
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{first}})
	b.disk()
	require.False(t, b.seg.Damaged())
	require.Zero(t, b.seg.SCL())
	holds := b.told(node.ActHolds)
	require.Len(t, holds, 1)
	require.Empty(t, node.DetailOf[node.HoldsStep](&holds[0]).Held)
	b.restart()
	require.Zero(t, b.seg.SCL())
	require.Empty(t, b.told(node.ActStore))
}

// Two records rot, the later one before the segment told of it; a crash comes when the earlier one was fetched again. The
// entry that brought it said that all before it was synced, so the next start took the later one's Store as told, and the
// promise behind it, and never told either.
func TestWhatWaitsToBeToldIsNotTakenForTold(t *testing.T) {
	b := newBench(t)
	first, second := record(1, 0, 1, "a", "", "1"), record(2, 1, 1, "b", "", "1")
	b.get(writer1, writes(1, first))
	b.disk()
	b.get(writer1, writes(1, second))
	b.get(writer2, &node.Fence{Epoch: 2})
	b.traces = nil
	for range 3 {
		b.one(false) // two appends and a sync, which the segment does not hear of
	}
	size := len(appendEntry(nil, &entry{kind: recordEntry, record: first}))
	base := len(Formatted()[0].Data)
	b.file[base+headerBytes+10] ^= 4
	b.file[base+size+headerBytes+10] ^= 4
	b.restart()
	require.Empty(t, b.traces, "it waits for the second record")
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{first}})
	b.disk()
	require.Empty(t, b.traces, "it waits on")
	b.restart()
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{second}})
	b.disk()
	require.False(t, b.seg.Damaged())
	require.Equal(t, []node.Action{node.ActStore, node.ActFence, node.ActHolds}, actions(b.traces))
	require.Equal(t, second, b.traces[0].Record)
}

// fillAsked returns the question for images that was sent last.
func (b *bench) fillAsked() *node.FillAsk {
	b.t.Helper()
	for i := len(b.sent) - 1; i >= 0; i-- {
		if m, is := b.sent[i].Message.(*node.FillAsk); is {
			return m
		}
	}
	require.Fail(b.t, "no images were asked for")
	return nil
}

// The last record rots before anything says that its step was told, and the peers collect it on a later line. The start waited for the
// record to tell the step, and until then took neither the join nor images: it was damaged for ever. Runs in which everything that rots
// has to be mended found it.
func TestAStepThatWaitsForACollectedRecordIsGivenUp(t *testing.T) {
	b := newBench(t)
	first := record(1, 0, 1, "a", "", "1")
	b.get(writer1, writes(1, first))
	b.disk()
	b.rotLast()
	b.restart()
	require.True(t, b.seg.Damaged())
	history := node.FirstHistory().Cut(5, 3)
	b.get(writer2, &node.Join{Epoch: 3, History: history})
	require.IsType(t, &node.Damaged{}, b.answer())
	b.get(peer, &node.GossipGive{Line: 3, Floor: 5})
	b.sent = nil
	b.get(writer2, &node.Join{Epoch: 3, History: history})
	b.disk()
	require.IsType(t, &node.Joined{}, b.answer())
	require.True(t, b.seg.Damaged(), "it still lacks what it acknowledged")

	// As a record it comes no more: nobody knows whether the model has seen it stored.
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{first}})
	b.disk()
	require.True(t, b.seg.Damaged())
	require.Empty(t, b.told(node.ActStore))
	for range 2 {
		b.fire(gossipTimer) // a filling that began on the line before is given up
	}
	b.get(peer, &node.GossipGive{Line: 3, Floor: 5})
	b.get(peer, &node.FillGive{Token: b.fillAsked().Token, At: 5, Last: heldOf(first), Done: true})
	b.disk()
	require.False(t, b.seg.Damaged())
	require.Equal(t, node.LSN(1), b.seg.SCL())
	require.Len(t, b.told(node.ActFill), 1)
	require.Empty(t, b.told(node.ActStore))
	b.restart()
	require.False(t, b.seg.Damaged())
}

// A tail's floor says nothing to a segment that keeps pages: it gets no images there, and waits for the record.
func TestAStepWaitsOnWhenATailHasCollected(t *testing.T) {
	v := testVolume()
	v.Tails = []bool{false, true, false}
	b := newBenchOf(t, self, v)
	first := record(1, 0, 1, "a", "", "1")
	b.get(writer1, writes(1, first))
	b.disk()
	b.rotLast()
	b.restart()
	b.get(peer, &node.GossipGive{Line: 1, Floor: 5})
	b.get(3, &node.GossipGive{Line: 1, Records: []*node.Record{first}})
	b.disk()
	require.False(t, b.seg.Damaged())
	require.Len(t, b.told(node.ActStore), 1)
}
