package writer_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"
)

// A client moves 10 from Y to X. The writer dies with another transaction under way, and its successor has what was acknowledged
// and nothing else.
func Example() {
	const register, first, second = node.ID(10), node.ID(21), node.ID(22)
	volume := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: register, Segments: [][]node.ID{{1, 2, 3}}}
	var w instant.World
	w.Start(register, control.New(control.Config{ID: register, Volume: volume}, node.NoHook{}))
	for _, id := range volume.Segments[0] {
		w.Start(id, segment.New(segment.Config{ID: id, Volume: volume, GossipEvery: time.Second}, node.NoHook{}))
	}
	start := func(id node.ID) {
		w.Start(id, writer.New(writer.Config{ID: id, Volume: volume, CachePages: 16, RetryEvery: 50 * time.Millisecond,
			IdleAfter: time.Second, Limits: writer.DefaultLimits()}, node.NoHook{}))
	}
	put := func(id node.ID, x, y string) node.Txn {
		t := w.Ask(id, node.Request{Op: node.OpBegin}).Txn
		w.Ask(id, node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: "X", Value: node.Some(x)}, {Key: "Y", Value: node.Some(y)}}})
		return t
	}

	start(first)
	moved := w.Ask(first, node.Request{Op: node.OpCommit, Txn: put(first, "510", "740")})
	fmt.Println("commit:", moved.Status)
	put(first, "0", "0") // and never commits

	start(second)
	t := w.Ask(second, node.Request{Op: node.OpBegin}).Txn
	for _, row := range w.Ask(second, node.Request{Op: node.OpScan, Txn: t}).Rows {
		fmt.Println(row.Key, row.Value)
	}
	// Output:
	// commit: ok
	// X 510
	// Y 740
}
