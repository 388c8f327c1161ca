package membership

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the module: the segments, the quorums, how far behaviours may go, and which guard,
// if any, is broken.
type World struct {
	Steady   int `json:"steady"`   // slots whose segment is never doubted
	Zone     int `json:"zone"`     // slots in the zone that may be lost as a whole
	Doubtful int `json:"doubtful"` // slots whose segment may be replaced by another

	WriteQuorum int `json:"writeQuorum"` // W, of a set that has all the slots
	ReadQuorum  int `json:"readQuorum"`  // R, of a set that has all the slots
	ShortWrite  int `json:"shortWrite"`  // write quorum of a set without the zone; 0 where there is no zone
	ShortRead   int `json:"shortRead"`   // read quorum of a set without the zone; 0 where there is no zone

	MaxLSN   int `json:"maxLSN"`   // records of the log
	MaxEpoch int `json:"maxEpoch"` // memberships, the first one included

	StaleReads bool   `json:"staleReads"` // a reader may trust a membership that it once learnt, and not ask the register
	Bug        string `json:"bug"`        // "none" or empty, or the name of the one guard that is broken
	Symmetry   bool   `json:"symmetry"`   // the checker may take slots of one kind for one another
}

// What a State can hold.
const (
	maxSlots    = 9 // three in each of three zones
	maxDoubtful = 2 // so that there are at most four quorum sets
	maxSegments = maxSlots + maxDoubtful
	maxSets     = 1 << maxDoubtful
	maxEpochs   = 6
	maxLSN      = 9
)

// The guards that can be broken.
const (
	none = "none"
	// voteAtOnce is the read rule as SIGMOD 2018 §4.1 prints it: a read quorum of any of the sets will do,
	// whichever segments are in it.
	voteAtOnce = "vote-at-once"
	// directSwap replaces a segment in one step, without the two sets in between.
	directSwap = "direct-swap"
	// unfilledVote lets a newcomer be the only one in its slot, and vote, before it is filled.
	unfilledVote = "unfilled-vote"
	// filledOnce lets a newcomer that left vote as soon as it returns, on the strength of what it was filled with before.
	filledOnce = "filled-once"
	// singleSource takes a newcomer for filled when it has copied from one segment.
	singleSource = "single-source"
	// copyUnfenced copies from segments that still serve the membership of before.
	copyUnfenced = "copy-unfenced"
	// copyFromNewcomer copies from segments that have no vote.
	copyFromNewcomer = "copy-from-newcomer"
	// storeStale lets a segment store for a writer that goes by an older membership than it knows.
	storeStale = "store-stale"
	// writeEitherSet completes a record that a write quorum of one set has.
	writeEitherSet = "write-either-set"
	// countAll completes a record that W segments have, members or not, old and new of one slot counted twice.
	countAll = "count-all"
	// useUninstalled goes by a membership, and changes it again, before anyone has learnt of it.
	useUninstalled = "use-uninstalled"
	// installAtReadQuorum takes a membership for installed when a read quorum has learnt of it.
	installAtReadQuorum = "install-at-read-quorum"
)

// Bugs returns the values that World.Bug may have other than "none".
func Bugs() []string {
	return []string{voteAtOnce, directSwap, unfilledVote, filledOnce, singleSource, copyUnfenced, copyFromNewcomer,
		storeStale, writeEitherSet, countAll, useUninstalled, installAtReadQuorum}
}

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// Slots returns how many segments the group has when none is being replaced and the zone is there.
func (w World) Slots() int { return w.Steady + w.Zone + w.Doubtful }

// Validate says whether the world contradicts itself, or a state of it does not fit. Quorums that do not overlap
// contradict nothing; that they are wrong is for the search to find.
func (w World) Validate() error {
	slots := w.Slots()
	short := slots - w.Zone
	least := 1 // of a quorum without the zone
	if w.Zone == 0 {
		short, least = 0, 0
	}
	if err := check.InRange(
		check.Between("steady", w.Steady, 0, maxSlots, ""),
		check.Between("zone", w.Zone, 0, maxSlots, ""),
		check.Between("doubtful", w.Doubtful, 0, maxDoubtful, ""),
		check.Between("steady + zone + doubtful", slots, 1, maxSlots, ""),
		check.Between("zone + doubtful", w.Zone+w.Doubtful, 1, maxSlots, ", or nothing could change"),
		check.Between("steady + doubtful", w.Steady+w.Doubtful, 1, maxSlots, ", or nothing were left without the zone"),
		check.Between("writeQuorum", w.WriteQuorum, 1, slots, " (slots)"),
		check.Between("readQuorum", w.ReadQuorum, 1, slots, " (slots)"),
		check.Between("shortWrite", w.ShortWrite, least, short, " (slots without the zone; 0 where there is no zone)"),
		check.Between("shortRead", w.ShortRead, least, short, " (slots without the zone; 0 where there is no zone)"),
		check.Between("maxLSN", w.MaxLSN, 1, maxLSN, ""),
		check.Between("maxEpoch", w.MaxEpoch, 1, maxEpochs, ""),
	); err != nil {
		return err
	}
	return check.KnownBug(w.Bug, Bugs())
}

// ParseWorld reads a world from JSON and validates it.
func ParseWorld(text []byte) (World, error) {
	return check.ParseWorld(text, func(w *World) *string { return &w.Bug })
}

// Config returns the configuration by which TLC checks the module on this world.
func (w World) Config() string {
	var b strings.Builder
	slots := func(letter string, n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("%s%d", letter, i+1)
		}
		return "{" + strings.Join(names, ", ") + "}"
	}
	fmt.Fprintf(&b, "SPECIFICATION Spec\nCONSTANTS\n  Steady = %s\n  Zone = %s\n  Doubtful = %s\n",
		slots("s", w.Steady), slots("z", w.Zone), slots("d", w.Doubtful))
	fmt.Fprintf(&b, "  W = %d\n  R = %d\n  ShortW = %d\n  ShortR = %d\n  MaxLSN = %d\n  MaxEpoch = %d\n",
		w.WriteQuorum, w.ReadQuorum, w.ShortWrite, w.ShortRead, w.MaxLSN, w.MaxEpoch)
	bug := w.Bug
	if bug == "" {
		bug = none
	}
	fmt.Fprintf(&b, "  StaleReads = %s\n  Bug = \"%s\"\n", strings.ToUpper(fmt.Sprint(w.StaleReads)), bug)
	if w.Symmetry {
		b.WriteString("SYMMETRY Symmetry\n")
	}
	b.WriteString("INVARIANTS TypeOK Durable FreshRead CompleteIsStored\nCHECK_DEADLOCK FALSE\n")
	return b.String()
}
