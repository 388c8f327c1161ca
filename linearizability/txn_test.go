package linearizability

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parseHistory reads one transaction a line, as in "T1 c0 [0,10] @5 committed: x=nothing x:=1": its number, client,
// interval, claimed position if any, outcome and operations, where = reads, := writes and :=nothing deletes.
func parseHistory(t *testing.T, text string) []Txn {
	t.Helper()
	var history []Txn
	for line := range strings.Lines(text) {
		head, body, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			require.Empty(t, strings.TrimSpace(line), "a line without operations")
			continue
		}
		var txn Txn
		for _, word := range strings.Fields(head) {
			switch {
			case word[0] == 'T':
				_, err := fmt.Sscanf(word, "T%d", &txn.ID)
				require.NoError(t, err)
			case word[0] == '[':
				begin, end, _ := strings.Cut(strings.Trim(word, "[]"), ",")
				var err error
				txn.Begin, err = strconv.ParseInt(begin, 10, 64)
				require.NoError(t, err)
				txn.End = Unfinished
				if end != "" {
					txn.End, err = strconv.ParseInt(end, 10, 64)
					require.NoError(t, err)
				}
			case word[0] == '@':
				_, err := fmt.Sscanf(word, "@%d", &txn.Order)
				require.NoError(t, err)
			case word == "committed":
				txn.Outcome = Committed
			case word == "aborted":
				txn.Outcome = Aborted
			case word == "unknown":
				txn.Outcome = OutcomeUnknown
			default:
				require.Fail(t, "unknown word", word)
			}
		}
		txn.Client = int(txn.ID)
		for _, word := range strings.Fields(body) {
			if op, ok := parseRange(t, word); ok {
				txn.Ops = append(txn.Ops, op)
				continue
			}
			key, value, isWrite := strings.Cut(word, ":=")
			op := Op{Kind: Write, Key: key, Value: value}
			if !isWrite {
				key, value, _ = strings.Cut(word, "=")
				op = Op{Kind: Read, Key: key, Value: value, Found: value != "nothing"}
			}
			if value == "nothing" {
				op.Value = ""
				if isWrite {
					op.Kind = Delete
				}
			}
			txn.Ops = append(txn.Ops, op)
		}
		history = append(history, txn)
	}
	return history
}

// parseRange reads a scan, as in "a..m{c=1,d=2,more}", or a rollback to an operation, from 0 on, as in "back(1)".
func parseRange(t *testing.T, word string) (Op, bool) {
	t.Helper()
	if strings.HasPrefix(word, "back(") {
		since, err := strconv.Atoi(strings.Trim(word, "back()"))
		require.NoError(t, err)
		return Op{Kind: Rollback, Since: since}, true
	}
	from, rest, ok := strings.Cut(word, "..")
	if !ok {
		return Op{}, false
	}
	to, answer, ok := strings.Cut(strings.TrimSuffix(rest, "}"), "{")
	require.True(t, ok, word)
	op := Op{Kind: Scan, From: from, To: to}
	for row := range strings.SplitSeq(answer, ",") {
		key, value, found := strings.Cut(row, "=")
		switch {
		case row == "more":
			op.More = true
		case strings.HasPrefix(row, "most"):
			_, err := fmt.Sscanf(row, "most%d", &op.Most)
			require.NoError(t, err)
		case found:
			op.Rows = append(op.Rows, Row{key, value})
		}
	}
	return op, true
}

func check(t *testing.T, text string) Result {
	t.Helper()
	return CheckTxns(context.Background(), parseHistory(t, text), Limits{})
}

