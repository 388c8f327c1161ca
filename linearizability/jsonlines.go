package linearizability

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/linearizability/internal/data"
)

// A jsonLine is one event of a history, as one JSON object on a line, see the format's entry in the table. Its texts are
// part of the line and so good until the next one.
type jsonLine struct {
	has     jsonKeys
	event   jsonEvent
	client  int
	named   []byte // the client's name, when it has one and no number
	op      CallKind
	key     []byte
	value   jsonValue
	from    []byte
	swapped bool
	txn     uint64
	order   uint64
	time    int64
	to      []byte
	most    int64
	rows    []Row
	more    bool
	since   int64
}

// A jsonValue is what was written or read: a text, nothing, or elements.
type jsonValue struct {
	text     []byte
	null     bool
	elements []string // not nil for a JSON array
}

// jsonKeys is a set of keys, by their place among jsonKeyNames.
type jsonKeys uint32

const (
	jsonClient jsonKeys = 1 << iota
	jsonEventKey
	jsonOp
	jsonKey
	jsonValueKey
	jsonFrom
	jsonSwapped
	jsonTxn
	jsonOrder
	jsonTime
	jsonTo
	jsonMost
	jsonRows
	jsonMore
	jsonSince
)

var jsonKeyNames = []string{"client", "event", "op", "key", "value", "from", "swapped", "txn", "order", "time", "to", "most", "rows", "more", "since"}

// names lists a set of keys.
func (k jsonKeys) names() string {
	var names []string
	for ; k != 0; k &= k - 1 {
		names = append(names, jsonKeyNames[bits.TrailingZeros32(uint32(k))])
	}
	return strings.Join(names, ", ")
}

// A jsonEvent says what a line tells of.
type jsonEvent uint8

const (
	jsonNone jsonEvent = iota
	jsonInvoke
	jsonBegin
	jsonRead
	jsonWrite
	jsonDelete
	jsonScan
	jsonRollback
	jsonAppend
	jsonList
	jsonOK
	jsonFail
	jsonInfo
)

var jsonEventNames = []string{jsonInvoke: "invoke", jsonBegin: "begin", jsonRead: "read", jsonWrite: "write", jsonDelete: "delete",
	jsonScan: "scan", jsonRollback: "rollback", jsonAppend: "append", jsonList: "list", jsonOK: "ok", jsonFail: "fail", jsonInfo: "info"}

// jsonMust and jsonMay are the keys that the lines of an event have, beside event and client, which all have, and time,
// which all have or none. An answer may repeat what was asked.
var (
	jsonMust = [...]jsonKeys{jsonInvoke: jsonOp, jsonRead: jsonKey, jsonWrite: jsonKey | jsonValueKey, jsonDelete: jsonKey,
		jsonScan: jsonFrom, jsonRollback: jsonSince, jsonAppend: jsonKey | jsonValueKey, jsonList: jsonKey | jsonValueKey, jsonInfo: 0}
	jsonMay = [...]jsonKeys{jsonInvoke: jsonKey | jsonValueKey | jsonFrom, jsonBegin: jsonTxn, jsonRead: jsonValueKey,
		jsonScan: jsonTo | jsonMost | jsonRows | jsonMore, jsonOK: jsonOp | jsonKey | jsonValueKey | jsonFrom | jsonSwapped | jsonOrder,
		jsonFail: jsonOp | jsonKey | jsonValueKey | jsonFrom, jsonInfo: jsonOp | jsonKey | jsonValueKey | jsonFrom}
)

// ofTxn tells that the event belongs to transactions.
func (e jsonEvent) ofTxn() bool { return e >= jsonBegin && e <= jsonList }

// A jsonReader reads jsonLines.
type jsonReader struct {
	in      *input
	rec     *Recording
	calls   callLog
	txns    []Txn
	open    map[int]int    // by client, its transaction
	ended   map[int]int    // by client, the last one that has ended
	started []int          // by transaction, its line
	named   map[uint64]int // by the transaction's number, its line
	timed   bool           // lines have times
	names   bool           // clients have names
	latest  int64          // the last line's time
	sorted  bool           // the lines are in the order of their times
	lines   int
	l       jsonLine
	texts   texts
	ignored []string // keys that mean nothing here
}

