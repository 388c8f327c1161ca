package wal_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/wal"
)

// Steal writes a page before what is on it is committed, so recovery has to undo. Without that pass a crash leaves half of a
// transfer.
func Example() {
	for _, w := range []wal.World{
		{Work: "transfer", Txns: 1, Steal: true, RedoPass: true, UndoPass: true, MaxLSN: 5, MaxCrashes: 1},
		{Work: "transfer", Txns: 1, Steal: true, RedoPass: true, MaxLSN: 5, MaxCrashes: 1},
	} {
		m, err := wal.New(w)
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
	// 181 states: pass
	// 40 states: violation
	// Atomic fails after
	//   Write(1)
	//   FlushLog()
	//   FlushPage(1)
	//   Crash()
	//   Redo()
	//   Open()
}
