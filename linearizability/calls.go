package linearizability

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/anishathalye/porcupine"
)

// A CallViolation is why a history of calls is not linearizable.
type CallViolation struct {
	Model   Model
	Anomaly Anomaly
	Class   Class // the name that Adya or Elle have for it; empty when they have none
	Call    Call  // the one that cannot be explained; without a better one, that whose return made the history impossible
	Index   int   // of Call in the history
	// Core are the indices in the history of calls that contradict each other already, ascending. It need not be minimal.
	Core       []int
	Cycle      []Edge // orders that contradict each other, when the proof is a cycle
	Expected   string // what Call should have seen, quoted, or words; empty when no single answer shows it
	Found      string // what it saw
	Detail     string // the rest of the story in words
	Operations int    // on the same key, up to the return of Call
}

func (v *CallViolation) Error() string {
	where := ""
	if v.Call.Line > 0 {
		where = fmt.Sprintf(" (called in line %d)", v.Call.Line)
	}
	key := "" // the only key of a history has no name
	if v.Call.Key != "" {
		key = fmt.Sprintf(" on %q", v.Call.Key)
	}
	text := fmt.Sprintf("linearizability: every call takes effect at one instant between its call and its return, but client %d's %s%s cannot, in any order of the %d calls%s up to its return (model %s)",
		v.Call.Client, v.Call.String(), where, v.Operations, key, v.Model)
	if v.Anomaly != Unlinearizable {
		text += fmt.Sprintf("; %s: %s", v.Anomaly, v.Anomaly.Guarantee())
	}
	if v.Expected != "" {
		text += ": expected " + v.Expected
		if v.Found != "" {
			text += ", found " + v.Found
		}
	}
	if v.Detail != "" {
		text += "; " + v.Detail
	}
	return text
}

// CheckCalls decides whether a history of calls is linearizable. Every key is decided for itself (Herlihy and Wing 1990,
// theorem 1), on all processors, by the method that its calls allow; what that leaves open is searched. A model that does
// not know a call of the history is a malformed input and so Unknown.
//
// The context ends a search, and only a search, early.
func CheckCalls(ctx context.Context, model Model, history []Call, options Options, limits Limits) Result {
	result := Result{Operations: len(history)}
	for i := range history {
		c := &history[i]
		if problem := malformedCall(model, c); problem != "" {
			result.Reason = &MalformedCallError{Call: *c, Problem: problem}
			return result
		}
		if c.Unknown {
			result.Unknown++
		}
	}
	if result.Unknown == len(history) {
		result.Reason = ErrEmpty
		return result
	}
	keys := byKey(history)
	undecided, violation := decideAll(model, options.Initial, keys)
	switch {
	case violation != nil:
		return result.illegal(ByOrder, violation)
	case len(undecided) == 0:
		result.Verdict, result.Proof = Legal, ByOrder
		return result
	}
	b := newBudget(ctx, limits)
	open := make([]*search, len(undecided))
	for i, k := range undecided {
		open[i] = &search{part: k, model: model, initial: options.Initial}
	}
	verdict, illegal, reason := b.searchAll(len(open), func(i, tries int) Verdict { return open[i].run(b, tries) })
	result.Steps = b.steps
	switch verdict {
	case Illegal:
		return result.illegal(BySearch, undecided[illegal].impossible(model, options.Initial, b))
	case Legal:
		result.Verdict, result.Proof = Legal, BySearch
	default:
		result.Reason = reason
	}
	return result
}

// malformedCall says what makes a call none of the model's.
func malformedCall(model Model, c *Call) string {
	if c.End < c.Begin {
		return fmt.Sprintf("ends at %d, before its begin at %d", c.End, c.Begin)
	}
	if !slices.Contains(model.calls(), c.Kind) {
		return fmt.Sprintf("is none that model %q has; it has %v", model, model.calls())
	}
	if model == ModelCounter && !(c.Kind == Get && c.Unknown) {
		if _, err := strconv.ParseInt(c.Value, 10, 64); err != nil {
			return fmt.Sprintf("has the value %q; expected a decimal 64-bit number", c.Value)
		}
	}
	return ""
}

