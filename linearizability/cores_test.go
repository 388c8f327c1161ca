package linearizability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// opinion decides a history of transactions by the words of the level where they are at hand, and else as everybody does.
func opinion(level Level, history []Txn) bool {
	scans, lists := false, false
	for i := range history {
		for _, op := range history[i].Ops {
			scans = scans || op.Kind == Scan || op.Kind == Rollback
			lists = lists || op.Kind == ListAppend || op.Kind == ListRead
		}
	}
	switch {
	case level == StrictSerializable && !lists:
		return bruteForce(history)
	case !scans && !lists:
		return holdsByDefinition(level, history)
	}
	result := CheckLevel(context.Background(), level, history, Limits{})
	return result.Verdict == Legal || errors.Is(result.Reason, ErrEmpty)
}

// Every kind of violation, of calls and of transactions at every level, comes down to operations of which none can be left out.
func TestCoresOfEveryKindAreMinimal(t *testing.T) {
	anomalies, classes := make(map[Anomaly]bool), make(map[Class]bool)
	explained := func(rec *Recording, level Level, legal func(keep []int) bool) {
		result := rec.Check(context.Background(), "", level, Limits{})
		if result.Verdict != Illegal {
			return
		}
		x, err := rec.Explain(context.Background(), "", level, result, Limits{Steps: explainSteps})
		require.NoError(t, err, "%s %v", level, result.Violation)
		require.True(t, x.Minimal, "%s %v\n%s", level, result.Violation, tell(rec.Txns))
		minimal(t, x, legal)
		for _, v := range []error{result.Violation, x.Violation} {
			var (
				ofCalls *CallViolation
				ofTxns  *Violation
			)
			switch {
			case errors.As(v, &ofCalls):
				anomalies[ofCalls.Anomaly], classes[ofCalls.Class] = true, true
			case errors.As(v, &ofTxns):
				anomalies[ofTxns.Anomaly], classes[ofTxns.Class] = true, true
			}
		}
	}
	txns := func(history []Txn) {
		for _, level := range Levels() {
			explained(&Recording{Model: ModelTxn, Txns: history}, level, func(keep []int) bool {
				kept, _ := forgetTxns(history, keep)
				return opinion(level, kept)
			})
		}
	}
	for _, tc := range brokenHistories {
		history := parseHistory(t, tc.history)
		txns(history)
		for i := range history { // and of one session
			history[i].Client = 1
		}
		txns(history)
	}
	txns(parseHistory(t, `
		T1 [0,100] committed: x:=1
		T2 [0,100] committed: y:=1
		T3 [0,100] committed: x=1 y=nothing
		T4 [0,100] committed: y=1 x=nothing`)) // a long fork
	txns(parseHistory(t, `
		T1 [0,100] committed: x:=1
		T2 [0,100] committed: y:=1
		T3 [0,100] committed: x=1 y=nothing
		T4 [0,100] committed: z=1 x=nothing
		T5 [0,100] committed: y=1 z:=1`)) // and one with a step between
	for seed := range uint64(250) {
		txns(randomSessions(rand.New(rand.NewPCG(seed, 31))))
		txns(randomLists(rand.New(rand.NewPCG(seed, 31))))
	}
	calls := func(model Model, history []Call) {
		explained(&Recording{Model: model, Calls: history}, "", func(keep []int) bool { return porcupineAllows(model, history, keep) })
	}
	for _, tc := range brokenCalls {
		calls(tc.model, parseCalls(t, tc.history))
	}
	for _, model := range Models() {
		for seed := range uint64(300) {
			if model.Transactional() {
				break
			}
			if history, initial := randomCalls(rand.New(rand.NewPCG(seed, 31)), model); initial == nil {
				calls(model, history)
			}
		}
	}
	for anomaly := range guarantees {
		require.True(t, anomalies[anomaly], "no core of %q", anomaly)
	}
	for _, class := range []Class{G0, G1a, G1b, G1c, GSingle, G2Item, ClassLostUpdate, Internal, Garbage, GNonadjacent, LongFork} {
		require.True(t, classes[class] || classes[class+"-process"] || classes[class+"-realtime"], "no core of class %q", class)
	}
}

// A contradiction in a long history of which no core is known at once: blind writes, whose order is a choice. It was once as long
// as all cycles that were met on the way, and could then not be found again.
func TestCoresOfLongHistories(t *testing.T) {
	seeds := []uint64{0, 2, 3}
	if testing.Short() { // under the race detector, where what is decided is not the question
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		history := load{operations: 3000, clients: 10, keys: 30 + int(seed)*30, lost: 0.03, seed: seed}.transactions(true)
		require.Equal(t, Illegal, plantStale(rand.New(rand.NewPCG(seed, 51)), history))
		for _, level := range []Level{StrictSerializable, SessionSerializable, SnapshotIsolation, ParallelSnapshotIsolation, Causal, ReadAtomic} {
			rec := &Recording{Model: ModelTxn, Txns: history}
			result := rec.Check(context.Background(), "", level, Limits{})
			if result.Verdict == Legal {
				continue
			}
			require.Equal(t, Illegal, result.Verdict)
			x, err := rec.Explain(context.Background(), "", level, result, Limits{Steps: explainSteps})
			require.NoError(t, err, "seed %d: %s", seed, level)
			require.True(t, x.Minimal, "seed %d: %s", seed, level)
			require.Less(t, len(x.Core), 30, "seed %d: %s", seed, level)
			for i := range x.Core {
				kept, _ := forgetTxns(history, slices.Delete(slices.Clone(x.Core), i, i+1))
				require.Equal(t, Legal, CheckLevel(context.Background(), level, kept, Limits{}).Verdict, "seed %d: %s: %s is not needed", seed, level, fmt.Sprint(x.Core[i]))
			}
		}
	}
}
