package transitions

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// mostProcesses is how many processes a world may have.
const mostProcesses = 12

// A product is a state of the search: that of the model and of every process, and what was ever sent. A message that was sent may
// come at any time, or never, or twice, so none is ever taken off.
type product struct {
	model   int32
	sent    int32 // a set of messages, by number
	crashes int32 // that are left
	places  [mostProcesses]int32
}

// An unclosed is a product as a step leaves it: the step says what it has sent.
type unclosed struct {
	at     product
	place  int8
	result int32
}

// A visit is how a product was first reached: by the shortest schedule, for the search goes breadth first.
type visit struct {
	at     product
	parent int32
	choice
	said []choice // what followed at once: what processes said without a change, and what they took without one that concerns the model
}

// A choice is one event at one process.
type choice struct {
	place int8
	event int32
}

// A search drives the model's transitions into the processes.
type search struct {
	c      *cluster
	graph  *graph
	locals []*local

	visits   []visit
	seen     map[print][][]uint64 // by what products have in common: what may still come
	before   map[unclosed]bool    // products as a step left them
	same     map[compared]bool    // of which the two were found to be the same
	b        []byte
	arrivals []int32 // by message: the event that it comes, by number
	model    models
	sets     sets
	witness  []visit // by transition: the last step of the first schedule that took it; its place is -1 while none has
	Stats
	parted *visit // where the implementation and the model part
}

// Stats says what a search amounted to.
type Stats struct {
	Reached  int `json:"reached"`  // transitions
	Tried    int `json:"tried"`    // steps, each one more behind a shortest schedule to somewhere
	Products int `json:"products"` // states of all processes, the network and the model together
	Outside  int `json:"outside"`  // steps that leave the world, and were not followed
	Runs     int `json:"runs"`     // of a schedule, in nodes of its own and from the start
	Steps    int `json:"steps"`    // of these, each followed by a comparison
	Longest  int `json:"longest"`  // of these, in steps
	Left     int `json:"left"`     // products that were reached and not gone on from, because the search ended before
}

// A Parting is where the implementation and the model part.
type Parting struct {
	Schedule    []string     `json:"schedule"`          // to there
	Problem     string       `json:"problem,omitempty"` // what a process did that the model does not allow
	Differences []Difference `json:"differences,omitempty"`
}

// models numbers the states of the model, replicas told apart.
type models struct {
	identity, orbits *volume.Identity
	states           *volume.State
	known            map[string]int32
	codes            []string
	orbit            []int32  // by state: that of the graph
	acked            []uint64 // by state: the transactions that are acknowledged, as bits
	steps            map[modelStep]modelResult
	at               int32 // the one that states is in
}

type modelStep struct {
	model  int32
	place  int8
	result int32
}

type modelResult struct {
	to          int32
	transitions []int32
	outside     bool
	problem     string
}

// sets numbers sets of messages.
type sets struct {
	known   map[string]int32
	list    [][]int32
	scratch set
	key     []byte
}

// A set is one under construction.
type set struct {
	has   []bool
	added []int32
	was   int32 // the set that it grew from
	base  []int32
}

// open returns a set to add to. There is one at a time.
func (s *sets) open(n int32) *set {
	x := &s.scratch
	x.was, x.base, x.added = n, s.list[n], x.added[:0]
	for _, m := range x.base {
		x.mark(m, true)
	}
	return x
}

func (x *set) mark(m int32, has bool) {
	for len(x.has) <= int(m) {
		x.has = append(x.has, false)
	}
	x.has[m] = has
}

// add adds a message, and tells whether it is new.
func (x *set) add(m int32) bool {
	if int(m) < len(x.has) && x.has[m] {
		return false
	}
	x.mark(m, true)
	x.added = append(x.added, m)
	return true
}

func (x *set) each(do func(m int32)) {
	for _, m := range x.base {
		do(m)
	}
	for _, m := range x.added {
		do(m)
	}
}

