package transitions

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// Addresses. Writers come behind the segments.
const (
	registerID   node.ID = 1
	firstSegment node.ID = 11
	firstWriter  node.ID = 101
	firstClient  node.ID = 1001
)

// A Scope is a small world: what the model may do in it, and what a schedule may do to processes.
type Scope struct {
	Name  string
	About string       // in words
	Model volume.World // of one group, with Answers and Symmetry: replicas are taken for one another
	// Crashes is how many segments a schedule may crash. The segment starts again at once.
	Crashes int
	// Gaps names the classes of gaps that the world has. One that comes to nothing has lost its ground, and one that is not named here
	// explains nothing.
	Gaps []string
}

// cluster is the processes of one scope, what they are made of, and what all of them have sent.
type cluster struct {
	scope    Scope
	volume   node.Volume
	of       aurora.Implementation
	hook     node.Hook
	nodes    aurora.Nodes
	messages messages
	leftOut  map[string]bool // of prints
	prefix   int             // the last LSN of the set-up: the model's LSN 0
}

// An UntoldError says that a node does not tell what it holds, so that nothing could be compared.
type UntoldError struct {
	Process string
	Node    any
}

func (e *UntoldError) Error() string {
	return fmt.Sprintf("transitions: expected %s to have the methods by which our own nodes tell what they hold, found a %T", e.Process, e.Node)
}

// A ScopeError says which part of a scope cannot be driven, and what it may be.
type ScopeError struct{ Field, Expected, Found string }

func (e *ScopeError) Error() string {
	return fmt.Sprintf("transitions: %s: expected %s, found %s", e.Field, e.Expected, e.Found)
}

// validate refuses a world for which there are no schedules: what this package has no event for.
func (s *Scope) validate() error {
	w := s.Model
	switch {
	case w.Groups != 1:
		return &ScopeError{"groups", "1", fmt.Sprint(w.Groups)}
	case !w.Answers || !w.Symmetry:
		return &ScopeError{"answers and symmetry", "true", fmt.Sprintf("%t and %t", w.Answers, w.Symmetry)}
	case w.Mtr || w.Structures || w.Moves || w.Savepoints || w.Members > 1 || w.Spares > 0 || w.Grows || w.RecordAcks || w.LAL > 0 || len(w.Tails) > 0:
		return &ScopeError{"mtr, structures, moves, savepoints, members, spares, grows, recordAcks, lal, tails", "none of them", fmt.Sprintf("%+v", w)}
	case 1+w.Replicas+w.MaxEpoch > mostProcesses:
		return &ScopeError{"replicas and maxEpoch", fmt.Sprintf("at most %d together", mostProcesses-1), fmt.Sprint(w.Replicas + w.MaxEpoch)}
	case w.Txns > 64:
		return &ScopeError{"txns", "at most 64", fmt.Sprint(w.Txns)}
	case s.Crashes < 0:
		return &ScopeError{"crashes", "0 or more", fmt.Sprint(s.Crashes)}
	}
	return nil
}

// newCluster refuses a scope with a ScopeError, and nodes that tell nothing with an UntoldError.
func newCluster(s Scope, of aurora.Implementation, hook node.Hook) (*cluster, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	w := s.Model
	c := &cluster{scope: s, of: of, hook: hook, leftOut: leftOut, nodes: aurora.Nodes{
		GossipEvery: faults.Duration(time.Second), RetryEvery: faults.Duration(time.Second), CachePages: 16, LogAhead: 1 << 20, IdleAfter: faults.Duration(time.Hour),
	}}
	c.volume = node.Volume{WriteQuorum: w.WriteQuorum, ReadQuorum: w.ReadQuorum, PageSize: 512, Register: registerID, Segments: [][]node.ID{nil}}
	for r := range w.Replicas {
		c.volume.Segments[0] = append(c.volume.Segments[0], firstSegment+node.ID(r))
	}
	c.messages.known = map[string]int32{}
	for place := range c.processes() {
		n := c.make(place)
		_, tells := n.(writerNode)
		switch {
		case place == 0:
			_, tells = n.(registerNode)
		case c.isSegment(place):
			_, tells = n.(segmentNode)
		}
		if !tells {
			return nil, &UntoldError{c.name(place), n}
		}
	}
	return c, nil
}

// The places of processes: the register, the segments, the writers.
func (c *cluster) segments() int        { return c.scope.Model.Replicas }
func (c *cluster) processes() int       { return 1 + c.segments() + c.scope.Model.MaxEpoch }
func (c *cluster) isWriter(p int) bool  { return p > c.segments() }
func (c *cluster) isSegment(p int) bool { return p > 0 && p <= c.segments() }
func (c *cluster) writer(e int) int     { return c.segments() + e }
func (c *cluster) segment(r int) int    { return 1 + r }

func (c *cluster) id(place int) node.ID {
	switch {
	case place == 0:
		return registerID
	case c.isSegment(place):
		return firstSegment + node.ID(place-1)
	}
	return firstWriter + node.ID(place-c.segments()-1)
}

