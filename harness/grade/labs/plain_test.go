package labs

import (
	"slices"
	"time"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// plain is a writer as a student would write it, of the contract alone: the second reference of lab 4. It has no tree, no cache,
// no scans, no savepoints, no readers and no backup. Rows are on pages by a fixed rule, and in memory, where a new writer puts them
// by reading all of the log; a lock that is taken ends who asks for it.
type plain struct {
	id          node.ID
	v           *node.Volume
	retry, idle time.Duration
	now         node.Time

	phase   string // "", "fencing", "repairing", "open", "deposed"
	token   uint64
	knows   bool
	expect  node.Epoch
	epoch   node.Epoch
	answers map[node.ID]*node.Fenced
	asked   int // whom of those that answered to load from
	history node.History
	base    node.LSN

	log      map[node.LSN]*node.Record
	end      node.LSN
	last     []node.LSN           // by group, of what is kept or issued
	sent     node.LSN             // all up to there was sent to all once
	scl      map[node.ID]node.LSN // of those that follow this writer
	vcl, vdl node.LSN
	round    uint64

	rows    map[string]node.Value
	locks   map[string][]*work // who has the row; several only to read it
	works   map[node.Txn]*work
	started uint32
}

// A work is a transaction.
type work struct {
	id        node.Txn
	client    node.ID
	writes    []*node.Record // not taken back
	origin    *node.Record
	request   node.Request // waits for its answer where pending is set
	pending   bool
	commit    node.LSN // of its commit record
	round     uint64   // of a commit that only read
	confirmed map[node.ID]bool
	used      node.Time
}

func newPlain(p protocol.Place) node.Node {
	return &plain{id: p.ID, v: p.Volume, retry: time.Duration(p.Nodes.RetryEvery), idle: time.Duration(p.Nodes.IdleAfter),
		answers: map[node.ID]*node.Fenced{}, log: map[node.LSN]*node.Record{}, last: make([]node.LSN, len(p.Volume.Segments)),
		scl: map[node.ID]node.LSN{}, rows: map[string]node.Value{}, locks: map[string][]*work{}, works: map[node.Txn]*work{}}
}

// pages is how many pages there are. A row is always on the same one.
const pages = 8

func pageOf(key string) node.PageID {
	sum := uint32(7)
	for _, c := range []byte(key) {
		sum = sum*31 + uint32(c)
	}
	return node.PageID(1 + sum%pages)
}

func (w *plain) Step(now node.Time, ev node.Event, out *node.Effects) {
	w.now = now
	switch ev.Kind {
	case node.Started:
		w.token = uint64(w.id)<<32 | uint64(ev.Incarnation)
		w.compete(out)
		out.SetTimer(1, w.retry)
	case node.Fired:
		w.tick(out)
		out.SetTimer(1, w.retry)
	case node.Received:
		w.receive(ev.From, ev.Message, out)
	case node.Requested:
		w.requested(ev.From, ev.Request, out)
	}
	w.send(out)
}

func (w *plain) tick(out *node.Effects) {
	switch w.phase {
	case "":
		w.compete(out)
		return
	case "fencing":
		w.fence(out)
		return
	case "deposed":
		return
	case "repairing":
		w.asked++
		w.load(out)
	case "open":
		for _, t := range w.inOrder() {
			if !t.pending && w.now.Sub(t.used) > w.idle {
				w.undo(t, out)
			}
		}
		w.confirm(out)
	}
	for g, segments := range w.v.Segments {
		for _, id := range segments {
			if scl, follows := w.scl[id]; follows {
				out.Send(id, w.records(g, scl))
			} else {
				out.Send(id, &node.Join{Epoch: w.epoch, History: w.history})
			}
		}
	}
}

// records brings a segment some of what it lacks, and the word of what is durable.
func (w *plain) records(g int, scl node.LSN) *node.Append {
	m := &node.Append{Epoch: w.epoch}
	if w.phase == "open" {
		m.VDL, m.Last = w.vdl, w.lastAt(g, w.vdl)
	}
	for l := scl + 1; l <= w.end && len(m.Records) < 64; l++ {
		if r := w.log[l]; r != nil && int(r.Group) == g {
			m.Records = append(m.Records, r)
		}
	}
	return m
}

func (w *plain) lastAt(g int, upTo node.LSN) node.LSN {
	for l := upTo; l > 0; l-- {
		if r := w.log[l]; r != nil && int(r.Group) == g {
			return l
		}
	}
	return 0
}

// send brings the segments what was issued in this step.
func (w *plain) send(out *node.Effects) {
	if w.phase != "open" || w.sent == w.end {
		return
	}
	for g, segments := range w.v.Segments {
		if m := w.records(g, w.sent); len(m.Records) > 0 {
			for _, id := range segments {
				if _, follows := w.scl[id]; follows {
					out.Send(id, m)
				}
			}
		}
	}
	w.sent = w.end
}

// Taking over.

func (w *plain) compete(out *node.Effects) {
	if w.knows {
		out.Send(w.v.Register, &node.Swap{Expect: w.expect, Token: w.token})
	} else {
		out.Send(w.v.Register, &node.ReadEpoch{Token: w.token})
	}
}

func (w *plain) fence(out *node.Effects) {
	for _, segments := range w.v.Segments {
		for _, id := range segments {
			if w.answers[id] == nil {
				out.Send(id, &node.Fence{Epoch: w.epoch})
			}
		}
	}
}

func (w *plain) receive(from node.ID, m node.Message, out *node.Effects) {
	switch m := m.(type) {
	case *node.CurrentEpoch:
		if m.Token == w.token && !w.knows {
			w.knows, w.expect = true, m.Epoch
			w.compete(out)
		}
	case *node.Swapped:
		if m.Token != w.token || w.phase != "" {
			return
		}
		if !m.Won {
			if m.Epoch > w.expect {
				w.expect = m.Epoch
				w.compete(out)
			}
			return
		}
		w.epoch, w.phase = m.Epoch, "fencing"
		if w.epoch == 1 {
			w.history, w.phase = node.FirstHistory(), "open"
			for _, segments := range w.v.Segments {
				for _, id := range segments {
					w.scl[id] = 0
				}
			}
			return
		}
		w.fence(out)
	case *node.Fenced:
		if m.Epoch == w.epoch && w.phase == "fencing" {
			w.answers[from] = m
			w.decide(out)
		}
	case *node.LogRecords:
		if m.Epoch == w.epoch && w.phase == "repairing" {
			for _, r := range m.Records {
				if r.LSN <= w.base && w.history.Has(r.LSN, r.Epoch) && r.Intact() {
					w.log[r.LSN] = r
				}
			}
			if m.Through < w.base && m.Through >= m.From {
				out.Send(from, &node.ReadLog{Epoch: w.epoch, From: m.Through + 1, To: w.base})
			}
			w.open(out)
		}
	case *node.Joined:
		w.complete(from, m.Epoch, m.SCL, out)
	case *node.Appended:
		w.complete(from, m.Epoch, m.SCL, out)
	case *node.NotJoined:
		if m.Epoch == w.epoch {
			delete(w.scl, from)
		}
	case *node.Stale:
		if m.Promise > w.epoch && w.epoch != 0 {
			w.depose(out)
		}
	case *node.Confirmed:
		if m.Epoch == w.epoch {
			w.confirmed(from, m.Round, out)
		}
	}
}

// quorum tells whether so many segments of each group are so.
func (w *plain) quorum(many int, is func(g int, id node.ID) bool) bool {
	for g, segments := range w.v.Segments {
		n := 0
		for _, id := range segments {
			if is(g, id) {
				n++
			}
		}
		if n < many {
			return false
		}
	}
	return true
}

func (w *plain) decide(out *node.Effects) {
	if !w.quorum(w.v.ReadQuorum, func(_ int, id node.ID) bool { return w.answers[id] != nil }) {
		return
	}
	newest, vdl := node.FirstHistory(), node.LSN(0)
	var who []node.ID
	for id, a := range w.answers {
		who = append(who, id)
		if a.History.Line() > newest.Line() {
			newest = a.History
		}
		vdl = max(vdl, a.VDL)
	}
	slices.Sort(who)
	found := map[node.LSN]node.Held{}
	for _, a := range w.answers {
		for _, h := range a.Held {
			if newest.Has(h.LSN, h.Epoch) {
				found[h.LSN] = h
			}
		}
	}
	w.base = vdl
	for l := vdl + 1; found[l].LSN == l; l++ {
		if found[l].Last {
			w.base = l
		}
	}
	for id, a := range w.answers {
		g, _, _ := w.v.Find(id)
		for _, h := range a.Held {
			if h.LSN <= w.base && newest.Has(h.LSN, h.Epoch) {
				w.last[g] = max(w.last[g], h.LSN)
			}
		}
	}
	w.history, w.end, w.phase = newest.Cut(w.base, w.epoch), w.base, "repairing"
	out.Tell(node.Trace{Action: node.ActDecide, Epoch: w.epoch, LSN: w.base, Detail: &node.DecideStep{Answers: who, History: w.history}})
	for _, segments := range w.v.Segments {
		for _, id := range segments {
			out.Send(id, &node.Join{Epoch: w.epoch, History: w.history})
		}
	}
	w.load(out)
	w.open(out)
}

// load asks one segment of each group, another one each time, for the log that is kept.
func (w *plain) load(out *node.Effects) {
	from := node.LSN(1)
	for w.log[from] != nil {
		from++
	}
	if from > w.base {
		return
	}
	for _, segments := range w.v.Segments {
		out.Send(segments[w.asked%len(segments)], &node.ReadLog{Epoch: w.epoch, From: from, To: w.base})
	}
}

func (w *plain) open(out *node.Effects) {
	for l := node.LSN(1); l <= w.base; l++ {
		if w.log[l] == nil {
			return
		}
	}
	if !w.quorum(w.v.WriteQuorum, func(g int, id node.ID) bool { scl, follows := w.scl[id]; return follows && scl >= w.last[g] }) {
		return
	}
	w.phase, w.vcl, w.vdl, w.sent = "open", w.base, w.base, w.base
	out.Tell(node.Trace{Action: node.ActOpen, Epoch: w.epoch})
	for l := node.LSN(1); l <= w.base; l++ {
		r := w.log[l]
		t := w.works[r.Txn]
		switch r.Kind {
		case node.Write:
			if t == nil {
				t = &work{id: r.Txn, origin: r}
				w.works[r.Txn] = t
			}
			t.writes = append(t.writes, r)
			w.rows[r.Key] = r.New
		case node.Undo:
			t.writes = t.writes[:len(t.writes)-1]
			w.rows[r.Key] = r.New
		case node.Commit:
			delete(w.works, r.Txn)
		}
	}
	for _, t := range w.inOrder() {
		w.undo(t, out)
	}
}

func (w *plain) depose(out *node.Effects) {
	w.phase = "deposed"
	for _, t := range w.inOrder() {
		if t.pending {
			status := node.Aborted
			if t.commit != 0 {
				status = node.Unknown
			}
			w.respond(t, node.Reply{Status: status, Reason: node.ReasonFenced}, out)
		}
	}
}

// complete counts what a segment has acknowledged in this epoch.
func (w *plain) complete(from node.ID, e node.Epoch, scl node.LSN, out *node.Effects) {
	if e != w.epoch || w.phase != "repairing" && w.phase != "open" {
		return
	}
	w.scl[from] = max(w.scl[from], scl)
	if w.phase == "repairing" {
		w.open(out)
		return
	}
	before := w.vcl
	for w.vcl < w.end {
		r, n := w.log[w.vcl+1], 0
		for _, id := range w.v.Segments[r.Group] {
			if w.scl[id] >= r.LSN {
				n++
			}
		}
		if n < w.v.WriteQuorum {
			break
		}
		if w.vcl++; r.Last {
			w.vdl = w.vcl
		}
	}
	if w.vcl == before {
		return
	}
	out.Tell(node.Trace{Action: node.ActAdvance, Epoch: w.epoch, LSN: w.vcl})
	for _, t := range w.inOrder() {
		if t.commit != 0 && t.commit <= w.vdl {
			out.Tell(node.Trace{Action: node.ActAck, Epoch: w.epoch, Txn: t.id})
			w.respond(t, node.Reply{Status: node.OK, LSN: t.commit}, out)
			w.forget(t)
		}
	}
}

// Transactions.

// inOrder lists the transactions as they began.
func (w *plain) inOrder() []*work {
	var all []*work
	for _, t := range w.works {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *work) int { return int(min(max(int64(a.id)-int64(b.id), -1), 1)) })
	return all
}

