// # The wire
//
// Everything that crosses the contract between a node and what runs it has two forms: JSON, for people and for nodes in
// other languages, and bytes, for programs and for the identity of a run. Both are versioned (WireVersion), both carry
// every field, and both are decoded strictly: an unknown version, type or key, and bytes that follow, are a *WireError.
//
// What crosses, in the order of its numbers: event, effect, effects (all that one step wants done, and what it tells),
// message, request, reply, trace, file, record, geometry, history, membership, view, and volume (what a node is told before
// it starts). The file testdata/wire.txt has an example of every type, of every message and of every detail of a trace, in
// both forms.
//
// # The wire in JSON
//
// A frame is an object of two keys, in either order: the version, and what it carries under its name.
//
//	{"version":2,"event":{"kind":"received","from":3,"message":{"appended":{"epoch":2,"scl":101}}}}
//	{"version":2,"effects":{"list":[{"kind":"send","to":1,"message":{"fenced":{"epoch":3}}},{"kind":"sync","token":7}]}}
//
// What stands in it:
//
//   - Keys are the fields' names in lowerCamel: Epoch is "epoch", SCL is "scl", ReadPoint is "readPoint". A field that has
//     its zero value (0, false, "", an empty list) is left out; a reader takes a missing key, and null, for the zero value.
//     A key that the type does not have, and a key that comes twice, are refused.
//   - Which keys of an event count depends on its kind: "started": incarnation, files; "received": from, message; "fired":
//     timer; "disk-done": token, and data of a read; "requested": from, request.
//   - Which keys of an effect count depends on its kind, too: "send": to, message; "set-timer": timer, after;
//     "clear-timer": timer; "append": file, data; "sync": token; "replace": file, data, token; "read": file, from, size,
//     token; "respond": to, reply.
//   - A message is an object of one key, its type: {"read-page":{"page":5}}. So is the detail of a trace:
//     {"holds":{"promise":2}}. A message of a stranger, which only its own nodes read, is
//     {"opaque":{"kind":"vote","bytes":"…"}}; its kind has 1 to 64 bytes and is the type of no other message.
//   - Integers are numbers up to 9007199254740991 (2^53−1) and down to its negative, and beyond that decimal strings,
//     "18446744073709551615", because many languages read numbers as doubles. A reader must take both forms; ours takes
//     either at any size. They have no fraction and no exponent. Times and durations are nanoseconds. A set of replicas is
//     an integer whose bit n stands for replica n.
//   - Keys of rows, values, names, images, and what files and disks hold are bytes. They are a JSON string where they are
//     valid UTF-8, and {"base64":"…"} (RFC 4648 §4, with padding) where they are not. A reader must take both forms; ours
//     takes the second for text, too, so that a writer may always use it.
//   - Kinds, actions, operations, statuses and reasons are strings: "received", "Store", "put", "ok", "not open".
//   - A record's "sum" is the xxh3 checksum of its other fields. A writer that cannot compute it leaves it out, and the
//     reader computes it; where it stands, it must fit.
//
// # The wire in bytes
//
// A frame is the version, the number of what it carries (from 1 on), both as varints, and its body. A body is the fields of
// the type in their order, without names or padding:
//
//   - an unsigned integer of more than 8 bits: a base-128 varint, the lowest seven bits first, in as few bytes as possible;
//     a signed one is mapped first, 0, −1, 1, −2 … to 0, 1, 2, 3 …; one of 8 bits, and what is a name in JSON: one byte;
//   - true and false: 1 and 0;
//   - bytes and text: their length as a varint, then they; a list: its length as a varint, then its elements;
//   - a structure within another: its fields; a record, a reply or a write that may be missing: 0, or 1 and its body; in a
//     list of records, the bodies alone;
//   - a record: its fields in their order, but of each value first whether it exists, and then the checksum in eight bytes,
//     the lowest first;
//   - a message, and the detail of a trace: its number in the registry (wire_registry.go) as a varint, 0 for none, and its
//     body.
//
// There is one encoding of a thing: what decodes is encoded again to the same bytes.
//
// # Limits of the wire
//
// A frame has at most WireLimit bytes. Decoding allocates, beside the text that the frame holds, at most 64 bytes for each
// byte of the frame, at any length that it claims. Neither form takes a name, a kind or an action that it does not know.
package node

