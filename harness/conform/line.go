package conform

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// A line is the log of one epoch by content: the model knows which transaction gave a row its value, not the
// value. It is empty until the epoch has decided.
type line struct {
	writer  node.ID // who speaks for the epoch, 0 until somebody did
	base    node.LSN
	history node.History
	records []*node.Record // by LSN-1
	values  []node.Value   // by the model's key: the row's value on this log
	groups  []node.Group   // by the model's key: the group of its latest change
	last    []node.LSN     // by group: its last LSN
	before  []node.LSN     // by LSN-1: for a write, the transaction's write before it
	top     []node.LSN     // by the model's transaction: its latest write that is not taken back
	change  *toldChange    // the last change of the geometry that was made for its writer
	removed bool           // its cut took away a record that some segment held
}

func (ln *line) value(key int) node.Value {
	if key < len(ln.values) {
		return ln.values[key]
	}
	return node.Value{}
}

// undone returns the write that the next undo of txn takes back, 0 if all is taken back.
func (ln *line) undone(txn int) node.LSN {
	if txn < len(ln.top) {
		return ln.top[txn]
	}
	return 0
}

// push appends r, whose key and transaction have these numbers in the model; a structural change has none.
func (ln *line) push(r *node.Record, key, txn int) {
	before := node.LSN(0)
	if r.Kind != node.Structure {
		ln.values = grown(ln.values, key)
		ln.top = grown(ln.top, txn)
		ln.groups = grown(ln.groups, key)
	}
	switch r.Kind {
	case node.Write:
		before = ln.top[txn]
		ln.top[txn] = r.LSN
		ln.values[key], ln.groups[key] = r.New, r.Group
	case node.Undo:
		ln.top[txn] = ln.before[ln.top[txn]-1]
		ln.values[key], ln.groups[key] = r.New, r.Group
	}
	ln.records = append(ln.records, r)
	ln.before = append(ln.before, before)
	ln.last[r.Group] = r.LSN
}

// grown returns s, long enough to be indexed by i.
func grown[T any](s []T, i int) []T {
	if i < len(s) {
		return s
	}
	return append(s, make([]T, i+1-len(s))...)
}

// issued returns the record that the writer of e issued as l, nil when it issued none.
func (v *Validator) issued(l node.LSN, e node.Epoch) *node.Record {
	if e < 1 || int(e) > len(v.lines) {
		return nil
	}
	ln := &v.lines[e-1]
	if l <= ln.base || l > node.LSN(len(ln.records)) {
		return nil
	}
	return ln.records[l-1]
}

// cut makes the line of e out of the log that the model gives it.
func (v *Validator) cut(e, from, base int) *line {
	ln := v.line(e)
	old := &v.lines[from-1]
	*ln = line{writer: ln.writer, change: ln.change, base: node.LSN(base), last: make([]node.LSN, v.volume.Groups())}
	ln.records = make([]*node.Record, 0, base+64)
	for l := 1; l <= base; l++ {
		rec := v.model.Record(e, l)
		ln.push(old.records[l-1], int(rec.Key), int(rec.Txn))
		if n := len(ln.history); n == 0 || ln.history[n-1].Epoch != node.Epoch(rec.Epoch) {
			ln.history = append(ln.history, node.Span{Epoch: node.Epoch(rec.Epoch), From: node.LSN(l)})
		}
	}
	ln.history = append(ln.history, node.Span{Epoch: node.Epoch(e), From: node.LSN(base) + 1})
	return ln
}

// line returns the line of an epoch that has started.
func (v *Validator) line(e int) *line {
	for len(v.lines) < e {
		v.lines = append(v.lines, line{})
	}
	return &v.lines[e-1]
}

// sameHistory tells whether two histories name the same writer for every LSN. A span that the next one covers
// whole, because its epoch wrote nothing, says nothing.
func sameHistory(a, b node.History) bool {
	return slices.Equal(a, b) || slices.Equal(trimmed(a), trimmed(b))
}

func trimmed(h node.History) node.History {
	var kept node.History
	for i, s := range h {
		if i+1 == len(h) || h[i+1].From > s.From {
			kept = append(kept, s)
		}
	}
	return kept
}

