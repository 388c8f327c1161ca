package writer

import (
	"errors"
	"slices"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// maxTidying is how many places of the tree may wait to be looked at for pages to give back. Beyond, they wait until a
// row is deleted there again: a tree that has more pages than it needs is whole.
const maxTidying = 32

// aheadMost is how many leaves a scan asks for at a time.
const aheadMost = 8

// maxSpare is how many lists of pages are kept for later operations, and how long each may be.
const maxSpare = 64

// An operation is something under way that may have to wait for pages: a transaction's call or its undo, or the
// tidying of a place of the tree.
type operation struct {
	t      *txn          // nil: it tidies
	key    string        // where it tidies
	used   []*cachedPage // by this attempt
	pinned bool          // all of used
}

// attempt begins an attempt of the operation, from its beginning: what was seen in an earlier one may have changed since.
func (w *Writer) attempt(op *operation, out *node.Effects) btree.Tree {
	w.unpin(op)
	if op.used == nil {
		op.used = make([]*cachedPage, 0, 16) // a put of a few rows looks at so many
	}
	w.view.op, w.view.out = op, out
	return btree.Tree{Pages: &w.view, PageSize: w.pageSize, Capacity: w.geometry.Capacity, Hook: w.hook}
}

// pause keeps the pages that the attempt used until the next one.
func (op *operation) pause() {
	if op.pinned {
		return
	}
	op.pinned = true
	for _, p := range op.used {
		p.Pin()
	}
}

func (w *Writer) unpin(op *operation) {
	if op.pinned {
		op.pinned = false
		for _, p := range op.used {
			p.Unpin()
		}
	}
	clear(op.used)
	op.used = op.used[:0]
}

// readAhead asks for the leaves that a scan comes to next: one after the other, each would take the time of a read.
func (op *operation) readAhead(tree btree.Tree, r *node.Request, most int) {
	missing, wanted := 0, min(aheadMost, most/4) // a leaf has some four rows or more
	for _, p := range slices.Clone(op.used) {
		if p.Value.Level != 1 {
			continue
		}
		for _, c := range p.Value.Cells {
			if missing > wanted || r.To != "" && c.Key >= r.To {
				break
			}
			if c.Key > r.From {
				if _, here := tree.Leaf(c.Key); !here {
					missing++
				}
			}
		}
	}
}

// errPage says that an operation has to wait for a page, which is asked for.
var errPage = errors.New("a page is not here yet")

// makeRoom makes room for all rows, by structural changes that are complete in themselves. It fails with errPage, or with a
// *btree.FullError.
func (w *Writer) makeRoom(tree btree.Tree, rows []node.Row, out *node.Effects) error {
	for {
		change, err := tree.Room(rows)
		var missing *btree.MissingPageError
		switch {
		case errors.As(err, &missing):
			return errPage
		case err != nil:
			return err
		case len(change) == 0:
			return nil
		}
		w.restructure(change, out)
	}
}

// restructure issues the records of one structural change: a mini-transaction that belongs to no transaction and is never
// taken back. A recovery keeps all of it or nothing (SIGMOD 2017 §5).
func (w *Writer) restructure(change []node.Record, out *node.Effects) {
	// gofail: var writerBeforeStructure struct{}
	// w.hook.Hit("writerBeforeStructure")

	for _, r := range change {
		// gofail: var bugMetaApart struct{}
		// r.Last = r.Last || r.Page == btree.Meta && w.hook.Planted("bugMetaApart")

		r.Group = w.groupOf(r.Page)
		// gofail: var bugStructureInPieces struct{}
		// r.Last = r.Last || w.hook.Planted("bugStructureInPieces")

		w.issue(r, out)
	}
	w.counters.Structures++
	// gofail: var writerAfterStructure struct{}
	// w.hook.Hit("writerAfterStructure")

}

// hardlyUsed tells whether there may be no need for the leaf any more.
func (w *Writer) hardlyUsed(leaf *page.Page) bool {
	return leaf.ID != btree.Root && leaf.Size() < w.pageSize/4
}

// tidyLater notes that a row is gone for good from a leaf that holds little else.
func (w *Writer) tidyLater(key string) {
	if len(w.tidying) >= maxTidying ||
		slices.ContainsFunc(w.tidying, func(op *operation) bool { return op.key == key }) {
		return
	}
	op := &operation{key: key}
	w.tidying = append(w.tidying, op)
	w.ready = append(w.ready, op)
}

// tidy gives pages back that are hardly used any more.
func (w *Writer) tidy(op *operation, out *node.Effects) {
	i := slices.Index(w.tidying, op)
	if i < 0 {
		return // a second page came that it had waited for, after it was done
	}
	tree := w.attempt(op, out)
	for !w.tooFarAhead() {
		change, err := tree.Shrink(op.key)
		if err != nil {
			op.pause()
			return
		}
		if len(change) == 0 {
			break
		}
		w.restructure(change, out)
		w.counters.Shrinks++
	}
	w.unpin(op)
	w.tidying = slices.Delete(w.tidying, i, i+1)
}
