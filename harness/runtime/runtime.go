// Package runtime is the interface between a run and what carries it out. The run adds processes and clients, lets time
// pass, injects faults, and asks nodes how they are; it does not know whether virtual time, goroutines or machines stand
// behind. The simulator (package sim) is one runtime.
//
// It is for authors of another runtime, or of an Actor. Use package harness instead when an engineer has a system to run.
package runtime

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// A Runtime runs nodes and clients. It is for one goroutine.
type Runtime interface {
	// Add makes a process known. It does not run before Start.
	Add(Process) error
	// AddClient makes a client known and starts it.
	AddClient(Client) error
	// Start starts a process, now.
	Start(node.ID) error
	// Stop crashes a process, if it runs, and leaves it down until Start: the end of the faults does not bring it back.
	Stop(node.ID) error
	// RunUntil lets the run go on until the given time, or until something ends it earlier. It asks the condition, which may
	// be nil, before the first event and after each.
	RunUntil(until node.Time, met func() bool) Outcome
	// At has the harness do something at a time, or now if that time is past. It is an event of the run, under that name.
	At(t node.Time, name string, do func())

	Now() node.Time
	// Name returns the name of a process or client, and Named the address of a name.
	Name(node.ID) string
	Named(name string) (node.ID, bool)
	// Newest returns the process of a role that was started last, or 0.
	Newest(role string) node.ID
	// Processes lists the processes, clients excepted, in the order in which they were added.
	Processes() []node.ID
	// Started returns how often a process was started.
	Started(node.ID) uint32
	// Running tells whether a process is up.
	Running(node.ID) bool
	// State returns what a running node tells of itself. It is false where the process is down, or tells nothing.
	State(node.ID) (node.State, bool)
	// States returns what every node that ever ran told last, those that died included, in the order in which they were
	// made.
	States() []Told
	// Ask hands a running node a message and returns the messages with which it answers at once. The run does not go on
	// meanwhile and does not see it, so the message must be a read. It is false where the process is down.
	Ask(node.ID, node.Message) ([]node.Message, bool)

	// Stored returns how many bytes the disk of a process holds.
	Stored(node.ID) int
	// Unanswered lists the requests of clients that reached a process which has run ever since, and that it has not answered, in
	// the order in which they came to each.
	Unanswered() []Unanswered

	// Noted returns how many things have happened: the number of the last event. Hash is the chain over all of them, and so the
	// identity of the run.
	Noted() uint64
	Hash() uint64
	// Counts says what has happened so far.
	Counts() Counts

	// Close stops all nodes. The runtime can still be asked, not run.
	Close()
}

// An Injector lets the faults of a plan happen. It is apart from Runtime, because a runtime may be able to run nodes and
// not to strike them.
type Injector interface {
	// Install schedules the faults of a plan, and the end of all of them at its horizon. What it cannot carry out it refuses
	// before anything is scheduled, with a *faults.FaultError that wraps ErrNotSupported where no process is to blame.
	Install(faults.Plan, Succession) error
}

// ErrNotSupported says that a runtime has no way to carry out a fault.
var ErrNotSupported = errors.New("the runtime cannot carry it out")

// Succession says how a system replaces the one node that is active at a time, such as a writer.
type Succession struct {
	// Role is the role that the active node has; "" says that no role is replaced.
	Role string
	// Start starts the next node of the role.
	Start func()
	// Promote is the message by which the control plane has another node take the role; nil says that none can.
	Promote node.Message
}

// Unanswered is a request that a running process has not answered.
type Unanswered struct {
	Process, Client node.ID
	Request         uint64 // its ID
	Op              node.Op
	Since           node.Time
}

// Told is what one incarnation of a node told last.
type Told struct {
	ID    node.ID
	State node.State
}

// A Process is one that a runtime can run.
type Process struct {
	ID   node.ID // not zero, unique among processes and clients
	Name string  // unique, as fault plans say it: "segment 2/5"
	Zone string  // availability zone; "" stands outside of all
	// Host is the machine that the process runs on, for a network of limited bandwidth; "" is one of its own.
	Host string
	// Role is a name that fault plans use for several processes in turn: "writer" is the writer that was started last.
	Role string
	// Disk is what its disk holds before it starts for the first time.
	Disk []node.File
	// New makes the node of one incarnation. The hook is that of the process.
	New func(hook node.Hook) node.Node
}

// A Client is an actor with an address.
type Client struct {
	ID    node.ID
	Name  string // "client 3"
	Zone  string
	Actor Actor
}

