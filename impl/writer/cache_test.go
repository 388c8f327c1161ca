package writer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// filled returns a volume whose tree has many leaves, of which nothing is cached.
func filled(t *testing.T, v *node.Volume, cachePages int) *quick {
	q := newQuickOf(t, v, cachePages)
	txn := q.ok(node.Request{Op: node.OpBegin}).Txn
	for i := range 12 {
		q.ok(node.Request{Op: node.OpPut, Txn: txn, Rows: []node.Row{{Key: fmt.Sprintf("row%02d", i), Value: node.Some(strings.Repeat("v", 100))}}})
	}
	q.ok(node.Request{Op: node.OpCommit, Txn: txn})
	q.durable()
	q.empty()
	q.step(node.Event{Kind: node.Fired, Timer: hedge})
	return q
}

// empty takes all pages out of the cache.
func (q *quick) empty() {
	capacity := q.w.cache.capacity
	q.w.cache.capacity = 0
	q.w.shrink()
	require.Zero(q.t, q.w.cache.pages.Len())
	q.w.cache.capacity = capacity
}

func small(groups int) *node.Volume {
	v := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 100, PageSize: page.MinSize}
	for g := range groups {
		v.Segments = append(v.Segments, []node.ID{node.ID(1 + 10*g), node.ID(2 + 10*g), node.ID(3 + 10*g)})
	}
	return v
}

func get(t node.Txn, key string) node.Request {
	return node.Request{Op: node.OpGet, Txn: t, Rows: []node.Row{{Key: key}}}
}

// The paper prints that a page may go when its LSN is at or above the VDL (SIGMOD 2017 §4.2.1). No segment has the
// changes above the VDL yet: a read of the page would not see them.
func TestOnlyPagesWhoseChangesAreDurableAreEvicted(t *testing.T) {
	q := filled(t, small(1), 1)
	txn := q.ok(node.Request{Op: node.OpBegin}).Txn
	q.ok(get(txn, "row00"))
	require.Equal(t, 1, q.w.cache.pages.Len())
	ask := func(key string) {
		q.out = nil
		q.step(node.Event{Kind: node.Requested, From: 7, Request: node.Request{Op: node.OpPut, Txn: txn, Rows: []node.Row{{Key: key, Value: node.Some("new")}}}})
		for len(q.out) == 0 {
			q.deliver(0)
		}
	}
	ask("row00")
	ask("row05")
	ask("row11")
	var dirty []node.PageID
	for p := range q.w.cache.pages.All() {
		if p.LSN > q.w.vdl {
			dirty = append(dirty, p.ID)
		}
	}
	require.Len(t, dirty, 3)
	require.Equal(t, 3, q.w.cache.pages.Len(), "more than the capacity, and nothing beyond")
	for key, want := range map[string]string{"row00": "new", "row05": "new", "row11": "new"} {
		require.Equal(t, node.Some(want), q.ok(get(txn, key)).Value)
	}
	q.durable()
	require.Equal(t, 1, q.w.cache.pages.Len())
}

// With room for one page, two operations that need two each would take each other's page away for ever.
func TestWhatAnOperationWaitsWithStaysCached(t *testing.T) {
	q := filled(t, small(1), 1)
	var txns []node.Txn
	for range 4 {
		txns = append(txns, q.ok(node.Request{Op: node.OpBegin}).Txn)
	}
	q.out = nil
	for i, txn := range txns {
		q.step(node.Event{Kind: node.Requested, From: 7, Request: get(txn, fmt.Sprintf("row%02d", 3*i))})
	}
	for n := 0; len(q.out) < len(txns); n++ {
		require.Less(t, n, 20)
		require.NotEmpty(t, q.held, "everybody waits for nothing")
		q.deliver(len(q.held) - 1)
	}
	require.LessOrEqual(t, q.w.cache.pages.Len(), 1)
	for p := range q.w.cache.pages.All() {
		require.False(t, q.w.cache.pages.Find(p.ID).Pinned())
	}
}

// A read goes to the segment that answers fastest; of so many, one goes to another, so that the fastest is found again
// when that changes.
func TestReadsPreferTheFastestAndProbeTheOthers(t *testing.T) {
	q := filled(t, small(1), 1)
	takes := map[node.ID]time.Duration{1: 3 * time.Millisecond, 2: time.Millisecond, 3: 5 * time.Millisecond}
	reads := func(n int) map[node.ID]int {
		asked := map[node.ID]int{}
		for range n {
			txn := q.ok(node.Request{Op: node.OpBegin}).Txn
			q.empty()
			q.out = nil
			q.step(node.Event{Kind: node.Requested, From: 7, Request: get(txn, "row05")})
			for len(q.out) == 0 {
				require.Len(t, q.held, 1, "one segment is asked, and no quorum")
				asked[q.from[0]]++
				q.w.now = q.w.now.Add(takes[q.from[0]])
				q.deliver(0)
			}
			q.ok(node.Request{Op: node.OpCommit, Txn: txn})
		}
		return asked
	}
	reads(10)
	probes := q.w.counters.Probes
	asked := reads(80)
	probes = q.w.counters.Probes - probes
	total := asked[1] + asked[2] + asked[3]
	require.InDelta(t, total/probeEvery, probes, 1)
	require.EqualValues(t, probes, asked[1]+asked[3], "%v", asked)
	require.Positive(t, asked[1])
	require.Positive(t, asked[3])

	takes[2], takes[3] = 9*time.Millisecond, time.Millisecond
	reads(80)
	asked = reads(80)
	require.Greater(t, asked[3], asked[1]+asked[2], "%v", asked)
}

