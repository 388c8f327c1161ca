package aurora

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	fuzz "github.com/google/gofuzz"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A Configuration is a configuration of a run of this system, with its settings read.
type Configuration struct {
	configuration.Configuration
	Settings
}

// Settings are those of the system.
type Settings struct {
	Volume   Volume            `json:"volume"`
	Nodes    Nodes             `json:"nodes"`
	Workload workload.Workload `json:"workload"`
}

// Read reads the settings of a configuration.
func Read(c *configuration.Configuration) (Configuration, error) {
	full := Configuration{Configuration: *c}
	full.Configuration.Settings = nil // read into the other Settings
	return full, c.ReadSettings(&full.Settings)
}

// Whole returns the configuration as the harness has it, the settings as JSON.
func (c Configuration) Whole() configuration.Configuration { return c.With(c.Settings, c.Plan) }

// Volume is the shape of the volume.
type Volume struct {
	Groups       int `json:"groups"`
	Replicas     int `json:"replicas"` // of each group, spares included
	Spares       int `json:"spares"`   // of these, the last ones, which are no members at first
	Tails        int `json:"tails"`    // of the members, those that keep the log and no pages: every other one
	WriteQuorum  int `json:"writeQuorum"`
	ReadQuorum   int `json:"readQuorum"`
	PageSize     int `json:"pageSize"`     // bytes
	InUse        int `json:"inUse"`        // groups in use from the start
	GroupPages   int `json:"groupPages"`   // pages that each group brings; 0 is no limit
	BackupWindow int `json:"backupWindow"` // LSNs in one object of the backup's log; 0 is no backup
	Zones        int `json:"zones"`        // availability zones that the replicas are spread over
	Readers      int `json:"readers"`      // read replicas
}

// Nodes configures the nodes of the volume.
type Nodes struct {
	BackupEvery   faults.Duration `json:"backupEvery"`   // of a segment: how often it looks whether there is something to back up
	ScrubEvery    faults.Duration `json:"scrubEvery"`    // of a segment: how often it verifies a piece of its disk; 0 is never
	CoalesceEvery faults.Duration `json:"coalesceEvery"` // of a segment: how often it turns log into pages
	GossipEvery   faults.Duration `json:"gossipEvery"`   // of a segment
	FillChunk     int             `json:"fillChunk"`     // of a segment: bytes of pages in one message to a peer; 0 is 16 KiB
	CachePages    int             `json:"cachePages"`    // of a writer, fewer than the tree has to make it read
	// ReaderCachePages is the same of a reader; 0 is as many.
	ReaderCachePages int             `json:"readerCachePages,omitempty"`
	LogAhead         int             `json:"logAhead"`   // of a writer: LSNs beyond the VDL before puts wait
	RetryEvery       faults.Duration `json:"retryEvery"` // of a writer, when no segment answers
	// ReaderRetryEvery is the same of a reader; 0 is as often. A reader notices by its own ticks that it hears nothing of the
	// writer, and the writer gives it up by the writer's: one that ticks much slower serves on, until segments refuse it.
	ReaderRetryEvery faults.Duration `json:"readerRetryEvery,omitempty"`
	// MonitorEvery is how often the control plane asks every segment whether it lives. It suspects after SuspectAfter
	// questions without an answer.
	MonitorEvery faults.Duration `json:"monitorEvery"`
	SuspectAfter int             `json:"suspectAfter"`
	IdleAfter    faults.Duration `json:"idleAfter"` // of a writer: for how long it is patient with a silent client
}

// Topology is the volume and its clients as faults see them.
func (c *Configuration) Topology() faults.Topology {
	v := c.Volume
	return faults.Volume{Groups: v.Groups, Replicas: v.Replicas, Spares: v.Spares, Tails: v.Tails, WriteQuorum: v.WriteQuorum, ReadQuorum: v.ReadQuorum,
		Zones: v.Zones, Clients: c.Workload.Clients, Readers: v.Readers, Objects: v.BackupWindow > 0}.Topology()
}

// Members returns how many segments of a group are members.
func (v Volume) Members() int { return v.Replicas - v.Spares }

// tails marks the replicas that keep no pages: the second, the fourth and so on, which are in different zones. Spares are
// none.
func (v Volume) tails() []bool {
	if v.Tails == 0 {
		return nil
	}
	tails := make([]bool, v.Replicas)
	for i := range v.Tails {
		tails[2*i+1] = true
	}
	return tails
}

