// Package folderstore keeps the objects of a backup in a folder, one file each, and reads them back. It is for backups that
// are copied once and restored later. Use package impl/objects instead when a volume is backed up while it works.
//
// A file is there whole or not at all, and stays there when the machine loses power as soon as Put has returned: it is
// written beside its place, synced and renamed, and then its folders are synced. Names cannot leave the folder.
package folderstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/firstgap/firstgap/impl/backup"
)

// Limits of a folder. What is beyond one is refused with a *LimitError.
const (
	MaxName    = 256       // bytes of a name
	MaxObject  = 256 << 20 // bytes of an object
	MaxObjects = 1 << 20   // objects in a folder
)

// Our own files begin with a dot; no object's name, and no part of one, does.
const (
	besideFile  = ".incoming" // an object that is being written
	copyingFile = ".copying"  // held while a copy is under way, and left by one that did not end
)

// A Store is a folder of objects. It is a backup.Source, and safe for concurrent use.
type Store struct {
	folder string
	root   *os.Root
	put    sync.Mutex
	linked map[string]bool // folders whose names are durable; under put
}

// Path returns the path of the folder that a user names: a plain path, or file:///path. Any other scheme is refused.
func Path(location string) (string, error) {
	refuse := func(found string) (string, error) {
		return "", fmt.Errorf("expected a folder, such as backups/monday or file:///backups/monday, found %s", found)
	}
	scheme, _, isURL := strings.Cut(location, "://")
	switch {
	case location == "":
		return refuse("no name")
	case !isURL || strings.ContainsAny(scheme, `/\`):
		return location, nil
	case scheme != "file":
		return refuse(fmt.Sprintf("%s, which is a place of the kind %q", location, scheme))
	}
	u, err := url.Parse(location)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" || u.Fragment != "" {
		return refuse(fmt.Sprintf("%s (a file URL has three slashes before its path, and nothing behind it)", location))
	}
	return filepath.FromSlash(u.Path), nil
}

// Open opens a folder to read from it. The folder must be there.
func Open(folder string) (*Store, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, &FolderError{Folder: folder, Err: bare(err)}
	}
	return &Store{folder: folder, root: root, linked: map[string]bool{}}, nil
}

// Close lets the folder go.
func (s *Store) Close() error { return s.root.Close() }

// Get returns an object. It implements backup.Source, and fails with a *backup.MissingError when no object has that name.
func (s *Store) Get(name string) ([]byte, error) {
	if err := s.valid(name); err != nil {
		return nil, err
	}
	f, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &backup.MissingError{Name: name}
	}
	if err != nil {
		return nil, s.broken(name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxObject+1))
	if err != nil {
		return nil, s.broken(name, err)
	}
	if len(data) > MaxObject {
		return nil, &LimitError{Folder: s.folder, Name: name, What: "bytes", Most: MaxObject}
	}
	return data, nil
}

// List returns the names of all objects that begin with prefix, ascending. It implements backup.Source.
func (s *Store) List(prefix string) ([]string, error) {
	var names []string
	err := fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return s.broken(name, err)
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return s.broken(name, errors.New("expected a file, found "+d.Type().String()))
		}
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
		if len(names) > MaxObjects {
			return &LimitError{Folder: s.folder, What: "objects", Most: MaxObjects}
		}
		return nil
	})
	slices.Sort(names) // a walk has "a/b" before "a-b"
	return names, err
}

// Put puts an object, which is durable when Put returns. It fails with an *ExistsError when there is one of that name: of
// many who put it, one succeeds. Across processes that holds for those who hold the folder (see Create).
func (s *Store) Put(name string, data []byte) error {
	if err := s.valid(name); err != nil {
		return err
	}
	if len(data) > MaxObject {
		return &LimitError{Folder: s.folder, Name: name, What: "bytes", Most: MaxObject}
	}
	s.put.Lock()
	defer s.put.Unlock()
	if _, err := s.root.Lstat(name); err == nil {
		return &ExistsError{Folder: s.folder, Name: name}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return s.broken(name, err)
	}
	beside := path.Join(path.Dir(name), besideFile)
	err := s.root.MkdirAll(path.Dir(name), 0o755)
	if err == nil {
		err = s.write(beside, data)
	}
	if err == nil {
		err = s.root.Rename(beside, name)
	}
	if err != nil {
		_ = s.root.Remove(beside) // to make room where the disk is full; the error that counts is the first
		return s.broken(name, err)
	}
	return s.syncFolders(name)
}

// write writes a file, in place of another, and syncs it.
func (s *Store) write(name string, data []byte) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolders makes a name durable: each folder holds the name of the next, and any of them may be new.
func (s *Store) syncFolders(name string) error {
	for at := name; at != "." && !s.linked[at]; at = path.Dir(at) {
		f, err := s.root.Open(path.Dir(at))
		if err == nil {
			err = errors.Join(syncFolder(f), f.Close())
		}
		if err != nil {
			return s.broken(name, err)
		}
		if at != name {
			s.linked[at] = true
		}
	}
	return nil
}

// syncFolder syncs an open folder, where the system can.
func syncFolder(f *os.File) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such call
	}
	err := f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil // nor have some file systems
	}
	return err
}

// makeFolder makes a folder and those above it, durably.
func makeFolder(folder string) error {
	above := filepath.Dir(folder)
	err := os.Mkdir(folder, 0o755)
	if errors.Is(err, fs.ErrNotExist) && above != folder {
		if err = makeFolder(above); err == nil {
			err = os.Mkdir(folder, 0o755)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // whether it is a folder, who opens it finds out
	}
	if err != nil {
		return err
	}
	f, err := os.Open(above)
	if err != nil {
		return err
	}
	return errors.Join(syncFolder(f), f.Close())
}

// valid refuses names that are no objects' names.
func (s *Store) valid(name string) error {
	switch {
	case len(name) > MaxName:
		return &LimitError{Folder: s.folder, Name: name, What: "bytes of a name", Most: MaxName}
	case !fs.ValidPath(name), strings.HasPrefix(name, "."), strings.Contains(name, "/."), strings.ContainsAny(name, "\\:\x00"):
		return &NameError{Folder: s.folder, Name: name}
	}
	return nil
}

func (s *Store) broken(name string, err error) error {
	return &FolderError{Folder: s.folder, Name: name, Err: bare(err)}
}
