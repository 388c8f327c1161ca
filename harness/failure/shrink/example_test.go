package shrink_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
)

// A node that ends itself at a write, once it has been started three times. Of a run with many faults and calls, two faults and one call
// are left.
func Example() {
	s := system(1, 3)
	c, err := s.Generate(3, harness.Generation{})
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Plan = faults.Plan{Horizon: 300 * ms, BeyondBudget: true}
	for i := range faults.Duration(8) {
		c.Plan.Faults = append(c.Plan.Faults,
			faults.Fault{Kind: faults.Crash, At: (10 + 20*i) * ms, For: 3 * ms, Nodes: []string{"replica 1"}},
			faults.Fault{Kind: faults.Delay, At: (15 + 20*i) * ms, For: 3 * ms, Extra: 1 * ms})
	}
	run, trail := failure.Record(s, c)
	r, err := shrink.Shrink(context.Background(), s, failure.Of(&run, trail), shrink.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Target)
	fmt.Println("faults:", r.Before.Faults, "and then", r.After.Faults)
	fmt.Println("calls:", r.Before.Operations, "and then", r.After.Operations)
	fmt.Println("minimal:", r.Minimal)
	// Output:
	// sanity (no node ends itself: started too often)
	// faults: 16 and then 2
	// calls: 8 and then 1
	// minimal: true
}
