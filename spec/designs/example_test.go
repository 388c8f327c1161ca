package designs_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/designs"
)

// Aurora's quorums read through the loss of an AZ and one more node; the primary and the secondaries of PostgreSQL do not, and are no
// single history.
func Example() {
	rows, err := designs.Compare(context.Background(), []designs.Design{
		{Name: "Aurora", Model: "volume", World: "six", AZs: []int{2, 2, 2}},
		{Name: "PostgreSQL", Model: "longfork", World: "procarray-rds", AZs: []int{1, 1, 1}},
	}, check.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range rows {
		fmt.Printf("%s: %d of %d acknowledge, a take-over hears from %d; reads survive AZ+1: %t; %s\n",
			r.Design, r.Acks, r.Nodes, r.Recovery, r.Reads.AZPlus1, r.Trial.Found())
	}
	// Output:
	// Aurora: 4 of 6 acknowledge, a take-over hears from 3; reads survive AZ+1: true; pass
	// PostgreSQL: 2 of 3 acknowledge, a take-over hears from 2; reads survive AZ+1: false; SnapshotsOrdered
}
