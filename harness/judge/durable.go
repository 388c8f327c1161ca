package judge

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// Durable is when each transaction that committed was durable: when the VDL of the writer that committed it had reached
// its commit record, or when a later writer opened that had kept it.
type Durable struct {
	since   map[node.Txn]node.Time
	waiting []*node.Record // commit records that no VDL has reached
}

// Traced hears what the nodes say. histories are those that writers decided, by epoch-1.
func (d *Durable) Traced(now node.Time, t *node.Trace, histories []node.History) {
	var reached func(r *node.Record) bool
	switch t.Action {
	case node.ActCommit:
		if t.Record != nil {
			d.waiting = append(d.waiting, t.Record)
		}
		return
	case node.ActAdvance: // a commit record is a consistency point: the VDL has reached it where the VCL has
		reached = func(r *node.Record) bool { return r.Epoch == t.Epoch && r.LSN <= t.LSN }
	case node.ActOpen:
		if t.Epoch < 1 || int(t.Epoch) > len(histories) {
			return
		}
		h := histories[t.Epoch-1]
		reached = func(r *node.Record) bool { return r.Epoch < t.Epoch && h.Has(r.LSN, r.Epoch) }
	default:
		return
	}
	n := 0
	for _, r := range d.waiting {
		if !reached(r) {
			d.waiting[n] = r
			n++
			continue
		}
		if d.since == nil {
			d.since = make(map[node.Txn]node.Time)
		}
		d.since[r.Txn] = now
	}
	clear(d.waiting[n:])
	d.waiting = d.waiting[:n]
}

// An EarlyReadError is a row that a transaction was shown before it was durable. The transaction that committed it may yet turn out
// never to have: strict serializability notices that only when it happens, and when somebody tells.
type EarlyReadError struct {
	Reader, Writer uint64 // transactions
	Row            linearizability.Row
	Shown          time.Duration
	Durable        time.Duration // 0: never
}

func (e *EarlyReadError) Error() string { return sentence(e) }

func (e *EarlyReadError) describe(f *Finding) {
	f.Rule = "a transaction is shown what is durable"
	f.Subject = fmt.Sprintf("transaction %d was shown row %q with the value %q of transaction %d at %v", e.Reader, e.Row.Key, e.Row.Value, e.Writer, e.Shown)
	f.Transactions, f.Keys = []uint64{e.Reader, e.Writer}, []string{e.Row.Key}
	f.Expected, f.Found = "a value that was durable by then", "one that was never durable"
	if e.Durable > 0 {
		f.Found = fmt.Sprintf("one that was durable at %v", e.Durable)
	}
}

// shown returns an *EarlyReadError for the first row that a transaction was shown too early.
func (d *Durable) shown(h *workload.History) error {
	wrote := make(map[linearizability.Row]int) // values are of one transaction each
	for i := range h.Transactions {
		for _, op := range h.Transactions[i].Ops {
			if op.Kind == linearizability.Write {
				wrote[linearizability.Row{Key: op.Key, Value: op.Value}] = i
			}
		}
	}
	for _, s := range h.Shown {
		i, known := wrote[s.Row]
		if !known || i == s.Transaction {
			continue // a value from nowhere is for others to find
		}
		if at, is := d.since[h.Transactions[i].Name]; !is || at > s.At {
			return &EarlyReadError{Reader: h.Transactions[s.Transaction].ID, Writer: h.Transactions[i].ID, Row: s.Row,
				Shown: time.Duration(s.At), Durable: time.Duration(at)}
		}
	}
	return nil
}
