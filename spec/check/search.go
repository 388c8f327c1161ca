package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"
)

// Options say how a search goes about it. The zero value searches on all cores without a limit.
type Options struct {
	Workers int           // 0 for one on each core
	For     time.Duration // stop after this long; 0 for no limit
	Memory  int64         // stop before the states found take more than this many bytes; 0 for no limit

	// Progress is called about every Every (0 for a second) while the search goes on, from one goroutine.
	Progress func(Progress)
	Every    time.Duration
}

// Progress is how far a search is.
type Progress struct {
	Distinct  uint64 // states found
	Generated uint64 // steps taken, and one for the initial state
	Depth     int    // the level being found; the initial state is level 1
	Left      uint64 // states found whose steps are still to be taken
	Elapsed   time.Duration
}

// fingerprintOf returns the 64 bits by which a state is known; never 0, which marks a free slot.
func fingerprintOf(code []byte) uint64 {
	// 2 is the smallest that is still not 0 when its lowest bit is dropped.
	return max(xxh3.Hash(code), 2)
}

// A chunk is a part of a level: the encodings of its states, one after the other.
type chunk struct {
	codes        []byte
	ends         []uint32 // where each encoding ends
	fingerprints []uint64
}

const chunkStates = 128

func (c *chunk) add(code []byte, fingerprint uint64) {
	c.codes = append(c.codes, code...)
	c.ends = append(c.ends, uint32(len(c.codes)))
	c.fingerprints = append(c.fingerprints, fingerprint)
}

func (c *chunk) code(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = c.ends[i-1]
	}
	return c.codes[from:c.ends[i]]
}

func (c *chunk) bytes() int64 {
	return int64(cap(c.codes)) + 4*int64(cap(c.ends)) + 8*int64(cap(c.fingerprints))
}

// A finding is a state in which an invariant does not hold.
type finding struct {
	code        []byte
	fingerprint uint64
	invariant   int
}

// A search is one run over a model.
type search struct {
	model   Model
	options Options
	visited *visited
	begun   time.Time

	level    []*chunk
	taken    atomic.Int64 // how many chunks of level workers have taken
	found    []*chunk     // the next level
	findings []finding
	errs     []error
	mu       sync.Mutex // for found, findings, errs and fired

	stopped   atomic.Pointer[string] // why, when the search was stopped
	generated atomic.Uint64
	expanded  atomic.Uint64
	held      atomic.Int64 // bytes of the chunks in memory
	sum       atomic.Uint64
	fired     []uint64
	depth     atomic.Int64
	witnesses []Witness
	witnessed []atomic.Int64 // the level in which each was met, 0 for none
}

// Run searches the model and returns what it found, with a receipt. The verdict is Incomplete when the context
// or an option ended it first. An error means that the search itself failed; then there is no result.
func Run(ctx context.Context, m Model, o Options) (*Result, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	s := &search{model: m, options: o, visited: newVisited(), begun: time.Now(), fired: make([]uint64, len(m.Actions()))}
	var err error
	if s.witnesses, err = witnessesOf(m); err != nil {
		return nil, err
	}
	s.witnessed = make([]atomic.Int64, len(s.witnesses))
	quit := s.watch(ctx)
	defer quit()
	if err := s.run(); err != nil {
		return nil, err
	}
	return s.result()
}

// watch stops the search when the context or the time ends, and reports progress. It returns what ends it.
func (s *search) watch(ctx context.Context) (quit func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		var limit <-chan time.Time
		if s.options.For > 0 {
			timer := time.NewTimer(s.options.For)
			defer timer.Stop()
			limit = timer.C
		}
		tick := time.NewTicker(s.options.Every)
		defer tick.Stop()
		cancelled := ctx.Done()
		for {
			select {
			case <-done:
				return
			case <-cancelled:
				s.stop("interrupted: " + context.Cause(ctx).Error())
				cancelled = nil
			case <-limit:
				s.stop(fmt.Sprintf("the time limit of %s ran out", s.options.For))
			case <-tick.C:
				if s.options.Progress != nil {
					s.options.Progress(s.progress())
				}
			}
		}
	})
	if ctx.Err() != nil { // at once, not when the goroutine gets to it
		s.stop("interrupted: " + context.Cause(ctx).Error())
	}
	return func() { close(done); ended.Wait() }
}

func (s *search) stop(why string) { s.stopped.CompareAndSwap(nil, &why) }

func (s *search) progress() Progress {
	distinct := s.visited.count.Load()
	return Progress{distinct, s.generated.Load(), int(s.depth.Load()), distinct - min(distinct, s.expanded.Load()), time.Since(s.begun)}
}

