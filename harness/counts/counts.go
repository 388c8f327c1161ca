// Package counts says what really happened in a run, or in all runs of a campaign together. Its struct is the one table of
// what is counted: sums, JSON and text follow from its fields (package tally).
//
// Not for what one node counts: its author tells that in the node's state (node.State).
package counts

import (
	"cmp"
	"slices"
	"time"

	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/reader"
)

// Counts is what happened. The zero value is nothing.
//
// The numbers of by were set as package tally says, from thousands of runs of the project's own system. Whoever changes what
// configurations are generated, so that something becomes rarer, has to measure its share again. What other systems count, too,
// has 100 at least: their faults are drawn from other plans, in which it may be rarer.
type Counts struct {
	Runs         uint64 `json:"runs" text:"runs" by:"1"`
	BeyondBudget uint64 `json:"beyondBudget" text:"runs beyond the fault budget"` // of the runs, those whose plan may stop the system
	Stalled      uint64 `json:"stalled" text:"of these, stopped for good"`
	Excused      uint64 `json:"excused" text:"objections excused because a disk had forgotten"`

	Operations   uint64 `json:"operations" text:"operations answered" by:"1" of:"operations"`             // of clients that call operations
	Doubtful     uint64 `json:"doubtful" text:"operations of unknown outcome" by:"100" of:"operations"`   // of these clients
	Declined     uint64 `json:"declined" text:"operations refused" of:"operations"`                       // of these clients
	Transactions uint64 `json:"transactions"`                                                             // that clients began
	Acknowledged uint64 `json:"acknowledged" text:"commits acknowledged" by:"20" of:"transactions"`       // that changed something and were answered with OK
	ReadOnly     uint64 `json:"readOnly" text:"read-only commits acknowledged" by:"20" of:"transactions"` // that changed nothing and were answered with OK
	Unknown      uint64 `json:"unknown" text:"commits of unknown outcome" by:"30" of:"transactions"`      // without an answer
	Aborted      uint64 `json:"aborted" text:"aborted transactions" by:"25" of:"log"`
	Deadlocks    uint64 `json:"deadlocks" text:"deadlocks" by:"100" of:"log"`

	Scans       uint64 `json:"scans" text:"scans" by:"20" of:"log"`              // answered
	RowsScanned uint64 `json:"rowsScanned" text:"rows scanned" by:"20" of:"log"` // found by them
	Rollbacks   uint64 `json:"rollbacks" text:"rollbacks to savepoints" by:"25" of:"log"`
	Misused     uint64 `json:"misused" text:"wrong requests refused" by:"30" of:"log"` // that could not be carried out, and were refused as they have to be
	Full        uint64 `json:"full" text:"transactions that found the volume full" by:"5000" of:"log"`

	Structures uint64 `json:"structures" text:"structural changes of the tree" by:"30" of:"log"`
	Shrinks    uint64 `json:"shrinks" text:"of these, pages given back" by:"70" of:"log"`
	CacheHits  uint64 `json:"cacheHits" text:"pages found in a cache" by:"20" of:"log"` // a writer's
	CacheMiss  uint64 `json:"cacheMisses" text:"pages that a cache missed" by:"20" of:"log"`
	Evictions  uint64 `json:"evictions" text:"pages evicted" by:"50" of:"log"`
	Probes     uint64 `json:"probes" text:"page reads that probed another segment" by:"80" of:"log"` // than the fastest
	Hedges     uint64 `json:"hedges" text:"page reads that asked a second segment" by:"50" of:"log"`
	Stalls     uint64 `json:"stalls" text:"writes that waited for the log" by:"300" of:"log"` // because it was too far ahead of the VDL

	Coalesced       uint64 `json:"coalesced" text:"pages that log was turned into" by:"25" of:"log"` // each time
	Collected       uint64 `json:"collected" text:"records collected" by:"25" of:"log"`              // because pages stand for them
	Filled          uint64 `json:"filled" text:"segments filled by a peer" by:"60" of:"log"`
	Given           uint64 `json:"given" text:"chunks of pages given to a peer" by:"60" of:"log"`
	Scrubbed        uint64 `json:"scrubbed" text:"entries and images scrubbed" by:"20" of:"log"`
	Rotten          uint64 `json:"rotten" text:"files that had rotted, written anew" by:"500" of:"log"`
	BackupConflicts uint64 `json:"backupConflicts"` // objects of which another copy would have put something else

	Objects         uint64 `json:"objects" text:"objects stored" by:"30" of:"store"` // that the object store made durable
	StoreStarts     uint64 `json:"storeStarts" text:"restarts of the object store" by:"300" of:"store"`
	Restores        uint64 `json:"restores" text:"volumes restored" by:"30" of:"store"` // and held against the log
	RestoredRows    uint64 `json:"restoredRows" text:"rows of restored volumes" by:"30" of:"store"`
	RestoresRefused uint64 `json:"restoresRefused" text:"restores refused because an object had rotted"`
	RestoreUndos    uint64 `json:"restoreUndos" text:"changes that restoring took back" by:"30" of:"store"`
	GrowthWaits     uint64 `json:"growthWaits" text:"writes that waited for a group" by:"500" of:"log"` // because the volume had to grow

	TakeOvers  uint64 `json:"takeOvers" text:"take-overs" by:"1" of:"trace"`              // epochs won from a predecessor
	Recoveries uint64 `json:"recoveries" text:"recoveries opened" by:"20" of:"trace"`     // of these, those that got as far as opening
	Cuts       uint64 `json:"cuts" text:"cuts that removed records" by:"200" of:"trace"`  // that some segment held
	Undos      uint64 `json:"undos" text:"undos" by:"25" of:"trace"`                      // undo records written
	PageReads  uint64 `json:"pageReads" text:"page reads from segments" by:"20" of:"log"` // page images that segments sent to writers

	PagesCompared uint64 `json:"pagesCompared" text:"pages compared" by:"20" of:"pages"` // images with those of another segment
	RowsAudited   uint64 `json:"rowsAudited" text:"rows audited" by:"20" of:"audit"`     // read after the last recovery
	Certificates  uint64 `json:"certificates" text:"histories proved by certificate" by:"20" of:"log"`

	Readings         uint64 `json:"readings" of:"readings"` // read points that readers gave to clients
	RefusedByReaders uint64 `json:"refusedByReaders" text:"wrong requests refused by readers" by:"30" of:"readings"`
	ReaderPages      uint64 `json:"readerPages" of:"log"`                                                                      // that segments sent to readers
	Anew             uint64 `json:"anew" of:"log"`                                                                             // times that readers began anew, by their own count
	InFlight         uint64 `json:"inFlight" text:"records kept for pages in flight" by:"60" of:"readings"`                    // that came into view while their page was being read
	Hidden           uint64 `json:"hidden" text:"uncommitted changes hidden by readers" by:"30" of:"readings"`                 // of active transactions
	CollectedQueries uint64 `json:"collectedQueries" text:"queries that came too late for collection" by:"3000" of:"readings"` // what they read had been collected
	WarmPages        uint64 `json:"warmPages" text:"warm pages of promoted readers" by:"400" of:"readings"`                    // that they brought with them

	Scenes  Scenes               `json:"scenes" of:"scenes"`
	Readers conform.ReaderCounts `json:"readers" of:"trace"`
	Trace   conform.Counts       `json:"trace" of:"trace"`
	World   runtime.Counts       `json:"world"`
	Lag     reader.Lags          `json:"lag"` // of readers
	Other   Other                `json:"other,omitempty"`
}

