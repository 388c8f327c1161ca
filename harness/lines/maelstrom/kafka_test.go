package maelstrom

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kafkaReference is a correct broker. Its offsets may have gaps, its polls end after a few messages, and it keeps the highest or
// the latest committed offset.
type kafkaReference struct {
	gaps, latest bool
	logs         map[string][]message
	committed    map[string]int64
	rng          *rand.Rand
}

func newKafkaReference(seed uint64) *kafkaReference {
	return &kafkaReference{gaps: seed%2 == 0, latest: seed%3 == 0, logs: map[string][]message{}, committed: map[string]int64{}, rng: rand.New(rand.NewPCG(seed, 2))}
}

func (k *kafkaReference) answer(_ string, request Body) Body {
	switch request["type"] {
	case kafkaSend:
		key := request["key"].(string)
		next := int64(0)
		if log := k.logs[key]; len(log) > 0 {
			next = log[len(log)-1].offset + 1
		}
		if k.gaps {
			next += int64(k.rng.IntN(3))
		}
		k.logs[key] = append(k.logs[key], message{next, text(request["msg"])})
		return Body{"type": "send_ok", "offset": number(next)}
	case kafkaPoll:
		msgs := map[string]any{}
		asked := offsetsIn(request)
		for _, key := range sorted(asked) {
			from := asked[key]
			list := []any{}
			most := 1 + k.rng.IntN(5)
			for _, m := range k.logs[key] {
				if m.offset >= from && len(list) < most {
					list = append(list, []any{number(m.offset), number(atoi(m.text))})
				}
			}
			if len(list) > 0 || k.rng.IntN(2) == 0 {
				msgs[key] = list
			}
		}
		return Body{"type": "poll_ok", "msgs": msgs}
	case kafkaCommit:
		for key, offset := range offsetsIn(request) {
			if old, ok := k.committed[key]; k.latest || !ok || old < offset {
				k.committed[key] = offset
			}
		}
		return Body{"type": "commit_offsets_ok"}
	}
	listed := map[string]any{}
	for _, key := range request["keys"].([]any) {
		if offset, ok := k.committed[key.(string)]; ok {
			listed[key.(string)] = number(offset)
		}
	}
	return Body{"type": "list_committed_offsets_ok", "offsets": listed}
}

func atoi(s string) int64 {
	var n int64
	if _, err := fmt.Sscan(s, &n); err != nil {
		panic(err)
	}
	return n
}

func kafkaRun(t *testing.T, seed uint64, requests int) []Call {
	return drive(t, kafka(), Parameters{Nodes: threeNodes, Clients: 5, MaxWritesPerKey: 16}, newKafkaReference(seed), seed, requests, true)
}

func TestACorrectLogPasses(t *testing.T) {
	for seed := range uint64(20) {
		calls := kafkaRun(t, seed, 400)
		require.Empty(t, checkKafka(calls), "seed %d", seed)
	}
}

func TestTheSameDrawsMakeTheSameCallsOfKafka(t *testing.T) {
	require.True(t, reflect.DeepEqual(kafkaRun(t, 7, 300), kafkaRun(t, 7, 300)))
	require.False(t, reflect.DeepEqual(kafkaRun(t, 7, 300), kafkaRun(t, 8, 300)))
}

func TestKafkaClientsDoAllThatTheyShould(t *testing.T) {
	calls := kafkaRun(t, 3, 2000)
	kinds, keys, behind := map[string]int{}, map[string]bool{}, 0
	for i := range calls {
		kinds[calls[i].kind()]++
		if calls[i].kind() == kafkaSend {
			keys[calls[i].Request["key"].(string)] = true
		}
		if calls[i].kind() == kafkaPoll {
			for _, from := range offsetsIn(calls[i].Request) {
				if from > 0 {
					behind++
				}
			}
		}
	}
	for _, kind := range []string{kafkaSend, kafkaPoll, kafkaCommit, kafkaList} {
		require.Greater(t, kinds[kind], 100, kind)
	}
	require.Greater(t, len(keys), 20, "keys give way to new ones")
	require.Greater(t, behind, 200, "consumers go on where they were")
	figures := map[string]int{}
	for _, f := range countKafka(calls) {
		figures[f.Name] = f.Value
	}
	require.Equal(t, 0, figures["messages acknowledged and never polled"])
	require.Greater(t, figures["messages acknowledged"], 300)
	require.GreaterOrEqual(t, figures["messages polled"], figures["messages acknowledged"])
}

