package database

import (
	"slices"
	"strings"

	"github.com/firstgap/firstgap/impl/lock"
	"github.com/firstgap/firstgap/impl/node"
)

// A txn is a transaction. Its client has at most one call of it under way.
type txn struct {
	id     node.Txn
	client node.ID

	writes  []*node.Record
	first   node.LSN // of writes, or 0
	lsn     node.LSN // of the commit record, or its place when it only read; 0 before
	barrier uint64   // the write of the log that must be durable before it is told that it has committed
	done    bool

	pending bool // request has no reply yet
	request node.Request
	lastUse node.Time
}

// request takes a client's call.
func (d *Database) request(from node.ID, r node.Request, out *node.Effects) {
	refuse := func(status node.Status, why node.Reason) {
		out.Respond(from, node.Reply{ID: r.ID, Op: r.Op, Txn: r.Txn, Status: status, Reason: why, Epoch: d.epoch})
	}
	switch {
	case d.phase == deposed && r.Op == node.OpCommit:
		refuse(node.Aborted, node.ReasonAttached) // it makes no commit record any more, and a client asks once
		return
	case d.phase == deposed:
		refuse(node.Refused, node.ReasonAttached)
		return
	case d.phase != open:
		refuse(node.Refused, node.ReasonNotOpen)
		return
	case r.Op == node.OpBegin:
		if len(d.begun) >= d.Limits.Transactions {
			refuse(node.Refused, node.ReasonBusy)
			return
		}
		d.count++
		t := &txn{id: node.MakeTxn(d.epoch, d.count), client: from, lastUse: d.now}
		d.txns[t.id] = t
		d.begun = append(d.begun, t)
		out.Respond(from, node.Reply{ID: r.ID, Op: r.Op, Txn: t.id, Status: node.OK, Epoch: d.epoch})
		return
	}
	t := d.txns[r.Txn]
	switch {
	case t == nil || t.client != from:
		refuse(node.Refused, node.ReasonUnknownTxn)
		return
	case t.pending:
		refuse(node.Refused, node.ReasonBusy)
		return
	}
	if why := d.malformed(&r); why != node.ReasonNone {
		refuse(node.Refused, why)
		return
	}
	if r.Op == node.OpPut && len(d.frames) > d.Limits.LogAhead {
		refuse(node.Refused, node.ReasonBusy)
		return
	}
	t.pending, t.request, t.lastUse = true, r, d.now
	if r.Op == node.OpPut {
		t.request.Rows = node.InOrder(r.Rows)
	}
	d.ready = append(d.ready, t)
}

// malformed checks a request against the limits before anything of it happens.
func (d *Database) malformed(r *node.Request) node.Reason {
	if r.Op == node.OpSavepoint || r.Op == node.OpRollback {
		return node.ReasonMalformed // it has no savepoints
	}
	return r.Malformed(node.RequestLimits{Rows: d.Limits.Rows, Key: d.Limits.Key, Value: d.Limits.Value})
}

// goOn lets every transaction go on that may.
func (d *Database) goOn(out *node.Effects) {
	for len(d.ready) > 0 && d.phase == open {
		t := d.ready[0]
		d.ready = d.ready[1:]
		if t.pending && !t.done && !d.locks.Waits(t.id) && t.lsn == 0 {
			d.proceed(t, out)
		}
	}
}

// retryAll lets everybody look whether the page that it waited for is there.
func (d *Database) retryAll() {
	for _, t := range d.begun {
		if t.pending && !d.locks.Waits(t.id) {
			d.ready = append(d.ready, t)
		}
	}
}

// acquire locks what t's call is on. It tells whether t has the lock; if not, t waits, or it is aborted because waiting would
// have closed a cycle.
func (d *Database) acquire(t *txn, s lock.Span, m lock.Mode, out *node.Effects) bool {
	switch r, cycle := d.locks.Acquire(t.id, s, m); r {
	case lock.Granted, lock.Had:
		return true
	case lock.Deadlock:
		d.abort(t, node.Reply{Status: node.Aborted, Reason: node.ReasonDeadlock, Blockers: cycle}, out)
	}
	return false
}

// proceed carries t's call as far as it gets without waiting. It is called again when what it waits for is there.
func (d *Database) proceed(t *txn, out *node.Effects) {
	switch t.request.Op {
	case node.OpGet:
		key := t.request.Rows[0].Key
		if !d.acquire(t, lock.Row(key), lock.Shared, out) {
			return
		}
		if p := d.page(d.locate(key), out); p != nil {
			d.respond(t, node.Reply{Status: node.OK, Value: p.get(key)}, out)
		}
	case node.OpPut:
		d.put(t, out)
	case node.OpScan:
		d.scan(t, out)
	case node.OpCommit:
		d.commit(t, out)
	case node.OpAbort:
		d.takeBack(t)
		d.respond(t, node.Reply{Status: node.OK}, out)
		d.finish(t)
	}
}

func (d *Database) put(t *txn, out *node.Effects) {
	complete := true
	for _, row := range t.request.Rows {
		if !d.acquire(t, lock.Row(row.Key), lock.Exclusive, out) {
			return
		}
	}
	for _, row := range t.request.Rows {
		if d.page(d.locate(row.Key), out) == nil {
			complete = false // go on: the other pages are asked for at the same time
		}
	}
	if !complete {
		return
	}
	if !d.fits(t.request.Rows) {
		d.respond(t, node.Reply{Status: node.Refused, Reason: node.ReasonFull}, out)
		return
	}
	for _, row := range t.request.Rows {
		id := d.locate(row.Key)
		r := d.issue(node.Record{Kind: node.Write, Txn: t.id, Page: node.PageID(id), Key: row.Key, Old: d.pages.Find(id).Value.get(row.Key), New: row.Value})
		if t.first == 0 {
			t.first = r.LSN
			d.active = append(d.active, t)
		}
		t.writes = append(t.writes, r)
	}
	d.respond(t, node.Reply{Status: node.OK}, out)
}

