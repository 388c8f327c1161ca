package aurora

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A merge of inner pages is one that frees an inner page and gives its cells to another. A split, a merge of leaves, and a root that
// takes in its only child are none, however alike one of their records is.
func TestMergesOfInnerPagesAreCounted(t *testing.T) {
	cell := page.Cell{Key: "k", Value: "v"}
	record := func(p node.PageID, old, new page.Fragment) *node.Record {
		return &node.Record{Kind: node.Structure, Page: p, Old: old.Value(), New: new.Value()}
	}
	full := func(level uint8) page.Fragment { return page.Fragment{Level: level, Cells: []page.Cell{cell}} }
	empty := func(level uint8) page.Fragment { return page.Fragment{Level: level} }
	free := page.Fragment{Level: page.Free}
	for name, c := range map[string]struct {
		records []*node.Record
		merges  uint64
	}{
		"inner pages merge":      {[]*node.Record{record(9, full(1), free), record(8, empty(1), full(1)), record(btree.Root, full(2), empty(2))}, 1},
		"leaves merge":           {[]*node.Record{record(9, full(0), free), record(8, empty(0), full(0)), record(7, full(1), empty(1))}, 0},
		"the root is lowered":    {[]*node.Record{record(9, full(1), free), record(btree.Root, full(2), full(1))}, 0},
		"an inner page has more": {[]*node.Record{record(9, free, full(1)), record(8, empty(1), full(1))}, 0},
	} {
		var w watch
		for _, r := range c.records {
			w.Traced(0, 0, &node.Trace{Action: node.ActStructure, Record: r})
		}
		require.Equal(t, c.merges, w.scenes.InnerMerges, name)
	}
}
