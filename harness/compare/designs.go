package compare

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/node"
)

// A Design is one way to store a database.
type Design struct {
	Name  string
	What  string // in one line
	build func(c *cluster)
}

// Designs lists all, in the order in which the lecture comes to them.
func Designs() []Design {
	return []Design{
		{"local", "one disk in the database's host", buildLocal},
		{"ebs", "a chain of two servers in one AZ", buildEBS},
	}
}

// databaseConfig is that of every instance of the older designs.
func databaseConfig(id node.ID) database.Config {
	c := database.DefaultConfig(id)
	c.TickEvery = tickEvery
	c.IdleAfter = 100 * time.Millisecond
	return c
}

func buildLocal(c *cluster) {
	c.homes = []string{"az1"}
	count := 0
	var instance func()
	instance = func() {
		count++
		id := c.process(fmt.Sprintf("database %d", count), "az1", func(id node.ID) node.Node {
			return database.New(databaseConfig(id), block.NewLocal())
		})
		c.storage = []node.ID{id}
		c.serve(id)
		c.start(id)
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
	manager, servers := c.chain("disk", "az1")
	c.storage = servers
	count := 0
	instance := func() {
		count++
		force := count > 1
		id := c.process(fmt.Sprintf("database %d", count), "az1", func(id node.ID) node.Node {
			return database.New(databaseConfig(id), block.NewChain(block.ChainConfig{Manager: manager, Force: force}))
		})
		c.serve(id)
		c.start(id)
	}
	instance()
	c.standby = func() {
		if !c.lostZones["az1"] {
			instance()
		}
	}
	c.again = instance
}
