package exhaustive_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/exhaustive"
)

// The writer dies when it has sent the records of one transaction to one segment of three; and after each step that follows, one
// process more.
func Example() {
	o := exhaustive.Options{Implementation: aurora.Ours(), Seed: exhaustive.DefaultSeed, Pairs: true,
		First: func(p exhaustive.Point) bool { return p.String() == "writer 1 step 42 sent 1 lost" }}
	r, err := exhaustive.Run(context.Background(), o)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("all pairs run:", r.Two.Run == r.Two.Enumerated && r.Two.Run > 0)
	fmt.Println("violations:", r.Violations)
	// Output:
	// all pairs run: true
	// violations: 0
}
