package judge

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// treeLog is the log of a writer that puts and deletes rows in pages of the smallest size, with splits and merges.
func treeLog(t *testing.T) []*node.Record {
	var log []*node.Record
	v := treeView{pages: map[node.PageID]*page.Page{}, rows: map[string]string{}}
	tree := btree.Tree{Pages: &v, PageSize: page.MinSize, Capacity: 100}
	issue := func(r node.Record) {
		r.LSN, r.Epoch = node.LSN(len(log)+1), 1
		log = append(log, &r)
		require.NoError(t, v.apply(&r))
	}
	write := func(key string, value node.Value) {
		for {
			change, err := tree.Room([]node.Row{{Key: key, Value: value}})
			require.NoError(t, err)
			for _, r := range change {
				issue(r)
			}
			if len(change) == 0 {
				break
			}
		}
		leaf, _ := tree.Leaf(key)
		issue(node.Record{Kind: node.Write, Last: true, Page: leaf.ID, Key: key, Old: leaf.Get(key), New: value})
	}
	key := func(i int) string { return fmt.Sprintf("row %03d", i*37%100) }
	for i := range 100 {
		write(key(i), node.Some(strings.Repeat("v", 40)))
	}
	for i := range 80 {
		write(key(i), node.Value{})
		for {
			change, err := tree.Shrink(key(i))
			require.NoError(t, err)
			for _, r := range change {
				issue(r)
			}
			if len(change) == 0 {
				break
			}
		}
	}
	return log
}

func TestTheLogOfATree(t *testing.T) {
	checked, err := Tree(NewLog(treeLog(t), node.FirstHistory()), page.MinSize, 100)
	require.NoError(t, err)
	require.Greater(t, checked, 4)
	checked, err = Tree(NewLog(nil, node.FirstHistory()), page.MinSize, 100)
	require.NoError(t, err, "a new volume's tree is whole")
	require.Equal(t, 1, checked)
}

// A log that ends in the middle of a split is one that a recovery cuts: what is not whole is not there.
func TestHalfASplitIsNotOnTheLog(t *testing.T) {
	log := treeLog(t)
	for i, r := range log {
		if r.Kind == node.Structure && !r.Last {
			_, err := Tree(NewLog(log[:i+1], node.FirstHistory()), page.MinSize, 100)
			require.NoError(t, err, "cut behind LSN %d", r.LSN)
		}
	}
}

func TestTreeObjects(t *testing.T) {
	first := func(log []*node.Record, want func(*node.Record) bool) int { return slices.IndexFunc(log, want) }
	structural := func(r *node.Record) bool { return r.Kind == node.Structure }
	for name, c := range map[string]struct {
		damage func(log []*node.Record) []*node.Record
		as     any
	}{
		"a split whose parent was not told": {func(log []*node.Record) []*node.Record {
			at := first(log, func(r *node.Record) bool { return structural(r) && r.Last })
			log[at-1].Last = true
			return slices.Delete(log, at, at+1)
		}, new(*btree.CheckError)},
		"a split that was cut in two": {func(log []*node.Record) []*node.Record {
			at := first(log, structural)
			log[at].Last = true
			return log[:at+1]
		}, new(*btree.CheckError)},
		"a row in the wrong leaf": {func(log []*node.Record) []*node.Record {
			last := *log[len(log)-1]
			return append(log, &node.Record{LSN: last.LSN + 1, Epoch: 1, Kind: node.Write, Last: true, Page: wrongLeaf(log), Key: "row 000x", New: node.Some("1")})
		}, new(*btree.CheckError)},
		"a write to no leaf": {func(log []*node.Record) []*node.Record {
			return append(log, &node.Record{LSN: node.LSN(len(log) + 1), Epoch: 1, Kind: node.Write, Last: true, Page: btree.Root, Key: "k", New: node.Some("1")})
		}, new(*page.MismatchError)},
		"a record that is not there": {func(log []*node.Record) []*node.Record {
			at := first(log, structural) - 1
			return slices.Delete(log, at, at+1)
		}, new(*page.MismatchError)},
		"a split that loses a row": {func(log []*node.Record) []*node.Record {
			at := first(log, func(r *node.Record) bool { return structural(r) && r.Page == btree.First })
			f, err := page.DecodeFragment(log[at].New)
			if err != nil {
				return nil
			}
			f.Cells = f.Cells[1:]
			log[at].New = f.Value()
			return log[:at+4]
		}, new(*TreeRowError)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Tree(NewLog(c.damage(treeLog(t)), node.FirstHistory()), page.MinSize, 100)
			var broken *TreeError
			require.ErrorAs(t, err, &broken)
			require.ErrorAs(t, err, c.as)
			require.Positive(t, broken.At)
		})
	}
	_, err := Tree(NewLog(treeLog(t), node.FirstHistory()), page.MinSize, 5)
	require.ErrorContains(t, err, "capacity")
	_, err = Tree(NewLog(treeLog(t), node.FirstHistory()), page.MinSize-100, 100)
	require.ErrorContains(t, err, "image")
}

// wrongLeaf is the last leaf, where a first key has no place.
func wrongLeaf(log []*node.Record) node.PageID {
	v := treeView{pages: map[node.PageID]*page.Page{}, rows: map[string]string{}}
	for _, r := range log {
		if v.apply(r) != nil {
			return 0
		}
	}
	leaf, _ := btree.Tree{Pages: &v}.Leaf("\xff")
	return leaf.ID
}
