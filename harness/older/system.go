// Package older is the designs that came before Aurora's: a database on a local disk, with copies of that in an object store, on
// a replicated disk, mirrored into another zone, and versioned registers under quorums. Each is a system under test (Systems),
// and package compare builds the same nodes side by side (Cluster).
//
// None of them lets its log be seen. What their nodes tell is followed by the models of package conform/older, and what was
// acknowledged must be there at the audit, in the order that the commits claim.
//
// Not for a system of your own: implement harness.System for it. To measure the designs side by side, use package compare.
package older

import (
	"errors"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/baseline/quorum"
	"github.com/firstgap/firstgap/impl/node"
)

// Systems lists the designs as systems under test, in the order in which the lecture comes to them.
func Systems() []harness.System {
	one := faults.Part{Role: databaseRole, Duty: faults.Holds, Count: 1, WriteQuorum: 1, ReadQuorum: 1, Disk: true, Unsealed: true}
	leads := faults.Part{Role: databaseRole, Duty: faults.Leads, Count: 1}
	serves := func(role faults.Role) faults.Part {
		return faults.Part{Role: role, Duty: faults.Serves, Count: 1, Disk: true}
	}
	// One server is enough to go on. One that was left behind, though, never comes back: a moment's outage of one may leave the
	// only copy to the other, so no plan within the budget takes a disk.
	servers := func(count int) faults.Part {
		return faults.Part{Role: serverRole, Duty: faults.Holds, Count: count, WriteQuorum: count - 1, ReadQuorum: count - 1, Disk: true, Unsealed: true}
	}
	return []harness.System{
		&databases{name: "local", what: "a database on one disk in its host, which crashes and starts again", bugs: []string{bugLogNotSynced},
			topology: faults.Topology{Zones: 1, Parts: []faults.Part{one}}, only: true,
			never: []string{"world.messages", "world.duplicated"}, // of one node there is nobody to send to
			build: func(c *Cluster, d *Database) { Local(c, d.config) }},
		&databases{name: "snapshot", what: "local, and copies of the disk in an object store", bugs: []string{bugLogNotSynced},
			topology: faults.Topology{Zones: 1, Parts: []faults.Part{one, serves(storeRole)}}, only: true,
			build: func(c *Cluster, d *Database) { Snapshot(c, d.config, time.Duration(d.SnapshotEvery)) }},
		&databases{name: "ebs", what: "a database on a chain of two servers in one zone, which a successor attaches by force", bugs: []string{bugAnswerAtHead, bugServerForgetsLog},
			topology: faults.Topology{Zones: 1, Parts: []faults.Part{leads, serves(managerRole), servers(2)}},
			build:    func(c *Cluster, d *Database) { EBS(c, d.config) }},
		&databases{name: "rds", what: "mirrored MySQL: a primary and a standby, each on a chain of two servers in a zone of its own", bugs: []string{bugAnswerAtHead, bugStandbyAtOnce},
			topology: faults.Topology{Zones: 2, Parts: []faults.Part{serves(pairRole), serves(primaryRole), serves(standbyRole),
				serves(faults.Role(managerOf("az1"))), serves(faults.Role(managerOf("az2"))), servers(4)}},
			build: func(c *Cluster, d *Database) { RDS(c, d.config) }},
		registers{},
	}
}

