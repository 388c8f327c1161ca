package guide

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	fuzz "github.com/google/gofuzz"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
)

// Material is what configurations are changed with.
type Material struct {
	System     harness.System
	Generation harness.Generation
	// Others are configurations of the system of which parts may be taken over, beside those that it generates. It may be empty.
	Others []*configuration.Configuration
}

// A Mutation is a way to change a configuration.
type Mutation string

// The mutations.
const (
	AddFaults    Mutation = "faults added"
	AddScene     Mutation = "scene added"
	RemoveFault  Mutation = "fault removed"
	RepeatFault  Mutation = "fault repeated"
	MoveFault    Mutation = "fault moved"
	MeetFault    Mutation = "fault moved to another"
	SwapFaults   Mutation = "faults swapped"
	StretchFault Mutation = "length of a fault"
	ScaleFault   Mutation = "strength of a fault"
	SaltFault    Mutation = "salt of a fault"
	TurnFault    Mutation = "whom a fault strikes"
	SpliceFaults Mutation = "faults of another plan"
	Network      Mutation = "network"
	Disk         Mutation = "disk"
	Ending       Mutation = "ending"
	RunSeed      Mutation = "seed of the run"
	Settings     Mutation = "settings"
)

// An operator carries a mutation out. It returns false where it found nothing to change; what it has changed until then is dropped.
type operator struct {
	name   Mutation
	weight int
	do     func(*mutant) bool
}

func operators() []operator {
	return []operator{
		{AddFaults, 10, (*mutant).addFaults},
		{AddScene, 8, (*mutant).addScene},
		{RemoveFault, 3, (*mutant).removeFault},
		{RepeatFault, 3, (*mutant).repeatFault},
		{MoveFault, 5, (*mutant).moveFault},
		{MeetFault, 5, (*mutant).meetFault},
		{SwapFaults, 2, (*mutant).swapFaults},
		{StretchFault, 3, (*mutant).stretchFault},
		{ScaleFault, 3, (*mutant).scaleFault},
		{SaltFault, 2, (*mutant).saltFault},
		{TurnFault, 5, (*mutant).turnFault},
		{SpliceFaults, 10, (*mutant).spliceFaults},
		{Network, 2, (*mutant).network},
		{Disk, 2, (*mutant).disk},
		{Ending, 2, (*mutant).ending},
		{RunSeed, 6, (*mutant).runSeed},
		{Settings, 9, (*mutant).settings},
	}
}

// Limits of a mutated configuration, and of the search for one.
const (
	maxFaults = 40 // of its plan, unless that had more
	maxTries  = 12 // until a mutation gives something valid
	mostSteps = 4  // mutations at once
)

// Mutate changes a valid configuration of the material's system into another valid one, by one mutation or a few. The planted bug stays.
// Draws decide everything: the same material, configuration and draws give the same result, so that a seed (fuzz.NewWithSeed) or the bytes of
// `go test -fuzz` (faults.Fuzzer) can drive it. It returns what it did. Where nothing that was drawn gives a valid configuration, the
// seed of the run is changed, which always does.
func Mutate(m *Material, c *configuration.Configuration, f fuzz.Continue) (configuration.Configuration, []Mutation, error) {
	steps := 1
	for steps < mostSteps && f.Intn(3) == 0 {
		steps++
	}
	var done []Mutation
	now := *c
	// One mutation may undo another, such as one that makes a fault too long for the budget, so that it is taken out.
	for i := 0; i < steps || reflect.DeepEqual(now, *c); i++ {
		next, did, err := Step(m, &now, f)
		if err != nil {
			return now, done, err
		}
		now, done = next, append(done, did)
	}
	return now, done, nil
}

// Step is Mutate by a single mutation.
func Step(m *Material, c *configuration.Configuration, f fuzz.Continue) (configuration.Configuration, Mutation, error) {
	all := operators()
	total := 0
	for i := range all {
		total += all[i].weight
	}
	for range maxTries {
		n, i := f.Intn(total), 0
		for n >= all[i].weight {
			n, i = n-all[i].weight, i+1
		}
		if next, ok, err := m.by(all[i].do, c, f); err != nil || ok {
			return next, all[i].name, err
		}
	}
	next, ok, err := m.by((*mutant).runSeed, c, f)
	if err == nil && !ok {
		err = &MutationError{Seed: c.Seed}
	}
	return next, RunSeed, err
}

