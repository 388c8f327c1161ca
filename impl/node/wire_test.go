package node

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forms are the two forms of the wire.
var forms = []struct {
	name   string
	append func([]byte, any) ([]byte, error)
	decode func([]byte, any) error
}{
	{"bytes", AppendWire, DecodeWire},
	{"JSON", AppendWireJSON, DecodeWireJSON},
}

// All that crosses is the same on the other side, in both forms, and has one encoding; the empty one, too.
func TestWireRoundTrip(t *testing.T) {
	for _, s := range specimens() {
		for seed := range uint64(40) {
			v := s.make()
			if seed > 0 {
				atRandom(rand.New(rand.NewPCG(seed, 7))).fill(s.free(v))
			}
			for _, f := range forms {
				b, err := f.append(nil, v.Interface())
				if r, is := v.Interface().(*Record); is && seed == 0 && f.name == "bytes" {
					require.NotEqual(t, r.Sum, r.sum(), "the empty record is not sealed, and is refused below")
					continue
				}
				require.NoError(t, err, "%s %s", s.name, f.name)
				back := s.place()
				require.NoError(t, f.decode(b, back.Interface()), "%s %s %q", s.name, f.name, b)
				again, err := f.append(nil, back.Interface())
				require.NoError(t, err)
				if s.name == "record" && seed == 0 {
					continue // JSON without a sum: the reader makes it
				}
				require.True(t, reflect.DeepEqual(v.Interface(), back.Interface()), "%s %s: %s\n%+v\n%+v", s.name, f.name, b, v.Elem(), back.Elem())
				require.Equal(t, string(b), string(again), s.name)
				if f.name == "JSON" {
					require.True(t, json.Valid(b), "%s", b)
				}
			}
		}
	}
}

// place returns an empty place to decode into.
func (s *specimen) place() reflect.Value { return reflect.New(s.make().Type().Elem()) }

// A message may be given as it is, and not by a pointer to it.
func TestWireTakesMessagesAsTheyAre(t *testing.T) {
	m := Message(&Appended{Epoch: 2, SCL: 101})
	for _, f := range forms {
		a, err := f.append([]byte("before "), m)
		require.NoError(t, err)
		b, err := f.append([]byte("before "), &m)
		require.NoError(t, err)
		require.Equal(t, string(a), string(b))
		var back Message
		require.NoError(t, f.decode(a[len("before "):], &back))
		require.Equal(t, m, back)
	}
}

// Frames that end too soon are refused, wherever they end, and so are those that go on.
func TestWireTruncated(t *testing.T) {
	for _, s := range specimens() {
		v := s.make()
		inOrder().fill(s.free(v))
		for _, f := range forms {
			b, err := f.append(nil, v.Interface())
			require.NoError(t, err)
			for n := range b {
				var broken *WireError
				require.ErrorAs(t, f.decode(b[:n], s.place().Interface()), &broken, "%s %s cut at %d of %q", s.name, f.name, n, b)
			}
			var broken *WireError
			require.ErrorAs(t, f.decode(append(b, 'x'), s.place().Interface()), &broken)
			require.Equal(t, WireTrailing, broken.Rule)
			require.Equal(t, len(b), broken.Offset)
		}
	}
}

// Any byte that is another one is refused, or makes another thing of which that is the encoding: nothing is read over.
func TestWireDamaged(t *testing.T) {
	for _, s := range specimens() {
		v := s.make()
		inOrder().fill(s.free(v))
		b, err := AppendWire(nil, v.Interface())
		require.NoError(t, err)
		for i := range b {
			for _, flip := range []byte{1, 0x80, 0xff} {
				c := append([]byte(nil), b...)
				c[i] ^= flip
				back := s.place()
				if err := DecodeWire(c, back.Interface()); err != nil {
					var broken *WireError
					require.ErrorAs(t, err, &broken)
					continue
				}
				again, err := AppendWireAs(nil, back.Interface(), int(c[0]))
				require.NoError(t, err)
				require.Equal(t, c, again, "%s, byte %d", s.name, i)
			}
		}
	}
}

