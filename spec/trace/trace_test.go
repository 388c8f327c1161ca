package trace_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/trace"
)

// A lock service: one of two clients holds the lock, and it expires without a word.
type lock struct {
	Holder uint8
	Leases uint8
}

func lockService(broken bool) check.Model {
	return check.Plain[lock]{
		Title: "lock", Constants: map[string]int{"clients": 2, "leases": 3},
		Moves: []check.Move[lock]{
			{Name: "Lock", Next: func(s lock, yield func(lock, ...int)) {
				for c := uint8(1); c <= 2 && s.Leases < 3; c++ {
					if s.Holder == 0 || broken {
						yield(lock{c, s.Leases + 1}, int(c))
					}
				}
			}},
			{Name: "Unlock", Next: func(s lock, yield func(lock, ...int)) {
				if s.Holder != 0 {
					yield(lock{0, s.Leases}, int(s.Holder))
				}
			}},
			{Name: "Expire", Next: func(s lock, yield func(lock, ...int)) {
				if s.Holder != 0 {
					yield(lock{0, s.Leases})
				}
			}},
		},
		Must: []check.Must[lock]{{Name: "Few", Guarantee: "There are at most two leases.", Holds: func(s lock) bool { return s.Leases <= 2 || !broken }}},
	}.Model()
}

func follow(t *testing.T, m check.Model, o trace.Options, lines ...string) *trace.Receipt {
	t.Helper()
	r, err := trace.Steps(t.Context(), m, strings.NewReader(strings.Join(lines, "\n")+"\n"), o, "Expire")
	require.NoError(t, err)
	return r
}

// Any model has traces: an event names a step, with its arguments or without, and what it likes of the state after it. What no
// event reports is found. The receipt has the share of the states and transitions that the trace covered.
func TestSteps(t *testing.T) {
	r := follow(t, lockService(false), trace.Options{Cover: 100},
		`{"step": "Lock(1)", "state": {"Holder": "1"}}`, `{"step": "Unlock"}`, `{"step": "Lock", "state": {"Holder": "2"}}`, `{"step": "Lock(1)"}`)
	require.Equal(t, check.Pass, r.Verdict, trace.Text(r))
	require.Equal(t, 1, r.Hidden, "the second lease expires")
	require.Equal(t, check.ActionCounts{{Action: "Lock", Times: 3}, {Action: "Unlock", Times: 1}, {Action: "Expire", Times: 1}}, r.Actions)
	// (0,0), three leases of two holders each, and three without one; from each lease by Unlock or Expire to the same state.
	require.Equal(t, &trace.Coverage{States: 6, AllStates: 10, Transitions: 5, AllTransitions: 12}, r.Covered)
	require.Contains(t, trace.Text(r), "6 of 10 states, 5 of 12 transitions")

	r = follow(t, lockService(false), trace.Options{Cover: 3}, `{"step": "Lock(1)"}`)
	require.Nil(t, r.Covered)
	require.Contains(t, trace.Text(r), "no share can be told: the model has more than 3 states")
	require.Equal(t, []string{"Unlock", "Expire"}, r.Actions.Never())
	require.Contains(t, trace.Text(r), "NEVER TAKEN: Unlock, Expire")
}

// A refusal names the line, the nearest legal steps, the nearest first, and what differs in each.
func TestRefusals(t *testing.T) {
	r := follow(t, lockService(false), trace.Options{}, `{"step": "Lock(1)"}`, "", `{"step": "Unlock(2)", "state": {"Holder": "0", "Leases": "2"}}`)
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, 1, r.Followed)
	require.Equal(t, &trace.Refusal{Line: 3, Event: "Unlock(2), Holder = 0, Leases = 2", Nearest: []trace.Near{
		{Step: "Unlock(1)", Differs: []check.Change{{Var: "step", From: "Unlock(1)", To: "Unlock(2)"}, {Var: "Leases", From: "1", To: "2"}}},
	}}, r.Refusal)

	r = follow(t, lockService(true), trace.Options{}, `{"step": "Lock(1)"}`, `{"step": "Lock(2)"}`, `{"step": "Lock(1)"}`)
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, "Few", r.Refusal.Invariant)
	require.Equal(t, 3, r.Refusal.Line)
	require.Contains(t, trace.Text(r), "line 3, Lock(1): after it Few does not hold")
}