// brokenHistories has a history of every anomaly of transactions.
var brokenHistories = []struct {
	name    string
	anomaly Anomaly
	txn     uint64
	says    []string
	history string
}{
	{"own write missed", OwnWriteMissed, 1, []string{`read "x": expected "2", found "1"`}, `
		T1 [0,10] committed: x:=1 x:=2 x=1`},
	{"own delete missed", OwnWriteMissed, 2, []string{`read "x": expected nothing, found "1"`}, `
		T1 [0,10] committed: x:=1
		T2 [11,20] committed: x:=nothing x=1`},
	{"unrepeatable read", Unrepeatable, 2, []string{`read "x": expected nothing, found "1"`}, `
		T1 [0,10] committed: x:=1
		T2 [0,10] committed: x=nothing x=1`},
	{"aborted value seen", AbortedValue, 2, []string{`found "1"`, "transaction 1, which wrote it, was aborted"}, `
		T1 [0,10] aborted: x:=1
		T2 [20,30] committed: x=1`},
	{"value that its aborted transaction overwrote", AbortedValue, 2, []string{"transaction 1, which wrote it, was aborted"}, `
		T1 [0,10] aborted: x:=1 x:=2
		T2 [20,30] committed: x=1`},
	{"dirty read", DirtyRead, 2, []string{`found "1"`, "transaction 1, which wrote it, overwrote it itself"}, `
		T1 [0,10] committed: x:=1 x:=2
		T2 [5,30] committed: x=1`},
	{"value from nowhere", ThinAir, 2, []string{`found "7"`}, `
		T1 [0,10] committed: x:=1
		T2 [5,30] committed: x=7`},
	{"own later write", ThinAir, 1, []string{`found "7"`}, `
		T1 [0,10] committed: x=7 x:=7`},
	{"future read", FutureRead, 1, []string{`found "1"`, "2 before 1 (which read its \"x\")", "1 before 2 (which began after its end)"}, `
		T1 [0,10] committed: x=1
		T2 [20,30] committed: x:=1`},
	{"future read of an unknown outcome", FutureRead, 1, []string{"a value written before its end", "transaction 2, which wrote it, began after that"}, `
		T1 [0,10] committed: x=1
		T2 [20,30] unknown: x:=1`},
	{"order of writers known only from a reader", LostCommit, 4, []string{`expected "1", found "2"`, "4 before 1", "1 before 4"}, `
		T1 [0,50] committed: x:=1
		T2 [0,50] committed: x:=2
		T3 [60,70] committed: x=1
		T4 [80,90] committed: x=2`},
	{"stale read", StaleRead, 3, []string{`read "x": expected "2", found "1"`, "transaction 2 wrote"}, `
		T1 [0,10] committed: x:=1
		T2 [20,30] committed: x:=2
		T3 [40,50] committed: x=1
		T4 [60,70] committed: x=2`},
	{"stale read of nothing", StaleRead, 2, []string{`read "x": expected "1", found nothing`}, `
		T1 [0,10] committed: x:=1
		T2 [20,30] committed: x=nothing
		T3 [40,50] committed: x=1`},
	{"lost acknowledged commit", LostCommit, 3, []string{"an acknowledged commit is never lost", `read "x": expected "2", found "1"`}, `
		T1 [0,10] committed: x:=1
		T2 [20,30] committed: x:=2
		T3 [40,50] committed: x=1
		T4 [60,70] committed: x=1`},
	{"commit seen, then lost", LostCommit, 3, []string{`expected "1", found nothing`}, `
		T1 [0,10] committed: x:=1
		T2 [20,30] committed: x=1
		T3 [40,50] committed: x=nothing`},
	{"lost update", LostUpdate, 3, []string{`read "x": expected "2", found "1"`}, `
		T1 [0,10] committed: x:=1
		T2 [20,40] committed: x=1 x:=2
		T3 [20,40] committed: x=1 x:=3`},
	{"write skew", WriteSkew, 3, []string{`"y"`, "whose \"x\" it did not see"}, `
		T1 [0,10] committed: x:=1 y:=1
		T2 [20,40] committed: x=1 y:=2
		T3 [20,40] committed: y=1 x:=3`},
	{"fractured read", FracturedRead, 3, []string{`read "y": expected "2", found "1"`, "seen whole"}, `
		T1 [0,10] committed: x:=1 y:=1
		T2 [20,40] committed: x:=2 y:=2
		T3 [20,40] committed: x=2 y=1`},
	{"new/old inversion", NewOldInversion, 4, []string{`read "x": expected "2", found "1"`, "3 before 4 (which began after its end)"}, `
		T1 [0,10] committed: x:=1
		T2 [20,100] committed: x:=2
		T3 [30,40] committed: x=2
		T4 [50,60] committed: x=1`},
	{"phantom of unknown outcome", UnknownThenGone, 4, []string{`read "x": expected "2", found "1"`, "happened or did not happen, for everybody"}, `
		T1 [0,10] committed: x:=1
		T2 [20,25] unknown: x:=2
		T3 [30,40] committed: x=2
		T4 [50,60] committed: x=1`},
	{"unknown outcome seen in part", FracturedRead, 3, []string{`read "y": expected "2", found "1"`}, `
		T1 [0,10] committed: x:=1 y:=1
		T2 [20,25] unknown: x:=2 y:=2
		T3 [30,40] committed: x=2 y=1`},
	{"unknown outcome that contradicts itself", Unserializable, 3, []string{"transaction 2, which wrote it and whose outcome is unknown, contradicts itself"}, `
		T1 [0,10] committed: x:=1
		T2 [20,25] unknown: x=1 x=nothing y:=5
		T3 [30,40] committed: y=5`},
	{"real-time reversal", RealTimeReversal, 3, []string{"1 before", "began after its end"}, `
		T1 [0,10] committed: x=2 y:=1
		T2 [5,50] committed: x:=2 z=3
		T3 [5,50] committed: z:=3 y=nothing w=4
		T4 [20,50] committed: w:=4 v=nothing`},
	{"cycle without real time", Unserializable, 4, []string{"cycle:"}, `
		T1 [0,100] committed: x=nothing y:=1
		T2 [0,100] committed: y=nothing z:=1
		T4 [0,100] committed: z=nothing x:=1`},
	{"values read in a circle", Unserializable, 0, []string{"cycle:"}, `
		T1 [0,100] committed: x=2 y:=1
		T2 [0,100] committed: y=1 x:=2`},
	{"phantom: a row that comes between two scans", Phantom, 2, []string{`read "c" in its scan of "a" to "m": expected nothing, found "1"`}, `
		T1 [0,10] committed: c:=1
		T2 [0,20] committed: a..m{} a..m{c=1}`},
	{"phantom: a row that goes between two scans", Phantom, 2, []string{`read "c" in its scan of "b" to the end: expected "1", found nothing`}, `
		T1 [0,10] committed: c:=1
		T3 [11,20] committed: c:=nothing
		T2 [11,20] committed: a..{c=1} b..{}`},
	{"phantom: each inserts what the other's scan did not see", Phantom, 0, []string{`in its scan of "a" to "m": expected "`, `found nothing; transaction`, "cycle:"}, `
		T1 [0,10] committed: a..m{} c:=1
		T2 [0,10] committed: a..m{} d:=2`},
	{"row missing in a scan", MissingRow, 2, []string{`read "c" in its scan of "a" to "m": expected "1", found nothing`, "1 before 2 (which began after its end)"}, `
		T1 [0,10] committed: c:=1 d:=2
		T2 [11,20] committed: a..m{d=2}`},
	{"row missing in the middle of a scan that left rows out", MissingRow, 2, []string{`read "c" in its scan of "a" to "m", at most 1: expected "1", found nothing`}, `
		T1 [0,10] committed: c:=1 d:=2 e:=3
		T2 [11,20] committed: a..m{d=2,more,most1}`},
	{"own row missing in a scan", MissingRow, 1, []string{`expected "1", found nothing`}, `
		T1 [0,10] committed: c:=1 a..m{}`},
	{"own deleted row in a scan", OwnWriteMissed, 2, []string{`read "c" in its scan of "a" to "m": expected nothing, found "1"`}, `
		T1 [0,10] committed: c:=1
		T2 [11,20] committed: c:=nothing a..m{c=1}`},
	{"wrong value in a scan", StaleRead, 3, []string{`read "c" in its scan of "a" to "m": expected "2", found "1"`}, `
		T1 [0,10] committed: c:=1
		T2 [11,20] committed: c:=2
		T3 [21,30] committed: a..m{c=1}
		T4 [31,40] committed: c=2`},
	{"value from nowhere in a scan", ThinAir, 2, []string{`read "d" in its scan of "a" to "m"`, "no transaction wrote it"}, `
		T1 [0,10] committed: c:=1
		T2 [11,20] committed: a..m{c=1,d=1}`},
	{"rows out of order", DisorderedScan, 2, []string{`read "c" in its scan of "a" to "m": expected a row behind "d"`}, `
		T1 [0,10] committed: c:=1 d:=2
		T2 [11,20] committed: a..m{d=2,c=1}`},
	{"row twice", DisorderedScan, 2, []string{`expected a row behind "c"`}, `
		T1 [0,10] committed: c:=1
		T2 [11,20] committed: a..m{c=1,c=1}`},
	{"row outside of the range", DisorderedScan, 2, []string{"found one outside of it"}, `
		T1 [0,10] committed: m:=1
		T2 [11,20] committed: a..m{m=1}`},
	{"more rows than asked for", DisorderedScan, 2, []string{"expected at most 1 rows, found 2"}, `
		T1 [0,10] committed: c:=1 d:=1
		T2 [11,20] committed: a..m{c=1,d=1,most1}`},
	{"more, and there is nothing", Phantom, 2, []string{`cannot be placed with its scan of "a" to "d"`, "nobody has ever written one"}, `
		T1 [0,10] committed: c:=1 d:=1
		T2 [11,20] committed: a..d{c=1,more}`},
	{"a write that was taken back is seen", AbortedValue, 2, []string{"transaction 1, which wrote it, took it back"}, `
		T1 [0,10] committed: x:=1 back(0) y:=2
		T2 [11,20] committed: x=1`},
	{"a write that was taken back is seen by its own transaction", OwnWriteMissed, 1, []string{`expected "1", found "2"`}, `
		T1 [0,10] committed: x:=1 x:=2 back(1) x=2`},
	{"only a search finds it", Unserializable, 0, []string{"every order"}, `
		T1 [0,100] committed: x:=1
		T2 [0,100] committed: x:=1
		T3 [0,100] committed: x:=2
		T4 [0,100] committed: x:=2
		T5 [110,120] committed: x=1
		T6 [130,140] committed: x=2
		T7 [150,160] committed: x=1`},
}

