package why

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A flow is what one node sends of one type, or does to one file.
type flow struct {
	id   node.ID
	what string
}

// An amount is of a flow at an event.
type amount struct {
	flow
	event uint64
	by    int
}

// ofLoad explains an amount that is outside of its envelope: which type of message, or which file, of which node makes most of it, since when
// it is too much, and what it does over and over.
func (s *story) ofLoad() {
	f := s.finding
	all := s.amounts()
	if len(all) == 0 {
		return
	}
	first, last, count := map[flow]uint64{}, map[flow]uint64{}, map[flow]int{}
	total := 0
	_, bound, _ := strings.Cut(f.Expected, " to ")
	most := int(number(bound))
	for _, a := range all {
		if first[a.flow] == 0 {
			first[a.flow] = a.event
		}
		last[a.flow] = a.event
		count[a.flow] += a.by
		if total += a.by; total > most && total-a.by <= most {
			s.bad = a.event
		}
	}
	var flows []flow
	kinds := map[string]int{} // amounts by the kind of the node and what it does
	nodes := map[string]int{}
	for x := range count {
		flows = append(flows, x)
		kinds[s.kind(x.id)+" "+x.what] += count[x]
		nodes[s.kind(x.id)+" "+x.what]++
	}
	slices.SortFunc(flows, func(a, b flow) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.id, b.id), cmp.Compare(a.what, b.what))
	})
	unit := "of them"
	if s.carries() {
		unit = "records in them"
	}
	top := flows[0]
	for i, x := range flows[:min(len(flows), 3)] {
		words := fmt.Sprintf("began with %s: %d %s in the run, %d %% of all", x.what, count[x], unit, 100*count[x]/total)
		if i == 0 {
			if p := s.pattern(x); p != "" {
				words += "; " + p
			}
		}
		s.causeOf(x.id, first[x], words)
	}
	who := fmt.Sprintf("%s makes most of what is too much: %s, %d %s since %s, %d %% of all", s.name(top.id), top.what, count[top], unit, at(s.fact(first[top]).at), 100*count[top]/total)
	if k := s.kind(top.id) + " " + top.what; 100*count[top] < 30*total && nodes[k] > 2 {
		who = fmt.Sprintf("%d nodes of the kind %s make what is too much: %s, %d of %d, %s alone %d", nodes[k], s.kind(top.id), top.what, kinds[k], total, s.name(top.id), count[top])
	}
	if p := s.pattern(top); p != "" {
		who += "; " + p
	}
	if s.fact(s.bad) == nil || total != int(number(f.Found)) {
		s.bad = 0 // what the check counts is not what is counted here
	} else {
		b := s.fact(s.bad)
		who += fmt.Sprintf("; at %s it was more than the bound allows", at(b.at))
		s.about.nodes[top.id] = true
	}
	s.headline = sentence(fmt.Sprintf("%s (%s: expected %s, found %s)", who, f.Subject, f.Expected, f.Found))
}

// amounts lists what the finding counts, by event.
func (s *story) amounts() (all []amount) {
	if s.finding.Check == faults.Writes {
		for id, ops := range s.disks {
			for _, o := range ops {
				what := "appends to " + o.File
				switch {
				case o.Sync:
					what = "syncs"
				case o.Replace:
					what = "replaces of " + o.File
				}
				if o.Cause != 0 && s.counts(what) {
					all = append(all, amount{flow{id, what}, o.Cause, 1})
				}
			}
		}
		slices.SortStableFunc(all, func(a, b amount) int { return cmp.Or(cmp.Compare(a.event, b.event), cmp.Compare(a.id, b.id)) })
		return all
	}
	for n := uint64(1); n <= s.end(); n++ {
		f := &s.facts[n]
		if s.amount() == "readers given up" {
			if f.kind == sim.EventTrace && f.action == node.ActGiveUp {
				all = append(all, amount{flow{f.process, "giving up " + s.name(f.from)}, n, 1})
			}
			continue
		}
		if f.kind != sim.EventMessage && f.kind != sim.EventLost || f.what == "" {
			continue
		}
		by := 1
		if s.carries() {
			if by = f.carried; f.kind == sim.EventLost {
				by = 0 // it came to no copy
			}
		}
		if by > 0 {
			all = append(all, amount{flow{f.from, f.what}, n, by})
		}
	}
	return all
}

