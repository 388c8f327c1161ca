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
// said it, and when, the runtime knows.
type Trace struct {
	Action  Action
	Epoch   Epoch      // the writer's own epoch; for Fence and Join the one promised or joined; for Store the line that the segment follows
	Record  *Record    // Write, Commit, Undo, Structure, Store
	From    ID         // Store, Fill: the peer that sent it, 0 when it was a writer
	LSN     LSN        // Advance: the new VCL; Decide: the cut; Holds, Fill: up to which the segment has the group's records as page images
	Txn     Txn        // Ack
	Group   Group      // Change, Grow
	Members Membership // Change: the new one
	// Position counts what a segment appended to its log. A segment that crashed between a sync and its completion
	// finds, when it starts again, durable entries that it never spoke of, and cannot know which; so it tells all
	// that may be new, and the listener skips positions that it has heard. A register does the same with epochs.
	Position uint64
	Answers  []ID          // Decide: the segments whose answers the cut was computed from
	History  History       // Decide, Join: the new history; Holds: the segment's
	Promise  Epoch         // Holds
	Held     []Held        // Holds: every record that the segment holds on its line, by LSN
	Page     PageID        // ReadCached, ReadStored
	VDL      LSN           // Anew
	Shown    *Shown        // Show
	Found    []*Record     // WalFound
	Register *RegisterStep // the actions of the versioned register
	Disk     *DiskStep     // the actions of replicated disks
}