const (
	sent0 = `{"type":"send_ok","offset":0}`
	sent1 = `{"type":"send_ok","offset":1}`
	sent2 = `{"type":"send_ok","offset":2}`
	poll0 = `{"type":"poll","offsets":{"k":0}}`
	list  = `{"type":"list_committed_offsets","keys":["k"]}`
	sendA = `{"type":"send","key":"k","msg":10}`
	sendB = `{"type":"send","key":"k","msg":11}`
	sendC = `{"type":"send","key":"k","msg":12}`
	allOf = `{"type":"poll_ok","msgs":{"k":[[0,10],[1,11],[2,12]]}}`
	done  = `{"type":"commit_offsets_ok"}`
)

func commits(offset int) string {
	return fmt.Sprintf(`{"type":"commit_offsets","offsets":{"k":%d}}`, offset)
}

func lists(offset int) string {
	return fmt.Sprintf(`{"type":"list_committed_offsets_ok","offsets":{"k":%d}}`, offset)
}

// Each history breaks one rule, and the problem says so in words with the calls that show it.
func TestEachRuleOfKafkaIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		lines []line
		want  []string
		calls []int
		says  string
	}{
		"a good one": {[]line{
			{0, 1, 2, sendA, sent0, false}, {0, 3, 4, sendB, sent1, false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10],[1,11]]}}`, false},
			{1, 7, 8, commits(1), done, false}, {2, 9, 10, list, lists(1), false},
		}, nil, nil, ""},
		"an acknowledged message that a poll passes": {[]line{
			{0, 1, 2, sendA, sent0, false}, {0, 3, 4, sendB, sent1, false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[1,11]]}}`, false},
		}, []string{PollSkip, LostWrite}, []int{0, 2}, `expected a poll to show it, and none does, though call 2 (poll of client 1 to n2) shows offset 1`},
		"an acknowledged message that another one replaces": {[]line{
			{0, 1, 2, sendA, sent0, false}, {1, 3, 4, sendB, sent0, false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[0,11]]}}`, false},
		}, []string{InconsistentOffsets, LostWrite}, []int{0, 2}, `shows 11`},
		"an acknowledged message that is not there at the end": {[]line{
			{0, 1, 2, sendA, sent0, false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{}}`, true},
		}, []string{Unseen}, []int{0, 1}, `asked from offset 0 and had nothing`},
		"an acknowledged message and no answer at the end": {[]line{
			{0, 1, 2, sendA, sent0, false}, {0, 3, 4, `{"type":"poll","offsets":{"j":0}}`, `{"type":"poll_ok","msgs":{}}`, true}, {1, 5, 6, poll0, "", true},
		}, []string{Unseen + "?"}, []int{0}, `not known to be kept`},
		"a message twice": {[]line{
			{0, 1, 2, sendA, sent0, false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10],[1,10]]}}`, false},
		}, []string{Duplicate}, []int{0, 1}, `expected one offset, found 0 by call 0 (send of client 0 to n1) and 1 by call 1`},
		"two messages at an offset": {[]line{
			{0, 1, 2, sendA, sent0, false}, {1, 1, 2, sendB, "", false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10]]}}`, false}, {2, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[0,11]]}}`, false},
		}, []string{InconsistentOffsets}, []int{0, 3}, `expected one message, found 10 by`},
		"a message whose send failed": {[]line{
			{0, 1, 2, sendA, `{"type":"error","code":11}`, false}, {0, 3, 4, sendB, sent1, false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10],[1,11]]}}`, false},
		}, []string{AbortedRead}, []int{0, 2}, `failed with the definite error 11`},
		"a message from nowhere": {[]line{
			{0, 1, 2, sendA, sent0, false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10],[1,99]]}}`, false},
		}, []string{NeverSent}, []int{1}, `shows message 99 at offset 1`},
		"a message of another type": {[]line{
			{0, 1, 2, sendA, sent0, false}, {1, 5, 6, poll0, `{"type":"poll_ok","msgs":{"k":[[0,"10"]]}}`, false},
		}, []string{NeverSent, InconsistentOffsets, LostWrite}, []int{1}, `shows message "10" at offset 0`},
		"a message before it was sent": {[]line{
			{1, 1, 2, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10]]}}`, false}, {0, 3, 4, sendA, sent0, false},
		}, []string{FutureRead}, []int{1, 0}, `began later`},
		"a key that was not asked for": {[]line{
			{0, 1, 2, sendA, sent0, false}, {1, 5, 6, `{"type":"poll","offsets":{"j":0}}`, `{"type":"poll_ok","msgs":{"k":[[0,10]]}}`, false},
		}, []string{UnaskedKey}, []int{1}, `shows key "k"`},
		"a committed key that was not asked for": {[]line{
			{0, 1, 2, sendA, sent0, false}, {1, 5, 6, list, `{"type":"list_committed_offsets_ok","offsets":{"j":0}}`, false}, {1, 7, 8, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10]]}}`, true},
		}, []string{UnaskedKey}, []int{1}, `lists key "j"`},
		"a poll that skips": {[]line{
			{0, 1, 2, sendA, sent0, false}, {0, 3, 4, sendB, sent1, false}, {0, 5, 6, sendC, sent2, false}, {1, 7, 8, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10]]}}`, false},
			{1, 9, 10, `{"type":"poll","offsets":{"k":1}}`, `{"type":"poll_ok","msgs":{"k":[[2,12]]}}`, false}, {2, 11, 12, poll0, allOf, false},
		}, []string{PollSkip}, []int{3, 4, 1}, `asked for key "k" from offset 1: expected offset 1 (message 11) first, found offset 2: it skips offset 1 (message 11)`},
		"a poll that goes back": {[]line{
			{0, 1, 2, sendA, sent0, false}, {0, 3, 4, sendB, sent1, false}, {1, 7, 8, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10]]}}`, false},
			{1, 9, 10, `{"type":"poll","offsets":{"k":1}}`, `{"type":"poll_ok","msgs":{"k":[[0,10],[1,11]]}}`, false},
		}, []string{NonmonotonicPoll}, []int{2, 3}, `expected no earlier one, found offset 0`},
		"a skip inside a poll": {[]line{
			{0, 1, 2, sendA, sent0, false}, {0, 3, 4, sendB, sent1, false}, {0, 5, 6, sendC, sent2, false}, {1, 7, 8, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10],[2,12]]}}`, false}, {2, 11, 12, poll0, allOf, false},
		}, []string{InternalPollSkip}, []int{3, 1}, `shows offset 0 of key "k": expected offset 1 (message 11) behind it, found offset 2`},
		"a step back inside a poll": {[]line{
			{0, 1, 2, sendA, sent0, false}, {0, 3, 4, sendB, sent1, false}, {1, 7, 8, poll0, `{"type":"poll_ok","msgs":{"k":[[0,10],[1,11],[0,10]]}}`, false},
		}, []string{InternalNonmonotonicPoll}, []int{2}, `expected a higher one behind it, found offset 0`},
		"sends of a client that go back": {[]line{
			{0, 1, 2, sendA, sent1, false}, {0, 3, 4, sendB, sent0, false}, {1, 7, 8, poll0, `{"type":"poll_ok","msgs":{"k":[[0,11],[1,10]]}}`, false},
		}, []string{NonmonotonicSend}, []int{0, 1}, `expected a higher one than the offset 1`},
		"sends that go back behind one of unknown outcome": {[]line{
			{0, 1, 2, sendA, sent1, false}, {0, 3, 4, sendC, "", false}, {0, 3, 4, sendB, sent0, false}, {1, 7, 8, poll0, `{"type":"poll_ok","msgs":{"k":[[0,11],[1,10]]}}`, false},
		}, nil, nil, ""},
		"a committed offset that went back": {[]line{
			{0, 1, 2, commits(1), done, false}, {1, 3, 4, commits(3), done, false}, {2, 5, 6, list, lists(1), false},
		}, []string{CommittedOffsetBack}, []int{1, 2}, `committed offset 3 of key "k": expected call 2 (list_committed_offsets of client 2 to n3) to list it or a later commit, found offset 1`},
		"a committed offset that is gone": {[]line{
			{0, 1, 2, commits(1), done, false}, {2, 5, 6, list, `{"type":"list_committed_offsets_ok","offsets":{}}`, false},
		}, []string{CommittedOffsetBack}, []int{0, 1}, `found none`},
		"a later commit with a lower offset, and the latest counts": {[]line{
			{0, 1, 2, commits(3), done, false}, {1, 3, 4, commits(1), done, false}, {2, 5, 6, list, lists(1), false},
		}, nil, nil, ""},
		"a later commit with a lower offset, and the highest counts": {[]line{
			{0, 1, 2, commits(3), done, false}, {1, 3, 4, commits(1), done, false}, {2, 5, 6, list, lists(3), false},
		}, nil, nil, ""},
		"an older commit that overlaps": {[]line{
			{0, 1, 4, commits(1), done, false}, {1, 2, 3, commits(3), done, false}, {2, 5, 6, list, lists(1), false},
		}, nil, nil, ""},
		"a commit of unknown outcome that is carried out late": {[]line{
			{0, 1, 2, commits(1), "", false}, {1, 3, 4, commits(3), done, false}, {2, 5, 6, list, lists(1), false},
		}, nil, nil, ""},
		"a committed offset from nowhere": {[]line{
			{0, 1, 2, commits(1), done, false}, {2, 5, 6, list, lists(7), false},
		}, []string{CommittedOffsetInvented}, []int{1}, `none has committed this one`},
		"a commit that failed": {[]line{
			{0, 1, 2, commits(1), done, false}, {0, 3, 4, commits(2), `{"type":"error","code":11}`, false}, {2, 5, 6, list, lists(2), false},
		}, []string{CommittedOffsetInvented}, []int{2}, `offset 2`},
	} {
		t.Run(name, func(t *testing.T) {
			calls := history(t, c.lines...)
			problems := checkKafka(calls)
			wellFormed(t, calls, problems)
			require.Equal(t, c.want, rules(problems), "%v", problems)
			if c.want != nil {
				require.True(t, slices.ContainsFunc(problems, func(p Problem) bool {
					return slices.Equal(p.Calls, c.calls) && contains(p.Says, c.says)
				}), "%+v", problems)
			}
		})
	}
}

