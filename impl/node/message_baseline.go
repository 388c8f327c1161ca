package node

import (
	"encoding/binary"
	"slices"

	"github.com/zeebo/xxh3"
)

// The messages of the older designs: replicated disks, their manager, and the mirror of one in another zone.

// A View says who may use a replicated disk, and which servers hold it. Its epoch is what fences: a server that has
// opened a view takes nothing from an older one.
type View struct {
	Epoch   Epoch
	Holder  ID   // the instance that it is attached to
	Members []ID // in the order in which a write goes through them; each has all that was ever acknowledged
	// Used says that some holder may have written: a server that has nothing has lost it. Before, it is new.
	Used bool
}

// AttachDisk asks the disk's manager to make the sender its holder. It is refused while another instance is, unless
// Force says that the sender may replace it.
type AttachDisk struct {
	Token uint64 // no two asks of all starts of a process share it: an ask whose answer was lost is asked again
	Force bool
	Drop  ID // a member that the new view is to be without, or 0
	// Over is, where Drop is not 0, the view from which the member is to be dropped: an instance that has been
	// replaced since drops no member. A forced ask needs no such view.
	Over Epoch
	// Uses is no ask for a new view: the holder of Over is about to write for the first time.
	Uses bool
}

// DiskAttached answers AttachDisk: the sender holds the disk.
type DiskAttached struct {
	Token uint64
	View  View
}

// AttachRefused answers AttachDisk: another instance holds the disk.
type AttachRefused struct {
	Token  uint64
	Holder ID
}

// OpenDisk tells a member of a view that it counts, and that its holder begins to use it.
type OpenDisk struct{ View View }

// DiskOpened answers OpenDisk when the view is durable on the server, and everything that it took before.
type DiskOpened struct {
	Epoch     Epoch
	Base, End uint64 // the positions at which its log area begins and ends
}

// DiskClosed refuses a message because the server has not opened that view, since its last start or at all.
type DiskClosed struct{ Epoch Epoch }

// DiskBlank refuses because what the server had taken is gone or can no longer be read.
type DiskBlank struct{ Epoch Epoch }

// A Block is one block of a disk's page area.
type Block struct {
	Number uint32
	Data   []byte
}

// A DiskWrite is what a disk does at once: first the log, then the blocks. Each is durable before the next begins.
type DiskWrite struct {
	Writes bool   // it writes Log at LogAt, and drops what lies behind
	LogAt  uint64 // a position: the log area is endless, and only its end is kept
	Log    []byte
	Base   uint64 // what lies before this position may be dropped
	Blocks []Block
	// ID names it in traces. It is no part of what is sent: view, lane and number say which write a message carries.
	ID WriteID
}

// Size returns how many bytes it writes.
func (w *DiskWrite) Size() int {
	n := len(w.Log)
	for _, b := range w.Blocks {
		n += len(b.Data)
	}
	return n
}

// WriteDisk carries a write to the first server of a view, and from server to server.
type WriteDisk struct {
	Epoch Epoch
	Lane  uint8  // writes of different lanes pass each other
	Seq   uint64 // counts the writes of the lane and view, from 1 on
	Write DiskWrite
}

// DiskWritten answers WriteDisk: the write is durable on every server of the view, or on every copy of a mirror.
type DiskWritten struct {
	Epoch Epoch
	Lane  uint8
	Seq   uint64
}

// ReadBlock asks the last server of a view for a block.
type ReadBlock struct {
	Epoch  Epoch
	Number uint32
}

// BlockData answers ReadBlock. A block that was never written has no data.
type BlockData struct {
	Epoch  Epoch
	Number uint32
	Data   []byte
}

// ReadDiskLog asks the last server of a view for its log area from a position on.
type ReadDiskLog struct {
	Epoch Epoch
	From  uint64
}

// DiskLog answers ReadDiskLog with as much as one message holds.
type DiskLog struct {
	Epoch     Epoch
	Base, End uint64
	From      uint64
	Data      []byte
}

// MirrorOpen tells the standby instance of a mirrored database that it counts.
type MirrorOpen struct{ View View }

// MirrorOpened answers MirrorOpen.
type MirrorOpened struct{ Epoch Epoch }

// MirrorWrite carries a write of the primary instance to the standby, which makes it on a disk of its own.
type MirrorWrite struct{ WriteDisk }

// MirrorWritten answers MirrorWrite.
type MirrorWritten struct{ DiskWritten }

// StoreObject puts a named object into an object store, in the place of the one before it.
type StoreObject struct {
	Token uint64
	Name  string
	Data  []byte
}

// ObjectStored answers StoreObject when the object is durable.
type ObjectStored struct{ Token uint64 }

// FetchObject asks an object store for an object.
type FetchObject struct {
	Token uint64
	Name  string
}