// Every field of everything that crosses the contract is part of a run's identity: once what a change of membership said,
// and what a query was shown, were not.
func TestEveryFieldIsPartOfTheIdentity(t *testing.T) {
	changes := 0
	for _, s := range specimens() {
		v := s.make()
		f := inOrder()
		if s.name == "effects" {
			f.length = func() int { return 1 } // two of each within each other would be a minute's work
		}
		f.fill(s.free(v))
		identity := func() string {
			of := v
			if v.Type().Elem() == messageType {
				of = v.Elem().Elem()
			}
			return string(new(Identity).Of(of.Interface()))
		}
		seen := map[string]string{identity(): "unchanged"}
		vary(s.free(v), s.name, func(what string) {
			changes++
			id := identity()
			require.Empty(t, seen[id], "%s and %s are one", what, seen[id])
			seen[id] = what
		})
		require.Equal(t, "unchanged", seen[identity()], "all is as it was")
	}
	require.Greater(t, changes, 1500)
}

// vary changes every field of v, one after the other, and every element of its lists, and calls with each change.
func vary(v reflect.Value, path string, with func(string)) {
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	changed := func(what string) {
		with(path + what)
		v.Set(was)
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
		changed("")
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() ^ 1<<(v.Type().Bits()-1)) // the highest bit: all are encoded
		changed(" high")
		v.SetUint(v.Uint() ^ 1)
		changed(" low")
	case reflect.Int, reflect.Int64:
		v.SetInt(^v.Int())
		changed("")
	case reflect.String:
		v.SetString(v.String() + "x")
		changed("")
	case reflect.Pointer:
		v.SetZero()
		changed(" missing")
		if !v.IsNil() {
			vary(v.Elem(), path, with)
		}
	case reflect.Interface:
		v.SetZero()
		changed(" missing")
		if !v.IsNil() {
			vary(v.Elem().Elem(), path, with)
		}
	case reflect.Slice:
		v.Set(v.Slice(0, v.Len()-1))
		changed(" shorter")
		v.Set(reflect.Append(v.Slice3(0, v.Len(), v.Len()), v.Index(0)))
		changed(" longer")
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.Pointer {
				vary(e.Elem(), fmt.Sprintf("%s[%d]", path, i), with) // elements of lists are never missing
			} else {
				vary(e, fmt.Sprintf("%s[%d]", path, i), with)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			vary(v.Field(i), path+"."+name, func(what string) {
				if name != "Sum" {
					seal(v) // nodes send no record that is not sealed
				}
				with(what)
				v.Set(was)
			})
		}
	default:
		panic(v.Type().String())
	}
}

// By its digest alone a network tells messages apart, and a run's identity takes the digest for the message unless
// DigestLeavesOut says that it is not all of it. So it has to be all of it, and what the identity adds has to be worth it.
func TestDigestsSayAllOfAMessage(t *testing.T) {
	var incomplete []string
	for _, s := range specimens() {
		var digest func() string
		v := s.make()
		inOrder().fill(s.free(v))
		switch of := v.Interface().(type) {
		case *Message:
			digest = func() string { return string((*of).AppendDigest(nil)) }
		default:
			continue
		}
		seen := map[string]string{digest(): "unchanged"}
		whole := true
		vary(s.free(v), s.name, func(what string) {
			if seen[digest()] != "" {
				t.Log(what, "and", seen[digest()])
				whole = false
			}
			seen[digest()] = what
		})
		if !whole {
			incomplete = append(incomplete, s.name)
			m, is := v.Interface().(*Message)
			require.True(t, is && DigestLeavesOut(*m), s.name)
		}
	}
	require.Equal(t, []string{"message write-disk", "message mirror-write"}, incomplete)
	distinct := func(a, b Message) {
		require.Equal(t, a.AppendDigest(nil), b.AppendDigest(nil))
		require.True(t, DigestLeavesOut(a))
		require.NotEqual(t, string(new(Identity).Of(a)), string(new(Identity).Of(b)))
	}
	distinct(&GossipAsk{Above: []LSN{'/'}}, &GossipAsk{Lost: []LSN{'/'}})
	distinct(&AppendPages{Append: Append{Records: []*Record{{Sum: 0x0505050505050505}}}},
		&AppendPages{Images: []Block{{Number: 5, Data: []byte{5, 5, 5, 5, 5, 5, 5}}}})
}

