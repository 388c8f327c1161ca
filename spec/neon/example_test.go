package neon_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/neon"
)

// With half of the acceptors for a quorum, two computes are elected for one term.
func Example() {
	for _, bug := range []string{"none", "bad-quorum"} {
		m, err := neon.New(neon.World{Proposers: 2, Acceptors: 3, Terms: 1, Entries: 2, Bug: bug, Symmetry: true})
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
		for _, step := range r.Trace {
			fmt.Println(" ", step.Action)
		}
	}
	// Output:
	// 277 states: pass
	// 36 states: violation
	//   Vote(p1, a1)
	//   Vote(p2, a2)
	//   BecomeLeader(p1)
	//   BecomeLeader(p2)
}
