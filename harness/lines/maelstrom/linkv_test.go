package maelstrom

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mapReference is one correct map of values.
type mapReference map[string]any

func (m mapReference) answer(_ string, request Body) Body {
	key := text(request["key"])
	value, has := m[key]
	switch request["type"] {
	case "read":
		if !has {
			return Body{"type": "error", "code": number(keyDoesNotExist)}
		}
		return Body{"type": "read_ok", "value": value}
	case "write":
		m[key] = request["value"]
		return Body{"type": "write_ok"}
	}
	switch {
	case !has:
		return Body{"type": "error", "code": number(keyDoesNotExist)}
	case value != request["from"]:
		return Body{"type": "error", "code": number(preconditionFailed)}
	}
	m[key] = request["to"]
	return Body{"type": "cas_ok"}
}

func linKVRun(t *testing.T, seed uint64, clients, requests int) []Call {
	return drive(t, linKV(), Parameters{Nodes: threeNodes, Clients: clients}, mapReference{}, seed, requests, true)
}

func TestACorrectMapPasses(t *testing.T) {
	for seed := range uint64(20) {
		require.Empty(t, checkLinKV(linKVRun(t, seed, 1+int(seed), 200)), "seed %d", seed)
	}
	require.True(t, reflect.DeepEqual(linKVRun(t, 7, 5, 100), linKVRun(t, 7, 5, 100)))
}

func TestLinKVClientsDoAllThatTheyShould(t *testing.T) {
	calls := linKVRun(t, 1, 12, 3000)
	kinds, keys, outcomes, codes := map[string]int{}, map[string]int{}, map[Outcome]int{}, map[int]int{}
	readers, final := map[int]map[string]bool{}, map[int]int{}
	for i := range calls {
		c := &calls[i]
		if c.Final {
			final[c.Client]++
			continue
		}
		kinds[c.kind()]++
		keys[text(c.Request["key"])]++
		outcomes[c.Outcome]++
		codes[c.Code]++
		if readers[c.Client] == nil {
			readers[c.Client] = map[string]bool{}
		}
		readers[c.Client][c.kind()] = true
	}
	require.Greater(t, kinds["read"], 1000)
	require.Greater(t, kinds["cas"], kinds["write"])
	require.Greater(t, kinds["write"], 200)
	require.Greater(t, len(keys), 30)
	require.Greater(t, codes[keyDoesNotExist], 20)
	require.Greater(t, codes[preconditionFailed], 20)
	require.Greater(t, outcomes[Unknown], 100)
	for key, n := range keys {
		require.LessOrEqual(t, n, DefaultOpsPerKey, key)
	}
	require.Len(t, final, 12)
	for client, n := range final {
		require.Equal(t, min(finalKeys, len(keys)), n, "client %d reads the keys after the faults", client)
	}
	alone := 0
	for _, kinds := range readers {
		if len(kinds) == 1 {
			alone++
		}
	}
	require.Equal(t, 6, alone, "half of the clients only read")
}

const (
	read1  = `{"type":"read","key":1}`
	write3 = `{"type":"write","key":1,"value":3}`
	write4 = `{"type":"write","key":1,"value":4}`
	cas34  = `{"type":"cas","key":1,"from":3,"to":4}`
	wrote  = `{"type":"write_ok"}`
	swap   = `{"type":"cas_ok"}`
	saw3   = `{"type":"read_ok","value":3}`
	saw4   = `{"type":"read_ok","value":4}`
	sawNil = `{"type":"read_ok","value":null}`
	absent = `{"type":"error","code":20,"text":"no such key"}`
	differ = `{"type":"error","code":22}`
	busy   = `{"type":"error","code":11}`
)

func TestEachRuleOfLinKVIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		lines []line
		want  []string
		calls []int
	}{
		"a good one":                                  {[]line{{0, 1, 2, read1, absent, false}, {0, 3, 4, write3, wrote, false}, {1, 5, 6, read1, saw3, false}, {1, 7, 8, cas34, swap, false}, {2, 9, 10, read1, saw4, false}, {2, 11, 12, cas34, differ, false}}, nil, nil},
		"a stale read":                                {[]line{{0, 1, 2, write3, wrote, false}, {0, 3, 4, write4, wrote, false}, {1, 5, 6, read1, saw3, false}}, []string{NotLinearizable}, []int{0, 1, 2}},
		"a read during a write":                       {[]line{{0, 1, 2, write3, wrote, false}, {0, 3, 7, write4, wrote, false}, {1, 5, 6, read1, saw3, false}}, nil, nil},
		"new and then old":                            {[]line{{0, 1, 2, write3, wrote, false}, {0, 3, 12, write4, wrote, false}, {1, 5, 6, read1, saw4, false}, {2, 7, 8, read1, saw3, false}}, []string{NotLinearizable}, []int{0, 2, 3}},
		"a value from nowhere":                        {[]line{{0, 1, 2, write3, wrote, false}, {1, 5, 6, read1, saw4, false}}, []string{NotLinearizable}, []int{1}},
		"a lost write, by error 20":                   {[]line{{0, 1, 2, write3, wrote, false}, {1, 5, 6, read1, absent, false}}, []string{NotLinearizable}, []int{0, 1}},
		"a lost write, by null":                       {[]line{{0, 1, 2, write3, wrote, false}, {1, 5, 6, read1, sawNil, false}}, []string{NotLinearizable}, []int{0, 1}},
		"a lost write, by error 20 of a swap":         {[]line{{0, 1, 2, write3, wrote, false}, {1, 5, 6, cas34, absent, false}}, []string{NotLinearizable}, []int{0, 1}},
		"a swap that should have been done":           {[]line{{0, 1, 2, write3, wrote, false}, {1, 5, 6, cas34, differ, false}}, []string{NotLinearizable}, []int{0, 1}},
		"a swap that should not have been done":       {[]line{{0, 1, 2, write4, wrote, false}, {1, 5, 6, cas34, swap, false}}, []string{NotLinearizable}, []int{1}},
		"two swaps of one value":                      {[]line{{0, 1, 2, write3, wrote, false}, {1, 5, 6, cas34, swap, false}, {2, 5, 6, cas34, swap, false}}, []string{NotLinearizable}, []int{1, 2}},
		"a write of unknown outcome, seen later":      {[]line{{0, 1, 2, write3, wrote, false}, {0, 3, 4, write4, "", false}, {1, 5, 6, read1, saw3, false}, {1, 7, 8, read1, saw4, false}}, nil, nil},
		"a swap of unknown outcome, seen later":       {[]line{{0, 1, 2, write3, wrote, false}, {0, 3, 4, cas34, "", false}, {1, 5, 6, read1, saw3, false}, {1, 7, 8, read1, saw4, false}, {1, 9, 10, cas34, swap, false}}, []string{NotLinearizable}, []int{2, 3, 4}},
		"a write of unknown outcome, seen, then gone": {[]line{{0, 1, 2, write3, wrote, false}, {0, 3, 4, write4, "", false}, {1, 5, 6, read1, saw4, false}, {1, 7, 8, read1, saw3, false}}, []string{NotLinearizable}, []int{0, 2, 3}},
		"a write that failed, seen":                   {[]line{{0, 1, 2, write3, wrote, false}, {0, 3, 4, write4, busy, false}, {1, 5, 6, read1, saw4, false}}, []string{NotLinearizable}, []int{2}},
		"nothing but errors":                          {[]line{{0, 1, 2, write3, busy, false}, {1, 5, 6, read1, "", false}}, []string{NothingAnswered + "?"}, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := history(t, c.lines...)
			problems := checkLinKV(calls)
			wellFormed(t, calls, problems)
			require.Equal(t, c.want, rules(problems), "%v", problems)
			if c.want != nil {
				require.Equal(t, c.calls, problems[0].Calls, "%+v", problems)
			}
		})
	}
}

func TestKeysOfLinKVAreDecidedForThemselves(t *testing.T) {
	calls := history(t,
		line{0, 1, 2, write3, wrote, false}, line{0, 1, 2, `{"type":"write","key":"1","value":4}`, wrote, false},
		line{1, 3, 4, read1, saw4, false}, line{1, 3, 4, `{"type":"read","key":"1"}`, saw3, false},
		line{1, 3, 4, `{"type":"read","key":[2]}`, absent, false})
	problems := checkLinKV(calls)
	wellFormed(t, calls, problems)
	require.Len(t, problems, 2)
	require.Contains(t, problems[0].Says, `key "1" is not linearizable`)
	require.Contains(t, problems[1].Says, `key 1 is not linearizable`)
	require.Equal(t, []int{3}, problems[0].Calls)
	require.Equal(t, []int{2}, problems[1].Calls)
}

func TestMalformedAnswersOfLinKVAreProblemsByName(t *testing.T) {
	for request, replies := range map[string][]string{
		read1:  {`{"type":"read_ok"}`, `{"type":"write_ok","value":3}`, `{"value":3}`, `{}`},
		write3: {`{"type":"read_ok"}`, `{"type":null}`},
		cas34:  {`{"type":"write_ok"}`, `{"ok":true}`},
	} {
		for _, reply := range replies {
			calls := history(t, line{0, 1, 2, request, reply, false})
			problems := checkLinKV(calls)
			wellFormed(t, calls, problems)
			require.Equal(t, []string{MalformedReply}, rules(problems), "%s %s", request, reply)
		}
	}
	// A write whose answer cannot be read may have been carried out.
	calls := history(t, line{0, 1, 2, write3, `{}`, false}, line{0, 3, 4, read1, saw3, false}, line{0, 5, 6, write3, wrote, false})
	require.Equal(t, []string{MalformedReply}, rules(checkLinKV(calls)))
}

// A changed answer of a correct run is refused, unless the overlapping calls allow it as well.
func TestSingleMutationsOfAMapAreRefused(t *testing.T) {
	refused, harmless := 0, 0
	for seed := range uint64(60) {
		calls := linKVRun(t, seed, 3, 60)
		rng := rand.New(rand.NewPCG(seed, 3))
		for {
			c := &calls[rng.IntN(len(calls))]
			if c.kind() == "read" && c.Outcome == OK {
				// No client writes it, so no order explains it.
				c.Reply["value"] = number(77)
				require.Equal(t, []string{NotLinearizable}, rules(checkLinKV(calls)))
				c.Reply["value"] = number(int64(rng.IntN(linKVValues)))
				break
			}
		}
		if len(checkLinKV(calls)) == 0 {
			harmless++ // the value is the same, or one of an overlapping or unknown write
		} else {
			refused++
		}
	}
	require.Greater(t, refused, harmless)
	require.Greater(t, harmless, 0)
}

func TestManyCallsOfLinKVAreQuick(t *testing.T) {
	calls := linKVRun(t, 1, 12, 10_000)
	began := time.Now()
	require.Empty(t, checkLinKV(calls))
	t.Log(time.Since(began))
	require.Less(t, time.Since(began), 10*time.Second, "it takes a fraction of a second")
}
