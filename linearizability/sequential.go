package linearizability

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// A cell is what a key holds, by the words of its model: one call after another, none at the same time. It is what every
// method of the package is held against.
type cell struct {
	found bool   // register: it has a value; mutex: it is held
	value string // also the elements of a list, set or queue, and the decimal number of a counter
	done  int    // calls of known outcome so far
}

// start is a key before its first call.
func (m Model) start(initial *string) cell {
	switch {
	case m == ModelCounter:
		return cell{value: "0"}
	case initial != nil && (m == ModelRegister || m == ModelKV):
		return cell{found: true, value: *initial}
	}
	return cell{}
}

// apply is one call on a cell; ok is false when it cannot have been answered so, or when one without an answer cannot have
// happened there.
func (m Model) apply(st cell, c *Call) (next cell, ok bool) {
	switch c.Kind {
	case Get:
		switch m {
		case ModelList:
			return st, st.value == pack(c.Elements)
		case ModelSet:
			return st, st.value == packSet(c.Elements)
		case ModelRegister:
			return st, st.found == c.Found && st.value == c.Value
		}
		return st, st.value == c.Value
	case Put:
		st.found, st.value = true, c.Value
	case Discard:
		st.found, st.value = false, ""
	case Append:
		if m == ModelList {
			st.value += pack([]string{c.Value})
			break
		}
		st.found, st.value = true, st.value+c.Value
	case CompareAndSwap:
		equal := st.found && st.value == c.From
		if equal {
			st.value = c.Value
		}
		return st, equal == (c.Swapped || c.Unknown)
	case Add:
		if m == ModelSet {
			st.value = packSet(append(unpack(st.value), c.Value))
			break
		}
		st.value = strconv.FormatInt(number(st.value)+number(c.Value), 10)
	case Remove:
		st.value = packSet(slices.DeleteFunc(unpack(st.value), func(e string) bool { return e == c.Value }))
	case Enqueue:
		st.value += pack([]string{c.Value})
	case Dequeue:
		elements := unpack(st.value)
		if c.Unknown {
			if len(elements) == 0 {
				return st, false
			}
		} else if c.Found != (len(elements) > 0) || c.Found && elements[0] != c.Value {
			return st, false
		}
		if len(elements) > 0 {
			st.value = pack(elements[1:])
		}
	case Acquire:
		if st.found {
			return st, false
		}
		st.found = true
	case Release:
		if !st.found {
			return st, false
		}
		st.found = false
	}
	return st, true
}

// number is that of a counter; a history in which one cannot be read is malformed.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// pack writes elements behind each other so that only the same elements in the same order give the same text.
func pack(elements []string) string {
	var b strings.Builder
	for _, e := range elements {
		b.WriteString(strconv.Itoa(len(e)))
		b.WriteByte(':')
		b.WriteString(e)
	}
	return b.String()
}

func unpack(text string) []string {
	var elements []string
	for text != "" {
		length, rest, _ := strings.Cut(text, ":")
		n, _ := strconv.Atoi(length)
		elements = append(elements, rest[:n])
		text = rest[n:]
	}
	return elements
}

// packSet forgets order and repetition.
func packSet(elements []string) string {
	return pack(slices.Compact(slices.Sorted(slices.Values(elements))))
}

// porcupine is the model of one key; the input is a *Call. Of the calls, known have a known outcome.
func (m Model) porcupine(known int, initial *string) porcupine.Model {
	seed := maphash.MakeSeed()
	return porcupine.Model{
		Init: func() any { return m.start(initial) },
		Step: func(state, input, _ any) (bool, any) {
			st, c := state.(cell), input.(*Call)
			next, ok := m.apply(st, c)
			if c.Unknown {
				// One that does not fit did not happen. It is only counted off at the end, so that the search does not try
				// it in every place.
				return ok || st.done == known, next
			}
			next.done++
			return ok, next
		},
		Hash: func(state any) uint64 { return maphash.Comparable(seed, state.(cell)) },
		DescribeOperation: func(input, _ any) string {
			return input.(*Call).String()
		},
		DescribeState: func(state any) string { return m.describe(state.(cell)) },
	}
}

func (m Model) describe(st cell) string {
	switch m {
	case ModelList, ModelSet, ModelQueue:
		return "[" + strings.Join(unpack(st.value), " ") + "]"
	case ModelCounter:
		return st.value
	case ModelMutex:
		if st.found {
			return "held"
		}
		return "free"
	}
	if st.found {
		return strconv.Quote(st.value)
	}
	return "nothing"
}