// Scenes counts the runs in whose plan a scene is (see faults.Scene), by its name, and what came of some of them in the run.
type Scenes struct {
	RegisterCrashed  uint64 `json:"register-crashed" text:"scenes: the register dies around a take-over" by:"500"`
	RegisterPaused   uint64 `json:"register-paused" text:"scenes: the register is paused around a take-over" by:"700"`
	RegisterSlow     uint64 `json:"register-slow" text:"scenes: the register is slow around a take-over" by:"700"`
	RegisterRotten   uint64 `json:"register-rotten" text:"scenes: the register's disk rots, and it restarts" by:"700"`
	RotInRecovery    uint64 `json:"rot-in-recovery" text:"scenes: a segment's disk rots, and it restarts around a recovery" by:"300"`
	RotTwice         uint64 `json:"rot-twice" text:"scenes: a segment's disk rots twice, with a restart in between" by:"500"`
	LostInRecovery   uint64 `json:"lost-in-recovery" text:"scenes: a disk is lost inside a recovery" by:"600"`
	FencedThenDead   uint64 `json:"fenced-then-dead" text:"scenes: segments die between fence and join" by:"600"`
	LateConfirmation uint64 `json:"late-confirmation" text:"scenes: a replaced writer hears late confirmations" by:"500"`
	LastFullLost     uint64 `json:"last-full-lost" text:"scenes: the only full segment that does not lag is lost" by:"1500"`
	CutRecordMet     uint64 `json:"cut-record-met" text:"scenes: what a recovery cut waits for a later one" by:"500"`
	AckThenCrash     uint64 `json:"acknowledged-crash" text:"scenes: a writer and copies die right after an acknowledgement" by:"500"`
	CrashedStarting  uint64 `json:"crashed-starting" text:"scenes: segments die again before a start is durable"`
	DeafRecovery     uint64 `json:"deaf-recovery" text:"scenes: a new writer is not heard at first"`
	DiskFilled       uint64 `json:"disk-filled" text:"scenes: disks are full around a take-over or a start"`
	StoreCrashed     uint64 `json:"store-crashed" text:"scenes: the object store dies as it says that it has kept something"`
	OldMinority      uint64 `json:"old-minority" text:"scenes: a replaced writer reaches a minority of every group"`
	OldSegmentAsked  uint64 `json:"old-segment-asked" text:"scenes: readers ask a segment that holds what was cut"`
	StoreRotten      uint64 `json:"store-rotten" text:"scenes: the object store's disk rots, and it restarts"`

	// Of these runs, those in which the scene took effect.
	Took Took `json:"took"`

	// What the runs made of some of them, and of their length.
	InnerMerges uint64 `json:"inner-merges" text:"inner pages of the tree that merged"`
	Long        uint64 `json:"long" text:"runs that logged more than 1000 records" by:"3000"`
	Met         uint64 `json:"met" text:"records of a cut line that a later recovery was told of" by:"500"`
	Confirmed   uint64 `json:"confirmed" text:"confirmations that reached a writer after its successor had opened" by:"300"`
}

