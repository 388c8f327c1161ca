package linearizability

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/linearizability/internal/data"
)

// A jepsenOp is one event as Jepsen and its kin write it: in EDN, in JSON, or as a line of a log.
type jepsenOp struct {
	typ     string // invoke, ok, fail or info
	process int    // -1 when it is absent
	nemesis bool
	f       string
	key     *data.Value // of a key-value log
	value   data.Value
	failed  bool // it says what went wrong
	line    int
	column  int
}

// A jepsenReader makes calls or transactions of them. The order of the events in the record is their order in real time;
// their times may tie or be absent.
type jepsenReader struct {
	in     *input
	rec    *Recording
	calls  callLog
	events int64

	// Of calls:
	keyed   int // +1: every value is [key value]; -1: none is; 0: not known yet
	keyLine int
	nils    int // reads that answered nil
	failed  int // compare-and-swaps that failed

	// Of transactions:
	txns       []Txn
	asked      []data.Value // by transaction, the value of its invocation until it is answered
	lines      []int
	open       map[int]int // by client, its transaction
	answers    bool        // there are answers only
	nameless   bool        // there are no processes
	lists      int         // the line of the first list
	values     int         // the line of the first read of a single value
	multiReads bool        // Knossos' multi-register: reads are :read and not :r

	nemesis []nemesisOp
}

type nemesisOp struct {
	f, value string
	time     int64
	line     int
}

func newJepsenReader(in *input, rec *Recording) *jepsenReader {
	return &jepsenReader{in: in, rec: rec, calls: callLog{input: in, rec: rec}, open: make(map[int]int)}
}

// readEDN reads forms of EDN: one map after the other, or one vector or list of them.
func readEDN(in *input, rec *Recording) error { return readForms(in, rec, data.NewEDN(in)) }

// readJepsenJSON reads the same as JSON.
func readJepsenJSON(in *input, rec *Recording) error { return readForms(in, rec, data.NewJSON(in)) }

func readForms(in *input, rec *Recording, forms *data.Reader) error {
	r := newJepsenReader(in, rec)
	if _, err := forms.Enter(); err != nil {
		return in.formError(err)
	}
	longest := 0 // how many lines a form went on
	for {
		form, err := forms.Next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, data.ErrCut) {
			// A form that is longer than all before it was not cut off: it lacks its end, and has swallowed what follows.
			line, column := forms.Begun()
			end, at := forms.Position()
			if at == 1 {
				end-- // the newline of the last line is there
			}
			if r.answers || end-line > longest {
				return in.fail(line, column, "expected the end of the form that begins here, found the end of the record")
			}
			rec.cut(end)
			break
		}
		if err != nil {
			return in.formError(err)
		}
		end, _ := forms.Position()
		longest = max(longest, end-form.Line)
		op, err := jepsenForm(form)
		if err == nil {
			err = r.event(op)
		}
		if err != nil {
			return in.opError(form.Line, form.Column, err)
		}
	}
	return r.finish()
}

// opError says in which operation of a record an error is.
func (in *input) opError(line, column int, err error) error {
	var at *placedError
	if errors.As(err, &at) {
		line, column = at.line, at.column
	}
	return in.fail(line, column, err.Error())
}

// A placedError is about a part of an operation.
type placedError struct {
	line, column int
	problem      string
}

func (e *placedError) Error() string { return e.problem }

func unexpected(v data.Value, expected string) error {
	found := v.Kind.String()
	if text := v.String(); !v.Absent() {
		found = clip(text)
	}
	return &placedError{max(v.Line, 1), max(v.Column, 1), fmt.Sprintf("expected %s, found %s", expected, found)}
}

