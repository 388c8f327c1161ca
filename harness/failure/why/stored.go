package why

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
)

// ofStored explains a backup that does not give back what was written: which object is not what the log makes of it, who put it and
// when, and how far its writer had said that the log is durable; or who should have put the one that is not there.
func (s *story) ofStored() {
	f := s.finding
	s.headline = sentence(f.Sentence())
	for i := range f.Differences {
		d := &f.Differences[i]
		if d.Object == "" || len(d.Copies) == 0 {
			continue
		}
		s.about.keys[d.Object] = true
		if put := s.putOf(d.Object); put != 0 {
			s.wrongObject(d, put)
		} else {
			s.noObject(d)
		}
		return
	}
	for _, name := range f.Nodes {
		id, known := s.world.Named(name)
		if !known {
			continue
		}
		// What is kept is as it must be: it is this one that would have put something else.
		if s.behindItsImages(id) {
			return
		}
		if n := s.lastWhere(s.end(), func(e *fact) bool {
			return e.kind == sim.EventMessage && e.process == id && e.what == "object-read" && !e.not
		}); n != 0 {
			s.cause(n, fmt.Sprintf("was told for the last time that an object which it would put is there, %s, and compared it with its own; of what it compared, not all was the same", s.objectOf(n)))
		}
		s.lastImages(id)
	}
}

// behindItsImages finds that a node compared a log object, the beginning of which its log had no more: its page images stand for that.
func (s *story) behindItsImages(id node.ID) bool {
	for n := s.end(); n > 0; n-- {
		e := s.fact(n)
		if e.kind != sim.EventMessage || e.process != id || e.what != "object-read" || e.not || len(e.keys) == 0 {
			continue
		}
		_, from, through, is := backup.LogSpan(e.keys[0])
		images := s.lastWhere(n, func(x *fact) bool {
			return x.kind == sim.EventTrace && x.process == id && (x.action == node.ActFill || x.action == node.ActHolds)
		})
		if !is || images == 0 || s.fact(images).high < from || s.fact(images).high > through {
			continue
		}
		x := s.fact(images)
		s.bad = n
		s.badWords = fmt.Sprintf("was told that %s is there, and held it against what its own log had of it: nothing up to LSN %d", judge.ObjectWords(e.keys[0]), x.high)
		s.cause(images, fmt.Sprintf("had page images as of LSN %d, which stand for all of its log up to there", x.high))
		s.headline = sentence(fmt.Sprintf("At %s %s compared %s with what it would put itself; since %s its page images stand for its log up to LSN %d, so that it has not all of those records", at(e.at), s.name(id),
			judge.ObjectWords(e.keys[0]), at(x.at), x.high))
		return true
	}
	return false
}

// putOf returns the first delivery of an object to whoever keeps it, 0 for none.
func (s *story) putOf(name string) uint64 {
	return s.firstWhere(1, func(e *fact) bool {
		return e.kind == sim.EventMessage && e.what == "put-object" && slices.Contains(e.keys, name)
	})
}

func (s *story) objectOf(n uint64) string { return judge.ObjectWords(s.fact(n).keys[0]) }

// told returns the last word that a node had of how far the log is durable when it took a step, 0 for none.
func (s *story) told(id node.ID, step uint64) uint64 {
	return s.lastWhere(step, func(e *fact) bool { return e.kind == sim.EventMessage && e.process == id && e.durable })
}

// wrongObject explains an object that somebody put and that is not what it must be.
func (s *story) wrongObject(d *judge.Difference, put uint64) {
	p := s.fact(put)
	step := max(p.cause, 1)
	s.bad = put
	holds := heldBy(d)
	s.badWords = fmt.Sprintf("took from %s %s to keep, which %s", s.name(p.from), judge.ObjectWords(d.Object), holds)
	said := fmt.Sprintf("At %s %s put to the store %s, which %s", at(s.fact(step).at), s.name(p.from), judge.ObjectWords(d.Object), holds)
	words := fmt.Sprintf("put %s: it %s", judge.ObjectWords(d.Object), holds)
	s.causeOf(p.from, step, words)
	if told := s.told(p.from, step); told != 0 {
		t := s.fact(told)
		words := fmt.Sprintf("had been told last, before that, that the log is durable up to LSN %d", t.vdl)
		if t.vdl < d.LSN {
			said += fmt.Sprintf("; it had been told that the log is durable up to LSN %d only", t.vdl)
		}
		s.causeOf(p.from, told, words)
	}
	cut := s.firstWhere(put, func(e *fact) bool { return e.kind == sim.EventTrace && e.action == node.ActDecide && e.high < d.LSN })
	if cut != 0 && strings.Contains(holds, "has cut it off") {
		s.cause(cut, fmt.Sprintf("cut the log behind LSN %d, after that was put", s.fact(cut).high))
		said += fmt.Sprintf("; %s cut the log behind LSN %d at %s", s.name(s.fact(cut).process), s.fact(cut).high, at(s.fact(cut).at))
	}
	if stored := s.lastWhere(step, func(e *fact) bool {
		return e.kind == sim.EventTrace && e.process == p.from && e.action == node.ActStore && e.has(d.LSN)
	}); stored != 0 {
		s.must(stored)
	}
	s.about.lsns[d.LSN] = true
	s.lastImages(p.from)
	s.must(step)
	s.headline = sentence(said)
}

