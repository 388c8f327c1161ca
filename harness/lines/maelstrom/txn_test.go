package maelstrom

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// txnReference runs one transaction at a time.
type txnReference struct {
	lists  map[string][]any
	values map[string]any
}

func newTxnReference() *txnReference {
	return &txnReference{lists: map[string][]any{}, values: map[string]any{}}
}

func (r *txnReference) answer(_ string, request Body) Body {
	var out []any
	for _, v := range request["txn"].([]any) {
		op := v.([]any)
		key := text(op[1])
		switch op[0] {
		case "append":
			r.lists[key] = append(slices.Clone(r.lists[key]), op[2])
			r.values[key] = r.lists[key]
		case "w":
			r.values[key] = op[2]
		default:
			op = []any{"r", op[1], r.values[key]}
		}
		out = append(out, op)
	}
	return Body{"type": "txn_ok", "txn": out}
}

func txnRun(t *testing.T, w Workload, seed uint64, requests int) []Call {
	return drive(t, w, Parameters{Nodes: threeNodes}, newTxnReference(), seed, requests, true)
}

func TestCorrectTransactionsHaveEveryModel(t *testing.T) {
	for _, w := range []Workload{txnListAppend(), txnRWRegister()} {
		for seed := range uint64(6) {
			calls := txnRun(t, w, seed, 150)
			for _, model := range append(consistencyNames(), "") {
				require.Empty(t, w.Check(Parameters{Consistency: model}, calls), "%s seed %d %s", w.Name, seed, model)
			}
		}
		require.True(t, reflect.DeepEqual(txnRun(t, w, 7, 100), txnRun(t, w, 7, 100)))
	}
}

func TestTransactionsAreAsLongAsAsked(t *testing.T) {
	calls := drive(t, txnListAppend(), Parameters{Nodes: threeNodes, MinTxnLength: 2, MaxTxnLength: 6, KeyCount: 3, MaxWritesPerKey: 5}, newTxnReference(), 1, 500, false)
	lengths, writes, last := map[int]int{}, map[string]int{}, map[string]string{}
	for i := range calls {
		ops := calls[i].Request["txn"].([]any)
		lengths[len(ops)]++
		for _, v := range ops {
			if op := v.([]any); op[0] == "append" {
				key := text(op[1])
				writes[key]++
				require.NotEqual(t, last[key], text(op[2]))
				last[key] = text(op[2])
			}
		}
	}
	require.Len(t, lengths, 5)
	for n := 2; n <= 6; n++ {
		require.Greater(t, lengths[n], 50)
	}
	require.Greater(t, len(writes), 100)
	for key, n := range writes {
		require.LessOrEqual(t, n, 5, key)
	}
}

// txn is a call at a time, `r 1 [1 2], append 1 3` for lists and `r 1 2, w 1 3` for registers.
func txn(client int, from, to int64, ops string) line {
	var asked, got []string
	for _, op := range strings.Split(ops, ", ") {
		parts := strings.SplitN(op, " ", 3)
		value := parts[2]
		got = append(got, `["`+parts[0]+`",`+parts[1]+`,`+value+`]`)
		if parts[0] == "r" {
			value = "null"
		}
		asked = append(asked, `["`+parts[0]+`",`+parts[1]+`,`+value+`]`)
	}
	return line{client, nodeTime(from), nodeTime(to), `{"type":"txn","txn":[` + strings.Join(asked, ",") + `]}`, `{"type":"txn_ok","txn":[` + strings.Join(got, ",") + `]}`, false}
}

func failed(l line) line  { l.reply = busy; return l }
func unknown(l line) line { l.reply = ""; return l }

