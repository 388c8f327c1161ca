package btree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A volume holds a tree's pages and applies what the tree proposes, twice: to the pages in place, and to a shadow copy
// as a segment does it, from bytes to bytes.
type volume struct {
	t       testing.TB
	tree    Tree
	pages   map[node.PageID]*page.Page
	shadow  map[node.PageID][]byte // nil when the test does not compare
	lsn     node.LSN
	rows    map[string]string // what the tree must hold
	hide    func() bool       // nil: no page is ever missing
	fetched map[node.PageID]bool
	misses  int
	splits  int
	merges  int
}

func newVolume(t testing.TB, size int, capacity node.PageID) *volume {
	v := &volume{t: t, pages: map[node.PageID]*page.Page{}, shadow: map[node.PageID][]byte{}, rows: map[string]string{}}
	v.tree = Tree{Pages: v, PageSize: size, Capacity: capacity}
	return v
}

// Page implements Pages.
func (v *volume) Page(id node.PageID) *page.Page {
	if v.hide != nil && !v.fetched[id] && v.hide() {
		v.misses++
		v.fetched[id] = true // it is there when the operation is tried again
		return nil
	}
	return v.at(id)
}

func (v *volume) at(id node.PageID) *page.Page {
	p := v.pages[id]
	if p == nil {
		p = &page.Page{ID: id}
		v.pages[id] = p
	}
	return p
}

// try does what may miss pages until it misses none.
func (v *volume) try(operation func() bool) {
	v.fetched = map[node.PageID]bool{}
	for range 1000 {
		if operation() {
			return
		}
		require.NotNil(v.t, v.hide, "a page is missing, and none was hidden")
	}
	require.Fail(v.t, "an operation does not end")
}

func (v *volume) issue(r node.Record) {
	v.lsn++
	r.LSN = v.lsn
	r.Seal()
	p := v.at(r.Page)
	require.NoError(v.t, p.Apply(&r))
	if v.shadow == nil {
		return
	}
	back, err := node.DecodeRecord(r.AppendBinary(nil))
	require.NoError(v.t, err)
	copied := &page.Page{ID: r.Page}
	if image := v.shadow[r.Page]; image != nil {
		copied, err = page.Decode(image)
		require.NoError(v.t, err)
	}
	require.NoError(v.t, copied.Apply(back))
	v.shadow[r.Page] = copied.Encode()
	require.Equal(v.t, p.Encode(), v.shadow[r.Page], "page %d", r.Page)
	require.LessOrEqual(v.t, p.Size(), v.tree.PageSize, "page %d", r.Page)
}

// change issues one structural change.
func (v *volume) change(records []node.Record) {
	seen := map[node.PageID]bool{}
	for i, r := range records {
		require.Equal(v.t, node.Structure, r.Kind)
		require.Equal(v.t, i == len(records)-1, r.Last)
		require.False(v.t, seen[r.Page], "two records for page %d", r.Page)
		seen[r.Page] = true
		v.issue(r)
	}
}

// room makes room for rows.
func (v *volume) room(rows []node.Row) error {
	for range 10_000 {
		var change []node.Record
		var err error
		v.try(func() bool {
			change, err = v.tree.Room(rows)
			return !missing(err)
		})
		if err != nil || len(change) == 0 {
			return err
		}
		v.splits++
		v.change(change)
		v.check()
	}
	return errors.New("there is never room")
}

func missing(err error) bool {
	var m *MissingPageError
	return errors.As(err, &m)
}

// put writes rows as a writer does: first room for all, then one record a row.
func (v *volume) put(rows ...node.Row) error {
	if err := v.room(rows); err != nil {
		return err
	}
	for _, row := range rows {
		v.try(func() bool {
			leaf, ok := v.tree.Leaf(row.Key)
			if ok {
				v.issue(node.Record{Kind: node.Write, Page: leaf.ID, Key: row.Key, Old: leaf.Get(row.Key), New: row.Value})
			}
			return ok
		})
		if row.Value.Exists {
			v.rows[row.Key] = row.Value.Bytes
		} else {
			delete(v.rows, row.Key)
		}
	}
	return nil
}

func (v *volume) shrink(key string) {
	for range 1000 {
		var change []node.Record
		v.try(func() bool {
			var err error
			change, err = v.tree.Shrink(key)
			require.True(v.t, err == nil || missing(err), err)
			return err == nil
		})
		if len(change) == 0 {
			return
		}
		v.merges++
		v.change(change)
		v.check()
	}
	require.Fail(v.t, "there is always something to give back")
}

