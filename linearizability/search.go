package linearizability

import (
	"context"
	"errors"
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
	pause    int // the number of steps after which the present search pauses
	paused   bool
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
	if b.over != nil || b.paused {
		return false
	}
	if b.steps == b.pause {
		b.paused = true
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

// start begins a search of so many operations, which may try so many; it is false when a limit forbids it.
func (b *budget) start(tries, operations int) bool {
	if b.over != nil {
		return false
	}
	b.pause, b.paused = b.steps+tries, false
	b.memory = 0 // the search before has let go of what it held
	if b.limits.Operations > 0 && operations > b.limits.Operations {
		b.over = &LimitError{Limit: "operations", Max: fmt.Sprintf("%d that must be ordered as one, of %d", b.limits.Operations, operations)}
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

// search lets porcupine try so many operations to decide one part of a history. A part that is not decided is Unknown:
// when over says why, for good, and else for want of tries. stateBytes bounds what one state takes.
func (b *budget) search(tries int, model porcupine.Model, part []porcupine.Operation, stateBytes int64) Verdict {
	if !b.start(tries, len(part)) {
		return Unknown
	}
	// What porcupine keeps of a state: the set of operations done, its cache entry and its place on the stack.
	stateBytes += int64(len(part)/8) + 128
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
	if b.over != nil || b.paused {
		return Unknown
	}
	return Illegal
}

const (
	firstTries = 4096
	moreTries  = 8
)

// searchAll decides the parts of a history: the first that is found illegal makes the history illegal, and is named;
// without one, one that is unknown makes it unknown, for the reason named. Some illegal parts take time that is
// exponential in their size, and another one may be decided at once, so every part gets a few tries before any gets more.
func (b *budget) searchAll(parts int, search func(part, tries int) Verdict) (verdict Verdict, illegal int, reason error) {
	left := make([]int, parts)
	for i := range left {
		left[i] = i
	}
	for tries := firstTries; len(left) > 0; tries *= moreTries {
		undecided := left[:0]
		for _, i := range left {
			verdict := search(i, tries)
			if verdict == Illegal {
				return Illegal, i, nil
			}
			var limit *LimitError
			switch {
			case verdict == Legal:
			case b.over == nil:
				undecided = append(undecided, i)
			case errors.As(b.over, &limit) && (limit.Limit == "operations" || limit.Limit == "memory"):
				// This part is too large; another one may still be illegal.
				if reason == nil {
					reason = b.over
				}
				b.over = nil
			default:
				return Unknown, 0, b.over
			}
		}
		left = undecided
	}
	if reason != nil {
		return Unknown, 0, reason
	}
	return Legal, 0, nil
}

// firstIllegal finds the first of n ends up to which a history is illegal, given that it is illegal up to the last one.
// A history that can be ordered up to a time can be ordered up to every earlier one, so halving finds it. Where the
// tries do not suffice, the first end that was found illegal is the answer.
func (b *budget) firstIllegal(n int, upTo func(end, tries int) Verdict) int {
	tries := max(firstTries, moreTries*b.steps)
	legal, illegal := -1, n-1
	for illegal-legal > 1 {
		middle := (legal + illegal) / 2
		switch upTo(middle, tries) {
		case Legal:
			legal = middle
		case Illegal:
			illegal = middle
		default:
			return illegal
		}
	}
	return illegal
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
			// One of unknown outcome that does not fit did not happen. It is counted off at the end only, where it cannot
			// matter, so that the search does not try it in every place.
			for _, r := range s.reads {
				if st.values[r.key] != r.value {
					return !s.must && st.done == must, st
				}
			}
			if s.lacksMore(st.values) || s.finds(st.values) {
				return !s.must && st.done == must, st
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
		DescribeOperation: func(input, _ any) string { return c.history[input.(*step).txn].describe() },
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
func (t *Txn) describe() string {
	parts := make([]string, 0, len(t.Ops)+1)
	for _, op := range t.Ops {
		switch {
		case op.Kind == Write:
			parts = append(parts, fmt.Sprintf("%s:=%s", op.Key, op.Value))
		case op.Kind == Delete:
			parts = append(parts, fmt.Sprintf("delete %s", op.Key))
		case op.Kind == Rollback:
			parts = append(parts, fmt.Sprintf("back to operation %d", op.Since+1))
		case op.Kind == ListAppend:
			parts = append(parts, fmt.Sprintf("%s+=%s", op.Key, op.Value))
		case op.Kind == ListRead:
			parts = append(parts, fmt.Sprintf("%s=[%s]", op.Key, strings.Join(op.List, " ")))
		case op.Kind == Scan:
			parts = append(parts, op.describe())
		case op.Kind == ListAppend:
			parts = append(parts, fmt.Sprintf("append %s to %s", op.Value, op.Key))
		case op.Kind == ListRead:
			parts = append(parts, fmt.Sprintf("%s=%q", op.Key, op.List))
		case op.Found:
			parts = append(parts, fmt.Sprintf("%s=%s", op.Key, op.Value))
		default:
			parts = append(parts, fmt.Sprintf("%s=nothing", op.Key))
		}
	}
	text := fmt.Sprintf("%d: %s", t.ID, strings.Join(parts, ", "))
	switch t.Outcome {
	case OutcomeUnknown:
		text += " (outcome unknown)"
	case Aborted:
		text += " (aborted)"
	}
	return text
}

// operations are the history and its model for porcupine.
func (c *compiled) operations() ([]porcupine.Operation, porcupine.Model) {
	ops := make([]porcupine.Operation, len(c.steps))
	must := 0
	for i := range c.steps {
		s := &c.steps[i]
		ops[i] = porcupine.Operation{ClientId: c.history[s.txn].Client, Input: s, Call: s.begin, Return: s.end}
		if s.must {
			must++
		}
	}
	return ops, c.txnModel(must)
}

// search lets porcupine try to decide the history.
func (c *compiled) search(b *budget, tries int) Verdict {
	ops, model := c.operations()
	return b.search(tries, model, ops, int64(4*len(c.keys)+48))
}
