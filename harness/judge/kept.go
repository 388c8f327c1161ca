package judge

import (
	"fmt"

	"github.com/firstgap/firstgap/linearizability"
)

// A LostError is a key that does not hold, after the last upheaval, what its clients were told.
type LostError struct {
	Key      string
	Rule     string
	Expected string
	Found    string
}

func (e *LostError) Error() string { return sentence(e) }

func (e *LostError) describe(f *Finding) {
	f.Rule, f.Expected, f.Found = e.Rule, e.Expected, e.Found+" after the last upheaval"
	f.Keys, f.Subject = []string{e.Key}, fmt.Sprintf("key %q", e.Key)
}

// The rules of Kept.
const (
	ruleNotOlder = "an acknowledged write is gone: a later read does not see a value that it had overwritten"
	ruleWritten  = "a value that no client wrote shows"
)

// Kept holds what was read of every key after the last upheaval against the writes that were acknowledged before: what is
// there was written, by a write after which no acknowledged one began that no other one may have overwritten. It is a second
// way to what linearizability of the whole history says, and names the write that is gone. audited are indices of calls.
func Kept(calls []linearizability.Call, audited []int) []error {
	var broken []error
	for _, i := range audited {
		read := &calls[i]
		if read.Kind != linearizability.Get || read.Unknown {
			continue
		}
		if err := kept(calls, read); err != nil {
			broken = append(broken, err)
		}
	}
	return broken
}

func kept(calls []linearizability.Call, read *linearizability.Call) error {
	var from *linearizability.Call // the write of what was read; values are unique
	for i := range calls {
		if c := &calls[i]; c.Key == read.Key && writes(c) && read.Found && c.Value == read.Value {
			from = c
		}
	}
	if read.Found && from == nil {
		return &LostError{Key: read.Key, Rule: ruleWritten, Expected: "a value that some client wrote", Found: fmt.Sprintf("%q", read.Value)}
	}
	for i := range calls {
		c := &calls[i]
		if c.Key != read.Key || !writes(c) || c.Unknown || c.End >= read.Begin || c == from {
			continue
		}
		// c was acknowledged before the read began. What was read is older for certain if its write ended before c began.
		switch {
		case from == nil:
			return &LostError{Key: read.Key, Rule: ruleNotOlder, Expected: fmt.Sprintf("%q, which was acknowledged, or a later value", c.Value), Found: "no value"}
		case !from.Unknown && from.End < c.Begin:
			return &LostError{Key: read.Key, Rule: ruleNotOlder, Expected: fmt.Sprintf("%q, which was acknowledged, or a later value", c.Value), Found: fmt.Sprintf("the earlier %q", read.Value)}
		}
	}
	return nil
}

// writes tells whether a call may have changed its key.
func writes(c *linearizability.Call) bool {
	return c.Kind == linearizability.Put || c.Kind == linearizability.CompareAndSwap && (c.Unknown || c.Swapped)
}
