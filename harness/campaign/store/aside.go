package store

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// An Aside is a file that was not as it was written, and was moved out of the way, into the folder aside; or one that was gone, of which
// there is a report alone.
type Aside struct {
	Name     string    `json:"name"` // in the folder aside
	File     string    `json:"file"` // where it was, below the campaign's folder
	Expected string    `json:"expected"`
	Found    string    `json:"found"`
	At       time.Time `json:"at"`
	// From is the number of the first line that is lost and has to be run again; of files of lines alone.
	From *uint64 `json:"from,omitempty"`
}

func (a *Aside) String() string {
	s := fmt.Sprintf("%s: expected %s, found %s; set aside as %s/%s", a.File, a.Expected, a.Found, asideFolder, a.Name)
	if a.From != nil {
		s += fmt.Sprintf("; the lines from %d on have to be run again", *a.From)
	}
	return s
}

// reportSuffix ends the name of a report beside the name of the file.
const reportSuffix = ".report.json"

// setAside moves a file into the folder aside, and then says there why. A process that is killed in between leaves a file without a
// report, which is listed as one.
func (s *Store) setAside(file string, damage *DamageError, from *uint64) error {
	a, err := s.asideName(file, damage, from)
	if err != nil {
		return err
	}
	if err := s.disk.rename(file, path.Join(asideFolder, a.Name)); err != nil {
		return &WriteError{asideFolder, bare(err)}
	}
	if err := errors.Join(s.disk.sync(asideFolder), s.disk.sync(path.Dir(file))); err != nil {
		return &WriteError{asideFolder, bare(err)}
	}
	return s.report(a)
}

func (s *Store) asideName(file string, damage *DamageError, from *uint64) (*Aside, error) {
	if err := s.makeFolder(asideFolder); err != nil {
		return nil, err
	}
	all, err := names(s.disk, asideFolder, "")
	if err != nil {
		return nil, err
	}
	next := 0
	for _, n := range all {
		number, _, _ := strings.Cut(n, "-")
		if i, err := strconv.Atoi(number); err == nil {
			next = max(next, i+1)
		}
	}
	return &Aside{Name: fmt.Sprintf("%06d-%s", next, path.Base(file)), File: file, Expected: damage.Expected, Found: damage.Found, At: s.now().UTC(), From: from}, nil
}

// gone reports a file that is not there.
func (s *Store) gone(damage *DamageError, from *uint64) error {
	a, err := s.asideName(damage.File, damage, from)
	if err != nil {
		return err
	}
	return s.report(a)
}

func (s *Store) report(a *Aside) error {
	s.opened.Aside = append(s.opened.Aside, *a)
	text, err := seal(asideKind, a)
	if err != nil {
		return err
	}
	return put(s.disk, path.Join(asideFolder, a.Name+reportSuffix), text)
}

// Aside lists all that was ever set aside, in the order in which it was.
func (r *Reader) Aside() ([]Aside, error) {
	all, err := names(r.disk, asideFolder, "")
	if err != nil {
		return nil, err
	}
	var found []Aside
	for i, n := range all {
		name, isReport := strings.CutSuffix(n, reportSuffix)
		if !isReport && i+1 < len(all) && all[i+1] == n+reportSuffix {
			continue // which comes next
		}
		a := Aside{Name: name, File: "a file", Expected: "a report of what was wrong", Found: "none"}
		if isReport {
			if err := unseal(r.disk, asideKind, path.Join(asideFolder, n), &a); err != nil {
				a = Aside{Name: name, File: "a file", Expected: "a report of what was wrong", Found: err.Error()}
			}
		}
		found = append(found, a)
	}
	return found, nil
}
