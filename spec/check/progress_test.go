package check_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// A net is a graph of a few states, drawn by hand or by chance: steps between them, each taken by a named action. State 0 is
// the initial one. The actions whose names begin with a capital are weakly fair.
type net struct {
	steps     []netStep
	from, to  uint8 // sets of states
	fromStart bool
}

type netStep struct {
	from, to uint8
	action   string
}

type place struct{ At uint8 }

func in(set, s uint8) bool { return set>>s&1 != 0 }

func set(states ...uint8) (s uint8) {
	for _, x := range states {
		s |= 1 << x
	}
	return s
}

func isFair(action string) bool { return strings.ToUpper(action[:1]) == action[:1] }

// steps reads "0A1 1b2": the step from 0 to 1 by A, the one from 1 to 2 by b.
func steps(text string) (list []netStep) {
	for word := range strings.FieldsSeq(text) {
		list = append(list, netStep{word[0] - '0', word[2] - '0', word[1:2]})
	}
	return list
}

func (n net) plain() check.Plain[place] {
	p := check.Plain[place]{Title: "net", Fair: func(move string, args []int) string {
		if isFair(move) {
			return check.Instance(move, args)
		}
		return ""
	}}
	var actions []string
	for _, s := range n.steps {
		if !slices.Contains(actions, s.action) {
			actions = append(actions, s.action)
		}
	}
	for _, action := range actions {
		p.Moves = append(p.Moves, check.Move[place]{Name: action, Next: func(at place, yield func(place, ...int)) {
			for _, s := range n.steps {
				if s.action == action && s.from == at.At {
					yield(place{s.to})
				}
			}
		}})
	}
	leads := check.Leads[place]{Name: "Arrives", Guarantee: "it arrives", To: func(s place) bool { return in(n.to, s.At) }}
	if !n.fromStart {
		leads.From = func(s place) bool { return in(n.from, s.At) }
	}
	p.Progress = []check.Leads[place]{leads}
	return p
}

func (n net) check(t *testing.T) *check.Result {
	t.Helper()
	r, err := check.RunProgress(t.Context(), n.plain().Model(), check.Options{})
	require.NoError(t, err)
	return r
}

// enabled says whether an action can change s.
func (n net) enabled(action string, s uint8) bool {
	return slices.ContainsFunc(n.steps, func(x netStep) bool { return x.action == action && x.from == s && x.to != s })
}

// takes says whether going from s to another state is a step of the action.
func (n net) takes(action string, s, to uint8) bool {
	return slices.Contains(n.steps, netStep{s, to, action}) && s != to
}

func (n net) fairActions() []string {
	actions := map[string]bool{}
	for _, s := range n.steps {
		if isFair(s.action) {
			actions[s.action] = true
		}
	}
	return slices.Sorted(maps.Keys(actions))
}

// fails decides the property without any algorithm that the checker uses: for each set of states in which To does not
// hold, is it strongly connected and fair, and is there a way to it from a state that waits, through such states? A
// behaviour visits some set of states forever, and is fair if it is with all the steps between them taken.
func (n net) fails() bool {
	anywhere := n.reach(func(uint8) bool { return true })
	waiting := func(s uint8) bool { return !in(n.to, s) }
	there := n.reach(waiting)
	for members := uint8(1); members != 0; members++ {
		if members&n.to != 0 || !n.connected(members) || !n.fairWithin(members) {
			continue
		}
		for s := range uint8(8) {
			starts := in(anywhere[0], s) && in(n.from, s)
			if n.fromStart {
				starts = s == 0
			}
			if starts && waiting(s) && there[s]&members != 0 {
				return true
			}
		}
	}
	return false
}

// reach returns for each state those that can be reached from it, itself included, through states that allowed allows.
func (n net) reach(allowed func(uint8) bool) (sets [8]uint8) {
	for s := range uint8(8) {
		sets[s] = set(s)
		for range 8 {
			for _, x := range n.steps {
				if in(sets[s], x.from) && allowed(x.from) && allowed(x.to) {
					sets[s] |= set(x.to)
				}
			}
		}
	}
	return sets
}

func (n net) connected(members uint8) bool {
	sets := n.reach(func(s uint8) bool { return in(members, s) })
	for s := range uint8(8) {
		if in(members, s) && sets[s]&members != members {
			return false
		}
	}
	return true
}

