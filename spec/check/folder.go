package check

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"
)

// A FolderError says that the files of a search cannot be used, and why.
type FolderError struct {
	Path    string
	Problem string
	Err     error // nil when it is not the system that refuses
}

func (e *FolderError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("check: %s: %s", e.Path, e.Problem)
	}
	return fmt.Sprintf("check: %s: %s: %v", e.Path, e.Problem, e.Err)
}

func (e *FolderError) Unwrap() error { return e.Err }

const (
	checkpointName    = "checkpoint"
	checkpointMagic   = "firstgap search\n"
	checkpointVersion = 2
	lockName          = "lock"
	frontierPattern   = "frontier-*"

	entryBytes   = 8       // a state
	entriesFrame = 1 << 14 // states to a frame of the set
)

// An identity is what must be the same for a search to go on: its numbers are about nothing else.
type identity struct {
	Version    int             `json:"version"` // of the file
	Build      string          `json:"build"`   // of the program, "" where that is not known
	Model      string          `json:"model"`
	World      json.RawMessage `json:"world"`
	Actions    []string        `json:"actions"`
	Invariants []string        `json:"invariants"`
	Witnesses  []string        `json:"witnesses"`
	Reductions []string        `json:"reductions"`
	Initial    uint64          `json:"initial"` // fingerprint of the initial state
}

func (s *search) identity() (identity, error) {
	world, err := json.Marshal(s.model.World())
	if err != nil {
		return identity{}, fmt.Errorf("check: the world does not marshal: %w", err)
	}
	id := identity{
		Version: checkpointVersion, Build: build(), Model: s.model.Name(), World: world,
		Actions: s.model.Actions(), Reductions: s.model.Reductions(), Initial: s.initial,
	}
	for _, i := range s.model.Invariants() {
		id.Invariants = append(id.Invariants, i.Name)
	}
	for _, w := range s.witnesses {
		id.Witnesses = append(id.Witnesses, w.Name)
	}
	return id, nil
}

// build returns the commit that the program was built from, "" when it does not say.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, modified := "", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			modified = " with changes"
		}
	}
	return revision + modified
}

// differs says what is different about the search that has is of, "" when nothing is.
func (id identity) differs(has identity) string {
	for _, part := range []struct {
		name            string
		found, expected any
	}{
		{"version", has.Version, id.Version},
		{"model", has.Model, id.Model},
		{"world", string(has.World), string(id.World)},
		{"reductions", fmt.Sprint(has.Reductions), fmt.Sprint(id.Reductions)},
		{"actions", fmt.Sprint(has.Actions), fmt.Sprint(id.Actions)},
		{"invariants", fmt.Sprint(has.Invariants), fmt.Sprint(id.Invariants)},
		{"witnesses", fmt.Sprint(has.Witnesses), fmt.Sprint(id.Witnesses)},
		{"initial state", has.Initial, id.Initial},
		{"build", has.Build, id.Build},
	} {
		if part.found != part.expected {
			return fmt.Sprintf("the search in it is of another %s: expected %v, found %v", part.name, part.expected, part.found)
		}
	}
	return ""
}

// A header is what a checkpoint says before the states.
type header struct {
	identity
	Depth     int64         `json:"depth"`
	Generated uint64        `json:"generated"`
	Expanded  uint64        `json:"expanded"`
	Narrowed  uint64        `json:"narrowed"`
	Sum       uint64        `json:"sum"`
	Fired     []uint64      `json:"fired"`
	Witnessed []int64       `json:"witnessed"`
	Elapsed   time.Duration `json:"elapsed"`

	Distinct uint64 `json:"distinct"` // states of the set, which come first
	Level    uint64 `json:"level"`    // states of the level that are not expanded, which come next
	Found    uint64 `json:"found"`    // states of the next level, which come last
}

// A folder is where a search keeps its files: its own, or one that is removed with them.
type folder struct {
	path      string
	temporary bool
	lock      *os.File
	files     int // made so far
	create    func(path string) (storage, error)
}

func createFile(path string) (storage, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o666)
}

// openFolder makes the folder that the options name fit for a search, or for one to go on.
func openFolder(o Options) (*folder, error) {
	f := &folder{path: o.Folder, create: o.create}
	if f.create == nil {
		f.create = createFile
	}
	if f.path == "" {
		return f, nil // made when it is needed
	}
	if err := os.MkdirAll(f.path, 0o777); err != nil {
		return nil, &FolderError{f.path, "expected a folder that can be made", err}
	}
	lock, err := os.OpenFile(filepath.Join(f.path, lockName), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, &FolderError{f.path, "expected a folder that can be written", err}
	}
	if err := lockFile(lock); err != nil {
		return nil, errors.Join(&FolderError{f.path, "another search is using it", err}, lock.Close())
	}
	f.lock = lock
	if err := f.expect(o.Resume); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// expect looks whether the folder holds a search, and removes what a search that did not end in order has left beside it.
func (f *folder) expect(checkpoint bool) error {
	_, err := os.Stat(f.checkpoint())
	switch found := err == nil; {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return &FolderError{f.path, "expected a folder that can be read", err}
	case checkpoint && !found:
		return &FolderError{f.path, "there is nothing to resume: expected a file named " + checkpointName + ", found none", nil}
	case !checkpoint && found:
		return &FolderError{f.path, "it holds a search that was stopped: resume that, or name another folder", nil}
	}
	stale, err := filepath.Glob(filepath.Join(f.path, frontierPattern))
	if err != nil {
		return &FolderError{f.path, "expected a folder whose files can be listed", err}
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			return &FolderError{path, "a file of a search that did not end in order is not removed", err}
		}
	}
	return nil
}

