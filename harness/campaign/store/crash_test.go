package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
)

// A step is one change of a disk.
type step struct {
	kind string
	file int // which the step is about, by the order of their making
	name string
	to   string
	text []byte
	size int64
}

// A recorder is a disk that writes down its steps. It syncs nothing: that takes time, and only a power cut would tell the difference.
type recorder struct {
	real
	steps []step
	files int
	named map[string]int
	fail  func(step) error // what the step after this one comes to; nil is well
}

func record(folder string) *recorder { return &recorder{real: real{folder}, named: map[string]int{}} }

func (r *recorder) step(s step) error {
	if r.fail != nil {
		if err := r.fail(s); err != nil {
			return err
		}
	}
	r.steps = append(r.steps, s)
	return nil
}

func (r *recorder) create(name string) (file, error) {
	if err := r.step(step{kind: "create", file: r.files, name: name}); err != nil {
		return nil, err
	}
	r.named[name] = r.files
	r.files++
	f, err := r.real.create(name)
	return recorded{f, r, r.files - 1, name}, err
}

func (r *recorder) extend(name string) (file, error) {
	f, err := r.real.extend(name)
	return recorded{f, r, r.named[name], name}, err
}

func (r *recorder) rename(from, to string) error {
	if err := r.step(step{kind: "rename", name: from, to: to}); err != nil {
		return err
	}
	r.named[to] = r.named[from]
	delete(r.named, from)
	return r.real.rename(from, to)
}

func (r *recorder) remove(name string) error {
	if _, err := os.Stat(r.at(name)); err != nil {
		return err
	}
	if err := r.step(step{kind: "remove", name: name}); err != nil {
		return err
	}
	return r.real.remove(name)
}

func (r *recorder) folder(name string) (bool, error) {
	if _, err := os.Stat(r.at(name)); err == nil {
		return false, nil
	}
	if err := r.step(step{kind: "folder", name: name}); err != nil {
		return false, err
	}
	return r.real.folder(name)
}

func (r *recorder) sync(folder string) error { return r.step(step{kind: "sync names", name: folder}) }

type recorded struct {
	file
	r    *recorder
	id   int
	name string
}

func (f recorded) Write(text []byte) (int, error) {
	if err := f.r.step(step{kind: "write", file: f.id, name: f.name, text: slices.Clone(text)}); err != nil {
		n, wrote := f.file.Write(text[:len(text)/2]) // as a disk does that becomes full
		return n, errors.Join(err, wrote)
	}
	return f.file.Write(text)
}

func (f recorded) Truncate(size int64) error {
	if err := f.r.step(step{kind: "truncate", file: f.id, size: size}); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

func (f recorded) Sync() error { return f.r.step(step{kind: "sync", file: f.id, name: f.name}) }

// A world is what a disk holds, and what of it would survive a power cut.
type world struct {
	live, durable map[int][]byte // by file
	names         map[string]int // by name
	journal       []step         // of names, since the beginning
	synced        map[string]int // by folder: how many steps of the journal are durable
}

func happened(steps []step) *world {
	w := &world{live: map[int][]byte{}, durable: map[int][]byte{}, names: map[string]int{}, synced: map[string]int{}}
	for _, s := range steps {
		switch s.kind {
		case "create", "rename", "remove", "folder":
			w.journal = append(w.journal, s)
			apply(w.names, s)
			if s.kind == "create" {
				w.live[s.file] = nil
			}
		case "write":
			w.live[s.file] = append(w.live[s.file][:len(w.live[s.file]):len(w.live[s.file])], s.text...)
		case "truncate":
			w.live[s.file] = w.live[s.file][:s.size]
		case "sync":
			w.durable[s.file] = w.live[s.file]
		case "sync names":
			w.synced[path.Clean(s.name)] = len(w.journal)
		}
	}
	return w
}

// apply changes names; those of folders have the file -1.
func apply(names map[string]int, s step) {
	switch s.kind {
	case "create":
		names[s.name] = s.file
	case "rename":
		names[s.to] = names[s.name]
		delete(names, s.name)
	case "remove":
		delete(names, s.name)
	case "folder":
		names[s.name] = -1
	}
}

// survivors are the names that survive a power cut when the system has written so many steps of a folder's that were not synced.
func (w *world) survivors(more func(folder string, steps int) int) map[string]int {
	pending := map[string]int{} // by folder
	for i, s := range w.journal {
		if folder := path.Dir(s.name); i >= w.synced[folder] {
			pending[folder]++
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(pending)) {
		pending[folder] = more(folder, pending[folder])
	}
	names := map[string]int{}
	for i, s := range w.journal {
		folder := path.Dir(s.name)
		if i >= w.synced[folder] {
			if pending[folder] == 0 {
				continue
			}
			pending[folder]--
		}
		apply(names, s)
	}
	return names
}

// same describes what a crash leaves.
func same(names map[string]int, contents map[int][]byte) string {
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&b, "%s %q\n", n, contents[names[n]])
	}
	return b.String()
}

