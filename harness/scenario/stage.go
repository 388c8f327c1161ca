package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// Addresses: segment r of group g is 1+10g+r, both from 0 on, which ends below the register; then the readers, the writers in
// the order in which they start, and the client.
const (
	registerID  = node.ID(100)
	firstReader = node.ID(150)
	firstWriter = node.ID(201)
	clientID    = node.ID(300)
)

// settings are those of the nodes. How long a timer runs does not count here: it fires when the script says so.
func settings() aurora.Nodes {
	second, hour := faults.Duration(time.Second), faults.Duration(time.Hour)
	return aurora.Nodes{GossipEvery: second, RetryEvery: second, MonitorEvery: second, IdleAfter: hour, CachePages: 8, LogAhead: maxAhead}
}

// A stage is a volume and everything that a script acts on.
type stage struct {
	of       aurora.Implementation
	volume   *node.Volume
	geometry node.Geometry // as the register has made it durable
	suspects []node.ID     // as the register told last
	procs    map[node.ID]*process
	queue    []delivery
	model    *conform.Validator
	now      node.Time
	writer   node.ID // whom clients ask
	reach    map[node.LSN][]node.ID
	cut      map[node.ID]bool // unreachable
	lost     map[string]bool  // types of messages that arrive nowhere
	changed  node.PageID      // the highest page that some record changed
	txns     map[string]node.Txn
	asked    uint64
	waits    map[uint64]string // request → what it was, for its reply
	out      []string
	silent   bool      // the command shows nothing
	quiet    bool      // nor does any that follows
	hook     node.Hook // strikes no node: a scenario says where they crash
}

// A process is a node, or what is left of it while it is down.
type process struct {
	name        string
	make        func() node.Node
	node        node.Node // nil while down
	incarnation uint32
	disk        disk
	timers      []node.Timer // set
	due         []node.Timer // of these, what this tick has yet to fire
}

// A delivery is an event on its way.
type delivery struct {
	to node.ID
	ev node.Event
}

// newStage reads what volume asks for. Nothing of it runs yet.
func newStage(of aurora.Implementation, c *call) (*stage, error) {
	bug := c.values["bug"]
	about := aurora.Of(aurora.Name, of).About()
	if err := about.Knows(bug); err != nil {
		return nil, &Error{At: c.at, Command: c.name, Err: err}
	}
	if bug != "" && about.Overlay && !harness.HasPoints() {
		return nil, &Error{At: c.at, Command: c.name, Err: fmt.Errorf("bug=%s: %w", bug, faults.ErrNoOverlay)}
	}
	s := &stage{of: of, hook: node.PlantedHook(bug), procs: map[node.ID]*process{}, reach: map[node.LSN][]node.ID{}, cut: map[node.ID]bool{}, lost: map[string]bool{},
		txns: map[string]node.Txn{}, waits: map[uint64]string{}}
	groups, replicas := c.number("groups", 1, 1, maxGroups), c.number("replicas", 6, 1, maxReplicas)
	readers := c.number("readers", 0, 0, node.MaxReaders)
	s.volume = &node.Volume{
		WriteQuorum: c.number("write-quorum", 4, 1, maxReplicas), ReadQuorum: c.number("read-quorum", 3, 1, maxReplicas),
		PageSize: c.number("page-size", 0, 0, 1<<20), Register: registerID, Spares: c.number("spares", 0, 0, maxReplicas),
		InUse: c.number("in-use", 0, 0, maxGroups), GroupPages: c.number("group-pages", 0, 0, 1<<20),
	}
	if err := c.ok(); err != nil {
		return nil, err
	}
	if tails := c.values["tails"]; tails != "" {
		for r := range replicas {
			s.volume.Tails = append(s.volume.Tails, strings.ContainsRune(tails, letter(r)))
		}
	}
	for g := range groups {
		var members []node.ID
		for r := range replicas {
			members = append(members, node.ID(1+g*10+r))
		}
		s.volume.Segments = append(s.volume.Segments, members)
	}
	for i := range readers {
		s.volume.Readers = append(s.volume.Readers, firstReader+node.ID(i))
	}
	var err error
	if s.model, err = conform.New(s.volume); err == nil {
		err = s.volume.Validate()
	}
	if err != nil {
		return nil, &Error{At: c.at, Command: c.name, Err: err}
	}
	s.geometry = s.volume.FirstGeometry()
	return s, nil
}

