package check

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"
)

// Options say how a search goes about it. The zero value searches on all cores without a limit.
type Options struct {
	Workers int           // 0 for one on each core
	For     time.Duration // stop after this long; 0 for no limit

	// Memory is how many bytes the states found and those still to be expanded may take; 0 for no limit. Those to be
	// expanded go to disk before it is exceeded. When the states found do not fit alone, the search is stopped. The way to
	// a violation is found with 4 bytes more for each slot of the set of states, whatever the limit.
	Memory int64

	// Depth is how many levels are found, or how many states a walk has at most; the initial state is the first. 0 for no
	// limit, and for walks of DefaultDepth.
	Depth int
	// States ends a search: no further level is begun once so many states are found. 0 for no limit. A level is found whole, so that
	// the same states are found at any number of workers. Walks have a number and a Depth in its place.
	States int

	// Folder is where a search keeps what it has on disk. One that is stopped leaves a checkpoint there, from which Resume
	// goes on, to the same numbers as if it had not been stopped. It also leaves one about every Save (0 for ten minutes),
	// at the end of a level. Without a folder a search that is short of memory uses a temporary one.
	Folder string
	Resume bool
	Save   time.Duration

	// NoReduction takes every step, also of a Reducible. Then the numbers are those of the model, and TLC's. A search that is bounded
	// by Depth or States, or that has a Visit, does so in any case, and so do walks.
	NoReduction bool

	// Walks is how many random walks are taken instead of a search, for a world that is too large for one. The same Seed
	// takes the same walks. Their verdict is never Pass.
	Walks int
	Seed  uint64
	// Enumerate says how far the world is enumerated after walks, so that their receipt can say what share of it they saw.
	Enumerate Enumeration

	// Visit is called with the fingerprint of every state that was found, when the search or the walks have ended, from one goroutine
	// and in no particular order: 64 bits by which a state is known, the same in any process. So several searches of one world can
	// tell what they saw together. It is not called when the search fails.
	Visit func(fingerprint uint64)

	// Progress is called about every Every (0 for a second) while the search goes on, from one goroutine.
	Progress func(Progress)
	Every    time.Duration

	create func(path string) (storage, error) // for tests of disks that fail; nil for real files
}

// An OptionError says that options contradict each other, or that one cannot be.
type OptionError struct {
	Option   string
	Found    string
	Expected string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("check: option %s is %s; expected %s", e.Option, e.Found, e.Expected)
}

func (o Options) validate() error {
	for _, n := range []struct {
		name  string
		value int64
	}{{"For", int64(o.For)}, {"Memory", o.Memory}, {"Depth", int64(o.Depth)}, {"States", int64(o.States)}, {"Walks", int64(o.Walks)}, {"Save", int64(o.Save)},
		{"Enumerate.States", int64(o.Enumerate.States)}, {"Enumerate.For", int64(o.Enumerate.For)}} {
		if n.value < 0 {
			return &OptionError{n.name, fmt.Sprint(n.value), "no negative number"}
		}
	}
	switch {
	case o.Resume && o.Folder == "":
		return &OptionError{"Resume", "given without Folder", "the folder of the search that is to go on"}
	case o.Walks > 0 && o.States > 0:
		return &OptionError{"States", fmt.Sprintf("%d with Walks", o.States), "none: walks are bounded by their number and by Depth"}
	case o.Walks > 0 && o.Folder != "":
		return &OptionError{"Folder", fmt.Sprintf("%q with Walks", o.Folder), "none: random walks keep nothing on disk, the same seed takes them again"}
	}
	return nil
}

// Progress is how far a search is.
type Progress struct {
	Distinct  uint64 // states found
	Generated uint64 // steps taken, and one for the initial state
	Depth     int    // the level being found; the initial state is level 1
	Left      uint64 // states found whose steps are still to be taken
	Elapsed   time.Duration
}

// fingerprintOf returns the 64 bits by which the state that the machine is in is known. The code is
// what Encode wrote for it.
func fingerprintOf(machine Machine, code []byte) uint64 {
	if f, ok := machine.(Fingerprinter); ok {
		return f.Fingerprint()
	}
	return hashOf(code)
}

// hashOf returns a hash of an encoding.
func hashOf(code []byte) uint64 { return xxh3.Hash(code) }

// A finding is a state in which an invariant does not hold.
type finding struct {
	code        []byte
	fingerprint uint64
	invariant   int
	level       int64 // in which it is
	outside     bool  // the state constraint, and so not in the set of states
}

// compare orders findings, so that the same one is told however the workers shared the level.
func (f finding) compare(g finding) int {
	return cmp.Or(bytes.Compare(f.code, g.code), cmp.Compare(f.invariant, g.invariant))
}

