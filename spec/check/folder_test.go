package check

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireSame says that two results are of the same search, however it was taken.
func requireSame(t *testing.T, want, got *Result) {
	t.Helper()
	require.Equal(t, want.Verdict, got.Verdict, got.Reason)
	require.Equal(t, want.Distinct, got.Distinct)
	require.Equal(t, want.Generated, got.Generated)
	require.Equal(t, want.Depth, got.Depth)
	require.Equal(t, want.Left, got.Left)
	require.Equal(t, want.Actions, got.Actions)
	require.Equal(t, want.Witnesses, got.Witnesses)
	require.Equal(t, want.Trace, got.Trace)
	require.Equal(t, want.Digest, got.Digest)
}

func requireEmpty(t *testing.T, folder string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, files)
}

// stopping runs a search that is interrupted after so many states were expanded.
func stopping(t *testing.T, g grid, after int64, o Options) (*Result, error) {
	ctx, cancel := context.WithCancelCause(t.Context())
	g.taken = new(atomic.Int64)
	g.onNext = func(taken int64) {
		if taken == after {
			cancel(errors.New("enough"))
		}
	}
	return Run(ctx, gridWithWitness{g}, o)
}

// Wherever a search is stopped, and with however many workers it goes on, it comes to the same numbers.
func TestResumeAtAnyPoint(t *testing.T) {
	// No violation is in it: one that is seen ends a search that is stopped within its level with what it has by then.
	for _, g := range []grid{{size: 40, limit: 1000}} {
		want, err := Run(t.Context(), gridWithWitness{g}, Options{})
		require.NoError(t, err)
		folder := filepath.Join(t.TempDir(), "made", "for it")
		o := Options{Folder: folder, Workers: 1}
		stops, within := 0, 0
		for {
			// Some thousand states at a time, so within most levels; none at all now and then.
			after := int64(1 + stops*977%3000)
			r, err := stopping(t, g, after, o)
			require.NoError(t, err)
			if r.Verdict != Incomplete {
				requireSame(t, want, r)
				break
			}
			require.Equal(t, "interrupted: enough", r.Reason)
			require.FileExists(t, filepath.Join(folder, "checkpoint"))
			if stops++; r.Depth > 0 && r.Left != levelSize(g.size, r.Depth-1) {
				within++
			}
			o.Resume, o.Workers = true, 1+stops%3
			o.Memory = []int64{0, 1 << 40}[stops%2]
		}
		require.Greater(t, stops, 3)
		require.NotZero(t, within, "stopped within a level")
		requireEmpty(t, folder)
	}
}

// levelSize is how many points of the cube have coordinates of that sum.
func levelSize(size, sum int) uint64 {
	n := uint64(0)
	for x := range size + 1 {
		for y := range size + 1 {
			if z := sum - x - y; z >= 0 && z <= size {
				n++
			}
		}
	}
	return n
}

// A search to a depth goes on to a larger one.
func TestResumeDeeper(t *testing.T) {
	g := gridWithWitness{grid{size: 12, limit: 33}}
	want, err := Run(t.Context(), g, Options{})
	require.NoError(t, err)
	require.Equal(t, Violation, want.Verdict)
	folder := t.TempDir()
	for depth := 1; depth < want.Depth; depth++ {
		r, err := Run(t.Context(), g, Options{Folder: folder, Depth: depth, Resume: depth > 1})
		require.NoError(t, err)
		require.Equal(t, Incomplete, r.Verdict)
		require.Equal(t, depth, r.Depth)
		whole, err := Run(t.Context(), g, Options{Depth: depth})
		require.NoError(t, err)
		requireSame(t, whole, r)
	}
	r, err := Run(t.Context(), g, Options{Folder: folder, Resume: true})
	require.NoError(t, err)
	requireSame(t, want, r)
	requireEmpty(t, folder)
}

// A tree whose states are long, and such that they do not compress, so that most of what a search holds is still to be expanded.
type tree struct{ size int }

const leafBytes = 400

func (m tree) Name() string            { return "tree" }
func (m tree) World() any              { return m.size }
func (m tree) Actions() []string       { return []string{"Left", "Right"} }
func (m tree) Reductions() []string    { return nil }
func (m tree) Invariants() []Invariant { return []Invariant{{"Tree", "It never breaks."}} }
func (m tree) NewMachine() Machine     { return &treeMachine{size: m.size} }

