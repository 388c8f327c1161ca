package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Limits bound what is read from outside.
type Limits struct {
	LineBytes int // longest line; 0 for 1 MiB
	Lines     int // most lines; 0 for 4 Mi
}

func (l Limits) orDefaults() Limits {
	if l.LineBytes == 0 {
		l.LineBytes = 1 << 20
	}
	if l.Lines == 0 {
		l.Lines = 1 << 22
	}
	return l
}

// A LineError says which line of a trace cannot be read, and why.
type LineError struct {
	Line     int // from 1
	Expected string
	Found    string
}

func (e *LineError) Error() string {
	return fmt.Sprintf("trace: line %d: expected %s, found %s", e.Line, e.Expected, e.Found)
}

// An EventError is what parses an event returns for one that is not of its format. Lines puts the line to it.
type EventError struct {
	Expected, Found string
}

func (e *EventError) Error() string { return fmt.Sprintf("expected %s, found %s", e.Expected, e.Found) }

// Lines reads a trace: one JSON object a line. It yields each line that is not empty with its number, and ends with a *LineError
// for one that is no object, that is cut off, or that is longer than the limit, and for more lines than the limit.
func Lines(r io.Reader, l Limits) iter.Seq2[Line, error] {
	l = l.orDefaults()
	return func(yield func(Line, error) bool) {
		in := bufio.NewReader(r)
		for number := 1; ; number++ {
			text, err := readLine(in, l.LineBytes)
			ended := errors.Is(err, io.EOF)
			switch {
			case errors.Is(err, errTooLong):
				yield(Line{}, &LineError{number, fmt.Sprintf("at most %d bytes", l.LineBytes), "more"})
				return
			case err != nil && !ended:
				yield(Line{}, fmt.Errorf("trace: line %d: %w", number, err))
				return
			}
			if text = bytes.TrimSpace(text); len(text) > 0 {
				if number > l.Lines {
					yield(Line{}, &LineError{number, fmt.Sprintf("at most %d lines", l.Lines), "more"})
					return
				}
				if problem := notAnObject(text); problem != "" {
					if ended {
						problem += ", in a last line that no line break ends: it is cut off"
					}
					yield(Line{}, &LineError{number, "a JSON object", problem})
					return
				}
				if !yield(Line{number, text}, nil) {
					return
				}
			}
			if ended {
				return
			}
		}
	}
}

var errTooLong = errors.New("too long")

// readLine returns the next line in memory of its own.
func readLine(in *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > most+1 {
			return nil, errTooLong
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// notAnObject says what is wrong with the text of an object, nothing when all is well.
func notAnObject(text []byte) string {
	if text[0] != '{' {
		return "a line that begins with " + fmt.Sprintf("%q", text[:min(len(text), 12)])
	}
	if json.Valid(text) {
		return ""
	}
	var any json.RawMessage
	if err := json.Unmarshal(text, &any); err != nil {
		return err.Error()
	}
	return "no JSON"
}

// A Line is one line of a trace.
type Line struct {
	Number int
	Text   []byte
}

// Parse makes events of lines. A line that is none of the trace's, for which parse says false, is counted and left out. An error of
// parse ends the events with a *LineError that has its line.
func Parse[E any](lines iter.Seq2[Line, error], parse func(text []byte) (event E, ofTrace bool, err error)) ([]Numbered[E], int, error) {
	var events []Numbered[E]
	skipped := 0
	for line, err := range lines {
		if err != nil {
			return nil, 0, err
		}
		e, ok, err := parse(line.Text)
		if err != nil {
			var wrong *EventError
			if errors.As(err, &wrong) {
				err = &LineError{line.Number, wrong.Expected, wrong.Found}
			}
			return nil, 0, err
		}
		if !ok {
			skipped++
			continue
		}
		events = append(events, Numbered[E]{line.Number, e})
	}
	return events, skipped, nil
}

// A Numbered is an event and the number of its line.
type Numbered[E any] struct {
	Line  int
	Event E
}