// An answer that takes longer than expected is not waited for alone; the first answer counts, and only once.
func TestASlowReadIsHedged(t *testing.T) {
	q := filled(t, small(1), 1)
	for r := range q.w.groups[0].replicas {
		q.w.groups[0].replicas[r].answers = time.Millisecond
	}
	txn := q.ok(node.Request{Op: node.OpBegin}).Txn
	var out node.Effects
	start := q.w.now
	q.w.Step(start, node.Event{Kind: node.Requested, From: 7, Request: get(txn, "row05")}, &out)
	require.Len(t, out.List, 2)
	first, after := out.List[0], out.List[1]
	require.Equal(t, node.DoSend, first.Kind)
	require.Equal(t, node.Effect{Kind: node.DoSetTimer, Timer: hedge, After: hedgeFactor * time.Millisecond}, after)
	out.Reset()
	q.w.Step(start.Add(after.After), node.Event{Kind: node.Fired, Timer: hedge}, &out)
	require.Len(t, out.List, 1)
	second := out.List[0]
	require.NotEqual(t, first.To, second.To)
	require.EqualValues(t, 1, q.w.counters.Hedges)
	answer := func(e node.Effect) {
		m := e.Message.(*node.ReadPage)
		out.Reset()
		q.w.Step(q.w.now, node.Event{Kind: node.Received, From: e.To, Message: &node.PageImage{
			Epoch: 1, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: image(m.Page, q.w.log, m.ReadPoint).Encode()}}, &out)
	}
	answer(second)
	require.NotEmpty(t, out.List, "the root has come, the next page is asked for")
	answer(first)
	require.Empty(t, out.List)
}

// A segment that never answers is not preferred for ever because it was fast once.
func TestASilentSegmentIsNoLongerPreferred(t *testing.T) {
	q := filled(t, small(1), 1)
	q.w.groups[0].replicas[1].answers = 1
	for _, r := range []int{0, 2} {
		q.w.groups[0].replicas[r].answers = time.Millisecond
	}
	txn := q.ok(node.Request{Op: node.OpBegin}).Txn
	q.step(node.Event{Kind: node.Requested, From: 7, Request: get(txn, "row05")})
	require.Equal(t, []node.ID{2}, q.from)
	for range 3 {
		q.w.now = q.w.now.Add(q.w.RetryEvery)
		q.step(node.Event{Kind: node.Fired, Timer: tick})
	}
	require.Greater(t, q.w.groups[0].replicas[1].answers, time.Millisecond)
	asked := len(q.from)
	require.NotEqual(t, node.ID(2), q.from[asked-1])

	// Asked again after a tick, a read that is slow once more is hedged once more.
	require.Zero(t, q.w.counters.Hedges)
	q.w.cache.reads[0].hedged = true
	for range 2 {
		q.w.now = q.w.now.Add(q.w.RetryEvery)
		q.step(node.Event{Kind: node.Fired, Timer: tick})
	}
	require.Len(t, q.from, asked+1)
	q.w.now = q.w.cache.reads[0].due
	q.step(node.Event{Kind: node.Fired, Timer: hedge})
	require.EqualValues(t, 1, q.w.counters.Hedges)
	require.Len(t, q.from, asked+2)
}

// Tails keep the log and no pages.
func TestTailsAreNotAskedForPages(t *testing.T) {
	v := &node.Volume{WriteQuorum: 4, ReadQuorum: 3, Register: 100, PageSize: page.MinSize, Segments: [][]node.ID{{1, 2, 3, 4, 5, 6}},
		Tails: []bool{false, true, false, true, false, true}}
	q := filled(t, v, 1)
	asked := map[node.ID]bool{}
	for i := range 3 * probeEvery {
		txn := q.ok(node.Request{Op: node.OpBegin}).Txn
		q.out = nil
		q.step(node.Event{Kind: node.Requested, From: 7, Request: get(txn, fmt.Sprintf("row%02d", i%12))})
		for len(q.out) == 0 {
			asked[q.from[0]] = true
			q.deliver(0)
		}
		q.ok(node.Request{Op: node.OpCommit, Txn: txn})
	}
	require.Greater(t, len(asked), 1)
	for id := range asked {
		require.Equal(t, node.ID(1), id%2, "segment %d keeps no pages", id)
	}
}

