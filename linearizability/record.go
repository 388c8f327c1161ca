package linearizability

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Format is a way in which a history was recorded.
type Format string

// The formats.
const (
	FormatAuto   Format = "auto"   // told from the first line
	FormatJepsen Format = "jepsen" // Jepsen's console log of a register: INFO  jepsen.util - 3 :invoke :cas [1 2]
	FormatKVLog  Format = "kvlog"  // one EDN map a line: {:process 3, :type :ok, :f :get, :key "k", :value "v"}
	FormatJSON   Format = "json"   // one JSON object a line, see jsonLine
)

// Formats are the names that ParseFormat knows.
func Formats() []Format { return []Format{FormatAuto, FormatJepsen, FormatKVLog, FormatJSON} }

// ParseFormat refuses an unknown name by listing the known ones.
func ParseFormat(name string) (Format, error) {
	if !slices.Contains(Formats(), Format(name)) {
		return "", fmt.Errorf("unknown format %q; known: %s", name, list(Formats()))
	}
	return Format(name), nil
}

// A Recording is a history that somebody recorded: calls or transactions, never both.
//
// Operations without an answer when the record ends have an unknown outcome, because the record may have been cut off
// before it. Where the format has no times, the time of an event is the number of its line.
type Recording struct {
	Name    string
	Format  Format
	Model   Model // the one that is meant when none is named
	Calls   []Call
	Txns    []Txn
	Pending int // operations without an answer when the record ended
	Options Options
}

// Check decides the history; an empty model is the recording's own.
func (r *Recording) Check(ctx context.Context, model Model, limits Limits) Result {
	if model == "" {
		model = r.Model
	}
	if model.Transactional() != r.Model.Transactional() {
		return Result{Operations: len(r.Calls) + len(r.Txns), Reason: fmt.Errorf("%s: model %q does not fit: the history is one of %s", r.Name, model, r.kind())}
	}
	if model.Transactional() {
		return CheckTxns(ctx, r.Txns, limits)
	}
	return CheckCalls(ctx, model, r.Calls, r.Options, limits)
}

func (r *Recording) kind() string {
	if r.Model.Transactional() {
		return "transactions"
	}
	return "single calls"
}

// A LineError says which line of a record cannot be read.
type LineError struct {
	Name    string // of the file
	Line    int    // from 1
	Problem string
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Problem) }

// maxLine bounds a line of a record, in bytes.
const maxLine = 1 << 20

// A reader reads one format, line by line.
type reader interface {
	line(text string, number int) error // the error says what is wrong with the line
	finish(*Recording)
}

// ReadRecording reads a history. The name stands for the file in errors; a *LineError names the line.
//
// A last line without its newline counts when it is whole, and else is where the record was cut off.
func ReadRecording(name string, from io.Reader, format Format) (*Recording, error) {
	rec := &Recording{Name: name, Format: format}
	var read reader
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	lines.Split(keepNewline)
	number := 0
	for lines.Scan() {
		number++
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		if read == nil {
			if rec.Format == FormatAuto {
				detected, ok := detect(text)
				if !ok {
					return nil, &LineError{name, number, fmt.Sprintf("no known format begins with %s; known: %s", clip(text), list(Formats()[1:]))}
				}
				rec.Format = detected
			}
			switch rec.Format {
			case FormatJepsen:
				read = &jepsenReader{}
			case FormatKVLog:
				read = &kvReader{}
			case FormatJSON:
				read = &jsonReader{}
			default:
				_, err := ParseFormat(string(format))
				return nil, err
			}
		}
		if err := read.line(text, number); err != nil {
			if !strings.HasSuffix(lines.Text(), "\n") {
				break // cut off
			}
			return nil, &LineError{name, number, err.Error()}
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, &LineError{name, number + 1, fmt.Sprintf("the line is longer than %d bytes", maxLine)}
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if read == nil {
		return nil, fmt.Errorf("%s: %w", name, ErrEmpty)
	}
	read.finish(rec)
	return rec, nil
}

// keepNewline splits into lines and keeps their ends, so that a last line that was cut off can be told.
func keepNewline(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if at := slices.Index(data, '\n'); at >= 0 {
		return at + 1, data[:at+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func detect(text string) (Format, bool) {
	switch {
	case strings.HasPrefix(text, "{:"):
		return FormatKVLog, true
	case strings.HasPrefix(text, "{"):
		return FormatJSON, true
	case strings.HasPrefix(text, "INFO"):
		return FormatJepsen, true
	}
	return "", false
}

// clip quotes the beginning of a text.
func clip(text string) string {
	if len(text) > 60 {
		return fmt.Sprintf("%.60q…", text)
	}
	return fmt.Sprintf("%q", text)
}

// A callLog pairs answers with calls. A call is of unknown outcome until its answer comes.
type callLog struct {
	calls   []loggedCall
	pending map[int]int // by client, its call
}

// A loggedCall is gone when it is known not to have happened.
type loggedCall struct {
	Call
	gone bool
}

func (l *callLog) invoke(c Call, time int64, line int) error {
	if l.pending == nil {
		l.pending = make(map[int]int)
	}
	if at, ok := l.pending[c.Client]; ok {
		return fmt.Errorf("client %d calls again before the answer to its %s of line %d", c.Client, l.calls[at].Kind, l.calls[at].Line)
	}
	l.pending[c.Client] = len(l.calls)
	c.Begin, c.End, c.Unknown, c.Line = time, Unfinished, true, line
	l.calls = append(l.calls, loggedCall{Call: c})
	return nil
}

// open is the client's call without an answer.
func (l *callLog) open(client int) (*loggedCall, error) {
	at, ok := l.pending[client]
	if !ok {
		return nil, fmt.Errorf("client %d is answered, but no call of it is open", client)
	}
	return &l.calls[at], nil
}

// answered ends an open call.
func (l *callLog) answered(c *loggedCall, time int64) {
	delete(l.pending, c.Client)
	c.End = time
}

// finish leaves the calls that happened or may have.
func (l *callLog) finish(rec *Recording) {
	for _, c := range l.calls {
		if !c.gone {
			rec.Calls = append(rec.Calls, c.Call)
		}
	}
	rec.Pending = len(l.pending)
}

// same refuses an answer to something else than was asked.
func same(what, asked, answered string) error {
	if asked != answered {
		return fmt.Errorf("the answer is for %s %s, but the call was for %s", what, clip(answered), clip(asked))
	}
	return nil
}