func TestMalformedAnswersOfKafkaAreProblemsByName(t *testing.T) {
	for request, replies := range map[string][]string{
		sendA: {`{"type":"send_ok"}`, `{"type":"send_ok","offset":"1"}`, `{"type":"send_ok","offset":1.5}`, `{"type":"send_ok","offset":1e3}`, `{"type":"send_ok","offset":-1}`,
			`{"type":"send_ok","offset":99999999999999999999}`, `{"type":"send_ok","offset":9223372036854775807}`, `{"type":"send_ok","offset":null}`, `{"type":"ok","offset":1}`, `{"offset":1}`, `{"type":7,"offset":1}`, `{}`},
		poll0: {`{"type":"poll_ok"}`, `{"type":"poll_ok","msgs":[]}`, `{"type":"poll_ok","msgs":null}`, `{"type":"poll_ok","msgs":{"k":null}}`, `{"type":"poll_ok","msgs":{"k":[1]}}`, `{"type":"poll_ok","msgs":{"k":[[1]]}}`,
			`{"type":"poll_ok","msgs":{"k":[[1,2,3]]}}`, `{"type":"poll_ok","msgs":{"k":[["1",2]]}}`, `{"type":"poll_ok","msgs":{"k":[[-1,2]]}}`, `{"type":"send_ok","msgs":{}}`},
		commits(1): {`{"type":"commit_offsets"}`, `{}`},
		list: {`{"type":"list_committed_offsets_ok"}`, `{"type":"list_committed_offsets_ok","offsets":[]}`, `{"type":"list_committed_offsets_ok","offsets":{"k":"1"}}`,
			`{"type":"list_committed_offsets_ok","offsets":{"k":null}}`, `{"type":"list_committed_offsets_ok","offsets":{"k":-2}}`},
	} {
		for _, reply := range replies {
			calls := history(t, line{0, 1, 2, request, reply, false})
			problems := checkKafka(calls)
			wellFormed(t, calls, problems)
			require.Equal(t, []string{MalformedReply}, rules(problems), "%s %s", request, reply)
			require.Contains(t, problems[0].Says, "expected ", reply)
			require.Contains(t, problems[0].Says, "found ", reply)
		}
	}
}

