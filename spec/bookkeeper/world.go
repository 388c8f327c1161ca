// Package bookkeeper is the model of one ledger of Apache BookKeeper: a writer that sends entries to an ensemble of bookies
// and acknowledges what an ack quorum has stored, clients that fence, read, write back and close a ledger whose writer they
// take for dead, changes of the ensemble on both sides, and bookies that come back empty. It reads as its twin,
// spec/tla/Bookkeeper.tla, does: one function an action, under the same name and in the same order.
//
// It answers what each rule of the protocol is for. Each of its broken variants breaks one: most are faults that the
// project had, and were found by J. Vanlightly when he specified the protocol (apache/bookkeeper#2614, #2615), by operators
// (#2612, #1591), or that its description warns of.
//
// Entries count from 1 here and the LAC begins at 0, where BookKeeper begins at 0 and -1.
//
// Use package volume instead when the log is one of a database that undoes: a ledger has one writer, and ends when that
// one does.
package bookkeeper

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the model.
type World struct {
	Bookies     int    `json:"bookies"`     // storage nodes, of which some are spare
	Ensemble    int    `json:"ensemble"`    // bookies that a fragment of the ledger is spread over
	WriteQuorum int    `json:"writeQuorum"` // bookies that an entry is sent to; fewer than the ensemble is striping
	AckQuorum   int    `json:"ackQuorum"`   // bookies that must have stored an entry
	Entries     int    `json:"entries"`     // most entries
	Recoverers  int    `json:"recoverers"`  // clients that may recover the ledger, side by side
	MaxChanges  int    `json:"maxChanges"`  // most changes of ensembles, of all clients together
	MaxWipes    int    `json:"maxWipes"`    // how often a bookie may come back empty
	Bug         string `json:"bug"`         // "none" or empty, or the name of the one rule that is broken
}

// What a state has room for.
const (
	maxBookies    = 6
	maxEntries    = 5
	maxRecoverers = 2
	maxChanges    = 3
	maxWipes      = 3
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// The rules that may be broken, each with the fault of the project that it is, where it is one.
const (
	readUnfenced      = "read-unfenced"      // a recovery read does not fence (apache/bookkeeper#2614)
	readFromStart     = "read-from-start"    // recovery begins below the last fragment (#2615)
	emptySaysNo       = "empty-says-no"      // an empty bookie says that there is no such entry (#2612)
	limboUnfenced     = "limbo-unfenced"     // an empty bookie forgets that it was fenced (BP-44)
	oneNo             = "one-no"             // one bookie without an entry is enough to end the ledger (#2612)
	changeUnrecorded  = "change-unrecorded"  // the writer goes on before the metadata has the new ensemble (#1591)
	changeInMetadata  = "change-in-metadata" // a recovery's change is in the metadata before the ledger is closed
	readNewEnsemble   = "read-new-ensemble"  // recovery reads follow the recovery's own changes
	closeBlindly      = "close-blindly"      // a recovery closes without compare-and-set
	closeUnwritten    = "close-unwritten"    // a recovery closes before an ack quorum has what it read
	acknowledgeAround = "acknowledge-around" // the writer acknowledges an entry before those below it
	tellOwnLac        = "tell-own-lac"       // a recovery's adds tell what it has on an ack quorum of its own, as those of BookKeeper do (PendingAddOp)
)

// Bugs returns what World.Bug may be besides "none".
func Bugs() []string {
	return []string{readUnfenced, readFromStart, emptySaysNo, limboUnfenced, oneNo, changeUnrecorded, changeInMetadata,
		readNewEnsemble, closeBlindly, closeUnwritten, acknowledgeAround, tellOwnLac}
}

// Validate says whether the world contradicts itself, or does not fit into a state.
func (w World) Validate() error {
	if err := check.InRange(
		check.Between("bookies", w.Bookies, 1, maxBookies, ""),
		check.Between("ensemble", w.Ensemble, 1, w.Bookies, " (bookies)"),
		check.Between("writeQuorum", w.WriteQuorum, 1, w.Ensemble, " (ensemble)"),
		check.Between("ackQuorum", w.AckQuorum, 1, w.WriteQuorum, " (writeQuorum)"),
		check.Between("entries", w.Entries, 1, maxEntries, ""),
		check.Between("recoverers", w.Recoverers, 0, maxRecoverers, ""),
		check.Between("maxChanges", w.MaxChanges, 0, maxChanges, ""),
		check.Between("maxWipes", w.MaxWipes, 0, maxWipes, ""),
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

// config returns the configuration by which TLC checks Bookkeeper.tla in the same world.
func config(text []byte) (string, error) {
	w, err := parse(text)
	if err != nil {
		return "", err
	}
	bookies := make([]string, w.Bookies)
	for b := range bookies {
		bookies[b] = bookieName(b)
	}
	recoverers := make([]string, w.Recoverers)
	for r := range recoverers {
		recoverers[r] = fmt.Sprintf("C%d", r+1)
	}
	return fmt.Sprintf("SPECIFICATION Spec\nCONSTANTS\n Bookie = {%s}\n Recoverer = {%s}\n Writer = W\n E = %d\n WQ = %d\n AQ = %d\n MaxEntry = %d\n"+
		" MaxChanges = %d\n MaxWipes = %d\n Bug = %q\nSYMMETRY Symmetry\n"+
		"INVARIANTS TypeOK Durable Stored Readable NoGap Agreed InOrder\nCHECK_DEADLOCK FALSE\n",
		strings.Join(bookies, ", "), strings.Join(recoverers, ", "), w.Ensemble, w.WriteQuorum, w.AckQuorum, w.Entries, w.MaxChanges, w.MaxWipes, w.Bug), nil
}

func bookieName(b int) string { return fmt.Sprintf("B%d", b+1) }
