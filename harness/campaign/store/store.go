// Package store keeps a campaign in a folder: a line for every job, in the order of their numbers, the configurations that reached
// something new, and the failures that were found. What Append has returned for is there after a kill -9 at any moment, and a second
// later after a power cut; what is not as it was written is set aside and said, and the campaign goes on before it.
//
// Use package folderstore instead when the objects of a backup are kept, and package failure when one failure is.
package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/internal/filelock"
)

// syncWithin is how long a line that Append has returned for may be lost by a power cut.
const syncWithin = time.Second

// A Store is the folder of a campaign that is under way. It is safe for concurrent use.
type Store struct {
	*Reader
	lock   *os.File
	now    func() time.Time
	opened Opened

	mu     sync.Mutex
	full   *Fold // of the segments that are full and have a fold of their own
	tail   *Fold // of the one behind them
	out    file  // that one, nil before its first line
	bytes  int64 // of it that were acknowledged
	dirty  bool  // some of these are not synced
	timer  *time.Timer
	broken error // what a sync or a clean-up said: nothing is kept any more
}

// Opened says what Open found.
type Opened struct {
	Torn  int64   // bytes of a last line that was not written whole, and was cut off: nothing that Append had returned for
	Aside []Aside // what was set aside now
}

// Create begins a campaign in a folder that is empty or not there. Where there is something in it, it fails with an *ExistsError.
func Create(folder string, h Header) (*Store, error) { return create(folder, h, nil) }

func create(folder string, h Header, d disk) (*Store, error) {
	if err := h.complete(); err != nil {
		return nil, fmt.Errorf("campaign %s: %w", folder, err)
	}
	if err := makeFolder(folder); err != nil {
		return nil, fmt.Errorf("campaign %s: %w", folder, bare(err))
	}
	if d == nil {
		d = real{folder}
	}
	if err := empty(folder, d); err != nil { // before there is a lock file in it
		return nil, err
	}
	lock, err := take(folder)
	if err != nil {
		return nil, err
	}
	err = empty(folder, d) // another Create may have come and gone
	var text []byte
	if err == nil {
		text, err = seal(headerKind, &h)
	}
	if err == nil {
		err = put(d, headerFile, text)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("campaign %s: %w", folder, err), lock.Close())
	}
	return open(folder, lock, d)
}

// makeFolder makes a folder and those above it, so that they are there after a power cut.
func makeFolder(folder string) error {
	folder = filepath.Clean(folder)
	err := os.Mkdir(folder, 0o755)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(folder) != folder {
		if err := makeFolder(filepath.Dir(folder)); err != nil {
			return err
		}
		err = os.Mkdir(folder, 0o755)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // what is there may be a file, which the next step says
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(folder))
}

// empty refuses a folder in which there is anything but what Create itself leaves when it is killed.
func empty(folder string, d disk) error {
	all, err := d.list(".")
	if err != nil {
		return fmt.Errorf("campaign %s: %w", folder, bare(err))
	}
	for _, e := range all {
		if n := e.Name(); n != lockFile && n != newPrefix+headerFile {
			return &ExistsError{folder, n}
		}
	}
	return nil
}

// Open goes on with the campaign in a folder. It fails with a *LockedError where one is under way there, and as Read does. What a killed
// process has left half written is mended, and what is not as it was written is set aside: Opened says what.
func Open(folder string) (*Store, error) { return reopen(folder, real{folder}) }

func reopen(folder string, d disk) (*Store, error) {
	if _, err := read(folder, d); err != nil {
		return nil, err // before there is a lock file in a folder that is no campaign's
	}
	lock, err := take(folder)
	if err != nil {
		return nil, err
	}
	return open(folder, lock, d)
}

// take takes the folder for this process.
func take(folder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("campaign %s: lock: %w", folder, bare(err))
	}
	held, err := filelock.Take(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("campaign %s: lock: %w", folder, err), f.Close())
	}
	if held {
		by, err := io.ReadAll(io.LimitReader(f, 200))
		who := strings.TrimSpace(string(by))
		if who == "" || err != nil {
			who = "a process"
		}
		_ = f.Close() // of which nothing was written
		return nil, &LockedError{folder, who}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	// The file says who holds the lock, and is not the lock: on a full disk the campaign may still be read and minimised.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte("process "+strconv.Itoa(os.Getpid())+" on "+host+"\n"), 0)
	}
	return f, nil
}

