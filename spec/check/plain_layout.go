package check

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"unsafe"
)

// A layout says where in the memory of a value its fields are, so that the value is written as package binary writes it (little-endian,
// field by field, without what the compiler puts between fields) but without asking at each field what it is.
type layout struct {
	runs []run
	size int   // of what is written
	bool []int // places in what is written at which there is a bool
}

// A run is a piece of memory that is written as it is.
type run struct {
	offset uintptr
	bytes  int
	width  int  // of the numbers in it, where they are not as in memory; else 1
	zero   bool // it is not read: a field named _ has no value
}

// littleEndian says whether numbers are in memory as they are written.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// layoutOf returns the layout of a type of fixed size; false when it is not one.
func layoutOf(t reflect.Type) (l layout, fixed bool) {
	fixed = l.walk(t, 0, false)
	return l, fixed
}

func (l *layout) walk(t reflect.Type, offset uintptr, blank bool) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !l.walk(f.Type, offset+f.Offset, blank || f.Name == "_") {
				return false
			}
		}
		return true
	case reflect.Array:
		for i := range t.Len() {
			if !l.walk(t.Elem(), offset+uintptr(i)*t.Elem().Size(), blank) {
				return false
			}
		}
		return true
	case reflect.Bool:
		if !blank {
			l.bool = append(l.bool, l.size)
		}
		l.add(run{offset, 1, 1, blank})
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		l.add(run{offset, int(t.Size()), int(t.Size()), blank})
	case reflect.Complex64, reflect.Complex128:
		half := int(t.Size()) / 2
		l.add(run{offset, 2 * half, half, blank})
	default:
		return false
	}
	return true
}

// add adds a run, to the last one when it goes on with that.
func (l *layout) add(r run) {
	l.size += r.bytes
	if littleEndian {
		r.width = 1
	}
	if last := len(l.runs) - 1; last >= 0 {
		if p := &l.runs[last]; p.zero == r.zero && p.width == r.width && (r.zero || p.offset+uintptr(p.bytes) == r.offset) {
			p.bytes += r.bytes
			return
		}
	}
	l.runs = append(l.runs, r)
}

// append appends what the value at from is written as.
func (l *layout) append(dst []byte, from unsafe.Pointer) []byte {
	for _, r := range l.runs {
		begin := len(dst)
		if r.zero {
			dst = append(dst, make([]byte, r.bytes)...)
			continue
		}
		dst = append(dst, unsafe.Slice((*byte)(unsafe.Add(from, r.offset)), r.bytes)...)
		swap(dst[begin:], r.width)
	}
	return dst
}

// load makes the value at to what was written. On an error it is left as it is.
func (l *layout) load(to unsafe.Pointer, code []byte) error {
	if len(code) != l.size {
		return fmt.Errorf("state of %d bytes, expected %d", len(code), l.size)
	}
	for _, at := range l.bool {
		if code[at] > 1 {
			return fmt.Errorf("state with %d as a bool at byte %d, expected 0 or 1", code[at], at)
		}
	}
	for _, r := range l.runs {
		if !r.zero {
			memory := unsafe.Slice((*byte)(unsafe.Add(to, r.offset)), r.bytes)
			copy(memory, code)
			swap(memory, r.width)
		}
		code = code[r.bytes:]
	}
	return nil
}

// swap turns each number of this width round.
func swap(b []byte, width int) {
	if width == 1 {
		return
	}
	for ; len(b) > 0; b = b[width:] {
		for i := range width / 2 {
			b[i], b[width-1-i] = b[width-1-i], b[i]
		}
	}
}
