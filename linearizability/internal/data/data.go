// Package data reads values that programs of others wrote down, as EDN or as JSON, one form after the other, and says by
// line and column what it cannot read. It reads everything that Clojure's prn writes: tags, metadata, discards, ratios,
// symbolic numbers and namespaced maps too, which the EDN readers for Go that are at hand refuse.
package data

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A Kind says what a value is.
type Kind uint8

// The kinds.
const (
	Nil Kind = iota + 1
	Bool
	Number
	String
	Char
	Keyword // Text is without its colon
	Symbol
	Sequence // a vector, a list or a JSON array
	Map      // Items are its keys and values in turn
	Set
)

var kindNames = [...]string{Nil: "nil", Bool: "a boolean", Number: "a number", String: "a string", Char: "a character",
	Keyword: "a keyword", Symbol: "a symbol", Sequence: "a sequence", Map: "a map", Set: "a set"}

func (k Kind) String() string {
	if int(k) >= len(kindNames) || kindNames[k] == "" {
		return "nothing"
	}
	return kindNames[k]
}

// A Value is what one form says. Tags and metadata are read over: the value is what they are about. The zero Value is
// what a map has for a key that it lacks.
type Value struct {
	Kind         Kind
	Text         string // of an atom, its canonical text: 1, 1.0 and 1N are "1"
	Items        []Value
	Line, Column int // where it begins, both from 1
}

// Get is the value of a map's key, written as a keyword or as a string; the zero Value if it has none.
func (v Value) Get(key string) Value {
	if v.Kind == Map {
		for i := 0; i < len(v.Items); i += 2 {
			if k := &v.Items[i]; k.Text == key && (k.Kind == Keyword || k.Kind == String) {
				return v.Items[i+1]
			}
		}
	}
	return Value{}
}

// Is tells whether the value is a keyword or a string of that text.
func (v Value) Is(text string) bool {
	return v.Text == text && (v.Kind == Keyword || v.Kind == String)
}

// Absent tells whether the value is nil or was not there.
func (v Value) Absent() bool { return v.Kind == Nil || v.Kind == 0 }

// String is the value as one text, the same for equal values but for the order of maps and sets. A string is itself.
func (v Value) String() string {
	if v.Kind == String {
		return v.Text
	}
	var b strings.Builder
	v.write(&b)
	return b.String()
}

