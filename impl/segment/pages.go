package segment

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// versions is what a segment has of one page: the records that change it, from the base page on, and the page as
// of the newest read, to go on from.
type versions struct {
	lsns   []node.LSN // ascending
	latest *page.Page // nil when nothing was read yet
}

func (s *Segment) version(p node.PageID) *versions {
	v := s.pages[p]
	if v == nil {
		v = &versions{}
		s.pages[p] = v
	}
	return v
}

func (v *versions) add(l node.LSN) {
	i, found := slices.BinarySearch(v.lsns, l)
	if found {
		return
	}
	v.lsns = slices.Insert(v.lsns, i, l)
	if v.latest != nil && v.latest.LSN > l {
		v.latest = nil // a gap was filled below what was read: cannot be, for reads stay at or below the SCL
	}
}

// keep forgets records that at no longer has, and a page that reflects one of them.
func (v *versions) keep(at func(node.LSN) *node.Record) {
	v.lsns = slices.DeleteFunc(v.lsns, func(l node.LSN) bool { return at(l) == nil })
	if v.latest == nil {
		return
	}
	if _, found := slices.BinarySearch(v.lsns, v.latest.LSN); !found {
		v.latest = nil
	}
}

// errBehind says that the segment is not complete up to a read point.
var errBehind = errors.New("not complete up to the read point")

// PageAt returns the image of page p as of readPoint, materialised from the base page and the records up to there
// (SIGMOD 2017 §3.2: the log is the database). It fails when the segment is damaged or a record does not continue the page.
func (s *Segment) PageAt(p node.PageID, readPoint node.LSN) ([]byte, error) {
	if s.Damaged() {
		return nil, fmt.Errorf("segment %d: page %d: damaged", s.id, p)
	}
	v := s.version(p)
	pg := v.latest
	keep := true
	if pg == nil || pg.LSN > readPoint {
		keep = pg == nil
		pg = &page.Page{ID: p}
	}
	first, found := slices.BinarySearch(v.lsns, pg.LSN)
	if found {
		first++
	}
	for _, l := range v.lsns[first:] {
		if l > readPoint {
			break
		}
		if l > s.scl {
			return nil, fmt.Errorf("segment %d: page %d at %d: %w", s.id, p, readPoint, errBehind)
		}
		if err := pg.Apply(s.at(l)); err != nil {
			return nil, fmt.Errorf("segment %d: %w", s.id, err)
		}
	}
	if keep {
		v.latest = pg
	}
	return pg.Encode(), nil
}

func (s *Segment) readPage(from node.ID, m *node.ReadPage, out *node.Effects) {
	if s.durable.line() != m.Epoch {
		out.Send(from, &node.NotJoined{Epoch: m.Epoch, Line: s.durable.line()})
		return
	}
	if s.scl >= m.Need {
		if image, err := s.PageAt(m.Page, m.ReadPoint); err == nil {
			out.Send(from, &node.PageImage{Epoch: m.Epoch, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: image})
			return
		} else if !errors.Is(err, errBehind) {
			// The records do not make a page: worse than being behind, and never to be served.
			out.Send(from, &node.Damaged{Epoch: m.Epoch})
			return
		}
	}
	out.Send(from, &node.Behind{Epoch: m.Epoch, Page: m.Page, Attempt: m.Attempt, SCL: s.scl})
}