// Limits of a configuration: what fits a run in memory, and a node's number in a node.ID.
const (
	maxGroups   = 64
	maxReplicas = 9
	maxCache    = 1 << 16 // pages
	maxAhead    = 10_000_000

	maxFillChunk = 1 << 20 // bytes
)

// Validate refuses a configuration that cannot be run: all that is wrong with it.
func (c *Configuration) Validate() error {
	whole := c.Whole()
	return harness.Validate(system{name: cmp.Or(c.System, Name)}, &whole)
}

// validateSettings refuses settings that cannot be run. All that is wrong is reported together.
func (c *Configuration) validateSettings() error {
	var broken []error
	object := func(field string, found, want any) {
		broken = append(broken, &configuration.Error{Field: field, Found: fmt.Sprint(found), Want: fmt.Sprint(want)})
	}
	between := func(field string, found, low, high int) {
		if found < low || found > high {
			object(field, found, fmt.Sprintf("%d to %d", low, high))
		}
	}
	between("volume.groups", c.Volume.Groups, 1, maxGroups)
	between("volume.replicas", c.Volume.Replicas, 1, maxReplicas)
	between("volume.spares", c.Volume.Spares, 0, c.Volume.Replicas-1)
	between("volume.tails", c.Volume.Tails, 0, c.Volume.Members()/2)
	between("volume.writeQuorum", c.Volume.WriteQuorum, 1, c.Volume.Members())
	between("volume.readQuorum", c.Volume.ReadQuorum, 1, c.Volume.Members())
	between("volume.inUse", c.Volume.InUse, 1, c.Volume.Groups)
	between("volume.groupPages", c.Volume.GroupPages, 0, maxCache)
	if c.Volume.GroupPages == 0 && c.Volume.InUse < c.Volume.Groups {
		object("volume.inUse", c.Volume.InUse, fmt.Sprintf("all %d groups where they bring pages without limit", c.Volume.Groups))
	}
	between("volume.backupWindow", c.Volume.BackupWindow, 0, maxAhead)
	between("nodes.suspectAfter", c.Nodes.SuspectAfter, 1, 1000)
	between("volume.pageSize", c.Volume.PageSize, page.MinSize, page.MaxSize)
	between("volume.zones", c.Volume.Zones, 1, c.Volume.Members())
	between("volume.readers", c.Volume.Readers, 0, node.MaxReaders)
	between("nodes.cachePages", c.Nodes.CachePages, 1, maxCache)
	between("nodes.readerCachePages", c.Nodes.ReaderCachePages, 0, maxCache)
	between("nodes.fillChunk", c.Nodes.FillChunk, 0, maxFillChunk)
	between("nodes.logAhead", c.Nodes.LogAhead, 1, maxAhead)
	if most := page.MaxCell(c.Volume.PageSize); page.ValidSize(c.Volume.PageSize) == nil && c.Workload.MostBytes() > most {
		object("workload.valueBytes", fmt.Sprintf("so large that a row has %d bytes", c.Workload.MostBytes()), fmt.Sprintf("at most %d bytes of a row in pages of %d", most, c.Volume.PageSize))
	}
	for _, d := range []struct {
		field string
		found faults.Duration
	}{{"nodes.gossipEvery", c.Nodes.GossipEvery}, {"nodes.coalesceEvery", c.Nodes.CoalesceEvery}, {"nodes.retryEvery", c.Nodes.RetryEvery}, {"nodes.monitorEvery", c.Nodes.MonitorEvery}, {"nodes.backupEvery", c.Nodes.BackupEvery},
		{"nodes.idleAfter", c.Nodes.IdleAfter}} {
		broken = append(broken, configuration.Within(d.field, d.found))
	}
	if d := c.Nodes.ReaderRetryEvery; d != 0 && (d < faults.Duration(time.Microsecond) || d > faults.Duration(time.Hour)) {
		object("nodes.readerRetryEvery", d, "1µs to 1h, or 0")
	}
	if c.Nodes.IdleAfter >= c.Workload.Timeout {
		// A transaction that its client has given up would keep its rows for longer than the next one waits for them, and
		// so on for ever.
		object("nodes.idleAfter", c.Nodes.IdleAfter, "less than workload.timeout, "+c.Workload.Timeout.String())
	}
	return errors.Join(append(broken, c.Workload.Validate())...)
}

