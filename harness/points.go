package harness

import (
	"errors"
	"sync"

	"github.com/firstgap/firstgap/faults"
)

// points switches on every failpoint of the program, once. Failpoints are the whole program's, as gofail has it; what a
// run does when it passes one is for the hooks of its own nodes to decide.
var points = sync.OnceValues(faults.EnableAll)

// HasPoints tells whether the program was built with the failpoint overlay.
func HasPoints() bool {
	names, err := points()
	return err == nil && len(names) > 0
}

// WithPoints returns a Generation whose plans crash nodes at failpoints, where the program was built with them, and one
// without where it was not.
func WithPoints() (Generation, error) {
	_, err := points()
	if errors.Is(err, faults.ErrNoOverlay) {
		return Generation{}, nil
	}
	var g Generation
	for _, p := range faults.Points() {
		g.Points = append(g.Points, p.Name)
	}
	return g, err
}