// heldBy says what an object has and what it must have.
func heldBy(d *judge.Difference) string {
	has := strings.TrimSuffix(d.Copies[0].Holds, ".")
	if len(d.Copies) > 1 {
		what := ""
		if d.Byte >= 0 {
			what = fmt.Sprintf(" page %d, from byte %d on:", d.Page, d.Byte)
			has = strings.TrimPrefix(has, "has ")
			return fmt.Sprintf("has as of LSN %d another%s %s, and the log makes %s", d.LSN, what, has, strings.TrimPrefix(d.Copies[1].Holds, "has "))
		}
		has += ", and the log " + d.Copies[1].Holds
	}
	return has
}

// lastImages adds the last images that a node took from a peer, of which it makes what it puts.
func (s *story) lastImages(id node.ID) {
	if n := s.lastWhere(s.end(), func(e *fact) bool { return e.process == id && e.action == node.ActFill }); n != 0 {
		s.cause(n, fmt.Sprintf("took page images as of LSN %d from %s, the last time", s.fact(n).high, s.name(s.fact(n).from)))
	}
}

// noObject explains an object that is not there: who asked for it, was told that it is not there, and went on behind it without having put
// it; or who asked for it last.
func (s *story) noObject(d *judge.Difference) {
	what := judge.ObjectWords(d.Object)
	said := fmt.Sprintf("No segment ever put to the store %s", what)
	type asker struct {
		id          node.ID
		first, last uint64 // answers that it is not there
		times       int
		next        uint64 // the request for another object behind it
	}
	var askers []*asker
	of := func(id node.ID) *asker {
		for _, a := range askers {
			if a.id == id {
				return a
			}
		}
		a := &asker{id: id}
		askers = append(askers, a)
		return a
	}
	for n := uint64(1); n <= s.end(); n++ {
		e := &s.facts[n]
		if e.kind != sim.EventMessage || len(e.keys) == 0 {
			continue
		}
		switch {
		case e.what == "object-read" && e.not && e.keys[0] == d.Object:
			a := of(e.process)
			if a.first == 0 {
				a.first = n
			}
			a.last = n
			a.times++
			a.next = 0
		case e.what == "get-object" && e.keys[0] > d.Object && sameKind(e.keys[0], d.Object):
			if a := of(e.from); a.last != 0 && a.next == 0 && e.cause != 0 {
				a.next = n
			}
		}
	}
	for _, a := range askers {
		if a.last != 0 && a.next != 0 {
			s.bad = a.next
			s.badWords = fmt.Sprintf("was asked by %s for %s: it had gone on behind the object that it had not put", s.name(a.id), s.objectOf(a.next))
			s.cause(a.last, fmt.Sprintf("was told that there is no such object, %s, for the %s time, and did not put it", what, ordinal(uint32(a.times))))
			s.dropped(d, a.next)
			for _, o := range slices.Backward(s.disks[a.id]) {
				if o.Replace && o.Cause > a.last && o.Cause < a.next {
					s.causeOf(a.id, o.Cause, fmt.Sprintf("put its file %s anew, which stands for log that the store has not", o.File))
					break
				}
			}
			s.causeOf(a.id, max(s.fact(a.next).cause, 1), fmt.Sprintf("went on all the same, and asked for %s", s.objectOf(a.next)))
			said += fmt.Sprintf(": at %s %s was told that it is not there, put nothing, and at %s asked for %s as if it were", at(s.fact(a.last).at), s.name(a.id), at(s.fact(a.next).at), s.objectOf(a.next))
			s.headline = sentence(said)
			return
		}
	}
	asked := 0
	for _, a := range askers {
		if a.last == 0 {
			continue
		}
		asked++
		if asked <= fewClaims {
			s.cause(a.last, fmt.Sprintf("was told for the last time, after %s, that there is no such object, %s; it put none, and has not asked for it in the %v since", times(a.times), what, sinceWhen(s.fact(a.last).at, s.over.now)))
		}
	}
	if asked > 0 {
		a := askers[0]
		said += fmt.Sprintf(": %d of them asked whether it is there; %s asked last at %s, %v before the end, and was told that it is not", asked, s.name(a.id), at(s.fact(a.last).at), sinceWhen(s.fact(a.last).at, s.over.now))
		s.headline = sentence(said)
		return
	}
	said += ", and none asked whether it is there"
	// Who puts others of its kind, and how far.
	last := map[node.ID]uint64{}
	for n := uint64(1); n <= s.end(); n++ {
		if e := &s.facts[n]; e.kind == sim.EventMessage && len(e.keys) > 0 && (e.what == "put-object" || e.what == "get-object") && sameKind(e.keys[0], d.Object) {
			last[e.from] = n
		}
	}
	var ids []node.ID
	for id := range last {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids[:min(len(ids), fewClaims)] {
		s.causeOf(id, last[id], fmt.Sprintf("asked for, or put, an object of that kind for the last time: %s", s.objectOf(last[id])))
	}
	s.dropped(d, s.end())
	if len(s.causes) > 0 {
		said += "; " + s.causes[0].clause()
	}
	s.headline = sentence(said)
}

// dropped adds, before an event, when a writer let segments drop what an object should hold that is in no store.
func (s *story) dropped(d *judge.Difference, before uint64) {
	if n := s.firstWhere(1, func(e *fact) bool { return e.kind == sim.EventTrace && e.action == node.ActCollect && e.high > d.LSN }); d.LSN != 0 && n != 0 && n < before {
		s.cause(n, fmt.Sprintf("let segments drop what lies below LSN %d, and %s was in no store", s.fact(n).high, judge.ObjectWords(d.Object)))
	}
}

// sameKind tells whether two objects are of one group and one kind: their names differ behind the last slash but one.
func sameKind(a, b string) bool {
	part := func(s string) string {
		fields := strings.SplitN(s, "/", 3)
		return strings.Join(fields[:min(len(fields), 2)], "/")
	}
	return part(a) == part(b)
}
