// Package longfork is the model of a primary whose secondaries follow its log and serve reads, as PostgreSQL with streaming
// replication: transactions begin on a snapshot, write, append their commit record to the log, wait for copies, become
// visible on the primary, and are replayed by the secondaries in the order of the log. It reads as its twin,
// spec/tla/Longfork.tla, does: one function an action, under the same name and in the same order.
//
// It answers whether the snapshots of all nodes are views of one history. Where the primary shows transactions in the order of
// their commit records, by a commit sequence number, they are. PostgreSQL's primary shows them in the order in which their
// sessions leave a table in memory, the ProcArray, and that is another order: the record of T1 may come first in the log and T2
// leave first. Then a reader of the primary sees T2 without T1, a reader of a secondary T1 without T2, and no order of the two
// explains both: a long fork. K. Kingsbury found it in healthy clusters (Jepsen, "Amazon RDS for PostgreSQL 17.4", 2025-04-29),
// and what is left, by that report, may be parallel snapshot isolation, which the worlds procarray-parallel-si and
// procarray-three-parallel-si check. The mailing list pgsql-hackers has discussed the order since 2013, and commit sequence
// numbers as the cure ("Commit Sequence Numbers and Visibility", J. Davis, 2026-06-02).
//
// It has failover, too, as what is shown must survive as well as what is acknowledged: the loss of nodes, the promotion of the
// secondary that has received most of those that a quorum needs, and its first write to copies.
//
// Use package reader instead when secondaries share the storage of the primary: there they learn read points from the writer and
// show nothing beyond them.
package longfork

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the model.
type World struct {
	Txns        int `json:"txns"`        // transactions, begun in any order; each writes one row
	Rows        int `json:"rows"`        // rows
	Secondaries int `json:"secondaries"` // nodes that follow the log of the primary
	Acks        int `json:"acks"`        // a commit is shown by the primary when so many secondaries have received its record
	Snapshots   int `json:"snapshots"`   // most snapshots that readers are told of, at all nodes
	Losses      int `json:"losses"`      // most nodes that are lost, for good
	// SecondariesWait says that a secondary, too, shows what as many secondaries have received as the primary waits for. Those of
	// PostgreSQL show what they have received themselves.
	SecondariesWait bool   `json:"secondariesWait"`
	Bug             string `json:"bug"` // "none" or empty, or the name of the one guard that is broken
	// Invariants names those that are checked; without it all are.
	Invariants []string `json:"invariants,omitempty"`
	Symmetry   bool     `json:"symmetry"` // secondaries may be taken for one another
}

// What a state has room for.
const (
	maxTxns        = 4
	maxRows        = 4
	maxSecondaries = 4
	maxSnapshots   = 3
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// The values of World.Bug.
const (
	primaryByProcArray    = "primary-by-procarray"    // the primary shows commits in any order
	replayOutOfOrder      = "replay-out-of-order"     // a secondary replays what it has received in any order
	ignoreConflict        = "ignore-conflict"         // a row is overwritten that another wrote after the snapshot
	ackBeforeVisible      = "ack-before-visible"      // a client is told when the copies are there, and not when its commit is shown
	cancelWait            = "cancel-wait"             // the wait for copies is cancelled, and the commit shown
	promoteFirst          = "promote-first"           // a secondary is promoted without asking the others
	promoteShortest       = "promote-shortest"        // enough are asked, and any of them is promoted
	serveBeforeReplicated = "serve-before-replicated" // the promoted node shows its log before it has copies
)

// Bugs returns what World.Bug may be besides "none".
func Bugs() []string {
	return []string{primaryByProcArray, replayOutOfOrder, ignoreConflict, ackBeforeVisible, cancelWait, promoteFirst,
		promoteShortest, serveBeforeReplicated}
}

// Validate says whether the world contradicts itself, or does not fit into a state. Too few copies for the losses do neither;
// that they are too few is for the search to find.
func (w World) Validate() error {
	if err := check.KnownBug(w.Bug, Bugs()); err != nil {
		return err
	}
	if err := check.InRange(
		check.Between("txns", w.Txns, 1, maxTxns, ""),
		check.Between("rows", w.Rows, 1, maxRows, ""),
		check.Between("secondaries", w.Secondaries, 1, maxSecondaries, ""),
		check.Between("acks", w.Acks, 0, w.Secondaries, " (secondaries)"),
		check.Between("snapshots", w.Snapshots, 0, maxSnapshots, ""),
		check.Between("losses", w.Losses, 0, 1+w.Secondaries, " (all nodes)"),
	); err != nil {
		return err
	}
	for i, name := range w.Invariants {
		if known := invariantNames(); !slices.Contains(known, name) {
			return check.Wrong(fmt.Sprintf("invariants[%d]", i), fmt.Sprintf("%q", name), "one of "+strings.Join(known, ", "))
		}
	}
	return nil
}

// MustRead returns how many nodes a promotion asks for their logs: so many that one of them has received each commit that was
// shown, wherever its copies are. Copies are on the primary and on Acks secondaries.
func (w World) MustRead() int { return w.Secondaries - w.Acks + 1 }

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

// config returns the configuration by which TLC checks Longfork.tla in the same world.
func config(text []byte) (string, error) {
	w, err := parse(text)
	if err != nil {
		return "", err
	}
	var names []string
	for n := 1; n <= w.Secondaries; n++ {
		names = append(names, fmt.Sprintf("S%d", n))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SPECIFICATION Spec\nCONSTANTS\n MaxTxn = %d\n MaxRow = %d\n Secondary = {%s}\n Acks = %d\n MaxSnapshots = %d\n MaxLosses = %d\n SecondariesWait = %s\n Bug = %q\n",
		w.Txns, w.Rows, strings.Join(names, ", "), w.Acks, w.Snapshots, w.Losses, strings.ToUpper(fmt.Sprint(w.SecondariesWait)), w.Bug)
	if w.Symmetry {
		b.WriteString("SYMMETRY Symmetry\n")
	}
	b.WriteString("INVARIANTS")
	for _, x := range (&model{w}).mustNamed() {
		b.WriteString(" " + x.Name)
	}
	b.WriteString("\nCHECK_DEADLOCK FALSE\n") // a world ends where its transactions do
	return b.String(), nil
}