// pattern says what a flow does over and over: the same message to the same node without progress, the same file with as many bytes, syncs of
// nothing. It is empty where nothing is done three times over.
func (s *story) pattern(x flow) string {
	if s.finding.Check == faults.Writes {
		return s.writesAgain(x)
	}
	type message struct {
		to        node.ID
		low, high node.LSN
		epoch     node.Epoch
		page      node.PageID
		key       string
	}
	type run struct {
		times       int
		first, last uint64
	}
	runs := map[message]*run{}
	var top message
	for n := uint64(1); n <= s.end(); n++ {
		f := &s.facts[n]
		if f.kind != sim.EventMessage && f.kind != sim.EventLost || f.from != x.id || f.what != x.what {
			continue
		}
		m := message{to: f.process, low: f.low, high: f.high, epoch: f.epoch, page: f.page}
		if len(f.keys) > 0 {
			m.key = f.keys[0]
		}
		r := runs[m]
		if r == nil {
			r = &run{first: n}
			runs[m] = r
		}
		r.times++
		r.last = n
		if runs[top] == nil || r.times > runs[top].times {
			top = m
		}
	}
	r := runs[top]
	if r == nil || r.times < 3 {
		return ""
	}
	every := time.Duration(s.fact(r.last).at-s.fact(r.first).at) / time.Duration(r.times-1)
	s.must(r.first, r.last)
	return fmt.Sprintf("it sent the same %s to %s %s, every %v on average, from %s to %s", s.plain(r.first), s.name(top.to), times(r.times), every.Round(time.Microsecond), at(s.fact(r.first).at), at(s.fact(r.last).at))
}

// writesAgain is pattern of a node's disk.
func (s *story) writesAgain(x flow) string {
	var ops []*operation
	empty, appended := 0, true
	var again uint64
	for _, o := range s.disks[x.id] {
		switch {
		case !o.Sync && !o.Replace:
			appended = true
		case o.Sync:
			if !appended {
				empty++
				if again == 0 {
					again = o.Cause
				}
			}
			appended = false
		}
		if o.Replace && "replaces of "+o.File == x.what {
			ops = append(ops, o)
		}
	}
	switch {
	case x.what == "syncs" && empty > 2:
		s.must(again)
		return fmt.Sprintf("%d of these syncs of %s cover nothing: it had appended nothing since the sync before, for the first time at %s, in the step that began when it %s", empty, s.name(x.id), at(s.fact(again).at), s.did(again))
	case len(ops) > 2:
		every := time.Duration(ops[len(ops)-1].at-ops[0].at) / time.Duration(len(ops)-1)
		return fmt.Sprintf("it put the file anew every %v on average, the first time with %d bytes, and the last with %d", every.Round(time.Microsecond), ops[0].Bytes, ops[len(ops)-1].Bytes)
	}
	return ""
}

// did says by which event a step began, in few words.
func (s *story) did(n uint64) string {
	switch f := s.fact(n); f.kind {
	case sim.EventMessage:
		return "got " + s.plain(n) + " from " + s.name(f.from)
	case sim.EventTimer:
		return "had a timer fire"
	case sim.EventDisk:
		return "was told by its disk that an operation is done"
	case sim.EventStart:
		return "started"
	}
	return "was asked something"
}

// ofUpkeep explains disks that are looked at too seldom, or that are found rotten too often: which nodes looked last when, and which found
// what its disk was struck by.
func (s *story) ofUpkeep() {
	f := s.finding
	looks, last := map[node.ID]int{}, map[node.ID]uint64{}
	for n := uint64(1); n <= s.end(); n++ {
		if e := s.fact(n); e.looked {
			looks[e.process]++
			last[e.process] = n
		}
	}
	if strings.HasPrefix(f.Subject, "looks that found") {
		s.rotten(looks, last)
		return
	}
	var ids []node.ID
	for _, id := range s.over.processes {
		if s.over.running[id] && s.over.states[id].Role == "segment" {
			ids = append(ids, id)
		}
	}
	slices.SortStableFunc(ids, func(a, b node.ID) int { return cmp.Compare(last[a], last[b]) })
	stopped := 0
	for _, id := range ids {
		n := last[id]
		if n != 0 && s.fact(n).at > s.over.now.Add(-recent/4) {
			continue
		}
		if stopped++; stopped > 3 {
			continue
		}
		s.about.nodes[id] = true
		if n == 0 {
			if start := s.latest(sim.EventStart, id, s.end()); start != 0 {
				s.causeOf(id, start, "started, and has never looked at its disk")
			}
			continue
		}
		s.cause(n, fmt.Sprintf("looked at its disk for the last time, after %s, and not in the %v since", times(looks[id]), sinceWhen(s.fact(n).at, s.over.now).Round(time.Millisecond)))
	}
	if len(s.causes) > 0 {
		s.headline = sentence(fmt.Sprintf("%d of %d segments look at their disks no more: %s (%s: expected %s, found %s)", stopped, len(ids), s.causes[0].clause(), f.Subject, f.Expected, f.Found))
	}
}

