package failure

import (
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// A Transaction is one transaction of a client history, as a failure file holds it.
type Transaction struct {
	ID      uint64      `json:"id"`
	Client  int         `json:"client"`
	Kind    string      `json:"kind"`
	Name    string      `json:"name"` // as its writer named it
	Writer  node.ID     `json:"writer"`
	Begin   int64       `json:"begin"`         // nanoseconds
	End     *int64      `json:"end,omitempty"` // nanoseconds; missing when it was never answered
	Outcome string      `json:"outcome"`
	Reason  string      `json:"reason,omitempty"`
	Order   uint64      `json:"order,omitempty"` // claimed: the commit LSN, or what was read up to
	Ops     []Operation `json:"ops"`
}

// An Operation is one operation of a Transaction.
type Operation struct {
	Op    string  `json:"op"` // "read", "write", "delete", "scan" or "rollback"
	Key   string  `json:"key,omitempty"`
	Value *string `json:"value,omitempty"` // missing when the row does not exist
	*Range
	Since *int `json:"since,omitempty"` // of a rollback: the first operation, from 0, whose write is taken back
}

// A Range is what a scan asked for and saw.
type Range struct {
	From string                `json:"from"`
	To   string                `json:"to"`
	Most int                   `json:"most,omitempty"`
	Rows []linearizability.Row `json:"rows"`
	More bool                  `json:"more,omitempty"`
}

// transactions renders a history for a failure file.
func transactions(h *workload.History) []Transaction {
	if h == nil {
		return nil
	}
	all := make([]Transaction, 0, len(h.Transactions))
	for i := range h.Transactions {
		t := &h.Transactions[i]
		c := Transaction{ID: t.ID, Client: t.Client, Kind: t.Kind, Name: t.Name.String(), Writer: t.Writer, Begin: t.Begin,
			Outcome: outcome(t.Outcome), Ops: make([]Operation, 0, len(t.Ops))}
		if t.End != linearizability.Unfinished {
			c.End = &t.End
		}
		if t.Order > 0 {
			c.Order = t.Order - 1
		}
		if t.Reason != node.ReasonNone {
			c.Reason = t.Reason.String()
		}
		for j := range t.Ops {
			o := &t.Ops[j]
			op := Operation{Op: "write", Key: o.Key}
			exists := true
			switch o.Kind {
			case linearizability.Scan:
				op.Op, exists = "scan", false
				op.Range = &Range{From: o.From, To: o.To, Most: o.Most, Rows: o.Rows, More: o.More}
			case linearizability.Rollback:
				op.Op, exists = "rollback", false
				op.Since = &o.Since
			case linearizability.Read:
				op.Op, exists = "read", o.Found
			case linearizability.Delete:
				op.Op, exists = "delete", false
			}
			if exists {
				op.Value = &o.Value
			}
			c.Ops = append(c.Ops, op)
		}
		all = append(all, c)
	}
	return all
}

// A Call is one single operation of a client history, as a failure file holds it.
type Call struct {
	Client  int    `json:"client"`
	Begin   int64  `json:"begin"`         // nanoseconds
	End     *int64 `json:"end,omitempty"` // nanoseconds; missing when it was never answered
	Key     string `json:"key"`
	Call    string `json:"call"` // in words, with what it answered
	Unknown bool   `json:"unknown,omitempty"`
}

// calls renders a history for a failure file.
func calls(all []linearizability.Call) []Call {
	var rendered []Call
	for i := range all {
		c := &all[i]
		one := Call{Client: c.Client, Begin: c.Begin, Key: c.Key, Call: c.String(), Unknown: c.Unknown}
		if c.End != linearizability.Unfinished {
			one.End = &c.End
		}
		rendered = append(rendered, one)
	}
	return rendered
}

func outcome(o linearizability.Outcome) string {
	switch o {
	case linearizability.Committed:
		return "acknowledged"
	case linearizability.Aborted:
		return "aborted"
	}
	return "of unknown outcome"
}