// by carries one mutation out, and says whether that gave another valid configuration.
func (m *Material) by(do func(*mutant) bool, c *configuration.Configuration, f fuzz.Continue) (configuration.Configuration, bool, error) {
	t, err := m.System.Topology(c)
	if err != nil {
		return *c, false, err
	}
	x := &mutant{Material: m, Continue: f, c: *c, t: t}
	x.c.Plan.Faults = slices.Clone(c.Plan.Faults)
	if !do(x) || x.err != nil {
		return *c, false, x.err
	}
	x.c.Bug = c.Bug
	if !x.repair() || reflect.DeepEqual(x.c, *c) || len(x.c.Plan.Faults) > max(maxFaults, len(c.Plan.Faults)) || harness.Validate(m.System, &x.c) != nil {
		return *c, false, nil
	}
	return x.c, true, nil
}

// A MutationError says that not even another seed made another valid configuration of one: it was not valid to begin with.
type MutationError struct{ Seed uint64 }

func (e *MutationError) Error() string {
	return fmt.Sprintf("guide: expected a valid configuration to change, found one of seed %d that no other seed makes valid", e.Seed)
}

// mutant is a configuration that is being changed.
type mutant struct {
	*Material
	fuzz.Continue
	c   configuration.Configuration // its faults are a copy; the lists of nodes in them are not
	t   faults.Topology             // of what it was
	err error                       // the system could not generate what was to be taken over
}

// other draws a configuration of the same system.
func (x *mutant) other() *configuration.Configuration {
	if n := len(x.Others); n > 0 {
		if i := x.Intn(n + n/3 + 1); i < n {
			return x.Others[i]
		}
	}
	c, err := x.System.Generate(x.Uint64(), x.Generation)
	if err != nil {
		x.err = err
		return &x.c
	}
	return &c
}