// close returns the number of the set.
func (s *sets) close(x *set) int32 {
	x.each(func(m int32) { x.has[m] = false })
	if len(x.added) == 0 && len(s.list) > 0 {
		return x.was
	}
	all := make([]int32, 0, len(x.base)+len(x.added))
	all = append(append(all, x.base...), x.added...)
	slices.Sort(all)
	s.key = s.key[:0]
	for _, n := range all {
		s.key = append(s.key, byte(n), byte(n>>8))
	}
	n, known := s.known[string(s.key)]
	if !known {
		n = int32(len(s.list))
		s.known[string(s.key)] = n
		s.list = append(s.list, all)
	}
	return n
}

func newSearch(c *cluster) (*search, error) {
	g, err := newGraph(c.scope.Model)
	if err != nil {
		return nil, err
	}
	s := &search{c: c, graph: g, seen: map[print][][]uint64{}, before: map[unclosed]bool{}, same: map[compared]bool{}, sets: sets{known: map[string]int32{}, list: [][]int32{nil}}}
	if s.locals, err = c.locals(); err != nil {
		return nil, err
	}
	if err := s.model.begin(c.scope.Model); err != nil {
		return nil, err
	}
	s.witness = make([]visit, len(g.list))
	for i := range s.witness {
		s.witness[i].place = -1
	}
	return s, nil
}

func (m *models) begin(w volume.World) (err error) {
	if m.orbits, err = volume.NewIdentity(w); err != nil {
		return err
	}
	w.Symmetry = false
	if m.identity, err = volume.NewIdentity(w); err != nil {
		return err
	}
	if m.states, err = volume.NewState(w); err != nil {
		return err
	}
	m.known, m.steps = map[string]int32{}, map[modelStep]modelResult{}
	return nil
}

// number returns the number of the state that m.states is in.
func (m *models) number(g *graph) int32 {
	code := m.identity.Append(nil, m.states)
	n, known := m.known[string(code)]
	if !known {
		n = int32(len(m.codes))
		m.codes = append(m.codes, string(code))
		m.known[m.codes[n]] = n
		m.orbit = append(m.orbit, m.orbitOf(g, m.states))
		acked := uint64(0)
		for t := range m.states.World().Txns {
			if m.states.Acked(t + 1) {
				acked |= 1 << t
			}
		}
		m.acked = append(m.acked, acked)
	}
	m.at = n
	return n
}

// orbitOf returns the state of the graph that s is in, -1 if the graph lacks it.
func (m *models) orbitOf(g *graph, s *volume.State) int32 {
	if n, known := g.states[string(m.orbits.Append(nil, s))]; known {
		return n
	}
	return -1
}

// load puts m.states into a state.
func (m *models) load(n int32) error {
	if m.at == n {
		return nil
	}
	m.at = n
	return m.identity.Load(m.states, []byte(m.codes[n]))
}

// step takes the actions of a result in the model.
func (s *search) step(model int32, place int8, result int32) (modelResult, error) {
	m := &s.model
	key := modelStep{model, place, result}
	if r, known := m.steps[key]; known {
		return r, nil
	}
	if err := m.load(model); err != nil {
		return modelResult{}, err
	}
	var r modelResult
	from := m.orbit[model]
	actions := s.locals[place].made[result].actions
	for i := range actions {
		refused, problem := actions[i].take(m.states, func() {
			name, _ := m.states.LastAction()
			to := m.orbitOf(s.graph, m.states)
			t, known := s.graph.transitions[transition{from, s.graph.number[name.String()], to}]
			if !known {
				r.problem = fmt.Sprintf("%s: a step that the search of the model has not found", &actions[i])
			}
			r.transitions = append(r.transitions, t)
			from = to
		})
		m.states.Forget()
		switch {
		case refused == volume.LogFull:
			r.outside = true
		case refused != "":
			r.problem = fmt.Sprintf("%s: the model forbids it: %s", &actions[i], refused)
		case problem != "":
			r.problem = fmt.Sprintf("%s: %s", &actions[i], problem)
		}
		if r.outside || r.problem != "" {
			m.at = -1
			m.steps[key] = r
			return r, nil
		}
	}
	r.to = m.number(s.graph)
	m.steps[key] = r
	return r, nil
}

