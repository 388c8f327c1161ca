package maelstrom

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWorkloadsAreThoseOfMaelstrom(t *testing.T) {
	var names []string
	for _, w := range Workloads() {
		names = append(names, w.Name)
		require.NotEmpty(t, w.What, w.Name)
		require.NotEmpty(t, w.Guarantee, w.Name)
		found, err := Named(w.Name)
		require.NoError(t, err)
		require.Equal(t, w.What, found.What)
		// A run in which no client asked for anything is no pass.
		require.Equal(t, []string{NothingAnswered + "?"}, rules(w.Check(Parameters{}, nil))[:1], w.Name)
	}
	require.Equal(t, []string{"broadcast", "echo", "g-counter", "g-set", "kafka", "lin-kv", "pn-counter", "txn-list-append", "txn-rw-register", "unique-ids"}, names)
	_, err := Named("queue")
	require.EqualError(t, err, `maelstrom: unknown workload "queue"; known: broadcast, echo, g-counter, g-set, kafka, lin-kv, pn-counter, txn-list-append, txn-rw-register, unique-ids`)
}

func TestParametersOutOfBoundsAreRefused(t *testing.T) {
	for _, w := range Workloads() {
		for name, p := range map[string]Parameters{
			"no node":             {},
			"too many clients":    {Nodes: threeNodes, Clients: mostClients + 1},
			"fewer than no key":   {Nodes: threeNodes, KeyCount: -1},
			"too long":            {Nodes: threeNodes, MaxTxnLength: mostLength + 1},
			"the shortest longer": {Nodes: threeNodes, MinTxnLength: 5, MaxTxnLength: 4},
		} {
			_, err := w.Begin(p)
			var wrong *ParameterError
			require.ErrorAs(t, err, &wrong, "%s: %s", w.Name, name)
			require.Equal(t, w.Name, wrong.Workload)
		}
		_, err := w.Begin(Parameters{Nodes: threeNodes, MinTxnLength: 5})
		require.NoError(t, err, "the longest is as long as the shortest at least")
	}
}

// The requests of a client are JSON that a line can hold, and their numbers are json.Number before and after.
func TestRequestsAreJSON(t *testing.T) {
	for _, w := range Workloads() {
		s, err := w.Begin(Parameters{Nodes: threeNodes})
		require.NoError(t, err)
		rng := rand.New(rand.NewPCG(1, 1))
		for i := range 200 {
			body := s.Next(i%3, rng.IntN)
			require.NotNil(t, body, w.Name)
			call := Call{Client: i % 3, Request: body}
			require.Equal(t, body, parsed(body), w.Name)
			require.NotEmpty(t, call.kind())
			s.Answered(&call)
		}
	}
}

// A program may answer anything: no answer makes a check or a session panic, and each problem has its name, words and calls.
func FuzzAnswers(f *testing.F) {
	for i, w := range Workloads() {
		s, err := w.Begin(Parameters{Nodes: threeNodes})
		if err != nil {
			f.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		body := s.Next(0, rng.IntN)
		raw, err := json.Marshal(body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), uint64(1), raw)
	}
	for _, seed := range []string{
		`{"type":"txn_ok","txn":[["r",1,[1,1]],["append",1,null]]}`, `{"type":"read_ok","value":1e999}`, `{"type":"read_ok","value":[[],{},null]}`, `{"type":"read_ok","messages":[1,1,{"a":1}]}`,
		`{"type":"poll_ok","msgs":{"9":[[0,1],[0,2]]}}`, `{"type":"list_committed_offsets_ok","offsets":{"9":9007199254740991}}`, `{"type":"generate_ok","id":{}}`, `{"type":"echo_ok","echo":[]}`,
	} {
		for i := range Workloads() {
			f.Add(uint8(i), uint64(2), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, seed uint64, reply []byte) {
		var body Body
		if unmarshal(reply, &body) != nil {
			return
		}
		w := Workloads()[int(which)%len(Workloads())]
		p := Parameters{Nodes: threeNodes}
		s, err := w.Begin(p)
		require.NoError(t, err)
		rng := rand.New(rand.NewPCG(seed, 1))
		var calls []Call
		for i := range 12 {
			client := i % 3
			request := s.Next(client, rng.IntN)
			final := false
			if i >= 9 {
				final = true
				if request = s.Final(client); request == nil {
					continue
				}
			}
			c := Call{Client: client, Node: threeNodes[client], Invoked: nodeTime(int64(2 * i)), Returned: nodeTime(int64(2*i + rng.IntN(4))), Request: request, Final: final}
			if rng.IntN(4) > 0 {
				c.Reply, c.Outcome = body, OK
				if body["type"] != nil && rng.IntN(2) == 0 {
					c.Reply = Body{}
					for k, v := range body {
						c.Reply[k] = v
					}
					c.Reply["type"] = c.kind() + "_ok"
				}
			}
			calls = append(calls, c)
			s.Answered(&c)
		}
		wellFormed(t, calls, w.Check(p, calls))
		w.Count(calls)
	})
}