// jepsenForm reads a map.
func jepsenForm(form data.Value) (*jepsenOp, error) {
	if form.Kind != data.Map {
		return nil, unexpected(form, "an operation such as {:type :invoke, :process 0, :f :read, :value nil}")
	}
	op := &jepsenOp{process: -1, line: form.Line, column: form.Column, value: form.Get("value"), failed: !form.Get("error").Absent()}
	kind := form.Get("type")
	if kind.Kind != data.Keyword && kind.Kind != data.String || !jepsenType(kind.Text) {
		if kind.Kind == 0 {
			kind.Line, kind.Column = form.Line, form.Column
		}
		return nil, unexpected(kind, "a :type: :invoke, :ok, :fail or :info")
	}
	op.typ = kind.Text
	switch process := form.Get("process"); process.Kind {
	case 0, data.Nil:
	case data.Number:
		n, err := strconv.Atoi(process.Text)
		if err != nil || n < 0 || n > maxClient {
			return nil, unexpected(process, "the number of a :process")
		}
		op.process = n
	case data.Keyword, data.String:
		op.nemesis = true
	default:
		return nil, unexpected(process, "the number of a :process")
	}
	switch f := form.Get("f"); f.Kind {
	case 0, data.Nil:
	case data.Keyword, data.String:
		op.f = f.Text
	default:
		return nil, unexpected(f, "the keyword of a function :f")
	}
	if key := form.Get("key"); key.Kind != 0 {
		op.key = &key
	}
	return op, nil
}

func jepsenType(text string) bool {
	return text == "invoke" || text == "ok" || text == "fail" || text == "info"
}

// jepsenLine finds an operation in a line of a log. Before it comes nothing, or what Jepsen's log pattern puts there:
//
//	INFO  jepsen.util - 3	:invoke	:cas	[1 2]
//	2024-01-02 03:04:05,678{GMT}	INFO	[jepsen worker 3] jepsen.util: 3	:invoke	:cas	[1 2]
var jepsenLine = regexp.MustCompile(`(?:^|jepsen\.[\w.$-]+(?: - |: ))(\d+|:[\w.-]+)[ \t]+:(\w+)[ \t]+:(\S+)[ \t]*`)

// findJepsen is jepsenLine.FindSubmatchIndex, but for most other lines of a log it looks for a keyword only, which is many times
// faster.
func findJepsen(line []byte) []int {
	if !bytes.Contains(line, []byte("\t:")) && !bytes.Contains(line, []byte(" :")) {
		return nil
	}
	return jepsenLine.FindSubmatchIndex(line)
}

// readJepsenLog reads the lines that hold operations, among others.
func readJepsenLog(in *input, rec *Recording) error {
	r := newJepsenReader(in, rec)
	values := data.NewEDN(nil)
	other := 0
	for {
		text, open, err := in.line()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		text = bytes.TrimRight(text, " \t\r")
		parts := findJepsen(text)
		if parts == nil || !jepsenType(string(text[parts[4]:parts[5]])) {
			if open {
				rec.cut(in.lines)
				break
			}
			if parts != nil && text[parts[2]] != ':' {
				return in.fail(in.lines, parts[4]+1, fmt.Sprintf("expected :invoke, :ok, :fail or :info, found %q", text[parts[4]-1:parts[5]]))
			}
			other++
			continue
		}
		op := jepsenOp{process: -1, typ: string(text[parts[4]:parts[5]]), f: string(text[parts[6]:parts[7]]), line: in.lines, column: parts[2] + 1}
		if process := string(text[parts[2]:parts[3]]); process[0] == ':' {
			op.nemesis = true
		} else if op.process, err = strconv.Atoi(process); err != nil || op.process > maxClient {
			return in.fail(in.lines, op.column, fmt.Sprintf("expected the number of a process, found %q", process))
		}
		// A line that was cut off may end in the middle of a number or of an error, but not behind a bracket. What failed may
		// lack its error, without which it would say more.
		if open && (!bytes.HasSuffix(text, []byte("]")) || op.typ == "fail") {
			rec.cut(in.lines)
			break
		}
		values.Text(text[parts[1]:], in.lines, parts[1]+1)
		op.value, err = values.Next()
		if err != nil && err != io.EOF && !op.nemesis && (op.typ == "invoke" || op.typ == "ok") {
			if open {
				rec.cut(in.lines)
				break
			}
			if errors.Is(err, data.ErrCut) {
				return in.fail(in.lines, len(text)+1, "expected the end of a form, found the end of the line")
			}
			return in.formError(err)
		}
		_, more := values.Next()
		op.failed = more != io.EOF
		if err := r.event(&op); err != nil {
			return in.opError(in.lines, op.column, err)
		}
	}
	if other > 0 {
		rec.note("%d lines hold no operation and were skipped", other)
	}
	return r.finish()
}