// mostProducts ends a search that would not end otherwise. The largest world that is known by name has a tenth of them.
const mostProducts = 4_000_000

// run searches until everything is reached, or the implementation and the model part. It calls progress now and then.
func (s *search) run(ctx context.Context, progress func()) error {
	first := product{crashes: int32(s.c.scope.Crashes)}
	first.model = s.model.number(s.graph)
	v := visit{at: first, parent: -1}
	for place := range s.locals {
		s.close(&v, place, nil)
	}
	s.isNew(&v.at)
	s.visits = append(s.visits, v)
	next := 0
	for ; next < len(s.visits) && len(s.visits) < mostProducts && s.parted == nil; next++ {
		if next%1024 == 0 {
			if ctx.Err() != nil {
				break
			}
			progress()
		}
		if err := s.expand(int32(next)); err != nil {
			return err
		}
	}
	s.Products, s.Left = len(s.visits), len(s.visits)-next
	return ctx.Err()
}

// expand goes on from a product in every way.
func (s *search) expand(from int32) error {
	at := s.visits[from].at
	for _, m := range s.sets.list[at.sent] {
		letter := &s.c.messages.list[m]
		place := int8(letter.to)
		l := s.locals[place]
		if l.states[at.places[place]].view.started() {
			if err := s.try(from, place, s.arrival(m)); err != nil || s.parted != nil {
				return err
			}
			for how := lostCrash; at.crashes > 0 && how <= tornCrash && s.writes(&at, m); how++ {
				ev := event{kind: delivered, from: letter.from, message: letter.message, number: m, crash: how}
				if err := s.try(from, place, l.event(ev)); err != nil || s.parted != nil {
					return err
				}
			}
		}
	}
	for place := range s.locals {
		for _, ev := range s.locals[place].states[at.places[place]].offers {
			if may, err := s.may(&at, int8(place), &s.locals[place].events[ev]); err != nil {
				return err
			} else if may {
				if err := s.try(from, int8(place), ev); err != nil || s.parted != nil {
					return err
				}
			}
		}
	}
	return nil
}

// writes tells whether a message makes a segment write something.
func (s *search) writes(at *product, m int32) bool {
	place := s.c.messages.list[m].to
	return s.c.isSegment(int(place)) && len(s.locals[place].made[s.locals[place].step(at.places[place], s.arrival(m))].actions) > 0
}

// may tells whether the rest of the world lets something happen to a process.
func (s *search) may(at *product, place int8, ev *event) (bool, error) {
	switch ev.kind {
	case 0:
		return at.crashes > 0, nil
	case started: // writers start one after the other
		before := s.locals[place-1].states[at.places[place-1]].view
		return before.started(), nil
	case called:
		if err := s.model.load(at.model); err != nil {
			return false, err
		}
		return s.mayCall(at, place, ev), nil
	}
	return true, nil
}

// mayCall keeps clients to what the world has: as many transactions, which start in order, each with one writer.
func (s *search) mayCall(at *product, place int8, ev *event) bool {
	w := s.locals[place].states[at.places[place]].view.writer
	m, e, t := s.model.states, int(w.epoch), ev.txn
	if m.End(e) >= s.c.scope.Model.MaxLSN {
		return false
	}
	if w.calls[t].op != 0 {
		switch ev.op {
		case node.OpPut:
			return s.c.scope.Model.Rewrites || m.Holder(e, ev.key) != t
		case node.OpCommit:
			return m.Active(e, t)
		}
		return true
	}
	for other := range s.locals {
		if v := s.locals[other].states[at.places[other]].view.writer; v != nil && v.calls[t].op != 0 {
			return false
		}
	}
	return (t == 1 || m.Started(t-1)) && !m.Started(t)
}