// check checks the whole tree.
func (v *volume) check() {
	hide := v.hide
	v.hide = nil
	require.NoError(v.t, v.tree.Check())
	v.hide = hide
}

// scan compares a scan with what the tree must hold.
func (v *volume) scan(from, to string, limit int) {
	var want, found []page.Cell
	for _, key := range slices.Sorted(maps.Keys(v.rows)) {
		if key >= from && (to == "" || key < to) && (limit == 0 || len(want) < limit) {
			want = append(want, page.Cell{Key: key, Value: v.rows[key]})
		}
	}
	v.try(func() bool {
		found = nil
		return v.tree.Scan(from, to, limit, func(c page.Cell) bool { found = append(found, c); return true })
	})
	require.Equal(v.t, want, found, "scan from %q to %q limit %d", from, to, limit)
}

func (v *volume) get(key string) {
	var value node.Value
	v.try(func() (ok bool) {
		value, ok = v.tree.Get(key)
		return ok
	})
	want, exists := v.rows[key]
	require.Equal(v.t, node.Value{Bytes: want, Exists: exists}, value, "row %q", key)
}

func (v *volume) free() (n int) {
	p := v.at(Meta)
	m, err := readMeta(p)
	require.NoError(v.t, err)
	for id := m.free; id != 0; id = v.at(id).Next {
		n++
	}
	return n
}

// images are the bytes of all pages.
func (v *volume) images() map[node.PageID]string {
	all := map[node.PageID]string{}
	for id, p := range v.pages {
		if p.LSN > 0 { // the others are as good as not there
			all[id] = string(p.Encode())
		}
	}
	return all
}

var sizes = []int{page.MinSize, 700, 1024, 4096, page.DefaultSize, page.MaxSize}

// A drawer draws rows of all lengths that a page takes.
type drawer struct {
	*rand.Rand
	size   int
	rising int
	style  int
}

func (d *drawer) key() string {
	most := page.MaxCell(d.size)
	switch d.style {
	case 0: // few and short
		return fmt.Sprintf("k%d", d.IntN(500))
	case 1: // a long common beginning, to have long separators
		return strings.Repeat("p", most/2) + fmt.Sprintf("%d", d.IntN(2000))
	case 2: // rising
		d.rising++
		return fmt.Sprintf("%08d", d.rising-d.IntN(min(d.rising, 3)))
	default: // of any length
		b := make([]byte, 1+d.IntN(most))
		for i := range b {
			b[i] = "ab\x00\xff"[d.IntN(4)]
		}
		return string(b)
	}
}

func (d *drawer) row() node.Row {
	key := d.key()
	if d.IntN(3) == 0 {
		return node.Row{Key: key}
	}
	room := page.MaxCell(d.size) - len(key)
	length := d.IntN(min(room, 40) + 1)
	if d.IntN(8) == 0 {
		length = room
	}
	return node.Row{Key: key, Value: node.Some(strings.Repeat(string(rune('a'+d.IntN(26))), length))}
}

// work does so many operations, of all kinds.
func (v *volume) work(d *drawer, operations int) {
	for i := range operations {
		switch n := d.IntN(20); {
		case n < 9:
			rows := make([]node.Row, 1+d.IntN(8))
			for i := range rows {
				rows[i] = d.row()
			}
			require.NoError(v.t, v.put(rows...))
		case n < 13: // a run of rows goes
			keys := slices.Sorted(maps.Keys(v.rows))
			from, _ := slices.BinarySearch(keys, d.key())
			for _, key := range keys[from:min(len(keys), from+d.IntN(40))] {
				require.NoError(v.t, v.put(node.Row{Key: key}))
				v.shrink(key)
			}
		case n < 16:
			v.get(d.key())
		case n < 18:
			v.scan(d.key(), d.key(), d.IntN(5))
		default:
			v.scan(d.key(), "", d.IntN(30))
		}
		if i%16 == 0 {
			v.check()
		}
	}
	v.check()
	v.scan("", "", 0)
}

// Against a sorted map, for page sizes from the smallest to the largest and keys of every kind. Every record is applied to
// a second copy from bytes to bytes, and gives the same page.
func TestAgainstAMap(t *testing.T) {
	operations := 400
	if testing.Short() {
		operations = 100
	}
	for _, size := range sizes {
		splits, merges := 0, 0
		for style := range 4 {
			t.Run(fmt.Sprintf("%d/%d", size, style), func(t *testing.T) {
				v := newVolume(t, size, 1<<20)
				v.work(&drawer{Rand: rand.New(rand.NewPCG(uint64(size), uint64(style))), size: size, style: style}, operations)
				splits, merges = splits+v.splits, merges+v.merges
			})
		}
		require.Positive(t, splits, "page size %d", size)
		if size <= 1024 && !testing.Short() {
			require.Positive(t, merges, "page size %d", size)
		}
	}
}