// Seed 710 with small pages: one leaf after the other, a scan of all rows took longer than its client waited, and what
// it had read was gone from the cache when it was asked for again.
func TestAScanAsksForItsLeavesTogether(t *testing.T) {
	q := filled(t, small(2), 1)
	txn := q.ok(node.Request{Op: node.OpBegin}).Txn
	q.out = nil
	q.step(node.Event{Kind: node.Requested, From: 7, Request: node.Request{Op: node.OpScan, Txn: txn}})
	rounds := 0
	for ; len(q.out) == 0; rounds++ {
		for range len(q.held) {
			q.deliver(0)
		}
	}
	require.Len(t, q.out[0].Rows, 12)
	leaves := 0
	for p := btree.First; ; p++ {
		if image(p, q.w.log, q.w.end).LSN == 0 {
			break
		}
		leaves++
	}
	require.Greater(t, leaves, 2)
	require.Equal(t, 2, rounds, "the root, and then all %d leaves", leaves)
}

// A row stays locked until its undo is logged, however long the page takes to come.
func TestUndoWaitsForItsPages(t *testing.T) {
	q := filled(t, small(1), 1)
	a := q.ok(node.Request{Op: node.OpBegin}).Txn
	b := q.ok(node.Request{Op: node.OpBegin}).Txn
	q.ok(node.Request{Op: node.OpPut, Txn: a, Rows: []node.Row{{Key: "row03", Value: node.Some("a")}, {Key: "row09"}}})
	q.durable()
	q.empty()
	q.out = nil
	q.step(node.Event{Kind: node.Requested, From: 7, Request: get(b, "row03")})
	q.step(node.Event{Kind: node.Requested, From: 7, Request: node.Request{Op: node.OpAbort, Txn: a}})
	require.Empty(t, q.out)
	require.Len(t, q.held, 1)
	end := q.w.end
	for len(q.out) == 0 {
		require.NotEqual(t, end+2, q.w.end, "both changes are taken back, and nobody was told")
		q.deliver(0)
	}
	require.Equal(t, end+2, q.w.end)
	require.Equal(t, node.OpAbort, q.out[0].Op)
	for len(q.out) == 1 {
		q.deliver(0)
	}
	require.Equal(t, strings.Repeat("v", 100), q.out[1].Value.Bytes)
}

// How transactions ended is remembered for the latest of them.
func TestTheEndOfATransactionIsRememberedForAWhile(t *testing.T) {
	d := newDesk(t)
	d.w.Limits.Ended = 2
	var txns []node.Txn
	for range 3 {
		txns = append(txns, d.begin(7))
		require.Equal(t, node.OK, d.ask(7, node.Request{Op: node.OpAbort, Txn: txns[len(txns)-1]})[0].Status)
	}
	why := func(from node.ID, txn node.Txn) node.Reason {
		rs := d.ask(from, node.Request{Op: node.OpCommit, Txn: txn})
		require.Equal(t, node.Refused, rs[0].Status)
		return rs[0].Reason
	}
	require.Equal(t, node.ReasonUnknownTxn, why(7, txns[0]))
	require.Equal(t, node.ReasonRolledBack, why(7, txns[1]))
	require.Equal(t, node.ReasonRolledBack, why(7, txns[2]))
	require.Equal(t, node.ReasonUnknownTxn, why(8, txns[2]), "nobody else's business")
	require.Len(t, d.w.ended, 2)
}

// What one transaction may hold is bounded.
func TestATransactionIsBounded(t *testing.T) {
	d := newDesk(t)
	d.w.Limits.Locks, d.w.Limits.Savepoints = 3, 2
	txn := d.begin(7)
	for i := range 4 {
		rs := d.ask(7, put(txn, fmt.Sprint("row", i)))
		require.Equal(t, i == 3, rs[0].Reason == node.ReasonTooLarge, i)
	}
	require.Equal(t, node.ReasonTooLarge, d.ask(7, get(txn, "x"))[0].Reason)
	mark := node.Request{Op: node.OpSavepoint, Txn: txn}
	for i := range 3 {
		require.Equal(t, i == 2, d.ask(7, mark)[0].Reason == node.ReasonTooLarge, i)
	}
	require.Equal(t, node.OK, d.ask(7, node.Request{Op: node.OpRollback, Txn: txn, Savepoint: 1})[0].Status)
	require.Equal(t, node.ReasonNoSavepoint, d.ask(7, node.Request{Op: node.OpRollback, Txn: txn, Savepoint: 2})[0].Reason)
	rs := d.ask(7, mark)
	require.EqualValues(t, 3, rs[0].Savepoint, "a name is never used again")
}
