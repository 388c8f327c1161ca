package quorum_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/baseline/quorum"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
)

// Of three replicas two make a write and two a read. Any one may be lost, and a read still meets a replica that has the write.
func Example() {
	const front = node.ID(10)
	config := quorum.Config{ID: front, Replicas: []node.ID{1, 2, 3}, W: 2, R: 2, RetryEvery: 10 * time.Millisecond, IdleAfter: time.Second,
		Limits: quorum.DefaultLimits()}
	if err := config.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	var w instant.World
	for _, id := range config.Replicas {
		w.Start(id, quorum.NewReplica())
	}
	w.Start(front, quorum.NewFront(config))

	// A transaction is one write or one read of one row.
	t := w.Ask(front, node.Request{Op: node.OpBegin}).Txn
	w.Ask(front, node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: "X", Value: node.Some("510")}}})
	fmt.Println("commit:", w.Ask(front, node.Request{Op: node.OpCommit, Txn: t}).Status)

	w.Lose(1)
	t = w.Ask(front, node.Request{Op: node.OpBegin}).Txn
	fmt.Println("X:", w.Ask(front, node.Request{Op: node.OpGet, Txn: t, Rows: []node.Row{{Key: "X"}}}).Value)
	// Output:
	// commit: ok
	// X: 510
}