func readJSONLines(in *input, rec *Recording) error {
	r := jsonReader{in: in, rec: rec, calls: callLog{input: in, rec: rec}, open: make(map[int]int), ended: make(map[int]int), named: make(map[uint64]int), sorted: true}
	for {
		text, open, err := in.line()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if err := r.line(text, in.lines); err != nil {
			if open && r.sorted {
				rec.cut(in.lines)
				break
			}
			return in.lineError(in.lines, err)
		}
	}
	return r.finish()
}

func (r *jsonReader) line(text []byte, number int) error {
	l := &r.l
	if err := r.parse(text); err != nil {
		return err
	}
	r.lines++
	if r.lines == 1 {
		r.timed, r.latest = l.has&jsonTime != 0, l.time
	}
	if r.timed != (l.has&jsonTime != 0) {
		return errors.New("expected time in every line or in none")
	}
	if !r.timed {
		l.time = int64(number)
	}
	r.sorted = r.sorted && l.time >= r.latest
	r.latest = l.time
	if r.lines == 1 {
		r.names = l.named != nil
	}
	if r.names != (l.named != nil) {
		return errors.New("expected all clients to have numbers or all to have names")
	}
	if r.names {
		client, err := r.rec.client(string(l.named))
		if err != nil {
			return err
		}
		l.client = client
	}
	switch {
	case l.event == jsonInvoke && len(r.txns) > 0 || l.event.ofTxn() && len(r.calls.calls) > 0:
		return fmt.Errorf("event %q: a history has calls or transactions, not both", jsonEventNames[l.event])
	case l.event == jsonInvoke:
		return r.invoke(number)
	case l.event == jsonBegin:
		return r.begin(number)
	case l.event.ofTxn():
		return r.operation()
	case len(r.txns) > 0:
		return r.end()
	}
	return r.answer()
}

// parse reads a line into r.l. Keys that are not ours are ignored, unless they look like a slip of one that is.
func (r *jsonReader) parse(text []byte) error {
	l := &r.l
	*l = jsonLine{}
	s := jsonScanner{text: text}
	if s.space() != '{' {
		return s.fail("a JSON object")
	}
	s.at++
	for first := true; ; first = false {
		c := s.space()
		if c == '}' {
			s.at++
			break
		}
		if !first {
			if c != ',' {
				return s.fail(`a comma or "}"`)
			}
			s.at++
			s.space()
		}
		at := s.at
		name, err := s.str()
		if err != nil {
			return err
		}
		if err := s.char(':'); err != nil {
			return err
		}
		s.space()
		key, err := r.field(&s, name)
		if err != nil {
			return err
		}
		if l.has&key != 0 {
			s.at = at
			return s.fail(fmt.Sprintf("%s once", key.names()))
		}
		l.has |= key
	}
	if s.space() != 0 {
		return s.fail("the end of the line behind the object")
	}
	must, may := jsonClient|jsonEventKey, jsonTime
	if l.event != jsonNone {
		must, may = must|jsonMust[l.event], may|jsonMay[min(int(l.event), len(jsonMay)-1)]
	}
	if missing := must &^ l.has; missing != 0 {
		s.at = len(text)
		if l.event == jsonNone {
			return s.fail(missing.names() + " in every line")
		}
		return s.fail(fmt.Sprintf("%s in a line of event %q", missing.names(), jsonEventNames[l.event]))
	}
	if more := l.has &^ must &^ may; more != 0 {
		return fmt.Errorf("event %q has no key %q; known: %s", jsonEventNames[l.event], (more & -more).names(), (must | may).names())
	}
	return nil
}

// field reads the value of one key.
func (r *jsonReader) field(s *jsonScanner, name []byte) (key jsonKeys, err error) {
	l := &r.l
	switch string(name) {
	case "client":
		key = jsonClient
		if s.space() == '"' {
			l.named, err = s.str()
			break
		}
		var n int64
		if n, err = s.integer("the client's number from 0, or its name"); err == nil && (n < 0 || n > maxClient) {
			return 0, &scanError{s.at, fmt.Sprintf("a client's number from 0 to %d, or its name", maxClient), fmt.Sprint(n)}
		}
		l.client = int(n)
	case "event":
		key = jsonEventKey
		var at int
		at, err = s.name("events", jsonEventNames)
		l.event = jsonEvent(at)
	case "op":
		key = jsonOp
		var at int
		at, err = s.name("ops", callKinds[:])
		l.op = CallKind(at)
	case "key":
		key = jsonKey
		l.key, err = s.scalar("a key: a string or a number")
	case "value":
		key = jsonValueKey
		l.value, err = s.value()
	case "from":
		key = jsonFrom
		l.from, err = s.scalar("a value: a string or a number")
	case "swapped":
		key = jsonSwapped
		l.swapped, err = s.boolean()
	case "txn":
		key = jsonTxn
		l.txn, err = s.natural("the transaction's number")
	case "order":
		key = jsonOrder
		l.order, err = s.natural("a commit LSN or read point")
	case "time":
		key = jsonTime
		l.time, err = s.integer("a time in whole nanoseconds")
	case "to":
		key = jsonTo
		l.to, err = s.scalar("a key: a string or a number")
	case "most":
		key = jsonMost
		l.most, err = s.integer("a number of rows")
		if err == nil && l.most < 0 {
			err = s.fail("a number of rows that is not negative")
		}
	case "rows":
		key = jsonRows
		l.rows, err = s.rows()
	case "more":
		key = jsonMore
		l.more, err = s.boolean()
	case "since":
		key = jsonSince
		l.since, err = s.integer("the number of an operation")
	default:
		return 0, r.ignore(s, name)
	}
	return key, err
}

