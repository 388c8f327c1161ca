package database_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
)

// A transaction commits, the instance crashes with another one under way, and recovery redoes the first from the log.
func Example() {
	const id = node.ID(1)
	var w instant.World
	start := func() { w.Start(id, database.New(database.DefaultConfig(id), block.NewLocal())) }
	put := func(x, y string) node.Txn {
		t := w.Ask(id, node.Request{Op: node.OpBegin}).Txn
		w.Ask(id, node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: "X", Value: node.Some(x)}, {Key: "Y", Value: node.Some(y)}}})
		return t
	}
	start()
	fmt.Println("commit:", w.Ask(id, node.Request{Op: node.OpCommit, Txn: put("510", "740")}).Status)
	put("0", "0") // and never commits

	start()
	t := w.Ask(id, node.Request{Op: node.OpBegin}).Txn
	for _, key := range []string{"X", "Y"} {
		fmt.Println(key, w.Ask(id, node.Request{Op: node.OpGet, Txn: t, Rows: []node.Row{{Key: key}}}).Value)
	}
	// Output:
	// commit: ok
	// X 510
	// Y 740
}
