package check

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// trace returns a shortest way from the initial state to the finding. The way is found backwards as fingerprints, and then
// forwards as steps.
func (s *search) trace(f finding) (steps []Step, err error) {
	var at []byte // the state that the next step is taken from
	defer caught(s.model, func() []byte { return at }, &err)
	way, err := s.way(f)
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
			if fingerprintOf(machine, code) != fingerprint {
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

// way returns the fingerprints of a shortest way to the finding: each state is reached from the smallest of its predecessors on the
// level before, so that it is the same way at any number of workers.
//
// The set of states has no predecessors, so the levels are searched once more, and this time links are kept. That takes as long
// again, and 4 bytes for each slot of the set beyond the limit on memory, of a search that has found what it was for. To
// keep the links all along would cost half as much memory again in every search; and so would a log of the levels, on a disk that
// few searches have need of. It takes no notice of what stops a search: a violation without its way is of little use.
func (s *search) way(f finding) ([]uint64, error) {
	way := []uint64{f.fingerprint}
	if f.level == 1 {
		return way, nil
	}
	invariant := s.model.Invariants()[f.invariant].Name
	l, err := newLinks(s.visited, invariant)
	if err != nil {
		return nil, err
	}
	defer l.free()
	if err := errors.Join(s.level.close(), s.found.close()); err != nil {
		return nil, err
	}
	s.table.Add(l.bytes())
	r := &retracing{search: s, links: l, target: f}
	workers := make([]*retracer, max(s.options.Workers, 1))
	for i := range workers {
		workers[i] = &retracer{retracing: r, machine: s.model.NewMachine()}
	}
	if err := r.levels(workers); err != nil {
		return nil, err
	}
	if len(r.parents) == 0 {
		return nil, r.lost(invariant)
	}
	parent, _ := l.slot(slices.Min(r.parents))
	for range f.level - 1 {
		way = append(way, l.fingerprint(parent))
		parent = l.parents[parent] - 1
	}
	slices.Reverse(way)
	return way, nil
}

// retracing is the second search, for the way to what the first has found.
type retracing struct {
	*search
	links  *links
	target finding
	last   bool // on the level before that of the target

	mu       sync.Mutex
	parents  []uint64 // of the target, the smallest that each worker met in each chunk
	suspects [][]byte // states from which a step leads to a state that the first search did not find
}

// levels finds the levels before that of the target, and the predecessors of that.
func (r *retracing) levels(workers []*retracer) error {
	s := r.search
	s.level, s.found = s.newFrontier(), s.newFrontier()
	machine := s.model.NewMachine()
	machine.Init()
	var first chunkWriter
	first.add(machine.Encode(nil))
	s.level.push(first.chunk())
	initial, ok := r.links.slot(s.initial)
	if !ok {
		return nil // and there is no way
	}
	r.links.note(initial, initial)
	for level := int64(1); level < r.target.level; level++ {
		r.links.settle()
		r.last = level == r.target.level-1
		parallel(workers, func(w *retracer) {
			if err := w.expand(); err != nil {
				s.fail(err)
			}
		})
		if err := errors.Join(s.errs...); err != nil {
			return err
		}
		if err := s.level.close(); err != nil {
			return err
		}
		s.level, s.found = s.found, s.newFrontier()
	}
	return nil
}

// lost says why the target was not reached.
func (r *retracing) lost(invariant string) (err error) {
	machine := r.model.NewMachine()
	var code []byte
	defer caught(r.model, func() []byte { return code }, &err)
	slices.SortFunc(r.suspects, bytes.Compare)
	for _, code = range r.suspects {
		if err := machine.Load(code); err != nil {
			return err
		}
		if err := repeatsOften(r.model, machine); err != nil {
			return err
		}
	}
	return &LostTraceError{invariant, int(r.target.level) - 2}
}

// A retracer takes the steps of a part of each level once more.
type retracer struct {
	*retracing
	machine Machine
	in      chunkReader
	out     chunkWriter
	buffer  []byte
}

// expand takes the steps from the states of chunk after chunk.
func (w *retracer) expand() error {
	for {
		c, err := w.level.take(w.buffer)
		if err == nil && c.states > 0 {
			w.buffer = c.data
			w.in.read(c)
			err = w.expandChunk(c.states)
		}
		if err != nil || c.states == 0 {
			return errors.Join(err, w.publish())
		}
	}
}

func (w *retracer) publish() error {
	if w.out.states == 0 {
		return nil
	}
	w.found.push(w.out.chunk())
	return w.relieve()
}

func (w *retracer) expandChunk(states int) (err error) {
	var at, code []byte
	defer caught(w.model, func() []byte { return at }, &err)
	var parents []uint64
	for range states {
		at, _ = w.in.next()
		if err := w.machine.Load(at); err != nil {
			return fmt.Errorf("check: %s: a state does not load again: %w", w.model.Name(), err)
		}
		parent, ok := w.links.slot(fingerprintOf(w.machine, at))
		if !ok {
			continue // the initial state alone is not looked for before it comes here, and that is there
		}
		suspect := false
		w.machine.Next(func(int, int) bool {
			code = w.machine.Encode(code[:0])
			fingerprint := fingerprintOf(w.machine, code)
			if w.last && fingerprint == w.target.fingerprint {
				parents = append(parents, w.links.fingerprint(parent))
			}
			if !within(w.machine) {
				return true
			}
			child, ok := w.links.slot(fingerprint)
			switch {
			case !ok:
				suspect = true // or the level of the target was not complete
			case !w.last && w.links.note(parent, child):
				w.out.add(code)
			}
			return true
		})
		if suspect {
			w.suspect(at)
		}
		if w.out.full() {
			if err := w.publish(); err != nil {
				return err
			}
		}
	}
	if len(parents) > 0 {
		w.mu.Lock()
		w.parents = append(w.parents, slices.Min(parents))
		w.mu.Unlock()
	}
	return nil
}

// suspect notes a state that may have other steps each time it is asked.
func (w *retracer) suspect(code []byte) {
	const most = 64
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.suspects) < most {
		w.suspects = append(w.suspects, bytes.Clone(code))
	}
}