// decideAll decides keys without a search, on all processors. It returns those that are left, or the objection to the first
// key that is illegal.
func decideAll(model Model, initial *string, keys []part) (undecided []part, _ *CallViolation) {
	verdicts, violations := make([]Verdict, len(keys)), make([]*CallViolation, len(keys))
	var next, illegal atomic.Int64
	illegal.Store(int64(len(keys)))
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(keys)) {
		all.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= illegal.Load() || i >= int64(len(keys)) {
					return
				}
				verdicts[i], violations[i] = keys[i].decide(model, initial)
				for now := illegal.Load(); verdicts[i] == Illegal && i < now && !illegal.CompareAndSwap(now, i); now = illegal.Load() {
				}
			}
		})
	}
	all.Wait()
	for i, k := range keys {
		switch {
		case verdicts[i] == Illegal:
			v := violations[i]
			v.Model, v.Operations = model, len(k.indicesUntil(v.Call.end()))
			return nil, v
		case verdicts[i] == Unknown:
			undecided = append(undecided, k)
		}
	}
	return undecided, nil
}

// decide takes the method that decides a key of the model, as far as its calls let it.
func (p part) decide(model Model, initial *string) (Verdict, *CallViolation) {
	switch model {
	case ModelList:
		return p.prefixes()
	case ModelSet:
		return p.inclusions()
	case ModelQueue:
		return p.queue()
	case ModelCounter, ModelMutex:
		return p.greedy(model)
	}
	if p.has(Append) {
		return p.appendings(initial)
	}
	return p.zones(model, initial)
}

func (p part) has(kind CallKind) bool {
	for i := range p.at {
		if p.call(int32(i)).Kind == kind {
			return true
		}
	}
	return false
}

// byKey divides a history into its keys, in the order of their first calls. A read without an answer shows nothing and
// changes nothing, so it is left out.
func byKey(history []Call) []part {
	number := make(map[string]int32)
	key := make([]int32, len(history)) // by call
	var count []int32                  // by key
	last, lastNumber := "", none
	for i := range history {
		c := &history[i]
		if c.Kind == Get && c.Unknown {
			key[i] = none
			continue
		}
		if lastNumber == none || c.Key != last {
			at, ok := number[c.Key]
			if !ok {
				at = int32(len(count))
				number[c.Key] = at
				count = append(count, 0)
			}
			last, lastNumber = c.Key, at
		}
		key[i] = lastNumber
		count[lastNumber]++
	}
	all := make([]int32, 0, len(history))
	keys := make([]part, len(count))
	for k, n := range count {
		keys[k] = part{history: history, at: all[len(all) : len(all) : len(all)+int(n)]}
		all = all[:len(all)+int(n)]
	}
	for i, k := range key {
		if k != none {
			keys[k].at = append(keys[k].at, int32(i))
		}
	}
	return keys
}

// operations are the calls and their model for porcupine.
func (p part) operations(model Model, initial *string) ([]porcupine.Operation, porcupine.Model) {
	ops := make([]porcupine.Operation, len(p.at))
	known := 0
	for i := range p.at {
		c := p.call(int32(i))
		ops[i] = porcupine.Operation{ClientId: c.Client, Input: c, Call: c.Begin, Return: c.end()}
		if !c.Unknown {
			known++
		}
	}
	return ops, model.porcupine(known, initial)
}

// end is the time from which the call is over for everybody.
func (c *Call) end() int64 {
	if c.Unknown {
		return Unfinished
	}
	return c.End
}

// A search decides one key for which no method is left.
type search struct {
	part
	model   Model
	initial *string
	large   bool     // the states of its values do not fit into memory
	choices *attempt // the key as transactions, with the choices learned so far
}

