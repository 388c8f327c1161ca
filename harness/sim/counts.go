package sim

import (
	"slices"
	"strings"
)

// Counts says what happened in a run. It is plain JSON.
type Counts struct {
	Events         uint64 `json:"events"` // handled: starts, messages, timers, completions, requests, replies, actions
	Messages       uint64 `json:"messages"`
	Delivered      uint64 `json:"delivered"`
	Duplicated     uint64 `json:"duplicated"`   // messages that were sent on their way twice
	LostByLoss     uint64 `json:"lostByLoss"`   // messages, requests and replies that the network lost
	LostByCut      uint64 `json:"lostByCut"`    // that a partition stopped
	LostByDown     uint64 `json:"lostByDown"`   // whose receiver was down, or not the one that they were sent to
	LostByNobody   uint64 `json:"lostByNobody"` // addressed to no process, or to one of the wrong kind
	Requests       uint64 `json:"requests"`
	Replies        uint64 `json:"replies"`
	Starts         uint64 `json:"starts"`
	Restarts       uint64 `json:"restarts"`
	Crashes        uint64 `json:"crashes"`
	PointCrashes   uint64 `json:"pointCrashes"` // those of the crashes that struck at a failpoint
	Pauses         uint64 `json:"pauses"`
	TakeOvers      uint64 `json:"takeOvers"`  // that the plan asked for
	Promotions     uint64 `json:"promotions"` // of readers that ran, that the plan asked for
	Appends        uint64 `json:"appends"`
	Syncs          uint64 `json:"syncs"`
	Replaces       uint64 `json:"replaces"`
	Reads          uint64 `json:"reads"`
	LostPieces     uint64 `json:"lostPieces"`     // unsynced appends that a crash lost
	SurvivedPieces uint64 `json:"survivedPieces"` // unsynced appends that survived one
	Holes          uint64 `json:"holes"`          // lost ones in front of survivors
	TornWrites     uint64 `json:"tornWrites"`
	UntoldEffects  uint64 `json:"untoldEffects"`       // syncs and replaces that took effect right before a crash
	Corruptions    uint64 `json:"corruptions"`         // bits flipped
	Wipes          uint64 `json:"wipes"`               // disks that were lost with all that was on them
	MostBytes      uint64 `json:"mostBytes"`           // held at once by disks and by messages on their way; of many runs, the most of any
	WireBytes      uint64 `json:"wireBytes,omitempty"` // of messages between hosts, when they are measured
	DiskBytes      uint64 `json:"diskBytes,omitempty"` // appended and replaced, when they are measured
	// Types counts the messages sent by type, in the order of their names.
	Types []TypeCount `json:"types"`
}

// TypeCount counts the messages of one type.
type TypeCount struct {
	Type     string `json:"type"`
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"` // of their digests (node.Message.AppendDigest)
}

func (c *Counts) lost(why Reason) {
	switch why {
	case ByLoss:
		c.LostByLoss++
	case ByCut:
		c.LostByCut++
	case ByDown:
		c.LostByDown++
	case ByNobody:
		c.LostByNobody++
	}
}

// Lost returns how many messages, requests and replies did not arrive.
func (c *Counts) Lost() uint64 { return c.LostByLoss + c.LostByCut + c.LostByDown + c.LostByNobody }

// Add adds o, to sum up many runs.
func (c *Counts) Add(o Counts) {
	c.Events += o.Events
	c.Messages += o.Messages
	c.Delivered += o.Delivered
	c.Duplicated += o.Duplicated
	c.LostByLoss += o.LostByLoss
	c.LostByCut += o.LostByCut
	c.LostByDown += o.LostByDown
	c.LostByNobody += o.LostByNobody
	c.Requests += o.Requests
	c.Replies += o.Replies
	c.Starts += o.Starts
	c.Restarts += o.Restarts
	c.Crashes += o.Crashes
	c.PointCrashes += o.PointCrashes
	c.Pauses += o.Pauses
	c.TakeOvers += o.TakeOvers
	c.Promotions += o.Promotions
	c.Appends += o.Appends
	c.Syncs += o.Syncs
	c.Replaces += o.Replaces
	c.Reads += o.Reads
	c.LostPieces += o.LostPieces
	c.SurvivedPieces += o.SurvivedPieces
	c.Holes += o.Holes
	c.TornWrites += o.TornWrites
	c.UntoldEffects += o.UntoldEffects
	c.Corruptions += o.Corruptions
	c.Wipes += o.Wipes
	c.MostBytes = max(c.MostBytes, o.MostBytes)
	c.WireBytes += o.WireBytes
	c.DiskBytes += o.DiskBytes
	// A fresh list: c may be a copy that shares its list with another.
	types := slices.Clone(c.Types)
	for _, t := range o.Types {
		i, found := slices.BinarySearchFunc(types, t, byType)
		if !found {
			types = slices.Insert(types, i, TypeCount{Type: t.Type})
		}
		types[i].Messages += t.Messages
		types[i].Bytes += t.Bytes
	}
	c.Types = types
}

func byType(a, b TypeCount) int { return strings.Compare(a.Type, b.Type) }

// Counts says what has happened so far.
func (w *World) Counts() Counts {
	c := w.counts
	c.Types = make([]TypeCount, 0, len(w.types))
	for _, t := range w.types {
		c.Types = append(c.Types, TypeCount{Type: t.name, Messages: t.messages, Bytes: t.bytes})
	}
	slices.SortFunc(c.Types, byType)
	return c
}
