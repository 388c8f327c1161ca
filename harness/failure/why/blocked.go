package why

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// blocked says what ends the wait of a call, asked for by an event, that its node does not answer: what it waits for of whom, and which event
// should have woken it. It is empty where nothing that the node told or sent says so.
func (s *story) blocked(request uint64) string {
	f := s.fact(request)
	if ends := s.holder(request); ends != "" {
		return ends
	}
	if ends := s.pageAsked(request); ends != "" {
		return ends
	}
	if f.op == node.OpPut || f.op == node.OpRollback || f.op == node.OpAbort {
		if ends := s.logRoom(request); ends != "" {
			return ends
		}
	}
	if f.op == node.OpCommit {
		return s.commitOf(request)
	}
	return ""
}

// pageAsked says that a node has asked for a page since it was asked, and has neither got it nor asked again.
func (s *story) pageAsked(request uint64) string {
	f := s.fact(request)
	type page struct {
		last, first uint64
		times       int
	}
	type version struct {
		page node.PageID
		at   node.LSN
	}
	open := map[version]*page{}
	for n := uint64(1); n <= s.end(); n++ {
		e := s.fact(n)
		switch {
		case e.kind == sim.EventCrash && e.process == f.process:
			clear(open)
		case e.kind == sim.EventMessage && e.what == "page-image" && e.process == f.process:
			delete(open, version{e.page, e.high})
		case (e.kind == sim.EventMessage || e.kind == sim.EventLost) && (e.what == "read-page" || e.what == "read-snapshot") && e.from == f.process:
			v := version{e.page, e.high}
			p := open[v]
			if p == nil {
				p = &page{first: n}
				open[v] = p
			}
			p.last = n
			p.times++
		}
	}
	var ids []version
	for id, p := range open {
		if p.first >= request && s.fact(p.last).at < s.over.now.Add(-settle) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	slices.SortFunc(ids, func(a, b version) int { return cmp.Compare(open[a].first, open[b].first) })
	ids = ids[:min(len(ids), fewClaims)]
	for _, id := range ids {
		p := open[id]
		e := s.fact(p.last)
		lost := "and no answer to it came"
		if e.kind == sim.EventLost {
			lost = fmt.Sprintf("which was lost on its way (%v)", e.reason)
		} else if n := s.firstWhere(p.last, func(x *fact) bool {
			return x.kind == sim.EventLost && x.from == e.process && x.process == f.process && x.paged && x.page == id.page
		}); n != 0 {
			lost = fmt.Sprintf("whose answer was lost on its way at %s (%v)", at(s.fact(n).at), s.fact(n).reason)
			s.must(n)
		}
		s.about.pages[id.page] = true
		s.must(p.last)
		s.causeOf(f.process, p.last, fmt.Sprintf("asked %s for page %d, %s, and has not asked again in the %v since", s.name(e.process), id.page, lost, sinceWhen(e.at, s.over.now)))
	}
	return fmt.Sprintf("page %d comes, for which %s asked %s for the last time at %s, %s, and never asked again", ids[0].page, s.name(f.process), s.name(s.fact(open[ids[0]].last).process), at(s.fact(open[ids[0]].last).at),
		times(open[ids[0]].times))
}

// logRoom says that a write waits because its node's log was as far ahead of the VDL as it may be.
func (s *story) logRoom(request uint64) string {
	f := s.fact(request)
	var settings struct {
		Nodes struct{ LogAhead uint64 }
	}
	// Of a system that has no such limit there is nothing to wait for.
	err := json.Unmarshal(s.c.Settings, &settings)
	ahead := node.LSN(settings.Nodes.LogAhead)
	if err != nil || ahead == 0 {
		return ""
	}
	last := func(before uint64, is func(*fact) bool) *fact {
		return s.fact(s.lastWhere(before, func(e *fact) bool { return e.kind == sim.EventTrace && e.process == f.process && is(e) }))
	}
	// What it was asked for it begins in the same step, or in a later one, after it has got the row's page.
	for n := request; n <= s.end() && n < request+longestStep; n++ {
		e := s.fact(n)
		if e.process != f.process {
			continue
		}
		issued := last(n, func(e *fact) bool { return issues(e.action) })
		vcl := last(n, func(e *fact) bool { return e.action == node.ActAdvance })
		if issued == nil || issued.at < f.at-node.Time(recent) {
			return ""
		}
		durable := node.LSN(0)
		if vcl != nil {
			durable = vcl.high
		}
		if issued.high < durable+ahead {
			continue
		}
		woke := s.firstWhere(n, func(e *fact) bool {
			return e.kind == sim.EventTrace && e.process == f.process && e.action == node.ActAdvance && e.high+ahead > issued.high
		})
		s.must(n)
		said := fmt.Sprintf("there is room in the log: %s had given LSNs up to %d, %d beyond what was complete, which is as far as it may (%d)", s.name(f.process), issued.high, issued.high-durable, ahead)
		if woke == 0 {
			return said
		}
		w := s.fact(woke)
		s.cause(woke, fmt.Sprintf("counted everything up to LSN %d as complete, so that there was room in the log, and the call that waited for it, request %d of %s, was not taken up", w.high, f.request, s.name(f.from)))
		return said + fmt.Sprintf("; LSN %d was complete at %s, and the call was not taken up", w.high, at(w.at))
	}
	return ""
}

// longestStep is within how many events of a call its wait must have begun.
const longestStep = 400

// commitOf says which LSN a commit waits for, and whether it is durable by then.
func (s *story) commitOf(request uint64) string {
	f := s.fact(request)
	n := s.committing(f.txn, 1)
	if n == 0 {
		return ""
	}
	c := s.fact(n)
	s.must(n)
	if done := s.firstWhere(n, func(e *fact) bool {
		return e.kind == sim.EventTrace && e.process == c.process && e.action == node.ActAdvance && e.high >= c.high
	}); done != 0 {
		s.cause(done, fmt.Sprintf("counted everything up to LSN %d as complete, and did not acknowledge the commit at LSN %d", s.fact(done).high, c.high))
		return fmt.Sprintf("%s acknowledges it: its LSN %d was complete at %s", s.name(c.process), c.high, at(s.fact(done).at))
	}
	return fmt.Sprintf("LSN %d, which it was given at %s, is complete", c.high, at(c.at))
}
