package check

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// A Verdict is what a search can say. Only a search that saw every reachable state says Pass.
type Verdict string

const (
	Pass       Verdict = "pass"
	Violation  Verdict = "violation"
	Incomplete Verdict = "incomplete"
)

// A Result is what a search found, and the receipt for it.
type Result struct {
	Model   string  `json:"model"`
	World   any     `json:"world"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"` // why it is incomplete, or NotReachable

	Distinct  uint64  `json:"distinct"`  // states
	Generated uint64  `json:"generated"` // steps taken, and one for the initial state
	Depth     int     `json:"depth"`     // levels; the initial state is level 1
	Left      uint64  `json:"left"`      // states found whose steps were not all taken
	Seconds   float64 `json:"seconds"`   // wall time
	Workers   int     `json:"workers"`

	// Walks is how many random walks were taken with which seed, 0 when it was a search. Then Distinct counts the states on
	// the walks, Generated the steps that were looked at from there, and Depth is the longest walk.
	Walks int    `json:"walks,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`

	// CollisionProbability estimates how likely it is that two of the states had the same fingerprint of 64
	// bits, so that one of them, and what only it leads to, was missed. The set of states keeps all 64.
	CollisionProbability float64      `json:"collisionProbability"`
	Actions              ActionCounts `json:"actions"`
	Reductions           []string     `json:"reductions"` // those really applied

	// Narrowed is how many states a partial-order reduction expanded by a persistent set of their steps alone. Where it is not 0,
	// Distinct and Generated are fewer than the model has, and a shorter counterexample may have been left out.
	Narrowed uint64 `json:"narrowed,omitempty"`

	Witnesses []Witness `json:"witnesses,omitempty"` // situations that must be reachable
	Progress  []Waited  `json:"progress,omitempty"`  // the properties that RunProgress has looked at
	Fairness  []string  `json:"fairness,omitempty"`  // the weakly fair instances of actions that are ever enabled

	Invariant string `json:"invariant"` // the one that does not hold; empty when all do
	Guarantee string `json:"guarantee,omitempty"`
	Trace     []Step `json:"trace"`           // a way to a state in which it does not hold; a shortest one unless it comes from a walk, or Narrowed is not 0
	Lasso     *Lasso `json:"lasso,omitempty"` // how the trace goes on forever, when it is progress that fails

	// Thoroughness says how much of the world was seen, of how much. It is no part of the digest, as an enumeration may be
	// bounded by time.
	Thoroughness *Thoroughness `json:"thoroughness,omitempty"`

	// Digest sums up everything else above that does not depend on the machine and its speed, and the set of states
	// found: the same search has the same digest at any number of workers.
	Digest string `json:"digest"`
}

// A Step is one step of a counterexample.
type Step struct {
	Action  string   `json:"action"` // with its parameters
	Changes []Change `json:"changes"`
}

// An ActionCount says how often an action was taken, over all states.
type ActionCount struct {
	Action string
	Times  uint64
}

// ActionCounts has every action of the model, in the model's order; in JSON it is an object.
type ActionCounts []ActionCount

// MarshalJSON writes an object, with the actions in the model's order.
func (a ActionCounts) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, c := range a {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(c.Action)
		if err != nil {
			return nil, err
		}
		b = fmt.Appendf(append(b, name...), ":%d", c.Times)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON writes, in its order.
func (a *ActionCounts) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("actions: expected an object, found %v", t)
	}
	*a = nil
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return fmt.Errorf("actions: %w", err)
		}
		var times uint64
		if err := d.Decode(&times); err != nil {
			return fmt.Errorf("actions: %v: %w", name, err)
		}
		*a = append(*a, ActionCount{name.(string), times})
	}
	return nil
}

// Never returns the actions that were never taken.
func (a ActionCounts) Never() []string {
	var names []string
	for _, c := range a {
		if c.Times == 0 {
			names = append(names, c.Action)
		}
	}
	return names
}

// A LostTraceError says that a state which breaks an invariant was found, but not the way to it, although Next takes the
// same steps when it is called again: two states on the way have the same fingerprint, or two steps from one state have the
// same name, or the model depends on more than its state.
type LostTraceError struct {
	Invariant string
	Step      int // how many steps of the way were found
}

func (e *LostTraceError) Error() string {
	return fmt.Sprintf("check: %s does not hold, but the way to that state is lost after %d steps; expected states with fingerprints of their own, "+
		"steps with names of their own, and a model that depends on its state alone", e.Invariant, e.Step)
}

// receipt says what was searched, with the verdict still to be told.
func (s *search) receipt() *Result {
	r := &Result{
		Model:      s.model.Name(),
		World:      s.model.World(),
		Verdict:    Pass,
		Distinct:   s.visited.count(),
		Generated:  s.generated.Load(),
		Depth:      int(s.reached()),
		Workers:    s.options.Workers,
		Reductions: append([]string{}, s.model.Reductions()...),
		Narrowed:   s.narrowed.Load(),
		Trace:      []Step{},
	}
	r.Left = r.Distinct - s.expanded.Load()
	r.CollisionProbability = collisionProbability(r.Distinct)
	for i, name := range s.model.Actions() {
		r.Actions = append(r.Actions, ActionCount{name, s.fired[i]})
	}
	r.Witnesses = slices.Clone(s.witnesses)
	for i := range r.Witnesses {
		r.Witnesses[i].Depth = int(s.witnessed[i].Load())
	}
	return r
}

// result makes the result of a search that has ended.
func (s *search) result() (*Result, error) {
	r := s.receipt()
	why := s.stopped.Load()
	switch {
	case len(s.findings) > 0:
		worst := slices.MinFunc(s.findings, finding.compare)
		broken := s.model.Invariants()[worst.invariant]
		r.Verdict, r.Invariant, r.Guarantee = Violation, broken.Name, broken.Guarantee
		var err error
		if r.Trace, err = s.trace(worst); err != nil {
			return nil, err
		}
	case why != nil && r.Left > 0:
		r.Verdict, r.Reason = Incomplete, *why
	}
	r.vacuous()
	return s.signed(r)
}

// signed returns the result with its digest, and then with the time, which is no part of that.
func (s *search) signed(r *Result) (*Result, error) {
	if err := r.sign(s.sum.Load()); err != nil {
		return nil, err
	}
	r.Seconds = s.elapsed().Seconds()
	if s.options.Visit != nil {
		err := s.visited.each(func(fingerprint uint64) error { s.options.Visit(fingerprint); return nil })
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// collisionProbability is the chance that n fingerprints of 64 random bits are not all different.
func collisionProbability(n uint64) float64 {
	return -math.Expm1(-float64(n) * float64(n-1) / 2 / math.Exp2(64))
}

// sign sets the digest.
func (r *Result) sign(states uint64) error {
	c := *r
	c.Workers = 0
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("check: the result does not marshal: %w", err)
	}
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(text, states))
	r.Digest = hex.EncodeToString(sum[:16])
	return nil
}
