package maelstrom

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/workload"
)

// Settings are those of a configuration of such a system. They do not say which program it is: who runs the configuration gives that.
type Settings struct {
	Nodes    int             `json:"nodes"`   // n0, n1, …
	Zones    int             `json:"zones"`   // that they are spread over
	Clients  int             `json:"clients"` // client i asks node i modulo their number
	Rate     float64         `json:"rate"`    // calls a second of simulated time, of all clients together
	Timeout  faults.Duration `json:"timeout"` // of a call, after which its outcome is unknown
	Recovery faults.Duration `json:"recovery"`
	Disk     bool            `json:"disk,omitempty"` // the program keeps in its folder what it needs after a crash
	Clock    Clock           `json:"clock"`

	Consistency     string `json:"consistency,omitempty"`
	Topology        string `json:"topology,omitempty"`
	KeyCount        int    `json:"keyCount,omitempty"`
	OpsPerKey       int    `json:"opsPerKey,omitempty"`
	MinTxnLength    int    `json:"minTxnLength,omitempty"`
	MaxTxnLength    int    `json:"maxTxnLength,omitempty"`
	MaxWritesPerKey int    `json:"maxWritesPerKey,omitempty"`

	// Only are the calls that clients make. Absent: all.
	Only workload.Picks `json:"only,omitzero"`
}

// A Clock says whose time a program lives in.
type Clock string

// The clocks.
const (
	// Simulated: no time passes for a program. What it does it does at once, and because of a line that it was given.
	Simulated Clock = "simulated"
	// Wall: simulated time follows the wall clock, so that a program may have clocks and threads of its own. Such a run does not repeat.
	Wall Clock = "wall"
)

// Bounds of Settings.
const (
	mostSettingsNodes   = 25
	mostSettingsClients = 100
)

// Validate refuses what cannot be run: the first thing that is wrong.
func (s *Settings) Validate() error {
	refuse := func(field string, found any, want string) error {
		return &configuration.Error{Field: "settings." + field, Found: fmt.Sprint(found), Want: want}
	}
	switch {
	case s.Nodes < 1 || s.Nodes > mostSettingsNodes:
		return refuse("nodes", s.Nodes, fmt.Sprintf("1 to %d", mostSettingsNodes))
	case s.Zones < 1 || s.Zones > s.Nodes:
		return refuse("zones", s.Zones, fmt.Sprintf("1 to %d, the number of nodes", s.Nodes))
	case s.Clients < 1 || s.Clients > mostSettingsClients:
		return refuse("clients", s.Clients, fmt.Sprintf("1 to %d", mostSettingsClients))
	case !(s.Rate > 0) || s.Rate > 1e6 || math.IsInf(s.Rate, 0):
		return refuse("rate", s.Rate, "above 0, to 1000000")
	case s.Recovery < 0 || s.Recovery > faults.Duration(time.Hour):
		return refuse("recovery", s.Recovery, "0s to 1h")
	case !slices.Contains([]Clock{Simulated, Wall}, s.Clock):
		return refuse("clock", s.Clock, "simulated or wall")
	}
	if err := configuration.Within("settings.timeout", s.Timeout); err != nil {
		return err
	}
	return s.Only.Validate()
}

// names are those of the nodes.
func (s *Settings) names() []string {
	var names []string
	for i := range s.Nodes {
		names = append(names, fmt.Sprintf("n%d", i))
	}
	return names
}

// parameters are those of the workload.
func (s *Settings) parameters(seed uint64) Parameters {
	return Parameters{Nodes: s.names(), Clients: s.Clients, Seed: seed, Consistency: s.Consistency, Topology: s.Topology, KeyCount: s.KeyCount,
		OpsPerKey: s.OpsPerKey, MinTxnLength: s.MinTxnLength, MaxTxnLength: s.MaxTxnLength, MaxWritesPerKey: s.MaxWritesPerKey}
}

// roleNode is the role of the nodes in plans: "node 1" is n0.
const roleNode faults.Role = "node"

// topology is the system as plans see it. One node is enough to go on: what may be lost or late is the workload's to say, and once the
// faults have ended, all must be well.
func (s *Settings) topology() faults.Topology {
	return faults.Topology{Zones: s.Zones, Clients: s.Clients, Parts: []faults.Part{{Role: roleNode, Duty: faults.Holds, Count: s.Nodes,
		WriteQuorum: 1, ReadQuorum: 1, Disk: s.Disk}}}
}

// A Nemesis is a family of faults.
type Nemesis string

// The families. Maelstrom has the first alone.
const (
	Partitions Nemesis = "partition" // nodes are cut off from each other, in both directions
	OneWay     Nemesis = "one-way"   // in one direction
	Losses     Nemesis = "loss"
	Delays     Nemesis = "delay"     // late messages, and such that overtake others
	Duplicates Nemesis = "duplicate" // messages between nodes that arrive twice
	Pauses     Nemesis = "pause"
	Zones      Nemesis = "zone"  // a whole zone is cut off, or, with disks, loses power
	Crashes    Nemesis = "crash" // for nodes with disks: the process dies and starts again on its folder
)

// Nemeses lists all families.
func Nemeses() []Nemesis {
	return []Nemesis{Partitions, OneWay, Losses, Delays, Duplicates, Pauses, Zones, Crashes}
}

// kinds are the faults of a family.
func (n Nemesis) kinds() []faults.Kind {
	switch n {
	case Partitions:
		return []faults.Kind{faults.Partition}
	case OneWay:
		return []faults.Kind{faults.PartitionOneWay}
	case Losses:
		return []faults.Kind{faults.Loss}
	case Delays:
		return []faults.Kind{faults.Delay, faults.Reorder, faults.Throttle}
	case Duplicates:
		return []faults.Kind{faults.Duplicate}
	case Pauses:
		return []faults.Kind{faults.Pause}
	case Zones:
		return []faults.Kind{faults.AZCutOff, faults.PowerLossAZ}
	case Crashes:
		return []faults.Kind{faults.Crash, faults.DiskLost, faults.NodeLost}
	}
	return nil
}

// fits lists the kinds of faults that a program can meet: those of all families. The others are about clocks, disks and the wire of nodes
// that the harness knows from within.
func fits() (all []faults.Kind) {
	for _, n := range Nemeses() {
		all = append(all, n.kinds()...)
	}
	return all
}
