package linearizability

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/anishathalye/porcupine"
)

// A Call is one call of a client on one key, with the times of a Txn. A call that is known not to have happened is not
// in a history.
type Call struct {
	Client     int
	Begin, End int64
	Kind       CallKind
	// Found says that the key had a value (Get of a register) or the queue an element (Dequeue).
	Found   bool
	Swapped bool // CompareAndSwap: whether the key had the value expected; when it had not, the call changed nothing
	Unknown bool // no answer, or one that says nothing: the call may take effect at any time from Begin on
	Key     string
	// Value is what was put, appended, swapped in, added, removed, enqueued, dequeued or read. Of a counter it is a decimal
	// 64-bit number, which may be negative. It is empty where nothing was found.
	Value string
	From  string // CompareAndSwap: the value that was expected
	// Elements are what a Get of a list or set saw: all of a list in its order, all of a set in any order.
	Elements []string
	Line     int // where it was recorded, 0 when it was not read from a file
}

// A CallKind says what a call does.
type CallKind uint8

// The calls. What a Get answers with depends on the model: a value (register, kv, counter) or elements (list, set).
const (
	Get CallKind = iota + 1
	Put
	Append         // kv: the text goes behind the value; list: the value becomes the last element
	CompareAndSwap // register
	Discard        // register, kv: the key has no value afterwards
	Add            // set: an element, which may be there already; counter: a number
	Remove         // set: an element, which may be absent
	Enqueue
	Dequeue // takes the oldest element, or finds none and says so
	Acquire // mutex: it was free and is held
	Release // mutex: it was held and is free, whoever held it
)

var callKinds = [...]string{Get: "get", Put: "put", Append: "append", CompareAndSwap: "cas", Discard: "delete", Add: "add", Remove: "remove",
	Enqueue: "enqueue", Dequeue: "dequeue", Acquire: "acquire", Release: "release"}

func (k CallKind) String() string {
	if k < Get || int(k) >= len(callKinds) {
		return fmt.Sprintf("call %d", uint8(k))
	}
	return callKinds[k]
}

func (c *Call) String() string {
	var text string
	switch c.Kind {
	case Get:
		switch {
		case c.Unknown:
			return fmt.Sprintf("get(%s)", c.Key)
		case c.Elements != nil:
			return fmt.Sprintf("get(%s) = %q", c.Key, c.Elements)
		case !c.Found && c.Value == "":
			return fmt.Sprintf("get(%s) = nothing", c.Key)
		}
		return fmt.Sprintf("get(%s) = %q", c.Key, c.Value)
	case Dequeue:
		switch {
		case c.Unknown:
			text = fmt.Sprintf("dequeue(%s)", c.Key)
		case !c.Found:
			return fmt.Sprintf("dequeue(%s) = nothing", c.Key)
		default:
			return fmt.Sprintf("dequeue(%s) = %q", c.Key, c.Value)
		}
	case CompareAndSwap:
		text = fmt.Sprintf("cas(%s, %q, %q)", c.Key, c.From, c.Value)
		if !c.Unknown {
			text += fmt.Sprintf(" = %t", c.Swapped)
		}
	case Discard, Acquire, Release:
		text = fmt.Sprintf("%s(%s)", c.Kind, c.Key)
	default:
		text = fmt.Sprintf("%s(%s, %q)", c.Kind, c.Key, c.Value)
	}
	if c.Unknown {
		text += ", outcome unknown"
	}
	return text
}

// A CallViolation is why a history of calls is not linearizable.
type CallViolation struct {
	Model   Model
	Anomaly Anomaly
	Call    Call // the one that cannot be explained; without a better one, that whose return made the history impossible
	Index   int  // of Call in the history
	// Core are the indices in the history of calls that contradict each other already, ascending. It need not be minimal.
	Core       []int
	Cycle      []Edge // orders that contradict each other, when the proof is a cycle
	Expected   string // what Call should have seen, quoted, or words; empty when no single answer shows it
	Found      string // what it saw
	Detail     string // the rest of the story in words
	Operations int    // on the same key, up to the return of Call
}

func (v *CallViolation) Error() string {
	where := ""
	if v.Call.Line > 0 {
		where = fmt.Sprintf(" (called in line %d)", v.Call.Line)
	}
	return fmt.Sprintf("linearizability: every call takes effect at one instant between its call and its return, but client %d's %s%s cannot, in any order of the %d calls on %q up to its return (model %s)",
		v.Call.Client, v.Call.String(), where, v.Operations, v.Call.Key, v.Model)
}

