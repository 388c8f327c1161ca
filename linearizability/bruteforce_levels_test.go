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

// A plain is a transaction as the definitions of the levels speak of it: what it read of others, in its order, and what it left.
// A list is its elements with a comma behind each.
type plain struct {
	reads  []Row // absent values are empty
	writes map[string]string
}

// plainly is false when the transaction contradicts its own writes, or where that is asked, its own reads.
func plainly(t Txn, repeatable bool) (p plain, consistent bool) {
	p.writes = map[string]string{}
	seen := map[string]string{}
	consistent = true
	for _, op := range t.Ops {
		value := op.Value
		switch op.Kind {
		case Write, Delete:
			p.writes[op.Key] = value
		case Read:
			own, wrote := p.writes[op.Key]
			before, read := seen[op.Key]
			switch {
			case wrote:
				consistent = consistent && own == value
			case read && repeatable:
				consistent = consistent && before == value
			default:
				seen[op.Key] = value
				p.reads = append(p.reads, Row{op.Key, value})
			}
		}
	}
	return p, consistent
}

// holdsByDefinition tries everything that the words of a level leave open.
func holdsByDefinition(level Level, history []Txn) bool {
	var unknown []int
	for i, t := range history {
		if t.Outcome == OutcomeUnknown {
			unknown = append(unknown, i)
		}
	}
	for chosen := range 1 << len(unknown) {
		var txns []Txn
		for i, t := range history {
			at := slices.Index(unknown, i)
			if t.Outcome == Committed || at >= 0 && chosen&(1<<at) != 0 {
				txns = append(txns, t)
			}
		}
		plains := make([]plain, len(txns))
		all := true
		for i, t := range txns {
			ok := false
			plains[i], ok = plainly(t, level != ReadCommitted)
			all = all && ok
		}
		if !all {
			continue
		}
		so := make([][]bool, len(txns))
		for i, a := range txns {
			so[i] = make([]bool, len(txns))
			for j, b := range txns {
				so[i][j] = i != j && a.Client == b.Client && a.Outcome == Committed && a.End != Unfinished &&
					(a.End < b.Begin || a.End == b.Begin && (a.Begin < b.Begin || a.Begin == b.Begin && i < j))
			}
		}
		if possible(level, plains, so) {
			return true
		}
	}
	return false
}

func possible(level Level, txns []plain, so [][]bool) bool {
	if level == SnapshotIsolation {
		return snapshots(txns, so)
	}
	if level == ReadCommitted || level == ReadAtomic {
		return readsFrom(level, txns, so)
	}
	found := false
	permutations(len(txns), func(order []int) bool {
		switch level {
		case Serializable, SessionSerializable:
			state := map[string]string{}
			for at, i := range order {
				for _, j := range order[at:] {
					if level == SessionSerializable && so[j][i] {
						return false
					}
				}
				for _, r := range txns[i].reads {
					if state[r.Key] != r.Value {
						return false
					}
				}
				maps.Copy(state, txns[i].writes)
			}
			found = true
		default:
			found = visible(level, txns, so, order)
		}
		return found
	})
	return found
}

// permutations calls try with each order until it is true.
func permutations(n int, try func(order []int) bool) {
	order := make([]int, 0, n)
	var extend func() bool
	extend = func() bool {
		if len(order) == n {
			return try(order)
		}
		for i := range n {
			if !slices.Contains(order, i) {
				order = append(order, i)
				if extend() {
					return true
				}
				order = order[:len(order)-1]
			}
		}
		return false
	}
	extend()
}

// visible tries every relation of who sees whom within an order (Cerone, Bernardi and Gotsman 2015): it is transitive and has
// sessions, a read sees the last visible writer in the order, and for parallel snapshot isolation, of two writers of a key one
// sees the other.
func visible(level Level, txns []plain, so [][]bool, order []int) bool {
	n := len(order)
	var pairs [][2]int
	for b := range n {
		for a := range b {
			if so[order[b]][order[a]] {
				return false
			}
			pairs = append(pairs, [2]int{a, b})
		}
	}
	for chosen := range 1 << len(pairs) {
		sees := make([][]bool, n) // sees[b][a], by place in the order
		for i := range sees {
			sees[i] = make([]bool, n)
		}
		ok := true
		for k, p := range pairs {
			sees[p[1]][p[0]] = chosen&(1<<k) != 0
			ok = ok && (sees[p[1]][p[0]] || !so[order[p[0]]][order[p[1]]])
		}
		for c := range n {
			for b := range c {
				for a := range b {
					ok = ok && !(sees[c][b] && sees[b][a] && !sees[c][a])
				}
			}
		}
		for b := 0; b < n && ok; b++ {
			for _, r := range txns[order[b]].reads {
				last := ""
				for a := range b {
					if v, wrote := txns[order[a]].writes[r.Key]; wrote && sees[b][a] {
						last = v
					}
				}
				ok = ok && last == r.Value
			}
			for a := range b {
				for k := range txns[order[b]].writes {
					if _, both := txns[order[a]].writes[k]; both && level == ParallelSnapshotIsolation {
						ok = ok && sees[b][a]
					}
				}
			}
		}
		if ok {
			return true
		}
	}
	return false
}

