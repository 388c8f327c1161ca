package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/failure"
)

// A Failure is what is known of all runs that failed alike: by the same rule, for the same cause. The smallest of them is kept.
type Failure struct {
	Signature string         `json:"signature"` // the rule and the cause, in the caller's words
	Target    failure.Target `json:"target"`
	Sentence  string         `json:"sentence"` // what was found, of the one that is kept

	Times   uint64   `json:"times"`   // how many lines were seen to fail so
	First   uint64   `json:"first"`   // the number of the first
	Last    uint64   `json:"last"`    // and of the last
	Numbers []uint64 `json:"numbers"` // ascending, the first 256 that were told

	// Of the one that is kept.
	Number uint64 `json:"number"` // of its line
	Faults int    `json:"faults"` // of its plan
	Events uint64 `json:"events"` // of its run
	Files  []File `json:"files"`  // in the folder failures

	// LastTried is the last run of its file by a program, LastReproduced the last one that failed by the same. A failure that was mended
	// stays: it is a regression test from then on.
	LastReproduced *Try `json:"lastReproduced,omitempty"`
	LastTried      *Try `json:"lastTried,omitempty"`
}

// A File is one that is kept of a failure.
type File struct {
	Role string `json:"role"` // "file" (.fgt), "page", "text", or another of the caller's
	Name string `json:"name"` // in the folder failures
	Sum  string `json:"sum"`
}

// A Try is a run of a failure's file by another build.
type Try struct {
	Build  string `json:"build"`
	Commit string `json:"commit"`
	At     int64  `json:"at"` // Unix milliseconds
}

// A Content is what is to be kept of a failure: the text of a file, and how its name ends.
type Content struct {
	Role string
	End  string // such as ".fgt"
	Text []byte
}

const (
	maxFailureNumbers = 256
	failureEnd        = ".failure.json"
)

func failureFile(signature string) string {
	return path.Join(failuresFolder, fmt.Sprintf("%016x", xxh3.HashString(signature))+failureEnd)
}

// smaller says whether a failure is easier to look at: by its faults, then its events, then its number.
func (f *Failure) smaller(o *Failure) bool {
	return cmp.Or(cmp.Compare(f.Faults, o.Faults), cmp.Compare(f.Events, o.Events), cmp.Compare(f.Number, o.Number)) < 0
}

// PutFailure tells of a failure with that Signature, at the line Number: its Target, Sentence, Faults and Events, and its files. It
// counts a line once, however often it is told of it; the smallest failure's files stay. Times, First, Last, Numbers and the tries are
// the store's. It returns what is known now.
func (s *Store) PutFailure(f Failure, files ...Content) (Failure, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return f, s.broken
	}
	if err := s.makeFolder(failuresFolder); err != nil {
		return f, err
	}
	var old Failure
	err := s.readFailure(failureFile(f.Signature), &old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	there := err == nil
	if there && old.Signature != f.Signature {
		return f, &LimitError{"failure", fmt.Sprintf("the signature %q", old.Signature), fmt.Sprintf("%q, of the same digest", f.Signature)}
	}
	known, keep := f, true
	if there {
		known = old
		if keep = f.smaller(&old) || len(old.Files) == 0; keep {
			known.Target, known.Sentence, known.Number, known.Faults, known.Events = f.Target, f.Sentence, f.Number, f.Faults, f.Events
		}
	} else {
		known.Times, known.First, known.Last, known.Numbers, known.LastReproduced, known.LastTried = 0, f.Number, f.Number, nil, nil, nil
	}
	known.count(f.Number)
	if keep {
		if known.Files, err = s.putFiles(&f, files); err != nil {
			return f, err
		}
	}
	if err := s.putFailure(&known); err != nil {
		return f, err
	}
	return known, s.dropFiles(old.Files, known.Files)
}

// count counts a line, unless it was counted.
func (f *Failure) count(number uint64) {
	at, told := slices.BinarySearch(f.Numbers, number)
	if told || len(f.Numbers) == maxFailureNumbers && number <= f.Last {
		return
	}
	if len(f.Numbers) < maxFailureNumbers {
		f.Numbers = slices.Insert(f.Numbers, at, number)
	}
	f.Times++
	f.First, f.Last = min(f.First, number), max(f.Last, number)
}

