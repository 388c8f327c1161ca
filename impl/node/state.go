package node

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// A State is how a node is at a moment, as one plain value: what an operator would see of it. A node tells what applies to
// its role and leaves the rest zero.
type State struct {
	Role    string // "writer", "segment", …, as the node sees itself: a promoted reader is a writer
	Phase   string // what it is doing, in a word: "open", "fencing", "deposed"; "" where it has only one phase
	Epoch   Epoch  // of a writer: its own
	Promise Epoch  // of a segment: the lowest epoch that it serves
	Line    Epoch  // of a segment: whose history it follows
	VDL     LSN    // of a writer; of a reader, up to where it has heard of the log and reads
	End     LSN    // of a writer: the last LSN that it gave
	SCL     LSN    // of a segment
	Floor   LSN    // of a segment: up to where it has page images in the place of log; of a writer: up to where it may have them
	Serving bool   // it answers what its role is there for
	Damaged bool   // it knows that it has lost something, and claims nothing
	Dead    bool   // of a segment: what it has lost has no name, so no peer can give it again
	Deposed bool   // it knows that it was replaced, and will not serve again
	// Counters is what it has done since it was made, by the names that reports use.
	Counters []Counter
	// Lags counts, of a reader, how far behind its writer it was: see the reader's own documentation for the ranges.
	Lags []uint64
}

// A Counter is one number that a node counts.
type Counter struct {
	Name  string
	Value uint64
}

// A Teller is a node that tells its state. One that does not is taken to be alive, and no more is known of it.
type Teller interface {
	State() State
}

// A TimerNamer is a node that says what its timers are for, in a word or two, such as "gossip"; "" of one that it does not know.
type TimerNamer interface {
	TimerName(Timer) string
}

// Counters lists the counters of a struct of uint64 fields, each under the name of its json tag ("-" leaves it out) and in the
// order of the fields, so that a node's counters have their names in one place.
func Counters(of any) []Counter {
	v := reflect.ValueOf(of)
	named := countersOf(v.Type())
	counters := make([]Counter, len(named))
	for i, c := range named {
		counters[i] = Counter{Name: c.name, Value: v.Field(c.field).Uint()}
	}
	return counters
}

// namedField is a field that counts.
type namedField struct {
	name  string
	field int
}

// countersByType keeps what tags say, which no run can change: a run asks every node.
var countersByType sync.Map // reflect.Type to []namedField

func countersOf(t reflect.Type) []namedField {
	if known, is := countersByType.Load(t); is {
		return known.([]namedField)
	}
	var all []namedField
	for i := range t.NumField() {
		if f := t.Field(i); f.Type.Kind() == reflect.Uint64 {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" {
				continue // for those who look into the node
			}
			all = append(all, namedField{name, i})
		}
	}
	countersByType.Store(t, all)
	return all
}

// String says on one line what applies.
func (s State) String() string {
	var parts []string
	if s.Phase != "" {
		parts = append(parts, s.Phase)
	}
	for _, f := range []struct {
		name  string
		value uint64
	}{{"epoch", uint64(s.Epoch)}, {"promise", uint64(s.Promise)}, {"line", uint64(s.Line)}, {"VDL", uint64(s.VDL)}, {"last LSN", uint64(s.End)}, {"SCL", uint64(s.SCL)}, {"floor", uint64(s.Floor)}} {
		if f.value != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", f.name, f.value))
		}
	}
	parts = append(parts, map[bool]string{true: "serving", false: "not serving"}[s.Serving])
	if s.Damaged {
		parts = append(parts, "damaged")
	}
	if s.Deposed {
		parts = append(parts, "deposed")
	}
	return strings.Join(parts, ", ")
}
