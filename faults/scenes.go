package faults

import (
	"slices"
	"time"

	fuzz "github.com/google/gofuzz"
)

// A Scene is a small group of faults that hurt together and would hardly ever meet by chance, such as a flipped bit, the restart
// that finds it, and a recovery around both. Scenes are those of a volume (see Volume): they name its writer and its register.
type Scene string

// The scenes.
const (
	RegisterCrashed  Scene = "register-crashed"
	RegisterPaused   Scene = "register-paused"
	RegisterSlow     Scene = "register-slow"
	RegisterRotten   Scene = "register-rotten"
	RotInRecovery    Scene = "rot-in-recovery"
	RotTwice         Scene = "rot-twice"
	LostInRecovery   Scene = "lost-in-recovery"
	FencedThenDead   Scene = "fenced-then-dead"
	LateConfirmation Scene = "late-confirmation"
	LastFullLost     Scene = "last-full-lost"
	CutRecordMet     Scene = "cut-record-met"
	AckThenCrash     Scene = "acknowledged-crash"
	StoreRotten      Scene = "store-rotten"
	OldMinority      Scene = "old-minority"
	OldSegmentAsked  Scene = "old-segment-asked"
	CrashedStarting  Scene = "crashed-starting"
	DeafRecovery     Scene = "deaf-recovery"
	DiskFilled       Scene = "disk-filled"
	StoreCrashed     Scene = "store-crashed"
)

// Scenes lists all scenes.
func Scenes() []Scene {
	var names []Scene
	for _, s := range staged() {
		names = append(names, s.name)
	}
	return names
}

// What says in one sentence what happens in the scene; "" where no scene has that name.
func (s Scene) What() string {
	for _, x := range staged() {
		if x.name == s {
			return x.what
		}
	}
	return ""
}

// A stagedScene is how a scene is drawn, and how it is known again in a plan.
type stagedScene struct {
	name Scene
	what string
	// weight is how often it is tried beside the others.
	weight int
	// draw makes its faults, or nothing where the topology has no place for it.
	draw func(*stage, fuzz.Continue) []Fault
	// has tells whether a plan has it, whoever wrote the plan.
	has func(*script) bool
}

func staged() []stagedScene {
	return []stagedScene{
		{RegisterCrashed, "the register dies while a writer wants an epoch of it", 3, (*stage).registerCrashed, (*script).registerCrashed},
		{RegisterPaused, "the register does nothing for a while in which a writer wants an epoch of it", 3, (*stage).registerPaused, (*script).registerPaused},
		{RegisterSlow, "the register's messages and disk take long while a writer wants an epoch of it", 3, (*stage).registerSlow, (*script).registerSlow},
		{RegisterRotten, "a bit of the register's disk flips, and it restarts around a recovery", 3, (*stage).registerRotten, (*script).registerRotten},
		{RotInRecovery, "a segment finds by a restart that a bit flipped, and the recovery that comes hears it and those that lag", 12, (*stage).rotInRecovery, (*script).rotInRecovery},
		{RotTwice, "a segment's disk rots, it restarts, it rots again, it restarts again", 5, (*stage).rotTwice, (*script).rotTwice},
		{LostInRecovery, "a segment loses its disk while a recovery is under way", 4, (*stage).lostInRecovery, (*script).lostInRecovery},
		{FencedThenDead, "segments die between their answer to a fence and their join", 4, (*stage).fencedThenDead, (*script).fencedThenDead},
		{LateConfirmation, "a replaced writer reaches no segment, and hears late what they told it before", 8, (*stage).lateConfirmation, (*script).lateConfirmation},
		{LastFullLost, "all full segments but one lag while tails go on, and that one loses its disk when they are back", 36, (*stage).lastFullLost, (*script).lastFullLost},
		{CutRecordMet, "a segment that missed a recovery brings what that one cut into the next", 6, (*stage).cutRecordMet, (*script).cutRecordMet},
		{AckThenCrash, "right after a commit is acknowledged, its writer and W−R+1 copies or more die at once", 6, (*stage).ackThenCrash, (*script).ackThenCrash},
		{CrashedStarting, "segments die again before a start has made durable what they found", 6, (*stage).crashedStarting, (*script).crashedStarting},
		{DeafRecovery, "nothing reaches a new writer at first, of a group or of the register, and later everything does", 6, (*stage).deafRecovery, (*script).deafRecovery},
		{DiskFilled, "disks of a group are full for a moment, around a take-over, a start or a crash", 8, (*stage).diskFilled, (*script).diskFilled},
		{StoreCrashed, "the object store dies as it says that an object is durable", 4, (*stage).storeCrashed, (*script).storeCrashed},
		{OldMinority, "a replaced writer reaches a minority of every group, and its successor the others", 10, (*stage).oldMinority, (*script).oldMinority},
		{OldSegmentAsked, "a reader reaches no full segment of a group but one that holds what a recovery has cut", 5, (*stage).oldSegmentAsked, (*script).oldSegmentAsked},
		{StoreRotten, "a bit of the object store's disk flips, and it restarts", 2, (*stage).storeRotten, (*script).storeRotten},
	}
}

