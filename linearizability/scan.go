package linearizability

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A scan is a read of every key in its range: of those that it answered with their values, and of all others with none.
// A key that no transaction of the history names never has a value, so the keys of the history are all that matter. Seen
// so, a phantom is a read like any other that no order explains, and every stage of the check decides scans too.

// orderKeys numbers all keys of the history, in the order of their names.
func (c *compiler) orderKeys() {
	for i := range c.history {
		for _, op := range c.history[i].Ops {
			switch op.Kind {
			case Read, Write, Delete:
				c.key(op.Key)
			case Scan:
				for _, row := range op.Rows {
					c.key(row.Key)
				}
			}
		}
	}
	c.inOrder = make([]int32, len(c.keys))
	for i := range c.inOrder {
		c.inOrder[i] = int32(i)
	}
	slices.SortFunc(c.inOrder, func(a, b int32) int { return cmp.Compare(c.keys[a], c.keys[b]) })
}

// scan compiles one scan.
func (c *compiler) scan(op *Op) {
	if v := op.disorder(); v != nil {
		c.consistent = false
		if c.committed && c.violation == nil {
			v.Txn, v.Client = c.history[c.txn].ID, c.history[c.txn].Client
			c.violation = v
		}
		return
	}
	first, _ := slices.BinarySearchFunc(c.inOrder, op.From, func(k int32, name string) int { return strings.Compare(c.keys[k], name) })
	rows := op.Rows
	var behind []int32 // the last row
	for _, k := range c.inOrder[first:] {
		if !op.covers(c.keys[k]) {
			break
		}
		switch {
		case len(rows) > 0 && rows[0].Key == c.keys[k]:
			c.read(k, c.value(rows[0].Value), op)
			rows = rows[1:]
		case len(rows) == 0 && op.More:
			behind = append(behind, k)
		default:
			c.read(k, absent, op)
		}
	}
	if op.More {
		c.leftOut(op, behind)
	}
}

// leftOut compiles that at least one of the keys must have a value. What the transaction knows of them already, it need
// not be told by the state.
func (c *compiler) leftOut(op *Op, behind []int32) {
	var open []int32
	for _, k := range behind {
		seen := c.seen(k)
		value := c.own(seen)
		if value == none && seen.read > 0 && !c.lenient {
			value = c.reads[seen.read-1].value
		}
		switch value {
		case none:
			open = append(open, k)
		case absent:
		default:
			return
		}
	}
	if len(open) > 0 {
		c.more, c.moreAt = append(c.more, open), append(c.moreAt, int32(len(c.reads)-c.firstRead))
		return
	}
	c.consistent = false
	if c.committed && c.violation == nil {
		c.violation = c.leftOutNothing(c.txn, op, "it says that there are more, and nobody has ever written one")
	}
}

// leftOutNothing is the objection to a scan that says that it left rows out.
func (c *compiled) leftOutNothing(txn int32, op *Op, detail string) *Violation {
	v := c.violation(Phantom, txn, detail)
	v.Scan = op.question()
	return v
}

// covers tells whether a key is in the scan's range.
func (op *Op) covers(key string) bool { return key >= op.From && (op.To == "" || key < op.To) }

// covered tells which keys are in the range of any of the scans.
func covered(scans []*Op) func(key string) bool {
	slices.SortFunc(scans, func(a, b *Op) int { return strings.Compare(a.From, b.From) })
	furthest := make([]*Op, len(scans)) // by scan, that which goes furthest of those up to it
	for i, scan := range scans {
		furthest[i] = scan
		if i > 0 && (furthest[i-1].To == "" || scan.To != "" && scan.To <= furthest[i-1].To) {
			furthest[i] = furthest[i-1]
		}
	}
	return func(key string) bool {
		behind, _ := slices.BinarySearchFunc(scans, key, func(scan *Op, key string) int {
			if scan.From <= key {
				return -1
			}
			return 1
		})
		return behind > 0 && furthest[behind-1].covers(key)
	}
}

// disorder is the objection to an answer that no scan may give, whatever the rows are.
func (op *Op) disorder() *Violation {
	object := func(key, expected, found string) *Violation {
		return &Violation{Anomaly: DisorderedScan, Key: key, Scan: op.question(), Expected: expected, Found: found}
	}
	for i, row := range op.Rows {
		switch {
		case !op.covers(row.Key):
			return object(row.Key, "rows of the range", "one outside of it")
		case i > 0 && row.Key <= op.Rows[i-1].Key:
			return object(row.Key, fmt.Sprintf("a row behind %q", op.Rows[i-1].Key), "this one after it")
		}
	}
	if op.Most > 0 && len(op.Rows) > op.Most {
		return object(op.Rows[op.Most].Key, fmt.Sprintf("at most %d rows", op.Most), fmt.Sprintf("%d", len(op.Rows)))
	}
	return nil
}

// question renders what a scan asked for.
func (op *Op) question() string {
	text := fmt.Sprintf("scan of %q", op.From)
	if op.To != "" {
		text += fmt.Sprintf(" to %q", op.To)
	} else {
		text += " to the end"
	}
	if op.Most > 0 {
		text += fmt.Sprintf(", at most %d", op.Most)
	}
	return text
}

// describe renders a scan and its answer.
func (op *Op) describe() string {
	rows := make([]string, len(op.Rows), len(op.Rows)+1)
	for i, row := range op.Rows {
		rows[i] = row.Key + "=" + row.Value
	}
	if op.More {
		rows = append(rows, "more")
	}
	return fmt.Sprintf("%s: {%s}", op.question(), strings.Join(rows, " "))
}

// scanOf is the scan by which the transaction read a key, or nil when it read the key by itself, or not at all.
func (t *Txn) scanOf(key string) *Op {
	var scan *Op
	for i := range t.Ops {
		switch op := &t.Ops[i]; {
		case op.Kind == Read && op.Key == key:
			return nil
		case scan == nil && op.Kind == Scan && op.covers(key):
			scan = op
		}
	}
	return scan
}

// in says that the objection is to a row of a scan, and gives it the name that it has there.
func (v *Violation) in(scan *Op, expected, found int32) *Violation {
	if scan == nil {
		return v
	}
	v.Scan = scan.question()
	switch v.Anomaly {
	case OwnWriteMissed, StaleRead, LostCommit:
		if found == absent {
			v.Anomaly = MissingRow
		}
	case Unrepeatable, LostUpdate, WriteSkew, Unserializable:
		if (found == absent) != (expected == absent) {
			v.Anomaly = Phantom
		}
	}
	return v
}

// leavesRowsOut tells that a scan of the history may have to see a row that nothing else says it has seen.
func (c *compiled) leavesRowsOut() bool {
	return slices.ContainsFunc(c.steps, func(s step) bool { return len(s.more) > 0 })
}

// lacksMore tells that behind a scan of the step that left rows out no key has a value, given that of each key.
func (s *step) lacksMore(state []int32) bool {
	for _, keys := range s.more {
		if !slices.ContainsFunc(keys, func(k int32) bool { return state[k] != absent }) {
			return true
		}
	}
	return false
}