// Each anomaly is found under the name that Elle has for it, at the weakest model that forbids it, and not at the one below.
func TestEachAnomalyOfTransactionsIsFound(t *testing.T) {
	lists, registers := txnListAppend(), txnRWRegister()
	for name, c := range map[string]struct {
		w          Workload
		lines      []line
		forbidden  string // the weakest model that forbids it
		rule       string
		calls      []int
		allowed    string // a model that does not forbid it, "" when all do
		otherRules string // under the default model
	}{
		"an aborted read of a list":              {lists, []line{failed(txn(0, 1, 2, "append 1 1")), txn(1, 3, 4, "r 1 [1]")}, "read-committed", "G1a", []int{0, 1}, "read-uncommitted", "G1a"},
		"an aborted read of a register":          {registers, []line{failed(txn(0, 1, 2, "w 1 1")), txn(1, 3, 4, "r 1 1")}, "read-committed", "G1a", []int{0, 1}, "read-uncommitted", "G1a"},
		"an intermediate read of a list":         {lists, []line{txn(0, 1, 2, "append 1 1, append 1 2"), txn(1, 3, 4, "r 1 [1]"), txn(1, 5, 6, "r 1 [1,2]")}, "read-committed", "G1b", []int{0, 1}, "read-uncommitted", "G1b"},
		"an intermediate read of a register":     {registers, []line{txn(0, 1, 2, "w 1 1, w 1 2"), txn(1, 3, 4, "r 1 1")}, "read-committed", "G1b", []int{0, 1}, "read-uncommitted", "G1b"},
		"an element from nowhere":                {lists, []line{txn(0, 1, 2, "append 1 1"), txn(1, 3, 4, "r 1 [1,9]")}, "read-uncommitted", "garbage-read", []int{1}, "", "garbage-read"},
		"a value from nowhere":                   {registers, []line{txn(0, 1, 2, "w 1 1"), txn(1, 3, 4, "r 1 9")}, "read-uncommitted", "garbage-read", []int{1}, "", "garbage-read"},
		"an element twice":                       {lists, []line{txn(0, 1, 2, "append 1 1"), txn(1, 3, 4, "r 1 [1,1]")}, "read-uncommitted", "duplicate-elements", []int{1}, "", "duplicate-elements"},
		"lists that disagree":                    {lists, []line{txn(0, 1, 9, "append 1 1"), txn(1, 1, 9, "append 1 2"), txn(2, 1, 9, "r 1 [1,2]"), txn(3, 1, 9, "r 1 [2]")}, "read-committed", "incompatible-order", []int{2, 3}, "read-uncommitted", "incompatible-order"},
		"writes in a circle":                     {lists, []line{txn(0, 1, 9, "append 1 1, append 2 1"), txn(1, 1, 9, "append 1 2, append 2 2"), txn(2, 10, 11, "r 1 [1,2], r 2 [2,1]")}, "read-uncommitted", "G0", []int{0, 1}, "", "G0"},
		"information in a circle":                {registers, []line{txn(0, 1, 9, "w 1 1, r 2 1"), txn(1, 1, 9, "w 2 1, r 1 1")}, "read-committed", "G1c", []int{0, 1}, "read-uncommitted", "G1c"},
		"information of lists in a circle":       {lists, []line{txn(0, 1, 9, "append 1 1, r 2 [1]"), txn(1, 1, 9, "append 2 1, r 1 [1]")}, "read-committed", "G1c", []int{0, 1}, "read-uncommitted", "G1c"},
		"a fractured read":                       {lists, []line{txn(0, 1, 2, "append 1 1, append 2 1"), txn(1, 3, 4, "append 1 2, append 2 2"), txn(2, 1, 9, "r 1 [1,2], r 2 [1]")}, "monotonic-atomic-view", "", nil, "read-committed", ""},
		"a lost update":                          {registers, []line{txn(0, 1, 2, "w 1 1"), txn(1, 3, 9, "r 1 1, w 1 2"), txn(2, 3, 9, "r 1 1, w 1 3")}, "parallel-snapshot-isolation", "", []int{1, 2}, "causal-cerone", ""},
		"a long fork":                            {registers, []line{txn(0, 1, 9, "w 1 1"), txn(1, 1, 9, "w 2 1"), txn(2, 1, 9, "r 1 1, r 2 null"), txn(3, 1, 9, "r 1 null, r 2 1")}, "snapshot-isolation", "", []int{2, 3}, "parallel-snapshot-isolation", ""},
		"write skew":                             {registers, []line{txn(0, 1, 9, "r 1 null, w 2 1"), txn(1, 1, 9, "r 2 null, w 1 1")}, "serializable", "G2-item", []int{0, 1}, "snapshot-isolation", "G2-item"},
		"a session that goes back":               {registers, []line{txn(0, 1, 2, "w 1 1"), txn(0, 3, 4, "r 1 null")}, "strong-session-serializable", "", []int{0, 1}, "serializable", ""},
		"a session that goes back, by snapshots": {registers, []line{txn(0, 1, 2, "w 1 1"), txn(0, 3, 4, "r 1 null")}, "strong-session-snapshot-isolation", "", []int{0, 1}, "snapshot-isolation", ""},
		"a stale read":                           {lists, []line{txn(0, 1, 2, "append 1 1"), txn(1, 3, 4, "r 1 null")}, "strict-serializable", "", []int{0, 1}, "strong-session-serializable", ""},
		"an own write missed":                    {registers, []line{txn(0, 1, 2, "w 1 1, r 1 null")}, "read-atomic", "internal", []int{0}, "read-committed", "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := history(t, c.lines...)
			problems := c.w.Check(Parameters{Consistency: c.forbidden}, calls)
			wellFormed(t, calls, problems)
			require.NotEmpty(t, problems)
			require.False(t, problems[0].Undecided)
			if c.rule != "" {
				require.Equal(t, []string{c.rule}, rules(problems), "%v", problems)
			}
			if c.calls != nil {
				require.Subset(t, problems[0].Calls, c.calls, "%+v", problems)
			}
			if c.allowed != "" {
				require.Empty(t, c.w.Check(Parameters{Consistency: c.allowed}, calls), c.allowed)
			}
			problems = c.w.Check(Parameters{}, calls)
			wellFormed(t, calls, problems)
			require.NotEmpty(t, problems)
			if c.otherRules != "" {
				require.Equal(t, []string{c.otherRules}, rules(problems), "%v", problems)
			}
		})
	}
}

