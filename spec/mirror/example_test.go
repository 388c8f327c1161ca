package mirror_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/mirror"
)

// A chain of two copies survives the loss of one; a disk by itself does not.
func Example() {
	for _, w := range []mirror.World{
		{Zones: 1, Copies: 2, MaxWrite: 1, MaxEpoch: 2, CopyLosses: 1, Repair: true},
		{Zones: 1, Copies: 1, MaxWrite: 1, MaxEpoch: 1, CopyLosses: 1},
	} {
		m, err := mirror.New(w)
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
	// 81 states: pass
	// 7 states: violation
	// Durable fails after
	//   Issue(1)
	//   Store(1, 1)
	//   Ack(1, 1)
	//   Lose(1, 1)
}
