package writer

import (
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// Warm is what a reader that was promoted had cached: pages that reflect exactly the log up to At, a VDL, on the line of
// History. The writer takes them over.
type Warm struct {
	At      node.LSN
	History node.History
	Pages   []*page.Page // by ID, ascending
}

// warmBack is how much of the log a recovery reads for warm pages alone. Reading the pages anew costs less than more.
const warmBack = 1024

// warmFrom returns where the log has to begin for the warm pages to be brought up to the cut, or base+1 when they are of no
// use: segments may have collected what they lack.
func (w *Writer) warmFrom(base node.LSN, rd *reading) node.LSN {
	c := &w.Config.Warm
	if len(c.Pages) == 0 {
		return base + 1
	}
	// What was durable is below every later cut. A volume whose quorums do not overlap may break even that.
	if c.At > base || c.At > c.History.Common(rd.history) || base-c.At > warmBack || c.At < rd.floor {
		c.Pages = nil
		return base + 1
	}
	return c.At + 1
}

// warmUp brings the warm pages up to the cut and caches them.
func (w *Writer) warmUp() {
	c := &w.Config.Warm
	for _, p := range c.Pages[:min(len(c.Pages), w.CachePages)] {
		for l := c.At + 1; l <= w.end; l++ {
			if r := w.at(l); r.Page == p.ID {
				if err := p.Apply(r); err != nil {
					panic("warm page and log differ: " + err.Error())
				}
			}
		}
		w.cache.add(p)
		w.warmed++
	}
	c.Pages = nil
}

// Warmed returns how many pages it took over from the reader that it was.
func (w *Writer) Warmed() int { return w.warmed }