// lay lays out what a crash leaves.
func lay(t *testing.T, names map[string]int, contents map[int][]byte) string {
	t.Helper()
	folder := t.TempDir()
	for _, n := range slices.Sorted(maps.Keys(names)) { // folders before what is in them
		at := filepath.Join(folder, n)
		if names[n] < 0 {
			require.NoError(t, os.Mkdir(at, 0o755))
		} else if _, err := os.Stat(filepath.Dir(at)); err == nil { // else its folder is lost
			require.NoError(t, os.WriteFile(at, contents[names[n]], 0o644))
		}
	}
	return folder
}

// A promise is what a campaign was told is kept.
type promise struct {
	after    int // steps
	lines    int // that survive the process
	durable  int // that survive the machine
	entries  []uint64
	failures map[string]Failure
	trends   int
}

func (p promise) clone() promise {
	p.entries, p.failures = slices.Clone(p.entries), maps.Clone(p.failures)
	return p
}

func aConfiguration(number uint64) *configuration.Configuration {
	return &configuration.Configuration{Version: configuration.Version, System: "aurora", Seed: number}
}

func anEntry(number uint64, l *job.Line) Entry {
	return Entry{Number: number, Arm: l.Arm, Seed: l.Seed, Hash: l.Hash, Work: l.Work, New: l.New, Seen: l.New, Configuration: aConfiguration(number)}
}

func aFailure(signature string, number uint64, faults int) (Failure, Content) {
	return Failure{Signature: signature, Target: failure.Target{Check: "durability", Verdict: "violation"}, Sentence: fmt.Sprint("lost at ", number), Number: number, Faults: faults, Events: 10},
		Content{Role: "file", End: ".fgt", Text: fmt.Appendf(nil, "failure %d of %s with %d faults", number, signature, faults)}
}

// crashing is a header with files of lines so short that a few lines fill several.
func crashing() Header {
	h := toy()
	h.Segment = 4
	h.Counters, h.Most = []string{"runs", "world.mostBytes"}, []string{"world.mostBytes"}
	return h
}

