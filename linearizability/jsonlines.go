package linearizability

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A jsonLine is one event of a history, as one JSON object on a line. A history is either one of calls,
//
//	{"client":1,"event":"invoke","op":"put","key":"x","value":"1"}
//	{"client":1,"event":"ok"}
//	{"client":2,"event":"invoke","op":"cas","key":"x","from":"1","value":"2"}
//	{"client":2,"event":"ok","swapped":true}
//	{"client":1,"event":"invoke","op":"get","key":"x"}
//	{"client":1,"event":"ok","value":"2"}
//
// or one of transactions, whose operations are recorded when they have been answered, a write before it is sent:
//
//	{"client":1,"event":"begin","txn":7}
//	{"client":1,"event":"read","key":"x","value":null}
//	{"client":1,"event":"write","key":"x","value":"1"}
//	{"client":1,"event":"delete","key":"y"}
//	{"client":1,"event":"scan","from":"a","to":"m","most":2,"rows":[{"key":"c","value":"1"},{"key":"d","value":"2"}],"more":true}
//	{"client":1,"event":"rollback","since":1}
//	{"client":1,"event":"ok","order":42}
//
// A scan covers from ≤ key < to; without to, all keys from from on; with more, there were rows behind the last one. A
// rollback takes back the transaction's own writes since its operation of that number, counted from 0.
//
// Answers are ok (it happened), fail (it did not) and info (unknown). A value that was read is null or left out when
// there was none. The order of a commit is optional: its commit LSN, or its read point when it only read. The
// transaction's number is optional too, all or none. Time is in nanoseconds of a clock that all clients share, in every
// line or in none; without it, the lines are in the order of the events.
type jsonLine struct {
	Client  *int    `json:"client"`
	Event   string  `json:"event"`
	Op      string  `json:"op"`
	Key     *string `json:"key"`
	Value   *string `json:"value"`
	From    *string `json:"from"`
	Swapped *bool   `json:"swapped"`
	Txn     *uint64 `json:"txn"`
	Order   *uint64 `json:"order"`
	Time    *int64  `json:"time"`
	To      string  `json:"to"`
	Most    int     `json:"most"`
	Rows    []Row   `json:"rows"`
	More    bool    `json:"more"`
	Since   *int    `json:"since"`
}

// jsonKeys are the keys of a line, by event. Client, event and time are everywhere.
var jsonKeys = map[string][]string{
	"invoke":   {"op", "key", "value", "from"},
	"begin":    {"txn"},
	"read":     {"key", "value"},
	"write":    {"key", "value"},
	"delete":   {"key"},
	"scan":     {"from", "to", "most", "rows", "more"},
	"rollback": {"since"},
	"ok":       {"value", "swapped", "order"},
	"fail":     {},
	"info":     {},
}

var jsonEvents = []string{"invoke", "begin", "read", "write", "delete", "scan", "rollback", "ok", "fail", "info"}

// A jsonReader reads jsonLines.
type jsonReader struct {
	calls   callLog
	txns    []Txn
	open    map[int]int    // by client, its transaction
	started map[int]int    // by transaction, its line
	named   map[uint64]int // by the transaction's number, its line
	timed   bool           // lines have times
	lines   int
}

func (r *jsonReader) line(text string, number int) error {
	l, err := parseJSONLine(text)
	if err != nil {
		return err
	}
	r.lines++
	if r.lines == 1 {
		r.timed = l.Time != nil
		r.open, r.started, r.named = make(map[int]int), make(map[int]int), make(map[uint64]int)
	}
	if r.timed != (l.Time != nil) {
		return errors.New("time is in every line or in none")
	}
	time := int64(number)
	if r.timed {
		time = *l.Time
	}
	isCall, isTxn := l.Event == "invoke", slices.Contains([]string{"begin", "read", "write", "delete", "scan", "rollback"}, l.Event)
	if isCall && len(r.txns) > 0 || isTxn && len(r.calls.calls) > 0 {
		return fmt.Errorf("event %q: a history has calls or transactions, not both", l.Event)
	}
	switch {
	case isCall:
		return r.invoke(l, time, number)
	case l.Event == "begin":
		return r.begin(l, time, number)
	case isTxn:
		return r.operation(l)
	case len(r.txns) > 0:
		return r.end(l, time)
	}
	return r.answer(l, time)
}

// parseJSONLine reads a line and refuses keys that its event does not have.
func parseJSONLine(text string) (*jsonLine, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	l := new(jsonLine)
	decode := json.NewDecoder(strings.NewReader(text))
	if err := decode.Decode(l); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	allowed, ok := jsonKeys[l.Event]
	if !ok {
		return nil, fmt.Errorf("unknown event %q; known: %s", l.Event, strings.Join(jsonEvents, ", "))
	}
	allowed = append([]string{"client", "event", "time"}, allowed...)
	names := make([]string, 0, len(keys))
	for name := range keys {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(allowed, name) {
			return nil, fmt.Errorf("event %q has no key %q; known: %s", l.Event, name, strings.Join(allowed, ", "))
		}
		if bytes.Equal(keys[name], []byte("null")) && name != "value" {
			return nil, fmt.Errorf("%s is null", name)
		}
	}
	switch {
	case l.Client == nil || *l.Client < 0:
		return nil, errors.New("no client; clients are numbered from 0")
	case l.Key == nil && slices.Contains(allowed, "key"):
		return nil, fmt.Errorf("event %q without key", l.Event)
	case l.Value == nil && l.Event == "write":
		return nil, errors.New(`event "write" without value`)
	case l.Event == "scan" && (l.From == nil || l.Most < 0):
		return nil, errors.New(`event "scan" without from, or with a negative most`)
	case l.Event == "rollback" && l.Since == nil:
		return nil, errors.New(`event "rollback" without since`)
	}
	return l, nil
}

