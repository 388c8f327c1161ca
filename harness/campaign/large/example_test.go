package large_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/harness/campaign/large"
)

// A job in each large world of each model, and what those in the worlds of the volume saw.
func Example() {
	worlds := large.Worlds()
	var joint large.Joint
	for _, j := range large.Jobs(worlds, 7, uint64(len(worlds)), len(worlds)) {
		o := large.Do(context.Background(), j)
		if err := joint.Add(o.Number, o.Receipt); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(joint.Verdict())
	for _, c := range joint.Worlds() {
		if c.Subject != "volume" {
			continue
		}
		states, exact := c.Distinct()
		fmt.Println(c.Subject, c.World, c.Walks, states > 1000, exact)
	}
	// Output:
	// could not tell
	// volume members-and-groups-change 80 true true
	// volume six-with-tails 80 true true
	// volume two-groups-of-six 80 true true
	// volume two-groups-of-six-acks 80 true true
	// volume two-groups-of-six-all 80 true true
}
