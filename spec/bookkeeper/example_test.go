package bookkeeper_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/bookkeeper"
	"github.com/firstgap/firstgap/spec/check"
)

// A bookie that a recovery read does not fence says that it lacks an entry, and stores it after that: the ledger is closed without
// an entry that is acknowledged (apache/bookkeeper#2614).
func Example() {
	for _, bug := range []string{"none", "read-unfenced"} {
		m, err := bookkeeper.New(bookkeeper.World{Bookies: 2, Ensemble: 2, WriteQuorum: 2, AckQuorum: 2, Entries: 1, Recoverers: 1, Bug: bug})
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
	// 334 states: pass
	// 337 states: violation
	// Durable fails after
	//   Send(1)
	//   Store(1, 2)
	//   Recover(1)
	//   Fence(1, 2)
	//   Read(1)
	//   Answer(1, 1)
	//   Store(1, 1)
	//   Missing(1)
	//   Acknowledge(1)
	//   Seal(1)
}
