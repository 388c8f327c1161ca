// Package wal is the model of crash-recoverable transactions on one machine with one disk: two rows, X = 500 and Y = 750,
// data pages, a buffer pool and a write-ahead log. It reads as its twin, spec/tla/Wal.tla, does: one function an action,
// under the same name and in the same order.
//
// It answers which policy of writing pages needs which pass of recovery. Steal needs undo; no-force needs redo; and
// writing the pages after the commit record, but before the answer, needs redo as well, unless they are written in one
// step. The passes are constants of their own, so that a policy can be tried without the pass that it needs.
//
// Use package volume instead when the log is on several machines: here one disk is either there or not.
package wal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the model.
type World struct {
	// Work is what the transactions do. Transaction t has an amount of its own, 10, 20, 40 and so on.
	//   transfer: X plus the amount, then Y minus the amount
	//   cross:    as transfer, but the even transactions begin with Y
	//   correct:  X plus the amount and 5 more, X minus 5, Y minus the amount
	//   deposit:  X plus the amount, or Y for the even transactions
	Work       string `json:"work"`
	Txns       int    `json:"txns"`       // transactions, started in any order
	SamePage   bool   `json:"samePage"`   // X and Y are on one page
	Steal      bool   `json:"steal"`      // a page may be written before what is on it is committed
	Force      bool   `json:"force"`      // a transaction is finished only when its pages are written
	Shadow     bool   `json:"shadow"`     // its pages and its commit record are written in one step
	RedoPass   bool   `json:"redoPass"`   // recovery redoes
	UndoPass   bool   `json:"undoPass"`   // recovery undoes
	Aborts     bool   `json:"aborts"`     // a running transaction may be rolled back
	MaxLSN     int    `json:"maxLSN"`     // longest log
	MaxCrashes int    `json:"maxCrashes"` // most crashes
	Bug        string `json:"bug"`        // "none" or empty, or the name of the one guard that is broken
}

// What a state has room for.
const (
	maxTxns    = 4
	maxLSN     = 12
	maxCrashes = 100
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// works returns what World.Work may be.
func works() []string { return []string{"transfer", "cross", "correct", "deposit"} }

// Bugs returns what World.Bug may be besides "none".
func Bugs() []string {
	return []string{"commit-before-updates", "commit-overtakes", "page-before-log", "ack-before-flush",
		"release-at-commit", "ignore-locks", "truncate-early", "undo-unlogged", "undo-restarts", "undo-forward",
		"undo-before-redo", "redo-backward", "redo-losers", "open-before-undo"}
}

// Validate says whether the world contradicts itself, or does not fit into a state. A policy without the pass of
// recovery that it needs does neither; that it is wrong is for the search to find.
func (w World) Validate() error {
	if !slices.Contains(works(), w.Work) {
		return check.Wrong("work", fmt.Sprintf("%q", w.Work), "one of "+strings.Join(works(), ", "))
	}
	if err := check.KnownBug(w.Bug, Bugs()); err != nil {
		return err
	}
	if w.Txns < 1 || w.Txns > maxTxns {
		return check.Wrong("txns", fmt.Sprint(w.Txns), fmt.Sprintf("1 to %d", maxTxns))
	}
	if shortest := len(program(w.Work, 1)) + 1; w.MaxLSN < shortest || w.MaxLSN > maxLSN {
		return check.Wrong("maxLSN", fmt.Sprint(w.MaxLSN), fmt.Sprintf("%d to %d (a transaction of work %s has %d records)", shortest, maxLSN, w.Work, shortest))
	}
	if w.MaxCrashes < 0 || w.MaxCrashes > maxCrashes {
		return check.Wrong("maxCrashes", fmt.Sprint(w.MaxCrashes), fmt.Sprintf("0 to %d", maxCrashes))
	}
	if w.Shadow && (w.Steal || !w.Force) {
		return check.Wrong("shadow", fmt.Sprintf("true with steal %t and force %t", w.Steal, w.Force),
			"steal false and force true: pages that are written with the commit record are written neither before nor after it")

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

// config returns the configuration by which TLC checks Wal.tla in the same world.
func config(text []byte) (string, error) {
	w, err := parse(text)
	if err != nil {
		return "", err
	}
	b := strings.NewReplacer("true", "TRUE", "false", "FALSE")
	return b.Replace(fmt.Sprintf("SPECIFICATION Spec\nCONSTANTS\n Work = %q\n MaxTxn = %d\n SamePage = %t\n Steal = %t\n Force = %t\n"+
		" Shadow = %t\n RedoPass = %t\n UndoPass = %t\n Aborts = %t\n MaxLSN = %d\n MaxCrashes = %d\n Bug = %q\n",
		w.Work, w.Txns, w.SamePage, w.Steal, w.Force, w.Shadow, w.RedoPass, w.UndoPass, w.Aborts, w.MaxLSN, w.MaxCrashes, w.Bug)) +
		"INVARIANTS TypeOK Atomic Durable NothingUncommitted\nCHECK_DEADLOCK FALSE\n", nil
}
