package node

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// A compiler makes the codec of a type, and of all that it consists of.
type compiler struct {
	registry *registry
	done     map[reflect.Type]codec
}

var (
	recordType   = reflect.TypeFor[Record]()
	traceType    = reflect.TypeFor[Trace]()
	requestType  = reflect.TypeFor[Request]()
	replyType    = reflect.TypeFor[Reply]()
	stringerType = reflect.TypeFor[fmt.Stringer]()
)

// compile panics for a type that has no form on the wire: it is in the registry, and a test compiles all.
func (c *compiler) compile(t reflect.Type) codec {
	if done := c.done[t]; done != nil {
		return done
	}
	made := c.make(t)
	c.done[t] = made
	return made
}

func (c *compiler) make(t reflect.Type) codec {
	switch t.Kind() {
	case reflect.Bool:
		return boolCodec{}
	case reflect.Uint8:
		if t.Implements(stringerType) {
			return newEnum(t)
		}
		return uintCodec{1}
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintCodec{t.Bits() / 8}
	case reflect.Int, reflect.Int64:
		return intCodec{}
	case reflect.String:
		return stringCodec{}
	case reflect.Slice:
		switch e := t.Elem(); {
		case e.Kind() == reflect.Uint8:
			return bytesCodec{}
		case e.Kind() == reflect.Pointer:
			return &listCodec{of: t, element: &pointerCodec{of: e.Elem(), to: c.compile(e.Elem()), required: true}}
		default:
			return &listCodec{of: t, element: c.compile(e)}
		}
	case reflect.Pointer:
		return &pointerCodec{of: t.Elem(), to: c.compile(t.Elem())}
	case reflect.Struct:
		s := &structCodec{fields: c.fields(t, nil)}
		switch t {
		case recordType:
			return &recordCodec{*s}
		case traceType:
			details := c.compile(reflect.TypeFor[Detail]())
			return &handCodec[Trace]{*s, func(a *appender, t *Trace) { a.trace(t, details) }}
		case requestType:
			return &handCodec[Request]{*s, (*appender).request}
		case replyType:
			return &handCodec[Reply]{*s, (*appender).reply}
		}
		return s
	}
	panic(fmt.Sprintf("%v has no form on the wire", t))
}

// fields lists those of a structure. What is embedded stands in its place.
func (c *compiler) fields(t reflect.Type, at []int) []fieldCodec {
	var all []fieldCodec
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		switch {
		case f.Anonymous:
			all = append(all, c.fields(f.Type, index)...)
		case !f.IsExported():
			panic(fmt.Sprintf("%v.%s is unexported", t, f.Name))
		default:
			all = append(all, fieldCodec{name: lowerCamel(f.Name), index: index, since: sinceOfField(f), codec: c.compile(f.Type)})
		}
	}
	return all
}

// sinceOfField returns which version of the wire brought a field, which its tag says: `wire:"2"`.
func sinceOfField(f reflect.StructField) int {
	tag, tagged := f.Tag.Lookup("wire")
	if !tagged {
		return WireOldest
	}
	since, err := strconv.Atoi(tag)
	if err != nil || since <= WireOldest || since > WireVersion {
		panic(fmt.Sprintf("%s: expected a version above %d and up to %d in its tag, found %q", f.Name, WireOldest, WireVersion, tag))
	}
	return since
}

// lowerCamel returns a field's name in JSON: SCL is scl, ReadPoint is readPoint, LSNOf would be lsnOf.
func lowerCamel(name string) string {
	letters := []rune(name)
	for i := range letters {
		if !unicode.IsUpper(letters[i]) || i > 0 && i+1 < len(letters) && unicode.IsLower(letters[i+1]) {
			break
		}
		letters[i] = unicode.ToLower(letters[i])
	}
	return string(letters)
}

type boolCodec struct{}

func (boolCodec) least() int                          { return 1 }
func (boolCodec) append(a *appender, v reflect.Value) { a.b = append(a.b, bit(v.Bool())) }
func (boolCodec) decode(d *wireReader, v reflect.Value) {
	v.SetBool(d.bool())
}
func (boolCodec) appendJSON(a *appender, v reflect.Value) { a.b = strconv.AppendBool(a.b, v.Bool()) }
func (boolCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	v.SetBool(j.bool())
}

// uintCodec is that of unsigned integers of so many bytes.
type uintCodec struct{ bytes int }

