package node

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"
)

// LSN is a log sequence number. LSNs of a volume begin at 1 and have no gaps; 0 is "before the log".
type LSN uint64

// Epoch numbers the writers of a volume from 1 on. No two writers share one.
type Epoch uint32

// Group numbers the protection groups of a volume from 0 on.
type Group uint16

// PageID numbers the pages of a volume from 0 on.
type PageID uint32

// Txn names a transaction: its writer's epoch in the upper half, a count in the lower. Counting anew after a
// restart, without the epoch, would let a later commit record stand for an earlier transaction.
type Txn uint64

// MakeTxn returns the name of the n-th transaction of a writer.
func MakeTxn(e Epoch, n uint32) Txn { return Txn(e)<<32 | Txn(n) }

// Epoch returns the epoch in which the transaction began.
func (t Txn) Epoch() Epoch { return Epoch(t >> 32) }

func (t Txn) String() string { return fmt.Sprintf("%d.%d", t.Epoch(), uint32(t)) }

// Kind is what a record does.
type Kind uint8

const (
	// Write changes a row from Old to New for a transaction.
	Write Kind = iota + 1
	// Commit ends a transaction. It lives in the group of the transaction's first change.
	Commit
	// Undo takes back the latest change of a transaction that is not taken back yet. It is logged, so that the
	// next recovery continues where this one stopped instead of putting old values over later commits.
	Undo
	// Structure changes one page's cells from Old to New, both encoded by package page, and belongs to no transaction:
	// a split, a merge, an allocation. It is never taken back. All records of one structural change are one
	// mini-transaction (SIGMOD 2017 §5).
	Structure
)

func (k Kind) String() string {
	switch k {
	case Write:
		return "write"
	case Commit:
		return "commit"
	case Undo:
		return "undo"
	case Structure:
		return "structure"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// A Value is what a row holds; the zero Value is "no such row".
type Value struct {
	Bytes  string
	Exists bool
}

// Some returns the value of a row that exists.
func Some(s string) Value { return Value{Bytes: s, Exists: true} }

func (v Value) String() string {
	if !v.Exists {
		return "none"
	}
	return v.Bytes
}

// A Record is one entry of the volume's log (SIGMOD 2017 §3.2). It is identified by (LSN, Epoch): an LSN alone is
// used again after a cut. No node changes a record once it is sealed; nodes of one process share it.
type Record struct {
	LSN          LSN
	Epoch        Epoch // of the writer that issued it
	Group        Group
	Prev         LSN // back-link: the record before it in its group, 0 for the first (SIGMOD 2018 §2.3)
	Kind         Kind
	Last         bool // ends its mini-transaction: a consistency point LSN (CPL)
	Txn          Txn
	Page         PageID
	Key          string // the row; for a structural change, where in the page it begins
	Old, New     Value
	Undoes       LSN // for an undo: the write that it takes back
	OldestActive LSN // first LSN of any transaction that is active once this record is applied; LSN+1 when none is
	Sum          uint64
}

// Seal stores the checksum of everything else.
func (r *Record) Seal() { r.Sum = r.sum() }

// Intact tells whether the checksum fits.
func (r *Record) Intact() bool { return r.Sum == r.sum() }

func (r *Record) sum() uint64 {
	var space [512]byte
	return xxh3.Hash(r.appendBody(space[:0]))
}

func (r *Record) appendBody(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(r.LSN))
	b = binary.AppendUvarint(b, uint64(r.Epoch))
	b = binary.AppendUvarint(b, uint64(r.Group))
	b = binary.AppendUvarint(b, uint64(r.Prev))
	b = append(b, byte(r.Kind), bit(r.Last))
	b = binary.AppendUvarint(b, uint64(r.Txn))
	b = binary.AppendUvarint(b, uint64(r.Page))
	b = appendString(b, r.Key)
	b = appendValue(b, r.Old)
	b = appendValue(b, r.New)
	b = binary.AppendUvarint(b, uint64(r.Undoes))
	return binary.AppendUvarint(b, uint64(r.OldestActive))
}

// AppendBinary appends the record, checksum included, to b.
func (r *Record) AppendBinary(b []byte) []byte {
	b = r.appendBody(b)
	return binary.LittleEndian.AppendUint64(b, r.Sum)
}

// MostBytes is how many bytes AppendBinary appends at most.
func (r *Record) MostBytes() int {
	const numbers, lengths = 8*binary.MaxVarintLen64 + 4, 3 * binary.MaxVarintLen64
	return numbers + lengths + len(r.Key) + len(r.Old.Bytes) + len(r.New.Bytes) + 8
}

// DecodeRecord reads what AppendBinary wrote. It fails on anything that is cut short, too long or does not fit
// the checksum.
func DecodeRecord(b []byte) (*Record, error) {
	d := decoder{b: b}
	r := &Record{
		LSN:   LSN(d.uvarint()),
		Epoch: Epoch(d.uvarint()),
		Group: Group(d.uvarint()),
		Prev:  LSN(d.uvarint()),
		Kind:  Kind(d.byte()),
		Last:  d.byte() == 1,
		Txn:   Txn(d.uvarint()),
		Page:  PageID(d.uvarint()),
		Key:   d.string(),
		Old:   d.value(),
		New:   d.value(),
	}
	r.Undoes = LSN(d.uvarint())
	r.OldestActive = LSN(d.uvarint())
	r.Sum = d.uint64()
	if d.short || len(d.b) != 0 {
		return nil, fmt.Errorf("record of %d bytes: malformed", len(b))
	}
	if !r.Intact() {
		return nil, fmt.Errorf("record %d of epoch %d: checksum does not fit", r.LSN, r.Epoch)
	}
	return r, nil
}

func (r *Record) String() string {
	s := fmt.Sprintf("%d/%d %s t%s %s", r.LSN, r.Epoch, r.Kind, r.Txn, r.Key)
	switch r.Kind {
	case Structure:
		s += fmt.Sprintf(" of page %d, %d for %d bytes", r.Page, len(r.New.Bytes), len(r.Old.Bytes))
	case Write, Undo:
		s += fmt.Sprintf(" %s→%s", r.Old, r.New)
	}
	return s
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendValue(b []byte, v Value) []byte {
	return appendString(append(b, bit(v.Exists)), v.Bytes)
}

// A decoder reads fields one after the other; once short, it returns zeros.
type decoder struct {
	b     []byte
	short bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.short, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.short, d.b = true, nil
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.short, d.b = true, nil
		return ""
	}
	return string(d.take(int(n)))
}

func (d *decoder) value() Value {
	exists := d.byte() == 1
	return Value{Bytes: d.string(), Exists: exists}
}
