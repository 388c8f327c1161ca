package why

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// openQuery adds the oldest query of a reader that has not ended, and says why: a page that it waits for, a client that is not heard of. It returns
// that as a clause.
func (s *story) openQuery(reader node.ID) string {
	open := map[node.Txn]uint64{}
	for n := uint64(1); n <= s.end(); n++ {
		switch f := &s.facts[n]; {
		case f.process != reader:
		case f.kind == sim.EventCrash, f.action == node.ActLose:
			clear(open)
		case f.action == node.ActBegin:
			open[f.txn] = n
		case f.action == node.ActFinish:
			delete(open, f.txn)
		}
	}
	first := earliest(open)
	if first == 0 {
		return ""
	}
	q := s.fact(first)
	said := fmt.Sprintf("began query %v as of LSN %d, which has not ended", q.txn, q.high)
	s.cause(first, said)
	asked := s.lastWhere(s.end(), func(f *fact) bool { return f.kind == sim.EventRequest && f.process == reader && f.txn == q.txn })
	clause := fmt.Sprintf("at %s %s %s", at(q.at), s.name(reader), said)
	if asked == 0 {
		return clause
	}
	a := s.fact(asked)
	answered := s.firstWhere(asked, func(f *fact) bool {
		return f.isReply && f.request == a.request && (f.process == a.from || f.from == a.from)
	})
	if answered != 0 {
		words := fmt.Sprintf("was asked for something by that query for the last time, by %s, and answered at %s; it hears nothing of its client in the %v since, and keeps it", s.name(a.from), at(s.fact(answered).at), sinceWhen(a.at, s.over.now).Round(1e6))
		s.cause(asked, words)
		return clause + fmt.Sprintf("; its client, %s, was heard last at %s", s.name(a.from), at(a.at))
	}
	s.must(asked)
	if page := s.pageAsked(asked); page != "" {
		return clause + fmt.Sprintf("; its %v of %s is not answered: it goes on when %s", a.op, at(a.at), page)
	}
	count, last := 0, uint64(0)
	for n := asked; n <= s.end(); n++ {
		if f := s.fact(n); f.kind == sim.EventMessage && f.process == reader && (f.what == "behind" || f.what == "below-floor" || f.what == "not-joined") && s.askedAsOf(reader, n, q.high) {
			count++
			last = n
		}
	}
	if count > 0 {
		r := s.fact(last)
		words := fmt.Sprintf("was refused a page for the %s time since, by %s (%s)", ordinal(uint32(count)), s.name(r.from), s.plain(last))
		s.cause(last, words)
		return clause + fmt.Sprintf("; its %v of %s is not answered: it was refused pages %s since, last by %s at %s (%s)", a.op, at(a.at), times(count), s.name(r.from), at(r.at), s.plain(last))
	}
	s.cause(asked, fmt.Sprintf("was asked by that query for %v, and has not answered", a.op))
	return clause + fmt.Sprintf("; its %v of %s is not answered", a.op, at(a.at))
}

// earliest returns the first of some events of transactions, 0 for none.
func earliest(events map[node.Txn]uint64) (first uint64) {
	for _, n := range events {
		if first == 0 || n < first {
			first = n
		}
	}
	return first
}

// askedAsOf tells whether what a reader was refused is what it had asked for last of that page, as of an LSN.
func (s *story) askedAsOf(reader node.ID, refusal uint64, l node.LSN) bool {
	page := s.fact(refusal).page
	asked := s.fact(s.lastWhere(refusal, func(f *fact) bool {
		return f.kind == sim.EventMessage && f.from == reader && f.what == "read-snapshot" && f.page == page
	}))
	return asked != nil && asked.high == l
}

