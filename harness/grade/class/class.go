// Package class grades all submissions of a class: every folder in a folder, several at a time, into one table. What is graded is
// kept with a digest of what it depends on, so that a grader which was killed goes on where it was, and a submission that was
// handed in again is graded again.
//
// Use package grade instead when one submission is graded.
package class

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/strict"
)

// Bounds of what is read.
const (
	MostSubmissions = 10_000   // in a class
	MostFiles       = 10_000   // of a submission
	MostBytes       = 64 << 20 // of a submission's files together
	mostResult      = 16 << 20
)

// Options say how a class is graded.
type Options struct {
	Lab   *labs.Lab
	Grade grade.Options // of each submission; its Out and Partial are set for each
	Out   string        // the folder of results: one folder for each submission, and the table
	Jobs  int           // submissions at a time; 0 is one on each core
	// Program stands for the program that grades: another one grades again. "" is always the same.
	Program string
	// Open makes a submission of a folder ready, and returns what ends it. What is wrong with a submission its Check says.
	Open func(ctx context.Context, name, folder string) (grade.Submission, func() error, error)
	// Keep writes what else is wanted of a result, into the submission's folder of results; it may be nil.
	Keep func(folder string, r *grade.Result) error
	// Done hears of each submission, in any order but one at a time; it may be nil.
	Done func(Row)
}

// A Row is one submission.
type Row struct {
	Name   string
	Result *grade.Result // nil where it could not be graded
	Err    error         // why it could not
	Kept   bool          // it was graded before, and nothing of it has changed
}

// A FolderError says why a folder holds no class.
type FolderError struct {
	Folder string
	Found  int // submissions
}

func (e *FolderError) Error() string {
	return fmt.Sprintf("class: %s: expected 1 to %d folders with a submission in each, found %d", e.Folder, MostSubmissions, e.Found)
}

// A SizeError says that a submission is larger than it may be.
type SizeError struct {
	Name        string
	What        string
	Most, Found int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("submission %s: expected at most %d %s, found %d or more", e.Name, e.Most, e.What, e.Found)
}

// Table is the name of the table in the folder of results.
const Table = "grades.csv"

// Grade grades every folder in a folder, and returns a row for each in the order of their names. When ctx ends, or the disk is full, no
// further one is begun, and the rows, like the table, have those that were graded. The error says which could not be, and why: a class is
// graded where it is nil.
func Grade(ctx context.Context, folder string, o Options) ([]Row, error) {
	names, err := submissions(folder)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, err
	}
	o.Jobs = cmp.Or(o.Jobs, runtime.GOMAXPROCS(0))
	o.Grade.Workers = 1 // the cores are busy with submissions, and a result does not depend on it
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	rows := make([]Row, len(names))
	var done sync.Mutex
	var work errgroup.Group
	work.SetLimit(o.Jobs)
	for i, name := range names {
		rows[i] = Row{Name: name, Err: context.Canceled}
		work.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				rows[i].Err = err
				return nil
			}
			rows[i] = one(ctx, name, filepath.Join(folder, name), &o)
			if errors.Is(rows[i].Err, syscall.ENOSPC) {
				stop(rows[i].Err)
			}
			if o.Done != nil {
				done.Lock()
				defer done.Unlock()
				o.Done(rows[i])
			}
			return nil // the others are graded all the same
		})
	}
	_ = work.Wait() // which fails with none of them
	var errs []error
	for i := range rows {
		if err := rows[i].Err; err != nil {
			if cause := context.Cause(ctx); cause != nil && (errors.Is(err, context.Canceled) || errors.Is(err, cause)) {
				continue // said once, below
			}
			errs = append(errs, fmt.Errorf("submission %q: %w", rows[i].Name, err))
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		graded := 0
		for i := range rows {
			if rows[i].Result != nil {
				graded++
			}
		}
		errs = append(errs, fmt.Errorf("%d of %d submissions were graded: %w", graded, len(rows), cause))
	}
	errs = append(errs, WriteTable(filepath.Join(o.Out, Table), o.Lab, rows))
	return rows, errors.Join(errs...)
}

