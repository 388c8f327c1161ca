package reader

import "github.com/firstgap/firstgap/impl/node"

// State implements node.Teller: that of the writer which the reader has become, with the reader's counters beside the writer's, or
// the reader's own.
func (r *Reader) State() node.State {
	s := node.State{Role: "reader", Phase: "reading", VDL: r.View(), Serving: r.Serving()}
	if r.writer != nil {
		s = r.writer.State()
		s.Counters = append(s.Counters, node.Counter{Name: "warmPages", Value: uint64(r.writer.Warmed())})
	}
	s.Counters = append(s.Counters, node.Counters(r.counters)...)
	s.Lags = r.counters.Lag[:]
	return s
}

// TimerName implements node.TimerNamer. Once it is promoted its timers are those of the writer that it has become.
func (r *Reader) TimerName(t node.Timer) string {
	if t == tick {
		return "retry"
	}
	return ""
}
