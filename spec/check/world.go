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

// A Range is the least and the most that a number of a world may be.
type Range struct {
	name               string
	value, least, most int
	note               string
}

// Between returns the range of a number, which the key in a world file names, or several. The note goes behind the range and
// says what it depends on.
func Between(name string, value, least, most int, note string) Range {
	return Range{name: name, value: value, least: least, most: most, note: note}
}

// InRange refuses, with a *WorldError, the first number that is out of its range.
func InRange(ranges ...Range) error {
	for _, r := range ranges {
		if r.value < r.least || r.value > r.most {
			return Wrong(r.name, fmt.Sprint(r.value), fmt.Sprintf("%d to %d%s", r.least, r.most, r.note))
		}
	}
	return nil
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