func (v Value) write(b *strings.Builder) {
	switch v.Kind {
	case Nil, 0:
		b.WriteString("nil")
	case String:
		b.WriteString(strconv.Quote(v.Text))
	case Char:
		b.WriteString(`\` + v.Text)
	case Keyword:
		b.WriteString(":" + v.Text)
	case Sequence:
		v.writeItems(b, "[", "]")
	case Map:
		v.writeItems(b, "{", "}")
	case Set:
		v.writeItems(b, "#{", "}")
	default:
		b.WriteString(v.Text)
	}
}

func (v Value) writeItems(b *strings.Builder, open, end string) {
	b.WriteString(open)
	for i, item := range v.Items {
		if i > 0 {
			b.WriteByte(' ')
		}
		item.write(b)
	}
	b.WriteString(end)
}

// An Error says what cannot be read, and where.
type Error struct {
	Line, Column    int // from 1; the column counts bytes
	Expected, Found string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%d:%d: expected %s, found %s", e.Line, e.Column, e.Expected, e.Found)
}

// ErrCut says that the input ends inside of a form or of the sequence around it.
var ErrCut = errors.New("the input ends inside of a form")

// maxDepth bounds how deep forms may be in each other.
const maxDepth = 500

// maxInterned bounds how many names are kept to be shared.
const maxInterned = 4096

// A Reader reads forms.
type Reader struct {
	src      io.Reader
	json     bool
	buf      []byte
	at, end  int // what of buf is still to be read
	line     int
	start    int    // where in buf the line began; negative when that was before buf
	begun    [2]int // where the form under way begins, by line and column
	depth    int
	entered  byte // the closing bracket of the sequence entered
	left     bool // it was closed
	err      error
	scratch  []byte
	stack    []Value // elements of the forms under way
	interned map[string]string
}

// NewEDN reads forms of EDN.
func NewEDN(src io.Reader) *Reader { return newReader(src, false) }

// NewJSON reads values of JSON, between which there may be white space and, in a sequence, must be commas.
func NewJSON(src io.Reader) *Reader { return newReader(src, true) }

// A nil source is for those who give texts.
func newReader(src io.Reader, json bool) *Reader {
	r := &Reader{src: src, json: json, line: 1, interned: make(map[string]string)}
	if src == nil {
		r.err = io.EOF
	} else {
		r.buf = make([]byte, 64<<10)
	}
	return r
}

// Begun is where the last form that Next began to read begins.
func (r *Reader) Begun() (line, column int) { return r.begun[0], r.begun[1] }

// Text begins anew with a text that is all of the input and begins in that line and column.
func (r *Reader) Text(text []byte, line, column int) {
	r.buf, r.at, r.end, r.err = text, 0, len(text), io.EOF
	r.line, r.start = line, 1-column
	r.depth, r.entered, r.left = 0, 0, false
}

// Position is where the reader is, by line and column from 1.
func (r *Reader) Position() (line, column int) { return r.line, r.at - r.start + 1 }

// peek is the next byte; ok is false at the end of the input.
func (r *Reader) peek() (c byte, ok bool) {
	if r.at < r.end {
		return r.buf[r.at], true
	}
	for r.err == nil {
		r.start -= r.end
		r.at, r.end = 0, 0
		r.end, r.err = r.src.Read(r.buf)
		if r.end > 0 {
			return r.buf[0], true
		}
	}
	return 0, false
}

func (r *Reader) skip() {
	if r.buf[r.at] == '\n' {
		r.line++
		r.start = r.at + 1
	}
	r.at++
}

// ended is the error of an input that ended where more was expected.
func (r *Reader) ended() error {
	if r.err != io.EOF {
		return r.err
	}
	return ErrCut
}

func (r *Reader) fail(expected string) error {
	line, column := r.Position()
	return &Error{line, column, expected, r.found()}
}

// found quotes what comes next.
func (r *Reader) found() string {
	if _, ok := r.peek(); !ok {
		return "the end"
	}
	text := r.buf[r.at:min(r.end, r.at+24)]
	for i, c := range text {
		if c < ' ' || i > 0 && (c == ' ' || c == ',') {
			text = text[:max(i, 1)]
			break
		}
	}
	return strconv.Quote(string(text))
}

// Enter enters the sequence that the input is: from then on Next reads its elements. It is false when the input begins
// with something else.
func (r *Reader) Enter() (bool, error) {
	if err := r.space(); err != nil {
		return false, err
	}
	switch c, ok := r.peek(); {
	case ok && c == '[':
		r.entered = ']'
	case ok && c == '(' && !r.json:
		r.entered = ')'
	default:
		return false, nil
	}
	r.skip()
	return true, nil
}

// Next reads the next form. The error is io.EOF when there is no further one, ErrCut when the input ends before the form
// does, an *Error, or the source's own.
func (r *Reader) Next() (Value, error) {
	for {
		if err := r.space(); err != nil {
			return Value{}, err
		}
		c, ok := r.peek()
		switch {
		case !ok && r.err != io.EOF:
			return Value{}, r.err
		case !ok && r.entered != 0 && !r.left:
			return Value{}, ErrCut
		case !ok:
			return Value{}, io.EOF
		case r.left:
			return Value{}, r.fail("the end, as the sequence is closed")
		case r.entered != 0 && c == r.entered:
			r.skip()
			r.left = true
			continue
		}
		r.begun[0], r.begun[1] = r.Position()
		v, err := r.form()
		if err != nil || v.Kind != 0 {
			if err == nil && r.json && r.entered != 0 {
				err = r.separator(']')
			}
			return v, err
		}
	}
}

// separator reads the comma of JSON behind an element, unless the sequence ends.
func (r *Reader) separator(end byte) error {
	if err := r.space(); err != nil {
		return err
	}
	c, ok := r.peek()
	switch {
	case !ok && r.err == io.EOF && r.depth == 0:
		return nil // the next read finds out that the input was cut off
	case !ok:
		return r.ended()
	case c == end:
		return nil
	case c != ',':
		return r.fail(fmt.Sprintf("a comma or %q", string(end)))
	}
	r.skip()
	if err := r.space(); err != nil {
		return err
	}
	if c, ok := r.peek(); ok && c == end {
		return r.fail("a value behind the comma")
	}
	return nil
}

// space reads over white space, and in EDN over commas, comments and discarded forms.
func (r *Reader) space() error {
	for {
		c, ok := r.peek()
		if !ok {
			return nil
		}
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || !r.json && (c == ',' || c == '\f'):
			r.skip()
		case c == ';' && !r.json:
			for ok && c != '\n' {
				r.skip()
				c, ok = r.peek()
			}
		default:
			return nil
		}
	}
}

// form reads one form; a Value without a kind was discarded.
func (r *Reader) form() (Value, error) {
	c, ok := r.peek()
	if !ok {
		return Value{}, r.ended()
	}
	if r.depth == maxDepth {
		return Value{}, r.fail(fmt.Sprintf("forms at most %d deep", maxDepth))
	}
	r.depth++
	defer func() { r.depth-- }()
	v := Value{}
	v.Line, v.Column = r.Position()
	var err error
	switch {
	case c == '{':
		v.Kind = Map
		v.Items, err = r.items('}')
		if err == nil {
			err = r.pairs(v)
		}
	case c == '[':
		v.Kind = Sequence
		v.Items, err = r.items(']')
	case c == '"':
		v.Kind = String
		v.Text, err = r.text()
	case r.json:
		err = r.jsonAtom(&v)
	case c == '(':
		v.Kind = Sequence
		v.Items, err = r.items(')')
	case c == '#':
		return r.dispatch()
	case c == '^':
		r.skip()
		if _, err = r.must(); err == nil {
			return r.must()
		}
	case c == '\\':
		err = r.char(&v)
	case c == ':':
		r.skip()
		v.Kind = Keyword
		if v.Text, err = r.token("the name of a keyword"); err == nil {
			v.Text = r.intern(v.Text)
		}
	default:
		err = r.atom(&v)
	}
	return v, err
}

// must reads a form that is not discarded, over discarded ones.
func (r *Reader) must() (Value, error) {
	for {
		if err := r.space(); err != nil {
			return Value{}, err
		}
		v, err := r.form()
		if err != nil || v.Kind != 0 {
			return v, err
		}
	}
}

// items reads what is in brackets.
func (r *Reader) items(end byte) ([]Value, error) {
	r.skip()
	first := len(r.stack)
	defer func() { r.stack = r.stack[:first] }()
	if r.json {
		if err := r.space(); err != nil {
			return nil, err
		}
	}
	for {
		if err := r.space(); err != nil {
			return nil, err
		}
		c, ok := r.peek()
		if !ok {
			return nil, r.ended()
		}
		if c == end {
			r.skip()
			if len(r.stack) == first {
				return nil, nil
			}
			return slices.Clone(r.stack[first:]), nil
		}
		if strings.IndexByte(")]}", c) >= 0 {
			return nil, r.fail(fmt.Sprintf("%q", string(end)))
		}
		v, err := r.form()
		if err != nil {
			return nil, err
		}
		if v.Kind == 0 {
			continue
		}
		r.stack = append(r.stack, v)
		if !r.json {
			continue
		}
		if end == '}' && (len(r.stack)-first)%2 == 1 {
			if err := r.colon(v); err != nil {
				return nil, err
			}
		} else if err := r.separator(end); err != nil {
			return nil, err
		}
	}
}

// colon reads what is between a key of JSON and its value.
func (r *Reader) colon(key Value) error {
	if key.Kind != String {
		return &Error{key.Line, key.Column, "a key in quotes", key.Kind.String()}
	}
	if err := r.space(); err != nil {
		return err
	}
	c, ok := r.peek()
	if !ok {
		return r.ended()
	}
	if c != ':' {
		return r.fail("a colon")
	}
	r.skip()
	if err := r.space(); err != nil {
		return err
	}
	if c, ok := r.peek(); ok && (c == '}' || c == ']') {
		return r.fail("a value")
	}
	return nil
}

// pairs refuses a map with a key that lacks its value, or that is there twice.
func (r *Reader) pairs(m Value) error {
	if len(m.Items)%2 == 1 {
		last := m.Items[len(m.Items)-1]
		return &Error{last.Line, last.Column, "a value for each key of the map", "a key without one"}
	}
	for i := 0; i < len(m.Items) && len(m.Items) < 64; i += 2 {
		a := &m.Items[i]
		for j := 0; j < i && a.Items == nil; j += 2 {
			if b := &m.Items[j]; a.Kind == b.Kind && a.Text == b.Text && b.Items == nil {
				return &Error{a.Line, a.Column, "each key of a map once", a.String() + " twice"}
			}
		}
	}
	return nil
}

// dispatch reads what begins with a number sign.
func (r *Reader) dispatch() (Value, error) {
	v := Value{}
	v.Line, v.Column = r.Position()
	r.skip()
	c, ok := r.peek()
	if !ok {
		return v, r.ended()
	}
	var err error
	switch {
	case c == '{':
		v.Kind = Set
		v.Items, err = r.items('}')
	case c == '_':
		r.skip()
		_, err = r.must()
	case c == '#':
		r.skip()
		v.Kind = Number
		if v.Text, err = r.token("Inf, -Inf or NaN"); err == nil && v.Text != "Inf" && v.Text != "-Inf" && v.Text != "NaN" {
			err = &Error{v.Line, v.Column, "Inf, -Inf or NaN", v.Text}
		}
	case c == '"':
		v.Kind = String
		v.Text, err = r.text()
	case c == '\'':
		r.skip()
		v.Kind = Symbol
		v.Text, err = r.token("the name of a variable")
	default:
		// A tag, or the namespace of a map's keys.
		if _, err = r.token("a tag"); err == nil {
			return r.must()
		}
	}
	return v, err
}

// token reads up to what ends an atom.
func (r *Reader) token(expected string) (string, error) {
	r.scratch = r.scratch[:0]
	for {
		c, ok := r.peek()
		if !ok && r.err != io.EOF {
			return "", r.err
		}
		if !ok || c <= ' ' || strings.IndexByte(`,"()[]{};`, c) >= 0 {
			break
		}
		r.scratch = append(r.scratch, c)
		r.at++
	}
	if len(r.scratch) == 0 {
		if _, ok := r.peek(); !ok {
			return "", ErrCut
		}
		return "", r.fail(expected)
	}
	if name, ok := r.interned[string(r.scratch)]; ok {
		return name, nil
	}
	return string(r.scratch), nil
}

