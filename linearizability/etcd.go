package linearizability

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/firstgap/firstgap/linearizability/internal/data"
)

// An etcdReader makes transactions of etcd's robustness reports. The revision that etcd answers with is the claimed order.
//
// A key holds its value together with the revision at which it was written, "1@2", because a transaction's conditions ask
// for the revision, and because values may repeat. That a key has any value, which a delete that removed something and a
// condition that failed show, is a scan of the one key that says that there was more.
type etcdReader struct {
	in      *input
	rec     *Recording
	calls   []etcdRequest
	written map[etcdVersion]string // values by key and revision
	seen    map[string][]int64     // by key and value, the revisions at which reads saw it
	owned   map[etcdVersion]bool   // some write is known to have made this version
	stale   int                    // reads of old revisions, left out
	idle    int                    // operations that neither read nor write
	blind   int                    // conditions that failed and say nothing
}

type etcdVersion struct {
	key      string
	revision int64
}

// An etcdRequest is one operation that may read or write.
type etcdRequest struct {
	client       int
	begin, end   int64
	unknown      bool // no answer
	persisted    bool // though it had no answer, it is known to have happened
	revision     int64
	conditions   []etcdCondition
	failed       bool // the conditions did not hold
	ops          []etcdOp
	alternatives bool // it has no answer, and both outcomes would write
	returned     int64
	in           *input
	line         int
}

type etcdCondition struct {
	key      string
	revision int64
	version  int64
}

type etcdOp struct {
	kind     string // range, put, delete or revoke
	key, end string
	limit    int64
	keysOnly bool
	value    string
	lease    int64
	result   data.Value
	known    bool // there is a result
}

func readEtcd(in *input, rec *Recording) error { return readEtcdFiles([]*input{in}, rec) }

// readEtcdFiles reads the operations of all clients, which are one history.
func readEtcdFiles(files []*input, rec *Recording) error {
	r := &etcdReader{rec: rec, written: make(map[etcdVersion]string), seen: make(map[string][]int64), owned: make(map[etcdVersion]bool)}
	for _, in := range files {
		r.in = in
		forms := data.NewJSON(in)
		if _, err := forms.Enter(); err != nil {
			return in.formError(err)
		}
		for {
			form, err := forms.Next()
			if err == io.EOF {
				break
			}
			if errors.Is(err, data.ErrCut) {
				// An operation that is missing may have written what another client read.
				line, column := forms.Position()
				return in.fail(line, column, "expected the end of an operation, found the end of the record")
			}
			if err != nil {
				return in.formError(err)
			}
			if err := r.operation(form); err != nil {
				return in.opError(form.Line, form.Column, err)
			}
		}
	}
	return r.finish()
}

// whole is the number of an object's key; 0 if it is left out.
func whole(v data.Value, key string) (int64, error) {
	n := v.Get(key)
	if n.Absent() {
		return 0, nil
	}
	i, err := strconv.ParseInt(n.Text, 10, 64)
	if n.Kind != data.Number || err != nil {
		return 0, unexpected(n, "a whole number as "+key)
	}
	return i, nil
}

// wholes are the numbers of several keys.
func wholes(v data.Value, into map[string]*int64) error {
	names := make([]string, 0, len(into))
	for name := range into {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		n, err := whole(v, name)
		if err != nil {
			return err
		}
		*into[name] = n
	}
	return nil
}

func (r *etcdReader) operation(form data.Value) error {
	if form.Kind != data.Map {
		return unexpected(form, "an operation of a robustness report")
	}
	request, response := form.Get("Input"), form.Get("Output")
	if request.Kind != data.Map || response.Kind != data.Map {
		return unexpected(form, "an operation with Input and Output")
	}
	c := etcdRequest{in: r.in, line: form.Line, persisted: response.Get("Persisted").Text == "true", unknown: response.Get("Error").Text != ""}
	var client, persisted int64
	if err := wholes(form, map[string]*int64{"ClientId": &client, "Call": &c.begin, "Return": &c.end}); err != nil {
		return err
	}
	if err := wholes(response, map[string]*int64{"Revision": &c.revision, "PersistedRevision": &persisted}); err != nil {
		return err
	}
	if client < 0 || client > maxClient {
		return unexpected(form.Get("ClientId"), "the number of a client")
	}
	if c.end < c.begin {
		return unexpected(form.Get("Return"), fmt.Sprintf("a Return at %d, the Call, or later", c.begin))
	}
	c.client, c.returned = int(client), c.end
	if c.unknown {
		c.revision, c.end = 0, Unfinished
	}
	if c.persisted && persisted > 0 {
		c.revision = persisted
	}
	if !c.unknown && response.Get("ClientError").Text != "" {
		r.idle++ // it was refused
		return nil
	}
	if err := r.request(&c, request, response); err != nil {
		return err
	}
	r.calls = append(r.calls, c)
	return nil
}

