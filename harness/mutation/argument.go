package mutation

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/firstgap/firstgap/faults/mutants"
)

// An Argument says why a mutant is equivalent to the source.
type Argument struct{ Name, Why string }

// ReadArguments reads a line for each: the mutant's name, a tab, and why. Empty lines and those that begin with # are for people. An
// argument for no mutant is an error: the source has changed since.
func ReadArguments(r io.Reader, all []mutants.Mutant) ([]Argument, error) {
	known := map[string]bool{}
	for i := range all {
		known[all[i].Name()] = true
	}
	var arguments []Argument
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := s.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name, why, is := strings.Cut(line, "\t")
		switch {
		case !is || why == "":
			return nil, fmt.Errorf("line %d: expected the name of a mutant, a tab, and why it is equivalent, found %q", n, line)
		case !known[name]:
			return nil, fmt.Errorf("line %d: expected the name of a mutant, found %q, which there is none of", n, name)
		}
		arguments = append(arguments, Argument{name, why})
	}
	return arguments, s.Err()
}
