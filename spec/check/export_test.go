package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

func four(t *testing.T) check.Behaviour {
	m := puzzle(nil)
	r, err := check.Run(t.Context(), m, check.Options{Workers: 1})
	require.NoError(t, err)
	b, ok := check.Counterexample(m, r)
	require.True(t, ok)
	return b
}

func written(t *testing.T, b check.Behaviour, f check.Format) string {
	var text bytes.Buffer
	require.NoError(t, b.Write(&text, f))
	require.True(t, strings.HasSuffix(text.String(), "\n"))
	require.False(t, strings.HasSuffix(text.String(), "\n\n"))
	return text.String()
}

func TestBehaviourAsText(t *testing.T) {
	require.Equal(t, `model jugs: a shortest counterexample
NotFour: "the large jug never holds four litres"

  0  the initial state
       Small = 0
       Large = 0
  1  FillLarge()
       Large: 5, was 0
  2  PourBack()
       Small: 3, was 0
       Large: 2, was 5
  3  EmptySmall()
       Small: 0, was 3
  4  PourBack()
       Small: 2, was 0
       Large: 0, was 2
  5  FillLarge()
       Large: 5, was 0
  6  PourBack()
       Small: 3, was 2
       Large: 4, was 5
`, written(t, four(t), check.Text))
}

func TestBehaviourAsJSON(t *testing.T) {
	var b check.Behaviour
	require.NoError(t, json.Unmarshal([]byte(written(t, four(t), check.JSON)), &b))
	want := four(t)
	b.World, want.World = nil, nil
	require.Equal(t, want, b)
	require.Contains(t, written(t, four(t), check.JSON), `"initial": [
    {
      "name": "Small",
      "value": "0"
    },`)
}

type itf struct {
	Meta   map[string]any `json:"#meta"`
	Vars   []string
	Loop   *int
	States []map[string]any
}

func asITF(t *testing.T, b check.Behaviour) itf {
	var trace itf
	require.NoError(t, json.Unmarshal([]byte(written(t, b, check.ITF)), &trace))
	for i, state := range trace.States { // every state has every variable, and nothing else
		require.Equal(t, map[string]any{"index": float64(i)}, state["#meta"])
		require.Len(t, state, len(trace.Vars)+1)
		for _, v := range trace.Vars {
			require.Contains(t, state, v)
		}
	}
	return trace
}

func TestBehaviourAsITF(t *testing.T) {
	trace := asITF(t, four(t))
	require.Equal(t, []string{"Small", "Large", "action"}, trace.Vars)
	require.Equal(t, "NotFour", trace.Meta["invariant"])
	require.Equal(t, "ITF", trace.Meta["format"])
	require.Nil(t, trace.Loop)
	require.Len(t, trace.States, 7)
	require.Equal(t, "Init", trace.States[0]["action"])
	require.Equal(t, "PourBack()", trace.States[6]["action"])
	require.Equal(t, float64(3), trace.States[6]["Small"])
	require.Equal(t, float64(4), trace.States[6]["Large"])
}

// Parts with an index are one variable; numbers and truth values are such where all values are.
func TestITFValues(t *testing.T) {
	b := check.Behaviour{
		Model: "values",
		Initial: []check.Var{{Name: "fence[r1]", Value: "1"}, {Name: "fence[r2]", Value: "1"}, {Name: "up", Value: "true"},
			{Name: "mixed", Value: "1"}, {Name: "big", Value: "9007199254740992"}},
		Steps: []check.Step{{Action: "Step", Changes: []check.Change{
			{Var: "fence[r2]", From: "1"}, {Var: "log[1][2]", To: "write"}, {Var: "log[2][r1]", To: "commit"}, {Var: "up", From: "true", To: "false"},
			{Var: "mixed", From: "1", To: "none"}, {Var: "late", To: "7"},
		}}},
	}
	trace := asITF(t, b)
	require.Equal(t, []string{"fence", "up", "mixed", "big", "log", "late", "action"}, trace.Vars)
	function := func(pairs ...any) map[string]any { return map[string]any{"#map": append([]any{}, pairs...)} }
	pair := func(k, v any) any { return []any{k, v} }
	tuple := func(of ...any) any { return map[string]any{"#tup": of} }
	meta := func(i float64) any { return map[string]any{"index": i} }
	big := map[string]any{"#bigint": "9007199254740992"}
	require.Equal(t, map[string]any{
		"#meta": meta(0), "action": "Init", "fence": function(pair("r1", 1.0), pair("r2", 1.0)), "up": true, "mixed": "1", "big": big,
		"log": function(), "late": "",
	}, trace.States[0])
	require.Equal(t, map[string]any{
		"#meta": meta(1), "action": "Step", "fence": function(pair("r1", 1.0)), "up": false, "mixed": "none", "big": big,
		"log": function(pair(tuple(1.0, 2.0), "write"), pair(tuple(2.0, "r1"), "commit")), "late": "7",
	}, trace.States[1])
}