// ObjectFetched answers FetchObject.
type ObjectFetched struct {
	Token uint64
	Found bool
	Data  []byte
}

// A Version orders the values of a register: by number, and where two writers chose the same one, by who they are.
type Version struct {
	Number uint64
	By     uint64 // no two writes share it
}

// Less tells whether v is older than w.
func (v Version) Less(w Version) bool {
	return v.Number < w.Number || v.Number == w.Number && v.By < w.By
}

// ReadRegister asks a replica for what it has of a row.
type ReadRegister struct {
	Token uint64
	Key   string
}

// RegisterValue answers ReadRegister. The zero version is that of a row that the replica has never been told of.
type RegisterValue struct {
	Token   uint64
	Version Version
	Value   Value
}

// WriteRegister gives a replica a value, which it keeps unless it has a newer one.
type WriteRegister struct {
	Token   uint64
	Key     string
	Version Version
	Value   Value
}

// RegisterWritten answers WriteRegister when the value, or a newer one, is durable.
type RegisterWritten struct{ Token uint64 }

// AppendPages is an Append with the whole pages that its records have changed: what Aurora does not do, to see what it
// saves.
type AppendPages struct {
	Append
	Images []Block
}

// WireBytes implements Sized.
func (m *AppendPages) WireBytes() int {
	n := m.Append.WireBytes()
	for _, i := range m.Images {
		n += len(i.Data)
	}
	return n
}

// AppendDigest implements Message.
func (m *AppendPages) AppendDigest(b []byte) []byte {
	b = m.Append.AppendDigest(b)
	for _, i := range m.Images {
		b = append(u(b, i.Number), i.Data...)
	}
	return b
}

func (*AppendPages) Type() string     { return "append-pages" }
func (*StoreObject) Type() string     { return "store-object" }
func (*ObjectStored) Type() string    { return "object-stored" }
func (*FetchObject) Type() string     { return "fetch-object" }
func (*ObjectFetched) Type() string   { return "object-fetched" }
func (*ReadRegister) Type() string    { return "read-register" }
func (*RegisterValue) Type() string   { return "register-value" }
func (*WriteRegister) Type() string   { return "write-register" }
func (*RegisterWritten) Type() string { return "register-written" }

func (m *StoreObject) AppendDigest(b []byte) []byte {
	return append(appendString(u(b, m.Token), m.Name), m.Data...)
}
func (m *ObjectStored) AppendDigest(b []byte) []byte { return u(b, m.Token) }
func (m *FetchObject) AppendDigest(b []byte) []byte  { return appendString(u(b, m.Token), m.Name) }
func (m *ObjectFetched) AppendDigest(b []byte) []byte {
	return append(append(u(b, m.Token), bit(m.Found)), m.Data...)
}
func (m *ReadRegister) AppendDigest(b []byte) []byte { return appendString(u(b, m.Token), m.Key) }
func (m *RegisterValue) AppendDigest(b []byte) []byte {
	return appendValue(u(u(u(b, m.Token), m.Version.Number), m.Version.By), m.Value)
}
func (m *WriteRegister) AppendDigest(b []byte) []byte {
	return appendValue(appendString(u(u(u(b, m.Token), m.Version.Number), m.Version.By), m.Key), m.Value)
}
func (m *RegisterWritten) AppendDigest(b []byte) []byte { return u(b, m.Token) }

// AppendRegister appends a row's version and value as a replica's disk has them.
func AppendRegister(b []byte, key string, v Version, value Value) []byte {
	return appendValue(appendString(u(u(b, v.Number), v.By), key), value)
}

// DecodeRegister reads what AppendRegister wrote, and returns what follows. It is false for anything else.
func DecodeRegister(b []byte) (key string, v Version, value Value, rest []byte, ok bool) {
	d := decoder{b: b}
	v = Version{Number: d.uvarint(), By: d.uvarint()}
	key, value = d.string(), d.value()
	return key, v, value, d.b, !d.short
}

func (*AttachDisk) Type() string    { return "attach-disk" }
func (*DiskAttached) Type() string  { return "disk-attached" }
func (*AttachRefused) Type() string { return "attach-refused" }
func (*OpenDisk) Type() string      { return "open-disk" }
func (*DiskOpened) Type() string    { return "disk-opened" }
func (*DiskClosed) Type() string    { return "disk-closed" }
func (*DiskBlank) Type() string     { return "disk-blank" }
func (*WriteDisk) Type() string     { return "write-disk" }
func (*DiskWritten) Type() string   { return "disk-written" }
func (*ReadBlock) Type() string     { return "read-block" }
func (*BlockData) Type() string     { return "block-data" }
func (*ReadDiskLog) Type() string   { return "read-disk-log" }
func (*DiskLog) Type() string       { return "disk-log" }
func (*MirrorOpen) Type() string    { return "mirror-open" }
func (*MirrorOpened) Type() string  { return "mirror-opened" }
func (*MirrorWrite) Type() string   { return "mirror-write" }
func (*MirrorWritten) Type() string { return "mirror-written" }