// What is written by hand is what the plan of its type says.
func TestWhatIsWrittenByHandIsAsPlanned(t *testing.T) {
	writtenAsPlanned[Trace](t)
	writtenAsPlanned[Request](t)
	writtenAsPlanned[Reply](t)
}

func writtenAsPlanned[T any](t *testing.T) {
	var i Identity
	c := wire().byType[reflect.TypeFor[T]()].codec.(*handCodec[T])
	for seed := range uint64(200) {
		var of T
		v := reflect.ValueOf(&of).Elem()
		atRandom(rand.New(rand.NewPCG(seed, 3))).fill(v)
		for _, brief := range []bool{false, true} {
			planned, written := appender{version: WireVersion, brief: brief}, appender{version: WireVersion, brief: brief}
			c.planned().append(&planned, v)
			c.append(&written, v)
			require.Equal(t, planned.b, written.b, "%+v", of)
			if brief {
				require.Equal(t, planned.b, i.Of(&of), "%+v", of)
			}
		}
	}
}

// A record's checksum stands for it in a run's identity, so it has to cover every other field.
func TestTheSumCoversTheRecord(t *testing.T) {
	var r Record
	v := reflect.ValueOf(&r).Elem()
	inOrder().fill(v)
	seen := map[uint64]string{r.sum(): "unchanged"}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Name == "Sum" {
			continue
		}
		vary(v.Field(i), f.Name, func(what string) {
			require.Empty(t, seen[r.sum()], "%s and %s", what, seen[r.sum()])
			seen[r.sum()] = what
		})
	}
	require.Greater(t, len(seen), 20)
}

// Every type of the package that is a message, or the detail of a trace, is in the registry.
func TestEveryMessageIsRegistered(t *testing.T) {
	registered := map[string]map[string]bool{"Type": {}, "detail": {}}
	for _, m := range messages() {
		registered["Type"][reflect.TypeOf(m).Elem().Name()] = true
	}
	for _, d := range wireDetails() {
		registered["detail"][d.of.Name()] = true
	}
	found := map[string]int{}
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || f.Recv == nil || registered[f.Name.Name] == nil {
				continue
			}
			of := f.Recv.List[0].Type
			if star, is := of.(*ast.StarExpr); is {
				of = star.X
			}
			name := of.(*ast.Ident).Name
			require.True(t, registered[f.Name.Name][name], "%s has the method %s and is in no registry", name, f.Name.Name)
			found[f.Name.Name]++
		}
	}
	require.Equal(t, map[string]int{"Type": len(messages()), "detail": len(wireDetails())}, found)
	require.Len(t, MessageTypes(), 69)
}

// Names are names: no two of one type, and no message has that of another.
func TestNamesAreUnique(t *testing.T) {
	for _, of := range []reflect.Type{reflect.TypeFor[Action](), reflect.TypeFor[Op](), reflect.TypeFor[Status](), reflect.TypeFor[Reason](),
		reflect.TypeFor[Kind](), reflect.TypeFor[ChangeOutcome](), reflect.TypeFor[EventKind](), reflect.TypeFor[EffectKind]()} {
		e := newEnum(of)
		n := 0
		for _, name := range e.names {
			if name != "" {
				n++
			}
		}
		require.Len(t, e.value, n, of)
		require.Greater(t, n, 3, of)
	}
	require.Equal(t, []string{"lsn", "oldestActive", "id", "logAt", "scl", "by", "lsnOf"},
		[]string{lowerCamel("LSN"), lowerCamel("OldestActive"), lowerCamel("ID"), lowerCamel("LogAt"), lowerCamel("SCL"), lowerCamel("By"), lowerCamel("LSNOf")})
}

