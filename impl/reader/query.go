package reader

import (
	"cmp"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A snapshot is a query: a transaction that only reads, all of it as of one point of the log. Its client has at most
// one call of it under way.
type snapshot struct {
	id      node.Txn
	client  node.ID
	at      node.LSN   // the read point
	lasts   []node.LSN // by group: its last LSN at or below the read point
	lastUse node.Time

	// What transactions changed that were active at the read point is on the pages, and not to be seen: for each row
	// that they changed, what it held before. Rows are locked until their transaction has ended, so no two of them
	// changed the same one, and the oldest change that is not taken back says what was committed.
	hidden map[string]node.Value
	rows   []string // of hidden, ascending

	pages   map[node.PageID]stored // read from segments for this query
	pending bool                   // request has no reply yet
	request node.Request
	ended   bool
}

// stored is a page as of a snapshot, and the segment that sent it.
type stored struct {
	page *page.Page
	from node.ID
}

// request takes a client's call. A begin is answered at once, with the read point; everything else names its query.
func (r *Reader) request(from node.ID, q *node.Request, out *node.Effects) {
	refuse := func(why node.Reason) {
		out.Respond(from, node.Reply{ID: q.ID, Op: q.Op, Txn: q.Txn, Status: node.Refused, Reason: why, Epoch: r.stream.line})
	}
	switch q.Op {
	case node.OpBegin:
		if why := r.begin(from, q, out); why != node.ReasonNone {
			refuse(why)
		}
		return
	case node.OpGet, node.OpScan, node.OpCommit, node.OpAbort:
	case node.OpPut, node.OpSavepoint, node.OpRollback:
		refuse(node.ReasonReadOnly)
		return
	default:
		refuse(node.ReasonMalformed)
		return
	}
	i := slices.IndexFunc(r.snapshots, func(s *snapshot) bool { return s.id == q.Txn && s.client == from })
	if i < 0 {
		refuse(node.ReasonUnknownTxn)
		return
	}
	s := r.snapshots[i]
	if s.pending {
		refuse(node.ReasonBusy)
		return
	}
	if why := r.malformed(q); why != node.ReasonNone {
		refuse(why)
		return
	}
	s.pending, s.request, s.lastUse = true, *q, r.now
	r.proceed(s, out)
}

func (r *Reader) malformed(q *node.Request) node.Reason {
	switch q.Op {
	case node.OpGet:
		if len(q.Rows) != 1 || q.Rows[0].Key == "" {
			return node.ReasonMalformed
		}
		if len(q.Rows[0].Key) > r.Limits.Key {
			return node.ReasonTooLarge
		}
	case node.OpScan:
		if len(q.Rows) != 0 || q.Most < 0 || q.To != "" && q.To < q.From {
			return node.ReasonMalformed
		}
		if len(q.From) > r.Limits.Key || len(q.To) > r.Limits.Key {
			return node.ReasonTooLarge
		}
	default:
		if len(q.Rows) != 0 {
			return node.ReasonMalformed
		}
	}
	return node.ReasonNone
}

// begin opens a query at the view, or at the read point that is asked for if some query here still reads there: that is
// all that segments keep for this reader.
func (r *Reader) begin(from node.ID, q *node.Request, out *node.Effects) node.Reason {
	switch {
	case !r.stream.serves():
		return node.ReasonNotOpen
	case len(q.Rows) != 0:
		return node.ReasonMalformed
	case len(r.snapshots) >= r.Limits.Snapshots:
		return node.ReasonBusy
	case q.ReadPoint > r.stream.view:
		return node.ReasonAboveReadPoint
	}
	r.count++
	s := &snapshot{id: node.MakeTxn(node.Epoch(uint32(r.ID)<<16|r.incarnation&0xffff), r.count), client: from, lastUse: r.now,
		pages: map[node.PageID]stored{}}
	if q.ReadPoint == 0 || q.ReadPoint == r.stream.view {
		s.at = r.stream.view
		s.lasts = slices.Clone(r.stream.lasts)
		r.hide(s)
	} else {
		i := slices.IndexFunc(r.snapshots, func(o *snapshot) bool { return o.at == q.ReadPoint })
		if i < 0 {
			return node.ReasonBelowReadPoint
		}
		o := r.snapshots[i]
		s.at, s.lasts, s.hidden, s.rows = o.at, o.lasts, o.hidden, o.rows
	}
	at, _ := slices.BinarySearchFunc(r.snapshots, s.at, func(o *snapshot, l node.LSN) int {
		if o.at <= l {
			return -1
		}
		return 1
	})
	r.snapshots = slices.Insert(r.snapshots, at, s)
	r.counters.Snapshots++
	out.Tell(node.Trace{Action: node.ActBegin, Epoch: r.stream.line, Txn: s.id, LSN: s.at})
	told := s.at
	// gofail: var bugReadPointOfView struct{}
	// if r.hook.Planted("bugReadPointOfView") {
	// 	told = r.stream.view
	// }

	out.Respond(from, node.Reply{ID: q.ID, Op: q.Op, Txn: s.id, Status: node.OK, LSN: told, Epoch: r.stream.line})
	return node.ReasonNone
}

// hide notes what is not to be seen at the view.
func (r *Reader) hide(s *snapshot) {
	// gofail: var bugNothingHidden struct{}
	// if r.hook.Planted("bugNothingHidden") {
	// 	return
	// }

	var all []change
	for _, changes := range r.active {
		all = append(all, changes...)
	}
	slices.SortFunc(all, func(a, b change) int { return cmp.Compare(a.lsn, b.lsn) })
	s.hidden = make(map[string]node.Value, len(all))
	for _, c := range all {
		if _, known := s.hidden[c.key]; !known {
			s.hidden[c.key] = c.old
			s.rows = append(s.rows, c.key)
		}
		// gofail: var bugHidesNewest struct{}
		// if r.hook.Planted("bugHidesNewest") {
		// 	s.hidden[c.key] = c.old
		// }

	}
	slices.Sort(s.rows)
}

// A lookup is one attempt of a query's call: the pages that it used, or the first one that it missed.
type lookup struct {
	r      *Reader
	s      *snapshot
	missed node.PageID
	short  bool
	used   []node.Trace
}

// Page implements btree.Pages: the page as of the snapshot. A cached page is that when nothing has changed it since.
func (u *lookup) Page(id node.PageID) *page.Page {
	if st, ok := u.s.pages[id]; ok {
		u.used = append(u.used, node.Trace{Action: node.ActReadStored, Txn: u.s.id, Page: id, LSN: st.page.LSN, From: st.from})
		return st.page
	}
	if c := u.r.cache.Find(id); c != nil && c.Value.LSN <= u.s.at {
		u.r.cache.Use(c)
		u.used = append(u.used, node.Trace{Action: node.ActReadCached, Txn: u.s.id, Page: id, LSN: c.Value.LSN})
		return c.Value
	}
	u.missed, u.short = id, true
	return nil
}

// proceed carries a query's call as far as it gets without waiting. It is called again when the page that it misses has
// come.
func (r *Reader) proceed(s *snapshot, out *node.Effects) {
	if s.ended || !s.pending {
		return
	}
	u := &lookup{r: r, s: s}
	tree := btree.Tree{Pages: u, PageSize: page.SizeOf(r.Volume)}
	reply := node.Reply{Status: node.OK, LSN: s.at}
	shown := node.Shown{}
	switch s.request.Op {
	case node.OpGet:
		key := s.request.Rows[0].Key
		reply.Value, _ = tree.Get(key)
		if old, is := s.hidden[key]; is && !u.short {
			reply.Value = old
			r.counters.Hidden++
		}
		shown.From, shown.To = key, key+"\x00"
		if reply.Value.Exists {
			shown.Rows = []node.Row{{Key: key, Value: reply.Value}}
		}
	case node.OpScan:
		reply.Rows, reply.More = r.scan(tree, s)
		shown = node.Shown{From: s.request.From, To: s.request.To, Rows: reply.Rows, More: reply.More}
	case node.OpCommit, node.OpAbort:
		r.respond(s, reply, out)
		r.close(s, out)
		return
	}
	if u.short {
		r.read(u.missed, s, out)
		return
	}
	r.counters.Rows += uint64(len(shown.Rows))
	for i := range u.used {
		u.used[i].Epoch = r.stream.line
		if u.used[i].Action == node.ActReadCached {
			r.counters.Hits++
		}
		out.Tell(u.used[i])
	}
	out.Tell(node.Trace{Action: node.ActShow, Epoch: r.stream.line, Txn: s.id, LSN: s.at, Detail: &shown})
	if len(s.pages) > r.Limits.Pages {
		clear(s.pages)
	}
	r.respond(s, reply, out)
}

// scan reads a range: the rows of the tree, with those put back or taken out that active transactions changed.
func (r *Reader) scan(tree btree.Tree, s *snapshot) (rows []node.Row, more bool) {
	from, to := s.request.From, s.request.To
	most := r.Limits.Rows
	if s.request.Most > 0 {
		most = min(most, s.request.Most)
	}
	add := func(key string, v node.Value) bool {
		if !v.Exists {
			return true
		}
		if len(rows) == most {
			more = true
			return false
		}
		rows = append(rows, node.Row{Key: key, Value: v})
		return true
	}
	i, _ := slices.BinarySearch(s.rows, from)
	// before adds the hidden rows below key, which the tree does not have.
	before := func(key string) bool {
		for ; i < len(s.rows) && s.rows[i] < key; i++ {
			r.counters.Hidden++
			if !add(s.rows[i], s.hidden[s.rows[i]]) {
				return false
			}
		}
		return true
	}
	whole := tree.Scan(from, to, 0, func(c page.Cell) bool {
		if !before(c.Key) {
			return false
		}
		v := node.Some(c.Value)
		if i < len(s.rows) && s.rows[i] == c.Key {
			v = s.hidden[c.Key]
			r.counters.Hidden++
			i++
		}
		return add(c.Key, v)
	})
	if !whole || more {
		return rows, more
	}
	// gofail: var bugHiddenEndLost struct{}
	// if r.hook.Planted("bugHiddenEndLost") {
	// 	return rows, more
	// }

	for ; i < len(s.rows) && (to == "" || strings.Compare(s.rows[i], to) < 0); i++ {
		r.counters.Hidden++
		if !add(s.rows[i], s.hidden[s.rows[i]]) {
			break
		}
	}
	return rows, more
}

// respond answers the call of a query.
func (r *Reader) respond(s *snapshot, reply node.Reply, out *node.Effects) {
	reply.ID, reply.Op, reply.Txn, reply.Epoch = s.request.ID, s.request.Op, s.id, r.stream.line
	s.pending = false
	s.lastUse = r.now
	out.Respond(s.client, reply)
}

// close forgets a query.
func (r *Reader) close(s *snapshot, out *node.Effects) {
	s.ended = true
	r.snapshots = slices.DeleteFunc(r.snapshots, func(o *snapshot) bool { return o == s })
	for _, rd := range r.reads {
		rd.waiting = slices.DeleteFunc(rd.waiting, func(o *snapshot) bool { return o == s })
	}
	r.reads = slices.DeleteFunc(r.reads, func(rd *pageRead) bool { return len(rd.waiting) == 0 })
	out.Tell(node.Trace{Action: node.ActFinish, Epoch: r.stream.line, Txn: s.id})
}

// end ends a query for a reason that is not its client's.
func (r *Reader) end(s *snapshot, why node.Reason, out *node.Effects) {
	if s.pending {
		r.respond(s, node.Reply{Status: node.Refused, Reason: why, LSN: s.at}, out)
	}
	r.close(s, out)
}

func (r *Reader) endAll(why node.Reason, out *node.Effects) {
	for len(r.snapshots) > 0 {
		r.end(r.snapshots[0], why, out)
	}
}

// endIdle ends queries whose client has not called for too long.
func (r *Reader) endIdle(out *node.Effects) {
	// gofail: var bugIdleQueryKept struct{}
	// if r.hook.Planted("bugIdleQueryKept") {
	// 	return
	// }

	for i := 0; i < len(r.snapshots); {
		if s := r.snapshots[i]; !s.pending && r.now.Sub(s.lastUse) > r.IdleAfter {
			r.end(s, node.ReasonIdle, out)
			continue // it is gone from the list
		}
		i++
	}
}
