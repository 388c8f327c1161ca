package raft

import (
	"compress/gzip"
	"encoding/json"
	"maps"
	"os"
	"slices"
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
		for hidden := 0; len(next) == 0 && hidden < 2; hidden++ {
			var more []any
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
				k.Restore(p)
				k.Hidden(e.Event, func() bool { more = append(more, k.Save()); return true })
			}
			places = more
		}
		require.NotEmpty(t, next, "line %d", e.Line)
		places = next
	}
	return points
}

// harmless are the changes of a line that may go unnoticed, and why: the changed trace is a behaviour of the model, too, and one that
// its lines cannot tell from the first. Of each, by the kind of change and the event, some cases are noticed and some are not.
func harmless() map[string]string {
	lost := "a message that is lost, or one of two alike, is told by no line"
	twice := "the network may deliver a message twice, and sending it twice is no fault"
	other := "another message between the two is like it, under way or delivered before: the network may double it and let it overtake"
	never := "no one receives the message, so nothing depends on what is in it"
	idle := "nothing is made durable, committed or sent that the line before or after does not, too"
	apart := "the two lines are of steps that do not depend on each other"
	return map[string]string{
		"drop Ready": idle, "duplicate Ready": idle, "server Ready": "all that the line tells is true of the other server as well",
		"duplicate Commit": idle, "drop Commit": idle,
		"drop ReceiveAppendEntriesResponse": lost, "drop ReceiveRequestVoteResponse": lost, "drop SendAppendEntriesRequest": lost,
		"drop ReceiveAppendEntriesRequest":       lost,
		"drop ApplyConfChange":                   "the next change of members does to the voters what this one does; or the server does nothing more",
		"drop Replicate":                         "a change that changes no member is appended by the library without a line",
		"drop ChangeConf":                        "the trace ends before the change is applied, and a change that changes no member has no line",
		"duplicate ReceiveAppendEntriesResponse": twice, "duplicate ReceiveRequestVoteRequest": twice, "duplicate ReceiveRequestVoteResponse": twice,
		"duplicate SendAppendEntriesRequest": twice, "duplicate SendRequestVoteRequest": twice, "duplicate ReceiveAppendEntriesRequest": twice,
		"message ReceiveAppendEntriesRequest": other, "message ReceiveAppendEntriesResponse": other, "message ReceiveRequestVoteResponse": other,
		"message SendAppendEntriesRequest": never,
		"next+1 SendAppendEntriesRequest":  "next is the library's flow control, which the model does not have: a leader may send from anywhere",
		"commit InitState":                 "it tells where the log begins in the storage, which the model does not have",
		"commit ApplyConfChange":           "it tells where the log begins in the storage, which the model does not have",
		"duplicate BecomeFollower":         "a server may have been a pre-candidate between the two lines",
		"role Ready":                       "a server may be a pre-candidate until a line says that it is none",
		"role ReceiveRequestVoteRequest":   "a server may be a pre-candidate until a line says that it is none",
		"role ReceiveAppendEntriesRequest": "a server may be a pre-candidate until a line says that it is none",
		"changes action ChangeConf":        "no line tells the learners; the voters are the same",
		"changes server ChangeConf":        "the trace ends before the change is applied",
		"swap ApplyConfChange":             apart, "swap BecomeFollower": apart, "swap Commit": apart, "swap Ready": apart, "swap ReceiveAppendEntriesRequest": apart,
		"swap ReceiveAppendEntriesResponse": apart, "swap ReceiveRequestVoteResponse": apart, "swap ReceiveRequestVoteRequest": apart,
		"swap SendAppendEntriesRequest": apart, "swap SendAppendEntriesResponse": apart, "swap SendRequestVoteRequest": apart, "swap SendRequestVoteResponse": apart,
		"swap Replicate": apart, "swap InitState": apart,
	}
}

// harmlessName is the name of a change in harmless: fields of messages, and steps up and down, are not told apart there.
func harmlessName(kind, event string) string {
	for _, field := range []string{"message", "role", "commit"} {
		if strings.HasPrefix(kind, field) {
			return field + " " + event
		}
	}
	return kind + " " + event
}

