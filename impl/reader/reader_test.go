package reader

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// The addresses of the tests.
const (
	theReader node.ID = 50
	theWriter node.ID = 60
	theClient node.ID = 70
)

// A source is a volume without segments: its log, and pages as of any LSN by replaying it.
type source struct {
	t       *testing.T
	volume  *node.Volume
	log     []*node.Record
	pages   map[node.PageID]*page.Page // as of the end of the log
	last    []node.LSN
	epoch   node.Epoch
	history node.History
	active  []*writing // in the order of their first change
	count   uint32
	rows    map[string]node.Value
	locked  map[string]*writing
}

// A writing is a transaction of the source.
type writing struct {
	id      node.Txn
	first   node.LSN
	changes []*node.Record
}

func newSource(t *testing.T) *source {
	v := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, PageSize: page.MinSize, Register: 1,
		Segments: [][]node.ID{{2, 3, 4}, {5, 6, 7}}, Readers: []node.ID{theReader}}
	return &source{t: t, volume: v, pages: map[node.PageID]*page.Page{}, last: make([]node.LSN, 2), epoch: 1,
		history: node.FirstHistory(), rows: map[string]node.Value{}, locked: map[string]*writing{}}
}

func (s *source) Page(id node.PageID) *page.Page {
	if s.pages[id] == nil {
		s.pages[id] = &page.Page{ID: id}
	}
	return s.pages[id]
}

func (s *source) end() node.LSN { return node.LSN(len(s.log)) }

func (s *source) issue(r node.Record) *node.Record {
	r.LSN, r.Epoch, r.Group = s.end()+1, s.epoch, s.volume.GroupOf(r.Page)
	r.Prev = s.last[r.Group]
	s.last[r.Group] = r.LSN
	r.OldestActive = r.LSN + 1
	if len(s.active) > 0 {
		r.OldestActive = s.active[0].first
	}
	r.Seal()
	s.log = append(s.log, &r)
	require.NoError(s.t, s.Page(r.Page).Apply(&r))
	return &r
}

func (s *source) tree() btree.Tree {
	return btree.Tree{Pages: s, PageSize: page.MinSize, Capacity: 1 << 20}
}

func (s *source) room(rows ...node.Row) {
	for {
		change, err := s.tree().Room(rows)
		require.NoError(s.t, err)
		if len(change) == 0 {
			return
		}
		for _, r := range change {
			s.issue(r)
		}
	}
}

func (s *source) begin() *writing {
	s.count++
	return &writing{id: node.MakeTxn(s.epoch, s.count)}
}

func (s *source) row(w *writing, kind node.Kind, row node.Row, undoes node.LSN, last bool) *node.Record {
	leaf, ok := s.tree().Leaf(row.Key)
	require.True(s.t, ok)
	return s.issue(node.Record{Kind: kind, Last: last, Txn: w.id, Page: leaf.ID, Key: row.Key, Old: leaf.Get(row.Key), New: row.Value, Undoes: undoes})
}

// put changes rows as one mini-transaction, unless another transaction has one of them.
func (s *source) put(w *writing, rows ...node.Row) bool {
	for _, r := range rows {
		if o := s.locked[r.Key]; o != nil && o != w {
			return false
		}
	}
	s.room(rows...)
	for i, r := range rows {
		s.locked[r.Key] = w
		if w.first == 0 {
			w.first = s.end() + 1
			s.active = append(s.active, w)
		}
		w.changes = append(w.changes, s.row(w, node.Write, r, 0, i == len(rows)-1))
	}
	return true
}

func (s *source) ends(w *writing) {
	s.active = slices.DeleteFunc(s.active, func(o *writing) bool { return o == w })
	for k, o := range s.locked {
		if o == w {
			delete(s.locked, k)
		}
	}
}

func (s *source) commit(w *writing) {
	if w.first == 0 {
		return
	}
	s.active = slices.DeleteFunc(s.active, func(o *writing) bool { return o == w })
	f := s.log[w.first-1]
	s.issue(node.Record{Kind: node.Commit, Last: true, Txn: w.id, Page: f.Page, Key: f.Key})
	s.ends(w)
}

