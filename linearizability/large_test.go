package linearizability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Histories whose values are written once each have a verdict whatever their size, without a search.
func TestUniqueHistoriesAreDecidedWithoutASearch(t *testing.T) {
	for _, model := range []Model{ModelRegister, ModelKV, ModelList, ModelSet, ModelQueue, ModelCounter, ModelMutex} {
		inParallel(16, func(seed uint64, _ map[string]int) {
			l := load{operations: 1000, clients: 3 + 3*int(seed), keys: 1 + int(seed%3), lost: float64(seed%4) / 10, seed: seed}
			result := CheckCalls(context.Background(), model, l.calls(model), Options{}, Limits{})
			if result.Verdict != Legal || result.Proof != ByOrder {
				t.Errorf("%s, %+v: %s by %s: %v", model, l, result.Verdict, result.Proof, result.Err())
			}
		})
	}
}

// Failed swaps say what was not there. Most fit the order that the others show, and what does not is searched.
func TestHistoriesWithFailedSwapsAreDecided(t *testing.T) {
	count := inParallel(60, func(seed uint64, count map[string]int) {
		l := load{operations: 2000, clients: 3 + int(seed%30), keys: 1 + int(seed%3), lost: float64(seed%5) / 20, seed: seed, failing: 0.5}
		result := CheckCalls(context.Background(), ModelRegister, l.registerCalls(), Options{}, Limits{Steps: 1_000_000})
		if result.Verdict != Legal {
			t.Errorf("%+v: %s: %v", l, result.Verdict, result.Err())
		}
		count[string(result.Proof)]++
	})
	t.Log(count)
}

// What is planted in a legal history is objected to by name, at the call where it was planted.
func TestPlantedMistakesAreNamed(t *testing.T) {
	// settled finds two calls of a kind on a key so far apart in time that no call of theirs is open between them.
	settled := func(history []Call, ok func(c *Call) bool) (early, late int) {
		slices.SortStableFunc(history, func(a, b Call) int { return int(max(-1, min(1, a.Begin-b.Begin))) })
		early, late = -1, -1
		for i := range history {
			c := &history[i]
			if c.Unknown || !ok(c) {
				continue
			}
			if early < 0 && i > len(history)/10 {
				early = i
			}
			if early >= 0 && c.Key == history[early].Key && c.Begin > history[early].End+20_000_000 {
				late = i
			}
		}
		return early, late
	}
	reads := func(c *Call) bool { return c.Kind == Get && (c.Found || c.Elements != nil || c.Value != "") }
	for _, tc := range []struct {
		name  string
		model Model
		want  []Anomaly
		plant func(history []Call) (planted int)
	}{
		{"a value read again after it was replaced", ModelRegister, []Anomaly{StaleRead, LostCommit}, func(h []Call) int {
			early, late := settled(h, reads)
			h[late].Value = h[early].Value
			return late
		}},
		{"a value from nowhere", ModelRegister, []Anomaly{ThinAir}, func(h []Call) int {
			_, late := settled(h, reads)
			h[late].Value = "never"
			return late
		}},
		{"a value read before it was written", ModelKV, []Anomaly{FutureRead}, func(h []Call) int {
			early, late := settled(h, reads)
			h[early].Value = h[late].Value
			return early
		}},
		{"a value swapped twice", ModelRegister, []Anomaly{WrittenTwice}, func(h []Call) int {
			early, late := settled(h, func(c *Call) bool { return c.Kind == CompareAndSwap })
			h[late].From = h[early].From
			return late
		}},
		{"a list that lost its last elements", ModelList, []Anomaly{StaleRead}, func(h []Call) int {
			early, late := settled(h, reads)
			h[late].Elements = h[early].Elements
			return late
		}},
		{"a list in another order", ModelList, []Anomaly{DisorderedList}, func(h []Call) int {
			_, late := settled(h, func(c *Call) bool { return len(c.Elements) > 3 })
			h[late].Elements[0], h[late].Elements[1] = h[late].Elements[1], h[late].Elements[0]
			return late
		}},
		{"an element gone from a set", ModelSet, []Anomaly{DisorderedSet, StaleRead}, func(h []Call) int {
			_, late := settled(h, func(c *Call) bool { return len(c.Elements) > 3 })
			h[late].Elements = h[late].Elements[1:]
			return late
		}},
		{"an element taken twice", ModelQueue, []Anomaly{TakenTwice}, func(h []Call) int {
			early, late := settled(h, func(c *Call) bool { return c.Kind == Dequeue && c.Found })
			h[late].Value = h[early].Value
			return late
		}},
		{"two elements taken in the wrong order", ModelQueue, []Anomaly{OvertakenHead, FutureRead}, func(h []Call) int {
			early, late := settled(h, func(c *Call) bool { return c.Kind == Dequeue && c.Found })
			h[late].Value, h[early].Value = h[early].Value, h[late].Value
			return early
		}},
		{"a counter that forgot", ModelCounter, []Anomaly{WrongCount}, func(h []Call) int {
			early, late := settled(h, reads)
			h[late].Value = h[early].Value
			return late
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := range uint64(6) {
				history := load{operations: 1000, clients: 8, keys: 2, lost: 0.05, seed: seed}.calls(tc.model)
				tc.plant(history)
				result := CheckCalls(context.Background(), tc.model, history, Options{}, Limits{})
				require.Equal(t, Illegal, result.Verdict, "seed %d: %v", seed, result.Err())
				require.Equal(t, ByOrder, result.Proof, "seed %d", seed)
				violation := result.Violation.(*CallViolation)
				require.Contains(t, tc.want, violation.Anomaly, "seed %d: %v", seed, violation)
				require.Less(t, len(violation.Core), 999, "seed %d", seed)
			}
		})
	}
}

