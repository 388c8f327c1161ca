package isr_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/isr"
)

// A follower that cuts its log at its own high watermark when it hears of an epoch gives up a record that is committed: the
// watermark of a follower is behind its leader's (KIP-101).
func Example() {
	for _, bug := range []string{"none", "truncate-to-high-watermark"} {
		m, err := isr.New(isr.World{Replicas: 2, MaxOffset: 1, MaxEpoch: 2, Bug: bug})
		if err != nil {
			fmt.Println(err)
			return
		}
		r, err := check.Search(context.Background(), m, check.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d states: %s\n", r.Distinct, r.Verdict)
		if r.Invariant != "" {
			fmt.Println(r.Invariant, "fails after")
		}
		for _, step := range r.Trace {
			fmt.Println(" ", step.Action)
		}
	}
	// Output:
	// 148 states: pass
	// 85 states: violation
	// Durable fails after
	//   Elect(1, 0)
	//   Write(1)
	//   Fetch(2)
	//   Advance(1)
	//   BecomeFollower(2, 2)
}
