package folderstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A FolderError is what the system says of a folder, or of a file in it.
type FolderError struct {
	Folder string
	Name   string // of the object; empty when it is about the folder
	Err    error
}

func (e *FolderError) Error() string {
	if e.Name == "" || e.Name == "." {
		return fmt.Sprintf("folder %s: %v", e.Folder, e.Err)
	}
	return fmt.Sprintf("folder %s: %s: %v", e.Folder, e.Name, e.Err)
}

func (e *FolderError) Unwrap() error { return e.Err }

// A NameError says that an object cannot have that name.
type NameError struct{ Folder, Name string }

func (e *NameError) Error() string {
	return fmt.Sprintf("folder %s: expected parts of a name that are joined by / and do not begin with a dot, found %q", e.Folder, e.Name)
}

// An ExistsError says that there is an object of that name already. Objects do not change.
type ExistsError struct{ Folder, Name string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("folder %s: expected no object %s yet, found one", e.Folder, e.Name)
}

// A LimitError says that a folder, or an object, is larger than a backup's is.
type LimitError struct {
	Folder, Name string
	What         string
	Most         int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("folder %s: %.64s: expected at most %d %s, found more", e.Folder, e.Name, e.Most, e.What)
}

// A HeldError says that another copy into the folder is under way.
type HeldError struct{ Folder string }

func (e *HeldError) Error() string {
	return fmt.Sprintf("folder %s: expected no other copy into it, found one under way", e.Folder)
}

// A NotEmptyError says that a folder holds something else than what a copy that did not end has left there.
type NotEmptyError struct {
	Folder  string
	Objects int
	Such    string // the name of one of them
	Whole   bool   // they are a whole backup
}

func (e *NotEmptyError) Error() string {
	what := "files"
	if e.Whole {
		what = "files of a whole backup"
	}
	return fmt.Sprintf("folder %s: expected an empty one, found %d %s, such as %s", e.Folder, e.Objects, what, e.Such)
}

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
