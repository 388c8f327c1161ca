package mirror

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// A Refusal says which action of the model, or invariant of it, does not allow a step of a traced run.
type Refusal = check.Refusal

// A RoomError says that a step of a run has more to it than a state of the model has room for: nothing was decided.
type RoomError struct{ Found, Room int }

func (e *RoomError) Error() string {
	return fmt.Sprintf("trace: a step that tells %d runs of writes apart; expected at most %d", e.Found, e.Room)
}

// A Write names a write of a traced run. No two share it, and none is 0.
type Write uint64

// A Volume is the model with Overwrite, stepped by what a run tells. A run has no bound on writes and instances, so each
// step is taken in a state that has all zones and copies, but of the instances only the one that it is about, the newest and
// those that a zone is attached to; and of the writes only runs of them: those that stand together in every log, so that no
// guard and no invariant can tell them apart, are one write there, acknowledged when any of them is. An acknowledged write
// that is in no log any more went in one step, and in the state of that step it was there.
//
// Zones, copies of a chain, and instances count from 1, as in the model; the first instance is that of the model's start,
// from before the run. One that fails has no more to say.
type Volume struct {
	world     World
	instances []*instance // by number, from 1
	zones     []zone      // by number, from 1
	insync    Zones
	places    map[Write]place
}

type instance struct {
	phase uint8
	home  int
	log   log
	waits Zones
	taken int
}

type zone struct {
	owner int
	chain []tracedCopy
}

type tracedCopy struct {
	ok  bool
	log log
}

// NewVolume returns the start of a run. It refuses, with a *WorldError, what the model has no room for.
func NewVolume(zones, copies int) (*Volume, error) {
	w := World{Zones: zones, Copies: copies, MaxWrite: 1, MaxEpoch: 1, CopyLosses: 1, Repair: true, Suspect: true, Overwrite: true, Bug: "none"}
	if err := w.Validate(); err != nil {
		return nil, err
	}
	v := &Volume{world: w, instances: []*instance{nil}, zones: make([]zone, zones+1), places: map[Write]place{}}
	m := &model{w}
	s := m.start()
	v.instances = append(v.instances, &instance{log: log{&line{}, 0}})
	(&projection{epochs: []int{1}, state: s}).absorb(v)
	return v, nil
}

// InSync tells whether a successor may start in zone a.
func (v *Volume) InSync(a int) bool { return v.insync.has(a) }

// Owner returns the instance that the volume of zone a is attached to.
func (v *Volume) Owner(a int) int { return v.zones[a].owner }

// Newest returns the newest instance.
func (v *Volume) Newest() int { return len(v.instances) - 1 }

// Home returns the zone that instance e is in.
func (v *Volume) Home(e int) int { return v.instances[e].home }

// Waits tells whether instance e waits for zone a.
func (v *Volume) Waits(e, a int) bool { return v.instances[e].waits.has(a) }

// Issue: instance e makes the write w.
func (v *Volume) Issue(e int, w Write) error {
	if _, twice := v.places[w]; twice || w == 0 {
		return check.Refuse("Issue", "a write is made once", "a new one", fmt.Sprintf("write %d", w))
	}
	p, err := v.project(e)
	if err != nil {
		return err
	}
	if !p.take(p.model.issue, p.epoch(e)) {
		return check.Refuse("Issue", "an instance writes when it has read its volume", "one that may write", v.describe(e))
	}
	x := v.instances[e]
	v.places[w] = place{x.log.line, x.log.length}
	x.log.line.writes = append(x.log.line.writes, w)
	x.log.line.acked = append(x.log.line.acked, false)
	x.log.length++
	p.runs = append(p.runs, x.log)
	return p.end(v)
}

// Stored: copy i of zone a has stored w, from the instance when it is the first one and from the copy before it else. It is
// no step when w was the last that it had.
func (v *Volume) Stored(a, i int, w Write) (stepped bool, err error) {
	if v.zones[a].chain[i-1].log.last() == w {
		return false, nil
	}
	return true, v.store(a, i, w)
}

// Caught: copy i of zone a has stored everything that instance e had read. It returns how many steps that was.
func (v *Volume) Caught(a, i, e int) (steps int, err error) {
	x := v.instances[e]
	for {
		n := x.log.common(v.zones[a].chain[i-1].log).length
		if n >= x.taken {
			return steps, nil
		}
		if err := v.store(a, i, x.log.at(n+1).last()); err != nil {
			return steps, err
		}
		steps++
	}
}

