package backup

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A Source is where objects are read from.
type Source interface {
	// Get returns an object. It fails with a *MissingError when no object has that name.
	Get(name string) ([]byte, error)
	// List returns the names that begin with prefix.
	List(prefix string) ([]string, error)
}

// A NoSuchPointError says that a backup does not reach the point that was asked for, even with all of its objects.
type NoSuchPointError struct {
	Asked          node.LSN // 0 for the newest
	Oldest, Newest node.LSN // what it reaches; Newest below Oldest, or 0, when it reaches nothing
	// Absent are log objects that are not there while later ones of their group are. Points between Oldest and Newest that
	// need one of them cannot be restored.
	Absent []string
}

func (e *NoSuchPointError) Error() string {
	if e.Newest < max(e.Oldest, 1) {
		return fmt.Sprintf("backup: asked for %s, and no point can be restored", point(e.Asked))
	}
	return fmt.Sprintf("backup: asked for %s, can restore %d to %d", point(e.Asked), e.Oldest, e.Newest)
}

// A LostError says that a point of the log cannot be restored because objects that it needs are missing or damaged.
type LostError struct {
	Asked  node.LSN // 0 for the newest
	Newest node.LSN // which is this
	At     node.LSN // whose record is in none of the objects that can be read
	Lost   []error  // what is wrong with each object that was tried and could not be read
	Before node.LSN // points before this LSN need none of them
}

func (e *LostError) Error() string {
	asked := point(e.Asked)
	if e.Asked == 0 {
		asked = fmt.Sprintf("%s, VDL %d,", asked, e.Newest)
	}
	text := fmt.Sprintf("backup: %s cannot be restored without record %d", asked, e.At)
	for i, err := range e.Lost {
		if i == mostNamed {
			text += fmt.Sprintf("; and %d more", len(e.Lost)-i)
			break
		}
		text += "; " + strings.TrimPrefix(err.Error(), "backup: ")
	}
	if e.Before > 1 {
		text += fmt.Sprintf("; points before LSN %d need none of it", e.Before)
	}
	return text
}

// mostNamed is how many lost objects an error's text names.
const mostNamed = 8

// Unwrap returns what is wrong with the objects.
func (e *LostError) Unwrap() []error { return e.Lost }

