package labs_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/grade/labs"
)

// The reference of a lab passes its first test.
func Example() {
	lab, err := labs.Numbered(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	test := &lab.Tests[0]
	out := lab.Run(test, lab.Reference, lab.Seeds(test, nil), labs.Options{})
	fmt.Printf("lab %d, %s: %s\n", lab.Number, lab.Title, test.Rule)
	fmt.Println("runs:", out.Made, "passed:", out.Passed())
	// Output:
	// lab 2, A segment: where nothing goes wrong, a segment stores what it is sent, says so, and gives pages
	// runs: 4 passed: true
}
