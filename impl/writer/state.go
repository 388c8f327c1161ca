package writer

import "github.com/firstgap/firstgap/impl/node"

// State implements node.Teller.
func (w *Writer) State() node.State {
	return node.State{Role: "writer", Phase: w.phase.String(), Epoch: w.epoch, VDL: w.vdl, End: w.end, Floor: w.floor,
		Serving: w.phase == open, Deposed: w.phase == deposed, Counters: node.Counters(w.counters)}
}

// TimerName implements node.TimerNamer.
func (w *Writer) TimerName(t node.Timer) string {
	switch t {
	case tick:
		return "retry"
	case hedge:
		return "hedge"
	}
	return ""
}
