package check

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
)

// DefaultDepth is how many states a random walk has at most when Options.Depth does not say.
const DefaultDepth = 100

// Walks are taken in rounds, and the search ends with the round in which a walk breaks an invariant: which walks were taken
// then does not depend on the number of workers.
const walksInRound = 64

// A walker takes random walks.
type walker struct {
	*worker
	depth  int
	seed   *rand.PCG
	random *rand.Rand // from seed
	here   uint64     // the fingerprint of the state that was entered last
	names  *[]string  // of the steps, when the walk is only taken again; otherwise nil

	trail Trail

	// Of the steps from one state: how many there are of each action, and the one that was drawn among these.
	counts, drawn []int
}

// A stumble is a walk that broke an invariant.
type stumble struct {
	walk      int
	states    int
	invariant int
}

// walks takes random walks and looks at every step from every state that they come through. The states counted are those on
// the walks.
func (s *search) walks() (r *Result, err error) {
	s.level, s.found = &frontier{}, &frontier{} // which stay empty
	s.looked = newVisited()
	defer s.looked.free()
	s.generated.Store(1)
	depth := s.options.Depth
	if depth == 0 {
		depth = DefaultDepth
	}
	walkers := make([]*walker, s.options.Workers)
	for i := range walkers {
		if walkers[i], err = s.newWalker(depth); err != nil {
			return nil, err
		}
	}
	var stumbles []stumble
	taken := 0
	for taken < s.options.Walks && len(stumbles) == 0 && s.stopped.Load() == nil && len(s.errs) == 0 {
		var done int
		done, stumbles = s.round(walkers, taken, min(taken+walksInRound, s.options.Walks))
		taken += done
	}
	if len(s.errs) > 0 {
		return nil, s.errs[0]
	}
	if len(stumbles) > 0 {
		return s.stumbled(stumbles, taken, depth)
	}
	s.stop(fmt.Sprintf("%s random walks of at most %d states are not every behaviour", count(uint64(taken)), depth))
	return s.walked(taken, nil)
}

func (s *search) newWalker(depth int) (*walker, error) {
	w, err := s.newWorker()
	if err != nil {
		return nil, err
	}
	seed := &rand.PCG{}
	return &walker{worker: w, depth: depth, seed: seed, random: rand.New(seed), counts: make([]int, len(s.fired)), drawn: make([]int, len(s.fired))}, nil
}

// round takes the walks from one number up to another, and returns how many were taken whole and which broke an invariant.
func (s *search) round(walkers []*walker, from, to int) (done int, stumbles []stumble) {
	var next atomic.Int64
	next.Store(int64(from))
	parallel(walkers, func(w *walker) {
		for s.stopped.Load() == nil {
			walk := int(next.Add(1)) - 1
			if walk >= to {
				break
			}
			states, invariant, err := w.walk(walk, nil)
			if err != nil {
				s.fail(err)
			}
			s.seen.Add(&w.trail)
			s.mu.Lock()
			if invariant >= 0 || s.stopped.Load() == nil {
				done++
			}
			if invariant >= 0 {
				stumbles = append(stumbles, stumble{walk, states, invariant})
			}
			s.depth.Store(max(s.depth.Load(), int64(states)))
			s.mu.Unlock()
		}
		w.count()
		w.total()
	})
	return done, stumbles
}

// walk takes one walk. It returns how many states it has, and the invariant that the last one breaks, -1 for none. With
// names it appends the name of each step, and counts nothing.
func (w *walker) walk(number int, names *[]string) (states, invariant int, err error) {
	s, m := w.search, w.machine
	var at []byte
	defer caught(s.model, func() []byte { return at }, &err)
	s.visited.mu.RLock()
	defer s.visited.mu.RUnlock()
	w.seed.Seed(s.options.Seed, uint64(number))
	w.names = names
	m.Init()
	if !within(m) {
		return 0, -1, &ConstraintError{s.model.Name()}
	}
	w.enter(1, 0)
	if invariant = m.Broken(); invariant >= 0 {
		return 1, invariant, nil
	}
	for states = 1; states < w.depth; {
		if s.stopped.Load() != nil && names == nil {
			break
		}
		at = append(at[:0], w.code...)
		if names == nil {
			if err := w.sample(); err != nil {
				return states, -1, err
			}
		}
		here := w.here
		choice, invariant := w.choose(states + 1)
		if names == nil && w.add(s.looked, here) {
			w.expanded++
		}
		if choice < 0 {
			break
		}
		states++
		if invariant >= 0 {
			return states, invariant, nil
		}
		n := 0
		m.Next(func(action, _ int) bool {
			if n == choice {
				w.enter(states, action)
			}
			n++
			return n <= choice
		})
	}
	return states, -1, nil
}

// enter goes on, by an action, to the state that the machine is in. It is called within visit; the caller holds visited.mu for
// reading.
func (w *walker) enter(level, action int) {
	w.code = w.machine.Encode(w.code[:0])
	if w.names != nil {
		if level > 1 {
			*w.names = append(*w.names, w.machine.Step())
		}
		return
	}
	if !within(w.machine) {
		return
	}
	if level == 1 {
		w.trail.Begin(w.code)
	} else {
		w.trail.Step(action, w.code)
	}
	s, fingerprint := w.search, fingerprintOf(w.machine, w.code)
	w.here = fingerprint
	if w.add(s.visited, fingerprint) {
		w.sum += fingerprint
	}
	for i := range s.witnessed {
		met := s.witnessed[i].Load()
		for (met == 0 || met > int64(level)) && w.machine.(WitnessingMachine).Witnessed(i) && !s.witnessed[i].CompareAndSwap(met, int64(level)) {
			met = s.witnessed[i].Load()
		}
	}
}