func open(folder string, lock *os.File, d disk) (*Store, error) {
	r, err := read(folder, d)
	if err == nil {
		s := &Store{Reader: r, lock: lock, now: time.Now}
		if err = s.mend(); err == nil {
			return s, nil
		}
		if s.out != nil {
			err = errors.Join(err, s.out.Close())
		}
		err = fmt.Errorf("campaign %s: %w", folder, err)
	}
	return nil, errors.Join(err, lock.Close())
}

// Opened says what Open found.
func (s *Store) Opened() Opened { return s.opened }

// Next is the number of the next line: how many are kept.
func (s *Store) Next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tail.Next()
}

// Fold returns what the lines come to.
func (s *Store) Fold() *Fold {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.full.clone()
	if err := all.Join(s.tail); err != nil {
		panic(fmt.Sprintf("store: the last segment comes behind those before it: %v", err))
	}
	return all
}

// Append keeps lines, whose numbers must follow that of the last one. When it returns nil, they survive the process; a second later, or
// after Sync, the machine. An error of writing is a *WriteError, which wraps what the system said, such as syscall.ENOSPC; then Next says
// which lines were kept, and Append may be tried again, unless that error comes from syncing.
func (s *Store) Append(lines ...job.Line) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	for i := range lines {
		if want := s.tail.Next() + uint64(i); lines[i].Number != want {
			return &OrderError{want, lines[i].Number}
		}
		if err := s.header.check(&lines[i]); err != nil {
			return err
		}
	}
	for len(lines) > 0 {
		if err := s.rotate(); err != nil {
			return err
		}
		n := min(uint64(len(lines)), s.header.Segment-s.tail.Lines)
		if err := s.write(lines[:n]); err != nil {
			return err
		}
		lines = lines[n:]
	}
	return s.rotate()
}

// write writes lines to the last segment, whole or not at all.
func (s *Store) write(lines []job.Line) error {
	var text []byte
	for i := range lines {
		var err error
		if text, err = appendLine(text, "line", &lines[i]); err != nil {
			return err
		}
	}
	name := segmentFile(s.tail.From / s.header.Segment)
	if s.out == nil {
		if err := s.begin(name); err != nil {
			return err
		}
	}
	if _, err := s.out.Write(text); err != nil {
		failed := &WriteError{name, bare(err)}
		if err := s.out.Truncate(s.bytes); err != nil {
			s.broken = failed // half a line is at the end, behind which none may come; Open cuts it off
		}
		return failed
	}
	s.bytes += int64(len(text))
	for i := range lines {
		s.tail.add(&lines[i])
	}
	if !s.dirty {
		s.dirty = true
		s.timer = time.AfterFunc(syncWithin, s.late)
	}
	return nil
}

// begin begins a segment.
func (s *Store) begin(name string) error {
	if err := s.makeFolder(linesFolder); err != nil {
		return err
	}
	out, err := s.disk.create(name)
	if err != nil {
		return &WriteError{name, bare(err)}
	}
	if err := s.disk.sync(linesFolder); err != nil {
		return errors.Join(&WriteError{name, bare(err)}, out.Close())
	}
	s.out, s.bytes = out, 0
	return nil
}

// rotate ends the last segment when it is full: it is synced, and its fold is kept beside it.
func (s *Store) rotate() error {
	if s.tail.Lines < s.header.Segment {
		return nil
	}
	if err := s.sync(); err != nil {
		return err
	}
	n := s.tail.From / s.header.Segment
	sum, err := s.sumOfSegment(n)
	if err != nil {
		return err
	}
	if err := s.keepFold(n, foldRecord{s.bytes, sum, *s.tail}); err != nil {
		return err
	}
	err = s.out.Close()
	s.out = nil
	if err != nil {
		s.broken = &WriteError{segmentFile(n), bare(err)}
		return s.broken
	}
	if err := s.full.Join(s.tail); err != nil {
		return err
	}
	s.tail = s.header.NewFold(s.full.Next())
	return nil
}

func (s *Store) keepFold(n uint64, f foldRecord) error {
	text, err := seal(foldKind, &f)
	if err != nil {
		return err
	}
	return put(s.disk, foldFile(n), text)
}

// Sync returns when all lines that were kept survive a power cut.
func (s *Store) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	return s.sync()
}

// late syncs what Append has left for a second.
func (s *Store) late() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		_ = s.sync() // it is in broken, which the next call returns
	}
}

func (s *Store) sync() error {
	if !s.dirty {
		return nil
	}
	s.dirty = false
	s.timer.Stop()
	if err := s.out.Sync(); err != nil {
		// What the system could not write it may have forgotten: to sync again would say that all is well.
		s.broken = &WriteError{segmentFile(s.tail.From / s.header.Segment), bare(err)}
		return s.broken
	}
	return nil
}