// stretch is how many lines behind a changed one are followed: what is to be noticed is noticed there, or the change counts as unnoticed.
const stretch = 40

// Every kind of change of one line of a good trace is noticed, in every case or, where harmless says why, in all but some. Of each
// event, one in stride is changed, and of the events that are rare each.
func TestEveryChangeIsNoticed(t *testing.T) {
	const stride, rare = 20, 4
	f, err := os.Open("testdata/scenario.ndjson.gz")
	require.NoError(t, err)
	defer f.Close()
	text, err := gzip.NewReader(f)
	require.NoError(t, err)
	wires, _, err := trace.Parse(trace.Lines(text, trace.Limits{}), parseWire)
	require.NoError(t, err)
	servers, err := serversOf(wires)
	require.NoError(t, err)
	events, err := servers.events(wires)
	require.NoError(t, err)
	k := newFollower(servers)
	points := checkpoints(t, k, events)

	made, noticed, excused := 0, 0, map[string]int{}
	kinds := map[string][2]int{} // made and noticed
	try := func(kind string, at, replaced int, changed ...trace.Numbered[event]) {
		p := points[at]
		k.Restore(p.state)
		end := min(at+replaced, len(events))
		rest := slices.Concat(events[p.at:at], changed, events[end:min(end+stretch, len(events))])
		r, err := trace.Validate(t.Context(), k.m, k, rest, func(e event) string { return e.text }, trace.Options{})
		require.NoError(t, err)
		made++
		n := kinds[kind]
		n[0]++
		if r.Verdict == check.Violation {
			noticed++
			n[1]++
		} else {
			name := harmlessName(kind, events[at].Event.name)
			excused[name]++
			require.NotEmpty(t, harmless()[name], "line %d: %s of %s goes unnoticed", events[at].Line, kind, events[at].Event.text)
		}
		kinds[kind] = n
	}
	seen := map[string]int{}
	for at := range events {
		e := events[at]
		seen[e.Event.name]++
		if n := seen[e.Event.name]; n > rare && n%stride != 0 {
			continue
		}
		try("drop", at, 1)
		try("duplicate", at, 1, e, e)
		if at+1 < len(events) {
			try("swap", at, 2, events[at+1], e)
		}
		for _, c := range fieldChanges(wires[at].Event) {
			changed, expected, _ := servers.event(c.w, kindsOf())
			if expected != "" { // it is refused when it is read
				made, noticed = made+1, noticed+1
				continue
			}
			try(c.kind, at, 1, trace.Numbered[event]{Line: e.Line, Event: changed})
		}
	}
	t.Logf("%d changes, %d noticed (%.1f %%); unnoticed, and why that is harmless:", made, noticed, 100*float64(noticed)/float64(made))
	for _, name := range slices.Sorted(maps.Keys(excused)) {
		t.Logf("%4d %s: %s", excused[name], name, harmless()[name])
	}
	require.Greater(t, made, 1500)
	require.Greater(t, noticed*100, made*90, "of a hundred changes ninety are noticed")
	// What a server is, and what its own messages say, is noticed always.
	for _, kind := range []string{"term+1", "term-1", "vote", "log+1", "log-1", "conf", "outgoing", "message term+1", "message logTerm+1", "message reject", "message rejectHint+1", "match+1", "newconf"} {
		require.NotZero(t, kinds[kind][0], kind)
		require.Equal(t, kinds[kind][0], kinds[kind][1], kind)
	}
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
		if n := len(w.Prop.CC.NewConf); n > 0 {
			add("newconf", func(w *wire) { w.Prop.CC.NewConf = w.Prop.CC.NewConf[:n-1] })
		}
		if len(w.Prop.CC.Changes) > 0 {
			add("changes server", func(w *wire) { w.Prop.CC.Changes[0].NID = other(w.Prop.CC.Changes[0].NID) })
			if w.Prop.CC.Changes[0].Action == "AddLearner" {
				return all
			}
			add("changes action", func(w *wire) { w.Prop.CC.Changes[0].Action = "AddLearner" })
		}
	}
	return all
}
