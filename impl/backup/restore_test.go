package backup

import (
	"errors"
	"fmt"
	"maps"
	"math"
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
			var missing *MissingError
			require.ErrorAs(t, err, &missing, "at %d", l)
			require.Less(t, l, node.LSN(200))
		}
	}
	require.Greater(t, restored, 100)
}

// manifested adds the manifest of a copy.
func manifested(m memory) memory {
	var all Manifest
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all.Add(name, m[name])
	}
	m[ManifestName] = all.Encode()
	return m
}

// lose returns the objects without one, and with one cut in half.
func lose(m memory, name string) map[string]memory {
	gone, half := maps.Clone(m), maps.Clone(m)
	delete(gone, name)
	half[name] = m[name][:len(m[name])/2]
	return map[string]memory{"removed": gone, "halved": half}
}

// Of a copy that has lost an object every point is restored that does not need it: those before its records, and those
// behind page images that come after them unless a transaction was open across. All others fail with the object's name, the
// newest among them: an older one is not restored instead.
func TestEveryPointThatDoesNotNeedALostObject(t *testing.T) {
	for seed := range uint64(2) {
		w := newWriter(t, seed, 2)
		w.run(100)
		m := manifested(w.objects(16))
		end := node.LSN(len(w.log))
		images := end / 64 * 64
		counted := map[string]int{}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			for how, lossy := range lose(m, name) {
				n, _ := parseName(name)
				for l := node.LSN(0); l <= end; l++ {
					point := l
					if l == 0 {
						point = end
					}
					if l%3 == 2 && l%16 < 14 {
						continue // the edges of windows, and some between them
					}
					for !w.log[point-1].Last {
						if point--; point == 0 {
							break
						}
					}
					v, err := Restore(lossy, l)
					// What is needed at the most: an empty object, or one whose records others stand in for, is not.
					needed := name == VolumeName || n.kind == logKind && point >= n.from &&
						(max(l, point) < n.through || point/64*64 < n.through || w.log[point-1].OldestActive <= n.through)
					if err == nil {
						w.expect(v)
						require.Equal(t, point, v.VDL)
						counted["restored"]++
						if how == "removed" && name != ManifestName {
							require.Len(t, v.Lost, 1)
							require.Equal(t, &MissingError{Name: name}, v.Lost[0])
						}
						continue
					}
					counted["lost"]++
					require.True(t, needed, "%s %s, at %d: %v", name, how, l, err)
					require.ErrorContains(t, err, name)
					var lost *LostError
					if errors.As(err, &lost) && lost.Before > 1 {
						before, err := Restore(lossy, lost.Before-1)
						require.NoError(t, err)
						w.expect(before)
					}
				}
			}
		}
		require.NotZero(t, images)
		require.Greater(t, counted["restored"], 2*counted["lost"])
		require.Greater(t, counted["lost"], 100)
	}
}

// Where the newest log objects of a group are lost, the newest point is not restored to what is left, but named.
func TestTheNewestPointIsNotAnOlderOne(t *testing.T) {
	w := newWriter(t, 3, 2)
	w.run(150)
	m := w.objects(16)
	end := node.LSN(len(w.log))
	last := LogName(1, (end-1)/16*16+1, end)
	require.Contains(t, m, last)
	without := maps.Clone(m)
	delete(without, last)
	v, err := Restore(without, 0) // of a store that is still put into: this group's turn has not come
	require.NoError(t, err)
	require.LessOrEqual(t, v.VDL, (end-1)/16*16)

	m = manifested(m)
	delete(m, last)
	_, err = Restore(m, 0)
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, end, lost.Newest)
	require.Equal(t, []error{&MissingError{Name: last}}, lost.Lost)
	require.ErrorContains(t, err, fmt.Sprintf("the newest point, VDL %d, cannot be restored", end))
	require.ErrorContains(t, err, fmt.Sprintf("group 1's records of LSN %d to %d", (end-1)/16*16+1, end))
	require.ErrorContains(t, err, fmt.Sprintf("points before LSN %d need none of it", (end-1)/16*16+1))
}