var jepsenKinds = map[string]CallKind{"read": Get, "get": Get, "write": Put, "put": Put, "cas": CompareAndSwap, "append": Append, "add": Add,
	"remove": Remove, "delete": Discard, "enqueue": Enqueue, "dequeue": Dequeue, "drain": Dequeue, "acquire": Acquire, "release": Release}

// event takes the next one.
func (r *jepsenReader) event(op *jepsenOp) error {
	r.events++
	if op.nemesis {
		r.nemesis = append(r.nemesis, nemesisOp{op.f, op.value.String(), r.events, op.line})
		return nil
	}
	kind := jepsenKinds[op.f]
	switch {
	case op.f == "txn" || op.f == "" && op.value.Kind == data.Sequence:
		if len(r.calls.calls) > 0 {
			return errors.New("a history has calls or transactions, not both")
		}
		return r.txn(op)
	case kind == 0:
		names := make([]string, 0, len(jepsenKinds))
		for name := range jepsenKinds {
			names = append(names, ":"+name)
		}
		slices.Sort(names)
		return fmt.Errorf("expected a function among %s and :txn, found %q", strings.Join(names, ", "), ":"+op.f)
	case len(r.txns) > 0:
		return errors.New("a history has calls or transactions, not both")
	case op.process < 0:
		return errors.New("expected the number of a :process, found none")
	case op.typ == "invoke":
		return r.invoke(op, kind)
	}
	return r.answer(op, kind)
}

// inner divides a value of jepsen.independent, [key value], if the history has such values.
func (r *jepsenReader) inner(op *jepsenOp, kind CallKind) (key string, value data.Value, err error) {
	if op.key != nil {
		if op.key.Kind == data.Nil {
			return "", value, unexpected(*op.key, "a :key")
		}
		return op.key.String(), op.value, nil
	}
	pair := op.value.Kind == data.Sequence && len(op.value.Items) == 2
	if r.keyed == 0 {
		r.keyed, r.keyLine = -1, op.line
		if pair && (kind != CompareAndSwap || op.value.Items[1].Kind == data.Sequence) {
			r.keyed = 1
		}
	}
	if r.keyed < 0 {
		return "", op.value, nil
	}
	if !pair {
		return "", value, unexpected(placed(op.value, op), fmt.Sprintf("[key value], as in line %d", r.keyLine))
	}
	return op.value.Items[0].String(), op.value.Items[1], nil
}

// placed gives a value that is not there the place of its operation.
func placed(v data.Value, op *jepsenOp) data.Value {
	if v.Line == 0 {
		v.Line, v.Column = op.line, op.column
	}
	return v
}

func (r *jepsenReader) invoke(op *jepsenOp, kind CallKind) error {
	key, value, err := r.inner(op, kind)
	if err != nil {
		return err
	}
	c := Call{Client: op.process, Kind: kind, Key: key}
	switch kind {
	case Get, Dequeue, Acquire, Release, Discard:
		// A read that is invoked with a value knows it already; the answer says it again.
	case CompareAndSwap:
		if value.Kind != data.Sequence || len(value.Items) != 2 {
			return unexpected(placed(value, op), "[from to] as the value of a :cas")
		}
		c.From, c.Value = value.Items[0].String(), value.Items[1].String()
	default:
		if value.Absent() {
			return unexpected(placed(value, op), fmt.Sprintf("the value of :%s", op.f))
		}
		c.Value = value.String()
	}
	return r.calls.invoke(c, r.events, op.line)
}

