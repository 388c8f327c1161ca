package btree_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// pages are those of a new volume: one that is not there yet is untouched.
type pages map[node.PageID]*page.Page

func (p pages) Page(id node.PageID) *page.Page {
	if p[id] == nil {
		p[id] = page.New(id, 0, 0, 0)
	}
	return p[id]
}

// The tree proposes the records that make room for a row, the caller gives them LSNs and applies them, and then the row fits into
// the leaf where the tree looks for it.
func Example() {
	volume := pages{}
	tree := btree.Tree{Pages: volume, PageSize: page.MinSize, Capacity: 100}
	var last node.LSN
	issue := func(r node.Record) error {
		last++
		r.LSN, r.Epoch = last, 1
		return volume.Page(r.Page).Apply(&r)
	}
	for i := range 60 {
		row := node.Row{Key: fmt.Sprintf("row%02d", i), Value: node.Some("a value")}
		for {
			records, err := tree.Room([]node.Row{row})
			if err != nil {
				fmt.Println(err)
				return
			}
			if len(records) == 0 {
				break
			}
			for _, r := range records {
				if err := issue(r); err != nil {
					fmt.Println(err)
					return
				}
			}
		}
		leaf, _ := tree.Leaf(row.Key)
		if err := issue(node.Record{Kind: node.Write, Page: leaf.ID, Key: row.Key, New: row.Value}); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("levels:", volume[btree.Root].Level+1, "whole:", tree.Check() == nil)
	tree.Scan("row31", "", 2, func(c page.Cell) bool {
		fmt.Println(c.Key, c.Value)
		return true
	})
	// Output:
	// levels: 2 whole: true
	// row31 a value
	// row32 a value
}