func (n net) fairWithin(members uint8) bool {
	for _, action := range n.fairActions() {
		excused := false
		for s := range uint8(8) {
			if !in(members, s) {
				continue
			}
			excused = excused || !n.enabled(action, s)
			for to := range uint8(8) {
				excused = excused || in(members, to) && n.takes(action, s, to)
			}
		}
		if !excused {
			return false
		}
	}
	return true
}

// follow returns the states of the counterexample, the initial one first.
func follow(t *testing.T, n net, r *check.Result) []uint8 {
	t.Helper()
	states := []uint8{0}
	for i, step := range r.Trace {
		require.Len(t, step.Changes, 1, "step %d changes the state", i+1)
		require.Equal(t, fmt.Sprint(states[i]), step.Changes[0].From)
		to, err := strconv.Atoi(step.Changes[0].To)
		require.NoError(t, err)
		action, _, _ := strings.Cut(step.Action, "(")
		require.Contains(t, n.steps, netStep{states[i], uint8(to), action}, "step %d", i+1)
		states = append(states, uint8(to))
	}
	return states
}

// requireBroken holds the lasso against what it claims: a behaviour, that never gets where it should, and that is fair.
func requireBroken(t *testing.T, n net, r *check.Result) {
	t.Helper()
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, "Arrives", r.Invariant)
	require.Equal(t, "it arrives", r.Guarantee)
	states, lasso := follow(t, n, r), r.Lasso
	require.NotNil(t, lasso)
	require.LessOrEqual(t, lasso.Waiting, lasso.Prefix)
	require.LessOrEqual(t, lasso.Prefix, len(r.Trace))
	require.Equal(t, lasso.Stutters, lasso.Prefix == len(r.Trace))
	require.Equal(t, states[lasso.Prefix], states[len(states)-1], "the cycle is closed")
	if n.fromStart {
		require.Zero(t, lasso.Waiting)
	} else {
		require.True(t, in(n.from, states[lasso.Waiting]))
	}
	for _, s := range states[lasso.Waiting:] {
		require.False(t, in(n.to, s))
	}
	// Every fair action that is anywhere enabled has its excuse, and the excuse is true and on the cycle.
	excused := map[string]bool{}
	for _, e := range lasso.Fair {
		action, _, _ := strings.Cut(e.Instance, "(")
		excused[action] = true
		require.GreaterOrEqual(t, e.Step, lasso.Prefix)
		if e.Taken {
			require.Greater(t, e.Step, lasso.Prefix)
			require.True(t, n.takes(action, states[e.Step-1], states[e.Step]), "step %d is a step of %s", e.Step, action)
		} else {
			require.False(t, n.enabled(action, states[e.Step]), "%s is not enabled after step %d", action, e.Step)
		}
	}
	reachable := n.reach(func(uint8) bool { return true })[0]
	for _, action := range n.fairActions() {
		for s := range uint8(8) {
			if in(reachable, s) && n.enabled(action, s) {
				require.True(t, excused[action], "%s has no excuse", action)
			}
		}
	}
}

