package protocol_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/runtime"
)

// Every way to break the protocol ends the run with one finding that says in a sentence what was wrong, with the line.
func TestABreachIsSaidInASentence(t *testing.T) {
	for how, want := range map[string]struct {
		rule runtime.BreachRule
		says []string
	}{
		"chatter":     {runtime.KeepsTheForm, []string{`expected the answer to hello, {"firstgap":1}`, "listening on port 80"}},
		"broken":      {runtime.KeepsTheForm, []string{"expected an object", "the end of the frame in effects[0], at byte 12", `{"effects":[`}},
		"empty":       {runtime.KeepsTheForm, []string{"expected an object, found the end of the frame at the beginning"}},
		"no-effects":  {runtime.KeepsTheForm, []string{`expected the key "effects", with an empty list where nothing is to be done, found none: {"trace":[]}`}},
		"unknown":     {runtime.KeepsTheForm, []string{"expected one of kind, to, message, timer, after,", `found "afterwards" in effects[0], at byte 42`, `"afterwards":5`}},
		"message":     {runtime.KeepsTheForm, []string{`expected a type of Message, found "hello" in effects[0].message`}},
		"no-message":  {runtime.KeepsTheForm, []string{`expected the key "message" of "send" in effects[0], found none`}},
		"no-reply":    {runtime.KeepsTheForm, []string{`expected the key "reply" of "respond" in effects[0], found none`}},
		"no-status":   {runtime.KeepsTheForm, []string{`expected the key "reply.status" of "respond" in effects[0], found none`}},
		"no-file":     {runtime.KeepsTheForm, []string{`expected the key "file" of "append" in effects[0], found none`}},
		"negative":    {runtime.KeepsTheForm, []string{`expected "from" and "size" of "read" of 0 or more in effects[0], found -1 and 0`}},
		"no-kind":     {runtime.KeepsTheForm, []string{`expected the key "kind" in effects[0], found none`}},
		"invalid":     {runtime.KeepsTheForm, []string{`expected UTF-8, found the byte 0xff at byte 23`}},
		"trailing":    {runtime.KeepsTheForm, []string{"expected the end of the line, found 14 bytes more"}},
		"list":        {runtime.KeepsTheForm, []string{"expected an object", "[]"}},
		"two":         {runtime.AnswersInTime, []string{"expected one line for each event, and none in between, found 15 bytes before the next event: "}},
		"long":        {runtime.AnswersInTime, []string{"expected a line of at most 1048576 bytes, found "}},
		"no-newline":  {runtime.AnswersInTime, []string{"expected a line within 300ms, found ", `bytes without its end, \n: {"effects":[`}},
		"silent":      {runtime.AnswersInTime, []string{"expected a line within 300ms, found none"}},
		"exit":        {runtime.LivesOn, []string{"expected a line, found exit status 0"}},
		"panic":       {runtime.LivesOn, []string{"expected a line, found exit status 3"}},
		"half-a-line": {runtime.LivesOn, []string{"found exit status 0, in the middle of a line of 6 bytes: {\"effe"}},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := system(t, protocol.Replica, program("replica:"+how, lines.Limits{Line: 1 << 20, Answer: 300 * time.Millisecond}).Maker())
			c, err := s.Generate(1, harness.Generation{})
			require.NoError(t, err)
			r := harness.RunWith(s, c, harness.Options{Only: faults.Sanity})
			require.Equal(t, judge.Violation, r.Verdict)
			require.Len(t, r.Findings, 1)
			f := &r.Findings[0]
			require.Equal(t, faults.Sanity, f.Check)
			require.Equal(t, string(want.rule), f.Rule)
			require.NotEmpty(t, f.Kind)
			require.Equal(t, "a program keeps the protocol by which it is run", f.Guarantee)
			require.Len(t, f.Nodes, 1)
			for _, says := range want.says {
				require.Contains(t, f.Sentence(), says)
			}
			require.NotContains(t, f.Sentence(), "panicked")
			require.Less(t, len(f.Sentence()), 2000)
			if how == "exit" {
				require.Equal(t, []string{"its standard error ends with:", "no more", "of this"}, f.Lead)
			}
		})
	}
}

// Whether a program is there is the machine's affair: the run could not tell.
func TestAProgramThatIsNotThereTellsNothing(t *testing.T) {
	s := system(t, protocol.Replica, protocol.Program{Command: lines.Command{Args: []string{"no-such-program-anywhere"}}}.Maker())
	c, err := s.Generate(1, harness.Generation{})
	require.NoError(t, err)
	r := harness.RunWith(s, c, harness.Options{Only: faults.Sanity})
	require.Equal(t, judge.CouldNotTell, r.Verdict)
	require.Contains(t, r.Findings[0].Sentence(), `expected that "no-such-program-anywhere" starts, found executable file not found in $PATH`)
	require.False(t, strings.Contains(r.Findings[0].Sentence(), "panicked"))
}

// A program that draws lots of its own is told so, by the first line that is another one the second time.
func TestAProgramThatIsAnotherOneEachTimeIsToldByItsLine(t *testing.T) {
	s := system(t, protocol.Replica, program("replica:dice", lines.Limits{}).Maker())
	c, err := s.Generate(1, harness.Generation{})
	require.NoError(t, err)
	_, err = failure.Twice(s, c)
	var e *failure.DeterminismError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "replica 1", e.Answered.Node)
	require.EqualValues(t, 1, e.Answered.Event)
	require.Contains(t, e.Answered.Expected, `"kind":"set-timer","timer":1,"after":2`)
	require.NotEqual(t, e.Answered.Expected, e.Answered.Found)
	require.Contains(t, err.Error(), "not deterministic: the program of replica 1 answered event 1 otherwise the second time: expected …[{\"kind\":")
	_, err = failure.Twice(system(t, protocol.Replica, program("replica", lines.Limits{}).Maker()), c)
	require.NoError(t, err)
}

// A failure of a program becomes smaller and is explained as others are.
func TestABreachBecomesSmallAndIsExplained(t *testing.T) {
	s := system(t, protocol.Replica, program("replica:unknown", lines.Limits{}).Maker())
	c, err := s.Generate(1, harness.Generation{})
	require.NoError(t, err)
	r, trail := failure.Record(s, c)
	recorded := failure.Of(&r, trail)
	again, err := failure.Again(recorded, []harness.System{s})
	require.NoError(t, err)
	require.Equal(t, failure.Reproduced, again.Answer)
	o := why.Options{For: time.Minute, NoCurve: true}
	o.Shrink.Runs = 40
	e, err := why.Explain(t.Context(), s, recorded, o)
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, e.WriteText(&text))
	require.Contains(t, text.String(), "broke its protocol: expected one of kind, to, message,")
	require.Contains(t, text.String(), "every line that a program writes has the form of its protocol")
	require.Contains(t, text.String(), "docs/protocol.md")
	require.NotContains(t, text.String(), "panicked")
	require.Empty(t, e.Configuration.Plan.Faults)
}
