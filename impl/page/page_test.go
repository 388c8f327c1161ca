package page

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

func write(l node.LSN, key string, old, new node.Value) *node.Record {
	return &node.Record{LSN: l, Kind: node.Write, Page: 3, Key: key, Old: old, New: new}
}

func structure(l node.LSN, key string, old, new Fragment) *node.Record {
	return &node.Record{LSN: l, Kind: node.Structure, Page: 3, Key: key, Old: old.Value(), New: new.Value()}
}

func built(t *testing.T) *Page {
	p := &Page{ID: 3}
	none := node.Value{}
	for _, r := range []*node.Record{
		write(1, "m", none, node.Some("1")), write(2, "a", none, node.Some("2")), write(5, "z", none, node.Some("")),
		write(6, "m", node.Some("1"), node.Some("3")), write(8, "a", node.Some("2"), none),
	} {
		require.NoError(t, p.Apply(r))
		require.Len(t, p.Encode(), p.Size())
	}
	return p
}

func TestApply(t *testing.T) {
	p := built(t)
	require.Equal(t, []Cell{{"m", "3"}, {"z", ""}}, p.Cells)
	require.Equal(t, node.LSN(8), p.LSN)
	require.Equal(t, node.Some(""), p.Get("z"), "an empty value is a value")
	require.Equal(t, node.Value{}, p.Get("a"))
	require.NoError(t, p.Apply(&node.Record{LSN: 9, Kind: node.Commit, Page: 3, Key: "gone"}))
	require.Equal(t, New(3, 9, 0, 0, Cell{"m", "3"}, Cell{"z", ""}), p)
}

// A structural change replaces the header and a run of cells, wherever the run lies.
func TestApplyStructure(t *testing.T) {
	mz := []Cell{{"m", "3"}, {"z", ""}}
	for name, c := range map[string]struct {
		key      string
		old, new Fragment
		want     *Page
	}{
		"the upper half leaves": {"z", Fragment{Cells: mz[1:]}, Fragment{Next: 7}, New(3, 9, 0, 7, mz[0])},
		"all leave":             {"", Fragment{Cells: mz}, Fragment{Level: Free, Next: 9}, New(3, 9, Free, 9, []Cell{}...)},
		"cells come below":      {"a", Fragment{}, Fragment{Cells: []Cell{{"a", "1"}, {"b", "2"}}}, New(3, 9, 0, 0, Cell{"a", "1"}, Cell{"b", "2"}, mz[0], mz[1])},
		"cells come between":    {"n", Fragment{}, Fragment{Cells: []Cell{{"o", "1"}}}, New(3, 9, 0, 0, mz[0], Cell{"o", "1"}, mz[1])},
		"cells come above":      {"zz", Fragment{}, Fragment{Next: 8, Cells: []Cell{{"zz", "1"}}}, New(3, 9, 0, 8, mz[0], mz[1], Cell{"zz", "1"})},
		"another level":         {"", Fragment{Cells: mz}, Fragment{Level: 2, Cells: []Cell{{"", "4"}, {"p", "5"}}}, New(3, 9, 2, 0, Cell{"", "4"}, Cell{"p", "5"})},
	} {
		t.Run(name, func(t *testing.T) {
			p := built(t)
			require.NoError(t, p.Apply(structure(9, c.key, c.old, c.new)))
			require.Equal(t, c.want, p)
			require.Len(t, p.Encode(), p.Size())
			back := structure(10, c.key, c.new, c.old)
			require.NoError(t, p.Apply(back), "the other way round it is the way back")
			require.Equal(t, New(3, 10, 0, 0, mz...), p)
		})
	}
}

