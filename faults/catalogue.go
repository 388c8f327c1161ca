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
)

// Checks lists all checks.
func Checks() []Check {
	return []Check{Trace, Serializability, Linearizability, Durability, Pages, Progress, Replies, Snapshots, Restore, Tree, CatchUp, Wholeness, Replacement, Collection, Floor, Answers, Traffic, Writes, Storage, Upkeep, Sanity, Activity}
}

// A PlantedBug is a place in the implementation where, in a build with the overlay, a rule can be broken on purpose,
// to find out whether the checks would notice.
type PlantedBug struct {
	Name   string  // of its gofail point
	Rule   string  // the rule that it breaks
	Expect []Check // at least one of these must object
}

// PlantedBugs lists all planted bugs.
func PlantedBugs() []PlantedBug {
	return []PlantedBug{
		{"bugAckAtWMinusOne",
			"A commit is acknowledged when VDL has reached its LSN, and VCL counts what a write quorum of each group holds (SIGMOD 2017 §2.1, §4.2.2).",
			[]Check{Trace, Durability, Serializability}},
		{"bugAckIgnoresLower",
			"A commit is acknowledged only when every record at or below its LSN is complete, not its own alone (SIGMOD 2017 §4.2.2).",
			[]Check{Trace, Durability, Serializability}},
		{"bugAckBeforeSync",
			"A segment persists a record before it acknowledges it (SIGMOD 2017 §3.3, steps 1 and 2).",
			[]Check{Trace, Durability, Serializability}},
		{"bugPromiseNotPersisted",
			"A segment's promise to refuse lower epochs is durable before its answer leaves; a crash must not undo it (SIGMOD 2018 §2.4).",
			[]Check{Trace, Durability, Serializability}},
		{"bugRecoverWithoutFence",
			"The recovery's read is the fence: a segment that answered a new writer acknowledges nothing to an older one (SIGMOD 2018 §2.4).",
			[]Check{Trace, Durability, Serializability}},
		{"bugOpenBeforeRepair",
			"A new writer serves only when what it keeps is on a write quorum of every group again; else the next recovery may read others and drop it (SIGMOD 2018 §2.4).",
			[]Check{Trace, Durability, Serializability, Pages}},
		{"bugCutAtHighest",
			"Recovery cuts the log at the first missing LSN, not at the highest that was found (SIGMOD 2017 §4.1).",
			[]Check{Trace, Durability, Serializability, Pages, Progress}},
		{"bugCutPerGroup",
			"There is one cut for the volume: an LSN that is missing in one group cuts every group (SIGMOD 2017 §4.1).",
			[]Check{Trace, Durability, Serializability, Pages, Progress}},
		{"bugGossipRevivesCut",
			"Segments gossip only along the same history: a record that was cut never comes back (SIGMOD 2017 §4.1).",
			[]Check{Trace, Durability, Serializability, Pages}},
		{"bugUndoSkipped",
			"A new writer undoes the transactions that had not committed, before anybody else may have their rows (SIGMOD 2017 §4.3).",
			[]Check{Trace, Durability, Serializability}},
		{"bugApplyBeyondVDL",
			"A reader applies only what is durable: a record beyond the VDL may be cut (SIGMOD 2017 §4.2.4).",
			[]Check{Trace, Snapshots}},
		{"bugApplySplit",
			"A reader applies a mini-transaction as a whole or not at all: half a split is no tree (SIGMOD 2017 §4.2.4).",
			[]Check{Trace, Snapshots}},
		{"bugDropInFlight",
			"Records of a page that is on its way to a reader's cache are kept for it: later ones would be applied over a gap (SIGMOD 2017 §4.2.4).",
			[]Check{Trace, Snapshots, Sanity}},
		{"bugReportView",
			"A reader reports the lowest point at which it reads, and not the one at which it would begin: segments drop what is below (SIGMOD 2017 §4.2.3).",
			[]Check{Trace}},
		{"bugFollowKeepsTail",
			"A reader that follows a new writer drops what that one cut (SIGMOD 2017 §4.3).",
			[]Check{Trace, Snapshots}},
		{"bugGeometryUnheard",
			"A writer goes by another membership, or allocates of a new group, when that is durable in the register and not before: its successor must learn of it (SIGMOD 2018 §4.1).",
			[]Check{Trace, Durability, Serializability}},
		{"bugWriteFirstSet",
			"While a group's membership changes, a record is written when it is on a write quorum of every set (SIGMOD 2018 §4.1).",
			[]Check{Trace, Durability, Serializability}},
		{"bugTrimBeforeImages",
			"A segment drops log only when the page images that stand for it are durable; a crash in between would leave neither (SIGMOD 2017 §3.3, steps 5 and 7).",
			[]Check{Trace, Pages, Durability}},
		{"bugFillHalf",
			"The page images that a peer gives count when all of them are there: the first ones stand for nothing (SIGMOD 2018 §4.1).",
			[]Check{Pages, Serializability, Snapshots, Sanity}},
		{"bugWipedServes",
			"A segment that has lost its disk has no vote: as if it were new, it would make a read quorum of segments that never had a record (SIGMOD 2017 §2.1).",
			[]Check{Trace, Durability, Serializability}},
		{"bugFloorForgetsReaders",
			"Segments keep the versions that any instance may still read: the floor is the lowest read point of all, not the writer's own (SIGMOD 2017 §4.2.3).",
			[]Check{Trace, Snapshots}},
		{"bugFloorForgetsActive",
			"Segments keep the records of transactions that have not ended: whoever recovers has to undo them (SIGMOD 2017 §4.3).",
			[]Check{Progress, Durability}},
		{"bugStructureInPieces",
			"The records of one structural change are one mini-transaction, and only the last of them is a consistency point: half a split is no tree (SIGMOD 2017 §4.1).",
			[]Check{Tree, Snapshots}},
		{"bugUndoOldPage",
			"Undo is logical: a row is taken back on the page where it is now, not where it was written (SIGMOD 2017 §4.3).",
			[]Check{Tree, Durability, Sanity}},
		{"bugRollbackForgets",
			"Going back to a savepoint takes back everything that was changed since, the first change as well as the last (SIGMOD 2017 §5).",
			[]Check{Serializability, Durability}},
		{"bugScanLocksRows",
			"A scan locks its range, not the rows that it found: one that comes into it is a phantom (SIGMOD 2017 §5).",
			[]Check{Serializability}},
		{"bugLocksAtRequest",
			"A transaction keeps its locks until its commit is durable: what others read before, a recovery may cut (SIGMOD 2017 §4.2.2).",
			[]Check{Trace, Serializability}},
		{"bugBackupUnseen",
			"Log is backed up before it is dropped: who is not the one to put an object sees whether it is there (SIGMOD 2017 §3.3, step 6).",
			[]Check{Restore}},
		{"bugBackupLatest",
			"The page images of a backup are as of the LSN that they stand for, and not as of now (SIGMOD 2017 §3.3, step 6).",
			[]Check{Restore}},
		{"bugOldStripes",
			"A new writer learns with its epoch where every page is: one that goes by how the volume began looks for the newer pages in the wrong group (SIGMOD 2017 §2.2).",
			[]Check{Trace, Sanity, Serializability}},
		{"bugReadsRMinusOne",
			"A recovery hears a read quorum of every group, or it misses what was acknowledged (SIGMOD 2017 §2.1).",
			[]Check{Trace, Durability, Serializability}},
		{"bugNewcomerVotes",
			"Who is to take a segment's place has no read vote until it is filled: with an empty newcomer, a read quorum may hold nothing of an earlier write (SIGMOD 2018 §4.1).",
			[]Check{Trace, Durability, Serializability}},
		{"bugOpenAtOneGroup",
			"A new writer serves when what it keeps is on a write quorum of every group, not of one (SIGMOD 2018 §2.4).",
			[]Check{Trace, Durability, Serializability}},
		{"bugSCLSkipsHole",
			"A segment's SCL stops before the first record that it lacks, by the back-links (SIGMOD 2017 §4.2.1).",
			[]Check{Trace, Durability, Serializability, Pages}},
		{"bugDoubtIsAborted",
			"A commit whose record is logged may be durable, and a writer that is replaced does not say that it is not (SIGMOD 2017 §4.2.2).",
			[]Check{Serializability, Durability}},
		{"bugBeyondReadPoint",
			"A page is sent as of the read point: what comes behind it may be cut, or is in the middle of a mini-transaction (SIGMOD 2017 §4.2.3).",
			[]Check{Trace, Snapshots, Pages, Sanity, Tree, Answers, Floor}},
		{"bugStaleJoin",
			"A segment that has promised a newer epoch takes no older history any more (SIGMOD 2018 §2.4).",
			[]Check{Trace, Durability, Serializability}},
		{"bugReadsUnconfirmed",
			"A writer that was replaced has an old cache: what a transaction only read, it confirms (SIGMOD 2018 §2.4).",
			[]Check{Serializability}},
		{"bugReadBehind",
			"A page is read from a segment that is complete to the read point, and the segment sees to that: a reader asks any (SIGMOD 2017 §4.2.3).",
			[]Check{Trace, Snapshots}},
		{"bugSharedEpoch",
			"No two writers share an epoch: two recoveries can fence disjoint read quorums, so one compare-and-swap decides (SIGMOD 2018 §2.4).",
			[]Check{Trace, Sanity, Durability, Serializability}},
		{"bugFencedBeforeSync",
			"A segment answers a fence when its promise is durable, and not before: a crash would let the old writer have its last acknowledgement (SIGMOD 2018 §2.4).",
			[]Check{Trace, Durability, Serializability}},
		{"bugFailedSyncCounts",
			"A sync that failed made nothing durable: what it was to cover is acknowledged by no segment, and a later sync does not make up for it (SIGMOD 2017 §3.3).",
			[]Check{Trace, Durability, Serializability, Pages, Restore, Wholeness}},
		{"bugNoChecksum",
			"A segment stores only records that fit their checksum: what was damaged on the way would be acknowledged, and given to peers, as if it were the writer's (SIGMOD 2017 §3.2).",
			[]Check{Trace, Pages, Durability, Serializability, Restore, Tree, Sanity, Snapshots}},
	}
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
