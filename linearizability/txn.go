package linearizability

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// CheckTxns decides whether a history of transactions is strictly serializable: whether there is one order of the
// committed transactions, and of some of those with an unknown outcome, in which every read sees the last write before
// it and a transaction that ended before another began stands before it. Nothing is written before the history begins.
//
// The context ends a search, and only a search, early.
func CheckTxns(ctx context.Context, history []Txn, limits Limits) Result {
	result, c := begin(StrictSerializable, history)
	if c == nil {
		return result
	}
	if objection := c.certificate(); objection != nil {
		result.Certificate = objection
	} else {
		result.Verdict, result.Proof = Legal, ByCertificate
		return result
	}
	return result.decide(ctx, c, StrictSerializable, limits)
}

// begin compiles a history for a level. Without a compiled history the result is final.
func begin(level Level, history []Txn) (result Result, c *compiled) {
	result.Operations = len(history)
	committed := 0
	for i := range history {
		switch history[i].Outcome {
		case OutcomeUnknown:
			result.Unknown++
		case Committed:
			committed++
		}
	}
	if committed == 0 {
		result.Reason = ErrEmpty
		return result, nil
	}
	c, violation, err := compileFor(level, history)
	switch {
	case err != nil:
		result.Reason = err
		return result, nil
	case violation != nil:
		violation.Level = level
		return result.illegal(ByRead, violation), nil
	}
	return result, c
}

// An attempt is a part of a history and how far its decision has come.
type attempt struct {
	*orders
	tried bool // choices were made anew
	large bool // porcupine cannot hold its states
}

// decide decides a compiled history at a level that is one of orders.
func (r Result) decide(ctx context.Context, c *compiled, level Level, limits Limits) Result {
	b := newBudget(ctx, limits)
	var undecided []*attempt
	for _, p := range c.parts(level) {
		g, violation := arrange(p, level, b)
		if violation == nil {
			violation = g.forbidden()
		}
		switch {
		case violation != nil && len(violation.Cycle) > 0:
			return r.illegal(ByCycle, violation)
		case violation != nil:
			violation.Level = level
			return r.illegal(ByRead, violation)
		}
		a := &attempt{orders: g}
		if !a.laid() {
			undecided = append(undecided, a)
		}
	}
	if len(undecided) == 0 {
		r.Verdict, r.Proof = Legal, ByOrder
		return r
	}
	verdict, illegal, reason := b.searchAll(len(undecided), func(i, tries int) Verdict { return undecided[i].search(b, tries) })
	r.Steps = b.steps
	switch verdict {
	case Illegal:
		return undecided[illegal].impossible(b, r)
	case Legal:
		r.Verdict, r.Proof = Legal, BySearch
	default:
		r.Reason = reason
	}
	return r
}

// laid tells that the order laid greedily has no cycle.
func (a *attempt) laid() bool {
	a.lay()
	if satisfied, _ := a.solver.solve(func() bool { return false }); !satisfied {
		return false
	}
	a.take(true)
	return len(a.cycles()) == 0 && a.replays()
}

// replays tells that the order found explains what was read, which for orders of whole transactions is proven by replaying it.
// It can fail only where a scan left rows out, of which the graph knows nothing.
func (a *attempt) replays() bool {
	if a.level != StrictSerializable && a.level != SessionSerializable && a.level != Serializable {
		return true
	}
	if a.replaysAs(a.order()) {
		return true
	}
	if a.level == SessionSerializable {
		return false
	}
	// The order laid had an eye on what scans left out; a replay proves it whole.
	steps := a.order()
	slices.SortStableFunc(steps, func(x, y int32) int { return cmp.Compare(a.rank[x], a.rank[y]) })
	return a.replaysAs(steps)
}

func (a *attempt) replaysAs(steps []int32) bool {
	r := newReplay(a.c)
	for _, i := range steps {
		if a.level != StrictSerializable {
			r.latest = -1 // real time is not asked for
		}
		if r.place(i) != nil {
			return false
		}
	}
	return true
}

// search makes choices anew, and where scans left rows out, leaves to porcupine what no order of the graph explains.
func (a *attempt) search(b *budget, tries int) Verdict {
	a.tried = true
	verdict := a.settle(tries)
	if verdict == Unknown && a.level == StrictSerializable && b.over == nil && !a.large && len(a.c.steps) < tries {
		// Values that many wrote are many choices, and may be few states.
		verdict = a.c.search(b, tries)
		var limit *LimitError
		if errors.As(b.over, &limit) && limit.Limit == "memory" {
			a.large, b.over = true, nil
		}
		return verdict
	}
	if verdict != Legal || a.replays() {
		return verdict
	}
	switch a.level {
	case StrictSerializable:
		return a.c.search(b, tries)
	case Serializable:
		timeless := *a.c
		timeless.steps = slices.Clone(a.c.steps)
		for i := range timeless.steps {
			timeless.steps[i].begin, timeless.steps[i].end = 0, Unfinished
		}
		return timeless.search(b, tries)
	}
	b.over = ErrLeftOut
	return Unknown
}

// ErrLeftOut says that a history cannot be decided at a level because of scans that left rows out: it is not known whether there
// was one. At strict-serializable and serializable, that is searched.
var ErrLeftOut = errors.New("linearizability: could not tell: with scans that left rows out, only strict-serializable and serializable are decided")

// impossible is the objection to a part that no choice makes legal.
func (a *attempt) impossible(b *budget, r Result) Result {
	if a.solver.failed && a.conflicts == 0 {
		a.tell()
	}
	if len(a.cycle) > 0 {
		return r.illegal(ByCycle, a.contradiction())
	}
	var v *Violation
	if a.level == StrictSerializable {
		v = a.c.unorderable(b)
	} else {
		v = a.c.violation(Unserializable, a.c.steps[0].txn, "every choice of who wrote first and who read whom was tried")
	}
	v.Level, v.Class, v.Core = a.level, class(a.cycle), a.indices()
	if len(v.Core) == 0 {
		for i := range a.c.steps {
			v.Core = append(v.Core, int(a.c.steps[i].txn))
		}
		slices.Sort(v.Core)
	}
	return r.illegal(BySearch, v)
}

func (r Result) illegal(by Proof, v error) Result {
	if v, ok := v.(*Violation); ok {
		v.classify()
	}
	r.Verdict, r.Proof, r.Violation = Illegal, by, v
	return r
}

// unorderable is the objection to a history of which every order was tried: it names the transaction whose end made the
// history impossible, or where finding it would take too long, one soon after it.
func (c *compiled) unorderable(b *budget) *Violation {
	s, before := c.impossible(b)
	return c.violation(Unserializable, s.txn, fmt.Sprintf("every order of it (%s) and the %d transactions before its end that respects real time was tried", c.history[(s).txn].describe(), before))
}

// impossible is the transaction whose end made the history impossible, and how many of those that must have happened
// ended before it.
func (c *compiled) impossible(b *budget) (*step, int) {
	ends := c.ends()
	at := b.firstIllegal(len(ends), func(i, tries int) Verdict {
		cut := c.until(c.steps[ends[i]].end)
		g, violation := arrange(cut, StrictSerializable, b)
		if violation != nil || g.forbidden() != nil {
			return Illegal
		}
		a := attempt{orders: g}
		return a.search(b, tries)
	})
	return &c.steps[ends[at]], at
}
