package linearizability

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// reads is a read, of nothing when the value is empty.
func reads(key, value string) Op {
	return Op{Kind: Read, Key: key, Value: value, Found: value != ""}
}

func leaves(key, value string) Op { return Op{Kind: Write, Key: key, Value: value} }

// inTurn are committed transactions, one after the other in time; each is given its client.
type inTurn []Txn

func (h inTurn) by(client int, ops ...Op) inTurn {
	at := int64(10 * len(h))
	return append(h, Txn{ID: uint64(len(h) + 1), Client: client, Begin: at, End: at + 5, Outcome: Committed, Ops: ops})
}

// Of each pair of neighboring levels, a history has the weaker one and breaks the stronger one, under the name that the field has
// for that.
func TestEachLevelIsBrokenByItsAnomaly(t *testing.T) {
	aborted := inTurn{}.by(1, leaves("x", "1")).by(2, reads("x", "1"))
	aborted[0].Outcome = Aborted
	for _, tc := range []struct {
		name      string
		history   []Txn
		strongest Level
		next      Level
		anomaly   Anomaly
		class     Class
		core      []int
	}{
		{"a value of an aborted transaction", aborted, "", ReadCommitted, AbortedValue, G1a, []int{0, 1}},
		{"a value that its transaction overwrote", inTurn{}.by(1, leaves("x", "1"), leaves("x", "2")).by(2, reads("x", "1")),
			"", ReadCommitted, DirtyRead, G1b, []int{0, 1}},
		// 3 has seen 2, and then what 2 had replaced.
		{"an older value after a newer one", inTurn{}.by(1, leaves("x", "1"), leaves("y", "1")).by(2, reads("x", "1"), leaves("x", "2"), leaves("y", "2")).
			by(3, reads("x", "2"), reads("y", "1")), "", ReadCommitted, FracturedRead, G1c, []int{0, 1, 2}},
		// The other way round it saw 2 only after that, but half of it.
		{"half of a transaction", inTurn{}.by(1, leaves("x", "1"), leaves("y", "1")).by(2, reads("x", "1"), leaves("x", "2"), leaves("y", "2")).
			by(3, reads("y", "1"), reads("x", "2")), ReadCommitted, ReadAtomic, FracturedRead, G1c, []int{0, 1, 2}},
		{"an answer without its question", inTurn{}.by(1, leaves("x", "1")).by(2, reads("x", "1"), leaves("y", "1")).by(3, reads("y", "1"), reads("x", "")),
			ReadAtomic, Causal, CausalReversal, GSingle, []int{0, 1, 2}},
		{"one value replaced twice", inTurn{}.by(1, reads("x", ""), leaves("x", "1")).by(2, reads("x", ""), leaves("x", "2")),
			Causal, ParallelSnapshotIsolation, LostUpdate, ClassLostUpdate, []int{0, 1}},
		{"two writes seen in opposite orders", inTurn{}.by(1, leaves("x", "1")).by(2, leaves("y", "1")).by(3, reads("x", "1"), reads("y", "")).by(4, reads("x", ""), reads("y", "1")),
			ParallelSnapshotIsolation, SnapshotIsolation, Unserializable, LongFork, []int{0, 1, 2, 3}},
		{"write skew", inTurn{}.by(1, reads("x", ""), reads("y", ""), leaves("x", "1")).by(2, reads("x", ""), reads("y", ""), leaves("y", "1")),
			SnapshotIsolation, Serializable, WriteSkew, G2Item, []int{0, 1}},
		// Sessions are no part of plain serializability.
		{"a session that does not see itself", inTurn{}.by(1, leaves("x", "1")).by(1, reads("x", "")), Serializable, ReadAtomic, StaleRead, "G-single-process", []int{0, 1}},
		{"a stale read of another client", inTurn{}.by(1, leaves("x", "1")).by(2, reads("x", "")), SessionSerializable, StrictSerializable, LostCommit, "G-single-realtime", []int{0, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			standing := Strongest(context.Background(), tc.history, Limits{})
			require.Equal(t, tc.strongest, standing.Strongest)
			require.Equal(t, tc.next, standing.Next)
			broken := CheckLevel(context.Background(), tc.next, tc.history, Limits{})
			require.Equal(t, Illegal, broken.Verdict)
			violation := broken.Violation.(*Violation)
			require.Equal(t, tc.next, violation.Level)
			require.Equal(t, tc.anomaly, violation.Anomaly, violation)
			require.Equal(t, tc.class, violation.Class, violation)
			require.Equal(t, tc.core, violation.Core, violation)
			if tc.strongest != "" {
				held := CheckLevel(context.Background(), tc.strongest, tc.history, Limits{})
				require.Equal(t, Legal, held.Verdict, held.Err())
			}
		})
	}
}

