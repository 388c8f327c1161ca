package linearizability

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/linearizability/internal/data"
)

// A Recording is a history that somebody recorded: calls or transactions, never both.
//
// Operations without an answer when the record ends have an unknown outcome, because the record may have been cut off
// before it. Where the format has no times, the time of an event is its place in the record.
type Recording struct {
	Name    string
	Format  Format
	Model   Model // the one that is meant when none is named
	Level   Level // of transactions: the strongest that the record can show; weaker than strict where it has no times
	Calls   []Call
	Txns    []Txn
	Options Options
	Pending int      // operations without an answer when the record ended
	Clients []string // the clients' names by their numbers, when the record has names
	Faults  []Fault  // what was done to the system meanwhile
	Notes   []string // what was taken for granted or left out, a sentence each

	txnLines []int // by transaction, where it began, when that is known
}

// A Fault is what a nemesis did to the system.
type Fault struct {
	Name       string // of the operation that began it, such as start-partition
	Value      string // what it said of itself, such as the nodes concerned
	Begin, End int64  // End is Unfinished when the record does not tell of an end
	Line       int
}

// Check decides the history; an empty model is the recording's own, and an empty level the strongest that the record can show.
func (r *Recording) Check(ctx context.Context, model Model, level Level, limits Limits) Result {
	model, level = cmp.Or(model, r.Model), cmp.Or(level, r.Level, StrictSerializable)
	if model.Transactional() != r.Model.Transactional() {
		return Result{Operations: len(r.Calls) + len(r.Txns), Reason: fmt.Errorf("%s: model %q does not fit: the history is one of %s", r.Name, model, r.kind())}
	}
	if model.Transactional() {
		if r.Level != "" && !r.Level.Implies(level) {
			return Result{Operations: len(r.Txns), Reason: fmt.Errorf("%s: level %q needs times or sessions, and the record can show %q at most", r.Name, level, r.Level)}
		}
		return CheckLevel(ctx, level, r.Txns, limits)
	}
	return CheckCalls(ctx, model, r.Calls, r.Options, limits)
}

func (r *Recording) kind() string {
	if r.Model.Transactional() {
		return "transactions"
	}
	return "single calls"
}

// clientName is how the record calls a client.
func (r *Recording) clientName(client int) string {
	if client < 0 {
		return "(all that was settled before)"
	}
	if client < len(r.Clients) {
		return clip(r.Clients[client])
	}
	return strconv.Itoa(client)
}

// client is the number of a client that has a name.
func (r *Recording) client(name string) (int, error) {
	if at := slices.Index(r.Clients, name); at >= 0 {
		return at, nil
	}
	if len(r.Clients) == maxNamed {
		return 0, fmt.Errorf("expected at most %d clients with names, found one more", maxNamed)
	}
	r.Clients = append(r.Clients, name)
	return len(r.Clients) - 1, nil
}

func (r *Recording) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// cut notes that the record was cut off.
func (r *Recording) cut(line int) {
	r.note("the record was cut off in line %d; what it does not tell counts as unknown", line)
}

// Limits on what a record may hold.
const (
	maxClient = 1<<31 - 1 // the largest number of a client
	maxNamed  = 10_000
	maxCalls  = 1 << 30
)

// A LineError says where a record cannot be read, and why.
type LineError struct {
	Name    string // of the file
	Line    int    // from 1; 0 in a record without lines
	Column  int    // from 1, in bytes; of a record without lines, the offset
	Problem string // what was expected, and found
}

func (e *LineError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: byte %d: %s", e.Name, e.Column, e.Problem)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Problem)
}

// lineError says where in a line of the input an error is.
func (in *input) lineError(line int, err error) error {
	var scan *scanError
	if errors.As(err, &scan) {
		return &LineError{in.name, line, scan.column, err.Error()}
	}
	return &LineError{in.name, line, 1, err.Error()}
}

// formError says where a form of EDN or JSON cannot be read. Other errors are the source's.
func (in *input) formError(err error) error {
	var form *data.Error
	if errors.As(err, &form) {
		return &LineError{in.name, form.Line, form.Column, "expected " + form.Expected + ", found " + form.Found}
	}
	return err
}

