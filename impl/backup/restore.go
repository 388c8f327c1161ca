package backup

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A Source is where objects are read from.
type Source interface {
	// Get returns an object. It fails with a *MissingError when there is none of that name.
	Get(name string) ([]byte, error)
	// List returns the names that begin with prefix.
	List(prefix string) ([]string, error)
}

// A NoSuchPointError says that a volume cannot be restored to the point that was asked for.
type NoSuchPointError struct {
	Asked          node.LSN
	Oldest, Newest node.LSN // what can be restored, all of it; Newest below Oldest when nothing can
}

func (e *NoSuchPointError) Error() string {
	if e.Newest < e.Oldest {
		return fmt.Sprintf("backup: asked for VDL %d, and no point can be restored", e.Asked)
	}
	return fmt.Sprintf("backup: asked for VDL %d, can restore %d to %d", e.Asked, e.Oldest, e.Newest)
}

// A BrokenError says that objects which are all readable do not make a volume together.
type BrokenError struct {
	At  node.LSN
	Why string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("backup: at LSN %d: %s", e.At, e.Why)
}

// A Volume is a restored volume: what was committed at or below VDL, and nothing else.
type Volume struct {
	VDL     node.LSN // the last consistency point at or below the one that was asked for
	Undone  int      // changes of transactions without a commit up to there, taken back
	Objects int      // read for it
	pages   map[node.PageID]*page.Page
	tree    btree.Tree
	end     node.LSN
}

// Page implements btree.Pages. A page that nothing ever changed is there, too.
func (v *Volume) Page(id node.PageID) *page.Page {
	p := v.pages[id]
	if p == nil {
		p = &page.Page{ID: id}
		v.pages[id] = p
	}
	return p
}

// Get returns the value of a row.
func (v *Volume) Get(key string) node.Value {
	value, _ := v.tree.Get(key)
	return value
}

// Rows returns all rows with from ≤ key < to, by key; with to "", all from there on.
func (v *Volume) Rows(from, to string) []node.Row {
	var rows []node.Row
	v.tree.Scan(from, to, 0, func(c page.Cell) bool {
		rows = append(rows, node.Row{Key: c.Key, Value: node.Some(c.Value)})
		return true
	})
	return rows
}

// Check verifies the structure of the restored tree.
func (v *Volume) Check() error { return v.tree.Check() }

// capacity is above what any volume has: a restored one may have to grow by a page to take something back.
const capacity node.PageID = 1 << 31

// Restore makes the volume as of vdl, 0 for the newest point that the objects reach. It fails with a *NoSuchPointError,
// *MissingError, *CorruptError or *BrokenError, or with what src fails with, and never gives part of a volume.
func Restore(src Source, vdl node.LSN) (*Volume, error) {
	r, err := list(src)
	if err != nil {
		return nil, err
	}
	oldest, newest := r.span()
	if vdl > newest || vdl != 0 && vdl < oldest || newest < oldest {
		return nil, &NoSuchPointError{Asked: vdl, Oldest: oldest, Newest: newest}
	}
	point := vdl
	if vdl == 0 {
		point = newest
	}
	v, err := r.restore(point)
	var broken *BrokenError
	if errors.As(err, &broken) {
		// A group that came into use later, and of which nothing is backed up yet, is known by nothing but the records that no
		// group has: the objects reach only as far as the first of them.
		missing, unread := r.firstMissing(newest)
		switch {
		case unread != nil || missing == 0 || vdl != 0 && vdl < missing:
			return nil, err
		case vdl != 0 || missing-1 < max(oldest, 1):
			return nil, &NoSuchPointError{Asked: vdl, Oldest: oldest, Newest: missing - 1}
		}
		v, err = r.restore(missing - 1)
	}
	return v, err
}