// putFiles writes the files of a failure under names of their content, so that what the failure's record says is there stays there
// until another record is.
func (s *Store) putFiles(f *Failure, files []Content) ([]File, error) {
	var kept []File
	for _, c := range files {
		if strings.ContainsAny(c.End, `/\`) || !strings.HasPrefix(c.End, ".") || c.End == failureEnd {
			return nil, &LimitError{"failure", "the end of a file's name, such as .fgt", fmt.Sprintf("%q", c.End)}
		}
		if len(c.Text) > maxFile {
			return nil, &LimitError{"failure", "at most " + bytesOf(maxFile), bytesOf(len(c.Text))}
		}
		sum := sumOf(c.Text)
		name := fmt.Sprintf("%016x-%s%s", xxh3.HashString(f.Signature), sum, c.End)
		if err := put(s.disk, path.Join(failuresFolder, name), c.Text); err != nil {
			return nil, err
		}
		kept = append(kept, File{c.Role, name, sum})
	}
	return kept, nil
}

func (s *Store) putFailure(f *Failure) error {
	text, err := seal(failureKind, f)
	if err != nil {
		return err
	}
	return put(s.disk, failureFile(f.Signature), text)
}

// dropFiles removes what is no longer kept.
func (s *Store) dropFiles(old, now []File) error {
	for _, f := range old {
		if slices.ContainsFunc(now, func(o File) bool { return o.Name == f.Name }) {
			continue
		}
		if err := ignoreMissing(s.disk.remove(path.Join(failuresFolder, f.Name))); err != nil {
			return &WriteError{path.Join(failuresFolder, f.Name), bare(err)}
		}
	}
	return nil
}

// Tried tells that a failure's file was run again, and whether it failed by the same. A signature that is not there is fs.ErrNotExist.
func (s *Store) Tried(signature string, t Try, reproduced bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	var f Failure
	if err := s.readFailure(failureFile(signature), &f); err != nil {
		return err
	}
	f.LastTried = &t
	if reproduced {
		f.LastReproduced = &t
	}
	return s.putFailure(&f)
}

// readFailure reads what is known of a failure, and sees to it that its files are there.
func (r *Reader) readFailure(file string, f *Failure) error {
	if err := unseal(r.disk, failureKind, file, f); err != nil {
		return err
	}
	damaged := func(expected, found string) error {
		return &DamageError{File: file, Expected: expected, Found: found}
	}
	if failureFile(f.Signature) != file {
		return damaged("the signature of its name", fmt.Sprintf("%.100q", f.Signature))
	}
	for _, x := range f.Files {
		if x.Name != path.Base(x.Name) || strings.HasPrefix(x.Name, ".") || strings.Contains(x.Name, `\`) {
			return damaged("names of files in its folder", fmt.Sprintf("%.100q", x.Name))
		}
	}
	return nil
}

// Failures lists the failures, those that came first first. What cannot be read is a *DamageError, beside those that can.
func (r *Reader) Failures() ([]Failure, error) {
	all, err := names(r.disk, failuresFolder, failureEnd)
	if err != nil {
		return nil, err
	}
	var found []Failure
	var damage error
	for _, n := range all {
		var f Failure
		if err := r.readFailure(path.Join(failuresFolder, n), &f); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				damage = errors.Join(damage, err)
			}
			continue
		}
		found = append(found, f)
	}
	slices.SortStableFunc(found, func(a, b Failure) int { return cmp.Compare(a.First, b.First) })
	return found, damage
}

// FailureFile reads a file of a failure. One that is not as it was written is a *DamageError.
func (r *Reader) FailureFile(f File) ([]byte, error) {
	name := path.Join(failuresFolder, path.Base(f.Name))
	text, err := r.disk.read(name, maxFile)
	if err != nil {
		return nil, err
	}
	if sum := sumOf(text); sum != f.Sum {
		return nil, &DamageError{File: name, Expected: "the sum " + f.Sum, Found: sum}
	}
	return text, nil
}

// mendFailures sets aside what is no failure's file. A record whose file is lost stays without it: the next failure of its signature
// brings another. Files that no record names are those of a process that was killed before it wrote the record, or after.
func (s *Store) mendFailures() error {
	all, err := names(s.disk, failuresFolder, "")
	if err != nil {
		return err
	}
	named, orphans := map[string]bool{}, map[string]bool{}
	for _, n := range all {
		file := path.Join(failuresFolder, n)
		if !strings.HasSuffix(n, failureEnd) {
			continue
		}
		named[n] = true
		damage, err := s.mendFailure(file, named)
		if err != nil {
			return err
		}
		if damage != nil {
			orphans[strings.TrimSuffix(n, failureEnd)] = true
		}
	}
	for _, n := range all {
		if named[n] {
			continue
		}
		file := path.Join(failuresFolder, n)
		if signature, _, _ := strings.Cut(n, "-"); orphans[signature] {
			gone := &DamageError{File: file, Expected: "what is known of its failure", Found: "a file that was altered"}
			if err := s.setAside(file, gone, nil); err != nil {
				return err
			}
			continue
		}
		if err := ignoreMissing(s.disk.remove(file)); err != nil {
			return &WriteError{file, bare(err)}
		}
	}
	return nil
}

// mendFailure looks at what is known of a failure, and at its files, which it adds to those that are named. It returns what was wrong
// with the former.
func (s *Store) mendFailure(file string, named map[string]bool) (*DamageError, error) {
	var f Failure
	var damage *DamageError
	err := s.readFailure(file, &f)
	if errors.As(err, &damage) {
		return damage, s.setAside(file, damage, nil)
	}
	if err != nil {
		return nil, err
	}
	whole := f.Files[:0:0]
	for _, x := range f.Files {
		named[x.Name] = true
		_, err := s.FailureFile(x)
		switch {
		case err == nil:
			whole = append(whole, x)
		case errors.Is(err, fs.ErrNotExist):
			if err := s.gone(&DamageError{File: path.Join(failuresFolder, x.Name), Expected: "the file", Found: "none"}, nil); err != nil {
				return nil, err
			}
		case errors.As(err, &damage):
			if err := s.setAside(path.Join(failuresFolder, x.Name), damage, nil); err != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
	if len(whole) == len(f.Files) {
		return nil, nil
	}
	f.Files = whole
	return nil, s.putFailure(&f)
}