// snapshots runs transactions as a store does that has snapshot isolation: each takes a snapshot when it begins, and when it
// commits, nobody has committed a key that it writes since (Berenson and others 1995).
func snapshots(txns []plain, so [][]bool) bool {
	n := len(txns)
	begun, ended := make([]bool, n), make([]bool, n)
	dirty := make([]map[string]bool, n) // keys committed since it began
	var run func(state map[string]string, left int) bool
	run = func(state map[string]string, left int) bool {
		if left == 0 {
			return true
		}
		for i := range n {
			switch {
			case ended[i]:
			case begun[i]:
				conflict := false
				for k := range txns[i].writes {
					conflict = conflict || dirty[i][k]
				}
				if conflict {
					continue
				}
				next := maps.Clone(state)
				maps.Copy(next, txns[i].writes)
				saved := make([]map[string]bool, n)
				for j := range n {
					saved[j] = maps.Clone(dirty[j])
					for k := range txns[i].writes {
						if begun[j] && !ended[j] && j != i {
							dirty[j][k] = true
						}
					}
				}
				ended[i] = true
				if run(next, left-1) {
					return true
				}
				ended[i] = false
				copy(dirty, saved)
			default:
				ready := true
				for j := range n {
					ready = ready && !(so[j][i] && !ended[j])
				}
				for _, r := range txns[i].reads {
					ready = ready && state[r.Key] == r.Value
				}
				if !ready {
					continue
				}
				begun[i], dirty[i] = true, map[string]bool{}
				if run(state, left) {
					return true
				}
				begun[i] = false
			}
		}
		return false
	}
	return run(map[string]string{}, n)
}

// readsFrom tries every answer to who was read, and every order of commits, against the axioms of Biswas and Enea (2019).
func readsFrom(level Level, txns []plain, so [][]bool) bool {
	type read struct{ reader, at, from int } // from is -1 for the beginning
	var answers func(reads []read, i, at int) bool
	answers = func(reads []read, i, at int) bool {
		if i == len(txns) {
			found := false
			permutations(len(txns), func(order []int) bool {
				place := make([]int, len(txns))
				for p, i := range order {
					place[i] = p
				}
				for a := range txns {
					for b := range txns {
						if so[a][b] && place[a] > place[b] {
							return false
						}
					}
				}
				for _, r := range reads {
					if r.from >= 0 && place[r.from] > place[r.reader] {
						return false
					}
				}
				for _, r := range reads {
					key := txns[r.reader].reads[r.at].Key
					for seen := range txns {
						if _, writes := txns[seen].writes[key]; !writes || seen == r.from || seen == r.reader {
							continue
						}
						saw := level == ReadAtomic && so[seen][r.reader]
						for _, o := range reads {
							saw = saw || o.reader == r.reader && o.from == seen && (level == ReadAtomic || o.at < r.at)
						}
						if saw && (r.from < 0 || place[seen] > place[r.from]) {
							return false
						}
					}
				}
				found = true
				return true
			})
			return found
		}
		if at == len(txns[i].reads) {
			return answers(reads, i+1, 0)
		}
		r := txns[i].reads[at]
		if r.Value == "" && answers(append(reads, read{i, at, -1}), i, at+1) {
			return true
		}
		for from := range txns {
			if v, writes := txns[from].writes[r.Key]; from != i && writes && v == r.Value && answers(append(slices.Clone(reads), read{i, at, from}), i, at+1) {
				return true
			}
		}
		return false
	}
	return answers(nil, 0, 0)
}

// randomSessions are transactions of a few sessions whose reads are of any state that there was, the last one most often.
func randomSessions(r *rand.Rand) []Txn {
	n, clients, keys := 2+r.IntN(3), 1+r.IntN(3), 1+r.IntN(3)
	unique := r.IntN(4) > 0
	states := []map[string]string{{}}
	serial := 0
	var history []Txn
	for i := range n {
		t := Txn{ID: uint64(i + 1), Client: r.IntN(clients), Begin: int64(10 * i), End: int64(10*i + 5), Outcome: Committed}
		if r.IntN(6) == 0 {
			t.Outcome = OutcomeUnknown
		}
		if r.IntN(12) == 0 {
			t.Outcome = Aborted
		}
		at := len(states) - 1
		if r.IntN(2) == 0 {
			at = r.IntN(len(states))
		}
		own := map[string]string{}
		for range 1 + r.IntN(3) {
			key := fmt.Sprintf("k%d", r.IntN(keys))
			op := Op{Kind: Kind(1 + r.IntN(2)), Key: key}
			if op.Kind == Write {
				serial++
				op.Value = fmt.Sprint(serial)
				if !unique {
					op.Value = fmt.Sprint(r.IntN(3))
				}
				if r.IntN(12) == 0 {
					op.Kind, op.Value = Delete, ""
				}
				own[key] = op.Value
			} else {
				value, mine := own[key]
				if !mine {
					value = states[at][key]
					if r.IntN(8) == 0 {
						value = states[r.IntN(len(states))][key]
					}
				}
				op.Value, op.Found = value, value != ""
			}
			t.Ops = append(t.Ops, op)
		}
		if t.Outcome == Committed || t.Outcome == OutcomeUnknown && r.IntN(2) == 0 {
			next := maps.Clone(states[len(states)-1])
			maps.Copy(next, own)
			states = append(states, next)
		}
		history = append(history, t)
	}
	if r.IntN(3) == 0 { // no times
		for i := range history {
			history[i].Begin, history[i].End = 0, 0
		}
	}
	return history
}

