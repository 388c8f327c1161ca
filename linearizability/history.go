// Package linearizability decides what clients may see: whether a recorded history of calls is linearizable, and which level
// of isolation one of transactions has.
//
// CheckCalls decides calls of registers, key-value stores, lists, sets, queues, counters and mutexes, each key for itself, on
// all processors. CheckTxns decides whether transactions are strictly serializable, CheckLevel whether they have any of
// Levels, and Strongest which is the strongest that they have, and what breaks the next one. A Result has a verdict, what it
// rests on, and where it is Illegal, a *CallViolation or a *Violation, which names the anomaly, as Adya and Elle do where they
// have a name, the cycle of orders that contradict each other, and the operations that do so by themselves.
//
// A verdict is a proof where one is cheap, and a search where none is. The shape of a history says which proof there is:
//
//	registers, values written once       zones of values, chains of swaps   n log n
//	lists, sets without removals          levels of what was read           n
//	queues, elements put there once       four forbidden patterns           n log n
//	counters of equal steps, mutexes      one walk in time                  n log n
//	a claimed order (commit LSNs)         its replay                        n
//	transactions that read what they
//	replace, lists                        one graph, one pass               n log n
//	other transactions                    choices, checked and made anew    –
//	read committed, read atomic, causal   who read whom                     n, and sessions times n
//	registers with repeated values        a search with a few rules         –
//	all else                              porcupine                         –
//
// An order that the system claims and that replays legally in real time proves a history legal, whoever claims it; a cycle of
// orders that reads and time force proves it illegal. What runs into a limit is Unknown and never Legal. A history
// whose values are written once each, and whose transactions read what they replace, needs no search, but for failed swaps
// that do not fit the order found, removals from sets, texts that are appended to, and queues found empty while takings had an
// unknown outcome. An operation whose outcome no client learned may have happened, now or later.
//
// Three ways lead in. ReadFile and CheckFile read what others recorded, in the formats that Formats lists with an example
// each. A Recorder records and judges while a test runs. CheckCalls and CheckLevel take histories as values. An illegal history
// comes with the smallest part that is already contradictory (Explanation), as text and as a page (FileResult.Draw).
//
// Use package harness/judge instead when a run of a system has left more than what its clients saw, and package spec/check when an
// author has a model and no history.
package linearizability

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unfinished is the End of an operation whose answer never came: it may take effect at any later time.
const Unfinished int64 = math.MaxInt64

// A Txn is one transaction as its client saw it.
//
// Begin and End are readings of one clock that all clients share, in nanoseconds. The interval is closed: transactions
// that touch in one instant are concurrent, because a clock that is read twice may answer the same twice. In a history
// without times all of them are 0, so that all transactions are concurrent.
//
// Sessions are clients: a committed transaction comes before those of its client that began at its end or later, or where
// these times are equal, that come later in the history. One that has no End, or whose outcome is unknown, comes before none. A
// client that runs several transactions at once is several sessions.
type Txn struct {
	ID      uint64  `json:"id"`      // names the transaction in verdicts
	Client  int     `json:"client"`  // who asked for it; from 0
	Begin   int64   `json:"begin"`   // before the first request left
	End     int64   `json:"end"`     // after the last answer arrived, or Unfinished
	Ops     []Op    `json:"ops"`     // in the order of the client's program
	Outcome Outcome `json:"outcome"` // what the client was told
	// Order is the claimed serial position, 0 when none is claimed: the commit LSN of a transaction that writes, the
	// read point of one that only reads. A reader stands after the writer of the same position. The claim is verified
	// and never trusted, so a wrong one costs time and not soundness.
	Order uint64 `json:"order,omitempty"`
}

