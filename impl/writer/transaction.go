package writer

import (
	"slices"

	"github.com/firstgap/firstgap/impl/lock"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A txn is a transaction. Its client has at most one call of it under way.
type txn struct {
	operation
	id     node.Txn
	client node.ID
	found  bool // by a recovery, active at the cut: it has no client and is only to be undone

	writes    []*node.Record // that are not taken back
	origin    *node.Record   // its first write, taken back or not
	first     node.LSN       // of origin, or 0
	commitLSN node.LSN       // of the commit record, or 0
	finished  bool

	emptied []string // rows that it deleted from leaves that held little else

	savepoints []savepoint
	named      uint32 // savepoints so far

	undoing bool // back to the first keep of its writes
	keep    int
	ending  bool       // and then it ends
	last    node.Reply // to its client, if that waits, when the undo is done

	pending bool // request has no reply yet
	request node.Request
	locked  int       // locks that the request has
	fresh   bool      // the last lock of the request was not held before
	round   uint64    // read-only commit: the confirmations that it needs
	group   int       // read-only commit: the group that it asks
	readAt  node.LSN  // read-only commit: its place in the order
	lastUse node.Time // of its client
}

// A savepoint is a point of a transaction to go back to.
type savepoint struct {
	name   uint32
	writes int // there were then
}

// ended is what is remembered of a transaction that has ended.
type ended struct {
	client node.ID
	reason node.Reason
}

func newTxn(id node.Txn) *txn {
	t := &txn{id: id}
	t.operation.t = t
	return t
}

// request takes a client's call.
func (w *Writer) request(from node.ID, r node.Request, out *node.Effects) {
	refuse := func(why node.Reason) {
		out.Respond(from, node.Reply{ID: r.ID, Op: r.Op, Txn: r.Txn, Status: node.Refused, Reason: why, Epoch: w.epoch})
	}
	if w.phase != open {
		refuse(node.ReasonNotOpen)
		return
	}
	if r.Op == node.OpBegin {
		if r.ReadPoint != 0 {
			refuse(node.ReasonMalformed) // only readers serve the past
			return
		}
		if len(w.begun) >= w.Limits.Transactions {
			refuse(node.ReasonBusy)
			return
		}
		w.count++
		t := newTxn(node.MakeTxn(w.epoch, w.count))
		t.client, t.lastUse = from, w.now
		if n := len(w.spareUsed); n > 0 {
			t.used, w.spareUsed = w.spareUsed[n-1], w.spareUsed[:n-1]
		}
		w.txns[t.id] = t
		w.begun = append(w.begun, t)
		out.Respond(from, node.Reply{ID: r.ID, Op: r.Op, Txn: t.id, Status: node.OK, Epoch: w.epoch})
		return
	}
	t := w.txns[r.Txn]
	switch {
	case t == nil:
		if e, known := w.ended[r.Txn]; known && e.client == from {
			refuse(e.reason)
			return
		}
		refuse(node.ReasonUnknownTxn)
		return
	case t.client != from:
		refuse(node.ReasonUnknownTxn)
		return
	case t.pending:
		refuse(node.ReasonBusy)
		return
	case t.ending: // its undo waits for pages
		refuse(node.ReasonRolledBack)
		return
	}
	if why := w.malformed(&r); why != node.ReasonNone {
		refuse(why)
		return
	}
	if why := w.exceeds(t, &r); why != node.ReasonNone {
		t.lastUse = w.now
		refuse(why)
		return
	}
	t.pending, t.request, t.locked, t.lastUse = true, r, 0, w.now
	if r.Op == node.OpPut {
		t.request.Rows = node.InOrder(r.Rows)
	}
	w.ready = append(w.ready, &t.operation)
}

// malformed checks a request against the limits before anything of it happens.
func (w *Writer) malformed(r *node.Request) node.Reason {
	if why := r.Malformed(node.RequestLimits{Rows: w.Limits.Rows, Key: w.Limits.Key, Value: w.Limits.Value}); why != node.ReasonNone {
		return why
	}
	for _, row := range r.Rows {
		if page.ValidCell(row.Key, row.Value.Bytes, w.pageSize) != nil {
			return node.ReasonTooLarge
		}
	}
	return node.ReasonNone
}

// exceeds checks a request against what its transaction may still do.
func (w *Writer) exceeds(t *txn, r *node.Request) node.Reason {
	switch r.Op {
	case node.OpGet, node.OpScan, node.OpPut:
		if w.locks.Locks(t.id)+max(len(r.Rows), 1) > w.Limits.Locks || len(t.writes)+len(r.Rows) > w.Limits.Locks {
			return node.ReasonTooLarge
		}
	case node.OpSavepoint:
		if len(t.savepoints) >= w.Limits.Savepoints {
			return node.ReasonTooLarge
		}
	case node.OpRollback:
		if t.savepoint(r.Savepoint) < 0 {
			return node.ReasonNoSavepoint
		}
	}
	return node.ReasonNone
}

// goOn lets every operation go on that may.
func (w *Writer) goOn(out *node.Effects) {
	for i := 0; i < len(w.ready); i++ {
		op := w.ready[i]
		switch t := op.t; {
		case t == nil:
			w.tidy(op, out)
		case t.finished:
		case t.undoing:
			w.undo(t, out)
		case t.pending && !w.locks.Waits(t.id):
			w.proceed(t, out)
		}
	}
	clear(w.ready)
	w.ready = w.ready[:0]
}

// resume lets transactions go on that were granted the lock that they waited for.
func (w *Writer) resume(granted []node.Txn) {
	// gofail: var bugGrantForgotten struct{}
	// if w.hook.Planted("bugGrantForgotten") {
	// 	granted = granted[:min(1, len(granted))]
	// }

	for _, id := range granted {
		t := w.txns[id]
		t.locked++
		t.fresh = true
		w.ready = append(w.ready, &t.operation)
	}
}

// proceed carries t's call as far as it gets without waiting. It is called again when what it waits for is there.
func (w *Writer) proceed(t *txn, out *node.Effects) {
	switch t.request.Op {
	case node.OpGet:
		w.get(t, out)
	case node.OpScan:
		w.scan(t, out)
	case node.OpPut:
		w.put(t, out)
	case node.OpSavepoint:
		w.savepoint(t, out)
	case node.OpRollback:
		w.rollBack(t, out)
	case node.OpCommit:
		w.commit(t, out)
	case node.OpAbort:
		w.abandon(t, node.Reply{Status: node.OK}, out)
	}
}

// acquire locks what t's call is on next. It tells whether it has the lock; if not, t waits, or it is rolled back
// because waiting would have closed a cycle.
func (w *Writer) acquire(t *txn, s lock.Span, m lock.Mode, out *node.Effects) bool {
	result, cycle := w.locks.Acquire(t.id, s, m)
	switch result {
	case lock.Granted, lock.Had:
		t.locked++
		t.fresh = result == lock.Granted
		return true
	case lock.Deadlock:
		w.counters.Deadlocks++
		w.abandon(t, node.Reply{Status: node.Aborted, Reason: node.ReasonDeadlock, Blockers: cycle}, out)
	}
	return false
}

func (w *Writer) get(t *txn, out *node.Effects) {
	key := t.request.Rows[0].Key
	if t.locked == 0 && !w.acquire(t, lock.Row(key), lock.Shared, out) {
		return
	}
	value, ok := w.attempt(&t.operation, out).Get(key)
	if !ok {
		t.pause()
		return
	}
	w.respond(t, node.Reply{Status: node.OK, Value: value}, out)
}

// scan reads a range of rows under a lock on all of it, so that no row comes into it before the transaction has ended.
func (w *Writer) scan(t *txn, out *node.Effects) {
	r := &t.request
	span := lock.Range(r.From, r.To)
	// gofail: var bugScanLocksRows struct{}
	// if w.hook.Planted("bugScanLocksRows") {
	// 	span = lock.Range(r.From, r.From)
	// 	w.attempt(&t.operation, out).Scan(r.From, r.To, w.Limits.Rows, func(c page.Cell) bool {
	// 		return w.locks.Holds(t.id, c.Key) != 0 || w.acquire(t, lock.Row(c.Key), lock.Shared, out)
	// 	})
	// 	if t.undoing || t.finished || w.locks.Waits(t.id) {
	// 		return
	// 	}
	// }

	if t.locked == 0 && !w.acquire(t, span, lock.Shared, out) {
		return
	}
	most := w.Limits.Rows
	if r.Most > 0 {
		most = min(most, r.Most)
	}
	reply := node.Reply{Status: node.OK}
	beyond := "" // the row that was left out
	tree := w.attempt(&t.operation, out)
	ok := tree.Scan(r.From, r.To, most+1, func(c page.Cell) bool {
		if len(reply.Rows) == most {
			reply.More, beyond = true, c.Key
			return false
		}
		reply.Rows = append(reply.Rows, node.Row{Key: c.Key, Value: node.Some(c.Value)})
		return true
	})
	if !ok {
		t.readAhead(tree, r, most)
		t.pause()
		return
	}
	if reply.More && t.fresh {
		// Nothing was seen behind the row that was left out. That one was: let it be deleted, and the same scan would
		// say that there are no more.
		w.resume(w.locks.Narrow(t.id, span, beyond+"\x00"))
	}
	// gofail: var bugScanEndsEarly struct{}
	// if w.hook.Planted("bugScanEndsEarly") {
	// 	reply.More = false
	// }

	w.counters.Scans++
	w.respond(t, reply, out)
}

// put changes all rows of the request at once: one mini-transaction, whose last record is a consistency point. Room for
// all of them is made before, in mini-transactions of its own.
func (w *Writer) put(t *txn, out *node.Effects) {
	rows := t.request.Rows
	for t.locked < len(rows) {
		if !w.acquire(t, lock.Row(rows[t.locked].Key), lock.Exclusive, out) {
			return
		}
	}
	if w.tooFarAhead() {
		w.stall(t, out)
		return
	}
	tree := w.attempt(&t.operation, out)
	tree.Capacity = w.putCapacity()
	changes := w.counters.Structures
	if err := w.makeRoom(tree, rows, out); err == errPage {
		for i := range rows {
			tree.Leaf(rows[i].Key) // every other page that is not here is asked for at the same time
		}
		t.pause()
		return
	} else if err != nil {
		if w.waitForGroup(&t.operation, out) {
			return
		}
		w.respond(t, node.Reply{Status: node.Refused, Reason: node.ReasonFull}, out)
		return
	}
	if w.counters.Structures != changes {
		w.growEarly(tree, out)
	}
	t.writes = slices.Grow(t.writes, len(rows))
	for i, row := range rows {
		leaf, _ := tree.Leaf(row.Key)
		if t.first == 0 {
			t.first = w.end + 1
			w.active = append(w.active, t)
		}
		r := w.issue(node.Record{
			Group: w.groupOf(leaf.ID), Kind: node.Write, Last: i == len(rows)-1, Txn: t.id,
			Page: leaf.ID, Key: row.Key, Old: leaf.Get(row.Key), New: row.Value,
		}, out)
		t.writes = append(t.writes, r)
		if t.origin == nil {
			t.origin = r
		}
		if !row.Value.Exists && w.hardlyUsed(leaf) && len(t.emptied) < maxTidying {
			t.emptied = append(t.emptied, row.Key)
		}
	}
	w.respond(t, node.Reply{Status: node.OK}, out)
}

// tooFarAhead tells whether so much of the log is not durable yet that no more is issued, except what ends transactions:
// the LSN allocation limit (SIGMOD 2017 §4.2.1).
func (w *Writer) tooFarAhead() bool { return w.end-w.vdl > node.LSN(w.Limits.LogAhead) }

// stall lets a put wait until the VDL has moved.
func (w *Writer) stall(t *txn, out *node.Effects) {
	if len(w.stalled) >= w.Limits.Stalled {
		w.respond(t, node.Reply{Status: node.Refused, Reason: node.ReasonBusy}, out)
		return
	}
	w.counters.Stalls++
	w.stalled = append(w.stalled, t)
}

// unstall lets the puts go on that wait for the VDL, in the order in which they came.
func (w *Writer) unstall() {
	// gofail: var bugStalledForgotten struct{}
	// if w.hook.Planted("bugStalledForgotten") {
	// 	w.stalled = w.stalled[:0]
	// }

	if len(w.stalled) == 0 || w.tooFarAhead() {
		return
	}
	for _, t := range w.stalled {
		w.ready = append(w.ready, &t.operation)
	}
	clear(w.stalled)
	w.stalled = w.stalled[:0]
}

// savepoint marks a point of t. A name is never used again: after going back, one that is out of date would name
// another point.
func (w *Writer) savepoint(t *txn, out *node.Effects) {
	t.named++
	t.savepoints = append(t.savepoints, savepoint{name: t.named, writes: len(t.writes)})
	w.respond(t, node.Reply{Status: node.OK, Savepoint: t.named}, out)
}

// savepoint returns the place of the savepoint of that name, or -1.
func (t *txn) savepoint(name uint32) int {
	return slices.IndexFunc(t.savepoints, func(s savepoint) bool { return s.name == name })
}

// rollBack takes back what t has changed since a savepoint. It keeps its locks: others have seen none of the values
// in between, and t may have decided by them.
func (w *Writer) rollBack(t *txn, out *node.Effects) {
	i := t.savepoint(t.request.Savepoint)
	// gofail: var writerBeforeRollback struct{}
	// w.hook.Hit("writerBeforeRollback")

	w.counters.Rollbacks++
	t.undoing, t.keep, t.last = true, t.savepoints[i].writes, node.Reply{Status: node.OK}
	// gofail: var bugRollbackForgets struct{}
	// if w.hook.Planted("bugRollbackForgets") {
	// 	t.keep = min(len(t.writes), t.keep+1)
	// }

	t.savepoints = t.savepoints[:i+1]
	w.undo(t, out)
}

// commit issues the commit record; the reply waits until the volume is durable up to it. The locks wait as long:
// released before, another transaction could read, and be told, what a recovery then cuts.
func (w *Writer) commit(t *txn, out *node.Effects) {
	if t.first == 0 {
		w.commitReadOnly(t, out)
		return
	}
	if t.commitLSN != 0 {
		return
	}
	w.inactive(t)
	r := w.issue(node.Record{
		Group: t.origin.Group, Kind: node.Commit, Last: true, Txn: t.id, Page: t.origin.Page, Key: t.origin.Key,
	}, out)
	t.commitLSN = r.LSN
	w.commits = append(w.commits, t)
	// gofail: var bugLocksAtRequest struct{}
	// if w.hook.Planted("bugLocksAtRequest") {
	// 	w.resume(w.locks.Release(t.id))
	// }

}

func (w *Writer) acknowledge(t *txn, out *node.Effects) {
	// gofail: var writerBeforeAck struct{}
	// w.hook.Hit("writerBeforeAck")

	out.Tell(node.Trace{Action: node.ActAck, Epoch: w.epoch, Txn: t.id})
	at := t.commitLSN
	// gofail: var bugAckNamesVDL struct{}
	// if w.hook.Planted("bugAckNamesVDL") {
	// 	at = w.vdl
	// }

	w.respond(t, node.Reply{Status: node.OK, LSN: at}, out)
	// gofail: var writerAfterAck struct{}
	// w.hook.Hit("writerAfterAck")

	w.finish(t, node.ReasonCommitted)
	// Only now: given back before, a page could be anybody's when the rows that it held are to be put back, in a volume
	// that has no other.
	for _, key := range t.emptied {
		w.tidyLater(key)
	}
}

// abandon takes back all that t changed, and ends it; the reply, if its client waits for one, leaves when that is done.
func (w *Writer) abandon(t *txn, last node.Reply, out *node.Effects) {
	w.resume(w.locks.Withdraw(t.id))
	t.undoing, t.keep, t.ending, t.last = true, 0, true, last
	w.undo(t, out)
}

// undo takes back changes of t, the latest first, and logs each: without the record, the next recovery would put the
// old values back once more, over what others had committed since. A row is looked up through the tree: since it was
// written it may have moved to another page, and its place may have been given away. What waits for a page goes on
// when that comes; the rows stay locked meanwhile.
func (w *Writer) undo(t *txn, out *node.Effects) {
	// gofail: var bugUndoSkipped struct{}
	// if w.hook.Planted("bugUndoSkipped") {
	// 	t.writes = t.writes[:t.keep]
	// }

	tree := w.attempt(&t.operation, out)
	for len(t.writes) > t.keep {
		r := t.writes[len(t.writes)-1]
		row := node.Row{Key: r.Key, Value: r.Old}
		if err := w.makeRoom(tree, []node.Row{row}, out); err == errPage {
			t.pause()
			return
		} else if err != nil {
			w.unpin(&t.operation)
			w.full = append(w.full, t)
			w.wantGroup(out)
			return
		}
		leaf, _ := tree.Leaf(r.Key)
		// gofail: var bugUndoOldPage struct{}
		// if w.hook.Planted("bugUndoOldPage") {
		// 	if p := w.view.Page(r.Page); p != nil {
		// 		leaf = p
		// 	}
		// }

		if t.ending && len(t.writes) == 1 {
			w.inactive(t)
		}
		// gofail: var writerBeforeUndo struct{}
		// w.hook.Hit("writerBeforeUndo")

		w.issue(node.Record{
			Group: w.groupOf(leaf.ID), Kind: node.Undo, Last: true, Txn: t.id,
			Page: leaf.ID, Key: r.Key, Old: r.New, New: r.Old, Undoes: r.LSN,
		}, out)
		t.writes = t.writes[:len(t.writes)-1]
		w.counters.Undone++
		// gofail: var writerAfterUndo struct{}
		// w.hook.Hit("writerAfterUndo")

		if !r.Old.Exists && w.hardlyUsed(leaf) {
			w.tidyLater(r.Key)
		}
	}
	t.undoing = false
	if !t.ending {
		// gofail: var writerAfterRollback struct{}
		// w.hook.Hit("writerAfterRollback")

		w.respond(t, t.last, out)
		return
	}
	w.inactive(t)
	if t.pending {
		w.respond(t, t.last, out)
	}
	w.finish(t, node.ReasonRolledBack)
}

// undoAgain lets undo go on that found the volume full: pages may have been given back since, or the volume has grown.
func (w *Writer) undoAgain() {
	for _, t := range w.full {
		w.ready = append(w.ready, &t.operation)
	}
	clear(w.full)
	w.full = w.full[:0]
}

// inactive takes t out of the transactions whose changes a recovery would have to undo.
func (w *Writer) inactive(t *txn) {
	if i := slices.Index(w.active, t); i >= 0 {
		w.active = slices.Delete(w.active, i, i+1)
	}
}

// finish forgets t, but for how it ended, and releases its locks.
func (w *Writer) finish(t *txn, how node.Reason) {
	t.finished = true
	w.unpin(&t.operation)
	if len(w.spareUsed) < maxSpare && cap(t.used) <= maxSpare {
		w.spareUsed = append(w.spareUsed, t.used)
	}
	t.used = nil
	w.resume(w.locks.Release(t.id))
	if t.found {
		return
	}
	delete(w.txns, t.id)
	if i := slices.Index(w.begun, t); i >= 0 {
		w.begun = slices.Delete(w.begun, i, i+1)
	}
	if len(w.endedOrder) >= w.Limits.Ended {
		delete(w.ended, w.endedOrder[0])
		w.endedOrder = w.endedOrder[1:]
	}
	w.ended[t.id] = ended{client: t.client, reason: how}
	w.endedOrder = append(w.endedOrder, t.id)
	// gofail: var bugEndForgotten struct{}
	// if w.hook.Planted("bugEndForgotten") {
	// 	delete(w.ended, t.id)
	// }

}

// respond answers t's call.
func (w *Writer) respond(t *txn, r node.Reply, out *node.Effects) {
	r.ID, r.Op, r.Txn, r.Epoch = t.request.ID, t.request.Op, t.id, w.epoch
	t.pending = false
	t.lastUse = w.now
	w.unpin(&t.operation)
	out.Respond(t.client, r)
}

// abortIdle ends transactions whose client has not called for too long.
func (w *Writer) abortIdle(out *node.Effects) {
	// gofail: var bugIdleKept struct{}
	// if w.hook.Planted("bugIdleKept") {
	// 	return
	// }

	for i := 0; i < len(w.begun); {
		t := w.begun[i]
		if !t.pending && !t.ending && w.now.Sub(t.lastUse) > w.IdleAfter {
			w.abandon(t, node.Reply{}, out)
		}
		if !t.finished { // else it is gone from begun
			i++
		}
	}
}