// undo takes back the latest changes until only so many are left.
func (s *source) undo(w *writing, left int) {
	for len(w.changes) > left {
		c := w.changes[len(w.changes)-1]
		w.changes = w.changes[:len(w.changes)-1]
		row := node.Row{Key: c.Key, Value: c.Old}
		s.room(row)
		if len(w.changes) == 0 {
			s.active = slices.DeleteFunc(s.active, func(o *writing) bool { return o == w })
		}
		s.row(w, node.Undo, row, c.LSN, true)
	}
	if left == 0 {
		s.ends(w)
	}
}

// image returns a page as of l.
func (s *source) image(id node.PageID, l node.LSN) []byte {
	p := &page.Page{ID: id}
	for _, r := range s.log[:l] {
		if r.Page == id {
			require.NoError(s.t, p.Apply(r))
		}
	}
	return p.Encode()
}

// lasts returns each group's last LSN at or below l.
func (s *source) lasts(l node.LSN) []node.LSN {
	lasts := make([]node.LSN, 2)
	for _, r := range s.log[:l] {
		lasts[r.Group] = r.LSN
	}
	return lasts
}

// committed returns the rows as of l that committed by then, by a look at the log that knows nothing of pages.
func (s *source) committed(l node.LSN) map[string]node.Value {
	done := map[node.Txn]bool{}
	for _, r := range s.log[:l] {
		if r.Kind == node.Commit {
			done[r.Txn] = true
		}
	}
	rows := map[string]node.Value{}
	for _, r := range s.log[:l] {
		if (r.Kind == node.Write || r.Kind == node.Undo) && done[r.Txn] {
			rows[r.Key] = r.New
		}
	}
	return rows
}

// anew is the answer that a writer with that VDL gives a reader which wants to begin anew.
func (s *source) anew(vdl node.LSN, number uint32) *node.Anew {
	m := &node.Anew{Epoch: s.epoch, Number: number, Answer: 1 << 32, From: vdl, Ready: vdl, Lasts: s.lasts(vdl)}
	if vdl > 0 {
		m.From = min(vdl, s.log[vdl-1].OldestActive-1)
	}
	return m
}

// A rig is a reader and the effects of its last step.
type rig struct {
	t    *testing.T
	r    *Reader
	now  node.Time
	out  node.Effects
	told []node.Trace
}

func newRig(t *testing.T, v *node.Volume, cache int) *rig {
	g := &rig{t: t, r: New(Config{ID: theReader, Volume: v, CachePages: cache, RetryEvery: time.Millisecond, IdleAfter: time.Second,
		Limits: DefaultLimits()}, node.NoHook{})}
	asks := sent[*node.ReadEpoch](g.step(node.Event{Kind: node.Started, Incarnation: 1}))
	require.Len(t, asks, 1)
	g.receive(v.Register, &node.CurrentEpoch{Token: asks[0].Token, Epoch: 1})
	return g
}

func (g *rig) step(ev node.Event) []node.Effect {
	g.out.Reset()
	g.now += node.Time(time.Microsecond)
	g.r.Step(g.now, ev, &g.out)
	g.told = append(g.told, g.out.Trace...)
	return slices.Clone(g.out.List)
}

func (g *rig) receive(from node.ID, m node.Message) []node.Effect {
	return g.step(node.Event{Kind: node.Received, From: from, Message: m})
}

func (g *rig) ask(q node.Request) []node.Effect {
	return g.step(node.Event{Kind: node.Requested, From: theClient, Request: q})
}

// reply returns the one reply among effects.
func (g *rig) reply(effects []node.Effect) node.Reply {
	g.t.Helper()
	var all []node.Reply
	for _, e := range effects {
		if e.Kind == node.DoRespond {
			all = append(all, *e.Reply)
		}
	}
	require.Len(g.t, all, 1)
	return all[0]
}