// A light that is switched on and off again, and never breaks.
func lamp(fair bool) check.Model {
	type light struct{ On, Broken bool }
	return check.Plain[light]{
		Title: "lamp", Constants: struct{}{},
		Moves: []check.Move[light]{
			{Name: "Press", Next: func(s light, yield func(light, ...int)) { yield(light{!s.On, s.Broken}) }},
			{Name: "Break", Next: func(s light, yield func(light, ...int)) {
				if s.On && s.Broken {
					yield(s)
				}
			}},
		},
		Progress: []check.Leads[light]{{Name: "Breaks", Guarantee: "the lamp breaks in the end", To: func(s light) bool { return s.Broken }}},
		Fair: func(move string, args []int) string {
			if fair {
				return check.Instance(move, args)
			}
			return ""
		},
	}.Model()
}

// A behaviour without progress goes on forever: round a cycle, or with nothing.
func TestLassos(t *testing.T) {
	find := func(fair bool) check.Behaviour {
		m := lamp(fair)
		r, err := check.Search(t.Context(), m, check.Options{})
		require.NoError(t, err)
		require.NotNil(t, r.Lasso)
		b, ok := check.Counterexample(m, r)
		require.True(t, ok)
		return b
	}
	cycle := find(true)
	require.Len(t, cycle.Steps, 2)
	require.Equal(t, 0, *cycle.Loop)
	require.Contains(t, written(t, cycle, check.Text), "  2  Press()\n       On: false, was true\n     and from step 1 again, forever\n")
	require.Equal(t, 1, *asITF(t, cycle).Loop, "what follows the last state, which is the first one again, is the second")
	require.Equal(t, `digraph behaviour {
  label="lamp: a fair behaviour without the progress that was promised\nBreaks does not hold"; labelloc=t; node [shape=box, fontname=monospace]; edge [fontname=monospace];
  s0 [label="On = false\lBroken = false\l", peripheries=2];
  s1 [label="On: true, was false\l"];
  s0 -> s1 [label="Press()"];
  s1 -> s0 [label="Press()", color=red];
}
`, written(t, cycle, check.DOT))

	nothing := find(false)
	require.Empty(t, nothing.Steps)
	require.Contains(t, written(t, nothing, check.Text), "and then nothing, forever\n")
	require.Equal(t, 0, *asITF(t, nothing).Loop)
	require.Contains(t, written(t, nothing, check.DOT), `s0 -> s0 [label="nothing, forever", color=red];`)
	require.Contains(t, written(t, nothing, check.JSON), `"loop": 0`)
}

func TestCounterexampleOfAWalk(t *testing.T) {
	m := faulty{}.model()
	r, err := check.Search(t.Context(), m, check.Options{Walks: 10, Seed: 3})
	require.NoError(t, err)
	b, ok := check.Counterexample(m, r)
	require.True(t, ok)
	require.Equal(t, "Small", b.Invariant)
	require.Equal(t, "a counterexample from random walks with seed 3, without the steps that it can do without", b.Origin)
	require.Equal(t, r.Trace, b.Steps)
}

func TestNoCounterexample(t *testing.T) {
	m := faulty{}.model()
	_, ok := check.Counterexample(m, &check.Result{Verdict: check.Pass})
	require.False(t, ok)
	_, ok = check.Counterexample(m, &check.Result{Verdict: check.Violation, Reason: check.NotReachable})
	require.False(t, ok)
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]check.Format{"a.txt": check.Text, "a.json": check.JSON, "a.itf.json": check.ITF, "b/a.dot": check.DOT} {
		f, err := check.FormatOf(name)
		require.NoError(t, err)
		require.Equal(t, want, f)
	}
	_, err := check.FormatOf("a.svg")
	require.EqualError(t, err, `a.svg ends in ".svg"; expected one of .txt, .json, .itf.json, .dot`)
	require.Error(t, check.Behaviour{}.Write(&bytes.Buffer{}, ".svg"))
}