func (v *Volume) store(a, i int, w Write) error {
	z := &v.zones[a]
	owner, c := v.instances[z.owner], &z.chain[i-1]
	name, from := "Store", owner.log
	if i > 1 {
		name, from = "Forward", z.chain[i-2].log
		if owner.phase == hasRead || owner.phase == open {
			from = from.common(owner.log)
		}
	}
	next := from.at(from.common(c.log).length + 1)
	p, err := v.project(z.owner, next)
	if err != nil {
		return err
	}
	took := false
	if i > 1 {
		took = p.take(p.model.forward, a, i-1)
	} else {
		took = p.take(p.model.store, p.epoch(z.owner), a)
	}
	if !took {
		return check.Refuse(name, "a copy stores what the volume's instance sends, one after the other", fmt.Sprintf("nothing behind %d writes", from.length), fmt.Sprintf("write %d", w))
	}
	if next.last() != w {
		return check.Refuse(name, "a copy stores the next write of the volume's instance", fmt.Sprintf("write %d", next.last()), fmt.Sprintf("write %d", w))
	}
	return p.end(v)
}

// Ack: the client of instance e is told that w is written. With its first such write the instance serves.
func (v *Volume) Ack(e int, w Write) error {
	at, known := v.places[w]
	if !known {
		return check.Refuse("Ack", "what is acknowledged was written", "a write", fmt.Sprintf("write %d", w))
	}
	if v.instances[e].phase == hasRead {
		p, err := v.project(e, at.log(), at.before())
		if err != nil {
			return err
		}
		if !p.take(p.model.serve, p.epoch(e)) {
			return check.Refuse("Serve", "an instance serves when all that it waits for have its first write", fmt.Sprintf("write %d on the last copy of zones %s", w, v.instances[e].waits), v.describeChains())
		}
		if err := p.end(v); err != nil {
			return err
		}
	}
	p, err := v.project(e, at.log(), at.before())
	if err != nil {
		return err
	}
	n := p.run(at.log())
	if !p.take(p.model.ack, p.epoch(e), n) {
		return check.Refuse("Ack", "a write is acknowledged once, by the instance that has it, when the last copy of every zone that it waits for has answered", fmt.Sprintf("write %d on the last copy of zones %s", w, v.instances[e].waits), v.describeChains())
	}
	at.line.acked[at.index-at.line.from.length] = true
	return p.end(v)
}

// Lose: copy i of zone a is lost.
func (v *Volume) Lose(a, i int) error {
	p, err := v.project(v.Newest())
	if err != nil {
		return err
	}
	if !p.take(p.model.lose, a, i) {
		return check.Refuse("Lose", "a copy is lost once", "a copy that is there", v.describeChains())
	}
	return p.end(v)
}

// Drop: copy i of zone a is taken out of its chain.
func (v *Volume) Drop(a, i int) error {
	p, err := v.project(v.Newest())
	if err != nil {
		return err
	}
	if !p.take(p.model.drop, a, i) {
		return check.Refuse("Drop", "a copy is taken out of its chain when the other one is there", fmt.Sprintf("two copies in zone %d, the other one not lost", a), v.describeChains())
	}
	return p.end(v)
}

// Attach: there is a new instance, in zone a. It returns its number.
func (v *Volume) Attach(a int) (e int, err error) {
	p, err := v.project(v.Newest())
	if err != nil {
		return 0, err
	}
	if e = v.Newest() + 1; !p.take(p.model.attach, len(p.epochs)+1, a) {
		return 0, check.Refuse("Attach", "an instance starts in a zone that is in sync", "zones "+v.insync.String(), fmt.Sprintf("zone %d", a))
	}
	v.instances = append(v.instances, &instance{log: v.empty()})
	p.epochs = append(p.epochs, e)
	return e, p.end(v)
}

// Read: instance e reads its volume: all that the last copy has or, when agreed, only what every copy has from which a
// successor may start.
func (v *Volume) Read(e int, agreed bool) error {
	p, err := v.project(e)
	if err != nil {
		return err
	}
	what := readAll
	if agreed {
		what = readAgreed
	}
	if !p.take(p.model.read, p.epoch(e), what) {
		return check.Refuse("Read", "an instance reads once, when its volume is attached, from the last copy", "one that has not read, and the last copy", v.describe(e)+"; "+v.describeChains())
	}
	return p.end(v)
}

