package counts_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/counts"
)

// A campaign adds up what its runs counted, and lists it for people.
func Example() {
	var all counts.Counts
	for range 2 {
		all.Add(&counts.Counts{Runs: 1, Acknowledged: 4})
	}
	for _, a := range all.Amounts() {
		if a.Value > 0 {
			fmt.Println(a.Text+":", a.Value)
		}
	}
	// Output:
	// runs: 2
	// commits acknowledged: 8
}
