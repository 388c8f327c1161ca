package large_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/harness/campaign/large"
)

// Nineteen jobs, one in each large world, and what they saw.
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
		states, exact := c.Distinct()
		fmt.Println(c.Subject, c.World, c.Walks, states > 1000, exact)
	}
	// Output:
	// could not tell
	// membership six-with-a-zone 80 true true
	// mirror mirrored-overwrite-losses 80 true true
	// mirror mirrored-three-losses 80 true true
	// neon p2_a2_t2_l2_c5 80 true true
	// neon p2_a3_t4_l4 80 true true
	// neon p2_a4_t2_l2_c3 80 true true
	// neon p2_a5_t3_l3 80 true true
	// neon p2_a5_t4_l3 80 true true
	// placement nine-silent 80 true true
	// quorum six-two-writers-two-readers 80 true true
	// reader four-members 80 true true
	// reader two-groups-of-four 80 true true
	// volume members-and-groups-change 80 true true
	// volume six-with-tails 80 true true
	// volume two-groups-of-six 80 true true
	// volume two-groups-of-six-acks 80 true true
	// volume two-groups-of-six-all 80 true true
	// wal four-deposits 80 true true
	// wal three-cross-same-page 80 true true
}
