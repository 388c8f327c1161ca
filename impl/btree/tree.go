// Package btree is the volume's tree: which page a row lives in, and which structural records make room for a row or
// give pages back. It is pure: it reads pages that somebody else holds and proposes log records that somebody else
// issues, so writers, readers and restored volumes all see the same tree.
//
// Page 0 is the meta page: its cell "next" is the first page never allocated, its cell "free" the head of the list
// of free pages. Page 1 is the root for ever. An untouched page 0 says that 2 is next and none is free, an untouched
// page 1 is an empty leaf, so a new volume needs no formatting. Leaves are chained through Next. In a page above the
// leaves, a cell's value is a child's number and its key the lowest key of that child's rows; the first key is "",
// below all keys.
//
// Every structural change is one mini-transaction with at most one record for each page, and the tree is whole before and
// after it (SIGMOD 2017 §5): a reader that sees only whole mini-transactions sees only whole trees.
//
// Use package page instead when a caller has one page and no tree around it.
package btree

import (
	"encoding/binary"
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

const (
	// Meta is the page that says which pages are allocated.
	Meta node.PageID = 0
	// Root is the page where every search begins.
	Root node.PageID = 1
	// First is the first page that is ever allocated.
	First node.PageID = 2
)

// Pages is where a tree's pages come from.
type Pages interface {
	// Page returns the page, or nil when it is not at hand. The caller of the tree notes which ones were missed,
	// and tries the whole operation again when they are there. The tree does not change pages.
	Page(id node.PageID) *page.Page
}

// A Tree is a view of a volume's tree.
type Tree struct {
	Pages    Pages
	PageSize int // bytes of a page's image at most
	// Capacity is the first page that may not be allocated. A writer that takes back changes needs pages too, for rows that
	// were deleted and whose place was used since: leave some between the capacity for new rows and that for undo.
	Capacity node.PageID
	// Hook is that of the node which holds the pages. Without one no failpoint of the tree acts.
	Hook node.Hook
}

// MissingPageError says that a page is not at hand.
type MissingPageError struct{ Page node.PageID }

func (e *MissingPageError) Error() string { return fmt.Sprintf("page %d is not at hand", e.Page) }

// FullError says that no page is left to allocate.
type FullError struct {
	Needed   int         // pages, for one structural change
	Left     int         // pages
	Capacity node.PageID // the first that may not be allocated
}

func (e *FullError) Error() string {
	return fmt.Sprintf("volume full: a change needs %d pages, %d below page %d are left", e.Needed, e.Left, e.Capacity)
}

// broken stops what would search a tree that cannot be: following it could end nowhere, or give rows of another key.
// Check finds what is wrong.
func broken(id node.PageID, rule Rule, format string, args ...any) {
	panic(&CheckError{Page: id, Rule: rule, Why: fmt.Sprintf(format, args...)})
}

// Leaf returns the leaf in whose range key lies; false when a page is missing on the way.
func (t Tree) Leaf(key string) (*page.Page, bool) {
	p := t.Pages.Page(Root)
	for p != nil && p.Level > 0 {
		p = t.child(p, at(p, key))
	}
	return p, p != nil
}

// at returns the place of the child of p in whose range key lies.
func at(p *page.Page, key string) int {
	i, found := p.Find(key)
	if found {
		return i
	}
	if i == 0 || p.Level == page.Free {
		broken(p.ID, RuleFirst, "a search for %q finds %d cells at level %d", key, len(p.Cells), p.Level)
	}
	return i - 1
}

// child returns the i-th child of p, or nil when it is missing.
func (t Tree) child(p *page.Page, i int) *page.Page {
	id, ok := number(p.Cells[i].Value)
	if !ok {
		broken(p.ID, RuleChild, "cell %q is no page number", p.Cells[i].Key)
	}
	c := t.Pages.Page(id)
	if c != nil && c.Level != p.Level-1 {
		broken(id, RuleLevel, "level %d below page %d of level %d", c.Level, p.ID, p.Level)
	}
	return c
}

// Get returns the value of a row; false when a page is missing.
func (t Tree) Get(key string) (node.Value, bool) {
	leaf, ok := t.Leaf(key)
	if !ok {
		return node.Value{}, false
	}
	return leaf.Get(key), true
}

// Scan visits, in order, the rows with from ≤ key < to, at most limit of them. No to is no upper bound, no limit is
// all. It ends early when visit returns false. It returns false when a page is missing; what was visited until then
// is visited again the next time.
func (t Tree) Scan(from, to string, limit int, visit func(page.Cell) bool) bool {
	var space [depth]step
	path, high, err := t.descend(from, space[:0])
	if err != nil {
		return false
	}
	leaf := path[len(path)-1].page
	i, _ := leaf.Find(from)
	last, hops, marked := from, 0, leaf.ID
	for visited := 0; ; visited++ {
		for i == len(leaf.Cells) {
			if leaf.Next == 0 || to != "" && high != "" && to <= high {
				return true
			}
			next := t.Pages.Page(leaf.Next)
			if next == nil {
				return false
			}
			if next.Level != 0 || len(next.Cells) > 0 && next.Cells[0].Key <= last || next.ID == marked {
				broken(next.ID, RuleNext, "level %d, and it follows page %d and the key %q", next.Level, leaf.ID, last)
			}
			if hops++; hops&(hops-1) == 0 {
				marked = next.ID // a circle of empty leaves comes back to one of the marked ones
			}
			leaf, i, high = next, 0, ""
		}
		c := leaf.Cells[i]
		if to != "" && c.Key >= to || limit > 0 && visited == limit || !visit(c) {
			return true
		}
		last = c.Key
		i++
	}
}

// A step is a page on the way from the root, and the place of the child that the way goes on to.
type step struct {
	page *page.Page
	at   int
}

// depth is how many levels a way has room for without allocating. There may be more.
const depth = 12

// descend appends the way to the leaf of key to path. All keys of the leaf's range are below high; "" is no bound.
func (t Tree) descend(key string, path []step) (_ []step, high string, err error) {
	p := t.Pages.Page(Root)
	if p == nil {
		return nil, "", &MissingPageError{Root}
	}
	for p.Level > 0 {
		i := at(p, key)
		path = append(path, step{p, i})
		if i+1 < len(p.Cells) {
			high = p.Cells[i+1].Key
		}
		c := t.child(p, i)
		if c == nil {
			id, _ := number(p.Cells[i].Value)
			return nil, "", &MissingPageError{id}
		}
		p = c
	}
	return append(path, step{p, 0}), high, nil
}

// number reads the page number of a cell.
func number(value string) (node.PageID, bool) {
	if len(value) != 4 {
		return 0, false
	}
	return node.PageID(value[0])<<24 | node.PageID(value[1])<<16 | node.PageID(value[2])<<8 | node.PageID(value[3]), true
}

// cell returns the cell of a page above the leaves that leads to a child, or of the meta page.
func cell(key string, id node.PageID) page.Cell {
	return page.Cell{Key: key, Value: string(binary.BigEndian.AppendUint32(nil, uint32(id)))}
}