func letter(replica int) rune { return 'A' + rune(replica) }

// open starts the segments, the register and the readers, which hear of a writer at its first tick.
func (s *stage) open() error {
	nodes := settings()
	for g, members := range s.volume.Segments {
		for r, id := range members {
			name := string(letter(r))
			if len(s.volume.Segments) > 1 {
				name += strconv.Itoa(g + 1)
			}
			s.add(id, name, func() node.Node { return s.of.Segment(id, s.volume, nodes, s.hook) })
			s.procs[id].disk.files = copied(s.of.SegmentDisk)
		}
	}
	s.add(registerID, "register", func() node.Node { return s.of.Register(registerID, s.volume, nodes, s.hook) })
	for i, id := range s.volume.Readers {
		s.add(id, fmt.Sprintf("reader-%d", i+1), func() node.Node { return s.of.Reader(id, s.volume, nodes, s.hook) })
	}
	for _, id := range s.ids() {
		if err := s.boot(id); err != nil {
			return err
		}
	}
	return s.run()
}

// finish says what does not hold now.
func (s *stage) finish() error {
	if err := s.model.Finish(); err != nil {
		return err
	}
	if s.model.Steps() == 0 {
		return ErrNothing
	}
	return nil
}

// stop ends all nodes.
func (s *stage) stop() {
	for _, id := range s.ids() {
		s.procs[id].stop()
	}
}

func (s *stage) add(id node.ID, name string, make func() node.Node) {
	s.procs[id] = &process{name: name, make: make}
}