// rotten names who found its disk rotten, how often, and what had struck that.
func (s *story) rotten(looks map[node.ID]int, last map[node.ID]uint64) {
	f := s.finding
	type finder struct {
		id    node.ID
		found uint64
	}
	var finders []finder
	for _, id := range s.over.processes {
		for _, c := range s.over.states[id].Counters {
			if c.Name == "rotten" && c.Value > 0 {
				finders = append(finders, finder{id, c.Value})
			}
		}
	}
	slices.SortStableFunc(finders, func(a, b finder) int { return cmp.Compare(b.found, a.found) })
	if len(finders) == 0 {
		s.failedDisks()
	}
	for i, x := range finders[:min(len(finders), 3)] {
		s.about.nodes[x.id] = true
		struck := s.lastWhere(s.end(), func(e *fact) bool {
			return e.kind == sim.EventDisk && e.process == x.id && (e.reason != 0 || len(e.lost) > 0) || e.kind == sim.EventAction && s.about.names(e.what) && strings.HasPrefix(e.what, "disk")
		})
		words := fmt.Sprintf("found its disk rotten %s", times(int(x.found)))
		by := ""
		if n := s.struck(x.id, 1, s.end()); n != 0 {
			struck = n
			by = fmt.Sprintf("; its disk was struck at %s (%s)", at(s.fact(n).at), s.fact(n).what)
			s.cause(n, strike(s.fact(n).what))
		} else if struck != 0 && s.fact(struck).kind == sim.EventDisk {
			by = fmt.Sprintf("; no bit of it was flipped: at %s an operation of its disk failed, and what that was to write is what it finds", at(s.fact(struck).at))
			s.cause(struck, "was told by its disk that an operation failed")
		} else {
			by = "; no bit of it was flipped by the plan"
		}
		if o := s.lastReplace(x.id); o != nil {
			s.causeOf(x.id, o.Cause, fmt.Sprintf("put its file %s anew, with %d bytes, for the last time", o.File, o.Bytes))
		}
		if n := last[x.id]; n != 0 {
			s.cause(n, fmt.Sprintf("looked at its disk for the last time, after %s; %s in its last life", times(looks[x.id]), words))
		}
		if i == 0 {
			s.headline = sentence(fmt.Sprintf("%s %s%s (%s: expected %s, found %s)", s.name(x.id), words, by, f.Subject, f.Expected, f.Found))
		}
	}
}

// failedDisks names the disks that told that an operation failed, and what their nodes told in that same step.
func (s *story) failedDisks() {
	f := s.finding
	seen := map[node.ID]bool{}
	for n := uint64(1); n <= s.end() && len(seen) < 3; n++ {
		e := s.fact(n)
		if e.kind != sim.EventDisk || e.reason == 0 || seen[e.process] {
			continue
		}
		seen[e.process] = true
		s.about.nodes[e.process] = true
		s.cause(n, "was told by its disk that an operation failed, for the first time")
		if len(seen) == 1 {
			s.headline = sentence(fmt.Sprintf("At %s %s was told by its disk that an operation failed; no bit of a disk was flipped (%s: expected %s, found %s)", at(e.at), s.name(e.process), f.Subject, f.Expected, f.Found))
		}
	}
	s.storedAfterFailure()
}

// carries tells whether the amount is of records in messages.
func (s *story) carries() bool { return s.amount() == "records in messages" }

// amount is what the finding counts.
func (s *story) amount() string {
	subject := s.finding.Subject
	for _, what := range []string{"records in messages", "bytes of messages", "messages", "appends", "syncs", "files replaced", "readers given up"} {
		if strings.HasPrefix(subject, what) {
			return what
		}
	}
	return ""
}

// counts tells whether an operation of a disk is of the amount that the finding counts.
func (s *story) counts(what string) bool {
	switch s.amount() {
	case "appends":
		return strings.HasPrefix(what, "appends")
	case "syncs":
		return what == "syncs"
	case "files replaced":
		return strings.HasPrefix(what, "replaces")
	}
	return true
}

// misplaced explains a message that its sender must not send: the first of its type.
func (s *story) misplaced() {
	f := s.finding
	if len(f.Nodes) == 0 {
		return
	}
	id, known := s.world.Named(f.Nodes[0])
	n := s.firstWhere(1, func(e *fact) bool {
		return (e.kind == sim.EventMessage || e.kind == sim.EventLost) && e.from == id && e.what == f.Found
	})
	if !known || n == 0 {
		return
	}
	e := s.fact(n)
	s.bad = n
	s.badWords = fmt.Sprintf("got %s from %s, which must send none", s.plain(n), s.name(id))
	s.must(e.cause)
	s.headline = sentence(fmt.Sprintf("At %s %s sent %s a %s, in the step that began when it %s; a writer must send %s", at(s.fact(max(e.cause, 1)).at), s.name(id), s.name(e.process), s.plain(n), s.did(max(e.cause, 1)),
		strings.TrimSuffix(f.Expected, " from "+f.Nodes[0])))
	s.causeOf(id, max(e.cause, 1), fmt.Sprintf("%s, and sent a %s", s.did(max(e.cause, 1)), s.plain(n)))
}