// A record that does not continue the page is refused, and the page stays as it is.
func TestApplyRefusesWhatDoesNotContinueThePage(t *testing.T) {
	z, m := []Cell{{"z", ""}}, []Cell{{"m", "3"}}
	for name, c := range map[string]struct {
		record *node.Record
		why    string
	}{
		"applied already":   {write(8, "m", node.Some("3"), node.Some("4")), "not newer"},
		"another old":       {write(9, "m", node.Some("2"), node.Some("4")), "the row holds 3, the record expects 2"},
		"no such row":       {write(9, "q", node.Some("2"), node.Some("4")), "the row holds none, the record expects 2"},
		"exists already":    {write(9, "m", node.Value{}, node.Some("4")), "the row holds 3, the record expects none"},
		"another page":      {&node.Record{LSN: 9, Kind: node.Commit, Page: 4}, "of another page"},
		"of no kind":        {&node.Record{LSN: 9, Page: 3}, "of no kind"},
		"another level":     {structure(9, "z", Fragment{Level: 1, Cells: z}, Fragment{}), "the page holds level 0, next 0, 1 cells from \"z\" to \"z\", the record expects level 1"},
		"another next":      {structure(9, "z", Fragment{Next: 1, Cells: z}, Fragment{}), "expects level 0, next 1"},
		"other cells":       {structure(9, "m", Fragment{Cells: z}, Fragment{}), "from \"m\" to \"m\", the record expects level 0, next 0, 1 cells from \"z\""},
		"another value":     {structure(9, "z", Fragment{Cells: []Cell{{"z", "1"}}}, Fragment{}), "other cells or header"},
		"more cells":        {structure(9, "z", Fragment{Cells: append(z, Cell{"zz", ""})}, Fragment{}), "the page holds level 0, next 0, 1 cells from \"z\" to \"z\""},
		"not above what is": {structure(9, "z", Fragment{Cells: z}, Fragment{Cells: m}), "its cell \"m\" would be out of order"},
		"not below what is": {structure(9, "m", Fragment{Cells: m}, Fragment{Cells: z}), "its cell \"z\" would be out of order"},
		"not in order":      {structure(9, "m", Fragment{}, Fragment{Cells: []Cell{{"b", ""}, {"a", ""}}}), "its cell \"a\" would be out of order"},
	} {
		t.Run(name, func(t *testing.T) {
			p := built(t)
			var mismatch *MismatchError
			err := p.Apply(c.record)
			require.ErrorAs(t, err, &mismatch)
			require.ErrorContains(t, err, c.why)
			require.Equal(t, built(t), p)
		})
	}
	t.Run("a row above the leaves", func(t *testing.T) {
		p := New(3, 1, 1, 0, Cell{"", "4"})
		require.ErrorContains(t, p.Apply(write(2, "a", node.Value{}, node.Some("1"))), "a row in a page of level 1")
	})
	t.Run("no fragment", func(t *testing.T) {
		p := built(t)
		r := structure(9, "z", Fragment{Cells: z}, Fragment{})
		r.New.Bytes += "x"
		var corrupt *CorruptError
		require.ErrorAs(t, p.Apply(r), &corrupt)
		r = structure(9, "z", Fragment{Cells: z}, Fragment{})
		r.Old = node.Value{}
		require.ErrorAs(t, p.Apply(r), &corrupt)
		require.Equal(t, built(t), p)
	})
}

func TestACloneSharesNothingThatApplyChanges(t *testing.T) {
	p := built(t)
	c := p.Clone()
	for i, r := range []*node.Record{
		write(9, "m", node.Some("3"), node.Some("4")), write(10, "a", node.Value{}, node.Some("4")), write(11, "z", node.Some(""), node.Value{}),
		structure(12, "a", Fragment{Cells: []Cell{{"a", "4"}}}, Fragment{Level: 3, Next: 4, Cells: []Cell{{"b", "5"}}}),
	} {
		require.NoError(t, c.Apply(r), i)
		require.Equal(t, built(t), p)
	}
}

func TestImages(t *testing.T) {
	p := built(t)
	p.Level, p.Next = 2, 1<<32-1
	image := p.Encode()
	require.Len(t, image, p.Size())
	back, err := Decode(image)
	require.NoError(t, err)
	require.Equal(t, p, back)
	var corrupt *CorruptError
	for i := range image {
		damaged := append([]byte(nil), image...)
		damaged[i] ^= 1
		_, err := Decode(damaged)
		require.ErrorAs(t, err, &corrupt, "byte %d", i)
		_, err = Decode(image[:i])
		require.ErrorAs(t, err, &corrupt, "cut at %d", i)
	}
}