type treeMachine struct{ size, at int }

func (m *treeMachine) Init() { m.at = 1 }
func (m *treeMachine) Load(code []byte) error {
	if len(code) != leafBytes {
		return fmt.Errorf("expected %d bytes, found %d", leafBytes, len(code))
	}
	m.at = int(binary.LittleEndian.Uint32(code))
	return nil
}
func (m *treeMachine) Encode(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.at))
	noise := uint64(m.at)
	for range (leafBytes - 4) / 8 {
		noise = noise*6364136223846793005 + 1442695040888963407
		dst = binary.LittleEndian.AppendUint64(dst, noise^noise>>29)
	}
	return append(dst, 0, 0, 0, 0)
}
func (m *treeMachine) Next(visit func(action, times int) bool) {
	at := m.at
	for side := range 2 {
		if m.at = 2*at + side; m.at <= m.size && !visit(side, 1) {
			return
		}
	}
	m.at = at
}
func (m *treeMachine) Broken() int  { return -1 }
func (m *treeMachine) Step() string { return "" }
func (m *treeMachine) Vars() []Var  { return nil }

// files counts the files that a search makes, and lets them fail.
type files struct {
	mu    sync.Mutex
	made  []string
	wrap  func(storage) storage
	space int64 // bytes that can be written, when wrap is full
}

func (f *files) create(path string) (storage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made = append(f.made, path)
	s, err := createFile(path)
	if err == nil && f.wrap != nil {
		s = f.wrap(s)
	}
	return s, err
}

// A search that is short of memory has its frontier on disk, and finds the same.
func TestSpill(t *testing.T) {
	m := tree{size: 1<<16 - 1} // 26 MB of states
	want, err := Run(t.Context(), m, Options{})
	require.NoError(t, err)
	require.Equal(t, Pass, want.Verdict)
	for _, folder := range []string{"", t.TempDir()} {
		for _, workers := range []int{1, 3} {
			var f files
			r, err := Run(t.Context(), m, Options{Workers: workers, Memory: 4 << 20, Folder: folder, create: f.create})
			require.NoError(t, err)
			requireSame(t, want, r)
			require.NotEmpty(t, f.made, "nothing was spilled")
			for _, path := range f.made {
				require.NoFileExists(t, path)
				if folder == "" {
					require.NoDirExists(t, filepath.Dir(path))
				}
			}
			if folder != "" {
				requireEmpty(t, folder)
			}
		}
	}
	t.Run("stopped while there is something on disk", func(t *testing.T) {
		folder := t.TempDir()
		var f files
		o := Options{Memory: 4 << 20, Folder: folder, Depth: 15, create: f.create}
		r, err := Run(t.Context(), m, o)
		require.NoError(t, err)
		require.Equal(t, Incomplete, r.Verdict)
		require.Greater(t, len(f.made), 1, "the checkpoint alone")
		o.Depth, o.Resume = 0, true
		r, err = Run(t.Context(), m, o)
		require.NoError(t, err)
		requireSame(t, want, r)
		requireEmpty(t, folder)
	})
}

// When the states found do not fit, the search ends, names the limit, and goes on where there is more memory.
func TestStatesThatDoNotFit(t *testing.T) {
	g := gridWithWitness{grid{size: 70, limit: 1000}}
	want, err := Run(t.Context(), g, Options{})
	require.NoError(t, err)
	folder := t.TempDir()
	o := Options{Folder: folder, Memory: 2 << 20}
	r, err := Run(t.Context(), g, o)
	require.NoError(t, err)
	requireIncomplete(t, r, "the memory limit of 2 MB ran out")
	o.Resume = true
	again, err := Run(t.Context(), g, o)
	require.NoError(t, err)
	requireIncomplete(t, again, "the memory limit of 2 MB ran out")
	o.Memory = 1 << 30
	r, err = Run(t.Context(), g, o)
	require.NoError(t, err)
	requireSame(t, want, r)
}

// fullDisk takes no more than the space there is.
type fullDisk struct {
	storage
	files *files
}

func (d fullDisk) Write(b []byte) (int, error) {
	d.files.mu.Lock()
	defer d.files.mu.Unlock()
	n := int(min(int64(len(b)), d.files.space))
	d.files.space -= int64(n)
	if n < len(b) {
		return n, &fs.PathError{Op: "write", Path: "disk", Err: syscall.ENOSPC}
	}
	return d.storage.Write(b)
}

