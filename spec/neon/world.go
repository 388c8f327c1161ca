package neon

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the module: how many proposers and safekeepers there are, how far terms and logs go, and which
// guard, if any, is broken.
type World struct {
	Proposers int `json:"proposers"` // computes that may write
	Acceptors int `json:"acceptors"` // safekeepers
	Terms     int `json:"terms"`     // the constraint: no proposer asks for a higher term
	Entries   int `json:"entries"`   // the constraint: no proposer has a longer log
	// Generations turns membership change on: the constraint is that the configuration store goes up to this generation. 0 is the
	// static protocol, in which every acceptor is a member for good.
	Generations int `json:"generations,omitempty"`
	// Donor says whose log an elected proposer copies when several votes are the highest: "every" (it waits until all of these
	// acceptors are in its term), "some" (it asks one that is) or, without symmetry, "named" (that of the first name must be, as by
	// CHOOSE in Neon's module). Empty is "every".
	Donor     string `json:"donor,omitempty"`
	Elections bool   `json:"elections"` // the state has how often each term was elected, for ElectionSafetyFull
	Bug       string `json:"bug"`       // "none" or empty, or the name of the one guard that is broken
	// Invariants names those that are decided. Without it all are but CommittedNotTruncated, which is none with five acceptors.
	Invariants []string `json:"invariants,omitempty"`
	Symmetry   bool     `json:"symmetry"` // proposers may be taken for one another, and acceptors too
}