// choose draws a step: first one of the actions that are possible, each as likely, and then one of its steps. Otherwise the
// action with the most steps, such as sending, would drown the one that matters. It returns the step's place among all, -1
// when none is possible within the state constraint. When a step breaks an invariant, it is chosen and entered as a state of the given level.
func (w *walker) choose(level int) (choice, invariant int) {
	clear(w.counts)
	n, possible := 0, 0
	invariant = -1
	w.machine.Next(func(action, times int) bool {
		if w.names == nil {
			w.generated += uint64(times)
			w.fired[action] += uint64(times)
		}
		if within(w.machine) {
			if w.counts[action] == 0 {
				possible++
			}
			w.counts[action]++
			if w.random.IntN(w.counts[action]) == 0 {
				w.drawn[action] = n
			}
		}
		n++
		if invariant = w.machine.Broken(); invariant >= 0 {
			w.enter(level, action)
		}
		return invariant < 0
	})
	switch {
	case invariant >= 0:
		return n - 1, invariant
	case possible == 0:
		return -1, -1
	}
	nth := w.random.IntN(possible)
	for action, steps := range w.counts {
		if steps > 0 {
			if nth == 0 {
				choice = w.drawn[action]
			}
			nth--
		}
	}
	return choice, -1
}

// stumbled makes the result of walks of which some broke an invariant: the shortest, and of several the first.
func (s *search) stumbled(stumbles []stumble, taken, depth int) (r *Result, err error) {
	worst := slices.MinFunc(stumbles, func(a, b stumble) int { return cmp.Or(a.states-b.states, a.walk-b.walk) })
	again, err := s.newWalker(depth)
	if err != nil {
		return nil, err
	}
	var names []string
	_, invariant, err := again.walk(worst.walk, &names)
	if err != nil {
		return nil, err
	}
	broken := s.model.Invariants()[worst.invariant]
	if invariant != worst.invariant {
		return nil, lost(s.model, again.machine, broken.Name, len(names))
	}
	p := &path{machine: again.machine, model: s.model, invariant: invariant}
	steps, err := p.show(p.shorten(names))
	if err != nil {
		return nil, err
	}
	return s.walked(taken, func(r *Result) {
		r.Verdict, r.Reason, r.Invariant, r.Guarantee, r.Trace = Violation, "", broken.Name, broken.Guarantee, steps
	})
}

// walked makes the result of walks, which verdict may change.
func (s *search) walked(taken int, verdict func(*Result)) (*Result, error) {
	r := s.receipt()
	r.Walks, r.Seed = taken, s.options.Seed
	r.CollisionProbability = 0 // two states taken for one are only counted as one
	r.Verdict = Incomplete
	if why := s.stopped.Load(); why != nil {
		r.Reason = *why
	}
	if verdict != nil {
		verdict(r)
	}
	return s.signed(r)
}

// A path is a way to a state that breaks an invariant, as the names of its steps.
type path struct {
	machine   Machine
	model     Model
	invariant int
	tried     int // steps
}

// So many steps are tried to make a path shorter: some seconds at most.
const mostTried = 50_000

// shorten leaves out steps, many at first and then single ones, for as long as the invariant is still broken at the end.
func (p *path) shorten(names []string) []string {
	for size := max(len(names)/2, 1); ; {
		shorter := false
		for from := 0; from < len(names) && p.tried < mostTried; {
			without := slices.Concat(names[:from], names[min(from+size, len(names)):])
			if kept, ok := p.follow(without, func(string) {}); ok {
				names, shorter = kept, true
			} else {
				from += size
			}
		}
		if size == 1 && !shorter || p.tried >= mostTried {
			return names
		}
		size = max(size/2, 1)
	}
}

// follow takes those of the steps that are possible, up to the first that breaks an invariant. It returns the steps taken,
// and whether they end by breaking the invariant of the path.
func (p *path) follow(names []string, after func(step string)) (taken []string, ok bool) {
	p.machine.Init()
	broken := p.machine.Broken()
	for _, name := range names {
		if broken >= 0 || !within(p.machine) {
			break
		}
		p.tried++
		found := false
		p.machine.Next(func(int, int) bool {
			if found = p.machine.Step() == name; found {
				taken = append(taken, name)
				broken = p.machine.Broken()
				after(name)
			}
			return !found
		})
	}
	return taken, broken == p.invariant
}

// show returns the steps of the path with what they change.
func (p *path) show(names []string) (steps []Step, err error) {
	var at []byte
	defer caught(p.model, func() []byte { return at }, &err)
	p.machine.Init()
	before := p.machine.Vars()
	steps = []Step{}
	_, ok := p.follow(names, func(step string) {
		after := p.machine.Vars()
		steps = append(steps, Step{step, Diff(before, after)})
		before, at = after, bytes.Clone(p.machine.Encode(nil))
	})
	if !ok {
		return nil, lost(p.model, p.machine, p.model.Invariants()[p.invariant].Name, len(steps))
	}
	return steps, nil
}
