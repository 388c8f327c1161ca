package conform_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/impl/node"
)

// A writer logs a record, two of three segments store it, and its VCL moves there: the model allows that. It does not allow the
// same with one copy.
func Example() {
	const writer = node.ID(100)
	volume := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 1, Segments: [][]node.ID{{10, 11, 12}}}
	record := &node.Record{LSN: 1, Epoch: 1, Kind: node.Write, Last: true, Txn: node.MakeTxn(1, 1), Key: "x", New: node.Some("510"), OldestActive: 1}
	record.Seal()
	for _, copies := range [][]node.ID{{10, 11}, {10}} {
		v, err := conform.New(volume)
		if err != nil {
			fmt.Println(err)
			return
		}
		err = v.Tell(1, writer, &node.Trace{Action: node.ActWrite, Epoch: 1, Record: record})
		for _, segment := range copies {
			if err == nil {
				err = v.Tell(2, segment, &node.Trace{Action: node.ActStore, Epoch: 1, Record: record, Position: 1})
			}
		}
		if err == nil {
			err = v.Tell(3, writer, &node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 1})
		}
		if refused := v.Violation(); refused != nil {
			fmt.Println(len(copies), "copies:", refused.Action, "breaks:", refused.Guarantee)
		} else {
			fmt.Println(len(copies), "copies:", err)
		}
	}
	// Output:
	// 2 copies: <nil>
	// 1 copies: Advance breaks: a record is complete when a write quorum of its group holds it and everything before it in that group
}