// Took counts the runs in which a scene of the plan took effect: its faults met each other, and struck who was there to be struck.
type Took struct {
	RegisterCrashed  uint64 `json:"register-crashed" text:"scenes that took effect: the register dies around a take-over"`
	RegisterPaused   uint64 `json:"register-paused" text:"scenes that took effect: the register is paused around a take-over"`
	RegisterSlow     uint64 `json:"register-slow" text:"scenes that took effect: the register is slow around a take-over"`
	RegisterRotten   uint64 `json:"register-rotten" text:"scenes that took effect: the register's disk rots, and it restarts"`
	RotInRecovery    uint64 `json:"rot-in-recovery" text:"scenes that took effect: a segment's disk rots, and it restarts around a recovery"`
	RotTwice         uint64 `json:"rot-twice" text:"scenes that took effect: a segment's disk rots twice, with a restart in between"`
	LostInRecovery   uint64 `json:"lost-in-recovery" text:"scenes that took effect: a disk is lost inside a recovery"`
	FencedThenDead   uint64 `json:"fenced-then-dead" text:"scenes that took effect: segments die between fence and join"`
	LateConfirmation uint64 `json:"late-confirmation" text:"scenes that took effect: a replaced writer hears late confirmations"`
	LastFullLost     uint64 `json:"last-full-lost" text:"scenes that took effect: the only full segment that does not lag is lost"`
	CutRecordMet     uint64 `json:"cut-record-met" text:"scenes that took effect: what a recovery cut waits for a later one"`
	AckThenCrash     uint64 `json:"acknowledged-crash" text:"scenes that took effect: a writer and copies die right after an acknowledgement"`
	CrashedStarting  uint64 `json:"crashed-starting" text:"scenes that took effect: segments die again before a start is durable"`
	DeafRecovery     uint64 `json:"deaf-recovery" text:"scenes that took effect: a new writer is not heard at first"`
	DiskFilled       uint64 `json:"disk-filled" text:"scenes that took effect: disks are full around a take-over or a start"`
	StoreCrashed     uint64 `json:"store-crashed" text:"scenes that took effect: the object store dies as it says that it has kept something"`
	OldMinority      uint64 `json:"old-minority" text:"scenes that took effect: a replaced writer reaches a minority of every group"`
	OldSegmentAsked  uint64 `json:"old-segment-asked" text:"scenes that took effect: readers ask a segment that holds what was cut"`
	StoreRotten      uint64 `json:"store-rotten" text:"scenes that took effect: the object store's disk rots, and it restarts"`
	TallTree         uint64 `json:"tall-tree" text:"runs made for a tall tree in which inner pages merged"`
	LongRun          uint64 `json:"long-run" text:"runs made long that logged more than 1000 records"`
}

