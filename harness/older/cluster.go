package older

import (
	"errors"
	"fmt"
	"time"

	model "github.com/firstgap/firstgap/harness/conform/older"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/baseline/mirrored"
	"github.com/firstgap/firstgap/impl/baseline/quorum"
	"github.com/firstgap/firstgap/impl/baseline/snapshot"
	"github.com/firstgap/firstgap/impl/node"
)

// A Cluster is one design in a runtime: its processes, and whoever replaces them. A function named after a design, such as
// EBS, adds and starts them.
type Cluster struct {
	Runtime runtime.Runtime
	// Wrap puts another node in the place of one, by the name of its process; nil: the nodes are as they are.
	Wrap func(name string, n node.Node, h node.Hook) node.Node
	// Apart puts instances and fronts outside of all zones, as fault plans have it: then the loss of a zone and that of an
	// instance are two faults. The copies stay in theirs.
	Apart bool

	Err error // of building it
	// Model follows what the nodes tell; nil: the design has no model here.
	Model model.Validator
	// Instances are the processes that clients may ask, in the order in which they were started.
	Instances []node.ID
	Active    node.ID // the instance that was started last
	Standby   func()  // starts an instance in the place of one that is gone for good; nil: there is no other
	Again     func()  // has another process follow one that crashed; nil: the process itself starts again
	// Storage are the processes that hold copies: the instance itself where it has the only one.
	Storage   []node.ID
	Next      node.ID // the address of the next process
	Zones     map[node.ID]string
	Homes     []string // the zones, that of the first instance first
	LostZones map[string]bool
}

// NewCluster returns a cluster without processes. Their addresses count from 1.
func NewCluster(r runtime.Runtime) *Cluster {
	return &Cluster{Runtime: r, Next: 1, Zones: map[node.ID]string{}, LostZones: map[string]bool{}}
}

// Process adds a process that is not started.
func (c *Cluster) Process(name, zone string, make func(id node.ID) node.Node) node.ID {
	return c.add(runtime.Process{Name: name, Zone: zone}, func(id node.ID, _ node.Hook) node.Node { return make(id) })
}

func (c *Cluster) add(p runtime.Process, make func(id node.ID, h node.Hook) node.Node) node.ID {
	id := c.Next
	c.Next++
	c.Zones[id] = p.Zone
	p.ID = id
	p.New = func(h node.Hook) node.Node {
		n := make(id, h)
		if c.Wrap != nil {
			n = c.Wrap(p.Name, n, h)
		}
		return n
	}
	c.Err = errors.Join(c.Err, c.Runtime.Add(p))
	return id
}

// Start starts processes, now.
func (c *Cluster) Start(ids ...node.ID) {
	for _, id := range ids {
		c.Err = errors.Join(c.Err, c.Runtime.Start(id))
	}
}

// Serve starts an instance and has clients know of it.
func (c *Cluster) Serve(id node.ID) {
	c.Instances = append(c.Instances, id)
	c.Active = id
	c.Start(id)
}

// instances returns what adds and starts one instance after the other, each under the role and the number of its turn.
func (c *Cluster) instances(role string, make func(id node.ID, turn int, h node.Hook) node.Node) func(zone string) {
	turn := 0
	return func(zone string) {
		turn++
		n := turn
		c.Serve(c.add(runtime.Process{Name: fmt.Sprintf("%s %d", role, n), Role: role, Zone: zone},
			func(id node.ID, h node.Hook) node.Node { return make(id, n, h) }))
	}
}

// outside returns the zone of an instance.
func (c *Cluster) outside(zone string) string {
	if c.Apart {
		return ""
	}
	return zone
}

// followLog has the model of the write-ahead log follow the databases.
func (c *Cluster) followLog() {
	log, err := model.NewWAL()
	c.Model, c.Err = log, errors.Join(c.Err, err)
}

// followDisks has the model of replicated disks follow them, too.
func (c *Cluster) followDisks(disks []model.Disk, pair *model.Pair) {
	m, err := model.NewMirror(disks, pair)
	c.Model, c.Err = model.All{c.Model, m}, errors.Join(c.Err, err)
}

// Local is a database on a disk in its own host.
func Local(c *Cluster, config func(node.ID) database.Config) {
	c.Homes = []string{"az1"}
	c.followLog()
	c.alone(func(id node.ID) node.Node { return database.New(config(id), block.NewLocal()) })
	instance := c.Standby
	c.Standby = func() {
		if !c.LostZones["az1"] {
			instance() // on another host, with an empty disk
		}
	}
}

// alone starts the one instance of a database that has the only copy in itself.
func (c *Cluster) alone(make func(node.ID) node.Node) {
	next := c.instances(databaseRole, func(id node.ID, _ int, _ node.Hook) node.Node { return make(id) })
	instance := func() {
		next("az1")
		c.Storage = []node.ID{c.Active}
	}
	instance()
	c.Standby = instance
}

// Snapshot is a local database whose disk is copied to an object store, so often.
func Snapshot(c *Cluster, config func(node.ID) database.Config, every time.Duration) {
	c.Homes = []string{"az1"}
	c.followLog()
	store := c.Process(storeRole, "", func(node.ID) node.Node { return snapshot.NewStore() })
	c.Start(store)
	// The object store stands outside of the zones: a new instance begins with its latest copy, wherever it is.
	c.alone(func(id node.ID) node.Node {
		return snapshot.New(snapshot.Config{Database: config(id), Store: store, Every: every})
	})
}