// run spends so many tries. Registers are searched in two ways by turns: states of their values suit those that many calls write
// alike, and choices those of which many calls are open at once.
func (s *search) run(b *budget, tries int) Verdict {
	switch s.model {
	case ModelSet:
		if s.choices == nil {
			m, v := s.membership()
			if v == nil && m != nil {
				s.choices, v = m.attempt(b)
			}
			if v != nil {
				return Illegal
			}
		}
		if s.choices != nil {
			return s.choices.search(b, tries)
		}
	case ModelRegister, ModelKV:
		register, first, ok := s.part, s.initial, true
		if s.has(Append) {
			u, parsed, v := s.unfold(s.initial)
			if v != nil {
				return Illegal
			}
			register, first, ok = u.part, u.initial, parsed
		}
		if ok {
			return s.register(register, first, b, tries)
		}
	}
	state := int64(48)
	for i := range s.at {
		switch c := s.call(int32(i)); c.Kind {
		case Append, Add, Enqueue:
			state += int64(len(c.Value)) + 4 // it makes a new string of all before it
		}
	}
	ops, m := s.operations(s.model, s.initial)
	return b.search(tries, m, ops, state)
}

// register searches calls on a register, and gives up on choices that are too many.
func (s *search) register(p part, initial *string, b *budget, tries int) Verdict {
	if !s.large {
		verdict := p.newRegisterSearch(s.model, initial, b).run(tries)
		var limit *LimitError
		if errors.As(b.over, &limit) && limit.Limit == "memory" {
			s.large, b.over = true, nil
		}
		if verdict != Unknown || b.over != nil {
			return verdict
		}
	}
	if p.choices(s.model) > choicesAtMost {
		if s.large {
			b.over = &LimitError{Limit: "memory", Max: fmt.Sprintf("%d bytes", b.limits.Memory)}
		}
		return Unknown
	}
	if s.choices == nil {
		g, violation := arrange(p.transactions(s.model, initial), StrictSerializable, b)
		if violation != nil || g.circular() {
			return Illegal
		}
		s.choices = &attempt{orders: g, large: true} // its values were searched here
	}
	return s.choices.search(b, tries)
}

// known tells that the call counts for the history as it was known at a time.
func (c *Call) known(time int64) bool { return c.Begin <= time && (c.Kind != Get || c.end() <= time) }

// until is the history of the key as it was known at a time: what had not ended may have happened.
func (p part) until(time int64) part {
	var cut part
	for i := range p.at {
		c := *p.call(int32(i))
		if !c.known(time) {
			continue
		}
		c.Unknown = c.end() > time
		cut.at = append(cut.at, int32(len(cut.history)))
		cut.history = append(cut.history, c)
	}
	return cut
}

// indicesUntil are the calls of that history, as indices in the whole one.
func (p part) indicesUntil(time int64) []int {
	var indices []int
	for i, at := range p.at {
		if p.call(int32(i)).known(time) {
			indices = append(indices, int(at))
		}
	}
	return indices
}

// impossible names the call whose return made the key's history impossible, or where finding it would take too long,
// one soon after it.
func (p part) impossible(model Model, initial *string, b *budget) *CallViolation {
	var ended []int32
	for i := range p.at {
		if !p.call(int32(i)).Unknown {
			ended = append(ended, int32(i))
		}
	}
	slices.SortStableFunc(ended, func(x, y int32) int { return cmp.Compare(p.call(x).End, p.call(y).End) })
	at := b.firstIllegal(len(ended), func(i, tries int) Verdict {
		cut := p.until(p.call(ended[i]).End)
		if verdict, _ := cut.decide(model, initial); verdict != Unknown {
			return verdict
		}
		return (&search{part: cut, model: model, initial: initial}).run(b, tries)
	})
	last := p.call(ended[at])
	core := p.indicesUntil(last.End)
	return &CallViolation{Model: model, Anomaly: Unlinearizable, Call: *last, Index: int(p.at[ended[at]]), Core: core, Operations: len(core)}
}