// live makes a campaign in which everything happens once, and returns what was promised after which step. It ends at the first error.
func live(folder string, d *recorder, lines []job.Line) (promises []promise, err error) {
	now := promise{failures: map[string]Failure{}}
	mark := func() {
		now.after = len(d.steps)
		promises = append(promises, now.clone())
	}
	var s *Store
	defer func() {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s, err = create(folder, crashing(), d); err != nil {
		return nil, err
	}
	mark()
	do := func(act func() error, then func()) {
		if err == nil {
			if err = act(); err == nil {
				then()
				mark()
			}
		}
	}
	put := func(n int) {
		do(func() error { return s.PutEntry(anEntry(uint64(n), &lines[n])) }, func() {}) // no promise without its line
	}
	appended := func(n int, put ...uint64) {
		do(func() error { return s.Append(lines[now.lines : now.lines+n]...) }, func() {
			now.lines += n
			now.durable = max(now.durable, now.lines/4*4) // a full file is synced
			now.entries = append(now.entries, put...)
		})
	}
	sync := func() { do(func() error { return s.Sync() }, func() { now.durable = now.lines }) }
	fail := func(signature string, number uint64, faults int) {
		f, c := aFailure(signature, number, faults)
		do(func() error {
			known, err := s.PutFailure(f, c)
			now.failures[signature] = known // not promised before mark
			return err
		}, func() {})
	}
	put(1)
	appended(3, 1)
	sync()
	appended(4)
	fail("durability: a cut", 6, 5)
	put(9)
	put(10)
	appended(6, 9, 10) // fills two files
	fail("durability: a cut", 11, 2)
	fail("durability: a cut", 12, 7)
	fail("durability: an epoch", 8, 1)
	do(func() error { return s.Tried("durability: a cut", Try{Build: "b", Commit: "c", At: 5}, true) }, func() {
		f := now.failures["durability: a cut"]
		f.LastTried = &Try{Build: "b", Commit: "c", At: 5}
		f.LastReproduced = f.LastTried
		now.failures["durability: a cut"] = f
	})
	for i := range 2 {
		do(func() error { return s.AppendTrend(Trend{Commit: fmt.Sprint(i), At: 1}) }, func() { now.trends++ })
	}
	appended(2)
	do(func() error {
		err := s.Close()
		s = nil
		return err
	}, func() { now.durable = now.lines })
	do(func() error { s, err = reopen(folder, d); return err }, func() {})
	appended(2)
	sync()
	appended(1)
	return promises, err
}

// heldTo opens what a crash left, sees that what was promised is there, and goes on to the end.
func heldTo(t *testing.T, folder string, lines []job.Line, p *promise, atLeast int, clean bool) {
	t.Helper()
	s, err := reopen(folder, record(folder))
	if p == nil { // nothing was promised
		var missing *MissingError
		if errors.As(err, &missing) {
			s, err = create(folder, crashing(), record(folder))
		}
		p = &promise{}
	}
	require.NoError(t, err)
	defer s.Close()
	if clean {
		require.Empty(t, s.Opened().Aside)
	}
	require.GreaterOrEqual(t, int(s.Next()), atLeast)
	require.Equal(t, lines[:s.Next()], append([]job.Line{}, kept(t, s.Reader)...))
	entries, err := s.Entries()
	require.NoError(t, err)
	var numbers []uint64
	for _, e := range entries {
		numbers = append(numbers, e.Number)
		require.Less(t, e.Number, s.Next())
	}
	for _, n := range p.entries {
		if n < uint64(atLeast) {
			require.Contains(t, numbers, n)
		}
	}
	failures, err := s.Failures()
	require.NoError(t, err)
	for signature, want := range p.failures {
		i := slices.IndexFunc(failures, func(f Failure) bool { return f.Signature == signature })
		require.GreaterOrEqual(t, i, 0, signature)
		require.GreaterOrEqual(t, failures[i].Times, want.Times)
		require.LessOrEqual(t, failures[i].Faults, want.Faults)
		require.False(t, want.LastTried != nil && failures[i].LastTried == nil)
	}
	for _, f := range failures {
		require.Len(t, f.Files, 1)
		text, err := s.FailureFile(f.Files[0])
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("failure %d of %s with %d faults", f.Number, f.Signature, f.Faults), string(text))
	}
	trends, err := s.Trends()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(trends), p.trends)

	require.NoError(t, s.Append(lines[s.Next():]...))
	require.NoError(t, s.Sync())
	want := folded(t, s.Header(), lines)
	require.Equal(t, want, s.Fold())
	r, err := Read(folder)
	require.NoError(t, err)
	found, err := r.Fold()
	require.NoError(t, err)
	require.Equal(t, want, found)
	require.NoError(t, filepath.WalkDir(folder, func(name string, _ os.DirEntry, err error) error {
		require.False(t, strings.HasPrefix(filepath.Base(name), newPrefix), name)
		return err
	}))
}

// A process that is killed, or a machine whose power is cut, after any step, or in the middle of a write, leaves all that was promised.
func TestEveryCrashLeavesWhatWasPromised(t *testing.T) {
	lines := made(crashing(), 25, 11)
	folder := t.TempDir()
	d := record(folder)
	promises, err := live(folder, d, lines)
	require.NoError(t, err)
	require.Greater(t, len(d.steps), 100)
	crashes, torn := 0, 0
	looked := map[string]bool{} // two steps may leave the same
	for k := range len(d.steps) + 1 {
		var p *promise
		for i := range promises {
			if promises[i].after <= k {
				p = &promises[i]
			}
		}
		told, durable := 0, 0
		if p != nil {
			told, durable = p.lines, p.durable
		}
		crash := func(how string, names map[string]int, contents map[int][]byte, atLeast int, clean bool) {
			key := fmt.Sprintln(p != nil && p.after > 0, p, atLeast, clean, same(names, contents))
			if looked[key] {
				return
			}
			looked[key] = true
			crashes++
			t.Run(fmt.Sprintf("%s after %d steps", how, k), func(t *testing.T) { heldTo(t, lay(t, names, contents), lines, p, atLeast, clean) })
		}
		w := happened(d.steps[:k])
		crash("killed", w.names, w.live, told, true)
		if k < len(d.steps) && d.steps[k].kind == "write" {
			half := d.steps[k]
			half.text = half.text[:len(half.text)*2/3]
			torn++
			w := happened(append(slices.Clone(d.steps[:k]), half))
			crash("killed in a write", w.names, w.live, told, true)
		}
		none := w.survivors(func(string, int) int { return 0 })
		crash("all that was not synced lost", none, w.durable, durable, false)
		crash("names lost, texts not", none, w.live, durable, false)
		crash("texts lost, names not", w.names, w.durable, durable, false)
		r := rand.New(rand.NewPCG(uint64(k), 0))
		crash("some lost", w.survivors(func(_ string, n int) int { return r.IntN(n + 1) }), mixed(r, w), durable, false)
	}
	require.Greater(t, torn, 20)
	require.Greater(t, crashes, 200)
}