func TestProgressByHand(t *testing.T) {
	for _, c := range []struct {
		name    string
		net     net
		holds   bool
		prefix  int    // of the lasso
		trace   string // the actions of its trace
		waiting int
	}{
		{name: "nothing makes it go on", net: net{steps: steps("0a1"), from: set(0), to: set(1)}, trace: ""},
		{name: "fairness does", net: net{steps: steps("0A1"), from: set(0), to: set(1)}, holds: true},
		{name: "it ends too early", net: net{steps: steps("0A1 1A2"), from: set(0), to: set(3)}, prefix: 2, trace: "AA"},
		{name: "it waits in the middle", net: net{steps: steps("0A1 1A2"), from: set(1), to: set(3)}, prefix: 2, trace: "AA", waiting: 1},
		{name: "a step to itself is not progress", net: net{steps: steps("0A0 0b1"), from: set(0), to: set(1)}, trace: ""},
		{name: "a step to itself does not make it enabled", net: net{steps: steps("0B1 1A1"), from: set(0), to: set(2)}, prefix: 1, trace: "B"},
		{name: "a join that is not a cycle", holds: true, // a depth-first search that takes states seen before for cycles errs
			net: net{steps: steps("0A1 0B2 1A3 2B3 3C4"), from: set(0), to: set(4)}},
		{name: "a cycle behind a join, met before by another way", // and one that takes them for harmless errs here
			net: net{steps: steps("0A1 0A2 1B3 2A3 3A2 3C4 2C4"), from: set(1), to: set(4)}, holds: true},
		{name: "the same with an exit now and then", net: net{steps: steps("0A1 0A2 1B3 2A3 3A2 3C4"), from: set(1), to: set(4)}, prefix: 2, waiting: 1, trace: "ABAA"},
		{name: "a cycle through a join, its other side leads on", net: net{steps: steps("0a1 0b2 1A3 2A3 3A0 3b4"), from: set(0), to: set(4)}, trace: ""},
		{name: "a cycle whose exit is always enabled", holds: true, net: net{steps: steps("0a1 1b0 0E2 1E2 0A1 1A0"), from: set(0), to: set(2)}},
		{name: "a cycle whose exit is enabled now and then", // weak fairness, not strong
			net: net{steps: steps("0A1 1B0 0E2"), from: set(0), to: set(2)}, trace: "AB"},
		{name: "two exits, of two instances, always one of them enabled", net: net{steps: steps("0A1 1B0 0E2 1F2"), from: set(0), to: set(2)}, trace: "AB"},
		{name: "two exits, of one instance", holds: true, net: net{steps: steps("0A1 1B0 0E2 1E2"), from: set(0), to: set(2)}},
		{name: "the exit leads back into the cycle", net: net{steps: steps("0A1 1A0 0B1 1B0"), from: set(0), to: set(2)}, trace: "AA"},
		{name: "a larger cycle takes what a smaller one must not leave out", // 0 ↔ 1 alone is unfair to C
			net: net{steps: steps("0a1 1b0 0C2 1C2 2d0"), from: set(0), to: set(3)}, trace: "Cd"},
		{name: "the same without the way back", holds: false, net: net{steps: steps("0a1 1b0 0C2 1C2"), from: set(0), to: set(3)}, prefix: 1, trace: "C"},
		{name: "through a state where it holds", holds: true, net: net{steps: steps("0A1 1A0"), from: set(0), to: set(1)}},
		{name: "it holds at once", net: net{steps: steps("0a1"), from: set(1), to: set(1, 2)}, holds: true},
		{name: "it held once, and waits again", net: net{steps: steps("0A1 1A2 2A3"), from: set(0, 2), to: set(1)}, prefix: 3, trace: "AAA", waiting: 2},
		{name: "one step taken for two actions", holds: true, // a step of b from 0 to 1 is a step of A, too
			net: net{steps: steps("0b1 0A1 1b0 1A0 0C2 1C2"), from: set(0), to: set(2)}},
		{name: "a cycle of a, where each step is one of A", net: net{steps: steps("0a1 0A1 1a0 1A0"), from: set(0), to: set(2)}, trace: "Aa"},
		{name: "a step that is shown as the fair one of its two actions", net: net{steps: steps("0A2 0b1 0C1 1A0 1C2"), from: set(0), to: set(2)}, trace: "CA"},
		{name: "from the start: once is enough", holds: true, net: net{steps: steps("0A1 1A2"), to: set(1), fromStart: true}},
		{name: "from the start: never", net: net{steps: steps("0a2 0A1"), to: set(1), fromStart: true}, prefix: 1, trace: "a"},
		{name: "from the start: back there after it held", holds: true, net: net{steps: steps("0A1 1a0 0b0"), to: set(1), fromStart: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, !c.holds, c.net.fails(), "what the definition says")
			r := c.net.check(t)
			if c.holds {
				if r.Progress[0].States == 0 { // nothing waits, which is not called a pass
					require.Equal(t, check.Incomplete, r.Verdict)
					require.Equal(t, check.NothingWaited, r.Reason)
					return
				}
				require.Equal(t, check.Pass, r.Verdict)
				require.Nil(t, r.Lasso)
				require.Empty(t, r.Trace)
				return
			}
			requireBroken(t, c.net, r)
			var taken strings.Builder
			for _, s := range r.Trace {
				taken.WriteString(s.Action[:1])
			}
			require.Equal(t, c.trace, taken.String())
			require.Equal(t, c.prefix, r.Lasso.Prefix)
			require.Equal(t, c.waiting, r.Lasso.Waiting)
		})
	}
}

