// Package backup is what a volume is backed up as, and how it is restored: the names and the formats of the objects that
// segments put into an object store (SIGMOD 2017 §3.3, step 6), and the making of a volume out of them as of any point
// of its log. It does no I/O: objects come through a Source.
//
// A volume's backup is one object "volume", which says what kind of volume it is; for every group, log objects, one for
// each window of LSNs, with the group's records in it, and a last one that ends before its window does; and, every few
// windows, the group's page images as of the window's end, in chunks. Only what is at or below a VDL is backed up, which
// is final: every later writer keeps it. So all copies that write an object write the same bytes, and names need no writer.
//
// A backup that is copied to another place gets one object more, "manifest", put last, which names all others: what such a
// copy lacks is known. A store that segments still put objects into has none.
//
// Not for an operator's copy of a database with a disk of its own: package baseline/snapshot is that.
package backup

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// DefaultWindow is how many LSNs one log object is for, where the volume does not say.
const DefaultWindow = 4096

// ImagesEvery is how many windows lie between two sets of page images.
const ImagesEvery = 4

// ChunkBytes is how many bytes of page images go into one object, beyond the first image.
const ChunkBytes = 256 << 10

// VolumeName is the name of the object that describes the volume.
const VolumeName = "volume"

// ManifestName is the name of the object that names all others of a copy.
const ManifestName = "manifest"

// IsName tells whether an object of a backup can have that name.
func IsName(text string) bool {
	_, ours := parseName(text)
	return ours || text == VolumeName || text == ManifestName
}

// LogName names the records of a group with from ≤ LSN ≤ through.
func LogName(g node.Group, from, through node.LSN) string {
	b := padded(append(make([]byte, 0, 48), LogPrefix(g)...), uint64(from), 16)
	return string(padded(append(b, '-'), uint64(through), 16))
}

// LogPrefix is what the names of all of a group's records begin with.
func LogPrefix(g node.Group) string { return string(append(padded([]byte("log/"), uint64(g), 5), '/')) }

// LogSpan reads a name that LogName has made; ok is false for any other.
func LogSpan(text string) (g node.Group, from, through node.LSN, ok bool) {
	n, ours := parseName(text)
	return n.group, n.from, n.through, ours && n.kind == logKind
}

// ImagesSpan returns of which group's pages, as of when and from which on, the object of a name is; ok is false of other names.
func ImagesSpan(text string) (g node.Group, at node.LSN, first node.PageID, ok bool) {
	n, ours := parseName(text)
	return n.group, n.at, n.first, ours && n.kind == imagesKind
}

// ImagesName names the chunk of a group's page images as of at whose pages begin with first.
func ImagesName(g node.Group, at node.LSN, first node.PageID) string {
	b := padded(append(make([]byte, 0, 48), "pages/"...), uint64(g), 5)
	b = padded(append(b, '/'), uint64(at), 16)
	return string(padded(append(b, '/'), uint64(first), 10))
}

// padded appends a number with zeros in front, so that names sort as their numbers do. A restore makes thousands of names.
func padded(b []byte, n uint64, width int) []byte {
	least := uint64(1)
	for range width - 1 {
		if least *= 10; n < least {
			b = append(b, '0')
		}
	}
	return strconv.AppendUint(b, n, 10)
}

// A name is what the name of an object says.
type name struct {
	text          string
	kind          byte // logKind or imagesKind
	group         node.Group
	from, through node.LSN // of records
	at            node.LSN // of images
	first         node.PageID
}

// parseName reads a name. A name that it does not know is of an object of others.
func parseName(text string) (name, bool) {
	n := name{text: text}
	switch {
	case strings.HasPrefix(text, "log/"):
		n.kind = logKind
		group, from, through := numbersIn(text)
		n.group, n.from, n.through = node.Group(group), node.LSN(from), node.LSN(through)
		return n, text == LogName(n.group, n.from, n.through) && n.from > 0 && n.from <= n.through
	case strings.HasPrefix(text, "pages/"):
		n.kind = imagesKind
		group, at, first := numbersIn(text)
		n.group, n.at, n.first = node.Group(group), node.LSN(at), node.PageID(first)
		return n, text == ImagesName(n.group, n.at, n.first)
	}
	return n, false
}

// numbersIn returns the three numbers of a name, as far as it has them. Whether it is the name that they make, the caller asks: a
// restore reads thousands of names.
func numbersIn(text string) (a, b, c uint64) {
	found := strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '-' })
	if len(found) != 4 {
		return 0, 0, 0
	}
	var all [3]uint64
	for i, digits := range found[1:] {
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return 0, 0, 0
		}
		all[i] = n
	}
	return all[0], all[1], all[2]
}

// A Shape says what kind of volume was backed up.
type Shape struct {
	PageSize int
	Groups   int // in use from the start
	Window   int // LSNs of one log object
}

