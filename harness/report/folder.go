package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/ci"
	"github.com/firstgap/firstgap/harness/failure/retell"
)

// A Folder is where reports go.
type Folder struct {
	dir   string
	pages map[uint64]bool // that were written, by seed
}

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
	return &Folder{dir: dir, pages: map[uint64]bool{}}, nil
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

// Begin takes away the failure files, the pages and the code quality report of an earlier job, so that all that are there when this one ends are its own. It takes
// nothing else away.
func (f *Folder) Begin() error {
	var broken error
	for _, pattern := range []string{"seed-*.fgt", "seed-*.html", "code-quality.json"} {
		old, err := filepath.Glob(filepath.Join(f.dir, pattern))
		broken = errors.Join(broken, err)
		for _, file := range old {
			broken = errors.Join(broken, os.Remove(file))
		}
	}
	return broken
}

// Failed writes the file of a failure, as soon as it was found.
func (f *Folder) Failed(x campaign.Failed) error {
	return x.Failure.Write(filepath.Join(f.dir, fileOf(x.Seed)))
}

// Page has the page that shows the failure of a seed written to a file of the folder.
func (f *Folder) Page(seed uint64, write func(file string) error) error {
	if err := write(filepath.Join(f.dir, pageOf(seed))); err != nil {
		return err
	}
	f.pages[seed] = true
	return nil
}

// Write writes report.json, junit.xml, report.sarif and summary.md, each beside its old one and then in its place. It tries to write
// them all, and returns every error. Source lines are those of the module that the program works in; without one, failures are shown at
// their files.
func (f *Folder) Write(r *Report) error {
	var broken error
	for i := range r.Failures {
		x := &r.Failures[i]
		x.Replay = "firstgap replay " + filepath.Join(f.dir, x.File) + x.behind
		if f.pages[x.Seed] {
			x.Page = pageOf(x.Seed)
		}
	}
	r.dir = f.dir
	if len(r.Failures) > 0 {
		// A program that is run elsewhere has none, and what cannot be read is no reason to report less.
		r.sources, _ = retell.ReadSources(".")
	}
	var sarif bytes.Buffer
	broken = errors.Join(broken, retell.SARIF(&sarif, r.shown(), r.sources, r.Build))
	json, err := r.JSON()
	broken = errors.Join(broken, err)
	junit, err := r.JUnit()
	broken = errors.Join(broken, err)
	for _, file := range []struct {
		name string
		text []byte
	}{{"report.json", json}, {"junit.xml", junit}, {"report.sarif", sarif.Bytes()}, {"summary.md", r.Markdown()}} {
		broken = errors.Join(broken, atomic.Write(filepath.Join(f.dir, file.name), file.text))
	}
	return broken
}

// AppendSummary appends the summary to a file, such as the one that $GITHUB_STEP_SUMMARY names, and keeps the file below what its reader
// takes.
func (r *Report) AppendSummary(file string) error {
	return ci.AppendSummary(file, r.Markdown(), "report.json")
}

// Result is how the job ended, as a CI is told it. The checkout is the folder of the repository, "" where it is not known. It is called
// when the report was written.
func (r *Report) Result(checkout string) *ci.Result {
	result := &ci.Result{Verdict: r.Verdict, Reasons: r.Reasons, Checkout: checkout, Whole: r.dir}
	for _, s := range r.shown() {
		result.Problems = append(result.Problems, retell.ProblemOf(&s, r.sources))
	}
	return result
}

// CodeQuality writes code-quality.json, the report that GitLab shows beside the code.
func (f *Folder) CodeQuality(r *ci.Result) error {
	var b bytes.Buffer
	if err := r.CodeQuality(&b); err != nil {
		return err
	}
	return atomic.Write(filepath.Join(f.dir, "code-quality.json"), b.Bytes())
}
