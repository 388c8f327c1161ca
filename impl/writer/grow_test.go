package writer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A volume of two small groups, of which one is in use: the writer asks for the second before it needs it, a put that
// finds no page waits for it, and when there is no third, puts are refused, and only those.
func TestAVolumeGrowsUntilItIsFull(t *testing.T) {
	q := newQuickOf(t, &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 100, PageSize: 512, InUse: 1, GroupPages: 16,
		Segments: [][]node.ID{{1, 2, 3}, {11, 12, 13}}}, 64)
	w := q.w
	key := func(i int) string { return fmt.Sprintf("row %04d", i) }
	txn := q.ok(node.Request{Op: node.OpBegin}).Txn
	put := func(i int) node.Request {
		return node.Request{Op: node.OpPut, Txn: txn, Rows: []node.Row{{Key: key(i), Value: node.Some(strings.Repeat("x", 90))}}}
	}
	rows := 0
	for w.changing.asked == nil {
		q.ok(put(rows))
		rows++
		require.Less(t, rows, 100)
	}
	require.Zero(t, w.Counters().Growth, "it asked early")

	// The answer is late: puts go on while there are pages, then one waits.
	for w.Counters().Growth == 0 {
		q.out = nil
		q.step(node.Event{Kind: node.Requested, From: 7, Request: put(rows)})
		q.durable()
		if len(q.out) == 1 {
			require.Equal(t, node.OK, q.out[0].Status)
			rows++
		}
		require.Less(t, rows, 100)
	}
	require.Empty(t, q.out)
	c := w.changing.asked
	q.step(node.Event{Kind: node.Received, From: 100, Message: &node.Changed{Asked: 2, Outcome: node.ChangeDone, Epoch: 1, Version: 2}})
	require.Len(t, q.out, 1)
	require.Equal(t, node.OK, q.out[0].Status)
	rows++
	require.EqualValues(t, 32, c.Geometry.Capacity)
	require.Len(t, w.groups, 2)
	for r := range w.groups[1].replicas {
		q.step(node.Event{Kind: node.Received, From: node.ID(11 + r), Message: &node.Joined{Epoch: 1}})
	}

	var reply node.Reply
	for reply.Status != node.Refused {
		if reply = q.call(put(rows)); reply.Status == node.OK {
			rows++
		}
		require.Less(t, rows, 200)
	}
	require.Equal(t, node.ReasonFull, reply.Reason)
	require.Nil(t, w.changing.asked)
	require.NotZero(t, w.groups[1].last, "the transaction spans both groups")
	q.ok(node.Request{Op: node.OpCommit, Txn: txn})
	require.Equal(t, w.end, w.vdl)

	// Full as it is, what was deleted finds its room again.
	txn = q.ok(node.Request{Op: node.OpBegin}).Txn
	for i := range rows / 2 {
		q.ok(node.Request{Op: node.OpPut, Txn: txn, Rows: []node.Row{{Key: key(i)}}})
	}
	q.ok(node.Request{Op: node.OpAbort, Txn: txn})
	txn = q.ok(node.Request{Op: node.OpBegin}).Txn
	for i := range rows {
		got := q.ok(node.Request{Op: node.OpGet, Txn: txn, Rows: []node.Row{{Key: key(i)}}})
		require.True(t, got.Value.Exists, key(i))
	}
}