// Pages that are missing delay an operation and change nothing: with and without them, the log is the same.
func TestMissingPagesChangeNothing(t *testing.T) {
	for style := range 4 {
		run := func(hide bool) *volume {
			v := newVolume(t, page.MinSize, 1<<20)
			if d := rand.New(rand.NewPCG(9, 9)); hide {
				v.hide = func() bool { return d.IntN(3) == 0 }
			}
			v.work(&drawer{Rand: rand.New(rand.NewPCG(7, uint64(style))), size: page.MinSize, style: style}, 150)
			return v
		}
		without, with := run(false), run(true)
		require.Greater(t, with.misses, 200)
		require.Equal(t, without.lsn, with.lsn)
		require.Equal(t, without.images(), with.images())
	}
}

// What is deleted gives its pages back, down to the root alone, and they are used again before new ones are.
func TestPagesAreUsedAgain(t *testing.T) {
	v := newVolume(t, page.MinSize, 1<<20)
	key := func(i int) string { return fmt.Sprintf("%05d", i*7919%2000) }
	var next node.PageID
	for round := range 3 {
		for i := range 2000 {
			require.NoError(t, v.put(node.Row{Key: key(i), Value: node.Some(strings.Repeat("v", i%90))}))
		}
		require.Greater(t, v.at(Root).Level, uint8(1))
		m, err := readMeta(v.at(Meta))
		require.NoError(t, err)
		if round > 0 {
			require.Equal(t, next, m.next, "the same rows need no new pages")
		}
		next = m.next
		for i := range 2000 {
			k := key(i * 3 % 2000)
			require.NoError(t, v.put(node.Row{Key: k}))
			v.shrink(k)
		}
		require.Empty(t, v.rows)
		require.Equal(t, uint8(0), v.at(Root).Level)
		require.Equal(t, int(next-First), v.free())
		v.check()
	}
}

// A page that was just split is not merged again, nor one that was just merged split, by one row more or less.
func TestNoSplitUndoesAMerge(t *testing.T) {
	v := newVolume(t, page.MinSize, 1<<20)
	d := &drawer{Rand: rand.New(rand.NewPCG(3, 3)), size: page.MinSize}
	for i := range 400 {
		require.NoError(t, v.put(node.Row{Key: fmt.Sprintf("k%03d", i), Value: node.Some(strings.Repeat("v", d.IntN(60)))}))
	}
	before := v.splits + v.merges
	for range 1000 {
		row := node.Row{Key: fmt.Sprintf("k%03d", d.IntN(400)) + "x", Value: node.Some("12345678")}
		require.NoError(t, v.put(row))
		row.Value = node.Value{}
		require.NoError(t, v.put(row))
		v.shrink(row.Key)
	}
	require.Less(t, v.splits+v.merges-before, 100)
}

// Rows that come in the order of their keys fill their pages.
func TestRisingKeysFillPages(t *testing.T) {
	v := newVolume(t, page.MinSize, 1<<20)
	bytes := 0
	for i := range 1000 {
		c := page.Cell{Key: fmt.Sprintf("%06d", i), Value: "0123456789"}
		require.NoError(t, v.put(node.Row{Key: c.Key, Value: node.Some(c.Value)}))
		bytes += c.Bytes()
	}
	leaves, _ := v.tree.Leaf("")
	n := 1
	for ; leaves.Next != 0; n++ {
		leaves = v.at(leaves.Next)
	}
	require.LessOrEqual(t, float64(n), 1.1*float64(bytes)/float64(v.tree.payload()))
}

// Many rows of the largest size at once, into an empty tree and between what is there.
func TestRoomForManyLargeRows(t *testing.T) {
	for _, size := range sizes {
		v := newVolume(t, size, 1<<20)
		for _, first := range []string{"m", "a", "z", "b"} {
			var rows []node.Row
			for i := range 64 {
				key := fmt.Sprintf("%s%02d", first, i*37%64) // in no order
				rows = append(rows, node.Row{Key: key, Value: node.Some(strings.Repeat(first, page.MaxCell(size)-len(key)))})
			}
			require.NoError(t, v.put(rows...))
			v.check()
			v.scan("", "", 0)
		}
	}
}