func (uintCodec) least() int { return 1 }
func (c uintCodec) append(a *appender, v reflect.Value) {
	if c.bytes == 1 {
		a.b = append(a.b, byte(v.Uint()))
		return
	}
	a.uvarint(v.Uint())
}
func (c uintCodec) decode(d *wireReader, v reflect.Value) {
	if c.bytes == 1 {
		v.SetUint(uint64(d.byte("a byte")))
		return
	}
	at := d.at()
	if n := d.uvarint(); v.OverflowUint(n) {
		d.failFrom(at, WireMalformed, fmt.Sprintf("an integer of %d bits", 8*c.bytes), fmt.Sprint(n))
	} else {
		v.SetUint(n)
	}
}
func (uintCodec) appendJSON(a *appender, v reflect.Value) { a.jsonUint(v.Uint()) }
func (c uintCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	at := j.at
	if n := j.uint(); v.OverflowUint(n) {
		j.failAt(at, WireMalformed, fmt.Sprintf("an integer of %d bits", 8*c.bytes), fmt.Sprint(n))
	} else {
		v.SetUint(n)
	}
}

type intCodec struct{}

func (intCodec) least() int { return 1 }
func (intCodec) append(a *appender, v reflect.Value) {
	n := v.Int()
	a.uvarint(uint64(n)<<1 ^ uint64(n>>63))
}
func (intCodec) decode(d *wireReader, v reflect.Value) {
	at := d.at()
	n := d.uvarint()
	if i := int64(n>>1) ^ -int64(n&1); v.OverflowInt(i) {
		d.failFrom(at, WireMalformed, "an integer that this machine has", fmt.Sprint(i))
	} else {
		v.SetInt(i)
	}
}
func (intCodec) appendJSON(a *appender, v reflect.Value) { a.jsonInt(v.Int()) }
func (intCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	at := j.at
	if n := j.int(); v.OverflowInt(n) {
		j.failAt(at, WireMalformed, "an integer that this machine has", fmt.Sprint(n))
	} else {
		v.SetInt(n)
	}
}

type stringCodec struct{}

func (stringCodec) least() int                          { return 1 }
func (stringCodec) append(a *appender, v reflect.Value) { a.b = appendString(a.b, v.String()) }
func (stringCodec) decode(d *wireReader, v reflect.Value) {
	v.SetString(string(d.bytes()))
}
func (stringCodec) appendJSON(a *appender, v reflect.Value) { jsonBytes(a, v.String()) }
func (stringCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	v.SetString(string(j.bytes()))
}

type bytesCodec struct{}

func (bytesCodec) least() int { return 1 }
func (bytesCodec) append(a *appender, v reflect.Value) {
	b := v.Bytes()
	a.uvarint(uint64(len(b)))
	a.b = append(a.b, b...)
}
func (bytesCodec) decode(d *wireReader, v reflect.Value) {
	if b := d.bytes(); len(b) > 0 {
		v.SetBytes(append([]byte(nil), b...))
	}
}
func (bytesCodec) appendJSON(a *appender, v reflect.Value) { jsonBytes(a, v.Bytes()) }
func (bytesCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	if b := j.bytes(); len(b) > 0 {
		v.SetBytes(append([]byte(nil), b...))
	}
}

// enumCodec is that of a type of few values, which have names. Zero has none: it stands for "not said".
type enumCodec struct {
	of    string
	names [256]string
	value map[string]uint8
}

func newEnum(t reflect.Type) *enumCodec {
	c := &enumCodec{of: t.Name(), value: map[string]uint8{}}
	v := reflect.New(t).Elem()
	for n := 1; n < len(c.names); n++ {
		v.SetUint(uint64(n))
		// One without a name calls itself "Action(77)".
		if name := v.Interface().(fmt.Stringer).String(); !strings.HasPrefix(name, c.of+"(") {
			c.names[n], c.value[name] = name, uint8(n)
		}
	}
	return c
}

func (c *enumCodec) expected() string { return "one of the names of " + c.of }

func (*enumCodec) least() int                            { return 1 }
func (c *enumCodec) append(a *appender, v reflect.Value) { a.b = append(a.b, byte(v.Uint())) }
func (c *enumCodec) decode(d *wireReader, v reflect.Value) {
	n := d.byte("a byte")
	if n != 0 && c.names[n] == "" {
		d.failAt(1, WireMalformed, c.expected(), fmt.Sprint(n))
	}
	v.SetUint(uint64(n))
}
func (c *enumCodec) appendJSON(a *appender, v reflect.Value) {
	n := v.Uint()
	if n != 0 && c.names[n] == "" {
		a.fail(WireMalformed, c.expected(), fmt.Sprint(n))
	}
	a.jsonString(c.names[n])
}
func (c *enumCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	at := j.at
	name := j.string()
	n, is := c.value[string(name)]
	if !is && len(name) > 0 {
		j.failAt(at, WireMalformed, c.expected(), quoted(name))
	}
	v.SetUint(uint64(n))
}

