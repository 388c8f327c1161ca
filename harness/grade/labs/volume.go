package labs

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// volumeOf is the volume with a submission's nodes in one role. All others are ours. Segments begin with an empty disk, and format it.
func volumeOf(name string, role protocol.Role, make protocol.Maker, without aurora.Without) harness.System {
	if role == protocol.Segment {
		make = summing(make)
	}
	s, err := protocol.System(role, make, protocol.Options{Name: name, Without: without, NoFormat: role == protocol.Segment})
	if err != nil {
		panic(fmt.Sprintf("labs: %v", err)) // the labs' roles are built in
	}
	return s
}

// ours makes our own nodes of the volume, the reference of the labs about it.
func ours(p protocol.Place) node.Node {
	make, err := protocol.Ours(p.Role)
	if err != nil {
		panic(fmt.Sprintf("labs: %v", err)) // as above
	}
	return make(p)
}

// A setting is what the runs of a lab about the volume are like, before chance and faults have their part. All of them are short:
// a lab is some sixty runs, each step of which may be a line to a program and one back.
type setting struct {
	aurora.Settings
	horizon faults.Duration
	// lossless networks lose and double no message but by the plan.
	lossless bool
	// formats says that segments begin with an empty disk. Then no disk is late beyond measure but by the plan: a segment that crashes before its
	// first write is done finds an empty disk again, and cannot know whether it lost one.
	formats bool
	// crash says how runs end: the writer dies, or lives on when the next one takes over; nil: by the seed.
	crash *bool
	// adjust changes the configuration of a seed when all else is drawn; nil: no change.
	adjust func(d dice, c *aurora.Configuration)
}

// small is the volume that runs of the labs have where they say nothing else: one group of six segments in three zones, four to
// write and three to read, a writer, and two clients with few transactions.
func small() setting {
	return setting{horizon: 240 * ms, Settings: aurora.Settings{
		Volume: aurora.Volume{Groups: 1, InUse: 1, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, PageSize: 512, Zones: 3},
		Nodes: aurora.Nodes{GossipEvery: 30 * ms, CoalesceEvery: 40 * ms, BackupEvery: 1000 * ms, MonitorEvery: 1000 * ms, SuspectAfter: 3,
			CachePages: 2, LogAhead: 4096, RetryEvery: 15 * ms, IdleAfter: 40 * ms},
		Workload: workload.Workload{Clients: 2, Transactions: 8, Accounts: 2, Rows: 4, KeyBytes: 12, ValueBytes: 24, Balance: 100,
			Think: 20 * ms, Timeout: 60 * ms, Mix: workload.Mix{Transfer: 4, Put: 2, MultiPut: 2, Delete: 1, Read: 2, Abort: 1}},
	}}
}

// runs makes the Generate of a test: runs of the setting, with faults by a plot.
func (x setting) runs(p plot) func(harness.System, uint64, string) (configuration.Configuration, error) {
	return func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
		c := aurora.Configuration{Settings: x.Settings, Configuration: configuration.Configuration{Version: configuration.Version, System: s.Name(), Seed: seed, Bug: bug,
			Limits: sim.Limits{Events: 100_000, Time: faults.Duration(time.Minute), Bytes: 64 << 20}}}
		c.Draw()
		if x.lossless {
			c.Network.Loss, c.Network.Duplicate = 0, 0
		}
		if x.formats {
			c.Disk.TailRate = 0
		}
		c.Ending.Bound, c.Ending.Calm, c.Ending.Settle = 10_000*ms, 20*ms, 60*ms
		if x.crash != nil {
			c.Ending.Crash = *x.crash
		}
		if x.adjust != nil {
			x.adjust(diceOf(seed, "adjust"), &c)
		}
		var err error
		if c.Plan, err = drawn(seed, c.Topology(), x.horizon, p); err != nil {
			return c.Whole(), err
		}
		return validated(s, c.Whole())
	}
}

// ladder makes the Generate of a Break: on each step the plot has at most so many faults.
func (x setting) ladder(p func(step int) plot) func(harness.System, uint64, int, string) (configuration.Configuration, error) {
	return ladder(func(s harness.System, seed uint64, step int, bug string) (configuration.Configuration, error) {
		return x.runs(p(step))(s, seed, bug)
	})
}