// There is room for rows in every order in which they are written, and for taking them back in between: one that becomes
// smaller or goes makes no room for another of the same put.
func TestRoomDoesNotCountWhatGoes(t *testing.T) {
	v := newVolume(t, page.MinSize, 1<<20)
	large := strings.Repeat("v", 110)
	for _, key := range []string{"a", "b", "c", "d"} {
		require.NoError(t, v.put(node.Row{Key: key, Value: node.Some(large)}))
	}
	require.Zero(t, v.splits)
	require.NoError(t, v.put(node.Row{Key: "e", Value: node.Some(large)}, node.Row{Key: "b"}, node.Row{Key: "c", Value: node.Some("")}))
	require.Equal(t, 1, v.splits)
	v.check()
}

func TestRowsThatAreTooLarge(t *testing.T) {
	for _, size := range sizes {
		v := newVolume(t, size, 1<<20)
		most := page.MaxCell(size)
		require.NoError(t, v.put(node.Row{Key: "fits", Value: node.Some(strings.Repeat("v", most-4))}))
		var large *page.CellError
		require.ErrorAs(t, v.put(node.Row{Key: "a", Value: node.Some("1")}, node.Row{Key: "b", Value: node.Some(strings.Repeat("v", most))}), &large)
		require.Equal(t, "b", large.Key)
		require.ErrorAs(t, v.put(node.Row{Key: strings.Repeat("k", most+1)}), &large)
		v.scan("", "", 0)
		v.check()
	}
}

// A full volume refuses rows, keeps those that it has, and takes rows again when pages come back.
func TestAFullVolume(t *testing.T) {
	for capacity := First; capacity < 40; capacity++ {
		v := newVolume(t, page.MinSize, capacity)
		var full *FullError
		n := 0
		for ; full == nil; n++ {
			before := v.images()
			splits := v.splits
			err := v.put(node.Row{Key: fmt.Sprintf("%04d", n*7919%10000), Value: node.Some(strings.Repeat("v", 50))})
			if errors.As(err, &full) {
				require.Equal(t, capacity, full.Capacity)
				require.Greater(t, full.Needed, full.Left)
				if splits == v.splits {
					require.Equal(t, before, v.images())
				}
				break
			}
			require.NoError(t, err)
		}
		require.GreaterOrEqual(t, n, 7*max(1, int(capacity-First)/2-1), "capacity %d", capacity)
		v.check()
		v.scan("", "", 0)
		rows := maps.Clone(v.rows)
		for key := range rows {
			require.NoError(t, v.put(node.Row{Key: key}))
			v.shrink(key)
		}
		if capacity >= First+2 {
			require.Greater(t, v.free(), 1)
		}
		for key, value := range rows {
			if err := v.put(node.Row{Key: key, Value: node.Some(value)}); err != nil {
				require.ErrorAs(t, err, &full) // in another order it may take more pages
				break
			}
		}
		v.check()
		v.scan("", "", 0)
	}
}

// The largest pages, the longest keys: the tree grows a level only when it must, and every level's pages have several
// children.
func TestLongSeparators(t *testing.T) {
	for _, size := range sizes {
		v := newVolume(t, size, 1<<20)
		most := page.MaxCell(size)
		for i := range 300 {
			suffix := fmt.Sprintf("%03d", i*211%300)
			require.NoError(t, v.put(node.Row{Key: strings.Repeat("k", most-len(suffix)) + suffix, Value: node.Some("")}))
		}
		v.check()
		v.scan("", "", 0)
		require.LessOrEqual(t, v.at(Root).Level, uint8(7), "page size %d", size)
	}
}

func TestScanEndsWhenItIsTold(t *testing.T) {
	v := newVolume(t, page.MinSize, 1<<20)
	for i := range 200 {
		require.NoError(t, v.put(node.Row{Key: fmt.Sprintf("%03d", i), Value: node.Some("0123456789")}))
	}
	var seen []string
	require.True(t, v.tree.Scan("100", "", 0, func(c page.Cell) bool {
		seen = append(seen, c.Key)
		return c.Key < "150"
	}))
	require.Len(t, seen, 51)
	// A scan that ends within the first leaf's range reads no other leaf.
	leaf, _ := v.tree.Leaf("100")
	delete(v.pages, leaf.Next)
	v.hide = func() bool { return true }
	v.fetched = map[node.PageID]bool{leaf.ID: true}
	for id, p := range v.pages {
		v.fetched[id] = p.Level > 0 || id == leaf.ID
	}
	last := leaf.Cells[len(leaf.Cells)-1].Key
	require.True(t, v.tree.Scan("100", last+"\x00", 0, func(page.Cell) bool { return true }))
	require.False(t, v.tree.Scan("100", "999", 0, func(page.Cell) bool { return true }))
}

