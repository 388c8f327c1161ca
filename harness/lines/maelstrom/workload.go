package maelstrom

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// A Body is the body of a message: one JSON object. Its numbers are json.Number, its objects map[string]any and its arrays []any.
type Body map[string]any

// Parameters say how a workload is run. Zero values are Maelstrom's defaults, where it has one.
type Parameters struct {
	Nodes   []string // their names, in order: client i asks node i modulo their number
	Clients int      // how many ask at the same time, 0 is one a node
	Seed    uint64

	Consistency     string // for transactions: the model that is asked for, by Maelstrom's name; "" is strict-serializable
	Topology        string // for broadcast: line, grid, tree, tree2, tree3, tree4 or total; "" is grid
	KeyCount        int    // keys that are in use at one time, 0 is the workload's own number
	OpsPerKey       int    // for lin-kv: calls before a key gives way to a new one, 0 is DefaultOpsPerKey
	MinTxnLength    int    // operations of a transaction, at least; 0 is 1
	MaxTxnLength    int    // operations of a transaction, at most; 0 is DefaultMaxTxnLength
	MaxWritesPerKey int    // writes before a key gives way to a new one, 0 is DefaultMaxWritesPerKey
}

// The defaults of Parameters.
const (
	DefaultTopology        = "grid"
	DefaultConsistency     = "strict-serializable"
	DefaultOpsPerKey       = 20
	DefaultMaxTxnLength    = 4
	DefaultMaxWritesPerKey = 16
)

// A Workload is what clients ask of a system, and what they may be answered.
type Workload struct {
	Name      string
	What      string // what the clients do, in a sentence
	Guarantee string // what the system has to keep, in a sentence

	// Consistency are the models that can be asked for, by Maelstrom's names; nil where there is no choice.
	Consistency []string
	// Begin makes the clients of one run. It fails with a ParameterError where a parameter is none that the workload has.
	Begin func(Parameters) (Session, error)
	// Check holds the calls of one run, in the order of Invoked, against the guarantee. It is a pure function.
	Check func(Parameters, []Call) []Problem
	// Count tells what the run has done: figures that say whether its check had anything to look at. Pure, too.
	Count func([]Call) []Figure
}

// A Session is the clients of one run. It is asked and told from one goroutine. Each client has one request open at a time, and
// the same draws and answers make the same requests.
type Session interface {
	// Setup are the requests of a client before all others and before all faults, one after another. The first one of them that
	// fails ends the run.
	Setup(client int) []Body
	// Next is the next request of a client, without msg_id; nil when it has nothing to ask for now. It draws a number below n by
	// draw(n).
	Next(client int, draw func(n int) int) Body
	// Final is asked again and again after all faults have ended: the next request of a client, one after another, until it has
	// none and Final is nil.
	Final(client int) Body
	// Answered tells how a request that was returned by Setup, Next or Final ended.
	Answered(*Call)
}

// An Outcome is how a call ended.
type Outcome uint8

const (
	// Unknown: no answer in time, or an error that leaves it open whether the request was carried out.
	Unknown Outcome = iota
	// OK: the answer is in Reply.
	OK
	// Failed: an error that says that the request was not carried out, and will not be.
	Failed
)

func (o Outcome) String() string {
	switch o {
	case OK:
		return "ok"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// A Call is one request of a client and how it ended.
type Call struct {
	Client   int
	Node     string // that was asked
	Invoked  node.Time
	Returned node.Time // when the answer was there or was no longer waited for
	Request  Body
	Reply    Body // of an answer or an error; nil without one
	Outcome  Outcome
	Code     int  // of the error, 0 without one
	Setup    bool // before the faults
	Final    bool // after the faults
}

// A Problem is a rule of a workload's guarantee that the calls of a run break.
type Problem struct {
	Rule  string // its name, always the same, such as "lost-write"
	Says  string // what was expected and what was found, in one sentence
	Calls []int  // which of the calls show it, by their index
	// Undecided: the rule could be neither shown nor refuted. The run neither passes nor is it a violation.
	Undecided bool
}

// A Figure is a number of what a run has done.
type Figure struct {
	Name  string
	Value int
}

// A ParameterError tells of a parameter that a workload does not have.
type ParameterError struct {
	Workload, Parameter, Value string
	Known                      []string // the values that it has
}

func (e *ParameterError) Error() string {
	return fmt.Sprintf("maelstrom: workload %s: unknown %s %q; known: %s", e.Workload, e.Parameter, e.Value, strings.Join(e.Known, ", "))
}

// Workloads are all workloads, in the order of Maelstrom's documentation.
func Workloads() []Workload {
	return []Workload{broadcast(), echo(), gCounter(), gSet(), kafka(), linKV(), pnCounter(), txnListAppend(), txnRWRegister(), uniqueIDs()}
}

// Named finds a workload by its name, and refuses an unknown one by listing the known ones.
func Named(name string) (Workload, error) {
	var known []string
	for _, w := range Workloads() {
		if w.Name == name {
			return w, nil
		}
		known = append(known, w.Name)
	}
	return Workload{}, fmt.Errorf("maelstrom: unknown workload %q; known: %s", name, strings.Join(known, ", "))
}