// Transactions without a claimed order that read what they replace are decided by the order that this shows, and those that do
// not are decided all the same.
func TestTransactionsAreDecided(t *testing.T) {
	for _, blind := range []bool{false, true} {
		count := inParallel(24, func(seed uint64, count map[string]int) {
			l := load{operations: 1000, clients: 3 + int(seed%20), keys: 5 + int(seed*7%200), lost: float64(seed%4) / 20, seed: seed}
			history := l.transactions(blind)
			r := rand.New(rand.NewPCG(seed, 51))
			want := Legal
			if seed%2 == 1 { // a stale read: of a transaction that had ended long before
				want = plantStale(r, history)
			}
			result := CheckTxns(context.Background(), history, Limits{Steps: 3_000_000})
			if result.Verdict != want && !(want == Unknown && result.Verdict == Illegal) {
				t.Errorf("blind=%t, %+v: expected %s, found %s: %v", blind, l, want, result.Verdict, result.Err())
			}
			count[fmt.Sprint(result.Verdict, " by ", result.Proof)]++
			if want != Legal {
				return
			}
			if !blind || seed < 8 {
				for _, level := range Levels() {
					if result := CheckLevel(context.Background(), level, history, Limits{Steps: 3_000_000}); result.Verdict != Legal {
						t.Errorf("%+v: strict-serializable, and not %s: %v", l, level, result.Err())
					}
				}
			}
		})
		t.Log("blind", blind, count)
	}
}

// plantStale lets a late read see what its key held at first, long after another transaction had read something newer.
func plantStale(r *rand.Rand, history []Txn) Verdict {
	for range 1000 {
		i := len(history)/2 + r.IntN(len(history)/2)
		t := &history[i]
		if t.Outcome != Committed {
			continue
		}
		for k := range t.Ops {
			if op := &t.Ops[k]; op.Kind == Read && op.Found {
				for j := range history {
					o := &history[j]
					if o.Outcome == Committed && o.End < t.Begin && slices.ContainsFunc(o.Ops, func(x Op) bool { return x.Kind == Read && x.Key == op.Key && x.Found }) {
						op.Value, op.Found = "", false
						return Illegal
					}
				}
			}
		}
	}
	return Legal
}
