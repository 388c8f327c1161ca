package quorum

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// A Version is that of a write of a run that was traced: there counters have no bound, and no two writes share By. The
// zero version is that of the initial value.
type Version struct{ Count, By uint64 }

func (v Version) less(w Version) bool { return v.Count < w.Count || v.Count == w.Count && v.By < w.By }

func (v Version) String() string { return fmt.Sprintf("version %d.%x", v.Count, v.By) }

// An OpID names an operation of a traced run.
type OpID struct{ Front, Op uint64 }

// An Answer is the version that a replica told an operation.
type Answer struct {
	Replica int // from 0
	Version Version
}

// A Refusal says which action of the model, or invariant of it, does not allow a step of a traced run.
type Refusal = check.Refusal

// A Register is the model of one row, stepped by what a run tells of it. The model has room for a few operations and a
// run has no end of them, so each step is taken in a State that has the one operation, the replicas, and the writes whose
// versions it can meet: an action's guard looks at nothing else. Each write is a writer of its own there, writers being
// in the order of By, and the counters keep their order, which is all that the guards ask of them.
//
// Answers are in flight in a run. A replica's Tell takes place when the replica answers, for those answers that the
// operation says, later, that it has settled on. An answer with the version that a read returns is an acknowledgement of
// its write-back, too: the replica holds it, durably.
type Register struct {
	world  World
	holds  []Version
	ops    map[OpID]*traced
	writes map[Version]*traced
	acked  *traced // the newest write that has ended
	read   *traced // of the reads that have ended, that of the newest version
	clock  int
}

// traced is one operation of a run.
type traced struct {
	isWrite    bool
	stage      Stage
	version    Version // of a write, once it has one; of a read, once it has chosen
	told       [maxReplicas][]Version
	stored     uint16 // set of replicas
	begun, end int    // by the clock of the register
	acked      *traced
	read       *traced // of what had ended when it began
}

// NewRegister returns a row that holds the initial value on every replica. It refuses, with a *WorldError, what the model
// has no room for.
func NewRegister(replicas, w, r int, writeBack bool) (*Register, error) {
	world, err := World{Replicas: replicas, WriteQuorum: w, ReadQuorum: r, WriteBack: writeBack,
		Writers: 1, Writes: 1, Readers: 1, Reads: 1, VersionsFrom: readQuorum}.check()
	if err != nil {
		return nil, err
	}
	return &Register{world: world, holds: make([]Version, replicas), ops: map[OpID]*traced{}, writes: map[Version]*traced{}}, nil
}

// Holds returns the version that the replica holds.
func (g *Register) Holds(r int) Version { return g.holds[r] }

// Begin: the operation begins to ask.
func (g *Register) Begin(id OpID, write bool) error {
	if g.ops[id] != nil {
		return check.Refuse("Begin", "an operation begins once", "a new one", fmt.Sprintf("%v", id))
	}
	g.clock++
	o := &traced{isWrite: write, begun: g.clock, acked: g.acked, read: g.read}
	name, act := "BeginRead", model.beginRead
	if write {
		name, act = "BeginWrite", model.beginWrite
	}
	p, err := g.view(o)
	if err != nil {
		return err
	}
	if !p.take(func(y yield) { act(p.model, p.state, p.op, y) }) {
		return check.Refuse(name, "a client's operations come one after the other", "an operation that has not begun", fmt.Sprintf("%v", id))
	}
	o.stage = p.state.Ops[p.op].Stage
	g.ops[id] = o
	return nil
}

func (g *Register) op(name string, id OpID) (*traced, error) {
	o := g.ops[id]
	if o == nil {
		return nil, check.Refuse(name, "it is of an operation that has not begun", "one that has", fmt.Sprintf("%v", id))
	}
	return o, nil
}

// Answered: replica r answers the operation with the version v. Whether that counts is for Settle to say.
func (g *Register) Answered(id OpID, r int, v Version) error {
	o, err := g.op("Tell", id)
	if err != nil {
		return err
	}
	if v != g.holds[r] {
		return check.Refuse("Tell", "a replica tells what it holds, and that is durable", g.holds[r].String(), v.String())
	}
	if o.stage == Asking && !slices.Contains(o.told[r], v) {
		o.told[r] = append(o.told[r], v)
	}
	return nil
}