func TestBrokenHistoriesAreNamed(t *testing.T) {
	for _, tc := range brokenHistories {
		t.Run(tc.name, func(t *testing.T) {
			result := check(t, tc.history)
			require.Equal(t, Illegal, result.Verdict, "%+v", result)
			var violation *Violation
			require.ErrorAs(t, result.Err(), &violation)
			t.Log(violation)
			assert.Equal(t, tc.anomaly, violation.Anomaly)
			if tc.txn != 0 {
				assert.Equal(t, tc.txn, violation.Txn)
			}
			assert.Equal(t, tc.name == "only a search finds it", result.Proof == BySearch, "proof by %s", result.Proof)
			text := violation.Error()
			assert.Contains(t, text, "strict serializability: "+string(tc.anomaly)+": "+tc.anomaly.Guarantee())
			for _, says := range tc.says {
				assert.Contains(t, text, says)
			}
			assert.False(t, bruteForce(parseHistory(t, tc.history)), "the test's own history is legal")
		})
	}
}

func TestCertificates(t *testing.T) {
	for _, tc := range []struct {
		name      string
		proof     Proof
		objection string // to the certificate; empty when it holds
		history   string
	}{
		{"claimed order, not that of the ends", ByCertificate, "", `
			T1 [0,100] committed @2: x=nothing x:=1
			T2 [0,90] committed @3: x=1 x:=2`},
		{"a reader after the writer of its read point", ByCertificate, "", `
			T2 [0,20] committed @7: x=1
			T1 [0,10] committed @7: x:=1
			T3 [0,30] committed @8: x:=3`},
		{"readers that claim nothing", ByCertificate, "", `
			T1 [0,10] committed @1: x:=1
			T2 [5,50] committed: x=nothing
			T3 [5,50] committed: x=2
			T4 [5,50] committed: x=1
			T5 [20,30] committed @2: x:=2`},
		{"nobody claims anything", ByCertificate, "", `
			T1 [0,10] committed: x:=1
			T2 [5,12] committed: x=1 x:=2
			T3 [5,15] committed: x=2`},
		{"unknown outcome with a position learned later", ByCertificate, "", `
			T1 [0,10] committed @1: x:=1
			T2 [5,12] unknown @2: x=1 x:=2 y:=2
			T3 [20,30] committed @3: y=2 y:=3
			T4 [40,50] committed @4: x=2`},
		{"unknown outcome placed where its value was seen, after its own end", ByCertificate, "", `
			T1 [0,10] committed @1: x:=1
			T2 [5,12] unknown: x:=2
			T3 [20,30] committed @2: x=1
			T4 [40,50] committed @3: x=2 x:=4`},
		{"unknown outcome on top of another", ByCertificate, "", `
			T1 [0,10] committed @1: x:=1
			T2 [5,12] unknown: x=3 x:=2
			T3 [5,12] unknown: x=1 x:=3
			T4 [40,50] committed @3: x=2 x:=4`},
		{"two unknown outcomes for one reader", ByCertificate, "", `
			T1 [0,10] committed @1: z:=1
			T2 [5,12] unknown: x:=2
			T3 [5,12] unknown: y:=3
			T4 [40,50] committed @3: x=2 y=3`},
		{"unknown outcome that nobody saw", ByCertificate, "", `
			T1 [0,10] committed @1: x:=1
			T2 [5,12] unknown @2: x:=2
			T3 [20,30] committed @3: x=1`},
		{"aborted and unseen", ByCertificate, "", `
			T1 [0,10] committed @1: x:=1
			T2 [5,12] aborted @2: x=8 x:=2
			T3 [20,30] committed @3: x=1`},
		{"delete", ByCertificate, "", `
			T1 [0,10] committed @1: x:=1
			T2 [11,20] committed @2: x:=nothing x=nothing
			T3 [21,30] committed @3: x=nothing`},
		{"scans", ByCertificate, "", `
			T1 [0,10] committed @1: c:=1 e:=1 a..d{c=1} a..{c=1,more,most1}
			T2 [11,20] committed @2: a..m{c=1,e=1} c:=nothing a..m{e=1} d:=2
			T3 [21,30] committed @3: b..{d=2,more} e..e{} a..b{} d..m{d=2,e=1}`},
		{"a scan that left out a row of unknown outcome", ByCertificate, "", `
			T1 [0,10] committed @1: c:=1
			T2 [11,20] unknown @2: d:=1
			T3 [21,30] committed @3: a..m{c=1,more,most1}`},
		{"scans in a wrong order", ByOrder, "phantom", `
			T1 [0,10] committed @1: c:=1
			T2 [0,10] committed @2: a..m{} x:=2
			T3 [20,30] committed @3: a..m{c=1}`},
		{"a scan that left rows out, in a wrong order", ByOrder, "there is no row behind", `
			T1 [0,10] committed @2: d:=1
			T2 [0,10] committed @1: a..m{more} x:=2
			T3 [20,30] committed @3: a..m{d=1}`},
		{"writes that were taken back", ByCertificate, "", `
			T1 [0,10] committed @1: x:=1 y:=1 x:=2 x=2 back(2) x=1 back(1) x=1 y=nothing y:=3
			T2 [11,20] committed @2: x=1 y=3 x:=5 back(2) x=1
			T3 [21,30] committed @3: x=1 y:=nothing y=nothing back(1) y=3`},
		{"touching intervals are concurrent", ByCertificate, "", `
			T1 [0,10] committed @2: x:=1
			T2 [10,20] committed @1: x=nothing`},
		{"wrong order, legal history", ByOrder, `read "x": expected "1", found nothing; in this order transaction 1 wrote "x" last before it`, `
			T1 [0,10] committed @1: x:=1
			T2 [0,10] committed @2: x=nothing y:=2
			T3 [20,30] committed @3: x=1 y=2`},
		{"wrong order in real time, legal history", ByOrder, "real-time reversal", `
			T1 [0,10] committed @2: x:=1
			T2 [20,30] committed @1: y:=2`},
		{"wrong order, and the one that is due first is right", ByOrder, "found", `
			T1 [0,30] committed @1: x:=1
			T2 [20,50] committed @3: x:=nothing y=nothing
			T3 [35,51] committed @4: x=1 y:=nothing`},
		{"one writer does not claim", ByOrder, "claims no position although others do", `
			T1 [0,10] committed @1: x:=1
			T2 [20,30] committed: x=1 x:=2`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.True(t, bruteForce(parseHistory(t, tc.history)), "the test's own history is illegal")
			result := check(t, tc.history)
			assert.Equal(t, Legal, result.Verdict, "%v", result.Err())
			assert.Equal(t, tc.proof, result.Proof)
			if tc.objection == "" {
				assert.NoError(t, result.Certificate)
			} else {
				require.Error(t, result.Certificate)
				assert.Contains(t, result.Certificate.Error(), tc.objection)
			}
		})
	}
}

