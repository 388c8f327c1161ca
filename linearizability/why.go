package linearizability

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// An Explanation is a part of an illegal history that is already contradictory.
//
// Of an operation that is not in it the answer and the end are forgotten: what it read, and whether and when it took effect.
// Of one that is alone in what it does to its key, as when no other writes the same value, the begin is forgotten too. So the
// operations of the core contradict each other whatever became of all others.
type Explanation struct {
	// Core are the indices of its operations in the history, ascending.
	Core []int
	// Minimal tells that the core was shown to be the smallest of its kind: when any one of its operations is forgotten too,
	// the rest is legal. It is false when a limit was reached before that.
	Minimal bool
	// Violation is the objection to the core alone, with indices in the history.
	Violation error
	// Orders are those that contradict each other, by the history's indices, when the objection is a cycle.
	Orders []Edge
}

// Explain finds the smallest contradictory part of an illegal history. The result must be that of r.Check with the same
// model and level. The limits are for each of the checks that this takes; one that looks at all of the history may take twice as
// many steps as the result did.
func (r *Recording) Explain(ctx context.Context, model Model, level Level, result Result, limits Limits) (Explanation, error) {
	if result.Verdict != Illegal {
		return Explanation{}, fmt.Errorf("nothing to explain: expected an illegal history, found a verdict %s", result.Verdict)
	}
	model, level = cmp.Or(model, r.Model), cmp.Or(level, r.Level, StrictSerializable)
	var e explainer
	bounds := func(keep []int) Limits {
		limits := limits
		if limits.Steps > 0 && len(keep) == e.all {
			limits.Steps = max(limits.Steps, 2*result.Steps)
		}
		return limits
	}
	if model.Transactional() {
		e = explainer{all: len(r.Txns), reduced: func(keep []int) (Result, []int) {
			history, origin := forgetTxns(r.Txns, keep)
			return CheckLevel(ctx, level, history, bounds(keep)), origin
		}}
	} else {
		var v *CallViolation
		if !errors.As(result.Violation, &v) {
			return Explanation{}, fmt.Errorf("nothing to explain: expected the objection to a call, found %w", result.Violation)
		}
		// Keys are decided each for itself, so the others need not be looked at.
		var calls []Call
		for i := range r.Calls {
			if r.Calls[i].Key == v.Call.Key {
				calls, e.index = append(calls, r.Calls[i]), append(e.index, i)
			}
		}
		e.all = len(calls)
		e.reduced = func(keep []int) (Result, []int) {
			history, origin := forgetCalls(model, calls, keep)
			return CheckCalls(ctx, model, history, r.Options, bounds(keep)), origin
		}
	}
	return e.explain(ctx, e.inside(hint(result.Violation)))
}

// inside are indices of the history as those of the part that is looked at.
func (e *explainer) inside(indices []int) []int {
	if e.index == nil {
		return indices
	}
	var inside []int
	for _, at := range indices {
		if i, ok := slices.BinarySearch(e.index, at); ok {
			inside = append(inside, i)
		}
	}
	return inside
}

// outside is the reverse.
func (e *explainer) outside(at int) int {
	if e.index == nil {
		return at
	}
	return e.index[at]
}

// hint are operations that are said to contradict each other.
func hint(violation error) []int {
	var (
		ofCalls *CallViolation
		ofTxns  *Violation
	)
	switch {
	case errors.As(violation, &ofCalls):
		return ofCalls.Core
	case errors.As(violation, &ofTxns):
		return ofTxns.Core
	}
	return nil
}

// An explainer makes a core small.
type explainer struct {
	all   int   // operations in the part that is looked at
	index []int // where in the history each of them is; nil when the part is the history
	// reduced is the verdict when all but these, ascending, are forgotten, and where in the history each operation of the
	// reduced one comes from, the kept ones first.
	reduced func(keep []int) (Result, []int)
	last    Result
	origin  []int
	unsure  bool // some verdict was unknown
}

// illegal tells that these operations contradict each other. The more are kept, the more contradict: forgetting one only
// allows more.
func (e *explainer) illegal(keep []int) bool {
	e.last, e.origin = e.reduced(keep)
	if e.last.Verdict == Unknown && !errors.Is(e.last.Reason, ErrEmpty) {
		e.unsure = true
	}
	return e.last.Verdict == Illegal
}