// request reads what was asked, with what was answered to each part.
func (r *etcdReader) request(c *etcdRequest, request, response data.Value) error {
	switch kind := request.Get("Type"); kind.Text {
	case "range":
		asked := request.Get("Range")
		op, err := etcdRange(asked)
		if err != nil {
			return err
		}
		old, err := whole(asked, "Revision")
		if err != nil {
			return err
		}
		op.result, op.known = response.Get("Range"), !c.unknown
		if old > 0 || c.revision == -1 {
			r.stale++
			return nil
		}
		c.ops = []etcdOp{op}
	case "txn":
		return r.txn(c, request.Get("Txn"), response.Get("Txn"))
	case "leaseRevoke":
		lease, err := whole(request.Get("LeaseRevoke"), "LeaseID")
		if err != nil {
			return err
		}
		c.ops = []etcdOp{{kind: "revoke", lease: lease}}
	case "leaseGrant", "defragment", "compact":
		r.idle++
	default:
		return unexpected(kind, "a Type among range, txn, leaseGrant, leaseRevoke, defragment and compact")
	}
	return nil
}

func etcdRange(v data.Value) (op etcdOp, err error) {
	op = etcdOp{kind: "range", key: v.Get("Start").Text, end: v.Get("End").Text, keysOnly: v.Get("KeysOnly").Text == "true"}
	op.limit, err = whole(v, "Limit")
	return op, err
}

// value is a value, or its hash where it was long.
func etcdValue(v data.Value) string {
	if hash := v.Get("Hash"); hash.Kind == data.Number && hash.Text != "0" {
		return "hash " + hash.Text
	}
	return v.Get("Value").Text
}

func (r *etcdReader) txn(c *etcdRequest, request, response data.Value) error {
	for _, condition := range request.Get("Conditions").Items {
		var one etcdCondition
		one.key = condition.Get("Key").Text
		if err := wholes(condition, map[string]*int64{"ExpectedRevision": &one.revision, "ExpectedVersion": &one.version}); err != nil {
			return err
		}
		if one.version != 0 {
			return unexpected(condition.Get("ExpectedVersion"), "a condition on a revision")
		}
		c.conditions = append(c.conditions, one)
	}
	c.failed = !c.unknown && response.Get("Failure").Text == "true"
	branch := request.Get("OperationsOnSuccess")
	if c.failed {
		branch = request.Get("OperationsOnFailure")
	}
	results := response.Get("Results").Items
	if !c.unknown && len(results) != len(branch.Items) {
		return unexpected(response, fmt.Sprintf("%d results, one for each operation", len(branch.Items)))
	}
	for i, asked := range branch.Items {
		var (
			op  etcdOp
			err error
		)
		switch kind := asked.Get("Type"); kind.Text {
		case "range-operation":
			op, err = etcdRange(asked.Get("Range"))
		case "put-operation":
			put := asked.Get("Put")
			op = etcdOp{kind: "put", key: put.Get("Key").Text, value: etcdValue(put.Get("Value"))}
			op.lease, err = whole(put, "LeaseID")
		case "delete-operation":
			op = etcdOp{kind: "delete", key: asked.Get("Delete").Get("Key").Text}
		default:
			return unexpected(kind, "a Type among range-operation, put-operation and delete-operation")
		}
		if err != nil {
			return err
		}
		if !c.unknown {
			op.result, op.known = results[i], true
		}
		c.ops = append(c.ops, op)
	}
	if c.unknown {
		c.alternatives = slices.ContainsFunc(request.Get("OperationsOnFailure").Items, func(v data.Value) bool { return v.Get("Type").Text != "range-operation" })
	}
	return nil
}

