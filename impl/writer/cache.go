package writer

import (
	"slices"
	"time"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
	"github.com/firstgap/firstgap/impl/pool"
)

// How pages are read.
const (
	probeEvery  = 16                     // of so many reads, one goes to another segment than the fastest
	hedgeFactor = 3                      // so many times the expected answer time is slow
	hedgeLeast  = 100 * time.Microsecond // nothing below is slow
	maxAsks     = 256                    // questions remembered, to learn how long their answers took
)

// A cache holds pages as of the end of the log. It is bounded by its capacity, but for pages that an operation under
// way needs and those with changes that are not durable yet.
type cache struct {
	capacity int
	pages    *pool.Pool[node.PageID, *page.Page]
	reads    []*pageRead // under way, oldest first
	asks     []ask       // without an answer, oldest first
	attempts uint32
	hedgeAt  node.Time // for when the hedge timer is set; 0: it is not
}

// A cachedPage is pinned by operations that wait for other pages to use it with.
type cachedPage = pool.Frame[node.PageID, *page.Page]

// A pageRead is one page on its way from a segment.
type pageRead struct {
	id        node.PageID
	readPoint node.LSN
	need      node.LSN
	tried     node.Replicas
	due       node.Time // when it is slow
	hedged    bool
	asked     bool // since the last tick
	waiting   []*operation
}

// An ask is one question for a page.
type ask struct {
	attempt uint32
	page    node.PageID
	replica *replica
	at      node.Time
}

func newCache(capacity int) *cache {
	return &cache{capacity: capacity, pages: pool.New[node.PageID, *page.Page]()}
}

func (c *cache) add(p *page.Page) *cachedPage { return c.pages.Add(p.ID, p) }

// apply keeps a cached page up with the log. A page that is not cached is brought up when it is read.
func (c *cache) apply(r *node.Record) {
	p := c.pages.Find(r.Page)
	if p == nil {
		if r.Kind != node.Structure {
			return
		}
		// The tree has looked at every page that it changes, but for one that was never allocated: nothing has changed that.
		p = c.add(&page.Page{ID: r.Page})
	}
	if err := p.Value.Apply(r); err != nil {
		// The writer made this record from this page: every record that follows would spread the difference.
		panic("cache and log differ: " + err.Error())
	}
}

// shrink gives pages back until there are no more than the capacity: the one used longest ago goes first, if all of its
// changes are durable (the paper prints "pageLSN ≥ VDL", SIGMOD 2017 §4.2.1; its reasoning needs ≤) and no operation
// waits for another page to use it with: with few pages, two that take turns would both wait for ever.
func (w *Writer) shrink() {
	gone := w.cache.pages.Shrink(w.cache.capacity, func(p *page.Page) bool { return p.LSN <= w.vdl })
	w.counters.Evictions += uint64(gone)
}

// A view lets the tree see the cache for one operation. A page that is not there is asked for, and the operation goes
// on when it comes.
type view struct {
	w   *Writer
	op  *operation
	out *node.Effects
}

// Page implements btree.Pages.
func (v *view) Page(id node.PageID) *page.Page {
	pages := v.w.cache.pages
	if p := pages.Find(id); p != nil {
		v.w.counters.Hits++
		pages.Use(p)
		v.op.used = append(v.op.used, p)
		return p.Value
	}
	v.w.fetch(id, v.op, v.out)
	return nil
}

// fetch asks for a page, unless it is under way, and lets the operation go on when it comes.
func (w *Writer) fetch(id node.PageID, op *operation, out *node.Effects) {
	for _, rd := range w.cache.reads {
		if rd.id == id {
			if !slices.Contains(rd.waiting, op) {
				rd.waiting = append(rd.waiting, op)
			}
			return
		}
	}
	w.counters.Misses++
	// The read point is the VDL now; everything above it that concerns the page is still in the log here. The
	// segment must be complete up to the last LSN of its own group below it, not up to the read point itself: an idle
	// group never would be. After a recovery the VDL is the cut or higher: below it, the tree may be half of a split.
	rd := &pageRead{id: id, readPoint: w.vdl, need: w.groups[w.groupOf(id)].atVDL, waiting: []*operation{op}}
	// gofail: var bugNeedForgotten struct{}
	// if w.hook.Planted("bugNeedForgotten") {
	// 	rd.need = 0
	// }

	w.cache.reads = append(w.cache.reads, rd)
	w.askForPage(rd, out)
}