// issue takes a record that a writer gave its LSN.
func (v *Validator) issue(from node.ID, t *node.Trace) *problem {
	r := t.Record
	if r == nil {
		return &problem{rule: ruleComplete, why: fmt.Sprintf("%s of epoch %d carries no record", t.Action, t.Epoch)}
	}
	if p := v.speaks(from, t.Epoch); p != nil {
		return p
	}
	e := int(t.Epoch)
	if r.Epoch != t.Epoch || node.IssueOf(r.Kind) != t.Action || r.Group >= node.Group(v.volume.Groups()) || !r.Intact() {
		return &problem{
			rule: ruleRecord, why: fmt.Sprintf("the writer of epoch %d issued a record that cannot be its own", e),
			expected: fmt.Sprintf("a sealed %s of epoch %d in one of %d groups", t.Action, e, v.volume.Groups()), found: full(r),
		}
	}
	if g := v.volume.GroupOf(r.Page); g != r.Group {
		return &problem{
			rule: ruleHome, why: fmt.Sprintf("record %d/%d is in another group than its page", r.LSN, r.Epoch),
			expected: fmt.Sprintf("group %d, where page %d lives", g, r.Page), found: full(r),
		}
	}
	if r.Kind == node.Structure {
		return v.structure(e, r)
	}
	txn, known := v.txns[r.Txn]
	if !known {
		if t.Action != node.ActWrite || r.Txn.Epoch() != t.Epoch {
			return &problem{
				rule: ruleKnown, why: fmt.Sprintf("%s of transaction %s, which never wrote", t.Action, r.Txn),
				expected: fmt.Sprintf("a transaction of epoch %d, known by its first write", e), found: full(r),
			}
		}
		txn = len(v.txnNames) + 1
	}
	key := v.key(r)
	var g volume.Refusal
	var count *uint64
	switch t.Action {
	case node.ActWrite:
		g, count = v.model.WriteIn(e, txn, key, int(r.Group), r.Last), &v.counts.Writes
	case node.ActCommit:
		g, count = v.model.Commit(e, txn), &v.counts.Commits
	default:
		g, count = v.model.UndoIn(e, txn, int(r.Group)), &v.counts.Undos
	}
	if g != "" {
		return refused(g, v.writerState(e), full(r), "the writer of epoch %d may not %s for transaction %s%s", e, verb(t.Action), r.Txn, v.holderOf(e, key, txn))
	}
	if !known {
		v.txns[r.Txn] = txn
		v.txnNames = append(v.txnNames, r.Txn)
	}
	if p := v.sameRecord(e, txn, key, r); p != nil {
		return p
	}
	ln := v.line(e)
	if key < len(ln.groups) && ln.groups[key] != r.Group && ln.values[key] != (node.Value{}) && r.Kind != node.Commit {
		v.counts.Moves++
	}
	if r.Kind == node.Write && v.model.Undone(e, txn) {
		v.counts.Resumed++
	}
	ln.push(r, key, txn)
	return v.did(count)
}

// structure takes a record that changes a page for no transaction.
func (v *Validator) structure(e int, r *node.Record) *problem {
	if r.Txn != 0 || r.Undoes != 0 {
		return &problem{
			rule: ruleRecord, why: fmt.Sprintf("record %d/%d changes the structure of a page for a transaction, or takes something back", r.LSN, r.Epoch),
			expected: "no transaction, and nothing taken back", found: full(r),
		}
	}
	if g := v.model.Structure(e, int(r.Group), r.Last); g != "" {
		return refused(g, v.writerState(e), full(r), "the writer of epoch %d may not change the structure of a page", e)
	}
	if p := v.sameRecord(e, 0, -1, r); p != nil {
		return p
	}
	v.line(e).push(r, -1, 0)
	return v.did(&v.counts.Structures)
}

func verb(a node.Action) string {
	return map[node.Action]string{node.ActWrite: "write", node.ActCommit: "commit", node.ActUndo: "undo"}[a]
}

// key returns the model's number of the record's row. A row gets the next one with its first write; any other record of a
// row without a number is given one that no row has.
func (v *Validator) key(r *node.Record) int {
	key, known := v.rows[r.Key]
	if known {
		return key
	}
	key = len(v.names)
	if r.Kind == node.Write {
		v.rows[r.Key] = key
		v.names = append(v.names, r.Key)
	}
	return key
}

// sameRecord compares the record that the model has just appended with the implementation's.
func (v *Validator) sameRecord(e, txn, key int, r *node.Record) *problem {
	ln := v.line(e)
	l := v.model.End(e)
	rec := v.model.Record(e, l)
	group, row := node.Group(rec.Group), v.row(int(rec.Key))
	if r.LSN != node.LSN(l) || r.Group != group || r.Last != rec.Last || int(rec.Txn) != txn || int(rec.Key) != key {
		return &problem{
			rule: ruleRecord, why: fmt.Sprintf("epoch %d issued another %s than the model", e, r.Kind),
			expected: fmt.Sprintf("LSN %d, group %d, row %q, last %t", l, group, row, rec.Last), found: full(r),
		}
	}
	if r.Prev != ln.last[r.Group] {
		return &problem{
			rule: rulePrevious, why: fmt.Sprintf("record %d/%d does not continue its group", r.LSN, r.Epoch),
			expected: fmt.Sprintf("back-link to %d", ln.last[r.Group]), found: full(r),
		}
	}
	switch r.Kind {
	case node.Write, node.Undo:
		if old := ln.value(key); r.Old != old {
			return &problem{
				rule: ruleOld, why: fmt.Sprintf("record %d/%d says that row %q held something else than it did", r.LSN, r.Epoch, r.Key),
				expected: "old value " + old.String(), found: full(r),
			}
		}
	}
	switch r.Kind {
	case node.Write, node.Commit:
		if r.Undoes != 0 {
			return &problem{
				rule: ruleRecord, why: fmt.Sprintf("record %d/%d is a %s that takes something back", r.LSN, r.Epoch, r.Kind),
				expected: "nothing taken back", found: full(r),
			}
		}
	case node.Undo:
		undone := ln.undone(txn)
		if w := ln.records[undone-1]; r.Undoes != undone || r.New != w.Old {
			return &problem{
				rule: ruleUndo, why: fmt.Sprintf("undo %d/%d does not take back the latest change of transaction %s", r.LSN, r.Epoch, r.Txn),
				expected: fmt.Sprintf("undoes %d, row %q gets %s back", undone, w.Key, w.Old), found: full(r),
			}
		}
	}
	return nil
}

// row names a row by the model's key.
func (v *Validator) row(key int) string {
	if key < 0 || key >= len(v.names) {
		return ""
	}
	return v.names[key]
}

// full renders a record with what String leaves out.
func full(r *node.Record) string {
	s := fmt.Sprintf("%s, group %d, back-link %d, last %t", r, r.Group, r.Prev, r.Last)
	if r.Undoes != 0 {
		s += fmt.Sprintf(", undoes %d", r.Undoes)
	}
	if !r.Intact() {
		s += ", checksum wrong"
	}
	return s
}
