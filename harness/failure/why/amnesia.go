package why

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// What a restarted node has forgotten, in the words of the model.
var (
	withoutRecord = regexp.MustCompile(`restarts (?:without|with another) record (\d+)`)
	otherPromise  = regexp.MustCompile(`restarts with promise (\d+)`)
	otherLine     = regexp.MustCompile(`restarts on line (\d+)`)
	wasPromise    = regexp.MustCompile(`^(?:promise|line) (\d+)`)
)

// A forgotten is what a node told as durable and does not have after a start.
type forgotten struct {
	node node.ID
	what string           // "record 83"
	told func(*fact) bool // that it is durable
	took func(*fact) bool // the messages that brought it
}

// forgot tells what the finding says that a restarted node has forgotten; false where it is about something else.
func (s *story) forgot() (x forgotten, is bool) {
	if s.bad == 0 || s.fact(s.bad).action != node.ActHolds {
		return x, false
	}
	x.node = s.fact(s.bad).process
	f := s.finding
	if m := withoutRecord.FindStringSubmatch(f.Subject); m != nil {
		l := node.LSN(number(m[1]))
		s.about.lsns[l] = true
		x.what = "record " + m[1]
		x.told = func(e *fact) bool { return (e.action == node.ActStore) && e.has(l) }
		x.took = func(e *fact) bool {
			return e.kind == sim.EventMessage && e.has(l) && bringsRecords(e.what)
		}
		return x, true
	}
	held := wasPromise.FindStringSubmatch(f.Expected)
	if held == nil {
		return x, false
	}
	e := node.Epoch(number(held[1]))
	s.about.epochs[e] = true
	switch {
	case otherPromise.MatchString(f.Subject):
		x.what = fmt.Sprintf("its promise of epoch %d", e)
		x.told = func(f *fact) bool { return f.action == node.ActFence && f.epoch == e }
		x.took = func(f *fact) bool { return f.kind == sim.EventMessage && f.what == "fence" && f.epoch == e }
	case otherLine.MatchString(f.Subject):
		x.what = fmt.Sprintf("that it had joined epoch %d", e)
		x.told = func(f *fact) bool { return f.action == node.ActJoin && f.epoch == e }
		x.took = func(f *fact) bool { return f.kind == sim.EventMessage && f.what == "join" && f.epoch == e }
	default:
		return x, false
	}
	return x, true
}

// amnesia finds what became of the write by which a restarted node should have what it told as durable, and makes the causes and the
// headline of that.
func (s *story) amnesia(x forgotten) {
	name := s.name(x.node)
	start := s.latest(sim.EventStart, x.node, s.bad)
	crash := s.latest(sim.EventCrash, x.node, start)
	told := s.lastWhere(crash, func(f *fact) bool { return f.kind == sim.EventTrace && f.process == x.node && x.told(f) })
	took := s.lastWhere(max(told, 1), func(f *fact) bool { return f.process == x.node && x.took(f) })
	var writes []*operation // of the step in which it was taken, and of that in which it was told
	if took != 0 {
		writes = s.begunIn(x.node, took)
	}
	s.must(took, told, crash)
	lost, lostBy := s.lostWrite(x.node, took, start, writes)
	now := fmt.Sprintf("%s started again at %s without %s", name, at(s.fact(s.bad).at), x.what)
	early := told != 0 && s.early(told, writes)
	said := "let others count on it"
	if told != 0 {
		said = fmt.Sprintf("said at %s that %s is on its disk", at(s.fact(told).at), theirs(x.what))
	}
	tell := func() {
		if told != 0 {
			s.cause(told, fmt.Sprintf("said that %s is on its disk", theirs(x.what)))
		}
	}
	switch by := s.struck(x.node, took, start); {
	case lost != nil && lost.Told():
		s.cause(lost.Cause, fmt.Sprintf("began to write %s: %s of %s", theirs(x.what), bytesAt(lost), lost.File))
		tell()
		s.cause(lostBy, fmt.Sprintf("lost that write: %v", lost.Why))
		s.headline = fmt.Sprintf("The disk of %s said that %s was on it, and it was not (%v): %s.", name, theirs(x.what), lost.Why, now)
	case lost != nil:
		s.cause(lost.Cause, fmt.Sprintf("began to write %s: %s of %s", theirs(x.what), bytesAt(lost), lost.File))
		tell()
		s.cause(crash, fmt.Sprintf("crashed (%s) and lost that write (%v), %v after it was begun", s.fact(crash).what, lost.Why, sinceWhen(s.fact(lost.Cause).at, s.fact(crash).at)))
		s.headline = fmt.Sprintf("%s %s while its write to %s was not done; the crash at %s lost that write, and it started again without.", name, said, lost.File, at(s.fact(crash).at))
	case by != 0:
		tell()
		s.cause(by, strike(s.fact(by).what))
		s.headline = fmt.Sprintf("%s, which it had told as stored: its disk was struck at %s (%s), and what it says that it holds names neither the record nor that it lost one.", now, at(s.fact(by).at), s.fact(by).what)
	case took != 0 && len(writes) == 0 && !s.wroteSince(x.node, took, told):
		s.cause(took, "got it, and began no write of it to its disk")
		tell()
		s.headline = fmt.Sprintf("%s %s, and had begun no write of it; after the crash at %s it started again without.", name, said, at(s.fact(crash).at))
	case early:
		tell()
		s.headline = fmt.Sprintf("%s %s before a write of it was done, and started again at %s without it.", name, said, at(s.fact(s.bad).at))
	default:
		// Nothing of it was lost: it was overwritten, dropped, or is not read.
		tell()
		for _, o := range s.replaced(x.node, told, start) {
			s.cause(o.Cause, fmt.Sprintf("began to put another content of %d bytes in the place of its file %s", o.Bytes, o.File))
		}
		s.headline = fmt.Sprintf("%s. No crash lost a write of it: it was dropped from the disk, or is there and is not read.", now)
	}
	s.headline = sentence(s.headline)
	if crash != 0 && len(s.causes) > 0 && !slices.ContainsFunc(s.causes, func(l Link) bool { return l.Event == crash }) {
		s.cause(crash, crashOf(s.fact(crash)))
	}
}

