package shipping_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/baseline/shipping"
	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"
)

// One small transaction, with the writer and segments as they are and wrapped: wrapped, pages go to every segment, too.
func Example() {
	for _, wrapped := range []bool{false, true} {
		const register, theWriter = node.ID(10), node.ID(20)
		volume := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: register, Segments: [][]node.ID{{1, 2, 3}}}
		var w instant.World
		w.Start(register, control.New(control.Config{ID: register, Volume: volume}, node.NoHook{}))
		for _, id := range volume.Segments[0] {
			var s node.Node = segment.New(segment.Config{ID: id, Volume: volume, GossipEvery: time.Second}, node.NoHook{})
			if wrapped {
				s = shipping.NewSegment(s)
			}
			w.Start(id, s)
		}
		var n node.Node = writer.New(writer.Config{ID: theWriter, Volume: volume, CachePages: 16, RetryEvery: 50 * time.Millisecond,
			IdleAfter: time.Second, Limits: writer.DefaultLimits()}, node.NoHook{})
		if wrapped {
			var err error
			if n, err = shipping.NewWriter(n, page.SizeOf(volume)); err != nil {
				fmt.Println(err)
				return
			}
		}
		w.Start(theWriter, n)
		t := w.Ask(theWriter, node.Request{Op: node.OpBegin}).Txn
		w.Ask(theWriter, node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: "X", Value: node.Some("510")}}})
		status := w.Ask(theWriter, node.Request{Op: node.OpCommit, Txn: t}).Status
		fmt.Println("wrapped:", wrapped, "commit:", status, "messages with pages:", w.Sent("append-pages"))
	}
	// Output:
	// wrapped: false commit: ok messages with pages: 0
	// wrapped: true commit: ok messages with pages: 6
}