// Random behaviours depend on the seed alone, take only steps that the model has, and end where an invariant fails or no
// step is possible.
func TestRandomBehaviour(t *testing.T) {
	const most = 30
	for _, m := range []check.Model{puzzle(nil), faulty{}.model(), lamp8(8)} {
		seen := map[string]bool{}
		for seed := range uint64(20) {
			b, err := check.RandomBehaviour(m, seed, most)
			require.NoError(t, err)
			again, err := check.RandomBehaviour(m, seed, most)
			require.NoError(t, err)
			require.Equal(t, b, again)
			seen[written(t, b, check.Text)] = true
			machine := m.NewMachine()
			machine.Init()
			for i, step := range b.Steps {
				before, taken := machine.Vars(), false
				machine.Next(func(int, int) bool {
					taken = machine.Step() == step.Action
					return !taken
				})
				require.True(t, taken)
				require.Equal(t, step.Changes, check.Diff(before, machine.Vars()))
				require.Equal(t, i == len(b.Steps)-1 && b.Invariant != "", machine.Broken() >= 0)
			}
			possible := 0
			machine.Next(func(int, int) bool { possible++; return true })
			switch m.Name() + b.Invariant {
			case "jugs":
				require.Len(t, b.Steps, most)
			case "tallySmall":
				require.Equal(t, "n stays below 9", b.Guarantee)
			case "tally":
				require.Zero(t, possible)
			default:
				require.Equal(t, "jugsNotFour", m.Name()+b.Invariant)
			}
		}
		require.Greater(t, len(seen), 10)
	}
	_, err := check.RandomBehaviour(faulty{must: true, start: true}.model(), 1, 10)
	require.ErrorContains(t, err, "model tally panicked")
}

func TestGraph(t *testing.T) {
	var b strings.Builder
	require.NoError(t, check.WriteGraph(t.Context(), lamp(true), 0, &b))
	require.Equal(t, `digraph states {
  label="lamp: 2 states, no reduction"; labelloc=t; node [shape=box, fontname=monospace]; edge [fontname=monospace];
  s0 [label="On = false\lBroken = false\l", peripheries=2];
  s1 [label="On = true\lBroken = false\l"];
  s0 -> s1 [label="Press()"];
  s1 -> s0 [label="Press()"];
}
`, b.String())

	// As many states and steps as the search counts; nothing leaves a state in which an invariant does not hold.
	b.Reset()
	m := puzzle(nil)
	require.NoError(t, check.WriteGraph(t.Context(), m, 0, &b))
	states := regexp.MustCompile(`(?m)^  s\d+ \[`).FindAllString(b.String(), -1)
	require.Len(t, states, 16)
	red := regexp.MustCompile(`(?m)^  (s\d+) \[label=".*Large = 4\\lNotFour does not hold\\l", color=red\];$`).FindAllStringSubmatch(b.String(), -1)
	require.NotEmpty(t, red)
	require.Len(t, red, strings.Count(b.String(), "color=red"))
	for _, r := range red {
		require.NotContains(t, b.String(), "  "+r[1]+" ->")
	}
	require.Contains(t, b.String(), `[label="EmptySmall()\nEmptyLarge()`, "steps between the same states are one edge")

	b.Reset()
	err := check.WriteGraph(t.Context(), m, 5, &b)
	var large *check.GraphTooLargeError
	require.ErrorAs(t, err, &large)
	require.Equal(t, 5, large.Limit)
	require.EqualError(t, err, "check: a graph of model jugs is drawn up to 5 states; found more in this world")
	require.Empty(t, b.String())

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, check.WriteGraph(cancelled, m, 0, &b), "interrupted")
	require.Empty(t, b.String())
	require.ErrorContains(t, check.WriteGraph(t.Context(), faulty{move: true}.model(), 0, &b), "while taking Leap, in the state n = 4")
}
