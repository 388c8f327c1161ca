package node

import (
	"fmt"
	"reflect"
)

// A Schema is a JSON Schema (draft 2020-12), or a part of one.
type Schema map[string]any

// A Schemas collects the definitions of the types that schemas refer to, by their names: the "$defs" of a document.
//
// They say what a writer writes. A reader takes null for a missing key, too, and an integer in quotes at any size.
type Schemas map[string]Schema

// Frame returns the schema of a frame of what the registry has.
func (s Schemas) Frame() Schema {
	var all []Schema
	for _, k := range wire().kinds {
		all = append(all, Schema{"type": "object", "additionalProperties": false, "required": []string{"version", k.name},
			"properties": Schema{"version": Schema{"type": "integer", "minimum": WireOldest, "maximum": WireVersion}, k.name: s.of(k.of)}})
	}
	return Schema{"oneOf": all}
}

// Schema returns that of T, and adds to s what it refers to.
func (f *Form[T]) Schema(s Schemas) Schema { return s.structure(reflect.TypeFor[T]()) }

// define has a type stand under a name of its own; a type may refer to itself.
func (s Schemas) define(name string, of func() Schema) Schema {
	if _, known := s[name]; !known {
		s[name] = nil
		s[name] = of()
	}
	return Schema{"$ref": "#/$defs/" + name}
}

// of mirrors compiler.make.
func (s Schemas) of(t reflect.Type) Schema {
	name := lowerCamel(t.Name())
	switch t.Kind() {
	case reflect.Bool:
		return Schema{"type": "boolean"}
	case reflect.Uint8:
		if t.Implements(stringerType) {
			return s.define(name, func() Schema { return Schema{"enum": newEnum(t).list()} })
		}
		return Schema{"type": "integer", "minimum": 0, "maximum": 255}
	case reflect.Uint16, reflect.Uint32:
		return Schema{"type": "integer", "minimum": 0, "maximum": 1<<t.Bits() - 1}
	case reflect.Uint64:
		return s.define("unsigned", func() Schema {
			return Schema{"anyOf": []Schema{{"type": "integer", "minimum": 0, "maximum": exact}, {"type": "string", "pattern": "^(0|[1-9][0-9]{0,19})$"}}}
		})
	case reflect.Int, reflect.Int64:
		return s.define("signed", func() Schema {
			return Schema{"anyOf": []Schema{{"type": "integer", "minimum": -exact, "maximum": exact}, {"type": "string", "pattern": "^(0|-?[1-9][0-9]{0,18})$"}}}
		})
	case reflect.String:
		return s.bytes()
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return s.bytes()
		}
		return Schema{"type": "array", "items": s.of(t.Elem())}
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Interface:
		return s.define(name, func() Schema { return s.union(wire().done[t].(*unionCodec)) })
	case reflect.Struct:
		return s.define(name, func() Schema { return s.structure(t) })
	}
	panic(fmt.Sprintf("%v has no form on the wire", t))
}

// bytes is text, or bytes that are no text.
func (s Schemas) bytes() Schema {
	return s.define("bytes", func() Schema {
		return Schema{"anyOf": []Schema{{"type": "string"}, {"type": "object", "additionalProperties": false, "required": []string{"base64"},
			"properties": Schema{"base64": Schema{"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]*={0,2}$"}}}}}
	})
}

func (s Schemas) structure(t reflect.Type) Schema {
	properties := Schema{}
	for _, f := range wire().compiler().fields(t, nil) {
		properties[f.name] = s.of(t.FieldByIndex(f.index).Type)
	}
	return Schema{"type": "object", "additionalProperties": false, "properties": properties}
}

// union is an object of one key, the type.
func (s Schemas) union(c *unionCodec) Schema {
	properties := Schema{}
	for _, m := range c.members {
		properties[m.name] = s.of(m.of)
	}
	return Schema{"type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": properties}
}

// list returns the names, in the order of what they name.
func (c *enumCodec) list() []string {
	var all []string
	for _, name := range c.names {
		if name != "" {
			all = append(all, name)
		}
	}
	return all
}