// A search is one run over a model.
type search struct {
	model   Model
	options Options
	visited *visited
	looked  *visited // states on random walks whose steps were looked at; nil in a search
	folder  *folder
	begun   time.Time
	before  time.Duration // how long it had gone on when it was stopped before
	saved   time.Time
	initial uint64

	slabs    slabs
	level    *frontier // states that are to be expanded
	found    *frontier // the next level
	table    atomic.Int64
	spilling atomic.Bool
	findings []finding
	errs     []error
	mu       sync.Mutex // for findings, errs and fired

	stopped   atomic.Pointer[string] // why, when the search was stopped
	generated atomic.Uint64
	expanded  atomic.Uint64
	narrowed  atomic.Uint64 // of those expanded, by a persistent set alone
	sum       atomic.Uint64
	fired     []uint64
	depth     atomic.Int64 // the level that is being expanded; at the end, the last one
	witnesses []Witness
	seen      Seen           // what the walks came through
	witnessed []atomic.Int64 // the level in which each was met, 0 for none
}

// Run searches the model and returns what it found, with a receipt. The verdict is Incomplete when the context
// or an option ended it first. An error means that the search itself failed; then there is no result.
//
// A violation that was seen counts, even when the search was stopped within its level. Only then can it be another one than
// the whole level would have shown, and there is nothing to resume.
func Run(ctx context.Context, m Model, o Options) (_ *Result, err error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := decidable(m, o.Walks > 0); err != nil {
		return nil, err
	}
	if reduced := o.reduced(m); reduced != nil {
		return runReduced(ctx, m, reduced, o)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Save <= 0 {
		o.Save = 10 * time.Minute
	}
	s := &search{model: m, options: o, visited: newVisited(), begun: time.Now(), fired: make([]uint64, len(m.Actions()))}
	defer s.visited.free()
	s.saved = s.begun
	if s.witnesses, err = witnessesOf(m); err != nil {
		return nil, err
	}
	s.witnessed = make([]atomic.Int64, len(s.witnesses))
	if o.Walks > 0 {
		quit := s.watch(ctx)
		defer quit()
		r, err := s.walks()
		if err == nil {
			r.Thoroughness, err = s.seen.Of(ctx, m, o.Enumerate)
		}
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	if s.folder, err = openFolder(o); err != nil {
		return nil, err
	}
	s.level, s.found = s.newFrontier(), s.newFrontier()
	defer func() {
		err = errors.Join(err, s.level.close(), s.found.close(), s.folder.close())
		s.slabs.close()
	}()
	quit := s.watch(ctx)
	defer quit()
	if err := s.run(); err != nil {
		return nil, err
	}
	r, err := s.result()
	if err != nil {
		return nil, err
	}
	_, reduced := m.NewMachine().(ReducedMachine)
	r.Thoroughness = searched(r, reduced)
	if r.Verdict == Incomplete && o.Folder != "" {
		err = s.save()
	} else {
		err = s.folder.finish()
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s *search) newFrontier() *frontier { return &frontier{slabs: &s.slabs, file: s.folder.spill} }

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
	if s.options.For > 0 && time.Since(s.begun) >= s.options.For {
		s.stop(fmt.Sprintf("the time limit of %s ran out", s.options.For))
	}
	return func() { close(done); ended.Wait() }
}

func (s *search) stop(why string) { s.stopped.CompareAndSwap(nil, &why) }

// fail ends the search with an error.
func (s *search) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
	s.stop("failed: " + err.Error())
}

func (s *search) elapsed() time.Duration { return s.before + time.Since(s.begun) }

func (s *search) progress() Progress {
	distinct := s.visited.count()
	return Progress{distinct, s.generated.Load(), int(s.depth.Load()), distinct - min(distinct, s.expanded.Load()), s.elapsed()}
}

// run finds level after level until there is nothing new, something is broken, or it is stopped.
func (s *search) run() (err error) {
	if broken, err := s.start(); err != nil || broken {
		return err
	}
	workers := make([]*worker, s.options.Workers)
	for i := range workers {
		if workers[i], err = s.newWorker(); err != nil {
			return err
		}
	}
	for {
		if limit := s.options.Depth; limit > 0 && s.depth.Load() >= int64(limit) {
			s.stop(fmt.Sprintf("the depth limit of %d levels ran out", limit))
		}
		if limit := s.options.States; limit > 0 && s.visited.count() >= uint64(limit) {
			s.stop(fmt.Sprintf("the limit of %s states ran out", count(uint64(limit))))
		}
		if s.stopped.Load() == nil {
			parallel(workers, (*worker).expand)
		}
		if err := errors.Join(s.errs...); err != nil {
			return err
		}
		if s.level.left() > 0 || s.found.left() == 0 {
			return nil // stopped before the level was complete, or there is nothing new
		}
		if err := s.level.close(); err != nil {
			return err
		}
		s.level, s.found = s.found, s.newFrontier()
		s.depth.Add(1)
		if len(s.findings) > 0 {
			return nil
		}
		if s.options.Folder != "" && time.Since(s.saved) >= s.options.Save {
			if err := s.save(); err != nil {
				return err
			}
			s.saved = time.Now()
		}
	}
}

// start puts the initial state, or what the checkpoint holds, where the search begins. It says whether the initial state
// breaks an invariant.
func (s *search) start() (broken bool, err error) {
	defer caught(s.model, func() []byte { return nil }, &err)
	machine := s.model.NewMachine()
	machine.Init()
	if !within(machine) {
		return false, &ConstraintError{s.model.Name()}
	}
	code := machine.Encode(nil)
	s.initial = fingerprintOf(machine, code)
	s.table.Store(s.visited.bytes())
	if s.options.Resume {
		return false, s.load()
	}
	s.visited.insert(s.initial)
	s.generated.Store(1)
	s.sum.Store(s.initial)
	s.depth.Store(1)
	s.witness(machine, 1)
	if i := machine.Broken(); i >= 0 {
		s.findings = append(s.findings, finding{code, s.initial, i, 1, false})
		return true, nil
	}
	var first chunkWriter
	first.add(code)
	s.level.push(first.chunk())
	return false, nil
}

func parallel[W any](workers []W, do func(W)) {
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() { do(w) })
	}
	all.Wait()
}

