package linearizability

import "strconv"

// CheckReads verifies every read and scan that a client was answered, also those of transactions that aborted or whose
// outcome is unknown, of which strict serializability says nothing: a value read is one that a transaction left which was
// not aborted, or its own write. Finding nothing is always allowed here, except for an own write. The error is a
// *Violation.
func CheckReads(history []Txn) error {
	c := readChecker{left: make(map[Row]bool), hidden: make(map[Row]source)}
	for i := range history {
		c.writes(&history[i])
	}
	for i := range history {
		if v := c.reads(&history[i]); v != nil {
			return v
		}
	}
	return nil
}

// A readChecker knows who wrote what.
type readChecker struct {
	left   map[Row]bool   // by some transaction that was not aborted
	hidden map[Row]source // for ever
}

// A source is a transaction whose value nobody may see, and why.
type source struct {
	anomaly Anomaly
	txn     *Txn
}

func (c *readChecker) writes(t *Txn) {
	last := make(map[string]string) // by key, the value that the transaction leaves
	net := t.Net()
	for _, op := range net {
		delete(last, op.Key)
		if op.Kind == Write {
			last[op.Key] = op.Value
		}
	}
	taken := make(map[Row]bool)
	for _, op := range t.Ops {
		if op.Kind == Write {
			taken[Row{op.Key, op.Value}] = true
		}
	}
	for _, op := range net {
		delete(taken, Row{op.Key, op.Value})
	}
	for _, op := range t.Ops {
		if op.Kind != Write {
			continue
		}
		row := Row{op.Key, op.Value}
		value, ok := last[op.Key]
		switch {
		case t.Outcome == Aborted || taken[row]:
			c.hidden[row] = source{AbortedValue, t}
		case ok && value == op.Value:
			c.left[row] = true
		default:
			c.hidden[row] = source{DirtyRead, t}
		}
	}
}

func (c *readChecker) reads(t *Txn) *Violation {
	for i, op := range t.Ops {
		var v *Violation
		switch op.Kind {
		case Read:
			v = c.read(t.before(i), Row{op.Key, op.Value}, op.Found, nil)
		case Scan:
			v = c.scan(t.before(i), &t.Ops[i])
		}
		if v != nil {
			v.Txn, v.Client = t.ID, t.Client
			return v
		}
	}
	return nil
}

// before returns what the transaction itself has written and not taken back when it comes to an operation, by key.
func (t *Txn) before(op int) map[string]Op {
	until := Txn{Ops: t.Ops[:op]}
	own := make(map[string]Op)
	for _, w := range until.Net() {
		own[w.Key] = w
	}
	return own
}

// read judges one read, or one row of a scan.
func (c *readChecker) read(own map[string]Op, row Row, found bool, scan *Op) *Violation {
	v := &Violation{Key: row.Key, Found: "nothing"}
	if found {
		v.Found = strconv.Quote(row.Value)
	}
	if scan != nil {
		v.Scan = scan.question()
	}
	if mine, wrote := own[row.Key]; wrote {
		if found == (mine.Kind == Write) && row.Value == mine.Value {
			return nil
		}
		v.Anomaly, v.Expected = OwnWriteMissed, "nothing"
		if mine.Kind == Write {
			v.Expected = strconv.Quote(mine.Value)
		}
		if scan != nil && !found {
			v.Anomaly = MissingRow
		}
		return v
	}
	if !found || c.left[row] {
		return nil
	}
	if from, ok := c.hidden[row]; ok {
		v.Anomaly = from.anomaly
		return v.expecting("a value that may have been committed", "transaction "+strconv.FormatUint(from.txn.ID, 10)+" wrote it")
	}
	v.Anomaly = ThinAir
	return v.expecting("a value that was written", "no transaction wrote it")
}

func (c *readChecker) scan(own map[string]Op, op *Op) *Violation {
	if v := op.disorder(); v != nil {
		return v
	}
	seen := make(map[string]bool, len(op.Rows))
	for _, row := range op.Rows {
		seen[row.Key] = true
		if v := c.read(own, row, true, op); v != nil {
			return v
		}
	}
	behind := "" // the last row, when the scan left rows out
	if op.More && len(op.Rows) > 0 {
		behind = op.Rows[len(op.Rows)-1].Key
	}
	var missed *Violation
	for key, w := range own {
		if w.Kind != Write || seen[key] || !op.covers(key) || op.More && key > behind {
			continue
		}
		if missed == nil || key < missed.Key { // the first one, whatever the order of the map
			missed = c.read(own, Row{Key: key}, false, op)
		}
	}
	return missed
}