// try lets one thing happen behind the schedule to a product.
func (s *search) try(from int32, place int8, ev int32) error {
	at := s.visits[from].at
	l := s.locals[place]
	number := l.step(at.places[place], ev)
	r := &l.made[number]
	s.Tried++
	after := visit{at: at, parent: from, choice: choice{place, ev}}
	if r.failed != "" {
		s.parted = &after
		return nil
	}
	after.at.places[place] = r.to
	if l.events[ev].crash != noCrash {
		after.at.crashes--
	}
	if after.at == at && len(r.actions) == 0 {
		return nil // what it can say without a change was said
	}
	m, err := s.step(at.model, place, number)
	switch {
	case err != nil:
		return err
	case m.outside:
		s.Outside++
		return nil
	case m.problem != "":
		s.parted = &after
		return nil
	}
	after.at.model = m.to
	for _, t := range m.transitions {
		if s.witness[t].place < 0 {
			s.witness[t] = after
			s.Reached++
		}
	}
	before := unclosed{after.at, place, number}
	if s.before[before] {
		return nil
	}
	s.before[before] = true
	s.close(&after, int(place), r.sent)
	if differs, err := s.differs(&after.at); err != nil || differs {
		s.parted = &after
		return err
	}
	if s.isNew(&after.at) {
		s.visits = append(s.visits, after)
	}
	return nil
}

// close lets processes say what they can say without a change of their state. What they could say before the last step was said
// then: only the process that it changed, and what it sent, can bring more.
func (s *search) close(v *visit, changed int, sent []int32) {
	set := s.sets.open(v.at.sent)
	type turn struct {
		place int
		ev    int32
	}
	var turns []turn
	arrives := func(m int32) {
		if to := int(s.c.messages.list[m].to); s.locals[to].states[v.at.places[to]].view.started() {
			turns = append(turns, turn{to, s.arrival(m)})
		}
	}
	all := func(place int) {
		l := s.locals[place]
		set.each(func(m int32) {
			if int(s.c.messages.list[m].to) == place {
				arrives(m)
			}
		})
		for _, ev := range l.states[v.at.places[place]].offers {
			if k := l.events[ev].kind; k == ticked || k == asked {
				turns = append(turns, turn{place, ev})
			}
		}
	}
	for _, m := range sent {
		if set.add(m) {
			arrives(m)
		}
	}
	all(changed)
	for len(turns) > 0 {
		t := turns[0]
		turns = turns[1:]
		l := s.locals[t.place]
		state := v.at.places[t.place]
		r := &l.made[l.step(state, t.ev)]
		if r.failed != "" || len(r.actions) > 0 {
			continue
		}
		if r.to != state && !atOnce(&l.events[t.ev]) {
			continue
		}
		news := r.to != state
		for _, m := range r.sent {
			if set.add(m) {
				arrives(m)
				news = true
			}
		}
		if news {
			v.said = append(v.said, choice{int8(t.place), t.ev})
		}
		if r.to != state {
			v.at.places[t.place] = r.to
			all(t.place)
		}
	}
	v.at.sent = s.sets.close(set)
}

// atOnce tells whether a message that tells of nothing to the model is taken as soon as it comes: by it a process learns what it has
// asked for, and then only waits for less.
func atOnce(ev *event) bool {
	switch ev.message.(type) {
	case *node.LogRecords, *node.PageImage, *node.CurrentEpoch, *node.Swapped:
		return true
	}
	return false
}

// mostAlike is how many products are gone on from that differ only by what may still come. More take time and reach nothing new in
// the worlds that are known by name: there every transition has its schedule or its reason.
const mostAlike = 8

// isNew tells whether no product like it was reached before in which as much may still come.
func (s *search) isNew(at *product) bool {
	key, live := s.alike(at)
	for _, other := range s.seen[key] {
		if covers(other, live) {
			return false
		}
	}
	if len(s.seen[key]) >= mostAlike {
		return false
	}
	s.seen[key] = append(s.seen[key], live)
	return true
}

