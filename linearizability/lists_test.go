package linearizability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomLists are transactions on lists, run one after another, with times around their places and wrong answers now and then.
func randomLists(r *rand.Rand) []Txn {
	n, keys, serial := 2+r.IntN(4), 1+r.IntN(2), 0
	state := map[string][]string{}
	var history []Txn
	for i := range n {
		t := Txn{ID: uint64(i + 1), Client: i, Begin: int64(10*i) - int64(r.IntN(25)), End: int64(10*i) + int64(r.IntN(25)), Outcome: Committed}
		switch r.IntN(8) {
		case 0:
			t.Outcome = Aborted
		case 1:
			t.Outcome = OutcomeUnknown
		}
		own := map[string][]string{}
		for range 1 + r.IntN(3) {
			key := fmt.Sprintf("k%d", r.IntN(keys))
			if r.IntN(2) == 0 {
				serial++
				own[key] = append(own[key], fmt.Sprint(serial))
				t.Ops = append(t.Ops, Op{Kind: ListAppend, Key: key, Value: fmt.Sprint(serial)})
				continue
			}
			list := append(slices.Clone(state[key]), own[key]...)
			switch r.IntN(10) {
			case 0:
				if len(list) > 0 {
					list = slices.Delete(list, len(list)-1, len(list))
				}
			case 1:
				if serial > 0 {
					list = append(list, fmt.Sprint(1+r.IntN(serial)))
				}
			}
			if t.Outcome != OutcomeUnknown {
				t.Ops = append(t.Ops, Op{Kind: ListRead, Key: key, List: list})
			}
		}
		if t.Outcome == Committed || t.Outcome == OutcomeUnknown && r.IntN(2) == 0 {
			for key, list := range own {
				state[key] = append(state[key], list...)
			}
		}
		history = append(history, t)
	}
	if r.IntN(2) == 0 { // real time that knows less of the order
		for i := range history {
			history[i].Begin -= 20
			history[i].End += 20
		}
	}
	return history
}

func TestListsAgreeWithBruteForce(t *testing.T) {
	histories := 10_000
	if *differential > 0 {
		histories = *differential
	}
	count := inParallel(histories, func(seed uint64, count map[string]int) {
		history := randomLists(rand.New(rand.NewPCG(seed, 41)))
		got := CheckTxns(context.Background(), history, Limits{})
		if got.Reason == ErrEmpty {
			return
		}
		want := Illegal
		if bruteForce(history) {
			want = Legal
		}
		if got.Verdict != want {
			t.Errorf("seed %d: expected %s, found %s: %v\n%s", seed, want, got.Verdict, got.Err(), tellLists(history))
			return
		}
		timeless := slices.Clone(history)
		for i := range timeless {
			timeless[i].Begin, timeless[i].End = 0, 0
		}
		free := CheckLevel(context.Background(), Serializable, history, Limits{})
		if (free.Verdict == Legal) != bruteForce(timeless) {
			t.Errorf("seed %d: serializable: found %s: %v\n%s", seed, free.Verdict, free.Err(), tellLists(history))
		}
		if want == Legal {
			for _, level := range Levels() {
				if r := CheckLevel(context.Background(), level, history, Limits{}); r.Verdict != Legal {
					t.Errorf("seed %d: strict-serializable, and not %s: %v\n%s", seed, level, r.Err(), tellLists(history))
				}
			}
			count["legal"]++
			return
		}
		violation := got.Violation.(*Violation)
		count[string(violation.Anomaly)]++
		var core []Txn
		for _, i := range violation.Core {
			core = append(core, history[i])
		}
		if bruteForce(core) {
			t.Errorf("seed %d: the core is legal: %v: %v\n%s", seed, violation.Core, violation, tellLists(history))
		}
	})
	t.Log(count)
	require.Greater(t, count["legal"], histories/4)
	for _, a := range []Anomaly{ThinAir, AbortedValue, DisorderedList, LostUpdate, OwnWriteMissed} {
		require.Positive(t, count[string(a)], a)
	}
}

func tellLists(history []Txn) string {
	text := ""
	for i, t := range history {
		text += fmt.Sprintf("%d: [%d,%d] %s:", i, t.Begin, t.End, t.Outcome)
		for _, op := range t.Ops {
			text += fmt.Sprintf(" %s %s %s %q", op.Kind, op.Key, op.Value, op.List)
		}
		text += "\n"
	}
	return text
}

// The anomalies of lists have Elle's names.
func TestListAnomaliesAreNamed(t *testing.T) {
	append_ := func(key, e string) Op { return Op{Kind: ListAppend, Key: key, Value: e} }
	read := func(key string, list ...string) Op { return Op{Kind: ListRead, Key: key, List: list} }
	at := func(id uint64, begin int64, ops ...Op) Txn {
		return Txn{ID: id, Client: int(id), Begin: begin, End: begin + 5, Outcome: Committed, Ops: ops}
	}
	for _, tc := range []struct {
		name    string
		class   Class
		history []Txn
	}{
		{"elements nobody appended", Garbage, []Txn{at(1, 0, read("x", "7"))}},
		{"lists of which none begins the other", "incompatible order", []Txn{at(1, 0, append_("x", "1"), append_("y", "1")), at(2, 0, append_("x", "2")), at(3, 10, read("x", "1", "2")), at(4, 10, read("x", "2", "1"))}},
		{"an element twice", "duplicate elements", []Txn{at(1, 0, append_("x", "1")), at(2, 10, read("x", "1", "1"))}},
		{"aborted element", G1a, []Txn{{ID: 1, End: 5, Outcome: Aborted, Ops: []Op{append_("x", "1")}}, at(2, 10, read("x", "1"))}},
		{"half of a transaction", G1b, []Txn{at(1, 0, append_("x", "1"), append_("x", "2")), at(2, 0, read("x", "1"))}},
		{"lists in a circle", G0, []Txn{at(1, 0, append_("x", "1"), append_("y", "2")), at(2, 0, append_("y", "1"), append_("x", "2")), at(3, 10, read("x", "1", "2")), at(4, 10, read("y", "1", "2"))}},
		{"appended to what was not seen", ClassLostUpdate, []Txn{at(1, 0, read("x"), append_("x", "1")), at(2, 0, read("x"), append_("x", "2")), at(3, 10, read("x", "1", "2"))}},
		{"write skew", G2Item, []Txn{at(1, 0, read("x"), append_("y", "1")), at(2, 0, read("y"), append_("x", "1")), at(3, 10, read("x", "1"), read("y", "1"))}},
		{"missed in real time", "G-single-realtime", []Txn{at(1, 0, append_("x", "1")), at(2, 10, read("x"))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result := CheckTxns(context.Background(), tc.history, Limits{})
			require.Equal(t, Illegal, result.Verdict, "%+v", result)
			var violation *Violation
			require.ErrorAs(t, result.Err(), &violation)
			require.Equal(t, tc.class, violation.Class, violation)
		})
	}
	twice := []Txn{at(1, 0, append_("x", "1")), at(2, 0, append_("x", "1"))}
	var unique *NotUniqueError
	require.ErrorAs(t, CheckTxns(context.Background(), twice, Limits{}).Err(), &unique)
	mixed := []Txn{at(1, 0, append_("x", "1"), Op{Kind: Read, Key: "x"})}
	require.ErrorContains(t, CheckTxns(context.Background(), mixed, Limits{}).Err(), `has a list at "x", which is also read, written or scanned as a value`)
}