// Close syncs what was kept, and lets the folder go.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.broken, ErrClosed) {
		return s.broken
	}
	err := s.broken
	if err == nil {
		err = s.sync()
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.out != nil {
		err = errors.Join(err, s.out.Close())
	}
	s.broken = ErrClosed
	return errors.Join(err, s.lock.Close())
}

func (s *Store) makeFolder(name string) error {
	made, err := s.disk.folder(name)
	if err == nil && made {
		err = s.disk.sync(".")
	}
	if err != nil {
		return &WriteError{name, bare(err)}
	}
	return nil
}

// sumOfSegment digests a file of lines.
func (r *Reader) sumOfSegment(n uint64) (string, error) {
	f, err := os.Open(real{r.path}.at(segmentFile(n)))
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := xxh3.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{hash}, f, make([]byte, roomFor(f, 1<<20))); err != nil {
		return "", err
	}
	return fmt.Sprintf("%016x", hash.Sum64()), nil
}

// roomFor is how many bytes of a file are read at a time.
func roomFor(f *os.File, most int) int {
	info, err := f.Stat()
	if err != nil {
		return most
	}
	return int(min(max(info.Size(), 4<<10), int64(most)))
}

// mend brings the folder to what was acknowledged, and sets aside what is not as it was written.
func (s *Store) mend() error {
	for _, folder := range []string{".", linesFolder, corpusFolder, failuresFolder, asideFolder} {
		if err := sweep(s.disk, folder); ignoreMissing(err) != nil {
			return &WriteError{folder, bare(err)}
		}
	}
	if err := s.mendLines(); err != nil {
		return err
	}
	if err := s.mendCorpus(); err != nil {
		return err
	}
	if err := s.mendFailures(); err != nil {
		return err
	}
	return s.mendTrends()
}

// mendLines folds the lines, up to the first that is not as it was written. What comes behind it is set aside, and the damaged file is cut
// last, so that the next process finds the damage where this one is killed in between.
func (s *Store) mendLines() error {
	s.full, s.tail = s.header.NewFold(0), s.header.NewFold(0)
	segments, err := s.segments()
	if err != nil {
		return err
	}
	for i, n := range segments {
		missing := uint64(i) != n
		n = uint64(i)
		damage := &DamageError{segmentFile(n), n * s.header.Segment, "the file", "none"}
		var e end
		if !missing {
			e, damage, err = s.mendSegment(n)
			if err != nil {
				return err
			}
			short := s.tail.Lines < s.header.Segment
			if damage == nil && short && i < len(segments)-1 {
				damage = &DamageError{segmentFile(n), e.next, fmt.Sprintf("%d lines", s.header.Segment), fmt.Sprint(s.tail.Lines)}
			}
		}
		if damage != nil {
			return s.cut(segments[i:], n, missing, e, damage)
		}
		if s.tail.Lines == s.header.Segment {
			if err := s.full.Join(s.tail); err != nil {
				return err
			}
			s.tail = s.header.NewFold(s.full.Next())
			continue
		}
		return s.goOn(n, e)
	}
	return s.dropFolds(s.tail.From / s.header.Segment)
}

