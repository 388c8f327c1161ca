package linearizability

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A kvReader reads a log of a key-value store, one EDN map a line:
//
//	{:process 3, :type :invoke, :f :append, :key "k", :value "x"}
//	{:process 3, :type :ok, :f :append, :key "k", :value "x"}
//
// Functions are :get, :put and :append; :value is nil where a :get is invoked. Types are :invoke, :ok, :fail (it did
// not happen) and :info (outcome unknown).
type kvReader struct{ callLog }

var kvKinds = map[string]CallKind{":get": Get, ":put": Put, ":append": Append}

func (r *kvReader) line(text string, number int) error {
	fields, err := ednMap(text)
	if err != nil {
		return err
	}
	client, err := strconv.Atoi(fields[":process"])
	if err != nil || client < 0 {
		return fmt.Errorf("expected the number of a :process, found %q", fields[":process"])
	}
	event, kind := fields[":type"], kvKinds[fields[":f"]]
	if kind == 0 {
		return fmt.Errorf("unknown function %q; known: :get, :put, :append", fields[":f"])
	}
	if !slices.Contains([]string{":invoke", ":ok", ":fail", ":info"}, event) {
		return fmt.Errorf("unknown type %q; known: :invoke, :ok, :fail, :info", event)
	}
	key, isText := ednText(fields[":key"])
	if !isText {
		return fmt.Errorf("expected a :key in quotes, found %q", fields[":key"])
	}
	value, isText := ednText(fields[":value"])
	if !isText && fields[":value"] != "nil" || !isText && kind != Get || isText && kind == Get && event == ":invoke" {
		return fmt.Errorf("a %s of type %s cannot have the :value %s", fields[":f"], event, fields[":value"])
	}
	if event == ":invoke" {
		return r.invoke(Call{Client: client, Kind: kind, Key: key, Value: value}, int64(number), number)
	}
	c, err := r.open(client)
	if err != nil {
		return err
	}
	if err := same("function", ":"+c.Kind.String(), fields[":f"]); err != nil {
		return err
	}
	if err := same("key", c.Key, key); err != nil {
		return err
	}
	if kind != Get {
		if err := same("value", c.Value, value); err != nil {
			return err
		}
	}
	r.answered(c, int64(number))
	switch event {
	case ":ok":
		c.Unknown = false
		if kind == Get {
			c.Found, c.Value = isText, value
		}
	case ":fail":
		c.gone = true
	}
	return nil
}

func (r *kvReader) finish(rec *Recording) {
	r.callLog.finish(rec)
	rec.Model = ModelKV
}

// kvFields are the keys that a line has, every one of them.
var kvFields = []string{":process", ":type", ":f", ":key", ":value"}

// ednMap reads a flat map of keywords to keywords, numbers, nil and strings, which keep their quotes.
func ednMap(text string) (map[string]string, error) {
	rest, open := strings.CutPrefix(text, "{")
	rest, closed := strings.CutSuffix(rest, "}")
	if !open || !closed {
		return nil, fmt.Errorf("expected a map in braces, found %s", clip(text))
	}
	fields := make(map[string]string, len(kvFields))
	for rest = strings.TrimLeft(rest, ", \t"); rest != ""; rest = strings.TrimLeft(rest, ", \t") {
		var name, value string
		if name, rest = ednToken(rest); !slices.Contains(kvFields, name) {
			return nil, fmt.Errorf("unknown key %s; known: %s", clip(name), strings.Join(kvFields, ", "))
		}
		if value, rest = ednToken(strings.TrimLeft(rest, ", \t")); value == "" {
			return nil, fmt.Errorf("no value of %s, or a string without its end", name)
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("two values of %s", name)
		}
		fields[name] = value
	}
	for _, name := range kvFields {
		if fields[name] == "" {
			return nil, fmt.Errorf("no %s; a line has %s", name, strings.Join(kvFields, ", "))
		}
	}
	return fields, nil
}

// ednToken is the first token and what follows it; the token is empty when a string has no end.
func ednToken(text string) (token, rest string) {
	if strings.HasPrefix(text, `"`) {
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return text[:i+1], text[i+1:]
			}
		}
		return "", ""
	}
	if end := strings.IndexAny(text, ", \t"); end >= 0 {
		return text[:end], text[end:]
	}
	return text, ""
}

// ednText is what a string means.
func ednText(token string) (string, bool) {
	if len(token) < 2 || token[0] != '"' {
		return "", false
	}
	text, err := strconv.Unquote(token) // EDN's escapes are among Go's
	return text, err == nil
}
