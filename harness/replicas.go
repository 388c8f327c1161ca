package harness

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// Replicas makes a System of nodes that all do the same and that clients may all ask: a replicated register, a consensus group,
// a key-value store. Name, Mix and New must be given. What clients saw is held against linearizability, or, of
// transactions, against strict serializability; what was acknowledged must be there after every node has crashed and started
// again, where the nodes have disks.
type Replicas struct {
	Name  string
	What  string // in one line
	Count int    // nodes; 0 is 3
	Zones int    // availability zones that they are spread over; 0 is one for each node
	// Quorum is how many nodes the system needs to go on; 0 is a majority. Beyond, it may stall and must not lie.
	Quorum int
	// Disk says that the nodes keep on their disks what they need after a crash. Without it no generated run crashes a node: it is
	// paused or cut off instead.
	Disk bool
	// Mix is the client contract: the operations that clients call (workload.Registers, SwappedRegisters, Lists,
	// Transactions).
	Mix workload.OperationMix
	// Bugs are the planted bugs that nodes ask their hook for, and Points those in their code where they can crash.
	Bugs   []faults.PlantedBug
	Points []string
	// New makes the node of one incarnation.
	New func(Place) node.Node
	// Model makes what follows the trace that the nodes tell; nil: they tell none that a model follows.
	Model func(members []node.ID) (Model, error)
}

// A Place is where a node runs.
type Place struct {
	ID      node.ID
	Index   int       // from 0, of Members
	Members []node.ID // all nodes, itself among them
	Seed    uint64    // of the run: a node that must draw draws from it and its ID, and never from a clock or crypto/rand
	Hook    node.Hook
}

// System returns the system.
func (r Replicas) System() System {
	r.Count = cmp.Or(r.Count, 3)
	r.Zones = cmp.Or(r.Zones, r.Count)
	r.Quorum = cmp.Or(r.Quorum, r.Count/2+1)
	return replicas{r}
}

type replicas struct{ of Replicas }

// replicaSettings are the settings of a configuration of such a system.
type replicaSettings struct {
	Workload workload.Operations `json:"workload"`
	// Nodes is how many there are, a quorum or more, where they are fewer than the system has; 0 is all.
	Nodes int `json:"nodes,omitempty"`
}

func (s replicas) Name() string { return s.of.Name }

func (s replicas) About() About {
	a := About{What: s.of.What, Gives: []judge.Kind{judge.Operations, judge.Audit}, Bugs: s.of.Bugs}
	if s.of.Mix.Apply > 0 {
		a.Gives = []judge.Kind{judge.Transactions}
	}
	if !s.of.Disk {
		a.Never = []string{"world.crashes", "world.restarts"} // no generated run has one
	}
	if s.of.Model != nil {
		a.Gives = append(a.Gives, judge.Trace)
	}
	return a
}

// roleReplica is the role of the nodes.
const roleReplica faults.Role = "replica"

func (s replicas) topology(r replicaSettings) faults.Topology {
	count := cmp.Or(r.Nodes, s.of.Count)
	return faults.Topology{Zones: min(s.of.Zones, count), Clients: r.Workload.Clients, Parts: []faults.Part{{Role: roleReplica, Duty: faults.Holds,
		Count: count, WriteQuorum: s.of.Quorum, ReadQuorum: s.of.Quorum, Disk: s.of.Disk, Points: s.of.Points}}}
}

func (s replicas) Generate(seed uint64, g Generation) (configuration.Configuration, error) {
	c := configuration.Configuration{Version: configuration.Version, System: s.of.Name, Seed: seed, Bug: g.Bug,
		Limits: sim.Limits{Events: 400_000, Time: faults.Duration(2 * time.Minute), Bytes: 256 << 20}}
	c.Draw()
	part := func(name string, most uint64) int { return int(uint64(configuration.PartSeed(seed, name)) % most) }
	clients := 1 + part("clients", 5)
	w := workload.Operations{Clients: clients, Calls: (60 + part("calls", 60)) / clients, Keys: 1 + part("keys", 3), Mix: s.of.Mix,
		Think: faults.Duration(time.Duration(clients) * time.Duration(500+part("think", 2500)) * time.Microsecond), Timeout: faults.Duration(60 * time.Millisecond)}
	settings, err := json.Marshal(replicaSettings{Workload: w})
	if err != nil {
		return c, err
	}
	c.Settings = settings
	c.Ending.Crash = c.Ending.Crash && s.of.Disk
	plans := faults.Generator{Topology: s.topology(replicaSettings{Workload: w}), Faults: 5, Points: s.of.Points,
		Horizon: faults.Duration(300+seed%5*50) * faults.Duration(time.Millisecond), Beyond: configuration.PartSeed(seed, "beyond")%8 == 0}
	if c.Plan, err = plans.Plan(configuration.PartSeed(seed, "plan")); err != nil {
		return c, fmt.Errorf("configuration of seed %d: %w", seed, err)
	}
	return c, Validate(s, &c)
}

func (s replicas) settings(c *configuration.Configuration) (replicaSettings, error) {
	var read replicaSettings
	if err := c.ReadSettings(&read); err != nil {
		return read, err
	}
	if n := read.Nodes; n != 0 && (n < s.of.Quorum || n > s.of.Count) {
		return read, &configuration.Error{Field: "nodes", Found: fmt.Sprint(n), Want: fmt.Sprintf("%d to %d, or 0", s.of.Quorum, s.of.Count)}
	}
	return read, read.Workload.Validate()
}

func (s replicas) Topology(c *configuration.Configuration) (faults.Topology, error) {
	read, err := s.settings(c)
	if err != nil {
		return faults.Topology{}, err
	}
	if c.Ending.Crash && !s.of.Disk {
		err = errors.New("configuration: ending.crash is true, want false: the nodes have no disks")
	}
	return s.topology(read), err
}

