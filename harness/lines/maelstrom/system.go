package maelstrom

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// Options are what a system is made with.
type Options struct {
	Workload Workload
	// Command is the program. Its folder is each node's own, and so a program that is named by a relative path must be named from the
	// folder of this process; System makes that absolute.
	Command lines.Command
	// Settings are those of the configurations that are generated; zero values are the defaults.
	Settings Settings
	// TimeLimit is for how long of simulated time clients work and faults strike; 0 is DefaultTimeLimit.
	TimeLimit time.Duration
	// Latency is how long a message takes; nil draws another network for each seed.
	Latency *Latency
	// Nemeses are the families of faults that plans are drawn from; nil is all that the nodes can bear, and none is an empty list.
	Nemeses []Nemesis
}

// A Latency is how long messages take on average, and how it is spread.
type Latency struct {
	Mean time.Duration
	Dist string // constant, uniform or exponential
}

// The defaults of Options and Settings. Maelstrom has the same, but for those that say so.
const (
	DefaultNodes     = 5
	DefaultRate      = 20.0             // Maelstrom: 5
	DefaultTimeLimit = 10 * time.Second // Maelstrom: 60 s
	DefaultTimeout   = 1 * time.Second  // Maelstrom: 5 s
	DefaultRecovery  = 10 * time.Second
)

func (s Settings) orDefault() Settings {
	s.Nodes = cmp.Or(s.Nodes, DefaultNodes)
	s.Zones = cmp.Or(s.Zones, min(3, s.Nodes))
	s.Clients = cmp.Or(s.Clients, s.Nodes)
	s.Rate = cmp.Or(s.Rate, DefaultRate)
	s.Timeout = cmp.Or(s.Timeout, faults.Duration(DefaultTimeout))
	s.Recovery = cmp.Or(s.Recovery, faults.Duration(DefaultRecovery))
	s.Clock = cmp.Or(s.Clock, Simulated)
	return s
}

// Prefix is that of the names of such systems: "maelstrom-kafka" has the clients of the workload kafka.
const Prefix = "maelstrom-"

// System makes a system of a program and a workload, or says what in the options makes no sense.
func System(o Options) (harness.System, error) {
	o.Settings = o.Settings.orDefault()
	o.TimeLimit = cmp.Or(o.TimeLimit, DefaultTimeLimit)
	if err := o.Settings.Validate(); err != nil {
		return nil, err
	}
	if least := 4*time.Duration(o.Settings.topology().Budget().Short) + time.Millisecond; o.TimeLimit < least || o.TimeLimit > time.Hour {
		return nil, &configuration.Error{Field: "time limit", Found: o.TimeLimit.String(), Want: least.String() + " to 1h"}
	}
	if _, err := o.Workload.Begin(o.Settings.parameters(1)); err != nil {
		return nil, err
	}
	if o.Nemeses == nil {
		o.Nemeses = slices.DeleteFunc(Nemeses(), func(n Nemesis) bool { return n == Crashes && !o.Settings.Disk })
	}
	for _, n := range o.Nemeses {
		if n.kinds() == nil {
			var known []string
			for _, k := range Nemeses() {
				known = append(known, string(k))
			}
			return nil, &faults.UnknownError{What: "nemesis", Found: string(n), Known: known}
		}
	}
	if slices.Contains(o.Nemeses, Crashes) && !o.Settings.Disk {
		return nil, errors.New("maelstrom: crashes need a program that keeps in its folder what it has acknowledged, and that is said to do so (--disk)")
	}
	if l := o.Latency; l != nil {
		if !slices.Contains([]string{"constant", "uniform", "exponential"}, l.Dist) {
			return nil, &faults.UnknownError{What: "distribution of latencies", Found: l.Dist, Known: []string{"constant", "uniform", "exponential"}}
		}
		if l.Mean < 0 || l.Mean > time.Hour {
			return nil, &configuration.Error{Field: "latency", Found: l.Mean.String(), Want: "0s to 1h"}
		}
	}
	args, err := absolute(o.Command.Args)
	if err != nil {
		return nil, err
	}
	o.Command.Args = args
	return system{o}, nil
}

type system struct{ o Options }

func (s system) Name() string { return Prefix + s.o.Workload.Name }

func (s system) About() harness.About {
	a := harness.About{What: "a program that speaks Maelstrom's protocol: " + s.o.Workload.What, Gives: []judge.Kind{judge.Contract}}
	never := map[Nemesis][]string{Losses: {"world.lostByLoss"}, Duplicates: {"world.duplicated"}, Crashes: {"world.crashes", "world.restarts"}}
	for n, amounts := range never {
		if !slices.Contains(s.o.Nemeses, n) {
			a.Never = append(a.Never, amounts...)
		}
	}
	if !slices.ContainsFunc(s.o.Nemeses, func(n Nemesis) bool { return n == Partitions || n == OneWay || n == Zones }) {
		a.Never = append(a.Never, "world.lostByCut")
	}
	slices.Sort(a.Never)
	if s.o.Settings.Clock == Wall {
		a.Unrepeatable = "simulated time follows the wall clock, and so no run is like another"
	}
	return a
}