// Named returns the design of a name, nil where there is none.
func Named(name string) harness.System {
	for _, s := range Systems() {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

// uncounted lists what runs never count: what our own system's model counts of a trace, and savepoints and wrong requests, which
// these clients do not ask for; and more.
func uncounted(more ...string) []string {
	never := append([]string{"rollbacks", "misused"}, more...)
	for _, a := range new(counts.Counts).Amounts() {
		if a.Of == string(judge.Trace) {
			never = append(never, a.Name)
		}
	}
	return never
}

// planted lists bugs by name.
func planted(names ...string) []faults.PlantedBug {
	all := bugs()
	var some []faults.PlantedBug
	for _, n := range names {
		some = append(some, all[n])
	}
	return some
}

// databases is a design under a database that runs transactions.
type databases struct {
	name, what string
	bugs       []string
	topology   faults.Topology // but for its clients
	only       bool            // the one copy is in the database's host: with the disk goes everything, and nothing notices
	build      func(*Cluster, *Database)
	never      []string // what runs of it count and never do
}

// Name implements harness.System.
func (s *databases) Name() string { return s.name }

// About implements harness.System.
func (s *databases) About() harness.About {
	return harness.About{What: s.what, Gives: []judge.Kind{judge.Transactions, judge.Audit, judge.Claims, judge.Trace}, Bugs: planted(s.bugs...), Never: uncounted(s.never...)}
}

// Topology implements harness.System.
func (s *databases) Topology(c *configuration.Configuration) (faults.Topology, error) {
	var set Settings
	if err := c.ReadSettings(&set); err != nil {
		return faults.Topology{}, err
	}
	return s.shape(&set), set.validate()
}

func (s *databases) shape(set *Settings) faults.Topology {
	t := s.topology
	t.Clients = set.Workload.Clients
	return t
}

// Build implements harness.System.
func (s *databases) Build(c *configuration.Configuration, stage *harness.Stage) error {
	var set Settings
	if err := c.ReadSettings(&set); err != nil {
		return err
	}
	cluster := clusterOn(stage)
	s.build(cluster, &set.Database)
	x := &transactions{r: stage.Runtime, w: set.Workload, seed: c.Seed, history: &workload.History{}}
	x.directory.Writers = cluster.Instances
	stage.Clients, stage.Model = x, modelOf(cluster.Model, stage.Runtime, stage.Plan)
	t := s.shape(&set)
	cluster.finish(stage, &t, func(instances []node.ID) { x.directory.Writers = instances })
	stage.Evidence = func(e *judge.Evidence) {
		x.evidence(e)
		e.Counts.TakeOvers = uint64(len(cluster.Instances) - 1)
	}
	return errors.Join(cluster.Err, x.begin())
}

// clusterOn returns a cluster for a run under faults.
func clusterOn(stage *harness.Stage) *Cluster {
	c := NewCluster(stage.Runtime)
	c.Wrap, c.Apart = plant, true
	return c
}

// finish tells the stage how the run's instances are replaced, or that all processes start again at its end. know lets
// clients know of the instances.
func (c *Cluster) finish(stage *harness.Stage, t *faults.Topology, know func([]node.ID)) {
	if role := t.Active(); role != "" {
		stage.Succession = &succession{c, string(role), know}
		return
	}
	for id := node.ID(1); id < c.Next; id++ {
		stage.Restart = append(stage.Restart, id)
	}
}

// succession replaces the instance that clients ask.
type succession struct {
	*Cluster
	role string
	know func([]node.ID)
}

// Runtime implements harness.Succession.
func (s *succession) Runtime() runtime.Succession {
	return runtime.Succession{Role: s.role, Start: s.Start}
}

// Start implements harness.Succession.
func (s *succession) Start() {
	s.Standby()
	if s.Err != nil {
		panic(s.Err) // an instance can always be added
	}
	s.know(s.Instances)
}

// Lives implements harness.Succession: the newest instance runs, and some instance serves or tries to.
func (s *succession) Lives() bool {
	if !s.Cluster.Runtime.Running(s.Active) {
		return false
	}
	for _, id := range s.Instances {
		state, tells := s.Cluster.Runtime.State(id)
		if s.Cluster.Runtime.Running(id) && (!tells || !state.Deposed) {
			return true
		}
	}
	return false
}

// Crash implements harness.Succession.
func (s *succession) Crash() {
	for _, id := range s.Instances {
		if err := s.Cluster.Runtime.Stop(id); err != nil {
			panic(err) // every instance is a process
		}
	}
}

// registers is versioned registers under quorums, which serve single rows.
type registers struct{}

// Name implements harness.System.
func (registers) Name() string { return "quorum" }

// About implements harness.System.
func (registers) About() harness.About {
	return harness.About{What: "versioned registers on replicas: a write is on W of them, a read asks R", Bugs: planted(bugAnswerBeforeSync, bugReadWithoutRepair),
		Gives: []judge.Kind{judge.Operations, judge.Audit, judge.Trace}, Never: uncounted()}
}

// Topology implements harness.System.
func (registers) Topology(c *configuration.Configuration) (faults.Topology, error) {
	var set RegisterSettings
	if err := c.ReadSettings(&set); err != nil {
		return faults.Topology{}, err
	}
	return set.topology(), set.validate()
}

// topology has fronts that hold nothing, and replicas. One whose disk is lost answers nothing any more.
func (s *RegisterSettings) topology() faults.Topology {
	q := s.Register
	spare := q.N - max(q.R, q.W)
	return faults.Topology{Zones: max(1, min(3, q.N)), Clients: s.Workload.Clients, Parts: []faults.Part{
		{Role: frontRole, Duty: faults.Leads, Count: 1},
		{Role: replicaRole, Duty: faults.Holds, Count: q.N, WriteQuorum: q.W, ReadQuorum: q.R, Damaged: min(1, max(0, spare)), Disk: true, Unsealed: true},
	}}
}

// Build implements harness.System.
func (registers) Build(c *configuration.Configuration, stage *harness.Stage) error {
	var set RegisterSettings
	if err := c.ReadSettings(&set); err != nil {
		return err
	}
	t := set.topology()
	cluster := clusterOn(stage)
	Quorum(cluster, set.Register, Front{RetryEvery: time.Duration(set.RetryEvery), IdleAfter: time.Duration(set.IdleAfter)}, quorum.Formatted(),
		func(i int) string { return t.Zone(faults.Node{Role: replicaRole, Index: i + 1}) })
	x := &rows{r: stage.Runtime, w: set.Workload, seed: c.Seed, fronts: cluster.Instances}
	stage.Clients, stage.Model = x, cluster.Model
	cluster.finish(stage, &t, func(instances []node.ID) { x.fronts = instances })
	stage.Evidence = x.evidence
	return errors.Join(cluster.Err, x.begin())
}

// config is that of an instance.
func (d *Database) config(id node.ID) database.Config {
	c := database.DefaultConfig(id)
	c.Pages, c.PageSize, c.CachePages, c.KeepLog, c.DoubleWrite = d.Pages, d.PageSize, d.CachePages, d.KeepLog, d.DoubleWrite
	c.FlushAfter, c.TickEvery, c.IdleAfter = time.Duration(d.FlushAfter), time.Duration(d.TickEvery), time.Duration(d.IdleAfter)
	return c
}
