package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// An EndState is what is left of a run after its last recovery.
type EndState struct {
	Workload workload.Workload
	History  *workload.History
	// Commits gives the LSN of the commit record of every transaction that has one on the last writer's log. It
	// settles what became of commits without an answer, and nothing else: what was acknowledged is owed, log or not. nil: the
	// log is unknown, and a commit without an answer may have happened at any time since, or not at all.
	Commits map[node.Txn]node.LSN
	// Audit is the index, in History, of the transaction that read every row after the last recovery.
	Audit int

	reads []linearizability.Op // what the audit read, row by row, once it was asked for
}

// Loss says how durability was broken.
type Loss string

// The ways.
const (
	AcknowledgedGone Loss = "an acknowledged transaction is gone"
	UncommittedShows Loss = "an uncommitted value shows"
	AbortedCommitted Loss = "a transaction that was reported aborted is committed"
	PositionTwice    Loss = "two transactions have one commit LSN"
	SumBroken        Loss = "the sum of the accounts is not conserved"
	WrongValue       Loss = "a row holds what the order of commits does not explain"
)

// A DurabilityError is one row, transaction or sum that is not as the acknowledged commits make it.
type DurabilityError struct {
	Loss     Loss
	Key      string // the row, "" when it is not about one
	Txn      uint64 // the transaction in the client history, 0 when it is not about one
	LSN      node.LSN
	Expected string
	Found    string
}

func (e *DurabilityError) Error() string { return sentence(e) }

func (e *DurabilityError) describe(f *Finding) {
	f.Rule, f.Expected, f.Found = string(e.Loss), e.Expected, e.Found+" after the last recovery"
	var about []string
	if e.Txn != 0 {
		f.Transactions = []uint64{e.Txn}
		about = append(about, fmt.Sprintf("transaction %d, commit LSN %d", e.Txn, e.LSN))
	}
	if e.LSN != 0 {
		f.LSNs = []node.LSN{e.LSN}
	}
	if e.Key != "" {
		f.Keys = []string{e.Key}
		about = append(about, fmt.Sprintf("row %q", e.Key))
	}
	f.Subject = strings.Join(about, ": ")
}

// owed is what a row must hold and who wrote it.
type owed struct {
	value node.Value
	by    *workload.Transaction // nil: no transaction wrote it
	at    node.LSN
}

// Durability compares what the auditor read with what the acknowledged commits, in the order of their commit LSNs, leave
// behind. Commits of unknown outcome count when their commit record is on the log; where the log is unknown, what they would have
// left behind is no objection. All objections are returned.
func Durability(e EndState) []error {
	var broken []error
	object := func(d DurabilityError) { broken = append(broken, &d) }
	committed := e.committed(object)
	rows := make(map[string]owed, len(committed))
	for _, c := range committed {
		for _, op := range c.by.Net() {
			switch op.Kind {
			case linearizability.Write:
				rows[op.Key] = owed{node.Some(op.Value), c.by, c.at}
			case linearizability.Delete:
				rows[op.Key] = owed{node.Value{}, c.by, c.at}
			}
		}
	}
	for _, op := range e.audited() {
		want, found := rows[op.Key], node.Value{Bytes: op.Value, Exists: op.Found}
		if found == want.value || e.Commits == nil && e.maybe(op) {
			continue
		}
		d := DurabilityError{Loss: WrongValue, Key: op.Key, Expected: want.value.String(), Found: found.String()}
		if want.by != nil {
			d.Txn, d.LSN = want.by.ID, want.at
			d.Expected += fmt.Sprintf(" of transaction %d", want.by.ID)
			if want.by.Outcome == linearizability.Committed {
				d.Loss = AcknowledgedGone
			}
		}
		if w := e.writer(op); w != nil {
			d.Found += fmt.Sprintf(" of transaction %d (%s)", w.ID, outcome(w.Outcome))
			if _, kept := e.Commits[w.Name]; w.Outcome != linearizability.Committed && !kept {
				d.Loss, d.Txn, d.LSN = UncommittedShows, w.ID, 0
			}
		}
		object(d)
	}
	if d, ok := e.sum(); !ok {
		object(d)
	}
	return broken
}

// maybe tells whether what was read is what a transaction of unknown outcome has left behind, if it has committed. Whether it
// can have, beside all that others saw, is for the history as a whole to say.
func (e *EndState) maybe(read linearizability.Op) bool {
	for i := range e.History.Transactions {
		t := &e.History.Transactions[i]
		if t.Outcome != linearizability.OutcomeUnknown {
			continue
		}
		var last *linearizability.Op // of this row
		net := t.Net()
		for i := range net {
			if net[i].Key == read.Key {
				last = &net[i]
			}
		}
		if last != nil && (last.Kind == linearizability.Write) == read.Found && last.Value == read.Value {
			return true
		}
	}
	return false
}

