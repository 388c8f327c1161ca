package node

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// exact is the highest integer up to which a double has every one.
const exact = 1<<53 - 1

func (a *appender) jsonUint(n uint64) {
	if n > exact {
		a.b = append(strconv.AppendUint(append(a.b, '"'), n, 10), '"')
		return
	}
	a.b = strconv.AppendUint(a.b, n, 10)
}

func (a *appender) jsonInt(n int64) {
	if n > exact || n < -exact {
		a.b = append(strconv.AppendInt(append(a.b, '"'), n, 10), '"')
		return
	}
	a.b = strconv.AppendInt(a.b, n, 10)
}

// jsonString appends a string that is valid UTF-8.
func (a *appender) jsonString(s string) { a.b = appendJSONString(a.b, s) }

func appendJSONString[T string | []byte](b []byte, s T) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}

// jsonBytes appends bytes: text as it is, and anything else in base64.
func jsonBytes[T string | []byte](a *appender, s T) {
	if validUTF8(s) {
		a.b = appendJSONString(a.b, s)
		return
	}
	a.b = append(a.b, `{"base64":"`...)
	a.b = base64.StdEncoding.AppendEncode(a.b, []byte(s))
	a.b = append(a.b, `"}`...)
}

func validUTF8[T string | []byte](s T) bool {
	switch s := any(s).(type) {
	case string:
		return utf8.ValidString(s)
	case []byte:
		return utf8.Valid(s)
	}
	return false
}

// quoted shows what was found, and not all of it.
func quoted(s []byte) string {
	const most = 40
	if len(s) > most {
		return strconv.Quote(string(s[:most])) + "…"
	}
	return strconv.Quote(string(s))
}

// A jsonReader reads a frame of JSON (RFC 8259). After an error it returns zeros.
type jsonReader struct {
	wireBudget
	b       []byte
	version int // of the frame
	at      int
	err     *WireError
	// takesDamage has records be read whose checksum does not fit.
	takesDamage bool
}

func (j *jsonReader) fail(rule WireRule, expected, found string) {
	j.failAt(j.at, rule, expected, found)
}

func (j *jsonReader) failAt(at int, rule WireRule, expected, found string) {
	if j.err == nil {
		j.err = &WireError{Rule: rule, Expected: expected, Found: found, Offset: at}
	}
}

func (j *jsonReader) charge(n int64) bool {
	if j.left -= n; j.left < 0 {
		j.fail(WireTooLarge, fmt.Sprintf("at most %d bytes of memory for each byte of the frame", wireGrowth), "more")
	}
	return j.err == nil
}

// expected fails with what stands here.
func (j *jsonReader) expected(what string) {
	if j.at >= len(j.b) {
		j.fail(WireMalformed, what, "the end of the frame")
		return
	}
	_, size := utf8.DecodeRune(j.b[j.at:])
	j.fail(WireMalformed, what, quoted(j.b[j.at:j.at+size]))
}

