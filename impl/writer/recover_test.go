package writer

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/lock"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

func newTestWriter(groups, replicas, write, read int) *Writer {
	v := &node.Volume{WriteQuorum: write, ReadQuorum: read, Register: 100}
	for g := range groups {
		var members []node.ID
		for r := range replicas {
			members = append(members, node.ID(1+10*g+r))
		}
		v.Segments = append(v.Segments, members)
	}
	return New(Config{ID: 101, Volume: v, CachePages: 4,
		RetryEvery: time.Second, IdleAfter: time.Minute, Limits: DefaultLimits()}, node.NoHook{})
}

// held lists records of epoch e that each end a mini-transaction.
func held(e node.Epoch, lsns ...node.LSN) []node.Held {
	var hs []node.Held
	for _, l := range lsns {
		hs = append(hs, node.Held{LSN: l, Epoch: e, Last: true, OldestActive: l + 1})
	}
	return hs
}

// Where the log is cut, from what is answered (SIGMOD 2017 §4.3).
func TestCut(t *testing.T) {
	first := node.FirstHistory()
	answer := func(h node.History, vdl node.LSN, hs ...node.Held) *node.Fenced {
		return &node.Fenced{Epoch: 9, History: h, VDL: vdl, Held: hs}
	}
	open := func(hs []node.Held, l node.LSN) []node.Held {
		for i := range hs {
			if hs[i].LSN == l {
				hs[i].Last = false
			}
		}
		return hs
	}
	second := first.Cut(4, 2)
	for _, c := range []struct {
		why     string
		answers [][]*node.Fenced // by group
		cut     node.LSN
	}{
		{"an empty volume", [][]*node.Fenced{{answer(first, 0), answer(first, 0), answer(first, 0)}}, 0},
		{"the lecture: 101, 102 and 104 are held, 103 by nobody", [][]*node.Fenced{{
			answer(first, 100, held(1, 100, 101)...), answer(first, 100, held(1, 100, 102)...), answer(first, 100, held(1, 100, 104)...)}}, 102},
		{"one copy of a record is enough to keep it", [][]*node.Fenced{{
			answer(first, 0, held(1, 1)...), answer(first, 0), answer(first, 0)}}, 1},
		{"a gap of another group cuts this one, complete as it is (Q9)", [][]*node.Fenced{
			{answer(first, 100, held(1, 100, 101, 103)...), answer(first, 100, held(1, 100, 101, 103)...), answer(first, 100, held(1, 100, 101, 103)...)},
			{answer(first, 100, held(1, 99)...), answer(first, 100, held(1, 99)...), answer(first, 100, held(1, 99)...)}}, 101},
		{"a group that is idle cuts nothing", [][]*node.Fenced{
			{answer(first, 0, held(1, 1, 2, 3)...), answer(first, 0, held(1, 1, 2, 3)...), answer(first, 0, held(1, 1, 2, 3)...)},
			{answer(first, 0), answer(first, 0), answer(first, 0)}}, 3},
		{"down to the last consistency point", [][]*node.Fenced{{
			answer(first, 0, open(held(1, 1, 2, 3), 3)...), answer(first, 0), answer(first, 0)}}, 2},
		{"a consistency point behind an unfinished mini-transaction's gap does not count", [][]*node.Fenced{{
			answer(first, 0, open(open(held(1, 1, 2, 3, 5), 2), 3)...), answer(first, 0), answer(first, 0)}}, 1},
		{"what is told to be durable by one needs no other", [][]*node.Fenced{{
			answer(first, 7, held(1, 7)...), answer(first, 2, held(1, 2, 3)...), answer(first, 0)}}, 7},
		{"records of a line that was cut do not count (Q5)", [][]*node.Fenced{{
			answer(first, 2, held(1, 2, 3, 4, 5, 6, 7)...), answer(second, 4, held(1, 4)...), answer(second, 4, held(1, 4)...)}}, 4},
		{"an LSN that was used again is another record", [][]*node.Fenced{{
			answer(first, 4, held(1, 4, 5, 6)...), answer(second, 4, append(held(1, 4), held(2, 5)...)...), answer(second, 4)}}, 5},
	} {
		w := newTestWriter(len(c.answers), 3, 2, 2)
		for g := range c.answers {
			copy(w.answers[g], c.answers[g])
		}
		rd := w.read()
		require.Equal(t, c.cut, w.cut(&rd), c.why)
	}
}

