package snapshot_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/baseline/snapshot"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
)

// The disk is lost after a copy was taken. A new one begins with the copy: the commit before it is there, and the one after it is
// lost, though it was acknowledged.
func Example() {
	const store, first, second = node.ID(1), node.ID(2), node.ID(3)
	var w instant.World
	w.Start(store, snapshot.NewStore())
	start := func(id node.ID) *snapshot.Instance {
		i := snapshot.New(snapshot.Config{Database: database.DefaultConfig(id), Store: store, Every: time.Second})
		w.Start(id, i)
		return i
	}
	put := func(value string) {
		t := w.Ask(first, node.Request{Op: node.OpBegin}).Txn
		w.Ask(first, node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: "X", Value: node.Some(value)}}})
		fmt.Println("X is", value+":", w.Ask(first, node.Request{Op: node.OpCommit, Txn: t}).Status)
	}
	i := start(first)
	put("500")
	for taken := i.Taken(); i.Taken() == taken; {
		w.Pass(100 * time.Millisecond)
	}
	put("510")

	w.Lose(first)
	start(second)
	t := w.Ask(second, node.Request{Op: node.OpBegin}).Txn
	fmt.Println("X:", w.Ask(second, node.Request{Op: node.OpGet, Txn: t, Rows: []node.Row{{Key: "X"}}}).Value)
	// Output:
	// X is 500: ok
	// X is 510: ok
	// X: 500
}