// refused counts the refusals that a node got since a newer writer was promised what it goes by, and did not heed.
func (s *story) refused(stuck []node.ID) {
	for _, id := range stuck {
		st := s.over.states[id]
		if st.Role != "writer" || st.Deposed {
			continue
		}
		first, times, newest := uint64(0), 0, node.Epoch(0)
		for n := uint64(1); n <= s.end(); n++ {
			if f := s.fact(n); f.kind == sim.EventMessage && f.process == id && f.what == "stale" && f.epoch > st.Epoch {
				if first == 0 {
					first = n
				}
				times++
				newest = max(newest, f.epoch)
			}
		}
		if times > 0 {
			s.cause(first, fmt.Sprintf("was refused by %s, which has promised epoch %d; it got %d such refusals to the end, up to one of epoch %d, and goes on as the writer of epoch %d", s.name(s.fact(first).from), s.fact(first).epoch, times, newest, st.Epoch))
		}
	}
}

// damage says since when a node knows that it is damaged, and what came before: a crash that tore a write, or a fault of its disk.
func (s *story) damage(id node.ID) string {
	n := s.over.damaged[id]
	if n == 0 {
		return ""
	}
	// A node is looked at before its step, so that it is the step before that made it so.
	by := s.lastWhere(n-1, func(f *fact) bool {
		return f.process == id && (f.kind == sim.EventStart || f.kind == sim.EventDisk && (f.reason != 0 || f.looked || len(f.lost) > 0) || f.kind == sim.EventMessage)
	})
	f := s.fact(by)
	if f == nil {
		return ""
	}
	words := "took itself for damaged when it " + s.did(by)
	if f.kind == sim.EventDisk && f.looked {
		words = "took itself for damaged when it looked at what its disk holds"
	}
	s.cause(by, words)
	said := fmt.Sprintf("%s %s at %s", s.name(id), words, at(f.at))
	crash := s.latest(sim.EventCrash, id, by)
	if c := s.fact(crash); c != nil && (f.kind == sim.EventStart || f.looked) {
		lost := ""
		if len(c.lost) > 0 {
			lost = ", which lost " + lostWords(c.lost)
		}
		s.cause(crash, crashOf(c))
		said += fmt.Sprintf("; it had crashed at %s%s", at(c.at), lost)
	}
	if x := s.struck(id, 1, by); x != 0 {
		s.cause(x, strike(s.fact(x).what))
		said += fmt.Sprintf("; its disk was struck at %s (%s)", at(s.fact(x).at), s.fact(x).what)
	}
	return said
}

// suspected explains a member that nobody replaces: how far the word of its loss has come, from the one who watches to the writer and the register.
func (s *story) suspected(id node.ID) string {
	if s.kind(id) != "segment" {
		return ""
	}
	type step struct {
		words string
		is    func(*fact) bool
	}
	since := s.latest(sim.EventCrash, id, s.end())
	lost := false
	said := ""
	for _, x := range []step{
		{"asked whether it is alive", func(f *fact) bool { return f.what == "ping" && f.process == id }},
		{"told that it has lost what it promised", func(f *fact) bool { return f.what == "pong" && f.from == id && f.control != nil && f.control.lost }},
		{"reported to the writer as suspected", func(f *fact) bool {
			return f.what == "health" && f.control != nil && slices.Contains(f.control.suspects, id)
		}},
		{"followed by a change of members", func(f *fact) bool { return f.what == "change" }},
	} {
		count, last := 0, uint64(0)
		for n := max(since, 1); n <= s.end(); n++ {
			if f := s.fact(n); (f.kind == sim.EventMessage || f.kind == sim.EventLost) && x.is(f) {
				count++
				last = n
			}
		}
		if count == 0 {
			said += fmt.Sprintf("%snever %s", choose(said == "", "", "; it was "), x.words)
			lost = true
			break
		}
		s.must(last)
		said += fmt.Sprintf("%s%s %s, last at %s", choose(said == "", "", ", "), x.words, times(count), at(s.fact(last).at))
	}
	if !lost || since == 0 {
		return ""
	}
	words := fmt.Sprintf("since its crash it was %s", said)
	s.causeOf(id, since, words)
	return fmt.Sprintf("since its crash at %s it was %s", at(s.fact(since).at), said)
}
