package linearizability

import (
	"context"
	"slices"
)

// CheckLevel decides whether a history of transactions has a level. Of those with an unknown outcome some may have happened.
//
// The context ends a search, and only a search, early.
func CheckLevel(ctx context.Context, level Level, history []Txn, limits Limits) Result {
	if level == StrictSerializable {
		return CheckTxns(ctx, history, limits)
	}
	result, c := begin(level, history)
	if c == nil {
		return result
	}
	switch level {
	case SessionSerializable:
		return result.decide(ctx, c, level, limits)
	case Serializable:
		// Sessions hint at the order, and one that keeps them is an order.
		if kept := result.decide(ctx, c, SessionSerializable, limits); kept.Verdict == Legal {
			return kept
		}
		return result.decide(ctx, c, level, limits)
	}
	decided := result
	if level.weak() {
		decided = result.decideWeak(ctx, c, level, limits)
	} else {
		decided = result.decide(ctx, c, level, limits)
	}
	if decided.Verdict == Legal && slices.ContainsFunc(c.steps, func(s step) bool { return len(s.more) > 0 }) {
		// The graph knows nothing of the rows that scans left out; an order of whole transactions, which implies the level,
		// shows them.
		kept := CheckLevel(ctx, SessionSerializable, history, limits)
		if kept.Verdict != Legal {
			kept.Verdict, kept.Proof, kept.Violation, kept.Reason = Unknown, "", nil, ErrLeftOut
		}
		return kept
	}
	return decided
}

// A Standing is which levels a history has.
type Standing struct {
	Strongest Level            // that holds, with all that it implies; empty when none is known to
	Next      Level            // the weakest that does not hold; empty when all hold, or could not be told
	Results   map[Level]Result // of every level; one that implies a broken level has its result
}

// Strongest finds the strongest level that a history has, and what breaks the next one.
func Strongest(ctx context.Context, history []Txn, limits Limits) Standing {
	s := Standing{Results: make(map[Level]Result)}
	levels := Levels()
	for i := len(levels) - 1; i >= 0; i-- {
		level := levels[i]
		holds := true
		for _, weaker := range levels[i+1:] {
			if !level.Implies(weaker) {
				continue
			}
			r := s.Results[weaker]
			if r.Verdict == Illegal {
				s.Results[level] = r
			}
			holds = holds && r.Verdict == Legal
		}
		if _, broken := s.Results[level]; !broken {
			s.Results[level] = CheckLevel(ctx, level, history, limits)
		}
		switch r := s.Results[level]; {
		case r.Verdict == Legal && holds:
			s.Strongest = level
		case r.Verdict == Illegal && s.Next == "":
			s.Next = level
		}
	}
	return s
}