// peek skips spaces and returns the byte behind them, or 0 at the end.
func (j *jsonReader) peek() byte {
	for ; j.at < len(j.b); j.at++ {
		switch c := j.b[j.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take takes one byte, if it is that one.
func (j *jsonReader) take(c byte) bool {
	if j.err == nil && j.peek() == c && j.at < len(j.b) {
		j.at++
		return true
	}
	return false
}

// open begins an object or a list.
func (j *jsonReader) open(c byte, what string) bool {
	if !j.take(c) {
		j.expected(what)
	}
	return j.err == nil
}

// more tells whether element n follows, and takes the comma before it, or the end.
func (j *jsonReader) more(n int, end byte) bool {
	switch {
	case j.take(end), j.err != nil:
		return false
	case n > 0 && !j.take(','):
		j.expected(fmt.Sprintf("a comma or %q", string(end)))
		return false
	}
	j.peek()
	return true
}

// key reads a key and its colon.
func (j *jsonReader) key() []byte {
	if j.err == nil && j.peek() != '"' {
		j.expected("a key")
	}
	key := j.string()
	if !j.take(':') {
		j.expected("a colon")
	}
	j.peek()
	return key
}

// word takes a word that is spelt out.
func (j *jsonReader) word(w string) bool {
	if j.err == nil && j.peek() == w[0] && bytes.HasPrefix(j.b[j.at:], []byte(w)) {
		j.at += len(w)
		return true
	}
	return false
}

func (j *jsonReader) null() bool { return j.word("null") }

func (j *jsonReader) bool() bool {
	if j.word("true") {
		return true
	}
	if !j.word("false") {
		j.expected("true or false")
	}
	return false
}

// string reads a string. What it returns may be a part of the frame: who keeps it copies it.
func (j *jsonReader) string() []byte {
	begin := j.at
	if !j.take('"') {
		j.expected("a string")
		return nil
	}
	from := j.at
	for j.at < len(j.b) {
		switch c := j.b[j.at]; {
		case c == '"':
			s := j.b[from:j.at]
			j.at++
			return j.text(begin, s)
		case c == '\\':
			return j.escaped(begin, append([]byte(nil), j.b[from:j.at]...))
		case c < ' ':
			j.expected("a string without control characters")
			return nil
		default:
			j.at++
		}
	}
	j.expected("the end of a string")
	return nil
}

func (j *jsonReader) text(begin int, s []byte) []byte {
	if !utf8.Valid(s) {
		j.failAt(begin, WireMalformed, "a string in UTF-8", quoted(s))
		return nil
	}
	return s
}

// escaped reads the rest of a string from its first escape on.
func (j *jsonReader) escaped(begin int, s []byte) []byte {
	for j.at < len(j.b) {
		c := j.b[j.at]
		switch {
		case c == '"':
			j.at++
			return j.text(begin, s)
		case c < ' ':
			j.expected("a string without control characters")
			return nil
		case c != '\\':
			s = append(s, c)
			j.at++
			continue
		}
		at := j.at
		j.at++
		if j.at == len(j.b) {
			break
		}
		c = j.b[j.at]
		j.at++
		switch c {
		case '"', '\\', '/':
			s = append(s, c)
		case 'b':
			s = append(s, '\b')
		case 'f':
			s = append(s, '\f')
		case 'n':
			s = append(s, '\n')
		case 'r':
			s = append(s, '\r')
		case 't':
			s = append(s, '\t')
		case 'u':
			r := j.hex()
			if utf16.IsSurrogate(r) {
				r2 := rune(-1)
				if bytes.HasPrefix(j.b[j.at:], []byte(`\u`)) {
					j.at += 2
					r2 = j.hex()
				}
				if r = utf16.DecodeRune(r, r2); r == utf8.RuneError {
					j.failAt(at, WireMalformed, "a pair of surrogates", "half of one")
				}
			}
			s = utf8.AppendRune(s, r)
		default:
			j.failAt(at, WireMalformed, "an escape of JSON", quoted(j.b[at:j.at]))
		}
		if j.err != nil {
			return nil
		}
	}
	j.expected("the end of a string")
	return nil
}

// hex reads four digits.
func (j *jsonReader) hex() rune {
	if j.at+4 > len(j.b) {
		j.expected("four hexadecimal digits")
		return 0
	}
	n, err := strconv.ParseUint(string(j.b[j.at:j.at+4]), 16, 16)
	if err != nil {
		j.expected("four hexadecimal digits")
		return 0
	}
	j.at += 4
	return rune(n)
}

// bytes reads text, or what is in base64.
func (j *jsonReader) bytes() []byte {
	if j.peek() != '{' {
		if j.peek() != '"' {
			j.expected(`a string or {"base64":"…"}`)
			return nil
		}
		return j.string()
	}
	j.take('{')
	at := j.at
	if key := j.key(); j.err == nil && string(key) != "base64" {
		j.failAt(at, WireKey, `"base64"`, quoted(key))
	}
	at = j.at
	s := j.string()
	if !j.take('}') {
		j.expected("the end of the object")
	}
	if j.err != nil {
		return nil
	}
	// A line break within would decode, too, and a last digit with bits that are lost.
	b, err := base64.StdEncoding.Strict().DecodeString(string(s))
	if err != nil || bytes.ContainsAny(s, "\r\n") {
		j.failAt(at, WireMalformed, "base64 with padding", quoted(s))
		return nil
	}
	return b
}

// digits reads an integer, as a number or as a string.
func (j *jsonReader) digits() (string, int) {
	j.peek()
	at := j.at
	quote := j.take('"')
	from := j.at
	if j.at < len(j.b) && j.b[j.at] == '-' {
		j.at++
	}
	first := j.at
	for j.at < len(j.b) && j.b[j.at] >= '0' && j.b[j.at] <= '9' {
		j.at++
	}
	s := j.b[from:j.at]
	switch {
	case j.err != nil:
	case j.at == first:
		j.expected("an integer")
	case j.b[first] == '0' && len(s) > 1:
		j.failAt(at, WireMalformed, "an integer without zeros before it", quoted(s))
	case j.at < len(j.b) && bytes.IndexByte([]byte(".eE+-"), j.b[j.at]) >= 0:
		j.expected("an integer without fraction and exponent")
	case quote && (j.at == len(j.b) || j.b[j.at] != '"'):
		j.expected("the end of an integer in quotes")
	case quote:
		j.at++
	}
	if j.err != nil {
		return "0", at
	}
	return string(s), at
}

func (j *jsonReader) uint() uint64 {
	s, at := j.digits()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		j.failAt(at, WireMalformed, fmt.Sprintf("an integer of 0 to %d", uint64(math.MaxUint64)), quoted([]byte(s)))
	}
	return n
}

func (j *jsonReader) int() int64 {
	s, at := j.digits()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		j.failAt(at, WireMalformed, fmt.Sprintf("an integer of %d to %d", int64(math.MinInt64), int64(math.MaxInt64)), quoted([]byte(s)))
	}
	return n
}

// deepest is how many objects and lists stand within each other in a frame at most.
const deepest = 32

// pass passes over a string of any content.
func (j *jsonReader) pass() {
	for j.at++; j.at < len(j.b); j.at++ {
		switch j.b[j.at] {
		case '"':
			j.at++
			return
		case '\\':
			j.at++
		}
	}
	j.at = min(j.at, len(j.b))
}

// skip passes over a value, of which it looks at the brackets alone: who reads it then can say where in it something is
// wrong.
func (j *jsonReader) skip() {
	depth := 0
	for j.err == nil {
		switch c := j.peek(); c {
		case '{', '[':
			if depth++; depth > deepest {
				j.fail(WireMalformed, fmt.Sprintf("at most %d levels", deepest), "more")
				return
			}
			j.at++
		case '"':
			j.pass()
		case '}', ']':
			if depth--; depth < 0 {
				return
			}
			j.at++
		case ',', ':':
			if depth == 0 {
				return
			}
			j.at++
		default:
			if j.at == len(j.b) {
				return
			}
			j.at++
		}
		if next := j.peek(); depth == 0 && (next == ',' || next == '}' || j.at == len(j.b)) {
			return
		}
	}
}

// frame reads all of a frame. The version may stand behind what it is the version of: some languages sort their keys.
func (j *jsonReader) frame(k *wireKind, v reflect.Value) {
	if len(j.b) > WireLimit {
		j.fail(WireTooLarge, fmt.Sprintf("at most %d bytes", WireLimit), fmt.Sprintf("%d bytes", len(j.b)))
		return
	}
	if !j.open('{', "an object") {
		return
	}
	const version = "version"
	body, end, keyAt, versioned := -1, -1, -1, false
	var name []byte
	for n := 0; j.more(n, '}'); n++ {
		at := j.at
		key := j.key()
		switch {
		case j.err != nil:
			return
		case string(key) == version && !versioned:
			versioned = true
			at = j.at
			found := j.uint()
			if j.err == nil && (found < WireOldest || found > WireVersion) {
				j.failAt(at, WireVersioned, versions, fmt.Sprintf("version %d", found))
			}
			j.version = int(found)
			if j.err != nil {
				j.err.within(version)
				return
			}
		case string(key) == version || body >= 0:
			j.failAt(at, WireKey, "the version and one key beside it", quoted(key))
			return
		default:
			name, keyAt, body = bytes.Clone(key), at, j.at
			j.skip()
			j.peek()
			end = j.at
		}
	}
	switch {
	case j.err != nil:
		return
	case !versioned:
		j.fail(WireVersioned, fmt.Sprintf(`"version":%d`, WireVersion), "none")
		return
	case body < 0:
		j.fail(WireUnknown, k.name, "nothing")
		return
	case string(name) != k.name:
		j.failAt(keyAt, WireUnknown, k.name, quoted(name))
		return
	}
	if j.peek(); j.at < len(j.b) {
		j.fail(WireTrailing, "the end of the frame", fmt.Sprintf("%d bytes more", len(j.b)-j.at))
		return
	}
	j.at = body
	v.SetZero() // a field that is not said is zero, also where it had a value
	if k.codec.decodeJSON(j, v); j.err == nil && v.Kind() == reflect.Interface && v.IsNil() {
		j.failAt(body, WireUnknown, "a "+k.name, "none")
	}
	if j.err != nil {
		j.err.within(k.name)
		return
	}
	if j.peek(); j.at != end { // what was passed over has to be what was read
		j.expected("the end of what the frame carries")
	}
}
