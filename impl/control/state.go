package control

import "github.com/firstgap/firstgap/impl/node"

// State implements node.Teller.
func (g *Register) State() node.State {
	s := node.State{Role: "register", Serving: !g.stopped, Epoch: g.durable.epoch}
	if g.stopped {
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
