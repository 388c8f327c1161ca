package linearizability

import (
	"fmt"
	"strings"
)

// An Anomaly names a way in which a history breaks strict serializability.
type Anomaly string

// The anomalies, each with the guarantee that it breaks.
const (
	OwnWriteMissed   Anomaly = "own write missed"
	Unrepeatable     Anomaly = "unrepeatable read"
	AbortedValue     Anomaly = "aborted value seen"
	DirtyRead        Anomaly = "dirty read"
	ThinAir          Anomaly = "value from nowhere"
	FutureRead       Anomaly = "read from the future"
	StaleRead        Anomaly = "stale read"
	LostCommit       Anomaly = "lost acknowledged commit"
	LostUpdate       Anomaly = "lost update"
	WriteSkew        Anomaly = "write skew"
	FracturedRead    Anomaly = "fractured read"
	NewOldInversion  Anomaly = "new/old inversion"
	UnknownThenGone  Anomaly = "unknown outcome seen, then gone"
	RealTimeReversal Anomaly = "real-time reversal"
	Unserializable   Anomaly = "unserializable"
	MissingRow       Anomaly = "row missing in a scan"
	Phantom          Anomaly = "phantom"
	DisorderedScan   Anomaly = "disordered scan"
	CausalReversal   Anomaly = "causal reversal"
	// Of calls, and of lists:
	WrittenTwice   Anomaly = "one value follows twice"
	DisorderedList Anomaly = "lists that disagree"
	DisorderedSet  Anomaly = "sets that disagree"
	TakenTwice     Anomaly = "element taken twice"
	OvertakenHead  Anomaly = "older element overtaken"
	FalseEmpty     Anomaly = "empty though it was not"
	WrongCount     Anomaly = "wrong count"
	HeldTwice      Anomaly = "held twice, or released twice"
	Unlinearizable Anomaly = "not linearizable"
)

var guarantees = map[Anomaly]string{
	OwnWriteMissed:   "a transaction reads its own writes",
	Unrepeatable:     "a transaction reads one state, the same each time",
	AbortedValue:     "nobody sees what an aborted transaction wrote, or what any took back",
	DirtyRead:        "nobody sees a value that its transaction overwrote itself",
	ThinAir:          "every value read was written",
	FutureRead:       "nobody sees what was written after its transaction had ended",
	StaleRead:        "what was committed before a transaction began is visible to it",
	LostCommit:       "an acknowledged commit is never lost",
	LostUpdate:       "of two transactions that change a row, the later one has read the earlier one's value",
	WriteSkew:        "of two transactions, the later one has read what the earlier one wrote",
	FracturedRead:    "a transaction is seen whole or not at all",
	NewOldInversion:  "what one transaction has seen, every transaction that begins after its end sees",
	UnknownThenGone:  "a transaction of unknown outcome happened or did not happen, for everybody",
	RealTimeReversal: "a transaction that ended before another began is ordered before it",
	Unserializable:   "one order of the transactions explains every read",
	MissingRow:       "a scan sees every row of its range that was there before its transaction began, or that it wrote itself",
	Phantom:          "a range holds the same rows for all of a transaction: none comes, and none goes",
	CausalReversal:   "who sees a transaction sees all that it had seen",
	WrittenTwice:     "a value that is replaced by a swap is replaced once",
	DisorderedList:   "elements are only added to a list behind the others, so that one list read begins the other",
	DisorderedSet:    "elements are only added to a set, so that one set read holds the other",
	TakenTwice:       "an element that was put into a queue once is taken once",
	OvertakenHead:    "elements leave a queue in the order in which they came",
	FalseEmpty:       "a queue is found empty only when no element is in it",
	WrongCount:       "a counter is the sum of what was added",
	HeldTwice:        "a mutex is acquired when it is free and released when it is held",
	Unlinearizable:   "every call takes effect at one instant between its call and its return",
	DisorderedScan:   "a scan answers with rows of its range, in the order of their keys, each once, and no more than it was asked for",
}

// Guarantee is the sentence that the anomaly breaks.
func (a Anomaly) Guarantee() string { return guarantees[a] }

// A Violation is why a history of transactions is not strictly serializable, or why a claimed order proves nothing.
type Violation struct {
	Anomaly  Anomaly
	Txn      uint64 // the transaction that cannot be explained
	Client   int    // its client
	Key      string // what it read, when one read shows it
	Scan     string // the scan that read it, when it was one
	Expected string // the value to be read, quoted, or nothing
	Found    string // the value read, quoted, or nothing
	Class    Class  // the name that Adya or Elle have for it; empty when they have none
	Level    Level  // the level that it breaks
	// Core are the indices in the history of transactions that contradict each other already, ascending. It need not be
	// minimal.
	Core   []int
	Cycle  []Edge // orders that contradict each other, when the proof is a cycle
	Detail string // the rest of the story in words
}

func (v *Violation) Error() string {
	var b strings.Builder
	level := "strict serializability"
	if v.Level != "" && v.Level != StrictSerializable {
		level = string(v.Level)
	}
	fmt.Fprintf(&b, "%s: %s: %s, but transaction %d (client %d) ", level, v.Anomaly, v.Anomaly.Guarantee(), v.Txn, v.Client)
	switch {
	case v.Found != "" && v.Scan != "":
		fmt.Fprintf(&b, "read %q in its %s: expected %s, found %s", v.Key, v.Scan, v.Expected, v.Found)
	case v.Found != "":
		fmt.Fprintf(&b, "read %q: expected %s, found %s", v.Key, v.Expected, v.Found)
	case v.Scan != "":
		fmt.Fprintf(&b, "cannot be placed with its %s", v.Scan)
	default:
		b.WriteString("cannot be placed")
	}
	if v.Detail != "" {
		b.WriteString("; " + v.Detail)
	}
	for i, e := range v.Cycle {
		if i == 0 {
			b.WriteString("; cycle: ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(e.String())
	}
	return b.String()
}

// An Edge is one forced order: From is before To.
type Edge struct {
	From, To           uint64 // transactions; of calls, the same as their indices
	FromIndex, ToIndex int    // in the history
	Why                Why
	Key                string // empty for RealTime and SessionOrder
}

// Why says what forces an order.
type Why string

// The reasons for an order.
const (
	RealTime     Why = "ended before the other began"
	SessionOrder Why = "came before the other in its client's session"
	ReadsFrom    Why = "was read by the other"
	Overwrites   Why = "was overwritten before it was missed by a reader" // write before write
	Misses       Why = "read what the other overwrote"
)

func (e Edge) String() string {
	switch e.Why {
	case ReadsFrom:
		return fmt.Sprintf("%d before %d (which read its %q)", e.From, e.To, e.Key)
	case Overwrites:
		return fmt.Sprintf("%d before %d (which overwrote its %q)", e.From, e.To, e.Key)
	case Misses:
		return fmt.Sprintf("%d before %d (whose %q it did not see)", e.From, e.To, e.Key)
	case SessionOrder:
		return fmt.Sprintf("%d before %d (the next of its client)", e.From, e.To)
	}
	return fmt.Sprintf("%d before %d (which began after its end)", e.From, e.To)
}