// Mirror: the volume of zone a is attached to instance e, in another zone.
func (v *Volume) Mirror(e, a int) error {
	p, err := v.project(e)
	if err != nil {
		return err
	}
	if !p.take(p.model.mirror, p.epoch(e), a) {
		return check.Refuse("Mirror", "the newest instance mirrors to a volume that is not its own yet", fmt.Sprintf("instance %d", v.Newest()), fmt.Sprintf("zone %d to %s", a, v.describe(e)))
	}
	return p.end(v)
}

// Degrade: instance e goes on without zone a.
func (v *Volume) Degrade(e, a int) error {
	p, err := v.project(e)
	if err != nil {
		return err
	}
	if !p.take(p.model.degrade, p.epoch(e), a) {
		return check.Refuse("Degrade", "the newest instance may go on without another zone that it waits for", fmt.Sprintf("instance %d", v.Newest()), fmt.Sprintf("without zone %d, %s", a, v.describe(e)))
	}
	return p.end(v)
}

func (v *Volume) describe(e int) string {
	x := v.instances[e]
	return fmt.Sprintf("instance %d, %s, in zone %d", e, [...]string{"not born", "attached", "that has read", "open", "lost"}[x.phase], x.home)
}

func (v *Volume) describeChains() string {
	text := ""
	for a := 1; a < len(v.zones); a++ {
		text += fmt.Sprintf("[zone %d, of instance %d:", a, v.zones[a].owner)
		for _, c := range v.zones[a].chain {
			if c.ok {
				text += fmt.Sprintf(" %d writes to %d", c.log.length, c.log.last())
			} else {
				text += " lost"
			}
		}
		text += "]"
	}
	return text
}

// A line is what one instance has written, behind what it had read.
type line struct {
	from   log
	depth  int // of lines below
	writes []Write
	acked  []bool
}

// A log is the first so many writes of a line, those that it began with included.
type log struct {
	line   *line
	length int
}

// place is where a write stands.
type place struct {
	line  *line
	index int // before it
}

func (p place) log() log    { return log{p.line, p.index + 1}.norm() }
func (p place) before() log { return log{p.line, p.index}.norm() }

// norm names the line in which the last write stands, so that equal logs are equal values.
func (l log) norm() log {
	for l.line.depth > 0 && l.length <= l.line.from.length {
		l.line = l.line.from.line
	}
	return l
}

// at returns the first n writes, or as many as there are.
func (l log) at(n int) log { return log{l.line, min(n, l.length)}.norm() }

func (l log) last() Write {
	if l = l.norm(); l.length == 0 {
		return 0
	}
	return l.line.writes[l.length-1-l.line.from.length]
}

func (l log) common(o log) log {
	l, o = l.norm(), o.norm()
	for l.line != o.line {
		if l.line.depth < o.line.depth {
			l, o = o, l
		}
		l = l.at(l.line.from.length)
	}
	return l.at(o.length)
}

// acknowledged: one of the writes behind the first n is.
func (l log) acknowledged(n int) bool {
	for l = l.norm(); l.length > n; l = l.at(l.length - 1) {
		if l.line.acked[l.length-1-l.line.from.length] {
			return true
		}
	}
	return false
}

// A projection is a state of the model in which one step of a run is taken.
type projection struct {
	model  *model
	state  State
	epochs []int // the instance by its number here, less one
	runs   []log // by its number here, less one: the log up to the end of a run
}

// project returns the state with what a step about instance e needs, in which the logs given end runs of their own.
func (v *Volume) project(e int, ends ...log) (*projection, error) {
	p := &projection{epochs: []int{e, v.Newest()}}
	for _, z := range v.zones[1:] {
		p.epochs = append(p.epochs, z.owner)
	}
	slices.Sort(p.epochs)
	p.epochs = slices.Compact(p.epochs)
	for _, z := range v.zones[1:] {
		for _, c := range z.chain {
			if c.ok {
				ends = append(ends, c.log.norm())
			}
		}
	}
	for _, e := range p.epochs {
		x := v.instances[e]
		if x.phase == hasRead || x.phase == open {
			ends = append(ends, x.log.norm())
		}
		if x.phase == hasRead {
			ends = append(ends, x.log.at(x.taken))
		}
	}
	for _, l := range ends {
		p.add(l)
	}
	for i := 0; i < len(p.runs); i++ { // and where they part
		for j := 0; j < i; j++ {
			p.add(p.runs[i].common(p.runs[j]))
		}
	}
	slices.SortStableFunc(p.runs, func(a, b log) int { return a.length - b.length })
	if n := len(p.runs) + 1; n > room { // one more, for what may be issued
		return nil, &RoomError{n, room}
	}
	w := v.world
	w.MaxEpoch, w.MaxWrite = len(p.epochs)+1, len(p.runs)+1
	p.model = &model{w}
	p.fill(v)
	return p, nil
}

