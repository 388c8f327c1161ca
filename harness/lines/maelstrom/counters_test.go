package maelstrom

import (
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func nodeTime(n int64) node.Time { return node.Time(n) }

type counterReference struct{ value int64 }

func (c *counterReference) answer(_ string, request Body) Body {
	if request["type"] == "read" {
		return Body{"type": "read_ok", "value": number(c.value)}
	}
	delta, _ := integer(request["delta"])
	c.value += delta
	return Body{"type": "add_ok"}
}

func counterRun(t *testing.T, w Workload, seed uint64, requests int) []Call {
	return drive(t, w, Parameters{Nodes: threeNodes}, &counterReference{}, seed, requests, true)
}

func TestCorrectCountersPass(t *testing.T) {
	for seed := range uint64(20) {
		for _, w := range []Workload{gCounter(), pnCounter()} {
			calls := counterRun(t, w, seed, 150)
			require.Empty(t, w.Check(Parameters{}, calls), "seed %d", seed)
			for i := range calls {
				if delta, ok := integer(calls[i].Request["delta"]); ok {
					require.LessOrEqual(t, delta, int64(4))
					require.True(t, delta >= 0 || w.Name == "pn-counter" && delta >= -5)
				}
			}
		}
	}
	require.True(t, reflect.DeepEqual(counterRun(t, pnCounter(), 7, 100), counterRun(t, pnCounter(), 7, 100)))
}

const (
	plus2  = `{"type":"add","delta":2}`
	plus3  = `{"type":"add","delta":3}`
	minus4 = `{"type":"add","delta":-4}`
)

func TestEachRuleOfCountersIsBroken(t *testing.T) {
	reads := func(v string) string { return `{"type":"read_ok","value":` + v + `}` }
	for name, c := range map[string]struct {
		lines []line
		want  []string
		calls []int
	}{
		"a good one":                       {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, minus4, added, false}, {1, 5, 6, readS, reads("-2"), true}}, nil, nil},
		"an acknowledged addition is lost": {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, plus3, added, false}, {1, 5, 6, readS, reads("3"), true}}, []string{WrongCount}, []int{2}},
		"an addition counts twice":         {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, plus3, added, false}, {1, 5, 6, readS, reads("7"), true}}, []string{ImpossibleCount}, []int{2}},
		"a negative addition counts twice": {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, minus4, added, false}, {1, 5, 6, readS, reads("-6"), true}}, []string{ImpossibleCount}, []int{2}},
		"a failed addition counts":         {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, plus3, busy, false}, {1, 5, 6, readS, reads("5"), true}}, []string{ImpossibleCount}, []int{2}},
		"an unknown addition counts":       {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, plus3, "", false}, {1, 5, 6, readS, reads("5"), true}}, nil, nil},
		"an unknown addition counts not":   {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, plus3, "", false}, {1, 5, 6, readS, reads("2"), true}}, nil, nil},
		"half an unknown addition counts":  {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, plus3, "", false}, {1, 5, 6, readS, reads("4"), true}}, []string{WrongCount}, []int{2}},
		"an early read has not all":        {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, readS, reads("0"), false}, {1, 5, 6, readS, reads("2"), true}}, nil, nil},
		"an early read has too much":       {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, readS, reads("4"), false}, {0, 5, 6, plus2, added, false}, {1, 7, 8, readS, reads("4"), true}}, []string{ImpossibleCount}, []int{1}},
		"a number beyond all bounds":       {[]line{{0, 1, 2, plus2, added, false}, {1, 5, 6, readS, reads("99999999999999999999999999"), true}}, []string{ImpossibleCount}, []int{1}},
		"no final read":                    {[]line{{0, 1, 2, plus2, added, false}, {1, 5, 6, readS, reads("2"), false}}, []string{NoFinalRead + "?"}, []int{1}},
		"a text":                           {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, readS, reads(`"2"`), true}, {1, 5, 6, readS, reads("2"), true}}, []string{MalformedReply}, []int{1}},
		"a fraction":                       {[]line{{0, 1, 2, plus2, added, false}, {1, 3, 4, readS, reads(`2.0`), true}, {1, 5, 6, readS, reads("2"), true}}, []string{MalformedReply}, []int{1}},
		"a malformed answer":               {[]line{{0, 1, 2, plus2, `{"type":"read_ok"}`, false}, {0, 1, 2, plus2, added, false}, {1, 5, 6, readS, reads("2"), true}}, []string{MalformedReply}, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := history(t, c.lines...)
			problems := checkCounter(calls)
			wellFormed(t, calls, problems)
			require.Equal(t, c.want, rules(problems), "%v", problems)
			if c.want != nil {
				require.Equal(t, c.calls, problems[0].Calls, "%+v", problems)
			}
		})
	}
}

// The sums of some of a few numbers are those that trying all subsets finds.
func TestSumsAreThoseOfAllSubsets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		n := rng.IntN(8)
		s, all := sums{0, big.NewInt(1)}, map[int64]bool{0: true}
		for range n {
			d := int64(rng.IntN(21) - 10)
			s = s.with(d)
			next := map[int64]bool{}
			for v := range all {
				next[v], next[v+d] = true, true
			}
			all = next
		}
		for v := int64(-100); v <= 100; v++ {
			require.Equal(t, all[v], s.has(big.NewInt(v)), "%d", v)
		}
	}
}

func TestSingleMutationsOfACounterAreRefused(t *testing.T) {
	for seed := range uint64(30) {
		calls := counterRun(t, gCounter(), seed, 60)
		for i := range calls {
			if calls[i].Outcome == Unknown && calls[i].kind() == "add" {
				calls[i].Outcome, calls[i].Code = Failed, 0 // an unknown addition could explain what the mutation does
			}
		}
		if len(checkCounter(calls)) > 0 {
			continue // one of them had counted
		}
		last := &calls[len(calls)-1]
		n, _ := integer(last.Reply["value"])
		last.Reply["value"] = number(n + int64(1-2*int(seed%2)))
		require.NotEmpty(t, checkCounter(calls), "seed %d", seed)
	}
}

func TestManyCallsOfACounterAreQuick(t *testing.T) {
	calls := counterRun(t, pnCounter(), 1, 10_000)
	began := time.Now()
	require.Empty(t, checkCounter(calls))
	t.Log(time.Since(began))
	require.Less(t, time.Since(began), 5*time.Second, "it takes a few milliseconds")
}