// Lengths of one byte and of more, and every cut of a fragment.
func TestFragments(t *testing.T) {
	long := strings.Repeat("l", 1<<14)
	for _, f := range []Fragment{
		{Cells: []Cell{}}, {Level: Free, Next: 1<<32 - 1, Cells: []Cell{}},
		{Level: 1, Next: 300, Cells: []Cell{{"", ""}, {long[:127], long[:128]}, {long[:1<<14-1], long}}},
	} {
		v := f.Value()
		back, err := DecodeFragment(v)
		require.NoError(t, err)
		require.Equal(t, f, back)
		require.Equal(t, CellBytes(f.Cells), New(1, 1, 0, 0, f.Cells...).Size()-Overhead)
		require.Len(t, New(1, 1, 0, 0, f.Cells...).Encode(), New(1, 1, 0, 0, f.Cells...).Size())
		var corrupt *CorruptError
		for i := range v.Bytes[:min(len(v.Bytes), 300)] {
			_, err := DecodeFragment(node.Some(v.Bytes[:i]))
			require.ErrorAs(t, err, &corrupt, "cut at %d", i)
		}
	}
	for name, b := range map[string]string{
		"a next above 32 bits":   "\x00\xff\xff\xff\xff\x7f\x00",
		"a count above the rest": "\x00\x00\x09\x00\x00",
		"a length too long":      "\x00\x00\x01\x82\x00ab\x00", // 2 in two bytes: there must be one image of a page only
		"a length without end":   "\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		_, err := DecodeFragment(node.Some(b))
		require.Error(t, err, name)
	}
}

// Four of the largest cells fit into a page of every size, and five do not.
func TestMaxCell(t *testing.T) {
	for size := MinSize; size <= MaxSize; size += 13 {
		require.NoError(t, ValidSize(size))
		most := MaxCell(size)
		var cells []Cell
		for i := range 4 {
			key := string(rune('a'+i)) + strings.Repeat("k", most/2)
			require.NoError(t, ValidCell(key, strings.Repeat("v", most-len(key)), size))
			cells = append(cells, Cell{Key: key, Value: strings.Repeat("v", most-len(key))})
		}
		require.LessOrEqual(t, New(1, 1, 0, 0, cells...).Size(), size)
		require.Greater(t, New(1, 1, 0, 0, append(cells, Cell{Key: "z", Value: cells[0].Value + cells[0].Key})...).Size(), size)
		var large *CellError
		require.ErrorAs(t, ValidCell(cells[0].Key, cells[0].Value+"v", size), &large)
		require.Equal(t, most, large.Limit)
		require.Equal(t, most+1, large.Bytes)
	}
	var wrong *SizeError
	require.ErrorAs(t, ValidSize(MinSize-1), &wrong)
	require.ErrorAs(t, ValidSize(MaxSize+1), &wrong)
	require.Equal(t, DefaultSize, SizeOf(&node.Volume{}))
	require.Equal(t, 1024, SizeOf(&node.Volume{PageSize: 1024}))
}

// The size that a page counts is that of its image after every change.
func TestTheSizeIsThatOfTheImage(t *testing.T) {
	d := rand.New(rand.NewPCG(1, 1))
	p := &Page{ID: 3}
	for l := node.LSN(1); l <= 2000; l++ {
		key := strings.Repeat(string(rune('a'+d.IntN(26))), 1+d.IntN(200))
		value := node.Some(strings.Repeat("v", d.IntN(300)))
		if d.IntN(2) == 0 {
			value = node.Value{}
		}
		require.NoError(t, p.Apply(write(l, key, p.Get(key), value)))
		require.Equal(t, value, p.Get(key))
		require.Len(t, p.Encode(), p.Size())
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(New(3, 8, 0, 5, Cell{"m", "3"}, Cell{"z", ""}).Encode())
	f.Add([]byte(Fragment{Level: 1, Next: 2, Cells: []Cell{{"a", "b"}}}.Value().Bytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := Decode(b); err == nil {
			require.Equal(t, b, p.Encode())
		}
		if fragment, err := DecodeFragment(node.Some(string(b))); err == nil {
			back, err := DecodeFragment(fragment.Value())
			require.NoError(t, err)
			require.Equal(t, fragment, back)
		}
	})
}