// A claim is no evidence: whatever positions are claimed for an illegal history, it stays illegal.
func TestForgedCertificates(t *testing.T) {
	history := parseHistory(t, `
		T1 [0,10] committed: x:=1
		T2 [20,30] committed: x=1 x:=2
		T3 [20,30] committed: x=1 x:=3`)
	for a := range uint64(4) {
		for b := range uint64(4) {
			for c := range uint64(4) {
				history[0].Order, history[1].Order, history[2].Order = a, b, c
				result := CheckTxns(context.Background(), history, Limits{})
				require.Equal(t, Illegal, result.Verdict, "claims %d %d %d", a, b, c)
				require.Error(t, result.Certificate)
				require.ErrorContains(t, result.Err(), string(LostUpdate))
			}
		}
	}
}

// hard is a history whose search never ends: many writers at once, values that repeat, and a read that few orders serve.
func hard(n int) []Txn {
	var history []Txn
	for i := range n {
		t := Txn{ID: uint64(i + 1), Client: i, Begin: 0, End: 100, Outcome: Committed}
		for k := range 6 {
			t.Ops = append(t.Ops, Op{Kind: Write, Key: fmt.Sprint("k", k), Value: fmt.Sprint((i >> k) & 1)})
		}
		history = append(history, t)
	}
	for i := range 3 {
		t := Txn{ID: uint64(n + i + 1), Client: i, Begin: 0, End: 100, Outcome: Committed}
		for k := range 6 {
			t.Ops = append(t.Ops, Op{Kind: Read, Key: fmt.Sprint("k", k), Value: "1", Found: true})
		}
		history = append(history, t)
	}
	// The last state would have to be that of two different transactions.
	for i := range 2 {
		history = append(history, Txn{ID: uint64(n + 10 + i), Begin: 200, End: 300, Outcome: Committed,
			Ops: []Op{{Kind: Read, Key: fmt.Sprint("k", i), Value: fmt.Sprint(i), Found: true}, {Kind: Read, Key: fmt.Sprint("k", 1-i), Value: fmt.Sprint(i), Found: true}}})
	}
	return history
}