func sent[T node.Message](effects []node.Effect) []T {
	var all []T
	for _, e := range effects {
		if m, ok := e.Message.(T); e.Kind == node.DoSend && ok {
			all = append(all, m)
		}
	}
	return all
}

// following returns a source with rows, and a reader that follows it from its VDL on.
func following(t *testing.T, cache int) (*source, *rig) {
	s := newSource(t)
	w := s.begin()
	for i := range 60 {
		require.True(t, s.put(w, node.Row{Key: fmt.Sprintf("row %03d", i), Value: node.Some(fmt.Sprintf("first %03d", i))}))
	}
	s.commit(w)
	g := newRig(t, s.volume, cache)
	follows := sent[*node.Follow](g.receive(theWriter, &node.Offer{Epoch: 1, History: s.history}))
	require.Len(t, follows, 1)
	require.True(t, follows[0].Wants)
	require.False(t, g.r.Serving())
	g.receive(theWriter, s.anew(s.end(), 1))
	require.True(t, g.r.Serving())
	return s, g
}

// serve answers the page reads among effects, and those that follow from the answers, and returns the rest.
func (g *rig) serve(s *source, effects []node.Effect) []node.Effect {
	var rest []node.Effect
	for len(effects) > 0 {
		e := effects[0]
		effects = effects[1:]
		if m, ok := e.Message.(*node.ReadSnapshot); ok {
			effects = append(effects, g.receive(e.To, &node.PageImage{Epoch: m.Epoch, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt,
				Image: s.image(m.Page, m.ReadPoint)})...)
			continue
		}
		rest = append(rest, e)
	}
	return rest
}

func (g *rig) begin() node.Reply {
	r := g.reply(g.ask(node.Request{ID: 1, Op: node.OpBegin}))
	require.Equal(g.t, node.OK, r.Status, r.Reason)
	return r
}

func (g *rig) get(s *source, txn node.Txn, key string) node.Reply {
	return g.reply(g.serve(s, g.ask(node.Request{ID: 2, Op: node.OpGet, Txn: txn, Rows: []node.Row{{Key: key}}})))
}

func (g *rig) stream(s *source, from, to, vdl node.LSN) []node.Effect {
	return g.receive(theWriter, &node.Stream{Epoch: s.epoch, Records: s.log[from-1 : to], VDL: vdl, Since: g.now})
}

// What is not durable is not seen, though it is there; nor is what has no commit record yet.
func TestDurableAndCommittedOnly(t *testing.T) {
	s, g := following(t, 8)
	base := s.end()
	w := s.begin()
	require.True(t, s.put(w, node.Row{Key: "row 007", Value: node.Some("second")}, node.Row{Key: "row 059", Value: node.Value{}}))
	written := s.end()
	s.commit(w)
	g.stream(s, base+1, s.end(), base)
	require.Equal(t, base, g.r.View(), "nothing of it is durable")
	q := g.begin()
	require.Equal(t, base, q.LSN)
	require.Equal(t, node.Some("first 007"), g.get(s, q.Txn, "row 007").Value)
	g.ask(node.Request{ID: 4, Op: node.OpCommit, Txn: q.Txn})

	g.stream(s, 1, 1, written)
	require.Equal(t, written, g.r.View())
	q = g.begin()
	require.Equal(t, node.Some("first 007"), g.get(s, q.Txn, "row 007").Value, "durable, not committed")
	require.Equal(t, node.Some("first 059"), g.get(s, q.Txn, "row 059").Value, "the deletion is not committed")
	scan := g.reply(g.serve(s, g.ask(node.Request{ID: 3, Op: node.OpScan, Txn: q.Txn, From: "row 058"})))
	require.Equal(t, []node.Row{{Key: "row 058", Value: node.Some("first 058")}, {Key: "row 059", Value: node.Some("first 059")}}, scan.Rows)

	g.stream(s, 1, 1, s.end())
	later := g.begin()
	require.Equal(t, node.Some("second"), g.get(s, later.Txn, "row 007").Value)
	require.Equal(t, node.Value{}, g.get(s, later.Txn, "row 059").Value)
	require.Equal(t, node.Some("first 007"), g.get(s, q.Txn, "row 007").Value, "the older query goes on at its read point")
	require.Equal(t, q.LSN, g.r.lowest())
	require.Equal(t, node.OK, g.reply(g.ask(node.Request{ID: 4, Op: node.OpCommit, Txn: q.Txn})).Status)
	require.Equal(t, s.end(), g.r.lowest())
}

