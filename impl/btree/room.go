package btree

import (
	"slices"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// Room returns the next structural mini-transaction on the way to room for all of rows, in every order of writing them; none
// when there is room. The caller issues the records and asks again. It fails with a *MissingPageError, with a
// *FullError when no page is left to allocate, and with a *page.CellError when a row is too large for any page.
func (t Tree) Room(rows []node.Row) ([]node.Record, error) {
	for i := range rows {
		if err := page.ValidCell(rows[i].Key, rows[i].Value.Bytes, t.PageSize); err != nil {
			return nil, err
		}
	}
	if !slices.IsSortedFunc(rows, byKey) {
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, byKey)
	}
	for len(rows) > 0 {
		var space [depth]step
		path, high, err := t.descend(rows[0].Key, space[:0])
		if err != nil {
			return nil, err
		}
		n := 1
		for n < len(rows) && (high == "" || rows[n].Key < high) {
			n++
		}
		if leaf := path[len(path)-1].page; leaf.Size()+growth(leaf, rows[:n]) > t.PageSize {
			return t.splitLeaf(path, rows[:n])
		}
		rows = rows[n:]
	}
	return nil, nil
}

func byKey(a, b node.Row) int { return strings.Compare(a.Key, b.Key) }

// growth returns by how many bytes the rows let the leaf grow at most. One that shrinks counts for nothing: a larger
// one may be written before it, or the smaller one be taken back.
func growth(leaf *page.Page, rows []node.Row) int {
	n := 0
	for i := range rows {
		r := &rows[i]
		if !r.Value.Exists {
			continue
		}
		c := page.Cell{Key: r.Key, Value: r.Value.Bytes}
		more := c.Bytes()
		if at, found := leaf.Find(r.Key); found {
			more -= leaf.Cells[at].Bytes()
		}
		n += max(more, 0)
	}
	return n
}

// A weight is a row that is in a leaf, or is to come into it.
type weight struct {
	key   string
	bytes int
}

// splitLeaf splits the leaf at the end of path so that rows come nearer to having room. What is halved is the bytes
// of the cells that are there together with those that are to come: halving only what is there would never end when
// many large rows come into a leaf that has few.
func (t Tree) splitLeaf(path []step, rows []node.Row) ([]node.Record, error) {
	leaf := path[len(path)-1].page
	all := make([]weight, 0, len(leaf.Cells)+len(rows))
	for i := range leaf.Cells {
		all = append(all, weight{leaf.Cells[i].Key, leaf.Cells[i].Bytes()})
	}
	for i := range rows {
		if rows[i].Value.Exists {
			c := page.Cell{Key: rows[i].Key, Value: rows[i].Value.Bytes}
			all = append(all, weight{c.Key, c.Bytes()})
		}
	}
	slices.SortStableFunc(all, func(a, b weight) int { return strings.Compare(a.key, b.key) })
	n := 0
	for _, w := range all {
		if n > 0 && all[n-1].key == w.key {
			all[n-1].bytes = max(all[n-1].bytes, w.bytes)
			continue
		}
		all[n] = w
		n++
	}
	all = all[:n]
	cut := middle(len(all), func(i int) int { return all[i].bytes })
	// Rows that come in the order of their keys would leave every page half empty for ever: at the end of the chain,
	// what is there stays together.
	if have := len(leaf.Cells); leaf.Next == 0 && used(leaf) >= t.payload()/2 && have < len(all) && all[have-1].key == leaf.Cells[have-1].Key {
		cut = have
	}
	low, high := all[cut-1].key, all[cut].key
	common := 0
	for common < len(low) && low[common] == high[common] {
		common++
	}
	separator := high[:common+1] // the shortest key that is above low and not above high
	// gofail: var bugSeparatorShort struct{}
	// if common > 0 && t.Hook != nil && t.Hook.Planted("bugSeparatorShort") {
	// 	separator = high[:common]
	// }

	from, _ := leaf.Find(separator)
	return t.split(path, from, separator)
}

// middle returns where to cut n things so that both sides have something and are as near to each other in bytes as
// can be.
func middle(n int, bytes func(int) int) int {
	total := 0
	for i := range n {
		total += bytes(i)
	}
	best, bestDistance, below := 1, total, 0
	for i := range n - 1 {
		below += bytes(i)
		if d := max(2*below-total, total-2*below); d < bestDistance {
			best, bestDistance = i+1, d
		}
	}
	return best
}

// split moves the cells from the given place on, of the page at the end of path, to a new page, and tells the parent. A
// parent that has no room for it is split first, in a mini-transaction of its own.
func (t Tree) split(path []step, from int, separator string) ([]node.Record, error) {
	p := path[len(path)-1].page
	if len(path) == 1 {
		return t.growRoot(p, from, separator)
	}
	parent := path[len(path)-2].page
	if c := cell(separator, 0); parent.Size()+c.Bytes() > t.PageSize {
		from := middle(len(parent.Cells), func(i int) int { return parent.Cells[i].Bytes() })
		return t.split(path[:len(path)-1], from, parent.Cells[from].Key)
	}
	meta, pages, err := t.allocate(1)
	if err != nil {
		return nil, err
	}
	upper := page.Fragment{Level: p.Level, Next: p.Next, Cells: p.Cells[from:]}
	lower := page.Fragment{Level: p.Level}
	if p.Level == 0 {
		lower.Next = pages[0].id
	}
	return change(
		meta,
		replace(pages[0].id, "", pages[0].was, lowest(upper)),
		replace(p.ID, separator, upper, lower),
		replace(parent.ID, separator, header(parent), header(parent, cell(separator, pages[0].id))),
	), nil
}

// growRoot moves the root's cells to two new pages and puts the root above them: the root stays where it is.
func (t Tree) growRoot(root *page.Page, from int, separator string) ([]node.Record, error) {
	meta, pages, err := t.allocate(2)
	if err != nil {
		return nil, err
	}
	lower := page.Fragment{Level: root.Level, Cells: root.Cells[:from]}
	if root.Level == 0 {
		lower.Next = pages[1].id
	}
	upper := page.Fragment{Level: root.Level, Cells: root.Cells[from:]}
	return change(
		meta,
		replace(pages[0].id, "", pages[0].was, lower),
		replace(pages[1].id, "", pages[1].was, lowest(upper)),
		replace(Root, "", header(root, root.Cells...), page.Fragment{
			Level: root.Level + 1, Cells: []page.Cell{cell("", pages[0].id), cell(separator, pages[1].id)},
		}),
	), nil
}

// lowest returns f as the content of a page of its own: above the leaves, the first key of a page is "".
func lowest(f page.Fragment) page.Fragment {
	if f.Level > 0 && len(f.Cells) > 0 {
		f.Cells = slices.Clone(f.Cells)
		f.Cells[0].Key = ""
	}
	return f
}

// header returns a fragment with the header of p and these cells.
func header(p *page.Page, cells ...page.Cell) page.Fragment {
	return page.Fragment{Level: p.Level, Next: p.Next, Cells: cells}
}

// replace returns the record that replaces, in a page, the run of cells from key on.
func replace(id node.PageID, key string, old, new page.Fragment) node.Record {
	return node.Record{Kind: node.Structure, Page: id, Key: key, Old: old.Value(), New: new.Value()}
}

// change makes a mini-transaction of records.
func change(records ...node.Record) []node.Record {
	records[len(records)-1].Last = true
	return records
}

// payload returns how many bytes of cells fit into a page.
func (t Tree) payload() int { return t.PageSize - page.Overhead }

// used returns how many bytes of cells are in a page.
func used(p *page.Page) int { return p.Size() - page.Overhead }
