// Package tally adds up and lists the counters of a struct. The struct is the table: its uint64 fields are the counters, and
// their tags say the rest, so that a counter is named in one place.
//
//	Crashes uint64 `json:"crashes" text:"crashes" by:"20"`
//
// json is its name for programs, text for people (a counter without is not shown to them), by the number of runs after which
// it must not be zero (none: it may stay zero), of where it is counted from (none: in every run), and fold:"max" says that many
// runs have the most of any and not the sum. A nested struct's of counts for those of its fields that have none.
//
// The number of by follows from the share p of runs in which the counter is more than zero: a round number of at least 20/p, with
// p taken two standard errors below what was measured. A campaign of so many runs misses it by chance less often than once in
// e^20, so a zero is the generator's fault. 1 is for what every run has by its making, and not for what all that were
// measured happened to have.
//
// Use package counts instead when a program wants to know what happened in a run: that is such a struct.
package tally

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Add adds the counters of one struct to those of another, nested structs and arrays of counters included. A slice is added by
// its method Plus, which returns the sum.
func Add[T any](into, from *T) { add(reflect.ValueOf(into).Elem(), reflect.ValueOf(from).Elem(), "") }

func add(into, from reflect.Value, fold string) {
	switch into.Kind() {
	case reflect.Uint64:
		if fold == "max" {
			into.SetUint(max(into.Uint(), from.Uint()))
		} else {
			into.SetUint(into.Uint() + from.Uint())
		}
	case reflect.Struct:
		for i := range into.NumField() {
			add(into.Field(i), from.Field(i), into.Type().Field(i).Tag.Get("fold"))
		}
	case reflect.Array:
		for i := range into.Len() {
			add(into.Index(i), from.Index(i), fold)
		}
	case reflect.Slice:
		m := into.MethodByName("Plus")
		if !m.IsValid() {
			panic(fmt.Sprintf("tally: a field of type %s has no method Plus", into.Type()))
		}
		into.Set(m.Call([]reflect.Value{from})[0])
	default:
		panic(fmt.Sprintf("tally: a field of type %s is no counter", into.Type()))
	}
}

// A Row is one counter as people and programs see it.
type Row struct {
	Name  string // for programs, dotted where structs are nested
	Text  string // for people
	Value uint64
	By    uint64 // after so many runs it must not be zero; 0: it may be
	Of    string // what it is counted from
}

// Rows lists the counters that have a text, in the order of the fields.
func Rows(of any) []Row {
	var rows []Row
	walk(reflect.Indirect(reflect.ValueOf(of)), "", "", func(f reflect.StructField, name, from string, v reflect.Value) {
		text := f.Tag.Get("text")
		if text == "" {
			return
		}
		row := Row{Name: name, Text: text, Value: v.Uint(), Of: from}
		if by := f.Tag.Get("by"); by != "" {
			n, err := strconv.ParseUint(by, 10, 64)
			if err != nil || n == 0 {
				panic(fmt.Sprintf("tally: the counter %s has the tag by:%q, want a number from 1 on", name, by))
			}
			row.By = n
		}
		rows = append(rows, row)
	})
	return rows
}

// Index returns where the counters of a struct are, by their names.
func Index[T any](of *T) map[string]*uint64 {
	all := map[string]*uint64{}
	walk(reflect.ValueOf(of).Elem(), "", "", func(_ reflect.StructField, name, _ string, v reflect.Value) {
		if all[name] != nil {
			panic(fmt.Sprintf("tally: two counters have the name %s", name))
		}
		all[name] = v.Addr().Interface().(*uint64)
	})
	return all
}

func walk(v reflect.Value, prefix, from string, do func(f reflect.StructField, name, from string, v reflect.Value)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		of := cmp.Or(f.Tag.Get("of"), from)
		switch f.Type.Kind() {
		case reflect.Uint64:
			do(f, prefix+name, of, v.Field(i))
		case reflect.Struct:
			walk(v.Field(i), prefix+name+".", of, do)
		}
	}
}
