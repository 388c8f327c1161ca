// Package page is the page layer: where a row lives, and how a log record changes a page. Segments materialise
// pages with it and writers cache them with it, so both see the same bytes.
package page

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
)

// A Layout decides which page a row lives in. Writers need it, segments do not: a record names its page.
type Layout interface {
	// Locate returns the page of the row with that key.
	Locate(key string) node.PageID
}

// Hashed spreads rows over a fixed number of pages by a hash of the key.
type Hashed struct{ Pages int }

// Locate implements Layout.
func (h Hashed) Locate(key string) node.PageID {
	return node.PageID(xxh3.HashString(key) % uint64(h.Pages))
}

// A Page is a page as of the record LSN, the last one that changed it. Rows are sorted by key.
// The zero LSN is the base page of a new volume: no rows.
type Page struct {
	ID   node.PageID
	LSN  node.LSN
	Rows []Row
}

// A Row is one row of a page.
type Row struct{ Key, Value string }

// Get returns the value of a row.
func (p *Page) Get(key string) node.Value {
	i, found := p.find(key)
	if !found {
		return node.Value{}
	}
	return node.Some(p.Rows[i].Value)
}

func (p *Page) find(key string) (int, bool) {
	return sort.Find(len(p.Rows), func(i int) int { return strings.Compare(key, p.Rows[i].Key) })
}

// MismatchError says that a record does not continue the page that it was applied to.
type MismatchError struct {
	Page   node.PageID
	At     node.LSN // of the page
	Record node.Record
	Found  node.Value // what the page holds where the record says Old
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("page %d at LSN %d: record %s of page %d does not continue it: the row holds %s, the record expects %s",
		e.Page, e.At, &e.Record, e.Record.Page, e.Found, e.Record.Old)
}

// Apply changes the page by a record that follows it in the log. A commit changes nothing but the LSN. A record
// of another page, one that is not newer, or one whose old value is not the row's is refused: it would make two
// copies of a page differ in silence.
func (p *Page) Apply(r *node.Record) error {
	found := p.Get(r.Key)
	if r.Page != p.ID || r.LSN <= p.LSN || (r.Kind != node.Commit && found != r.Old) {
		return &MismatchError{Page: p.ID, At: p.LSN, Record: *r, Found: found}
	}
	p.LSN = r.LSN
	if r.Kind == node.Commit {
		return nil
	}
	i, exists := p.find(r.Key)
	switch {
	case r.New.Exists && exists:
		p.Rows[i].Value = r.New.Bytes
	case r.New.Exists:
		p.Rows = append(p.Rows, Row{})
		copy(p.Rows[i+1:], p.Rows[i:])
		p.Rows[i] = Row{Key: r.Key, Value: r.New.Bytes}
	case exists:
		p.Rows = append(p.Rows[:i], p.Rows[i+1:]...)
	}
	return nil
}

// Clone returns a copy that shares nothing that Apply changes.
func (p *Page) Clone() *Page {
	return &Page{ID: p.ID, LSN: p.LSN, Rows: append([]Row(nil), p.Rows...)}
}

// Encode returns the page's image, checksum included.
func (p *Page) Encode() []byte {
	size := 32
	for _, r := range p.Rows {
		size += len(r.Key) + len(r.Value) + 4
	}
	b := make([]byte, 0, size)
	b = binary.AppendUvarint(b, uint64(p.ID))
	b = binary.AppendUvarint(b, uint64(p.LSN))
	b = binary.AppendUvarint(b, uint64(len(p.Rows)))
	for _, r := range p.Rows {
		b = binary.AppendUvarint(b, uint64(len(r.Key)))
		b = append(b, r.Key...)
		b = binary.AppendUvarint(b, uint64(len(r.Value)))
		b = append(b, r.Value...)
	}
	return binary.LittleEndian.AppendUint64(b, xxh3.Hash(b))
}

// CorruptError says that bytes are not the image of a page.
type CorruptError struct {
	Bytes int
	Why   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("page image of %d bytes: %s", e.Bytes, e.Why)
}

// Decode reads an image. It refuses one whose checksum does not fit.
func Decode(image []byte) (*Page, error) {
	corrupt := func(why string) (*Page, error) { return nil, &CorruptError{Bytes: len(image), Why: why} }
	if len(image) < 8 {
		return corrupt("too short for its checksum")
	}
	body, sum := image[:len(image)-8], binary.LittleEndian.Uint64(image[len(image)-8:])
	if xxh3.Hash(body) != sum {
		return corrupt("checksum does not fit")
	}
	short := false
	number := func() uint64 {
		v, n := binary.Uvarint(body)
		if n <= 0 {
			short = true
			return 0
		}
		body = body[n:]
		return v
	}
	text := func() string {
		n := number()
		if n > uint64(len(body)) {
			short = true
			return ""
		}
		s := string(body[:n])
		body = body[n:]
		return s
	}
	p := &Page{ID: node.PageID(number()), LSN: node.LSN(number())}
	rows := number()
	if rows > uint64(len(body)) {
		return corrupt("more rows than bytes")
	}
	p.Rows = make([]Row, 0, rows)
	for range rows {
		p.Rows = append(p.Rows, Row{Key: text(), Value: text()})
	}
	if short || len(body) != 0 {
		return corrupt("malformed")
	}
	return p, nil
}
