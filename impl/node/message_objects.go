package node

import "encoding/binary"

// PutObject asks the object store to keep Data under Name for ever. A name that is taken keeps what it has: a segment names
// an object by what is in it, so six copies that put the same put it once.
type PutObject struct {
	Name string
	Data []byte
}

// ObjectKept answers PutObject when the object is durable.
type ObjectKept struct {
	Name string
	Sum  uint64 // xxh3 of what is kept under the name
}

// GetObject asks for an object, or, with Head, only whether it is there.
type GetObject struct {
	Name string
	Head bool
}

// ObjectRead answers GetObject.
type ObjectRead struct {
	Name  string
	Found bool
	Sum   uint64 // xxh3 of the object
	Data  []byte // nil for a Head
}

// ListObjects asks for the names that begin with Prefix and come after After.
type ListObjects struct {
	Prefix string
	After  string
}

// ObjectList answers ListObjects.
type ObjectList struct {
	Prefix string
	After  string
	Names  []string // ascending
	More   bool     // there are names beyond the last one
}

func (*PutObject) Type() string   { return "put-object" }
func (*ObjectKept) Type() string  { return "object-kept" }
func (*GetObject) Type() string   { return "get-object" }
func (*ObjectRead) Type() string  { return "object-read" }
func (*ListObjects) Type() string { return "list-objects" }
func (*ObjectList) Type() string  { return "object-list" }

func (m *PutObject) AppendDigest(b []byte) []byte { return append(appendString(b, m.Name), m.Data...) }
func (m *ObjectKept) AppendDigest(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(appendString(b, m.Name), m.Sum)
}
func (m *GetObject) AppendDigest(b []byte) []byte {
	return append(appendString(b, m.Name), bit(m.Head))
}
func (m *ObjectRead) AppendDigest(b []byte) []byte {
	b = append(appendString(b, m.Name), bit(m.Found))
	return append(binary.LittleEndian.AppendUint64(b, m.Sum), m.Data...)
}
func (m *ListObjects) AppendDigest(b []byte) []byte {
	return appendString(appendString(b, m.Prefix), m.After)
}
func (m *ObjectList) AppendDigest(b []byte) []byte {
	b = append(appendString(appendString(b, m.Prefix), m.After), bit(m.More))
	for _, n := range m.Names {
		b = appendString(b, n)
	}
	return b
}