func TestLimitsAreUnknownAndNamed(t *testing.T) {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tc := range []struct {
		ctx    context.Context
		limits Limits
		limit  string
		says   string
	}{
		{context.Background(), Limits{Steps: 1000}, "steps", "1000 operations tried"},
		{context.Background(), Limits{Memory: 100_000}, "memory", "100000 bytes"},
		{context.Background(), Limits{Operations: 10}, "operations", "10 that must be ordered as one, of 69"},
		{context.Background(), Limits{Timeout: 1}, "timeout", "1ns"},
		{canceled, Limits{}, "", "context canceled"},
	} {
		result := CheckTxns(tc.ctx, hard(64), tc.limits)
		require.Equal(t, Unknown, result.Verdict, "%+v", tc.limits)
		require.Empty(t, result.Proof)
		require.ErrorContains(t, result.Err(), tc.says)
		if tc.limit == "" {
			require.ErrorIs(t, result.Err(), context.Canceled)
			continue
		}
		var limit *LimitError
		require.ErrorAs(t, result.Err(), &limit)
		require.Equal(t, tc.limit, limit.Limit)
	}
	// The same history and limit give the same verdict after the same work.
	one, two := CheckTxns(context.Background(), hard(64), Limits{Steps: 5000}), CheckTxns(context.Background(), hard(64), Limits{Steps: 5000})
	require.Equal(t, one, two)
	require.Equal(t, 5001, one.Steps)
}

