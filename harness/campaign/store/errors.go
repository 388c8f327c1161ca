package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A LockedError says that a campaign is under way in the folder: nothing was changed.
type LockedError struct {
	Folder string
	By     string // what the lock file says of it: its process and its machine
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("campaign %s: expected that nothing else works on it, found %s at work", e.Folder, e.By)
}

// A VersionError says that a folder, or a file of one, is of a version that this program does not read. Nothing was changed.
type VersionError struct {
	File  string
	Found int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s: expected version %d, found version %d", e.File, Version, e.Found)
}

// An ExistsError says that a campaign cannot begin in a folder, because of what is there.
type ExistsError struct{ Folder, Found string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("campaign %s: expected an empty folder or none, found %s in it", e.Folder, e.Found)
}

// A MissingError says that a folder holds no campaign. It wraps fs.ErrNotExist.
type MissingError struct{ Folder string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("campaign %s: expected a folder with %s, found none", e.Folder, headerFile)
}

// Unwrap returns fs.ErrNotExist.
func (e *MissingError) Unwrap() error { return fs.ErrNotExist }

// A DamageError says what of a file is not as it was written.
type DamageError struct {
	File     string // below the campaign's folder
	Line     uint64 // the number of the first line that is lost; of files of lines alone
	Expected string
	Found    string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: expected %s, found %s", e.File, e.Expected, e.Found)
}

// An OrderError says that lines do not come in the order of their numbers.
type OrderError struct{ Expected, Found uint64 }

func (e *OrderError) Error() string {
	return fmt.Sprintf("campaign's lines: expected line %d, found line %d", e.Expected, e.Found)
}

// A LimitError says that something is larger than what is kept, or is not of the campaign's header.
type LimitError struct{ What, Expected, Found string }

func (e *LimitError) Error() string {
	return fmt.Sprintf("campaign's %s: expected %s, found %s", e.What, e.Expected, e.Found)
}

// A WriteError says that something could not be written, such as on a full disk, and wraps what the system said. What was acknowledged
// before is there; Open mends what this write may have left behind.
type WriteError struct {
	File string // below the campaign's folder
	Err  error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("campaign's %s: cannot be written: %v", e.File, e.Err)
}

// Unwrap returns what the system said.
func (e *WriteError) Unwrap() error { return e.Err }

// ErrClosed says that a campaign was closed.
var ErrClosed = errors.New("campaign's folder was closed")

// bare is what the system said, without the path that it said it about.
func bare(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