// lead is how long the nodes are left alone at first, to be initialised and set up.
func (s *Settings) lead() faults.Duration {
	if s.Clock == Wall {
		return faults.Duration(3 * time.Second)
	}
	return faults.Duration(100 * time.Millisecond)
}

// calm is how long clients work on once the faults have ended: long enough that each of them calls again.
func (s *Settings) calm() faults.Duration {
	const pauses = 4 // the longest pause between two calls is two of them on average
	think := float64(pauses) * float64(time.Second) * float64(s.Clients) / s.Rate
	return min(2*s.Timeout+faults.Duration(think), faults.Duration(time.Hour))
}

func (s system) Generate(seed uint64, g harness.Generation) (configuration.Configuration, error) {
	settings := s.o.Settings
	c := configuration.Configuration{Version: configuration.Version, System: s.Name(), Seed: seed, Bug: g.Bug,
		Limits: sim.Limits{Events: 4_000_000, Time: faults.Duration(3 * time.Hour), Bytes: 1 << 30}}
	c.Draw()
	s.network(&c.Network)
	text, err := json.Marshal(settings)
	if err != nil {
		return c, err
	}
	c.Settings = text
	bound := settings.Recovery + faults.Duration(30*time.Second) + 20*settings.Timeout
	c.Ending = configuration.Ending{Bound: min(bound, faults.Duration(time.Hour)), Calm: settings.calm(), Settle: faults.Duration(time.Millisecond), Crash: c.Ending.Crash && settings.Disk}
	if c.Plan, err = s.plan(seed); err != nil {
		return c, fmt.Errorf("configuration of seed %d: %w", seed, err)
	}
	return c, harness.Validate(s, &c)
}

// network is the network of a run: drawn, or as it was asked for. Losses and doubled messages are faults.
func (s system) network(n *sim.Network) {
	if !slices.Contains(s.o.Nemeses, Losses) {
		n.Loss = 0
	}
	if !slices.Contains(s.o.Nemeses, Duplicates) {
		n.Duplicate = 0
	}
	l := s.o.Latency
	if l == nil {
		return
	}
	mean := faults.Duration(l.Mean)
	*n = sim.Network{Loss: n.Loss, Duplicate: n.Duplicate, LateDelivery: n.LateDelivery}
	switch l.Dist {
	case "constant":
		n.Latency = mean
	case "uniform":
		n.Jitter = 2 * mean
	case "exponential":
		// A part of all messages is late by more and more, each step half as likely as the one before it.
		n.Jitter, n.TailRate, n.Tail = mean, 0.5, mean/2
	}
}

// tries is how many plans are drawn until one has a fault of the families that are asked for.
const tries = 64

// plan draws the plan of a seed: faults of the families that are asked for, once the nodes are there.
func (s system) plan(seed uint64) (faults.Plan, error) {
	settings := s.o.Settings
	lead, horizon := settings.lead(), faults.Duration(s.o.TimeLimit)
	empty := faults.Plan{Horizon: lead + horizon, Faults: []faults.Fault{}}
	if len(s.o.Nemeses) == 0 {
		return empty, nil
	}
	g := faults.Generator{Topology: settings.topology(), Faults: 6, Horizon: horizon}
	var wanted []faults.Kind
	for _, n := range s.o.Nemeses {
		wanted = append(wanted, n.kinds()...)
	}
	for try := range tries {
		p, err := g.Plan(configuration.PartSeed(seed, fmt.Sprintf("plan %d", try)))
		if err != nil {
			return p, err
		}
		p.Faults = slices.DeleteFunc(p.Faults, func(f faults.Fault) bool { return !slices.Contains(wanted, f.Kind) })
		if len(p.Faults) == 0 {
			continue
		}
		for i := range p.Faults {
			p.Faults[i].At += lead
		}
		p.Horizon += lead
		return p, nil
	}
	return empty, nil
}

func (s system) settings(c *configuration.Configuration) (Settings, error) {
	var read Settings
	if err := c.ReadSettings(&read); err != nil {
		return read, err
	}
	if err := read.Validate(); err != nil {
		return read, err
	}
	if _, err := s.o.Workload.Begin(read.parameters(c.Seed)); err != nil {
		return read, err
	}
	if read.Clock != s.o.Settings.Clock {
		return read, &configuration.Error{Field: "settings.clock", Found: string(read.Clock), Want: string(s.o.Settings.Clock) + " (--clock)"}
	}
	return read, nil
}

