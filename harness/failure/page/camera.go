package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// mostMoments bounds what is kept of a run while it is filmed.
const mostMoments = 1 << 20

// A camera films a run.
type camera struct {
	topology faults.Topology
	film     Film
	lanes    map[node.ID]int
	last     node.ID           // to whom the last event happened: its state is that after it when the next one comes
	states   map[stated]string // what each field is now
	down     map[int]int       // by lane: the band that is open
	ledger   *ledger
	plan     *faults.Plan
	lengths  map[int]time.Duration // of bands of faults, by their places
	speaker  *why.Speaker
	cut      bool // there were more events than are kept
}

// A stated is one field of a lane, in the list of those that it is filmed into.
type stated struct {
	into  *[]State
	lane  int
	field string
}

// shoot makes the smallest run of an explanation again and films it. Only the check that it fails by is made: where that is the trace's, the
// run ends when the model refuses a step.
func shoot(s harness.System, x *why.Explanation) (*camera, harness.Result, error) {
	c := x.Configuration
	topology, err := s.Topology(&c)
	if err != nil {
		return nil, harness.Result{}, err
	}
	cam := &camera{topology: topology, lanes: map[node.ID]int{}, states: map[stated]string{}, down: map[int]int{}, plan: &c.Plan, lengths: map[int]time.Duration{}}
	cam.ledger = newLedger(cam)
	cam.film = Film{Title: "The smallest run", Unit: "event", Timed: true}
	if x.What.Refused {
		cam.film.Refused = x.What.Bad.Event
	}
	result := harness.RunWith(s, c, harness.Options{Listen: cam.hear, Only: x.What.Target.Check})
	if len(cam.film.Moments) == 0 && len(result.Findings) > 0 {
		return nil, result, fmt.Errorf("the run could not be made again: %s", result.Findings[0].Sentence())
	}
	cam.finish()
	return cam, result, nil
}

// hear films one event.
func (c *camera) hear(w *sim.World, e *sim.Event) {
	if len(c.film.Moments) >= mostMoments {
		c.cut = true
		return
	}
	if c.speaker == nil {
		c.speaker = why.NewSpeaker(w)
	}
	if c.last != 0 {
		c.sample(w, c.last, e.Seq-1)
	}
	c.last = e.Process
	m := Moment{Number: e.Seq, At: e.At, Lane: -1, From: -1, Kind: e.Kind.String(), Cause: e.Cause, Weight: weigh(e)}
	_, m.Words = c.speaker.Words(e)
	if e.Process != 0 {
		m.Lane = c.lane(w, e.Process)
	}
	if e.From != 0 {
		m.From = c.lane(w, e.From)
	}
	c.film.Moments = append(c.film.Moments, m)
	switch e.Kind {
	case sim.EventCrash:
		c.set(&c.film.States, e.Seq, m.Lane, "up", "down")
		c.down[m.Lane] = len(c.film.Bands)
		c.film.Bands = append(c.film.Bands, Band{Lane: m.Lane, From: e.Seq, Kind: "down", Words: "down, " + e.Name})
		c.last = 0
	case sim.EventStart:
		if e.Incarnation <= 1 && c.film.Ending != 0 {
			c.film.Ends = append(c.film.Ends, m.Lane)
		}
		if at, is := c.down[m.Lane]; is {
			c.film.Bands[at].To = e.Seq
			delete(c.down, m.Lane)
		}
		c.set(&c.film.States, e.Seq, m.Lane, "up", "")
	case sim.EventTrace:
		c.ledger.take(e, m.Lane)
	case sim.EventAction:
		if e.Name == horizon && c.film.Ending == 0 {
			c.film.Ending = e.Seq
			c.film.Moments[len(c.film.Moments)-1].Words = "ended all faults: from here on comes the ending of every run"
		}
		c.strike(w, e)
	}
}

// horizon is what the simulator calls the end of all faults. What comes behind it is the same in every run: a prober writes, the active node is
// replaced for the last time, and an auditor reads everything.
const horizon = "mend"

