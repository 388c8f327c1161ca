package older_test

import (
	"errors"
	"fmt"

	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/conform/older"
	"github.com/firstgap/firstgap/impl/node"
)

// A front of the quorum register writes a row: it asks for versions, takes the next, and stores it. With W = 2 it may not answer
// its client when one replica has stored it.
func Example() {
	const front = node.ID(10)
	register, err := older.NewQuorum([]node.ID{1, 2, 3}, 2, 2, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	first := node.Version{Number: 1, By: 1}
	for i, told := range []struct {
		from node.ID
		t    node.Trace
	}{
		{front, node.Trace{Action: node.ActRegisterBegin, Detail: &node.RegisterStep{Key: "x", Op: 1, Token: 1, Writes: true}}},
		{1, node.Trace{Action: node.ActRegisterTell, From: front, Detail: &node.RegisterStep{Key: "x", Token: 1}}},
		{2, node.Trace{Action: node.ActRegisterTell, From: front, Detail: &node.RegisterStep{Key: "x", Token: 1}}},
		{front, node.Trace{Action: node.ActRegisterSettle, Detail: &node.RegisterStep{Key: "x", Op: 1, Token: 2, Version: first,
			Heard: []node.RegisterRow{{Replica: 1}, {Replica: 2}}}}},
		{1, node.Trace{Action: node.ActRegisterStore, From: front, Detail: &node.RegisterStep{Key: "x", Token: 2, Version: first}}},
		{front, node.Trace{Action: node.ActRegisterEnd, Detail: &node.RegisterStep{Key: "x", Op: 1, Heard: []node.RegisterRow{{Replica: 1}}}}},
	} {
		err := register.Tell(node.Time(i), told.from, &told.t)
		if v := (*conform.Violation)(nil); errors.As(err, &v) {
			fmt.Println("step", i+1, v.Action+":", "expected", v.Expected+", found", v.Found)
			return
		}
	}
	// Output:
	// step 6 RegisterEnd: expected 2 replicas, found the set 1 of them
}
