package writer

import (
	"slices"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// A txn is a transaction. Its client has at most one call of it under way.
type txn struct {
	id     node.Txn
	client node.ID
	found  bool // by a recovery, active at the cut: nobody's, and only to be undone

	writes    []*node.Record
	undone    int      // how many of writes are taken back, the latest first
	first     node.LSN // of writes, or 0
	commitLSN node.LSN // of the commit record, or 0
	finished  bool

	pending bool // request has no reply yet
	request node.Request
	locked  int       // rows of the request that are locked
	keys    []string  // rows that it holds locks on, in the order of locking
	waits   *lock     // what it waits for
	wants   mode      // how
	round   uint64    // read-only commit: the confirmations that it needs
	group   int       // read-only commit: the group that it asks
	readAt  node.LSN  // read-only commit: its place in the order
	lastUse node.Time // of its client
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
		if len(w.begun) >= w.Limits.Transactions {
			refuse(node.ReasonBusy)
			return
		}
		w.count++
		t := &txn{id: node.MakeTxn(w.epoch, w.count), client: from, lastUse: w.now}
		w.txns[t.id] = t
		w.begun = append(w.begun, t)
		out.Respond(from, node.Reply{ID: r.ID, Op: r.Op, Txn: t.id, Status: node.OK, Epoch: w.epoch})
		return
	}
	t := w.txns[r.Txn]
	switch {
	case t == nil || t.client != from:
		refuse(node.ReasonUnknownTxn)
		return
	case t.pending:
		refuse(node.ReasonBusy)
		return
	}
	if why := w.malformed(&r); why != node.ReasonNone {
		refuse(why)
		return
	}
	t.pending, t.request, t.locked, t.lastUse = true, r, 0, w.now
	if r.Op == node.OpPut {
		if w.end-w.vdl > node.LSN(w.Limits.LogAhead) {
			t.pending = false
			refuse(node.ReasonBusy)
			return
		}
		t.request.Rows = inOrder(r.Rows)
	}
	w.ready = append(w.ready, t)
}

// malformed checks a request against the limits before anything of it happens.
func (w *Writer) malformed(r *node.Request) node.Reason {
	switch r.Op {
	case node.OpGet:
		if len(r.Rows) != 1 {
			return node.ReasonMalformed
		}
	case node.OpPut:
		if len(r.Rows) == 0 {
			return node.ReasonMalformed
		}
		if len(r.Rows) > w.Limits.Rows {
			return node.ReasonTooLarge
		}
	case node.OpCommit, node.OpAbort:
		if len(r.Rows) != 0 {
			return node.ReasonMalformed
		}
	default:
		return node.ReasonMalformed
	}
	for _, row := range r.Rows {
		if row.Key == "" {
			return node.ReasonMalformed
		}
		if len(row.Key) > w.Limits.Key || len(row.Value.Bytes) > w.Limits.Value {
			return node.ReasonTooLarge
		}
	}
	return node.ReasonNone
}

// inOrder sorts rows by key, so that two puts never deadlock with each other, and keeps the last of each key.
func inOrder(rows []node.Row) []node.Row {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b node.Row) int { return strings.Compare(a.Key, b.Key) })
	n := 0
	for i, r := range sorted {
		if i+1 < len(sorted) && sorted[i+1].Key == r.Key {
			continue
		}
		sorted[n] = r
		n++
	}
	return sorted[:n]
}

// goOn lets every transaction go on that may.
func (w *Writer) goOn(out *node.Effects) {
	for len(w.ready) > 0 {
		t := w.ready[0]
		w.ready = w.ready[1:]
		if t.pending && !t.finished && t.waits == nil {
			w.proceed(t, out)
		}
	}
	w.ready = w.ready[:0]
}

// proceed carries t's call as far as it gets without waiting. It is called again when what it waits for is there.
func (w *Writer) proceed(t *txn, out *node.Effects) {
	switch t.request.Op {
	case node.OpGet:
		w.get(t, out)
	case node.OpPut:
		w.put(t, out)
	case node.OpCommit:
		w.commit(t, out)
	case node.OpAbort:
		w.rollBack(t, out)
		w.respond(t, node.Reply{Status: node.OK}, out)
		w.finish(t)
	}
}

func (w *Writer) get(t *txn, out *node.Effects) {
	row := t.request.Rows[0]
	if !w.lockRows(t, shared, out) {
		return
	}
	p := w.cached(w.Layout.Locate(row.Key), t, out)
	if p == nil {
		return
	}
	w.respond(t, node.Reply{Status: node.OK, Value: p.Get(row.Key)}, out)
}