// A hole in the log is known without a manifest, when later objects of the group are there: logs, or images alone.
func TestAHoleIsKnown(t *testing.T) {
	w := newWriter(t, 3, 2)
	w.run(220)
	m := w.objects(16)
	hole := []string{LogName(0, 17, 32), LogName(1, 33, 48), LogName(1, 49, 64)}
	for _, name := range hole {
		delete(m, name)
	}
	var none *NoSuchPointError
	_, err := Restore(m, 1<<40)
	require.ErrorAs(t, err, &none)
	require.Equal(t, hole, none.Absent)
	require.Equal(t, node.LSN(len(w.log)), none.Newest)
	for name := range m {
		if n, _ := parseName(name); n.group == 1 && (n.from > 48 || n.at > 64) {
			delete(m, name)
		}
	}
	_, err = Restore(m, 1<<40)
	require.ErrorAs(t, err, &none)
	require.Equal(t, hole, none.Absent)
	require.Equal(t, node.LSN(64), none.Newest)
}

// While a window is under way its log is put in parts. Where the whole one is lost, the parts stand in for it.
func TestAPartStandsInForItsWindow(t *testing.T) {
	w := newWriter(t, 4, 1)
	w.run(60)
	m := w.objects(16)
	for _, end := range []int{20, 27} {
		l := Log{From: 17, Through: node.LSN(end), Records: w.log[16:end]}
		m[LogName(0, 17, l.Through)] = l.Encode()
	}
	whole := LogName(0, 17, 32)
	require.Contains(t, m, whole)
	v, err := Restore(m, 26)
	require.NoError(t, err)
	require.Equal(t, 2, v.Objects) // the longest alone is read
	w.expect(v)
	for how, lossy := range lose(manifested(m), whole) {
		for l := node.LSN(17); l <= 32; l++ {
			v, err := Restore(lossy, l)
			if l > 27 {
				require.ErrorContains(t, err, whole, "at %d", l)
				continue
			}
			require.NoError(t, err, "%s, at %d", how, l)
			w.expect(v)
			require.Len(t, v.Lost, 1)
		}
	}
}

// An object that is sound and another's, under the same name, is known by the manifest.
func TestAnObjectOfAnotherVolume(t *testing.T) {
	w, other := newWriter(t, 1, 1), newWriter(t, 2, 1)
	w.run(150)
	other.run(150)
	m := manifested(w.objects(16))
	name := LogName(0, 1, 16)
	m[name] = other.objects(16)[name]
	_, err := Restore(m, 20)
	require.ErrorContains(t, err, "object "+name)
	require.ErrorContains(t, err, "it is not the object of")
}

func TestManifestsAreReadStrictly(t *testing.T) {
	names := func(all ...string) []byte {
		var m Manifest
		for _, n := range all {
			m = append(m, Listed{Name: n, Bytes: len(n)})
		}
		return m.Encode()
	}
	m, err := DecodeManifest(names(LogName(0, 1, 16), VolumeName))
	require.NoError(t, err)
	require.Len(t, m, 2)
	require.Equal(t, names(LogName(0, 1, 16), VolumeName), m.Encode())
	sound := names(VolumeName)
	for _, bad := range [][]byte{
		nil, sound[:len(sound)/2], names(VolumeName, LogName(0, 1, 16)), names(VolumeName, VolumeName), names("thesis.tex"), names(ManifestName),
		end(append(begin(manifestKind), 200)), end(append(slices.Clone(sound[:len(sound)-sumBytes]), 0)), Shape{1, 1, 1}.Encode(),
	} {
		_, err := DecodeManifest(bad)
		require.IsType(t, &CorruptError{}, err)
	}
	m = nil
	for _, name := range []string{VolumeName, LogName(1, 1, 16), LogName(0, 1, 16)} {
		m.Add(name, nil)
	}
	require.Equal(t, []string{LogName(0, 1, 16), LogName(1, 1, 16), VolumeName}, []string{m[0].Name, m[1].Name, m[2].Name})
	_, err = ReadManifest(memory{})
	require.Equal(t, &MissingError{Name: ManifestName}, err)
}

// Names sort as their numbers do, up to the largest number of so many digits, and no digit is lost beyond it.
func TestNamesArePadded(t *testing.T) {
	for _, n := range []uint64{0, 1, 9, 10, 99_999, 100_000, 9_999_999_999_999_999, 10_000_000_000_000_000, math.MaxUint64} {
		l := node.LSN(n)
		require.Equal(t, fmt.Sprintf("log/%05d/%016d-%016d", 7, l, l), LogName(7, l, l))
		require.Equal(t, fmt.Sprintf("pages/%05d/%016d/%010d", 7, l, 12), ImagesName(7, l, 12))
	}
	require.Equal(t, "pages/65535/0000000000000000/4294967295", ImagesName(math.MaxUint16, 0, math.MaxUint32))
}
