package linearizability

import (
	"fmt"
	"slices"
)

// unwritten is the objection to a value that no transaction left in the key.
func (c *compiled) unwritten(txn int32, read access) *Violation {
	v := c.readViolation(ThinAir, txn, read, absent, "").expecting("a value that was written", "no transaction wrote it")
	same := func(t tagged) bool { return t.access == read && t.txn != txn }
	if at := slices.IndexFunc(c.aborted, same); at >= 0 {
		v.Anomaly = AbortedValue
		v.Core = append(v.Core, int(c.aborted[at].txn))
		by := &c.history[c.aborted[at].txn]
		if by.Outcome != Aborted {
			return v.expecting("a value that was committed", fmt.Sprintf("transaction %d, which wrote it, took it back", by.ID))
		}
		return v.expecting("a value that was committed", fmt.Sprintf("transaction %d, which wrote it, was aborted", by.ID))
	}
	if at := slices.IndexFunc(c.intermediate, same); at >= 0 {
		v.Anomaly = DirtyRead
		v.Core = append(v.Core, int(c.intermediate[at].txn))
		return v.expecting("the last value of a transaction", fmt.Sprintf("transaction %d, which wrote it, overwrote it itself", c.id(c.intermediate[at].txn)))
	}
	for i := range c.history {
		t := &c.history[i]
		if t.Outcome == OutcomeUnknown && slices.ContainsFunc(t.Ops, func(op Op) bool {
			return op.Kind == Write && op.Key == c.keys[read.key] && op.Value == c.values[read.value]
		}) {
			v.Anomaly = Unserializable
			v.Core = append(v.Core, i)
			return v.expecting("a value that can have been committed", fmt.Sprintf("transaction %d, which wrote it and whose outcome is unknown, contradicts itself in its reads", t.ID))
		}
	}
	return v
}

func (v *Violation) expecting(what, detail string) *Violation {
	v.Expected, v.Detail = what, detail
	return v
}

// classify gives the violation the name that its anomaly has by itself, and its core an order.
func (v *Violation) classify() {
	if v.Class == "" {
		switch v.Anomaly {
		case AbortedValue:
			v.Class = G1a
		case DirtyRead:
			v.Class = G1b
		case ThinAir:
			v.Class = Garbage
		case OwnWriteMissed, Unrepeatable:
			v.Class = Internal
		}
	}
	slices.Sort(v.Core)
	v.Core = slices.Compact(v.Core)
}
