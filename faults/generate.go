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
			return err
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
	// A scene that no longer fits is dropped and another one tried, not for ever. One flipped bit is left to a breach.
	for tries := 0; len(p.Faults) < want && tries < 4*want; tries++ {
		q := p
		q.Faults = slices.Concat(p.Faults, g.scene(c))
		if len(q.Faults) <= want && budget.Check(q, g.Topology) == nil && q.tooManyFlips(mostFlips-1) < 0 {
			p = q
		}
	}
	if g.Beyond {
		p.Faults = append(p.Faults, g.breach(c)...)
		p.BeyondBudget = true
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return p
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
	scenes := []choice[func(fuzz.Continue) []Fault]{
		{12, func(c fuzz.Continue) []Fault { return []Fault{g.fault(c)} }},
		{2, g.cutOffWriter},
		{2, g.sleepingWriter},
		{2, g.duel},
		{2, g.crashInRecovery},
		{2, g.leftBehind},
		{1, g.zoneAndWriter},
		{1, g.groupRestart},
		{3, g.spentBudget},
		{2, g.slowCrash},
	}
	if g.Topology.Readers > 0 {
		scenes = append(scenes, choice[func(fuzz.Continue) []Fault]{4, g.failover})
	}
	if g.Topology.Objects {
		scenes = append(scenes, choice[func(fuzz.Continue) []Fault]{2, g.storeAway})
	}
	return choose(c, scenes)(c)
}

// storeAway takes the object store away for long. What is to be backed up waits, and no segment drops its log until it is.
func (g Generator) storeAway(c fuzz.Continue) []Fault {
	away := g.timed(c, Partition, g.long(c))
	if c.RandBool() {
		away.Kind, away.Salt = Crash, c.Uint32()
	}
	away.Nodes = []string{string(Objects)}
	return []Fault{away}
}

// failover lets a reader take the place of a writer that died, or that is cut off and lives on.
func (g Generator) failover(c fuzz.Continue) []Fault {
	lost := g.timed(c, WriterCrash, g.between(c, 1, g.Topology.Budget().Short))
	if c.Intn(3) == 0 {
		lost = g.timed(c, Partition, g.long(c))
		lost.Nodes = []string{string(Writer)}
	}
	return []Fault{lost, {Kind: Promote, At: lost.At + g.between(c, 0, lost.For-1), Nodes: []string{g.reader(c)}}}
}

func (g Generator) reader(c fuzz.Continue) string {
	return Node{Role: Reader, Reader: 1 + c.Intn(g.Topology.Readers)}.String()
}

// theStore tells, of every so many, whether a fault is to strike the object store, if there is one.
func (g Generator) theStore(c fuzz.Continue, every int) bool {
	return g.Topology.Objects && c.Intn(every) == 0
}

// points returns those of Points that somebody passes.
func (g Generator) points() []string {
	if g.Topology.Objects {
		return g.Points
	}
	return slices.DeleteFunc(slices.Clone(g.Points), func(name string) bool {
		point, _ := LookupPoint(name) // Validate has found it
		return point.Role == Objects
	})
}

// aReader tells, of every so many, whether a fault is to strike a reader, if there is one.
func (g Generator) aReader(c fuzz.Continue, every int) bool {
	return g.Topology.Readers > 0 && c.Intn(every) == 0
}

// cutOffWriter leaves a writer alive without all or some of the others, while a successor takes over
// (two writers, one of which may still reach some segments).
func (g Generator) cutOffWriter(c fuzz.Continue) []Fault {
	cut := g.timed(c, Partition, g.long(c))
	cut.Nodes = []string{string(Writer)}
	if c.RandBool() {
		cut.To = g.someSegments(c)
	}
	return []Fault{cut, g.takeOverDuring(c, cut)}
}