// reached returns how many levels have a state.
func (s *search) reached() int64 {
	if s.found != nil && s.found.left() > 0 { // stopped before the level was complete
		return s.depth.Load() + 1
	}
	return s.depth.Load()
}

// A worker finds a part of the next level.
type worker struct {
	search  *search
	machine Machine
	quick   Fingerprinter      // the machine, when it is one: a state is then encoded only when it is new
	within  ConstrainedMachine // the machine, when it has a state constraint
	reduced ReducedMachine     // the same one, nil when it takes every step
	visit   func(action, times int) bool
	level   int64 // being found
	recent  recent
	code    []byte
	in      chunkReader
	out     chunkWriter
	buffer  []byte // of the chunk being expanded
	asked   uint64 // states whose steps were asked for, for the sample that Next is called twice in

	generated, expanded, narrowed, sum uint64
	fired                              []uint64
}

func (s *search) newWorker() (w *worker, err error) {
	defer caught(s.model, func() []byte { return nil }, &err)
	w = &worker{search: s, machine: s.model.NewMachine(), fired: make([]uint64, len(s.fired))}
	w.quick, _ = w.machine.(Fingerprinter)
	w.within, _ = w.machine.(ConstrainedMachine)
	w.reduced, _ = w.machine.(ReducedMachine)
	w.recent = newRecent()
	w.visit = w.look
	return w, nil
}

// expand takes every step from the states of chunk after chunk.
func (w *worker) expand() {
	s := w.search
	w.level = s.depth.Load() + 1
	for s.stopped.Load() == nil {
		c, err := s.level.take(w.buffer)
		if err == nil {
			if c.states == 0 {
				break
			}
			err = w.expandChunk(c)
		}
		if err != nil {
			s.fail(err)
		}
		w.count()
	}
	if err := w.publish(); err != nil {
		s.fail(err)
	}
	w.total()
}

// total adds to the totals of the search what is asked for only when a level is complete.
func (w *worker) total() {
	s := w.search
	s.sum.Add(w.sum)
	s.narrowed.Add(w.narrowed)
	w.sum, w.narrowed = 0, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, n := range w.fired {
		s.fired[i] += n
	}
	clear(w.fired)
}

// count adds to the totals that are reported while the search goes on.
func (w *worker) count() {
	w.search.generated.Add(w.generated)
	w.search.expanded.Add(w.expanded)
	w.generated, w.expanded = 0, 0
}

// expandChunk takes every step from the states of a chunk. When the search is stopped, it does so between two states, and
// what is left of the chunk stays in the level: then the search can go on from there as if nothing had been.
func (w *worker) expandChunk(c chunk) (err error) {
	s := w.search
	w.buffer = c.data
	w.in.read(c)
	var code []byte
	defer caught(s.model, func() []byte { return code }, &err)
	s.visited.mu.RLock()
	defer s.visited.mu.RUnlock()
	for i := range c.states {
		if s.stopped.Load() != nil {
			s.level.push(w.in.left(c.states - i))
			return nil
		}
		code, _ = w.in.next()
		if err := w.machine.Load(code); err != nil {
			return fmt.Errorf("check: %s: a state does not load again: %w", s.model.Name(), err)
		}
		if err := w.sample(); err != nil {
			return err
		}
		w.machine.Next(w.visit)
		if w.reduced != nil && w.reduced.Narrowed() {
			w.narrowed++
		}
		w.expanded++
	}
	return nil
}