// around is how close to a take-over something is still around the recovery that it begins.
const around = Duration(50 * time.Millisecond)

// stage is where scenes are drawn for.
type stage struct {
	Generator
	part  *Part
	short Duration
}

// scenes draws up to two scenes that fit the budget together.
func (g Generator) scenes(c fuzz.Continue) []Fault {
	s := &stage{Generator: g, part: g.Topology.holder(), short: g.Topology.Budget().Short}
	if !s.sets() {
		return nil
	}
	var choices []choice[stagedScene]
	for _, x := range staged() {
		if x.name == LastFullLost && s.part.Bare == 0 {
			continue // most volumes have no tails, and those that have it all the more often
		}
		choices = append(choices, choice[stagedScene]{x.weight, x})
	}
	want := 0
	switch c.Intn(8) {
	case 0, 1, 2, 3:
		want = 1
	case 4, 5:
		want = 2
	}
	budget := g.Topology.Budget()
	var all []Fault
	for tries := 0; want > 0 && tries < 4; tries++ {
		p := Plan{Horizon: g.Horizon, Faults: slices.Concat(all, choose(c, choices).draw(s, c))}
		if len(p.Faults) > len(all) && p.Validate(g.Topology) == nil && budget.Check(p, g.Topology) == nil && p.tooManyFlips(g.Topology, mostFlips-1) < 0 {
			all = p.Faults
			want--
		}
	}
	return all
}

// Stage draws the faults of one scene; nothing where the topology or the horizon has no place for it. They may go beyond the budget
// beside the faults of a plan. g must be valid.
func (g Generator) Stage(name Scene, c fuzz.Continue) []Fault {
	s := &stage{Generator: g, part: g.Topology.holder(), short: g.Topology.Budget().Short}
	if !s.sets() {
		return nil
	}
	for _, x := range staged() {
		if x.name == name {
			return x.draw(s, c)
		}
	}
	return nil
}

// sets tells whether the topology is that of a volume: scenes name its parts.
func (s *stage) sets() bool {
	return s.active() == string(Writer) && s.Topology.of(Register) != nil && s.part.Role == Segment
}

// moment draws a time that leaves room for what comes before and after it, so late that there is something on the disks, and early
// more often than late: clients that have made all of their transactions leave nothing to be struck. It is 0 where the horizon
// leaves none.
func (s *stage) moment(c fuzz.Continue, before, after Duration) Duration {
	low, high := before+s.short/2, s.Horizon-after-s.short/2
	if low >= high {
		return 0
	}
	return min(s.between(c, low, high), s.between(c, low, high))
}

// over is a take-over at that time: a successor starts while the old writer lives, or right after it has died.
func (s *stage) over(c fuzz.Continue, at Duration) Fault {
	if c.RandBool() {
		return Fault{Kind: TakeOver, At: at}
	}
	const gap = Duration(time.Millisecond)
	return Fault{Kind: FailOver, At: at - gap, For: gap}
}

func (s *stage) millis(c fuzz.Continue, low, high int) Duration {
	return s.between(c, Duration(low)*Duration(time.Millisecond), Duration(high)*Duration(time.Millisecond))
}

