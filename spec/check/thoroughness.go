package check

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/zeebo/xxh3"
)

// Thoroughness says how much of a world was seen, of how much. A search that came to its end saw everything. Of walks and of
// traces it counts the states that they came through and the transitions that they took; what was only looked at from there is
// not counted, although its invariants were decided, too.
//
// A transition is a state, an action, and the state that it leads to. It is counted once however many instances of the action
// lead from the one to the other, and states that are interchangeable under the reductions are one state. So a world has at most as many
// transitions as steps, which are what Result.Generated counts, but for the initial state. Steps that leave a state constraint are
// such steps, and no transitions.
type Thoroughness struct {
	States    uint64 `json:"states"`   // seen
	OfStates  uint64 `json:"ofStates"` // that the world has; 0 when that is unknown
	OfSteps   uint64 `json:"ofSteps"`  // that lead from all states of the world; 0 when that is unknown
	Unknown   string `json:"unknown,omitempty"`
	Exhausted bool   `json:"exhausted"` // by a search: every step of every state was taken, or every one that a reduction leaves

	// Transitions are those taken, of OfTransitions that the world has, 0 when that is unknown. A search that came to its end took all,
	// and counts steps in their place: then both are 0.
	Transitions   uint64 `json:"transitions,omitempty"`
	OfTransitions uint64 `json:"ofTransitions,omitempty"`

	// StatesShare and TransitionsShare are the shares seen, 0 to 1; nil when the denominator is unknown.
	StatesShare      *float64 `json:"statesShare"`
	TransitionsShare *float64 `json:"transitionsShare"`

	// Behaviours is how many walks or traces these were, and Unseen Good and Turing's estimate of the share of another one's
	// transitions that none of these took: of all pairs of a behaviour and a transition that it took, those whose transition no other
	// took. Unseen is nil for a search, and where the transitions were too many to be told apart.
	Behaviours uint64   `json:"behaviours,omitempty"`
	Unseen     *float64 `json:"unseen,omitempty"`
}

// searched returns the thoroughness of a search, of a model that takes every step or of one that is reduced.
func searched(r *Result, reduced bool) *Thoroughness {
	t := &Thoroughness{States: r.Distinct}
	switch {
	case r.Left == 0 && r.Verdict != Incomplete && reduced:
		t.Exhausted, t.Unknown = true, "a partial-order reduction left out steps, and with them states"
	case r.Left == 0 && r.Verdict != Incomplete:
		all := 1.0
		t.Exhausted, t.OfStates, t.OfSteps, t.StatesShare, t.TransitionsShare = true, r.Distinct, r.Generated-1, &all, &all
	case r.Verdict == Violation:
		t.Unknown = "the search stopped at a violation"
	default:
		t.Unknown = "the search did not come to its end: " + r.Reason
	}
	return t
}

// An Enumeration bounds how far a world is enumerated so that there is a denominator.
type Enumeration struct {
	States int           // most states; 0 for no enumeration
	For    time.Duration // most time; 0 for no limit
}

// So many transitions of behaviours are told apart, in about 100 MB.
const mostTransitions = 1 << 21

// Seen is what behaviours of a model came through: random walks, or traces of an implementation that were stepped through the model. Many
// goroutines may add to it. The zero value has seen nothing.
type Seen struct {
	mu          sync.Mutex
	states      map[uint64]struct{}
	transitions map[uint64]bool // whether more than one behaviour took it
	behaviours  uint64
	once        uint64 // transitions that one behaviour took
	pairs       uint64 // of a behaviour and a transition that it took
	most        int    // transitions that are told apart; 0 for mostTransitions
	full        bool
}

// A Trail is one behaviour while it is followed. It is for one goroutine.
type Trail struct {
	at          []byte
	states      map[uint64]struct{}
	transitions map[uint64]struct{}
	buffer      []byte
}

// Begin begins a behaviour in the state that the machine's Encode wrote; what was followed before is forgotten.
func (t *Trail) Begin(initial []byte) {
	if t.states == nil {
		t.states, t.transitions = map[uint64]struct{}{}, map[uint64]struct{}{}
	}
	clear(t.states)
	clear(t.transitions)
	t.at = append(t.at[:0], initial...)
	t.states[xxh3.Hash(initial)] = struct{}{}
}