func (r *jsonReader) invoke(l *jsonLine, time int64, number int) error {
	at := slices.Index(callKinds[:], l.Op)
	kind := CallKind(at)
	if at < int(Get) {
		return fmt.Errorf("unknown op %q; known: %s", l.Op, strings.Join(callKinds[Get:], ", "))
	}
	if (l.Value != nil) != (kind != Get) {
		return fmt.Errorf("op %q: put, append and cas have a value, get has none", l.Op)
	}
	if (l.From != nil) != (kind == CompareAndSwap) {
		return fmt.Errorf("op %q: cas has from, and only cas", l.Op)
	}
	c := Call{Client: *l.Client, Kind: kind, Key: *l.Key}
	if l.Value != nil {
		c.Value = *l.Value
	}
	if l.From != nil {
		c.From = *l.From
	}
	return r.calls.invoke(c, time, number)
}

func (r *jsonReader) answer(l *jsonLine, time int64) error {
	c, err := r.calls.open(*l.Client)
	if err != nil {
		return err
	}
	switch ok := l.Event == "ok"; {
	case time < c.Begin:
		return fmt.Errorf("the answer at %d comes before the call at %d (line %d)", time, c.Begin, c.Line)
	case l.Order != nil:
		return errors.New("order belongs to transactions")
	case l.Value != nil && c.Kind != Get:
		return fmt.Errorf("a value answers a get, and this is a %s", c.Kind)
	case (l.Swapped != nil) != (ok && c.Kind == CompareAndSwap):
		return fmt.Errorf("swapped answers a cas that is ok, and nothing else; this is a %s", c.Kind)
	}
	r.calls.answered(c, time)
	switch l.Event {
	case "ok":
		c.Unknown = false
		if c.Kind == Get && l.Value != nil {
			c.Found, c.Value = true, *l.Value
		}
		c.Swapped = l.Swapped != nil && *l.Swapped
	case "fail":
		c.gone = true
	}
	return nil
}

func (r *jsonReader) begin(l *jsonLine, time int64, number int) error {
	if at, ok := r.open[*l.Client]; ok {
		return fmt.Errorf("client %d begins a transaction before the end of the one of line %d", *l.Client, r.started[at])
	}
	id := uint64(len(r.txns) + 1)
	if len(r.txns) > 0 && (l.Txn != nil) != (len(r.named) > 0) {
		return errors.New("txn is in every begin or in none")
	}
	if l.Txn != nil {
		id = *l.Txn
		if first, twice := r.named[id]; twice {
			return fmt.Errorf("transaction %d began in line %d already", id, first)
		}
		r.named[id] = number
	}
	r.open[*l.Client], r.started[len(r.txns)] = len(r.txns), number
	r.txns = append(r.txns, Txn{ID: id, Client: *l.Client, Begin: time, End: Unfinished})
	return nil
}

// current is the client's open transaction.
func (r *jsonReader) current(l *jsonLine) (*Txn, error) {
	at, ok := r.open[*l.Client]
	if !ok {
		return nil, fmt.Errorf("event %q, but client %d has no open transaction", l.Event, *l.Client)
	}
	return &r.txns[at], nil
}

func (r *jsonReader) operation(l *jsonLine) error {
	t, err := r.current(l)
	if err != nil {
		return err
	}
	var op Op
	if l.Key != nil {
		op.Key = *l.Key
	}
	switch l.Event {
	case "scan":
		op = Op{Kind: Scan, From: *l.From, To: l.To, Most: l.Most, Rows: l.Rows, More: l.More}
	case "rollback":
		op = Op{Kind: Rollback, Since: *l.Since}
	case "read":
		op.Kind, op.Found = Read, l.Value != nil
	case "write":
		op.Kind = Write
	case "delete":
		op.Kind = Delete
	}
	if l.Value != nil {
		op.Value = *l.Value
	}
	t.Ops = append(t.Ops, op)
	return nil
}

func (r *jsonReader) end(l *jsonLine, time int64) error {
	t, err := r.current(l)
	switch {
	case err != nil:
		return err
	case time < t.Begin:
		return fmt.Errorf("the transaction ends at %d, before its begin at %d", time, t.Begin)
	case l.Value != nil || l.Swapped != nil:
		return errors.New("value and swapped belong to calls")
	}
	delete(r.open, *l.Client)
	t.End = time
	switch l.Event {
	case "ok":
		t.Outcome = Committed
		if l.Order != nil {
			t.Order = *l.Order
		}
	case "fail":
		t.Outcome = Aborted
	}
	return nil
}

func (r *jsonReader) finish(rec *Recording) {
	r.calls.finish(rec)
	rec.Txns = r.txns
	rec.Pending += len(r.open)
	rec.Model = ModelKV
	if slices.ContainsFunc(rec.Calls, func(c Call) bool { return c.Kind == CompareAndSwap }) {
		rec.Model = ModelRegister
	}
	if len(r.txns) > 0 {
		rec.Model = ModelTxn
	}
}