func (p *projection) add(l log) {
	if l.length > 0 && !slices.Contains(p.runs, l) {
		p.runs = append(p.runs, l)
	}
}

// run returns the number of the run that ends where the log does.
func (p *projection) run(l log) int { return slices.Index(p.runs, l.norm()) + 1 }

func (p *projection) epoch(e int) int { return slices.Index(p.epochs, e) + 1 }

// seen returns a log as the state has it.
func (p *projection) seen(l log) (s Log) {
	for i, r := range p.runs {
		if r.length <= l.length && l.at(r.length) == r {
			s.add(uint8(i + 1))
		}
	}
	return s
}

func (p *projection) fill(v *Volume) {
	s := &p.state
	s.Newest = uint8(len(p.epochs))
	s.InSync = v.insync
	for i, e := range p.epochs {
		x := v.instances[e]
		s.Phase[i+1], s.Home[i+1], s.Waits[i+1] = x.phase, uint8(x.home), x.waits
		if x.phase == hasRead || x.phase == open {
			s.Log[i+1] = p.seen(x.log)
		}
		if x.phase == hasRead {
			taken := p.seen(x.log.at(x.taken))
			s.Taken[i+1] = taken.Len
		}
	}
	for a := 1; a < len(v.zones); a++ {
		z := &v.zones[a]
		s.Owner[a] = uint8(p.epoch(z.owner))
		s.Chain[a].Len = uint8(len(z.chain))
		for i, c := range z.chain {
			if c.ok {
				s.Chain[a].Copies[i] = Copy{OK: true, Log: p.seen(c.log)}
			}
		}
	}
	s.Issued = uint8(len(p.runs))
	for i, r := range p.runs {
		before := 0
		for _, q := range p.runs[:i] {
			if r.at(q.length) == q {
				before = q.length
			}
		}
		s.Acked[i+1] = r.acknowledged(before)
	}
}

// take takes the action with those arguments, and tells whether its guard held.
func (p *projection) take(act func(State, func(State, ...int)), args ...int) bool {
	took := false
	var next State
	act(p.state, func(s State, is ...int) {
		if slices.Equal(is, args) {
			next, took = s, true
		}
	})
	if took {
		p.state = next
	}
	return took
}

// end makes the state that of the run, and evaluates the invariants in it.
func (p *projection) end(v *Volume) error {
	p.absorb(v)
	for _, m := range p.model.invariants() {
		if !m.Holds(p.state) {
			return check.Refuse(m.Name, m.Guarantee, "that it does", v.describeChains())
		}
	}
	return nil
}

func (p *projection) absorb(v *Volume) {
	s := &p.state
	v.insync = s.InSync
	whole := func(l Log) log {
		if l.Len == 0 {
			return v.empty()
		}
		return p.runs[l.Writes[l.Len-1]-1]
	}
	for i, e := range p.epochs {
		x := v.instances[e]
		if x.phase == attached && s.Phase[i+1] == hasRead {
			from := whole(s.Log[i+1])
			x.log, x.taken = log{&line{from: from, depth: from.line.depth + 1}, from.length}, from.length
		}
		x.phase, x.home, x.waits = s.Phase[i+1], int(s.Home[i+1]), s.Waits[i+1]
	}
	for a := 1; a < len(v.zones); a++ {
		z := &v.zones[a]
		z.owner = p.epochs[s.Owner[a]-1]
		z.chain = z.chain[:0]
		for _, c := range s.Chain[a].all() {
			z.chain = append(z.chain, tracedCopy{c.OK, whole(c.Log)})
		}
	}
}

// empty returns the log that all begin with.
func (v *Volume) empty() log { return log{v.instances[1].log.line, 0} }
