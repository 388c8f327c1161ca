package fuzz

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A RoomError says that the campaign's folder takes no more: what the queue's server cannot keep there it asks workers for again and
// again, and would for as long as the disk is full.
type RoomError struct {
	Folder string
	Err    error
}

func (e *RoomError) Error() string {
	return fmt.Sprintf("campaign %s: expected room for %d KiB, as the queue and the lines need, found %v", e.Folder, room>>10, e.Err)
}

func (e *RoomError) Unwrap() error { return e.Err }

// room is how much has to fit into the folder, and roomEvery how often that is tried.
const (
	room      = 256 << 10
	roomEvery = 5 * time.Second
)

// hasRoom tries whether the folder takes more.
func hasRoom(folder string) (err error) {
	name := filepath.Join(folder, ".room")
	defer func() {
		if err = errors.Join(err, os.Remove(name)); err != nil {
			err = &RoomError{folder, err}
		}
	}()
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, room))
	return errors.Join(err, f.Sync(), f.Close())
}