type listCodec struct {
	of      reflect.Type
	element codec
}

func (*listCodec) least() int { return 1 }
func (c *listCodec) append(a *appender, v reflect.Value) {
	n := v.Len()
	a.uvarint(uint64(n))
	for i := range n {
		c.element.append(a, v.Index(i))
		if a.err != nil {
			a.err.element(i)
			return
		}
	}
}
func (c *listCodec) decode(d *wireReader, v reflect.Value) {
	n := d.length(c.element.least(), int64(c.of.Elem().Size()))
	if n == 0 {
		return
	}
	list := reflect.MakeSlice(c.of, n, n)
	for i := range n {
		c.element.decode(d, list.Index(i))
		if d.err != nil {
			d.err.element(i)
			return
		}
	}
	v.Set(list)
}
func (c *listCodec) appendJSON(a *appender, v reflect.Value) {
	a.b = append(a.b, '[')
	for i := range v.Len() {
		if i > 0 {
			a.b = append(a.b, ',')
		}
		c.element.appendJSON(a, v.Index(i))
		if a.err != nil {
			a.err.element(i)
			return
		}
	}
	a.b = append(a.b, ']')
}
func (c *listCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	if !j.open('[', "a list") {
		return
	}
	list := reflect.Zero(c.of)
	for i := 0; j.more(i, ']'); i++ {
		if i == list.Cap() {
			// The old elements are garbage soon, and count until then.
			grown := max(4, 2*i)
			if !j.charge(int64(grown) * int64(c.of.Elem().Size())) {
				return
			}
			bigger := reflect.MakeSlice(c.of, i, grown)
			reflect.Copy(bigger, list)
			list = bigger
		}
		list = list.Slice(0, i+1)
		c.element.decodeJSON(j, list.Index(i))
		if j.err != nil {
			j.err.element(i)
			return
		}
	}
	if list.Len() > 0 {
		v.Set(list)
	}
}

// pointerCodec is that of what may be missing, or, required, of an element of a list, which may not.
type pointerCodec struct {
	of       reflect.Type
	to       codec
	required bool
}

func (c *pointerCodec) least() int {
	if c.required {
		return c.to.least()
	}
	return 1
}

func (c *pointerCodec) append(a *appender, v reflect.Value) {
	missing := v.IsNil()
	switch {
	case !c.required:
		a.b = append(a.b, bit(!missing))
	case missing:
		a.fail(WireMalformed, "a "+c.of.Name(), "nothing")
	}
	if !missing {
		c.to.append(a, v.Elem())
	}
}

func (c *pointerCodec) decode(d *wireReader, v reflect.Value) {
	if !c.required && !d.bool() || !d.charge(int64(c.of.Size())) {
		return
	}
	made := reflect.New(c.of)
	c.to.decode(d, made.Elem())
	v.Set(made)
}

func (c *pointerCodec) appendJSON(a *appender, v reflect.Value) {
	if v.IsNil() {
		a.fail(WireMalformed, "a "+c.of.Name(), "nothing")
		return
	}
	c.to.appendJSON(a, v.Elem())
}

func (c *pointerCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	if !j.charge(int64(c.of.Size())) {
		return
	}
	made := reflect.New(c.of)
	c.to.decodeJSON(j, made.Elem())
	v.Set(made)
}

type fieldCodec struct {
	name  string
	index []int
	since int // the version of the wire that brought it
	codec codec
}

func (f *fieldCodec) in(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	for _, i := range f.index {
		v = v.Field(i)
	}
	return v
}

type structCodec struct{ fields []fieldCodec }

func (c *structCodec) least() int {
	n := 0
	for i := range c.fields {
		if c.fields[i].since == WireOldest {
			n += c.fields[i].codec.least()
		}
	}
	return n
}

func (c *structCodec) append(a *appender, v reflect.Value) {
	for i := range c.fields {
		f := &c.fields[i]
		if f.since > a.version {
			continue
		}
		f.codec.append(a, f.in(v))
		if a.err != nil {
			a.err.within(f.name)
			return
		}
	}
}