// An Op is one operation of a transaction.
type Op struct {
	Kind  Kind   `json:"kind"`
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"` // written or read; empty for Delete and for a read that found nothing
	Found bool   `json:"found,omitempty"` // Read only: false when the key had no value

	// Of a Scan: it saw every row with From ≤ key < To, where an empty To is behind all keys, in the order of their keys.
	// When it says More, it saw the first of them only, and there was at least one behind the last of Rows.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	Most int    `json:"most,omitempty"` // rows that were asked for; 0 is no bound
	Rows []Row  `json:"rows,omitempty"`
	More bool   `json:"more,omitempty"`

	// List is, of a ListRead, all elements of the list in their order. A list that was never appended to is empty.
	List []string `json:"list,omitempty"`

	// Since is, of a Rollback, the number of the first operation, from 0, whose write is taken back, with all later ones.
	Since int `json:"since,omitempty"`
}

// Net returns the transaction's writes and deletes that it did not take back itself, in their order.
func (t *Txn) Net() []Op {
	most := 0
	for i := range t.Ops {
		switch t.Ops[i].Kind {
		case Write, Delete, ListAppend:
			most++
		}
	}
	if most == 0 {
		return nil
	}
	net := make([]Op, 0, most)
	from := make([]int, 0, most) // by element of net, its operation's number
	for i, op := range t.Ops {
		switch op.Kind {
		case Write, Delete, ListAppend:
			net, from = append(net, op), append(from, i)
		case Rollback:
			for len(net) > 0 && from[len(from)-1] >= op.Since {
				net, from = net[:len(net)-1], from[:len(from)-1]
			}
		}
	}
	return net
}

// A Row is a row that a scan saw.
type Row struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// A Kind says what an operation does.
type Kind uint8

// The operations of a transaction. A read sees the transaction's own writes.
const (
	Read Kind = iota + 1
	Write
	Delete
	Scan     // reads a range
	Rollback // takes back the transaction's own writes since one of its operations
	ListAppend
	ListRead // of a whole list; a key holds either a list or a value in all of a history
)

var kindNames = []string{Read: "read", Write: "write", Delete: "delete", Scan: "scan", Rollback: "rollback", ListAppend: "append", ListRead: "list"}

func (k Kind) String() string { return nameOf(kindNames, int(k)) }

// MarshalText writes the kind's name and refuses a kind that has none.
func (k Kind) MarshalText() ([]byte, error) { return marshalName("kind", kindNames, int(k)) }

// UnmarshalText reads a kind's name and refuses an unknown one.
func (k *Kind) UnmarshalText(text []byte) error {
	at, err := unmarshalName("kind", kindNames, text)
	*k = Kind(at)
	return err
}

// An Outcome is what the client knows of its transaction's end.
type Outcome uint8

// The zero Outcome is the one that claims nothing.
const (
	OutcomeUnknown Outcome = iota // may or may not have happened, now or later, whatever End says
	Committed                     // acknowledged, or learned later with End left Unfinished
	Aborted                       // never happened: nobody may see what it wrote
)

var outcomeNames = []string{OutcomeUnknown: "unknown", Committed: "committed", Aborted: "aborted"}

func (o Outcome) String() string { return nameOf(outcomeNames, int(o)) }

// MarshalText writes the outcome's name and refuses an outcome that has none.
func (o Outcome) MarshalText() ([]byte, error) { return marshalName("outcome", outcomeNames, int(o)) }

// UnmarshalText reads an outcome's name and refuses an unknown one.
func (o *Outcome) UnmarshalText(text []byte) error {
	at, err := unmarshalName("outcome", outcomeNames, text)
	*o = Outcome(at)
	return err
}

func nameOf(names []string, at int) string {
	if at >= len(names) || names[at] == "" {
		return strconv.Itoa(at)
	}
	return names[at]
}

func marshalName(what string, names []string, at int) ([]byte, error) {
	if at >= len(names) || names[at] == "" {
		return nil, fmt.Errorf("linearizability: no %s has the number %d", what, at)
	}
	return []byte(names[at]), nil
}

