package volume

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World fixes the constants of the module: how large the volume is, how far its behaviours may go, and
// which guard, if any, is broken.
type World struct {
	Groups      int `json:"groups"`      // protection groups
	Replicas    int `json:"replicas"`    // replicas of each group
	WriteQuorum int `json:"writeQuorum"` // W, counted in each group
	ReadQuorum  int `json:"readQuorum"`  // R, counted in each group
	Keys        int `json:"keys"`        // rows
	Txns        int `json:"txns"`        // MaxTxn: transactions are 1..Txns and start in that order
	MaxLSN      int `json:"maxLSN"`      // longest log
	MaxEpoch    int `json:"maxEpoch"`    // most writers, the first one included

	Aborts   bool   `json:"aborts"`   // a writer may also roll back its own transactions
	Mtr      bool   `json:"mtr"`      // a record may leave its mini-transaction unfinished
	Bug      string `json:"bug"`      // "none" or empty, or the name of the one guard that is broken
	Symmetry bool   `json:"symmetry"` // the checker may take replicas of one group for one another

	// Rewrites lets a transaction write a row again that it already holds (VolumeTrace.tla).
	Rewrites bool `json:"rewrites,omitempty"`
	// Answers lets a fence's answer travel: Decide cuts by what the replicas told (VolumeTrace.tla).
	Answers bool `json:"answers,omitempty"`
	// Structures lets a writer log changes that belong to no transaction and no key (VolumeTrace.tla).
	Structures bool `json:"structures,omitempty"`
	// Moves lets a change of a key be in any group (VolumeTrace.tla).
	Moves bool `json:"moves,omitempty"`
	// Savepoints lets a writer take back the latest changes of a transaction and go on with it (VolumeTrace.tla).
	Savepoints bool `json:"savepoints,omitempty"`
	// Members is how many quorum sets a group may have at a time. With more than 1, members are replaced (VolumeTrace.tla).
	Members int `json:"members,omitempty"`
	// Spares is how many replicas of each group, the last ones, are no members at first (VolumeTrace.tla).
	Spares int `json:"spares,omitempty"`
	// Grows lets groups come into use (VolumeTrace.tla).
	Grows bool `json:"grows,omitempty"`
	// InUse is how many groups, the first ones, are in use from the start; 0 is all (VolumeTrace.tla).
	InUse int `json:"inUse,omitempty"`
	// Tails are the replicas of each group, counted from 0, that keep the log and no pages (VolumeTrace.tla).
	Tails []int `json:"tails,omitempty"`
	// RecordAcks lets a replica acknowledge each record that it stores, instead of how far it is complete; the writer then
	// counts copies of each record (VolumeAcks.tla).
	RecordAcks bool `json:"recordAcks,omitempty"`
	// LAL is the LSN allocation limit: a writer allocates no LSN above its VDL + LAL. 0 is no limit (VolumeAcks.tla).
	LAL int `json:"lal,omitempty"`
	// HomeOf gives the group of every key, both counted from 0. Without it key k lives in group
	// k mod Groups, which is how worlds.tsv places them.
	HomeOf []int `json:"homeOf,omitempty"`
	// Up is how many replicas of each group, the first ones of it, keep answering; with it, progress is decided as well
	// (VolumeLive.tla). It is not for worlds with Symmetry: replicas that are up are not like the others.
	Up []int `json:"up,omitempty"`
}