// theirs turns a possessive around: "its promise" stays, a record is itself.
func theirs(what string) string { return strings.TrimPrefix(what, "that ") }

func crashOf(f *fact) string {
	if f.what == "" {
		return "crashed"
	}
	e := sim.Event{Kind: sim.EventCrash, Name: f.what, Lost: f.lost}
	return crashWords(&e)
}

func sinceWhen(from, to node.Time) time.Duration {
	return time.Duration(to - from).Round(time.Microsecond)
}

// begunIn lists the appends and replaces that a node began in a step.
func (t *tape) begunIn(id node.ID, step uint64) (all []*operation) {
	for _, o := range t.disks[id] {
		if o.Cause == step && !o.Sync {
			all = append(all, o)
		}
	}
	return all
}

// lostWrite returns what a crash, or a disk that lied, took of the writes that a step began, or else of those that were begun between
// that step and the next start, of the last crash that took anything.
func (t *tape) lostWrite(id node.ID, took, start uint64, writes []*operation) (*sim.LostWrite, uint64) {
	for n := took; n != 0 && n < start; n++ {
		f := &t.facts[n]
		if f.process != id || len(f.lost) == 0 {
			continue
		}
		for i := range f.lost {
			if l := &f.lost[i]; slices.ContainsFunc(writes, func(o *operation) bool { return o.Cause == l.Cause && o.File == l.File }) {
				return l, n
			}
		}
	}
	for n := start; n > took && n > 0; n-- {
		if f := &t.facts[n]; f.process == id && len(f.lost) > 0 {
			for i := range f.lost {
				if f.lost[i].Cause >= took {
					return &f.lost[i], n
				}
			}
		}
	}
	return nil, 0
}

// early tells whether a node told of something before one of its writes was done.
func (t *tape) early(told uint64, writes []*operation) bool {
	for _, o := range writes {
		if o.ended == 0 || o.ended > told {
			return true
		}
	}
	return t.facts[t.facts[told].cause].kind == sim.EventMessage
}

// wroteSince tells whether a node began a write between two events.
func (t *tape) wroteSince(id node.ID, from, to uint64) bool {
	return slices.ContainsFunc(t.disks[id], func(o *operation) bool { return !o.Sync && o.Cause >= from && o.Cause <= to })
}

// replaced lists the replaces that a node began between two events and that were done, the last one of each file.
func (t *tape) replaced(id node.ID, from, to uint64) []*operation {
	last := map[string]*operation{}
	for _, o := range t.disks[id] {
		if o.Replace && o.Cause > from && o.Cause < to && o.crashed == 0 {
			last[o.File] = o
		}
	}
	var all []*operation
	for _, o := range last {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *operation) int { return cmp.Or(cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.File, b.File)) })
	return all[:min(len(all), 2)]
}

// damaging are the faults by which a disk loses or changes what was durable on it.
var damaging = []faults.Kind{faults.DiskCorrupt, faults.DiskStale, faults.DiskEmptied, faults.DiskLost, faults.NodeLost, faults.DiskMisread}

// struck returns the last fault between two events that changed what was durable on a node's disk, 0 for none.
func (s *story) struck(id node.ID, from, to uint64) uint64 {
	return s.lastWhere(to, func(f *fact) bool {
		if f == s.fact(from) || f.at < s.fact(max(from, 1)).at {
			return false
		}
		is := func(what string) bool {
			return slices.ContainsFunc(damaging, func(k faults.Kind) bool { return strings.HasPrefix(what, string(k)) })
		}
		switch f.kind {
		case sim.EventAction:
			return is(f.what) && Names(f.what, s.name(id))
		case sim.EventCrash:
			return f.process == id && is(f.what)
		}
		return false
	})
}

// lostBefore adds the last crash of a node, up to an event, that took something from its disk, with the write that it took, and returns that as a
// clause.
func (s *story) lostBefore(id node.ID, end uint64) string {
	crash := s.lastWhere(end, func(f *fact) bool { return f.process == id && f.kind == sim.EventCrash && len(f.lost) > 0 })
	c := s.fact(crash)
	if c == nil {
		return ""
	}
	l := &c.lost[0]
	if l.Cause != 0 {
		s.cause(l.Cause, fmt.Sprintf("began to write %s of %s", bytesAt(l), l.File))
	}
	s.cause(crash, crashOf(c))
	return fmt.Sprintf("at %s %s %s", at(c.at), s.name(id), crashOf(c))
}
