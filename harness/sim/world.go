package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// process is a process or a client, dead or alive.
type process struct {
	id     node.ID
	index  int32
	name   string
	zone   string
	role   string
	home   string // its role at every start
	link   *link
	create func(node.Hook) node.Node
	actor  runtime.Actor // of a client

	node        node.Node // nil when down
	made        int       // its place in World.made
	steps       uint64    // that nodes of the process have taken
	told        node.State
	toldAfter   uint64    // how many steps had been taken when told was asked for: a node changes in steps alone
	incarnation uint32    // how often it was started
	started     uint64    // when it was, in the order of all starts
	starting    bool      // its start is on the heap
	before      uint32    // starts that are forgotten: it is told of those since alone
	gone        bool      // Mend leaves it down
	downUntil   node.Time // the latest restart that is scheduled
	paused      bool
	pausedUntil node.Time
	stalled     []int32 // slots of what has arrived while it is paused

	timers map[node.Timer]timer
	timerN uint64 // entries made for timers
	clock  clock
	disk   disk
	hook   hook
	asked  []runtime.Unanswered
	hits   []pointCount
	struck *pointFault // what made the hook panic
	lost   []LostWrite // not told to the listener yet

	sent, got []node.Time // of a client: last arrivals, by index of the process at the other end
}

// salt tells apart the draws about one process.
func (p *process) salt(op uint64) uint64 { return mix(uint64(p.id), op) }

// timer is a timer that was set, or was cleared while its entry is still on the heap. There is at most one entry that
// counts: setting a timer later leaves the entry where it is and moves it when it comes up, so that a node that sets
// its timer at every step does not fill the heap.
type timer struct {
	due     node.Time
	seq     uint64
	queued  node.Time // when the entry comes up
	cause   uint64    // number of the event in whose step it was set
	entry   uint64    // which entry counts
	cleared bool
}

// made is one incarnation's node. A crash takes it out of the world, and what it told last is still asked for: its node is not kept.
type made struct {
	id    node.ID
	node  node.Node // nil: it died
	tells bool      // of one that died
	told  node.State
}

// state returns what the node tells, or told last.
func (m *made) state() (node.State, bool) {
	if m.node == nil {
		return m.told, m.tells
	}
	return stateOf(m.node)
}

// stateOf returns what a node tells.
func stateOf(n node.Node) (node.State, bool) {
	t, tells := n.(node.Teller)
	if m, may := n.(runtime.MayTell); may {
		tells = m.Tells()
	}
	if !tells {
		return node.State{}, false
	}
	return t.State(), true
}

// died keeps what the node told last in place of the node.
func (m *made) died() {
	m.told, m.tells = m.state()
	m.node = nil
}

// pending is an event on the heap.
type pending struct {
	kind        EventKind
	arrived     bool   // it has arrived, and waits for the end of a pause
	ended       Reason // of an operation of a disk: how, where it was not done
	received    bool   // the receiver's host has taken it from the network
	from, to    int32
	incarnation uint32 // of to
	call        int32  // slot of a request or reply, or of an action
	bytes       int32
	timer       node.Timer
	size        int32  // on the wire
	value       uint64 // digest, token, or number of a timer's entry
	cause       uint64 // number of the event in whose step it was made
	message     node.Message
}

// pendingBytes is what an event on the heap is charged with, beside its message.
const pendingBytes = 128

// lastInLine divides the numbers of entries: those below go before all others of their time.
const lastInLine = 1 << 62

// action is something that the harness does at a certain time.
type action struct {
	name string
	plan uint64 // 0, or the plan that it belongs to: Mend calls it off
	do   func()
}

// World is a simulated world.
type World struct {
	seed     uint64
	began    uint64 // the seed that the run began with
	redraw   Redraw
	severed  bool  // nothing arrives any more
	gone     int32 // the clients of a lower index are cut off
	worked   int32 // how many parties there were when the faults ended first; 0 before
	planted  func(node.ID, uint64)
	heard    func(node.ID, uint64, []byte)
	network  Network
	disk     Disk
	limits   Limits
	bug      string
	measure  bool
	hosts    map[string]*link
	observer runtime.Observer
	listen   func(*Event)
	hear     func(node.ID, *Begun)

	now     node.Time
	cause   uint64 // number of the event of which what happens now is an effect
	heap    heap
	seq     uint64 // of the last entry, from lastInLine on
	first   uint64 // of the last entry that goes before all others of its time, below lastInLine
	slab    []pending
	free    []int32
	held    []held
	actions []action
	spare   spare
	bytes   int64

	freeHeld    []int32
	freeActions []int32

	parties []*process
	byID    []*process
	byName  map[string]*process

	event   node.Event // what is being handled
	out     node.Effects
	calls   runtime.Calls
	scratch []byte
	// identity says what tells a step that a node took, and some messages, from all others.
	identity node.Identity
	chain    [40]byte
	hash     uint64
	noted    uint64
	starts   uint64

	seen      attempts
	types     []messageType
	typeIndex map[string]int
	counts    runtime.Counts

	links  []*linkFault
	armed  []*pointFault
	aimed  []*aimedFault
	plan   uint64 // number of the plans that still count
	failed *runtime.Outcome
	made   []made // every node that ran, also those that died
}

