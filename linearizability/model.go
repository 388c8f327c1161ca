package linearizability

import (
	"fmt"
	"slices"
	"strings"
)

// A Model says what a key is.
type Model string

// The models.
const (
	ModelRegister Model = "register" // get, put, cas, delete; a key that was never written has no value
	ModelKV       Model = "kv"       // get, put, append, delete; a key that was never written has the empty value
	ModelList     Model = "list"     // append, and get of the whole list; it is empty at first
	ModelSet      Model = "set"      // add, remove, and get of the whole set; it is empty at first
	ModelQueue    Model = "queue"    // enqueue, dequeue; first in, first out
	ModelCounter  Model = "counter"  // add, get; 0 at first
	ModelMutex    Model = "mutex"    // acquire, release; free at first
	// Several registers that one call reads and writes at once. Its calls are transactions, and it is linearizable exactly
	// when they are strictly serializable.
	ModelMultiRegister Model = "multi-register"
	ModelTxn           Model = "txn" // transactions of reads, writes, deletes, scans, and appends to lists
)

// Models are the names that ParseModel knows.
func Models() []Model {
	return []Model{ModelRegister, ModelKV, ModelList, ModelSet, ModelQueue, ModelCounter, ModelMutex, ModelMultiRegister, ModelTxn}
}

// ParseModel refuses an unknown name by listing the known ones.
func ParseModel(name string) (Model, error) {
	if !slices.Contains(Models(), Model(name)) {
		return "", fmt.Errorf("unknown model %q; known: %s", name, list(Models()))
	}
	return Model(name), nil
}

func list[T ~string](names []T) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = string(n)
	}
	return strings.Join(parts, ", ")
}

// Transactional tells that a history of this model is one of transactions, and not one of calls.
func (m Model) Transactional() bool { return m == ModelTxn || m == ModelMultiRegister }

// calls are those that the model has.
func (m Model) calls() []CallKind {
	switch m {
	case ModelRegister:
		return []CallKind{Get, Put, CompareAndSwap, Discard}
	case ModelKV:
		return []CallKind{Get, Put, Append, Discard}
	case ModelList:
		return []CallKind{Get, Append}
	case ModelSet:
		return []CallKind{Get, Add, Remove}
	case ModelQueue:
		return []CallKind{Enqueue, Dequeue}
	case ModelCounter:
		return []CallKind{Get, Add}
	case ModelMutex:
		return []CallKind{Acquire, Release}
	}
	return nil
}

// Options are the choices where a history says less than it seems. The zero value is the safe default: what it takes for
// granted can make an illegal history look legal, and never a legal one illegal.
type Options struct {
	// FailedCAS and NilRead are for those who read a record: what they choose is in the calls that they make of it.
	FailedCAS FailedCAS
	NilRead   NilRead
	// Initial is the value that every key of a register or kv store has at first; nil is none.
	Initial *string
}

// FailedCAS says what a compare-and-swap that was answered with a failure means.
type FailedCAS uint8

// The meanings of a failed compare-and-swap.
const (
	FailedCASDidNotHappen FailedCAS = iota // it says nothing of the value; it is not in the history
	FailedCASDiffered                      // it found another value: Swapped is false
)

// NilRead says what a read that was answered with nil means.
type NilRead uint8

// The meanings of a nil read.
const (
	NilReadUnknown NilRead = iota // it fits any value; it is not in the history
	NilReadAbsent                 // there was no value: Found is false
)
