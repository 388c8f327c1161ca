package workload

import (
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// A Transaction is one transaction as its client saw it.
type Transaction struct {
	linearizability.Txn
	Kind   string      `json:"kind"`
	Name   node.Txn    `json:"name"`   // as the writer named it
	Writer node.ID     `json:"writer"` // the process that ran it
	Reason node.Reason `json:"reason"` // why it ended, as the writer said, if it said
	Full   bool        `json:"full"`   // a write of it found the volume full
}

// Writes tells whether the transaction changed anything that it did not take back itself, or tried to.
func (t *Transaction) Writes() bool { return len(t.Net()) > 0 }

// A History is what all clients of a run saw, in the order in which their transactions began. It holds only
// transactions that a writer named: one whose begin was never answered has read and written nothing.
type History struct {
	Transactions []Transaction
	// Begun is what the clients of the workload began, also where no writer named it.
	Begun []Begun `json:"-"`
	// Shown are the rows that transactions read, in the order in which the answers came.
	Shown []Shown `json:"-"`
	// Broken are the answers that no writer may give, the first of them.
	Broken []*ReplyError
	// Misused counts the requests that could not be carried out, and were answered as they have to be.
	Misused int
}

// Shown is one row that a transaction was shown, and when the answer came.
type Shown struct {
	At          node.Time
	Transaction int // its place in the history
	Row         linearizability.Row
}

// maxBroken bounds how many of the answers that no writer may give are kept.
const maxBroken = 16

// Counts say how the transactions of a history ended.
type Counts struct {
	Acknowledged int // commits of transactions that write, answered with OK
	ReadOnly     int // commits of transactions that only read, answered with OK
	Aborted      int // by choice, by the writer, or because the commit was never asked for
	Deadlocks    int // of these, by the writer, to break a circle of waiting
	Unknown      int // commits without an answer
	Scans        int // answered
	RowsScanned  int // found by them
	Rollbacks    int // to savepoints
	Full         int // transactions given up because the volume is full
	Misused      int // requests that could not be carried out, and were answered so
}

// Count counts.
func (h *History) Count() Counts {
	c := Counts{Misused: h.Misused}
	for i := range h.Transactions {
		t := &h.Transactions[i]
		for j := range t.Ops {
			switch t.Ops[j].Kind {
			case linearizability.Scan:
				c.Scans++
				c.RowsScanned += len(t.Ops[j].Rows)
			case linearizability.Rollback:
				c.Rollbacks++
			}
		}
		if t.Full {
			c.Full++
		}
		switch t.Outcome {
		case linearizability.Committed:
			if t.Writes() {
				c.Acknowledged++
			} else {
				c.ReadOnly++
			}
		case linearizability.Aborted:
			c.Aborted++
			if t.Reason == node.ReasonDeadlock {
				c.Deadlocks++
			}
		default:
			c.Unknown++
		}
	}
	return c
}

// A Directory is what the clients of a run know of its writers: their addresses, oldest first. No node tells them
// which of them serves; they try.
type Directory struct {
	Writers []node.ID
}