// SIGMOD 2018 §2.3, figure 3: the VCL is neither the lowest nor the highest PGCL.
func TestVCLOverTwoGroups(t *testing.T) {
	w := newTestWriter(2, 6, 4, 3)
	w.phase, w.epoch = open, 1
	var out node.Effects
	for i := range 6 { // odd LSNs in group 0, even ones in group 1
		w.issue(node.Record{Group: node.Group(i % 2), Kind: node.Commit, Last: true, Page: node.PageID(i % 2)}, &out)
	}
	for g := range w.groups {
		for r := range w.groups[g].replicas {
			w.groups[g].replicas[r].joined = true
		}
	}
	ack := func(g node.Group, r int, scl node.LSN) { w.joined(g, r, scl, &out) }
	for r := range 4 {
		ack(0, r, 3)
	}
	require.Equal(t, node.LSN(1), w.vcl, "2 is complete nowhere")
	for r := range 3 {
		ack(1, r, 4)
	}
	require.Equal(t, node.LSN(1), w.vcl, "2 has three copies")
	ack(1, 0, 4)
	ack(1, 0, 4)
	require.Equal(t, node.LSN(1), w.vcl, "a segment counts once, however often it acknowledges")
	ack(1, 5, 4)
	require.Equal(t, node.LSN(4), w.vcl, "PGCLs 3 and 4")
	ack(0, 3, 2)
	require.Equal(t, node.LSN(4), w.vcl, "a late acknowledgement takes nothing back")
}

// SIGMOD 2017 §4.1: complete to 1007 with consistency points at 900, 1000 and 1100, the volume is durable to 1000.
func TestVDLIsTheLastConsistencyPoint(t *testing.T) {
	w := newTestWriter(1, 1, 1, 1)
	w.phase, w.epoch = open, 1
	w.groups[0].replicas[0].joined = true
	var out node.Effects
	for l := 1; l <= 1100; l++ {
		w.issue(node.Record{Kind: node.Commit, Last: l == 900 || l == 1000 || l == 1100}, &out)
	}
	w.joined(0, 0, 1007, &out)
	require.Equal(t, node.LSN(1007), w.vcl)
	require.Equal(t, node.LSN(1000), w.vdl)
}

// An acknowledgement of another epoch counts for nothing: SCLs of different histories do not compare.
func TestAcknowledgementsOfAnotherEpochDoNotCount(t *testing.T) {
	w := newTestWriter(1, 3, 2, 2)
	w.phase, w.epoch = open, 2
	var out node.Effects
	w.issue(node.Record{Kind: node.Commit, Last: true}, &out)
	for r := range 3 {
		w.receive(w.groups[0].replicas[r].id, &node.Appended{Epoch: 1, SCL: 1}, &out)
	}
	require.Zero(t, w.vcl)
	for r := range 2 {
		w.receive(w.groups[0].replicas[r].id, &node.Appended{Epoch: 2, SCL: 1}, &out)
	}
	require.Equal(t, node.LSN(1), w.vcl)
}