// A limit that one part of the history reaches does not hide that another part is illegal.
func TestIllegalPartBeatsUnknownPart(t *testing.T) {
	history := append(hard(64), parseHistory(t, `
		T900 [0,10] committed: other:=1
		T901 [20,30] committed: other=nothing`)...)
	result := CheckTxns(context.Background(), history, Limits{Steps: 1000})
	require.Equal(t, Illegal, result.Verdict)
	require.ErrorContains(t, result.Err(), "transaction 901")

	// Also when the other part takes a search of its own.
	searched := append(hard(64), parseHistory(t, `
		T901 [0,100] committed: other:=1
		T902 [0,100] committed: other:=1
		T903 [0,100] committed: other:=2
		T904 [0,100] committed: other:=2
		T905 [110,120] committed: other=1
		T906 [130,140] committed: other=2`)...)
	for _, limits := range []Limits{{Operations: 10}, {Memory: 100_000}} {
		result = CheckTxns(context.Background(), searched, limits)
		require.Equal(t, Illegal, result.Verdict, "%+v", limits)
		require.ErrorContains(t, result.Err(), "transaction 906")
	}

	legal := append(hard(64), parseHistory(t, `
		T900 [0,10] committed: other:=1
		T901 [20,30] committed: other=1`)...)
	result = CheckTxns(context.Background(), legal, Limits{Steps: 1000})
	require.Equal(t, Unknown, result.Verdict)
	require.ErrorContains(t, result.Err(), "limit on steps")
}

