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
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A cluster is one design in a world of its own.
type cluster struct {
	*older.Cluster
	world   *sim.World
	design  *Design
	refused bool // its model has objected; Err says so
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
	c := &cluster{design: d}
	w, err := sim.New(sim.Options{Seed: seed, Observer: c, Network: network, Disk: disk, Measure: true,
		Limits: sim.Limits{Events: 5_000_000, Time: faults.Duration(time.Hour), Bytes: 1 << 30}})
	if err != nil {
		return nil, err
	}
	c.world, c.Cluster = w, older.NewCluster(w)
	if mutate := d.mutate; mutate != nil {
		c.Wrap = func(name string, n node.Node, _ node.Hook) node.Node { return mutate(name, n) }
	}
	d.build(c)
	if c.Err != nil {
		w.Close()
		return nil, c.Err
	}
	return c, nil
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
	instance := c.Active
	replace := false
	switch f {
	case ProcessCrash:
		if c.Again == nil {
			c.Err = errors.Join(c.Err, c.world.Crash(instance))
			c.after(detection, "restart", func() { c.Start(instance) })
			return true
		}
		c.stop(instance)
		c.after(detection, "new instance", c.Again)
		return true
	case DiskLost:
		c.stop(c.Storage[0])
		replace = c.Storage[0] == instance
	case OwnZone:
		replace = true
		c.stopZone(c.Homes[0])
	case OtherZone, ZonePlusOne:
		if len(c.Homes) < 2 {
			return false
		}
		lost := c.Homes[len(c.Homes)-1]
		c.stopZone(lost)
		if f == ZonePlusOne {
			for _, id := range c.Storage {
				if c.Zones[id] != lost && id != instance {
					c.stop(id)
					break
				}
			}
		}
	}
	if replace && c.Standby != nil {
		c.after(detection, "replacement", c.Standby)
	}
	return true
}

func (c *cluster) stop(id node.ID) { c.Err = errors.Join(c.Err, c.world.Stop(id)) }

func (c *cluster) stopZone(zone string) {
	c.LostZones[zone] = true
	for id := node.ID(1); id < c.Next; id++ {
		if c.Zones[id] == zone && c.world.Node(id) != nil {
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
	if o.End.Broken() {
		c.Err = errors.Join(c.Err, fmt.Errorf("%s: %v", c.design.Name, o))
	}
	return o.End == runtime.ConditionMet
}

// Traced implements sim.Observer.
func (c *cluster) Traced(now node.Time, from node.ID, t *node.Trace) {
	if c.Model == nil || c.refused {
		return
	}
	before := c.Model.Steps()
	err := c.Model.Tell(now, from, t)
	c.design.traced += c.Model.Steps() - before
	if err != nil {
		c.refused, c.Err = true, errors.Join(c.Err, err)
	}
}

// Delivered implements sim.Observer.
func (*cluster) Delivered(node.Time, node.ID, node.ID, node.Message) {}
