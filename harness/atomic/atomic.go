// Package atomic writes files whole or not at all: a reader of the name finds the old file or the new one, also when the program
// is killed or the disk is full in between.
//
// Not for a program that appends to a file, or for two that write one: the last Write wins.
package atomic

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Write puts data in the place of a file, which anybody may read.
func Write(file string, data []byte) error {
	t, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, bare(err))
	}
	_, err = t.Write(data)
	err = errors.Join(bare(err), t.Chmod(0o644), t.Sync(), t.Close())
	if err == nil {
		err = bare(os.Rename(t.Name(), file))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(t.Name()))
	}
	return nil
}

// bare is what the system said, without the name of the file beside, which says nothing to who asked for another one.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
