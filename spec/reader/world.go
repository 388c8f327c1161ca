package reader

import (
	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the module: how large the volume is, how far its behaviours may go, and which guard, if
// any, is broken.
type World struct {
	Groups      int    `json:"groups"`      // protection groups; page k lives in group ((k−1) mod groups)+1
	Members     int    `json:"members"`     // segments of each group
	WriteQuorum int    `json:"writeQuorum"` // W, counted in each group
	ReadQuorum  int    `json:"readQuorum"`  // R, counted in each group
	Pages       int    `json:"pages"`
	Readers     int    `json:"readers"`  // read-only databases
	Txns        int    `json:"txns"`     // transactions are 1..Txns and start in that order
	MaxLSN      int    `json:"maxLSN"`   // longest log
	MaxEpoch    int    `json:"maxEpoch"` // most writers, the first one included
	Mtr         bool   `json:"mtr"`      // a record may leave its mini-transaction unfinished
	Leases      bool   `json:"leases"`   // readers lose what they have and begin anew, and writers give them up
	Bug         string `json:"bug"`      // "none" or empty, or the name of the one guard that is broken
	Symmetry    bool   `json:"symmetry"` // readers are interchangeable, and members, in all groups alike
}

// What a State can hold.
const (
	maxGroups  = 2
	maxMembers = 4
	maxPages   = 3
	maxReaders = 3
	maxTxns    = 5
	maxLSN     = 5
	maxEpochs  = 3
)

// The broken guards, with what is wrong about each.
const (
	noBug = "none"
	// The lecture's two dangers.
	showUncommitted = "show-uncommitted" // a query is shown changes whose commit it has not seen
	viewInsideMtr   = "view-inside-mtr"  // records are applied one by one, not mini-transaction by mini-transaction
	// The view.
	applyBeyondVDL  = "apply-beyond-vdl"  // records are applied as they arrive, durable or not
	vdlGoesBack     = "vdl-goes-back"     // an older word of the VDL replaces a newer one
	commitByArrival = "commit-by-arrival" // commit records above the snapshot count
	// Pages.
	cachePastSnapshot = "cache-past-snapshot" // a page of the cache is served though it has moved past the snapshot
	newestFromSegment = "newest-from-segment" // a segment answers with the newest page that it can make
	laggingSegment    = "lagging-segment"     // a segment answers though it lacks records below the snapshot
	dropInFlight      = "drop-in-flight"      // records of a page are dropped while its read is on the way
	// Collection.
	collectAtVDL = "collect-at-vdl" // the PGMRPL is the writer's own read point
	reportView   = "report-view"    // a reader reports its view, and forgets the query that reads below it
	reportTold   = "report-told"    // a reader reports the VDL that it was told of, and forgets that its stream lags
	// Promotion.
	promoteAtView         = "promote-at-view"         // the new writer takes what it has itself for the log
	promoteKeepsCache     = "promote-keeps-cache"     // the new writer keeps pages that are as far behind as it was
	promoteForgetsReaders = "promote-forgets-readers" // the new writer supposes that all readers are at its VDL
	// Leases.
	anewKeepsCache  = "anew-keeps-cache"  // a reader that begins anew keeps its cache, and has not the records between
	givenUpIsHeld   = "given-up-is-held"  // a reader that was given up goes on as if its read points held something back
	followKeepsTail = "follow-keeps-tail" // a reader keeps what the old writer sent and the new one cut
)

// Bugs returns the values that World.Bug may have, "none" not among them.
func Bugs() []string {
	return []string{
		showUncommitted, viewInsideMtr, applyBeyondVDL, vdlGoesBack, commitByArrival,
		cachePastSnapshot, newestFromSegment, laggingSegment, dropInFlight,
		collectAtVDL, reportView, reportTold,
		promoteAtView, promoteKeepsCache, promoteForgetsReaders, followKeepsTail,
		anewKeepsCache, givenUpIsHeld,
	}
}

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// Validate says whether the world can be searched: whether it contradicts itself, and whether a state of it fits. W and R
// that do not overlap contradict nothing; that they are wrong is for the search to find.
func (w World) Validate() error {
	if err := check.InRange(
		check.Between("groups", w.Groups, 1, maxGroups, ""),
		check.Between("members", w.Members, 1, maxMembers, ""),
		check.Between("writeQuorum", w.WriteQuorum, 1, w.Members, " (members)"),
		check.Between("readQuorum", w.ReadQuorum, 1, w.Members, " (members)"),
		check.Between("pages", w.Pages, 1, maxPages, ""),
		check.Between("readers", w.Readers, 1, maxReaders, ""),
		check.Between("txns", w.Txns, 1, maxTxns, ""),
		check.Between("maxLSN", w.MaxLSN, 1, maxLSN, ""),
		check.Between("maxEpoch", w.MaxEpoch, 1, maxEpochs, ""),
	); err != nil {
		return err
	}
	return check.KnownBug(w.Bug, Bugs())
}

// ParseWorld reads a world from JSON. Keys that are left out are zero or false, which is refused where it means nothing;
// so is a key that is not known.
func ParseWorld(text []byte) (World, error) {
	return check.ParseWorld(text, func(w *World) *string { return &w.Bug })
}