// A Log is what a log object holds.
type Log struct {
	Group         node.Group
	From, Through node.LSN
	Records       []*node.Record // all of the group's records from From through Through, ascending
}

// Images is what an object of page images holds.
type Images struct {
	Group  node.Group
	At     node.LSN
	Last   node.LSN // the group's last LSN at or below At
	First  node.PageID
	Images [][]byte // of pages from First on that something changed, ascending
	Next   node.PageID
	Done   bool // there are no pages from Next on
}

// A Manifest names the objects of a copy, all but itself, by name ascending.
type Manifest []Listed

// A Listed is one object of a manifest.
type Listed struct {
	Name  string
	Bytes int
	Sum   uint64 // xxh3 of its bytes
}

// Add adds an object, whose name is not there yet.
func (m *Manifest) Add(name string, data []byte) {
	i, _ := m.find(name)
	*m = slices.Insert(*m, i, Listed{Name: name, Bytes: len(data), Sum: xxh3.Hash(data)})
}

// find returns the place of a name.
func (m Manifest) find(name string) (int, bool) {
	return slices.BinarySearchFunc(m, name, func(l Listed, name string) int { return strings.Compare(l.Name, name) })
}

// Every object begins with this, and its kind, and ends with a checksum.
const (
	objectMagic       = 0xF1657A93
	headBytes         = 5
	sumBytes          = 8
	volumeKind        = 'v'
	logKind      byte = 'l'
	imagesKind        = 'p'
	manifestKind      = 'm'
)

func begin(kind byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, objectMagic), kind)
}

func end(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, xxh3.Hash(b)) }

func number[T ~uint64 | ~uint32 | ~uint16 | ~int](b []byte, v T) []byte {
	return binary.AppendUvarint(b, uint64(v))
}

// Encode returns the bytes of the object VolumeName.
func (s Shape) Encode() []byte {
	return end(number(number(number(begin(volumeKind), s.PageSize), s.Groups), s.Window))
}

