package aurora_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
)

// One run of the project's own implementation under the faults that its seed draws, held against every check.
func Example() {
	system := aurora.System()
	c, err := system.Generate(7, harness.Generation{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := harness.Run(system, c)
	fmt.Println(r.Verdict, "faults:", len(c.Plan.Faults) > 0, "commits:", r.Counts.Acknowledged > 0, "checks not made:", len(r.NotMade))
	// Output:
	// pass faults: true commits: true checks not made: 2
}
