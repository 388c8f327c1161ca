// Package page is the page layer: how a log record changes a page, and the bytes of a page. Segments materialise
// pages with it, writers and readers cache them with it, so all see the same bytes. What the pages mean to each
// other is package btree's.
//
// Use package btree instead when a caller looks for a row and does not know its page.
package page

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// Free is the level of a page that is on the volume's free list.
const Free = 255

// A Page is a page as of the record LSN, the last one that changed it. The zero LSN is a page that nothing changed
// yet: of level 0, without cells. Cells are for reading: only Apply changes them, for it keeps count of their bytes.
type Page struct {
	ID    node.PageID
	LSN   node.LSN
	Level uint8       // above the leaves; Free when the page is on the free list
	Next  node.PageID // of a leaf, the leaf that follows it; of a free page, the next free one; 0 if it is the last
	Cells []Cell      // by key, ascending
	bytes int         // of all cells, encoded
}

// A Cell is what a page holds under one key: a row's value in a leaf, the number of a page elsewhere.
type Cell struct{ Key, Value string }

// New returns a page with these cells, which it keeps.
func New(id node.PageID, l node.LSN, level uint8, next node.PageID, cells ...Cell) *Page {
	return &Page{ID: id, LSN: l, Level: level, Next: next, Cells: cells, bytes: CellBytes(cells)}
}

// Get returns the value of a cell.
func (p *Page) Get(key string) node.Value {
	i, found := p.Find(key)
	if !found {
		return node.Value{}
	}
	return node.Some(p.Cells[i].Value)
}

// Find returns the place of the first cell whose key is not less than key, and whether it is key's.
func (p *Page) Find(key string) (int, bool) {
	low, high := 0, len(p.Cells)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if p.Cells[middle].Key < key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(p.Cells) && p.Cells[low].Key == key
}

// Clone returns a copy that shares nothing that Apply changes.
func (p *Page) Clone() *Page {
	c := *p
	// Who takes a copy is about to change it: with room for some cells, the first one that comes copies nothing again.
	c.Cells = append(make([]Cell, 0, len(p.Cells)+len(p.Cells)/8+8), p.Cells...)
	return &c
}

// MismatchError says that a record does not continue the page that it was applied to.
type MismatchError struct {
	Page   node.PageID
	At     node.LSN // of the page
	Record node.Record
	Found  node.Value // what the page holds where the record says Old; of a structural change, encoded like it
	Why    string
}

func (e *MismatchError) Error() string {
	s := fmt.Sprintf("page %d at LSN %d: record %s of page %d does not continue it: %s", e.Page, e.At, &e.Record, e.Record.Page, e.Why)
	switch e.Record.Kind {
	case node.Write, node.Undo:
		s += fmt.Sprintf(": the row holds %s, the record expects %s", e.Found, e.Record.Old)
	case node.Structure:
		s += fmt.Sprintf(": the page holds %s, the record expects %s", describe(e.Found), describe(e.Record.Old))
	}
	return s
}

// Apply changes the page by a record that follows it in the log. A commit changes nothing but the LSN. A record
// of another page, one that is not newer, or one whose old value is not what the page holds is refused, and the page
// stays as it is: it would make two copies of a page differ in silence. The error is a *MismatchError, or a
// *CorruptError when a structural record's values are no fragments.
func (p *Page) Apply(r *node.Record) error {
	if r.Page != p.ID {
		return p.mismatch(r, node.Value{}, "of another page")
	}
	if r.LSN <= p.LSN {
		return p.mismatch(r, node.Value{}, "not newer")
	}
	switch r.Kind {
	case node.Write, node.Undo:
		return p.applyRow(r)
	case node.Structure:
		return p.applyStructure(r)
	case node.Commit:
		p.LSN = r.LSN
		return nil
	}
	return p.mismatch(r, node.Value{}, "of no kind that changes a page")
}

func (p *Page) mismatch(r *node.Record, found node.Value, why string) error {
	return &MismatchError{Page: p.ID, At: p.LSN, Record: *r, Found: found, Why: why}
}

func (p *Page) applyRow(r *node.Record) error {
	if p.Level != 0 {
		return p.mismatch(r, node.Value{}, fmt.Sprintf("a row in a page of level %d", p.Level))
	}
	i, exists := p.Find(r.Key)
	var found node.Value
	if exists {
		found = node.Some(p.Cells[i].Value)
	}
	if found != r.Old {
		return p.mismatch(r, found, "another old value")
	}
	p.LSN = r.LSN
	switch {
	case r.New.Exists && exists:
		p.bytes += valueBytes(r.New.Bytes) - valueBytes(found.Bytes)
		p.Cells[i].Value = r.New.Bytes
	case r.New.Exists:
		c := Cell{Key: r.Key, Value: r.New.Bytes}
		p.bytes += c.Bytes()
		p.Cells = slices.Insert(p.Cells, i, c)
	case exists:
		p.bytes -= p.Cells[i].Bytes()
		p.Cells = slices.Delete(p.Cells, i, i+1)
	}
	return nil
}

// applyStructure puts one run of cells, and the header, in the place of another.
func (p *Page) applyStructure(r *node.Record) error {
	old, err := DecodeFragment(r.Old)
	if err != nil {
		return err
	}
	replacing, err := DecodeFragment(r.New)
	if err != nil {
		return err
	}
	first, _ := p.Find(r.Key)
	end := first + len(old.Cells)
	found := Fragment{Level: p.Level, Next: p.Next, Cells: p.Cells[first:min(end, len(p.Cells))]}
	if old.Level != p.Level || old.Next != p.Next || !slices.Equal(old.Cells, found.Cells) {
		return p.mismatch(r, found.Value(), "other cells or header")
	}
	// The page must stay in order: nothing that searches it could find a cell out of its place.
	inOrder := func(a, b string) bool { return a < b }
	for i, c := range replacing.Cells {
		if i > 0 && !inOrder(replacing.Cells[i-1].Key, c.Key) ||
			i == 0 && first > 0 && !inOrder(p.Cells[first-1].Key, c.Key) ||
			i == len(replacing.Cells)-1 && end < len(p.Cells) && !inOrder(c.Key, p.Cells[end].Key) {
			return p.mismatch(r, found.Value(), fmt.Sprintf("its cell %q would be out of order", c.Key))
		}
	}
	p.LSN, p.Level, p.Next = r.LSN, replacing.Level, replacing.Next
	p.bytes += CellBytes(replacing.Cells) - CellBytes(old.Cells)
	p.Cells = slices.Replace(p.Cells, first, end, replacing.Cells...)
	return nil
}
