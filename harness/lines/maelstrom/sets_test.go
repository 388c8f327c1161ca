package maelstrom

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// setReference is a set for each node. What is added to one gets to the others after a few requests, and before the final reads,
// since there are enough of them.
type setReference struct {
	names setNames
	nodes map[string][]any
	late  []func()
	rng   *rand.Rand
	near  map[string]any
}

func newSetReference(names setNames, seed uint64) *setReference {
	return &setReference{names: names, nodes: map[string][]any{}, rng: rand.New(rand.NewPCG(seed, 5))}
}

func (s *setReference) answer(node string, request Body) Body {
	for len(s.late) > 0 && s.rng.IntN(4) > 0 {
		s.late[0]()
		s.late = s.late[1:]
	}
	switch request["type"] {
	case "topology":
		s.near = request["topology"].(map[string]any)
		return Body{"type": "topology_ok"}
	case s.names.add:
		for _, n := range threeNodes {
			arrives := func() { s.nodes[n] = append(s.nodes[n], request[s.names.element]) }
			if n == node {
				arrives()
			} else {
				s.late = append(s.late, arrives)
			}
		}
		return Body{"type": s.names.add + "_ok"}
	}
	shown := append([]any{}, s.nodes[node]...)
	s.rng.Shuffle(len(shown), func(i, j int) { shown[i], shown[j] = shown[j], shown[i] })
	return Body{"type": "read_ok", s.names.shown: shown}
}

// settle is what a system does in the time before the final reads.
func (s *setReference) settle() {
	for _, f := range s.late {
		f()
	}
	s.late = nil
}

// settling is the reference at the end of a run: it has had time, so nothing is late any more.
type settling struct {
	*setReference
	requests, of int
}

func (s *settling) answer(node string, request Body) Body {
	if s.requests++; s.requests > s.of {
		s.settle()
	}
	return s.setReference.answer(node, request)
}

func setRun(t *testing.T, w Workload, names setNames, seed uint64, requests int) []Call {
	r := newSetReference(names, seed)
	calls := drive(t, w, Parameters{Nodes: threeNodes, Clients: 5}, &settling{r, 0, requests * 9 / 10}, seed, requests, true)
	return calls
}

func TestCorrectSetsPass(t *testing.T) {
	for seed := range uint64(20) {
		require.Empty(t, checkSet(broadcastNames, setRun(t, broadcast(), broadcastNames, seed, 150)), "seed %d", seed)
		require.Empty(t, checkSet(gSetNames, setRun(t, gSet(), gSetNames, seed, 150)), "seed %d", seed)
	}
	require.True(t, reflect.DeepEqual(setRun(t, gSet(), gSetNames, 7, 100), setRun(t, gSet(), gSetNames, 7, 100)))
}

func TestBroadcastTellsTheTopologyFirst(t *testing.T) {
	r := newSetReference(broadcastNames, 1)
	calls := drive(t, broadcast(), Parameters{Nodes: threeNodes, Topology: "line"}, r, 1, 20, false)
	require.Equal(t, map[string]any{"n1": []any{"n2"}, "n2": []any{"n1", "n3"}, "n3": []any{"n2"}}, r.near)
	for i := range 3 {
		require.True(t, calls[i].Setup)
		require.Equal(t, "topology", calls[i].kind())
		require.False(t, calls[i+3].Setup)
	}
}

const (
	add0  = `{"type":"add","element":0}`
	add1  = `{"type":"add","element":1}`
	added = `{"type":"add_ok"}`
	readS = `{"type":"read"}`
	none  = `{"type":"read_ok","value":[]}`
	only0 = `{"type":"read_ok","value":[0]}`
	only1 = `{"type":"read_ok","value":[1]}`
	both  = `{"type":"read_ok","value":[1,0]}`
)

func TestEachRuleOfSetsIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		lines []line
		want  []string
		calls []int
	}{
		"a good one":                        {[]line{{0, 1, 2, add0, added, false}, {1, 3, 4, readS, none, false}, {1, 5, 6, readS, only0, true}}, nil, nil},
		"lost":                              {[]line{{0, 1, 2, add0, added, false}, {1, 3, 4, readS, only0, false}, {1, 5, 6, readS, none, true}}, []string{Lost}, []int{0, 2}},
		"never shown":                       {[]line{{0, 1, 2, add0, added, false}, {1, 5, 6, readS, none, true}}, []string{Lost}, []int{0, 1}},
		"unknown, shown, and gone":          {[]line{{0, 1, 2, add0, "", false}, {0, 1, 2, add1, added, false}, {1, 3, 4, readS, both, false}, {1, 5, 6, readS, only1, true}}, []string{Lost}, []int{2, 3}},
		"unknown and never shown":           {[]line{{0, 1, 2, add0, "", false}, {0, 1, 2, add1, added, false}, {1, 5, 6, readS, only1, true}}, nil, nil},
		"a read that overlaps the addition": {[]line{{0, 3, 6, add0, added, false}, {1, 4, 5, readS, none, false}, {1, 7, 8, readS, only0, true}}, nil, nil},
		"missing on one node, and shown by the next": {[]line{{0, 1, 2, add0, added, false}, {1, 5, 6, readS, none, true}, {2, 7, 8, readS, only0, true}}, []string{MissingAtTheEnd}, []int{0, 1}},
		"an element from nowhere":                    {[]line{{0, 1, 2, add0, added, false}, {1, 5, 6, readS, `{"type":"read_ok","value":[0,9]}`, true}}, []string{NeverAdded}, []int{1}},
		"an element of another type":                 {[]line{{0, 1, 2, add0, added, false}, {1, 5, 6, readS, `{"type":"read_ok","value":[0,"0"]}`, true}}, []string{NeverAdded}, []int{1}},
		"an element twice":                           {[]line{{0, 1, 2, add0, added, false}, {1, 5, 6, readS, `{"type":"read_ok","value":[0,0]}`, true}}, []string{DuplicateElement}, []int{1}},
		"an element whose addition failed":           {[]line{{0, 1, 2, add0, busy, false}, {0, 1, 2, add1, added, false}, {1, 5, 6, readS, both, true}}, []string{AbortedRead}, []int{0, 2}},
		"an element before it was added":             {[]line{{1, 1, 2, readS, only0, false}, {0, 3, 4, add0, added, false}, {1, 5, 6, readS, only0, true}}, []string{FutureRead}, []int{1, 0}},
		"nothing was kept that is known":             {[]line{{0, 1, 2, add0, "", false}, {0, 3, 4, add1, added, false}, {1, 1, 2, readS, none, true}}, []string{NothingStable + "?"}, []int{0}},
		"a malformed answer to an addition":          {[]line{{0, 1, 2, add0, `{"type":"ok"}`, false}, {0, 1, 2, add1, added, false}, {1, 5, 6, readS, both, true}}, []string{MalformedReply}, []int{0}},
		"a malformed read":                           {[]line{{0, 1, 2, add0, added, false}, {1, 3, 4, readS, `{"type":"read_ok","value":{}}`, true}, {1, 5, 6, readS, only0, true}}, []string{MalformedReply}, []int{1}},
		"a read without its field":                   {[]line{{0, 1, 2, add0, added, false}, {1, 3, 4, readS, `{"type":"read_ok","messages":[0]}`, true}, {1, 5, 6, readS, only0, true}}, []string{MalformedReply}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := history(t, c.lines...)
			problems := checkSet(gSetNames, calls)
			wellFormed(t, calls, problems)
			require.Equal(t, c.want, rules(problems), "%v", problems)
			if c.want != nil {
				require.Equal(t, c.calls, problems[0].Calls, "%+v", problems)
			}
		})
	}
}

// The figures are those that Jepsen's set-full checker would give.
func TestFiguresOfSetsAreMaelstroms(t *testing.T) {
	ms := func(l line) line { l.from *= 1_000_000; l.to *= 1_000_000; return l }
	calls := history(t,
		ms(line{0, 1, 2, add0, added, false}), ms(line{0, 3, 4, add1, added, false}), ms(line{0, 5, 6, `{"type":"add","element":2}`, added, false}), ms(line{0, 7, 8, `{"type":"add","element":3}`, "", false}),
		ms(line{1, 10, 11, readS, `{"type":"read_ok","value":[0,2]}`, false}), ms(line{1, 12, 13, readS, `{"type":"read_ok","value":[0,1]}`, true}))
	got := map[string]int{}
	for _, f := range countSet(gSetNames, calls) {
		got[f.Name] = f.Value
	}
	want := map[string]int{"elements": 4, "stable": 2, "stale": 1, "lost": 1, "never read": 1, "milliseconds until stable, median": 6, "milliseconds until stable, 95 of 100": 6, "milliseconds until stable, all": 6}
	for name, value := range want {
		require.Equal(t, value, got[name], name)
	}
	require.Equal(t, 4, got["add ok"]+got["add unknown"])
}