// AppendBinary appends the view to b.
func (v *View) AppendBinary(b []byte) []byte {
	b = append(u(u(u(b, v.Epoch), v.Holder), uint64(len(v.Members))), bit(v.Used))
	for _, m := range v.Members {
		b = u(b, m)
	}
	return b
}

// DecodeView reads what AppendBinary wrote, and returns what follows it. It is false for anything else.
func DecodeView(b []byte) (View, []byte, bool) {
	d := decoder{b: b}
	v := View{Epoch: Epoch(d.uvarint()), Holder: ID(d.uvarint())}
	n := d.uvarint()
	v.Used = d.byte() == 1
	if n > uint64(len(b)) {
		return View{}, nil, false
	}
	for range n {
		v.Members = append(v.Members, ID(d.uvarint()))
	}
	return v, d.b, !d.short
}

// Last returns the server that answers: what it has, all of them have.
func (v *View) Last() ID { return v.Members[len(v.Members)-1] }

// After returns the member behind id, or 0.
func (v *View) After(id ID) ID {
	if i := slices.Index(v.Members, id); i >= 0 && i+1 < len(v.Members) {
		return v.Members[i+1]
	}
	return 0
}

func (m *AttachDisk) AppendDigest(b []byte) []byte {
	return append(u(u(u(b, m.Token), m.Drop), m.Over), bit(m.Force), bit(m.Uses))
}
func (m *DiskAttached) AppendDigest(b []byte) []byte  { return m.View.AppendBinary(u(b, m.Token)) }
func (m *AttachRefused) AppendDigest(b []byte) []byte { return u(u(b, m.Token), m.Holder) }
func (m *OpenDisk) AppendDigest(b []byte) []byte      { return m.View.AppendBinary(b) }
func (m *DiskOpened) AppendDigest(b []byte) []byte    { return u(u(u(b, m.Epoch), m.Base), m.End) }
func (m *DiskClosed) AppendDigest(b []byte) []byte    { return u(b, m.Epoch) }
func (m *DiskBlank) AppendDigest(b []byte) []byte     { return u(b, m.Epoch) }
func (m *WriteDisk) AppendDigest(b []byte) []byte {
	b = u(u(append(b, m.Lane, bit(m.Write.Writes)), m.Epoch), m.Seq)
	b = append(u(u(u(b, m.Write.LogAt), m.Write.Base), uint64(len(m.Write.Log))), m.Write.Log...)
	for _, x := range m.Write.Blocks {
		b = append(binary.AppendUvarint(u(b, x.Number), uint64(len(x.Data))), x.Data...)
	}
	return b
}
func (m *DiskWritten) AppendDigest(b []byte) []byte { return u(u(append(b, m.Lane), m.Epoch), m.Seq) }
func (m *ReadBlock) AppendDigest(b []byte) []byte   { return u(u(b, m.Epoch), m.Number) }
func (m *BlockData) AppendDigest(b []byte) []byte {
	return append(u(u(b, m.Epoch), m.Number), m.Data...)
}
func (m *ReadDiskLog) AppendDigest(b []byte) []byte { return u(u(b, m.Epoch), m.From) }
func (m *DiskLog) AppendDigest(b []byte) []byte {
	return append(u(u(u(u(b, m.Epoch), m.Base), m.End), m.From), m.Data...)
}
func (m *MirrorOpen) AppendDigest(b []byte) []byte   { return m.View.AppendBinary(b) }
func (m *MirrorOpened) AppendDigest(b []byte) []byte { return u(b, m.Epoch) }

// AppendSum appends the checksum of b.
func AppendSum(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, xxh3.Hash(b)) }

// CutSum returns what AppendSum was given, and false when the checksum does not fit.
func CutSum(b []byte) ([]byte, bool) {
	if len(b) < 8 {
		return nil, false
	}
	body := b[:len(b)-8]
	return body, binary.LittleEndian.Uint64(b[len(b)-8:]) == xxh3.Hash(body)
}

// A Sized message says how many bytes it takes on the wire, where its digest says less.
type Sized interface{ WireBytes() int }

const wireHeader = 16 // what a message takes beside its records

func recordBytes(n int, rs []*Record) int {
	var space [256]byte
	for _, r := range rs {
		n += len(r.AppendBinary(space[:0]))
	}
	return n
}

// WireBytes implements Sized.
func (m *Append) WireBytes() int { return recordBytes(wireHeader, m.Records) }

// WireBytes implements Sized.
func (m *LogRecords) WireBytes() int { return recordBytes(wireHeader, m.Records) }

// WireBytes implements Sized.
func (m *GossipGive) WireBytes() int { return recordBytes(wireHeader, m.Records) }