// On any graph the checker agrees with the definition, and every lasso is what it claims to be.
func TestProgressByChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	var pass, nothing, stutters, cycles, taken, long int
	for range 12_000 {
		n := net{fromStart: rng.IntN(5) == 0}
		states, actions := 1+rng.IntN(7), 1+rng.IntN(4)
		for i := range states + rng.IntN(2*states) {
			action := string("ABCD"[rng.IntN(actions)])
			if rng.IntN(5) == 0 {
				action = string("abcd"[rng.IntN(actions)])
			}
			step := netStep{uint8(rng.IntN(states)), uint8(rng.IntN(states)), action}
			if rng.IntN(3) > 0 && i < states { // from each state, most of the time
				step.from = uint8(i)
			}
			n.steps = append(n.steps, step)
			if rng.IntN(4) == 0 { // another action leads there, too
				n.steps = append(n.steps, netStep{step.from, step.to, string("ABCD"[rng.IntN(4)])})
			}
		}
		n.from, n.to = uint8(rng.Uint32()), uint8(rng.Uint32()&rng.Uint32()&rng.Uint32())
		r := n.check(t)
		failed := fmt.Sprintf("%+v", n)
		switch {
		case n.fails():
			require.Equal(t, check.Violation, r.Verdict, failed)
			requireBroken(t, n, r)
			if r.Lasso.Stutters {
				stutters++
			} else {
				cycles++
			}
			if len(r.Trace)-r.Lasso.Prefix > 3 {
				long++
			}
			if slices.ContainsFunc(r.Lasso.Fair, func(e check.Excuse) bool { return e.Taken }) {
				taken++
			}
		case r.Progress[0].States == 0:
			require.Equal(t, check.Incomplete, r.Verdict, failed)
			nothing++
		default:
			require.Equal(t, check.Pass, r.Verdict, failed)
			pass++
		}
	}
	t.Logf("holds %d, nothing waits %d, stutters %d, goes around %d (%d by more than three steps), takes a fair step %d", pass, nothing, stutters, cycles, long, taken)
	for _, n := range []int{pass, nothing, stutters, cycles, taken, long} {
		require.Greater(t, n, 200)
	}
}

// Each reason for which a property is not decided.
func TestProgressIsNotDecided(t *testing.T) {
	model := net{steps: steps("0A1"), to: set(1), fromStart: true}.plain()

	reduced := model
	reduced.Same, reduced.Symmetry = func(s place) place { return s }, "places are alike"
	_, err := check.RunProgress(t.Context(), reduced.Model(), check.Options{})
	require.EqualError(t, err, "check: progress of model net is decided on the whole graph only; expected no reduction, found places are alike")
	var bad *check.ReducedError
	require.ErrorAs(t, err, &bad)

	for want, options := range map[string]check.Options{
		`check: option Folder is "here"; expected none: the graph of which progress is decided is in memory`:                                  {Folder: "here"},
		"check: option Walks is 3; expected none: a walk that ends says nothing of progress":                                                  {Walks: 3},
		"check: option States or Visit is given; expected none: progress is decided of the whole graph, which has states and no fingerprints": {States: 3},
		"check: option For is -1; expected no negative number":                                                                                {For: -1},
	} {
		_, err := check.RunProgress(t.Context(), model.Model(), options)
		require.EqualError(t, err, want)
	}
	walked, err := check.Search(t.Context(), model.Model(), check.Options{Walks: 3})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, walked.Verdict)

	none := model
	none.Progress = nil
	_, err = check.RunProgress(t.Context(), none.Model(), check.Options{})
	require.EqualError(t, err, "check: model net has no progress properties")
	_, err = check.RunProgress(t.Context(), struct{ check.Model }{model.Model()}, check.Options{})
	require.EqualError(t, err, "check: model net has no progress properties")
	_, err = check.RunProgress(t.Context(), lifeless{model.Model().(check.Live)}, check.Options{})
	require.EqualError(t, err, "check: model net has progress properties, but its machine is no LiveMachine")
}

// lifeless is a model that promises progress without a machine that can tell it.
type lifeless struct{ check.Live }

func (l lifeless) NewMachine() check.Machine { return struct{ check.Machine }{l.Live.NewMachine()} }