// Generate makes the configuration of a seed. The same seed gives the same configuration in any process.
//
// Every part has a fuzzer of its own, seeded by the run's seed and the part's name, so that what one part draws does
// not change the others.
func Generate(seed uint64, g harness.Generation) (Configuration, error) {
	c, err := generate(seed, g, Without{})
	if err != nil {
		return c, err
	}
	return c, c.Validate()
}

// generate leaves out what the segments do. Where they leave out nothing, it draws what it always drew. Whose system it is says
// whether it is valid: the bugs are the system's.
func generate(seed uint64, g harness.Generation, without Without) (Configuration, error) {
	c := Configuration{Configuration: configuration.Configuration{Version: configuration.Version, System: Name, Seed: seed, Bug: g.Bug,
		Limits: sim.Limits{Events: 400_000, Time: faults.Duration(2 * time.Minute), Bytes: 256 << 20}}}
	for _, part := range []struct {
		name string
		into any
	}{
		{"volume", &c.Volume}, {"nodes", &c.Nodes}, {"workload", &c.Workload},
	} {
		fuzz.NewWithSeed(configuration.PartSeed(seed, part.name)).Funcs(Funcs()...).Fuzz(part.into)
	}
	without.limit(&c.Volume)
	c.Draw()
	times := length(seed)
	if times > 1 {
		// Long enough for a tree of three levels and more to grow and to shrink again: small pages, long keys, rows that come and
		// go, and so few transactions for each client that it makes all of them, the deleting ones at the end too.
		w := &c.Workload
		c.Volume.PageSize, c.Volume.GroupPages, c.Volume.InUse = 512, 0, c.Volume.Groups
		w.Churn, w.KeyBytes, w.ValueBytes, w.Mix.Churn = 200, 56, 24, 100
		w.Clients, w.Transactions, w.Think = max(w.Clients, 4), 12*times, min(w.Think, faults.Duration(4*time.Millisecond))
	} else if tall(seed) {
		// A tree of three levels grows and shrinks again, inner pages too, in a run of ordinary length: a page has room for four of its
		// rows, or of the separators of an inner page.
		w := &c.Workload
		c.Volume.PageSize, c.Volume.GroupPages, c.Volume.InUse = 512, 0, c.Volume.Groups
		w.Churn, w.KeyBytes, w.ValueBytes, w.Mix.Churn = 64, 80, 24, 100
	}
	c.Limits.Events *= uint64(times)
	// Rows that fit the pages: a few of them into each, so that pages split and merge.
	c.Workload.ValueBytes = min(c.Workload.ValueBytes, page.MaxCell(c.Volume.PageSize)-c.Workload.KeyBytes)
	plans := c.plans(g, without)
	plans.Faults, plans.Beyond = 5*min(times, 4), configuration.PartSeed(seed, "beyond")%8 == 0
	plans.Horizon = faults.Duration(300+seed%5*50) * faults.Duration(times) * faults.Duration(time.Millisecond)
	var err error
	if c.Plan, err = plans.Plan(configuration.PartSeed(seed, "plan")); err != nil {
		return c, fmt.Errorf("configuration of seed %d: %w", seed, err)
	}
	if readsOfBoth(c.Plan.Has(c.Topology())) {
		// Many clients that read, of both writers, the few rows that they write: a late confirmation does harm where it vouches for
		// a row that the successor has changed since.
		w := &c.Workload
		w.Mix.Transfer, w.Mix.Read = max(w.Mix.Transfer, 6), w.Mix.Read+8
		w.Clients, w.Accounts = max(w.Clients, 6), min(w.Accounts, 4)
		w.Transactions, w.Think = max(w.Transactions, 30), min(w.Think, faults.Duration(6*time.Millisecond))
		w.Timeout = min(w.Timeout, c.Nodes.IdleAfter+faults.Duration(10*time.Millisecond)) // who asked the old one asks again
		c.Nodes.CachePages = max(c.Nodes.CachePages, 16)
	}
	happens := func(part string, draw func(*incident, *Configuration, fuzz.Continue)) {
		var i incident
		fuzz.NewWithSeed(configuration.PartSeed(seed, part)).Funcs(func(i *incident, f fuzz.Continue) { draw(i, &c, f) }).Fuzz(&i)
		c.Plan = i.addTo(c.Plan, c.Topology())
	}
	happens("incident", (*incident).fuzz)
	if c.Volume.Readers > 0 && c.Nodes.ReaderRetryEvery > c.Nodes.RetryEvery {
		happens("forgotten", (*incident).forget)
	}
	if c.Volume.Spares > 0 && configuration.PartSeed(seed, "suspected")%3 == 0 {
		happens("suspect", (*incident).suspect)
	}
	return c, nil
}