// run finds level after level until there is nothing new, something is broken, or it is stopped.
func (s *search) run() (err error) {
	defer caught(s.model, func() []byte { return nil }, &err)
	machine := s.model.NewMachine()
	machine.Init()
	code := machine.Encode(nil)
	fingerprint := fingerprintOf(code)
	s.visited.insert(fingerprint, fingerprint)
	s.visited.settle(fingerprint)
	s.generated.Store(1)
	s.sum.Store(fingerprint)
	s.depth.Store(1)
	s.witness(machine, 1)
	if i := machine.Broken(); i >= 0 {
		s.findings = append(s.findings, finding{code, fingerprint, i})
		return nil
	}
	first := &chunk{}
	first.add(code, fingerprint)
	s.level = []*chunk{first}
	workers := make([]*worker, s.options.Workers)
	for i := range workers {
		workers[i] = &worker{search: s, machine: s.model.NewMachine(), fired: make([]uint64, len(s.fired))}
	}
	for len(s.level) > 0 && len(s.findings) == 0 && s.stopped.Load() == nil {
		s.parallel(workers, (*worker).expand)
		if err := errors.Join(s.errs...); err != nil {
			return err
		}
		s.level, s.found = s.found, nil
		s.held.Store(0)
		for _, c := range s.level {
			s.held.Add(c.bytes())
		}
		s.parallel(workers, (*worker).settle)
		if len(s.level) > 0 {
			s.depth.Add(1)
		}
	}
	return nil
}

func (s *search) parallel(workers []*worker, do func(*worker)) {
	s.taken.Store(0)
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() { do(w) })
	}
	all.Wait()
}

// take returns the next chunk of the level, nil when there is none.
func (s *search) take() *chunk {
	if i := s.taken.Add(1) - 1; i < int64(len(s.level)) {
		return s.level[i]
	}
	return nil
}

// A worker finds a part of the next level.
type worker struct {
	search  *search
	machine Machine
	parent  uint64 // fingerprint of the state being expanded
	code    []byte
	out     *chunk
	halted  bool // by stop, within the state being expanded

	generated, sum uint64
	fired          []uint64
}

func (w *worker) settle() {
	for c := w.search.take(); c != nil; c = w.search.take() {
		for _, fingerprint := range c.fingerprints {
			w.search.visited.settle(fingerprint)
		}
	}
}

// expand takes every step from the states of chunk after chunk.
func (w *worker) expand() {
	s := w.search
	w.out, w.halted = nil, false
	for c := s.take(); c != nil && !w.halted; c = s.take() {
		if err := w.expandChunk(c); err != nil {
			s.mu.Lock()
			s.errs = append(s.errs, err)
			s.mu.Unlock()
			s.stop("failed: " + err.Error())
		}
		s.generated.Add(w.generated)
		w.generated = 0
	}
	s.sum.Add(w.sum)
	w.sum = 0
	s.mu.Lock()
	defer s.mu.Unlock()
	w.publish()
	for i, n := range w.fired {
		s.fired[i] += n
	}
	clear(w.fired)
}

func (w *worker) expandChunk(c *chunk) (err error) {
	s := w.search
	at := 0
	defer caught(s.model, func() []byte { return c.code(at) }, &err)
	s.visited.mu.RLock()
	defer s.visited.mu.RUnlock()
	visit := w.visit
	for i, fingerprint := range c.fingerprints {
		if s.stopped.Load() != nil {
			w.halted = true
			return nil
		}
		at = i
		if err := w.machine.Load(c.code(i)); err != nil {
			return fmt.Errorf("check: %s: a state does not load again: %w", s.model.Name(), err)
		}
		w.parent = fingerprint
		w.machine.Next(visit)
		if w.halted {
			return nil
		}
		s.expanded.Add(1)
	}
	return nil
}

// visit looks at the state after one step.
func (w *worker) visit(action, times int) bool {
	s := w.search
	if s.stopped.Load() != nil {
		w.halted = true
		return false
	}
	w.code = w.machine.Encode(w.code[:0])
	fingerprint := fingerprintOf(w.code)
	result := s.visited.insert(fingerprint, w.parent)
	for result == full {
		if !w.grow() {
			w.halted = true
			return false
		}
		result = s.visited.insert(fingerprint, w.parent)
	}
	w.generated += uint64(times)
	w.fired[action] += uint64(times)
	if result == known {
		return true
	}
	w.sum += fingerprint
	s.witness(w.machine, s.depth.Load()+1)
	if i := w.machine.Broken(); i >= 0 {
		s.mu.Lock()
		s.findings = append(s.findings, finding{bytes.Clone(w.code), fingerprint, i})
		s.mu.Unlock()
	}
	if w.out == nil {
		w.out = &chunk{
			codes:        make([]byte, 0, chunkStates*(len(w.code)+4)),
			ends:         make([]uint32, 0, chunkStates),
			fingerprints: make([]uint64, 0, chunkStates),
		}
	}
	w.out.add(w.code, fingerprint)
	if len(w.out.ends) == chunkStates {
		s.mu.Lock()
		w.publish()
		s.mu.Unlock()
	}
	return true
}

// publish hands what the worker has found over to the next level. The caller holds search.mu.
func (w *worker) publish() {
	if w.out != nil {
		w.search.held.Add(w.out.bytes())
		w.search.found = append(w.search.found, w.out)
		w.out = nil
	}
}

// grow makes room in the set of states, unless another worker has done so meanwhile, and says whether there
// was the memory for it. The caller holds visited.mu for reading, before and after.
func (w *worker) grow() bool {
	s, v := w.search, w.search.visited
	v.mu.RUnlock()
	defer v.mu.RLock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.count.Load() < v.capacity() {
		return true
	}
	need := int64(len(v.slots)+v.grown())*slotBytes + s.held.Load()
	if limit := s.options.Memory; limit > 0 && need > limit {
		s.stop(fmt.Sprintf("the memory limit of %d MB ran out", limit>>20))
		return false
	}
	v.grow()
	return true
}