func point(asked node.LSN) string {
	if asked == 0 {
		return "the newest point"
	}
	return fmt.Sprintf("VDL %d", asked)
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
	// Lost is what is wrong with objects of the backup that are known to be missing or damaged, and that this point could
	// do without.
	Lost  []error
	pages map[node.PageID]*page.Page
	tree  btree.Tree
	end   node.LSN
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

// Restore makes the volume as of vdl, 0 for the newest point. What the newest is, a manifest knows; without one, it is the
// newest that the objects which are there reach. A point is restored when the objects that it needs can be read: older page
// images and more of the log stand in for images that are lost.
//
// It fails with a *NoSuchPointError, *LostError or *BrokenError, with a *MissingError or *CorruptError for the object
// VolumeName, or with what src fails with, and never gives part of a volume.
func Restore(src Source, vdl node.LSN) (*Volume, error) {
	r, err := list(src)
	if err != nil {
		return nil, err
	}
	oldest, newest := r.span()
	if vdl > newest || vdl != 0 && vdl < oldest || newest < max(oldest, 1) {
		return nil, &NoSuchPointError{Asked: vdl, Oldest: oldest, Newest: newest, Absent: r.absent}
	}
	at := vdl
	if vdl == 0 {
		at = newest
	}
	v, err := r.restore(at)
	var broken *BrokenError
	if errors.As(err, &broken) {
		// A group that came into use later, and of which nothing is backed up yet, is known by nothing but the records that no
		// group has: the objects reach only as far as the first of them.
		missing, unread := r.firstMissing(newest)
		switch {
		case unread != nil:
			err = unread // it may have the record
		case missing == 0 || vdl != 0 && vdl < missing:
		case vdl != 0 || missing-1 < max(oldest, 1):
			return nil, &NoSuchPointError{Asked: vdl, Oldest: oldest, Newest: missing - 1, Absent: r.absent}
		default:
			v, err = r.restore(missing - 1)
		}
	}
	var lost *LostError
	if errors.As(err, &lost) {
		lost.Asked, lost.Newest, lost.Lost, lost.Before = vdl, newest, r.lost, r.before
	}
	if err != nil {
		return nil, err
	}
	v.Lost = r.lost
	for _, name := range r.absent {
		if _, tried := r.tried[name]; !tried {
			v.Lost = append(v.Lost, &MissingError{Name: name})
		}
	}
	return v, nil
}

// firstMissing returns the first LSN up to newest that no group's log has a record at, or 0.
func (r *restoring) firstMissing(newest node.LSN) (node.LSN, error) {
	var broken *BrokenError
	first := node.LSN(1)
	for _, g := range r.groups {
		if len(g.logs) > 0 {
			first = max(first, g.logs[0].from)
		}
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
		r.readImages(v, g)
	}
	if err := r.replay(v); err != nil {
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
	src      Source
	shape    Shape
	manifest Manifest // nil where the store has none
	groups   []*group // in order
	absent   []string // objects that are known not to be there
	tried    map[string]tried
	read     int      // objects
	lost     []error  // of those that were tried
	before   node.LSN // points before it need none of them
}

// tried is what came of reading an object.
type tried struct {
	log    *Log
	images *Images
	pages  []*page.Page // of images
	err    error
}

// A group is what there is of one protection group.
type group struct {
	id     node.Group
	logs   []name            // by where they begin, the longer ones first
	images map[node.LSN]bool // what there are images as of
	high   node.LSN          // the last LSN that something is there of
	from   node.LSN          // as of which its images were taken; 0 when it is made from its log alone
	last   node.LSN          // of its records that are applied
}

func list(src Source) (*restoring, error) {
	r := &restoring{src: src, tried: map[string]tried{}, before: ^node.LSN(0)}
	names, err := src.List("")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	// Of a manifest that cannot be read nothing follows for the points that are asked for by their LSN.
	if r.manifest, err = ReadManifest(src); err == nil {
		there := names
		names = nil
		for _, l := range r.manifest {
			names = append(names, l.Name)
			if _, found := slices.BinarySearch(there, l.Name); !found {
				r.absent = append(r.absent, l.Name)
			}
		}
	}
	b, err := r.get(VolumeName)
	if err != nil {
		return nil, err
	}
	if r.shape, err = DecodeShape(b); err != nil {
		return nil, err
	}
	groups := map[node.Group]*group{}
	of := func(id node.Group) *group {
		if groups[id] == nil {
			groups[id] = &group{id: id, images: map[node.LSN]bool{}}
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
		g.high = max(g.high, n.through, n.at) // images come after the log that they are made of
		if n.kind == imagesKind {
			g.images[n.at] = true
		} else {
			g.logs = append(g.logs, n)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		g := groups[id]
		slices.SortFunc(g.logs, func(a, b name) int {
			return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.through, a.through))
		})
		r.groups = append(r.groups, g)
		if r.manifest == nil {
			r.absent = append(r.absent, r.holes(g)...)
		}
	}
	return r, nil
}

// holes names the log objects that must have been there, for others of the group come after them.
func (r *restoring) holes(g *group) []string {
	if len(g.logs) == 0 {
		return nil
	}
	var names []string
	next := g.logs[0].from
	for _, n := range append(slices.Clip(g.logs), name{from: g.high + 1, through: g.high + 1}) {
		for ; next < n.from; next = r.window(next).through + 1 {
			names = append(names, r.windowName(g, next))
		}
		next = max(next, n.through+1)
	}
	return names
}

// window is which LSNs the log object that has l is for.
func (r *restoring) window(l node.LSN) (w name) {
	size := node.LSN(r.shape.Window)
	w.from = (l-1)/size*size + 1
	w.through = w.from + size - 1
	return w
}

func (r *restoring) windowName(g *group, l node.LSN) string {
	w := r.window(l)
	return LogName(g.id, w.from, w.through)
}

// span returns which points the objects reach: those that something of every group is there of, from its beginning or from
// images.
func (r *restoring) span() (oldest, newest node.LSN) {
	newest = ^node.LSN(0)
	for _, g := range r.groups {
		newest = min(newest, g.high)
		if len(g.logs) > 0 && g.logs[0].from == 1 {
			continue
		}
		low := ^node.LSN(0)
		for at := range g.images {
			if len(g.logs) == 0 || at >= g.logs[0].from-1 {
				low = min(low, at)
			}
		}
		oldest = max(oldest, low)
	}
	return oldest, newest
}

// get returns an object, which is the one that the manifest names.
func (r *restoring) get(name string) ([]byte, error) {
	if name != VolumeName {
		r.read++
	}
	b, err := r.src.Get(name)
	if err != nil {
		return nil, err
	}
	if i, named := r.manifest.find(name); named && (r.manifest[i].Bytes != len(b) || r.manifest[i].Sum != xxh3.Hash(b)) {
		return nil, &CorruptError{name, len(b), fmt.Sprintf("it is not the object of %d bytes that the manifest names", r.manifest[i].Bytes)}
	}
	return b, nil
}

// try reads an object, once.
func (r *restoring) try(n *name) tried {
	t, known := r.tried[n.text]
	if known {
		return t
	}
	var b []byte
	if b, t.err = r.get(n.text); t.err == nil {
		if n.kind == logKind {
			t.log, t.err = decodeLog(n, b)
		} else if t.images, t.err = decodeImages(n, b); t.err == nil {
			t.pages, t.err = t.images.decode(n, len(b))
		}
	}
	if t.err != nil {
		r.lost = append(r.lost, t.err)
		r.before = min(r.before, max(n.from, n.at))
	}
	r.tried[n.text] = t
	return t
}

// in returns the record of a group at l: nil when it is another group's.
func (r *restoring) in(g *group, l node.LSN) (*node.Record, error) {
	var lost error
	for _, n := range r.logsAt(g, l) {
		t := r.try(&n)
		if t.err != nil {
			lost = t.err
			continue
		}
		if at, found := slices.BinarySearchFunc(t.log.Records, l, func(x *node.Record, l node.LSN) int { return cmp.Compare(x.LSN, l) }); found {
			return t.log.Records[at], nil
		}
		return nil, nil
	}
	return nil, lost
}

// logsAt returns the group's log objects that reach l, the longest first; where no object does, the one that should be there.
func (r *restoring) logsAt(g *group, l node.LSN) []name {
	byStart := func(n name, l node.LSN) int { return cmp.Compare(n.from, l) }
	end, _ := slices.BinarySearchFunc(g.logs, l+1, byStart)
	if end > 0 {
		start, _ := slices.BinarySearchFunc(g.logs, g.logs[end-1].from, byStart)
		i := start
		for i < end && g.logs[i].through >= l {
			i++
		}
		if i > start {
			return g.logs[start:i]
		}
	}
	n, _ := parseName(r.windowName(g, l))
	return []name{n}
}

// record returns the record at l, of whichever group has it. An object that cannot be read is needed only when no other
// has the record, for every LSN is that of one record.
func (r *restoring) record(l node.LSN) (*node.Record, error) {
	return r.recordOf(l, r.groups)
}

func (r *restoring) recordOf(l node.LSN, groups []*group) (*node.Record, error) {
	lost := false
	for _, g := range groups {
		x, err := r.in(g, l)
		if x != nil {
			return x, nil
		}
		lost = lost || err != nil
	}
	if lost {
		return nil, &LostError{At: l}
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

// replay applies the records up to the point to the images. From where the newest images are on none may be missing: a
// group of which no object is there at all would not be missed otherwise. Before that, those of the groups with older images
// are needed, and others' are not.
func (r *restoring) replay(v *Volume) error {
	low, high := v.VDL, node.LSN(0)
	for _, g := range r.groups {
		low, high = min(low, g.from), max(high, g.from)
	}
	groups := map[node.Group]*group{}
	for _, g := range r.groups {
		groups[g.id] = g
	}
	var behind []*group
	for l := low + 1; l <= v.VDL; l++ {
		behind = behind[:0]
		for _, g := range r.groups {
			if g.from < l {
				behind = append(behind, g)
			}
		}
		x, err := r.recordOf(l, behind)
		var broken *BrokenError
		if err != nil && l <= high {
			if errors.As(err, &broken) {
				continue // it is of a group whose images have it
			}
			x, err = r.record(l) // it may be, and then the lost object does not have it
		}
		if err != nil {
			return err
		}
		g := groups[x.Group]
		if l <= g.from {
			continue
		}
		if x.Prev != g.last {
			return &BrokenError{At: l, Why: fmt.Sprintf("group %d: expected record %d before it, found %d", g.id, x.Prev, g.last)}
		}
		g.last = l
		if err := v.Page(x.Page).Apply(x); err != nil {
			return &BrokenError{At: l, Why: err.Error()}
		}
	}
	return nil
}

// readImages reads the newest of a group's images at or below the point that can be read.
func (r *restoring) readImages(v *Volume, g *group) {
	g.from, g.last = 0, 0
	for _, at := range slices.Backward(slices.Sorted(maps.Keys(g.images))) {
		if at > v.VDL {
			continue
		}
		if pages, last, ok := r.imagesAt(g, at); ok {
			maps.Copy(v.pages, pages)
			g.from, g.last = at, last
			return
		}
	}
}

// imagesAt reads the group's images as of at, all chunks.
func (r *restoring) imagesAt(g *group, at node.LSN) (pages map[node.PageID]*page.Page, last node.LSN, ok bool) {
	pages = map[node.PageID]*page.Page{}
	for first := node.PageID(0); ; {
		n, _ := parseName(ImagesName(g.id, at, first))
		t := r.try(&n)
		if t.err != nil {
			return nil, 0, false
		}
		for _, p := range t.pages {
			pages[p.ID] = p.Clone()
		}
		if t.images.Done {
			return pages, t.images.Last, true
		}
		first = t.images.Next
	}
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