// place returns the place of an address, -1 if it is no process of the world.
func (c *cluster) placeOf(id node.ID) int {
	for p := range c.processes() {
		if c.id(p) == id {
			return p
		}
	}
	return -1
}

func (c *cluster) name(place int) string {
	switch {
	case place == 0:
		return "the register"
	case c.isSegment(place):
		return fmt.Sprintf("segment 1/%d", place)
	}
	return fmt.Sprintf("writer %d", place-c.segments())
}

// make returns a node that has not started.
func (c *cluster) make(place int) node.Node {
	switch {
	case place == 0:
		return c.of.Register(registerID, &c.volume, c.nodes, c.hook)
	case c.isSegment(place):
		return c.of.Segment(c.id(place), &c.volume, c.nodes, c.hook)
	}
	return c.of.Writer(c.id(place), &c.volume, c.nodes, c.hook)
}

func (c *cluster) freshDisk(place int) []node.File {
	if c.isSegment(place) {
		return c.of.SegmentDisk
	}
	return nil
}

// An eventKind is what happens to a process.
type eventKind uint8

const (
	started   eventKind = iota + 1 // for the first time
	delivered                      // a message
	diskEnded                      // the disk operation that is next
	ticked                         // a writer's timer
	asked                          // a segment asks a peer for what it lacks
	called                         // a client calls
)

// A crash is how a process dies right after what happens to it, and starts again.
type crash uint8

const (
	noCrash   crash = iota
	lostCrash       // what was on its way to the disk is lost
	keptCrash       // it is kept
	tornCrash       // it is kept but for its last byte
)

func (c crash) String() string {
	return [...]string{"", "crashes, and what was on its way to the disk is lost", "crashes, and what was on its way to the disk is kept",
		"crashes, and what was on its way to the disk is kept but for the last byte"}[c]
}

// An event is one thing that happens to one process.
type event struct {
	kind    eventKind
	from    node.ID // delivered: the sender; asked: the peer
	message node.Message
	number  int32 // delivered: of the message
	op      node.Op
	txn     int
	key     int
	crash   crash // of which nothing is left to do
}

func (c *cluster) describe(place int, ev *event) string {
	switch {
	case ev.kind == 0:
		return c.name(place) + " " + ev.crash.String()
	case ev.crash != noCrash:
		return c.happens(place, ev) + ", and " + ev.crash.String()
	}
	return c.happens(place, ev)
}

func (c *cluster) happens(place int, ev *event) string {
	name := c.name(place)
	switch ev.kind {
	case started:
		return name + " starts"
	case delivered:
		return fmt.Sprintf("%s receives of %s: %s", name, c.name(c.placeOf(ev.from)), c.describeMessage(ev.message))
	case diskEnded:
		return "the disk of " + name + " ends its next operation"
	case ticked:
		return "the timer of " + name + " fires"
	case asked:
		return fmt.Sprintf("%s asks %s for what it lacks", name, c.name(c.placeOf(ev.from)))
	case called:
		if ev.op == node.OpPut {
			return fmt.Sprintf("%s is called: transaction %d puts row %s", name, ev.txn, rowName(ev.key))
		}
		return fmt.Sprintf("%s is called: transaction %d, %s", name, ev.txn, ev.op)
	}
	return fmt.Sprintf("%s: event %d", name, ev.kind)
}

// describeMessage names a message and the records that it carries, by the LSNs of the run.
func (c *cluster) describeMessage(m node.Message) string {
	switch m := m.(type) {
	case *node.Append:
		return fmt.Sprintf("append %s, VDL %d", records(m.Records), m.VDL)
	case *node.GossipGive:
		return "gossip-give " + records(m.Records)
	case *node.Appended:
		return fmt.Sprintf("appended, epoch %d, SCL %d", m.Epoch, m.SCL)
	case *node.Joined:
		return fmt.Sprintf("joined, epoch %d, SCL %d", m.Epoch, m.SCL)
	case *node.Fenced:
		return fmt.Sprintf("fenced, epoch %d, SCL %d, %d held", m.Epoch, m.SCL, len(m.Held))
	}
	return m.Type()
}

func records(rs []*node.Record) string {
	s := "of nothing"
	for i, r := range rs {
		if i == 0 {
			s = ""
		} else {
			s += ", "
		}
		s += fmt.Sprintf("%d/%d", r.LSN, r.Epoch)
	}
	return s
}

// messages numbers what was sent: who sent what to whom.
type messages struct {
	known    map[string]int32
	list     []letter
	identity node.Identity
}

// A letter is one message with its sender and the place of its receiver.
type letter struct {
	from    node.ID
	to      int32
	message node.Message
}

// number returns the number of a message, -1 if it is for no process of the world.
func (c *cluster) number(from node.ID, s sent) int32 {
	to := c.placeOf(s.to)
	if to < 0 {
		return -1
	}
	key := fmt.Sprintf("%d %d %s %s", from, s.to, s.message.Type(), c.messages.identity.Of(s.message))
	n, known := c.messages.known[key]
	if !known {
		n = int32(len(c.messages.list))
		c.messages.known[key] = n
		c.messages.list = append(c.messages.list, letter{from, int32(to), s.message})
	}
	return n
}