// Every verdict on every level is that of its definition, and levels that a level implies hold with it.
func TestLevelsAgreeWithTheirDefinitions(t *testing.T) {
	histories := 6000
	if *differential > 0 {
		histories = *differential
	}
	count := inParallel(histories, func(seed uint64, count map[string]int) {
		history := randomSessions(rand.New(rand.NewPCG(seed, 31)))
		standing := Strongest(context.Background(), history, Limits{})
		for _, level := range Levels() {
			got := CheckLevel(context.Background(), level, history, Limits{})
			if got.Reason == ErrEmpty {
				return
			}
			want := Illegal
			if level == StrictSerializable && bruteForce(history) || level != StrictSerializable && holdsByDefinition(level, history) {
				want = Legal
			}
			if got.Verdict != want {
				t.Errorf("seed %d: %s: expected %s, found %s by %s: %v\n%s", seed, level, want, got.Verdict, got.Proof, got.Err(), tell(history))
				return
			}
			count[string(level)+" "+want.String()]++
			if want == Legal {
				continue
			}
			if standing.Results[level].Verdict != Illegal {
				t.Errorf("seed %d: %s is broken, and the standing says %s\n%s", seed, level, standing.Results[level].Verdict, tell(history))
			}
			violation := got.Violation.(*Violation)
			count["class "+string(violation.Class)]++
			if violation.Level != level || len(violation.Core) == 0 || violation.Anomaly.Guarantee() == "" {
				t.Errorf("seed %d: %s: level %q, core %v, anomaly %q", seed, level, violation.Level, violation.Core, violation.Anomaly)
			}
			var core []Txn
			for _, i := range violation.Core {
				core = append(core, history[i])
			}
			if level == StrictSerializable && bruteForce(core) || level != StrictSerializable && holdsByDefinition(level, core) {
				t.Errorf("seed %d: %s: the core holds: %v %v\n%s", seed, level, violation.Core, violation, tell(history))
			}
		}
		count["strongest "+string(standing.Strongest)]++
	})
	t.Log(count)
	for _, level := range Levels() {
		require.Positive(t, count[string(level)+" legal"], level)
		require.Positive(t, count[string(level)+" illegal"], level)
	}
}

func tell(history []Txn) string {
	var b strings.Builder
	for i, t := range history {
		fmt.Fprintf(&b, "%d: %d client %d [%d,%d] %s:", i, t.ID, t.Client, t.Begin, t.End, t.Outcome)
		for _, op := range t.Ops {
			fmt.Fprintf(&b, " %s %s=%q", op.Kind, op.Key, op.Value)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// A core contradicts itself without the rest of the history. Three of a million did not: an edge that held only because the
// beginning's chain comes before all others was told without that chain (the first), and a reader that shows that one of unknown
// outcome happened, without who had replaced in time what else it could have read (the others).
func TestCoresNeedNothingElse(t *testing.T) {
	for _, history := range [][][]Op{
		{{wrote("2")}, {saw(""), wrote("2")}, {saw("2"), wrote("0")}, {saw("0"), wrote("1")}},
		{{saw(""), wrote("1")}, {saw(""), wrote("1")}, {wrote("1"), wrote("0")}, {saw("1"), wrote("2")}},
		{{wrote("0")}, {saw(""), {Kind: Delete, Key: "k1"}}, {saw("0"), {Kind: Write, Key: "k1", Value: "2"}}, {{Kind: Read, Key: "k1"}, {Kind: Write, Key: "k1", Value: "0"}}},
	} {
		for unknown := -1; unknown < len(history); unknown++ {
			var txns []Txn
			for i, ops := range history {
				txns = append(txns, Txn{ID: uint64(i + 1), Begin: int64(10 * i), End: int64(10*i + 5), Outcome: Committed, Ops: ops})
				if i == unknown {
					txns[i].Outcome = OutcomeUnknown
				}
			}
			got := CheckLevel(context.Background(), StrictSerializable, txns, Limits{})
			if bruteForce(txns) {
				require.Equal(t, Legal, got.Verdict, "%s", tell(txns))
				continue
			}
			require.Equal(t, Illegal, got.Verdict, "%s", tell(txns))
			var violation *Violation
			require.ErrorAs(t, got.Violation, &violation)
			var core []Txn
			for _, at := range violation.Core {
				core = append(core, txns[at])
			}
			require.False(t, bruteForce(core), "%v of\n%s", violation.Core, tell(txns))
		}
	}
}

func wrote(value string) Op { return Op{Kind: Write, Key: "k0", Value: value} }
func saw(value string) Op   { return Op{Kind: Read, Key: "k0", Value: value, Found: value != ""} }
