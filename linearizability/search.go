package linearizability

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// A budget ends searches. Porcupine searches one part of a history at a time here, so that what is left for the next
// part, and with it the verdict, does not depend on goroutines.
type budget struct {
	ctx      context.Context
	limits   Limits
	deadline time.Time // zero without a timeout
	steps    int
	memory   int64
	over     error // the first limit reached
}

func newBudget(ctx context.Context, limits Limits) *budget {
	b := &budget{ctx: ctx, limits: limits}
	if limits.Timeout > 0 {
		b.deadline = time.Now().Add(limits.Timeout)
	}
	return b
}

// step counts one operation tried and tells whether the search may go on.
func (b *budget) step() bool {
	if b.over != nil {
		return false
	}
	b.steps++
	switch {
	case b.limits.Steps > 0 && b.steps > b.limits.Steps:
		b.over = &LimitError{Limit: "steps", Max: fmt.Sprintf("%d operations tried", b.limits.Steps)}
	case b.steps%256 == 1 && b.ctx.Err() != nil:
		b.over = b.ctx.Err()
	case b.steps%256 == 1 && !b.deadline.IsZero() && time.Now().After(b.deadline):
		b.over = &LimitError{Limit: "timeout", Max: b.limits.Timeout.String()}
	}
	return b.over == nil
}

// hold counts the bytes of a state that the search keeps.
func (b *budget) hold(bytes int64) {
	b.memory += bytes
	if b.over == nil && b.limits.Memory > 0 && b.memory > b.limits.Memory {
		b.over = &LimitError{Limit: "memory", Max: fmt.Sprintf("%d bytes", b.limits.Memory)}
	}
}

// search lets porcupine decide one part of a history. A part that is not decided is Unknown, and the budget says why.
// stateBytes bounds what one state takes.
func (b *budget) search(model porcupine.Model, part []porcupine.Operation, stateBytes int64) Verdict {
	if b.over != nil {
		return Unknown
	}
	if b.limits.Operations > 0 && len(part) > b.limits.Operations {
		b.over = &LimitError{Limit: "operations", Max: fmt.Sprintf("%d that must be ordered as one, of %d", b.limits.Operations, len(part))}
		return Unknown
	}
	// What porcupine keeps of a state: the set of operations done, its cache entry and its place on the stack.
	stateBytes += int64(len(part)/8) + 128
	b.memory = 0 // porcupine has let go of the part before
	inner := model.Step
	model.Step = func(state, input, output any) (bool, any) {
		if !b.step() {
			return false, state // refusing everything unwinds the search
		}
		ok, next := inner(state, input, output)
		if ok {
			b.hold(stateBytes)
		}
		return ok, next
	}
	// No timeout of porcupine's: it answers Illegal for what was unwound, and only the budget knows the difference.
	if porcupine.CheckOperationsTimeout(model, part, 0) == porcupine.Ok {
		return Legal
	}
	if b.over != nil {
		return Unknown
	}
	return Illegal
}

// A txnState is a state between transactions. States are shared and never changed.
type txnState struct {
	hash   uint64
	done   int     // transactions that must happen and did
	values []int32 // by key
}

// txnModel is the model of transactions of which must have to happen.
func (c *compiled) txnModel(must int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return &txnState{values: make([]int32, len(c.keys))} },
		Step: func(state, input, _ any) (bool, any) {
			st, s := state.(*txnState), input.(*step)
			for _, r := range s.reads {
				if st.values[r.key] != r.value {
					// One of unknown outcome that does not fit did not happen. It is counted off at the end only, where
					// it cannot matter, so that the search does not try it in every place.
					return !s.must && st.done == must, st
				}
			}
			next := &txnState{hash: st.hash, done: st.done, values: st.values}
			if s.must {
				next.done++
			}
			if len(s.writes) > 0 {
				next.values = slices.Clone(st.values)
			}
			for _, w := range s.writes {
				next.hash ^= mix(w.key, next.values[w.key]) ^ mix(w.key, w.value)
				next.values[w.key] = w.value
			}
			return true, next
		},
		Equal: func(a, b any) bool {
			x, y := a.(*txnState), b.(*txnState)
			return x == y || x.hash == y.hash && slices.Equal(x.values, y.values)
		},
		Hash:              func(state any) uint64 { return state.(*txnState).hash },
		DescribeOperation: func(input, _ any) string { return c.describe(input.(*step)) },
		DescribeState: func(state any) string {
			var b strings.Builder
			for i, v := range state.(*txnState).values {
				if v != absent {
					fmt.Fprintf(&b, "%s=%s ", c.keys[i], c.values[v])
				}
			}
			return b.String()
		},
	}
}

// mix spreads a value of a key over 64 bits; that of an absent one is 0, so that an empty state hashes to 0.
func mix(key, value int32) uint64 {
	if value == absent {
		return 0
	}
	x := uint64(key)<<32 | uint64(uint32(value))
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// describe renders a transaction for people.
func (c *compiled) describe(s *step) string {
	t := &c.history[s.txn]
	parts := make([]string, 0, len(t.Ops)+1)
	for _, op := range t.Ops {
		switch {
		case op.Kind == Write:
			parts = append(parts, fmt.Sprintf("%s:=%s", op.Key, op.Value))
		case op.Kind == Delete:
			parts = append(parts, fmt.Sprintf("delete %s", op.Key))
		case op.Found:
			parts = append(parts, fmt.Sprintf("%s=%s", op.Key, op.Value))
		default:
			parts = append(parts, fmt.Sprintf("%s=nothing", op.Key))
		}
	}
	text := fmt.Sprintf("%d: %s", t.ID, strings.Join(parts, ", "))
	if !s.must {
		text += " (outcome unknown)"
	}
	return text
}

// search lets porcupine decide the history.
func (c *compiled) search(b *budget) Verdict {
	ops := make([]porcupine.Operation, len(c.steps))
	must := 0
	for i := range c.steps {
		s := &c.steps[i]
		ops[i] = porcupine.Operation{ClientId: c.history[s.txn].Client, Input: s, Call: s.begin, Return: s.end}
		if s.must {
			must++
		}
	}
	return b.search(c.txnModel(must), ops, int64(4*len(c.keys)+48))
}