// submissions lists the folders in a folder by name. What begins with a dot is of version control and the like.
func submissions(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	if len(names) == 0 || len(names) > MostSubmissions {
		return nil, &FolderError{folder, len(names)}
	}
	return names, nil
}

// The files that are kept of a submission: its result, and, written last, the key of what the result depends on.
const (
	resultFile = "result.json"
	keyFile    = "graded"
)

// one grades a submission, unless that has been done.
func one(ctx context.Context, name, folder string, o *Options) Row {
	row := Row{Name: name}
	out := filepath.Join(o.Out, name)
	var size *SizeError
	key, err := keyOf(name, folder, o)
	if err != nil && !errors.As(err, &size) {
		row.Err = err
		return row
	}
	if size == nil {
		if row.Result = kept(out, key); row.Result != nil {
			row.Kept = true
			return row
		}
	}
	row.Result, row.Err = graded(ctx, name, folder, out, key, size, o)
	if row.Err != nil {
		row.Result = nil // what there is of it is no grade
	}
	return row
}

// graded grades a submission and keeps what comes of it.
func graded(ctx context.Context, name, folder, out, key string, size *SizeError, o *Options) (r *grade.Result, err error) {
	// What an earlier grading has left must not be taken for this one's.
	if err := os.RemoveAll(out); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	s := grade.Submission{Name: name, Maker: o.Lab.Reference, Check: func(context.Context) error { return &grade.RefusedError{Reason: size.Error()} }}
	if size == nil {
		var end func() error
		if s, end, err = o.Open(ctx, name, folder); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, end()) }()
	}
	g := o.Grade
	g.Out = out
	g.Partial = func(r *grade.Result) error { return write(out, r, o.Keep) }
	r, err = grade.Grade(ctx, o.Lab, s, g)
	if err != nil || size != nil {
		return r, err
	}
	return r, atomic.Write(filepath.Join(out, keyFile), []byte(key))
}

// write keeps a result, and what else is wanted of it.
func write(out string, r *grade.Result, keep func(string, *grade.Result) error) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := atomic.Write(filepath.Join(out, resultFile), append(text, '\n')); err != nil || keep == nil {
		return err
	}
	return keep(out, r)
}

// kept returns the result of an earlier grading that depends on the same; nil where there is none.
func kept(out, key string) *grade.Result {
	found, err := os.ReadFile(filepath.Join(out, keyFile))
	if err != nil || string(found) != key {
		return nil
	}
	f, err := os.Open(filepath.Join(out, resultFile))
	if err != nil {
		return nil
	}
	defer f.Close()
	var r grade.Result
	if err := strict.Decode(io.LimitReader(f, mostResult), &r); err != nil || r.Format != grade.Format || r.Unfinished {
		return nil
	}
	return &r
}

// keyOf is a digest of all that a result depends on.
func keyOf(name, folder string, o *Options) (string, error) {
	h := sha256.New()
	secret := sha256.Sum256(o.Grade.Secret)
	fmt.Fprintf(h, "%s\x00%s\x00%d\x00%v\x00%d\x00%d\x00%s\x00%x\x00%v\x00", grade.Format, o.Program, o.Lab.Number, o.Grade.Public, o.Grade.Budget, o.Grade.Every, o.Grade.Bug, secret, o.Grade.Secret == nil)
	files, bytes := int64(0), int64(0)
	err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if files++; files > MostFiles {
			return &SizeError{name, "files", MostFiles, files}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		at, err := filepath.Rel(folder, file)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %v %d\n", at, info.Mode(), info.Size())
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(file)
			fmt.Fprintf(h, "%q\n", to)
			return err
		case !info.Mode().IsRegular():
			return nil // a folder; what else there is the box refuses
		}
		if bytes += info.Size(); bytes > MostBytes {
			return &SizeError{name, "bytes", MostBytes, bytes}
		}
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(h, io.LimitReader(f, MostBytes))
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