// A split is several records on several pages. A reader that has only some of them shows the tree before it.
func TestWholeMiniTransactionsOnly(t *testing.T) {
	s, g := following(t, 100)
	q := g.begin()
	for i := range 60 { // all of the tree is cached
		g.get(s, q.Txn, fmt.Sprintf("row %03d", i))
	}
	base := s.end()
	w := s.begin()
	for i := 0; s.end() < base+40; i++ {
		require.True(t, s.put(w, node.Row{Key: fmt.Sprintf("row 030 %03d", i), Value: node.Some("a value that fills pages")}))
	}
	s.commit(w)
	structures := 0
	for l := base + 1; l <= s.end(); l++ {
		g.stream(s, l, l, s.end())
		view := g.r.View()
		require.True(t, s.log[view-1].Last)
		if s.log[l-1].Kind == node.Structure {
			structures++
		}
		if !s.log[l-1].Last {
			require.Less(t, view, l)
		}
		next := g.begin()
		scan := g.reply(g.serve(s, g.ask(node.Request{ID: 3, Op: node.OpScan, Txn: next.Txn})))
		if l < s.end() {
			require.Len(t, scan.Rows, 60, "at %d", l)
		} else {
			require.Greater(t, len(scan.Rows), 60)
		}
		g.ask(node.Request{ID: 4, Op: node.OpCommit, Txn: next.Txn})
	}
	require.Positive(t, structures)
}

// What comes into view while a page is on its way is applied to it when it is there.
func TestPageInFlightLosesNothing(t *testing.T) {
	s, g := following(t, 100)
	base := s.end()
	q := g.begin()
	g.get(s, q.Txn, "row 059") // what is above the leaves is cached
	asked := g.ask(node.Request{ID: 2, Op: node.OpGet, Txn: q.Txn, Rows: []node.Row{{Key: "row 000"}}})
	w := s.begin()
	require.True(t, s.put(w, node.Row{Key: "row 000", Value: node.Some("second")}))
	s.commit(w)
	g.stream(s, base+1, s.end(), s.end())
	require.Equal(t, s.end(), g.r.View())
	require.Equal(t, node.Some("first 000"), g.reply(g.serve(s, asked)).Value)
	next := g.begin()
	hits := g.r.Counters().Hits
	require.Equal(t, node.Some("second"), g.get(s, next.Txn, "row 000").Value)
	require.Greater(t, g.r.Counters().Hits, hits)
	require.Positive(t, g.r.Counters().InFlight)
}

// A reader that follows a new writer drops what that one cut, and its read point does not go back.
func TestFollowsANewWriter(t *testing.T) {
	s, g := following(t, 100)
	base := s.end()
	w := s.begin()
	require.True(t, s.put(w, node.Row{Key: "row 001", Value: node.Some("cut off")}))
	g.stream(s, base+1, s.end(), base)
	old := g.begin()

	s.log, s.active, s.locked = s.log[:base], nil, map[string]*writing{}
	s.pages = map[node.PageID]*page.Page{}
	for _, r := range s.log {
		require.NoError(t, s.Page(r.Page).Apply(r))
	}
	s.last = s.lasts(base)
	s.epoch, s.history = 2, s.history.Cut(base, 2)
	follows := sent[*node.Follow](g.receive(theWriter+1, &node.Offer{Epoch: 2, History: s.history}))
	require.Len(t, follows, 1)
	require.False(t, follows[0].Wants)
	require.Equal(t, base, follows[0].Have)
	require.Equal(t, base, follows[0].Low)
	w = s.begin()
	require.True(t, s.put(w, node.Row{Key: "row 001", Value: node.Some("kept")}))
	s.commit(w)
	g.receive(theWriter, &node.Stream{Epoch: 1, Records: s.log[base:], VDL: s.end()})
	require.Equal(t, base, g.r.View(), "the old writer has nothing to say any more")
	g.stream(s, base+1, s.end(), s.end())
	require.Equal(t, s.end(), g.r.View())
	require.Equal(t, node.Some("first 001"), g.get(s, old.Txn, "row 001").Value)
	require.Equal(t, node.Some("kept"), g.get(s, g.begin().Txn, "row 001").Value)
}

