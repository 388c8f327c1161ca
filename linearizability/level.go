package linearizability

import (
	"fmt"
	"slices"
)

// A Level is what a history of transactions can be asked for. All but plain Serializable know sessions: what a client's
// transaction did or saw, its later ones come after.
type Level string

// The levels, the strongest first. Each implies all below it, but for Serializable, which implies none of them: it has no
// sessions.
const (
	// One order explains all reads, and keeps real time.
	StrictSerializable Level = "strict-serializable"
	// One order explains all reads, and keeps the order of each session (Daudjee and Salem 2004).
	SessionSerializable Level = "session-serializable"
	// One order explains all reads (Papadimitriou 1979).
	Serializable Level = "serializable"
	// Each reads from one snapshot, and of two that write the same key, the later one has seen the earlier (Berenson and
	// others 1995; Cerone and Gotsman 2018, theorem 4).
	SnapshotIsolation Level = "snapshot-isolation"
	// As snapshot isolation, but snapshots need not be of one order (Sovran and others 2011; Cerone and Gotsman 2018).
	ParallelSnapshotIsolation Level = "parallel-snapshot-isolation"
	// Who sees a transaction sees all that it had seen (Biswas and Enea 2019).
	Causal Level = "causal"
	// A transaction is seen whole or not at all (Bailis and others 2014).
	ReadAtomic Level = "read-atomic"
	// Only what was committed is seen, and nothing older after something newer (Adya 1999, PL-2; Biswas and Enea 2019).
	ReadCommitted Level = "read-committed"
)

// Levels are the names that ParseLevel knows, the strongest first.
func Levels() []Level {
	return []Level{StrictSerializable, SessionSerializable, Serializable, SnapshotIsolation, ParallelSnapshotIsolation, Causal, ReadAtomic, ReadCommitted}
}

// ParseLevel refuses an unknown name by listing the known ones.
func ParseLevel(name string) (Level, error) {
	if !slices.Contains(Levels(), Level(name)) {
		return "", fmt.Errorf("unknown level %q; known: %s", name, list(Levels()))
	}
	return Level(name), nil
}

// Implies tells that a history which has this level has the other one too.
func (l Level) Implies(other Level) bool {
	if l == Serializable || other == Serializable {
		return other == Serializable && (l == Serializable || l == SessionSerializable || l == StrictSerializable)
	}
	return slices.Index(Levels(), l) <= slices.Index(Levels(), other)
}

// A Class is the name that Adya (1999) and Elle (Kingsbury and Alvaro 2020) have for an anomaly. A cycle that needs the
// order of sessions or real time to close has "-process" or "-realtime" behind its name, as in Elle.
type Class string

// The classes.
const (
	G0              Class = "G0"            // writes in a circle
	G1a             Class = "G1a"           // a read of what was aborted
	G1b             Class = "G1b"           // a read of what its transaction overwrote itself
	G1c             Class = "G1c"           // writes and reads from them in a circle
	GSingle         Class = "G-single"      // a circle with one read of what was overwritten
	GNonadjacent    Class = "G-nonadjacent" // a circle with several such reads, no two of them next to each other
	G2Item          Class = "G2-item"       // a circle with such reads next to each other
	LongFork        Class = "long fork"     // two readers see two writes in opposite orders
	ClassLostUpdate Class = "lost update"   // two transactions read the same value and replace it
	Internal        Class = "internal"      // a transaction contradicts its own reads or writes
	Garbage         Class = "garbage read"  // a read of what was never written
)
