package reader

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A pageRead is one page as of one read point on its way from a segment.
type pageRead struct {
	id      node.PageID
	at      node.LSN // the read point
	need    node.LSN // the last LSN of the page's group at or below it
	attempt uint32
	tries   int  // since the last tick
	asked   bool // since the last tick
	once    bool // the page is for its queries, and not to be cached
	waiting []*snapshot
}

// read asks for a page that a query misses; the query goes on when it comes.
func (r *Reader) read(id node.PageID, q *snapshot, out *node.Effects) {
	for _, rd := range r.reads {
		if rd.id == id && rd.at == q.at {
			if !slices.Contains(rd.waiting, q) {
				rd.waiting = append(rd.waiting, q)
			}
			return
		}
	}
	rd := &pageRead{id: id, at: q.at, need: q.lasts[r.Volume.GroupOf(id)], waiting: []*snapshot{q}}
	// gofail: var bugReadsNewer struct{}
	// if r.hook.Planted("bugReadsNewer") {
	// 	rd.at, rd.need = max(q.at, r.stream.view), r.stream.lasts[r.Volume.GroupOf(id)]
	// }

	// A page that is cached has moved past the snapshot. And what came into view before this read began is not kept.
	rd.once = r.cache.Find(id) != nil || q.at+1 < r.stream.first
	// gofail: var bugCachesLate struct{}
	// if r.hook.Planted("bugCachesLate") {
	// 	rd.once = r.cache.Find(id) != nil
	// }

	r.reads = append(r.reads, rd)
	r.ask(rd, out)
}

// ask asks a segment, first the one that answered last. Which ones are complete up to the read point the reader does
// not know: it asks until one is, each at most once a tick.
func (r *Reader) ask(rd *pageRead, out *node.Effects) {
	g := r.Volume.GroupOf(rd.id)
	segments := r.Volume.Segments[g]
	for range segments {
		n := (r.prefer[g] + int(rd.attempt)) % len(segments)
		rd.attempt++
		rd.tries++
		if n < len(r.Volume.Tails) && r.Volume.Tails[n] {
			continue
		}
		rd.asked = true
		out.Send(segments[n], &node.ReadSnapshot{Epoch: r.stream.line, Page: rd.id, ReadPoint: rd.at, Need: rd.need, Attempt: rd.attempt})
		return
	}
}

func (r *Reader) readAgain(out *node.Effects) {
	// gofail: var bugReaderAsksOnce struct{}
	// if r.hook.Planted("bugReaderAsksOnce") {
	// 	return
	// }

	for _, rd := range r.reads {
		rd.tries = 0
		if rd.asked {
			rd.asked = false // one more tick for the answer
			continue
		}
		r.ask(rd, out)
	}
}

// pageRefused asks the next segment, unless all were asked since the last tick.
func (r *Reader) pageRefused(id node.PageID, attempt uint32, out *node.Effects) {
	for _, rd := range r.reads {
		if rd.id == id && rd.attempt == attempt {
			rd.asked = false
			if rd.tries < len(r.Volume.Segments[r.Volume.GroupOf(id)]) {
				r.ask(rd, out)
			}
			return
		}
	}
}

// collected ends the queries whose read point a segment does not serve any more. The others would refuse as well, now
// or soon.
func (r *Reader) collected(id node.PageID, attempt uint32, floor node.LSN, out *node.Effects) {
	for i, rd := range r.reads {
		if rd.id == id && rd.attempt == attempt && rd.at < floor {
			r.reads = slices.Delete(r.reads, i, i+1)
			for _, q := range rd.waiting {
				r.counters.Collected++
				r.end(q, node.ReasonBelowReadPoint, out)
			}
			return
		}
	}
}

// pageCame takes a page that a segment sent. Its queries go on with it, and if the page is not cached it will be, with
// what came into view since its read point applied to it: dropped while the page was on its way, those records would be
// missing in it for ever.
func (r *Reader) pageCame(from node.ID, m *node.PageImage, out *node.Effects) {
	i := slices.IndexFunc(r.reads, func(rd *pageRead) bool { return rd.id == m.Page && rd.at == m.ReadPoint })
	if i < 0 {
		return // asked twice, answered before
	}
	rd := r.reads[i]
	p, err := page.Decode(m.Image)
	if err != nil || p.ID != rd.id || p.LSN > rd.at {
		return // damaged on the way: the next tick asks another segment
	}
	r.reads = slices.Delete(r.reads, i, i+1)
	r.counters.PagesRead++
	if g, n, ok := r.Volume.Find(from); ok {
		r.prefer[g] = n
	}
	for _, q := range rd.waiting {
		q.pages[p.ID] = stored{page: p, from: from}
	}
	if !rd.once && r.cache.Find(p.ID) == nil {
		r.keep(rd, p.Clone())
	}
	r.trim()
	for _, q := range rd.waiting {
		r.proceed(q, out)
	}
}

// keep caches a page, brought up to the view.
func (r *Reader) keep(rd *pageRead, p *page.Page) {
	s := &r.stream
	// gofail: var bugFreshPageStale struct{}
	// if r.hook.Planted("bugFreshPageStale") {
	// 	r.cache.Add(p.ID, p)
	// 	return
	// }

	for l := max(rd.at+1, s.first); l <= s.view; l++ {
		rec := s.at(l)
		if rec.Page != p.ID {
			continue
		}
		if err := p.Apply(rec); err != nil {
			panic("segment and stream differ: " + err.Error())
		}
		r.counters.InFlight++
	}
	r.cache.Add(p.ID, p)
	r.cache.Shrink(r.CachePages, func(*page.Page) bool { return true })
}
