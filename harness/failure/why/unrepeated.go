package why

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// An unrepeated is something that a node sent and that brought nothing, and that it did not send again though it went on, and still needs it.
type unrepeated struct {
	n      uint64 // when it was sent last: its delivery, or its loss
	times  int
	fired  int    // timers of its sender since
	opened uint64 // the first message since that came the way that it would go, or back; 0 where none did
}

// A matter is what makes two messages the same for whoever needs what they are about.
type matter struct {
	sender, receiver node.ID // the second is 0 where any will do
	what             string
	page             node.PageID
	high             node.LSN
	epoch            node.Epoch
}

// matterOf says what a message asks or brings, of those that have to be repeated until something comes of them.
func matterOf(f *fact) (matter, bool) {
	x := matter{sender: f.from, receiver: f.process, what: f.what}
	switch f.what {
	case "read-page", "read-snapshot":
		x.receiver, x.page, x.high = 0, f.page, f.high // whichever copy answers
	case "read-epoch", "swap":
		x.receiver = 0
	case "fence":
		x.epoch = f.epoch
	case "stream", "append":
		if f.high == 0 {
			return x, false
		}
		x.high = f.high
	default:
		return x, false
	}
	return x, true
}

// settles tells whether an event ends the need for what was sent.
func (x matter) settles(f *fact) bool {
	switch x.what {
	case "read-page", "read-snapshot":
		return f.kind == sim.EventMessage && f.process == x.sender && f.what == "page-image" && f.page == x.page && f.high == x.high ||
			f.kind == sim.EventTrace && f.process == x.sender && f.action == node.ActLose
	case "stream", "append":
		// What has come once is there, and so it is where its receiver says that it has more.
		return f.kind == sim.EventMessage && f.process == x.receiver && f.from == x.sender && f.what == x.what && f.high >= x.high ||
			f.kind == sim.EventMessage && f.process == x.sender && f.from == x.receiver && (f.what == "appended" || f.what == "joined" || f.what == "follow") && f.high >= x.high
	case "fence", "read-epoch", "swap":
		if f.kind == sim.EventTrace && f.process == x.sender && (f.action == node.ActOpen || f.action == node.ActDecide && x.what == "fence") {
			return true // it got on without it
		}
	}
	return f.kind == sim.EventMessage && f.process == x.sender && (x.receiver == 0 || f.from == x.receiver) && slices.Contains(answers[x.what], f.what)
}

// fewFirings is after how many timers of its sender something was due again.
const fewFirings = 5

// unrepeatedOf lists what was not sent again and is needed, by any of some senders or receivers; the earliest first. No nodes are all.
func (s *story) unrepeatedOf(nodes []node.ID) (all []unrepeated) {
	type entry struct {
		unrepeated
		matter
	}
	open := map[matter]*entry{}
	var done []*entry
	over := func(id node.ID) {
		for k, x := range open {
			if k.sender == id {
				done = append(done, x)
				delete(open, k)
			}
		}
	}
	for n := uint64(1); n <= s.end(); n++ {
		f := &s.facts[n]
		switch f.kind {
		case sim.EventCrash, sim.EventStart:
			over(f.process)
			for k := range open {
				if k.receiver == f.process && k.what == "stream" {
					delete(open, k) // it begins with what it has then
				}
			}
			continue
		case sim.EventTimer:
			for k, x := range open {
				if k.sender == f.process {
					x.fired++
				}
			}
			continue
		case sim.EventMessage, sim.EventLost, sim.EventTrace:
		default:
			continue
		}
		for k, x := range open {
			if k.settles(f) {
				delete(open, k)
				continue
			}
			if to := s.fact(x.n).process; f.kind == sim.EventMessage && x.opened == 0 && (f.process == k.sender && f.from == to || f.from == k.sender && f.process == to) {
				x.opened = n
			}
		}
		if f.kind == sim.EventTrace {
			continue
		}
		k, is := matterOf(f)
		if !is || len(nodes) > 0 && !slices.Contains(nodes, f.from) && !slices.Contains(nodes, f.process) {
			continue
		}
		if k.what == "stream" || k.what == "append" {
			if f.kind != sim.EventLost {
				continue // it came
			}
		}
		x := open[k]
		if x == nil {
			x = &entry{matter: k}
			open[k] = x
		}
		x.n, x.fired, x.opened = n, 0, 0
		x.times++
	}
	for _, x := range open {
		done = append(done, x)
	}
	for _, x := range done {
		// One that was replaced has nothing to send; the one that a finding is about may have been replaced once it had failed.
		if x.fired < fewFirings || s.over.states[x.sender].Deposed && !slices.Contains(nodes, x.sender) {
			continue
		}
		all = append(all, x.unrepeated)
	}
	slices.SortFunc(all, func(a, b unrepeated) int { return cmp.Compare(a.n, b.n) })
	return all
}