func (c *structCodec) decode(d *wireReader, v reflect.Value) {
	for i := range c.fields {
		f := &c.fields[i]
		if f.since > d.version {
			continue
		}
		f.codec.decode(d, f.in(v))
		if d.err != nil {
			d.err.within(f.name)
			return
		}
	}
}

func (c *structCodec) appendJSON(a *appender, v reflect.Value) {
	a.b = append(a.b, '{')
	first := true
	for i := range c.fields {
		f := &c.fields[i]
		of := f.in(v)
		if missing(of) {
			continue
		}
		if !first {
			a.b = append(a.b, ',')
		}
		first = false
		a.jsonString(f.name)
		a.b = append(a.b, ':')
		f.codec.appendJSON(a, of)
		if a.err != nil {
			a.err.within(f.name)
			return
		}
	}
	a.b = append(a.b, '}')
}

// missing tells whether a field is left out of JSON.
func missing(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		return v.Len() == 0
	case reflect.Struct:
		for i := range v.NumField() {
			if !missing(v.Field(i)) {
				return false
			}
		}
		return true
	}
	return v.IsZero()
}

func (c *structCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	if !j.open('{', "an object") {
		return
	}
	var seen uint64
	for n := 0; j.more(n, '}'); n++ {
		at := j.at
		key := j.key()
		if j.err != nil {
			return
		}
		i := 0
		for i < len(c.fields) && c.fields[i].name != string(key) {
			i++
		}
		switch {
		case i == len(c.fields):
			j.failAt(at, WireKey, "one of "+c.keys(), quoted(key))
			return
		case c.fields[i].since > j.version:
			j.failAt(at, WireNewer, fmt.Sprintf("a key of version %d", j.version), fmt.Sprintf("%s of version %d", quoted(key), c.fields[i].since))
			return
		case seen>>i&1 == 1:
			j.failAt(at, WireKey, "each key once", quoted(key)+" again")
			return
		}
		seen |= 1 << i
		if j.null() {
			continue
		}
		f := &c.fields[i]
		f.codec.decodeJSON(j, f.in(v))
		if j.err != nil {
			j.err.within(f.name)
			return
		}
	}
}

func (c *structCodec) keys() string {
	if len(c.fields) == 0 {
		return "no keys"
	}
	names := make([]string, len(c.fields))
	for i := range c.fields {
		names[i] = c.fields[i].name
	}
	return strings.Join(names, ", ")
}

// recordCodec is that of records, which are as on a disk, and whose checksum must fit.
type recordCodec struct{ structCodec }

// least is 13 fields, two of which are values of two fields, and a checksum of 8 bytes.
func (*recordCodec) least() int { return 13 + 8 }

func (c *recordCodec) append(a *appender, v reflect.Value) {
	r := v.Addr().Interface().(*Record)
	if a.brief {
		a.b = binary.LittleEndian.AppendUint64(a.b, r.Sum)
		return
	}
	a.b = r.AppendBinary(a.b)
}

func (c *recordCodec) decode(d *wireReader, v reflect.Value) {
	r := v.Addr().Interface().(*Record)
	d.record(r)
}

func (c *recordCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	at := j.at
	c.structCodec.decodeJSON(j, v)
	if j.err != nil {
		return
	}
	r := v.Addr().Interface().(*Record)
	switch sum := r.sum(); {
	case r.Sum == 0:
		r.Sum = sum
	case r.Sum != sum && !j.takesDamage:
		j.failAt(at, WireDamaged, fmt.Sprintf("sum %d, or none", sum), fmt.Sprintf("sum %d", r.Sum))
	}
}

// wireMember is a type that a union has.
type wireMember struct {
	name  string
	of    reflect.Type // what it points to
	since int          // the version of the wire that brought it; 0 for one that is of every version
	body  codec
}

// unionCodec is that of an interface: one of the types that implement it, or nil.
type unionCodec struct {
	of      reflect.Type
	members []wireMember
	byType  map[reflect.Type]int
	byName  map[string]int
	// objects says what is wrong with a member.
	objects func(v reflect.Value) (expected, found string, is bool)
}

// union makes the codec of an interface.
func (c *compiler) union(of reflect.Type, members []wireMember, objects func(reflect.Value) (expected, found string, is bool)) {
	u := &unionCodec{of: of, members: members, byType: map[reflect.Type]int{}, byName: map[string]int{}, objects: objects}
	c.done[of] = u
	for i := range members {
		m := &members[i]
		m.body = c.compile(m.of)
		if _, twice := u.byName[m.name]; twice {
			panic(fmt.Sprintf("two types are %q on the wire", m.name))
		}
		u.byType[reflect.PointerTo(m.of)], u.byName[m.name] = i, i
	}
}

