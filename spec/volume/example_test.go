package volume_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"
)

// Three replicas, two of which make a record written. A writer that takes over cuts the log at the first missing LSN; when it cuts
// at the highest LSN that it finds, a record is kept whose predecessor is missing.
func Example() {
	for _, w := range []volume.World{
		{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 2, Symmetry: true},
		{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 2, Symmetry: true, Bug: "cut-at-highest"},
	} {
		m, err := volume.NewModel(w)
		if err != nil {
			fmt.Println(err)
			return
		}
		r, err := check.Search(context.Background(), m, check.Options{NoReduction: true})
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
	// 1937 states: pass
	// 163 states: violation
	// KeptIsStored fails after
	//   Start(2)
	//   Fence(2, r1)
	//   Write(1, t1, k1)
	//   Commit(1, t1)
	//   Store(1, 2, r2)
	//   Fence(2, r2)
	//   Decide(2) with Q = {r1, r2}
}
