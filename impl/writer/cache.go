package writer

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A cache holds pages as of the end of the log.
type cache struct {
	capacity int
	uses     uint64
	pages    map[node.PageID]*cachedPage
	order    []node.PageID // of pages, ascending: what is evicted must not depend on the order of a map
	reads    []*pageRead   // under way, oldest first
}

type cachedPage struct {
	page *page.Page
	used uint64
}

// A pageRead is one page on its way from a segment.
type pageRead struct {
	id        node.PageID
	readPoint node.LSN
	need      node.LSN
	attempt   uint32
	asked     bool // since the last tick
	waiting   []*txn
}

func newCache(capacity int) cache {
	return cache{capacity: capacity, pages: map[node.PageID]*cachedPage{}}
}

// apply keeps a cached page up with the log. A page that is not cached is brought up when it is read.
func (c *cache) apply(r *node.Record) {
	p := c.pages[r.Page]
	if p == nil {
		return
	}
	if err := p.page.Apply(r); err != nil {
		// The writer made this record from this page: whatever follows would spread the difference.
		panic("cache and log differ: " + err.Error())
	}
}

// cached returns the page if it is there. If not, it is asked for, and t goes on when it comes.
func (w *Writer) cached(id node.PageID, t *txn, out *node.Effects) *page.Page {
	c := &w.cache
	c.uses++
	if p := c.pages[id]; p != nil {
		p.used = c.uses
		return p.page
	}
	for _, rd := range c.reads {
		if rd.id == id {
			if !slices.Contains(rd.waiting, t) {
				rd.waiting = append(rd.waiting, t)
			}
			return nil
		}
	}
	// The read point is the VDL now; everything above it that concerns the page is still in the log here. The
	// segment must be complete up to the last LSN of its own group below it, not up to the read point itself: an idle
	// group never would be.
	rd := &pageRead{id: id, readPoint: w.vdl, need: w.groups[w.groupOf(id)].atVDL, waiting: []*txn{t}}
	c.reads = append(c.reads, rd)
	w.askForPage(rd, out)
	return nil
}

// askForPage asks one segment that is complete far enough: no quorum, for the writer knows who is (SIGMOD 2017 §4.2.3).
func (w *Writer) askForPage(rd *pageRead, out *node.Effects) {
	g := &w.groups[w.groupOf(rd.id)]
	fulls := g.members.Members() & w.quorums.Fulls
	replicas := g.replicas
	n := len(replicas)
	for i := range n {
		r := (int(rd.id) + int(rd.attempt) + i) % n
		p := &replicas[r]
		if fulls.Has(r) && p.joined && p.scl >= rd.need {
			rd.attempt += uint32(i) + 1
			rd.asked = true
			out.Send(p.id, &node.ReadPage{Epoch: w.epoch, Page: rd.id, ReadPoint: rd.readPoint, Need: rd.need, Attempt: rd.attempt})
			return
		}
	}
	rd.asked = false // nobody is known to be complete far enough: the next tick looks again
}

func (w *Writer) readPagesAgain(out *node.Effects) {
	for _, rd := range w.cache.reads {
		if rd.asked {
			rd.asked = false // one more tick for the answer
			continue
		}
		w.askForPage(rd, out)
	}
}

func (w *Writer) pageBehind(m *node.Behind, out *node.Effects) {
	for _, rd := range w.cache.reads {
		if rd.id == m.Page && rd.attempt == m.Attempt {
			w.askForPage(rd, out)
			return
		}
	}
}

// pageRead takes a page that a segment sent, and applies to it what was issued since its read point.
func (w *Writer) pageRead(m *node.PageImage) {
	c := &w.cache
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
	c.uses++
	c.pages[p.ID] = &cachedPage{page: p, used: c.uses}
	at, _ := slices.BinarySearch(c.order, p.ID)
	c.order = slices.Insert(c.order, at, p.ID)
	w.ready = append(w.ready, rd.waiting...)
	w.evict(p.ID)
}

// evict makes room: the page used longest ago goes, if all of its changes are durable (the paper prints
// "pageLSN ≥ VDL", SIGMOD 2017 §4.2.1; its reasoning needs ≤) and nobody waits for another page to use it with.
func (w *Writer) evict(keep node.PageID) {
	c := &w.cache
	for len(c.pages) > c.capacity {
		victim := -1
		for i, id := range c.order {
			p := c.pages[id]
			if id == keep || p.page.LSN > w.vdl || w.wanted(id) {
				continue
			}
			if victim < 0 || p.used < c.pages[c.order[victim]].used {
				victim = i
			}
		}
		if victim < 0 {
			return
		}
		delete(c.pages, c.order[victim])
		c.order = slices.Delete(c.order, victim, victim+1)
	}
}

// wanted tells whether a put that waits for one page needs this one too.
func (w *Writer) wanted(id node.PageID) bool {
	for _, t := range w.begun {
		if !t.pending || t.request.Op != node.OpPut {
			continue
		}
		for _, row := range t.request.Rows {
			if w.Layout.Locate(row.Key) == id {
				return true
			}
		}
	}
	return false
}