// A heldBack is a record that a node lacks, and says so again and again to who has it, and that is not sent to it again.
type heldBack struct {
	sender, lacker node.ID
	has, next      node.LSN // up to where, and the record that it needs then
	said           uint64   // the last answer that says so
	first          uint64   // the first that says so
	times          int
	sent           uint64 // when the next record was sent last; its delivery, or its loss; 0 for never
}

// fewAnswers is after how many answers that say the same something was due again.
const fewAnswers = 3

// heldBackOf lists what some nodes lack and are not sent again, the earliest first: what counts is the last time that a pair spoke.
func (s *story) heldBackOf(nodes []node.ID) (all []heldBack) {
	type pair struct{ sender, lacker node.ID }
	open := map[pair]*heldBack{}
	for n := uint64(1); n <= s.end(); n++ {
		f := &s.facts[n]
		switch {
		case f.kind == sim.EventCrash || f.kind == sim.EventStart:
			for k := range open {
				if k.sender == f.process || k.lacker == f.process {
					delete(open, k)
				}
			}
		case f.kind == sim.EventMessage && (f.what == "follow" || f.what == "appended") && f.high != 0 && slices.Contains(nodes, f.from):
			k := pair{f.process, f.from}
			x := open[k]
			if x == nil || x.has != f.high {
				x = &heldBack{sender: k.sender, lacker: k.lacker, has: f.high, next: f.high + 1, first: n}
				open[k] = x
			}
			x.said = n
			x.times++
		default:
			if x := open[pair{f.from, f.process}]; x != nil && carries(f, f.from, f.process, x.next) {
				x.sent, x.times = n, 0 // it is sent again
			}
		}
	}
	for _, x := range open {
		if x.times < fewAnswers {
			continue
		}
		if x.sent == 0 {
			x.sent = s.lastWhere(x.first, func(e *fact) bool { return carries(e, x.sender, x.lacker, x.next) })
		}
		if s.recordAfter(x) {
			all = append(all, *x)
		}
	}
	slices.SortFunc(all, func(a, b heldBack) int { return cmp.Compare(a.first, b.first) })
	return all
}

// heldBackOfGroups is heldBackOf for writers and the segments of a group: those say how far they are when something comes to them, and else
// nothing, so the writer's timers are what counts.
func (s *story) heldBackOfGroups(nodes []node.ID) (all []heldBack) {
	for _, id := range nodes {
		st := s.over.states[id]
		if st.Role != "writer" {
			continue
		}
		for seg, group := range s.claims.group {
			said := s.lastWhere(s.end(), func(f *fact) bool {
				return f.kind == sim.EventMessage && f.process == id && f.from == seg && f.epoch == st.Epoch && (f.what == "appended" || f.what == "joined")
			})
			if said == 0 {
				continue
			}
			x := heldBack{sender: id, lacker: seg, has: s.fact(said).high, said: said, first: said, times: 1}
			for _, r := range s.claims.lines[st.Epoch] {
				if r.Group == group && r.LSN > x.has {
					x.next = r.LSN
					break
				}
			}
			if x.next == 0 {
				continue
			}
			x.sent = s.lastWhere(s.end(), func(f *fact) bool { return carries(f, id, seg, x.next) })
			fired := 0
			last := max(x.said, x.sent)
			for n := last; n <= s.end(); n++ {
				if f := &s.facts[n]; f.process == id && f.kind == sim.EventTimer {
					fired++
				} else if f.process == id && f.kind == sim.EventCrash {
					break
				}
			}
			if fired >= fewFirings && !s.tooShort(id, last) {
				all = append(all, x)
			}
		}
	}
	slices.SortFunc(all, func(a, b heldBack) int {
		return cmp.Or(cmp.Compare(max(a.said, a.sent), max(b.said, b.sent)), cmp.Compare(a.lacker, b.lacker))
	})
	return all
}

// carries tells whether an event brings a record from one node to another, or should have.
func carries(f *fact, from, to node.ID, l node.LSN) bool {
	return (f.kind == sim.EventMessage || f.kind == sim.EventLost) && f.from == from && f.process == to && f.has(l) && (f.what == "stream" || f.what == "append")
}

// recordAfter tells whether there is a record that a node lacks, and that its sender has.
func (s *story) recordAfter(x *heldBack) bool {
	if _, segment := s.claims.group[x.lacker]; segment {
		return false // the next of its group is not the next of all
	}
	st := s.over.states[x.sender]
	return x.sent != 0 || st.VDL > x.has
}

func (s *story) heldBackWords(x *heldBack) string {
	who, l := s.name(x.lacker), x.next
	w := fmt.Sprintf("never sent %s record %d", who, l)
	if x.sent != 0 {
		f := s.fact(x.sent)
		w = fmt.Sprintf("sent %s record %d for the last time at %s", who, l, at(f.at))
		if f.kind == sim.EventLost {
			w += fmt.Sprintf(", which never came (%s),", lossReasons[f.reason])
		}
		w += " and did not send it again"
	}
	if x.times == 1 {
		return w + fmt.Sprintf(", though %s told it at %s that it has everything up to LSN %d and no more", who, at(s.fact(x.said).at), x.has)
	}
	return w + fmt.Sprintf(", though %s told it %s since, up to %s, that it has everything up to LSN %d and no more", who, times(x.times), at(s.fact(x.said).at), x.has)
}

