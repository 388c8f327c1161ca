package backup

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// memory is a Source.
type memory map[string][]byte

func (m memory) Get(name string) ([]byte, error) {
	b, found := m[name]
	if !found {
		return nil, &MissingError{Name: name}
	}
	return b, nil
}

func (m memory) List(prefix string) ([]string, error) {
	var names []string
	for n := range m {
		if strings.HasPrefix(n, prefix) {
			names = append(names, n)
		}
	}
	return names, nil
}

// A writer of the tests makes a log as a database instance would: transactions that overlap, with rows that no other one
// has changed meanwhile, splits and merges between them.
type writer struct {
	t      *testing.T
	random *rand.Rand
	groups int
	size   int
	pages  map[node.PageID]*page.Page
	tree   btree.Tree
	log    []*node.Record
	lasts  []node.LSN // by group
	active []*transaction
	count  uint32
	rows   map[string]string   // committed
	at     []map[string]string // rows by LSN
}

type transaction struct {
	id     node.Txn
	writes []*node.Record
	wrote  map[string]node.Value
}

func (w *writer) Page(id node.PageID) *page.Page {
	if w.pages[id] == nil {
		w.pages[id] = &page.Page{ID: id}
	}
	return w.pages[id]
}

func newWriter(t *testing.T, seed uint64, groups int) *writer {
	w := &writer{t: t, random: rand.New(rand.NewPCG(seed, 1)), groups: groups, size: 256, pages: map[node.PageID]*page.Page{},
		lasts: make([]node.LSN, groups), rows: map[string]string{}, at: []map[string]string{{}}}
	w.tree = btree.Tree{Pages: w, PageSize: w.size, Capacity: 1 << 20}
	return w
}

func (w *writer) issue(r node.Record) *node.Record {
	g := int(r.Page) % w.groups
	r.LSN, r.Epoch, r.Group, r.Prev = node.LSN(len(w.log)+1), 1, node.Group(g), w.lasts[g]
	r.OldestActive = r.LSN + 1
	for _, t := range w.active {
		r.OldestActive = min(r.OldestActive, t.writes[0].LSN)
	}
	r.Seal()
	w.lasts[g] = r.LSN
	w.log = append(w.log, &r)
	require.NoError(w.t, w.Page(r.Page).Apply(&r))
	w.at = append(w.at, maps.Clone(w.rows))
	return &r
}

func (w *writer) structure(change []node.Record, err error) bool {
	require.NoError(w.t, err)
	for _, r := range change {
		w.issue(r)
	}
	return len(change) > 0
}

func (w *writer) change(t *transaction, kind node.Kind, key string, value node.Value, undoes node.LSN) {
	for w.structure(w.tree.Room([]node.Row{{Key: key, Value: value}})) {
	}
	leaf, _ := w.tree.Leaf(key)
	r := node.Record{Kind: kind, Last: true, Txn: t.id, Page: leaf.ID, Key: key, Old: leaf.Get(key), New: value, Undoes: undoes}
	if kind == node.Undo {
		t.writes = t.writes[:len(t.writes)-1]
		if len(t.writes) == 0 {
			w.active = slices.DeleteFunc(w.active, func(x *transaction) bool { return x == t })
		}
		w.issue(r)
		return
	}
	// Its own first write is what the oldest active one is measured by.
	t.writes = append(t.writes, &node.Record{LSN: node.LSN(len(w.log) + 1)})
	if len(t.writes) == 1 {
		w.active = append(w.active, t)
	}
	t.writes[len(t.writes)-1] = w.issue(r)
	t.wrote[key] = value
}