// Encode returns the bytes of the log object.
func (l *Log) Encode() []byte {
	size := 64
	for _, r := range l.Records {
		size += 4 + r.MostBytes()
	}
	b := number(number(number(number(slices.Grow(begin(logKind), size), l.Group), l.From), l.Through), len(l.Records))
	for _, r := range l.Records {
		at := len(b)
		b = r.AppendBinary(append(b, 0, 0, 0, 0))
		binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	return end(b)
}

// Encode returns the bytes of the object.
func (i *Images) Encode() []byte {
	b := number(number(number(number(begin(imagesKind), i.Group), i.At), i.Last), i.First)
	done := byte(0)
	if i.Done {
		done = 1
	}
	b = number(append(number(b, i.Next), done), len(i.Images))
	for _, image := range i.Images {
		b = append(number(b, len(image)), image...)
	}
	return end(b)
}

// Encode returns the bytes of the object ManifestName.
func (m Manifest) Encode() []byte {
	b := number(begin(manifestKind), len(m))
	for _, l := range m {
		b = append(number(b, len(l.Name)), l.Name...)
		b = binary.LittleEndian.AppendUint64(number(b, l.Bytes), l.Sum)
	}
	return end(b)
}

// describe says what the object of a name is.
func describe(text string) string {
	n, ours := parseName(text)
	switch {
	case text == VolumeName:
		return "what kind of volume it is, which every point needs"
	case text == ManifestName:
		return "the names of all objects, put last"
	case ours && n.kind == logKind:
		return fmt.Sprintf("group %d's records of LSN %d to %d", n.group, n.from, n.through)
	case ours:
		return fmt.Sprintf("group %d's pages from %d on, as of LSN %d", n.group, n.first, n.at)
	}
	return "no object of a backup"
}

// A MissingError says that an object which is needed is not there.
type MissingError struct{ Name string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("backup: object %s is missing (%s)", e.Name, describe(e.Name))
}

// A CorruptError says that an object is not what its name says.
type CorruptError struct {
	Name  string
	Bytes int
	Why   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("backup: object %s of %d bytes (%s): %s", e.Name, e.Bytes, describe(e.Name), e.Why)
}

// A reader reads what was encoded; once short, it gives zeros.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.short, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

// open checks what all objects have in common.
func open(name string, b []byte, kind byte) (*reader, error) {
	switch {
	case len(b) < headBytes+sumBytes:
		return nil, &CorruptError{name, len(b), "too short"}
	case xxh3.Hash(b[:len(b)-sumBytes]) != binary.LittleEndian.Uint64(b[len(b)-sumBytes:]):
		return nil, &CorruptError{name, len(b), "its checksum does not fit"}
	case binary.LittleEndian.Uint32(b) != objectMagic || b[4] != kind:
		return nil, &CorruptError{name, len(b), "another kind of object"}
	}
	return &reader{b: b[headBytes : len(b)-sumBytes]}, nil
}

func (r *reader) close(name string, size int, fits bool) error {
	if r.short || len(r.b) != 0 {
		return &CorruptError{name, size, "malformed"}
	}
	if !fits {
		return &CorruptError{name, size, "its content is that of another name"}
	}
	return nil
}

// DecodeShape reads the object VolumeName.
func DecodeShape(b []byte) (Shape, error) {
	r, err := open(VolumeName, b, volumeKind)
	if err != nil {
		return Shape{}, err
	}
	s := Shape{PageSize: int(r.number()), Groups: int(r.number()), Window: int(r.number())}
	return s, r.close(VolumeName, len(b), s.PageSize > 0 && s.Window > 0 && s.Groups > 0)
}

// DecodeManifest reads the object ManifestName.
func DecodeManifest(b []byte) (Manifest, error) {
	r, err := open(ManifestName, b, manifestKind)
	if err != nil {
		return nil, err
	}
	var m Manifest
	fits := true
	for range r.number() {
		l := Listed{Name: string(r.take(r.number())), Bytes: int(r.number())}
		sum := r.take(sumBytes)
		if sum == nil {
			break
		}
		l.Sum = binary.LittleEndian.Uint64(sum)
		last := len(m) - 1
		fits = fits && IsName(l.Name) && l.Name != ManifestName && (last < 0 || m[last].Name < l.Name)
		m = append(m, l)
	}
	return m, r.close(ManifestName, len(b), fits)
}

// ReadManifest reads the manifest of a copy. It fails with a *MissingError when the copy has none: it is half, or it is
// no copy.
func ReadManifest(src Source) (Manifest, error) {
	b, err := src.Get(ManifestName)
	if err != nil {
		return nil, err
	}
	return DecodeManifest(b)
}

// DecodeLog reads the log object of a name.
func DecodeLog(text string, b []byte) (*Log, error) {
	n, ours := parseName(text)
	if !ours || n.kind != logKind {
		return nil, &CorruptError{text, len(b), "its name is of another kind than a log object"}
	}
	return decodeLog(&n, b)
}

// DecodeImages reads the pages in the object of page images of a name, and as of which LSN they are.
func DecodeImages(text string, b []byte) (*Images, []*page.Page, error) {
	n, ours := parseName(text)
	if !ours || n.kind != imagesKind {
		return nil, nil, &CorruptError{text, len(b), "its name is of another kind than an object of page images"}
	}
	i, err := decodeImages(&n, b)
	if err != nil {
		return nil, nil, err
	}
	pages, err := i.decode(&n, len(b))
	return i, pages, err
}

// decodeLog reads the log object of that name.
func decodeLog(n *name, b []byte) (*Log, error) {
	r, err := open(n.text, b, logKind)
	if err != nil {
		return nil, err
	}
	l := &Log{Group: node.Group(r.number()), From: node.LSN(r.number()), Through: node.LSN(r.number())}
	for range r.number() {
		size := r.take(4)
		if size == nil {
			break
		}
		record, err := node.DecodeRecord(r.take(uint64(binary.LittleEndian.Uint32(size))))
		if err != nil {
			return nil, &CorruptError{n.text, len(b), err.Error()}
		}
		if last := len(l.Records) - 1; record.Group != n.group || record.LSN < n.from || record.LSN > n.through ||
			last >= 0 && record.Prev != l.Records[last].LSN {
			return nil, &CorruptError{n.text, len(b), fmt.Sprintf("record %d does not belong behind the one before", record.LSN)}
		}
		l.Records = append(l.Records, record)
	}
	return l, r.close(n.text, len(b), l.Group == n.group && l.From == n.from && l.Through == n.through)
}

// decodeImages reads the object of page images of that name.
func decodeImages(n *name, b []byte) (*Images, error) {
	r, err := open(n.text, b, imagesKind)
	if err != nil {
		return nil, err
	}
	i := &Images{Group: node.Group(r.number()), At: node.LSN(r.number()), Last: node.LSN(r.number()), First: node.PageID(r.number()), Next: node.PageID(r.number())}
	if done := r.take(1); done != nil {
		i.Done = done[0] == 1
	}
	for range r.number() {
		image := r.take(r.number())
		if image == nil {
			break
		}
		i.Images = append(i.Images, image)
	}
	if !r.short && !i.Done && i.Next <= i.First {
		return nil, &CorruptError{n.text, len(b), "the chunk after it is not after it"}
	}
	return i, r.close(n.text, len(b), i.Group == n.group && i.At == n.at && i.First == n.first)
}

// decode reads the pages, of an object of that name and size.
func (i *Images) decode(n *name, size int) ([]*page.Page, error) {
	var pages []*page.Page
	for _, image := range i.Images {
		p, err := page.Decode(image)
		if err != nil {
			return nil, &CorruptError{n.text, size, err.Error()}
		}
		pages = append(pages, p)
	}
	return pages, nil
}
