package linearizability

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
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
	states := []map[string]string{} // by operation, the state before it
	for _, op := range t.Ops {
		states = append(states, maps.Clone(state))
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
		case Scan:
			rows, more := scanned(state, op.From, op.To, len(op.Rows), op.More)
			if more != op.More || !slices.Equal(rows, op.Rows) || op.Most > 0 && len(rows) > op.Most {
				return nil, false
			}
		case Rollback:
			state = takeBack(states, op.Since)
		case ListAppend:
			state[op.Key] += op.Value + ","
		case ListRead:
			if strings.Join(append(slices.Clone(op.List), ""), ",") != value {
				return nil, false
			}
		}
	}
	return state, true
}

// takeBack returns the state before an operation. What came later is gone for good, also for those who go back to a point
// behind it afterwards.
func takeBack(states []map[string]string, since int) map[string]string {
	for i := since; i < len(states); i++ {
		states[i] = states[since]
	}
	return maps.Clone(states[since])
}

// scanned returns the first rows of a range, all of them unless told otherwise, and whether there are more.
func scanned(state map[string]string, from, to string, most int, bounded bool) (rows []Row, more bool) {
	for _, key := range slices.Sorted(maps.Keys(state)) {
		switch {
		case key < from || to != "" && key >= to:
		case bounded && len(rows) == most:
			return rows, true
		default:
			rows = append(rows, Row{key, state[key]})
		}
	}
	return rows, false
}

// randomHistory runs a few transactions one after another in a random order, gives them overlapping times around their
// places and values that repeat, and then breaks some of them, so that about as many histories are legal as are not.
func randomHistory(r *rand.Rand, ranges bool) []Txn {
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
		states := []map[string]string{}
		for at := range 1 + r.IntN(3) {
			states = append(states, maps.Clone(local))
			op := Op{Kind: Kind(1 + r.IntN(3)), Key: fmt.Sprintf("k%d", r.IntN(keys))}
			switch {
			case ranges && r.IntN(3) == 0:
				op = randomScan(r, local, keys, values)
			case ranges && r.IntN(8) == 0:
				op = Op{Kind: Rollback, Since: r.IntN(at + 1)}
				local = takeBack(states, op.Since)
			}
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

// randomScan answers a random scan, and now and then wrongly.
func randomScan(r *rand.Rand, state map[string]string, keys, values int) Op {
	op := Op{Kind: Scan, From: fmt.Sprintf("k%d", r.IntN(keys))}
	if r.IntN(3) > 0 {
		op.To = fmt.Sprintf("k%d", r.IntN(keys+1))
	}
	if r.IntN(2) == 0 {
		op.Most = 1 + r.IntN(2)
	}
	op.Rows, op.More = scanned(state, op.From, op.To, op.Most, op.Most > 0)
	switch r.IntN(16) {
	case 0: // a row that is not there
		op.Rows = append(op.Rows, Row{fmt.Sprintf("k%d", r.IntN(keys)), fmt.Sprintf("v%d", r.IntN(values))})
		if r.IntN(2) == 0 { // at least where it would belong
			slices.SortFunc(op.Rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
		}
	case 1: // a row that is missing
		if len(op.Rows) > 0 {
			at := r.IntN(len(op.Rows))
			op.Rows = slices.Delete(op.Rows, at, at+1)
		}
	case 2:
		op.More = !op.More
	case 3:
		if len(op.Rows) > 0 {
			op.Rows[r.IntN(len(op.Rows))].Value = fmt.Sprintf("v%d", r.IntN(values))
		}
	}
	return op
}

func TestEveryStageAgreesWithBruteForce(t *testing.T) {
	for _, ranges := range []bool{false, true} {
		t.Run(fmt.Sprintf("ranges=%t", ranges), func(t *testing.T) { agreeWithBruteForce(t, ranges) })
	}
}

func agreeWithBruteForce(t *testing.T, ranges bool) {
	histories := 20_000
	if *differential > 0 {
		histories = *differential
	}
	count := inParallel(histories, func(seed uint64, count map[string]int) {
		history := randomHistory(rand.New(rand.NewPCG(seed, 7)), ranges)
		want := Illegal
		if bruteForce(history) {
			want = Legal
		}
		got := CheckTxns(context.Background(), history, Limits{})
		if got.Verdict == Unknown {
			require.Equal(t, ErrEmpty, got.Reason, "seed %d", seed)
			count["empty"]++
			return
		}
		require.Equal(t, want, got.Verdict, "seed %d: %+v\n%+v", seed, history, got)
		require.Equal(t, want == Legal, got.Err() == nil, "seed %d", seed)
		count[got.Verdict.String()+" by "+string(got.Proof)]++

		c, violation, err := compile(history)
		require.NoError(t, err)
		if violation != nil {
			require.Equal(t, Illegal, want, "seed %d: %v", seed, violation)
			return
		}
		if c.certificate() == nil {
			require.Equal(t, Legal, want, "seed %d: a certificate for an illegal history", seed)
		}
		b := newBudget(context.Background(), Limits{})
		if g, violation := arrange(c, StrictSerializable, b); violation != nil || g.forbidden() != nil {
			require.Equal(t, Illegal, want, "seed %d: %v", seed, violation)
			count["refuted"]++
		} else {
			a := attempt{orders: g}
			if a.laid() {
				require.Equal(t, Legal, want, "seed %d: an order for an illegal history", seed)
				count["ordered"]++
			}
			require.Equal(t, want, a.search(b, 1_000_000), "seed %d: the search alone", seed)
		}
		require.Equal(t, want, c.search(newBudget(context.Background(), Limits{}), 1_000_000), "seed %d: porcupine alone", seed)
	})
	t.Log(count)
	for _, kind := range []string{"legal by certificate", "legal by order", "legal by search", "illegal by read", "illegal by cycle", "illegal by search"} {
		require.GreaterOrEqual(t, count[kind], 5, "too few histories are %s: %v", kind, count)
	}
}