func TestWhatIsNoAnomaly(t *testing.T) {
	for name, c := range map[string]struct {
		w     Workload
		lines []line
	}{
		"a transaction of unknown outcome, seen":   {txnRWRegister(), []line{unknown(txn(0, 1, 2, "w 1 1")), txn(1, 3, 4, "r 1 1")}},
		"a transaction of unknown outcome, unseen": {txnRWRegister(), []line{unknown(txn(0, 1, 2, "w 1 1")), txn(1, 3, 4, "r 1 null")}},
		"an empty list":  {txnListAppend(), []line{txn(0, 1, 2, "r 1 []"), txn(0, 3, 4, "append 1 1"), txn(1, 5, 6, "r 1 [1]")}},
		"an own element": {txnListAppend(), []line{txn(0, 1, 2, "append 1 1"), txn(0, 3, 4, "append 1 2, r 1 [1,2], append 1 3, r 1 [1,2,3]")}},
		// The client's call of unknown outcome ends its session, so the read is one of another session.
		"a stale read behind an unknown outcome": {txnRWRegister(), []line{txn(0, 1, 2, "w 1 1"), unknown(txn(0, 3, 4, "w 2 1")), txn(0, 5, 6, "r 1 null")}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, model := range []string{"strong-session-serializable", "serializable", "snapshot-isolation", "read-committed", "read-uncommitted"} {
				require.Empty(t, c.w.Check(Parameters{Consistency: model}, history(t, c.lines...)), model)
			}
		})
	}
}