// New returns an empty world at time 0, or says which options make no sense.
func New(o Options) (*World, error) {
	if err := errors.Join(o.Network.Validate(), o.Disk.Validate(), o.Limits.Validate()); err != nil {
		return nil, err
	}
	return &World{
		seed: o.Seed, began: o.Seed, redraw: o.Redraw, planted: o.Planted, heard: o.Heard, network: o.Network, disk: o.Disk, limits: o.Limits.orDefault(), bug: o.Bug, measure: o.Measure, hosts: map[string]*link{}, observer: o.Observer,
		heap: make(heap, 0, 256), slab: make([]pending, 0, 256), byName: map[string]*process{},
		typeIndex: map[string]int{}, hash: o.Seed, plan: 1, seq: lastInLine,
	}, nil
}

// A ProcessError says what is wrong with asking this of that process.
type ProcessError struct {
	ID   node.ID
	Name string
	Why  string
}

func (e *ProcessError) Error() string { return fmt.Sprintf("process %d (%q): %s", e.ID, e.Name, e.Why) }

// Add makes a process known. It does not run before Start.
func (w *World) Add(p runtime.Process) error {
	if p.New == nil {
		return &ProcessError{p.ID, p.Name, "nothing makes its node"}
	}
	added := &process{id: p.ID, name: p.Name, zone: p.Zone, role: p.Role, home: p.Role, create: p.New, link: w.linkOf(p.Host)}
	if err := w.add(added); err != nil {
		return err
	}
	for _, f := range p.Disk {
		on := added.disk.open(f.Name)
		on.exists, on.versions[0] = true, version{data: contentOf(f.Data, &w.spare), durable: len(f.Data)}
		w.bytes += int64(len(f.Data))
	}
	return nil
}

// AddClient makes a client known and starts it.
func (w *World) AddClient(c runtime.Client) error {
	if c.Actor == nil {
		return &ProcessError{c.ID, c.Name, "a client without an actor"}
	}
	p := &process{id: c.ID, name: c.Name, zone: c.Zone, actor: c.Actor}
	if err := w.add(p); err != nil {
		return err
	}
	w.begin(p)
	return nil
}

func (w *World) add(p *process) error {
	switch {
	case p.id == 0:
		return &ProcessError{p.id, p.name, "address 0 is nobody's"}
	case w.find(p.id) != nil:
		return &ProcessError{p.id, p.name, "the address is that of " + w.find(p.id).name}
	case p.name == "":
		return &ProcessError{p.id, p.name, "it has no name"}
	case w.byName[p.name] != nil:
		return &ProcessError{p.id, p.name, fmt.Sprintf("the name is that of process %d", w.byName[p.name].id)}
	}
	p.index = int32(len(w.parties))
	p.timers = map[node.Timer]timer{}
	p.hook = hook{w: w, p: p}
	w.parties = append(w.parties, p)
	w.byName[p.name] = p
	for int(p.id) >= len(w.byID) {
		w.byID = append(w.byID, nil)
	}
	w.byID[p.id] = p
	return nil
}

func (w *World) find(id node.ID) *process {
	if int(id) < len(w.byID) {
		return w.byID[id]
	}
	return nil
}

// process returns the process, not client, of that address.
func (w *World) process(id node.ID) (*process, error) {
	p := w.find(id)
	if p == nil {
		return nil, &ProcessError{id, "", "no such process"}
	}
	if p.actor != nil {
		return nil, &ProcessError{id, p.name, "a client, not a process"}
	}
	return p, nil
}

// Now returns the virtual time.
func (w *World) Now() node.Time { return w.now }

// Hash returns the chained hash of all that has happened. It is the run's identity.
func (w *World) Hash() uint64 { return w.hash }

// Events returns how many events have been handled.
func (w *World) Events() uint64 { return w.counts.Events }

// Node returns the running node of a process, or nil when it is down.
func (w *World) Node(id node.ID) node.Node {
	if p := w.find(id); p != nil {
		return p.node
	}
	return nil
}

// Noted returns how many things have happened, deliveries and losses and traces alike: the number of the last Event.
func (w *World) Noted() uint64 { return w.noted }