// plans is how the plans of a configuration are drawn, but for how long they are and how many faults they have.
func (c *Configuration) plans(g harness.Generation, without Without) faults.Generator {
	topology := c.Topology()
	for i := range topology.Parts {
		if p := &topology.Parts[i]; p.Role == faults.Segment {
			p.Yields = p.Yields && !without.Room
		}
	}
	return faults.Generator{Topology: topology, Staged: true, Points: g.Points, Lost: !without.Fill, SpareEach: c.Volume.Spares > 0}
}

// Planner implements harness.Planner.
func (s system) Planner(c *configuration.Configuration, g harness.Generation) (faults.Generator, error) {
	full, err := Read(c)
	if err != nil {
		return faults.Generator{}, err
	}
	plans := full.plans(g, s.of.Without)
	plans.Faults, plans.Horizon = 5, c.Plan.Horizon
	return plans, plans.Validate()
}

// length is how many times as long as most runs that of a seed is. The longer, the rarer: one in a hundred is, all that are cost a
// quarter of what the others cost together, and the longest log has some 20,000 records.
func length(seed uint64) int {
	switch n := configuration.PartSeed(seed, "length") % 4000; {
	case n < 1:
		return 24
	case n < 6:
		return 8
	case n < 46:
		return 3
	}
	return 1
}

// readsOfBoth tells whether scenes are there in which two writers serve, one of which was replaced.
func readsOfBoth(scenes []faults.Scene) bool {
	return slices.Contains(scenes, faults.LateConfirmation) || slices.Contains(scenes, faults.OldMinority)
}

// tall tells whether the run of that seed has small pages and long keys.
func tall(seed uint64) bool { return length(seed) > 1 || configuration.PartSeed(seed, "tall")%30 == 0 }

// An incident is a take-over that is likely to have something to cut: for a moment, the writer does not reach a write
// quorum of one group, and that is when it is replaced. What it sent to the other groups meanwhile stands behind the
// gap. Faults that fall where they may give such a cut in one run of a hundred.
type incident []faults.Fault

func (i *incident) fuzz(c *Configuration, f fuzz.Continue) {
	switch f.Intn(6) {
	case 0:
		return
	case 1, 2:
		i.outlive(c, f)
		return
	}
	v := c.Volume
	group := 1 + f.Intn(v.InUse)
	var unreached []string
	// Of one group that still has the records on a single segment, or of two, one of which has them not at all.
	most := v.Members() - 1
	if v.InUse > 1 {
		most = v.Members()
	}
	least := v.Members() - v.WriteQuorum + 1
	if f.Intn(4) > 0 {
		least = most
	}
	for _, r := range f.Perm(v.Members())[:least+f.Intn(most-least+1)] {
		unreached = append(unreached, faults.Node{Role: faults.Segment, Group: group, Index: r + 1}.String())
	}
	slices.Sort(unreached)
	longest := int(c.Topology().Budget().Short / faults.Duration(time.Microsecond))
	cut := faults.Fault{Kind: faults.PartitionOneWay, At: configuration.Micros(f, 20_000, int(c.Plan.Horizon)/1000-2*longest),
		For: configuration.Micros(f, 10_000, longest), Nodes: []string{string(faults.Writer)}, To: unreached}
	replaced := faults.Fault{Kind: faults.TakeOver, At: cut.At + configuration.Micros(f, 5_000, int(cut.For)/1000)}
	if f.RandBool() {
		replaced.Kind, replaced.For = faults.FailOver, configuration.Micros(f, 1, longest)
	}
	*i = incident{cut, replaced}
}

