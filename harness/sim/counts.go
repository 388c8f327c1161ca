package sim

import (
	"slices"

	"github.com/firstgap/firstgap/harness/runtime"
)

// lost counts what was lost, by why.
func (w *World) lost(why Reason) {
	c := &w.counts
	switch why {
	case ByLoss:
		c.LostByLoss++
	case ByCut:
		c.LostByCut++
	case ByDown:
		c.LostByDown++
	case ByDamage:
		c.LostByDamage++
	case ByQueue:
		c.LostByQueue++
	case ByVersion:
		c.LostByVersion++
	case ByNobody:
		c.LostByNobody++
	}
}

// Counts says what has happened so far.
func (w *World) Counts() runtime.Counts {
	c := w.counts
	c.Types = make(runtime.Types, 0, len(w.types))
	for _, t := range w.types {
		c.Types = append(c.Types, runtime.TypeCount{Type: t.name, Messages: t.messages, Bytes: t.bytes})
	}
	slices.SortFunc(c.Types, runtime.ByType)
	return c
}
