//go:build !linux

package lines

import (
	"errors"
	"fmt"
	"runtime"
)

// A Group is the processes of a program, looked at from outside.
type Group struct{}

// NewGroup returns the group of a leader.
func NewGroup(int) *Group { return &Group{} }

// Asleep cannot tell on this system whether a program has done all that it will do: a wait of some milliseconds in its place would give
// another run on a busy machine.
func (*Group) Asleep() (bool, error) {
	return false, fmt.Errorf("lines: whether a program is quiet shows on Linux alone, and this is %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Quiet cannot tell; see Asleep.
func (g *Group) Quiet(*Program) error {
	_, err := g.Asleep()
	return err
}

// Line is never of use where nothing tells when the program has written all its lines.
func (*Program) Line() ([]byte, error) {
	_, err := (*Group)(nil).Asleep()
	return nil, err
}

// Clock finds none where nothing tells how threads wait.
func (*Group) Clock() string { return "" }