func (w *plain) requested(from node.ID, r node.Request, out *node.Effects) {
	reply := node.Reply{ID: r.ID, Op: r.Op, Txn: r.Txn, Status: node.Refused, Epoch: w.epoch}
	t := w.works[r.Txn]
	switch {
	case w.phase == "deposed" && r.Op == node.OpCommit:
		reply.Status, reply.Reason = node.Aborted, node.ReasonFenced
	case w.phase == "deposed":
		reply.Reason = node.ReasonFenced
	case w.phase != "open":
		reply.Reason = node.ReasonNotOpen
	case r.Op == node.OpBegin:
		w.started++
		reply.Txn, reply.Status = node.MakeTxn(w.epoch, w.started), node.OK
		w.works[reply.Txn] = &work{id: reply.Txn, client: from, used: w.now}
	case t == nil || t.client != from:
		reply.Reason = node.ReasonUnknownTxn
	case t.pending:
		reply.Reason = node.ReasonBusy
	default:
		t.request, t.pending, t.used = r, true, w.now
		w.proceed(t, out)
		return
	}
	out.Respond(from, reply)
}

func (w *plain) respond(t *work, r node.Reply, out *node.Effects) {
	r.ID, r.Op, r.Txn, r.Epoch = t.request.ID, t.request.Op, t.id, w.epoch
	t.pending, t.used = false, w.now
	out.Respond(t.client, r)
}

