package linearizability

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/firstgap/firstgap/linearizability/internal/data"
)

// A jsonScanner reads the values of JSON on one line, in place. It is what makes reading long histories cheap: nothing is
// copied but strings with escapes.
type jsonScanner struct {
	text []byte
	at   int
}

// A scanError says what a line lacks, and where.
type scanError struct {
	column          int // from 1, in bytes
	expected, found string
}

func (e *scanError) Error() string { return "expected " + e.expected + ", found " + e.found }

func (s *jsonScanner) fail(expected string) error {
	found := "the end of the line"
	if s.at < len(s.text) {
		found = clip(string(s.text[s.at:min(len(s.text), s.at+61)]))
	}
	return &scanError{s.at + 1, expected, found}
}

// space reads over white space and returns what comes then, 0 at the end.
func (s *jsonScanner) space() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// char reads one character that must come.
func (s *jsonScanner) char(c byte) error {
	if s.space() != c {
		return s.fail(strconv.Quote(string(c)))
	}
	s.at++
	return nil
}

// str reads a string.
func (s *jsonScanner) str() ([]byte, error) {
	if s.space() != '"' {
		return nil, s.fail("a string")
	}
	first := s.at + 1
	for i := first; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.at = i + 1
			return s.text[first:i], nil
		case c == '\\' || c < ' ':
			return s.escaped()
		}
	}
	s.at = len(s.text)
	return nil, s.fail("the end of a string")
}

// escaped reads a string with escapes.
func (s *jsonScanner) escaped() ([]byte, error) {
	i := s.at + 1
	for i < len(s.text) && s.text[i] != '"' {
		if s.text[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(s.text) {
		s.at = len(s.text)
		return nil, s.fail("the end of a string")
	}
	var text string
	if json.Unmarshal(s.text[s.at:i+1], &text) != nil {
		return nil, s.fail("a string of JSON")
	}
	s.at = i + 1
	return []byte(text), nil
}

// integer reads a whole number.
func (s *jsonScanner) integer(what string) (int64, error) {
	c := s.space()
	i := s.at
	if c == '-' {
		i++
	}
	first, n := i, uint64(0)
	for ; i < len(s.text); i++ {
		digit := s.text[i] - '0'
		if digit > 9 {
			break
		}
		n = n*10 + uint64(digit)
	}
	if i == first || i-first > 18 && (i-first > 19 || n > math.MaxInt64) || s.text[first] == '0' && i > first+1 ||
		i < len(s.text) && (s.text[i] == '.' || s.text[i]|0x20 == 'e') {
		return s.large(what)
	}
	s.at = i
	if c == '-' {
		return -int64(n), nil
	}
	return int64(n), nil
}

// large reads a whole number that is long or written as a float.
func (s *jsonScanner) large(what string) (int64, error) {
	at := s.at
	text, err := s.number()
	if err == nil {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	}
	s.at = at
	return 0, s.fail(what)
}

// number reads a number as its canonical text.
func (s *jsonScanner) number() (string, error) {
	i := s.at
	for i < len(s.text) && bytes.IndexByte([]byte("0123456789+-.eE"), s.text[i]) >= 0 {
		i++
	}
	text, ok := data.Canonical(string(s.text[s.at:i]))
	if !ok || s.text[s.at] == '+' {
		return "", s.fail("a number")
	}
	s.at = i
	return text, nil
}

// word reads null, true or false if it comes.
func (s *jsonScanner) word(word string) bool {
	if rest := s.text[s.at:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
		s.at += len(word)
		return true
	}
	return false
}

// boolean reads true or false.
func (s *jsonScanner) boolean() (bool, error) {
	switch s.space(); {
	case s.word("true"):
		return true, nil
	case s.word("false"):
		return false, nil
	}
	return false, s.fail("true or false")
}

// skip reads over a value and returns it as it stands.
func (s *jsonScanner) skip(depth int) ([]byte, error) {
	c := s.space()
	first := s.at
	switch {
	case c == '"':
		if _, err := s.str(); err != nil {
			return nil, err
		}
	case c == '{' || c == '[':
		if depth == 0 {
			return nil, s.fail("values that are less deep in each other")
		}
		if err := s.skipItems(c, depth-1); err != nil {
			return nil, err
		}
	case s.word("null") || s.word("true") || s.word("false"):
	case c == '-' || c >= '0' && c <= '9':
		if _, err := s.number(); err != nil {
			return nil, err
		}
	default:
		return nil, s.fail("a value of JSON")
	}
	return s.text[first:s.at], nil
}

func (s *jsonScanner) skipItems(open byte, depth int) error {
	end := byte(']')
	if open == '{' {
		end = '}'
	}
	s.at++
	if s.space() == end {
		s.at++
		return nil
	}
	for {
		if open == '{' {
			if _, err := s.str(); err != nil {
				return err
			}
			if err := s.char(':'); err != nil {
				return err
			}
		}
		if _, err := s.skip(depth); err != nil {
			return err
		}
		switch s.space() {
		case end:
			s.at++
			return nil
		case ',':
			s.at++
		default:
			return s.fail(fmt.Sprintf("a comma or %q", string(end)))
		}
	}
}