// outlive replaces a writer that clients reach, and no segment: nothing tells it that it was, and what it has in its cache
// grows old while clients ask for it.
func (i *incident) outlive(c *Configuration, f fuzz.Continue) {
	horizon := int(c.Plan.Horizon / faults.Duration(time.Microsecond))
	var unreached []string
	for _, n := range c.Topology().Nodes() {
		if n.Role == faults.Segment || n.Role == faults.Register {
			unreached = append(unreached, n.String())
		}
	}
	cut := faults.Fault{Kind: faults.Partition, At: configuration.Micros(f, horizon/8, horizon/3), For: configuration.Micros(f, horizon/3, horizon*2/3),
		Nodes: []string{string(faults.Writer)}, To: unreached}
	*i = incident{cut, {Kind: faults.TakeOver, At: cut.At + configuration.Micros(f, 1, 2_000)}}
	if f.Intn(4) == 0 { // two that want to be the next
		*i = append(*i, faults.Fault{Kind: faults.TakeOver, At: (*i)[1].At + configuration.Micros(f, 1, 500)})
	}
}

// forget cuts the writer off from a reader, for so long that it gives the reader up, and from no other node: clients go on to
// ask the reader, and the reader the segments, which drop what it reads. It begins when there is something to drop.
func (i *incident) forget(c *Configuration, f fuzz.Continue) {
	horizon := int(c.Plan.Horizon / faults.Duration(time.Microsecond))
	length := configuration.Micros(f, horizon/2, horizon*2/3-1)
	reader := faults.Node{Role: faults.Reader, Index: 1 + f.Intn(c.Volume.Readers)}
	*i = incident{{Kind: faults.Partition, At: configuration.Micros(f, horizon/4, horizon/3), For: length, Nodes: []string{reader.String()}, To: []string{string(faults.Writer)}}}
}

// suspect pauses a segment for just so long that a spare begins to take its place, and cuts the writer off from so many others
// that what it writes meanwhile is complete only with the one that is back: a write quorum of the old members, and not of
// those to come.
func (i *incident) suspect(c *Configuration, f fuzz.Continue) {
	short := int(c.Topology().Budget().Short / faults.Duration(time.Microsecond))
	every := int(c.Nodes.MonitorEvery / faults.Duration(time.Microsecond))
	group := 1 + f.Intn(c.Volume.InUse)
	var names []string
	for _, r := range f.Perm(c.Volume.Members())[:1+c.Volume.Members()-c.Volume.WriteQuorum] {
		names = append(names, faults.Node{Role: faults.Segment, Group: group, Index: r + 1}.String())
	}
	pause := faults.Fault{Kind: faults.Pause, At: configuration.Micros(f, 20_000, int(c.Plan.Horizon)/1000-2*short),
		For: min(configuration.Micros(f, every*c.Nodes.SuspectAfter, every*(c.Nodes.SuspectAfter+2)), c.Topology().Budget().Short), Nodes: names[:1]}
	*i = incident{pause}
	if others := names[1:]; len(others) > 0 {
		slices.Sort(others)
		back := pause.At + pause.For
		cut := faults.Fault{Kind: faults.PartitionOneWay, At: back - configuration.Micros(f, 1, int(pause.For)/1000), Nodes: []string{string(faults.Writer)}, To: others}
		cut.For = min(back-cut.At+configuration.Micros(f, 2_000, 2_000+2*every), c.Topology().Budget().Short)
		*i = append(*i, cut)
	}
}

// addTo returns the plan with the incident, or without where both together go beyond the budget.
func (i incident) addTo(p faults.Plan, t faults.Topology) faults.Plan {
	both := p
	both.Faults = slices.Concat(p.Faults, i)
	slices.SortStableFunc(both.Faults, func(a, b faults.Fault) int { return cmp.Compare(a.At, b.At) })
	if both.Validate(t) != nil {
		return p
	}
	return both
}

// Funcs returns the custom functions by which gofuzz fills the parts of a Configuration, its plan excepted
// (see faults.Generator).
func Funcs() []any {
	return []any{fuzzVolume, fuzzNodes, configuration.FuzzNetwork, configuration.FuzzDisk, fuzzWorkload, configuration.FuzzEnding}
}

// quorums are the shapes of a group that runs draw from: replicas, write and read quorum. All of them overlap
// (W + R > N). Aurora's own comes most often (SIGMOD 2017 §2.1).
func quorums() [][3]int {
	return [][3]int{
		{6, 4, 3}, {6, 4, 3}, {6, 4, 3}, {6, 4, 3}, {6, 4, 3}, {6, 4, 3}, {6, 4, 3}, {6, 4, 3},
		{3, 2, 2}, {3, 2, 2}, {4, 3, 2}, {5, 3, 3}, {6, 5, 2}, {6, 4, 4},
	}
}

