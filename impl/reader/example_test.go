package reader_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/reader"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"
)

// A query on a reader sees the volume as of one point of the log: what commits later, it does not see, and the next query does.
func Example() {
	const register, theWriter, replica = node.ID(10), node.ID(20), node.ID(30)
	volume := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: register, Segments: [][]node.ID{{1, 2, 3}}, Readers: []node.ID{replica}}
	config := writer.Config{ID: theWriter, Volume: volume, CachePages: 16, RetryEvery: 50 * time.Millisecond, IdleAfter: time.Second,
		Limits: writer.DefaultLimits()}
	var w instant.World
	w.Start(register, control.New(control.Config{ID: register, Volume: volume}, node.NoHook{}))
	for _, id := range volume.Segments[0] {
		w.Start(id, segment.New(segment.Config{ID: id, Volume: volume, GossipEvery: time.Second}, node.NoHook{}))
	}
	w.Start(theWriter, writer.New(config, node.NoHook{}))
	w.Start(replica, reader.New(reader.Config{ID: replica, Volume: volume, CachePages: 16, RetryEvery: 50 * time.Millisecond,
		IdleAfter: time.Second, Limits: reader.DefaultLimits(), Writer: config}, node.NoHook{}))

	write := func(value string) {
		t := w.Ask(theWriter, node.Request{Op: node.OpBegin}).Txn
		w.Ask(theWriter, node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: "X", Value: node.Some(value)}}})
		w.Ask(theWriter, node.Request{Op: node.OpCommit, Txn: t})
		w.Pass(100 * time.Millisecond) // until the reader has heard of it
	}
	begin := func() node.Txn { return w.Ask(replica, node.Request{Op: node.OpBegin}).Txn }
	read := func(t node.Txn) node.Value {
		return w.Ask(replica, node.Request{Op: node.OpGet, Txn: t, Rows: []node.Row{{Key: "X"}}}).Value
	}
	write("500")
	query := begin()
	write("510")
	fmt.Println("this query:", read(query), "the next one:", read(begin()))
	// Output:
	// this query: 500 the next one: 510
}
