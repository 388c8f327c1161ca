// Package strict reads JSON that people and programs write, and refuses what it does not understand: a misspelt key would
// otherwise weaken a plan in silence. Every reader of JSON in the harness reads by it.
//
// Use encoding/json instead when a program must read what a newer writer has added keys to.
package strict

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// An Error says what in a JSON text is not as it has to be, and where.
type Error struct {
	Path     string // such as "plan.faults[2].nodes"; "" is the whole text
	Expected string
	Found    string
}

func (e *Error) Error() string {
	at := e.Path
	if at == "" {
		at = "the text"
	}
	return fmt.Sprintf("%s: expected %s, found %s", at, e.Expected, e.Found)
}

// Decode reads one JSON value and nothing else into a pointer. Unknown keys, a key twice, values of another type and anything behind the
// value are an *Error that names the path; what is no JSON is the error of encoding/json.
func Decode(r io.Reader, into any) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return Unmarshal(text, into)
}

// Unmarshal is Decode of a text in memory.
func Unmarshal(text []byte, into any) error {
	if verbatim(text, into) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var plain any
	if err := d.Decode(&plain); err != nil {
		if errors.Is(err, io.EOF) {
			return &Error{Expected: "a JSON value", Found: "nothing"}
		}
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return &Error{Expected: "the end behind the JSON value", Found: "more"}
	}
	if err := twice(text); err != nil {
		return err
	}
	if err := compare("", plain, reflect.TypeOf(into).Elem()); err != nil {
		return err
	}
	d = json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields() // compare has found them; this is for what it does not look into
	if err := d.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return &Error{Path: wrong.Field, Expected: "a value of type " + wrong.Type.String(), Found: wrong.Value}
		}
		return err
	}
	return nil
}

// verbatim reads a text that is byte for byte what the type itself writes: there is nothing in it to object to, and a program that
// reads what it has written, as each run does with its settings, need not have every key looked at. It changes nothing
// where the text is another.
func verbatim(text []byte, into any) bool {
	place := reflect.ValueOf(into)
	if place.Kind() != reflect.Pointer || place.IsNil() || !place.Elem().IsZero() {
		return false // what the text leaves out would stay as it was
	}
	read := reflect.New(place.Type().Elem())
	if json.Unmarshal(text, read.Interface()) != nil {
		return false
	}
	again, err := json.Marshal(read.Interface())
	if err != nil || !bytes.Equal(text, again) {
		return false
	}
	place.Elem().Set(read.Elem())
	return true
}

// twice looks for the first key that an object of a valid text has two times: encoding/json keeps the last one in silence, or, where
// the value is a list or an object, mixes both (RFC 8259 §4 leaves it open).
func twice(text []byte) error {
	type level struct {
		path string
		keys map[string]bool // nil in a list
		key  string          // the last one
		at   int             // keys and values so far
	}
	d := json.NewDecoder(bytes.NewReader(text))
	var open []level
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		path := ""
		if n := len(open); n > 0 && token != json.Delim('}') && token != json.Delim(']') {
			in := &open[n-1]
			switch key, is := token.(string); {
			case in.keys == nil:
				path = fmt.Sprintf("%s[%d]", in.path, in.at)
				in.at++
			case is && in.at%2 == 0:
				if in.at++; in.keys[key] {
					return &Error{join(in.path, key), "a key once", "it twice in one object"}
				}
				in.keys[key], in.key = true, key
				continue
			default:
				path = join(in.path, in.key)
				in.at++
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{path: path, keys: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{path: path})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// compare looks for the first place where a plain JSON value does not fit a type.
func compare(path string, v any, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		if v == nil {
			return nil
		}
		t = t.Elem()
	}
	if v == nil || reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		text, is := v.(string)
		if !is {
			return &Error{path, "a string", kindOf(v)}
		}
		if err := reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		object, is := v.(map[string]any)
		if !is {
			return &Error{path, "an object", kindOf(v)}
		}
		return compareObject(path, object, t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil // base64
		}
		list, is := v.([]any)
		if !is {
			return &Error{path, "a list", kindOf(v)}
		}
		for i, e := range list {
			if err := compare(fmt.Sprintf("%s[%d]", path, i), e, t.Elem()); err != nil {
				return err
			}
		}
	case reflect.Map:
		object, is := v.(map[string]any)
		if !is {
			return &Error{path, "an object", kindOf(v)}
		}
		for _, key := range sorted(object) {
			if err := compare(join(path, key), object[key], t.Elem()); err != nil {
				return err
			}
		}
	case reflect.String:
		if _, is := v.(string); !is {
			return &Error{path, "a string", kindOf(v)}
		}
	case reflect.Bool:
		if _, is := v.(bool); !is {
			return &Error{path, "true or false", kindOf(v)}
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		n, is := v.(json.Number)
		if !is {
			return &Error{path, "a number", kindOf(v)}
		}
		if err := json.Unmarshal([]byte(n), reflect.New(t).Interface()); err != nil {
			return &Error{path, "a number that fits " + t.String(), n.String()}
		}
	}
	return nil
}

func compareObject(path string, object map[string]any, t reflect.Type) error {
	known := fields(t)
	for _, key := range sorted(object) {
		f, is := known[key]
		if !is {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			return &Error{join(path, key), "one of the keys " + strings.Join(names, ", "), "an unknown key"}
		}
		if err := compare(join(path, key), object[key], f); err != nil {
			return err
		}
	}
	return nil
}

// fields returns the types of a struct's JSON keys, those of embedded structs included.
func fields(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" || !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		all[name] = f.Type
	}
	return all
}

func sorted(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for k := range object {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", v)
	case json.Number:
		return "the number " + v.String()
	case bool:
		return fmt.Sprint(v)
	case []any:
		return "a list"
	}
	return "an object"
}