// fits tells whether every page has room for what it would get, beside what aborts may give back to it.
func (d *Database) fits(rows []node.Row) bool {
	var more []struct {
		page  uint32
		bytes int
	}
	for _, row := range rows {
		if !row.Value.Exists {
			continue
		}
		id := d.locate(row.Key)
		i := 0
		for i < len(more) && more[i].page != id {
			i++
		}
		if i == len(more) {
			more = append(more, struct {
				page  uint32
				bytes int
			}{id, d.pages.Find(id).Value.bytes + d.reserved(id)})
		}
		if more[i].bytes += rowBytes(row.Key, row.Value.Bytes); more[i].bytes > d.PageSize-pageHeader-8 {
			return false
		}
	}
	return true
}

// reserved returns how many bytes transactions under way may give back to a page when they are taken back.
func (d *Database) reserved(id uint32) int {
	n := 0
	for _, t := range d.active {
		for _, r := range t.writes {
			if uint32(r.Page) == id && r.Old.Exists {
				n += rowBytes(r.Key, r.Old.Bytes)
			}
		}
	}
	return n
}

// scan reads the rows of a range, in order, under a lock on all of it, so that no row appears behind it.
func (d *Database) scan(t *txn, out *node.Effects) {
	if !d.acquire(t, lock.Range(t.request.From, t.request.To), lock.Shared, out) {
		return
	}
	complete := true
	for id := range uint32(d.Pages) {
		if d.page(id, out) == nil {
			complete = false
		}
	}
	if !complete {
		return
	}
	var rows []node.Row
	for id := range uint32(d.Pages) {
		for _, r := range d.pages.Find(id).Value.rows {
			if r.Key >= t.request.From && (t.request.To == "" || r.Key < t.request.To) {
				rows = append(rows, r)
			}
		}
	}
	slices.SortFunc(rows, func(a, b node.Row) int { return strings.Compare(a.Key, b.Key) })
	most := d.Limits.Rows
	if t.request.Most > 0 {
		most = min(most, t.request.Most)
	}
	more := len(rows) > most
	d.respond(t, node.Reply{Status: node.OK, Rows: rows[:min(len(rows), most)], More: more}, out)
}

// commit makes the commit record. The reply waits until it is durable, and so do the locks: released before, another
// transaction could read, and be told, what a crash then takes back.
func (d *Database) commit(t *txn, out *node.Effects) {
	if len(t.writes) > 0 {
		d.inactive(t)
		first := t.writes[0]
		t.lsn = d.issue(node.Record{Kind: node.Commit, Txn: t.id, Page: first.Page, Key: first.Key}).LSN
		d.commits = append(d.commits, t)
		return
	}
	// What it read is durable, or its writer would still hold the lock.
	if d.disk.Private() || d.locks.Locks(t.id) == 0 {
		d.respond(t, node.Reply{Status: node.OK, LSN: d.durable}, out)
		d.finish(t)
		return
	}
	// Another instance may have the disk by now. One that does has opened it on a server that answers every write.
	t.lsn, t.barrier = d.durable, d.barrier+1
	d.commits = append(d.commits, t)
}

// takeBack undoes every change of t, the latest first, and logs each.
func (d *Database) takeBack(t *txn) {
	for i := len(t.writes) - 1; i >= 0; i-- {
		r := t.writes[i]
		d.issue(node.Record{Kind: node.Undo, Txn: t.id, Page: r.Page, Key: r.Key, Old: r.New, New: r.Old, Undoes: r.LSN})
	}
	d.inactive(t)
}

func (d *Database) inactive(t *txn) {
	if i := slices.Index(d.active, t); i >= 0 {
		d.active = slices.Delete(d.active, i, i+1)
	}
}

// finish forgets t and releases its locks.
func (d *Database) finish(t *txn) {
	if t.done {
		return
	}
	t.done = true
	granted := d.locks.Release(t.id)
	delete(d.txns, t.id)
	if i := slices.Index(d.begun, t); i >= 0 {
		d.begun = slices.Delete(d.begun, i, i+1)
	}
	for _, id := range granted {
		d.ready = append(d.ready, d.txns[id])
	}
}

// abort ends t for a reason that is not its client's.
func (d *Database) abort(t *txn, why node.Reply, out *node.Effects) {
	d.takeBack(t)
	if t.pending {
		d.respond(t, why, out)
	}
	d.finish(t)
}

func (d *Database) respond(t *txn, r node.Reply, out *node.Effects) {
	r.ID, r.Op, r.Txn, r.Epoch = t.request.ID, t.request.Op, t.id, d.epoch
	t.pending = false
	t.lastUse = d.now
	out.Respond(t.client, r)
}

// abortIdle aborts transactions whose client has not called for too long: their locks would outlive a client that is gone.
func (d *Database) abortIdle(out *node.Effects) {
	if d.phase != open {
		return
	}
	for i := 0; i < len(d.begun); {
		t := d.begun[i]
		if !t.pending && d.now.Sub(t.lastUse) > d.IdleAfter {
			d.abort(t, node.Reply{Status: node.Aborted, Reason: node.ReasonIdle}, out)
			continue // it is gone from begun
		}
		i++
	}
}
