package judge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// stored objects, by name.
type objects map[string][]byte

func (o objects) Get(name string) ([]byte, error) {
	if b, is := o[name]; is {
		return b, nil
	}
	return nil, &backup.MissingError{Name: name}
}

func (o objects) List(prefix string) (names []string, err error) {
	for _, n := range []string{backup.LogName(0, 1, 8), backup.ImagesName(0, 2, 0)} {
		if _, is := o[n]; is {
			names = append(names, n)
		}
	}
	return names, nil
}

// twoRows is the log of two writes to page 1, and the images of it as of each.
func twoRows(t *testing.T) (*Log, [][]byte) {
	p := &page.Page{ID: 1}
	var records []*node.Record
	var images [][]byte
	for i, key := range []string{"a", "b"} {
		r := &node.Record{LSN: node.LSN(i + 1), Epoch: 1, Prev: node.LSN(i), Kind: node.Write, Page: 1, Key: key, New: node.Some("v"), Last: true, Txn: 1}
		r.Seal()
		require.NoError(t, p.Apply(r))
		records, images = append(records, r), append(images, p.Encode())
	}
	return NewLog(records, node.FirstHistory()), images
}

// Of two pages that differ the finding says what each has, and what the log makes of it: which of the two is wrong. A third copy is named, too.
func TestADifferenceOfPagesSaysWhichIsWrong(t *testing.T) {
	l, image := twoRows(t)
	copyOf := func(name string, image []byte) Copy {
		return Copy{Name: name, State: node.State{Line: 1, SCL: 2, Serving: true}, PageAt: func(node.PageID, node.LSN) ([]byte, error) { return image, nil }}
	}
	j := &Judgement{}
	j.pages(&Evidence{Log: l, Copies: [][]Copy{{copyOf("segment 1/1", image[1]), copyOf("segment 1/2", image[0]), copyOf("segment 1/3", image[1])}}})
	require.Len(t, j.Findings, 1)
	f := &j.Findings[0]
	require.Len(t, f.Differences, 1)
	d := f.Differences[0]
	require.Equal(t, node.PageID(1), d.Page)
	require.Equal(t, node.LSN(2), d.LSN)
	require.Equal(t, "b", d.Row)
	require.Equal(t, 4, d.Byte, "of the image: the LSN")
	var owners []string
	for _, c := range d.Copies {
		owners = append(owners, c.Owner)
		require.Equal(t, c.Owner == "segment 1/2", c.Wrong, c.Owner)
	}
	require.Equal(t, []string{"segment 1/1", "segment 1/2", "segment 1/3", Replayed}, owners)
	require.Contains(t, f.Explain(), `segment 1/2 has 0x01 there, in `)
	require.Contains(t, f.Explain(), `its row "b" is none (wrong)`)

	// Where no copy is what the log makes, none is blamed alone.
	j = &Judgement{}
	j.pages(&Evidence{Log: NewLog(nil, node.FirstHistory()), Copies: [][]Copy{{copyOf("segment 1/1", image[1]), copyOf("segment 1/2", image[0])}}})
	require.Empty(t, j.Findings, "a log without pages has none to compare")
	e := &PageError{Page: 1, SCL: 2, Line: 1, One: "a", Other: "b", Expected: image[1], Found: image[0], claim: []string{"a", "b"}, images: [][]byte{image[1], image[0]}}
	found := Violated(faults.Pages, e)
	require.Len(t, found.Differences[0].Copies, 2)
	require.False(t, found.Differences[0].Copies[0].Wrong || found.Differences[0].Copies[1].Wrong)
}

// An object of the backup that is not what the log makes of it is named, with the record or the page.
func TestAStoredObjectIsHeldAgainstTheLog(t *testing.T) {
	l, image := twoRows(t)
	whole := backup.Log{From: 1, Through: 8, Records: l.records}
	late := backup.Images{At: 2, Last: 2, Images: [][]byte{image[1]}, Done: true}
	logName, imagesName := backup.LogName(0, 1, 8), backup.ImagesName(0, 2, 0)
	require.Empty(t, stored(objects{logName: whole.Encode(), imagesName: late.Encode()}, l), "what is as it must be")

	short := backup.Log{From: 1, Through: 8, Records: l.records[:1]}
	early := backup.Images{At: 2, Last: 2, Images: [][]byte{image[0]}, Done: true}
	all := stored(objects{logName: short.Encode(), imagesName: early.Encode()}, l)
	require.Len(t, all, 2)
	require.Equal(t, "the object of group 1's records 1 to 8: the object store has no record 2 (wrong); the log, replayed has record 2/1 (write of page 1)", all[0].String())
	require.Equal(t, node.LSN(2), all[0].LSN)
	require.Contains(t, all[1].String(), "the object of group 1's pages from 0 on, as of LSN 2: the object store has 0x01 there, in ")
	require.Equal(t, "b", all[1].Row)

	cut := *l.records[1]
	cut.Epoch = 7
	cut.Seal()
	other := backup.Log{From: 1, Through: 8, Records: []*node.Record{l.records[0], &cut}}
	require.Contains(t, stored(objects{logName: other.Encode()}, l)[0].String(), "has record 2/7 (write of page 1), which is not on the log any more: a recovery has cut it off (wrong)")
	require.Contains(t, stored(objects{logName: []byte("no log")}, l)[0].String(), "has what is no log object")
	require.Contains(t, absent(l, []string{logName})[0].String(), "the object store has no such object (wrong); the log, replayed has 2 records of it")
}