// ids lists the processes in the order of their addresses, in which all that concerns several of them happens.
func (s *stage) ids() []node.ID {
	ids := make([]node.ID, 0, len(s.procs))
	for id := range s.procs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (s *stage) boot(id node.ID) error {
	p := s.procs[id]
	p.node = p.make()
	p.incarnation++
	return s.step(id, node.Event{Kind: node.Started, Incarnation: p.incarnation, Files: copied(p.disk.files)})
}

// stop ends the node. What it had appended and not synced is gone, and so are its timers.
func (p *process) stop() {
	if held, holds := p.node.(runtime.Stopper); holds {
		held.Stop()
	}
	p.node, p.timers, p.due = nil, nil, nil
	p.disk.crash()
}

// state returns what a process tells of itself: false where it is down or tells nothing.
func (s *stage) state(id node.ID) (node.State, bool) {
	if p := s.procs[id]; p != nil {
		if t, tells := p.node.(node.Teller); tells {
			return t.State(), true
		}
	}
	return node.State{}, false
}

func (s *stage) name(id node.ID) string {
	if p := s.procs[id]; p != nil {
		return p.name
	}
	return "client"
}

// find returns the process of a name, or keeps in c that there is none.
func (s *stage) find(c *call, name string) node.ID {
	var names []string
	for _, id := range s.ids() {
		if s.procs[id].name == name {
			return id
		}
		names = append(names, s.procs[id].name)
	}
	c.object("a process", name, "one of "+strings.Join(names, ", "))
	return 0
}

// findAll returns the processes that the words name.
func (s *stage) findAll(c *call) ([]node.ID, error) {
	var ids []node.ID
	for _, w := range c.words {
		ids = append(ids, s.find(c, w))
	}
	return ids, c.ok()
}

// errRestless says that a command goes on and on.
var errRestless = errors.New("the nodes do not come to rest")

// run delivers until nothing is under way.
func (s *stage) run() error {
	for n := 0; len(s.queue) > 0; n++ {
		if n >= maxSteps {
			return fmt.Errorf("%w: expected to see the end after at most %d messages and completions, found %d more under way", errRestless, maxSteps, len(s.queue))
		}
		d := s.queue[0]
		s.queue = s.queue[1:]
		if p := s.procs[d.to]; p != nil && p.node != nil {
			if err := s.step(d.to, d.ev); err != nil {
				return err
			}
		}
	}
	return nil
}

// step hands a node an event, holds what it tells against the model, and does what it wants done.
func (s *stage) step(id node.ID, ev node.Event) error {
	p := s.procs[id]
	var out node.Effects
	s.now += node.Time(time.Millisecond)
	p.node.Step(s.now, ev, &out)
	for i := range out.Trace {
		t := &out.Trace[i]
		if err := s.model.Tell(s.now, id, t); err != nil {
			return err
		}
		if err := s.sayTrace(id, t); err != nil {
			return err
		}
	}
	for i := range out.List {
		if err := s.perform(id, p, &out.List[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) perform(id node.ID, p *process, e *node.Effect) error {
	switch e.Kind {
	case node.DoSend:
		if h, health := e.Message.(*node.Health); health && id == registerID {
			s.suspects = h.Suspects
		}
		if !s.cut[id] && !s.cut[e.To] && !s.lost[e.Message.Type()] {
			s.queue = append(s.queue, delivery{to: e.To, ev: node.Event{Kind: node.Received, From: id, Message: s.arriving(e.To, e.Message)}})
		}
	case node.DoSetTimer:
		p.forget(e.Timer)
		p.timers = append(p.timers, e.Timer)
	case node.DoClearTimer:
		p.forget(e.Timer)
	case node.DoRespond:
		s.reply(e.Reply)
	default:
		if p.disk.held {
			p.disk.wait(e)
			return nil
		}
		done, err := p.disk.do(e)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if done != nil {
			s.queue = append(s.queue, delivery{to: id, ev: *done})
		}
	}
	return nil
}

func (p *process) forget(t node.Timer) {
	same := func(o node.Timer) bool { return o == t }
	p.timers, p.due = slices.DeleteFunc(p.timers, same), slices.DeleteFunc(p.due, same)
}

// arriving returns what is left of a message when the script keeps records from the segment that it goes to. The rules hold for
// what writers and peers send alike.
func (s *stage) arriving(to node.ID, m node.Message) node.Message {
	pass := func(rs []*node.Record) []*node.Record {
		return slices.DeleteFunc(slices.Clone(rs), func(r *node.Record) bool {
			ids, ruled := s.reach[r.LSN]
			return ruled && !slices.Contains(ids, to)
		})
	}
	switch m := m.(type) {
	case *node.Append:
		left := *m
		left.Records = pass(m.Records)
		return &left
	case *node.Stream:
		left := *m
		left.Records = pass(m.Records)
		return &left
	case *node.GossipGive:
		left := *m
		left.Records = pass(m.Records)
		return &left
	}
	return m
}

// newWriter starts the next writer.
func (s *stage) newWriter(c *call) error {
	id := firstWriter
	for s.procs[id] != nil {
		id++
	}
	if id >= clientID {
		return c.object("writers", strconv.Itoa(int(id-firstWriter)), fmt.Sprintf("at most %d", clientID-firstWriter))
	}
	s.add(id, fmt.Sprintf("writer-%d", id-firstWriter+1), func() node.Node {
		return s.of.Writer(id, s.volume, settings(), s.hook)
	})
	s.writer = id
	if err := s.boot(id); err != nil {
		return err
	}
	return s.run()
}

func (s *stage) cmdStart(c *call) error {
	if s.procs[firstWriter] != nil {
		return c.object("a writer", s.name(firstWriter), "none before the first; the next one starts by take-over")
	}
	return s.newWriter(c)
}

func (s *stage) cmdTakeOver(c *call) error { return s.newWriter(c) }

func (s *stage) cmdPromote(c *call) error {
	id := s.find(c, c.words[0])
	if err := c.ok(); err != nil {
		return err
	}
	if !slices.Contains(s.volume.Readers, id) || s.procs[id].node == nil {
		return c.object("a reader", c.words[0], "a reader that runs")
	}
	s.writer = id
	if err := s.step(id, node.Event{Kind: node.Received, Message: &node.Promote{}}); err != nil {
		return err
	}
	return s.run()
}

func (s *stage) cmdReach(c *call) error {
	lsn := node.LSN(c.must("lsn", 1, maxLSN))
	if slices.Equal(c.words, []string{"nobody"}) {
		c.words = nil
	}
	ids, err := s.findAll(c)
	if err != nil {
		return err
	}
	s.reach[lsn] = ids
	return nil
}

func (s *stage) cmdLose(c *call) error {
	for _, w := range c.words {
		if !slices.Contains(node.MessageTypes(), w) {
			c.object("a type of message", w, "one of "+strings.Join(node.MessageTypes(), ", "))
		}
	}
	if err := c.ok(); err != nil {
		return err
	}
	for _, w := range c.words {
		s.lost[w] = true
	}
	return nil
}

func (s *stage) cmdCutOff(c *call) error {
	ids, err := s.findAll(c)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s.cut[id] = true
	}
	return nil
}

func (s *stage) cmdHeal(c *call) error {
	ids, err := s.findAll(c)
	if err != nil {
		return err
	}
	for _, id := range ids {
		delete(s.cut, id)
	}
	if len(ids) == 0 {
		clear(s.reach)
		clear(s.cut)
		clear(s.lost)
	}
	return nil
}

func (s *stage) cmdCrash(c *call) error {
	ids, err := s.findAll(c)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s.procs[id].stop()
		if id == registerID {
			s.suspects = nil // one that starts again suspects no segment
		}
	}
	return nil
}

func (s *stage) cmdRestart(c *call) error {
	ids, err := s.findAll(c)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if s.procs[id].node != nil {
			return c.object("a process", s.name(id), "one that is down")
		}
	}
	for _, id := range ids {
		if err := s.boot(id); err != nil {
			return err
		}
	}
	return s.run()
}

// logFile is what the log of a segment is called on its disk.
const logFile = "log"

func (s *stage) cmdCorrupt(c *call) error {
	id := s.find(c, c.words[0])
	at := c.must("byte", -maxLSN, maxLSN)
	if err := c.ok(); err != nil {
		return err
	}
	p := s.procs[id]
	if p.node != nil {
		return c.object("a segment", p.name, "one that is down")
	}
	i := slices.IndexFunc(p.disk.files, func(f node.File) bool { return f.Name == logFile })
	if i < 0 {
		return c.object("a segment", p.name, "one with a file "+strconv.Quote(logFile))
	}
	log := p.disk.files[i].Data
	if at < 0 {
		at += len(log)
	}
	if at < 0 || at >= len(log) {
		return c.object("byte", c.values["byte"], fmt.Sprintf("one of the %d bytes of the log", len(log)))
	}
	log[at] ^= 1
	return nil
}

func (s *stage) cmdHold(c *call) error {
	ids, err := s.findAll(c)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if s.procs[id].node == nil {
			return c.object("a process", s.name(id), "one that runs")
		}
	}
	for _, id := range ids {
		s.procs[id].disk.held = true
	}
	return nil
}

func (s *stage) cmdRelease(c *call) error {
	ids, err := s.findAll(c)
	if err != nil {
		return err
	}
	for _, id := range ids {
		p := s.procs[id]
		waiting := p.disk.waiting
		p.disk.held, p.disk.waiting = false, nil
		for i := range waiting {
			if err := s.perform(id, p, &waiting[i]); err != nil {
				return err
			}
		}
	}
	return s.run()
}

// cmdTick fires the timers that are set when the tick comes to their process; one that is set, moved or cleared meanwhile is not
// among them.
func (s *stage) cmdTick(c *call) error {
	times := c.number("times", 1, 1, maxTimes)
	named, err := s.findAll(c)
	if err != nil {
		return err
	}
	for range times {
		for _, id := range s.ids() {
			p := s.procs[id]
			if p.node == nil || len(named) > 0 && !slices.Contains(named, id) {
				continue
			}
			for p.due = slices.Clone(p.timers); len(p.due) > 0; {
				t := p.due[0]
				p.forget(t)
				if err := s.step(id, node.Event{Kind: node.Fired, Timer: t}); err != nil {
					return err
				}
			}
			if err := s.run(); err != nil {
				return err
			}
		}
	}
	return nil
}