// A wide model has many states: 2^bits, each a step away from others.
func wide(bits int, from func(uint32)) check.Plain[wideState] {
	return check.Plain[wideState]{
		Title: "wide", Fair: check.Instance,
		Moves: []check.Move[wideState]{{Name: "Set", Next: func(s wideState, yield func(wideState, ...int)) {
			for i := range bits {
				if s.Bits>>i&1 == 0 {
					yield(wideState{s.Bits | 1<<i}, i)
				}
			}
		}}},
		Progress: []check.Leads[wideState]{{Name: "All", To: func(s wideState) bool { return s.Bits == 1<<bits-1 }, From: func(s wideState) bool {
			from(s.Bits)
			return true
		}}},
	}
}

type wideState struct{ Bits uint32 }

// What runs out leaves the question open.
func TestProgressRunsOut(t *testing.T) {
	nothing := func(uint32) {}
	r, err := check.RunProgress(t.Context(), wide(12, nothing).Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Pass, r.Verdict)
	require.EqualValues(t, 1<<12, r.Distinct)
	require.EqualValues(t, 1<<12-1, r.Progress[0].States)
	require.EqualValues(t, 1+12<<11, r.Generated)
	require.Equal(t, 13, r.Depth)
	require.Len(t, r.Fairness, 12)
	require.Zero(t, r.Left)
	require.Equal(t, check.ActionCounts{{Action: "Set", Times: 12 << 11}}, r.Actions)

	r, err = check.RunProgress(t.Context(), wide(20, nothing).Model(), check.Options{Memory: 4 << 20})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Equal(t, "the memory limit of 4 MB ran out", r.Reason)
	require.Greater(t, r.Distinct, uint64(5_000))
	require.NotZero(t, r.Left)

	r, err = check.RunProgress(t.Context(), wide(20, nothing).Model(), check.Options{For: 1})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Equal(t, "the time limit of 1ns ran out", r.Reason)

	r, err = check.RunProgress(t.Context(), wide(12, nothing).Model(), check.Options{Depth: 3})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Equal(t, "the depth limit of 3 levels ran out", r.Reason)
	require.EqualValues(t, 1+12+66, r.Distinct)
	require.EqualValues(t, 66, r.Left)
	require.Equal(t, 3, r.Depth)

	for _, at := range []uint32{1 << 5, 1<<12 - 1} { // while the graph is built, and when it has been
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err = check.RunProgress(ctx, wide(12, func(s uint32) {
			if s == at {
				cancel()
			}
		}).Model(), check.Options{})
		require.NoError(t, err)
		require.Equal(t, check.Incomplete, r.Verdict)
		require.Equal(t, "interrupted: context canceled", r.Reason)
		require.Empty(t, r.Invariant)
		require.Equal(t, at == 1<<12-1, r.Left == 0)
	}
}

func TestProgressIsReported(t *testing.T) {
	var seen []check.Progress
	_, err := check.RunProgress(t.Context(), wide(12, func(uint32) {}).Model(), check.Options{
		Every: 1, Progress: func(p check.Progress) { seen = append(seen, p) },
	})
	require.NoError(t, err)
	require.Greater(t, len(seen), 16)
	last := seen[len(seen)-1]
	require.EqualValues(t, 1<<12, last.Distinct)
	require.Zero(t, last.Left)
	require.NotZero(t, seen[2].Left)
}

// Invariants and witnesses come first: what is not safe need not make progress.
func TestProgressAndSafety(t *testing.T) {
	p := net{steps: steps("0a1 1a2 0b3 3b4"), to: set(2), fromStart: true}.plain()
	p.Must = []check.Must[place]{{Name: "NotFour", Guarantee: "never four", Holds: func(s place) bool { return s.At != 4 }}}
	r, err := check.RunProgress(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, "NotFour", r.Invariant)
	require.Nil(t, r.Lasso)
	require.Len(t, r.Trace, 2)
	require.Equal(t, "b()", r.Trace[1].Action)
	whole, err := check.Run(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, whole.Trace, r.Trace)
	require.Equal(t, whole.Depth, r.Depth)

	p.Must[0].Holds = func(s place) bool { return s.At != 0 }
	r, err = check.RunProgress(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, "NotFour", r.Invariant)
	require.Empty(t, r.Trace)

	p = net{steps: steps("0A1"), to: set(1), fromStart: true}.plain()
	p.Reach = []check.Must[place]{
		{Name: "One", Guarantee: "it gets to one", Holds: func(s place) bool { return s.At == 1 }},
		{Name: "Two", Guarantee: "it gets to two", Holds: func(s place) bool { return s.At == 2 }},
	}
	r, err = check.RunProgress(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, check.NotReachable, r.Reason)
	require.Equal(t, "Two", r.Invariant)
	require.Equal(t, 2, r.Witnesses[0].Depth)
}

