package segment_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
	"github.com/firstgap/firstgap/impl/segment"
)

// A segment is fenced by a writer and put on its log. It acknowledges how far it is complete: of the records 1 and 3 that is 1,
// until 2 is there. What it acknowledged survives a crash.
func Example() {
	const id = node.ID(1)
	volume := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 10, Segments: [][]node.ID{{id, 2, 3}}}
	start := func() *segment.Segment {
		return segment.New(segment.Config{ID: id, Volume: volume, GossipEvery: time.Second}, node.NoHook{})
	}
	record := func(l node.LSN, old, value string) *node.Record {
		r := &node.Record{LSN: l, Epoch: 1, Prev: l - 1, Kind: node.Write, Last: true, Txn: node.MakeTxn(1, 1), Page: 1, Key: "x", New: node.Some(value), OldestActive: 1}
		if old != "" {
			r.Old = node.Some(old)
		}
		r.Seal()
		return r
	}
	var w instant.World
	w.Start(id, start())
	w.Send(id, &node.Fence{Epoch: 1})
	w.Send(id, &node.Join{Epoch: 1, History: node.FirstHistory()})
	for _, records := range [][]*node.Record{{record(1, "", "500")}, {record(3, "510", "520")}, {record(2, "500", "510")}} {
		fmt.Println(node.Describe(w.Send(id, &node.Append{Epoch: 1, Records: records})[0]))
	}

	again := start()
	w.Start(id, again)
	image, err := again.PageAt(1, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := page.Decode(image)
	fmt.Println(again.SCL(), p.Get("x"), err)
	// Output:
	// appended &{Epoch:1 SCL:1}
	// appended &{Epoch:1 SCL:1}
	// appended &{Epoch:1 SCL:3}
	// 3 520 <nil>
}
