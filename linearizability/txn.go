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
	var undecided []*compiled
	for _, p := range c.parts() {
		verdict, violation := p.prove()
		switch {
		case verdict == Unknown:
			undecided = append(undecided, p)
		case verdict == Illegal && len(violation.Cycle) > 0:
			return result.illegal(ByCycle, violation)
		case verdict == Illegal:
			return result.illegal(ByRead, violation)
		}
	}
	if len(undecided) == 0 {
		result.Verdict, result.Proof = Legal, ByOrder
		return result
	}
	b := newBudget(ctx, limits)
	verdict, illegal, reason := b.searchAll(len(undecided), func(i, tries int) Verdict { return undecided[i].search(b, tries) })
	result.Steps = b.steps
	switch verdict {
	case Illegal:
		return result.illegal(BySearch, undecided[illegal].unorderable(b))
	case Legal:
		result.Verdict, result.Proof = Legal, BySearch
	default:
		result.Reason = reason
	}
	return result
}

// prove looks for a proof either way without a search.
func (c *compiled) prove() (Verdict, *Violation) {
	if len(c.steps) > maxGraph {
		return Unknown, nil
	}
	g := newGraph(c)
	if violation := g.saturate(); violation != nil {
		return Illegal, violation
	}
	if g.legal() {
		return Legal, nil
	}
	return Unknown, nil
}

func (r Result) illegal(by Proof, v error) Result {
	r.Verdict, r.Proof, r.Violation = Illegal, by, v
	return r
}

// unorderable is the objection to a history of which every order was tried: it names the transaction whose end made the
// history impossible, or where finding it would take too long, one soon after it.
func (c *compiled) unorderable(b *budget) *Violation {
	s, before := c.impossible(b)
	return c.violation(Unserializable, s.txn, fmt.Sprintf("every order of it (%s) and the %d transactions before its end that respects real time was tried", c.describe(s), before))
}

// impossible is the transaction whose end made the history impossible, and how many of those that must have happened
// ended before it.
func (c *compiled) impossible(b *budget) (*step, int) {
	ends := c.ends()
	at := b.firstIllegal(len(ends), func(i, tries int) Verdict { return c.until(c.steps[ends[i]].end).search(b, tries) })
	return &c.steps[ends[at]], at
}