// ignore reads over a key that means nothing here.
func (r *jsonReader) ignore(s *jsonScanner, name []byte) error {
	if !slices.ContainsFunc(r.ignored, func(known string) bool { return known == string(name) }) {
		for _, ours := range jsonKeyNames {
			if strings.EqualFold(ours, string(name)) {
				return fmt.Errorf("expected the key %q, found %q", ours, name)
			}
		}
		if len(r.ignored) == 100 {
			return s.fail("at most 100 keys that mean nothing here")
		}
		r.ignored = append(r.ignored, string(name))
	}
	_, err := s.skip(100)
	return err
}

// name reads one of the names of what, of which the first is of nothing, and returns its place among them.
func (s *jsonScanner) name(what string, names []string) (int, error) {
	at := s.at
	text, err := s.str()
	if err != nil {
		return 0, err
	}
	for i := 1; i < len(names); i++ {
		if names[i] == string(text) {
			return i, nil
		}
	}
	s.at = at
	return 0, s.fail(fmt.Sprintf("one of the %s %s", what, strings.Join(names[1:], ", ")))
}

// scalar reads a string, or a number or boolean as its text.
func (s *jsonScanner) scalar(what string) ([]byte, error) {
	switch c := s.space(); {
	case c == '"':
		return s.str()
	case c == 't' && s.word("true") || c == 'f' && s.word("false"):
		if c == 't' {
			return []byte("true"), nil
		}
		return []byte("false"), nil
	case c == '-' || c >= '0' && c <= '9':
		text, err := s.number()
		return []byte(text), err
	}
	return nil, s.fail(what)
}

func (s *jsonScanner) natural(what string) (uint64, error) {
	at := s.at
	n, err := s.integer(what)
	if err == nil && n < 0 {
		s.at = at
		err = s.fail(what)
	}
	return uint64(n), err
}

// value reads a scalar, null, or an array of scalars. An object is a value too: the text that it has.
func (s *jsonScanner) value() (jsonValue, error) {
	switch c := s.space(); {
	case c == '"':
		text, err := s.str()
		return jsonValue{text: text}, err
	case c == 'n' && s.word("null"):
		return jsonValue{null: true}, nil
	case c == '[' || c == '{':
		text, err := s.skip(100)
		if err != nil {
			return jsonValue{}, err
		}
		nested := data.NewJSON(nil)
		nested.Text(text, 1, s.at-len(text)+1)
		whole, err := nested.Next()
		if err != nil {
			return jsonValue{}, err
		}
		if whole.Kind == data.Map {
			return jsonValue{text: []byte(whole.String())}, nil
		}
		elements := make([]string, len(whole.Items))
		for i, item := range whole.Items {
			elements[i] = item.String()
		}
		return jsonValue{elements: elements, text: []byte(whole.String())}, nil
	}
	text, err := s.scalar("a value: a string, a number, null or an array of them")
	return jsonValue{text: text}, err
}

// rows reads what a scan saw.
func (s *jsonScanner) rows() ([]Row, error) {
	at := s.at
	text, err := s.skip(100)
	if err != nil {
		return nil, err
	}
	nested := data.NewJSON(nil)
	nested.Text(text, 1, at+1)
	rows, err := nested.Next()
	if err != nil {
		return nil, err
	}
	s.at = at
	form := s.fail(`rows such as [{"key":"c","value":"1"}]`)
	s.at += len(text)
	if rows.Kind != data.Sequence {
		return nil, form
	}
	list := make([]Row, len(rows.Items))
	for i, row := range rows.Items {
		key, value := row.Get("key"), row.Get("value")
		if key.Absent() || value.Absent() {
			return nil, form
		}
		list[i] = Row{key.String(), value.String()}
	}
	return list, nil
}

