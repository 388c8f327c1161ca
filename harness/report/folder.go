package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/campaign"
)

// A Folder is where reports go.
type Folder struct{ dir string }

// A FolderError says that reports cannot be written, before anybody works for them.
type FolderError struct {
	Folder string
	Err    error
}

func (e *FolderError) Error() string {
	return fmt.Sprintf("the folder %s cannot be written: %v", e.Folder, e.Err)
}

func (e *FolderError) Unwrap() error { return e.Err }

// Open makes the folder if it is not there, and tries to write into it.
func Open(dir string) (*Folder, error) {
	if dir == "" {
		return nil, &FolderError{dir, errors.New("it has no name")}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &FolderError{dir, bare(err)}
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return nil, &FolderError{dir, bare(err)}
	}
	_, err = f.WriteString("x")
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return nil, &FolderError{dir, bare(err)}
	}
	return &Folder{dir}, nil
}

// bare is what the system said, without the path that it said it about.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Dir returns the folder's path.
func (f *Folder) Dir() string { return f.dir }

// Begin takes away the failure files of an earlier job, so that all that are there when this one ends are its own. It takes
// nothing else away.
func (f *Folder) Begin() error {
	old, err := filepath.Glob(filepath.Join(f.dir, "seed-*.fgt"))
	for _, file := range old {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// Failed writes the file of a failure, as soon as it was found.
func (f *Folder) Failed(x campaign.Failed) error {
	return x.Failure.Write(filepath.Join(f.dir, fileOf(x.Seed)))
}

// Write writes report.json, junit.xml and summary.md, each beside its old one and then in its place. It tries to write them
// all, and returns every error.
func (f *Folder) Write(r *Report) error {
	var broken error
	for i := range r.Failures {
		r.Failures[i].Replay = "firstgap replay " + filepath.Join(f.dir, r.Failures[i].File)
	}
	json, err := r.JSON()
	broken = errors.Join(broken, err)
	junit, err := r.JUnit()
	broken = errors.Join(broken, err)
	for _, file := range []struct {
		name string
		text []byte
	}{{"report.json", json}, {"junit.xml", junit}, {"summary.md", r.Markdown()}} {
		broken = errors.Join(broken, atomic.Write(filepath.Join(f.dir, file.name), file.text))
	}
	return broken
}

// AppendSummary appends the summary to a file, such as the one that $GITHUB_STEP_SUMMARY names, and keeps the file
// below what its reader takes.
func (r *Report) AppendSummary(file string) error {
	room := maxSummary
	if info, err := os.Stat(file); err == nil {
		room -= int(min(info.Size(), int64(maxSummary)))
	}
	const least = 1 << 10
	if room < least {
		return fmt.Errorf("step summary %s: expected room for %d bytes below %d, found %d", file, least, maxSummary, room)
	}
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	_, err = out.Write(truncated(string(r.Markdown()), room))
	return errors.Join(err, out.Close())
}
