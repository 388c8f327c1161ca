// Package compare runs the designs that came before Aurora, and the steps between them and Aurora, side by side: the same
// clients, seeds, network and disks, in the simulator. What it prints it has measured, and what is lost by a failure it
// has counted by reading everything afterwards.
//
// Use package campaign instead when an engineer asks whether a system keeps its promise: this package runs each design
// once under each condition, and its figures are for comparing.
package compare

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/conform/older"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A cluster is one design in a world of its own.
type cluster struct {
	world  *sim.World
	design *Design
	next   node.ID
	err    error // of building it, or the first step that its model does not allow
	// validator holds what the nodes tell against the model of the design, nil when the design has none here.
	validator older.Validator
	refused   bool // it has objected

	// instances are the processes that clients may ask, in the order in which they were started.
	instances []node.ID
	active    node.ID // the instance that was begun with last
	// standby is started by whoever operates the database when the instance is gone for good; nil: nobody can be.
	standby func()
	// again makes a restart of the instance that crashed another one in its place, or is nil: the process starts again.
	again func()
	// storage are the processes that hold copies, or the instance itself where it has the only one.
	storage   []node.ID
	zones     map[node.ID]string
	homes     []string // the zones, that of the first instance first
	lostZones map[string]bool
}

// ms is a millisecond of virtual time.
const ms = faults.Duration(time.Millisecond)

// tickEvery is how often nodes look after what is overdue, in every design.
const tickEvery = 5 * time.Millisecond

// Machines is what all designs run on: the same network and the same disks.
func Machines() (sim.Network, sim.Disk) {
	us := faults.Duration(time.Microsecond)
	return sim.Network{Latency: 100 * us, Jitter: 50 * us, CrossZone: 500 * us, TailRate: 0.02, Tail: 50 * us, Bandwidth: 1_250_000_000},
		sim.Disk{Append: 10 * us, Sync: 200 * us, Replace: 200 * us, Jitter: 50 * us, TailRate: 0.02, Tail: 50 * us,
			Bandwidth: 250_000_000, SurviveRate: 0.5, EffectRate: 0.5, TornRate: 0.5}
}

// newCluster builds a design on the machines that all are measured on.
func newCluster(d *Design, seed uint64) (*cluster, error) {
	network, disk := Machines()
	return newClusterOn(d, seed, network, disk)
}

func newClusterOn(d *Design, seed uint64, network sim.Network, disk sim.Disk) (*cluster, error) {
	c := &cluster{design: d, next: 1, zones: map[node.ID]string{}, lostZones: map[string]bool{}}
	w, err := sim.New(sim.Options{Seed: seed, Observer: c, Network: network, Disk: disk, Measure: true,
		Limits: sim.Limits{Events: 5_000_000, Time: faults.Duration(time.Hour), Bytes: 1 << 30}})
	if err != nil {
		return nil, err
	}
	c.world = w
	d.build(c)
	if c.err != nil {
		w.Close()
		return nil, c.err
	}
	return c, nil
}

// process adds a process that is not started.
func (c *cluster) process(name, zone string, make func(id node.ID) node.Node) node.ID {
	id := c.next
	c.next++
	c.zones[id] = zone
	if mutate := c.design.mutate; mutate != nil {
		right := make
		make = func(id node.ID) node.Node { return mutate(name, right(id)) }
	}
	c.err = errors.Join(c.err, c.world.Add(runtime.Process{ID: id, Name: name, Zone: zone, New: func(node.Hook) node.Node { return make(id) }}))
	return id
}

// start starts a process, now.
func (c *cluster) start(ids ...node.ID) {
	for _, id := range ids {
		c.err = errors.Join(c.err, c.world.Start(id))
	}
}

// serve starts an instance and has clients know of it.
func (c *cluster) serve(id node.ID) {
	c.instances = append(c.instances, id)
	c.active = id
	c.start(id)
}

// A Failure is what befalls a design.
type Failure int

// The failures.
const (
	None         Failure = iota
	ProcessCrash         // the database process crashes, and starts again
	DiskLost             // one disk is gone, and the host that it is in
	OwnZone              // everything in the zone of the database is gone
	OtherZone            // everything in another zone is gone, where the design is in several
	ZonePlusOne          // another zone, and one copy more
)

// Failures lists them but None.
func Failures() []Failure {
	return []Failure{ProcessCrash, DiskLost, OwnZone, OtherZone, ZonePlusOne}
}

func (f Failure) String() string {
	return [...]string{"none", "process crash", "disk lost", "own AZ down", "other AZ down", "AZ+1 down"}[f]
}

// detection is how long it takes until somebody acts on the loss of an instance.
const detection = 50 * time.Millisecond

// strike lets a failure happen, and lets the operator act on it a while later. It is false where the design has no such
// failure: no other zone to lose.
func (c *cluster) strike(f Failure) bool {
	instance := c.active
	replace := false
	switch f {
	case ProcessCrash:
		if c.again == nil {
			c.err = errors.Join(c.err, c.world.Crash(instance))
			c.after(detection, "restart", func() { c.start(instance) })
			return true
		}
		c.stop(instance)
		c.after(detection, "new instance", c.again)
		return true
	case DiskLost:
		c.stop(c.storage[0])
		replace = c.storage[0] == instance
	case OwnZone:
		replace = true
		c.stopZone(c.homes[0])
	case OtherZone, ZonePlusOne:
		if len(c.homes) < 2 {
			return false
		}
		lost := c.homes[len(c.homes)-1]
		c.stopZone(lost)
		if f == ZonePlusOne {
			for _, id := range c.storage {
				if c.zones[id] != lost && id != instance {
					c.stop(id)
					break
				}
			}
		}
	}
	if replace && c.standby != nil {
		c.after(detection, "replacement", c.standby)
	}
	return true
}

func (c *cluster) stop(id node.ID) { c.err = errors.Join(c.err, c.world.Stop(id)) }

func (c *cluster) stopZone(zone string) {
	c.lostZones[zone] = true
	for id := node.ID(1); id < c.next; id++ {
		if c.zones[id] == zone && c.world.Node(id) != nil {
			c.stop(id)
		}
	}
}

func (c *cluster) after(d time.Duration, name string, do func()) {
	c.world.At(c.world.Now().Add(d), name, do)
}

// run lets the world go on until the condition holds, and tells whether it came to hold in time.
func (c *cluster) run(bound time.Duration, met func() bool) bool {
	o := c.world.RunUntil(c.world.Now().Add(bound), met)
	switch o.End {
	case runtime.Panicked, runtime.LimitExceeded:
		c.err = errors.Join(c.err, fmt.Errorf("%s: %v", c.design.Name, o))
	case runtime.ConditionMet:
		return true
	}
	return false
}

// Traced implements sim.Observer.
func (c *cluster) Traced(now node.Time, from node.ID, t *node.Trace) {
	if c.validator == nil || c.refused {
		return
	}
	before := c.validator.Steps()
	err := c.validator.Tell(now, from, t)
	c.design.traced += c.validator.Steps() - before
	if err != nil {
		c.refused, c.err = true, errors.Join(c.err, err)
	}
}

// Delivered implements sim.Observer.
func (*cluster) Delivered(node.Time, node.ID, node.ID, node.Message) {}