func (s system) Topology(c *configuration.Configuration) (faults.Topology, error) {
	read, err := s.settings(c)
	if err != nil {
		return faults.Topology{}, err
	}
	for i := range c.Plan.Faults {
		if f := &c.Plan.Faults[i]; !slices.Contains(fits(), f.Kind) {
			err = errors.Join(err, &faults.FaultError{Index: i, Kind: f.Kind, Err: fmt.Errorf("it is about what a program has from within, and this one is known by its lines: %w", runtime.ErrNotSupported)})
		}
	}
	if c.Ending.Crash && !read.Disk {
		err = errors.Join(err, &configuration.Error{Field: "ending.crash", Found: "true", Want: "false: the program is not said to keep what it needs in its folder"})
	}
	return read.topology(), err
}

func (s system) Build(c *configuration.Configuration, stage *harness.Stage) error {
	settings, err := s.settings(c)
	if err != nil {
		return err
	}
	session, err := s.o.Workload.Begin(settings.parameters(c.Seed))
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "firstgap-maelstrom-")
	if err != nil {
		return err
	}
	p := &place{command: s.o.Command, nodes: settings.names(), ids: map[string]node.ID{}, clients: map[string]node.ID{}, callers: map[node.ID]string{}, asked: map[string]uint64{},
		seed: c.Seed, folder: folder}
	if settings.Clock == Wall {
		p.wall = &wall{}
	}
	r := &arena{crowd: crowd{ends: map[*Call]uint64{}, noted: stage.Runtime.Noted, place: p, settings: &settings, session: session, setups: settings.Clients}, of: s.o.Workload, parameters: settings.parameters(c.Seed), runtime: stage.Runtime}
	stage.Close = func() { r.broken = os.RemoveAll(folder) }
	stage.Clients, stage.Evidence = r, r.evidence
	t := settings.topology()
	var disk []node.File
	if settings.Disk {
		disk = []node.File{{Name: mark, Data: []byte("kept")}}
	}
	for i, name := range p.nodes {
		id := node.ID(i + 1)
		p.ids[name] = id
		stage.Restart = append(stage.Restart, id)
		n := faults.Node{Role: roleNode, Index: i + 1}
		err = errors.Join(err, stage.Runtime.Add(runtime.Process{ID: id, Name: n.String(), Zone: t.Zone(n), Disk: disk, New: func(h node.Hook) node.Node {
			return &member{place: p, index: i, hook: h, folder: p.folderOf(name), disk: settings.Disk}
		}}), stage.Runtime.Start(id))
	}
	for i, of := range services() {
		id := node.ID(settings.Nodes + i + 1)
		p.ids[of.name] = id
		err = errors.Join(err, stage.Runtime.Add(runtime.Process{ID: id, Name: of.name, New: func(node.Hook) node.Node {
			return &server{place: p, name: of.name, store: of.make(c.Seed), answered: map[caller]*node.Opaque{}}
		}}), stage.Runtime.Start(id))
	}
	r.next = node.ID(settings.Nodes + len(services()) + 1)
	for i := range settings.Clients {
		err = errors.Join(err, r.join(nameOf(i+1), r.client(i, session.Setup(i))))
	}
	return err
}

// Reduce implements harness.Reducer: nodes, clients and calls.
func (s system) Reduce(c *configuration.Configuration, begun []workload.Begun) ([]harness.Parts, error) {
	read, err := s.settings(c)
	if err != nil {
		return nil, err
	}
	of := func(settings Settings, p faults.Plan) configuration.Configuration {
		changed := *c
		changed.Plan = p
		text, err := json.Marshal(settings)
		if err != nil {
			panic(fmt.Sprintf("maelstrom: %v", err)) // numbers and durations only
		}
		changed.Settings = text
		return changed
	}
	nodes, topology := harness.Parts{Kind: harness.NodePart}, read.topology()
	for i := range read.Nodes {
		nodes.Names = append(nodes.Names, faults.Node{Role: roleNode, Index: i + 1}.String())
	}
	nodes.Without = func(out []int) []configuration.Configuration {
		fewer := read
		if fewer.Nodes -= len(out); fewer.Nodes < 1 {
			return nil
		}
		fewer.Zones = min(fewer.Zones, fewer.Nodes)
		return []configuration.Configuration{of(fewer, harness.Renamed(c.Plan, func(name string) string { return harness.RenumberedOf(topology, roleNode, name, out) }))}
	}
	features := harness.FeatureParts(read, func(r Settings) configuration.Configuration { return of(r, c.Plan) }, []harness.Feature[Settings]{
		{Name: "clients that do nothing", Drop: func(r *Settings) {
			if r.Only != nil {
				r.Clients, _ = r.Only.Most(r.Clients, 1)
			}
		}},
		{Name: "zones", Drop: func(r *Settings) { r.Zones = 1 }},
	})
	return slices.Concat([]harness.Parts{nodes}, features, harness.BegunParts(begun, func(p workload.Picks) configuration.Configuration {
		fewer := read
		fewer.Only = p
		return of(fewer, c.Plan)
	})), nil
}