func (f *folder) checkpoint() string { return filepath.Join(f.path, checkpointName) }

// spill makes a file for a frontier.
func (f *folder) spill() (*spill, error) {
	if f.path == "" {
		path, err := os.MkdirTemp("", "firstgap-search-")
		if err != nil {
			return nil, &FolderError{os.TempDir(), "expected a folder for the frontier to be made in it", err}
		}
		f.path, f.temporary = path, true
	}
	f.files++
	path := filepath.Join(f.path, fmt.Sprintf("frontier-%d", f.files))
	file, err := f.create(path)
	if err != nil {
		return nil, &FolderError{path, "expected to make a file for the frontier", err}
	}
	return &spill{storage: file, path: path}, nil
}

// close lets go of the folder.
func (f *folder) close() error {
	if f.temporary {
		if err := os.RemoveAll(f.path); err != nil {
			return &FolderError{f.path, "the folder is not removed", err}
		}
	}
	if f.lock == nil {
		return nil
	}
	if err := errors.Join(f.lock.Close(), os.Remove(f.lock.Name())); err != nil {
		return &FolderError{f.lock.Name(), "the lock is not removed", err}
	}
	return nil
}

// finish removes the checkpoint of a search that has nothing left to do.
func (f *folder) finish() error {
	if f.path == "" || f.temporary {
		return nil
	}
	if err := os.Remove(f.checkpoint()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &FolderError{f.checkpoint(), "the checkpoint of a search that has ended is not removed", err}
	}
	return nil
}

// save writes a checkpoint: everything that the search needs to go on. It replaces the one before only when it is complete
// and on disk.
func (s *search) save() error {
	id, err := s.identity()
	if err != nil {
		return err
	}
	h := header{
		identity: id, Depth: s.depth.Load(), Generated: s.generated.Load(), Expanded: s.expanded.Load(), Narrowed: s.narrowed.Load(), Sum: s.sum.Load(),
		Fired: s.fired, Elapsed: s.elapsed(),
		Distinct: s.visited.count(), Level: s.level.left(), Found: s.found.left(),
	}
	for i := range s.witnessed {
		h.Witnessed = append(h.Witnessed, s.witnessed[i].Load())
	}
	path := s.folder.checkpoint() + ".new"
	file, err := s.folder.create(path)
	if err != nil {
		return &FolderError{path, "expected to make a file for the checkpoint", err}
	}
	if err := errors.Join(s.write(file, h), file.Sync(), file.Close()); err != nil {
		return errors.Join(&FolderError{path, "the checkpoint is not written, so the search cannot be resumed from here", err}, os.Remove(path))
	}
	if err := os.Rename(path, s.folder.checkpoint()); err != nil {
		return &FolderError{path, "the checkpoint does not get its name", err}
	}
	return syncFolder(s.folder.path)
}

// syncFolder makes names in a folder durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return &FolderError{path, "the name of the checkpoint is perhaps not on disk", err}
	}
	return nil
}

// write writes the checkpoint.
func (s *search) write(w io.Writer, h header) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, writtenBytes)
	if _, err := b.WriteString(checkpointMagic); err != nil {
		return err
	}
	var frame []byte
	sum := uint64(0)
	put := func(c chunk) error {
		frame, sum = appendFrame(frame[:0], c, sum)
		_, err := b.Write(frame)
		return err
	}
	if err := put(chunk{data: text}); err != nil {
		return err
	}
	var entries chunk
	err = s.visited.each(func(fingerprint uint64) error {
		entries.data = binary.LittleEndian.AppendUint64(entries.data, fingerprint)
		if entries.states++; entries.states < entriesFrame {
			return nil
		}
		err := put(entries)
		entries = chunk{data: entries.data[:0]}
		return err
	})
	if err == nil && entries.states > 0 {
		err = put(entries)
	}
	if err != nil {
		return err
	}
	if err := s.level.copyTo(put); err != nil {
		return err
	}
	if err := s.found.copyTo(put); err != nil {
		return err
	}
	return b.Flush()
}

