package raft

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/trace"
)

// A checkpoint is the state of a good trace before a line, where there is one alone.
type checkpoint struct {
	at    int
	state any
}

// checkpoints follows a good trace, and returns the last lone state at or before each of its events.
func checkpoints(t *testing.T, k *follower, events []trace.Numbered[event]) []checkpoint {
	t.Helper()
	var points []checkpoint
	places := []any{k.Save()}
	last := checkpoint{0, places[0]}
	for n, e := range events {
		if len(places) == 1 {
			last = checkpoint{n, places[0]}
		}
		points = append(points, last)
		var next []any
		seen := map[string]bool{}
		for _, p := range places {
			k.Restore(p)
			k.Follow(e.Event, func(differs []check.Change) bool {
				if code := string(k.Encode(nil)); len(differs) == 0 && !seen[code] {
					require.Equal(t, -1, k.Broken())
					seen[code] = true
					next = append(next, k.Save())
				}
				return true
			})
		}
		require.NotEmpty(t, next, "line %d", e.Line)
		places = next
	}
	return points
}

func TestMutProbe(t *testing.T) {
	if os.Getenv("MUT") == "" {
		t.Skip()
	}
	lines := example(t)[:700]
	mutate(t, lines)
}

func mutate(t *testing.T, lines []string) {
	wires, _, err := trace.Parse(trace.Lines(strings.NewReader(strings.Join(lines, "\n")), trace.Limits{}), parseWire)
	require.NoError(t, err)
	servers, err := serversOf(wires)
	require.NoError(t, err)
	events, err := servers.events(wires)
	require.NoError(t, err)
	k := newFollower(servers)
	points := checkpoints(t, k, events)
	type cell struct{ made, refused int }
	table := map[string]*cell{}
	accepted := map[string][]int{}
	try := func(kind string, at int, changed ...trace.Numbered[event]) {
		name := kind + " " + events[at].Event.name
		if events[at].Event.hasMsg {
			name += " " + events[at].Event.msg.Kind.String()
		}
		c := table[name]
		if c == nil {
			c = &cell{}
			table[name] = c
		}
		c.made++
		p := points[at]
		k.Restore(p.state)
		rest := append(append(append([]trace.Numbered[event]{}, events[p.at:at]...), changed...), events[min(at+max(1, skipOf(kind)), len(events)):]...)
		r, err := trace.Validate(t.Context(), k.m, k, rest, func(e event) string { return e.text }, trace.Options{})
		require.NoError(t, err)
		if r.Verdict == check.Violation {
			c.refused++
		} else {
			accepted[name] = append(accepted[name], events[at].Line)
		}
	}
	for at := range events {
		e := events[at]
		try("drop", at)
		try("duplicate", at, e, e)
		if at+1 < len(events) {
			try("swap", at, events[at+1], e)
		}
		for _, m := range fieldChanges(wires[at].Event) {
			changed, expected, _ := servers.event(m.w, kindsOf())
			if expected != "" {
				continue // refused when it is read
			}
			try(m.kind, at, trace.Numbered[event]{Line: e.Line, Event: changed})
		}
	}
	var names []string
	for n := range table {
		names = append(names, n)
	}
	sort.Strings(names)
	made, refused := 0, 0
	for _, n := range names {
		c := table[n]
		made += c.made
		refused += c.refused
		if c.refused < c.made {
			fmt.Println(n, c.made, "accepted", c.made-c.refused, accepted[n][:min(12, len(accepted[n]))])
		}
	}
	fmt.Println("made", made, "refused", refused)
}

func skipOf(kind string) int {
	if kind == "swap" {
		return 2
	}
	return 1
}

type changedWire struct {
	kind string
	w    wire
}

// fieldChanges returns the event with one of its fields changed, each in turn.
func fieldChanges(w wire) []changedWire {
	text, _ := json.Marshal(w)
	var all []changedWire
	add := func(kind string, change func(w *wire)) {
		var c wire
		if err := json.Unmarshal(text, &c); err != nil {
			panic(err)
		}
		change(&c)
		all = append(all, changedWire{kind, c})
	}
	other := func(id string) string {
		if id == "2" {
			return "3"
		}
		return "2"
	}
	add("term+1", func(w *wire) { w.State.Term++ })
	add("vote", func(w *wire) { w.State.Vote = other(w.State.Vote) })
	add("commit+1", func(w *wire) { w.State.Commit++ })
	add("log+1", func(w *wire) { w.Log++ })
	add("server", func(w *wire) { w.NID = other(w.NID) })
	for _, role := range []string{"StateFollower", "StateCandidate", "StateLeader", "StatePreCandidate"} {
		if role != w.Role {
			add("role "+role, func(w *wire) { w.Role = role })
		}
	}
	if w.State.Term > 0 {
		add("term-1", func(w *wire) { w.State.Term-- })
	}
	if w.State.Commit > 0 {
		add("commit-1", func(w *wire) { w.State.Commit-- })
	}
	if w.Log > 0 {
		add("log-1", func(w *wire) { w.Log-- })
	}
	if len(w.Conf[0]) > 0 {
		add("conf", func(w *wire) { w.Conf[0] = w.Conf[0][1:] })
	}
	add("outgoing", func(w *wire) { w.Conf[1] = []string{"1"} })
	if w.Msg != nil {
		add("message term+1", func(w *wire) { w.Msg.Term++ })
		add("message index+1", func(w *wire) { w.Msg.Index++ })
		add("message logTerm+1", func(w *wire) { w.Msg.LogTerm++ })
		add("message entries+1", func(w *wire) { w.Msg.Entries++ })
		add("message commit+1", func(w *wire) { w.Msg.Commit++ })
		add("message reject", func(w *wire) { w.Msg.Reject = !w.Msg.Reject })
		add("message rejectHint+1", func(w *wire) { w.Msg.RejectHint++ })
		add("message from", func(w *wire) { w.Msg.From = other(w.Msg.From) })
		add("message to", func(w *wire) { w.Msg.To = other(w.Msg.To) })
		for _, kind := range kindsOf()[w.Name] {
			if kind.String() != w.Msg.Type {
				add("message type", func(w *wire) { w.Msg.Type = kind.String() })
			}
		}
		for _, n := range []struct {
			name  string
			field func(w *wire) *uint64
		}{
			{"term", func(w *wire) *uint64 { return &w.Msg.Term }}, {"index", func(w *wire) *uint64 { return &w.Msg.Index }},
			{"logTerm", func(w *wire) *uint64 { return &w.Msg.LogTerm }}, {"entries", func(w *wire) *uint64 { return &w.Msg.Entries }},
			{"commit", func(w *wire) *uint64 { return &w.Msg.Commit }}, {"rejectHint", func(w *wire) *uint64 { return &w.Msg.RejectHint }},
		} {
			if *n.field(&w) > 0 {
				add("message "+n.name+"-1", func(w *wire) { *n.field(w)-- })
			}
		}
	}
	if w.Prop.Match != nil {
		add("match+1", func(w *wire) { *w.Prop.Match++ })
		add("next+1", func(w *wire) { *w.Prop.Next++ })
	}
	if w.Prop.CC != nil {
		add("newconf", func(w *wire) { w.Prop.CC.NewConf = append(w.Prop.CC.NewConf, "9") })
		if len(w.Prop.CC.Changes) > 0 {
			add("changes server", func(w *wire) { w.Prop.CC.Changes[0].NID = other(w.Prop.CC.Changes[0].NID) })
			add("changes action", func(w *wire) { w.Prop.CC.Changes[0].Action = "AddLearner" })
		}
	}
	return all
}
