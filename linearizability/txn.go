package linearizability

import (
	"context"
	"fmt"
)

// CheckTxns decides whether a history of transactions is strictly serializable: whether there is one order of the
// committed transactions, and of some of those with an unknown outcome, in which every read sees the last write before
// it and a transaction that ended before another began stands before it. Nothing is written before the history begins.
//
// The context ends a search, and only a search, early.
func CheckTxns(ctx context.Context, history []Txn, limits Limits) Result {
	result := Result{Operations: len(history)}
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
		return result
	}
	c, violation, err := compile(history)
	switch {
	case err != nil:
		result.Reason = err
		return result
	case violation != nil:
		return result.illegal(ByRead, violation)
	}
	if objection := c.certificate(); objection != nil {
		result.Certificate = objection
	} else {
		result.Verdict, result.Proof = Legal, ByCertificate
		return result
	}
	b := newBudget(ctx, limits)
	result.Verdict, result.Proof = Legal, ByOrder
	for _, p := range c.parts() {
		verdict, proof, violation := p.decide(b)
		if verdict == Illegal {
			result.Steps = b.steps
			return result.illegal(proof, violation)
		}
		if verdict == Unknown && result.Verdict == Legal { // a later part may still be illegal
			result.Verdict, result.Proof, result.Reason = Unknown, "", b.over
			b.over = nil
		}
		if proof == BySearch && result.Verdict == Legal {
			result.Proof = BySearch
		}
	}
	result.Steps = b.steps
	return result
}

// decide looks for a proof either way, and then lets porcupine search.
func (c *compiled) decide(b *budget) (Verdict, Proof, *Violation) {
	if len(c.steps) <= maxGraph {
		g := newGraph(c)
		if violation := g.saturate(); violation != nil {
			if len(violation.Cycle) > 0 {
				return Illegal, ByCycle, violation
			}
			return Illegal, ByRead, violation
		}
		if g.legal() {
			return Legal, ByOrder, nil
		}
	}
	switch c.search(b) {
	case Legal:
		return Legal, BySearch, nil
	case Illegal:
		return Illegal, BySearch, c.unorderable(b)
	}
	return Unknown, "", nil
}

func (r Result) illegal(by Proof, v error) Result {
	r.Verdict, r.Proof, r.Violation = Illegal, by, v
	return r
}

// unorderable is the objection to a history of which every order was tried: it names the transaction whose end made the
// history impossible. A history that can be ordered up to a time can be ordered up to every earlier one, so that
// the time can be found by halving; where the budget ends this, the last end found illegal is named.
func (c *compiled) unorderable(b *budget) *Violation {
	ends := c.ends()
	legal, illegal := -1, len(ends)-1 // the history up to ends[illegal] is illegal
	for illegal-legal > 1 {
		middle := (legal + illegal) / 2
		switch c.until(c.steps[ends[middle]].end).search(b) {
		case Legal:
			legal = middle
		case Illegal:
			illegal = middle
		default:
			legal = illegal // out of budget
		}
	}
	s := &c.steps[ends[illegal]]
	return c.violation(Unserializable, s.txn, fmt.Sprintf("every order of it (%s) and the %d transactions before its end that respects real time was tried", c.describe(s), illegal))
}