// firstMissing returns the first LSN up to newest that no group's log has a record at, or 0.
func (r *restoring) firstMissing(newest node.LSN) (node.LSN, error) {
	var broken *BrokenError
	first := node.LSN(1)
	for _, g := range r.groups {
		first = max(first, g.low+1)
	}
	for l := first; l <= newest; l++ {
		if _, err := r.record(l); errors.As(err, &broken) {
			return l, nil
		} else if err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// restore makes the volume as of a point that every known group reaches.
func (r *restoring) restore(vdl node.LSN) (*Volume, error) {
	vdl, err := r.consistent(vdl)
	if err != nil {
		return nil, err
	}
	v := &Volume{VDL: vdl, end: vdl, pages: map[node.PageID]*page.Page{}}
	v.tree = btree.Tree{Pages: v, PageSize: r.shape.PageSize, Capacity: capacity}
	for _, g := range r.groups {
		if err := r.restoreGroup(v, g); err != nil {
			return nil, err
		}
	}
	if err := r.complete(vdl); err != nil {
		return nil, err
	}
	if err := v.tree.Check(); err != nil {
		return nil, &BrokenError{At: vdl, Why: err.Error()}
	}
	if err := r.takeBack(v); err != nil {
		return nil, err
	}
	v.Objects = r.read
	return v, nil
}

// restoring is the making of one volume.
type restoring struct {
	src    Source
	shape  Shape
	groups []*group // in order
	read   int      // objects
}

// A group is what there is of one protection group.
type group struct {
	id     node.Group
	logs   []name // the longest of every window, ascending
	low    node.LSN
	high   node.LSN            // logs reach from above low to high without a gap
	images map[node.LSN][]name // by what they are as of
	loaded map[node.LSN]*Log   // by From
	from   node.LSN            // as of which its images were taken
}

func list(src Source) (*restoring, error) {
	r := &restoring{src: src}
	b, err := src.Get(VolumeName)
	if err != nil {
		return nil, err
	}
	if r.shape, err = DecodeShape(b); err != nil {
		return nil, err
	}
	names, err := src.List("")
	if err != nil {
		return nil, err
	}
	groups := map[node.Group]*group{}
	of := func(id node.Group) *group {
		if groups[id] == nil {
			groups[id] = &group{id: id, images: map[node.LSN][]name{}, loaded: map[node.LSN]*Log{}}
		}
		return groups[id]
	}
	for g := range r.shape.Groups {
		of(node.Group(g)) // in use from the start: it has to be there
	}
	for _, text := range names {
		n, ours := parseName(text)
		if !ours {
			continue
		}
		g := of(n.group)
		if n.kind == imagesKind {
			g.images[n.at] = append(g.images[n.at], n)
		} else {
			g.logs = append(g.logs, n)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		groups[id].arrange()
		r.groups = append(r.groups, groups[id])
	}
	return r, nil
}

// arrange puts the logs in order, and looks how far they reach.
func (g *group) arrange() {
	slices.SortFunc(g.logs, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.through, a.through))
	})
	g.logs = slices.CompactFunc(g.logs, func(a, b name) bool { return a.from == b.from })
	for i, n := range g.logs {
		if i == 0 || n.from != g.high+1 {
			g.low = n.from - 1
		}
		g.high = n.through
	}
}

// span returns which points can be restored: those that every group's log reaches, from its beginning or from images.
func (r *restoring) span() (oldest, newest node.LSN) {
	newest = ^node.LSN(0)
	for _, g := range r.groups {
		newest = min(newest, g.high)
		low := g.low
		if low > 0 {
			low = ^node.LSN(0)
			for at := range g.images {
				if at >= g.low {
					low = min(low, at)
				}
			}
		}
		oldest = max(oldest, low)
	}
	return oldest, newest
}

// log returns the group's log object that has l.
func (r *restoring) log(g *group, l node.LSN) (*Log, error) {
	i, found := slices.BinarySearchFunc(g.logs, l, func(n name, l node.LSN) int { return cmp.Compare(n.from, l) })
	if !found {
		i--
	}
	if i < 0 || g.logs[i].through < l {
		from := (l-1)/node.LSN(r.shape.Window)*node.LSN(r.shape.Window) + 1
		return nil, &MissingError{Name: LogName(g.id, from, from+node.LSN(r.shape.Window)-1)}
	}
	n := &g.logs[i]
	if log := g.loaded[n.from]; log != nil {
		return log, nil
	}
	b, err := r.get(n.text)
	if err != nil {
		return nil, err
	}
	log, err := decodeLog(n, b)
	g.loaded[n.from] = log
	return log, err
}

func (r *restoring) get(name string) ([]byte, error) {
	r.read++
	return r.src.Get(name)
}

// record returns the record at l, of whichever group has it.
func (r *restoring) record(l node.LSN) (*node.Record, error) {
	for _, g := range r.groups {
		log, err := r.log(g, l)
		if err != nil {
			return nil, err
		}
		if i, found := slices.BinarySearchFunc(log.Records, l, func(x *node.Record, l node.LSN) int { return cmp.Compare(x.LSN, l) }); found {
			return log.Records[i], nil
		}
	}
	return nil, &BrokenError{At: l, Why: "no group's log has the record"}
}

// consistent returns the last consistency point at or below l.
func (r *restoring) consistent(l node.LSN) (node.LSN, error) {
	for ; l > 0; l-- {
		x, err := r.record(l)
		if err != nil {
			return 0, err
		}
		if x.Last {
			break
		}
	}
	return l, nil
}

