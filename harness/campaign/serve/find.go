package serve

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/firstgap/firstgap/harness/campaign/store"
)

// What a folder is known by.
const (
	campaignFile = "campaign.json"
	reportFile   = "report.json"
)

// Limits of a search for campaigns and reports.
const (
	mostDeep  = 8
	mostNames = 50_000
	mostFound = 500
)

// A found is what a search came to.
type found struct {
	campaigns []string // folders, as fs.FS names them
	reports   []string
	left      []string // what was left out, and why
}

// find looks for campaigns and reports. It follows no links, and does not look into a campaign.
func (s *Server) find() *found {
	f := &found{}
	names := 0
	var look func(dir string, deep int)
	look = func(dir string, deep int) {
		all, err := s.readDir(dir)
		if err != nil {
			f.left = append(f.left, fmt.Sprintf("%s: %v", dir, bare(err)))
			return
		}
		names += len(all)
		if len(f.campaigns)+len(f.reports) >= mostFound || names > mostNames || deep > mostDeep {
			f.left = append(f.left, fmt.Sprintf("%s and what comes behind it: expected at most %d campaigns and reports among %d names, %d folders deep", dir, mostFound, mostNames, mostDeep))
			return
		}
		is := func(name string) bool {
			return slices.ContainsFunc(all, func(e fs.DirEntry) bool { return e.Name() == name && e.Type().IsRegular() })
		}
		if is(reportFile) {
			f.reports = append(f.reports, dir)
		}
		if is(campaignFile) {
			f.campaigns = append(f.campaigns, dir)
			return
		}
		for _, e := range all {
			name := e.Name()
			switch {
			case !e.IsDir() || strings.HasPrefix(name, "."):
			case !utf8.ValidString(name):
				f.left = append(f.left, fmt.Sprintf("%s: a folder whose name is not UTF-8: %q", dir, name))
			default:
				look(path.Join(dir, name), deep+1)
			}
		}
	}
	look(".", 0)
	return f
}

// readDir lists a folder by names.
func (s *Server) readDir(dir string) ([]fs.DirEntry, error) {
	d, err := s.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.ReadDir(mostNames + 1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && len(all) > mostNames {
		err = fmt.Errorf("expected at most %d names", mostNames)
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return all, err
}

// A NameError says that something is not shown because of its name or because of what it is.
type NameError struct{ Name, Expected, Found string }

func (e *NameError) Error() string {
	return fmt.Sprintf("%q: expected %s, found %s", e.Name, e.Expected, e.Found)
}

// folder checks that a name that a request brought is that of a folder below the server's.
func (s *Server) folder(name string) error {
	if !fs.ValidPath(name) {
		return &NameError{name, "the path of a folder below the one that is shown, such as nightly/1", "none"}
	}
	info, err := s.root.Stat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &NotThereError{name}
	case err != nil:
		return &NameError{name, "a folder below the one that is shown", bare(err).Error()}
	case !info.IsDir():
		return &NameError{name, "a folder", "a file"}
	}
	return nil
}

// A NotThereError says that there is nothing of a name. It wraps fs.ErrNotExist.
type NotThereError struct{ Name string }

func (e *NotThereError) Error() string {
	return fmt.Sprintf("%q: expected a folder, found none", e.Name)
}

// Unwrap returns fs.ErrNotExist.
func (e *NotThereError) Unwrap() error { return fs.ErrNotExist }

// open opens a campaign to read from it. Package store reads by paths, and so whatever a link in the folder leads to: a folder with anything
// but files and folders in those places is refused.
func (s *Server) open(name string) (*store.Reader, error) {
	if err := s.folder(name); err != nil {
		return nil, err
	}
	for _, part := range []string{".", "lines", "failures", "aside"} {
		all, err := s.readDir(path.Join(name, part))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, &NameError{path.Join(name, part), "a folder that can be read", bare(err).Error()}
		}
		for _, e := range all {
			if t := e.Type(); !t.IsRegular() && !t.IsDir() {
				return nil, &NameError{path.Join(name, part, e.Name()), "files and folders alone in a campaign", "a link or a device"}
			}
		}
	}
	r, err := store.Read(filepath.Join(s.dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, s.without(err)
	}
	return r, nil
}

// withoutDir is an error whose text names no folder above the one that is shown.
type withoutDir struct {
	text string
	err  error
}

func (e *withoutDir) Error() string { return e.text }
func (e *withoutDir) Unwrap() error { return e.err }

func (s *Server) without(err error) error {
	if err == nil {
		return nil
	}
	return &withoutDir{strings.ReplaceAll(err.Error(), s.dir+string(filepath.Separator), ""), err}
}

// fold folds the lines of a campaign, or takes the fold of when its lines were last looked at. Where some of them cannot be read, it returns
// the fold of those before with an error.
func (s *Server) fold(name string, r *store.Reader) (*store.Fold, error) {
	stamp := s.stamp(name)
	s.mu.Lock()
	known, ok := s.folds[name]
	s.mu.Unlock()
	if ok && stamp != "" && known.stamp == stamp {
		return known.fold, known.err
	}
	s.folding <- struct{}{}
	defer func() { <-s.folding }()
	f, err := r.Fold()
	err = s.without(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.folds) >= mostFolds {
		clear(s.folds)
	}
	s.folds[name] = folded{stamp, f, err}
	return f, err
}

// stamp is another one when a campaign's lines are. It is empty where it cannot be told.
func (s *Server) stamp(name string) string {
	var b strings.Builder
	if info, err := s.root.Stat(filepath.FromSlash(path.Join(name, campaignFile))); err == nil {
		fmt.Fprintf(&b, "%d %d\n", info.Size(), info.ModTime().UnixNano())
	}
	all, err := s.readDir(path.Join(name, "lines"))
	if err != nil {
		return ""
	}
	for _, e := range all {
		info, err := e.Info()
		if err != nil {
			return ""
		}
		fmt.Fprintf(&b, "%s %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

// bare is what the system said, without the path that it said it about.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