// What is asked to be allocated has to be there: an element of a list takes no more memory than a reader allows for its
// bytes.
func TestWireElementsFitTheirBytes(t *testing.T) {
	lists := 0
	var look func(c codec)
	seen := map[codec]bool{}
	look = func(c codec) {
		if reflect.TypeOf(c).Kind() == reflect.Pointer {
			if seen[c] {
				return
			}
			seen[c] = true
		}
		switch c := c.(type) {
		case *listCodec:
			lists++
			size := int(c.of.Elem().Size())
			if p, is := c.element.(*pointerCodec); is {
				size += int(p.of.Size())
			}
			require.LessOrEqual(t, size, wireGrowth*c.element.least(), "%v", c.of)
			look(c.element)
		case *pointerCodec:
			look(c.to)
		case interface{ planned() *structCodec }:
			look(c.planned())
		case *structCodec:
			for _, f := range c.fields {
				look(f.codec)
			}
		case *unionCodec:
			for _, m := range c.members {
				require.LessOrEqual(t, int(m.of.Size()), wireGrowth*(1+m.body.least()), m.name)
				look(m.body)
			}
		}
	}
	for _, k := range wire().kinds {
		look(k.codec)
	}
	require.Greater(t, lists, 15)
}

// allocated returns how many bytes do allocates.
func allocated(do func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// A length that lies allocates nothing.
func TestWireAllocatesWhatItIsGiven(t *testing.T) {
	many := strings.Repeat("{},", 200_000)
	for name, decode := range map[string]func() (int, error){
		"a long list": func() (int, error) {
			b := append([]byte{1, 11}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f) // a history
			return len(b), DecodeWire(b, new(History))
		},
		"long bytes": func() (int, error) {
			b := append([]byte{1, 8}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f) // a file
			return len(b), DecodeWire(b, new(File))
		},
		"empty effects": func() (int, error) {
			b := []byte(`{"version":1,"effects":{"list":[` + many + `{}]}}`)
			return len(b), DecodeWireJSON(b, new(Effects))
		},
	} {
		var n int
		var err error
		got := allocated(func() { n, err = decode() })
		var broken *WireError
		require.ErrorAs(t, err, &broken, name)
		require.LessOrEqual(t, got, 2*n+wireRoom+wireGrowth*n+64<<10, name)
	}
}

// Each thing that is wrong, and what the reader says of it.
func TestWireErrors(t *testing.T) {
	huge := append([]byte{1, 8, 0}, make([]byte, WireLimit)...)
	r := sample()
	r.Key = "forged"
	forged, err := AppendWire(nil, r)
	require.NoError(t, err)
	for _, c := range []struct {
		b    []byte
		into any
		want WireError
	}{
		{[]byte{3, 1}, new(Event), WireError{WireVersioned, "version 1 to 2", "version 3", "", 0}},
		{[]byte{0, 1}, new(Event), WireError{WireVersioned, "version 1 to 2", "version 0", "", 0}},
		{[]byte{1, 4, 61}, new(Message), WireError{WireNewer, "a Message of version 1", "below-floor of version 2", "message", 2}},
		{[]byte{1, 2}, new(Event), WireError{WireUnknown, "event", "effect", "", 1}},
		{[]byte{1, 99}, new(Event), WireError{WireUnknown, "event", "number 99, which is none", "", 1}},
		{[]byte{1, 4, 0}, new(Message), WireError{WireUnknown, "a message", "none", "message", 2}},
		{[]byte{1, 4, 71}, new(Message), WireError{WireUnknown, "a Message by a number of 1 to 70", "71", "message", 2}},
		{[]byte{1, 4, 2, 1}, new(Message), WireError{WireMalformed, "a varint", "the end of the frame", "message.appended.scl", 4}},
		{[]byte{1, 4, 2, 0x81, 0, 1}, new(Message), WireError{WireMalformed, "a varint in as few bytes as possible", "1 in 2 bytes", "message.appended.epoch", 3}},
		{[]byte{1, 4, 70, 6, 'a', 'p', 'p', 'e', 'n', 'd', 0}, new(Message), WireError{WireUnknown, "a kind that no message of ours has", `"append"`, "message.opaque", 2}},
		{[]byte{1, 4, 70, 0, 0}, new(Message), WireError{WireUnknown, "a kind of 1 to 64 bytes", `""`, "message.opaque", 2}},
		{[]byte{1, 7, 99}, new(Trace), WireError{WireMalformed, "one of the names of Action", "99", "trace.action", 2}},
		{[]byte{1, 11, 2, 1, 1}, new(History), WireError{WireMalformed, "a list of at most 1", "2", "history", 2}},
		{[]byte{1, 11, 2, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, new(History), WireError{WireMalformed, "an integer of 32 bits", "68719476735", "history[1].epoch", 5}},
		{forged, new(Record), WireError{WireDamaged, fmt.Sprintf("sum %d", r.sum()), fmt.Sprintf("sum %d", r.Sum), "record", 2}},
		{huge, new(File), WireError{WireTooLarge, "at most 67108864 bytes", "67108867 bytes", "", 0}},
		{nil, Event{}, WireError{WireUnknown, "a pointer to one of event, effect, effects, message, request, reply, trace, file, record, geometry, history, membership, view, volume", "node.Event", "", -1}},
	} {
		require.Equal(t, &c.want, DecodeWire(c.b, c.into), "%x", c.b[:min(len(c.b), 20)])
	}
	for _, c := range []struct {
		text string
		into any
		want WireError
	}{
		{`{"version":3,"event":{}}`, new(Event), WireError{WireVersioned, "version 1 to 2", "version 3", "version", 11}},
		{`{"event":{"kind":"new"},"version":3}`, new(Event), WireError{WireVersioned, "version 1 to 2", "version 3", "version", 34}},
		{`{"event":{}}`, new(Event), WireError{WireVersioned, `"version":2`, "none", "", 12}},
		{`{"version":1,"message":{"below-floor":{}}}`, new(Message), WireError{WireNewer, "a Message of version 1", `"below-floor" of version 2`, "message", 24}},
		{`{"message":{"gossip-give":{"floor":7}},"version":1}`, new(Message), WireError{WireNewer, "a key of version 1", `"floor" of version 2`, "message.gossip-give", 27}},
		{`{"version":1}`, new(Event), WireError{WireUnknown, "event", "nothing", "", 13}},
		{`{"version":1,"effect":{}}`, new(Event), WireError{WireUnknown, "event", `"effect"`, "", 13}},
		{`{"version":1,"event":{},"more":1}`, new(Event), WireError{WireKey, "the version and one key beside it", `"more"`, "", 24}},
		{`{"version":1,"event":{"token":1,"token":1}}`, new(Event), WireError{WireKey, "each key once", `"token" again`, "event", 32}},
		{`{"version":1,"message":{"appended":{"slc":1}}}`, new(Message), WireError{WireKey, "one of epoch, scl", `"slc"`, "message.appended", 36}},
		{`{"version":1,"message":{"promote":{"x":1}}}`, new(Message), WireError{WireKey, "one of no keys", `"x"`, "message.promote", 35}},
		{`{"version":1,"message":{"apend":{}}}`, new(Message), WireError{WireUnknown, "a type of Message", `"apend"`, "message", 24}},
		{`{"version":1,"message":{"ping":{},"pong":{}}}`, new(Message), WireError{WireKey, "one key, the type of Message", `another, "pong"`, "message", 34}},
		{`{"version":1,"message":{}}`, new(Message), WireError{WireMalformed, "a key, the type of Message", "none", "message", 25}},
		{`{"version":1,"message":null}`, new(Message), WireError{WireUnknown, "a message", "none", "message", 23}},
		{`{"version":1,"message":{"opaque":{"kind":"fence"}}}`, new(Message), WireError{WireUnknown, "a kind that no message of ours has", `"fence"`, "message.opaque", 24}},
		{`{"version":1,"event":{"kind":"begun"}}`, new(Event), WireError{WireMalformed, "one of the names of EventKind", `"begun"`, "event.kind", 29}},
		{`{"version":1,"event":{"from":65536}}`, new(Event), WireError{WireMalformed, "an integer of 16 bits", "65536", "event.from", 29}},
		{`{"version":1,"event":{"from":-1}}`, new(Event), WireError{WireMalformed, "an integer of 0 to 18446744073709551615", `"-1"`, "event.from", 29}},
		{`{"version":1,"event":{"from":1.5}}`, new(Event), WireError{WireMalformed, "an integer without fraction and exponent", `"."`, "event.from", 30}},
		{`{"version":1,"event":{"from":01}}`, new(Event), WireError{WireMalformed, "an integer without zeros before it", `"01"`, "event.from", 29}},
		{`{"version":1,"event":{"data":"\ud800"}}`, new(Event), WireError{WireMalformed, "a pair of surrogates", "half of one", "event.data", 30}},
		{"{\"version\":1,\"event\":{\"data\":\"\xff\"}}", new(Event), WireError{WireMalformed, "a string in UTF-8", `"\xff"`, "event.data", 29}},
		{`{"version":1,"event":{"data":{"base64":"AB=="}}}`, new(Event), WireError{WireMalformed, "base64 with padding", `"AB=="`, "event.data", 39}},
		{`{"version":1,"event":{"data":{"base65":""}}}`, new(Event), WireError{WireKey, `"base64"`, `"base65"`, "event.data", 30}},
		{`{"version":1,"event":{"data":7}}`, new(Event), WireError{WireMalformed, `a string or {"base64":"…"}`, `"7"`, "event.data", 29}},
		{`{"version":1,"trace":{"record":{"lsn":1,"sum":1}}}`, new(Trace), WireError{WireDamaged, fmt.Sprintf("sum %d, or none", (&Record{LSN: 1}).sum()), "sum 1", "trace.record", 31}},
		{`{"version":1,"event":{}} {}`, new(Event), WireError{WireTrailing, "the end of the frame", "2 bytes more", "", 25}},
		{`{"version":1,"event":` + strings.Repeat("[", 40) + `}`, new(Event), WireError{WireMalformed, "at most 32 levels", "more", "", 53}},
		{`[]`, new(Event), WireError{WireMalformed, "an object", `"["`, "", 0}},
	} {
		require.Equal(t, &c.want, DecodeWireJSON([]byte(c.text), c.into), c.text)
	}
}

// What a frame does not say is zero, and not what stood there before.
func TestWireDecodesIntoAnyPlace(t *testing.T) {
	for _, f := range forms {
		b, err := f.append(nil, &Event{Kind: Fired, Timer: 3})
		require.NoError(t, err)
		var ev Event
		inOrder().fill(reflect.ValueOf(&ev).Elem())
		require.NoError(t, f.decode(b, &ev))
		require.Equal(t, Event{Kind: Fired, Timer: 3}, ev)
	}
}

// What no frame can carry is refused while it is encoded.
func TestWireRefusesToEncode(t *testing.T) {
	for _, c := range []struct {
		v    any
		want WireError
	}{
		{stranger{}, WireError{WireUnknown, "a registered Message", "node.stranger", "message", -1}},
		{&Event{Message: stranger{}}, WireError{WireUnknown, "a registered Message", "node.stranger", "event.message", -1}},
		{&Opaque{Kind: "opaque"}, WireError{WireUnknown, "a kind that no message of ours has", `"opaque"`, "message", -1}},
		{&Append{Records: []*Record{sample(), nil}}, WireError{WireMalformed, "a Record", "nothing", "message.append.records[1]", -1}},
		{new(Message), WireError{WireUnknown, "a message", "none", "message", -1}},
		{new(int), WireError{WireUnknown, "a pointer to one of " + wire().names(), "*int", "", -1}},
	} {
		for _, f := range forms {
			b, err := f.append([]byte("kept"), c.v)
			require.Equal(t, &c.want, err, f.name)
			require.Equal(t, "kept", string(b))
		}
	}
	require.Equal(t, []byte("digest"), new(Identity).Of(stranger{}), "one that never leaves its process")
	require.Panics(t, func() { new(Identity).Of(new(int)) })
}

type stranger struct{}

func (stranger) Type() string                 { return "stranger" }
func (stranger) AppendDigest(b []byte) []byte { return append(b, "digest"...) }

// What other languages may write that we do not: the version at the end, numbers in quotes, base64 of text, nulls, escapes.
func TestWireTakesWhatOthersWrite(t *testing.T) {
	var ev Event
	require.NoError(t, DecodeWireJSON([]byte(`
		{ "event" : { "kind":"disk-done", "token":"7", "from":null, "message":null, "data":{"base64":"aMOk"}, "request":{"rows":[{"key":"\ud83d\ude00\/\u0041","value":{"exists":true}}]} },
		  "version" : 1 }`), &ev))
	require.Equal(t, Event{Kind: DiskDone, Token: 7, Data: []byte("hä"), Request: Request{Rows: []Row{{Key: "😀/A", Value: Some("")}}}}, ev)

	var r Record
	require.NoError(t, DecodeWireJSON([]byte(`{"version":1,"record":{"lsn":18446744073709551615,"epoch":1}}`), &r))
	require.EqualValues(t, uint64(math.MaxUint64), r.LSN)
	require.True(t, r.Intact(), "who cannot compute the sum leaves it out")

	b, err := AppendWireJSON(nil, &Request{ID: exact, ReadPoint: exact + 1, From: "a\xff", To: "\x00\"\n"})
	require.NoError(t, err)
	require.Equal(t, `{"version":2,"request":{"id":9007199254740991,"from":{"base64":"Yf8="},"to":"\u0000\"\n","readPoint":"9007199254740992"}}`, string(b))
	b, err = AppendWireJSON(nil, &Effect{After: -exact - 1})
	require.NoError(t, err)
	require.Equal(t, `{"version":2,"effect":{"after":"-9007199254740992"}}`, string(b))
}

// A frame of an older version leaves out what came later, and what is left is read as that version has it. A message that came later
// has no such frame: a node that was upgraded must not send half of one.
func TestWireOfAnOlderVersion(t *testing.T) {
	frame, err := AppendWireAs(nil, &Append{Epoch: 3, VDL: 9, Last: 8, Floor: 7}, WireOldest)
	require.NoError(t, err)
	var read Message
	require.NoError(t, DecodeWire(frame, &read))
	require.Equal(t, &Append{Epoch: 3, VDL: 9, Last: 8}, read)
	for _, m := range []Message{&BelowFloor{}, &FillAsk{}, &FillGive{}} {
		_, err := AppendWireAs(nil, m, WireOldest)
		var broken *WireError
		require.ErrorAs(t, err, &broken)
		require.Equal(t, WireError{WireNewer, "a Message of version 1", m.Type() + " of version 2", "message", -1}, *broken)
	}
	for _, version := range []int{WireOldest - 1, WireVersion + 1} {
		_, err := AppendWireAs(nil, &Append{}, version)
		require.EqualError(t, err, fmt.Sprintf("wire: frame: unknown version: expected version 1 to 2, found version %d", version))
	}
	newer := map[string]bool{"append": true, "append-pages": true, "gossip-give": true} // which have a field that is
	for _, s := range specimens() {
		v := s.make()
		inOrder().fill(s.free(v))
		b, err := AppendWireAs(nil, v.Interface(), WireOldest)
		if err != nil {
			continue
		}
		back := s.place()
		require.NoError(t, DecodeWire(b, back.Interface()), s.name)
		again, err := AppendWireAs(nil, back.Interface(), WireOldest)
		require.NoError(t, err)
		require.Equal(t, b, again, s.name)
		if m, is := v.Interface().(*Message); is && newer[(*m).Type()] {
			require.NotEqual(t, v.Interface(), back.Interface(), s.name)
			delete(newer, (*m).Type())
			continue
		}
		require.Equal(t, v.Interface(), back.Interface(), s.name)
	}
	require.Empty(t, newer)
}

var rewrite = flag.Bool("rewrite", false, "record testdata/wire.txt anew")

// The form of every type is on file, so that it cannot change without somebody's seeing it. Where a change is meant, raise
// WireVersion if a reader of before would not take it, and record the file anew: go test ./impl/node -run Golden -rewrite
func TestWireGolden(t *testing.T) {
	var b strings.Builder
	for _, s := range specimens() {
		v := s.make()
		inOrder().fill(s.free(v))
		compact, err := AppendWire(nil, v.Interface())
		require.NoError(t, err)
		text, err := AppendWireJSON(nil, v.Interface())
		require.NoError(t, err)
		fmt.Fprintf(&b, "%s\n%s\n%s\n\n", s.name, text, hex.EncodeToString(compact))
	}
	const file = "testdata/wire.txt"
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	lines, found := strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")
	for i := range min(len(lines), len(found)) {
		require.Equal(t, lines[i], found[i], "line %d", i+1)
	}
	require.Len(t, found, len(lines))
}

// seeds gives a fuzzer one frame of every type.
func seeds(f *testing.F, form func([]byte, any) ([]byte, error)) {
	for i, s := range specimens() {
		v := s.make()
		atRandom(rand.New(rand.NewPCG(uint64(i), 1))).fill(s.free(v))
		b, err := form(nil, v.Interface())
		require.NoError(f, err)
		f.Add(b)
	}
}

// Any bytes are answered, and those that decode are the one encoding of what they decode to.
func FuzzWireBytes(f *testing.F) {
	seeds(f, AppendWire)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, k := range wire().kinds {
			v := reflect.New(k.of)
			if DecodeWire(b, v.Interface()) != nil {
				continue
			}
			again, err := AppendWireAs(nil, v.Interface(), int(b[0]))
			require.NoError(t, err)
			require.Equal(t, b, again)
			text, err := AppendWireJSON(nil, v.Interface())
			require.NoError(t, err)
			back := reflect.New(k.of)
			require.NoError(t, DecodeWireJSON(text, back.Interface()), "%s", text)
			require.True(t, reflect.DeepEqual(v.Interface(), back.Interface()), "%s", text)
		}
	})
}