// A reader that has heard nothing for long serves nothing, and begins anew at the first word: what it would read may be
// collected.
func TestSilenceEndsService(t *testing.T) {
	s, g := following(t, 100)
	q := g.begin()
	for range lease {
		g.step(node.Event{Kind: node.Fired, Timer: tick})
		require.True(t, g.r.Serving())
	}
	g.step(node.Event{Kind: node.Fired, Timer: tick})
	require.False(t, g.r.Serving())
	require.Equal(t, node.ReasonNotOpen, g.reply(g.ask(node.Request{ID: 1, Op: node.OpBegin})).Reason)
	require.Equal(t, node.ReasonUnknownTxn, g.reply(g.ask(node.Request{ID: 1, Op: node.OpCommit, Txn: q.Txn})).Reason)
	follows := sent[*node.Follow](g.receive(theWriter, &node.Offer{Epoch: 1, History: s.history, Anew: 2}))
	require.True(t, follows[0].Wants)
	require.False(t, g.r.Serving())
	g.receive(theWriter, s.anew(s.end(), 1))
	require.False(t, g.r.Serving(), "an answer to an earlier question")
	g.receive(theWriter, s.anew(s.end(), 2))
	require.True(t, g.r.Serving())
}

// Whom the writer has given up begins anew even if it never noticed a silence.
func TestGivenUpBeginsAnew(t *testing.T) {
	s, g := following(t, 100)
	q := g.begin()
	follows := sent[*node.Follow](g.receive(theWriter, &node.Offer{Epoch: 1, History: s.history, Anew: 2}))
	require.True(t, follows[0].Wants)
	require.False(t, g.r.Serving())
	require.Equal(t, node.ReasonUnknownTxn, g.reply(g.ask(node.Request{ID: 1, Op: node.OpCommit, Txn: q.Txn})).Reason)
}

// A reader that starts again follows no writer that the register knows to be replaced: it may have served more than that one
// has. And what was sent to it before it started says nothing.
func TestStartsAgain(t *testing.T) {
	s, g := following(t, 100)
	again := newRig(t, s.volume, 100)
	again.r = New(g.r.Config, node.NoHook{})
	again.step(node.Event{Kind: node.Started, Incarnation: 2})
	require.Empty(t, again.receive(theWriter, &node.Offer{Epoch: 1, History: s.history}), "nobody knows yet whether it is the newest")
	require.Len(t, sent[*node.ReadEpoch](again.step(node.Event{Kind: node.Fired, Timer: tick})), 1, "the answer was lost")
	again.receive(s.volume.Register, &node.CurrentEpoch{Token: uint64(theReader)<<32 | 2, Epoch: 2})
	require.Empty(t, again.receive(theWriter, &node.Offer{Epoch: 1, History: s.history}), "replaced")
	s.epoch, s.history = 2, s.history.Cut(s.end(), 2)
	follows := sent[*node.Follow](again.receive(theWriter, &node.Offer{Epoch: 2, History: s.history}))
	require.Len(t, follows, 1)
	again.receive(theWriter, s.anew(s.end(), 1))
	require.False(t, again.r.Serving(), "an answer to what it asked before it started again")
	m := s.anew(s.end(), 1)
	m.Answer = follows[0].Number
	again.receive(theWriter, m)
	require.True(t, again.r.Serving())
}