// The first property that fails is named, and the others are still looked at.
func TestSeveralProperties(t *testing.T) {
	p := net{steps: steps("0A1 1b2"), to: set(1), fromStart: true}.plain()
	at := func(n uint8) func(place) bool { return func(s place) bool { return s.At == n } }
	p.Progress = append(p.Progress,
		check.Leads[place]{Name: "Never", From: at(7), To: at(0)},
		check.Leads[place]{Name: "ToTwo", From: at(1), To: at(2)},
		check.Leads[place]{Name: "ToSix", From: at(0), To: at(6)})
	r, err := check.RunProgress(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	require.Equal(t, "ToTwo", r.Invariant)
	require.Equal(t, []check.Waited{
		{Name: "Arrives", Guarantee: "it arrives", States: 1}, {Name: "Never"}, {Name: "ToTwo", States: 1}, {Name: "ToSix", States: 1},
	}, r.Progress)
}

func TestLassoText(t *testing.T) {
	n := net{steps: steps("0a1 1A2 2B3 3B2 2C4 4d2"), from: set(1), to: set(5)}
	r := n.check(t)
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	require.True(t, strings.HasPrefix(b.String(), `A counterexample that goes on forever:

  1  a()
       At: 1, was 0
  2  A()
       At: 2, was 1
  from here on, again and again:
  3  B()
       At: 3, was 2
  4  B()
       At: 2, was 3
  and back to the state after 2 steps
       fair: not enabled after 2 steps: A()
       fair: step 3 takes B()
       fair: not enabled after 3 steps: C()

verdict     violation: Arrives does not hold: it waits after 1 step, in vain
            Arrives: "it arrives"
`), b.String())
	require.Contains(t, b.String(), "progress    Arrives waits in 1 states\nfairness    weak, to each of 3 instances of actions\n")
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(text), `"lasso":{"waiting":1,"prefix":2,"stutters":false,"fair":[{"instance":"A()","taken":false,"step":2},{"instance":"B()","taken":true,"step":3},{"instance":"C()","taken":false,"step":3}]}`)
	require.Contains(t, string(text), `"progress":[{"name":"Arrives","guarantee":"it arrives","states":1}],"fairness":["A()","B()","C()"]`)

	b.Reset()
	require.NoError(t, net{steps: steps("0A1 1a2"), from: set(0), to: set(5)}.check(t).WriteText(&b))
	require.Contains(t, b.String(), "       At: 1, was 0\n  from here on nothing happens any more\n       fair: not enabled after 1 step: A()\n")

	b.Reset()
	require.NoError(t, net{steps: steps("0A1 1A0"), from: set(0), to: set(1)}.check(t).WriteText(&b))
	require.Contains(t, b.String(), "and progress is made in every fair behaviour")
}

// either is a model in which each step of E or F belongs to a further instance, too: that of either of them.
type either struct{ check.Live }

func (e either) NewMachine() check.Machine {
	return eitherMachine{e.Live.NewMachine().(check.LiveMachine)}
}

type eitherMachine struct{ check.LiveMachine }

func (m eitherMachine) Fair(dst []int) []int {
	for _, n := range m.LiveMachine.Fair(nil) {
		dst = append(dst, n+1)
	}
	if step := m.Step(); step == "E()" || step == "F()" {
		dst = append(dst, 0)
	}
	return dst
}

func (m eitherMachine) Instance(n int) string {
	if n == 0 {
		return "E or F"
	}
	return m.LiveMachine.Instance(n - 1)
}

// Fairness to one action or another is more than fairness to each: one of the two is always enabled.
func TestAStepOfSeveralInstances(t *testing.T) {
	n := net{steps: steps("0A1 1B0 0E2 1F2"), from: set(0), to: set(2)}
	requireBroken(t, n, n.check(t))
	r, err := check.RunProgress(t.Context(), either{n.plain().Model().(check.Live)}, check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Pass, r.Verdict)
	require.Equal(t, []string{"A()", "B()", "E or F", "E()", "F()"}, r.Fairness)
}