// segments lists the numbers of the files of lines, ascending.
func (r *Reader) segments() ([]uint64, error) {
	all, err := names(r.disk, linesFolder, path.Ext(segmentFile(0)))
	if err != nil {
		return nil, err
	}
	var found []uint64
	for _, name := range all {
		n, err := strconv.ParseUint(strings.TrimSuffix(name, path.Ext(name)), 10, 64)
		if err == nil && path.Base(segmentFile(n)) == name {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found, nil
}

// mendSegment makes the fold of a segment the tail: from the fold beside it, where both are as they were written, or of its lines.
func (s *Store) mendSegment(n uint64) (end, *DamageError, error) {
	f, err := s.sealedFold(n)
	var wrong *DamageError
	if err != nil && !errors.As(err, &wrong) {
		return end{}, nil, err
	}
	if f != nil {
		sum, err := s.sumOfSegment(n)
		if err != nil {
			return end{}, nil, err
		}
		if sum == f.Sum {
			return end{next: f.Fold.Next(), bytes: f.Bytes}, nil, s.tail.Join(&f.Fold)
		}
		wrong = &DamageError{foldFile(n), 0, "the fold of lines with the sum " + sum, f.Sum}
	}
	e, err := s.scan(n, 0, func(l *job.Line) error { s.tail.add(l); return nil })
	var damage *DamageError
	if err != nil && !errors.As(err, &damage) {
		return e, nil, err
	}
	if damage != nil || s.tail.Lines < s.header.Segment {
		return e, damage, nil // goOn and cut drop its fold
	}
	if wrong != nil {
		if err := s.setAside(foldFile(n), wrong, nil); err != nil {
			return e, nil, err
		}
	}
	if e.torn > 0 { // behind a full segment: its lines are whole, and so may be those of the next
		more := &DamageError{segmentFile(n), e.next, fmt.Sprintf("%d lines", s.header.Segment), bytesOf(int(e.torn)) + " behind them"}
		if err := s.trim(n, e, more, nil); err != nil {
			return e, nil, err
		}
	}
	sum, err := s.sumOfSegment(n)
	if err != nil {
		return e, nil, err
	}
	return e, nil, s.keepFold(n, foldRecord{e.bytes, sum, *s.tail})
}

// cut sets aside what comes from a damaged line on.
func (s *Store) cut(segments []uint64, n uint64, missing bool, e end, damage *DamageError) error {
	if err := s.dropFolds(n); err != nil {
		return err
	}
	for _, later := range segments {
		if later == n && !missing {
			continue
		}
		behind := &DamageError{File: segmentFile(later), Expected: "all lines before it", Found: damage.Error()}
		if err := s.setAside(segmentFile(later), behind, &damage.Line); err != nil {
			return err
		}
	}
	if missing {
		return s.gone(damage, &damage.Line)
	}
	if err := s.trim(n, e, damage, &damage.Line); err != nil {
		return err
	}
	e.torn = 0
	return s.goOn(n, e)
}

// trim sets a copy of a segment aside, and then cuts off what comes behind its whole lines.
func (s *Store) trim(n uint64, e end, damage *DamageError, from *uint64) error {
	a, err := s.asideName(segmentFile(n), damage, from)
	if err != nil {
		return err
	}
	if err := s.copyAside(segmentFile(n), a.Name); err != nil {
		return err
	}
	if err := s.report(a); err != nil {
		return err
	}
	return s.shorten(n, e.bytes)
}

// copyAside copies a file into the folder aside.
func (s *Store) copyAside(file, name string) error {
	in, err := os.Open(real{s.path}.at(file))
	if err != nil {
		return err
	}
	defer in.Close()
	beside, at := path.Join(asideFolder, newPrefix+name), path.Join(asideFolder, name)
	out, err := s.disk.create(beside)
	if err != nil {
		return &WriteError{at, bare(err)}
	}
	_, err = io.Copy(struct{ io.Writer }{out}, in)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(bare(err), out.Close()); err == nil {
		err = errors.Join(s.disk.rename(beside, at), s.disk.sync(asideFolder))
	}
	if err != nil {
		return &WriteError{at, bare(err)}
	}
	return nil
}

// shorten cuts the end of a segment off.
func (s *Store) shorten(n uint64, bytes int64) error {
	f, err := s.disk.extend(segmentFile(n))
	if err != nil {
		return &WriteError{segmentFile(n), bare(err)}
	}
	err = f.Truncate(bytes)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(bare(err), f.Close()); err != nil {
		return &WriteError{segmentFile(n), bare(err)}
	}
	return nil
}

// goOn opens the last segment, of which there are so many whole lines.
func (s *Store) goOn(n uint64, e end) error {
	if err := s.dropFolds(n); err != nil {
		return err
	}
	if e.torn > 0 {
		if err := s.shorten(n, e.bytes); err != nil {
			return err
		}
		s.opened.Torn = e.torn
	}
	out, err := s.disk.extend(segmentFile(n))
	if err != nil {
		return &WriteError{segmentFile(n), bare(err)}
	}
	s.out, s.bytes = out, e.bytes
	// A killed process may have left it unsynced, and what is acknowledged now must not come behind what a power cut takes.
	if err := s.out.Sync(); err != nil {
		return &WriteError{segmentFile(n), bare(err)}
	}
	return nil
}

// dropFolds removes the folds of segments that are not full, or not there.
func (s *Store) dropFolds(from uint64) error {
	all, err := names(s.disk, linesFolder, ".fold.json")
	if err != nil {
		return err
	}
	for _, name := range all {
		n, err := strconv.ParseUint(strings.TrimSuffix(name, ".fold.json"), 10, 64)
		if err != nil || n < from {
			continue
		}
		if err := s.disk.remove(path.Join(linesFolder, name)); err != nil {
			return &WriteError{path.Join(linesFolder, name), bare(err)}
		}
	}
	return nil
}