func (s replicas) Build(c *configuration.Configuration, stage *Stage) error {
	read, err := s.settings(c)
	if err != nil {
		return err
	}
	g := &replicaGroup{c: c, w: read.Workload, r: stage.Runtime}
	for i := range cmp.Or(read.Nodes, s.of.Count) {
		g.members = append(g.members, node.ID(i+1))
	}
	t := s.topology(read)
	for i, id := range g.members {
		n := faults.Node{Role: roleReplica, Index: i + 1}
		err = errors.Join(err, stage.Runtime.Add(runtime.Process{ID: id, Name: n.String(), Zone: t.Zone(n), New: func(h node.Hook) node.Node {
			return s.of.New(Place{ID: id, Index: i, Members: g.members, Seed: c.Seed, Hook: h})
		}}), stage.Runtime.Start(id))
	}
	for i := range read.Workload.Clients {
		client := g.caller(workload.NewCaller, i+1)
		g.clients = append(g.clients, client)
		err = errors.Join(err, g.join(faults.Node{Role: faults.Client, Index: i + 1}.String(), i+1, client))
	}
	if s.of.Model != nil && err == nil {
		stage.Model, err = s.of.Model(g.members)
	}
	stage.Clients, stage.Restart, stage.Evidence = g, g.members, g.evidence
	return err
}

// Reduce implements Reducer: nodes down to a quorum, and calls.
func (s replicas) Reduce(c *configuration.Configuration, begun []workload.Begun) ([]Parts, error) {
	read, err := s.settings(c)
	if err != nil {
		return nil, err
	}
	topology, count := s.topology(read), cmp.Or(read.Nodes, s.of.Count)
	nodes := Parts{Kind: NodePart}
	for i := range count {
		nodes.Names = append(nodes.Names, faults.Node{Role: roleReplica, Index: i + 1}.String())
	}
	nodes.Without = func(out []int) []configuration.Configuration {
		fewer := read
		if len(out) > 0 {
			if fewer.Nodes = count - len(out); fewer.Nodes < s.of.Quorum {
				return nil
			}
		}
		return []configuration.Configuration{c.With(fewer, Renamed(c.Plan, func(name string) string { return RenumberedOf(topology, roleReplica, name, out) }))}
	}
	features := FeatureParts(read, func(r replicaSettings) configuration.Configuration { return c.With(r, c.Plan) }, []Feature[replicaSettings]{
		{Name: "clients that do nothing", Drop: func(r *replicaSettings) { r.Workload = r.Workload.WithoutIdle() }},
	})
	return slices.Concat([]Parts{nodes}, features, BegunParts(begun, func(p workload.Picks) configuration.Configuration {
		fewer := read
		fewer.Workload.Only = p
		return c.With(fewer, c.Plan)
	})), nil
}

// replicaGroup is such a system in a run.
type replicaGroup struct {
	c       *configuration.Configuration
	w       workload.Operations
	r       runtime.Runtime
	members []node.ID
	history workload.CallHistory
	clients []*workload.Caller
	audit   *workload.Caller
}

func (g *replicaGroup) caller(of func(workload.Operations, uint64, int, []node.ID, *workload.CallHistory) *workload.Caller, number int) *workload.Caller {
	return of(g.w, g.c.Seed, number, g.members, &g.history)
}

// join adds a client. Clients have the addresses behind the nodes', by their numbers.
func (g *replicaGroup) join(name string, number int, c *workload.Caller) error {
	return g.r.AddClient(runtime.Client{ID: node.ID(len(g.members) + number), Name: name, Actor: workload.Actor{Client: c}})
}

func (g *replicaGroup) late(name string, number int, c *workload.Caller) *workload.Caller {
	if err := g.join(name, number, c); err != nil {
		panic(fmt.Sprintf("harness: %v", err)) // the address is free
	}
	return c
}

// Probe implements Clients.
func (g *replicaGroup) Probe() Probe {
	return g.late("prober", g.w.Clients+1, g.caller(workload.NewCallProbe, g.w.Clients+1))
}

// Audit implements Clients.
func (g *replicaGroup) Audit() Audit {
	g.audit = g.late("auditor", g.w.Clients+2, g.caller(workload.NewCallAudit, g.w.Clients+2))
	return g.audit
}

// Stop implements Clients.
func (g *replicaGroup) Stop() {
	for _, c := range g.clients {
		c.Stop()
	}
}

// Idle implements Clients.
func (g *replicaGroup) Idle() bool {
	for _, c := range g.clients {
		if !c.Idle() {
			return false
		}
	}
	return true
}

func (g *replicaGroup) evidence(e *judge.Evidence) {
	e.Operations, e.Lists, e.Begun = g.history.Registers(), g.history.Lists(), g.history.Begun()
	if t := g.history.Transactions(); len(t.Transactions) > 0 {
		e.Transactions = t
	}
	if g.audit != nil && g.audit.Done() {
		e.AuditedKeys = workload.Audited(e.Operations, g.w.Clients+2)
	}
	c := &e.Counts
	c.Operations = uint64(len(e.Operations) + len(e.Lists) - g.history.Unanswered())
	c.Doubtful, c.Declined = uint64(g.history.Doubtful()), uint64(g.history.Refused())
	if e.Transactions != nil {
		h := e.Transactions.Count()
		c.Transactions, c.Acknowledged, c.ReadOnly, c.Aborted, c.Unknown = uint64(len(e.Transactions.Transactions)), uint64(h.Acknowledged), uint64(h.ReadOnly), uint64(h.Aborted), uint64(h.Unknown)
	}
}
