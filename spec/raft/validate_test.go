package raft

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/trace"
)

// example returns the lines of the library's own example.
func example(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("testdata/example.ndjson.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	require.Len(t, lines, 4888)
	return lines
}

func validate(t *testing.T, lines ...string) (*trace.Receipt, error) {
	t.Helper()
	return Validate(t.Context(), strings.NewReader(strings.Join(lines, "\n")+"\n"), trace.Options{})
}

// The trace that comes with the library is a behaviour of the model, and every line of it is looked at.
func TestExample(t *testing.T) {
	lines := example(t)
	r, err := validate(t, lines...)
	require.NoError(t, err)
	require.Equal(t, check.Pass, r.Verdict, trace.Text(r))
	require.Equal(t, 4888, r.Events)
	require.Equal(t, 4888, r.Followed)
	require.Zero(t, r.Hidden)
	never := r.Actions.Never()
	require.Contains(t, never, "Restart")
	require.NotContains(t, never, "ApplyConfChange")
	require.Nil(t, r.Covered)
	require.Contains(t, trace.Text(r), "no share can be told")
	Follows(t, strings.NewReader(strings.Join(lines[:700], "\n")+"\n"))
}

// A refusal names the line, the legal steps that are nearest, and the variables that differ.
func TestRefusal(t *testing.T) {
	lines := example(t)[:140]
	at := 132 // Commit of server 2, which commits entry 6
	require.Contains(t, lines[at], `"name":"Commit","nid":"2","state":{"term":2,"vote":"2","commit":6}`)
	lines[at] = strings.Replace(lines[at], `"commit":6`, `"commit":5`, 1)
	r, err := validate(t, lines...)
	require.NoError(t, err)
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, at, r.Followed)
	require.Equal(t, &trace.Refusal{Line: at + 1, Event: "Commit of server 2", Nearest: []trace.Near{
		{Step: "AdvanceCommitIndex(2)", Differs: []check.Change{{Var: "commit[2]", From: "6", To: "5"}}},
	}}, r.Refusal)
	require.Contains(t, trace.Text(r), "commit[2]: the model has 6, the event 5")

	failed := &fatal{T: t}
	Follows(failed, strings.NewReader(strings.Join(lines, "\n")+"\n"))
	require.Contains(t, failed.said, "line 133, Commit of server 2: no step of the model is like this")
}

// fatal is a test that fails and goes on.
type fatal struct {
	*testing.T
	said string
}

func (f *fatal) Fatal(args ...any) { f.said += fmt.Sprint(args...) }

// What is no trace is refused with its line; a trace without events is no pass.
func TestBadTraces(t *testing.T) {
	good := example(t)[:3:3] // appending must not write into what the others have
	change := func(line int, from, to string) []string {
		lines := append([]string{}, good...)
		require.Contains(t, lines[line], from)
		lines[line] = strings.Replace(lines[line], from, to, 1)
		return lines
	}
	for _, c := range []struct {
		lines []string
		line  int
		want  string
	}{
		{append(good, "frogs"), 4, `expected a JSON object, found a line that begins with "frogs"`},
		{append(good, `{"tag":"trace"}`), 4, `expected "event" beside the tag trace, found none`},
		{append(good, `[1]`), 4, "expected a JSON object"},
		{change(1, `"name":"ApplyConfChange"`, `"name":"Frogs"`), 2, `found "Frogs"`},
		{change(1, `"nid":"1"`, `"nid":"one"`), 2, "expected the id of a server in decimal digits"},
		{change(1, `"nid":"1"`, `"nid":"0"`), 2, "expected a server that tells it"},
		{change(1, `"StateFollower"`, `"StateFrog"`), 2, `found "StateFrog"`},
		{change(1, `"conf":[[],[]]`, `"conf":[[]]`), 2, "conf with the incoming and the outgoing voters"},
		{change(1, `"log":0`, `"log":-1`), 2, "cannot unmarshal"},
		{change(1, `"log":0`, `"log":99999999999`), 2, "log and commit of at most 16777216"},
		{change(1, `"log":0`, `"log":0,"frogs":1`), 2, "unknown field"},
		{change(1, `,"prop":{"cc":{}}`, ``), 2, "cc with ChangeConf"},
		{append(good, `{"event":`+strings.Repeat(" ", 1<<20)+"}"), 4, "expected at most 1048576 bytes"},
	} {
		_, err := validate(t, c.lines...)
		var wrong *trace.LineError
		require.ErrorAs(t, err, &wrong, c.want)
		require.Equal(t, c.line, wrong.Line)
		require.ErrorContains(t, err, c.want)
	}
	_, err := Validate(t.Context(), strings.NewReader(good[0]+"\n"+good[1][:90]), trace.Options{})
	require.ErrorContains(t, err, "line 2: expected a JSON object, found unexpected end of JSON input, in a last line that no line break ends: it is cut off")

	for _, text := range []string{"", "\n", `{"tag":"other"}` + "\n"} {
		r, err := Validate(t.Context(), strings.NewReader(text), trace.Options{})
		require.NoError(t, err)
		require.Equal(t, check.Incomplete, r.Verdict)
		require.Equal(t, "the trace has no event", r.Reason)
	}
	r, err := Validate(t.Context(), bytes.NewBufferString(strings.Join(example(t)[:120], "\n")), trace.Options{States: 1})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, r.Verdict, "two states are possible after line 84")
	require.Contains(t, r.Reason, "line 84, ReceiveRequestVoteRequest of server 5 (MsgVote 2 → 5 term 2): the trace can have led to 2 states; expected at most 1")
}
