package page

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
)

// Sizes of a page's image, in bytes.
const (
	MinSize     = 512
	MaxSize     = 16 << 10
	DefaultSize = 8 << 10
	// Overhead is what an image holds beside its cells: number, LSN, level, next, how many cells, checksum.
	Overhead = 4 + 8 + 1 + 4 + 4 + sumBytes
	sumBytes = 8
)

// SizeOf returns the size of the volume's pages in bytes.
func SizeOf(v *node.Volume) int {
	if v.PageSize == 0 {
		return DefaultSize
	}
	return v.PageSize
}

// SizeError says that pages cannot have that size.
type SizeError struct{ Size int }

func (e *SizeError) Error() string {
	return fmt.Sprintf("page size %d bytes, want %d to %d", e.Size, MinSize, MaxSize)
}

// ValidSize refuses, with a *SizeError, a page size that is not supported.
func ValidSize(size int) error {
	if size < MinSize || size > MaxSize {
		return &SizeError{Size: size}
	}
	return nil
}

// MaxCell returns how many bytes key and value of one cell may have together in pages of that size. Four such cells
// fit into a page, so that every page that is too full can be split.
func MaxCell(size int) int { return (size-Overhead)/4 - 2*maxLengthBytes }

// maxLengthBytes is what the length of a key or value takes in the image at most, up to MaxCell(MaxSize).
const maxLengthBytes = 2

// CellError says that a row is larger than a page takes.
type CellError struct {
	Key   string
	Bytes int // of key and value
	Limit int
}

func (e *CellError) Error() string {
	key := e.Key
	if len(key) > 40 {
		key = key[:40]
	}
	return fmt.Sprintf("row %q: key and value have %d bytes, a page takes %d", key, e.Bytes, e.Limit)
}

// ValidCell refuses, with a *CellError, a row that is too large for pages of that size.
func ValidCell(key, value string, size int) error {
	if n := len(key) + len(value); n > MaxCell(size) {
		return &CellError{Key: key, Bytes: n, Limit: MaxCell(size)}
	}
	return nil
}

// Size returns how many bytes Encode gives.
func (p *Page) Size() int { return Overhead + p.bytes }

// Bytes returns what the cell takes in an image.
func (c *Cell) Bytes() int { return valueBytes(c.Key) + valueBytes(c.Value) }

// CellBytes returns what cells take in an image.
func CellBytes(cells []Cell) int {
	n := 0
	for i := range cells {
		n += cells[i].Bytes()
	}
	return n
}

func valueBytes(s string) int {
	n := 1
	for l := len(s); l >= 0x80; l >>= 7 {
		n++
	}
	return n + len(s)
}

// Encode returns the page's image, checksum included.
func (p *Page) Encode() []byte {
	b := make([]byte, 0, p.Size())
	b = binary.LittleEndian.AppendUint32(b, uint32(p.ID))
	b = binary.LittleEndian.AppendUint64(b, uint64(p.LSN))
	b = append(b, p.Level)
	b = binary.LittleEndian.AppendUint32(b, uint32(p.Next))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Cells)))
	b = appendCells(b, p.Cells)
	return binary.LittleEndian.AppendUint64(b, xxh3.Hash(b))
}

func appendCells(b []byte, cells []Cell) []byte {
	for i := range cells {
		c := &cells[i]
		b = binary.AppendUvarint(b, uint64(len(c.Key)))
		b = append(b, c.Key...)
		b = binary.AppendUvarint(b, uint64(len(c.Value)))
		b = append(b, c.Value...)
	}
	return b
}

// CorruptError says that bytes are not the image of a page, or not a fragment of one.
type CorruptError struct {
	What  string // page image or fragment
	Bytes int
	Why   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s of %d bytes: %s", e.What, e.Bytes, e.Why)
}

