package block

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// Status is how far an instance is with its disk.
type Status uint8

const (
	Opening Status = iota + 1 // not usable yet, or not at the moment
	Ready
	Refused // attached to another instance, from the start or by now: for ever
	Broken  // what it held is gone or unreadable: for ever
)

func (s Status) String() string {
	return [...]string{"new", "opening", "ready", "attached elsewhere", "broken"}[s]
}

// The lanes of a disk. Each has one write under way at a time, and does not wait for the other.
const (
	LogLane  = 0
	PageLane = 1
	lanes    = 2
)

// token names an ask of a manager: no two of all starts of a process share it.
func token(start, ask uint32) uint64 { return uint64(start)<<32 | uint64(ask) }

// startOf returns the start that a token is of.
func startOf(token uint64) uint32 { return uint32(token >> 32) }

// issue gives a write its name, and tells it.
func issue(lane uint8, w *node.DiskWrite, id node.WriteID, out *node.Effects) {
	w.ID = id
	what := *w
	out.Tell(node.Trace{Action: node.ActDiskIssue, Detail: &node.DiskStep{Lane: lane, Write: id, What: &what}})
}

func tellWrite(a node.Action, lane uint8, id node.WriteID, out *node.Effects) {
	out.Tell(node.Trace{Action: a, Detail: &node.DiskStep{Lane: lane, Write: id}})
}

// A Device is a disk as an instance uses it. It belongs to the instance's node, which lets it see every event first.
type Device interface {
	// Start begins to make the disk usable, with the event by which the node started.
	Start(ev node.Event, out *node.Effects)
	// Step lets the device see an event, and tells whether it was its own.
	Step(ev node.Event, out *node.Effects) bool
	// Tick has it ask again for what is overdue. The instance calls it at an interval of its own.
	Tick(out *node.Effects)
	Status() Status
	// Private tells that no other instance can ever use the disk: what its instance remembers of it is so.
	Private() bool
	// Behind tells that another copy may lack blocks that are read here, when the last write of them was not done. Who goes
	// by such a block writes it again before it drops what made it.
	Behind() bool
	// Write begins a write. The lane must not be busy.
	Write(lane uint8, w node.DiskWrite, out *node.Effects)
	// Busy tells whether a write of the lane is under way; when it is over, it is durable on every copy.
	Busy(lane uint8) bool
	// Read asks for a block, and ReadLog for all of the log area. They arrive by Next, whenever that is.
	Read(number uint32, out *node.Effects)
	ReadLog(out *node.Effects)
	// Next returns what has arrived, one after the other.
	Next() (Arrival, bool)
}

// An Arrival is what was read: a block, or the log area.
type Arrival struct {
	Log    bool
	Number uint32
	Base   uint64 // the log area's first position
	Data   []byte // nil for a block that was never written
}

// arrivals is a queue of them.
type arrivals []Arrival

func (a *arrivals) next() (Arrival, bool) {
	if len(*a) == 0 {
		return Arrival{}, false
	}
	first := (*a)[0]
	*a = (*a)[1:]
	return first, true
}

// A Local is the disk in the instance itself: when its host is lost, so is everything on it.
type Local struct {
	store   store
	status  Status
	busy    [lanes]node.Token
	ends    uint64 // where the log area ends when the write under way is done
	durable uint64 // where it ends for certain
	arrived arrivals
}

// NewLocal returns the disk of the instance that it belongs to.
func NewLocal() *Local { return &Local{} }

// Start implements Device.
func (l *Local) Start(ev node.Event, out *node.Effects) {
	found, err := l.store.load(ev.Files)
	switch {
	case err != nil:
		l.status = Broken
	case !found:
		l.status = Opening
		l.store.format(out)
	default:
		// What a crash has left of writes that no sync covered is read now, and the next crash could still lose it.
		l.status = Opening
		l.store.token++
		out.Sync(l.store.token)
	}
	l.durable = l.store.end()
}

// Step implements Device.
func (l *Local) Step(ev node.Event, _ *node.Effects) bool {
	if ev.Kind != node.DiskDone || ev.Token > l.store.token {
		return false
	}
	if l.status == Opening {
		l.status = Ready
	}
	for lane := range l.busy {
		if l.busy[lane] == ev.Token {
			l.busy[lane] = 0
			if lane == LogLane {
				l.durable = l.ends
			}
		}
	}
	return true
}

// Tick implements Device.
func (l *Local) Tick(*node.Effects) {}

// Status implements Device.
func (l *Local) Status() Status { return l.status }

// Private implements Device.
func (l *Local) Private() bool { return true }

// Behind implements Device.
func (l *Local) Behind() bool { return false }

// Write implements Device.
func (l *Local) Write(lane uint8, w node.DiskWrite, out *node.Effects) {
	token, err := l.store.write(&w, out)
	if err != nil {
		panic(err) // the disk's only user knows where its log ends
	}
	l.busy[lane] = token
	if lane == LogLane {
		l.ends = l.store.end()
	}
}

// Busy implements Device.
func (l *Local) Busy(lane uint8) bool { return l.busy[lane] != 0 }

// Read implements Device.
func (l *Local) Read(number uint32, _ *node.Effects) {
	l.arrived = append(l.arrived, Arrival{Number: number, Data: l.store.blocks[number]})
}

// ReadLog implements Device.
func (l *Local) ReadLog(*node.Effects) {
	l.arrived = append(l.arrived, Arrival{Log: true, Base: l.store.base, Data: l.store.log})
}

// Next implements Device.
func (l *Local) Next() (Arrival, bool) { return l.arrived.next() }

// Image returns the disk as a copy of it is to be: the log area as far as it is durable, and the blocks, in order. The
// blocks may be ahead of the disk, but never of that log. No caller may change them.
func (l *Local) Image() (base uint64, log []byte, blocks []node.Block) {
	return l.store.base, slices.Clone(l.store.log[:l.durable-l.store.base]), l.store.image()
}
