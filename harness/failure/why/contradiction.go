package why

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// ofContradictions shows both halves of what does not fit together: who set what was expected, and who set what was found, and what somebody
// left out between the two. Each is looked for only where the finding can come of it.
func (s *story) ofContradictions() {
	for _, half := range []func() string{s.sharedEpoch, s.unconfirmed, s.staleCopy, s.askedForTooLittle} {
		first := half()
		if first == "" {
			continue
		}
		if final := s.final; final != nil {
			s.final = func(words string) string { return sentenceOf(first + ". After that: " + final(words)) }
		} else {
			s.headline = sentenceOf(first + ". After that: " + s.headline)
		}
		break
	}
	s.setters()
}

// first has events be in the chain before all others.
func (s *story) first(ns ...uint64) {
	rest := s.musts
	s.musts = nil
	s.must(ns...)
	s.must(rest...)
}

// sharedEpoch finds an epoch that was given to two writers: one answer each says that it has won it.
func (s *story) sharedEpoch() string {
	type given struct {
		n  uint64
		to node.ID
	}
	won := map[node.Epoch]given{}
	for n := uint64(1); n <= s.end() && (s.bad == 0 || n <= s.bad); n++ {
		f := &s.facts[n]
		if f.kind != sim.EventMessage || f.control == nil || !f.control.won {
			continue
		}
		before, is := won[f.epoch]
		switch {
		case !is:
			won[f.epoch] = given{n, f.process}
		case before.to != f.process:
			register := f.from
			gave := s.firstWhere(1, func(e *fact) bool {
				return e.kind == sim.EventTrace && e.action == node.ActStart && e.epoch == f.epoch && e.process == register
			})
			wrote := "it wrote nothing in that step"
			if o := s.begunIn(register, f.cause); len(o) > 0 {
				wrote = fmt.Sprintf("it began a write of %d bytes in that step", o[0].Bytes)
			}
			asked := s.fact(f.cause)
			s.first(gave, before.n, f.cause, n)
			s.about.epochs[f.epoch] = true
			s.causeOf(register, gave, fmt.Sprintf("had epoch %d on its disk, and gave it to %s", f.epoch, s.name(before.to)))
			s.causeOf(register, f.cause, fmt.Sprintf("answered %s that it has won epoch %d, which was %s's; %s", s.name(f.process), f.epoch, s.name(before.to), wrote))
			return fmt.Sprintf("%s gave epoch %d to %s, which heard so at %s, and answered %s as well, at %s, that it has won epoch %d; %s", s.name(register), f.epoch,
				s.name(before.to), at(s.fact(before.n).at), s.name(f.process), at(asked.at), f.epoch, wrote)
		}
	}
	return ""
}

// unconfirmed finds, of a finding about what clients saw, a transaction that only read and was told as committed though no segment had been
// asked since whether its writer's epoch still holds.
func (s *story) unconfirmed() string {
	switch s.finding.Check {
	case faults.Serializability, faults.Linearizability, faults.Durability:
	default:
		return ""
	}
	for _, txn := range slices.Sorted(maps.Keys(s.about.txns)) {
		reply := s.firstWhere(1, func(f *fact) bool {
			return f.kind == sim.EventReply && f.txn == txn && f.op == node.OpCommit && f.status == node.OK
		})
		if reply == 0 || s.committing(txn, 1) != 0 {
			continue
		}
		writer := s.fact(reply).from
		asked := s.firstWhere(1, func(f *fact) bool {
			return f.kind == sim.EventRequest && f.process == writer && f.txn == txn && f.op == node.OpCommit
		})
		rows := s.firstWhere(1, func(f *fact) bool {
			return f.kind == sim.EventRequest && f.process == writer && f.txn == txn && (f.op == node.OpGet || f.op == node.OpScan)
		})
		spoke := s.lastWhere(reply, func(f *fact) bool { return f.kind == sim.EventTrace && f.process == writer && f.epoch != 0 })
		if asked == 0 || rows == 0 || spoke == 0 {
			continue
		}
		epoch := s.fact(spoke).epoch
		answered := s.fact(reply).cause
		if s.firstWhere(asked, func(f *fact) bool {
			return (f.kind == sim.EventMessage || f.kind == sim.EventLost) && f.what == "confirm" && f.from == writer && f.cause >= asked && f.cause <= answered
		}) != 0 {
			continue
		}
		next := s.firstWhere(1, func(f *fact) bool { return f.action == node.ActStart && f.epoch == epoch+1 })
		if next == 0 || next > reply {
			continue // nobody could have said otherwise
		}
		heard := s.lastWhere(answered, func(f *fact) bool {
			_, segment := s.claims.group[f.from]
			return f.kind == sim.EventMessage && f.process == writer && segment
		})
		promised := s.firstWhere(next, func(f *fact) bool { return f.action == node.ActFence && f.epoch == epoch+1 })
		open := s.firstWhere(next, func(f *fact) bool { return f.action == node.ActOpen && f.epoch == epoch+1 })
		s.first(heard, next, promised, open, asked, reply)
		s.about.epochs[epoch+1] = true
		words := fmt.Sprintf("answered the commit of transaction %v, which only read, without asking a segment whether epoch %d still holds", txn, epoch)
		if heard != 0 {
			words += fmt.Sprintf(": it had last heard from one at %s", at(s.fact(heard).at))
		}
		s.causeOf(writer, asked, words)
		s.cause(next, fmt.Sprintf("gave epoch %d to a writer", epoch+1))
		return fmt.Sprintf("%s %s; epoch %d was given at %s", s.name(writer), words, epoch+1, at(s.fact(next).at))
	}
	return ""
}

