package transitions

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A print tells two states of a process apart in which it would act differently. Nearly all of a node is in it; what is left
// out is named here, with why. The search takes two states with one print for the same. Were something left out that matters, a
// schedule that the search found would not do what the search says, and that shows: every schedule is run from the start, and
// held against the search, before a transition counts as driven.
type print struct{ hi, lo uint64 }

// leftOut names fields by their struct and their name.
var leftOut = map[string]bool{
	// Counts, places in a file, and memory for later.
	"Segment.ticks": true, "Segment.asked": true, "Segment.buffer": true, "Segment.whole": true, "Segment.shorter": true, "Segment.position": true,
	"Segment.synced": true, "Segment.toldTo": true, "Segment.incarnation": true, "Segment.counters": true, "Segment.logBytes": true, "Segment.heldBytes": true,
	"Segment.fills": true, "Segment.id": true, "Segment.backup": true, "heldRecord.position": true, "entry.position": true, "entry.synced": true, "entry.size": true,
	"Writer.ticks": true, "Writer.counters": true, "Writer.spareUsed": true, "loading.idle": true, "cache.attempts": true, "cache.asks": true,
	"cache.hedgeAt": true, "pageRead.due": true, "replica.answers": true, "Manager.spareHeld": true, "Manager.spareHolders": true, "Manager.reached": true,
	"group.tellings": true, "group.toldVDL": true, "group.toldFloor": true, "replica.before": true, "cursor.attempt": true, "loading.passes": true, "pageRead.tried": true, "pageRead.asked": true, "pageRead.hedged": true, "operation.used": true, "view.out": true, "view.op": true,
	// What follows from the log that a segment holds.
	"Segment.pages": true, "Segment.order": true,
	// What never changes.
	"Segment.volume": true, "Segment.hook": true, "Segment.peers": true, "Writer.Config": true, "Writer.hook": true, "Register.volume": true, "Register.hook": true,
	"Manager.hook": true, "Frame.next": true, "Frame.prev": true, "view.w": true,
}

// ofOneReplica names the fields of a writer that say something of one segment.
var ofOneReplica = map[string]bool{"group.replicas": true, "Writer.answers": true, "Writer.load": true, "Writer.log": true,
	"Segment.told": true, "Segment.lastAt": true, "Segment.floor": true}

// A printer makes prints.
type printer struct {
	leftOut map[string]bool
	alike   bool // without what is said of one segment
	loaded  bool // of a writer that has read all that its recovery needs
	b       []byte
	seen    map[seen]int
}

// seen is one thing that was printed. A struct and its first field have one address.
type seen struct {
	at uintptr
	of reflect.Type
}

var (
	recordType = reflect.TypeFor[node.Record]()
	pageType   = reflect.TypeFor[page.Page]()
)

// of returns the print of values, which are read and not changed.
func (p *printer) of(values ...any) print {
	p.b = p.b[:0]
	p.seen = map[seen]int{}
	for _, v := range values {
		p.value(reflect.ValueOf(v))
	}
	h := xxh3.Hash128(p.b)
	return print{h.Hi, h.Lo}
}

func (p *printer) number(n uint64) {
	for n >= 0x80 {
		p.b = append(p.b, byte(n)|0x80)
		n >>= 7
	}
	p.b = append(p.b, byte(n))
}

func (p *printer) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Invalid:
		p.b = append(p.b, 0)
	case reflect.Bool:
		if v.Bool() {
			p.b = append(p.b, 1)
		} else {
			p.b = append(p.b, 0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.number(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		p.number(v.Uint())
	case reflect.String:
		p.number(uint64(v.Len()))
		p.b = append(p.b, v.String()...)
	case reflect.Slice, reflect.Array:
		p.number(uint64(v.Len()))
		for i := range v.Len() {
			p.value(v.Index(i))
		}
	case reflect.Map:
		p.entries(v)
	case reflect.Pointer:
		p.pointer(v)
	case reflect.Interface:
		if !v.IsNil() {
			p.b = append(p.b, v.Elem().Type().String()...)
		}
		p.value(v.Elem())
	case reflect.Struct:
		p.fields(v)
	case reflect.Func:
	default:
		panic(fmt.Sprintf("transitions: a node holds a %s", v.Type()))
	}
}

// pointer prints what v points to, or where that was printed.
func (p *printer) pointer(v reflect.Value) {
	if v.IsNil() {
		p.b = append(p.b, 0)
		return
	}
	p.b = append(p.b, 2)
	if t := v.Type().Elem(); t == recordType || t == pageType {
		p.value(v.Elem()) // of which there may be copies
		return
	}
	this := seen{v.Pointer(), v.Type()}
	if n, printed := p.seen[this]; printed {
		p.b = append(p.b, 1)
		p.number(uint64(n))
		return
	}
	p.seen[this] = len(p.seen)
	p.value(v.Elem())
}

func (p *printer) fields(v reflect.Value) {
	t := v.Type()
	switch t {
	case recordType: // which is never changed
		p.number(v.FieldByName("Sum").Uint())
		return
	case pageType: // follows from the log
		p.number(v.FieldByName("ID").Uint())
		p.number(v.FieldByName("LSN").Uint())
		return
	}
	for i := range t.NumField() {
		if name := nameOf(t) + "." + t.Field(i).Name; !p.leftOut[name] && !(p.alike && ofOneReplica[name]) && !(p.loaded && (name == "Writer.answers" || name == "Writer.load")) {
			p.value(v.Field(i))
		}
	}
}

// nameOf returns the name of a struct, without what it is made of.
func nameOf(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}

// entries prints a map in the order of its keys, which are numbers, strings, or structs of them.
func (p *printer) entries(v reflect.Value) {
	type entry struct {
		key   string
		value reflect.Value
	}
	var all []entry
	for i := v.MapRange(); i.Next(); {
		k := printer{leftOut: p.leftOut, seen: map[seen]int{}}
		k.value(i.Key())
		all = append(all, entry{string(k.b), i.Value()})
	}
	slices.SortFunc(all, func(a, b entry) int { return compare(a.key, b.key) })
	p.number(uint64(len(all)))
	for _, e := range all {
		p.b = append(p.b, e.key...)
		p.value(e.value)
	}
}
