package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/firstgap/firstgap/harness/campaign/job"
)

// What is in the folder.
const (
	headerFile     = "campaign.json"
	lockFile       = "lock"
	linesFolder    = "lines"
	corpusFolder   = "corpus"
	failuresFolder = "failures"
	asideFolder    = "aside"
	trendsFile     = "trends.jsonl"
)

func segmentFile(n uint64) string { return path.Join(linesFolder, fmt.Sprintf("%06d.jsonl", n)) }
func foldFile(n uint64) string    { return path.Join(linesFolder, fmt.Sprintf("%06d.fold.json", n)) }

// A Reader reads a campaign's folder, and changes nothing in it. A campaign may be under way there: then each call sees what was there
// when it began. It is safe for concurrent use.
type Reader struct {
	path   string
	disk   disk
	header Header
}

// Read opens a folder to read from it. It fails with a *MissingError where there is no campaign, with a *VersionError where it is of
// another version, and with a *DamageError where its header is not what was written.
func Read(folder string) (*Reader, error) { return read(folder, real{folder}) }

func read(folder string, d disk) (*Reader, error) {
	r := &Reader{path: folder, disk: d}
	err := unseal(d, headerKind, headerFile, &r.header)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &MissingError{folder}
	case err != nil:
		return nil, fmt.Errorf("campaign %s: %w", folder, err)
	}
	if err := r.header.valid(); err != nil {
		return nil, fmt.Errorf("campaign %s: %w", folder, err)
	}
	return r, nil
}

// Folder returns the path of the folder.
func (r *Reader) Folder() string { return r.path }

// Header says what campaign it is.
func (r *Reader) Header() *Header { return &r.header }

// A foldRecord is what a file has that stands for a file of lines.
type foldRecord struct {
	Bytes int64  `json:"bytes"` // of the file of lines
	Sum   string `json:"sum"`   // of the file of lines
	Fold  Fold   `json:"fold"`
}

// sealedFold reads the fold of a segment that is full. It returns nil and no error where the file is missing.
func (r *Reader) sealedFold(n uint64) (*foldRecord, error) {
	var f foldRecord
	err := unseal(r.disk, foldKind, foldFile(n), &f)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if f.Fold.From != n*r.header.Segment || f.Fold.Lines != r.header.Segment {
		return nil, &DamageError{File: foldFile(n), Expected: fmt.Sprintf("the fold of %d lines from %d on", r.header.Segment, n*r.header.Segment),
			Found: fmt.Sprintf("that of %d from %d on", f.Fold.Lines, f.Fold.From)}
	}
	if err := r.header.fits(&f.Fold); err != nil {
		return nil, &DamageError{File: foldFile(n), Expected: "a fold of this campaign", Found: err.Error()}
	}
	return &f, nil
}

// Fold returns what all lines come to. It reads the folds of the files that are full, and the lines of the last one: damage in the lines
// of a full file shows in Lines, and when a campaign goes on in the folder. Where something cannot be read, the fold of what comes before
// it is returned with the *DamageError.
func (r *Reader) Fold() (*Fold, error) {
	all := r.header.NewFold(0)
	for n := uint64(0); ; n++ {
		info, err := os.Stat(real{r.path}.at(segmentFile(n)))
		if errors.Is(err, fs.ErrNotExist) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		f, err := r.sealedFold(n)
		if err == nil && f != nil && f.Bytes == info.Size() {
			if err := all.Join(&f.Fold); err != nil {
				return all, err
			}
			continue
		}
		if _, err := r.scan(n, 0, func(l *job.Line) error { all.add(l); return nil }); err != nil {
			return all, err
		}
		if all.Next() < (n+1)*r.header.Segment {
			return all, nil
		}
	}
}

// Lines gives fn the lines from a number on, in order. The line is fn's until it returns; what it points at may be kept. Lines that are
// written meanwhile may be among them. Damage is a *DamageError, and the lines before it were given; an error of fn ends it.
func (r *Reader) Lines(from uint64, fn func(*job.Line) error) error {
	for n := from / r.header.Segment; ; n++ {
		end, err := r.scan(n, from, fn)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || end.next < (n+1)*r.header.Segment {
			return err
		}
	}
}

// An end is where a scan of a segment ended.
type end struct {
	next  uint64 // the number of the line that comes behind
	bytes int64  // of the lines before it
	torn  int64  // bytes behind them: of a line without its end, or of more than a full segment has
}

// scan reads a segment, and gives fn the lines from a number on. Damage is a *DamageError; end says what there is before it.
func (r *Reader) scan(n, from uint64, fn func(*job.Line) error) (end, error) {
	e := end{next: n * r.header.Segment}
	name := segmentFile(n)
	f, err := os.Open(real{r.path}.at(name))
	if err != nil {
		return e, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, roomFor(f, 1<<18))
	var l job.Line
	var long []byte
	for e.next < (n+1)*r.header.Segment {
		text, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, text...); len(long) <= maxLine {
				continue
			}
			err = nil
		}
		if len(long) > 0 {
			long = append(long, text...)
			text = long
		}
		switch {
		case err == io.EOF:
			e.torn = int64(len(text))
			return e, nil
		case err != nil:
			return e, err
		case len(text) > maxLine:
			return e, &DamageError{name, e.next, "a line of at most " + bytesOf(maxLine), "a longer one"}
		}
		if e.next >= from {
			if expected, found := r.header.decode(text[:len(text)-1], e.next, &l); expected != "" {
				return e, &DamageError{name, e.next, expected, found}
			}
			if err := fn(&l); err != nil {
				return e, err
			}
		}
		e.next++
		e.bytes += int64(len(text))
		long = long[:0]
	}
	info, err := f.Stat()
	if err == nil {
		e.torn = info.Size() - e.bytes
	}
	return e, err
}