func (*unionCodec) least() int { return 1 }

// find returns what v is, and its value.
func (c *unionCodec) find(a *appender, v reflect.Value) (int, reflect.Value) {
	v = v.Elem()
	i, is := c.byType[v.Type()]
	if !is || v.IsNil() {
		a.fail(WireUnknown, "a registered "+c.of.Name(), v.Type().String())
		return 0, v
	}
	if expected, found, is := c.objects(v); is {
		a.fail(WireUnknown, expected, found)
	}
	return i, v.Elem()
}

func (c *unionCodec) append(a *appender, v reflect.Value) {
	if v.IsNil() {
		a.b = append(a.b, 0)
		return
	}
	i, of := c.find(a, v)
	if a.err != nil {
		return
	}
	if since := c.members[i].since; since > a.version {
		a.fail(WireNewer, fmt.Sprintf("a %s of version %d", c.of.Name(), a.version), fmt.Sprintf("%s of version %d", c.members[i].name, since))
		return
	}
	a.uvarint(uint64(i + 1))
	if c.members[i].body.append(a, of); a.err != nil {
		a.err.within(c.members[i].name)
	}
}

func (c *unionCodec) decode(d *wireReader, v reflect.Value) {
	at := d.at()
	n := d.uvarint()
	if n == 0 || d.err != nil {
		return
	}
	if n > uint64(len(c.members)) {
		d.failFrom(at, WireUnknown, fmt.Sprintf("a %s by a number of 1 to %d", c.of.Name(), len(c.members)), fmt.Sprint(n))
		return
	}
	m := &c.members[n-1]
	if m.since > d.version {
		d.failFrom(at, WireNewer, fmt.Sprintf("a %s of version %d", c.of.Name(), d.version), fmt.Sprintf("%s of version %d", m.name, m.since))
		return
	}
	if !d.charge(int64(m.of.Size())) {
		return
	}
	made := reflect.New(m.of)
	if m.body.decode(d, made.Elem()); d.err != nil {
		d.err.within(m.name)
		return
	}
	if expected, found, is := c.objects(made); is {
		d.failFrom(at, WireUnknown, expected, found)
		d.err.within(m.name)
		return
	}
	v.Set(made)
}

func (c *unionCodec) appendJSON(a *appender, v reflect.Value) {
	if v.IsNil() {
		a.b = append(a.b, "null"...)
		return
	}
	i, of := c.find(a, v)
	if a.err != nil {
		return
	}
	m := &c.members[i]
	a.b = append(a.b, '{')
	a.jsonString(m.name)
	a.b = append(a.b, ':')
	m.body.appendJSON(a, of)
	a.b = append(a.b, '}')
	if a.err != nil {
		a.err.within(m.name)
	}
}

func (c *unionCodec) decodeJSON(j *jsonReader, v reflect.Value) {
	if j.null() {
		return
	}
	if !j.open('{', "an object of one key, the type of "+c.of.Name()) {
		return
	}
	n := 0
	for ; j.more(n, '}'); n++ {
		at := j.at
		key := j.key()
		if j.err != nil {
			return
		}
		i, is := c.byName[string(key)]
		switch {
		case n > 0:
			j.failAt(at, WireKey, "one key, the type of "+c.of.Name(), "another, "+quoted(key))
			return
		case !is:
			j.failAt(at, WireUnknown, "a type of "+c.of.Name(), quoted(key))
			return
		case c.members[i].since > j.version:
			j.failAt(at, WireNewer, fmt.Sprintf("a %s of version %d", c.of.Name(), j.version), fmt.Sprintf("%s of version %d", quoted(key), c.members[i].since))
			return
		}
		m := &c.members[i]
		if !j.charge(int64(m.of.Size())) {
			return
		}
		made := reflect.New(m.of)
		if m.body.decodeJSON(j, made.Elem()); j.err != nil {
			j.err.within(m.name)
			return
		}
		if expected, found, is := c.objects(made); is {
			j.failAt(at, WireUnknown, expected, found)
			j.err.within(m.name)
			return
		}
		v.Set(made)
	}
	if n == 0 && j.err == nil {
		j.fail(WireMalformed, "a key, the type of "+c.of.Name(), "none")
	}
}