// claimed tells whether something was acknowledged, and the system said of each transaction that it acknowledged which place in
// the order of commits it has.
func claimed(h *workload.History) bool {
	any := false
	for i := 0; h != nil && i < len(h.Transactions); i++ {
		if t := &h.Transactions[i]; t.Outcome == linearizability.Committed {
			if t.Order == 0 {
				return false
			}
			any = true
		}
	}
	return any
}

// audited lists what the auditor read, row by row: of a scan, every row of the workload that is in its range, and every
// other one that it found.
func (e *EndState) audited() []linearizability.Op {
	if e.reads != nil {
		return e.reads
	}
	var reads []linearizability.Op
	keys := e.Workload.Keys()
	for _, op := range e.History.Transactions[e.Audit].Ops {
		switch op.Kind {
		case linearizability.Read:
			reads = append(reads, op)
		case linearizability.Scan:
			found := make(map[string]bool, len(op.Rows))
			for _, row := range op.Rows {
				found[row.Key] = true
				reads = append(reads, linearizability.Op{Kind: linearizability.Read, Key: row.Key, Value: row.Value, Found: true})
			}
			for _, key := range keys {
				behind := op.More && (len(op.Rows) == 0 || key > op.Rows[len(op.Rows)-1].Key)
				if !found[key] && key >= op.From && (op.To == "" || key < op.To) && !behind {
					reads = append(reads, linearizability.Op{Kind: linearizability.Read, Key: key})
				}
			}
		}
	}
	e.reads = reads
	return reads
}

// committed lists the transactions that must show, by commit LSN.
func (e *EndState) committed(object func(DurabilityError)) []owed {
	var committed []owed
	for i := range e.History.Transactions {
		t := &e.History.Transactions[i]
		if !t.Writes() {
			continue
		}
		at, kept := e.Commits[t.Name]
		switch t.Outcome {
		case linearizability.Committed:
			claimed := node.LSN(t.Order - 1)
			if e.Commits != nil && (!kept || at != claimed) {
				found := "no commit record on the log"
				if kept {
					found = fmt.Sprintf("its commit record at LSN %d", at)
				}
				object(DurabilityError{Loss: AcknowledgedGone, Txn: t.ID, LSN: claimed,
					Expected: fmt.Sprintf("its commit record at LSN %d", claimed), Found: found})
			}
			at = claimed
		case linearizability.Aborted:
			if kept {
				object(DurabilityError{Loss: AbortedCommitted, Txn: t.ID, LSN: at, Expected: "no commit record", Found: "one"})
			}
			continue
		default:
			if !kept {
				continue
			}
		}
		if audit := &e.History.Transactions[e.Audit]; t.End >= audit.Begin && uint64(at) >= audit.Order {
			continue // it committed while the auditor read, or later, and is after it in the order
		}
		committed = append(committed, owed{by: t, at: at})
	}
	slices.SortStableFunc(committed, func(a, b owed) int { return cmp.Compare(a.at, b.at) })
	for i := 1; i < len(committed); i++ {
		if committed[i].at == committed[i-1].at {
			object(DurabilityError{Loss: PositionTwice, Txn: committed[i].by.ID, LSN: committed[i].at,
				Expected: "a commit LSN of its own", Found: fmt.Sprintf("that of transaction %d", committed[i-1].by.ID)})
		}
	}
	return committed
}

// writer returns the transaction that wrote what was read. Values are unique, so there is at most one.
func (e *EndState) writer(read linearizability.Op) *workload.Transaction {
	if !read.Found {
		return nil
	}
	for i := range e.History.Transactions {
		for _, op := range e.History.Transactions[i].Ops {
			if op.Kind == linearizability.Write && op.Key == read.Key && op.Value == read.Value {
				return &e.History.Transactions[i]
			}
		}
	}
	return nil
}

// sum checks that the auditor saw all accounts or none, and all the money.
func (e *EndState) sum() (DurabilityError, bool) {
	accounts := make(map[string]bool, e.Workload.Accounts)
	for i := range e.Workload.Accounts {
		accounts[workload.Account(i)] = true
	}
	there, sum := 0, 0
	for _, op := range e.audited() {
		if !accounts[op.Key] || !op.Found {
			continue
		}
		n, err := workload.Balance(op.Value)
		if err != nil {
			return DurabilityError{Loss: SumBroken, Key: op.Key, Expected: "a balance", Found: err.Error()}, false
		}
		there++
		sum += n
	}
	if there == 0 || there == e.Workload.Accounts && sum == e.Workload.Sum() {
		return DurabilityError{}, true
	}
	return DurabilityError{Loss: SumBroken,
		Expected: fmt.Sprintf("%d in %d accounts", e.Workload.Sum(), e.Workload.Accounts),
		Found:    fmt.Sprintf("%d in %d accounts", sum, there)}, false
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