func (r *Reader) intern(text string) string {
	if shared, ok := r.interned[text]; ok {
		return shared
	}
	if len(r.interned) < maxInterned && len(text) < 64 {
		r.interned[text] = text
	}
	return text
}

// atom reads nil, a boolean, a number or a symbol of EDN.
func (r *Reader) atom(v *Value) error {
	text, err := r.token("a form")
	if err != nil {
		return err
	}
	v.Text = text
	switch {
	case text == "nil":
		v.Kind, v.Text = Nil, ""
	case text == "true" || text == "false":
		v.Kind = Bool
	case text[0] >= '0' && text[0] <= '9' || len(text) > 1 && (text[0] == '-' || text[0] == '+') && text[1] >= '0' && text[1] <= '9':
		v.Kind = Number
		number, ok := Canonical(text)
		if !ok {
			return &Error{v.Line, v.Column, "a number", strconv.Quote(text)}
		}
		v.Text = number
	case strings.IndexByte("'`~@%", text[0]) >= 0:
		return &Error{v.Line, v.Column, "a form", strconv.Quote(text)}
	default:
		v.Kind = Symbol
	}
	return nil
}

// Canonical is the one text of a number: an integer of any size without a sign that changes nothing, and without its
// suffix N; a float that is whole as that integer; a ratio as it stands. It is false for what is no number.
func Canonical(text string) (string, bool) {
	number := strings.TrimPrefix(text, "+")
	digits := strings.TrimPrefix(number, "-")
	whole := strings.TrimSuffix(digits, "N")
	switch {
	case decimal(whole):
		if len(whole) > 1 && whole[0] == '0' {
			return "", false
		}
		if whole == "0" || whole == number {
			return whole, true
		}
		return strings.TrimSuffix(number, "N"), true
	case strings.Contains(digits, "/"):
		above, below, _ := strings.Cut(digits, "/")
		return number, decimal(above) && decimal(below)
	case strings.HasPrefix(digits, "0x"):
		n, err := strconv.ParseInt(number, 0, 64)
		return strconv.FormatInt(n, 10), err == nil
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(number, "M"), 64)
	if err != nil || strings.ContainsAny(digits, "xX_pPiI") {
		return "", false
	}
	if f == float64(int64(f)) && f < 1<<53 && f > -1<<53 {
		return strconv.FormatInt(int64(f), 10), true
	}
	return strconv.FormatFloat(f, 'g', -1, 64), true
}

