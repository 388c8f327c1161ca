package harness

import (
	"fmt"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"
)

// Counts says what really happened in a run, or in all runs of a campaign together.
type Counts struct {
	Runs         uint64 `json:"runs"`
	BeyondBudget uint64 `json:"beyondBudget"` // of the runs, those whose plan may stop the volume
	Stalled      uint64 `json:"stalled"`      // of these, those that it did stop for good

	Transactions uint64 `json:"transactions"` // that clients began
	Acknowledged uint64 `json:"acknowledged"` // commits that changed something and were answered with OK
	ReadOnly     uint64 `json:"readOnly"`     // commits that changed nothing and were answered with OK
	Aborted      uint64 `json:"aborted"`
	Deadlocks    uint64 `json:"deadlocks"`
	Unknown      uint64 `json:"unknown"` // commits without an answer

	Scans       uint64 `json:"scans"`       // answered
	RowsScanned uint64 `json:"rowsScanned"` // found by them
	Rollbacks   uint64 `json:"rollbacks"`   // to savepoints
	Misused     uint64 `json:"misused"`     // requests that could not be carried out, and were refused as they have to be
	Full        uint64 `json:"full"`        // transactions given up because no page was left

	Structures uint64 `json:"structures"` // structural changes of the tree
	Shrinks    uint64 `json:"shrinks"`    // of these, those that gave a page back
	CacheHits  uint64 `json:"cacheHits"`  // pages that a writer found in its cache
	CacheMiss  uint64 `json:"cacheMisses"`
	Evictions  uint64 `json:"evictions"`
	Probes     uint64 `json:"probes"` // page reads that went to another segment than the fastest
	Hedges     uint64 `json:"hedges"` // page reads for which a second segment was asked
	Stalls     uint64 `json:"stalls"` // writes that waited because the log was too far ahead of the VDL

	Coalesced uint64 `json:"coalesced"` // pages that segments turned log into, each time
	Collected uint64 `json:"collected"` // records that segments dropped, because pages stand for them
	Filled    uint64 `json:"filled"`    // segments that were filled with pages by a peer
	Given     uint64 `json:"given"`     // chunks of pages that segments gave to peers

	Scrubbed        uint64 `json:"scrubbed"`        // log entries and page images that segments verified on their disks
	Rotten          uint64 `json:"rotten"`          // times that they found some which had rotted, and wrote them anew
	BackupConflicts uint64 `json:"backupConflicts"` // objects of which another copy would have put something else

	GrowthWaits uint64 `json:"growthWaits"` // writes that waited because the volume had to grow

	Objects      uint64 `json:"objects"`      // that the object store made durable
	StoreStarts  uint64 `json:"storeStarts"`  // of the object store, after a crash
	Restores     uint64 `json:"restores"`     // volumes restored and held against the log
	RestoredRows uint64 `json:"restoredRows"` // of them
	RestoreUndos uint64 `json:"restoreUndos"` // changes that restoring took back, because their transactions had not committed

	TakeOvers  uint64 `json:"takeOvers"`  // epochs won from a predecessor
	Recoveries uint64 `json:"recoveries"` // of these, those that got as far as opening
	Cuts       uint64 `json:"cuts"`       // recoveries whose cut removed a record that some segment held
	Undos      uint64 `json:"undos"`      // undo records written
	PageReads  uint64 `json:"pageReads"`  // page images that segments sent to writers

	PagesCompared uint64 `json:"pagesCompared"` // images compared with those of another segment
	RowsAudited   uint64 `json:"rowsAudited"`   // rows read after the last recovery
	Certificates  uint64 `json:"certificates"`  // histories whose claimed order proves them

	Readers ReaderCounts `json:"readers"`

	Trace conform.Counts `json:"trace"`
	World sim.Counts     `json:"world"`
}

// Add adds d to c.
func (c *Counts) Add(d *Counts) {
	mine, other := c.fields(), d.fields()
	for i := range mine {
		*mine[i] += *other[i]
	}
	c.Readers.add(&d.Readers)
	c.Trace.Add(d.Trace)
	c.World.Add(d.World)
}

func (c *Counts) fields() []*uint64 {
	return []*uint64{&c.Runs, &c.BeyondBudget, &c.Stalled, &c.Transactions, &c.Acknowledged, &c.ReadOnly, &c.Aborted, &c.Deadlocks,
		&c.Unknown, &c.Scans, &c.RowsScanned, &c.Rollbacks, &c.Misused, &c.Full,
		&c.Structures, &c.Shrinks, &c.CacheHits, &c.CacheMiss, &c.Evictions, &c.Probes, &c.Hedges, &c.Stalls, &c.GrowthWaits, &c.Coalesced, &c.Collected, &c.Filled, &c.Given, &c.Scrubbed, &c.Rotten, &c.BackupConflicts, &c.Objects, &c.StoreStarts, &c.Restores, &c.RestoredRows, &c.RestoreUndos, &c.TakeOvers, &c.Recoveries, &c.Cuts, &c.Undos, &c.PageReads, &c.PagesCompared, &c.RowsAudited, &c.Certificates}
}

// VacuityError says that something that runs are meant to do has not happened in any of them, so that what they passed
// proves less than it seems to.
type VacuityError struct {
	Runs    uint64
	Missing []string
}

func (e *VacuityError) Error() string {
	return fmt.Sprintf("expected each of these at least once, found none in %d runs: %s", e.Runs, strings.Join(e.Missing, ", "))
}

