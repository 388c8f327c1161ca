package why

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// ofCopies explains two copies that differ, a backup that does not come back, or a tree that is not whole: by the last that was done to
// the page or the LSN.
func (s *story) ofCopies() {
	f := s.finding
	var ids []node.ID
	for _, name := range f.Nodes {
		if id, known := s.world.Named(name); known {
			ids = append(ids, id)
		}
	}
	switch {
	case f.Check == faults.Tree && len(f.LSNs) > 0:
		// The log itself is wrong at that LSN: who gave it is the bad step.
		s.bad = s.lastWhere(s.end(), func(e *fact) bool {
			return e.kind == sim.EventTrace && e.has(f.LSNs[0]) && issues(e.action)
		})
		if b := s.fact(s.bad); b != nil {
			s.about.add(b)
			s.headline = sentence(fmt.Sprintf("At %s %s logged what breaks the tree: %s", at(b.at), s.name(b.process), shorten(f.Sentence())))
			s.must(b.cause)
		}
	case f.Check == faults.Pages:
		s.pagesDiffer(ids)
	default:
		s.ofStored()
	}
}

// issues tells whether a writer gives a record its LSN by an action.
func issues(a node.Action) bool {
	return a == node.ActWrite || a == node.ActCommit || a == node.ActUndo || a == node.ActStructure
}

// pagesDiffer says which of the copies is wrong, by what the log makes of the page, and what that one did last that can have made it: it took
// images, it started again, it joined another history. Where the log tells nothing of it, it says so of both.
func (s *story) pagesDiffer(ids []node.ID) {
	f := s.finding
	s.headline = sentence(f.Subject + ": expected " + f.Expected + ", found " + f.Found)
	page, named := node.PageID(0), false
	if m := pageIn.FindStringSubmatch(f.Subject); m != nil {
		page, named = node.PageID(number(m[1])), true
		s.about.pages[page] = true
	}
	if len(f.Differences) > 0 {
		if wrong := s.wrongPage(&f.Differences[0]); wrong != 0 {
			ids = []node.ID{wrong}
		}
	}
	for _, id := range ids {
		for _, what := range []struct {
			is    func(*fact) bool
			words string
		}{
			{func(e *fact) bool { return e.action == node.ActFill }, "took page images from a peer, the last time"},
			{func(e *fact) bool { return e.kind == sim.EventStart && e.incarnation > 1 }, "started again, the last time, and made its pages of what its disk held"},
			{func(e *fact) bool { return e.action == node.ActJoin }, "joined another history, the last time, and dropped what was not on it"},
		} {
			if n := s.lastWhere(s.end(), func(e *fact) bool { return e.process == id && what.is(e) }); n != 0 {
				s.cause(n, what.words)
			}
		}
		if o := s.lastReplace(id); o != nil {
			s.causeOf(id, o.Cause, fmt.Sprintf("put its file %s anew, with %d bytes, the last time", o.File, o.Bytes))
		}
	}
	if !named || s.bad != 0 {
		return
	}
	// The last record of the page that either had taken.
	s.bad = s.lastWhere(s.end(), func(e *fact) bool {
		return e.kind == sim.EventTrace && e.action == node.ActStore && e.paged && e.page == page && slices.Contains(ids, e.process)
	})
	if b := s.fact(s.bad); b != nil {
		s.about.add(b)
	}
}

// wrongPage says which copy of a page is alone against the log, which record of the page it lacks, and where it has its page from. It
// returns 0 where no copy, or more than one, is as the log makes it.
func (s *story) wrongPage(d *judge.Difference) (wrong node.ID) {
	var bad, good *judge.Content
	for i := range d.Copies {
		switch c := &d.Copies[i]; {
		case c.Wrong && bad == nil:
			bad = c
		case !c.Wrong && good == nil:
			good = c
		}
	}
	if bad == nil || good == nil {
		return 0
	}
	s.allowed = nil
	id, known := s.world.Named(bad.Owner)
	if !known {
		return 0
	}
	said := fmt.Sprintf("%s has a wrong page %d as of LSN %d: from byte %d on it %s, and %s, as the log makes it, %s", bad.Owner, d.Page, d.LSN, d.Byte, firstPart(bad.Holds), good.Owner, firstPart(good.Holds))
	if d.Row != "" {
		said += fmt.Sprintf("; row %s is the first that differs", key(d.Row))
	}
	for i := range d.Copies {
		if c := &d.Copies[i]; !c.Wrong {
			s.allowed = append(s.allowed, shortenTo(c.Owner+" "+c.Holds, longestAllowed))
		}
	}
	// What it had of the page by then: images, and records after them.
	fill := s.lastWhere(s.end(), func(e *fact) bool {
		return e.process == id && e.action == node.ActFill && e.kind == sim.EventTrace
	})
	var lacks *node.Record
	for _, r := range s.recordsOfPage(d.Page) {
		if r.LSN > bad.LSN && r.LSN <= d.LSN {
			lacks = r
			break
		}
	}
	if lacks != nil {
		s.about.lsns[lacks.LSN] = true
		said += fmt.Sprintf("; its page is of LSN %d and lacks record %s", bad.LSN, identity(lacks))
		if stored := s.claims.stored[id][recordID{lacks.LSN, lacks.Epoch}]; stored != 0 {
			said += fmt.Sprintf(", which it said at %s is on its disk", at(s.fact(stored).at))
			s.causeOf(id, stored, fmt.Sprintf("said that record %s is on its disk, which its page %d lacks", identity(lacks), d.Page))
		}
	}
	if fill != 0 {
		s.bad = fill
		e := s.fact(fill)
		s.about.add(e)
		s.must(e.cause)
		s.badWords = fmt.Sprintf("took page images as of LSN %d from %s, and has since a page %d that is not as the log makes it", e.high, s.name(e.from), d.Page)
		said += fmt.Sprintf("; at %s it took page images as of LSN %d from %s", at(e.at), e.high, s.name(e.from))
	}
	s.headline = sentence(said)
	return id
}

// firstPart is what a copy holds at the byte that differs, without what follows.
func firstPart(holds string) string {
	first, _, _ := strings.Cut(holds, ",")
	return first
}

// recordsOfPage lists the records of a page on the log of the newest epoch, ascending.
func (s *story) recordsOfPage(p node.PageID) (all []*node.Record) {
	for _, r := range s.claims.lines[s.claims.newest()] {
		if r.Page == p && r.Kind != node.Commit {
			all = append(all, r)
		}
	}
	return all
}

func (s *story) lastReplace(id node.ID) *operation {
	var last *operation
	for _, o := range s.disks[id] {
		if o.Replace && o.crashed == 0 {
			last = o
		}
	}
	return last
}