// The log says from where on a recovery has to look for transactions to undo.
func TestOldestActive(t *testing.T) {
	w := newTestWriter(1, 1, 1, 1)
	w.phase, w.epoch = open, 1
	w.cache.add(&page.Page{ID: btree.Root})
	var out node.Effects
	call := func(op node.Op, txn node.Txn, keys ...string) {
		var rows []node.Row
		for _, k := range keys {
			rows = append(rows, node.Row{Key: k, Value: node.Some("v")})
		}
		w.request(200, node.Request{Op: op, Txn: txn, Rows: rows}, &out)
		w.goOn(&out)
	}
	a, b := node.MakeTxn(1, 1), node.MakeTxn(1, 2)
	call(node.OpBegin, 0)
	call(node.OpBegin, 0)
	call(node.OpPut, a, "x") // 1
	call(node.OpPut, b, "y") // 2
	call(node.OpPut, b, "z") // 3
	call(node.OpCommit, a)   // 4
	call(node.OpAbort, b)    // 5, 6
	var got []string
	for _, r := range w.log {
		got = append(got, fmt.Sprintf("%s %d", r.Kind, r.OldestActive))
	}
	require.Equal(t, []string{"write 1", "write 1", "write 1", "commit 2", "undo 2", "undo 7"}, got)
}

// recovering returns a writer of epoch 2 that has fenced two of three segments and decided. The log has three records
// of one transaction, of which the answers say that 1 is durable, and that the transaction is active.
func recovering(t *testing.T) (*Writer, []*node.Record) {
	var rs []*node.Record
	for l := node.LSN(1); l <= 3; l++ {
		rs = append(rs, &node.Record{LSN: l, Epoch: 1, Prev: l - 1, Kind: node.Write, Last: true, Txn: node.MakeTxn(1, 1), Page: btree.Root, Key: fmt.Sprint("row", l), New: node.Some("v"), OldestActive: 1})
	}
	return recoveringOf(t, rs), rs
}

// recoveringOf returns a writer that has found these records on both of the segments that it has fenced.
func recoveringOf(t *testing.T, rs []*node.Record) *Writer {
	w := newTestWriter(1, 3, 2, 2)
	w.phase, w.epoch = fencing, 2
	var hs []node.Held
	for _, r := range rs {
		r.Seal()
		hs = append(hs, heldOf(r))
	}
	scl := rs[len(rs)-1].LSN
	var out node.Effects
	w.fenced(0, 0, &node.Fenced{Epoch: 2, History: node.FirstHistory(), SCL: scl, Held: hs}, &out)
	w.fenced(0, 1, &node.Fenced{Epoch: 2, History: node.FirstHistory(), SCL: scl, Held: hs}, &out)
	require.Equal(t, repairing, w.phase)
	return w
}

func heldOf(r *node.Record) node.Held {
	return node.Held{LSN: r.LSN, Epoch: r.Epoch, Last: r.Last, OldestActive: r.OldestActive}
}

// Seed 5000085: the writer died when a transaction was back at a savepoint, with one change left to take back. The next
// one locked that row alone, until it had read its page, and gave the row that was taken back to another transaction.
func TestARecoveryLocksTheRowsThatWereTakenBackToASavepoint(t *testing.T) {
	txn := node.MakeTxn(1, 1)
	record := func(l node.LSN, k node.Kind, key string, old, new node.Value, undoes node.LSN) *node.Record {
		return &node.Record{LSN: l, Epoch: 1, Prev: l - 1, Kind: k, Last: true, Txn: txn, Page: btree.Root, Key: key, Old: old, New: new, Undoes: undoes, OldestActive: 1}
	}
	none, v := node.Value{}, node.Some("v")
	rs := []*node.Record{
		record(1, node.Write, "kept", none, v, 0),
		record(2, node.Write, "back", none, v, 0),
		record(3, node.Undo, "back", v, none, 2),
	}
	w := recoveringOf(t, rs)
	var out node.Effects
	w.loaded(0, &node.LogRecords{Epoch: 2, From: 1, Through: 3, Records: rs}, &out)
	for r := range 2 {
		w.joined(0, r, 3, &out)
	}
	require.Equal(t, open, w.phase)
	for _, key := range []string{"kept", "back"} {
		require.Equal(t, lock.Exclusive, w.locks.Holds(txn, key), key)
	}
	answerReads(w, rs, &out)
	require.Equal(t, node.LSN(4), w.end, "only what was left is taken back")
	require.Equal(t, node.LSN(1), w.log[len(w.log)-1].Undoes)
	require.Zero(t, w.locks.Locks(txn))
}

