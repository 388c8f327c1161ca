package writer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A desk is an open writer of one segment, and its clients.
type desk struct {
	t *testing.T
	w *Writer
}

func newDesk(t *testing.T) *desk {
	w := newTestWriter(1, 1, 1, 1)
	w.phase, w.epoch = open, 1
	w.groups[0].replicas[0].joined = true
	w.cache.add(&page.Page{ID: btree.Meta})
	w.cache.add(&page.Page{ID: btree.Root})
	return &desk{t: t, w: w}
}

// ask returns the replies that the request leads to at once.
func (d *desk) ask(from node.ID, r node.Request) []node.Reply {
	var out node.Effects
	d.w.Step(d.w.now, node.Event{Kind: node.Requested, From: from, Request: r}, &out)
	return replies(&out)
}

func replies(out *node.Effects) []node.Reply {
	var rs []node.Reply
	for _, e := range out.List {
		if e.Kind == node.DoRespond {
			rs = append(rs, *e.Reply)
		}
	}
	return rs
}

func (d *desk) begin(from node.ID) node.Txn {
	rs := d.ask(from, node.Request{Op: node.OpBegin})
	require.Len(d.t, rs, 1)
	require.Equal(d.t, node.OK, rs[0].Status)
	return rs[0].Txn
}

func put(t node.Txn, key string) node.Request {
	return node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: key, Value: node.Some("v")}}}
}

// durable lets the only segment acknowledge everything.
func (d *desk) durable() []node.Reply {
	var out node.Effects
	d.w.Step(d.w.now, node.Event{Kind: node.Received, From: 1, Message: &node.Appended{Epoch: 1, SCL: d.w.end}}, &out)
	return replies(&out)
}

func TestBadRequestsAreRefusedAndChangeNothing(t *testing.T) {
	d := newDesk(t)
	txn := d.begin(7)
	row := func(k, v string) []node.Row { return []node.Row{{Key: k, Value: node.Some(v)}} }
	for _, c := range []struct {
		why  string
		from node.ID
		r    node.Request
		want node.Reason
	}{
		{"no such operation", 7, node.Request{Op: 77, Txn: txn}, node.ReasonMalformed},
		{"a put without rows", 7, node.Request{Op: node.OpPut, Txn: txn}, node.ReasonMalformed},
		{"a get of two rows", 7, node.Request{Op: node.OpGet, Txn: txn, Rows: make([]node.Row, 2)}, node.ReasonMalformed},
		{"an empty key", 7, node.Request{Op: node.OpGet, Txn: txn, Rows: row("", "")}, node.ReasonMalformed},
		{"a commit with rows", 7, node.Request{Op: node.OpCommit, Txn: txn, Rows: row("a", "")}, node.ReasonMalformed},
		{"a key that is too long", 7, node.Request{Op: node.OpPut, Txn: txn, Rows: row(strings.Repeat("k", 257), "")}, node.ReasonTooLarge},
		{"a value that is too long", 7, node.Request{Op: node.OpPut, Txn: txn, Rows: row("k", strings.Repeat("v", 4097))}, node.ReasonTooLarge},
		{"too many rows", 7, node.Request{Op: node.OpPut, Txn: txn, Rows: make([]node.Row, 65)}, node.ReasonTooLarge},
		{"an unknown transaction", 7, node.Request{Op: node.OpCommit, Txn: txn + 1}, node.ReasonUnknownTxn},
		{"another client's transaction", 8, node.Request{Op: node.OpCommit, Txn: txn}, node.ReasonUnknownTxn},
	} {
		rs := d.ask(c.from, c.r)
		require.Len(t, rs, 1, c.why)
		require.Equal(t, node.Refused, rs[0].Status, c.why)
		require.Equal(t, c.want, rs[0].Reason, c.why)
	}
	require.Zero(t, d.w.end)
	require.Equal(t, node.OK, d.ask(7, put(txn, "k"))[0].Status, "the transaction goes on")
}

func TestOneCallOfATransactionAtATime(t *testing.T) {
	d := newDesk(t)
	a, b := d.begin(7), d.begin(8)
	d.ask(7, put(a, "k"))
	require.Empty(t, d.ask(8, put(b, "k")), "it waits for the lock")
	require.Equal(t, node.ReasonBusy, d.ask(8, node.Request{Op: node.OpCommit, Txn: b})[0].Reason)
}

// Locks are held until the commit is durable, not until it is logged (bug 7 of the catalogue).
func TestLocksAreHeldUntilTheCommitIsDurable(t *testing.T) {
	d := newDesk(t)
	a, b := d.begin(7), d.begin(8)
	d.ask(7, put(a, "k"))
	require.Empty(t, d.ask(7, node.Request{Op: node.OpCommit, Txn: a}))
	require.Empty(t, d.ask(8, node.Request{Op: node.OpGet, Txn: b, Rows: []node.Row{{Key: "k"}}}))
	rs := d.durable()
	require.Len(t, rs, 2)
	require.Equal(t, node.OpCommit, rs[0].Op)
	require.Equal(t, node.LSN(2), rs[0].LSN)
	require.Equal(t, node.Some("v"), rs[1].Value)
}

func TestTheOneWhoClosesACycleIsTheVictim(t *testing.T) {
	d := newDesk(t)
	a, b, c := d.begin(7), d.begin(8), d.begin(9)
	d.ask(7, put(a, "x"))
	d.ask(8, put(b, "y"))
	d.ask(9, put(c, "z"))
	require.Empty(t, d.ask(7, put(a, "y")))
	require.Empty(t, d.ask(8, put(b, "z")))
	rs := d.ask(9, put(c, "x"))
	require.Len(t, rs, 2)
	require.Equal(t, node.ReasonDeadlock, rs[0].Reason)
	require.Equal(t, c, rs[0].Txn)
	require.Equal(t, []node.Txn{a, b}, rs[0].Blockers, "it would wait for a, that waits for b, and that for it")
	require.Equal(t, node.OK, rs[1].Status, "who waited for the victim goes on")
	require.Equal(t, b, rs[1].Txn)
}

