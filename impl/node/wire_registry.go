package node

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// wireKinds are what a frame carries. Their order is their number on the wire, from 1 on: a new one goes to the end.
func wireKinds() []wireKind {
	return []wireKind{
		{name: "event", of: reflect.TypeFor[Event]()},
		{name: "effect", of: reflect.TypeFor[Effect]()},
		{name: "effects", of: reflect.TypeFor[Effects]()},
		{name: "message", of: reflect.TypeFor[Message]()},
		{name: "request", of: reflect.TypeFor[Request]()},
		{name: "reply", of: reflect.TypeFor[Reply]()},
		{name: "trace", of: reflect.TypeFor[Trace]()},
		{name: "file", of: reflect.TypeFor[File]()},
		{name: "record", of: reflect.TypeFor[Record]()},
		{name: "geometry", of: reflect.TypeFor[Geometry]()},
		{name: "history", of: reflect.TypeFor[History]()},
		{name: "membership", of: reflect.TypeFor[Membership]()},
		{name: "view", of: reflect.TypeFor[View]()},
		{name: "volume", of: reflect.TypeFor[Volume]()},
	}
}

// messages is the registry of all that nodes send each other. Their order is their number on the wire, from 1 on: a new
// one goes to the end.
func messages() []Message {
	return []Message{
		&Append{}, &Appended{}, &Stale{}, &NotJoined{}, &Damaged{}, &Fence{}, &Fenced{}, &Join{}, &Joined{},
		&ReadLog{}, &LogRecords{}, &ReadPage{}, &PageImage{}, &Behind{}, &Confirm{}, &Confirmed{}, &GossipAsk{}, &GossipGive{},
		&ReadEpoch{}, &CurrentEpoch{}, &Swap{}, &Swapped{},

		&Offer{}, &Follow{}, &Anew{}, &Stream{}, &ReadSnapshot{}, &Promote{},

		&Change{}, &Changed{}, &Ping{}, &Pong{}, &Watch{}, &Health{},

		&AttachDisk{}, &DiskAttached{}, &AttachRefused{}, &OpenDisk{}, &DiskOpened{}, &DiskClosed{}, &DiskBlank{},
		&WriteDisk{}, &DiskWritten{}, &ReadBlock{}, &BlockData{}, &ReadDiskLog{}, &DiskLog{}, &MirrorOpen{}, &MirrorOpened{},
		&MirrorWrite{}, &MirrorWritten{}, &StoreObject{}, &ObjectStored{}, &FetchObject{}, &ObjectFetched{}, &ReadRegister{},
		&RegisterValue{}, &WriteRegister{}, &RegisterWritten{}, &AppendPages{},

		&BelowFloor{}, &FillAsk{}, &FillGive{},

		&PutObject{}, &ObjectKept{}, &GetObject{}, &ObjectRead{}, &ListObjects{}, &ObjectList{},

		&Opaque{},
	}
}

// sinceOf returns which version of the wire brought a message.
func sinceOf(m Message) int {
	switch m.(type) {
	case *BelowFloor, *FillAsk, *FillGive:
		return 2
	}
	return WireOldest
}

// wireDetails are the details of traces. Their order is their number on the wire, from 1 on: a new one goes to the end.
func wireDetails() []wireMember {
	return []wireMember{
		{name: "decide", of: reflect.TypeFor[DecideStep]()},
		{name: "join", of: reflect.TypeFor[JoinStep]()},
		{name: "holds", of: reflect.TypeFor[HoldsStep]()},
		{name: "geometry", of: reflect.TypeFor[GeometryStep]()},
		{name: "anew", of: reflect.TypeFor[AnewStep]()},
		{name: "shown", of: reflect.TypeFor[Shown]()},
		{name: "found", of: reflect.TypeFor[FoundStep]()},
		{name: "register", of: reflect.TypeFor[RegisterStep]()},
		{name: "disk", of: reflect.TypeFor[DiskStep]()},
	}
}

// MessageTypes lists the type of every message that is ours, for fault plans. Opaque is not among them: its types are a stranger's.
func MessageTypes() []string {
	var names []string
	for _, m := range messages() {
		if _, opaque := m.(*Opaque); !opaque {
			names = append(names, m.Type())
		}
	}
	return names
}

// opaqueName is what an Opaque is called on the wire, where its Type is the stranger's.
const opaqueName = "opaque"