// Decode reads an image. It refuses one whose checksum does not fit, with a *CorruptError.
func Decode(image []byte) (*Page, error) {
	corrupt := func(why string) (*Page, error) {
		return nil, &CorruptError{What: "page image", Bytes: len(image), Why: why}
	}
	if len(image) < Overhead {
		return corrupt("too short for a page")
	}
	if xxh3.Hash(image[:len(image)-sumBytes]) != binary.LittleEndian.Uint64(image[len(image)-sumBytes:]) {
		return corrupt("checksum does not fit")
	}
	p := &Page{
		ID:    node.PageID(binary.LittleEndian.Uint32(image)),
		LSN:   node.LSN(binary.LittleEndian.Uint64(image[4:])),
		Level: image[12],
		Next:  node.PageID(binary.LittleEndian.Uint32(image[13:])),
	}
	body := string(image[Overhead-sumBytes : len(image)-sumBytes]) // all cells share this one copy
	cells, ok := decodeCells(body, uint64(binary.LittleEndian.Uint32(image[17:])))
	if !ok {
		return corrupt("malformed")
	}
	p.Cells, p.bytes = cells, len(body)
	return p, nil
}

// decodeCells reads so many cells, which must be all of s.
func decodeCells(s string, count uint64) (cells []Cell, ok bool) {
	if count > uint64(len(s))/2 {
		return nil, false
	}
	cells = make([]Cell, count)
	for i := range cells {
		if cells[i].Key, s, ok = decodeString(s); !ok {
			return nil, false
		}
		if cells[i].Value, s, ok = decodeString(s); !ok {
			return nil, false
		}
	}
	return cells, s == ""
}

func decodeString(s string) (value, rest string, ok bool) {
	n, s, ok := decodeNumber(s)
	if !ok || n > uint64(len(s)) {
		return "", "", false
	}
	return s[:n], s[n:], true
}

// decodeNumber reads a number of at most 32 bits. It takes only the shortest encoding, so that a page has one image.
func decodeNumber(s string) (n uint64, rest string, ok bool) {
	for i := 0; i < len(s) && i < binary.MaxVarintLen32; i++ {
		n |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, s[i+1:], i == 0 || s[i] != 0
		}
	}
	return 0, "", false
}

// A Fragment is what a structural record replaces in a page, or puts there: the header and a run of cells.
type Fragment struct {
	Level uint8
	Next  node.PageID
	Cells []Cell
}

// Value returns the fragment as a record carries it.
func (f Fragment) Value() node.Value {
	b := make([]byte, 0, 1+binary.MaxVarintLen32*2+CellBytes(f.Cells))
	b = append(b, f.Level)
	b = binary.AppendUvarint(b, uint64(f.Next))
	b = binary.AppendUvarint(b, uint64(len(f.Cells)))
	return node.Some(string(appendCells(b, f.Cells)))
}

// DecodeFragment reads what Fragment.Value gave. It refuses anything else with a *CorruptError.
func DecodeFragment(v node.Value) (Fragment, error) {
	corrupt := &CorruptError{What: "fragment", Bytes: len(v.Bytes), Why: "malformed"}
	if !v.Exists || v.Bytes == "" {
		return Fragment{}, corrupt
	}
	f := Fragment{Level: v.Bytes[0]}
	next, s, ok := decodeNumber(v.Bytes[1:])
	if !ok || next > 1<<32-1 {
		return Fragment{}, corrupt
	}
	f.Next = node.PageID(next)
	count, s, ok := decodeNumber(s)
	if !ok {
		return Fragment{}, corrupt
	}
	if f.Cells, ok = decodeCells(s, count); !ok {
		return Fragment{}, corrupt
	}
	return f, nil
}

// describe says in a few words what an encoded fragment holds.
func describe(v node.Value) string {
	f, err := DecodeFragment(v)
	if err != nil {
		return err.Error()
	}
	s := fmt.Sprintf("level %d, next %d, %d cells", f.Level, f.Next, len(f.Cells))
	if n := len(f.Cells); n > 0 {
		s += fmt.Sprintf(" from %q to %q", f.Cells[0].Key, f.Cells[n-1].Key)
	}
	return s
}
