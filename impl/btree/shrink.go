package btree

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// Shrink returns a structural mini-transaction that gives back a page near key: a page on the way to key, the leaf
// first, that is less than a quarter full moves together with a neighbour under the same parent when both fit into one
// page, and a root with a single child takes its place. None when there is nothing to give back. The caller issues the
// records and may ask again. It fails with a *MissingPageError.
func (t Tree) Shrink(key string) ([]node.Record, error) {
	var space [depth]step
	path, _, err := t.descend(key, space[:0])
	if err != nil {
		return nil, err
	}
	for i := len(path) - 1; i > 0; i-- {
		p, parent := path[i].page, path[i-1]
		if used(p) >= t.payload()/4 {
			continue
		}
		for _, right := range [...]int{parent.at, parent.at + 1} {
			if right == 0 || right == len(parent.page.Cells) {
				continue
			}
			change, err := t.merge(parent.page, right)
			if len(change) > 0 || err != nil {
				return change, err
			}
		}
	}
	if len(path) > 1 && len(path[0].page.Cells) == 1 {
		return t.lowerRoot(path[0].page, path[1].page)
	}
	return nil, nil
}

// merge moves the cells of the child at the given place to the child on its left, if they fit.
func (t Tree) merge(parent *page.Page, right int) ([]node.Record, error) {
	var both [2]*page.Page
	for i := range both {
		if both[i] = t.child(parent, right-1+i); both[i] == nil {
			id, _ := number(parent.Cells[right-1+i].Value)
			return nil, &MissingPageError{id}
		}
	}
	l, r := both[0], both[1]
	separator := parent.Cells[right].Key
	moved := r.Cells
	if r.Level > 0 {
		moved = slices.Clone(moved)
		moved[0].Key = separator
	}
	bytes := page.CellBytes(moved)
	// Some room is left over: a page that is full after its merge would be split again by the next row.
	most := t.payload() * 3 / 4
	if used(l) == 0 || bytes == 0 {
		most = t.payload()
	}
	if used(l)+bytes > most {
		return nil, nil
	}
	ofMeta, ofRight, err := t.release(r)
	if err != nil {
		return nil, err
	}
	next := r.Next
	// gofail: var bugMergeKeepsNext struct{}
	// if t.Hook != nil && t.Hook.Planted("bugMergeKeepsNext") {
	// 	next = l.Next
	// }

	// gofail: var bugPageLeaks struct{}
	// if t.Hook != nil && t.Hook.Planted("bugPageLeaks") {
	// 	ofMeta.New = ofMeta.Old
	// }

	return change(
		ofMeta,
		ofRight,
		replace(l.ID, separator, header(l), page.Fragment{Level: l.Level, Next: next, Cells: moved}),
		replace(parent.ID, separator, header(parent, parent.Cells[right]), header(parent)),
	), nil
}

// lowerRoot moves the cells of the root's only child to the root.
func (t Tree) lowerRoot(root, child *page.Page) ([]node.Record, error) {
	ofMeta, ofChild, err := t.release(child)
	if err != nil {
		return nil, err
	}
	return change(ofMeta, ofChild, replace(Root, "", header(root, root.Cells...), header(child, child.Cells...))), nil
}