func (r *jsonReader) invoke(number int) error {
	l := &r.l
	c := Call{Client: l.client, Kind: l.op}
	switch value := l.has&jsonValueKey != 0 && !l.value.null; {
	case value != (l.op != Get && l.op != Discard && l.op != Dequeue && l.op != Acquire && l.op != Release):
		if value {
			return fmt.Errorf("expected no value where %s is invoked, found %s", l.op, clip(string(l.value.text)))
		}
		return fmt.Errorf("expected the value of %s, found none", l.op)
	case (l.has&jsonFrom != 0) != (l.op == CompareAndSwap):
		return fmt.Errorf("op %q: cas has from, and only cas", l.op)
	case l.has&jsonKey == 0 && l.op < Enqueue:
		return fmt.Errorf("expected the key of %s, found none", l.op)
	case value:
		c.Value = r.texts.keep(l.value.text)
	}
	c.Key = r.texts.name(l.key)
	if l.op == CompareAndSwap {
		c.From = r.texts.keep(l.from)
	}
	return r.calls.invoke(c, l.time, number)
}

// repeats refuses an answer that repeats something else than was asked.
func (l *jsonLine) repeats(c *Call) error {
	switch {
	case l.has&jsonOp != 0 && l.op != c.Kind:
		return same("op", c.Kind.String(), l.op.String())
	case l.has&jsonKey != 0 && string(l.key) != c.Key:
		return same("key", c.Key, string(l.key))
	case l.has&jsonFrom != 0 && (c.Kind != CompareAndSwap || string(l.from) != c.From):
		return same("from", c.From, string(l.from))
	}
	answered := c.Kind == Get || c.Kind == Dequeue
	if l.has&jsonValueKey == 0 || l.value.null || answered && l.event == jsonOK {
		return nil
	}
	switch {
	case answered:
		return fmt.Errorf("expected no value, as the %s is not ok, found %s", c.Kind, clip(string(l.value.text)))
	case c.Value == "" && c.Kind >= Discard && c.Kind != Add && c.Kind != Remove && c.Kind != Enqueue || string(l.value.text) != c.Value:
		return same("value", c.Value, string(l.value.text))
	}
	return nil
}

func (r *jsonReader) answer() error {
	l := &r.l
	at, err := r.calls.open(l.client)
	if err != nil {
		return err
	}
	c := &r.calls.calls[at]
	ok := l.event == jsonOK
	if err := l.repeats(c); err != nil {
		return err
	}
	switch {
	case l.time < c.Begin:
		return fmt.Errorf("expected an answer at %d or later, as the call of line %d was then, found one at %d", c.Begin, c.Line, l.time)
	case l.has&jsonOrder != 0:
		return errors.New("order belongs to transactions")
	case (l.has&jsonSwapped != 0) != (ok && c.Kind == CompareAndSwap):
		return fmt.Errorf("swapped answers a cas that is ok, and nothing else; this is a %s", c.Kind)
	}
	r.calls.answered(at, l.time)
	switch l.event {
	case jsonOK:
		c.Unknown = false
		if l.has&jsonValueKey != 0 && !l.value.null && (c.Kind == Get || c.Kind == Dequeue) {
			c.Found = true
			if l.value.elements != nil {
				c.Elements = l.value.elements
			} else {
				c.Value = r.texts.keep(l.value.text)
			}
		}
		c.Swapped = l.swapped
	case jsonFail:
		r.calls.drop(at)
	}
	return nil
}

func (r *jsonReader) begin(number int) error {
	l := &r.l
	if at, ok := r.open[l.client]; ok {
		return fmt.Errorf("client %s begins a transaction before the end of the one of line %d", r.rec.clientName(l.client), r.started[at])
	}
	if at, ok := r.ended[l.client]; ok && l.time < r.txns[at].End {
		return fmt.Errorf("expected client %s to begin at %d, when its transaction of line %d had ended, or later, found it at %d", r.rec.clientName(l.client), r.txns[at].End, r.started[at], l.time)
	}
	id := uint64(len(r.txns) + 1)
	if len(r.txns) > 0 && (l.has&jsonTxn != 0) != (len(r.named) > 0) {
		return errors.New("expected txn in every begin or in none")
	}
	if l.has&jsonTxn != 0 {
		id = l.txn
		if first, twice := r.named[id]; twice {
			return fmt.Errorf("transaction %d began in line %d already", id, first)
		}
		r.named[id] = number
	}
	r.open[l.client] = len(r.txns)
	r.started = append(r.started, number)
	r.txns = grow(r.in, r.txns, Txn{ID: id, Client: l.client, Begin: l.time, End: Unfinished})
	return nil
}