// staleCopy finds a page in the cache of the node of the bad step that lacks a record which was in that node's view before it asked for
// the page: a page that comes as of a point has nothing above it, and nobody brings such a record again.
func (s *story) staleCopy() string {
	if s.bad == 0 {
		return ""
	}
	b := s.fact(s.bad)
	id := b.process
	if _, segment := s.claims.group[id]; segment {
		return ""
	}
	life := s.lastWhere(s.bad, func(e *fact) bool {
		return e.process == id && (e.kind == sim.EventStart || e.kind == sim.EventCrash || e.action == node.ActLose)
	})
	first := uint64(0)
	var told string
	for n := s.bad; n > life; n-- {
		f := &s.facts[n]
		if f.process != id {
			continue
		}
		if f.action == node.ActAnew {
			break
		}
		if f.action != node.ActReadCached {
			continue
		}
		got, asked, came, r := s.holes(id, n, life)
		if got == 0 {
			continue
		}
		image := s.fact(got)
		brought := s.firstWhere(1, func(e *fact) bool {
			return e.kind == sim.EventMessage && e.process == id && (e.what == "stream" || e.what == "anew") && e.has(r.LSN)
		})
		s.first(brought, came, asked, got, n, s.bad)
		s.about.pages[f.page], s.about.lsns[r.LSN] = true, true
		first = n
		told = fmt.Sprintf("%s keeps page %d as of LSN %d, which came from %s at %s; record %s, a change of that page, had come into its view at %s, before it asked, and is not in it: at %s it read the page as of LSN %d out of its cache",
			s.name(id), f.page, image.high, s.name(image.from), at(image.at), identity(r), at(s.fact(came).at), at(f.at), f.high)
	}
	if first != 0 {
		f := s.fact(first)
		s.causeOf(id, first, fmt.Sprintf("read page %d as of LSN %d out of its cache, where what came before it asked for the page is missing", f.page, f.high))
	}
	return told
}

// holes returns the last image of the page that a node read out of its cache, of those that came in its life since an event, when it was asked for, and the record that is not in it and
// that the node took for durable, by the step named came, before it asked: what comes into view after that is kept until the image is there. The image is 0
// where one that came has all: which of several the node kept, no event says.
func (s *story) holes(id node.ID, read, life uint64) (got, asked, came uint64, missing *node.Record) {
	f := s.fact(read)
	viewed := func(l node.LSN) uint64 {
		return s.firstWhere(life, func(e *fact) bool {
			return e.process == id && e.action == node.ActTell && e.high >= l
		})
	}
	for n := read; n > life; n-- {
		e := s.fact(n)
		if e.kind != sim.EventMessage || e.process != id || e.what != "page-image" || e.page != f.page {
			continue
		}
		question := s.firstWhere(life, func(q *fact) bool {
			return q.kind == sim.EventMessage && q.from == id && (q.what == "read-snapshot" || q.what == "read-page") && q.page == f.page && q.high == e.high
		})
		r := s.changeOf(f.page, e.high, f.high)
		if r == nil || question == 0 {
			return 0, 0, 0, nil
		}
		first := viewed(r.LSN)
		if first == 0 || s.fact(question).cause < first {
			return 0, 0, 0, nil
		}
		if got == 0 {
			got, asked, came, missing = n, question, first, r
		}
	}
	return got, asked, came, missing
}