func (w *plain) proceed(t *work, out *node.Effects) {
	switch t.request.Op {
	case node.OpGet, node.OpPut:
		writes := t.request.Op == node.OpPut
		for _, row := range t.request.Rows {
			if !w.lock(t, row.Key, writes) {
				w.respond(t, node.Reply{Status: node.Aborted}, out)
				w.undo(t, out)
				return
			}
		}
		reply := node.Reply{Status: node.OK}
		if !writes {
			reply.Value = w.rows[t.request.Rows[0].Key]
		}
		rows := node.InOrder(t.request.Rows)
		for i, row := range rows {
			if writes {
				w.issue(node.Record{Kind: node.Write, Last: i == len(rows)-1, Txn: t.id, Page: pageOf(row.Key), Key: row.Key, Old: w.rows[row.Key], New: row.Value}, t, out)
			}
		}
		w.respond(t, reply, out)
	case node.OpCommit:
		if t.origin == nil {
			w.round++
			t.round, t.confirmed = w.round, map[node.ID]bool{}
			w.confirm(out)
			return
		}
		t.commit = w.issue(node.Record{Kind: node.Commit, Last: true, Txn: t.id, Page: t.origin.Page, Key: t.origin.Key}, t, out).LSN
	case node.OpAbort:
		w.respond(t, node.Reply{Status: node.OK}, out)
		w.undo(t, out)
	}
}

