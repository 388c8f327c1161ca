package judge

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A Difference is one thing of which two have different contents: a page that two segments give, or an object of the backup beside what the
// log makes of it. It is looked for where a check has objected, and never in a run that passes.
type Difference struct {
	Object string      `json:"object,omitempty"` // the name in the object store; empty where it is a segment's page
	Page   node.PageID `json:"page"`             // of page images
	LSN    node.LSN    `json:"lsn"`              // as of which the page is, or of the first record that differs
	Byte   int         `json:"byte"`             // the first that differs, of page images; -1 of an object that is not there, and of log objects
	Row    string      `json:"row,omitempty"`    // the first one that differs, of page images that can be read
	Copies []Content   `json:"copies"`
}

// A Content is what one of several has of a thing.
type Content struct {
	Owner string   `json:"owner"` // a node, or Replayed
	Holds string   `json:"holds"`
	LSN   node.LSN `json:"lsn,omitempty"`   // of a page: the last record that changed it
	Wrong bool     `json:"wrong,omitempty"` // it differs from what the log makes, and another copy does not, or there is none
}

// Replayed owns what comes of the log's records, applied one after the other.
const Replayed = "the log, replayed"

// Words say what a difference is of, such as "page 3 as of LSN 20".
func (d *Difference) Words() string {
	if d.Object == "" {
		return fmt.Sprintf("page %d as of LSN %d", d.Page, d.LSN)
	}
	return ObjectWords(d.Object)
}

// ObjectWords says what the object of a name is for people: the names themselves are mostly zeros.
func ObjectWords(name string) string {
	if g, from, through, is := backup.LogSpan(name); is {
		return fmt.Sprintf("the object of group %d's records %d to %d", g+1, from, through)
	}
	if g, at, first, is := backup.ImagesSpan(name); is {
		return fmt.Sprintf("the object of group %d's pages from %d on, as of LSN %d", g+1, first, at)
	}
	return "the object " + name
}

func (d *Difference) String() string {
	parts := make([]string, len(d.Copies))
	for i, c := range d.Copies {
		parts[i] = c.Owner + " " + c.Holds
		if c.Wrong {
			parts[i] += " (wrong)"
		}
	}
	return d.Words() + ": " + strings.Join(parts, "; ")
}

// maxDifferences bounds what a finding names of what differs.
const maxDifferences = 4

// image makes a page as of an LSN of the log alone; nil where its records do not make one.
func (l *Log) image(p node.PageID, at node.LSN) *page.Page {
	if l == nil {
		return nil
	}
	made := &page.Page{ID: p}
	for _, r := range l.records {
		if r.LSN > at {
			break
		}
		if r.Page == p && made.Apply(r) != nil {
			return nil
		}
	}
	return made
}

// images compares images of one page, and what the log makes of it, where the log is known. Some must differ.
func images(l *Log, d Difference, owners []string, all [][]byte) Difference {
	made := l.image(d.Page, d.LSN)
	if made != nil {
		owners, all = append(slices.Clone(owners), Replayed), append(slices.Clone(all), made.Encode())
	}
	d.Byte = -1
	var against []byte
	for _, image := range all[1:] {
		if !bytes.Equal(image, all[0]) {
			against = image
			d.Byte = firstByte(all[0], image)
			break
		}
	}
	one, oneErr := page.Decode(all[0])
	two, twoErr := page.Decode(against)
	if oneErr == nil && twoErr == nil {
		d.Row = firstRow(one, two)
	}
	right := made != nil && slices.ContainsFunc(all[:len(all)-1], func(image []byte) bool { return bytes.Equal(image, all[len(all)-1]) })
	for i, image := range all {
		c := Content{Owner: owners[i], Holds: "has " + byteAt(image, d.Byte)}
		if p, err := page.Decode(image); err == nil {
			c.LSN = p.LSN
			c.Holds += fmt.Sprintf(", of LSN %d with %d cells", p.LSN, len(p.Cells))
			if p.LSN > d.LSN {
				c.Holds += fmt.Sprintf(", which is beyond %d", d.LSN)
			}
			if d.Row != "" {
				c.Holds += fmt.Sprintf(", its row %q is %s", d.Row, valueWords(p.Get(d.Row)))
			}
		}
		c.Wrong = made != nil && (right || len(all) == 2) && !bytes.Equal(image, all[len(all)-1])
		d.Copies = append(d.Copies, c)
	}
	return d
}

// valueWords is a value as people can read it: those of inner pages are bytes.
func valueWords(v node.Value) string {
	if !v.Exists {
		return "none"
	}
	return strconv.Quote(v.Bytes)
}

func firstByte(a, b []byte) int {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return at
}

