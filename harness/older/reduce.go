package older

import (
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/workload"
)

// never is how often an instance does what it is not to do in a run.
const never = faults.Duration(time.Hour)

// Reduce implements harness.Reducer.
func (s *databases) Reduce(c *configuration.Configuration, begun []workload.Begun) ([]harness.Parts, error) {
	var set Settings
	if err := c.ReadSettings(&set); err != nil {
		return nil, err
	}
	of := func(s Settings) configuration.Configuration { return c.With(s, c.Plan) }
	return slices.Concat(harness.FeatureParts(set, of, []harness.Feature[Settings]{
		{Name: "small caches", Drop: func(s *Settings) { s.Database.CachePages = s.Database.Pages }},
		{Name: "a short log", Drop: func(s *Settings) { s.Database.KeepLog = maxLog }},
		{Name: "long keys", Drop: func(s *Settings) { s.Workload.KeyBytes = min(s.Workload.KeyBytes, 12) }},
		{Name: "long values", Drop: func(s *Settings) { s.Workload.ValueBytes = min(s.Workload.ValueBytes, 24) }},
		{Name: "clients that do nothing", Drop: func(s *Settings) { s.Workload = s.Workload.WithoutIdle() }},
		{Name: "copies of the disk", Slows: true, Drop: func(s *Settings) { s.Database.SnapshotEvery = never }},
		{Name: "writing pages back", Slows: true, Drop: func(s *Settings) { s.Database.FlushAfter = never }},
	}), harness.BegunParts(begun, func(p workload.Picks) configuration.Configuration {
		fewer := set
		fewer.Workload.Only = p
		return of(fewer)
	})), nil
}

// Reduce implements harness.Reducer.
func (registers) Reduce(c *configuration.Configuration, begun []workload.Begun) ([]harness.Parts, error) {
	var set RegisterSettings
	if err := c.ReadSettings(&set); err != nil {
		return nil, err
	}
	of := func(s RegisterSettings) configuration.Configuration { return c.With(s, c.Plan) }
	topology := set.topology()
	replicas := harness.Parts{Kind: harness.NodePart}
	for i := range set.Register.N {
		replicas.Names = append(replicas.Names, faults.Node{Role: replicaRole, Index: i + 1}.String())
	}
	replicas.Without = func(out []int) (all []configuration.Configuration) {
		fewer, q := set, set.Register
		fewer.Register.N -= len(out)
		plan := harness.Renamed(c.Plan, func(name string) string { return harness.RenumberedOf(topology, replicaRole, name, out) })
		for _, now := range harness.Quorums(q.N, q.W, q.R, fewer.Register.N) {
			fewer.Register.W, fewer.Register.R = now[0], now[1]
			all = append(all, c.With(fewer, plan))
		}
		return all
	}
	return slices.Concat([]harness.Parts{replicas}, harness.FeatureParts(set, of, []harness.Feature[RegisterSettings]{
		{Name: "clients that do nothing", Drop: func(s *RegisterSettings) {
			w := &s.Workload
			w.Clients, w.Each = w.Only.Most(w.Clients, w.Each)
		}},
	}), harness.BegunParts(begun, func(p workload.Picks) configuration.Configuration {
		fewer := set
		fewer.Workload.Only = p
		return of(fewer)
	})), nil
}