func (e *explainer) explain(ctx context.Context, core []int) (Explanation, error) {
	if len(core) == 0 || !e.illegal(core) {
		core = make([]int, e.all)
		for i := range core {
			core[i] = i
		}
		if !e.illegal(core) {
			return Explanation{}, fmt.Errorf("linearizability: could not find the contradiction again: %w", cmp.Or(e.last.Err(), errors.New("no objection")))
		}
	}
	// What an objection names is usually all that it needs.
	for {
		named := e.named(core)
		if len(named) == 0 || len(named) >= len(core) || !e.illegal(named) {
			break
		}
		core = named
	}
	e.unsure = false
	for size := max(1, len(core)/2); ; size /= 2 {
		e.unsure = false // only the last pass shows that nothing is left out
		for at := 0; at < len(core); {
			if ctx.Err() != nil {
				return e.result(core, false)
			}
			without := slices.Delete(slices.Clone(core), at, min(at+size, len(core)))
			if len(without) > 0 && e.illegal(without) {
				core = without
			} else {
				at += size
			}
		}
		if size == 1 {
			return e.result(core, !e.unsure)
		}
	}
}

// named are the operations that the last objection names, as indices in the history.
func (e *explainer) named(core []int) []int {
	if e.last.Verdict != Illegal {
		return nil
	}
	var named []int
	for _, at := range hint(e.last.Violation) {
		if at < len(core) {
			named = append(named, core[at])
		}
	}
	return named
}

func (e *explainer) result(core []int, minimal bool) (Explanation, error) {
	if !e.illegal(core) {
		return Explanation{}, fmt.Errorf("linearizability: could not find the contradiction again: %w", cmp.Or(e.last.Err(), errors.New("no objection")))
	}
	whole := make([]int, len(core))
	for i, at := range core {
		whole[i] = e.outside(at)
	}
	x := Explanation{Core: whole, Minimal: minimal, Violation: e.last.Violation}
	back := func(at *int) {
		if *at >= 0 && *at < len(e.origin) {
			*at = e.outside(e.origin[*at])
		}
	}
	var (
		ofCalls *CallViolation
		ofTxns  *Violation
	)
	switch {
	case errors.As(x.Violation, &ofCalls):
		back(&ofCalls.Index)
		for i := range ofCalls.Core {
			back(&ofCalls.Core[i])
		}
		ofCalls.Core = unique(ofCalls.Core)
		x.Orders = ofCalls.Cycle
	case errors.As(x.Violation, &ofTxns):
		for i := range ofTxns.Core {
			back(&ofTxns.Core[i])
		}
		ofTxns.Core = unique(ofTxns.Core)
		x.Orders = ofTxns.Cycle
	}
	for i := range x.Orders {
		back(&x.Orders[i].FromIndex)
		back(&x.Orders[i].ToIndex)
		if ofCalls != nil {
			x.Orders[i].From, x.Orders[i].To = uint64(x.Orders[i].FromIndex), uint64(x.Orders[i].ToIndex)
		}
	}
	return x, nil
}

func unique(indices []int) []int {
	slices.Sort(indices)
	return slices.Compact(indices)
}

// forgetCalls keeps some calls as they are, in their order, and puts behind them what the others may have done, as far as it
// can matter to these.
func forgetCalls(model Model, history []Call, keep []int) (kept []Call, origin []int) {
	kept = make([]Call, 0, len(keep))
	origin = slices.Clone(keep)
	in := make([]bool, len(history))
	keys := make(map[string]*seenValues)
	for _, at := range keep {
		c := history[at]
		in[at] = true
		kept = append(kept, c)
		seen := keys[c.Key]
		if seen == nil {
			seen = &seenValues{whole: make(map[string]bool)}
			keys[c.Key] = seen
		}
		if c.Unknown && c.Kind != CompareAndSwap {
			continue
		}
		switch c.Kind {
		case Get, Dequeue:
			seen.add(c.Found || c.Value != "", c.Value)
			for _, element := range c.Elements {
				seen.add(true, element)
			}
		case CompareAndSwap:
			seen.add(true, c.From)
		case Enqueue, Add, Remove:
			seen.add(true, c.Value)
		}
	}
	begin := int64(math.MaxInt64)
	alike := make(map[effect]int) // calls that do the same
	for i := range history {
		c := &history[i]
		begin = min(begin, c.Begin)
		if keys[c.Key] != nil && c.Kind != Get {
			alike[c.effect()]++
		}
	}
	for i := range history {
		c := history[i]
		if seen := keys[c.Key]; in[i] || seen == nil || !seen.concern(model, &c) {
			continue
		}
		if alike[c.effect()] == 1 {
			c.Begin = begin
		}
		if c.Kind == CompareAndSwap {
			if !c.Unknown && !c.Swapped {
				continue // it changed nothing
			}
			c.Kind, c.From, c.Swapped = Put, "", false // from whatever value
		}
		c.End, c.Unknown = Unfinished, true
		kept, origin = append(kept, c), append(origin, i)
	}
	return kept, origin
}