// addWriter adds what one writer did.
func (c *Counts) addWriter(w writer.Counters) {
	c.Structures += w.Structures
	c.Shrinks += w.Shrinks
	c.CacheHits += w.Hits
	c.CacheMiss += w.Misses
	c.Evictions += w.Evictions
	c.Probes += w.Probes
	c.Hedges += w.Hedges
	c.Stalls += w.Stalls
	c.GrowthWaits += w.Growth
}

// addSegment adds what one segment did.
func (c *Counts) addSegment(s segment.Counters) {
	c.Coalesced += s.Coalesced
	c.Collected += s.Collected
	c.Filled += s.Filled
	c.Given += s.Given
	c.Scrubbed += s.Scrubbed
	c.Rotten += s.Rotten
	c.BackupConflicts += s.Conflicts
}

// An Amount is one of the things that were counted.
type Amount struct {
	Name  string
	Value uint64
	Must  bool // runs are there to do it: without it, what they passed proves less than it seems to
}

// Amounts lists what was counted, in the order in which people want to know.
func (c *Counts) Amounts() []Amount {
	all := []Amount{
		{"runs", c.Runs, true},
		{"simulated events", c.World.Events, true},
		{"commits acknowledged", c.Acknowledged, true},
		{"read-only commits acknowledged", c.ReadOnly, true},
		{"commits of unknown outcome", c.Unknown, true},
		{"aborted transactions", c.Aborted, true},
		{"deadlocks", c.Deadlocks, true},
		{"scans", c.Scans, true},
		{"rows scanned", c.RowsScanned, true},
		{"rollbacks to savepoints", c.Rollbacks, true},
		{"wrong requests refused", c.Misused, true},
		{"transactions that found the volume full", c.Full, false},
		{"structural changes of the tree", c.Structures, true},
		{"of these, pages given back", c.Shrinks, true},
		{"pages found in a cache", c.CacheHits, true},
		{"pages that a cache missed", c.CacheMiss, true},
		{"pages evicted", c.Evictions, true},
		{"page reads that probed another segment", c.Probes, true},
		{"page reads that asked a second segment", c.Hedges, true},
		{"writes that waited for the log", c.Stalls, true},
		{"pages that log was turned into", c.Coalesced, true},
		{"records collected", c.Collected, true},
		{"segments filled by a peer", c.Filled, true},
		{"chunks of pages given to a peer", c.Given, true},
		{"entries and images scrubbed", c.Scrubbed, true},
		{"files that had rotted, written anew", c.Rotten, false},
		{"objects stored", c.Objects, true},
		{"restarts of the object store", c.StoreStarts, true},
		{"volumes restored", c.Restores, true},
		{"rows of restored volumes", c.RestoredRows, true},
		{"changes that restoring took back", c.RestoreUndos, true},
		{"rows that moved to another group", c.Trace.Moves, true},
		{"transactions that went on after a rollback", c.Trace.Resumed, true},
		{"replacements of a segment begun", c.Trace.Begun, true},
		{"of these, in the middle of another", c.Trace.Nested, true},
		{"replacements finished", c.Trace.Finished, true},
		{"replacements taken back", c.Trace.Reverted, true},
		{"groups that came into use", c.Trace.Grown, true},
		{"writes that waited for a group", c.GrowthWaits, true},
		{"take-overs", c.TakeOvers, true},
		{"recoveries opened", c.Recoveries, true},
		{"cuts that removed records", c.Cuts, true},
		{"undos", c.Undos, true},
		{"crashes", c.World.Crashes, true},
		{"restarts", c.World.Restarts, true},
		{"messages", c.World.Messages, true},
		{"messages lost", c.World.LostByLoss, true},
		{"messages stopped by a partition", c.World.LostByCut, true},
		{"messages duplicated", c.World.Duplicated, true},
		{"unsynced pieces lost in a crash", c.World.LostPieces, true},
		{"disks lost", c.World.Wipes, true},
		{"records that came by gossip", c.Trace.Gossips, true},
		{"page reads from segments", c.PageReads, true},
		{"pages compared", c.PagesCompared, true},
		{"rows audited", c.RowsAudited, true},
		{"steps of the trace validated", c.Trace.Steps, true},
		{"invariants evaluated", c.Trace.Evaluations, true},
		{"histories proved by certificate", c.Certificates, true},
		{"runs beyond the fault budget", c.BeyondBudget, false},
		{"of these, stopped for good", c.Stalled, false},
		{"most bytes on disks and on their way in a run", c.World.MostBytes, false},
	}
	return append(all, c.Readers.amounts()...)
}

// Activity returns a *VacuityError when the runs did not do something that they are there to do.
func Activity(c *Counts) error {
	e := VacuityError{Runs: c.Runs}
	for _, a := range c.Amounts() {
		if a.Must && a.Value == 0 {
			e.Missing = append(e.Missing, a.Name)
		}
	}
	if len(e.Missing) == 0 {
		return nil
	}
	return &e
}

// A ProgressError says what did not happen in time after the faults had ended.
type ProgressError struct {
	Waited string          // for what
	Bound  faults.Duration // how long
	State  []string        // what the writers and segments were doing, one line each
}

func (e *ProgressError) Error() string {
	return fmt.Sprintf("expected %s within %v of virtual time, found none; %s",
		e.Waited, time.Duration(e.Bound), strings.Join(e.State, "; "))
}

// A WireError is a message that its sender must not send.
type WireError struct {
	From    string
	Message string // its type
	Want    string
}

func (e *WireError) Error() string {
	return fmt.Sprintf("expected %s from %s, found %s", e.Want, e.From, e.Message)
}

// A PanicError is a node that ended itself.
type PanicError struct {
	Node  string
	Event string // what it was told
	Value string // what it panicked with
	Stack string
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("%s panicked on %s: %s\n%s", e.Node, e.Event, e.Value, e.Stack)
}
