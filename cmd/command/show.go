package command

import (
	"errors"
	"io"
)

// show writes what a command found: as JSON, or as text for people.
func show(out io.Writer, found interface {
	JSON() ([]byte, error)
	WriteText(io.Writer) error
}, asJSON bool) error {
	if !asJSON {
		return found.WriteText(out)
	}
	text, err := found.JSON()
	_, written := out.Write(text)
	return errors.Join(err, written)
}