// The roles of nodes, as fault plans name them.
const (
	databaseRole = "database"
	storeRole    = "store"
	serverRole   = "server"
	managerRole  = "manager"
	primaryRole  = "primary"
	standbyRole  = "standby"
	pairRole     = "pair"
	replicaRole  = "replica"
	frontRole    = "front"
)

// managerOf is the role of the manager of a zone's disk, where there are several.
func managerOf(zone string) string { return managerRole + "-" + zone }

// chain adds the servers of a replicated disk, numbered from first on, and its manager.
func (c *Cluster) chain(manager, zone string, first int) model.Disk {
	var d model.Disk
	for i := range 2 {
		d.Servers = append(d.Servers, c.Process(fmt.Sprintf("%s %d", serverRole, first+i), zone, func(id node.ID) node.Node { return block.NewServer(id) }))
	}
	d.Manager = c.Process(manager, "", func(node.ID) node.Node {
		return block.NewManager(block.ManagerConfig{Members: d.Servers})
	})
	c.Start(d.Servers...)
	c.Start(d.Manager)
	return d
}

// EBS is a database on a disk behind the network: a chain of two servers in one zone.
func EBS(c *Cluster, config func(node.ID) database.Config) {
	c.Homes = []string{"az1"}
	c.followLog()
	disk := c.chain(managerRole, "az1", 1)
	c.Storage = disk.Servers
	c.followDisks([]model.Disk{disk}, nil)
	next := c.instances(databaseRole, func(id node.ID, turn int, _ node.Hook) node.Node {
		// Whoever starts a successor has decided that it is to replace the one before.
		return database.New(config(id), block.NewChain(block.ChainConfig{Manager: disk.Manager, Force: turn > 1}))
	})
	instance := func() { next(c.outside("az1")) }
	instance()
	c.Standby = func() {
		if !c.LostZones["az1"] {
			instance()
		}
	}
	c.Again = instance
}

// RDS is a mirrored database: a primary and a standby, each on a chain of two servers in a zone of its own.
func RDS(c *Cluster, config func(node.ID) database.Config) {
	c.Homes = []string{"az1", "az2"}
	c.followLog()
	near, far := c.chain(managerOf("az1"), "az1", 1), c.chain(managerOf("az2"), "az2", 3)
	c.Storage = append(append([]node.ID{}, near.Servers...), far.Servers...)
	primary, standby, pair := c.Next, c.Next+1, c.Next+2
	c.followDisks([]model.Disk{near, far}, &model.Pair{Manager: pair, Instances: []node.ID{primary, standby}})
	instance := func(id, disk, peer node.ID) node.Node {
		return mirrored.New(mirrored.Config{Database: config(id), Disk: disk, Pair: pair, Peer: peer, Standby: id == standby})
	}
	c.Process(primaryRole, c.outside("az1"), func(id node.ID) node.Node { return instance(id, near.Manager, standby) })
	c.Process(standbyRole, c.outside("az2"), func(id node.ID) node.Node { return instance(id, far.Manager, primary) })
	c.Process(pairRole, "", func(node.ID) node.Node {
		return block.NewManager(block.ManagerConfig{Members: []node.ID{primary, standby}, Among: true})
	})
	c.Start(pair)
	c.Serve(standby)
	c.Serve(primary)
	c.Instances = []node.ID{primary, standby} // clients begin with the primary
}

// A Register says how versioned registers are replicated. Their quorums need not overlap: what that loses can be seen.
type Register struct {
	N          int  `json:"n"` // replicas
	R          int  `json:"r"` // answers that make a read
	W          int  `json:"w"` // replicas that make a write
	ReadRepair bool `json:"readRepair"`
}

// A Front says how the fronts of versioned registers ask again, and for how long they remember a client.
type Front struct {
	RetryEvery, IdleAfter time.Duration
}

// Quorum is versioned registers on replicas, each in the zone of its index from 0 on. disk is what that of a replica holds
// at the beginning: nothing, or what quorum.Formatted says.
func Quorum(c *Cluster, q Register, f Front, disk []node.File, zone func(index int) string) {
	for i := range q.N {
		c.Storage = append(c.Storage, c.add(runtime.Process{Name: fmt.Sprintf("%s %d", replicaRole, i+1), Zone: zone(i), Disk: disk},
			func(node.ID, node.Hook) node.Node { return quorum.NewReplica() }))
	}
	c.Start(c.Storage...)
	register, err := model.NewQuorum(c.Storage, q.W, q.R, q.ReadRepair)
	c.Model, c.Err = register, errors.Join(c.Err, err)
	front := c.instances(frontRole, func(id node.ID, _ int, h node.Hook) node.Node {
		return quorum.NewFront(quorum.Config{ID: id, Replicas: c.Storage, W: q.W, R: q.R, Repair: q.ReadRepair && !h.Planted(bugReadWithoutRepair),
			RetryEvery: f.RetryEvery, IdleAfter: f.IdleAfter, Limits: quorum.DefaultLimits()})
	})
	front(c.outside("az1"))
	c.Standby = func() { front(c.outside("az2")) }
}