// unrepeatedWords says what was not sent again, without the name of its sender.
func (s *story) unrepeatedWords(x *unrepeated) string {
	f := s.fact(x.n)
	what := s.plain(x.n)
	if f.paged {
		what = fmt.Sprintf("%s (page %d)", f.what, f.page)
	}
	how := "and was not answered"
	if f.kind == sim.EventLost {
		how = "which never came (" + lossReasons[f.reason] + ")"
	}
	w := fmt.Sprintf("sent %s %s at %s, %s, and did not send it again: its timers fired %s since", s.name(f.process), what, at(f.at), how, times(x.fired))
	if x.times > 1 {
		w = fmt.Sprintf("sent %s %s %s, the last time at %s, %s, and did not send it again: its timers fired %s since", s.name(f.process), what, times(x.times), at(f.at), how, times(x.fired))
	}
	if x.opened != 0 {
		w += fmt.Sprintf(", and the way between the two was open, at the latest at %s", at(s.fact(x.opened).at))
	}
	return w
}

// ofUnrepeated explains a stall by what was not sent again, where there is such a thing.
func (s *story) ofUnrepeated() {
	if len(s.causes) > 0 && s.finding.Check != faults.CatchUp && s.finding.Check != faults.Floor {
		return // what waits for it has said so
	}
	var nodes []node.ID
	switch s.finding.Check {
	case faults.Progress, faults.Answers, faults.CatchUp, faults.Wholeness, faults.Collection:
		nodes = s.stuck()
		for _, u := range s.over.unanswered {
			nodes = append(nodes, u.Process)
		}
		if s.finding.Check == faults.Answers {
			for _, w := range s.waits {
				if id, known := s.world.Named(w.Of); known {
					nodes = append(nodes, id)
				}
			}
		}
		if len(nodes) == 0 {
			return
		}
	case faults.Floor: // whoever waits for a page holds it
	default:
		return
	}
	all := slices.DeleteFunc(s.unrepeatedOf(nodes), func(x unrepeated) bool {
		f := s.fact(x.n)
		return s.tooShort(f.from, x.n) || s.finding.Check == faults.Floor && f.what != "read-snapshot"
	})
	if len(all) == 0 {
		if held := append(s.heldBackOf(nodes), s.heldBackOfGroups(nodes)...); len(held) > 0 {
			x := &held[0]
			words := s.heldBackWords(x)
			for i := range held[1:] {
				s.must(held[i+1].said)
			}
			if len(held) > 1 {
				words += fmt.Sprintf("; so it was with %d more", len(held)-1)
			}
			s.must(x.sent, x.first, x.said)
			s.causeOf(x.sender, cmp.Or(x.sent, x.first), words)
			s.leads(s.name(x.sender)+" "+words, cmp.Or(s.headline, s.finding.Sentence()))
		}
		return
	}
	x := &all[0]
	f := s.fact(x.n)
	words := s.unrepeatedWords(x)
	var others []node.ID
	for i := range all[1:] {
		if o := s.fact(all[i+1].n); o.from == f.from && o.what == f.what && o.process != f.process && !slices.Contains(others, o.process) {
			others = append(others, o.process)
			s.must(all[i+1].n)
		}
	}
	if len(others) > 0 {
		words += fmt.Sprintf("; so it was with what it sent %s", names(s.world.Name).list(others[:min(len(others), fewReceivers)]))
	}
	s.causeOf(f.from, x.n, words)
	s.must(x.n, x.opened)
	w := Wait{Node: s.name(f.from), For: "what comes of " + s.plain(x.n), Of: s.name(f.process), Since: f.at, Ends: fmt.Sprintf("%s sends it again", s.name(f.from))}
	if len(s.waits) >= mostWaits {
		s.waits = s.waits[:mostWaits-1]
	}
	s.waits = append([]Wait{w}, s.waits...)
	s.leads(s.name(f.from)+" "+words, cmp.Or(s.headline, s.finding.Sentence()))
}

// tooShort tells whether a node did not live on for long enough after an event to have sent again what it sent then.
func (s *story) tooShort(id node.ID, n uint64) bool {
	end := s.firstWhere(n, func(e *fact) bool { return e.kind == sim.EventCrash && e.process == id })
	until := s.over.now
	if end != 0 {
		until = s.fact(end).at
	}
	return until.Sub(s.fact(n).at) < longSilence
}

// longSilence is for how long a node must have gone on without sending again what it needs: retries come within tens of milliseconds.
const longSilence = time.Second
