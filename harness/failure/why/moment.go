package why

import (
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// ended is how a process dies that is never started again.
const endedForGood = "for good"

// afterTakeOver is in what is waited for behind the last take-over.
const afterTakeOver = "after the last take-over"

// moment is the event up to which a stall is looked at. A run whose wait was in vain goes on: all that were ever active are ended, and a successor
// serves. That sweeps away who waited for what; what is asked about is before it.
func (s *story) moment() uint64 {
	f := s.finding
	if f.Check != faults.Progress && f.Check != faults.Answers || strings.Contains(f.Expected, afterTakeOver) {
		return s.end()
	}
	last := s.lastWhere(s.end(), func(e *fact) bool { return e.kind == sim.EventCrash && e.what == endedForGood })
	if last == 0 {
		return s.end()
	}
	for n := last; n > 0 && s.fact(n).at == s.fact(last).at; n-- {
		if e := s.fact(n); e.kind == sim.EventCrash && e.what == endedForGood {
			last = n
		}
	}
	return last - 1
}

// rewind forgets what came behind an event, and makes the run once more for how the nodes stood at it.
func (s *story) rewind(to uint64) {
	if to == s.end() {
		return
	}
	s.facts = s.facts[:to+1]
	for id, all := range s.disks {
		all = slices.DeleteFunc(slices.Clone(all), func(o *operation) bool { return o.Cause > to })
		for _, o := range all {
			if o.ended > to {
				o.ended, o.endedAt = 0, 0
			}
			if o.crashed > to {
				o.crashed = 0
			}
		}
		s.disks[id] = all
	}
	s.last = map[node.ID]uint64{}
	for n := uint64(1); n <= to; n++ {
		if id := s.owner(n); id != 0 {
			s.last[id] = n
		}
	}
	harness.RunWith(s.system, *s.c, harness.Options{Listen: func(w *sim.World, e *sim.Event) {
		if e.Seq != to {
			return
		}
		x := ending{now: w.Now(), states: map[node.ID]node.State{}, running: map[node.ID]bool{}}
		for _, id := range w.Processes() {
			if !slices.ContainsFunc(s.facts, func(f fact) bool { return f.kind == sim.EventStart && f.process == id }) {
				continue
			}
			x.processes = append(x.processes, id)
			x.running[id] = w.Running(id)
			if st, tells := w.State(id); tells {
				x.states[id] = st
			}
		}
		x.unanswered = s.open()
		s.over = x
	}})
}

// open lists the calls that nodes which still run have not answered by the last event, in the order in which they came.
func (s *story) open() (all []runtime.Unanswered) {
	for n := uint64(1); n <= s.end(); n++ {
		switch f := &s.facts[n]; f.kind {
		case sim.EventRequest:
			all = append(all, runtime.Unanswered{Process: f.process, Client: f.from, Request: f.request, Since: f.at, Op: f.op})
		case sim.EventReply:
			all = slices.DeleteFunc(all, func(u runtime.Unanswered) bool { return u.Client == f.process && u.Request == f.request })
		case sim.EventLost:
			// An answer that is lost was given.
			if f.isReply {
				all = slices.DeleteFunc(all, func(u runtime.Unanswered) bool { return u.Client == f.process && u.Request == f.request })
			}
		case sim.EventCrash:
			all = slices.DeleteFunc(all, func(u runtime.Unanswered) bool { return u.Process == f.process })
		}
	}
	return all
}