// firstRow returns the first key whose cell differs, "" where none does.
func firstRow(a, b *page.Page) string {
	for i, j := 0, 0; i < len(a.Cells) || j < len(b.Cells); i, j = i+1, j+1 {
		switch {
		case i >= len(a.Cells):
			return b.Cells[j].Key
		case j >= len(b.Cells):
			return a.Cells[i].Key
		case a.Cells[i] != b.Cells[j]:
			return min(a.Cells[i].Key, b.Cells[j].Key)
		}
	}
	return ""
}

// theStore owns the objects of the backup.
const theStore = "the object store"

// stored holds the objects of a backup against the log, and returns the first that differ, by name. The backup of a group is what the
// group's log makes of it: an object holds all of its records in the window, and pages as of the end of it.
func stored(s backup.Source, l *Log) (all []Difference) {
	if s == nil || l == nil {
		return nil
	}
	names, err := s.List("")
	if err != nil {
		return nil
	}
	for _, name := range names {
		if len(all) == maxDifferences {
			break
		}
		b, err := s.Get(name)
		if err != nil {
			all = append(all, lost(name, err))
			continue
		}
		if strings.HasPrefix(name, "log/") {
			if d, differs := storedLog(l, name, b); differs {
				all = append(all, d)
			}
			continue
		}
		i, pages, err := backup.DecodeImages(name, b)
		if err != nil {
			continue // of another kind; or it is refused when it is restored, by its name
		}
		for _, p := range pages {
			if made := l.image(p.ID, i.At); made != nil && !bytes.Equal(made.Encode(), p.Encode()) {
				all = append(all, images(l, Difference{Object: name, Page: p.ID, LSN: i.At}, []string{theStore}, [][]byte{p.Encode()}))
				break
			}
		}
	}
	return all
}

func lost(name string, err error) Difference {
	return Difference{Object: name, Byte: -1, Copies: []Content{{Owner: theStore, Holds: "lists it and cannot give it: " + err.Error(), Wrong: true}}}
}

// absent are objects that a point of the backup needs and that the store has not.
func absent(l *Log, names []string) (all []Difference) {
	for _, name := range names[:min(len(names), maxDifferences)] {
		d := Difference{Object: name, Byte: -1, Copies: []Content{{Owner: theStore, Holds: "has no such object", Wrong: true}}}
		if g, from, through, ours := backup.LogSpan(name); ours {
			d.LSN = from
			d.Copies = append(d.Copies, Content{Owner: Replayed, Holds: fmt.Sprintf("has %d records of it", len(l.of(g, from, through)))})
		}
		all = append(all, d)
	}
	return all
}

// of lists the records of a group in a range of LSNs.
func (l *Log) of(g node.Group, from, through node.LSN) (all []*node.Record) {
	for _, r := range l.records {
		if r.Group == g && r.LSN >= from && r.LSN <= through {
			all = append(all, r)
		}
	}
	return all
}

// storedLog compares a log object with the log's records.
func storedLog(l *Log, name string, b []byte) (Difference, bool) {
	d := Difference{Object: name, Byte: -1}
	o, err := backup.DecodeLog(name, b)
	if o == nil {
		d.Copies = []Content{{Owner: theStore, Holds: "has what is no log object: " + err.Error(), Wrong: true}}
		return d, true
	}
	has, want := map[node.LSN]*node.Record{}, map[node.LSN]*node.Record{}
	var lsns []node.LSN
	for _, r := range o.Records {
		has[r.LSN] = r
		lsns = append(lsns, r.LSN)
	}
	for _, r := range l.of(o.Group, o.From, o.Through) {
		want[r.LSN] = r
		lsns = append(lsns, r.LSN)
	}
	slices.Sort(lsns)
	for _, at := range lsns {
		h, w := has[at], want[at]
		if h != nil && w != nil && bytes.Equal(h.AppendBinary(nil), w.AppendBinary(nil)) {
			continue
		}
		d.LSN = at
		in := Content{Owner: theStore, Holds: fmt.Sprintf("has no record %d", at), Wrong: true}
		if h != nil {
			in.Holds = "has record " + recordWords(h)
			if w == nil || w.Epoch != h.Epoch {
				in.Holds += ", which is not on the log any more: a recovery has cut it off"
			}
		}
		of := Content{Owner: Replayed, Holds: fmt.Sprintf("has no record of group %d at %d", o.Group+1, at)}
		if w != nil {
			of.Holds = "has record " + recordWords(w)
		}
		d.Copies = []Content{in, of}
		return d, true
	}
	if err != nil {
		var corrupt *backup.CorruptError
		if errors.As(err, &corrupt) {
			d.Copies = []Content{{Owner: theStore, Holds: "has what cannot be read: " + corrupt.Error(), Wrong: true}}
			return d, true
		}
	}
	return d, false
}

func recordWords(r *node.Record) string {
	return fmt.Sprintf("%d/%d (%v of page %d)", r.LSN, r.Epoch, r.Kind, r.Page)
}