import (
	"encoding/binary"
	"fmt"
	"reflect"
)

// WireVersion is the version of both forms. It grows with any change that a reader of the one before would not take. A node that was
// upgraded talks to nodes that were not yet: frames of every version from WireOldest on are read, and AppendWireAs writes them.
//
//	2: floors reach segments with the log and with gossip, and a copy that lacks what was collected is filled from the pages of
//	   another (BelowFloor, FillAsk, FillGive)
const (
	WireVersion = 2
	WireOldest  = 1
)

var versions = fmt.Sprintf("version %d to %d", WireOldest, WireVersion)

// WireLimit is how many bytes a frame has at most. The largest is a start with all that a disk holds.
const WireLimit = 64 << 20

// wireGrowth is how many bytes decoding allocates at most for each byte of a frame, and wireRoom for any frame.
const (
	wireGrowth = 64
	wireRoom   = 4096
)

// A WireRule is what a frame breaks.
type WireRule string

const (
	WireTooLarge  WireRule = "too large"       // the frame, or what it asks to allocate
	WireVersioned WireRule = "unknown version" // it is of a version that is not read here
	WireUnknown   WireRule = "unknown type"    // what it carries is not in the registry, or is not what was asked for
	WireNewer     WireRule = "newer"           // the frame's version has no form for it
	WireMalformed WireRule = "malformed"       // it ends too soon, or something else stands where a value is expected
	WireKey       WireRule = "unknown key"     // JSON: the type has no such field, or it stands twice
	WireTrailing  WireRule = "trailing bytes"  // something follows the frame
	WireDamaged   WireRule = "damaged"         // a record whose checksum does not fit
)

// A WireError says why something could not be encoded or decoded.
type WireError struct {
	Rule     WireRule
	Expected string
	Found    string
	Path     string // from the frame on, as in "event.message.append.records[3].key"
	Offset   int    // in the frame, in bytes; -1 while encoding
}

func (e *WireError) Error() string {
	where := "frame"
	if e.Path != "" {
		where = e.Path
	}
	if e.Offset >= 0 {
		where += fmt.Sprintf(" at byte %d", e.Offset)
	}
	return fmt.Sprintf("wire: %s: %s: expected %s, found %s", where, e.Rule, e.Expected, e.Found)
}

// within puts a step in front of the path, as the error travels out.
func (e *WireError) within(step string) {
	switch {
	case e.Path == "":
		e.Path = step
	case e.Path[0] == '[':
		e.Path = step + e.Path
	default:
		e.Path = step + "." + e.Path
	}
}

// element is within for an element of a list.
func (e *WireError) element(i int) { e.within(fmt.Sprintf("[%d]", i)) }

// An appender collects a frame.
type appender struct {
	b       []byte
	version int // of the frame
	err     *WireError
	// brief has a record's checksum stand for the record: it covers every field.
	brief bool
}

func (a *appender) fail(rule WireRule, expected, found string) {
	if a.err == nil {
		a.err = &WireError{Rule: rule, Expected: expected, Found: found, Offset: -1}
	}
}

func (a *appender) uvarint(n uint64) { a.b = binary.AppendUvarint(a.b, n) }

// A codec is how one type is encoded. They are compiled once for each type and say nothing of a value.
type codec interface {
	append(a *appender, v reflect.Value)
	decode(d *wireReader, v reflect.Value)
	appendJSON(a *appender, v reflect.Value)
	decodeJSON(j *jsonReader, v reflect.Value)
	// least is how many bytes a value takes at least in a frame of bytes.
	least() int
}

// AppendWire appends v to b as a frame of bytes. v is a Message, or points to one of the types that cross the contract.
// It returns b and a *WireError for anything else, and for what no frame can carry: a message that is not registered, an
// opaque one of a bad kind, a record that is missing from a list.
func AppendWire(b []byte, v any) ([]byte, error) { return AppendWireAs(b, v, WireVersion) }

