package node

import (
	"fmt"
	"slices"
	"strings"
)

// Op is what a client asks of a writer.
type Op uint8

const (
	OpBegin     Op = iota + 1 // begins a transaction; the reply names it
	OpGet                     // reads Rows[0].Key for Txn
	OpPut                     // writes all of Rows for Txn, as one mini-transaction; a Value that does not exist deletes
	OpCommit                  // commits Txn
	OpAbort                   // takes back what Txn changed
	OpScan                    // reads for Txn the rows with From ≤ key < To, in order, at most Most of them
	OpSavepoint               // marks a point of Txn; the reply names it
	OpRollback                // takes back what Txn changed since Savepoint; Txn goes on, and keeps its locks

	// Operations by themselves, of systems that know no transactions that clients begin and end.

	OpRead     // reads Rows[0].Key
	OpWrite    // writes Rows[0]; a Value that does not exist deletes
	OpSwap     // writes Rows[0] if its key has the value Expect, and is refused for ReasonMismatch otherwise
	OpAppend   // appends the value of Rows[0] to the list of its key
	OpElements // reads the list of Rows[0].Key: the reply's Rows are its elements, in their order
	// OpApply is a whole transaction in one request: each of Rows in turn, a read where Reads says so and else a write. The
	// reply's Rows are those of the request, with what was read.
	OpApply
	// OpCall is a call in a stranger's own words, which only its nodes and its clients read: Rows[0] has its name as Key and what it
	// says as Value, and the reply's Value has what the answer says. The status is OK where there is an answer, also one that refuses.
	OpCall
)

func (o Op) String() string {
	names := [...]string{"", "begin", "get", "put", "commit", "abort", "scan", "savepoint", "rollback",
		"read", "write", "swap", "append", "elements", "apply", "call"}
	if int(o) < len(names) {
		return names[o]
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

// A Row is one row of a request.
type Row struct {
	Key   string
	Value Value
}

// A Request is one call of a client. A client has one call of a transaction under way at a time.
type Request struct {
	ID   uint64 // the client's number for it; the reply carries it back
	Op   Op
	Txn  Txn
	Rows []Row
	From string // of a scan: the first key that counts
	To   string // of a scan: the first key that does not count any more; "" is behind all keys
	Most int    // of a scan: rows in one reply; 0 is as many as the limit allows
	// Savepoint is, for a rollback, the point to go back to, as a savepoint's reply named it.
	Savepoint uint32
	// ReadPoint is, for a begin at a reader, the snapshot that is asked for; 0 is the newest that the reader has.
	ReadPoint LSN
	Expect    Value  // for a swap
	Reads     []bool // for an apply: by row, whether it is a read
}

// RequestLimits are those on one request: rows of a put, and the bytes of a key and of a value.
type RequestLimits struct{ Rows, Key, Value int }

// Malformed says why a call of a transaction cannot be made, regardless of what it has done before, or ReasonNone: the call
// makes no sense, or goes past a limit.
func (r *Request) Malformed(l RequestLimits) Reason {
	switch r.Op {
	case OpGet:
		if len(r.Rows) != 1 {
			return ReasonMalformed
		}
	case OpPut:
		if len(r.Rows) == 0 {
			return ReasonMalformed
		}
		if len(r.Rows) > l.Rows {
			return ReasonTooLarge
		}
	case OpScan:
		if len(r.Rows) != 0 || r.Most < 0 || r.To != "" && r.To < r.From {
			return ReasonMalformed
		}
		if len(r.From) > l.Key || len(r.To) > l.Key {
			return ReasonTooLarge
		}
	case OpCommit, OpAbort, OpSavepoint, OpRollback:
		if len(r.Rows) != 0 {
			return ReasonMalformed
		}
	default:
		return ReasonMalformed
	}
	for _, row := range r.Rows {
		if row.Key == "" {
			return ReasonMalformed
		}
		if len(row.Key) > l.Key || len(row.Value.Bytes) > l.Value {
			return ReasonTooLarge
		}
	}
	return ReasonNone
}

// InOrder returns rows sorted by key, so that two puts never deadlock with each other, and the last of each key only.
func InOrder(rows []Row) []Row {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	n := 0
	for i, r := range sorted {
		if i+1 < len(sorted) && sorted[i+1].Key == r.Key {
			continue
		}
		sorted[n] = r
		n++
	}
	return sorted[:n]
}

// Status is how a request ended.
type Status uint8

const (
	// OK: done. For a commit: durable, and kept through every failure within the fault budget.
	OK Status = iota + 1
	// Aborted: the transaction was rolled back, definitely; Reason says why.
	Aborted
	// Refused: the request could not be carried out; the transaction, if any, is as it was. Reason says why.
	Refused
	// Unknown: the commit may or may not have happened, for example because the writer was replaced meanwhile.
	// Calling it aborted would be a lie whenever the successor keeps the commit record.
	Unknown
)

func (s Status) String() string {
	names := [...]string{"", "ok", "aborted", "refused", "unknown"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

// Reason says why a request did not end with OK.
type Reason uint8

const (
	ReasonNone       Reason = iota
	ReasonDeadlock          // the transaction closed a cycle of waiting transactions
	ReasonIdle              // the transaction was idle for longer than the writer allows
	ReasonFenced            // a newer writer has taken over
	ReasonNotOpen           // the writer is not open yet
	ReasonUnknownTxn        // no such transaction is active here
	ReasonBusy              // a limit on transactions or on unwritten log is reached, or a call of it is under way
	ReasonTooLarge          // a key, a value or a request is larger than the limit
	ReasonMalformed         // the request makes no sense, such as a put without rows

	ReasonCommitted      // the transaction has committed already
	ReasonRolledBack     // the transaction has been rolled back already
	ReasonNoSavepoint    // the transaction has no such savepoint, or went back behind it
	ReasonReadOnly       // a reader changes nothing
	ReasonAboveReadPoint // the read point asked for is above what the reader has
	ReasonBelowReadPoint // the read point asked for is below what is still kept
	ReasonFull           // no page is left to allocate, and no group to grow by
	ReasonAttached       // the volume is attached to another instance
	ReasonSingleRow      // a transaction here is one read or one write of one row
	ReasonMismatch       // a swap found another value than it expected
)

func (r Reason) String() string {
	names := [...]string{"", "deadlock", "idle", "fenced", "not open", "unknown transaction", "busy", "too large", "malformed",
		"committed already", "rolled back already", "no such savepoint", "read only", "above the read point", "below the oldest read point",
		"volume full", "attached elsewhere", "single row only", "another value than expected"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// A Reply answers a Request.
type Reply struct {
	ID     uint64
	Op     Op
	Txn    Txn
	Status Status
	Reason Reason
	Value  Value // for a get
	Rows   []Row // for a scan
	// More says, for a scan, that rows beyond the last one were left out.
	More bool
	// Blockers is, for a deadlock, the cycle that this transaction would have closed: it waits for the first, which waits
	// for the next, and the last one waits for it.
	Blockers  []Txn
	Savepoint uint32 // for a savepoint: its name, from 1 on
	// LSN is, for a commit, the transaction's place in the order of all: that of its commit record, or, when it
	// only read, the VDL up to which it saw everything. For a begin at a reader, the read point.
	LSN   LSN
	Epoch Epoch // the writer's epoch
}
