package writer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// image returns a page as of a read point, made of the log.
func image(id node.PageID, log []*node.Record, at node.LSN) *page.Page {
	p := &page.Page{ID: id}
	for _, r := range log {
		if r.Page == id && r.LSN <= at {
			if err := p.Apply(r); err != nil {
				panic(err)
			}
		}
	}
	return p
}

// answerReads answers the questions for pages in out, and those that the answers lead to, as of log.
func answerReads(w *Writer, log []*node.Record, out *node.Effects) {
	for i := 0; i < len(out.List); i++ {
		if m, ok := out.List[i].Message.(*node.ReadPage); ok {
			answer := &node.PageImage{Epoch: m.Epoch, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: image(m.Page, log, m.ReadPoint).Encode()}
			w.Step(w.now, node.Event{Kind: node.Received, From: out.List[i].To, Message: answer}, out)
		}
	}
}

// A quick volume is a writer whose segments answer at once when they are let.
type quick struct {
	t        *testing.T
	w        *Writer
	held     []*node.ReadPage // questions for pages that are not answered yet
	from     []node.ID
	confirms map[node.ID]uint64
	out      []node.Reply
}

func newQuick(t *testing.T, pageSize, cachePages int) *quick {
	return newQuickOf(t, &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 100, PageSize: pageSize,
		Segments: [][]node.ID{{1, 2, 3}, {11, 12, 13}}}, cachePages)
}

func newQuickOf(t *testing.T, v *node.Volume, cachePages int) *quick {
	w := New(Config{ID: 101, Volume: v, CachePages: cachePages, RetryEvery: time.Second, IdleAfter: time.Hour, Limits: DefaultLimits()}, node.NoHook{})
	q := &quick{t: t, w: w, confirms: map[node.ID]uint64{}}
	q.step(node.Event{Kind: node.Started, Incarnation: 1})
	q.step(node.Event{Kind: node.Received, From: 100, Message: &node.CurrentEpoch{Token: w.token}})
	q.step(node.Event{Kind: node.Received, From: 100, Message: &node.Swapped{Token: w.token, Won: true, Epoch: 1, Geometry: v.FirstGeometry()}})
	require.True(t, w.Open())
	return q
}

func (q *quick) step(ev node.Event) {
	var out node.Effects
	q.w.Step(q.w.now, ev, &out)
	for _, e := range out.List {
		switch m := e.Message.(type) {
		case *node.ReadPage:
			q.held, q.from = append(q.held, m), append(q.from, e.To)
		case *node.Confirm:
			q.confirms[e.To] = m.Round
		}
		if e.Kind == node.DoRespond {
			q.out = append(q.out, *e.Reply)
		}
	}
}

// deliver answers the i-th question for a page.
func (q *quick) deliver(i int) {
	m, from := q.held[i], q.from[i]
	q.held, q.from = slices.Delete(q.held, i, i+1), slices.Delete(q.from, i, i+1)
	q.step(node.Event{Kind: node.Received, From: from, Message: &node.PageImage{
		Epoch: 1, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: image(m.Page, q.w.log, m.ReadPoint).Encode()}})
}

// durable lets all segments acknowledge everything.
func (q *quick) durable() {
	for g := range q.w.groups {
		for _, p := range q.w.groups[g].replicas {
			q.step(node.Event{Kind: node.Received, From: p.id, Message: &node.Appended{Epoch: 1, SCL: q.w.groups[g].last}})
			if round := q.confirms[p.id]; round != 0 {
				delete(q.confirms, p.id)
				q.step(node.Event{Kind: node.Received, From: p.id, Message: &node.Confirmed{Epoch: 1, Round: round}})
			}
		}
	}
}

// call makes a request and lets everything that it leads to happen.
func (q *quick) call(r node.Request) node.Reply {
	q.t.Helper()
	q.out = nil
	q.step(node.Event{Kind: node.Requested, From: 7, Request: r})
	for n := 0; len(q.out) == 0; n++ {
		require.Less(q.t, n, 1000, "%s is never answered", r.Op)
		for len(q.held) > 0 {
			q.deliver(0)
		}
		q.durable()
	}
	require.Len(q.t, q.out, 1)
	return q.out[0]
}

func (q *quick) ok(r node.Request) node.Reply {
	q.t.Helper()
	reply := q.call(r)
	require.Equal(q.t, node.OK, reply.Status, "%s: %s", r.Op, reply.Reason)
	return reply
}

// stored returns the rows of the tree that the log makes, and demands that the tree is whole after every mini-transaction
// from the given one on.
func (q *quick) stored(from node.LSN) map[string]string {
	pages := pagesOf{}
	tree := btree.Tree{Pages: pages, PageSize: q.w.pageSize, Capacity: 1 << 30}
	for _, r := range q.w.log {
		if err := pages.page(r.Page).Apply(r); err != nil {
			q.t.Fatal(err)
		}
		if r.Last && r.LSN >= from {
			require.NoError(q.t, tree.Check(), "after %s", r)
		}
	}
	rows := map[string]string{}
	tree.Scan("", "", 0, func(c page.Cell) bool {
		rows[c.Key] = c.Value
		return true
	})
	return rows
}

