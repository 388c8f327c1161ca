package harness

import (
	"sync"

	"github.com/firstgap/firstgap/faults"
)

// points switches on every failpoint of the program, once: what one run does with them is for its hooks to decide.
var points = sync.OnceValues(faults.EnableAll)

// HasPoints tells whether the program was built with the failpoint overlay.
func HasPoints() bool {
	names, err := points()
	return err == nil && len(names) > 0
}
