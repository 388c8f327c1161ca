package lines

import (
	"fmt"
	"strconv"
	"strings"
)

// A Problem is what went wrong with a program.
type Problem string

// The problems.
const (
	// NotStarted is no fault of the program's lines: it is not there, or the machine refuses to start it.
	NotStarted Problem = "cannot be started"
	Ended      Problem = "ended"               // it ended, or closed its standard output, where a line was expected
	Late       Problem = "late"                // no line came in time
	TooLong    Problem = "line too long"       // a line has more bytes than it may
	TooMany    Problem = "too many lines"      // it answered one line by more lines than it may
	Deaf       Problem = "does not read"       // it did not take a line from its standard input in time
	Unreadable Problem = "cannot be talked to" // the machine failed to read from it, to write to it or to wait for it
)

// Ours tells whether the problem is the machine's, so that it says nothing of what the program does.
func (p Problem) Ours() bool { return p == NotStarted || p == Unreadable }

// An Error says what a program did in the place of what was expected.
type Error struct {
	Problem  Problem
	Expected string
	Found    string
	Line     string // the line in question, or as much of it as Cut leaves
	Stderr   string // what it wrote last to its standard error
	Status   string // how it ended, as in "exit status 1"; "" where it had not
	Err      error  // of the machine; nil where the program is to blame
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: expected %s, found %s", e.Problem, e.Expected, e.Found)
	if e.Line != "" {
		fmt.Fprintf(&b, ": %s", strconv.Quote(e.Line))
	}
	if last := e.LastWords(); last != "" {
		fmt.Fprintf(&b, "; it said last: %s", last)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// LastWords is the last line that is not empty of what the program wrote to its standard error.
func (e *Error) LastWords() string {
	text := strings.TrimRight(e.Stderr, "\r\n \t")
	return Cut([]byte(strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])))
}

// sane is how many bytes of a line an error shows at most.
const sane = 300

// Cut returns a line as errors show it: its beginning and its end, where it is long.
func Cut(line []byte) string {
	if len(line) <= sane {
		return strings.ToValidUTF8(string(line), "\ufffd")
	}
	const each = sane / 2
	return strings.ToValidUTF8(fmt.Sprintf("%s … (%d bytes) … %s", line[:each], len(line)-2*each, line[len(line)-each:]), "\ufffd")
}