// A search that a limit ended, or that was stopped, and a trace without events, say nothing.
func TestCouldNotTell(t *testing.T) {
	// A counter whose steps no event reports: how many came before Done cannot be known in two.
	type count struct{ N, Done uint8 }
	m := check.Plain[count]{
		Title: "count",
		Moves: []check.Move[count]{
			{Name: "Count", Next: func(s count, yield func(count, ...int)) {
				if s.N < 9 {
					yield(count{s.N + 1, 0})
				}
			}},
			{Name: "Done", Next: func(s count, yield func(count, ...int)) {
				if s.N == 5 {
					yield(count{s.N, 1})
				}
			}},
		},
		Must: []check.Must[count]{{Name: "Small", Holds: func(s count) bool { return s.N < 10 }}},
	}.Model()
	done := func(o trace.Options) *trace.Receipt {
		r, err := trace.Steps(t.Context(), m, strings.NewReader(`{"step": "Done"}`), o, "Count")
		require.NoError(t, err)
		return r
	}
	r := done(trace.Options{})
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Equal(t, "line 1, Done: 2 steps that no event reports do not explain it, and more are possible", r.Reason)
	require.Equal(t, check.Pass, done(trace.Options{Hidden: 5}).Verdict)
	require.Equal(t, 5, done(trace.Options{Hidden: 9}).Hidden)

	r = follow(t, lockService(false), trace.Options{})
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Equal(t, "the trace has no event", r.Reason)

	r = follow(t, lockService(true), trace.Options{States: 1}, `{"step": "Lock"}`)
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Contains(t, r.Reason, "the trace can have led to 2 states; expected at most 1")

	stopped, stop := context.WithCancel(t.Context())
	stop()
	r, err := trace.Steps(stopped, m, strings.NewReader(`{"step": "Count"}`), trace.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Contains(t, r.Reason, "it was stopped")
}

// What is no event is refused with its line.
func TestBadLines(t *testing.T) {
	for line, want := range map[string]string{
		`{"step": "Frogs"}`:                 "line 2: expected a step of one of Lock, Unlock, Expire",
		`{"state": {}}`:                     `line 2: expected a "step", found none`,
		`{"step": "Lock(1)", "frogs": 1}`:   "line 2: expected an object",
		`{"step": 1}`:                       "line 2: expected an object",
		`{"step": "Lock(1)"`:                "it is cut off",
		`frogs`:                             "found a line that begins with \"frogs\"",
		strings.Repeat(" ", 1<<20+1) + "{}": "line 2: expected at most 1048576 bytes, found more",
	} {
		_, err := trace.Steps(t.Context(), lockService(false), strings.NewReader("{\"step\": \"Lock(1)\"}\n"+line), trace.Options{})
		var wrong *trace.LineError
		require.ErrorAs(t, err, &wrong, line)
		require.Equal(t, 2, wrong.Line)
		require.ErrorContains(t, err, want)
	}
	_, err := trace.Steps(t.Context(), lockService(false), strings.NewReader(""), trace.Options{}, "Frogs")
	require.ErrorContains(t, err, `no action "Frogs"; known: Lock, Unlock, Expire`)
	n := 0
	for _, err := range trace.Lines(strings.NewReader("{}\n{}\n{}\n"), trace.Limits{Lines: 2}) {
		if n++; n == 3 {
			require.ErrorContains(t, err, "line 3: expected at most 2 lines")
		}
	}
	require.Equal(t, 3, n)
}

// A program that holds a lock tells each step as one JSON object; here it unlocks for a client that holds nothing.
func ExampleSteps() {
	log := strings.NewReader(`
{"step": "Lock(1)"}
{"step": "Unlock(2)"}
`)
	r, err := trace.Steps(context.Background(), lockService(false), log, trace.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Verdict, "at line", r.Refusal.Line)
	fmt.Println("possible is", r.Refusal.Nearest[0].Step)
	// Output:
	// violation at line 3
	// possible is Unlock(1)
}
