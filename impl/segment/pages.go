package segment

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// versions is what a segment has of one page: its image as of the floor, the records that change it from there on, each
// of which makes a version, and some of the versions that were read, to go on from.
type versions struct {
	base    imagedPage // the zero value for a page that nothing at or below the floor changed
	records []*node.Record
	latest  *page.Page   // as of the newest read, nil when nothing was read yet
	marks   []*page.Page // as of reads before it, ascending, with markEvery records from one to the next
	since   int          // records from the last mark, or the base, to latest
}

// markEvery bounds, together with the floor, what a read that is older than the newest one has to apply: a reader that lags
// reads behind another one that does not, and with a floor that lags as far each of its reads would begin at the floor.
const markEvery = 32

func (s *Segment) version(p node.PageID) *versions {
	v := s.pages[p]
	if v == nil {
		v = &versions{}
		s.pages[p] = v
		i, _ := slices.BinarySearch(s.order, p)
		s.order = slices.Insert(s.order, i, p)
	}
	return v
}

// find returns the place of the first record above l.
func (v *versions) find(l node.LSN) int {
	n := len(v.records)
	if n == 0 || v.records[n-1].LSN <= l {
		return n
	}
	i, found := slices.BinarySearchFunc(v.records, l, func(r *node.Record, l node.LSN) int {
		switch {
		case r.LSN < l:
			return -1
		case r.LSN > l:
			return 1
		}
		return 0
	})
	if found {
		i++
	}
	return i
}

func (v *versions) add(r *node.Record) {
	i := v.find(r.LSN)
	if i > 0 && v.records[i-1].LSN == r.LSN {
		v.records[i-1] = r
		return
	}
	v.records = slices.Insert(v.records, i, r)
	if v.latest != nil && v.latest.LSN > r.LSN {
		v.forget() // a gap was filled below what was read: cannot be, for reads stay at or below the SCL
	}
}

// keep forgets records that are not on the line, and a page that reflects one of them.
func (v *versions) keep(onLine func(node.LSN, node.Epoch) bool) {
	n := len(v.records)
	v.records = slices.DeleteFunc(v.records, func(r *node.Record) bool { return !onLine(r.LSN, r.Epoch) })
	if len(v.records) < n {
		v.forget()
	}
}

// forget forgets the versions that were made of the records.
func (v *versions) forget() { v.latest, v.marks, v.since = nil, nil, 0 }

// collect forgets the records that the base stands for.
func (v *versions) collect(floor node.LSN) {
	v.records = slices.Delete(v.records, 0, v.find(floor))
	if v.base.page == nil || v.latest != nil && v.latest.LSN < v.base.page.LSN {
		v.forget()
		return
	}
	below := func(p *page.Page) bool { return p.LSN < v.base.page.LSN }
	v.marks = slices.DeleteFunc(v.marks, below)
}

// before returns a page of its own to go on from to a version that is older than the newest one read.
func (v *versions) before(id node.PageID, l node.LSN) *page.Page {
	i, found := slices.BinarySearchFunc(v.marks, l, func(p *page.Page, l node.LSN) int { return cmp.Compare(p.LSN, l) })
	if found {
		i++
	}
	if i == 0 {
		return v.start(id)
	}
	return v.marks[i-1].Clone()
}

// passed is told that the newest read has gone on by a record.
func (v *versions) passed(p *page.Page) {
	if v.since++; v.since == markEvery {
		v.marks, v.since = append(v.marks, p.Clone()), 0
	}
}

// start returns a page of its own to go on from, as of the floor.
func (v *versions) start(id node.PageID) *page.Page {
	if v.base.page == nil {
		return &page.Page{ID: id}
	}
	return v.base.page.Clone()
}

// errBehind says that the segment is not complete up to a read point.
var errBehind = errors.New("not complete up to the read point")

// errTail says that a segment keeps the log alone.
var errTail = errors.New("it keeps no pages")

// A BelowFloorError refuses a version that is older than what the segment keeps.
type BelowFloorError struct {
	Segment   node.ID
	Page      node.PageID
	ReadPoint node.LSN
	Floor     node.LSN // the lowest read point that it serves
}

func (e *BelowFloorError) Error() string {
	return fmt.Sprintf("segment %d: page %d at %d: versions below %d are not kept", e.Segment, e.Page, e.ReadPoint, e.Floor)
}

// PageAt returns the image of page p as of readPoint, materialised from the image as of the floor and the records from
// there on (SIGMOD 2017 §3.2: the log is the database). It fails with a *BelowFloorError below the floor, and when the
// segment is damaged, is a tail, or has a record that does not continue the page.
func (s *Segment) PageAt(p node.PageID, readPoint node.LSN) ([]byte, error) {
	if s.Damaged() {
		return nil, fmt.Errorf("segment %d: page %d: damaged", s.id, p)
	}
	if s.tail {
		return nil, fmt.Errorf("segment %d: page %d: %w", s.id, p, errTail)
	}
	// Between the group's last record below the floor and the floor, all versions are the same.
	if readPoint < s.images.tail.LSN {
		return nil, &BelowFloorError{Segment: s.id, Page: p, ReadPoint: readPoint, Floor: s.images.tail.LSN}
	}
	// gofail: var bugBeyondReadPoint struct{}
	// if s.hook.Planted("bugBeyondReadPoint") {
	// 	readPoint = max(readPoint, s.scl)
	// }

	v := s.version(p)
	pg, newest := v.latest, true
	switch {
	case pg == nil:
		pg = v.start(p)
	case pg.LSN > readPoint:
		pg, newest = v.before(p, readPoint), false
	}
	for _, r := range v.records[v.find(pg.LSN):] {
		if r.LSN > readPoint {
			break
		}
		if r.LSN > s.scl {
			return nil, fmt.Errorf("segment %d: page %d at %d: %w", s.id, p, readPoint, errBehind)
		}
		if err := pg.Apply(r); err != nil {
			v.forget() // the newest may be half of what it should be
			return nil, fmt.Errorf("segment %d: %w", s.id, err)
		}
		if newest {
			v.passed(pg)
		}
	}
	if newest {
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
		image, err := s.PageAt(m.Page, m.ReadPoint)
		var below *BelowFloorError
		switch {
		case err == nil:
			out.Send(from, &node.PageImage{Epoch: m.Epoch, Page: m.Page, ReadPoint: m.ReadPoint, Attempt: m.Attempt, Image: image})
			return
		case errors.As(err, &below):
			out.Send(from, &node.BelowFloor{Epoch: m.Epoch, Page: m.Page, Attempt: m.Attempt, Floor: below.Floor})
			return
		case !errors.Is(err, errBehind) && !errors.Is(err, errTail):
			// The records do not make a page: worse than being behind, and never to be served.
			out.Send(from, &node.Damaged{Epoch: m.Epoch})
			return
		}
	}
	out.Send(from, &node.Behind{Epoch: m.Epoch, Page: m.Page, Attempt: m.Attempt, SCL: s.scl})
}
