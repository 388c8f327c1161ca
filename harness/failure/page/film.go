package page

import "github.com/firstgap/firstgap/impl/node"

// A Film is what a page draws: what happened on which lane, in order, and how things stood in between. It knows nothing of runs, models or
// histories, so that one drawing serves all three.
type Film struct {
	Title   string // of the drawing: "The smallest run"
	Unit    string // what one moment is called: "event", "step"
	Timed   bool   // the moments have times
	Wide    bool   // the moments are few, and the bands have words to be read
	Whole   bool   // the lanes are the parts of one state, which is shown as a whole
	Lanes   []Lane
	Moments []Moment // by number, ascending
	States  []State  // by moment, ascending: what the nodes say of themselves
	Model   []State  // by moment, ascending: what the model has of them
	Bands   []Band
	Grid    *Grid  // nil where nothing stands at LSNs
	Bad     uint64 // number of the moment that must not have happened; 0 for none
	Refused uint64 // number of the moment from which on the model takes no step, 0 for none
	Start   uint64 // number of the moment that the page shows first; 0 is the bad one, or the last
	Opens   string // what stands at Start, where that is not the bad moment: "where the waiting began"
	Ending  uint64 // number of the moment from which on all runs do the same, whatever they are of; 0 for none
	Named   []int  // lanes that are shown though none of their moments is
	Ends    []int  // lanes that are there for the ending alone: they have no part in what the film is about
}

// A Lane is a node, a client, or a variable of a model.
type Lane struct {
	Name string
	Kind string // "client", "writer", "segment"; lanes of a kind stand together
	Zone string // availability zone, or ""
}

// A Weight says how much a moment matters to whoever wants to know why.
type Weight uint8

// The weights. A page that has no room for everything leaves out the lightest first.
const (
	Plain  Weight = iota // a message, a timer, an operation of a disk
	Told                 // a step that a node tells, a request, a reply
	Struck               // a crash, a start, a loss, a fault, a new epoch; what led to a moment of the chain
	Linked               // of the chain, a cause, or the bad step
)

// A Moment is one thing that happened.
type Moment struct {
	Number uint64 // ascending, from 1; an initial state may have 0
	At     node.Time
	Lane   int // place in Lanes, -1 for none: it is of all of them
	From   int // the lane that it came from, -1 for none
	Kind   string
	Cause  uint64 // number of the moment that it is an effect of, 0 for none
	Weight Weight
	Words  string
}

// A State is one thing that became otherwise on a lane.
type State struct {
	Moment uint64
	Lane   int
	Field  string
	Value  string // "" takes the field away
}

// A Band is a time on a lane: it is down, cut off, or an operation is under way.
type Band struct {
	Lane     int    // -1 for all of them
	From, To uint64 // moments; To is 0 where it does not end
	Kind     string // "down", "cut", "fault", "operation", "core", "blamed"
	Words    string
}

// A Grid says which lane holds what at which LSN.
type Grid struct {
	Columns []Column
	Rows    []Row  // by LSN, ascending
	Cells   []Cell // by moment, ascending
	Lines   []Line // by moment, ascending
}

// A Column is a lane that holds records.
type Column struct {
	Lane  int
	Group int // from 1; 0 where there are no groups
}

// A Row is an LSN.
type Row struct {
	LSN   node.LSN
	From  uint64 // the moment from which on a record stands there
	Group int    // whose record stands there
	Last  bool   // it ends a mini-transaction
	Words string // the record, or the records of several epochs
}

// How a column stands to an LSN.
type How uint8

// The ways.
const (
	Gone  How = iota // it does not hold it any more: cut away
	Holds            // it holds the record of an epoch
	Image            // it has pages of everything up to To, and no further
	Lost             // it had said that it holds it, and does not
)

// A Cell says that from a moment on a column stands otherwise to some LSNs.
type Cell struct {
	Moment   uint64
	Column   int
	From, To node.LSN
	How      How
	Epoch    node.Epoch
}

// A Line says where a line across the grid is from a moment on: VDL, VCL, a cut.
type Line struct {
	Moment uint64
	Name   string // "VDL of epoch 2"
	LSN    node.LSN
}