// alike returns a key that products have in common in which segments have only changed places, and prints of the messages that would
// change something if they came now.
func (s *search) alike(at *product) (key print, live []uint64) {
	b := s.b[:0]
	b = binary.LittleEndian.AppendUint32(b, uint32(s.model.orbit[at.model]))
	b = binary.LittleEndian.AppendUint32(b, uint32(at.crashes))
	add := func(p print) {
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, p.hi), p.lo)
	}
	state := func(place int) *localState { return &s.locals[place].states[at.places[place]] }
	add(state(0).print)
	for e := 1; e <= s.c.scope.Model.MaxEpoch; e++ {
		add(state(s.c.writer(e)).print)
	}
	rest := len(b)
	var of [mostProcesses]uint64
	for r := range s.c.segments() {
		b = b[:rest]
		add(state(s.c.segment(r)).print)
		for e := 1; e <= s.c.scope.Model.MaxEpoch; e++ {
			if w := state(s.c.writer(e)); len(w.of) > 0 {
				add(w.of[r])
			} else {
				b = append(b, 0)
			}
		}
		of[r] = xxh3.Hash(b[rest:])
	}
	b = b[:rest]
	sorted := of
	slices.Sort(sorted[:s.c.segments()])
	for _, h := range sorted[:s.c.segments()] {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	h := xxh3.Hash128(b)
	for _, m := range s.sets.list[at.sent] {
		letter := &s.c.messages.list[m]
		l := s.locals[letter.to]
		if !l.states[at.places[letter.to]].view.started() {
			continue
		}
		r := &l.made[l.step(at.places[letter.to], s.arrival(m))]
		if r.failed == "" && r.to == at.places[letter.to] && len(r.actions) == 0 {
			continue
		}
		after := &l.states[r.to]
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b[:0], after.print.hi), after.print.lo)
		for _, end := range []int{s.c.placeOf(letter.from), int(letter.to)} {
			if s.c.isSegment(end) {
				b = binary.LittleEndian.AppendUint64(b, of[end-1])
				if len(after.of) > 0 {
					b = binary.LittleEndian.AppendUint64(b, after.of[end-1].lo)
				}
			} else {
				b = append(b, byte(end))
			}
		}
		live = append(live, xxh3.Hash(b))
	}
	s.b = b
	slices.Sort(live)
	live = slices.Compact(live)
	return print{h.Hi, h.Lo}, live
}

// arrival returns the number, of its receiver, of the event that a message comes.
func (s *search) arrival(m int32) int32 {
	for len(s.arrivals) <= int(m) {
		letter := &s.c.messages.list[len(s.arrivals)]
		s.arrivals = append(s.arrivals, s.locals[letter.to].event(event{kind: delivered, from: letter.from, message: letter.message, number: int32(len(s.arrivals))}))
	}
	return s.arrivals[m]
}

// covers tells whether x has all of b. Both ascend.
func covers(x, b []uint64) bool {
	for _, m := range b {
		for len(x) > 0 && x[0] < m {
			x = x[1:]
		}
		if len(x) == 0 || x[0] != m {
			return false
		}
	}
	return true
}

// differs tells whether a process, or what the clients were told, differs from the model.
func (s *search) differs(at *product) (bool, error) {
	views := func(place int) *view { return &s.locals[place].states[at.places[place]].view }
	told := uint64(0)
	for place := range s.locals {
		if w := views(place).writer; w != nil {
			for t, call := range w.calls[1:] {
				if call.acked {
					told |= 1 << t
				}
			}
		}
		this := compared{at.model, int8(place), at.places[place]}
		if s.same[this] {
			continue
		}
		if err := s.model.load(at.model); err != nil {
			return false, err
		}
		if len(s.c.compareOne(s.model.states, place, views(place))) > 0 {
			return true, nil
		}
		s.same[this] = true
	}
	return told != s.model.acked[at.model], nil
}

// compared is a state of a process beside one of the model.
type compared struct {
	model int32
	place int8
	state int32
}

// path returns the visits up to v, without the first, which has no step.
func (s *search) path(v *visit) []*visit {
	var all []*visit
	for ; v.parent >= 0; v = &s.visits[v.parent] {
		all = append(all, v)
	}
	slices.Reverse(all)
	return all
}

func (v *view) started() bool { return v.segment != nil || v.writer != nil || v.epoch > 0 }