// strike opens the bands of a fault that begins.
func (c *camera) strike(w *sim.World, e *sim.Event) {
	kind, _, _ := strings.Cut(e.Name, " ")
	for i := range c.plan.Faults {
		f := &c.plan.Faults[i]
		if string(f.Kind) != kind || node.Time(f.At) != e.At || f.For == 0 {
			continue
		}
		switch f.Kind {
		case faults.Crash, faults.CrashAtPoint, faults.CrashWhen, faults.PowerLossAZ, faults.DiskStale, faults.DiskEmptied, faults.DiskLost, faults.NodeLost,
			faults.TakeOver, faults.Promote, faults.FailOver:
			continue // what they do is told by crashes and starts
		}
		names := slices.Concat(f.Nodes, f.To)
		if f.AZ != "" {
			in, _ := c.topology.InZone(f.AZ)
			for _, n := range in {
				names = append(names, n.String())
			}
		}
		band := Band{From: e.Seq, Kind: "fault", Words: e.Name}
		if f.Kind == faults.Partition || f.Kind == faults.PartitionOneWay || f.Kind == faults.AZCutOff {
			band.Kind = "cut"
		}
		if len(names) == 0 {
			band.Lane = -1
			c.lengths[len(c.film.Bands)] = time.Duration(f.For)
			c.film.Bands = append(c.film.Bands, band)
		}
		for _, name := range names {
			id, known := w.Named(name)
			if !known {
				id = w.Newest(name)
			}
			if id != 0 {
				band.Lane = c.lane(w, id)
				c.lengths[len(c.film.Bands)] = time.Duration(f.For)
				c.film.Bands = append(c.film.Bands, band)
			}
		}
		return
	}
}

// ends gives every band of a fault the moment at which its time was up.
func (c *camera) ends() {
	for i, d := range c.lengths {
		b := &c.film.Bands[i]
		began := c.film.Moments[b.From-1].At
		end := min(began.Add(d), node.Time(c.plan.Horizon))
		at, _ := slices.BinarySearchFunc(c.film.Moments, end, func(m Moment, t node.Time) int { return cmp.Compare(m.At, t) })
		if at < len(c.film.Moments) {
			b.To = c.film.Moments[at].Number
		}
	}
}

// lane returns the lane of a node.
func (c *camera) lane(w *sim.World, id node.ID) int {
	if at, known := c.lanes[id]; known {
		return at
	}
	name := w.Name(id)
	kind := strings.TrimRight(name, "0123456789/ ")
	lane := Lane{Name: name, Kind: kind}
	group := 0
	if n, err := c.topology.Node(name); err == nil {
		group = n.Group
		for i := range c.topology.Parts {
			if p := &c.topology.Parts[i]; p.Role == n.Role && p.Duty == faults.Holds && c.topology.Zones > 1 {
				lane.Zone = c.topology.Zone(n)
			}
		}
	}
	at := len(c.film.Lanes)
	c.lanes[id] = at
	c.film.Lanes = append(c.film.Lanes, lane)
	c.ledger.groups = append(c.ledger.groups, group)
	return at
}

// sample films what a node says of itself after the event of that number.
func (c *camera) sample(w *sim.World, id node.ID, after uint64) {
	state, tells := w.State(id)
	if !tells {
		return
	}
	lane := c.lane(w, id)
	for _, f := range fieldsOf(&state) {
		c.set(&c.film.States, after, lane, f.name, f.value)
	}
	if state.Deposed || state.Dead {
		c.set(&c.film.Model, after, lane, "is", "") // the model goes on with an epoch whose writer knows that it has lost it
		c.set(&c.film.Model, after, lane, "serves", "")
	}
}

