package quorum_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/quorum"
)

// Of three replicas, two make a write and two answer a read. With one answer a read may miss the write before it.
func Example() {
	for _, w := range []quorum.World{
		{Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Writers: 1, Writes: 1, Readers: 1, Reads: 1, Symmetry: true},
		{Replicas: 3, WriteQuorum: 2, ReadQuorum: 1, Writers: 1, Writes: 1, Readers: 1, Reads: 1, Symmetry: true},
	} {
		m, err := quorum.New(w)
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
	// 80 states: pass
	// 18 states: violation
	// Durable fails after
	//   BeginWrite(1, 1)
	//   Store(1, 1, 1)
	//   Store(1, 1, 2)
	//   EndWrite(1, 1)
}