// names lists the segments of a group that have these numbers, from 0 on.
func (s *stage) names(group int, indices []int) []string {
	var names []string
	for _, i := range slices.Sorted(slices.Values(indices)) {
		names = append(names, s.part.node(group, i+1).String())
	}
	return names
}

// everySegment names all segments.
func (s *stage) everySegment() []string {
	var names []string
	for _, n := range s.part.nodes() {
		names = append(names, n.String())
	}
	return names
}

// group picks the first group twice as often as it would come by chance: the others of a volume may not be in use yet.
func (s *stage) group(c fuzz.Continue) int {
	if c.RandBool() {
		return 1
	}
	return 1 + c.Intn(s.part.groups())
}

func (s *stage) registerAway(c fuzz.Continue, k Kind) []Fault {
	length := s.between(c, s.short/10, 2*s.short)
	at := s.moment(c, 0, length)
	if at == 0 {
		return nil
	}
	away := Fault{Kind: k, At: at, For: length, Nodes: []string{string(Register)}}
	if k == Crash {
		away.Salt = c.Uint32()
	}
	// It is away when it is asked, or right after it was.
	return []Fault{away, s.over(c, at+s.between(c, -s.short/20, length/2))}
}

func (s *stage) registerCrashed(c fuzz.Continue) []Fault { return s.registerAway(c, Crash) }
func (s *stage) registerPaused(c fuzz.Continue) []Fault  { return s.registerAway(c, Pause) }

func (s *stage) registerSlow(c fuzz.Continue) []Fault {
	length := s.between(c, s.short, 2*s.short)
	at := s.moment(c, 0, length)
	if at == 0 {
		return nil
	}
	slow := Fault{Kind: Delay, At: at, For: length, Nodes: []string{string(Register)}, Factor: float64(2 + c.Intn(19)), Extra: s.between(c, s.short/10, s.short/2), Salt: c.Uint32()}
	disk := Fault{Kind: DiskSlow, At: at, For: length, Nodes: slow.Nodes, Factor: float64(5 + c.Intn(40))}
	return []Fault{slow, disk, s.over(c, at+s.between(c, s.short/10, length/2))}
}

func (s *stage) registerRotten(c fuzz.Continue) []Fault {
	length := s.between(c, s.short/20, s.short)
	at := s.moment(c, s.short/2, length)
	if at == 0 || !s.Topology.of(Register).Doubled {
		return nil
	}
	return []Fault{
		{Kind: DiskCorrupt, At: at - s.between(c, 1, s.short/2), Nodes: []string{string(Register)}, Salt: c.Uint32()},
		{Kind: Crash, At: at, For: length, Nodes: []string{string(Register)}, Salt: c.Uint32()},
		s.over(c, at+s.between(c, -s.short/10, length)),
	}
}

// rotInRecovery makes the answers that a recovery hears first the worst ones: those of segments that lag, and that of one which
// has just found that it lost something. Whoever takes its word for "I never had it" drops what was acknowledged (W+R−N = 1:
// one such answer is too many).
func (s *stage) rotInRecovery(c fuzz.Continue) []Fault {
	lag := min(s.part.ReadQuorum-1, s.part.Members()-s.part.WriteQuorum)
	if s.Topology.Budget().Damaged == 0 || s.part.Unsealed || s.part.Members() < s.part.ReadQuorum+1 {
		return nil
	}
	at := s.moment(c, s.short, s.short)
	if at == 0 {
		return nil
	}
	group, perm := s.group(c), c.Perm(s.part.Members())
	lagging, rotten, others := perm[:lag], perm[lag:lag+1], perm[lag+1:]
	down := s.millis(c, 1, 4)
	behind := s.millis(c, 4, 15)
	faults := []Fault{
		// Among what was written last, which those that lag do not have.
		{Kind: DiskCorrupt, At: at - s.between(c, 1, down), Nodes: s.names(group, rotten), Rate: float64(1+c.Intn(1<<c.Intn(5))) / 100, Salt: c.Uint32()},
		{Kind: Crash, At: at, For: down, Nodes: s.names(group, rotten), Salt: c.Uint32()},
	}
	over := s.over(c, at+down+s.millis(c, 2, 8))
	if c.Intn(4) == 0 {
		return append(faults, over)
	}
	next := over.At + over.For
	if lag > 0 {
		faults = append(faults, Fault{Kind: PartitionOneWay, At: at - behind, For: next - at + behind, Nodes: []string{string(Writer)}, To: s.names(group, lagging)})
	}
	// Right behind the start of the successor: what strikes the writer strikes the newest.
	apart := Fault{Kind: Partition, At: next + Duration(time.Microsecond), For: s.millis(c, 10, 30), Nodes: []string{string(Writer)}, To: s.names(group, others)}
	// Nor do peers fill what is missing.
	silent := Fault{Kind: Partition, At: at - behind, For: apart.At - at + behind + apart.For, Nodes: s.names(group, perm[:lag+1]), To: apart.To}
	return append(faults, over, apart, silent)
}