// mutations of a good history, each of which makes a wrong one, unless it says why not.
func TestSingleMutationsOfALogAreRefused(t *testing.T) {
	refused := map[string]int{}
	for seed := range uint64(60) {
		calls := copied(kafkaRun(t, seed, 150))
		rng := rand.New(rand.NewPCG(seed, 3))
		name, harmless := mutateKafka(rng, calls)
		if name == "" {
			continue
		}
		problems := checkKafka(calls)
		wellFormed(t, calls, problems)
		if len(problems) == 0 {
			require.NotEmpty(t, harmless, "seed %d: %s passes", seed, name)
			continue
		}
		refused[name]++
	}
	require.Len(t, refused, 8, "%v", refused)
}

// mutateKafka changes one answer. It says what it did, and why that may be harmless.
func mutateKafka(rng *rand.Rand, calls []Call) (name, harmless string) {
	var of [4][]int
	for i := range calls {
		c := &calls[i]
		if c.Outcome != OK {
			continue
		}
		switch c.kind() {
		case kafkaSend:
			of[0] = append(of[0], i)
		case kafkaPoll:
			for _, v := range c.Reply["msgs"].(map[string]any) {
				if len(v.([]any)) > 0 {
					of[1] = append(of[1], i)
					break
				}
			}
		case kafkaList:
			if len(c.Reply["offsets"].(map[string]any)) > 0 {
				of[2] = append(of[2], i)
			}
		}
	}
	pick := func(kind int) *Call { return &calls[of[kind][rng.IntN(len(of[kind]))]] }
	polled := func() (c *Call, key string, list []any) {
		c = pick(1)
		msgs := c.Reply["msgs"].(map[string]any)
		for _, k := range sorted(msgs) {
			if l := msgs[k].([]any); len(l) > 0 && (list == nil || rng.IntN(2) == 0) {
				key, list = k, l
			}
		}
		return c, key, list
	}
	switch rng.IntN(8) {
	case 0: // a send was given another offset than it has
		c := pick(0)
		n, _ := integer(c.Reply["offset"])
		c.Reply["offset"] = number(n + 1)
		return "another offset of a send", ""
	case 1: // a message of a poll is another one
		_, _, list := polled()
		list[rng.IntN(len(list))].([]any)[1] = number(1_000_000)
		return "another message in a poll", ""
	case 2: // a poll leaves one message out, which is not its last
		c, key, list := polled()
		if len(list) < 2 {
			return "", ""
		}
		i := rng.IntN(len(list) - 1)
		c.Reply["msgs"].(map[string]any)[key] = slices.Delete(slices.Clone(list), i, i+1)
		return "a message left out of a poll", ""
	case 3: // a poll shows a message twice
		c, key, list := polled()
		i := rng.IntN(len(list))
		c.Reply["msgs"].(map[string]any)[key] = slices.Insert(slices.Clone(list), i, list[i])
		return "a message twice in a poll", ""
	case 4: // all polls lose one acknowledged message
		i := of[0][rng.IntN(len(of[0]))]
		key, lost := calls[i].Request["key"].(string), text(calls[i].Request["msg"])
		for j := range calls {
			if calls[j].kind() == kafkaPoll && calls[j].Outcome == OK {
				msgs := calls[j].Reply["msgs"].(map[string]any)
				if l, ok := msgs[key].([]any); ok {
					msgs[key] = slices.DeleteFunc(slices.Clone(l), func(v any) bool { return text(v.([]any)[1]) == lost })
				}
			}
		}
		return "a message lost by all polls", ""
	case 5: // a committed offset from nowhere
		c := pick(2)
		for _, key := range sorted(c.Reply["offsets"].(map[string]any)) {
			c.Reply["offsets"].(map[string]any)[key] = number(900)
			return "a committed offset from nowhere", ""
		}
	case 6: // a committed offset is gone
		c := pick(2)
		for _, key := range sorted(c.Reply["offsets"].(map[string]any)) {
			delete(c.Reply["offsets"].(map[string]any), key)
			return "a committed offset is gone", "its commits may all have an unknown outcome, or overlap"
		}
	case 7: // a send that was acknowledged, and then said to have failed
		c := pick(0)
		c.Outcome, c.Code, c.Reply = Failed, 11, Body{"type": "error", "code": number(11)}
		return "a send that failed after all", ""
	}
	return "", ""
}