// Seed 1736 of the simulated runs: a question that was asked again is answered late, and that answer brings the last
// missing record. The writer took the record, looked for no transaction to undo, and opened: rows that no client had
// committed were served.
func TestALateAnswerThatCompletesTheLoadIsNotMissed(t *testing.T) {
	w, rs := recovering(t)
	var out node.Effects
	w.loaded(0, &node.LogRecords{Epoch: 2, From: 1, Through: 2, Records: rs[:2]}, &out)
	require.Empty(t, w.undoing)
	w.loaded(0, &node.LogRecords{Epoch: 2, From: 1, Through: 3, Records: rs}, &out)
	require.Len(t, w.undoing, 1)
	require.Equal(t, lock.Exclusive, w.locks.Holds(w.undoing[0].id, "row3"))
	for r := range 2 {
		w.joined(0, r, 3, &out)
	}
	require.Equal(t, open, w.phase)
	require.Equal(t, node.LSN(3), w.end, "the undo waits for the pages, and the rows stay locked")
	answerReads(w, rs, &out)
	require.Equal(t, node.Undo, w.log[len(w.log)-1].Kind)
	require.Equal(t, node.LSN(6), w.end, "all three changes are taken back")
	require.Zero(t, w.locks.Locks(node.MakeTxn(1, 1)))
}

// Seed 3223: a recovery told a segment that all it kept was durable, before it was on a write quorum, and died. The next
// one met that segment and another, took its word, and kept records that no other segment had.
func TestARecoveryTellsNoVDLBeforeItOpens(t *testing.T) {
	w, rs := recovering(t)
	var out node.Effects
	w.loaded(0, &node.LogRecords{Epoch: 2, From: 1, Through: 3, Records: rs}, &out)
	w.joined(0, 0, 1, &out)
	w.resend(&out)
	out.Reset()
	w.resend(&out) // it has not moved since the last tick
	require.Len(t, out.List, 1)
	m := out.List[0].Message.(*node.Append)
	require.Len(t, m.Records, 2)
	require.Zero(t, m.VDL)
	w.joined(0, 0, 3, &out)
	w.joined(0, 1, 3, &out)
	require.Equal(t, open, w.phase)
	require.Equal(t, node.LSN(3), w.vdl)
}

// Seed 4642: records that no segment has were asked for again with every answer that did not bring them, as fast as the
// network went. After a pass over every segment the writer waits for its tick.
func TestALoadThatFindsNothingWaitsForTheTick(t *testing.T) {
	w, _ := recovering(t)
	var out node.Effects
	answers := 0
	for asked := true; asked; answers++ {
		require.Less(t, answers, 20, "it asks without end")
		out.Reset()
		w.loaded(0, &node.LogRecords{Epoch: 2, From: w.load.cursors[0].next, Through: 3}, &out)
		asked = len(out.List) > 0
	}
	require.GreaterOrEqual(t, answers, len(w.groups[0].replicas), "each segment is asked before it waits")
	out.Reset()
	w.retry(&out)
	asks := 0
	for _, e := range out.List {
		if _, ok := e.Message.(*node.ReadLog); ok {
			asks++
		}
	}
	require.Equal(t, 1, asks, "the tick asks again")
}

// Seed 41751: a recovery had decided to keep four records that one segment alone held, and that segment lost its disk before any
// other had them. The writer asked for them for ever. Now it says, after a while, that it will not serve, and whoever watches over it
// starts a successor, which cuts them. A single record that comes has it go on.
func TestARecoveryThatCannotReadWhatItKeepsGivesUp(t *testing.T) {
	w, records := recovering(t)
	var out node.Effects
	for range mostIdleLoads {
		w.retry(&out)
	}
	require.False(t, w.State().Deposed)
	w.loaded(0, &node.LogRecords{Epoch: 2, From: w.load.cursors[0].next, Through: 3, Records: records[:1]}, &out)
	for range mostIdleLoads {
		w.retry(&out)
	}
	require.False(t, w.State().Deposed)
	w.retry(&out)
	require.True(t, w.State().Deposed)
}
