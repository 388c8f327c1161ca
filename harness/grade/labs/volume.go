package labs

import (
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// volumeOf is the volume with a submission's nodes in one role. All others are ours.
func volumeOf(name string, role protocol.Role, make protocol.Maker, without aurora.Without) harness.System {
	i := aurora.Ours()
	i.Without = without
	node := func(members func(id node.ID, v *node.Volume) (index int, all []node.ID)) func(node.ID, *node.Volume, aurora.Nodes, node.Hook) node.Node {
		return func(id node.ID, v *node.Volume, n aurora.Nodes, hook node.Hook) node.Node {
			index, all := members(id, v)
			return make(protocol.Place{Role: role, ID: id, Index: index, Members: all, Seed: seedOf(hook), Volume: v, Nodes: n, Hook: hook})
		}
	}
	switch role {
	case protocol.Segment:
		i.SegmentDisk = nil // a submission formats its own
		i.Segment = node(ofGroup)
	case protocol.Writer:
		i.Writer = node(alone)
	case protocol.Reader:
		i.Reader = node(ofReaders)
	case protocol.Register:
		i.Register = node(alone)
	}
	return aurora.Of(name, i)
}

// seedOf is the seed of a node's run.
func seedOf(h node.Hook) uint64 {
	if f, is := h.(runtime.Foreign); is {
		return f.Seed()
	}
	return 0
}

func ofGroup(id node.ID, v *node.Volume) (int, []node.ID) {
	g, r, _ := v.Find(id)
	return r, v.Segments[g]
}

func ofReaders(id node.ID, v *node.Volume) (int, []node.ID) {
	for i, r := range v.Readers {
		if r == id {
			return i, v.Readers
		}
	}
	return 0, v.Readers
}

func alone(id node.ID, _ *node.Volume) (int, []node.ID) { return 0, []node.ID{id} }

// ours makes our own nodes of the volume, the reference of the labs about it.
func ours(p protocol.Place) node.Node {
	i := aurora.Ours()
	switch p.Role {
	case protocol.Writer:
		return i.Writer(p.ID, p.Volume, p.Nodes, p.Hook)
	case protocol.Reader:
		return i.Reader(p.ID, p.Volume, p.Nodes, p.Hook)
	case protocol.Register:
		return i.Register(p.ID, p.Volume, p.Nodes, p.Hook)
	}
	return i.Segment(p.ID, p.Volume, p.Nodes, p.Hook)
}

// A setting is what the runs of a lab about the volume are like, before chance and faults have their part. All of them are short:
// a lab is some sixty runs, each step of which may be a line to a program and one back.
type setting struct {
	aurora.Settings
	horizon faults.Duration
	// lossless networks lose and double no message but by the plan.
	lossless bool
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
		c.Ending.Bound, c.Ending.Calm, c.Ending.Settle = 3000*ms, 20*ms, 60*ms
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