// mixed are texts after a power cut of which some of what was not synced was written, all of it, a part, or zeros in its place.
func mixed(r *rand.Rand, w *world) map[int][]byte {
	contents := map[int][]byte{}
	for _, id := range slices.Sorted(maps.Keys(w.live)) {
		live, durable := w.live[id], w.durable[id]
		switch tail := len(live) - len(durable); r.IntN(4) {
		case 0:
			contents[id] = live
		case 1:
			contents[id] = durable
		case 2:
			contents[id] = live[:len(durable)+r.IntN(max(tail, 0)+1)]
		case 3:
			contents[id] = append(slices.Clone(live[:len(durable)]), make([]byte, max(tail, 0))...)
		}
	}
	return contents
}

// A disk on which a step fails, once or from then on, makes the call fail by name, and what was promised before is there. Where the disk
// has room again, the campaign goes on without being opened anew, unless syncing failed.
func TestEveryStepMayFail(t *testing.T) {
	lines := made(crashing(), 25, 11)
	folder := t.TempDir()
	d := record(folder)
	_, err := live(folder, d, lines)
	require.NoError(t, err)
	steps := len(d.steps)
	for k := range steps {
		for _, once := range []bool{true, false} {
			t.Run(fmt.Sprintf("step %d, once %v", k, once), func(t *testing.T) {
				folder := t.TempDir()
				d := record(folder)
				n := 0
				d.fail = func(step) error {
					n++
					if n == k+1 || n > k && !once {
						return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
					}
					return nil
				}
				promises, err := live(folder, d, lines)
				require.ErrorIs(t, err, syscall.ENOSPC)
				var failed *WriteError
				require.ErrorAs(t, err, &failed)
				var p *promise
				told := 0
				if len(promises) > 0 {
					p = &promises[len(promises)-1]
					told = p.lines
				}
				heldTo(t, folder, lines, p, told, true)
			})
		}
	}
}

// A write that failed is tried again on the same store.
func TestAppendIsTriedAgain(t *testing.T) {
	lines := made(crashing(), 25, 11)
	folder := t.TempDir()
	d := record(folder)
	s, err := create(folder, crashing(), d)
	require.NoError(t, err)
	defer s.Close()
	failures := 0
	d.fail = func(s step) error {
		if failures++; failures%3 == 0 && s.kind != "sync" {
			return syscall.ENOSPC
		}
		return nil
	}
	errs := 0
	for s.Next() < uint64(len(lines)) {
		before := s.Next()
		if err := s.Append(lines[before:min(before+5, uint64(len(lines)))]...); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			errs++
			require.Less(t, errs, 100)
		}
		require.GreaterOrEqual(t, s.Next(), before)
	}
	require.Greater(t, errs, 3)
	require.Equal(t, lines, kept(t, s.Reader))
	require.NoError(t, s.Sync())
}

// What could not be synced may be gone, and to sync again would not bring it back: nothing is kept behind it.
func TestASyncThatFailsEndsTheCampaign(t *testing.T) {
	lines := made(crashing(), 25, 11)
	folder := t.TempDir()
	d := record(folder)
	s, err := create(folder, crashing(), d)
	require.NoError(t, err)
	require.NoError(t, s.Append(lines[:2]...))
	d.fail = func(s step) error {
		if s.kind == "sync" {
			return syscall.EIO
		}
		return nil
	}
	require.ErrorIs(t, s.Sync(), syscall.EIO)
	d.fail = nil
	require.ErrorIs(t, s.Append(lines[2]), syscall.EIO)
	require.ErrorIs(t, s.Sync(), syscall.EIO)
	require.ErrorIs(t, s.PutEntry(anEntry(2, &lines[2])), syscall.EIO)
	require.ErrorIs(t, s.Close(), syscall.EIO)
}

// A killed process leaves lines that were not synced. They are synced when the next one opens the campaign, which knows of none that are
// not its own.
func TestWhatAKilledProcessLeftIsSynced(t *testing.T) {
	lines := made(crashing(), 25, 11)
	folder := t.TempDir()
	d := record(folder)
	s, err := create(folder, crashing(), d)
	require.NoError(t, err)
	require.NoError(t, s.Append(lines[:2]...))
	require.NoError(t, s.lock.Close()) // as its end does
	next, err := reopen(folder, d)
	require.NoError(t, err)
	require.NoError(t, next.Sync())
	w := happened(d.steps)
	heldTo(t, lay(t, w.survivors(func(string, int) int { return 0 }), w.durable), lines, &promise{lines: 2, durable: 2}, 2, true)
	require.NoError(t, next.Close())
	require.ErrorIs(t, s.Close(), os.ErrClosed)
}