func TestTopologies(t *testing.T) {
	nodes := []string{"a", "b", "c", "d", "e"}
	for name, want := range map[string]map[string][]string{
		"line":  {"a": {"b"}, "b": {"a", "c"}, "c": {"b", "d"}, "d": {"c", "e"}, "e": {"d"}},
		"grid":  {"a": {"d", "b"}, "b": {"e", "c", "a"}, "c": {"b"}, "d": {"a", "e"}, "e": {"b", "d"}},
		"tree":  {"a": {"b", "c"}, "b": {"a", "d", "e"}, "c": {"a"}, "d": {"b"}, "e": {"b"}},
		"tree3": {"a": {"b", "c", "d"}, "b": {"a", "e"}, "c": {"a"}, "d": {"a"}, "e": {"b"}},
		"total": {"a": {"b", "c", "d", "e"}, "b": {"a", "c", "d", "e"}, "c": {"a", "b", "d", "e"}, "d": {"a", "b", "c", "e"}, "e": {"a", "b", "c", "d"}},
	} {
		require.Equal(t, want, topologies()[name](nodes), name)
	}
	require.Empty(t, topologies()["line"]([]string{"a"}))
	_, err := broadcast().Begin(Parameters{Nodes: nodes, Topology: "ring"})
	var unknown *ParameterError
	require.ErrorAs(t, err, &unknown)
	require.EqualError(t, err, `maelstrom: workload broadcast: unknown topology "ring"; known: grid, line, total, tree, tree2, tree3, tree4`)
}

func TestSingleMutationsOfASetAreRefused(t *testing.T) {
	refused := map[string]int{}
	for seed := range uint64(60) {
		calls := copied(setRun(t, gSet(), gSetNames, seed, 100))
		rng := rand.New(rand.NewPCG(seed, 3))
		var finals, adds []int
		for i := range calls {
			if calls[i].Final && calls[i].Outcome == OK {
				finals = append(finals, i)
			}
			if calls[i].kind() == "add" && calls[i].Outcome == OK {
				adds = append(adds, i)
			}
		}
		c := &calls[finals[rng.IntN(len(finals))]]
		shown := c.Reply["value"].([]any)
		i := rng.IntN(len(shown))
		name := ""
		switch rng.IntN(4) {
		case 0:
			name = "an element of a final read is another one"
			shown[i] = number(5000)
		case 1:
			name = "an element is missing in a final read"
			c.Reply["value"] = append(append([]any{}, shown[:i]...), shown[i+1:]...)
		case 2:
			name = "an element is twice in a final read"
			c.Reply["value"] = append(append([]any{}, shown...), shown[i])
		case 3:
			name = "an addition failed after all"
			a := &calls[adds[rng.IntN(len(adds))]]
			a.Outcome, a.Code, a.Reply = Failed, 11, Body{"type": "error", "code": number(11)}
		}
		problems := checkSet(gSetNames, calls)
		wellFormed(t, calls, problems)
		require.NotEmpty(t, problems, "seed %d: %s passes", seed, name)
		refused[name]++
	}
	require.Len(t, refused, 4)
}

func TestManyCallsOfBroadcastAreQuick(t *testing.T) {
	// Every read shows all that is there, so the answers have 12 million elements.
	shown := []any{}
	var calls []Call
	for i := range int64(5000) {
		at := 4 * i
		shown = append(shown, number(i))
		calls = append(calls, Call{Invoked: nodeTime(at), Returned: nodeTime(at + 1), Outcome: OK, Request: Body{"type": "add", "element": number(i)}, Reply: Body{"type": "add_ok"}},
			Call{Invoked: nodeTime(at + 2), Returned: nodeTime(at + 3), Outcome: OK, Final: i == 4999, Request: Body{"type": "read"}, Reply: Body{"type": "read_ok", "value": shown[:i+1]}})
	}
	began := time.Now()
	require.Empty(t, checkSet(gSetNames, calls))
	t.Log(time.Since(began))
	require.Less(t, time.Since(began), 30*time.Second, "it takes a second")
}
