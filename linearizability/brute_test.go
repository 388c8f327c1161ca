package linearizability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// bruteForce tries every order of every choice of the transactions that may have happened, straight from the words of
// the guarantee: no numbers for keys, nothing dropped, nothing remembered.
func bruteForce(history []Txn) bool {
	var extend func(done int, state map[string]string) bool
	extend = func(done int, state map[string]string) bool {
		complete := true
		for i, t := range history {
			if done&(1<<i) == 0 && t.Outcome == Committed {
				complete = false
			}
		}
		if complete {
			return true
		}
		for i, t := range history {
			if done&(1<<i) != 0 || t.Outcome == Aborted || !mayComeNext(history, done, t) {
				continue
			}
			if next, ok := execute(t, state); ok && extend(done|1<<i, next) {
				return true
			}
		}
		return false
	}
	return extend(0, map[string]string{})
}

// mayComeNext tells that no transaction which ended before t began is left for later, and none in the order so far
// began after t had ended.
func mayComeNext(history []Txn, done int, t Txn) bool {
	for j, o := range history {
		if done&(1<<j) == 0 && o.Outcome == Committed && o.End < t.Begin {
			return false
		}
		if done&(1<<j) != 0 && t.Outcome == Committed && t.End < o.Begin {
			return false
		}
	}
	return true
}

func execute(t Txn, before map[string]string) (map[string]string, bool) {
	state := map[string]string{}
	for k, v := range before {
		state[k] = v
	}
	for _, op := range t.Ops {
		value, found := state[op.Key]
		switch op.Kind {
		case Write:
			state[op.Key] = op.Value
		case Delete:
			delete(state, op.Key)
		case Read:
			if found != op.Found || value != op.Value {
				return nil, false
			}
		}
	}
	return state, true
}

// randomHistory runs a few transactions one after another in a random order, gives them overlapping times around their
// places and values that repeat, and then breaks some of them, so that about as many histories are legal as are not.
func randomHistory(r *rand.Rand) []Txn {
	n, keys, values := 2+r.IntN(5), 1+r.IntN(3), 1+r.IntN(4)
	state := map[string]string{}
	history := make([]Txn, n)
	for i := range history {
		t := Txn{ID: uint64(i + 1), Client: i, Begin: int64(10*i) - int64(r.IntN(25)), End: int64(10*i) + int64(r.IntN(25)), Outcome: Committed}
		if r.IntN(3) == 0 {
			t.Outcome = Outcome(r.IntN(3))
		}
		if r.IntN(8) == 0 {
			t.End = Unfinished
		}
		happens := t.Outcome == Committed || t.Outcome == OutcomeUnknown && r.IntN(2) == 0
		local := map[string]string{}
		for k, v := range state {
			local[k] = v
		}
		for range 1 + r.IntN(3) {
			op := Op{Kind: Kind(1 + r.IntN(3)), Key: fmt.Sprintf("k%d", r.IntN(keys))}
			switch op.Kind {
			case Write:
				op.Value = fmt.Sprintf("v%d", r.IntN(values))
				local[op.Key] = op.Value
			case Delete:
				delete(local, op.Key)
			case Read:
				op.Value, op.Found = local[op.Key], false
				if _, ok := local[op.Key]; ok {
					op.Found = true
				}
				if r.IntN(12) == 0 { // a wrong answer
					op.Value, op.Found = fmt.Sprintf("v%d", r.IntN(values)), true
				}
			}
			t.Ops = append(t.Ops, op)
		}
		if happens {
			state = local
		}
		switch r.IntN(6) {
		case 0: // a forged claim
			t.Order = uint64(1 + r.IntN(2*n))
		default:
			t.Order = uint64(2*i + 1)
		}
		history[i] = t
	}
	if r.IntN(3) == 0 {
		for i := range history {
			history[i].Order = 0
		}
	}
	if r.IntN(2) == 0 { // real time that knows nothing of the order
		for i, j := range r.Perm(n) {
			width := int64(r.IntN(20))
			history[i].Begin, history[i].End = int64(10*j), int64(10*j)+width
		}
	}
	r.Shuffle(n, func(a, b int) { history[a], history[b] = history[b], history[a] })
	return history
}

func TestEveryStageAgreesWithBruteForce(t *testing.T) {
	const histories = 60_000
	count := map[string]int{}
	for seed := range uint64(histories) {
		history := randomHistory(rand.New(rand.NewPCG(seed, 7)))
		want := Illegal
		if bruteForce(history) {
			want = Legal
		}
		got := CheckTxns(context.Background(), history, Limits{})
		if got.Verdict == Unknown {
			require.Equal(t, ErrEmpty, got.Reason, "seed %d", seed)
			count["empty"]++
			continue
		}
		require.Equal(t, want, got.Verdict, "seed %d: %+v\n%+v", seed, history, got)
		require.Equal(t, want == Legal, got.Err() == nil, "seed %d", seed)
		count[got.Verdict.String()+" by "+string(got.Proof)]++

		c, violation, err := compile(history)
		require.NoError(t, err)
		if violation != nil {
			require.Equal(t, Illegal, want, "seed %d: %v", seed, violation)
			continue
		}
		if c.certificate() == nil {
			require.Equal(t, Legal, want, "seed %d: a certificate for an illegal history", seed)
		}
		g := newGraph(c)
		if violation := g.saturate(); violation != nil {
			require.Equal(t, Illegal, want, "seed %d: %v", seed, violation)
			count["refuted"]++
		} else if g.legal() {
			require.Equal(t, Legal, want, "seed %d: an order for an illegal history", seed)
			count["ordered"]++
		}
		require.Equal(t, want, c.search(newBudget(context.Background(), Limits{}), 1_000_000), "seed %d: porcupine alone", seed)
	}
	t.Log(count)
	for _, kind := range []string{"legal by certificate", "legal by order", "legal by search", "illegal by read", "illegal by cycle", "illegal by search"} {
		require.GreaterOrEqual(t, count[kind], 20, "too few histories are %s: %v", kind, count)
	}
}
