package mutant_test

import (
	"fmt"

	"github.com/firstgap/firstgap/faults/mutants/mutant"
)

// In a run without any mutant, those are learned of that would have changed it: the boundary of a comparison only where both sides are
// equal.
func Example() {
	mutant.Watch()
	for _, held := range []int{3, 7} {
		fmt.Println(mutant.Less(1, held, 7), mutant.Infected())
	}
	// Output:
	// true []
	// false [1]
}
