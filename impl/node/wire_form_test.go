package node

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// A line of a protocol that carries what the wire has.
type formed struct {
	Now     Time
	Effects *[]Effect
	State   *State
	Seed    uint64
}

func TestFormsCarryWhatTheWireHas(t *testing.T) {
	f := FormOf[formed]()
	for _, c := range []struct {
		v    formed
		want string
	}{
		{formed{}, `{}`},
		{formed{Effects: &[]Effect{}}, `{"effects":[]}`},
		{formed{Now: 5, Seed: 1 << 60, Effects: &[]Effect{{Kind: DoSync, Token: 7}}}, `{"now":5,"effects":[{"kind":"sync","token":7}],"seed":"1152921504606846976"}`},
		{formed{State: &State{Role: "segment", SCL: 3, Serving: true, Counters: []Counter{{"stored", 2}}, Lags: []uint64{1, 0}}},
			`{"state":{"role":"segment","scl":3,"serving":true,"counters":[{"name":"stored","value":2}],"lags":[1,0]}}`},
	} {
		b, err := f.AppendJSON([]byte("before "), &c.v)
		require.NoError(t, err)
		require.Equal(t, "before "+c.want, string(b))
		back := formed{Now: 99, Seed: 99}
		require.NoError(t, f.DecodeJSON([]byte(c.want), &back))
		again, err := f.AppendJSON(nil, &back)
		require.NoError(t, err)
		require.Equal(t, c.want, string(again))
		require.Equal(t, c.v.Effects != nil, back.Effects != nil, "an empty list is there")
	}
	for text, want := range map[string]string{
		`{"effects":[]} more`:                             `wire: frame at byte 15: trailing bytes: expected the end of the line, found 4 bytes more`,
		`{"efects":[]}`:                                   `wire: frame at byte 1: unknown key: expected one of now, effects, state, seed, found "efects"`,
		`{"effects":[{"kind":"sync","token":-1}]}`:        `wire: effects[0].token at byte 35: malformed: expected an integer of 0 to 18446744073709551615, found "-1"`,
		`{"effects":[{"kind":"send","message":{"x":1}}]}`: `wire: effects[0].message at byte 38: unknown type: expected a type of Message, found "x"`,
		``: `wire: frame at byte 0: malformed: expected an object, found the end of the frame`,
	} {
		var v formed
		require.EqualError(t, f.DecodeJSON([]byte(text), &v), want)
	}
	require.Panics(t, func() { FormOf[struct{ F func() }]() })
}

// compiled compiles a document of which a test asks for definitions.
func compiled(t *testing.T, doc Schema, at string) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	require.NoError(t, c.AddResource("wire.json", read))
	s, err := c.Compile("wire.json" + at)
	require.NoError(t, err)
	return s
}

// Every frame on file is valid by the schema, and one that the decoder refuses is refused by it, too.
func TestTheSchemaIsThatOfTheWire(t *testing.T) {
	defs := Schemas{}
	defs["frame"] = defs.Frame()
	s := compiled(t, Schema{"$defs": defs}, "#/$defs/frame")
	valid := func(frame string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(frame))
		require.NoError(t, err, frame)
		return s.Validate(v)
	}
	file, err := os.ReadFile("testdata/wire.txt")
	require.NoError(t, err)
	n := 0
	for line := range strings.Lines(string(file)) {
		if strings.HasPrefix(line, "{") {
			require.NoError(t, valid(line), line)
			n++
		}
	}
	require.Greater(t, n, 90)
	for _, frame := range []string{
		`{"version":3,"event":{}}`, `{"event":{}}`, `{"version":2}`, `{"version":2,"event":{},"effect":{}}`, `{"version":2,"events":{}}`,
		`{"version":2,"event":{"kind":"arrived"}}`, `{"version":2,"event":{"to":1}}`, `{"version":2,"event":{"from":65536}}`, `{"version":2,"event":{"token":-1}}`,
		`{"version":2,"event":{"token":9007199254740992}}`, `{"version":2,"event":{"token":"07"}}`, `{"version":2,"event":{"data":{"base64":"*"}}}`,
		`{"version":2,"event":{"data":{"base65":""}}}`, `{"version":2,"message":{}}`, `{"version":2,"message":{"ping":{},"pong":{}}}`, `{"version":2,"message":{"pung":{}}}`,
	} {
		require.Error(t, valid(frame), frame)
	}
	for _, frame := range []string{`{"version":2,"event":{"token":"18446744073709551615"}}`, `{"version":2,"event":{"data":{"base64":"/w=="}}}`, `{"version":2,"event":{"data":"text"}}`} {
		require.NoError(t, valid(frame), frame)
		require.NoError(t, DecodeWireJSON([]byte(frame), &Event{}))
	}
}
