package aurora

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/page"
)

// never is how often a node does what it is not to do in a run.
const never = faults.Duration(time.Hour)

// features are what a run may do without, beside its nodes and its clients' transactions.
func features() []harness.Feature[Settings] {
	feature := func(name string, drop func(*Settings)) harness.Feature[Settings] {
		return harness.Feature[Settings]{Name: name, Drop: drop}
	}
	slow := func(name string, drop func(*Settings)) harness.Feature[Settings] {
		return harness.Feature[Settings]{Name: name, Slows: true, Drop: drop}
	}
	return []harness.Feature[Settings]{
		feature("the backup", func(s *Settings) { s.Volume.BackupWindow = 0 }),
		feature("growth", func(s *Settings) { s.Volume.GroupPages, s.Volume.InUse = 0, s.Volume.Groups }),
		feature("groups that are not in use", func(s *Settings) {
			if s.Volume.InUse < s.Volume.Groups {
				s.Volume.GroupPages, s.Volume.Groups = 0, s.Volume.InUse
			}
		}),
		feature("segments without pages", func(s *Settings) { s.Volume.Tails = 0 }),
		feature("small pages", func(s *Settings) { s.Volume.PageSize = page.MaxSize }),
		feature("long keys", func(s *Settings) { s.Workload.KeyBytes = min(s.Workload.KeyBytes, 12) }),
		feature("long values", func(s *Settings) { s.Workload.ValueBytes = min(s.Workload.ValueBytes, 24) }),
		feature("small caches", func(s *Settings) { s.Nodes.CachePages, s.Nodes.ReaderCachePages = max(s.Nodes.CachePages, 1024), 0 }),
		feature("a short log", func(s *Settings) { s.Nodes.LogAhead = max(s.Nodes.LogAhead, 4096) }),
		feature("small messages of pages", func(s *Settings) { s.Nodes.FillChunk = 0 }),
		feature("clients that do nothing", func(s *Settings) { s.Workload = s.Workload.WithoutIdle() }),
		feature("slow readers", func(s *Settings) { s.Nodes.ReaderRetryEvery = 0 }),
		slow("scrubbing", func(s *Settings) { s.Nodes.ScrubEvery = 0 }),
		slow("gossip", func(s *Settings) { s.Nodes.GossipEvery = never }),
		slow("making pages", func(s *Settings) { s.Nodes.CoalesceEvery = never }),
		slow("watching segments", func(s *Settings) { s.Nodes.MonitorEvery = never }),
	}
}

// Reduce implements harness.Reducer.
func (s system) Reduce(whole *configuration.Configuration, begun []workload.Begun) ([]harness.Parts, error) {
	c, err := Read(whole)
	if err != nil {
		return nil, err
	}
	of := func(s Settings) configuration.Configuration {
		changed := c
		changed.Settings = s
		return changed.Whole()
	}
	parts := []harness.Parts{c.groups(), c.replicas(), c.readers()}
	parts = append(parts, harness.FeatureParts(c.Settings, of, features())...)
	return append(parts, harness.BegunParts(begun, func(p workload.Picks) configuration.Configuration {
		changed := c.Settings
		changed.Workload.Only = p
		return of(changed)
	})...), nil
}

// groups are the groups, where there are several.
func (c Configuration) groups() harness.Parts {
	p, topology := harness.Parts{Kind: harness.NodePart}, c.Topology()
	for g := 1; c.Volume.Groups > 1 && g <= c.Volume.Groups; g++ {
		p.Names = append(p.Names, fmt.Sprintf("group %d", g))
	}
	p.Without = func(out []int) []configuration.Configuration {
		changed := c
		v := &changed.Volume
		for _, i := range out {
			if v.Groups--; i < c.Volume.InUse {
				v.InUse--
			}
		}
		v.InUse, v.Groups = max(v.InUse, 1), max(v.Groups, 1)
		if v.InUse == v.Groups && len(out) > 0 {
			v.GroupPages = 0
		}
		changed.Plan = harness.Renamed(c.Plan, func(name string) string {
			n, err := topology.Node(name)
			if err != nil || n.Role != faults.Segment {
				return name
			}
			return harness.Renumbered(n.Group, out, func(g int) string { return faults.Node{Role: n.Role, Group: g, Index: n.Index}.String() })
		})
		return []configuration.Configuration{changed.Whole()}
	}
	return p
}

// replicas are the segments of the groups, one of each group at a time.
func (c Configuration) replicas() harness.Parts {
	p, topology := harness.Parts{Kind: harness.NodePart}, c.Topology()
	for r := 1; c.Volume.Replicas > 1 && r <= c.Volume.Replicas; r++ {
		p.Names = append(p.Names, fmt.Sprintf("segment %d of each group", r))
	}
	p.Without = func(out []int) []configuration.Configuration {
		if len(out) == 0 {
			return []configuration.Configuration{c.Whole()}
		}
		changed := c
		v := &changed.Volume
		for _, i := range out {
			if v.Replicas--; i >= c.Volume.Members() {
				v.Spares--
			}
		}
		if v.Members() < 1 {
			return nil
		}
		v.Tails, v.Zones = min(v.Tails, v.Members()/2), min(v.Zones, v.Members())
		changed.Plan = harness.Renamed(c.Plan, func(name string) string {
			n, err := topology.Node(name)
			if err != nil || n.Role != faults.Segment {
				return name
			}
			return harness.Renumbered(n.Index, out, func(i int) string { return faults.Node{Role: n.Role, Group: n.Group, Index: i}.String() })
		})
		var all []configuration.Configuration
		for _, q := range harness.Quorums(c.Volume.Members(), c.Volume.WriteQuorum, c.Volume.ReadQuorum, v.Members()) {
			v.WriteQuorum, v.ReadQuorum = q[0], q[1]
			all = append(all, changed.Whole())
		}
		return all
	}
	return p
}

// readers are the read replicas.
func (c Configuration) readers() harness.Parts {
	p, topology := harness.Parts{Kind: harness.NodePart}, c.Topology()
	for r := 1; r <= c.Volume.Readers; r++ {
		p.Names = append(p.Names, faults.Node{Role: faults.Reader, Index: r}.String())
	}
	p.Without = func(out []int) []configuration.Configuration {
		changed := c
		changed.Volume.Readers -= len(out)
		changed.Plan = harness.Renamed(c.Plan, func(name string) string {
			return harness.RenumberedOf(topology, faults.Reader, name, out)
		})
		return []configuration.Configuration{changed.Whole()}
	}
	return p
}
