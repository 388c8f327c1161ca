package why

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// endedForGood is how a process dies that is never started again.
const endedForGood = "for good"

// afterTakeOver is in what is waited for behind the last take-over, or the last restart of all nodes.
const afterTakeOver = "after the last "

// moment is the event up to which a stall is looked at. A run whose wait was in vain goes on: all that were ever active are ended, and a successor
// serves. That sweeps away who waited for what; what is asked about is before it.
func (s *story) moment() uint64 {
	f := s.finding
	if f.Check != faults.Progress && f.Check != faults.Answers || strings.Contains(f.Expected, afterTakeOver) {
		return s.end()
	}
	// Where the old nodes live on, the successor's first start is all there is of it.
	bound := node.Time(s.c.Ending.Bound)
	if open := s.result.Evidence.Open; f.Check == faults.Answers && open != nil {
		bound = node.Time(open.Bound)
	}
	to := s.lastWhere(s.end(), func(e *fact) bool { return e.kind == sim.EventStart && e.incarnation == 1 && e.at >= bound })
	last := s.lastWhere(s.end(), func(e *fact) bool {
		return e.kind == sim.EventCrash && e.what == endedForGood && e.at >= bound
	})
	for n := last; n > 0 && s.fact(n).at == s.fact(last).at; n-- {
		if e := s.fact(n); e.kind == sim.EventCrash && e.what == endedForGood {
			last = n
		}
	}
	if last != 0 && (to == 0 || last < to && s.fact(last).at.Add(recent) > s.fact(to).at) {
		to = last
	}
	if to == 0 {
		return s.end()
	}
	return to - 1
}

// rewind forgets what came behind an event, and makes the run once more for how the nodes stood at it.
func (s *story) rewind(to uint64) {
	if to == s.end() && s.finding.Check != faults.Progress && s.finding.Check != faults.Wholeness {
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
	deposed, damaged := map[node.ID]uint64{}, map[node.ID]uint64{}
	wholeness := s.finding.Check == faults.Wholeness
	harness.RunWith(s.system, *s.c, harness.Options{Listen: func(w *sim.World, e *sim.Event) {
		if e.Seq <= to && deposed[e.Process] == 0 && (e.Kind == sim.EventMessage || e.Kind == sim.EventTimer) {
			// What a step makes of a node is seen at the node's next event.
			if st, tells := w.State(e.Process); tells && st.Deposed {
				deposed[e.Process] = e.Seq
			}
		}
		if wholeness && e.Seq <= to && e.Process != 0 && e.Kind != sim.EventTrace {
			switch st, tells := w.State(e.Process); {
			case tells && !st.Damaged:
				delete(damaged, e.Process)
			case tells && damaged[e.Process] == 0:
				damaged[e.Process] = e.Seq
			}
		}
		if e.Seq == to {
			s.over = standing(w)
			s.over.unanswered, s.over.deposed, s.over.damaged = s.open(), deposed, damaged
		}
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

// gaveUp explains why no node is active: the newest one that gave up, when, and what it had asked for in vain.
func (s *story) gaveUp() string {
	var id node.ID
	for _, p := range s.over.processes {
		st := s.over.states[p]
		if st.Deposed && (id == 0 || st.Epoch >= s.over.states[id].Epoch) {
			id = p
		}
	}
	n := s.over.deposed[id]
	if id == 0 || n == 0 {
		return ""
	}
	s.about.nodes[id] = true
	// The step that made it give up is the one before: a refusal, or a timer.
	last := s.lastWhere(n-1, func(f *fact) bool {
		return f.process == id && (f.kind == sim.EventMessage && (f.what == "stale" || f.what == "changed" || f.what == "swapped") || f.kind == sim.EventTimer)
	})
	if last == 0 {
		return ""
	}
	f := s.fact(last)
	by := "when its timer fired, for what it had waited for had not come"
	if f.kind == sim.EventMessage {
		by = fmt.Sprintf("when it got %s from %s", s.plain(last), s.name(f.from))
	}
	words := fmt.Sprintf("gave up as the writer of epoch %d, %s", s.over.states[id].Epoch, by)
	s.causeOf(id, last, words)
	said := fmt.Sprintf("at %s %s %s", at(f.at), s.name(id), words)
	if f.kind != sim.EventTimer {
		return said
	}
	s.exchange(id, last)
	// What it asked for over and over, and who let it be dropped.
	asked := s.lastWhere(last, func(e *fact) bool { return e.kind == sim.EventMessage && e.from == id && e.what == "read-log" })
	if asked == 0 {
		return said
	}
	a := s.fact(asked)
	said += fmt.Sprintf("; it had asked for %s to the end, and not got them", span(a.low, a.high))
	if c := s.lastWhere(asked, func(e *fact) bool { return e.kind == sim.EventTrace && e.action == node.ActCollect }); c != 0 && s.fact(c).high > a.low {
		s.cause(c, fmt.Sprintf("let segments drop what lies below LSN %d, of which %s were still needed", s.fact(c).high, span(a.low, min(a.high, s.fact(c).high))))
		said += fmt.Sprintf("; %s had let segments drop what lies below LSN %d at %s", s.name(s.fact(c).process), s.fact(c).high, at(s.fact(c).at))
	}
	return said
}

// span names the records of a range.
func span(low, high node.LSN) string {
	if low >= high {
		return fmt.Sprintf("record %d", low)
	}
	return fmt.Sprintf("records %d to %d", low, high)
}
