package check

import (
	"fmt"
	"slices"
	"strings"
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError struct {
	Parameter string // the key in a world file, or several
	Found     string
	Expected  string
}

func (e *WorldError) Error() string {
	return fmt.Sprintf("world: %s is %s; expected %s", e.Parameter, e.Found, e.Expected)
}

// Wrong returns the error of a world whose parameter is not as expected.
func Wrong(parameter, found, expected string) *WorldError {
	return &WorldError{Parameter: parameter, Found: found, Expected: expected}
}

// NoBug is a world's bug when no guard is broken. A world file may leave it out.
const NoBug = "none"

// KnownBug refuses, with a *WorldError, a bug that is not among those given.
func KnownBug(bug string, bugs []string) error {
	if bug == "" || bug == NoBug || slices.Contains(bugs, bug) {
		return nil
	}
	return Wrong("bug", fmt.Sprintf("%q", bug), "one of "+strings.Join(append([]string{NoBug}, bugs...), ", "))
}

// ParseWorld reads a world as ReadWorld does, fills in that it has no bug, which is where bug says, when it names none, and
// validates it.
func ParseWorld[W interface{ Validate() error }](text []byte, bug func(*W) *string) (W, error) {
	var w W
	if err := ReadWorld(text, &w); err != nil {
		return w, err
	}
	if b := bug(&w); *b == "" {
		*b = NoBug
	}
	return w, w.Validate()
}