func TestMalformedAndEmptyHistories(t *testing.T) {
	ok := Txn{ID: 1, Begin: 0, End: 10, Outcome: Committed, Ops: []Op{{Kind: Write, Key: "x", Value: "1"}}}
	for _, tc := range []struct {
		change func(*Txn)
		says   string
	}{
		{func(t *Txn) { t.End = -1 }, "transaction 1 ends at -1, before its begin at 0"},
		{func(t *Txn) { t.Ops = append(t.Ops, Op{Key: "x"}) }, "operation 2 of kind 0; known: 1 (read), 2 (write), 3 (delete), 4 (scan), 5 (rollback), 6 (append), 7 (list)"},
		{func(t *Txn) { t.Ops = append(t.Ops, Op{Kind: Rollback, Since: 2}) }, "takes back in operation 2 what it wrote since number 2; expected 0 to 1"},
		{func(t *Txn) { t.Outcome = 3 }, "outcome 3; known: 0 (unknown), 1 (committed), 2 (aborted)"},
	} {
		broken := ok
		tc.change(&broken)
		result := CheckTxns(context.Background(), []Txn{{ID: 9, Outcome: Committed}, broken}, Limits{})
		require.Equal(t, Unknown, result.Verdict)
		require.ErrorContains(t, result.Err(), tc.says)
	}
	for _, history := range [][]Txn{nil, {{ID: 1, Outcome: Aborted}}, {{ID: 1}}} {
		result := CheckTxns(context.Background(), history, Limits{})
		require.Equal(t, Unknown, result.Verdict)
		require.ErrorIs(t, result.Err(), ErrEmpty)
	}
	require.Error(t, Result{}.Err(), "a forgotten verdict is no pass")
}

func TestReadsOfTransactionsThatDidNotCommit(t *testing.T) {
	for _, tc := range []struct {
		anomaly Anomaly
		says    string
		history string
	}{
		{"", "", `
			T1 [0,10] committed: x:=1 x=1 y=nothing
			T2 [0,10] unknown: x=1 y:=2
			T3 [0,10] aborted: x=1 y=2 z:=3 z=3 z:=nothing z=nothing`},
		{AbortedValue, "transaction 1 wrote it", `
			T1 [0,10] aborted: x:=1
			T2 [0,10] aborted: x=1`},
		{DirtyRead, "transaction 1 wrote it", `
			T1 [0,10] committed: x:=1 x:=2
			T2 [0,10] unknown: x=1`},
		{ThinAir, "no transaction wrote it", `
			T2 [0,10] unknown: x=1`},
		{OwnWriteMissed, `expected "2", found "1"`, `
			T1 [0,10] committed: x:=1
			T2 [0,10] aborted: x:=2 x=1`},
		{OwnWriteMissed, `expected nothing, found "1"`, `
			T1 [0,10] committed: x:=1
			T2 [0,10] aborted: x:=nothing x=1`},
		{OwnWriteMissed, `expected "2", found nothing`, `
			T2 [0,10] aborted: x:=2 x=nothing`},
		{"", "", `
			T1 [0,10] committed: c:=1 d:=1 back(1)
			T2 [0,10] aborted: e:=2 a..m{c=1,e=2} a..m{more} back(0) a..m{c=1}`},
		{AbortedValue, "transaction 1 wrote it", `
			T1 [0,10] committed: c:=1 back(0)
			T2 [0,10] aborted: a..m{c=1}`},
		{MissingRow, `read "e" in its scan of "a" to "m": expected "2", found nothing`, `
			T2 [0,10] unknown: e:=2 f:=3 a..m{}`},
		{MissingRow, `read "e" in its scan of "a" to "m": expected "2", found nothing`, `
			T2 [0,10] aborted: e:=2 f:=3 g:=4 a..m{f=3,more}`},
		{DisorderedScan, "rows of the range", `
			T2 [0,10] aborted: m:=2 a..m{m=2}`},
	} {
		err := CheckReads(parseHistory(t, tc.history))
		if tc.anomaly == "" {
			require.NoError(t, err)
			continue
		}
		var violation *Violation
		require.ErrorAs(t, err, &violation)
		require.Equal(t, tc.anomaly, violation.Anomaly)
		require.ErrorContains(t, err, tc.anomaly.Guarantee())
		require.ErrorContains(t, err, tc.says)
	}
}

