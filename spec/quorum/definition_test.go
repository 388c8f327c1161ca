package quorum

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// explore calls visit with every reachable state, each once, past all violations.
func explore(m model, visit func(s State)) {
	same := func(s State) State {
		if m.Symmetry {
			return m.same(s)
		}
		return s
	}
	moves := m.moves()
	seen := map[State]bool{m.init(): true}
	for queue := []State{m.init()}; len(queue) > 0; queue = queue[1:] {
		visit(queue[0])
		for _, mv := range moves {
			mv.Next(queue[0], func(next State, _ ...int) {
				if next = same(next); !seen[next] {
					seen[next] = true
					queue = append(queue, next)
				}
			})
		}
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// explains is the module's formula: at gives the place of each write in the order.
func explains(m model, s State, at map[Value]int, reads []int) bool {
	before := func(a, b int) bool { return s.Ops[b].Before&(1<<a) != 0 }
	for v := range at {
		for u := range at {
			if v != Initial && u != Initial && before(v.op(), u.op()) && at[v] >= at[u] {
				return false
			}
		}
	}
	for _, o := range reads {
		value := s.Ops[o].Value
		for w := range at {
			if w != Initial && (before(w.op(), o) && at[w] > at[value] || before(o, w.op()) && at[w] <= at[value]) {
				return false
			}
		}
		for _, q := range reads {
			if before(q, o) && at[s.Ops[q].Value] > at[value] {
				return false
			}
		}
	}
	return true
}

// orders has the permutations of up to as many writes as the worlds here have.
var orders = [][][]int{permutations(0), permutations(1), permutations(2), permutations(3)}

func explainedByDefinition(m model, s State, reads []int) bool {
	var begun []Value
	for o := range m.writeOps() {
		if s.Ops[o].Stage != Unborn {
			begun = append(begun, valueOf(o))
		}
	}
	for _, p := range orders[len(begun)] {
		at := map[Value]int{Initial: 0}
		for i, w := range begun {
			at[w] = 1 + p[i]
		}
		if explains(m, s, at, reads) {
			return true
		}
	}
	return false
}

func durableByDefinition(m model, s State) bool {
	for q := range 1 << m.Replicas {
		set := replicasIn(q)
		if len(set) != m.ReadQuorum {
			continue
		}
		for o := range m.writeOps() {
			if s.Ops[o].Stage == Ended && !slices.ContainsFunc(set, func(r int) bool {
				return s.Replicas[r].Holds == valueOf(o) || m.newer(&s, s.Replicas[r].Holds, valueOf(o))
			}) {
				return false
			}
		}
	}
	return true
}

func replicasIn(set int) (list []int) {
	for i := range maxReplicas {
		if set&(1<<i) != 0 {
			list = append(list, i)
		}
	}
	return list
}

// What is decided by counting and by search here is what the module defines by sets and orders, in every reachable
// state of worlds where it holds and of worlds where it does not.
func TestInvariantsAsTheModuleDefinesThem(t *testing.T) {
	held, broken := map[string]int{}, map[string]int{}
	note := func(name string, is, defined bool, s State) {
		if is != defined {
			require.Equal(t, defined, is, "%s in %+v", name, s)
		}
		if is {
			held[name]++
		} else {
			broken[name]++
		}
	}
	for _, w := range []World{
		three(func(w *World) { w.Writes, w.Reads = 2, 2 }),
		three(func(w *World) { w.Writers, w.VersionsFrom, w.Reads = 2, own, 2 }),
		three(func(w *World) { w.WriteQuorum, w.ReadQuorum, w.Writes, w.Readers = 1, 1, 2, 2 }),
		three(func(w *World) { w.Replicas, w.WriteQuorum, w.ReadQuorum, w.Writers, w.VersionsFrom = 2, 1, 1, 3, own }),
		three(func(w *World) { w.Writes, w.Reads, w.Bug = 2, 2, amnesia }),
		three(func(w *World) { w.Writes, w.Reads, w.Bug = 2, 2, countRestarts }),
	} {
		m := modelOf(t, w)
		explore(m, func(s State) {
			reads := members(m.endedReads(&s))
			note("Durable", m.durable(s), durableByDefinition(m, s), s)
			note("Linearizable", m.linearizable(s), explainedByDefinition(m, s, reads), s)
			regular := true
			for _, o := range reads {
				regular = regular && explainedByDefinition(m, s, []int{o})
			}
			note("Regular", m.regular(s), regular, s)
		})
	}
	for _, name := range []string{"Durable", "Linearizable", "Regular"} {
		require.Greater(t, held[name], 1000, name)
		require.Greater(t, broken[name], 1000, name)
	}
}

// A search with symmetry sees one state of each orbit, which is all states that an exchange of replicas makes of one:
// sorting says so and trying all exchanges says so.
func TestSymmetryIsExact(t *testing.T) {
	m := modelOf(t, three(func(w *World) { w.Writes, w.WriteBack, w.Symmetry = 2, true, false }))
	exchanges := permutations(m.Replicas)
	orbits := map[State]bool{}
	explore(m, func(s State) {
		for _, p := range exchanges {
			exchanged := s
			for i, r := range p {
				exchanged.Replicas[i] = s.Replicas[r]
			}
			if m.same(exchanged) != m.same(s) {
				require.Equal(t, m.same(s), m.same(exchanged))
			}
		}
		orbits[m.same(s)] = true
	})
	w := m.World
	w.Symmetry = true
	require.Equal(t, uint64(len(orbits)), search(t, w).Distinct)
	require.Equal(t, []string{"replicas are interchangeable"}, search(t, w).Reductions)
}

// With and without symmetry the verdict, the invariant and the length of the counterexample are the same.
func TestSymmetryKeepsVerdicts(t *testing.T) {
	tried := 0
	table, err := check.ReadTable(worldsTSV)
	require.NoError(t, err)
	for _, row := range table {
		w := named(t, row.Name)
		if w.Replicas > 3 || row.Distinct > 2500 {
			continue
		}
		tried++
		t.Run(row.Name, func(t *testing.T) {
			w.Symmetry = true
			with := search(t, w)
			w.Symmetry = false
			without := search(t, w)
			require.Equal(t, with.Verdict, without.Verdict)
			require.Equal(t, with.Invariant, without.Invariant)
			require.Equal(t, with.Depth, without.Depth)
			require.Equal(t, len(with.Trace), len(without.Trace))
			require.Equal(t, with.Witnesses, without.Witnesses)
			if with.Verdict == check.Pass {
				require.Greater(t, without.Distinct, with.Distinct)
			}
		})
	}
	require.Greater(t, tried, 20)
}