func decimal(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// jsonAtom reads null, a boolean or a number of JSON.
func (r *Reader) jsonAtom(v *Value) error {
	r.scratch = r.scratch[:0]
	c, ok := r.peek()
	for ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E') {
		r.scratch = append(r.scratch, c)
		r.at++
		c, ok = r.peek()
	}
	text := string(r.scratch)
	switch {
	case text == "" && !ok:
		return r.ended()
	case text == "":
		return r.fail("a value of JSON")
	case !ok && r.depth > 1:
		return r.ended() // a number that was cut off is no smaller number
	case text == "null":
		v.Kind = Nil
		return nil
	case text == "true" || text == "false":
		v.Kind, v.Text = Bool, text
		return nil
	}
	number, good := Canonical(text)
	if !good || text[0] == '+' || strings.ContainsAny(text, "NM/x") {
		return &Error{v.Line, v.Column, "a value of JSON", strconv.Quote(text)}
	}
	v.Kind, v.Text = Number, number
	return nil
}

var charNames = map[string]string{"newline": "\n", "space": " ", "tab": "\t", "return": "\r", "formfeed": "\f", "backspace": "\b"}

func (r *Reader) char(v *Value) error {
	r.skip()
	v.Kind = Char
	first, ok := r.peek()
	if !ok {
		return r.ended()
	}
	r.skip()
	rest := ""
	if c, ok := r.peek(); ok && c > ' ' && strings.IndexByte(`,"()[]{};\`, c) < 0 {
		var err error
		if rest, err = r.token("a character"); err != nil {
			return err
		}
	}
	v.Text = string(first) + rest
	if first >= 0x80 {
		v.Text = string([]byte{first}) + rest
	}
	if named, ok := charNames[v.Text]; ok {
		v.Text = named
	} else if len(v.Text) == 5 && first == 'u' {
		n, err := strconv.ParseUint(rest, 16, 16)
		if err != nil {
			return &Error{v.Line, v.Column, "a character", strconv.Quote(`\` + v.Text)}
		}
		v.Text = string(rune(n))
	}
	return nil
}

// text reads a string.
func (r *Reader) text() (string, error) {
	r.skip()
	r.scratch = r.scratch[:0]
	for {
		c, ok := r.peek()
		if !ok {
			return "", r.ended()
		}
		switch {
		case c == '"':
			r.at++
			if shared, ok := r.interned[string(r.scratch)]; ok {
				return shared, nil
			}
			if r.json && len(r.scratch) < 16 {
				return r.intern(string(r.scratch)), nil
			}
			return string(r.scratch), nil
		case c == '\\':
			r.at++
			if err := r.escape(); err != nil {
				return "", err
			}
		case c < ' ' && r.json:
			return "", r.fail("a control character escaped")
		default:
			r.skip()
			r.scratch = append(r.scratch, c)
		}
	}
}

var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', '"': '"', '\\': '\\', '/': '/'}

func (r *Reader) escape() error {
	c, ok := r.peek()
	if !ok {
		return r.ended()
	}
	if c != 'u' {
		plain, known := escapes[c]
		if !known {
			return r.fail("an escape such as \\n")
		}
		r.at++
		r.scratch = append(r.scratch, plain)
		return nil
	}
	code, err := r.hex()
	if err != nil {
		return err
	}
	if code >= 0xd800 && code < 0xdc00 { // the first half of a pair
		if c, ok := r.peek(); ok && c == '\\' {
			r.at++
			second, err := r.hex()
			if err != nil {
				return err
			}
			if second < 0xdc00 || second > 0xdfff {
				return r.fail("the second half of a surrogate pair")
			}
			code = (code-0xd800)<<10 + second - 0xdc00 + 0x10000
		}
	}
	r.scratch = append(r.scratch, string(code)...)
	return nil
}

// hex reads u and four digits.
func (r *Reader) hex() (rune, error) {
	var code rune
	for i := range 5 {
		c, ok := r.peek()
		if !ok {
			return 0, r.ended()
		}
		digit := strings.IndexByte("0123456789abcdefABCDEF", c)
		if digit >= 16 {
			digit -= 6
		}
		if i == 0 && c != 'u' || i > 0 && digit < 0 {
			return 0, r.fail("u and four hexadecimal digits")
		}
		if i > 0 {
			code = code<<4 | rune(digit)
		}
		r.at++
	}
	return code, nil
}