func (w *writer) run(steps int) {
	var open []*transaction
	for range steps {
		if len(open) < 3 {
			w.count++
			open = append(open, &transaction{id: node.MakeTxn(1, w.count), wrote: map[string]node.Value{}})
		}
		i := w.random.IntN(len(open))
		t := open[i]
		end := func() { open = slices.Delete(open, i, i+1) }
		switch n := w.random.IntN(10); {
		case n < 6 || len(t.writes) == 0:
			key := fmt.Sprintf("row%02d", w.random.IntN(60))
			if slices.ContainsFunc(open, func(x *transaction) bool { _, has := x.wrote[key]; return x != t && has }) {
				continue // locked
			}
			value := node.Some(strings.Repeat("x", w.random.IntN(30)) + fmt.Sprint(len(w.log)))
			if w.random.IntN(4) == 0 {
				value = node.Value{}
			}
			w.change(t, node.Write, key, value, 0)
		case n < 8:
			first := t.writes[0]
			w.active = slices.DeleteFunc(w.active, func(x *transaction) bool { return x == t })
			for key, value := range t.wrote {
				if value.Exists {
					w.rows[key] = value.Bytes
				} else {
					delete(w.rows, key)
				}
			}
			w.issue(node.Record{Kind: node.Commit, Last: true, Txn: t.id, Page: first.Page, Key: first.Key})
			end()
		case n < 9:
			for len(t.writes) > 0 {
				last := t.writes[len(t.writes)-1]
				w.change(t, node.Undo, last.Key, last.Old, last.LSN)
			}
			end()
		default:
			if w.structure(w.tree.Shrink(t.writes[0].Key)) {
				require.NoError(w.t, w.tree.Check())
			}
		}
	}
}

// objects backs the log up.
func (w *writer) objects(window int) memory {
	m := memory{VolumeName: Shape{PageSize: w.size, Groups: w.groups, Window: window}.Encode()}
	for g := range node.Group(w.groups) {
		pages := map[node.PageID]*page.Page{}
		last := node.LSN(0)
		for from := 1; from <= len(w.log); from += window {
			l := Log{Group: g, From: node.LSN(from), Through: node.LSN(min(from+window-1, len(w.log)))}
			for _, r := range w.log[l.From-1 : l.Through] {
				if r.Group != g {
					continue
				}
				l.Records = append(l.Records, r)
				last = r.LSN
				if pages[r.Page] == nil {
					pages[r.Page] = &page.Page{ID: r.Page}
				}
				require.NoError(w.t, pages[r.Page].Apply(r))
			}
			m[LogName(g, l.From, l.Through)] = l.Encode()
			if end := from + window - 1; end <= len(w.log) && end/window%ImagesEvery == 0 {
				w.putImages(m, g, node.LSN(end), last, pages)
			}
		}
	}
	return m
}

// putImages puts three pages into a chunk.
func (w *writer) putImages(m memory, g node.Group, at, last node.LSN, pages map[node.PageID]*page.Page) {
	ids := slices.Sorted(maps.Keys(pages))
	first := node.PageID(0)
	for i := 0; i == 0 || i < len(ids); i += 3 {
		chunk := Images{Group: g, At: at, Last: last, First: first, Done: i+3 >= len(ids)}
		for _, id := range ids[i:min(i+3, len(ids))] {
			chunk.Images = append(chunk.Images, pages[id].Encode())
		}
		if !chunk.Done {
			chunk.Next = ids[i+3]
		}
		m[ImagesName(g, at, first)] = chunk.Encode()
		first = chunk.Next
	}
}

func (w *writer) expect(v *Volume) {
	w.t.Helper()
	found := map[string]string{}
	for _, row := range v.Rows("", "") {
		found[row.Key] = row.Value.Bytes
	}
	require.Equal(w.t, w.at[v.VDL], found, "at %d", v.VDL)
	require.NoError(w.t, v.Check())
}

// Every point restores to exactly the transactions that have committed there: pages and log, in any number of groups,
// with transactions open at the point and rows that have moved since.
func TestEveryPointIsTheCommittedPrefix(t *testing.T) {
	undone := 0
	for seed := range uint64(6) {
		w := newWriter(t, seed, 1+int(seed)%3)
		w.run(400)
		m := w.objects(16)
		for l := node.LSN(1); int(l) <= len(w.log); l++ {
			v, err := Restore(m, l)
			require.NoError(t, err, "seed %d, at %d", seed, l)
			for at := l; at > v.VDL; at-- {
				require.False(t, w.log[at-1].Last)
			}
			undone += v.Undone
			w.expect(v)
		}
		v, err := Restore(m, 0)
		require.NoError(t, err)
		require.Greater(t, int(v.VDL), len(w.log)-16)
		w.expect(v)
		_, err = Restore(m, node.LSN(len(w.log)+1))
		require.Equal(t, &NoSuchPointError{Asked: node.LSN(len(w.log) + 1), Newest: node.LSN(len(w.log))}, err)
	}
	require.Greater(t, undone, 1000)
}