func (s *stage) rotTwice(c fuzz.Continue) []Fault {
	if s.Topology.Budget().Damaged == 0 || s.part.Unsealed {
		return nil
	}
	at := s.moment(c, 0, 2*s.short)
	if at == 0 {
		return nil
	}
	names := s.names(s.group(c), []int{c.Intn(s.part.Members())})
	var faults []Fault
	for range 2 {
		down := s.millis(c, 1, 5)
		faults = append(faults,
			Fault{Kind: DiskCorrupt, At: at, Nodes: names, Salt: c.Uint32()},
			Fault{Kind: Crash, At: at + s.between(c, 1, s.short/5), For: down, Nodes: names, Salt: c.Uint32()})
		at = faults[len(faults)-1].At + down + s.between(c, 1, s.short/2)
	}
	if c.RandBool() {
		last := faults[len(faults)-1]
		faults = append(faults, s.over(c, last.At+s.between(c, 0, 2*last.For)))
	}
	return faults
}

func (s *stage) lostInRecovery(c fuzz.Continue) []Fault {
	if !s.Lost || s.Topology.Budget().Damaged == 0 {
		return nil
	}
	at := s.moment(c, 0, s.short)
	if at == 0 {
		return nil
	}
	return []Fault{
		s.over(c, at),
		{Kind: DiskLost, At: at + s.millis(c, 0, 8), For: s.between(c, 1, s.short/2), Nodes: s.names(s.group(c), []int{c.Intn(s.part.Members())})},
	}
}

// fencedThenDead strikes by what segments say, since no clock hits a moment between two messages. Those of the group that answer
// first are among the ones that the new writer goes by.
func (s *stage) fencedThenDead(c fuzz.Continue) []Fault {
	at := s.moment(c, s.short/10, s.short)
	if at == 0 {
		return nil
	}
	dead := Fault{Kind: CrashWhen, At: at - s.short/10, For: s.between(c, 1, s.short/2), When: Fenced, Salt: c.Uint32()}
	group := s.group(c)
	many := 1 + c.Intn(s.part.Members())
	dead.Nodes = s.names(group, c.Perm(s.part.Members())[:many])
	dead.Hit = 1 + c.Intn(many)
	faults := []Fault{dead, s.over(c, at)}
	if c.RandBool() { // and the next recovery meets what that one left
		faults = append(faults, s.over(c, at+s.millis(c, 2, 12)))
	}
	return faults
}

// lateConfirmation keeps a replaced writer from every segment and from the register, and open to them. What they answered before
// comes a second time, long after, or, of so many segments as it can do without, late, while clients read what it has cached
// and its successor changes.
func (s *stage) lateConfirmation(c fuzz.Continue) []Fault {
	at := s.between(c, s.short, s.Horizon/2)
	late := Fault{Kind: Duplicate, At: at - s.between(c, s.short/2, s.short), Nodes: s.everySegment(), To: []string{string(Writer)}, Rate: 1, Extra: s.between(c, s.Horizon/4, s.Horizon*3/4), Salt: c.Uint32()}
	if c.Intn(4) == 0 {
		late.Kind, late.Rate, late.Nodes = Reorder, 0, nil
		perm := c.Perm(s.part.Members())[:max(1, s.part.Members()-s.part.WriteQuorum)]
		for g := 1; g <= s.part.groups(); g++ {
			late.Nodes = append(late.Nodes, s.names(g, perm)...)
		}
	}
	late.For = at + s.short/2 - late.At
	cut := Fault{Kind: PartitionOneWay, At: at - s.between(c, 0, s.short/25), Nodes: []string{string(Writer)}, To: slices.Concat(s.everySegment(), []string{string(Register)})}
	cut.For = s.between(c, s.short, s.Horizon-cut.At)
	return []Fault{late, cut, {Kind: TakeOver, At: at}}
}