// sleepingWriter stops a writer for longer than anybody waits; it wakes up after its successor took over.
func (g Generator) sleepingWriter(c fuzz.Continue) []Fault {
	pause := g.timed(c, Pause, g.long(c))
	pause.Nodes = []string{string(Writer)}
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
	first := g.timed(c, WriterCrash, g.between(c, 1, short))
	at := first.At + first.For + g.between(c, 0, short/5)
	second := Fault{Kind: Crash, At: at, For: g.between(c, 1, short), Nodes: []string{g.segment(c).String()}, Salt: c.Uint32()}
	if c.RandBool() {
		second = Fault{Kind: WriterCrash, At: at, For: g.between(c, 1, short)}
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
	behind := g.segment(c)
	var others []string
	for r := range g.Topology.Replicas {
		if r+1 != behind.Replica {
			others = append(others, Node{Role: Segment, Group: behind.Group, Replica: r + 1}.String())
		}
	}
	if len(others) == 0 {
		return nil
	}
	last := g.timed(c, PartitionOneWay, g.between(c, short/10, short))
	last.Nodes, last.To = []string{string(Writer)}, others
	over := Fault{Kind: TakeOver, At: last.At + last.For}
	rest := g.Horizon - over.At - 1
	apart := Fault{Kind: Partition, At: over.At, For: g.between(c, 1, min(rest, 4*short)), Nodes: []string{behind.String()}, To: []string{string(Writer)}}
	missing := Fault{Kind: Loss, At: over.At, For: apart.For, Nodes: []string{string(Writer)}, To: others, Rate: float64(10+c.Intn(40)) / 100, Salt: c.Uint32()}
	return []Fault{last, over, apart, missing}
}

// zoneAndWriter takes the power from a zone and the writer at once.
func (g Generator) zoneAndWriter(c fuzz.Continue) []Fault {
	power := g.timed(c, PowerLossAZ, g.length(c))
	power.AZ, power.Salt = g.zone(c), c.Uint32()
	return []Fault{power, {Kind: WriterCrash, At: power.At, For: g.between(c, 1, power.For)}}
}

// groupRestart crashes every segment of a group at once, so that what was synced is all that is left of it.
func (g Generator) groupRestart(c fuzz.Continue) []Fault {
	crash := g.timed(c, Crash, g.between(c, 1, g.Topology.Budget().Short))
	crash.Nodes, crash.Salt = g.anyOfGroup(c, g.Topology.Replicas), c.Uint32()
	return []Fault{crash}
}

// slowCrash crashes segments, twice, whose disks are slow: then most of what they write is under way, one step without the next.
func (g Generator) slowCrash(c fuzz.Continue) []Fault {
	short := g.Topology.Budget().Short
	slow := g.timed(c, DiskSlow, 2*short+g.between(c, 1, max(1, g.Horizon/2-2*short)))
	slow.Nodes, slow.Factor = g.someSegments(c), float64(5+c.Intn(36))
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
	group := 1 + c.Intn(g.Topology.Groups)
	replicas := c.Perm(g.Topology.Replicas)[:many]
	slices.Sort(replicas)
	var names []string
	for _, r := range replicas {
		names = append(names, Node{Role: Segment, Group: group, Replica: r + 1}.String())
	}
	return names
}

// breach makes faults that go beyond the budget.
func (g Generator) breach(c fuzz.Continue) []Fault {
	t, budget := g.Topology, g.Topology.Budget()
	nodes := g.anyOfGroup(c, budget.Impaired+1+c.Intn(t.Replicas-budget.Impaired))
	crash := g.timed(c, Crash, budget.Short+g.between(c, 1, g.Horizon/2))
	crash.Nodes, crash.Salt = nodes, c.Uint32()
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
		var rot []Fault
		for _, name := range nodes {
			rot = append(rot, Fault{Kind: DiskCorrupt, At: g.between(c, 0, g.Horizon-1), Nodes: []string{name}, Salt: c.Uint32()})
		}
		return rot
	}
	return []Fault{crash}
}

