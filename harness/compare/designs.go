package compare

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/baseline/shipping"
	"github.com/firstgap/firstgap/impl/node"
)

// A Design is one way to store a database.
type Design struct {
	Name   string
	What   string // in one line
	build  func(c *cluster)
	traced uint64 // steps of its runs that its models took
	// mutate puts another process in the place of one, by its name. Nil: none.
	mutate func(name string, n node.Node) node.Node
}

// Designs lists all, in the order in which the lecture comes to them, with the registers of the quorum as they are to be.
func Designs(register Register) []Design {
	return []Design{
		{Name: "local", What: "one disk in the database's host", build: design(older.Local)},
		{Name: "snapshot", What: "local, and a copy to an object store every 100 ms", build: buildSnapshot},
		{Name: "ebs", What: "a chain of two servers in one AZ", build: design(older.EBS)},
		{Name: "rds", What: "mirrored MySQL: an ebs pair in each of two AZs, all four answer", build: design(older.RDS)},
		{Name: "quorum", What: register.what(), build: register.build},
		{Name: "pages 4/4", What: "4 copies in 2 AZs, log and whole pages, all 4 must answer", build: volumeOf(4, 4, 1, true)},
		{Name: "log 4/4", What: "4 copies in 2 AZs, log alone, all 4 must answer", build: volumeOf(4, 4, 1, false)},
		{Name: "pages 4/6", What: "6 copies in 3 AZs, log and whole pages, any 4 answer", build: volumeOf(6, 4, 3, true)},
		{Name: "aurora", What: "6 copies in 3 AZs, log alone, any 4 answer (log 4/6)", build: volumeOf(6, 4, 3, false)},
	}
}

// databaseConfig is that of every instance of the older designs.
func databaseConfig(id node.ID) database.Config {
	c := database.DefaultConfig(id)
	c.TickEvery, c.PageSize, c.Pages = tickEvery, pageSize, 16
	c.IdleAfter = 100 * time.Millisecond
	return c
}

// design returns what builds one of the older designs.
func design(build func(*older.Cluster, func(node.ID) database.Config)) func(*cluster) {
	return func(c *cluster) { build(c.Cluster, databaseConfig) }
}

func buildSnapshot(c *cluster) { older.Snapshot(c.Cluster, databaseConfig, snapshotEvery) }

// snapshotEvery is how often a disk is copied. In life it is hours; here a run lasts a second.
const snapshotEvery = 100 * time.Millisecond

// pageSize is that of every design, in bytes.
const pageSize = 16 << 10

// volumeOf returns what builds our own writer and segments with other quorums, or with pages beside the log.
func volumeOf(copies, write, read int, pages bool) func(*cluster) {
	return func(c *cluster) {
		zones := copies / 2
		for z := range zones {
			c.Homes = append(c.Homes, fmt.Sprintf("az%d", z+1))
		}
		of := aurora.Ours()
		nodes := aurora.Nodes{GossipEvery: 50 * ms, CoalesceEvery: 50 * ms, CachePages: databaseConfig(0).CachePages, RetryEvery: 25 * ms, IdleAfter: 100 * ms}
		volume := &node.Volume{WriteQuorum: write, ReadQuorum: read, PageSize: pageSize}
		volume.Register = c.Process("register", "", func(id node.ID) node.Node { return of.Register(id, volume, nodes, node.NoHook{}) })
		for i := range copies {
			c.Storage = append(c.Storage, c.Process(fmt.Sprintf("segment %d", i+1), c.Homes[i/2], func(id node.ID) node.Node {
				s := of.Segment(id, volume, nodes, node.NoHook{})
				if pages {
					return shipping.NewSegment(s)
				}
				return s
			}))
		}
		volume.Segments = [][]node.ID{c.Storage}
		if err := volume.Validate(); err != nil {
			c.Err = err
			return
		}
		c.Start(volume.Register)
		c.Start(c.Storage...)
		count := 0
		writer := func(zone string) {
			count++
			c.Serve(c.Process(fmt.Sprintf("writer %d", count), zone, func(id node.ID) node.Node {
				w := of.Writer(id, volume, nodes, node.NoHook{})
				if !pages {
					return w
				}
				s, err := shipping.NewWriter(w, pageSize)
				if err != nil {
					panic(err) // our own writer tells its epoch
				}
				return s
			}))
		}
		writer(c.Homes[0])
		c.Again = func() { writer(c.Homes[0]) }
		c.Standby = func() { writer(c.Homes[1]) }
	}
}