// CheckCalls decides whether a history of calls is linearizable. Every key is decided for itself (Herlihy and Wing 1990,
// theorem 1). A model that does not know a call of the history is a malformed input and so Unknown.
func CheckCalls(ctx context.Context, model Model, history []Call, options Options, limits Limits) Result {
	result := Result{Operations: len(history)}
	for i := range history {
		c := &history[i]
		if !slices.Contains(model.calls(), c.Kind) {
			result.Reason = fmt.Errorf("linearizability: model %q has no %s (line %d); it has %v", model, c.Kind, c.Line, model.calls())
			return result
		}
		if model == ModelCounter && !(c.Kind == Get && c.Unknown) {
			if _, err := strconv.ParseInt(c.Value, 10, 64); err != nil {
				result.Reason = fmt.Errorf("linearizability: malformed history: client %d's %s (line %d): expected a 64-bit number, found %q", c.Client, c, c.Line, c.Value)
				return result
			}
		}
		if c.End < c.Begin {
			result.Reason = fmt.Errorf("linearizability: malformed history: client %d's %s (line %d) ends at %d, before its begin at %d", c.Client, c, c.Line, c.End, c.Begin)
			return result
		}
		if c.Unknown {
			result.Unknown++
		}
	}
	if result.Unknown == len(history) {
		result.Reason = ErrEmpty
		return result
	}
	b := newBudget(ctx, limits)
	keys := byKey(history)
	verdict, illegal, reason := b.searchAll(len(keys), func(i, tries int) Verdict { return keys[i].search(model, options.Initial, b, tries) })
	result.Steps = b.steps
	switch verdict {
	case Illegal:
		return result.illegal(BySearch, keys[illegal].impossible(model, options.Initial, b))
	case Legal:
		result.Verdict, result.Proof = Legal, BySearch
	default:
		result.Reason = reason
	}
	return result
}

// keyCalls are the calls on one key that can matter, by their begin.
type keyCalls []*Call

// byKey divides a history into its keys, in the order of their first calls. A read without an answer shows nothing and
// changes nothing, so it is left out.
func byKey(history []Call) []keyCalls {
	var keys []keyCalls
	number := make(map[string]int)
	for i := range history {
		c := &history[i]
		if c.Kind == Get && c.Unknown {
			continue
		}
		at, ok := number[c.Key]
		if !ok {
			at = len(keys)
			number[c.Key] = at
			keys = append(keys, nil)
		}
		keys[at] = append(keys[at], c)
	}
	return keys
}

// operations are the calls and their model for porcupine.
func (k keyCalls) operations(model Model, initial *string) ([]porcupine.Operation, porcupine.Model) {
	ops := make([]porcupine.Operation, len(k))
	known := 0
	for i, c := range k {
		ops[i] = porcupine.Operation{ClientId: c.Client, Input: c, Call: c.Begin, Return: c.end()}
		if !c.Unknown {
			known++
		}
	}
	return ops, model.porcupine(known, initial)
}

// end is the time from which the call is over for everybody.
func (c *Call) end() int64 {
	if c.Unknown {
		return Unfinished
	}
	return c.End
}

func (k keyCalls) search(model Model, initial *string, b *budget, tries int) Verdict {
	ops, m := k.operations(model, initial)
	state := int64(48)
	for _, c := range k {
		if c.Kind == Append {
			state += int64(len(c.Value)) // an append makes a new string of all before it
		}
	}
	return b.search(tries, m, ops, state)
}

// until is the history of the key as it was known at a time.
func (k keyCalls) until(time int64) keyCalls {
	var cut keyCalls
	for _, c := range k {
		if c.Begin > time || c.Kind == Get && c.end() > time {
			continue
		}
		if c.end() > time {
			pending := *c
			pending.Unknown = true
			c = &pending
		}
		cut = append(cut, c)
	}
	return cut
}

// impossible names the call whose return made the key's history impossible, or where finding it would take too long,
// one soon after it.
func (k keyCalls) impossible(model Model, initial *string, b *budget) *CallViolation {
	var ended keyCalls
	for _, c := range k {
		if !c.Unknown {
			ended = append(ended, c)
		}
	}
	slices.SortStableFunc(ended, func(a, b *Call) int { return cmp.Compare(a.End, b.End) })
	at := b.firstIllegal(len(ended), func(i, tries int) Verdict { return k.until(ended[i].End).search(model, initial, b, tries) })
	return &CallViolation{Model: model, Call: *ended[at], Operations: len(k.until(ended[at].End))}
}
