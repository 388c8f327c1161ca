package volume

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/tla"
)

// oneOf is a model that promises only Opens, or only Answers, and no invariant: TLC was asked so.
type oneOf struct {
	*Model
	answers bool
}

func (m oneOf) properties() []property {
	return slices.DeleteFunc(m.world.properties(), func(p property) bool { return p.answers != m.answers })
}

func (m oneOf) Properties() []check.Property {
	return slices.DeleteFunc(m.Model.Properties(), func(p check.Property) bool { return strings.HasPrefix(p.Name, "Answers") != m.answers })
}

func (m oneOf) NewMachine() check.Machine {
	machine := m.Model.NewMachine().(*machine)
	machine.liveness.properties = m.properties()
	return neverBroken{machine}
}

// progressOf decides one of the two.
func progressOf(t *testing.T, w World, answers bool) *check.Result {
	t.Helper()
	m, err := NewModel(w)
	require.NoError(t, err)
	r, err := check.RunProgress(t.Context(), oneOf{m, answers}, check.Options{})
	require.NoError(t, err)
	if r.Verdict == check.Violation {
		requireUnanswered(t, m, r)
	}
	return r
}

// requireUnanswered holds a lasso against the module's own definitions: its steps are possible, what should follow does not,
// the cycle is closed, and for every action of Fair there is a state on the cycle in which it is not enabled, or a step that
// is one of it.
func requireUnanswered(t *testing.T, m *Model, r *check.Result) {
	t.Helper()
	machine := m.NewMachine().(*machine)
	on := []string{string(machine.Encode(nil))} // the states of the behaviour
	excused := map[string]bool{}
	var p property
	for _, q := range m.world.properties() {
		if name := fmt.Sprintf("Opens(%d)", q.e); r.Invariant == name && !q.answers {
			p = q
		} else if name := fmt.Sprintf("Answers(%d, t%d)", q.e, q.t); r.Invariant == name && q.answers {
			p = q
		}
	}
	require.NotZero(t, p.e, "%s is one of the properties", r.Invariant)
	s := machine.State
	visit := func(i int) {
		replaced := s.newest > int32(p.e)
		if i >= r.Lasso.Waiting {
			require.False(t, replaced)
			if p.answers {
				require.False(t, s.Acked(p.t))
			} else {
				require.NotEqual(t, Open, s.Phase(p.e))
			}
		}
		if i == r.Lasso.Waiting {
			if p.answers {
				lsn, epoch := s.CommitOf(p.t)
				require.Equal(t, p.e, epoch)
				require.Equal(t, Open, s.Phase(p.e))
				require.LessOrEqual(t, lsn, s.End(p.e))
			} else {
				require.Equal(t, Fencing, s.Phase(p.e))
			}
		}
		if i < r.Lasso.Prefix {
			return
		}
		eachFair(s, func(name string, take func() Refusal) {
			if take() != "" {
				excused[name] = true
				return
			}
			after := string(machine.Encode(nil))
			require.True(t, s.TakeBack())
			// It is also excused by the step to the next state, if that is where it leads.
			if i < len(r.Trace) && after == encodingAfter(t, m, r.Trace[:i+1]) {
				excused[name] = true
			} else if _, known := excused[name]; !known {
				excused[name] = false
			}
		})
	}
	visit(0)
	for i, step := range r.Trace {
		taken := false
		machine.Next(func(int, int) bool {
			taken = machine.Step() == step.Action
			return !taken
		})
		require.True(t, taken, "step %d, %s, is not possible", i+1, step.Action)
		on = append(on, string(machine.Encode(nil)))
		visit(i + 1)
	}
	require.Equal(t, on[r.Lasso.Prefix], on[len(on)-1], "the cycle is closed")
	require.NotEmpty(t, excused)
	for name, ok := range excused {
		require.True(t, ok, "%s has an excuse", name)
	}
}

func encodingAfter(t *testing.T, m *Model, trace []check.Step) string {
	id, err := NewIdentity(m.world)
	require.NoError(t, err)
	return string(id.Append(nil, follow(t, m, trace)))
}

// eachFair is Fair of the module, word for word. Decide is tried with every Q.
func eachFair(s *State, do func(name string, take func() Refusal)) {
	w := s.World()
	for e := 1; e <= w.MaxEpoch; e++ {
		do(fmt.Sprintf("Decide(%d)", e), func() Refusal {
			refused := Refusal("no Q at all")
			for q := 0; q < 1<<len(s.replicas); q++ {
				if refused = s.Decide(e, ReplicaSet{uint64(q)}); refused == "" {
					return ""
				}
			}
			return refused
		})
		do(fmt.Sprintf("Open(%d)", e), func() Refusal { return s.Open(e) })
		do(fmt.Sprintf("Advance(%d)", e), func() Refusal { return s.Advance(e) })
		for t := 1; t <= w.Txns; t++ {
			do(fmt.Sprintf("Ack(%d, %d)", e, t), func() Refusal { return s.Ack(e, t) })
		}
		for r := range s.replicas {
			if r%w.Replicas >= w.Up[s.GroupOf(r)] {
				continue
			}
			do(fmt.Sprintf("Fence(%d, %d)", e, r), func() Refusal { return s.Fence(e, r) })
			do(fmt.Sprintf("Join(%d, %d)", e, r), func() Refusal { return s.Join(e, r) })
			for l := 1; l <= w.MaxLSN; l++ {
				do(fmt.Sprintf("Store(%d, %d, %d)", e, l, r), func() Refusal { return s.Store(e, l, r) })
			}
		}
	}
}