func (r *jepsenReader) answer(op *jepsenOp, kind CallKind) error {
	at, err := r.calls.open(op.process)
	if err != nil {
		return err
	}
	c := &r.calls.calls[at]
	if kind != c.Kind {
		return same("function", c.Kind.String(), kind.String())
	}
	value := op.value
	if op.typ == "ok" && !(value.Absent() && kind != Get && kind != Dequeue) {
		var key string
		if key, value, err = r.inner(op, kind); err != nil {
			return err
		}
		if err := same("key", c.Key, key); err != nil {
			return err
		}
	}
	switch {
	case op.typ == "ok" && (kind == Put || kind == Append) && !value.Absent():
		err = same("value", c.Value, value.String())
	case op.typ == "ok" && kind == CompareAndSwap && !value.Absent():
		if value.Kind != data.Sequence || len(value.Items) != 2 {
			return unexpected(value, "[from to] as the value of a :cas")
		}
		err = same("value", c.From+" "+c.Value, value.Items[0].String()+" "+value.Items[1].String())
	}
	if err != nil {
		return err
	}
	r.calls.answered(at, r.events)
	switch {
	case op.typ == "info":
	case op.typ == "fail" && kind == CompareAndSwap:
		r.failed++
		if r.in.options.FailedCAS == FailedCASDiffered && !op.failed && op.value.Kind != data.Keyword {
			c.Unknown = false // it found another value
		} else {
			r.calls.drop(at)
		}
	case op.typ == "fail":
		r.calls.drop(at)
	case op.f == "drain":
		return r.drained(at, value)
	case kind == Get && value.Absent() && op.key == nil:
		r.nils++
		if c.Unknown = r.in.options.NilRead == NilReadUnknown; c.Unknown {
			r.calls.drop(at)
		}
	default:
		c.Unknown = false
		c.Swapped = kind == CompareAndSwap
		if (kind == Get || kind == Dequeue) && !value.Absent() {
			c.Found = true
			if kind == Get && (value.Kind == data.Sequence || value.Kind == data.Set) {
				c.Elements = texted(value.Items)
			} else {
				c.Value = value.String()
			}
		}
	}
	return nil
}

// drained makes of a queue that was emptied one call for each element.
func (r *jepsenReader) drained(at int, value data.Value) error {
	if value.Kind != data.Sequence && !value.Absent() {
		return unexpected(value, "the elements as the value of a :drain")
	}
	c := r.calls.calls[at]
	r.calls.drop(at)
	c.Unknown, c.Found = false, true
	for _, item := range value.Items {
		c.Value = item.String()
		r.calls.calls = append(r.calls.calls, c)
	}
	return nil
}

func texted(items []data.Value) []string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.String()
	}
	return texts
}

// txn takes an event of a transaction.
func (r *jepsenReader) txn(op *jepsenOp) error {
	client := op.process
	if op.typ == "invoke" {
		if client < 0 {
			return errors.New("expected the number of a :process, found none")
		}
		if r.answers {
			return errors.New("expected answers only, as the record began with one, found an :invoke")
		}
		if at, ok := r.open[client]; ok {
			return fmt.Errorf("client %d begins a transaction before the end of the one of line %d", client, r.lines[at])
		}
		if err := mops(op.value, op); err != nil {
			return err
		}
		r.open[client] = len(r.txns)
		r.add(Txn{Client: client, Begin: r.events, End: Unfinished}, op)
		return nil
	}
	if len(r.txns) == 0 {
		r.answers, r.nameless = true, client < 0
	}
	if !r.answers {
		at, ok := r.open[client]
		if !ok {
			return fmt.Errorf("client %d is answered, but no transaction of it is open", client)
		}
		delete(r.open, client)
		return r.answered(at, op)
	}
	if r.nameless != (client < 0) {
		return errors.New("expected a :process in every operation or in none")
	}
	if client < 0 {
		client = len(r.txns)
	}
	r.add(Txn{Client: client}, op)
	return r.answered(len(r.txns)-1, op)
}

