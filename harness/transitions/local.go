package transitions

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A node is a state machine, so what a process does at an event follows from its own state alone. The search takes each process
// through each of its states once for every event, remembers what came of it, and from then on goes by that: the states of all
// processes together are many, and those of one are few.

// A local is one process in all states that were reached.
type local struct {
	c       *cluster
	place   int
	setup   []event // what happened to it before the world begins
	states  []localState
	known   map[print]int32
	events  []event
	numbers map[eventKey]int32
	steps   [][]int32 // by state and event: the number of the result plus one
	made    []result
	printer

	live   *process // is in the state liveAt
	liveAt int32
}

// A localState is one state of a process, and how it came about.
type localState struct {
	parent int32 // -1: the set-up
	by     int32 // the event, by number
	view   view
	print  print   // but for what is said of one segment
	of     []print // of a writer: what is said of each segment
	offers []int32 // what can happen to it besides messages, by number
}

type eventKey struct {
	kind   eventKind
	number int32
	from   node.ID
	op     node.Op
	txn    int
	key    int
	crash  crash
}

// A result is what came of one event in one state of a process.
type result struct {
	to      int32
	sent    []int32 // messages, by number
	actions []action
	failed  string // the node gave up, or told what the model has no word for
}

func newLocal(c *cluster, place int, setup []event) (*local, error) {
	l := &local{c: c, place: place, setup: setup, known: map[print]int32{}, numbers: map[eventKey]int32{}, printer: printer{leftOut: c.leftOut}}
	p, err := l.fresh()
	if err != nil {
		return nil, err
	}
	l.intern(p, -1, -1)
	return l, nil
}

// fresh returns the process as the set-up leaves it.
func (l *local) fresh() (p *process, err error) {
	defer l.c.recovered(l.place, &err)
	p = l.c.newProcess(l.place)
	var o outcome
	for i := range l.setup {
		p.step(&l.setup[i], &o)
	}
	return p, nil
}

// recovered makes an error of a node's panic.
func (c *cluster) recovered(place int, err *error) {
	if x := recover(); x != nil {
		*err = fmt.Errorf("%s panicked: %v", c.name(place), x)
	}
}

// event returns the number of an event.
func (l *local) event(ev event) int32 {
	key := eventKey{ev.kind, ev.number, ev.from, ev.op, ev.txn, ev.key, ev.crash}
	n, known := l.numbers[key]
	if !known {
		n = int32(len(l.events))
		l.numbers[key] = n
		l.events = append(l.events, ev)
	}
	return n
}

// intern returns the number of the state that p is in.
func (l *local) intern(p *process, parent, by int32) int32 {
	v := l.c.view(p)
	l.loaded = v.writer != nil && v.writer.phase != "fencing" && !slices.Contains(v.writer.knowledge.Log, nil)
	pr := l.of(p.node, p.calls, p.disk.waiting, v)
	n, known := l.known[pr]
	if !known {
		n = int32(len(l.states))
		l.known[pr] = n
		l.states = append(l.states, localState{parent: parent, by: by, view: v, print: pr})
		l.alike(p, &l.states[n])
		offers := l.c.offers(p, &v)
		for i := range offers {
			l.states[n].offers = append(l.states[n].offers, l.event(offers[i]))
		}
	}
	l.live, l.liveAt = p, n
	return n
}

// alike makes the prints by which worlds are compared in which segments have changed places.
func (l *local) alike(p *process, s *localState) {
	l.printer.alike = true
	defer func() { l.printer.alike = false }()
	w := s.view.writer
	switch {
	case w == nil:
		s.print = l.of(p.node, p.disk.waiting, s.view.onDisk, s.view.epochDisk)
	case w.phase == "deposed":
		s.print = l.of(w.phase, p.calls)
	default:
		s.print = l.of(p.node, p.calls)
		for _, known := range w.knowledge.Groups[0].Replicas {
			s.of = append(s.of, l.of(known))
		}
	}
}

// at returns the process in one of its states.
func (l *local) at(state int32) (p *process, err error) {
	if l.live != nil && l.liveAt == state {
		return l.live, nil
	}
	var events []int32
	for s := state; l.states[s].parent >= 0; s = l.states[s].parent {
		events = append(events, l.states[s].by)
	}
	if p, err = l.fresh(); err != nil {
		return nil, err
	}
	defer l.c.recovered(l.place, &err)
	var o outcome
	for i := len(events) - 1; i >= 0; i-- {
		p.happen(&l.events[events[i]], &o)
	}
	return p, err
}

// step returns the number of what comes of an event in a state.
func (l *local) step(state, ev int32) int32 {
	for len(l.steps) <= int(state) {
		l.steps = append(l.steps, nil)
	}
	row := l.steps[state]
	if int(ev) >= len(row) {
		row = append(row, make([]int32, len(l.events)-len(row))...)
		l.steps[state] = row
	}
	if row[ev] == 0 {
		l.made = append(l.made, l.make(state, ev))
		row[ev] = int32(len(l.made))
	}
	return row[ev] - 1
}

func (l *local) make(state, ev int32) (r result) {
	p, err := l.at(state)
	l.live = nil
	var o outcome
	if err == nil {
		func() {
			defer l.c.recovered(l.place, &err)
			p.happen(&l.events[ev], &o)
		}()
	}
	if err != nil {
		return result{failed: err.Error()}
	}
	r.to = l.intern(p, state, ev)
	for _, s := range o.sent {
		if n := l.c.number(l.c.id(l.place), s); n >= 0 {
			r.sent = append(r.sent, n)
		}
	}
	for i := range o.told {
		a, told, err := l.c.action(p, &o.told[i])
		if err != nil {
			r.failed = err.Error()
			return r
		}
		if told {
			r.actions = append(r.actions, a)
		}
	}
	return r
}