// Two readers who both want to write: the second upgrade closes the cycle.
func TestUpgradesDeadlock(t *testing.T) {
	d := newDesk(t)
	a, b := d.begin(7), d.begin(8)
	get := func(txn node.Txn) node.Request {
		return node.Request{Op: node.OpGet, Txn: txn, Rows: []node.Row{{Key: "x"}}}
	}
	d.ask(7, get(a))
	d.ask(8, get(b))
	require.Empty(t, d.ask(7, put(a, "x")))
	rs := d.ask(8, put(b, "x"))
	require.Len(t, rs, 2)
	require.Equal(t, node.ReasonDeadlock, rs[0].Reason)
	require.Equal(t, node.OK, rs[1].Status)
}

// First come, first served: readers do not pass a writer that waits.
func TestAWaitingWriterIsNotStarved(t *testing.T) {
	d := newDesk(t)
	a, b, c := d.begin(7), d.begin(8), d.begin(9)
	get := func(txn node.Txn) node.Request {
		return node.Request{Op: node.OpGet, Txn: txn, Rows: []node.Row{{Key: "x"}}}
	}
	require.Len(t, d.ask(7, get(a)), 1)
	require.Empty(t, d.ask(8, put(b, "x")))
	require.Empty(t, d.ask(9, get(c)))
}

// What becomes of requests when a newer writer has taken over: a commit whose record was logged is unknown, for the
// successor may have kept it; everything else was certainly not committed.
func TestADeposedWriterSaysWhatItKnows(t *testing.T) {
	d := newDesk(t)
	a, b := d.begin(7), d.begin(8)
	d.ask(7, put(a, "k"))
	d.ask(7, node.Request{Op: node.OpCommit, Txn: a})
	require.Empty(t, d.ask(8, put(b, "k")))
	var out node.Effects
	d.w.Step(0, node.Event{Kind: node.Received, From: 1, Message: &node.Stale{Promise: 2}}, &out)
	rs := replies(&out)
	require.Len(t, rs, 2)
	require.Equal(t, node.Unknown, rs[0].Status)
	require.Equal(t, node.Aborted, rs[1].Status)
	require.True(t, d.w.Deposed())
	require.Equal(t, node.Aborted, d.ask(8, node.Request{Op: node.OpCommit, Txn: b})[0].Status)
	require.Equal(t, node.ReasonFenced, d.ask(8, node.Request{Op: node.OpBegin})[0].Reason)
	require.Empty(t, d.durable(), "it acknowledges nothing any more")
}

func TestLogAheadOfTheVDLIsLimited(t *testing.T) {
	d := newDesk(t)
	d.w.Limits.LogAhead = 2
	txn := d.begin(7)
	for range 3 {
		require.Equal(t, node.OK, d.ask(7, put(txn, "k"))[0].Status)
	}
	d.w.Limits.Stalled = 1
	require.Empty(t, d.ask(7, put(txn, "k")), "it waits for the VDL")
	require.Equal(t, node.ReasonBusy, d.ask(7, put(txn, "k"))[0].Reason)
	other := d.begin(8)
	rs := d.ask(8, put(other, "l"))
	require.Equal(t, node.Refused, rs[0].Status)
	require.Equal(t, node.ReasonBusy, rs[0].Reason, "one put may wait")
	require.EqualValues(t, 3, d.w.end)
	rs = d.durable()
	require.Len(t, rs, 1)
	require.Equal(t, node.OK, rs[0].Status)
	require.EqualValues(t, 4, d.w.end)
	require.Equal(t, node.OK, d.ask(8, put(other, "l"))[0].Status, "the transaction goes on")
}

func TestAnIdleTransactionIsAborted(t *testing.T) {
	d := newDesk(t)
	txn := d.begin(7)
	d.ask(7, put(txn, "k"))
	var out node.Effects
	d.w.Step(node.Time(d.w.IdleAfter)+1, node.Event{Kind: node.Fired, Timer: tick}, &out)
	require.Equal(t, node.Undo, d.w.log[1].Kind)
	require.Equal(t, node.ReasonRolledBack, d.ask(7, node.Request{Op: node.OpCommit, Txn: txn})[0].Reason)
}

// A scan that leaves rows out has seen the first of them: that there is more. Unlocked, that row could be deleted by a
// transaction that commits before, and the same scan say that there is no more: no order of the two explains both.
func TestAScanLocksTheRowThatItLeavesOut(t *testing.T) {
	d := newDesk(t)
	setup := d.begin(7)
	for _, key := range []string{"a", "b", "c"} {
		d.ask(7, put(setup, key))
	}
	d.ask(7, node.Request{Op: node.OpCommit, Txn: setup})
	d.durable()
	reader, writer := d.begin(7), d.begin(8)
	rs := d.ask(7, node.Request{Op: node.OpScan, Txn: reader, From: "a", Most: 1})
	require.Len(t, rs, 1)
	require.True(t, rs[0].More)
	require.Len(t, d.ask(8, put(writer, "c")), 1, "nothing was seen of c")
	require.Empty(t, d.ask(8, node.Request{Op: node.OpPut, Txn: writer, Rows: []node.Row{{Key: "b"}}}), "it waits for the scan")
}
