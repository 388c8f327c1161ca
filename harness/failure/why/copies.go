package why

import (
	"fmt"
	"regexp"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// pageOf is a page in what a check says.
var pageOf = regexp.MustCompile(`page (\d+)`)

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

func issues(a node.Action) bool {
	return a == node.ActWrite || a == node.ActCommit || a == node.ActUndo || a == node.ActStructure
}

// pagesDiffer names what each of the two copies did last that can have made its page: it took images, it started again, its disk was
// struck.
func (s *story) pagesDiffer(ids []node.ID) {
	f := s.finding
	s.headline = sentence(f.Subject + ": expected " + f.Expected + ", found " + f.Found)
	page, named := node.PageID(0), false
	if m := pageOf.FindStringSubmatch(f.Subject); m != nil {
		page, named = node.PageID(number(m[1])), true
		s.about.pages[page] = true
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
	if !named {
		return
	}
	// The last record of the page that either had taken.
	s.bad = s.lastWhere(s.end(), func(e *fact) bool {
		if e.kind != sim.EventTrace || e.action != node.ActStore || !e.paged || e.page != page {
			return false
		}
		for _, id := range ids {
			if e.process == id {
				return true
			}
		}
		return false
	})
	if b := s.fact(s.bad); b != nil {
		s.about.add(b)
	}
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
