// Package trace holds what a running program tells of itself against a model: a trace is one JSON object a line, each an event,
// and it is a behaviour of the model if the model has steps that the events can be reports of, one after the other.
//
// A machine of the model says which event allows which steps; it implements Machine. For a model that has no machine of its own,
// such as a check.Plain, Steps makes one: there an event names the step and, if it likes, parts of the state after it.
//
//	receipt, err := trace.Steps(model, file, trace.Options{})
//
// What an event does not tell is found by search: of several steps that it allows all are followed, and steps that no event
// reports are tried in front of an event that nothing else explains, up to a limit. Where the limit ends the search, nothing is
// said about the trace: that is no pass.
//
// Use package harness/conform instead when the traces are those of a volume's nodes, whose effects it reads as they come.
package trace

import (
	"context"
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/spec/check"
)

// A Machine is a check.Machine that a trace leads. E is an event.
type Machine[E any] interface {
	check.Machine
	// Follow takes each step, or row of steps, that the event can be the report of, calls visit with it taken and with what
	// differs between the state that it leads to and what the event says, and takes it back. It may offer steps that are near the
	// event, with what differs, so that a refusal can name them. When visit returns false, it stops, and stays where it is.
	Follow(event E, visit func(differs []check.Change) bool)
	// Hidden does so with each step that a trace does not report and that may have been taken before the event.
	Hidden(event E, visit func() bool)
	// Taken returns the names of the actions that the last step, or row of steps, consisted of. It is called within visit only.
	Taken() []string
}

// A Saver is a Machine that keeps its states in a way that is cheaper than their encodings. Save returns the state, and Restore
// makes it the state again.
type Saver interface {
	Save() any
	Restore(any)
}

// Options bound a validation.
type Options struct {
	// Hidden is how many steps that no event reports are tried, one after the other, in front of an event; 0 for 2.
	Hidden int
	// States is how many states are followed at once; 0 for 1,000.
	States int
	// Nearest is how many steps a refusal names; 0 for 3.
	Nearest int
	// Cover is how many states the model may have for its reachable states to be counted, as the denominator of what the trace
	// covered; 0 for not to count them.
	Cover int
}