// fault makes a single fault.
func (g Generator) fault(c fuzz.Continue) Fault {
	kinds := []choice[Kind]{
		{2, Loss}, {2, Duplicate}, {2, Delay}, {2, Reorder}, {3, Partition}, {3, PartitionOneWay}, {1, AZCutOff},
		{4, Crash}, {2, Pause}, {2, PowerLossAZ}, {1, DiskSlow}, {1, DiskCorrupt}, {6, TakeOver}, {6, WriterCrash},
	}
	if g.Topology.Readers > 0 {
		kinds = append(kinds, choice[Kind]{3, Promote})
	}
	points := g.points()
	if len(points) > 0 {
		kinds = append(kinds, choice[Kind]{9, CrashAtPoint})
	}
	if g.Lost {
		kinds = append(kinds, choice[Kind]{2, DiskLost})
	}
	if g.Lost && g.SpareEach {
		kinds = append(kinds, choice[Kind]{3, SegmentLost})
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
	case Partition, PartitionOneWay:
		f.Nodes, f.To = g.link(c, false)
		if f.Kind == PartitionOneWay && c.RandBool() {
			f.Nodes, f.To = f.To, f.Nodes
		}
		return f // nothing is left open
	case Crash:
		f.Nodes = g.someSegments(c)
		if g.aReader(c, 4) {
			f.Nodes = []string{g.reader(c)}
		}
		if g.theStore(c, 5) {
			f.Nodes = []string{string(Objects)}
		}
	case CrashAtPoint:
		point, _ := LookupPoint(points[c.Intn(len(points))]) // Validate has found it
		n := Node{Role: point.Role}
		if n.Role == Segment {
			n = g.segment(c)
		}
		f.Nodes, f.Point = []string{n.String()}, point.Name
		f.Hit = 1 + c.Intn(1<<c.Intn(5)) // often an early one
	case Pause:
		f.Nodes = []string{string(Writer)}
		if c.Intn(3) > 0 {
			f.Nodes = g.someSegments(c)
		}
		if g.aReader(c, 3) {
			f.Nodes = []string{g.reader(c)}
		}
		if g.theStore(c, 5) {
			f.Nodes = []string{string(Objects)}
		}
		return f
	case PowerLossAZ:
		f.AZ = g.zone(c)
	case AZCutOff:
		f.AZ = g.zone(c)
		return f
	case DiskSlow:
		f.Nodes = g.someSegments(c)
		if g.theStore(c, 4) {
			f.Nodes = []string{string(Objects)}
		}
		f.Factor = float64(2 + c.Intn(40))
		return f
	case DiskCorrupt:
		f.For, f.Nodes = 0, []string{g.segment(c).String()}
	case DiskLost:
		f.Nodes = []string{g.segment(c).String()}
		return f
	case SegmentLost:
		f.For, f.Nodes = 0, []string{g.segment(c).String()}
		return f
	case TakeOver:
		f.For = 0
		return f
	case Promote:
		f.For, f.Nodes = 0, []string{g.reader(c)}
		return f
	case WriterCrash:
		f.For = min(f.For, short)
		return f
	}
	f.Salt = c.Uint32()
	return f
}

// link picks the two sides of a network fault; the first is never empty unless it may be every link.
func (g Generator) link(c fuzz.Continue, everyLink bool) (nodes, to []string) {
	writer := []string{string(Writer)}
	if g.aReader(c, 6) {
		if c.RandBool() {
			return []string{g.reader(c)}, writer
		}
		return []string{g.reader(c)}, nil
	}
	if g.theStore(c, 8) {
		if c.RandBool() {
			return g.someSegments(c), []string{string(Objects)}
		}
		return []string{string(Objects)}, nil
	}
	one := g.segment(c)
	switch c.Intn(8) {
	case 0:
		return []string{one.String()}, nil
	case 1:
		return []string{one.String()}, writer
	case 2:
		return writer, nil
	case 3:
		return g.someSegments(c), nil
	case 4:
		in, _ := g.Topology.InZone(g.zone(c))
		for _, n := range in {
			nodes = append(nodes, n.String())
		}
		return nodes, writer
	case 5: // the way that gossip takes
		if g.Topology.Replicas > 1 {
			other := one
			other.Replica = 1 + (one.Replica+c.Intn(g.Topology.Replicas-1))%g.Topology.Replicas
			return []string{one.String()}, []string{other.String()}
		}
	case 6:
		if g.Topology.Clients > 0 {
			return []string{Node{Role: Client, Client: 1 + c.Intn(g.Topology.Clients)}.String()}, nil
		}
	case 7:
		if everyLink {
			return nil, nil
		}
	}
	return []string{string(Register)}, nil
}

func (g Generator) segment(c fuzz.Continue) Node {
	return Node{Role: Segment, Group: 1 + c.Intn(g.Topology.Groups), Replica: 1 + c.Intn(g.Topology.Replicas)}
}

// someSegments picks one segment, or several of one group, at most half of it.
func (g Generator) someSegments(c fuzz.Continue) []string {
	first := g.segment(c)
	var names []string
	for i := range 1 + c.Intn((g.Topology.Replicas+1)/2) {
		n := first
		n.Replica = 1 + (first.Replica-1+i)%g.Topology.Replicas
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