func (r *jepsenReader) add(t Txn, op *jepsenOp) {
	t.ID = uint64(len(r.txns) + 1)
	r.txns, r.asked, r.lines = append(r.txns, t), append(r.asked, op.value), append(r.lines, op.line)
}

// mops refuses what is no list of micro-operations.
func mops(value data.Value, op *jepsenOp) error {
	const form = "micro-operations such as [[:r 1 nil] [:append 1 5]]"
	if value.Kind != data.Sequence {
		return unexpected(placed(value, op), form)
	}
	for _, mop := range value.Items {
		if mop.Kind != data.Sequence || len(mop.Items) < 2 || len(mop.Items) > 3 {
			return unexpected(mop, form)
		}
		if f := mop.Items[0]; !isRead(f) && !f.Is("w") && !f.Is("write") && !f.Is("append") {
			return unexpected(f, "a micro-operation among :r, :read, :w, :write and :append")
		}
		if !isRead(mop.Items[0]) && (len(mop.Items) < 3 || mop.Items[2].Absent()) {
			return unexpected(mop, "the value that is written")
		}
	}
	return nil
}

func isRead(f data.Value) bool { return f.Is("r") || f.Is("read") }

// answered ends a transaction.
func (r *jepsenReader) answered(at int, op *jepsenOp) error {
	t, asked := &r.txns[at], r.asked[at]
	r.asked[at] = data.Value{}
	if !r.answers {
		t.End = r.events
	}
	value := asked
	switch op.typ {
	case "ok":
		t.Outcome, value = Committed, op.value
		if err := mops(value, op); err != nil {
			return err
		}
		if err := sameMops(asked, value); err != nil {
			return err
		}
	case "fail":
		t.Outcome = Aborted
	}
	return r.operations(t, value, op.line)
}

// sameMops refuses an answer to other operations than were asked for.
func sameMops(asked, answered data.Value) error {
	if len(asked.Items) != len(answered.Items) {
		return unexpected(answered, fmt.Sprintf("the %d micro-operations that were invoked in line %d", len(asked.Items), asked.Line))
	}
	for i, a := range asked.Items {
		b := answered.Items[i]
		n := 2
		if !isRead(a.Items[0]) {
			n = 3
		}
		for j := range min(n, len(a.Items), len(b.Items)) {
			if a.Items[j].String() != b.Items[j].String() {
				return unexpected(b, fmt.Sprintf("an answer to %s, as invoked in line %d", a.String(), a.Line))
			}
		}
	}
	return nil
}

// operations fills a transaction. What it read is known only of one that committed.
func (r *jepsenReader) operations(t *Txn, value data.Value, line int) error {
	for _, mop := range value.Items {
		f, op := mop.Items[0], Op{Key: mop.Items[1].String()}
		r.multiReads = r.multiReads || f.Is("read")
		var v data.Value
		if len(mop.Items) == 3 {
			v = mop.Items[2]
		}
		switch {
		case f.Is("append"):
			op.Kind, op.Value = ListAppend, v.String()
			r.lists = cmp.Or(r.lists, line)
		case !isRead(f):
			op.Kind, op.Value = Write, v.String()
		case t.Outcome != Committed:
			continue
		case v.Kind == data.Sequence:
			op.Kind, op.List = ListRead, texted(v.Items)
			r.lists = cmp.Or(r.lists, line)
		case v.Absent():
			if f.Is("read") {
				r.nils++
				if r.in.options.NilRead == NilReadUnknown {
					continue
				}
			}
			op.Kind = Read
		default:
			op.Kind, op.Found, op.Value = Read, true, v.String()
			r.values = cmp.Or(r.values, mop.Line)
		}
		t.Ops = append(t.Ops, op)
	}
	return nil
}