func TestHistoriesAsJSON(t *testing.T) {
	history := parseHistory(t, `
		T1 [0,10] committed @5: x:=1 x=1 y=nothing
		T2 [5,] unknown: x:=nothing
		T3 [6,8] aborted: x=1`)
	text, err := json.Marshal(history)
	require.NoError(t, err)
	require.Contains(t, string(text), `{"id":1,"client":1,"begin":0,"end":10,"ops":[{"kind":"write","key":"x","value":"1"},{"kind":"read","key":"x","value":"1","found":true},{"kind":"read","key":"y"}],"outcome":"committed","order":5}`)
	var back []Txn
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, history, back)

	_, err = json.Marshal(Op{})
	require.ErrorContains(t, err, "no kind has the number 0")
	require.ErrorContains(t, json.Unmarshal([]byte(`{"kind":"count"}`), new(Op)), `unknown kind "count"; known: read, write, delete, scan, rollback, append, list`)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"kind":""}`), new(Op)), `unknown kind ""`)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"outcome":"lost"}`), new(Txn)), `unknown outcome "lost"; known: unknown, committed, aborted`)
}

func TestScansAsJSONLines(t *testing.T) {
	const text = `{"client":1,"event":"begin"}
{"client":1,"event":"write","key":"c","value":"1"}
{"client":1,"event":"write","key":"d","value":"2"}
{"client":1,"event":"rollback","since":1}
{"client":1,"event":"write","key":"e","value":"3"}
{"client":1,"event":"ok"}
{"client":2,"event":"begin"}
{"client":2,"event":"scan","from":"a","to":"e","rows":[{"key":"c","value":"1"}]}
{"client":2,"event":"scan","from":"a","most":1,"rows":[{"key":"c","value":"1"}],"more":true}
{"client":2,"event":"ok"}
`
	rec, err := ReadRecording(context.Background(), "history", strings.NewReader(text), FormatAuto, Options{})
	require.NoError(t, err)
	require.Equal(t, []Op{{Kind: Scan, From: "a", To: "e", Rows: []Row{{"c", "1"}}}, {Kind: Scan, From: "a", Most: 1, Rows: []Row{{"c", "1"}}, More: true}}, rec.Txns[1].Ops)
	require.Equal(t, []Op{{Kind: Write, Key: "c", Value: "1"}, {Kind: Write, Key: "e", Value: "3"}}, rec.Txns[0].Net())
	result := rec.Check(context.Background(), "", "", FileLimits())
	require.NoError(t, result.Err())

	phantom, err := ReadRecording(context.Background(), "history", strings.NewReader(strings.Replace(text, `"to":"e","rows":[{`, `"to":"e","rows":[{"key":"b","value":"1"},{`, 1)), FormatAuto, Options{})
	require.NoError(t, err)
	result = phantom.Check(context.Background(), "", "", FileLimits())
	require.ErrorContains(t, result.Err(), `read "b" in its scan of "a"`)

	for line, says := range map[string]string{
		`{"client":1,"event":"scan","to":"e"}`:           `expected from in a line of event "scan"`,
		`{"client":1,"event":"rollback"}`:                `expected since in a line of event "rollback"`,
		`{"client":1,"event":"read","key":"k","most":1}`: `event "read" has no key "most"`,
	} {
		_, err := ReadRecording(context.Background(), "history", strings.NewReader("{\"client\":1,\"event\":\"begin\"}\n"+line+"\n"), FormatAuto, Options{})
		require.ErrorContains(t, err, says)
	}
}

// What is drawn of a scan is what it asked for and what it was answered.
func TestScansAreDrawn(t *testing.T) {
	c, violation, err := compile(parseHistory(t, `T1 [0,10] committed: c:=1 d:=2 back(1) a..m{c=1,more}`))
	require.NoError(t, err)
	require.Nil(t, violation)
	require.Equal(t, `1: c:=1, d:=2, back to operation 2, scan of "a" to "m": {c=1 more}`, c.history[0].describe())
}