// Settle: the operation has its answers, and with them its version.
func (g *Register) Settle(id OpID, heard []Answer, v Version) error {
	o, err := g.op("Tell", id)
	if err != nil {
		return err
	}
	versions := make([]Version, 0, len(heard)+1)
	for _, a := range heard {
		if !slices.Contains(o.told[a.Replica], a.Version) {
			return check.Refuse("Tell", fmt.Sprintf("%s counts an answer that it was not given", replicaName(a.Replica)), fmt.Sprint(o.told[a.Replica]), a.Version.String())
		}
		versions = append(versions, a.Version)
	}
	versions = newestAndOlder(versions)
	p, err := g.view(o, versions...)
	if err != nil {
		return err
	}
	for i, a := range heard {
		p.state.Replicas[a.Replica].Holds = p.value(versions[i]) // as it was when it answered
		if !p.take(func(y yield) { p.model.tell(p.state, p.op, a.Replica, y) }) {
			return check.Refuse("Tell", "a replica tells once, and no more answers count than are waited for", fmt.Sprintf("%d answers", p.model.ask(p.op)), fmt.Sprintf("%d answers, that of %s too much", len(heard), replicaName(a.Replica)))
		}
	}
	settle, name := p.model.choose, "Choose"
	switch {
	case o.isWrite:
		settle, name = p.model.number, "Number"
	case !g.world.WriteBack:
		settle, name = p.model.endRead, "EndRead"
	}
	if !p.take(func(y yield) { settle(p.state, p.op, y) }) {
		return check.Refuse(name, "an operation settles when it has its answers", fmt.Sprintf("%d answers", p.model.ask(p.op)), fmt.Sprintf("%d", len(heard)))
	}
	if o.isWrite {
		want := p.counter(p.state.Ops[p.op].Count)
		if v.Count != want {
			return check.Refuse(name, "a write's counter is one above the highest that it was told", fmt.Sprint(want), fmt.Sprint(v.Count))
		}
		if g.writes[v] != nil || v.By == 0 {
			return check.Refuse("OneValue", "no two writes have the same version", "a version of its own", v.String())
		}
		g.writes[v] = o
	} else if want := p.version(p.state.Ops[p.op].Value); v != want {
		return check.Refuse(name, "a read takes the newest of its answers", want.String(), v.String())
	}
	o.version, o.stage = v, p.state.Ops[p.op].Stage
	if o.isWrite {
		return nil
	}
	if o.stage == Ended {
		return g.ended(o)
	}
	for r := range g.holds {
		if v == (Version{}) || slices.Contains(heard, Answer{r, v}) {
			if _, err := g.store(o, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// newestAndOlder returns the versions with the oldest in the place of all but the newest: what an operation settles on hangs
// on the newest of its answers alone, and the model has room for a few writes, but a register may have more replicas.
func newestAndOlder(versions []Version) []Version {
	var oldest, newest Version
	for i, v := range versions {
		if i == 0 || v.less(oldest) {
			oldest = v
		}
		if newest.less(v) {
			newest = v
		}
	}
	all := slices.Clone(versions)
	for i, v := range all {
		if v != newest {
			all[i] = oldest
		}
	}
	return all
}

// Stored: what the operation stores is durable on replica r, or a newer version is. It is no step when that was so before.
func (g *Register) Stored(id OpID, r int, v Version) (stepped bool, err error) {
	o, err := g.op("Store", id)
	if err != nil {
		return false, err
	}
	if o.stage < Storing || o.version != v {
		return false, check.Refuse("Store", "a replica stores the version that an operation has settled on", o.version.String(), v.String())
	}
	return g.store(o, r)
}

// Found: replica r says when it starts that it holds v. Of what it got it may have stored more than it has told.
func (g *Register) Found(r int, v Version) (stepped bool, err error) {
	if v == g.holds[r] {
		return false, nil
	}
	o := g.writes[v]
	if o == nil || !g.holds[r].less(v) {
		return false, check.Refuse("Amnesia", "what a replica holds when it starts is what it told as durable, or a newer write", g.holds[r].String(), v.String())
	}
	return g.store(o, r)
}

func (g *Register) store(o *traced, r int) (stepped bool, err error) {
	if !o.isWrite && o.stage == Ended {
		if o = g.writes[o.version]; o == nil { // it comes late, as the write itself may
			return false, nil
		}
	}
	p, err := g.view(o, g.holds[r])
	if err != nil {
		return false, err
	}
	p.state.Replicas[r].Holds = p.value(g.holds[r])
	act, name := p.model.store, "Store"
	if !o.isWrite {
		act, name = p.model.writeBack, "WriteBack"
	}
	if !p.take(func(y yield) { act(p.state, p.op, r, y) }) {
		if !g.holds[r].less(o.version) {
			return false, nil // once more, or too late: nothing changes
		}
		return false, check.Refuse(name, "a replica stores what is being stored", "an operation that stores", o.version.String())
	}
	g.holds[r] = p.version(p.state.Replicas[r].Holds)
	if p.state.Replicas[r].Stored != 0 {
		o.stored |= 1 << r
	}
	return true, nil
}

// End: the operation is answered. acks are the replicas that it counts.
func (g *Register) End(id OpID, acks []int) error {
	o, err := g.op("End", id)
	if err != nil {
		return err
	}
	if !o.isWrite && !g.world.WriteBack {
		if o.stage != Ended {
			return check.Refuse("EndRead", "a read that has chosen nothing has nothing to return", "a value", "none")
		}
		return nil // it ended when it chose
	}
	name := "EndRead"
	if o.isWrite {
		name = "EndWrite"
	}
	for _, r := range acks {
		if o.stored&(1<<r) == 0 {
			return check.Refuse(name, fmt.Sprintf("%s counts as an acknowledgement, and has stored nothing", replicaName(r)), "a replica that stored it", replicaName(r))
		}
	}
	p, err := g.view(o)
	if err != nil {
		return err
	}
	act := p.model.endRead
	if o.isWrite {
		act = p.model.endWrite
	}
	if !p.take(func(y yield) { act(p.state, p.op, y) }) {
		return check.Refuse(name, "an operation ends when a write quorum has stored its value", fmt.Sprintf("%d replicas", g.world.WriteQuorum), fmt.Sprintf("the set %b of them", o.stored))
	}
	o.stage, o.stored = Ended, 0
	return g.ended(o)
}

// ended notes that o has ended, and evaluates the invariants that this can have broken: of a write, Durable; of a read,
// Linearizable with the writes and the read that bear on it most.
func (g *Register) ended(o *traced) error {
	g.clock++
	o.end = g.clock
	if o.isWrite {
		if g.acked == nil || g.acked.version.less(o.version) {
			g.acked = o
		}
		return g.Durable()
	}
	if g.read == nil || g.read.version.less(o.version) {
		g.read = o
	}
	return g.explained(o)
}

// Durable evaluates the invariant of that name for the newest write that was acknowledged.
func (g *Register) Durable() error {
	if g.acked == nil {
		return nil
	}
	// Whether what a replica holds is as new is all that counts.
	p, err := g.view(g.acked)
	if err != nil {
		return err
	}
	for r, v := range g.holds {
		if !v.less(g.acked.version) {
			p.state.Replicas[r].Holds = p.value(g.acked.version)
		}
	}
	p.state.Ops[p.op].Stage = Ended
	if !p.model.durable(p.state) {
		return check.Refuse("Durable", "an acknowledged write is in every read quorum", g.acked.version.String(), fmt.Sprint(g.holds))
	}
	return nil
}

// explained evaluates Linearizable on the read o, with the newest write that had been acknowledged when it began and the
// newest that a read had returned.
func (g *Register) explained(o *traced) error {
	around := []*traced{}
	versions := []Version{}
	add := func(w *traced) {
		if w != nil && !slices.Contains(around, w) {
			around, versions = append(around, w), append(versions, w.version)
		}
	}
	add(g.writes[o.version])
	add(o.acked)
	if o.read != nil {
		add(g.writes[o.read.version])
	}
	w := g.world
	w.Reads = 2
	p, err := project(w, o, versions...)
	if err != nil {
		return err
	}
	at := map[int]*traced{p.op: o}
	p.state.Ops[p.op].Stage, p.state.Ops[p.op].Value = Ended, p.value(o.version)
	for _, w := range around {
		at[p.value(w.version).op()] = w
	}
	if o.read != nil {
		at[p.op+1] = o.read
		p.state.Ops[p.op+1].Stage, p.state.Ops[p.op+1].Value = Ended, p.value(o.read.version)
	}
	for i, x := range at {
		p.state.Ops[i].Before = 0
		for j, y := range at {
			if y.end != 0 && y.end < x.begun {
				p.state.Ops[i].Before |= 1 << j
			}
		}
	}
	if !p.model.linearizable(p.state) {
		newest := Version{}
		for _, w := range []*traced{o.acked, o.read} {
			if w != nil && newest.less(w.version) {
				newest = w.version
			}
		}
		return check.Refuse("Linearizable", "one order of the writes explains all reads", "at least "+newest.String(), o.version.String())
	}
	return nil
}

// A projection is a state of the model in which one step of a run is taken.
type projection struct {
	model  model
	state  State
	op     int
	values []Version // by value, from 1
	counts []uint64  // ascending: the counters by their rank
}

// view returns a state with o as it is, and writes of the versions given.
func (g *Register) view(o *traced, versions ...Version) (*projection, error) {
	return project(g.world, o, versions...)
}

func project(w World, o *traced, versions ...Version) (*projection, error) {
	p := &projection{}
	for _, v := range append(versions, o.version) {
		if v != (Version{}) && !slices.Contains(p.values, v) {
			p.values = append(p.values, v)
			p.counts = append(p.counts, v.Count)
		}
	}
	slices.SortFunc(p.values, func(a, b Version) int {
		switch {
		case a.By < b.By:
			return -1
		case a.By > b.By:
			return 1
		}
		return int(int64(a.Count - b.Count))
	})
	slices.Sort(p.counts)
	p.counts = slices.Compact(p.counts)
	w.Writers = max(1, len(p.values))
	fresh := o.isWrite && o.version == Version{}
	if fresh {
		w.Writers = len(p.values) + 1
	}
	w, err := w.check()
	if err != nil {
		return nil, err
	}
	p.model = model{w}
	p.state = p.model.init()
	for i, v := range p.values {
		p.state.Ops[i].Count, p.state.Ops[i].Stage = p.rank(v.Count), Storing
	}
	switch {
	case fresh:
		p.op = len(p.values)
	case o.isWrite:
		p.op = p.value(o.version).op()
	default:
		p.op = w.writeOps()
		if o.stage >= Storing {
			p.state.Ops[p.op].Value = p.value(o.version)
		}
	}
	p.state.Ops[p.op].Stage = o.stage
	for r := range w.Replicas {
		if o.stored&(1<<r) != 0 {
			p.state.Replicas[r].Stored = 1 << w.client(p.op)
		}
	}
	return p, nil
}

func (p *projection) rank(count uint64) uint8 { return uint8(slices.Index(p.counts, count) + 1) }

// counter returns the counter that has the rank, which may be the next above all.
func (p *projection) counter(rank uint8) uint64 {
	switch {
	case int(rank) <= len(p.counts):
		return p.counts[rank-1]
	case len(p.counts) == 0:
		return 1
	}
	return p.counts[len(p.counts)-1] + 1
}

func (p *projection) value(v Version) Value {
	if v == (Version{}) {
		return Initial
	}
	return valueOf(slices.Index(p.values, v))
}

func (p *projection) version(v Value) Version {
	if v == Initial {
		return Version{}
	}
	return p.values[v.op()]
}

// take takes an action, and tells whether its guard held.
func (p *projection) take(act func(yield)) bool {
	took := false
	var next State
	act(func(s State, _ ...int) { next, took = s, true })
	if took {
		p.state = next
	}
	return took
}
