package strict_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/strict"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

type inner struct {
	Count uint8           `json:"count"`
	Wait  faults.Duration `json:"wait"`
}

type outer struct {
	inner
	List []inner           `json:"list"`
	Map  map[string]inner  `json:"map"`
	Raw  json.RawMessage   `json:"raw"`
	On   *bool             `json:"on"`
	Text string            `json:"text"`
	Left map[string]string `json:"-"`
}

func TestWhatFitsIsRead(t *testing.T) {
	var o outer
	require.NoError(t, strict.Decode(strings.NewReader(`{"count":3,"list":[{"wait":"5ms"}],"map":{"a":{"count":1}},"raw":{"any":[1]},"on":null,"text":"x"}`), &o))
	require.Equal(t, uint8(3), o.Count)
	require.Equal(t, faults.Duration(5*time.Millisecond), o.List[0].Wait)
	require.JSONEq(t, `{"any":[1]}`, string(o.Raw))
}

// Each text has one thing wrong, deep inside; the error says where it is, what was expected there and what was found.
func TestWhatDoesNotFitIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"cuont":3}`:                     "cuont: expected one of the keys count, list, map, on, raw, text, wait, found an unknown key",
		`{"list":[{},{"wiat":"5ms"}]}`:    "list[1].wiat: expected one of the keys count, wait, found an unknown key",
		`{"list":[{"count":300}]}`:        "list[0].count: expected a number that fits uint8, found 300",
		`{"list":[{"count":"3"}]}`:        `list[0].count: expected a number, found the string "3"`,
		`{"list":{}}`:                     "list: expected a list, found an object",
		`{"map":{"a":{"count":-1}}}`:      "map.a.count: expected a number that fits uint8, found -1",
		`{"map":{"a":7}}`:                 "map.a: expected an object, found the number 7",
		`{"list":[{"wait":"5 parsecs"}]}`: `list[0].wait: expected a duration like "1.5ms", found "5 parsecs"`,
		`{"list":[{"wait":5}]}`:           "list[0].wait: expected a string, found the number 5",
		`{"on":1}`:                        "on: expected true or false, found the number 1",
		`{"text":["x"]}`:                  "text: expected a string, found a list",
		`{"Left":{}}`:                     "Left: expected one of the keys",
		`[]`:                              "the text: expected an object, found a list",
		``:                                "the text: expected a JSON value, found nothing",
		// encoding/json keeps the last one: of a plan that an engineer has edited, half would be gone in silence.
		`{"text":"x","on":true,"text":"y"}`:             "text: expected a key once, found it twice in one object",
		`{"list":[{"count":1},{"count":[],"count":1}]}`: "list[1].count: expected a key once, found it twice in one object",
		`{"raw":{"a":[{"b":"b","c":{"b":1},"b":2}]}}`:   "raw.a[0].b: expected a key once, found it twice in one object",
		`{} {}`: "the text: expected the end behind the JSON value, found more",
	} {
		var o outer
		err := strict.Unmarshal([]byte(text), &o)
		require.ErrorContains(t, err, want, text)
	}
	var o outer
	require.ErrorContains(t, strict.Unmarshal([]byte(`{"count":`), &o), "unexpected EOF")
}

// A text that the type itself writes takes the short way, which must not keep what was there before, and must not be taken by a
// text that only resembles one.
func TestTheShortWayIsNotALooserOne(t *testing.T) {
	type part struct {
		Name  string `json:"name"`
		Count int    `json:"count,omitempty"`
	}
	kept := part{Name: "before", Count: 3}
	require.NoError(t, strict.Unmarshal([]byte(`{"name":"after"}`), &kept))
	require.Equal(t, part{Name: "after", Count: 3}, kept)
	for _, text := range []string{`{"name":"x"}`, `{"name":"x"} `, `{"name": "x"}`} {
		var read part
		require.NoError(t, strict.Unmarshal([]byte(text), &read), text)
		require.Equal(t, part{Name: "x"}, read, text)
	}
	for _, text := range []string{`{"Name":"x"}`, `{"name":"x","other":1}`, `{"name":"x"}{}`} {
		var read part
		require.Error(t, strict.Unmarshal([]byte(text), &read), text)
		require.Zero(t, read, text)
	}
}