// Other is the counters that a system's nodes tell and that no field stands for, by name.
type Other []node.Counter

// Plus returns the sum of both.
func (o Other) Plus(p Other) Other {
	sum := slices.Clone(o)
	for _, c := range p {
		i, found := slices.BinarySearchFunc(sum, c.Name, func(c node.Counter, name string) int { return cmp.Compare(c.Name, name) })
		if !found {
			sum = slices.Insert(sum, i, node.Counter{Name: c.Name})
		}
		sum[i].Value += c.Value
	}
	return sum
}

// Add adds d to c.
func (c *Counts) Add(d *Counts) { tally.Add(c, d) }

// Tell adds what nodes have counted: each counter to the field of its name, or to Other.
func (c *Counts) Tell(nodes []node.State) {
	fields := tally.Index(c)
	for i := range nodes {
		for _, n := range nodes[i].Counters {
			switch field := fields[n.Name]; {
			case n.Value == 0:
			case field != nil:
				*field += n.Value
			default:
				c.Other = c.Other.Plus(Other{n})
			}
		}
		var lags reader.Lags
		if copy(lags[:], nodes[i].Lags) > 0 {
			c.Lag.Add(&lags)
		}
	}
}

// An Amount is one of the things that were counted.
type Amount struct {
	Name  string // for programs
	Text  string // for people
	Value uint64
	// By is the number of runs after which a zero shows that runs do not do what they are there for; 0: it may stay zero.
	By uint64
	Of string // the kind of evidence that it is counted from; "" is every run
}

// Amounts lists what was counted, in the order in which people want to know.
func (c *Counts) Amounts() []Amount {
	var all []Amount
	for _, r := range tally.Rows(c) {
		all = append(all, Amount(r))
	}
	if c.Readers.Begins > 0 {
		all = append(all,
			Amount{Name: "lag.median", Text: "lag of readers, median, at most µs", Value: uint64(c.Lag.At(50) / time.Microsecond)},
			Amount{Name: "lag.p99", Text: "lag of readers, p99, at most µs", Value: uint64(c.Lag.At(99) / time.Microsecond)})
	}
	for _, o := range c.Other {
		all = append(all, Amount{Name: o.Name, Text: o.Name, Value: o.Value})
	}
	return all
}
