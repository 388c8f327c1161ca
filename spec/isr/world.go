// Package isr is the model of one partition of Apache Kafka: a leader that appends, followers that fetch, the high watermark
// below which all in-sync replicas have the log, a controller that elects leaders by epochs from the in-sync replicas, and the
// truncation by which a follower makes its log a prefix of a new leader's. It reads as its twin, spec/tla/Isr.tla, does: one
// function an action, under the same name and in the same order.
//
// It answers what truncation must compare, and what an epoch must fence. Its broken variants are the protocol as it was before
// it was mended: truncation to the high watermark (KIP-101), to an offset that the leader gives for an epoch that it does not
// know (KIP-279), fetches and truncation that no epoch fences (KIP-320), a follower that does not truncate when its leader is elected again (KAFKA-7164), an in-sync replica that lacks what was committed in
// an earlier epoch (KAFKA-7128), and an unclean election, which gives up what was committed by design.
//
// A record is known by its offset and its leader's epoch: within an epoch one leader appends, and it never truncates.
//
// Use package volume instead when a quorum decides: here a write waits for all in-sync replicas, and who they are is written
// down elsewhere.
package isr

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the model.
type World struct {
	Replicas  int    `json:"replicas"`
	MaxOffset int    `json:"maxOffset"` // longest log
	MaxEpoch  int    `json:"maxEpoch"`  // last leader epoch; the first is 1
	Alter     bool   `json:"alter"`     // leaders shrink and expand the set of in-sync replicas
	Bug       string `json:"bug"`       // "none" or empty, or the name of the one rule that is broken
}

// What a state has room for.
const (
	maxReplicas = 5
	maxOffset   = 5
	maxEpoch    = 6
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// The rules that may be broken.
const (
	truncateToHW     = "truncate-to-high-watermark" // a follower cuts its log at its own high watermark (before KIP-101)
	truncateUnknown  = "truncate-unknown-epoch"     // it takes the offset for an epoch that the leader does not know (before KIP-279)
	sameLeader       = "same-leader"                // it does not truncate for an epoch of the leader that it has (KAFKA-7164)
	truncateUnfenced = "truncate-unfenced"          // it asks a leader that is in another epoch (before KIP-320)
	fetchUnfenced    = "fetch-unfenced"             // it fetches from one (before KIP-320)
	advanceUnfenced  = "advance-unfenced"           // the leader counts followers that are in another epoch (before KIP-320)
	expandEarly      = "expand-early"               // a replica is in sync that lacks records of earlier epochs (KAFKA-7128)
	shrinkUnrecorded = "shrink-unrecorded"          // the leader counts the replicas that it asked the controller for (against KIP-497)
	uncleanElection  = "unclean-election"           // a replica that is not in sync is elected
)

// Bugs returns what World.Bug may be besides "none".
func Bugs() []string {
	return []string{truncateToHW, truncateUnknown, sameLeader, truncateUnfenced, fetchUnfenced, advanceUnfenced, expandEarly, shrinkUnrecorded, uncleanElection}
}

// Validate says whether the world contradicts itself, or does not fit into a state.
func (w World) Validate() error {
	if err := check.InRange(
		check.Between("replicas", w.Replicas, 1, maxReplicas, ""),
		check.Between("maxOffset", w.MaxOffset, 1, maxOffset, ""),
		check.Between("maxEpoch", w.MaxEpoch, 1, maxEpoch, ""),
	); err != nil {
		return err
	}
	return check.KnownBug(w.Bug, Bugs())
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

// config returns the configuration by which TLC checks Isr.tla in the same world.
func config(text []byte) (string, error) {
	w, err := parse(text)
	if err != nil {
		return "", err
	}
	replicas := make([]string, w.Replicas)
	for r := range replicas {
		replicas[r] = replicaName(r)
	}
	return fmt.Sprintf("SPECIFICATION Spec\nCONSTANTS\n Replica = {%s}\n MaxOffset = %d\n MaxEpoch = %d\n Alter = %s\n Bug = %q\nSYMMETRY Symmetry\n"+
		"INVARIANTS TypeOK Ascending Durable LeaderComplete OneHistory Prefix\nCHECK_DEADLOCK FALSE\n",
		strings.Join(replicas, ", "), w.MaxOffset, w.MaxEpoch, strings.ToUpper(fmt.Sprint(w.Alter)), w.Bug), nil
}

func replicaName(r int) string { return fmt.Sprintf("R%d", r+1) }