func TestManyCallsOfKafkaAreQuick(t *testing.T) {
	calls := kafkaRun(t, 1, 10_000)
	began := time.Now()
	require.Empty(t, checkKafka(calls))
	require.Less(t, time.Since(began), 5*time.Second, "it takes a tenth of a second")
}

// What a checker takes in comes from a stranger's program: no answer may make it panic, and the fuzzer's answers are JSON.
func FuzzAnswersOfKafka(f *testing.F) {
	f.Add([]byte(`{"type":"poll_ok","msgs":{"k":[[0,10]]}}`), []byte(sent0))
	f.Add([]byte(`{"type":"poll_ok","msgs":{"k":[[0,{"a":[1]}],[9007199254740991,null]]}}`), []byte(`{"type":"send_ok","offset":9007199254740991}`))
	f.Fuzz(func(t *testing.T, poll, send []byte) {
		calls := []Call{
			{Invoked: 1, Returned: 2, Outcome: OK, Request: Body{"type": kafkaSend, "key": "k", "msg": number(10)}},
			{Invoked: 3, Returned: 4, Outcome: OK, Final: true, Request: Body{"type": kafkaPoll, "offsets": map[string]any{"k": number(0)}}},
		}
		if unmarshal(send, &calls[0].Reply) != nil || unmarshal(poll, &calls[1].Reply) != nil {
			return
		}
		s, err := beginKafka(Parameters{Nodes: threeNodes})
		require.NoError(t, err)
		for i := range calls {
			s.Answered(&calls[i])
		}
		wellFormed(t, calls, checkKafka(calls))
		countKafka(calls)
	})
}
