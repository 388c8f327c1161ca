package isr

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// found has what this model, and not TLC, finds in each named world: distinct and generated states, or the length of the
// shortest counterexample.
//
//go:embed found.tsv
var found string

func worldNamed(t *testing.T, name string) World {
	t.Helper()
	named, err := Subject().Lookup(name)
	require.NoError(t, err)
	w, err := parse(named.Constants)
	require.NoError(t, err)
	return w
}

func plainNamed(t *testing.T, name string) check.Plain[State] {
	t.Helper()
	p, err := plain(worldNamed(t, name))
	require.NoError(t, err)
	return p
}

func run(t *testing.T, m check.Model) *check.Result {
	t.Helper()
	r, err := check.Run(t.Context(), m, check.Options{})
	require.NoError(t, err)
	require.NotEqual(t, check.Incomplete, r.Verdict, r.Reason)
	return r
}

func search(t *testing.T, w World) *check.Result {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	return run(t, m)
}

// The good model holds in every named world, with every situation reached and every action taken in some, and each broken
// variant violates what its world says. Figures that move must be looked at, and found.tsv written anew.
func TestWorlds(t *testing.T) {
	taken := map[string]uint64{}
	lines := []string{"name\tdistinct\tgenerated\tsteps"}
	for _, named := range Subject().Worlds {
		r := search(t, worldNamed(t, named.Name))
		require.Equal(t, named.Violates, r.Invariant, named.Name)
		require.Zero(t, named.Distinct+named.Generated, "TLC has not run in %s", named.Name)
		if named.Violates != "" {
			lines = append(lines, fmt.Sprintf("%s\t0\t0\t%d", named.Name, len(r.Trace)))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s\t%d\t%d\t0", named.Name, r.Distinct, r.Generated))
		for _, a := range r.Actions {
			taken[a.Action] += a.Times
		}
	}
	for _, mv := range plainNamed(t, "pair").Moves {
		require.NotZero(t, taken[mv.Name], "%s is taken in no world that passes", mv.Name)
	}
	require.Equal(t, found, strings.Join(lines, "\n")+"\n")
}

// Each rule has a world in which breaking it is noticed, and keeping it is enough there.
func TestEveryBrokenVariantHasAWorldThatFindsIt(t *testing.T) {
	caught, pass := map[string]bool{}, map[World]bool{}
	for _, named := range Subject().Worlds {
		pass[worldNamed(t, named.Name)] = named.Violates == ""
	}
	for _, named := range Subject().Worlds {
		w := worldNamed(t, named.Name)
		if w.Bug == "none" {
			continue
		}
		require.NotEmpty(t, named.Violates, named.Name)
		caught[w.Bug] = true
		if w.Bug = "none"; !pass[w] { // else TestWorlds has seen to it
			require.Empty(t, search(t, w).Invariant, named.Name)
		}
	}
	for _, bug := range Bugs() {
		require.True(t, caught[bug], "no world has the bug %s", bug)
	}
}

// walk takes the steps given, such as "Fetch(2)", from s.
func walk(t *testing.T, p check.Plain[State], s State, steps ...string) State {
	t.Helper()
	for _, want := range steps {
		var next *State
		var possible []string
		for _, mv := range p.Moves {
			mv.Next(s, func(n State, args ...int) {
				step := check.Instance(mv.Name, args)
				possible = append(possible, step)
				if step == want {
					next = &n
				}
			})
		}
		require.NotNil(t, next, "%s is not possible; possible: %s", want, strings.Join(possible, " "))
		s = *next
	}
	return s
}

// The first scenario of KIP-101: a follower has a committed record above its own high watermark, truncates it when it hears of
// an epoch, and is elected before it has fetched it again. With epochs it keeps the record.
func TestTruncationToTheHighWatermarkLosesARecord(t *testing.T) {
	w := World{Replicas: 2, MaxOffset: 1, MaxEpoch: 3, Bug: truncateToHW}
	p, err := plain(w)
	require.NoError(t, err)
	s := walk(t, p, p.Start, "Write(1)", "Fetch(2)", "Advance(1)", "Elect(1, 0)", "BecomeFollower(2, 2)", "Elect(2, 1)", "BecomeLeader(2, 3)")
	require.Equal(t, uint8(0), s.Replicas[1].Log.Len)
	require.False(t, (&model{w}).leaderComplete(s))

	w.Bug = "none"
	p, err = plain(w)
	require.NoError(t, err)
	s = walk(t, p, p.Start, "Write(1)", "Fetch(2)", "Advance(1)", "Elect(1, 0)", "BecomeFollower(2, 2)", "BecomeLeader(1, 2)", "Truncate(2)",
		"Elect(2, 1)", "BecomeLeader(2, 3)", "Advance(2)")
	require.Equal(t, "[1]", s.Replicas[1].Log.String())
}

// What KIP-279 mends: after two fast elections a follower has a record of an epoch that the leader never heard of. The offset at
// which the leader's next larger epoch begins leaves that record in place; the leader's largest epoch below leaves none of it.
func TestTheOffsetOfAnUnknownEpochKeepsARecordThatDiffers(t *testing.T) {
	steps := []string{"Write(1)", "Elect(2, 0)", "BecomeLeader(2, 2)", "Write(2)", "Elect(1, 0)", "BecomeFollower(2, 3)", "BecomeLeader(1, 3)", "Write(1)", "Truncate(2)"}
	p := plainNamed(t, "truncate-unknown-epoch")
	s := walk(t, p, p.Start, steps...)
	require.Equal(t, "[1 3] [2]", s.Replicas[0].Log.String()+" "+s.Replicas[1].Log.String())
	// The leader cannot see that the follower's record is another, and commits its own.
	s = walk(t, p, s, "Advance(1)", "Fetch(2)")
	require.Equal(t, "[2 3] of which 1", fmt.Sprintf("%s of which %d", s.Replicas[1].Log, s.Replicas[1].HW))
	require.False(t, (&model{worldNamed(t, "truncate-unknown-epoch")}).oneHistory(s))
	p = plainNamed(t, "pair-alter")
	s = walk(t, p, p.Start, steps...)
	require.Equal(t, "[1 3] []", s.Replicas[0].Log.String()+" "+s.Replicas[1].Log.String())
}

// KIP-279 needs more than one question when epochs alternate: the leader has 1 and 3, the follower 1, 2 and 4.
func TestTruncationAsksAgain(t *testing.T) {
	w := World{Replicas: 2, MaxOffset: 4, MaxEpoch: 5, Bug: "none"}
	m := &model{w}
	s := m.start()
	s.Epoch = 5
	s.Replicas[0] = Replica{Log: Log{4, [maxOffset]uint8{1, 1, 3, 3}}, Epoch: 5, InSync: true, Leads: 1<<1 | 1<<3 | 1<<5}
	s.Replicas[1] = Replica{Log: Log{4, [maxOffset]uint8{1, 2, 2, 4}}, HW: 1, Epoch: 5, InSync: true, Leads: 1<<2 | 1<<4}
	var after *State
	m.truncate(s, 1, func(next State, _ ...int) { after = &next })
	require.NotNil(t, after)
	require.Equal(t, "[1]", after.Replicas[1].Log.String())
	require.True(t, after.Replicas[1].Truncated)
}

func TestWorldsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"replicas": 6}`:                                            "world: replicas is 6; expected 1 to 5",
		`{"replicas": 1, "maxOffset": 9}`:                            "world: maxOffset is 9; expected 1 to 5",
		`{"replicas": 1, "maxOffset": 1}`:                            "world: maxEpoch is 0; expected 1 to 6",
		`{"replicas": 1, "maxOffset": 1, "maxEpoch": 1, "bug": "x"}`: "world: bug is \"x\"; expected ",
		`{"brokers": 1}`:                                             "world: unknown key brokers; known: replicas, ",
	} {
		_, err := read([]byte(text))
		require.ErrorContains(t, err, want)
	}
}

// No broken variant breaks TypeOK, so it is fed states that no behaviour has.
func TestTypeOKObjects(t *testing.T) {
	m := &model{worldNamed(t, "pair")}
	require.True(t, m.typeOK(m.start()))
	for why, breakIt := range map[string]func(*State){
		"an epoch without a leader":          func(s *State) { s.Replicas[0].Leads = 0 },
		"an epoch with two":                  func(s *State) { s.Replicas[1].Leads = s.Replicas[0].Leads },
		"a leader of an epoch to come":       func(s *State) { s.Replicas[1].Leads = 1 << 2 },
		"a request of an epoch to come":      func(s *State) { s.Requests[2] = Asked },
		"a high watermark beyond the log":    func(s *State) { s.Replicas[0].HW = 1 },
		"a replica ahead of the controller":  func(s *State) { s.Replicas[1].Epoch = 2 },
		"a leader that fetches":              func(s *State) { s.Replicas[0].Truncated = true },
		"no replica in sync":                 func(s *State) { s.Replicas[0].InSync, s.Replicas[1].InSync = false, false },
		"a log that is longer than logs are": func(s *State) { s.Replicas[0].Log.Len = 3 },
		"more committed than a log has":      func(s *State) { s.Committed.Len = 3 },
	} {
		s := m.start()
		breakIt(&s)
		require.False(t, m.typeOK(s), why)
	}
}

// Each invariant objects to a state that breaks it, by itself.
func TestEachInvariantObjects(t *testing.T) {
	m := &model{worldNamed(t, "pair")}
	for name, breakIt := range map[string]func(*State){
		"Ascending": func(s *State) { s.Replicas[0].Log = Log{2, [maxOffset]uint8{2, 1}} },
		"Durable":   func(s *State) { s.Committed = Log{1, [maxOffset]uint8{1}}; s.Replicas[0].Log = s.Committed },
		"LeaderComplete": func(s *State) {
			s.Committed = Log{1, [maxOffset]uint8{1}}
			s.Replicas[0].InSync = false
			s.Replicas[1].Log, s.Replicas[1].Truncated = s.Committed, false
		},
		"OneHistory": func(s *State) { s.Replicas[0].Log, s.Replicas[0].HW = Log{1, [maxOffset]uint8{1}}, 1 },
		"Prefix":     func(s *State) { s.Replicas[1].Log = Log{1, [maxOffset]uint8{1}} },
	} {
		s := m.start()
		breakIt(&s)
		for _, x := range m.invariants() {
			require.Equal(t, x.Name != name, x.Holds(s), "%s, where %s does not hold", x.Name, name)
		}
	}
}
