package linearizability

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A scan that left rows out says that there was one more. Of the levels below serializable none knew: where the only row behind
// was written by the next transaction of the same session, they once said legal.
func TestRowsLeftOutCountAtEveryLevel(t *testing.T) {
	for _, tc := range []struct {
		history string
		legal   func(Level) bool
	}{
		{`
			T1 [0,10] committed: c:=1
			T2 [11,20] committed: c=1 a..z{c=1,more,most1}
			T3 [21,30] committed: d:=1`, func(l Level) bool { return l == Serializable }},
		{`
			T1 [0,10] committed: c:=1 d:=1
			T2 [11,20] committed: c=1 a..z{c=1,more,most1}
			T3 [21,30] committed: d:=2`, func(Level) bool { return true }},
		{`
			T1 [0,10] committed: c:=1
			T3 [0,10] committed: d:=1
			T2 [0,10] committed: a..z{c=1,more,most1} d=1`, func(Level) bool { return true }},
	} {
		history := parseHistory(t, tc.history)
		for i := range history {
			history[i].Client = 1
			if history[1].Begin == 0 { // all at once
				history[i].Client = i
			}
		}
		for _, level := range Levels() {
			result := CheckLevel(context.Background(), level, history, Limits{})
			if tc.legal(level) {
				require.Equal(t, Legal, result.Verdict, "%s: %v", level, result.Err())
			} else {
				require.NotEqual(t, Legal, result.Verdict, level)
			}
		}
	}
}

// Lists and scans may be in one history, as long as no scan goes over a list.
func TestCoveredKeys(t *testing.T) {
	scans := []*Op{{From: "m", To: "p"}, {From: "a", To: "z"}, {From: "b", To: "c"}, {From: "zz", To: "zzz"}}
	is := covered(scans)
	for key, want := range map[string]bool{"": false, "a": true, "c": true, "y": true, "z": false, "zz": true, "zzy": true, "zzz": false, "zzzz": false} {
		require.Equal(t, want, is(key), key)
	}
	require.True(t, covered([]*Op{{From: "m"}, {From: "o", To: "p"}})("q"))
	require.False(t, covered(nil)("q"))
}

// spelledOut are the histories that a history with scans may mean: each scan is a read of every key of its range, and one that
// left rows out is also a read of some value of some key behind its last row.
func spelledOut(history []Txn) [][]Txn {
	var keys []string
	values := make(map[string][]string)
	for i := range history {
		for _, op := range history[i].Ops {
			names := []string{op.Key}
			if op.Kind == Scan {
				names = nil
				for _, row := range op.Rows {
					names = append(names, row.Key)
				}
			}
			for _, name := range names {
				if !slices.Contains(keys, name) {
					keys = append(keys, name)
				}
			}
			if op.Kind == Write && !slices.Contains(values[op.Key], op.Value) {
				values[op.Key] = append(values[op.Key], op.Value)
			}
		}
	}
	slices.Sort(keys)
	meanings := [][]Txn{nil}
	for _, t := range history {
		ways := [][]Op{nil}
		for i := range t.Ops {
			op := &t.Ops[i]
			if op.Kind != Scan {
				for w := range ways {
					ways[w] = append(ways[w], *op)
				}
				continue
			}
			var reads []Op
			var more []Op
			rows := op.Rows
			for _, key := range keys {
				switch {
				case !op.covers(key):
				case len(rows) > 0 && rows[0].Key == key:
					reads = append(reads, Op{Kind: Read, Key: key, Value: rows[0].Value, Found: true})
					rows = rows[1:]
				case len(rows) == 0 && op.More:
					for _, value := range values[key] {
						more = append(more, Op{Kind: Read, Key: key, Value: value, Found: true})
					}
				default:
					reads = append(reads, Op{Kind: Read, Key: key})
				}
			}
			var next [][]Op
			for _, way := range ways {
				if way = append(slices.Clone(way), reads...); !op.More {
					next = append(next, way)
				}
				for _, m := range more {
					next = append(next, append(slices.Clone(way), m))
				}
			}
			ways = next
		}
		if len(ways) == 0 && t.Outcome != Committed { // it did not happen
			ways = [][]Op{t.Net()}
			t.Outcome = Aborted
		}
		var next [][]Txn
		for _, meaning := range meanings {
			for _, way := range ways {
				t.Ops = way
				next = append(next, append(slices.Clone(meaning), t))
			}
		}
		meanings = next
	}
	return meanings
}

// Verdicts on scans are those of the definitions of the levels, which know reads only.
func TestScansAgreeWithTheDefinitionsOfTheLevels(t *testing.T) {
	histories := 3000
	if *differential > 0 {
		histories = *differential
	}
	count := inParallel(histories, func(seed uint64, count map[string]int) {
		r := rand.New(rand.NewPCG(seed, 67))
		history := randomSessions(r)
		for i := range history {
			for k := range history[i].Ops {
				op := &history[i].Ops[k]
				if op.Kind != Read || r.IntN(2) == 0 {
					continue
				}
				scan := Op{Kind: Scan, From: "k0", Rows: []Row{}, More: r.IntN(2) == 0}
				if op.Found {
					scan.Rows, scan.Most = []Row{{op.Key, op.Value}}, 1
				}
				if op.Key > "k0" && r.IntN(2) == 0 {
					scan.From = op.Key
				}
				if !scan.More && r.IntN(2) == 0 {
					scan.To = op.Key + "!"
				}
				*op = scan
			}
		}
		meanings := spelledOut(history)
		if len(meanings) > 12 {
			return
		}
		for _, level := range Levels() {
			got := CheckLevel(context.Background(), level, history, Limits{})
			if got.Reason == ErrEmpty {
				return
			}
			want := Illegal
			for _, meaning := range meanings {
				if level == StrictSerializable && bruteForce(meaning) || level != StrictSerializable && holdsByDefinition(level, meaning) {
					want = Legal
					break
				}
			}
			if got.Verdict != want {
				t.Errorf("seed %d: %s: expected %s, found %s by %s: %v\n%s", seed, level, want, got.Verdict, got.Proof, got.Err(), tell(history))
			}
			count[string(level)+" "+want.String()]++
		}
	})
	t.Log(count)
	for _, level := range Levels() {
		require.Greater(t, count[string(level)+" legal"], 100, level)
		require.Greater(t, count[string(level)+" illegal"], 100, level)
	}
}
