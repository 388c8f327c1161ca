package linearizability

import (
	"fmt"
	"strconv"
	"strings"
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
	// What stands in the brackets; the only key of a history has no name.
	with := func(values ...string) string {
		var in []string
		if c.Key != "" {
			in = append(in, c.Key)
		}
		for _, v := range values {
			in = append(in, strconv.Quote(v))
		}
		return fmt.Sprintf("%s(%s)", c.Kind, strings.Join(in, ", "))
	}
	var text string
	switch c.Kind {
	case Get, Dequeue:
		text = with()
		switch {
		case c.Unknown && c.Kind == Get:
			return text
		case c.Unknown:
		case c.Elements != nil:
			return fmt.Sprintf("%s = %q", text, c.Elements)
		case !c.Found && c.Value == "":
			return text + " = nothing"
		default:
			return fmt.Sprintf("%s = %q", text, c.Value)
		}
	case CompareAndSwap:
		text = with(c.From, c.Value)
		if !c.Unknown {
			text += fmt.Sprintf(" = %t", c.Swapped)
		}
	case Discard, Acquire, Release:
		text = with()
	default:
		text = with(c.Value)
	}
	if c.Unknown {
		text += ", outcome unknown"
	}
	return text
}
