package linearizability

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// A Call is one call of a client on one key, with the times of a Txn.
type Call struct {
	Client     int
	Begin, End int64
	Kind       CallKind
	Key        string
	Value      string // what was put, appended, swapped in, or read
	From       string // CompareAndSwap: the value that was expected
	Found      bool   // Get: whether the key had a value
	Swapped    bool   // CompareAndSwap: whether it had the expected one
	Unknown    bool   // no answer, or one that says nothing: the call may take effect at any time from Begin on
	Line       int    // where it was recorded, 0 when it was not read from a file
}

// A CallKind says what a call does.
type CallKind uint8

// The calls.
const (
	Get CallKind = iota + 1
	Put
	Append
	CompareAndSwap
)

var callKinds = [...]string{Get: "get", Put: "put", Append: "append", CompareAndSwap: "cas"}

func (k CallKind) String() string {
	if k < Get || k > CompareAndSwap {
		return fmt.Sprintf("call %d", uint8(k))
	}
	return callKinds[k]
}

func (c *Call) String() string {
	var text string
	switch {
	case c.Kind == Get && c.Unknown:
		return fmt.Sprintf("get(%s)", c.Key)
	case c.Kind == Get && !c.Found:
		return fmt.Sprintf("get(%s) = nothing", c.Key)
	case c.Kind == Get:
		return fmt.Sprintf("get(%s) = %q", c.Key, c.Value)
	case c.Kind != CompareAndSwap:
		text = fmt.Sprintf("%s(%s, %q)", c.Kind, c.Key, c.Value)
	case c.Unknown:
		text = fmt.Sprintf("cas(%s, %q, %q)", c.Key, c.From, c.Value)
	default:
		text = fmt.Sprintf("cas(%s, %q, %q) = %t", c.Key, c.From, c.Value, c.Swapped)
	}
	if c.Unknown {
		text += ", outcome unknown"
	}
	return text
}

// A Model says what a key is.
type Model string

// The models.
const (
	ModelRegister Model = "register" // get, put, cas; a key that was never written has no value
	ModelKV       Model = "kv"       // get, put, append; a key that was never written has the empty value
	ModelTxn      Model = "txn"      // transactions of reads, writes and deletes
)

// Models are the names that ParseModel knows.
func Models() []Model { return []Model{ModelRegister, ModelKV, ModelTxn} }

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

func (m Model) calls() []CallKind {
	switch m {
	case ModelRegister:
		return []CallKind{Get, Put, CompareAndSwap}
	case ModelKV:
		return []CallKind{Get, Put, Append}
	}
	return nil
}

// A cell is what a key holds. The kv model does not use found.
type cell struct {
	found bool
	value string
	done  int // calls of known outcome so far
}

// porcupine is the model of one key; the input is a *Call. Of the calls, known have a known outcome.
func (m Model) porcupine(known int) porcupine.Model {
	seed := maphash.MakeSeed()
	return porcupine.Model{
		Init: func() any { return cell{} },
		Step: func(state, input, _ any) (bool, any) {
			st, c := state.(cell), input.(*Call)
			if !c.Unknown {
				st.done++
			}
			switch c.Kind {
			case Get:
				return st.value == c.Value && (m == ModelKV || st.found == c.Found), st
			case Append:
				st.found, st.value = true, st.value+c.Value
			case Put:
				st.found, st.value = true, c.Value
			case CompareAndSwap:
				equal := st.found && st.value == c.From
				if equal {
					st.value = c.Value
				}
				if !c.Unknown {
					return equal == c.Swapped, st
				}
				// One that changes nothing is only counted off at the end, so that the search does not try it in
				// every place.
				return equal || st.done == known, st
			}
			return true, st
		},
		Hash: func(state any) uint64 { return maphash.Comparable(seed, state.(cell)) },
		DescribeOperation: func(input, _ any) string {
			return input.(*Call).String()
		},
		DescribeState: func(state any) string {
			if st := state.(cell); st.found {
				return strconv.Quote(st.value)
			}
			return "nothing"
		},
	}
}

// A CallViolation is why a history of calls is not linearizable.
type CallViolation struct {
	Model      Model
	Call       Call // the one whose return made the history impossible
	Operations int  // on the same key, up to that return
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
func CheckCalls(ctx context.Context, model Model, history []Call, limits Limits) Result {
	result := Result{Operations: len(history)}
	for i := range history {
		c := &history[i]
		if !slices.Contains(model.calls(), c.Kind) {
			result.Reason = fmt.Errorf("linearizability: model %q has no %s (line %d); it has %v", model, c.Kind, c.Line, model.calls())
			return result
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
	verdict, illegal, reason := b.searchAll(len(keys), func(i, tries int) Verdict { return keys[i].search(model, b, tries) })
	result.Steps = b.steps
	switch verdict {
	case Illegal:
		return result.illegal(BySearch, keys[illegal].impossible(model, b))
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
func (k keyCalls) operations(model Model) ([]porcupine.Operation, porcupine.Model) {
	ops := make([]porcupine.Operation, len(k))
	known := 0
	for i, c := range k {
		ops[i] = porcupine.Operation{ClientId: c.Client, Input: c, Call: c.Begin, Return: c.end()}
		if !c.Unknown {
			known++
		}
	}
	return ops, model.porcupine(known)
}

// end is the time from which the call is over for everybody.
func (c *Call) end() int64 {
	if c.Unknown {
		return Unfinished
	}
	return c.End
}

func (k keyCalls) search(model Model, b *budget, tries int) Verdict {
	ops, m := k.operations(model)
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
func (k keyCalls) impossible(model Model, b *budget) *CallViolation {
	var ended keyCalls
	for _, c := range k {
		if !c.Unknown {
			ended = append(ended, c)
		}
	}
	slices.SortStableFunc(ended, func(a, b *Call) int { return cmp.Compare(a.End, b.End) })
	at := b.firstIllegal(len(ended), func(i, tries int) Verdict { return k.until(ended[i].End).search(model, b, tries) })
	return &CallViolation{Model: model, Call: *ended[at], Operations: len(k.until(ended[at].End))}
}
