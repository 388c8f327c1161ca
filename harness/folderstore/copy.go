package folderstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/firstgap/firstgap/harness/internal/filelock"
	"github.com/firstgap/firstgap/impl/backup"
)

// A Copy is the copying of one backup into a folder. While it is under way it holds the folder, so that objects of two
// volumes never meet there; a copy that is killed lets it go, and the next one removes what is left of it.
//
// The manifest, which names every object, is put last: a folder without one is no whole backup.
type Copy struct {
	store *Store
	mark  *os.File // copyingFile, locked
	whole bool     // nothing is missing: neither is a copy half done
}

// NewCopy makes the folder when it is not there, and holds it until Close. It fails with a *HeldError when another copy is
// under way, with a *NotEmptyError when the folder holds anything but what is left of a copy that did not end, and with a
// *FolderError when the folder cannot be written.
func NewCopy(folder string) (*Copy, error) {
	if err := makeFolder(folder); err != nil {
		return nil, &FolderError{Folder: folder, Err: bare(err)}
	}
	s, err := Open(folder)
	if err != nil {
		return nil, err
	}
	c := &Copy{store: s, whole: true}
	interrupted, err := c.hold()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := c.clean(interrupted); err != nil {
		var found *NotEmptyError
		c.whole = !interrupted || errors.As(err, &found) && found.Whole
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// hold takes the folder, and tells whether a copy that did not end had it before.
func (c *Copy) hold() (interrupted bool, err error) {
	s := c.store
	for {
		_, err := s.root.Lstat(copyingFile)
		interrupted = err == nil
		f, err := s.root.OpenFile(copyingFile, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return false, s.broken("", err)
		}
		if held, err := filelock.Take(f); err != nil || held {
			if err == nil {
				err = &HeldError{Folder: s.folder}
			}
			return false, errors.Join(err, f.Close())
		}
		// A copy that ends removes the file while it holds it: what was locked here may be in the folder no longer.
		mine, err := f.Stat()
		there, gone := s.root.Stat(copyingFile)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			c.mark = f
			return interrupted, s.syncFolders(copyingFile)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return false, s.broken(copyingFile, err)
		}
	}
}

// clean removes what a copy that did not end has left. It removes nothing that a copy does not make.
func (c *Copy) clean(interrupted bool) error {
	s := c.store
	names, err := s.List("")
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == backup.ManifestName {
			return &NotEmptyError{Folder: s.folder, Objects: len(names), Such: name, Whole: true}
		}
	}
	for _, name := range names {
		if !interrupted || !backup.IsName(name) {
			return &NotEmptyError{Folder: s.folder, Objects: len(names), Such: name}
		}
	}
	if !interrupted {
		return nil
	}
	for _, name := range names {
		if err := s.root.Remove(name); err != nil {
			return s.broken(name, err)
		}
	}
	return fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == besideFile {
			err = s.root.Remove(name)
		}
		if err != nil {
			return s.broken(name, err)
		}
		return nil
	})
}

// From copies all objects of a backup, and returns how many they are. It is called once; after an error the copy is half.
func (c *Copy) From(ctx context.Context, from backup.Source) (int, error) {
	c.whole = false
	n, err := c.from(ctx, from)
	if err != nil {
		return 0, fmt.Errorf("%w; the next copy to %s removes what this one has left there", err, c.store.folder)
	}
	c.whole = true
	return n, nil
}

func (c *Copy) from(ctx context.Context, from backup.Source) (int, error) {
	names, err := from.List("")
	if err != nil {
		return 0, err
	}
	// What every point needs comes first, so that a half copy is of use.
	if i := slices.Index(names, backup.VolumeName); i > 0 {
		names = slices.Concat(names[i:i+1], names[:i], names[i+1:])
	}
	var m backup.Manifest
	for _, name := range names {
		if name == backup.ManifestName {
			continue // it is made anew, of what was really copied
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if !backup.IsName(name) {
			return 0, &NameError{Folder: c.store.folder, Name: name}
		}
		data, err := from.Get(name)
		if err == nil {
			err = c.store.Put(name, data)
		}
		if err != nil {
			return 0, err
		}
		m.Add(name, data)
	}
	return len(m), c.store.Put(backup.ManifestName, m.Encode())
}

// Close lets the folder go.
func (c *Copy) Close() error {
	var err error
	if c.whole {
		if err = c.store.root.Remove(copyingFile); err != nil {
			err = c.store.broken(copyingFile, err)
		}
	}
	return errors.Join(err, c.mark.Close(), c.store.Close())
}