// longestKind is how many bytes the kind of an opaque message has at most.
const longestKind = 64

// An Opaque is a message of nodes that are not ours, which nothing but they can read. Fault plans and counts know it by its
// kind.
type Opaque struct {
	Kind  string // 1 to 64 bytes, and no type of ours
	Bytes []byte
}

// Type implements Message.
func (m *Opaque) Type() string { return m.Kind }

// String shows the bytes as text where they are text.
func (m *Opaque) String() string {
	if utf8.Valid(m.Bytes) {
		return fmt.Sprintf("%q", m.Bytes)
	}
	return fmt.Sprintf("%x", m.Bytes)
}

// AppendDigest implements Message.
func (m *Opaque) AppendDigest(b []byte) []byte { return append(appendString(b, m.Kind), m.Bytes...) }

// objects says what is wrong with the kind of an opaque message: were it the type of a message of ours, a fault plan that
// names one would strike the other.
func (r *registry) objects(message reflect.Value) (expected, found string, is bool) {
	m, opaque := message.Interface().(*Opaque)
	switch {
	case !opaque:
		return "", "", false
	case m.Kind == "" || len(m.Kind) > longestKind:
		return fmt.Sprintf("a kind of 1 to %d bytes", longestKind), quoted([]byte(m.Kind)), true
	}
	return "a kind that no message of ours has", quoted([]byte(m.Kind)), r.ours[m.Kind]
}

type wireKind struct {
	number int
	name   string
	of     reflect.Type
	codec  codec
}

// A registry knows all that crosses the contract.
type registry struct {
	kinds  []wireKind
	byType map[reflect.Type]*wireKind
	ours   map[string]bool // types of messages
	bodies map[reflect.Type]codec
	// details is the codec of what an action says beyond the fields that all traces share.
	details codec
	done    map[reflect.Type]codec // of every type that was compiled
}

// wire returns the registry. It is the same for all, and nothing changes it.
var wire = sync.OnceValue(newRegistry)

func newRegistry() *registry {
	r := &registry{kinds: wireKinds(), byType: map[reflect.Type]*wireKind{}, ours: map[string]bool{opaqueName: true}, bodies: map[reflect.Type]codec{}}
	c := &compiler{registry: r, done: map[reflect.Type]codec{}}
	var all []wireMember
	for _, m := range messages() {
		name := opaqueName
		if _, opaque := m.(*Opaque); !opaque {
			name = m.Type()
			r.ours[name] = true
		}
		all = append(all, wireMember{name: name, of: reflect.TypeOf(m).Elem(), since: sinceOf(m)})
	}
	c.union(reflect.TypeFor[Message](), all, r.objects)
	c.union(reflect.TypeFor[Detail](), wireDetails(), func(reflect.Value) (expected, found string, is bool) { return "", "", false })
	r.details = c.compile(reflect.TypeFor[Detail]())
	for i := range r.kinds {
		k := &r.kinds[i]
		k.number, k.codec = i+1, c.compile(k.of)
		r.byType[k.of] = k
		if k.of.Kind() != reflect.Interface {
			r.bodies[reflect.PointerTo(k.of)] = k.codec
		}
	}
	for _, m := range all {
		r.bodies[reflect.PointerTo(m.of)] = c.compile(m.of)
	}
	r.done = c.done
	return r
}

func (r *registry) names() string {
	var names []string
	for i := range r.kinds {
		names = append(names, r.kinds[i].name)
	}
	return strings.Join(names, ", ")
}

var messageType = reflect.TypeFor[Message]()

// kindOf returns what v is, and its value.
func (r *registry) kindOf(v any) (*wireKind, reflect.Value, *WireError) {
	if m, is := v.(Message); is {
		return r.byType[messageType], reflect.ValueOf(&m).Elem(), nil
	}
	return r.target(v)
}

// target returns the kind of what into points to, and a place for it.
func (r *registry) target(into any) (*wireKind, reflect.Value, *WireError) {
	v := reflect.ValueOf(into)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		if k := r.byType[v.Type().Elem()]; k != nil {
			return k, v.Elem(), nil
		}
	}
	return nil, v, &WireError{Rule: WireUnknown, Expected: "a pointer to one of " + r.names(), Found: fmt.Sprintf("%T", into), Offset: -1}
}