// What a State can hold at all. A search has a further limit, on the size of one encoded state.
const (
	maxReplicas   = 9 // of one group: three in each of three zones
	maxMembers    = len(ReplicaSet{}) * 64
	maxEpoch      = 1<<15 - 1
	maxSets       = 64 // three replacements at a time make eight
	maxDimension  = 1 << 30
	maxStateBytes = 4096
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// A bug is a broken guard, as a number, because guards are evaluated millions of times a second.
type bug uint8

const (
	none bug = iota
	cutAtHighest
	cutInsideMtr
	shortReadQuorum
	shortWriteQuorum
	appendPastFence
	appendPastLine
	gossipAcrossLines
	ackCommitAlone
	openBeforeRepair
	forgetLineage
	joinKeepsTail
	undoRestarts
	undoToZero
	decideUnfenced
	amnesia
	ackBeforeDurable
	readUnfenced
	highestSCL // of VolumeAcks.tla, as the rest
	allocatePastLAL
	cutPerGroup
	cutInsideStructure // of VolumeTrace.tla, as the rest
	structureInsideMtr
	undoPastSavepoint
	countAtHome
	directSwap
	finishUnfilled
	newcomerVotes
	countSettledAlone
	twoChangesAtOnce
	blockOneSet
	changeUnseen
	growUnseen
	readWithoutFull
	bugs // how many
)

func (b bug) String() string {
	return [bugs]string{"none", "cut-at-highest", "cut-inside-mtr", "short-read-quorum", "short-write-quorum",
		"append-past-fence", "append-past-line", "gossip-across-lines", "ack-commit-alone", "open-before-repair",
		"forget-lineage", "join-keeps-tail", "undo-restarts", "undo-to-zero", "decide-unfenced", "amnesia",
		"ack-before-durable", "read-unfenced", "highest-scl", "allocate-past-lal", "cut-per-group",
		"cut-inside-structure", "structure-inside-mtr", "undo-past-savepoint", "count-at-home",
		"direct-swap", "finish-unfilled", "newcomer-votes", "count-settled-alone", "two-changes-at-once", "block-one-set",
		"change-unseen", "grow-unseen", "read-without-full"}[b]
}

// ofAcks says whether the module VolumeAcks.tla has the bug, and Volume.tla does not.
func (b bug) ofAcks() bool { return b >= highestSCL && b <= cutPerGroup }

// ofTrace says so of VolumeTrace.tla.
func (b bug) ofTrace() bool { return b > cutPerGroup }

// Bugs returns the values that World.Bug may have, "none" first.
func Bugs() []string {
	names := make([]string, bugs)
	for b := none; b < bugs; b++ {
		names[b] = b.String()
	}
	return names
}

func bugNamed(name string) (bug, error) {
	if name == "" {
		return none, nil
	}
	for b := none; b < bugs; b++ {
		if b.String() == name {
			return b, nil
		}
	}
	return none, check.Wrong("bug", fmt.Sprintf("%q", name), "one of "+strings.Join(Bugs(), ", "))
}

// Validate says whether the world can be searched: whether it contradicts itself, and whether a state of it
// fits. W and R that do not overlap contradict nothing; that they are wrong is for the search to find.
func (w World) Validate() error {
	if err := w.shape(); err != nil {
		return err
	}
	l := newLayout(w)
	if n := l.maxBytes(); n > maxStateBytes {
		return check.Wrong("groups × replicas × maxLSN × maxEpoch",
			fmt.Sprintf("%d × %d × %d × %d, so that one state takes up to %d bytes", w.Groups, w.Replicas, w.MaxLSN, w.MaxEpoch, n),
			fmt.Sprintf("a state of at most %d bytes", maxStateBytes))

	}
	return nil
}

// shape checks what must hold of every world, to be searched or only to be stepped through.
func (w World) shape() error {
	if err := check.InRange(
		check.Between("groups", w.Groups, 1, maxMembers, ""),
		check.Between("replicas", w.Replicas, 1, maxReplicas, ""),
		check.Between("writeQuorum", w.WriteQuorum, 1, w.Replicas, " (replicas)"),
		check.Between("readQuorum", w.ReadQuorum, 1, w.Replicas, " (replicas)"),
		check.Between("keys", w.Keys, 1, maxDimension, ""),
		check.Between("txns", w.Txns, 1, maxDimension, ""),
		check.Between("maxLSN", w.MaxLSN, 1, maxDimension, ""),
		check.Between("maxEpoch", w.MaxEpoch, 1, maxEpoch, ""),
	); err != nil {
		return err
	}
	if n := w.Groups * w.Replicas; n > maxMembers {
		return check.Wrong("groups × replicas", fmt.Sprint(n), fmt.Sprintf("at most %d", maxMembers))
	}
	if w.LAL < 0 || w.LAL > maxDimension {
		return check.Wrong("lal", fmt.Sprint(w.LAL), fmt.Sprintf("0 (no limit) to %d", maxDimension))
	}
	switch b, err := bugNamed(w.Bug); {
	case err != nil:
		return err
	case b == allocatePastLAL && w.LAL == 0:
		return check.Wrong("lal", "0 under the bug allocate-past-lal", "a limit to go past, 1 or more")
	case b == cutPerGroup && (w.Structures || w.Moves || w.Savepoints):
		return check.Wrong("structures, moves, savepoints", "true under the bug cut-per-group",
			"false: what its holes leave of a transaction is said for worlds without them")

	}
	if len(w.HomeOf) != 0 && len(w.HomeOf) != w.Keys {
		return check.Wrong("homeOf", fmt.Sprintf("a list of %d", len(w.HomeOf)), fmt.Sprintf("none, or one group for each of %d keys", w.Keys))
	}
	if len(w.Up) != 0 && len(w.Up) != w.Groups {
		return check.Wrong("up", fmt.Sprintf("a list of %d", len(w.Up)), fmt.Sprintf("none, or how many replicas are up in each of %d groups", w.Groups))
	}
	if len(w.Up) != 0 && w.Symmetry {
		return check.Wrong("symmetry", "true in a world with up", "false: replicas that are up are not like the others, and progress is decided on the whole graph only")
	}
	for g, n := range w.Up {
		if n < 0 || n > w.Replicas {
			return check.Wrong(fmt.Sprintf("up[%d]", g), fmt.Sprint(n), fmt.Sprintf("0 to %d (replicas)", w.Replicas))
		}
	}
	if b, err := bugNamed(w.Bug); err == nil {
		if err := w.geometryShape(b); err != nil {
			return err
		}
	}
	for k, g := range w.HomeOf {
		if g < 0 || g >= w.Groups {
			return check.Wrong(fmt.Sprintf("homeOf[%d]", k), fmt.Sprint(g), fmt.Sprintf("0 to %d (groups are counted from 0 here)", w.Groups-1))
		}
	}
	return nil
}

// ofAcks says whether the world is one of VolumeAcks.tla.
func (w World) ofAcks() bool {
	b, err := bugNamed(w.Bug)
	return w.RecordAcks || w.LAL > 0 || err == nil && b.ofAcks()
}

// ofTrace says whether the world is one of VolumeTrace.tla.
func (w World) ofTrace() bool {
	b, err := bugNamed(w.Bug)
	return w.Rewrites || w.Answers || w.Structures || w.Moves || w.Savepoints || w.ofGeometry() || err == nil && b.ofTrace()
}

// ofGeometry says whether who counts is more than all replicas of all groups.
func (w World) ofGeometry() bool {
	return w.Members > 0 || w.Spares > 0 || w.Grows || w.InUse > 0 || len(w.Tails) > 0
}

// geometryShape checks what a world says about who counts.
func (w World) geometryShape(b bug) error {
	for _, p := range []struct {
		name        string
		value, most int
		dependence  string
	}{
		{"members", w.Members, maxSets, ""},
		{"spares", w.Spares, w.Replicas - max(w.WriteQuorum, w.ReadQuorum), " (replicas less the larger quorum)"},
		{"inUse", w.InUse, w.Groups, " (groups)"},
	} {
		if p.value < 0 || p.value > p.most {
			return check.Wrong(p.name, fmt.Sprint(p.value), fmt.Sprintf("0 to %d%s", p.most, p.dependence))
		}
	}
	for i, r := range w.Tails {
		if r < 0 || r >= w.Replicas {
			return check.Wrong(fmt.Sprintf("tails[%d]", i), fmt.Sprint(r), fmt.Sprintf("0 to %d (replicas of a group are counted from 0 here)", w.Replicas-1))
		}
	}
	switch {
	case !w.ofGeometry():
	case w.ofAcks():
		return check.Wrong("members, spares, grows, inUse, tails", "given in a world with recordAcks, lal or a bug of VolumeAcks.tla",
			"none: single acknowledgements are counted over all replicas")

	case w.Symmetry && (len(w.Tails) > 0 || w.Spares > 0 && (w.Grows || b == changeUnseen)):
		return check.Wrong("symmetry", "true in a world with tails, or with spares where first members come again",
			"false: some replicas are not like the others")

	}
	return nil
}

// Home returns the group in which key k lives, both counted from 0.
func (w World) Home(k int) int {
	if k >= 0 && k < len(w.HomeOf) {
		return w.HomeOf[k]
	}
	return k % w.Groups
}

// A ReplicaSet is a set of replicas. Replica r is member r mod Replicas of group r / Replicas.
type ReplicaSet [4]uint64

// With returns the set with r added.
func (s ReplicaSet) With(r int) ReplicaSet { s.add(r); return s }

// Has says whether r is in the set.
func (s ReplicaSet) Has(r int) bool {
	return uint(r) < uint(maxMembers) && s[r>>6]&(1<<(r&63)) != 0
}

// Len returns how many replicas the set has.
func (s ReplicaSet) Len() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

func (s *ReplicaSet) add(r int) { s[r>>6] |= 1 << (r & 63) }

// nextSubset returns the subset of s that follows sub; after the last one, which is s itself, comes the empty set.
func (s ReplicaSet) nextSubset(sub ReplicaSet) ReplicaSet {
	var borrow uint64
	for i := range s { // (sub − s) ∧ s counts through the subsets of s
		sub[i], borrow = bits.Sub64(sub[i], s[i], borrow)
		sub[i] &= s[i]
	}
	return sub
}