// current is the client's open transaction.
func (r *jsonReader) current() (*Txn, error) {
	at, ok := r.open[r.l.client]
	if !ok {
		return nil, fmt.Errorf("event %q, but client %s has no open transaction", jsonEventNames[r.l.event], r.rec.clientName(r.l.client))
	}
	return &r.txns[at], nil
}

func (r *jsonReader) operation() error {
	l := &r.l
	t, err := r.current()
	if err != nil {
		return err
	}
	op := Op{Key: r.texts.name(l.key)}
	switch l.event {
	case jsonScan:
		op = Op{Kind: Scan, From: string(l.from), To: string(l.to), Most: int(l.most), Rows: l.rows, More: l.more}
	case jsonRollback:
		if l.since < 0 || l.since > int64(len(t.Ops)) {
			return fmt.Errorf("expected a rollback since operation 0 to %d, the operations so far, found %d", len(t.Ops), l.since)
		}
		op = Op{Kind: Rollback, Since: int(l.since)}
	case jsonRead:
		op.Kind, op.Found = Read, l.has&jsonValueKey != 0 && !l.value.null
	case jsonWrite:
		op.Kind = Write
	case jsonDelete:
		op.Kind = Delete
	case jsonAppend:
		op.Kind = ListAppend
	case jsonList:
		op.Kind, op.List = ListRead, l.value.elements
		if op.List == nil && !l.value.null {
			return fmt.Errorf("expected the list of key %q, found %s", l.key, clip(string(l.value.text)))
		}
	}
	if l.event != jsonList && l.has&jsonValueKey != 0 {
		if l.value.null && l.event != jsonRead {
			return fmt.Errorf("expected a value in a line of event %q, found null", jsonEventNames[l.event])
		}
		op.Value = r.texts.keep(l.value.text)
	}
	t.Ops = append(t.Ops, op)
	return nil
}

func (r *jsonReader) end() error {
	l := &r.l
	t, err := r.current()
	switch {
	case err != nil:
		return err
	case l.time < t.Begin:
		return fmt.Errorf("the transaction ends at %d, before its begin at %d (line %d)", l.time, t.Begin, r.started[r.open[l.client]])
	case l.has&^(jsonClient|jsonEventKey|jsonTime|jsonOrder) != 0:
		return fmt.Errorf("expected the end of a transaction, found what only calls have: %s", (l.has &^ (jsonClient | jsonEventKey | jsonTime | jsonOrder)).names())
	}
	r.ended[l.client] = r.open[l.client]
	delete(r.open, l.client)
	t.End = l.time
	switch l.event {
	case jsonOK:
		t.Outcome = Committed
		t.Order = l.order
	case jsonFail:
		t.Outcome = Aborted
	}
	return nil
}

func (r *jsonReader) finish() error {
	r.calls.finish(r.rec)
	r.rec.Txns = r.txns
	r.rec.txnLines = r.started
	r.rec.Pending += len(r.open)
	if len(r.ignored) > 0 {
		r.rec.note("keys that mean nothing here were ignored: %s", strings.Join(r.ignored, ", "))
	}
	r.rec.Model = modelOf(r.rec.Calls)
	if len(r.txns) > 0 {
		r.rec.Model = ModelTxn
	}
	return nil
}

// modelOf is the model that has a history's calls.
func modelOf(calls []Call) Model {
	var has [len(callKinds)]bool
	elements, numbers := false, true
	for i := range calls {
		c := &calls[i]
		has[c.Kind] = true
		elements = elements || c.Elements != nil
		if c.Kind == Add {
			_, number := data.Canonical(c.Value)
			numbers = numbers && number
		}
	}
	switch {
	case has[Acquire] || has[Release]:
		return ModelMutex
	case has[Enqueue] || has[Dequeue]:
		return ModelQueue
	case has[Remove] || has[Add] && (elements || !numbers):
		return ModelSet
	case has[Add]:
		return ModelCounter
	case has[Append] && elements:
		return ModelList
	case has[CompareAndSwap]:
		return ModelRegister
	}
	return ModelKV
}