func (o Options) orDefaults() Options {
	for _, d := range []struct {
		value *int
		or    int
	}{{&o.Hidden, 2}, {&o.States, 1000}, {&o.Nearest, 3}} {
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	return o
}

// A Receipt is what a validation found.
type Receipt struct {
	Model   string        `json:"model"`
	Verdict check.Verdict `json:"verdict"`
	Reason  string        `json:"reason,omitempty"` // why nothing could be told
	Events  int           `json:"events"`           // of the trace
	// Followed is how many of them the model followed.
	Followed int `json:"followed"`
	Skipped  int `json:"skipped"` // lines that are none of the trace
	// Actions is how often each action was taken, on one way through the trace. One that was never taken is not covered.
	Actions check.ActionCounts `json:"actions"`
	Hidden  int                `json:"hidden"` // steps among them that no event reports
	States  int                `json:"states"` // most states followed at once
	Refusal *Refusal           `json:"refusal,omitempty"`
	Covered *Coverage          `json:"covered,omitempty"`
	// Uncounted says why Covered has no denominator.
	Uncounted string `json:"uncounted,omitempty"`
}

// A Refusal is where a trace stops being a behaviour of the model.
type Refusal struct {
	Line  int    `json:"line"`
	Event string `json:"event"`
	// Invariant is the one that the state after the event breaks, "" when the model has no step for the event.
	Invariant string `json:"invariant,omitempty"`
	Guarantee string `json:"guarantee,omitempty"`
	// Nearest are legal steps that come nearest to the event, the nearest first.
	Nearest []Near `json:"nearest"`
}

// A Near is a legal step, and where it is not what the event says: From is the model's value, To the event's.
type Near struct {
	Step    string         `json:"step"`
	Differs []check.Change `json:"differs"`
}

// A Coverage is what share of a model the trace covered.
type Coverage struct {
	States         uint64 `json:"states"`
	AllStates      uint64 `json:"allStates"`
	Transitions    uint64 `json:"transitions"` // pairs of a state and its successor
	AllTransitions uint64 `json:"allTransitions"`
}

// A place is a state that the trace can have led to, and how.
type place struct {
	state  any // nil once the trace has gone on
	print  uint64
	taken  []string // in the last step
	hidden bool     // the last step is one that no event reports
	parent *place
}

type validator[E any] struct {
	m       check.Model
	k       Machine[E]
	o       Options
	receipt *Receipt
}

// Validate follows the events from the state that the machine is in. The machine is one of the model's. An event's text, for a
// refusal, is what describe returns.
func Validate[E any](ctx context.Context, m check.Model, k Machine[E], events []Numbered[E], describe func(E) string, o Options) (*Receipt, error) {
	v := &validator[E]{m: m, k: k, o: o.orDefaults(), receipt: &Receipt{Model: m.Name(), Events: len(events), Verdict: check.Pass}}
	r := v.receipt
	if len(events) == 0 {
		r.Verdict, r.Reason = check.Incomplete, "the trace has no event"
	}
	places := []*place{v.place(nil, false)}
	for _, e := range events {
		if err := ctx.Err(); err != nil {
			r.Verdict, r.Reason = check.Incomplete, "it was stopped: "+err.Error()
			break
		}
		next, refusal, limit := v.follow(places, e.Event)
		if len(next) == 0 && limit == "" {
			refusal.Line, refusal.Event = e.Line, describe(e.Event)
			r.Verdict, r.Refusal = check.Violation, refusal
			break
		}
		if limit == "" && len(next) > v.o.States {
			limit = fmt.Sprintf("the trace can have led to %d states; expected at most %d", len(next), v.o.States)
		}
		if limit != "" {
			r.Verdict, r.Reason = check.Incomplete, fmt.Sprintf("line %d, %s: %s", e.Line, describe(e.Event), limit)
			break
		}
		for _, p := range places {
			p.state = nil
		}
		places = next
		r.States = max(r.States, len(places))
		r.Followed++
	}
	v.count(places[0])
	return r, v.covered(ctx, places[0])
}

// place keeps the state that the machine is in.
func (v *validator[E]) place(parent *place, hidden bool) *place {
	p := &place{parent: parent, hidden: hidden}
	if s, ok := v.k.(Saver); ok {
		p.state = s.Save()
	} else {
		p.state = v.k.Encode(nil)
	}
	if parent != nil {
		p.taken = v.k.Taken()
	}
	if v.o.Cover > 0 {
		p.print = v.fingerprint()
	}
	return p
}

func (v *validator[E]) enter(p *place) {
	if s, ok := v.k.(Saver); ok {
		s.Restore(p.state)
	} else if err := v.k.Load(p.state.([]byte)); err != nil {
		panic(fmt.Sprintf("trace: a state of the model cannot be loaded: %v", err)) // it was encoded by the same machine
	}
}

func (v *validator[E]) fingerprint() uint64 { return xxh3.Hash(v.k.Encode(nil)) }

// follow returns the places after an event; without any, why there is none, or which limit was reached before that was told.
func (v *validator[E]) follow(places []*place, event E) (next []*place, refusal *Refusal, limit string) {
	refusal = &Refusal{Nearest: []Near{}}
	for depth := 0; ; depth++ {
		for _, p := range places {
			v.enter(p)
			v.k.Follow(event, func(differs []check.Change) bool {
				if len(differs) > 0 {
					v.near(refusal, differs)
				} else if n := v.k.Broken(); n >= 0 {
					x := v.m.Invariants()[n]
					refusal.Invariant, refusal.Guarantee = x.Name, x.Guarantee
				} else {
					next = append(next, v.place(p, false))
				}
				return len(next) <= v.o.States
			})
		}
		if len(next) > 0 {
			return v.distinct(next), nil, ""
		}
		// No step explains the event: one that no event reports may have come before it.
		var more []*place
		for _, p := range places {
			v.enter(p)
			v.k.Hidden(event, func() bool {
				if v.k.Broken() < 0 {
					more = append(more, v.place(p, true))
				}
				return len(more) <= v.o.States
			})
		}
		switch more = v.distinct(more); {
		case len(more) == 0:
			return nil, refusal, ""
		case len(more) > v.o.States:
			return nil, refusal, fmt.Sprintf("more than %d states come before it by steps that no event reports", v.o.States)
		case depth == v.o.Hidden:
			return nil, refusal, fmt.Sprintf("%d steps that no event reports do not explain it, and more are possible", depth)
		}
		places = more
	}
}

// distinct leaves one place for each state.
func (v *validator[E]) distinct(places []*place) []*place {
	if len(places) < 2 {
		return places
	}
	seen := map[uint64]bool{}
	return slices.DeleteFunc(places, func(p *place) bool {
		v.enter(p)
		p.print = v.fingerprint()
		known := seen[p.print]
		seen[p.print] = true
		return known
	})
}

// near notes a legal step that is not what the event says.
func (v *validator[E]) near(r *Refusal, differs []check.Change) {
	n := Near{v.k.Step(), slices.Clone(differs)}
	at, _ := slices.BinarySearchFunc(r.Nearest, len(differs)+1, func(x Near, to int) int { return len(x.Differs) - to })
	same := func(x Near) bool { return x.Step == n.Step && slices.Equal(x.Differs, n.Differs) }
	if at < v.o.Nearest && !slices.ContainsFunc(r.Nearest, same) {
		r.Nearest = slices.Insert(r.Nearest, at, n)
		r.Nearest = r.Nearest[:min(len(r.Nearest), v.o.Nearest)]
	}
}

// count counts what was taken on the way to a place.
func (v *validator[E]) count(last *place) {
	times := map[string]uint64{}
	for p := last; p != nil; p = p.parent {
		for _, name := range p.taken {
			times[name]++
		}
		if p.hidden {
			v.receipt.Hidden++
		}
	}
	for _, name := range v.m.Actions() {
		v.receipt.Actions = append(v.receipt.Actions, check.ActionCount{Action: name, Times: times[name]})
	}
}
