package node

import "fmt"

// Op is what a client asks of a writer.
type Op uint8

const (
	OpBegin  Op = iota + 1 // begins a transaction; the reply names it
	OpGet                  // reads Rows[0].Key for Txn
	OpPut                  // writes all of Rows for Txn, as one mini-transaction; a Value that does not exist deletes
	OpCommit               // commits Txn
	OpAbort                // takes back what Txn changed
)

func (o Op) String() string {
	names := [...]string{"", "begin", "get", "put", "commit", "abort"}
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
}

// Status is how a request ended.
type Status uint8

const (
	// OK: done. For a commit: durable, whatever fails from now on within the fault budget.
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
)

func (r Reason) String() string {
	names := [...]string{"", "deadlock", "idle", "fenced", "not open", "unknown transaction", "busy", "too large", "malformed"}
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
	// LSN is, for a commit, the transaction's place in the order of all: that of its commit record, or, when it
	// only read, the VDL up to which it saw everything.
	LSN   LSN
	Epoch Epoch // the writer's epoch
}
