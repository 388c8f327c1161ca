package workload

import (
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// An Actor lets a runtime drive a client.
type Actor struct {
	Client interface {
		Start(now node.Time, p Port)
		Reply(now node.Time, from node.ID, r *node.Reply, p Port)
		Timer(now node.Time, t node.Timer, p Port)
	}
}

// Start implements runtime.Actor.
func (a Actor) Start(now node.Time, out *runtime.Calls) {
	a.redraw(out)
	a.Client.Start(now, out)
}

// Reply implements runtime.Actor.
func (a Actor) Reply(now node.Time, from node.ID, r node.Reply, out *runtime.Calls) {
	a.redraw(out)
	a.Client.Reply(now, from, &r, out)
}

// Timer implements runtime.Actor.
func (a Actor) Timer(now node.Time, t node.Timer, out *runtime.Calls) {
	a.redraw(out)
	a.Client.Timer(now, t, out)
}

// redraw has a client draw what it begins from another seed, where the rest of the run is drawn anew.
func (a Actor) redraw(out *runtime.Calls) {
	if out.Redrawn == 0 {
		return
	}
	if c, draws := a.Client.(interface{ Redraw(seed uint64) }); draws {
		c.Redraw(out.Redrawn)
	}
}
