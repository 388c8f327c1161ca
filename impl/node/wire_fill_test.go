package node

import (
	"fmt"
	"math/rand/v2"
	"reflect"
)

// A filler makes values of every type that crosses the contract, by reflection: a type that is new is tested with no more
// ado.
type filler struct {
	// number gives the next integer of so many bits.
	number func(bits int) uint64
	// bytes gives the next bytes, text or not.
	bytes func() []byte
	// pick gives one of so many.
	pick func(n int) int
	// length gives the length of the next list.
	length func() int
}

// atRandom fills with anything.
func atRandom(random *rand.Rand) *filler {
	return &filler{
		number: func(bits int) uint64 { return random.Uint64() >> (64 - bits) >> random.IntN(bits) },
		bytes: func() []byte {
			b := make([]byte, random.IntN(12))
			for i := range b {
				if b[i] = byte(random.Uint32()); len(b)%2 == 0 {
					b[i] &= 0x7f
				}
			}
			return b
		},
		pick:   random.IntN,
		length: func() int { return random.IntN(4) },
	}
}

// inOrder fills with what tells one field from another, and all with something.
func inOrder() *filler {
	n := 0
	next := func() int { n++; return n }
	return &filler{
		number: func(bits int) uint64 { return uint64(next()) & (1<<bits - 1) },
		bytes:  func() []byte { return fmt.Appendf(nil, "b%d", next()) },
		pick:   func(n int) int { return n - 1 },
		length: func() int { return 2 },
	}
}

func (f *filler) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.pick(2) == 1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if e, is := codecOf(v.Type()).(*enumCodec); is {
			var all []uint8
			for n := range len(e.names) {
				if n > 0 && e.names[n] != "" {
					all = append(all, uint8(n))
				}
			}
			v.SetUint(uint64(all[f.pick(len(all))]))
			return
		}
		v.SetUint(f.number(v.Type().Bits()))
	case reflect.Int, reflect.Int64:
		n := int64(f.number(63))
		if f.pick(2) == 0 {
			n = -n
		}
		v.SetInt(n)
	case reflect.String:
		v.SetString(string(f.bytes()))
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if b := f.bytes(); len(b) > 0 {
				v.SetBytes(b)
			}
			return
		}
		for range f.length() {
			e := reflect.New(v.Type().Elem()).Elem()
			if e.Kind() == reflect.Pointer {
				e.Set(reflect.New(e.Type().Elem()))
				f.fill(e.Elem())
			} else {
				f.fill(e)
			}
			v.Set(reflect.Append(v, e))
		}
	case reflect.Pointer:
		if f.pick(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
		seal(v)
	case reflect.Interface:
		if members := codecOf(v.Type()).(*unionCodec).members; f.pick(8) > 0 {
			made := reflect.New(members[f.pick(len(members))].of)
			f.fill(made.Elem())
			v.Set(made)
		}
	default:
		panic(v.Type().String())
	}
	if m, is := v.Addr().Interface().(*Opaque); is {
		m.Kind = "of a stranger"
	}
}

func seal(v reflect.Value) {
	if r, is := v.Addr().Interface().(*Record); is {
		r.Seal()
	}
}

func codecOf(t reflect.Type) codec {
	c := &compiler{registry: wire(), done: map[reflect.Type]codec{}}
	if t.Kind() == reflect.Interface {
		return wireUnion(t)
	}
	if t.Kind() == reflect.Uint8 {
		return c.make(t)
	}
	return nil
}

// wireUnion finds the codec of an interface among those of the registry.
func wireUnion(t reflect.Type) codec {
	if t == messageType {
		return wire().byType[t].codec
	}
	for _, f := range wire().byType[reflect.TypeFor[Trace]()].codec.(*handCodec[Trace]).fields {
		if u, is := f.codec.(*unionCodec); is && u.of == t {
			return u
		}
	}
	panic(t.String())
}

// A specimen is one type that crosses the contract.
type specimen struct {
	name string
	// make returns a place for a value, a pointer to what a frame carries.
	make func() reflect.Value
	// free is the part of it that may be anything: of a message its fields, and not which type it is.
	free func(reflect.Value) reflect.Value
}

// specimens are all kinds of frames, and of messages and traces one for each type and detail.
func specimens() []specimen {
	whole := func(v reflect.Value) reflect.Value { return v.Elem() }
	var all []specimen
	for _, k := range wire().kinds {
		if k.of != messageType {
			all = append(all, specimen{k.name, func() reflect.Value { return reflect.New(k.of) }, whole})
		}
	}
	for _, m := range wireUnion(messageType).(*unionCodec).members {
		all = append(all, specimen{"message " + m.name, func() reflect.Value {
			v := reflect.New(messageType)
			v.Elem().Set(reflect.New(m.of))
			if o, is := v.Elem().Interface().(*Opaque); is {
				o.Kind = "of a stranger"
			}
			return v
		}, func(v reflect.Value) reflect.Value { return v.Elem().Elem().Elem() }})
	}
	for _, d := range wireUnion(reflect.TypeFor[Detail]()).(*unionCodec).members {
		all = append(all, specimen{"detail " + d.name, func() reflect.Value {
			made := reflect.New(d.of)
			return reflect.ValueOf(&Trace{Action: ActStore, Detail: made.Interface().(Detail)})
		}, func(v reflect.Value) reflect.Value { return v.Elem().FieldByName("Detail").Elem().Elem() }})
	}
	return all
}
