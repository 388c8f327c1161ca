package control

import "github.com/firstgap/firstgap/impl/node"

// State implements node.Teller.
func (r *Register) State() node.State {
	s := node.State{Role: "register", Serving: !r.stopped, Epoch: r.durable.epoch}
	if r.stopped {
		s.Phase = "stopped: its disk failed"
	}
	return s
}

// TimerName implements node.TimerNamer.
func (g *Register) TimerName(t node.Timer) string {
	if t == monitorTimer {
		return "monitor"
	}
	return ""
}
