package check

import (
	"bytes"
	"maps"
	"slices"
)

// trace returns a shortest way from the initial state to the finding. The set of states has only fingerprints and links, so
// the way is found backwards as fingerprints, and then forwards as steps.
func (s *search) trace(f finding) (steps []Step, err error) {
	var at []byte // the state that the next step is taken from
	defer caught(s.model, func() []byte { return at }, &err)
	way, err := s.way(f, &at)
	if err != nil {
		return nil, err
	}
	at = nil
	machine := wholeOf(s.model.NewMachine()) // which steps a reduction takes can depend on how replicas are named
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
			return nil, lost(s.model, machine, s.model.Invariants()[f.invariant].Name, len(steps))
		}
		after := machine.Vars()
		steps = append(steps, Step{step, Diff(before, after)})
		before, at = after, bytes.Clone(code)
	}
	return steps, nil
}

// A visitor is a state on a way that is possible, and how it was reached.
type visitor struct {
	code   []byte
	parent uint64
}

// way returns the fingerprints of a shortest way to the finding. A link can name several states, so the way is first found
// backwards as sets of states that may be on it, and then forwards, by taking the steps that lead from one set to the next.
// loaded is the state whose steps are taken.
func (s *search) way(f finding, loaded *[]byte) ([]uint64, error) {
	sets := make([][]uint64, s.reached()) // by level
	last := len(sets) - 1
	sets[last] = []uint64{f.fingerprint}
	for i := last; i > 0; i-- {
		for _, fingerprint := range sets[i] {
			if link := s.visited.find(fingerprint); link != nil {
				sets[i-1] = s.visited.named(sets[i-1], *link)
			}
		}
		slices.Sort(sets[i-1])
		sets[i-1] = slices.Compact(sets[i-1])
	}
	machine := s.model.NewMachine()
	machine.Init()
	reached := map[uint64]visitor{}
	if slices.Contains(sets[0], s.initial) {
		reached[s.initial] = visitor{code: machine.Encode(nil)}
	}
	levels := make([]map[uint64]visitor, 0, len(sets))
	for i, set := range sets {
		if i > 0 {
			next, err := s.reach(machine, sets[i-1], reached, set, loaded)
			if err != nil {
				return nil, err
			}
			reached = next
		}
		if len(reached) == 0 {
			return nil, s.lost(f, machine, levels, loaded)
		}
		levels = append(levels, reached)
	}
	way := make([]uint64, len(sets))
	for i, fingerprint := last, f.fingerprint; i >= 0; i-- {
		way[i] = fingerprint
		fingerprint = levels[i][fingerprint].parent
	}
	return way, nil
}

// lost says why no state of a level is reached again from those on the levels before it.
func (s *search) lost(f finding, machine Machine, levels []map[uint64]visitor, loaded *[]byte) error {
	invariant, step := s.model.Invariants()[f.invariant].Name, max(len(levels)-1, 0)
	for _, level := range slices.Backward(levels) {
		for _, fingerprint := range slices.Sorted(maps.Keys(level)) {
			*loaded = level[fingerprint].code
			if err := machine.Load(*loaded); err != nil {
				return err
			}
			if err := repeatsOften(s.model, machine); err != nil {
				return err
			}
		}
	}
	return &LostTraceError{invariant, step}
}

// reach returns which states of a set are reached in one step from the states of the level before, each from the smallest
// whose bits it links to.
func (s *search) reach(machine Machine, before []uint64, from map[uint64]visitor, set []uint64, loaded *[]byte) (map[uint64]visitor, error) {
	reached := map[uint64]visitor{}
	for _, parent := range before { // in order
		at, ok := from[parent]
		if !ok {
			continue
		}
		*loaded = at.code
		if err := machine.Load(at.code); err != nil {
			return nil, err
		}
		machine.Next(func(int, int) bool {
			code := machine.Encode(nil)
			fingerprint := fingerprintOf(code)
			if _, known := reached[fingerprint]; known || !slices.Contains(set, fingerprint) {
				return true
			}
			if *s.visited.find(fingerprint)&linkMask == linkTo(parent) {
				reached[fingerprint] = visitor{code, parent}
			}
			return true
		})
	}
	return reached, nil
}
