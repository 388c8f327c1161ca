package database

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// A page is one block of the page area: rows by key, as of the record lsn, the last one that changed it.
type page struct {
	id    uint32
	lsn   node.LSN
	rows  []node.Row
	bytes int // of the rows, encoded

	dirty   node.LSN // the first record since the last write to disk; 0: the disk has all of it
	since   node.Time
	writing bool
	flush   node.LSN // while it is being written: the first record that the disk lacks
}

const pageHeader = 24 // checksum, id, lsn and number of rows, at most

func rowBytes(key, value string) int { return len(key) + len(value) + 2*binary.MaxVarintLen16 }

func (p *page) find(key string) (int, bool) {
	return sort.Find(len(p.rows), func(i int) int { return strings.Compare(key, p.rows[i].Key) })
}

func (p *page) get(key string) node.Value {
	if i, found := p.find(key); found {
		return p.rows[i].Value
	}
	return node.Value{}
}

// apply changes the page by a record that follows what it has.
func (p *page) apply(r *node.Record) {
	if p.dirty == 0 {
		p.dirty = r.LSN
	}
	p.lsn = r.LSN
	i, found := p.find(r.Key)
	switch {
	case r.New.Exists && found:
		p.bytes += len(r.New.Bytes) - len(p.rows[i].Value.Bytes)
		p.rows[i].Value = r.New
	case r.New.Exists:
		p.rows = append(p.rows, node.Row{})
		copy(p.rows[i+1:], p.rows[i:])
		p.rows[i] = node.Row{Key: r.Key, Value: r.New}
		p.bytes += rowBytes(r.Key, r.New.Bytes)
	case found:
		p.bytes -= rowBytes(p.rows[i].Key, p.rows[i].Value.Bytes)
		p.rows = append(p.rows[:i], p.rows[i+1:]...)
	}
}

// image returns the page as its block: always of the full size, however few rows are on it.
func (p *page) image(size int) []byte {
	b := make([]byte, 0, size)
	b = binary.LittleEndian.AppendUint32(b, p.id)
	b = binary.LittleEndian.AppendUint64(b, uint64(p.lsn))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(p.rows)))
	for _, r := range p.rows {
		b = binary.AppendUvarint(b, uint64(len(r.Key)))
		b = append(b, r.Key...)
		b = binary.AppendUvarint(b, uint64(len(r.Value.Bytes)))
		b = append(b, r.Value.Bytes...)
	}
	b = b[:size-8]
	return node.AppendSum(b)
}

// A DamageError says that what the disk holds is not what was written there.
type DamageError struct {
	Where string
	Want  string
	Found string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: expected %s, found %s", e.Where, e.Want, e.Found)
}

// readPage reads a block. One that was never written is an empty page.
func readPage(id uint32, block []byte) (*page, error) {
	p := &page{id: id}
	if block == nil {
		return p, nil
	}
	where := fmt.Sprintf("page %d", id)
	b, ok := node.CutSum(block)
	if !ok || len(b) < pageHeader-8 {
		return nil, &DamageError{where, "its checksum", "another"}
	}
	if at := binary.LittleEndian.Uint32(b); at != id {
		return nil, &DamageError{where, "its own image", fmt.Sprintf("that of page %d", at)}
	}
	p.lsn = node.LSN(binary.LittleEndian.Uint64(b[4:]))
	n := int(binary.LittleEndian.Uint16(b[12:]))
	b = b[14:]
	text := func() (string, bool) {
		l, k := binary.Uvarint(b)
		if k <= 0 || l > uint64(len(b)-k) {
			return "", false
		}
		s := string(b[k : k+int(l)])
		b = b[k+int(l):]
		return s, true
	}
	for range n {
		key, ok1 := text()
		value, ok2 := text()
		if !ok1 || !ok2 {
			return nil, &DamageError{where, fmt.Sprintf("%d rows", n), fmt.Sprint(len(p.rows))}
		}
		p.rows = append(p.rows, node.Row{Key: key, Value: node.Some(value)})
		p.bytes += rowBytes(key, value)
	}
	return p, nil
}
