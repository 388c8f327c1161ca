package quorum

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the module: how many replicas there are, who writes and reads how often, and which
// guard, if any, is broken.
type World struct {
	Replicas    int `json:"replicas"`    // N
	WriteQuorum int `json:"writeQuorum"` // W: a write waits for so many replicas to store it
	ReadQuorum  int `json:"readQuorum"`  // R: a read waits for so many answers
	Writers     int `json:"writers"`     // clients that write
	Writes      int `json:"writes"`      // of each writer
	Readers     int `json:"readers"`     // clients that read
	Reads       int `json:"reads"`       // of each reader

	// VersionsFrom says where a writer learns how far the counter is: "own" (it counts its own writes), or by asking a
	// "write-quorum" or a "read-quorum" first. Empty is "own" for a writer that is alone and "write-quorum" for several.
	VersionsFrom string `json:"versionsFrom,omitempty"`
	WriteBack    bool   `json:"writeBack"` // a read stores what it returns on W replicas first
	Bug          string `json:"bug"`       // "none" or empty, or the name of the one guard that is broken
	// Invariants names those that are checked; without it all are.
	Invariants []string `json:"invariants,omitempty"`
	Symmetry   bool     `json:"symmetry"` // replicas may be taken for one another
}

// What a state can hold.
const (
	maxReplicas = 9 // three in each of three zones
	maxClients  = 5
	maxOps      = 8
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// The values of World.VersionsFrom.
const (
	own         = "own"
	writeQuorum = "write-quorum"
	readQuorum  = "read-quorum"
)

// The values of World.Bug.
const (
	none                 = "none"
	shortWriteQuorum     = "short-write-quorum"     // a write ends at W−1
	shortReadQuorum      = "short-read-quorum"      // a read waits for R−1 answers
	shortWriteBack       = "short-write-back"       // a read ends when W−1 replicas have what it returns
	vote                 = "vote"                   // a read takes what most of its answers say
	takeOlder            = "take-older"             // a replica stores every write that comes, newer or older
	writeBackBlind       = "write-back-blind"       // so it does for what a read writes back
	versionWithoutWriter = "version-without-writer" // a version is the counter alone
	countRestarts        = "count-restarts"         // a writer forgets what it has counted
	amnesia              = "amnesia"                // a replica loses its disk and does not say so
	ackBeforeDurable     = "ack-before-durable"     // a replica acknowledges a write before it is stored
)

// Bugs returns the broken variants, "none" not among them.
func Bugs() []string {
	return []string{shortWriteQuorum, shortReadQuorum, shortWriteBack, vote, takeOlder, writeBackBlind,
		versionWithoutWriter, countRestarts, amnesia, ackBeforeDurable}
}

// check returns the world with its defaults filled in, or what is wrong with it: where it contradicts itself, or does
// not fit. Quorums that do not overlap contradict nothing; that they are wrong is for the search to find.
func (w World) check() (World, error) {
	if err := check.InRange(
		check.Between("replicas", w.Replicas, 1, maxReplicas, ""),
		check.Between("writeQuorum", w.WriteQuorum, 1, w.Replicas, " (replicas)"),
		check.Between("readQuorum", w.ReadQuorum, 1, w.Replicas, " (replicas)"),
		check.Between("writers", w.Writers, 1, maxClients, ""),
		check.Between("writes", w.Writes, 1, maxOps, ""),
		check.Between("readers", w.Readers, 1, maxClients, ""),
		check.Between("reads", w.Reads, 1, maxOps, ""),
	); err != nil {
		return w, err
	}
	if n := w.clients(); n > maxClients {
		return w, check.Wrong("writers + readers", fmt.Sprint(n), fmt.Sprintf("at most %d", maxClients))
	}
	if n := w.ops(); n > maxOps {
		return w, check.Wrong("writers × writes + readers × reads", fmt.Sprint(n), fmt.Sprintf("at most %d operations", maxOps))
	}
	switch {
	case w.VersionsFrom != "":
		if known := []string{own, writeQuorum, readQuorum}; !slices.Contains(known, w.VersionsFrom) {
			return w, check.Wrong("versionsFrom", fmt.Sprintf("%q", w.VersionsFrom), "one of "+strings.Join(known, ", "))
		}
	case w.Writers == 1:
		w.VersionsFrom = own
	default:
		w.VersionsFrom = writeQuorum
	}
	if w.Bug == "" {
		w.Bug = none
	}
	if err := check.KnownBug(w.Bug, Bugs()); err != nil {
		return w, err
	}
	switch {
	case w.Bug == shortReadQuorum && w.ReadQuorum == 1:
		return w, check.Wrong("readQuorum", "1 with the bug "+w.Bug, "at least 2: a read that asks nobody has nothing to return")
	case (w.Bug == shortWriteBack || w.Bug == writeBackBlind) && !w.WriteBack:
		return w, check.Wrong("writeBack", "false with the bug "+w.Bug, "true: there is nothing else to break")
	}
	for i, name := range w.Invariants {
		if known := invariantNames(); !slices.Contains(known, name) {
			return w, check.Wrong(fmt.Sprintf("invariants[%d]", i), fmt.Sprintf("%q", name), "one of "+strings.Join(known, ", "))
		}
	}
	return w, nil
}

func (w World) clients() int { return w.Writers + w.Readers }
func (w World) ops() int     { return w.Writers*w.Writes + w.Readers*w.Reads }

// writeOps returns how many operations are writes; they come first.
func (w World) writeOps() int { return w.Writers * w.Writes }

func (w World) isWrite(o int) bool { return o < w.writeOps() }

// client returns whose operation o is: writers are clients 0 to Writers−1, readers come after them.
func (w World) client(o int) int {
	if w.isWrite(o) {
		return o / w.Writes
	}
	return w.Writers + (o-w.writeOps())/w.Reads
}

// turn returns which of its client's operations o is, counted from 0.
func (w World) turn(o int) int {
	if w.isWrite(o) {
		return o % w.Writes
	}
	return (o - w.writeOps()) % w.Reads
}
