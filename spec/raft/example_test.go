package raft_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/raft"
)

// Three servers, of which one leads and has one value to replicate. If it commits what one server less than a majority has, the
// value can be lost.
func Example() {
	for _, w := range []raft.World{
		{Servers: 3, Members: 3, Leader: true, MaxTerm: 2, MaxLog: 1, Requests: 1, MaxMessages: 1, Batch: 1, Symmetry: true},
		{Servers: 3, Members: 3, Leader: true, MaxTerm: 2, MaxLog: 1, Requests: 1, MaxMessages: 1, Batch: 1, Symmetry: true, Bug: "commit-short"},
	} {
		m, err := raft.New(w)
		if err != nil {
			fmt.Println(err)
			return
		}
		r, err := check.Search(context.Background(), m, check.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s, broken: %q\n", r.Verdict, r.Invariant)
		for _, step := range r.Trace {
			fmt.Println(" ", step.Action)
		}
	}
	// Output:
	// pass, broken: ""
	// violation, broken: "QuorumLogInv"
	//   ClientRequest(s1)
	//   AdvanceCommitIndex(s1)
}