// What a state can hold.
const (
	maxProposers = 3
	maxAcceptors = 7
	maxTerms     = 4
	maxEntries   = 4

	maxGenerations = 5
	maxMembers     = 5 // with membership change
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// The values of World.Donor.
const (
	every = "every"
	some  = "some"
	named = "named"
)

// The values of World.Bug.
//
// keep-tail is the one that safekeepers had. Before they kept term histories (neondatabase/neon#847), one that had caught up with a
// leader's starting LSN took over its epoch, and what it still had above that counted as the leader's: its flush LSN was a lie
// (neondatabase/neon#296, #505, neondatabase/postgres#101).
const (
	none           = check.NoBug
	badQuorum      = "bad-quorum"      // half of the acceptors are taken for a quorum
	voteTwice      = "vote-twice"      // an acceptor votes again in a term in which it has voted
	lowestVote     = "lowest-vote"     // an elected proposer takes its log from the lowest vote
	flushFirst     = "flush-first"     // votes are compared by their flush LSN first, and by the term of the last entry only then
	commitOld      = "commit-old"      // entries of earlier terms are committed before the leader's own term has begun on a quorum
	keepTail       = "keep-tail"       // an acceptor takes over the leader's term history and keeps what diverges from the leader's log
	finishUnsynced = "finish-unsynced" // a change of the members ends before the new ones have the log
)

// Bugs returns the broken variants, "none" not among them.
func Bugs() []string {
	return []string{badQuorum, voteTwice, lowestVote, flushFirst, commitOld, keepTail, finishUnsynced}
}

// ParseWorld reads a world, fills in its defaults, and refuses one that does not fit.
func ParseWorld(text []byte) (World, error) {
	return check.ParseWorld(text, func(w *World) *string { return &w.Bug })
}

// Validate refuses, with a *WorldError, a world that does not fit.
func (w World) Validate() error {
	if err := check.InRange(
		check.Between("proposers", w.Proposers, 1, maxProposers, ""),
		check.Between("acceptors", w.Acceptors, 1, maxAcceptors, ""),
		check.Between("terms", w.Terms, 1, maxTerms, ""),
		check.Between("entries", w.Entries, 1, maxEntries, ""),
		check.Between("generations", w.Generations, 0, maxGenerations, ""),
	); err != nil {
		return err
	}
	if l := newLayout(w); l.width > 64 {
		return check.Wrong("proposers, terms, entries and generations",
			fmt.Sprintf("%d, %d, %d and %d", w.Proposers, w.Terms, w.Entries, w.Generations),
			fmt.Sprintf("so few that what concerns one acceptor takes 64 bits, and not %d", l.width))
	}
	switch {
	case w.Generations == 0:
	case w.Acceptors < 2 || w.Acceptors > maxMembers:
		return check.Wrong("acceptors", fmt.Sprintf("%d with membership change", w.Acceptors),
			fmt.Sprintf("2 to %d: all but one are members at first", maxMembers))
	case !w.Symmetry:
		return check.Wrong("symmetry", "false with membership change", "true: whichever acceptor is left out at first, that is the initial state")
	}
	if err := check.KnownBug(w.Bug, Bugs()); err != nil {
		return err
	}
	if known := []string{"", every, some, named}; !slices.Contains(known, w.Donor) {
		return check.Wrong("donor", fmt.Sprintf("%q", w.Donor), "one of "+strings.Join(known[1:], ", "))
	}
	if w.Donor == named && w.Symmetry {
		return check.Wrong("donor", `"named" with symmetry`, "every or some: a symmetry has no names")
	}
	for i, name := range w.Invariants {
		if name == electedOnce && !w.Elections {
			return check.Wrong(fmt.Sprintf("invariants[%d]", i), fmt.Sprintf("%q without elections", name), "a state that counts elections")
		}
		if known := invariantNames(); !slices.Contains(known, name) {
			return check.Wrong(fmt.Sprintf("invariants[%d]", i), fmt.Sprintf("%q", name), "one of "+strings.Join(known, ", "))
		}
	}
	return nil
}

// quorum returns how many acceptors are a quorum.
func (w World) quorum() int {
	if w.Bug == badQuorum {
		return max(w.Acceptors/2, 1)
	}
	return w.Acceptors/2 + 1
}

// A layout says where the parts of a state are. All that concerns one acceptor is one word of 64 bits, so that exchanging two
// acceptors exchanges two words:
//
//	term | term history | WAL | for each proposer: flush LSN of its vote, or 0 | term history of its vote | next LSN to send, or 0
//
// A WAL is the terms of its entries, the first one in the lowest bits; it ends before the first 0, for no leader is elected in
// term 0. A term history has for each term from 1 on the LSN at which it begins, 0 for a term that is not in it. Every one begins
// with term 0 at LSN 1, which takes no room. LSNs count entries from 1, and a flush LSN is that of the next entry.
//
// With membership change there follow the generation of the acceptor's configuration, and for each generation from 1 on whether the
// acceptor is a member of it, and whether it is a new one. A configuration is known by its generation, for the store gives each to one
// configuration; those that neither the store, a proposer nor an acceptor has any longer are cleared.
type layout struct {
	world               World
	term, lsn           uint // bits of a term, of an LSN
	history, wal, votes uint // where they begin
	per                 uint // bits for each proposer
	conf, members, news uint // with membership change: the generation that the acceptor is in, and in which ones it is a member, a new one
	generation          uint // bits of one
	width               uint // of all
	asked               uint // bits of the term of a proposer, which may be one beyond the constraint
	own                 uint // bits of what is a proposer's alone
	all                 uint // bits of an encoded state
	termMask, lsnMask   uint64
	histMask, walMask   uint64
	voteMask, perMask   uint64    // of the term history of a vote, of all for one proposer
	terms, lsns         [65]uint8 // how many terms, or LSNs, so many bits reach into: a division is slow
}

func newLayout(w World) *layout {
	l := &layout{world: w, term: uint(bits.Len(uint(w.Terms))), lsn: uint(bits.Len(uint(w.Entries + 1)))}
	l.history = l.term
	l.wal = l.history + uint(w.Terms)*l.lsn
	l.votes = l.wal + uint(w.Entries)*l.term
	voted := uint(w.Terms-1) * l.lsn // a vote is for a term above all of its history
	if w.Bug == voteTwice {
		voted += l.lsn
	}
	l.per = l.lsn + voted + l.lsn
	l.conf = l.votes + uint(w.Proposers)*l.per
	l.width = l.conf
	if w.Generations > 0 {
		l.generation = uint(bits.Len(uint(w.Generations + 1)))
		l.members = l.conf + l.generation
		l.news = l.members + uint(w.Generations+1)
		l.width = l.news + uint(w.Generations+1)
	}
	l.termMask, l.lsnMask = 1<<l.term-1, 1<<l.lsn-1
	l.histMask, l.walMask = 1<<(uint(w.Terms)*l.lsn)-1, 1<<(uint(w.Entries)*l.term)-1
	l.voteMask, l.perMask = 1<<voted-1, 1<<l.per-1
	for n := range l.terms {
		l.terms[n] = uint8((uint(n) + l.term - 1) / l.term)
		l.lsns[n] = uint8((uint(n) + l.lsn - 1) / l.lsn)
	}
	l.asked = uint(bits.Len(uint(w.Terms + 1)))
	l.own = 1 + l.asked + uint(w.Terms)*l.lsn + uint(w.Entries+1)*l.term + l.generation
	l.all = l.generation + uint(w.Terms*(w.Entries+2)) + uint(w.Proposers)*l.own + uint(w.Acceptors)*l.width
	return l
}
