package raft

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

func worldOf(t *testing.T, name string) World {
	t.Helper()
	named, err := Subject().Lookup(name)
	require.NoError(t, err)
	w, err := parse(named.Constants)
	require.NoError(t, err)
	return w
}

func search(t *testing.T, w World) *check.Result {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	r, err := check.Run(t.Context(), m, check.Options{Workers: 2})
	require.NoError(t, err)
	return r
}

// Every named world has the verdict and the figures of its row, every broken variant is caught in a world of its name, and every
// action is taken in some world.
func TestWorlds(t *testing.T) {
	table, err := check.ReadTable(worldsTSV)
	require.NoError(t, err)
	caught, broken, taken, passed := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0
	for _, w := range table {
		t.Run(w.Name, func(t *testing.T) {
			world := worldOf(t, w.Name)
			r := search(t, world)
			for _, a := range r.Actions {
				taken[a.Action] = taken[a.Action] || a.Times > 0
			}
			if w.Violates != "" {
				require.Equal(t, check.Violation, r.Verdict)
				require.Equal(t, w.Violates, r.Invariant)
				require.Equal(t, w.Name, world.Bug)
				caught[world.Bug], broken[r.Invariant] = true, true
				if world.Bug == campaignUnapplied {
					require.Len(t, r.Trace, 20, "no way to it is shorter than that of TestCampaignWithUnappliedChange")
				}
				return
			}
			passed++
			require.Equal(t, check.Pass, r.Verdict, "%s does not hold: %s", r.Invariant, r.Guarantee)
			require.Equal(t, check.NoBug, world.Bug)
			require.Equal(t, w.Distinct, r.Distinct, "distinct states")
			require.Equal(t, w.Generated, r.Generated, "generated states")
			require.NotZero(t, r.Distinct)
		})
	}
	require.Greater(t, passed, 10)
	require.Greater(t, len(broken), 5, "invariants that a variant breaks")
	for _, bug := range Bugs() {
		require.True(t, caught[bug], "no named world has the violation of %s", bug)
	}
	for _, name := range actionNames()[:searched] {
		require.True(t, taken[name], "no named world takes %s", name)
	}
}

// Two leaders of one term, in a group of three from which two members are removed one after the other: the last one left leads
// alone, while one who knows that the first removal is committed, and has not applied it, wins by the vote of one who was removed.
// This is the split brain that etcd-io/raft#456 reports of the library's TLA+ module, whose Timeout lacks the guard of the code.
func TestCampaignWithUnappliedChange(t *testing.T) {
	w := worldOf(t, "campaign-unapplied")
	steps := []string{"DeleteServer(s1, s3)", "AppendEntries(s1, s2, 1..1)", "Receive", "Receive", "AdvanceCommitIndex(s1)", "ApplyConfChange(s1)",
		"DeleteServer(s1, s2)", "AppendEntries(s1, s2, 2..2)", "Receive", "Receive", "AdvanceCommitIndex(s1)", "ApplyConfChange(s1)",
		"StepDownToFollower(s1)", "Timeout(s1)", "BecomeLeader(s1)"}
	k := walk(t, w, steps...)
	require.Equal(t, "{s1}", vars(k)["config[s1]"])
	require.Equal(t, "{s1, s2, s3}", vars(k)["config[s2]"], "s2 has applied neither change")
	require.Equal(t, "1", vars(k)["commit[s2]"], "and knows that the first is committed")
	k = walk(t, w, append(steps, "Timeout(s2)", "RequestVote(s2, s3)", "Receive", "Receive", "BecomeLeader(s2)")...)
	require.Equal(t, "ElectionSafety", k.m.invariants[k.Broken()].Name)

	w.Bug = check.NoBug
	k = walk(t, w, steps...)
	k.Next(func(int, int) bool {
		require.NotEqual(t, "Timeout(s2)", k.Step(), "the guard holds s2 back until it has applied the change")
		return true
	})
}

// Worlds that contradict themselves or do not fit are refused, with the limit.
func TestBadWorlds(t *testing.T) {
	good := worldOf(t, "election")
	for _, c := range []struct {
		change func(*World)
		want   string
	}{
		{func(w *World) { w.Servers = 6 }, "world: servers is 6; expected 1 to 5"},
		{func(w *World) { w.Members = 4 }, "world: members is 4; expected 1 to 3 (servers)"},
		{func(w *World) { w.MaxTerm = 0 }, "world: maxTerm is 0; expected 1 to 6"},
		{func(w *World) { w.Joint = true }, "world: joint is true without changes; expected false"},
		{func(w *World) { w.Bug = "vote" }, `world: bug is "vote"; expected one of none, campaign-unapplied`},
		{func(w *World) { w.Bug = campaignUnapplied }, "world: changes is 0 with the bug campaign-unapplied; expected at least 2"},
		{func(w *World) { w.Bug = sendBeforeDurable }, "world: ready, restarts is false, 0 with the bug send-before-durable"},
	} {
		w := good
		c.change(&w)
		_, err := New(w)
		var wrong *WorldError
		require.ErrorAs(t, err, &wrong)
		require.Contains(t, err.Error(), c.want)
	}
	_, err := read([]byte(`{"servers": 3, "voters": 3}`))
	require.ErrorContains(t, err, "unknown key voters")
}

// What Encode writes is the identity: Load and Encode again give the same bytes, along random walks in every named world and large
// world. Under symmetry it does not depend on the names of the servers.
func TestEncodeIsAnIdentity(t *testing.T) {
	s := Subject()
	for _, named := range append(s.Worlds, s.Large...) {
		var w World
		require.NoError(t, json.Unmarshal(named.Constants, &w))
		m, err := New(w)
		require.NoError(t, err)
		k, other := m.NewMachine().(*machine), m.NewMachine().(*machine)
		seed := uint64(1)
		for range 300 {
			n := 0
			k.Next(func(int, int) bool { n++; return true })
			if n == 0 {
				break
			}
			seed = seed*6364136223846793005 + 1442695040888963407
			pick := int(seed>>33) % n
			k.Next(func(int, int) bool { pick--; return pick >= 0 })
			code := k.Encode(nil)
			require.NoError(t, other.Load(code))
			require.Equal(t, code, other.Encode(nil), named.Name)
			require.Error(t, other.Load(code[:len(code)-1]), "a state that is cut off")
		}
	}
}
