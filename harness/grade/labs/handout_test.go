package labs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// What handouts show is what the wire takes, and what they say of tests is so. A student who copies a line must not be refused for it.
func TestHandoutsAreRight(t *testing.T) {
	for _, number := range []int{3, 4, 6} {
		l, err := Numbered(number)
		require.NoError(t, err)
		text := l.Handout()
		for _, x := range l.Tests {
			public := ""
			if x.Public {
				public = " *(public)*"
			}
			require.Contains(t, text, fmt.Sprintf("| %s%s | %s | %d |\n", x.Name, public, x.Rule, x.Marks))
		}
		require.Contains(t, text, fmt.Sprintf("none of up to %d is worth all the marks | %d |\n", l.Break.Steps, l.Break.Marks))
		lines := 0
		for i, block := range strings.Split(text, "```") {
			if code, is := strings.CutPrefix(block, "json\n"); is && i%2 == 1 {
				for line := range strings.Lines(code) {
					lines++
					require.NoError(t, reads(line), line)
				}
			}
		}
		require.Greater(t, lines, 8)
	}
	require.Error(t, reads(`{"now":1,"event":{"kind":"received","from":1,"message":{"fenced":{"epok":2}}}}`))
	require.Error(t, reads(`{"effects":[{"kind":"send","to":2}],"trace":[{"action":"Opens"}]}`))
}

// reads reads a line of the node protocol: an event, or effects with a trace.
func reads(line string) error {
	var of struct {
		Now     int64           `json:"now"`
		Event   json.RawMessage `json:"event"`
		Effects json.RawMessage `json:"effects"`
		Trace   json.RawMessage `json:"trace"`
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&of); err != nil {
		return err
	}
	if of.Event != nil {
		return node.DecodeWireJSON(fmt.Appendf(nil, `{"version":2,"event":%s}`, of.Event), &node.Event{})
	}
	trace := ""
	if of.Trace != nil {
		trace = fmt.Sprintf(`,"trace":%s`, of.Trace)
	}
	return node.DecodeWireJSON(fmt.Appendf(nil, `{"version":2,"effects":{"list":%s%s}}`, of.Effects, trace), &node.Effects{})
}