// lastFullLost lets the full segments but one fall behind, and loses the disk of that one as they come back: what tails have
// dropped meanwhile, because a full one has made pages of it, nobody else must need.
func (s *stage) lastFullLost(c fuzz.Continue) []Fault {
	if s.part.Bare == 0 || !s.Lost || s.Topology.Budget().Damaged == 0 {
		return nil
	}
	var full []int
	for i := range s.part.Members() {
		if i%2 == 0 || i/2 >= s.part.Bare {
			full = append(full, i)
		}
	}
	if len(full)-1 > s.Topology.Budget().Impaired || len(full) < 2 {
		return nil
	}
	length := s.between(c, s.short, 3*s.short)
	at := s.moment(c, length, s.short)
	if at == 0 {
		return nil
	}
	group, perm := s.group(c), c.Perm(len(full))
	var lagging []int
	for _, i := range perm[1:] {
		lagging = append(lagging, full[i])
	}
	lag := Fault{Kind: Partition, At: at - length, For: length, Nodes: s.names(group, lagging)}
	for _, n := range s.part.nodes() {
		if name := n.String(); n.Group == group && !slices.Contains(lag.Nodes, name) {
			lag.To = append(lag.To, name) // clients and readers reach all
		}
	}
	lag.To = append(lag.To, string(Writer))
	lost := Fault{Kind: DiskLost, At: at + s.between(c, 0, s.short/10), For: s.between(c, 1, s.short/2), Nodes: s.names(group, []int{full[perm[0]]})}
	if c.Intn(4) == 0 {
		return []Fault{lag, lost}
	}
	// The writer dies with it: what it has in memory, it would send again to those that lagged.
	lost.At = at + s.between(c, 0, Duration(time.Millisecond))
	return []Fault{lag, {Kind: FailOver, At: at, For: s.millis(c, 1, 4)}, lost}
}

// cutRecordMet is leftBehind with a third writer: the second one has cut what one segment alone holds, and written other records
// under the same LSNs; the third asks that segment, which knows of neither.
func (s *stage) cutRecordMet(c fuzz.Continue) []Fault {
	last := s.between(c, s.short/4, s.short)
	apart := s.between(c, s.short/2, 3*s.short)
	at := s.moment(c, last, apart+s.short/2)
	if at == 0 || s.part.Members() < 2 || s.Topology.Budget().Impaired == 0 {
		return nil
	}
	group, perm := s.group(c), c.Perm(s.part.Members())
	behind, others := s.names(group, perm[:1]), s.names(group, perm[1:])
	for g := 1; g <= s.part.groups(); g++ {
		if g != group && c.RandBool() {
			others = append(others, s.names(g, perm)...)
		}
	}
	return []Fault{
		{Kind: PartitionOneWay, At: at - last, For: last, Nodes: []string{string(Writer)}, To: others},
		// Before the segment is told of anything by its peers, too.
		{Kind: Partition, At: at - last, For: last + apart, Nodes: behind, To: s.names(group, perm[1:])},
		{Kind: TakeOver, At: at},
		{Kind: Partition, At: at, For: apart, Nodes: []string{string(Writer)}, To: behind},
		s.over(c, at+apart+s.millis(c, 0, 3)),
	}
}

