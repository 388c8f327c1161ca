package segment

import "github.com/firstgap/firstgap/impl/node"

// State implements node.Teller.
func (s *Segment) State() node.State {
	return node.State{Role: "segment", Phase: s.phase(), Promise: s.durable.promise, Line: s.durable.line(), SCL: s.scl, Floor: s.images.floor, Serving: s.serving,
		Damaged: s.Damaged(), Dead: s.dead, Counters: node.Counters(s.Counters())}
}

func (s *Segment) phase() string {
	if s.stopped {
		return "stopped: its disk failed"
	}
	return ""
}

// TimerName implements node.TimerNamer.
func (s *Segment) TimerName(t node.Timer) string {
	switch t {
	case gossipTimer:
		return "gossip"
	case coalesceTimer:
		return "coalescing"
	case backupTimer:
		return "backup"
	case scrubTimer:
		return "scrubbing"
	}
	return ""
}