// Step goes on by an action, counted as the machine's Next counts it, to the state that Encode wrote.
func (t *Trail) Step(action int, code []byte) {
	var h uint64
	h, t.buffer = transition(t.buffer, t.at, action, code)
	t.transitions[h] = struct{}{}
	t.states[xxh3.Hash(code)] = struct{}{}
	t.at = append(t.at[:0], code...)
}

// transition returns the 64 bits by which a transition is known, and the memory that it was written in.
func transition(buffer, from []byte, action int, to []byte) (uint64, []byte) {
	buffer = binary.LittleEndian.AppendUint32(buffer[:0], uint32(len(from)))
	buffer = append(buffer, from...)
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(action))
	buffer = append(buffer, to...)
	return xxh3.Hash(buffer), buffer
}

// Add adds a behaviour that has ended.
func (s *Seen) Add(t *Trail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states == nil {
		s.states, s.transitions = map[uint64]struct{}{}, map[uint64]bool{}
	}
	s.behaviours++
	if s.full = s.full || len(s.transitions)+len(t.transitions) > s.limit(); s.full {
		return
	}
	maps.Copy(s.states, t.states)
	for h := range t.transitions {
		several, known := s.transitions[h]
		switch {
		case !known:
			s.once++
		case !several:
			s.once--
		}
		s.transitions[h] = known
		s.pairs++
	}
}

func (s *Seen) limit() int {
	if s.most > 0 {
		return s.most
	}
	return mostTransitions
}

// A CountError says that behaviours came through something that their model does not have: what was counted was not of this
// model, or not counted right.
type CountError struct {
	Model       string
	What        string // states or transitions
	Seen, Found uint64
}

func (e *CountError) Error() string {
	return fmt.Sprintf("check: behaviours of model %s came through %s different %s, of which its enumeration has %s; expected all of them there",
		e.Model, count(e.Seen), e.What, count(e.Found))
}

// Of says how much of the model's world was seen. It enumerates the world for that, as far as the enumeration is let: to the
// states that break an invariant, and no further. When it came to the end, it has looked up everything that was seen, and what it does not
// find makes its error a *CountError.
func (s *Seen) Of(ctx context.Context, m Model, e Enumeration) (_ *Thoroughness, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &Thoroughness{States: uint64(len(s.states)), Transitions: uint64(len(s.transitions)), Behaviours: s.behaviours}
	if s.full {
		t.States, t.Transitions = 0, 0
		t.Unknown = fmt.Sprintf("more than %s transitions were taken, too many to be told apart", count(uint64(s.limit())))
		return t, nil
	}
	if s.pairs > 0 {
		unseen := float64(s.once) / float64(s.pairs)
		t.Unseen = &unseen
	}
	if e.States <= 0 {
		t.Unknown = "the world was not enumerated"
		return t, nil
	}
	world := enumeration{model: m, seen: s}
	if t.Unknown, err = world.run(ctx, e); err != nil || t.Unknown != "" {
		return t, err
	}
	for _, x := range []struct {
		what        string
		seen, found uint64
	}{{"states", t.States, world.statesSeen}, {"transitions", t.Transitions, world.transitionsSeen}} {
		if x.seen != x.found {
			return nil, &CountError{m.Name(), x.what, x.seen, x.found}
		}
	}
	t.OfStates, t.OfTransitions, t.OfSteps = world.states, world.transitions, world.steps
	t.StatesShare, t.TransitionsShare = share(t.States, t.OfStates), share(t.Transitions, t.OfTransitions)
	return t, nil
}

// share returns seen ÷ of; of nothing, everything was seen.
func share(seen, of uint64) *float64 {
	part := 1.0
	if of > 0 {
		part = float64(seen) / float64(of)
	}
	return &part
}

// An enumeration finds all states and transitions of a world, one after the other.
type enumeration struct {
	model Model
	seen  *Seen

	states, transitions, steps  uint64
	statesSeen, transitionsSeen uint64
}

