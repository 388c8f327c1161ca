package mirrored_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/baseline/mirrored"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
)

// A commit is acknowledged when the servers of both zones have it. So none is lost with the zone of the primary: the standby takes
// over and has it.
func Example() {
	const pair, primary, standby = node.ID(10), node.ID(11), node.ID(12)
	var w instant.World
	// disk adds two servers that hold a disk as a chain, and the manager that says who may use it.
	disk := func(manager, one, two node.ID) node.ID {
		w.Start(one, block.NewServer(one))
		w.Start(two, block.NewServer(two))
		w.Start(manager, block.NewManager(block.ManagerConfig{Members: []node.ID{one, two}}))
		return manager
	}
	near, far := disk(1, 2, 3), disk(4, 5, 6)
	w.Start(pair, block.NewManager(block.ManagerConfig{Members: []node.ID{primary, standby}, Among: true}))
	w.Start(standby, mirrored.New(mirrored.Config{Database: database.DefaultConfig(standby), Disk: far, Pair: pair, Peer: primary, Standby: true}))
	w.Start(primary, mirrored.New(mirrored.Config{Database: database.DefaultConfig(primary), Disk: near, Pair: pair, Peer: standby}))

	begin := func(id node.ID) node.Txn {
		for {
			if r := w.Ask(id, node.Request{Op: node.OpBegin}); r.Status == node.OK {
				return r.Txn
			}
			w.Pass(database.DefaultConfig(id).TickEvery) // it is not open yet
		}
	}
	t := begin(primary)
	w.Ask(primary, node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: "X", Value: node.Some("510")}}})
	fmt.Println("commit:", w.Ask(primary, node.Request{Op: node.OpCommit, Txn: t}).Status)

	for _, id := range []node.ID{near, 2, 3, primary} {
		w.Lose(id)
	}
	fmt.Println("X:", w.Ask(standby, node.Request{Op: node.OpGet, Txn: begin(standby), Rows: []node.Row{{Key: "X"}}}).Value)
	// Output:
	// commit: ok
	// X: 510
}
