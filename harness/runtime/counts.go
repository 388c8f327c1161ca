package runtime

import (
	"slices"
	"strings"
)

// Counts says what happened in a run. It is plain JSON.
type Counts struct {
	Events          uint64 `json:"events" text:"simulated events" by:"1"` // handled: starts, messages, timers, completions, requests, replies, actions
	Messages        uint64 `json:"messages"`
	Delivered       uint64 `json:"delivered"`
	Duplicated      uint64 `json:"duplicated" text:"messages duplicated" by:"100"`            // messages that were sent on their way twice
	LostByLoss      uint64 `json:"lostByLoss" text:"messages lost" by:"100"`                  // messages, requests and replies that the network lost
	LostByCut       uint64 `json:"lostByCut" text:"messages stopped by a partition" by:"100"` // that a partition stopped
	LostByDown      uint64 `json:"lostByDown"`                                                // whose receiver was down, or not the one that they were sent to
	LostByDamage    uint64 `json:"lostByDamage" text:"messages whose frame was damaged"`      // that carried neither a record nor a page image
	Damaged         uint64 `json:"damaged" text:"messages with a damaged record or page"`     // that arrived with one bit of a record or page image flipped
	Truncated       uint64 `json:"truncated" text:"messages whose frame was cut short" by:"5000" of:"log"`
	LostByQueue     uint64 `json:"lostByQueue" text:"messages that found a full queue"`
	OldWire         uint64 `json:"oldWire" text:"messages in the wire's oldest version" by:"5000" of:"log"`
	LostByVersion   uint64 `json:"lostByVersion" text:"messages that it has no form for"`
	LostByNobody    uint64 `json:"lostByNobody"` // addressed to no process, or to one of the wrong kind
	Requests        uint64 `json:"requests"`
	Replies         uint64 `json:"replies"`
	Starts          uint64 `json:"starts"`
	Restarts        uint64 `json:"restarts" text:"restarts" by:"100"`
	Crashes         uint64 `json:"crashes" text:"crashes" by:"100"`
	PointCrashes    uint64 `json:"pointCrashes"` // those of the crashes that struck at a failpoint
	AimedCrashes    uint64 `json:"aimedCrashes"` // faults that waited for a moment, such as an acknowledgement, and struck
	Pauses          uint64 `json:"pauses"`
	TakeOvers       uint64 `json:"takeOvers"`  // that the plan asked for
	Promotions      uint64 `json:"promotions"` // of readers that ran, that the plan asked for
	Appends         uint64 `json:"appends"`
	Syncs           uint64 `json:"syncs"`
	Replaces        uint64 `json:"replaces"`
	Reads           uint64 `json:"reads"`
	LostPieces      uint64 `json:"lostPieces" text:"unsynced pieces lost in a crash" by:"400" of:"log"` // unsynced appends that a crash lost
	SurvivedPieces  uint64 `json:"survivedPieces"`                                                      // unsynced appends that survived one
	LostSurvivors   uint64 `json:"lostSurvivors"`                                                       // pieces that had survived a crash, and were lost in the next
	Holes           uint64 `json:"holes"`                                                               // lost ones in front of survivors
	TornWrites      uint64 `json:"tornWrites"`
	UntoldEffects   uint64 `json:"untoldEffects"`                                              // syncs and replaces that took effect right before a crash
	DiskFailures    uint64 `json:"diskFailures" text:"disk operations that failed"`            // reads, syncs and replaces
	NoRoom          uint64 `json:"noRoom" text:"writes that found no room" by:"5000" of:"log"` // appends and replaces on a full disk
	Misreads        uint64 `json:"misreads" text:"reads of another place" by:"10000" of:"log"`
	Lies            uint64 `json:"lies" text:"syncs and replaces that lied"`
	LostWrites      uint64 `json:"lostWrites" text:"appends that a disk lost"`
	MisplacedWrites uint64 `json:"misplacedWrites" text:"appends that a disk misplaced"`
	Forgotten       uint64 `json:"forgotten" text:"starts on a disk that had forgotten" by:"5000" of:"log"`   // something that its process had been told is durable
	Corruptions     uint64 `json:"corruptions"`                                                               // bits flipped
	Wipes           uint64 `json:"wipes" text:"disks lost" by:"400" of:"log"`                                 // disks that were lost with all that was on them
	MostBytes       uint64 `json:"mostBytes" text:"most bytes on disks and on their way in a run" fold:"max"` // held at once by disks and by messages on their way; of many runs, the most of any
	WireBytes       uint64 `json:"wireBytes,omitempty"`                                                       // of messages between hosts, when they are measured
	DiskBytes       uint64 `json:"diskBytes,omitempty"`                                                       // appended and replaced, when they are measured
	// Types counts the messages sent by type, in the order of their names.
	Types Types `json:"types"`
}

// TypeCount counts the messages of one type.
type TypeCount struct {
	Type     string `json:"type"`
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"` // of their digests (node.Message.AppendDigest)
}

// Lost returns how many messages, requests and replies did not arrive.
func (c *Counts) Lost() uint64 {
	return c.LostByLoss + c.LostByCut + c.LostByDown + c.LostByQueue + c.LostByVersion + c.LostByDamage + c.LostByNobody
}

// Types is what was sent, by type in the order of the names.
type Types []TypeCount

// Plus returns the sum of both.
func (t Types) Plus(o Types) Types {
	sum := slices.Clone(t)
	for _, n := range o {
		i, found := slices.BinarySearchFunc(sum, n, ByType)
		if !found {
			sum = slices.Insert(sum, i, TypeCount{Type: n.Type})
		}
		sum[i].Messages += n.Messages
		sum[i].Bytes += n.Bytes
	}
	return sum
}

// ByType orders counts by the names of their types.
func ByType(a, b TypeCount) int { return strings.Compare(a.Type, b.Type) }
