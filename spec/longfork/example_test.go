package longfork_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/longfork"
)

// A primary that shows commits in the order of its log is at one with its secondaries. One that shows them as sessions leave
// the ProcArray is not: one reader is shown T2 without T1, another T1 without T2.
func Example() {
	for _, bug := range []string{"none", "primary-by-procarray"} {
		m, err := longfork.New(longfork.World{Txns: 2, Rows: 2, Secondaries: 1, Acks: 1, Snapshots: 2, Bug: bug})
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
	// 5088 states: pass
	// 2912 states: violation
	// SnapshotsOrdered fails after
	//   Begin(1)
	//   Write(1, 1)
	//   Commit(1)
	//   Receive(1)
	//   Begin(2)
	//   Write(2, 2)
	//   Commit(2)
	//   Replay(1, 1)
	//   ReadSecondary(1)
	//   Receive(1)
	//   Show(2)
	//   ReadPrimary()
}
