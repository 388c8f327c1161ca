package maelstrom

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

type echoReference struct{}

func (echoReference) answer(_ string, request Body) Body {
	return Body{"type": "echo_ok", "echo": request["echo"]}
}

type idReference struct{ given int }

func (r *idReference) answer(node string, _ Body) Body {
	r.given++
	return Body{"type": "generate_ok", "id": []any{node, strconv.Itoa(r.given)}}
}

func TestEcho(t *testing.T) {
	calls := drive(t, echo(), Parameters{Nodes: threeNodes}, echoReference{}, 1, 200, true)
	require.Empty(t, checkEcho(calls))
	request := `{"type":"echo","echo":{"a":[1,"x"],"b":null}}`
	for reply, want := range map[string]string{
		`{"type":"echo_ok","echo":{"b":null,"a":[1,"x"]}}`: "",
		`{"type":"echo_ok","echo":{"a":[1,"y"]}}`:          WrongEcho,
		`{"type":"echo_ok","echo":null}`:                   WrongEcho,
		`{"type":"echo_ok"}`:                               MalformedReply,
		`{"type":"echo","echo":1}`:                         MalformedReply,
	} {
		calls := history(t, line{0, 1, 2, request, reply, false})
		problems := checkEcho(calls)
		wellFormed(t, calls, problems)
		if want == "" {
			require.Empty(t, problems)
			continue
		}
		require.Equal(t, []string{want}, rules(problems), reply)
	}
	require.Equal(t, []string{NothingAnswered + "?"}, rules(checkEcho(nil)))
	require.Equal(t, []string{NothingAnswered + "?"}, rules(checkEcho(history(t, line{0, 1, 2, request, busy, false}))))
}

func TestUniqueIDs(t *testing.T) {
	calls := drive(t, uniqueIDs(), Parameters{Nodes: threeNodes}, &idReference{}, 1, 200, true)
	require.Empty(t, checkUniqueIDs(calls))
	ask := `{"type":"generate"}`
	for _, c := range []struct{ one, other, want string }{
		{`{"type":"generate_ok","id":1}`, `{"type":"generate_ok","id":"1"}`, ""},
		{`{"type":"generate_ok","id":1}`, `{"type":"generate_ok","id":1}`, DuplicateID},
		{`{"type":"generate_ok","id":{"a":1,"b":2}}`, `{"type":"generate_ok","id":{"b":2,"a":1}}`, DuplicateID},
		{`{"type":"generate_ok","id":null}`, `{"type":"generate_ok","id":null}`, DuplicateID},
		{`{"type":"generate_ok","id":1}`, `{"type":"generate_ok"}`, MalformedReply},
		{`{"type":"generate_ok","id":1}`, `{"type":"error","code":11}`, ""},
	} {
		calls := history(t, line{0, 1, 2, ask, c.one, false}, line{1, 1, 2, ask, c.other, false})
		problems := checkUniqueIDs(calls)
		wellFormed(t, calls, problems)
		if c.want == "" {
			require.Empty(t, problems, c.other)
			continue
		}
		require.Equal(t, []string{c.want}, rules(problems), c.other)
	}
	// One ID in a large run is given a second time.
	calls[150].Reply, calls[150].Outcome = calls[10].Reply, calls[10].Outcome
	require.Equal(t, OK, calls[10].Outcome)
	problems := checkUniqueIDs(calls)
	require.Equal(t, []string{DuplicateID}, rules(problems))
	require.Equal(t, []int{10, 150}, problems[0].Calls)
}