// AppendWireAs is AppendWire for a reader of an older version: fields that this version does not have are left out, and a message
// that it does not have is an error by WireNewer.
func AppendWireAs(b []byte, v any, version int) ([]byte, error) {
	if version < WireOldest || version > WireVersion {
		return b, &WireError{Rule: WireVersioned, Expected: versions, Found: fmt.Sprintf("version %d", version), Offset: -1}
	}
	r := wire()
	k, of, err := r.kindOf(v)
	if err != nil {
		return b, err
	}
	a := appender{b: binary.AppendUvarint(append(b, byte(version)), uint64(k.number)), version: version}
	if a.carries(k, of) {
		k.codec.append(&a, of)
	}
	return a.end(b, k)
}

// AppendWireJSON appends v to b as a frame of JSON on one line. See AppendWire.
func AppendWireJSON(b []byte, v any) ([]byte, error) {
	r := wire()
	k, of, err := r.kindOf(v)
	if err != nil {
		return b, err
	}
	a := appender{b: fmt.Appendf(b, `{"version":%d,"%s":`, WireVersion, k.name), version: WireVersion}
	if a.carries(k, of) {
		k.codec.appendJSON(&a, of)
		a.b = append(a.b, '}')
	}
	return a.end(b, k)
}

// carries refuses a frame of no message at all.
func (a *appender) carries(k *wireKind, v reflect.Value) bool {
	if v.Kind() == reflect.Interface && v.IsNil() {
		a.fail(WireUnknown, "a "+k.name, "none")
	}
	return a.err == nil
}

func (a *appender) end(b []byte, k *wireKind) ([]byte, error) {
	if n := len(a.b) - len(b); a.err == nil && n > WireLimit {
		a.fail(WireTooLarge, fmt.Sprintf("at most %d bytes", WireLimit), fmt.Sprintf("%d bytes", n))
	}
	if a.err != nil {
		a.err.within(k.name)
		return b, a.err
	}
	return a.b, nil
}

// DecodeWire reads a frame of bytes into what into points to: a Message, or one of the types that cross the contract. It
// keeps nothing of b. The error is a *WireError, and then what into points to says nothing.
func DecodeWire(b []byte, into any) error {
	k, of, err := wire().target(into)
	if err != nil {
		return err
	}
	d := wireReader{whole: len(b), b: b}
	d.budget(len(b))
	d.header(k)
	if d.err == nil {
		of.SetZero() // a field that is not said is zero, also where it had a value
		at := d.at()
		if k.codec.decode(&d, of); d.err == nil && of.Kind() == reflect.Interface && of.IsNil() {
			d.failFrom(at, WireUnknown, "a "+k.name, "none")
		}
		if d.err != nil {
			d.err.within(k.name)
		}
	}
	if d.err == nil && len(d.b) > 0 {
		d.fail(WireTrailing, "the end of the frame", fmt.Sprintf("%d bytes more", len(d.b)))
	}
	if d.err != nil {
		return d.err
	}
	return nil
}

// DecodeWireJSON reads a frame of JSON. See DecodeWire.
func DecodeWireJSON(b []byte, into any) error {
	k, of, err := wire().target(into)
	if err != nil {
		return err
	}
	j := jsonReader{b: b}
	j.budget(len(b))
	j.frame(k, of)
	if j.err != nil {
		return j.err
	}
	return nil
}

// An Identity says what tells a thing from all others of its type, for the identity of a run. It keeps its memory from one
// to the next: a run asks with almost every event.
type Identity struct {
	registry *registry
	a        appender
}

// Of returns the body of v's frame of bytes, in which a record's checksum stands for the record; it is valid until the
// next call. v is a Message or points to one of the types that cross the contract. Of a message that is not registered,
// and so never leaves its process, it is the digest.
func (i *Identity) Of(v any) []byte {
	if i.registry == nil {
		i.registry = wire()
	}
	i.a = appender{b: i.a.b[:0], version: WireVersion, brief: true}
	switch v := v.(type) {
	case *Trace:
		i.a.trace(v, i.registry.details)
		return i.a.b
	case *Request:
		i.a.request(v)
		return i.a.b
	case *Reply:
		i.a.reply(v)
		return i.a.b
	}
	c := i.registry.bodies[reflect.TypeOf(v)]
	if c == nil {
		m, is := v.(Message)
		if !is {
			panic(fmt.Sprintf("%T does not cross the contract", v))
		}
		i.a.b = m.AppendDigest(i.a.b)
		return i.a.b
	}
	c.append(&i.a, reflect.ValueOf(v).Elem())
	return i.a.b
}