func TestFullDisk(t *testing.T) {
	t.Run("for the frontier", func(t *testing.T) {
		folder := t.TempDir()
		f := &files{space: 1 << 20}
		f.wrap = func(s storage) storage { return fullDisk{s, f} }
		r, err := Run(t.Context(), tree{1<<16 - 1}, Options{Memory: 4 << 20, Folder: folder, create: f.create})
		require.Nil(t, r)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "bytes of the frontier are not written")
		require.ErrorContains(t, err, filepath.Join(folder, "frontier-"))
		requireEmpty(t, folder)
	})
	t.Run("for the checkpoint", func(t *testing.T) {
		g := grid{size: 30, limit: 100}
		folder := t.TempDir()
		_, err := Run(t.Context(), g, Options{Depth: 20, Folder: folder})
		require.NoError(t, err)
		before, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
		require.NoError(t, err)

		f := &files{space: int64(len(before)) / 2}
		f.wrap = func(s storage) storage { return fullDisk{s, f} }
		r, err := Run(t.Context(), g, Options{Depth: 30, Folder: folder, Resume: true, create: f.create})
		require.Nil(t, r)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "the checkpoint is not written")
		after, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
		require.NoError(t, err)
		require.Equal(t, before, after, "the one before is still there")
		require.NoFileExists(t, filepath.Join(folder, "checkpoint.new"))
	})
	t.Run("no file can be made", func(t *testing.T) {
		_, err := Run(t.Context(), tree{1<<16 - 1}, Options{Memory: 4 << 20, create: func(string) (storage, error) { return nil, syscall.EMFILE }})
		require.ErrorIs(t, err, syscall.EMFILE)
	})
}

// forgetful reads something else than was written.
type forgetful struct {
	storage
	at int64
}

func (f forgetful) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.storage.ReadAt(b, off)
	if off <= f.at && f.at < off+int64(n) {
		b[f.at-off]++
	}
	return n, err
}

func TestDamagedFrontier(t *testing.T) {
	for _, at := range []int64{0, 5, 8, 100, 60_000} {
		f := &files{wrap: func(s storage) storage { return forgetful{s, at} }}
		_, err := Run(t.Context(), tree{1<<16 - 1}, Options{Memory: 4 << 20, create: f.create})
		var damaged *FolderError
		require.ErrorAs(t, err, &damaged, "at byte %d", at)
		require.ErrorContains(t, err, "does not read as it was written")
	}
}

// checkpointOf makes a folder with the checkpoint of a search that was stopped.
func checkpointOf(t *testing.T, m Model) (folder string, file []byte) {
	folder = t.TempDir()
	r, err := Run(t.Context(), m, Options{Folder: folder, Depth: 4})
	require.NoError(t, err)
	require.Equal(t, Incomplete, r.Verdict)
	file, err = os.ReadFile(filepath.Join(folder, "checkpoint"))
	require.NoError(t, err)
	return folder, file
}

// No byte of a checkpoint can change, and none can be missing, without its being refused.
func TestDamagedCheckpoint(t *testing.T) {
	m := gridWithWitness{grid{size: 5, limit: 100}}
	folder, file := checkpointOf(t, m)
	refused := func(content []byte, why string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), content, 0o666))
		r, err := Run(t.Context(), m, Options{Folder: folder, Resume: true})
		var damaged *FolderError
		require.ErrorAs(t, err, &damaged, why)
		require.Nil(t, r)
		require.Contains(t, damaged.Path, "checkpoint")
	}
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1 << (i % 8)
		refused(changed, fmt.Sprintf("byte %d of %d changed", i, len(file)))
		refused(file[:i], fmt.Sprintf("only %d bytes of %d", i, len(file)))
	}
	refused(append(bytes.Clone(file), 0), "a byte more")
	refused(append(bytes.Clone(file), file...), "twice")

	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), file, 0o666))
	r, err := Run(t.Context(), m, Options{Folder: folder, Resume: true})
	require.NoError(t, err, "as it was")
	require.EqualValues(t, 6*6*6, r.Distinct)
}