type pagesOf map[node.PageID]*page.Page

func (p pagesOf) page(id node.PageID) *page.Page {
	if p[id] == nil {
		p[id] = &page.Page{ID: id}
	}
	return p[id]
}

func (p pagesOf) Page(id node.PageID) *page.Page { return p.page(id) }

// Random transactions one after the other, with pages so small and so few that every operation splits, merges and reads:
// each get and scan sees what a map says, and so does the log in the end.
func TestAgainstAMap(t *testing.T) {
	var sum Counters
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 5))
		q := newQuick(t, page.MinSize, 1+random.IntN(4))
		rows := map[string]string{}
		key := func() string { return fmt.Sprintf("k%0*d", 1+random.IntN(20), random.IntN(60)) }
		for range 25 {
			txn := q.ok(node.Request{Op: node.OpBegin}).Txn
			mine := map[string]string{}
			for k, v := range rows {
				mine[k] = v
			}
			type point struct {
				name uint32
				rows map[string]string
			}
			var points []point
			for range random.IntN(12) {
				switch random.IntN(6) {
				case 0, 1:
					var put []node.Row
					for range 1 + random.IntN(6) {
						v := node.Some(strings.Repeat("v", random.IntN(80)) + fmt.Sprint(random.IntN(1000)))
						if random.IntN(3) == 0 {
							v = node.Value{}
						}
						put = append(put, node.Row{Key: key(), Value: v})
					}
					q.ok(node.Request{Op: node.OpPut, Txn: txn, Rows: put})
					for _, r := range put {
						if delete(mine, r.Key); r.Value.Exists {
							mine[r.Key] = r.Value.Bytes
						}
					}
				case 2:
					k := key()
					v, exists := mine[k]
					require.Equal(t, node.Value{Bytes: v, Exists: exists}, q.ok(node.Request{Op: node.OpGet, Txn: txn, Rows: []node.Row{{Key: k}}}).Value)
				case 3:
					from, to := key(), key()
					if to < from || random.IntN(3) == 0 {
						to = ""
					}
					r := q.ok(node.Request{Op: node.OpScan, Txn: txn, From: from, To: to, Most: random.IntN(10)})
					at := 0
					var all []string
					for k := range mine {
						if k >= from && (to == "" || k < to) {
							all = append(all, k)
						}
					}
					slices.Sort(all)
					for _, row := range r.Rows {
						require.Equal(t, node.Row{Key: all[at], Value: node.Some(mine[all[at]])}, row)
						at++
					}
					require.Equal(t, r.More, at < len(all))
				case 4:
					copied := map[string]string{}
					for k, v := range mine {
						copied[k] = v
					}
					points = append(points, point{q.ok(node.Request{Op: node.OpSavepoint, Txn: txn}).Savepoint, copied})
				case 5:
					if len(points) == 0 {
						break
					}
					i := random.IntN(len(points))
					q.ok(node.Request{Op: node.OpRollback, Txn: txn, Savepoint: points[i].name})
					mine = map[string]string{}
					for k, v := range points[i].rows {
						mine[k] = v
					}
					for _, gone := range points[i+1:] {
						require.Equal(t, node.ReasonNoSavepoint, q.call(node.Request{Op: node.OpRollback, Txn: txn, Savepoint: gone.name}).Reason)
					}
					points = points[:i+1]
				}
			}
			op, reason := node.OpCommit, node.ReasonCommitted
			if random.IntN(3) == 0 {
				op, reason = node.OpAbort, node.ReasonRolledBack
			} else {
				rows = mine
			}
			q.ok(node.Request{Op: op, Txn: txn})
			require.Equal(t, reason, q.call(node.Request{Op: op, Txn: txn}).Reason)
			require.Zero(t, q.w.locks.Locks(txn))
			require.Empty(t, q.w.active)
			q.durable()
			require.LessOrEqual(t, q.w.cache.pages.Len(), q.w.CachePages, "everything is durable, nothing is under way")
		}
		require.Equal(t, rows, q.stored(1), "seed %d", seed)
		c := q.w.Counters()
		sum.Structures += c.Structures
		sum.Shrinks += c.Shrinks
		sum.Undone += c.Undone
		sum.Evictions += c.Evictions
		sum.Probes += c.Probes
		sum.Rollbacks += c.Rollbacks
		sum.Scans += c.Scans
	}
	for _, n := range []uint64{sum.Structures, sum.Shrinks, sum.Undone, sum.Evictions, sum.Probes, sum.Rollbacks, sum.Scans} {
		require.Greater(t, n, uint64(50), "%+v", sum)
	}
}