// Any text is answered, and what decodes is the same once more.
func FuzzWireJSON(f *testing.F) {
	seeds(f, AppendWireJSON)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, k := range wire().kinds {
			v := reflect.New(k.of)
			if DecodeWireJSON(b, v.Interface()) != nil {
				continue
			}
			require.True(t, json.Valid(b), "%s", b)
			for _, form := range forms {
				again, err := form.append(nil, v.Interface())
				require.NoError(t, err)
				back := reflect.New(k.of)
				require.NoError(t, form.decode(again, back.Interface()), "%s", again)
				require.True(t, reflect.DeepEqual(v.Interface(), back.Interface()), "%s", again)
			}
		}
	})
}

// benchmarked is what crosses most: an acknowledgement, and three records.
func benchmarked() []Message {
	r := sample()
	return []Message{&Appended{Epoch: 2, SCL: 101}, &Append{Epoch: 3, Records: []*Record{r, r, r}, VDL: 100, Last: 99}}
}

func BenchmarkWireAppend(b *testing.B) {
	for _, f := range forms {
		for _, m := range benchmarked() {
			b.Run(f.name+"/"+m.Type(), func(b *testing.B) {
				b.ReportAllocs()
				var buffer []byte
				for b.Loop() {
					buffer, _ = f.append(buffer[:0], m)
				}
				b.ReportMetric(float64(len(buffer)), "wire-bytes/message")
			})
		}
	}
	trace := Trace{Action: ActStore, Epoch: 3, LSN: 101, Position: 77, Record: sample()}
	b.Run("identity/trace", func(b *testing.B) {
		b.ReportAllocs()
		var identity Identity
		for b.Loop() {
			identity.Of(&trace)
		}
		b.ReportMetric(float64(len(identity.Of(&trace))), "wire-bytes/trace")
	})
	for _, m := range benchmarked() {
		b.Run("identity/"+m.Type(), func(b *testing.B) {
			b.ReportAllocs()
			var identity Identity
			for b.Loop() {
				identity.Of(m)
			}
			b.ReportMetric(float64(len(identity.Of(m))), "wire-bytes/message")
		})
	}
}

func BenchmarkWireDecode(b *testing.B) {
	for _, f := range forms {
		for _, m := range benchmarked() {
			b.Run(f.name+"/"+m.Type(), func(b *testing.B) {
				frame, err := f.append(nil, m)
				require.NoError(b, err)
				b.ReportAllocs()
				for b.Loop() {
					var back Message
					if err := f.decode(frame, &back); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(frame)), "wire-bytes/message")
			})
		}
	}
}
