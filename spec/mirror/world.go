// Package mirror is the model of what databases stood on before Aurora: a local disk, a pair of copies that is replicated
// as a chain inside one availability zone (an EBS volume), and mirrored MySQL, which has such a pair in each of two zones
// and waits for all four copies. It reads as its twin, spec/tla/Mirror.tla, does: one function an action, under the same
// name and in the same order.
//
// An instance that follows another waits until the chain is drained, or, with Overwrite, writes in the place of what only the
// first copy has: so do the servers of impl/baseline. A Volume steps the latter by what the nodes of a run tell.
//
// It answers which failure loses an acknowledged write, and what a successor, a repaired chain and a database that goes on
// without its mirror must respect so that none does. Which failure stops writes is for a search from a state in which it
// has happened (see After).
//
// Use package wal instead when an engineer asks what a database makes of its disk after a crash: here a disk has writes,
// and nobody reads their meaning.
package mirror

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the model.
type World struct {
	Zones      int    `json:"zones"`      // zones that have a volume: 1, or 2 for mirrored
	Copies     int    `json:"copies"`     // copies in each volume: 2, or 1 for a local disk
	MaxWrite   int    `json:"maxWrite"`   // most writes
	MaxEpoch   int    `json:"maxEpoch"`   // most instances of the database, the first one included
	CopyLosses int    `json:"copyLosses"` // most copies lost one by one
	ZoneLosses int    `json:"zoneLosses"` // most zones lost
	Repair     bool   `json:"repair"`     // chains, mirrors and instances are replaced
	Suspect    bool   `json:"suspect"`    // what is taken out for lost may only be slow
	Overwrite  bool   `json:"overwrite"`  // no drain: an instance writes in the place of what it does not have
	Bug        string `json:"bug"`        // "none" or empty, or the name of the one guard that is broken
}

// What a state has room for.
const (
	maxZones  = 2
	maxCopies = 2 // a chain of more has no name in the lecture
	maxWrite  = 6
	maxEpoch  = 5
	room      = 8 // of writes: a step of a trace tells more of them apart than a world has (see Volume)
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// Bugs returns what World.Bug may be besides "none".
func Bugs() []string {
	return []string{"ack-at-head", "ack-before-mirror", "store-at-tail", "join-unfilled", "attach-twice",
		"attach-undrained", "attach-unsynced", "mirror-untruncated", "insync-early", "insync-by-own-acks", "degrade-alone", "read-deposed", "answer-deposed", "serve-unwritten"}
}

// Validate says whether the world contradicts itself, or does not fit into a state. More losses than a design survives do
// neither; that they are too many is for the search to find.
func (w World) Validate() error {
	if err := check.InRange(
		check.Between("zones", w.Zones, 1, maxZones, ""),
		check.Between("copies", w.Copies, 1, maxCopies, ""),
		check.Between("maxWrite", w.MaxWrite, 1, maxWrite, ""),
		check.Between("maxEpoch", w.MaxEpoch, 1, maxEpoch, ""),
		check.Between("copyLosses", w.CopyLosses, 0, maxZones*maxCopies, ""),
		check.Between("zoneLosses", w.ZoneLosses, 0, w.Zones, ""),
	); err != nil {
		return err
	}
	if err := check.KnownBug(w.Bug, Bugs()); err != nil {
		return err
	}
	if !w.Repair && w.MaxEpoch > 1 {
		return check.Wrong("maxEpoch", fmt.Sprint(w.MaxEpoch), "1 (without repair no instance has a successor)")
	}
	if !w.Repair && w.Suspect {
		return check.Wrong("suspect", "true", "false (without repair nothing is taken out)")
	}
	return nil
}

// read makes the model of a world that is given as JSON.
func read(text []byte) (check.Model, error) {
	w, err := parse(text)
	if err != nil {
		return nil, err
	}
	return New(w)
}

func parse(text []byte) (World, error) {
	return check.ParseWorld(text, func(w *World) *string { return &w.Bug })
}

// config returns the configuration by which TLC checks Mirror.tla in the same world.
func config(text []byte) (string, error) {
	w, err := parse(text)
	if err != nil {
		return "", err
	}
	b := strings.NewReplacer("true", "TRUE", "false", "FALSE")
	return b.Replace(fmt.Sprintf("SPECIFICATION Spec\nCONSTANTS\n Zones = %d\n Copies = %d\n MaxWrite = %d\n MaxEpoch = %d\n"+
		" CopyLosses = %d\n ZoneLosses = %d\n Repair = %t\n Suspect = %t\n Overwrite = %t\n Bug = %q\n",
		w.Zones, w.Copies, w.MaxWrite, w.MaxEpoch, w.CopyLosses, w.ZoneLosses, w.Repair, w.Suspect, w.Overwrite, w.Bug)) +
		"INVARIANTS TypeOK Durable OnEveryCopy ChainOrder OneHistory FreshRead\nCHECK_DEADLOCK FALSE\n", nil
}
