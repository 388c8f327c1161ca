package check

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
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

	// CollisionProbability estimates how likely it is that two of the states had the same fingerprint of 64
	// bits, so that one of them, and what only it leads to, was missed.
	CollisionProbability float64      `json:"collisionProbability"`
	Actions              ActionCounts `json:"actions"`
	Reductions           []string     `json:"reductions"` // those really applied

	Witnesses []Witness `json:"witnesses,omitempty"` // situations that must be reachable
	Progress  []Waited  `json:"progress,omitempty"`  // the properties that RunProgress has looked at
	Fairness  []string  `json:"fairness,omitempty"`  // the weakly fair instances of actions that are ever enabled

	Invariant string `json:"invariant"` // the one that does not hold; empty when all do
	Guarantee string `json:"guarantee,omitempty"`
	Trace     []Step `json:"trace"`           // a shortest way to a state in which it does not hold
	Lasso     *Lasso `json:"lasso,omitempty"` // how the trace goes on forever, when it is progress that fails

	// Digest sums up everything above that does not depend on the machine and its speed, and the set of states
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

// A LostTraceError says that a state which breaks an invariant was found, but not the way to it: two states on
// the way have the same fingerprint.
type LostTraceError struct {
	Invariant string
	Step      int // how many steps of the way were found
}

func (e *LostTraceError) Error() string {
	return fmt.Sprintf("check: %s does not hold, but the way to that state is lost after %d steps: a fingerprint collision", e.Invariant, e.Step)
}

// result makes the result of a search that has ended.
func (s *search) result() (*Result, error) {
	r := &Result{
		Model:      s.model.Name(),
		World:      s.model.World(),
		Verdict:    Pass,
		Distinct:   s.visited.count.Load(),
		Generated:  s.generated.Load(),
		Depth:      int(s.depth.Load()),
		Workers:    s.options.Workers,
		Reductions: append([]string{}, s.model.Reductions()...),
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
	why := s.stopped.Load()
	switch {
	case len(s.findings) > 0:
		// The smallest encoding, so that it is the same one however the workers shared the level.
		worst := slices.MinFunc(s.findings, func(a, b finding) int {
			return cmp.Or(bytes.Compare(a.code, b.code), cmp.Compare(a.invariant, b.invariant))
		})
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
	if err := r.sign(s.sum.Load()); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(s.begun).Seconds()
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

// trace returns a shortest way from the initial state to the finding. The set of states has only fingerprints,
// so the way is found backwards as fingerprints, and then forwards as steps.
func (s *search) trace(f finding) (steps []Step, err error) {
	var at []byte // the state that the next step is taken from
	defer caught(s.model, func() []byte { return at }, &err)
	way := []uint64{f.fingerprint}
	for {
		parent := s.visited.parentOf(way[len(way)-1])
		if parent == way[len(way)-1] {
			break // the initial state is its own
		}
		if parent == 0 || len(way) > int(s.depth.Load()) {
			return nil, &LostTraceError{s.model.Invariants()[f.invariant].Name, 0}
		}
		way = append(way, parent)
	}
	slices.Reverse(way)
	machine := s.model.NewMachine()
	machine.Init()
	steps = []Step{}
	before := machine.Vars()
	var code []byte
	for _, fingerprint := range way[1:] {
		// The machine goes on from the state it is in, and not from the encoding: an encoding under a symmetry
		// may have exchanged replicas, and the counterexample would not name the same ones throughout.
		step := ""
		machine.Next(func(int, int) bool {
			code = machine.Encode(code[:0])
			if fingerprintOf(code) != fingerprint {
				return true
			}
			step = machine.Step()
			return false
		})
		if step == "" {
			return nil, &LostTraceError{s.model.Invariants()[f.invariant].Name, len(steps)}
		}
		after := machine.Vars()
		steps = append(steps, Step{step, Diff(before, after)})
		before, at = after, bytes.Clone(code)
	}
	return steps, nil
}
