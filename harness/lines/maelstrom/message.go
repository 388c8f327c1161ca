package maelstrom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// An envelope is one message as it stands on a line.
type envelope struct {
	Src  string          `json:"src"`
	Dest string          `json:"dest"`
	Body json.RawMessage `json:"body"`
}

// line is the message as a program is given it.
func (e *envelope) line() []byte {
	text, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("maelstrom: a body that was read cannot be written: %v", err)) // it is JSON: it was decoded, or is ours
	}
	return append(text, '\n')
}

// parse reads a line that a program wrote, strictly: what Maelstrom refuses is refused.
func parse(line []byte) (*envelope, *wrong) {
	malformed := func(kind, expected, found string) *wrong {
		return &wrong{runtime.KeepsTheForm, kind, expected, found}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, malformed("line-not-json", "one JSON object on a line, and nothing else on standard output", "what is no JSON ("+syntax.Error()+")")
		}
		return nil, malformed("line-not-an-object", "one JSON object on a line, and nothing else on standard output", "another JSON value")
	}
	if fields == nil {
		return nil, malformed("line-not-an-object", "one JSON object on a line", "null")
	}
	var e envelope
	for _, f := range []struct {
		key  string
		into *string
	}{{"src", &e.Src}, {"dest", &e.Dest}} {
		text, has := fields[f.key]
		if !has {
			return nil, malformed("no-"+f.key, "the keys src, dest and body", "none that is "+f.key)
		}
		if json.Unmarshal(text, f.into) != nil || bytes.Equal(text, []byte("null")) {
			return nil, malformed("no-"+f.key, "a string as "+f.key, lines.Cut(text))
		}
	}
	body, has := fields["body"]
	if !has {
		return nil, malformed("no-body", "the keys src, dest and body", "none that is body")
	}
	if body[0] != '{' {
		return nil, malformed("no-body", "an object as body", lines.Cut(body))
	}
	e.Body = body
	for key := range fields {
		if !slices.Contains([]string{"src", "dest", "body", "id"}, key) {
			return nil, malformed("unknown-key", "the keys src, dest and body, and perhaps id", fmt.Sprintf("the key %q", key))
		}
	}
	return &e, nil
}

// A header is what the protocol itself reads of a body.
type header struct {
	kind      string
	id, reply *uint64
}

// head reads the header of a body, and says what in it is not as the protocol has it: that matters where the harness is to understand it.
func head(body json.RawMessage) (header, *wrong) {
	var fields map[string]json.RawMessage
	var h header
	if err := json.Unmarshal(body, &fields); err != nil {
		return h, &wrong{runtime.KeepsTheForm, "no-body", "an object as body", err.Error()}
	}
	text, has := fields["type"]
	if !has || json.Unmarshal(text, &h.kind) != nil || h.kind == "" {
		return h, &wrong{Replies, "no-type", "a body with a type", orNone(text)}
	}
	for _, f := range []struct {
		key  string
		into **uint64
	}{{"msg_id", &h.id}, {"in_reply_to", &h.reply}} {
		text, has := fields[f.key]
		if !has || bytes.Equal(text, []byte("null")) {
			continue
		}
		var n uint64
		if json.Unmarshal(text, &n) != nil {
			return h, &wrong{Replies, "no-" + f.key, "an integer as " + f.key, lines.Cut(text)}
		}
		*f.into = &n
	}
	return h, nil
}

func orNone(text json.RawMessage) string {
	if len(text) == 0 {
		return "none"
	}
	return lines.Cut(text)
}

// kindOf is a name of a message between nodes, for the lines of a run: the type of its body where it has one. A message of ours has no such
// name.
func kindOf(body json.RawMessage) string {
	kind := "message"
	if h, _ := head(body); h.kind != "" {
		kind = strings.Map(func(r rune) rune {
			if r <= ' ' || r == 0x7f {
				return '-'
			}
			return r
		}, h.kind)
	}
	const longest = 48
	kind = strings.ToValidUTF8(kind[:min(len(kind), longest)], "")
	if _, err := node.AppendWire(nil, &node.Opaque{Kind: kind}); err != nil {
		kind = "maelstrom-" + kind
	}
	return kind
}

// decode reads a body as workloads do: numbers keep their digits.
func decode(text []byte) (Body, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var b Body
	if err := d.Decode(&b); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return b, nil
}

// encode writes a body. Keys are in order, so that the same body is the same text.
func encode(b Body) []byte {
	text, err := json.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("maelstrom: a body that is no JSON: %v", err)) // workloads make their bodies of JSON's values alone
	}
	return text
}

// with returns a body with one more key.
func with(b Body, key string, value any) Body {
	more := make(Body, len(b)+1)
	for k, v := range b {
		more[k] = v
	}
	more[key] = value
	return more
}