// rewritten returns the checkpoint with another header, correctly signed.
func rewritten(t *testing.T, file []byte, from, to string) []byte {
	r := bytes.NewReader(file[len(checkpointMagic):])
	c, sum, err := readFrame(r, nil, 0)
	require.NoError(t, err)
	text := bytes.Replace(c.data, []byte(from), []byte(to), 1)
	require.NotEqual(t, string(c.data), string(text))
	out, seed := appendFrame([]byte(checkpointMagic), chunk{data: text}, 0)
	for r.Len() > 0 {
		c, sum, err = readFrame(r, nil, sum)
		require.NoError(t, err)
		out, seed = appendFrame(out, c, seed)
	}
	return out
}

func TestCheckpointOfSomethingElse(t *testing.T) {
	m := gridWithWitness{grid{size: 5, limit: 100}}
	folder, file := checkpointOf(t, m)
	for _, c := range []struct {
		name  string
		model Model
		file  []byte
		want  string
	}{
		{"model", jugs{}, file, "of another model: expected jugs, found grid"},
		{"world", gridWithWitness{grid{size: 6, limit: 100}}, file, "of another world: expected 6, found 5"},
		{"witnesses", grid{size: 5, limit: 100}, file, "of another witnesses: expected [], found [Thirty]"},
		{"version", m, rewritten(t, file, `"version":2`, `"version":1`), "of another version: expected 2, found 1"},
		{"build", m, rewritten(t, file, `"build":"`, `"build":"1234`), "of another build: expected"},
		{"actions", m, rewritten(t, file, `"X"`, `"W"`), "of another actions: expected [X Y Z], found [W Y Z]"},
		{"numbers", m, rewritten(t, file, `"expanded":`, `"expanded":1`), "expected numbers that agree"},
		{"more states than there are", m, rewritten(t, file, `"distinct":`, `"distinct":1`), "expected numbers that agree"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), c.file, 0o666))
			r, err := Run(t.Context(), c.model, Options{Folder: folder, Resume: true})
			var other *FolderError
			require.ErrorAs(t, err, &other)
			require.ErrorContains(t, err, folder)
			require.ErrorContains(t, err, c.want)
			require.Nil(t, r)
		})
	}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	m := grid{size: 5, limit: 100}
	folder, file := checkpointOf(t, m)
	_, err := Run(t.Context(), m, Options{Folder: folder})
	require.ErrorContains(t, err, "it holds a search that was stopped")
	now, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	require.NoError(t, err)
	require.Equal(t, file, now)

	_, err = Run(t.Context(), m, Options{Folder: t.TempDir(), Resume: true})
	require.ErrorContains(t, err, "there is nothing to resume")

	plain := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(plain, nil, 0o666))
	_, err = Run(t.Context(), m, Options{Folder: plain})
	require.ErrorContains(t, err, "expected a folder")

	held, err := openFolder(Options{Folder: folder, Resume: true})
	require.NoError(t, err)
	_, err = Run(t.Context(), m, Options{Folder: folder, Resume: true})
	require.ErrorContains(t, err, "another search is using it")
	require.NoError(t, held.close())

	stale := filepath.Join(folder, "frontier-7")
	require.NoError(t, os.WriteFile(stale, []byte("of a process that was killed"), 0o666))
	r, err := Run(t.Context(), m, Options{Folder: folder, Resume: true})
	require.NoError(t, err)
	require.Equal(t, Pass, r.Verdict)
	require.NoFileExists(t, stale)
}

// What ends without notice goes on from the last level at whose end it was saved.
func TestSavedAtTheEndOfALevel(t *testing.T) {
	g := grid{size: 20, limit: 1000}
	want, err := Run(t.Context(), g, Options{})
	require.NoError(t, err)
	failing := g
	failing.taken = new(atomic.Int64)
	failing.onNext = func(taken int64) {
		if taken > 3000 {
			panic("pulled the plug")
		}
	}
	folder := t.TempDir()
	_, err = Run(t.Context(), failing, Options{Folder: folder, Save: 1})
	require.ErrorContains(t, err, "pulled the plug")
	left := g
	left.taken = new(atomic.Int64)
	left.onNext = func(int64) {}
	r, err := Run(t.Context(), left, Options{Folder: folder, Resume: true})
	require.NoError(t, err)
	requireSame(t, want, r)
	require.Less(t, left.taken.Load(), int64(21*21*21), "it did not begin anew")
}
