package coverage_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
)

// Two runs come through a space of four states: the second one adds one to what the first one reached.
func ExampleSeen() {
	seen := coverage.NewSeen([]coverage.Space{{World: "toy", Kind: "states", Size: 4}})
	for _, run := range []coverage.Features{{coverage.At(0, 0), coverage.At(0, 1)}, {coverage.At(0, 1), coverage.At(0, 3)}} {
		first, second, err := seen.Add(run)
		fmt.Println(len(first), "new,", len(second), "for the second time,", err)
	}
	fmt.Println(seen.Reached(0), "of", seen.Spaces()[0].Size, seen.Spaces()[0])
	// Output:
	// 2 new, 0 for the second time, <nil>
	// 1 new, 1 for the second time, <nil>
	// 3 of 4 states of toy
}
