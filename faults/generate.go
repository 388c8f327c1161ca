package faults

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	fuzz "github.com/google/gofuzz"
)

// A Generator makes fault plans. The same generator and seed give the same plan in any process.
type Generator struct {
	Topology Topology
	Horizon  Duration // of every plan; above 4 times the budget's Short
	Faults   int      // most faults that a plan has before a breach of the budget is added, at least 1
	Points   []string // that crash-at-point draws from; without any there is no such fault
	// Lost lets plans take whole disks, and SpareEach says that every group has a spare segment, so that they take segments
	// for good, too.
	Lost, SpareEach bool
	Beyond          bool // make every plan go beyond the budget, and mark it
	// Staged plans of a volume have scenes in most of them (see Scenes). The faults that fall where they may beside the scenes leave
	// out a random half of the kinds: what hides behind a fault that nearly every plan has shows in those without it.
	Staged bool
}

// Validate refuses a generator that could not make a valid plan.
func (g Generator) Validate() error {
	if err := g.Topology.Validate(); err != nil {
		return err
	}
	if least := 4 * g.Topology.Budget().Short; g.Horizon <= least {
		return fmt.Errorf("plan generator: expected a horizon above %v, found %v", least, g.Horizon)
	}
	if g.Faults < 1 {
		return fmt.Errorf("plan generator: expected at least 1 fault, found %d", g.Faults)
	}
	for _, name := range g.Points {
		if _, err := LookupPoint(name); err != nil {
			if _, err := g.Topology.pointed(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Plan makes the plan of a seed. It is valid for g.Topology.
func (g Generator) Plan(seed int64) (Plan, error) {
	if err := g.Validate(); err != nil {
		return Plan{}, err
	}
	var p Plan
	fuzz.NewWithSeed(seed).Funcs(g.Funcs()...).Fuzz(&p)
	return p, nil
}

// Funcs returns the custom functions by which gofuzz fills a Plan or a single Fault, for a fuzzer that fills
// something larger, or that `go test -fuzz` drives (fuzz.NewFromGoFuzz). g must be valid.
func (g Generator) Funcs() []any {
	return []any{
		func(p *Plan, c fuzz.Continue) { *p = g.plan(c) },
		func(f *Fault, c fuzz.Continue) { *f = g.fault(c) },
	}
}

func (g Generator) plan(c fuzz.Continue) Plan {
	p := Plan{Horizon: g.Horizon, Faults: []Fault{}}
	budget := g.Topology.Budget()
	want := c.Intn(g.Faults + 1)
	var out map[Kind]bool
	if g.Staged {
		p.Faults = slices.Concat(p.Faults, g.scenes(c))
		out = leftOut(c)
		want += len(p.Faults)
	}
	// A scene that no longer fits is dropped and another one tried, not for ever. One flipped bit is left to a breach.
	for tries := 0; len(p.Faults) < want && tries < 4*want; tries++ {
		q := p
		more := g.bearable(g.scene(c))
		if slices.ContainsFunc(more, func(f Fault) bool { return out[f.Kind] }) {
			continue
		}
		q.Faults = slices.Concat(p.Faults, more)
		if len(q.Faults) <= want && budget.Check(q, g.Topology) == nil && q.tooManyFlips(g.Topology, mostFlips-1) < 0 {
			p = q
		}
	}
	if g.Beyond {
		p.Faults = append(p.Faults, g.bearable(g.breach(c))...)
		p.BeyondBudget = true
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return p
}

// Draw draws a single fault or, now and then, faults that hurt together, as plans have them beside their scenes. They may go beyond
// the budget beside the faults of a plan. g must be valid.
func (g Generator) Draw(c fuzz.Continue) []Fault { return g.bearable(g.scene(c)) }

// leftOut draws half of the kinds.
func leftOut(c fuzz.Continue) map[Kind]bool {
	kinds, out := Kinds(), map[Kind]bool{}
	for _, i := range c.Perm(len(kinds))[:len(kinds)/2] {
		out[kinds[i]] = true
	}
	return out
}

// bearable returns faults as the nodes can bear them, within the budget and beyond. One without a disk would come back from a
// crash as one that acknowledged nothing, and no quorum holds out against that: a system that promises nothing else would be
// found to lie. It is paused, or its zone cut off, for as long.
func (g Generator) bearable(faults []Fault) []Fault {
	if g.Topology.holder().Disk {
		return faults
	}
	for i := range faults {
		switch f := &faults[i]; f.Kind {
		case Crash:
			f.Kind, f.Salt = Pause, 0
		case PowerLossAZ:
			f.Kind, f.Salt = AZCutOff, 0
		}
	}
	return faults
}

// A choice is something to do, as often as its weight says.
type choice[T any] struct {
	weight int
	value  T
}

func choose[T any](c fuzz.Continue, choices []choice[T]) T {
	total := 0
	for _, x := range choices {
		total += x.weight
	}
	n := c.Intn(total)
	for _, x := range choices {
		if n < x.weight {
			return x.value
		}
		n -= x.weight
	}
	panic("unreachable: n is below the total of the weights")
}

// scene makes a single fault or, now and then, faults that hurt together and would seldom meet by chance.
func (g Generator) scene(c fuzz.Continue) []Fault {
	type scene = choice[func(fuzz.Continue) []Fault]
	scenes := []scene{{12, func(c fuzz.Continue) []Fault { return []Fault{g.fault(c)} }}}
	if g.active() != "" {
		scenes = append(scenes, scene{2, g.cutOffActive}, scene{2, g.sleepingActive}, scene{2, g.duel}, scene{2, g.crashInRecovery}, scene{2, g.leftBehind},
			scene{1, g.zoneAndActive})
	}
	scenes = append(scenes, scene{1, g.groupRestart}, scene{3, g.spentBudget})
	if g.Topology.holder().Disk {
		scenes = append(scenes, scene{2, g.slowCrash})
	}
	if g.followers() > 0 {
		scenes = append(scenes, scene{4, g.failover})
	}
	if len(g.stores()) > 0 {
		scenes = append(scenes, scene{2, g.storeAway})
		if g.Topology.of(Role(g.stores()[0])).Tells {
			scenes = append(scenes, scene{1, g.storeRots})
		}
	}
	if g.active() == "" {
		scenes = append(scenes, scene{2, g.split}, scene{4, g.halfHeard})
	}
	return choose(c, scenes)(c)
}

// active is the role that leads, or "".
func (g Generator) active() string { return string(g.Topology.Active()) }

// followers is how many nodes may be promoted.
func (g Generator) followers() int {
	if p := g.Topology.part(Follows); p != nil {
		return p.Count
	}
	return 0
}

// services are the names of the nodes that serve.
func (g Generator) services() []string {
	var names []string
	for _, p := range g.Topology.Parts {
		if p.Duty == Serves {
			names = append(names, string(p.Role))
		}
	}
	return names
}

// stores are the services but for the first, which decides.
func (g Generator) stores() []string {
	if all := g.services(); len(all) > 0 {
		return all[1:]
	}
	return nil
}

// store picks one of the stores.
func (g Generator) store(c fuzz.Continue) []string {
	all := g.stores()
	if len(all) == 1 {
		return all
	}
	return []string{all[c.Intn(len(all))]}
}

// split cuts the nodes of a group in two, one of which has too few to go on.
func (g Generator) split(c fuzz.Continue) []Fault {
	p := g.Topology.holder()
	cut := g.timed(c, Partition, g.long(c))
	cut.Nodes = g.anyOfGroup(c, 1+c.Intn(max(1, p.spare())))
	for _, n := range p.nodes() {
		if first, _ := g.Topology.Node(cut.Nodes[0]); n.Group == first.Group && !slices.Contains(cut.Nodes, n.String()) {
			cut.To = append(cut.To, n.String()) // clients still reach both
		}
	}
	return []Fault{cut}
}

// halfHeard loses up to half of what one node sends, for long. What it has others store stays on some of them, and the node that
// asks next sees it or not: that is where a read that does not store what it has read is caught.
func (g Generator) halfHeard(c fuzz.Continue) []Fault {
	loss := g.timed(c, Loss, g.long(c))
	loss.Nodes, loss.Rate, loss.Salt = []string{g.holderNode(c).String()}, float64(30+c.Intn(21))/100, c.Uint32()
	return []Fault{loss}
}

// storeAway takes the object store away for long. What is to be backed up waits, and until it is no segment drops its log.
func (g Generator) storeAway(c fuzz.Continue) []Fault {
	away := g.timed(c, Partition, g.long(c))
	if c.RandBool() {
		away.Kind, away.Salt = Crash, c.Uint32()
	}
	away.Nodes = g.store(c)
	return []Fault{away}
}

// storeRots flips a bit of what the object store has, and has it start again, so that it reads what is there.
func (g Generator) storeRots(c fuzz.Continue) []Fault {
	short := g.Topology.Budget().Short
	rot := g.timed(c, DiskCorrupt, short)
	rot.For, rot.Nodes, rot.Salt = 0, g.stores()[:1], c.Uint32()
	return []Fault{rot, {Kind: Crash, At: rot.At + g.between(c, 0, short/2), For: g.between(c, 1, short/2), Nodes: rot.Nodes, Salt: c.Uint32()}}
}

// failover lets a reader take the place of a writer that died, or that is cut off and lives on.
func (g Generator) failover(c fuzz.Continue) []Fault {
	lost := g.timed(c, FailOver, g.between(c, 1, g.Topology.Budget().Short))
	if c.Intn(3) == 0 {
		lost = g.timed(c, Partition, g.long(c))
		lost.Nodes = []string{g.active()}
	}
	return []Fault{lost, {Kind: Promote, At: lost.At + g.between(c, 0, lost.For-1), Nodes: []string{g.reader(c)}}}
}

func (g Generator) reader(c fuzz.Continue) string {
	p := g.Topology.part(Follows)
	return p.node(1, 1+c.Intn(p.Count)).String()
}

// theStore tells, of every so many, whether a fault is to strike the object store, if there is one.
func (g Generator) theStore(c fuzz.Continue, every int) bool {
	return len(g.stores()) > 0 && c.Intn(every) == 0
}

// points returns those of Points that some node passes and can bear to crash at.
func (g Generator) points() []string {
	if !g.Topology.holder().Disk {
		return nil // see bearable
	}
	return slices.DeleteFunc(slices.Clone(g.Points), func(name string) bool {
		_, err := g.Topology.pointed(name)
		return err != nil
	})
}

// aReader tells, of every so many, whether a fault is to strike a reader, if there is one.
func (g Generator) aReader(c fuzz.Continue, every int) bool {
	return g.followers() > 0 && c.Intn(every) == 0
}

// cutOffActive leaves a writer alive without all or some of the others, while a successor takes over
// (two writers, one of which may still reach some segments).
func (g Generator) cutOffActive(c fuzz.Continue) []Fault {
	cut := g.timed(c, Partition, g.long(c))
	cut.Nodes = []string{g.active()}
	if c.RandBool() {
		cut.To = g.someNodes(c)
	}
	return []Fault{cut, g.takeOverDuring(c, cut)}
}

// sleepingActive stops a writer for longer than anybody waits; it wakes up after its successor took over.
func (g Generator) sleepingActive(c fuzz.Continue) []Fault {
	pause := g.timed(c, Pause, g.long(c))
	pause.Nodes = []string{g.active()}
	return []Fault{pause, g.takeOverDuring(c, pause)}
}

func (g Generator) takeOverDuring(c fuzz.Continue, f Fault) Fault {
	return Fault{Kind: TakeOver, At: f.At + g.between(c, 1, f.For)}
}

// duel starts writers so shortly one after the other that recoveries overlap.
func (g Generator) duel(c fuzz.Continue) []Fault {
	gap := g.Topology.Budget().Short / 5
	at := g.between(c, 0, g.Horizon-4*gap)
	faults := []Fault{{Kind: TakeOver, At: at}}
	for range 1 + c.Intn(2) {
		at += g.between(c, 0, gap)
		faults = append(faults, Fault{Kind: TakeOver, At: at})
	}
	return faults
}

// crashInRecovery strikes a segment, or the new writer again, while a recovery is likely to be under way.
func (g Generator) crashInRecovery(c fuzz.Continue) []Fault {
	short := g.Topology.Budget().Short
	first := g.timed(c, FailOver, g.between(c, 1, short))
	at := first.At + first.For + g.between(c, 0, short/5)
	second := Fault{Kind: Crash, At: at, For: g.between(c, 1, short), Nodes: []string{g.holderNode(c).String()}, Salt: c.Uint32()}
	if c.RandBool() {
		second = Fault{Kind: FailOver, At: at, For: g.between(c, 1, short)}
	}
	if second.At+second.For > g.Horizon {
		return []Fault{first}
	}
	return []Fault{first, second}
}

// leftBehind lets the last records of a writer arrive at one segment only, which its successor does not reach: they are
// cut, and that segment is the only one which does not know. Its peers miss some of what the successor writes, and ask
// around.
func (g Generator) leftBehind(c fuzz.Continue) []Fault {
	short := g.Topology.Budget().Short
	behind := g.holderNode(c)
	var others []string
	for r := range g.Topology.holder().Count {
		if r+1 != behind.Index {
			others = append(others, g.Topology.holder().node(behind.Group, r+1).String())
		}
	}
	if len(others) == 0 {
		return nil
	}
	last := g.timed(c, PartitionOneWay, g.between(c, short/10, short))
	last.Nodes, last.To = []string{g.active()}, others
	over := Fault{Kind: TakeOver, At: last.At + last.For}
	rest := g.Horizon - over.At - 1
	apart := Fault{Kind: Partition, At: over.At, For: g.between(c, 1, min(rest, 4*short)), Nodes: []string{behind.String()}, To: []string{g.active()}}
	missing := Fault{Kind: Loss, At: over.At, For: apart.For, Nodes: []string{g.active()}, To: others, Rate: float64(10+c.Intn(40)) / 100, Salt: c.Uint32()}
	return []Fault{last, over, apart, missing}
}

// zoneAndActive takes the power from a zone and the writer at once.
func (g Generator) zoneAndActive(c fuzz.Continue) []Fault {
	power := g.timed(c, PowerLossAZ, g.length(c))
	power.AZ, power.Salt = g.zone(c), c.Uint32()
	return []Fault{power, {Kind: FailOver, At: power.At, For: g.between(c, 1, power.For)}}
}

// groupRestart crashes every segment of a group at once, so that what was synced is all that is left of it.
func (g Generator) groupRestart(c fuzz.Continue) []Fault {
	crash := g.timed(c, Crash, g.between(c, 1, g.Topology.Budget().Short))
	crash.Nodes, crash.Salt = g.anyOfGroup(c, g.Topology.holder().Count), c.Uint32()
	return []Fault{crash}
}

// slowCrash crashes segments, twice, whose disks are slow: then most of what they write is under way, one step without the next.
func (g Generator) slowCrash(c fuzz.Continue) []Fault {
	short := g.Topology.Budget().Short
	slow := g.timed(c, DiskSlow, 2*short+g.between(c, 1, max(1, g.Horizon/2-2*short)))
	slow.Nodes, slow.Factor = g.someNodes(c), float64(5+c.Intn(36))
	faults := []Fault{slow}
	for _, at := range [...]Duration{slow.At + g.between(c, 0, slow.For/2-short/2), slow.At + slow.For/2 + g.between(c, 0, slow.For/2-short/2)} {
		faults = append(faults, Fault{Kind: Crash, At: at, For: g.between(c, 1, short/4), Nodes: slow.Nodes, Salt: c.Uint32()})
	}
	return faults
}

// spentBudget takes away for long just as many segments of a group as it can spare; none where it can spare none.
func (g Generator) spentBudget(c fuzz.Continue) []Fault {
	spare := g.Topology.Budget().Impaired
	if spare == 0 {
		return nil
	}
	crash := g.timed(c, Crash, g.long(c))
	crash.Nodes, crash.Salt = g.anyOfGroup(c, spare), c.Uint32()
	return []Fault{crash}
}

// anyOfGroup picks so many segments of one group, in the order of their names.
func (g Generator) anyOfGroup(c fuzz.Continue, many int) []string {
	group := 1 + c.Intn(g.Topology.holder().groups())
	replicas := c.Perm(g.Topology.holder().Count)[:many]
	slices.Sort(replicas)
	var names []string
	for _, r := range replicas {
		names = append(names, g.Topology.holder().node(group, r+1).String())
	}
	return names
}

// breach makes faults that go beyond the budget.
func (g Generator) breach(c fuzz.Continue) []Fault {
	t, budget := g.Topology, g.Topology.Budget()
	nodes := g.anyOfGroup(c, budget.Impaired+1+c.Intn(t.holder().Count-budget.Impaired))
	crash := g.timed(c, Crash, budget.Short+g.between(c, 1, g.Horizon/2))
	crash.Nodes, crash.Salt = nodes, c.Uint32()
	if t.holder().Disk && t.holder().Yields && c.Intn(3) == 0 {
		return g.forgetting(c)
	}
	switch c.Intn(3) {
	case 0: // a zone and one segment more (SIGMOD 2017 §2.1), where that is too much
		power := Fault{Kind: PowerLossAZ, At: crash.At, For: crash.For, AZ: g.zone(c), Salt: c.Uint32()}
		more := crash
		more.Nodes = nil
		for _, name := range nodes {
			if n, _ := t.Node(name); t.Zone(n) != power.AZ {
				more.Nodes = []string{name}
			}
		}
		both := []Fault{power, more}
		if more.Nodes != nil && budget.Check(Plan{Horizon: g.Horizon, Faults: both}, t) != nil {
			return both
		}
	case 1: // bit rot in more copies than the group can spare
		if !t.holder().Disk {
			break
		}
		var rot []Fault
		for _, name := range nodes {
			if t.holder().Unsealed {
				lost := g.timed(c, DiskLost, g.between(c, 1, budget.Short)) // they notice only that all is gone
				lost.Nodes = []string{name}
				rot = append(rot, lost)
				continue
			}
			rot = append(rot, Fault{Kind: DiskCorrupt, At: g.between(c, 0, g.Horizon-1), Nodes: []string{name}, Salt: c.Uint32()})
		}
		return rot
	}
	return []Fault{crash}
}

// forgetting has a node forget what it acknowledged, by one of the ways there are, and die so that it does.
func (g Generator) forgetting(c fuzz.Continue) []Fault {
	short := g.Topology.Budget().Short
	node := []string{g.holderNode(c).String()}
	kinds := []Kind{DiskLies, WriteLost, WriteMisplaced, DiskStale, DiskEmptied}
	switch k := kinds[c.Intn(len(kinds))]; k {
	case DiskStale:
		stale := g.timed(c, k, g.between(c, 1, short))
		stale.Nodes, stale.Extra, stale.Salt = node, g.between(c, 1, g.Horizon/4), c.Uint32()
		return []Fault{stale}
	case DiskEmptied:
		emptied := g.timed(c, k, g.between(c, 1, short))
		emptied.Nodes = node
		return []Fault{emptied}
	default:
		spoiled := g.timed(c, k, g.long(c))
		spoiled.Nodes, spoiled.Rate, spoiled.Salt = node, float64(10*(1+c.Intn(10)))/100, c.Uint32()
		crash := Fault{Kind: Crash, At: spoiled.At + g.between(c, 1, spoiled.For), For: g.between(c, 1, short/4), Nodes: node, Salt: c.Uint32()}
		crash.For = min(crash.For, g.Horizon-crash.At)
		return []Fault{spoiled, crash}
	}
}

// fault makes a single fault.
func (g Generator) fault(c fuzz.Continue) Fault {
	disk := g.Topology.holder().Disk
	type kind = choice[Kind]
	kinds := []kind{{2, Loss}, {2, Duplicate}, {2, Delay}, {2, Reorder}, {4, Damage}, {3, Partition}, {3, PartitionOneWay}, {1, AZCutOff}, {4, Crash}, {2, Pause}, {2, PowerLossAZ}}
	kinds = append(kinds, kind{1, ClockSlow}, kind{1, ClockJump}, kind{1, Truncate}, kind{3, Throttle}, kind{2, OldWire})
	if disk {
		kinds = append(kinds, kind{1, DiskSlow}, kind{8, DiskFail})
	}
	if disk && g.Topology.holder().Yields {
		kinds = append(kinds, kind{2, DiskFull}, kind{1, DiskMisread})
	}
	damaged := disk && g.Topology.Budget().Damaged > 0
	if damaged && !g.Topology.holder().Unsealed {
		kinds = append(kinds, kind{1, DiskCorrupt})
	}
	if g.active() != "" {
		kinds = append(kinds, kind{6, TakeOver}, kind{6, FailOver})
	}
	if g.followers() > 0 {
		kinds = append(kinds, kind{3, Promote})
	}
	points := g.points()
	if len(points) > 0 {
		kinds = append(kinds, kind{9, CrashAtPoint})
	}
	if damaged && g.Lost {
		kinds = append(kinds, kind{2, DiskLost})
	}
	if damaged && g.Lost && g.SpareEach {
		kinds = append(kinds, kind{3, NodeLost})
	}
	f := g.timed(c, choose(c, kinds), g.length(c))
	short := g.Topology.Budget().Short
	switch f.Kind {
	case Loss:
		f.Nodes, f.To = g.link(c, true)
		f.Rate = float64(1+c.Intn(30)) / 100
	case Duplicate:
		f.Nodes, f.To = g.link(c, true)
		f.Rate = float64(1+c.Intn(50)) / 100
		f.Extra = g.between(c, 0, short)
	case Delay:
		f.Nodes, f.To = g.link(c, true)
		f.Factor = float64(1 + c.Intn(20))
		f.Extra = g.between(c, 0, short/4)
	case Reorder:
		f.Nodes, f.To = g.link(c, true)
		f.Extra = g.between(c, 1, short/4)
	case Damage:
		f.Nodes, f.To = g.link(c, true)
		if active := g.active(); active != "" && c.RandBool() {
			f.Nodes, f.To = []string{active}, nil // most of what travels comes from there
		}
		f.Rate = float64(10+c.Intn(41)) / 100
	case Truncate:
		f.Nodes, f.To = g.link(c, true)
		f.Rate = float64(1+c.Intn(30)) / 100
	case Throttle:
		f.Nodes, f.To = g.link(c, true)
		if active := g.active(); active != "" && c.RandBool() {
			f.Nodes, f.To = []string{active}, nil // most of what travels comes from there
		}
		f.Bandwidth = MinBandwidth << c.Intn(6)
		if c.RandBool() {
			f.Queue = 64 << c.Intn(5)
		}
		return f
	case OldWire:
		f.Nodes, f.To = g.link(c, false)
		if active := g.active(); active != "" && c.Intn(3) == 0 {
			f.Nodes, f.To = []string{active}, nil // which is upgraded last
		}
		return f
	case ClockSlow:
		f.Nodes, f.Factor = g.clocks(c), float64(2+c.Intn(9))
		return f
	case ClockJump:
		f.For, f.Nodes, f.Extra = 0, g.clocks(c), g.between(c, 1, g.Horizon/2)
		return f
	case Partition, PartitionOneWay:
		f.Nodes, f.To = g.link(c, false)
		if f.Kind == PartitionOneWay && c.RandBool() {
			f.Nodes, f.To = f.To, f.Nodes
		}
		return f // nothing is left open
	case Crash:
		f.Nodes = g.someNodes(c)
		if g.aReader(c, 4) {
			f.Nodes = []string{g.reader(c)}
		}
		if g.theStore(c, 5) {
			f.Nodes = g.store(c)
		}
	case CrashAtPoint:
		f.Point = points[c.Intn(len(points))]
		p, _ := g.Topology.pointed(f.Point) // points has found it
		n := p.node(1, 1)
		if p.Duty == Holds {
			n = g.holderNode(c)
		}
		f.Nodes = []string{n.String()}
		f.Hit = 1 + c.Intn(1<<c.Intn(5)) // often an early one
	case Pause:
		f.Nodes = []string{g.active()}
		if c.Intn(3) > 0 || f.Nodes[0] == "" {
			f.Nodes = g.someNodes(c)
		}
		if g.aReader(c, 3) {
			f.Nodes = []string{g.reader(c)}
		}
		if g.theStore(c, 5) {
			f.Nodes = g.store(c)
		}
		return f
	case PowerLossAZ:
		f.AZ = g.zone(c)
	case AZCutOff:
		f.AZ = g.zone(c)
		return f
	case DiskSlow:
		f.Nodes = g.someNodes(c)
		if g.theStore(c, 4) {
			if store := g.store(c); g.Topology.of(Role(store[0])).Disk {
				f.Nodes = store
			}
		}
		f.Factor = float64(2 + c.Intn(40))
		return f
	case DiskFail:
		f.Nodes = g.disks(c)
		f.Rate = float64(40+c.Intn(61)) / 100
	case DiskMisread:
		f.Nodes = g.someNodes(c)
		f.Rate = float64(10+c.Intn(91)) / 100
	case DiskFull:
		f.Nodes = g.disks(c)
		if n, _ := g.Topology.Node(f.Nodes[0]); !g.Topology.of(n.Role).Yields {
			f.Nodes = g.someNodes(c)
		}
		return f
	case DiskCorrupt:
		f.For, f.Nodes = 0, []string{g.holderNode(c).String()}
	case DiskLost:
		f.Nodes = []string{g.holderNode(c).String()}
		return f
	case NodeLost:
		f.For, f.Nodes = 0, []string{g.holderNode(c).String()}
		return f
	case TakeOver:
		f.For = 0
		return f
	case Promote:
		f.For, f.Nodes = 0, []string{g.reader(c)}
		return f
	case FailOver:
		f.For = min(f.For, short)
		return f
	}
	f.Salt = c.Uint32()
	return f
}

// disks picks whose disks a fault strikes: those of some that hold, or of one that serves.
func (g Generator) disks(c fuzz.Continue) []string {
	some := g.someNodes(c)
	if all := g.services(); len(all) > 0 && c.Intn(4) == 0 {
		if one := all[c.Intn(len(all))]; g.Topology.of(Role(one)).Disk {
			return []string{one}
		}
	}
	return some
}

// clocks picks whose clocks a fault strikes: those that wait for others most of all.
func (g Generator) clocks(c fuzz.Continue) []string {
	switch {
	case g.aReader(c, 3):
		return []string{g.reader(c)}
	case g.active() != "" && c.RandBool():
		return []string{g.active()}
	}
	return g.someNodes(c)
}

// link picks the two sides of a network fault; the first is never empty unless it may be every link.
func (g Generator) link(c fuzz.Continue, everyLink bool) (nodes, to []string) {
	var active []string // everyone, where none is
	if g.active() != "" {
		active = []string{g.active()}
	}
	if g.aReader(c, 6) {
		if c.RandBool() {
			return []string{g.reader(c)}, active
		}
		return []string{g.reader(c)}, nil
	}
	if g.theStore(c, 8) {
		if c.RandBool() {
			return g.someNodes(c), g.store(c)
		}
		return g.store(c), nil
	}
	one := g.holderNode(c)
	switch c.Intn(8) {
	case 0:
		return []string{one.String()}, nil
	case 1:
		return []string{one.String()}, active
	case 2:
		if active != nil {
			return active, nil
		}
	case 3:
		return g.someNodes(c), nil
	case 4:
		in, _ := g.Topology.InZone(g.zone(c))
		for _, n := range in {
			nodes = append(nodes, n.String())
		}
		return nodes, active
	case 5: // the way that gossip takes
		if g.Topology.holder().Count > 1 {
			other := one
			other.Index = 1 + (one.Index+c.Intn(g.Topology.holder().Count-1))%g.Topology.holder().Count
			return []string{one.String()}, []string{other.String()}
		}
	case 6:
		if g.Topology.Clients > 0 {
			return []string{Node{Role: Client, Index: 1 + c.Intn(g.Topology.Clients)}.String()}, nil
		}
	case 7:
		if everyLink {
			return nil, nil
		}
	}
	if services := g.services(); len(services) > 0 {
		return services[:1], nil
	}
	return []string{one.String()}, nil
}

func (g Generator) holderNode(c fuzz.Continue) Node {
	p := g.Topology.holder()
	group := 1 + c.Intn(p.groups())
	return p.node(group, 1+c.Intn(p.Count))
}

// someNodes picks one segment, or several of one group, at most half of it.
func (g Generator) someNodes(c fuzz.Continue) []string {
	first := g.holderNode(c)
	var names []string
	for i := range 1 + c.Intn((g.Topology.holder().Count+1)/2) {
		n := first
		n.Index = 1 + (first.Index-1+i)%g.Topology.holder().Count
		names = append(names, n.String())
	}
	return names
}

func (g Generator) zone(c fuzz.Continue) string {
	return "az" + strconv.Itoa(1+c.Intn(g.Topology.Zones))
}

// timed makes a fault of that length which ends within the horizon.
func (g Generator) timed(c fuzz.Continue, k Kind, length Duration) Fault {
	return Fault{Kind: k, At: g.between(c, 0, g.Horizon-length-1), For: length}
}

// length picks how long a fault lasts: more often than not too short to count against the budget.
func (g Generator) length(c fuzz.Continue) Duration {
	if c.Intn(5) < 3 {
		return g.between(c, 1, g.Topology.Budget().Short)
	}
	return g.long(c)
}

func (g Generator) long(c fuzz.Continue) Duration {
	short := g.Topology.Budget().Short
	return short + g.between(c, 1, g.Horizon/2-short)
}

// between picks a duration from low to high, in whole microseconds where there is room, so that plans can be read.
func (g Generator) between(c fuzz.Continue, low, high Duration) Duration {
	d := low + Duration(c.Int63n(int64(high-low)+1))
	if whole := d - d%Duration(time.Microsecond); whole >= low {
		return whole
	}
	return d
}