// liveBugs is as tla.LiveWorlds, for broken variants, whose invariants TLC was not given.
//
//go:embed testdata/live-bugs.tsv
var liveBugs string

// In every world that TLC has decided, Opens and Answers hold or fail as it says, and every counterexample is one.
func TestProgressAsTLCFoundIt(t *testing.T) {
	seen := map[string]int{}
	_, ofBugs, _ := strings.Cut(liveBugs, "\n")
	require.NoError(t, eachRow(tla.LiveWorlds+ofBugs, func(row map[string]string) error {
		t.Run(row["name"], func(t *testing.T) {
			w, err := worldOf(row)
			require.NoError(t, err)
			for _, answers := range []bool{false, true} {
				r := progressOf(t, w, answers)
				want := row["Opens"]
				if answers {
					want = row["Answers"]
				}
				got := map[check.Verdict]string{check.Pass: "holds", check.Violation: "fails"}[r.Verdict]
				require.Equal(t, want, got, "%s %s", r.Reason, r.Invariant)
				require.Equal(t, row["distinct"], fmt.Sprint(r.Distinct))
				require.Equal(t, row["generated"], fmt.Sprint(r.Generated))
				seen[fmt.Sprint(answers, got)]++
			}
		})
		return nil
	}))
	for _, kind := range []string{"falseholds", "falsefails", "trueholds", "truefails"} {
		require.GreaterOrEqual(t, seen[kind], 3, kind)
	}
}

// A recovery ends if and only if as many replicas are up as both quorums take; a commit is acknowledged by the first writer,
// which needs no recovery, if and only if a write quorum is up.
func TestProgressNeedsTheQuorums(t *testing.T) {
	for n := 1; n <= 3; n++ {
		for write := 1; write <= n; write++ {
			for read := 1; read <= n; read++ {
				for up := 0; up <= n; up++ {
					w := World{Groups: 1, Replicas: n, WriteQuorum: write, ReadQuorum: read, Keys: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 2, Up: []int{up}}
					verdict := map[bool]check.Verdict{true: check.Pass, false: check.Violation}
					require.Equal(t, verdict[up >= max(write, read)], progressOf(t, w, false).Verdict, "Opens: %+v", w)
					require.Equal(t, verdict[up >= write], progressOf(t, w, true).Verdict, "Answers: %+v", w)
				}
			}
		}
	}
}

// Search decides progress where a world says who is up, after the invariants.
func TestSearchDecidesProgress(t *testing.T) {
	w := named(t, "tiny").World
	w.Up = []int{2}
	r, err := Search(t.Context(), w, check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Pass, r.Verdict)
	require.Equal(t, named(t, "tiny").Distinct, r.Distinct)
	require.Len(t, r.Progress, 3)
	require.Len(t, r.Fairness, 18)
	require.Contains(t, r.Fairness, "Decide(2)")

	w.Up = []int{1}
	r, err = Search(t.Context(), w, check.Options{})
	require.NoError(t, err)
	require.Equal(t, "Opens(2)", r.Invariant)
	require.True(t, r.Lasso.Stutters)

	w.Bug = "cut-at-highest"
	r, err = Search(t.Context(), w, check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Violation, r.Verdict)
	require.Nil(t, r.Lasso, "an invariant comes first")

	w = named(t, "tiny").World
	r, err = Search(t.Context(), w, check.Options{})
	require.NoError(t, err)
	require.Empty(t, r.Progress)
	m, err := NewModel(w)
	require.NoError(t, err)
	_, err = check.RunProgress(t.Context(), m, check.Options{})
	require.EqualError(t, err, "check: model volume has no progress properties")
}

func TestWorldsOfProgressThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*World){
		"world: up is a list of 2; expected none, or how many replicas are up in each of 1 groups": func(w *World) { w.Up = []int{2, 2} },
		"world: up[0] is 4; expected 0 to 3 (replicas)":                                            func(w *World) { w.Up = []int{4} },
		"world: up[0] is -1; expected 0 to 3 (replicas)":                                           func(w *World) { w.Up = []int{-1} },
		"world: symmetry is true in a world with up; expected false: replicas that are up are not like the others, and progress is decided on the whole graph only": func(w *World) {
			w.Up, w.Symmetry = []int{3}, true
		},
	} {
		w := named(t, "tiny").World
		change(&w)
		var refused *WorldError
		require.ErrorAs(t, w.Validate(), &refused)
		require.EqualError(t, refused, want)
	}
	w, err := ParseWorld([]byte(`{"groups":2, "replicas":1, "writeQuorum":1, "readQuorum":1, "keys":2, "txns":1, "maxLSN":3, "maxEpoch":2, "up":[1,0]}`))
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, w.Up)
	require.NoError(t, w.Validate())
}