// set films a field of a lane if it is another one than before.
func (c *camera) set(into *[]State, moment uint64, lane int, field, value string) {
	key := stated{into, lane, field}
	if c.states[key] == value {
		return
	}
	c.states[key] = value
	*into = append(*into, State{Moment: moment, Lane: lane, Field: field, Value: value})
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func choose(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// number is "" for what nothing is said of.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

type field struct{ name, value string }

// fieldsOf lists what a node says of itself: "" is what it does not say.
func fieldsOf(s *node.State) []field {
	role := s.Role
	if s.Phase != "" {
		role += ", " + s.Phase
	}
	return []field{
		{"is", strings.TrimPrefix(role, ", ")}, {"epoch", number(uint64(s.Epoch))}, {"promise", number(uint64(s.Promise))}, {"line", number(uint64(s.Line))},
		{"VDL", number(uint64(s.VDL))}, {"last LSN", number(uint64(s.End))}, {"SCL", number(uint64(s.SCL))}, {"floor", number(uint64(s.Floor))},
		{"serves", choose(s.Serving, "yes", "no")}, {"damaged", choose(s.Damaged, "yes", "")}, {"dead", choose(s.Dead, "yes", "")}, {"deposed", choose(s.Deposed, "yes", "")},
	}
}

// weigh says how much an event matters by itself.
func weigh(e *sim.Event) Weight {
	switch e.Kind {
	case sim.EventCrash, sim.EventAction:
		return Struck
	case sim.EventStart:
		if e.Incarnation > 1 {
			return Struck
		}
		return Told
	case sim.EventRequest, sim.EventReply:
		return Told
	case sim.EventDisk:
		if e.Reason != 0 {
			return Struck
		}
	case sim.EventTrace:
		switch e.Trace.Action {
		case node.ActStart, node.ActFence, node.ActDecide, node.ActJoin, node.ActOpen, node.ActChange, node.ActGrow, node.ActPromote, node.ActDiskView,
			node.ActDiskBlank, node.ActWalFound, node.ActWalOpen:
			return Struck
		}
		return Told
	case sim.EventLost:
		if e.Reason != sim.ByDown {
			return Told
		}
	}
	return Plain
}

// mostLed is how far back from a moment of the chain what led to it is followed.
const mostLed = 24

// mark gives weight to what an explanation names and to what led there.
func (c *camera) mark(x *why.Explanation) {
	f := &c.film
	at := func(n uint64) *Moment {
		if n == 0 || n > uint64(len(f.Moments)) {
			return nil
		}
		return &f.Moments[n-1]
	}
	links := slices.Concat(x.What.Chain, x.What.Causes)
	if x.What.Bad != nil {
		links = append(links, *x.What.Bad)
		f.Bad = x.What.Bad.Event
		if m := at(f.Bad); m != nil { // who did the bad step has a part in it
			f.Ends = slices.DeleteFunc(f.Ends, func(lane int) bool { return lane == m.Lane || lane == m.From })
		}
	}
	numbers := []uint64{x.What.Finding.Event}
	for _, l := range links {
		numbers = append(numbers, l.Event)
		if m := at(l.Event); m != nil {
			f.judge(m, &l)
		}
	}
	if x.Curve != nil && x.Curve.Jump != nil {
		numbers = append(numbers, x.Curve.Jump.Event)
	}
	if f.Bad == 0 {
		f.start(x)
	}
	c.named(x, links)
	for _, n := range numbers {
		m := at(n)
		if m == nil {
			continue
		}
		m.Weight = Linked
		for range mostLed {
			if m = at(m.Cause); m == nil {
				break
			}
			m.Weight = max(m.Weight, Struck)
		}
	}
}

// judge puts what an explanation says of a moment behind what happened.
func (f *Film) judge(m *Moment, l *why.Link) {
	if l.Words == "" || strings.Contains(m.Words, l.Words) {
		return
	}
	says := l.Words
	if m.Lane >= 0 && l.Node != "" && l.Node != f.whose(m) {
		says = l.Node + " " + says
	}
	m.Words += " ⇒ " + says
}

// ofEnding tells whether a link of a chain is of the ending alone.
func (f *Film) ofEnding(l *why.Link) bool {
	if f.Ending == 0 || l.Event < f.Ending || l.Event == f.Bad || l.Event > uint64(len(f.Moments)) {
		return false
	}
	m := &f.Moments[l.Event-1]
	return m.Lane < 0 || slices.Contains(f.Ends, m.Lane) || slices.Contains(f.Ends, m.From)
}

// whose is the name of the lane that a moment is of.
func (f *Film) whose(m *Moment) string {
	lane := m.Lane
	if m.Kind == sim.EventLost.String() && m.From >= 0 {
		lane = m.From
	}
	if lane < 0 {
		return ""
	}
	return f.Lanes[lane].Name
}

// start finds where a failure without a bad step is looked at first: where somebody began to wait, where the check objected, or the last event
// of what led there.
func (f *Film) start(x *why.Explanation) {
	since := node.Time(-1)
	for i := range x.What.Waits {
		if t := x.What.Waits[i].Since; since < 0 || t < since {
			since = t
		}
	}
	if since >= 0 {
		at, _ := slices.BinarySearchFunc(f.Moments, since, func(m Moment, t node.Time) int { return cmp.Compare(m.At, t) })
		if at < len(f.Moments) {
			f.Start, f.Opens = f.Moments[at].Number, "where the waiting began"
			return
		}
	}
	if f.Start, f.Opens = x.What.Finding.Event, "where the check objects"; f.Start != 0 {
		return
	}
	f.Opens = ""
	if n := len(x.What.Chain); n > 0 {
		f.Start, f.Opens = x.What.Chain[n-1].Event, "the last of what led there"
	}
}

// fewNamed is of how many moments of a lane that an explanation names all are shown; of more only what its node tells, and of that again so
// many at most.
const fewNamed = 80

// ofChecks are the roles without which what a check finds cannot be understood, though it does not name them.
var ofChecks = map[judge.Check][]string{faults.Restore: {"objects"}, faults.Replacement: {"monitor", "register"}, faults.Wholeness: {"monitor"}}

// named gives weight to what happened to the nodes that an explanation and its links name.
func (c *camera) named(x *why.Explanation, links []why.Link) {
	f := &c.film
	texts := slices.Clone(x.What.Finding.Nodes)
	for i := range links {
		texts = append(texts, links[i].Node, links[i].Words)
	}
	for i := range x.What.Waits {
		w := &x.What.Waits[i]
		texts = append(texts, w.Node, w.Of, w.For)
	}
	for lane := range f.Lanes {
		l := &f.Lanes[lane]
		if !slices.Contains(ofChecks[x.What.Target.Check], l.Kind) && !slices.ContainsFunc(texts, func(s string) bool { return why.Names(s, l.Name) }) {
			continue
		}
		f.Named = append(f.Named, lane)
		for _, least := range []Weight{Plain, Told} {
			var its []*Moment
			for i := range f.Moments {
				m := &f.Moments[i]
				if (m.Lane == lane || m.From == lane) && m.Weight >= least && m.Kind != sim.EventTimer.String() && m.Kind != sim.EventDisk.String() {
					its = append(its, m)
				}
			}
			if len(its) > fewNamed {
				continue
			}
			for _, m := range its {
				m.Weight = max(m.Weight, Struck)
			}
			break
		}
	}
}

// rank is where lanes of a kind stand.
func (c *camera) rank(l *Lane) int {
	if l.Kind == string(faults.Client) || strings.HasSuffix(l.Kind, "client") {
		return 0
	}
	for i := range c.topology.Parts {
		if p := &c.topology.Parts[i]; string(p.Role) == l.Kind {
			switch p.Duty {
			case faults.Leads:
				return 1
			case faults.Holds:
				return 2
			case faults.Follows:
				return 3
			}
			return 4
		}
	}
	return 5
}

// finish puts the lanes in order: clients, those that lead, those that hold by group and number, those that follow, the rest.
func (c *camera) finish() {
	if c.cut {
		c.film.Title += fmt.Sprintf(", its first %d events", len(c.film.Moments))
	}
	c.ends()
	f := &c.film
	order := make([]int, len(f.Lanes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &f.Lanes[a], &f.Lanes[b]
		return cmp.Or(cmp.Compare(c.rank(x), c.rank(y)), cmp.Compare(x.Kind, y.Kind), natural(x.Name, y.Name))
	})
	place := make([]int, len(order))
	lanes := make([]Lane, len(order))
	for to, from := range order {
		place[from], lanes[to] = to, f.Lanes[from]
	}
	f.Lanes = lanes
	for i := range f.Ends {
		f.Ends[i] = place[f.Ends[i]]
	}
	move := func(lane *int) {
		if *lane >= 0 {
			*lane = place[*lane]
		}
	}
	for i := range f.Moments {
		move(&f.Moments[i].Lane)
		move(&f.Moments[i].From)
	}
	for i := range f.States {
		move(&f.States[i].Lane)
	}
	for i := range f.Model {
		move(&f.Model[i].Lane)
	}
	for i := range f.Bands {
		move(&f.Bands[i].Lane)
	}
	f.Grid = c.ledger.grid(place)
}

// natural compares names so that 2 comes before 10.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x > 0 && y > 0 {
			if by := cmp.Or(cmp.Compare(x, y), strings.Compare(a[:x], b[:y])); by != 0 {
				return by
			}
			a, b = a[x:], b[y:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits counts the digits that a text begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
