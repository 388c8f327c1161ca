package writer

import "github.com/firstgap/firstgap/impl/node"

// State implements node.Teller.
func (w *Writer) State() node.State {
	return node.State{Role: "writer", Phase: w.phase.String(), Epoch: w.epoch, VDL: w.vdl, End: w.end, Floor: w.floor,
		Serving: w.phase == open, Deposed: w.phase == deposed, Counters: node.Counters(w.counters)}
}