func TestMalformedTransactionsAreProblemsByName(t *testing.T) {
	request := `{"type":"txn","txn":[["r",1,null],["append",1,5]]}`
	good := history(t, line{0, 1, 2, request, `{"type":"txn_ok","txn":[["r",1,null],["append",1,5]]}`, false})
	require.Empty(t, checkTxns("txn-list-append", "append", Parameters{}, good))
	for _, reply := range []string{
		`{"type":"txn_ok"}`, `{"type":"txn_ok","txn":null}`, `{"type":"txn_ok","txn":{}}`, `{"type":"txn_ok","txn":[]}`, `{"type":"txn_ok","txn":[["r",1,null]]}`,
		`{"type":"txn_ok","txn":[["r",1,null],["append",1,6]]}`, `{"type":"txn_ok","txn":[["r",1,null],["append",2,5]]}`, `{"type":"txn_ok","txn":[["r",1,7],["append",1,5]]}`,
		`{"type":"txn_ok","txn":[["r",1],["append",1,5]]}`, `{"type":"txn_ok","txn":[["append",1,5],["r",1,null]]}`, `{"type":"txn_ok","txn":[["r","1",null],["append",1,5]]}`,
		`{"type":"txn_ok","txn":[["x",1,null],["append",1,5]]}`, `{"type":"txn_ok","txn":[1,2]}`, `{"type":"read_ok","txn":[["r",1,null],["append",1,5]]}`, `{}`,
	} {
		for _, model := range []string{"strict-serializable", "read-committed"} {
			calls := history(t, line{0, 1, 2, request, reply, false})
			problems := checkTxns("txn-list-append", "append", Parameters{Consistency: model}, calls)
			wellFormed(t, calls, problems)
			require.Equal(t, []string{MalformedReply}, rules(problems), reply)
		}
	}
}

func TestUnknownModelsAreRefused(t *testing.T) {
	_, err := txnListAppend().Begin(Parameters{Nodes: threeNodes, Consistency: "cursor-stability"})
	require.EqualError(t, err, `maelstrom: workload txn-list-append: unknown consistency model "cursor-stability"; known: strict-serializable, strong-serializable, PL-SS, strong-session-serializable, serializable, conflict-serializable, view-serializable, PL-3, repeatable-read, PL-2.99, strong-session-snapshot-isolation, snapshot-isolation, PL-SI, parallel-snapshot-isolation, causal-cerone, read-atomic, monotonic-atomic-view, read-committed, PL-2, read-uncommitted, PL-1`)
	_, err = txnRWRegister().Begin(Parameters{Nodes: threeNodes, Consistency: "read-committed, snapshot-isolation"})
	require.NoError(t, err)
	calls := history(t, txn(0, 1, 2, "w 1 1"))
	require.Equal(t, []string{UnknownConsistency + "?"}, rules(txnRWRegister().Check(Parameters{Consistency: "linearizable"}, calls)))
}

func TestSingleMutationsOfTransactionsAreRefused(t *testing.T) {
	refused, harmless := 0, 0
	for seed := range uint64(40) {
		w := []Workload{txnListAppend(), txnRWRegister()}[seed%2]
		calls := copied(txnRun(t, w, seed, 80))
		rng := rand.New(rand.NewPCG(seed, 3))
		var reads [][]any
		for i := range calls {
			if calls[i].Outcome != OK {
				continue
			}
			for _, v := range calls[i].Reply["txn"].([]any) {
				if op := v.([]any); op[0] == "r" && op[2] != nil {
					reads = append(reads, op)
				}
			}
		}
		op := reads[rng.IntN(len(reads))]
		if list, ok := op[2].([]any); ok {
			op[2] = list[:len(list)-1]
		} else {
			op[2] = nil
		}
		problems := w.Check(Parameters{}, calls)
		wellFormed(t, calls, problems)
		if len(problems) == 0 {
			harmless++ // the last write overlaps the read, or its outcome is unknown
			continue
		}
		refused++
	}
	require.Greater(t, refused, 5*harmless, "%d harmless", harmless)
}

func TestManyTransactionsAreQuick(t *testing.T) {
	for _, w := range []Workload{txnListAppend(), txnRWRegister()} {
		calls := txnRun(t, w, 1, 10_000)
		for _, model := range []string{"snapshot-isolation", "read-committed"} { // the first looks at strict serializability, too
			began := time.Now()
			require.Empty(t, w.Check(Parameters{Consistency: model}, calls))
			t.Log(w.Name, model, time.Since(began))
			require.Less(t, time.Since(began), 20*time.Second, "it takes a second or less")
		}
	}
}