// askForPage asks one segment that is complete far enough: no quorum, for the writer knows who is (SIGMOD 2017 §4.2.3).
// It is the one that answers fastest, and now and then another, to learn whether that has changed (SIGMOD 2018 §3.1).
func (w *Writer) askForPage(rd *pageRead, out *node.Effects) {
	g := &w.groups[w.groupOf(rd.id)]
	fulls := g.members.Members() & w.quorums.Fulls
	able := node.Replicas(0)
	g.eachMember(func(r int, p *replica) {
		if fulls.Has(r) && p.joined && p.scl >= rd.need {
			able = able.With(r)
		}
	})
	able &^= rd.tried
	rd.asked = able != 0 // if no segment is known to be complete far enough, the next tick looks again
	if able == 0 {
		return
	}
	n := len(g.replicas)
	best := -1
	for i := range n {
		r := (int(rd.id) + i) % n // where nothing is known, not all pages come from the same one
		if able.Has(r) && (best < 0 || g.replicas[r].answers < g.replicas[best].answers) {
			best = r
		}
	}
	c := w.cache
	c.attempts++
	if others := able.Without(best); others != 0 && c.attempts%probeEvery == 0 {
		w.counters.Probes++
		for i := range n {
			if r := (int(c.attempts)/probeEvery + i) % n; others.Has(r) {
				best = r
				break
			}
		}
	}
	p := &g.replicas[best]
	rd.tried = rd.tried.With(best)
	if len(c.asks) == maxAsks {
		c.asks = slices.Delete(c.asks, 0, 1)
	}
	c.asks = append(c.asks, ask{attempt: c.attempts, page: rd.id, replica: p, at: w.now})
	slow := w.RetryEvery / 4
	if p.answers > 0 {
		slow = max(hedgeFactor*p.answers, hedgeLeast)
	}
	rd.due = w.now.Add(slow)
	out.Send(p.id, &node.ReadPage{Epoch: w.epoch, Page: rd.id, ReadPoint: rd.readPoint, Need: rd.need, Attempt: c.attempts})
	if !rd.hedged {
		w.setHedge(rd.due, out)
	}
}

func (w *Writer) setHedge(due node.Time, out *node.Effects) {
	if at := w.cache.hedgeAt; at == 0 || due < at {
		w.cache.hedgeAt = due
		out.SetTimer(hedge, max(due.Sub(w.now), 0))
	}
}

// hedgeReads asks a second segment where the first one's answer is slow.
func (w *Writer) hedgeReads(out *node.Effects) {
	w.cache.hedgeAt = 0
	for _, rd := range w.cache.reads {
		switch {
		case rd.hedged || rd.tried == 0:
		case rd.due <= w.now:
			rd.hedged = true
			w.askForPage(rd, out)
			if rd.asked {
				w.counters.Hedges++
			}
		default:
			w.setHedge(rd.due, out)
		}
	}
}

// readPagesAgain asks again for what was not answered between two ticks. A segment that has not answered for as long is
// taken to be as slow as that: down, it would be the fastest for ever.
func (w *Writer) readPagesAgain(out *node.Effects) {
	// gofail: var bugPageAskedOnce struct{}
	// if w.hook.Planted("bugPageAskedOnce") {
	// 	return
	// }

	c := w.cache
	n := 0
	for _, a := range c.asks {
		if w.now.Sub(a.at) >= w.RetryEvery {
			a.replica.answers = max(a.replica.answers, w.now.Sub(a.at))
			continue
		}
		c.asks[n] = a
		n++
	}
	c.asks = c.asks[:n]
	for _, rd := range c.reads {
		if rd.asked {
			rd.asked = false // one more tick for the answer
			continue
		}
		rd.tried, rd.hedged = 0, false
		w.askForPage(rd, out)
	}
}

// answered takes the ask that an answer belongs to off the list, and learns how long it took.
func (w *Writer) answered(attempt uint32, p node.PageID) bool {
	c := w.cache
	i := slices.IndexFunc(c.asks, func(a ask) bool { return a.attempt == attempt && a.page == p })
	if i < 0 {
		return false // doubled on the way, or too late to count
	}
	a := c.asks[i]
	c.asks = slices.Delete(c.asks, i, i+1)
	took := max(w.now.Sub(a.at), 1)
	if a.replica.answers == 0 {
		a.replica.answers = took
	} else {
		a.replica.answers += (took - a.replica.answers) / 4
	}
	return true
}

func (w *Writer) pageBehind(m *node.Behind, out *node.Effects) {
	if !w.answered(m.Attempt, m.Page) {
		return
	}
	for _, rd := range w.cache.reads {
		if rd.id == m.Page {
			w.askForPage(rd, out)
			return
		}
	}
}

// pageRead takes a page that a segment sent, and applies to it what was issued since its read point.
func (w *Writer) pageRead(m *node.PageImage) {
	c := w.cache
	w.answered(m.Attempt, m.Page)
	i := slices.IndexFunc(c.reads, func(rd *pageRead) bool { return rd.id == m.Page && rd.readPoint == m.ReadPoint })
	if i < 0 {
		return // asked twice, answered before
	}
	rd := c.reads[i]
	p, err := page.Decode(m.Image)
	if err != nil || p.ID != rd.id {
		return // damaged on the way: the next tick asks another segment
	}
	for l := max(rd.readPoint+1, w.first); l <= w.end; l++ {
		if r := w.at(l); r.Page == p.ID {
			if err := p.Apply(r); err != nil {
				panic("segment and log differ: " + err.Error())
			}
		}
	}
	c.reads = slices.Delete(c.reads, i, i+1)
	c.add(p)
	w.ready = append(w.ready, rd.waiting...)
}