// Each object in turn is gone or damaged: the restored volume is right, or there is none, and the error says why.
func TestMissingAndCorruptObjects(t *testing.T) {
	w := newWriter(t, 3, 2)
	w.run(150)
	m := w.objects(16)
	end := node.LSN(len(w.log))
	errs := map[string]int{}
	try := func(broken memory, name string) {
		for _, at := range []node.LSN{end, end / 2, 20} {
			v, err := Restore(broken, at)
			var missing *MissingError
			var corrupt *CorruptError
			var none *NoSuchPointError
			var hole *BrokenError
			switch {
			case err == nil:
				w.expect(v)
				errs["restored"]++
			case errors.As(err, &missing):
				errs["missing"]++
			case errors.As(err, &corrupt):
				require.Equal(t, name, corrupt.Name)
				errs["corrupt"]++
			case errors.As(err, &none):
				errs["none"]++
			case errors.As(err, &hole):
				errs["hole"]++
			default:
				t.Fatal(err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		without := maps.Clone(m)
		delete(without, name)
		try(without, name)
		for at := range len(m[name]) {
			if at%7 != 0 {
				continue
			}
			flipped := maps.Clone(m)
			flipped[name] = slices.Clone(m[name])
			flipped[name][at] ^= 1 << (at % 8)
			try(flipped, name)
		}
		exchanged := maps.Clone(m)
		for other := range m {
			if other > name && other[:3] == name[:3] {
				exchanged[name] = m[other]
				try(exchanged, name)
				break
			}
		}
	}
	for _, kind := range []string{"restored", "missing", "corrupt", "none"} {
		require.NotZero(t, errs[kind], kind)
	}

	_, err := Restore(memory{}, 0)
	require.Equal(t, &MissingError{Name: VolumeName}, err)
	// A group of which nothing is there is missed.
	for name := range m {
		if strings.Contains(name, "/00001/") {
			delete(m, name)
		}
	}
	_, err = Restore(m, end)
	require.IsType(t, &NoSuchPointError{}, err)
}

// A group that came into use later has put nothing into the store yet, while the others have put images of what came
// after: only the records that are in no object tell that it is missing. The newest point is before the first of them.
func TestAGroupThatHasBackedNothingUp(t *testing.T) {
	for seed := range uint64(4) {
		w := newWriter(t, seed, 2)
		w.run(400)
		m := w.objects(16)
		m[VolumeName] = Shape{PageSize: w.size, Groups: 1, Window: 16}.Encode()
		for name := range m {
			if strings.Contains(name, "/00001/") {
				delete(m, name)
			}
		}
		first := node.LSN(1)
		for w.log[first-1].Group == 0 {
			first++
		}
		for l := node.LSN(1); int(l) <= len(w.log); l++ {
			v, err := Restore(m, l)
			if l >= first {
				require.Equal(t, &NoSuchPointError{Asked: l, Newest: first - 1}, err)
				continue
			}
			require.NoError(t, err, "at %d of %d", l, first)
			w.expect(v)
		}
		v, err := Restore(m, 0)
		if first == 1 {
			require.IsType(t, &NoSuchPointError{}, err)
			continue
		}
		require.NoError(t, err)
		w.expect(v)
	}
}

// With the first windows deleted, what the images and the log from there on reach can be restored, where no transaction
// began before.
func TestRestoreFromImagesOnwards(t *testing.T) {
	w := newWriter(t, 5, 2)
	w.run(300)
	m := w.objects(16)
	for name := range m {
		if n, _ := parseName(name); n.kind == logKind && n.through <= 128 || n.kind == imagesKind && n.at < 128 {
			delete(m, name)
		}
	}
	restored := 0
	for l := node.LSN(1); int(l) <= len(w.log); l++ {
		v, err := Restore(m, l)
		if l < 128 {
			require.Equal(t, &NoSuchPointError{Asked: l, Oldest: 128, Newest: node.LSN(len(w.log))}, err)
		} else if err == nil {
			restored++
			w.expect(v)
		} else {
			require.IsType(t, &MissingError{}, err, "at %d", l)
			require.Less(t, l, node.LSN(200))
		}
	}
	require.Greater(t, restored, 100)
}
