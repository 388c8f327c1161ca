package reader_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/reader"
)

// A reader follows the log stream, query by query. When a query is shown changes of a transaction whose commit it has
// not seen, the search finds how.
func Example() {
	for _, w := range []reader.World{
		{Groups: 1, Members: 1, WriteQuorum: 1, ReadQuorum: 1, Pages: 1, Readers: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 1},
		{Groups: 1, Members: 1, WriteQuorum: 1, ReadQuorum: 1, Pages: 1, Readers: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 1, Bug: "show-uncommitted"},
	} {
		m, err := reader.New(w)
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
	// 300 states: pass
	// 78 states: violation
	// NothingUncommitted fails after
	//   Write(1, 1, 1)
	//   Store(1, 1)
	//   Deliver(1)
	//   Tell(1, 1)
	//   Begin(1)
	//   ReadStored(1, 1, 1)
}