// An operation of the fuzzer, each from six bytes of its input: none of them is wasted.
type operation struct {
	Kind   uint8
	Key    uint16
	Length uint16
	More   uint8
}

// operations reads as many as there are whole ones.
func operations(data []byte) []operation {
	var all []operation
	for ; len(data) >= 6; data = data[6:] {
		all = append(all, operation{data[0], binary.LittleEndian.Uint16(data[1:]), binary.LittleEndian.Uint16(data[3:]), data[5]})
	}
	return all
}

// FuzzTree lets the fuzzer choose the page size, the capacity and every operation.
func FuzzTree(f *testing.F) {
	f.Add([]byte("firstgap"))
	f.Add([]byte(strings.Repeat("\x01\x80\x37split and merge", 60)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 {
			return
		}
		data = data[:min(len(data), 2+6*300)] // what a longer input finds, a shorter one does
		size := sizes[int(data[0])%len(sizes)]
		v := newVolume(t, size, First+node.PageID(data[1]))
		most := page.MaxCell(size)
		for _, o := range operations(data[2:]) {
			key := fmt.Sprintf("%d", o.Key%512)
			key += strings.Repeat("k", int(o.More)*(most-len(key))/255)
			switch o.Kind % 8 {
			case 0, 1, 2, 3:
				var rows []node.Row
				for i := range int(o.More%4) + 1 {
					k := key[:len(key)-1] + string(rune('0'+i))
					rows = append(rows, node.Row{Key: k, Value: node.Some(strings.Repeat("v", int(o.Length)%(most-len(k)+1)))})
				}
				if err := v.put(rows...); err != nil {
					var full *FullError
					require.ErrorAs(t, err, &full)
				}
			case 4:
				require.NoError(t, v.put(node.Row{Key: key}))
				v.shrink(key)
			case 5:
				for _, k := range slices.Sorted(maps.Keys(v.rows)) {
					if k >= key && k < key+"9" {
						require.NoError(t, v.put(node.Row{Key: k}))
						v.shrink(k)
					}
				}
			case 6:
				v.get(key)
			case 7:
				v.scan(key, key[:1]+"9", int(o.More)%9)
			}
		}
		v.check()
		v.scan("", "", 0)
	})
}

// benchmarkRows are rows of some 100 bytes in no order.
func benchmarkRows(n int) []node.Row {
	rows := make([]node.Row, n)
	for i := range rows {
		rows[i] = node.Row{Key: fmt.Sprintf("user%016d", uint64(i)*0x9E3779B97F4A7C15>>11), Value: node.Some(strings.Repeat("v", 80))}
	}
	return rows
}

// BenchmarkPuts writes rows into a tree of 8 KiB pages, splits included.
func BenchmarkPuts(b *testing.B) {
	rows := benchmarkRows(100_000)
	b.ReportAllocs()
	var v *volume
	for i := 0; b.Loop(); i++ {
		if i%len(rows) == 0 {
			v = newVolume(b, page.DefaultSize, 1<<30)
		}
		row := rows[i%len(rows) : i%len(rows)+1]
		for {
			change, err := v.tree.Room(row)
			if err != nil {
				b.Fatal(err)
			}
			if len(change) == 0 {
				break
			}
			for _, r := range change {
				v.lsn++
				r.LSN = v.lsn
				if err := v.at(r.Page).Apply(&r); err != nil {
					b.Fatal(err)
				}
			}
		}
		leaf, _ := v.tree.Leaf(row[0].Key)
		v.lsn++
		r := node.Record{LSN: v.lsn, Kind: node.Write, Page: leaf.ID, Key: row[0].Key, Old: leaf.Get(row[0].Key), New: row[0].Value}
		if err := leaf.Apply(&r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
}

// BenchmarkGets reads rows of a tree of 100,000 rows in 8 KiB pages.
func BenchmarkGets(b *testing.B) {
	rows := benchmarkRows(100_000)
	v := newVolume(b, page.DefaultSize, 1<<30)
	v.shadow = nil
	for i := range rows {
		for {
			change, err := v.tree.Room(rows[i : i+1])
			if err != nil {
				b.Fatal(err)
			}
			if len(change) == 0 {
				break
			}
			for _, r := range change {
				v.issue(r)
			}
		}
		leaf, _ := v.tree.Leaf(rows[i].Key)
		v.issue(node.Record{Kind: node.Write, Page: leaf.ID, Key: rows[i].Key, New: rows[i].Value})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if value, ok := v.tree.Get(rows[i%len(rows)].Key); !ok || !value.Exists {
			b.Fatal(rows[i%len(rows)].Key)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "gets/s")
}
