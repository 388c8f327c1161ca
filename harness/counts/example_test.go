package counts_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/counts"
)

// A campaign adds up what its runs counted. What stays zero though so many runs should have it shows that they do too little.
func Example() {
	var all counts.Counts
	for range 2 {
		all.Add(&counts.Counts{Runs: 1, Acknowledged: 4})
	}
	for _, a := range all.Amounts() {
		switch {
		case a.Value > 0:
			fmt.Println(a.Text+":", a.Value)
		case a.By > 0 && a.By <= all.Runs && a.Of == "log":
			fmt.Println(a.Text + ": none in so many runs")
		}
	}
	// Output:
	// runs: 2
	// commits acknowledged: 8
	// take-overs: none in so many runs
}