// sample calls Next twice in some of the states that are expanded.
func (w *worker) sample() error {
	w.asked++
	if !sampled(w.asked - 1) {
		return nil
	}
	return repeats(w.search.model, w.machine)
}

// look looks at the state after one step.
func (w *worker) look(action, times int) bool {
	s := w.search
	if w.within != nil && !w.within.Within() {
		w.outside(action, times)
		return true
	}
	var fingerprint uint64
	if w.quick != nil {
		fingerprint = w.quick.Fingerprint()
	} else {
		w.code = w.machine.Encode(w.code[:0])
		fingerprint = hashOf(w.code)
	}
	w.generated += uint64(times)
	w.fired[action] += uint64(times)
	if w.recent.has(fingerprint) || !w.add(s.visited, fingerprint) {
		return true
	}
	if w.quick != nil {
		w.code = w.machine.Encode(w.code[:0])
	}
	w.sum += fingerprint
	s.witness(w.machine, w.level)
	if i := w.machine.Broken(); i >= 0 {
		s.mu.Lock()
		s.findings = append(s.findings, finding{bytes.Clone(w.code), fingerprint, i, w.level, false})
		s.mu.Unlock()
	}
	w.out.add(w.code)
	if w.out.full() {
		if err := w.publish(); err != nil {
			s.fail(err)
		}
	}
	return true
}

// outside looks at the state after one step, when it is outside the state constraint. One that several steps lead to is looked at each
// time; the smallest finding is kept, so that there are never many of them.
func (w *worker) outside(action, times int) {
	s := w.search
	w.generated += uint64(times)
	w.fired[action] += uint64(times)
	i := w.machine.Broken()
	if i < 0 {
		return
	}
	code := w.machine.Encode(nil)
	found := finding{code, fingerprintOf(w.machine, code), i, w.level, true}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.findings, func(f finding) bool { return f.outside })
	switch {
	case at < 0:
		s.findings = append(s.findings, found)
	case found.compare(s.findings[at]) < 0:
		s.findings[at] = found
	}
}

// publish hands what the worker has found over to the next level.
func (w *worker) publish() error {
	if w.out.states == 0 {
		return nil
	}
	w.search.found.push(w.out.chunk())
	return w.search.relieve()
}

// relieve moves what is to be expanded to disk when there is not the memory for it.
func (s *search) relieve() error {
	limit := s.options.Memory
	if limit == 0 {
		return nil
	}
	if !s.spilling.Load() && s.table.Load()+s.level.held()+s.found.held() > limit {
		s.spilling.Store(true) // and it stays so: the states found only become more
	}
	if !s.spilling.Load() {
		return nil
	}
	return errors.Join(s.level.evict(), s.found.evict())
}

// add adds a state to a set, and says whether it was not there yet. The caller holds visited.mu for reading.
func (w *worker) add(v *visited, fingerprint uint64) bool {
	result := v.insert(fingerprint)
	for result == full {
		w.grow(v, fingerprint)
		result = v.insert(fingerprint)
	}
	return result == added
}

// grow makes room for a state, unless another worker has done so meanwhile. The state that is being expanded is finished
// even when that exceeds the memory, by a part of one shard. The caller holds visited.mu for reading, before and after.
func (w *worker) grow(v *visited, fingerprint uint64) {
	s := w.search
	shard := v.shard(fingerprint)
	size := len(shard.buckets)
	s.visited.mu.RUnlock()
	defer s.visited.mu.RLock()
	s.visited.mu.Lock()
	defer s.visited.mu.Unlock()
	if len(shard.buckets) != size {
		return
	}
	crowded := v.crowded(shard)
	more := int64(0)
	for _, c := range crowded {
		more += int64(c.grown()) * bucketBytes
	}
	if limit := s.options.Memory; limit > 0 && s.sets()+more+s.level.held()+s.found.held() > limit {
		s.spilling.Store(true)
		if err := s.relieve(); err != nil {
			s.fail(err)
		}
		if s.sets()+more > limit {
			s.stop(fmt.Sprintf("the memory limit of %d MB ran out", limit>>20))
		}
	}
	for _, c := range crowded {
		c.grow()
	}
	s.table.Store(s.sets())
}

// sets returns the memory that the states found take.
func (s *search) sets() int64 {
	if s.looked != nil {
		return s.visited.bytes() + s.looked.bytes()
	}
	return s.visited.bytes()
}