// fault draws one of the plan's faults of which something is true; nil where there is none, and without a draw. Nor is one drawn that could
// not be changed: of the bytes that drive the draws, those would be wasted.
func (x *mutant) fault(fits func(*faults.Fault) bool) *faults.Fault {
	var fit []*faults.Fault
	for i := range x.c.Plan.Faults {
		if f := &x.c.Plan.Faults[i]; fits(f) {
			fit = append(fit, f)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return fit[x.Intn(len(fit))]
}

func anyFault(*faults.Fault) bool { return true }

// two draws two faults of the plan.
func (x *mutant) two() (f, other *faults.Fault) {
	if f = x.fault(anyFault); f != nil {
		other = x.fault(func(o *faults.Fault) bool { return o != f })
	}
	return f, other
}

func (x *mutant) add(more ...faults.Fault) bool {
	x.c.Plan.Faults = append(x.c.Plan.Faults, more...)
	return len(more) > 0
}

// generator returns what draws faults for the configuration, where its system says that.
func (x *mutant) generator() (g faults.Generator, is bool) {
	p, is := x.System.(harness.Planner)
	if !is {
		return g, false
	}
	g, err := p.Planner(&x.c, x.Generation)
	return g, err == nil // a plan may be too short for it
}

func (x *mutant) addFaults() bool {
	if g, is := x.generator(); is {
		return x.add(g.Draw(x.Continue)...)
	}
	// One fault of another seed's plan, which its system drew.
	if other := x.adapted(x.other()); len(other) > 0 {
		return x.add(other[x.Intn(len(other))])
	}
	return false
}

func (x *mutant) addScene() bool {
	if g, is := x.generator(); is {
		all := faults.Scenes()
		return x.add(g.Stage(all[x.Intn(len(all))], x.Continue)...)
	}
	return x.spliceFaults()
}

func (x *mutant) removeFault() bool {
	all := x.c.Plan.Faults
	if len(all) == 0 {
		return false
	}
	i := x.Intn(len(all))
	x.c.Plan.Faults = slices.Delete(all, i, i+1)
	return true
}

func (x *mutant) repeatFault() bool {
	f := x.fault(anyFault)
	if f == nil {
		return false
	}
	again := *f
	again.At = x.between(0, x.c.Plan.Horizon-again.For-1)
	return x.add(again)
}

func (x *mutant) moveFault() bool {
	f := x.fault(anyFault)
	if f == nil {
		return false
	}
	f.At = x.between(0, x.c.Plan.Horizon-f.For-1)
	return true
}

// meetFault moves a fault to the beginning or to the end of another: those that hurt together are seldom far apart.
func (x *mutant) meetFault() bool {
	f, other := x.two()
	if other == nil {
		return false
	}
	near := x.between(0, faults.Duration(12*time.Millisecond)) - faults.Duration(4*time.Millisecond)
	if x.RandBool() {
		near += other.For
	}
	f.At = other.At + near
	return true
}

func (x *mutant) swapFaults() bool {
	f, other := x.two()
	if other == nil {
		return false
	}
	f.At, other.At = other.At, f.At
	return true
}

func (x *mutant) stretchFault() bool {
	f := x.fault(func(f *faults.Fault) bool { return f.For > 0 })
	if f == nil {
		return false
	}
	f.For = x.scaled(f.For)
	return true
}

// scaled makes a length from an eighth of it to eight times as long.
func (x *mutant) scaled(d faults.Duration) faults.Duration {
	return max(faults.Duration(time.Microsecond), (d*faults.Duration(1+x.Intn(64))/8)/faults.Duration(time.Microsecond)*faults.Duration(time.Microsecond))
}

// scaleFault changes one of the numbers that a fault has, its length excepted.
func (x *mutant) scaleFault() bool {
	f := x.fault(func(f *faults.Fault) bool { return f.Rate+f.Factor > 0 || f.Extra > 0 || f.Hit > 0 || f.Bandwidth > 0 })
	if f == nil {
		return false
	}
	var have []func()
	if f.Rate > 0 {
		have = append(have, func() { f.Rate = float64(1+x.Intn(100)) / 100 })
	}
	if f.Factor > 0 {
		have = append(have, func() { f.Factor = float64(1 + x.Intn(40)) })
	}
	if f.Extra > 0 {
		have = append(have, func() { f.Extra = x.scaled(f.Extra) })
	}
	if f.Hit > 0 {
		have = append(have, func() { f.Hit = 1 + x.Intn(1<<(1+x.Intn(5))) })
	}
	if f.Bandwidth > 0 {
		have = append(have, func() { f.Bandwidth = faults.MinBandwidth << x.Intn(8) })
	}
	if f.Queue > 0 {
		have = append(have, func() { f.Queue = 64 << x.Intn(8) })
	}
	have[x.Intn(len(have))]()
	return true
}

func (x *mutant) saltFault() bool {
	f := x.fault(func(f *faults.Fault) bool { return f.Salt != 0 })
	if f == nil {
		return false
	}
	f.Salt = x.Uint32()
	return true
}

// turnFault has a fault strike others: another node in the place of one, one more, one fewer, another zone, or another point.
func (x *mutant) turnFault() bool {
	f := x.fault(func(f *faults.Fault) bool { return f.AZ != "" || f.Point != "" || len(f.Nodes)+len(f.To) > 0 })
	switch {
	case f == nil:
		return false
	case f.AZ != "":
		f.AZ = fmt.Sprintf("az%d", 1+x.Intn(x.t.Zones))
		return true
	case f.Point != "" && x.RandBool():
		return x.point(f)
	}
	side := &f.Nodes
	if i := x.Intn(len(f.Nodes) + len(f.To)); i >= len(f.Nodes) {
		side = &f.To
	}
	all := slices.Clone(*side)
	i := x.Intn(len(all))
	alike := x.alike(all[i])
	another := alike[x.Intn(len(alike))]
	switch has := slices.Contains(all, another); {
	case has && len(all) > 1: // one fewer
		all = slices.DeleteFunc(all, func(name string) bool { return name == another })
	case has:
		return false
	case x.Intn(3) == 0:
		all = append(all, another)
	default:
		all[i] = another
	}
	*side = all
	return true
}

// point has a crash strike at another point of the same nodes.
func (x *mutant) point(f *faults.Fault) bool {
	for _, p := range x.t.Parts {
		if !slices.Contains(p.Points, f.Point) {
			continue
		}
		points := slices.DeleteFunc(slices.Clone(p.Points), func(name string) bool { return !slices.Contains(x.Generation.Points, name) })
		if len(points) == 0 {
			return false
		}
		f.Point = points[x.Intn(len(points))]
		return true
	}
	return false
}

// alike lists the nodes of the role of a node.
func (x *mutant) alike(name string) []string {
	n, err := x.t.Node(name)
	if err != nil {
		return []string{name}
	}
	var all []string
	for _, other := range x.t.Nodes() {
		if other.Role == n.Role {
			all = append(all, other.String())
		}
	}
	return all
}

// spliceFaults takes over faults of another plan: all of them, or those that are close to one of them.
func (x *mutant) spliceFaults() bool {
	other := x.adapted(x.other())
	if len(other) == 0 {
		return false
	}
	if i := x.Intn(2 * len(other)); i < len(other) {
		at := other[i].At
		other = slices.DeleteFunc(other, func(f faults.Fault) bool { return max(f.At-at, at-f.At) > around })
	}
	return x.add(other...)
}

// around is how far apart faults are, at most, that are taken for one scene.
const around = faults.Duration(50 * time.Millisecond)

func (x *mutant) network() bool { return mix(x, &x.c.Network, &x.other().Network) }
func (x *mutant) disk() bool    { return mix(x, &x.c.Disk, &x.other().Disk) }
func (x *mutant) ending() bool  { return mix(x, &x.c.Ending, &x.other().Ending) }

// mix takes a part of a configuration over from another one, whole or one value of it.
func mix[T any](x *mutant, into, from *T) bool {
	if x.RandBool() {
		*into = *from
		return true
	}
	a, errA := json.Marshal(into)
	b, errB := json.Marshal(from)
	if errA != nil || errB != nil {
		return false
	}
	mixed, ok := x.values(a, b, 1)
	var read T
	if !ok || json.Unmarshal(mixed, &read) != nil {
		return false
	}
	*into = read
	return true
}

func (x *mutant) runSeed() bool {
	x.c.Seed = x.Uint64()
	return true
}

// settings takes settings over from another seed's configuration: all, one section, or one value of a section.
func (x *mutant) settings() bool {
	other := x.other()
	depth := x.Intn(3)
	if depth == 0 {
		x.c.Settings = other.Settings
	} else {
		mixed, ok := x.values(x.c.Settings, other.Settings, depth)
		if !ok {
			return false
		}
		x.c.Settings = mixed
	}
	// What clients do may take as long as it takes there.
	x.c.Limits.Events, x.c.Limits.Time, x.c.Limits.Bytes = max(x.c.Limits.Events, other.Limits.Events), max(x.c.Limits.Time, other.Limits.Time), max(x.c.Limits.Bytes, other.Limits.Bytes)
	to, err := x.System.Topology(&x.c)
	if err != nil || !overlaps(x.t, to) {
		return false
	}
	x.c.Plan.Faults = fit(x.c.Plan.Faults, x.c.Plan.Horizon, x.c.Plan.Horizon, to)
	x.t = to
	return true
}

// overlaps tells whether quorums overlap as they did. A system may be asked for ones that do not, and then lies: of six segments and two
// spares, four of which make a record written, eight segments would become members where the number of spares alone is taken over.
func overlaps(before, now faults.Topology) bool {
	of := func(t faults.Topology) (readsWrites, writesWrites bool) {
		for i := range t.Parts {
			if p := &t.Parts[i]; p.Duty == faults.Holds {
				return p.WriteQuorum+p.ReadQuorum > p.Members(), 2*p.WriteQuorum > p.Members()
			}
		}
		return false, false
	}
	reads, writes := of(before)
	readsNow, writesNow := of(now)
	return (readsNow || !reads) && (writesNow || !writes)
}

// values takes one value of an object over from another one, so many objects deep.
func (x *mutant) values(a, b json.RawMessage, depth int) (json.RawMessage, bool) {
	var into, from map[string]json.RawMessage
	if depth == 0 || json.Unmarshal(a, &into) != nil || json.Unmarshal(b, &from) != nil || len(into) == 0 {
		return b, true
	}
	for name := range from {
		if _, is := into[name]; !is {
			into[name] = nil // absent here, and not there
		}
	}
	names := slices.Sorted(maps.Keys(into))
	name := names[x.Intn(len(names))]
	there, is := from[name]
	switch {
	case !is:
		delete(into, name)
	case into[name] == nil:
		into[name] = there
	default:
		value, ok := x.values(into[name], there, depth-1)
		if !ok {
			return nil, false
		}
		into[name] = value
	}
	maps.DeleteFunc(into, func(_ string, v json.RawMessage) bool { return v == nil })
	text, err := json.Marshal(into)
	return text, err == nil
}

// between draws a moment or a length from low to high, in whole microseconds where there is room.
func (x *mutant) between(low, high faults.Duration) faults.Duration {
	if high <= low {
		return low
	}
	d := low + faults.Duration(x.Int63n(int64(high-low)+1))
	if whole := d - d%faults.Duration(time.Microsecond); whole >= low {
		return whole
	}
	return d
}

// adapted returns the faults of another configuration's plan as this one can have them.
func (x *mutant) adapted(other *configuration.Configuration) []faults.Fault {
	return fit(other.Plan.Faults, other.Plan.Horizon, x.c.Plan.Horizon, x.t)
}

// byTime sorts faults as generated plans have them.
func byTime(all []faults.Fault) {
	slices.SortStableFunc(all, func(a, b faults.Fault) int { return cmp.Compare(a.At, b.At) })
}