// ReadRecording reads a history. The name stands for the file in errors; a *LineError names the place. Gzip, zstd and a
// byte order mark are seen by the first bytes. The reading ends with the context.
//
// A last line without its newline counts when it is whole, and else is where the record was cut off.
func ReadRecording(ctx context.Context, name string, from io.Reader, format Format, options Options) (*Recording, error) {
	size := sizeOf(from)
	in, err := open(ctx, name, from, options)
	if err != nil {
		return nil, err
	}
	defer in.stop()
	if !in.compressed {
		in.size = size
	}
	rec := &Recording{Name: name, Format: format, Options: options}
	entry, err := in.format(format)
	if err != nil {
		return nil, err
	}
	rec.Format = entry.Name
	if entry.read == nil {
		return nil, fmt.Errorf("%s: format %q is a folder of files; name the folder", name, entry.Name)
	}
	if err := entry.read(in, rec); err != nil {
		if located := new(LineError); errors.As(err, &located) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if options.Initial != nil {
		if rec.Model.Transactional() {
			return nil, fmt.Errorf("%s: expected a history of calls, as keys are to have the value %q at first, found one of transactions", name, *options.Initial)
		}
		rec.note("every key has the value %q at first (--init)", *options.Initial)
	}
	return rec, nil
}

// sizeOf is how many bytes a source still has, 0 if that is not known.
func sizeOf(from io.Reader) int64 {
	switch from := from.(type) {
	case interface{ Len() int }:
		return int64(from.Len())
	case *os.File:
		if info, err := from.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}

// ReadFile reads the history in a file, in a folder of one of the formats that are folders, or for "-" from stdin.
func ReadFile(ctx context.Context, path string, stdin io.Reader, format Format, options Options) (*Recording, error) {
	if path == "-" {
		return ReadRecording(ctx, "standard input", stdin, format, options)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.IsDir() {
		return readFolder(ctx, path, format, options)
	}
	return ReadRecording(ctx, path, f, format, options)
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
	input   *input
	rec     *Recording
	calls   []Call
	few     []int32       // by client with a small number, its last call: + 1 while it is open, and else - that
	many    map[int]int32 // the same of the others
	pending int
	dropped bool
}

const fewClients = 1 << 16

// last is the client's last call, and whether that is still open; -1 if it has not called yet.
func (l *callLog) last(client int) (at int, open bool) {
	mark := int32(0)
	if client < len(l.few) {
		mark = l.few[client]
	} else if client >= fewClients {
		mark = l.many[client]
	}
	if mark < 0 {
		return int(-mark) - 1, false
	}
	return int(mark) - 1, mark > 0
}

// mark sets what last reads.
func (l *callLog) mark(client, at int, open bool) {
	mark := int32(at + 1)
	if !open {
		mark = -mark
	}
	if client >= fewClients {
		if l.many == nil {
			l.many = make(map[int]int32)
		}
		l.many[client] = mark
		return
	}
	if client >= len(l.few) {
		l.few = slices.Grow(l.few, client+1-len(l.few))[:client+1]
	}
	l.few[client] = mark
}

func (l *callLog) invoke(c Call, time int64, line int) error {
	at, open := l.last(c.Client)
	switch {
	case open:
		return fmt.Errorf("client %s calls again before the answer to its %s of line %d", l.rec.clientName(c.Client), l.calls[at].Kind, l.calls[at].Line)
	case at >= 0 && time < l.calls[at].End:
		return fmt.Errorf("expected client %s to call again at %d, when its call of line %d had ended, or later, found it at %d", l.rec.clientName(c.Client), l.calls[at].End, l.calls[at].Line, time)
	}
	if len(l.calls) == maxCalls {
		return fmt.Errorf("expected at most %d calls, found one more", maxCalls)
	}
	l.mark(c.Client, len(l.calls), true)
	l.pending++
	c.Begin, c.End, c.Unknown, c.Line = time, Unfinished, true, line
	l.calls = grow(l.input, l.calls, c)
	return nil
}

// open is the place of the client's call without an answer.
func (l *callLog) open(client int) (int, error) {
	at, open := l.last(client)
	if !open {
		return 0, fmt.Errorf("client %s is answered, but no call of it is open", l.rec.clientName(client))
	}
	return at, nil
}

// answered ends an open call.
func (l *callLog) answered(at int, time int64) {
	l.mark(l.calls[at].Client, at, false)
	l.pending--
	l.calls[at].End = time
}

// drop takes out a call that did not happen, or that says nothing.
func (l *callLog) drop(at int) {
	l.calls[at].Kind = 0
	l.dropped = true
}

// finish leaves the calls that happened or may have.
func (l *callLog) finish(rec *Recording) {
	if l.dropped {
		l.calls = slices.DeleteFunc(l.calls, func(c Call) bool { return c.Kind == 0 })
	}
	rec.Calls = l.calls
	rec.Pending = l.pending
}

// grow appends to a list of a record's operations. It makes room for as many as the record seems to hold, because doubling
// a long list takes three times its memory for a moment.
func grow[T any](in *input, list []T, more T) []T {
	if len(list) == cap(list) && len(list) >= 1024 && in.size > 0 {
		if done := in.count(); done > 0 && done < in.size {
			whole := float64(len(list)) * float64(in.size) / float64(done)
			list = slices.Grow(list, max(1024, int(1.02*whole)-len(list)))
		}
	}
	return append(list, more)
}

// same refuses an answer to something else than was asked.
func same(what, asked, answered string) error {
	if asked != answered {
		return fmt.Errorf("the answer is for %s %s, but the call was for %s", what, clip(answered), clip(asked))
	}
	return nil
}

// texts keeps copies of a record's texts: many in one block, and names once.
type texts struct {
	block strings.Builder
	names map[string]string
}

const textBlock = 64 << 10

func (t *texts) keep(text []byte) string {
	if len(text) > textBlock/16 {
		return string(text)
	}
	if t.block.Cap()-t.block.Len() < len(text) {
		t.block = strings.Builder{}
		t.block.Grow(textBlock)
	}
	first := t.block.Len()
	t.block.Write(text)
	return t.block.String()[first:]
}

func (t *texts) name(text []byte) string {
	name, ok := t.names[string(text)]
	if !ok {
		if t.names == nil {
			t.names = make(map[string]string)
		}
		name = string(text)
		t.names[name] = name
	}
	return name
}