// effect is what the call does to its key.
func (c *Call) effect() effect {
	kind := c.Kind
	if kind == CompareAndSwap {
		kind = Put
	}
	return effect{kind, c.Key, c.Value}
}

type effect struct {
	kind       CallKind
	key, value string
}

// seenValues are what the calls kept saw in a key.
type seenValues struct {
	whole  map[string]bool
	texts  []string // the same
	absent bool
}

func (s *seenValues) add(found bool, value string) {
	if !found {
		s.absent = true
	} else if !s.whole[value] {
		s.whole[value] = true
		s.texts = append(s.texts, value)
	}
}

// concern tells that a call may have done something that the calls kept show.
func (s *seenValues) concern(model Model, c *Call) bool {
	switch c.Kind {
	case Put, CompareAndSwap, Append:
		if model == ModelKV {
			return slices.ContainsFunc(s.texts, func(text string) bool { return strings.Contains(text, c.Value) })
		}
		return s.whole[c.Value]
	case Discard:
		return s.absent
	case Enqueue, Remove:
		return s.whole[c.Value]
	case Add:
		return model == ModelCounter || s.whole[c.Value]
	case Dequeue:
		return c.Unknown || c.Found && s.whole[c.Value]
	case Acquire, Release:
		return true
	}
	return false
}

// forgetTxns does the same for transactions. What is forgotten becomes one transaction of unknown outcome for each write: that
// they belonged together is forgotten too.
func forgetTxns(history []Txn, keep []int) (kept []Txn, origin []int) {
	kept = make([]Txn, 0, len(keep))
	origin = slices.Clone(keep)
	in := make([]bool, len(history))
	seen := make(map[Row]bool)
	absent := make(map[string]bool)
	var ranges []*Op
	begin, client := int64(math.MaxInt64), 0
	alike := make(map[Row]int) // writes of one value to one key
	for i := range history {
		begin, client = min(begin, history[i].Begin), max(client, history[i].Client)
		for _, op := range history[i].Ops {
			if op.Kind == Write || op.Kind == ListAppend || op.Kind == Delete {
				alike[Row{op.Key, op.Value}]++
			}
		}
	}
	for _, at := range keep {
		t := history[at]
		in[at] = true
		kept = append(kept, t)
		for i := range t.Ops {
			switch op := &t.Ops[i]; {
			case op.Kind == Read && op.Found:
				seen[Row{op.Key, op.Value}] = true
			case op.Kind == Read:
				absent[op.Key] = true
			case op.Kind == ListRead:
				for _, element := range op.List {
					seen[Row{op.Key, element}] = true
				}
			case op.Kind == Scan:
				ranges = append(ranges, op)
				for _, row := range op.Rows {
					seen[row] = true
				}
			}
		}
	}
	for i := range history {
		if in[i] {
			continue
		}
		for _, op := range history[i].Ops {
			scanned := slices.ContainsFunc(ranges, func(scan *Op) bool { return scan.covers(op.Key) })
			concerns := false
			switch op.Kind {
			case Write:
				concerns = seen[Row{op.Key, op.Value}] || scanned
			case ListAppend:
				concerns = seen[Row{op.Key, op.Value}]
			case Delete:
				concerns = absent[op.Key] || scanned
			}
			if concerns {
				client++
				t := Txn{ID: history[i].ID, Client: client, Begin: begin, End: Unfinished, Ops: []Op{op}}
				if alike[Row{op.Key, op.Value}] > 1 {
					t.Begin = history[i].Begin
				}
				kept, origin = append(kept, t), append(origin, i)
			}
		}
	}
	return kept, origin
}