func (r *jepsenReader) finish() error {
	rec := r.rec
	r.calls.finish(rec)
	rec.Faults = faultsOf(r.nemesis)
	if r.nils > 0 {
		rec.note("%s (--nil-read %s)", map[NilRead]string{NilReadUnknown: "a read of nil fits any value", NilReadAbsent: "a read of nil found no value"}[r.in.options.NilRead], r.in.options.NilRead)
	}
	if r.failed > 0 {
		rec.note("%s (--failed-cas %s)", map[FailedCAS]string{FailedCASDidNotHappen: "a compare-and-swap that failed did not happen and says nothing",
			FailedCASDiffered: "a compare-and-swap that failed without an error found another value"}[r.in.options.FailedCAS], r.in.options.FailedCAS)
	}
	if len(r.txns) == 0 {
		rec.Model = modelOf(rec.Calls)
		if rec.Model == ModelKV && rec.Format != FormatKVLog {
			rec.Model = ModelRegister
		}
		return nil
	}
	if r.lists > 0 && r.values > 0 {
		return r.in.fail(r.values, 1, fmt.Sprintf("expected a list to be read, as line %d has lists, found a single value", r.lists))
	}
	for i := range r.txns {
		t := &r.txns[i]
		if _, open := r.open[t.Client]; open && t.End == Unfinished && !r.answers {
			if err := r.operations(t, r.asked[i], r.lines[i]); err != nil {
				return err
			}
		}
		for j := range t.Ops {
			if op := &t.Ops[j]; op.Kind == Read && r.lists > 0 {
				op.Kind = ListRead // of an empty list
			}
		}
	}
	rec.Txns, rec.txnLines, rec.Pending = r.txns, r.lines, len(r.open)
	rec.Model = ModelTxn
	if r.multiReads {
		rec.Model = ModelMultiRegister
	}
	if r.answers {
		rec.Level = SessionSerializable
		if r.nameless {
			rec.Level = Serializable
		}
		rec.note("the record has answers only and so no real time: %s is the most that it can show", rec.Level)
	}
	return nil
}

// recoveries are the operations of a nemesis that end what another one began.
var recoveries = map[string]string{"heal": "partition", "resume": "pause", "unpause": "pause", "restart": "kill", "reset": "bump"}

// faultsOf makes faults of what a nemesis said: two events for each operation, one when it begins and one when it has
// been done, where a later operation may take back an earlier one.
func faultsOf(ops []nemesisOp) []Fault {
	var faults []Fault
	running := make(map[string]int) // by what it does, the fault + 1
	for _, op := range ops {
		what, stop := op.f, false
		for _, prefix := range []string{"stop", "end"} {
			if rest, ok := strings.CutPrefix(op.f, prefix); ok && (rest == "" || rest[0] == '-') {
				what, stop = rest, true
			}
		}
		if rest, ok := strings.CutPrefix(op.f, "start"); ok && (rest == "" || rest[0] == '-') {
			what = rest
			if _, killed := running["kill"]; killed && rest == "" {
				what, stop = "kill", true
			}
		}
		for recovery, begun := range recoveries {
			if rest, ok := strings.CutPrefix(op.f, recovery); ok && (rest == "" || rest[0] == '-') {
				what, stop = begun, true
			}
		}
		at, ok := running[what]
		switch {
		case stop && ok:
			faults[at-1].End = op.time
			delete(running, what)
		case ok:
			if op.value != "nil" {
				faults[at-1].Value = op.value // what the second event says of it
			}
		case !stop:
			fault := Fault{Name: op.f, Value: op.value, Begin: op.time, End: Unfinished, Line: op.line}
			if fault.Value == "nil" {
				fault.Value = ""
			}
			faults = append(faults, fault)
			running[what] = len(faults)
		}
	}
	return faults
}