// pageSizes are those that runs draw from. Small pages come most often, because they split and merge most often.
func pageSizes() []int {
	return []int{512, 512, 512, 512, 640, 768, 1024, 1024, 2048, 4096, 8192, 16384}
}

func fuzzVolume(v *Volume, c fuzz.Continue) {
	all, sizes := quorums(), pageSizes()
	q := all[c.Intn(len(all))]
	*v = Volume{Groups: min(3, 1+c.Intn(4)), Replicas: q[0], WriteQuorum: q[1], ReadQuorum: q[2],
		PageSize: sizes[c.Intn(len(sizes))], Zones: min(3, q[0])}
	v.InUse = v.Groups
	if v.Groups > 1 && c.Intn(3) > 0 {
		v.InUse, v.GroupPages = 1, 6+c.Intn(14) // so few that it grows
	}
	if q == [3]int{6, 4, 3} && c.Intn(3) == 0 {
		v.Tails = 3 // a full segment and a tail in each zone (SIGMOD 2018 §4.2)
	}
	if c.RandBool() {
		v.Spares = 1 + c.Intn(2)
		v.Replicas += v.Spares
	}
	if c.Intn(4) > 0 {
		v.BackupWindow = 4 << c.Intn(6)
	}
	switch c.Intn(16) {
	case 0: // as many as there may be (SIGMOD 2017 §4.2.4)
		v.Readers = node.MaxReaders
	case 1, 2, 3, 4:
	default:
		v.Readers = 1 + c.Intn(3)
	}
}

func fuzzNodes(n *Nodes, c fuzz.Continue) {
	*n = Nodes{GossipEvery: configuration.Micros(c, 10_000, 40_000), CoalesceEvery: configuration.Micros(c, 5_000, 60_000), BackupEvery: configuration.Micros(c, 2_000, 30_000), CachePages: 2 + c.Intn(1<<(1+c.Intn(5))),
		LogAhead:     4096,
		MonitorEvery: configuration.Micros(c, 3_000, 15_000), SuspectAfter: 2 + c.Intn(3),
		RetryEvery: configuration.Micros(c, 5_000, 20_000), IdleAfter: configuration.Micros(c, 20_000, 50_000)}
	if c.Intn(4) == 0 {
		n.LogAhead = 4 + c.Intn(40) // so few that writes wait for the log
	}
	n.ScrubEvery = configuration.Micros(c, 5_000, 40_000)
	n.FillChunk = 512 << c.Intn(6) // often so few that a peer's pages take several messages
	if c.Intn(8) == 0 {
		// Readers that are slow to notice, of a writer that is quick to give them up.
		n.RetryEvery = configuration.Micros(c, 4_000, 8_000)
		n.ReaderRetryEvery = n.RetryEvery * faults.Duration(4+c.Intn(6))
		n.ReaderCachePages = 1 + c.Intn(2) // so few that it asks segments for what it has shown before
	}
}

func fuzzWorkload(w *workload.Workload, c fuzz.Continue) {
	*w = workload.Workload{
		Clients:  max(1+c.Intn(6), 1+c.Intn(6)),
		Accounts: 2 + c.Intn(5), Rows: 2 + c.Intn(18), Balance: 100 * (1 + c.Intn(10)),
		Churn: 40 + c.Intn(160), KeyBytes: 12 + c.Intn(40), ValueBytes: 24 + c.Intn(1<<(4+c.Intn(6))),
		Timeout: configuration.Micros(c, 60_000, 150_000),
		Mix: workload.Mix{Transfer: 1 + c.Intn(8), Put: c.Intn(5), MultiPut: c.Intn(5), Delete: c.Intn(4), Rewrite: c.Intn(4),
			Read: 1 + c.Intn(5), Abort: c.Intn(3), Tangle: c.Intn(4), Silent: c.Intn(2),
			Scan: 1 + c.Intn(4), Churn: 3 + c.Intn(8), Savepoint: 1 + c.Intn(4), Long: c.Intn(2), Wrong: 1 + c.Intn(2)},
	}
	// About as many transactions, over about as long, whether few clients ask for them or many.
	w.Transactions = (40 + c.Intn(40)) / w.Clients
	w.Think = configuration.Micros(c, 1_000, 6_000) * faults.Duration(w.Clients)
}
