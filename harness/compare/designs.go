package compare

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/conform/older"
	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/baseline/mirrored"
	"github.com/firstgap/firstgap/impl/baseline/shipping"
	"github.com/firstgap/firstgap/impl/baseline/snapshot"
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
		{Name: "local", What: "one disk in the database's host", build: buildLocal},
		{Name: "snapshot", What: "local, and a copy to an object store every 100 ms", build: buildSnapshot},
		{Name: "ebs", What: "a chain of two servers in one AZ", build: buildEBS},
		{Name: "rds", What: "mirrored MySQL: an ebs pair in each of two AZs, all four answer", build: buildRDS},
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

// followLog has the model of the write-ahead log follow the databases.
func (c *cluster) followLog() {
	log, err := older.NewWAL()
	c.validator, c.err = log, errors.Join(c.err, err)
}

// followDisks has the model of replicated disks follow them, too.
func (c *cluster) followDisks(disks []older.Disk, pair *older.Pair) {
	m, err := older.NewMirror(disks, pair)
	c.validator, c.err = older.All{c.validator, m}, errors.Join(c.err, err)
}

func buildLocal(c *cluster) {
	c.homes = []string{"az1"}
	c.followLog()
	count := 0
	instance := func() {
		count++
		id := c.process(fmt.Sprintf("database %d", count), "az1", func(id node.ID) node.Node {
			return database.New(databaseConfig(id), block.NewLocal())
		})
		c.storage = []node.ID{id}
		c.serve(id)
	}
	instance()
	c.standby = func() {
		if c.lostZones["az1"] {
			return
		}
		instance() // on another host, with an empty disk
	}
}

// chain adds the servers of a replicated disk and its manager.
func (c *cluster) chain(name, zone string) (manager node.ID, servers []node.ID) {
	for i := range 2 {
		servers = append(servers, c.process(fmt.Sprintf("%s %d", name, i+1), zone, func(id node.ID) node.Node { return block.NewServer(id) }))
	}
	manager = c.process(name+" manager", "", func(node.ID) node.Node {
		return block.NewManager(block.ManagerConfig{Members: servers})
	})
	c.start(servers...)
	c.start(manager)
	return manager, servers
}

func buildEBS(c *cluster) {
	c.homes = []string{"az1"}
	c.followLog()
	manager, servers := c.chain("disk", "az1")
	c.storage = servers
	c.followDisks([]older.Disk{{Manager: manager, Servers: servers}}, nil)
	count := 0
	instance := func() {
		count++
		force := count > 1
		id := c.process(fmt.Sprintf("database %d", count), "az1", func(id node.ID) node.Node {
			return database.New(databaseConfig(id), block.NewChain(block.ChainConfig{Manager: manager, Force: force}))
		})
		c.serve(id)
	}
	instance()
	c.standby = func() {
		if !c.lostZones["az1"] {
			instance()
		}
	}
	c.again = instance
}

func buildSnapshot(c *cluster) {
	c.homes = []string{"az1"}
	c.followLog()
	store := c.process("object store", "", func(node.ID) node.Node { return snapshot.NewStore() })
	c.start(store)
	count := 0
	instance := func() {
		count++
		id := c.process(fmt.Sprintf("database %d", count), "az1", func(id node.ID) node.Node {
			return snapshot.New(snapshot.Config{Database: databaseConfig(id), Store: store, Every: snapshotEvery})
		})
		c.storage = []node.ID{id}
		c.serve(id)
	}
	instance()
	// The object store stands outside of the zones: a new instance begins with its latest copy, wherever it is.
	c.standby = func() {
		instance()
	}
}

// snapshotEvery is how often a disk is copied. In life it is hours; here a run lasts a second.
const snapshotEvery = 100 * time.Millisecond

func buildRDS(c *cluster) {
	c.homes = []string{"az1", "az2"}
	c.followLog()
	first, near := c.chain("az1 disk", "az1")
	second, far := c.chain("az2 disk", "az2")
	c.storage = append(near, far...)
	primary, standby := c.next, c.next+1
	pair := c.next + 2
	c.followDisks([]older.Disk{{Manager: first, Servers: near}, {Manager: second, Servers: far}}, &older.Pair{Manager: pair, Instances: []node.ID{primary, standby}})
	config := func(id, disk, peer node.ID) mirrored.Config {
		return mirrored.Config{Database: databaseConfig(id), Disk: disk, Pair: pair, Peer: peer, Standby: id == standby}
	}
	c.process("primary", "az1", func(id node.ID) node.Node { return mirrored.New(config(id, first, standby)) })
	c.process("standby", "az2", func(id node.ID) node.Node { return mirrored.New(config(id, second, primary)) })
	c.process("pair manager", "", func(node.ID) node.Node {
		return block.NewManager(block.ManagerConfig{Members: []node.ID{primary, standby}, Among: true})
	})
	c.start(pair)
	c.serve(standby)
	c.serve(primary)
	c.instances = []node.ID{primary, standby} // clients begin with the primary
}

// pageSize is that of every design, in bytes.
const pageSize = 16 << 10

// volumeOf returns what builds our own writer and segments with other quorums, or with pages beside the log.
func volumeOf(copies, write, read int, pages bool) func(*cluster) {
	return func(c *cluster) {
		zones := copies / 2
		for z := range zones {
			c.homes = append(c.homes, fmt.Sprintf("az%d", z+1))
		}
		of := aurora.Ours()
		nodes := aurora.Nodes{GossipEvery: 50 * ms, CoalesceEvery: 50 * ms, CachePages: databaseConfig(0).CachePages, RetryEvery: 25 * ms, IdleAfter: 100 * ms}
		volume := &node.Volume{WriteQuorum: write, ReadQuorum: read, PageSize: pageSize}
		volume.Register = c.process("register", "", func(id node.ID) node.Node { return of.Register(id, volume, nodes, node.NoHook{}) })
		for i := range copies {
			c.storage = append(c.storage, c.process(fmt.Sprintf("segment %d", i+1), c.homes[i/2], func(id node.ID) node.Node {
				s := of.Segment(id, volume, nodes, node.NoHook{})
				if pages {
					return shipping.NewSegment(s)
				}
				return s
			}))
		}
		volume.Segments = [][]node.ID{c.storage}
		if err := volume.Validate(); err != nil {
			c.err = err
			return
		}
		c.start(volume.Register)
		c.start(c.storage...)
		count := 0
		writer := func(zone string) {
			count++
			c.serve(c.process(fmt.Sprintf("writer %d", count), zone, func(id node.ID) node.Node {
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
		writer(c.homes[0])
		c.again = func() { writer(c.homes[0]) }
		c.standby = func() { writer(c.homes[1]) }
	}
}