// Processes lists the processes, clients excepted, in the order in which they were added.
func (w *World) Processes() []node.ID {
	var ids []node.ID
	for _, p := range w.parties {
		if p.actor == nil {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// Running tells whether a process is up.
func (w *World) Running(id node.ID) bool { return w.Node(id) != nil }

// State returns what a running node tells of itself.
func (w *World) State(id node.ID) (node.State, bool) {
	p := w.find(id)
	if p == nil {
		return node.State{}, false
	}
	if _, tells := p.node.(node.Teller); tells && p.toldAfter == p.steps {
		return p.told, true
	}
	told, tells := stateOf(p.node)
	if tells {
		p.told, p.toldAfter = told, p.steps
	}
	return told, tells
}

// States returns what every node that ever ran told last, in the order in which they were made.
func (w *World) States() []runtime.Told {
	var all []runtime.Told
	for i := range w.made {
		if s, tells := w.made[i].state(); tells {
			all = append(all, runtime.Told{ID: w.made[i].id, State: s})
		}
	}
	return all
}

// Outside is the address that a message of Ask comes from. No process has it.
const Outside node.ID = 1<<16 - 1

// Ask hands a running node a message from Outside and returns what it sends back in the same step. All other effects of the
// step are dropped, so the message must be one that changes nothing.
func (w *World) Ask(id node.ID, m node.Message) (answers []node.Message, answered bool) {
	n := w.Node(id)
	if n == nil {
		return nil, false
	}
	p := w.find(id)
	var out node.Effects
	ev := node.Event{Kind: node.Received, From: Outside, Message: m}
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if _, is := r.(*runtime.Breach); !is {
			panic(r)
		}
		w.recovered(p, &ev, r)
		answers, answered = nil, false
	}()
	n.Step(p.clock.at(w.now), ev, &out)
	for i := range out.List {
		if e := &out.List[i]; e.Kind == node.DoSend && e.To == Outside {
			answers = append(answers, e.Message)
		}
	}
	return answers, true
}

// Started returns how often a process was started.
func (w *World) Started(id node.ID) uint32 {
	if p := w.find(id); p != nil {
		return p.incarnation
	}
	return 0
}

// Files returns copies of what a start of the process would find now, if nothing unsynced survived.
func (w *World) Files(id node.ID) []node.File {
	p := w.find(id)
	if p == nil {
		return nil
	}
	files := p.disk.contents()
	for i := range files {
		files[i].Data = files[i].Data[:p.disk.open(files[i].Name).versions[0].durable]
	}
	return files
}

// Named returns the address of the process or client of that name.
func (w *World) Named(name string) (node.ID, bool) {
	if p := w.byName[name]; p != nil {
		return p.id, true
	}
	return 0, false
}

// Name returns the name of a process or client.
func (w *World) Name(id node.ID) string {
	if p := w.find(id); p != nil {
		return p.name
	}
	return fmt.Sprintf("process %d", id)
}

// Newest returns the process of that role that was started last, or 0.
func (w *World) Newest(role string) node.ID {
	if p := w.newest(role); p != nil {
		return p.id
	}
	return 0
}

func (w *World) newest(role string) *process {
	var last *process
	for _, p := range w.parties {
		if role != "" && p.role == role && p.started > 0 && (last == nil || p.started > last.started) {
			last = p
		}
	}
	return last
}

// Start starts a process, now.
func (w *World) Start(id node.ID) error {
	p, err := w.process(id)
	if err != nil {
		return err
	}
	if p.node != nil || p.starting {
		return &ProcessError{id, p.name, "it is running"}
	}
	p.gone = false
	w.begin(p)
	return nil
}

func (w *World) begin(p *process) {
	w.starts++
	p.incarnation++
	p.role = p.home
	p.started = w.starts
	p.starting = true
	w.schedule(w.now, pending{kind: EventStart, to: p.index, incarnation: p.incarnation, bytes: pendingBytes})
}

// Crash takes a running process down, until Start or Mend.
func (w *World) Crash(id node.ID) error {
	p, err := w.running(id)
	if err == nil {
		w.crash(p, "by hand", 0)
	}
	return err
}

// Stop crashes a process, if it runs, and leaves it down until Start: Mend does not bring it back.
func (w *World) Stop(id node.ID) error {
	p, err := w.process(id)
	if err != nil {
		return err
	}
	w.crash(p, "for good", 0)
	p.gone = true
	return nil
}

// Pause lets a process or client do nothing for d. What arrives meanwhile waits.
func (w *World) Pause(id node.ID, d time.Duration) error {
	p := w.find(id)
	if p == nil {
		return &ProcessError{id, "", "no such process"}
	}
	w.pause(p, d)
	return nil
}

// Corrupt flips one bit of what is durable on a process's disk; which one depends on salt. The process finds out when
// it starts again. It reports false when nothing is durable there.
func (w *World) Corrupt(id node.ID, salt uint64) (bool, error) {
	p, err := w.process(id)
	if err != nil {
		return false, err
	}
	return w.corrupt(p, salt, 0), nil
}

func (w *World) running(id node.ID) (*process, error) {
	p, err := w.process(id)
	if err == nil && p.node == nil && !p.starting {
		return nil, &ProcessError{id, p.name, "it is down"}
	}
	return p, err
}

// At has the harness do something at time t, or now if t is past. It is an event of the run, under that name.
func (w *World) At(t node.Time, name string, do func()) { w.actAt(t, 0, name, do) }

func (w *World) actAt(t node.Time, plan uint64, name string, do func()) {
	a := action{name: name, plan: plan, do: do}
	var slot int32
	if n := len(w.freeActions); n > 0 {
		slot, w.freeActions = w.freeActions[n-1], w.freeActions[:n-1]
		w.actions[slot] = a
	} else {
		slot = int32(len(w.actions))
		w.actions = append(w.actions, a)
	}
	w.schedule(max(t, w.now), pending{kind: EventAction, call: slot, bytes: pendingBytes})
}

// Close stops all nodes, so that nothing of them stays behind. The world can still be looked at, not run.
func (w *World) Close() {
	for _, p := range w.parties {
		w.drop(p)
	}
	w.heap = w.heap[:0]
}

// drop ends the incarnation of p.
func (w *World) drop(p *process) {
	n := p.node
	if n != nil {
		w.made[p.made].died()
	}
	p.node, p.starting, p.asked = nil, false, nil
	s, ok := n.(runtime.Stopper)
	if !ok {
		return
	}
	p.hook.dead = true // what unwinds passes no points
	defer func() {
		p.hook.dead = false
		if r := recover(); r != nil {
			w.recovered(p, &w.event, fmt.Sprintf("while it was stopped: %v", r))
		}
	}()
	s.Stop()
}

// crash takes p down, if it is up.
func (w *World) crash(p *process, how string, salt uint64) {
	if p.node == nil && !p.starting {
		return
	}
	w.drop(p)
	w.counts.Crashes++
	w.crashDisk(p, salt)
	w.note(Event{Kind: EventCrash, Process: p.id, Incarnation: p.incarnation, Name: how, Lost: p.takeMissing()}, stringHash(how))
	p.paused, p.pausedUntil = false, 0
	for _, slot := range p.stalled {
		e := w.takeSlot(slot)
		w.down(p, &e)
	}
	p.stalled = p.stalled[:0]
	clear(p.timers)
}

// down notes that what e stands for has reached no process.
func (w *World) down(p *process, e *pending) {
	switch e.kind {
	case EventMessage:
		w.lose(w.parties[e.from], p.id, e.message, e.value, ByDown)
	case EventRequest:
		h := w.takeCall(e.call)
		w.lost(ByDown)
		w.note(Event{Kind: EventLost, Process: p.id, From: w.parties[e.from].id, Request: &h.request, Reason: ByDown}, e.value)
	}
}

// restartIn brings p back after d, unless another fault keeps it down for longer.
func (w *World) restartIn(p *process, d time.Duration) {
	p.downUntil = max(p.downUntil, w.now.Add(d))
	w.actAt(p.downUntil, w.plan, "restart "+p.name, func() {
		if w.now >= p.downUntil && p.incarnation > 0 && !p.gone && p.node == nil && !p.starting {
			w.begin(p)
		}
	})
}

func (w *World) pause(p *process, d time.Duration) {
	if p.actor == nil && p.node == nil {
		return // what is down cannot be paused
	}
	w.counts.Pauses++
	p.paused = true
	p.pausedUntil = max(p.pausedUntil, w.now.Add(d))
	w.actAt(p.pausedUntil, w.plan, "resume "+p.name, func() {
		if w.now >= p.pausedUntil {
			w.resume(p)
		}
	})
}

// resume lets p handle what has arrived, in the order in which it did, and before what arrives now: a request must not
// overtake one of the same connection.
func (w *World) resume(p *process) {
	p.paused, p.pausedUntil = false, 0
	for _, slot := range p.stalled {
		w.first++
		w.heap.push(entry{at: w.now, seq: w.first, slot: slot})
	}
	p.stalled = p.stalled[:0]
}

// draw returns the randomness of an identity; it is another each time that the identity comes up.
func (w *World) draw(key uint64) draw {
	return draw(mix(mix(w.seed, key), w.seen.next(key)))
}

// same returns the randomness of an identity that nothing hangs on but how long something takes: it may be the same each
// time, and to remember it would cost more than all the rest of a disk's append.
func (w *World) same(key uint64) draw { return draw(mix(w.seed, key)) }
