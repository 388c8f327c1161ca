package maelstrom

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

func storeOf(t *testing.T, name string, seed uint64) store {
	t.Helper()
	for _, s := range services() {
		if s.name == name {
			return s.make(seed)
		}
	}
	t.Fatalf("no service %s", name)
	return nil
}

// told asks a store and returns its answer on one line.
type told struct {
	store  store
	number uint64
}

func (s *told) ask(t *testing.T, who, body string) string {
	t.Helper()
	b, err := decode([]byte(body))
	require.NoError(t, err)
	s.number++
	return string(encode(s.store.handle(who, s.number, b)))
}

// The answers and the codes are those of doc/services.md and doc/protocol.md.
func TestALinearizableStoreAnswersAsMaelstromsDoes(t *testing.T) {
	s := &told{store: storeOf(t, "lin-kv", 1)}
	for _, x := range [][2]string{
		{`{"type":"read","key":1}`, `{"code":20,"text":"key does not exist","type":"error"}`},
		{`{"type":"cas","key":1,"from":0,"to":1}`, `{"code":20,"text":"key does not exist","type":"error"}`},
		{`{"type":"cas","key":1,"from":0,"to":1,"create_if_not_exists":true}`, `{"type":"cas_ok"}`},
		{`{"type":"read","key":1}`, `{"type":"read_ok","value":1}`},
		{`{"type":"cas","key":1,"from":0,"to":2}`, `{"code":22,"text":"current value 1 is not 0","type":"error"}`},
		{`{"type":"cas","key":1,"from":1,"to":{"b":[1,2],"a":null}}`, `{"type":"cas_ok"}`},
		{`{"type":"cas","key":1,"from":{"a":null,"b":[1,2]},"to":3}`, `{"type":"cas_ok"}`},
		{`{"type":"write","key":"1","value":"another key"}`, `{"type":"write_ok"}`},
		{`{"type":"read","key":1}`, `{"type":"read_ok","value":3}`},
		{`{"type":"read"}`, `{"code":12,"text":"expected a key, found none","type":"error"}`},
		{`{"type":"swap","key":1}`, `{"code":10,"text":"expected read, write or cas, found swap","type":"error"}`},
	} {
		require.Equal(t, x[1], s.ask(t, "n0", x[0]), x[0])
	}
}

func TestAnOracleGivesOutEachTimestampOnce(t *testing.T) {
	s := &told{store: storeOf(t, "lin-tso", 1)}
	for i := range 5 {
		require.Equal(t, fmt.Sprintf(`{"ts":%d,"type":"ts_ok"}`, i), s.ask(t, "n0", `{"type":"ts"}`))
	}
	require.Contains(t, s.ask(t, "n0", `{"type":"read","key":1}`), `"code":10`)
}

// A sequentially consistent store shows old states, but to nobody an older one than it has seen before, and its own writes to whom they are.
func TestASequentialStoreMayBeStaleAndNeverGoesBack(t *testing.T) {
	stale := 0
	for seed := range uint64(40) {
		s := &told{store: storeOf(t, "seq-kv", seed)}
		seen := map[string]int{}
		for i := range 20 {
			require.Equal(t, `{"type":"write_ok"}`, s.ask(t, "n0", fmt.Sprintf(`{"type":"write","key":"x","value":%d}`, i)))
			for _, who := range []string{"n0", "n1", "n2"} {
				answer := s.ask(t, who, `{"type":"read","key":"x"}`)
				if answer == `{"code":20,"text":"key does not exist","type":"error"}` {
					require.Zero(t, seen[who], "it has seen the key")
					stale++
					continue
				}
				var v struct{ Value int }
				require.NoError(t, json.Unmarshal([]byte(answer), &v))
				require.GreaterOrEqual(t, v.Value+1, seen[who], "%s went back", who)
				seen[who] = v.Value + 1
				if who == "n0" {
					require.Equal(t, i, v.Value, "a write is there for whom it is")
				}
				if v.Value < i {
					stale++
				}
			}
		}
	}
	require.Greater(t, stale, 200, "it is as good as linearizable")
}

// Two writes that met on two copies: one is lost. Without that, nobody needs to beware of the store.
func TestALastWriteWinsStoreLosesWrites(t *testing.T) {
	lost := 0
	for seed := range uint64(40) {
		s := &told{store: storeOf(t, "lww-kv", seed)}
		for i := range 5 {
			require.Equal(t, `{"type":"write_ok"}`, s.ask(t, "n0", fmt.Sprintf(`{"type":"write","key":"x","value":%d}`, i)))
		}
		for range 100 {
			s.ask(t, "n0", `{"type":"read","key":"y"}`) // the copies merge
		}
		if s.ask(t, "n0", `{"type":"read","key":"x"}`) != `{"type":"read_ok","value":4}` {
			lost++
		}
	}
	require.Greater(t, lost, 4)
	require.Less(t, lost, 40)
}

// A call that the network doubled is answered once, and its answer is the same again: a definite error for what was done would be a lie.
func TestAServiceCarriesACallOutOnce(t *testing.T) {
	s := &server{place: &place{}, name: "lin-kv", store: storeOf(t, "lin-kv", 1), answered: map[caller]*node.Opaque{}}
	ask := func(number uint32, body string) string {
		p := parcel{envelope: envelope{Src: "n0", Dest: "lin-kv", Body: json.RawMessage(body)}, Of: 1, Number: number}
		var out node.Effects
		s.Step(0, node.Event{Kind: node.Received, From: 1, Message: p.message()}, &out)
		require.Len(t, out.List, 1)
		require.Equal(t, node.ID(1), out.List[0].To)
		var answer parcel
		require.NoError(t, json.Unmarshal(out.List[0].Message.(*node.Opaque).Bytes, &answer))
		require.Equal(t, number, answer.Number)
		require.EqualValues(t, 1, answer.Of)
		return string(answer.Body)
	}
	ask(1, `{"type":"write","key":1,"value":1,"msg_id":1}`)
	require.Equal(t, `{"in_reply_to":2,"type":"cas_ok"}`, ask(2, `{"type":"cas","key":1,"from":1,"to":2,"msg_id":2}`))
	require.Equal(t, `{"in_reply_to":2,"type":"cas_ok"}`, ask(2, `{"type":"cas","key":1,"from":1,"to":2,"msg_id":2}`))
	require.Contains(t, ask(3, `{"type":"cas","key":1,"from":1,"to":2,"msg_id":2}`), `"code":22`)
}