// Stopper is implemented by nodes that hold something that must be let go when their process dies, such as
// coroutines. Stop is called once, after the last step of an incarnation.
type Stopper interface{ Stop() }

// An Observer hears what nodes say while a run goes on. It must not change anything, nor keep the pointers; what it
// wants done it schedules with At.
type Observer interface {
	// Traced brings one trace of a step, before the step's effects are carried out.
	Traced(now node.Time, from node.ID, t *node.Trace)
	// Delivered tells of a message right before its receiver gets it.
	Delivered(now node.Time, from, to node.ID, m node.Message)
}

// An Actor is a client: it lives in the harness, outside of what is tested, and is as deterministic as a node. It
// never crashes; it can be paused and cut off.
type Actor interface {
	// Start is called once, when the run begins or, for a client that is added later, at once.
	Start(now node.Time, out *Calls)
	// Reply brings an answer of a process.
	Reply(now node.Time, from node.ID, r node.Reply, out *Calls)
	// Timer is called when a timer that was set and not cleared is due.
	Timer(now node.Time, t node.Timer, out *Calls)
}

// Calls collects what an actor wants done. The runtime reads List and empties it after each step.
type Calls struct {
	List []Call
	// Redrawn is the seed that what the actor begins is drawn from, once the rest of a run is drawn anew; 0 before, and in other runs.
	Redrawn uint64
}

// A Call is one thing that an actor wants done.
type Call struct {
	Kind    node.EffectKind // DoSend stands for a request; else DoSetTimer or DoClearTimer
	To      node.ID
	Request node.Request
	Timer   node.Timer
	After   time.Duration
}

// Request sends r to a process. The caller must not change r.Rows after that. A connection between a client and a process
// keeps order and never duplicates, but what it carries can be lost, as when it breaks.
func (c *Calls) Request(to node.ID, r node.Request) {
	c.List = append(c.List, Call{Kind: node.DoSend, To: to, Request: r})
}

// SetTimer fires t once, after that long. Setting it again moves it.
func (c *Calls) SetTimer(t node.Timer, after time.Duration) {
	c.List = append(c.List, Call{Kind: node.DoSetTimer, Timer: t, After: after})
}

// ClearTimer forgets t.
func (c *Calls) ClearTimer(t node.Timer) {
	c.List = append(c.List, Call{Kind: node.DoClearTimer, Timer: t})
}

// Ending is why a run stopped.
type Ending uint8

const (
	// TimeReached: the time that was asked for has come.
	TimeReached Ending = iota + 1
	// ConditionMet: the condition that was asked for holds.
	ConditionMet
	// Idle: nothing is left to happen.
	Idle
	// LimitExceeded: the run used up what its limits allow. How it would have ended is unknown.
	LimitExceeded
	// Panicked: a node panicked with something else than a node.Crash. That is a finding about the node.
	Panicked
	// Breached: a node that is another program broke the protocol by which it is run. That is a finding about the program.
	Breached
)

func (e Ending) String() string {
	names := [...]string{"", "time reached", "condition met", "idle", "limit exceeded", "panicked", "breached"}
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("Ending(%d)", uint8(e))
}

// Names of the limits, as Outcome.Limit says them.
const (
	LimitEvents = "events"
	LimitTime   = "time"
	LimitBytes  = "bytes"
)

// Broken tells whether a run that stopped so does not go on.
func (e Ending) Broken() bool { return e == LimitExceeded || e == Panicked || e == Breached }

// Outcome says how a run stopped.
type Outcome struct {
	End   Ending
	Limit string // LimitExceeded: LimitEvents, LimitTime or LimitBytes
	At    node.Time

	Process node.ID // Panicked, Breached: whose node
	Name    string
	Event   string // what it was handling, on one line
	Value   string // what it panicked with
	Stack   string // differs between builds; no part of the run's identity
	Breach  *Breach
}

func (o Outcome) String() string {
	at := time.Duration(o.At)
	switch o.End {
	case LimitExceeded:
		return fmt.Sprintf("the limit on %s was exceeded at %v", o.Limit, at)
	case Panicked:
		return fmt.Sprintf("%s panicked at %v: %s (handling: %s)", o.Name, at, o.Value, o.Event)
	case Breached:
		return fmt.Sprintf("%s broke the protocol at %v: %v (handling: %s)", o.Name, at, o.Breach, o.Event)
	}
	return fmt.Sprintf("%v at %v", o.End, at)
}