// run enumerates the world. It returns why it did not come to the end, or nothing.
func (e *enumeration) run(ctx context.Context, limit Enumeration) (unknown string, err error) {
	var at, code, buffer []byte
	defer caught(e.model, func() []byte { return at }, &err)
	begun := time.Now()
	m := e.model.NewMachine()
	known := map[uint64]struct{}{}
	var level, found []byte // states, each after its length
	find := func() {
		fingerprint := xxh3.Hash(code)
		if _, is := known[fingerprint]; is {
			return
		}
		known[fingerprint] = struct{}{}
		e.states++
		if _, is := e.seen.states[fingerprint]; is {
			e.statesSeen++
		}
		if m.Broken() < 0 {
			found = append(binary.AppendUvarint(found, uint64(len(code))), code...)
		}
	}
	m.Init()
	if !within(m) {
		return "", &ConstraintError{e.model.Name()}
	}
	code = m.Encode(nil)
	find()
	local := map[uint64]struct{}{} // transitions of one state
	for len(found) > 0 {
		level, found = found, level[:0]
		for rest := level; len(rest) > 0; {
			switch {
			case e.states > uint64(limit.States):
				return fmt.Sprintf("the world has more than %s states", count(uint64(limit.States))), nil
			case ctx.Err() != nil:
				return "the enumeration was interrupted: " + context.Cause(ctx).Error(), nil
			case limit.For > 0 && time.Since(begun) > limit.For:
				return fmt.Sprintf("the enumeration came to no end in %s", limit.For), nil
			}
			n, size := binary.Uvarint(rest)
			at, rest = rest[size:size+int(n)], rest[size+int(n):]
			if err := m.Load(at); err != nil {
				return "", fmt.Errorf("check: %s: a state does not load again: %w", e.model.Name(), err)
			}
			clear(local)
			m.Next(func(action, times int) bool {
				e.steps += uint64(times)
				if !within(m) { // walks do not go there
					return true
				}
				code = m.Encode(code[:0])
				var h uint64
				if h, buffer = transition(buffer, at, action, code); !has(local, h) {
					local[h] = struct{}{}
					e.transitions++
					if _, is := e.seen.transitions[h]; is {
						e.transitionsSeen++
					}
				}
				find()
				return true
			})
		}
	}
	return "", nil
}

func has(set map[uint64]struct{}, h uint64) bool {
	_, is := set[h]
	return is
}

// String is the thoroughness in a sentence.
func (t *Thoroughness) String() string {
	switch {
	case t.Exhausted && t.Unknown != "":
		return fmt.Sprintf("100 %% of the %s states that the reduction leaves, of an unknown number in all: %s", count(t.States), t.Unknown)
	case t.Exhausted:
		return fmt.Sprintf("100 %% of %s states, and all %s steps from them", count(t.OfStates), count(t.OfSteps))
	case t.Unknown != "" && t.States == 0:
		return "how much is unknown: " + t.Unknown
	case t.Unknown != "" && t.Behaviours == 0:
		return fmt.Sprintf("%s states of an unknown number: %s", count(t.States), t.Unknown)
	case t.Unknown != "":
		return fmt.Sprintf("%s states and %s transitions, of unknown numbers: %s", count(t.States), count(t.Transitions), t.Unknown)
	}
	return fmt.Sprintf("%s of %s states and %s of %s transitions (%s steps)", percent(t.States, t.OfStates), count(t.OfStates),
		percent(t.Transitions, t.OfTransitions), count(t.OfTransitions), count(t.OfSteps))
}

// percent writes a share, rounded down: all but one is less than 100 %.
func percent(seen, of uint64) string {
	tenths := math.Floor(1000 * *share(seen, of))
	switch {
	case seen >= of:
		return "100 %"
	case tenths < 1 && seen > 0:
		return "less than 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", min(tenths, 999)/10)
}

// estimate is Unseen in a sentence.
func (t *Thoroughness) estimate() string {
	return fmt.Sprintf("about %.1f %% of another walk's transitions (Good and Turing: so many of these walks' transitions were in one walk alone)", 100**t.Unseen)
}