func unmarshalName(what string, names []string, text []byte) (int, error) {
	at := slices.Index(names, string(text))
	if at < 0 || len(text) == 0 {
		known := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
		return 0, fmt.Errorf("linearizability: unknown %s %q; known: %s", what, text, strings.Join(known, ", "))
	}
	return at, nil
}

// A Verdict is the answer of a check.
type Verdict uint8

// The zero Verdict is Unknown, so that a forgotten answer is never a pass.
const (
	Unknown Verdict = iota // could not tell: a limit was reached or the history is malformed
	Legal
	Illegal
)

var verdictNames = [...]string{Unknown: "unknown", Legal: "legal", Illegal: "illegal"}

func (v Verdict) String() string { return verdictNames[v] }

// MarshalText writes the verdict's name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// A Proof says what decided a verdict.
type Proof string

// The ways to a verdict, in the order in which they are tried.
const (
	ByCertificate Proof = "certificate" // the claimed order replays and respects real time
	ByRead        Proof = "read"        // one read that no order can explain
	ByCycle       Proof = "cycle"       // orders that the reads and real time force contradict each other
	ByOrder       Proof = "order"       // an order built from what the reads and real time force replays
	BySearch      Proof = "search"      // porcupine tried the orders
)

// Limits bound a search; zero means no limit. Without Timeout a verdict depends on the history alone, so simulated runs
// leave Timeout unset and bound Steps.
type Limits struct {
	Steps      int           // operations tried, over the whole history
	Operations int           // in a part of the history that must be ordered as one
	Memory     int64         // bytes that the search holds, estimated from above
	Timeout    time.Duration // wall clock
}

// SimulationLimits are meant for simulated runs: they bound a search to about a second and 256 MiB and do not depend
// on the clock.
func SimulationLimits() Limits {
	return Limits{Steps: 1_000_000, Operations: 10_000, Memory: 256 << 20}
}

// FileLimits are meant for recorded histories: a minute and 1 GiB.
func FileLimits() Limits {
	return Limits{Memory: 1 << 30, Timeout: time.Minute}
}

// A Result is a verdict and what it rests on.
type Result struct {
	Verdict     Verdict
	Proof       Proof // empty when the verdict is Unknown
	Operations  int   // transactions or calls in the history
	Unknown     int   // of these, how many have an unknown outcome
	Steps       int   // operations that the search tried
	Violation   error // why it is Illegal: a *Violation or a *CallViolation
	Certificate error // why the claimed order proves nothing, nil when it does or none was asked for
	Reason      error // why it is Unknown: a *LimitError, a *MalformedError, a *MalformedCallError, a *NotUniqueError, ErrEmpty or the context's error
}

// Err is nil exactly when the verdict is Legal.
func (r Result) Err() error {
	switch {
	case r.Verdict == Legal:
		return nil
	case r.Verdict == Illegal:
		return r.Violation
	case r.Reason != nil:
		return r.Reason
	}
	return errors.New("linearizability: no verdict")
}

// ErrEmpty says that a history has nothing to check.
var ErrEmpty = errors.New("linearizability: no operation of the history is known to have happened, so there is nothing to check")

// A LimitError says which limit ended a search without a verdict.
type LimitError struct {
	Limit string // "steps", "operations", "memory" or "timeout"
	Max   string // with its unit
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("linearizability: could not tell within the limit on %s, %s", e.Limit, e.Max)
}

// A MalformedCallError says which call makes a history none that the model has.
type MalformedCallError struct {
	Call    Call
	Problem string
}

func (e *MalformedCallError) Error() string {
	return fmt.Sprintf("linearizability: malformed history: client %d's %s %s", e.Call.Client, &e.Call, e.Problem)
}

// A MalformedError says what makes a history of transactions none.
type MalformedError struct {
	Txn     uint64
	Problem string
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("linearizability: malformed history: transaction %d %s", e.Txn, e.Problem)
}