func TestBadRequests(t *testing.T) {
	s, g := following(t, 8)
	q := g.begin()
	refused := func(r node.Request) node.Reason {
		t.Helper()
		reply := g.reply(g.ask(r))
		require.Equal(t, node.Refused, reply.Status)
		return reply.Reason
	}
	row := []node.Row{{Key: "row 001", Value: node.Some("x")}}
	require.Equal(t, node.ReasonReadOnly, refused(node.Request{Op: node.OpPut, Txn: q.Txn, Rows: row}))
	require.Equal(t, node.ReasonReadOnly, refused(node.Request{Op: node.OpSavepoint, Txn: q.Txn}))
	require.Equal(t, node.ReasonReadOnly, refused(node.Request{Op: node.OpRollback, Txn: q.Txn}))
	require.Equal(t, node.ReasonUnknownTxn, refused(node.Request{Op: node.OpGet, Txn: q.Txn + 1, Rows: row}))
	require.Equal(t, node.ReasonMalformed, refused(node.Request{Op: node.OpGet, Txn: q.Txn}))
	require.Equal(t, node.ReasonMalformed, refused(node.Request{Op: node.OpScan, Txn: q.Txn, From: "b", To: "a"}))
	require.Equal(t, node.ReasonMalformed, refused(node.Request{Op: node.Op(99), Txn: q.Txn}))
	require.Equal(t, node.ReasonTooLarge, refused(node.Request{Op: node.OpGet, Txn: q.Txn, Rows: []node.Row{{Key: string(make([]byte, 1000))}}}))
	require.Equal(t, node.ReasonAboveReadPoint, refused(node.Request{Op: node.OpBegin, ReadPoint: s.end() + 1}))
	require.Equal(t, node.ReasonBelowReadPoint, refused(node.Request{Op: node.OpBegin, ReadPoint: s.end() - 1}))
	same := g.reply(g.ask(node.Request{Op: node.OpBegin, ReadPoint: q.LSN}))
	require.Equal(t, q.LSN, same.LSN)
	for range DefaultLimits().Snapshots - 2 {
		g.begin()
	}
	require.Equal(t, node.ReasonBusy, refused(node.Request{Op: node.OpBegin}))
	g.now += node.Time(2 * time.Second)
	g.step(node.Event{Kind: node.Fired, Timer: tick})
	require.Equal(t, node.ReasonUnknownTxn, refused(node.Request{Op: node.OpCommit, Txn: q.Txn}), "its client was silent for too long")
}

// In every order in which things come, however small the cache: every answer is the committed prefix at the query's read
// point, and read points never go back.
func TestAnswersAreCommittedPrefixes(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { committedPrefixes(t, seed) })
	}
}

