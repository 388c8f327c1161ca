package judge

import (
	"errors"
	"fmt"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
	"github.com/firstgap/firstgap/linearizability"
)

// A TreeError says where on the log the volume's pages stopped to be a tree that holds the rows that were written.
type TreeError struct {
	At  node.LSN // the end of a mini-transaction
	Err error    // a *page.MismatchError, a *btree.CheckError or a *TreeRowError
}

func (e *TreeError) Error() string { return sentence(e) }

func (e *TreeError) describe(f *Finding) {
	f.LSNs = []node.LSN{e.At}
	var row *TreeRowError
	if errors.As(e.Err, &row) {
		f.Keys, f.Expected, f.Found = []string{row.Key}, row.Expected, row.Found+" in the tree"
		f.Subject = fmt.Sprintf("at LSN %d: row %q", e.At, row.Key)
		return
	}
	f.Subject = fmt.Sprintf("at LSN %d: %v", e.At, e.Err)
}

func (e *TreeError) Unwrap() error { return e.Err }

// A TreeRowError is a row that is not in the tree as it was last written.
type TreeRowError struct{ Key, Expected, Found string }

func (e *TreeRowError) Error() string {
	return fmt.Sprintf("row %q: expected %s, found %s in the tree", e.Key, e.Expected, e.Found)
}

// Tree makes the volume's pages of the log alone, and holds them against what a tree must be and against the rows that
// the log's writes and undos name: at the end of the log, and on the way after structural changes, of which it looks at fewer
// the more there are. It sees mini-transactions as a whole or not at all, as a recovery does. It returns how often it
// looked; capacity is the first page that may not be allocated.
func Tree(l *Log, pageSize int, capacity node.PageID) (checked int, err error) {
	v := treeView{pages: map[node.PageID]*page.Page{}, rows: map[string]string{}}
	tree := btree.Tree{Pages: &v, PageSize: pageSize, Capacity: capacity}
	changes, end := 0, node.LSN(0)
	for first, i := 0, 0; i < len(l.records); i++ {
		if !l.records[i].Last {
			continue
		}
		end = l.records[i].LSN
		for _, r := range l.records[first : i+1] {
			if err := v.apply(r); err != nil {
				return checked, &TreeError{At: end, Err: err}
			}
		}
		first = i + 1
		if l.records[i].Kind != node.Structure {
			continue
		}
		if changes++; changes&(changes-1) == 0 {
			checked++
			if err := v.check(tree); err != nil {
				return checked, &TreeError{At: end, Err: err}
			}
		}
	}
	checked++
	if err := v.check(tree); err != nil {
		return checked, &TreeError{At: end, Err: err}
	}
	return checked, nil
}

// A treeView is a volume's pages as the log makes them, and its rows as the log names them.
type treeView struct {
	pages map[node.PageID]*page.Page
	rows  map[string]string
}

// Page implements btree.Pages.
func (v *treeView) Page(id node.PageID) *page.Page {
	p := v.pages[id]
	if p == nil {
		p = &page.Page{ID: id}
		v.pages[id] = p
	}
	return p
}

func (v *treeView) apply(r *node.Record) error {
	if r.Kind == node.Write || r.Kind == node.Undo {
		if r.New.Exists {
			v.rows[r.Key] = r.New.Bytes
		} else {
			delete(v.rows, r.Key)
		}
	}
	return v.Page(r.Page).Apply(r)
}

func (v *treeView) check(tree btree.Tree) error {
	if err := tree.Check(); err != nil {
		return err
	}
	found := linearizability.Op{Kind: linearizability.Scan}
	tree.Scan("", "", 0, func(c page.Cell) bool {
		found.Rows = append(found.Rows, linearizability.Row{Key: c.Key, Value: c.Value})
		return true
	})
	var first error
	differences(v.rows, found, func(key, expected, found string) {
		if first == nil {
			first = &TreeRowError{Key: key, Expected: expected, Found: found}
		}
	})
	return first
}