// load makes the search what save wrote. On an error the search is of no use.
func (s *search) load() error {
	path := s.folder.checkpoint()
	file, err := os.Open(path)
	if err != nil {
		return &FolderError{path, "expected a checkpoint that can be read", err}
	}
	defer file.Close()
	r := &checkpointReader{path: path, r: bufio.NewReaderSize(file, writtenBytes)}
	h, err := s.loadHeader(r)
	if err != nil {
		return err
	}
	if err := s.loadStates(r, h.Distinct); err != nil {
		return err
	}
	if err := s.loadFrontier(r, s.level, h.Level); err != nil {
		return err
	}
	if err := s.loadFrontier(r, s.found, h.Found); err != nil {
		return err
	}
	if _, err := r.r.ReadByte(); err != io.EOF {
		return r.damaged("expected the end of the file", err)
	}
	s.depth.Store(h.Depth)
	s.generated.Store(h.Generated)
	s.expanded.Store(h.Expanded)
	s.narrowed.Store(h.Narrowed)
	s.sum.Store(h.Sum)
	copy(s.fired, h.Fired)
	for i, level := range h.Witnessed {
		s.witnessed[i].Store(level)
	}
	s.before = h.Elapsed
	return nil
}

// A checkpointReader reads the frames of a checkpoint.
type checkpointReader struct {
	path   string
	r      *bufio.Reader
	sum    uint64
	buffer []byte
	at     int64
}

func (r *checkpointReader) damaged(problem string, err error) error {
	return &FolderError{r.path, fmt.Sprintf("the checkpoint is damaged at byte %d: %s", r.at, problem), err}
}

// next reads a frame. Its data is valid until the next one is read.
func (r *checkpointReader) next(expected string) (chunk, error) {
	c, sum, err := readFrame(r.r, r.buffer, r.sum)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return c, r.damaged("expected "+expected, err)
	}
	r.sum, r.buffer = sum, c.data
	r.at += frameHeader + int64(len(c.data))
	return c, nil
}

func (s *search) loadHeader(r *checkpointReader) (h header, err error) {
	magic := make([]byte, len(checkpointMagic))
	if _, err := io.ReadFull(r.r, magic); err != nil || !bytes.Equal(magic, []byte(checkpointMagic)) {
		return h, &FolderError{r.path, fmt.Sprintf("expected a file that begins with %q, found %q", checkpointMagic, magic), nil}
	}
	r.at = int64(len(magic))
	c, err := r.next("what the search is of")
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(c.data, &h); err != nil {
		return h, r.damaged("expected what the search is of", err)
	}
	id, err := s.identity()
	if err != nil {
		return h, err
	}
	if difference := id.differs(h.identity); difference != "" {
		return h, &FolderError{s.folder.path, difference, nil}
	}
	if len(h.Fired) != len(s.fired) || len(h.Witnessed) != len(s.witnessed) || slices.Min(append([]int64{h.Depth}, h.Witnessed...)) < 0 ||
		h.Depth == 0 || h.Narrowed > h.Expanded || h.Expanded+h.Level+h.Found != h.Distinct {
		return h, r.damaged(fmt.Sprintf("expected numbers that agree, found %s", c.data), nil)
	}
	return h, nil
}

func (s *search) loadStates(r *checkpointReader, n uint64) error {
	for left := n; left > 0; {
		c, err := r.next(fmt.Sprintf("%d more states", left))
		if err != nil {
			return err
		}
		if c.states == 0 || uint64(c.states) > left || len(c.data) != c.states*entryBytes {
			return r.damaged(fmt.Sprintf("expected up to %d states of %d bytes, found %d in %d bytes", left, entryBytes, c.states, len(c.data)), nil)
		}
		left -= uint64(c.states)
		for e := c.data; len(e) > 0; e = e[entryBytes:] {
			fingerprint := binary.LittleEndian.Uint64(e)
			if !s.visited.restore(fingerprint) {
				return r.damaged(fmt.Sprintf("expected states that are all different, found %x once more", fingerprint), nil)
			}
		}
	}
	s.table.Store(s.visited.bytes())
	if !s.visited.has(s.initial) {
		return r.damaged("expected the initial state among the states", nil)
	}
	return nil
}

// loadFrontier loads a level or what is left of it: states of the set.
func (s *search) loadFrontier(r *checkpointReader, f *frontier, n uint64) error {
	machine := s.model.NewMachine()
	var in chunkReader
	for f.left() < n {
		c, err := r.next(fmt.Sprintf("%d more states to be expanded", n-f.left()))
		if err != nil {
			return err
		}
		if c.states == 0 || uint64(c.states) > n-f.left() || !c.sound() {
			return r.damaged(fmt.Sprintf("expected up to %d states to be expanded", n-f.left()), nil)
		}
		in.read(c)
		for range c.states {
			code, _ := in.next()
			if err := machine.Load(code); err != nil {
				return r.damaged("expected states to be expanded that load again", err)
			}
			if !s.visited.has(fingerprintOf(machine, code)) {
				return r.damaged("expected states to be expanded that were found", nil)
			}
		}
		f.push(c)
		if err := s.relieve(); err != nil {
			return err
		}
	}
	return nil
}
