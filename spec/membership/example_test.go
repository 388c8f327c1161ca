package membership_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/membership"
)

// A group of three replaces a segment, one step at a time. When the new member votes at once in the old one's place, a write may
// be acknowledged that a read quorum of the old members misses.
func Example() {
	for _, w := range []membership.World{
		{Steady: 2, Doubtful: 1, WriteQuorum: 2, ReadQuorum: 2, MaxLSN: 1, MaxEpoch: 2, Symmetry: true},
		{Steady: 2, Doubtful: 1, WriteQuorum: 2, ReadQuorum: 2, MaxLSN: 1, MaxEpoch: 2, Symmetry: true, Bug: "vote-at-once"},
	} {
		m, err := membership.New(w)
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
	// 613 states: pass
	// 55 states: violation
	// Durable fails after
	//   Suspect(3, 4)
	//   Store(1)
	//   Store(3)
	//   Advance()
}