// ackThenCrash aims at what is acknowledged and not yet safe: without a trace nothing but its loss shows that it was not. The
// writer dies with so many copies at once that those which are left do not have to hold it.
func (s *stage) ackThenCrash(c fuzz.Continue) []Fault {
	least := max(1, s.part.WriteQuorum-s.part.ReadQuorum+1)
	many := min(least+c.Intn(max(1, s.part.WriteQuorum-least+1)), s.part.Members())
	crash := Fault{Kind: CrashWhen, At: s.between(c, 0, s.Horizon/2), For: s.between(c, 1, s.short/4), When: Acknowledged,
		Hit: 1 + c.Intn(1<<c.Intn(5)), Nodes: []string{string(Writer)}, Salt: c.Uint32()}
	perm := c.Perm(s.part.Members())[:many]
	only := s.group(c) * c.Intn(2)
	for g := 1; g <= s.part.groups(); g++ {
		if only == 0 || only == g {
			crash.Nodes = append(crash.Nodes, s.names(g, perm)...)
		}
	}
	faults := []Fault{crash}
	if again := crash; c.RandBool() {
		again.At, again.Salt = s.between(c, crash.At, s.Horizon*3/4), c.Uint32()
		faults = append(faults, again)
	}
	return faults
}

func (s *stage) storeRotten(c fuzz.Continue) []Fault {
	if len(s.stores()) == 0 || !s.Topology.of(Role(s.stores()[0])).Tells {
		return nil
	}
	return s.storeRots(c)
}

// oldMinority leaves a replaced writer those segments that a write can do without, which its successor does not reach: nothing tells
// it that it was replaced, and nothing that it asks may be vouched for by so few.
func (s *stage) oldMinority(c fuzz.Continue) []Fault {
	few := min(s.part.Members()-s.part.WriteQuorum, s.Topology.Budget().Impaired)
	at := s.moment(c, s.short/10, 2*s.short)
	if at == 0 || few == 0 {
		return nil
	}
	var minority, others []string
	for g := 1; g <= s.part.groups(); g++ {
		perm := c.Perm(s.part.Members())
		minority, others = append(minority, s.names(g, perm[:few])...), append(others, s.names(g, perm[few:])...)
	}
	old := Fault{Kind: Partition, At: at - s.millis(c, 0, 5), Nodes: []string{string(Writer)}, To: append(others, string(Register))}
	old.For = s.between(c, 2*s.short, s.Horizon-old.At)
	// Right behind the start of the successor: what strikes the writer strikes the newest.
	apart := Fault{Kind: Partition, At: at + Duration(time.Microsecond), Nodes: []string{string(Writer)}, To: minority}
	apart.For = old.end() - apart.At
	return []Fault{old, {Kind: TakeOver, At: at}, apart}
}

// oldSegmentAsked is the beginning of cutRecordMet, with a reader that asks for pages right after: no other segment of the group can
// answer, but for tails, which have none. What the old one has above the cut must not be taken for what its successor wrote there.
func (s *stage) oldSegmentAsked(c fuzz.Continue) []Fault {
	if s.followers() == 0 {
		return nil
	}
	last := s.between(c, s.short/4, s.short)
	apart := s.between(c, s.short/2, 3*s.short)
	at := s.moment(c, last, apart)
	if at == 0 || s.part.Members() < 2 || s.Topology.Budget().Impaired == 0 {
		return nil
	}
	group, full := s.group(c), c.Intn((s.part.Members()+1)/2)
	behind := s.names(group, []int{2 * full})
	var others []string
	for i := range s.part.Members() {
		if i != 2*full {
			others = append(others, s.names(group, []int{i})...)
		}
	}
	return []Fault{
		{Kind: PartitionOneWay, At: at - last, For: last, Nodes: []string{string(Writer)}, To: others},
		{Kind: Partition, At: at - last, For: last + apart, Nodes: behind, To: others},
		{Kind: TakeOver, At: at},
		{Kind: Partition, At: at, For: apart, Nodes: []string{string(Writer)}, To: behind},
		{Kind: Partition, At: at, For: apart, Nodes: s.readers(), To: others},
	}
}

// readers names all readers.
func (s *stage) readers() []string {
	var names []string
	for _, n := range s.Topology.part(Follows).nodes() {
		names = append(names, n.String())
	}
	return names
}