func (r *etcdReader) finish() error {
	slices.SortStableFunc(r.calls, func(a, b etcdRequest) int { return cmp.Compare(a.begin, b.begin) })
	if err := r.clients(); err != nil {
		return err
	}
	for i := range r.calls {
		r.note(&r.calls[i])
	}
	leases := r.leases()
	for i := range r.calls {
		t, err := r.convert(&r.calls[i], leases)
		if err != nil {
			return r.calls[i].in.fail(r.calls[i].line, 1, err.Error())
		}
		if t == nil {
			continue
		}
		t.ID = uint64(len(r.rec.Txns) + 1)
		r.rec.Txns = append(r.rec.Txns, *t)
		r.rec.txnLines = append(r.rec.txnLines, r.calls[i].line)
	}
	r.rec.Model = ModelTxn
	r.rec.note("revisions are the claimed order; a value is shown as value@revision")
	for n, what := range map[*int]string{&r.stale: "reads of old revisions are not linearizable and were left out: %d",
		&r.idle: "operations that change no key or were refused were left out: %d", &r.blind: "conditions that failed and whose key was not read say nothing: %d"} {
		if *n > 0 {
			r.rec.note(what, *n)
		}
	}
	slices.Sort(r.rec.Notes)
	return nil
}

// clients refuses two calls of one client at the same time.
func (r *etcdReader) clients() error {
	last := make(map[int]*etcdRequest)
	for i := range r.calls {
		c := &r.calls[i]
		if before, ok := last[c.client]; ok && before.returned > c.begin {
			return c.in.fail(c.line, 1, fmt.Sprintf("client %d calls again at %d before the end of its call of line %d", c.client, c.begin, before.line))
		}
		last[c.client] = c
	}
	return nil
}

// note remembers which value was written or seen at which revision.
func (r *etcdReader) note(c *etcdRequest) {
	for _, op := range c.ops {
		switch {
		case op.kind == "put" && c.revision > 0:
			r.written[etcdVersion{op.key, c.revision}] = op.value
			r.owned[etcdVersion{op.key, c.revision}] = true
		case op.kind == "range":
			for _, kv := range op.result.Get("KVs").Items {
				revision, _ := strconv.ParseInt(kv.Get("ModRevision").Text, 10, 64)
				version := etcdVersion{kv.Get("Key").Text, revision}
				if _, known := r.written[version]; !known {
					r.written[version] = etcdValue(kv.Get("Value"))
				}
				name := version.key + "\x00" + etcdValue(kv.Get("Value"))
				if !slices.Contains(r.seen[name], revision) {
					r.seen[name] = append(r.seen[name], revision)
				}
			}
		}
	}
}

// A leased key is attached to a lease from a revision to the next write of the key.
type etcdAttachment struct {
	key      string
	from, to int64
}

// leases are the keys of each lease.
func (r *etcdReader) leases() map[int64][]etcdAttachment {
	type put struct {
		revision, lease int64
	}
	puts := make(map[string][]put)
	for i := range r.calls {
		for _, op := range r.calls[i].ops {
			if (op.kind == "put" || op.kind == "delete") && r.calls[i].revision > 0 {
				puts[op.key] = append(puts[op.key], put{r.calls[i].revision, op.lease})
			}
		}
	}
	leases := make(map[int64][]etcdAttachment)
	for key, list := range puts {
		slices.SortFunc(list, func(a, b put) int { return cmp.Compare(a.revision, b.revision) })
		for i, p := range list {
			to := int64(math.MaxInt64)
			if i+1 < len(list) {
				to = list[i+1].revision
			}
			if p.lease != 0 {
				leases[p.lease] = append(leases[p.lease], etcdAttachment{key, p.revision, to})
			}
		}
	}
	for _, list := range leases {
		slices.SortFunc(list, func(a, b etcdAttachment) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.from, b.from)) })
	}
	return leases
}

// at is a value with its revision.
func at(value string, revision int64) string { return value + "@" + strconv.FormatInt(revision, 10) }

// exists says that a key had a value, whichever.
func exists(key string) Op { return Op{Kind: Scan, From: key, To: key + "\x00", More: true} }