func committedPrefixes(t *testing.T, seed uint64) {
	d := rand.New(rand.NewPCG(seed, 1))
	s, g := following(t, 1+d.IntN(12))
	type query struct {
		id   node.Txn
		at   node.LSN
		busy bool
	}
	var writings []*writing
	var queries []*query
	var flying []node.Effect // page reads on their way
	vdl, sentUpTo, highest := s.end(), s.end(), node.LSN(0)
	answered := 0
	take := func(effects []node.Effect) {
		for _, e := range effects {
			switch {
			case e.Kind == node.DoSend && e.Message.Type() == "read-snapshot":
				flying = append(flying, e)
			case e.Kind == node.DoSend:
				if m, ok := e.Message.(*node.Follow); ok && m.Have < sentUpTo {
					sentUpTo = m.Have // asked again
				}
			case e.Kind == node.DoRespond && (e.Reply.Op == node.OpGet || e.Reply.Op == node.OpScan):
				i := slices.IndexFunc(queries, func(q *query) bool { return q.id == e.Reply.Txn })
				queries[i].busy = false
				require.Equal(t, node.OK, e.Reply.Status, e.Reply.Reason)
				want := s.committed(queries[i].at)
				answered++
				if e.Reply.Op == node.OpGet {
					require.Equal(t, want[fmt.Sprintf("row %03d", e.Reply.ID)], e.Reply.Value)
					continue
				}
				var rows []node.Row
				for k, v := range want {
					if v.Exists && k >= fmt.Sprintf("row %03d", e.Reply.ID) {
						rows = append(rows, node.Row{Key: k, Value: v})
					}
				}
				slices.SortFunc(rows, func(a, b node.Row) int { return compare(a.Key, b.Key) })
				if len(rows) > 20 {
					require.True(t, e.Reply.More)
					rows = rows[:20]
				}
				require.Equal(t, rows, e.Reply.Rows)
			}
		}
	}
	for range 600 {
		switch d.IntN(10) {
		case 0, 1, 2: // the writer goes on
			if len(writings) < 4 {
				writings = append(writings, s.begin())
			}
			i := d.IntN(len(writings))
			w := writings[i]
			switch k := d.IntN(8); {
			case k < 5:
				row := node.Row{Key: fmt.Sprintf("row %03d", d.IntN(100))}
				if d.IntN(4) > 0 {
					row.Value = node.Some(fmt.Sprintf("value %d %s", s.end(), string(make([]byte, d.IntN(60)))))
				}
				s.put(w, row)
			case k == 5:
				s.undo(w, d.IntN(len(w.changes)+1))
			default:
				if k == 6 {
					s.commit(w)
				} else {
					s.undo(w, 0)
				}
				writings = slices.Delete(writings, i, i+1)
			}
		case 3, 4: // a piece of the stream comes, or gets lost
			to := min(s.end(), sentUpTo+node.LSN(d.IntN(8)))
			if d.IntN(6) > 0 && to > sentUpTo {
				take(g.receive(theWriter, &node.Stream{Epoch: 1, Records: s.log[sentUpTo:to], VDL: vdl}))
			}
			sentUpTo = to
		case 5: // something becomes durable
			for l := vdl + 1; l <= min(s.end(), vdl+node.LSN(d.IntN(20))); l++ {
				if s.log[l-1].Last {
					vdl = l
				}
			}
			take(g.receive(theWriter, &node.Stream{Epoch: 1, VDL: vdl}))
		case 6: // a page comes
			if len(flying) > 0 {
				i := d.IntN(len(flying))
				e := flying[i]
				flying = slices.Delete(flying, i, i+1)
				m := e.Message.(*node.ReadSnapshot)
				require.GreaterOrEqual(t, m.Need, s.lasts(m.ReadPoint)[s.volume.GroupOf(m.Page)], "a segment may answer that lacks what the page needs")
				take(g.receive(e.To, &node.PageImage{Page: m.Page, ReadPoint: m.ReadPoint, Image: s.image(m.Page, m.ReadPoint)}))
			}
		case 7:
			if len(queries) < 5 {
				r := g.begin()
				require.GreaterOrEqual(t, r.LSN, highest)
				highest = r.LSN
				queries = append(queries, &query{id: r.Txn, at: r.LSN})
			} else if i := d.IntN(len(queries)); !queries[i].busy {
				g.ask(node.Request{Op: node.OpCommit, Txn: queries[i].id})
				queries = slices.Delete(queries, i, i+1)
			}
		case 8:
			if len(queries) > 0 {
				if q := queries[d.IntN(len(queries))]; !q.busy {
					q.busy = true
					n := d.IntN(100)
					r := node.Request{ID: uint64(n), Op: node.OpGet, Txn: q.id, Rows: []node.Row{{Key: fmt.Sprintf("row %03d", n)}}}
					if d.IntN(2) == 0 {
						r = node.Request{ID: uint64(n), Op: node.OpScan, Txn: q.id, From: fmt.Sprintf("row %03d", n), Most: 20}
					}
					take(g.ask(r))
				}
			}
		case 9:
			take(g.step(node.Event{Kind: node.Fired, Timer: tick}))
			take(g.receive(theWriter, &node.Stream{Epoch: 1, VDL: vdl}))
		}
	}
	require.Positive(t, answered)
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
