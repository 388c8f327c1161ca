package reader

import (
	"cmp"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
	"github.com/firstgap/firstgap/impl/writer"
)

// promote makes the reader the writer. What it has itself says nothing about what was acknowledged: it takes over like
// any other, with a new epoch, a fence and a cut. Its pages it keeps: they reflect the log up to its view, which was
// durable and so is below the cut, and the log above is applied to them when it is recovered.
func (r *Reader) promote(out *node.Effects) {
	r.endAll(node.ReasonNotOpen, out)
	c := r.Config.Writer
	c.ID, c.Volume = r.ID, r.Volume
	if r.stream.on {
		c.Warm = writer.Warm{At: r.stream.view, History: r.stream.history}
		c.Warm.Pages = slices.SortedFunc(r.cache.All(), func(a, b *page.Page) int { return cmp.Compare(a.ID, b.ID) })
	}
	r.counters.Promotions++
	r.counters.WarmPages += uint64(len(c.Warm.Pages))
	out.Tell(node.Trace{Action: node.ActPromote, Epoch: r.stream.line, LSN: r.stream.view})
	r.writer = writer.New(c, r.hook)
	r.stream, r.active, r.cache, r.reads = stream{}, nil, nil, nil
	out.ClearTimer(tick)
	r.writer.Step(r.now, node.Event{Kind: node.Started, Incarnation: r.incarnation}, out)
}