// convert makes a transaction of a call, or nil of one that says nothing.
func (r *etcdReader) convert(c *etcdRequest, leases map[int64][]etcdAttachment) (*Txn, error) {
	t := &Txn{Client: c.client, Begin: c.begin, End: c.end, Outcome: Committed, Order: uint64(max(c.revision, 0))}
	if c.unknown && !c.persisted {
		t.Outcome, t.Order = OutcomeUnknown, 0
	}
	if c.alternatives {
		return nil, errors.New("expected a transaction without an answer to write in one outcome only, found one that writes in both")
	}
	revision := c.revision
	if c.unknown && revision == 0 {
		revision = r.revisionOf(c)
	}
	r.conditions(c, t)
	for _, op := range c.ops {
		switch op.kind {
		case "put":
			t.Ops = append(t.Ops, Op{Kind: Write, Key: op.key, Value: at(op.value, revision)})
		case "delete":
			if deleted, err := whole(op.result, "Deleted"); err != nil {
				return nil, err
			} else if op.known && deleted == 0 {
				t.Ops = append(t.Ops, Op{Kind: Read, Key: op.key})
				continue
			}
			if op.known {
				t.Ops = append(t.Ops, exists(op.key))
			}
			t.Ops = append(t.Ops, Op{Kind: Delete, Key: op.key})
		case "revoke":
			for _, a := range leases[op.lease] {
				if c.revision == 0 {
					return nil, fmt.Errorf("expected the answer to the revocation of lease %d, as key %q is attached to it, found none", op.lease, a.key)
				}
				if a.from < c.revision && c.revision <= a.to {
					t.Ops = append(t.Ops, Op{Kind: Delete, Key: a.key})
				}
			}
		case "range":
			if op.known {
				read, err := op.read()
				if err != nil {
					return nil, err
				}
				t.Ops = append(t.Ops, read...)
			}
		}
	}
	if len(t.Ops) == 0 {
		return nil, nil
	}
	return t, nil
}

// conditions are reads that the transaction did before all else.
func (r *etcdReader) conditions(c *etcdRequest, t *Txn) {
	for _, condition := range c.conditions {
		value, known := r.written[etcdVersion{condition.key, condition.revision}]
		switch {
		case !c.failed && condition.revision == 0:
			t.Ops = append(t.Ops, Op{Kind: Read, Key: condition.key})
		case !c.failed:
			// A revision of which the record knows no value: nobody wrote it, and the check says so.
			if !known {
				value = "?"
			}
			t.Ops = append(t.Ops, Op{Kind: Read, Key: condition.key, Found: true, Value: at(value, condition.revision)})
		case len(c.conditions) == 1 && condition.revision == 0:
			t.Ops = append(t.Ops, exists(condition.key))
		case len(c.conditions) == 1 && r.contradicts(c, condition):
			// Its answer shows the revision, and the failure that it was not there: two reads that contradict each other.
			t.Ops = append(t.Ops, Op{Kind: Read, Key: condition.key})
		default:
			r.blind++
		}
	}
}

// contradicts tells that the answer to a condition that failed shows that it held.
func (r *etcdReader) contradicts(c *etcdRequest, condition etcdCondition) bool {
	for _, op := range c.ops {
		for _, kv := range op.result.Get("KVs").Items {
			if kv.Get("Key").Text == condition.key && kv.Get("ModRevision").Text == strconv.FormatInt(condition.revision, 10) {
				return true
			}
		}
	}
	return false
}

// revisionOf is the revision of a write without an answer: the one at which a read saw a value that no other write of it
// explains. It is -1, which no read sees, if there is no such read.
func (r *etcdReader) revisionOf(c *etcdRequest) int64 {
	for _, op := range c.ops {
		if op.kind != "put" {
			continue
		}
		for _, revision := range r.seen[op.key+"\x00"+op.value] {
			if version := (etcdVersion{op.key, revision}); !r.owned[version] {
				r.owned[version] = true
				return revision
			}
		}
	}
	return -1
}

// read makes reads of the answer to a range.
func (op *etcdOp) read() ([]Op, error) {
	kvs := op.result.Get("KVs").Items
	rows := make([]Row, len(kvs))
	for i, kv := range kvs {
		revision, err := whole(kv, "ModRevision")
		if err != nil {
			return nil, err
		}
		rows[i] = Row{kv.Get("Key").Text, at(etcdValue(kv.Get("Value")), revision)}
	}
	count, err := whole(op.result, "Count")
	if err != nil {
		return nil, err
	}
	switch {
	case op.keysOnly:
		var reads []Op
		for _, row := range rows {
			reads = append(reads, exists(row.Key))
		}
		return reads, nil
	case op.end == "" && len(rows) == 0:
		return []Op{{Kind: Read, Key: op.key}}, nil
	case op.end == "":
		return []Op{{Kind: Read, Key: op.key, Found: true, Value: rows[0].Value}}, nil
	}
	end := op.end
	if end == "\x00" {
		end = ""
	}
	return []Op{{Kind: Scan, From: op.key, To: end, Most: int(op.limit), Rows: rows, More: count > int64(len(rows))}}, nil
}