// crashedStarting strikes segments again and again. What the first crash leaves of their logs is there to be read, and durable when the sync
// of their start has completed, which slow disks make late.
func (s *stage) crashedStarting(c fuzz.Continue) []Fault {
	at := s.moment(c, 0, s.short)
	if at == 0 {
		return nil
	}
	least := (s.part.Members() + 1) / 2
	nodes := s.names(s.group(c), c.Perm(s.part.Members())[:least+c.Intn(s.part.Members()-least+1)])
	faults := []Fault{{Kind: DiskSlow, At: at - s.millis(c, 1, 10), For: s.short, Nodes: nodes, Factor: float64(5 + c.Intn(40))}}
	for i := range 3 {
		crash := Fault{Kind: Crash, At: at, For: s.millis(c, 1, 4), Nodes: nodes, Salt: c.Uint32()}
		faults = append(faults, crash)
		gap := s.between(c, Duration(50*time.Microsecond), Duration(3*time.Millisecond))
		if i == 0 && c.RandBool() { // a recovery asks them in between
			faults = append(faults, s.over(c, crash.end()+s.between(c, 0, gap)))
		}
		at = crash.end() + gap
	}
	return faults
}

// deafRecovery keeps a successor from being heard, or from hearing, for so long that what it has asked once is lost. Late in the plan,
// so that most often no other writer comes after it.
func (s *stage) deafRecovery(c fuzz.Continue) []Fault {
	length := s.millis(c, 3, 30)
	at := s.moment(c, s.Horizon/3, length)
	if at == 0 {
		return nil
	}
	over := s.over(c, at)
	// Right behind the start of the successor: what strikes the writer strikes the newest.
	deaf := Fault{Kind: Partition, At: over.At + over.For + Duration(time.Microsecond), For: length, Nodes: []string{string(Writer)}}
	switch c.Intn(4) {
	case 0:
		deaf.To = []string{string(Register)}
	case 1:
		deaf.To = s.everySegment()
	default: // after it has won its epoch, and heard some
		deaf.At += s.between(c, 0, Duration(3*time.Millisecond))
		many := s.part.Members() - min(s.part.ReadQuorum, s.part.WriteQuorum) + 1
		deaf.To = s.names(s.group(c), c.Perm(s.part.Members())[:min(many, s.part.Members())])
	}
	return []Fault{over, deaf}
}

// diskFilled has segments give up what they could not write, and then be asked for what they are: by a new writer while there is no
// room for a promise, and by a start, of this one and of the disk that it left.
func (s *stage) diskFilled(c fuzz.Continue) []Fault {
	length := s.millis(c, 5, 40)
	at := s.moment(c, 0, length+s.short)
	if at == 0 || !s.part.Yields {
		return nil
	}
	nodes := s.names(s.group(c), c.Perm(s.part.Members())[:1+c.Intn(s.part.Members())])
	faults := []Fault{{Kind: DiskFull, At: at, For: length, Nodes: nodes}}
	if c.Intn(3) == 0 { // so that the start has no room
		faults = append(faults, Fault{Kind: Crash, At: at + s.between(c, 0, length/2), For: s.between(c, 1, length/3), Nodes: nodes, Salt: c.Uint32()})
	}
	if c.RandBool() {
		faults = append(faults, s.over(c, at+s.between(c, 0, length)))
	}
	if c.Intn(3) > 0 {
		faults = append(faults, Fault{Kind: Crash, At: at + length + s.millis(c, 1, 20), For: s.millis(c, 1, 5), Nodes: nodes, Salt: c.Uint32()})
	}
	return faults
}

// storeCrashed strikes the store right behind its word: whoever heard it drops the log that the object stands for.
func (s *stage) storeCrashed(c fuzz.Continue) []Fault {
	if len(s.stores()) == 0 {
		return nil
	}
	var faults []Fault
	for range 1 + c.Intn(3) {
		faults = append(faults, Fault{Kind: CrashWhen, At: s.between(c, 0, s.Horizon/2), For: s.between(c, 1, s.short/2), When: Kept, Hit: 1 + c.Intn(1<<c.Intn(4)),
			Nodes: s.stores()[:1], Salt: c.Uint32()})
	}
	return faults
}
