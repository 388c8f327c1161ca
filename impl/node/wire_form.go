package node

import (
	"fmt"
	"maps"
	"reflect"
)

// A Form writes and reads values of T as JSON without a frame, as the wire has them: for a protocol whose lines carry what crosses the
// contract among keys of its own. T is a struct of exported fields of the wire's types. A pointer that is nil is left out, one to
// an empty list is "[]". A Form may be used by many at a time.
type Form[T any] struct {
	codec codec
	name  string
}

// FormOf makes the form of T, and panics where T has a field without one.
func FormOf[T any]() *Form[T] {
	t := reflect.TypeFor[T]()
	return &Form[T]{codec: wire().compiler().compile(t), name: lowerCamel(t.Name())}
}

// compiler returns one for more types than the registry has, which does not change.
func (r *registry) compiler() *compiler { return &compiler{registry: r, done: maps.Clone(r.done)} }

// AppendJSON appends v to b on one line. The error is a *WireError.
func (f *Form[T]) AppendJSON(b []byte, v *T) ([]byte, error) {
	a := appender{b: b, version: WireVersion}
	if f.codec.appendJSON(&a, reflect.ValueOf(v).Elem()); a.err != nil {
		return b, a.err
	}
	if n := len(a.b) - len(b); n > WireLimit {
		return b, &WireError{Rule: WireTooLarge, Expected: fmt.Sprintf("at most %d bytes", WireLimit), Found: fmt.Sprintf("%d bytes", n), Path: f.name, Offset: -1}
	}
	return a.b, nil
}

// DecodeJSON reads all of b into v, which keeps nothing of b. The error is a *WireError, whose path begins in v and whose offset is in b.
func (f *Form[T]) DecodeJSON(b []byte, v *T) error { return f.decode(b, v, false) }

// DecodeDamagedJSON is DecodeJSON of what a node receives: a record is as its way has left it, also where its checksum does not fit, and
// the node has to look.
func (f *Form[T]) DecodeDamagedJSON(b []byte, v *T) error { return f.decode(b, v, true) }

func (f *Form[T]) decode(b []byte, v *T, damaged bool) error {
	if len(b) > WireLimit {
		return &WireError{Rule: WireTooLarge, Expected: fmt.Sprintf("at most %d bytes", WireLimit), Found: fmt.Sprintf("%d bytes", len(b))}
	}
	j := jsonReader{b: b, version: WireVersion, takesDamage: damaged}
	j.budget(len(b))
	of := reflect.ValueOf(v).Elem()
	of.SetZero()
	if f.codec.decodeJSON(&j, of); j.err != nil {
		return j.err
	}
	if j.peek(); j.at < len(j.b) {
		j.fail(WireTrailing, "the end of the line", fmt.Sprintf("%d bytes more", len(j.b)-j.at))
		return j.err
	}
	return nil
}