// A scan that left rows out says that there was at least one. At levels without one order of whole transactions that was once
// taken for granted: the third transaction comes after the delete of the only row, in
// its own session, and yet the history was called legal at snapshot isolation.
func TestWhatScansLeftOutIsNotTakenForGranted(t *testing.T) {
	scan := Op{Kind: Scan, From: "a", Most: 1, Rows: []Row{{"a", "1"}}, More: true}
	broken := inTurn{}.by(1, leaves("a", "1"), leaves("b", "1")).by(1, reads("b", "1"), Op{Kind: Delete, Key: "b"}).by(1, scan)
	for _, level := range Levels() {
		want := Illegal
		if level == Serializable || level == ReadCommitted { // the one has no sessions, and the other has none of what is seen
			want = Legal
		}
		result := CheckLevel(context.Background(), level, broken, Limits{})
		require.Equal(t, want, result.Verdict, "%s: %v", level, result.Err())
	}
	// With a row behind, all levels hold.
	whole := inTurn{}.by(1, leaves("a", "1"), leaves("b", "1"), leaves("c", "1")).by(1, reads("b", "1"), Op{Kind: Delete, Key: "b"}).by(1, scan)
	for _, level := range Levels() {
		result := CheckLevel(context.Background(), level, whole, Limits{})
		require.Equal(t, Legal, result.Verdict, "%s: %v", level, result.Err())
	}
	// What is broken besides is told.
	torn := append(broken, inTurn{}.by(4, reads("z", "9"))...)
	torn[3].ID = 4
	require.Equal(t, Illegal, CheckLevel(context.Background(), SnapshotIsolation, torn, Limits{}).Verdict)
}

// Who wrote a value that several wrote is tried at the weak levels, up to a limit, which is named when it is reached.
func TestTheLimitOnChoicesIsNamed(t *testing.T) {
	history := func(keys int) []Txn {
		h := inTurn{}
		var first, second, seen []Op
		for k := range keys {
			key := fmt.Sprint("k", k)
			first, second, seen = append(first, leaves(key, "1")), append(second, leaves(key, "1")), append(seen, reads(key, "1"))
		}
		return h.by(1, first...).by(2, second...).by(3, seen...)
	}
	for _, level := range []Level{ReadCommitted, ReadAtomic, Causal} {
		few := CheckLevel(context.Background(), level, history(12), Limits{})
		require.Equal(t, Legal, few.Verdict, "%s: %v", level, few.Err())
		require.Equal(t, BySearch, few.Proof, level)
		many := CheckLevel(context.Background(), level, history(13), Limits{})
		require.Equal(t, Unknown, many.Verdict, level)
		var limit *LimitError
		require.ErrorAs(t, many.Err(), &limit, level)
		require.Equal(t, "choices", limit.Limit)
		require.Contains(t, limit.Error(), "4096 answers to who wrote what")
	}
	// At the stronger levels they are clauses, and there is no such limit.
	require.Equal(t, Legal, CheckLevel(context.Background(), SnapshotIsolation, history(13), Limits{}).Verdict)
}

// What a read saw is known when real time replaced all other versions of the value; then whoever replaced them belongs to what
// contradicts it. Of a million random histories, a few had cores without that, which were no contradiction.
func TestTheCoreHoldsWhoReplacedAValue(t *testing.T) {
	history := inTurn{}.by(1, Op{Kind: Delete, Key: "k"}).by(1, reads("k", ""), leaves("k", "2")).by(1, reads("k", ""), leaves("k", "3")).by(2, reads("k", ""))
	history[0].Outcome = OutcomeUnknown
	result := CheckTxns(context.Background(), history, Limits{})
	require.Equal(t, Illegal, result.Verdict)
	var core []Txn
	for _, i := range result.Violation.(*Violation).Core {
		core = append(core, history[i])
	}
	require.False(t, bruteForce(core), "the core is legal: %v", result.Violation)
}
