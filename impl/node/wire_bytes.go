package node

import (
	"encoding/binary"
	"fmt"
	"reflect"
)

// wireBudget is how many bytes a decoding may still allocate.
type wireBudget struct{ left int64 }

func (g *wireBudget) budget(frame int) { g.left = wireRoom + wireGrowth*int64(frame) }

// A wireReader reads a frame of bytes. After an error it returns zeros.
type wireReader struct {
	wireBudget
	whole   int // bytes of the frame
	version int // of the frame
	b       []byte
	err     *WireError
}

func (d *wireReader) at() int { return d.whole - len(d.b) }

func (d *wireReader) fail(rule WireRule, expected, found string) {
	d.failFrom(d.at(), rule, expected, found)
}

// failAt fails at so many bytes before here.
func (d *wireReader) failAt(back int, rule WireRule, expected, found string) {
	d.failFrom(d.at()-back, rule, expected, found)
}

func (d *wireReader) failFrom(at int, rule WireRule, expected, found string) {
	if d.err == nil {
		d.err = &WireError{Rule: rule, Expected: expected, Found: found, Offset: at}
	}
}

// header reads what a frame begins with.
func (d *wireReader) header(k *wireKind) {
	if d.whole > WireLimit {
		d.fail(WireTooLarge, fmt.Sprintf("at most %d bytes", WireLimit), fmt.Sprintf("%d bytes", d.whole))
		return
	}
	version := d.uvarint()
	if d.err == nil && (version < WireOldest || version > WireVersion) {
		d.failFrom(0, WireVersioned, versions, fmt.Sprintf("version %d", version))
		return
	}
	d.version = int(version)
	at := d.at()
	n := d.uvarint()
	if d.err != nil || n == uint64(k.number) {
		return
	}
	found := fmt.Sprintf("number %d, which is none", n)
	if kinds := wire().kinds; n > 0 && n <= uint64(len(kinds)) {
		found = kinds[n-1].name
	}
	d.failFrom(at, WireUnknown, k.name, found)
}

func (d *wireReader) charge(n int64) bool {
	if d.left -= n; d.left < 0 {
		d.fail(WireTooLarge, fmt.Sprintf("at most %d bytes of memory for each byte of the frame", wireGrowth), "more")
	}
	return d.err == nil
}

func (d *wireReader) short(expected string) {
	d.fail(WireMalformed, expected, "the end of the frame")
	d.b = nil
}

func (d *wireReader) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	if len(d.b) > 0 && d.b[0] < 0x80 {
		n := d.b[0]
		d.b = d.b[1:]
		return uint64(n)
	}
	v, n := binary.Uvarint(d.b)
	switch {
	case n == 0:
		d.short("a varint")
		return 0
	case n < 0:
		d.fail(WireMalformed, "a varint of at most 64 bits", "a longer one")
		return 0
	case d.b[n-1] == 0:
		// One encoding of a thing, or two frames would be one.
		d.fail(WireMalformed, "a varint in as few bytes as possible", fmt.Sprintf("%d in %d bytes", v, n))
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *wireReader) byte(expected string) byte {
	if d.err != nil {
		return 0
	}
	if len(d.b) == 0 {
		d.short(expected)
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *wireReader) bool() bool {
	c := d.byte("0 or 1")
	if c > 1 {
		d.failAt(1, WireMalformed, "0 or 1", fmt.Sprint(c))
	}
	return c == 1
}

// bytes returns a part of the frame: who keeps it copies it.
func (d *wireReader) bytes() []byte {
	at := d.at()
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.failFrom(at, WireMalformed, fmt.Sprintf("a length of at most %d", len(d.b)), fmt.Sprint(n))
	}
	if d.err != nil {
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

// length returns that of a list, whose elements take so many bytes of the frame at least and so many of memory.
func (d *wireReader) length(least int, size int64) int {
	at := d.at()
	n := d.uvarint()
	if most := len(d.b) / max(least, 1); n > uint64(most) {
		d.failFrom(at, WireMalformed, fmt.Sprintf("a list of at most %d", most), fmt.Sprint(n))
	}
	if d.err != nil || !d.charge(int64(n)*size) {
		return 0
	}
	return int(n)
}

// narrow reads an unsigned integer that must fit into its type.
func narrow[T ~uint16 | ~uint32](d *wireReader) T {
	at := d.at()
	n := d.uvarint()
	if uint64(T(n)) != n {
		d.failFrom(at, WireMalformed, fmt.Sprintf("an integer of %d bits", reflect.TypeFor[T]().Bits()), fmt.Sprint(n))
	}
	return T(n)
}

func (d *wireReader) value() Value {
	exists := d.bool()
	return Value{Exists: exists, Bytes: string(d.bytes())}
}

// record reads what Record.AppendBinary wrote.
func (d *wireReader) record(r *Record) {
	at := d.at()
	r.LSN = LSN(d.uvarint())
	r.Epoch = narrow[Epoch](d)
	r.Group = narrow[Group](d)
	r.Prev = LSN(d.uvarint())
	if r.Kind = Kind(d.byte("a kind of record")); r.Kind > Structure {
		d.failAt(1, WireMalformed, "a kind of record", fmt.Sprint(uint8(r.Kind)))
	}
	r.Last = d.bool()
	r.Txn = Txn(d.uvarint())
	r.Page = narrow[PageID](d)
	r.Key = string(d.bytes())
	r.Old = d.value()
	r.New = d.value()
	r.Undoes = LSN(d.uvarint())
	r.OldestActive = LSN(d.uvarint())
	if d.err == nil && len(d.b) < 8 {
		d.short("a checksum of 8 bytes")
	}
	if d.err != nil {
		return
	}
	r.Sum = binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	if sum := r.sum(); r.Sum != sum {
		d.failFrom(at, WireDamaged, fmt.Sprintf("sum %d", sum), fmt.Sprintf("sum %d", r.Sum))
	}
}