// put changes all rows of the request at once: one mini-transaction, whose last record is a consistency point.
func (w *Writer) put(t *txn, out *node.Effects) {
	rows := t.request.Rows
	if !w.lockRows(t, exclusive, out) {
		return
	}
	complete := true
	for _, row := range rows {
		if w.cached(w.Layout.Locate(row.Key), t, out) == nil {
			complete = false // go on: the other pages are asked for at the same time
		}
	}
	if !complete {
		return
	}
	for i, row := range rows {
		id := w.Layout.Locate(row.Key)
		if t.first == 0 {
			t.first = w.end + 1
			w.active = append(w.active, t)
		}
		t.writes = append(t.writes, w.issue(node.Record{
			Group: w.groupOf(id), Kind: node.Write, Last: i == len(rows)-1, Txn: t.id,
			Page: id, Key: row.Key, Old: w.cache.pages[id].page.Get(row.Key), New: row.Value,
		}, out))
	}
	w.respond(t, node.Reply{Status: node.OK}, out)
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
		Group: t.writes[0].Group, Kind: node.Commit, Last: true, Txn: t.id,
		Page: t.writes[0].Page, Key: t.writes[0].Key,
	}, out)
	t.commitLSN = r.LSN
	w.commits = append(w.commits, t)
}

func (w *Writer) acknowledge(t *txn, out *node.Effects) {
	// gofail: var writerBeforeAck struct{}
	// w.hook.Hit("writerBeforeAck")

	out.Tell(node.Trace{Action: node.ActAck, Epoch: w.epoch, Txn: t.id})
	w.respond(t, node.Reply{Status: node.OK, LSN: t.commitLSN}, out)
	// gofail: var writerAfterAck struct{}
	// w.hook.Hit("writerAfterAck")

	w.finish(t)
}

// undo takes back every change of t that is not taken back yet, the latest first, and logs each: without the record,
// the next recovery would put the old values back once more, over whatever was committed since.
func (w *Writer) undo(t *txn, out *node.Effects) {
	// gofail: var bugUndoSkipped struct{}
	// if w.hook.Planted("bugUndoSkipped") {
	// 	t.undone = len(t.writes)
	// }

	for t.undone < len(t.writes) {
		r := t.writes[len(t.writes)-1-t.undone]
		t.undone++
		if t.undone == len(t.writes) {
			w.inactive(t)
		}
		// gofail: var writerBeforeUndo struct{}
		// w.hook.Hit("writerBeforeUndo")

		w.issue(node.Record{
			Group: r.Group, Kind: node.Undo, Last: true, Txn: t.id,
			Page: r.Page, Key: r.Key, Old: r.New, New: r.Old, Undoes: r.LSN,
		}, out)
		// gofail: var writerAfterUndo struct{}
		// w.hook.Hit("writerAfterUndo")

	}
	w.inactive(t)
	w.finish(t)
}

// rollBack ends t without a commit.
func (w *Writer) rollBack(t *txn, out *node.Effects) {
	w.leaveQueue(t)
	w.undo(t, out)
}

// inactive takes t out of the transactions whose changes a recovery would have to undo.
func (w *Writer) inactive(t *txn) {
	if i := slices.Index(w.active, t); i >= 0 {
		w.active = slices.Delete(w.active, i, i+1)
	}
}

// finish forgets t and releases its locks.
func (w *Writer) finish(t *txn) {
	if t.finished {
		return
	}
	t.finished = true
	w.releaseAll(t)
	delete(w.txns, t.id)
	if i := slices.Index(w.begun, t); i >= 0 {
		w.begun = slices.Delete(w.begun, i, i+1)
	}
}

// abort ends t for a reason that is not its client's.
func (w *Writer) abort(t *txn, why node.Reason, out *node.Effects) {
	pending := t.pending
	w.rollBack(t, out)
	if pending {
		w.respond(t, node.Reply{Status: node.Aborted, Reason: why}, out)
	}
}

// respond answers t's call.
func (w *Writer) respond(t *txn, r node.Reply, out *node.Effects) {
	r.ID, r.Op, r.Txn, r.Epoch = t.request.ID, t.request.Op, t.id, w.epoch
	t.pending = false
	t.lastUse = w.now
	out.Respond(t.client, r)
}

// abortIdle aborts transactions whose client has not called for too long.
func (w *Writer) abortIdle(out *node.Effects) {
	for i := 0; i < len(w.begun); {
		t := w.begun[i]
		if !t.pending && w.now.Sub(t.lastUse) > w.IdleAfter {
			w.abort(t, node.ReasonIdle, out)
			continue // it is gone from begun
		}
		i++
	}
}
