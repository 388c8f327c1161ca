package faults

import "slices"

// A Point is a place in the implementation's code, before or after a step that matters, where a process can crash
// (see CrashAtPoint). Every durable step, of a segment, the register or the object store, has both. The catalogue and the gofail comments of the implementation name the same points; a test
// holds them against each other.
type Point struct {
	Name string
	Role Role   // of the nodes that pass it
	When string // which moment it is
}

// Points lists all points by name.
func Points() []Point {
	return []Point{
		{"objectsAfterKeep", Objects, "an object is durable, who put it does not know yet"},
		{"objectsAfterSettle", Objects, "what a start found is durable again, nothing is served yet"},
		{"objectsBeforeKeep", Objects, "an object was put, nothing of it is durable"},
		{"objectsBeforeSettle", Objects, "a start has read the objects, and not yet made sure of them"},
		{"registerAfterChange", Register, "the geometry is durable, the writer does not know yet"},
		{"registerAfterSwap", Register, "the epoch is durable, the winner does not know yet"},
		{"registerBeforeChange", Register, "another geometry was asked for, nothing of it is durable"},
		{"registerBeforeSwap", Register, "an epoch was asked for, nothing of it is durable"},
		{"segmentAfterFill", Segment, "the images that a peer gave are durable, nobody knows yet"},
		{"segmentAfterImages", Segment, "page images are durable, and the log still has what they stand for"},
		{"segmentAfterJoin", Segment, "the new history is durable, the writer does not know yet"},
		{"segmentAfterPromise", Segment, "the promise is durable, the writer does not know yet"},
		{"segmentAfterSettle", Segment, "what a start found is durable again, nothing is served yet"},
		{"segmentAfterSync", Segment, "the log is durable, nothing of it is acknowledged"},
		{"segmentAfterTrim", Segment, "the log is only what is above the images, and durable"},
		{"segmentAfterUpload", Segment, "an object is durable, and the segment that put it has just heard"},
		{"segmentBeforeFill", Segment, "all images of a peer are there, none of them is durable"},
		{"segmentBeforeImages", Segment, "log was turned into page images, nothing of them is durable"},
		{"segmentBeforeJoin", Segment, "a new history was asked for, nothing of it is durable"},
		{"segmentBeforePromise", Segment, "a promise was asked for, nothing of it is durable"},
		{"segmentBeforeSettle", Segment, "a start has read the log, and not yet made durable what it keeps"},
		{"segmentBeforeSync", Segment, "the log was appended to and is not durable"},
		{"segmentBeforeTrim", Segment, "page images are durable, the shorter log is not"},
		{"segmentBeforeUpload", Segment, "an object is about to be put"},
		{"writerAfterAck", Writer, "the client has been told of its commit"},
		{"writerAfterChange", Writer, "another geometry is durable, the writer has just heard"},
		{"writerAfterDecide", Writer, "the cut is computed, no segment knows"},
		{"writerAfterOpen", Writer, "the volume is open, nothing is undone"},
		{"writerAfterRollback", Writer, "a transaction is back at its savepoint, its client does not know"},
		{"writerAfterStructure", Writer, "a structural change has its LSNs, and is sent to nobody yet"},
		{"writerAfterUndo", Writer, "a compensation record has its LSN, and is sent to nobody yet"},
		{"writerBeforeAck", Writer, "a commit is complete, its client does not know"},
		{"writerBeforeChange", Writer, "another geometry is about to be asked for"},
		{"writerBeforeDecide", Writer, "enough segments have answered the fence"},
		{"writerBeforeFence", Writer, "the epoch is won, no segment is fenced, or not every one"},
		{"writerBeforeOpen", Writer, "what is kept is on write quorums, nothing is served"},
		{"writerBeforeRollback", Writer, "a transaction is about to go back to a savepoint"},
		{"writerBeforeStructure", Writer, "the tree is about to change its structure"},
		{"writerBeforeUndo", Writer, "a change of an unfinished transaction is about to be taken back"},
	}
}

// LookupPoint returns the point of that name, or an *UnknownError.
func LookupPoint(name string) (Point, error) {
	return lookup("point", name, Points(), func(p Point) string { return p.Name })
}

// Check is one of the checks that every simulated run is held to.
type Check string

// The checks.
const (
	Trace           Check = "trace"           // the run's trace is a behaviour of the model, and the model's invariants hold
	Serializability Check = "serializability" // what the clients saw is strictly serializable
	Linearizability Check = "linearizability" // every call seems to take effect at one moment
	Durability      Check = "durability"      // what was acknowledged is there after the last recovery, and nothing uncommitted
	Pages           Check = "pages"           // segments that claim the same SCL on the same history hold the same pages
	Progress        Check = "progress"        // when the faults have ended, the volume goes on
	Replies         Check = "replies"         // what cannot be had is refused for the right reason, and nothing else is
	Snapshots       Check = "snapshots"       // what readers show is a committed prefix of the log, and never an older one than before
	Restore         Check = "restore"         // a volume restored to a point is the committed prefix of the log up to it
	Tree            Check = "tree"            // the log makes a tree that is whole and holds what was written
	CatchUp         Check = "catch-up"        // once nothing goes wrong, every live member has the newest history and all of its group's log
	Wholeness       Check = "wholeness"       // and is not damaged, unless its disk is
	Replacement     Check = "replacement"     // and one that was lost is no member where a spare is there
	Collection      Check = "collection"      // and log turns into pages
	Floor           Check = "floor"           // and the floor is where the last read point is
	Answers         Check = "answers"         // every call is answered, or the node that it was made to is dead
	Traffic         Check = "traffic"         // messages and their bytes stay inside an envelope
	Writes          Check = "writes"          // what is written to disks does
	Storage         Check = "storage"         // what a copy's disk holds does
	Upkeep          Check = "upkeep"          // how much is scrubbed does, from below too
	Sanity          Check = "sanity"          // no node panics, and a run stays within its limits
	Activity        Check = "activity"        // the run did something: commits, recoveries, cuts, undos
	Wire            Check = "wire"            // the writer sends log records and never a page
	Determinism     Check = "determinism"     // the same configuration gives the same run
	Contract        Check = "contract"        // what clients saw is what a stranger's workload promises; of systems that have one
)

// Checks lists all checks.
func Checks() []Check {
	return []Check{Trace, Serializability, Linearizability, Durability, Pages, Progress, Replies, Snapshots, Restore, Tree, CatchUp, Wholeness, Replacement, Collection, Floor, Answers, Traffic, Writes, Storage, Upkeep, Sanity, Activity}
}

// LookupBug returns the planted bug of that name, or an *UnknownError.
func LookupBug(name string) (PlantedBug, error) {
	return lookup("planted bug", name, PlantedBugs(), func(b PlantedBug) string { return b.Name })
}

func lookup[T any](what, name string, all []T, nameOf func(T) string) (T, error) {
	if i := slices.IndexFunc(all, func(x T) bool { return nameOf(x) == name }); i >= 0 {
		return all[i], nil
	}
	var known []string
	for _, x := range all {
		known = append(known, nameOf(x))
	}
	var none T
	return none, &UnknownError{What: what, Found: name, Known: known}
}