// changeOf returns the first record of a page above an LSN and at or below another, nil for none.
func (s *story) changeOf(page node.PageID, above, upTo node.LSN) (first *node.Record) {
	for _, epoch := range slices.Sorted(maps.Keys(s.claims.lines)) {
		for _, r := range s.claims.lines[epoch] {
			if r.Page == page && r.LSN > above && r.LSN <= upTo && (first == nil || r.LSN < first.LSN) {
				first = r
			}
		}
	}
	return first
}

// askedForTooLittle finds a read that said that less has to be there than the log of its page's group has below its read point, and that was
// answered by a segment that lacked it.
func (s *story) askedForTooLittle() string {
	if s.bad == 0 && s.finding.Check != faults.Tree && s.finding.Check != faults.Pages {
		return ""
	}
	groups := map[node.PageID]node.Group{}
	lines := slices.Sorted(maps.Keys(s.claims.lines))
	for _, e := range lines {
		for _, r := range s.claims.lines[e] {
			groups[r.Page] = r.Group
		}
	}
	for n := uint64(1); n <= s.end() && (s.bad == 0 || n <= s.bad); n++ {
		f := &s.facts[n]
		if f.kind != sim.EventMessage || f.control == nil || !f.control.reads {
			continue
		}
		group, known := groups[f.page]
		var last *node.Record
		if known {
			last = s.lastOf(group, f.epoch, f.high)
		}
		if last == nil || last.LSN <= f.control.need || s.has(f.process, last, n) {
			continue
		}
		got := s.firstWhere(n, func(e *fact) bool {
			return e.kind == sim.EventMessage && e.process == f.from && e.from == f.process && e.what == "page-image" && e.page == f.page && e.high == f.high
		})
		if got == 0 {
			continue
		}
		s.first(n, got)
		s.about.pages[f.page], s.about.lsns[last.LSN] = true, true
		words := fmt.Sprintf("asked %s for page %d as of LSN %d, of whoever is complete up to LSN %d; the last record of its group below is %s, which %s had not told as stored, and it got the page", s.name(f.process), f.page, f.high,
			f.control.need, identity(last), s.name(f.process))
		s.causeOf(f.from, n, words)
		return fmt.Sprintf("%s %s at %s", s.name(f.from), words, at(s.fact(got).at))
	}
	return ""
}

// lastOf returns the last record of a group that the line of an epoch has at or below an LSN; nil for none.
func (s *story) lastOf(group node.Group, epoch node.Epoch, upTo node.LSN) (last *node.Record) {
	for _, r := range s.claims.lines[epoch] {
		if r.Group == group && r.LSN <= upTo {
			last = r
		}
	}
	return last
}

// has tells whether a segment had told a record as stored, or images as of it, before an event.
func (s *story) has(segment node.ID, r *node.Record, before uint64) bool {
	if step := s.claims.stored[segment][recordID{r.LSN, r.Epoch}]; step != 0 && step <= before {
		return true
	}
	return slices.ContainsFunc(s.claims.filled[segment], func(f filled) bool { return f.upTo >= r.LSN && f.step <= before })
}

// setters has the events be in the chain that set what was expected and what was found of a row.
func (s *story) setters() {
	if len(s.finding.Keys) == 0 {
		return
	}
	for _, side := range []string{s.finding.Expected, s.finding.Found} {
		if side == "" {
			continue
		}
		n := s.lastWhere(cmp.Or(s.bad, s.end()), func(f *fact) bool {
			if f.kind != sim.EventTrace || f.control == nil || f.control.value == nil || !slices.ContainsFunc(f.keys, func(k string) bool { return slices.Contains(s.finding.Keys, k) }) {
				return false
			}
			if v := f.control.value; v.Exists {
				return v.Bytes != "" && strings.Contains(side, v.Bytes)
			}
			return side == "nothing" || side == "none"
		})
		if n != 0 {
			s.first(n)
		}
	}
}