// lock locks a row for a transaction; false: another one has it.
func (w *plain) lock(t *work, key string, alone bool) bool {
	for _, other := range w.locks[key] {
		if other != t && (alone || len(other.writes) > 0 && slices.ContainsFunc(other.writes, func(r *node.Record) bool { return r.Key == key })) {
			return false
		}
	}
	if !slices.Contains(w.locks[key], t) {
		w.locks[key] = append(w.locks[key], t)
	}
	return true
}

// issue gives a record of a transaction its LSN.
func (w *plain) issue(r node.Record, t *work, out *node.Effects) *node.Record {
	w.end++
	r.LSN, r.Epoch, r.Group = w.end, w.epoch, w.v.GroupOf(r.Page)
	r.Prev, w.last[r.Group] = w.last[r.Group], w.end
	switch r.Kind {
	case node.Write:
		t.writes = append(t.writes, &r)
		if t.origin == nil {
			t.origin = &r
		}
	case node.Undo:
		t.writes = t.writes[:len(t.writes)-1]
	}
	if r.Kind != node.Commit {
		w.rows[r.Key] = r.New
	}
	r.OldestActive = r.LSN + 1
	for _, other := range w.works {
		if other.origin != nil && other.commit == 0 && (other != t || r.Kind != node.Commit && len(t.writes) > 0) {
			r.OldestActive = min(r.OldestActive, other.origin.LSN)
		}
	}
	r.Seal()
	w.log[r.LSN] = &r
	out.Tell(node.Trace{Action: node.IssueOf(r.Kind), Epoch: w.epoch, Record: &r})
	return &r
}

// undo takes back what a transaction has changed, the latest first, and ends it.
func (w *plain) undo(t *work, out *node.Effects) {
	for len(t.writes) > 0 {
		r := t.writes[len(t.writes)-1]
		w.issue(node.Record{Kind: node.Undo, Last: true, Txn: t.id, Page: r.Page, Key: r.Key, Old: r.New, New: r.Old, Undoes: r.LSN}, t, out)
	}
	w.forget(t)
}

// forget forgets a transaction and its locks.
func (w *plain) forget(t *work) {
	delete(w.works, t.id)
	for key, all := range w.locks {
		if all = slices.DeleteFunc(slices.Clone(all), func(o *work) bool { return o == t }); len(all) == 0 {
			delete(w.locks, key)
		} else {
			w.locks[key] = all
		}
	}
}

// confirm asks a group whether this writer still is the one that it serves, for commits that have only read.
func (w *plain) confirm(out *node.Effects) {
	for _, t := range w.inOrder() {
		for _, id := range w.v.Segments[0] {
			if t.pending && t.round != 0 && !t.confirmed[id] {
				out.Send(id, &node.Confirm{Epoch: w.epoch, Round: t.round})
			}
		}
	}
}

func (w *plain) confirmed(from node.ID, round uint64, out *node.Effects) {
	if g, _, is := w.v.Find(from); !is || g != 0 {
		return
	}
	for _, t := range w.inOrder() {
		if !t.pending || t.round == 0 || round < t.round {
			continue
		}
		if t.confirmed[from] = true; len(t.confirmed) > len(w.v.Segments[0])-w.v.WriteQuorum {
			w.respond(t, node.Reply{Status: node.OK, LSN: w.vdl}, out)
			w.forget(t)
		}
	}
}