// restoreGroup makes a group's pages from its newest images at or below the point, and the records from there on.
func (r *restoring) restoreGroup(v *Volume, g *group) error {
	g.from = 0
	for at := range g.images {
		if at <= v.VDL {
			g.from = max(g.from, at)
		}
	}
	last := node.LSN(0)
	if g.from > 0 {
		var err error
		if last, err = r.readImages(v, g); err != nil {
			return err
		}
	}
	for l := g.from + 1; l <= v.VDL; {
		log, err := r.log(g, l)
		if err != nil {
			return err
		}
		for _, x := range log.Records {
			if x.LSN < l || x.LSN > v.VDL {
				continue
			}
			if x.Prev != last {
				return &BrokenError{At: x.LSN, Why: fmt.Sprintf("group %d: expected record %d before it, found %d", g.id, x.Prev, last)}
			}
			last = x.LSN
			if err := v.Page(x.Page).Apply(x); err != nil {
				return &BrokenError{At: x.LSN, Why: err.Error()}
			}
		}
		l = log.Through + 1
	}
	return nil
}

// readImages reads the group's images as of g.from, all chunks.
func (r *restoring) readImages(v *Volume, g *group) (last node.LSN, err error) {
	for first := node.PageID(0); ; {
		n, _ := parseName(ImagesName(g.id, g.from, first))
		b, err := r.get(n.text)
		if err != nil {
			return 0, err
		}
		chunk, err := decodeImages(&n, b)
		if err != nil {
			return 0, err
		}
		for _, image := range chunk.Images {
			p, err := page.Decode(image)
			if err != nil {
				return 0, &CorruptError{n.text, len(b), err.Error()}
			}
			v.pages[p.ID] = p
		}
		last = chunk.Last
		if chunk.Done {
			return last, nil
		}
		if chunk.Next <= first {
			return 0, &CorruptError{n.text, len(b), "the chunk after it is not after it"}
		}
		first = chunk.Next
	}
}

// complete makes sure that no record is missing between the images and the point: a group of which no object is there at
// all would not be missed otherwise.
func (r *restoring) complete(vdl node.LSN) error {
	from := node.LSN(0)
	for _, g := range r.groups {
		from = max(from, g.from)
	}
	for l := from + 1; l <= vdl; l++ {
		if _, err := r.record(l); err != nil {
			return err
		}
	}
	return nil
}

// takeBack takes back the changes of transactions that have no commit at or below the point, the latest first, each
// where its row is now.
func (r *restoring) takeBack(v *Volume) error {
	if v.VDL == 0 {
		return nil
	}
	x, err := r.record(v.VDL)
	if err != nil {
		return err
	}
	open := map[node.Txn][]*node.Record{}
	for l := x.OldestActive; l <= v.VDL; l++ {
		x, err := r.record(l)
		if err != nil {
			return err
		}
		switch x.Kind {
		case node.Write:
			open[x.Txn] = append(open[x.Txn], x)
		case node.Undo:
			open[x.Txn] = slices.DeleteFunc(open[x.Txn], func(w *node.Record) bool { return w.LSN == x.Undoes })
		case node.Commit:
			delete(open, x.Txn)
		}
	}
	var writes []*node.Record
	for _, ws := range open {
		writes = append(writes, ws...)
	}
	slices.SortFunc(writes, func(a, b *node.Record) int { return cmp.Compare(b.LSN, a.LSN) })
	for _, w := range writes {
		if err := v.undo(w); err != nil {
			return err
		}
	}
	return nil
}

// undo puts back what w replaced.
func (v *Volume) undo(w *node.Record) error {
	row := []node.Row{{Key: w.Key, Value: w.Old}}
	for {
		change, err := v.tree.Room(row)
		if err != nil {
			return &BrokenError{At: w.LSN, Why: "no room to take it back: " + err.Error()}
		}
		if len(change) == 0 {
			break
		}
		for i := range change {
			if err := v.apply(&change[i]); err != nil {
				return err
			}
		}
	}
	leaf, found := v.tree.Leaf(w.Key)
	if !found {
		return &BrokenError{At: w.LSN, Why: fmt.Sprintf("no leaf for row %q", w.Key)}
	}
	v.Undone++
	return v.apply(&node.Record{Kind: node.Undo, Txn: w.Txn, Page: leaf.ID, Key: w.Key, Old: w.New, New: w.Old, Undoes: w.LSN})
}

func (v *Volume) apply(x *node.Record) error {
	v.end++
	x.LSN = v.end
	if err := v.Page(x.Page).Apply(x); err != nil {
		return &BrokenError{At: x.LSN, Why: err.Error()}
	}
	return nil
}
