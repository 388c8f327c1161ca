package protocol_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

func TestAProgramThatKeepsToTheProtocolPasses(t *testing.T) {
	steps, err := protocol.Check(protocol.Replica, program("replica", patient()), protocol.Options{})
	require.NoError(t, err)
	var whats []string
	for _, s := range steps {
		require.Equal(t, judge.Pass, s.Verdict, "%s: %s", s.What, s.Found)
		whats = append(whats, s.What)
	}
	require.Equal(t, []string{"hello, and a start on an empty disk", "a request", "a request of a number above 2^53, which stands in quotes",
		"a key and a value that are no text, which stand in base64", "a read of them", "a message that comes twice", "a restart on what is on its disk",
		"a disk that fails, and one that is full", "a run without faults, with a restart of what the run restarts"}, whats)
	steps, err = protocol.Check(protocol.Segment, program("segment", patient()), protocol.Options{})
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Equal(t, judge.Pass, steps[0].Verdict, steps[0].Found)
	_, err = protocol.Check("server", program("replica", patient()), protocol.Options{})
	require.EqualError(t, err, `unknown role "server"; known: replica, segment, writer, reader, register`)
}

// The last step says what is wrong, in a sentence, whatever it is.
func TestACheckSaysWhatIsWrong(t *testing.T) {
	for how, want := range map[string]struct {
		verdict    judge.Verdict
		what, says string
	}{
		"replica:chatter":    {judge.Violation, "the answer to started", "listening on port 80"},
		"replica:no-effects": {judge.Violation, "the answer to requested", `expected the key "effects"`},
		"replica:two":        {judge.Violation, "the answer to fired", "15 bytes before the next event"},
		"replica:silent":     {judge.Violation, "the answer to requested", "expected a line within 1s, found none"},
		"replica:rounds":     {judge.Violation, "a request of a number above 2^53, which stands in quotes", "expected an answer to request 9007199254740993 (write), found one to 9007199254740992; an integer above 2^53-1 is a string, and no double"},
		"replica:text":       {judge.Violation, "a read of them", "expected the bytes 00 ff that were written, found "},
		"replica:mute":       {judge.Violation, "a request", "expected an answer to request 1 (write) with nothing that goes wrong, found none"},
		"replica:forgets":    {judge.Violation, "the answer to started", "exit status 2"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			limits := patient()
			if how == "replica:silent" {
				limits.Answer = waited
			}
			steps, err := protocol.Check(protocol.Replica, program(how, limits), protocol.Options{})
			require.NoError(t, err)
			last := steps[len(steps)-1]
			require.Equal(t, want.verdict, last.Verdict)
			require.Equal(t, want.what, last.What)
			require.Contains(t, last.Found, want.says)
		})
	}
	steps, err := protocol.Check(protocol.Replica, protocol.Program{Command: lines.Command{Args: []string{"no-such-program-anywhere"}}}, protocol.Options{})
	require.NoError(t, err)
	require.Equal(t, []protocol.Step{{What: "the answer to started", Verdict: judge.CouldNotTell,
		Found: `expected that "no-such-program-anywhere" starts, found executable file not found in $PATH`}}, steps)
}

// valid tells whether a line is one of a definition of the schema.
func valid(t *testing.T, definition, line string) error {
	t.Helper()
	text, err := json.Marshal(protocol.Schema())
	require.NoError(t, err)
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("lines.json", read))
	s, err := c.Compile("lines.json#/$defs/" + definition)
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(line)))
	require.NoError(t, err)
	return s.Validate(v)
}

func TestTheSchemaSaysWhatALineHas(t *testing.T) {
	for definition, lines := range map[string]struct{ good, bad []string }{
		"welcome": {[]string{`{"firstgap":1}`, `{"firstgap":1,"name":"x","timers":{"1":"gossip"}}`}, []string{`{}`, `{"firstgap":2}`, `{"firstgap":1,"nam":"x"}`, `{"firstgap":1,"timers":{"one":"x"}}`}},
		"answer":  {[]string{`{"effects":[]}`, `{"effects":[{"kind":"sync","token":"18446744073709551615"}],"state":{"serving":true}}`}, []string{`{}`, `{"effects":{}}`, `{"effects":[{"kind":"fsync"}]}`, `{"effects":[],"trace":[{"action":"Lost"}]}`}},
		"greeting": {[]string{`{"firstgap":1,"wire":2,"hello":{"role":"replica","id":2,"index":1,"members":[1,2,3],"seed":7}}`},
			[]string{`{"firstgap":1,"wire":2}`, `{"firstgap":1,"wire":2,"hello":{"role":"replica"}}`}},
		"happening": {[]string{`{"now":0,"event":{"kind":"started","incarnation":1}}`}, []string{`{"event":{"kind":"started"}}`, `{"now":1,"event":{"kind":"begun"}}`}},
	} {
		for _, line := range lines.good {
			require.NoError(t, valid(t, definition, line), line)
		}
		for _, line := range lines.bad {
			require.Error(t, valid(t, definition, line), line)
		}
	}
}
