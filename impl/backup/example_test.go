package backup_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/objects"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"
)

// The segments back their log up while the writer works; a volume is made of the objects as of the moment before a mistake.
func Example() {
	const register, theWriter, storeID = node.ID(10), node.ID(20), node.ID(30)
	volume := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: register, Segments: [][]node.ID{{1, 2, 3}}, Objects: storeID, Window: 4}
	var w instant.World
	store := objects.New(node.NoHook{})
	w.Start(storeID, store)
	w.Start(register, control.New(control.Config{ID: register, Volume: volume}, node.NoHook{}))
	for _, id := range volume.Segments[0] {
		w.Start(id, segment.New(segment.Config{ID: id, Volume: volume, GossipEvery: time.Second, BackupEvery: 10 * time.Millisecond}, node.NoHook{}))
	}
	w.Start(theWriter, writer.New(writer.Config{ID: theWriter, Volume: volume, CachePages: 16, RetryEvery: 50 * time.Millisecond,
		IdleAfter: time.Second, Limits: writer.DefaultLimits()}, node.NoHook{}))
	write := func(value node.Value) node.LSN {
		t := w.Ask(theWriter, node.Request{Op: node.OpBegin}).Txn
		w.Ask(theWriter, node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: "X", Value: value}}})
		return w.Ask(theWriter, node.Request{Op: node.OpCommit, Txn: t}).LSN
	}
	sound := write(node.Some("510"))
	mistake := write(node.Value{}) // deletes the row
	w.Pass(time.Second)

	for _, at := range []node.LSN{sound, mistake} {
		restored, err := backup.Restore(store, at)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("as of LSN %d: X is %v\n", at, restored.Get("X"))
	}
	// Output:
	// as of LSN 2: X is 510
	// as of LSN 4: X is none
}
