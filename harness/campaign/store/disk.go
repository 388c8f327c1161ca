package store

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A disk is what changes the folder. All of the store's writing goes through one, so that a test can stop after any of its steps, and
// lose what was not synced.
type disk interface {
	create(name string) (file, error) // new, or emptied
	extend(name string) (file, error) // there already; writes go to its end
	rename(from, to string) error     // over what is there
	remove(name string) error         // a file
	folder(name string) (bool, error) // makes one, and says whether it was not there
	sync(folder string) error         // its names
	list(folder string) ([]os.DirEntry, error)
	read(name string, most int) ([]byte, error)
}

type file interface {
	Write([]byte) (int, error)
	Truncate(int64) error
	Sync() error
	Close() error
}

// A real disk is a folder of the system's.
type real struct{ path string }

func (r real) at(name string) string { return filepath.Join(r.path, filepath.FromSlash(name)) }

func (r real) create(name string) (file, error) {
	return os.OpenFile(r.at(name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o644)
}

func (r real) extend(name string) (file, error) {
	return os.OpenFile(r.at(name), os.O_WRONLY|os.O_APPEND, 0)
}

func (r real) rename(from, to string) error { return os.Rename(r.at(from), r.at(to)) }
func (r real) remove(name string) error     { return os.Remove(r.at(name)) }

func (r real) folder(name string) (bool, error) {
	err := os.Mkdir(r.at(name), 0o755)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

func (r real) sync(folder string) error { return syncFolder(r.at(folder)) }

func (r real) list(folder string) ([]os.DirEntry, error) { return os.ReadDir(r.at(folder)) }

func (r real) read(name string, most int) ([]byte, error) {
	f, err := os.Open(r.at(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > int64(most) {
		return nil, &LimitError{name, "a file of at most " + bytesOf(most), bytesOf(int(info.Size()))}
	}
	return os.ReadFile(r.at(name))
}

// newPrefix begins the name of a file that is being written. Open removes those that a killed process left.
const newPrefix = ".new-"

// put writes a file whole or not at all: when it returns, the file is there also after a power cut. Package atomic does not sync the
// folder, after which the old file may come back, and gives a test no place to stop in between.
func put(d disk, name string, text []byte) (err error) {
	folder, base := path.Split(name)
	beside := folder + newPrefix + base
	defer func() {
		if err != nil {
			err = &WriteError{name, bare(err)}
		}
	}()
	f, err := d.create(beside)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(bare(err), f.Close())
	if err == nil {
		err = d.rename(beside, name)
	}
	if err != nil {
		return errors.Join(bare(err), ignoreMissing(d.remove(beside)))
	}
	return d.sync(path.Clean(folder))
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// sweep removes what a killed process was writing.
func sweep(d disk, folder string) error {
	all, err := d.list(folder)
	if err != nil {
		return err
	}
	for _, e := range all {
		if strings.HasPrefix(e.Name(), newPrefix) {
			if err := d.remove(path.Join(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
