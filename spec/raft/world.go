// Package raft is a model of Raft as the library go.etcd.io/raft/v3 implements it: elections, votes, appended entries,
// heartbeats, snapshots, what is made durable before it is sent, and members that change one at a time or by joint consensus.
// Its actions have the names that the library's own TLA+ module gives them, and its twin is spec/tla/Raft.tla.
//
// Two things in it are the library's and not the paper's. A change of members takes effect on a server when the server applies
// its entry, which is after the entry is committed, and not when it is appended. So a server may lag behind by its own
// configuration, and what keeps the quorums of two servers overlapping is that a leader proposes no change before it has applied
// the last one, that an entry travels with how far its leader has committed, and that a server which knows of a committed change
// that it has not applied does not campaign. The bug campaign-unapplied is the model without that last guard.
//
// The same actions are searched in small worlds and stepped along a trace that the library wrote: see Validate.
//
// Use package volume instead when one writer at a time orders the log and the replicas only store it.
package raft

import (
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the model.
type World struct {
	Servers     int    `json:"servers"`     // servers, 1 to 5
	Members     int    `json:"members"`     // the first so many vote from the start
	Leader      bool   `json:"leader"`      // the first leads term 1 from the start, a state that its election leads to
	MaxTerm     int    `json:"maxTerm"`     // highest term that a server campaigns in
	MaxLog      int    `json:"maxLog"`      // longest log that a leader appends to
	Requests    int    `json:"requests"`    // most clients' values in the log of a leader that appends one
	MaxMessages int    `json:"maxMessages"` // most messages under way or waiting to be sent, when a server sends a request or the network doubles one
	Batch       int    `json:"batch"`       // most entries in one message
	Changes     int    `json:"changes"`     // most changes of members that leaders propose, leaving a joint configuration not counted
	Joint       bool   `json:"joint"`       // changes may replace one member by another, through a joint configuration
	Learners    bool   `json:"learners"`    // changes may add learners; without changes, those that are no members are learners from the start
	Restarts    int    `json:"restarts"`    // most restarts
	Ready       bool   `json:"ready"`       // state is made durable, and messages leave, in a step of its own
	Loss        bool   `json:"loss"`        // a message may be lost
	Duplicates  bool   `json:"duplicates"`  // a message may arrive twice
	Heartbeats  bool   `json:"heartbeats"`  // leaders send heartbeats
	Snapshots   bool   `json:"snapshots"`   // leaders send snapshots
	StepDown    bool   `json:"stepDown"`    // leaders and candidates may become followers of their own accord
	Bug         string `json:"bug"`         // "none" or empty, or the name of the one guard that is broken
	Symmetry    bool   `json:"symmetry"`    // servers are interchangeable, members among themselves and the others among themselves
}

// What a world may be. A trace has no such bounds but those of Limits.
const (
	maxServers  = 5
	maxTerm     = 6
	maxLog      = 8
	maxMessages = 8
	maxChanges  = 4
	maxRestarts = 4
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// The broken variants.
const (
	campaignUnapplied  = "campaign-unapplied"   // a server campaigns with a committed change that it has not applied
	changeUnapplied    = "change-unapplied"     // a leader proposes a change before it has applied the last one
	forgetPending      = "forget-pending"       // a new leader proposes a change with others' changes in its log, unapplied
	jointByIncoming    = "joint-by-incoming"    // in a joint configuration a majority of the incoming voters decides alone
	learnerCounts      = "learner-counts"       // learners count towards a majority
	voteTwice          = "vote-twice"           // a server votes for whoever asks
	voteBehind         = "vote-behind"          // a server votes for one whose log is behind its own
	sendBeforeDurable  = "send-before-durable"  // messages leave before what they tell is durable
	commitOldTerm      = "commit-old-term"      // a leader commits what earlier leaders appended by counting its copies
	commitShort        = "commit-short"         // one server short of a majority is enough to commit
	appendUnchecked    = "append-unchecked"     // a follower appends to an entry that it does not have
	truncateAlways     = "truncate-always"      // a follower cuts its log to what the message has
	heartbeatUnmatched = "heartbeat-unmatched"  // heartbeats tell how far the leader has committed, not how far the follower matches
	snapshotKeepsVoter = "snapshot-keeps-voter" // a follower that takes a snapshot keeps its old configuration
)

// Bugs returns what World.Bug may be besides "none".
func Bugs() []string {
	return []string{campaignUnapplied, changeUnapplied, forgetPending, jointByIncoming, learnerCounts, voteTwice, voteBehind,
		sendBeforeDurable, commitOldTerm, commitShort, appendUnchecked, truncateAlways, heartbeatUnmatched, snapshotKeepsVoter}
}

// Validate says whether the world contradicts itself, or does not fit into a state.
func (w World) Validate() error {
	if err := check.InRange(
		check.Between("servers", w.Servers, 1, maxServers, ""),
		check.Between("members", w.Members, 1, w.Servers, " (servers)"),
		check.Between("maxTerm", w.MaxTerm, 1, maxTerm, ""),
		check.Between("maxLog", w.MaxLog, 0, maxLog, ""),
		check.Between("requests", w.Requests, 0, maxLog, ""),
		check.Between("maxMessages", w.MaxMessages, 0, maxMessages, ""),
		check.Between("batch", w.Batch, 1, maxLog, ""),
		check.Between("changes", w.Changes, 0, maxChanges, ""),
		check.Between("restarts", w.Restarts, 0, maxRestarts, ""),
	); err != nil {
		return err
	}
	if w.Changes == 0 && w.Joint {
		return check.Wrong("joint", "true without changes", "false")
	}
	if err := check.KnownBug(w.Bug, Bugs()); err != nil {
		return err
	}
	for _, need := range []struct {
		bug, parameter, found, expected string
		missing                         bool
	}{
		{sendBeforeDurable, "ready, restarts", fmt.Sprintf("%t, %d", w.Ready, w.Restarts), "true and at least 1: else there is nothing that a restart loses", !w.Ready || w.Restarts == 0},
		{heartbeatUnmatched, "heartbeats", "false", "true: there is nothing else to break", !w.Heartbeats},
		{snapshotKeepsVoter, "snapshots, changes", fmt.Sprintf("%t, %d", w.Snapshots, w.Changes), "true and at least 1: there is nothing else to break", !w.Snapshots || w.Changes == 0},
		{jointByIncoming, "joint", "false", "true: there is nothing else to break", !w.Joint},
		{learnerCounts, "learners", "false", "true: there is nothing else to break", !w.Learners},
		{changeUnapplied, "changes", fmt.Sprint(w.Changes), "at least 2: there is nothing else to break", w.Changes < 2},
		{forgetPending, "changes", fmt.Sprint(w.Changes), "at least 2: there is nothing else to break", w.Changes < 2},
		{campaignUnapplied, "changes", fmt.Sprint(w.Changes), "at least 2: there is nothing else to break", w.Changes < 2},
	} {
		if w.Bug == need.bug && need.missing {
			return check.Wrong(need.parameter, need.found+" with the bug "+need.bug, need.expected)
		}
	}
	return nil
}
