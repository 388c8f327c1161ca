package node

import "fmt"

// Action is a step of the volume's model (spec/tla/Volume.tla), under the model's name.
type Action uint8

const (
	ActWrite     Action = iota + 1 // the writer gave the record its LSN
	ActCommit                      // the writer gave the record its LSN
	ActUndo                        // the writer gave the record its LSN
	ActStore                       // the record is durable on the segment, whether the writer or a peer sent it
	ActAdvance                     // the writer's VCL moved
	ActAck                         // the commit's reply leaves for the client
	ActStart                       // the epoch register's compare-and-swap is won
	ActFence                       // the segment's promise is durable
	ActDecide                      // the new writer has computed its cut
	ActJoin                        // the segment's new history is durable
	ActOpen                        // the new writer begins to serve
	ActHolds                       // no step: a restarted segment says all that it holds, to be compared
	ActStructure                   // the writer gave the record its LSN
	ActFill                        // page images and log that a peer sent are durable on the segment
	// ActChange and ActGrow: a group has another membership, or came into use. The register tells it when the geometry is
	// durable there: Epoch is that of the writer that asked, the newest, and Position the geometry's version; a register that
	// starts again tells the last one again. The writer tells it once more, with no Position, when it has heard and from
	// then on goes by it. In between the register is one version ahead of the writer, never more. A new writer goes by what
	// the register has at its Start from then on, and tells nothing.
	ActChange
	ActGrow
)

// IssueOf returns the action by which a writer gives a record of that kind its LSN, or 0.
func IssueOf(k Kind) Action {
	switch k {
	case Write:
		return ActWrite
	case Commit:
		return ActCommit
	case Undo:
		return ActUndo
	case Structure:
		return ActStructure
	}
	return 0
}

func (a Action) String() string {
	names := [...]string{"", "Write", "Commit", "Undo", "Store", "Advance", "Ack", "Start", "Fence", "Decide", "Join", "Open", "Holds", "Structure", "Fill", "Change", "Grow"}
	if int(a) < len(names) {
		return names[a]
	}
	if name, is := a.readers(); is {
		return name
	}
	if name, is := a.older(); is {
		return name
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// A Trace is what a node says about one step that it took, at the moment at which the model takes it. Which node
// said it, and when, the runtime knows. It is small, because nodes tell one with almost every event: what few actions
// say, or what is long, stands in Detail.
type Trace struct {
	Action Action
	From   ID     // Store, Fill: the peer that sent it, 0 when it was a writer; otherwise the node that the step is about
	Epoch  Epoch  // the writer's own epoch; for Fence and Join the one promised or joined; for Store the line that the segment follows
	Page   PageID // ReadCached, ReadStored, WalPage
	LSN    LSN    // Advance: the new VCL; Decide: the cut; Holds, Fill: up to which the segment has the group's records as page images
	Txn    Txn    // Ack, WalAck; Begin, ReadCached, ReadStored, Show, Finish: the query
	// Position counts what a segment appended to its log. A segment that crashed between a sync and its completion
	// finds, when it starts again, durable entries that it never spoke of, and cannot know which; so it tells all
	// that may be new, and the listener skips positions that it has heard. A register does the same with epochs.
	Position uint64
	Record   *Record // Write, Commit, Undo, Structure, Store, WalIssue
	Detail   Detail  // what else the action says; nil for most
}

// A Detail is what an action says beyond the fields that all of them share, one type for each family of actions.
type Detail interface{ detail() }

// DecideStep is the detail of Decide.
type DecideStep struct {
	Answers []ID    // the segments whose answers the cut was computed from
	History History // the new one
}

// JoinStep is the detail of Join.
type JoinStep struct{ History History }

// HoldsStep is the detail of Holds.
type HoldsStep struct {
	Promise Epoch
	History History
	Held    []Held // every record that the segment holds on its line, by LSN
}

// GeometryStep is the detail of Change and Grow.
type GeometryStep struct {
	Group   Group
	Members Membership // the new one
}

func (*DecideStep) detail()   {}
func (*JoinStep) detail()     {}
func (*HoldsStep) detail()    {}
func (*GeometryStep) detail() {}

// History returns the line's history that a Decide, a Join or a Holds names, and nil for another step.
func (t *Trace) History() History {
	switch d := t.Detail.(type) {
	case *DecideStep:
		return d.History
	case *JoinStep:
		return d.History
	case *HoldsStep:
		return d.History
	}
	return nil
}

// DetailOf returns the detail of t when it has that type, and the zero value otherwise: a listener then objects to
// what is missing as to anything else that is wrong.
func DetailOf[D any](t *Trace) (d D) {
	if p, is := any(t.Detail).(*D); is && p != nil {
		return *p
	}
	return d
}
